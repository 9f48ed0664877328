//! Related: links to other articles, single ones ("Read also: …") or lists under a heading.
//!
//! A list in the tail runs from its heading to the end of the document if it consists of titles,
//! some with a short teaser, and does not end with a sentence. Elsewhere, a list is the titles
//! directly below its heading, up to the first other line, because a sentence below them belongs to
//! the article. A heading without titles is removed if a sentence follows it. Lists with bullets
//! are kept with their heading, because they may be part of the article.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::run::{breaks_off, shared_words};
use chaffinch_stage::{Document, Line, Marks, Role, Stage, script};

/// The maximum number of words in a teaser.
const TEASER_WORDS: usize = 40;

/// The number of words in a title of a list. Shorter lines may be headings of the article.
const TITLE_WORDS: std::ops::RangeInclusive<usize> = 3..=25;

/// The maximum number of titles in a list mid-article, below a certain heading and below a label.
const MOST_TITLES: (usize, usize) = (12, 3);

/// The number of teasers from which lines are certainly a list.
const FEW_TEASERS: usize = 3;

/// The fewest characters of a word that shows that a heading belongs to a paragraph.
const LONG_WORD: usize = 4;

/// The fewest words of the only title of a box that show that it belongs to the paragraph below it.
const ONLY_TITLE: usize = 2;

/// The highest index of the first teaser of a list: it is below a title, or a title and its label.
const FIRST_TEASER: usize = 2;

/// Marks links to other articles.
pub struct Related;

impl Stage for Related {
    fn mark(&self, doc: &Document<'_>, marks: &mut Marks) {
        marks.mark_hits(doc);
        let [list, teasers, titles] =
            ["list", "teasers", "box"].map(|name| doc.detectors(name).next());
        if list.is_none() && teasers.is_none() && titles.is_none()
            || !doc.has_cues()
            || !doc.has_body()
        {
            return;
        }
        let lines: Vec<_> = doc.lines().filter(|line| !line.is_blank()).collect();
        let body = lines.iter().filter(|line| line.is_body()).count();
        let labels = labels(doc, &lines);
        let (mut at, mut above) = (0, 0);
        while at < lines.len() {
            above += usize::from(lines[at].is_body());
            let below = &lines[at..];
            at += 1;
            let Some(heading) = heading(doc, &below[0]).filter(|_| above > 0) else { continue };
            let late = if above * 2 > body { list_length(&below[1..]) } else { 0 };
            let sure = late > 0 && heading == Heading::Certain && has_teasers(&below[1..]);
            let own = if sure { teasers } else { list };
            let (rule, length) = match own.filter(|_| late > 0) {
                Some(rule) => (Some(rule), late + 1),
                None if is_link(heading, below, &labels) => continue,
                None => (titles, box_length(heading, below)),
            };
            if let Some((id, _)) = rule {
                below[..length].iter().for_each(|line| marks.remove(line.span(), id));
                at += length.saturating_sub(1);
            }
        }
    }
}

/// A heading of a list.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Heading {
    /// Certainly the heading of a list: "Related articles".
    Certain,
    /// A label that usually has its link on the same line: "Read also".
    Label,
    /// The heading of a list in the tail, but elsewhere perhaps of a section: "Latest".
    Tail,
}

fn heading(doc: &Document<'_>, line: &Line<'_, '_>) -> Option<Heading> {
    let hits = line.cues().filter(|hit| hit.role == Role::Line);
    let named = hits.filter_map(|hit| doc.rule(hit.rule).id.split('/').nth(2));
    let headings = named.filter_map(|name| match name {
        "heading" => Some(Heading::Certain),
        "label-heading" => Some(Heading::Label),
        "list-heading" => Some(Heading::Tail),
        _ => None,
    });
    headings.min_by_key(|heading| *heading as u8)
}

/// The number of lines in the box that begins with this heading: the heading and the titles
/// directly below it. 0 if there is no box.
fn box_length(heading: Heading, lines: &[Line<'_, '_>]) -> usize {
    if heading == Heading::Tail {
        return 0;
    }
    let below = &lines[1..];
    if is_bullet(lines[0].text().trim())
        || below.first().is_some_and(|b| is_bullet(b.text().trim()))
    {
        return 0;
    }
    let most = if heading == Heading::Certain { MOST_TITLES.0 } else { MOST_TITLES.1 };
    let mut titles = below.iter().take(most).take_while(|line| is_title(line)).count();
    // If a blank line separates the last title from the others, it is the heading of what follows.
    if let [.., last] = &below[..titles]
        && titles < below.len()
        && last.after_blank()
        && !below[0].after_blank()
    {
        titles -= 1;
    }
    // A numbered line below titles without numbers is a heading of the article, and so is the last
    // title if the paragraph below it has one of its words, or two if it is the only title.
    let numbered = below[..titles].iter().position(|line| is_numbered(line.text()));
    titles = numbered.filter(|at| *at > 0).unwrap_or(titles);
    let least = if titles > 1 { 1 } else { ONLY_TITLE };
    let belongs = |paragraph: &Line<'_, '_>| {
        paragraph.is_body()
            && shared_words(below[titles - 1].text(), paragraph.text(), LONG_WORD) >= least
    };
    let heads_text = titles > 0 && below.get(titles).is_some_and(belongs);
    titles -= usize::from(heads_text);
    let goes_on = heads_text || below.get(titles).is_none_or(|line| line.is_body());
    match titles {
        0 if !goes_on || heading == Heading::Label && lines[0].words() < 2 => 0,
        _ => titles + 1,
    }
}

/// Whether a text begins with a number of a list: `3.` or `3)`.
fn is_numbered(text: &str) -> bool {
    let rest = text.trim_start().trim_start_matches(|c: char| c.is_ascii_digit());
    rest.len() < text.trim_start().len() && rest.starts_with(['.', ')', '、', '．'])
}

/// The number of occurrences of each label, by its key.
fn labels<'a>(doc: &Document<'_>, lines: &'a [Line<'_, '_>]) -> HashMap<Cow<'a, str>, usize> {
    let mut labels = HashMap::new();
    for line in lines.iter().filter(|line| heading(doc, line) == Some(Heading::Label)) {
        *labels.entry(line.key()).or_default() += 1;
    }
    labels
}

/// Whether a label is a link that belongs to the line above it, and not a heading: it occurs
/// several times, or it has no colon and fewer than two titles below it.
fn is_link(
    heading: Heading,
    lines: &[Line<'_, '_>],
    labels: &HashMap<Cow<'_, str>, usize>,
) -> bool {
    if heading == Heading::Label && labels.get(&lines[0].key()).is_some_and(|count| *count > 1) {
        return true;
    }
    let open = lines[0].text().trim_end().ends_with([':', '：', '>', '»', '↓', '▼']);
    let titles = lines[1..].iter().take(2).filter(|line| is_title(line)).count();
    heading == Heading::Label && !open && titles < 2
}

fn is_bullet(text: &str) -> bool {
    text.starts_with(['•', '·', '*', '-', '–', '—', '▪', '■', '◦', '●'])
}

/// Whether a line may be the title of another article.
fn is_title(line: &Line<'_, '_>) -> bool {
    let text = line.text().trim();
    // Bullets suggest a list of the article; dashes and quotes suggest a dialogue.
    let quoted = is_bullet(text) || text.starts_with(['"', '“', '„', '«']);
    let stops =
        text.ends_with(['.', '。', '।', '۔', '։', ':', '：', ',', ';']) && !breaks_off(text);
    let cells = text.contains('\t');
    !line.is_body() && !quoted && !stops && !cells && TITLE_WORDS.contains(&script::words(text))
}

fn is_sentence(line: &Line<'_, '_>) -> bool {
    line.is_body() && !breaks_off(line.text())
}

/// The number of lines in a list that runs to the end of the document, 0 if there is none. A
/// sentence at the end is kept, because it may be the end of the article.
///
/// In a list with teasers, the first title has one. Titles first and several sentences only below them
/// are a box within the article; a single sentence may belong to the footer.
fn list_length(lines: &[Line<'_, '_>]) -> usize {
    let Some((last, before)) = lines.split_last() else { return 0 };
    let mut sentences = lines.iter().enumerate().filter(|(_, line)| is_sentence(line));
    let late = sentences.next().is_some_and(|(first, _)| first > FIRST_TEASER);
    if late && sentences.next().is_some() {
        return 0;
    }
    if !is_sentence(last) {
        return if is_list(lines) { lines.len() } else { 0 };
    }
    let teasers = before.iter().filter(|line| is_sentence(line)).count();
    if teasers >= FEW_TEASERS && is_list(before) { before.len() } else { 0 }
}

/// Whether so many titles have a teaser that the lines cannot be a section of the article.
fn has_teasers(lines: &[Line<'_, '_>]) -> bool {
    let teaser = |pair: &&[Line<'_, '_>]| !pair[0].is_body() && pair[1].is_body();
    lines.windows(2).filter(teaser).count() >= FEW_TEASERS
}

/// Whether lines are titles and teasers: at most half are sentences, none of them is long, and no
/// two consecutive ones are complete.
fn is_list(lines: &[Line<'_, '_>]) -> bool {
    let sentences = lines.iter().filter(|line| line.is_body()).count();
    let long = |line: &Line<'_, '_>| is_sentence(line) && line.words() > TEASER_WORDS;
    let prose = |pair: &[Line<'_, '_>]| pair.iter().all(is_sentence);
    sentences * 2 <= lines.len() && !lines.iter().any(long) && !lines.windows(2).any(prose)
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn lists_under_a_heading_are_removed() {
        check(
            "related",
            "A title\n\n…\n\n⟦Related articles⟧\n⟦Seven killed in clash⟧\n⟦Talks to resume⟧\n",
        );
        check("related", "A title\n\n…\n\n⟦Zum selben Thema⟧\n⟦EU fordert Verzicht⟧\n");
        check("related", "A title\n\n…\n\nThe two countries\nSeven killed in clash\n");
    }

    #[test]
    fn titles_may_have_teasers() {
        check(
            "related",
            "A title\n\n…\n…\n…\n\n⟦Weitere Themen⟧\n⟦Milch gegen Mehltau⟧\n⟦Ein weißer Belag auf den Blättern ist ein Zeichen für Pilzbefall.⟧\n⟦Topmeldungen⟧\n⟦Gespräche gehen weiter⟧\n",
        );
    }

    #[test]
    fn a_sentence_below_a_list_is_kept() {
        for (above, below) in [("…\n", "…\n"), ("…\n…\n", "…\n"), ("…\n…\n…\n", "…\n…\n")]
        {
            for titles in
                ["", "⟦Seven killed in the clash⟧\n", "⟦Seven killed⟧\n⟦Storm to return soon⟧\n"]
            {
                let titles = titles.replace("⟦Seven killed⟧", "⟦Seven killed in town⟧");
                check("related", &format!("A title\n\n{above}⟦Related articles⟧\n{titles}{below}"));
            }
        }
        check(
            "related",
            "A title\n\n…\n…\n\n⟦Read also⟧\n⟦Seven killed in the clash⟧\n\nA heading of it\n\n…\n",
        );
    }

    #[test]
    fn headings_of_the_article_below_a_box_are_kept() {
        let titles =
            "⟦You may also like⟧\n⟦Twelve headphones that we tested⟧\n⟦A review of the Hush⟧\n";
        let section =
            "Battery life\nThe maker claims more than thirty hours with everything on.\nWeight\n";
        let end =
            "Should you buy it?\nYou want to plug in a cable. It is there.\nFirst seen in March";
        check("related", &format!("A title\n\n…\n…\n…\n{titles}{section}Colours\n{end}\n"));
        let question = "Did your father read your books?\nHe read the first one with a pencil in his hand at home.\n";
        check("related", &format!("A title\n\n…\n{titles}{question}…\n…\n"));
        let apart =
            "Hush and the noise of trains\n\nThe Hush drowns the noise of a train well.\n\n";
        check(
            "related",
            &format!("A title\n\n…\n\n{}\n{apart}…\n…\n", titles.replace('\n', "\n\n")),
        );
        let only = "⟦You may also like⟧\n\nTrains and their noise\n\nThe noise of trains is loud, and the maker knows it.\n\n";
        check("related", &format!("A title\n\n…\n\n{only}…\n…\n"));
        let numbered = "3. The Museum of Maps\nThe rivers in its maps flow uphill, and the founder knows it.\n";
        check("related", &format!("A title\n\n…\n{titles}{numbered}…\n…\n"));
    }

    #[test]
    fn short_lines_below_a_heading_are_not_titles() {
        check(
            "related",
            "A title\n\n…\n…\n…\n…\n…\n\nLatest news\n\nA line\n\n…\n…\n\nA line\n\nA line\n",
        );
        check("related", "A title\n\n…\n\nUP NEXT\n\n…\n\nTIP-INS\n\n…\n");
    }

    #[test]
    fn lists_with_bullets_are_kept() {
        check(
            "related",
            "A title\n\n…\n\nSee also:\n• How to sew a coat\n• Coats for all\n\n…\n…\n",
        );
    }

    #[test]
    fn links_below_their_titles_are_not_headings() {
        check("related", "A title\n\n…\n\n⟦Read more⟧\n\nA heading of the text\n\n…\n…\n");
        let item = "Seven killed in the clash\n\n⟦Read more⟧\n\n";
        check("related", &format!("A title\n\n…\n\n{item}{item}{item}…\n…\n"));
        check("related", "A title\n\n…\n\n⟦Read more:⟧\n⟦Seven killed in the clash⟧\n\n…\n…\n");
    }

    #[test]
    fn headings_above_the_article_are_kept() {
        check("related", "Related articles\nSeven killed in the clash\n\n…\n…\n");
    }

    #[test]
    fn single_links_are_removed() {
        check("related", "A title\n\n…\n\n⟦Lesen Sie auch: Gespräche gehen weiter⟧\n\n…\n");
        check(
            "related",
            "A title\n\n…\n\nRead also the small print, the minister told the reporters in the room.\n\n…\n",
        );
    }
}
