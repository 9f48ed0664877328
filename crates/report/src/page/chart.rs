//! Charts as inline SVG.

use std::collections::BTreeMap;

use chaffinch_core::Verdict;
use maud::{Markup, html};

use super::{number, percent};
use crate::visible;

const WIDTH: f64 = 560.0;

/// The verdicts as parts of one bar.
pub(super) fn verdicts(counts: &BTreeMap<Verdict, u64>) -> Markup {
    let all: u64 = counts.values().sum();
    let colour = |verdict| match verdict {
        Verdict::Cleaned => "var(--good)",
        Verdict::Unchanged => "var(--line)",
        Verdict::Suspect => "var(--warn)",
        Verdict::Failed => "var(--bad)",
    };
    let mut at = 0.0;
    let parts: Vec<(Verdict, u64, f64, f64)> = Verdict::ALL
        .into_iter()
        .filter_map(|verdict| {
            let count = *counts.get(&verdict)?;
            let width = WIDTH * count as f64 / all.max(1) as f64;
            at += width;
            Some((verdict, count, at - width, width))
        })
        .collect();
    html! {
        svg viewBox={ "0 0 " (WIDTH) " 14" } width=(WIDTH) height="14" role="img"
            aria-label="Documents by verdict"
        {
            @for (verdict, count, x, width) in &parts {
                rect x=(x) y="0" width=(width) height="14" fill=(colour(*verdict)) {
                    title { (verdict) ": " (number(*count)) " (" (format!("{:.1}", percent(*count, all))) " %)" }
                }
            }
        }
    }
}

/// Named bars: name, value, hue.
pub(super) fn bars(rows: &[(String, u64, usize)]) -> Markup {
    let most = rows.iter().map(|(_, value, _)| *value).max().unwrap_or(0).max(1);
    let height = 22 * rows.len();
    let (left, right) = (130.0, 90.0);
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (height) } width=(WIDTH) height=(height) role="img"
            aria-label="Bytes cut by stage"
        {
            @for (at, (name, value, hue)) in rows.iter().enumerate() {
                @let y = 22 * at;
                @let width = ((WIDTH - left - right) * *value as f64 / most as f64).max(1.0);
                text x=(left - 8.0) y=(y + 15) text-anchor="end" { (visible(name)) }
                rect .bar style={ "--h:" (hue) } x=(left) y=(y + 3) width=(width) height="16" rx="2" {}
                text x=(left + width + 6.0) y=(y + 15) { (number(*value)) }
            }
        }
    }
}

/// A column chart over time.
pub(super) fn columns(values: &[(&str, u64)]) -> Markup {
    let most = values.iter().map(|(_, value)| *value).max().unwrap_or(0).max(1);
    let step = WIDTH / values.len().max(1) as f64;
    html! {
        svg viewBox={ "0 0 " (WIDTH) " 120" } width=(WIDTH) height="120" role="img"
            aria-label="Documents over time"
        {
            @for (at, (month, value)) in values.iter().enumerate() {
                @let height = 95.0 * *value as f64 / most as f64;
                rect .bar style="--h:25" x=(step * at as f64 + 1.0) y=(98.0 - height)
                    width=((step - 2.0).max(1.0)) height=(height)
                {
                    title { (month) ": " (number(*value)) }
                }
            }
            (axis(values.first(), values.last()))
        }
    }
}

/// A line chart over time.
pub(super) fn line(values: &[(&str, Option<f64>)]) -> Markup {
    let most = values.iter().filter_map(|(_, value)| *value).fold(1.0, f64::max);
    let step = WIDTH / values.len().max(1) as f64;
    let place = |at: usize, value: f64| {
        let (x, y) = (step * (at as f64 + 0.5), 95.0 - 85.0 * value / most);
        (x, y)
    };
    let known: Vec<(&str, f64, (f64, f64))> = values
        .iter()
        .enumerate()
        .filter_map(|(at, (name, value))| Some((*name, (*value)?, place(at, (*value)?))))
        .collect();
    let points: Vec<String> = known.iter().map(|(_, _, (x, y))| format!("{x:.1},{y:.1}")).collect();
    html! {
        svg viewBox={ "0 0 " (WIDTH) " 120" } width=(WIDTH) height="120" role="img"
            aria-label="Bytes cut over time"
        {
            polyline points=(points.join(" ")) fill="none" stroke="var(--accent)" stroke-width="2" {}
            @for (month, value, (x, y)) in &known {
                circle cx=(format!("{x:.1}")) cy=(format!("{y:.1}")) r="3" fill="var(--accent)" {
                    title { (month) ": " (format!("{value:.0}")) }
                }
            }
            (axis(values.first(), values.last()))
        }
    }
}

fn axis<T>(first: Option<&(&str, T)>, last: Option<&(&str, T)>) -> Markup {
    html! {
        @if let Some((month, _)) = first { text x="0" y="115" { (month) } }
        @if let Some((month, _)) = last { text x=(WIDTH) y="115" text-anchor="end" { (month) } }
    }
}
