//! Renders a [`Diff`]: as text for terminals, as Markdown for code hosts, and as JSON for programs.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use chaffinch_core::message::counted;
use serde_json::{Value, json};

use crate::diff::{Diff, Group, Way};
use crate::sample::Sample;
use crate::texts::{Entry, shortened};
use crate::visible;

/// The maximum number of distinct texts shown of a group.
const TEXTS: usize = 5;

/// The maximum number of groups in Markdown, because code hosts truncate long summaries.
const GROUPS: usize = 60;

/// The maximum number of pairs of rules shown of which one replaced the other.
const MOVED: usize = 8;

/// The maximum number of lines shown of a cut.
const LINES: usize = 4;

impl Way {
    /// `more` or `less`.
    pub fn as_str(self) -> &'static str {
        match self {
            Way::More => "more",
            Way::Less => "less",
        }
    }
}

impl Group {
    /// A summary of the change, without the rule's name.
    pub fn summary(&self) -> String {
        let verb = match self.way {
            Way::More => "cuts more",
            Way::Less => "cuts less",
        };
        let rule = match self.rule_changed {
            Some(false) => "; the rule itself is unchanged, so another rule caused this",
            _ => "",
        };
        let (documents, bytes) = (counted(self.documents, "document"), counted(self.bytes, "byte"));
        format!("{verb} in {documents}, {bytes}{rule}")
    }

    /// The distinct texts to show, those inside articles first.
    pub(crate) fn shown(&self, most: usize) -> Vec<&Entry<Sample>> {
        let mut texts = self.body_texts.frequent(most);
        texts.extend(self.texts.frequent(most - texts.len()));
        texts
    }

    /// The number of distinct texts, and whether it is exact.
    pub(crate) fn distinct(&self) -> (u64, bool) {
        let ((inside, exact), (outside, exact_too)) =
            (self.body_texts.distinct(), self.texts.distinct());
        (inside + outside, exact && exact_too)
    }

    fn rest(&self, shown: usize) -> Option<String> {
        let (distinct, exact) = self.distinct();
        let more = distinct.saturating_sub(shown as u64);
        let about = if exact { "" } else { "about " };
        (more > 0).then(|| format!("and {about}{} more", counted(more, "distinct text")))
    }
}

impl Diff {
    /// The totals, one per line.
    pub fn totals(&self) -> Vec<String> {
        let (all, changed) = (counted(self.documents, "document"), self.changed);
        let mut lines = vec![match changed {
            0 => format!("nothing changed in {all}"),
            _ => format!("{changed} of {all} changed, {} of them in their text", self.text_changed),
        }];
        let mut count = |count: u64, what: &str| {
            if count > 0 {
                lines.push(format!("{} {what}", counted(count, "document")));
            }
        };
        count(self.only_first, "only in the first run");
        count(self.only_second, "only in the second run");
        count(self.other_original, "with a different original, not compared");
        for ((from, to), documents) in &self.verdicts {
            lines.push(format!("verdict {from} → {to}: {}", counted(*documents, "document")));
        }
        for ((from, to), documents) in &self.outlets {
            let name = |outlet: &Option<String>| {
                outlet.as_deref().map_or("none".to_owned(), |o| visible(o).into_owned())
            };
            let documents = counted(*documents, "document");
            lines.push(format!("outlet {} → {}: {documents}", name(from), name(to)));
        }
        for (field, change) in &self.fields {
            let parts =
                [(change.gained, "gained"), (change.lost, "lost"), (change.changed, "changed")];
            let parts = parts.iter().filter(|(count, _)| *count > 0);
            let parts: Vec<String> = parts
                .map(|(count, how)| format!("{how} in {}", counted(*count, "document")))
                .collect();
            lines.push(format!("field {}: {}", visible(field), parts.join(", ")));
        }
        let mut moved: Vec<_> = self.moved.iter().collect();
        moved.sort_by_key(|(rules, documents)| (std::cmp::Reverse(**documents), *rules));
        for ((from, to), documents) in moved.iter().take(MOVED) {
            let (from, to) = (visible(from), visible(to));
            let documents = counted(**documents, "document");
            lines.push(format!("the same text cut by {to} instead of {from}: {documents}"));
        }
        if let Some(more) = moved.len().checked_sub(MOVED).filter(|more| *more > 0) {
            lines.push(format!(
                "and {} of rules that replaced another",
                counted(more as u64, "more pair")
            ));
        }
        lines
    }

    /// Renders the differences for a terminal.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        let bold = Style::new().bold();
        let red = AnsiColor::Red.on_default().bold();
        // Writing to a string cannot fail.
        for (at, line) in self.totals().iter().enumerate() {
            let style = if at == 0 { bold } else { Style::new() };
            let _ = writeln!(out, "{style}{line}{style:#}");
        }
        for group in self.groups() {
            let summary = group.summary();
            let _ = writeln!(out, "\n{bold}{}{bold:#} {summary}", visible(&group.rule));
            if group.body_documents > 0 {
                let documents = counted(group.body_documents, "document");
                let _ = writeln!(out, "  {red}cuts into the article in {documents}{red:#}");
            }
            let texts = group.shown(TEXTS);
            for entry in &texts {
                let inside = entry.samples.first().is_some_and(|sample| sample.body);
                let style = if inside { red } else { Style::new() };
                let text = shortened(&entry.text, 100);
                let _ = writeln!(out, "  {style}{}{style:#}  ×{}", visible(&text), entry.count);
                for sample in &entry.samples {
                    sample_text(sample, group.way, &mut out);
                }
            }
            if let Some(rest) = group.rest(texts.len()) {
                let _ = writeln!(out, "  {rest}");
            }
        }
        out
    }

    /// Renders the differences for a pull request or a job summary.
    pub fn to_markdown(&self) -> String {
        let mut out = String::from("## Changes by rule\n\n");
        for line in self.totals() {
            let _ = writeln!(out, "- {}", markdown(&line));
        }
        let groups = self.groups();
        for group in groups.iter().take(GROUPS) {
            let sign = if group.body_documents > 0 { "🔴 " } else { "" };
            let (rule, summary) = (code(&group.rule), markdown(&group.summary()));
            let _ = writeln!(out, "\n<details{}><summary>{sign}{rule} {summary}</summary>\n", {
                if group.body_documents > 0 { " open" } else { "" }
            });
            if group.body_documents > 0 {
                let documents = counted(group.body_documents, "document");
                let _ = writeln!(out, "**Cuts into the article in {documents}.**\n");
            }
            let texts = group.shown(TEXTS);
            for entry in &texts {
                let text = shortened(&entry.text, 100);
                let _ = writeln!(out, "- {} ×{}", code(&visible(&text)), entry.count);
                for sample in &entry.samples {
                    let place = place(sample);
                    let _ = writeln!(out, "  - {}", code(&place));
                    let mut lines = vec![(' ', visible(&sample.above).into_owned())];
                    lines.extend(rows(sample, group.way));
                    lines.push((' ', visible(&sample.below).into_owned()));
                    let rows: Vec<String> = lines
                        .iter()
                        .filter(|(_, text)| !text.is_empty())
                        .map(|(sign, text)| format!("    {sign} {text}"))
                        .collect();
                    let longest = rows.iter().map(|row| ticks(row)).max().unwrap_or(0);
                    let fence = "`".repeat((longest + 1).max(3));
                    let _ = writeln!(out, "\n    {fence}diff\n{}\n    {fence}\n", rows.join("\n"));
                }
            }
            if let Some(rest) = group.rest(texts.len()) {
                let _ = writeln!(out, "- {rest}");
            }
            out.push_str("\n</details>\n");
        }
        if groups.len() > GROUPS {
            let _ = writeln!(out, "\nand {} more rules", groups.len() - GROUPS);
        }
        out
    }

    /// Renders the differences for programs.
    pub fn to_json(&self) -> Value {
        let pairs = |from: Value, to: Value, documents: u64| json!({"from": from, "to": to, "documents": documents});
        let entry = |entry: &&Entry<Sample>| {
            json!({
                "text": entry.text,
                "count": entry.count,
                "bytes": entry.bytes,
                "body": entry.samples.first().is_some_and(|sample| sample.body),
                "samples": entry.samples,
            })
        };
        let group = |group: &&Group| {
            let (distinct, exact) = group.distinct();
            json!({
                "rule": group.rule,
                "way": group.way.as_str(),
                "documents": group.documents,
                "bytes": group.bytes,
                "body_documents": group.body_documents,
                "rule_changed": group.rule_changed,
                "distinct_texts": distinct,
                "distinct_is_exact": exact,
                "texts": group.shown(TEXTS * 4).iter().map(entry).collect::<Vec<_>>(),
            })
        };
        let fields = self.fields.iter().map(|(name, change)| {
            json!({
                "field": name,
                "gained": change.gained,
                "lost": change.lost,
                "changed": change.changed,
            })
        });
        let verdicts = self.verdicts.iter();
        let verdicts = verdicts.map(|((a, b), n)| pairs(json!(a), json!(b), *n));
        let outlets = self.outlets.iter().map(|((a, b), n)| pairs(json!(a), json!(b), *n));
        let moved = self.moved.iter().map(|((a, b), n)| pairs(json!(a), json!(b), *n));
        json!({
            "documents": self.documents,
            "changed": self.changed,
            "text_changed": self.text_changed,
            "only_first": self.only_first,
            "only_second": self.only_second,
            "other_original": self.other_original,
            "verdicts": verdicts.collect::<Vec<_>>(),
            "outlets": outlets.collect::<Vec<_>>(),
            "fields": fields.collect::<Vec<_>>(),
            "moved": moved.collect::<Vec<_>>(),
            "groups": self.groups().iter().map(group).collect::<Vec<_>>(),
        })
    }
}

/// The position of a sample: its document and line.
pub(crate) fn place(sample: &Sample) -> String {
    match sample.line {
        0 => visible(&sample.document).into_owned(),
        line => format!("{}:{line}", visible(&sample.document)),
    }
}

/// The lines of a sample, each with its sign. The cut is marked if it is a part of a line.
fn rows(sample: &Sample, way: Way) -> Vec<(char, String)> {
    let (sign, mark) = match way {
        Way::More => ('-', '-'),
        Way::Less => ('+', '+'),
    };
    let whole = sample.before.trim().is_empty() && sample.after.trim().is_empty();
    if !whole || !sample.with.is_empty() {
        let arrow = if sample.with.is_empty() { "" } else { "→" };
        let [before, text, with, after] =
            [&sample.before, &sample.text, &sample.with, &sample.after].map(|text| visible(text));
        return vec![(' ', format!("{before}⟦{mark}{text}{arrow}{with}⟧{after}"))];
    }
    let lines: Vec<&str> = sample.text.lines().filter(|line| !line.trim().is_empty()).collect();
    let row = |line: &&str| (sign, visible(&shortened(line, 200)).into_owned());
    let mut rows: Vec<_> = lines.iter().take(LINES).map(row).collect();
    if lines.len() > LINES {
        rows.push((sign, format!("… {}", counted((lines.len() - LINES) as u64, "more line"))));
    }
    rows
}

fn sample_text(sample: &Sample, way: Way, out: &mut String) {
    let dim = Style::new().dimmed();
    let colour = match way {
        Way::More => AnsiColor::Red,
        Way::Less => AnsiColor::Green,
    };
    let style = colour.on_default();
    let _ = writeln!(out, "    {dim}{}{dim:#}", place(sample));
    if !sample.above.is_empty() {
        let _ = writeln!(out, "        {dim}{}{dim:#}", visible(&sample.above));
    }
    for (sign, line) in rows(sample, way) {
        let _ = writeln!(out, "      {style}{sign} {line}{style:#}");
    }
    if !sample.below.is_empty() {
        let _ = writeln!(out, "        {dim}{}{dim:#}", visible(&sample.below));
    }
}

/// The longest run of backticks in a text.
fn ticks(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// A text as inline code.
fn code(text: &str) -> String {
    // Inside HTML, code hosts do not apply Markdown quoting everywhere, but they do apply this.
    format!("<code>{}</code>", markdown(text))
}

/// A text with all markup escaped.
fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' | '@' | '$' => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}
