//! Lines: everything around an article that no pattern describes, such as menus, teasers and
//! footers.
//!
//! A small learned model judges each line by its words, its shape and its place on the page. A line
//! is removed if the model is certain enough that it is boilerplate; how certain it must be is the
//! *level*. The model sees the lines as the output would have them, and the engine runs the stage
//! until nothing changes, so a second run over the output removes nothing more.
//!
//! Documents of a recognised outlet are left to the outlet's rules, which were tested on its pages.

use std::cell::RefCell;
use std::path::Path;

use chaffinch_lines::{Cues, Judgements, Level, Model, Reason, Scratch};
use chaffinch_stage::{Certainty, Document, Line, Marks, Options, OptionsError, Rule, Stage};

/// The model of a [`Lines`] stage.
enum Source {
    Shipped,
    Own(Box<Model>),
}

/// Marks the lines that a learned model takes for boilerplate.
pub struct Lines {
    level: Level,
    threshold: Option<u8>,
    model: Source,
}

/// Why a line was judged as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// How sure the model is in percent that the line is boilerplate.
    pub confidence: u8,
    /// Whether that is enough to remove it.
    pub removes: bool,
    /// The strongest reasons for what is more likely, the strongest first.
    pub reasons: Vec<String>,
}

std::thread_local! {
    static SCRATCH: RefCell<Memory> = RefCell::default();
}

/// Reusable memory of one thread.
#[derive(Default)]
struct Memory {
    scratch: Scratch,
    /// The lines as the model numbers them; none for blank lines.
    indices: Vec<Option<usize>>,
}

impl Lines {
    /// Settings: `level` (`off`, `careful`, `balanced` or `full`), `threshold`, the confidence in
    /// percent from which a line is removed, instead of the level's, and `model`, a model file.
    pub fn new(options: &mut Options) -> Result<Lines, OptionsError> {
        let level = options.text("level", Level::default().name())?;
        let level = Level::from_name(&level)
            .ok_or_else(|| OptionsError::new("level", "off, careful, balanced or full"))?;
        let threshold = options.percent("threshold")?;
        let model = match &*options.text("model", "")? {
            "" => Source::Shipped,
            file => Source::Own(Box::new(read(Path::new(file))?)),
        };
        Ok(Lines { level, threshold, model })
    }

    fn model(&self) -> &Model {
        match &self.model {
            Source::Shipped => Model::shipped(),
            Source::Own(model) => model,
        }
    }

    fn is_off(&self) -> bool {
        self.level == Level::Off && self.threshold.is_none()
    }

    /// Whether a line with this judgement is removed.
    fn removes(&self, judgements: &Judgements<'_>, line: usize) -> bool {
        match self.threshold {
            None => judgements.removes(line, judgements.threshold(self.level)),
            Some(threshold) => matches!(
                judgements.lines().get(line), Some(Some(judged)) if judged.confidence >= threshold
            ),
        }
    }

    /// Judges a document and calls `each` with the judgements and the line behind each of them.
    fn judge(&self, doc: &Document<'_>, each: impl FnOnce(&Judgements<'_>, &[Option<usize>])) {
        SCRATCH.with_borrow_mut(|Memory { scratch, indices }| {
            indices.clear();
            let seen = Seen::new(doc).map(|line| {
                indices.push(line.map(|line| line.index()));
                line.map_or("", |line| line.text())
            });
            let judgements = self.model().judge(seen, Cues::shipped(), scratch);
            each(&judgements, indices);
        });
    }

    /// Why a line was judged as it was; none if it was not judged.
    pub fn why(&self, doc: &Document<'_>, index: usize) -> Option<Judged> {
        if self.is_off() || doc.outlet().is_some() {
            return None;
        }
        let mut judged = None;
        self.judge(doc, |judgements, indices| {
            let Some(line) = indices.iter().position(|line| *line == Some(index)) else { return };
            let Some(Some(judgement)) = judgements.lines().get(line) else { return };
            let boilerplate = judgement.confidence >= 50;
            let text = doc.line(index).text();
            let reasons = judgements.reasons(line, text, boilerplate);
            judged = Some(Judged {
                confidence: judgement.confidence,
                removes: self.removes(judgements, line),
                reasons: reasons.iter().map(in_words).collect(),
            });
        });
        judged
    }
}

fn read(file: &Path) -> Result<Model, OptionsError> {
    let wrong = |error: String| {
        OptionsError::new("model", format!("a line model; {}: {error}", file.display()))
    };
    let bytes = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
    Model::from_bytes(&bytes).map_err(|error| wrong(error.to_string()))
}

/// A reason in words.
fn in_words(reason: &Reason) -> String {
    match reason {
        Reason::Cue(kind) => match chaffinch_rules::lexicon::KINDS.get(usize::from(*kind)) {
            Some(kind) => format!("words of kind \"{}\"", kind.name),
            None => reason.to_string(),
        },
        _ => reason.to_string(),
    }
}

impl Stage for Lines {
    fn mark(&self, doc: &Document<'_>, marks: &mut Marks) {
        marks.mark_hits(doc);
        if self.is_off() || doc.outlet().is_some() {
            return;
        }
        self.judge(doc, |judgements, indices| self.mark_judged(doc, judgements, indices, marks));
    }

    fn own_rule(&self, stage: &str) -> Rule {
        Rule { certainty: Certainty::Guess, ..Rule::new("generic/lines/model", stage) }
    }

    fn data(&self) -> Option<String> {
        (!self.is_off()).then(|| format!("{:016x}", self.model().digest()))
    }
}

impl Lines {
    fn mark_judged(
        &self,
        doc: &Document<'_>,
        judgements: &Judgements<'_>,
        indices: &[Option<usize>],
        marks: &mut Marks,
    ) {
        let id = doc.own_rule();
        // Lines without a letter or digit, which go if the judged lines on both sides do.
        let mut unjudged = Vec::new();
        let mut above = Some(100);
        for (line, index) in indices.iter().enumerate() {
            let Some(index) = *index else { continue };
            let Some(judged) = judgements.lines().get(line).copied().flatten() else {
                unjudged.push(index);
                continue;
            };
            let own = self.removes(judgements, line).then_some(judged.confidence);
            if let (Some(above), Some(below)) = (above, own) {
                for index in &unjudged {
                    marks.remove_judged(doc.line(*index).span(), id, above.min(below));
                }
            }
            unjudged.clear();
            if let Some(confidence) = own {
                marks.remove_judged(doc.line(index).span(), id, confidence);
            }
            above = own;
        }
    }
}

/// The lines of a document as the output would have them: the lines that are left, and of the
/// blank lines around a cut the longest run. `None` is a blank line.
struct Seen<'d, 'a, I: Iterator<Item = Line<'d, 'a>>> {
    lines: I,
    /// The index after that of the last line.
    next: usize,
    /// A line to return after the blank lines.
    line: Option<Line<'d, 'a>>,
    blanks: usize,
    /// Whether a line was returned that is not blank.
    inside: bool,
}

impl<'d, 'a> Seen<'d, 'a, std::iter::Empty<Line<'d, 'a>>> {
    fn new(doc: &'d Document<'a>) -> Seen<'d, 'a, impl Iterator<Item = Line<'d, 'a>>> {
        Seen { lines: doc.lines(), next: 0, line: None, blanks: 0, inside: false }
    }
}

impl<'d, 'a, I: Iterator<Item = Line<'d, 'a>>> Iterator for Seen<'d, 'a, I> {
    type Item = Option<Line<'d, 'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.blanks > 0 {
            self.blanks -= 1;
            return Some(None);
        }
        if let Some(line) = self.line.take() {
            return Some(Some(line));
        }
        let (mut run, mut longest, mut cut) = (0, 0, false);
        for line in self.lines.by_ref() {
            if line.index() != self.next {
                (cut, run) = (true, 0);
            }
            self.next = line.index() + 1;
            if line.is_blank() {
                run += 1;
                longest = longest.max(run);
            } else {
                self.line = Some(line);
                break;
            }
        }
        self.line?;
        // At the edges of a document, a cut takes the blank lines too.
        self.blanks = if cut && !self.inside { 0 } else { longest };
        self.inside = true;
        self.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
}
