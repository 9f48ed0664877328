//! Parses YAML and reports all errors of a file together, each with its position.
//!
//! serde_yaml parses the values. Only if there are errors does a second parser determine the
//! positions of values in the file.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::rc::Rc;

use saphyr_parser::{Event, Parser};
use serde_yaml::{Mapping, Value};

use super::schema::{Key, Kind};

/// The maximum size of a file, in bytes. The parser's cost is quadratic in the nesting depth.
const MOST_BYTES: usize = 1 << 20;

/// An error in a YAML file, with its position.
#[derive(Clone)]
pub struct Problem {
    /// The file name, as given by the user. Empty if the problem is in no file.
    pub file: String,
    /// The text of the file, from which a line can be shown.
    pub source: String,
    /// The bytes of the text with the error.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl Problem {
    /// A problem with a complete file.
    pub fn whole(file: &str, message: impl Into<String>) -> Problem {
        let (file, source) = (file.to_owned(), String::new());
        Problem { file, source, span: 0..0, message: message.into(), help: None }
    }

    /// Line and column, both from 1. Columns count characters.
    pub fn position(&self) -> (usize, usize) {
        position(&self.source, self.span.start)
    }
}

/// Line and column of the byte `at` of a file, both from 1. Columns count characters.
pub fn position(source: &str, at: usize) -> (usize, usize) {
    let before = without_mark(source.get(..at).unwrap_or_default());
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before[line_start..].chars().count() + 1;
    (before.bytes().filter(|&b| b == b'\n').count() + 1, column)
}

/// A file without the byte order mark at its start, which some editors write.
pub fn without_mark(source: &str) -> &str {
    source.strip_prefix('\u{feff}').unwrap_or(source)
}

/// The text of a file that was read as bytes.
///
/// # Errors
/// If it is not UTF-8, with the position of the first byte that is not.
pub fn decode(file: &str, bytes: Vec<u8>) -> Result<String, Problem> {
    String::from_utf8(bytes).map_err(|error| {
        let start = error.utf8_error().valid_up_to();
        // A replacement character stands for the invalid bytes.
        let source = String::from_utf8_lossy(error.as_bytes()).into_owned();
        let span = start..start + char::REPLACEMENT_CHARACTER.len_utf8();
        let message = "the file is not valid UTF-8".to_owned();
        let help = Some("save it as UTF-8".to_owned());
        Problem { file: file.to_owned(), source, span, message, help }
    })
}

/// The value of a file, which may begin with a byte order mark.
pub(crate) fn value(source: &str) -> serde_yaml::Result<Value> {
    serde_yaml::from_str(without_mark(source))
}

// Uses the display form, because the text of the file does not help in a panic message.
impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.position();
        match self.source.is_empty() {
            true if self.file.is_empty() => f.write_str(&self.message)?,
            true => write!(f, "{}: {}", self.file, self.message)?,
            false => write!(f, "{}:{line}:{column}: {}", self.file, self.message)?,
        }
        self.help.iter().try_for_each(|help| write!(f, "; {help}"))
    }
}

impl std::error::Error for Problem {}

/// The part of `key: value` that has the error.
#[derive(Clone, Debug)]
enum Part {
    Key,
    Value,
    Inside(Range<usize>),
}

#[derive(Debug)]
struct UnplacedProblem {
    path: String,
    part: Part,
    message: String,
    help: Option<String>,
}

/// Collects the errors in one file.
#[derive(Clone, Debug, Default)]
pub struct Problems(Rc<RefCell<Vec<UnplacedProblem>>>);

impl Problems {
    fn add(&self, path: String, part: Part, message: String, help: Option<String>) {
        self.0.borrow_mut().push(UnplacedProblem { path, part, message, help });
    }

    /// The problems, each with its position in `source`.
    pub fn place(self, file: &str, source: &str) -> Vec<Problem> {
        let found = self.0.take();
        if found.is_empty() {
            return Vec::new();
        }
        let places = places(source);
        let mut problems: Vec<Problem> = found
            .into_iter()
            .map(|found| Problem {
                file: file.to_owned(),
                source: source.to_owned(),
                span: places.find(source, &found.path, &found.part),
                message: found.message,
                help: found.help,
            })
            .collect();
        problems.sort_by_key(|problem| problem.span.start);
        problems
    }
}

/// Parses a file into its top mapping.
///
/// # Errors
/// The first syntax error, or a file that is not a mapping or is over 1 MiB.
pub fn parse(file: &str, source: &str) -> Result<Mapping, Problem> {
    if source.len() > MOST_BYTES {
        return Err(Problem::whole(file, "the file is over 1 MiB; split it"));
    }
    // The place is the first character from a byte on.
    let at = |byte: usize, message: String, help: Option<&str>| {
        let start = (byte..source.len()).find(|&i| source.is_char_boundary(i)).unwrap_or(0);
        let length = source[start..].chars().next().map_or(0, char::len_utf8);
        Problem {
            file: file.to_owned(),
            source: source.to_owned(),
            span: start..start + length,
            message,
            help: help.map(str::to_owned),
        }
    };
    let start = source.len() - without_mark(source).len();
    match value(source) {
        Ok(Value::Mapping(mapping)) => Ok(mapping),
        Ok(Value::Null) => Err(at(start, "the file is empty".into(), None)),
        Ok(_) => Err(at(start, "expected `key: value` lines".into(), None)),
        Err(error) => Err(unplaced(file, source, &error.to_string()).unwrap_or_else(|| {
            let byte = start + error.location().map_or(0, |location| location.index());
            let message = error.to_string();
            let message = message.split(" at line ").next().unwrap_or_default().to_owned();
            let before = source.as_bytes().get(..byte).unwrap_or_default();
            let help = before.contains(&b'\t').then_some("YAML is indented with spaces, not tabs");
            at(byte, format!("not valid YAML: {message}"), help)
        })),
    }
}

/// The problem with this `message` of serde_yaml, if that gives no position or a wrong one.
fn unplaced(file: &str, source: &str, message: &str) -> Option<Problem> {
    let (chars, message, help) = if message.contains("duplicate entry with key") {
        let (chars, key) = places(source).duplicate?;
        (chars, format!("the key `{key}` occurs twice"), "keep one of them")
    } else if message.contains("more than one document") {
        let help = "remove this line and what follows, or put that into a file of its own";
        (places(source).second?, "a second YAML document begins here".to_owned(), help)
    } else if message.starts_with("control characters are not allowed") {
        let (at, c) = without_mark(source).chars().enumerate().find(|(_, c)| !is_valid(*c))?;
        let at = at + usize::from(source.starts_with('\u{feff}'));
        (
            at..at + 1,
            format!("the control character U+{:04X} is not allowed", u32::from(c)),
            "remove it",
        )
    } else {
        return None;
    };
    let (file, source) = (file.to_owned(), source.to_owned());
    let span = bytes(&source, &chars);
    Some(Problem { file, source, span, message, help: Some(help.to_owned()) })
}

/// Whether YAML allows a character.
fn is_valid(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..)
        && c != '\u{feff}'
}

/// The bytes of a range of characters.
fn bytes(source: &str, chars: &Range<usize>) -> Range<usize> {
    let byte = |at: usize| source.char_indices().nth(at).map_or(source.len(), |(byte, _)| byte);
    byte(chars.start)..byte(chars.end)
}

/// A mapping that is being read, with its valid keys.
pub struct Node<'a> {
    mapping: &'a Mapping,
    path: String,
    keys: &'static [Key],
    problems: Problems,
}

impl<'a> Node<'a> {
    /// The top mapping of a file with these keys.
    pub fn top(mapping: &'a Mapping, keys: &'static [Key], problems: &Problems) -> Node<'a> {
        Node { mapping, path: String::new(), keys, problems: problems.clone() }
    }

    /// The value of `key`, if it is present.
    pub fn take(&self, key: &str) -> Option<&'a Value> {
        debug_assert!(self.keys.iter().any(|known| known.name == key), "{key} is in no table");
        self.mapping.get(key)
    }

    /// The valid keys of the mappings at `key`.
    fn keys_below(&self, key: &str) -> &'static [Key] {
        match self.keys.iter().find(|known| known.name == key).map(|known| known.kind) {
            Some(Kind::Node(keys) | Kind::Nodes(keys)) => keys,
            _ => &[],
        }
    }

    /// Whether `key` is present.
    pub fn has(&self, key: &str) -> bool {
        self.mapping.contains_key(key)
    }

    /// A string.
    pub fn text(&self, key: &str) -> Option<&'a str> {
        match self.take(key)? {
            Value::String(text) => Some(text),
            other => {
                self.wrong(
                    key,
                    &format!("expected text, found {}", kind(other)),
                    quote_help(other),
                );
                None
            }
        }
    }

    /// A required string. `what` describes it in the message if it is missing.
    pub fn required(&self, key: &str, what: &str) -> Option<&'a str> {
        if !self.has(key) {
            self.missing(&format!("`{key}` is missing: {what}"));
        }
        self.text(key)
    }

    /// A string or a list of strings. Empty if the key is missing.
    pub fn texts(&self, key: &str) -> Vec<&'a str> {
        match self.take(key) {
            None => Vec::new(),
            Some(Value::String(text)) => vec![text],
            Some(Value::Sequence(items)) => {
                let mut texts = Vec::new();
                for (i, item) in items.iter().enumerate() {
                    match item {
                        Value::String(text) => texts.push(text.as_str()),
                        other => self.problems.add(
                            format!("{}[{i}]", self.child(key)),
                            Part::Value,
                            format!("expected text, found {}", kind(other)),
                            quote_help(other).map(str::to_owned),
                        ),
                    }
                }
                texts
            }
            Some(other) => {
                self.wrong(key, &format!("expected a list of texts, found {}", kind(other)), None);
                Vec::new()
            }
        }
    }

    /// Like [`Node::texts`], with owned strings.
    pub fn owned_texts(&self, key: &str) -> Vec<String> {
        self.texts(key).into_iter().map(str::to_owned).collect()
    }

    /// A positive integer.
    pub fn count(&self, key: &str) -> Option<usize> {
        match self.take(key)?.as_u64().filter(|&n| n > 0) {
            Some(n) => usize::try_from(n).ok(),
            None => {
                self.wrong(key, "expected a positive integer", None);
                None
            }
        }
    }

    /// `true` or `false`. False if the key is missing.
    pub fn flag(&self, key: &str) -> bool {
        match self.take(key) {
            None => false,
            Some(Value::Bool(flag)) => *flag,
            Some(other) => {
                self.wrong(key, &format!("expected true or false, found {}", kind(other)), None);
                false
            }
        }
    }

    /// One of several names.
    pub fn one_of<T: Copy>(&self, key: &str, names: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = names.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
            self.wrong(key, &format!("unknown {key} \"{text}\""), Some(&expected(text, &names)));
        }
        found
    }

    /// A mapping.
    pub fn node(&self, key: &str) -> Option<Node<'a>> {
        match self.take(key)? {
            Value::Mapping(mapping) => Some(self.below(mapping, key, self.child(key))),
            other => {
                self.wrong(
                    key,
                    &format!("expected `key: value` lines, found {}", kind(other)),
                    None,
                );
                None
            }
        }
    }

    /// A list of mappings.
    pub fn nodes(&self, key: &str) -> Vec<Node<'a>> {
        let items = match self.take(key) {
            None => return Vec::new(),
            Some(Value::Sequence(items)) => items,
            Some(other) => {
                self.wrong(key, &format!("expected a list, found {}", kind(other)), None);
                return Vec::new();
            }
        };
        let mut nodes = Vec::new();
        for (i, item) in items.iter().enumerate() {
            let path = format!("{}[{i}]", self.child(key));
            match item {
                Value::Mapping(mapping) => nodes.push(self.below(mapping, key, path)),
                other => {
                    let message = format!("expected `key: value` lines, found {}", kind(other));
                    self.problems.add(path, Part::Value, message, None);
                }
            }
        }
        nodes
    }

    /// The keys and strings of a mapping.
    pub fn pairs(&self, key: &str) -> Vec<(String, String)> {
        let Some(Value::Mapping(mapping)) = self.take(key) else {
            if self.has(key) {
                self.wrong(key, "expected `name: text` lines", None);
            }
            return Vec::new();
        };
        let mut pairs = Vec::new();
        for (name, value) in mapping {
            match (name.as_str(), value.as_str()) {
                (Some(name), Some(value)) => pairs.push((name.to_owned(), value.to_owned())),
                _ => self.wrong(key, "expected `name: text` lines", None),
            }
        }
        pairs
    }

    /// The mapping at `key` of item `index` of the list `list`, with these keys, if the item has only
    /// that key.
    pub fn item_node(
        &self,
        list: &str,
        index: usize,
        key: &str,
        keys: &'static [Key],
    ) -> Option<Node<'a>> {
        let item = self.take(list)?.get(index)?.as_mapping().filter(|item| item.len() == 1)?;
        let mapping = item.get(key)?.as_mapping()?;
        let path = format!("{}[{index}].{key}", self.child(list));
        Some(Node { mapping, path, keys, problems: self.problems.clone() })
    }

    /// Names with single values or lists of them, as text. A list gives one pair for each item.
    pub fn settings(&self, key: &str) -> Vec<(String, String)> {
        let mapping = match self.take(key) {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::Mapping(mapping)) => mapping,
            Some(_) => {
                self.wrong(key, "expected `name: value` lines", None);
                return Vec::new();
            }
        };
        let text = |value: &Value| match value {
            Value::Bool(value) => Some(value.to_string()),
            Value::Number(value) => Some(value.to_string()),
            Value::String(value) => Some(value.clone()),
            _ => None,
        };
        let mut settings = Vec::new();
        for (name, value) in mapping {
            let Some(name) = name.as_str() else {
                self.wrong(key, "keys must be text", None);
                continue;
            };
            let values = match value {
                Value::Sequence(items) => items.iter().map(text).collect(),
                one => text(one).map(|value| vec![value]),
            };
            match values {
                Some(values) => {
                    settings.extend(values.into_iter().map(|value| (name.to_owned(), value)));
                }
                None => {
                    let message = format!("`{name}` must be a single value or a list of them");
                    self.problems.add(
                        format!("{}.{name}", self.child(key)),
                        Part::Value,
                        message,
                        None,
                    );
                }
            }
        }
        settings
    }

    fn below(&self, mapping: &'a Mapping, key: &str, path: String) -> Node<'a> {
        Node { mapping, path, keys: self.keys_below(key), problems: self.problems.clone() }
    }

    fn child(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Reports an error in the value of `key`.
    pub fn wrong(&self, key: &str, message: &str, help: Option<&str>) {
        let help = help.map(str::to_owned);
        self.problems.add(self.child(key), Part::Value, message.to_owned(), help);
    }

    /// Reports an error in item `index` of the list `key`.
    pub fn wrong_item(&self, key: &str, index: usize, message: &str, help: Option<&str>) {
        let path = format!("{}[{index}]", self.child(key));
        self.problems.add(path, Part::Value, message.to_owned(), help.map(str::to_owned));
    }

    /// Reports an error in a part of the string at `key`, or of its item `index`.
    pub fn wrong_inside(
        &self,
        key: &str,
        index: Option<usize>,
        range: Range<usize>,
        message: &str,
    ) {
        let path = match index {
            Some(index) => format!("{}[{index}]", self.child(key)),
            None => self.child(key),
        };
        self.problems.add(path, Part::Inside(range), message.to_owned(), None);
    }

    /// Reports that something is missing in this mapping.
    pub fn missing(&self, message: &str) {
        self.problems.add(self.path.clone(), Part::Key, message.to_owned(), None);
    }

    /// Reports an error in a key and not in its value.
    pub fn wrong_key(&self, key: &str, message: &str, help: Option<&str>) {
        let help = help.map(str::to_owned);
        self.problems.add(self.child(key), Part::Key, message.to_owned(), help);
    }

    /// Reports all unknown keys of the mapping.
    pub fn finish(self) {
        let names: Vec<&str> = self.keys.iter().map(|key| key.name).collect();
        for key in self.mapping.keys() {
            match key.as_str() {
                Some(key) if names.contains(&key) => {}
                Some(key) => {
                    let help = expected(key, &names);
                    self.wrong_key(key, &format!("unknown key \"{key}\""), Some(&help));
                }
                None => self.missing("keys must be text"),
            }
        }
    }
}

/// A suggestion: `did you mean …?` or the valid names.
pub fn expected(found: &str, names: &[&str]) -> String {
    let near = names
        .iter()
        .map(|name| (strsim::damerau_levenshtein(found, name), *name))
        .filter(|(distance, name)| *distance <= 1 + name.len() / 4)
        .min();
    match near {
        Some((_, name)) => format!("did you mean \"{name}\"?"),
        None => format!("expected one of: {}", names.join(", ")),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Sequence(_) => "a list",
        Value::Mapping(_) => "`key: value` lines",
        Value::Tagged(_) => "a tagged value",
    }
}

fn quote_help(value: &Value) -> Option<&'static str> {
    matches!(value, Value::Bool(_) | Value::Number(_)).then_some("put it in quotes")
}

/// The positions of the keys and values of a file, in characters.
///
/// A path names a value: `rules[2].removes[0]`.
#[derive(Default)]
pub struct Places {
    values: HashMap<String, Range<usize>>,
    keys: HashMap<String, Range<usize>>,
    /// The ends of lists: at their bracket, if they have one.
    ends: HashMap<String, usize>,
    /// The first key that occurs twice in its mapping, and its name.
    duplicate: Option<(Range<usize>, String)>,
    /// The start of a second document.
    second: Option<Range<usize>>,
}

impl Places {
    /// The positions in a file. If it is not valid YAML, only those before the error.
    pub fn of(source: &str) -> Places {
        places(source)
    }

    /// The bytes of the value at `path` (of its first line, if it has several), or of a part of
    /// that text. The start of the file if there is no such value.
    pub fn value(&self, source: &str, path: &str, part: Option<Range<usize>>) -> Range<usize> {
        self.find(source, path, &part.map_or(Part::Value, Part::Inside))
    }

    /// The bytes of the key at `path`, and of everything after its colon, including the header of a
    /// block scalar (`|`).
    pub(crate) fn entry(&self, source: &str, path: &str) -> Option<(Range<usize>, Range<usize>)> {
        let byte = |at: usize| source.char_indices().nth(at).map_or(source.len(), |(byte, _)| byte);
        let key = self.keys.get(path)?;
        let value = self.values.get(path)?;
        let (start, end) = (byte(key.end), byte(value.end));
        let colon = start + source.get(start..end)?.find(':')? + 1;
        let space = source[colon..end].len() - source[colon..end].trim_start_matches(' ').len();
        let begin = colon + space;
        Some((byte(key.start)..start, begin..begin + source[begin..end].trim_end().len()))
    }

    /// The bytes of an item of the list at `path`.
    pub(crate) fn item(&self, source: &str, path: &str, index: usize) -> Option<Range<usize>> {
        let chars = self.values.get(&format!("{path}[{index}]"))?;
        let Range { start, end } = bytes(source, chars);
        Some(start..start + source[start..end].trim_end().len())
    }

    /// The offset of the closing bracket of the flow list at `path`.
    pub(crate) fn list_end(&self, source: &str, path: &str) -> Option<usize> {
        let end = self.ends.get(path)?;
        source.char_indices().nth(*end).map(|(byte, _)| byte)
    }

    fn find(&self, source: &str, path: &str, part: &Part) -> Range<usize> {
        let chars = match part {
            Part::Key => self.keys.get(path).or_else(|| self.values.get(path)),
            Part::Value | Part::Inside(_) => self.values.get(path).or_else(|| self.keys.get(path)),
        };
        // A list of one string may be written as a string.
        let chars = chars.or_else(|| self.values.get(path.strip_suffix("[0]")?));
        let chars = chars.cloned().unwrap_or(0..0);
        let span = bytes(source, &chars);
        let span = span.start..span.start + source[span.clone()].trim_end().len();
        match part {
            Part::Inside(range) => inside(source, &span, range),
            _ => {
                let first_line = source[span.clone()].lines().next().map_or(0, str::len);
                span.start..span.start + first_line
            }
        }
    }
}

/// The bytes of a part of a scalar. The complete scalar if it has escapes or is folded.
fn inside(source: &str, span: &Range<usize>, range: &Range<usize>) -> Range<usize> {
    let written = &source[span.clone()];
    let quote = usize::from(written.starts_with(['\'', '"']));
    let escaped = match written.as_bytes().first() {
        Some(b'\'') => written[1..written.len().max(2) - 1].contains("''"),
        Some(b'"') => written.contains('\\'),
        _ => false,
    };
    let plain = !escaped && !written.contains('\n');
    let part = span.start + quote + range.start..span.start + quote + range.end;
    match plain && part.end <= span.end && source.get(part.clone()).is_some() {
        true => part,
        false => span.start..span.start + written.lines().next().map_or(0, str::len),
    }
}

enum Level {
    List(String, usize),
    Map(String, Option<String>),
}

fn places(source: &str) -> Places {
    let mut places = Places::default();
    let mut levels: Vec<Level> = Vec::new();
    let mut documents = 0;
    let text = without_mark(source);
    let start = usize::from(text.len() < source.len());
    for event in Parser::new_from_str(text) {
        let Ok((event, span)) = event else { break };
        let chars = start + span.start.index()..start + span.end.index();
        if let (Event::Scalar(text, ..), Some(Level::Map(path, key @ None))) =
            (&event, levels.last_mut())
        {
            let full = if path.is_empty() { text.to_string() } else { format!("{path}.{text}") };
            if places.keys.insert(full, chars.clone()).is_some() && places.duplicate.is_none() {
                places.duplicate = Some((chars, text.to_string()));
            }
            *key = Some(text.to_string());
            continue;
        }
        let path = match event {
            Event::Scalar(..)
            | Event::Alias(_)
            | Event::SequenceStart(..)
            | Event::MappingStart(..) => match levels.last_mut() {
                None => String::new(),
                Some(Level::List(path, next)) => {
                    *next += 1;
                    format!("{path}[{}]", *next - 1)
                }
                Some(Level::Map(path, key)) => {
                    let key = key.take().unwrap_or_default();
                    if path.is_empty() { key } else { format!("{path}.{key}") }
                }
            },
            _ => String::new(),
        };
        match event {
            Event::DocumentStart(_) => {
                documents += 1;
                if documents == 2 {
                    places.second = Some(chars);
                    break;
                }
            }
            Event::Scalar(..) | Event::Alias(_) => {
                places.values.insert(path, chars);
            }
            Event::SequenceStart(..) => {
                places.values.insert(path.clone(), chars);
                levels.push(Level::List(path, 0));
            }
            Event::MappingStart(..) => {
                places.values.insert(path.clone(), chars);
                levels.push(Level::Map(path, None));
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(Level::List(path, _)) = levels.pop() {
                    places.ends.insert(path, chars.start);
                }
            }
            _ => {}
        }
    }
    places
}
