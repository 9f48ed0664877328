//! Damaged files of the line model and of its cues are refused, or give a model that can judge any
//! page.

use std::sync::LazyLock;

use chaffinch_lines::{Cues, Level, Model, Scratch};

use crate::damage::damaged;

static SHIPPED: LazyLock<Vec<u8>> = LazyLock::new(|| Model::shipped().to_bytes());
static CUES: LazyLock<Vec<u8>> = LazyLock::new(|| Cues::shipped().to_bytes());

const PAGE: &str = "Home\nNews\nSport\n\
    The mayor said on Monday that the bridge would be open again in the spring.\n\
    It had been closed for more than two years, and the repair was expensive.\n\
    ...\n\nShare this article\nSubscribe to our newsletter\n© 2017 Example News\n";

/// The first byte selects what the rest is: a file, changes to the file that ships, or the same with
/// a valid digest.
pub(crate) fn run(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let mut cues = None;
    let file = match first % 4 {
        0 => rest.to_vec(),
        1 => damaged(&SHIPPED, rest),
        2 => {
            let bytes = damaged(&CUES, rest);
            cues = Cues::from_bytes(&bytes);
            SHIPPED.clone()
        }
        _ => with_digest(damaged(&SHIPPED, rest)),
    };
    let Ok(model) = Model::from_bytes(&file) else { return };
    assert!(model.to_bytes() == file || cues.is_some());
    let cues = cues.as_ref().unwrap_or_else(|| Cues::shipped());
    let mut scratch = Scratch::default();
    let page = format!("{PAGE}{}", String::from_utf8_lossy(rest));
    let judgements = model.judge(page.lines(), cues, &mut scratch);
    assert_eq!(judgements.lines().len(), page.lines().count());
    for judgement in judgements.lines().iter().flatten() {
        assert!(judgement.confidence <= 100);
    }
    for level in Level::ALL {
        let threshold = judgements.threshold(level);
        let _ = judgements.keeps_almost_nothing(threshold);
        let _ = judgements.removes(3, threshold);
    }
    for (number, line) in page.lines().enumerate().take(12) {
        let _ = judgements.reasons(number, line, number % 2 == 0);
    }
}

/// The file with the digest of its content at its end.
fn with_digest(mut file: Vec<u8>) -> Vec<u8> {
    let Some(content) = file.len().checked_sub(8).and_then(|end| file.get(8..end)) else {
        return file;
    };
    let hash = content.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let end = file.len() - 8;
    file[end..].copy_from_slice(&(hash ^ hash >> 32).to_le_bytes());
    file
}
