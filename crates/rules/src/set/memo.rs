//! The memo of short lines: remembers the hits in lines that were matched before. The menus and
//! footers of a site are the same on all of its pages, and many sites share entries such as
//! "Contact".

use std::cell::RefCell;
use std::hash::{Hash, Hasher};

use chaffinch_stage::{Hit, Line, Span};
use rustc_hash::FxHasher;

use super::unit::UnitId;

/// The lines and rules that [`RuleSet::find`](crate::RuleSet::find) matches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Search {
    /// Whether the line is a sentence mid-article, so that only the rules that can act there are
    /// matched.
    pub mid_article: bool,
    /// Whether to find the hits of all languages. Otherwise, if a rule that uses the lexicon matches
    /// a line in several languages, only the first hit is returned: the rules of the languages
    /// differ in nothing else. Needed if some of these rules are disabled or replaced.
    pub all_languages: bool,
}

/// The maximum length in bytes of a line that is remembered. Longer lines are rarely repeated.
const LONGEST: usize = 64;

/// The number of lines that are remembered per thread.
const PLACES: usize = 4096;

/// What the hits in a line depend on besides its text: the rule set, the outlet and the search.
pub(super) type Question = (u64, Option<UnitId>, Search);

/// A line and its hits, with spans relative to its start.
struct Known {
    question: Question,
    text: String,
    hits: Vec<Hit>,
}

std::thread_local! {
    static KNOWN: RefCell<Vec<Option<Known>>> = const { RefCell::new(Vec::new()) };
}

/// The hits in a line: those remembered, or else those that `find` returns.
pub(super) fn hits(
    question: Question,
    line: Line<'_, '_>,
    find: impl FnOnce() -> Vec<Hit>,
) -> Vec<Hit> {
    let (text, start) = (line.text(), line.span().start());
    // The spans of an edited line depend on its edits.
    if text.len() > LONGEST || line.is_edited() {
        return find();
    }
    let mut hasher = FxHasher::default();
    (question, text).hash(&mut hasher);
    let place = (hasher.finish() >> 32) as usize % PLACES;
    let known = KNOWN.with_borrow(|all| {
        let known = all.get(place)?.as_ref()?;
        let same = known.question == question && known.text == text;
        let moved = |hit: &Hit| {
            let span = Span::new(start + hit.span.start(), start + hit.span.end());
            Hit { span, ..hit.clone() }
        };
        same.then(|| known.hits.iter().map(moved).collect())
    });
    if let Some(known) = known {
        return known;
    }
    let hits = find();
    let relative = |hit: &Hit| {
        let span = Span::new(hit.span.start() - start, hit.span.end() - start);
        Hit { span, ..hit.clone() }
    };
    KNOWN.with_borrow_mut(|all| {
        all.resize_with(PLACES, || None);
        let known = all[place].get_or_insert_with(|| Known {
            question,
            text: String::with_capacity(LONGEST),
            hits: Vec::new(),
        });
        known.question = question;
        known.text.clear();
        known.text.push_str(text);
        known.hits.clear();
        known.hits.extend(hits.iter().map(relative));
    });
    hits
}

#[cfg(test)]
mod tests {
    use super::*;
    use chaffinch_stage::{Document, Role, Rule, RuleId};

    fn hit(line: Line<'_, '_>) -> Hit {
        let span = Span::new(line.span().start() + 1, line.span().end());
        Hit { rule: RuleId(0), span, role: Role::Part, fields: Vec::new() }
    }

    #[test]
    fn a_repeated_line_has_the_same_hits_in_its_own_place() {
        const NO_RULES: &[Rule; 0] = &[];
        let source = "Contact\n\nContact\n";
        let mut doc = Document::new(source, NO_RULES, |text| text.into());
        let question = (u64::MAX, None, Search::default());
        let (first, second) = (doc.line(0), doc.line(2));
        let found = hits(question, first, || vec![hit(first)]);
        assert_eq!(found[0].span, Span::new(1, 7));
        let again = hits(question, second, || panic!("the line is remembered"));
        assert_eq!(again[0].span, Span::new(10, 16));
        let mid_article = Search { mid_article: true, ..Search::default() };
        for other in [(0, None, question.2), (u64::MAX, None, mid_article)] {
            assert!(hits(other, second, Vec::new).is_empty(), "the hits of another question");
        }
        doc.rewrite_line(2, "Contact".to_owned(), Vec::new());
        assert!(hits(question, doc.line(2), Vec::new).is_empty(), "an edited line");
    }
}
