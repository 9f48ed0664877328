//! Parts of messages: counted nouns, and texts quoted in them. The crates that report to people use
//! them, so that messages of all commands read alike.

/// The maximum number of characters of a quoted text.
const MOST_QUOTED: usize = 100;

/// A count with its noun in singular or plural.
pub fn counted(count: u64, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

/// The first hundred characters of a text, in quotes and escaped, with `…` if there are more.
pub fn quoted(text: &str) -> String {
    let shown: String = text.chars().take(MOST_QUOTED).collect();
    format!("{shown:?}{}", if shown.len() < text.len() { "…" } else { "" })
}
