//! Drift: rules that stopped matching, and outlets for which more boilerplate is left than before.
//!
//! Outlets change their layout without notice. A rule that matched in most documents and now
//! matches in none, or a growing tail, indicates such a change. Two periods are compared: two runs,
//! or the months of one run. A rule has stopped if its current number of documents would be too
//! unlikely at its earlier rate, by a one-sided binomial test.

use std::collections::BTreeMap;

use chaffinch_formats::RuleActivity;

/// The probability below which a rule has stopped.
const UNLIKELY: f64 = 0.005;

/// The share of its earlier rate below which a rule has stopped.
const STOPPED: f64 = 0.2;

/// The minimum number of documents in both periods for comparing tails.
const TAIL_DOCUMENTS: u64 = 5;

/// The changes for the documents of one outlet.
#[derive(Clone, Debug, PartialEq)]
pub struct Drift {
    /// The outlet.
    pub outlet: String,
    /// What rules did before the change.
    pub before: RuleActivity,
    /// What rules did after the change.
    pub after: RuleActivity,
    /// The first month after the change, if the months of one run are compared.
    pub month: Option<String>,
    /// The outlet's rules that stopped matching.
    pub stopped: Vec<String>,
    /// Whether more lines are left below the last sentence.
    pub tail_grew: bool,
}

impl Drift {
    /// The average number of lines left below the last sentence of a document, before and after the
    /// change.
    pub fn tails(&self) -> (f64, f64) {
        (tail(&self.before), tail(&self.after))
    }
}

fn tail(activity: &RuleActivity) -> f64 {
    activity.tail_lines as f64 / activity.documents.max(1) as f64
}

/// Totals by outlet and month, as returned by [`chaffinch_formats::tally_by_month`].
pub type ByMonth = BTreeMap<(String, Option<String>), RuleActivity>;

/// The changes between runs: the last one compared with all earlier ones.
pub fn between_runs(runs: &[ByMonth]) -> Vec<Drift> {
    let Some((last, earlier)) = runs.split_last() else { return Vec::new() };
    let sum = |runs: &[ByMonth]| {
        let mut all: BTreeMap<String, RuleActivity> = BTreeMap::new();
        for ((outlet, _), activity) in runs.iter().flatten() {
            all.entry(outlet.clone()).or_default().add(activity);
        }
        all
    };
    let (before, after) = (sum(earlier), sum(std::slice::from_ref(last)));
    let compared = before.iter().filter_map(|(outlet, before)| {
        let after = after.get(outlet)?;
        compare(outlet, before, after, None)
    });
    compared.collect()
}

/// The changes inside a run: for each outlet, the month from which most rules have stopped.
/// Documents without a known date do not count.
pub fn inside_run(run: &ByMonth) -> Vec<Drift> {
    let mut months: BTreeMap<&str, Vec<(&str, &RuleActivity)>> = BTreeMap::new();
    for ((outlet, month), activity) in run {
        if let Some(month) = month {
            months.entry(outlet).or_default().push((month, activity));
        }
    }
    let mut found = Vec::new();
    for (outlet, months) in months {
        let sum = |months: &[(&str, &RuleActivity)]| {
            let mut all = RuleActivity::default();
            months.iter().for_each(|(_, activity)| all.add(activity));
            all
        };
        let splits = (1..months.len()).filter_map(|at| {
            let month = Some(months[at].0.to_owned());
            compare(outlet, &sum(&months[..at]), &sum(&months[at..]), month)
        });
        // Of months with equally many stopped rules, the first one after which none matched.
        found.extend(splits.max_by(|a, b| {
            let left = |drift: &Drift| -> u64 {
                drift.stopped.iter().filter_map(|rule| drift.after.rules.get(rule)).sum()
            };
            let key = |drift: &Drift| (drift.stopped.len(), std::cmp::Reverse(left(drift)));
            key(a).cmp(&key(b)).then_with(|| b.month.cmp(&a.month))
        }));
    }
    found
}

fn compare(
    outlet: &str,
    before: &RuleActivity,
    after: &RuleActivity,
    month: Option<String>,
) -> Option<Drift> {
    let own = |rule: &&String| rule.strip_prefix(outlet).is_some_and(|id| id.starts_with('/'));
    let has_stopped = |rule: &&String| {
        let (count, of) = (before.rules[*rule], before.documents);
        let now = after.rules.get(*rule).copied().unwrap_or(0);
        let rate = count as f64 / of.max(1) as f64;
        let rate_now = now as f64 / after.documents.max(1) as f64;
        // Add half a document of either kind, so that a rate of exactly 1 is not certain.
        let chance = (count as f64 + 0.5) / (of as f64 + 1.0);
        rate_now <= rate * STOPPED && at_most(now, after.documents, chance) < UNLIKELY
    };
    let stopped: Vec<String> =
        before.rules.keys().filter(own).filter(has_stopped).cloned().collect();
    let enough = before.documents.min(after.documents) >= TAIL_DOCUMENTS;
    let tail_grew =
        enough && tail(after) >= tail(before) + 0.5 && tail(after) >= tail(before) * 1.5;
    (!stopped.is_empty() || tail_grew).then(|| Drift {
        outlet: outlet.to_owned(),
        before: before.clone(),
        after: after.clone(),
        month,
        stopped,
        tail_grew,
    })
}

/// The probability of at most `count` of `of`, each with this chance.
fn at_most(count: u64, of: u64, chance: f64) -> f64 {
    // Sums the terms of the binomial distribution, using logarithms to avoid underflow.
    let (yes, no) = (chance.ln(), (1.0 - chance).ln());
    let mut term = of as f64 * no;
    let mut sum = term.exp();
    for k in 1..=count.min(of) {
        term += ((of - k + 1) as f64 / k as f64).ln() + yes - no;
        sum += term.exp();
    }
    sum.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn activity(documents: u64, tail_lines: u64, rules: &[(&str, u64)]) -> RuleActivity {
        let rules = rules.iter().map(|(rule, count)| ((*rule).to_owned(), *count)).collect();
        RuleActivity { documents, tail_lines, rules, first_day: None }
    }

    fn run(rows: &[(&str, Option<&str>, RuleActivity)]) -> ByMonth {
        let row = |(outlet, month, activity): &(&str, Option<&str>, RuleActivity)| {
            (((*outlet).to_owned(), month.map(str::to_owned)), activity.clone())
        };
        rows.iter().map(row).collect()
    }

    #[test]
    fn probabilities_are_those_of_the_binomial_distribution() {
        assert!((at_most(0, 10, 0.5) - 0.000_976_562_5).abs() < 1e-12);
        assert!((at_most(2, 4, 0.5) - 0.6875).abs() < 1e-12);
        assert!(at_most(10, 10, 0.3) > 0.999_999);
        assert!(at_most(0, 100_000, 0.9) < 1e-300);
    }

    #[test]
    fn stopped_rules_and_grown_tails_are_found_between_runs() {
        let old = run(&[
            ("a", None, activity(100, 10, &[("a/crumb", 98), ("a/rare", 2), ("generic/x/y", 90)])),
            ("b", None, activity(100, 10, &[("b/crumb", 98)])),
        ]);
        let new = run(&[
            ("a", None, activity(40, 90, &[("a/rare", 0)])),
            ("b", None, activity(40, 4, &[("b/crumb", 39)])),
            ("c", None, activity(40, 90, &[])),
        ]);
        let found = between_runs(&[old.clone(), new]);
        assert_eq!(found.len(), 1);
        let (stopped, grew) = (&found[0].stopped, found[0].tail_grew);
        assert_eq!(
            (found[0].outlet.as_str(), stopped.as_slice(), grew),
            ("a", &["a/crumb".to_owned()][..], true)
        );
        assert_eq!(between_runs(&[old.clone(), old]), []);
    }

    #[test]
    fn a_few_documents_prove_nothing() {
        let old = run(&[("a", None, activity(3, 0, &[("a/crumb", 3)]))]);
        let new = run(&[("a", None, activity(1, 3, &[]))]);
        assert_eq!(between_runs(&[old, new]), []);
    }

    #[test]
    fn the_month_of_the_change_is_found_inside_a_run() {
        let month = |name, count| ("a", Some(name), activity(20, 2, &[("a/crumb", count)]));
        let months = run(&[
            month("2026-01", 20),
            month("2026-02", 19),
            month("2026-03", 1),
            month("2026-04", 0),
            ("a", None, activity(500, 0, &[])),
        ]);
        let found = inside_run(&months);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].month.as_deref(), Some("2026-04"), "the first month without it");
        let steady = run(&[month("2026-01", 20), month("2026-02", 19)]);
        assert_eq!(inside_run(&steady), []);
    }
}
