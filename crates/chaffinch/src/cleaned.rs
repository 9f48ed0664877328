//! A cleaned document and its cuts.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use chaffinch_core::{Edit, Fields, Pipeline, Verdict};

use crate::Error;

/// A cleaned document: what is left, what was cut, and how to restore the original.
///
/// It borrows the document that it was made from; [`Cleaned::into_owned`] copies it.
#[derive(Clone)]
pub struct Cleaned<'a> {
    cleaned: chaffinch_core::Cleaned<'a>,
    // For the names of rules.
    pipeline: Pipeline,
    id: Option<Cow<'a, str>>,
}

impl<'a> Cleaned<'a> {
    pub(crate) fn new(
        cleaned: chaffinch_core::Cleaned<'a>,
        pipeline: Pipeline,
        id: Option<&'a str>,
    ) -> Cleaned<'a> {
        Cleaned { cleaned, pipeline, id: id.map(Cow::Borrowed) }
    }

    /// The cleaned text. Empty if the document is not text, such as an image; see
    /// [`Cleaned::output`].
    pub fn text(&self) -> &str {
        self.cleaned.text()
    }

    /// The cleaned text in UTF-8, or the unchanged bytes of a document whose verdict is
    /// [`Failed`](Verdict::Failed).
    pub fn output(&self) -> &[u8] {
        self.cleaned.output()
    }

    /// The decoded text before cleaning, which the spans of cuts refer to. Empty if the document is
    /// not text.
    pub fn source(&self) -> &str {
        self.cleaned.source()
    }

    /// What was removed and replaced, in the order of the text. No two cuts overlap.
    pub fn cuts(&self) -> impl ExactSizeIterator<Item = Cut<'_>> {
        self.cleaned.edits().iter().map(|edit| Cut {
            edit,
            source: self.cleaned.source(),
            pipeline: &self.pipeline,
        })
    }

    /// The facts that were found: title, date, place, section, authors, agency, tags, caption.
    pub fn fields(&self) -> &Fields {
        self.cleaned.fields()
    }

    /// The result: cleaned, unchanged, suspect or failed.
    pub fn verdict(&self) -> Verdict {
        self.cleaned.verdict()
    }

    /// Why the verdict is [`Suspect`](Verdict::Suspect) or [`Failed`](Verdict::Failed).
    pub fn reason(&self) -> Option<&str> {
        self.cleaned.reason()
    }

    /// The stages that could not judge the document, such as a plugin that ran too long. The document was
    /// cleaned without them, and its verdict is [`Suspect`](Verdict::Suspect).
    pub fn failed_stages(&self) -> &[String] {
        self.cleaned.failed_stages()
    }

    /// The id of the document's outlet, if it was given or detected.
    pub fn outlet(&self) -> Option<&str> {
        self.cleaned.outlet().map(|(outlet, _)| outlet)
    }

    /// The name of the encoding of the original, as in the [Encoding Standard].
    ///
    /// [Encoding Standard]: https://encoding.spec.whatwg.org/#names-and-labels
    pub fn encoding(&self) -> &str {
        &self.cleaned.coding().encoding
    }

    /// The name given with [`Input::id`](crate::Input::id).
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The original bytes, made from the output and the cuts.
    ///
    /// # Errors
    /// If the cuts do not fit the output, which would be a bug in this crate or in a custom stage.
    pub fn restore(&self) -> Result<Vec<u8>, Error> {
        Ok(self.cleaned.restore()?)
    }

    /// The same, with its own copy of what it borrows.
    pub fn into_owned(self) -> Cleaned<'static> {
        Cleaned {
            cleaned: self.cleaned.into_owned(),
            pipeline: self.pipeline,
            id: self.id.map(|id| Cow::Owned(id.into_owned())),
        }
    }
}

impl fmt::Debug for Cleaned<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cleaned")
            .field("verdict", &self.verdict())
            .field("outlet", &self.outlet())
            .field("fields", self.fields())
            .field("cuts", &self.cuts().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// A part of a document that was removed or replaced.
#[derive(Clone, Copy)]
pub struct Cut<'a> {
    edit: &'a Edit,
    source: &'a str,
    pipeline: &'a Pipeline,
}

impl<'a> Cut<'a> {
    /// The id of the rule, such as `generic/share-buttons/share`.
    pub fn rule(&self) -> &'a str {
        &self.pipeline.rule(self.edit.rule).id
    }

    /// The name of the rule's stage, such as `share-buttons`.
    pub fn stage(&self) -> &'a str {
        &self.pipeline.rule(self.edit.rule).stage
    }

    /// The text that was cut.
    pub fn text(&self) -> &'a str {
        &self.source[self.span()]
    }

    /// Its place: bytes of [`Cleaned::source`].
    pub fn span(&self) -> Range<usize> {
        self.edit.span.range()
    }

    /// The text that replaces it; mostly empty.
    pub fn replacement(&self) -> &'a str {
        &self.edit.with
    }

    /// How certain it is that the text is boilerplate, from 0 to 100 percent, if the stage
    /// estimates it.
    pub fn confidence(&self) -> Option<u8> {
        self.edit.confidence
    }
}

impl fmt::Debug for Cut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cut")
            .field("rule", &self.rule())
            .field("span", &self.span())
            .field("text", &self.text())
            .field("replacement", &self.replacement())
            .field("confidence", &self.confidence())
            .finish()
    }
}
