//! The damage caps: drop cuts that would remove too much of an article. They are applied after the
//! last round of the chain.

use chaffinch_stage::{Certainty, Span, Tier, script};

use crate::edits::Edit;
use crate::engine::Engine;

/// The minimum number of visible characters left if a model's cuts are to be applied.
const FEWEST_LEFT: usize = 150;

/// The maximum number of times that a document is cleaned again without excessive cuts.
const RERUNS: usize = 3;

impl<'a> Engine<'a> {
    /// If a model judges lines and generic rules cut too much of the body, runs the chain again
    /// without the excess, because the model saw the document without these lines. `restart` makes a
    /// new engine for the document.
    pub(crate) fn run_without_excess(mut self, restart: impl Fn() -> Engine<'a>) -> Engine<'a> {
        if self.outlet.is_some() || !self.pipeline.chain.iter().any(|link| link.stage.judges()) {
            return self;
        }
        for _ in 0..RERUNS {
            let Some((spans, reason)) = self.excess() else { break };
            let mut again = restart();
            again.excess = self.excess;
            again.excess.extend(spans);
            again.suspect = self.suspect.or(Some(reason));
            again.run();
            self = again;
        }
        self
    }

    /// Drops all cuts of a model if they leave almost nothing of a document with sentences.
    ///
    /// Most lines of a full web page are boilerplate or teasers, so the share that is cut says
    /// little. An article that is left has some minimum length.
    pub(crate) fn cap_judged(&mut self) -> Option<String> {
        let judged = |edit: &Edit| edit.confidence.is_some();
        if !self.edits.iter().any(judged) {
            return None;
        }
        let visible = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
        let mut left = 0;
        for line in self.doc.lines() {
            left += visible(line.text());
            if left >= FEWEST_LEFT {
                return None;
            }
        }
        // Sentences that only the model cut.
        let source = self.doc.source();
        let cut = self.edits.iter().filter(|edit| judged(edit)).map(|edit| {
            let text = &source[edit.span.range()];
            if script::is_sentence(text) { visible(text) } else { 0 }
        });
        if cut.sum::<usize>() <= left {
            return None;
        }
        self.edits.retain(|edit| !judged(edit));
        Some("the line model would remove almost all text: its cuts were dropped".to_owned())
    }

    /// The body that cuts are measured on: the original one, or the one that a model left. On a
    /// full web page, the first and last sentences belong to teasers and footers.
    fn article(&self) -> Option<Span> {
        let judged = self.edits.iter().any(|edit| edit.confidence.is_some());
        let left = if judged { self.doc.body_span() } else { None };
        left.or_else(|| self.doc.first_body_span())
    }

    /// Drops the excess of generic cuts inside the body. Returns the reason if there is any.
    pub(crate) fn cap_body(&mut self) -> Option<String> {
        let (mut dropped, reason) = self.excess()?;
        dropped.sort_by_key(|span| span.start());
        self.edits.retain(|edit| {
            dropped.binary_search_by_key(&edit.span.start(), |span| span.start()).is_err()
        });
        Some(reason)
    }

    /// The generic cuts to drop if their parts inside the body exceed the allowed share of it, and
    /// the reason: the least certain first, and of these the longest. Cuts of certainty `sure` do
    /// not count, because a gallery has as many photo credits as pictures.
    fn excess(&self) -> Option<(Vec<Span>, String)> {
        let body = self.article()?;
        let certainty = |edit: &Edit| {
            let rule = self.pipeline.rule(edit.rule);
            let counts = rule.tier == Tier::Generic
                && rule.certainty != Certainty::Sure
                && edit.confidence.is_none();
            let cuts_body = edit.removes() && overlap(edit.span, body) > 0;
            (counts && cuts_body).then_some(rule.certainty)
        };
        let unsure = self.edits.iter().filter_map(|edit| Some((certainty(edit)?, edit.span)));
        let mut unsure: Vec<(Certainty, Span)> = unsure.collect();
        let cut: usize = unsure.iter().map(|(_, span)| overlap(*span, body)).sum();
        let allowed = (self.pipeline.limits.body_cut_share * body.len() as f64) as usize;
        if cut <= allowed {
            return None;
        }
        unsure.sort_by_key(|(certainty, span)| {
            (*certainty, std::cmp::Reverse(overlap(*span, body)), span.start())
        });
        let mut left = cut;
        let dropped = unsure.iter().take_while(|(_, span)| {
            let drops = left > allowed;
            left -= if drops { overlap(*span, body) } else { 0 };
            drops
        });
        let dropped: Vec<Span> = dropped.map(|(_, span)| *span).collect();
        let percent = cut as f64 / body.len().max(1) as f64 * 100.0;
        let which = match dropped.len() {
            1 => "least certain cut was".to_owned(),
            count => format!("{count} least certain cuts were"),
        };
        let reason =
            format!("generic rules would cut {percent:.0} % of the body: the {which} dropped");
        Some((dropped, reason))
    }

    /// The reason to return the document unchanged, if the cuts exceed the allowed share of the
    /// body.
    pub(crate) fn cap_total(&self) -> Option<String> {
        let body = self.article()?;
        let cut: usize = self
            .edits
            .iter()
            .filter(|edit| {
                edit.removes()
                    && edit.confidence.is_none()
                    && self.pipeline.rule(edit.rule).certainty != Certainty::Sure
            })
            .map(|edit| overlap(edit.span, body))
            .sum();
        let share = cut as f64 / body.len().max(1) as f64;
        let percent = share * 100.0;
        (share > self.pipeline.limits.total_cut_share)
            .then(|| format!("the rules would cut {percent:.0} % of the body: nothing was cut"))
    }
}

/// The bytes that two spans have in common.
fn overlap(one: Span, other: Span) -> usize {
    one.end().min(other.end()).saturating_sub(one.start().max(other.start()))
}
