//! Finds the rules that match a line: index lookup, confirmation by the patterns, and conversion to
//! hits.

use std::ops::Range;
use std::sync::Arc;

use chaffinch_stage::{Action, Hit, Line, Place, Role, Rule, RuleId, script};
use serde::{Deserialize, Serialize};

use crate::authoring::Written;
use crate::key::Keyed;
use crate::matching::{
    Anchor, Ends, Found, Index, IndexBuilder, IndexTables, PackedIndex, Pattern, Prefilter,
};
use crate::set::{RuleSet, UnitId, memo};
use crate::table::packed;

/// The rules that apply to one kind of document, indexed.
#[derive(Debug, Default)]
pub(super) struct Rules {
    pub(super) index: Index,
    /// An index of only those rules that can act mid-article. `None` if all of them can.
    pub(super) mid_article: Option<Index>,
    pub(super) detectors: Vec<RuleId>,
    /// By rule id, for rules that were made from one template for several languages and whose hits
    /// differ only in the rule: the first of them.
    pub(super) templates: Vec<Option<RuleId>>,
}

impl Rules {
    fn template(&self, RuleId(id): RuleId) -> Option<RuleId> {
        self.templates.get(id as usize).copied().flatten()
    }
}

/// The lines and rules that [`RuleSet::find`] matches.
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

/// Collects rules for [`Rules`].
#[derive(Default)]
pub(super) struct RulesBuilder {
    pub(super) index: IndexBuilder,
    pub(super) mid_article: IndexBuilder,
    /// Whether there are rules that cannot act mid-article.
    pub(super) outside: bool,
    pub(super) detectors: Vec<RuleId>,
    pub(super) templates: Vec<Option<RuleId>>,
}

/// The packed form of [`Rules`].
#[derive(Serialize, Deserialize)]
struct PackedRules<'a> {
    #[serde(borrow)]
    index: PackedIndex<'a>,
    mid_article: Option<PackedIndex<'a>>,
    detectors: Vec<u32>,
    templates: Vec<Option<u32>>,
}

impl Rules {
    /// Unpacks the result of [`RulesBuilder::pack`]. `None` if it is damaged.
    pub(super) fn unpack(bytes: &Arc<[u8]>) -> Option<Rules> {
        let PackedRules { index, mid_article, detectors, templates } =
            postcard::from_bytes(bytes).ok()?;
        let built = |index: PackedIndex<'_>| Index::of(index.into_tables(bytes));
        Some(Rules {
            index: built(index),
            mid_article: mid_article.map(built),
            detectors: detectors.into_iter().map(RuleId).collect(),
            templates: templates.into_iter().map(|first| first.map(RuleId)).collect(),
        })
    }
}

impl RulesBuilder {
    pub(super) fn build(self) -> Rules {
        let mid_article = self.outside.then(|| Index::of(self.mid_article.tables()));
        let RulesBuilder { index, detectors, templates, .. } = self;
        Rules { index: Index::of(index.tables()), mid_article, detectors, templates }
    }

    /// Packs the rules.
    pub(super) fn pack(self) -> Vec<u8> {
        let RulesBuilder { index, mid_article, outside, detectors, templates } = self;
        let (index, mid_article) = (index.tables(), outside.then(|| mid_article.tables()));
        packed(&PackedRules {
            index: index.packed(),
            mid_article: mid_article.as_ref().map(IndexTables::packed),
            detectors: detectors.into_iter().map(|RuleId(id)| id).collect(),
            templates: templates.into_iter().map(|first| first.map(|RuleId(id)| id)).collect(),
        })
    }

    /// Records that these rules were made from one template, one for each language of the lexicon.
    pub(super) fn add_template(&mut self, ids: Range<u32>) {
        self.templates.resize(ids.end as usize, None);
        self.templates[ids.start as usize..].fill(Some(RuleId(ids.start)));
    }

    /// Adds a rule with its patterns and the prefilters of each.
    pub(super) fn add(
        &mut self,
        id: RuleId,
        rule: &Rule,
        patterns: &[Pattern],
        prefilters: &[Vec<Prefilter>],
    ) {
        if rule.detect.is_some() {
            self.detectors.push(id);
        }
        for (part, (pattern, prefilters)) in patterns.iter().zip(prefilters).enumerate() {
            if pattern.role == Role::Through || pattern.anchor == Anchor::Unless {
                continue;
            }
            let slot = id.0 * 2 + part as u32;
            self.index.add(slot, prefilters);
            match acts_mid_article(rule) {
                true => self.mid_article.add(slot, prefilters),
                false => self.outside = true,
            }
        }
    }
}

impl RuleSet {
    /// The hits of rules in a line, in any zone: those of the outlet, its families and the generic
    /// rules, each in the order of its file. The ends of blocks are left out, because they only
    /// matter below a beginning (see [`RuleSet::find_end`]). `candidates` is a reusable buffer.
    pub fn find(
        &self,
        outlet: Option<UnitId>,
        line: Line<'_, '_>,
        search: Search,
        candidates: &mut Vec<u32>,
    ) -> Vec<Hit> {
        let question = (self.number, outlet, search);
        memo::hits(question, line, || self.find_anew(outlet, line, search, candidates))
    }

    /// Like [`RuleSet::find`], without the lines that are remembered.
    fn find_anew(
        &self,
        outlet: Option<UnitId>,
        line: Line<'_, '_>,
        search: Search,
        candidates: &mut Vec<u32>,
    ) -> Vec<Hit> {
        let text = line.text();
        let (ends, mut keyed, mut hits) = (Ends::of_text(text), None, Vec::new());
        let own = outlet.map(|unit| self.unit_rules(unit));
        for rules in own.into_iter().chain([&self.generic]) {
            let index = rules.mid_article.as_ref().filter(|_| search.mid_article);
            index.unwrap_or(&rules.index).candidates(&ends, candidates);
            let mut matched = None;
            for &slot in candidates.iter() {
                let (id, part) = slot_rule(slot);
                let template = rules.template(id).filter(|_| !search.all_languages);
                if template.is_some() && template == matched {
                    continue;
                }
                let patterns = self.patterns(id);
                let pattern = &patterns[part];
                let keyed = keyed.get_or_insert_with(|| Keyed::new(text));
                let before = hits.len();
                pattern.find(keyed.as_str(), &mut |found| {
                    let hit = self.hit(id, pattern, found, keyed, line);
                    // A part of a replacement cannot be cut.
                    hits.extend((!hit.span.is_empty()).then_some(hit));
                });
                if hits.len() > before && is_excluded(patterns, keyed.as_str()) {
                    hits.truncate(before);
                }
                if hits.len() > before {
                    matched = template;
                }
            }
        }
        hits
    }

    /// The hit that may end a block of `rule` on this line.
    pub fn find_end(&self, rule: RuleId, line: Line<'_, '_>) -> Option<Hit> {
        let ends = |pattern: &&Pattern| pattern.role == Role::Through;
        let pattern = self.patterns(rule).iter().find(ends)?;
        let keyed = Keyed::new(line.text());
        let mut hit = None;
        pattern.find(keyed.as_str(), &mut |found| {
            hit = Some(self.hit(rule, pattern, found, &keyed, line));
        });
        hit.filter(|hit: &Hit| !hit.span.is_empty())
    }

    /// The hits of `rule` in a line if it had these patterns instead of its own.
    pub fn find_with_patterns(
        &self,
        rule: RuleId,
        patterns: &[Pattern],
        line: Line<'_, '_>,
    ) -> Vec<Hit> {
        let keyed = Keyed::new(line.text());
        let mut hits = Vec::new();
        if is_excluded(patterns, keyed.as_str()) {
            return hits;
        }
        for pattern in patterns.iter().filter(|pattern| pattern.anchor != Anchor::Unless) {
            pattern.find(keyed.as_str(), &mut |found| {
                hits.push(self.hit(rule, pattern, found, &keyed, line));
            });
        }
        hits.retain(|hit| !hit.span.is_empty());
        hits
    }

    /// The hits of [`RuleSet::find`] in all languages and the ends of blocks, found by trying every
    /// pattern. The oracle for tests.
    pub fn find_naively(&self, outlet: Option<UnitId>, line: Line<'_, '_>) -> Vec<Hit> {
        let keyed = Keyed::new(line.text());
        let mut hits = Vec::new();
        let own = outlet.into_iter().flat_map(|UnitId(unit)| self.sections_of(&self.units[unit]));
        let mut own: Vec<RuleId> =
            own.flat_map(|section| section.ids.clone()).map(RuleId).collect();
        own.sort();
        let generic = self.ids().filter(|id| self.source(*id).unit.is_none());
        for id in own.into_iter().chain(generic) {
            let (patterns, before) = (self.patterns(id), hits.len());
            for pattern in patterns.iter().filter(|pattern| pattern.anchor != Anchor::Unless) {
                if !keyed.as_str().is_empty() {
                    pattern.find(keyed.as_str(), &mut |found| {
                        let hit = self.hit(id, pattern, found, &keyed, line);
                        hits.extend((!hit.span.is_empty()).then_some(hit));
                    });
                }
            }
            if hits.len() > before && is_excluded(patterns, keyed.as_str()) {
                hits.truncate(before);
            }
        }
        hits
    }

    fn hit(
        &self,
        rule: RuleId,
        pattern: &Pattern,
        found: Found,
        keyed: &Keyed<'_>,
        line: Line<'_, '_>,
    ) -> Hit {
        let text = line.text();
        let value = |range| script::evenly_spaced(&text[keyed.text_range(range)]);
        let fields = found.fields.into_iter().map(|(name, range)| (name, value(range))).collect();
        let mut range = match pattern.anchor {
            Anchor::Line => 0..text.len(),
            _ => keyed.text_range(found.range),
        };
        let cuts = self.rule(rule).action == Action::Remove;
        let space = script::is_space;
        match pattern.anchor {
            Anchor::Start if cuts => {
                range = 0..text.len() - text[range.end..].trim_start_matches(space).len();
            }
            Anchor::End if cuts => {
                range = text[..range.start].trim_end_matches(space).len()..text.len();
            }
            _ => {}
        }
        let span = match pattern.anchor {
            Anchor::Line => line.span(),
            _ => line.source_span(range),
        };
        let role = pattern.role;
        debug_assert!(role != Role::Line || pattern.anchor == Anchor::Line);
        Hit { rule, span, role, fields }
    }
}

/// Whether an `unless` pattern of a rule matches the line with this key.
fn is_excluded(patterns: &[Pattern], key: &str) -> bool {
    patterns.iter().any(|pattern| pattern.anchor == Anchor::Unless && pattern.is_match(key))
}

/// Whether a rule removes complete lines and captures no fields. The hits of such rules that were
/// made from one template differ only in the rule.
pub(super) fn is_plain_removal(rule: &Rule, patterns: &[Pattern], written: &Written) -> bool {
    let whole = |pattern: &Pattern| pattern.excludes() || pattern.role == Role::Line;
    let mut texts = written.keys.iter().flat_map(|(_, texts)| texts.iter());
    rule.action == Action::Remove
        && patterns.iter().all(whole)
        && !texts.any(|text| text.contains("(?P<") || text.contains("(?<"))
}

/// Whether a rule can act on a sentence mid-article.
pub fn acts_mid_article(rule: &Rule) -> bool {
    rule.action == Action::Keep || matches!(rule.place, Place::Anywhere | Place::Body)
}

/// A slot of an index: a rule, and which of its two patterns.
fn slot_rule(slot: u32) -> (RuleId, usize) {
    (RuleId(slot / 2), slot as usize % 2)
}
