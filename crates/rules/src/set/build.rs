//! Builds a [`RuleSet`] from loaded rule files: assigns rule ids, indexes the generic rules, and
//! resolves the families that outlets extend.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use chaffinch_stage::{Place, Rule, RuleId};
use xxhash_rust::xxh3::xxh3_64;

use super::rule_set::RuleSet;
use super::section::{Section, SectionRules, Source};
use super::unit::{Unit, UnitId};
use crate::authoring::{Era, Problem, Subject, Written, digest, yaml};
use crate::storage::{
    self, GenericRule, Head, LoadOptions, Loaded, Packed, Prefilters, Rules, RulesBuilder, RunRule,
    Texts,
};

/// A file and the families that it extends.
struct Extends {
    unit: UnitId,
    file: Arc<str>,
    families: Vec<String>,
}

impl RuleSet {
    /// Loads the shipped generic rules and the shipped outlets.
    ///
    /// # Errors
    /// All problems in the rules; none if `stages` contains the built-in names.
    pub fn shipped(stages: &[&str]) -> Result<RuleSet, Vec<Problem>> {
        RuleSet::load(&[], &[], stages, &LoadOptions::ALL)
    }

    /// Loads the shipped generic rules and the rule files below `directories`, or the shipped
    /// outlets if none are given. `files` are further rule files, as name and text. A directory's
    /// own `generic/` replaces the shipped one; files in its `lexicon/` replace the shipped ones of
    /// their languages.
    ///
    /// # Errors
    /// All problems in the files.
    pub fn load(
        directories: &[&Path],
        files: &[(String, String)],
        stages: &[&str],
        wanted: &LoadOptions<'_>,
    ) -> Result<RuleSet, Vec<Problem>> {
        let loaded = storage::load(directories, files, stages, *wanted);
        let Loaded { files, texts, lexicon, mut problems, new } = loaded;
        let mut set = RuleSet::build(files, &texts, &mut problems, wanted);
        if !problems.is_empty() {
            return Err(problems);
        }
        if let Some(place) = new {
            set.packed.keep(&place);
        }
        set.lexicon = lexicon;
        Ok(set)
    }

    fn build(
        packed: Packed,
        texts: &Texts<'_>,
        problems: &mut Vec<Problem>,
        wanted: &LoadOptions<'_>,
    ) -> RuleSet {
        let owned = |all: &[&str]| all.iter().map(|&stage| stage.to_owned()).collect();
        static COUNT: AtomicU64 = AtomicU64::new(1);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let running = wanted.running.map(owned);
        let complete = problems.is_empty();
        let mut set = RuleSet { number, running, ..RuleSet::default() };
        let (mut generic, mut extends) = (RulesBuilder::default(), Vec::new());
        let index = has_all_generic(&packed, wanted).then(|| packed.generic());
        let index = index.flatten().as_ref().and_then(Rules::unpack);
        for (at, (head, _)) in packed.heads().enumerate() {
            set.add_detects(&head);
            if head.subject == Subject::Generic && index.is_some() {
                // Its rules are in the packed index.
                set.add_section(head.file, head.rules, head.digest, Some(at));
            } else if head.subject == Subject::Generic {
                set.add_generic(&head, (&packed, at), wanted, &mut generic);
            } else if set.names.contains_key(head.id) {
                problems.push(named_before(&head, texts.of(head.file)));
            } else {
                extends.push(set.add_unit(head, at));
            }
        }
        set.packed = packed;
        set.generic = match index {
            Some(index) => index,
            None => generic.build(),
        };
        set.extend_units(&extends, complete, texts, problems);
        set
    }

    fn add_detects(&mut self, head: &Head<'_>) {
        self.detecting.extend(head.detects.iter().map(|&stage| stage.to_owned()));
    }

    fn add_section(
        &mut self,
        file: &str,
        rules: u32,
        digest: u64,
        packed: Option<usize>,
    ) -> &mut Section {
        let at = self.sections.len();
        let start = self.section_of.len() as u32;
        self.section_of.extend((0..rules).map(|_| at as u32));
        let ids = start..self.section_of.len() as u32;
        let (file, rules, proof) = (file.into(), OnceLock::new(), OnceLock::new());
        self.sections.push(Section { file, unit: None, ids, digest, packed, rules, proof });
        &mut self.sections[at]
    }

    /// Adds a generic file and the rules that are wanted of it to the index.
    fn add_generic(
        &mut self,
        head: &Head<'_>,
        (packed, at): (&Packed, usize),
        wanted: &LoadOptions<'_>,
        generic: &mut RulesBuilder,
    ) {
        let file = head.file.into();
        let (mut rules, mut sources) = (Vec::new(), Vec::new());
        let mut prefilters = Prefilters::new();
        let mut proof = packed.proof(at);
        let mut cases = std::mem::take(&mut proof.cases).into_iter();
        let all = packed.rules(at).into_iter().zip(packed.prefilters(at));
        for ((rule, own), origin) in all.zip(packed.origins(at)) {
            let cases = cases.next();
            if wanted.includes(origin.language.as_deref()) {
                rules.push(rule);
                sources.push(Source::of(origin, &file, None));
                prefilters.push(own);
                proof.cases.extend(cases);
            }
        }
        let packed = (rules.len() == head.rules as usize).then_some(at);
        let sources = OnceLock::from(sources);
        let rules = SectionRules { sources, ..SectionRules::packed(rules) };
        let section = self.add_section(head.file, rules.rules.len() as u32, head.digest, packed);
        section.proof = OnceLock::from(Box::new(proof));
        let start = section.ids.start;
        let sources = rules.sources.get().map_or(&[][..], Vec::as_slice);
        let all = rules.rules.iter().zip(&rules.patterns).zip(&prefilters).zip(sources);
        let all = all.map(|(((rule, patterns), prefilters), Source { written, at, .. })| {
            GenericRule { rule, patterns, prefilters, written, at: *at }
        });
        generic.add_generic(start, &all.collect::<Vec<_>>(), |rule| self.is_idle(rule));
        if let Some(section) = self.sections.last_mut() {
            section.rules = OnceLock::from(Box::new(rules));
        }
    }

    fn add_unit(&mut self, head: Head<'_>, packed: usize) -> Extends {
        let (unit, at) = (UnitId(self.units.len()), self.sections.len());
        let section = self.add_section(head.file, head.rules, head.digest, Some(packed));
        section.unit = Some(unit);
        let file = Arc::clone(&section.file);
        self.names.insert(head.id.to_owned(), unit);
        self.units.push(Unit {
            id: head.id.to_owned(),
            name: head.name.map(str::to_owned),
            family: head.subject == Subject::Family,
            families: Vec::new(),
            section: at,
            eras: head.eras,
            rules: OnceLock::new(),
        });
        self.recognition.add(unit, &head);
        let families = head.extends.iter().map(|&family| family.to_owned()).collect();
        Extends { unit, file, families }
    }

    /// Resolves the families that each unit extends, directly and indirectly. An unknown family is only
    /// an error if the files are `complete`: otherwise it may be in a file that could not be loaded.
    fn extend_units(
        &mut self,
        extends: &[Extends],
        complete: bool,
        texts: &Texts<'_>,
        problems: &mut Vec<Problem>,
    ) {
        let mut direct: Vec<Vec<UnitId>> = vec![Vec::new(); self.units.len()];
        for Extends { unit, file, families } in extends {
            for family in families {
                let found = self.names.get(family).filter(|UnitId(id)| self.units[*id].family);
                if let Some(&id) = found {
                    direct[unit.0].push(id);
                    continue;
                }
                if !complete {
                    continue;
                }
                let known: Vec<&str> =
                    self.units.iter().filter(|u| u.family).map(|u| u.id.as_str()).collect();
                let message = format!("unknown family \"{family}\"");
                let help = match known.is_empty() {
                    true => {
                        "there is no family file; a family file begins with `family: NAME`".into()
                    }
                    false => yaml::expected(family, &known),
                };
                problems.push(in_extends(file, texts.of(file), family, message, Some(help)));
            }
        }
        for Extends { unit, file, .. } in extends {
            // Nearest first, without duplicates.
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
                let message = format!("\"{name}\" extends itself through \"{through}\"");
                problems.push(in_extends(file, texts.of(file), through, message, None));
                continue;
            }
            self.units[unit.0].eras |= all.iter().any(|family| self.units[family.0].eras);
            self.units[unit.0].families = all;
        }
    }

    /// Adds the rule that a stage's own marks name: `stage/NAME`. `data` identifies what the stage
    /// uses besides its settings, so that a change of it counts as a change of the rule.
    pub fn add_own_rule(&mut self, rule: Rule, data: Option<&str>) -> RuleId {
        let rule = Rule { place: Place::Anywhere, ..rule };
        let (written, era) = (Written::default(), Era::default());
        let mut digest = digest(&rule, &written, &era);
        if let Some(data) = data {
            digest ^= xxh3_64(data.as_bytes());
        }
        let section = self.add_section("", 1, digest, None);
        let rules = SectionRules::packed(vec![RunRule { rule, patterns: Box::default(), digest }]);
        let file = Arc::clone(&section.file);
        let source = Source { file, at: 0, written, era, unit: None };
        let rules = SectionRules { sources: OnceLock::from(vec![source]), ..rules };
        section.rules = OnceLock::from(Box::new(rules));
        RuleId(section.ids.start)
    }
}

/// Whether all generic rules are wanted, so that their packed index can be used.
fn has_all_generic(packed: &Packed, wanted: &LoadOptions<'_>) -> bool {
    let mut stages = packed.generic_stages();
    wanted.languages.is_none()
        && wanted.running.is_none_or(|running| stages.all(|stage| running.contains(&stage)))
}

/// The error for a file whose name is already taken.
fn named_before(head: &Head<'_>, source: String) -> Problem {
    let message = format!("another rule file is already named \"{}\"", head.id);
    let span = source.find(head.id).map_or(0..0, |at| at..at + head.id.len());
    Problem { file: head.file.to_owned(), source, span, message, help: None }
}

/// An error about a family that a file extends.
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
