//! JSON Lines: a row's text replaced, a column added, all else left as it is, byte for byte.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use chaffinch_core::{Edit, LedgerEdit};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The column that a run adds.
pub const COLUMN: &str = "chaffinch";

/// Which fields of a record hold what. A name with dots leads into objects.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FieldNames {
    /// The text; the first of these that a row has.
    pub text: Vec<String>,
    /// The document's id.
    pub id: String,
    /// Its URL.
    pub url: String,
    /// Its day.
    pub date: String,
}

impl Default for FieldNames {
    fn default() -> FieldNames {
        let text = ["text", "content", "body"].map(str::to_owned).to_vec();
        FieldNames { text, id: "id".into(), url: "url".into(), date: "date".into() }
    }
}

/// A row that was understood.
#[derive(Debug)]
pub struct Row<'a> {
    row: &'a str,
    field: String,
    /// The document.
    pub text: Cow<'a, str>,
    /// Its id, as text.
    pub id: Option<Cow<'a, str>>,
    /// Its URL.
    pub url: Option<Cow<'a, str>>,
    /// Its day, as it is written.
    pub date: Option<Cow<'a, str>>,
    /// Where the text stands in the row, between its quotes; a null, which is read as no text, has
    /// none.
    text_at: Range<usize>,
    end: usize,
    column: Option<Range<usize>>,
}

/// Why a row is not a document.
#[derive(Debug, PartialEq, Eq)]
pub struct RowError(String);

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a JSON string writes what it could write in several ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Escapes {
    /// Only what must be escaped.
    #[default]
    Few,
    /// All that is not ASCII, as Python's `json.dumps` does.
    Ascii,
    /// As `few`, and `\/`.
    Slash,
    /// As `ascii`, and `\/`, as PHP's `json_encode` does.
    Php,
}

impl Escapes {
    // As serde wants it.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    fn is_few(&self) -> bool {
        *self == Escapes::Few
    }

    /// Whether a byte of a text is not written as it is.
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

const ESCAPES: [Escapes; 4] = [Escapes::Few, Escapes::Ascii, Escapes::Slash, Escapes::Php];

/// What it takes to make a row again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowUndo {
    /// The name of the field that holds the text; `text` if not said.
    #[serde(default = "text", skip_serializing_if = "is_text")]
    pub field: String,
    /// How what was cut was escaped.
    #[serde(default, skip_serializing_if = "Escapes::is_few")]
    pub escapes: Escapes,
    /// Each cut as it stood in the row, where none of the ways to escape gives it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pieces: Vec<String>,
    /// The value that the added column replaced, as it stood in the row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
}

fn text() -> String {
    "text".to_owned()
}

fn is_text(field: &str) -> bool {
    field == "text"
}

impl<'a> Row<'a> {
    /// Understands a row, without its line end. Names with dots lead into objects, unless the row
    /// has a field of that very name.
    ///
    /// # Errors
    /// It is no JSON object with one text in one of the fields.
    pub fn parse(row: &'a [u8], names: &FieldNames) -> Result<Row<'a>, RowError> {
        Row::parse_with(row, names, members)
    }

    fn parse_with(
        row: &'a [u8],
        names: &FieldNames,
        members: fn(&str, Range<usize>) -> Result<Members<'_>, serde_json::Error>,
    ) -> Result<Row<'a>, RowError> {
        let bad = |message: &str| RowError(message.to_owned());
        let row = simdutf8::basic::from_utf8(row).map_err(|_| bad("the row is not UTF-8"))?;
        let all = members(row, 0..row.len())
            .map_err(|error| RowError(format!("the row is not a JSON object: {error}")))?;
        let find = |name: &str| field(row, &all, name, members);
        let is_null = |found: &Field| &row[found.at.clone()] == "null";
        let mut found: Vec<_> =
            names.text.iter().filter_map(|name| Some((name, find(name)?))).collect();
        // A null counts only if no other field has a value.
        let first = found.iter().position(|(_, found)| !is_null(found)).unwrap_or(0);
        if found.is_empty() {
            return Err(RowError(format!("the row has no field `{}`", names.text.join("`, `"))));
        }
        let (name, found) = found.swap_remove(first);
        let twice = |name: &str| all.iter().filter(|(key, _)| key == name).count() > 1;
        if found.twice || twice(COLUMN) {
            return Err(RowError(format!("the row has two fields `{name}` or `{COLUMN}`")));
        }
        let column = all.iter().find(|(key, _)| key == COLUMN).map(|(_, at)| at.clone());
        if column.as_ref().is_some_and(|column| column.contains(&found.at.start)) {
            return Err(RowError(format!("field `{name}` is in the column `{COLUMN}`")));
        }
        let raw = &row[found.at.clone()];
        let null = is_null(&found);
        let text = if null { Some(Cow::Borrowed("")) } else { string(raw) };
        let text = text.ok_or_else(|| {
            let error = serde_json::from_str::<String>(raw).err();
            let error = error.map_or_else(String::new, |error| error.to_string());
            RowError(format!("field `{name}` is not a text: {error}"))
        })?;
        let value = |name: &str| {
            let raw = &row[find(name)?.at];
            string(raw).or_else(|| (raw != "null").then_some(Cow::Borrowed(raw)))
        };
        Ok(Row {
            row,
            field: name.clone(),
            text,
            id: value(&names.id),
            url: value(&names.url),
            date: value(&names.date),
            text_at: if null { found.at } else { found.at.start + 1..found.at.end - 1 },
            end: all.iter().map(|(_, at)| at.end).max().unwrap_or(0),
            column,
        })
    }

    /// Writes the row with its text cut inside its JSON string, and `column` added. What is not cut
    /// stays as it was escaped. Gives what undoes it.
    pub fn rewrite(&self, edits: &[Edit], column: &str, out: &mut Vec<u8>) -> RowUndo {
        let string = &self.row[self.text_at.clone()];
        let mut walk = Walk::new(string);
        let mut pieces = Vec::with_capacity(edits.len());
        let mut kept = Vec::with_capacity(edits.len());
        for edit in edits {
            kept.push(walk.to(edit.span.start()));
            pieces.push(walk.to(edit.span.end()));
        }
        let text_of = |edit: &Edit| &self.text[edit.span.range()];
        let escapes = ESCAPES.into_iter().find(|escapes| {
            let same = |(edit, piece): (&Edit, &&str)| is_escaped(text_of(edit), *escapes, piece);
            edits.iter().zip(&pieces).all(same)
        });
        let odd = if string.is_ascii() { Escapes::Ascii } else { Escapes::Few };
        let style = escapes.unwrap_or(odd);
        let column_at = self.column.clone().unwrap_or(self.end..self.end);
        let put_column = |out: &mut Vec<u8>| {
            if self.column.is_none() {
                out.extend_from_slice(COLUMN_KEY.as_bytes());
            }
            out.extend_from_slice(column.as_bytes());
        };
        let row = self.row.as_bytes();
        let mut from = 0;
        if column_at.start < self.text_at.start {
            out.extend_from_slice(&row[..column_at.start]);
            put_column(out);
            from = column_at.end;
        }
        out.extend_from_slice(&row[from..self.text_at.start]);
        for (edit, kept) in edits.iter().zip(kept) {
            out.extend_from_slice(kept.as_bytes());
            if !edit.with.is_empty() {
                out.extend_from_slice(escaped(&edit.with, style).as_bytes());
            }
        }
        out.extend_from_slice(walk.rest().as_bytes());
        from = self.text_at.end;
        if column_at.start >= self.text_at.end {
            out.extend_from_slice(&row[from..column_at.start]);
            put_column(out);
            from = column_at.end;
        }
        out.extend_from_slice(&row[from..]);
        RowUndo {
            field: self.field.clone(),
            escapes: if edits.is_empty() { Escapes::Few } else { style },
            pieces: match escapes {
                Some(_) => Vec::new(),
                None => pieces.into_iter().map(str::to_owned).collect(),
            },
            column: self.column.clone().map(|at| self.row[at].to_owned()),
        }
    }
}

/// The members of a JSON object in their order: names, and where their values stand.
type Members<'a> = Vec<(Cow<'a, str>, Range<usize>)>;

/// The members of the object that stands at `at`.
fn members(json: &str, at: Range<usize>) -> Result<Members<'_>, serde_json::Error> {
    scan(json, at.clone()).map_or_else(|| parse_members(json, at), Ok)
}

/// The same by way of a JSON parser: for what is odd, and for what is wrong.
fn parse_members(json: &str, at: Range<usize>) -> Result<Members<'_>, serde_json::Error> {
    let ParsedMembers(members) = serde_json::from_str(&json[at])?;
    // A borrowed value is a part of the row: its place is the distance of the two starts.
    let place = |value: &RawValue| {
        let at = value.get().as_ptr() as usize - json.as_ptr() as usize;
        at..at + value.get().len()
    };
    Ok(members.into_iter().map(|(key, value)| (key, place(value))).collect())
}

/// The same in one quick pass; none for whatever is not plain.
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

    /// The next byte that is no space.
    fn next(&mut self) -> Option<u8> {
        self.skip_space();
        self.json.as_bytes().get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then(|| self.at += 1)
    }

    /// A string with its quotes. That its escapes are sound is for its reader to see.
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
            // Nested values are rare: a JSON parser tells where they end.
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
struct Field {
    at: Range<usize>,
    twice: bool,
}

fn field(
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

/// The members of a JSON object in their order, values untouched.
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

/// What the added column begins with where a row had none.
const COLUMN_KEY: &str = ",\"chaffinch\":";

/// A line taken apart: a mark before it, the row, the line's end.
pub(crate) fn dressed(line: &[u8]) -> (&[u8], &[u8], &[u8]) {
    let (mark, rest) = line.split_at(if line.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 });
    let row = rest.strip_suffix(b"\n").map_or(rest, |row| row.strip_suffix(b"\r").unwrap_or(row));
    (mark, row, &rest[row.len()..])
}

/// Makes the original row from the written one and its edits.
///
/// # Errors
/// The row was changed after the run.
pub fn restore_row(
    written: &[u8],
    undo: &RowUndo,
    edits: &[LedgerEdit<'_>],
) -> Result<String, RowError> {
    let names = FieldNames { text: vec![undo.field.clone()], ..FieldNames::default() };
    let row = Row::parse(written, &names)?;
    let changed = || RowError("the cleaned row was changed after the run".into());
    let string = restore_string(&row.row[row.text_at.clone()], undo, edits).ok_or_else(changed)?;
    let column = row.column.clone().ok_or_else(changed)?;
    let column = match &undo.column {
        Some(old) => (column, old.as_str()),
        None => {
            let start = column.start.checked_sub(COLUMN_KEY.len()).ok_or_else(changed)?;
            if !row.row[start..].starts_with(COLUMN_KEY) {
                return Err(changed());
            }
            (start..column.end, "")
        }
    };
    let mut parts = [(row.text_at.clone(), string.as_str()), column];
    parts.sort_by_key(|(place, _)| place.start);
    let mut original = String::with_capacity(row.row.len() + string.len());
    let mut from = 0;
    for (place, with) in parts {
        original.push_str(&row.row[from..place.start]);
        original.push_str(with);
        from = place.end;
    }
    original.push_str(&row.row[from..]);
    Ok(original)
}

/// The inside of a JSON string before it was cut.
fn restore_string(written: &str, undo: &RowUndo, edits: &[LedgerEdit<'_>]) -> Option<String> {
    let style = undo.escapes;
    let mut original = String::with_capacity(written.len());
    let mut walk = Walk::new(written);
    let mut at = 0;
    for (index, edit) in edits.iter().enumerate() {
        let kept = edit.at.checked_sub(at)?;
        let text = walk.text.checked_add(kept)?;
        original.push_str(walk.to(text));
        if walk.text != text {
            return None;
        }
        let with = escaped(&edit.with, style);
        walk.skip(&with, edit.with.len())?;
        match undo.pieces.get(index) {
            Some(piece) => original.push_str(piece),
            None => original.push_str(&escaped(&edit.text, style)),
        }
        at = edit.end();
    }
    original.push_str(walk.rest());
    Some(original)
}

/// Walks the inside of a JSON string by bytes of the text that it stands for.
struct Walk<'a> {
    raw: &'a str,
    at: usize,
    text: usize,
}

impl<'a> Walk<'a> {
    fn new(raw: &'a str) -> Walk<'a> {
        Walk { raw, at: 0, text: 0 }
    }

    /// What stands between here and byte `text` of the text, or the end.
    fn to(&mut self, text: usize) -> &'a str {
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

    /// Steps over `raw`, which stands for so many bytes of text.
    fn skip(&mut self, raw: &str, text: usize) -> Option<()> {
        self.raw.get(self.at..)?.starts_with(raw).then(|| {
            self.at += raw.len();
            self.text += text;
        })
    }

    fn rest(&mut self) -> &'a str {
        let rest = self.raw.get(self.at..).unwrap_or_default();
        self.at = self.raw.len();
        rest
    }
}

/// The text of a JSON string with its quotes.
fn string(json: &str) -> Option<Cow<'_, str>> {
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

/// The escape at the start of `bytes`: the character that it is read as, and its length. Half a
/// surrogate pair, which some writers leave where they cut a text, is read as U+FFFD.
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

/// Whether `raw` is `text` escaped in this way.
fn is_escaped(text: &str, escapes: Escapes, raw: &str) -> bool {
    // What holds nothing to escape is itself.
    let plain = matches!(escapes, Escapes::Few) && !raw.contains('\\') && raw.len() == text.len();
    plain || escaped(text, escapes) == raw
}

/// The inside of the JSON string for `text`.
fn escaped(text: &str, escapes: Escapes) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;
    use chaffinch_core::stage::{RuleId, Span};
    use proptest::prelude::*;

    /// Cuts each line that says "cut" and puts a no-break space right.
    fn edits(text: &str) -> Vec<Edit> {
        let mut edits = Vec::new();
        for (at, found) in text.match_indices("cut\n").chain(text.match_indices('\u{a0}')) {
            let span = Span::new(at, at + found.len());
            let with = if found == "cut\n" { String::new() } else { "\"é/".to_owned() };
            edits.push(Edit { span, rule: RuleId(0), with, confidence: None });
        }
        edits.sort_by_key(|edit| edit.span.start());
        edits
    }

    fn ledger<'a>(text: &'a str, edits: &'a [Edit]) -> Vec<LedgerEdit<'a>> {
        let entry = |edit: &'a Edit| LedgerEdit {
            at: edit.span.start(),
            rule: 0,
            text: text[edit.span.range()].into(),
            with: edit.with.as_str().into(),
            confidence: None,
        };
        edits.iter().map(entry).collect()
    }

    fn round_trip(row: &str) -> String {
        let names = FieldNames::default();
        let parsed = Row::parse(row.as_bytes(), &names).unwrap();
        let edits = edits(&parsed.text);
        let mut written = b"before".to_vec();
        let undo = parsed.rewrite(&edits, r#"{"verdict":"cleaned"}"#, &mut written);
        let written = String::from_utf8(written.split_off(6)).unwrap();
        // The written row holds the cut text, whatever it was escaped like.
        let again = Row::parse(written.as_bytes(), &names).unwrap();
        let mut wanted = parsed.text.to_string();
        for edit in edits.iter().rev() {
            wanted.replace_range(edit.span.range(), &edit.with);
        }
        assert_eq!(again.text, wanted);
        let back = restore_row(written.as_bytes(), &undo, &ledger(&parsed.text, &edits));
        assert_eq!(back.as_deref(), Ok(row));
        written
    }

    #[test]
    fn the_column_that_a_run_adds_holds_no_document() {
        for (field, row) in [
            ("chaffinch.verdict", r#"{"chaffinch":{"verdict":"Share"},"text":"Print"}"#),
            ("chaffinch", r#"{"text":"Print","chaffinch":"Share"}"#),
        ] {
            let names = FieldNames { text: vec![field.into()], ..FieldNames::default() };
            let error = Row::parse(row.as_bytes(), &names).unwrap_err();
            assert_eq!(error.to_string(), format!("field `{field}` is in the column `chaffinch`"));
        }
    }

    #[test]
    fn edits_beyond_all_texts_are_refused() {
        let written = r#"{"text":"Print","chaffinch":{}}"#.as_bytes();
        let undo = RowUndo {
            field: "text".into(),
            escapes: Escapes::Few,
            pieces: Vec::new(),
            column: None,
        };
        let edit = |at, text: &'static str| LedgerEdit {
            at,
            rule: 0,
            text: text.into(),
            with: "P".into(),
            confidence: None,
        };
        // The second is that far behind the first.
        for edits in [vec![edit(6, "x")], vec![edit(0, ""), edit(usize::MAX, "")]] {
            let error = restore_row(written, &undo, &edits).unwrap_err();
            assert_eq!(error.to_string(), "the cleaned row was changed after the run");
        }
    }

    #[test]
    fn all_else_stays_as_it_is() {
        let written = round_trip(r#"{ "n":1.50e3 , "text" : "a\u00e9b\ncut\nc", "url":"x\/y" }"#);
        assert_eq!(
            written,
            r#"{ "n":1.50e3 , "text" : "a\u00e9b\nc", "url":"x\/y","chaffinch":{"verdict":"cleaned"} }"#
        );
    }

    #[test]
    fn every_way_to_escape_comes_back() {
        for row in [
            r#"{"text":"Teheran – 德黑兰 / \"x\"\ncut\n"}"#,
            r#"{"text":"Teheran \u2013 \ud834\udd1e / x\ncut\n\u00a0.\ncut\n"}"#,
            r#"{"text":"cut\n\u2013 \/\u00a0x"}"#,
            r#"{"text":"odd \u0041 é \u00E9 \/ /\u00A0cut\u000a\u000Acut\n"}"#,
            r#"{"chaffinch":{"old": 1},"text":"cut\nagain\u00a0"}"#,
            r#"{"content":"text","chaffinch":null}"#,
            r#"{"text":"cut\n","a":{"b":["\"]}"]},"c":[],"d":-0.5E+3, "e\u0041":null}"#,
            r#"{"body":""}"#,
        ] {
            round_trip(row);
        }
    }

    #[test]
    fn a_null_is_read_as_no_text_and_stays() {
        let written = round_trip(r#"{"text": null, "id": 1}"#);
        assert_eq!(written, r#"{"text": null, "id": 1,"chaffinch":{"verdict":"cleaned"}}"#);
        let written = round_trip(r#"{"text":null,"body":"x\ncut\n","content":null}"#);
        assert!(written.starts_with(r#"{"text":null,"body":"x\n","content":null,"#), "{written}");
    }

    #[test]
    fn half_a_surrogate_pair_stays_as_it_is() {
        for (row, written) in [
            (r#"{"text":"a\ud800b\ncut\nc\uDC00"}"#, r#"{"text":"a\ud800b\nc\uDC00","#),
            (r#"{"text":"\ud834\n\ud834\udd1e\ncut\n"}"#, r#"{"text":"\ud834\n\ud834\udd1e\n","#),
            (r#"{"text":"\udd1e\ud834\ud834x\u0041"}"#, r#"{"text":"\udd1e\ud834\ud834x\u0041","#),
            (
                r#"{"a\ud800":1,"text":"x\ud800","id":"\ud800"}"#,
                r#"{"a\ud800":1,"text":"x\ud800","#,
            ),
            (r#"{"text":"x\ud83d"}"#, r#"{"text":"x\ud83d","#),
        ] {
            assert!(round_trip(row).starts_with(written), "{row}");
        }
        // What is removed comes back as it was, too.
        let row = r#"{"text":"x\ny\ud800\n"}"#;
        let parsed = Row::parse(row.as_bytes(), &FieldNames::default()).unwrap();
        assert_eq!(parsed.text, "x\ny\u{fffd}\n");
        let span = Span::new(2, 7);
        let edit = Edit { span, rule: RuleId(0), with: String::new(), confidence: None };
        let mut written = Vec::new();
        let undo = parsed.rewrite(std::slice::from_ref(&edit), "1", &mut written);
        assert_eq!(std::str::from_utf8(&written), Ok(r#"{"text":"x\n","chaffinch":1}"#));
        let back = restore_row(&written, &undo, &ledger(&parsed.text, &[edit]));
        assert_eq!(back.as_deref(), Ok(row));
    }

    #[test]
    fn rows_that_are_no_documents_say_why() {
        let error = |row: &[u8]| Row::parse(row, &FieldNames::default()).unwrap_err().to_string();
        assert_eq!(error(br#"{"title":"x"}"#), "the row has no field `text`, `content`, `body`");
        assert!(error(br#"{"text":5}"#).starts_with("field `text` is not a text"));
        assert!(error(br#"{"text":"\ud8zz"}"#).starts_with("the row is not a JSON object"));
        assert!(error(br#"["text"]"#).starts_with("the row is not a JSON object"));
        assert_eq!(error(b"{\"text\":\"\xff\"}"), "the row is not UTF-8");
    }

    #[test]
    fn dots_lead_into_objects() {
        let row = r#"{"meta":{"id":7,"page":{"url":"u"}},"doc":{"text":"a\ncut\nb"},"x.y":"z"}"#;
        let names = FieldNames {
            text: vec!["doc.text".into()],
            id: "meta.id".into(),
            url: "meta.page.url".into(),
            date: "x.y".into(),
        };
        let parsed = Row::parse(row.as_bytes(), &names).unwrap();
        assert_eq!((parsed.id.as_deref(), parsed.url.as_deref()), (Some("7"), Some("u")));
        assert_eq!(parsed.date.as_deref(), Some("z"));
        let (edits, mut written) = (edits(&parsed.text), Vec::new());
        let undo = parsed.rewrite(&edits, "1", &mut written);
        let wanted =
            r#"{"meta":{"id":7,"page":{"url":"u"}},"doc":{"text":"a\nb"},"x.y":"z","chaffinch":1}"#;
        assert_eq!(std::str::from_utf8(&written), Ok(wanted));
        let back = restore_row(&written, &undo, &ledger(&parsed.text, &edits));
        assert_eq!(back.as_deref(), Ok(row));
    }

    proptest! {
        #[test]
        fn any_text_comes_back(
            parts in prop::collection::vec(prop_oneof!["\\PC*", Just("cut\n".into()), Just("\u{a0}".into()), any::<String>()], 0..8),
            other: String,
        ) {
            let text = parts.concat();
            let row = serde_json::json!({"other": other, "text": text, "n": [1, {"text": 2}]}).to_string();
            round_trip(&row);
            let quoted = serde_json::Value::from(text.as_str()).to_string();
            prop_assert_eq!(format!("\"{}\"", escaped(&text, Escapes::Few)), quoted);
            for style in ESCAPES {
                round_trip(&format!("{{\"text\":\"{}\"}}", escaped(&text, style)));
            }
        }

        /// The quick pass and the parser see the same in whatever is not refused.
        #[test]
        fn both_ways_see_the_same(
            parts in prop::collection::vec(prop::sample::select(vec![
                "{", "}", "[", "]", "\"", "\"text\"", ":", ",", "\\", "\\n", "\\u00e9", "\\ud834\\udd1e", "\\ud800",
                "\\x", " ", "\t", "\n", "1", "-0", "01", "1.5e9", "null", "true", "nul", "é", "\u{1}", "\"id\":7,", "\"a\":",
            ]), 0..14),
            whole: bool,
        ) {
            let body = parts.concat();
            let row = if whole { format!("{{\"text\":\"a\"{body}}}") } else { body };
            let names = FieldNames::default();
            let quick = Row::parse_with(row.as_bytes(), &names, members);
            let slow = Row::parse_with(row.as_bytes(), &names, parse_members);
            prop_assert_eq!(format!("{quick:?}"), format!("{slow:?}"));
        }
    }
}
