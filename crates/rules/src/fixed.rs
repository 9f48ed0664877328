//! Serialises arrays of numbers with a fixed width. They take more bytes than varints, but reading
//! them is copying.

use serde::{Deserialize, Deserializer, Serializer};

/// A value of a fixed number of bytes.
pub(crate) trait Fixed: Sized {
    /// Its bytes.
    type Bytes: AsRef<[u8]> + for<'b> TryFrom<&'b [u8]>;

    fn to_bytes(&self) -> Self::Bytes;

    fn from_bytes(bytes: Self::Bytes) -> Self;
}

impl Fixed for u32 {
    type Bytes = [u8; 4];

    fn to_bytes(&self) -> [u8; 4] {
        self.to_le_bytes()
    }

    fn from_bytes(bytes: [u8; 4]) -> u32 {
        u32::from_le_bytes(bytes)
    }
}

pub(crate) fn serialize<T: Fixed, S: Serializer>(all: &[T], to: S) -> Result<S::Ok, S::Error> {
    let mut bytes = Vec::with_capacity(size_of::<T::Bytes>() * all.len());
    all.iter().for_each(|value| bytes.extend_from_slice(value.to_bytes().as_ref()));
    to.serialize_bytes(&bytes)
}

pub(crate) fn deserialize<'de, T: Fixed, D: Deserializer<'de>>(
    from: D,
) -> Result<Box<[T]>, D::Error> {
    let bytes = <&[u8]>::deserialize(from)?;
    let values = bytes.chunks_exact(size_of::<T::Bytes>());
    Ok(values.filter_map(|value| value.try_into().ok()).map(T::from_bytes).collect())
}
