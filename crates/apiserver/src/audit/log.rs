//! Where audit events go: lines of JSON, written behind the requests, so that no disk keeps a client waiting.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use serde_json::Value;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinHandle;

/// Most events that wait to be written. One more is lost, and counted.
const WAITING: usize = 10_000;

/// Where events go.
#[derive(Debug)]
pub struct AuditLog {
    events: Sender<Value>,
    writer: JoinHandle<()>,
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the audit log {path}: {source}")]
pub struct LogError {
    path: String,
    source: io::Error,
}

impl AuditLog {
    /// Appends to a file, or to the standard output for `-`. Belongs into a runtime.
    ///
    /// # Errors
    ///
    /// [`LogError`].
    pub fn open(path: &Path) -> Result<Self, LogError> {
        let sink: Box<dyn Write + Send> = if path == Path::new("-") {
            Box::new(io::stdout())
        } else {
            let opened = File::options().create(true).append(true).open(path);
            Box::new(opened.map_err(|source| LogError { path: path.display().to_string(), source })?)
        };
        Ok(Self::to(sink))
    }

    fn to(sink: Box<dyn Write + Send>) -> Self {
        let (events, waiting) = mpsc::channel(WAITING);
        Self { events, writer: tokio::task::spawn_blocking(move || write(waiting, sink)) }
    }

    /// Takes an event; says whether it will be written.
    pub(crate) fn tell(&self, event: Value) -> bool {
        match self.events.try_send(event) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Closed(_)) => false,
        }
    }

    /// Writes what waits, and ends.
    pub async fn close(self) {
        drop(self.events);
        if let Err(error) = self.writer.await {
            tracing::error!("the audit log stumbled: {error}");
        }
    }
}

fn write(mut events: Receiver<Value>, mut sink: Box<dyn Write + Send>) {
    let mut said = String::new();
    while let Some(event) = events.blocking_recv() {
        // One write a line, so that lines of several writers stay whole.
        let written = sink.write_all(format!("{event}\n").as_bytes()).and_then(|()| sink.flush());
        let trouble = written.err().map(|error| error.to_string()).unwrap_or_default();
        if !trouble.is_empty() && trouble != said {
            tracing::error!("audit events are lost, since the log cannot be written: {trouble}");
        }
        said = trouble;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().map_err(|_| io::ErrorKind::Other)?.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn what_was_told_is_written_before_the_end() {
        let kept = Kept::default();
        let log = AuditLog::to(Box::new(kept.clone()));
        for number in 0..100 {
            assert!(log.tell(json!({ "auditID": number })));
        }
        log.close().await;
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert_eq!((text.lines().count(), text.lines().last()), (100, Some("{\"auditID\":99}")));
    }

    #[test]
    fn a_log_that_cannot_be_is_refused_at_the_start() {
        let error = AuditLog::open(Path::new("/does/not/exist")).unwrap_err().to_string();
        assert!(error.contains("/does/not/exist"), "{error}");
    }
}
