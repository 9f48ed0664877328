//! The features of a line: which there are, and how their values become *bins*, small integers.
//!
//! The network has a learned row for each bin of each feature. Lengths and distances are binned by
//! half octaves, shares by equal steps. [`page`](crate::page) computes the features.

/// What a feature means to a reader; see [`reasons`](crate::Model::reasons).
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub(crate) enum Group {
    Length,
    LineEnd,
    LineStart,
    Capitals,
    Digits,
    Prose,
    Punctuation,
    Repetition,
    Cues,
    NearbyCues,
    BlankLines,
    Position,
    Surroundings,
    MainBlock,
    SharedWords,
    Page,
}

/// One feature.
pub(crate) struct Feature {
    pub(crate) name: &'static str,
    pub(crate) bins: usize,
    pub(crate) group: Group,
    /// Whether the bins have an order.
    pub(crate) ordered: bool,
}

macro_rules! features {
    ($($name:ident $bins:literal $group:ident $order:ident;)*) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        enum Index { $($name,)* COUNT }
        $(pub(crate) const $name: usize = Index::$name as usize;)*
        /// Number of features.
        pub(crate) const COUNT: usize = Index::COUNT as usize;
        /// All features, in the order of a line's bins.
        pub(crate) const FEATURES: [Feature; COUNT] = [$(Feature {
            name: stringify!($name),
            bins: $bins,
            group: Group::$group,
            ordered: matches!(stringify!($order).as_bytes(), b"ordered"),
        },)*];
    };
}

features! {
    // The line.
    TOKENS 18 Length ordered;
    CHARS 20 Length ordered;
    MEAN_TOKEN 24 Length ordered;
    END 10 LineEnd unordered;
    START 7 LineStart unordered;
    BULLET 4 LineStart unordered;
    INDENT 8 LineStart ordered;
    TAB 2 LineStart unordered;
    CAPITALS 10 Capitals ordered;
    ALL_CAPITALS 10 Capitals ordered;
    DIGITS 9 Digits ordered;
    NUMBERS 9 Digits ordered;
    STOP_SHARE 16 Prose ordered;
    STOPS 12 Prose ordered;
    COMMAS 9 Punctuation ordered;
    INNER_SENTENCES 9 Prose ordered;
    QUOTES 2 Punctuation unordered;
    SEPARATORS 7 Punctuation ordered;
    HANDLE 3 Punctuation unordered;
    URL 2 Punctuation unordered;
    COPYRIGHT 2 Punctuation unordered;
    TIME_DATE 8 Digits unordered;
    BRACKET 3 Punctuation unordered;
    LONG_TOKEN 2 Length unordered;
    GLUED 4 Capitals ordered;
    LABEL 2 Punctuation unordered;
    ENUMERATED 2 LineStart unordered;
    UNSPACED 5 Length ordered;
    PROSE 4 Prose unordered;
    QUESTION 2 Punctuation unordered;
    TIMES_REPEATED 8 Repetition ordered;
    REPEATS 2 Repetition unordered;
    CUE_SHARE 10 Cues ordered;
    CUE_TOKENS 8 Cues ordered;
    CUE_KINDS 4 Cues ordered;
    // Its neighbours.
    CUES_BEFORE 16 NearbyCues ordered;
    CUES_AFTER 16 NearbyCues ordered;
    CUE_LINES_BEFORE 5 NearbyCues ordered;
    CUE_LINES_AFTER 5 NearbyCues ordered;
    CUE_LINES_AROUND 13 NearbyCues ordered;
    BLANK_BEFORE 4 BlankLines ordered;
    BLANK_AFTER 4 BlankLines ordered;
    RELATIVE_LINE 16 Position ordered;
    RELATIVE_TOKEN 16 Position ordered;
    FROM_TOP 18 Position ordered;
    FROM_END 18 Position ordered;
    PROSE_1 16 Surroundings ordered;
    PROSE_2 16 Surroundings ordered;
    PROSE_4 16 Surroundings ordered;
    PROSE_8 16 Surroundings ordered;
    PROSE_16 16 Surroundings ordered;
    LENGTH_1 16 Surroundings ordered;
    LENGTH_2 16 Surroundings ordered;
    LENGTH_4 16 Surroundings ordered;
    LENGTH_8 16 Surroundings ordered;
    LENGTH_16 16 Surroundings ordered;
    PROSE_BEFORE_3 16 Surroundings ordered;
    PROSE_AFTER_3 16 Surroundings ordered;
    PROSE_BEFORE_8 16 Surroundings ordered;
    PROSE_AFTER_8 16 Surroundings ordered;
    LENGTH_BEFORE_3 16 Surroundings ordered;
    LENGTH_AFTER_3 16 Surroundings ordered;
    LENGTH_BEFORE_8 16 Surroundings ordered;
    LENGTH_AFTER_8 16 Surroundings ordered;
    BULLETS_BEFORE 6 Surroundings ordered;
    BULLETS_AFTER 6 Surroundings ordered;
    SHORT_BEFORE 6 Surroundings ordered;
    SHORT_AFTER 6 Surroundings ordered;
    CAPITALS_BEFORE 16 Surroundings ordered;
    CAPITALS_AFTER 16 Surroundings ordered;
    SENTENCES_BEFORE 6 Surroundings ordered;
    SENTENCES_AFTER 6 Surroundings ordered;
    REPEATED_BEFORE 6 Repetition ordered;
    REPEATED_AFTER 6 Repetition ordered;
    STOPS_BEFORE 16 Surroundings ordered;
    STOPS_AFTER 16 Surroundings ordered;
    DATES_BEFORE 6 Surroundings ordered;
    DATES_AFTER 6 Surroundings ordered;
    PROSE_LINE_BEFORE 13 Surroundings ordered;
    PROSE_LINE_AFTER 13 Surroundings ordered;
    PROSE_LENGTH_BEFORE 16 Surroundings ordered;
    PROSE_LENGTH_AFTER 16 Surroundings ordered;
    LONG_LINE_BEFORE 13 Surroundings ordered;
    LONG_LINE_AFTER 13 Surroundings ordered;
    LONG_LENGTH_BEFORE 16 Surroundings ordered;
    LONG_LENGTH_AFTER 16 Surroundings ordered;
    SHORT_RUN_BEFORE 13 Surroundings ordered;
    SHORT_RUN_AFTER 13 Surroundings ordered;
    BULLET_RUN_BEFORE 13 Surroundings ordered;
    BULLET_RUN_AFTER 13 Surroundings ordered;
    PROSE_RUN_BEFORE 13 Surroundings ordered;
    PROSE_RUN_AFTER 13 Surroundings ordered;
    // The main block, for three costs of a line that is no prose.
    IN_LOOSE 2 MainBlock unordered;
    FROM_LOOSE_START 25 MainBlock ordered;
    FROM_LOOSE_END 25 MainBlock ordered;
    LOOSE_FORWARD 16 MainBlock ordered;
    LOOSE_BACKWARD 16 MainBlock ordered;
    LOOSE_DEPTH 16 MainBlock ordered;
    IN_MAIN 2 MainBlock unordered;
    FROM_MAIN_START 25 MainBlock ordered;
    FROM_MAIN_END 25 MainBlock ordered;
    MAIN_FORWARD 16 MainBlock ordered;
    MAIN_BACKWARD 16 MainBlock ordered;
    MAIN_DEPTH 16 MainBlock ordered;
    IN_DENSE 2 MainBlock unordered;
    FROM_DENSE_START 25 MainBlock ordered;
    FROM_DENSE_END 25 MainBlock ordered;
    DENSE_FORWARD 16 MainBlock ordered;
    DENSE_BACKWARD 16 MainBlock ordered;
    DENSE_DEPTH 16 MainBlock ordered;
    // Words that other lines have; the twin of a line has more of its words than any other line on its side.
    SHARED_PROSE 12 SharedWords ordered;
    SHARED_MAIN 12 SharedWords ordered;
    SHARED_WORDS 10 SharedWords ordered;
    SHARED_ABOVE 12 SharedWords ordered;
    SHARED_BELOW 12 SharedWords ordered;
    TWIN_ABOVE 12 Repetition ordered;
    TWIN_BELOW 12 Repetition ordered;
    // The page: the same for all lines.
    PAGE_LINES 20 Page ordered;
    PAGE_TOKENS 20 Page ordered;
    PAGE_PROSE_TOKENS 16 Page ordered;
    PAGE_PROSE_LINES 16 Page ordered;
    PAGE_PROSE_COUNT 16 Page ordered;
    PAGE_BLANKS 12 Page ordered;
    PAGE_CUES 16 Page ordered;
}

/// Features from here on are the same for all lines of a page.
pub(crate) const PAGE_FEATURES: usize = PAGE_LINES;

/// Position of each feature's first row among the rows of all features; the last is their number.
pub(crate) const OFFSETS: [usize; COUNT + 1] = {
    let mut offsets = [0; COUNT + 1];
    let mut at = 0;
    while at < COUNT {
        offsets[at + 1] = offsets[at] + FEATURES[at].bins;
        at += 1;
    }
    offsets
};

/// Rows of all features.
pub(crate) const ROWS: usize = OFFSETS[COUNT];

/// The bins of one line, as positions among the rows of all features.
pub(crate) type Row = [u16; COUNT];

#[inline(always)]
pub(crate) fn set(row: &mut Row, feature: usize, bin: u32) {
    row[feature] = OFFSETS[feature] as u16 + bin.min(FEATURES[feature].bins as u32 - 1) as u16;
}

/// Half octaves: 0, 1, 2, 3, 4–5, 6–7, 8–11, 12–15, …
#[inline]
pub(crate) fn log_bin(value: u32) -> u32 {
    match LOG_BINS.get(value as usize) {
        Some(bin) => u32::from(*bin),
        None => half_octave(value),
    }
}

const fn half_octave(value: u32) -> u32 {
    if value < 2 {
        return value;
    }
    let octave = value.ilog2();
    2 * octave + (value >> (octave - 1) & 1)
}

/// The bins of small values.
static LOG_BINS: [u8; 256] = {
    let mut bins = [0; 256];
    let mut value = 0;
    while value < 256 {
        bins[value] = half_octave(value as u32) as u8;
        value += 1;
    }
    bins
};

/// `part` of `whole` in `steps` equal steps, rounded down; 0 of nothing is 0.
#[inline]
pub(crate) fn share(part: u32, whole: u32, steps: u32) -> u32 {
    match part.checked_mul(steps) {
        Some(product) => product / whole.max(1),
        None => page_share(part.into(), whole.into(), steps.into()),
    }
}

/// 0 for nothing, else one plus the share.
#[inline]
pub(crate) fn share_of_some(part: u32, whole: u32, steps: u32) -> u32 {
    if whole == 0 { 0 } else { 1 + share(part, whole, steps) }
}

/// A page-wide share, whose sums may be large.
#[inline]
pub(crate) fn page_share(part: u64, whole: u64, steps: u64) -> u32 {
    (part * steps / whole.max(1)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_grow_by_half_octaves() {
        let bins: Vec<u32> = [0, 1, 2, 3, 4, 5, 6, 8, 12, 16, 255, 256, 384].map(log_bin).into();
        assert_eq!(bins, [0, 1, 2, 3, 4, 4, 5, 6, 7, 8, 15, 16, 17]);
        assert!((0..5000).map(log_bin).is_sorted());
    }
}
