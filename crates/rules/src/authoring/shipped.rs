//! The shipped rule files: those of this repository.
//!
//! The build script embeds them. A debug build in the workspace reads them when it runs instead.

use std::sync::LazyLock;

/// Names and texts of files.
type Files = [(&'static str, &'static str)];

/// The shipped rule files: name relative to `rules/`, and text; in the order of their names.
pub static SHIPPED: LazyLock<&'static Files> = LazyLock::new(files);

#[cfg(not(rules_on_disk))]
fn files() -> &'static Files {
    include!(concat!(env!("OUT_DIR"), "/shipped.rs"))
}

#[cfg(rules_on_disk)]
fn files() -> &'static Files {
    let mut files = Vec::new();
    on_disk::read(concat!(env!("CARGO_MANIFEST_DIR"), "/rules").as_ref(), "", &mut files);
    files.leak()
}

#[cfg(rules_on_disk)]
mod on_disk {
    use std::path::Path;
    use std::{fs, io};

    /// Adds the rule files in `directory`, whose name relative to `rules/` is `prefix`.
    pub(super) fn read(
        directory: &Path,
        prefix: &str,
        files: &mut Vec<(&'static str, &'static str)>,
    ) {
        let entries = fs::read_dir(directory).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let mut entries = entries.unwrap_or_else(|error| unreadable(directory, error));
        entries.sort_by_key(fs::DirEntry::file_name);
        for path in entries.iter().map(fs::DirEntry::path) {
            let file_name = path.file_name().unwrap_or_default().to_string_lossy();
            let name = format!("{prefix}{file_name}");
            if path.is_dir() {
                read(&path, &format!("{name}/"), files);
            } else if path.extension().is_some_and(|extension| extension == "yaml") {
                let text = fs::read_to_string(&path);
                let text = text.unwrap_or_else(|error| unreadable(&path, error));
                files.push((name.leak(), text.leak()));
            }
        }
    }

    /// Only a debug build of a checkout comes here, and without the checkout's rules it can do nothing.
    fn unreadable(path: &Path, error: io::Error) -> ! {
        panic!("cannot read {}: {error}", path.display())
    }
}
