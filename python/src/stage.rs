//! Stages written in Python.
//!
//! A stage is a function that gets a [`View`] of a document and returns marks. Its marks are checked
//! here, before the engine sees them, as those of plugins are: a stage [fails](Marks::fail) in a document if
//! its function raises, or returns something that is no list of valid marks.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use chaffinch::stage::{
    Certainty, Document, Line as SourceLine, Marks, Options, OptionsError, Rule, RuleId, Span,
    Stage, contract,
};
use chaffinch_core::mark_checks::{is_field_name, overlap};
use pyo3::exceptions::{PyAssertionError, PyException, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyInt, PyString, PyTuple};

/// Marks that a stage may make in one document, for each of its bytes: more are refused.
const MARKS_PER_BYTE: usize = 1;

thread_local! {
    /// An exception that ends programs, such as `KeyboardInterrupt`, which a stage raised in the document that
    /// is being cleaned on this thread.
    static ENDS: RefCell<Option<PyErr>> = const { RefCell::new(None) };
}

/// Runs `clean`, and returns the exception that ends programs if a stage raised one meanwhile.
pub(crate) fn interruptible<T>(clean: impl FnOnce() -> T) -> PyResult<T> {
    ENDS.take();
    let done = clean();
    ENDS.take().map_or(Ok(done), Err)
}

/// The number of documents in which a stage failed, by stage: one written in Python, or a plugin.
#[derive(Clone, Default)]
pub(crate) struct Tally(Arc<Mutex<BTreeMap<String, u64>>>);

impl Tally {
    /// Counts the stages that failed in a document.
    // With Python's lock, so that no thread that a fork did not copy holds this one.
    pub(crate) fn count(&self, _py: Python<'_>, failed_stages: &[String]) {
        if failed_stages.is_empty() {
            return;
        }
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for stage in failed_stages {
            *counts.entry(stage.clone()).or_default() += 1;
        }
    }

    pub(crate) fn counts(&self) -> BTreeMap<String, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A setting of a stage: a keyword of its function with a default.
#[derive(Clone, Copy)]
enum Default {
    Bool(bool),
    Count(usize),
    Text(&'static str),
}

/// A stage as it was defined in Python.
pub(crate) struct Definition {
    pub(crate) function: Py<PyAny>,
    pub(crate) name: String,
    certainty: Certainty,
    settings: Vec<(&'static str, Default)>,
}

impl Definition {
    /// The definition that `chaffinch.stage` attached to a function.
    pub(crate) fn of(function: &Bound<'_, PyAny>) -> PyResult<Definition> {
        let Ok(definition) = function.getattr("__chaffinch_stage__") else {
            let shown = function.repr()?;
            return Err(PyTypeError::new_err(format!(
                "{shown} is no stage: decorate the function with @chaffinch.stage(name=\"…\")"
            )));
        };
        let definition = definition.cast_into::<PyDict>()?;
        let item = |key: &str| {
            definition.get_item(key)?.ok_or_else(|| PyTypeError::new_err(format!("no {key}")))
        };
        let certainty: String = item("certainty")?.extract()?;
        let certainty = match &*certainty {
            "guess" => Certainty::Guess,
            "likely" => Certainty::Likely,
            "sure" => Certainty::Sure,
            other => {
                return Err(PyValueError::new_err(format!(
                    "certainty must be guess, likely or sure, not {other:?}"
                )));
            }
        };
        let settings = item("settings")?.cast_into::<PyDict>()?;
        let settings = settings.iter().map(|(name, default)| setting(&name, &default));
        Ok(Definition {
            function: function.clone().unbind(),
            name: item("name")?.extract()?,
            certainty,
            settings: settings.collect::<PyResult<_>>()?,
        })
    }

    /// The stage, with the settings of a pipeline.
    pub(crate) fn make(&self, options: &mut Options) -> Result<PythonStage, OptionsError> {
        let mut settings = Vec::new();
        for (name, default) in &self.settings {
            let value = match default {
                Default::Bool(default) => Value::Bool(options.bool(name, *default)?),
                Default::Count(default) => Value::Count(options.count(name, *default)?),
                Default::Text(default) => Value::Text(options.text(name, default)?),
            };
            settings.push((*name, value));
        }
        let function = Python::attach(|py| self.function.clone_ref(py));
        Ok(PythonStage { function, certainty: self.certainty, settings })
    }
}

fn setting(
    name: &Bound<'_, PyAny>,
    default: &Bound<'_, PyAny>,
) -> PyResult<(&'static str, Default)> {
    // The stage contract wants names that are never freed; programs define few stages.
    let keep = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    let name = keep(name.extract()?);
    let default = if default.is_instance_of::<PyBool>() {
        Default::Bool(default.extract()?)
    } else if default.is_instance_of::<PyInt>() {
        Default::Count(default.extract()?)
    } else if default.is_instance_of::<PyString>() {
        Default::Text(keep(default.extract()?))
    } else {
        return Err(PyTypeError::new_err(format!(
            "the default of the setting {name:?} must be a bool, an int of at least 1 or a str"
        )));
    };
    Ok((name, default))
}

/// The value of a setting.
#[derive(Clone)]
enum Value {
    Bool(bool),
    Count(usize),
    Text(String),
}

/// A stage whose marks come from a Python function.
pub(crate) struct PythonStage {
    function: Py<PyAny>,
    certainty: Certainty,
    settings: Vec<(&'static str, Value)>,
}

impl Stage for PythonStage {
    fn mark(&self, doc: &Document<'_>, marks: &mut Marks) {
        Python::attach(|py| {
            let view = Bound::new(py, View::of(doc));
            let made = view.and_then(|view| self.call(&view, doc));
            match made {
                Ok(made) => made.into_vec().into_iter().for_each(|mark| marks.push(mark)),
                Err(error) => fail(py, error, marks),
            }
        });
    }

    fn own_rule(&self, stage: &str) -> Rule {
        Rule { certainty: self.certainty, ..Rule::new(format!("stage/{stage}"), stage) }
    }
}

impl PythonStage {
    /// The marks of the function, all of them checked.
    fn call(&self, view: &Bound<'_, View>, doc: &Document<'_>) -> PyResult<Marks> {
        let py = view.py();
        let settings = PyDict::new(py);
        for (name, value) in &self.settings {
            match value {
                Value::Bool(value) => settings.set_item(name, value)?,
                Value::Count(value) => settings.set_item(name, value)?,
                Value::Text(value) => settings.set_item(name, value)?,
            }
        }
        let returned = self.function.bind(py).call((view,), Some(&settings))?;
        let mut marks = Marks::new();
        if returned.is_none() {
            return Ok(marks);
        }
        let mut cuts = Vec::new();
        let most = doc.source().len().saturating_mul(MARKS_PER_BYTE).max(64);
        let view = view.get();
        for mark in returned.try_iter()? {
            if marks.as_slice().len() >= most {
                let message = format!("the stage made more than {most} marks in one document");
                return Err(PyValueError::new_err(message));
            }
            view.check(&mark?, doc, &mut marks, &mut cuts)?;
        }
        match overlap(&mut cuts) {
            None => Ok(marks),
            Some((one, two)) => {
                let ((start, end), (from, to)) = (view.chars_of(one), view.chars_of(two));
                let message = format!("the marks {start}-{end} and {from}-{to} overlap");
                Err(PyValueError::new_err(message))
            }
        }
    }
}

/// Fails with an exception.
fn fail(py: Python<'_>, error: PyErr, marks: &mut Marks) {
    marks.fail(match place_of(py, &error) {
        Some(place) => format!("{error} ({place})"),
        None => error.to_string(),
    });
    if !error.is_instance_of::<PyException>(py) {
        ENDS.with_borrow_mut(|ends| _ = ends.get_or_insert(error));
    }
}

/// The file and line in which an exception was raised.
fn place_of(py: Python<'_>, error: &PyErr) -> Option<String> {
    let mut traceback = error.traceback(py)?.into_any();
    while let Ok(next) = traceback.getattr("tb_next")
        && !next.is_none()
    {
        traceback = next;
    }
    let line: usize = traceback.getattr("tb_lineno").ok()?.extract().ok()?;
    let code = traceback.getattr("tb_frame").ok()?.getattr("f_code").ok()?;
    let file: String = code.getattr("co_filename").ok()?.extract().ok()?;
    Some(format!("{file}:{line}"))
}

/// A document as a stage sees it. All places are characters of ``text``.
#[pyclass(module = "chaffinch", name = "Document", frozen)]
pub(crate) struct View {
    source: String,
    outlet: Option<String>,
    has_body: bool,
    lines: Vec<Line>,
    rules: HashMap<String, RuleId>,
    /// The rules and places of all hits.
    hits: HashSet<(RuleId, (usize, usize))>,
    /// The byte at which every 64th character begins.
    steps: Vec<usize>,
    chars: usize,
}

/// Characters between two entries of [`View::steps`].
const STEP: usize = 64;

impl View {
    fn of(doc: &Document<'_>) -> View {
        let source = doc.source().to_owned();
        let (mut steps, mut chars) = (Vec::with_capacity(source.len() / STEP + 1), 0);
        for (at, _) in source.char_indices() {
            if chars % STEP == 0 {
                steps.push(at);
            }
            chars += 1;
        }
        let mut view = View {
            source,
            outlet: doc.outlet().map(str::to_owned),
            has_body: doc.has_body(),
            lines: Vec::new(),
            rules: HashMap::new(),
            hits: HashSet::new(),
            steps,
            chars,
        };
        view.lines = doc.lines().map(|line| view.line(doc, line)).collect();
        let hits = view.lines.iter().flat_map(|line| &line.hits);
        view.rules = hits.clone().map(|hit| (hit.rule.clone(), hit.id)).collect();
        view.hits = hits.map(|hit| (hit.id, hit.span)).collect();
        view
    }

    fn line(&self, doc: &Document<'_>, line: SourceLine<'_, '_>) -> Line {
        let span = self.chars_of(line.span());
        let hits = line.hits().map(|hit| Hit {
            rule: doc.rule(hit.rule).id.clone(),
            span: self.chars_of(hit.span),
            fields: hit.fields.clone(),
            id: hit.rule,
        });
        let text = line.text().to_owned();
        // A line that was cut in part maps its characters one by one.
        let places = (text != doc.source()[line.span().range()]).then(|| {
            let mut places = Vec::with_capacity(text.len());
            for (at, c) in text.char_indices() {
                places.push(self.chars_of(line.source_span(at..at + c.len_utf8())));
            }
            places
        });
        Line {
            text,
            index: line.index(),
            span,
            places,
            is_blank: line.is_blank(),
            is_body: line.is_body(),
            in_head: line.in_head(),
            in_tail: line.in_tail(),
            hits: hits.collect(),
        }
    }

    /// The place of a span in characters.
    fn chars_of(&self, span: Span) -> (usize, usize) {
        (self.char_at(span.start()), self.char_at(span.end()))
    }

    fn char_at(&self, byte: usize) -> usize {
        let step = self.steps.partition_point(|at| *at <= byte).saturating_sub(1);
        let from = self.steps.get(step).copied().unwrap_or(0);
        step * STEP + self.source[from..byte].chars().count()
    }

    /// The byte at which a character begins, if there is one.
    fn byte_at(&self, place: usize) -> Option<usize> {
        if place >= self.chars {
            return (place == self.chars).then_some(self.source.len());
        }
        let from = *self.steps.get(place / STEP)?;
        let (at, _) = self.source[from..].char_indices().nth(place % STEP)?;
        Some(from + at)
    }

    /// Adds a mark that the stage returned: a tuple of start and end, or a `Mark`. Its span is added to
    /// `cuts`, which must not overlap, unless it is a hit: those of several rules may.
    fn check(
        &self,
        mark: &Bound<'_, PyAny>,
        doc: &Document<'_>,
        marks: &mut Marks,
        cuts: &mut Vec<Span>,
    ) -> PyResult<()> {
        let wrong = || {
            let shown = mark.repr().map(|shown| shown.to_string()).unwrap_or_default();
            PyTypeError::new_err(format!(
                "a mark is a tuple (start, end) or a chaffinch.Mark, not {shown}"
            ))
        };
        let tuple = mark.cast::<PyTuple>().map_err(|_| wrong())?;
        if !(2..=5).contains(&tuple.len()) {
            return Err(wrong());
        }
        let place = |index: usize| tuple.get_item(index)?.extract::<i64>().map_err(|_| wrong());
        let (start, end) = (place(0)?, place(1)?);
        let byte = |place: i64| usize::try_from(place).ok().and_then(|place| self.byte_at(place));
        let (Some(from), Some(to)) = (byte(start), byte(end)) else {
            return Err(PyValueError::new_err(format!(
                "the mark {start}-{end} is not inside the document, which has {} characters",
                self.chars
            )));
        };
        if from >= to {
            return Err(PyValueError::new_err(format!("the mark {start}-{end} is empty")));
        }
        let optional = |index: usize| -> PyResult<Option<Bound<'_, PyAny>>> {
            let value = (index < tuple.len()).then(|| tuple.get_item(index)).transpose()?;
            Ok(value.filter(|value| !value.is_none()))
        };
        let replacement: Option<String> = match optional(2)? {
            Some(value) => Some(value.extract().map_err(|_| wrong())?),
            None => None,
        };
        let fields = match optional(3)? {
            Some(value) => {
                let fields = value.cast_into::<PyDict>().map_err(|_| wrong())?;
                let pair = |(name, value): (Bound<'_, PyAny>, Bound<'_, PyAny>)| {
                    Ok((name.extract()?, value.extract()?))
                };
                fields.iter().map(pair).collect::<PyResult<Vec<(String, String)>>>()?
            }
            None => Vec::new(),
        };
        if let Some((name, _)) = fields.iter().find(|(name, _)| !is_field_name(name)) {
            return Err(PyValueError::new_err(format!(
                "the mark {start}-{end} has the field {name:?}; names of fields consist of a-z, 0-9 and _"
            )));
        }
        let rule = match optional(4)? {
            None => doc.own_rule(),
            Some(rule) => {
                let rule: String = rule.extract().map_err(|_| wrong())?;
                *self.rules.get(&rule).ok_or_else(|| {
                    PyValueError::new_err(format!(
                        "the mark {start}-{end} names the rule {rule:?}, which has no hit of this stage \
                         in the document"
                    ))
                })?
            }
        };
        let span = Span::new(from, to);
        // Both are valid, so they are not negative.
        if !self.hits.contains(&(rule, (start as usize, end as usize))) {
            cuts.push(span);
        }
        match replacement {
            None => marks.remove_with(span, rule, fields),
            Some(text) if text.contains(['\n', '\r']) => {
                return Err(PyValueError::new_err(format!(
                    "the mark {start}-{end} has the replacement {text:?}, which contains a line break"
                )));
            }
            Some(text) if doc.source()[span.range()].contains(['\n', '\r']) => {
                return Err(PyValueError::new_err(format!(
                    "the mark {start}-{end} replaces more than one line by {text:?}"
                )));
            }
            Some(text) => {
                marks.replace(span, text, rule);
                if !fields.is_empty() {
                    marks.note(span, rule, fields);
                }
            }
        }
        Ok(())
    }
}

#[pymethods]
impl View {
    /// The decoded text of the document, which no stage changes.
    #[getter]
    fn text(&self) -> &str {
        &self.source
    }

    /// The id of the outlet, if it is known.
    #[getter]
    fn outlet(&self) -> Option<&str> {
        self.outlet.as_deref()
    }

    /// Whether a line is a sentence of the article. Without one, no line is in the head or in the tail.
    #[getter]
    fn has_body(&self) -> bool {
        self.has_body
    }

    /// The lines that earlier stages left, blank ones included.
    #[getter]
    fn lines(&self) -> Vec<Line> {
        self.lines.clone()
    }

    fn __repr__(&self) -> String {
        format!("<chaffinch.Document {} characters, {} lines>", self.chars, self.lines.len())
    }
}

/// A line as earlier stages left it.
#[pyclass(module = "chaffinch", frozen)]
#[derive(Clone)]
pub(crate) struct Line {
    /// Its text, without what earlier stages cut and without the line break.
    #[pyo3(get)]
    text: String,
    /// Its number among all lines of the document, from 0.
    #[pyo3(get)]
    index: usize,
    /// Its place in ``Document.text``, in characters, without the line break.
    #[pyo3(get)]
    span: (usize, usize),
    /// The place of each character, if the text differs from the source.
    places: Option<Vec<(usize, usize)>>,
    /// Whether nothing but white space is left of it.
    #[pyo3(get)]
    is_blank: bool,
    /// Whether it is a sentence of the article: it ends like one and has eight words or more.
    #[pyo3(get)]
    is_body: bool,
    /// Whether it is above the first body line, or one of the first three lines.
    #[pyo3(get)]
    in_head: bool,
    /// Whether it is below the last body line, or one of the last three lines.
    #[pyo3(get)]
    in_tail: bool,
    /// The matches of the stage's own rules, in rule files, in this line.
    #[pyo3(get)]
    hits: Vec<Hit>,
}

#[pymethods]
impl Line {
    /// The place in ``Document.text`` of the characters from ``start`` to ``end`` of this line's text.
    /// What earlier stages cut between them is included.
    fn place(&self, start: usize, end: usize) -> PyResult<(usize, usize)> {
        let count = self.places.as_ref().map_or(self.span.1 - self.span.0, Vec::len);
        if start >= end || end > count {
            return Err(PyValueError::new_err(format!(
                "{start}-{end} is not a range of the {count} characters of the line"
            )));
        }
        Ok(match &self.places {
            None => (self.span.0 + start, self.span.0 + end),
            Some(places) => (places[start].0, places[end - 1].1),
        })
    }

    fn __repr__(&self) -> String {
        format!("<chaffinch.Line {}: {:?}>", self.index, self.text)
    }
}

/// A match of a rule of this stage in a line.
#[pyclass(module = "chaffinch", frozen)]
#[derive(Clone)]
pub(crate) struct Hit {
    /// The id of the rule.
    #[pyo3(get)]
    rule: String,
    /// Its place in ``Document.text``, in characters.
    #[pyo3(get)]
    span: (usize, usize),
    fields: Vec<(String, String)>,
    id: RuleId,
}

#[pymethods]
impl Hit {
    /// The fields that the pattern captured.
    #[getter]
    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let fields = PyDict::new(py);
        for (name, value) in &self.fields {
            fields.set_item(name, value)?;
        }
        Ok(fields)
    }

    fn __repr__(&self) -> String {
        let (start, end) = self.span;
        format!("<chaffinch.Hit {start}-{end} {}>", self.rule)
    }
}

/// Runs the tests that every stage must pass on a stage written in Python.
///
/// Marks must lie inside the document; the same document must give the same marks; and cleaning again
/// and again must come to an end, after at most eight rounds. The stage is run on documents that are
/// known to be difficult, and on ``documents``.
///
/// Args:
///     stage: A function decorated with :func:`stage`.
///     documents: Documents of your own.
///
/// Raises:
///     AssertionError: The stage failed; the message has the document.
#[pyfunction]
#[pyo3(signature = (stage, *documents))]
pub(crate) fn check_stage(stage: &Bound<'_, PyAny>, documents: Vec<String>) -> PyResult<()> {
    let py = stage.py();
    let definition = Definition::of(stage)?;
    let made = definition.make(&mut Options::default());
    let made = made.map_err(|error| PyValueError::new_err(error.to_string()))?;
    let own: Vec<&str> = documents.iter().map(String::as_str).collect();
    let checked = py.detach(|| interruptible(|| contract::verify(&made, &own)))?;
    checked.map_err(|violation| PyAssertionError::new_err(violation.to_string()))
}
