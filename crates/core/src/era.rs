//! Determines the date of a document. Rules with an era apply only if the date lies in it; an era
//! is usually the time of one page layout.

use chaffinch_stage::{Document, calendar, date};

use crate::input::Input;

/// The date of a decoded document, such as `2024-05-31`: from the input, else from its URL, else
/// from a date line.
pub fn day_of(input: &Input<'_>, text: &str) -> Option<String> {
    const NO_RULES: &[chaffinch_stage::Rule; 0] = &[];
    day(input, &Document::new(text, NO_RULES, chaffinch_rules::key::key))
}

/// The date of a document, such as `2024-05-31`: from the input, else from its URL, else from a
/// line outside the body that contains only a date.
pub(crate) fn day(input: &Input<'_>, doc: &Document<'_>) -> Option<String> {
    let given = || date::iso(input.date?);
    let dated = |line: chaffinch_stage::Line<'_, '_>| {
        let short = line.is_outside_body() && line.words() <= 12;
        short.then(|| date::date_line(line.text())?.date).flatten()
    };
    given()
        .or_else(|| of_url(input.url?))
        .or_else(|| doc.lines().filter(|line| !line.is_blank()).find_map(dated))
}

/// The date in the path of a URL: `/2017/07/05/`, `/2017-07-05/` or `/20170705/`.
fn of_url(url: &str) -> Option<String> {
    let path = url.split_once("://").map_or(url, |(_, rest)| rest);
    let parts: Vec<&str> = path.split(['/', '?', '#']).skip(1).collect();
    let number = |text: &str, most: usize| {
        let valid = (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        valid.then(|| text.parse::<u32>().ok()).flatten()
    };
    let valid_date = |year: u32, month: u32, day: u32| {
        let fits = (1990..2100).contains(&year) && calendar::is_date(year, month, day);
        fits.then(|| format!("{year:04}-{month:02}-{day:02}"))
    };
    let separate = parts
        .windows(3)
        .find_map(|part| valid_date(number(part[0], 4)?, number(part[1], 2)?, number(part[2], 2)?));
    let joined = |part: &&str| {
        let digits: String = part.chars().take(10).filter(|c| *c != '-').take(8).collect();
        let part = |range| digits.get(range).and_then(|part| number(part, 4));
        valid_date(part(0..4)?, part(4..6)?, part(6..8)?)
    };
    separate.or_else(|| parts.iter().find_map(joined))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_found_in_urls() {
        for url in [
            "https://example.org/2017/07/05/talks.html",
            "https://example.org/news/2017/7/5/talks",
            "example.org/news/2017-07-05/talks",
            "https://example.org/a/20170705/talks",
            "https://example.org/2017-07-05-talks.html",
            "https://example.org/20170705",
        ] {
            assert_eq!(of_url(url).as_deref(), Some("2017-07-05"), "{url}");
        }
        for url in [
            "https://example.org/12345678/x",
            "https://example.org/2017/02/31/x",
            "https://2017/07/05",
            "https://e.org/x/2017/7",
        ] {
            assert_eq!(of_url(url), None, "{url}");
        }
    }

    #[test]
    fn the_input_overrides_the_url_and_the_url_overrides_the_text() {
        let text = "5 July 2017\n\nThe minister said on Tuesday that the talks would go on.\n";
        let doc =
            Document::new(text, &[] as &[chaffinch_stage::Rule; 0], chaffinch_rules::key::key);
        let day = |date, url| day(&Input { date, url, ..Input::default() }, &doc);
        let url = Some("https://example.org/2018/01/02/x");
        assert_eq!(day(Some("2019-03-04T10:00:00Z"), url).as_deref(), Some("2019-03-04"));
        assert_eq!(day(None, url).as_deref(), Some("2018-01-02"));
        assert_eq!(day(None, None).as_deref(), Some("2017-07-05"));
    }
}
