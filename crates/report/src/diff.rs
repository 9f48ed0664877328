//! Compares two runs over the same documents and groups the differences by rule.
//!
//! A changed rule may change thousands of documents. The result lists each rule that cuts more or
//! less than before, its distinct texts, and some of their occurrences. Changes inside articles
//! come first.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;

use chaffinch_core::stage::script;
use chaffinch_core::{LedgerEdit, Verdict};
use chaffinch_formats::ledger::{Record, RuleEntry};
use chaffinch_formats::{Error, Joined, Originals, join};

use crate::sample::Sample;
use crate::texts::{Texts, shown};

/// Whether more or less is cut than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// The second run cuts text that the first one kept.
    More,
    /// The second run keeps text that the first one cut.
    Less,
}

/// Everything that one rule cuts more, or less.
#[derive(Clone, Debug)]
pub struct Group {
    /// The rule.
    pub rule: String,
    /// Whether it cuts more or less.
    pub way: Way,
    /// The number of documents.
    pub documents: u64,
    /// The number of bytes.
    pub bytes: u64,
    /// The number of documents in which the change cuts into the article. 0 for [`Way::Less`].
    pub body_documents: u64,
    /// The distinct texts inside articles.
    pub body_texts: Texts<Sample>,
    /// The distinct texts outside articles.
    pub texts: Texts<Sample>,
    /// Whether the rule itself changed, if known.
    pub rule_changed: Option<bool>,
}

/// Changes of one field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FieldChange {
    /// The number of documents that now have it.
    pub gained: u64,
    /// The number of documents that no longer have it.
    pub lost: u64,
    /// The number of documents with another value.
    pub changed: u64,
}

/// The differences between two runs.
#[derive(Clone, Debug, Default)]
pub struct Diff {
    /// The number of documents in both runs.
    pub documents: u64,
    /// The number of these in which text, fields, verdict or outlet changed.
    pub changed: u64,
    /// The number of these in which the text changed.
    pub text_changed: u64,
    /// The number of documents that are only in the first run.
    pub only_first: u64,
    /// The number of documents that are only in the second run.
    pub only_second: u64,
    /// The number of documents whose originals differ, which were not compared.
    pub other_original: u64,
    /// The number of documents in which the same bytes are cut by another rule, by old and new
    /// rule.
    pub moved: BTreeMap<(String, String), u64>,
    /// The number of documents whose verdict changed, by old and new verdict.
    pub verdicts: BTreeMap<(Verdict, Verdict), u64>,
    /// The number of documents whose outlet changed, by old and new outlet.
    pub outlets: BTreeMap<(Option<String>, Option<String>), u64>,
    /// The changes of fields.
    pub fields: BTreeMap<String, FieldChange>,
    groups: BTreeMap<(String, Way), Group>,
}

/// The number of occurrences kept of each distinct text.
const SAMPLES: usize = 3;

/// Compares two runs. `rules` returns whether a rule was changed between them, if known.
///
/// # Errors
/// If either is not the output of a run or cannot be read.
pub fn diff(
    first: &Path,
    second: &Path,
    rules: &dyn Fn(&str) -> Option<bool>,
) -> Result<Diff, Error> {
    let mut diff = Diff::default();
    let mut originals = Originals::of_run(second);
    join(first, second, &mut |joined| {
        match joined {
            Joined::First(_) => diff.only_first += 1,
            Joined::Second(new) => {
                originals.pass(new);
                diff.only_second += 1;
            }
            Joined::Both(old, new) => {
                originals.pass(new.0);
                diff.add(old, new, &mut originals);
            }
        }
        Ok(())
    })?;
    for group in diff.groups.values_mut() {
        group.rule_changed = rules(&group.rule);
    }
    Ok(diff)
}

/// A range that only one run cuts or replaces.
struct Piece<'a> {
    way: Way,
    rule: &'a str,
    range: Range<usize>,
    text: &'a str,
    with: &'a str,
}

/// An edit with the id of its rule.
struct Named<'a> {
    rule: &'a str,
    edit: &'a LedgerEdit<'a>,
}

impl Named<'_> {
    fn range(&self) -> Range<usize> {
        self.edit.at..self.edit.end()
    }

    fn removes(&self) -> bool {
        self.edit.with.is_empty()
    }
}

fn named<'a>(record: &'a Record<'_>, rules: &'a [RuleEntry]) -> Vec<Named<'a>> {
    let name = |edit: &'a LedgerEdit<'_>| Named {
        rule: rules.get(edit.rule as usize).map_or("?", |rule| rule.id.as_str()),
        edit,
    };
    record.undo.edits.iter().map(name).collect()
}

impl Diff {
    /// The groups: changes inside articles first, then by the number of documents.
    pub fn groups(&self) -> Vec<&Group> {
        let mut groups: Vec<&Group> = self.groups.values().collect();
        groups.sort_by(|a, b| {
            let key = |group: &Group| (group.body_documents > 0, group.documents);
            key(b).cmp(&key(a)).then_with(|| (&a.rule, a.way).cmp(&(&b.rule, b.way)))
        });
        groups
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.changed + self.only_first + self.only_second + self.other_original == 0
    }

    fn add(
        &mut self,
        (old, old_rules): (&Record<'_>, &[RuleEntry]),
        (new, new_rules): (&Record<'_>, &[RuleEntry]),
        originals: &mut Originals,
    ) {
        self.documents += 1;
        if old.digest.original != new.digest.original {
            self.other_original += 1;
            return;
        }
        let (before, after) = (named(old, old_rules), named(new, new_rules));
        let (pieces, moved) = compare(&before, &after);
        let other = self.around(old, new) || !moved.is_empty();
        for (from, to) in moved {
            *self.moved.entry((from.to_owned(), to.to_owned())).or_default() += 1;
        }
        self.changed += u64::from(other || !pieces.is_empty());
        if pieces.is_empty() {
            return;
        }
        self.text_changed += 1;
        let source = originals.of(new).map(|document| document.text);
        let article = source.as_deref().and_then(|source| article(source, &before, &after));
        // The title is part of the article.
        let title = old.fields.get("title").and_then(serde_json::Value::as_str);
        let mut seen = BTreeSet::new();
        for piece in &pieces {
            // Text that is no longer cut does no harm.
            let inside = piece.way == Way::More
                && (title.is_some_and(|title| piece.text.lines().any(|line| line.trim() == title))
                    || match &source {
                        Some(_) => article.as_ref().is_some_and(|body| touches(body, piece)),
                        None => piece.text.lines().any(is_sentence),
                    });
            let group = self
                .groups
                .entry((piece.rule.to_owned(), piece.way))
                .or_insert_with(|| Group::new(piece.rule, piece.way));
            group.bytes += piece.text.len().saturating_sub(piece.with.len()) as u64;
            group.documents += u64::from(seen.insert((piece.rule, piece.way, false)));
            if inside {
                group.body_documents += u64::from(seen.insert((piece.rule, piece.way, true)));
            }
            let texts = if inside { &mut group.body_texts } else { &mut group.texts };
            let sample = || Sample {
                body: inside,
                with: piece.with.to_owned(),
                ..Sample::of(new, source.as_deref(), &piece.range, piece.text)
            };
            texts.add(&shown(piece.text, piece.with), piece.text.len() as u64, &sample);
        }
    }

    /// Counts changes besides the text. Returns whether there are any.
    fn around(&mut self, old: &Record<'_>, new: &Record<'_>) -> bool {
        let mut any = false;
        if old.verdict != new.verdict {
            *self.verdicts.entry((old.verdict, new.verdict)).or_default() += 1;
            any = true;
        }
        if old.outlet != new.outlet {
            let name = |record: &Record<'_>| record.outlet.as_deref().map(str::to_owned);
            *self.outlets.entry((name(old), name(new))).or_default() += 1;
            any = true;
        }
        let names: BTreeSet<&String> = old.fields.keys().chain(new.fields.keys()).collect();
        for name in names {
            let (before, after) = (old.fields.get(name), new.fields.get(name));
            if before == after {
                continue;
            }
            any = true;
            let change = self.fields.entry(name.clone()).or_default();
            match (before, after) {
                (None, _) => change.gained += 1,
                (_, None) => change.lost += 1,
                _ => change.changed += 1,
            }
        }
        any
    }
}

impl Group {
    fn new(rule: &str, way: Way) -> Group {
        Group {
            rule: rule.to_owned(),
            way,
            documents: 0,
            bytes: 0,
            body_documents: 0,
            body_texts: Texts::new(SAMPLES),
            texts: Texts::new(SAMPLES),
            rule_changed: None,
        }
    }
}

/// The ranges that are cut more or less, in order, and pairs of rules of which one replaced the
/// other.
fn compare<'a>(
    before: &'a [Named<'a>],
    after: &'a [Named<'a>],
) -> (Vec<Piece<'a>>, BTreeSet<(&'a str, &'a str)>) {
    let mut pieces = Vec::new();
    let mut moved = BTreeSet::new();
    for (way, own, others) in [(Way::More, after, before), (Way::Less, before, after)] {
        let mut first = 0;
        for named in own {
            let range = named.range();
            while others.get(first).is_some_and(|other| other.range().end <= range.start) {
                first += 1;
            }
            let overlapping = others[first..].iter().take_while(|o| o.range().start < range.end);
            let piece = |range: Range<usize>| Piece {
                way,
                rule: named.rule,
                text: named
                    .edit
                    .text
                    .get(range.start - named.edit.at..range.end - named.edit.at)
                    .unwrap_or_default(),
                with: &named.edit.with,
                range,
            };
            if !named.removes() {
                let mut same = overlapping
                    .clone()
                    .filter(|other| other.range() == range && other.edit.with == named.edit.with);
                // A replacement inside a range that is now removed is no difference.
                let gone = overlapping.clone().any(|other| {
                    other.removes()
                        && other.edit.at <= range.start
                        && range.end <= other.range().end
                });
                match same.next() {
                    Some(other) if other.rule != named.rule && way == Way::More => {
                        moved.insert((other.rule, named.rule));
                    }
                    Some(_) => {}
                    None if gone => {}
                    None => pieces.push(piece(range)),
                }
                continue;
            }
            let mut at = range.start;
            for other in overlapping.filter(|other| other.removes()) {
                if at < other.edit.at {
                    pieces.push(piece(at..other.edit.at));
                }
                at = at.max(other.range().end);
                if other.rule != named.rule && way == Way::More {
                    moved.insert((other.rule, named.rule));
                }
            }
            if at < range.end {
                pieces.push(piece(at..range.end));
            }
        }
    }
    // White space that is cut or kept with its neighbour does not count.
    let telling = pieces.iter().any(|piece| !piece.text.trim().is_empty());
    if telling {
        pieces.retain(|piece| !piece.text.trim().is_empty());
    }
    pieces.sort_by_key(|piece| piece.range.start);
    (pieces, moved)
}

fn is_sentence(line: &str) -> bool {
    script::is_sentence(line)
}

/// The range of the source from the first to the last sentence that either run keeps.
fn article(source: &str, before: &[Named<'_>], after: &[Named<'_>]) -> Option<Range<usize>> {
    let gone = |edits: &[Named<'_>], line: &Range<usize>| {
        let from = edits.partition_point(|named| named.range().end <= line.start);
        let inside = edits[from..].iter().take_while(|named| named.edit.at < line.end);
        let cut: usize = inside
            .filter(|named| named.removes())
            .map(|named| named.range().end.min(line.end) - named.edit.at.max(line.start))
            .sum();
        cut >= line.len()
    };
    let mut at = 0;
    let mut body: Option<Range<usize>> = None;
    for line in source.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let text = line.trim_end();
        let range = start..start + text.len();
        if is_sentence(text) && !(gone(before, &range) && gone(after, &range)) {
            body = Some(body.map_or(range.start, |body| body.start)..range.end);
        }
    }
    body
}

fn touches(body: &Range<usize>, piece: &Piece<'_>) -> bool {
    let text = piece.text.trim();
    let start = piece.range.start + (piece.text.len() - piece.text.trim_start().len());
    !text.is_empty() && start < body.end && body.start < start + text.len()
}
