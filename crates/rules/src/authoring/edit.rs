//! Edits one value of a YAML file and preserves comments, order and style. Used to update rule
//! files after reviewing and learning.

use serde_yaml::Value;

use super::yaml::{self, Places};

/// Sets `key: text` in the mapping at `path`, such as `rules[2]`, and returns the new file.
/// Replaces an existing value; otherwise adds a line after the key `below`.
///
/// Returns `None` if that would change anything else.
pub fn set(source: &str, path: &str, key: &str, text: &str, below: &str) -> Option<String> {
    let places = Places::of(source);
    let before: Value = yaml::value(source).ok()?;
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
        let after: Value = yaml::value(&changed).ok()?;
        let mut wanted = before.clone();
        at_path(&mut wanted, path)?.insert(key.into(), text.into());
        (after == wanted).then_some(changed)
    };
    let block = |indent: &str| block(text, indent);
    changed(&block)
        .or_else(|| changed(&|_| Some(quote(text))))
        .or_else(|| changed(&|_| Some(double(text))))
}

/// Appends `items` to the list `key` in the mapping at `path` and returns the new file. A single
/// text becomes a list.
///
/// Returns `None` if the key does not exist or anything else would change.
pub fn push(source: &str, path: &str, key: &str, items: &[String]) -> Option<String> {
    let places = Places::of(source);
    let mut wanted: Value = yaml::value(source).ok()?;
    let full = match path.is_empty() {
        true => key.to_owned(),
        false => format!("{path}.{key}"),
    };
    let (_, value) = places.entry(source, &full)?;
    let list = at_path(&mut wanted, path)?.get_mut(key)?;
    let count = match &*list {
        Value::Sequence(items) => Some(items.len()),
        _ => None,
    };
    let quoted: Vec<String> = items.iter().map(|item| quote(item)).collect();
    let joined = quoted.join(", ");
    let changed = match count {
        None => {
            let old = &source[value.clone()];
            format!("{}[{old}, {joined}]{}", &source[..value.start], &source[value.end..])
        }
        Some(_) if source[value.start..].starts_with('[') => {
            let close = places.list_end(source, &full)?;
            let empty = source[value.start + 1..close].trim().is_empty();
            let comma = if empty { "" } else { ", " };
            format!("{}{comma}{joined}{}", source[..close].trim_end(), &source[close..])
        }
        Some(count) => {
            let last = places.item(source, &full, count.checked_sub(1)?)?;
            let dash = source[..last.start].rfind('-')?;
            let end = source[last.end..].find('\n').map_or(source.len(), |n| last.end + n);
            let indent = indent_of(source, dash);
            let lines: String = quoted.iter().map(|item| format!("\n{indent}- {item}")).collect();
            format!("{}{lines}{}", &source[..end], &source[end..])
        }
    };
    let new = items.iter().map(|item| Value::from(item.as_str()));
    match list {
        Value::Sequence(list) => list.extend(new),
        one => *one = Value::Sequence(std::iter::once(one.clone()).chain(new).collect()),
    }
    let after: Value = yaml::value(&changed).ok()?;
    (after == wanted).then_some(changed)
}

/// Appends a mapping to the list `key`, which is created if needed, and returns the new file.
/// `lines` are the lines of the mapping without indentation.
///
/// Returns `None` if that would change anything else.
pub fn append(source: &str, key: &str, lines: &[String]) -> Option<String> {
    let mut wanted: Value = yaml::value(source).ok()?;
    let item: Value = serde_yaml::from_str(&lines.join("\n")).ok()?;
    let list = wanted.as_mapping_mut()?.entry(key.into()).or_insert(Value::Sequence(Vec::new()));
    let list = list.as_sequence_mut()?;
    let last = list.len().checked_sub(1);
    list.push(item);
    let places = Places::of(source);
    let (at, indent, head) = match last {
        None => (source.len(), "  ".to_owned(), format!("{key}:\n")),
        Some(last) => {
            let first = places.item(source, key, last)?.start;
            let dash = source[..first].rfind('-')?;
            let indent = indent_of(source, dash);
            let line_end = source[first..].find('\n').map_or(source.len(), |n| first + n + 1);
            // The item continues as long as lines are indented more than its dash.
            let (mut end, mut at) = (line_end, line_end);
            for line in source[line_end..].split_inclusive('\n') {
                let inside = line.len() - line.trim_start_matches(' ').len() > indent.len();
                at += line.len();
                match (line.trim().is_empty(), inside) {
                    (true, _) => {}
                    (false, true) => end = at,
                    (false, false) => break,
                }
            }
            (end, indent, String::new())
        }
    };
    let item = lines.join(&format!("\n{indent}  "));
    // Put a blank line above it, and below it if anything follows.
    let (above, below) = (source[..at].trim_end_matches('\n'), &source[at..]);
    let gap = if below.is_empty() || below.starts_with('\n') { "" } else { "\n" };
    let changed = format!("{above}\n\n{head}{indent}- {item}\n{gap}{below}");
    let after: Value = yaml::value(&changed).ok()?;
    (after == wanted).then_some(changed)
}

/// The rule file `before` with one rule replaced, added or removed, according to the file `now`.
///
/// Comments are lost. Returns `None` if the files are not rule files.
pub fn splice(
    before: Option<&str>,
    old: Option<usize>,
    now: Option<&str>,
    new: Option<usize>,
) -> Option<String> {
    let now: Option<Value> = now.map(yaml::value).transpose().ok()?;
    let rules = |file: &Value| Some(file.get("rules")?.as_sequence()?.clone());
    let rule = match (&now, new) {
        (Some(now), Some(new)) => Some(rules(now)?.get(new)?.clone()),
        _ => None,
    };
    // For a new file, everything except its other rules.
    let mut file: Value = match before {
        Some(before) => yaml::value(before).ok()?,
        None => {
            let mut file = now.clone()?;
            *file.get_mut("rules")?.as_sequence_mut()? = Vec::new();
            file
        }
    };
    let id = |rule: &Value| rule.get("id").and_then(Value::as_str).map(str::to_owned);
    let above: Option<String> = match (&now, new) {
        (Some(now), Some(new)) if new > 0 => rules(now)?.get(new - 1).and_then(id),
        _ => None,
    };
    let list = file.as_mapping_mut()?.entry("rules".into()).or_insert(Value::Sequence(Vec::new()));
    let list = list.as_sequence_mut()?;
    match (old, rule) {
        (Some(old), Some(rule)) => *list.get_mut(old)? = rule,
        (Some(old), None) if old < list.len() => drop(list.remove(old)),
        (None, Some(rule)) => {
            let previous = list.iter().position(|other| above.is_some() && id(other) == above);
            let at = match (previous, &above) {
                (Some(at), _) => at + 1,
                (None, None) => 0,
                (None, Some(_)) => list.len(),
            };
            list.insert(at, rule);
        }
        _ => {}
    }
    serde_yaml::to_string(&file).ok()
}

/// Spaces for the indentation of what is at `at`; the dash of a list item counts as a space.
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

/// A text of several lines as a block scalar of a key that is indented by `indent`.
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

/// A text as a YAML scalar: in single quotes, or in double quotes if it needs escapes.
pub fn quote(text: &str) -> String {
    let plain =
        text.chars().all(|c| !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}'));
    if plain { format!("'{}'", text.replace('\'', "''")) } else { double(text) }
}

/// A text as a YAML scalar in double quotes.
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
    fn only_one_value_is_changed() {
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

    #[test]
    fn one_rule_of_several_is_taken_from_another_version() {
        let before = "outlet: x\nrules: [{id: a, line: 'one: 1'}, {id: b, line: two}]\n";
        let now = "outlet: y\nrules: [{id: c, line: new}, {id: a, line: 'one: 2'}]\n";
        let spliced = |old, new| {
            let text = splice(Some(before), old, Some(now), new).unwrap();
            let file: Value = serde_yaml::from_str(&text).unwrap();
            assert_eq!(file["outlet"], "x");
            let rules = file["rules"].as_sequence().unwrap().clone();
            let line = |rule: &Value| rule["line"].as_str().unwrap().to_owned();
            rules.iter().map(line).collect::<Vec<_>>()
        };
        assert_eq!(spliced(Some(0), Some(1)), ["one: 2", "two"]);
        assert_eq!(spliced(Some(1), None), ["one: 1"]);
        assert_eq!(spliced(None, Some(0)), ["new", "one: 1", "two"]);
        let new = splice(None, None, Some(now), Some(1)).unwrap();
        let new: Value = serde_yaml::from_str(&new).unwrap();
        assert_eq!((&new["outlet"], &new["rules"][0]["id"]), (&"y".into(), &"a".into()));
        assert_eq!(new["rules"].as_sequence().unwrap().len(), 1);
    }

    #[test]
    fn a_list_of_mappings_grows_at_its_end() {
        let item = ["id: c".to_owned(), "line: 'z: z'".to_owned()];
        let new = append(FILE, "rules", &item).unwrap();
        let wanted = "{id: b, line: y}\n\n  - id: c\n    line: 'z: z'\n\nexamples:";
        assert_eq!(new, FILE.replace("{id: b, line: y}\nexamples:", wanted));
        let none = append("outlet: x\n", "rules", &item).unwrap();
        assert_eq!(none, "outlet: x\n\nrules:\n  - id: c\n    line: 'z: z'\n");
        let last = "rules:\n- id: a\n  text: |\n    - x\n\n    y\n";
        let new = append(last, "rules", &item).unwrap();
        assert_eq!(new, format!("{last}\n- id: c\n  line: 'z: z'\n"));
        assert_eq!(append("rules: [{id: a}]\n", "rules", &item), None);
    }

    #[test]
    fn a_byte_order_mark_stays() {
        let file = format!("\u{feff}{FILE}");
        let until = set(&file, "rules[0]", "until", "2024-01-31", "id").unwrap();
        assert_eq!(until, file.replace("the first", "the first\n    until: '2024-01-31'"));
        let new = append(&file, "rules", &["id: c".to_owned()]).unwrap();
        assert_eq!(new, file.replace("line: y}\n", "line: y}\n\n  - id: c\n\n"));
        let hosts = "\u{feff}hosts: [a.org]\nname: x\n";
        let new = push(hosts, "", "hosts", &["b.org".to_owned()]).unwrap();
        assert_eq!(new, "\u{feff}hosts: [a.org, 'b.org']\nname: x\n");
        assert!(splice(Some(&file), Some(0), Some(&file), Some(1)).is_some());
    }

    #[test]
    fn lists_grow_at_their_end() {
        let file = "outlet: x
recognise:
  hosts: [a.org, b.org]  # both
  paths: '**/x/**'
  signs:
    - \"One: sign\"   # the first
    - two
rules: []
";
        let push = |key, item: &str| push(file, "recognise", key, &[item.to_owned()]).unwrap();
        assert_eq!(push("hosts", "c.org"), file.replace("b.org]", "b.org, 'c.org']"));
        assert_eq!(push("paths", "y"), file.replace("'**/x/**'", "['**/x/**', 'y']"));
        assert_eq!(push("signs", "it's"), file.replace("- two", "- two\n    - 'it''s'"));
        assert_eq!(super::push(file, "", "extends", &["a".to_owned()]), None);
    }
}
