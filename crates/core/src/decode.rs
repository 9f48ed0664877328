//! Decodes bytes to text and encodes text back to the same bytes.
//!
//! The encoding is taken from a byte order mark, else from the declared encoding, else it is
//! detected. Detection tries seven-bit encodings that switch character sets first, because their
//! bytes are valid UTF-8; then UTF-8, which costs one scan; then UTF-16 and legacy encodings. Where
//! encoding the text again would not give the original bytes, these are kept as [`Patch`]es.

use std::borrow::Cow;
use std::fmt;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::Encoding;
use serde::{Deserialize, Serialize};

/// The number of bytes that the detector of legacy encodings reads. It is slow, and a megabyte is
/// enough.
const DETECTED_BYTES: usize = 1 << 20;

/// How a document's bytes were decoded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coding {
    /// The name of the encoding in the Encoding Standard.
    pub encoding: Cow<'static, str>,
    /// Whether a byte order mark precedes the text.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bom: bool,
}

impl Coding {
    /// Plain UTF-8.
    pub const UTF_8: Coding = Coding { encoding: Cow::Borrowed("UTF-8"), bom: false };
}

/// The original bytes of a range of text that would not encode back to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    /// The start of the range in the decoded text, in bytes.
    pub at: usize,
    /// The length of the range in the decoded text, in bytes.
    pub len: usize,
    /// The original bytes.
    pub bytes: Vec<u8>,
}

/// A decoded document.
#[derive(Clone, Debug)]
pub struct Decoded<'a> {
    /// The text.
    pub text: Cow<'a, str>,
    /// How the bytes were decoded.
    pub coding: Coding,
    /// The ranges that would not encode back, in order.
    pub patches: Vec<Patch>,
}

/// Why a document cannot be decoded to text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotText {
    /// It contains too many NUL bytes or control characters for text.
    Binary,
    /// It is an HTML page.
    Html,
    /// It is longer than the limit.
    TooLong,
    /// It is text in this encoding, which is not supported.
    Encoding(&'static str),
}

impl fmt::Display for NotText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NotText::Binary => "binary data; if it is text, give its encoding with --encoding",
            NotText::Html => "HTML: extract its text first",
            NotText::TooLong => "longer than limits.document_bytes",
            NotText::Encoding(name) => {
                return write!(
                    f,
                    "text in {name}, which is not supported: convert it to UTF-8 first"
                );
            }
        })
    }
}

/// Decodes a document. `declared` is used unless there is a byte order mark.
///
/// # Errors
/// If the document is binary data, HTML, or text in an unsupported encoding.
pub fn decode<'a>(
    bytes: &'a [u8],
    declared: Option<&'static Encoding>,
) -> Result<Decoded<'a>, NotText> {
    let decoded = match (Encoding::for_bom(bytes), declared) {
        (Some((encoding, length)), _) => {
            let mut decoded = decode_as(encoding, &bytes[length..]);
            decoded.coding.bom = true;
            decoded
        }
        (None, Some(encoding)) => decode_as(encoding, bytes),
        (None, None) => match detect_seven_bit(bytes)? {
            Some(encoding) => decode_as(encoding, bytes),
            None => match simdutf8::basic::from_utf8(bytes) {
                Ok(text) if !has_controls(bytes) => {
                    let text = Cow::Borrowed(text);
                    Decoded { text, coding: Coding::UTF_8, patches: Vec::new() }
                }
                _ => decode_as(detect(bytes)?, bytes),
            },
        },
    };
    let start = decoded.text.trim_start();
    let start = start.get(..15).unwrap_or(start).to_ascii_lowercase();
    match start.starts_with("<!doctype html") || start.starts_with("<html") {
        true => Err(NotText::Html),
        false => Ok(decoded),
    }
}

/// The number of control characters that are accepted in any text, as noise from a scraper.
const FEW_CONTROLS: usize = 8;

/// Whether a byte is a control character that does not belong in text. ESC is allowed because
/// ISO-2022 uses it.
fn is_control(b: u8) -> bool {
    (b < b'\t') | (b > b'\r') & (b < b' ') & (b != 0x1b) | (b == 0x7f)
}

/// Whether there are control characters. Most text has none, UTF-16 always has some.
fn has_controls(bytes: &[u8]) -> bool {
    // Folding bools without a branch lets the compiler vectorise the loop.
    bytes.iter().fold(false, |any, &b| any | is_control(b))
}

/// Whether more than one byte in a hundred is NUL, or more than one in fifty a control character.
/// In compressed data, images and programs, about one in ten is.
fn is_binary(bytes: &[u8]) -> bool {
    let nuls = bytes.iter().filter(|&&b| b == 0).count();
    let controls = bytes.iter().filter(|&&b| is_control(b)).count();
    nuls * 100 > bytes.len() || controls > FEW_CONTROLS && controls * 50 > bytes.len()
}

fn detect(bytes: &[u8]) -> Result<&'static Encoding, NotText> {
    if has_controls(bytes) {
        if let Some(encoding) = detect_utf_16(bytes) {
            return Ok(encoding);
        }
        if is_binary(bytes) {
            return Err(NotText::Binary);
        }
    }
    if is_mostly_utf_8(bytes) {
        return Ok(encoding_rs::UTF_8);
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(&bytes[..bytes.len().min(DETECTED_BYTES)], true);
    Ok(detector.guess(None, Utf8Detection::Deny))
}

/// Detects seven-bit encodings that switch character sets with escape sequences (ISO-2022) or
/// tildes (HZ).
///
/// # Errors
/// If the detected encoding is not supported.
fn detect_seven_bit(bytes: &[u8]) -> Result<Option<&'static Encoding>, NotText> {
    const ESC: u8 = 0x1b;
    if !bytes.iter().any(|&b| (b == ESC) | (b == b'~')) || !bytes.is_ascii() {
        return Ok(None);
    }
    let mut found = None;
    for (at, _) in bytes.iter().enumerate().filter(|(_, byte)| **byte == ESC) {
        // Terminals also use `ESC ( B`, so it proves nothing.
        match &bytes[at + 1..] {
            [b'$', b'@' | b'B', ..] | [b'(', b'I' | b'J', ..] => {
                found = Some(encoding_rs::ISO_2022_JP);
            }
            [b'$', b'(', b'D' | b'O' | b'P' | b'Q', ..] | [b'.', b'A' | b'F', ..] => {
                return Err(NotText::Encoding("an extension of ISO-2022-JP"));
            }
            [b'$', b')', b'C', ..] => return Err(NotText::Encoding("ISO-2022-KR")),
            [b'$', b')', b'A' | b'G', ..] => return Err(NotText::Encoding("ISO-2022-CN")),
            _ => {}
        }
    }
    match found.is_none() && is_hz(bytes) {
        true => Err(NotText::Encoding("HZ")),
        false => Ok(found),
    }
}

/// Whether an ASCII text has Chinese, and nothing else, between `~{` and `~}`.
fn is_hz(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    let mut chinese = 0;
    while let Some(start) = rest.windows(2).position(|pair| pair == b"~{") {
        rest = &rest[start + 2..];
        let Some(end) = rest.windows(2).position(|pair| pair == b"~}") else { return false };
        let gb: Vec<u8> = rest[..end].iter().map(|byte| byte | 0x80).collect();
        let (_, failed) = encoding_rs::GBK.decode_without_bom_handling(&gb);
        if failed || gb.len() % 2 == 1 || rest[..end].iter().any(|byte| *byte <= b' ') {
            return false;
        }
        chinese += end / 2;
        rest = &rest[end + 2..];
    }
    chinese > 1
}

/// Detects UTF-16 without a byte order mark.
fn detect_utf_16(bytes: &[u8]) -> Option<&'static Encoding> {
    let bytes = &bytes[..bytes.len().min(DETECTED_BYTES)];
    let candidates =
        [(false, encoding_rs::UTF_16LE), (true, encoding_rs::UTF_16BE)].map(|(big, encoding)| {
            let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]], big));
            Some((Utf16Counts::of(units).score(bytes)?, encoding))
        });
    candidates.into_iter().flatten().max_by_key(|(score, _)| *score).map(|(_, encoding)| encoding)
}

/// Counts of characters by kind when bytes are read as UTF-16.
#[derive(Default)]
struct Utf16Counts {
    all: usize,
    /// Letters, digits and punctuation.
    good: usize,
    /// Control characters, unassigned characters, unpaired surrogates.
    bad: usize,
    /// Characters below U+2000, which include all common alphabets. When bytes of other encodings
    /// are read as UTF-16, half of these would be control characters.
    alphabetic: usize,
    /// Spaces, line endings, and the full stops and commas of East Asia. They are rare when bytes
    /// of other encodings are read as UTF-16.
    separators: usize,
}

impl Utf16Counts {
    fn of(units: impl Iterator<Item = u16>) -> Utf16Counts {
        let mut counts = Utf16Counts::default();
        for decoded in char::decode_utf16(units) {
            counts.all += 1;
            match decoded {
                Ok(' ' | '\n' | '\r' | '\u{3000}'..='\u{3002}' | '\u{ff0c}') => {
                    counts.separators += 1;
                    counts.good += 1;
                }
                // Rare ideographs. Letters of other blocks look like these when their bytes are
                // swapped.
                Ok('\u{3400}'..='\u{4dbf}') => continue,
                Ok('\t' | '!'..='~' | '\u{2010}'..='\u{205e}' | '\u{3003}'..='\u{303f}') => {
                    counts.good += 1;
                }
                Ok('\u{ff01}'..='\u{ff65}') => counts.good += 1,
                Ok('\u{e000}'..='\u{f8ff}' | '\u{fdd0}'..='\u{fdef}' | '\u{fffe}'..='\u{ffff}')
                | Err(_) => counts.bad += 1,
                Ok(c) if c.is_control() => counts.bad += 1,
                Ok(c) => counts.good += usize::from(c.is_alphanumeric()),
            }
            counts.alphabetic += usize::from(decoded.is_ok_and(|c| c < '\u{2000}'));
        }
        counts
    }

    /// How well the counts fit a text. `None` if `bytes` are not UTF-16 in this byte order.
    fn score(&self, bytes: &[u8]) -> Option<usize> {
        // ASCII with some noise would look like ideographs.
        let plain = bytes.iter().filter(|b| matches!(b, b'\n' | b'\r' | b' '..=b'~')).count();
        let is_text = self.all >= 4 && self.bad * 50 <= self.all && self.good * 4 >= self.all * 3;
        let is_utf_16 = self.alphabetic * 5 >= self.all * 4 || self.separators * 100 >= self.all;
        (is_text && is_utf_16 && plain * 10 < bytes.len() * 9)
            .then_some(self.alphabetic + self.separators)
    }
}

/// Whether the bytes are damaged UTF-8 rather than another encoding: at least four valid multi-byte
/// characters per invalid sequence. Legacy text seldom has even one.
fn is_mostly_utf_8(bytes: &[u8]) -> bool {
    let (mut good, mut bad) = (0, 0);
    for chunk in bytes.utf8_chunks() {
        good += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        bad += usize::from(!chunk.invalid().is_empty());
    }
    good >= 4 * bad
}

fn decode_as<'a>(encoding: &'static Encoding, bytes: &'a [u8]) -> Decoded<'a> {
    let coding = Coding { encoding: Cow::Borrowed(encoding.name()), bom: false };
    if encoding == encoding_rs::UTF_8 {
        return decode_utf_8(bytes, coding);
    }
    if encoding == encoding_rs::UTF_16LE || encoding == encoding_rs::UTF_16BE {
        return decode_utf_16(bytes, coding);
    }
    let (text, _) = encoding.decode_without_bom_handling(bytes);
    if *encoding.encode(&text).0 == *bytes {
        return Decoded { text, coding, patches: Vec::new() };
    }
    // Line by line, so that one invalid byte costs a patch of only one line.
    let (mut decoded, mut patches) = (String::with_capacity(text.len()), Vec::new());
    for line in bytes.split_inclusive(|&b| b == b'\n') {
        let (text, _) = encoding.decode_without_bom_handling(line);
        if *encoding.encode(&text).0 != *line {
            patches.push(Patch { at: decoded.len(), len: text.len(), bytes: line.to_vec() });
        }
        decoded.push_str(&text);
    }
    Decoded { text: Cow::Owned(decoded), coding, patches }
}

fn decode_utf_8<'a>(bytes: &'a [u8], coding: Coding) -> Decoded<'a> {
    if let Ok(text) = simdutf8::basic::from_utf8(bytes) {
        return Decoded { text: Cow::Borrowed(text), coding, patches: Vec::new() };
    }
    let (mut text, mut patches) = (String::with_capacity(bytes.len()), Vec::new());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            patches.push(Patch { at: text.len(), len: 3, bytes: chunk.invalid().to_vec() });
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    Decoded { text: Cow::Owned(text), coding, patches }
}

fn decode_utf_16<'a>(bytes: &'a [u8], coding: Coding) -> Decoded<'a> {
    let big = coding.encoding == "UTF-16BE";
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]], big));
    let (mut text, mut patches) = (String::with_capacity(bytes.len()), Vec::new());
    for decoded in char::decode_utf16(units) {
        text.push(decoded.unwrap_or_else(|error| {
            let bytes = unit_bytes(error.unpaired_surrogate(), big).to_vec();
            patches.push(Patch { at: text.len(), len: 3, bytes });
            char::REPLACEMENT_CHARACTER
        }));
    }
    if let [.., last] = bytes
        && bytes.len() % 2 == 1
    {
        patches.push(Patch { at: text.len(), len: 3, bytes: vec![*last] });
        text.push(char::REPLACEMENT_CHARACTER);
    }
    Decoded { text: Cow::Owned(text), coding, patches }
}

fn unit(pair: [u8; 2], big: bool) -> u16 {
    if big { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }
}

fn unit_bytes(unit: u16, big: bool) -> [u8; 2] {
    if big { unit.to_be_bytes() } else { unit.to_le_bytes() }
}

/// Encodes a text to its original bytes: the inverse of [`decode`]. Returns `None` if the encoding
/// is unknown or a patch does not fit the text.
pub fn encode(text: &str, coding: &Coding, patches: &[Patch]) -> Option<Vec<u8>> {
    let encoding = Encoding::for_label(coding.encoding.as_bytes())?;
    let mut bytes = match (coding.bom, &*coding.encoding) {
        (false, _) => Vec::with_capacity(text.len()),
        (true, "UTF-8") => vec![0xef, 0xbb, 0xbf],
        (true, "UTF-16LE") => vec![0xff, 0xfe],
        (true, "UTF-16BE") => vec![0xfe, 0xff],
        _ => return None,
    };
    let mut at = 0;
    for patch in patches {
        encode_into(text.get(at..patch.at)?, encoding, &mut bytes);
        bytes.extend_from_slice(&patch.bytes);
        at = patch.at.checked_add(patch.len)?;
    }
    encode_into(text.get(at..)?, encoding, &mut bytes);
    Some(bytes)
}

fn encode_into(text: &str, encoding: &'static Encoding, bytes: &mut Vec<u8>) {
    if encoding == encoding_rs::UTF_16LE || encoding == encoding_rs::UTF_16BE {
        let big = encoding == encoding_rs::UTF_16BE;
        bytes.extend(text.encode_utf16().flat_map(|unit| unit_bytes(unit, big)));
    } else {
        bytes.extend_from_slice(&encoding.encode(text).0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round_trip<'a>(bytes: &'a [u8], declared: Option<&'static Encoding>) -> Option<Decoded<'a>> {
        let decoded = decode(bytes, declared).ok()?;
        let back = encode(&decoded.text, &decoded.coding, &decoded.patches);
        assert_eq!(back.as_deref(), Some(bytes));
        Some(decoded)
    }

    fn legacy(text: &str, label: &str) -> Vec<u8> {
        let encoding = Encoding::for_label(label.as_bytes()).unwrap();
        let (bytes, _, lossy) = encoding.encode(text);
        assert!(!lossy, "{label} cannot write the sample");
        bytes.into_owned()
    }

    #[test]
    fn compressed_data_is_not_text() {
        // Like images and archives: uniformly distributed bytes, so few of them are NUL.
        let mut state = 1_u32;
        let bytes: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .take(5000)
        .collect();
        assert_eq!(decode(&bytes, None).unwrap_err(), NotText::Binary);
        // Some control characters do not turn text into binary data.
        let line = "Der Minister sagte am Dienstag,\u{1} es gehe mit den Gesprächen weiter.\n";
        let litter = line.repeat(20);
        assert!(decode(litter.as_bytes(), None).is_ok());
        assert!(decode(&legacy(&litter, "windows-1252"), None).is_ok());
    }

    #[test]
    fn legacy_encodings_are_detected_and_come_back() {
        let persian = "دبیر شورای عالی امنیت ملی روز گذشته در تهران گفت که این نشست برگزار شد.";
        let persian = persian.replace('ی', "ي").replace('ک', "ك");
        let samples = [
            (
                "windows-1256",
                "قال المتحدث باسم الوزارة يوم الثلاثاء إن المحادثات ستستأنف بعد أيام بمشاركة جميع الأطراف.",
            ),
            ("windows-1256", &persian),
            (
                "windows-1251",
                "Во вторник представитель министерства сообщил, что в переговорах приняли участие делегации.",
            ),
            (
                "shift_jis",
                "火曜日の会見で報道官は、協議には七つの代表団が参加したと述べました。今後も続きます。",
            ),
            ("gb18030", "发言人星期二表示，共有七个代表团参加了本次会议，双方同意继续保持沟通。"),
            ("euc-kr", "대변인은 화요일 기자회견에서 이번 회의에 모든 대표단이 참석했다고 밝혔다."),
            (
                "windows-1252",
                "Das Ministerium erklärte am Dienstag, die Gespräche würden fortgesetzt – „in Kürze“.",
            ),
            (
                "iso-8859-2",
                "Rzecznik ministerstwa powiedział we wtorek, że rozmowy będą kontynuowane w najbliższych dniach. Żądania są różne.",
            ),
            (
                "iso-8859-7",
                "Ο εκπρόσωπος του υπουργείου δήλωσε την Τρίτη ότι οι συνομιλίες θα συνεχιστούν.",
            ),
        ];
        for (label, text) in samples {
            let bytes = legacy(text, label);
            let decoded = round_trip(&bytes, None).unwrap();
            assert_eq!(decoded.text, text, "{label} read as {}", decoded.coding.encoding);
            let declared = Encoding::for_label(label.as_bytes());
            assert_eq!(round_trip(&bytes, declared).unwrap().text, text, "{label}");
        }
    }

    #[test]
    fn text_of_seven_bits_that_switches_character_sets_is_detected() {
        let text =
            "火曜日の会見で報道官は、協議には七つの代表団が参加したと述べました。\n\nShare\n";
        let bytes = legacy(text, "iso-2022-jp");
        assert!(std::str::from_utf8(&bytes).is_ok());
        let decoded = round_trip(&bytes, None).unwrap();
        assert_eq!((decoded.text.as_ref(), &*decoded.coding.encoding), (text, "ISO-2022-JP"));
        // A line that ends inside a character damages no other line.
        let cut = [&bytes[..], b"\x1b$B$3\n", &bytes[..]].concat();
        let decoded = round_trip(&cut, None).unwrap();
        assert!(decoded.text.starts_with(text) && decoded.text.ends_with(text));
        let kana = b"\x1b(I&1@\x1b(B\n";
        assert_eq!(round_trip(kana, None).unwrap().coding.encoding, "ISO-2022-JP");
        for (bytes, name) in [
            (&b"\x1b$)C\n\x0e1W@;\x0f\n"[..], "ISO-2022-KR"),
            (b"\x1b$)A\x0eVPND\x0f\n", "ISO-2022-CN"),
            (b"\x1b$(D0!\x1b(B \x1b$B0!\x1b(B\n", "an extension of ISO-2022-JP"),
            (b"News: ~{VPND~} (~{VP~})\n", "HZ"),
        ] {
            assert_eq!(decode(bytes, None).unwrap_err(), NotText::Encoding(name));
        }
        for plain in [
            "\x1b[1mBold\x1b(B\x1b[m as a terminal has it.\n",
            "A path: ~/news and ~{user~} and ~{ alone.\n",
            "中文 \x1b$B is UTF-8.\n",
        ] {
            let decoded = round_trip(plain.as_bytes(), None).unwrap();
            assert_eq!((decoded.text.as_ref(), &*decoded.coding.encoding), (plain, "UTF-8"));
        }
    }

    #[test]
    fn utf_16_without_a_mark_is_detected_in_any_script() {
        for text in [
            "A plain line.\n",
            "In 2000, 100,000 people: 0 000 000.\n",
            "Der Minister erklärte am Dienstag, die Gespräche würden fortgesetzt – „in Kürze“.",
            "Thủ tướng cho biết hôm thứ Ba rằng các cuộc đàm phán sẽ tiếp tục.",
            "Во вторник представитель министерства сообщил, что переговоры продолжатся.",
            "Москва",
            "Ο εκπρόσωπος του υπουργείου δήλωσε την Τρίτη ότι οι συνομιλίες θα συνεχιστούν.",
            "قال المتحدث باسم الوزارة يوم الثلاثاء إن المحادثات ستستأنف بعد أيام.",
            "דובר המשרד אמר ביום שלישי כי השיחות יימשכו.",
            "मंत्रालय के प्रवक्ता ने मंगलवार को कहा कि वार्ता जारी रहेगी।",
            "மங்களவாரம் பேச்சுவார்த்தை தொடரும் என்று அமைச்சர் கூறினார்.",
            "โฆษกกระทรวงกล่าวเมื่อวันอังคารว่าการเจรจาจะดำเนินต่อไป",
            "მინისტრმა სამშაბათს განაცხადა, რომ მოლაპარაკებები გაგრძელდება.",
            "ሚኒስትሩ ማክሰኞ ዕለት ንግግሩ እንደሚቀጥል ተናግረዋል።",
            "发言人星期二表示，共有七个代表团参加了本次会议，双方同意继续保持沟通。",
            "發言人星期二表示，共有七個代表團參加了本次會議。雙方同意繼續保持溝通。",
            "火曜日の会見で報道官は、協議には七つの代表団が参加したと述べました。今後も続きます。",
            "대변인은 화요일 기자회견에서 이번 회의에 모든 대표단이 참석했다고 밝혔다.",
            "Fifteen 😀 smiles 😀 in one line.\r\n",
        ] {
            for (big, name) in [(false, "UTF-16LE"), (true, "UTF-16BE")] {
                let bytes: Vec<u8> =
                    text.encode_utf16().flat_map(|unit| unit_bytes(unit, big)).collect();
                let decoded = round_trip(&bytes, None).unwrap_or_else(|| panic!("{text}"));
                assert_eq!((decoded.text.as_ref(), &*decoded.coding.encoding), (text, name));
                // A missing byte at the end changes nothing.
                let cut = round_trip(&bytes[..bytes.len() - 1], None).unwrap();
                assert_eq!(cut.coding.encoding, name, "{text}");
            }
        }
    }

    #[test]
    fn text_with_litter_is_not_utf_16() {
        let line = "The minister told reporters on Tuesday that the talks would go on.\n";
        for litter in ["\0", "\0\0", "\u{1}\0"] {
            let bytes = line.replace(' ', litter).into_bytes();
            let encoding = decode(&bytes, None).map(|decoded| decoded.coding.encoding);
            assert!(!encoding.is_ok_and(|name| name.starts_with("UTF-16")), "{litter:?}");
        }
        let shown = NotText::Binary.to_string();
        assert!(shown.contains("--encoding"), "{shown}");
    }

    #[test]
    fn byte_order_marks_decide() {
        let text = "Tehran, تهران, 德黑兰 𝄞";
        for big in [false, true] {
            let units = || text.encode_utf16().flat_map(move |unit| unit_bytes(unit, big));
            let bom = unit_bytes(0xfeff, big);
            let bytes: Vec<u8> = bom.into_iter().chain(units()).collect();
            let decoded = round_trip(&bytes, Encoding::for_label(b"shift_jis")).unwrap();
            assert_eq!((decoded.text.as_ref(), decoded.coding.bom), (text, true));
            let bare: Vec<u8> =
                "A plain line.\n".encode_utf16().flat_map(|u| unit_bytes(u, big)).collect();
            assert_eq!(round_trip(&bare, None).unwrap().text, "A plain line.\n");
        }
        assert_eq!(round_trip(b"\xef\xbb\xbfx", None).unwrap().text, "x");
    }

    #[test]
    fn malformed_bytes_come_back() {
        let broken = "Das Ministerium erklärte: größer, weiß, für, über — ".as_bytes();
        let broken = [broken, b"\xff\xc3", broken].concat();
        let decoded = round_trip(&broken, None).unwrap();
        assert_eq!(decoded.coding.encoding, "UTF-8");
        assert_eq!(decoded.patches.len(), 2);
        round_trip(b"\xff\xfea\x00\x00\xd8b\x00!", None);
        for label in ["shift_jis", "gb18030", "euc-kr", "iso-2022-jp", "windows-1252", "big5"] {
            round_trip(b"ok\n\x81\xff\x80 \x1b$B bad\nok\n", Encoding::for_label(label.as_bytes()));
        }
    }

    #[test]
    fn patches_that_do_not_fit_are_refused() {
        let patch = |at, len| Patch { at, len, bytes: b"x".to_vec() };
        for patches in [
            vec![patch(3, 1)],
            vec![patch(1, 1), patch(0, 1)],
            vec![patch(1, 2)],
            vec![patch(1, usize::MAX)],
        ] {
            assert_eq!(encode("ab", &Coding::UTF_8, &patches), None, "{patches:?}");
        }
    }

    #[test]
    fn binary_data_and_html_are_rejected() {
        assert_eq!(
            decode(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\xff\0\0", None).unwrap_err(),
            NotText::Binary
        );
        assert_eq!(decode(b" <!DOCTYPE html><p>x", None).unwrap_err(), NotText::Html);
        assert_eq!(decode(b"", None).unwrap().text, "");
    }

    proptest! {
        #[test]
        fn any_bytes_come_back(bytes: Vec<u8>) {
            round_trip(&bytes, None);
        }

        #[test]
        fn any_bytes_come_back_from_any_encoding(
            bytes in prop::collection::vec(prop::sample::select(b"a\n\r \x81\x8f\xa1\xb0\xff\xfe\x00\x1b$B(J\x30".to_vec()), 0..40),
            label in prop::sample::select(vec![
                "utf-8", "utf-16le", "utf-16be", "shift_jis", "gb18030", "gbk", "euc-kr", "euc-jp", "big5",
                "iso-2022-jp", "windows-1256", "windows-1251", "koi8-r", "iso-8859-8", "x-user-defined",
            ]),
        ) {
            round_trip(&bytes, Encoding::for_label(label.as_bytes()));
        }
    }
}
