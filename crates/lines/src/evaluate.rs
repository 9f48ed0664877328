//! Measures decisions on labelled pages.
//!
//! The figures of a page are the F1 of its 4-token shingles against the gold text, the share of
//! boilerplate lines removed, and the share of article lines lost. Figures of several pages are
//! means over the pages, then over the sources.

use std::collections::{BTreeMap, HashMap};

use crate::labelled::{Label, LabelledPage};
use crate::text::tokens;

/// Tokens of a shingle.
const SHINGLE: usize = 4;

/// A page prepared for scoring many decisions.
pub(crate) struct Scorer {
    /// Tokens and label of every line with a token, and whether it is a headline.
    lines: Vec<(Vec<u64>, Label, bool)>,
    gold: HashMap<u64, (u32, u32)>,
    gold_grams: usize,
    has_gold: bool,
}

/// The figures of one page.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PageFigures {
    pub(crate) f1: Option<f64>,
    pub(crate) removed: Option<f64>,
    pub(crate) lost: Option<f64>,
}

/// The tokens of a page's headlines.
pub(crate) struct Headlines(Vec<Vec<u64>>);

impl Headlines {
    pub(crate) fn of(page: &LabelledPage) -> Self {
        Headlines(page.headlines.iter().map(|line| tokens(line)).collect())
    }

    /// Whether a line is a headline.
    pub(crate) fn has(&self, line: &str) -> bool {
        self.has_tokens(&tokens(line))
    }

    fn has_tokens(&self, line: &[u64]) -> bool {
        !line.is_empty()
            && self
                .0
                .iter()
                .any(|headline| headline == line || line.len() >= 4 && headline.starts_with(line))
    }
}

fn grams(tokens: &[u64], mut each: impl FnMut(u64)) {
    let hash =
        |tokens: &[u64]| tokens.iter().fold(1, |hash, &token| crate::text::combine(hash, token));
    if tokens.is_empty() {
        return;
    }
    if tokens.len() < SHINGLE {
        each(hash(tokens));
    }
    for gram in tokens.windows(SHINGLE) {
        each(hash(gram));
    }
}

impl Scorer {
    pub(crate) fn new(page: &LabelledPage) -> Self {
        let headlines = Headlines::of(page);
        let lines = page
            .lines
            .iter()
            .zip(&page.labels)
            .map(|(line, &label)| (tokens(line), label))
            .filter(|(line, _)| !line.is_empty())
            .map(|(line, label)| {
                let headline = headlines.has_tokens(&line);
                (line, label, headline)
            })
            .collect();
        let gold_tokens: Vec<u64> = page
            .gold
            .iter()
            .flat_map(|gold| gold.lines())
            .map(tokens)
            .filter(|line| !headlines.has_tokens(line))
            .flatten()
            .collect();
        let mut gold: HashMap<u64, (u32, u32)> = HashMap::new();
        let mut gold_grams = 0;
        grams(&gold_tokens, |gram| {
            gold.entry(gram).or_default().0 += 1;
            gold_grams += 1;
        });
        Scorer { lines, gold, gold_grams, has_gold: page.gold.is_some() }
    }

    /// Lines with a token.
    pub(crate) fn lines(&self) -> usize {
        self.lines.len()
    }

    pub(crate) fn label(&self, line: usize) -> Label {
        self.lines[line].1
    }

    /// Whether the labels decide most of the article: a page with more neutral text than article
    /// text, such as a second copy of the article, says little about lost lines.
    pub(crate) fn is_decided(&self) -> bool {
        let tokens = |wanted: Label| -> usize {
            let lines =
                self.lines.iter().filter(|(_, label, headline)| *label == wanted && !headline);
            lines.map(|(tokens, ..)| tokens.len()).sum()
        };
        tokens(Label::Neutral) <= tokens(Label::Article)
    }

    /// Scores a decision: which of the lines with a token are kept.
    pub(crate) fn score(&mut self, keep: impl Fn(usize) -> bool) -> PageFigures {
        let mut counts = [[0u32; 2]; 2];
        let mut kept = Vec::new();
        for (number, (tokens, label, headline)) in self.lines.iter().enumerate() {
            let keep = keep(number);
            match label {
                Label::Article => counts[0][usize::from(!keep)] += 1,
                Label::Boilerplate => counts[1][usize::from(!keep)] += 1,
                Label::Neutral => {}
            }
            if keep && !headline {
                kept.extend_from_slice(tokens);
            }
        }
        let share = |[kept, removed]: [u32; 2]| {
            (kept + removed > 0).then(|| f64::from(removed) / f64::from(kept + removed))
        };
        let f1 = self.has_gold.then(|| self.f1(&kept));
        PageFigures { f1, removed: share(counts[1]), lost: share(counts[0]) }
    }

    fn f1(&mut self, kept: &[u64]) -> f64 {
        for (_, left) in self.gold.values_mut() {
            *left = 0;
        }
        let (mut common, mut all) = (0usize, 0usize);
        let gold = &mut self.gold;
        grams(kept, |gram| {
            all += 1;
            if let Some((count, used)) = gold.get_mut(&gram)
                && *used < *count
            {
                *used += 1;
                common += 1;
            }
        });
        match (all, self.gold_grams) {
            (0, 0) => 1.0,
            (0, _) | (_, 0) => 0.0,
            (all, gold) => 2.0 * common as f64 / (all + gold) as f64,
        }
    }
}

/// Means over pages.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Pages measured.
    pub pages: usize,
    /// F1 of 4-token shingles against the gold text, where there is one.
    pub f1: f64,
    /// Share of boilerplate lines removed.
    pub removed: f64,
    /// Share of article lines lost.
    pub lost: f64,
}

fn mean(values: impl Iterator<Item = Option<f64>>) -> f64 {
    let (mut sum, mut count) = (0.0, 0u32);
    for value in values.flatten() {
        sum += value;
        count += 1;
    }
    sum / f64::from(count.max(1))
}

impl Figures {
    pub(crate) fn of_pages(pages: &[PageFigures]) -> Self {
        Figures {
            pages: pages.len(),
            f1: mean(pages.iter().map(|page| page.f1)),
            removed: mean(pages.iter().map(|page| page.removed)),
            lost: mean(pages.iter().map(|page| page.lost)),
        }
    }

    /// The mean over the sources of the means over their pages.
    pub(crate) fn of_sources<'a>(pages: impl Iterator<Item = (&'a str, PageFigures)>) -> Self {
        let mut sources: BTreeMap<&str, Vec<PageFigures>> = BTreeMap::new();
        for (source, figures) in pages {
            sources.entry(source).or_default().push(figures);
        }
        let means: Vec<Figures> = sources.values().map(|pages| Figures::of_pages(pages)).collect();
        Figures {
            pages: means.iter().map(|figures| figures.pages).sum(),
            f1: mean(sources.values().map(|pages| {
                let known: Vec<_> = pages.iter().filter_map(|page| page.f1).collect();
                (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
            })),
            removed: mean(means.iter().map(|figures| Some(figures.removed))),
            lost: mean(means.iter().map(|figures| Some(figures.lost))),
        }
    }
}
