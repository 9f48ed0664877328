//! Two runs over the same documents, side by side.

use std::collections::HashMap;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use crate::error::Error;
use crate::ledger::runs::Records;
use crate::ledger::{Record, RuleEntry};

/// What two runs say of a document, with the rules that edits name by their place.
pub enum Joined<'a> {
    /// Both know it.
    Both((&'a Record<'a>, &'a [RuleEntry]), (&'a Record<'a>, &'a [RuleEntry])),
    /// Only the first does.
    First(&'a Record<'a>),
    /// Only the second does.
    Second(&'a Record<'a>),
}

/// Goes through two runs at once, document by document.
///
/// The ledgers are streamed: what is held is eight bytes and a number for each file of the first.
///
/// # Errors
/// One is no run's output, a ledger cannot be read, or the runs read the same files in another
/// order.
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
                "the runs read their documents in another order ({} comes too late in the second); \
                 clean both with the inputs in the same order",
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

/// The place of each file in the order of a run.
fn places(run: &Path) -> Result<HashMap<u64, u64>, Error> {
    let mut places = HashMap::new();
    let mut records = Records::of_run(run)?;
    while let Some(record) = records.next()? {
        let next = places.len() as u64;
        places.entry(xxh3_64(key(&record).0.as_bytes())).or_insert(next);
    }
    Ok(places)
}

/// A document's input file, and its place there.
fn key<'r>(record: &'r Record<'_>) -> (&'r str, u64) {
    match &record.origin {
        Some(origin) => (&origin.file, origin.record.unwrap_or(0)),
        None => (&record.file, record.ordinal),
    }
}
