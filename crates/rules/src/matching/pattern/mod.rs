//! Patterns: regexes over keys, with literals folded like keys. A pattern is compiled on first use,
//! from its texts or from its packed form.

mod pool;
mod ready;

use std::sync::{Arc, OnceLock};

use chaffinch_stage::Role;
use regex::Regex;
use regex_syntax::hir::Hir;

use crate::matching::folding::{folded, parse_unfolded, weight};
use crate::matching::matcher::Lists;
use crate::matching::phrases::List;
use crate::matching::prefilter::{Prefilter, prefilters};
use crate::matching::sides::Anchor;
use pool::Texts;
pub(crate) use pool::{Compiled, PackedCompiled, Pool, Prepared};
use ready::Ready;
pub(crate) use ready::regex_of;
pub use ready::{CompileError, Found};

/// A compiled pattern of a rule.
///
/// Most rules never meet a candidate line, and with thousands of outlets their compiled regexes
/// would fill the memory. A pattern therefore stores its text or packed form and is compiled on
/// first use.
#[derive(Clone, Debug)]
pub struct Pattern {
    pub(crate) anchor: Anchor,
    pub(crate) role: Role,
    origin: Origin,
    ready: OnceLock<Arc<Ready>>,
}

/// The form from which a pattern is compiled.
#[derive(Clone, Debug)]
enum Origin {
    /// Texts, and their compiled form if they were prepared.
    Texts(Texts, Option<Box<Prepared>>),
    /// The number of its compiled form in the pool of its file, and the numbers of the lists that
    /// it uses.
    Packed(Arc<Pool>, u32, Box<[u32]>),
}

impl Pattern {
    /// A pattern of one or more texts that [`check`](super::folding::check) accepts. `literal` texts
    /// are not regexes.
    pub(crate) fn new(
        anchor: Anchor,
        role: Role,
        texts: Arc<[String]>,
        literal: bool,
        ignore_case: bool,
    ) -> Pattern {
        let lists = [].into();
        let origin = Origin::Texts(Texts { texts, literal, ignore_case, lists }, None);
        Pattern { anchor, role, origin, ready: OnceLock::new() }
    }

    /// The pattern with these lists, which characters in its texts stand for.
    pub(crate) fn with_lists(mut self, all: Arc<[List]>) -> Pattern {
        if let Origin::Texts(Texts { lists, .. }, _) = &mut self.origin {
            *lists = all;
        }
        self
    }

    /// The lists that the pattern uses.
    pub(crate) fn lists(&self) -> Lists {
        match &self.origin {
            Origin::Texts(texts, _) => texts.lists(),
            Origin::Packed(pool, _, lists) => pool.lists(lists),
        }
    }

    /// A packed pattern: the pool of its file, the number of its compiled form, and the numbers of
    /// its lists.
    pub(crate) fn packed(
        anchor: Anchor,
        role: Role,
        pool: &Arc<Pool>,
        compiled: u32,
        lists: Box<[u32]>,
    ) -> Pattern {
        let origin = Origin::Packed(Arc::clone(pool), compiled, lists);
        Pattern { anchor, role, origin, ready: OnceLock::new() }
    }

    /// Compiles the pattern from its parsed texts, if all of them are given.
    pub(crate) fn prepare(&mut self, parsed: &[Hir]) {
        if let Origin::Texts(texts, prepared) = &mut self.origin
            && texts.texts.len() == parsed.len()
        {
            let folded = parsed.iter().map(|hir| folded(hir, texts.ignore_case)).collect();
            *prepared = Some(Box::new(Prepared::of(folded, self.anchor, texts)));
        }
    }

    /// The pattern for packing. `None` if it is packed.
    pub(crate) fn into_prepared(self) -> Option<Prepared> {
        match self.origin {
            Origin::Texts(_, Some(prepared)) => Some(*prepared),
            Origin::Texts(texts, None) => Some(Prepared::of(texts.parsed(), self.anchor, &texts)),
            Origin::Packed(..) => None,
        }
    }

    /// The parsed regexes, neither folded nor anchored.
    pub(crate) fn parsed_as_written(&self) -> Vec<Hir> {
        let Origin::Texts(Texts { texts, literal: false, ignore_case, .. }, _) = &self.origin
        else {
            return Vec::new();
        };
        texts.iter().filter_map(|text| parse_unfolded(text, *ignore_case).ok()).collect()
    }

    /// The folded regexes, without anchors.
    fn parsed(&self) -> Vec<Hir> {
        match &self.origin {
            Origin::Texts(texts, _) => texts.parsed(),
            Origin::Packed(pool, compiled, _) => {
                pool.texts(*compiled).map_or_else(Vec::new, |texts| texts.parsed())
            }
        }
    }

    fn ready(&self) -> &Ready {
        self.ready.get_or_init(|| {
            let lists = self.lists();
            let ready = match &self.origin {
                Origin::Packed(pool, compiled, _) => pool.ready(*compiled, &lists),
                Origin::Texts(..) => None,
            };
            ready.unwrap_or_else(|| Ready::of(self.parsed(), self.anchor, &lists)).into()
        })
    }

    /// Compiles the regex of one of its alternatives.
    fn regex(&self, alternative: usize) -> Result<Regex, CompileError> {
        ready::regex(self.parsed(), self.anchor, alternative)
    }

    /// The prefilters of its alternatives. Those of packed patterns are packed separately.
    pub(crate) fn prefilters(&self) -> Vec<Prefilter> {
        match &self.origin {
            Origin::Texts(texts, None) => prefilters(&texts.parsed(), self.anchor, &texts.lists),
            Origin::Texts(_, Some(prepared)) => prepared.prefilters.clone(),
            Origin::Packed(..) => Vec::new(),
        }
    }

    /// Whether a match excludes a line from the rule.
    pub fn excludes(&self) -> bool {
        self.anchor == Anchor::Unless
    }

    /// The role of its hits.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The approximate number of states of its regexes.
    pub fn weight(&self) -> usize {
        self.parsed().iter().map(weight).sum()
    }

    /// Whether the pattern captures fields.
    pub fn has_fields(&self) -> bool {
        self.ready().alternatives.iter().any(|alternative| !alternative.groups.is_empty())
    }

    /// Compiles everything now.
    ///
    /// # Errors
    /// If the pattern is too large.
    pub fn compile(&self) -> Result<(), CompileError> {
        if !self.lists().is_empty() {
            // Only the matcher supports lists.
            let mut alternatives = self.ready().alternatives.iter();
            return match alternatives.all(|alternative| alternative.matcher.is_some()) {
                true => Ok(()),
                false => Err(CompileError(
                    "the pattern is too large; patterns with lists have a lower limit".to_owned(),
                )),
            };
        }
        for (at, alternative) in self.ready().alternatives.iter().enumerate() {
            let regex = self.regex(at)?;
            alternative.regex.get_or_init(|| Some(regex));
        }
        Ok(())
    }

    /// Calls `each` with the matches in a key: at most one, except for [`Anchor::Inside`].
    pub fn find(&self, key: &str, each: &mut dyn FnMut(Found)) {
        let ready = self.ready();
        if key.len() < ready.lengths.0 || key.len() > ready.lengths.1 {
            return;
        }
        let all = self.anchor == Anchor::Inside;
        // The first alternative that matches.
        let mut alternatives = ready.alternatives.iter().enumerate();
        alternatives
            .any(|(at, alternative)| alternative.find(key, all, || self.regex(at).ok(), each));
    }

    /// The first match in a key.
    pub fn first(&self, key: &str) -> Option<Found> {
        let mut first = None;
        self.find(key, &mut |found| {
            first.get_or_insert(found);
        });
        first
    }

    /// Whether the pattern matches a key.
    pub fn is_match(&self, key: &str) -> bool {
        self.first(key).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::folding::check;

    fn pattern(anchor: Anchor, text: &str) -> Pattern {
        Pattern::new(anchor, Role::Line, [text.to_owned()].into(), false, false)
    }

    fn find(pattern: &Pattern, key: &str) -> Vec<Found> {
        let mut all = Vec::new();
        pattern.find(key, &mut |found| all.push(found));
        all
    }

    #[test]
    fn patterns_are_folded_like_keys() {
        assert_eq!(find(&pattern(Anchor::Line, "Press TV’s – site"), "Press TV's — site").len(), 1);
        assert_eq!(find(&pattern(Anchor::Line, "[’–]+"), "'—").len(), 1);
        assert_eq!(find(&pattern(Anchor::Line, "[^“”]+"), "a\"b").len(), 0);
        assert_eq!(find(&pattern(Anchor::Line, "a\u{a0}b"), "a b").len(), 1);
    }

    #[test]
    fn a_class_keeps_the_word_characters_that_are_added_to_a_negated_one() {
        for text in [r"[\W_A-C1]+", r"(?:\W|[_A-C1])+", "[^D-Za-z]+"] {
            assert_eq!(find(&pattern(Anchor::Line, text), "_A1 C").len(), 1, "{text}");
            assert_eq!(find(&pattern(Anchor::Line, text), "_D").len(), 0, "{text}");
        }
        assert_eq!(find(&pattern(Anchor::Line, r"[^\p{L}“]+"), "1\"").len(), 0);
        assert_eq!(find(&pattern(Anchor::Line, "[^０-９]+"), "1").len(), 0);
    }

    #[test]
    fn the_regex_of_a_repetition_in_a_repetition_is_the_same() {
        // The matcher does not support a loop around an empty match.
        let text = "x(?:b{1,3})?(?P<rest>(?:(?:c{2})?d)+(?:a?)*)y";
        for key in ["xdy", "xbdy", "xbbbccdday"] {
            let found = find(&pattern(Anchor::Line, text), key);
            let [Found { range, fields }] = &found[..] else { panic!("{key}: {found:?}") };
            let rest = key.find(['c', 'd']).unwrap()..key.len() - 1;
            assert_eq!((range, fields), (&(0..key.len()), &vec![("rest".to_owned(), rest)]));
        }
        assert!(find(&pattern(Anchor::Line, text), "xcdy").is_empty());
    }

    /// Patterns that the matcher does not support use the regex, which is compiled from the packed
    /// texts.
    #[test]
    fn a_packed_pattern_can_still_compile_its_regex() {
        let texts: Arc<[String]> = [r"(?:say|x)? (?:a?)*b".to_owned()].into();
        let written = Pattern::new(Anchor::Inside, Role::Part, texts, false, true);
        assert!(written.ready().alternatives.iter().all(|all| all.matcher.is_none()));
        let Prepared { compiled, classes, .. } = written.clone().into_prepared().unwrap();
        let pool = Pool::new(classes, Vec::new(), vec![compiled]);
        let packed = Pattern::packed(Anchor::Inside, Role::Part, &pool.into(), 0, [].into());
        let key = "they SAY aab, and b";
        assert_eq!(find(&packed, key), find(&written, key));
        assert_eq!(find(&packed, key).len(), 2);
    }

    #[test]
    fn patterns_too_large_to_compile_are_heavy() {
        let text = r"\w{1,500}\w{1,500}";
        let large = pattern(Anchor::Line, text);
        assert!(check(text, false, false).unwrap().heavy && large.compile().is_err());
        let fine = pattern(Anchor::Line, r"\p{Lu}.{2,60} [\w &-]{2,40}");
        assert!(fine.compile().is_ok());
    }

    #[test]
    fn line_patterns_match_complete_lines() {
        assert_eq!(find(&pattern(Anchor::Line, "a|b"), "ab"), []);
        assert_eq!(find(&pattern(Anchor::End, "—Agencies"), "so.—Agencies")[0].range, 3..14);
    }

    #[test]
    fn fields_are_captured() {
        let found = find(&pattern(Anchor::Line, r"News / (?<section>\w+)"), "News / Politics");
        assert_eq!(found[0].fields, [("section".to_owned(), 7..15)]);
    }
}
