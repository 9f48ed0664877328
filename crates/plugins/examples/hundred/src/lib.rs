//! Removes lines that match one of a hundred patterns.

mod patterns;

use chaffinch_plugin_sdk::{Document, Marks, Settings, Stage, plugin};
use patterns::Patterns;

struct Hundred(Patterns);

impl Stage for Hundred {
    const FINDS: &str = "lines that match one of a hundred patterns";

    fn new(_: &Settings<'_>) -> Result<Self, String> {
        Ok(Hundred(Patterns::new()))
    }

    fn mark(&self, doc: &Document<'_>, marks: &mut Marks) {
        for line in doc.lines().filter(|line| self.0.is_match(line.text())) {
            marks.remove(line);
        }
    }
}

plugin!(Hundred);
