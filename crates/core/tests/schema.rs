//! The checked-in JSON Schemas are those that the program generates.

use std::path::Path;

use chaffinch_core::Schemas;
use chaffinch_core::rules::SHIPPED;

fn same(path: &str, made: &serde_json::Value) {
    let made = format!("{made:#}\n");
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let there = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        there == made,
        "{path} is out of date; run UPDATE_SCHEMAS=1 cargo test -p chaffinch-core --test schema"
    );
}

#[test]
fn the_schemas_are_up_to_date() {
    let made = Schemas::built_in();
    same("../../rules/rule-file.schema.json", &made.rule_file);
    same("../../rules/lexicon.schema.json", &made.lexicon);
    same("src/pipeline.schema.json", &made.pipeline);
}

#[test]
fn every_rule_file_names_its_schema() {
    let default = chaffinch_core::config::DEFAULT;
    let files = SHIPPED.iter().map(|(name, text)| (Path::new("../../rules").join(name), *text));
    let files = files.chain([(Path::new("src/chaffinch.yaml").to_owned(), default)]);
    for (path, text) in files {
        let line = text.lines().next().unwrap_or_default();
        let schema = line.strip_prefix("# yaml-language-server: $schema=");
        let schema = schema.unwrap_or_else(|| panic!("{} has no modeline", path.display()));
        assert!(path.parent().unwrap().join(schema).is_file(), "{}: {schema}", path.display());
    }
}

#[test]
fn the_schema_knows_stages_their_settings_and_every_key() {
    let made = Schemas::built_in();
    let rule = &made.rule_file["properties"]["rules"]["items"];
    assert_eq!(rule["additionalProperties"], false);
    assert_eq!(rule["properties"]["where"]["enum"][0], "head");
    assert!(rule["properties"]["removes"]["description"].as_str().unwrap().contains("must remove"));
    let stages = &made.pipeline["properties"]["stages"]["items"]["anyOf"];
    assert!(stages[0]["enum"].as_array().unwrap().contains(&"share-buttons".into()));
    assert_eq!(stages[1]["properties"]["ticker"]["properties"]["min_lines"]["default"], 3);
    assert_eq!(stages[1]["properties"]["normalise"]["properties"]["nbsp"]["type"], "boolean");
}
