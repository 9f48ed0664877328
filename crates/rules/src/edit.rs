//! Changing one value of a YAML file and nothing else: comments, order and style stay.

use serde_yaml::Value;

use crate::yaml::Places;

/// The file with `key: text` in the mapping at `path`, such as `rules[2]`: in the place of the
/// value that is there, else in a new line below that of the key `below`.
///
/// None if that cannot be done without changing anything else.
pub fn set(source: &str, path: &str, key: &str, text: &str, below: &str) -> Option<String> {
    let places = Places::of(source);
    let before: Value = serde_yaml::from_str(source).ok()?;
    let old = places.entry(source, &format!("{path}.{key}"));
    let changed = |scalar: &dyn Fn(&str) -> Option<String>| {
        let changed = match &old {
            Some((found, value)) => {
                let scalar = scalar(&indent_of(source, found.start))?;
                format!("{}{scalar}{}", &source[..value.start], &source[value.end..])
            }
            None => {
                let (anchor, value) = places.entry(source, &format!("{path}.{below}"))?;
                let flow = source[..anchor.start].trim_end().ends_with(['{', ',']);
                let line_end =
                    source[value.end..].find('\n').map_or(source.len(), |n| value.end + n);
                let (at, lead) = match flow {
                    true => (value.end, ", ".to_owned()),
                    false => (line_end, format!("\n{}", indent_of(source, anchor.start))),
                };
                let scalar = scalar(&indent_of(source, anchor.start))?;
                format!("{}{lead}{key}: {scalar}{}", &source[..at], &source[at..])
            }
        };
        let after: Value = serde_yaml::from_str(&changed).ok()?;
        let mut wanted = before.clone();
        at_path(&mut wanted, path)?.insert(key.into(), text.into());
        (after == wanted).then_some(changed)
    };
    let block = |indent: &str| block(text, indent);
    changed(&block)
        .or_else(|| changed(&|_| Some(quote(text))))
        .or_else(|| changed(&|_| Some(double(text))))
}

/// White space that stands before what is at `at`, a list's dash counted as space.
fn indent_of(source: &str, at: usize) -> String {
    let line = source[..at].rfind('\n').map_or(0, |line| line + 1);
    " ".repeat(source[line..at].chars().count())
}

fn at_path<'v>(value: &'v mut Value, path: &str) -> Option<&'v mut serde_yaml::Mapping> {
    let mut found = value;
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let (name, index) = match part.strip_suffix(']').and_then(|part| part.split_once('[')) {
            Some((name, index)) => (name, Some(index.parse::<usize>().ok()?)),
            None => (part, None),
        };
        found = found.as_mapping_mut()?.get_mut(name)?;
        if let Some(index) = index {
            found = found.as_sequence_mut()?.get_mut(index)?;
        }
    }
    found.as_mapping_mut()
}

/// A text of several lines as a block below a key that is indented by `indent`.
fn block(text: &str, indent: &str) -> Option<String> {
    let head = match (text.ends_with('\n'), text.contains('\n')) {
        (true, true) => "|",
        (false, true) => "|-",
        (_, false) => return None,
    };
    let lines = text.strip_suffix('\n').unwrap_or(text).split('\n').map(|line| match line {
        "" => String::from("\n"),
        line => format!("\n{indent}  {line}"),
    });
    Some(format!("{head}{}", lines.collect::<String>()))
}

/// A text as a YAML scalar: in single quotes, or double ones where it needs escapes.
pub fn quote(text: &str) -> String {
    let plain =
        text.chars().all(|c| !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}'));
    if plain { format!("'{}'", text.replace('\'', "''")) } else { double(text) }
}

/// A text in double quotes.
pub fn double(text: &str) -> String {
    use std::fmt::Write;
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{a0}') => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# A paper.
outlet: paper   # of the valley
rules:
  - id: a       # the first
    line: x
  - {id: b, line: y}
examples:
  - text: |
      One.

      Two.
    clean: |
      One.   # no comment
  - clean: 'x'
    text: y
";

    #[test]
    fn a_value_is_changed_and_nothing_else() {
        let set = |path, key, text| set(FILE, path, key, text, "id").unwrap();
        let clean = set("examples[0]", "clean", "One.\n\n  Two.\n");
        assert_eq!(clean, FILE.replace("One.   # no comment", "One.\n\n        Two."));
        let clean = set("examples[1]", "clean", " a\n\n\nb");
        assert_eq!(clean, FILE.replace("'x'", "\" a\\n\\n\\nb\""));
        let until = set("rules[0]", "until", "2024-01-31");
        assert_eq!(until, FILE.replace("the first", "the first\n    until: '2024-01-31'"));
        let until = set("rules[1]", "until", "2024-01-31");
        assert_eq!(until, FILE.replace("{id: b,", "{id: b, until: '2024-01-31',"));
        assert_eq!(super::set(FILE, "rules[7]", "until", "x", "id"), None);
    }
}
