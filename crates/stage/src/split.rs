//! Splits a text into lines at LF, CR LF and CR. Used when a document is created.

use crate::Span;

/// The lines of `source`: the span of each without its line ending, and the offset after the line
/// ending. LF, CR LF and a lone CR end a line. A final line ending starts no further line.
pub(crate) fn split_lines(source: &str) -> impl Iterator<Item = (Span, usize)> + '_ {
    let bytes = source.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        if at >= bytes.len() {
            return None;
        }
        let start = at;
        let length = line_end(&bytes[start..]);
        let stop = length.map_or(bytes.len(), |length| start + length);
        at = match bytes.get(stop) {
            None => stop,
            Some(b'\r') if bytes.get(stop + 1) == Some(&b'\n') => stop + 2,
            Some(_) => stop + 1,
        };
        Some((Span::new(start, stop), at))
    })
}

/// The offset of the first line ending. Skips 32 bytes at a time while they contain none.
fn line_end(bytes: &[u8]) -> Option<usize> {
    const STRETCH: usize = 32;
    let ends = |byte: u8| (byte == b'\n') | (byte == b'\r');
    // Folding bytes instead of bools lets the compiler vectorise the loop.
    let plain =
        |stretch: &&[u8]| stretch.iter().fold(0, |any, byte| any | u8::from(ends(*byte))) == 0;
    let start = STRETCH * bytes.chunks_exact(STRETCH).take_while(plain).count();
    let (words, rest) = bytes[start..].as_chunks();
    for (at, word) in words.iter().enumerate() {
        let found = holding(*word, b'\n') | holding(*word, b'\r');
        if found != 0 {
            return Some(start + 8 * at + found.trailing_zeros() as usize / 8);
        }
    }
    let at = rest.iter().position(|byte| ends(*byte))?;
    Some(bytes.len() - rest.len() + at)
}

/// A word whose lowest set bit is the high bit of the first byte equal to `byte`; higher bits may
/// be wrong. This is the zero-byte test of Warren, Hacker's Delight, section 6-1.
fn holding(word: [u8; 8], byte: u8) -> u64 {
    const LOW: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = 0x80 * LOW;
    let other = u64::from_le_bytes(word) ^ u64::from_le_bytes([byte; 8]);
    other.wrapping_sub(LOW) & !other & HIGH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_line_ends_end_lines() {
        let spans: Vec<_> =
            split_lines("a\r\nb\rc\n\nd").map(|(s, e)| (s.start(), s.end(), e)).collect();
        assert_eq!(spans, [(0, 1, 3), (3, 4, 5), (5, 6, 7), (7, 7, 8), (8, 9, 9)]);
        assert_eq!(split_lines("").count(), 0);
    }

    #[test]
    fn line_endings_are_found_at_any_offset() {
        // Characters whose bytes differ from a line ending in one bit or in the highest bit.
        let others = ['\u{b}', '\u{c}', '\u{f}', '\u{8a}', 'x'];
        for (length, end) in (0..90).flat_map(|length| [(length, '\n'), (length, '\r')]) {
            let before: String = others.iter().cycle().take(length).collect();
            for after in ["", "\n", "xxxxxxxxxxxxxxxxxx\r"] {
                let text = format!("{before}{end}{after}");
                assert_eq!(line_end(text.as_bytes()), Some(before.len()), "{text:?}");
            }
            assert_eq!(line_end(before.as_bytes()), None);
        }
    }
}
