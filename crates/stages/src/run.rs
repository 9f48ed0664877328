//! Helpers shared by several stages. A *run* is a sequence of consecutive similar lines, ignoring
//! blank lines.

use chaffinch_stage::{Document, Line};

/// Whether a text breaks off with an ellipsis.
pub(crate) fn breaks_off(text: &str) -> bool {
    // Most lines end with a letter or a full stop.
    if text.as_bytes().last().is_some_and(u8::is_ascii_alphanumeric) {
        return false;
    }
    let text = text.trim_end();
    text.ends_with('…') || text.ends_with("...")
}

/// The number of words of a heading, of at least `least` characters, that occur in a paragraph. The
/// paragraph below a heading of the article usually has one.
pub(crate) fn shared_words(heading: &str, paragraph: &str, least: usize) -> usize {
    let paragraph = paragraph.to_lowercase();
    let words = heading.split(|c: char| !c.is_alphanumeric());
    let long = words.filter(|word| word.chars().count() >= least);
    long.filter(|word| paragraph.contains(&word.to_lowercase())).count()
}

/// All maximal runs of at least `least` consecutive lines that `belongs` accepts. Blank lines
/// neither interrupt a run nor count.
pub(crate) fn runs<'d, 'a>(
    doc: &'d Document<'a>,
    least: usize,
    belongs: impl Fn(&Line<'d, 'a>) -> bool,
) -> Vec<Vec<Line<'d, 'a>>> {
    let mut runs = vec![Vec::new()];
    for line in doc.lines().filter(|line| !line.is_blank()) {
        match (belongs(&line), runs.last_mut()) {
            (true, Some(run)) => run.push(line),
            (false, Some(run)) if !run.is_empty() => runs.push(Vec::new()),
            _ => {}
        }
    }
    runs.retain(|run| run.len() >= least.max(1));
    runs
}
