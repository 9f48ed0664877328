//! Inputs and outputs given as addresses: `file://`, and object stores if this build supports them.

use std::path::{Path, PathBuf};

use chaffinch_formats::{Output, Stores};

use crate::failure::Failure;

/// The inputs, with `file://` addresses as paths, and the stores of the other addresses.
pub(crate) fn inputs(inputs: &[PathBuf]) -> Result<(Vec<PathBuf>, Stores), Failure> {
    let mut stores = Stores::new();
    let mut paths = Vec::new();
    for input in inputs {
        let path = local(input)?;
        if let Some(address) = address(&path) {
            stores.push((path.clone(), open(address)?));
        }
        paths.push(path);
    }
    Ok((paths, stores))
}

/// The output that a path or an address names. `work` is the staging directory of an address.
pub(crate) fn output(output: &Path, work: Option<&Path>) -> Result<Output, Failure> {
    let path = local(output)?;
    let Some(address) = address(&path) else {
        return match work {
            None => Ok(Output::Directory(path)),
            Some(_) => {
                let message = "--work-dir is only for outputs that are addresses, such as \
                               s3://bucket/path";
                Err(Failure::Usage(message.into()))
            }
        };
    };
    let work = work.map(Path::to_owned).unwrap_or_else(|| {
        // The same name for the same address, so that an interrupted run is found again.
        let name: String =
            address.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        std::env::temp_dir().join(format!("chaffinch-{name}"))
    });
    Ok(Output::Store(open(address)?, work))
}

/// The address, if a path is one.
fn address(path: &Path) -> Option<&str> {
    let scheme = |text: &&str| ["s3://", "s3a://", "gs://"].iter().any(|s| text.starts_with(s));
    path.to_str().filter(scheme)
}

/// The path of a `file://` address; other paths unchanged.
fn local(path: &Path) -> Result<PathBuf, Failure> {
    let Some(rest) = path.to_str().and_then(|text| text.strip_prefix("file://")) else {
        return Ok(path.to_owned());
    };
    let rest = rest.strip_prefix("localhost").unwrap_or(rest);
    let wrong = || {
        let address = path.display();
        let message = format!("{address}: not a valid file address; expected file:///path/to/file");
        Failure::Usage(message)
    };
    let decoded = percent_decoded(rest).filter(|path| path.starts_with('/'));
    decoded.map(PathBuf::from).ok_or_else(wrong)
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let digits = std::str::from_utf8(after.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &after[2..];
    }
    String::from_utf8(bytes).ok()
}

#[cfg(feature = "stores")]
fn open(address: &str) -> Result<std::sync::Arc<dyn chaffinch_formats::Store>, Failure> {
    let for_a_store = |(name, _): &(String, String)| {
        ["AWS_", "GOOGLE_"].iter().any(|start| name.starts_with(start))
    };
    let settings = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(for_a_store);
    chaffinch_stores::open(address, settings).map_err(|error| Failure::Usage(error.to_string()))
}

#[cfg(not(feature = "stores"))]
fn open(address: &str) -> Result<std::sync::Arc<dyn chaffinch_formats::Store>, Failure> {
    Err(Failure::Usage(format!(
        "{address}: this build of chaffinch does not support object stores; build it with \
         `--features stores`"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_addresses_are_paths() {
        let path = |text: &str| local(Path::new(text)).ok();
        assert_eq!(path("file:///tmp/a%20b"), Some("/tmp/a b".into()));
        assert_eq!(path("file://localhost/tmp/a"), Some("/tmp/a".into()));
        assert_eq!(path("tmp/a%20b"), Some("tmp/a%20b".into()));
        assert_eq!(path("file://host/a"), None);
        assert_eq!(path("file:///a%2"), None);
    }

    #[test]
    fn addresses_are_distinguished_from_paths() {
        assert_eq!(address(Path::new("s3://bucket/news")), Some("s3://bucket/news"));
        assert_eq!(address(Path::new("s3/news")), None);
    }
}
