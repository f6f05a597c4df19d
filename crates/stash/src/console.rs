//! The terminal: a progress bar per running session, and log lines that do not tear it.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use engine::{Phase, Progress};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use standalone::live::{Console, words};
use tracing_subscriber::fmt::MakeWriter;

/// Bars on standard error when that is a terminal; nothing otherwise, since log lines tell the rest.
#[derive(Clone, Debug)]
pub(crate) struct Terminal {
    bars: MultiProgress,
}

impl Terminal {
    /// `plain` shows no bars even in a terminal.
    pub(crate) fn new(plain: bool) -> Self {
        let visible = !plain && std::io::stderr().is_terminal();
        let target = if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self { bars: MultiProgress::with_draw_target(target) }
    }

    /// Where log lines go.
    pub(crate) fn writer(&self) -> Lines {
        Lines { bars: self.bars.clone() }
    }

    /// A bar for one piece of work.
    pub(crate) fn bar(&self, title: &str) -> Bar {
        let bar = self.bars.add(ProgressBar::new_spinner());
        bar.set_prefix(title.to_owned());
        bar.set_style(spinner());
        bar.enable_steady_tick(Duration::from_millis(120));
        Bar { bar, files: std::sync::atomic::AtomicU64::new(0) }
    }
}

impl Console for Terminal {
    fn begin(&self, title: &str) -> Box<dyn Progress> {
        Box::new(self.bar(title))
    }
}

/// One bar; gone when dropped.
#[derive(Debug)]
pub(crate) struct Bar {
    bar: ProgressBar,
    files: std::sync::atomic::AtomicU64,
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Bar {
    fn phase(&self, phase: Phase) {
        // What a scan counted is what the backup after it works off.
        if phase != Phase::BackingUp {
            self.bar.unset_length();
            self.bar.set_style(spinner());
        }
        self.files.store(0, std::sync::atomic::Ordering::Relaxed);
        self.bar.set_position(0);
        self.bar.set_message(words(phase));
    }

    fn total(&self, _files: u64, bytes: u64) {
        if bytes > 0 {
            self.bar.set_style(counted());
            self.bar.set_length(bytes);
        }
    }

    fn advance(&self, files: u64, bytes: u64) {
        self.files.fetch_add(files, std::sync::atomic::Ordering::Relaxed);
        self.bar.inc(bytes);
    }

    fn file(&self, path: &Path) {
        let files = self.files.load(std::sync::atomic::Ordering::Relaxed);
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        self.bar.set_message(format!("{files} files, {name}"));
    }
}

fn spinner() -> ProgressStyle {
    style("{spinner} {prefix}  {msg}  {elapsed}")
}

fn counted() -> ProgressStyle {
    style("{spinner} {prefix}  [{bar:24}] {percent:>3}%  {bytes} of {total_bytes}, {eta} left  {msg:.dim}")
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

/// Writes log lines above the bars.
#[derive(Clone, Debug)]
pub(crate) struct Lines {
    bars: MultiProgress,
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        self.bars.suspend(|| std::io::stderr().lock().write_all(line))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Lines;

    fn make_writer(&'a self) -> Self::Writer {
        self.clone()
    }
}
