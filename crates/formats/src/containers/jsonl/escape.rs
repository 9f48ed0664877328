//! The inside of JSON strings: reading, writing, and finding a byte of the text in the escaped form.

use std::borrow::Cow;

use crate::ledger::Escapes;

impl Escapes {
    /// Whether a byte of a text is written as an escape.
    fn changes(self, byte: u8) -> bool {
        let (ascii, slash) = match self {
            Escapes::Few => (false, false),
            Escapes::Ascii => (true, false),
            Escapes::Slash => (false, true),
            Escapes::Php => (true, true),
        };
        matches!(byte, b'"' | b'\\' | ..=0x1f) || slash && byte == b'/' || ascii && byte >= 0x80
    }
}

/// All styles, the most common one first.
pub(super) const ESCAPES: [Escapes; 4] =
    [Escapes::Few, Escapes::Ascii, Escapes::Slash, Escapes::Php];

/// A position in the inside of a JSON string, which moves by bytes of the text.
pub(super) struct EscapeCursor<'a> {
    raw: &'a str,
    at: usize,
    /// The byte of the text.
    pub(super) text: usize,
}

impl<'a> EscapeCursor<'a> {
    pub(super) fn new(raw: &'a str) -> EscapeCursor<'a> {
        EscapeCursor { raw, at: 0, text: 0 }
    }

    /// Moves to byte `text` of the text, or to the end, and returns the escaped form of what it
    /// passes.
    pub(super) fn to(&mut self, text: usize) -> &'a str {
        let (bytes, start) = (self.raw.as_bytes(), self.at);
        while self.text < text && self.at < bytes.len() {
            let rest = &bytes[self.at..];
            let wanted = text - self.text;
            let near = &rest[..rest.len().min(wanted)];
            let plain = memchr::memchr(b'\\', near).unwrap_or(near.len());
            self.at += plain;
            self.text += plain;
            if plain < near.len() {
                let (c, length) = escape_at(&bytes[self.at..]).unwrap_or(('\\', 1));
                self.at += length;
                self.text += c.len_utf8();
            }
        }
        self.raw.get(start..self.at).unwrap_or_default()
    }

    /// Moves past `raw`, the escaped form of so many bytes of text. `None` if something else is
    /// there.
    pub(super) fn skip(&mut self, raw: &str, text: usize) -> Option<()> {
        self.raw.get(self.at..)?.starts_with(raw).then(|| {
            self.at += raw.len();
            self.text += text;
        })
    }

    /// The length of the text.
    pub(super) fn text_len(mut self) -> usize {
        self.to(usize::MAX);
        self.text
    }

    /// Moves to the end, and returns the escaped form of what it passes.
    pub(super) fn rest(&mut self) -> &'a str {
        let rest = self.raw.get(self.at..).unwrap_or_default();
        self.at = self.raw.len();
        rest
    }
}

/// The text of a JSON string in its quotes. `None` if an escape is not valid.
pub(super) fn string(json: &str) -> Option<Cow<'_, str>> {
    let raw = json.strip_prefix('"')?.strip_suffix('"')?;
    let bytes = raw.as_bytes();
    let Some(first) = memchr::memchr(b'\\', bytes) else { return Some(Cow::Borrowed(raw)) };
    let mut text = String::with_capacity(raw.len());
    text.push_str(&raw[..first]);
    let mut at = first;
    loop {
        let (c, length) = escape_at(&bytes[at..])?;
        text.push(c);
        at += length;
        match memchr::memchr(b'\\', &bytes[at..]) {
            Some(plain) => {
                text.push_str(&raw[at..at + plain]);
                at += plain;
            }
            None => break,
        }
    }
    text.push_str(&raw[at..]);
    Some(Cow::Owned(text))
}

/// The character of the escape at the start of `bytes`, and the length of the escape. Half of a
/// surrogate pair, which some writers leave where they truncate a text, is read as U+FFFD.
fn escape_at(bytes: &[u8]) -> Option<(char, usize)> {
    let plain = match bytes.get(1)? {
        b'n' => '\n',
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b't' => '\t',
        b'r' => '\r',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'u' => {
            let unit = |at: usize| {
                let digits = std::str::from_utf8(bytes.get(at..at + 4)?).ok()?;
                u16::from_str_radix(digits, 16).ok()
            };
            let first = unit(2)?;
            if let Some(c) = char::from_u32(u32::from(first)) {
                return Some((c, 6));
            }
            let second = bytes.get(6..8).filter(|next| *next == b"\\u").and_then(|_| unit(8));
            let pair = second.and_then(|second| char::decode_utf16([first, second]).next());
            return Some(match pair {
                Some(Ok(c)) => (c, 12),
                _ => (char::REPLACEMENT_CHARACTER, 6),
            });
        }
        _ => return None,
    };
    Some((plain, 2))
}

/// Whether `raw` is `text` escaped in this style.
pub(super) fn is_escaped(text: &str, escapes: Escapes, raw: &str) -> bool {
    // Without escapes, lengths are equal.
    let plain = matches!(escapes, Escapes::Few) && !raw.contains('\\') && raw.len() == text.len();
    plain || escaped(text, escapes) == raw
}

/// The inside of the JSON string for `text`.
pub(super) fn escaped(text: &str, escapes: Escapes) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| escapes.changes(byte)) {
        out.push_str(&rest[..at]);
        let mut chars = rest[at..].chars();
        let c = chars.next().unwrap_or_default();
        match c {
            '"' | '\\' | '/' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            _ => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out
}
