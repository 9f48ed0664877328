//! The commands for rule files and new outlets, as people use them.

mod common;

use common::{ARTICLE, Folder, code, text};

#[test]
fn a_rule_file_is_learned_from_samples_and_used() {
    let folder = Folder::new();
    let stories = [
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
    ];
    let mut rows = String::new();
    for (i, (title, sentence)) in stories.iter().enumerate() {
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
    insta::assert_snapshot!(said, @"error: example.yaml is there already; name another file with -o");
    let (code, said) = folder.refused(&["outlet", "new", "example", "corpus/a.txt"]);
    assert_eq!(code, 2);
    insta::assert_snapshot!(said, @"error: the samples carry 1 story; give documents of 2 different stories or more");
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
fn rule_files_are_held_to_their_proof() {
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
    // Nobody else's findings: the outlets that ship are there to be left alone.
    assert!(!said.contains("rules/"), "{said}");
    folder.write("y.yaml", "outlet: y\nrules:\n  - id: near\n    stage: tags\n    line: 'Another .+'\n    removes: [Another day]\n    keeps: [Another line]\n");
    let said = text(&folder.run(&["rules", "check", "y.yaml"]).stdout);
    assert!(said.contains("y/near: must stay, but y/near cuts \"Another line"), "{said}");
    folder.write("y.yaml", &folder.read("y.yaml").replace("Another line", "An other line"));
    let unnoticed = text(&folder.run(&["rules", "check", "y.yaml", "--mutate"]).stdout);
    assert!(
        unnoticed.contains("warning[unnoticed]: y/near: no case notices if it acts anywhere"),
        "{unnoticed}"
    );
}

#[test]
fn findings_are_told_to_programs_too() {
    let folder = Folder::new();
    folder.write("x.yaml", BROKEN);
    let output = folder.run(&["rules", "check", "x.yaml", "--format", "github"]);
    let line = "::error file=x.yaml,line=11,endLine=11,col=12,endColumn=21,title=missing-case::x/idle: no case shows this pattern; add to";
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
    for part in ["stage      navigation", "where      head", "removes    News / Politics"] {
        assert!(shown.contains(part), "{shown}");
    }
    let (code, said) = folder.refused(&["rules", "show", "presstv/bread"]);
    assert_eq!(code, 2);
    insta::assert_snapshot!(said, @r#"error: there is no rule "presstv/bread"; there are presstv/breadcrumb"#);
    let tried = folder.run(&["rules", "try", "SHARE .+", "corpus"]);
    assert_eq!(text(&tried.stdout), "a.txt:5: SHARE THIS ARTICLE\n1 cut in 1 of 2 documents\n");
    let (code, said) = folder.refused(&["rules", "try", "SHARE (", "corpus"]);
    assert_eq!(code, 2);
    assert!(said.contains("unclosed group"), "{said}");
}
