//! Renders HTML reports: one self-contained file each, without network access.
//!
//! Text from documents is untrusted. maud escapes all of it, [`visible`] shows control characters
//! as escapes, and the page's content security policy allows only the embedded script, by its
//! digest.

mod chart;
mod document;

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chaffinch_core::message::counted;
use chaffinch_core::{STAGES, Verdict};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use crate::diff::{Diff, Group, Way};
use crate::overview::{Overview, RuleReport};
use crate::render::place;
use crate::sample::Sample;
use crate::texts::{Entry, Texts, shortened};
use crate::visible;
use crate::visible::visible_json;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// The size in bytes of rules, and of documents, from which no more are shown.
const BUDGET: usize = 3 << 20;

/// The maximum number of distinct texts shown of a rule: frequent ones, and rare ones.
const TEXTS: usize = 8;

/// The maximum number of rows in a table.
const ROWS: usize = 2000;

/// The report of a run: its totals, its rules, and a selection of documents.
pub fn of_run(overview: &Overview, name: &str) -> String {
    let (rules, rules_out) = rules(overview);
    let (documents, documents_out) = documents(overview);
    let body = html! {
        (overview_section(overview))
        section #rules {
            h2 { "Rules" }
            p .soft {
                "Every rule that cut something, with its most frequent and its rarest texts. "
                "Mistakes are usually among the rare ones, and among those that the line model was least certain of."
            }
            div .controls {
                input type="search" placeholder="Filter rules and texts" aria-label="Filter rules"
                    data-filter="rules" data-key="words";
                select aria-label="Stage" data-filter="rules" data-key="stage" {
                    option value="" { "all stages" }
                    @for stage in stages(overview) { option value=(stage) { (stage) } }
                }
                label { "by " select data-sorts="rules" {
                    option value="documents" { "documents" }
                    option value="bytes" { "bytes" }
                    option value="share" { "share" }
                    option value="distinct" { "distinct texts" }
                    option value="confidence" { "least certain" }
                    option value="rule" { "name" }
                } }
                span .soft data-count="rules" {}
            }
            div { (rules) }
        }
        section #documents {
            h2 { "Documents" }
            p .soft {
                "Failed and suspect documents come first, then one document for each rule, then others. "
                (counted(overview.shown.len() as u64, "document")) " of "
                (overview.documents) " are shown."
            }
            div .controls {
                input type="search" placeholder="Filter by name, outlet or rule" aria-label="Filter documents"
                    data-filter="documents" data-key="words";
                select aria-label="Verdict" data-filter="documents" data-key="verdict" {
                    option value="" { "all verdicts" }
                    @for verdict in Verdict::ALL { option { (verdict) } }
                }
                (view_buttons())
                span .soft data-count="documents" {}
            }
            div { (documents) }
        }
    };
    let mut left_out = Vec::new();
    if rules_out > 0 {
        left_out.push(format!("{} with their texts", counted(rules_out as u64, "rule")));
    }
    if documents_out > 0 {
        let documents = counted(documents_out as u64, "selected document");
        left_out.push(format!("{documents}, and all documents that were not selected"));
    }
    let nav = [("overview", "Overview"), ("rules", "Rules"), ("documents", "Documents")];
    shell(&format!("Chaffinch: {name}"), name, &nav, &body, &left_out)
}

/// The report of the differences between two runs.
pub fn of_diff(diff: &Diff, first: &str, second: &str) -> String {
    let mut body = String::new();
    let mut left_out = 0;
    for group in diff.groups() {
        if body.len() > BUDGET {
            left_out += 1;
            continue;
        }
        body.push_str(&group_card(group).into_string());
    }
    let totals = diff.totals();
    let content = html! {
        section #overview {
            h2 { "What changed" }
            ul { @for line in &totals { li { (line) } } }
        }
        section #rules {
            h2 { "By rule" }
            @if diff.groups().is_empty() {
                p .soft { "No rule cuts more or less than before." }
            } @else {
                p .soft { "Changes inside articles come first, framed in red." }
                div .controls {
                    input type="search" placeholder="Filter rules and texts"
                        aria-label="Filter rules" data-filter="rules" data-key="words";
                    select aria-label="Way" data-filter="rules" data-key="way" {
                        option value="" { "more and less" }
                        option value="more" { "now cut" }
                        option value="less" { "no longer cut" }
                    }
                    span .soft data-count="rules" {}
                }
                div { (PreEscaped(body)) }
            }
        }
    };
    let left_out: Vec<String> = match left_out {
        0 => Vec::new(),
        count => vec![counted(count, "rule")],
    };
    let name = format!("{first} → {second}");
    let nav = [("overview", "What changed"), ("rules", "By rule")];
    shell(&format!("Chaffinch: {name}"), &name, &nav, &content, &left_out)
}

fn shell(
    title: &str,
    run: &str,
    nav: &[(&str, &str)],
    body: &Markup,
    left_out: &[String],
) -> String {
    let digest = BASE64.encode(Sha256::digest(SCRIPT));
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; \
         base-uri 'none'; form-action 'none'"
    );
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                title { (visible(title)) }
                style { (PreEscaped(STYLE)) }
            }
            body data-view="both" data-run=(visible_json(run)) {
                header { h1 { (visible(title)) } }
                nav { div {
                    @for (id, name) in nav { a href={ "#" (id) } { (name) } }
                    button #help type="button" { "Keys" }
                } }
                main { (body) }
                footer {
                    @if !left_out.is_empty() {
                        p #left-out { "Omitted to limit the size of this page: " (left_out.join("; ")) "." }
                    }
                    p { "Generated by chaffinch " (env!("CARGO_PKG_VERSION")) ". Control characters and "
                        "direction marks of documents are shown as escapes." }
                }
                div .choices hidden {
                    span #chosen aria-live="polite" {}
                    button #save type="button" { "Save review.json" }
                    span .soft { "then: chaffinch rules apply-review, chaffinch lines labels" }
                }
                dialog {
                    h3 { "Keys" }
                    p { kbd { "j" } " " kbd { "k" } " next, previous: rule, text of an open rule, document" }
                    p { kbd { "o" } " open or close" }
                    p { kbd { "a" } " " kbd { "r" } " accept, reject a text" }
                    p { kbd { "v" } " both, clean, original" }
                    p { kbd { "/" } " filter · " kbd { "s" } " save the review · " kbd { "Esc" } " leave" }
                    form method="dialog" { button { "Close" } }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

/// The hue of a stage. Neighbours in the chain have distant hues.
fn hue(stage: &str) -> usize {
    let at = STAGES.iter().position(|known| known.name == stage);
    let at = at.unwrap_or_else(|| STAGES.len() + stage.len());
    (at * 137 + 10) % 360
}

fn hued(stage: &str) -> String {
    format!("--h:{}", hue(stage))
}

fn chip(stage: &str) -> Markup {
    html! { span .chip style=(hued(stage)) { (visible(stage)) } }
}

fn view_buttons() -> Markup {
    html! {
        span role="group" aria-label="View" {
            @for (view, pressed) in [("both", "true"), ("clean", "false"), ("original", "false")] {
                button type="button" data-view-as=(view) aria-pressed=(pressed) { (view) } " "
            }
        }
    }
}

fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

fn percent(part: u64, whole: u64) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

fn stages(overview: &Overview) -> Vec<&str> {
    let mut stages: Vec<&str> = overview.rules.values().map(|rule| rule.stage.as_str()).collect();
    stages.sort_unstable();
    stages.dedup();
    stages
}

/// A month or a year.
struct Period {
    name: String,
    documents: u64,
    bytes: u64,
}

/// The months without gaps, or years if there are too many months; and the unit.
fn periods(months: &BTreeMap<String, (u64, u64)>) -> (&'static str, Vec<Period>) {
    let index = |month: &str| -> Option<u64> {
        let (year, month) = month.split_once('-')?;
        Some(year.parse::<u64>().ok()? * 12 + month.parse::<u64>().ok()?.checked_sub(1)?)
    };
    let known: Vec<(u64, (u64, u64))> =
        months.iter().filter_map(|(month, counts)| Some((index(month)?, *counts))).collect();
    let (Some((first, _)), Some((last, _))) = (known.first(), known.last()) else {
        return ("month", Vec::new());
    };
    let (unit, step) = if last - first > MONTHS { ("year", 12) } else { ("month", 1) };
    let mut all: BTreeMap<u64, (u64, u64)> =
        (first / step..=last / step).take(YEARS).map(|at| (at, (0, 0))).collect();
    for (at, (documents, bytes)) in known {
        let sum = all.entry(at / step).or_default();
        *sum = (sum.0 + documents, sum.1 + bytes);
    }
    let name = |at: u64| match step {
        12 => at.to_string(),
        _ => format!("{}-{:02}", at / 12, at % 12 + 1),
    };
    let period = |(at, (documents, bytes))| Period { name: name(at), documents, bytes };
    (unit, all.into_iter().map(period).collect())
}

/// The maximum number of months that have a column each.
const MONTHS: u64 = 72;

/// The maximum number of years in a chart, including years without documents.
const YEARS: usize = 200;

fn overview_section(overview: &Overview) -> Markup {
    let run = &overview.run;
    let count = |key: &str| run[key].as_u64().unwrap_or(0);
    let (bytes_in, removed) = (count("bytes_in"), count("bytes_removed"));
    let of = |verdict: Verdict| overview.verdicts.get(&verdict).copied().unwrap_or(0);
    let mut by_stage: Vec<(&str, u64)> = Vec::new();
    for rule in overview.rules.values() {
        match by_stage.iter_mut().find(|(stage, _)| *stage == rule.stage) {
            Some((_, bytes)) => *bytes += rule.bytes,
            None => by_stage.push((&rule.stage, rule.bytes)),
        }
    }
    by_stage.sort_by_key(|(stage, bytes)| (std::cmp::Reverse(*bytes), *stage));
    let stages: Vec<(String, u64, usize)> =
        by_stage.iter().map(|(stage, bytes)| ((*stage).to_owned(), *bytes, hue(stage))).collect();
    let (unit, periods) = periods(&overview.months);
    let documents: Vec<(&str, u64)> =
        periods.iter().map(|period| (period.name.as_str(), period.documents)).collect();
    let share: Vec<(&str, Option<f64>)> = periods
        .iter()
        .map(|Period { name, documents, bytes }| {
            let share = (*documents > 0).then(|| *bytes as f64 / *documents as f64);
            (name.as_str(), share)
        })
        .collect();
    let mut outlets: Vec<_> = overview.outlets.iter().collect();
    outlets.sort_by_key(|(name, outlet)| (std::cmp::Reverse(outlet.documents), *name));
    html! {
        section #overview {
            @if run["state"] != "finished" {
                p .warn { "This run is not finished. Run its command again to resume it." }
            }
            div .tiles {
                div .tile { b { (number(overview.documents)) } "documents" }
                div .tile { b .good { (number(of(Verdict::Cleaned))) } "cleaned" }
                div .tile { b { (number(of(Verdict::Unchanged))) } "unchanged" }
                div .tile { b .warn { (number(of(Verdict::Suspect))) } "suspect" }
                div .tile { b .bad { (number(of(Verdict::Failed))) } "failed" }
                div .tile { b { (number(bytes_in)) } "bytes in" }
                div .tile { b { (number(bytes_in.saturating_sub(removed))) } "bytes out" }
                div .tile { b { (format!("{:.1} %", percent(removed, bytes_in))) } "cut" }
            }
            (chart::verdicts(&overview.verdicts))
            h2 { "By stage" }
            figure { (chart::bars(&stages)) figcaption { "bytes cut" } }
            @if periods.len() > 1 {
                h2 { "Over time" }
                figure { (chart::columns(&documents)) figcaption { "documents by " (unit) } }
                figure {
                    (chart::line(&share))
                    figcaption { "bytes cut from a document, on average, by " (unit) }
                }
            }
            h2 { "By outlet" }
            div .controls {
                input type="search" placeholder="Filter outlets" aria-label="Filter outlets"
                    data-filter="outlets" data-key="words";
                span .soft data-count="outlets" {}
            }
            div .scroll { table {
                thead { tr {
                    th { button type="button" { "outlet" } }
                    th .n { button type="button" { "documents" } }
                    th .n { button type="button" { "without a cut" } }
                    th .n { button type="button" { "bytes cut" } }
                    th .n { button type="button" { "lines left at the end" } }
                } }
                tbody {
                    @for (name, outlet) in outlets.iter().take(ROWS) {
                        @let shown = if name.is_empty() { "(none recognised)" } else { name };
                        @let tail = outlet.tail_lines as f64 / outlet.documents.max(1) as f64;
                        tr data-list="outlets" data-words=(visible(shown)) {
                            td { (visible(shown)) }
                            td .n data-value=(outlet.documents) { (number(outlet.documents)) }
                            td .n data-value=(outlet.untouched) { (number(outlet.untouched)) }
                            td .n data-value=(outlet.bytes) { (number(outlet.bytes)) }
                            td .n data-value=(tail) { (format!("{tail:.1}")) }
                        }
                    }
                }
            } }
            @if outlets.len() > ROWS {
                p .soft { "and " (outlets.len() - ROWS) " outlets with fewer documents" }
            }
        }
    }
}

/// The cards of all rules, and the number of rules left out.
fn rules(overview: &Overview) -> (Markup, usize) {
    let mut rules: Vec<_> = overview.rules.iter().collect();
    rules.sort_by_key(|(id, rule)| (std::cmp::Reverse(rule.documents), *id));
    let (mut out, mut left_out) = (String::new(), 0);
    for (at, (id, rule)) in rules.iter().enumerate() {
        let of = overview
            .outlets
            .iter()
            .find(|(outlet, _)| !outlet.is_empty() && id.split('/').next() == Some(outlet));
        let (whose, all) = match of {
            Some((outlet, report)) => (format!("of {outlet}"), report.documents),
            None => ("of all documents".to_owned(), overview.documents),
        };
        let full = out.len() < BUDGET;
        left_out += usize::from(!full);
        if at >= ROWS {
            continue;
        }
        out.push_str(&rule_card(id, rule, &whose, all, full).into_string());
    }
    (PreEscaped(out), left_out)
}

fn rule_card(id: &str, rule: &RuleReport, whose: &str, all: u64, full: bool) -> Markup {
    let share = percent(rule.documents, all);
    let (distinct, exact) = rule.texts.distinct();
    // Each text is in the first list that has it.
    let mut lists = [
        ("Least certain", rule.least_certain.texts()),
        ("Most frequent", rule.texts.frequent(TEXTS)),
        ("Rarest", rule.texts.rare(TEXTS)),
    ];
    let mut seen = BTreeSet::new();
    for (_, entries) in &mut lists {
        entries.retain(|entry| seen.insert(entry.hash));
    }
    let all_texts = lists.iter().flat_map(|(_, entries)| entries);
    let words = all_texts.map(|entry| shortened(&entry.text, 80)).collect::<Vec<_>>().join(" ");
    // Cuts without a confidence are not in doubt.
    let confidence = rule.least_certain.lowest().unwrap_or(100);
    let about = if exact { "" } else { "about " };
    html! {
        details .rule id={ "rule-" (id) } data-list="rules" data-words={ (id) " " (visible(&words)) }
            data-stage=(rule.stage) data-rule=(id) data-documents=(rule.documents)
            data-bytes=(rule.bytes) data-share=(share) data-distinct=(distinct)
            data-confidence=(confidence)
        {
            summary {
                code { (visible(id)) } (chip(&rule.stage))
                span .soft {
                    (number(rule.documents)) " documents, " (format!("{share:.1} %")) " " (visible(whose))
                    " · " (number(rule.cuts)) " cuts · " (number(rule.bytes)) " bytes · "
                    (about) (number(distinct)) " distinct"
                }
            }
            div {
                @if !full {
                    p .soft { "Its texts are omitted to limit the size of this page." }
                } @else {
                    (all_choice())
                    @for (name, entries) in lists.iter().filter(|(_, entries)| !entries.is_empty()) {
                        h3 { (name) }
                        @for entry in entries { (entry_card(id, &rule.stage, entry, None)) }
                    }
                }
            }
        }
    }
}

/// A text of several lines, each made visible, without blank lines.
fn in_lines(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| visible(line)).collect::<Vec<_>>().join("\n")
}

/// The first lines of a text.
fn heading(text: &str) -> String {
    let lines = in_lines(&shortened(text, 240));
    match lines.match_indices('\n').nth(2) {
        Some((at, _)) => format!("{} …", &lines[..at]),
        None => lines,
    }
}

/// The buttons to accept or reject all texts of a rule.
fn all_choice() -> Markup {
    html! {
        p .controls {
            span .soft { "all texts shown:" }
            span .choice {
                button type="button" data-choose="accept" { "accept" }
                button type="button" data-choose="reject" { "reject" }
            }
        }
    }
}

fn entry_card(rule: &str, stage: &str, entry: &Entry<Sample>, way: Option<Way>) -> Markup {
    let first = entry.samples.first();
    let inside = first.is_some_and(|sample| sample.body);
    let outlet = first.and_then(|sample| sample.outlet.as_deref());
    let case = first.and_then(|sample| sample.case.as_deref());
    // Of two runs, it is not said which one has the lines.
    let whole_lines =
        |sample: &&Sample| way.is_none() && sample.lines > 0 && sample.with.is_empty();
    let place = first.filter(whole_lines);
    html! {
        div .entry style=(hued(stage)) data-rule=(rule) data-text=(visible_json(&entry.text))
            data-case=[case.map(visible_json)] data-outlet=[outlet.map(visible_json)]
            data-document=[first.map(|sample| visible_json(&sample.document))]
            data-line=[place.map(|sample| sample.line)] data-lines=[place.map(|sample| sample.lines)]
            data-confidence=[first.and_then(|sample| sample.confidence)]
        {
            p {
                q .bad[inside] { (heading(&entry.text)) }
                @if entry.count > 0 { span .soft { "×" (number(entry.count)) } }
                span .choice {
                    button type="button" data-choose="accept" aria-pressed="false" { "accept" }
                    button type="button" data-choose="reject" aria-pressed="false" { "reject" }
                }
            }
            @for sample in &entry.samples { (sample_card(sample, way)) }
        }
    }
}

fn sample_card(sample: &Sample, way: Option<Way>) -> Markup {
    let text = in_lines(&sample.text);
    html! {
        div .sample {
            p .where {
                (place(sample))
                @if let Some(outlet) = &sample.outlet { " · " (visible(outlet)) }
                @if let Some(confidence) = sample.confidence { " · " (confidence) " % certain" }
            }
            @if !sample.above.is_empty() { p .soft { (visible(&sample.above)) } }
            p {
                (visible(&sample.before))
                @match way {
                    Some(Way::Less) => { span .back { (text) } }
                    _ => { del { (text) } }
                }
                @if !sample.with.is_empty() { ins { (visible(&sample.with)) } }
                (visible(&sample.after))
            }
            @if !sample.below.is_empty() { p .soft { (visible(&sample.below)) } }
        }
    }
}

fn group_card(group: &Group) -> Markup {
    let touches = group.body_documents > 0;
    let (distinct, exact) = group.distinct();
    let about = if exact { "" } else { "about " };
    let mut texts = group.shown(2 * TEXTS);
    let rare = |texts: &Texts<Sample>| {
        texts.rare(TEXTS).into_iter().map(|entry| entry.hash).collect::<Vec<_>>()
    };
    let shown: Vec<u64> = texts.iter().map(|entry| entry.hash).collect();
    for (all, hashes) in
        [(&group.body_texts, rare(&group.body_texts)), (&group.texts, rare(&group.texts))]
    {
        let more = all.rare(TEXTS).into_iter().filter(|entry| hashes.contains(&entry.hash));
        texts.extend(more.filter(|entry| !shown.contains(&entry.hash)));
    }
    let words: String = texts.iter().map(|e| shortened(&e.text, 80)).collect::<Vec<_>>().join(" ");
    html! {
        details .rule .touches[touches] open[touches] id={ "rule-" (group.way.as_str()) "-" (group.rule) }
            data-list="rules" data-words={ (group.rule) " " (visible(&words)) } data-way=(group.way.as_str())
        {
            summary {
                code { (visible(&group.rule)) }
                @if touches {
                    b .bad { "cuts into the article in " (counted(group.body_documents, "document")) }
                }
                span .soft { (group.summary()) " · " (about) (number(distinct)) " distinct" }
            }
            div {
                (all_choice())
                @for entry in &texts { (entry_card(&group.rule, "", entry, Some(group.way))) }
                @let more = distinct.saturating_sub(texts.len() as u64);
                @if more > 0 { p .soft { "and " (about) (counted(more, "distinct text")) " more" } }
            }
        }
    }
}

/// The selected documents, and the number of documents left out.
fn documents(overview: &Overview) -> (Markup, usize) {
    let (mut out, mut left_out) = (String::new(), 0);
    for shown in &overview.shown {
        if out.len() > BUDGET {
            left_out += 1;
            continue;
        }
        out.push_str(&document::card(shown).into_string());
    }
    (PreEscaped(out), left_out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certainty::LeastCertain;
    use crate::overview::{Cut, OutletReport, Shown};

    /// A run with more of everything than a page can show.
    fn large() -> Overview {
        let long =
            "a line of a document that goes on and on, <b>with markup</b> & more of it ".repeat(8);
        let sample = |at: usize| Sample {
            document: format!("{at}.txt"),
            above: long.clone(),
            before: long.clone(),
            text: long.clone(),
            below: long.clone(),
            case: Some(long.clone()),
            ..Sample::default()
        };
        let rule = |at: usize| {
            let mut texts = Texts::new(2);
            for number in 0..40 {
                texts.add(&format!("{number} {long}"), 100, &|| sample(number));
            }
            let mut least_certain = LeastCertain::default();
            // Only the line model gives its cuts a confidence.
            for number in 0..if at == 0 { 40 } else { 0 } {
                least_certain.add(50 + number, &format!("{number} {long}"), 100, &|| sample(1));
            }
            let stage = "tags".to_owned();
            (
                format!("outlet-{at}/rule"),
                RuleReport { stage, documents: 40, cuts: 40, bytes: 1, texts, least_certain },
            )
        };
        let shown = |at: usize| {
            let source = format!("{long}\n\n").repeat(300);
            let cuts = (0..300).map(|line| {
                let start = line * (long.len() + 2);
                let range = start..start + 20;
                Cut { range, rule: "a/b".into(), stage: "tags".into(), with: String::new() }
            });
            Shown {
                name: format!("{at}.txt"),
                outlet: None,
                verdict: Verdict::Cleaned,
                reason: None,
                day: None,
                fields: serde_json::Map::new(),
                cuts: cuts.collect(),
                source: Some(source),
            }
        };
        Overview {
            run: serde_json::json!({"state": "finished", "bytes_in": 1, "bytes_removed": 0}),
            documents: 1_000_000,
            verdicts: [(Verdict::Cleaned, 1_000_000)].into(),
            months: (1900..2030).map(|year| (format!("{year}-01"), (1, 1))).collect(),
            outlets: (0..10_000)
                .map(|at| (format!("outlet-{at}"), OutletReport::default()))
                .collect(),
            rules: (0..3_000).map(rule).collect(),
            shown: (0..240).map(shown).collect(),
        }
    }

    #[test]
    fn a_page_stays_small_and_says_what_it_leaves_out() {
        let page = of_run(&large(), "large");
        assert!(page.len() < 10_000_000, "{} bytes", page.len());
        let left_out = &page[page.find("id=\"left-out\"").unwrap()..];
        let left_out = &left_out[..left_out.find("</p>").unwrap()];
        for part in ["rules with their texts", "selected documents"] {
            assert!(left_out.contains(part), "{left_out}");
        }
        assert!(page.contains("and 8000 outlets with fewer documents"));
        assert!(!page.contains("<b>with"), "text is not markup");
    }

    #[test]
    fn the_same_run_gives_the_same_page() {
        assert_eq!(of_run(&large(), "a"), of_run(&large(), "a"));
    }
}
