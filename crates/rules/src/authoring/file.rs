//! Rule files in memory: the rules of an outlet, a family or a stage, with their patterns and cases.

use std::fmt;
use std::sync::Arc;

use chaffinch_stage::{Role, Rule};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::matching::{Anchor, List, Pattern, folding};

/// The kind of a rule file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// One news site.
    Outlet,
    /// What several outlets have in common, such as a publisher or a content management system.
    Family,
    /// One stage, for all outlets.
    Generic,
}

/// A parsed rule file.
#[derive(Clone, Debug)]
pub struct RuleFile {
    /// The file name, as given by the user.
    pub file: String,
    /// The kind of the file.
    pub subject: Subject,
    /// The id of the outlet, family or stage.
    pub id: String,
    /// A display name.
    pub name: Option<String>,
    /// The outlet's language, an ISO 639 code.
    pub language: Option<String>,
    /// Host names. Subdomains are included.
    pub hosts: Vec<String>,
    /// Globs over document paths.
    pub paths: Vec<String>,
    /// Literals that begin or end a line's key.
    pub signs: Vec<String>,
    /// Families whose rules also apply.
    pub extends: Vec<String>,
    /// The rules, in order.
    pub rules: Vec<FileRule>,
    /// Documents with their expected output.
    pub examples: Vec<Example>,
    /// Accepted hits on clean articles or other outlets.
    pub allow: Vec<Allow>,
}

/// A rule with its patterns and cases.
#[derive(Clone, Debug)]
pub struct FileRule {
    /// The part of the rule that stages see.
    pub rule: Rule,
    /// The language of its cue words, for generic rules.
    pub language: Option<String>,
    /// The compiled patterns; two for a block, none for a detector.
    pub patterns: Vec<Pattern>,
    /// The pattern as written.
    pub written: Written,
    /// The dates on which the rule applies.
    pub era: Era,
    /// Its index among the rules of its file.
    pub at: usize,
    /// Its cases.
    pub cases: Cases,
    /// A digest of everything that decides what it cuts: pattern, place, action.
    pub digest: u64,
}

/// Texts that a rule must remove, and texts that it must keep.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cases {
    /// Texts that the rule must remove.
    pub removes: Vec<String>,
    /// Texts that the rule must keep.
    pub keeps: Vec<String>,
}

/// Computes [`FileRule::digest`].
pub(crate) fn digest(rule: &Rule, written: &Written, era: &Era) -> u64 {
    let lists: Vec<u64> = written
        .lists
        .iter()
        .flat_map(|lists| lists.iter())
        .map(|list: &List| list.digest)
        .collect();
    let described = format!(
        "{} {:?}\n{:?} {:?} {:?} {lists:?}\n{era:?}\n{:?} {:?} {:?} {} {:?} {} {:?}",
        rule.stage,
        rule.fields,
        written.keys,
        written.ignore_case,
        written.template.as_ref().map(|_| written.to_string()),
        rule.place,
        rule.at,
        rule.action,
        rule.max_lines,
        rule.max_words,
        rule.safe,
        rule.certainty
    );
    xxh3_64(described.as_bytes())
}

/// Keys of a pattern, each with its texts.
pub type WrittenKeys = Vec<(&'static str, Arc<[String]>)>;

/// A pattern as written in a rule file: keys, each with its texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The keys, such as `text`, `line` or `detect`, with their texts.
    pub keys: WrittenKeys,
    /// Whether case is ignored.
    pub ignore_case: bool,
    /// For a pattern that uses lists of the lexicon: the keys before the lists were expanded.
    pub template: Option<WrittenKeys>,
    /// The lists that the texts of each key use, in the order of the keys. Empty if none are used.
    pub(crate) lists: Vec<Arc<[List]>>,
}

impl Written {
    /// A pattern with these keys and texts, without lists.
    pub fn new(keys: WrittenKeys, ignore_case: bool) -> Written {
        Written { keys, ignore_case, ..Written::default() }
    }

    /// The same pattern, ignoring case.
    pub fn in_any_case(&self) -> Written {
        Written { ignore_case: true, ..self.clone() }
    }

    /// Compiles the patterns. `None` if one is invalid or uses lists of the lexicon.
    pub fn patterns(&self) -> Option<Vec<Pattern>> {
        let valid = |(key, texts): &(&'static str, Arc<[String]>)| {
            let valid = |text: &String| folding::check(text, *key == "text", self.ignore_case);
            *key == "detect" || texts.iter().all(|text| valid(text).is_ok())
        };
        let pattern = |(key, texts): &(&'static str, Arc<[String]>)| {
            let (anchor, role) = kind_of(key);
            Pattern::new(anchor, role, Arc::clone(texts), *key == "text", self.ignore_case)
        };
        let keys = self.keys.iter().filter(|(key, _)| *key != "detect");
        let valid = self.template.is_none() && self.keys.iter().all(valid);
        valid.then(|| keys.map(pattern).collect())
    }
}

/// The part of a line that a key's pattern matches, and the role of its hits.
pub(crate) fn kind_of(key: &str) -> (Anchor, Role) {
    match key {
        "start" => (Anchor::Start, Role::Part),
        "end" => (Anchor::End, Role::Part),
        "inside" => (Anchor::Inside, Role::Part),
        "from" => (Anchor::Line, Role::From),
        "through" => (Anchor::Line, Role::Through),
        "unless" => (Anchor::Unless, Role::Part),
        _ => (Anchor::Line, Role::Line),
    }
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.template.as_ref().unwrap_or(&self.keys);
        for (at, (key, texts)) in keys.iter().enumerate() {
            let space = if at > 0 { " " } else { "" };
            write!(f, "{space}{key}: {}", texts.join(" | "))?;
        }
        Ok(())
    }
}

/// The dates on which a rule applies, usually those of one page layout of its outlet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Era {
    /// The first day, such as `2024-05-31`.
    pub since: Option<String>,
    /// The day after the last one.
    pub until: Option<String>,
}

impl Era {
    /// Whether the rule applies on every day.
    pub fn is_always(&self) -> bool {
        self.since.is_none() && self.until.is_none()
    }

    /// Whether the rule applies on `day`, such as `2024-05-31`.
    pub fn holds(&self, day: &str) -> bool {
        self.since.as_deref().is_none_or(|since| since <= day)
            && self.until.as_deref().is_none_or(|until| day < until)
    }
}

/// An accepted hit of a rule on a clean article or another outlet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allow {
    /// The rule's full id.
    pub rule: String,
    /// The article of the baseline, or the outlet.
    pub on: String,
    /// Why the hit is acceptable.
    pub why: String,
}

/// A document with its expected output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// The document.
    pub text: String,
    /// The expected output.
    pub clean: String,
}

/// The rules for names, for messages.
pub const NAME: &str =
    "a name consists of a-z, 0-9, `-`, `.` and `_` and begins with a letter or digit";

/// The rules for names as a regex, for JSON Schemas.
pub(crate) const NAME_PATTERN: &str = "^[a-z0-9][a-z0-9._-]*$";

/// Names that begin the ids of rules of no outlet: generic rules, and the own rules of stages.
pub const RESERVED: [&str; 2] = ["generic", "stage"];

/// Whether `text` is a valid name of an outlet, a family, a rule or a rule file.
pub fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(plain) && text.chars().all(|c| plain(c) || "-._".contains(c))
}

/// The keys of a rule's pattern, including `through` and `unless`, which accompany others.
pub(crate) const WRITTEN_KEYS: [&str; 9] =
    ["text", "line", "start", "end", "inside", "from", "detect", "through", "unless"];
