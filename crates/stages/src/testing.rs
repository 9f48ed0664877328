//! The helpers through which the tests of all stages call the engine.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use chaffinch_core::{Limits, Pipeline};

/// The sentence that `…` stands for in a fixture.
const BODY: &str =
    "The minister told reporters that the two sides had agreed to go on with the talks.";

static PIPELINES: LazyLock<Mutex<HashMap<String, Arc<Pipeline>>>> = LazyLock::new(Mutex::default);

/// The pipeline of one stage. Fixtures are shorter than articles, so there are no damage caps.
fn pipeline(stage: &str) -> Arc<Pipeline> {
    let limits = Limits::without_caps();
    let make = || {
        let pipeline = Pipeline::builder().only(&[stage.to_owned()]).limits(limits).build();
        Arc::new(pipeline.expect("the shipped rules are valid"))
    };
    // A failed assertion in another test poisons the lock, but not the pipelines.
    let mut pipelines = PIPELINES.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    Arc::clone(pipelines.entry(stage.to_owned()).or_insert_with(make))
}

/// Cleans `fixture` with one stage and its shipped generic rules. Exactly the text in `⟦ ⟧` must be
/// removed.
pub(crate) fn check(stage: &str, fixture: &str) {
    let marked = fixture.replace('…', BODY);
    let plain = marked.replace(['⟦', '⟧'], "");
    let pipeline = pipeline(stage);
    let cleaned = pipeline.clean(plain.as_bytes());
    let mut shown = String::new();
    let mut at = 0;
    for edit in cleaned.edits() {
        // Line endings are removed with their lines, but a fixture marks only visible text.
        let cut = &plain[edit.span.range()];
        let visible = cut.trim_start().len();
        let start = edit.span.end() - visible;
        let end = start + cut.trim().len();
        if start < end {
            shown.push_str(&plain[at..start]);
            let lines: Vec<&str> = plain[start..end].split('\n').collect();
            let marked = lines.iter().map(|line| match line.trim() {
                "" => (*line).to_owned(),
                text => line.replace(text, &format!("⟦{text}⟧")),
            });
            shown.push_str(&marked.collect::<Vec<_>>().join("\n"));
            at = end;
        }
    }
    shown.push_str(&plain[at..]);
    let spaces = |text: &str| text.replace('\u{a0}', " ").replace(" ⟧", "⟧").replace("⟧ ", "⟧");
    assert_eq!(spaces(&shown), spaces(&marked), "stage {stage}");
    assert_eq!(cleaned.restore().expect("it restores"), plain.as_bytes());
    let again = pipeline.clean(cleaned.output());
    assert_eq!(again.edits(), [], "a second run of {stage} cuts more");
}

/// The fields that one stage records for `fixture`, as `name=value`.
pub(crate) fn fields(stage: &str, fixture: &str) -> Vec<String> {
    let pipeline = pipeline(stage);
    let document = fixture.replace('…', BODY);
    let cleaned = pipeline.clean(document.as_bytes());
    let pairs = cleaned.fields().iter();
    pairs.flat_map(|(name, values)| values.iter().map(move |v| format!("{name}={v}"))).collect()
}
