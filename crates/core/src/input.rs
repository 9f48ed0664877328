//! A document to clean, with what is known about it.

/// A document to clean.
#[derive(Clone, Copy, Debug, Default)]
pub struct Input<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Its URL.
    pub url: Option<&'a str>,
    /// Its path, relative to the corpus.
    pub path: Option<&'a str>,
    /// Its date, such as `2024-05-31`. If unknown, it is taken from the URL or a date line. Only
    /// rules with an era need it.
    pub date: Option<&'a str>,
    /// The id of its outlet, which is then not recognised. A document of an unknown outlet is not
    /// cleaned.
    pub outlet: Option<&'a str>,
}
