//! CSV and TSV: a record is a row, and a header row names the fields.
//!
//! Rows follow RFC 4180: a field in quotes may hold delimiters, line breaks and doubled quotes. Lines
//! end with LF, CR LF or CR. The delimiter is the comma, the semicolon or the tab. Only the field
//! with the text is changed; no column is added, so that the rows that pass through have as many
//! fields as the others.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use chaffinch_core::Cleaned;
use chaffinch_core::message::counted;

use super::format::{
    Detected, FieldNames, Frame, Head, Kind, ParsedRecord, RecordFormat, Skip, Stretch, Text, named,
};
use super::reason::Reason;
use crate::ledger::CellUndo;
use crate::ledger::Record;

/// The delimiters that are detected, the most common one first.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// A byte order mark.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// A position in a row of CSV, between two bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RowState {
    FieldStart,
    Unquoted,
    Quoted,
    /// After a quote inside a quoted field: the field ends there unless another quote follows.
    AfterQuote,
}

impl RowState {
    /// The state with this number.
    fn of(number: u64) -> RowState {
        use RowState::{AfterQuote, FieldStart, Quoted, Unquoted};
        let all = [FieldStart, Unquoted, Quoted, AfterQuote];
        all.into_iter().find(|state| *state as u64 == number).unwrap_or(FieldStart)
    }
}

/// Moves from `at` to the next delimiter or line ending outside quotes, and returns its place. At
/// the end of `bytes`, `None`; `state` is then the state there.
fn field_end(bytes: &[u8], mut at: usize, state: &mut RowState, delimiter: u8) -> Option<usize> {
    while let Some(&byte) = bytes.get(at) {
        *state = match (*state, byte) {
            (RowState::FieldStart, b'"') => RowState::Quoted,
            (RowState::AfterQuote, b'"') => RowState::Quoted,
            (RowState::Quoted, _) => {
                at += memchr::memchr(b'"', &bytes[at..])?;
                RowState::AfterQuote
            }
            _ => {
                let end = memchr::memchr3(delimiter, b'\n', b'\r', &bytes[at..]);
                *state = if end == Some(0) { *state } else { RowState::Unquoted };
                return end.map(|end| at + end);
            }
        };
        at += 1;
    }
    None
}

/// The end of the row that is in `state` at the start of `bytes`: the place of its line ending. At
/// the end of `bytes`, `None`; `state` is then the state there.
fn row_end(bytes: &[u8], state: &mut RowState, delimiter: u8) -> Option<usize> {
    let mut at = 0;
    loop {
        at = field_end(bytes, at, state, delimiter)?;
        if bytes[at] != delimiter {
            return Some(at);
        }
        *state = RowState::FieldStart;
        at += 1;
    }
}

/// The length of the line ending at the start of `bytes`. `None` if that depends on the next byte.
fn line_end(bytes: &[u8], ended: bool) -> Option<usize> {
    match bytes {
        [b'\r'] if !ended => None,
        [b'\r', b'\n', ..] => Some(2),
        [] => Some(0),
        _ => Some(1),
    }
}

/// The length of a byte order mark at the start of a file.
fn mark(bytes: &[u8]) -> usize {
    if bytes.starts_with(MARK) { MARK.len() } else { 0 }
}

/// A field of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Field {
    /// Its bytes in the row, with quotes.
    at: Range<usize>,
    quoted: bool,
}

impl Field {
    fn text<'a>(&self, row: &'a str) -> Cow<'a, str> {
        let raw = &row[self.at.clone()];
        let inner = raw.strip_prefix('"').map(|raw| raw.strip_suffix('"').unwrap_or(raw));
        match inner.filter(|_| self.quoted) {
            None => Cow::Borrowed(raw),
            Some(inner) if inner.contains('"') => Cow::Owned(inner.replace("\"\"", "\"")),
            Some(inner) => Cow::Borrowed(inner),
        }
    }
}

/// The fields of a row that begins at byte `start`, and the place of its line ending.
fn fields(row: &str, start: usize, delimiter: u8) -> Result<(Vec<Field>, usize), Reason> {
    let bytes = row.as_bytes();
    let (mut fields, mut from) = (Vec::with_capacity(8), start);
    loop {
        let mut state = RowState::FieldStart;
        let end = field_end(bytes, from, &mut state, delimiter);
        let to = end.unwrap_or(bytes.len());
        let quoted = bytes.get(from) == Some(&b'"');
        match state {
            RowState::Quoted => {
                return Err(format!(
                    "a field begins with a quote that is never closed; {} bytes, up to the end of \
                     the file, passed through unchanged",
                    bytes.len()
                )
                .into());
            }
            RowState::Unquoted if quoted => {
                return Err("a field has text after its closing quote; a quote inside a field in \
                            quotes must be doubled"
                    .into());
            }
            _ => fields.push(Field { at: from..to, quoted }),
        }
        match end {
            Some(end) if bytes[end] == delimiter => from = end + 1,
            _ => return Ok((fields, to)),
        }
    }
}

/// A field as it is written. A field that is alone in its row is never empty: that would be a
/// blank line.
fn written(text: &str, quoted: bool, alone: bool, delimiter: u8) -> Cow<'_, str> {
    let special = |byte: u8| byte == delimiter || matches!(byte, b'"' | b'\r' | b'\n');
    if quoted || text.bytes().any(special) || alone && text.is_empty() {
        return Cow::Owned(format!("\"{}\"", text.replace('"', "\"\"")));
    }
    Cow::Borrowed(text)
}

/// The format of a CSV file.
#[derive(Debug)]
struct Csv {
    delimiter: u8,
    /// The bytes up to the end of the header row; empty for a file of blank lines.
    header: Vec<u8>,
    /// The number of the header row.
    header_number: u64,
    /// The names of the fields.
    columns: Vec<String>,
    /// The number of the field with the text, or why there is none.
    text: Result<usize, Reason>,
    id: Option<usize>,
    url: Option<usize>,
    date: Option<usize>,
}

/// The delimiter of a file: of those that its header row has outside quotes, the most frequent. A
/// tab decides in a file that is named `.tsv`.
fn delimiter(name: &str, header: &[u8]) -> u8 {
    let count = |delimiter: &u8| {
        let (mut at, mut state, mut count) = (0, RowState::FieldStart, 0);
        while let Some(end) = field_end(header, at, &mut state, *delimiter) {
            if header[end] != *delimiter {
                break;
            }
            (at, state, count) = (end + 1, RowState::FieldStart, count + 1);
        }
        count
    };
    if named(name, &["tsv"]) && count(&b'\t') > 0 {
        return b'\t';
    }
    let most = DELIMITERS.iter().rev().max_by_key(|delimiter| count(delimiter));
    most.copied().unwrap_or(b',')
}

impl Csv {
    /// Reads the header row.
    fn of(head: &Head<'_>) -> Result<Csv, Reason> {
        let (mut start, mut number) = (mark(head.bytes), 0);
        // Blank lines may precede the header.
        while let Some(length @ 1..) = head
            .bytes
            .get(start..)
            .filter(|rest| rest.starts_with(b"\n") || rest.starts_with(b"\r"))
            .and_then(|rest| line_end(rest, head.ended))
        {
            (start, number) = (start + length, number + 1);
        }
        let rest = &head.bytes[start..];
        let delimiter = delimiter(head.name, rest);
        let mut csv = Csv {
            delimiter,
            header: Vec::new(),
            header_number: number,
            columns: Vec::new(),
            text: Err("it has no header row".into()),
            id: None,
            url: None,
            date: None,
        };
        if rest.is_empty() && head.ended {
            return Ok(csv);
        }
        let end = row_end(rest, &mut RowState::FieldStart, delimiter);
        let end = match end.or(head.ended.then_some(rest.len())) {
            Some(end) => end,
            None => {
                return Err(format!(
                    "it is CSV whose header row is longer than {} bytes",
                    head.bytes.len()
                )
                .into());
            }
        };
        let length = end + line_end(&rest[end..], true).unwrap_or(0);
        let row = std::str::from_utf8(&rest[..end]).map_err(
            |_| "it is CSV whose header row is not UTF-8; convert the file to UTF-8 first",
        )?;
        let (fields, _) = fields(row, 0, delimiter)
            .map_err(|error| format!("it is CSV with a header row in which {error}"))?;
        csv.columns = fields.iter().map(|field| field.text(row).into_owned()).collect();
        csv.header = head.bytes[..start + length].to_vec();
        csv.find_columns(head.names);
        Ok(csv)
    }

    fn find_columns(&mut self, names: &FieldNames) {
        (self.id, self.url) = (self.column(&names.id), self.column(&names.url));
        self.date = self.column(&names.date);
        let text = names.text.iter().find_map(|name| self.column(name));
        self.text = text.ok_or_else(|| {
            format!(
                "it is a table (CSV) without a column `{}`; name the column with the text with \
                 --text-field (its columns: {})",
                names.text.join("`, `"),
                listed(&self.columns),
            )
            .into()
        });
    }

    /// The number of the column with this name; without one, ASCII letters may differ in case.
    fn column(&self, name: &str) -> Option<usize> {
        let exact = self.columns.iter().position(|column| column == name);
        exact.or_else(|| self.columns.iter().position(|c| c.eq_ignore_ascii_case(name)))
    }
}

/// Names in a message, the first few of them.
fn listed(names: &[String]) -> String {
    const MOST: usize = 8;
    let shown: Vec<String> = names.iter().take(MOST).map(|name| format!("`{name:.40}`")).collect();
    let more = if names.len() > MOST { ", …" } else { "" };
    shown.join(", ") + more
}

/// The format of the file that begins with `head`.
pub(super) fn open(head: &Head<'_>) -> Result<Arc<dyn RecordFormat>, Reason> {
    Ok(Arc::new(Csv::of(head)?))
}

/// Detects CSV by its name, or by a header row that names a column with a text.
pub(super) fn detect(head: &Head<'_>) -> Option<Detected> {
    let detected = named(head.name, &["csv", "tsv"]) || is_table(head);
    detected.then_some(Ok(()))
}

/// Whether a file is a table: a row of column names, one of them the text's, and a row of as many
/// fields.
fn is_table(head: &Head<'_>) -> bool {
    let Ok(csv) = Csv::of(head) else { return false };
    if csv.text.is_err() || csv.columns.len() < 2 || !csv.columns.iter().all(|c| is_column_name(c))
    {
        return false;
    }
    if !csv.header.ends_with(b"\n") && !csv.header.ends_with(b"\r") {
        return false;
    }
    let (rest, mut state) = (&head.bytes[csv.header.len()..], RowState::FieldStart);
    let end = row_end(rest, &mut state, csv.delimiter);
    if end.is_none() && state == RowState::Quoted {
        // The row may continue after the head.
        return true;
    }
    let row = String::from_utf8_lossy(&rest[..end.unwrap_or(rest.len())]);
    fields(&row, 0, csv.delimiter).is_ok_and(|(fields, _)| fields.len() == csv.columns.len())
}

fn is_column_name(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.: ".contains(&byte);
    !name.is_empty() && name.len() <= 40 && name.bytes().all(inner) && name.trim() == name
}

impl RecordFormat for Csv {
    fn unit(&self) -> &'static str {
        "rows"
    }

    fn check(&self) -> Result<(), Reason> {
        match &self.text {
            Err(reason) if !self.header.is_empty() => Err(reason.clone()),
            _ => Ok(()),
        }
    }

    fn header(&self) -> &[u8] {
        &self.header
    }

    fn frame(&self, bytes: &[u8], number: u64, ended: bool) -> Frame {
        let start = if number == 0 { mark(bytes) } else { 0 };
        let more = Frame::NeedsEnd(Stretch::Long(RowState::FieldStart as u64));
        let Some(end) = row_end(&bytes[start..], &mut RowState::FieldStart, self.delimiter) else {
            return if ended { Frame::Whole(bytes.len()) } else { more };
        };
        let end = start + end;
        line_end(&bytes[end..], ended).map_or(more, |length| Frame::Whole(end + length))
    }

    fn skip(&self, stretch: Stretch, _: u64, at: u64, bytes: &[u8], ended: bool) -> Option<Skip> {
        let Stretch::Long(number) = stretch else { return None };
        let mut state = RowState::of(number);
        let start = if at == 0 { mark(bytes) } else { 0 };
        let Some(end) = row_end(&bytes[start..], &mut state, self.delimiter) else {
            let stretch = Stretch::Long(state as u64);
            return Some(Skip { bytes: bytes.len(), ends: false, stretch });
        };
        let end = start + end;
        match line_end(&bytes[end..], ended) {
            Some(length) => {
                let stretch = Stretch::Long(RowState::FieldStart as u64);
                Some(Skip { bytes: end + length, ends: true, stretch })
            }
            // The line ending is left for the next part, which begins with it.
            None if end > 0 => {
                Some(Skip { bytes: end, ends: false, stretch: Stretch::Long(state as u64) })
            }
            None => None,
        }
    }

    fn reason(&self, stretch: Stretch, bytes: u64) -> String {
        match stretch {
            Stretch::Long(state) if RowState::of(state) == RowState::Quoted => format!(
                "a field begins with a quote that is never closed; {bytes} bytes, up to the end of \
                 the file, passed through unchanged"
            ),
            _ => chaffinch_core::NotText::TooLong.to_string(),
        }
    }

    fn kind(&self, record: &[u8], number: u64) -> Kind {
        let start = if number == 0 { mark(record) } else { 0 };
        let content = |byte: &u8| !matches!(byte, b'\r' | b'\n');
        // Each shard begins with the whole header, so blank lines before the header row are a part of it.
        if number <= self.header_number && !self.header.is_empty() {
            Kind::Header
        } else if record[start..].first().is_some_and(content) {
            Kind::Document
        } else {
            Kind::Blank
        }
    }

    fn parse<'a>(&'a self, record: &'a [u8]) -> Result<Option<Box<dyn ParsedRecord + 'a>>, Reason> {
        let row = simdutf8::basic::from_utf8(record).map_err(|_| "the row is not UTF-8")?;
        let (fields, _) = fields(row, 0, self.delimiter)?;
        if fields.len() != self.columns.len() {
            let (found, wanted) = (counted(fields.len() as u64, "field"), self.columns.len());
            return Err(format!("the row has {found}, but the header row has {wanted}").into());
        }
        let column = self.text.clone()?;
        Ok(Some(Box::new(Row { csv: self, row, text: fields[column].text(row), column, fields })))
    }

    fn restore(&self, record: &Record<'_>, written_row: &[u8]) -> Result<Vec<u8>, Reason> {
        let undo = record.cell.ok_or("the ledger does not say how to restore it")?;
        let changed = || "the cleaned row was changed after the run";
        let row = std::str::from_utf8(written_row).map_err(|_| changed())?;
        let (fields, _) = fields(row, 0, self.delimiter)?;
        let field = fields.get(undo.column).ok_or_else(changed)?;
        let text = record.undo.restore(field.text(row).as_bytes());
        let text = String::from_utf8(text.map_err(|error| error.to_string())?);
        let text = text.map_err(|_| changed())?;
        let quoted = undo.quoted.unwrap_or(field.quoted);
        let cell = match quoted {
            true => written(&text, true, false, self.delimiter),
            false => Cow::Borrowed(text.as_str()),
        };
        Ok(with_cell(row, field, &cell).into_bytes())
    }
}

/// A parsed row.
struct Row<'a> {
    csv: &'a Csv,
    row: &'a str,
    fields: Vec<Field>,
    /// The number of the field with the text.
    column: usize,
    text: Cow<'a, str>,
}

impl<'a> Row<'a> {
    fn value(&self, column: Option<usize>) -> Option<Cow<'a, str>> {
        let text = self.fields.get(column?)?.text(self.row);
        (!text.is_empty()).then_some(text)
    }
}

impl ParsedRecord for Row<'_> {
    fn text(&self) -> Text<'_> {
        Text::Decoded(&self.text)
    }

    fn id(&self) -> Option<Cow<'_, str>> {
        self.value(self.csv.id)
    }

    fn url(&self) -> Option<Cow<'_, str>> {
        self.value(self.csv.url)
    }

    fn date(&self) -> Option<Cow<'_, str>> {
        self.value(self.csv.date)
    }

    fn field(&self, name: &str) -> Option<String> {
        let column = self.csv.column(name)?;
        Some(self.fields.get(column)?.text(self.row).into_owned())
    }

    fn rewrite(
        &self,
        cleaned: &Cleaned<'_>,
        _: &str,
        record: &mut Record<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Reason> {
        let (field, alone) = (&self.fields[self.column], self.fields.len() == 1);
        let mut undo = CellUndo { column: self.column, quoted: None };
        if cleaned.edits().is_empty() {
            out.extend_from_slice(self.row.as_bytes());
        } else {
            let cell = written(cleaned.text(), field.quoted, alone, self.csv.delimiter);
            if cell.starts_with('"') != field.quoted {
                undo.quoted = Some(field.quoted);
            }
            out.extend_from_slice(with_cell(self.row, field, &cell).as_bytes());
        }
        record.cell = Some(undo);
        record.in_container = false;
        Ok(())
    }
}

/// A row with another text in one of its fields.
fn with_cell(row: &str, field: &Field, cell: &str) -> String {
    [&row[..field.at.start], cell, &row[field.at.end..]].concat()
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use chaffinch_core::Pipeline;
    use proptest::prelude::*;

    fn csv_of(name: &str, text: &str) -> Csv {
        let names = FieldNames::default();
        let head = Head { name, bytes: text.as_bytes(), ended: true, names: &names };
        Csv::of(&head).unwrap()
    }

    /// The fields of all rows, as they are framed in a file whose first row is the header.
    fn rows_of(text: &str) -> Vec<(u64, Result<Vec<String>, Reason>)> {
        let csv = csv_of("a.csv", text);
        let rows = super::super::format::records(&csv, text.as_bytes(), 0);
        let rows = rows.filter(|(number, row)| csv.kind(row, *number) != Kind::Blank);
        rows.map(|(number, row)| {
            let row = std::str::from_utf8(&row[if number == 0 { mark(row) } else { 0 }..]).unwrap();
            let fields = fields(row, 0, csv.delimiter).map(|(fields, _)| {
                fields.iter().map(|field| field.text(row).into_owned()).collect()
            });
            (number, fields)
        })
        .collect()
    }

    #[test]
    fn quoted_fields_hold_delimiters_quotes_and_line_breaks() {
        let rows = rows_of("\u{feff}\"id\",text\r\n1,\"a, \"\"b\"\"\r\nc\"\r\n\r\n2,\rx,\"\"");
        let row = |number, fields: [&str; 2]| (number, Ok(fields.map(str::to_owned).to_vec()));
        let wanted = [
            row(0, ["id", "text"]),
            row(1, ["1", "a, \"b\"\r\nc"]),
            row(3, ["2", ""]),
            row(4, ["x", ""]),
        ];
        assert_eq!(rows, wanted);
    }

    #[test]
    fn the_delimiter_is_that_of_the_header() {
        for (name, text, delimiter) in [
            ("a.csv", "id,text\n", b','),
            ("a.csv", "id;text\n1;a,b,c,d\n", b';'),
            ("a.csv", "id\ttext\n", b'\t'),
            ("a.csv", "\"a;b;c\",text\n", b','),
            ("a.csv", "text\n", b','),
            ("a.tsv", "id, or so, it is\ttext\n", b'\t'),
            ("a.tsv.gz", "id;text\n", b';'),
        ] {
            assert_eq!(csv_of(name, text).delimiter, delimiter, "{name} {text:?}");
        }
    }

    #[test]
    fn rows_that_pass_through_have_a_reason() {
        let csv = csv_of("a.csv", "id,Text\n");
        assert_eq!((csv.text.clone(), csv.id), (Ok(1), Some(0)));
        let error = |row: &[u8]| String::from(csv.parse(row).err().unwrap());
        assert_eq!(error(b"1,a,b\n"), "the row has 3 fields, but the header row has 2");
        assert_eq!(error(b"1\n"), "the row has 1 field, but the header row has 2");
        assert_eq!(error(b"1,\xff\n"), "the row is not UTF-8");
        assert!(error(b"1,\"a\nb").starts_with("a field begins with a quote that is never closed"));
        assert!(error(b"1,\"a\"b\n").starts_with("a field has text after its closing quote"));
        let names = csv_of("a.csv", "id,words\n").check().unwrap_err();
        assert!(names.contains("without a column `text`") && names.contains("`words`"), "{names}");
    }

    /// The frames of a row do not depend on how much of the file is read.
    #[test]
    fn a_row_is_framed_the_same_in_buffers_of_any_size() {
        let text = "a,b\r\n1,\"x\r\n\"\"y\"\r\n2,z\r3,\n";
        let csv = csv_of("a.csv", text);
        let (mut at, mut number) = (0, 0);
        while at < text.len() {
            let Frame::Whole(length) = csv.frame(&text.as_bytes()[at..], number, true) else {
                panic!("row {number}");
            };
            for end in at + 1..=text.len() {
                match csv.frame(&text.as_bytes()[at..end], number, false) {
                    Frame::Whole(found) => assert_eq!(found, length),
                    Frame::NeedsEnd(_) => assert!(end - at < length + 1),
                    other => panic!("{other:?}"),
                }
            }
            (at, number) = (at + length, number + 1);
        }
        assert_eq!(number, 4);
    }

    /// A stretch ends where the row ends, whatever parts it is read in.
    #[test]
    fn a_long_row_ends_where_it_would_end_as_a_whole() {
        let text = "1,\"x\r\n\"\"y, \"\"\",z\r\n2,next\n";
        let csv = csv_of("a.csv", "a,b,c\n");
        let Frame::Whole(length) = csv.frame(text.as_bytes(), 1, true) else { panic!() };
        for size in 1..text.len() {
            let (mut at, mut stretch) = (0, Stretch::Long(RowState::FieldStart as u64));
            loop {
                let mut window = size;
                let skip = loop {
                    let part = &text.as_bytes()[at..text.len().min(at + window)];
                    match csv.skip(stretch, 9, 9 + at as u64, part, false) {
                        Some(skip) => break skip,
                        None => window += 1,
                    }
                };
                (at, stretch) = (at + skip.bytes, skip.stretch);
                if skip.ends {
                    break;
                }
            }
            assert_eq!(at, length, "in parts of {size} bytes");
        }
    }

    #[test]
    fn a_cell_is_quoted_as_needed() {
        let of = |text, quoted, alone| written(text, quoted, alone, b';').into_owned();
        assert_eq!(of("a,b", false, false), "a,b");
        assert_eq!(of("a;b", false, false), "\"a;b\"");
        assert_eq!(of("a\"b", false, false), "\"a\"\"b\"");
        assert_eq!(of("a\nb", false, false), "\"a\nb\"");
        assert_eq!(of("a", true, false), "\"a\"");
        assert_eq!(of("", false, false), "");
        assert_eq!(of("", false, true), "\"\"");
    }

    fn round_trip(csv: &Csv, row: &str) {
        static PIPELINE: LazyLock<Pipeline> =
            LazyLock::new(|| Pipeline::builder().build().unwrap());
        let parsed = csv.parse(row.as_bytes()).unwrap().unwrap();
        let text = parsed.text().to_str().into_owned();
        let input = chaffinch_core::Input::default();
        let cleaned = PIPELINE.clean_record(&input, &text);
        let mut record = Record::new("a.csv", 1, row.as_bytes(), &cleaned, |rule| rule.0);
        let mut out = Vec::new();
        parsed.rewrite(&cleaned, "", &mut record, &mut out).unwrap();
        let written = std::str::from_utf8(&out).unwrap();
        let again = csv.parse(written.as_bytes()).unwrap().unwrap();
        assert_eq!(again.text().to_str(), cleaned.text());
        let (before, after) = (fields(row, 0, csv.delimiter), fields(written, 0, csv.delimiter));
        let (before, after) = (before.unwrap().0, after.unwrap().0);
        for (number, (before, after)) in before.iter().zip(&after).enumerate() {
            let raw = (&row[before.at.clone()], &written[after.at.clone()]);
            assert!(number == csv.text.clone().unwrap() || raw.0 == raw.1, "{raw:?}");
        }
        let back = csv.restore(&record, &out);
        assert_eq!(back.as_deref(), Ok(row.as_bytes()), "{written}");
    }

    #[test]
    fn every_way_to_write_a_cell_is_restored() {
        let csv = csv_of("a.csv", "id,text,n\n");
        for row in [
            "1,Share this article,2\r\n",
            "\"1\",\"SHARE THIS ARTICLE\",  2 \n",
            "1,\"A title\n\nHe said \"\"so, or not\"\".\nSHARE THIS ARTICLE\n\",",
            "1,x \u{a0} y,\"2\"\n",
            "1,a \"b\" c \u{a0} d,\"2\"\n",
            "1,\u{200b},2\n",
            ",,\n",
        ] {
            round_trip(&csv, row);
        }
        round_trip(&csv_of("a.csv", "text\n"), "\u{200b}\n");
        round_trip(&csv_of("a.csv", "text\n"), "\u{200b}Share this article\r\n");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_row_is_restored(
            before: String,
            parts in prop::collection::vec(prop_oneof![
                "\\PC*", Just("\nSHARE THIS ARTICLE\n".into()), Just(" \u{a0} ".into()), any::<String>(),
            ], 0..6),
            after: String,
            quoted: bool,
            delimiter in prop::sample::select(DELIMITERS.to_vec()),
        ) {
            let d = char::from(delimiter);
            let csv = csv_of("a.csv", &format!("id{d}text{d}n\n"));
            let cell = |text: &str| written(text, quoted, false, delimiter).into_owned();
            let row = [before, parts.concat(), after].map(|text| cell(&text)).join(&d.to_string());
            round_trip(&csv, &format!("{row}\r\n"));
        }

        /// Rows are those that the `csv` crate reads, unless a field has text after its closing
        /// quote or a quote is not closed.
        #[test]
        fn rows_are_those_of_the_csv_crate(
            parts in prop::collection::vec(prop::sample::select(vec![
                "a", "é", ",", ",", "\"", "\"\"", "\n", "\r\n", "\r", " ", ";", "\"x\"", "\"y\n,\"",
            ]), 0..24),
        ) {
            let text = format!("id,text\n{}", parts.concat());
            let mut reader = ::csv::ReaderBuilder::new()
                .has_headers(false)
                .flexible(true)
                .from_reader(text.as_bytes());
            let wanted: Vec<Vec<String>> = reader
                .records()
                .map(|row| row.unwrap().iter().map(str::to_owned).collect())
                .collect();
            let found = rows_of(&text);
            prop_assert_eq!(found.len(), wanted.len());
            for ((_, found), wanted) in found.into_iter().zip(wanted) {
                if let Ok(found) = found {
                    prop_assert_eq!(found, wanted);
                }
            }
        }
    }
}
