//! From a network in floating point to integers.

use crate::features::{COUNT, OFFSETS, ROWS, Row};
use crate::network::{
    ACTIVATION_BITS, CHANNELS, EMBEDDING, KINDS, PRODUCT_BITS, STATES, WEIGHT_BITS, Weights,
};
use crate::train::Trained;
use crate::train::net::Channels;

const C: usize = CHANNELS;

/// Rounds a value with some fractional bits to the nearest integer in range.
fn fixed(value: f32, bits: u32, limit: f32) -> f32 {
    (value * (1u64 << bits) as f32).round().clamp(-limit, limit)
}

fn half(value: f32) -> i16 {
    fixed(value, WEIGHT_BITS, 32767.0) as i16
}

fn product(value: f32) -> i32 {
    fixed(value, PRODUCT_BITS, (1 << 27) as f32) as i32
}

/// A bias that also rounds what is shifted right by the weights' bits.
fn rounded(value: f32) -> i32 {
    product(value) + (1 << (WEIGHT_BITS - 1))
}

fn columns<const N: usize>(rows: &[Channels], convert: impl Fn(f32) -> i16) -> Vec<[i16; N]> {
    (0..C).map(|c| std::array::from_fn(|input| convert(rows[input][c]))).collect()
}

/// The weights in integers. `rows` are those of the training lines: each feature's rows are
/// centred on their mean, so that a row says what its bin adds.
pub(crate) fn quantise<'a>(trained: &Trained, rows: impl Iterator<Item = &'a Row>) -> Weights {
    let network = &trained.network;
    let params = &network.params.rows;
    let layout = network.params.layout;
    let mut counts = vec![0u32; ROWS];
    for row in rows {
        for &bin in row {
            counts[usize::from(bin)] += 1;
        }
    }
    let mut table = network.merged().to_vec();
    let mut bias1 = params[layout.bias1];
    for feature in 0..COUNT {
        let bins = OFFSETS[feature]..OFFSETS[feature + 1];
        let total = counts[bins.clone()].iter().sum::<u32>().max(1) as f32;
        let mut mean = [0.0; C];
        for bin in bins.clone() {
            for c in 0..C {
                mean[c] += table[bin][c] * counts[bin] as f32 / total;
            }
        }
        for bin in bins {
            for c in 0..C {
                // A bin that no training line has says nothing.
                table[bin][c] = if counts[bin] == 0 { 0.0 } else { table[bin][c] - mean[c] };
            }
        }
        for c in 0..C {
            bias1[c] += mean[c];
        }
    }
    let kinds = &params[layout.kinds..layout.kinds + KINDS];
    let mut steps = [1e-6f32; C];
    for row in table.iter().chain(kinds) {
        for c in 0..C {
            steps[c] = steps[c].max(row[c].abs() / 127.0);
        }
    }
    let bytes = |rows: &[Channels]| -> Vec<[i8; C]> {
        rows.iter().map(|row| std::array::from_fn(|c| (row[c] / steps[c]).round() as i8)).collect()
    };
    let values = &params[layout.words..].as_flattened()[..trained.vocabulary.len() * EMBEDDING];
    let step = values.iter().fold(1e-6f32, |most, value| most.max(value.abs())) / 127.0;
    let words = values.as_chunks::<EMBEDDING>().0.iter();
    let weights = |from: usize, count: usize| &params[from..from + count];
    Weights {
        table: bytes(&table),
        kinds: bytes(kinds),
        scale: steps.map(|step| fixed(step, PRODUCT_BITS, 32767.0) as i16),
        bias1: bias1.map(rounded),
        words: words.map(|word| word.map(|value| (value / step).round() as i8)).collect(),
        embed: std::array::from_fn(|e| {
            params[layout.embed + e].map(|value| fixed(value * step, PRODUCT_BITS, 32767.0) as i16)
        }),
        conv2: columns(weights(layout.conv2, 3 * C), half),
        bias2: params[layout.bias2].map(rounded),
        step: weights(layout.step, STATES).iter().map(|row| row.map(half)).collect(),
        step_bias: std::array::from_fn(|k| rounded(params[layout.step_bias][k])),
        conv3: columns(weights(layout.conv3, 3 * C), half),
        states: columns(weights(layout.states, 2 * STATES), half),
        pool: columns(weights(layout.pool, C), half),
        bias3: params[layout.bias3].map(rounded),
        out: params[layout.out].map(half),
        out_bias: product(params[layout.out_bias][0]),
    }
}

const _: () = assert!(PRODUCT_BITS == ACTIVATION_BITS + WEIGHT_BITS);
