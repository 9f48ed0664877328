//! Files: their names, compression, and how they are read and written.

pub(crate) mod codec;
pub(crate) mod derived;
pub(crate) mod names;
pub(crate) mod output;
pub(crate) mod source;
pub(crate) mod store;
