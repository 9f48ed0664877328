//! Finds the title of a document: the line above the article that shares the most words with it.
//!
//! Above the article of a full web page there are also menus, teasers, names of the site and its
//! sections, a standfirst and captions. Teasers and menus share few words with the article.
//! Standfirsts and captions are longer than titles and end with a full stop. The constants below
//! were chosen on 4,600 labelled news pages in 30 languages.

use crate::{Document, Line, script};

/// The maximum number of sentences of the article that are compared with a title.
const SENTENCES: usize = 20;
/// The article begins at two sentences with fewer lines than this between them. A cookie notice or
/// teaser above the title is often a single sentence.
const NEAR: usize = 3;
/// The maximum number of words in most titles.
const MOST_WORDS: usize = 16;
/// The maximum number of words in a title that looks like a sentence: a question, an exclamation or
/// a quote.
const MOST_SENTENCE_WORDS: usize = 20;
/// The number of characters at the start of a word that are compared, because endings are
/// inflected.
const STEM: usize = 6;
/// The minimum number of characters of a word that is compared.
const SHORTEST: usize = 4;

impl<'a> Document<'a> {
    /// The line above the article that shares the most words with it. If none shares any, the first
    /// one with a letter. Lines of a bulleted list are excluded.
    ///
    /// A line must be clearly better than the lines above it, because a standfirst also shares many
    /// words with the article. `None` if there is no body line or no such line above it. The result
    /// is kept until a line that it depends on is removed or rewritten.
    pub fn title(&self) -> Option<Line<'_, 'a>> {
        let (title, _) = self.title.get_or_init(|| {
            let (start, near) = self.article_start();
            let title = start.and_then(|start| self.find_title(start));
            let sentences = start.into_iter().flat_map(|start| {
                self.lines_in(start.index()..usize::MAX).filter(|line| line.is_body())
            });
            // One sentence more than is compared, because the first one may be the title. If no
            // sentences are near each other, every line counts.
            let last = sentences.map(|line| line.index()).nth(SENTENCES).filter(|_| near);
            (title.map(|line| line.index()), last.unwrap_or(usize::MAX))
        });
        title.map(|index| self.line(index))
    }

    /// Discards the title if it depends on a line.
    pub(crate) fn forget_title(&mut self, changed: usize) {
        if self.title.get().is_some_and(|(_, last)| changed <= *last) {
            self.title.take();
        }
    }

    fn find_title<'d>(&'d self, start: Line<'d, 'a>) -> Option<Line<'d, 'a>> {
        let above = self.lines_in(0..start.index()).filter(is_candidate);
        let sentence = Some(start).filter(|line| is_candidate(line) && is_like_title(line.text()));
        let mut candidates = above.chain(sentence);
        let (first, second) = (candidates.next()?, candidates.next());
        let Some(second) = second else { return Some(first) };

        let mut title = (first, 0);
        let mut words = Words::default();
        words.learn(self, start.index());
        for line in [first, second].into_iter().chain(candidates) {
            if line.index() == start.index() {
                words.learn(self, start.index() + 1);
            }
            let score = words.score(line.text());
            if score * 3 > title.1 * 5 {
                title = (line, score);
            }
        }
        Some(title.0)
    }

    /// The first body line that has another one near it, else the first body line. Whether it has
    /// one.
    fn article_start(&self) -> (Option<Line<'_, 'a>>, bool) {
        let mut first = None;
        let mut above: Option<Line<'_, 'a>> = None;
        let mut between = 0;
        for line in self.lines().filter(|line| !line.is_blank()) {
            between += 1;
            if !line.is_body() {
                continue;
            }
            if above.is_some() && between <= NEAR {
                return (above, true);
            }
            first = first.or(Some(line));
            (above, between) = (Some(line), 0);
        }
        (first, false)
    }
}

fn is_candidate(line: &Line<'_, '_>) -> bool {
    let text = line.text().trim_start();
    !text.starts_with(['•', '◦', '▪', '●', '■', '‣', '⁃', '*', '·'])
        && text.chars().any(char::is_alphabetic)
}

/// Whether a line that ends like a sentence may be a title.
fn is_like_title(text: &str) -> bool {
    !ends_with_full_stop(text) && script::has_at_most(text, MOST_SENTENCE_WORDS)
}

fn ends_with_full_stop(text: &str) -> bool {
    text.trim_end().ends_with(['.', '。', '．', '।', '۔'])
}

/// Hashes of the words of an article's first sentences.
#[derive(Default)]
struct Words {
    article: Vec<u64>,
    /// The hashes of the current line.
    line: Vec<u64>,
}

impl Words {
    /// Collects the words of the first body lines from `start` on.
    fn learn(&mut self, doc: &Document<'_>, start: usize) {
        self.article.clear();
        let lines = doc.lines_in(start..usize::MAX).filter(|line| line.is_body());
        for line in lines.take(SENTENCES) {
            for_each_word(line.text(), |word| self.article.push(word));
        }
        self.article.sort_unstable();
    }

    /// How much a line looks like the title: the square of the number of words that it shares with
    /// the article, divided by its number of words; less for lines that are too long or too short,
    /// and for sentences.
    fn score(&mut self, text: &str) -> usize {
        self.line.clear();
        let count = for_each_word(text, |word| self.line.push(word));
        self.line.sort_unstable();
        self.line.dedup();
        let shared =
            self.line.iter().filter(|word| self.article.binary_search(word).is_ok()).count();
        let mut divisor = self.line.len().max(1);
        if ends_with_full_stop(text) {
            divisor *= 4;
        }
        if count > MOST_WORDS {
            divisor *= 6;
        } else if count < 3 {
            divisor *= 2;
        }
        (shared * shared * 10_000).div_ceil(divisor)
    }
}

/// Calls `each` with a hash of every word that is long enough to compare, and returns the number of
/// all words. In scripts without spaces every two characters are a word to compare, and count as
/// one.
fn for_each_word(text: &str, mut each: impl FnMut(u64)) -> usize {
    let (mut unspaced, mut words, mut last) = (0, 0, None);
    let mut word = Word::default();
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if byte.is_ascii() {
            last = None;
            let rest = &bytes[at..];
            let run = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
            match run {
                0 => words += usize::from(word.end(&mut each)),
                _ => word.push_ascii(rest, run),
            }
            at += run.max(1);
            continue;
        }
        let Some(c) = text[at..].chars().next() else { break };
        at += c.len_utf8();
        if script::is_unspaced(c) && c.is_alphanumeric() {
            unspaced += 1;
            if let Some(last) = last.replace(c) {
                each(hash(hash(START, last), c));
            }
            words += usize::from(word.end(&mut each));
            continue;
        }
        last = None;
        match c.is_alphanumeric() {
            true => word.push(c),
            false => words += usize::from(word.end(&mut each)),
        }
    }
    words += usize::from(word.end(&mut each));
    words + unspaced / 2
}

/// The hash of no characters (FNV-1a).
const START: u64 = 0xcbf2_9ce4_8422_2325;

fn hash(hash: u64, c: char) -> u64 {
    (hash ^ u64::from(u32::from(c))).wrapping_mul(0x0100_0000_01b3)
}

/// A word as far as it was read.
#[derive(Default)]
struct Word {
    length: usize,
    syllables: usize,
    /// Of a word of ASCII characters, the characters themselves.
    hash: u64,
    /// Whether there are other characters.
    mixed: bool,
}

impl Word {
    #[inline]
    fn push(&mut self, c: char) {
        self.length += 1;
        if self.length > STEM {
            return;
        }
        self.syllables += usize::from(matches!(c, '가'..='힣'));
        // Of a Korean word, two syllables are compared, because particles follow.
        if self.syllables >= 3 {
            return;
        }
        for lower in c.to_lowercase() {
            self.mixed |= !lower.is_ascii();
            self.hash = match self.mixed {
                false => self.hash | u64::from(u32::from(lower)) << (8 * (self.length - 1)),
                true => hash(self.hash, lower),
            };
        }
    }

    /// Pushes the first `run` bytes of a text, which are ASCII letters and digits.
    #[inline]
    fn push_ascii(&mut self, text: &[u8], run: usize) {
        if let Some(first) = text.first_chunk::<8>().filter(|_| self.length == 0) {
            // Lower case. Digits have this bit, too.
            let lower = u64::from_le_bytes(*first) | u64::from_le_bytes([0x20; 8]);
            self.hash = lower & u64::MAX >> (64 - 8 * run.min(STEM));
            self.length = run;
            return;
        }
        for byte in &text[..run] {
            self.push(char::from(*byte));
        }
    }

    /// Ends the word. Returns whether there was one.
    #[inline]
    fn end(&mut self, each: &mut impl FnMut(u64)) -> bool {
        if self.length == 0 {
            return false;
        }
        let word = std::mem::take(self);
        if word.length >= SHORTEST || word.syllables >= 2 {
            each(word.hash);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rule;
    use std::borrow::Cow;

    const NO_RULES: &[Rule; 0] = &[];

    /// The title of a text in which `…` is an article about a bridge.
    fn title(text: &str) -> String {
        let article = "The mayor said on Monday that the old bridge in Elmford would be open again.\n\n\
            Repairs of the bridge had been closed for more than two years, and were expensive.";
        let text = text.replace('…', article);
        let doc = Document::new(&text, NO_RULES, |text| Cow::Borrowed(text));
        doc.title().map(|line| line.text().to_owned()).unwrap_or_default()
    }

    #[test]
    fn the_title_shares_words_with_the_article() {
        let menu = "Valley Post\nNews\nSport\nFive recipes for autumn\nTraffic\n";
        let title_of = |head: &str| title(&format!("{menu}{head}\n…\n"));
        assert_eq!(
            title_of("Elmford\nElmford bridge will open again"),
            "Elmford bridge will open again"
        );
        // A standfirst shares more words, a caption too.
        let standfirst = "Lorries may use the repaired bridge in Elmford again, the mayor said.";
        let bridge = "Bridge in Elmford repaired";
        assert_eq!(title_of(&format!("{bridge}\n{standfirst}")), bridge);
        assert_eq!(title_of(&format!("{bridge}\n\nThe mayor on the bridge in Elmford")), bridge);
    }

    #[test]
    fn endings_of_words_do_not_matter() {
        assert_eq!(title("Menu\nRepaired bridges\n\n…\n"), "Repaired bridges");
        let text = "메뉴\n다리가 다시 열린다\n\n시장은 다리를 월요일에 다시 연다고 지역 기자들에게 공식적으로 밝혔다.";
        assert_eq!(title(text), "다리가 다시 열린다");
        let text =
            "首页\n老桥重新开放\n\n市长星期一对记者说这座老桥将在春天重新开放给所有居民使用。";
        assert_eq!(title(text), "老桥重新开放");
    }

    #[test]
    fn a_question_above_the_article_may_be_the_title() {
        let question = "Will the old bridge in Elmford be open again before the winter?";
        assert_eq!(title(&format!("Elmford\n\n{question}\n\n…\n")), question);
        let sentence = "The old bridge in Elmford will be open again before the winter.";
        assert_eq!(title(&format!("Elmford\n\n{sentence}\n\n…\n")), "Elmford");
    }

    #[test]
    fn a_lone_sentence_above_the_title_is_not_the_article() {
        let notice = "We use cookies to give you the best experience on all of our pages.";
        let menu = "News\nSport\nTraffic\nCulture";
        assert_eq!(
            title(&format!("{notice}\n{menu}\nThe bridge opens\n\n…\n")),
            "The bridge opens"
        );
    }

    #[test]
    fn without_shared_words_the_first_line_that_may_be_one() {
        assert_eq!(title("• Home\n27.11.2026\nA bargain\nWeather\n\n…\n"), "A bargain");
        assert_eq!(title("• Home\n\n…\n"), "");
        assert_eq!(title("…\n"), "");
        assert_eq!(title("Home\nNews\n"), "");
    }
}
