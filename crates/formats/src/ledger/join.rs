//! Two runs over the same documents, side by side.

use std::collections::HashMap;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use crate::error::Error;
use crate::ledger::runs::Records;
use crate::ledger::{Record, RuleEntry};

/// The ledger records of a document in two runs, with the tables of rules that their edits refer to.
pub enum Joined<'a> {
    /// In both runs.
    Both((&'a Record<'a>, &'a [RuleEntry]), (&'a Record<'a>, &'a [RuleEntry])),
    /// Only in the first run.
    First(&'a Record<'a>),
    /// Only in the second run.
    Second(&'a Record<'a>),
}

/// Pairs the documents of two runs, in order.
///
/// The ledgers are streamed; memory holds eight bytes and a number for each file of the first run.
///
/// # Errors
/// `first` or `second` is not the output of a run, a ledger cannot be read, or the runs read the
/// same files in different orders.
pub fn join(
    first: &Path,
    second: &Path,
    each: &mut dyn FnMut(Joined<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let places = places(first)?;
    let (mut ours, mut theirs) = (Records::of_run(first)?, Records::of_run(second)?);
    let place = |record: &Record<'_>| -> Option<(u64, u64)> {
        let (file, ordinal) = key(record);
        Some((*places.get(&xxh3_64(file.as_bytes()))?, ordinal))
    };
    let mut waiting = ours.next()?;
    let mut last = None;
    while let Some(record) = theirs.next()? {
        let Some(at) = place(&record) else {
            each(Joined::Second(&record))?;
            continue;
        };
        if last > Some(at) {
            let message = format!(
                "the runs read their documents in different orders ({} comes later in the second \
                 run); clean both with the inputs in the same order",
                record.name()
            );
            return Err(Error::Usage(message));
        }
        last = Some(at);
        let mut found = false;
        while let Some(own) = waiting.take() {
            match place(&own).cmp(&Some(at)) {
                std::cmp::Ordering::Less => each(Joined::First(&own))?,
                std::cmp::Ordering::Equal => {
                    each(Joined::Both((&own, ours.rules()), (&record, theirs.rules())))?;
                    waiting = ours.next()?;
                    found = true;
                    break;
                }
                std::cmp::Ordering::Greater => {
                    waiting = Some(own);
                    break;
                }
            }
            waiting = ours.next()?;
        }
        if !found {
            each(Joined::Second(&record))?;
        }
    }
    while let Some(own) = waiting {
        each(Joined::First(&own))?;
        waiting = ours.next()?;
    }
    Ok(())
}

/// The position of each file in the order of a run, by the hash of its name.
fn places(run: &Path) -> Result<HashMap<u64, u64>, Error> {
    let mut places = HashMap::new();
    let mut records = Records::of_run(run)?;
    while let Some(record) = records.next()? {
        let next = places.len() as u64;
        places.entry(xxh3_64(key(&record).0.as_bytes())).or_insert(next);
    }
    Ok(places)
}

/// A document's input file, and its position there.
fn key<'r>(record: &'r Record<'_>) -> (&'r str, u64) {
    match &record.origin {
        Some(origin) => (&origin.file, origin.record.unwrap_or(0)),
        None => (&record.file, record.ordinal),
    }
}
