//! A small seeded mutator, for machines without libFuzzer.

/// A sequence of numbers (SplitMix64) that depends on its seed only.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `end`, or 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// The longest input, in bytes.
const LONGEST: usize = 16 << 10;

/// Changes an input in one to eight places; `other` is an input to copy parts from.
pub(crate) fn mutated(input: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=random.below(8) {
        let at = random.below(bytes.len() + 1);
        let end = bytes.len().min(at + 1 + random.below(16));
        match random.below(7) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => bytes.insert(at, random.next() as u8),
            3 => {
                let part = bytes[at..end].to_vec();
                let to = random.below(bytes.len() + 1);
                bytes.splice(to..to, part);
            }
            4 => {
                let from = random.below(other.len() + 1);
                let to = other.len().min(from + random.below(64));
                bytes.splice(at..end, other[from..to].iter().copied());
            }
            5 => {
                const ODD: &[u8] = b"\0\t\n\r \"'()*+,-./:?[\\]{|}\x7f\x80\xc3\xe2\xed\xf0\xff";
                bytes.splice(at..end, [ODD[random.below(ODD.len())]]);
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
            }
        }
    }
    bytes.truncate(LONGEST);
    bytes
}
