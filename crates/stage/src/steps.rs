//! Counts the steps of an algorithm, so that tests can check how its cost grows.

use std::cell::Cell;

std::thread_local! {
    static STEPS: Cell<u64> = const { Cell::new(0) };
}

/// Counts one step on this thread.
pub(crate) fn step() {
    STEPS.set(STEPS.get() + 1);
}

/// The number of steps that `work` takes.
pub(crate) fn count(work: impl FnOnce()) -> u64 {
    let before = STEPS.get();
    work();
    STEPS.get() - before
}
