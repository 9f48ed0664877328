//! Shapes: patterns that many rules share, such as bullets before a line. A rule names a shape as
//! `{shape}` in its pattern.

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
        r#"(?-i:(?:[\p{Lu}\p{Lt}\d©@(\[/«"'|+&—-][^\s!?]*|de|da|do|dos|di|del|della|von|vom|van|der|den|la|le|el|al|bin|of|the|by|and|und|et|y|e|i|és|și|og|och|ja|for|via|en) ?){1,10}|(?:[[\p{Lo}\p{M}\p{Nd}'.·/()@:|-]--[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]]{1,14} ?){1,4}|[\p{Thai} .]{2,16}|[\p{Han}\p{Katakana}ー・=/()A-Za-z]{2,9}"#,
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
