//! A stage for Chaffinch: removes notes about corrections below an article, such as "Correction: The
//! bridge is in Elmford".

use chaffinch_plugin_sdk::{Document, Marks, Settings, Stage, plugin};

struct Corrections {
    words: Vec<String>,
}

impl Stage for Corrections {
    const FINDS: &str = "notes that begin with one of `words`";

    fn new(settings: &Settings<'_>) -> Result<Self, String> {
        if let Some(name) = settings.unknown(&["words"]) {
            return Err(format!("unknown setting `{name}`; this stage takes words"));
        }
        let words: Vec<String> = settings.all("words").map(str::to_owned).collect();
        Ok(Corrections { words })
    }

    fn mark(&self, doc: &Document<'_>, marks: &mut Marks) {
        for line in doc.lines().filter(|line| line.in_tail()) {
            if self.words.iter().any(|word| line.key().starts_with(word.as_str())) {
                marks.remove(line);
            }
        }
    }
}

plugin!(Corrections);
