//! Counts what rules did in a finished run, by outlet and month. The report on drift compares these
//! counts to find rules that stopped matching.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use crate::error::Error;
use crate::ledger::runs::Records;

/// What rules did to the documents of one outlet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleActivity {
    /// The documents.
    pub documents: u64,
    /// Lines left in them below the last sentence.
    pub tail_lines: u64,
    /// In how many of them each rule cut something.
    pub rules: BTreeMap<String, u64>,
    /// The earliest day of a document, where days are known.
    pub first_day: Option<String>,
}

impl RuleActivity {
    /// Adds what rules did to other documents.
    pub fn add(&mut self, other: &RuleActivity) {
        self.documents += other.documents;
        self.tail_lines += other.tail_lines;
        for (rule, count) in &other.rules {
            *self.rules.entry(rule.clone()).or_default() += count;
        }
        let days = [self.first_day.take(), other.first_day.clone()];
        self.first_day = days.into_iter().flatten().min();
    }
}

/// What rules did in a run, by outlet and by month (`2024-05`, or none where days are unknown).
/// Reads the ledgers once, a record at a time.
///
/// # Errors
/// `run` is no run's output, or its ledger cannot be read.
pub fn tally_by_month(
    run: &Path,
) -> Result<BTreeMap<(String, Option<String>), RuleActivity>, Error> {
    let mut all: BTreeMap<(String, Option<String>), RuleActivity> = BTreeMap::new();
    let mut records = Records::of_run(run)?;
    while let Some(record) = records.next()? {
        let Some(outlet) = record.outlet.map(Cow::into_owned) else { continue };
        let month = record.day.as_deref().and_then(|day| day.get(..7)).map(str::to_owned);
        let activity = all.entry((outlet, month)).or_default();
        activity.documents += 1;
        activity.tail_lines += record.tail_lines;
        let days = [activity.first_day.take(), record.day];
        activity.first_day = days.into_iter().flatten().min();
        let mut rules: Vec<u32> = record.undo.edits.iter().map(|edit| edit.rule).collect();
        rules.sort_unstable();
        rules.dedup();
        for rule in rules.iter().filter_map(|rule| records.rules().get(*rule as usize)) {
            match activity.rules.get_mut(&rule.id) {
                Some(count) => *count += 1,
                None => drop(activity.rules.insert(rule.id.clone(), 1)),
            }
        }
    }
    Ok(all)
}
