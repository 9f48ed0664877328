//! Compression: detected by the first bytes, read member by member, written as one member per
//! block.
//!
//! Readers of gzip, zstd and bzip2 read concatenated members as one file. So blocks are compressed
//! separately and in parallel, and an interrupted run resumes after the last complete member.

use std::cell::RefCell;
use std::io::{self, BufRead, Read, Write};

use bzip2::bufread::BzDecoder;
use flate2::bufread::GzDecoder;
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

    /// The name of the format, for messages.
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

    /// Reads all members of `compressed`. NUL bytes after a member are padding, as block devices and
    /// tapes leave it. A member that is cut off is an error.
    pub(crate) fn decoder<R: BufRead + Send + 'static>(
        self,
        compressed: R,
    ) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Codec::Plain => Box::new(compressed),
            Codec::Gzip => Members::boxed(compressed, |source| Ok(GzDecoder::new(source))),
            Codec::Zstd => Members::boxed(compressed, |source| {
                Ok(zstd::Decoder::with_buffer(source)?.single_frame())
            }),
            Codec::Bzip2 => Members::boxed(compressed, |source| Ok(BzDecoder::new(source))),
        })
    }

    /// `bytes` as one member; nothing for no bytes.
    ///
    /// # Errors
    /// There is not enough memory.
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

/// Reads one compressed member of a source.
trait Member<R>: Read + Sized {
    fn into_source(self) -> R;
}

impl<R: BufRead> Member<R> for GzDecoder<R> {
    fn into_source(self) -> R {
        self.into_inner()
    }
}

impl<R: BufRead> Member<R> for BzDecoder<R> {
    fn into_source(self) -> R {
        self.into_inner()
    }
}

impl<R: BufRead> Member<R> for zstd::Decoder<'static, R> {
    fn into_source(self) -> R {
        self.finish()
    }
}

/// Reads the members of a source, one after another.
struct Members<R, M> {
    begin: fn(R) -> io::Result<M>,
    state: State<R, M>,
}

enum State<R, M> {
    /// In a member.
    Inside(M),
    /// After a member.
    Between(R),
    /// The source ended, or failed.
    Ended,
}

impl<R, M> Members<R, M>
where
    R: BufRead + Send + 'static,
    M: Member<R> + Send + 'static,
{
    fn boxed(source: R, begin: fn(R) -> io::Result<M>) -> Box<dyn Read + Send> {
        Box::new(Members { begin, state: State::Between(source) })
    }
}

impl<R: BufRead, M: Member<R>> Read for Members<R, M> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.state = match std::mem::replace(&mut self.state, State::Ended) {
                State::Ended => return Ok(0),
                State::Between(mut source) => match skip_padding(&mut source)? {
                    true => State::Inside((self.begin)(source)?),
                    false => State::Ended,
                },
                State::Inside(mut member) => match member.read(buffer)? {
                    0 if !buffer.is_empty() => State::Between(member.into_source()),
                    count => {
                        self.state = State::Inside(member);
                        return Ok(count);
                    }
                },
            }
        }
    }
}

/// Skips the NUL bytes that come next; false if the source ends there.
fn skip_padding(source: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let bytes = source.fill_buf()?;
        let padding = bytes.iter().take_while(|byte| **byte == 0).count();
        let (ended, member) = (bytes.is_empty(), padding < bytes.len());
        source.consume(padding);
        if ended || member {
            return Ok(member);
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
                // Padding after any member, longer than a reader's buffer.
                let padding = vec![0; 20_000];
                let (one, two) = (codec.encode(b"one\n".to_vec()), codec.encode(b"two\n".to_vec()));
                let padded = [one.unwrap(), padding.clone(), two.unwrap(), padding].concat();
                let mut text = String::new();
                let padded = io::BufReader::new(io::Cursor::new(padded));
                codec.decoder(padded).unwrap().read_to_string(&mut text).unwrap();
                assert_eq!(text, "one\ntwo\n", "{codec:?}");
                let junk = [file.clone(), b"junk".to_vec()].concat();
                let junk = codec.decoder(io::Cursor::new(junk)).unwrap().read_to_end(&mut vec![]);
                assert!(junk.is_err(), "{codec:?}: bytes that are no member are an error");
                file.truncate(file.len() - 3);
                let cut = codec.decoder(io::Cursor::new(file)).unwrap().read_to_end(&mut vec![]);
                assert!(cut.is_err(), "{codec:?}: a cut member is an error");
            }
        }
    }
}
