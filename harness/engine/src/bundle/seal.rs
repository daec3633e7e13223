//! The seal: the SHA-256 of all that is before it, as the last bytes of the file.
//!
//! It is a skippable frame of zstd's, so that `tar --zstd` and `zstd -d` read the file as any other. It tells that a byte has changed,
//! the manifest's and the compression's included; it is no signature.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use sha2::{Digest, Sha256};

const HEAD: [u8; 8] = [0x5e, 0x2a, 0x4d, 0x18, 32, 0, 0, 0];
const LENGTH: u64 = 40;

/// Hashes what goes through, as a reader or a writer.
pub(super) struct Hashing<T> {
    pub inner: T,
    pub hash: Sha256,
    pub bytes: u64,
}

impl<T> Hashing<T> {
    pub fn new(inner: T) -> Hashing<T> {
        Hashing { inner, hash: Sha256::new(), bytes: 0 }
    }

    fn note(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.note(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.note(&buffer[..read]);
        Ok(read)
    }
}

/// Seals what was written. Gives the SHA-256 of the whole file.
pub(super) fn seal<W: Write>(mut written: Hashing<W>) -> io::Result<String> {
    let seal = written.hash.clone().finalize();
    written.write_all(&HEAD)?;
    written.write_all(&seal)?;
    written.flush()?;
    Ok(hex::encode(written.hash.finalize()))
}

/// What a file's seal says.
pub(super) struct Sealed {
    /// Where it begins: the length of the archive.
    pub archive: u64,
    /// Of the whole file.
    pub sha256: String,
    pub problem: Option<&'static str>,
}

/// Reads the whole file.
pub(super) fn check(file: &mut File) -> io::Result<Sealed> {
    let length = file.seek(SeekFrom::End(0))?;
    file.rewind()?;
    let archive = length.saturating_sub(LENGTH);
    let mut read = Hashing::new(file);
    io::copy(&mut (&mut read).take(archive), &mut io::sink())?;
    let is = read.hash.clone().finalize();
    let mut tail = Vec::new();
    read.read_to_end(&mut tail)?;
    let sha256 = hex::encode(read.hash.finalize());
    let (archive, problem) = match tail.strip_prefix(&HEAD) {
        None => (length, Some("its seal is missing: the file was cut off, or something was added to it")),
        Some(seal) if seal != is.as_slice() => {
            (archive, Some("its seal is broken: the file has changed since it was made"))
        }
        Some(_) => (archive, None),
    };
    Ok(Sealed { archive, sha256, problem })
}
