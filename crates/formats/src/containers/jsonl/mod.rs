//! JSON Lines: a record is a line with a JSON object that has a text in one of its fields.
//!
//! The text is changed inside its JSON string and a column is added or replaced. Every other byte
//! stays as it is: fields, their order, spaces, numbers, and the escapes of the kept text.

mod escape;
mod scan;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use chaffinch_core::{Cleaned, Edit, LedgerEdit};
use serde::de::IgnoredAny;

use super::format::{
    COLUMN, Detected, FieldNames, Frame, Head, Kind, ParsedRecord, RecordFormat, Skip, Stretch,
    Text, named,
};
use crate::containers::reason::Reason;
use crate::ledger::Record;
use crate::ledger::{Escapes, RowUndo};
use escape::{ESCAPES, EscapeCursor, escaped, is_escaped, string};
use scan::{Field, Members, field, members};

/// The format of a file of JSON Lines.
struct Jsonl {
    names: FieldNames,
}

/// The format of the file that begins with `head`.
pub(super) fn open(head: &Head<'_>) -> Result<Arc<dyn RecordFormat>, Reason> {
    let utf_16 = match head.bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16"),
        [b'{', 0, ..] => Some("UTF-16LE"),
        [0, b'{', ..] => Some("UTF-16BE"),
        _ => None,
    };
    if let Some(encoding) = utf_16 {
        let reason = format!(
            "it is JSON Lines in UTF-16; convert it to UTF-8 first, for example with \
             `iconv -f {encoding} -t UTF-8`"
        );
        return Err(reason.into());
    }
    Ok(Arc::new(Jsonl { names: head.names.clone() }))
}

impl RecordFormat for Jsonl {
    fn unit(&self) -> &'static str {
        "lines"
    }

    fn frame(&self, bytes: &[u8], _: u64, ended: bool) -> Frame {
        match memchr::memchr(b'\n', bytes) {
            Some(at) => Frame::Whole(at + 1),
            None if ended => Frame::Whole(bytes.len()),
            None => Frame::NeedsEnd(Stretch::Long(0)),
        }
    }

    fn skip(&self, stretch: Stretch, _: u64, _: u64, bytes: &[u8], _: bool) -> Option<Skip> {
        let end = memchr::memchr(b'\n', bytes).map(|at| at + 1);
        Some(Skip { bytes: end.unwrap_or(bytes.len()), ends: end.is_some(), stretch })
    }

    fn kind(&self, record: &[u8], _: u64) -> Kind {
        if record.trim_ascii().is_empty() { Kind::Blank } else { Kind::Document }
    }

    fn parse<'a>(&'a self, record: &'a [u8]) -> Result<Option<Box<dyn ParsedRecord + 'a>>, Reason> {
        let (mark, row, end) = split_line(record);
        Ok(Some(Box::new(Line { mark, row: Row::parse(row, &self.names)?, end })))
    }

    fn restore(&self, record: &Record<'_>, written: &[u8]) -> Result<Vec<u8>, Reason> {
        let undo = record.row.as_ref().ok_or("the ledger does not say how to restore it")?;
        let (mark, row, end) = split_line(written);
        let row = restore_row(row, undo, &record.undo.edits)?;
        Ok([mark, row.as_bytes(), end].concat())
    }
}

/// A line with a row.
struct Line<'a> {
    /// A byte order mark.
    mark: &'a [u8],
    row: Row<'a>,
    /// The line ending.
    end: &'a [u8],
}

impl ParsedRecord for Line<'_> {
    fn text(&self) -> Text<'_> {
        Text::Decoded(&self.row.text)
    }

    fn id(&self) -> Option<Cow<'_, str>> {
        self.row.id.as_deref().map(Cow::Borrowed)
    }

    fn url(&self) -> Option<Cow<'_, str>> {
        self.row.url.as_deref().map(Cow::Borrowed)
    }

    fn date(&self) -> Option<Cow<'_, str>> {
        self.row.date.as_deref().map(Cow::Borrowed)
    }

    fn field(&self, name: &str) -> Option<String> {
        let row: serde_json::Value = serde_json::from_str(self.row.row).ok()?;
        match row.get(name)? {
            serde_json::Value::String(text) => Some(text.clone()),
            other => serde_json::to_string(other).ok(),
        }
    }

    fn rewrite(
        &self,
        cleaned: &Cleaned<'_>,
        column: &str,
        record: &mut Record<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Reason> {
        out.extend_from_slice(self.mark);
        record.row = Some(self.row.rewrite(cleaned.edits(), column, out)?);
        record.in_container = false;
        out.extend_from_slice(self.end);
        Ok(())
    }
}

/// A parsed row.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    row: &'a str,
    field: String,
    /// The document.
    pub(crate) text: Cow<'a, str>,
    id: Option<Cow<'a, str>>,
    url: Option<Cow<'a, str>>,
    date: Option<Cow<'a, str>>,
    /// The range of the text in the row, inside its quotes. For a null, which is read as an empty
    /// text, the range of the null.
    text_at: Range<usize>,
    /// The byte after the last member.
    end: usize,
    /// The range of the value of [`COLUMN`].
    column: Option<Range<usize>>,
}

impl<'a> Row<'a> {
    /// Parses a row without its line ending. The error is the reason why the row is not a document.
    pub(crate) fn parse(row: &'a [u8], names: &FieldNames) -> Result<Row<'a>, Reason> {
        Row::parse_with(row, names, members)
    }

    fn parse_with(
        row: &'a [u8],
        names: &FieldNames,
        members: fn(&str, Range<usize>) -> Result<Members<'_>, serde_json::Error>,
    ) -> Result<Row<'a>, Reason> {
        let row = simdutf8::basic::from_utf8(row).map_err(|_| "the row is not UTF-8")?;
        let all = members(row, 0..row.len()).map_err(|error| invalid(row.as_bytes(), &error))?;
        let find = |name: &str| field(row, &all, name, members);
        let is_null = |found: &Field| &row[found.at.clone()] == "null";
        let mut found: Vec<_> =
            names.text.iter().filter_map(|name| Some((name, find(name)?))).collect();
        // A null counts only if no other field has a value.
        let first = found.iter().position(|(_, found)| !is_null(found)).unwrap_or(0);
        if found.is_empty() {
            return Err(missing(&names.text, all.iter().map(|(name, _)| name.as_ref())).into());
        }
        let (name, found) = found.swap_remove(first);
        let twice = |name: &str| all.iter().filter(|(key, _)| key == name).count() > 1;
        let double = [(name.as_str(), found.twice), (COLUMN, twice(COLUMN))];
        if let Some((name, _)) = double.into_iter().find(|(_, twice)| *twice) {
            return Err(format!("the row has two fields `{name}`").into());
        }
        let column = all.iter().find(|(key, _)| key == COLUMN).map(|(_, at)| at.clone());
        if column.as_ref().is_some_and(|column| column.contains(&found.at.start)) {
            return Err(format!("field `{name}` is in the column `{COLUMN}`").into());
        }
        let raw = &row[found.at.clone()];
        let null = is_null(&found);
        let text = if null { Some(Cow::Borrowed("")) } else { string(raw) };
        let text = text.ok_or_else(|| {
            let kind = match raw.as_bytes().first() {
                Some(b'{') => "an object",
                Some(b'[') => "a list",
                Some(b't' | b'f') => "true or false",
                Some(b'"') => "a text with an invalid escape",
                _ => "a number",
            };
            format!("field `{name}` is {kind}, not a text")
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

    /// Appends the row to `out`, with `edits` made inside the JSON string of its text and `column`
    /// added. The kept text keeps its escapes. Returns how to undo the change, or why it cannot be
    /// made.
    pub(crate) fn rewrite(
        &self,
        edits: &[Edit],
        column: &str,
        out: &mut Vec<u8>,
    ) -> Result<RowUndo, Reason> {
        let string = &self.row[self.text_at.clone()];
        let mut cursor = EscapeCursor::new(string);
        let mut pieces = Vec::with_capacity(edits.len());
        let mut kept = Vec::with_capacity(edits.len());
        for edit in edits {
            kept.push(cursor.to(edit.span.start()));
            pieces.push(cursor.to(edit.span.end()));
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
        let written_at = out.len();
        for (edit, kept) in edits.iter().zip(kept) {
            out.extend_from_slice(kept.as_bytes());
            if !edit.with.is_empty() {
                out.extend_from_slice(escaped(&edit.with, style).as_bytes());
            }
        }
        out.extend_from_slice(cursor.rest().as_bytes());
        if self.text.contains(char::REPLACEMENT_CHARACTER) {
            let written = String::from_utf8_lossy(&out[written_at..]);
            let removed: usize = edits.iter().map(|edit| edit.span.len()).sum();
            let added: usize = edits.iter().map(|edit| edit.with.len()).sum();
            if EscapeCursor::new(&written).text_len() != self.text.len() - removed + added {
                return Err(JOINED.into());
            }
        }
        from = self.text_at.end;
        if column_at.start >= self.text_at.end {
            out.extend_from_slice(&row[from..column_at.start]);
            put_column(out);
            from = column_at.end;
        }
        out.extend_from_slice(&row[from..]);
        Ok(RowUndo {
            field: self.field.clone(),
            escapes: if edits.is_empty() { Escapes::Few } else { style },
            pieces: match escapes {
                Some(_) => Vec::new(),
                None => pieces.into_iter().map(str::to_owned).collect(),
            },
            column: self.column.clone().map(|at| self.row[at].to_owned()),
        })
    }
}

/// Why a row cannot hold a cleaned text.
const JOINED: &str = "a cut would join two halves of surrogate pairs, such as `\\ud83d` and `\\ude00`, \
                      into one character";

/// What precedes the value of the added column.
const COLUMN_KEY: &str = ",\"chaffinch\":";

/// Splits a line into a byte order mark, the row, and the line ending.
fn split_line(line: &[u8]) -> (&[u8], &[u8], &[u8]) {
    let (mark, rest) = line.split_at(if line.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 });
    let row = rest.strip_suffix(b"\n").map_or(rest, |row| row.strip_suffix(b"\r").unwrap_or(row));
    (mark, row, &rest[row.len()..])
}

/// The original of a written row.
pub(crate) fn restore_row(
    written: &[u8],
    undo: &RowUndo,
    edits: &[LedgerEdit<'_>],
) -> Result<String, Reason> {
    let names = FieldNames { text: vec![undo.field.clone()], ..FieldNames::default() };
    let row = Row::parse(written, &names)?;
    let changed = || "the cleaned row was changed after the run";
    let string = restore_string(&row.row[row.text_at.clone()], undo, edits).ok_or_else(changed)?;
    let column = row.column.clone().ok_or_else(changed)?;
    let column = match &undo.column {
        Some(old) => (column, old.as_str()),
        None => {
            let start = column.start.checked_sub(COLUMN_KEY.len()).ok_or_else(changed)?;
            if !row.row[start..].starts_with(COLUMN_KEY) {
                return Err(changed().into());
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

/// The inside of the JSON string of a text before the edits. `None` if it was changed after them.
fn restore_string(written: &str, undo: &RowUndo, edits: &[LedgerEdit<'_>]) -> Option<String> {
    let style = undo.escapes;
    let mut original = String::with_capacity(written.len());
    let mut cursor = EscapeCursor::new(written);
    let mut at = 0;
    for (index, edit) in edits.iter().enumerate() {
        let kept = edit.at.checked_sub(at)?;
        let text = cursor.text.checked_add(kept)?;
        original.push_str(cursor.to(text));
        if cursor.text != text {
            return None;
        }
        let with = escaped(&edit.with, style);
        cursor.skip(&with, edit.with.len())?;
        match undo.pieces.get(index) {
            Some(piece) => original.push_str(piece),
            None => original.push_str(&escaped(&edit.text, style)),
        }
        at = edit.end();
    }
    original.push_str(cursor.rest());
    Some(original)
}

/// Detects JSON Lines, and JSON that is not read.
pub(super) fn detect(head: &Head<'_>) -> Option<Detected> {
    let rows = named(head.name, &["jsonl", "ndjson"]);
    json(head.text(), head.ended, rows, head.names).or_else(|| rows.then_some(Ok(())))
}

/// Detects JSON. `None` for anything else. `rows` says that the file is named like JSON Lines.
fn json(text: &[u8], ended: bool, rows: bool, names: &FieldNames) -> Option<Detected> {
    let inside = text.get(1..)?.trim_ascii_start().first();
    let is_array = match (text[0], inside) {
        (b'{', Some(b'"')) => false,
        (b'[', Some(b'{' | b'[' | b'"')) => true,
        _ => return None,
    };
    let array = || {
        Some(Err("it is a JSON array, which is not supported; convert it to JSON Lines first, for example \
             with `jq -c '.[]'`"
            .into()))
    };
    let newline = memchr::memchr(b'\n', text);
    let first = &text[..newline.unwrap_or(text.len())];
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<IgnoredAny>();
    let value = values.next()?;
    if value.is_ok() && values.byte_offset() <= first.len() {
        let more = newline.is_some_and(|at| !text[at..].trim_ascii().is_empty());
        return match is_array {
            true if rows && more => None,
            true => array(),
            false => Some(objects(text, rows, names)),
        };
    }
    // The first value continues on the next line, or after the head.
    let cut_off = match value {
        Ok(_) => false,
        Err(error) if error.is_eof() => true,
        Err(_) => return None,
    };
    match (is_array, newline) {
        // A text may begin like a list of texts.
        (true, _) if cut_off && inside == Some(&b'"') => None,
        (true, _) => array(),
        (false, None) => (!ended).then_some(Ok(())),
        (false, Some(_)) => {
            Some(Err("it is JSON with values over several lines, which is not supported; convert it to JSON \
             Lines first, for example with `jq -c .`"
                .into()))
        }
    }
}

/// Lines of JSON objects: rows, if one of them has a text.
fn objects(text: &[u8], rows: bool, names: &FieldNames) -> Detected {
    let is_row = |line: &[u8]| Row::parse(line.trim_ascii(), names).is_ok();
    let mut lines = text.split(|byte| *byte == b'\n');
    if rows || lines.clone().any(is_row) {
        return Ok(());
    }
    let first = lines.next().unwrap_or_default();
    if let Err(error) = serde_json::from_slice::<IgnoredAny>(first) {
        return Err(format!("it begins like JSON Lines, but {}", invalid(first, &error)).into());
    }
    let names = names.text.join("`, `");
    let reason =
        format!("it is JSON without a text in a field `{names}`; name the field with --text-field");
    Err(reason.into())
}

/// The reason for passing a row that is not a JSON object.
fn invalid(row: &[u8], error: &serde_json::Error) -> String {
    if error.is_data() {
        return "the row is not a JSON object".into();
    }
    // The error has the number of a byte.
    let at = error.column().saturating_sub(1).min(row.len());
    let column = String::from_utf8_lossy(&row[..at]).chars().count() + 1;
    let no_value = ["NaN", "Infinity"].into_iter().find(|n| row[at..].starts_with(n.as_bytes()));
    let cause = match no_value {
        Some(name) => format!("{name} is not a value of JSON; replace it with null"),
        None => {
            let cause = error.to_string();
            cause.split(" at line ").next().unwrap_or_default().to_owned()
        }
    };
    format!("the row is not valid JSON at column {column}: {cause}")
}

/// The reason for passing a row without any of the text fields `wanted`.
fn missing<'n>(wanted: &[String], fields: impl Iterator<Item = &'n str>) -> String {
    let wanted = wanted.join("`, `");
    let mut fields: Vec<&str> = fields.take(MOST_NAMED + 1).collect();
    if fields.is_empty() {
        return format!("the row has no field `{wanted}`: it is empty");
    }
    if fields.len() > MOST_NAMED {
        fields[MOST_NAMED] = "…";
    }
    let fields = fields.join(", ");
    format!(
        "the row has no field `{wanted}`; name the field with --text-field (its fields: {fields})"
    )
}

/// The maximum number of fields that a message names.
const MOST_NAMED: usize = 10;

#[cfg(test)]
mod tests {
    use super::scan::parse_members;
    use super::*;
    use chaffinch_core::stage::{RuleId, Span};
    use proptest::prelude::*;

    /// Removes each "cut" at the end of a line and replaces each no-break space.
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
        let undo = parsed.rewrite(&edits, r#"{"verdict":"cleaned"}"#, &mut written).unwrap();
        let written = String::from_utf8(written.split_off(6)).unwrap();
        // The written row contains the cut text, however it was escaped.
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
    fn the_column_that_a_run_adds_contains_no_document() {
        for (field, row) in [
            ("chaffinch.verdict", r#"{"chaffinch":{"verdict":"Share"},"text":"Print"}"#),
            ("chaffinch", r#"{"text":"Print","chaffinch":"Share"}"#),
        ] {
            let names = FieldNames { text: vec![field.into()], ..FieldNames::default() };
            let error = Row::parse(row.as_bytes(), &names).err();
            assert_eq!(
                error.as_deref(),
                Some(&*format!("field `{field}` is in the column `chaffinch`"))
            );
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
        // Positions beyond the text.
        for edits in [vec![edit(6, "x")], vec![edit(0, ""), edit(usize::MAX, "")]] {
            let error = restore_row(written, &undo, &edits).unwrap_err();
            assert_eq!(&*error, "the cleaned row was changed after the run");
        }
    }

    #[test]
    fn other_fields_do_not_change() {
        let written = round_trip(r#"{ "n":1.50e3 , "text" : "a\u00e9b\ncut\nc", "url":"x\/y" }"#);
        assert_eq!(
            written,
            r#"{ "n":1.50e3 , "text" : "a\u00e9b\nc", "url":"x\/y","chaffinch":{"verdict":"cleaned"} }"#
        );
    }

    #[test]
    fn every_way_to_escape_is_restored() {
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
    fn a_null_has_no_text_and_does_not_change() {
        let written = round_trip(r#"{"text": null, "id": 1}"#);
        assert_eq!(written, r#"{"text": null, "id": 1,"chaffinch":{"verdict":"cleaned"}}"#);
        let written = round_trip(r#"{"text":null,"body":"x\ncut\n","content":null}"#);
        assert!(written.starts_with(r#"{"text":null,"body":"x\n","content":null,"#), "{written}");
    }

    #[test]
    fn lone_surrogates_do_not_change() {
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
        // Removed lone surrogates are restored too.
        let row = r#"{"text":"x\ny\ud800\n"}"#;
        let parsed = Row::parse(row.as_bytes(), &FieldNames::default()).unwrap();
        assert_eq!(parsed.text, "x\ny\u{fffd}\n");
        let span = Span::new(2, 7);
        let edit = Edit { span, rule: RuleId(0), with: String::new(), confidence: None };
        let mut written = Vec::new();
        let undo = parsed.rewrite(std::slice::from_ref(&edit), "1", &mut written).unwrap();
        assert_eq!(std::str::from_utf8(&written), Ok(r#"{"text":"x\n","chaffinch":1}"#));
        let back = restore_row(&written, &undo, &ledger(&parsed.text, &[edit]));
        assert_eq!(back.as_deref(), Ok(row));
    }

    #[test]
    fn cuts_between_the_halves_of_a_surrogate_pair_are_refused() {
        for row in [
            r#"{"text":"a \ud83dcut\n\ude00"}"#,
            r#"{"text":"\ud83d\ud83dcut\ncut\n\ude00\ude00"}"#,
            r#"{"chaffinch":1,"text":"\\\uD83Dcut\u000a\uDE00"}"#,
        ] {
            let parsed = Row::parse(row.as_bytes(), &FieldNames::default()).unwrap();
            let refused = parsed.rewrite(&edits(&parsed.text), "1", &mut Vec::new()).unwrap_err();
            assert!(refused.contains("halves of surrogate pairs"), "{refused}");
        }
        for row in [
            r#"{"text":"\ude00cut\n\ud83d"}"#,
            r#"{"text":"\ud83d\ude00cut\n\ude00"}"#,
            r#"{"text":"\ud83dcut\n\\ude00"}"#,
            r#"{"text":"\\ud83dcut\n\ude00"}"#,
            r#"{"text":"\ud83d\u00a0\ude00"}"#,
        ] {
            round_trip(row);
        }
    }

    #[test]
    fn rows_without_a_document_have_a_reason() {
        let error = |row: &[u8]| Row::parse(row, &FieldNames::default()).unwrap_err().to_string();
        assert_eq!(
            error(br#"{"title":"x"}"#),
            "the row has no field `text`, `content`, `body`; name the field with --text-field (its fields: title)"
        );
        assert_eq!(error(b"{}"), "the row has no field `text`, `content`, `body`: it is empty");
        assert_eq!(error(br#"{"text":5}"#), "field `text` is a number, not a text");
        assert_eq!(error(br#"{"text":["a"]}"#), "field `text` is a list, not a text");
        assert_eq!(error(br#"{"text":"","text":"a"}"#), "the row has two fields `text`");
        let twice = br#"{"text":"","chaffinch":1,"chaffinch":2}"#;
        assert_eq!(error(twice), "the row has two fields `chaffinch`");
        for row in ["[]", r#"["text"]"#, r#""text" x"#, "1", "null"] {
            assert_eq!(error(row.as_bytes()), "the row is not a JSON object", "{row}");
        }
        for (row, at) in [
            (r#"{"text":"é","a":NaN}"#, "17: NaN is not a value of JSON; replace it with null"),
            (r#"{"a":-Infinity}"#, "7: Infinity is not a value of JSON; replace it with null"),
            (r#"{"a":[NaN]}"#, "7: NaN is not a value of JSON; replace it with null"),
            (r#"{"text":"a\x"}"#, "12: invalid escape"),
            (r#"{"text":"\ud8zz"}"#, "15: invalid escape"),
            (
                "{\"text\":\"a\tb\"}",
                "10: control character (\\u0000-\\u001F) found while parsing a string",
            ),
            (r#"{"text":"a"#, "10: EOF while parsing a string"),
            (r#"{"text":"a"} garbage"#, "14: trailing characters"),
            ("not json", "2: expected ident"),
        ] {
            assert_eq!(error(row.as_bytes()), format!("the row is not valid JSON at column {at}"));
        }
        assert_eq!(error(b"{\"text\":\"\xff\"}"), "the row is not UTF-8");
    }

    #[test]
    fn utf_16_is_reported_with_advice() {
        let of = |mark: &str, bytes: fn(u16) -> [u8; 2]| {
            let text = format!("{mark}{{\"text\": \"é\"}}\n");
            let bytes: Vec<u8> = text.encode_utf16().flat_map(bytes).collect();
            let names = &FieldNames::default();
            let opened = open(&Head { name: "a.jsonl", bytes: &bytes, ended: true, names });
            opened.err().map(String::from).unwrap_or_default()
        };
        assert_eq!(
            of("\u{feff}", u16::to_le_bytes),
            "it is JSON Lines in UTF-16; convert it to UTF-8 first, for example with \
             `iconv -f UTF-16 -t UTF-8`"
        );
        assert!(of("\u{feff}", u16::to_be_bytes).contains("`iconv -f UTF-16 "));
        assert!(of("", u16::to_le_bytes).contains("`iconv -f UTF-16LE "));
        assert!(of("", u16::to_be_bytes).contains("`iconv -f UTF-16BE "));
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
        let undo = parsed.rewrite(&edits, "1", &mut written).unwrap();
        let wanted =
            r#"{"meta":{"id":7,"page":{"url":"u"}},"doc":{"text":"a\nb"},"x.y":"z","chaffinch":1}"#;
        assert_eq!(std::str::from_utf8(&written), Ok(wanted));
        let back = restore_row(&written, &undo, &ledger(&parsed.text, &edits));
        assert_eq!(back.as_deref(), Ok(row));
    }

    proptest! {
        #[test]
        fn any_text_is_restored(
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

        /// Halves of surrogate pairs around cuts are restored, or the row is refused.
        #[test]
        fn halves_of_surrogate_pairs_are_restored(parts in prop::collection::vec(prop::sample::select(vec![
            "\\ud83d", "\\uDE00", "\\ud83d\\ude00", "cut\\n", "cut\\u000a", "\u{a0}", "\\u00a0", "\\\\", "ude00", "x",
        ]), 0..9)) {
            let row = format!("{{\"text\":\"{}\"}}", parts.concat());
            let parsed = Row::parse(row.as_bytes(), &FieldNames::default()).unwrap();
            match parsed.rewrite(&edits(&parsed.text), "1", &mut Vec::new()) {
                Ok(_) => drop(round_trip(&row)),
                Err(_) => {
                    let kept = parts.iter().filter(|part| !part.starts_with("cut"));
                    let kept: String = kept.copied().collect();
                    prop_assert!(kept.contains("\\ud83d\\uDE00"), "{}", row);
                }
            }
        }

        /// The fast pass and the JSON parser find the same fields in each row, or the same error.
        #[test]
        fn both_parsers_find_the_same_fields(
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
