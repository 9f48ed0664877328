//! Training: from labelled pages to a network.

mod augment;
mod calibrate;
pub(crate) mod net;
mod quantise;
pub(crate) mod random;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::error;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

pub use self::calibrate::{Reliability, reliability};
use crate::calibration::Form;
use crate::cues::Cues;
use crate::evaluate::{Figures, Headlines, Scorer};
use crate::labelled::{Label, LabelledPage};
use crate::model::{Model, Scratch};
use crate::network;
use crate::page::Page;
use crate::train::net::{Adam, Dropout, Input, Network, Params, Pass, Scale};
use crate::train::random::Random;
use crate::words::{self, Words};

/// How to train.
#[derive(Clone, Debug)]
pub struct Options {
    /// Training with the same seed, pages and options gives the same model.
    pub seed: u64,
    /// Passes over the pages.
    pub epochs: usize,
    /// The highest rate of the optimiser.
    pub rate: f32,
    /// Words of the vocabulary.
    pub vocabulary: usize,
    /// A vocabulary word occurs on pages of at least so many outlets.
    pub word_outlets: usize,
    /// Parts of the outlets for cross-validation.
    pub folds: u64,
    /// Threads to use; the result does not depend on it.
    pub threads: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            seed: 1,
            epochs: 9,
            rate: 4e-3,
            vocabulary: 2048,
            word_outlets: 20,
            folds: 5,
            threads: 2,
        }
    }
}

/// How much pages of a public set count in training: those labelled by people count more than those
/// labelled by extractors.
pub fn source_weight(source: &str) -> f32 {
    match source {
        "fundus" | "aeb" => 2.0,
        "newspaper4k" | "t_post" => 0.8,
        "wcxb" | "readability" => 0.7,
        "t_goose" | "t_gne" => 0.6,
        "" => 1.0,
        _ => 0.5,
    }
}

/// Lines of a page beyond this are not trained on.
const LONGEST_PAGE: usize = 1016;
/// Lines of one step of the optimiser, about.
const BATCH: usize = 8000;
/// Parts of a batch that are summed in a fixed order, whatever the number of threads.
const PARTS: usize = 8;

/// Runs `work` for every number below `count` on some threads, and returns the results in order.
pub(crate) fn parallel<T: Send>(
    threads: usize,
    count: usize,
    work: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(count));
    thread::scope(|scope| {
        for _ in 0..threads.clamp(1, count.max(1)) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        break;
                    }
                    let result = work(number);
                    results.lock().unwrap_or_else(PoisonError::into_inner).push((number, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_unstable_by_key(|(number, _)| *number);
    results.into_iter().map(|(_, result)| result).collect()
}

/// The vocabulary: the words, pairs and short lines that most outlets have, most common first.
pub(crate) fn vocabulary(pages: &[&LabelledPage], cues: &Cues, options: &Options) -> Vec<u32> {
    let mut outlets: HashMap<u32, BTreeSet<u32>> = HashMap::new();
    let mut names = BTreeMap::new();
    let words = Words::new(&[]);
    let mut page = Page::default();
    for labelled in pages {
        let next = names.len() as u32;
        let outlet = *names.entry(labelled.outlet.as_str()).or_insert(next);
        page.read_with(labelled.lines.iter().map(String::as_str), &words, cues, None, |hash| {
            outlets.entry(words::key(hash)).or_default().insert(outlet);
        });
    }
    let mut ranked: Vec<(usize, u32)> =
        outlets.into_iter().map(|(key, outlets)| (outlets.len(), key)).collect();
    ranked.retain(|(outlets, _)| *outlets >= options.word_outlets);
    ranked.sort_unstable_by(|one, other| other.cmp(one));
    ranked.truncate(options.vocabulary);
    ranked.into_iter().map(|(_, key)| key).collect()
}

/// The features of a page with its targets.
pub(crate) fn input(labelled: &LabelledPage, words: &Words, cues: &Cues, page: &mut Page) -> Input {
    page.read(labelled.lines.iter().map(String::as_str), words, cues);
    let mut input = Input { rows: page.rows().to_vec(), ..Input::default() };
    let weight = labelled.weight / (input.len().max(8) as f32).sqrt();
    let headlines = Headlines::of(labelled);
    for (row, &line) in page.lines().iter().enumerate() {
        input.kinds.push(page.kinds(row));
        input.ids.extend_from_slice(page.ids(row));
        input.id_ends.push(input.ids.len() as u32);
        let label = labelled.labels[line as usize];
        // Headlines are neither in most labels, but they have to stay.
        let headline = label == Label::Neutral && headlines.has(&labelled.lines[line as usize]);
        input.targets.push(if label == Label::Article || headline { 1.0 } else { 0.0 });
        input.weights.push(match label {
            Label::Neutral if headline => weight * HEADLINE_WEIGHT,
            Label::Neutral => 0.0,
            _ => weight,
        });
    }
    balance(&mut input.weights, &input.targets);
    input
}

/// Makes the article and the boilerplate of a page weigh more alike, and together as much as before: each is
/// multiplied by the square root of half of the page's weight over its own. Scraped text has little
/// boilerplate, and whole pages have few lines of the article.
fn balance(weights: &mut [f32], targets: &[f32]) {
    let mut sums = [0.0_f32; 2];
    for (weight, target) in weights.iter().zip(targets) {
        sums[usize::from(*target > 0.5)] += weight;
    }
    let all: f32 = sums.iter().sum();
    if sums.contains(&0.0) {
        return;
    }
    let factors = sums.map(|sum| (all / 2.0 / sum).min(MOST_BALANCE).sqrt());
    let scale = all / sums.iter().zip(factors).map(|(sum, factor)| sum * factor).sum::<f32>();
    for (weight, target) in weights.iter_mut().zip(targets) {
        *weight *= factors[usize::from(*target > 0.5)] * scale;
    }
}

/// The weight of the rarer kind of line is multiplied by the square root of this at most.
const MOST_BALANCE: f32 = 8.0;

/// How much a headline counts against other lines.
const HEADLINE_WEIGHT: f32 = 0.5;

impl Input {
    /// Forgets the lines beyond the longest page that is trained on.
    fn truncated(mut self) -> Self {
        if self.len() > LONGEST_PAGE {
            self.rows.truncate(LONGEST_PAGE);
            self.kinds.truncate(LONGEST_PAGE);
            self.id_ends.truncate(LONGEST_PAGE);
            self.ids.truncate(self.id_ends[LONGEST_PAGE - 1] as usize);
            self.targets.truncate(LONGEST_PAGE);
            self.weights.truncate(LONGEST_PAGE);
        }
        self
    }
}

/// A trained network in floating point with its vocabulary.
pub(crate) struct Trained {
    pub(crate) network: Network,
    pub(crate) vocabulary: Vec<u32>,
}

/// Trains one network. `progress` gets each epoch and its mean loss.
pub(crate) fn train_network(
    pages: &[&LabelledPage],
    cues: &Cues,
    options: &Options,
    mut progress: impl FnMut(usize, f64),
) -> (Trained, Vec<Input>) {
    let decided: Vec<&LabelledPage> =
        pages.iter().filter(|page| Scorer::new(page).is_decided()).copied().collect();
    let pages = &decided[..];
    let vocabulary = vocabulary(pages, cues, options);
    let words = Words::new(&vocabulary);
    let inputs = parallel(options.threads, pages.len(), |number| {
        input(pages[number], &words, cues, &mut Page::default()).truncated()
    });
    let scale = Scale::new(inputs.iter().flat_map(|input| &input.rows));
    let mut network = Network::random(vocabulary.len(), scale, options.seed);
    let mut adam = Adam::new(&network.params);
    let mut average = network.params.clone();
    let layout = network.params.layout;
    let decay: Vec<f32> = (0..network.params.rows.len())
        .map(|row| match row {
            _ if (layout.table..layout.kinds).contains(&row) => TABLE_DECAY,
            _ => 1e-4,
        })
        .collect();

    let mut steps_done = 0;
    let mut steps_planned = None;
    for epoch in 0..options.epochs {
        // Every epoch sees the pages as they are and new variants of them.
        let variants = variants(pages, &words, cues, options, epoch);
        let mut order: Vec<&Input> = inputs
            .iter()
            .chain(variants.iter().flatten())
            .filter(|input| input.len() > 0)
            .collect();
        let mut random = Random::new(&[options.seed, 3, epoch as u64]);
        random.shuffle(&mut order);
        let batches = batches(&order);
        let planned = *steps_planned.get_or_insert(batches.len() * options.epochs);
        let mut epoch_loss = 0.0;
        for batch in &batches {
            let (gradient, loss) = batch_gradient(&network, batch, steps_done, options);
            epoch_loss += loss / batches.len() as f64;
            let rate = one_cycle(steps_done, planned, options.rate);
            adam.step(&mut network.params, &gradient, rate, &decay);
            network.derive();
            // The average follows closely at first, then over some hundred steps.
            let keep = (steps_done as f32 / (steps_done as f32 + 10.0)).min(0.99);
            let now = network.params.rows.as_flattened();
            for (average, now) in average.rows.as_flattened_mut().iter_mut().zip(now) {
                *average += (now - *average) * (1.0 - keep);
            }
            steps_done += 1;
        }
        progress(epoch, epoch_loss);
    }
    (Trained { network: Network::new(average, network.scale), vocabulary }, inputs)
}

/// New variants of some pages, two of each at most.
fn variants(
    pages: &[&LabelledPage],
    words: &Words,
    cues: &Cues,
    options: &Options,
    epoch: usize,
) -> Vec<Option<Input>> {
    parallel(options.threads, pages.len() * 2, |number| {
        let at = number / 2;
        let mut random = Random::new(&[options.seed, 2, epoch as u64, number as u64]);
        let second = number % 2 == 1;
        if second && pages[at].weight < 1.0 || !random.chance(0.7) {
            return None;
        }
        let frame = random.chance(GRAFTED).then(|| frame(pages[at], pages, &mut random)).flatten();
        let grafted = frame.and_then(|frame| augment::graft(pages[at], frame));
        let mut variant = augment::variant(grafted.as_ref().unwrap_or(pages[at]), &mut random)?;
        variant.weight *= 0.6;
        Some(input(&variant, words, cues, &mut Page::default()).truncated())
    })
}

/// The share of variants whose article is put into another page.
const GRAFTED: f32 = 0.3;

/// The first of forty random pages that has the same form and language and is of another outlet. Languages with
/// few pages seldom have one.
fn frame<'a>(
    page: &LabelledPage,
    pages: &[&'a LabelledPage],
    random: &mut Random,
) -> Option<&'a LabelledPage> {
    let mut others = (0..40).map(|_| *random.choose(pages));
    others.find(|other| {
        other.form == page.form && other.language == page.language && other.outlet != page.outlet
    })
}

/// The gradient of a batch, of length 1 at most, and the mean loss of its lines. `step` is the number of
/// batches before it.
fn batch_gradient(
    network: &Network,
    batch: &[&Input],
    step: usize,
    options: &Options,
) -> (Params, f64) {
    let parts = parallel(options.threads, PARTS, |part| {
        let mut gradient = zero_gradient(&network.params);
        let mut pass = Pass::default();
        let mut loss = 0.0;
        for (at, input) in batch.iter().enumerate().skip(part).step_by(PARTS) {
            let random = Random::new(&[options.seed, 4, step as u64, at as u64]);
            let mut dropout = Dropout { random, rate: 0.1, word_rate: 0.15 };
            network.forward(input, &mut pass, Some(&mut dropout));
            loss += network.backward(input, &mut pass, 1.0 / 0.9, 0.3, &mut gradient);
        }
        (gradient, loss)
    });
    let weight: f32 = batch.iter().flat_map(|input| &input.weights).sum();
    let mut gradient = zero_gradient(&network.params);
    let mut loss = 0.0;
    for (part, part_loss) in parts {
        loss += part_loss;
        let values = gradient.rows.as_flattened_mut().iter_mut();
        for (to, from) in values.zip(part.rows.as_flattened()) {
            *to += from;
        }
    }
    network.finish_gradient(&mut gradient);
    let scale = 1.0 / weight.max(1e-6);
    let values = gradient.rows.as_flattened_mut();
    let norm: f64 = values.iter().map(|value| f64::from(value * scale).powi(2)).sum::<f64>().sqrt();
    let scale = scale * (1.0 / norm.max(1.0)) as f32;
    for value in values {
        *value *= scale;
    }
    (gradient, loss / f64::from(weight.max(1e-6)))
}

/// Weight decay of what each bin adds to the slope of its feature.
const TABLE_DECAY: f32 = 1e-2;

fn zero_gradient(params: &Params) -> Params {
    Params { layout: params.layout, rows: vec![[0.0; crate::network::CHANNELS]; params.rows.len()] }
}

fn batches<'a>(order: &[&'a Input]) -> Vec<Vec<&'a Input>> {
    let mut batches = Vec::new();
    let mut batch = Vec::new();
    let mut lines = 0;
    for input in order {
        batch.push(*input);
        lines += input.len();
        if lines >= BATCH {
            batches.push(std::mem::take(&mut batch));
            lines = 0;
        }
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    batches
}

/// Up from a 25th of the rate over the first tenth, then down to almost nothing.
fn one_cycle(step: usize, steps: usize, rate: f32) -> f32 {
    let at = step as f32 / steps.max(1) as f32;
    let cosine = |from: f32, to: f32, at: f32| {
        from + (to - from) * (1.0 - (at.clamp(0.0, 1.0) * std::f32::consts::PI).cos()) / 2.0
    };
    if at < 0.1 {
        cosine(rate / 25.0, rate, at / 0.1)
    } else {
        cosine(rate, rate / 250_000.0, (at - 0.1) / 0.9)
    }
}

/// A page with the scores of a network that was not trained on its outlet.
#[derive(Clone)]
pub struct Judged<'a> {
    /// The page.
    pub page: &'a LabelledPage,
    /// A score for each line with a token, in 256ths of a logit; positive means article.
    pub scores: Vec<i32>,
    /// The form of the page.
    pub form: Form,
}

impl<'a> Judged<'a> {
    /// A page with scores that were written earlier.
    pub fn new(page: &'a LabelledPage, scores: Vec<i32>, cues: &Cues) -> Self {
        let mut features = Page::default();
        features.read(page.lines.iter().map(String::as_str), &Words::new(&[]), cues);
        let form = Form::new(features.prose_lines(), features.rows().len() as u32);
        Judged { page, scores, form }
    }
}

/// A part of training, for progress.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// The fold that is left out, or the number of folds when training on all pages.
    pub fold: u64,
    /// The pass that has been completed.
    pub epoch: usize,
    /// The mean loss of the pass.
    pub loss: f64,
}

/// Scores pages with a network in integers.
fn judge<'a>(
    pages: &[&'a LabelledPage],
    trained: &Trained,
    cues: &Cues,
    rows: &[Input],
    threads: usize,
) -> Vec<Judged<'a>> {
    let weights = quantise::quantise(trained, rows.iter().flat_map(|input| &input.rows));
    let network = network::Network::new(weights).expect("a trained network is bounded");
    let words = Words::new(&trained.vocabulary);
    parallel(threads, pages.len(), |number| {
        let page = pages[number];
        let mut features = Page::default();
        features.read(page.lines.iter().map(String::as_str), &words, cues);
        let mut scores = Vec::new();
        network.run(&features, &mut network::Layers::default(), &mut scores);
        let form = Form::new(features.prose_lines(), features.rows().len() as u32);
        Judged { page, scores, form }
    })
}

/// Scores labelled pages with a model.
pub fn evaluate<'a>(
    model: &Model,
    pages: &'a [LabelledPage],
    cues: &Cues,
    threads: usize,
) -> Vec<Judged<'a>> {
    parallel(threads, pages.len(), |number| {
        let page = &pages[number];
        let mut scratch = Scratch::default();
        let judgements = model.judge(page.lines.iter().map(String::as_str), cues, &mut scratch);
        // A page with too few lines to be judged keeps them all.
        let scores = match judgements.lines().iter().flatten().next() {
            Some(_) => judgements.lines().iter().flatten().map(|judged| judged.score).collect(),
            None => vec![i32::MAX; Scorer::new(page).lines()],
        };
        Judged { page, scores, form: judgements.form() }
    })
}

/// Trains without one fold of the outlets after the other and scores the pages of each.
pub fn cross_validate<'a>(
    pages: &'a [LabelledPage],
    cues: &Cues,
    options: &Options,
    progress: impl FnMut(Progress),
) -> Vec<Judged<'a>> {
    cross_train(pages, cues, options, progress, |_, _| {})
}

/// Cross-validates, and calls `each` with each fold and its network.
fn cross_train<'a>(
    pages: &'a [LabelledPage],
    cues: &Cues,
    options: &Options,
    mut progress: impl FnMut(Progress),
    mut each: impl FnMut(Trained, &[Input]),
) -> Vec<Judged<'a>> {
    let mut judged = Vec::new();
    for fold in 0..options.folds {
        let in_fold = |page: &&LabelledPage| outlet_fold(&page.outlet, options.folds) == fold;
        let training: Vec<&LabelledPage> = pages.iter().filter(|page| !in_fold(page)).collect();
        let (trained, inputs) = train_network(&training, cues, options, |epoch, loss| {
            progress(Progress { fold, epoch, loss });
        });
        let testing: Vec<&LabelledPage> = pages.iter().filter(in_fold).collect();
        judged.extend(judge(&testing, &trained, cues, &inputs, options.threads));
        each(trained, &inputs);
    }
    judged
}

/// Trains a model: cross-validates to calibrate it, then trains on all pages.
///
/// Also returns the scores of cross-validation, which measure what the model does on outlets that
/// it does not know.
///
/// # Errors
/// If the pages are too few to train or to calibrate on.
pub fn train<'a>(
    pages: &'a [LabelledPage],
    cues: &Cues,
    options: &Options,
    mut progress: impl FnMut(Progress),
) -> Result<(Model, Vec<Judged<'a>>), TrainError> {
    let judged = cross_validate(pages, cues, options, &mut progress);
    let calibration = calibrate::calibrate(&judged).ok_or(TrainError::Pages)?;
    let all: Vec<&LabelledPage> = pages.iter().collect();
    let (trained, inputs) = train_network(&all, cues, options, |epoch, loss| {
        progress(Progress { fold: options.folds, epoch, loss });
    });
    let weights = quantise::quantise(&trained, inputs.iter().flat_map(|input| &input.rows));
    let model = Model::new(weights, trained.vocabulary, calibration, cues.digest());
    Ok((model.map_err(TrainError::Model)?, judged))
}

/// The models of cross-validation: model `n` was trained without the outlets of fold `n` (see
/// [`outlet_fold`]). All have the same calibration.
///
/// # Errors
/// As [`train`].
pub fn fold_models(
    pages: &[LabelledPage],
    cues: &Cues,
    options: &Options,
    progress: impl FnMut(Progress),
) -> Result<Vec<Model>, TrainError> {
    let mut trained = Vec::new();
    let judged = cross_train(pages, cues, options, progress, |fold, inputs| {
        let weights = quantise::quantise(&fold, inputs.iter().flat_map(|input| &input.rows));
        trained.push((weights, fold.vocabulary));
    });
    let calibration = calibrate::calibrate(&judged).ok_or(TrainError::Pages)?;
    let model =
        |(weights, vocabulary)| Model::new(weights, vocabulary, calibration.clone(), cues.digest());
    trained.into_iter().map(model).collect::<Result<_, _>>().map_err(TrainError::Model)
}

/// The model with a new calibration, from scores of pages that its network was not trained on.
///
/// # Errors
/// If there are no pages of both forms.
pub fn recalibrated(model: &Model, judged: &[Judged<'_>]) -> Result<Model, TrainError> {
    let calibration = calibrate::calibrate(judged).ok_or(TrainError::Pages)?;
    model.with_calibration(calibration).map_err(TrainError::Model)
}

/// Why there is no model.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TrainError {
    /// There are no whole pages, no scraped texts, or too few outlets.
    Pages,
    /// The network cannot be written in integers.
    Model(crate::Error),
}

impl fmt::Display for TrainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrainError::Pages => f.write_str(
                "too few labelled pages: training needs whole pages and scraped texts of several outlets",
            ),
            TrainError::Model(error) => write!(f, "training gave {error}"),
        }
    }
}

impl error::Error for TrainError {}

/// The fold of an outlet: outlets are spread over the folds by a digest of their names.
pub fn outlet_fold(outlet: &str, folds: u64) -> u64 {
    let hash = outlet.bytes().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash >> 20) % folds.max(1)
}

/// Whether the labels of a page decide most of its text.
pub fn is_decided(page: &LabelledPage) -> bool {
    Scorer::new(page).is_decided()
}

/// Figures of scored pages, each with its threshold: means over the sources' means, or over pages.
pub fn figures<'j, 'a: 'j>(
    judged: impl Iterator<Item = (&'j Judged<'a>, i32)>,
    by_source: bool,
) -> Figures {
    let figures = judged.map(|(judged, threshold)| {
        let mut scorer = Scorer::new(judged.page);
        let figures = scorer.score(|line| judged.scores[line] >= threshold);
        (if by_source { judged.page.source.as_str() } else { "" }, figures)
    });
    Figures::of_sources(figures)
}
