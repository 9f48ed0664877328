//! Any bytes, decoded with or without a declared encoding and encoded back.

use chaffinch_core::{Encoding, decode, encode};

const DECLARED: &[&str] = &[
    "",
    "utf-8",
    "utf-16le",
    "utf-16be",
    "shift_jis",
    "gb18030",
    "gbk",
    "euc-kr",
    "euc-jp",
    "big5",
    "iso-2022-jp",
    "windows-1252",
    "windows-1256",
    "koi8-r",
    "iso-8859-8",
    "x-user-defined",
];

/// The first byte selects the declared encoding; the rest is the document.
pub(crate) fn run(data: &[u8]) {
    let Some((first, bytes)) = data.split_first() else { return };
    let label = DECLARED[usize::from(*first) % DECLARED.len()];
    let Ok(decoded) = decode(bytes, Encoding::for_label(label.as_bytes())) else { return };
    let back = encode(&decoded.text, &decoded.coding, &decoded.patches);
    assert!(back.as_deref() == Some(bytes), "{label}: {:?}", decoded.coding);
}
