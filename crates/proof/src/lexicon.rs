//! Runs the cases of the lexicon: lines that the rules must remove, and sentences that they must
//! keep.

use chaffinch_core::Pipeline;
use chaffinch_core::rules::lexicon::{KINDS, Language};
use rayon::prelude::*;

use crate::cases::BODY;
use crate::{ERROR, Finding};

/// Runs the cases of the lexicon files that `wanted` accepts. A line must be removed above, inside
/// or below the body. A sentence must be kept inside and at the end of the body.
pub(crate) fn cases(pipeline: &Pipeline, wanted: &dyn Fn(&str) -> bool) -> Vec<Finding> {
    let languages = pipeline.rules().lexicon().languages();
    let wanted: Vec<_> = languages.iter().filter(|language| wanted(&language.file)).collect();
    wanted.into_par_iter().flat_map(|language| of_language(pipeline, language)).collect()
}

fn of_language(pipeline: &Pipeline, language: &Language) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (kind, entries) in &language.kinds {
        let kind = KINDS[*kind].name;
        let finding = |list: &str, at: usize, case: &str, message: String| Finding {
            level: ERROR,
            code: "lexicon",
            file: language.file.clone(),
            path: format!("kinds.{kind}.{list}[{at}]"),
            part: None,
            rule: format!("{}/{kind}", language.code),
            message,
            help: None,
            case: Some(case.to_owned()),
        };
        for (at, case) in entries.removes.iter().enumerate() {
            let is_cut = |document: String| cut_of(pipeline, &document, case).is_some();
            if ![tail(case), middle(case), head(case)].into_iter().any(is_cut) {
                let message = "no rule removes it".to_owned();
                findings.push(finding("removes", at, case, message));
            }
        }
        for (at, case) in entries.keeps.iter().enumerate() {
            let cut = |document: String| cut_of(pipeline, &document, case);
            if let Some(rule) = [middle(case), tail(case)].into_iter().find_map(cut) {
                let message = format!("must be kept, but {rule} cuts it");
                findings.push(finding("keeps", at, case, message));
            }
        }
    }
    findings
}

/// The rule that cuts a case, if one does.
fn cut_of(pipeline: &Pipeline, document: &str, case: &str) -> Option<String> {
    let cleaned = pipeline.clean(document.as_bytes());
    let start = cleaned.source().find(case)?;
    let case = start..start + case.len();
    let cuts = |edit: &&chaffinch_core::Edit| {
        edit.removes() && edit.span.start() < case.end && edit.span.end() > case.start
    };
    let edit = cleaned.edits().iter().find(cuts)?;
    Some(pipeline.rule(edit.rule).id.to_string())
}

fn head(case: &str) -> String {
    format!("Talks in the capital\n\n{case}\n\n{}\n", BODY.join("\n"))
}

fn middle(case: &str) -> String {
    let (above, below) = BODY.split_at(2);
    format!("Talks in the capital\n\n{}\n{case}\n{}\n", above.join("\n"), below.join("\n"))
}

fn tail(case: &str) -> String {
    format!("Talks in the capital\n\n{}\n{case}\n", BODY.join("\n"))
}
