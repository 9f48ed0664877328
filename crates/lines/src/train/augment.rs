//! Variants of labelled pages: as other extractors or other sites would give them.

use std::ops::Range;

use crate::evaluate::Headlines;
use crate::labelled::{Label, LabelledPage};
use crate::text;
use crate::train::random::Random;

/// A line with its label and number of tokens.
#[derive(Clone)]
struct Line {
    text: String,
    label: Label,
    tokens: usize,
}

impl Line {
    fn is_article(&self) -> bool {
        self.tokens > 0 && self.label == Label::Article
    }

    fn is_boilerplate(&self) -> bool {
        self.tokens > 0 && self.label == Label::Boilerplate
    }

    fn blank() -> Self {
        Line { text: String::new(), label: Label::Neutral, tokens: 0 }
    }
}

/// A variant of a page, or `None` if it has no article line.
pub(crate) fn variant(page: &LabelledPage, random: &mut Random) -> Option<LabelledPage> {
    let mut lines: Vec<Line> = page
        .lines
        .iter()
        .zip(&page.labels)
        .map(|(text, &label)| Line { text: text.clone(), label, tokens: count_tokens(text) })
        .collect();
    let boilerplate = lines.iter().filter(|line| line.is_boilerplate()).count();
    let mostly_boilerplate = boilerplate * 2 > lines.iter().filter(|line| line.tokens > 0).count();
    if random.chance(if mostly_boilerplate { 0.6 } else { 0.15 }) {
        lines = drop_boilerplate(lines, random);
    }
    if random.chance(0.4) {
        for line in &mut lines {
            line.text = without_bullet(&line.text).to_owned();
        }
    }
    if random.chance(0.25) {
        lines = join_boilerplate(lines, random);
    }
    if random.chance(0.1) {
        lines = join_article(lines, random);
    }
    if random.chance(0.1) {
        lines = repeat_filler(lines, random);
    }
    if random.chance(0.2) {
        lend_words(&mut lines, random);
    }
    let blanks = random.uniform();
    if blanks < 0.65 {
        lines.retain(|line| line.tokens > 0);
        if blanks >= 0.5 {
            lines = lines.into_iter().flat_map(|line| [line, Line::blank()]).collect();
        }
    }
    if random.chance(0.08) {
        for line in &mut lines {
            line.text = line.text.to_lowercase();
        }
    }
    lines.iter().any(Line::is_article).then(|| LabelledPage {
        labels: lines.iter().map(|line| line.label).collect(),
        lines: lines.into_iter().map(|line| line.text).collect(),
        ..page.clone()
    })
}

/// The article of a page, from its headline or first line to its last line, within the boilerplate of
/// another page. `None` if one of them has no article line.
pub(crate) fn graft(page: &LabelledPage, frame: &LabelledPage) -> Option<LabelledPage> {
    let (own, hole) = (article(page)?, article(frame)?);
    let joined = [&frame.lines[..hole.start], &page.lines[own.clone()], &frame.lines[hole.end..]];
    let labels = [&frame.labels[..hole.start], &page.labels[own], &frame.labels[hole.end..]];
    Some(LabelledPage { lines: joined.concat(), labels: labels.concat(), ..page.clone() })
}

/// The lines of a page from the headline of its article, or its first line, to its last.
fn article(page: &LabelledPage) -> Option<Range<usize>> {
    let is_article = |label: &Label| *label == Label::Article;
    let body = page.labels.iter().position(is_article)?;
    let last = page.labels.iter().rposition(is_article)?;
    let headlines = Headlines::of(page);
    let is_headline =
        |line: &usize| page.labels[*line] == Label::Neutral && headlines.has(&page.lines[*line]);
    Some((0..body).find(is_headline).unwrap_or(body)..last + 1)
}

fn count_tokens(text: &str) -> usize {
    let mut count = 0;
    text::for_each_token(text, |_, _| count += 1);
    count
}

fn without_bullet(text: &str) -> &str {
    let text = text.trim_start();
    text.strip_prefix(['•', '◦', '▪', '*', '·']).unwrap_or(text).trim_start()
}

/// Removes runs of boilerplate lines: between a whole page and scraped text.
fn drop_boilerplate(lines: Vec<Line>, random: &mut Random) -> Vec<Line> {
    let probability = *random.choose(&[0.2, 0.5, 0.8, 0.9]);
    let mut dropping = false;
    let mut run = 0;
    let mut kept = Vec::with_capacity(lines.len());
    for line in lines {
        if line.is_boilerplate() {
            if run == 0 || run >= 6 {
                dropping = random.chance(probability);
                run = 0;
            }
            run += 1;
            if dropping {
                continue;
            }
        } else if line.tokens > 0 {
            run = 0;
        }
        kept.push(line);
    }
    kept
}

/// Joins short boilerplate lines that follow each other: menus on one line.
fn join_boilerplate(lines: Vec<Line>, random: &mut Random) -> Vec<Line> {
    let separator = *random.choose(&[" ", " | ", " · ", "  ", "\t"]);
    let mut joined: Vec<Line> = Vec::with_capacity(lines.len());
    let mut count = 0;
    for line in lines {
        let limit = *random.choose(&[2, 4, 8, 20]);
        match joined.last_mut() {
            Some(last)
                if last.label == Label::Boilerplate
                    && last.tokens < 40
                    && line.is_boilerplate()
                    && line.tokens <= 5
                    && count < limit =>
            {
                last.text =
                    format!("{}{separator}{}", last.text, without_bullet(&line.text).trim());
                last.tokens += line.tokens;
                count += 1;
            }
            _ => {
                joined.push(line);
                count = 0;
            }
        }
    }
    joined
}

/// Joins the paragraphs of the article to one line or a few.
fn join_article(lines: Vec<Line>, random: &mut Random) -> Vec<Line> {
    let most = *random.choose(&[3, 8, 100]);
    let mut joined: Vec<Line> = Vec::with_capacity(lines.len());
    let mut count = 0;
    for line in lines {
        if line.is_article() {
            let last = joined.iter().rposition(|line| line.tokens > 0);
            if let Some(last) = last.filter(|&last| joined[last].is_article() && count < most) {
                joined.truncate(last + 1);
                let to = &mut joined[last];
                to.text = format!("{} {}", to.text, without_bullet(&line.text).trim());
                to.tokens += line.tokens;
                count += 1;
                continue;
            }
            count = 0;
        }
        joined.push(line);
    }
    joined
}

/// Puts one short boilerplate line between the paragraphs.
fn repeat_filler(lines: Vec<Line>, random: &mut Random) -> Vec<Line> {
    let short: Vec<&Line> =
        lines.iter().filter(|line| line.is_boilerplate() && line.tokens <= 6).collect();
    if short.is_empty() {
        return lines;
    }
    let filler = (*random.choose(&short)).clone();
    let probability = *random.choose(&[0.3, 0.6, 1.0]);
    let mut filled = Vec::with_capacity(lines.len() * 2);
    for line in lines {
        let paragraph = line.is_article() && line.tokens > 8;
        filled.push(line);
        if paragraph && random.chance(probability) {
            filled.extend([Line::blank(), filler.clone(), Line::blank()]);
        }
    }
    filled
}

/// Puts words of short boilerplate lines into sentences of the article, so that the words alone do not
/// decide.
fn lend_words(lines: &mut [Line], random: &mut Random) {
    let short = |line: &&Line| line.is_boilerplate() && line.tokens <= 6;
    let lenders: Vec<String> = lines
        .iter()
        .filter(short)
        .map(|line| without_bullet(&line.text).trim().to_lowercase())
        .collect();
    if lenders.is_empty() {
        return;
    }
    let probability = *random.choose(&[0.02, 0.05, 0.15]);
    for line in lines.iter_mut().filter(|line| line.is_article() && line.tokens > 2) {
        if !random.chance(probability) {
            continue;
        }
        let spaces: Vec<usize> =
            line.text.trim_end().match_indices(' ').map(|(at, _)| at).collect();
        if spaces.is_empty() {
            continue;
        }
        let words: Vec<&str> = random.choose(&lenders).split_whitespace().collect();
        let at = *random.choose(&spaces);
        let count = 1 + random.below(words.len().min(3));
        let start = random.below(words.len() + 1 - count);
        let lent = words[start..start + count].join(" ");
        line.text.insert_str(at, &format!(" {lent}"));
        line.tokens += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn articles_are_lent_words_of_short_boilerplate() {
        let line =
            |text: &str, label| Line { text: text.to_owned(), label, tokens: count_tokens(text) };
        let sentence = "The bridge will open again in spring.";
        let mut lines = vec![line("Subscribe", Label::Boilerplate)];
        lines.extend((0..200).map(|_| line(sentence, Label::Article)));
        lend_words(&mut lines, &mut Random::new(&[1]));
        assert_eq!(lines[0].text, "Subscribe");
        let lent = lines[1..].iter().filter(|line| line.text != sentence).collect::<Vec<_>>();
        assert!((1..100).contains(&lent.len()), "{}", lent.len());
        for line in lent {
            assert_eq!(line.text.replacen(" subscribe", "", 1), sentence);
            assert!(line.label == Label::Article && line.tokens == count_tokens(&line.text));
        }
    }

    #[test]
    fn an_article_is_put_into_another_page() {
        let page = |id: &str, lines: &[(&str, Label)]| LabelledPage {
            headlines: vec![format!("Headline {id}")],
            lines: lines.iter().map(|(line, _)| format!("{line} {id}")).collect(),
            labels: lines.iter().map(|(_, label)| *label).collect(),
            ..LabelledPage::default()
        };
        let lines = [
            ("Menu", Label::Boilerplate),
            ("Headline", Label::Neutral),
            ("First", Label::Article),
            ("Advertisement", Label::Boilerplate),
            ("Last", Label::Article),
            ("Footer", Label::Boilerplate),
        ];
        let (one, other) = (page("one", &lines), page("other", &lines[2..]));
        let grafted = graft(&one, &other).expect("both have an article");
        let wanted = ["Headline one", "First one", "Advertisement one", "Last one", "Footer other"];
        assert_eq!(grafted.lines, wanted);
        assert_eq!(grafted.labels.len(), wanted.len());
        assert_eq!(grafted.labels[3..], [Label::Article, Label::Boilerplate]);
        assert_eq!(graft(&one, &page("none", &lines[..2])).map(|page| page.lines), None);
    }

    #[test]
    fn nothing_is_lent_without_boilerplate() {
        let text = "The bridge will open again in spring.".to_owned();
        let mut lines = vec![Line { text: text.clone(), label: Label::Article, tokens: 7 }; 50];
        lend_words(&mut lines, &mut Random::new(&[1]));
        assert!(lines.iter().all(|line| line.text == text));
    }
}
