//! Changes to bytes, controlled by a script.

/// Applies a list of changes to `bytes`. Each change takes six bytes of `script`: what to do, where
/// (three bytes), and two values.
pub(crate) fn damaged(bytes: &[u8], script: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for change in script.chunks_exact(6) {
        let [kind, high, middle, low, one, other] = *change else { continue };
        let place = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        let at = place % (bytes.len() + 1);
        match kind % 6 {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, one),
            2 => drop(bytes.drain(at..bytes.len().min(at + usize::from(one)))),
            3 => {
                // A part of it again.
                let from = place / 7 % (bytes.len() + 1);
                let part = bytes[from..bytes.len().min(from + usize::from(other))].to_vec();
                bytes.splice(at..at, part);
            }
            _ => {
                for (byte, new) in
                    bytes.iter_mut().skip(at).zip([one, other]).take(usize::from(kind % 2) + 1)
                {
                    *byte = new;
                }
            }
        }
    }
    bytes
}
