//! Computes the [`features`](crate::features) of every line of a page: its own facts and its place among
//! the other lines. Everything is computed with integers, so that the result is the same on every machine.

use std::ops::Range;

use crate::counts::Counts;
use crate::cues::Cues;
use crate::features::*;
use crate::known::{KnownLines, MOST_MISSES};
use crate::scan::{End, Facts, Scanner, Seen};
use crate::words::Words;

/// A line counts as at most so many tenths of a word among its neighbours.
const LONGEST: u32 = 4000;
/// A line adds at most so many tenths of a word to a block.
const BLOCK_LONGEST: u32 = 600;
/// Distances above this count as this.
const FARTHEST: u32 = 60;
/// What a line that is no prose takes from a block, in tenths of a word: loose, main, dense.
const BLOCK_COSTS: [u32; 3] = [30, 70, 150];
const MAIN: usize = 1;

/// What is summed over windows of lines.
#[derive(Clone, Copy)]
enum Sum {
    Length,
    Prose,
    Bullets,
    Short,
    Capitals,
    Sentences,
    Repeated,
    Stops,
    Dates,
    CueShare,
    CueLines,
    Count,
}

type Sums = [u32; Sum::Count as usize];

/// Distances to and runs of lines on one side of a line.
#[derive(Clone, Copy, Default)]
struct Side {
    prose: u32,
    prose_length: u32,
    long: u32,
    long_length: u32,
    short_run: u32,
    bullet_run: u32,
    prose_run: u32,
    blocks: [u64; 3],
}

/// The features of one page after another, in reused memory.
#[derive(Default)]
pub(crate) struct Page {
    /// A row for each line with a token.
    rows: Vec<Row>,
    /// The position of each row's line among all lines.
    lines: Vec<u32>,
    facts: Vec<Facts>,
    /// Vocabulary ids of all rows, and where each row's end.
    ids: Vec<u16>,
    id_ends: Vec<u32>,
    content: Vec<u64>,
    content_ends: Vec<u32>,
    slots: Vec<u32>,
    /// For each word of a line that another line on one side has, the nearest such line.
    others: Vec<u32>,
    words: Counts,
    repeats: Counts,
    times: Vec<(u32, bool)>,
    /// Sums of all lines before each line, and of all lines. They wrap; differences are small.
    sums: Vec<Sums>,
    before: Vec<Side>,
    /// The rows of the main block.
    main: Range<usize>,
    prose_lines: u32,
    seen: Seen,
    known: KnownLines,
    /// Memory for the next known lines.
    spare: KnownLines,
}

impl Page {
    /// Computes the features of a page and returns its number of lines.
    pub(crate) fn read<'t>(
        &mut self,
        lines: impl IntoIterator<Item = &'t str>,
        words: &Words,
        cues: &Cues,
    ) -> usize {
        self.read_with(lines, words, cues, None, |_| ())
    }

    /// The same for the page of a model with this digest. Lines that are the same as on the last
    /// page of this model are not read again.
    pub(crate) fn read_for<'t>(
        &mut self,
        model: u64,
        lines: impl IntoIterator<Item = &'t str>,
        words: &Words,
        cues: &Cues,
    ) -> usize {
        self.read_with(lines, words, cues, Some((model, cues.digest())), |_| ())
    }

    /// The same; `each` gets every vocabulary hash of every line.
    pub(crate) fn read_with<'t>(
        &mut self,
        lines: impl IntoIterator<Item = &'t str>,
        words: &Words,
        cues: &Cues,
        reader: Option<(u64, u64)>,
        mut each: impl FnMut(u64),
    ) -> usize {
        self.clear();
        if self.known.reader != reader || reader.is_none() {
            self.known.clear();
            self.seen.clear();
        }
        self.spare.clear();
        self.spare.reader = reader;
        let mut scanner = Scanner::new(words, cues, &mut self.seen);
        let (mut line_count, mut next, mut misses) = (0, 0, 0);
        for (position, line) in (0..).zip(lines) {
            line_count = position + 1;
            let (content, ids) = (self.content.len(), self.ids.len());
            let is_same = misses < MOST_MISSES;
            let facts = match is_same.then(|| self.known.find(line, next)).flatten() {
                Some(at) => {
                    next = at + 1;
                    let known = &self.known;
                    self.content.extend(&known.content[known.range(at, |line| line.content)]);
                    self.ids.extend(&known.ids[known.range(at, |line| line.ids)]);
                    known.lines[at].facts.clone()
                }
                None => {
                    misses += 1;
                    let facts = scanner.read(line, &mut self.content);
                    if facts.is_some() {
                        scanner.for_each_hash(|hash| {
                            self.ids.extend(words.get(hash).id());
                            each(hash);
                        });
                    }
                    facts
                }
            };
            if reader.is_some() {
                let own = (&self.content[content..], &self.ids[ids..]);
                self.spare.push(line, facts.as_ref(), own.0, own.1);
            }
            let Some(facts) = facts else { continue };
            self.content_ends.push(self.content.len() as u32);
            self.id_ends.push(self.ids.len() as u32);
            self.facts.push(facts);
            self.lines.push(position);
        }
        std::mem::swap(&mut self.known, &mut self.spare);
        // Rows of an earlier page may stay: every feature of every row is set below.
        self.rows.resize(self.facts.len(), [0; COUNT]);
        if self.rows.is_empty() {
            return line_count as usize;
        }
        self.count_repeats();
        self.sum_up();
        self.line_features(line_count);
        self.windows();
        self.sides();
        self.shared_words();
        self.page_features();
        line_count as usize
    }

    fn clear(&mut self) {
        self.lines.clear();
        self.facts.clear();
        self.ids.clear();
        self.id_ends.clear();
        self.content.clear();
        self.content_ends.clear();
        self.times.clear();
        self.sums.clear();
        self.before.clear();
        self.prose_lines = 0;
    }

    /// The bins of every line with a token.
    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The positions of these lines among all lines.
    pub(crate) fn lines(&self) -> &[u32] {
        &self.lines
    }

    pub(crate) fn facts(&self) -> &[Facts] {
        &self.facts
    }

    /// The cue kinds of a row; none of a paragraph, where a cue proves nothing.
    pub(crate) fn kinds(&self, row: usize) -> u64 {
        let facts = &self.facts[row];
        let short = facts.tokens <= 20 || facts.tokens <= 30 && facts.unspaced * 2 > facts.tokens;
        if short { facts.kinds } else { 0 }
    }

    /// The vocabulary ids of a row.
    pub(crate) fn ids(&self, row: usize) -> &[u16] {
        let start = if row == 0 { 0 } else { self.id_ends[row - 1] as usize };
        &self.ids[start..self.id_ends[row] as usize]
    }

    /// Lines that read as sentences.
    pub(crate) fn prose_lines(&self) -> u32 {
        self.prose_lines
    }

    fn count_repeats(&mut self) {
        self.repeats.start(self.facts.len());
        self.slots.clear();
        for facts in &self.facts {
            let slot = self.repeats.slot(facts.hash);
            let entry = self.repeats.entry(slot);
            self.times.push((0, entry.all > 0));
            entry.all = entry.all.saturating_add(1);
            self.slots.push(slot);
        }
        for ((times, _), &slot) in self.times.iter_mut().zip(&self.slots) {
            *times = self.repeats.entry(slot).all - 1;
        }
    }

    fn sum_up(&mut self) {
        let mut sums: Sums = [0; Sum::Count as usize];
        self.sums.push(sums);
        for (facts, &(times, _)) in self.facts.iter().zip(&self.times) {
            let length = facts.length().min(LONGEST);
            let prose = facts.is_prose();
            self.prose_lines += u32::from(prose);
            let sentence = matches!(facts.end, End::Sentence | End::Question | End::QuotedSentence);
            let dates = Facts::TIME | Facts::DATE | Facts::YEAR;
            let mut add = |sum: Sum, value: u32| {
                sums[sum as usize] = sums[sum as usize].wrapping_add(value);
            };
            add(Sum::Length, length);
            add(Sum::Prose, if prose { length } else { 0 });
            add(Sum::Bullets, u32::from(facts.bullet > 0));
            add(Sum::Short, u32::from(is_short(facts)));
            add(Sum::Capitals, share(facts.later_capitals, facts.later_words, 9));
            add(Sum::Sentences, u32::from(sentence));
            add(Sum::Repeated, u32::from(times > 0));
            add(Sum::Stops, stop_share(facts));
            add(Sum::Dates, u32::from(facts.has(dates)));
            add(Sum::CueShare, cue_share(facts));
            add(Sum::CueLines, u32::from(facts.cue_kinds != 0));
            self.sums.push(sums);
        }
    }

    fn line_features(&mut self, line_count: u32) {
        let count = self.rows.len();
        let mut length_before = 0u64;
        let all: u64 = self.facts.iter().map(|facts| u64::from(facts.length())).sum();
        for (at, row) in self.rows.iter_mut().enumerate() {
            let facts = &self.facts[at];
            let (times, repeats) = self.times[at];
            let length = facts.length();
            set(row, TOKENS, log_bin(length / 5));
            set(row, CHARS, log_bin(facts.chars));
            set(row, MEAN_TOKEN, facts.chars.saturating_mul(2) / facts.tokens);
            set(row, END, facts.end as u32);
            set(row, START, facts.start as u32);
            set(row, BULLET, u32::from(facts.bullet));
            set(row, INDENT, facts.indent);
            set(row, TAB, u32::from(facts.has(Facts::TAB)));
            set(row, CAPITALS, share_of_some(facts.later_capitals, facts.later_words, 8));
            set(row, ALL_CAPITALS, share_of_some(facts.all_capitals, facts.long_words, 8));
            set(
                row,
                DIGITS,
                share_of_some(facts.digits, if facts.digits > 0 { facts.chars } else { 0 }, 14),
            );
            set(row, NUMBERS, share(facts.numbers, facts.tokens, 8));
            set(row, STOP_SHARE, stop_share(facts));
            set(row, STOPS, log_bin(facts.stops));
            set(row, COMMAS, share(facts.commas, facts.tokens, 24));
            set(row, INNER_SENTENCES, log_bin(facts.inner_sentences));
            set(row, QUOTES, u32::from(facts.has(Facts::QUOTES)));
            set(row, SEPARATORS, log_bin(facts.separators));
            let handle = facts.has(Facts::HANDLE);
            set(row, HANDLE, u32::from(handle) + u32::from(facts.has(Facts::EMAIL)));
            set(row, URL, u32::from(facts.has(Facts::URL)));
            set(row, COPYRIGHT, u32::from(facts.has(Facts::COPYRIGHT)));
            let time = u32::from(facts.has(Facts::TIME));
            let date = u32::from(facts.has(Facts::DATE));
            set(row, TIME_DATE, time | date << 1 | u32::from(facts.has(Facts::YEAR)) << 2);
            let brackets = [Facts::BRACKET, Facts::ALL_BRACKET];
            set(row, BRACKET, brackets.map(|flag| u32::from(facts.has(flag))).iter().sum());
            set(row, LONG_TOKEN, u32::from(facts.longest > 22));
            set(row, GLUED, facts.glued);
            set(row, LABEL, u32::from(facts.has(Facts::LABEL)));
            set(row, ENUMERATED, u32::from(facts.has(Facts::ENUMERATED)));
            set(row, UNSPACED, share(facts.unspaced, facts.tokens, 4));
            set(row, PROSE, u32::from(facts.is_prose()) | u32::from(length >= 200) << 1);
            set(row, QUESTION, u32::from(facts.has(Facts::QUESTION_INSIDE)));
            set(row, TIMES_REPEATED, log_bin(times));
            set(row, REPEATS, u32::from(repeats));
            set(row, CUE_SHARE, cue_share(facts));
            set(row, CUE_TOKENS, log_bin(facts.cue_tokens));
            set(row, CUE_KINDS, facts.cue_kinds.count_ones());

            let line = self.lines[at];
            let before = if at == 0 { line } else { line - self.lines[at - 1] - 1 };
            let next = self.lines.get(at + 1).copied().unwrap_or(line_count);
            set(row, BLANK_BEFORE, before);
            set(row, BLANK_AFTER, next - line - 1);
            set(row, RELATIVE_LINE, page_share(at as u64, count as u64 - 1, 15));
            let middle = length_before + u64::from(length) / 2;
            set(row, RELATIVE_TOKEN, page_share(middle, all, 15));
            length_before += u64::from(length);
            set(row, FROM_TOP, log_bin(at as u32));
            set(row, FROM_END, log_bin((count - 1 - at) as u32));
        }
    }

    /// Sums over the lines around each line.
    fn windows(&mut self) {
        let count = self.rows.len();
        let sums = &self.sums[..=count];
        for (at, row) in self.rows.iter_mut().enumerate() {
            // Sums up to so many lines before the line, and up to so many after it.
            let start = |lines: usize| &sums[at.saturating_sub(lines)];
            let end = |lines: usize| &sums[(at + lines + 1).min(count)];
            let (before, after) = (&sums[at], &sums[at + 1]);
            let own = between(before, after);
            window::<1>(row, start(1), end(1), &own, [PROSE_1, LENGTH_1]);
            window::<2>(row, start(2), end(2), &own, [PROSE_2, LENGTH_2]);
            window::<4>(row, start(4), end(4), &own, [PROSE_4, LENGTH_4]);
            window::<8>(row, start(8), end(8), &own, [PROSE_8, LENGTH_8]);
            window::<16>(row, start(16), end(16), &own, [PROSE_16, LENGTH_16]);
            side::<3>(row, start(3), before, [PROSE_BEFORE_3, LENGTH_BEFORE_3]);
            side::<3>(row, after, end(3), [PROSE_AFTER_3, LENGTH_AFTER_3]);
            side::<8>(row, start(8), before, [PROSE_BEFORE_8, LENGTH_BEFORE_8]);
            side::<8>(row, after, end(8), [PROSE_AFTER_8, LENGTH_AFTER_8]);
            let (up, down) = (between(start(5), before), between(after, end(5)));
            let mut five = |sum: Sum, scale: u32, before: usize, after: usize| {
                set(row, before, up[sum as usize] / scale);
                set(row, after, down[sum as usize] / scale);
            };
            five(Sum::Bullets, 1, BULLETS_BEFORE, BULLETS_AFTER);
            five(Sum::Short, 1, SHORT_BEFORE, SHORT_AFTER);
            five(Sum::Capitals, 3, CAPITALS_BEFORE, CAPITALS_AFTER);
            five(Sum::Sentences, 1, SENTENCES_BEFORE, SENTENCES_AFTER);
            five(Sum::Repeated, 1, REPEATED_BEFORE, REPEATED_AFTER);
            five(Sum::Stops, 4, STOPS_BEFORE, STOPS_AFTER);
            five(Sum::Dates, 1, DATES_BEFORE, DATES_AFTER);
            let (up, down) = (between(start(4), before), between(after, end(4)));
            set(row, CUES_BEFORE, up[Sum::CueShare as usize] / 2);
            set(row, CUES_AFTER, down[Sum::CueShare as usize] / 2);
            let lines = Sum::CueLines as usize;
            set(row, CUE_LINES_BEFORE, up[lines]);
            set(row, CUE_LINES_AFTER, down[lines]);
            set(row, CUE_LINES_AROUND, (between(start(12), end(12))[lines] - own[lines]) / 2);
        }
    }

    /// Distances, runs and blocks: a pass down the page and a pass up.
    fn sides(&mut self) {
        let count = self.rows.len();
        let far = Side { prose: FARTHEST, long: FARTHEST, ..Side::default() };
        let mut blocks = [Block::default(); 3];
        let mut deepest = [0; 3];
        let mut side = far;
        for (at, facts) in self.facts.iter().enumerate() {
            let mut now = side;
            side.pass(facts);
            // The block sums include the line itself.
            now.blocks = side.blocks;
            for (number, block) in blocks.iter_mut().enumerate() {
                block.extend(side.blocks[number], at);
                deepest[number] = deepest[number].max(side.blocks[number]);
            }
            self.before.push(now);
        }
        let mut side = far;
        for at in (0..count).rev() {
            let row = &mut self.rows[at];
            let before = &self.before[at];
            let mut after = side;
            side.pass(&self.facts[at]);
            after.blocks = side.blocks;
            set(row, PROSE_LINE_BEFORE, log_bin(before.prose));
            set(row, PROSE_LINE_AFTER, log_bin(after.prose));
            set(row, PROSE_LENGTH_BEFORE, log_bin(before.prose_length / 5));
            set(row, PROSE_LENGTH_AFTER, log_bin(after.prose_length / 5));
            set(row, LONG_LINE_BEFORE, log_bin(before.long));
            set(row, LONG_LINE_AFTER, log_bin(after.long));
            set(row, LONG_LENGTH_BEFORE, log_bin(before.long_length / 5));
            set(row, LONG_LENGTH_AFTER, log_bin(after.long_length / 5));
            set(row, SHORT_RUN_BEFORE, log_bin(before.short_run));
            set(row, SHORT_RUN_AFTER, log_bin(after.short_run));
            set(row, BULLET_RUN_BEFORE, log_bin(before.bullet_run));
            set(row, BULLET_RUN_AFTER, log_bin(after.bullet_run));
            set(row, PROSE_RUN_BEFORE, log_bin(before.prose_run));
            set(row, PROSE_RUN_AFTER, log_bin(after.prose_run));
            let sums = |number: usize| (before.blocks[number], after.blocks[number]);
            set_block(row, at, &blocks[0], sums(0), deepest[0], LOOSE_FEATURES);
            set_block(row, at, &blocks[1], sums(1), deepest[1], MAIN_FEATURES);
            set_block(row, at, &blocks[2], sums(2), deepest[2], DENSE_FEATURES);
        }
        let main = blocks[MAIN];
        self.main = main.start..main.end;
    }

    /// How many of a line's words other lines have: those of prose, the next ones and the most similar ones.
    fn shared_words(&mut self) {
        self.words.start(self.content.len());
        self.slots.clear();
        let mut start = 0;
        for (at, end) in self.content_ends.iter_mut().enumerate() {
            let prose = self.facts[at].is_prose();
            let main = prose && self.main.contains(&at);
            let first = self.slots.len();
            self.others.clear();
            for &hash in &self.content[start..*end as usize] {
                let slot = self.words.slot(hash);
                let entry = self.words.entry(slot);
                if entry.line == at as u32 + 1 {
                    continue;
                }
                self.others.extend(entry.line.checked_sub(1));
                entry.line = at as u32 + 1;
                entry.all = entry.all.saturating_add(u32::from(prose));
                entry.main = entry.main.saturating_add(u32::from(main));
                self.slots.push(slot);
            }
            start = *end as usize;
            *end = self.slots.len() as u32;
            let words = self.slots.len() - first;
            let features = [SHARED_ABOVE, TWIN_ABOVE];
            set_shared(&mut self.rows[at], &mut self.others, at.checked_sub(1), words, features);
        }
        // Upwards, so that the last line counted is the next one below.
        let mut end = self.slots.len();
        for (at, row) in self.rows.iter_mut().enumerate().rev() {
            let start = if at == 0 { 0 } else { self.content_ends[at - 1] as usize };
            let prose = self.facts[at].is_prose();
            let own = u32::from(prose);
            let own_main = u32::from(prose && self.main.contains(&at));
            let (mut in_prose, mut in_main) = (0, 0);
            self.others.clear();
            for &slot in &self.slots[start..end] {
                let entry = self.words.entry(slot);
                in_prose += u32::from(entry.all > own);
                in_main += u32::from(entry.main > own_main);
                let line = entry.line - 1;
                self.others.extend((line > at as u32).then_some(line));
                entry.line = at as u32 + 1;
            }
            let words = (end - start) as u32;
            set(row, SHARED_PROSE, share_of_some(in_prose, words, 10));
            set(row, SHARED_MAIN, share_of_some(in_main, words, 10));
            set(row, SHARED_WORDS, log_bin(in_main));
            set_shared(
                row,
                &mut self.others,
                Some(at + 1),
                end - start,
                [SHARED_BELOW, TWIN_BELOW],
            );
            end = start;
        }
    }

    fn page_features(&mut self) {
        let count = self.rows.len() as u32;
        let length: u64 = self.facts.iter().map(|facts| u64::from(facts.length())).sum();
        let prose = self.facts.iter().filter(|facts| facts.is_prose());
        let prose_length: u64 = prose.map(|facts| u64::from(facts.length())).sum();
        let cue_lines = self.facts.iter().filter(|facts| facts.cue_kinds != 0).count() as u64;
        let first = self.lines[0];
        let last = self.lines[self.lines.len() - 1];
        let blanks = u64::from(last - first + 1 - count);
        let mut page = [0; COUNT];
        set(&mut page, PAGE_LINES, log_bin(count));
        set(&mut page, PAGE_TOKENS, log_bin((length / 80).min(1 << 30) as u32));
        set(&mut page, PAGE_PROSE_TOKENS, page_share(prose_length, length, 15));
        set(&mut page, PAGE_PROSE_LINES, page_share(self.prose_lines.into(), count.into(), 15));
        set(&mut page, PAGE_PROSE_COUNT, log_bin(self.prose_lines));
        set(&mut page, PAGE_BLANKS, page_share(blanks, u64::from(count - 1).max(1), 6));
        set(&mut page, PAGE_CUES, page_share(cue_lines, count.into(), 15));
        for row in &mut self.rows {
            row[PAGE_FEATURES..].copy_from_slice(&page[PAGE_FEATURES..]);
        }
    }
}

const LOOSE_FEATURES: [usize; 6] =
    [IN_LOOSE, FROM_LOOSE_START, FROM_LOOSE_END, LOOSE_FORWARD, LOOSE_BACKWARD, LOOSE_DEPTH];
const MAIN_FEATURES: [usize; 6] =
    [IN_MAIN, FROM_MAIN_START, FROM_MAIN_END, MAIN_FORWARD, MAIN_BACKWARD, MAIN_DEPTH];
const DENSE_FEATURES: [usize; 6] =
    [IN_DENSE, FROM_DENSE_START, FROM_DENSE_END, DENSE_FORWARD, DENSE_BACKWARD, DENSE_DEPTH];

/// Sets the features of a block for the line at `at`; `sums` are those from above and from below.
#[inline(always)]
fn set_block(
    row: &mut Row,
    at: usize,
    block: &Block,
    (down, up): (u64, u64),
    deepest: u64,
    [inside, from_start, from_end, forward, backward, depth]: [usize; 6],
) {
    set(row, inside, u32::from((block.start..block.end).contains(&at)));
    set(row, from_start, signed_log(at, block.start));
    set(row, from_end, signed_log(block.end.saturating_sub(1), at));
    set(row, forward, block_bin(down));
    set(row, backward, block_bin(up));
    set(row, depth, page_share(down.min(up), deepest, 15));
}

/// Sets the features of the words that a line has in common with lines on one side: the share that the line
/// `beside` it has, and the largest share that one line has. `lines` has the nearest line for each of these words,
/// and `words` is the number of all words of the line.
fn set_shared(
    row: &mut Row,
    lines: &mut [u32],
    beside: Option<usize>,
    words: usize,
    [shared, twin]: [usize; 2],
) {
    lines.sort_unstable();
    let (mut in_beside, mut most) = (0, 0);
    for same in lines.chunk_by(|one, other| one == other) {
        let count = same.len() as u32;
        in_beside += if Some(same[0] as usize) == beside { count } else { 0 };
        most = most.max(count);
    }
    set(row, shared, share_of_some(in_beside, words as u32, 10));
    set(row, twin, share_of_some(most, words as u32, 10));
}

#[inline(always)]
fn between(start: &Sums, end: &Sums) -> Sums {
    std::array::from_fn(|sum| end[sum].wrapping_sub(start[sum]))
}

/// Sets the features of a window of `LINES` before and after a line, without the line.
#[inline(always)]
fn window<const LINES: u32>(
    row: &mut Row,
    start: &Sums,
    end: &Sums,
    own: &Sums,
    [prose_feature, length_feature]: [usize; 2],
) {
    let sums = between(start, end);
    let length = sums[Sum::Length as usize] - own[Sum::Length as usize];
    let prose = sums[Sum::Prose as usize] - own[Sum::Prose as usize];
    set(row, prose_feature, share(prose, length, 15));
    set(row, length_feature, log_bin(length / (10 * LINES)));
}

/// Sets the features of `LINES` on one side of a line.
#[inline(always)]
fn side<const LINES: u32>(
    row: &mut Row,
    start: &Sums,
    end: &Sums,
    [prose_feature, length_feature]: [usize; 2],
) {
    let sums = between(start, end);
    let length = sums[Sum::Length as usize];
    set(row, prose_feature, share(sums[Sum::Prose as usize], length, 15));
    set(row, length_feature, log_bin(length / (5 * LINES)));
}

impl Side {
    /// Moves past a line.
    #[inline]
    fn pass(&mut self, facts: &Facts) {
        let length = facts.length().min(LONGEST);
        let prose = facts.is_prose();
        let short = is_short(facts) || facts.bullet > 0;
        self.prose = (self.prose + 1).min(FARTHEST);
        self.long = (self.long + 1).min(FARTHEST);
        if prose {
            (self.prose, self.prose_length) = (1, length);
            if length >= 200 {
                (self.long, self.long_length) = (1, length);
            }
        }
        self.short_run = if short { self.short_run + 1 } else { 0 };
        self.bullet_run = if facts.bullet > 0 { self.bullet_run + 1 } else { 0 };
        self.prose_run = if prose { self.prose_run + 1 } else { 0 };
        let gain = if prose { length.min(BLOCK_LONGEST) } else { 0 };
        for (block, cost) in self.blocks.iter_mut().zip(BLOCK_COSTS) {
            *block = (*block + u64::from(gain)).saturating_sub(u64::from(cost));
        }
    }
}

/// The run of lines with the largest sum so far.
#[derive(Clone, Copy, Default)]
struct Block {
    start: usize,
    end: usize,
    best: u64,
    open: usize,
}

impl Block {
    #[inline]
    fn extend(&mut self, sum: u64, at: usize) {
        if sum == 0 {
            self.open = at + 1;
        } else if sum > self.best {
            *self = Block { start: self.open, end: at + 1, best: sum, open: self.open };
        }
    }
}

fn is_short(facts: &Facts) -> bool {
    facts.length() < 60 && !facts.is_prose()
}

fn stop_share(facts: &Facts) -> u32 {
    share(facts.stops, facts.tokens, 24).min(15)
}

fn cue_share(facts: &Facts) -> u32 {
    share_of_some(facts.cue_tokens, if facts.cue_tokens > 0 { facts.cue_scope } else { 0 }, 8)
}

/// 12 for no distance, less before and more after, by half octaves.
#[inline]
fn signed_log(at: usize, from: usize) -> u32 {
    let distance = |far: usize| log_bin(far.min(1 << 20) as u32).min(12);
    if at >= from { 12 + distance(at - from) } else { 12 - distance(from - at) }
}

fn block_bin(sum: u64) -> u32 {
    log_bin((sum / 20).min(1 << 30) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SENTENCE: &str = "The mayor said on Monday that the bridge would be open again.";

    fn page(lines: &[&str]) -> Page {
        let cues = Cues::new([(0, "share")]).expect("the cues are valid");
        let mut page = Page::default();
        page.read(lines.iter().copied(), &Words::new(&[]), &cues);
        page
    }

    /// The bins of a feature for all rows.
    fn bins(page: &Page, feature: usize) -> Vec<u16> {
        page.rows().iter().map(|row| row[feature] - OFFSETS[feature] as u16).collect()
    }

    #[test]
    fn rows_belong_to_lines_with_a_token() {
        let page = page(&["", "Home", "—", "", SENTENCE, ""]);
        assert_eq!(page.lines(), [1, 4]);
        assert_eq!(bins(&page, BLANK_BEFORE), [1, 2]);
        assert_eq!(bins(&page, BLANK_AFTER), [2, 1]);
        assert_eq!(page.prose_lines(), 1);
    }

    #[test]
    fn the_main_block_is_the_run_of_sentences() {
        let long = format!("{SENTENCE} {SENTENCE}");
        let page = page(&["Home", "News", SENTENCE, SENTENCE, "Share", &long, "Sport", "Travel"]);
        assert_eq!(bins(&page, IN_MAIN), [0, 0, 1, 1, 1, 1, 0, 0]);
        let from_start = bins(&page, FROM_MAIN_START);
        assert_eq!((from_start[2], from_start[1], from_start[3]), (12, 11, 13));
        assert_eq!(bins(&page, PROSE_LINE_AFTER)[..3], [2, 1, 1]);
        assert_eq!(bins(&page, PROSE_LINE_BEFORE)[5..], [2, 1, 2]);
        assert_eq!(bins(&page, SHORT_RUN_BEFORE), [0, 1, 2, 0, 0, 1, 0, 1]);
    }

    #[test]
    fn repeated_lines_are_counted() {
        let page = page(&["Advertisement", SENTENCE, "ADVERTISEMENT", "Sport", "advertisement"]);
        assert_eq!(bins(&page, TIMES_REPEATED), [2, 0, 2, 0, 2]);
        assert_eq!(bins(&page, REPEATS), [0, 0, 1, 0, 1]);
    }

    #[test]
    fn words_of_other_sentences_are_shared() {
        let page =
            page(&["The bridge", "Holiday offers", SENTENCE, "It was an old bridge, he said."]);
        let shared = bins(&page, SHARED_PROSE);
        assert_eq!((shared[0], shared[1]), (11, 1));
        // A word of the line itself does not count.
        assert!(shared[2] > 1 && shared[2] < 6, "{shared:?}");
    }

    #[test]
    fn words_of_one_other_line_are_shared() {
        let caption = "The mayor at the bridge on Monday (Photo: Miller)";
        let page =
            page(&["Mayor: bridge", SENTENCE, caption, "Sport", "Bridge, mayor, Monday", "Travel"]);
        let shared = |feature: usize| bins(&page, feature);
        // "mayor", "bridge" and "monday" of the caption are in the sentence above, and in a line below.
        assert!(shared(SHARED_ABOVE)[2] > 5 && shared(TWIN_ABOVE)[2] == shared(SHARED_ABOVE)[2]);
        assert!(shared(SHARED_BELOW)[2] == 1 && shared(TWIN_BELOW)[2] > 5, "not the next line");
        assert_eq!((shared(TWIN_BELOW)[0], shared(TWIN_ABOVE)[4]), (11, 11));
        assert_eq!((shared(TWIN_ABOVE)[3], shared(TWIN_BELOW)[3]), (1, 1), "a word of its own");
        assert_eq!((shared(TWIN_ABOVE)[0], shared(TWIN_BELOW)[5]), (1, 1), "no line on this side");
    }

    #[test]
    fn windows_are_sums_over_neighbours() {
        let lines = [SENTENCE, "Share", "Sport", SENTENCE, "Share", "Share", "Home", SENTENCE];
        let page = page(&lines);
        let cues = |from: usize, to: usize| {
            lines[from..to].iter().filter(|line| **line == "Share").count() as u16
        };
        for at in 0..lines.len() {
            assert_eq!(bins(&page, CUE_LINES_BEFORE)[at], cues(at.saturating_sub(4), at));
            assert_eq!(bins(&page, CUE_LINES_AFTER)[at], cues(at + 1, (at + 5).min(lines.len())));
        }
    }

    proptest! {
        #[test]
        fn every_bin_is_in_range(text in "(\\PC{0,60}\n?){0,40}") {
            let lines: Vec<&str> = text.split('\n').collect();
            let page = page(&lines);
            for row in page.rows() {
                for (feature, &bin) in row.iter().enumerate() {
                    let bins = OFFSETS[feature]..OFFSETS[feature + 1];
                    prop_assert!(bins.contains(&usize::from(bin)), "{}", FEATURES[feature].name);
                }
            }
        }

        #[test]
        fn used_memory_changes_nothing(
            one in "(\\PC{0,30}\n?){0,30}", other in "([a-e ]{0,12}[.]?\n){0,30}",
        ) {
            let cues = Cues::new([(0, "share")]).expect("the cues are valid");
            let words = Words::new(&[]);
            let mut used = Page::default();
            used.read(one.split('\n'), &words, &cues);
            used.read(other.split('\n'), &words, &cues);
            let mut fresh = Page::default();
            fresh.read(other.split('\n'), &words, &cues);
            prop_assert_eq!(used.rows(), fresh.rows());
            prop_assert_eq!(used.lines(), fresh.lines());
            prop_assert_eq!(used.facts(), fresh.facts());
        }

        /// What is remembered of tokens is forgotten when other cues are used.
        #[test]
        fn other_cues_find_other_lines(text in "([a-c]{1,2}[ \n]){0,40}") {
            let words = Words::new(&[]);
            let mut used = Page::default();
            for phrases in [["a", "b c"], ["b", "a* c"], ["c a", "#"]] {
                let cues = Cues::new((0..).zip(phrases)).expect("the cues are valid");
                used.read_for(0, text.split('\n'), &words, &cues);
                let mut fresh = Page::default();
                fresh.read(text.split('\n'), &words, &cues);
                prop_assert_eq!(used.facts(), fresh.facts());
            }
        }

        /// Lines that are known from an earlier page give the same features.
        #[test]
        fn known_lines_change_nothing(
            lines in prop::collection::vec("\\PC{0,30}", 0..30), cut in any::<u32>(), model in 0..2_u64,
        ) {
            let cues = Cues::new([(0, "share")]).expect("the cues are valid");
            let words = Words::new(&[]);
            let lines = || lines.iter().map(String::as_str);
            let left = || lines().enumerate().filter(|(at, _)| cut >> at & 1 == 0).map(|(_, line)| line);
            let mut used = Page::default();
            used.read_for(0, lines(), &words, &cues);
            used.read_for(model, left(), &words, &cues);
            let mut fresh = Page::default();
            fresh.read(left(), &words, &cues);
            prop_assert_eq!(used.rows(), fresh.rows());
            prop_assert_eq!(used.lines(), fresh.lines());
            prop_assert_eq!(used.facts(), fresh.facts());
            let ids = |page: &Page| (0..page.rows().len()).map(|row| page.ids(row).to_vec()).collect::<Vec<_>>();
            prop_assert_eq!(ids(&used), ids(&fresh));
        }
    }
}
