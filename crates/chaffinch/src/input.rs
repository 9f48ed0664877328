//! A document to be cleaned, with what is known of it.

use chaffinch_core::Input as CoreInput;

/// A document to be cleaned: its text or bytes, and what is known of it.
///
/// A `&str` is cleaned as it is; bytes are decoded first. Everything else is optional.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    pub(crate) text: Option<&'a str>,
    pub(crate) input: CoreInput<'a>,
    pub(crate) id: Option<&'a str>,
}

impl<'a> Input<'a> {
    /// A document of which nothing but its text or bytes is known.
    pub fn new(document: impl Into<Input<'a>>) -> Input<'a> {
        document.into()
    }

    /// Its URL, which identifies the outlet.
    pub fn url(mut self, url: &'a str) -> Input<'a> {
        self.input.url = Some(url);
        self
    }

    /// Its path relative to the corpus, which can identify the outlet as well.
    pub fn path(mut self, path: &'a str) -> Input<'a> {
        self.input.path = Some(path);
        self
    }

    /// The day it was published, such as `2024-05-31`, for rules that apply to a period. If it is
    /// not given, it is looked for in the URL and in the text.
    pub fn date(mut self, date: &'a str) -> Input<'a> {
        self.input.date = Some(date);
        self
    }

    /// The id of its outlet, which is then not detected. A document of an unknown outlet passes
    /// through unchanged, with the verdict [`Failed`](crate::Verdict::Failed).
    pub fn outlet(mut self, outlet: &'a str) -> Input<'a> {
        self.input.outlet = Some(outlet);
        self
    }

    /// A name of your own, which [`Cleaned::id`](crate::Cleaned::id) returns.
    pub fn id(mut self, id: &'a str) -> Input<'a> {
        self.id = Some(id);
        self
    }
}

impl<'a> From<&'a str> for Input<'a> {
    fn from(text: &'a str) -> Input<'a> {
        Input { text: Some(text), input: CoreInput::default(), id: None }
    }
}

impl<'a> From<&'a String> for Input<'a> {
    fn from(text: &'a String) -> Input<'a> {
        Input::from(text.as_str())
    }
}

impl<'a> From<&'a [u8]> for Input<'a> {
    fn from(bytes: &'a [u8]) -> Input<'a> {
        Input { text: None, input: CoreInput { bytes, ..CoreInput::default() }, id: None }
    }
}

impl<'a> From<&'a Vec<u8>> for Input<'a> {
    fn from(bytes: &'a Vec<u8>) -> Input<'a> {
        Input::from(bytes.as_slice())
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Input<'a> {
    fn from(bytes: &'a [u8; N]) -> Input<'a> {
        Input::from(bytes.as_slice())
    }
}
