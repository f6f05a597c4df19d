//! What is backed up in a benchmark: the same bytes in every run and on every machine.

use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};

/// Makes a data set in a folder and says how many bytes it has.
type Make = fn(&Path) -> Result<u64>;

/// The data sets.
pub(super) const SETS: [(&str, Make); 3] =
    [("many small files", small), ("incompressible", noise), ("text", text)];

const SMALL_FILES: u64 = 20_000;
const NOISE_BYTES: u64 = 512 << 20;
const TEXT_BYTES: u64 = 512 << 20;

/// Twenty thousand files of one to sixteen KiB in two hundred folders: source trees and mail are like that.
fn small(folder: &Path) -> Result<u64> {
    let mut random = Random(1);
    let mut bytes = 0;
    for number in 0..SMALL_FILES {
        let parent = folder.join(format!("{:03}", number % 200));
        std::fs::create_dir_all(&parent)?;
        let length = 1024 + random.next() % (15 * 1024);
        let mut content = Vec::new();
        while (content.len() as u64) < length {
            writeln!(content, "line {} of file {number}: {}", content.len(), random.next() % 1000)?;
        }
        bytes += content.len() as u64;
        std::fs::write(parent.join(number.to_string()), content)?;
    }
    Ok(bytes)
}

/// One file that neither compresses nor repeats, as media and encrypted data are.
fn noise(folder: &Path) -> Result<u64> {
    let mut random = Random(2);
    write(folder, NOISE_BYTES, |out| Ok(out.write_all(&random.next().to_le_bytes())?), 8)
}

/// One log of lines that repeat in part, as databases and logs do.
fn text(folder: &Path) -> Result<u64> {
    let mut random = Random(3);
    write(
        folder,
        TEXT_BYTES,
        |out| Ok(writeln!(out, "{:020} GET /item/{:06} 200", random.next() >> 1, random.next() % 1_000_000)?),
        43,
    )
}

/// Writes about `bytes` in steps of about `step`.
fn write(
    folder: &Path,
    bytes: u64,
    mut line: impl FnMut(&mut BufWriter<std::fs::File>) -> Result<()>,
    step: u64,
) -> Result<u64> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join("data");
    let file = std::fs::File::create(&path).with_context(|| format!("making {}", path.display()))?;
    let mut out = BufWriter::with_capacity(1 << 20, file);
    for _ in 0..bytes / step {
        line(&mut out)?;
    }
    out.flush()?;
    Ok(path.metadata()?.len())
}

/// Xorshift64* (Vigna 2016): enough for data, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}
