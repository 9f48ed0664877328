//! The decisions made in a report, and `chaffinch rules apply-review`, which applies them to rule files.

use std::fmt::Write;
use std::path::Path;

use chaffinch_proof::{Decision, apply_review};
use chaffinch_report::visible;
use serde_json::Value;

use crate::args::ApplyReviewArgs;
use crate::failure::Failure;
use crate::{print, setup, write_whole};

/// What was decided about a cut, as a report saves it.
pub(crate) struct Decided {
    /// The rule that made the cut.
    pub(crate) rule: String,
    /// Whether it is right.
    pub(crate) accept: bool,
    /// What was cut; long texts end in `…`.
    pub(crate) text: String,
    /// The cut as a case of a rule file; none if it is too long for one.
    pub(crate) case: Option<String>,
    /// The outlet of the document.
    pub(crate) outlet: Option<String>,
    /// The name of the document.
    pub(crate) document: Option<String>,
    /// The first line of the original that was cut, from 1, and the number of lines; none if lines
    /// were cut in part.
    pub(crate) place: Option<(usize, usize)>,
}

impl Decided {
    /// Whether the cut may be of these lines.
    pub(crate) fn is_of(&self, lines: &[&str]) -> bool {
        let mut filled = lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty());
        let (line, text) = (filled.next().unwrap_or_default(), &self.text);
        match text.lines().next().unwrap_or_default().trim() {
            cut if cut == line => true,
            cut => cut.strip_suffix('…').is_some_and(|start| line.starts_with(start)),
        }
    }
}

/// Reads the file that a report saved.
pub(crate) fn read(file: &Path) -> Result<Vec<Decided>, Failure> {
    let shown = file.display();
    let wrong = |message: String| Failure::Usage(format!("{shown}: {message}"));
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::Usage(format!("cannot read {shown}: {error}")))?;
    let review: Value =
        serde_json::from_str(&text).map_err(|error| wrong(format!("not valid JSON: {error}")))?;
    if review["chaffinch_review"] != 1 {
        let message = "not a review file of version 1; save one with the button in a report";
        return Err(wrong(message.to_owned()));
    }
    let all =
        review["decisions"].as_array().ok_or_else(|| wrong("`decisions` is missing".into()))?;
    let decided = |(at, value): (usize, &Value)| {
        let field = |name: &str| value[name].as_str().map(str::to_owned);
        let number = |name: &str| usize::try_from(value[name].as_u64()?).ok();
        let (Some(rule), Some(decision)) = (field("rule"), field("decision")) else {
            return Err(wrong(format!("decision {}: `rule` or `decision` is missing", at + 1)));
        };
        let accept = match decision.as_str() {
            "accept" => true,
            "reject" => false,
            other => {
                let message =
                    format!("decision {}: expected accept or reject, found \"{other}\"", at + 1);
                return Err(wrong(message));
            }
        };
        Ok(Decided {
            rule,
            accept,
            text: field("text").unwrap_or_default(),
            case: field("case"),
            outlet: field("outlet"),
            document: field("document"),
            place: number("line").zip(number("lines")),
        })
    };
    all.iter().enumerate().map(decided).collect()
}

pub(crate) fn run(args: &ApplyReviewArgs) -> Result<u8, Failure> {
    let (mut decisions, mut text) = (Vec::new(), String::new());
    for Decided { rule, accept, text: cut, case, outlet, .. } in read(&args.review)? {
        match case {
            Some(case) => decisions.push(Decision { rule, accept, case, outlet }),
            None => {
                let cut: String = cut.chars().take(60).collect();
                let (rule, cut) = (visible(&rule), visible(&cut));
                let _ = writeln!(text, "to do: {rule}: {cut:?} is too long for a test case");
            }
        }
    }
    let (own, _, _) = setup::rules_in_force(&args.rules)?;
    let pipeline = setup::pipeline(&own)?;
    let applied = apply_review(&pipeline, &decisions)?;
    for done in &applied.done {
        let _ = writeln!(text, "{}", visible(done));
    }
    for left in &applied.left {
        let _ = writeln!(text, "to do: {}", visible(left));
    }
    for (file, yaml) in &applied.files {
        let path = Path::new(file);
        if !path.exists() {
            let message = format!(
                "{file} is built into the program and cannot be changed; give the directory of your \
                 own rules with --rules DIR"
            );
            return Err(Failure::Usage(message));
        }
        if !args.dry_run {
            write_whole(path, yaml.as_bytes())?;
        }
    }
    let files: Vec<&str> = applied.files.keys().map(String::as_str).collect();
    let _ = match (files.is_empty(), args.dry_run) {
        (true, _) => writeln!(text, "no rule file changed"),
        (false, true) => writeln!(text, "would change {}", files.join(", ")),
        (false, false) => {
            let (all, each) = (files.join(", "), files.join(" "));
            writeln!(text, "changed {all}\nnext: chaffinch rules check {each}")
        }
    };
    print(text.as_bytes())
}
