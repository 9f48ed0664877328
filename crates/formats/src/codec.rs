//! Compression: told by the first bytes, read member after member, written one member a block.
//!
//! Concatenated gzip members, zstd frames and bzip2 streams are one file to every reader of the
//! format, so blocks are compressed on their own, in parallel, and a run that was killed goes on
//! behind the last whole one.

use std::cell::RefCell;
use std::io::{self, BufRead, Read, Write};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use zstd::bulk::Compressor;

/// How the bytes of a file are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    Plain,
    Gzip,
    Zstd,
    Bzip2,
}

/// The level that `zstd` and most corpora use.
const ZSTD_LEVEL: i32 = 3;

impl Codec {
    /// The compression of a file that begins with `head`.
    pub(crate) fn of(head: &[u8]) -> Codec {
        match head {
            [0x1f, 0x8b, 8, ..] => Codec::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Codec::Zstd,
            // Skippable frames, which some writers begin with.
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Codec::Zstd,
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, ..] => Codec::Bzip2,
            _ => Codec::Plain,
        }
    }

    /// What people call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Codec::Plain => "plain",
            Codec::Gzip => "gzip",
            Codec::Zstd => "zstd",
            Codec::Bzip2 => "bzip2",
        }
    }

    /// The ending of a compressed file's name, with its dot.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Codec::Plain => "",
            Codec::Gzip => ".gz",
            Codec::Zstd => ".zst",
            Codec::Bzip2 => ".bz2",
        }
    }

    /// Reads all members of `compressed`. A member that is cut off is an error.
    pub(crate) fn decoder<R: BufRead + Send + 'static>(
        self,
        compressed: R,
    ) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Codec::Plain => Box::new(compressed),
            Codec::Gzip => Box::new(MultiGzDecoder::new(compressed)),
            Codec::Zstd => Box::new(zstd::Decoder::with_buffer(compressed)?),
            Codec::Bzip2 => Box::new(MultiBzDecoder::new(compressed)),
        })
    }

    /// `bytes` as one member; nothing for no bytes.
    ///
    /// # Errors
    /// Memory is short.
    pub(crate) fn encode(self, bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        if bytes.is_empty() {
            return Ok(bytes);
        }
        match self {
            Codec::Plain => Ok(bytes),
            Codec::Gzip => {
                let level = flate2::Compression::default();
                let mut out = flate2::write::GzEncoder::new(Vec::new(), level);
                out.write_all(&bytes)?;
                out.finish()
            }
            Codec::Zstd => compress(&bytes, ZSTD_LEVEL),
            Codec::Bzip2 => {
                let mut out = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
                out.write_all(&bytes)?;
                out.finish()
            }
        }
    }
}

/// `bytes` as one zstd frame, with a checksum.
pub(crate) fn compress(bytes: &[u8], level: i32) -> io::Result<Vec<u8>> {
    thread_local! {
        // Its tables are large: each thread makes them once.
        static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    }
    COMPRESSOR.with_borrow_mut(|kept| {
        let compressor = match kept {
            Some(compressor) => compressor,
            None => kept.insert(Compressor::new(level)?),
        };
        compressor.set_compression_level(level)?;
        compressor.include_checksum(true)?;
        compressor.compress(bytes)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_one_after_another_are_one_file() {
        for codec in [Codec::Plain, Codec::Gzip, Codec::Zstd, Codec::Bzip2] {
            let mut file = codec.encode(b"one\n".to_vec()).unwrap();
            file.extend(codec.encode(Vec::new()).unwrap());
            file.extend(codec.encode(b"two\n".to_vec()).unwrap());
            assert_eq!(Codec::of(&file), codec);
            let mut text = String::new();
            codec
                .decoder(io::Cursor::new(file.clone()))
                .unwrap()
                .read_to_string(&mut text)
                .unwrap();
            assert_eq!(text, "one\ntwo\n", "{codec:?}");
            if codec != Codec::Plain {
                file.truncate(file.len() - 3);
                let cut = codec.decoder(io::Cursor::new(file)).unwrap().read_to_end(&mut vec![]);
                assert!(cut.is_err(), "{codec:?}: a cut member is an error");
            }
        }
    }
}
