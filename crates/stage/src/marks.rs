use crate::{Action, Document, Rule, RuleId, Span};

/// A span, what to do with it, and the rule responsible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The bytes of the source.
    pub span: Span,
    /// What to do with them.
    pub action: Action,
    /// The rule responsible.
    pub rule: RuleId,
    /// Metadata recovered from the span, as name and value.
    pub fields: Vec<(String, String)>,
    /// The confidence, in percent, that this span is boilerplate, if the stage estimated one.
    pub confidence: Option<u8>,
}

/// The marks that a stage makes in one document.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    marks: Vec<Mark>,
    failure: Option<String>,
    again: bool,
}

impl Marks {
    /// Creates an empty list of marks.
    pub fn new() -> Marks {
        Marks::default()
    }

    /// Marks `span` as boilerplate.
    pub fn remove(&mut self, span: Span, rule: RuleId) {
        self.remove_with(span, rule, Vec::new());
    }

    /// Marks `span` as boilerplate with this confidence, in percent.
    pub fn remove_judged(&mut self, span: Span, rule: RuleId, confidence: u8) {
        let (action, confidence) = (Action::Remove, Some(confidence));
        self.push(Mark { span, action, rule, fields: Vec::new(), confidence });
    }

    /// Marks `span` as boilerplate that contains metadata: the name and value of each field.
    pub fn remove_with(&mut self, span: Span, rule: RuleId, fields: Vec<(String, String)>) {
        self.push(Mark { span, action: Action::Remove, rule, fields, confidence: None });
    }

    /// Marks `span` to be replaced by `text`.
    pub fn replace(&mut self, span: Span, text: impl Into<String>, rule: RuleId) {
        let action = Action::Replace(text.into());
        self.push(Mark { span, action, rule, fields: Vec::new(), confidence: None });
    }

    /// Records the fields found in `span` without changing the text.
    pub fn note(&mut self, span: Span, rule: RuleId, fields: Vec<(String, String)>) {
        self.push(Mark { span, action: Action::Note, rule, fields, confidence: None });
    }

    /// Marks `span` with the action of `rule`. The rule's fixed fields come before `fields`.
    pub fn act(&mut self, span: Span, id: RuleId, rule: &Rule, fields: &[(String, String)]) {
        let action = rule.action.clone();
        let fields = rule.fields.iter().chain(fields).cloned().collect();
        self.push(Mark { span, action, rule: id, fields, confidence: None });
    }

    /// Marks the hits of the stage's own rules that are in place: lines, parts of lines, and
    /// blocks. Most stages call this first; some do nothing else.
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

    /// Reports that the stage could not judge the document. The engine then drops all of its marks in
    /// this document, and records the reason.
    pub fn fail(&mut self, reason: impl Into<String>) {
        self.failure = Some(reason.into());
    }

    /// The reason given to [`Marks::fail`], if it was called.
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// Requests another call on this document, even if no line changes. The engine limits the number of calls.
    pub fn call_again(&mut self) {
        self.again = true;
    }

    /// Whether [`Marks::call_again`] was called.
    pub fn asks_again(&self) -> bool {
        self.again
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
