//! How the work for an input grows with its size.
//!
//! What is measured is the processor time of this thread, which other load on the machine hardly changes. The bound is
//! generous: for sixteen times the input it is a quarter of what a quadratic algorithm takes.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

const TIMES: usize = 16;
const MOST: u32 = 64;
/// What is shorter says nothing.
const NOISE: Duration = Duration::from_millis(1);

/// Asserts that `work` on what `make` makes of sixteen times the size takes about sixteen times as long.
#[track_caller]
pub(crate) fn is_linear<I>(what: &str, size: usize, make: impl Fn(usize) -> I, work: impl Fn(I)) {
    let taken = |size: usize| taken(make(size), &work);
    let small = taken(size);
    // What disturbs one measurement does not disturb all.
    let most = (small + NOISE) * MOST;
    let mut large = Duration::MAX;
    for _ in 0..3 {
        large = large.min(taken(size * TIMES));
        if large <= most {
            return;
        }
    }
    panic!("{what}: {small:?} for {size}, but {large:?} for {TIMES} times as much");
}

fn taken<I>(input: I, work: &impl Fn(I)) -> Duration {
    let begin = now();
    work(input);
    now().saturating_sub(begin)
}

/// Processor time that this thread has taken.
fn now() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}
