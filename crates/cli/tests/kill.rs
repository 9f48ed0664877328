//! A killed run resumes, and its output equals that of an uninterrupted run: a hundred runs over
//! several containers are killed at random moments.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use common::{ARTICLE, Folder, code, text};

/// Kills over each kind of corpus: a hundred over directories, compressed rows and Parquet.
const KILLS: u32 = 34;

/// All files below a folder, except `run.json`, which contains the duration of the run.
fn tree(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_none_or(|name| name != "run.json") {
                files.insert(path.strip_prefix(root).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// Pseudorandom numbers with a fixed seed (Marsaglia's xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

fn killed_and_killed_again(folder: &Folder, options: &[&str]) {
    let clean = [&["clean", "in", "-o", "out", "-j", "2"], options].concat();
    let started = std::time::Instant::now();
    let whole = folder.run(&[&["clean", "in", "-o", "whole", "-j", "2"], options].concat());
    let took = started.elapsed();
    assert_eq!(code(&whole), 0, "{}", text(&whole.stderr));
    let wanted = tree(&folder.path("whole"));
    let mut random = Random(88_172_645_463_325_252);
    let (mut kills, mut ends) = (0, 0);
    while kills < KILLS || ends == 0 {
        let said = fs::File::create(folder.path("said")).unwrap();
        let mut child = folder.command(&clean).stdout(Stdio::null()).stderr(said).spawn().unwrap();
        // After enough kills, let one run finish.
        if kills < KILLS {
            let most = took.as_micros() as u64 + 1;
            std::thread::sleep(Duration::from_micros(random.below(most)));
            child.kill().unwrap();
        }
        let status = child.wait().unwrap();
        if status.code().is_none() {
            kills += 1;
            continue;
        }
        assert_eq!(status.code(), Some(0), "{}", folder.read("said"));
        ends += 1;
        let found = tree(&folder.path("out"));
        let names = |tree: &BTreeMap<PathBuf, Vec<u8>>| tree.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&found), names(&wanted), "after {kills} kills");
        for (name, bytes) in &found {
            assert!(*bytes == wanted[name], "{} differs after {kills} kills", name.display());
        }
        fs::remove_dir_all(folder.path("out")).unwrap();
    }
}

fn page(number: usize) -> String {
    let chaff = if number.is_multiple_of(2) { "\nSHARE THIS ARTICLE\n" } else { "" };
    format!(
        "{ARTICLE}\nOfficials met for the {number}th time behind closed doors on Monday.\n{chaff}"
    )
}

/// JSON Lines, a page a row.
fn rows(count: usize) -> String {
    let row = |id| serde_json::json!({"id": id, "text": page(id)}).to_string() + "\n";
    (0..count).map(row).collect()
}

#[test]
fn over_a_directory() {
    let folder = Folder::new();
    // Several blocks of files.
    for number in 0..600 {
        let sentence = "The delegations read the draft again, line by line, until the evening.\n";
        let text = page(number) + &sentence.repeat(50);
        folder.write(&format!("in/{:02}/{number}.txt", number % 17), &text);
    }
    killed_and_killed_again(&folder, &[]);
}

#[test]
fn over_compressed_rows() {
    let folder = Folder::new();
    let rows = zstd::encode_all(rows(20_000).as_bytes(), 3).unwrap();
    fs::create_dir(folder.path("in")).unwrap();
    for name in ["a.jsonl.zst", "b.jsonl.zst"] {
        fs::write(folder.path("in").join(name), &rows).unwrap();
    }
    killed_and_killed_again(&folder, &[]);
}

#[test]
fn over_rows_into_texts() {
    let folder = Folder::new();
    let rows = rows(900);
    // The texts of one container are written while another is being read.
    for name in ["a", "b", "c"] {
        folder.write(&format!("in/{name}.jsonl"), &rows);
    }
    killed_and_killed_again(&folder, &["--to", "text"]);
}

#[test]
#[cfg(feature = "parquet")]
fn over_parquet() {
    let folder = Folder::new();
    // Long paragraphs, so that there are several row groups.
    let long = "The minister said that the talks would go on. ".repeat(400);
    let rows: String = (0..3000)
        .map(|id| {
            let text = format!("{}\n{long}\n\nSHARE THIS ARTICLE\n", page(id));
            serde_json::json!({"id": id, "text": text}).to_string() + "\n"
        })
        .collect();
    folder.write("rows.jsonl", &rows);
    let made = folder.run(&["clean", "rows.jsonl", "-o", "in", "--to", "parquet"]);
    assert_eq!(code(&made), 0, "{}", text(&made.stderr));
    fs::remove_dir_all(folder.path("in/.chaffinch")).unwrap();
    // Each row group is a file.
    killed_and_killed_again(&folder, &["--shard-bytes", "1KiB"]);
}
