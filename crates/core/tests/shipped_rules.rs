//! The shipped rule files prove themselves.

use chaffinch_core::{Limits, Pipeline, proof};

#[test]
fn every_shipped_rule_holds_its_cases() {
    let limits = Limits { body_cut_share: 1.0, total_cut_share: 1.0, ..Limits::default() };
    let builder = || Pipeline::builder().limits(limits);
    let pipeline = builder().build().unwrap_or_else(|problems| {
        let list: Vec<String> = problems.iter().map(ToString::to_string).collect();
        panic!("{}", list.join("\n"))
    });
    let forced = |outlet: &str| builder().outlet(outlet).build().unwrap();
    let failures = proof::prove(&pipeline, &forced);
    let list: Vec<String> = failures.iter().map(ToString::to_string).collect();
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), list.join("\n"));
}
