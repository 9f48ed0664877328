//! Detects what a file is from its first bytes, or from its name if they are inconclusive.
//!
//! Besides the containers that documents are read from, it detects files that hold documents in a
//! form that is not read, such as JSON arrays and CSV: cleaned as text they would be damaged.

use std::path::Path;

use serde::de::IgnoredAny;

use crate::input::Container;
use crate::jsonl::{self, FieldNames};

/// What a file was detected as.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Detected {
    Container(Container),
    /// A file of documents that is not read: what it is, and what to do.
    Unread(String),
}

/// Detects what the file that begins with `head` is; `ended` says that `head` is all of it.
pub(crate) fn detect(name: &str, head: &[u8], ended: bool, names: &FieldNames) -> Detected {
    if head.starts_with(b"PAR1") {
        return Detected::Container(Container::Parquet);
    }
    let warc = head.trim_ascii_start();
    if warc.starts_with(b"WARC/1.") || warc.starts_with(b"WARC/0.") {
        return Detected::Container(Container::Wet);
    }
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let rows = named(name, &["jsonl", "ndjson"]);
    if let Some(detected) = json(text, ended, rows, names) {
        return detected;
    }
    if rows {
        return Detected::Container(Container::Jsonl);
    }
    if named(name, &["csv", "tsv"]) || is_table(text, names) {
        return Detected::Unread(
            "it is a table of separated values (CSV), which is not read; convert it to JSON Lines \
             or Parquet first, with the text in one column"
                .to_owned(),
        );
    }
    if named(name, &["json"]) && !text.is_empty() {
        return Detected::Unread(
            "it is named like JSON but is not valid JSON in UTF-8; repair it, or give --from text"
                .to_owned(),
        );
    }
    Detected::Container(Container::Text)
}

/// Whether a name ends in one of these, an ending for compression aside.
fn named(name: &str, endings: &[&str]) -> bool {
    let packed = ["gz", "zst", "bz2"].iter().find_map(|e| name.strip_suffix(&format!(".{e}")));
    let path = Path::new(packed.unwrap_or(name));
    path.extension().is_some_and(|ending| endings.iter().any(|e| ending.eq_ignore_ascii_case(e)))
}

/// Detects JSON; none for anything else. `rows` says that the file is named like JSON Lines.
fn json(text: &[u8], ended: bool, rows: bool, names: &FieldNames) -> Option<Detected> {
    let inside = text.get(1..)?.trim_ascii_start().first();
    let is_array = match (text[0], inside) {
        (b'{', Some(b'"')) => false,
        (b'[', Some(b'{' | b'[' | b'"')) => true,
        _ => return None,
    };
    let array = || {
        Some(Detected::Unread(
            "it is a JSON array, which is not read; convert it to JSON Lines first, for example \
             with `jq -c '.[]'`"
                .to_owned(),
        ))
    };
    let newline = memchr::memchr(b'\n', text);
    let first = &text[..newline.unwrap_or(text.len())];
    let value = |json: &[u8]| serde_json::from_slice::<IgnoredAny>(json).map(drop);
    if value(first).is_ok() {
        let more = newline.is_some_and(|at| !text[at..].trim_ascii().is_empty());
        return match is_array {
            true if rows && more => None,
            true => array(),
            false => Some(objects(text, rows, names)),
        };
    }
    // The first value continues on the next line, or after the head.
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<IgnoredAny>();
    let cut_off = match values.next()? {
        Ok(_) => false,
        Err(error) if error.is_eof() => true,
        Err(_) => return None,
    };
    match (is_array, newline) {
        // A text may begin like a list of texts.
        (true, _) if cut_off && inside == Some(&b'"') => None,
        (true, _) => array(),
        (false, None) => (!ended).then_some(Detected::Container(Container::Jsonl)),
        (false, Some(_)) => Some(Detected::Unread(
            "it is JSON with values over several lines, which is not read; convert it to JSON \
             Lines first, for example with `jq -c .`"
                .to_owned(),
        )),
    }
}

/// Lines of JSON objects: rows, if one of them has a text.
fn objects(text: &[u8], rows: bool, names: &FieldNames) -> Detected {
    let is_row = |line: &[u8]| jsonl::Row::parse(line.trim_ascii(), names).is_ok();
    match rows || text.split(|byte| *byte == b'\n').any(is_row) {
        true => Detected::Container(Container::Jsonl),
        false => Detected::Unread(format!(
            "it is JSON without a text in a field `{}`; name the field with --text-field",
            names.text.join("`, `")
        )),
    }
}

/// Whether a text is a table of separated values: a line of column names, one of them the text's,
/// and a row of as many values.
fn is_table(text: &[u8], names: &FieldNames) -> bool {
    let Some(end) = memchr::memchr(b'\n', text) else { return false };
    let header = text[..end].trim_ascii_end();
    [b',', b'\t', b';'].into_iter().any(|separator| {
        let columns: Vec<&[u8]> = header.split(|byte| *byte == separator).map(unquoted).collect();
        let is_text = |column: &&[u8]| {
            names.text.iter().any(|name| column.eq_ignore_ascii_case(name.as_bytes()))
        };
        columns.len() > 1
            && columns.iter().all(|column| is_column_name(column))
            && columns.iter().any(is_text)
            && values(&text[end + 1..], separator).is_none_or(|count| count == columns.len())
    })
}

fn unquoted(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(value)
}

fn is_column_name(name: &[u8]) -> bool {
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.: ".contains(byte);
    !name.is_empty() && name.len() <= 40 && name.iter().all(inner) && name.trim_ascii() == name
}

/// The number of values in the first row of `rows`; none if the row does not end there.
fn values(rows: &[u8], separator: u8) -> Option<usize> {
    let (mut quoted, mut count) = (false, 1);
    for &byte in rows {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => return Some(count),
            _ if byte == separator && !quoted => count += 1,
            _ => {}
        }
    }
    // The last row may lack its line end.
    (!quoted).then_some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, head: &str) -> Detected {
        detect(name, head.as_bytes(), true, &FieldNames::default())
    }

    #[test]
    fn a_file_is_what_it_says() {
        let row = "{\"text\": \"So it was.\"}\n";
        for (name, head, container) in [
            ("a.txt", row, Container::Jsonl),
            ("a.txt", "{\"text\": \"So it was.\"}\n{", Container::Jsonl),
            ("a.json", "{\"meta\": 1}\n\n{\"text\": \"So it was.\"}\n", Container::Jsonl),
            ("a.txt", "{\"text\" said the man.\n", Container::Text),
            ("a.ndjson.gz", "\n", Container::Jsonl),
            ("a.jsonl", "{\"title\": \"So it was.\"}\n", Container::Jsonl),
            ("a.jsonl", "{\"text\": \"cut", Container::Jsonl),
            ("a.jsonl", "[\"a\"]\n{\"text\": \"b\"}\n", Container::Jsonl),
            ("a.txt", "WARC/1.0\r\n", Container::Wet),
            ("a.txt", "\r\nWARC/1.0\r\n", Container::Wet),
            ("a", "PAR1", Container::Parquet),
            ("a", "", Container::Text),
            ("a.json", "", Container::Text),
        ] {
            assert_eq!(of(name, head), Detected::Container(container), "{name} {head}");
        }
        let long = format!("{{\"id\": 1, \"text\": \"{}", "So it was. ".repeat(9));
        let head = detect("a.txt", long.as_bytes(), false, &FieldNames::default());
        assert_eq!(head, Detected::Container(Container::Jsonl));
    }

    #[test]
    fn documents_that_are_not_read_are_named() {
        let row = r#"{"text": "So it was."}"#;
        let array = format!("[{row}, {row}]");
        for (name, head, advice) in [
            ("a.json", array.as_str(), "jq -c '.[]'"),
            ("a.jsonl", &array, "jq -c '.[]'"),
            ("a.txt", &format!("\u{feff}[\n  {row},\n  {row}\n]\n"), "jq -c '.[]'"),
            ("a.txt", &format!("[\n{row},\n{{\"te"), "jq -c '.[]'"),
            ("a.json", "[\"So it was.\", \"So be it.\"]", "jq -c '.[]'"),
            ("a.json", "{\n  \"text\": \"So it was.\"\n}\n", "jq -c ."),
            ("a.jsonl", "{\n  \"text\": \"So it was.\"\n}\n{\n  \"text\"", "jq -c ."),
            ("a.txt", "{\"pages\": [\n  {\"text\": \"x\"}\n]}\n", "jq -c ."),
            ("a.txt", "{\"title\": \"So it was.\"}\n", "--text-field"),
            ("a.json", "{\"text\": \"not closed", "--from text"),
            ("news.csv", "So it was.\n", "CSV"),
            ("news.TSV.gz", "", "CSV"),
            ("a.txt", "id,url,text\n1,https://x.org,\"So it was, he said.\nAnd so", "CSV"),
            ("a.txt", "\"title\";\"Body\"\n\"A title\";\"So it was\"", "CSV"),
            ("a.txt", "id\ttext\r\n1\tSo it was.\r\n", "CSV"),
        ] {
            match of(name, head) {
                Detected::Unread(reason) => assert!(reason.contains(advice), "{head}: {reason}"),
                other => panic!("{name} {head}: {other:?}"),
            }
        }
    }

    #[test]
    fn prose_stays_prose() {
        for head in [
            "[1] The minister said so.\n",
            "[2024]\n",
            "[\"So it was\", he said.\n",
            "[\"So it was, he said.",
            "{\"So it was\", he said.\n",
            "{}\n",
            "[[File:x.jpg]]\n",
            "Body, mind, soul\nYoga, he said, is good for the back.\n",
            "Body,mind\nYoga is good.\n",
            "text\nSo it was.\n",
            "Madrid, text and photos\nSo it was, he said.\n",
        ] {
            assert_eq!(of("a.txt", head), Detected::Container(Container::Text), "{head}");
        }
    }
}
