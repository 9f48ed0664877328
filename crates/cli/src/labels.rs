//! `chaffinch lines labels`: what was decided in a report becomes labelled pages.
//!
//! A page is a document whose original is restored from the run. The lines of accepted cuts are
//! labelled boilerplate, those of rejected cuts article, and all others neutral.

use std::collections::BTreeMap;
use std::fmt::Write;

use chaffinch_core::rules::host_of;
use chaffinch_formats::{Document, Originals, Records};
use chaffinch_report::visible;
use serde_json::json;

use crate::args::LinesLabelsArgs;
use crate::failure::Failure;
use crate::review::{Decided, read};
use crate::{print, write_whole};

pub(crate) fn run(args: &LinesLabelsArgs) -> Result<u8, Failure> {
    let mut unused = Vec::new();
    let mut wanted: BTreeMap<String, Vec<Decided>> = BTreeMap::new();
    for decided in read(&args.review)? {
        match (&decided.document, decided.place) {
            (Some(document), Some(_)) => wanted.entry(document.clone()).or_default().push(decided),
            _ => unused.push(reason(&decided, "it has no lines that were cut whole")),
        }
    }
    let (mut rows, mut pages, mut lines) = (String::new(), 0, [0, 0]);
    let mut records = Records::of_run(&args.run)?;
    let mut originals = Originals::of_run(&args.run);
    while let Some(record) = records.next()? {
        originals.pass(&record);
        let Some(all) = wanted.remove(&*record.name()) else { continue };
        let Some(document) = originals.of(&record) else {
            unused.extend(all.iter().map(|one| reason(one, "its original cannot be restored")));
            continue;
        };
        let Some((row, labelled)) = page(record.outlet.as_deref(), &document, &all, &mut unused)
        else {
            continue;
        };
        let _ = writeln!(rows, "{row}");
        pages += 1;
        lines = [lines[0] + labelled[0], lines[1] + labelled[1]];
    }
    let gone = wanted.values().flatten();
    unused.extend(gone.map(|one| reason(one, "the run has no such document")));
    let mut text = String::new();
    for unused in &unused {
        let _ = writeln!(text, "not used: {}", visible(unused));
    }
    if pages == 0 {
        let review = args.review.display();
        return Err(Failure::Usage(format!("{text}no decision of {review} gives a label")));
    }
    write_whole(&args.output, rows.as_bytes())?;
    let _ = writeln!(
        text,
        "{}: pages: {pages}, lines: {} boilerplate, {} article",
        args.output.display(),
        lines[0],
        lines[1]
    );
    print(text.as_bytes())
}

/// The row of a document, and the lines that are labelled boilerplate and article; none if no
/// decision fits its lines.
fn page(
    outlet: Option<&str>,
    document: &Document,
    all: &[Decided],
    unused: &mut Vec<String>,
) -> Option<(String, [usize; 2])> {
    let lines: Vec<&str> = document.text.lines().collect();
    let has_words = |line: &str| line.chars().any(char::is_alphanumeric);
    let mut labels: Vec<char> =
        lines.iter().map(|line| if has_words(line) { 'n' } else { '_' }).collect();
    let mut labelled = [0, 0];
    for decided in all {
        let place = decided.place.and_then(|(first, count)| {
            let from = first.checked_sub(1)?;
            let range = from..from.checked_add(count)?;
            lines.get(range.clone()).filter(|lines| decided.is_of(lines)).map(|_| range)
        });
        let Some(place) = place else {
            let differ = "the lines differ from the report; generate the report again";
            unused.push(reason(decided, differ));
            continue;
        };
        let label = if decided.accept { 'b' } else { 'a' };
        for own in labels[place].iter_mut().filter(|own| **own != '_') {
            *own = label;
            labelled[usize::from(!decided.accept)] += 1;
        }
    }
    if labelled == [0, 0] {
        return None;
    }
    let host = || host_of(document.url.as_deref()?);
    let outlet = outlet.map(str::to_owned).or_else(host).unwrap_or_else(|| document.name.clone());
    let labels: String = labels.into_iter().collect();
    let row = json!({"id": document.name, "outlet": outlet, "lines": lines, "labels": labels});
    Some((row.to_string(), labelled))
}

/// Why a decision gives no label.
fn reason(decided: &Decided, why: &str) -> String {
    let document = decided.document.as_deref().unwrap_or("no document");
    let text: String = decided.text.chars().take(60).collect();
    format!("{}: {document}: {text:?}: {why}", decided.rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(accept: bool, text: &str, first: usize, count: usize) -> Decided {
        Decided {
            rule: "generic/lines/model".to_owned(),
            accept,
            text: text.to_owned(),
            case: None,
            outlet: None,
            document: Some("a.txt".to_owned()),
            place: Some((first, count)),
        }
    }

    #[test]
    fn decisions_that_do_not_fit_the_lines_are_named() {
        let document = Document {
            name: "a.txt".to_owned(),
            path: None,
            text: "Home\nNews\n\nIt rained.\r\nAll rights reserved".to_owned(),
            url: Some("https://news.example/1".to_owned()),
            date: None,
        };
        let (mut unused, long) = (Vec::new(), "It rai…");
        let all = [
            decided(true, "Home\nNews", 1, 3),
            decided(false, long, 4, 1),
            decided(true, "Sport", 5, 1),
            decided(true, "Home", 0, 1),
            decided(true, "All rights reserved", 5, usize::MAX),
        ];
        let (row, labelled) = page(None, &document, &all, &mut unused).expect("it is a page");
        let row: serde_json::Value = serde_json::from_str(&row).expect("it is JSON");
        assert_eq!((&row["labels"], &row["outlet"]), (&json!("bb_an"), &json!("news.example")));
        assert_eq!((labelled, unused.len()), ([2, 1], 3));
        assert!(unused[0].contains("\"Sport\": the lines differ from the report"), "{unused:?}");
        assert!(page(None, &document, &all[2..], &mut unused).is_none());
    }
}
