//! The class `Pipeline`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chaffinch::{Cleaner, Level};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple, PyType};

use crate::batch::{self, Batch, Names};
use crate::cleaned::Cleaned;
use crate::document::{Body, Document};
use crate::files::Files;
use crate::many::CleanMany;
use crate::paths::paths;
use crate::pool;
use crate::run;
use crate::settings::{Settings, Source};
use crate::stage::Tally;

/// Rules, stages and settings, ready to clean documents.
///
/// Making one reads the rules, so make it once. It can be shared between threads. It can be pickled:
/// its settings and the contents of its files are sent, so that other machines make the same pipeline.
///
/// Args:
///     pipeline: A pipeline file, or a pipeline as YAML. A str with a line break or ``": "`` in it is
///         YAML. By default the pipeline that ships.
///     rules: Directories of rule files, which replace the outlets that ship.
///     rule_files: Rule files, which replace the outlets that ship.
///     level: How much the line model removes: ``"off"``, ``"careful"``, ``"balanced"`` or ``"full"``.
///         By default as the pipeline says.
///     outlet: The id of the outlet of all documents. By default each is detected.
///     encoding: The encoding of bytes without a byte order mark, such as ``"windows-1256"``. By
///         default it is detected.
///     cache: A directory to keep compiled rules in, for other processes. By default that of the command
///         line, which the environment variable ``CHAFFINCH_CACHE_DIR`` sets; ``""`` is none.
///     stages: Functions decorated with :func:`stage`. They run where the pipeline names them, else at
///         the end.
///
/// Raises:
///     chaffinch.Error: A file or a setting is wrong; ``problems`` lists everything that is.
#[pyclass(module = "chaffinch", frozen)]
pub(crate) struct Pipeline {
    pub(crate) cleaner: Cleaner,
    settings: Settings,
    /// The files that a pickled pipeline brought along.
    files: Option<Files>,
    pub(crate) tally: Tally,
}

/// A pickled pipeline, from its settings with absolute paths, its files, and the directory that
/// relative paths refer to.
#[pyfunction]
#[pyo3(name = "_unpickle")]
pub(crate) fn unpickle(
    py: Python<'_>,
    settings: &Bound<'_, PyDict>,
    contents: Vec<(PathBuf, Vec<u8>)>,
    base: PathBuf,
) -> PyResult<Pipeline> {
    let item = |name: &str| Ok::<_, PyErr>(settings.get_item(name)?.filter(|item| !item.is_none()));
    let text = |name: &str| item(name)?.map(|text| text.extract::<String>()).transpose();
    let several = |name: &str| {
        let several = item(name)?.map(|several| several.extract::<Vec<PathBuf>>()).transpose()?;
        Ok::<_, PyErr>(several.unwrap_or_default())
    };
    let pipeline = item("pipeline")?.map(|pipeline| {
        let path = pipeline.cast::<PyString>().is_err();
        Ok::<_, PyErr>(if path {
            Source::File(pipeline.extract()?)
        } else {
            Source::Text(pipeline.extract()?)
        })
    });
    let stages = item("stages")?.map(|stages| stages.extract()).transpose()?;
    let settings = Settings {
        pipeline: pipeline.transpose()?,
        rules: several("rules")?,
        rule_files: several("rule_files")?,
        level: text("level")?.and_then(|level| Level::from_name(&level)),
        outlet: text("outlet")?,
        encoding: text("encoding")?,
        cache: item("cache")?.map(|cache| cache.extract()).transpose()?,
        stages: stages.unwrap_or_default(),
    };
    let files = Files { settings: settings.clone_ref(py), contents, base };
    let root = tempfile::tempdir()?;
    let mut unpacked = files.unpack(py, root.path())?;
    if !unpacked.rules.is_empty() {
        // These directories will never be read again, so caching them would only fill the disk.
        unpacked.cache = Some(PathBuf::new());
    }
    let cleaner = unpacked.build(py, false)?;
    Ok(Pipeline { cleaner, settings, files: Some(files), tally: Tally::default() })
}

#[pymethods]
impl Pipeline {
    #[new]
    #[pyo3(signature = (
        pipeline=None, *, rules=Vec::new(), rule_files=Vec::new(), level=None, outlet=None,
        encoding=None, cache=None, stages=Vec::new()
    ))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn new(
        py: Python<'_>,
        pipeline: Option<&Bound<'_, PyAny>>,
        rules: Vec<PathBuf>,
        rule_files: Vec<PathBuf>,
        level: Option<&str>,
        outlet: Option<String>,
        encoding: Option<String>,
        cache: Option<PathBuf>,
        stages: Vec<Py<PyAny>>,
    ) -> PyResult<Pipeline> {
        let wrong = |level: &str| {
            PyValueError::new_err(format!(
                "level must be off, careful, balanced or full, not {level:?}"
            ))
        };
        let level = level.map(|level| Level::from_name(level).ok_or_else(|| wrong(level)));
        let is_str = pipeline.is_some_and(|pipeline| pipeline.is_instance_of::<PyString>());
        let pipeline = pipeline.map(Source::of).transpose()?;
        let level = level.transpose()?;
        let settings =
            Settings { pipeline, rules, rule_files, level, outlet, encoding, cache, stages };
        let cleaner = settings.build(py, is_str)?;
        Ok(Pipeline { cleaner, settings, files: None, tally: Tally::default() })
    }

    /// A pipeline from a pipeline file or from YAML, with the keywords of the constructor.
    #[classmethod]
    #[pyo3(signature = (source, **options))]
    fn from_yaml<'py>(
        class: &Bound<'py, PyType>,
        source: &Bound<'py, PyAny>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        class.call((source,), options)
    }

    /// Cleans a document.
    ///
    /// A str is cleaned as it is; bytes are decoded first. Cleaning does not fail: a document that
    /// cannot be cleaned passes through unchanged, and its ``verdict`` is ``"failed"``.
    ///
    /// Args:
    ///     document: The text of the page.
    ///     url: Its URL, which identifies the outlet.
    ///     id: A name of your own, which the result has.
    ///     path: Its path relative to the corpus, which can identify the outlet as well.
    ///     date: The day it was published, such as ``"2024-05-31"``, for rules that apply to a period.
    ///     outlet: The id of its outlet, which is then not detected.
    #[pyo3(signature = (document, *, url=None, id=None, path=None, date=None, outlet=None))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn clean(
        &self,
        py: Python<'_>,
        document: &Bound<'_, PyAny>,
        url: Option<String>,
        id: Option<String>,
        path: Option<String>,
        date: Option<String>,
        outlet: Option<String>,
    ) -> PyResult<Cleaned> {
        let body = Body::required(document)?;
        let document = Document { body, url, id, path, date, outlet };
        let cleaned = py.detach(|| document.clean(&self.cleaner))?;
        self.tally.count(py, cleaned.failed_stages());
        Ok(cleaned)
    }

    /// Cleans documents in parallel and returns an iterator over the results, in order.
    ///
    /// Documents are taken from ``documents`` and cleaned in batches while the results are read, so
    /// memory is bounded. An exception raised by ``documents`` is raised after the results of the
    /// documents before it.
    ///
    /// Args:
    ///     documents: Documents, or objects of the class ``Input``.
    ///     threads: The number of threads. By default one for each core.
    #[pyo3(signature = (documents, threads=None))]
    fn clean_many(
        &self,
        documents: &Bound<'_, PyAny>,
        threads: Option<usize>,
    ) -> PyResult<CleanMany> {
        if Document::is_one(documents)? {
            let found = documents.get_type().name()?;
            return Err(PyTypeError::new_err(format!(
                "clean_many takes an iterable of documents, not {found}; use clean for one document, or \
                 pass it in a list"
            )));
        }
        let documents = documents.try_iter()?.unbind();
        let (cleaner, tally) = (self.cleaner.clone(), self.tally.clone());
        Ok(CleanMany::new(cleaner, tally, documents, pool::threads(threads)?))
    }

    /// Cleans the texts of a table in parallel, without making Python objects of them.
    ///
    /// Returns the table with the cleaned texts in place and two more columns. ``chaffinch`` has
    /// ``outlet``, ``verdict``, ``reason``, ``fields`` (JSON) and ``removed_bytes``, as in Parquet files
    /// of the command line. ``chaffinch_ledger`` has the ``digest`` of the original and the ``edits``, each
    /// with its place ``at`` in bytes of the original, ``rule``, ``text``, ``replacement`` and
    /// ``confidence``; :func:`restore_batch` restores the texts from it. Columns of these names are
    /// replaced. A null stays null. A document that cannot be cleaned passes through unchanged, and its
    /// verdict is ``failed``.
    ///
    /// Args:
    ///     data: A table, record batch or column with the Arrow PyCapsule interface, such as those of
    ///         pyarrow, polars, pandas and duckdb.
    ///     text: The column that holds the text. By default the first of ``text``, ``content`` and
    ///         ``body``.
    ///     url: The column with URLs, which identify outlets.
    ///     date: The column with days, such as ``2024-05-31``, for rules that apply to a period. The
    ///         columns ``url`` and ``date`` are used if they exist; ``None`` ignores them.
    ///     outlet: The column with outlets, which are then not detected.
    ///     threads: The number of threads. By default one for each core.
    #[pyo3(
        signature = (
            data, text=None, *, url=Some("url".into()), date=Some("date".into()), outlet=None,
            threads=None
        ),
        text_signature = "($self, data, text=None, *, url='url', date='date', outlet=None, threads=None)"
    )]
    fn clean_batch(
        &self,
        data: &Bound<'_, PyAny>,
        text: Option<String>,
        url: Option<String>,
        date: Option<String>,
        outlet: Option<String>,
        threads: Option<usize>,
    ) -> PyResult<Batch> {
        let names = Names { text, url, date, outlet };
        batch::clean(&self.cleaner, &self.tally, data, &names, pool::threads(threads)?)
    }

    /// Cleans files and directories as ``chaffinch clean`` does: text, JSON Lines, CSV and WET, also
    /// compressed. The ledger is in the output, for :func:`restore_files`. A call that was interrupted, by
    /// Ctrl-C or by the end of the process, is resumed by repeating it.
    ///
    /// Args:
    ///     inputs: Files and directories: a path, or several.
    ///     output: The directory to write to.
    ///     text: The field of records that holds the text. By default the first of ``text``, ``content``
    ///         and ``body``.
    ///     threads: The number of threads. By default one for each core.
    ///     fresh: Replace the output of any earlier run in the directory. By default an interrupted run is
    ///         resumed, and a finished one is replaced only if its inputs are given again and still exist.
    ///
    /// Returns:
    ///     The number of documents with each verdict, and ``removed_bytes``.
    ///
    /// Raises:
    ///     chaffinch.Error: The output cannot be written, or belongs to another run.
    #[pyo3(signature = (inputs, output, *, text=None, threads=None, fresh=false))]
    fn clean_files(
        &self,
        py: Python<'_>,
        inputs: &Bound<'_, PyAny>,
        output: PathBuf,
        text: Option<&str>,
        threads: Option<usize>,
        fresh: bool,
    ) -> PyResult<Py<PyDict>> {
        let inputs = paths(inputs)?;
        if !self.settings.stages.is_empty() {
            // Their failures would not be in the record of the run.
            return Err(PyValueError::new_err(
                "files are cleaned as by the command line, which has no stages written in Python; read \
                 them, and clean tables with clean_batch",
            ));
        }
        run::clean(py, &self.cleaner, inputs, output, text, fresh, pool::threads(threads)?)
    }

    /// The names of the stages, in order.
    #[getter]
    fn stages(&self) -> Vec<&str> {
        self.cleaner.stages().collect()
    }

    /// The number of documents in which a stage written in Python or a plugin failed, by the name of the
    /// stage. Such a document has no marks of that stage, and its ``reason`` says why. Files that
    /// ``clean_files`` cleaned are not counted: the record of the run counts them.
    #[getter]
    fn stage_failures(&self) -> BTreeMap<String, u64> {
        self.tally.counts()
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let files = match &self.files {
            Some(files) => files.clone_ref(py),
            None => Files::read(py, &self.settings)?,
        };
        let Settings { pipeline, rules, rule_files, level, outlet, encoding, cache, stages } =
            &files.settings;
        let keywords = PyDict::new(py);
        match pipeline {
            Some(Source::Text(yaml)) => keywords.set_item("pipeline", yaml)?,
            Some(Source::File(file)) => keywords.set_item("pipeline", file)?,
            None => {}
        }
        keywords.set_item("rules", rules)?;
        keywords.set_item("rule_files", rule_files)?;
        keywords.set_item("level", level.map(Level::name))?;
        keywords.set_item("outlet", outlet)?;
        keywords.set_item("encoding", encoding)?;
        keywords.set_item("cache", cache)?;
        keywords.set_item("stages", stages)?;
        let contents: Vec<_> = files
            .contents
            .iter()
            .map(|(path, contents)| (path, PyBytes::new(py, contents)))
            .collect();
        let unpickle = py.import("chaffinch._chaffinch")?.getattr("_unpickle")?;
        let arguments = (keywords, contents, &files.base).into_pyobject(py)?;
        (unpickle, arguments).into_pyobject(py)
    }

    fn __repr__(&self) -> String {
        let stages: Vec<&str> = self.cleaner.stages().collect();
        format!("<chaffinch.Pipeline {}>", stages.join(" "))
    }
}
