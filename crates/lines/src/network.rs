//! The trained network in integers: the same scores on every machine.
//!
//! For each line with a token: the rows of its bins, cue kinds and vocabulary words are added up
//! (layer 1); two convolutions over three lines follow (layers 2 and 3). Between them, running
//! sums over the page, forward and backward, and the page's mean carry context of any distance.
//!
//! Activations are in 128ths and weights in 1024ths, so products are in 2⁻¹⁷. [`Network::new`]
//! checks that no sum can overflow.

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, i16x16, i32x8};

use crate::features::{COUNT, ROWS};
use crate::page::Page;

/// Channels of each layer.
pub(crate) const CHANNELS: usize = 24;
/// Running sums in each direction.
pub(crate) const STATES: usize = 12;
/// Values of a vocabulary word.
pub(crate) const EMBEDDING: usize = 8;
/// Kinds of cues.
pub(crate) const KINDS: usize = 64;

const C: usize = CHANNELS;
/// Inputs of a convolution: three lines.
const WINDOW: usize = 3 * C;
const STATE_INPUTS: usize = 2 * STATES;
/// The running sums of one direction, filled up to whole vectors.
const STEPS: usize = 16;

/// Fractional bits of activations.
pub(crate) const ACTIVATION_BITS: u32 = 7;
/// Fractional bits of weights.
pub(crate) const WEIGHT_BITS: u32 = 10;
/// Fractional bits of products and biases.
pub(crate) const PRODUCT_BITS: u32 = ACTIVATION_BITS + WEIGHT_BITS;
/// Fractional bits of scores.
pub(crate) const SCORE_BITS: u32 = 8;
/// Largest activation: just below 32.
const ACTIVATION_LIMIT: i16 = 4095;
/// One line changes a running sum by at most 2.
const STEP_LIMIT: i16 = 2 << ACTIVATION_BITS;
/// A running sum is at most 8.
const STATE_LIMIT: i16 = 8 << ACTIVATION_BITS;
/// Fractional bits of reciprocal square roots.
const ROOT_BITS: u32 = 12;
/// Vocabulary words of one line.
const MOST_WORDS: usize = 32;

/// 2¹² divided by the square root of the index, rounded.
const ROOTS: [i32; MOST_WORDS + 1] = [
    4096, 4096, 2896, 2365, 2048, 1832, 1672, 1548, 1448, 1365, 1295, 1235, 1182, 1136, 1095, 1058,
    1024, 993, 965, 940, 916, 894, 873, 854, 836, 819, 803, 788, 774, 761, 748, 736, 724,
];

/// The weights of a network. Matrices have a row for each output, unless said otherwise.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Weights {
    /// A row for each bin of each feature.
    pub(crate) table: Vec<[i8; C]>,
    /// A row for each kind of cues.
    pub(crate) kinds: Vec<[i8; C]>,
    /// Scale of the sums of table and kinds, for each channel.
    pub(crate) scale: [i16; C],
    pub(crate) bias1: [i32; C],
    /// The values of each vocabulary word.
    pub(crate) words: Vec<[i8; EMBEDDING]>,
    /// A row for each value of a word.
    pub(crate) embed: [[i16; C]; EMBEDDING],
    pub(crate) conv2: Vec<[i16; WINDOW]>,
    pub(crate) bias2: [i32; C],
    pub(crate) step: Vec<[i16; C]>,
    pub(crate) step_bias: [i32; STATES],
    pub(crate) conv3: Vec<[i16; WINDOW]>,
    pub(crate) states: Vec<[i16; STATE_INPUTS]>,
    pub(crate) pool: Vec<[i16; C]>,
    pub(crate) bias3: [i32; C],
    pub(crate) out: [i16; C],
    pub(crate) out_bias: i32,
}

/// Rows of the first layer, filled up to a power of two so that no position is out of bounds.
const TABLE: usize = ROWS.next_power_of_two();

/// Values of one vector of 16 bits, and of one of 32 bits.
const HALVES: usize = 16;
const WORDS: usize = 8;

/// A row of the first layer, filled up to whole vectors and one cache line.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
struct Row([[i16; HALVES]; 2]);

impl Row {
    fn new(row: &[i16; C]) -> Row {
        let mut filled = Row::default();
        filled.0.as_flattened_mut()[..C].copy_from_slice(row);
        filled
    }
}

/// For two inputs, their weights to `WORDS * V` outputs, interleaved.
type Pair<const V: usize> = [[i16; HALVES]; V];

/// A network ready to run: its weights in the order in which they are used.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    pub(crate) weights: Weights,
    table: Vec<Row>,
    kinds: Vec<Row>,
    embed: Box<[Pair<{ C / WORDS }>; EMBEDDING / 2]>,
    conv2: Box<[Pair<{ C / WORDS }>; WINDOW / 2]>,
    step: Box<[Pair<{ STEPS / WORDS }>; C / 2]>,
    conv3: Box<[Pair<{ C / WORDS }>; WINDOW / 2]>,
    states: Box<[Pair<{ C / WORDS }>; STATE_INPUTS / 2]>,
}

/// Arranges a matrix with a row of `N` inputs for each output.
fn pairs<const N: usize, const P: usize, const V: usize>(rows: &[[i16; N]]) -> Box<[Pair<V>; P]> {
    const { assert!(N == 2 * P) };
    Box::new(std::array::from_fn(|pair| {
        std::array::from_fn(|v| {
            std::array::from_fn(|at| rows[WORDS * v + at / 2][2 * pair + at % 2])
        })
    }))
}

/// Adds the products of `N` inputs, two at a time.
#[inline(always)]
fn accumulate<S: Simd, const N: usize, const P: usize, const V: usize>(
    simd: S,
    sums: &mut [i32x8<S>; V],
    inputs: &[i16; N],
    weights: &[Pair<V>; P],
) {
    const { assert!(N == 2 * P && P.is_multiple_of(4)) };
    // Sums in locals, so that they stay in registers; four pairs at once, so that the loop costs
    // little. No iterators, because those over vectors are not inlined.
    let mut local = *sums;
    let (inputs, _) = inputs.as_chunks::<2>();
    for four in 0..P / 4 {
        for at in 4 * four..4 * four + 4 {
            let [one, other] = inputs[at].map(|input| u32::from(input.cast_unsigned()));
            let pair = match cfg!(target_endian = "little") {
                true => one | other << 16,
                false => one << 16 | other,
            };
            let pair = i32x8::splat(simd, pair.cast_signed());
            let pair: i16x16<S> = pair.bitcast();
            for v in 0..V {
                let weights = i16x16::simd_from(simd, weights[at][v]);
                local[v] += pair.pairwise_dot_product(weights);
            }
        }
    }
    *sums = local;
}

#[inline(always)]
fn lanes<S: Simd, const N: usize, const V: usize>(simd: S, values: &[i32; N]) -> [i32x8<S>; V] {
    const { assert!(N == WORDS * V) };
    let (eights, _) = values.as_chunks::<WORDS>();
    std::array::from_fn(|v| i32x8::simd_from(simd, eights[v]))
}

/// Products as activations between two limits.
#[inline(always)]
fn activations<S: Simd, const V: usize, const N: usize>(
    products: [i32x8<S>; V],
    low: i16,
    high: i16,
) -> [i16; N] {
    const { assert!(N == WORDS * V) };
    let mut values = [0; N];
    // Saturation to 16 bits comes first, which the limits allow.
    for at in (0..V).step_by(2) {
        let (one, other) = (products[at], products[(at + 1).min(V - 1)]);
        let packed = (one >> WEIGHT_BITS).saturating_narrow(other >> WEIGHT_BITS);
        let limited = packed.max(low).min(high);
        let values = &mut values[WORDS * at..];
        let count = values.len().min(HALVES);
        values[..count].copy_from_slice(&(*limited)[..count]);
    }
    values
}

/// Reusable memory of a run.
#[derive(Default, Clone, Debug)]
pub(crate) struct Layers {
    /// Layers 1 and 2, with a row of zeros before the first line and after the last.
    h1: Vec<[i16; C]>,
    h2: Vec<[i16; C]>,
    steps: Vec<[i16; STEPS]>,
    states: Vec<[i16; STATE_INPUTS]>,
}

/// The sum of products.
#[inline(always)]
fn dot(one: &[i16; C], other: &[i16; C]) -> i32 {
    let products = one.iter().zip(other).map(|(one, other)| i32::from(*one) * i32::from(*other));
    products.fold(0, i32::wrapping_add)
}

impl Network {
    /// Checks sizes and ranges. The error says what is wrong.
    pub(crate) fn new(weights: Weights) -> Result<Self, &'static str> {
        let Weights { table, kinds, conv2, conv3, states, step, pool, .. } = &weights;
        let complete = table.len() == ROWS
            && kinds.len() == KINDS
            && conv2.len() == C
            && conv3.len() == C
            && states.len() == C
            && step.len() == STATES
            && pool.len() == C;
        if !complete {
            return Err("a layer has the wrong size");
        }
        if !weights.is_bounded() {
            return Err("a sum of weights is too large");
        }
        let widen = |rows: &[[i8; C]]| {
            rows.iter().map(|row| Row::new(&row.map(i16::from))).collect::<Vec<Row>>()
        };
        let mut padded_step = step.clone();
        padded_step.resize(STEPS, [0; C]);
        let embed: Vec<[i16; EMBEDDING]> =
            (0..C).map(|c| weights.embed.map(|row| row[c])).collect();
        // The line itself is added to its layer 3.
        let mut with_residual = conv3.clone();
        for (c, row) in with_residual.iter_mut().enumerate() {
            row[C + c] = row[C + c].checked_add(1 << WEIGHT_BITS).ok_or("a weight is too large")?;
        }
        let mut padded = widen(table);
        padded.resize(TABLE, Row::default());
        Ok(Network {
            table: padded,
            kinds: widen(kinds),
            embed: pairs(&embed),
            conv2: pairs(conv2),
            step: pairs(&padded_step),
            conv3: pairs(&with_residual),
            states: pairs(states),
            weights,
        })
    }

    /// Scores every row of a page, in 256ths; positive is article.
    pub(crate) fn run(&self, page: &Page, layers: &mut Layers, scores: &mut Vec<i32>) {
        self.run_with(Level::new(), page, layers, scores);
    }

    /// [`Network::run`] with an instruction set. The code is compiled for each of them, and the
    /// scores are the same.
    fn run_with(&self, level: Level, page: &Page, layers: &mut Layers, scores: &mut Vec<i32>) {
        scores.clear();
        let count = page.rows().len();
        if count == 0 {
            return;
        }
        dispatch!(level, simd => {
            self.first_layer(simd, page, layers);
            self.second_layer(simd, layers);
            Network::running_sums(simd, layers);
            self.third_layer(simd, layers, scores);
        });
    }

    #[inline(always)]
    fn first_layer<S: Simd>(&self, simd: S, page: &Page, layers: &mut Layers) {
        let weights = &self.weights;
        layers.h1.clear();
        layers.h1.push([0; C]);
        let bias: [i32x8<S>; C / WORDS] = lanes(simd, &weights.bias1);
        let Ok(table) = <&[Row; TABLE]>::try_from(&self.table[..]) else { return };
        let scale = Row::new(&weights.scale).0.map(|half| i16x16::simd_from(simd, half));
        for (at, row) in page.rows().iter().enumerate() {
            let mut sums = [i16x16::splat(simd, 0); 2];
            for &bin in row {
                add(simd, &mut sums, &table[usize::from(bin) % TABLE]);
            }
            let mut kinds = page.kinds(at);
            while kinds != 0 {
                add(simd, &mut sums, &self.kinds[kinds.trailing_zeros() as usize]);
                kinds &= kinds - 1;
            }
            let (first, second) = sums[0].widening_mul(scale[0]);
            let (third, _) = sums[1].widening_mul(scale[1]);
            let mut products = [bias[0] + first, bias[1] + second, bias[2] + third];
            let ids = page.ids(at);
            if !ids.is_empty() {
                accumulate(simd, &mut products, &self.embedded(ids), &self.embed);
            }
            layers.h1.push(activations(products, 0, ACTIVATION_LIMIT));
        }
        layers.h1.push([0; C]);
    }

    /// The sum of the words' values over the square root of their number.
    #[inline(always)]
    fn embedded(&self, ids: &[u16]) -> [i16; EMBEDDING] {
        let ids = &ids[..ids.len().min(MOST_WORDS)];
        let mut sum = [0i32; EMBEDDING];
        for &id in ids {
            if let Some(word) = self.weights.words.get(usize::from(id)) {
                for (sum, value) in sum.iter_mut().zip(word) {
                    *sum += i32::from(*value);
                }
            }
        }
        let root = ROOTS[ids.len()];
        sum.map(|sum| ((sum * root) >> ROOT_BITS) as i16)
    }

    #[inline(always)]
    fn second_layer<S: Simd>(&self, simd: S, layers: &mut Layers) {
        let weights = &self.weights;
        let Layers { h1, h2, steps, .. } = layers;
        h2.clear();
        steps.clear();
        h2.push([0; C]);
        let bias: [i32x8<S>; C / WORDS] = lanes(simd, &weights.bias2);
        let mut padded_bias = [0; STEPS];
        padded_bias[..STATES].copy_from_slice(&weights.step_bias);
        let step_bias: [i32x8<S>; STEPS / WORDS] = lanes(simd, &padded_bias);
        for lines in h1.windows(3) {
            let Some(window) = lines.as_flattened().first_chunk::<WINDOW>() else { break };
            let mut products = bias;
            accumulate(simd, &mut products, window, &self.conv2);
            let line: [i16; C] = activations(products, 0, ACTIVATION_LIMIT);
            let mut products = step_bias;
            accumulate(simd, &mut products, &line, &self.step);
            h2.push(line);
            steps.push(activations(products, -STEP_LIMIT, STEP_LIMIT));
        }
        h2.push([0; C]);
    }

    #[inline(always)]
    fn running_sums<S: Simd>(simd: S, layers: &mut Layers) {
        let Layers { steps, states, .. } = layers;
        let zero = i16x16::splat(simd, 0);
        let advance = |sums: &mut i16x16<S>, step: &[i16; STEPS]| -> [i16; STEPS] {
            let sum = *sums + i16x16::simd_from(simd, *step);
            *sums = sum.max(0).min(STATE_LIMIT);
            **sums
        };
        states.clear();
        let mut sums = zero;
        for step in steps.iter() {
            let values = advance(&mut sums, step);
            let mut state = [0i16; STATE_INPUTS];
            state[..STATES].copy_from_slice(&values[..STATES]);
            states.push(state);
        }
        sums = zero;
        for (step, state) in steps.iter().zip(states).rev() {
            let values = advance(&mut sums, step);
            state[STATES..].copy_from_slice(&values[..STATES]);
        }
    }

    /// The bias of layer 3 with the contribution of the page's mean.
    #[inline(always)]
    fn page_bias(&self, layers: &Layers) -> [i32; C] {
        let count = layers.steps.len().max(1) as u64;
        let mut total = [0u64; C];
        for lines in layers.h2.chunks(1 << 16) {
            let mut sum = [0i32; C];
            for line in lines {
                for c in 0..C {
                    sum[c] += i32::from(line[c]);
                }
            }
            for c in 0..C {
                total[c] += u64::from(sum[c].unsigned_abs());
            }
        }
        let mean = total.map(|total| (total / count) as i16);
        let mut bias = self.weights.bias3;
        for (bias, row) in bias.iter_mut().zip(&self.weights.pool) {
            *bias = bias.wrapping_add(dot(&mean, row));
        }
        bias
    }

    #[inline(always)]
    fn third_layer<S: Simd>(&self, simd: S, layers: &Layers, scores: &mut Vec<i32>) {
        let bias = lanes(simd, &self.page_bias(layers));
        for (lines, state) in layers.h2.windows(3).zip(&layers.states) {
            let Some(window) = lines.as_flattened().first_chunk::<WINDOW>() else { break };
            let line = self.third(simd, window, state, bias);
            let product = dot(&line, &self.weights.out).wrapping_add(self.weights.out_bias);
            scores.push(product >> (PRODUCT_BITS - SCORE_BITS));
        }
    }

    #[inline(always)]
    fn third<S: Simd>(
        &self,
        simd: S,
        window: &[i16; WINDOW],
        state: &[i16; STATE_INPUTS],
        mut products: [i32x8<S>; C / WORDS],
    ) -> [i16; C] {
        accumulate(simd, &mut products, window, &self.conv3);
        accumulate(simd, &mut products, state, &self.states);
        activations(products, 0, ACTIVATION_LIMIT)
    }
}

#[inline(always)]
fn add<S: Simd>(simd: S, sums: &mut [i16x16<S>; 2], row: &Row) {
    sums[0] += i16x16::simd_from(simd, row.0[0]);
    sums[1] += i16x16::simd_from(simd, row.0[1]);
}

/// What the first layer's inputs of a line and of its neighbours add to the line's score.
pub(crate) struct Gradient {
    /// The score's gradient at the line's own inputs.
    pub(crate) own: [f32; C],
    /// What the lines around it add.
    pub(crate) neighbours: f32,
}

impl Network {
    /// The gradient of a row's score after a run. Running sums count for the row itself only.
    pub(crate) fn gradient(&self, layers: &Layers, row: usize) -> Gradient {
        let weights = &self.weights;
        let bias = self.page_bias(layers);
        let mut own = [0.0; C];
        let mut neighbours = 0.0;
        let window = layers.h2.as_flattened().get(row * C..(row + 3) * C);
        let Some(Ok(window)) = window.map(<&[i16; WINDOW]>::try_from) else {
            return Gradient { own, neighbours };
        };
        let state = &layers.states[row];
        let third = dispatch!(Level::new(), simd => {
            self.third(simd, window, state, lanes(simd, &bias))
        });
        let through = |value: i16| value > 0 && value < ACTIVATION_LIMIT;
        let unit = 1.0 / (1 << WEIGHT_BITS) as f32;
        // Gradients at layer 2 of the line before, the line and the line after.
        let mut second = [0.0f32; WINDOW];
        for c in (0..C).filter(|&c| through(third[c])) {
            let out = f32::from(weights.out[c]) * unit;
            second[C + c] += out;
            for (to, weight) in second.iter_mut().zip(&weights.conv3[c]) {
                *to += out * f32::from(*weight) * unit;
            }
            for (k, weight) in weights.states[c].iter().enumerate() {
                let state = layers.states[row][k];
                if state > 0 && state < STATE_LIMIT {
                    let by = out * f32::from(*weight) * unit;
                    for (to, step) in second[C..2 * C].iter_mut().zip(&weights.step[k % STATES]) {
                        *to += by * f32::from(*step) * unit;
                    }
                }
            }
        }
        // Layer 1 of the two lines before, the line and the two after.
        let mut first = [[0.0f32; C]; 5];
        for (tap, lines) in second.as_chunks::<C>().0.iter().enumerate() {
            for c in (0..C).filter(|&c| through(window[tap * C + c])) {
                let inputs = first[tap..tap + 3].as_flattened_mut();
                for (to, weight) in inputs.iter_mut().zip(&weights.conv2[c]) {
                    *to += lines[c] * f32::from(*weight) * unit;
                }
            }
        }
        for (tap, gradient) in first.iter().enumerate() {
            let line = (row + tap).checked_sub(1).and_then(|at| layers.h1.get(at));
            for (c, value) in line.into_iter().flatten().enumerate() {
                if tap == 2 {
                    own[c] = if through(*value) { gradient[c] } else { 0.0 };
                } else if through(*value) {
                    let input = (i32::from(*value) << WEIGHT_BITS) - weights.bias1[c];
                    neighbours += gradient[c] * input as f32;
                }
            }
        }
        Gradient { own, neighbours }
    }

    /// What one of a line's words adds.
    pub(crate) fn word_share(&self, gradient: &[f32; C], id: u16, ids: usize) -> f32 {
        let Some(word) = self.weights.words.get(usize::from(id)) else { return 0.0 };
        let root = ROOTS[ids.min(MOST_WORDS)] as f32 / (1 << ROOT_BITS) as f32;
        let values = word.iter().zip(&self.weights.embed);
        let products = values.map(|(value, row)| {
            let along: f32 = (0..C).map(|c| gradient[c] * f32::from(row[c])).sum();
            f32::from(*value) * along
        });
        products.sum::<f32>() * root
    }
}

impl Weights {
    /// Whether every sum of products stays below 2³⁰, whatever the input.
    fn is_bounded(&self) -> bool {
        const LIMIT: u64 = 1 << 30;
        fn sum(row: &[i16]) -> u64 {
            row.iter().map(|value| u64::from(value.unsigned_abs())).sum()
        }
        let bound = |row: &[i16], input: i16| sum(row) * u64::from(input.unsigned_abs());
        let small =
            |bias: &[i32]| bias.iter().all(|bias| u64::from(bias.unsigned_abs()) < LIMIT / 4);
        // A line has one bin of each feature, all kinds at most, and 32 words.
        let first = i64::from(i8::MAX) * (COUNT + KINDS) as i64;
        let word = u64::from(i8::MIN.unsigned_abs()) * 6;
        let embed = (0..C).all(|c| {
            let sum: u64 = self.embed.iter().map(|row| u64::from(row[c].unsigned_abs())).sum();
            let scaled = i64::from(self.scale[c]).unsigned_abs() * first.unsigned_abs();
            sum * word + scaled < LIMIT
        });
        let activation = ACTIVATION_LIMIT;
        embed
            && self.conv2.iter().all(|row| bound(row, activation) < LIMIT)
            && self.step.iter().all(|row| bound(row, activation) < LIMIT)
            && self.conv3.iter().zip(&self.states).zip(&self.pool).all(|((conv, states), pool)| {
                bound(conv, activation) + bound(states, STATE_LIMIT) + bound(pool, activation)
                    < LIMIT
            })
            && bound(&self.out, activation) < LIMIT
            && [&self.bias1[..], &self.bias2, &self.step_bias, &self.bias3, &[self.out_bias]]
                .into_iter()
                .all(small)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, model};
    use crate::words::Words;

    /// The products of a matrix and a vector.
    fn times<const N: usize>(rows: &[[i16; N]], inputs: &[i16]) -> Vec<i32> {
        let product = |(weight, input): (&i16, &i16)| i32::from(*weight) * i32::from(*input);
        rows.iter().map(|row| row.iter().zip(inputs).map(product).sum()).collect()
    }

    fn limited(products: impl IntoIterator<Item = i32>, low: i16, high: i16) -> Vec<i16> {
        let limit = |product: i32| (product >> WEIGHT_BITS).clamp(low.into(), high.into()) as i16;
        products.into_iter().map(limit).collect()
    }

    fn sums(parts: &[&[i32]]) -> Vec<i32> {
        (0..parts[0].len()).map(|at| parts.iter().map(|part| part[at]).sum()).collect()
    }

    /// The scores by the definition of the network, one number at a time.
    fn scores_by_definition(network: &Network, page: &Page) -> Vec<i32> {
        let Weights { table, kinds, scale, bias1, embed, conv2, bias2, .. } = &network.weights;
        let Weights { step, step_bias, conv3, states, pool, bias3, out, .. } = &network.weights;
        let count = page.rows().len();
        let mut h1 = vec![vec![0; C]];
        for (at, row) in page.rows().iter().enumerate() {
            let cues = (0..KINDS).filter(|kind| page.kinds(at) >> kind & 1 == 1);
            let rows =
                row.iter().map(|bin| &table[usize::from(*bin)]).chain(cues.map(|k| &kinds[k]));
            let rows: Vec<&[i8; C]> = rows.collect();
            let (ids, mut words) = (page.ids(at), vec![0; C]);
            if !ids.is_empty() {
                let values = network.embedded(ids);
                words = (0..C)
                    .map(|c| {
                        (0..EMBEDDING).map(|k| i32::from(values[k]) * i32::from(embed[k][c])).sum()
                    })
                    .collect();
            }
            let own = |c: usize| {
                rows.iter().map(|row| i32::from(row[c])).sum::<i32>() * i32::from(scale[c])
            };
            let own: Vec<i32> = (0..C).map(own).collect();
            h1.push(limited(sums(&[bias1, &own, &words]), 0, ACTIVATION_LIMIT));
        }
        h1.push(vec![0; C]);
        let mut h2 = vec![vec![0; C]];
        h2.extend(h1.windows(3).map(|lines| {
            limited(sums(&[bias2, &times(conv2, &lines.concat())]), 0, ACTIVATION_LIMIT)
        }));
        h2.push(vec![0; C]);
        let step = |line: &Vec<i16>| {
            limited(sums(&[step_bias, &times(step, line)]), -STEP_LIMIT, STEP_LIMIT)
        };
        let steps: Vec<Vec<i16>> = h2[1..=count].iter().map(step).collect();
        let run = |steps: &mut dyn Iterator<Item = &Vec<i16>>| -> Vec<Vec<i16>> {
            let advance = |state: &mut Vec<i16>, step: &Vec<i16>| {
                *state =
                    state.iter().zip(step).map(|(a, b)| (a + b).clamp(0, STATE_LIMIT)).collect();
                Some(state.clone())
            };
            steps.scan(vec![0; STATES], advance).collect()
        };
        let down = run(&mut steps.iter());
        let mut up = run(&mut steps.iter().rev());
        up.reverse();
        let mean = |c: usize| {
            (h2.iter().map(|line| i64::from(line[c])).sum::<i64>() / count as i64) as i16
        };
        let mean: Vec<i16> = (0..C).map(mean).collect();
        (0..count)
            .map(|at| {
                let state = [&down[at][..], &up[at]].concat();
                let residual: Vec<i32> =
                    h2[at + 1].iter().map(|value| i32::from(*value) << WEIGHT_BITS).collect();
                let parts = [
                    times(conv3, &h2[at..at + 3].concat()),
                    times(states, &state),
                    times(pool, &mean),
                    residual,
                ];
                let line = limited(
                    sums(&[bias3, &parts[0], &parts[1], &parts[2], &parts[3]]),
                    0,
                    ACTIVATION_LIMIT,
                );
                (times(&[*out], &line)[0] + network.weights.out_bias) >> (PRODUCT_BITS - SCORE_BITS)
            })
            .collect()
    }

    #[test]
    fn every_instruction_set_gives_the_scores_of_the_definition() {
        let model = model();
        let network = model.network();
        let (cues, words) = (testing::cues(), Words::new(model.vocabulary()));
        for number in 0..20 {
            let mut page = Page::default();
            let lines = testing::page(number, number % 2 == 0).lines;
            page.read(lines.iter().map(String::as_str), &words, &cues);
            let expected = scores_by_definition(network, &page);
            assert!(
                expected.iter().any(|score| *score > 0) && expected.iter().any(|score| *score < 0)
            );
            for level in [Level::new(), Level::baseline()] {
                let (mut layers, mut scores) = (Layers::default(), Vec::new());
                network.run_with(level, &page, &mut layers, &mut scores);
                assert_eq!(scores, expected, "{level:?}");
            }
        }
    }
}
