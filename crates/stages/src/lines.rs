//! Lines: everything around an article that no pattern describes, such as menus, teasers and
//! footers.
//!
//! A small learned model judges each line by its words, its shape and its place on the page. A line
//! is removed if the model is certain enough that it is boilerplate; how certain it must be is the
//! *level*. It is trained on complete pages, so it first judges the page with the lines that rules removed,
//! and then the lines as the output would have them. The engine runs the stage until nothing changes, so a
//! second run over the output removes nothing more.
//!
//! Documents of a recognised outlet are left to the outlet's rules, which were tested on its pages.

use std::cell::RefCell;
use std::path::Path;

use chaffinch_lines::{Cues, Judgement, Judgements, Level, Model, Reason, Scratch};
use chaffinch_stage::{
    Certainty, Document, Explanation, Line, Marks, Options, OptionsError, Rule, Stage, script,
};

use crate::run::shared_words;

/// The id of the rule of all cuts by the line model.
pub const MODEL_RULE: &str = "generic/lines/model";

/// The confidence in percent from which a line is removed even if it may be part of the article.
const CERTAIN: u8 = 96;

/// The most removed lines between two lines that stay that may be a part of the article.
const FEW: usize = 2;

/// The fewest characters of a word that shows that a heading belongs to a paragraph.
const LONG_WORD: usize = 6;

/// The model of a [`Lines`] stage.
enum Source {
    Shipped,
    Own(Box<Model>),
}

/// Marks the lines that a learned model classifies as boilerplate.
pub struct Lines {
    level: Level,
    threshold: Option<u8>,
    model: Source,
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

    /// Which lines of a document are removed at a level.
    fn limit(&self, judgements: &Judgements<'_>, level: Level) -> Limit {
        match self.threshold {
            None => Limit::Score(judgements.threshold(level)),
            Some(threshold) => Limit::Confidence(threshold),
        }
    }

    /// Judges a document with the lines that rules removed, if there are any. Returns whether there are.
    fn judge_complete(
        &self,
        doc: &Document<'_>,
        each: impl FnMut(&Judgements<'_>, &[Option<usize>], Limit),
    ) -> bool {
        let any = doc.all_lines().any(|line| doc.is_removed(line.index()));
        if any {
            self.judge_lines(doc.all_lines(), Level::Careful, each);
        }
        any
    }

    /// Judges lines of a document at a level. Calls `each` with the judgements, the line index of each of them,
    /// and which lines are removed.
    fn judge_lines<'d, 'a: 'd>(
        &self,
        lines: impl Iterator<Item = Line<'d, 'a>>,
        level: Level,
        mut each: impl FnMut(&Judgements<'_>, &[Option<usize>], Limit),
    ) {
        SCRATCH.with_borrow_mut(|Memory { scratch, indices }| {
            indices.clear();
            let seen = Seen::new(lines).map(|line| {
                indices.push(line.map(|line| line.index()));
                line.map_or("", |line| line.text())
            });
            let judgements = self.model().judge(seen, Cues::shipped(), scratch);
            each(&judgements, indices, self.limit(&judgements, level));
        });
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
        let mut mark = |judgements: &Judgements<'_>, indices: &[Option<usize>], limit| {
            mark_judged(&Between { doc, judgements, indices, limit }, marks);
        };
        if !doc.is_called_again() && self.judge_complete(doc, &mut mark) {
            marks.call_again();
        } else {
            self.judge_lines(doc.lines(), self.level, mark);
        }
    }

    fn judges(&self) -> bool {
        !self.is_off()
    }

    fn explain(&self, doc: &Document<'_>, lines: &[usize]) -> Vec<Option<Explanation>> {
        let mut explained = vec![None; lines.len()];
        if self.is_off() || doc.outlet().is_some() {
            return explained;
        }
        let mut explain = |judgements: &Judgements<'_>, indices: &[Option<usize>], limit| {
            let between = Between { doc, judgements, indices, limit };
            for (line, index) in indices.iter().enumerate() {
                let Some(index) = *index else { continue };
                let Some(Some(judged)) = judgements.lines().get(line) else { continue };
                let Ok(at) = lines.binary_search(&index) else { continue };
                let removes = between.removes(line);
                // The judgement that removes it, or else the last one.
                if explained[at].as_ref().is_none_or(|before: &Explanation| !before.removes) {
                    let text = doc.line(index).text();
                    let reasons = judgements.reasons(line, text, judged.confidence >= 50);
                    let reasons = reasons.iter().map(in_words).collect();
                    explained[at] =
                        Some(Explanation { confidence: judged.confidence, removes, reasons });
                }
            }
        };
        self.judge_complete(doc, &mut explain);
        self.judge_lines(doc.lines(), self.level, explain);
        explained
    }

    fn own_rule(&self, stage: &str) -> Rule {
        Rule { certainty: Certainty::Guess, ..Rule::new(MODEL_RULE, stage) }
    }

    fn data(&self) -> Option<String> {
        (!self.is_off()).then(|| format!("{:016x}", self.model().digest()))
    }
}

/// Marks the lines that are removed.
fn mark_judged(between: &Between<'_, '_>, marks: &mut Marks) {
    let Between { doc, judgements, indices, .. } = *between;
    let id = doc.own_rule();
    // Lines without a letter or digit. They are removed if the judged lines on both sides are.
    let mut unjudged = Vec::new();
    let mut above = Some(100);
    for (line, index) in indices.iter().enumerate() {
        let Some(index) = *index else { continue };
        let Some(judged) = judgements.lines().get(line).copied().flatten() else {
            unjudged.push(index);
            continue;
        };
        let removed = doc.is_removed(index);
        let own = match removed {
            true => Some(100),
            false => between.removes(line).then_some(judged.confidence),
        };
        if let (Some(above), Some(below)) = (above, own) {
            for index in unjudged.iter().filter(|index| !doc.is_removed(**index)) {
                marks.remove_judged(doc.line(*index).span(), id, above.min(below));
            }
        }
        unjudged.clear();
        if let Some(confidence) = own.filter(|_| !removed) {
            marks.remove_judged(doc.line(index).span(), id, confidence);
        }
        above = own;
    }
}

/// Which judged lines of a document are removed.
#[derive(Clone, Copy)]
enum Limit {
    /// Those with a lower score.
    Score(i32),
    /// Those with at least this confidence in percent.
    Confidence(u8),
}

/// Checks whether removed lines between two kept lines may be paragraphs or headings of the
/// article.
struct Between<'d, 'a> {
    doc: &'d Document<'a>,
    judgements: &'d Judgements<'d>,
    indices: &'d [Option<usize>],
    limit: Limit,
}

impl Between<'_, '_> {
    /// Whether a line is removed.
    fn removes(&self, line: usize) -> bool {
        self.is_boilerplate(line)
            && !self.is_heading(line)
            && (self.judgement(line).is_some_and(|judged| judged.confidence >= CERTAIN)
                || !self.is_prose(line) && !self.is_time(line))
    }

    /// Whether a line was removed or is beyond the limit, wherever it is.
    fn is_boilerplate(&self, line: usize) -> bool {
        let removed = self.indices[line].is_some_and(|index| self.doc.is_removed(index));
        removed || self.is_beyond(line)
    }

    fn is_beyond(&self, line: usize) -> bool {
        self.judgement(line).is_some_and(|judged| match self.limit {
            Limit::Score(threshold) => judged.score < threshold,
            Limit::Confidence(threshold) => judged.confidence >= threshold,
        })
    }

    /// The judgement of a line, if it has one.
    fn judgement(&self, line: usize) -> Option<Judgement> {
        self.judgements.lines().get(line).copied().flatten()
    }

    /// The next judged line below, if it stays.
    fn staying_below(&self, line: usize) -> Option<usize> {
        let below = self.judged_below(line)?;
        (!self.is_boilerplate(below)).then_some(below)
    }

    fn judged_below(&self, line: usize) -> Option<usize> {
        (line + 1..self.indices.len()).find(|line| self.judgement(*line).is_some())
    }

    /// Whether a line is one of few removed lines between two lines that stay.
    fn is_enclosed(&self, line: usize) -> bool {
        let removed = |lines: &mut dyn Iterator<Item = usize>| {
            let judged = lines.filter(|line| self.judgement(*line).is_some());
            judged.take(FEW).position(|line| !self.is_boilerplate(line))
        };
        let above = removed(&mut (0..line).rev());
        let below = removed(&mut (line + 1..self.indices.len()));
        above.zip(below).is_some_and(|(above, below)| above + below < FEW)
    }

    fn text(&self, line: usize) -> &str {
        self.indices[line].map_or("", |index| self.doc.line(index).text())
    }

    /// Whether this is a sentence, and [enclosed](Self::is_enclosed).
    fn is_prose(&self, line: usize) -> bool {
        script::is_sentence(self.text(line)) && self.is_enclosed(line)
    }

    /// Whether this is a time of day above a line that stays, as in a live ticker.
    fn is_time(&self, line: usize) -> bool {
        is_time(self.text(line)) && self.staying_below(line).is_some()
    }

    /// Whether this is a short line, [enclosed](Self::is_enclosed), and the paragraph below it stays and
    /// has one of its words, as that below a heading of the article has.
    fn is_heading(&self, line: usize) -> bool {
        let text = self.text(line);
        let Some(below) = self.judged_below(line).filter(|_| !script::is_sentence(text)) else {
            return false;
        };
        let paragraph = self.text(below);
        self.is_enclosed(line)
            && script::is_sentence(paragraph)
            && !self.removes(below)
            && shared_words(text, paragraph, LONG_WORD) > 0
    }
}

/// Whether a text is a time of day, perhaps with a short word after it: "16:05 Uhr".
fn is_time(text: &str) -> bool {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let text = text.trim();
    let hours = digits(text);
    let Some(rest) = text[hours..].strip_prefix([':', '.', 'h', '：']) else { return false };
    let word = rest[digits(rest)..].trim_start();
    (1..=2).contains(&hours)
        && digits(rest) == 2
        && word.chars().count() <= 4
        && word.chars().all(|c| c.is_alphabetic() || c == '.')
}

/// Lines of a document as the output would have them: these lines, and of the blank lines around those that
/// are missing the longest run. `None` is a blank line.
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

impl<'d, 'a, I: Iterator<Item = Line<'d, 'a>>> Seen<'d, 'a, I> {
    fn new(lines: I) -> Self {
        Seen { lines, next: 0, line: None, blanks: 0, inside: false }
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
    use std::collections::BTreeMap;

    use chaffinch_core::{Input, Pipeline, Verdict};
    use chaffinch_stage::{Options, Setting};

    use super::*;

    const ARTICLE: &str = "Bridge over the river will open again in spring\n\n\
        The mayor said on Monday that the old bridge would be open again in the spring.\n\n\
        It had been closed for more than two years, and the repair was more expensive than planned.\n\n\
        \"We have waited for this day for a long time,\" a farmer from the other bank told reporters.\n\n\
        The council will decide next week whether lorries may use it.\n";
    const MENU: &str = "Home\nNews\nSport\nCulture\nWeather\nVideo\nLog in\nSubscribe\n\n";
    const FOOTER: &str = "\nMost read\nStorm warning for the coast\nFive recipes for autumn\n\n\
        About us\nContact\nPrivacy policy\nTerms of use\n© 2024 Valley Post. All rights reserved.\n";

    fn options(settings: &[(&str, Setting)]) -> Options {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        Options::new(settings.collect::<BTreeMap<_, _>>())
    }

    fn pipeline(level: &str) -> Pipeline {
        let level = Setting::Text(level.to_owned());
        let only = ["title".to_owned(), "lines".to_owned()];
        let builder = Pipeline::builder().only(&only).stage_setting("lines", "level", level);
        builder.build().expect("the settings are valid")
    }

    #[test]
    fn times_of_day_are_recognised() {
        for time in ["16:05", "9.30", "16:05 Uhr", "11h15", "4:05 p.m."] {
            assert!(is_time(time), "{time}");
        }
        for other in ["", "16", "1.234", "16:05:12", "2.50 euros", "version 1.20", "1.20 to 1"] {
            assert!(!is_time(other), "{other}");
        }
    }

    /// A paragraph and a heading that begin like boilerplate, between paragraphs of the article.
    #[test]
    fn parts_of_the_article_stay_between_its_lines() {
        let text = include_str!("../../../corpus/cases/fr-prose.case");
        let text: String =
            text.lines().map(|line| format!("{}\n", line.get(1..).unwrap_or(""))).collect();
        let pipeline = Pipeline::builder().only(&["lines".to_owned()]).build().unwrap();
        assert_eq!(pipeline.clean_text(&text, None).text(), text);
        let lines: Vec<usize> = (0..text.lines().count()).collect();
        let explained = pipeline.explain(&Input::default(), &text, &lines);
        let unsure = explained.iter().flatten().filter(|judged| judged.confidence >= 80);
        assert!(unsure.clone().count() > 0, "the model alone would remove a line");
        assert!(unsure.clone().all(|judged| !judged.removes), "{explained:?}");
    }

    /// The model is trained on complete pages: without the lines that rules removed, it keeps more.
    #[test]
    fn lines_are_judged_with_those_that_rules_removed() {
        let page = include_str!("../../../corpus/pages/en-live-1.case");
        let page: String =
            page.lines().map(|line| format!("{}\n", line.get(1..).unwrap_or(""))).collect();
        let cleaned = |level: &str, text: &str| {
            let level = Setting::Text(level.to_owned());
            let pipeline = Pipeline::builder().stage_setting("lines", "level", level).build();
            pipeline.expect("the settings are valid").clean_text(text, None).text().to_owned()
        };
        let line = "\nUpdated at 14.10 GMT\n";
        let by_rules = cleaned("off", &page);
        assert!(by_rules.contains(line), "{by_rules}");
        assert!(cleaned("careful", &by_rules).contains(line));
        assert!(!cleaned("careful", &page).contains(line));
    }

    #[test]
    fn keeps_the_article_of_a_page_and_removes_most_else() {
        let page = format!("{MENU}{ARTICLE}{FOOTER}");
        let pipeline = pipeline("careful");
        let cleaned = pipeline.clean(page.as_bytes());
        assert_eq!(cleaned.verdict(), Verdict::Cleaned);
        for line in ARTICLE.lines() {
            assert!(cleaned.text().contains(line), "{line}");
        }
        for line in ["Weather", "Contact", "Privacy policy", "© 2024"] {
            assert!(!cleaned.text().contains(line), "{line}");
        }
        let rule = pipeline.find_rule("generic/lines/model").expect("the stage has a rule");
        for edit in cleaned.edits() {
            assert_eq!(edit.rule, rule);
            assert!(edit.confidence.is_some_and(|percent| (50..=100).contains(&percent)));
        }
        assert_eq!(cleaned.restore().expect("it restores"), page.as_bytes());
        assert_eq!(pipeline.clean(cleaned.output()).edits(), []);
    }

    #[test]
    fn leaves_articles_and_short_documents_alone() {
        for text in [ARTICLE, "Home\nNews\nSport\nLog in\n", ""] {
            for level in ["careful", "balanced", "off"] {
                assert_eq!(pipeline(level).clean(text.as_bytes()).edits(), [], "{level}");
            }
        }
    }

    #[test]
    fn a_page_that_would_be_emptied_passes_through() {
        let page = format!(
            "{MENU}{}{FOOTER}",
            "Subscribe now to read all of our articles and newsletters today.\n".repeat(3)
        );
        let cleaned = pipeline("full").clean(page.as_bytes()).output().to_vec();
        assert!(!cleaned.is_empty());
        assert_eq!(pipeline("full").clean(&cleaned).output(), cleaned);
    }

    #[test]
    fn reasons_are_given_in_words() {
        let page = format!("{MENU}{ARTICLE}{FOOTER}");
        let pipeline = pipeline("careful");
        let explained = pipeline.explain(&Input::default(), &page, &[4, 11]);
        let menu = explained[0].as_ref().expect("it was judged");
        assert!(menu.removes && menu.confidence > 80 && !menu.reasons.is_empty(), "{menu:?}");
        let body = explained[1].as_ref().expect("it was judged");
        assert!(!body.removes && body.confidence < 20 && !body.reasons.is_empty(), "{body:?}");
        let why_not = pipeline.why_not(&Input::default(), &page, 12).expect("there is such a line");
        assert_eq!(why_not.judged.map(|judged| judged.removes), Some(false));
    }

    #[test]
    fn settings_that_make_no_sense_are_errors() {
        let text = |text: &str| Setting::Text(text.to_owned());
        let error = |name: &str, value: Setting| {
            Lines::new(&mut options(&[(name, value)])).err().map(|error| error.to_string())
        };
        assert_eq!(
            error("level", text("most")).as_deref(),
            Some("setting `level` must be off, careful, balanced or full")
        );
        assert!(error("threshold", Setting::Int(101)).is_some());
        assert!(
            error("model", text("no/such/file"))
                .is_some_and(|shown| shown.contains("no/such/file"))
        );
        assert_eq!(error("threshold", Setting::Int(90)), None);
    }

    #[test]
    fn keeps_the_contract() {
        let lines = Lines::new(&mut options(&[("level", Setting::Text("full".to_owned()))]));
        let page = format!("{MENU}{ARTICLE}{FOOTER}");
        chaffinch_stage::contract::check(&lines.expect("a valid level"), &[&page, MENU, FOOTER]);
    }
}
