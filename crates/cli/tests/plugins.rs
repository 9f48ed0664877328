//! Plugins at the command line. In builds without them, they are refused with a way out.

mod common;

use common::{ARTICLE, Folder};

const PIPELINE: &str = "stages:
  - share-buttons
  - plugin: {wasm: corrections.wasm, config: {words: ['Correction:']}}
";

fn folder() -> Folder {
    let folder = Folder::new();
    std::fs::copy("../../docs/plugins/corrections.wasm", folder.path("corrections.wasm")).unwrap();
    folder.write("chaffinch.yaml", PIPELINE);
    folder.write("page.txt", &format!("{ARTICLE}\nCorrection: It was Monday.\n"));
    folder
}

#[test]
fn new_plugins_have_a_source_and_a_pipeline() {
    let folder = Folder::new();
    for (language, source) in [("rust", "src/lib.rs"), ("c", "my-plugin.c")] {
        let new = ["plugin", "new", "my-plugin", "-o", language, "--language", language];
        let done = folder.run(&new);
        assert!(done.status.success());
        assert!(folder.read(&format!("{language}/{source}")).contains("Correction: The"));
        let pipeline = folder.read(&format!("{language}/chaffinch.yaml"));
        assert!(pipeline.contains("      name: my-plugin\n"), "{pipeline}");
        assert!(!pipeline.contains("MODULE"));
        let (code, said) = folder.refused(&new);
        assert_eq!((code, said.contains("is not empty")), (2, true), "{said}");
    }
    assert!(folder.read("rust/Cargo.toml").contains("name = \"my-plugin\""));
    let (code, said) = folder.refused(&["plugin", "new", "../x"]);
    assert_eq!((code, said.contains("cannot be the name of a plugin")), (2, true), "{said}");
}

#[cfg(not(feature = "plugins"))]
#[test]
fn builds_without_plugins_say_so() {
    let folder = folder();
    let (code, said) = folder.refused(&["explain", "page.txt"]);
    assert_eq!(code, 2);
    assert!(said.contains("this build of chaffinch cannot run plugins"), "{said}");
    assert!(said.contains("chaffinch.yaml:3:20") && said.contains("feature `plugins`"), "{said}");
    let (code, said) = folder.refused(&["plugin", "check", "corrections.wasm"]);
    assert_eq!((code, said.contains("--features plugins")), (2, true), "{said}");
}

#[cfg(feature = "plugins")]
mod with_plugins {
    use super::*;
    use common::text;

    #[test]
    fn errors_have_a_file_line_and_column() {
        let folder = folder();
        for (from, to, place, reason) in [
            ("corrections.wasm", "none.wasm", "3:20", "none.wasm: cannot read"),
            ("corrections.wasm", "page.txt, name: x", "3:20", "page.txt: not a WebAssembly module"),
            (
                "words:",
                "wrds:",
                "3:46",
                "refuses its settings: unknown setting; this stage takes words",
            ),
            (
                "{wasm: corr",
                "{name: ticker, wasm: corr",
                "3:20",
                "\"ticker\" is the name of another stage",
            ),
        ] {
            folder.write("chaffinch.yaml", &PIPELINE.replace(from, to));
            let (code, said) = folder.refused(&["explain", "page.txt"]);
            assert_eq!(code, 2);
            assert!(said.contains(reason), "{said}");
            assert!(said.contains(&format!("chaffinch.yaml:{place}")), "{said}");
        }
    }

    #[test]
    fn a_changed_module_or_setting_is_cleaned_again() {
        let folder = folder();
        let run = |arguments: &[&str]| {
            let done = folder.run(arguments);
            assert!(done.status.success(), "{}", text(&done.stderr));
            text(&done.stdout) + &text(&done.stderr)
        };
        run(&["clean", "page.txt", "-o", "first"]);
        assert_eq!(folder.read("first/page.txt"), ARTICLE);
        let said = run(&["rerun", "first", "-o", "same"]);
        assert!(said.contains("cleaned again 0 of 1"), "{said}");
        // A custom section changes the module but not its behaviour.
        let mut module = std::fs::read(folder.path("corrections.wasm")).unwrap();
        module.extend(b"\0\x03\x01x!");
        std::fs::write(folder.path("corrections.wasm"), module).unwrap();
        let said = run(&["rerun", "first", "-o", "module"]);
        assert!(said.contains("cleaned again 1 of 1"), "{said}");
        folder.write("chaffinch.yaml", &PIPELINE.replace("Correction:", "Update:"));
        run(&["rerun", "first", "-o", "setting"]);
        assert_ne!(folder.read("setting/page.txt"), ARTICLE);
        let said = folder.run(&["diff", "first", "setting", "--format", "json"]);
        let said: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
        let group = &said["groups"][0];
        assert_eq!(group["rule"], "stage/corrections", "{said}");
        // The runs have different settings, so the rule is not reported as unchanged.
        assert_eq!(group["rule_changed"], serde_json::Value::Null, "{said}");
    }

    #[test]
    fn the_run_is_restored_and_skips_the_stage_on_request() {
        let folder = folder();
        let original = folder.read("page.txt");
        assert!(folder.run(&["clean", "page.txt", "-o", "out"]).status.success());
        assert!(folder.run(&["restore", "out", "-o", "back"]).status.success());
        assert_eq!(folder.read("back/page.txt"), original);
        let skip = ["clean", "page.txt", "-o", "without", "--skip", "corrections"];
        assert!(folder.run(&skip).status.success());
        assert_eq!(folder.read("without/page.txt"), original);
    }

    #[test]
    fn checks_and_lists() {
        let folder = folder();
        let check =
            ["plugin", "check", "corrections.wasm", "page.txt", "--set", "words=Correction:"];
        let done = folder.run(&check);
        let said = text(&done.stdout);
        assert_eq!(done.status.code(), Some(0), "{said}");
        assert!(said.contains("meets the stage contract on 13 documents; marks: 1"), "{said}");
        let said = text(&folder.run(&["plugin", "list"]).stdout);
        assert!(said.starts_with("corrections  "), "{said}");
        assert!(said.ends_with("  notes that begin with one of `words`\n"), "{said}");
    }

    #[test]
    fn a_plugin_that_cannot_be_used_is_an_error_of_the_list() {
        let folder = folder();
        let pipeline =
            format!("{PIPELINE}  - plugin: {{wasm: none.wasm}}\n  - plugin: {{wasm: page.wasm}}\n");
        folder.write("chaffinch.yaml", &pipeline);
        folder.write("page.wasm", "no module");
        let done = folder.run(&["plugin", "list"]);
        assert_eq!(done.status.code(), Some(2));
        let (listed, said) = (text(&done.stdout), text(&done.stderr));
        assert!(listed.starts_with("corrections  ") && listed.lines().count() == 1, "{listed}");
        let [none, page] = [0, 1].map(|line| said.lines().nth(line).unwrap_or_default());
        assert!(none.starts_with("error: the plugin none cannot be used: "), "{said}");
        assert!(none.contains("none.wasm: cannot read: "), "{said}");
        assert!(page.starts_with("error: the plugin page cannot be used: "), "{said}");
        assert!(page.ends_with("page.wasm: not a WebAssembly module"), "{said}");
    }
}
