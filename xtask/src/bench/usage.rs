//! What a process has taken of the machine, by what the kernel says about it.

use anyhow::{Context, Result};

/// The unit of CPU time in `/proc`: USER_HZ, which is 100 on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// A process by its number.
#[derive(Clone, Copy)]
pub(super) struct Usage {
    pid: u32,
}

impl Usage {
    pub(super) fn of(pid: u32) -> Self {
        Self { pid }
    }

    /// User and system seconds so far.
    pub(super) fn cpu(self) -> Result<f64> {
        let text = self.proc("stat")?;
        // The second field is a name in parentheses that may hold blanks; user and system time are fields 14 and 15.
        let fields = text.rsplit_once(')').context("/proc/PID/stat has another form than known")?.1;
        let ticks: Vec<f64> =
            fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
        Ok(ticks.iter().sum::<f64>() / TICKS_PER_SECOND)
    }

    /// Resident memory in MiB.
    pub(super) fn resident(self) -> Result<f64> {
        self.memory("VmRSS:")
    }

    /// Highest resident memory in MiB since the start or the last [`Usage::forget_peak`].
    pub(super) fn peak(self) -> Result<f64> {
        self.memory("VmHWM:")
    }

    pub(super) fn forget_peak(self) -> Result<()> {
        std::fs::write(format!("/proc/{}/clear_refs", self.pid), "5").context("resetting the peak memory")
    }

    fn memory(self, field: &str) -> Result<f64> {
        let text = self.proc("status")?;
        let kib = text
            .lines()
            .find_map(|line| line.strip_prefix(field)?.split_whitespace().next()?.parse::<f64>().ok())
            .with_context(|| format!("/proc/PID/status has no {field}"))?;
        Ok(kib / 1024.0)
    }

    fn proc(self, file: &str) -> Result<String> {
        let path = format!("/proc/{}/{file}", self.pid);
        std::fs::read_to_string(&path).with_context(|| format!("reading {path}"))
    }
}
