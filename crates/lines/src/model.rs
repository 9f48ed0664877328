//! A model: the network, its vocabulary and its calibration, and the file they are kept in.

use std::error;
use std::fmt;
use std::sync::LazyLock;

use crate::calibration::{ByForm, Calibration, Form, KNOTS, Level};
use crate::cues::Cues;
use crate::features::{COUNT, FEATURES, ROWS};
use crate::network::{CHANNELS, EMBEDDING, KINDS, Layers, Network, STATES, Weights};
use crate::page::Page;
use crate::words::Words;

/// Documents with fewer lines that have a letter or digit are not judged.
pub const FEWEST_LINES: usize = 5;

/// The judgement of one line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Judgement {
    /// The network's output in 256ths of a logit; positive means article.
    pub score: i32,
    /// Probability in percent that the line is boilerplate.
    pub confidence: u8,
}

/// A model that cannot be used.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are no model file.
    NotAModel,
    /// The file was written by another version of the program, for other features.
    Version {
        /// The version of the file.
        found: u32,
    },
    /// The file is damaged: its digest is not that of its content.
    Damaged,
    /// The content makes no sense.
    Invalid(&'static str),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NotAModel => f.write_str("not a line model"),
            Error::Version { found } => write!(
                f,
                "a line model for other features (version {found:08x}, this program reads \
                 {:08x}); train it again",
                version()
            ),
            Error::Damaged => f.write_str("a damaged line model: its digest does not match"),
            Error::Invalid(problem) => write!(f, "an invalid line model: {problem}"),
        }
    }
}

impl error::Error for Error {}

/// Judges lines. See the [crate] for an example.
#[derive(Clone)]
pub struct Model {
    network: Network,
    vocabulary: Vec<u32>,
    words: Words,
    calibration: Calibration,
    cues: u64,
    digest: u64,
}

/// Reusable memory of [`Model::judge`].
#[derive(Default)]
pub struct Scratch {
    page: Page,
    layers: Layers,
    scores: Vec<i32>,
    lines: Vec<Option<Judgement>>,
}

/// The judgements of a document's lines.
#[derive(Clone, Copy)]
pub struct Judgements<'a> {
    pub(crate) model: &'a Model,
    pub(crate) page: &'a Page,
    pub(crate) layers: &'a Layers,
    lines: &'a [Option<Judgement>],
    form: Form,
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Model({:016x})", self.digest)
    }
}

static SHIPPED: &[u8] = include_bytes!("../model.bin");

impl Model {
    pub(crate) fn new(
        weights: Weights,
        vocabulary: Vec<u32>,
        calibration: Calibration,
        cues: u64,
    ) -> Result<Self, Error> {
        let model = Self::without_digest(weights, vocabulary, calibration, cues)?;
        Ok(Model { digest: digest(&model.content()), ..model })
    }

    fn without_digest(
        weights: Weights,
        vocabulary: Vec<u32>,
        calibration: Calibration,
        cues: u64,
    ) -> Result<Self, Error> {
        if vocabulary.len() != weights.words.len() || vocabulary.len() >= usize::from(u16::MAX) {
            return Err(Error::Invalid("the vocabulary has the wrong size"));
        }
        let falls = |values: &[u8; KNOTS]| values.is_sorted_by(|one, other| one >= other);
        if !calibration.confidence.iter().all(falls) {
            return Err(Error::Invalid("the confidence rises with the score"));
        }
        let limit = 1 << 24;
        let thresholds = calibration.thresholds.iter().flat_map(|t| [t.whole, t.scraped]);
        if thresholds.into_iter().any(|threshold| threshold.abs() > limit) {
            return Err(Error::Invalid("a threshold is out of range"));
        }
        let network = Network::new(weights).map_err(Error::Invalid)?;
        let words = Words::new(&vocabulary);
        Ok(Model { network, vocabulary, words, calibration, cues, digest: 0 })
    }

    pub(crate) fn with_calibration(&self, calibration: Calibration) -> Result<Self, Error> {
        let weights = self.network.weights.clone();
        Model::new(weights, self.vocabulary.clone(), calibration, self.cues)
    }

    /// The model that ships.
    ///
    /// # Panics
    /// Never: a test reads it.
    pub fn shipped() -> &'static Model {
        static MODEL: LazyLock<Model> =
            LazyLock::new(|| Model::from_bytes(SHIPPED).expect("the shipped model is valid"));
        &MODEL
    }

    /// Reads a model file.
    ///
    /// # Errors
    /// If the bytes are no model file, were written for other features, or are damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(Error::NotAModel)?;
        let (content, sum) = rest.split_last_chunk::<8>().ok_or(Error::NotAModel)?;
        let found = content.first_chunk::<4>().ok_or(Error::NotAModel)?;
        let found = u32::from_le_bytes(*found);
        if found != version() {
            return Err(Error::Version { found });
        }
        let digest = digest(content);
        if digest != u64::from_le_bytes(*sum) {
            return Err(Error::Damaged);
        }
        let model = Self::read(&mut Reader(&content[4..]))
            .ok_or(Error::Invalid("its size does not fit its content"))??;
        Ok(Model { digest, ..model })
    }

    /// The model as a file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let content = self.content();
        let sum = digest(&content).to_le_bytes();
        [&MAGIC[..], &content, &sum].concat()
    }

    /// A number that identifies the model.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// The digest of the cues that the model was trained with. Other cues give worse judgements.
    pub fn cues_digest(&self) -> u64 {
        self.cues
    }

    /// Judges the lines of a document. A line without a letter or digit gets no judgement, and no
    /// line of a document with fewer than [`FEWEST_LINES`] others does.
    pub fn judge<'a, 't>(
        &'a self,
        lines: impl IntoIterator<Item = &'t str>,
        cues: &Cues,
        scratch: &'a mut Scratch,
    ) -> Judgements<'a> {
        let Scratch { page, layers, scores, lines: judged } = scratch;
        let count = page.read_for(self.digest, lines, &self.words, cues);
        let form = Form::new(page.prose_lines(), page.rows().len() as u32);
        judged.clear();
        judged.resize(count, None);
        if page.rows().len() >= FEWEST_LINES {
            self.network.run(page, layers, scores);
            for (&line, &score) in page.lines().iter().zip(&*scores) {
                let confidence = self.calibration.confidence(score, form);
                judged[line as usize] = Some(Judgement { score, confidence });
            }
        }
        Judgements { model: self, page, layers, lines: judged, form }
    }

    /// The score below which a line is removed at a level, in a document of a form with these scores.
    pub fn threshold(
        &self,
        level: Level,
        form: Form,
        scores: impl IntoIterator<Item = i32>,
    ) -> i32 {
        let number = match level {
            Level::Off => return i32::MIN,
            Level::Careful => 0,
            Level::Balanced => 1,
            Level::Full => 2,
        };
        self.calibration.threshold(number, form, scores)
    }

    pub(crate) fn network(&self) -> &Network {
        &self.network
    }

    pub(crate) fn vocabulary(&self) -> &[u32] {
        &self.vocabulary
    }

    fn content(&self) -> Vec<u8> {
        let mut writer = Writer(version().to_le_bytes().to_vec());
        let Weights {
            table,
            kinds,
            scale,
            bias1,
            words,
            embed,
            conv2,
            bias2,
            step,
            step_bias,
            conv3,
            states,
            pool,
            bias3,
            out,
            out_bias,
        } = &self.network.weights;
        writer.0.extend(self.cues.to_le_bytes());
        writer.words(&[self.vocabulary.len() as i32]);
        for &ByForm { whole, scraped } in &self.calibration.thresholds {
            writer.words(&[whole, scraped]);
        }
        writer.0.extend(self.calibration.confidence.as_flattened());
        for key in &self.vocabulary {
            writer.0.extend(key.to_le_bytes());
        }
        writer.bytes(words.as_flattened());
        writer.bytes(table.as_flattened());
        writer.bytes(kinds.as_flattened());
        writer.halves(scale);
        writer.words(bias1);
        writer.halves(embed.as_flattened());
        writer.halves(conv2.as_flattened());
        writer.words(bias2);
        writer.halves(step.as_flattened());
        writer.words(step_bias);
        writer.halves(conv3.as_flattened());
        writer.halves(states.as_flattened());
        writer.halves(pool.as_flattened());
        writer.words(bias3);
        writer.halves(out);
        writer.words(&[*out_bias]);
        writer.0
    }

    /// The model without its digest. `None` if the content is too short or too long.
    fn read(reader: &mut Reader<'_>) -> Option<Result<Self, Error>> {
        let cues = u64::from_le_bytes(*reader.take(8)?.first_chunk()?);
        let [count] = reader.words()?;
        let count = usize::try_from(count).ok()?;
        let mut thresholds = [ByForm::default(); 3];
        for threshold in &mut thresholds {
            let [whole, scraped] = reader.words()?;
            *threshold = ByForm { whole, scraped };
        }
        let mut confidence = [[0; KNOTS]; 2];
        for values in &mut confidence {
            *values = *reader.take(KNOTS)?.first_chunk()?;
        }
        let calibration = Calibration { thresholds, confidence };
        let keys = reader.take(count.checked_mul(4)?)?;
        let vocabulary = keys.as_chunks::<4>().0.iter().map(|key| u32::from_le_bytes(*key));
        let vocabulary = vocabulary.collect();
        let weights = Weights {
            words: reader.byte_rows::<EMBEDDING>(count)?,
            table: reader.byte_rows::<CHANNELS>(ROWS)?,
            kinds: reader.byte_rows::<CHANNELS>(KINDS)?,
            scale: *reader.half_rows(1)?.first()?,
            bias1: reader.words()?,
            embed: reader.half_rows(EMBEDDING)?.try_into().ok()?,
            conv2: reader.half_rows(CHANNELS)?,
            bias2: reader.words()?,
            step: reader.half_rows(STATES)?,
            step_bias: reader.words()?,
            conv3: reader.half_rows(CHANNELS)?,
            states: reader.half_rows(CHANNELS)?,
            pool: reader.half_rows(CHANNELS)?,
            bias3: reader.words()?,
            out: *reader.half_rows(1)?.first()?,
            out_bias: reader.words::<1>()?[0],
        };
        reader.0.is_empty().then(|| Self::without_digest(weights, vocabulary, calibration, cues))
    }
}

impl<'a> Judgements<'a> {
    /// A judgement for each line of the document.
    pub fn lines(&self) -> &'a [Option<Judgement>] {
        self.lines
    }

    /// The form of the document.
    pub fn form(&self) -> Form {
        self.form
    }

    /// The score below which a line of this document is removed at a level.
    pub fn threshold(&self, level: Level) -> i32 {
        let scores = self.lines.iter().flatten().map(|judgement| judgement.score);
        self.model.threshold(level, self.form, scores)
    }

    /// Whether a line is removed at a threshold.
    pub fn removes(&self, line: usize, threshold: i32) -> bool {
        matches!(self.lines.get(line), Some(Some(judgement)) if judgement.score < threshold)
    }

    /// Whether almost nothing of a document that has an article would be kept at a threshold:
    /// under 30 words, and less than a tenth of its sentences.
    pub fn keeps_almost_nothing(&self, threshold: i32) -> bool {
        let (mut kept, mut prose) = (0u64, 0u64);
        for (facts, &line) in self.page.facts().iter().zip(self.page.lines()) {
            let length = u64::from(facts.length());
            prose += if facts.is_prose() { length } else { 0 };
            kept += if self.removes(line as usize, threshold) { 0 } else { length };
        }
        kept < 300 && kept * 10 < prose
    }
}

const MAGIC: &[u8; 8] = b"cf-lines";

/// The version of the format and of the features: a model is only good for the features that it
/// was trained with.
fn version() -> u32 {
    static VERSION: LazyLock<u32> = LazyLock::new(|| {
        let sizes = [FORMAT, COUNT, ROWS, CHANNELS, STATES, EMBEDDING, KINDS];
        let mut all: Vec<u8> = sizes.iter().flat_map(|size| (*size as u32).to_le_bytes()).collect();
        all.extend(FEATURES.iter().flat_map(|feature| feature.name.bytes()));
        digest(&all) as u32
    });
    *VERSION
}

/// Raise this if a feature, the arithmetic or the meaning of a threshold changes without a change of
/// names or sizes.
const FORMAT: usize = 3;

fn digest(bytes: &[u8]) -> u64 {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash ^ hash >> 32
}

struct Writer(Vec<u8>);

impl Writer {
    fn words(&mut self, values: &[i32]) {
        self.0.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }

    fn halves(&mut self, values: &[i16]) {
        self.0.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }

    fn bytes(&mut self, values: &[i8]) {
        self.0.extend(values.iter().map(|value| *value as u8));
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        self.0.split_off(..count)
    }

    fn words<const N: usize>(&mut self) -> Option<[i32; N]> {
        let bytes = self.take(N * 4)?;
        let mut values = [0; N];
        for (value, bytes) in values.iter_mut().zip(bytes.as_chunks::<4>().0) {
            *value = i32::from_le_bytes(*bytes);
        }
        Some(values)
    }

    fn byte_rows<const N: usize>(&mut self, count: usize) -> Option<Vec<[i8; N]>> {
        let bytes = self.take(count.checked_mul(N)?)?;
        Some(bytes.as_chunks::<N>().0.iter().map(|row| row.map(|byte| byte as i8)).collect())
    }

    fn half_rows<const N: usize>(&mut self, count: usize) -> Option<Vec<[i16; N]>> {
        let bytes = self.take(count.checked_mul(N * 2)?)?;
        let mut values = bytes.as_chunks::<2>().0.iter().map(|half| i16::from_le_bytes(*half));
        Some((0..count).map(|_| std::array::from_fn(|_| values.next().unwrap_or(0))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use proptest::prelude::*;

    static MODEL: LazyLock<Model> = LazyLock::new(testing::model);
    static CUES: LazyLock<Cues> = LazyLock::new(testing::cues);

    fn judged(text: &str) -> Vec<Option<Judgement>> {
        MODEL.judge(text.lines(), &CUES, &mut Scratch::default()).lines().to_vec()
    }

    /// Writes a content with its digest.
    fn file(content: &[u8]) -> Vec<u8> {
        [&MAGIC[..], content, &digest(content).to_le_bytes()].concat()
    }

    #[test]
    fn the_shipped_model_is_small_and_valid() {
        assert!(SHIPPED.len() <= 100_000, "{} bytes", SHIPPED.len());
        assert_eq!(Model::shipped().to_bytes(), SHIPPED);
    }

    #[test]
    fn damaged_files_are_errors() {
        let bytes = MODEL.to_bytes();
        assert_eq!(Model::from_bytes(b"").err(), Some(Error::NotAModel));
        assert_eq!(Model::from_bytes(b"cf-lines").err(), Some(Error::NotAModel));
        assert_eq!(Model::from_bytes(b"\x28\xb5\x2f\xfd and so on").err(), Some(Error::NotAModel));
        for length in (0..bytes.len()).step_by(97) {
            assert!(Model::from_bytes(&bytes[..length]).is_err(), "{length} bytes");
        }
        for at in (0..bytes.len()).step_by(89) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (at % 8);
            assert!(Model::from_bytes(&damaged).is_err(), "byte {at}");
        }
        let mut other = bytes.clone();
        other[8] ^= 1;
        let error = Model::from_bytes(&other).expect_err("another version");
        assert!(
            matches!(error, Error::Version { .. }) && error.to_string().contains("train it again")
        );
        let longer = [&bytes[8..bytes.len() - 8], &[0]].concat();
        assert!(matches!(Model::from_bytes(&file(&longer)), Err(Error::Invalid(_))));
    }

    #[test]
    fn weights_that_overflow_are_errors() {
        let content = MODEL.content();
        let largest = content.len() - 64;
        let mut damaged = content.clone();
        damaged[largest..].fill(0x7f);
        assert!(matches!(Model::from_bytes(&file(&damaged)), Err(Error::Invalid(_))));
    }

    #[test]
    fn short_documents_are_not_judged() {
        assert_eq!(judged("Home\n\nShare this article\nNews\n–\nSport"), [None; 6]);
        let five = judged("Home\n\nShare this article\nNews\n–\nSport\nSubscribe now");
        let has = five.iter().map(Option::is_some).collect::<Vec<_>>();
        assert_eq!(has, [true, false, true, true, false, true, true]);
        assert_eq!(judged(""), []);
    }

    #[test]
    fn confidence_falls_with_the_score() {
        let calibration = &MODEL.calibration;
        for form in [0, 100, 256].map(|prose| Form::new(prose, 256)) {
            let confidence: Vec<u8> =
                (-3000..3000).map(|score| calibration.confidence(score, form)).collect();
            assert!(confidence.is_sorted_by(|one, other| one >= other));
            assert!(confidence[0] > 90 && confidence[5999] < 10);
        }
    }

    #[test]
    fn pages_that_would_be_emptied_are_reported() {
        let page = testing::page(5, false);
        let mut scratch = Scratch::default();
        let lines = page.lines.iter().map(String::as_str);
        let judgements = MODEL.judge(lines, &CUES, &mut scratch);
        assert!(!judgements.keeps_almost_nothing(judgements.threshold(Level::Full)));
        assert!(judgements.keeps_almost_nothing(i32::MAX));
        let menu = testing::MENU.iter().copied();
        let judgements = MODEL.judge(menu, &CUES, &mut scratch);
        assert!(!judgements.keeps_almost_nothing(i32::MAX), "there is no article to lose");
    }

    #[test]
    fn reasons_name_what_a_reader_sees() {
        let page = testing::page(5, false);
        let mut scratch = Scratch::default();
        let judgements = MODEL.judge(page.lines.iter().map(String::as_str), &CUES, &mut scratch);
        for (line, text) in page.lines.iter().enumerate() {
            let Some(Some(Judgement { score, .. })) = judgements.lines().get(line) else {
                assert!(judgements.reasons(line, text, true).is_empty());
                continue;
            };
            let reasons = judgements.reasons(line, text, *score < 0);
            assert!((1..=3).contains(&reasons.len()), "{text}: {reasons:?}");
            for reason in reasons {
                let reason = reason.to_string();
                assert!(!reason.is_empty() && reason != "word \"\"", "{text}");
            }
        }
        assert!(judgements.reasons(page.lines.len(), "", true).is_empty());
    }

    #[test]
    fn huge_documents_take_linear_time() {
        // Quadratic work would take hours.
        let line = "Sentence after sentence, and a word: that was all. ".repeat(60_000_000 / 51);
        assert_eq!(judged(&format!("a\nb\nc\nd\n{line}")).len(), 5);
        let word = "x".repeat(10_000_000);
        assert_eq!(judged(&format!("a\nb\nc\nd\n{word}")).len(), 5);
        let lines = "The same line.\nHome\n\n".repeat(330_000);
        assert_eq!(judged(&lines).len(), 990_000);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Lines that are left are not read again.
        #[test]
        fn pages_are_judged_alike_after_cuts(number in 0_u64..20, cuts in prop::collection::vec(any::<u64>(), 1..4)) {
            let page = testing::page(number, false);
            let mut scratch = Scratch::default();
            let mut lines: Vec<&str> = page.lines.iter().map(String::as_str).collect();
            for cut in [0].into_iter().chain(cuts) {
                let mut at = 0;
                lines.retain(|_| {
                    at += 1;
                    // One of four lines.
                    cut >> (2 * at % 64) & 0b11 != 0b11
                });
                let used = MODEL.judge(lines.iter().copied(), &CUES, &mut scratch).lines().to_vec();
                let mut unused = Scratch::default();
                let fresh = MODEL.judge(lines.iter().copied(), &CUES, &mut unused).lines();
                prop_assert_eq!(used, fresh);
            }
        }

        #[test]
        fn any_text_is_judged_alike_with_used_memory(
            texts in prop::collection::vec("(\\PC{0,40}[\n\t ]{0,2}){0,30}", 1..4),
        ) {
            let mut scratch = Scratch::default();
            for text in &texts {
                let lines: Vec<&str> = text.split('\n').collect();
                let judgements = MODEL.judge(lines.iter().copied(), &CUES, &mut scratch);
                let used = judgements.lines().to_vec();
                prop_assert_eq!(used.len(), lines.len());
                for (line, text) in lines.iter().enumerate() {
                    judgements.reasons(line, text, true);
                }
                let fresh = MODEL.judge(lines, &CUES, &mut Scratch::default()).lines().to_vec();
                prop_assert_eq!(used, fresh);
            }
        }

        #[test]
        fn any_content_is_read_without_a_panic(
            at in 0usize..60_000, bytes in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            let mut content = MODEL.content();
            let start = at.min(content.len());
            let end = (start + bytes.len()).min(content.len());
            content[start..end].copy_from_slice(&bytes[..end - start]);
            if let Ok(model) = Model::from_bytes(&file(&content)) {
                let text = "Home\nNews\nThe mayor said that it rained.\nShare this\nSport\n";
                model.judge(text.lines(), &CUES, &mut Scratch::default());
            }
        }

        #[test]
        fn any_bytes_are_no_model(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(Model::from_bytes(&bytes).is_err());
            prop_assert!(Model::from_bytes(&file(&bytes)).is_err());
        }
    }
}
