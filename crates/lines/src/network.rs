//! The trained network in integers: the same scores on every machine.
//!
//! For each line with a token: the rows of its bins, cue kinds and vocabulary words are added up
//! (layer 1); two convolutions over three lines follow (layers 2 and 3). Between them, running
//! sums over the page, forward and backward, and the page's mean carry context of any distance.
//!
//! Activations are in 128ths and weights in 1024ths, so products are in 2⁻¹⁷. [`Network::new`]
//! checks that no sum can overflow.

use wide::{i16x8, i32x4, i32x8};

use crate::features::{COUNT, Page, ROWS};

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

/// One 16-bit value for each channel.
type Row = [i16x8; C / 8];

/// A row in one cache line.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
struct Line(Row);

/// For two inputs, their weights to `4 * V` outputs, interleaved.
type Pair<const V: usize> = [i16x8; V];

/// A network ready to run: its weights in the order in which they are used.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    pub(crate) weights: Weights,
    table: Vec<Line>,
    kinds: Vec<Line>,
    embed: Box<[Pair<{ C / 4 }>; EMBEDDING / 2]>,
    conv2: Box<[Pair<{ C / 4 }>; WINDOW / 2]>,
    step: Box<[Pair<{ STEPS / 4 }>; C / 2]>,
    conv3: Box<[Pair<{ C / 4 }>; WINDOW / 2]>,
    states: Box<[Pair<{ C / 4 }>; STATE_INPUTS / 2]>,
}

/// Arranges a matrix with a row of `N` inputs for each output.
fn pairs<const N: usize, const P: usize, const V: usize>(rows: &[[i16; N]]) -> Box<[Pair<V>; P]> {
    const { assert!(N == 2 * P) };
    Box::new(std::array::from_fn(|pair| {
        std::array::from_fn(|four| {
            i16x8::new(std::array::from_fn(|at| rows[4 * four + at / 2][2 * pair + at % 2]))
        })
    }))
}

/// Adds the products of `N` inputs, two at a time.
#[inline(always)]
fn accumulate<const N: usize, const P: usize, const V: usize>(
    sums: &mut [i32x4; V],
    inputs: &[i16; N],
    weights: &[Pair<V>; P],
) {
    const { assert!(N == 2 * P && P.is_multiple_of(4)) };
    // Sums in locals, so that they stay in registers; four pairs at once, so that the loop costs little.
    let mut local = *sums;
    let inputs = inputs.as_chunks::<2>().0.as_chunks::<4>().0;
    for (inputs, weights) in inputs.iter().zip(weights.as_chunks::<4>().0) {
        for at in 0..4 {
            let [one, other] = inputs[at];
            let inputs = i16x8::new([one, other, one, other, one, other, one, other]);
            for v in 0..V {
                local[v] += inputs.dot(weights[at][v]);
            }
        }
    }
    *sums = local;
}

#[inline(always)]
fn lanes<const N: usize, const V: usize>(values: &[i32; N]) -> [i32x4; V] {
    std::array::from_fn(|four| i32x4::new(std::array::from_fn(|at| values[4 * four + at])))
}

/// Products as activations between two limits.
#[inline(always)]
fn activations<const V: usize, const N: usize>(
    products: [i32x4; V],
    low: i16,
    high: i16,
) -> [i16; N] {
    let mut values = [0; N];
    let (eights, _) = values.as_chunks_mut::<8>();
    for eight in 0..V / 2 {
        let one = products[2 * eight] >> WEIGHT_BITS as i32;
        let other = products[2 * eight + 1] >> WEIGHT_BITS as i32;
        // Saturation to 16 bits comes first, which the limits allow.
        let (one, other) = (one.to_array(), other.to_array());
        let both = std::array::from_fn(|at| if at < 4 { one[at] } else { other[at - 4] });
        let packed = i16x8::from_i32x8_saturate(i32x8::new(both));
        eights[eight] = packed.max(i16x8::splat(low)).min(i16x8::splat(high)).to_array();
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
    let chunks = one.as_chunks::<8>().0.iter().zip(other.as_chunks::<8>().0);
    let sum = chunks
        .fold(i32x4::ZERO, |sum, (one, other)| sum + i16x8::new(*one).dot(i16x8::new(*other)));
    sum.to_array().into_iter().fold(0, i32::wrapping_add)
}

/// The layers, one after another. Compiled twice, because AVX2 takes fewer instructions; the scores
/// are the same.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn run(network: &Network, page: &Page, layers: &mut Layers, scores: &mut Vec<i32>) {
    network.first_layer(page, layers);
    network.second_layer(layers);
    Network::running_sums(layers);
    network.third_layer(layers, scores);
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
            let wide = |row: &[i8; C]| {
                Line(std::array::from_fn(|eight| {
                    i16x8::new(std::array::from_fn(|at| i16::from(row[8 * eight + at])))
                }))
            };
            rows.iter().map(wide).collect()
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
        let mut padded: Vec<Line> = widen(table);
        padded.resize(TABLE, Line::default());
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
        scores.clear();
        let count = page.rows().len();
        if count == 0 {
            return;
        }
        run(self, page, layers, scores);
    }

    #[inline(always)]
    fn first_layer(&self, page: &Page, layers: &mut Layers) {
        let weights = &self.weights;
        layers.h1.clear();
        layers.h1.push([0; C]);
        let bias: [i32x4; C / 4] = lanes(&weights.bias1);
        let Ok(table) = <&[Line; TABLE]>::try_from(&self.table[..]) else { return };
        let scale: Row = std::array::from_fn(|eight| {
            i16x8::new(std::array::from_fn(|at| weights.scale[8 * eight + at]))
        });
        for (at, row) in page.rows().iter().enumerate() {
            let mut sums = Row::default();
            for &bin in row {
                add(&mut sums, &table[usize::from(bin) % TABLE]);
            }
            let mut kinds = page.kinds(at);
            while kinds != 0 {
                add(&mut sums, &self.kinds[kinds.trailing_zeros() as usize]);
                kinds &= kinds - 1;
            }
            let mut products = bias;
            for eight in 0..C / 8 {
                let scaled = sums[eight].widening_mul(scale[eight]).to_array();
                for half in 0..2 {
                    let four = std::array::from_fn(|at| scaled[4 * half + at]);
                    products[2 * eight + half] += i32x4::new(four);
                }
            }
            let ids = page.ids(at);
            if !ids.is_empty() {
                accumulate(&mut products, &self.embedded(ids), &self.embed);
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
    fn second_layer(&self, layers: &mut Layers) {
        let weights = &self.weights;
        let Layers { h1, h2, steps, .. } = layers;
        h2.clear();
        steps.clear();
        h2.push([0; C]);
        let bias: [i32x4; C / 4] = lanes(&weights.bias2);
        let mut padded_bias = [0; STEPS];
        padded_bias[..STATES].copy_from_slice(&weights.step_bias);
        let step_bias: [i32x4; STEPS / 4] = lanes(&padded_bias);
        for lines in h1.windows(3) {
            let Some(window) = lines.as_flattened().first_chunk::<WINDOW>() else { break };
            let mut products = bias;
            accumulate(&mut products, window, &self.conv2);
            let line: [i16; C] = activations(products, 0, ACTIVATION_LIMIT);
            let mut products = step_bias;
            accumulate(&mut products, &line, &self.step);
            h2.push(line);
            steps.push(activations(products, -STEP_LIMIT, STEP_LIMIT));
        }
        h2.push([0; C]);
    }

    #[inline(always)]
    fn running_sums(layers: &mut Layers) {
        let Layers { steps, states, .. } = layers;
        let advance = |sums: &mut [i16x8; 2], step: &[i16; STEPS]| -> [i16; STEPS] {
            let mut values = [0; STEPS];
            let (to, _) = values.as_chunks_mut::<8>();
            let (step, _) = step.as_chunks::<8>();
            for eight in 0..2 {
                let sum = sums[eight] + i16x8::new(step[eight]);
                sums[eight] = sum.max(i16x8::ZERO).min(i16x8::splat(STATE_LIMIT));
                to[eight] = sums[eight].to_array();
            }
            values
        };
        states.clear();
        let mut sums = [i16x8::ZERO; 2];
        for step in steps.iter() {
            let values = advance(&mut sums, step);
            let mut state = [0i16; STATE_INPUTS];
            state[..STATES].copy_from_slice(&values[..STATES]);
            states.push(state);
        }
        sums = [i16x8::ZERO; 2];
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
    fn third_layer(&self, layers: &Layers, scores: &mut Vec<i32>) {
        let bias = lanes(&self.page_bias(layers));
        for (lines, state) in layers.h2.windows(3).zip(&layers.states) {
            let Some(window) = lines.as_flattened().first_chunk::<WINDOW>() else { break };
            let line = self.third(window, state, bias);
            let product = dot(&line, &self.weights.out).wrapping_add(self.weights.out_bias);
            scores.push(product >> (PRODUCT_BITS - SCORE_BITS));
        }
    }

    #[inline(always)]
    fn third(
        &self,
        window: &[i16; WINDOW],
        state: &[i16; STATE_INPUTS],
        mut products: [i32x4; C / 4],
    ) -> [i16; C] {
        accumulate(&mut products, window, &self.conv3);
        accumulate(&mut products, state, &self.states);
        activations(products, 0, ACTIVATION_LIMIT)
    }
}

#[inline(always)]
fn add(sums: &mut Row, row: &Line) {
    for (sum, value) in sums.iter_mut().zip(row.0) {
        *sum += value;
    }
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
        let bias = lanes(&self.page_bias(layers));
        let mut own = [0.0; C];
        let mut neighbours = 0.0;
        let window = layers.h2.as_flattened().get(row * C..(row + 3) * C);
        let Some(Ok(window)) = window.map(<&[i16; WINDOW]>::try_from) else {
            return Gradient { own, neighbours };
        };
        let third = self.third(window, &layers.states[row], bias);
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
