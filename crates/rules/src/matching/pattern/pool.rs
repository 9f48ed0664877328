//! The packed form of patterns. The patterns of a file share a *pool*: their compiled forms, and
//! the classes and lists that these use.

use std::sync::{Arc, OnceLock};

use regex_syntax::hir::Hir;
use serde::{Deserialize, Serialize};

use super::ready::{PackedReady, Ready, Unpacked};
use crate::chars::Chars;
use crate::matching::folding::{literal, parse};
use crate::matching::matcher::Lists;
use crate::matching::phrases::{List, Phrases};
use crate::matching::prefilter::{Prefilter, prefilters};
use crate::matching::sides::Anchor;
use crate::table::{Bytes, packed};

/// What the patterns of a packed file share.
#[derive(Debug)]
pub(crate) struct Pool {
    classes: Vec<Arc<Chars>>,
    lists: Vec<Arc<Phrases>>,
    compiled: Vec<(Compiled, OnceLock<Option<Box<Unpacked>>>)>,
}

impl Pool {
    pub(crate) fn new(
        classes: Vec<Arc<Chars>>,
        lists: Vec<Arc<Phrases>>,
        compiled: Vec<Compiled>,
    ) -> Pool {
        let compiled = compiled.into_iter().map(|compiled| (compiled, OnceLock::new())).collect();
        Pool { classes, lists, compiled }
    }

    pub(super) fn lists(&self, numbers: &[u32]) -> Lists {
        numbers.iter().map(|at| Arc::clone(&self.lists[*at as usize])).collect()
    }

    /// The compiled form with this number, with lists.
    pub(super) fn ready(&self, number: u32, lists: &Lists) -> Option<Ready> {
        let (compiled, unpacked) = self.compiled.get(number as usize)?;
        if lists.is_empty() {
            // Only the rules of a template share a compiled form.
            return Some(compiled.unpacked(&self.classes)?.ready(lists));
        }
        let unpacked = unpacked.get_or_init(|| compiled.unpacked(&self.classes).map(Box::new));
        Some(unpacked.as_ref()?.ready(lists))
    }

    pub(super) fn texts(&self, number: u32) -> Option<Texts> {
        self.compiled.get(number as usize)?.0.texts()
    }
}

/// The compiled form of a pattern, packed and without lists: patterns that differ only in their
/// lists have the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Compiled {
    /// The numbers of its classes in the pool, and its matchers.
    ready: Bytes,
    /// Its texts in case the regex is needed. Empty if the pattern has lists, because only the
    /// matcher supports them.
    texts: Bytes,
}

/// The packed form of [`Compiled`].
#[derive(Serialize, Deserialize)]
pub(crate) struct PackedCompiled<'a>(&'a [u8], &'a [u8]);

impl PackedCompiled<'_> {
    /// Unpacks a compiled form that is a part of `all`.
    pub(crate) fn into_compiled(self, all: &Arc<[u8]>) -> Compiled {
        let PackedCompiled(ready, texts) = self;
        Compiled { ready: Bytes::of_part(all, ready), texts: Bytes::of_part(all, texts) }
    }
}

impl Compiled {
    pub(crate) fn packed(&self) -> PackedCompiled<'_> {
        PackedCompiled(&self.ready, &self.texts)
    }

    /// The compiled form with other numbers of its classes.
    pub(crate) fn with_classes(self, classes: Vec<u32>) -> Compiled {
        let ready = postcard::take_from_bytes::<Vec<u32>>(&self.ready);
        let ready =
            ready.map_or_else(|_| Vec::new(), |(_, ready)| [&packed(&classes), ready].concat());
        Compiled { ready: ready.into(), ..self }
    }

    /// Unpacks the matchers with the classes of the file.
    fn unpacked(&self, all: &[Arc<Chars>]) -> Option<Unpacked> {
        let (classes, ready): (Vec<u32>, PackedReady) = postcard::from_bytes(&self.ready).ok()?;
        let class = |at: u32| Arc::clone(&all[at as usize]);
        let classes: Vec<Arc<Chars>> = classes.into_iter().map(class).collect();
        Some(ready.unpacked(&classes))
    }

    fn texts(&self) -> Option<Texts> {
        let (texts, literal, ignore_case): (Vec<String>, bool, bool) =
            postcard::from_bytes(&self.texts).ok()?;
        Some(Texts { texts: texts.into(), literal, ignore_case, lists: [].into() })
    }
}

/// The texts of a pattern.
#[derive(Clone, Debug)]
pub(super) struct Texts {
    pub(super) texts: Arc<[String]>,
    /// Whether the texts are literal and not regexes.
    pub(super) literal: bool,
    pub(super) ignore_case: bool,
    /// The lists that the texts use.
    pub(super) lists: Arc<[List]>,
}

impl Texts {
    pub(super) fn lists(&self) -> Lists {
        self.lists.iter().map(|list| Arc::clone(&list.phrases)).collect()
    }

    /// The folded regexes of the texts, without anchors.
    pub(super) fn parsed(&self) -> Vec<Hir> {
        let hir = |text: &String| match self.literal {
            true => literal(text, self.ignore_case).ok(),
            false => parse(text, self.ignore_case).ok(),
        };
        self.texts.iter().filter_map(hir).collect()
    }
}

/// A pattern that is ready to be packed.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    pub(crate) prefilters: Vec<Prefilter>,
    /// The numbers are those of `classes`.
    pub(crate) compiled: Compiled,
    pub(crate) classes: Vec<Arc<Chars>>,
    pub(crate) lists: Lists,
}

impl Prepared {
    pub(super) fn of(folded: Vec<Hir>, anchor: Anchor, texts: &Texts) -> Prepared {
        let (prefilters, lists) = (prefilters(&folded, anchor, &texts.lists), texts.lists());
        let mut classes = Vec::new();
        let ready = packed(&PackedReady::of(Ready::of(folded, anchor, &lists), &mut classes));
        let texts = match *lists {
            [] => packed(&(&*texts.texts, texts.literal, texts.ignore_case)),
            _ => Vec::new(),
        };
        let numbers: Vec<u32> = (0..classes.len() as u32).collect();
        let ready = [packed(&numbers), ready].concat();
        let compiled = Compiled { ready: ready.into(), texts: texts.into() };
        Prepared { prefilters, compiled, classes, lists }
    }
}
