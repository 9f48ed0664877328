//! Detects the outlet of a document by the host of its URL, by its path, or by *signs*: texts that
//! begin or end a line and occur only in one outlet.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::sync::OnceLock;

use chaffinch_stage::Document;
use globset::{Glob, GlobSet, GlobSetBuilder};
use rustc_hash::{FxHashMap, FxHasher};

use super::unit::UnitId;
use crate::bytes::ByteSet;
use crate::key;
use crate::matching::{Ends, Index, IndexBuilder, Literal, Side};
use crate::storage::Head;

/// How a document's outlet was detected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Given by the user.
    Given,
    /// By the host of its URL.
    Host,
    /// By its path.
    Path,
    /// By lines that only this outlet has.
    Signs,
}

impl How {
    /// Parses the word used in ledgers.
    pub fn from_word(word: &str) -> Option<How> {
        [How::Given, How::Host, How::Path, How::Signs].into_iter().find(|how| how.as_str() == word)
    }

    /// The word used in ledgers and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            How::Given => "given",
            How::Host => "host",
            How::Path => "path",
            How::Signs => "signs",
        }
    }
}

/// The hosts, globs and signs of all outlets. Globs and signs are compiled when a document's host
/// does not decide.
#[derive(Debug, Default)]
pub(crate) struct Recognition {
    hosts: FxHashMap<String, Vec<UnitId>>,
    globs: Vec<(String, UnitId)>,
    ready_globs: OnceLock<GlobSet>,
    /// The signs of each outlet, joined by line endings, which keys never contain.
    signs: Vec<(String, UnitId)>,
    ready_signs: OnceLock<Signs>,
    digest: u64,
}

impl Recognition {
    /// Adds the hosts, paths and signs of an outlet.
    pub(crate) fn add(&mut self, unit: UnitId, head: &Head<'_>) {
        let Head { id, extends, hosts, paths, signs, .. } = head;
        self.digest = hash_of(&(self.digest, id, extends, hosts, paths, signs));
        for host in hosts {
            self.hosts.entry((*host).to_owned()).or_default().push(unit);
        }
        self.globs.extend(paths.iter().map(|path| ((*path).to_owned(), unit)));
        if !signs.is_empty() {
            self.signs.push((signs.join("\n"), unit));
        }
    }

    /// A digest of how outlets are detected and which families they extend.
    pub(crate) fn digest(&self) -> u64 {
        self.digest
    }

    /// The outlets of a host, or of its nearest parent domain that has any.
    pub(crate) fn by_host(&self, url: &str) -> &[UnitId] {
        let Some(host) = host_of(url) else { return &[] };
        let mut rest = host.as_str();
        loop {
            if let Some(units) = self.hosts.get(rest) {
                return units;
            }
            match rest.split_once('.') {
                Some((_, domain)) => rest = domain,
                None => return &[],
            }
        }
    }

    pub(crate) fn by_path(&self, path: &str) -> Vec<UnitId> {
        if self.globs.is_empty() {
            return Vec::new();
        }
        let set = self.ready_globs.get_or_init(|| {
            let mut globs = GlobSetBuilder::new();
            // Checked when the files were parsed.
            self.globs.iter().filter_map(|(glob, _)| Glob::new(glob).ok()).for_each(|glob| {
                globs.add(glob);
            });
            globs.build().unwrap_or_default()
        });
        set.matches(path).into_iter().map(|at| self.globs[at].1).collect()
    }

    /// The outlets with the most distinct signs in a document.
    pub(crate) fn by_signs(&self, doc: &Document<'_>) -> Vec<UnitId> {
        if self.signs.is_empty() {
            return Vec::new();
        }
        let ready = self.signs();
        let (mut candidates, mut seen) = (Vec::new(), BTreeSet::new());
        for line in doc.lines().filter(|line| !line.is_blank()) {
            ready.index.candidates(&Ends::of_text(line.text()), &mut candidates);
            if candidates.is_empty() {
                continue;
            }
            let key = key::key(line.text());
            for &length in ready.lengths.range(..=key.len()) {
                let ends = [key.get(..length), key.get(key.len() - length..)];
                seen.extend(ends.into_iter().flatten().filter_map(|end| ready.first(end)));
            }
        }
        let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
        for first in seen {
            for (_, unit) in ready.same(first) {
                *counts.entry(unit.0).or_default() += 1;
            }
        }
        let most = counts.values().copied().max();
        let winners = counts.into_iter().filter(|(_, count)| Some(*count) == most);
        winners.map(|(unit, _)| UnitId(unit)).collect()
    }

    fn signs(&self) -> &Signs {
        self.ready_signs.get_or_init(|| Signs::of(&self.signs))
    }

    /// Signs that several outlets share: the sign and the outlets.
    pub(crate) fn shared_signs(&self) -> Vec<(&str, Vec<UnitId>)> {
        let all = &self.signs().all;
        let several = all.chunk_by(|(one, _), (other, _)| one == other).filter(|s| s.len() > 1);
        several.map(|same| (&*same[0].0, same.iter().map(|(_, unit)| *unit).collect())).collect()
    }
}

/// The number of all signs in their index.
const SOME_SIGN: u32 = 0;

/// Signs, compiled for searching.
#[derive(Debug)]
struct Signs {
    /// All signs, sorted.
    all: Vec<(Box<str>, UnitId)>,
    // Whether a line may begin or end with any sign. Signs are then looked up in full, because the
    // signs of thousands of outlets may begin alike.
    index: Index,
    lengths: BTreeSet<usize>,
    /// The index of the first entry of a sign in `all`, by its hash, or by the next free number
    /// after a collision.
    places: FxHashMap<u64, u32>,
}

impl Signs {
    fn of(signs: &[(String, UnitId)]) -> Signs {
        let each =
            signs.iter().flat_map(|(signs, unit)| signs.split('\n').map(|s| (s.into(), *unit)));
        let mut all: Vec<(Box<str>, UnitId)> = each.collect();
        all.sort_unstable_by(|(one, a), (other, b)| (one, a.0).cmp(&(other, b.0)));
        let mut index = IndexBuilder::default();
        let (mut lengths, mut places) = (BTreeSet::new(), FxHashMap::default());
        let mut at = 0;
        for same in all.chunk_by(|(one, _), (other, _)| one == other) {
            let sign = &*same[0].0;
            let literal = Literal { text: sign.to_owned(), bordered: false };
            for side in [Side::Start, Side::End] {
                index.add_literal(SOME_SIGN, side, &literal, ByteSet::ALL);
            }
            lengths.insert(sign.len());
            let mut hash = hash_of(&sign);
            while places.contains_key(&hash) {
                hash = hash.wrapping_add(1);
            }
            places.insert(hash, at as u32);
            at += same.len();
        }
        places.shrink_to_fit();
        Signs { all, index: Index::of(index.exact().tables()), lengths, places }
    }

    /// The index of the first entry of a sign.
    fn first(&self, sign: &str) -> Option<usize> {
        let mut hash = hash_of(&sign);
        loop {
            let at = *self.places.get(&hash)? as usize;
            if *self.all[at].0 == *sign {
                return Some(at);
            }
            hash = hash.wrapping_add(1);
        }
    }

    /// All entries of the sign at index `first`, one per outlet.
    fn same(&self, first: usize) -> &[(Box<str>, UnitId)] {
        let rest = &self.all[first..];
        &rest[..rest.partition_point(|(sign, _)| *sign == rest[0].0)]
    }
}

fn hash_of(value: &impl Hash) -> u64 {
    let mut hasher = FxHasher::default();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The host of a URL, in lower case, without a user and a port.
pub fn host_of(url: &str) -> Option<String> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?.split(':').next()?;
    (!host.is_empty()).then(|| host.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_have_no_scheme_user_port_and_path() {
        for url in [
            "https://example.com/",
            "https://user@example.com/",
            "https://user:word@Example.com:8080/a@b",
            "example.com?a=1",
            "example.com#top",
        ] {
            assert_eq!(host_of(url).as_deref(), Some("example.com"), "{url}");
        }
        assert_eq!(host_of("file:///a/b"), None);
    }
}
