//! Reviewing what a change of rules does: diff, rerun, report, apply-review.

mod common;

use std::fs;
use std::process::Command;

use common::{Folder, code, text};
use serde_json::Value;

const RULES: &str = "\
outlet: valley
recognise: {signs: ['Valley Post, your valley']}
rules:
  - id: crumb
    stage: navigation
    where: head
    line: 'Vale : (?<section>\\w+)'
    removes: ['Vale : News']
    keeps: [Vale again]
  - id: sign-off
    stage: site-footer
    text: 'Valley Post, your valley'
    keeps: [x]
";

const SENTENCE: &str = "The minister told reporters on Tuesday that the talks would go on.";

fn scene() -> Folder {
    let folder = Folder::new();
    folder.write("rules/valley.yaml", RULES);
    for (at, section) in ["News", "News", "Sport"].iter().enumerate() {
        let page = format!(
            "Vale : {section}\n\nA title {at}\n\n{SENTENCE}\n\nA heading\n\n{SENTENCE} Nobody \
             asked why.\n\nValley Post, your valley\n"
        );
        folder.write(&format!("corpus/page-{at}.txt"), &page);
    }
    folder
}

fn said(folder: &Folder, arguments: &[&str]) -> String {
    let output = folder.run(arguments);
    assert_eq!(code(&output), 0, "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

fn json(folder: &Folder, arguments: &[&str]) -> Value {
    serde_json::from_str(&said(folder, &[arguments, &["--format", "json"]].concat())).unwrap()
}

#[test]
fn changes_are_grouped_by_the_rule_that_caused_them() {
    let folder = scene();
    said(&folder, &["clean", "corpus", "-o", "before", "--rules", "rules", "-q"]);
    // The rule now takes a heading of the article, and the sign-off stays.
    let wide = RULES
        .replace("where: head\n    line: '", "where: anywhere\n    line: 'A heading|")
        .replace("text: 'Valley Post, your valley'", "text: 'Valley Post, their valley'");
    folder.write("new/valley.yaml", &wide);
    said(&folder, &["clean", "corpus", "-o", "after", "--rules", "new", "-q"]);
    insta::assert_snapshot!(said(&folder, &["diff", "before", "after"]), @r"
    3 of 5 documents changed, 3 of them in their text

    valley/crumb cuts more in 3 documents, 33 bytes
      cuts into the article in 3 documents
      A heading  ×3
        page-0.txt:7
            The minister told reporters on Tuesday that the talks would go on.
          - A heading
            The minister told reporters on Tuesday that the talks would go on. Nobody asked why.
        page-1.txt:7
            The minister told reporters on Tuesday that the talks would go on.
          - A heading
            The minister told reporters on Tuesday that the talks would go on. Nobody asked why.
        page-2.txt:7
            The minister told reporters on Tuesday that the talks would go on.
          - A heading
            The minister told reporters on Tuesday that the talks would go on. Nobody asked why.

    valley/sign-off cuts less in 3 documents, 78 bytes
      Valley Post, your valley  ×3
        page-0.txt:11
            The minister told reporters on Tuesday that the talks would go on. Nobody asked why.
          + Valley Post, your valley
        page-1.txt:11
            The minister told reporters on Tuesday that the talks would go on. Nobody asked why.
          + Valley Post, your valley
        page-2.txt:11
            The minister told reporters on Tuesday that the talks would go on. Nobody asked why.
          + Valley Post, your valley
    ");
    let diff = json(&folder, &["diff", "before", "after"]);
    assert_eq!((&diff["documents"], &diff["changed"]), (&5.into(), &3.into()));
    let first = &diff["groups"][0];
    assert_eq!(first["rule"], "valley/crumb");
    assert_eq!((&first["body_documents"], &first["rule_changed"]), (&3.into(), &true.into()));
    assert_eq!(first["texts"][0]["samples"].as_array().unwrap().len(), 3);
    // The same, from the corpus.
    let from_rules = ["diff", "corpus", "--rules-a", "rules", "--rules-b", "new"];
    assert_eq!(json(&folder, &from_rules), diff);
    let markdown = said(&folder, &["diff", "before", "after", "--format", "markdown"]);
    assert!(markdown.contains("**Cuts into the article in 3 documents.**"), "{markdown}");
    assert!(markdown.contains("```diff") && markdown.contains("    - A heading"), "{markdown}");
    assert!(
        said(&folder, &["diff", "before", "after", "--format", "html"]).starts_with("<!DOCTYPE")
    );
}

#[test]
fn converted_documents_are_shown_with_their_lines() {
    let folder = scene();
    let run = ["clean", "corpus", "--to", "jsonl", "--rules", "rules", "-q", "-o"];
    said(&folder, &[&run[..], &["a"]].concat());
    said(&folder, &[&run[..], &["b", "--skip", "valley/crumb"]].concat());
    let diff = json(&folder, &["diff", "a", "b"]);
    let texts = diff["groups"][0]["texts"].as_array().unwrap();
    let places = texts.iter().flat_map(|text| text["samples"].as_array().unwrap());
    let places: Vec<_> = places.map(|sample| (&sample["line"], &sample["below"])).collect();
    let title = |at: usize| Value::from(format!("A title {at}"));
    assert_eq!(places.len(), 3);
    for (at, place) in places.iter().enumerate() {
        assert_eq!(*place, (&Value::from(1), &title(at)));
    }
    said(&folder, &["report", "a", "-o", "a.html"]);
    let html = folder.read("a.html");
    assert!(html.contains("data-name=\"page-1.txt\"") && html.contains("A heading"));
}

#[test]
fn the_exit_code_shows_changes_only_on_request() {
    let folder = scene();
    said(&folder, &["clean", "corpus", "-o", "a", "--rules", "rules", "-q"]);
    said(
        &folder,
        &["clean", "corpus", "-o", "b", "--rules", "rules", "-q", "--skip", "valley/crumb"],
    );
    assert_eq!(code(&folder.run(&["diff", "a", "b", "--exit-code"])), 1);
    let output = folder.run(&["diff", "a", "a", "--exit-code"]);
    assert_eq!(
        (code(&output), text(&output.stdout)),
        (0, "nothing changed in 5 documents\n".into())
    );
    for (arguments, part) in [
        (&["diff", "a"][..], "expected the outputs of two runs"),
        (&["diff", "a", "corpus"], "corpus is not the output of a run"),
        (
            &["clean", "corpus", "-o", "c", "--skip", "valley/crumbs", "--rules", "rules"],
            "unknown rule \"valley/crumbs\"; did you mean \"valley/crumb\"?",
        ),
    ] {
        let (code, said) = folder.refused(arguments);
        assert!(code == 2 && said.contains(part), "{code}: {said}");
    }
}

#[test]
fn rules_are_compared_with_those_of_a_revision() {
    let folder = scene();
    let git = |arguments: &[&str]| {
        let done = Command::new("git")
            .args(["-c", "user.name=a", "-c", "user.email=a@localhost"])
            .args(arguments)
            .current_dir(folder.0.path())
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", text(&done.stderr));
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-qm", "first"]);
    assert_eq!(json(&folder, &["diff", "--git", "HEAD"])["changed"], 0);
    folder.write("rules/valley.yaml", &RULES.replace("Vale :", "Start :"));
    let diff = json(&folder, &["diff", "--git", "HEAD"]);
    assert_eq!((&diff["changed"], &diff["groups"][0]["way"]), (&3.into(), &"less".into()));
    let diff = json(&folder, &["diff", "--git", "HEAD", "corpus/page-2.txt"]);
    assert_eq!(diff["documents"], 1);
    // A pipeline file, or its absence, is compared too.
    folder.write("chaffinch.yaml", "rules: [rules]\nstages: [site-footer]\n");
    let diff = json(&folder, &["diff", "--git", "HEAD"]);
    assert_eq!((&diff["changed"], &diff["fields"][1]["field"]), (&5.into(), &"title".into()));
    // An outlet that is new.
    fs::remove_file(folder.path("chaffinch.yaml")).unwrap();
    git(&["rm", "-q", "--cached", "rules/valley.yaml"]);
    git(&["commit", "-qm", "none"]);
    let diff = json(&folder, &["diff", "--git", "HEAD"]);
    assert_eq!(diff["outlets"][0]["to"], "valley", "{diff}");
    let (code, said) = folder.refused(&["diff", "--git", "nowhere"]);
    assert_eq!((code, said.as_str()), (2, "error: unknown git revision \"nowhere\""));
    let (code, said) = folder.refused(&["diff", "--git", "--upload-pack=x"]);
    assert_eq!(code, 2, "{said}");
}

#[test]
fn a_rule_is_undone_without_the_input() {
    let folder = scene();
    said(&folder, &["clean", "corpus", "-o", "out", "--rules", "rules", "-q"]);
    fs::rename(folder.path("corpus"), folder.path("away")).unwrap();
    let rules = ["--rules", "rules", "--skip", "valley/crumb"];
    let shown = said(&folder, &[&["rerun", "out"][..], &rules].concat());
    assert!(shown.starts_with("cleaned again 3 of 5 documents\n"), "{shown}");
    assert!(folder.read("out/page-0.txt").starts_with("Vale : News\n\nA title 0"));
    let left: Vec<_> = fs::read_dir(folder.0.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("chaffinch"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    // And done again, into another place.
    let shown = said(&folder, &["rerun", "out", "-o", "again", "--rules", "rules", "-q"]);
    assert_eq!(shown, "");
    assert!(folder.read("again/page-0.txt").starts_with("A title 0"));
    assert!(folder.read("out/page-0.txt").starts_with("Vale : News"));
    said(&folder, &["restore", "again", "-o", "back"]);
    assert_eq!(folder.read("back/page-2.txt"), folder.read("away/page-2.txt"));
    let (code, said) = folder.refused(&["rerun", "away"]);
    assert_eq!((code, said.as_str()), (2, "error: away is not the output of a run"));
}

#[test]
fn a_report_contains_no_active_content_of_documents() {
    let folder = scene();
    let evil = "</script><script>alert(1)</script> \u{1b}[31m\u{202e} <img src=x onerror=alert(1)>";
    let page = format!("{evil}\n\nVale : News\n\n{SENTENCE}\n\nValley Post, your valley\n");
    folder.write("corpus/evil.txt", &page);
    folder.write("corpus/bytes.txt", "\0\u{1}\u{2}");
    let output = folder.run(&["clean", "corpus", "-o", "out", "--rules", "rules", "-q"]);
    assert_eq!(code(&output), 1);
    said(&folder, &["report", "out", "-o", "report.html"]);
    let html = folder.read("report.html");
    assert_eq!(html.matches("<script").count(), 1, "the page's own");
    assert!(!html.contains("<img") && !html.contains('\u{1b}') && html.contains("\\u{202e}"));
    assert!(html.contains("valley/crumb") && html.contains("100.0 %"));
    // What failed comes first.
    let document = |name: &str| html.find(&format!("data-name=\"{name}\"")).unwrap();
    assert!(document("bytes.txt") < document("page-0.txt"));
    let html = said(&folder, &["report", "out", "--compare", "out", "-o", "-"]);
    assert!(html.contains("nothing changed in 7 documents"));
    let (code, said) = folder.refused(&["report", "corpus", "-o", "x.html"]);
    assert_eq!(code, 2, "{said}");
    let (code, said) = folder.refused(&["report", "out", "-o", "out/.chaffinch/run.json"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("is in the record of a run"), "{said}");
    assert!(folder.run(&["verify", "out"]).status.success());
    // A folder of the same name that holds no run.
    assert!(folder.run(&["report", "out", "-o", ".chaffinch/x.html"]).status.success());
}

#[test]
fn a_review_becomes_rule_files() {
    let folder = scene();
    let decision = |rule: &str, decision: &str, case: &str| {
        serde_json::json!({
            "rule": rule, "decision": decision, "text": case, "case": case, "outlet": "valley",
        })
    };
    let review = serde_json::json!({"chaffinch_review": 1, "decisions": [
        decision("valley/crumb", "accept", "Vale : Sport"),
        decision("generic/share-buttons/share/en", "reject", "SHARE THIS ARTICLE"),
        {"rule": "valley/crumb", "decision": "reject", "text": "long", "case": null},
    ]});
    folder.write("review.json", &review.to_string());
    let apply = ["rules", "apply-review", "review.json", "--rules", "rules"];
    let dry = said(&folder, &[&apply[..], &["--dry-run"]].concat());
    assert!(dry.ends_with("would change rules/valley.yaml\n"), "{dry}");
    assert_eq!(folder.read("rules/valley.yaml"), RULES);
    insta::assert_snapshot!(said(&folder, &apply), @r#"
    to do: valley/crumb: "long" is too long for a test case
    valley/crumb: 1 text added to `removes`
    valley/keep: 1 text to keep added
    changed rules/valley.yaml
    next: chaffinch rules check rules/valley.yaml
    "#);
    let file = folder.read("rules/valley.yaml");
    assert!(file.contains("removes: ['Vale : News', 'Vale : Sport']"), "{file}");
    assert!(file.contains("action: keep"), "{file}");
    said(&folder, &["rules", "check", "rules/valley.yaml"]);
    // Applying it again changes nothing.
    said(&folder, &apply);
    assert_eq!(folder.read("rules/valley.yaml"), file);
    // Later rejections are added to the same rule.
    let more = decision("generic/share-buttons/share/en", "reject", "SHARE THIS PAGE");
    let review = serde_json::json!({"chaffinch_review": 1, "decisions": [more]});
    folder.write("review.json", &review.to_string());
    said(&folder, &apply);
    let file = folder.read("rules/valley.yaml");
    assert_eq!(file.matches("action: keep").count(), 1);
    assert_eq!(file.matches("- 'SHARE THIS PAGE'").count(), 2, "{file}");
    said(&folder, &["rules", "check", "rules/valley.yaml"]);
    for (text, part) in [
        ("no json", "review.json: not valid JSON"),
        ("{}", "review.json: not a review file of version 1"),
        (
            r#"{"chaffinch_review": 1, "decisions": [{"rule": "a", "decision": "b"}]}"#,
            "decision 1: expected accept or reject, found \"b\"",
        ),
    ] {
        folder.write("review.json", text);
        let (code, said) = folder.refused(&apply);
        assert!(code == 2 && said.contains(part), "{code}: {said}");
    }
}

/// The text of a page of `corpus/pages`.
fn page(name: &str) -> String {
    let marked = fs::read_to_string(format!("../../corpus/pages/{name}.case")).unwrap();
    marked.lines().map(|line| format!("{}\n", &line[1..])).collect()
}

/// The texts of a rule in a report, as its script saves them with this decision.
fn decisions(html: &str, rule: &str, decision: &str) -> Vec<Value> {
    let entries = html.split("<div class=\"entry\"").skip(1);
    let attribute = |entry: &str, name: &str| {
        let (_, value) = entry.split_once(&format!(" {name}=\""))?;
        let value = value.split('"').next()?;
        let value = value.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">");
        Some(value.replace("&amp;", "&"))
    };
    let own = entries.filter(|entry| attribute(entry, "data-rule").as_deref() == Some(rule));
    own.map(|entry| {
        let mut saved = serde_json::json!({"rule": rule, "decision": decision});
        for key in ["text", "case", "outlet", "document", "line", "lines", "confidence"] {
            let value = attribute(entry, &format!("data-{key}"));
            saved[key] = value.map_or(Value::Null, |value| serde_json::from_str(&value).unwrap());
        }
        saved
    })
    .collect()
}

#[test]
fn decisions_about_the_line_model_become_labelled_pages() {
    let folder = scene();
    fs::remove_dir_all(folder.path("corpus")).unwrap();
    let (story, row) = (page("de-whole-1").replace('\n', "\r\n"), page("en-whole-1"));
    folder.write("corpus/story.txt", &story);
    let url = "https://courier.example/ferry";
    let row_text = serde_json::json!({"text": row, "url": url}).to_string();
    folder.write("corpus/rows.jsonl", &format!("{row_text}\n"));
    said(&folder, &["clean", "corpus", "-o", "out", "--level", "full", "--rules", "rules", "-q"]);
    said(&folder, &["report", "out", "-o", "report.html"]);
    let html = folder.read("report.html");
    let model = "generic/lines/model";

    // The least certain cuts come first.
    let mut saved = decisions(&html, model, "accept");
    let confidence = |saved: &Value| saved["confidence"].as_u64().unwrap();
    let (least, _) = html[html.find(">Least certain</h3>").unwrap()..].split_once("<h3>").unwrap();
    let least = decisions(least, model, "accept");
    assert!(least.len() > 5 && least.is_sorted_by_key(confidence), "{least:?}");
    assert!(confidence(&least[0]) < confidence(least.last().unwrap()));
    let card = html.split("<details class=\"rule\"").find(|card| card.contains(model)).unwrap();
    let lowest = format!("data-confidence=\"{}\"", least[0]["confidence"]);
    assert!(card.split_once('>').unwrap().0.contains(&lowest));

    // Every second cut is rejected.
    for saved in saved.iter_mut().skip(1).step_by(2) {
        saved["decision"] = "reject".into();
    }
    let review = |decisions: &[Value]| serde_json::json!({"chaffinch_review": 1, "run": "out", "decisions": decisions});
    folder.write("review.json", &review(&saved).to_string());
    let labels = ["lines", "labels", "out", "review.json", "-o", "labels.jsonl"];
    let shown = said(&folder, &labels);
    assert!(shown.starts_with("labels.jsonl: pages: 2, lines: "), "{shown}");
    let labelled = folder.read("labels.jsonl");
    let rows: Vec<Value> = labelled.lines().map(|row| serde_json::from_str(row).unwrap()).collect();
    let names: Vec<_> = rows.iter().map(|row| row["outlet"].as_str().unwrap()).collect();
    assert_eq!(names, ["courier.example", "story.txt"]);
    for (row, original) in rows.iter().zip([row, story]) {
        let lines: Vec<&str> =
            row["lines"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
        assert_eq!(lines, original.lines().collect::<Vec<_>>());
        let letters: Vec<char> = row["labels"].as_str().unwrap().chars().collect();
        let mut expected: Vec<char> = lines
            .iter()
            .map(|line| if line.contains(char::is_alphanumeric) { 'n' } else { '_' })
            .collect();
        for saved in saved.iter().filter(|saved| saved["document"] == row["id"]) {
            let first = saved["line"].as_u64().unwrap() as usize - 1;
            let letter = if saved["decision"] == "reject" { 'a' } else { 'b' };
            let cut: Vec<&str> = saved["text"].as_str().unwrap().lines().collect();
            assert_eq!(cut.len() as u64, saved["lines"].as_u64().unwrap());
            for (at, cut) in cut.iter().enumerate().filter(|(_, cut)| !cut.trim().is_empty()) {
                assert_eq!(cut.trim(), lines[first + at].trim());
                expected[first + at] = letter;
            }
        }
        assert_eq!(letters, expected);
    }
    let letters = rows.iter().map(|row| row["labels"].as_str().unwrap()).collect::<String>();
    assert!(letters.matches('a').count() > 2 && letters.matches('b').count() > 2, "{letters}");

    // They are pages that a model is measured on and trained with; two are too few for a model.
    let figures = said(&folder, &["lines", "eval", "shipped", "labels.jsonl"]);
    assert!(figures.contains("careful"), "{figures}");
    let (code, said_) = folder.refused(&["lines", "train", "labels.jsonl", "-o", "model.bin"]);
    assert!(code == 2 && said_.contains("too few labelled pages"), "{code}: {said_}");

    // What cannot be a label is named.
    let mut other = saved[0].clone();
    other["text"] = "Another line".into();
    let mut unknown = saved[0].clone();
    unknown["document"] = "no.txt".into();
    let mut part = saved[0].clone();
    part["lines"] = Value::Null;
    folder.write(
        "review.json",
        &review(&[other.clone(), unknown, part, saved[1].clone()]).to_string(),
    );
    let shown = said(&folder, &labels);
    for why in ["the lines differ", "the run has no such document", "no lines that were cut whole"]
    {
        assert!(shown.contains(why), "{shown}");
    }
    assert!(
        shown.ends_with("labels.jsonl: pages: 1, lines: 0 boilerplate, 1 article\n"),
        "{shown}"
    );
    folder.write("review.json", &review(&[other]).to_string());
    fs::remove_file(folder.path("labels.jsonl")).unwrap();
    let (code, said_) = folder.refused(&labels);
    assert!(code == 2 && said_.contains("no decision of review.json gives a label"), "{said_}");
    assert!(!folder.path("labels.jsonl").exists());
}
