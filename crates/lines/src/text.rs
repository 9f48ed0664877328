//! Characters and tokens as the model and the cue matcher see them.
//!
//! A *token* is a run of letters and digits, or one character of a script that is written without
//! spaces. Tokens are compared by the hash of their *folded* characters: lower case, without
//! accents, with the letter variants of Arabic, Greek and Cyrillic unified and every digit as `0`.
//! Folding drops combining marks, so composed and decomposed text give the same tokens.

use std::ops::Range;
use std::sync::LazyLock;

/// The folded characters of a `Char`, and what kind of character it is, packed into one word.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Char(u64);

impl Char {
    // Everything but the second folded character is in the lower half, so that flags are tested
    // with short instructions.
    const CODE: u64 = (1 << 21) - 1;
    const LETTER: u64 = 1 << 21;
    const DIGIT: u64 = 1 << 22;
    const UPPER: u64 = 1 << 23;
    const LOWER: u64 = 1 << 24;
    const UNSPACED: u64 = 1 << 25;
    const IGNORED: u64 = 1 << 26;
    const SPACE: u64 = 1 << 27;
    const SECOND: u32 = 32;

    /// The folded character.
    pub(crate) fn code(self) -> u32 {
        (self.0 & Self::CODE) as u32
    }

    /// The second folded character, for letters that fold to two (`ß`); else 0.
    pub(crate) fn second(self) -> u32 {
        (self.0 >> Self::SECOND & Self::CODE) as u32
    }

    /// Whether the character is part of a token.
    pub(crate) fn is_token(self) -> bool {
        self.0 & (Self::LETTER | Self::DIGIT) != 0
    }

    pub(crate) fn is_letter(self) -> bool {
        self.0 & Self::LETTER != 0
    }

    pub(crate) fn is_digit(self) -> bool {
        self.0 & Self::DIGIT != 0
    }

    pub(crate) fn is_upper(self) -> bool {
        self.0 & Self::UPPER != 0
    }

    pub(crate) fn is_lower(self) -> bool {
        self.0 & Self::LOWER != 0
    }

    /// Whether the character is a token by itself.
    pub(crate) fn is_unspaced(self) -> bool {
        self.0 & Self::UNSPACED != 0
    }

    /// Whether the character neither belongs to a token nor ends one (combining marks).
    pub(crate) fn is_ignored(self) -> bool {
        self.0 & Self::IGNORED != 0
    }

    pub(crate) fn is_space(self) -> bool {
        self.0 & Self::SPACE != 0
    }
}

/// Letters that fold to a base letter. Lower case only; upper case is lowered first.
const FOLDED: &[(char, &str)] = &[
    ('a', "àáâãäåāăąǎǟǡǻȁȃȧḁạảấầẩẫậắằẳẵặ"),
    ('b', "ɓḃḅḇ"),
    ('c', "çćĉċčḉ"),
    ('d', "ðďđɗḋḍḏḑḓ"),
    ('e', "èéêëēĕėęěȅȇȩḕḗḙḛḝẹẻẽếềểễệ"),
    ('f', "ƒḟ"),
    ('g', "ĝğġģǧǵḡ"),
    ('h', "ĥħȟḣḥḧḩḫẖ"),
    ('i', "ìíîïĩīĭįıǐȉȋḭḯỉị"),
    ('j', "ĵǰ"),
    ('k', "ķƙǩḱḳḵ"),
    ('l', "ĺļľŀłḷḹḻḽ"),
    ('m', "ḿṁṃ"),
    ('n', "ñńņňǹṅṇṉṋ"),
    ('o', "òóôõöøōŏőơǒǫǭǿȍȏȫȭȯȱṍṏṑṓọỏốồổỗộớờởỡợ"),
    ('p', "ṕṗ"),
    ('r', "ŕŗřȑȓṙṛṝṟ"),
    ('s', "śŝşšſșṡṣṥṧṩẛ"),
    ('t', "ţťŧțṫṭṯṱẗ"),
    ('u', "ùúûüũūŭůűųưǔǖǘǚǜȕȗṳṵṷṹṻụủứừửữự"),
    ('v', "ṽṿ"),
    ('w', "ŵẁẃẅẇẉẘ"),
    ('x', "ẋẍ"),
    ('y', "ýÿŷȳẏẙỳỵỷỹ"),
    ('z', "źżžẑẓẕ"),
    ('α', "άἀἁἂἃἄἅἆἇὰάᾀᾁᾂᾃᾄᾅᾆᾇᾰᾱᾲᾳᾴᾶᾷ"),
    ('ε', "έϵἐἑἒἓἔἕὲέ"),
    ('η', "ήἠἡἢἣἤἥἦἧὴήᾐᾑᾒᾓᾔᾕᾖᾗῂῃῄῆῇ"),
    ('ι', "ίΐϊἰἱἲἳἴἵἶἷὶίιῐῑῒΐῖῗ"),
    ('ο', "όὀὁὂὃὄὅὸό"),
    ('ρ', "ῤῥ"),
    ('σ', "ς"),
    ('υ', "ύϋΰὐὑὒὓὔὕὖὗὺύῠῡῢΰῦῧ"),
    ('ω', "ώὠὡὢὣὤὥὦὧὼώᾠᾡᾢᾣᾤᾥᾦᾧῲῳῴῶῷ"),
    ('а', "ӑӓ"),
    ('г', "ѓ"),
    ('е', "ѐёӗ"),
    ('ж', "ӂӝ"),
    ('и', "йѝӣӥ"),
    ('і', "ї"),
    ('к', "ќ"),
    ('у', "ўӯӱӳ"),
    ('ه', "ةۀە"),
    ('ا', "أإآٱ"),
    ('و', "ؤ"),
    ('ي', "ىیئې"),
    ('ك', "ک"),
    ('क', "\u{958}"),
    ('ख', "\u{959}"),
    ('ग', "\u{95a}"),
    ('ज', "\u{95b}"),
    ('ड', "\u{95c}"),
    ('ढ', "\u{95d}"),
    ('फ', "\u{95e}"),
    ('य', "\u{95f}"),
];

/// Letters that fold to two.
const SPLIT: &[(char, char, char)] =
    &[('ß', 's', 's'), ('æ', 'a', 'e'), ('ǽ', 'a', 'e'), ('œ', 'o', 'e'), ('ĳ', 'i', 'j')];

const TABLE: usize = 0x2000;

/// The first 8,192 characters, looked up instead of classified: nearly all text but Han and kana.
pub(crate) struct Chars {
    table: Box<[Char; TABLE]>,
}

/// The same for bytes; those that are not ASCII are no token.
static ASCII: [Char; 256] = {
    let mut table = [Char(0); 256];
    let mut byte = 0;
    while byte < 0x80 {
        let flags = match byte as u8 {
            b'A'..=b'Z' => Char::LETTER | Char::UPPER,
            b'a'..=b'z' => Char::LETTER | Char::LOWER,
            b'0'..=b'9' => Char::DIGIT,
            b'\t'..=b'\r' | b' ' => Char::SPACE,
            _ => 0,
        };
        let code = if flags == Char::DIGIT { b'0' } else { (byte as u8).to_ascii_lowercase() };
        table[byte] = Char(code as u64 | flags);
        byte += 1;
    }
    table
};

impl Chars {
    /// The table, built on first use.
    pub(crate) fn table() -> &'static Chars {
        static CHARS: LazyLock<Chars> = LazyLock::new(|| {
            let mut table = Box::new([Char(0); TABLE]);
            for (code, entry) in (0..).zip(table.iter_mut()) {
                *entry = char::from_u32(code).map_or(Char(0), classify);
            }
            let mut targets = vec![0; TABLE];
            for (to, letters) in FOLDED {
                for from in letters.chars() {
                    targets[from as usize] = u64::from(u32::from(*to));
                }
            }
            for &(from, one, two) in SPLIT {
                targets[from as usize] =
                    u64::from(u32::from(one)) | u64::from(u32::from(two)) << Char::SECOND;
            }
            // Upper-case letters have the code of their lower case by now.
            for code in 0..TABLE {
                let folded = targets[table[code].code() as usize % TABLE];
                if folded != 0 && table[code].is_letter() {
                    let entry = &mut table[code];
                    entry.0 = entry.0 & !(Char::CODE | Char::CODE << Char::SECOND) | folded;
                }
            }
            Chars { table }
        });
        &CHARS
    }

    /// What `c` is.
    #[inline]
    pub(crate) fn get(&self, c: char) -> Char {
        match self.table.get(c as usize) {
            Some(&known) => known,
            None => self.beyond(c),
        }
    }

    /// What an ASCII byte is; other bytes are nothing.
    #[inline]
    pub(crate) fn ascii(byte: u8) -> Char {
        ASCII[byte as usize]
    }

    fn beyond(&self, c: char) -> Char {
        match u32::from(c) {
            // Full-width forms are written as their ASCII counterparts.
            code @ 0xff01..=0xff5e => Chars::ascii((code - 0xfee0) as u8),
            code @ (0x3041..=0x3096 | 0x3400..=0x4dbf | 0x4e00..=0x9fff) => {
                Char(u64::from(code) | Char::LETTER | Char::UNSPACED)
            }
            code @ 0xac00..=0xd7a3 => Char(u64::from(code) | Char::LETTER),
            _ => classify(c),
        }
    }
}

fn lower(c: char) -> char {
    match c {
        // Its lower case is an `i` and a combining dot.
        'İ' => 'i',
        _ => c.to_lowercase().next().unwrap_or(c),
    }
}

/// Classifies `c` without the letter folding of the table.
fn classify(c: char) -> Char {
    let code = u64::from(u32::from(lower(c)));
    if is_ignored(c) {
        return Char(code | Char::IGNORED);
    }
    if c.is_whitespace() || c == '\u{200c}' {
        return Char(code | Char::SPACE);
    }
    if c.is_numeric() && !is_han_numeral(c) {
        return Char(u64::from(b'0') | Char::DIGIT);
    }
    if !c.is_alphanumeric() {
        return Char(code);
    }
    let mut flags = Char::LETTER;
    if c.is_uppercase() {
        flags |= Char::UPPER;
    }
    if c.is_lowercase() {
        flags |= Char::LOWER;
    }
    if is_unspaced(c) {
        flags |= Char::UNSPACED;
    }
    Char(code | flags)
}

/// Whether `c` is a letter of a script that is written without spaces between words.
fn is_unspaced(c: char) -> bool {
    matches!(u32::from(c),
        0x0e00..=0x0fff | 0x1000..=0x109f | 0x1780..=0x17ff | 0x3005 | 0x3040..=0x30ff
        | 0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xf900..=0xfaff | 0x20000..=0x3ffff)
}

/// Han characters that Unicode counts as numbers are words to a reader.
fn is_han_numeral(c: char) -> bool {
    matches!(u32::from(c), 0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xf900..=0xfaff)
}

/// Combining marks and characters that show nothing: they belong to the token around them.
fn is_ignored(c: char) -> bool {
    matches!(u32::from(c),
        0x00ad | 0x0300..=0x036f | 0x0483..=0x0489
        | 0x0591..=0x05bd | 0x05bf | 0x05c1 | 0x05c2 | 0x05c4 | 0x05c5 | 0x05c7
        | 0x0610..=0x061a | 0x0640 | 0x064b..=0x065f | 0x0670 | 0x06d6..=0x06dc
        | 0x06df..=0x06e4 | 0x06e7 | 0x06e8 | 0x06ea..=0x06ed
        | 0x093c | 0x094d | 0x09bc | 0x09cd | 0x0a3c | 0x0a4d | 0x0abc | 0x0acd | 0x0b3c | 0x0b4d
        | 0x0bcd | 0x0c4d | 0x0ccd | 0x0d4d | 0x0dca
        | 0x0e47..=0x0e4c | 0x0e4e | 0x0ec8..=0x0ecc | 0x1037 | 0x1039 | 0x103a
        | 0x17c9..=0x17d1 | 0x17d2 | 0x17d3 | 0x17dd
        | 0x200b | 0x200d | 0x200e | 0x200f | 0x2060 | 0xfe00..=0xfe0f | 0xfeff)
}

const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// Stems have at most so many folded characters.
pub(crate) const LONGEST_STEM: usize = 24;

/// A token as a key: the hash of its folded characters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    state: u64,
    length: u32,
    digits: u32,
    unspaced: bool,
}

impl Token {
    /// The empty token.
    pub(crate) fn new() -> Self {
        Token { state: MULTIPLIER, length: 0, digits: 0, unspaced: false }
    }

    /// The token of one unspaced character.
    #[inline]
    pub(crate) fn unspaced(c: Char) -> Self {
        let mut token = Token { unspaced: true, ..Token::new() };
        token.push(c);
        token
    }

    /// Appends a character of a token.
    #[inline]
    pub(crate) fn push(&mut self, c: Char) {
        self.push_code(c.code());
        self.digits += u32::from(c.is_digit());
        if c.second() != 0 {
            self.push_code(c.second());
        }
    }

    #[inline]
    fn push_code(&mut self, code: u32) {
        self.state = (self.state ^ u64::from(code)).wrapping_mul(MULTIPLIER).rotate_left(23);
        self.length += 1;
    }

    /// Appends the ASCII letters and digits at the start of `bytes`. Returns their number and the
    /// flags that any of them has.
    #[inline]
    pub(crate) fn push_ascii(&mut self, bytes: &[u8]) -> (usize, Char) {
        let (mut any, mut length) = (0, 0);
        while let Some(c) = bytes.get(length).map(|byte| Chars::ascii(*byte))
            && c.is_token()
        {
            // The code of an ASCII character is ASCII.
            let code = u64::from(c.0 as u8);
            self.state = (self.state ^ code).wrapping_mul(MULTIPLIER).rotate_left(23);
            any |= c.0;
            length += 1;
        }
        self.length += length as u32;
        let any = Char(any);
        if any.is_digit() {
            let digits = bytes[..length].iter().filter(|byte| byte.is_ascii_digit()).count();
            self.digits += digits as u32;
        }
        (length, any)
    }

    /// Length in folded characters.
    pub(crate) fn length(&self) -> u32 {
        self.length
    }

    /// Digits among the folded characters.
    pub(crate) fn digits(&self) -> u32 {
        self.digits
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Whether the token has digits only.
    pub(crate) fn is_number(&self) -> bool {
        self.digits == self.length && self.length > 0
    }

    pub(crate) fn is_unspaced(&self) -> bool {
        self.unspaced
    }

    /// The hash of the folded token. Every run of digits of one length has the same.
    #[inline]
    pub(crate) fn hash(&self) -> u64 {
        self.state.wrapping_mul(MULTIPLIER)
    }
}

/// The hashes of a token's prefixes.
pub(crate) struct Prefixes([u64; LONGEST_STEM]);

impl Prefixes {
    /// The prefixes of the token with this text.
    pub(crate) fn of(text: &str) -> Self {
        let chars = Chars::table();
        let mut hashes = [0; LONGEST_STEM];
        let mut token = Token::new();
        let mut push = |code: u32| {
            token.push_code(code);
            if let Some(hash) = hashes.get_mut(token.length as usize - 1) {
                *hash = token.hash();
            }
        };
        for c in text.chars().map(|c| chars.get(c)).filter(|c| c.is_token()) {
            push(c.code());
            if c.second() != 0 {
                push(c.second());
            }
        }
        Prefixes(hashes)
    }

    /// The hash of the first `length` folded characters, equal to that of a token that has only
    /// these. `length` is at most the token's and [`LONGEST_STEM`].
    pub(crate) fn hash(&self, length: u32) -> u64 {
        self.0[length as usize - 1]
    }
}

/// Combines two hashes; order matters.
#[inline]
pub(crate) fn combine(one: u64, other: u64) -> u64 {
    (one.rotate_left(29) ^ other).wrapping_mul(MULTIPLIER)
}

/// Calls `each` with every token of a text and the token's text, in order.
#[inline]
pub(crate) fn for_each_token(text: &str, mut each: impl FnMut(&Token, &str)) {
    let chars = Chars::table();
    let mut token = Token::new();
    let mut start = 0;
    for (at, character) in text.char_indices() {
        let c = chars.get(character);
        if c.is_token() && !c.is_unspaced() {
            start = if token.is_empty() { at } else { start };
            token.push(c);
        } else if !c.is_ignored() {
            if !token.is_empty() {
                each(&token, &text[start..at]);
                token = Token::new();
            }
            if c.is_unspaced() {
                each(&Token::unspaced(c), &text[at..at + character.len_utf8()]);
            }
        }
    }
    if !token.is_empty() {
        each(&token, &text[start..]);
    }
}

/// The tokens of a text, each with its place and hash.
pub(crate) fn token_texts(text: &str) -> Vec<(Range<usize>, u64)> {
    let chars = Chars::table();
    let mut tokens = Vec::new();
    let mut token = Token::new();
    let mut start = 0;
    let mut end = 0;
    for (at, c) in text.char_indices() {
        let class = chars.get(c);
        if class.is_ignored() {
            continue;
        }
        if !token.is_empty() && (!class.is_token() || class.is_unspaced()) {
            tokens.push((start..end, token.hash()));
            token = Token::new();
        }
        if class.is_token() {
            start = if token.is_empty() { at } else { start };
            end = at + c.len_utf8();
            token.push(class);
            if class.is_unspaced() {
                tokens.push((start..end, token.hash()));
                token = Token::new();
            }
        }
    }
    if !token.is_empty() {
        tokens.push((start..end, token.hash()));
    }
    tokens
}

/// The tokens of a text, as hashes of their lower case.
pub(crate) fn tokens(text: &str) -> Vec<u64> {
    let chars = Chars::table();
    let mut tokens = Vec::new();
    let mut hash = 0u64;
    let mut open = false;
    let mix = |hash: u64, c: char| {
        (hash ^ u64::from(u32::from(c)) ^ 0x5bd1)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(31)
    };
    for c in text.chars().flat_map(char::to_lowercase) {
        let class = chars.get(c);
        if class.is_ignored() {
            continue;
        }
        if open && (!class.is_token() || class.is_unspaced()) {
            tokens.push(std::mem::take(&mut hash));
            open = false;
        }
        if class.is_unspaced() {
            tokens.push(mix(0, c));
        } else if class.is_token() {
            hash = mix(hash, c);
            open = true;
        }
    }
    if open {
        tokens.push(hash);
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(text: &str) -> Vec<u64> {
        let mut hashes = Vec::new();
        for_each_token(text, |token, _| hashes.push(token.hash()));
        hashes
    }

    #[test]
    fn tokens_are_runs_of_letters_and_digits_or_unspaced_characters() {
        let counts = [
            ("", 0),
            ("— … • _", 0),
            ("Don't panic, it's 10:30.", 7),
            ("分享到微信", 5),
            ("ツイートする・シェア", 9),
            ("분享", 2),
            ("می\u{200c}شود", 2),
            ("हिन्दी में", 2),
            ("co\u{ad}operate", 1),
            ("ภาษาไทย", 7),
        ];
        for (text, tokens) in counts {
            assert_eq!(hashes(text).len(), tokens, "{text}");
            let with_texts: Vec<u64> =
                token_texts(text).into_iter().map(|(_, hash)| hash).collect();
            assert_eq!(with_texts, hashes(text), "{text}");
        }
    }

    #[test]
    fn the_table_of_bytes_is_that_of_characters() {
        for byte in 0..0x80 {
            assert!(Chars::ascii(byte) == classify(char::from(byte)), "{byte}");
        }
    }

    #[test]
    fn variants_of_a_word_have_one_hash() {
        let variants = [
            ("Île-de-France", "ile de france"),
            ("cafe\u{301}", "CAFÉ"),
            ("STRASSE straße Straẞe", "strasse strasse strasse"),
            ("İstanbul ısı Irak", "istanbul isi irak"),
            ("Ещё ЕЩЕ", "еще еще"),
            ("إشترك", "اشترك"),
            ("کتابی", "كتابي"),
            ("مُشَارَكَة", "مشاركه"),
            ("ΕΙΔΉΣΕΙΣ", "ειδησεισ"),
            ("ειδήσεις", "ΕΙΔΗΣΕΙΣ"),
            ("Ｆａｃｅｂｏｏｋ", "facebook"),
            ("2024 ٢٠٢٤", "1999 0000"),
            ("Știri știri ştiri", "stiri stiri stiri"),
        ];
        for (one, other) in variants {
            assert_eq!(hashes(one), hashes(other), "{one} and {other}");
        }
        assert_ne!(hashes("24"), hashes("2024"));
        assert_ne!(hashes("share"), hashes("shared"));
    }

    #[test]
    fn the_hash_of_a_prefix_is_that_of_the_shorter_token() {
        let prefixes = Prefixes::of("Abonnieren");
        let prefixes: Vec<u64> = (1..=10).map(|length| prefixes.hash(length)).collect();
        let shorter: Vec<u64> = (1..=10).flat_map(|end| hashes(&"abonnieren"[..end])).collect();
        assert_eq!(prefixes, shorter);
    }
}
