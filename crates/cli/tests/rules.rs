//! The commands for rule files and new outlets, as people use them.

mod common;

use std::fs;

use common::{ARTICLE, Folder, code, text};

#[test]
fn rule_files_are_kept_for_the_next_run_and_changes_are_seen() {
    let folder = Folder::new();
    let rule = |text: &str| {
        let rule = format!("  - {{id: x, stage: promo, text: {text}, keeps: [y]}}\n");
        folder.write("rules/x.yaml", &format!("outlet: x\nrules:\n{rule}"));
    };
    let page = format!("{ARTICLE}\nOne line\nOther line\n");
    folder.write("page.txt", &page);
    let clean = |cache: &str| {
        let arguments = ["clean", "-", "--no-ledger", "-q", "--rules", "rules", "--outlet", "x"];
        let mut command = folder.command(&arguments);
        let input = fs::File::open(folder.path("page.txt")).unwrap();
        command.stdin(input).env("CHAFFINCH_CACHE_DIR", cache);
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    let cache = folder.path("cache");
    let kept = || fs::read_dir(&cache).map_or(0, Iterator::count);
    for text in ["One line", "Other line", "One line"] {
        rule(text);
        let left = clean(cache.to_str().unwrap());
        assert_eq!(left, page.replace(&format!("\n{text}"), ""));
        assert_eq!(kept(), 1);
    }
    fs::remove_dir_all(&cache).unwrap();
    assert_eq!(clean(""), page.replace("\nOne line", ""));
    assert_eq!(kept(), 0);
}

#[test]
fn a_rule_file_is_learned_from_samples_and_used() {
    let folder = Folder::new();
    let mut rows = String::new();
    for (i, (title, sentence)) in STORIES[..3].iter().enumerate() {
        let text = format!(
            "{title}\n\n{sentence}\n\n{sentence} Or so it was told in the town on day {i}.\n\nExample Post, all day, every day\n"
        );
        rows.push_str(&format!("{}\n", serde_json::json!({"outlet": "example.org", "text": text})));
        rows.push_str(&format!("{}\n", serde_json::json!({"outlet": "other.org", "text": format!("Other News\n\n{sentence}\n\nOther News")})));
    }
    folder.write("news.jsonl", &rows);
    let output = folder.run(&[
        "outlet",
        "new",
        "example",
        "news.jsonl",
        "--where",
        "outlet=example.org",
        "-o",
        "example.yaml",
    ]);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    assert!(
        text(&output.stderr).contains("from 3 stories in 3 documents"),
        "{}",
        text(&output.stderr)
    );
    folder.write("rules/example.yaml", &folder.read("example.yaml"));
    let page = format!("{}\n\n{ARTICLE}\nExample Post, all day, every day\n", "A title of today");
    let output =
        folder.pipe(&["clean", "-", "--no-ledger", "--quiet", "--rules", "rules"], page.as_bytes());
    assert_eq!(text(&output.stdout), format!("A title of today\n\n{ARTICLE}"));
    let (code, said) =
        folder.refused(&["outlet", "new", "example", "corpus/a.txt", "-o", "example.yaml"]);
    assert_eq!(code, 2);
    insta::assert_snapshot!(said, @"error: example.yaml already exists; update it with `chaffinch outlet update`, or give another file with -o");
    let (code, said) = folder.refused(&["outlet", "new", "example", "corpus/a.txt"]);
    assert_eq!(code, 2);
    insta::assert_snapshot!(said, @"error: there is only one story in the samples, so boilerplate and article cannot be distinguished; give documents of at least 2 different stories");
}

const BROKEN: &str = r"outlet: x
rules:
  - id: eats
    stage: site-footer
    where: anywhere
    line: '[A-Z]\w+ \w+ .{0,60}'
    removes: [Just one line]
    keeps: ['a line']
  - id: idle
    stage: tags
    line: 'Filed: .+'
    removes: ['Field: x']
    keeps: [Filed away]
";

#[test]
fn rule_files_are_checked_against_their_cases() {
    let folder = Folder::new();
    let shipped = folder.run(&["rules", "check"]);
    assert_eq!(code(&shipped), 0, "{}", text(&shipped.stdout));
    folder.write("x.yaml", BROKEN);
    let output = folder.run(&["rules", "check", "x.yaml"]);
    assert_eq!(code(&output), 1);
    let said = text(&output.stdout);
    for part in [
        "x.yaml: ",
        "of the clean article de.txt\n --> x.yaml:3:9\n",
        "error[case]: x/idle: is not removed by this rule: the pattern does not match it",
        "11 |     line: 'Filed: .+'\n   |            ^^^^^^^^^ add to `removes` a text such as \"Filed: something\"",
        "2 rules, ",
    ] {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
    std::fs::create_dir(folder.path("empty")).unwrap();
    let (exit, refused) = folder.refused(&["rules", "check", "empty"]);
    assert_eq!((exit, refused.as_str()), (2, "error: empty contains no rule file (*.yaml)"));
    // No findings in the built-in outlets.
    assert!(!said.contains("rules/"), "{said}");
    folder.write("y.yaml", "outlet: y\nrules:\n  - id: near\n    stage: tags\n    line: 'Another .+'\n    removes: [Another day]\n    keeps: [Another line]\n");
    let said = text(&folder.run(&["rules", "check", "y.yaml"]).stdout);
    assert!(said.contains("y/near: must be kept, but y/near cuts \"Another line"), "{said}");
    folder.write("y.yaml", &folder.read("y.yaml").replace("Another line", "An other line"));
    let unnoticed = text(&folder.run(&["rules", "check", "y.yaml", "--mutate"]).stdout);
    assert!(
        unnoticed.contains(
            "warning[unnoticed]: y/near: no case notices if `where` is changed to `anywhere`"
        ),
        "{unnoticed}"
    );
}

#[test]
fn findings_are_printed_for_programs_too() {
    let folder = Folder::new();
    folder.write("x.yaml", BROKEN);
    let output = folder.run(&["rules", "check", "x.yaml", "--format", "github"]);
    let line = "::error file=x.yaml,line=11,endLine=11,col=12,endColumn=21,title=missing-case::x/idle: no case for this pattern; add to";
    assert!(text(&output.stdout).contains(line), "{}", text(&output.stdout));
    let output = folder.run(&["rules", "check", "x.yaml", "--format", "json"]);
    let rows: Vec<serde_json::Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let idle = rows.iter().find(|row| row["code"] == "missing-case").unwrap();
    assert_eq!(
        (&idle["file"], &idle["line"], &idle["column"]),
        (&"x.yaml".into(), &11.into(), &12.into())
    );
    let output = folder.run(&["rules", "check", "x.yaml", "--format", "sarif"]);
    let log: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let known: Vec<&serde_json::Value> =
        run["tool"]["driver"]["rules"].as_array().unwrap().iter().map(|rule| &rule["id"]).collect();
    let results = run["results"].as_array().unwrap();
    assert!(results.len() > 3);
    for result in results {
        assert!(known.contains(&&result["ruleId"]), "{result}");
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "x.yaml");
        assert!(place["region"]["startLine"].as_u64().unwrap() >= 3);
    }
}

#[test]
fn rules_can_be_shown_and_patterns_tried() {
    let folder = Folder::new();
    let shown = text(&folder.run(&["rules", "show", "presstv/breadcrumb"]).stdout);
    for part in [
        "yaml (built in)",
        "stage      navigation",
        "where      head",
        "removes    News / Politics",
    ] {
        assert!(shown.contains(part), "{shown}");
    }
    let (code, said) = folder.refused(&["rules", "show", "presstv/bread"]);
    assert_eq!(code, 2);
    insta::assert_snapshot!(said, @r#"error: unknown rule "presstv/bread"; did you mean presstv/breadcrumb?"#);
    let tried = folder.run(&["rules", "try", "SHARE .+", "corpus"]);
    assert_eq!(text(&tried.stdout), "a.txt:5: SHARE THIS ARTICLE\n1 cut in 1 of 2 documents\n");
    let (code, said) = folder.refused(&["rules", "try", "SHARE (", "corpus"]);
    assert_eq!(code, 2);
    assert!(said.contains("unclosed group"), "{said}");
}

#[test]
fn why_a_line_stayed_is_explained() {
    let folder = Folder::new();
    let body = [
        "The minister told reporters on Tuesday that the talks would go on.",
        "Officials from seven countries took part in the meeting, which was held.",
        "No date was set for the next round, but diplomats expect it to take place.",
        "The ministry said it would publish the full text of the agreement by then.",
    ];
    let [first, rest @ ..] = body;
    let rest = rest.join("\n\n");
    folder.write(
        "page.txt",
        &format!("Talks to go on\n\n{first}\n\nPress TV News Roku\nFILED: A\nFiled: a b c d e f\nFiled: a b\nshare this article\n\n{rest}\n"),
    );
    folder.write(
        "rules/x.yaml",
        "outlet: x
rules:
  - {id: case, stage: tags, where: tail, line: 'FILED: .+', removes: ['FILED: ab'], keeps: [x]}
  - {id: words, stage: tags, where: anywhere, max_words: 3, line: 'Filed: .+', removes: ['Filed: ab'], keeps: [x]}
  - {id: kept, stage: tags, where: anywhere, text: 'Filed: a b', action: keep, keeps: ['Filed: a b']}
  - {id: block, stage: related, where: anywhere, from: 'FILED: A', through: Done, removes: [\"FILED: A\\nDone\"], keeps: [x]}
",
    );
    folder.write(
        "rules/y.yaml",
        "outlet: y\nrules:\n  - {id: other, stage: tags, text: Press TV News Roku, keeps: [x]}\n",
    );
    let mut shown = String::new();
    for line in 5..=9 {
        let place = format!("page.txt:{line}");
        let arguments = ["explain", "--why-not", &place, "--rules", "rules", "--outlet", "x"];
        shown.push_str(&text(&folder.run(&arguments).stdout));
        shown.push('\n');
    }
    insta::assert_snapshot!(shown.trim(), @r#"
    page.txt:5: Press TV News Roku
    zone: head, among the first lines; outlet: x

    y/other  outlet: it applies only to documents of y

    page.txt:6: FILED: A
    zone: body; outlet: x

    x/case   place: it acts only at `where: tail`
    x/words  case: it would match with `ignore_case: true`
    x/block  block: its last line does not follow within 12 lines or is out of place

    page.txt:7: Filed: a b c d e f
    zone: body; outlet: x

    x/case   case: it would match with `ignore_case: true`
    x/words  words: the line has 7, and `max_words` is 3
    x/kept   whole lines: it matches only "Filed: a b"

    page.txt:8: Filed: a b
    zone: body; outlet: x

    x/case   case: it would match with `ignore_case: true`
    x/words  a `keep` rule protects the line
    x/kept   action: it only records fields or gives hints to a detector

    page.txt:9: share this article
    zone: body; outlet: x

    the line is removed by generic/share-buttons/share/en
    "#);
    // A row of JSON Lines; the same for programs.
    let row = serde_json::json!({"text": folder.read("page.txt")}).to_string();
    folder.write("rows.jsonl", &format!("{{}}\n{row}\n"));
    let arguments = ["explain", "--why-not", "rows.jsonl:2:5", "--format", "json"];
    let shown: serde_json::Value = serde_json::from_slice(&folder.run(&arguments).stdout).unwrap();
    assert_eq!(
        (&shown["text"], &shown["zone"]),
        (&"Press TV News Roku".into(), &"head, among the first lines".into())
    );
    assert_eq!(folder.refused(&["explain", "--why-not", "page.txt:99"]).0, 2);
    assert_eq!(folder.refused(&["explain", "--why-not", "page.txt"]).0, 2);
}

#[test]
fn the_damage_cap_is_named_as_a_reason() {
    let folder = Folder::new();
    folder.write("rules/x.yaml", "outlet: x\nrules:\n  - {id: eats, stage: tags, where: anywhere, line: '[A-Z].+', removes: [Ab], keeps: [x]}\n");
    let arguments = ["explain", "--why-not", "corpus/a.txt:3", "--rules", "rules", "--outlet", "x"];
    let shown = text(&folder.run(&arguments).stdout);
    assert!(shown.contains("x/eats  cap: "), "{shown}");
}

#[test]
fn examples_are_tested_and_updated() {
    let folder = Folder::new();
    let file = "# A comment.\noutlet: ex\nexamples:     # whole\n  - text: |\n      A title\n\n      The minister said on Tuesday that the talks would go on.\n\n      SHARE THIS ARTICLE\n    clean: |\n      A title\n\n      The minister said on Monday that the talks would go on.\n\n  # second\n  - {text: \"x\", clean: \"x\"}\n";
    folder.write("ex.yaml", file);
    let output = folder.run(&["rules", "test", "ex.yaml"]);
    assert_eq!(code(&output), 1);
    insta::assert_snapshot!(text(&output.stdout), @"
    ex.yaml: example 1
        A title
        
      - The minister said on Monday that the talks would go on.
      + The minister said on Tuesday that the talks would go on.

    2 examples; 1 not as expected: fix the rules, or accept the results with --accept
    ");
    assert_eq!(folder.read("ex.yaml"), file);
    let output = folder.run(&["rules", "test", "ex.yaml", "--accept"]);
    assert_eq!(code(&output), 0);
    assert!(text(&output.stdout).ends_with("2 examples; 1 rewritten in 1 file\n"));
    assert_eq!(folder.read("ex.yaml"), file.replace("Monday", "Tuesday"));
    let output = folder.run(&["rules", "test", "ex.yaml"]);
    assert_eq!(text(&output.stdout), "2 examples, all as expected\n");
}

#[test]
fn what_a_rule_did_in_the_last_run_is_shown() {
    let folder = Folder::new();
    let shown = || text(&folder.run(&["rules", "show", "generic/share-buttons/share/en"]).stdout);
    assert!(!shown().contains("last run"));
    folder.run(&["clean", "corpus", "-o", "out"]);
    assert!(
        shown().contains("last run   1 cut, 20 bytes, in 1 of 2 documents (out)"),
        "{}",
        shown()
    );
    let arguments = ["rules", "show", "generic/share-buttons/share/en", "--run", "corpus"];
    assert_eq!(folder.refused(&arguments).0, 2);
}

#[test]
fn schemas_are_printed() {
    let folder = Folder::new();
    let schema: serde_json::Value =
        serde_json::from_slice(&folder.run(&["rules", "schema"]).stdout).unwrap();
    assert_eq!(schema["properties"]["rules"]["items"]["additionalProperties"], false);
    let schema: serde_json::Value =
        serde_json::from_slice(&folder.run(&["pipeline", "--schema"]).stdout).unwrap();
    assert_eq!(schema["title"], "Chaffinch pipeline file");
}

#[test]
fn rule_files_that_are_attacks_are_refused_with_their_place() {
    let folder = Folder::new();
    let rule = |line: &str| {
        format!(
            "outlet: x\nrules:\n  - {{id: a, stage: tags, line: '{line}', removes: [x], keeps: [y]}}\n"
        )
    };
    let laughs = (1..9).fold(
        "outlet: x\na0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned(),
        |text, n| {
            let below = vec![format!("*a{}", n - 1); 9].join(", ");
            format!("{text}a{n}: &a{n} [{below}]\n")
        },
    );
    let long = rule(&"a".repeat(5 << 20));
    let deep = format!("outlet: x\nrules: {}\n", "[".repeat(20_000));
    let cases = [
        ("tab", "outlet: x\nrules:\n\t- id: a\n", "bad.yaml:3:1"),
        ("bomb", &rule(r"(?:\w{1,200}\w{1,200}){1,200}"), "bad.yaml:3:32"),
        ("nested", &rule(&"(".repeat(9_000)), "bad.yaml:3:"),
        ("long", &long, "over 1 MiB"),
        ("laughs", &laughs, "bad.yaml"),
        ("deep", &deep, "bad.yaml"),
        ("up", "outlet: ../x\n", "bad.yaml:1:9"),
        ("hidden", "outlet: ..\n", "bad.yaml:1:9"),
        ("circle", "family: x\nextends: [x]\n", "bad.yaml:2:11"),
        (
            "twice",
            "outlet: x\nrules:\n  - {id: a, stage: tags, text: b, keeps: [c]}\n  - {id: a, stage: tags, text: b, keeps: [c]}\n",
            "bad.yaml:4:10",
        ),
        ("unknown", "outlet: x\nrulez: []\n", "bad.yaml:2:1"),
        (
            "stage",
            "outlet: x\nrules:\n  - {id: a, stage: tag, text: b, keeps: [c]}\n",
            "bad.yaml:3:20",
        ),
    ];
    for (name, source, place) in cases {
        folder.write("rules/bad.yaml", source);
        for arguments in [
            &["rules", "check", "rules/bad.yaml"][..],
            &["clean", "corpus", "-o", "out", "--rules", "rules"],
        ] {
            let (code, said) = folder.refused(arguments);
            let short: String = said.chars().take(600).collect();
            assert_eq!(code, 2, "{name}: {short}");
            assert!(said.contains(place), "{name}: {place} is not in {short}");
            assert!(!folder.path("out").exists(), "{name}: nothing is written");
        }
    }
}

const STORIES: [(&str, &str); 4] = [
    (
        "Dock workers end their strike",
        "Cranes moved again in the port this morning after nine days without a ship.",
    ),
    (
        "Storks return to the wetlands",
        "Three dry years had kept the birds away from their nests in the north.",
    ),
    (
        "Chess club wins away from home",
        "Five boards to three was the score when the last clock stopped at midnight.",
    ),
    (
        "School roof to be mended",
        "Rain had come through the ceiling of the gym since a storm in January.",
    ),
];

/// A page of an outlet with this line under each story.
fn page(number: usize, line: &str) -> String {
    let (title, sentence) = STORIES[number];
    format!(
        "{title}\n\n{sentence}\n\n{sentence} Or so it was told in the town on day {number}.\n\n{line}\n"
    )
}

#[test]
fn a_new_rule_file_has_its_schema_beside_it_and_grows_with_samples() {
    let folder = Folder::new();
    for number in 0..3 {
        folder.write(
            &format!("pages/{number}.txt"),
            &page(number, "Example Post, all day, every day"),
        );
    }
    let output = folder.run(&["outlet", "new", "example", "pages", "-o", "mine/example.yaml"]);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    assert!(folder.read("mine/rule-file.schema.json").contains("Chaffinch rule file"));
    assert!(
        folder
            .read("mine/example.yaml")
            .starts_with("# yaml-language-server: $schema=rule-file.schema.json\n")
    );
    let before = folder.read("mine/example.yaml");
    let output = folder.run(&["outlet", "update", "mine/example.yaml", "pages"]);
    assert_eq!(
        text(&output.stderr),
        "nothing new in 3 documents; mine/example.yaml is unchanged\n"
    );
    assert_eq!(folder.read("mine/example.yaml"), before);
    for number in 0..4 {
        folder.write(
            &format!("more/{number}.txt"),
            &page(number, "Example Post, all day, every day\nExample Post on the radio"),
        );
    }
    let output = folder.run(&["outlet", "update", "mine/example.yaml", "more", "-o", "-"]);
    assert!(text(&output.stdout).contains("Example Post on the radio"), "{}", text(&output.stderr));
    assert_eq!(folder.read("mine/example.yaml"), before, "with -o, the file stays");
    assert_eq!(code(&folder.run(&["outlet", "update", "mine/example.yaml", "more"])), 0);
    assert!(folder.read("mine/example.yaml").contains("Example Post on the radio"));
    assert_eq!(code(&folder.run(&["rules", "check", "mine/example.yaml"])), 0);
}

#[test]
fn samples_without_rules_to_learn_are_reported_and_nothing_is_written() {
    let folder = Folder::new();
    folder.write("one/a.txt", &page(0, "Example Post"));
    for number in 0..2 {
        folder.write(&format!("same/{number}.txt"), &page(0, "Example Post"));
        folder.write(&format!("empty/{number}.txt"), " \n\n");
        folder.write(
            &format!("mixed/a{number}.txt"),
            &page(number, "Example Post, all day\nExample Post, all night"),
        );
        folder.write(
            &format!("mixed/b{number}.txt"),
            &page(number + 2, "Nordblatt am Morgen\nNordblatt am Abend"),
        );
    }
    folder.write(
        "languages/de.txt",
        "Ein Titel\n\nDer Minister sagte am Dienstag, dass die Gespräche noch lange weitergehen.\n",
    );
    folder.write("languages/fr.txt", "Un titre\n\nLe ministre a dit mardi que les discussions allaient se poursuivre longtemps.\n");
    folder.write(
        "languages/en.txt",
        "A title\n\nThe minister said on Tuesday that the talks would go on for a long time.\n",
    );
    std::fs::create_dir(folder.path("binary")).unwrap();
    std::fs::write(folder.path("binary/a.txt"), [0; 64]).unwrap();
    std::fs::create_dir(folder.path("none")).unwrap();
    let mut shown = String::new();
    for name in ["one", "same", "empty", "binary", "mixed", "languages", "none", "nowhere"] {
        let (exit, said) = folder.refused(&["outlet", "new", "example", name, "-o", "x.yaml"]);
        assert_eq!(exit, 2, "{name}: {said}");
        assert!(!folder.path("x.yaml").exists(), "{name}: nothing is written");
        shown.push_str(&format!("{name}: {said}\n"));
    }
    insta::assert_snapshot!(shown, @"
    one: error: there is only one story in the samples, so boilerplate and article cannot be distinguished; give documents of at least 2 different stories
    same: error: there is only one story in the samples, so boilerplate and article cannot be distinguished; give documents of at least 2 different stories
    empty: error: no samples to learn from: 0.txt: it is empty (and 1 more)
    binary: error: no samples to learn from: a.txt: binary data; if it is text, give its encoding with --encoding
    mixed: error: the samples look like 2 outlets that share no line: (a0.txt, a1.txt) and (b0.txt, b1.txt); learn them separately, select one with --where FIELD=VALUE, or use --together if they belong to one outlet
    languages: error: nothing repeats across the samples except text that the generic rules already remove; give more samples, or check that all belong to one outlet and layout
    none: error: no samples to learn from: no documents were found
    nowhere: error: nowhere: there is no such file or directory
    ");
    let by_field = ["outlet", "new", "example", "mixed", "--where", "outlet=x"];
    let (exit, said) = folder.refused(&by_field);
    assert_eq!(exit, 2);
    insta::assert_snapshot!(said, @"error: --where outlet=x: a0.txt has no fields; give files of records, such as JSON Lines, or omit --where");
    let (exit, said) = folder.refused(&["outlet", "new", "generic", "one", "-o", "x.yaml"]);
    assert_eq!(exit, 2);
    insta::assert_snapshot!(said, @r#"error: "generic" begins the ids of built-in rules; choose another name"#);
    let (exit, said) = folder.refused(&["outlet", "new", "../up", "one", "-o", "x.yaml"]);
    assert_eq!(exit, 2);
    insta::assert_snapshot!(said, @r#"error: "../up": a name consists of a-z, 0-9, `-`, `.` and `_` and begins with a letter or digit"#);
    // Inputs that are not documents are reported; rules are learned from the others.
    folder.write("most/a.txt", &page(0, "Example Post, all day"));
    folder.write("most/b.txt", &page(1, "Example Post, all day"));
    folder.write("most/c.txt", "");
    let output = folder.run(&["outlet", "new", "example", "most", "-o", "x.yaml"]);
    assert_eq!((code(&output), folder.path("x.yaml").exists()), (0, true));
    assert!(
        text(&output.stderr).contains("skipped: c.txt: it is empty"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn layouts_that_share_no_line_are_learned_together_if_asked_for() {
    let folder = Folder::new();
    let mut rows = String::new();
    for number in 0..4 {
        let footer = [
            "Example Post, all day\nExample Post, all night",
            "Nordblatt am Morgen\nNordblatt am Abend",
        ];
        let text = page(number, footer[number / 2]);
        folder.write(&format!("pages/{number}.txt"), &text);
        rows += &format!("{}\n", serde_json::json!({"paper": "both", "text": text}));
        rows += &format!("{}\n", serde_json::json!({"paper": "other", "text": "Nothing"}));
    }
    folder.write("rows.jsonl", &rows);
    let (exit, said) = folder.refused(&["outlet", "new", "both", "pages"]);
    assert_eq!(exit, 2);
    assert!(said.contains("--together"), "{said}");
    for arguments in [&["pages", "--together"][..], &["rows.jsonl", "--where", "paper=both"]] {
        let output = folder.run(&[&["outlet", "new", "both"], arguments].concat());
        let (yaml, shown) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(code(&output), 0, "{shown}");
        assert!(shown.contains("2 layouts or languages that share no line"), "{shown}");
        assert!(yaml.contains("Example Post, all day") && yaml.contains("Nordblatt am Abend"));
    }
}

/// Rows of an outlet: its story, a footer, the month.
fn rows(month: &str, count: usize, footer: &str) -> String {
    let row = |number: usize| {
        let story = format!(
            "Story {number} of {month}\n\nThe number {number} was drawn in {month} by a child of the {number}th house.\n\n\
             Nobody in house {number} would say what {month} had to do with it, or with the child."
        );
        let text = format!("{story}\n\n{footer}\n");
        let date = format!("{month}-{:02}T08:00:00Z", 1 + number % 28);
        let url = format!("https://example.org/{number}");
        format!("{}\n", serde_json::json!({"url": url, "date": date, "text": text}))
    };
    (0..count).map(row).collect()
}

const FOOTERED: &str = "outlet: example
recognise: {hosts: [example.org]}
rules:
  - id: footer   # since ever
    stage: site-footer
    where: tail
    text: Example Post, all day
    keeps: [x]
";

#[test]
fn rules_that_stopped_are_reported_and_new_ones_proposed() {
    let folder = Folder::new();
    folder.write("rules/example.yaml", FOOTERED);
    let (old, new) = ("Example Post, all day", "Example Post by night\nAsk the Example Post");
    folder.write("may/a.jsonl", &rows("2026-05", 20, old));
    folder.write("june/a.jsonl", &rows("2026-06", 15, new));
    folder.write("both/a.jsonl", &[rows("2026-05", 20, old), rows("2026-06", 15, new)].concat());
    for name in ["may", "june", "both"] {
        let out = format!("{name}-out");
        assert_eq!(
            code(&folder.run(&["clean", name, "-o", &out, "--rules", "rules", "--quiet"])),
            0
        );
    }
    let output = folder.run(&[
        "rules",
        "drift",
        "may-out",
        "june-out",
        "--propose",
        "proposed",
        "--rules",
        "rules",
    ]);
    assert_eq!(code(&output), 1);
    insta::assert_snapshot!(text(&output.stdout), @"
    example: 20 documents before, 15 in the last run
      example/footer  matched in 20 of 20 documents, in the last run in 0 of 15
      tail            0.0 lines left below the article per document, in the last run 2.0

    1 of 1 outlets drifted
    ");
    insta::assert_snapshot!(text(&output.stderr), @"
    example: example/footer: until 2026-06-01
    example: tail-site-footer: new, since 2026-06-01
    example: proposed rule file: proposed/example.yaml
    ");
    let proposed = folder.read("proposed/example.yaml");
    let ended = FOOTERED
        .replace("    stage: site-footer\n", "    stage: site-footer\n    until: '2026-06-01'\n");
    assert!(proposed.starts_with(&ended), "{proposed}");
    assert!(proposed.contains("    since: 2026-06-01\n"), "{proposed}");
    let inside = folder.run(&["rules", "drift", "both-out"]);
    assert_eq!(code(&inside), 1);
    insta::assert_snapshot!(text(&inside.stdout), @"
    example: 20 documents before, 15 since 2026-06
      example/footer  matched in 20 of 20 documents, since 2026-06 in 0 of 15
      tail            0.0 lines left below the article per document, since 2026-06 2.0

    1 of 1 outlets drifted
    ");
    // With what was proposed, both layouts are clean.
    assert_eq!(code(&folder.run(&["rules", "check", "proposed/example.yaml"])), 0);
    folder.run(&["clean", "both", "-o", "again", "--rules", "proposed", "--quiet"]);
    let cleaned = folder.read("again/a.jsonl");
    assert!(!cleaned.contains("Example Post"), "{}", &cleaned[cleaned.len() - 800..]);
    let steady = folder.run(&["rules", "drift", "may-out", "may-out", "--format", "json"]);
    assert_eq!((code(&steady), text(&steady.stdout)), (0, String::new()));
    let (exit, said) = folder.refused(&["rules", "drift", "rules"]);
    assert_eq!(
        (exit, said.as_str()),
        (2, "error: rules is not the output of a run: it has no .chaffinch/ledger")
    );
}

#[test]
fn a_rule_is_skipped_in_one_language_or_in_all() {
    let folder = Folder::new();
    let page = "A title of the day\n\nThe minister told reporters on Tuesday that the talks would go on.\n\nArtikel teilen\n";
    folder.write("page.txt", page);
    let rule = "generic/share-buttons/share/de";
    let cuts = |skip: &str| {
        let arguments = ["explain", "page.txt", "--format", "json", "--skip", skip];
        text(&folder.run(&arguments).stdout).contains(&format!("\"{rule}\""))
    };
    assert!(cuts("generic/share-buttons/share/fr"));
    assert!(!cuts(rule) && !cuts("generic/share-buttons/share"));
    for part in ["generic/share-buttons/shar", "generic/share-buttons"] {
        assert_eq!(folder.refused(&["explain", "page.txt", "--skip", part]).0, 2, "{part}");
    }
}

#[test]
fn the_lexicon_is_shown_by_kind_and_language() {
    let folder = Folder::new();
    let shown = |arguments: &[&str]| {
        let output = folder.run(&[&["rules", "lexicon"], arguments].concat());
        assert_eq!(code(&output), 0, "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let overview = shown(&[]);
    for line in ["  {read-also} ", "  {bullet} ", "  uk   Ukrainian "] {
        assert!(overview.contains(line), "{overview}");
    }
    // The entries of each language, as in its file; a user's folder replaces languages.
    let own = "lexicon: sw\nname: Swahili\nkinds:\n  share:\n    entries: [\"shiriki (hii|habari)\"]\n    removes: [Shiriki hii]\n    keeps: [Alisema kuwa atashiriki hii leo.]\n";
    folder.write("own/lexicon/sw.yaml", own);
    let swahili = ["share", "--language", "sw", "--rules", "own"];
    assert_eq!(
        shown(&swahili),
        "{share}  Share prompts and reader tools: print, copy link, save.\n  sw   shiriki (hii|habari)\n"
    );
    let programs = shown(&[&swahili[..], &["--format", "json"]].concat());
    let programs: serde_json::Value = serde_json::from_str(&programs).unwrap();
    assert_eq!(programs, serde_json::json!({"share": {"sw": ["shiriki (hii|habari)"]}}));
    let refused = |arguments: &[&str]| folder.refused(&[&["rules", "lexicon"], arguments].concat());
    assert!(refused(&["shere"]).1.contains("did you mean \"share\"?"));
    assert!(refused(&["--language", "xx"]).1.contains("unknown language \"xx\""));
}

#[test]
fn rule_files_may_have_a_byte_order_mark_and_must_be_utf_8() {
    let folder = Folder::new();
    let rule = "  - {id: x, stage: promo, text: One line, keeps: [Another text]}\n";
    folder.write("x.yaml", &format!("\u{feff}outlet: presstv\nname: X\nrules:\n{rule}"));
    let output = folder.run(&["rules", "check", "x.yaml"]);
    assert_eq!(code(&output), 0, "{}{}", text(&output.stdout), text(&output.stderr));
    folder.write("x.yaml", "\u{feff}outlet: X\nname: X\n");
    let (exit, said) = folder.refused(&["rules", "check", "x.yaml"]);
    assert_eq!(exit, 2);
    assert!(said.contains("--> x.yaml:1:9\n"), "{said}");
    fs::write(folder.path("x.yaml"), b"outlet: x\nname: K\xf6ln\n").unwrap();
    let update = ["outlet", "update", "x.yaml", "corpus"];
    for command in [&["rules", "check", "x.yaml"][..], &update, &["pipeline", "--rules", "."]] {
        let (exit, said) = folder.refused(command);
        assert_eq!(exit, 2);
        for part in
            ["the file is not valid UTF-8", "x.yaml:2:8\n", "name: K�ln", "save it as UTF-8"]
        {
            assert!(said.contains(part), "{part} is not in\n{said}");
        }
    }
}
