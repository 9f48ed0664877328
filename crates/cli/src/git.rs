//! Reads files of a git revision, by running `git`.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::Failure;

/// The repository that contains the working directory.
pub(crate) struct Repository {
    root: PathBuf,
}

impl Repository {
    /// Finds the repository.
    pub(crate) fn here() -> Result<Repository, Failure> {
        let root = git(Path::new("."), &["rev-parse", "--show-toplevel"], &[], None)?;
        let root = String::from_utf8_lossy(&root).trim_end_matches('\n').to_owned();
        Ok(Repository { root: PathBuf::from(root) })
    }

    /// The path of a file or directory below the root of the repository.
    pub(crate) fn inside(&self, path: &Path) -> Result<PathBuf, Failure> {
        let outside = || {
            let message = format!("{} is outside the git repository", path.display());
            Failure::Usage(message)
        };
        let absolute = path.canonicalize().map_err(|_| outside())?;
        let root = self.root.canonicalize().map_err(|_| outside())?;
        absolute.strip_prefix(root).map(Path::to_owned).map_err(|_| outside())
    }

    /// Writes `paths`, which are relative to the root, as they were at a revision, below `target`.
    /// Paths that did not exist at that revision are not written.
    pub(crate) fn check_out(
        &self,
        revision: &str,
        paths: &[PathBuf],
        target: &Path,
    ) -> Result<(), Failure> {
        let commit = format!("{revision}^{{commit}}");
        if git(
            &self.root,
            &["rev-parse", "--verify", "--quiet", "--end-of-options", &commit],
            &[],
            None,
        )
        .is_err()
        {
            let message = format!("unknown git revision \"{revision}\"");
            return Err(Failure::Usage(message));
        }
        let index = target.join("index");
        let own_index: [(&str, &OsStr); 1] = [("GIT_INDEX_FILE", index.as_os_str())];
        git(&self.root, &["read-tree", &commit], &own_index, None)?;
        let mut list = vec!["ls-files".as_ref(), "-z".as_ref(), "--".as_ref()];
        let literal: Vec<std::ffi::OsString> = paths
            .iter()
            .map(|path| {
                let mut literal = std::ffi::OsString::from(":(literal)");
                literal.push(path);
                literal
            })
            .collect();
        list.extend(literal.iter().map(|path| path.as_os_str()));
        let files = git(&self.root, &list, &own_index, None)?;
        let prefix = format!("--prefix={}/", target.display());
        let check_out = ["checkout-index", "-z", "--stdin", "--quiet", &prefix];
        git(&self.root, &check_out, &own_index, Some(&files))?;
        for path in paths {
            if self.root.join(path).is_dir() {
                let path = target.join(path);
                std::fs::create_dir_all(&path).map_err(|error| {
                    Failure::Stopped(format!("cannot create {}: {error}", path.display()))
                })?;
            }
        }
        Ok(())
    }
}

/// Runs `git` and returns its standard output.
fn git(
    folder: &Path,
    args: &[impl AsRef<OsStr>],
    environment: &[(&str, &OsStr)],
    input: Option<&[u8]>,
) -> Result<Vec<u8>, Failure> {
    let run = || {
        let mut child = Command::new("git")
            .current_dir(folder)
            .args(args)
            .envs(environment.iter().copied())
            .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
            stdin.write_all(input)?;
        }
        child.wait_with_output()
    };
    let output = run().map_err(|error| Failure::Usage(format!("cannot run git: {error}")))?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = said.lines().next().unwrap_or("no message");
            Err(Failure::Usage(format!("git failed: {said}")))
        }
    }
}
