//! Reads what gzip or zip has packed, no more of it than a limit.

use std::io::{self, Read};

use zlib_rs::{Inflate, InflateFlush, Status};

/// Window of 32 KiB, with gzip's own header and checksum.
const GZIP: u8 = 16 + 15;

pub(super) struct Gunzip<'a> {
    packed: &'a [u8],
    inflate: Inflate,
    done: bool,
    left: u64,
}

impl<'a> Gunzip<'a> {
    /// More than `limit` bytes are an error: a small file can hold a very long one.
    pub(super) fn new(packed: &'a [u8], limit: u64) -> Self {
        Self { packed, inflate: Inflate::new(true, GZIP), done: false, left: limit }
    }

    /// Without a header or a checksum, as zip has it.
    pub(super) fn deflated(packed: &'a [u8], limit: u64) -> Self {
        Self { packed, inflate: Inflate::new(false, 15), done: false, left: limit }
    }
}

impl Read for Gunzip<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while !self.done && !out.is_empty() {
            let (taken, given) = (self.inflate.total_in(), self.inflate.total_out());
            let status = self
                .inflate
                .decompress(self.packed, out, InflateFlush::NoFlush)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.as_str()))?;
            let taken = usize::try_from(self.inflate.total_in() - taken).unwrap_or(self.packed.len());
            let given = self.inflate.total_out() - given;
            self.packed = self.packed.get(taken..).unwrap_or_default();
            self.done = status == Status::StreamEnd;
            self.left = self
                .left
                .checked_sub(given)
                .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it unpacks to too much"))?;
            if given > 0 {
                return Ok(usize::try_from(given).unwrap_or(out.len()));
            }
            if !self.done && taken == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ends in the middle"));
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(packed: &[u8], limit: u64) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        Gunzip::new(packed, limit).read_to_end(&mut out).map(|_| out)
    }

    #[test]
    fn what_gzip_packed_is_read_to_its_end_and_no_further_than_the_limit() {
        let packed = crate::executor::actions::tests::gzip(&b"ab".repeat(100_000));
        assert!(packed.len() < 100_000);
        assert_eq!(read(&packed, 200_000).unwrap(), b"ab".repeat(100_000));
        assert!(read(&packed, 199_999).unwrap_err().to_string().contains("too much"));
        assert!(read(&packed[..packed.len() / 2], 200_000).is_err());
        assert!(read(b"no gzip at all", 200_000).is_err());
    }
}
