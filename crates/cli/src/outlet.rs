//! `chaffinch outlet new`: a rule file from samples.

use chaffinch_learn::Sample;

use crate::args::OutletNewArgs;
use crate::failure::Failure;
use crate::{print, setup};

/// The most samples that are read: more teach little and cost time.
const MOST: usize = 200;

pub(crate) fn new(args: &OutletNewArgs) -> Result<u8, Failure> {
    let sound = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._".contains(c);
    if args.name.is_empty() || !args.name.chars().all(sound) {
        let message =
            format!("\"{}\": an outlet's name is made of a-z, 0-9, `-`, `.` and `_`", args.name);
        return Err(Failure::Usage(message));
    }
    if let Some(path) = args.output.as_ref().filter(|path| path.exists()) {
        let message = format!("{} is there already; name another file with -o", path.display());
        return Err(Failure::Usage(message));
    }
    let wanted = match &args.filter {
        None => None,
        Some(filter) => Some(filter.split_once('=').ok_or_else(|| {
            Failure::Usage(format!(
                "--where {filter}: expected FIELD=VALUE, such as outlet=example.com"
            ))
        })?),
    };
    let (container, names) = setup::source(&args.source);
    let pipeline = setup::pipeline(&args.rules)?;
    let documents = chaffinch_formats::documents(&args.samples, container, &names, wanted, MOST)?;
    let samples: Vec<Sample> = documents
        .into_iter()
        .map(|document| Sample { name: document.name, text: document.text, url: document.url })
        .collect();
    let learned = chaffinch_learn::learn(&args.name, &samples, &pipeline)
        .map_err(|error| Failure::Usage(error.to_string()))?;
    match &args.output {
        None => print(learned.yaml.as_bytes()).map(drop)?,
        Some(path) => std::fs::write(path, &learned.yaml).map_err(|error| {
            Failure::Stopped(format!("cannot write {}: {error}", path.display()))
        })?,
    }
    let (rules, stories, count) = (learned.rules, learned.stories, samples.len());
    anstream::eprintln!("{rules} rules from {stories} stories in {count} documents");
    for note in &learned.notes {
        anstream::eprintln!("note: {note}");
    }
    Ok(0)
}
