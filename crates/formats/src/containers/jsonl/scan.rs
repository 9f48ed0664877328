//! Finds the members of a JSON object and the byte ranges of their values.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::escape::string;

/// The members of a JSON object in order: names, and the ranges of their values.
pub(super) type Members<'a> = Vec<(Cow<'a, str>, Range<usize>)>;

/// The members of the object at `at`.
pub(super) fn members(json: &str, at: Range<usize>) -> Result<Members<'_>, serde_json::Error> {
    scan(json, at.clone()).map_or_else(|| parse_members(json, at), Ok)
}

/// As [`members`], with a JSON parser: for unusual objects and for errors.
pub(super) fn parse_members(
    json: &str,
    at: Range<usize>,
) -> Result<Members<'_>, serde_json::Error> {
    let ParsedMembers(members) = serde_json::from_str(&json[at])?;
    // A borrowed value is a part of the row: its offset is the distance of the two starts.
    let range = |value: &RawValue| {
        let at = value.get().as_ptr() as usize - json.as_ptr() as usize;
        at..at + value.get().len()
    };
    Ok(members.into_iter().map(|(key, value)| (key, range(value))).collect())
}

/// As [`members`], in one fast pass. `None` for anything unusual.
fn scan(json: &str, at: Range<usize>) -> Option<Members<'_>> {
    let mut scan = Scan { json: &json[..at.end], at: at.start };
    let mut members = Vec::with_capacity(8);
    scan.expect(b'{')?;
    if scan.next()? == b'}' {
        scan.at += 1;
    } else {
        loop {
            let key = scan.string()?;
            let key = string(&json[key])?;
            scan.expect(b':')?;
            members.push((key, scan.value()?));
            match scan.next()? {
                b',' => scan.at += 1,
                b'}' => break,
                _ => return None,
            }
            scan.next()?;
        }
        scan.at += 1;
    }
    scan.skip_space();
    (scan.at == at.end).then_some(members)
}

struct Scan<'a> {
    json: &'a str,
    at: usize,
}

impl Scan<'_> {
    fn skip_space(&mut self) {
        let space = |b: &&u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r');
        self.at += self.json.as_bytes()[self.at..].iter().take_while(space).count();
    }

    /// The next byte that is not a space.
    fn next(&mut self) -> Option<u8> {
        self.skip_space();
        self.json.as_bytes().get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then(|| self.at += 1)
    }

    /// A string with its quotes. Surrogate pairs in it are not checked.
    fn string(&mut self) -> Option<Range<usize>> {
        let bytes = self.json.as_bytes();
        let start = self.at;
        if bytes.get(start) != Some(&b'"') {
            return None;
        }
        let mut at = start + 1;
        loop {
            at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
            if bytes[at] == b'"' {
                break;
            }
            let length = match bytes.get(at + 1)? {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 2,
                b'u' if bytes.get(at + 2..at + 6)?.iter().all(u8::is_ascii_hexdigit) => 6,
                _ => return None,
            };
            at += length;
        }
        let control = bytes[start..at].iter().fold(false, |any, &b| any | (b < b' '));
        self.at = at + 1;
        (!control).then_some(start..at + 1)
    }

    fn value(&mut self) -> Option<Range<usize>> {
        let start = match self.next()? {
            b'"' => return self.string(),
            _ => self.at,
        };
        let bytes = self.json.as_bytes();
        if matches!(bytes[start], b'{' | b'[') {
            // Nested values are rare: a JSON parser finds their end.
            let mut values = serde_json::Deserializer::from_str(&self.json[start..])
                .into_iter::<serde::de::IgnoredAny>();
            values.next()?.ok()?;
            self.at = start + values.byte_offset();
            return Some(start..self.at);
        }
        let part = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
        let length = bytes[start..].iter().take_while(part).count();
        self.at = start + length;
        let value = &self.json[start..self.at];
        let plain = matches!(value, "null" | "true" | "false")
            || serde_json::from_str::<&RawValue>(value).is_ok();
        plain.then_some(start..self.at)
    }
}

/// A field of a row.
pub(super) struct Field {
    /// The range of its value.
    pub(super) at: Range<usize>,
    /// Whether the row has it twice.
    pub(super) twice: bool,
}

/// The field with this name; a name with dots leads into objects, unless a member has that name.
pub(super) fn field(
    row: &str,
    all: &Members<'_>,
    name: &str,
    members: fn(&str, Range<usize>) -> Result<Members<'_>, serde_json::Error>,
) -> Option<Field> {
    let mut named = all.iter().filter(|(key, _)| key == name);
    if let Some((_, at)) = named.next() {
        return Some(Field { at: at.clone(), twice: named.next().is_some() });
    }
    let (first, rest) = name.split_once('.')?;
    let (_, at) = all.iter().find(|(key, _)| key == first)?;
    let inner = row[at.clone()].starts_with('{').then(|| members(row, at.clone()).ok())??;
    field(row, &inner, rest, members)
}

/// The members of a JSON object in order, values unparsed.
struct ParsedMembers<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for ParsedMembers<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = ParsedMembers<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((Key(key), value)) = map.next_entry()? {
                    members.push((key, value));
                }
                Ok(ParsedMembers(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl<'de> Visitor<'de> for Bytes {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_bytes<E>(self, key: &'de [u8]) -> Result<Self::Value, E> {
                Ok(Key(String::from_utf8_lossy(key)))
            }

            fn visit_bytes<E>(self, key: &[u8]) -> Result<Self::Value, E> {
                let mut key = key.to_vec();
                // The parser writes half a surrogate pair as if it were a character.
                for at in 0..key.len().saturating_sub(2) {
                    if key[at] == 0xed && key[at + 1] >= 0xa0 {
                        key[at..at + 3].copy_from_slice("\u{fffd}".as_bytes());
                    }
                }
                Ok(Key(Cow::Owned(String::from_utf8_lossy(&key).into_owned())))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}
