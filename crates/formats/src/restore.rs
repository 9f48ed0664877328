//! The way back: originals from a run's output and its ledger alone, each verified by its digest.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Component, Path};

use crate::input::Container;
use crate::job::Error;
use crate::jsonl;
use crate::ledger::{self, Reader, Record};
use crate::output::{WholeFile, copy_whole, listed, write_whole};
use crate::runs::ledgers;
use crate::samples::Document;

/// What a restoring run did.
#[derive(Debug, Default)]
pub struct Restored {
    /// Documents restored, each with the digest of its original.
    pub documents: u64,
    /// What could not be restored, and why.
    pub problems: Vec<(String, String)>,
}

/// Restores the originals of the run in `run` into `target`.
///
/// A cleaned file that was changed and a ledger that is damaged are named in the result; all else
/// is restored.
///
/// # Errors
/// `run` is no run's output, or `target` cannot be written or is not empty.
pub fn restore(run: &Path, target: &Path) -> Result<Restored, Error> {
    let ledgers = ledgers(run)?;
    let used = fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_some());
    if used {
        return Err(Error::Usage(format!(
            "{} is not empty; name a new directory",
            target.display()
        )));
    }
    let failed = |error| Error::Output(target.display().to_string(), error);
    fs::create_dir_all(target).map_err(failed)?;
    let mut work = Work { run, target, result: Restored::default(), container: None };
    for path in ledgers {
        let shown = path.display().to_string();
        match Reader::open(&path) {
            Err(error) => work.problem(&shown, format!("the ledger cannot be read: {error}")),
            Ok(records) => {
                for (count, record) in records.enumerate() {
                    match record {
                        Ok(record) => work.record(&record).map_err(failed)?,
                        Err(error) => {
                            let reason =
                                format!("the ledger is damaged after {count} documents: {error}");
                            work.problem(&shown, reason);
                            break;
                        }
                    }
                }
            }
        }
    }
    work.close().map_err(failed)?;
    work.copy_the_rest().map_err(failed)?;
    Ok(work.result)
}

/// The originals of the documents that `wanted` names, `most` of them at most. What cannot be
/// restored is left out.
///
/// # Errors
/// `run` is no run's output, or its ledger cannot be read.
pub fn originals(
    run: &Path,
    wanted: &dyn Fn(&Record) -> bool,
    most: usize,
) -> Result<Vec<Document>, Error> {
    let mut found = Vec::new();
    let mut rows: Option<(String, BufReader<File>, u64)> = None;
    for path in ledgers(run)? {
        let failed = |error| Error::Input(path.display().to_string(), error);
        for record in Reader::open(&path).map_err(failed)? {
            let record = record.map_err(failed)?;
            if found.len() >= most {
                return Ok(found);
            }
            if !wanted(&record) || record.digest.is_empty() || !is_inside(&record.file) {
                continue;
            }
            let original = match record.in_container {
                false => fs::read(run.join(&record.file)).ok().and_then(|output| {
                    verified(&record, &output, |output| {
                        record.undo.restore(output).map_err(|error| error.to_string())
                    })
                    .ok()
                }),
                true => {
                    if rows.as_ref().is_none_or(|(name, ..)| *name != record.file) {
                        let file = File::open(run.join(&record.file)).map_err(failed)?;
                        rows = Some((record.file.clone(), BufReader::new(file), 0));
                    }
                    let line = match &mut rows {
                        Some((_, rows, at)) => row_at(rows, at, record.ordinal).map_err(failed)?,
                        None => None,
                    };
                    line.zip(record.row.as_ref()).and_then(|(line, undo)| {
                        verified(&record, &line, |line| restore_line(line, &record, undo)).ok()
                    })
                }
            };
            let name = match record.in_container {
                true => format!("{}:{}", record.file, record.ordinal + 1),
                false => record.file.clone(),
            };
            found.extend(original.and_then(|original| text_of(&record, &original, name)));
        }
    }
    Ok(found)
}

/// The row with this number, counted without blank ones; `at` is the number of the next.
fn row_at(rows: &mut dyn BufRead, at: &mut u64, number: u64) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if rows.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        if !line.trim_ascii().is_empty() {
            *at += 1;
            if *at > number {
                return Ok(Some(line));
            }
        }
    }
}

fn text_of(record: &Record, original: &[u8], name: String) -> Option<Document> {
    let Some(undo) = &record.row else {
        let text = chaffinch_core::decode(original, None).ok()?.text.into_owned();
        return Some(Document { name, path: None, text, url: None });
    };
    let row = original.strip_prefix(b"\xef\xbb\xbf").unwrap_or(original).trim_ascii_end();
    let names = jsonl::FieldNames { text: vec![undo.field.clone()], ..Default::default() };
    let row = jsonl::Row::parse(row, &names).ok()?;
    Some(Document { name, path: None, text: row.text, url: row.url })
}

/// A container being restored, row by row.
struct Open {
    name: String,
    rows: Option<BufReader<File>>,
    out: WholeFile,
    ordinal: u64,
}

struct Work<'a> {
    run: &'a Path,
    target: &'a Path,
    result: Restored,
    container: Option<Open>,
}

impl Work<'_> {
    fn problem(&mut self, name: &str, reason: String) {
        self.result.problems.push((name.to_owned(), reason));
    }

    fn record(&mut self, record: &Record) -> io::Result<()> {
        if !is_inside(&record.file) {
            self.problem(
                &record.file,
                "the ledger is damaged: this name leads out of the output".into(),
            );
            return Ok(());
        }
        let open = self.container.as_ref().map(|open| open.name.as_str());
        if open.is_some() && open != Some(&*record.file) {
            self.close()?;
        }
        match record.in_container {
            true => self.row(record),
            false => self.document(record),
        }
    }

    fn document(&mut self, record: &Record) -> io::Result<()> {
        let (from, to) = (self.run.join(&record.file), self.target.join(&record.file));
        if record.digest.is_empty() {
            // It was too large to be held, and passed through.
            return match File::open(&from) {
                Ok(file) => {
                    self.result.documents += 1;
                    copy_whole(&mut BufReader::new(file), &to)
                }
                Err(error) => {
                    self.problem(&record.file, format!("the cleaned file cannot be read: {error}"));
                    Ok(())
                }
            };
        }
        let restored = fs::read(&from)
            .map_err(|error| format!("the cleaned file cannot be read: {error}"))
            .and_then(|output| {
                verified(record, &output, |output| {
                    record.undo.restore(output).map_err(|error| error.to_string())
                })
            });
        match restored {
            Ok(original) => {
                self.result.documents += 1;
                write_whole(&to, &original)
            }
            Err(reason) => {
                self.problem(&record.file, reason);
                Ok(())
            }
        }
    }

    fn row(&mut self, record: &Record) -> io::Result<()> {
        if self.container.is_none() {
            let rows = File::open(self.run.join(&record.file)).map(BufReader::new);
            if let Err(error) = &rows {
                self.problem(&record.file, format!("the cleaned file cannot be read: {error}"));
            }
            let out = WholeFile::create(&self.target.join(&record.file))?;
            let (name, rows) = (record.file.clone(), rows.ok());
            self.container = Some(Open { name, rows, out, ordinal: 0 });
        }
        let Some(open) = &mut self.container else { return Ok(()) };
        let Some(rows) = &mut open.rows else { return Ok(()) };
        let mut line = Vec::new();
        loop {
            line.clear();
            if rows.read_until(b'\n', &mut line)? == 0 {
                let name = format!("{}:{}", record.file, record.ordinal + 1);
                self.problem(&name, "the row is missing from the cleaned file".into());
                return Ok(());
            }
            if !line.trim_ascii().is_empty() {
                break;
            }
            open.out.write_all(&line)?;
        }
        open.ordinal += 1;
        let restored = match (&record.row, record.digest.is_empty()) {
            (_, true) => Ok(line.clone()),
            (None, _) => verified(record, &line, |line| Ok(line.to_vec())),
            (Some(undo), _) => verified(record, &line, |line| restore_line(line, record, undo)),
        };
        match restored {
            Ok(original) => {
                self.result.documents += 1;
                open.out.write_all(&original)
            }
            Err(reason) => {
                // The row stays as it is, so that those behind it keep their places.
                open.out.write_all(&line)?;
                let name = format!("{}:{}", record.file, record.ordinal + 1);
                self.problem(&name, reason);
                Ok(())
            }
        }
    }

    /// Ends the container in hand: blank rows at its end, and rows that the ledger does not know.
    fn close(&mut self) -> io::Result<()> {
        let Some(mut open) = self.container.take() else { return Ok(()) };
        let Some(rows) = &mut open.rows else { return Ok(()) };
        let (mut line, mut unknown) = (Vec::new(), false);
        while rows.read_until(b'\n', &mut line)? > 0 {
            unknown |= !line.trim_ascii().is_empty();
            open.out.write_all(&line)?;
            line.clear();
        }
        if unknown {
            self.problem(
                &open.name,
                format!("rows behind row {} are not in the ledger", open.ordinal),
            );
        }
        open.out.finish()
    }

    /// Copies files without a document, such as a container of blank rows.
    fn copy_the_rest(&mut self) -> io::Result<()> {
        let named: Vec<String> =
            self.result.problems.iter().map(|(name, _)| name.clone()).collect();
        for name in listed(self.run)? {
            let name = name?;
            if !is_inside(&name) {
                continue;
            }
            let (from, to) = (self.run.join(&name), self.target.join(&name));
            if !to.exists() && from.is_file() && !named.contains(&name) && is_container(&from) {
                copy_whole(&mut BufReader::new(File::open(&from)?), &to)?;
            }
        }
        Ok(())
    }
}

/// Whether a name stays below the directory that it is joined to.
fn is_inside(name: &str) -> bool {
    let normal = |part| matches!(part, Component::Normal(_));
    !name.is_empty() && Path::new(name).components().all(normal)
}

fn is_container(path: &Path) -> bool {
    Container::of(path) == Container::Jsonl
}

fn restore_line(line: &[u8], record: &Record, undo: &jsonl::RowUndo) -> Result<Vec<u8>, String> {
    let content = line.strip_suffix(b"\n").unwrap_or(line);
    let content = if line.ends_with(b"\n") {
        content.strip_suffix(b"\r").unwrap_or(content)
    } else {
        content
    };
    let end = &line[content.len()..];
    let mark: &[u8] = if content.starts_with(b"\xef\xbb\xbf") { &content[..3] } else { b"" };
    let row = jsonl::restore_row(&content[mark.len()..], undo, |text| {
        record.undo.restore_text(text).ok()
    });
    let row = row.map_err(|error| error.to_string())?;
    Ok([mark, row.as_bytes(), end].concat())
}

/// The original, if output and original have the digests that the record says.
fn verified(
    record: &Record,
    output: &[u8],
    restore: impl FnOnce(&[u8]) -> Result<Vec<u8>, String>,
) -> Result<Vec<u8>, String> {
    if ledger::output_digest(output) != record.output {
        return Err("the cleaned text was changed after the run".into());
    }
    let original = restore(output)?;
    match ledger::digest(&original) == record.digest {
        true => Ok(original),
        false => Err("the ledger is damaged: what it gives is not the original".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_below_their_directory() {
        assert!(is_inside("a/b.txt") && is_inside("odd name"));
        for name in ["../a", "a/../../b", "/etc/passwd", "", ".."] {
            assert!(!is_inside(name), "{name}");
        }
    }
}
