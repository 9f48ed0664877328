//! Packing of values as bytes, bytes that are used in place, and arrays of numbers in them.
//!
//! Numbers have a fixed width, so that an array needs no unpacking. Most of a large table is never
//! read, and copying it would cost more than the documents of a small run.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::ops::{Deref, Range};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Serialises a value to bytes.
pub(crate) fn packed(value: &impl Serialize) -> Vec<u8> {
    // Serialising fails only for values of unknown length and for full buffers, which do not occur
    // here.
    postcard::to_stdvec(value).unwrap_or_default()
}

/// Deserialises bytes that this build packed and that a digest has verified.
pub(crate) fn read<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> T {
    take(bytes).0
}

/// Like [`read`], and returns the rest of the bytes.
pub(crate) fn take<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> (T, &'de [u8]) {
    postcard::take_from_bytes(bytes).expect("these bytes were packed by this build")
}

/// A part of shared bytes, of which there are less than 4 GB.
#[derive(Clone, Default)]
pub(crate) struct Bytes {
    all: Arc<[u8]>,
    range: Range<u32>,
}

impl Bytes {
    /// The bytes of `part`, which is a part of `all`.
    pub(crate) fn of_part(all: &Arc<[u8]>, part: &[u8]) -> Bytes {
        if part.is_empty() {
            return Bytes::default();
        }
        let start = (part.as_ptr() as usize - all.as_ptr() as usize) as u32;
        Bytes { all: Arc::clone(all), range: start..start + part.len() as u32 }
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Bytes {
        Bytes { range: 0..bytes.len() as u32, all: bytes.into() }
    }
}

impl Deref for Bytes {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.all[self.range.start as usize..self.range.end as usize]
    }
}

impl PartialEq for Bytes {
    fn eq(&self, other: &Bytes) -> bool {
        **self == **other
    }
}

impl Eq for Bytes {}

impl Hash for Bytes {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.len())
    }
}

/// A value with a fixed number of bytes.
pub(crate) trait Fixed {
    /// The number of bytes.
    const SIZE: usize;

    fn write(&self, to: &mut Vec<u8>);

    /// Reads the value from [`Fixed::SIZE`] bytes.
    fn read(bytes: &[u8]) -> Self;
}

impl Fixed for u32 {
    const SIZE: usize = 4;

    fn write(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.to_le_bytes());
    }

    #[inline]
    fn read(bytes: &[u8]) -> u32 {
        bytes.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
    }
}

/// An array of values in bytes.
pub(crate) struct Array<T> {
    bytes: Bytes,
    values: PhantomData<T>,
}

impl<T> Array<T> {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl<T: Fixed> Array<T> {
    pub(crate) fn of(values: &[T]) -> Array<T> {
        let mut bytes = Vec::with_capacity(T::SIZE * values.len());
        values.iter().for_each(|value| value.write(&mut bytes));
        Array::from(Bytes::from(bytes))
    }

    /// The number of values.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() / T::SIZE
    }

    #[inline]
    pub(crate) fn get(&self, at: usize) -> T {
        T::read(&self.bytes[T::SIZE * at..T::SIZE * (at + 1)])
    }

    /// The values with these indices.
    #[inline]
    pub(crate) fn iter(&self, range: Range<usize>) -> impl Iterator<Item = T> {
        self.bytes[T::SIZE * range.start..T::SIZE * range.end].chunks_exact(T::SIZE).map(T::read)
    }
}

impl<T> From<Bytes> for Array<T> {
    fn from(bytes: Bytes) -> Array<T> {
        Array { bytes, values: PhantomData }
    }
}

impl<T> Default for Array<T> {
    fn default() -> Array<T> {
        Array::from(Bytes::default())
    }
}

impl<T> fmt::Debug for Array<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bytes.fmt(f)
    }
}
