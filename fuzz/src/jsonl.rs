//! Any bytes as a JSON Lines file, cleaned by a run and restored.

use chaffinch_formats::Container;
use chaffinch_formats::fuzzing::COLUMN;

use crate::folder::{is_compressed, round_trip};
use crate::rows::members;

/// The first byte selects the limit on documents; the rest is the file.
pub(crate) fn run(data: &[u8]) {
    let Some((first, bytes)) = data.split_first() else { return };
    if is_compressed(bytes) {
        return;
    }
    let written = round_trip(bytes, Container::Jsonl, first & 1 != 0);
    let lines = |bytes: &[u8]| -> Vec<Vec<u8>> {
        bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
    };
    let (before, after) = (lines(bytes), lines(&written));
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(&after).filter(|(before, after)| before != after) {
        let row = |line: &[u8]| {
            let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
            let mut members = members(line)?;
            members.retain(|(name, _)| name != COLUMN);
            Some(members)
        };
        let (before, after) = (row(before), row(after));
        assert_eq!(before.is_some(), after.is_some());
        let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
        let changed: Vec<_> = before.iter().zip(&after).filter(|(old, new)| old != new).collect();
        assert!(before.len() == after.len() && changed.len() <= 1, "{changed:?}");
        for ((name, _), (other, _)) in changed {
            assert!(name == other && ["text", "content", "body"].contains(&name.as_str()));
        }
    }
}
