//! Patterns on lines: the same matches and fields as the `regex` crate.

use std::fmt::Write as _;
use std::ops::Range;

use arbitrary::{Result, Unstructured};
use chaffinch_core::rules::Written;
use chaffinch_rules::{Found, Pattern};
use regex::{Regex, RegexBuilder};

/// No character of these lines and patterns is folded in a key, so a pattern matches what its regex
/// matches.
const TEXT: &[char] = &['a', 'b', 'c', 'A', 'B', 'é', 'É', 'ж', '1', ' ', ',', '.', '中'];

const LEAVES: &[&str] = &[
    "a",
    "b",
    "ab",
    "bc",
    "é",
    "ab é",
    ".",
    r"\w",
    r"\d",
    "[a-c]",
    "[^a]",
    "[é-ю]",
    r"\b",
    r"\B",
    "^",
    "$",
    "",
    "(?i:ab)",
    "(?i:bé)",
    r"\s",
    "ж",
    r"[\w,]",
    r"\p{Lu}",
    "中",
    ",",
    r"\.",
    "(?-i:A)",
    "[ab]c",
    r"\W",
    "aaa",
    "(?s:.)",
    r"\A",
    r"\z",
    r"\b{start}",
    r"\b{end}",
];

const COUNTS: &[&str] = &[
    "*", "+", "?", "{2}", "{1,3}", "{0,9}", "*?", "+?", "??", "{1,3}?", "{2,}", "{3,5}", "{0,2}?",
];

const KEYS: &[&str] = &["line", "start", "end", "inside"];

/// Bytes are choices in a grammar of patterns and lines.
pub(crate) fn run(data: &[u8]) {
    let _ = compare(&mut Unstructured::new(data));
}

fn compare(choices: &mut Unstructured<'_>) -> Result<()> {
    let key: &'static str = choices.choose(KEYS)?;
    let ignore_case: bool = choices.arbitrary()?;
    let (mut texts, mut groups) = (Vec::new(), 0);
    for _ in 0..choices.int_in_range(1..=3)? {
        let mut text = String::new();
        pattern(choices, 4, &mut groups, &mut text)?;
        texts.push(text);
    }
    let lines: Vec<String> = (0..4).map(|_| line(choices)).collect::<Result<_>>()?;
    let written = Written::new(vec![(key, texts.clone().into())], ignore_case);
    let Some(patterns) = written.patterns() else { return Ok(()) };
    let Ok(regexes) = regexes(key, &texts, ignore_case) else { return Ok(()) };
    for line in &lines {
        let found = found(&patterns[0], line);
        let wanted = wanted(&regexes, key == "inside", line);
        assert_eq!(found, wanted, "{key}: {texts:?} on {line:?}, ignore case: {ignore_case}");
    }
    Ok(())
}

fn line(choices: &mut Unstructured<'_>) -> Result<String> {
    let length = choices.int_in_range(0..=20)?;
    (0..length).map(|_| choices.choose(TEXT).copied()).collect()
}

fn pattern(
    choices: &mut Unstructured<'_>,
    depth: usize,
    groups: &mut usize,
    out: &mut String,
) -> Result<()> {
    let kind = if depth == 0 || choices.is_empty() { 0 } else { choices.int_in_range(0..=6)? };
    let mut inner = |out: &mut String| pattern(choices, depth - 1, groups, out);
    match kind {
        1 | 2 => {
            inner(out)?;
            inner(out)?;
        }
        3 => {
            out.push_str("(?:");
            inner(out)?;
            out.push(')');
            out.push_str(choices.choose(COUNTS)?);
        }
        4 => {
            *groups += 1;
            write!(out, "(?P<group{groups}>").unwrap_or_default();
            pattern(choices, depth - 1, groups, out)?;
            out.push(')');
        }
        5 | 6 => {
            // From six on, alternatives are looked up by their first byte.
            let ways = if kind == 5 { 2 } else { 7 };
            out.push_str("(?:");
            for way in 0..ways {
                out.push_str(if way == 0 { "" } else { "|" });
                inner(out)?;
            }
            out.push(')');
        }
        _ => out.push_str(choices.choose(LEAVES)?),
    }
    Ok(())
}

/// The regexes of a pattern in the order in which they are tried: those without groups as one, then
/// the others.
fn regexes(key: &str, texts: &[String], ignore_case: bool) -> Result<Vec<Regex>, regex::Error> {
    let (fielded, plain): (Vec<&String>, Vec<&String>) =
        texts.iter().partition(|text| text.contains("(?P<"));
    let plain: Vec<String> = plain.into_iter().map(|text| format!("(?:{text})")).collect();
    let plain = (!plain.is_empty()).then(|| plain.join("|"));
    let all = plain.into_iter().chain(fielded.into_iter().cloned());
    let (start, end) = match key {
        "line" => ("^", "$"),
        "start" => ("^", ""),
        "end" => ("", "$"),
        _ => ("", ""),
    };
    all.map(|text| {
        RegexBuilder::new(&format!("{start}(?:{text}){end}")).case_insensitive(ignore_case).build()
    })
    .collect()
}

type Match = (Range<usize>, Vec<(String, Range<usize>)>);

fn found(pattern: &Pattern, line: &str) -> Vec<Match> {
    let mut all = Vec::new();
    pattern.find(line, &mut |Found { range, fields }| all.push((range, fields)));
    all
}

/// The matches of the first regex that matches, without empty ones.
fn wanted(regexes: &[Regex], all: bool, line: &str) -> Vec<Match> {
    let Some(regex) = regexes.iter().find(|regex| regex.is_match(line)) else { return Vec::new() };
    let matches = regex.captures_iter(line).take(if all { usize::MAX } else { 1 });
    let matches = matches.map(|captures| {
        let range = captures.get_match().range();
        let fields = regex
            .capture_names()
            .flatten()
            .filter_map(|name| Some((name.to_owned(), captures.name(name)?.range())));
        (range, fields.collect())
    });
    matches.filter(|(range, _)| !range.is_empty()).collect()
}
