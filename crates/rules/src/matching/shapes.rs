//! Shapes: patterns that many rules share, such as bullets before a line. A rule names a shape as
//! `{shape}` in its pattern.

/// A word of a name that begins with a capital, or with a mark or digit.
macro_rules! capital {
    () => {
        r#"[\p{Lu}\p{Lt}\d©@(\[/«"'|+&—-][^\s!?]*"#
    };
}

/// A word of a name in a script with capitals, or a particle between such words. Some names have a small letter
/// first: iStock, eThekwini.
macro_rules! cased {
    () => {
        concat!(
            "(?:",
            capital!(),
            "|(?:de|da|do|dos|di|del|della|von|vom|van|der|den|la|le|el|al|bin|of|the|by|and|und|et|y|e|i|és|și|og|och|ja|for|via|en)(?:",
            capital!(),
            ")?)"
        )
    };
}

/// A word of a name in a script without capitals. Vowel signs of Indic scripts count as characters.
macro_rules! uncased {
    () => {
        r"[[\p{Lo}\p{M}\p{Nd}'.·/()@:|-]--[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]]{1,28}"
    };
}

/// Patterns that many rules share: name, pattern, and what it matches.
pub(crate) const SHAPES: &[(&str, &str, &str)] = &[
    (
        "bullet",
        r"[»›>→←↑«‹•▶►◆■●★☆◎※▼▲➡➤➜➔⬇⬆⤵👉👇📌📍✅✔📲📱📧✉🔴🔵🟢⚠ℹ📺🎧🎙📷📸🎥📹📰🗞📢📣🔔⭐⚡✍💬❗🔗💡🗣🔎🛑\u{fe0f}*·|=#_+<(\[【〈《「『—-]* ?",
        "bullets, arrows and opening brackets before a line, or nothing",
    ),
    (
        "arrow",
        r"[»›>→←↑«‹▶►◆■★☆※▼▲➡➤➜➔⬇⬆⤵👉👇📌📍✅✔📲📱📧✉🔴🔵🟢⚠ℹ📺🎧🎙📷📸🎥📹📰🗞📢📣🔔⭐⚡✍💬❗🔗💡🗣🔎🛑\u{fe0f}|=#_+<(\[【〈《「『—-]* ?",
        "arrows and opening brackets before a line, but no bullets of lists, or nothing",
    ),
    (
        "end",
        r" ?[»›>→↑↓•▶►◆■▼▲➡➤➜➔⬇⬆⤵👉👇📌📍✅✔📲📱📧✉🔴🔵🟢⚠ℹ📺🎧🎙📷📸🎥📹📰🗞📢📣🔔⭐⚡✍💬❗🔗💡🗣🔎🛑\u{fe0f}*·|=#_+>)\]】〉》」』:.!?…。।۔؟—-]*",
        "a final mark, arrows and closing brackets, or nothing",
    ),
    ("label-end", r" ?(?:[:|»→>/]|[—-] ) ?", "a colon, bar, arrow or dash after a label"),
    (
        "networks",
        r"{network}(?:(?:, ?| ?[/|·•、&+] ?|,? ?{and} ?| ){network})*",
        "a list of networks",
    ),
    (
        "name",
        // Words are separated by single spaces, so that there is one way to divide a text into them.
        concat!(
            "(?-i:",
            cased!(),
            "(?: ",
            cased!(),
            "){0,9} ?)|",
            uncased!(),
            "(?: ",
            uncased!(),
            r"){0,3} ?|[\p{Thai} .]{2,16}|[\p{Han}\p{Katakana}ー・=/()A-Za-z]{2,9}",
        ),
        "names: words with a capital, or a few words in a script without capitals",
    ),
    (
        "headline",
        r#"(?-i:[^\p{Ll}\s]).{2,200}(?:[^.。।۔։:;,!?"'»)\]… ]["'»)\]]?|…|\.\.\.|[!?])"#,
        "a headline: no small letter at the start, no full stop at the end",
    ),
    (
        "speech",
        r#"(?:[,،"'»] ?(?:[^ ,]+ ){0,9}|[,،、」』"»][^。、,]{0,12}){saying}| {saying} ?[.।۔]$"#,
        "a verb of saying after a quotation or a comma, or at the end of a sentence",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::matcher::Matcher;

    /// Whether the shape `name` matches a complete text. `None` if this takes too many steps.
    fn is_name(text: &str) -> Option<bool> {
        let (_, name, _) = SHAPES.iter().find(|(shape, ..)| *shape == "name")?;
        let hir = regex_syntax::parse(&format!("^(?:{name})$")).expect("the shape is a regex");
        let matcher = Matcher::new(&hir, &[].into()).expect("the matcher supports the shape");
        matcher.find(text, 0, &mut |_| {}).ok().map(|found| found.is_some())
    }

    #[test]
    fn names_are_words_with_a_capital_or_of_a_script_without() {
        let names = [
            "Max Muster",
            "Jane van der Doe/AFP",
            "iStock.com/Jane",
            "eThekwini / Facebook",
            "बीबीसी हिंदी",
            "எடுத்துக்காட்டு டைம்ஸ்",
            "新華社",
        ];
        for name in names {
            assert_eq!(is_name(name), Some(true), "{name}");
        }
        for other in ["the man said", "Max said", "Max  Muster", "Max!"] {
            assert_eq!(is_name(other), Some(false), "{other}");
        }
    }

    #[test]
    fn a_text_that_is_no_name_is_rejected_in_few_steps() {
        for word in ["ABCDEFGHIJKLMNOPQRSTUVWXYZ", "/-|/-|/-|/-|/-|/-|/-|/-|/-|", "ക്ഷക്ഷക്ഷക്ഷക്ഷക്ഷ"]
        {
            assert_eq!(
                is_name(&format!("{}no!", format!("{word} ").repeat(8))),
                Some(false),
                "{word}"
            );
        }
    }
}
