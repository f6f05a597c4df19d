//! How many requests are answered at the same time, and how many were.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::request::RequestInfo;

/// What all clients together may take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Requests at the same time that change nothing; 0 is no limit.
    pub read_only: usize,
    /// Requests at the same time that change something; 0 is no limit.
    pub mutating: usize,
    /// How long an answer may take, except a watch; zero is no limit.
    pub timeout: Duration,
}

impl Default for Limits {
    /// Those of the API server.
    fn default() -> Self {
        Self { read_only: 400, mutating: 200, timeout: Duration::from_secs(60) }
    }
}

/// How many are answered at this moment.
#[derive(Clone, Debug)]
pub(crate) struct Inflight {
    read_only: Arc<Gate>,
    mutating: Arc<Gate>,
}

/// A request that is being answered, until it is dropped.
#[derive(Debug)]
pub(crate) struct Held(Arc<Gate>);

#[derive(Debug)]
struct Gate {
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    held: usize,
    /// When the second began in which `peak` is the most that were held.
    began: Instant,
    peak: usize,
    /// Of the second before.
    peak_before: usize,
}

impl Inflight {
    pub(crate) fn new(limits: &Limits) -> Self {
        let gate = |most| Arc::new(Gate { most, state: Mutex::new(State::new(Instant::now())) });
        Self { read_only: gate(limits.read_only), mutating: gate(limits.mutating) }
    }

    /// Room for a request; `None` when there is none. Who is `exempt` always finds some.
    pub(crate) fn enter(&self, info: &RequestInfo, exempt: bool) -> Option<Held> {
        let gate = if info.is_read_only() { &self.read_only } else { &self.mutating };
        gate.enter(exempt, Instant::now()).then(|| Held(Arc::clone(gate)))
    }

    /// The most that were held in the last second, read-only and mutating.
    pub(crate) fn peaks(&self, now: Instant) -> (usize, usize) {
        (self.read_only.peak(now), self.mutating.peak(now))
    }
}

impl Gate {
    fn enter(&self, exempt: bool, now: Instant) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.turn(now);
        if !exempt && self.most > 0 && state.held >= self.most {
            return false;
        }
        state.held += 1;
        state.peak = state.peak.max(state.held);
        true
    }

    fn leave(&self, now: Instant) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.turn(now);
        state.held = state.held.saturating_sub(1);
    }

    fn peak(&self, now: Instant) -> usize {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.turn(now);
        state.peak.max(state.peak_before)
    }
}

impl State {
    fn new(began: Instant) -> Self {
        Self { held: 0, began, peak: 0, peak_before: 0 }
    }

    /// Begins another second when one has passed.
    fn turn(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.began).as_secs();
        if passed == 0 {
            return;
        }
        self.peak_before = if passed == 1 { self.peak } else { self.held };
        self.peak = self.held;
        self.began += Duration::from_secs(passed);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.leave(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(method: &str) -> RequestInfo {
        RequestInfo::read(&method.parse().unwrap(), &"/apis/g/v1/things/a".parse().unwrap()).unwrap()
    }

    #[test]
    fn one_too_many_finds_no_room_until_another_leaves() {
        let inflight = Inflight::new(&Limits { read_only: 2, mutating: 1, ..Limits::default() });
        let first = inflight.enter(&info("GET"), false).unwrap();
        let _second = inflight.enter(&info("GET"), false).unwrap();
        assert!(inflight.enter(&info("GET"), false).is_none());
        assert!(inflight.enter(&info("GET"), true).is_some(), "who keeps the cluster alive is let in");
        let _other = inflight.enter(&info("DELETE"), false).unwrap();
        assert!(inflight.enter(&info("POST"), false).is_none());
        drop(first);
        assert!(inflight.enter(&info("GET"), false).is_some());
    }

    #[test]
    fn the_peak_is_that_of_the_last_second() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let gate = Gate { most: 0, state: Mutex::new(State::new(start)) };
        for _ in 0..3 {
            assert!(gate.enter(false, at(100)));
        }
        for _ in 0..3 {
            gate.leave(at(200));
        }
        assert_eq!(gate.peak(at(300)), 3);
        assert_eq!(gate.peak(at(1100)), 3);
        assert_eq!(gate.peak(at(2100)), 0);
        assert!(gate.enter(false, at(2200)));
        assert_eq!((gate.peak(at(2300)), gate.peak(at(9000))), (1, 1), "it is still there");
    }
}
