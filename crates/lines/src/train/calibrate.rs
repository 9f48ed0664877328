//! What scores mean: thresholds of the levels and confidence, from out-of-fold scores.

use crate::calibration::{ByForm, Calibration, KNOTS};
use crate::evaluate::{PageFigures, Scorer};
use crate::labelled::Label;
use crate::train::{Judged, outlet_fold};

/// Share of article lines that a level may lose, on whole pages and on scraped text.
const CAREFUL: [f64; 2] = [0.013, 0.01];
const BALANCED: [f64; 2] = [0.042, 0.025];
/// Full is where the F1 is best, but loses no more than this.
const FULL: [f64; 2] = [0.062, 0.045];

/// Pages of one half of the forms.
struct Half<'a> {
    pages: Vec<(&'a Judged<'a>, Scorer)>,
}

impl Half<'_> {
    /// The mean F1 and share of article lines lost at a level.
    fn figures(&mut self, calibration: &Calibration, level: usize) -> (f64, f64) {
        let mut sums = [0.0; 4];
        for (scored, scorer) in &mut self.pages {
            let scores = scored.scores.iter().copied();
            let threshold = calibration.threshold(level, scored.form, scores);
            let PageFigures { f1, lost, .. } =
                scorer.score(|line| scored.scores[line] >= threshold);
            let weight = f64::from(scored.page.weight);
            for (at, value) in [(0, f1), (2, lost)] {
                if let Some(value) = value {
                    sums[at] += value * weight;
                    sums[at + 1] += weight;
                }
            }
        }
        (sums[0] / sums[1].max(1e-9), sums[2] / sums[3].max(1e-9))
    }
}

/// Calibrates on scores of pages that the network was not trained on. `None` without pages of
/// both forms.
pub(crate) fn calibrate(scored: &[Judged<'_>]) -> Option<Calibration> {
    let middle = ByForm { whole: 0, scraped: 256 };
    let mut halves: [Half<'_>; 2] = [false, true].map(|scraped| Half {
        pages: scored
            .iter()
            .filter(|page| (middle.at(page.form) >= 128) == scraped)
            .map(|page| (page, Scorer::new(page.page)))
            .filter(|(_, scorer)| scorer.is_decided())
            .collect(),
    });
    if halves.iter().any(|half| half.pages.is_empty()) {
        return None;
    }
    let confidence = [0, 1].map(|half| confidence(&halves[half]));
    let start = ByForm { whole: -768, scraped: -512 };
    let mut calibration = Calibration { thresholds: [start; 3], confidence };
    for (level, target) in [(0, CAREFUL), (1, BALANCED), (2, FULL)] {
        reach(&mut halves, &mut calibration, level, target);
    }
    best(&mut halves, &mut calibration);
    Some(calibration)
}

/// How often lines of some confidence are boilerplate.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Reliability {
    /// The lowest confidence of these lines in percent; the next entry's is the end.
    pub from: u8,
    /// Number of lines with a label.
    pub lines: usize,
    /// Their mean confidence in percent.
    pub confidence: f64,
    /// The percentage of them that is boilerplate.
    pub boilerplate: f64,
}

/// The lowest confidences of a reliability table, in percent.
const STEPS: [u8; 9] = [0, 5, 20, 40, 60, 80, 90, 95, 98];

/// A reliability table for pages of one form: the confidence of each page's lines comes from a
/// calibration on the scores of the other folds. Pages count equally, whatever their length. `None` if
/// a calibration is impossible.
pub fn reliability(judged: &[Judged<'_>], form: &str, folds: u64) -> Option<Vec<Reliability>> {
    let mut sums = [[0.0; 3]; STEPS.len()];
    let mut counts = [0; STEPS.len()];
    for fold in 0..folds {
        let (tested, others): (Vec<Judged<'_>>, Vec<Judged<'_>>) =
            judged.iter().cloned().partition(|it| outlet_fold(&it.page.outlet, folds) == fold);
        let calibration = calibrate(&others)?;
        for judged in tested.iter().filter(|judged| judged.page.form == form) {
            let scorer = Scorer::new(judged.page);
            let weight = 1.0 / scorer.lines().max(1) as f64;
            for line in 0..scorer.lines() {
                let boilerplate = match scorer.label(line) {
                    Label::Neutral => continue,
                    label => f64::from(u8::from(label == Label::Boilerplate)),
                };
                let confidence = calibration.confidence(judged.scores[line], judged.form);
                let step = STEPS.iter().rposition(|from| *from <= confidence).unwrap_or(0);
                let add = [weight, weight * f64::from(confidence), weight * boilerplate * 100.0];
                sums[step].iter_mut().zip(add).for_each(|(sum, value)| *sum += value);
                counts[step] += 1;
            }
        }
    }
    let row = |((from, sums), lines): ((u8, [f64; 3]), usize)| Reliability {
        from,
        lines,
        confidence: sums[1] / sums[0].max(1e-9),
        boilerplate: sums[2] / sums[0].max(1e-9),
    };
    Some(STEPS.into_iter().zip(sums).zip(counts).map(row).collect())
}

/// Sets the thresholds of a level at which both halves lose their target. The halves share documents of
/// middle form, so they are solved in turn.
fn reach(
    halves: &mut [Half<'_>; 2],
    calibration: &mut Calibration,
    level: usize,
    target: [f64; 2],
) {
    for _ in 0..4 {
        for half in [0, 1] {
            let (mut low, mut high) = (-12 * 256, 4 * 256);
            while high - low > 4 {
                let middle = (low + high) / 2;
                *calibration.thresholds[level].of_mut(half) = middle;
                let (_, lost) = halves[half].figures(calibration, level);
                if lost <= target[half] { low = middle } else { high = middle }
            }
            *calibration.thresholds[level].of_mut(half) = low;
        }
    }
}

/// Lowers the thresholds of the full level to where the F1 is best, but not below the balanced level's,
/// for each half.
fn best(halves: &mut [Half<'_>; 2], calibration: &mut Calibration) {
    let [_, mut from, mut to] = calibration.thresholds;
    calibration.thresholds[2] = from;
    for half in [0, 1] {
        let (from, to) = (*from.of_mut(half), *to.of_mut(half));
        let mut best = f64::MIN;
        let mut found = from;
        for step in 0..=16 {
            let tried = from + (to - from) * step / 16;
            *calibration.thresholds[2].of_mut(half) = tried;
            let (f1, _) = halves[half].figures(calibration, 2);
            // Of thresholds that differ by noise only, the one that removes most.
            if f1 > best - 0.002 {
                (best, found) = (best.max(f1), tried);
            }
        }
        *calibration.thresholds[2].of_mut(half) = found;
    }
}

/// The share of boilerplate around each knot, made to fall with the score.
fn confidence(half: &Half<'_>) -> [u8; KNOTS] {
    // Weights of boilerplate and of all lines around each knot; a little of both to begin with.
    let mut sums = [[0.0f64; 2]; KNOTS];
    for (scored, scorer) in &half.pages {
        let weight = f64::from(scored.page.weight) / (scorer.lines().max(8) as f64).sqrt();
        for line in 0..scorer.lines() {
            let boilerplate = match scorer.label(line) {
                Label::Neutral => continue,
                label => f64::from(u8::from(label == Label::Boilerplate)),
            };
            let place =
                (f64::from(scored.scores[line]) / 128.0 + 16.0).clamp(0.0, KNOTS as f64 - 1.0);
            let knot = place.floor() as usize;
            let share = place - place.floor();
            for (knot, weight) in [(knot, (1.0 - share) * weight), (knot + 1, share * weight)] {
                if knot < KNOTS {
                    sums[knot][0] += boilerplate * weight;
                    sums[knot][1] += weight;
                }
            }
        }
    }
    // Pool adjacent violators.
    let mut pools: Vec<([f64; 2], usize)> = Vec::new();
    for [boilerplate, all] in sums {
        pools.push(([boilerplate + 1e-6, all + 2e-6], 1));
        while let [.., (one, _), (other, _)] = pools[..]
            && one[0] / one[1] < other[0] / other[1]
        {
            let (last, count) = pools.pop().unwrap_or_default();
            if let Some((pool, size)) = pools.last_mut() {
                *pool = [pool[0] + last[0], pool[1] + last[1]];
                *size += count;
            }
        }
    }
    let mut values =
        pools.iter().flat_map(|(sums, count)| std::iter::repeat_n(sums[0] / sums[1], *count));
    std::array::from_fn(|_| (values.next().unwrap_or(0.0) * 255.0).round() as u8)
}
