//! `chaffinch plugin`: starts, checks and lists stages that are WebAssembly modules.

use std::path::{Path, PathBuf};

use chaffinch_core::config::{self, Config};

use crate::args::{Language, PluginListArgs, PluginNewArgs};
use crate::failure::Failure;
use crate::{print, setup};

#[cfg(feature = "plugins")]
mod runs;
#[cfg(feature = "plugins")]
pub(crate) use runs::{check, list};

#[cfg(not(feature = "plugins"))]
pub(crate) fn check(_args: &crate::args::PluginCheckArgs) -> Result<u8, Failure> {
    Err(Failure::Usage(
        "this build of chaffinch cannot run plugins; build it with `--features plugins`".into(),
    ))
}

#[cfg(not(feature = "plugins"))]
pub(crate) fn list(args: &PluginListArgs) -> Result<u8, Failure> {
    list_with(args, |plugin| {
        let metadata = std::fs::metadata(&plugin.wasm);
        let metadata = metadata.map_err(|error| format!("cannot read: {error}"))?;
        Ok(format!("{} bytes", metadata.len()))
    })
}

/// Lists the plugins of the pipeline file in use, one per line, each with its description. A plugin that
/// cannot be used is reported, and the exit code is 2.
fn list_with(
    args: &PluginListArgs,
    describe: impl Fn(&config::Plugin) -> Result<String, String>,
) -> Result<u8, Failure> {
    let pipeline =
        crate::args::PipelineArgs { pipeline: args.pipeline.clone(), ..Default::default() };
    let (file, text) = setup::pipeline_text(&pipeline)?;
    let Some(file) = file else {
        return print(b"no pipeline file was found, so there are no plugins\n");
    };
    let base = file.parent().unwrap_or(Path::new(""));
    let config = Config::parse(&file.display().to_string(), &text, base)?;
    if config.plugins.is_empty() {
        return print(format!("{} has no plugins\n", file.display()).as_bytes());
    }
    let (mut lines, mut wrong) = (String::new(), Vec::new());
    for plugin in &config.plugins {
        let (name, wasm) = (&plugin.name, plugin.wasm.display());
        match describe(plugin) {
            Ok(description) => lines.push_str(&format!("{name}  {wasm}  {description}\n")),
            Err(reason) => {
                wrong.push(format!("the plugin {name} cannot be used: {wasm}: {reason}"))
            }
        }
    }
    let code = print(lines.as_bytes())?;
    if wrong.is_empty() { Ok(code) } else { Err(Failure::Plugins(wrong)) }
}

/// The files of a new plugin: their names and contents.
const RUST: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("plugin/rust/Cargo.toml.txt")),
    ("src/lib.rs", include_str!("plugin/rust/lib.rs")),
];
const C: &[(&str, &str)] = &[
    ("chaffinch.h", include_str!("plugin/c/chaffinch.h")),
    ("NAME.c", include_str!("plugin/c/plugin.c")),
];

/// The pipeline entry of the new plugin, which is appended to the default pipeline.
const ENTRY: &str = "  - plugin:
      wasm: MODULE
      name: NAME
      config: {words: [\"Correction:\", \"Clarification:\"]}
";

/// `chaffinch plugin new`.
pub(crate) fn new(args: &PluginNewArgs) -> Result<u8, Failure> {
    let name = &args.name;
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(is_name) {
        let message = format!("\"{name}\" cannot be the name of a plugin; use a-z, 0-9 and `-`");
        return Err(Failure::Usage(message));
    }
    let folder = args.output.clone().unwrap_or_else(|| PathBuf::from(name));
    if std::fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_some()) {
        let message = format!("{} is not empty; give another directory", folder.display());
        return Err(Failure::Usage(message));
    }
    let (files, module, build) = match args.language {
        Language::Rust => (
            RUST,
            format!("target/wasm32-unknown-unknown/release/{}.wasm", name.replace('-', "_")),
            "cargo build --release --target wasm32-unknown-unknown".to_owned(),
        ),
        Language::C => (
            C,
            format!("{name}.wasm"),
            format!(
                "zig cc -target wasm32-freestanding -O2 -s -nostdlib -Wl,--no-entry -o {name}.wasm \
                 {name}.c"
            ),
        ),
    };
    let fill = |text: &str| {
        text.replace("MODULE", &module)
            .replace("NAME", name)
            .replace("VERSION", env!("CARGO_PKG_VERSION"))
    };
    let pipeline = format!("{}{}", config::DEFAULT, fill(ENTRY));
    let files = files.iter().map(|(file, text)| (file.replace("NAME", name), fill(text)));
    for (file, text) in files.chain([("chaffinch.yaml".to_owned(), pipeline)]) {
        let path = folder.join(file);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|error| {
                Failure::Stopped(format!("cannot create {}: {error}", parent.display()))
            })?;
        }
        crate::write_whole(&path, text.as_bytes())?;
    }
    let shown = folder.display();
    print(
        format!(
            "{shown}: a plugin that removes notes about corrections\n\n\
             cd {shown}\n{build}\nchaffinch plugin check {module} --set words=Correction:\n"
        )
        .as_bytes(),
    )
}
