//! The report of a run: its totals, its rules with the texts that they cut, and a selection of
//! documents.

use std::collections::{BTreeMap, BTreeSet};

use chaffinch_core::Verdict;
use chaffinch_core::message::counted;
use maud::{Markup, PreEscaped, html};

use super::entry::{all_choice, entry_card};
use super::{BUDGET, TEXTS, chart, chip, document, hue, number, percent, shell};
use crate::overview::{Overview, RuleReport};
use crate::texts::shortened;
use crate::visible;

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

fn view_buttons() -> Markup {
    html! {
        span role="group" aria-label="View" {
            @for (view, pressed) in [("both", "true"), ("clean", "false"), ("original", "false")] {
                button type="button" data-view-as=(view) aria-pressed=(pressed) { (view) } " "
            }
        }
    }
}

fn stages(overview: &Overview) -> Vec<&str> {
    let mut stages: Vec<&str> = overview.rules.values().map(|rule| rule.stage.as_str()).collect();
    stages.sort_unstable();
    stages.dedup();
    stages
}

/// The totals of a run: its verdicts, stages, time and outlets.
fn overview_section(overview: &Overview) -> Markup {
    let run = &overview.run;
    let count = |key: &str| run[key].as_u64().unwrap_or(0);
    let (bytes_in, removed) = (count("bytes_in"), count("bytes_removed"));
    let of = |verdict: Verdict| overview.verdicts.get(&verdict).copied().unwrap_or(0);
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
            figure { (chart::bars(&bytes_by_stage(overview))) figcaption { "bytes cut" } }
            (over_time(overview))
            h2 { "By outlet" }
            (outlet_table(overview))
        }
    }
}

/// The stages with the bytes that they cut and their hues, most bytes first.
fn bytes_by_stage(overview: &Overview) -> Vec<(String, u64, usize)> {
    let mut by_stage: Vec<(&str, u64)> = Vec::new();
    for rule in overview.rules.values() {
        match by_stage.iter_mut().find(|(stage, _)| *stage == rule.stage) {
            Some((_, bytes)) => *bytes += rule.bytes,
            None => by_stage.push((&rule.stage, rule.bytes)),
        }
    }
    by_stage.sort_by_key(|(stage, bytes)| (std::cmp::Reverse(*bytes), *stage));
    by_stage.iter().map(|(stage, bytes)| ((*stage).to_owned(), *bytes, hue(stage))).collect()
}

/// The documents and the bytes cut from them by month or year, if there are several.
fn over_time(overview: &Overview) -> Markup {
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
    html! {
        @if periods.len() > 1 {
            h2 { "Over time" }
            figure { (chart::columns(&documents)) figcaption { "documents by " (unit) } }
            figure {
                (chart::line(&share))
                figcaption { "bytes cut from a document, on average, by " (unit) }
            }
        }
    }
}

/// The outlets, those with most documents first.
fn outlet_table(overview: &Overview) -> Markup {
    let mut outlets: Vec<_> = overview.outlets.iter().collect();
    outlets.sort_by_key(|(name, outlet)| (std::cmp::Reverse(outlet.documents), *name));
    html! {
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
    use crate::sample::Sample;
    use crate::texts::Texts;

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
