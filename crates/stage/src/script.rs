//! Properties of text in any script: words, sentence endings and white space. The zones of a
//! document and most stages are built on these.

use std::sync::LazyLock;

/// The number of words from which a line can be a body line, in spaced scripts.
pub const BODY_WORDS: usize = 8;

/// The number of characters in an unspaced script that count as [`BODY_WORDS`] words.
pub const BODY_UNSPACED: usize = 20;

/// Characters of a script without sentence marks that make a line a sentence; most headlines have fewer.
pub const UNMARKED: usize = 100;

/// Whether `c` belongs to a script that is written without spaces between words: Han, kana, Thai,
/// Lao, Khmer, Burmese, Tibetan.
pub fn is_unspaced(c: char) -> bool {
    matches!(u32::from(c),
        0x0e00..=0x0fff | 0x1000..=0x109f | 0x1780..=0x17ff | 0x3040..=0x30ff | 0x3400..=0x4dbf
        | 0x4e00..=0x9fff | 0xf900..=0xfaff | 0x20000..=0x3ffff)
}

/// Whether `c` is white space to a reader: Unicode white space or a zero-width character.
pub fn is_space(c: char) -> bool {
    // Most characters are ASCII letters; this test is cheap.
    !c.is_ascii_graphic()
        && (c.is_whitespace() || matches!(c, '\u{200b}' | '\u{2060}' | '\u{feff}' | '\u{00ad}'))
}

/// `text` as the value of a field: trimmed, with each run of white space as one space.
pub fn evenly_spaced(text: &str) -> String {
    let text = text.trim_matches(is_space);
    if is_evenly_spaced_ascii(text.as_bytes()) {
        return text.to_owned();
    }
    let mut even = String::with_capacity(text.len());
    for word in text.split(is_space).filter(|word| !word.is_empty()) {
        if !even.is_empty() {
            even.push(' ');
        }
        even.push_str(word);
    }
    even
}

/// Whether `text` is printable ASCII without two consecutive spaces. Vectorised by the compiler.
pub fn is_evenly_spaced_ascii(text: &[u8]) -> bool {
    let printed = |byte: u8| byte.wrapping_sub(b' ') < 0x5f;
    let pairs = text.iter().zip(text.get(1..).unwrap_or_default());
    let odd = pairs
        .fold(false, |odd, (&one, &other)| odd | !printed(one) | (one == b' ') & (other == b' '));
    !odd && text.last().is_none_or(|last| printed(*last))
}

/// Whether `text` contains only white space and zero-width characters.
pub fn is_blank(text: &str) -> bool {
    // The first byte decides for most lines.
    !text.bytes().next().is_some_and(|b| b.is_ascii_graphic()) && text.chars().all(is_space)
}

/// Whether `c` ends a sentence, in any script.
pub fn is_sentence_mark(c: char) -> bool {
    matches!(
        c,
        '.' | '!'
            | '?'
            | '…'
            | '‼'
            | '⁇'
            | '⁈'
            | '⁉'
            | '。'
            | '！'
            | '？'
            | '．'
            | '｡'
            | '؟'
            | '۔'
            | '।'
            | '॥'
            | '։'
            | '።'
            | '፧'
            | '។'
            | '။'
            | '།'
    )
}

/// Whether `c` may follow a sentence mark as a closing quote or bracket.
pub fn is_closing(c: char) -> bool {
    matches!(
        c,
        '"' | '\''
            | '”'
            | '’'
            | '“'
            | '‘'
            | '»'
            | '«'
            | '›'
            | '‹'
            | ')'
            | ']'
            | '）'
            | '」'
            | '』'
            | '】'
            | '》'
            | '〉'
            | '〕'
    )
}

/// Whether `text` ends like a sentence: with a sentence mark, which closing quotes and brackets may
/// follow. A colon does not end a sentence.
pub fn ends_sentence(text: &str) -> bool {
    match text.as_bytes().last() {
        Some(b'.' | b'!' | b'?') => return true,
        Some(last) if last.is_ascii_alphanumeric() => return false,
        _ => {}
    }
    text.trim_end_matches(|c| is_space(c) || is_closing(c))
        .chars()
        .next_back()
        .is_some_and(is_sentence_mark)
}

/// Whether `text` is a sentence of an article: long enough, and with the end of one. Thai and Lao have
/// no sentence marks, so there [`UNMARKED`] characters are enough.
pub fn is_sentence(text: &str) -> bool {
    (ends_sentence(text) || is_long_unmarked(text)) && is_long(text)
}

/// Whether `text` has [`UNMARKED`] characters of a script without sentence marks.
fn is_long_unmarked(text: &str) -> bool {
    // Each of these characters is three bytes, and begins with two that no other has.
    let bytes = text.as_bytes();
    let pairs = bytes.iter().zip(bytes.get(1..).unwrap_or_default());
    let begins =
        |(first, next): (&u8, &u8)| u32::from((*first == 0xe0) & (0xb8..=0xbb).contains(next));
    bytes.len() >= 3 * UNMARKED && pairs.map(begins).sum::<u32>() as usize >= UNMARKED
}

/// The number of words in `text`: runs between spaces that contain a letter or digit. In unspaced
/// scripts, [`BODY_UNSPACED`] characters count as [`BODY_WORDS`] words, rounded down.
pub fn words(text: &str) -> usize {
    count_words(text, usize::MAX)
}

/// Whether `text` has enough words for a body line. Stops counting as soon as the answer is known.
pub fn is_long(text: &str) -> bool {
    plainly_long(text.as_bytes()) || count_words(text, BODY_WORDS) >= BODY_WORDS
}

/// Whether enough words in the first 64 bytes begin with an ASCII letter after a space. True for
/// most sentences in Latin script, and vectorised by the compiler.
fn plainly_long(text: &[u8]) -> bool {
    const FIRST: usize = 64;
    let Some(first) = text.first_chunk::<{ FIRST + 1 }>() else { return false };
    let begins = |(before, c): (&u8, &u8)| u8::from((*before == b' ') & c.is_ascii_alphabetic());
    let begun: u8 = first[..FIRST].iter().zip(&first[1..]).map(begins).sum();
    usize::from(begun) >= BODY_WORDS
}

/// Whether `text` has at most `words` words. Stops counting as soon as the answer is known.
pub fn has_at_most(text: &str, words: usize) -> bool {
    count_words(text, words.saturating_add(1)) <= words
}

fn count_words(text: &str, enough: usize) -> usize {
    let kinds = &*KINDS;
    let (mut spaced, mut unspaced, mut inside) = (0, 0, false);
    for c in text.chars() {
        let kind = match c.is_ascii() {
            true => ASCII_KINDS[c as usize],
            false => kinds.get(c as usize).copied().unwrap_or_else(|| Kind::of(c)),
        };
        match kind {
            Kind::Word if inside => continue,
            Kind::Word => {
                inside = true;
                spaced += 1;
            }
            Kind::Other => continue,
            Kind::Space => {
                inside = false;
                continue;
            }
            Kind::Unspaced => {
                inside = false;
                unspaced += 1;
            }
        }
        if spaced + unspaced * BODY_WORDS / BODY_UNSPACED >= enough {
            return enough;
        }
    }
    spaced + unspaced * BODY_WORDS / BODY_UNSPACED
}

/// The class of a character for counting words.
#[derive(Clone, Copy)]
enum Kind {
    Word,
    Space,
    Unspaced,
    Other,
}

impl Kind {
    fn of(c: char) -> Kind {
        match c {
            _ if is_unspaced(c) => Kind::Unspaced,
            _ if c.is_alphanumeric() => Kind::Word,
            _ if is_space(c) => Kind::Space,
            _ => Kind::Other,
        }
    }
}

/// The classes of ASCII characters.
static ASCII_KINDS: [Kind; 128] = {
    let (mut kinds, mut byte) = ([Kind::Other; 128], 0);
    while byte < 128 {
        let c = byte as u8;
        if c.is_ascii_alphanumeric() {
            kinds[byte] = Kind::Word;
        } else if matches!(c, b'\t'..=b'\r' | b' ') {
            kinds[byte] = Kind::Space;
        }
        byte += 1;
    }
    kinds
};

/// The classes of the characters up to U+FFFF. The tables of the standard library are slow to look
/// up.
static KINDS: LazyLock<Vec<Kind>> = LazyLock::new(|| {
    (0..=0xffff).map(|code| char::from_u32(code).map_or(Kind::Other, Kind::of)).collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_of_scripts_without_marks_are_known_by_their_length() {
        assert!(is_sentence("The talks will go on until Wednesday, she said."));
        assert!(!is_sentence("The talks will go on until Wednesday, she said"));
        let thai = "การเจรจาจะดำเนินต่อไปจนถึงวันพุธ";
        assert!(!is_sentence(thai));
        assert!(is_sentence(&thai.repeat(4)));
    }

    #[test]
    fn counts_words_in_any_script() {
        assert_eq!(words("He said so – on Tuesday."), 5);
        assert_eq!(words("به گزارش خبرنگار ما"), 4);
        assert_eq!(words("発言人星期二表示共有七個代表団参加会議"), 7);
        assert_eq!(words("|  |"), 0);
        assert!(is_long("据当局统计，过去一年该地区的投资增长了百分之七，创下新高。"));
        assert!(!is_long("Seven words do not make a body") && !is_long(""));
        let spaces = "a b c d e f g".to_owned() + &" ".repeat(80);
        assert!(!is_long(&spaces) && is_long(&(spaces + "h")));
    }

    #[test]
    fn values_are_evenly_spaced() {
        for text in ["News / Politics", " News  /\tPolitics\u{200b}", "News\u{a0}/ Politics "] {
            assert_eq!(evenly_spaced(text), "News / Politics");
        }
        assert_eq!(evenly_spaced(" \u{a0}"), "");
    }

    #[test]
    fn sentences_end_in_any_script() {
        for text in [
            "So it was.”",
            "そうです。」",
            "هل هذا صحيح؟",
            "یہ سچ ہے۔",
            "यह सच है।",
            "Ende. ",
            "« Oui. »",
        ] {
            assert!(ends_sentence(text), "{text}");
        }
        for text in ["A headline", "He said:", "", "SHARE →"] {
            assert!(!ends_sentence(text), "{text}");
        }
    }
}
