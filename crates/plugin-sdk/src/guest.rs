//! What [`plugin!`](crate::plugin) exports: the functions that the host calls.

use alloc::string::String;
use alloc::vec::Vec;
use core::cell::UnsafeCell;

use crate::{Document, Marks, Settings, Stage};

/// The version of the interface between host and plugin.
pub const ABI: i32 = 1;

/// The state of a plugin: its stage, and the memory that it exchanges with the host.
pub struct Slot<S>(UnsafeCell<State<S>>);

struct State<S> {
    input: Vec<u8>,
    stage: Option<S>,
    marks: Option<Marks>,
    error: String,
}

// SAFETY: a module has one thread.
unsafe impl<S> Sync for Slot<S> {}

impl<S: Stage> Slot<S> {
    /// An empty slot.
    #[allow(clippy::new_without_default, reason = "a static needs a constant function")]
    pub const fn new() -> Slot<S> {
        let error = String::new();
        Slot(UnsafeCell::new(State { input: Vec::new(), stage: None, marks: None, error }))
    }

    #[allow(clippy::mut_from_ref, reason = "the host calls one function at a time")]
    fn state(&self) -> &mut State<S> {
        // SAFETY: a module has one thread, exports do not call each other, and each export borrows
        // the state once.
        unsafe { &mut *self.0.get() }
    }

    /// Makes room for `size` bytes of input, and returns its position.
    pub fn alloc(&self, size: u32) -> u32 {
        let input = &mut self.state().input;
        input.resize(size as usize, 0);
        input.as_ptr() as usize as u32
    }

    /// Makes the stage from the settings in the input. Returns 0, or the position and length of an
    /// error message.
    pub fn configure(&self, size: u32) -> u64 {
        let state = self.state();
        let settings = state.input.get(..size as usize).unwrap_or_default();
        match S::new(&Settings::from_bytes(settings)) {
            Ok(stage) => {
                state.stage = Some(stage);
                0
            }
            Err(error) => {
                state.error = error;
                text(if state.error.is_empty() { "no reason given" } else { &state.error })
            }
        }
    }

    /// Runs the stage on the document in the input. Returns the position and number of its marks.
    pub fn mark(&self, size: u32) -> u64 {
        let State { input, stage, marks, .. } = self.state();
        let marks = marks.get_or_insert_default();
        marks.clear();
        if let Some(stage) = stage {
            stage.mark(&Document::from_view(input.get(..size as usize).unwrap_or_default()), marks);
        }
        let (at, count) = marks.finish();
        pack(at, count)
    }
}

/// The position and length of a text.
pub fn text(text: &str) -> u64 {
    pack(text.as_ptr(), text.len())
}

fn pack(at: *const u8, length: usize) -> u64 {
    ((at as usize as u64) << 32) | (length as u64 & 0xffff_ffff)
}
