//! Files that are only appended to, from a known length.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, Write};
use std::path::PathBuf;

use crate::error::Error;

/// A file that is only appended to.
pub(crate) struct AppendOnlyFile {
    pub(crate) path: PathBuf,
    file: File,
    pub(crate) length: u64,
}

impl AppendOnlyFile {
    pub(crate) fn open(path: PathBuf, length: u64) -> Result<AppendOnlyFile, Error> {
        let open = || {
            let mut options = OpenOptions::new();
            let file = options.create(true).write(true).truncate(false).open(&path);
            let mut file = match file {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    path.parent().map_or(Ok(()), fs::create_dir_all)?;
                    options.open(&path)?
                }
                file => file?,
            };
            // A pipe or a device has no length to set.
            if file.metadata()?.len() != length {
                file.set_len(length)?;
            }
            if length > 0 {
                file.seek(io::SeekFrom::Start(length))?;
            }
            Ok(file)
        };
        let file = open().map_err(|error| Error::Output(path.display().to_string(), error))?;
        Ok(AppendOnlyFile { path, file, length })
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.file
            .write_all(bytes)
            .map_err(|error| Error::Output(self.path.display().to_string(), error))?;
        self.length += bytes.len() as u64;
        Ok(())
    }
}
