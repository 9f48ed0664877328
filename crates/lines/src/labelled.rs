//! Pages whose lines are labelled, for training and evaluation.

use std::collections::HashSet;
use std::error;
use std::fmt;

use crate::text::combine;
use crate::text::tokens;

/// What a line of a labelled page is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Label {
    /// Article text, to be kept.
    Article,
    /// Boilerplate, to be removed.
    Boilerplate,
    /// Either: headlines, lines that are part article, repetitions.
    Neutral,
}

/// A page whose lines are labelled.
#[derive(Clone, Debug, Default)]
pub struct LabelledPage {
    /// Names the page in messages.
    pub id: String,
    /// The data set.
    pub source: String,
    /// What the text is, for figures: `whole` page or `scraped` text.
    pub form: String,
    /// The news site. Pages of one outlet are never both trained and tested on.
    pub outlet: String,
    /// Language code.
    pub language: String,
    /// Headlines; they cost nothing either way.
    pub headlines: Vec<String>,
    /// The lines, without line ends.
    pub lines: Vec<String>,
    /// A label for each line; blank lines may have any.
    pub labels: Vec<Label>,
    /// The article text, if known.
    pub gold: Option<String>,
    /// How much the page counts in training; 1 by default.
    pub weight: f32,
}

/// Labels that cannot be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LabelError(String);

impl fmt::Display for LabelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl error::Error for LabelError {}

/// Tokens of a stretch that is looked for in the article.
const STRETCH: usize = 4;

impl LabelledPage {
    /// Labels the lines of a text by the article in it: a line is article if all or nearly all of
    /// it is in the article, boilerplate if little of it is, and neutral between.
    pub fn align(text: &str, gold: &str) -> (Vec<String>, Vec<Label>) {
        let hash = |tokens: &[u64]| tokens.iter().fold(1, |all, token| combine(all, *token));
        let gold_lines: HashSet<u64> = gold.lines().map(|line| hash(&tokens(line))).collect();
        let gold = tokens(gold);
        let stretches =
            |tokens: &[u64], size: usize| -> Vec<u64> { tokens.windows(size).map(hash).collect() };
        let known: Vec<HashSet<u64>> =
            (1..=STRETCH).map(|size| stretches(&gold, size).into_iter().collect()).collect();
        let label = |line: &str| {
            let tokens = tokens(line);
            if tokens.is_empty() {
                return Label::Neutral;
            }
            let own = stretches(&tokens, tokens.len().min(STRETCH));
            let found = own.iter().filter(|own| known[tokens.len().min(STRETCH) - 1].contains(own));
            let (found, all) = (found.count(), own.len());
            match () {
                // Words as few as these may be in an article by chance.
                () if tokens.len() < STRETCH && found == all => {
                    match gold_lines.contains(&hash(&tokens)) {
                        true => Label::Article,
                        false => Label::Neutral,
                    }
                }
                () if found * 10 >= all * 8 => Label::Article,
                () if found * 10 <= all * 3 => Label::Boilerplate,
                () => Label::Neutral,
            }
        };
        text.lines().map(|line| (line.to_owned(), label(line))).unzip()
    }

    /// Reads labels written as one character for each line: `a` article, `b` boilerplate, `n`
    /// neutral, `_` no letter or digit.
    ///
    /// # Errors
    /// If a character is none of these, or their number differs from `lines`.
    pub fn parse_labels(labels: &str, lines: usize) -> Result<Vec<Label>, LabelError> {
        let labels: Vec<Label> = labels
            .chars()
            .map(|c| match c {
                'a' => Ok(Label::Article),
                'b' => Ok(Label::Boilerplate),
                'n' | '_' => Ok(Label::Neutral),
                _ => Err(LabelError(format!("unknown label \"{c}\"; use a, b, n or _"))),
            })
            .collect::<Result<_, _>>()?;
        if labels.len() == lines {
            Ok(labels)
        } else {
            Err(LabelError(format!("{} labels for {lines} lines", labels.len())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_labelled_by_the_article() {
        let gold = "The bridge will open again in the spring.\nA farmer said so.\nAt last\n";
        let text = "Home\n\nThe bridge will open again in the spring.\nAt last\nsaid\n\
                    Read more: The bridge will open again\nShare this with your friends now\n";
        let (lines, labels) = LabelledPage::align(text, gold);
        assert_eq!(lines.len(), 7);
        let letters: String = labels
            .iter()
            .map(|label| match label {
                Label::Article => 'a',
                Label::Boilerplate => 'b',
                Label::Neutral => 'n',
            })
            .collect();
        assert_eq!(letters, "bnaannb");
    }
}
