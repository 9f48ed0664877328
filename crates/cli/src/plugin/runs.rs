//! The commands that run plugins.

use std::path::{Path, PathBuf};
use std::time::Instant;

use chaffinch_core::PluginError;
use chaffinch_core::stage::{Document, Marks, Rule, RuleId, Stage};
use chaffinch_plugins::{Host, PluginStage};
use indicatif::HumanBytes;

use crate::args::{PluginCheckArgs, PluginListArgs};
use crate::failure::Failure;
use crate::{print, setup};

/// `chaffinch plugin list`.
pub(crate) fn list(args: &PluginListArgs) -> Result<u8, Failure> {
    super::list_with(args, |plugin| {
        let (stage, size) = load(&plugin.wasm, &plugin.settings).map_err(reason)?;
        let finds = stage.finds().ok().flatten().unwrap_or_default();
        let finds = chaffinch_report::visible(&finds);
        let line = format!("{}  {}  {finds}", HumanBytes(size), stage.digest());
        Ok(line.trim_end().to_owned())
    })
}

/// `chaffinch plugin check`.
pub(crate) fn check(args: &PluginCheckArgs) -> Result<u8, Failure> {
    let shown = args.module.display();
    let (stage, size) = load(&args.module, &args.set)
        .map_err(|error| Failure::Usage(format!("{shown}: {}", reason(error))))?;
    let mut own = Vec::new();
    for path in &args.documents {
        let bytes = std::fs::read(path)
            .map_err(|error| Failure::Usage(format!("cannot read {}: {error}", path.display())))?;
        let decoded = chaffinch_core::decode(&bytes, None)
            .map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))?;
        own.push(decoded.text.into_owned());
    }
    let own: Vec<&str> = own.iter().map(String::as_str).collect();
    let checked = match chaffinch_plugins::check(&stage, &own) {
        Ok(checked) => checked,
        Err(violation) => {
            message!("{shown}: {}", chaffinch_report::visible(&violation.to_string()));
            return Ok(1);
        }
    };
    let mut text = format!("{shown}: {}\n", HumanBytes(size));
    if let Some(finds) = stage.finds().map_err(|failure| Failure::Usage(failure.to_string()))? {
        text.push_str(&format!("finds: {}\n", chaffinch_report::visible(&finds)));
    }
    text.push_str(&format!(
        "digest: {}\nmeets the stage contract on {} documents; marks: {}\n\
         most instructions for a document: {}\n",
        stage.digest(),
        checked.documents,
        checked.marks,
        checked.most_fuel,
    ));
    if args.time {
        text.push_str(&format!("time for a document of 3 KB: {:.1} µs\n", time(&stage)));
    }
    print(text.as_bytes())
}

/// The time that the stage takes for a document of 3 KB, in microseconds: the least of ten
/// measurements.
fn time(stage: &PluginStage) -> f64 {
    let line =
        "The minister said on Tuesday that the talks would go on for two days, as planned.\n";
    let text = line.repeat(3000 / line.len());
    let rules = [Rule::new("stage/own", "stage")];
    let mut doc = Document::new(&text, &rules, |line| line.trim().into());
    doc.enter("stage", RuleId(0));
    let measure = |_| {
        let start = Instant::now();
        (0..100).for_each(|_| stage.mark(&doc, &mut Marks::new()));
        start.elapsed().as_secs_f64() * 1e4
    };
    (0..10).map(measure).fold(f64::INFINITY, f64::min)
}

fn load(path: &Path, settings: &[(String, String)]) -> Result<(PluginStage, u64), PluginError> {
    let wasm = chaffinch_plugins::read(path)?;
    let cache: Option<PathBuf> = setup::cache();
    let stage = Host::new(cache.as_deref())?.load(&wasm, settings)?;
    Ok((stage, wasm.len() as u64))
}

fn reason(error: PluginError) -> String {
    match error {
        PluginError::Module(reason) => reason,
        PluginError::Settings(reason) => format!("it refuses its settings: {reason}"),
    }
}
