//! All rules of a run: which outlet a document is from, and which rules match a line.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use chaffinch_stage::{Act, Document, Hit, Line, Place, Role, Rule, RuleId};
use globset::{Glob, GlobSet, GlobSetBuilder};
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHasher};

use crate::file::{Allow, Era, Example, FileRule, Reading, RuleFile, Subject, Written};
use crate::index::{Ends, Index, IndexBuilder};
use crate::key::{self, Keyed};
use crate::literals::Side;
use crate::pattern::{Anchor, Found, Pattern};
use crate::yaml::{self, Problem};

/// The rule files that ship with Chaffinch: name below `rules/`, and text.
pub static SHIPPED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

/// An outlet, or a family, in a [`RuleSet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UnitId(usize);

/// How a document's outlet was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The user said so.
    Given,
    /// By the host of its URL.
    Host,
    /// By its path.
    Path,
    /// By lines that only this outlet has.
    Signs,
}

impl How {
    /// What a word of a ledger stands for.
    pub fn from_word(word: &str) -> Option<How> {
        [How::Given, How::Host, How::Path, How::Signs].into_iter().find(|how| how.as_str() == word)
    }

    /// The word for it in ledgers and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            How::Given => "given",
            How::Host => "host",
            How::Path => "path",
            How::Signs => "signs",
        }
    }
}

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

/// An outlet or family with its rules.
#[derive(Debug)]
struct Unit {
    id: String,
    name: Option<String>,
    family: bool,
    families: Vec<UnitId>,
    own: Vec<RuleId>,
    examples: Vec<Example>,
    file: String,
    allow: Vec<Allow>,
    /// Whether some of its rules, or of its families', hold in an era alone.
    eras: bool,
    index: OnceLock<Rules>,
}

/// The rules that hold for one kind of document, indexed.
#[derive(Debug, Default)]
struct Rules {
    index: Index,
    inside: Index,
    detectors: Vec<RuleId>,
}

/// [`Rules`] in the making.
#[derive(Default)]
struct RulesBuilder {
    index: IndexBuilder,
    inside: IndexBuilder,
    detectors: Vec<RuleId>,
}

/// Which rules matter to a run.
pub struct Wanted<'a> {
    /// Whether generic rules that name this language do.
    pub language: &'a (dyn Fn(&str) -> bool + Sync),
    /// Whether rules addressed to this stage do.
    pub stage: &'a (dyn Fn(&str) -> bool + Sync),
    /// Whether their cases and examples are kept, which prove rules and clean nothing.
    pub cases: bool,
}

impl Wanted<'_> {
    /// All rules.
    pub const ALL: Wanted<'static> = Wanted { language: &|_| true, stage: &|_| true, cases: true };
}

/// The number that all signs have in their index.
const SOME_SIGN: u32 = 0;

/// All rules of a run.
#[derive(Debug, Default)]
pub struct RuleSet {
    rules: Vec<Rule>,
    sources: Vec<Source>,
    patterns: Vec<Vec<Pattern>>,
    // Whether a rule's stage does not run, so that its matches would be for nothing.
    idle: Vec<bool>,
    generic: Rules,
    units: Vec<Unit>,
    names: HashMap<String, UnitId>,
    hosts: HashMap<String, Vec<UnitId>>,
    paths: (GlobSet, Vec<UnitId>),
    // Whether a line may begin or end with a sign at all; then signs are looked up whole, since
    // thousands of outlets may share how theirs begin.
    signs: Index,
    sign_texts: Vec<(String, UnitId)>,
    sign_ids: FxHashMap<String, Vec<u32>>,
    sign_lengths: BTreeSet<usize>,
    recognition: u64,
}

impl RuleSet {
    /// The shipped generic rules with the shipped outlets.
    ///
    /// # Errors
    /// What is wrong with the rules; nothing, for stages that know the built-in names.
    pub fn shipped(stages: &[&str]) -> Result<RuleSet, Vec<Problem>> {
        RuleSet::load(&[], &[], stages, &Wanted::ALL)
    }

    /// The shipped generic rules with the rule files below `directories`, or with the shipped
    /// outlets where none is given; `files` are more rule files, by name and text. A directory's own
    /// `generic/` stands in for the shipped one.
    /// Rules that are not `wanted` are read and match nothing.
    ///
    /// # Errors
    /// Everything that is wrong with the files, all at once.
    pub fn load(
        directories: &[&Path],
        files: &[(String, String)],
        stages: &[&str],
        wanted: &Wanted<'_>,
    ) -> Result<RuleSet, Vec<Problem>> {
        let mut texts: Vec<(String, Cow<'_, str>)> = Vec::new();
        let mut problems = Vec::new();
        for directory in directories {
            match files_in(directory) {
                Ok(files) => texts.extend(files.into_iter().map(|(f, t)| (f, Cow::Owned(t)))),
                Err(problem) => problems.push(problem),
            }
        }
        texts.extend(files.iter().map(|(file, text)| (file.clone(), Cow::Borrowed(text.as_str()))));
        let own_generic = texts.iter().any(|(file, _)| is_generic(file));
        for (name, text) in SHIPPED {
            let generic = is_generic(name);
            if generic && !own_generic || !generic && directories.is_empty() && files.is_empty() {
                texts.push((format!("rules/{name}"), Cow::Borrowed(text)));
            }
        }
        let shipped = |text: &str| SHIPPED.iter().any(|(_, own)| std::ptr::eq(*own, text));
        let parse = |(file, text): &(String, Cow<'_, str>)| {
            let reading = Reading { stages, shipped: shipped(text) };
            let parsed = RuleFile::parse_as(file, text, reading);
            if wanted.cases { parsed } else { parsed.map(RuleFile::without_cases) }
        };
        let parsed: Vec<_> = texts.par_iter().map(parse).collect();
        let mut files = Vec::new();
        for (parsed, (_, text)) in parsed.into_iter().zip(&texts) {
            match parsed {
                Ok(parsed) => files.push((parsed, text.as_ref())),
                Err(found) => problems.extend(found),
            }
        }
        let set = RuleSet::build(files, &mut problems, wanted);
        if problems.is_empty() { Ok(set) } else { Err(problems) }
    }

    fn build(
        files: Vec<(RuleFile, &str)>,
        problems: &mut Vec<Problem>,
        wanted: &Wanted<'_>,
    ) -> RuleSet {
        let mut set = RuleSet::default();
        let (mut generic_rules, mut signs) = (RulesBuilder::default(), IndexBuilder::default());
        let mut extends = Vec::new();
        let mut globs = GlobSetBuilder::new();
        let mut recognition = FxHasher::default();
        for (file, text) in files {
            let generic = file.subject == Subject::Generic;
            let unit = (!generic).then(|| set.add_unit(&file, text, problems)).flatten();
            let name: Arc<str> = file.file.as_str().into();
            for rule in file.rules {
                let spoken = rule.language.as_deref().is_none_or(wanted.language);
                if generic && !spoken {
                    continue;
                }
                let id = set.add_rule(rule, &name, unit);
                let rule = &set.rules[id.0 as usize];
                set.idle.push(rule.act != Act::Keep && !(wanted.stage)(&rule.stage));
                match unit {
                    Some(UnitId(unit)) => set.units[unit].own.push(id),
                    None if set.idle[id.0 as usize] => {}
                    None => generic_rules.add(id, &set.rules, &set.patterns),
                }
            }
            let Some(unit) = unit else { continue };
            (&file.id, &file.extends, &file.hosts, &file.paths, &file.signs).hash(&mut recognition);
            for host in file.hosts {
                set.hosts.entry(host).or_default().push(unit);
            }
            for path in file.paths.iter().filter_map(|path| Glob::new(path).ok()) {
                globs.add(path);
                set.paths.1.push(unit);
            }
            for sign in file.signs {
                let sign = key::key(&sign).into_owned();
                signs.add_literal(SOME_SIGN, Side::Start, &sign);
                signs.add_literal(SOME_SIGN, Side::End, &sign);
                set.sign_lengths.insert(sign.len());
                let id = set.sign_texts.len() as u32;
                set.sign_ids.entry(sign.clone()).or_default().push(id);
                set.sign_texts.push((sign, unit));
            }
            extends.push((unit, file.file, text, file.extends));
        }
        set.recognition = recognition.finish();
        set.paths.0 = globs.build().unwrap_or_default();
        set.generic = generic_rules.build();
        set.signs = signs.build();
        set.extend_units(extends, problems);
        set
    }

    /// Gives each unit the families that it extends, and those that they extend.
    fn extend_units(
        &mut self,
        extends: Vec<(UnitId, String, &str, Vec<String>)>,
        problems: &mut Vec<Problem>,
    ) {
        let mut direct: Vec<Vec<UnitId>> = vec![Vec::new(); self.units.len()];
        for (UnitId(unit), file, text, families) in &extends {
            for family in families {
                let found = self.names.get(family).filter(|UnitId(id)| self.units[*id].family);
                if let Some(&id) = found {
                    direct[*unit].push(id);
                    continue;
                }
                let known: Vec<&str> =
                    self.units.iter().filter(|u| u.family).map(|u| u.id.as_str()).collect();
                let message = format!("unknown family \"{family}\"");
                let help = match known.is_empty() {
                    true => "there is no family file; families begin with `family: NAME`".into(),
                    false => yaml::expected(family, &known),
                };
                problems.push(in_extends(file, text, family, message, Some(help)));
            }
        }
        for (UnitId(unit), file, text, _) in &extends {
            // Nearest first; what is reached twice counts once.
            let (mut all, mut at) = (direct[*unit].clone(), 0);
            while let Some(UnitId(family)) = all.get(at).copied() {
                at += 1;
                let further: Vec<UnitId> =
                    direct[family].iter().copied().filter(|id| !all.contains(id)).collect();
                all.extend(further);
            }
            if all.contains(&UnitId(*unit)) {
                let name = &self.units[*unit].id;
                let through = all.iter().find(|family| direct[family.0].contains(&UnitId(*unit)));
                let through = through.map_or("", |family| &self.units[family.0].id);
                let message = format!("\"{name}\" extends itself, by way of \"{through}\"");
                problems.push(in_extends(file, text, through, message, None));
                continue;
            }
            self.units[*unit].eras |= all.iter().any(|family| self.units[family.0].eras);
            self.units[*unit].families = all;
        }
    }

    fn add_unit(
        &mut self,
        file: &RuleFile,
        text: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<UnitId> {
        let id = UnitId(self.units.len());
        if self.names.contains_key(&file.id) {
            let span = text.find(&file.id).map_or(0..0, |at| at..at + file.id.len());
            let message = format!("another rule file is already named \"{}\"", file.id);
            let (file, source) = (file.file.clone(), text.to_owned());
            problems.push(Problem { file, source, span, message, help: None });
            return None;
        }
        self.names.insert(file.id.clone(), id);
        self.units.push(Unit {
            id: file.id.clone(),
            name: file.name.clone(),
            family: file.subject == Subject::Family,
            families: Vec::new(),
            own: Vec::new(),
            examples: file.examples.clone(),
            file: file.file.clone(),
            allow: file.allow.clone(),
            eras: file.rules.iter().any(|rule| !rule.era.is_always()),
            index: OnceLock::new(),
        });
        Some(id)
    }

    fn add_rule(&mut self, rule: FileRule, file: &Arc<str>, unit: Option<UnitId>) -> RuleId {
        let FileRule { rule, patterns, written, era, at, removes, keeps, .. } = rule;
        self.rules.push(rule);
        let file = Arc::clone(file);
        self.sources.push(Source { file, at, written, era, removes, keeps, unit });
        self.patterns.push(patterns);
        RuleId(self.rules.len() as u32 - 1)
    }

    /// Adds the rule that a stage marks under on its own account: `stage/NAME`.
    pub fn add_stage(&mut self, stage: &str) -> RuleId {
        let mut rule = Rule::new(format!("stage/{stage}"), stage);
        rule.place = Place::Anywhere;
        self.rules.push(rule);
        self.patterns.push(Vec::new());
        self.sources.push(Source {
            file: Arc::default(),
            at: 0,
            written: Written::default(),
            era: Era::default(),
            removes: Vec::new(),
            keeps: Vec::new(),
            unit: None,
        });
        RuleId(self.rules.len() as u32 - 1)
    }

    /// All rules; a [`RuleId`] is a place in this table.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// What is known of a rule beyond what stages see.
    pub fn source(&self, id: RuleId) -> &Source {
        &self.sources[id.0 as usize]
    }

    /// Whether a rule is tried on every line for want of a literal that tells its lines.
    pub fn is_slow(&self, id: RuleId) -> bool {
        self.patterns[id.0 as usize].iter().any(Pattern::is_told_by_nothing)
    }

    /// The file of an outlet or family.
    pub fn unit_file(&self, id: UnitId) -> &str {
        &self.units[id.0].file
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
        self.recognition
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

    /// Signs that several outlets name: the sign, and the outlets.
    pub fn shared_signs(&self) -> Vec<(&str, Vec<UnitId>)> {
        let mut units: BTreeMap<&str, Vec<UnitId>> = BTreeMap::new();
        for (sign, unit) in &self.sign_texts {
            units.entry(sign).or_default().push(*unit);
        }
        units.into_iter().filter(|(_, units)| units.len() > 1).collect()
    }

    /// The id of an outlet or family.
    pub fn unit_name(&self, id: UnitId) -> &str {
        &self.units[id.0].id
    }

    /// Outlets: id, name for people, number of rules with its families'.
    pub fn outlets(&self) -> impl Iterator<Item = (&str, Option<&str>, usize)> {
        self.units.iter().filter(|unit| !unit.family).map(|unit| {
            let inherited: usize = unit.families.iter().map(|f| self.units[f.0].own.len()).sum();
            (unit.id.as_str(), unit.name.as_deref(), unit.own.len() + inherited)
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
        let by_host = || self.by_host(host_of(url?)?);
        let by_path = || self.one_of(&self.by_path(path?));
        let by_signs = || self.by_signs(doc);
        by_host()
            .map(|unit| (unit, How::Host))
            .or_else(|| by_path().map(|unit| (unit, How::Path)))
            .or_else(|| by_signs().map(|unit| (unit, How::Signs)))
    }

    fn by_host(&self, host: String) -> Option<UnitId> {
        let mut rest = host.as_str();
        loop {
            if let Some(units) = self.hosts.get(rest) {
                return self.one_of(units);
            }
            rest = rest.split_once('.')?.1;
        }
    }

    fn by_path(&self, path: &str) -> Vec<UnitId> {
        self.paths.0.matches(path).into_iter().map(|i| self.paths.1[i]).collect()
    }

    fn by_signs(&self, doc: &Document<'_>) -> Option<UnitId> {
        if self.sign_texts.is_empty() {
            return None;
        }
        let (mut near, mut seen) = (Vec::new(), Vec::new());
        for line in doc.lines().filter(|line| !line.is_blank()) {
            self.signs.candidates(&Ends::of_text(line.text()), &mut near);
            if near.is_empty() {
                continue;
            }
            let key = key::key(line.text());
            for &length in self.sign_lengths.range(..=key.len()) {
                let ends = [key.get(..length), key.get(key.len() - length..)];
                let ids = ends.into_iter().flatten().filter_map(|end| self.sign_ids.get(end));
                for &id in ids.flatten() {
                    if !seen.contains(&id) {
                        seen.push(id);
                    }
                }
            }
        }
        let mut counts: HashMap<UnitId, usize> = HashMap::new();
        for id in seen {
            *counts.entry(self.sign_texts[id as usize].1).or_default() += 1;
        }
        let most = counts.values().copied().max()?;
        let mut winners: Vec<UnitId> =
            counts.into_iter().filter(|(_, n)| *n == most).map(|(unit, _)| unit).collect();
        winners.sort_by_key(|unit| unit.0);
        self.one_of(&winners)
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
        self.units[unit].index.get_or_init(|| {
            let mut rules = RulesBuilder::default();
            let unit = &self.units[unit];
            let inherited = unit.families.iter().flat_map(|family| &self.units[family.0].own);
            let all = unit.own.iter().chain(inherited);
            for &id in all.filter(|id| !self.idle[id.0 as usize]) {
                rules.add(id, &self.rules, &self.patterns);
            }
            rules.build()
        })
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
            let index = if inside { &rules.inside } else { &rules.index };
            index.candidates(&ends, near);
            for &slot in near.iter() {
                let (id, part) = slot_rule(slot);
                let pattern = &self.patterns[id.0 as usize][part];
                let keyed = keyed.get_or_insert_with(|| Keyed::new(text));
                pattern.find(keyed.as_str(), &mut |found| {
                    let hit = self.hit(id, pattern, found, keyed, line);
                    // A part of a replacement cannot be cut.
                    hits.extend((!hit.span.is_empty()).then_some(hit));
                });
            }
        }
        hits
    }

    /// Where the block of `rule` may end on this line.
    pub fn find_end(&self, rule: RuleId, line: Line<'_, '_>) -> Option<Hit> {
        let ends = |pattern: &&Pattern| pattern.role == Role::Through;
        let pattern = self.patterns[rule.0 as usize].iter().find(ends)?;
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
        for pattern in patterns {
            pattern.find(keyed.as_str(), &mut |found| {
                hits.push(self.hit(rule, pattern, found, &keyed, line));
            });
        }
        hits.retain(|hit| !hit.span.is_empty());
        hits
    }

    /// The patterns of a rule; two for a block, none for a detector.
    pub fn patterns(&self, rule: RuleId) -> &[Pattern] {
        &self.patterns[rule.0 as usize]
    }

    /// All that [`RuleSet::find`] finds, and the ends of blocks, by trying every pattern: the oracle
    /// for tests.
    pub fn find_naively(&self, outlet: Option<UnitId>, line: Line<'_, '_>) -> Vec<Hit> {
        let keyed = Keyed::new(line.text());
        let mut hits = Vec::new();
        let unit = outlet.map(|UnitId(unit)| &self.units[unit]);
        let own = unit.into_iter().flat_map(|unit| {
            unit.own.iter().chain(unit.families.iter().flat_map(|f| &self.units[f.0].own)).copied()
        });
        let mut own: Vec<RuleId> = own.collect();
        own.sort();
        let all = (0..self.rules.len() as u32).map(RuleId);
        let generic = all.filter(|id| self.sources[id.0 as usize].unit.is_none());
        for id in own.into_iter().chain(generic) {
            for pattern in &self.patterns[id.0 as usize] {
                if !keyed.as_str().is_empty() {
                    pattern.find(keyed.as_str(), &mut |found| {
                        let hit = self.hit(id, pattern, found, &keyed, line);
                        hits.extend((!hit.span.is_empty()).then_some(hit));
                    });
                }
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
        let value = |range| {
            let words = text[keyed.text_range(range)].split(chaffinch_stage::script::is_space);
            words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
        };
        let fields = found.fields.into_iter().map(|(name, range)| (name, value(range))).collect();
        let mut range = match pattern.anchor {
            Anchor::Line => 0..text.len(),
            _ => keyed.text_range(found.range),
        };
        let cuts = self.rules[rule.0 as usize].act == Act::Remove;
        let space = chaffinch_stage::script::is_space;
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
        Rules { index: self.index.build(), inside: self.inside.build(), detectors: self.detectors }
    }

    fn add(&mut self, id: RuleId, rules: &[Rule], patterns: &[Vec<Pattern>]) {
        if rules[id.0 as usize].detect.is_some() {
            self.detectors.push(id);
        }
        for (part, pattern) in patterns[id.0 as usize].iter().enumerate() {
            if pattern.role == Role::Through {
                continue;
            }
            let slot = id.0 * 2 + part as u32;
            self.index.add(slot, pattern);
            if acts_inside(&rules[id.0 as usize]) {
                self.inside.add(slot, pattern);
            }
        }
    }
}

/// Whether a rule can act on a sentence in the midst of an article.
pub fn acts_inside(rule: &Rule) -> bool {
    rule.act == Act::Keep || matches!(rule.place, Place::Anywhere | Place::Body)
}

/// A slot of an index: a rule, and which of its two patterns.
fn slot_rule(slot: u32) -> (RuleId, usize) {
    (RuleId(slot / 2), slot as usize % 2)
}

/// A problem with a family that a file extends.
fn in_extends(
    file: &str,
    text: &str,
    family: &str,
    message: String,
    help: Option<String>,
) -> Problem {
    let list = text.find("extends:").map_or(0, |at| at + "extends:".len());
    let span = text[list..].find(family).map_or(0..0, |at| list + at..list + at + family.len());
    Problem { file: file.to_owned(), source: text.to_owned(), span, message, help }
}

fn is_generic(file: &str) -> bool {
    Path::new(file).parent().is_some_and(|parent| parent.ends_with("generic"))
}

/// The host of a URL, in lower case, without a port.
fn host_of(url: &str) -> Option<String> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?.split(':').next()?;
    (!host.is_empty()).then(|| host.to_lowercase())
}

/// The rule files below a directory, by name and text.
///
/// # Errors
/// The directory or a file of it cannot be read.
pub fn files_in(directory: &Path) -> Result<Vec<(String, String)>, Problem> {
    let shown = directory.display().to_string();
    let failed = |path: &Path, error: std::io::Error| {
        Problem::whole(&path.display().to_string(), error.to_string())
    };
    let mut files = Vec::new();
    let mut folders = vec![directory.to_owned()];
    if !directory.is_dir() {
        return Err(Problem::whole(&shown, "there is no such directory of rule files"));
    }
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(|error| failed(&folder, error))? {
            let path = entry.map_err(|error| failed(&folder, error))?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
                let text = std::fs::read_to_string(&path).map_err(|error| failed(&path, error))?;
                files.push((path.display().to_string(), text));
            }
        }
    }
    files.sort();
    Ok(files)
}
