//! The outermost bytes of a line's key at a side, packed into a number.
//!
//! Most are read off the text eight at a time, because most lines need no key.

use crate::key::{self, Fold};
use crate::matching::sides::{LITERAL, Side, lower};

/// Up to [`LITERAL`] bytes of one side of a key, in lower case.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outer {
    pub(super) side: Side,
    pub(super) length: u8,
    /// The bytes in order: a start begins at the highest byte, an end ends at the lowest.
    packed: u64,
}

impl Outer {
    /// Reads a side of a line's key off its text. Builds the key if there is a combining mark near
    /// that side.
    pub(super) fn of_text(side: Side, text: &str) -> Outer {
        let text = match side {
            Side::Start => text.trim_start_matches(' '),
            Side::End => text.trim_end_matches(' '),
        };
        if let Some(outer) = Outer::of_plain(side, text.as_bytes()) {
            return outer;
        }
        let mut marked = false;
        let folded = match side {
            Side::Start => folded(text.chars(), &mut marked),
            Side::End => folded(text.chars().rev(), &mut marked),
        };
        match marked {
            true => Outer::of_key(side, &key::key(text)),
            false => Outer::of(side, folded),
        }
    }

    /// The same for text whose outermost bytes are printable ASCII and therefore equal to the key.
    fn of_plain(side: Side, text: &[u8]) -> Option<Outer> {
        let length = text.len().min(LITERAL);
        // The outermost bytes, the first of them lowest, and the byte next to them, which may
        // belong to a combining mark or continue a run of spaces.
        let (near, beyond) = match (text.len() > LITERAL, side) {
            (true, Side::Start) => (*text.first_chunk()?, text[LITERAL]),
            (true, Side::End) => (*text.last_chunk()?, text[text.len() - LITERAL - 1]),
            (false, _) => {
                let mut near = [b'x'; LITERAL];
                near.get_mut(..length)?.copy_from_slice(text);
                (near, b'x')
            }
        };
        let near = u64::from_le_bytes(near);
        let spaces = equal(near, b' ');
        let inner = match side {
            Side::Start => spaces >> (8 * LITERAL - 1),
            Side::End => spaces >> 7 & 1,
        };
        let double = spaces & spaces >> 8 | u64::from(beyond == b' ') & inner;
        let (first, last) = (*text.first()?, *text.last()?);
        let outer = match (length < LITERAL, side) {
            (true, _) => first == b' ' || last == b' ',
            (false, Side::Start) => first == b' ',
            (false, Side::End) => last == b' ',
        };
        if outer || double != 0 || !is_printed(near) || !matches!(beyond, b' '..=b'~') {
            return None;
        }
        let packed = in_lower_case(near).swap_bytes();
        let rest = 8 * (LITERAL - length) as u32;
        let packed = match side {
            Side::Start => packed.checked_shr(rest)?.checked_shl(rest)?,
            Side::End => packed.checked_shr(rest)?,
        };
        Some(Outer { side, length: length as u8, packed })
    }

    pub(super) fn of_key(side: Side, key: &str) -> Outer {
        match side {
            Side::Start => Outer::of(side, first(key.chars())),
            Side::End => Outer::of(side, first(key.chars().rev())),
        }
    }

    /// Packs the outermost characters, given from the outside in.
    fn of(side: Side, chars: [char; LITERAL]) -> Outer {
        let (mut packed, mut length) = (0_u64, 0);
        'chars: for c in chars.into_iter().take_while(|c| *c != NONE).map(lower) {
            let (mut bytes, mut count) = ([0; 4], 0);
            count += c.encode_utf8(&mut bytes).len();
            for at in 0..count {
                if length == LITERAL {
                    break 'chars;
                }
                let (byte, place) = match side {
                    Side::Start => (bytes[at], LITERAL - 1 - length),
                    Side::End => (bytes[count - 1 - at], length),
                };
                packed |= u64::from(byte) << (8 * place);
                length += 1;
            }
        }
        Outer { side, length: length as u8, packed }
    }

    /// The inverse of [`Outer::cut`].
    pub(super) fn cut_to(side: Side, length: u8, packed: u64) -> Outer {
        let rest = 8 * (LITERAL as u32 - u32::from(length));
        let packed = match side {
            Side::Start => packed.checked_shl(rest).unwrap_or(0),
            Side::End => packed,
        };
        Outer { side, length, packed }
    }

    /// The outermost `length` bytes.
    #[inline]
    pub(super) fn cut(&self, length: u8) -> u64 {
        let rest = 8 * (LITERAL as u32 - u32::from(length));
        match self.side {
            Side::Start => self.packed.checked_shr(rest).unwrap_or(0),
            Side::End => self.packed & u64::MAX.checked_shr(rest).unwrap_or(0),
        }
    }

    /// Whether the outermost `length` bytes end in a word, counted from the side, that continues after
    /// them: both the last of these bytes and the next one are ASCII letters or digits.
    #[inline]
    pub(super) fn splits_word(&self, length: u8) -> bool {
        let byte = |at: u8| {
            let place = match self.side {
                Side::Start => LITERAL as u8 - 1 - at,
                Side::End => at,
            };
            (self.packed >> (8 * u32::from(place))) as u8
        };
        length < self.length
            && byte(length).is_ascii_alphanumeric()
            && byte(length - 1).is_ascii_alphanumeric()
    }

    /// The outermost two bytes, the outer one first.
    #[inline]
    pub(super) fn outermost(&self) -> u16 {
        match self.side {
            Side::Start => (self.packed >> 48) as u16,
            Side::End => (self.packed as u16).swap_bytes(),
        }
    }
}

/// A word with each byte set to this byte.
const fn all(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The high bits of the bytes that equal `byte`, of eight ASCII characters.
fn equal(ascii: u64, byte: u8) -> u64 {
    (all(0x80) - (ascii & all(0x7f) ^ all(byte))) & all(0x80)
}

/// Whether eight characters are printable ASCII.
fn is_printed(chars: u64) -> bool {
    // Adding moves a byte above `~` over 0x80, and subtracting one below the space under 0x80.
    (chars | chars.wrapping_add(all(1)) | !(chars | all(0x80)).wrapping_sub(all(b' '))) & all(0x80)
        == 0
}

/// Eight printable ASCII characters in lower case.
fn in_lower_case(ascii: u64) -> u64 {
    let from_a = ascii + all(0x80 - b'A');
    let above_z = ascii + all(0x80 - b'Z' - 1);
    ascii | (from_a & !above_z & all(0x80)) >> 2
}

/// Fills the places after the last character if there are fewer than [`LITERAL`].
const NONE: char = '\0';

fn first(chars: impl Iterator<Item = char>) -> [char; LITERAL] {
    let mut out = [NONE; LITERAL];
    out.iter_mut().zip(chars).for_each(|(place, c)| *place = c);
    out
}

/// The first characters of a key, folded from the text's characters.
fn folded(chars: impl Iterator<Item = char>, marked: &mut bool) -> [char; LITERAL] {
    let mut out = [NONE; LITERAL];
    let (mut count, mut space) = (0, false);
    for c in chars {
        *marked |= key::is_mark(c);
        match key::fold(c) {
            Fold::Drop => {}
            // A run of spaces is one space, and there is none before the first character.
            Fold::To(' ') => space = count > 0,
            Fold::To(c) => {
                if space {
                    out[count] = ' ';
                    count += 1;
                    space = false;
                }
                if count < LITERAL {
                    out[count] = c;
                    count += 1;
                }
            }
        }
        if count >= LITERAL || *marked {
            break;
        }
    }
    out
}
