//! The reading of one file, which says so when it fails and stops when it is told to.

use super::Tally;
use crate::cancel::Stop;
use crate::error::Fault;
use crate::progress::Meter;
use domain::report::FailureReason;
use rustic_core::{ErrorKind, ReadSourceOpen, RusticError, RusticResult};
use rustix::fs::OFlags;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;

/// A file that will be read unless the parent snapshot has it already.
pub(crate) struct Unopened {
    pub(super) file: PathBuf,
    pub(super) named: PathBuf,
    pub(super) is_root: bool,
    pub(super) stop: Arc<Stop>,
    pub(super) meter: Arc<Meter>,
    pub(super) tally: Arc<Tally>,
}

impl Unopened {
    /// The file will not be in the snapshot.
    fn failed(&self, error: &io::Error) {
        if self.stop.is_stopped() {
            return;
        }
        self.tally.dropped();
        if self.is_root {
            let cause = format!("cannot read {}: {error}", self.named.display());
            self.stop.trip(Fault::new(FailureReason::SourceUnreadable, cause));
        } else {
            self.tally.skip_unless_gone(&self.named, error);
        }
    }
}

impl ReadSourceOpen for Unopened {
    type Reader = Reader<File>;

    fn open(self) -> RusticResult<Reader<File>> {
        self.meter.at(&self.named);
        // Between listing and opening, a pipe or a link may have taken the place of the file: wait for nobody,
        // follow nothing.
        let flags = (OFlags::NONBLOCK | OFlags::NOFOLLOW).bits();
        let opened = OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(&self.file);
        match opened {
            Ok(content) => Ok(Reader { content, of: self }),
            Err(error) => {
                self.failed(&error);
                Err(RusticError::with_source(ErrorKind::InputOutput, "Cannot open the file.", error))
            }
        }
    }
}

/// The content of a file.
pub(crate) struct Reader<R> {
    content: R,
    of: Unopened,
}

impl<R: Read> Read for Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.of.stop.is_stopped() {
            return Err(io::Error::other("the backup was stopped"));
        }
        self.content.read(buffer).inspect_err(|error| {
            if error.kind() != io::ErrorKind::Interrupted {
                self.of.failed(error);
            }
        })
    }
}
