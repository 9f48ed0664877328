//! Names of the files that a run writes for one input: shards, and texts of single records.

use super::names;

/// The file for the text of a record.
pub(crate) fn text_name(file: &str, record: u64) -> String {
    format!("{file}/{record:08}.txt")
}

/// If `name` may be a file that a run wrote for the records of an input, or a shard: the name of
/// that input.
pub(crate) fn written_for(name: &str) -> Option<String> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if let Some((file, text)) = name.rsplit_once('/')
        && text.strip_suffix(".txt").is_some_and(digits)
    {
        return Some(file.to_owned());
    }
    unsharded(name)
}

/// The name of a shard of `name`, with the same extensions.
pub(crate) fn shard(name: &str, number: u64) -> String {
    let name = names::fit_shard(name);
    let name = name.as_str();
    let (folder, file) = name.rsplit_once('/').map_or(("", name), |(folder, file)| (folder, file));
    let (stem, endings) = file.split_once('.').map_or((file, ""), |(stem, ends)| (stem, ends));
    let slash = if folder.is_empty() { "" } else { "/" };
    let dot = if endings.is_empty() { "" } else { "." };
    format!("{folder}{slash}{stem}-{number:05}{dot}{endings}")
}

/// The name of the file that a shard belongs to.
fn unsharded(name: &str) -> Option<String> {
    let start = name.rfind('/').map_or(0, |at| at + 1);
    let stem = name[start..].split('.').next()?;
    let (before, number) = stem.rsplit_once('-')?;
    let fits = number.len() == 5 && number.bytes().all(|b| b.is_ascii_digit());
    let stem_end = start + stem.len();
    fits.then(|| format!("{}{before}{}", &name[..start], &name[stem_end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_shards_and_texts_contain_the_name_of_their_file() {
        assert_eq!(shard("a/news.jsonl.gz", 7), "a/news-00007.jsonl.gz");
        assert_eq!(shard("news", 0), "news-00000");
        for name in ["a/news.jsonl.gz", "news", "a.b/c-d.wet"] {
            assert_eq!(written_for(&shard(name, 12)).as_deref(), Some(name));
            assert_eq!(written_for(&text_name(name, 3)).as_deref(), Some(name));
        }
        assert_eq!(written_for("a/notes.txt"), None);
        assert_eq!(written_for("news-7.jsonl"), None);
    }
}
