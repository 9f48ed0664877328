use crate::{Act, Document, Rule, RuleId, Span};

/// What a mark asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Cut the span.
    Remove,
    /// Put this text in the span's place.
    Replace(String),
    /// Leave the span as it is, whatever other marks say.
    Keep,
    /// Cut nothing; record the fields.
    Note,
}

/// A span, what to do with it, and the rule that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Bytes of the source.
    pub span: Span,
    /// What to do with them.
    pub action: Action,
    /// Who says so.
    pub rule: RuleId,
    /// Metadata recovered from the span: name and value.
    pub fields: Vec<(String, String)>,
    /// How sure it is in percent that the span is boilerplate, if that was estimated for this span
    /// and not only by the rule.
    pub confidence: Option<u8>,
}

/// The marks that a stage makes in one document.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    marks: Vec<Mark>,
}

impl Marks {
    /// No marks yet.
    pub fn new() -> Marks {
        Marks::default()
    }

    /// Marks `span` as chaff.
    pub fn remove(&mut self, span: Span, rule: RuleId) {
        self.remove_with(span, rule, Vec::new());
    }

    /// Marks `span` as chaff with this confidence, in percent.
    pub fn remove_judged(&mut self, span: Span, rule: RuleId, confidence: u8) {
        let (action, confidence) = (Action::Remove, Some(confidence));
        self.push(Mark { span, action, rule, fields: Vec::new(), confidence });
    }

    /// Marks `span` as chaff that tells something: name and value of each field.
    pub fn remove_with(&mut self, span: Span, rule: RuleId, fields: Vec<(String, String)>) {
        self.push(Mark { span, action: Action::Remove, rule, fields, confidence: None });
    }

    /// Marks `span` to be replaced by `text`.
    pub fn replace(&mut self, span: Span, text: impl Into<String>, rule: RuleId) {
        let action = Action::Replace(text.into());
        self.push(Mark { span, action, rule, fields: Vec::new(), confidence: None });
    }

    /// Records what `span` tells and leaves it where it is.
    pub fn note(&mut self, span: Span, rule: RuleId, fields: Vec<(String, String)>) {
        self.push(Mark { span, action: Action::Note, rule, fields, confidence: None });
    }

    /// Marks `span` with the action that `rule` asks for, its fixed fields before `fields`.
    pub fn act(&mut self, span: Span, id: RuleId, rule: &Rule, fields: &[(String, String)]) {
        let action = match &rule.act {
            Act::Remove => Action::Remove,
            Act::Replace(text) => Action::Replace(text.clone()),
            Act::Keep => Action::Keep,
            Act::Note => Action::Note,
        };
        let fields = rule.fields.iter().chain(fields).cloned().collect();
        self.push(Mark { span, action, rule: id, fields, confidence: None });
    }

    /// Marks what the stage's own rules hit, in place: single lines, parts of lines, blocks. What
    /// most stages do first, and some stages do alone.
    pub fn mark_hits(&mut self, doc: &Document<'_>) {
        for line in doc.lines_with_hits() {
            for hit in line.hits() {
                self.act(hit.span, hit.rule, doc.rule(hit.rule), &hit.fields);
            }
        }
        for block in doc.blocks() {
            let mut fields = block.fields.as_slice();
            for line in doc.lines_in(block.lines).filter(|line| !line.is_blank()) {
                self.act(line.span(), block.rule, doc.rule(block.rule), fields);
                fields = &[];
            }
        }
    }

    /// Adds a mark made elsewhere.
    pub fn push(&mut self, mark: Mark) {
        self.marks.push(mark);
    }

    /// The marks, in the order in which they were made.
    pub fn as_slice(&self) -> &[Mark] {
        &self.marks
    }

    /// The marks, in the order in which they were made.
    pub fn into_vec(self) -> Vec<Mark> {
        self.marks
    }
}
