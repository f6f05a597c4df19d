//! The past sessions of each repository, kept over a restart: what the plots are drawn from.
//!
//! One JSON object per line. Losing the newest lines in a crash costs a few points of a plot and nothing else, so
//! nothing is synced; a line that cannot be read is skipped and reported.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::model::HistoryPoint;

/// Points kept for each repository.
pub const KEPT: usize = 1000;
/// Lines beyond those of the kept points at which the file is written anew.
const SLACK: usize = 1000;
/// Longest line that is read; ours have about 200 bytes.
const LONGEST_LINE: u64 = 64 * 1024;

/// The store: everything is in memory, and the file follows.
#[derive(Debug)]
pub struct History {
    path: PathBuf,
    file: File,
    points: BTreeMap<String, Vec<HistoryPoint>>,
    lines: usize,
    damaged: Vec<usize>,
    /// The last write failed and may have left half a line.
    torn: bool,
}

/// Why the history could not be read or written. Sessions go on without it.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} the session history {}: {source}; the plots of the page stay incomplete", path.display())]
pub struct HistoryError {
    action: &'static str,
    path: PathBuf,
    source: io::Error,
}

#[derive(Serialize)]
struct Line<'a> {
    repository: &'a str,
    #[serde(flatten)]
    point: HistoryPoint,
}

#[derive(Deserialize)]
struct OwnedLine {
    repository: String,
    #[serde(flatten)]
    point: HistoryPoint,
}

impl History {
    /// Opens the file, or creates it (its folder has to exist), and reads what is there.
    ///
    /// # Errors
    /// When the file cannot be opened, read or created. A damaged line is no error, see [`History::damaged`].
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, HistoryError> {
        let path = path.into();
        let failed = |action, path: &Path| {
            let path = path.to_owned();
            move |source| HistoryError { action, path, source }
        };
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&path)
            .map_err(failed("open", &path))?;
        let mut history = Self {
            file: file.try_clone().map_err(failed("open", &path))?,
            path,
            points: BTreeMap::new(),
            lines: 0,
            damaged: Vec::new(),
            torn: false,
        };
        let ended = history.read(&mut file).map_err(failed("read", &history.path))?;
        if !ended {
            // The last line was cut off by a crash: the next one must not continue it.
            history.file.write_all(b"\n").map_err(failed("write", &history.path))?;
        }
        if history.is_long() {
            history.compact()?;
        }
        Ok(history)
    }

    /// Adds a session. It is kept in memory also when the file cannot be written.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn append(&mut self, repository: &str, point: HistoryPoint) -> Result<(), HistoryError> {
        self.remember(repository, point);
        self.lines += 1;
        if self.is_long() {
            return self.compact();
        }
        let mut line = encode(repository, point).map_err(|source| self.failed("write", source))?;
        if self.torn {
            line.insert(0, b'\n');
        }
        // One write for the whole line, so that another reader of the file never sees half of one.
        let written = self.file.write_all(&line);
        self.torn = written.is_err();
        written.map_err(|source| self.failed("write", source))
    }

    /// Drops the past of a repository whose object is gone.
    ///
    /// # Errors
    /// When the file cannot be written anew; the points then come back with the next start.
    pub fn remove(&mut self, repository: &str) -> Result<(), HistoryError> {
        if self.points.remove(repository).is_some() { self.compact() } else { Ok(()) }
    }

    /// The newest points of a repository, at most [`KEPT`], oldest first.
    #[must_use]
    pub fn points(&self, repository: &str) -> &[HistoryPoint] {
        self.points.get(repository).map_or(&[], Vec::as_slice)
    }

    /// Numbers, from 1, of the lines that could not be read when the file was opened. They stay in the file until it
    /// is written anew, so that somebody can look at them.
    #[must_use]
    pub fn damaged(&self) -> &[usize] {
        &self.damaged
    }

    fn remember(&mut self, repository: &str, point: HistoryPoint) {
        let points = self.points.entry(repository.to_owned()).or_default();
        points.push(point);
        if points.len() > KEPT {
            points.drain(..points.len() - KEPT);
        }
    }

    /// Reads every line; whether the last one was whole.
    fn read(&mut self, file: &mut File) -> io::Result<bool> {
        file.seek(SeekFrom::Start(0))?;
        let mut reader = BufReader::new(file);
        let mut line = Vec::new();
        let mut number = 0;
        loop {
            line.clear();
            if (&mut reader).take(LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
                return Ok(true);
            }
            number += 1;
            let ended = line.ends_with(b"\n");
            if !ended && line.len() as u64 == LONGEST_LINE {
                reader.skip_until(b'\n')?;
                self.damaged.push(number);
                continue;
            }
            match serde_json::from_slice::<OwnedLine>(&line) {
                Ok(OwnedLine { repository, point }) => {
                    self.remember(&repository, point);
                    self.lines += 1;
                }
                Err(_) if line.iter().all(u8::is_ascii_whitespace) => {}
                Err(_) => self.damaged.push(number),
            }
            if !ended {
                return Ok(false);
            }
        }
    }

    fn is_long(&self) -> bool {
        self.lines > self.points.values().map(Vec::len).sum::<usize>() + SLACK
    }

    /// Writes what is kept into a new file and puts it in the place of the old one.
    fn compact(&mut self) -> Result<(), HistoryError> {
        let mut temporary = self.path.clone().into_os_string();
        temporary.push(".new");
        let temporary = PathBuf::from(temporary);
        self.file = self.rewrite(&temporary).map_err(|source| self.failed("rewrite", source))?;
        self.lines = self.points.values().map(Vec::len).sum();
        self.torn = false;
        Ok(())
    }

    fn rewrite(&self, temporary: &Path) -> io::Result<File> {
        let mut writer = BufWriter::new(File::create(temporary)?);
        for (repository, points) in &self.points {
            for point in points {
                writer.write_all(&encode(repository, *point)?)?;
            }
        }
        writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        fs::rename(temporary, &self.path)?;
        OpenOptions::new().append(true).open(&self.path)
    }

    fn failed(&self, action: &'static str, source: io::Error) -> HistoryError {
        HistoryError { action, path: self.path.clone(), source }
    }
}

fn encode(repository: &str, point: HistoryPoint) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(&Line { repository, point })?;
    line.push(b'\n');
    Ok(line)
}

#[cfg(test)]
mod tests;
