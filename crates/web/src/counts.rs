//! How often a limit was met, since the start.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Why a connection or a request was refused before anything looked at what it wants.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Refused {
    /// A connection above the number for all.
    Connections,
    /// A connection above the number for one address.
    ConnectionsPerAddress,
    /// Headers above their size or number.
    Headers,
    /// No memory for the headers.
    HeaderMemory,
    /// A TLS handshake that failed.
    Handshake,
    /// No, or wrong, user and password.
    Unauthorized,
    /// More passwords to check than can be checked in time.
    Passwords,
    /// More requests than the configured rate.
    Rate,
    /// The configuration file cannot be used.
    Configuration,
}

/// What a client took too long for.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum TimedOut {
    /// The TLS handshake.
    Handshake,
    /// The request line and the headers.
    Header,
    /// The body.
    Body,
    /// Taking the answer.
    Answer,
    /// The next request.
    Idle,
}

impl Refused {
    /// All reasons.
    pub const ALL: [Refused; 9] = [
        Refused::Connections,
        Refused::ConnectionsPerAddress,
        Refused::Headers,
        Refused::HeaderMemory,
        Refused::Handshake,
        Refused::Unauthorized,
        Refused::Passwords,
        Refused::Rate,
        Refused::Configuration,
    ];

    /// The value of a label.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Refused::Connections => "connections",
            Refused::ConnectionsPerAddress => "connections_per_address",
            Refused::Headers => "headers",
            Refused::HeaderMemory => "header_memory",
            Refused::Handshake => "handshake",
            Refused::Unauthorized => "unauthorized",
            Refused::Passwords => "passwords",
            Refused::Rate => "rate",
            Refused::Configuration => "configuration",
        }
    }
}

impl TimedOut {
    /// All reasons.
    pub const ALL: [TimedOut; 5] =
        [TimedOut::Handshake, TimedOut::Header, TimedOut::Body, TimedOut::Answer, TimedOut::Idle];

    /// The value of a label.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            TimedOut::Handshake => "handshake",
            TimedOut::Header => "header",
            TimedOut::Body => "body",
            TimedOut::Answer => "answer",
            TimedOut::Idle => "idle",
        }
    }
}

/// How often a limit was met, since the start.
#[derive(Debug, Default)]
pub struct Counts {
    pub(crate) open: AtomicUsize,
    accepted: AtomicU64,
    refused: [AtomicU64; Refused::ALL.len()],
    timed_out: [AtomicU64; TimedOut::ALL.len()],
}

impl Counts {
    /// Connections that are open now, refused ones left out.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Connections that were taken.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// What was refused for this reason.
    #[must_use]
    pub fn refused(&self, why: Refused) -> u64 {
        self.refused[why as usize].load(Ordering::Relaxed)
    }

    /// What took too long for this reason.
    #[must_use]
    pub fn timed_out(&self, why: TimedOut) -> u64 {
        self.timed_out[why as usize].load(Ordering::Relaxed)
    }

    pub(crate) fn accept(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refuse(&self, why: Refused) {
        self.refused[why as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn time_out(&self, why: TimedOut) {
        self.timed_out[why as usize].fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_own_count_and_label() {
        let counts = Counts::default();
        for (n, why) in Refused::ALL.into_iter().enumerate() {
            assert_eq!(why as usize, n);
            (0..n).for_each(|_| counts.refuse(why));
        }
        for (n, why) in TimedOut::ALL.into_iter().enumerate() {
            assert_eq!(why as usize, n);
            (0..n).for_each(|_| counts.time_out(why));
        }
        assert!(Refused::ALL.into_iter().all(|why| counts.refused(why) == why as u64));
        assert!(TimedOut::ALL.into_iter().all(|why| counts.timed_out(why) == why as u64));
    }
}
