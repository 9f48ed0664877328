//! The shipped rule files: those of this repository.
//!
//! The build script embeds them. A debug build in the workspace reads them when it runs, if it can.

use std::sync::LazyLock;

/// Names and texts of files.
type Files = [(&'static str, &'static str)];

/// The shipped rule files: name relative to `rules/`, and text; in the order of their names.
pub static SHIPPED: LazyLock<&'static Files> = LazyLock::new(files);

static EMBEDDED: &Files = include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

#[cfg(not(rules_on_disk))]
fn files() -> &'static Files {
    EMBEDDED
}

#[cfg(rules_on_disk)]
fn files() -> &'static Files {
    let mut files = Vec::new();
    // The checkout may be gone, or belong to another user.
    match on_disk::read(concat!(env!("CARGO_MANIFEST_DIR"), "/rules").as_ref(), "", &mut files) {
        Ok(()) => files.leak(),
        Err(_) => EMBEDDED,
    }
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
    ) -> io::Result<()> {
        let mut entries = fs::read_dir(directory)?.collect::<Result<Vec<_>, _>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for path in entries.iter().map(fs::DirEntry::path) {
            let file_name = path.file_name().unwrap_or_default().to_string_lossy();
            let name = format!("{prefix}{file_name}");
            if path.is_dir() {
                read(&path, &format!("{name}/"), files)?;
            } else if path.extension().is_some_and(|extension| extension == "yaml") {
                files.push((name.leak(), fs::read_to_string(&path)?.leak()));
            }
        }
        Ok(())
    }
}

#[cfg(all(test, rules_on_disk))]
mod tests {
    use super::*;

    #[test]
    fn the_files_on_disk_have_the_names_and_order_of_the_embedded_ones() {
        let names = |files: &Files| files.iter().map(|(name, _)| *name).collect::<Vec<_>>();
        // New files are embedded only in the next build.
        let (embedded, on_disk) = (names(EMBEDDED), names(*SHIPPED));
        let both = |name: &&str| embedded.contains(name) && on_disk.contains(name);
        let common =
            |names: &[&'static str]| names.iter().copied().filter(both).collect::<Vec<_>>();
        assert!(embedded.len() > 50);
        assert_eq!(common(&embedded), common(&on_disk));
    }

    #[test]
    fn a_directory_that_cannot_be_read_is_an_error() {
        assert!(on_disk::read("no/such/directory".as_ref(), "", &mut Vec::new()).is_err());
    }
}
