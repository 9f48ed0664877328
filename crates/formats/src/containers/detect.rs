//! Detects the container of a file from its first bytes, or from its name if they are inconclusive.
//!
//! Detection also recognises documents in unsupported formats, such as JSON arrays, because cleaning
//! them as text would damage them.

use super::format::{Head, named};
use super::{Container, FORMATS, Reason};

/// Detects the container of the file that begins with `head`. The error is for documents in an
/// unsupported format: it names the format and says what to do.
pub(crate) fn detect(head: &Head<'_>) -> Result<Container, Reason> {
    if head.bytes.starts_with(b"PAR1") {
        return Ok(Container::Parquet);
    }
    for format in &FORMATS {
        if let Some(detected) = (format.detect)(head) {
            return detected.map(|()| format.container);
        }
    }
    if named(head.name, &["json"]) && !head.text().is_empty() {
        return Err(
            "it is named like JSON but is not valid JSON in UTF-8; repair it, or give --from text"
                .into(),
        );
    }
    Ok(Container::Text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::containers::FieldNames;

    fn of(name: &str, head: &str) -> Result<Container, Reason> {
        of_start(name, head, true)
    }

    fn of_start(name: &str, head: &str, ended: bool) -> Result<Container, Reason> {
        let names = FieldNames::default();
        detect(&Head { name, bytes: head.as_bytes(), ended, names: &names })
    }

    #[test]
    fn formats_are_detected_from_the_first_bytes() {
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
            // Only the first row is faulty.
            (
                "a.jsonl",
                "{\"text\": \"a\"} {\"text\": \"b\"}\n{\"text\": \"c\"}\n",
                Container::Jsonl,
            ),
            ("a.jsonl", "[\"a\"], \n{\"text\": \"b\"}\n", Container::Jsonl),
            ("a.txt", "{\"text\": \"a\"},\n{\"text\": \"b\"}\n", Container::Jsonl),
            ("a.jsonl", "{\"text\": \"a\"} garbage\n", Container::Jsonl),
            ("a.txt", "WARC/1.0\r\n", Container::Wet),
            ("a.txt", "\r\nWARC/1.0\r\n", Container::Wet),
            ("a", "PAR1", Container::Parquet),
            ("news.csv", "So it was.\n", Container::Csv),
            ("news.TSV.gz", "", Container::Csv),
            ("a.txt", "id,url,text\n1,https://x.org,\"So it was, he said.\nAnd so", Container::Csv),
            ("a.txt", "\"title\";\"Body\"\n\"A title\";\"So it was\"", Container::Csv),
            ("a.txt", "id\ttext\r\n1\tSo it was.\r\n", Container::Csv),
            ("a.txt", "\u{feff}\nid,text\n1,So it was.\n", Container::Csv),
            ("a", "", Container::Text),
            ("a.json", "", Container::Text),
        ] {
            assert_eq!(of(name, head), Ok(container), "{name} {head}");
        }
        let long = format!("{{\"id\": 1, \"text\": \"{}", "So it was. ".repeat(9));
        let head = of_start("a.txt", &long, false);
        assert_eq!(head, Ok(Container::Jsonl));
    }

    #[test]
    fn unsupported_documents_are_reported() {
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
            (
                "a.json",
                "{\"text\": \"a\"},\n{\"text\": \"b\"},\n",
                "at column 14: trailing characters",
            ),
        ] {
            match of(name, head) {
                Err(reason) => assert!(reason.contains(advice), "{head}: {reason}"),
                other => panic!("{name} {head}: {other:?}"),
            }
        }
    }

    #[test]
    fn prose_is_not_detected_as_a_container() {
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
            "Body,mind\n\"Yoga\" is good.",
            "text\nSo it was.\n",
            "Madrid, text and photos\nSo it was, he said.\n",
        ] {
            assert_eq!(of("a.txt", head), Ok(Container::Text), "{head}");
        }
    }
}
