//! The classes `Cleaned` and `Cut`.

use std::fmt::Write;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::error::exception;

/// A cleaned document: what is left, what was cut, and how to restore the original.
#[pyclass(module = "chaffinch", frozen)]
pub(crate) struct Cleaned {
    cleaned: chaffinch::Cleaned<'static>,
}

impl Cleaned {
    pub(crate) fn new(cleaned: chaffinch::Cleaned<'static>) -> Cleaned {
        Cleaned { cleaned }
    }

    /// The stages that failed in the document.
    pub(crate) fn failed_stages(&self) -> &[String] {
        self.cleaned.failed_stages()
    }
}

#[pymethods]
impl Cleaned {
    /// The cleaned text. Empty if the document is not text, such as an image.
    #[getter]
    fn text(&self) -> &str {
        self.cleaned.text()
    }

    /// The cleaned text in UTF-8, or the unchanged bytes of a document that failed: what the command
    /// line writes.
    #[getter]
    fn output<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.cleaned.output())
    }

    /// The decoded text before cleaning, which the spans of cuts refer to.
    #[getter]
    fn source(&self) -> &str {
        self.cleaned.source()
    }

    /// What was removed and replaced, in the order of the text. No two cuts overlap.
    #[getter]
    fn cuts(&self) -> Vec<Cut> {
        let source = self.cleaned.source();
        let (mut bytes, mut chars) = (0, 0);
        // Cuts are in order, so each character is counted once.
        let mut chars_before = |byte: usize| {
            chars += source[bytes..byte].chars().count();
            bytes = byte;
            chars
        };
        let cut = |cut: chaffinch::Cut<'_>| {
            let byte_span = cut.span();
            Cut {
                rule: cut.rule().to_owned(),
                stage: cut.stage().to_owned(),
                text: cut.text().to_owned(),
                replacement: cut.replacement().to_owned(),
                span: (chars_before(byte_span.start), chars_before(byte_span.end)),
                byte_span: (byte_span.start, byte_span.end),
                confidence: cut.confidence(),
            }
        };
        self.cleaned.cuts().map(cut).collect()
    }

    /// The facts that were found, by name: title, date, place, section, authors, agency, tags, caption.
    #[getter]
    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let fields = PyDict::new(py);
        for (name, values) in self.cleaned.fields().iter() {
            fields.set_item(name, values)?;
        }
        Ok(fields)
    }

    /// The result: ``"cleaned"``, ``"unchanged"``, ``"suspect"`` (the rules would have removed too
    /// much, so less was removed, or nothing) or ``"failed"`` (not text; passed through unchanged).
    #[getter]
    fn verdict(&self) -> String {
        self.cleaned.verdict().to_string()
    }

    /// Why the verdict is suspect or failed, and which stages written in Python and plugins failed.
    #[getter]
    fn reason(&self) -> Option<&str> {
        self.cleaned.reason()
    }

    /// The id of the document's outlet, if it was given or detected.
    #[getter]
    fn outlet(&self) -> Option<&str> {
        self.cleaned.outlet()
    }

    /// The name of the encoding of the original.
    #[getter]
    fn encoding(&self) -> &str {
        self.cleaned.encoding()
    }

    /// The name that was given with the document.
    #[getter]
    fn id(&self) -> Option<&str> {
        self.cleaned.id()
    }

    /// The original bytes, made from the output and the cuts.
    fn restore<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let original = self.cleaned.restore().map_err(|error| exception(py, &error))?;
        Ok(PyBytes::new(py, &original))
    }

    /// The source with its cuts struck through, for notebooks.
    fn _repr_html_(&self) -> String {
        let source = self.cleaned.source();
        let mut html = String::from("<div style=\"white-space: pre-wrap\">");
        let mut end = 0;
        for cut in self.cleaned.cuts() {
            let span = cut.span();
            escape(&source[end..span.start], &mut html);
            html.push_str("<del style=\"color: #b00020\" title=\"");
            escape(cut.rule(), &mut html);
            if let Some(confidence) = cut.confidence() {
                // Writing to a string cannot fail.
                let _ = write!(html, ", {confidence} %");
            }
            html.push_str("\">");
            escape(cut.text(), &mut html);
            html.push_str("</del>");
            if !cut.replacement().is_empty() {
                html.push_str("<ins>");
                escape(cut.replacement(), &mut html);
                html.push_str("</ins>");
            }
            end = span.end;
        }
        escape(&source[end..], &mut html);
        html.push_str("</div>");
        html
    }

    fn __repr__(&self) -> String {
        let (cuts, verdict) = (self.cleaned.cuts().len(), self.cleaned.verdict());
        format!("<chaffinch.Cleaned {verdict}, {} bytes, {cuts} cuts>", self.cleaned.output().len())
    }
}

/// Adds text to HTML.
fn escape(text: &str, html: &mut String) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            c => html.push(c),
        }
    }
}

/// A part of a document that was removed or replaced.
#[pyclass(module = "chaffinch", frozen, get_all)]
pub(crate) struct Cut {
    /// The id of the rule, such as ``generic/share-buttons/share``.
    rule: String,
    /// The name of the rule's stage, such as ``share-buttons``.
    stage: String,
    /// The text that was cut.
    text: String,
    /// The text that replaces it; mostly empty.
    replacement: String,
    /// Its place in ``Cleaned.source``, in characters: ``source[slice(*cut.span)] == cut.text``.
    span: (usize, usize),
    /// Its place in the UTF-8 bytes of ``Cleaned.source``.
    byte_span: (usize, usize),
    /// How certain it is that the text is boilerplate, from 0 to 100 percent, if the stage estimates
    /// it.
    confidence: Option<u8>,
}

#[pymethods]
impl Cut {
    fn __repr__(&self) -> String {
        let (start, end) = self.span;
        format!("<chaffinch.Cut {start}-{end} {}: {:?}>", self.rule, self.text)
    }
}
