//! The network in floating point: forward, backward and the optimiser.
//!
//! The layers are those of [`crate::network`], which runs the trained network in integers.

use crate::features::{COUNT, FEATURES, OFFSETS, ROWS};
use crate::network::{CHANNELS, EMBEDDING, KINDS, STATES};
use crate::train::random::Random;

const C: usize = CHANNELS;
const K: usize = STATES;
const E: usize = EMBEDDING;

pub(crate) type Channels = [f32; C];

/// Running sums lie between 0 and this.
pub(crate) const STATE_LIMIT: f32 = 8.0;
/// One line changes a running sum by at most this.
pub(crate) const STEP_LIMIT: f32 = 2.0;

/// Position of each matrix among the parameters' rows.
#[derive(Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) slope: usize,
    pub(crate) table: usize,
    pub(crate) kinds: usize,
    pub(crate) embed: usize,
    pub(crate) bias1: usize,
    pub(crate) conv2: usize,
    pub(crate) bias2: usize,
    pub(crate) step: usize,
    pub(crate) step_bias: usize,
    pub(crate) conv3: usize,
    pub(crate) bias3: usize,
    pub(crate) states: usize,
    pub(crate) pool: usize,
    pub(crate) out: usize,
    pub(crate) early: usize,
    pub(crate) out_bias: usize,
    pub(crate) words: usize,
    pub(crate) end: usize,
}

impl Layout {
    pub(crate) fn new(vocabulary: usize) -> Self {
        let mut end = 0;
        let mut take = |rows: usize| {
            end += rows;
            end - rows
        };
        let mut layout = Layout {
            slope: take(COUNT),
            table: take(ROWS),
            kinds: take(KINDS),
            embed: take(E),
            bias1: take(1),
            conv2: take(3 * C),
            bias2: take(1),
            step: take(K),
            step_bias: take(1),
            conv3: take(3 * C),
            bias3: take(1),
            states: take(2 * K),
            pool: take(C),
            out: take(1),
            early: take(1),
            out_bias: take(1),
            words: take((vocabulary * E).div_ceil(C)),
            end: 0,
        };
        layout.end = end;
        layout
    }
}

/// One page as the network reads it.
#[derive(Clone, Default)]
pub(crate) struct Input {
    pub(crate) rows: Vec<crate::features::Row>,
    pub(crate) kinds: Vec<u64>,
    pub(crate) ids: Vec<u16>,
    pub(crate) id_ends: Vec<u32>,
    /// 1 article, 0 boilerplate.
    pub(crate) targets: Vec<f32>,
    pub(crate) weights: Vec<f32>,
}

impl Input {
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn ids(&self, row: usize) -> &[u16] {
        let start = if row == 0 { 0 } else { self.id_ends[row - 1] as usize };
        &self.ids[start..self.id_ends[row] as usize]
    }
}

/// The parameters of a network, or their gradients.
#[derive(Clone)]
pub(crate) struct Params {
    pub(crate) layout: Layout,
    pub(crate) rows: Vec<Channels>,
}

/// Centre and scale of each feature's bins, for the linear part of the first layer.
#[derive(Clone)]
pub(crate) struct Scale(pub(crate) Vec<f32>);

impl Scale {
    /// The standardised value of every bin, from the bins of the training lines.
    pub(crate) fn new<'a>(rows: impl Iterator<Item = &'a crate::features::Row> + Clone) -> Self {
        let mut counts = vec![0f64; ROWS];
        for row in rows {
            for &bin in row {
                counts[bin as usize] += 1.0;
            }
        }
        let mut values = vec![0.0; ROWS];
        for (feature, info) in FEATURES.iter().enumerate() {
            let bins = OFFSETS[feature]..OFFSETS[feature + 1];
            let total: f64 = counts[bins.clone()].iter().sum::<f64>().max(1.0);
            let moment = |power: i32| -> f64 {
                (0..)
                    .zip(&counts[bins.clone()])
                    .map(|(bin, n)| f64::from(bin).powi(power) * n)
                    .sum()
            };
            let mean = moment(1) / total;
            let deviation = (moment(2) / total - mean * mean).max(0.0).sqrt() + 0.05;
            if info.ordered || info.bins == 2 {
                for (bin, value) in (0..).zip(&mut values[bins]) {
                    *value = ((f64::from(bin) - mean) / deviation).clamp(-6.0, 6.0) as f32;
                }
            }
        }
        Scale(values)
    }
}

#[inline]
fn add_scaled(to: &mut Channels, from: &Channels, by: f32) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += from * by;
    }
}

#[inline]
fn add(to: &mut Channels, from: &Channels) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += from;
    }
}

/// A sum whose order of additions does not depend on the machine.
#[inline]
fn dot(one: &Channels, other: &Channels) -> f32 {
    let mut lanes = [0.0; 8];
    for (one, other) in one.as_chunks::<8>().0.iter().zip(other.as_chunks::<8>().0) {
        for lane in 0..8 {
            lanes[lane] += one[lane] * other[lane];
        }
    }
    lanes.iter().sum()
}

fn transposed(matrix: &[Channels]) -> Vec<Channels> {
    let mut turned = vec![[0.0; C]; matrix.len()];
    for (block, to) in matrix.chunks(C).zip(turned.chunks_mut(C)) {
        for (i, row) in block.iter().enumerate() {
            for (j, value) in row.iter().enumerate() {
                to[j][i] = *value;
            }
        }
    }
    turned
}

/// Parameters with what is derived from them once per step.
pub(crate) struct Network {
    pub(crate) params: Params,
    pub(crate) scale: Scale,
    /// The first layer's rows: slope and table combined.
    merged: Vec<Channels>,
    conv2_turned: Vec<Channels>,
    conv3_turned: Vec<Channels>,
    pool_turned: Vec<Channels>,
}

/// What the forward pass leaves for the backward pass.
#[derive(Default)]
pub(crate) struct Pass {
    embedded: Vec<[f32; E]>,
    id_scale: Vec<f32>,
    h1: Vec<Channels>,
    h2: Vec<Channels>,
    h3: Vec<Channels>,
    steps: Vec<[f32; K]>,
    forward: Vec<[f32; K]>,
    backward: Vec<[f32; K]>,
    pool: Channels,
    pub(crate) logits: Vec<f32>,
    early: Vec<f32>,
    kept_ids: Vec<bool>,
    gradient1: Vec<Channels>,
    gradient2: Vec<Channels>,
}

impl Pass {
    /// The running sums from the first line and from the last.
    fn forward_sums(&mut self) {
        self.forward.clear();
        self.backward.clear();
        self.backward.resize(self.steps.len(), [0.0; K]);
        let mut sum = [0.0; K];
        let advance = |sum: &mut [f32; K], steps: &[f32; K]| {
            for (sum, step) in sum.iter_mut().zip(steps) {
                *sum = (*sum + step.clamp(-STEP_LIMIT, STEP_LIMIT)).clamp(0.0, STATE_LIMIT);
            }
        };
        for steps in &self.steps {
            advance(&mut sum, steps);
            self.forward.push(sum);
        }
        sum = [0.0; K];
        for (steps, to) in self.steps.iter().zip(&mut self.backward).rev() {
            advance(&mut sum, steps);
            *to = sum;
        }
    }

    /// The gradients of the steps, from those of the running sums, against the direction of each
    /// sum.
    fn backward_sums(&self, dsums: &[[[f32; K]; 2]]) -> Vec<[f32; K]> {
        let n = dsums.len();
        let mut dsteps = vec![[0.0; K]; n];
        let mut carried = [0.0; K];
        for at in (0..n).rev() {
            let before = if at == 0 { [0.0; K] } else { self.forward[at - 1] };
            carry(&mut carried, &dsums[at][0], &before, &self.steps[at], &mut dsteps[at]);
        }
        carried = [0.0; K];
        for at in 0..n {
            let before = if at + 1 == n { [0.0; K] } else { self.backward[at + 1] };
            carry(&mut carried, &dsums[at][1], &before, &self.steps[at], &mut dsteps[at]);
        }
        dsteps
    }
}

/// The gradients of what the third layer reads besides the second layer's values.
struct OutputGradient {
    /// Of each line's running sums, from the first line and from the last.
    dsums: Vec<[[f32; K]; 2]>,
    /// Of the mean of all lines, for each line.
    dpool: Channels,
}

/// Dropout of activations and of words, for training.
pub(crate) struct Dropout {
    pub(crate) random: Random,
    pub(crate) rate: f32,
    pub(crate) word_rate: f32,
}

impl Dropout {
    /// The positive values; some are dropped, and the others scaled.
    fn relu(&mut self, z: &Channels) -> Channels {
        let keep_scale = 1.0 / (1.0 - self.rate);
        let mut h = z.map(|z| if z > 0.0 { z } else { 0.0 });
        if self.rate > 0.0 {
            for h in &mut h {
                *h = if self.random.chance(self.rate) { 0.0 } else { *h * keep_scale };
            }
        }
        h
    }
}

impl Network {
    pub(crate) fn new(params: Params, scale: Scale) -> Self {
        let mut network = Network {
            params,
            scale,
            merged: Vec::new(),
            conv2_turned: Vec::new(),
            conv3_turned: Vec::new(),
            pool_turned: Vec::new(),
        };
        network.derive();
        network
    }

    pub(crate) fn random(vocabulary: usize, scale: Scale, seed: u64) -> Self {
        let layout = Layout::new(vocabulary);
        let mut rows = vec![[0.0; C]; layout.end];
        let mut random = Random::new(&[seed, 1]);
        let mut fill = |from: usize, count: usize, deviation: f32| {
            for value in rows[from..from + count].as_flattened_mut() {
                *value = random.normal() * deviation;
            }
        };
        let he = |fan: usize| (2.0 / fan as f32).sqrt();
        fill(layout.slope, COUNT, he(COUNT + E));
        fill(layout.kinds, KINDS, 0.05);
        fill(layout.embed, E, he(COUNT + E));
        fill(layout.conv2, 3 * C, he(3 * C));
        fill(layout.conv3, 3 * C, he(3 * C));
        fill(layout.step, K, 0.1);
        fill(layout.states, 2 * K, 0.1);
        fill(layout.pool, C, 0.05);
        fill(layout.out, 1, 0.1);
        fill(layout.early, 1, 0.1);
        fill(layout.words, layout.end - layout.words, 0.05);
        Network::new(Params { layout, rows }, scale)
    }

    /// Updates what is derived from the parameters.
    pub(crate) fn derive(&mut self) {
        let Params { layout, rows } = &self.params;
        self.merged.clear();
        for feature in 0..COUNT {
            for row in OFFSETS[feature]..OFFSETS[feature + 1] {
                let mut merged = rows[layout.table + row];
                add_scaled(&mut merged, &rows[layout.slope + feature], self.scale.0[row]);
                self.merged.push(merged);
            }
        }
        self.conv2_turned = transposed(&rows[layout.conv2..layout.conv2 + 3 * C]);
        self.conv3_turned = transposed(&rows[layout.conv3..layout.conv3 + 3 * C]);
        self.pool_turned = transposed(&rows[layout.pool..layout.pool + C]);
    }

    /// The first layer's row of every bin.
    pub(crate) fn merged(&self) -> &[Channels] {
        &self.merged
    }

    /// Computes the logits of a page.
    pub(crate) fn forward(&self, input: &Input, pass: &mut Pass, dropout: Option<&mut Dropout>) {
        let mut none = Dropout { random: Random::new(&[]), rate: 0.0, word_rate: 0.0 };
        let dropout = dropout.unwrap_or(&mut none);
        self.forward_lines(input, pass, dropout);
        self.forward_neighbours(pass, dropout);
        pass.forward_sums();
        self.forward_output(pass, dropout);
    }

    /// The first layer: each line by itself.
    fn forward_lines(&self, input: &Input, pass: &mut Pass, dropout: &mut Dropout) {
        let Params { layout, rows } = &self.params;
        let words = rows[layout.words..].as_flattened();
        pass.kept_ids.clear();
        pass.kept_ids.extend(
            input
                .ids
                .iter()
                .map(|_| dropout.word_rate == 0.0 || !dropout.random.chance(dropout.word_rate)),
        );
        pass.embedded.clear();
        pass.id_scale.clear();
        pass.h1.clear();
        let mut id_start = 0;
        for (at, row) in input.rows.iter().enumerate() {
            let mut z = rows[layout.bias1];
            for &bin in row {
                add(&mut z, &self.merged[bin as usize]);
            }
            let mut kinds = input.kinds[at];
            while kinds != 0 {
                add(&mut z, &rows[layout.kinds + kinds.trailing_zeros() as usize]);
                kinds &= kinds - 1;
            }
            let ids = input.ids(at);
            let kept = &pass.kept_ids[id_start..id_start + ids.len()];
            id_start += ids.len();
            let count = kept.iter().filter(|kept| **kept).count();
            let id_scale = 1.0 / (count.max(1) as f32).sqrt();
            let mut embedded = [0.0; E];
            for (&id, _) in ids.iter().zip(kept).filter(|(_, kept)| **kept) {
                let word = &words[usize::from(id) * E..][..E];
                for (to, from) in embedded.iter_mut().zip(word) {
                    *to += from * id_scale;
                }
            }
            for (value, row) in embedded.iter().zip(&rows[layout.embed..]) {
                add_scaled(&mut z, row, *value);
            }
            pass.embedded.push(embedded);
            pass.id_scale.push(id_scale);
            pass.h1.push(dropout.relu(&z));
        }
    }

    /// The second layer: each line with its neighbours, the early output, and the steps of the
    /// running sums.
    fn forward_neighbours(&self, pass: &mut Pass, dropout: &mut Dropout) {
        let Params { layout, rows } = &self.params;
        pass.h2.clear();
        pass.steps.clear();
        pass.early.clear();
        for at in 0..pass.h1.len() {
            let z = convolve(&pass.h1, at, &rows[layout.conv2..], rows[layout.bias2]);
            let h2 = dropout.relu(&z);
            pass.early.push(dot(&rows[layout.early], &h2) + rows[layout.out_bias][1]);
            let mut steps = [0.0; K];
            for (k, step) in steps.iter_mut().enumerate() {
                *step = dot(&rows[layout.step + k], &h2) + rows[layout.step_bias][k];
            }
            pass.steps.push(steps);
            pass.h2.push(h2);
        }
    }

    /// The third layer: each line with its neighbours, the running sums and the mean of all lines.
    fn forward_output(&self, pass: &mut Pass, dropout: &mut Dropout) {
        let Params { layout, rows } = &self.params;
        let n = pass.h2.len();
        let mut pool = [0.0; C];
        for h2 in &pass.h2 {
            add(&mut pool, h2);
        }
        for value in &mut pool {
            *value /= n.max(1) as f32;
        }
        pass.pool = pool;
        let mut base = rows[layout.bias3];
        for (value, row) in pool.iter().zip(&rows[layout.pool..]) {
            add_scaled(&mut base, row, *value);
        }
        pass.h3.clear();
        pass.logits.clear();
        for at in 0..n {
            let mut z = convolve(&pass.h2, at, &rows[layout.conv3..], base);
            for k in 0..K {
                add_scaled(&mut z, &rows[layout.states + k], pass.forward[at][k]);
                add_scaled(&mut z, &rows[layout.states + K + k], pass.backward[at][k]);
            }
            add(&mut z, &pass.h2[at]);
            let h3 = dropout.relu(&z);
            pass.logits.push(dot(&rows[layout.out], &h3) + rows[layout.out_bias][0]);
            pass.h3.push(h3);
        }
    }

    /// Adds the gradients of the weighted loss of a page, whose forward pass this was. `targets`
    /// may be soft. Returns the loss.
    pub(crate) fn backward(
        &self,
        input: &Input,
        pass: &mut Pass,
        keep_scale: f32,
        early_weight: f32,
        gradient: &mut Params,
    ) -> f64 {
        let into = &mut gradient.rows;
        let zeros = |mut values: Vec<Channels>| {
            values.clear();
            values.resize(input.len(), [0.0; C]);
            values
        };
        let mut d1 = zeros(std::mem::take(&mut pass.gradient1));
        let mut d2 = zeros(std::mem::take(&mut pass.gradient2));
        let (loss, OutputGradient { dsums, dpool }) =
            self.backward_output(input, pass, keep_scale, early_weight, into, &mut d2);
        for (at, dsteps) in pass.backward_sums(&dsums).iter().enumerate() {
            self.backward_steps(pass, at, dsteps, into, &mut d2[at]);
            add(&mut d2[at], &dpool);
        }
        self.backward_neighbours(pass, keep_scale, into, &mut d1, &d2);
        self.backward_lines(input, pass, keep_scale, into, &d1);
        pass.gradient1 = d1;
        pass.gradient2 = d2;
        loss
    }

    /// Backwards through [`forward_output`](Self::forward_output) and the early output: adds the
    /// gradients of the second layer's values to `d2`, and returns the loss and the other gradients.
    fn backward_output(
        &self,
        input: &Input,
        pass: &Pass,
        keep_scale: f32,
        early_weight: f32,
        into: &mut [Channels],
        d2: &mut [Channels],
    ) -> (f64, OutputGradient) {
        let Params { layout, rows } = &self.params;
        let n = input.len();
        let mut loss = 0.0;
        let mut dsums = vec![[[0.0; K]; 2]; n];
        let mut dbase = [0.0; C];
        for at in 0..n {
            let weight = input.weights[at];
            let target = input.targets[at];
            let (value, slope) = logistic_loss(pass.logits[at], target);
            let (_, early_slope) = logistic_loss(pass.early[at], target);
            loss += f64::from(value * weight);
            let dlogit = slope * weight;
            let dearly = early_slope * weight * early_weight;
            if dearly != 0.0 {
                add_scaled(&mut into[layout.early], &pass.h2[at], dearly);
                into[layout.out_bias][1] += dearly;
                add_scaled(&mut d2[at], &rows[layout.early], dearly);
            }
            if dlogit == 0.0 {
                continue;
            }
            into[layout.out_bias][0] += dlogit;
            add_scaled(&mut into[layout.out], &pass.h3[at], dlogit);
            let dz = relu_back(&pass.h3[at], &rows[layout.out].map(|out| out * dlogit), keep_scale);
            add(&mut dbase, &dz);
            add(&mut d2[at], &dz);
            convolve_back(&pass.h2, at, &dz, &self.conv3_turned, &mut into[layout.conv3..], d2);
            for k in 0..K {
                add_scaled(&mut into[layout.states + k], &dz, pass.forward[at][k]);
                add_scaled(&mut into[layout.states + K + k], &dz, pass.backward[at][k]);
                dsums[at][0][k] = dot(&rows[layout.states + k], &dz);
                dsums[at][1][k] = dot(&rows[layout.states + K + k], &dz);
            }
        }
        add(&mut into[layout.bias3], &dbase);
        let mut dpool = [0.0; C];
        for c in 0..C {
            add_scaled(&mut into[layout.pool + c], &dbase, pass.pool[c]);
            add_scaled(&mut dpool, &self.pool_turned[c], dbase[c] / n.max(1) as f32);
        }
        (loss, OutputGradient { dsums, dpool })
    }

    /// Backwards through the steps of a line's running sums: adds the gradient of the second layer's
    /// values to `d2`.
    fn backward_steps(
        &self,
        pass: &Pass,
        at: usize,
        dsteps: &[f32; K],
        into: &mut [Channels],
        d2: &mut Channels,
    ) {
        let Params { layout, rows } = &self.params;
        for (k, &step) in dsteps.iter().enumerate() {
            if step != 0.0 {
                add_scaled(&mut into[layout.step + k], &pass.h2[at], step);
                into[layout.step_bias][k] += step;
                add_scaled(d2, &rows[layout.step + k], step);
            }
        }
    }

    /// Backwards through [`forward_neighbours`](Self::forward_neighbours): adds the gradients of the
    /// first layer's values to `d1`.
    fn backward_neighbours(
        &self,
        pass: &Pass,
        keep_scale: f32,
        into: &mut [Channels],
        d1: &mut [Channels],
        d2: &[Channels],
    ) {
        let layout = &self.params.layout;
        for (at, d2) in d2.iter().enumerate() {
            let dz = relu_back(&pass.h2[at], d2, keep_scale);
            add(&mut into[layout.bias2], &dz);
            convolve_back(&pass.h1, at, &dz, &self.conv2_turned, &mut into[layout.conv2..], d1);
        }
    }

    /// Backwards through [`forward_lines`](Self::forward_lines).
    fn backward_lines(
        &self,
        input: &Input,
        pass: &Pass,
        keep_scale: f32,
        into: &mut [Channels],
        d1: &[Channels],
    ) {
        let Params { layout, rows } = &self.params;
        let mut id_start = 0;
        for (at, row) in input.rows.iter().enumerate() {
            let dz = relu_back(&pass.h1[at], &d1[at], keep_scale);
            add(&mut into[layout.bias1], &dz);
            for &bin in row {
                add(&mut into[layout.table + usize::from(bin)], &dz);
            }
            let mut kinds = input.kinds[at];
            while kinds != 0 {
                add(&mut into[layout.kinds + kinds.trailing_zeros() as usize], &dz);
                kinds &= kinds - 1;
            }
            let ids = input.ids(at);
            let mut dembedded = [0.0; E];
            for (e, value) in pass.embedded[at].iter().enumerate() {
                add_scaled(&mut into[layout.embed + e], &dz, *value);
                dembedded[e] = dot(&rows[layout.embed + e], &dz) * pass.id_scale[at];
            }
            let words = into[layout.words..].as_flattened_mut();
            for (&id, kept) in ids.iter().zip(&pass.kept_ids[id_start..]) {
                if *kept {
                    for (to, from) in words[usize::from(id) * E..][..E].iter_mut().zip(&dembedded) {
                        *to += from;
                    }
                }
            }
            id_start += ids.len();
        }
    }

    /// The weighted loss of a forward pass, with the early output's.
    #[cfg(test)]
    pub(crate) fn loss(&self, input: &Input, pass: &Pass, early_weight: f32) -> f64 {
        let logits = pass.logits.iter().zip(&pass.early);
        let lines = logits.zip(input.targets.iter().zip(&input.weights));
        lines
            .map(|((logit, early), (target, weight))| {
                let (loss, _) = logistic_loss(*logit, *target);
                let (early_loss, _) = logistic_loss(*early, *target);
                f64::from((loss + early_weight * early_loss) * weight)
            })
            .sum()
    }

    /// Completes gradients that [`backward`](Self::backward) left to the end: the slopes'.
    pub(crate) fn finish_gradient(&self, gradient: &mut Params) {
        let Layout { slope, table, .. } = gradient.layout;
        for feature in 0..COUNT {
            for row in OFFSETS[feature]..OFFSETS[feature + 1] {
                let from = gradient.rows[table + row];
                add_scaled(&mut gradient.rows[slope + feature], &from, self.scale.0[row]);
            }
        }
    }
}

fn convolve(h: &[Channels], at: usize, weights: &[Channels], bias: Channels) -> Channels {
    let mut z = bias;
    for tap in 0..3 {
        let Some(from) = (at + tap).checked_sub(1).and_then(|line| h.get(line)) else { continue };
        for (value, row) in from.iter().zip(&weights[tap * C..]) {
            add_scaled(&mut z, row, *value);
        }
    }
    z
}

fn convolve_back(
    h: &[Channels],
    at: usize,
    dz: &Channels,
    turned: &[Channels],
    dweights: &mut [Channels],
    dh: &mut [Channels],
) {
    for tap in 0..3 {
        let Some(line) = (at + tap).checked_sub(1).filter(|line| *line < h.len()) else { continue };
        for (value, row) in h[line].iter().zip(&mut dweights[tap * C..]) {
            if *value != 0.0 {
                add_scaled(row, dz, *value);
            }
        }
        for (value, row) in dz.iter().zip(&turned[tap * C..]) {
            if *value != 0.0 {
                add_scaled(&mut dh[line], row, *value);
            }
        }
    }
}

/// The gradient of what [`Dropout::relu`] turned into `h`.
fn relu_back(h: &Channels, dh: &Channels, keep_scale: f32) -> Channels {
    std::array::from_fn(|c| if h[c] > 0.0 { dh[c] * keep_scale } else { 0.0 })
}

/// One step of a running sum, backwards.
fn carry(
    carried: &mut [f32; K],
    dsum: &[f32; K],
    before: &[f32; K],
    steps: &[f32; K],
    dsteps: &mut [f32; K],
) {
    for k in 0..K {
        let step = steps[k].clamp(-STEP_LIMIT, STEP_LIMIT);
        let raw = before[k] + step;
        let total = carried[k] + dsum[k];
        let inside = raw > 0.0 && raw < STATE_LIMIT;
        carried[k] = if inside { total } else { 0.0 };
        if inside && steps[k].abs() < STEP_LIMIT {
            dsteps[k] += total;
        }
    }
}

/// Cross entropy of a logit and its slope.
fn logistic_loss(logit: f32, target: f32) -> (f32, f32) {
    let probability = 1.0 / (1.0 + (-logit).exp());
    let loss = logit.max(0.0) - logit * target + (-logit.abs()).exp().ln_1p();
    (loss, probability - target)
}

/// Adam with decoupled weight decay.
pub(crate) struct Adam {
    mean: Vec<f32>,
    square: Vec<f32>,
    steps: i32,
}

impl Adam {
    pub(crate) fn new(params: &Params) -> Self {
        let count = params.rows.len() * C;
        Adam { mean: vec![0.0; count], square: vec![0.0; count], steps: 0 }
    }

    pub(crate) fn step(
        &mut self,
        params: &mut Params,
        gradient: &Params,
        rate: f32,
        decay: &[f32],
    ) {
        self.steps += 1;
        let mean_scale = 1.0 / (1.0 - 0.9f32.powi(self.steps));
        let square_scale = 1.0 / (1.0 - 0.999f32.powi(self.steps));
        let values = params.rows.as_flattened_mut().iter_mut();
        let moments = self.mean.iter_mut().zip(&mut self.square);
        let decay = decay.iter().flat_map(|decay| std::iter::repeat_n(*decay, C));
        for (((value, slope), (mean, square)), decay) in
            values.zip(gradient.rows.as_flattened()).zip(moments).zip(decay)
        {
            *mean = 0.9 * *mean + 0.1 * slope;
            *square = 0.999 * *square + 0.001 * slope * slope;
            let step = *mean * mean_scale / ((*square * square_scale).sqrt() + 1e-8);
            *value -= rate * (step + decay * *value);
        }
    }
}
