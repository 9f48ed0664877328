//! Drafts rules from pages: repeated lines, frames, blocks, slots, prefixes and suffixes.

use std::collections::{BTreeMap, BTreeSet};

use chaffinch_core::Pipeline;
use chaffinch_core::rules::{Written, coverage};
use chaffinch_core::stage::script;

use crate::draft::{Draft, DraftPattern, DraftRule};
use crate::frame::{Frame, stage_of};
use crate::layout::Era;
use crate::page::{Page, Row, RowsByStory, stories_by_key};
use crate::recognise::names;

/// The maximum number of frames in a file, and the number of pages that are searched for them. Both
/// bound the time for many long pages.
const MOST_FRAMES: usize = 30;
const FRAME_PAGES: usize = 40;

/// The minimum number of lines in a menu, and the maximum number of words in a line of one.
const MENU_LINES: usize = 8;
const MENU_WORDS: usize = 5;

/// The maximum number of words in a line that only one story has and that contains the outlet's
/// name.
const NAMED_WORDS: usize = 12;

/// The maximum number of lines between the first and the last line of a block.
const BLOCK_LINES: usize = 12;

/// Drafts the rules of an outlet.
pub(crate) fn draft(name: &str, pages: &[Page], pipeline: &Pipeline) -> Draft {
    let names = &names(pages, &stories_by_key(pages), pipeline);
    let stories: BTreeSet<usize> = pages.iter().map(|page| page.story).collect();
    let mut drafter = Drafter {
        pages,
        stories: stories.len(),
        seen: stories_by_key(pages),
        names,
        stages: BTreeMap::new(),
        covered: BTreeSet::new(),
        framed: BTreeSet::new(),
        rules: Vec::new(),
        keep: keep(pages),
        name,
    };
    drafter.blocks();
    // A slot with a field takes precedence over a list of the values seen in it.
    drafter.frames(Frames::OfFields);
    drafter.repeated_lines();
    drafter.changing_numbers();
    drafter.frames(Frames::All);
    drafter.slots();
    drafter.affixes();
    Draft { rules: drafter.rules, training_stories: stories.len(), ..Draft::default() }
}

/// The sentence to keep if no sample has a suitable one.
const KEEP: &str =
    "Nobody could say on Tuesday when the bridge over the river would be open again.";

/// A sentence that rules must keep, for their cases. Taken from inside a story, because the
/// outlet's name may precede the first sentence or follow the last.
fn keep(pages: &[Page]) -> String {
    let inner = pages.iter().flat_map(|page| {
        let own = |(at, row): &(usize, &Row)| {
            let inside = page.own.is_some_and(|(first, last)| first < *at && *at < last);
            inside && page.guarded.contains(&row.span) && row.hint.is_none()
        };
        page.left().filter(own).map(|(_, row)| row.key.as_str())
    });
    let shortest = inner.min_by_key(|key| (key.len(), *key));
    shortest.unwrap_or(KEEP).to_owned()
}

struct Drafter<'a> {
    pages: &'a [Page],
    stories: usize,
    /// The stories that contain each line.
    seen: BTreeMap<String, BTreeSet<usize>>,
    /// The names of the outlet.
    names: &'a [String],
    /// The stages of lines that begin and end blocks. No other stage may cut these first.
    stages: BTreeMap<String, String>,
    /// Keys that a rule already matches.
    covered: BTreeSet<String>,
    /// Keys that a frame already matches.
    framed: BTreeSet<String>,
    rules: Vec<DraftRule>,
    keep: String,
    name: &'a str,
}

/// Groups for one rule each, by stage and place.
type Groups<T> = BTreeMap<(String, &'static str), Vec<T>>;

/// The occurrences of lines with one key.
struct Occurrences<'a> {
    rows: Vec<(&'a Page, usize, &'a Row)>,
    stories: BTreeSet<usize>,
}

impl Occurrences<'_> {
    fn all(&self, test: impl Fn(&Page, usize, &Row) -> bool) -> bool {
        self.rows.iter().all(|(page, at, row)| test(page, *at, row))
    }

    /// Whether the test is true for more than half of the occurrences.
    fn mostly(&self, test: impl Fn(&Page, usize, &Row) -> bool) -> bool {
        let count = self.rows.iter().filter(|(page, at, row)| test(page, *at, row)).count();
        count * 2 > self.rows.len()
    }

    /// The stage of a generic rule that matches the lines, else a stage that depends on their
    /// place.
    fn stage(&self) -> String {
        let hint = self.rows.iter().find_map(|(_, _, row)| row.hint.clone());
        let below = self.all(|page, at, _| !page.above(at));
        let by_place = if below { "site-footer" } else { "navigation" };
        match hint.as_deref() {
            Some("normalise" | "title" | "duplicates" | "ticker") | None => by_place.to_owned(),
            Some(stage) => stage.to_owned(),
        }
    }

    /// `head` or `tail` if all occurrences are in that zone, else `anywhere`.
    fn place(&self) -> &'static str {
        if self.all(|_, _, row| row.in_head) {
            "head"
        } else if self.all(|_, _, row| row.in_tail) {
            "tail"
        } else {
            "anywhere"
        }
    }
}

impl<'a> Drafter<'a> {
    /// The lines that no rule matches yet, by the result of `of`.
    fn by(
        &self,
        of: impl Fn(&Page, usize, &Row) -> Option<String>,
    ) -> BTreeMap<String, Occurrences<'a>> {
        let mut found: BTreeMap<String, Occurrences<'a>> = BTreeMap::new();
        for page in self.pages {
            let rows = page.rows.iter().enumerate();
            for (at, row) in rows.filter(|(_, row)| !self.covered.contains(&row.key)) {
                if let Some(key) = of(page, at, row) {
                    let empty = || Occurrences { rows: Vec::new(), stories: BTreeSet::new() };
                    let entry = found.entry(key).or_insert_with(empty);
                    entry.rows.push((page, at, row));
                    entry.stories.insert(page.story);
                }
            }
        }
        // Lines that generic rules always remove need no rule. But lines with the outlet's name may
        // also occur where the generic rules do not act.
        let named = |row: &Row| self.names.iter().any(|name| row.key.contains(name.as_str()));
        found.retain(|_, found| {
            found.rows.iter().any(|(_, _, row)| !row.gone)
                || found.stories.len() > 1 && named(found.rows[0].2)
        });
        found
    }

    fn add(
        &mut self,
        id: &str,
        stage: String,
        place: &'static str,
        pattern: DraftPattern,
        seen: usize,
    ) -> &mut DraftRule {
        let taken = self
            .rules
            .iter()
            .filter(|rule| rule.id.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-') == id)
            .count();
        let id = if taken == 0 { id.to_owned() } else { format!("{id}-{}", taken + 1) };
        let keeps = vec![self.keep.clone()];
        self.rules.push(DraftRule {
            id,
            stage,
            place,
            at: None,
            pattern,
            max_words: None,
            max_lines: None,
            safe: false,
            removes: Vec::new(),
            keeps,
            seen,
            literals: Vec::new(),
            two_sided: false,
            training_stories: self.stories,
            era: Era::default(),
        });
        let last = self.rules.len() - 1;
        &mut self.rules[last]
    }

    /// Whether a line of only one story is in a menu: a run of short lines, many of which the
    /// outlet repeats or the generic rules remove.
    fn in_menu(&self, page: &Page, at: usize) -> bool {
        let short = |row: &Row| !row.body && row.words <= MENU_WORDS;
        let first = page.rows[..at].iter().rposition(|row| !short(row)).map_or(0, |at| at + 1);
        let rest = page.rows[at..].iter().position(|row| !short(row));
        let run = first..rest.map_or(page.rows.len(), |rest| at + rest);
        let chaff = run.clone().filter(|at| self.is_boilerplate(page, *at)).count();
        run.len() >= MENU_LINES && chaff * 4 >= run.len() && short(&page.rows[at])
    }

    /// Whether the outlet repeats a line or the generic rules remove it.
    fn is_boilerplate(&self, page: &Page, at: usize) -> bool {
        let row = page.rows.get(at);
        row.is_some_and(|row| row.gone || self.seen.get(&row.key).is_some_and(|s| s.len() > 1))
    }

    /// Whether a neighbour of the line is repeated by the outlet or removed by the generic rules.
    fn has_boilerplate_neighbour(&self, page: &Page, at: usize) -> bool {
        self.is_boilerplate(page, at + 1) || at > 0 && self.is_boilerplate(page, at - 1)
    }

    /// Lines that repeat exactly in several stories. Inside the body, they must be next to other
    /// boilerplate, because a heading of an article is next to sentences.
    fn repeated_lines(&mut self) {
        let many = (self.stories * 3).div_ceil(10).max(3);
        type Lines = Vec<(String, usize)>;
        let mut groups: BTreeMap<(String, &'static str, bool), Lines> = BTreeMap::new();
        for (key, found) in self.by(|_, _, row| Some(row.key.clone())) {
            let count = found.stories.len();
            let edge = found.mostly(|page, at, _| page.at_edge(at));
            let neighbour = found.mostly(|page, at, _| {
                self.has_boilerplate_neighbour(page, at) || self.in_menu(page, at)
            });
            let sentence = found.rows[0].2.body;
            let named = self.names.iter().any(|name| key.contains(name.as_str()));
            let menu = |page: &Page, at, _: &Row| self.in_menu(page, at);
            let alone = |page: &Page, at, row: &Row| {
                self.in_menu(page, at) || named && row.words <= NAMED_WORDS && page.at_edge(at)
            };
            let enough = match (edge, neighbour) {
                _ if count == 1 => !sentence && found.all(alone),
                (true, _) => true,
                // With two or three stories, similar structure may be a coincidence: reviews, live
                // tickers.
                (false, true) => {
                    count >= many || !sentence && (self.stories > 3 || found.mostly(menu))
                }
                (false, false) => count >= many && !sentence,
            };
            let title = found.rows.iter().any(|(page, at, _)| page.titles.contains(at));
            let says = key.chars().any(char::is_alphanumeric);
            if enough && says && !title {
                let stage = self.stages.get(&key).cloned().unwrap_or_else(|| found.stage());
                // Lines that the generic rules remove here need a rule for other places.
                let place = match found.all(|_, _, row| row.gone) {
                    true => "anywhere",
                    false => found.place(),
                };
                groups.entry((stage, place, !sentence)).or_default().push((key, count));
            }
        }
        for ((stage, place, safe), mut lines) in groups {
            lines.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            let seen = lines.iter().map(|(_, count)| *count).max().unwrap_or(0);
            self.covered.extend(lines.iter().map(|(key, _)| key.clone()));
            let texts = lines.into_iter().map(|(key, _)| key).collect();
            let id = if place == "anywhere" { stage.clone() } else { format!("{place}-{stage}") };
            self.add(&id, stage, place, DraftPattern::Text(texts), seen).safe = safe;
        }
    }

    /// Headings of several stories with changing lines below them, up to the next repeated line.
    /// Usually teasers.
    fn blocks(&mut self) {
        // By first and last line: the stories, the positions of the first line, and samples of the
        // block.
        type Seen<'a> = (BTreeSet<usize>, Vec<(&'a Page, usize)>, BTreeSet<Vec<&'a str>>);
        let mut found: BTreeMap<(&str, &str), Seen<'_>> = BTreeMap::new();
        let enough = (self.stories * 2).div_ceil(5).max(2);
        let repeated = |row: &Row| self.seen[&row.key].len() >= enough && !row.body;
        for page in self.pages {
            let firsts = page.rows.iter().enumerate().filter(|(_, row)| repeated(row) && !row.gone);
            for (first, row) in firsts {
                let mut below = page.rows[first + 1..].iter();
                let Some(between) = below.position(|row| repeated(row) || row.body) else {
                    continue;
                };
                let last = first + 1 + between;
                let block = &page.rows[first..=last];
                let changing = (1..=BLOCK_LINES).contains(&between)
                    && block[1..=between].iter().all(|row| self.seen[&row.key].len() == 1);
                let titled = page.titles.iter().any(|title| (first..=last).contains(title));
                let outside = page.at_edge(first)
                    || first > 0
                        && self.is_boilerplate(page, first - 1)
                        && self.is_boilerplate(page, last + 1);
                if changing && !titled && repeated(&page.rows[last]) && outside {
                    let (stories, places, samples) =
                        found.entry((&row.key, &page.rows[last].key)).or_default();
                    stories.insert(page.story);
                    places.push((page, first));
                    samples.insert(block.iter().map(|row| row.key.as_str()).collect());
                }
            }
        }
        found.retain(|_, (stories, places, samples)| {
            let edge = places.iter().all(|(page, first)| page.at_edge(*first));
            samples.len() > 1 && stories.len() >= if edge { enough } else { enough.max(3) }
        });
        for ((first, last), (stories, places, samples)) in found {
            let rows: Vec<_> =
                places.iter().map(|(page, at)| (*page, *at, &page.rows[*at])).collect();
            let heading = Occurrences { rows, stories: BTreeSet::new() };
            let (stage, place) = match self.stages.get(first).or_else(|| self.stages.get(last)) {
                Some(stage) => (stage.clone(), heading.place()),
                None => (heading.stage(), heading.place()),
            };
            for end in [first, last] {
                self.stages.entry(end.to_owned()).or_insert_with(|| stage.clone());
            }
            let lines = samples.iter().map(Vec::len).max().unwrap_or(0);
            let ends = (regex_syntax::escape(first), regex_syntax::escape(last));
            let pattern = DraftPattern::Block(ends.0, ends.1);
            let rule = self.add(&format!("{stage}-block"), stage, place, pattern, stories.len());
            rule.max_lines = Some(lines + lines / 2);
            rule.removes = samples.iter().take(1).map(|lines| lines.join("\n")).collect();
        }
    }

    /// Lines that differ only in their numbers.
    fn changing_numbers(&mut self) {
        let shape = |page: &Page, at: usize, row: &Row| {
            let letters = row.key.chars().filter(|c| c.is_alphabetic()).count();
            let digits = row.key.chars().any(|c| c.is_ascii_digit());
            let fits = digits && letters >= 2 && !row.body && !page.titles.contains(&at);
            (fits && page.at_edge(at)).then(|| numbers(&row.key))
        };
        // By stage and place: the pattern, a sample, and the number of stories.
        let mut groups: Groups<(String, String, usize)> = BTreeMap::new();
        for (pattern, found) in self.by(shape) {
            if found.stories.len() >= 2 {
                let longest = found.rows.iter().map(|(_, _, row)| &row.key);
                let longest = longest.max_by_key(|key| (key.len(), *key));
                let Some(sample) = longest.cloned() else { continue };
                // If no number has two digits, do not claim that any has more.
                let pattern = match shows_repetition(&pattern, &sample) {
                    true => pattern,
                    false => pattern.replace(r"\d+", r"\d{1,4}"),
                };
                self.covered.extend(found.rows.iter().map(|(_, _, row)| row.key.clone()));
                let group = groups.entry((found.stage(), found.place())).or_default();
                group.push((pattern, sample, found.stories.len()));
            }
        }
        for ((stage, place), found) in groups {
            let seen = found.iter().map(|(_, _, count)| *count).max().unwrap_or(0);
            let removes = found.iter().map(|(_, sample, _)| sample.clone()).collect();
            let patterns = found.into_iter().map(|(pattern, _, _)| pattern).collect();
            let rule = self.add(
                &format!("{stage}-numbers"),
                stage,
                place,
                DraftPattern::Line(patterns),
                seen,
            );
            rule.removes = removes;
        }
    }

    /// Lines at the edges that begin or end alike around a changing value.
    fn frames(&mut self, which: Frames) {
        for _ in 0..MOST_FRAMES {
            let mut frames: BTreeMap<Frame, RowsByStory<'_>> = BTreeMap::new();
            for page in self.pages.iter().take(FRAME_PAGES) {
                for (at, row) in page.left() {
                    let title = page.titles.contains(&at);
                    // Lines that a rule already matches support a frame but do not need it.
                    if page.at_edge(at) && !self.framed.contains(&row.key) {
                        let telling = |frame: &Frame| {
                            frame.fits_boilerplate(row) && (!title || frame.is_two_sided())
                        };
                        for frame in Frame::all(&row.key).into_iter().filter(telling) {
                            frames
                                .entry(frame)
                                .or_default()
                                .entry(page.story)
                                .or_default()
                                .push((page, row));
                        }
                    }
                }
            }
            let enough = self.stories.div_ceil(2).max(if self.stories > 3 { 3 } else { 2 });
            let different = |rows: &RowsByStory<'_>| {
                rows.values().flatten().map(|(_, row)| &row.key).collect::<BTreeSet<_>>().len() > 1
            };
            let best = frames
                .into_iter()
                .filter(|(frame, rows)| {
                    let new = |(_, row): &(&Page, &Row)| !self.covered.contains(&row.key);
                    rows.values().flatten().any(new)
                        && rows.len() >= enough.min(frame.needs())
                        && different(rows)
                        && (which == Frames::All
                            || self.changes(rows) && frame.field(rows).is_some())
                })
                .max_by_key(|(frame, rows)| (rows.len(), frame.len(), frame.clone()));
            let Some((frame, stories)) = best else { return };
            let field = frame.field(&stories);
            let rows: Vec<&Row> = stories.values().flatten().map(|(_, row)| *row).collect();
            let hint = rows.iter().find_map(|row| row.hint.clone());
            let stage = hint.unwrap_or_else(|| stage_of(field).to_owned());
            let longest = rows.iter().map(|row| row.words).max().unwrap_or(0);
            let samples: BTreeSet<String> =
                rows.iter().take(3).map(|row| row.key.clone()).collect();
            let place = match (rows.iter().all(|r| r.in_head), rows.iter().all(|r| r.in_tail)) {
                (true, _) => "head",
                (_, true) => "tail",
                _ => "edges",
            };
            self.covered.extend(rows.iter().map(|row| row.key.clone()));
            self.framed.extend(rows.iter().map(|row| row.key.clone()));
            let pattern = DraftPattern::Line(vec![frame.pattern(field)]);
            let rule = self.add(&format!("{stage}-frame"), stage, place, pattern, stories.len());
            rule.max_words = Some(longest + 2);
            rule.literals = vec![frame.start.clone(), frame.end.clone()];
            rule.two_sided = frame.is_two_sided();
            rule.removes = samples.into_iter().collect();
        }
    }

    /// Whether the value in a frame changes from story to story.
    fn changes(&self, rows: &RowsByStory<'_>) -> bool {
        let keys: BTreeSet<&String> = rows.values().flatten().map(|(_, row)| &row.key).collect();
        let most = keys.iter().map(|key| self.seen[*key].len()).max().unwrap_or(0);
        keys.len() >= rows.len().min(3) && most * 5 <= rows.len() * 3
    }

    /// A short line at a fixed position above the title, below a line that is always removed.
    fn slots(&mut self) {
        for place in 1..4usize {
            let rows: Option<Vec<(&Page, &Row)>> =
                self.pages.iter().map(|page| Some((page, page.rows.get(place)?))).collect();
            let Some(rows) = rows else { return };
            let label = |(page, row): &(&Page, &Row)| {
                let below =
                    page.rows[place - 1].gone || self.covered.contains(&page.rows[place - 1].key);
                let word = row.key.chars().next().is_some_and(char::is_uppercase);
                let letters = row.key.chars().all(|c| c.is_alphabetic() || " &-'".contains(c));
                below
                    && word
                    && letters
                    && row.words <= 4
                    && !row.gone
                    && page.above(place)
                    && page.titles.iter().any(|title| *title > place)
            };
            let different: BTreeSet<&str> = rows.iter().map(|(_, row)| row.key.as_str()).collect();
            if rows.iter().all(label) && different.len() > 1 {
                // Lines of pipes stand for the lines above the label that are always removed.
                let above = "| |\n\n".repeat(place);
                let case = |key: &&str| format!("{above}⟦{key}⟧\n\nTitle of the story today");
                let mut shown: Vec<&&str> = different.iter().collect();
                shown.sort_by_key(|key| (script::words(key), key.len()));
                let (first, last) = (shown.first().copied(), shown.last().copied());
                let removes: Vec<String> = first.into_iter().chain(last).map(case).collect();
                let seen = self.stories;
                // About as many words as the samples have.
                let words = rows.iter().map(|(_, row)| row.words);
                let fewest = words.min().map_or(0, |words| words.saturating_sub(1));
                let pattern =
                    format!(r"(?<section>\p{{Lu}}[\p{{L}}&'-]*(?: [\p{{L}}&'-]+){{{fewest},3}})");
                let rule = self.add(
                    "section",
                    "navigation".into(),
                    "head",
                    DraftPattern::Line(vec![pattern]),
                    seen,
                );
                rule.at = Some(place + 1);
                rule.max_words = Some(4);
                rule.removes = removes;
                self.covered.extend(rows.iter().map(|(_, row)| row.key.clone()));
                return;
            }
        }
    }

    /// Affixes: text before the first sentence of most stories, after the last, and after the title.
    fn affixes(&mut self) {
        let enough = (self.stories * 6).div_ceil(10).max(2);
        let few = self.stories.div_ceil(5).max(2);
        let pages = self.pages.iter();
        let openings: Vec<(usize, &str)> = pages
            .filter_map(|page| Some((page.story, page.rows[page.own?.0].key.as_str())))
            .collect();
        self.prefix(&openings, enough, few);
        self.dateline(&openings, few);
        self.suffix(few);
        self.title_suffix(enough);
    }

    fn prefix(&mut self, openings: &[(usize, &str)], enough: usize, few: usize) {
        let prefix = |key: &str| {
            let end = key.char_indices().take(40).find(|(_, c)| ":—".contains(*c))?;
            let prefix = &key[..end.0 + end.1.len_utf8()];
            (prefix.chars().count() >= 4).then(|| prefix.to_owned())
        };
        let Some((text, seen)) = most_common(openings, prefix)
            .filter(|(text, n)| *n >= enough || *n >= few && script::words(text) >= 2)
        else {
            return;
        };
        let (rest, name) = (self.keep.clone(), self.name.to_owned());
        let pattern = DraftPattern::Start(regex_syntax::escape(&text));
        let rule = self.add("prefix", "credits".into(), "opening", pattern, seen);
        let plain =
            "The central bank kept its rates as they were on Tuesday, it said in the capital.";
        rule.literals = vec![text.clone()];
        rule.removes = vec![format!("⟦{text} ⟧{plain}")];
        rule.keeps = vec![if rest.starts_with(&text) { format!("{plain} {name}") } else { rest }];
    }

    fn dateline(&mut self, openings: &[(usize, &str)], few: usize) {
        let dateline = |key: &str| {
            let at = key.char_indices().take(60).find(|(_, c)| *c == '—')?.0;
            let text = &key[..at];
            let shaped = text.ends_with(") ") && text.starts_with(char::is_uppercase);
            shaped.then(|| days(text) + "— ?")
        };
        let Some((pattern, seen)) = most_common(openings, dateline).filter(|(_, n)| *n >= few)
        else {
            return;
        };
        let sample = openings.iter().find(|(_, key)| dateline(key).as_ref() == Some(&pattern));
        let text = sample.and_then(|(_, key)| key.split_once('—')).map_or("", |(text, _)| text);
        let case =
            format!("⟦{text}— ⟧The central bank kept its rates as they were on Tuesday, it said.");
        let pattern = DraftPattern::Start(pattern);
        let rule = self.add("dateline", "dateline".into(), "opening", pattern, seen);
        rule.removes = vec![case];
    }

    fn suffix(&mut self, few: usize) {
        let closings = self.pages.iter().flat_map(|page| {
            let last = page.own.map(|(_, last)| last);
            page.left()
                .filter(move |(at, row)| last.is_some_and(|last| *at >= last) && row.words >= 8)
                .map(|(_, row)| (page.story, row.key.as_str()))
        });
        let closings: Vec<(usize, &str)> = closings.collect();
        let suffix = |key: &str| {
            let at = key.rfind(script::is_sentence_mark)?;
            let end = &key[at + key[at..].chars().next()?.len_utf8()..];
            let end = end.trim_start_matches(['"', ' ']);
            let short = (1..=4).contains(&script::words(end)) && end.starts_with(['—', '-', '(']);
            short.then(|| end.to_owned())
        };
        let Some((text, seen)) = most_common(&closings, suffix).filter(|(_, n)| *n >= few) else {
            return;
        };
        let pattern = DraftPattern::End(regex_syntax::escape(&text));
        let rule = self.add("suffix", "credits".into(), "", pattern, seen);
        let plain = "The central bank kept its rates as they were on Tuesday, it said.";
        rule.literals = vec![text.clone()];
        rule.removes = vec![format!("{plain}⟦{text}⟧")];
        rule.keeps = vec![plain.to_owned()];
    }

    fn title_suffix(&mut self, enough: usize) {
        let pages = self.pages.iter();
        let titles: Vec<(usize, &str)> = pages
            .filter_map(|page| Some((page.story, page.rows[*page.titles.first()?].key.as_str())))
            .collect();
        let suffix = |key: &str| {
            let at = [" | ", " — ", " - ", " » "].iter().filter_map(|s| key.rfind(s)).max()?;
            (at > 8 && key.len() - at <= 50).then(|| key[at..].to_owned())
        };
        let Some((text, seen)) = most_common(&titles, suffix).filter(|(_, n)| *n >= enough) else {
            return;
        };
        let pattern = DraftPattern::End(regex_syntax::escape(&text));
        let rule = self.add("title-suffix", "title".into(), "head", pattern, seen);
        rule.removes = vec![format!("The talks go on for two days⟦{text}⟧")];
        rule.keeps = vec!["The talks go on for two days".to_owned()];
    }
}

/// The value that most stories have, and their number.
fn most_common(
    keys: &[(usize, &str)],
    of: impl Fn(&str) -> Option<String>,
) -> Option<(String, usize)> {
    let mut found: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for (story, key) in keys {
        if let Some(value) = of(key) {
            found.entry(value).or_default().insert(*story);
        }
    }
    found
        .into_iter()
        .map(|(value, stories)| (value, stories.len()))
        .max_by_key(|(v, n)| (*n, v.clone()))
}

/// The start of a dateline as a regex that matches any day.
fn days(text: &str) -> String {
    let words: Vec<String> = text
        .split(' ')
        .map(|word| match chaffinch_core::is_month(word) {
            true => r"\p{L}+\.?".to_owned(),
            false => numbers(word),
        })
        .collect();
    words.join(" ")
}

/// A line's key as a regex that matches any numbers.
fn numbers(key: &str) -> String {
    let mut pattern = String::new();
    let mut rest = key;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        pattern.push_str(&regex_syntax::escape(&rest[..at]));
        let end = rest[at..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |end| at + end);
        pattern.push_str(r"\d+");
        rest = &rest[end..];
    }
    pattern + &regex_syntax::escape(rest)
}

/// Whether each number of a line has at least two digits.
fn shows_repetition(pattern: &str, line: &str) -> bool {
    let keys = vec![("line", [pattern.to_owned()].into())];
    coverage::gaps(&Written::new(keys, false), &[line.to_owned()]).is_empty()
}

/// The frames to search for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frames {
    /// Frames whose value is a field and changes from story to story.
    OfFields,
    /// All frames.
    All,
}
