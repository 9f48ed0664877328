//! The report of the differences between two runs: a card for each rule that cuts more or less than
//! before.

use chaffinch_core::message::counted;
use maud::{Markup, PreEscaped, html};

use super::entry::{all_choice, entry_card};
use super::{BUDGET, TEXTS, number, shell};
use crate::diff::{Diff, Group};
use crate::sample::Sample;
use crate::texts::{Texts, shortened};
use crate::visible;

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
