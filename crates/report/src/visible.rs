use std::borrow::Cow;
use std::fmt::Write;

/// `text` with every character that a terminal obeys or a reader cannot see written as an escape,
/// such as `\u{1b}`. Tabs become spaces.
pub fn visible(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| !is_hidden(c)) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => shown.push_str("    "),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            c if is_hidden(c) => {
                // Writing to a string cannot fail.
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
            }
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{a0}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}' | '\u{2060}'..='\u{206f}'
        )
        || matches!(c, '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{202f}')
        || matches!(c, '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_a_terminal() {
        assert_eq!(visible("a\u{1b}[31mb\u{9b}c\r\u{202e}d"), "a\\u{1b}[31mb\\u{9b}c\\r\\u{202e}d");
        assert!(matches!(visible("Straße, می\u{200c}خواهم"), Cow::Borrowed(_)));
    }
}
