//! A file of short lines, and whether it came out as it went in.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use crate::harness::{Home, Random};
use crate::measure::Result;

const BUFFER_BYTES: usize = 1 << 20;

/// A file with so many different lines of 25 bytes: a number, a blank, and something that does not compress.
pub(crate) struct Lines {
    path: PathBuf,
}

impl Lines {
    /// Writes it into a home.
    pub(crate) fn write(home: &Home, count: u32) -> Result<Self> {
        let path = home.path().join("lines");
        let mut file = BufWriter::with_capacity(BUFFER_BYTES, File::create(&path)?);
        let mut random = Random::new(1);
        for number in 0..count {
            writeln!(file, "{number:07} {:016x}", random.bits())?;
        }
        file.flush()?;
        Ok(Self { path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Expects a file to have the same bytes.
    pub(crate) fn expect_same(&self, other: &Path) -> Result<()> {
        let (mut ours, mut theirs) = (reader(&self.path)?, reader(other)?);
        let (mut our_bytes, mut their_bytes) = (vec![0; BUFFER_BYTES], vec![0; BUFFER_BYTES]);
        loop {
            let (our_count, their_count) =
                (fill(&mut ours, &mut our_bytes)?, fill(&mut theirs, &mut their_bytes)?);
            if our_bytes[..our_count] != their_bytes[..their_count] {
                return Err(format!("{} is not what went in", other.display()).into());
            }
            if our_count == 0 {
                return Ok(());
            }
        }
    }

    /// Expects a file to have the same lines in any order.
    pub(crate) fn expect_same_lines(&self, other: &Path) -> Result<()> {
        if fingerprint(&self.path)? != fingerprint(other)? {
            return Err(format!("the lines of {} are not those that went in", other.display()).into());
        }
        Ok(())
    }
}

fn reader(path: &Path) -> Result<BufReader<File>> {
    let file = File::open(path).map_err(|error| format!("can't open {}: {error}", path.display()))?;
    Ok(BufReader::with_capacity(BUFFER_BYTES, file))
}

/// Reads until the buffer is full or the file ends.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

/// How many lines, and the sum of their hashes, which does not depend on their order.
fn fingerprint(path: &Path) -> Result<(u64, u64)> {
    let mut reader = reader(path)?;
    let mut line = Vec::new();
    let (mut count, mut sum) = (0, 0_u64);
    while reader.read_until(b'\n', &mut line)? > 0 {
        let mut hasher = DefaultHasher::new();
        line.hash(&mut hasher);
        sum = sum.wrapping_add(hasher.finish());
        count += 1;
        line.clear();
    }
    Ok((count, sum))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_difference_is_seen() {
        let home = Home::new();
        let lines = Lines { path: home.write("lines", "a\nb\nc\n") };
        lines.expect_same(&home.write("same", "a\nb\nc\n")).unwrap();
        lines.expect_same_lines(&home.write("order", "c\na\nb\n")).unwrap();
        for other in ["", "a\nb\n", "a\nb\nc", "a\nb\nc\nd\n", "a\nb\nd\n", "a\na\nb\nc\n"] {
            let file = home.write("other", other);
            assert!(lines.expect_same(&file).is_err(), "{other:?}");
            assert!(lines.expect_same_lines(&file).is_err(), "{other:?}");
        }
        assert!(lines.expect_same(&home.path().join("order")).is_err());
    }
}
