//! The cards of cut texts, with buttons to accept or reject them. Both reports show them under each
//! rule.

use maud::{Markup, html};

use super::{hued, number};
use crate::diff::Way;
use crate::render::place;
use crate::sample::Sample;
use crate::texts::{Entry, shortened};
use crate::visible;
use crate::visible::visible_json;

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
pub(super) fn all_choice() -> Markup {
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

/// The card of a text that a rule cuts, with samples. `way` is given in a diff.
pub(super) fn entry_card(
    rule: &str,
    stage: &str,
    entry: &Entry<Sample>,
    way: Option<Way>,
) -> Markup {
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
