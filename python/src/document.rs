//! Documents as Python passes them.

use chaffinch::{Cleaner, Input};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyString};

use crate::cleaned::Cleaned;
use crate::stage::interruptible;

/// A document with what is known of it, copied from Python.
pub(crate) struct Document {
    pub(crate) body: Body,
    pub(crate) url: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) path: Option<String>,
    pub(crate) date: Option<String>,
    pub(crate) outlet: Option<String>,
}

/// What is cleaned.
pub(crate) enum Body {
    Text(String),
    Bytes(Vec<u8>),
}

impl Document {
    /// A document, or an object of the class `Input`.
    pub(crate) fn of(object: &Bound<'_, PyAny>) -> PyResult<Document> {
        if let Some(body) = Body::of(object)? {
            let none = None::<String>;
            let (url, id, path, date, outlet) =
                (none.clone(), none.clone(), none.clone(), none.clone(), none);
            return Ok(Document { body, url, id, path, date, outlet });
        }
        let class = object.py().import("chaffinch._types")?.getattr("Input")?;
        if !object.is_instance(&class)? {
            let found = object.get_type().name()?;
            return Err(PyTypeError::new_err(format!(
                "a document is a str, bytes, a bytearray or an Input, not {found}"
            )));
        }
        let body = object.getattr("document")?;
        let field = |name: &str| object.getattr(name)?.extract::<Option<String>>();
        Ok(Document {
            body: Body::required(&body)?,
            url: field("url")?,
            id: field("id")?,
            path: field("path")?,
            date: field("date")?,
            outlet: field("outlet")?,
        })
    }

    /// Whether an object is a document, and not an iterable of documents.
    pub(crate) fn is_one(object: &Bound<'_, PyAny>) -> PyResult<bool> {
        let class = object.py().import("chaffinch._types")?.getattr("Input")?;
        Ok(object.is_instance_of::<PyString>()
            || object.is_instance_of::<PyBytes>()
            || object.is_instance_of::<PyByteArray>()
            || object.is_instance(&class)?)
    }

    /// Its length in bytes.
    pub(crate) fn len(&self) -> usize {
        match &self.body {
            Body::Text(text) => text.len(),
            Body::Bytes(bytes) => bytes.len(),
        }
    }

    /// Cleans it.
    ///
    /// # Errors
    /// A stage written in Python raised an exception that ends programs.
    pub(crate) fn clean(&self, cleaner: &Cleaner) -> PyResult<Cleaned> {
        let mut input = match &self.body {
            Body::Text(text) => Input::new(text),
            Body::Bytes(bytes) => Input::new(bytes),
        };
        if let Some(url) = &self.url {
            input = input.url(url);
        }
        if let Some(id) = &self.id {
            input = input.id(id);
        }
        if let Some(path) = &self.path {
            input = input.path(path);
        }
        if let Some(date) = &self.date {
            input = input.date(date);
        }
        if let Some(outlet) = &self.outlet {
            input = input.outlet(outlet);
        }
        interruptible(|| cleaner.clean(input).into_owned()).map(Cleaned::new)
    }
}

impl Body {
    /// None if the object is neither text nor bytes.
    fn of(object: &Bound<'_, PyAny>) -> PyResult<Option<Body>> {
        Ok(if let Ok(text) = object.cast::<PyString>() {
            Some(Body::Text(text.to_cow()?.into_owned()))
        } else if let Ok(bytes) = object.cast::<PyBytes>() {
            Some(Body::Bytes(bytes.as_bytes().to_vec()))
        } else if let Ok(bytes) = object.cast::<PyByteArray>() {
            Some(Body::Bytes(bytes.to_vec()))
        } else {
            None
        })
    }

    /// Text or bytes.
    pub(crate) fn required(object: &Bound<'_, PyAny>) -> PyResult<Body> {
        let found = object.get_type().name()?;
        Body::of(object)?.ok_or_else(|| {
            PyTypeError::new_err(format!("a document is a str, bytes or a bytearray, not {found}"))
        })
    }
}
