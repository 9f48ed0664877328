//! All rules of a run: the rules that apply to a document, and what is known about them.

use std::collections::BTreeSet;
use std::sync::Arc;

use chaffinch_stage::{Action, Document, Rule, RuleId, RuleTable};
use rustc_hash::FxHashMap;

use super::recognise::{How, Recognition};
use super::section::{Section, SectionRules, Source};
use super::unit::{Unit, UnitId, UnknownOutlet};
use crate::authoring::{Allow, Cases, Example, Lexicon, lexicon_cases, yaml};
use crate::key;
use crate::matching::{Anchor, Pattern, Prefilter};
use crate::storage::{Listed, Packed, Prefilters, Proof, Rules, RulesBuilder};

/// All rules of a run.
#[derive(Debug, Default)]
pub struct RuleSet {
    /// A number that no other set has.
    pub(super) number: u64,
    pub(super) sections: Vec<Section>,
    /// The section of each rule.
    pub(super) section_of: Vec<u32>,
    pub(super) packed: Packed,
    /// The stages that run, if not all do. Rules of other stages are not matched.
    pub(super) running: Option<Vec<String>>,
    /// The stages that have rules with a detector.
    pub(super) detecting: BTreeSet<String>,
    pub(super) generic: Rules,
    pub(super) units: Vec<Unit>,
    pub(super) names: FxHashMap<String, UnitId>,
    pub(super) recognition: Recognition,
    /// The lexicon, if lexicon files replace shipped ones.
    pub(super) lexicon: Option<Arc<Lexicon>>,
}

impl RuleSet {
    /// The lexicon that the rules use.
    pub fn lexicon(&self) -> &Lexicon {
        match &self.lexicon {
            Some(own) => own,
            None => Lexicon::shipped(),
        }
    }

    /// Whether matching a rule is useless because its stage does not run.
    pub(super) fn is_idle(&self, rule: &Rule) -> bool {
        let runs = |running: &Vec<String>| running.contains(&rule.stage);
        rule.action != Action::Keep && !self.running.as_ref().is_none_or(runs)
    }

    pub(super) fn rules_of<'s>(&'s self, section: &'s Section) -> &'s SectionRules {
        section.rules.get_or_init(|| {
            let rules = section.packed.map(|at| self.packed.rules(at));
            Box::new(SectionRules::packed(rules.unwrap_or_default()))
        })
    }

    /// The prefilters of a section's patterns.
    fn prefilters(&self, section: &Section) -> Prefilters {
        match section.packed {
            Some(at) => self.packed.prefilters(at),
            None => {
                let of_rule = |all: &[Pattern]| all.iter().map(Pattern::prefilters).collect();
                self.rules_of(section).patterns.iter().map(|all| of_rule(all)).collect()
            }
        }
    }

    /// The section of a rule, and its index in the section.
    fn place(&self, RuleId(id): RuleId) -> (&Section, usize) {
        let section = &self.sections[self.section_of[id as usize] as usize];
        (section, (id - section.ids.start) as usize)
    }

    /// The ids of all rules.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = RuleId> + use<> {
        (0..self.section_of.len() as u32).map(RuleId)
    }

    /// Whether there is a rule with this id.
    pub fn has(&self, RuleId(id): RuleId) -> bool {
        (id as usize) < self.section_of.len()
    }

    /// The part of a rule that stages see.
    ///
    /// # Panics
    /// If the id belongs to another set.
    pub fn rule(&self, id: RuleId) -> &Rule {
        let (section, at) = self.place(id);
        &self.rules_of(section).rules[at]
    }

    /// What is known about a rule besides the part that stages see.
    ///
    /// # Panics
    /// If the id belongs to another set.
    pub fn source(&self, id: RuleId) -> &Source {
        let (section, at) = self.place(id);
        let sources = self.rules_of(section).sources.get_or_init(|| {
            let source = |origin| Source::of(origin, &section.file, section.unit);
            let origins = section.packed.map(|at| self.packed.origins(at)).unwrap_or_default();
            origins.into_iter().map(source).collect()
        });
        &sources[at]
    }

    /// The cases of a rule in its rule file.
    ///
    /// # Panics
    /// If the id belongs to another set.
    pub fn cases(&self, id: RuleId) -> &Cases {
        static NONE: Cases = Cases { removes: Vec::new(), keeps: Vec::new() };
        let (section, at) = self.place(id);
        // A stage's own rule has none.
        self.proof(section).cases.get(at).unwrap_or(&NONE)
    }

    /// The cases of a rule in the lexicon: the lines of the lists it uses that it matches, and the
    /// sentences that it must keep.
    ///
    /// # Panics
    /// If the id belongs to another set.
    pub fn lexicon_cases(&self, id: RuleId) -> Cases {
        let Some(template) = &self.source(id).written.template else { return Cases::default() };
        // The id of such a rule ends with its language.
        let code = self.rule(id).id.rsplit('/').next().unwrap_or_default();
        let mut all = lexicon_cases(self.lexicon(), template, code);
        all.removes.retain(|line| self.matches(id, line));
        all
    }

    /// Whether the patterns of a rule match this line.
    fn matches(&self, id: RuleId, line: &str) -> bool {
        let key = key::key(line);
        let matching = |unless: bool| {
            let mut all = self.patterns(id).iter();
            all.any(|pattern| {
                (pattern.anchor == Anchor::Unless) == unless && pattern.is_match(&key)
            })
        };
        matching(false) && !matching(true)
    }

    /// The cases and examples of a rule file.
    fn proof<'s>(&'s self, section: &'s Section) -> &'s Proof {
        section.proof.get_or_init(|| {
            let proof = section.packed.map(|at| self.packed.proof(at));
            Box::new(proof.unwrap_or_default())
        })
    }

    /// A digest of everything that decides what a rule cuts: pattern, place, action.
    ///
    /// # Panics
    /// If the id belongs to another set.
    pub fn digest(&self, id: RuleId) -> u64 {
        let (section, at) = self.place(id);
        self.rules_of(section).digests[at]
    }

    /// A digest of what each file's rules cut, in order, including the stages' own rules.
    pub fn digests(&self) -> impl Iterator<Item = u64> {
        self.sections.iter().map(|section| section.digest)
    }

    /// Calls `each` with a summary of every rule, in order, without unpacking any.
    pub fn each_rule(&self, mut each: impl FnMut(RuleId, Listed<'_>)) {
        for section in &self.sections {
            let ids = section.ids.clone().map(RuleId);
            match section.rules.get() {
                None => {
                    let list = section.packed.map(|at| self.packed.list(at)).unwrap_or_default();
                    ids.zip(list).for_each(|(id, rule)| each(id, rule));
                }
                Some(section) => {
                    let rules = section.rules.iter().zip(&section.digests);
                    let listed = rules.map(|(rule, digest)| Listed::of(rule, *digest));
                    ids.zip(listed).for_each(|(id, rule)| each(id, rule));
                }
            }
        }
    }

    /// The rule with this full id.
    pub fn find_rule(&self, id: &str) -> Option<RuleId> {
        let unit = id.split_once('/').and_then(|(unit, _)| self.names.get(unit));
        let of_unit = unit.map(|unit| self.units[unit.0].section);
        let others = self.sections.iter().enumerate().filter(|(_, s)| s.unit.is_none());
        of_unit.into_iter().chain(others.map(|(at, _)| at)).find_map(|at| {
            let section = &self.sections[at];
            let at = self.rules_of(section).rules.iter().position(|rule| rule.id == id)?;
            Some(RuleId(section.ids.start + at as u32))
        })
    }

    /// Whether some rule of this stage enables a detector.
    pub fn detects(&self, stage: &str) -> bool {
        self.detecting.contains(stage)
    }

    /// Whether a rule is tried on every line because it has no literal for the index.
    pub fn is_slow(&self, id: RuleId) -> bool {
        let (section, at) = self.place(id);
        let patterns = self.patterns(id);
        let prefilters = match section.packed {
            Some(packed) => self.packed.prefilters(packed).swap_remove(at),
            None => patterns.iter().map(Pattern::prefilters).collect(),
        };
        let patterns = patterns.iter().zip(&prefilters);
        let mut used = patterns.filter(|(pattern, _)| pattern.anchor != Anchor::Unless);
        used.any(|(_, prefilters)| prefilters.contains(&Prefilter::None))
    }

    /// The file of an outlet or family.
    pub fn unit_file(&self, id: UnitId) -> &str {
        &self.sections[self.units[id.0].section].file
    }

    /// The outlet or family with this id.
    pub fn unit(&self, id: &str) -> Option<UnitId> {
        self.names.get(id).copied()
    }

    /// All outlets and families.
    pub fn units(&self) -> impl Iterator<Item = UnitId> + use<> {
        (0..self.units.len()).map(UnitId)
    }

    /// A digest of how outlets are detected and which families they extend.
    pub fn recognition(&self) -> u64 {
        self.recognition.digest()
    }

    /// Whether the id belongs to a family and not to an outlet.
    pub fn is_family(&self, id: UnitId) -> bool {
        self.units[id.0].family
    }

    /// The families of an outlet or family, nearest first.
    pub fn families(&self, id: UnitId) -> &[UnitId] {
        &self.units[id.0].families
    }

    /// Whether rules of an outlet have an era.
    pub fn has_eras(&self, id: UnitId) -> bool {
        self.units[id.0].eras
    }

    /// The accepted hits of an outlet's or family's rules on clean articles and other outlets.
    pub fn allowed(&self, id: UnitId) -> &[Allow] {
        &self.proof(&self.sections[self.units[id.0].section]).allow
    }

    /// Signs that several outlets share: the folded sign and the outlets.
    pub fn shared_signs(&self) -> Vec<(&str, Vec<UnitId>)> {
        self.recognition.shared_signs()
    }

    /// The id of an outlet or family.
    pub fn unit_name(&self, id: UnitId) -> &str {
        &self.units[id.0].id
    }

    /// All outlets: id, display name, and number of rules including those of families.
    pub fn outlets(&self) -> impl Iterator<Item = (&str, Option<&str>, usize)> {
        self.units.iter().filter(|unit| !unit.family).map(|unit| {
            let rules = self.sections_of(unit).map(|section| section.ids.len()).sum();
            (unit.id.as_str(), unit.name.as_deref(), rules)
        })
    }

    /// The examples of all rule files, with their outlet or family.
    pub fn examples(&self) -> impl Iterator<Item = (&str, &Example)> {
        self.units().flat_map(move |unit| {
            self.examples_of(unit).iter().map(move |example| (self.unit_name(unit), example))
        })
    }

    /// The examples of one outlet or family.
    pub fn examples_of(&self, id: UnitId) -> &[Example] {
        &self.proof(&self.sections[self.units[id.0].section]).examples
    }

    /// The outlet or family with this id.
    ///
    /// # Errors
    /// If there is none.
    pub fn outlet(&self, id: &str) -> Result<UnitId, UnknownOutlet> {
        self.names.get(id).copied().ok_or_else(|| {
            let mut known: Vec<&str> = self.names.keys().map(String::as_str).collect();
            known.sort_unstable();
            UnknownOutlet { id: id.to_owned(), help: yaml::expected(id, &known) }
        })
    }

    /// Detects the outlet of a document by the host of its URL, else by its path, else by its
    /// signs. If two outlets tie, a family that both extend is used, if there is one.
    pub fn recognise(
        &self,
        url: Option<&str>,
        path: Option<&str>,
        doc: &Document<'_>,
    ) -> Option<(UnitId, How)> {
        let by_host = || self.one_of(self.recognition.by_host(url?));
        let by_path = || self.one_of(&self.recognition.by_path(path?));
        let by_signs = || self.one_of(&self.recognition.by_signs(doc));
        by_host()
            .map(|unit| (unit, How::Host))
            .or_else(|| by_path().map(|unit| (unit, How::Path)))
            .or_else(|| by_signs().map(|unit| (unit, How::Signs)))
    }

    /// The only one of `units`, else the nearest family that all of them extend.
    fn one_of(&self, units: &[UnitId]) -> Option<UnitId> {
        let (&first, rest) = units.split_first()?;
        if rest.iter().all(|&unit| unit == first) {
            return Some(first);
        }
        let families = &self.units[first.0].families;
        families.iter().copied().find(|f| rest.iter().all(|u| self.units[u.0].families.contains(f)))
    }

    /// The detector rules that apply to documents of `outlet`.
    pub fn detectors(&self, outlet: Option<UnitId>) -> Vec<RuleId> {
        let own = outlet.map(|unit| self.unit_rules(unit).detectors.clone()).unwrap_or_default();
        own.into_iter().chain(self.generic.detectors.iter().copied()).collect()
    }

    pub(super) fn unit_rules(&self, UnitId(unit): UnitId) -> &Rules {
        let unit = &self.units[unit];
        unit.rules.get_or_init(|| {
            let mut rules = RulesBuilder::default();
            for section in self.sections_of(unit) {
                let (own, prefilters) = (self.rules_of(section), self.prefilters(section));
                for (at, id) in section.ids.clone().enumerate() {
                    if !self.is_idle(&own.rules[at]) {
                        rules.add(RuleId(id), &own.rules[at], &own.patterns[at], &prefilters[at]);
                    }
                }
            }
            Box::new(rules.build())
        })
    }

    /// The sections of an outlet and of its families, nearest first.
    pub(super) fn sections_of<'s>(&'s self, unit: &'s Unit) -> impl Iterator<Item = &'s Section> {
        let families = unit.families.iter().map(|family| &self.units[family.0]);
        std::iter::once(unit).chain(families).map(|unit| &self.sections[unit.section])
    }

    /// The patterns of a rule: two for a block, none for a detector.
    ///
    /// # Panics
    /// If the id belongs to another set.
    pub fn patterns(&self, rule: RuleId) -> &[Pattern] {
        let (section, at) = self.place(rule);
        &self.rules_of(section).patterns[at]
    }
}

impl RuleTable for RuleSet {
    fn rule(&self, id: RuleId) -> &Rule {
        RuleSet::rule(self, id)
    }
}
