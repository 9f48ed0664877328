//! A JSON row, rewritten with any edits of its text and restored.

use std::fmt;

use chaffinch_core::Edit;
use chaffinch_core::stage::{RuleId, Span};
use chaffinch_formats::FieldNames;
use chaffinch_formats::fuzzing::{COLUMN, rewrite, row_text};
use serde_json::value::RawValue;

const COLUMN_VALUE: &str = r#"{"verdict":"cleaned"}"#;

/// The first byte is the number of edits, with three bytes each; the rest is the row.
pub(crate) fn run(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let Some((script, bytes)) = rest.split_at_checked(3 * usize::from(first % 8)) else { return };
    let text = ["text", "a.text", "chaffinch.verdict", "chaffinch"].map(str::to_owned).to_vec();
    let names = FieldNames { text, ..FieldNames::default() };
    let Some(row) = rewrite(bytes, &names, |text| edits(text, script), COLUMN_VALUE) else {
        return;
    };

    let (mut wanted, mut at) = (String::new(), 0);
    for edit in &row.edits {
        wanted.push_str(&row.text[at..edit.span.start()]);
        wanted.push_str(&edit.with);
        at = edit.span.end();
    }
    wanted.push_str(&row.text[at..]);
    let names = FieldNames { text: vec![row.field.clone()], ..names };
    assert_eq!(row_text(&row.row, &names), Some(wanted));
    if row.field == "text" {
        let other = |bytes: &[u8]| {
            let mut members = members(bytes)?;
            members.retain(|(name, _)| name != COLUMN && name != "text");
            Some(members)
        };
        assert_eq!(other(bytes), other(&row.row));
    }
    assert_eq!(row.restored.expect("the row is restored").as_bytes(), bytes);
}

/// Edits in order on character boundaries.
fn edits(text: &str, script: &[u8]) -> Vec<Edit> {
    let (mut edits, mut at) = (Vec::new(), 0);
    for step in script.chunks_exact(3) {
        let start = text.ceil_char_boundary((at + usize::from(step[0])).min(text.len()));
        let end = text.ceil_char_boundary((start + usize::from(step[1])).min(text.len()));
        let with = ["", "", " ", "\"", "é\n", "/"][usize::from(step[2]) % 6].to_owned();
        if start < end {
            let span = Span::new(start, end);
            edits.push(Edit { span, rule: RuleId(0), with, confidence: None });
            at = end;
        }
    }
    edits
}

/// The members of a JSON object, values as they are written; none if a name has a control character,
/// which a run accepts.
pub(crate) fn members(row: &[u8]) -> Option<Vec<(String, String)>> {
    struct Members(Vec<(String, String)>);

    impl<'de> serde::Deserialize<'de> for Members {
        fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Members, D::Error> {
            struct Object;

            impl<'de> serde::de::Visitor<'de> for Object {
                type Value = Members;

                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("an object")
                }

                fn visit_map<A: serde::de::MapAccess<'de>>(
                    self,
                    mut map: A,
                ) -> Result<Members, A::Error> {
                    let mut members = Vec::new();
                    // A name may contain half a surrogate pair, which is not text.
                    while let Some((name, value)) = map.next_entry::<&RawValue, &RawValue>()? {
                        let name = serde_json::from_str(name.get())
                            .unwrap_or_else(|_| name.get().to_owned());
                        members.push((name, value.get().to_owned()));
                    }
                    Ok(Members(members))
                }
            }
            from.deserialize_map(Object)
        }
    }
    serde_json::from_slice::<Members>(row).ok().map(|Members(members)| members)
}
