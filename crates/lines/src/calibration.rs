//! What scores mean: levels, thresholds and confidence.

use std::fmt;

/// How much to remove.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Hash)]
pub enum Level {
    /// Nothing.
    Off,
    /// Lines that are almost certainly boilerplate: about 1 % of the article lines are lost.
    #[default]
    Careful,
    /// Between careful and full: about 2 % of the article lines are lost.
    Balanced,
    /// Most lines that are more likely boilerplate than article.
    Full,
}

impl Level {
    /// All levels, from the least to the most that is removed.
    pub const ALL: [Level; 4] = [Level::Off, Level::Careful, Level::Balanced, Level::Full];

    /// The level's name.
    pub fn name(self) -> &'static str {
        match self {
            Level::Off => "off",
            Level::Careful => "careful",
            Level::Balanced => "balanced",
            Level::Full => "full",
        }
    }

    /// The level with this name.
    pub fn from_name(name: &str) -> Option<Level> {
        Level::ALL.into_iter().find(|level| level.name() == name)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The form of a text: the share of its lines that read as sentences, in 256ths.
///
/// Whole pages have few such lines, scraped text has many.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Form(u32);

impl Form {
    pub(crate) fn new(prose: u32, lines: u32) -> Self {
        Form((u64::from(prose) * 256 / u64::from(lines.max(1))) as u32)
    }

    /// Whether a document of this form is calibrated as scraped text rather than as a whole page.
    pub fn is_scraped(self) -> bool {
        self.0 >= (WHOLE + SCRAPED) / 2
    }

    /// The share in percent.
    pub fn percent(self) -> u32 {
        self.0 * 100 / 256
    }
}

/// Two values and what lies between: one for whole pages, one for scraped text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct ByForm {
    pub(crate) whole: i32,
    pub(crate) scraped: i32,
}

/// Texts with at most this form are whole pages, as far as calibration goes.
const WHOLE: u32 = 64;
/// Texts with at least this form are scraped text.
const SCRAPED: u32 = 160;

impl ByForm {
    /// The value for whole pages (0) or scraped text (1).
    pub(crate) fn of_mut(&mut self, form: usize) -> &mut i32 {
        if form == 0 { &mut self.whole } else { &mut self.scraped }
    }

    pub(crate) fn at(self, form: Form) -> i32 {
        let place = i64::from(form.0.clamp(WHOLE, SCRAPED) - WHOLE);
        let span = i64::from(SCRAPED - WHOLE);
        let (whole, scraped) = (i64::from(self.whole), i64::from(self.scraped));
        (whole + (scraped - whole) * place / span) as i32
    }
}

/// Scores at which the confidence is known: from −8 to 8 logits by half logits.
pub(crate) const KNOTS: usize = 33;
const FIRST_KNOT: i32 = -8 * 256;
const KNOT_STEP: i32 = 128;

/// What scores mean.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Calibration {
    /// Lines with a lower score are removed; for careful, balanced and full.
    pub(crate) thresholds: [ByForm; 3],
    /// Confidence at each knot in 255ths, falling; for whole pages and scraped text.
    pub(crate) confidence: [[u8; KNOTS]; 2],
}

/// How much the threshold follows the composition of the document, in 256ths of a logit for each
/// doubling: three quarters of what would weigh a share of the boilerplate and a share of the article
/// alike. In cross-validation, whole pages are best with a half and scraped text with all of it.
const DOUBLING: i32 = 133;
/// Lines of both kinds that are added to those of a document, so that a few lines decide little.
const PRIOR: u64 = 4;
/// No level removes lines with a higher score: those of which under three quarters, a half and a
/// quarter are boilerplate.
const LIMITS: [i32; 3] = [-256, 0, 256];

impl Calibration {
    /// The score below which a line is removed at a level (0 careful, 1 balanced, 2 full), in a document
    /// of a form with these scores.
    ///
    /// A level loses some *share* of an article. Among many lines of an article, one is a smaller
    /// share than among few, and among little boilerplate, a line of it is a larger share; so the
    /// threshold rises with the ratio of the expected numbers of both kinds. What is removed does
    /// not count, so that the same threshold results for the document without it. Each level begins
    /// with the threshold of the level before, so it removes at least the same lines.
    pub(crate) fn threshold(
        &self,
        level: usize,
        form: Form,
        scores: impl IntoIterator<Item = i32>,
    ) -> i32 {
        let mut scores: Vec<i32> = scores.into_iter().collect();
        scores.sort_unstable();
        let boilerplate = |score: i32| u64::from(self.confidence(score, form));
        // The expected numbers of lines in hundredths: article and boilerplate.
        let mut sums = [100 * PRIOR; 2];
        for &score in &scores {
            sums[0] += 100 - boilerplate(score);
            sums[1] += boilerplate(score);
        }
        let mut kept = scores.iter().peekable();
        let mut threshold = i32::MIN;
        for (base, limit) in self.thresholds.iter().zip(LIMITS).take(level + 1) {
            loop {
                let shift = (log2(sums[0]) - log2(sums[1])) * DOUBLING / 256;
                let next = (base.at(form) + shift).min(limit);
                if next <= threshold {
                    break;
                }
                threshold = next;
                while let Some(&score) = kept.next_if(|score| **score < threshold) {
                    sums[0] -= 100 - boilerplate(score);
                    sums[1] -= boilerplate(score);
                }
            }
        }
        threshold
    }

    /// The confidence in percent that a line with this score is boilerplate.
    pub(crate) fn confidence(&self, score: i32, form: Form) -> u8 {
        let last = FIRST_KNOT + KNOT_STEP * (KNOTS as i32 - 1);
        let place = score.clamp(FIRST_KNOT, last) - FIRST_KNOT;
        let knot = (place / KNOT_STEP) as usize;
        let between = place % KNOT_STEP;
        let at = |form: usize| {
            let values = &self.confidence[form];
            let here = i32::from(values[knot]);
            let next = i32::from(values[(knot + 1).min(KNOTS - 1)]);
            here * KNOT_STEP + (next - here) * between
        };
        let value = ByForm { whole: at(0), scraped: at(1) }.at(form);
        ((value * 100 + 255 * KNOT_STEP / 2) / (255 * KNOT_STEP)) as u8
    }
}

/// The binary logarithm of a positive number in 256ths, linear between powers of two.
fn log2(value: u64) -> i32 {
    let whole = value.ilog2();
    let fraction = (value << (63 - whole) >> 55) & 0xff;
    (whole << 8 | fraction as u32) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calibration(careful: i32) -> Calibration {
        let at = |knot: usize| (255 - knot * 255 / (KNOTS - 1)) as u8;
        let threshold = ByForm { whole: careful, scraped: careful };
        Calibration { thresholds: [threshold; 3], confidence: [std::array::from_fn(at); 2] }
    }

    fn careful(scores: &[i32]) -> i32 {
        calibration(-512).threshold(0, Form::default(), scores.iter().copied())
    }

    #[test]
    fn logarithms_rise() {
        assert_eq!([1, 2, 3, 4, 1 << 40].map(log2), [0, 256, 384, 512, 40 * 256]);
        assert!((1..5000).map(log2).is_sorted());
    }

    #[test]
    fn a_threshold_rises_with_the_share_of_article_lines() {
        let (article, boilerplate) = (1000, -1000);
        let even = careful(&[article, article, boilerplate, boilerplate]);
        let long = careful(&[article; 60]);
        let menu = careful(&[&[article; 4][..], &[-500; 60]].concat());
        assert!(menu < even && even < long, "{menu} {even} {long}");
        assert!(careful(&[2000; 1_000_000]) <= LIMITS[0]);
        assert_eq!(careful(&[]), -512);
    }

    #[test]
    fn a_level_removes_what_the_level_before_removes() {
        let level = |whole| ByForm { whole, scraped: whole };
        let confidence = calibration(0).confidence;
        let thresholds = [level(-300), level(-800), level(-100)];
        let calibration = Calibration { thresholds, confidence };
        let scores: Vec<i32> = (0..100).map(|at| at * 37 % 2001 - 1200).collect();
        let at = |number| calibration.threshold(number, Form::default(), scores.iter().copied());
        assert_eq!(at(0), at(1), "a lower threshold than that of the level before has no effect");
        assert!(at(1) < at(2));
    }

    #[test]
    fn the_threshold_is_that_of_the_document_without_the_removed_lines() {
        let scores: Vec<i32> = (0..200).map(|at| at * 37 % 4001 - 2000).collect();
        let threshold = careful(&scores);
        let kept: Vec<i32> = scores.iter().copied().filter(|score| *score >= threshold).collect();
        assert!(kept.len() < scores.len());
        assert_eq!(careful(&kept), threshold);
    }
}
