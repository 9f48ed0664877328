//! Pages whose lines are labelled, for training and evaluation.

use std::error;
use std::fmt;

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

impl LabelledPage {
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
