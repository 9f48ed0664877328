//! Marked texts, which `cases.rs` and `pages.rs` clean: each line says whether it stays. The snapshots
//! of the seed documents are in `seeds.rs`. `CONTRIBUTING.md` has the format.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Whether a line stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The line belongs to the article.
    Stays,
    /// The line is boilerplate.
    Goes,
    /// Either is fine.
    Either,
}

/// A text whose lines are marked.
#[derive(Clone, Debug)]
pub struct Case {
    /// The name of its file.
    pub name: String,
    /// Its lines without their marks.
    pub lines: Vec<(Mark, String)>,
}

impl Case {
    /// Reads all `.case` files of a folder, in the order of their names.
    ///
    /// # Panics
    /// A file cannot be read, a line has no mark, or the folder has no cases.
    pub fn read_all(folder: &str) -> Vec<Case> {
        files(folder, "case").iter().map(|path| Case::read(path)).collect()
    }

    fn read(path: &Path) -> Case {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(path).expect("it can be read");
        let lines = text.lines().enumerate().map(|(at, line)| {
            let mark = match line.chars().next() {
                Some('=') => Mark::Stays,
                Some('-') => Mark::Goes,
                Some('?') => Mark::Either,
                _ => panic!("{}:{}: a line starts with `=`, `-` or `?`", path.display(), at + 1),
            };
            (mark, line[1..].to_owned())
        });
        Case { lines: lines.collect(), name }
    }

    /// The text without the marks.
    pub fn text(&self) -> String {
        self.lines.iter().map(|(_, line)| format!("{line}\n")).collect()
    }

    /// Whether a line has this mark.
    pub fn has(&self, mark: Mark) -> bool {
        self.lines.iter().any(|(other, _)| *other == mark)
    }

    /// For each line that has words and must stay or go: its index, its mark, and whether it stays in
    /// this output.
    pub fn fates(&self, output: &str) -> Vec<(usize, Mark, bool)> {
        let mut left = BTreeMap::<&str, usize>::new();
        for line in output.lines() {
            *left.entry(line.trim()).or_default() += 1;
        }
        let mut fates = Vec::new();
        for (at, (mark, line)) in self.lines.iter().enumerate() {
            if *mark == Mark::Either || line.trim().is_empty() {
                continue;
            }
            let copies = left.entry(line.trim()).or_default();
            fates.push((at, *mark, *copies > 0));
            *copies = copies.saturating_sub(1);
        }
        fates
    }
}

/// The files of a folder with this extension, in the order of their names.
///
/// # Panics
/// The folder cannot be read, or has none.
pub fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let paths = entries.map(|entry| entry.expect("it can be read").path());
    let mut files: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|it| it == extension)).collect();
    files.sort();
    assert!(!files.is_empty(), "{folder} has no .{extension}");
    files
}
