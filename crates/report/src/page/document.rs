//! Renders a document with its cuts struck through and their rules in the margin.

use std::ops::Range;

use chaffinch_core::Verdict;
use maud::{Markup, html};
use serde_json::Value;

use super::{chip, hued};
use crate::overview::{Cut, Shown};
use crate::visible;

/// The size in bytes above which only the parts around cuts are shown.
const LONG: usize = 16 << 10;

/// The number of lines shown at the ends of a long document and around its cuts.
const AROUND: usize = 3;

/// The maximum number of bytes shown of one line.
const LINE: usize = 4 << 10;

pub(super) fn card(shown: &Shown) -> Markup {
    let bad = matches!(shown.verdict, Verdict::Failed | Verdict::Suspect);
    let mut rules: Vec<(&str, &str)> =
        shown.cuts.iter().map(|cut| (cut.rule.as_str(), cut.stage.as_str())).collect();
    rules.sort_unstable();
    rules.dedup();
    let outlet = shown.outlet.as_ref().map_or("", |(outlet, _)| outlet);
    let ids: Vec<&str> = rules.iter().map(|(rule, _)| *rule).collect();
    let words = format!("{} {outlet} {}", shown.name, ids.join(" "));
    let style = match shown.verdict {
        Verdict::Failed => "bad",
        Verdict::Suspect => "warn",
        _ => "soft",
    };
    html! {
        details .doc open[bad] data-list="documents" data-name=(visible(&shown.name))
            data-words=(visible(&words)) data-verdict=(shown.verdict)
        {
            summary {
                b { (visible(&shown.name)) }
                span class=(style) { (shown.verdict) }
                @if !outlet.is_empty() { span .soft { (visible(outlet)) } }
                @if let Some(reason) = &shown.reason { span class=(style) { (visible(reason)) } }
            }
            div .inner {
                div .text {
                    @match &shown.source {
                        Some(source) => (text(source, &shown.cuts)),
                        None => { p .soft { "This document is not text or is too long to show." } }
                    }
                }
                dl {
                    @if let Some((outlet, how)) = &shown.outlet {
                        dt { "outlet" } dd { (visible(outlet)) @if !how.is_empty() { " (by " (visible(how)) ")" } }
                    }
                    @if let Some(day) = &shown.day { dt { "day" } dd { (visible(day)) } }
                    @for (name, value) in &shown.fields {
                        dt { (visible(name)) }
                        @for value in values(value) { dd { (visible(&value)) } }
                    }
                    @if !rules.is_empty() {
                        dt { "cut by" }
                        @for (rule, stage) in &rules {
                            dd { (chip(stage)) " " a href={ "#rule-" (rule) } { (visible(rule)) } }
                        }
                    }
                }
            }
        }
    }
}

fn values(value: &Value) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match value {
        Value::Array(values) => values.iter().map(text).collect(),
        one => vec![text(one)],
    }
}

/// The lines of the source, with cuts and replacements.
fn text(source: &str, cuts: &[Cut]) -> Markup {
    let lines = lines(source);
    let mut near = vec![source.len() <= LONG; lines.len()];
    if source.len() > LONG {
        let mut show = |around: usize| {
            let from = around.saturating_sub(AROUND);
            near.iter_mut()
                .skip(from)
                .take(around + AROUND + 1 - from)
                .for_each(|near| *near = true);
        };
        show(0);
        show(lines.len().saturating_sub(1));
        for cut in cuts {
            let first = lines.partition_point(|line| line.end <= cut.range.start);
            let last = lines.partition_point(|line| line.end < cut.range.end);
            show(first);
            show(last);
        }
    }
    let (mut hole, mut above) = (0, String::new());
    html! {
        @for (line, near) in lines.iter().zip(&near) {
            @if *near {
                @if hole > 0 { (left_out(hole)) }
                ({ hole = 0; row(source, line, cuts, &mut above) })
            } @else {
                ({ hole += 1; html! {} })
            }
        }
        @if hole > 0 { (left_out(hole)) }
    }
}

fn left_out(lines: usize) -> Markup {
    html! { div .row .hole { i {} span { (lines) " lines omitted" } } }
}

fn lines(source: &str) -> Vec<Range<usize>> {
    let mut at = 0;
    let line = |line: &str| {
        at += line.len();
        at - line.len()..at
    };
    source.split_inclusive('\n').map(line).collect()
}

/// A line. `above` is the margin of the line above, which is not repeated.
fn row(source: &str, line: &Range<usize>, cuts: &[Cut], above: &mut String) -> Markup {
    let text = source[line.clone()].trim_end_matches(['\n', '\r']);
    let content = line.start..line.start + text.len().min(text.floor_char_boundary(LINE));
    let more = text.len() > LINE;
    let first = cuts.partition_point(|cut| cut.range.end <= line.start);
    let inside = cuts[first..].iter().take_while(|cut| cut.range.start < line.end);
    let inside: Vec<&Cut> = inside.collect();
    let cut: usize = inside
        .iter()
        .filter(|cut| cut.with.is_empty())
        .map(|cut| cut.range.end.min(line.end) - cut.range.start.max(line.start))
        .sum();
    let gone = cut >= text.len().max(1);
    // A cut that ends with the previous line ending shows nothing here.
    let seen = inside.iter().filter(|cut| gone || cut.range.start < content.end);
    let mut margin: Vec<(&str, &str)> =
        seen.map(|cut| (cut.rule.as_str(), cut.stage.as_str())).collect();
    margin.dedup();
    let names = margin.iter().map(|(rule, _)| *rule).collect::<Vec<_>>().join(", ");
    let said = if names == *above { String::new() } else { names.clone() };
    above.clone_from(&names);
    let style = margin.first().map(|(_, stage)| hued(stage));
    let clamp = |at: usize| at.clamp(content.start, content.end);
    let mut at = content.start;
    html! {
        div .row .gone[gone] style=[style] {
            i title=(names) { (visible(&said)) }
            span {
                @for cut in &inside {
                    @let (start, end) = (clamp(cut.range.start), clamp(cut.range.end));
                    ({ let before = visible(&source[at..start]); at = end; html! { (before) } })
                    @if start < end {
                        del style=(hued(&cut.stage)) title=(cut.rule) { (visible(&source[start..end])) }
                    }
                    @if !cut.with.is_empty() && content.contains(&cut.range.start) {
                        ins title=(cut.rule) { (visible(&cut.with)) }
                    }
                }
                (visible(&source[at..content.end]))
                @if more { span .soft { " … " (text.len() - LINE) " bytes omitted" } }
            }
        }
    }
}
