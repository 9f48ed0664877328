//! The first load of the rules inside a thread pool, whose threads run other jobs while they wait.

use std::sync::mpsc;
use std::time::Duration;

use chaffinch_rules::{RuleSet, SHIPPED};

#[test]
fn the_first_load_on_many_threads_ends() {
    // Every word of the shipped files, so that any stage that they name is known.
    let stages: Vec<&str> = SHIPPED.iter().flat_map(|(_, text)| text.split_whitespace()).collect();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(32).build().unwrap();
    let (sender, receiver) = mpsc::channel();
    pool.spawn(move || sender.send(RuleSet::shipped(&stages).is_ok()).unwrap());
    assert_eq!(receiver.recv_timeout(Duration::from_secs(300)), Ok(true));
}
