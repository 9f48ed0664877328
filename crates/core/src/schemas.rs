//! The JSON Schemas of all files that people write, for editors. They are generated from the tables
//! of keys that the parsers use. The command line writes them, and a test compares them with the
//! files of the repository.

use chaffinch_rules::schema;
use chaffinch_stage::{Options, Setting};
use serde_json::{Map, Value, json};

use crate::config::{FILE, PLUGIN, PLUGIN_STAGE};

/// The JSON Schemas of rule files, lexicon files and pipeline files, generated from the tables that
/// their parsers use.
#[derive(Clone, Debug)]
pub struct Schemas {
    /// The schema of rule files.
    pub rule_file: Value,
    /// The schema of lexicon files.
    pub lexicon: Value,
    /// The schema of pipeline files.
    pub pipeline: Value,
}

impl Schemas {
    /// The schemas for the built-in stages.
    pub fn built_in() -> Schemas {
        let stages: Vec<(&str, &str, Value)> = chaffinch_stages::STAGES
            .iter()
            .map(|stage| (stage.name, stage.finds, settings_schema(stage)))
            .collect();
        let plugin = (
            PLUGIN_STAGE,
            "A stage that is a WebAssembly module.",
            schema::mapping_schema(PLUGIN, &["wasm"]),
        );
        let rule_file = schema::json_schema(
            "Chaffinch rule file",
            "How an outlet is detected, what is removed from its documents, and test cases.",
            schema::FILE,
            &stages,
        );
        let lexicon = schema::json_schema(
            "Chaffinch lexicon file",
            "The cue words of one language, by kind, with test cases.",
            schema::LEXICON,
            &stages,
        );
        let pipeline = schema::json_schema(
            "Chaffinch pipeline file",
            "The stages of the cleaning chain, in order, with rules and limits.",
            FILE,
            &[stages, vec![plugin]].concat(),
        );
        Schemas { rule_file, lexicon, pipeline }
    }
}

/// The schema of a stage's settings, found by making the stage.
fn settings_schema(stage: &chaffinch_stages::BuiltIn) -> Value {
    let mut options = Options::default();
    // Every built-in stage can be made without settings.
    let _ = (stage.make)(&mut options);
    let property = |(name, default): (&str, &Setting)| {
        let schema = match default {
            Setting::Bool(value) => json!({"type": "boolean", "default": value}),
            Setting::Int(value) => {
                json!({"type": "integer", "minimum": 1, "default": value})
            }
            Setting::Float(value) => json!({"type": "number", "default": value}),
            Setting::Text(value) => json!({"type": "string", "default": value}),
            Setting::NoPercent => {
                json!({"type": "integer", "minimum": 0, "maximum": 100})
            }
        };
        (name.to_owned(), schema)
    };
    let properties: Map<String, Value> = options.known().map(property).collect();
    json!({"type": ["object", "null"], "properties": properties, "additionalProperties": false})
}
