//! All rules of a run: which hold for a document, and which of them match a line.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use chaffinch_stage::{Act, Document, Hit, Line, Place, Role, Rule, RuleId, Table, script};
use rustc_hash::FxHashMap;

use crate::file::{self, Allow, Era, Example, FileRule, RuleFile, Subject, Written};
use crate::index::{Ends, Index, IndexBuilder};
use crate::key::Keyed;
use crate::lexicon::Lexicon;
use crate::load::{Files, Text, Wanted};
use crate::packed::{Head, Listed, Packed, RuleOrigin, RunRule};
use crate::pattern::{Anchor, Found, Pattern};
use crate::recognise::{How, Recognition};
use crate::yaml::{self, Problem};

/// An outlet, or a family, in a [`RuleSet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UnitId(pub(crate) usize);

/// What is known of a rule beyond what stages see.
#[derive(Debug)]
pub struct Source {
    /// The file it stands in; empty for a stage's own rule.
    pub file: Arc<str>,
    /// Its place among the rules of its file, from 0.
    pub at: usize,
    /// Its pattern as written.
    pub written: Written,
    /// The days on which it holds.
    pub era: Era,
    /// Texts that must go.
    pub removes: Vec<String>,
    /// Texts that must stay.
    pub keeps: Vec<String>,
    /// The outlet or family whose file it is; none for generic rules.
    pub unit: Option<UnitId>,
}

impl Source {
    fn of(origin: RuleOrigin, file: &Arc<str>, unit: Option<UnitId>) -> Source {
        let RuleOrigin { written, era, at, .. } = origin;
        let (file, removes, keeps) = (Arc::clone(file), Vec::new(), Vec::new());
        Source { file, at, written, era, removes, keeps, unit }
    }
}

/// A rule file, or a stage's own rule: a run of the table of rules.
#[derive(Debug)]
struct Section {
    file: Arc<str>,
    unit: Option<UnitId>,
    /// The place of its first rule in the table, and the one behind its last.
    ids: Range<u32>,
    digest: u64,
    /// Its place among the packed files.
    packed: usize,
    /// Its rules, once they are needed.
    rules: OnceLock<Box<SectionRules>>,
}

/// The rules of a section.
#[derive(Debug, Default)]
struct SectionRules {
    rules: Vec<Rule>,
    patterns: Vec<Box<[Pattern]>>,
    digests: Vec<u64>,
    /// What few runs ask for.
    sources: OnceLock<Vec<Source>>,
}

impl SectionRules {
    fn of(rules: Vec<FileRule>, file: &Arc<str>, unit: Option<UnitId>) -> SectionRules {
        let (mut all, mut sources) = (Vec::new(), Vec::new());
        for rule in rules {
            let FileRule { rule, patterns, written, era, at, removes, keeps, digest, .. } = rule;
            let file = Arc::clone(file);
            all.push(RunRule { rule, patterns: patterns.into(), digest });
            sources.push(Source { file, at, written, era, removes, keeps, unit });
        }
        SectionRules { sources: OnceLock::from(sources), ..SectionRules::packed(all) }
    }

    /// Rules whose sources stay packed.
    fn packed(all: Vec<RunRule>) -> SectionRules {
        let mut section = SectionRules {
            rules: Vec::with_capacity(all.len()),
            patterns: Vec::with_capacity(all.len()),
            digests: Vec::with_capacity(all.len()),
            sources: OnceLock::new(),
        };
        for RunRule { rule, patterns, digest } in all {
            section.rules.push(rule);
            section.patterns.push(patterns);
            section.digests.push(digest);
        }
        section
    }
}

/// An outlet or family.
#[derive(Debug)]
struct Unit {
    id: String,
    name: Option<String>,
    family: bool,
    families: Vec<UnitId>,
    section: usize,
    examples: Vec<Example>,
    allow: Vec<Allow>,
    /// Whether some of its rules, or of its families', hold in an era alone.
    eras: bool,
    /// Its rules and its families', once a document needs them.
    rules: OnceLock<Box<Rules>>,
}

/// The rules that hold for one kind of document, indexed.
#[derive(Debug, Default)]
struct Rules {
    index: Index,
    /// Of those alone that can act in the midst of an article; none if all of them can.
    inside: Option<Index>,
    detectors: Vec<RuleId>,
}

/// [`Rules`] in the making.
#[derive(Default)]
struct RulesBuilder {
    index: IndexBuilder,
    inside: IndexBuilder,
    /// Whether there are rules that cannot act inside.
    outside: bool,
    detectors: Vec<RuleId>,
}

/// All rules of a run.
#[derive(Debug, Default)]
pub struct RuleSet {
    sections: Vec<Section>,
    /// The section of each rule.
    section_of: Vec<u32>,
    packed: Packed,
    /// The stages that run, if not all do: matches of the others' rules would be for nothing.
    running: Option<Vec<String>>,
    /// The stages of whose rules some switch on a detector.
    detecting: BTreeSet<String>,
    generic: Rules,
    units: Vec<Unit>,
    names: FxHashMap<String, UnitId>,
    recognition: Recognition,
    /// The lexicon, if files of it replace shipped ones.
    lexicon: Option<Box<Lexicon>>,
}

/// The rules of a file that is added to a set.
enum ReadRules<'a> {
    /// As they were just read, with what proves them.
    Now(Box<RuleFile>),
    /// Packed, at this place.
    Later(&'a Packed, usize),
}

/// A file and the families that it extends.
struct Extends {
    unit: UnitId,
    file: Arc<str>,
    families: Vec<String>,
}

impl RuleSet {
    /// The set with this lexicon, whose phrases its rules use.
    pub(crate) fn with_lexicon(self, lexicon: Option<Lexicon>) -> RuleSet {
        RuleSet { lexicon: lexicon.map(Box::new), ..self }
    }

    /// The lexicon whose phrases the rules use.
    pub fn lexicon(&self) -> &Lexicon {
        match &self.lexicon {
            Some(own) => own,
            None => Lexicon::shipped(),
        }
    }

    pub(crate) fn build(
        files: Files,
        text: Text<'_>,
        problems: &mut Vec<Problem>,
        wanted: &Wanted<'_>,
    ) -> RuleSet {
        let owned = |all: &[&str]| all.iter().map(|&stage| stage.to_owned()).collect();
        let mut set = RuleSet { running: wanted.running.map(owned), ..RuleSet::default() };
        let (mut generic, mut extends) = (RulesBuilder::default(), Vec::new());
        let mut add = |set: &mut RuleSet, head: Head<'_>, rules: ReadRules<'_>| {
            set.detecting.extend(head.detects.iter().map(|&stage| stage.to_owned()));
            if head.subject == Subject::Generic {
                set.add_generic(&head, rules, wanted, &mut generic);
            } else if set.names.contains_key(head.id) {
                problems.push(named_before(&head, text(head.file)));
            } else {
                extends.push(set.add_unit(head, rules));
            }
        };
        match files {
            Files::Parsed(files) => {
                for file in files {
                    let head = Head::packed(&file);
                    add(&mut set, Head::read(&head), ReadRules::Now(Box::new(file)));
                }
            }
            Files::Packed(packed) => {
                for (at, (head, _)) in packed.heads().enumerate() {
                    add(&mut set, head, ReadRules::Later(&packed, at));
                }
                set.packed = packed;
            }
        }
        set.generic = generic.build();
        set.extend_units(&extends, text, problems);
        set
    }

    fn add_section(&mut self, file: &str, rules: u32, digest: u64, packed: usize) -> &mut Section {
        let at = self.sections.len();
        let start = self.section_of.len() as u32;
        self.section_of.extend((0..rules).map(|_| at as u32));
        let ids = start..self.section_of.len() as u32;
        let (file, rules) = (file.into(), OnceLock::new());
        self.sections.push(Section { file, unit: None, ids, digest, packed, rules });
        &mut self.sections[at]
    }

    /// Adds a file for all outlets, whose rules every run needs.
    fn add_generic(
        &mut self,
        head: &Head<'_>,
        rules: ReadRules<'_>,
        wanted: &Wanted<'_>,
        generic: &mut RulesBuilder,
    ) {
        let file = head.file.into();
        let rules = match rules {
            ReadRules::Now(read) => {
                let mut rules = read.rules;
                rules.retain(|rule| wanted.speaks(rule.language.as_deref()));
                SectionRules::of(rules, &file, None)
            }
            ReadRules::Later(packed, at) => {
                let (mut rules, mut sources) = (Vec::new(), Vec::new());
                let (all, origins) = packed.rules_with_origins(at);
                for (rule, origin) in all.into_iter().zip(origins) {
                    if wanted.speaks(origin.language.as_deref()) {
                        rules.push(rule);
                        sources.push(Source::of(origin, &file, None));
                    }
                }
                SectionRules { sources: OnceLock::from(sources), ..SectionRules::packed(rules) }
            }
        };
        let section = self.add_section(head.file, rules.rules.len() as u32, head.digest, 0);
        let ids = section.ids.clone();
        for (at, id) in ids.enumerate() {
            if !self.is_idle(&rules.rules[at]) {
                generic.add(RuleId(id), &rules.rules[at], &rules.patterns[at]);
            }
        }
        if let Some(section) = self.sections.last_mut() {
            section.rules = OnceLock::from(Box::new(rules));
        }
    }

    fn add_unit(&mut self, head: Head<'_>, rules: ReadRules<'_>) -> Extends {
        let (unit, at) = (UnitId(self.units.len()), self.sections.len());
        let packed = if let ReadRules::Later(_, at) = rules { at } else { 0 };
        let section = self.add_section(head.file, head.rules, head.digest, packed);
        section.unit = Some(unit);
        let file = Arc::clone(&section.file);
        let (mut examples, mut allow) = (Vec::new(), Vec::new());
        if let ReadRules::Now(read) = rules {
            let rules = SectionRules::of(read.rules, &file, Some(unit));
            section.rules = OnceLock::from(Box::new(rules));
            (examples, allow) = (read.examples, read.allow);
        }
        self.names.insert(head.id.to_owned(), unit);
        self.units.push(Unit {
            id: head.id.to_owned(),
            name: head.name.map(str::to_owned),
            family: head.subject == Subject::Family,
            families: Vec::new(),
            section: at,
            examples,
            allow,
            eras: head.eras,
            rules: OnceLock::new(),
        });
        self.recognition.add(unit, &head);
        let families = head.extends.iter().map(|&family| family.to_owned()).collect();
        Extends { unit, file, families }
    }

    /// Whether a rule's matches would be for nothing: its stage does not run.
    fn is_idle(&self, rule: &Rule) -> bool {
        let runs = |running: &Vec<String>| running.contains(&rule.stage);
        rule.act != Act::Keep && !self.running.as_ref().is_none_or(runs)
    }

    /// Gives each unit the families that it extends, and those that they extend.
    fn extend_units(&mut self, extends: &[Extends], text: Text<'_>, problems: &mut Vec<Problem>) {
        let mut direct: Vec<Vec<UnitId>> = vec![Vec::new(); self.units.len()];
        for Extends { unit, file, families } in extends {
            for family in families {
                let found = self.names.get(family).filter(|UnitId(id)| self.units[*id].family);
                if let Some(&id) = found {
                    direct[unit.0].push(id);
                    continue;
                }
                let known: Vec<&str> =
                    self.units.iter().filter(|u| u.family).map(|u| u.id.as_str()).collect();
                let message = format!("unknown family \"{family}\"");
                let help = match known.is_empty() {
                    true => "there is no family file; families begin with `family: NAME`".into(),
                    false => yaml::expected(family, &known),
                };
                problems.push(in_extends(file, text(file), family, message, Some(help)));
            }
        }
        for Extends { unit, file, .. } in extends {
            // Nearest first; what is reached twice counts once.
            let (mut all, mut at) = (direct[unit.0].clone(), 0);
            while let Some(UnitId(family)) = all.get(at).copied() {
                at += 1;
                let further: Vec<UnitId> =
                    direct[family].iter().copied().filter(|id| !all.contains(id)).collect();
                all.extend(further);
            }
            if all.contains(unit) {
                let name = &self.units[unit.0].id;
                let through = all.iter().find(|family| direct[family.0].contains(unit));
                let through = through.map_or("", |family| &self.units[family.0].id);
                let message = format!("\"{name}\" extends itself, by way of \"{through}\"");
                problems.push(in_extends(file, text(file), through, message, None));
                continue;
            }
            self.units[unit.0].eras |= all.iter().any(|family| self.units[family.0].eras);
            self.units[unit.0].families = all;
        }
    }

    /// Adds the rule that a stage marks under on its own account: `stage/NAME`.
    pub fn add_own_rule(&mut self, rule: Rule) -> RuleId {
        let rule = Rule { place: Place::Anywhere, ..rule };
        let (written, era) = (Written::default(), Era::default());
        let digest = file::digest(&rule, &written, &era);
        let section = self.add_section("", 1, digest, 0);
        let (removes, keeps, patterns) = (Vec::new(), Vec::new(), Vec::new());
        let rule = FileRule {
            rule,
            language: None,
            patterns,
            written,
            era,
            at: 0,
            removes,
            keeps,
            digest,
        };
        let rules = SectionRules::of(vec![rule], &section.file, None);
        section.rules = OnceLock::from(Box::new(rules));
        RuleId(section.ids.start)
    }

    /// The files of the set, packed; none where they were read to be proved.
    pub(crate) fn packed(&self) -> &Packed {
        &self.packed
    }

    fn rules_of<'s>(&'s self, section: &'s Section) -> &'s SectionRules {
        let unpacked = || Box::new(SectionRules::packed(self.packed.rules(section.packed)));
        section.rules.get_or_init(unpacked)
    }

    /// The section that a rule stands in, and its place there.
    fn place(&self, RuleId(id): RuleId) -> (&Section, usize) {
        let section = &self.sections[self.section_of[id as usize] as usize];
        (section, (id - section.ids.start) as usize)
    }

    /// All rules.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = RuleId> + use<> {
        (0..self.section_of.len() as u32).map(RuleId)
    }

    /// Whether there is a rule of this id.
    pub fn has(&self, RuleId(id): RuleId) -> bool {
        (id as usize) < self.section_of.len()
    }

    /// What stages know of a rule.
    ///
    /// # Panics
    /// The id is another set's.
    pub fn rule(&self, id: RuleId) -> &Rule {
        let (section, at) = self.place(id);
        &self.rules_of(section).rules[at]
    }

    /// What is known of a rule beyond what stages see.
    ///
    /// # Panics
    /// The id is another set's.
    pub fn source(&self, id: RuleId) -> &Source {
        let (section, at) = self.place(id);
        let sources = self.rules_of(section).sources.get_or_init(|| {
            let source = |origin| Source::of(origin, &section.file, section.unit);
            let (_, origins) = self.packed.rules_with_origins(section.packed);
            origins.into_iter().map(source).collect()
        });
        &sources[at]
    }

    /// Tells what a rule cuts: its pattern, its place, what becomes of a hit.
    ///
    /// # Panics
    /// The id is another set's.
    pub fn digest(&self, id: RuleId) -> u64 {
        let (section, at) = self.place(id);
        self.rules_of(section).digests[at]
    }

    /// Tells what each file's rules cut, in order, stages' own rules included.
    pub fn digests(&self) -> impl Iterator<Item = u64> {
        self.sections.iter().map(|section| section.digest)
    }

    /// Hands over what is known of all rules, in order. What no document needed stays packed.
    pub fn each_rule(&self, mut each: impl FnMut(RuleId, Listed<'_>)) {
        for section in &self.sections {
            let ids = section.ids.clone().map(RuleId);
            match section.rules.get() {
                None => {
                    ids.zip(self.packed.list(section.packed)).for_each(|(id, rule)| each(id, rule))
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

    /// Whether some rule that is addressed to this stage switches on a detector.
    pub fn detects(&self, stage: &str) -> bool {
        self.detecting.contains(stage)
    }

    /// Whether a rule is tried on every line for want of a literal that tells its lines.
    pub fn is_slow(&self, id: RuleId) -> bool {
        let mut patterns = self.patterns(id).iter();
        patterns.any(|pattern| pattern.anchor != Anchor::Unless && pattern.is_told_by_nothing())
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

    /// A digest of how outlets are recognised, and which families they extend.
    pub fn recognition(&self) -> u64 {
        self.recognition.digest()
    }

    /// Whether a family is meant, not an outlet.
    pub fn is_family(&self, id: UnitId) -> bool {
        self.units[id.0].family
    }

    /// The families of an outlet or family, nearest first.
    pub fn families(&self, id: UnitId) -> &[UnitId] {
        &self.units[id.0].families
    }

    /// Whether some rules of an outlet hold in an era alone.
    pub fn has_eras(&self, id: UnitId) -> bool {
        self.units[id.0].eras
    }

    /// Where rules of an outlet or family may fire though they should not.
    pub fn allowed(&self, id: UnitId) -> &[Allow] {
        &self.units[id.0].allow
    }

    /// Signs that several outlets name: the sign, folded as keys are, and the outlets.
    pub fn shared_signs(&self) -> Vec<(&str, Vec<UnitId>)> {
        self.recognition.shared_signs()
    }

    /// The id of an outlet or family.
    pub fn unit_name(&self, id: UnitId) -> &str {
        &self.units[id.0].id
    }

    /// Outlets: id, name for people, number of rules with its families'.
    pub fn outlets(&self) -> impl Iterator<Item = (&str, Option<&str>, usize)> {
        self.units.iter().filter(|unit| !unit.family).map(|unit| {
            let rules = self.sections_of(unit).map(|section| section.ids.len()).sum();
            (unit.id.as_str(), unit.name.as_deref(), rules)
        })
    }

    /// Whole documents of the rule files: outlet or family, document, what must be left.
    pub fn examples(&self) -> impl Iterator<Item = (&str, &Example)> {
        self.units.iter().flat_map(|u| u.examples.iter().map(move |e| (u.id.as_str(), e)))
    }

    /// Whole documents of one outlet or family.
    pub fn examples_of(&self, id: UnitId) -> &[Example] {
        &self.units[id.0].examples
    }

    /// The outlet with this id.
    ///
    /// # Errors
    /// What to do instead, where there is none.
    pub fn outlet(&self, id: &str) -> Result<UnitId, String> {
        self.names.get(id).copied().ok_or_else(|| {
            let known: Vec<&str> = self.names.keys().map(String::as_str).collect();
            let mut known = known;
            known.sort_unstable();
            format!("unknown outlet \"{id}\"; {}", yaml::expected(id, &known))
        })
    }

    /// The outlet of a document: by the host of its URL, else its path, else its signs. Two
    /// outlets at one level: neither, but for the rules of a family that both extend.
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

    /// The only one of `units`, else the family that all of them extend.
    fn one_of(&self, units: &[UnitId]) -> Option<UnitId> {
        let (&first, rest) = units.split_first()?;
        if rest.iter().all(|&unit| unit == first) {
            return Some(first);
        }
        let families = &self.units[first.0].families;
        families.iter().copied().find(|f| rest.iter().all(|u| self.units[u.0].families.contains(f)))
    }

    /// The rules without a pattern that hold for documents of `outlet`.
    pub fn detectors(&self, outlet: Option<UnitId>) -> Vec<RuleId> {
        let own = outlet.map(|unit| self.unit_rules(unit).detectors.clone()).unwrap_or_default();
        own.into_iter().chain(self.generic.detectors.iter().copied()).collect()
    }

    fn unit_rules(&self, UnitId(unit): UnitId) -> &Rules {
        let unit = &self.units[unit];
        unit.rules.get_or_init(|| {
            let mut rules = RulesBuilder::default();
            for section in self.sections_of(unit) {
                let own = self.rules_of(section);
                for (at, id) in section.ids.clone().enumerate() {
                    if !self.is_idle(&own.rules[at]) {
                        rules.add(RuleId(id), &own.rules[at], &own.patterns[at]);
                    }
                }
            }
            Box::new(rules.build())
        })
    }

    /// The sections of an outlet and of its families, nearest first.
    fn sections_of<'s>(&'s self, unit: &'s Unit) -> impl Iterator<Item = &'s Section> {
        let families = unit.families.iter().map(|family| &self.units[family.0]);
        std::iter::once(unit).chain(families).map(|unit| &self.sections[unit.section])
    }

    /// The rules that match a line, wherever it stands: the outlet's, its families', the generic
    /// ones, each in the order of its file; without the ends of blocks, which only matter below
    /// their beginnings (see [`RuleSet::find_end`]). `inside`: only the rules that can act on a
    /// sentence in the midst of an article.
    pub fn find(
        &self,
        outlet: Option<UnitId>,
        line: Line<'_, '_>,
        inside: bool,
        near: &mut Vec<u32>,
    ) -> Vec<Hit> {
        let text = line.text();
        let (ends, mut keyed, mut hits) = (Ends::of_text(text), None, Vec::new());
        let own = outlet.map(|unit| self.unit_rules(unit));
        for rules in own.into_iter().chain([&self.generic]) {
            let index = rules.inside.as_ref().filter(|_| inside).unwrap_or(&rules.index);
            index.candidates(&ends, near);
            for &slot in near.iter() {
                let (id, part) = slot_rule(slot);
                let patterns = self.patterns(id);
                let pattern = &patterns[part];
                let keyed = keyed.get_or_insert_with(|| Keyed::new(text));
                let before = hits.len();
                pattern.find(keyed.as_str(), &mut |found| {
                    let hit = self.hit(id, pattern, found, keyed, line);
                    // A part of a replacement cannot be cut.
                    hits.extend((!hit.span.is_empty()).then_some(hit));
                });
                if hits.len() > before && is_refused(patterns, keyed.as_str()) {
                    hits.truncate(before);
                }
            }
        }
        hits
    }

    /// Where the block of `rule` may end on this line.
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

    /// The hits that `rule` would have on a line if `patterns` were its own.
    pub fn find_instead(&self, rule: RuleId, patterns: &[Pattern], line: Line<'_, '_>) -> Vec<Hit> {
        let keyed = Keyed::new(line.text());
        let mut hits = Vec::new();
        if is_refused(patterns, keyed.as_str()) {
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

    /// The patterns of a rule; two for a block, none for a detector.
    ///
    /// # Panics
    /// The id is another set's.
    pub fn patterns(&self, rule: RuleId) -> &[Pattern] {
        let (section, at) = self.place(rule);
        &self.rules_of(section).patterns[at]
    }

    /// All that [`RuleSet::find`] finds, and the ends of blocks, by trying every pattern: the oracle
    /// for tests.
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
            if hits.len() > before && is_refused(patterns, keyed.as_str()) {
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
        let cuts = self.rule(rule).act == Act::Remove;
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

impl RulesBuilder {
    fn build(self) -> Rules {
        let inside = self.outside.then(|| self.inside.build());
        Rules { index: self.index.build(), inside, detectors: self.detectors }
    }

    fn add(&mut self, id: RuleId, rule: &Rule, patterns: &[Pattern]) {
        if rule.detect.is_some() {
            self.detectors.push(id);
        }
        for (part, pattern) in patterns.iter().enumerate() {
            if pattern.role == Role::Through || pattern.anchor == Anchor::Unless {
                continue;
            }
            let (slot, tells) = (id.0 * 2 + part as u32, pattern.tells());
            self.index.add(slot, &tells);
            match acts_inside(rule) {
                true => self.inside.add(slot, &tells),
                false => self.outside = true,
            }
        }
    }
}

impl Table for RuleSet {
    fn rule(&self, id: RuleId) -> &Rule {
        RuleSet::rule(self, id)
    }
}

/// Whether the `unless` of a rule with these patterns matches the line with this key.
fn is_refused(patterns: &[Pattern], key: &str) -> bool {
    patterns.iter().any(|pattern| pattern.anchor == Anchor::Unless && pattern.is_match(key))
}

/// Whether a rule can act on a sentence in the midst of an article.
pub fn acts_inside(rule: &Rule) -> bool {
    rule.act == Act::Keep || matches!(rule.place, Place::Anywhere | Place::Body)
}

/// A slot of an index: a rule, and which of its two patterns.
fn slot_rule(slot: u32) -> (RuleId, usize) {
    (RuleId(slot / 2), slot as usize % 2)
}

/// A file with the name of one before it.
fn named_before(head: &Head<'_>, source: String) -> Problem {
    let message = format!("another rule file is already named \"{}\"", head.id);
    let span = source.find(head.id).map_or(0..0, |at| at..at + head.id.len());
    Problem { file: head.file.to_owned(), source, span, message, help: None }
}

/// A problem with a family that a file extends.
fn in_extends(
    file: &str,
    source: String,
    family: &str,
    message: String,
    help: Option<String>,
) -> Problem {
    let list = source.find("extends:").map_or(0, |at| at + "extends:".len());
    let span = source[list..].find(family).map_or(0..0, |at| list + at..list + at + family.len());
    Problem { file: file.to_owned(), source, span, message, help }
}
