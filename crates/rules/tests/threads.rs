//! The first load of the rules on many threads. Before the shipped lexicon was parsed outside the
//! thread pool, a quarter of these loads never ended.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use chaffinch_rules::{RuleSet, SHIPPED};

#[test]
fn the_first_load_on_many_threads_ends() {
    // Every word of the shipped files, so that any stage that they name is known.
    let stages: Vec<&str> = SHIPPED.iter().flat_map(|(_, text)| text.split_whitespace()).collect();
    rayon::ThreadPoolBuilder::new().num_threads(16).build_global().unwrap();
    rayon::broadcast(|_| ());
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(RuleSet::shipped(&stages).is_ok()).unwrap());
    assert_eq!(receiver.recv_timeout(Duration::from_secs(300)), Ok(true));
}
