//! Any bytes, cleaned and restored.

use std::path::Path;
use std::sync::LazyLock;

use chaffinch_core::{Input, Limits, Pipeline, Undo, Verdict};

static SHIPPED: LazyLock<Pipeline> =
    LazyLock::new(|| Pipeline::shipped().unwrap_or_else(|problems| panic!("{problems:?}")));

/// Everything on, and no limits.
static FULL: LazyLock<Pipeline> = LazyLock::new(|| {
    let stages = SHIPPED.stages().map(|stage| match stage {
        "normalise" => "  - normalise: {nfc: true, line_ends: true, quotes: true}\n".to_owned(),
        "lines" => "  - lines: {level: full}\n".to_owned(),
        stage => format!("  - {stage}\n"),
    });
    let config = format!("stages:\n{}", stages.collect::<String>());
    let limits = Limits { body_cut_share: 1.0, total_cut_share: 1.0, ..Limits::default() };
    let pipeline = Pipeline::builder()
        .config("full.yaml", &config, Path::new(""))
        .and_then(|builder| builder.limits(limits).build());
    pipeline.unwrap_or_else(|problems| panic!("{problems:?}"))
});

/// The first byte selects the pipeline, and whether the first line is the URL; the rest is the
/// document.
pub(crate) fn run(data: &[u8]) {
    let Some((first, bytes)) = data.split_first() else { return };
    let pipeline = if first & 1 == 0 { &*SHIPPED } else { &*FULL };
    let (url, bytes) = match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) if first & 2 != 0 => (std::str::from_utf8(&bytes[..end]).ok(), &bytes[end + 1..]),
        _ => (None, bytes),
    };
    let cleaned = pipeline.clean_input(&Input { bytes, url, ..Input::default() });
    let reason = cleaned.reason().unwrap_or_default();
    let panicked = cleaned.verdict() == Verdict::Failed && reason.starts_with("stage ");
    assert!(!panicked, "{reason}");
    assert!(cleaned.refused().is_empty(), "refused marks: {:?}", cleaned.refused());
    assert_eq!(cleaned.restore().as_deref(), Ok(bytes));

    let (source, mut at, mut left) = (cleaned.source(), 0, String::new());
    for edit in cleaned.edits() {
        assert!(pipeline.rules().has(edit.rule) && !edit.span.is_empty());
        left.push_str(&source[at..edit.span.start()]);
        left.push_str(&edit.with);
        at = edit.span.end();
    }
    if cleaned.verdict() != Verdict::Failed {
        left.push_str(&source[at..]);
        assert_eq!(left, cleaned.text());
    }

    let written = serde_json::to_string(&cleaned.undo(|rule| rule.0)).expect("undo is written");
    let read: Undo<'_> = serde_json::from_str(&written).expect("undo is read");
    assert_eq!(read.restore(cleaned.output()).as_deref(), Ok(bytes));
}
