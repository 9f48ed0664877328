//! Tickers: market tables above or below an article.
//!
//! A ticker is a run of lines at an edge, each with a name and at least two numbers, one of them a
//! percentage or a decimal. Lines with only integers are kept, because they may be a league table
//! or an election result. Below the article, tables without any rise or fall are kept for the same
//! reason.

use chaffinch_stage::{Document, Line, Marks, Options, OptionsError, Stage};

use crate::run::runs;

/// Marks market tables at the edges.
pub struct Ticker {
    min_lines: usize,
}

impl Ticker {
    /// Settings: `min_lines`, the minimum number of lines in a table (default 3).
    pub fn new(options: &mut Options) -> Result<Ticker, OptionsError> {
        Ok(Ticker { min_lines: options.count("min_lines", 3)? })
    }
}

impl Stage for Ticker {
    fn mark(&self, doc: &Document<'_>, marks: &mut Marks) {
        marks.mark_hits(doc);
        for (id, rule) in doc.detectors("table") {
            let quote = |line: &Line<'_, '_>| line.allows(rule) && is_quote(line.text());
            for run in runs(doc, self.min_lines, quote) {
                let above = run.iter().all(Line::in_head);
                let moves = run.iter().any(|line| has_move(line.text()));
                if above || moves {
                    run.iter().for_each(|line| marks.remove(line.span(), id));
                }
            }
        }
    }
}

/// The maximum length of a quote, in bytes.
const MOST_BYTES: usize = 160;

/// Whether a line is a name of one to four words followed by numbers.
fn is_quote(line: &str) -> bool {
    if line.len() > MOST_BYTES || !may_end_in_number(line) {
        return false;
    }
    let (mut names, mut numbers, mut fractions) = (0, 0, 0);
    for token in line.split_whitespace() {
        let bare = token.trim_matches(|c: char| "+-−▲▼()$€£¥•*".contains(c));
        let digits = bare.bytes().filter(u8::is_ascii_digit).count();
        if bare.is_empty() {
            continue;
        } else if digits > 0 && bare.chars().all(|c| c.is_ascii_digit() || ".,%".contains(c)) {
            numbers += 1;
            fractions += usize::from(bare.contains(['.', ',', '%']));
        } else if numbers > 0 {
            return false;
        } else {
            names += 1;
        }
    }
    (1..=4).contains(&names) && numbers >= 2 && fractions >= 1
}

/// Whether a line may end in a number, ignoring signs and spaces. A cheap test that rejects most
/// lines.
fn may_end_in_number(line: &str) -> bool {
    let decides = |byte: &u8| byte.is_ascii_alphanumeric() || !byte.is_ascii();
    line.bytes().rev().find(decides).is_some_and(|byte| !byte.is_ascii_alphabetic())
}

/// Whether a line contains a rise or a fall.
fn has_move(line: &str) -> bool {
    line.split_whitespace().any(|token| {
        let sign = token.trim_start_matches('(');
        sign.starts_with(['▲', '▼'])
            || sign
                .strip_prefix(['+', '-', '−'])
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn market_tables_at_an_edge_are_removed() {
        check(
            "ticker",
            "⟦• Samba 65 00% 56.65%⟧\n    ⟦Joga2002 635.254 50% 63.63%⟧\n⟦S&P5002 60 50% 10%⟧\n\n…\n",
        );
        check(
            "ticker",
            "A title\n\n…\n\n⟦Dow Jones 17,056.23 +0.4%⟧\n⟦Gold 1,289.10 -0.2%⟧\n⟦Brent 63.70 +1.1%⟧\n",
        );
    }

    #[test]
    fn tables_of_the_article_are_kept() {
        check(
            "ticker",
            "A title\n\n…\n\nLiverpool 10 8 1 25\nArsenal 10 7 2 23\nChelsea 10 7 1 22\n",
        );
        check("ticker", "A title\n\n…\n\nSPD 25,7 206\nCDU 24,1 197\nFDP 11,5 92\n");
        check(
            "ticker",
            "A title\n\n…\n…\n…\n\nGold 1,289.10 -0.2%\nBrent 63.70 +1.1%\nDow 17,056 +0.4%\n\n…\n…\n…\n",
        );
        check("ticker", "A title\n\nGold 1,289.10 -0.2%\nBrent 63.70 +1.1%\n\n…\n");
    }
}
