//! Word tables: frequent function words of many languages, and the vocabulary of a model.

use std::sync::LazyLock;

use crate::text::{self, combine};

/// The most frequent words of 25 languages. Prose has many of them, menus have few.
const STOP_WORDS: &str = "
the of and to in a is that for it as was with be by on not he his but at are this have from or had
an they which one you were all her she there would their we him been has when who will no more if
out so said what up its about into than them can only other new some could time these two may then
do first any my now such like our over me even most made after also did many before must through
back where much your well down should because each just those people how too under never us while
last might since years off came come here der die und den von zu das mit sich des auf für ist im
dem nicht ein eine als auch es werden aus er hat dass sie nach wird bei einer um am sind noch wie
einem über einen zum war haben nur oder aber vor zur bis mehr durch man sein wurde sei kann wenn
ihre seine ich wir schon gegen vom können diese dieser sagte unter wieder etwa habe mich uns ihr
de la le et les en un du une que est pour qui dans par plus pas au sur ne se ce il sont avec ou
son aux d l qu n s c sa cette mais ses comme été être fait ont nous leur y elle deux même ces
après ans bien sans entre était peut tout où el los del las por para con una su al lo como más
pero sus ya o este sí porque esta cuando muy sin sobre también hasta hay donde quien desde todo
nos durante todos uno ni contra otros ese eso ante ellos fue ha han está según di che e per è non
della sono da si dei alla più nel anche dal ma gli delle questo lui stato essere hanno fatto nella
tra cui ai degli loro em com não uma os na dos mas ao ele à seu sua quando muito já eu também só
pelo pela até isso ela depois sem mesmo aos seus foi são het een van ik te dat niet op aan met
voor maar om hem dan zou wat mijn men dit zo door ze zich bij ook tot je mij uit daar haar naar
heb hoe heeft hebben deze want nog zal zij nu geen iets worden toch waren veel meer doen moet
zonder kan hun dus alles onder ja werd wordt och det att i jag hon som på med var sig för så till
är ett hade av icke mig henne då har inte hans honom skulle hennes där min ej vid kunde något från
ut när efter upp vi vara vad över än dig sina här mot någon eller og til å ikke fra seg jeg ble
blir skal vil etter når også være opp nå hadde ham ved sier af blev hvor ei että oli hän mutta
ovat kuin myös kun ole tai sen joka niin hänen mukaan olla jo jos vain nyt w z nie się że jest jak
po co tym za od ale przez są dla tak przy jego już tylko być czy który które która oraz może jej
jako także v že ve pro jsou jeho až jen které který byl podle také která už při není és az hogy
nem egy volt csak még meg már mint ki azt lesz ez fel kell után și în cu pe din că care mai fi
pentru sunt sau bir bu için ile çok daha gibi olarak kadar olan ama sonra olduğunu göre değil ise
diye şu yang dari untuk dengan ini itu pada tidak dalam akan oleh juga ke bisa ada mereka sudah
saya adalah atau telah karena và của là có cho không được người trong một với các đã này những để
khi từ đến cũng như về и в не на что с по это как а то но он из у за от к его о для мы же все так
бы или было был она они до при также если уже чтобы года только і та що з як про це від його але є
після року да се е са че като през си към και το η ο να του της που με για την από σε τα στο δεν
οι τον είναι ότι θα τη των στην ένα μια من في على أن إلى التي عن مع هذا الذي ما لا هذه بين كان كما
بعد قال قد لم كل של את על הוא לא כי זה עם גם או היא אל אם כל יותר היה אני אבל که در به از این را
با است برای آن یک می تا بر ها شود هم के की में है और से को का ने पर यह भी हैं कि एक नहीं इस हो था
wa kwa katika cha kuwa hiyo huo wake kui see ka oma ta ning mis või siis ir kad į iš kaip yra bet
tik apie savo buvo dėl að í á við ekki með það fyrir
";

/// The most frequent characters of Chinese and Japanese function words.
const STOP_CHARACTERS: &str =
    "的了是在不和有我他这中大来上个国到说们为子一就也与及对于被のにはをたがでとしれさいもなす";

/// What follows the dot of a host name.
const TOP_LEVEL_DOMAINS: &str =
    "com org net de co uk fr es it info tv se no jp cn ru at ch nl pl br";

/// Words that make a line an address or a copyright notice.
const MARKS: &str = "http https www copyright";

/// What a token is, apart from its place in the vocabulary.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Word {
    /// Position in the vocabulary plus one; 0 if the token is not in it.
    id: u16,
    flags: u16,
}

/// A table of words by hash: the stop words and a vocabulary.
///
/// Keys are 32 bits, as in the model file. A bitmap rejects most tokens before the table is read.
#[derive(Clone)]
pub(crate) struct Words {
    filter: Box<[u64; FILTER_WORDS]>,
    // Invariant: a power of two in length, at least half of it empty (key 0).
    slots: Vec<(u32, Word)>,
}

/// What a vocabulary key stands for besides a token anywhere in a line.
pub(crate) const FIRST: u64 = 0x8f1b_bcdc_0000_0001;
pub(crate) const LAST: u64 = 0xca62_c1d6_0000_0002;
pub(crate) const PAIR: u64 = 0x6ed9_eba1_0000_0003;
pub(crate) const LINE: u64 = 0x5a82_7999_0000_0004;

const FILTER_WORDS: usize = 2048;

/// The key of a hash in tables and model files; never 0.
#[inline]
pub(crate) fn key(hash: u64) -> u32 {
    (hash >> 32) as u32 | 1
}

impl Words {
    /// The stop words and a vocabulary of distinct keys, whose positions become ids.
    pub(crate) fn new(vocabulary: &[u32]) -> Self {
        static BASE: LazyLock<Vec<(u32, u16)>> = LazyLock::new(|| {
            let mut base = Vec::new();
            let mut add = |text: &str, flag: u16| {
                text::for_each_token(text, |token, _| base.push((key(token.hash()), flag)));
            };
            add(STOP_WORDS, Word::STOP);
            add(STOP_CHARACTERS, Word::STOP);
            add(TOP_LEVEL_DOMAINS, Word::DOMAIN);
            add(MARKS, Word::MARK);
            base
        });
        let size = ((BASE.len() + vocabulary.len()) * 2 + 2).next_power_of_two();
        let mut words =
            Words { filter: Box::new([0; FILTER_WORDS]), slots: vec![(0, Word::default()); size] };
        for &(key, flag) in BASE.iter() {
            words.entry(key).flags |= flag;
        }
        for (id, &key) in (1..).zip(vocabulary) {
            words.entry(key).id = id;
        }
        words
    }

    fn entry(&mut self, key: u32) -> &mut Word {
        let bit = Self::bit(key);
        self.filter[bit / 64] |= 1 << (bit % 64);
        let mask = self.slots.len() - 1;
        let mut at = Self::first_slot(key) & mask;
        while self.slots[at].0 != 0 && self.slots[at].0 != key {
            at = (at + 1) & mask;
        }
        self.slots[at].0 = key;
        &mut self.slots[at].1
    }

    #[inline]
    fn bit(key: u32) -> usize {
        (key >> 1) as usize & (FILTER_WORDS * 64 - 1)
    }

    #[inline]
    fn first_slot(key: u32) -> usize {
        (key >> 14) as usize
    }

    /// The word with this hash.
    #[inline]
    pub(crate) fn get(&self, hash: u64) -> Word {
        let key = key(hash);
        let bit = Self::bit(key);
        if self.filter[bit / 64] >> (bit % 64) & 1 == 0 {
            return Word::default();
        }
        let mask = self.slots.len() - 1;
        let mut at = Self::first_slot(key) & mask;
        loop {
            match self.slots[at & mask] {
                (0, _) => return Word::default(),
                (found, word) if found == key => return word,
                _ => at += 1,
            }
        }
    }
}

impl Word {
    const STOP: u16 = 1;
    const DOMAIN: u16 = 1 << 1;
    const MARK: u16 = 1 << 2;

    #[inline]
    pub(crate) fn is_stop(self) -> bool {
        self.flags & Self::STOP != 0
    }

    /// Whether it may be the end of a host name.
    #[inline]
    pub(crate) fn is_domain(self) -> bool {
        self.flags & Self::DOMAIN != 0
    }

    /// Whether it makes a line an address or a copyright notice.
    #[inline]
    pub(crate) fn is_mark(self) -> bool {
        self.flags & Self::MARK != 0
    }

    /// Position in the vocabulary.
    #[inline]
    pub(crate) fn id(self) -> Option<u16> {
        self.id.checked_sub(1)
    }
}

/// Tokens at the start of a line whose words count.
const HEAD: usize = 10;
/// Tokens at the end of a line whose words count.
const TAIL: usize = 5;
const SHORT: usize = HEAD + TAIL;
/// A line of at most so many tokens is in the vocabulary as a whole.
const WHOLE: usize = 6;

/// The tokens of a line that may be in the vocabulary: the first and the last ones.
#[derive(Clone, Default)]
pub(crate) struct Ends {
    hashes: [u64; 32],
    count: usize,
    line: u64,
}

impl Ends {
    pub(crate) fn clear(&mut self) {
        self.count = 0;
        self.line = 0;
    }

    #[inline]
    pub(crate) fn push(&mut self, hash: u64) {
        // The first 15 stay; later ones share a ring of 8.
        let at = if self.count < SHORT { self.count } else { 16 | (self.count - SHORT) & 7 };
        self.hashes[at & 31] = hash;
        self.count += 1;
        self.line = combine(self.line, hash);
    }

    /// The hash of all tokens, in order.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    #[inline]
    fn get(&self, at: usize) -> u64 {
        let at = if at < SHORT { at } else { 16 | (at - SHORT) & 7 };
        self.hashes[at & 31]
    }

    /// Calls `each` with every vocabulary hash of the line. At most 32.
    #[inline]
    pub(crate) fn for_each(&self, mut each: impl FnMut(u64)) {
        if self.count == 0 {
            return;
        }
        let short = self.count <= SHORT;
        let head = if short { self.count } else { HEAD };
        let tail = if short { self.count } else { self.count - TAIL };
        let mut before = None;
        for at in (0..head).chain(tail..self.count) {
            let hash = self.get(at);
            each(hash);
            if let Some(before) = before
                && at != tail
            {
                each(combine(before, hash) ^ PAIR);
            }
            before = Some(hash);
        }
        each(self.get(0) ^ FIRST);
        each(self.get(self.count - 1) ^ LAST);
        if self.count <= WHOLE {
            each(self.line ^ LINE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(word: &str) -> u64 {
        let mut hash = 0;
        text::for_each_token(word, |token, _| hash = token.hash());
        hash
    }

    #[test]
    fn stop_words_and_the_vocabulary_share_a_table() {
        let words = Words::new(&[key(hash("subscribe")), key(hash("the"))]);
        assert_eq!(words.get(hash("Subscribe")).id(), Some(0));
        assert!(!words.get(hash("subscribe")).is_stop());
        let the = words.get(hash("the"));
        assert_eq!((the.id(), the.is_stop()), (Some(1), true));
        assert!(words.get(hash("für")).is_stop() && words.get(hash("のに")).is_stop());
        assert!(words.get(hash("com")).is_domain());
        assert_eq!(words.get(hash("chaffinch")), Word::default());
    }

    fn count(tokens: usize) -> usize {
        let mut ends = Ends::default();
        let text: String = (0..tokens).map(|n| format!("{} ", "a".repeat(n + 1))).collect();
        text::for_each_token(&text, |token, _| ends.push(token.hash()));
        let mut seen = Vec::new();
        ends.for_each(|hash| seen.push(hash));
        let all = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), all, "each hash once for {tokens} tokens");
        all
    }

    #[test]
    fn long_lines_give_the_words_of_their_ends() {
        assert_eq!([0, 1, 2, 6, 7].map(count), [0, 4, 6, 14, 15]);
        // 15 words, their pairs, the first and the last one.
        assert_eq!(count(15), 31);
        // The pair across the gap does not count.
        assert_eq!([16, 17, 40, 400].map(count), [30; 4]);
        let mut long = Ends::default();
        let mut last = 0;
        text::for_each_token(&"word ".repeat(50).replace("word", "some other word"), |token, _| {
            long.push(token.hash());
            last = token.hash();
        });
        let mut seen = Vec::new();
        long.for_each(|hash| seen.push(hash));
        assert!(seen.contains(&(last ^ LAST)));
    }
}
