//! Navigation: breadcrumbs such as "News / Politics", menus, and pagination.
//!
//! A breadcrumb is the first line, made of short parts with arrows between them, above a title. A
//! menu is a run of short lines at an edge, of which at least a third are typical menu entries. A
//! list in an article has none of these.

use chaffinch_stage::{Document, Line, Marks, Options, OptionsError, Stage, script};

use crate::run::runs;

/// Marks breadcrumbs, menus and pagination.
pub struct Navigation {
    min_run: usize,
}

impl Navigation {
    /// Settings: `min_run`, the minimum number of lines in a menu (default 4).
    pub fn new(options: &mut Options) -> Result<Navigation, OptionsError> {
        Ok(Navigation { min_run: options.count("min_run", 4)? })
    }
}

impl Stage for Navigation {
    fn mark(&self, doc: &Document<'_>, marks: &mut Marks) {
        marks.mark_hits(doc);
        for (id, rule) in doc.detectors("breadcrumb") {
            let mut head = doc.head().filter(|line| !line.is_blank());
            let (Some(first), Some(second)) = (head.next(), head.next()) else { continue };
            let titled = !second.is_body() && second.words() >= 3;
            if let Some(section) = last_crumb(first.text()).filter(|_| titled && first.allows(rule))
            {
                let fields = vec![("section".to_owned(), section.to_owned())];
                marks.remove_with(first.span(), id, fields);
            }
        }
        for (id, rule) in doc.detectors("menu").filter(|_| doc.has_cues()) {
            let short = |line: &Line<'_, '_>| {
                line.allows(rule) && line.has_at_most(4) && !script::ends_sentence(line.text())
            };
            for run in runs(doc, self.min_run, short) {
                let is_cue = |line: &Line<'_, '_>| line.cues().next().is_some();
                // A menu begins and ends with typical entries, because its neighbours may be
                // titles.
                let (Some(first), Some(last)) =
                    (run.iter().position(is_cue), run.iter().rposition(is_cue))
                else {
                    continue;
                };
                let menu = &run[first..=last];
                let cues = menu.iter().filter(|line| is_cue(line)).count();
                if menu.len() >= self.min_run && cues * 3 >= menu.len() {
                    menu.iter().for_each(|line| marks.remove(line.span(), id));
                }
            }
        }
    }
}

/// The last part of a breadcrumb: two to five parts of at most four words, separated by arrows.
fn last_crumb(line: &str) -> Option<&str> {
    let arrows = |c: char| ">›»→".contains(c);
    let parts: Vec<&str> =
        line.split(arrows).map(|part| part.trim_matches(script::is_space)).collect();
    let short =
        |part: &&str| !part.is_empty() && part.chars().count() <= 30 && script::words(part) <= 4;
    let valid = (2..=5).contains(&parts.len()) && parts.iter().all(short);
    (valid && !script::ends_sentence(line)).then(|| parts.last().copied()).flatten()
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn breadcrumbs_above_a_title_are_removed() {
        check("navigation", "⟦News \u{a0} / \u{a0} Politics⟧\n\nTalks to go on\n\n…\n");
        check("navigation", "⟦Startseite › Politik › Ausland⟧\n\nGespräche gehen weiter\n\n…\n");
        check("navigation", "Russia / Ukraine\n\nTalks to go on\n\n…\n");
        check("navigation", "Talks > No talks\n\n…\n");
    }

    #[test]
    fn menus_are_removed_and_lists_kept() {
        check(
            "navigation",
            "⟦Home⟧\n⟦News⟧\n⟦Sport⟧\n⟦Middle East⟧\n⟦Contact us⟧\n\nA title of the article\n\n…\n",
        );
        check("navigation", "A title\n\n…\n\nIran\nRussia\nTurkey\nSyria\nIraq\n");
        check("navigation", "⟦Home⟧\n⟦World⟧\n⟦Sport⟧\n⟦Weather⟧\nTalks fail\nBy Jane Doe\n\n…\n");
    }
}
