//! The test that every stage must pass.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use crate::{Action, Document, Hit, Mark, Marks, Role, Rule, RuleId, Stage};

/// Documents that have broken text tools before. Every stage is run on them as well as on its own
/// documents.
pub const DOCUMENTS: &[&str] = &[
    "",
    "\n",
    "\r\n\r\n",
    " \u{a0}\u{200b}\n",
    "no end of line",
    "CR alone\rends\rlines",
    "\u{feff}BOM inside\u{0}NUL\u{1b}[31mANSI",
    "| \u{a0} |\n\n• Samba 65 00% 56.65%\n    Joga2002 635.254 50% 63.63%\nBra52 69 23.145% -63.25%\n",
    "A title\n\nA sentence of the article, long enough to count as one, ends here.\n\nSHARE THIS ARTICLE\nwww.example.com",
    "عنوان الخبر\n\nقال المتحدث باسم الوزارة يوم الثلاثاء إن المحادثات ستستأنف بعد أيام بمشاركة جميع الأطراف.\n\nالمصدر: وكالات",
    "标题\n\n发言人星期二表示，共有七个代表团参加了本次会议，双方同意继续保持沟通。\n\n责任编辑：王某",
    "e\u{301}te\u{301} \u{202e}evil\u{202c} 👩‍👩‍👧 \u{10ffff}\n",
];

/// Runs `stage` on [`DOCUMENTS`] and on `own` and panics if it violates the contract:
///
/// - The stage does not [fail](Marks::fail).
/// - Marks lie inside the document and on character boundaries.
/// - The same document gives the same marks.
/// - Repeated runs reach a fixed point: after at most eight rounds nothing more is cut.
///
/// # Panics
/// If the stage violates the contract. The message contains the document and the mark.
pub fn check(stage: &dyn Stage, own: &[&str]) {
    let rule = Rule::new("stage/own", "stage");
    check_with_rules(stage, "stage", &[rule], &|_| Vec::new(), own);
}

/// A matched rule: its index in the table, the matched bytes of the line's text, and its role.
pub type Found = (usize, Range<usize>, Role);

/// Like [`check`], for a stage that judges the hits of `rules`. `find` returns the rules that match
/// a line's text. The last rule of the table is the stage's own rule. Rules with [`Rule::detect`]
/// are enabled.
///
/// # Panics
/// Like [`check`].
pub fn check_with_rules(
    stage: &dyn Stage,
    name: &str,
    rules: &[Rule],
    find: &dyn Fn(&str) -> Vec<Found>,
    own: &[&str],
) {
    if let Err(violation) = verify_with_rules(stage, name, rules, find, own) {
        panic!("{violation}");
    }
}

/// How a stage violates the contract. The message contains the document and the mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation(String);

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Violation {}

/// Like [`check`], but returns the first violation instead of panicking.
///
/// # Errors
/// If the stage violates the contract.
pub fn verify(stage: &dyn Stage, own: &[&str]) -> Result<(), Violation> {
    let rule = Rule::new("stage/own", "stage");
    verify_with_rules(stage, "stage", &[rule], &|_| Vec::new(), own)
}

fn verify_with_rules(
    stage: &dyn Stage,
    name: &str,
    rules: &[Rule],
    find: &dyn Fn(&str) -> Vec<Found>,
    own: &[&str],
) -> Result<(), Violation> {
    for &document in DOCUMENTS.iter().chain(own) {
        let mut text = document.to_owned();
        let mut rounds = 0;
        while let Some(left) = round(stage, name, rules, find, &text)? {
            rounds += 1;
            if rounds > 8 {
                return Err(Violation(format!(
                    "the stage still cuts after eight rounds on {document:?}"
                )));
            }
            text = left;
        }
    }
    Ok(())
}

/// One round: the text that the stage leaves, or `None` if it changes nothing.
fn round(
    stage: &dyn Stage,
    name: &str,
    rules: &[Rule],
    find: &dyn Fn(&str) -> Vec<Found>,
    text: &str,
) -> Result<Option<String>, Violation> {
    let mut doc = Document::new(text, &rules, |line| Cow::Borrowed(line.trim()));
    let detectors = (0..rules.len()).filter(|&i| rules[i].detect.is_some());
    doc.recognised(None, detectors.map(|i| RuleId(i as u32)).collect());
    doc.enter(name, RuleId(rules.len().saturating_sub(1) as u32));
    for index in 0..doc.line_count() {
        let line = doc.line(index);
        let hits = find(line.text())
            .into_iter()
            .map(|(rule, range, role)| Hit {
                rule: RuleId(rule as u32),
                span: line.source_span(range),
                role,
                fields: Vec::new(),
            })
            .collect();
        doc.set_hits(index, hits);
    }
    let marks = marks_of(stage, &doc)?;
    if marks != marks_of(stage, &doc)? {
        return Err(Violation(format!("two runs over {text:?} differ")));
    }
    for mark in &marks {
        if text.get(mark.span.range()).is_none() {
            return Err(Violation(format!("{mark:?} is not a range of characters of {text:?}")));
        }
        if mark.rule.0 as usize >= rules.len() {
            return Err(Violation(format!("{mark:?} names no rule")));
        }
    }
    let left = cut(text, &marks);
    Ok((left != text).then_some(left))
}

fn marks_of(stage: &dyn Stage, doc: &Document<'_>) -> Result<Vec<Mark>, Violation> {
    let mut marks = Marks::new();
    stage.mark(doc, &mut marks);
    match marks.failure() {
        Some(reason) => Err(Violation(format!("the stage fails on {:?}: {reason}", doc.source()))),
        None => Ok(marks.into_vec()),
    }
}

/// Applies marks in the simplest way possible.
fn cut(text: &str, marks: &[Mark]) -> String {
    let covered =
        |at: usize| marks.iter().find(|mark| mark.span.range().contains(&at) && edits(mark));
    let mut left = String::new();
    for (at, c) in text.char_indices() {
        match covered(at) {
            None => left.push(c),
            Some(Mark { action: Action::Replace(with), span, .. }) if span.start() == at => {
                left.push_str(with);
            }
            Some(_) => {}
        }
    }
    left
}

fn edits(mark: &Mark) -> bool {
    matches!(mark.action, Action::Remove | Action::Replace(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Span;

    struct Bad(fn(&Document<'_>, &mut Marks));

    impl Stage for Bad {
        fn mark(&self, doc: &Document<'_>, marks: &mut Marks) {
            (self.0)(doc, marks);
        }
    }

    #[test]
    #[should_panic(expected = "not a range of characters")]
    fn marks_off_character_boundaries_are_detected() {
        check(&Bad(|doc, marks| marks.remove(Span::new(0, 1), doc.own_rule())), &["é"]);
    }

    #[test]
    #[should_panic(expected = "the stage fails on \"\": out of luck")]
    fn stages_that_fail_are_detected() {
        check(&Bad(|_, marks| marks.fail("out of luck")), &[]);
    }

    #[test]
    #[should_panic(expected = "still cuts after eight rounds")]
    fn stages_without_a_fixed_point_are_detected() {
        let eater = Bad(|doc, marks| {
            if let Some(c) = doc.source().chars().next() {
                marks.remove(Span::new(0, c.len_utf8()), doc.own_rule());
            }
        });
        check(&eater, &[]);
    }
}
