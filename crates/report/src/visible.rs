use std::borrow::Cow;
use std::fmt::Write;

/// `text` with every control character and invisible character written as an escape, such as
/// `\u{1b}`. Tabs become spaces.
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

/// `text` as JSON, with the same characters written as JSON escapes.
pub(crate) fn visible_json(text: &str) -> String {
    let mut shown = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => shown.extend(['\\', c]),
            c if is_hidden(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(shown, "\\u{unit:04x}");
                }
            }
            c => shown.push(c),
        }
    }
    shown.push('"');
    shown
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
    fn no_text_controls_a_terminal() {
        assert_eq!(visible("a\u{1b}[31mb\u{9b}c\r\u{202e}d"), "a\\u{1b}[31mb\\u{9b}c\\r\\u{202e}d");
        let odd = "a\"\\\u{1b}\n\u{202e}\u{e0041}ß";
        let json = visible_json(odd);
        assert_eq!(json, r#""a\"\\\u001b\u000a\u202e\udb40\udc41ß""#);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), odd);
        assert!(matches!(visible("Straße, می\u{200c}خواهم"), Cow::Borrowed(_)));
    }
}
