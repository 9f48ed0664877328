//! JSON Lines: a row's text replaced, a column added, all else left as it is, byte for byte.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The column that a run adds.
pub const COLUMN: &str = "chaffinch";

/// Which fields of a row hold what.
#[derive(Clone, Debug)]
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
    pub text: String,
    /// Its id, as text.
    pub id: Option<String>,
    /// Its URL.
    pub url: Option<String>,
    /// Its day, as it is written.
    pub date: Option<String>,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Escapes {
    /// Only what must be escaped.
    Few,
    /// All that is not ASCII, as Python's `json.dumps` does.
    Ascii,
    /// As `few`, and `\/`.
    Slash,
    /// As `ascii`, and `\/`, as PHP's `json_encode` does.
    Php,
}

const ESCAPES: [Escapes; 4] = [Escapes::Few, Escapes::Ascii, Escapes::Slash, Escapes::Php];

/// What it takes to make a row again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowUndo {
    /// The name of the field that holds the text.
    pub field: String,
    /// How the text was escaped, where one of the ways gives it exactly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escapes: Option<Escapes>,
    /// The JSON string as it stood in the row, where none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub string: Option<String>,
    /// The value that the added column replaced, as it stood in the row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
}

/// The members of a JSON object in their order, values untouched.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((Key(key), value)) = map.next_entry()? {
                    members.push((key, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Row<'a> {
    /// Understands a row, without its line end.
    ///
    /// # Errors
    /// It is no JSON object with one text in one of the fields.
    pub fn parse(row: &'a [u8], names: &FieldNames) -> Result<Row<'a>, RowError> {
        let bad = |message: &str| RowError(message.to_owned());
        let row = std::str::from_utf8(row).map_err(|_| bad("the row is not UTF-8"))?;
        let Members(members) = serde_json::from_str(row)
            .map_err(|error| RowError(format!("the row is not a JSON object: {error}")))?;
        // A borrowed value is a part of the row: its place is the distance of the two starts.
        let place = |value: &RawValue| {
            let at = value.get().as_ptr() as usize - row.as_ptr() as usize;
            at..at + value.get().len()
        };
        let named = |name: &str| -> Vec<&RawValue> {
            members.iter().filter(|(key, _)| key == name).map(|(_, value)| *value).collect()
        };
        let field = names.text.iter().find(|name| !named(name).is_empty());
        let field = field.ok_or_else(|| {
            RowError(format!("the row has no field `{}`", names.text.join("`, `")))
        })?;
        if named(field).len() > 1 || named(COLUMN).len() > 1 {
            return Err(RowError(format!("the row has two fields `{field}` or `{COLUMN}`")));
        }
        let raw = *named(field).first().ok_or_else(|| bad("no text"))?;
        let text = serde_json::from_str::<String>(raw.get())
            .map_err(|error| RowError(format!("field `{field}` is not a text: {error}")))?;
        let value = |name: &str| {
            let raw = *named(name).first()?;
            let text = serde_json::from_str::<String>(raw.get()).ok();
            text.or_else(|| (raw.get() != "null").then(|| raw.get().to_owned()))
        };
        let (id, url, date) = (value(&names.id), value(&names.url), value(&names.date));
        let end = members.iter().map(|(_, value)| place(value).end).max().unwrap_or(0);
        let column = named(COLUMN).first().map(|value| place(value));
        let field = field.clone();
        Ok(Row { row, field, text, id, url, date, text_at: place(raw), end, column })
    }

    /// The row with `text` for its text and `column` added, and what undoes it.
    pub fn rewrite(&self, text: &str, column: &str) -> (String, RowUndo) {
        let string = &self.row[self.text_at.clone()];
        let escapes = ESCAPES.into_iter().find(|escapes| escape(&self.text, *escapes) == string);
        let style =
            escapes.unwrap_or(if string.is_ascii() { Escapes::Ascii } else { Escapes::Few });
        let undo = RowUndo {
            field: self.field.clone(),
            escapes,
            string: escapes.is_none().then(|| string.to_owned()),
            column: self.column.clone().map(|at| self.row[at].to_owned()),
        };
        (self.splice(&escape(text, style), column), undo)
    }

    fn splice(&self, string: &str, column: &str) -> String {
        let (at, old) = (self.text_at.clone(), self.column.clone());
        let place = old.clone().unwrap_or(self.end..self.end);
        let added = match old {
            Some(_) => column.to_owned(),
            None => format!(",\"{COLUMN}\":{column}"),
        };
        let mut parts = [(at, string), (place, added.as_str())];
        parts.sort_by_key(|(place, _)| (place.start, place.end));
        let mut row = String::with_capacity(self.row.len() + added.len());
        let mut from = 0;
        for (place, with) in parts {
            row.push_str(&self.row[from..place.start]);
            row.push_str(with);
            from = place.end;
        }
        row.push_str(&self.row[from..]);
        row
    }
}

/// Makes the original row from the written one: `restored` is the text before cleaning.
///
/// # Errors
/// The row was changed after the run.
pub fn restore_row(
    written: &[u8],
    undo: &RowUndo,
    restore: impl FnOnce(&str) -> Option<String>,
) -> Result<String, RowError> {
    let names = FieldNames { text: vec![undo.field.clone()], ..FieldNames::default() };
    let row = Row::parse(written, &names)?;
    let changed = || RowError("the cleaned row was changed after the run".into());
    let text = restore(&row.text).ok_or_else(changed)?;
    let string = match (&undo.string, undo.escapes) {
        (Some(string), _) => string.clone(),
        (None, escapes) => escape(&text, escapes.unwrap_or(Escapes::Few)),
    };
    let column = row.column.clone().ok_or_else(changed)?;
    let column = match &undo.column {
        Some(old) => (column, old.as_str()),
        None => {
            let name = format!(",\"{COLUMN}\":");
            let start = column.start.checked_sub(name.len()).ok_or_else(changed)?;
            if !row.row[start..].starts_with(&name) {
                return Err(changed());
            }
            (start..column.end, "")
        }
    };
    let mut parts = [(row.text_at.clone(), string.as_str()), column];
    parts.sort_by_key(|(place, _)| place.start);
    let mut original = String::with_capacity(row.row.len());
    let mut from = 0;
    for (place, with) in parts {
        original.push_str(&row.row[from..place.start]);
        original.push_str(with);
        from = place.end;
    }
    original.push_str(&row.row[from..]);
    Ok(original)
}

/// `text` as a JSON string, with its quotes.
fn escape(text: &str, escapes: Escapes) -> String {
    let plain = serde_json::Value::from(text).to_string();
    match escapes {
        Escapes::Few => plain,
        Escapes::Slash => plain.replace('/', "\\/"),
        Escapes::Ascii => ascii(&plain),
        Escapes::Php => ascii(&plain).replace('/', "\\/"),
    }
}

fn ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    for c in json.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round_trip(row: &str) -> String {
        let names = FieldNames::default();
        let parsed = Row::parse(row.as_bytes(), &names).unwrap();
        let original = parsed.text.clone();
        let (written, undo) = parsed.rewrite("cut", r#"{"verdict":"cleaned"}"#);
        let back = restore_row(written.as_bytes(), &undo, |text| {
            assert_eq!(text, "cut");
            Some(original)
        });
        assert_eq!(back.as_deref(), Ok(row));
        written
    }

    #[test]
    fn all_else_stays_as_it_is() {
        let written = round_trip(r#"{ "n":1.50e3 , "text" : "a\u00e9b", "url":"x\/y" }"#);
        assert_eq!(
            written,
            r#"{ "n":1.50e3 , "text" : "cut", "url":"x\/y","chaffinch":{"verdict":"cleaned"} }"#
        );
    }

    #[test]
    fn every_way_to_escape_comes_back() {
        for row in [
            r#"{"text":"Teheran – 德黑兰 / \"x\""}"#,
            r#"{"text":"Teheran \u2013 \ud834\udd1e / x"}"#,
            r#"{"text":"Teheran \u2013 \/ x"}"#,
            r#"{"text":"odd \u0041 é \u00E9 \/ /"}"#,
            r#"{"chaffinch":{"old": 1},"text":"again"}"#,
            r#"{"content":"text","chaffinch":null}"#,
        ] {
            round_trip(row);
        }
    }

    #[test]
    fn rows_that_are_no_documents_say_why() {
        let error = |row: &[u8]| Row::parse(row, &FieldNames::default()).unwrap_err().to_string();
        assert_eq!(error(br#"{"title":"x"}"#), "the row has no field `text`, `content`, `body`");
        assert!(error(br#"{"text":5}"#).starts_with("field `text` is not a text"));
        assert!(error(br#"{"text":"\ud800"}"#).starts_with("field `text` is not a text"));
        assert!(error(br#"["text"]"#).starts_with("the row is not a JSON object"));
        assert_eq!(error(b"{\"text\":\"\xff\"}"), "the row is not UTF-8");
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text: String, other: String) {
            let row = serde_json::json!({"other": other, "text": text, "n": [1, {"text": 2}]}).to_string();
            round_trip(&row);
        }
    }
}
