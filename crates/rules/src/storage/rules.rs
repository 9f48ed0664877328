//! Indexed rules: the rules that apply to one kind of document, with an index of their patterns. Those
//! of an outlet are indexed when a document needs them; the index of the generic rules is stored in
//! packed form, because all documents need it.

use std::ops::Range;
use std::sync::Arc;

use chaffinch_stage::{Action, Place, Role, Rule, RuleId};
use serde::{Deserialize, Serialize};

use crate::authoring::Written;
use crate::matching::{Anchor, Index, IndexBuilder, IndexTables, PackedIndex, Pattern, Prefilter};
use crate::table::packed;

/// The rules that apply to one kind of document, indexed.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    pub(crate) index: Index,
    /// An index of only those rules that can act mid-article. `None` if all of them can.
    pub(crate) mid_article: Option<Index>,
    pub(crate) detectors: Vec<RuleId>,
    /// By rule id, for rules that were made from one template for several languages and whose hits
    /// differ only in the rule: the first of them.
    pub(crate) templates: Vec<Option<RuleId>>,
}

impl Rules {
    /// The first of the rules that were made from the same template as a rule.
    pub(crate) fn template(&self, RuleId(id): RuleId) -> Option<RuleId> {
        self.templates.get(id as usize).copied().flatten()
    }
}

/// Collects rules for [`Rules`].
#[derive(Default)]
pub(crate) struct RulesBuilder {
    index: IndexBuilder,
    mid_article: IndexBuilder,
    /// Whether there are rules that cannot act mid-article.
    outside: bool,
    detectors: Vec<RuleId>,
    templates: Vec<Option<RuleId>>,
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
    pub(crate) fn unpack(bytes: &Arc<[u8]>) -> Option<Rules> {
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
    pub(crate) fn build(self) -> Rules {
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

    /// Adds the rules of a generic file except those that are idle. The id of the first is `start`.
    pub(crate) fn add_generic(
        &mut self,
        start: u32,
        rules: &[GenericRule<'_>],
        is_idle: impl Fn(&Rule) -> bool,
    ) {
        // Rules made from one template of the lexicon have one index in their file.
        let mut first = start;
        for alike in rules.chunk_by(|one, other| one.at == other.at) {
            let next = first + alike.len() as u32;
            if alike.iter().all(GenericRule::is_plain_removal) {
                self.add_template(first..next);
            }
            first = next;
        }
        for (rule, id) in rules.iter().zip(start..) {
            if !is_idle(rule.rule) {
                self.add(RuleId(id), rule.rule, rule.patterns, rule.prefilters);
            }
        }
    }

    /// Records that these rules were made from one template, one for each language of the lexicon.
    fn add_template(&mut self, ids: Range<u32>) {
        self.templates.resize(ids.end as usize, None);
        self.templates[ids.start as usize..].fill(Some(RuleId(ids.start)));
    }

    /// Adds a rule with its patterns and the prefilters of each.
    pub(crate) fn add(
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

/// A rule of a generic file.
pub(crate) struct GenericRule<'r> {
    pub(crate) rule: &'r Rule,
    pub(crate) patterns: &'r [Pattern],
    /// The prefilters of each pattern.
    pub(crate) prefilters: &'r [Vec<Prefilter>],
    pub(crate) written: &'r Written,
    /// Its index among the rules of its file.
    pub(crate) at: usize,
}

impl GenericRule<'_> {
    /// Whether the rule removes complete lines and captures no fields. The hits of such rules that
    /// were made from one template differ only in the rule.
    fn is_plain_removal(&self) -> bool {
        let whole = |pattern: &Pattern| pattern.excludes() || pattern.role == Role::Line;
        let mut texts = self.written.keys.iter().flat_map(|(_, texts)| texts.iter());
        self.rule.action == Action::Remove
            && self.patterns.iter().all(whole)
            && !texts.any(|text| text.contains("(?P<") || text.contains("(?<"))
    }
}

/// Whether a rule can act on a sentence mid-article.
pub fn acts_mid_article(rule: &Rule) -> bool {
    rule.action == Action::Keep || matches!(rule.place, Place::Anywhere | Place::Body)
}

/// A slot of an index: a rule, and which of its two patterns.
pub(crate) fn slot_rule(slot: u32) -> (RuleId, usize) {
    (RuleId(slot / 2), slot as usize % 2)
}
