//! Runs into a store have the output of a run into a directory, also after the store failed midway.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering};

use chaffinch_core::Pipeline;
use chaffinch_formats::{Error, Job, Object, Output, Store, Summary};
use common::tree_except;

/// A store that is a folder and that fails after `left` more objects.
struct Folder {
    address: &'static str,
    root: PathBuf,
    left: AtomicIsize,
}

impl Store for Folder {
    fn address(&self) -> &str {
        self.address
    }

    fn list(&self) -> io::Result<Box<dyn Iterator<Item = io::Result<Object>> + Send>> {
        let object = |(name, bytes): (String, Vec<u8>)| {
            Ok(Object { name, bytes: bytes.len() as u64, modified: 0 })
        };
        Ok(Box::new(files(&self.root).into_iter().map(object)))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(fs::File::open(self.root.join(name))?))
    }

    fn put(&self, name: &str, file: &Path) -> io::Result<()> {
        if self.left.fetch_sub(1, Ordering::Relaxed) <= 0 {
            return Err(io::Error::other("the line is dead"));
        }
        let path = self.root.join(name);
        fs::create_dir_all(path.parent().unwrap_or(&self.root))?;
        fs::copy(file, path).map(drop)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.root.join(name))
    }
}

/// Names and bytes of all files except `run.json`, which contains times. The folder may not exist.
fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    if !root.exists() {
        return BTreeMap::new();
    }
    let name = |path: PathBuf| path.to_str().unwrap().to_owned();
    tree_except(root, "run.json").into_iter().map(|(path, bytes)| (name(path), bytes)).collect()
}

fn clean(input: &Path, output: Output) -> Result<Summary, Error> {
    let pipeline = Pipeline::shipped().unwrap();
    let mut job = Job::new(&pipeline, vec![input.to_owned()], output);
    job.shard_bytes = Some(1 << 19);
    job.run(&(), &AtomicBool::new(false))
}

#[test]
fn a_store_that_failed_midway_gets_the_output_of_a_directory() {
    let scratch = tempfile::tempdir().unwrap();
    let path = |name: &str| scratch.path().join(name);
    fs::create_dir(path("in")).unwrap();
    let article = "The minister told reporters on Tuesday that the talks would go on.";
    for i in 0..70 {
        fs::write(path("in").join(format!("{i:02}.txt")), format!("{article}\nPrint\n")).unwrap();
    }
    let row = serde_json::json!({"text": format!("{article}\n\nSHARE THIS ARTICLE")}).to_string();
    fs::write(path("in").join("rows.jsonl"), (row + "\n").repeat(20_000)).unwrap();
    clean(&path("in"), Output::Directory(path("wanted"))).unwrap();
    let wanted = files(&path("wanted"));
    assert!(wanted.contains_key("rows-00002.jsonl"), "several shards: {:?}", wanted.keys());

    let folder = |left| {
        let (address, root) = ("s3://folder", path("store"));
        let left = AtomicIsize::new(left);
        let store: Arc<dyn Store> = Arc::new(Folder { address, root, left });
        Output::Store(store, path("work"))
    };
    for most in [0, 1, 30, 70, 72, 73, 76, 78] {
        let failed = clean(&path("in"), folder(most));
        assert!(matches!(failed, Err(Error::Output(..))), "{most}: {failed:?}");
        let done = clean(&path("in"), folder(isize::MAX)).unwrap();
        assert_eq!(done.documents, 20_070);
        assert!(done.resumed > 0 || most < 64, "{most}: it started again");
        assert!(files(&path("store")) == wanted, "{most}: {:?}", files(&path("store")).keys());
        assert!(!path("work").exists());
    }

    // A file of others is refused, also beside the output of an unfinished run.
    let letter = path("store").join("letter.txt");
    assert!(clean(&path("in"), folder(68)).is_err());
    fs::remove_dir_all(path("work")).unwrap();
    fs::write(&letter, "Dear Sir").unwrap();
    let refused = clean(&path("in"), folder(isize::MAX));
    assert!(matches!(refused, Err(Error::Usage(message)) if message.contains("letter.txt")));
    fs::remove_file(&letter).unwrap();
    clean(&path("in"), folder(isize::MAX)).unwrap();
    assert!(files(&path("store")) == wanted);

    // A store with files that no run wrote is refused, and they are kept.
    fs::remove_dir_all(path("store")).unwrap();
    fs::create_dir(path("store")).unwrap();
    fs::write(path("store").join("letter.txt"), "Dear Sir").unwrap();
    let refused = clean(&path("in"), folder(isize::MAX));
    assert!(matches!(refused, Err(Error::Usage(message)) if message.contains("letter.txt")));
    assert_eq!(files(&path("store")).keys().collect::<Vec<_>>(), ["letter.txt"]);
    assert!(!path("work").exists(), "a refused run leaves no files");
}

#[test]
fn a_run_does_not_resume_in_another_store() {
    let scratch = tempfile::tempdir().unwrap();
    let path = |name: &str| scratch.path().join(name);
    fs::create_dir(path("in")).unwrap();
    for i in 0..200 {
        fs::write(path("in").join(format!("{i:03}.txt")), "So it was.\n").unwrap();
    }
    let into = |address, left| {
        let (root, left) = (path(address), AtomicIsize::new(left));
        fs::create_dir_all(&root).unwrap();
        let store: Arc<dyn Store> = Arc::new(Folder { address, root, left });
        clean(&path("in"), Output::Store(store, path("work")))
    };
    assert!(matches!(into("one", 100), Err(Error::Output(..))));
    let done = into("other", isize::MAX).unwrap();
    assert_eq!((done.documents, done.resumed), (200, 0));
    let count = files(&path("other")).keys().filter(|name| name.ends_with(".txt")).count();
    assert_eq!(count, 201, "200 documents and the list of them");
}

#[test]
fn output_in_a_store_is_replaced_only_if_it_can_be_made_again() {
    let scratch = tempfile::tempdir().unwrap();
    let path = |name: &str| scratch.path().join(name);
    for file in ["in/a.txt", "in/b.txt", "other/a.txt"] {
        fs::create_dir_all(path(file).parent().unwrap()).unwrap();
        fs::write(path(file), "So it was.\n").unwrap();
    }
    fs::create_dir(path("store")).unwrap();
    let into = |input: &str| {
        let (root, left) = (path("store"), AtomicIsize::new(isize::MAX));
        let store: Arc<dyn Store> = Arc::new(Folder { address: "s3://folder", root, left });
        clean(&path(input), Output::Store(store, path("work")))
    };
    into("in").unwrap();
    into("in").unwrap();
    let before = files(&path("store"));
    let refused = |input, problem: &str| match into(input) {
        Err(Error::Usage(message)) => assert!(message.contains(problem), "{message}"),
        other => panic!("{:?}", other.map(|summary| summary.documents)),
    };
    refused("other", "s3://folder contains the output of an earlier run, which had other inputs");
    fs::remove_file(path("in/a.txt")).unwrap();
    refused("in", "a.txt is no longer in its input");
    assert!(before == files(&path("store")));
}
