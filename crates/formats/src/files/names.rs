//! Names of documents, and the files that they refer to.
//!
//! A name is the path of a file below the input or output directory, as text, with `/` between its
//! parts. File names need not be UTF-8: a byte that is not is written as `\xFF`, and a backslash
//! that would be read as the start of such an escape as `\x5C`. So different files have different
//! names, and a name determines its file.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

/// The longest file name that common file systems accept, in bytes.
const LONGEST_PART: usize = 255;

/// The longest path that the system accepts, in bytes.
const LONGEST_PATH: usize = 4095;

/// Room for what a run adds to a path: the number of a shard or record, endings, a temporary name.
const ADDED: usize = 64;

/// The end of the name of a file that is being written. Such a name begins with a dot: hidden files
/// are never inputs, so no document has it.
const UNFINISHED: &str = ".chaffinch-tmp";

/// The bytes that a temporary name adds to a name.
const TEMPORARY: usize = UNFINISHED.len() + 1;

/// The name of a path.
pub(crate) fn of_path(path: &Path) -> String {
    let mut name = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        let mut valid = chunk.valid();
        while let Some(at) = valid.find('\\') {
            let (before, rest) = valid.split_at(at);
            name.push_str(before);
            name.push_str(if escaped(rest).is_some() { "\\x5C" } else { "\\" });
            valid = &rest[1..];
        }
        name.push_str(valid);
        chunk.invalid().iter().for_each(|byte| name.push_str(&format!("\\x{byte:02X}")));
    }
    name
}

/// The name of one part of a path.
pub(crate) fn of_part(part: &OsStr) -> String {
    of_path(Path::new(part))
}

/// The last part of an input's path; for `.` and `..`, of the directory that they refer to.
pub(crate) fn base_name(input: &Path) -> String {
    let name = |path: &Path| path.file_name().map(of_part);
    name(input).or_else(|| name(&input.canonicalize().ok()?)).unwrap_or_else(|| "input".to_owned())
}

/// The byte whose escape `text` begins with. Only bytes that [`of_path`] escapes: an escape cannot
/// represent a separator or a dot.
fn escaped(text: &str) -> Option<u8> {
    let digits = text.strip_prefix("\\x")?.get(..2)?;
    let is_digit = |digit: u8| matches!(digit, b'0'..=b'9' | b'A'..=b'F');
    let byte = u8::from_str_radix(digits, 16).ok()?;
    (digits.bytes().all(is_digit) && (byte >= 0x80 || byte == b'\\')).then_some(byte)
}

/// The bytes that a name represents.
fn bytes_of(name: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::with_capacity(name.len()), name);
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let (byte, length) = escaped(&rest[at..]).map_or((b'\\', 1), |byte| (byte, 4));
        bytes.push(byte);
        rest = &rest[at + length..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

/// The path with this name.
pub(crate) fn path(name: &str) -> PathBuf {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStringExt;
        std::ffi::OsString::from_vec(bytes_of(name)).into()
    }
    // On other systems, a path cannot contain arbitrary bytes, so escapes are kept.
    #[cfg(not(unix))]
    name.into()
}

/// Whether a name stays below the directory that it is joined to.
pub(crate) fn is_inside(name: &str) -> bool {
    let normal = |part| matches!(part, Component::Normal(_));
    !name.is_empty() && path(name).components().all(normal)
}

/// The file with this name below a directory.
pub(crate) fn below(root: &Path, name: &str) -> PathBuf {
    root.join(path(name))
}

/// The key of an object with this name. Keys are UTF-8, so the escapes of other bytes stay.
pub(crate) fn key(name: &str) -> String {
    String::from_utf8(bytes_of(name)).unwrap_or_else(|_| name.to_owned())
}

/// A name with room for `added` bytes at the end of its last part: itself if there is room, else
/// shortened, with a digest of the whole part before its endings.
pub(crate) fn fit(name: &str, added: usize) -> String {
    let (folder, part) = name.split_at(name.rfind('/').map_or(0, |at| at + 1));
    let bytes = bytes_of(part);
    let most = LONGEST_PART - added;
    if bytes.len() <= most {
        return name.to_owned();
    }
    let digest = format!("~{:016x}", xxh3_64(&bytes));
    // Endings such as `.jsonl.gz`.
    let from = bytes.len() - 16;
    let endings = bytes[from..]
        .iter()
        .position(|byte| *byte == b'.')
        .map_or("", |at| std::str::from_utf8(&bytes[from + at..]).unwrap_or_default());
    let mut cut = most - digest.len() - endings.len();
    while cut > 0 && bytes[cut] & 0xC0 == 0x80 {
        cut -= 1;
    }
    let start = part_of(&bytes[..cut]);
    format!("{folder}{start}{digest}{endings}")
}

/// The name of a part with these bytes.
fn part_of(bytes: &[u8]) -> String {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        of_part(OsStr::from_bytes(bytes))
    }
    #[cfg(not(unix))]
    String::from_utf8_lossy(bytes).into_owned()
}

/// A name with room for the number of a shard, as [`super::derived::shard`] adds it.
pub(crate) fn fit_shard(name: &str) -> String {
    fit(name, TEMPORARY + "-00000".len())
}

/// The temporary name of a file that is being written.
pub(crate) fn unfinished(name: &str) -> String {
    let name = fit(name, TEMPORARY);
    let (folder, part) = name.split_at(name.rfind('/').map_or(0, |at| at + 1));
    format!("{folder}.{part}{UNFINISHED}")
}

/// As [`unfinished`], for a path.
pub(crate) fn unfinished_path(file: &Path) -> PathBuf {
    let part = file.file_name().map(of_part).unwrap_or_default();
    file.with_file_name(path(&unfinished(&part)))
}

/// The name, shortened as in [`unfinished`], that a temporary name was made of.
pub(crate) fn finished(name: &str) -> Option<String> {
    let (folder, part) = name.split_at(name.rfind('/').map_or(0, |at| at + 1));
    let part = part.strip_prefix('.')?.strip_suffix(UNFINISHED)?;
    Some(format!("{folder}{part}"))
}

/// All names that files written for `name` are made of: the name, and its shortened forms.
pub(crate) fn forms(name: &str) -> [String; 3] {
    [name.to_owned(), fit(name, TEMPORARY), fit_shard(name)]
}

/// The reason why no file can have this name below a directory with a path of `root` bytes, if any.
pub(crate) fn impossible(name: &str, root: usize) -> Option<String> {
    let longest = name.split('/').map(|part| bytes_of(part).len()).max().unwrap_or(0);
    if longest > LONGEST_PART {
        return Some(format!(
            "a part of its name has {longest} bytes, and file names have at most {LONGEST_PART}"
        ));
    }
    let length = root + 1 + bytes_of(name).len() + ADDED;
    (length > LONGEST_PATH).then(|| {
        format!(
            "its path in the output would be too long ({length} bytes, at most {LONGEST_PATH}); \
             name an output directory with a shorter path"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_below_their_directory() {
        assert!(is_inside("a/b.txt") && is_inside("odd name"));
        for name in ["../a", "a/../../b", "/etc/passwd", "", ".."] {
            assert!(!is_inside(name), "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn every_path_has_its_own_name_and_is_restored() {
        use std::os::unix::ffi::OsStrExt;
        // All short strings of the bytes that matter.
        let alphabet = [b'\\', b'x', b'F', b'5', b'C', b'.', b'/', 0xFF, 0xC3, 0xA9];
        let (mut paths, mut names) = (vec![Vec::new()], std::collections::HashSet::new());
        for _ in 0..5 {
            let longer = |path: &Vec<u8>| alphabet.map(|byte| [path.as_slice(), &[byte]].concat());
            paths = paths.iter().flat_map(longer).collect();
            for path in &paths {
                let path = Path::new(OsStr::from_bytes(path));
                let name = of_path(path);
                assert_eq!(super::path(&name).as_os_str(), path.as_os_str(), "{name}");
                assert!(names.insert(name), "{path:?}");
            }
        }
        let of = |bytes: &[u8]| of_path(Path::new(OsStr::from_bytes(bytes)));
        assert_eq!(of(b"a\xff.txt"), "a\\xFF.txt");
        assert_eq!(of(b"a\\xFF.txt"), "a\\x5CxFF.txt");
        for same in ["a%FF.txt", "a\\b\\x2E.txt", "\u{e9}/b"] {
            assert_eq!(of(same.as_bytes()), same);
        }
        assert_eq!(super::path("\\x2E\\x2E\\x2Fa").components().count(), 1, "no way out");
    }

    #[test]
    fn long_names_are_shortened_and_stay_distinct() {
        let long = |end: &str| format!("folder.d/{}{end}", "é".repeat(125));
        for added in [0, 6, 64] {
            for name in [long(".jsonl.gz"), long("a.jsonl.gz"), format!("{}\\xFF", long("x"))] {
                let fitted = fit(&name, added);
                let part = bytes_of(fitted.strip_prefix("folder.d/").unwrap());
                assert!(part.len() + added <= LONGEST_PART && part.len() + added >= 250 - 16);
                assert_eq!(fit(&fitted, added), fitted);
                assert!(name.ends_with(".gz") == fitted.ends_with(".jsonl.gz"), "{fitted}");
                let temporary = unfinished(&name);
                let part = bytes_of(temporary.strip_prefix("folder.d/").unwrap());
                assert!(part.len() <= LONGEST_PART && part.starts_with(b"."));
                assert!(forms(&name).contains(&finished(&temporary).unwrap()));
            }
        }
        assert_ne!(fit(&long("a.jsonl.gz"), 0), fit(&long("b.jsonl.gz"), 0));
        assert_eq!(fit("a/b.txt", 64), "a/b.txt");
    }

    #[test]
    fn names_that_no_file_can_have_are_reported() {
        assert_eq!(impossible("a/b.txt", 100), None);
        assert!(impossible(&"x".repeat(256), 10).unwrap().contains("256 bytes"));
        let deep = ["x".repeat(200).as_str(); 19].join("/");
        assert_eq!(impossible(&deep, 100), None);
        assert!(impossible(&deep, 300).unwrap().contains("shorter path"));
    }
}
