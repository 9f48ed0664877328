//! Packs one rule file: its head, its rules, and what few runs need of them. Its patterns share their
//! classes and lists.

use std::hash::Hash;
use std::sync::Arc;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::head::{Head, Listed};
use super::serial::{Proof, split};
use super::source::Key;
use crate::authoring::RuleFile;
use crate::chars::Chars;
use crate::matching::{Compiled, Phrases, Prefilter, Prepared};
use crate::table::packed;

/// The prefilters of the patterns of each rule.
pub(crate) type Prefilters = Vec<Vec<Vec<Prefilter>>>;

/// A packed file.
#[derive(Clone)]
pub(crate) struct PackedFile {
    pub(super) head: Vec<u8>,
    pub(super) list: Vec<u8>,
    pub(super) parts: [Arc<[u8]>; 3],
    pub(super) key: Key,
    /// What it was packed from; see [`content`](super::source::content).
    pub(super) content: u128,
    pub(super) classes: Vec<Arc<Chars>>,
    pub(super) lists: Vec<Arc<Phrases>>,
}

impl PackedFile {
    /// The same file with another name and key.
    pub(super) fn renamed(mut self, file: &str, key: Key) -> PackedFile {
        self.head = packed(&Head { file, ..Head::read(&self.head) });
        PackedFile { key, ..self }
    }
}

/// Packs a file that was parsed under `key` from `content`.
pub(crate) fn pack(file: RuleFile, key: Key, content: u128) -> PackedFile {
    let head = Head::packed(&file);
    let listed = file.rules.iter().map(|rule| Listed::of(&rule.rule, rule.digest));
    let list = packed(&listed.collect::<Vec<_>>());
    let mut pool = PoolBuilder::default();
    let (mut rules, mut origins, mut all_cases) = (Vec::new(), Vec::new(), Vec::new());
    let mut prefilters: Prefilters = Vec::new();
    let split: Vec<_> = file.rules.into_par_iter().map(split).collect();
    for (mut rule, patterns, origin, cases) in split {
        let mut own = Vec::new();
        for (key, mut pattern) in patterns {
            own.push(std::mem::take(&mut pattern.prefilters));
            rule.add(key, pool.add(pattern));
        }
        rules.push(rule);
        prefilters.push(own);
        origins.push(origin);
        all_cases.push(cases);
    }
    let PoolBuilder { classes, lists, compiled } = pool;
    let compiled: Vec<_> = compiled.all.iter().map(Compiled::packed).collect();
    let rules = packed(&(rules, packed(&compiled)));
    let mut rest = packed(&prefilters);
    rest.extend(packed(&origins));
    let proof = Proof { cases: all_cases, examples: file.examples, allow: file.allow };
    let parts = [rules.into(), rest.into(), packed(&proof).into()];
    PackedFile { head, list, parts, key, content, classes: classes.all, lists: lists.all }
}

/// Distinct values, numbered in the order in which they were added.
#[derive(Debug)]
pub(super) struct Numbered<T> {
    pub(super) all: Vec<T>,
    numbers: FxHashMap<T, u32>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Numbered<T> {
        Numbered { all: Vec::new(), numbers: FxHashMap::default() }
    }
}

impl<T: Clone + Eq + Hash> Numbered<T> {
    pub(super) fn number(&mut self, value: T) -> u32 {
        *self.numbers.entry(value).or_insert_with_key(|value| {
            self.all.push(value.clone());
            self.all.len() as u32 - 1
        })
    }
}

/// Collects what the patterns of a file share.
#[derive(Default)]
struct PoolBuilder {
    classes: Numbered<Arc<Chars>>,
    lists: Numbered<Arc<Phrases>>,
    compiled: Numbered<Compiled>,
}

impl PoolBuilder {
    /// Adds a pattern. Returns the number of its compiled form and the numbers of its lists.
    fn add(&mut self, pattern: Prepared) -> (u32, Box<[u32]>) {
        let Prepared { compiled, classes, lists, .. } = pattern;
        let classes = classes.into_iter().map(|class| self.classes.number(class)).collect();
        let compiled = compiled.with_classes(classes);
        let lists = lists.iter().map(|list| self.lists.number(Arc::clone(list))).collect();
        (self.compiled.number(compiled), lists)
    }
}
