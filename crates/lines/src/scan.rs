//! Reads one line: its tokens, punctuation, cues and vocabulary words.

use std::ops::Range;

use crate::cues::{self, Cues, Reached};
use crate::text::{Char, Chars, Token};
use crate::words::{Ends, Word, Words};

/// Cues are looked for in so many tokens of a line: a longer line is a paragraph.
const CUE_TOKENS: u32 = 24;
/// Tokens of a line that may occur in other lines.
const CONTENT_TOKENS: u32 = 256;

/// How a line ends.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[repr(u8)]
pub(crate) enum End {
    #[default]
    Other,
    Sentence,
    Question,
    QuotedSentence,
    Colon,
    Comma,
    Ellipsis,
    Letter,
    Digit,
    Closing,
}

/// How a line starts, after a bullet.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[repr(u8)]
pub(crate) enum Start {
    #[default]
    Other,
    Lower,
    Upper,
    Uncased,
    Digit,
    Quote,
    Bracket,
}

/// What one line shows by itself.
#[derive(Clone, Default, PartialEq, Debug)]
pub(crate) struct Facts {
    pub(crate) tokens: u32,
    /// Tokens of one unspaced character.
    pub(crate) unspaced: u32,
    /// Characters without surrounding space and bullet.
    pub(crate) chars: u32,
    pub(crate) digits: u32,
    pub(crate) numbers: u32,
    pub(crate) longest: u32,
    /// Words after the first that begin with a letter, and those with a capital.
    pub(crate) later_words: u32,
    pub(crate) later_capitals: u32,
    /// Words of two letters or more, and those in capitals.
    pub(crate) long_words: u32,
    pub(crate) all_capitals: u32,
    pub(crate) stops: u32,
    pub(crate) commas: u32,
    pub(crate) inner_sentences: u32,
    pub(crate) separators: u32,
    pub(crate) glued: u32,
    pub(crate) indent: u32,
    /// 0 without a bullet, else which sort.
    pub(crate) bullet: u8,
    pub(crate) start: Start,
    pub(crate) end: End,
    pub(crate) flags: u32,
    /// The hash of the tokens.
    pub(crate) hash: u64,
    pub(crate) kinds: u64,
    /// Kinds whose words count as cues.
    pub(crate) cue_kinds: u64,
    pub(crate) cue_tokens: u32,
    /// Tokens among which cues were looked for.
    pub(crate) cue_scope: u32,
}

impl Facts {
    pub(crate) const TAB: u32 = 1;
    pub(crate) const QUOTES: u32 = 1 << 1;
    pub(crate) const HANDLE: u32 = 1 << 2;
    pub(crate) const EMAIL: u32 = 1 << 3;
    pub(crate) const URL: u32 = 1 << 4;
    pub(crate) const COPYRIGHT: u32 = 1 << 5;
    pub(crate) const TIME: u32 = 1 << 6;
    pub(crate) const DATE: u32 = 1 << 7;
    pub(crate) const YEAR: u32 = 1 << 8;
    pub(crate) const BRACKET: u32 = 1 << 9;
    pub(crate) const ALL_BRACKET: u32 = 1 << 10;
    pub(crate) const LABEL: u32 = 1 << 11;
    pub(crate) const ENUMERATED: u32 = 1 << 12;
    pub(crate) const QUESTION_INSIDE: u32 = 1 << 13;

    pub(crate) fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    /// Length in tenths of a word; an unspaced character is six tenths.
    pub(crate) fn length(&self) -> u32 {
        (self.tokens - self.unspaced)
            .saturating_mul(10)
            .saturating_add(self.unspaced.saturating_mul(6))
    }

    /// Whether the line reads as a sentence.
    pub(crate) fn is_prose(&self) -> bool {
        let sentence = matches!(self.end, End::Sentence | End::Question | End::QuotedSentence);
        let length = self.length();
        length >= 100 && (sentence || self.stops.saturating_mul(4) > self.tokens)
            || length >= 40 && sentence
    }
}

/// Reads lines one after the other into the caller's vectors.
pub(crate) struct Scanner<'a> {
    chars: &'static Chars,
    words: &'a Words,
    cues: &'a Cues,
    seen: &'a mut Seen,
    ends: Ends,
}

/// The word and the first step of cues for tokens that were read before, by hash. Most tokens are
/// frequent words, so few are looked up in the large tables.
pub(crate) struct Seen(Box<[(u64, Reached, Word); SEEN]>);

const SEEN: usize = 1 << 13;

impl Default for Seen {
    fn default() -> Self {
        Seen(Box::new([Default::default(); SEEN]))
    }
}

impl Seen {
    /// Forgets all tokens, because other words or cues are used.
    pub(crate) fn clear(&mut self) {
        self.0.fill(Default::default());
    }
}

fn is_closing(c: char) -> bool {
    matches!(
        c,
        '"' | '\''
            | '”'
            | '’'
            | '»'
            | '“'
            | ')'
            | ']'
            | '}'
            | '」'
            | '』'
            | '）'
            | '】'
            | '›'
            | '\u{a0}'
    )
}

fn is_sentence_end(c: char) -> bool {
    matches!(c, '.' | '!' | '?' | '…' | '。' | '！' | '？' | '।' | '۔' | '؟')
}

/// The sort of a bullet; 0 for other characters.
fn bullet(c: char) -> u8 {
    match c {
        '•' | '◦' | '▪' | '*' | '·' | '●' | '○' | '■' | '□' | '‣' => 1,
        '-' | '–' | '—' | '―' => 2,
        '►' | '▶' | '→' | '»' | '›' | '>' | '+' | '|' | '✓' | '✔' => 3,
        _ => 0,
    }
}

/// A line without surrounding white space and leading bullet, with the bullet's sort.
fn bare(line: &str) -> (&str, u8) {
    let is_plain = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_graphic);
    let bytes = line.as_bytes();
    let trimmed = is_plain(bytes.first()) && is_plain(bytes.last());
    let text = if trimmed { line } else { line.trim() };
    if bytes.first().is_some_and(u8::is_ascii_alphanumeric) {
        return (text, 0);
    }
    let mut chars = text.chars();
    let sort = chars.next().map_or(0, bullet);
    if sort == 0 || chars.as_str().is_empty() {
        return (text, 0);
    }
    let rest =
        text.trim_start_matches(|c: char| bullet(c) > 0 || matches!(c, ' ' | '\t' | '\u{a0}'));
    if rest.is_empty() { (text, sort) } else { (rest, sort) }
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(words: &'a Words, cues: &'a Cues, seen: &'a mut Seen) -> Self {
        Scanner { chars: Chars::table(), words, cues, seen, ends: Ends::default() }
    }

    /// Reads a line. `content` gets the hashes of the words that may recur in other lines.
    /// Returns `None` for a line without a token.
    pub(crate) fn read(&mut self, line: &str, content: &mut Vec<u64>) -> Option<Facts> {
        let (text, bullet) = bare(line);
        let mut reading = Reading::new(bullet);
        self.ends.clear();
        let bytes = text.as_bytes();
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if byte == b' ' {
                reading.space();
                at += 1;
                continue;
            }
            let (c, character) = self.char_at(text, at, byte);
            if !c.is_token() {
                at += character.len_utf8();
                if !c.is_ignored() {
                    reading.mark(c, character, text, at);
                }
                continue;
            }
            let start = at;
            reading.begin(c);
            let token;
            if c.is_unspaced() {
                at += character.len_utf8();
                token = Token::unspaced(c);
                if matches!(character, '月' | '日' | '年')
                    && reading.after_number > 0
                    && reading.gap == 0
                {
                    reading.facts.flags |= Facts::DATE;
                }
            } else {
                (token, at) = self.read_token(&mut reading, text, start);
            }
            self.end_token(&mut reading, token, text, start..at, content);
        }
        let mut facts = reading.facts;
        if facts.tokens == 0 {
            return None;
        }
        facts.chars = text.chars().count() as u32;
        facts.hash = self.ends.line();
        let found = reading.cues.finish(facts.tokens.min(CUE_TOKENS));
        facts.kinds = found.kinds.0;
        facts.cue_kinds = self.cues.counted(found.kinds.0);
        facts.cue_tokens = found.cue_tokens;
        facts.cue_scope = found.tokens;
        self.outline(line, text, &mut facts);
        Some(facts)
    }

    /// The character whose first byte is at `at`.
    #[inline(always)]
    fn char_at(&self, text: &str, at: usize, byte: u8) -> (Char, char) {
        if byte < 0x80 {
            (Chars::ascii(byte), char::from(byte))
        } else {
            self.wide_char_at(text, at)
        }
    }

    #[inline(never)]
    fn wide_char_at(&self, text: &str, at: usize) -> (Char, char) {
        let character = text[at..].chars().next().unwrap_or('\0');
        (self.chars.get(character), character)
    }

    /// Reads the token at `at`, which is not unspaced. Returns it and where it ends.
    #[inline]
    fn read_token(&self, reading: &mut Reading, text: &str, mut at: usize) -> (Token, usize) {
        let bytes = text.as_bytes();
        let mut token = Token::new();
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let (length, any) = token.push_ascii(rest);
            if length > 0 {
                if any.is_upper() && any.is_lower() {
                    reading.facts.glued += glued(&rest[..length]);
                }
                reading.in_capitals &= !any.is_lower() && !any.is_digit();
                reading.last = Chars::ascii(rest[length - 1]);
                at += length;
            }
            let Some(byte) = rest.get(length).filter(|byte| !byte.is_ascii()) else {
                return (token, at);
            };
            let (c, character) = self.char_at(text, at, *byte);
            if !c.is_ignored() {
                if !c.is_token() || c.is_unspaced() {
                    return (token, at);
                }
                reading.facts.glued += u32::from(c.is_upper() && reading.last.is_lower());
                reading.in_capitals &= c.is_upper();
                reading.last = c;
                token.push(c);
            }
            at += character.len_utf8();
        }
    }

    /// The vocabulary hashes of the line that was read last.
    pub(crate) fn for_each_hash(&self, each: impl FnMut(u64)) {
        self.ends.for_each(each);
    }

    #[inline]
    fn end_token(
        &mut self,
        reading: &mut Reading,
        token: Token,
        text: &str,
        range: Range<usize>,
        content: &mut Vec<u64>,
    ) {
        let facts = &mut reading.facts;
        let hash = token.hash();
        let later = facts.tokens > 0;
        facts.tokens += 1;
        let seen = &mut self.seen.0[(hash >> 40) as usize % SEEN];
        let mut word = seen.2;
        if facts.tokens <= CUE_TOKENS {
            let text = &text[range.clone()];
            if seen.0 != hash {
                word = self.words.get(hash);
                *seen = (hash, self.cues.start(&token, text), word);
            }
            reading.cues.push(self.cues, seen.1, &token, text);
        } else if seen.0 != hash {
            word = self.words.get(hash);
        }
        facts.longest = facts.longest.max(token.length());
        if token.is_unspaced() {
            facts.unspaced += 1;
            facts.stops += 2 * u32::from(word.is_stop());
        } else {
            facts.stops += u32::from(word.is_stop());
            facts.digits += token.digits();
            if reading.first.is_letter() {
                if later {
                    facts.later_words += 1;
                    facts.later_capitals += u32::from(reading.first.is_upper());
                }
                if token.length() > 1 {
                    facts.long_words += 1;
                    facts.all_capitals += u32::from(reading.in_capitals);
                }
            }
        }
        if word.is_mark() {
            facts.flags |= match token.length() {
                9 => Facts::COPYRIGHT,
                _ => Facts::URL,
            };
        }
        if word.is_domain() && reading.gap == 1 && reading.gap_char == '.' && later {
            facts.flags |= Facts::URL;
        }
        self.ends.push(hash);
        let is_content = token.length() >= 4 || reading.first.code() >= 0xe00;
        if is_content && !word.is_stop() && facts.tokens <= CONTENT_TOKENS {
            content.push(hash);
        }
        if token.is_number() {
            reading.number(&text[range]);
        } else {
            reading.after_number = 0;
        }
        reading.gap = 0;
    }

    /// Start, end and indent, read from the outside in.
    fn outline(&self, line: &str, text: &str, facts: &mut Facts) {
        for c in line.chars() {
            match c {
                '!'..='~' => break,
                '\t' => facts.flags |= Facts::TAB,
                _ if c.is_whitespace() => {}
                _ => break,
            }
            facts.indent += 1;
        }
        let first = text.chars().next().unwrap_or(' ');
        let class = self.chars.get(first);
        facts.start = match first {
            '"' | '\'' | '“' | '‘' | '«' | '„' | '「' | '『' | '—' | '–' | '-' => {
                Start::Quote
            }
            '(' | '[' | '（' | '【' => Start::Bracket,
            _ if class.is_lower() => Start::Lower,
            _ if class.is_upper() => Start::Upper,
            _ if class.is_letter() => Start::Uncased,
            _ if class.is_digit() => Start::Digit,
            _ => Start::Other,
        };
        let core = text.trim_end_matches(|c| is_closing(c) || c == ' ');
        let last = text.chars().next_back().unwrap_or(' ');
        let end = core.chars().next_back().unwrap_or(' ');
        let class = self.chars.get(last);
        facts.end = match end {
            '…' => End::Ellipsis,
            '.' if core.ends_with("...") => End::Ellipsis,
            '!' | '?' | '！' | '？' | '؟' => End::Question,
            _ if is_sentence_end(end) && core.len() == text.len() => End::Sentence,
            _ if is_sentence_end(end) => End::QuotedSentence,
            ':' | '：' => End::Colon,
            ',' | ';' | '，' | '；' | '、' => End::Comma,
            _ if class.is_digit() => End::Digit,
            _ if class.is_letter() => End::Letter,
            _ if is_closing(last) || last == '>' => End::Closing,
            _ => End::Other,
        };
        if facts.start == Start::Bracket && matches!(last, ')' | ']' | '）' | '】') {
            facts.flags |= Facts::ALL_BRACKET;
        }
        if facts.start == Start::Digit {
            let digits = text.bytes().take_while(u8::is_ascii_digit).count();
            let after = &text.as_bytes()[digits..];
            let space = after.get(1).is_none_or(u8::is_ascii_whitespace);
            if digits <= 3 && matches!(after.first(), Some(b'.' | b')')) && space {
                facts.flags |= Facts::ENUMERATED;
            }
        }
        if facts.has(Facts::HANDLE)
            && text.contains('.')
            && !text.contains("@ ")
            && text.contains('@')
        {
            facts.flags |= Facts::EMAIL;
        }
    }
}

/// A line as far as it has been read.
struct Reading {
    facts: Facts,
    cues: cues::Scan,
    first: Char,
    last: Char,
    /// Whether all characters of the current token are capitals.
    in_capitals: bool,
    /// Characters since the last token, and the last of them.
    gap: u32,
    gap_char: char,
    /// Digits of the last token if it is a number; times and dates are numbers with marks between.
    after_number: u32,
    /// 1 after a sentence mark, 2 after the space that follows.
    pending_sentence: u8,
}

impl Reading {
    fn new(bullet: u8) -> Reading {
        Reading {
            facts: Facts { bullet, ..Facts::default() },
            cues: cues::Scan::default(),
            first: Char::default(),
            last: Char::default(),
            in_capitals: true,
            gap: 0,
            gap_char: '\0',
            after_number: 0,
            pending_sentence: 0,
        }
    }

    #[inline]
    fn begin(&mut self, c: Char) {
        self.first = c;
        self.last = Char::default();
        self.in_capitals = true;
        if self.pending_sentence > 0 {
            let starts = self.pending_sentence == 2 && c.is_letter() && !c.is_lower();
            self.facts.inner_sentences += u32::from(starts);
            self.pending_sentence = 0;
        }
    }

    #[inline]
    fn space(&mut self) {
        self.gap += 1;
        self.gap_char = ' ';
        if self.pending_sentence == 1 {
            self.pending_sentence = 2;
        }
    }

    /// A token has ended that is a number.
    fn number(&mut self, text: &str) {
        let digits = text.chars().count() as u32;
        self.facts.numbers += 1;
        if self.after_number > 0 && self.gap == 1 {
            match self.gap_char {
                ':' | '.' if self.after_number <= 2 && digits == 2 => {
                    self.facts.flags |= Facts::TIME
                }
                _ => {}
            }
            // The mark says which, once a third number follows: 1.2.2026, 2026-02-01.
            if matches!(self.gap_char, '.' | '/' | '-') {
                if self.facts.flags & PART_OF_DATE != 0 {
                    self.facts.flags |= Facts::DATE;
                }
                self.facts.flags |= PART_OF_DATE;
            }
        } else {
            self.facts.flags &= !PART_OF_DATE;
        }
        if digits == 4 && (text.starts_with("19") || text.starts_with("20")) {
            self.facts.flags |= Facts::YEAR;
        }
        self.after_number = digits;
    }

    /// A character that belongs to no token and is not a space; `end` is where it ends.
    fn mark(&mut self, class: Char, c: char, text: &str, end: usize) {
        self.gap += 1;
        self.gap_char = c;
        let facts = &mut self.facts;
        match c {
            ',' | '，' | '、' => facts.commas += 1,
            '|' | '•' | '·' | '/' | '>' | '›' | '»' | '→' => facts.separators += 1,
            ':' | '：'
                if facts.commas == 0 && (2..26).contains(&text[..end].chars().take(26).count()) =>
            {
                facts.flags |= Facts::LABEL
            }
            '@' | '#' => facts.flags |= Facts::HANDLE,
            '©' | '®' => facts.flags |= Facts::COPYRIGHT,
            '(' | '[' | '（' | '【' => facts.flags |= Facts::BRACKET,
            '?' | '？' | '؟' => facts.flags |= Facts::QUESTION_INSIDE,
            '\t' => facts.flags |= Facts::TAB,
            _ => {}
        }
        if matches!(c, '"' | '“' | '”' | '„' | '«' | '»' | '「' | '」') {
            facts.flags |= Facts::QUOTES;
        }
        match c {
            '。' | '！' | '？' => {
                facts.inner_sentences += 1;
                self.pending_sentence = 0;
            }
            _ if is_sentence_end(c) => self.pending_sentence = 1,
            _ if class.is_space() => {
                if self.pending_sentence == 1 {
                    self.pending_sentence = 2;
                }
            }
            _ if is_closing(c) && self.pending_sentence == 1 => {}
            '"' | '\'' | '“' | '‘' | '«' | '(' | '[' if self.pending_sentence == 2 => {}
            _ => self.pending_sentence = 0,
        }
    }
}

/// Capitals after small letters.
fn glued(word: &[u8]) -> u32 {
    let pairs = word.windows(2);
    pairs.filter(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase()).count() as u32
}

/// Two numbers with a mark between, maybe the start of a date.
const PART_OF_DATE: u32 = 1 << 31;

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(line: &str) -> Option<Facts> {
        let words = Words::new(&[]);
        let cues = Cues::new([(0, "log in"), (1, "said")]).expect("the cues are valid");
        let cues = cues.uncounted(crate::Kinds(0b10));
        Scanner::new(&words, &cues, &mut Seen::default()).read(line, &mut Vec::new())
    }

    fn read(line: &str) -> Facts {
        facts(line).unwrap_or_else(|| panic!("{line:?} has a token"))
    }

    #[test]
    fn a_line_without_a_letter_or_digit_has_no_facts() {
        for line in ["", "  \t", "— • —", "***", "…", "\u{feff}\u{200b}"] {
            assert_eq!(facts(line), None, "{line:?}");
        }
    }

    #[test]
    fn ends_are_distinguished() {
        let ends = [
            ("It rained.", End::Sentence),
            ("天气很好。", End::Sentence),
            ("“It rained.”", End::QuotedSentence),
            ("(It rained.)", End::QuotedSentence),
            ("Did it rain?", End::Question),
            ("Read also:", End::Colon),
            ("rain, ", End::Comma),
            ("and then…", End::Ellipsis),
            ("and then...", End::Ellipsis),
            ("Sport", End::Letter),
            ("2026", End::Digit),
            ("Sport (live)", End::Closing),
            ("Sport →", End::Other),
        ];
        for (line, end) in ends {
            assert_eq!(read(line).end, end, "{line}");
        }
    }

    #[test]
    fn starts_come_after_indent_and_bullet() {
        let starts = [
            ("Sport", Start::Upper, 0, 0),
            ("sport", Start::Lower, 0, 0),
            ("  • Sport", Start::Upper, 1, 2),
            ("- “Sport”", Start::Quote, 2, 0),
            ("► 12 photos", Start::Digit, 3, 0),
            ("[Sport]", Start::Bracket, 0, 0),
            ("体育", Start::Uncased, 0, 0),
            ("#sport", Start::Other, 0, 0),
        ];
        for (line, start, bullet, indent) in starts {
            let facts = read(line);
            assert_eq!(
                (facts.start, facts.bullet, facts.indent),
                (start, bullet, indent),
                "{line}"
            );
        }
    }

    #[test]
    fn marks_in_a_line_are_flags() {
        let flags = [
            ("10:45", Facts::TIME),
            ("on 1.2.2026 and", Facts::DATE),
            ("2026-02-01", Facts::DATE),
            ("2月1日", Facts::DATE),
            ("in 1999", Facts::YEAR),
            ("see www.example.org", Facts::URL),
            ("see example.org for more", Facts::URL),
            ("Copyright Example", Facts::COPYRIGHT),
            ("© Example", Facts::COPYRIGHT),
            ("write to desk@example.invalid", Facts::EMAIL),
            ("@example", Facts::HANDLE),
            ("Photo: A. Bird", Facts::LABEL),
            ("1. First", Facts::ENUMERATED),
            ("[advertisement]", Facts::ALL_BRACKET),
            ("a “quoted” word", Facts::QUOTES),
        ];
        for (line, flag) in flags {
            assert!(read(line).has(flag), "{line}");
        }
        let plain = read("The mayor said that the bridge would be open again");
        assert_eq!(plain.flags, 0);
        assert!(!read("3.5 percent").has(Facts::DATE | Facts::TIME));
    }

    #[test]
    fn words_are_counted_by_sort() {
        let facts = read("The BBC and Anna Bird, of the HomeNews: 12 of 2026");
        assert_eq!((facts.tokens, facts.numbers, facts.digits), (11, 2, 6));
        assert_eq!((facts.later_words, facts.later_capitals), (8, 4));
        assert_eq!((facts.long_words, facts.all_capitals), (9, 1));
        assert_eq!((facts.commas, facts.glued, facts.longest), (1, 1, 8));
        assert!(facts.stops >= 5);
        let chinese = read("他们在山上的家里");
        assert_eq!((chinese.tokens, chinese.unspaced, chinese.length()), (8, 8, 48));
    }

    #[test]
    fn sentences_inside_a_line_are_counted() {
        let counts = [
            ("One.", 0),
            ("One. Two.", 1),
            ("One.” “Two! Three?", 2),
            ("Version 1.2 of it", 0),
            ("e. g. this", 0),
            ("一。二。三", 2),
        ];
        for (line, sentences) in counts {
            assert_eq!(read(line).inner_sentences, sentences, "{line}");
        }
    }

    #[test]
    fn prose_is_a_sentence_of_some_length() {
        assert!(read("The mayor said that it rained.").is_prose());
        assert!(!read("It rained.").is_prose());
        assert!(!read("The mayor said that it …").is_prose());
        assert!(
            !read("Sport Culture Travel Food Health Science Books Radio Weather Video").is_prose()
        );
        assert!(read("the end of the line that was cut by one of the tools in the").is_prose());
    }

    #[test]
    fn cues_and_words_of_uncounted_kinds_are_kinds() {
        let facts = read("Log in, she said");
        assert_eq!((facts.kinds, facts.cue_kinds), (0b11, 0b01));
        assert_eq!((facts.cue_tokens, facts.cue_scope), (2, 4));
    }
}
