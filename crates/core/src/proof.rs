//! The proof of rule files: every text that a rule must remove, every text that must stay, every
//! example, cleaned for real.

use std::fmt;

use chaffinch_rules::Source;
use chaffinch_stage::{Place, Rule, RuleId, Span};

use crate::{Cleaned, Pipeline};

/// The paragraphs that a case is set among.
const BODY: [&str; 4] = [
    "The minister told reporters on Tuesday that the two sides had agreed to go on with the talks.",
    "Officials from seven countries took part in the meeting, which was held behind closed doors.",
    "No date was set for the next round, but diplomats expect it to take place before the summer.",
    "The ministry said it would publish the full text of the agreement by the end of the week.",
];

/// What lone `…` lines in a case stand for, one after the other.
const INSIDE: [&str; 3] = [
    "The president told members of parliament that both parties had refused to sign the treaty.",
    "Observers from the region were allowed into the building, though not into the hall itself.",
    "Nobody wished to say what had been discussed in the hours before the doors opened again.",
];

/// A case that does not come out as the rule file says.
#[derive(Debug)]
pub struct Failure {
    /// The rule or example.
    pub rule: String,
    /// Its file.
    pub file: String,
    /// The text of the case.
    pub case: String,
    /// What went wrong.
    pub message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}\n  case: {:?}", self.file, self.rule, self.message, self.case)
    }
}

/// Runs every case and every example of the pipeline's rule files. `pipeline_for` gives a pipeline
/// with the same rules that takes every document to be of one outlet.
///
/// Cases are shorter than articles: the pipelines should have no limits on what may be cut.
pub fn prove(pipeline: &Pipeline, pipeline_for: &dyn Fn(&str) -> Pipeline) -> Vec<Failure> {
    let rules = pipeline.rules();
    // Cleaned again, a document may no longer show whose it is.
    let whole = |text: &[u8]| settled(pipeline, text);
    let mut failures = Vec::new();
    let mut forced: Option<(String, Pipeline)> = None;
    for (index, rule) in rules.rules().iter().enumerate() {
        let id = RuleId(index as u32);
        let source = rules.source(id);
        let unit = source.unit.map(|unit| rules.unit_name(unit));
        let pipeline = match unit {
            None => pipeline,
            Some(unit) => {
                if forced.as_ref().is_none_or(|(name, _)| name != unit) {
                    forced = Some((unit.to_owned(), pipeline_for(unit)));
                }
                forced.as_ref().map_or(pipeline, |(_, pipeline)| pipeline)
            }
        };
        prove_rule(pipeline, &whole, id, rule, source, &mut failures);
    }
    for (unit, example) in rules.examples() {
        let pipeline = pipeline_for(unit);
        let cleaned = pipeline.clean(example.text.as_bytes());
        let failed = |message: String| Failure {
            rule: format!("{unit} example"),
            file: String::new(),
            case: example.text.chars().take(60).collect(),
            message,
        };
        if cleaned.text() != example.clean {
            failures.push(failed(format!("gives {:?}, not {:?}", cleaned.text(), example.clean)));
        }
        failures.extend(settled(&pipeline, cleaned.output()).map(failed));
        failures.extend(whole(cleaned.output()).map(failed));
    }
    failures
}

fn prove_rule(
    pipeline: &Pipeline,
    without_outlet: &dyn Fn(&[u8]) -> Option<String>,
    id: RuleId,
    rule: &Rule,
    source: &Source,
    failures: &mut Vec<Failure>,
) {
    let mut fail = |case: &str, message: String| {
        let (rule, file, case) = (rule.id.clone(), source.file.clone(), case.to_owned());
        failures.push(Failure { rule, file, case, message });
    };
    for case in &source.removes {
        for (document, span, wanted) in set_among_body(case, rule.place) {
            let cleaned = pipeline.clean(document.as_bytes());
            if let Some(message) = removed(&cleaned, id, span, &wanted) {
                fail(case, message);
            }
            let output = cleaned.output();
            if let Some(message) = settled(pipeline, output).or_else(|| without_outlet(output)) {
                fail(case, message);
            }
        }
    }
    for case in &source.keeps {
        for (document, span, free) in set_among_body(case, rule.place) {
            let cleaned = pipeline.clean(document.as_bytes());
            let free: &[Span] = if case.contains('⟦') { &free } else { &[] };
            let cut = cleaned.edits().iter().find(|edit| {
                let may = free.iter().any(|free| edit.span.overlaps(*free)) && edit.rule != id;
                edit.removes() && edit.span.overlaps(span) && !may
            });
            if let Some(edit) = cut {
                let cutter = &pipeline.rules().rules()[edit.rule.0 as usize].id;
                let text = &cleaned.source()[edit.span.range()];
                fail(case, format!("must stay, but {cutter} cuts {text:?}"));
            }
            let output = cleaned.output();
            if let Some(message) = settled(pipeline, output).or_else(|| without_outlet(output)) {
                fail(case, message);
            }
        }
    }
}

/// What is wrong with the way the rule removes a case.
fn removed(cleaned: &Cleaned<'_>, id: RuleId, case: Span, wanted: &[Span]) -> Option<String> {
    let inside = cleaned.edits().iter().filter(|edit| edit.span.overlaps(case));
    let own = inside.clone().filter(|edit| edit.rule == id);
    if own.count() == 0 {
        return Some(format!("is not removed by this rule; left: {:?}", cleaned.text()));
    }
    let source = cleaned.source();
    for (at, c) in source[case.range()].char_indices() {
        let at = case.start() + at;
        let must_go = wanted.iter().any(|span| span.range().contains(&at));
        // Other rules may cut more of the case; this one may not.
        let gone = inside
            .clone()
            .any(|edit| edit.span.range().contains(&at) && (must_go || edit.rule == id));
        if !c.is_whitespace() && gone != must_go {
            let word = if must_go { "stays" } else { "goes" };
            return Some(format!("{word}: {:?}", &source[at..case.end()]));
        }
    }
    None
}

/// What cleaning an output again cuts, if anything.
fn settled(pipeline: &Pipeline, output: &[u8]) -> Option<String> {
    let again = pipeline.clean(output);
    let edit = again.edits().first()?;
    let rule = &pipeline.rules().rules()[edit.rule.0 as usize].id;
    let text = &again.source()[edit.span.range()];
    Some(format!("a second run cuts more: {rule} cuts {text:?}"))
}

/// Documents with the case in its place: the text, the case's span, and the parts of it that must
/// go. `⟦ ⟧` in a case mark those parts; else all of it goes, but `…` lines. In a text that must
/// stay, they mark what other rules may cut.
fn set_among_body(case: &str, place: Place) -> Vec<(String, Span, Vec<Span>)> {
    let body = BODY[..3].join("\n\n");
    let edges = |at_head: bool| match at_head {
        true => (String::new(), format!("\n\n{body}\n\n{}\n", BODY[3])),
        false => (format!("{body}\n\n{}\n\n", BODY[3]), String::from("\n")),
    };
    let head = edges(true);
    let tail = edges(false);
    let middle = (format!("{body}\n\n"), format!("\n\n{}\n\n{body}\n", BODY[3]));
    let settings = match place {
        Place::Head | Place::Opening => vec![head],
        Place::Tail | Place::Closing => vec![tail],
        Place::Edges | Place::Rims => vec![head, tail],
        Place::Body | Place::Anywhere => vec![middle],
    };
    settings.into_iter().map(|(above, below)| lay_out(&above, case, &below)).collect()
}

fn lay_out(above: &str, case: &str, below: &str) -> (String, Span, Vec<Span>) {
    let mut document = above.to_owned();
    let marked = case.contains('⟦');
    let (mut wanted, mut open, mut paragraph) = (Vec::new(), None, 0);
    for (i, line) in case.lines().enumerate() {
        if i > 0 {
            document.push('\n');
        }
        if line.trim() == "…" {
            document.push_str(INSIDE[paragraph % INSIDE.len()]);
            paragraph += 1;
            continue;
        }
        let start = document.len();
        for c in line.chars() {
            match c {
                '⟦' => open = Some(document.len()),
                '⟧' => wanted.extend(open.take().map(|open| Span::new(open, document.len()))),
                c => document.push(c),
            }
        }
        if !marked {
            wanted.push(Span::new(start, document.len()));
        }
    }
    let span = Span::new(above.len(), document.len());
    document.push_str(below);
    (document, span, wanted)
}
