//! A rerun has the output of a full run, byte for byte, and cleans few documents again.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use chaffinch_core::Pipeline;
use chaffinch_formats::{Error, Job, Output, RECORD, Records, Rerun, rerun};
use common::tree_except;

const OUTLET: &str = "\
outlet: valley
recognise:
  hosts: [valley.example]
  paths: ['**/valley/**']
  signs: ['Valley Post, your valley in one place']
extends: [hills]
rules:
  - {id: crumb, stage: navigation, where: head, line: 'Home > (?<section>\\w+)', removes: ['Home > News'], keeps: [x]}
  - {id: credit, stage: credits, end: '\\(vp\\)', removes: ['So it is. ⟦(vp)⟧'], keeps: [x]}
  - {id: stay, stage: share-buttons, where: anywhere, text: 'Share the land', action: keep, keeps: ['Share the land']}
  - {id: name, stage: normalise, where: anywhere, inside: 'Vally', replace: Valley, removes: ['The ⟦Vally⟧ is wide'], keeps: [x]}
  - {id: block, stage: related, where: tail, from: 'More from the valley', through: 'All news', max_lines: 6, removes: [\"More from the valley\\nx\\nAll news\"], keeps: [x]}
  - {id: sign-off, stage: site-footer, text: 'Valley Post, your valley in one place', keeps: [x]}
";

const FAMILY: &str = "\
family: hills
rules:
  - {id: tip, stage: promo, where: tail, line: 'Tips\\? Write to .+', removes: ['Tips? Write to us'], keeps: [x]}
";

const OTHER: &str = "\
outlet: coast
recognise: {hosts: [coast.example], paths: ['**/coast/**']}
rules:
  - {id: foot, stage: site-footer, where: tail, line: 'Coast Daily .+', removes: ['Coast Daily 2024'], keeps: [x]}
";

const LINES: &[&str] = &[
    "Home > News",
    "Share the land",
    "SHARE THIS ARTICLE",
    "Facebook",
    "Twitter",
    "Print",
    "More from the valley",
    "All news",
    "Valley Post, your valley in one place",
    "Tips? Write to the desk",
    "Coast Daily 2024 edition",
    "Related articles",
    "Seven killed in clash",
    "Read also: The talks go on",
    "© 2024 Valley Post. All rights reserved.",
    "Photo: Reuters",
    "www.valley.example",
    "A heading of its own",
    "",
    "",
    "",
];

const SENTENCES: &[&str] = &[
    "The minister told reporters on Tuesday that the talks would go on for two days.",
    "People in the Vally said that they had not been asked about any of the plans. (vp)",
    "Nobody in the two towns along the river expected the water to rise so quickly.",
    "“We will be there again next year, whatever they say,” the mayor told the crowd.",
];

/// A small generator of pseudorandom numbers with a fixed seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % most
    }

    fn document(&mut self) -> String {
        let mut lines = Vec::new();
        for part in 0..3 {
            for _ in 0..self.below(if part == 1 { 2 } else { 6 }) {
                lines.push(LINES[self.below(LINES.len())]);
            }
            if part < 2 {
                for _ in 0..1 + self.below(4) {
                    lines.push(SENTENCES[self.below(SENTENCES.len())]);
                    lines.push("");
                }
            }
        }
        lines.join("\n") + "\n"
    }
}

/// Documents of every container that is rerun.
fn corpus(root: &Path) {
    let mut numbers = Numbers(7);
    for at in 0..60 {
        let folder = root.join(["valley", "coast", "other"][at % 3]);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{at}.txt")), numbers.document()).unwrap();
    }
    fs::write(
        root.join("other/latin.txt"),
        b"Caf\xe9 au lait est bon.\r\n\r\nSHARE THIS ARTICLE\r\n",
    )
    .unwrap();
    fs::write(root.join("other/bytes.bin"), b"\0\x01\x02\xff").unwrap();
    let mut rows = String::new();
    for at in 0..200 {
        let host = ["valley.example", "coast.example", "other.example"][at % 3];
        let text = serde_json::to_string(&numbers.document()).unwrap();
        rows.push_str(&format!(
            "{{\"id\": {at}, \"url\": \"https://{host}/{at}\", \"text\": {text}}}\n"
        ));
        if at % 40 == 0 {
            rows.push_str("\n{\"text\": 7}\n");
        }
    }
    fs::write(root.join("rows.jsonl"), &rows).unwrap();
    fs::write(root.join("packed.jsonl.zst"), zstd::encode_all(rows.as_bytes(), 3).unwrap())
        .unwrap();
    let mut wet =
        String::from("WARC/1.0\r\nWARC-Type: warcinfo\r\nContent-Length: 0\r\n\r\n\r\n\r\n");
    for at in 0..60 {
        let text = numbers.document();
        let host = ["valley.example", "coast.example"][at % 2];
        wet.push_str(&format!(
            "WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: https://{host}/{at}\r\n\
             Content-Length: {}\r\n\r\n{text}\r\n\r\n",
            text.len()
        ));
    }
    fs::write(root.join("crawl.wet"), wet).unwrap();
}

fn pipeline(files: &[(&str, &str)]) -> Pipeline {
    let mut builder = Pipeline::builder();
    for (name, text) in files {
        builder = builder.rule_file(name, text);
    }
    builder.build().unwrap()
}

fn usual() -> Vec<(&'static str, &'static str)> {
    vec![("valley.yaml", OUTLET), ("hills.yaml", FAMILY), ("coast.yaml", OTHER)]
}

fn without(pipeline: &Pipeline, rules: &[&str]) -> Pipeline {
    let off: Vec<_> =
        rules.iter().map(|rule| pipeline.find_rule(rule).expect("it is known")).collect();
    pipeline.without(|rule| off.contains(&rule))
}

fn clean(pipeline: &Pipeline, input: &Path, out: &Path) {
    clean_all(pipeline, vec![input.to_owned()], None, out);
}

fn clean_all(pipeline: &Pipeline, inputs: Vec<PathBuf>, shard_bytes: Option<u64>, out: &Path) {
    let mut job = Job::new(pipeline, inputs, Output::Directory(out.to_owned()));
    job.shard_bytes = shard_bytes;
    job.run(&(), &AtomicBool::new(false)).unwrap();
}

/// All files of a run, without the duration in `run.json`.
fn left(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = tree_except(root, "run.json");
    let name = Path::new(RECORD).join("run.json");
    let run = fs::read(root.join(&name)).unwrap();
    let mut run: serde_json::Value = serde_json::from_slice(&run).unwrap();
    run.as_object_mut().unwrap().remove("seconds");
    files.insert(name, run.to_string().into_bytes());
    files
}

struct Scene {
    _folder: tempfile::TempDir,
    root: PathBuf,
}

impl Scene {
    fn new() -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        corpus(&root.join("in"));
        Scene { _folder: folder, root }
    }

    /// Cleans with one pipeline, reruns with another, and compares the result with a full run.
    fn check(&self, name: &str, before: &Pipeline, after: &Pipeline) -> Rerun {
        let path = |what: &str| self.root.join(format!("{name}-{what}").replace('/', "-"));
        let (first, again, full) = (path("first"), path("again"), path("full"));
        clean(before, &self.root.join("in"), &first);
        clean(after, &self.root.join("in"), &full);
        let input = self.root.join("in-away");
        // A rerun does not need the input.
        fs::rename(self.root.join("in"), &input).unwrap();
        let done = rerun(&first, Some(&again), after, &(), &AtomicBool::new(false)).unwrap();
        fs::rename(&input, self.root.join("in")).unwrap();
        let (got, wanted) = (left(&again), left(&full));
        let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&got), names(&wanted), "{name}");
        for (file, bytes) in &wanted {
            if &got[file] == bytes {
                continue;
            }
            let lines = |bytes: &[u8]| -> Vec<String> {
                let plain = zstd::decode_all(bytes).unwrap_or_else(|_| bytes.to_vec());
                String::from_utf8_lossy(&plain).lines().map(str::to_owned).collect()
            };
            let (got, wanted) = (lines(&got[file]), lines(bytes));
            let other = got.iter().zip(&wanted).find(|(got, wanted)| got != wanted);
            panic!("{name}: {} differs: {other:?}", file.display());
        }
        for run in [&first, &again, &full] {
            fs::remove_dir_all(run).unwrap();
        }
        done
    }
}

#[test]
fn each_rule_can_be_undone_and_done_again() {
    let scene = Scene::new();
    let with = pipeline(&usual());
    let out = scene.root.join("all");
    clean(&with, &scene.root.join("in"), &out);
    // The rules with cuts, and two that affect documents without being in the ledger.
    let mut rules = vec!["valley/stay".to_owned(), "generic/related/heading/en".to_owned()];
    let mut records = Records::of_run(&out).unwrap();
    while let Some(record) = records.next().unwrap() {
        for edit in &record.undo.edits {
            let rule = &records.rules()[edit.rule as usize].id;
            if !rules.contains(rule) && !rule.starts_with("stage/") {
                rules.push(rule.clone());
            }
        }
    }
    assert!(rules.len() > 12, "{rules:?}");
    for rule in &rules {
        let off = without(&with, &[rule]);
        let done = scene.check(rule, &with, &off);
        // Without the model, it is unknown which lines it would judge differently.
        let all = rule == "generic/lines/model";
        assert!(all || done.cleaned_again < done.summary.documents, "{rule}: all cleaned again");
        scene.check(rule, &off, &with);
    }
}

#[test]
fn a_rerun_with_a_changed_rule_file_has_the_output_of_a_full_run() {
    let scene = Scene::new();
    let before = pipeline(&usual());
    let changed = |file: &str, from: &str, to: &str| {
        let files = usual();
        let text = files.iter().find(|(name, _)| *name == file).unwrap().1;
        assert!(text.contains(from), "{from}");
        let text = text.replace(from, to);
        let files: Vec<_> =
            files.iter().map(|(n, t)| (*n, if *n == file { text.as_str() } else { *t })).collect();
        pipeline(&files)
    };
    let line_of = |id: &str| {
        OUTLET.lines().find(|line| line.contains(&format!("id: {id},"))).unwrap().to_owned() + "\n"
    };
    let new_rule = "  - {id: heading, stage: tags, where: anywhere, line: 'A heading .+', removes: ['A heading x'], keeps: [x]}\n  - {id: tip";
    let cases = [
        ("pattern", changed("valley.yaml", "Home > (?<section>", "Home > N(?<section>"), true),
        (
            "place",
            changed(
                "valley.yaml",
                "stage: related, where: tail",
                "stage: related, where: anywhere",
            ),
            true,
        ),
        ("keep-gone", changed("valley.yaml", &line_of("stay"), ""), true),
        ("replace", changed("valley.yaml", "replace: Valley", "replace: Vale"), true),
        ("rule-gone", changed("valley.yaml", &line_of("block"), ""), true),
        ("family", changed("hills.yaml", "  - {id: tip", new_rule), true),
        (
            "new",
            changed(
                "coast.yaml",
                "rules:\n",
                "rules:\n  - {id: print, stage: share-buttons, where: anywhere, text: Print, keeps: [x]}\n",
            ),
            true,
        ),
        (
            "keep",
            changed(
                "coast.yaml",
                "rules:\n",
                "rules:\n  - {id: print, stage: share-buttons, where: anywhere, text: Facebook, action: keep, keeps: [Facebook]}\n",
            ),
            true,
        ),
        // It matches what another rule leaves of a line, and nothing in the source.
        (
            "left",
            changed(
                "valley.yaml",
                "rules:\n",
                "rules:\n  - {id: left, stage: tags, where: anywhere, line: 'People .+ plans\\.', removes: ['People in plans.'], keeps: [x]}\n",
            ),
            true,
        ),
        // A document's outlet may change, so all documents are cleaned again.
        ("host", changed("coast.yaml", "coast.example", "other.example"), false),
    ];
    for (name, after, spares) in &cases {
        let done = scene.check(name, &before, after);
        assert_eq!(done.cleaned_again < done.summary.documents, *spares, "{name}");
        scene.check(name, after, &before);
    }
}

#[test]
fn unchanged_documents_are_not_cleaned_again() {
    let scene = Scene::new();
    let pipeline = pipeline(&usual());
    let done = scene.check("same", &pipeline, &pipeline);
    let sure = done.summary.count(chaffinch_core::Verdict::Cleaned)
        + done.summary.count(chaffinch_core::Verdict::Unchanged);
    assert_eq!(done.cleaned_again, done.summary.documents - sure);
    let one = scene.check("one", &pipeline, &without(&pipeline, &["coast/foot"]));
    let more = one.cleaned_again - done.cleaned_again;
    assert!(more > 0 && more < done.summary.documents / 3, "{more}");
}

#[test]
fn reruns_of_several_inputs_and_of_shards_have_the_output_of_full_runs() {
    let scene = Scene::new();
    let (before, input) = (pipeline(&usual()), scene.root.join("in"));
    let after = without(&before, &["coast/foot", "valley/crumb"]);
    let inputs =
        || ["rows.jsonl", "valley", "packed.jsonl.zst"].map(|name| input.join(name)).to_vec();
    for shard_bytes in [None, Some(20_000)] {
        let path = |what: &str| scene.root.join(format!("{what}-{shard_bytes:?}"));
        clean_all(&before, inputs(), shard_bytes, &path("first"));
        clean_all(&after, inputs(), shard_bytes, &path("full"));
        let stop = AtomicBool::new(false);
        let done = rerun(&path("first"), Some(&path("again")), &after, &(), &stop).unwrap();
        assert!(done.cleaned_again < done.summary.documents * 9 / 10, "{}", done.cleaned_again);
        let (got, wanted) = (left(&path("again")), left(&path("full")));
        assert!(got.keys().eq(wanted.keys()));
        for (file, bytes) in &wanted {
            assert!(&got[file] == bytes, "{}", file.display());
        }
    }
}

#[test]
fn a_run_is_replaced_completely_or_not_at_all() {
    let scene = Scene::new();
    let (before, out) = (pipeline(&usual()), scene.root.join("out"));
    let after = without(&before, &["coast/foot"]);
    clean(&before, &scene.root.join("in"), &out);
    let old = left(&out);
    let around = || fs::read_dir(&scene.root).unwrap().count();
    let others = around();
    let in_place = |stop: bool| rerun(&out, None, &after, &(), &AtomicBool::new(stop));
    // Files of others would be deleted too.
    fs::write(out.join("mine.txt"), "x").unwrap();
    assert!(matches!(in_place(false), Err(Error::Usage(message)) if message.contains("mine.txt")));
    assert_eq!(fs::read_to_string(out.join("mine.txt")).unwrap(), "x");
    fs::remove_file(out.join("mine.txt")).unwrap();
    assert!(in_place(true).unwrap().summary.interrupted);
    assert!(left(&out) == old && around() == others);
    in_place(false).unwrap();
    clean(&after, &scene.root.join("in"), &scene.root.join("full"));
    assert!(left(&out) == left(&scene.root.join("full")) && around() == others + 1);
}

#[test]
fn what_a_killed_rerun_left_is_removed() {
    let scene = Scene::new();
    let (before, out) = (pipeline(&usual()), scene.root.join("out"));
    clean(&before, &scene.root.join("in"), &out);
    let others = fs::read_dir(&scene.root).unwrap().count();
    let left = scene.root.join(".chaffinch-rerun-out");
    let in_place = || rerun(&out, None, &before, &(), &AtomicBool::new(false));
    let refused = |part: &str| match in_place() {
        Err(Error::Usage(message)) => assert!(message.contains(part), "{message}"),
        other => panic!("{:?}", other.map(|done| done.cleaned_again)),
    };
    // Killed between the two steps of the exchange.
    for name in ["old", "new", "originals/in"] {
        fs::create_dir_all(left.join(name)).unwrap();
    }
    refused("only copy");
    assert!(left.join("old").exists());
    fs::remove_dir(left.join("old")).unwrap();
    // The other rerun is still running.
    let running = fs::File::open(&out).unwrap();
    running.try_lock().unwrap();
    refused("another run is writing");
    assert!(left.join("originals/in").exists());
    drop(running);
    in_place().unwrap();
    assert_eq!(fs::read_dir(&scene.root).unwrap().count(), others);
}

#[test]
fn runs_that_cannot_be_rerun_are_refused() {
    let scene = Scene::new();
    let pipeline = pipeline(&usual());
    let again = |run: &Path| {
        let out = scene.root.join("again");
        let stop = AtomicBool::new(false);
        match rerun(run, Some(&out), &pipeline, &(), &stop) {
            Err(Error::Usage(message)) => message,
            other => panic!("{other:?}"),
        }
    };
    assert!(again(&scene.root).contains("is not the output of a run"));
    let out = scene.root.join("sample");
    let mut job = Job::new(&pipeline, vec![scene.root.join("in")], Output::Directory(out.clone()));
    job.sample = Some(5);
    job.run(&(), &AtomicBool::new(false)).unwrap();
    assert!(again(&out).contains("is a sample; clean the input again"));
    let out = scene.root.join("edited");
    clean(&pipeline, &scene.root.join("in"), &out);
    fs::write(out.join("valley/0.txt"), "other words").unwrap();
    let message = again(&out);
    assert!(message.contains("valley/0.txt cannot be restored"), "{message}");
    assert!(!scene.root.join("again").exists());
}

#[test]
fn a_rerun_replaces_only_output_that_it_can_make_again() {
    let scene = Scene::new();
    let path = |name: &str| scene.root.join(name);
    let pipeline = pipeline(&usual());
    clean(&pipeline, &path("in"), &path("first"));
    let again = |out: &str| {
        let stop = AtomicBool::new(false);
        rerun(&path("first"), Some(&path(out)), &pipeline, &(), &stop)
    };
    // An earlier output of the same inputs.
    again("again").unwrap();
    let made = left(&path("again"));
    again("again").unwrap();
    assert!(left(&path("again")) == made);
    // That of other inputs.
    fs::create_dir(path("other")).unwrap();
    fs::write(path("other/a.txt"), "The only copy\nof a story.\n").unwrap();
    clean(&pipeline, &path("other"), &path("kept"));
    let kept = left(&path("kept"));
    match again("kept") {
        Err(Error::Usage(message)) => assert!(message.contains("which had other inputs (")),
        other => panic!("{other:?}"),
    }
    assert!(left(&path("kept")) == kept);
    // That of the same input, with a file that the first run did not have.
    fs::write(path("in/late.txt"), "A late story\nof the day.\n").unwrap();
    clean(&pipeline, &path("in"), &path("late"));
    match again("late") {
        Err(Error::Usage(message)) => assert!(message.contains("late.txt is not in "), "{message}"),
        other => panic!("{other:?}"),
    }
    // The output of the run itself is replaced in place.
    again("first").unwrap();
    assert!(left(&path("first")) == made);
}
