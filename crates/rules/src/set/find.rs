//! Finds the rules that match a line: index lookup, confirmation by the patterns, and conversion to
//! hits.

use chaffinch_stage::{Action, Hit, Line, Role, RuleId, script};

use super::memo::{self, Search};
use super::rule_set::RuleSet;
use super::unit::UnitId;
use crate::key::Keyed;
use crate::matching::{Anchor, Ends, Found, Pattern};
use crate::storage::slot_rule;

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
