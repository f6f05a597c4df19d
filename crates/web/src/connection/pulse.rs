//! What a connection is doing, as its parts tell it: bytes come, requests begin and end, answers wait to be taken.
//! From that follows how long it may go on.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use tokio::time::Instant;

use crate::heads::{FREE_UNREAD, Heads, Taken};
use crate::{Limits, TimedOut};

/// Bytes of an answer that may wait in memory for the client of an HTTP/1 connection. HTTP/2 has limits of its own.
const UNSENT: usize = 128 * 1024;

/// Lines of a head for which hyper need not be asked for a larger table. A table of thousands costs as much as all the
/// rest of a small request.
pub(super) const FEW_HEADERS: usize = 512;

/// What is to be done with bytes that came.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Heard {
    /// They can be looked at.
    Go,
    /// They are of a head that finds no room.
    NoRoom,
    /// They are of a head with more than [`FEW_HEADERS`].
    ManyHeaders,
}

/// What a connection is doing.
pub(super) struct Pulse {
    limits: Limits,
    heads: Heads,
    is_http2: bool,
    state: Mutex<State>,
    /// The connection's task.
    watcher: AtomicWaker,
    /// Bytes of answers that were made and not sent.
    unsent: AtomicUsize,
    /// Whoever waits for [`Pulse::unsent`] to get less.
    room: AtomicWaker,
}

struct State {
    /// Requests that have begun and not ended.
    requests: usize,
    /// Whether there was a request.
    had_request: bool,
    /// Begin of the connection, or end of the last answer.
    quiet_since: Instant,
    /// When the first byte came after that.
    heard: Option<Instant>,
    /// Bytes that came after that.
    head: usize,
    /// Their lines.
    lines: usize,
    /// Room for a large head.
    room: Taken,
    no_room: bool,
    /// Whether there is a table for any number of headers.
    is_table_large: bool,
    /// Answers by number, with the time since when the client is waited for.
    answers: BTreeMap<u64, Instant>,
    next_answer: u64,
    is_body_left: bool,
}

/// A request, from its head to the end of its answer.
pub(super) struct Request {
    pulse: Arc<Pulse>,
    answer: u64,
    /// Room for its head, held as long.
    _head: Taken,
}

impl Pulse {
    pub(super) fn new(limits: Limits, heads: Heads, is_http2: bool) -> Self {
        let state = State {
            requests: 0,
            had_request: false,
            quiet_since: Instant::now(),
            heard: None,
            head: 0,
            lines: 0,
            room: None,
            no_room: false,
            is_table_large: is_http2,
            answers: BTreeMap::new(),
            next_answer: 0,
            is_body_left: false,
        };
        Self {
            limits,
            heads,
            is_http2,
            state: Mutex::new(state),
            watcher: AtomicWaker::new(),
            unsent: AtomicUsize::new(0),
            room: AtomicWaker::new(),
        }
    }

    /// Wakes this task when something happens in another one.
    pub(super) fn watch(&self, cx: &Context<'_>) {
        self.watcher.register(cx.waker());
    }

    /// When the connection has to end unless something happens, and why.
    pub(super) fn deadline(&self) -> Option<(Instant, TimedOut)> {
        let state = self.lock();
        if state.requests > 0 {
            let oldest = state.answers.values().min()?;
            return Some((*oldest + self.limits.answer_timeout, TimedOut::Answer));
        }
        Some(match state.heard {
            Some(heard) => (heard + self.limits.header_timeout, TimedOut::Header),
            None if !state.had_request => (state.quiet_since + self.limits.header_timeout, TimedOut::Header),
            None => (state.quiet_since + self.limits.idle_timeout, TimedOut::Idle),
        })
    }

    /// Bytes came.
    pub(super) fn hear(&self, bytes: &[u8]) -> Heard {
        let mut state = self.lock();
        if self.is_http2 || state.requests > 0 || bytes.is_empty() {
            return Heard::Go;
        }
        state.heard.get_or_insert_with(Instant::now);
        state.head += bytes.len();
        state.lines += lines_of_head(bytes);
        if state.head > FREE_UNREAD && state.room.is_none() {
            let rest = self.limits.header_bytes.saturating_sub(FREE_UNREAD);
            state.room = self.heads.take_bytes(rest);
            state.no_room = state.room.is_none();
        }
        if state.no_room {
            Heard::NoRoom
        } else if state.lines > FEW_HEADERS && !state.is_table_large {
            Heard::ManyHeaders
        } else {
            Heard::Go
        }
    }

    /// From now on there is a table for any number of headers.
    pub(super) fn enlarge_table(&self) {
        self.lock().is_table_large = true;
    }

    /// A request begins; `head` is the room for its headers.
    pub(super) fn begin(self: &Arc<Self>, head: Taken) -> Request {
        let mut state = self.lock();
        state.requests += 1;
        state.had_request = true;
        state.heard = None;
        state.head = 0;
        state.lines = 0;
        state.room = None;
        state.next_answer += 1;
        let answer = state.next_answer;
        drop(state);
        self.wake();
        Request { pulse: Arc::clone(self), answer, _head: head }
    }

    /// Whether bytes of a request have come that has not begun.
    pub(super) fn is_mid_head(&self) -> bool {
        self.lock().heard.is_some()
    }

    /// Whether a head found no room.
    pub(super) fn has_no_room(&self) -> bool {
        self.lock().no_room
    }

    /// A request body was left before its end.
    pub(super) fn leave_body(&self) {
        self.lock().is_body_left = true;
    }

    /// Whether the client may still be sending what nobody reads.
    pub(super) fn is_body_left(&self) -> bool {
        self.lock().is_body_left
    }

    /// So many bytes of an answer were made.
    fn make(&self, bytes: usize) {
        if !self.is_http2 {
            self.unsent.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    /// So many bytes were sent. What is around an answer is sent too, so this may be more than was made.
    pub(super) fn sent(&self, bytes: usize) {
        if !self.is_http2 && self.unsent.load(Ordering::Relaxed) > 0 {
            let less = |unsent: usize| Some(unsent.saturating_sub(bytes));
            let _ = self.unsent.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
            self.room.wake();
        }
    }

    /// Whether everything that was made was sent.
    pub(super) fn is_all_sent(&self) -> bool {
        self.unsent.load(Ordering::Relaxed) == 0
    }

    fn wake(&self) {
        // The requests of an HTTP/1 connection are answered in its own task.
        if self.is_http2 {
            self.watcher.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many lines begin in these bytes of a head, and of the body that may follow in them.
fn lines_of_head(bytes: &[u8]) -> usize {
    let lines = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count();
    let all = lines(bytes);
    if all <= FEW_HEADERS {
        return all;
    }
    let end = bytes.windows(3).position(|three| three == b"\n\r\n" || three.starts_with(b"\n\n"));
    end.and_then(|end| bytes.get(..=end)).map_or(all, lines)
}

impl Request {
    pub(super) fn pulse(&self) -> &Arc<Pulse> {
        &self.pulse
    }

    /// Whether there may be others at the same time.
    pub(super) fn is_one_of_many(&self) -> bool {
        self.pulse.is_http2
    }

    /// Ready when the client has taken enough of what was made before.
    pub(super) fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        let pulse = &self.pulse;
        if pulse.is_http2 {
            // More is asked for, so the client took what there was.
            if pulse.lock().answers.remove(&self.answer).is_some() {
                pulse.wake();
            }
            return Poll::Ready(());
        }
        let is_full = || pulse.unsent.load(Ordering::Relaxed) > UNSENT;
        if is_full() {
            pulse.room.register(cx.waker());
            if is_full() {
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }

    /// So many bytes of the answer were made, and wait to be taken.
    pub(super) fn make(&self, bytes: usize) {
        self.pulse.make(bytes);
        if self.pulse.is_http2 {
            self.pulse.lock().answers.insert(self.answer, Instant::now());
            self.pulse.wake();
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        let mut state = self.pulse.lock();
        state.requests -= 1;
        state.quiet_since = Instant::now();
        state.answers.remove(&self.answer);
        drop(state);
        self.pulse.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn pulse(is_http2: bool, memory: usize) -> Arc<Pulse> {
        Arc::new(Pulse::new(Limits::default(), Heads::new(memory), is_http2))
    }

    fn after(pulse: &Pulse) -> Option<(u64, TimedOut)> {
        let (at, why) = pulse.deadline()?;
        Some((at.duration_since(Instant::now()).as_secs(), why))
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_has_its_time_from_its_first_byte_and_a_pause_has_another() {
        let pulse = pulse(false, 1 << 20);
        assert_eq!(after(&pulse), Some((30, TimedOut::Header)));
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(pulse.hear(b"x"), Heard::Go);
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(pulse.hear(b"x"), Heard::Go);
        assert_eq!(after(&pulse), Some((20, TimedOut::Header)));
        let request = pulse.begin(None);
        assert_eq!(after(&pulse), None);
        drop(request);
        assert_eq!(after(&pulse), Some((120, TimedOut::Idle)));
        pulse.hear(b"x");
        assert_eq!(after(&pulse), Some((30, TimedOut::Header)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_in_http2_that_is_not_taken_has_its_time() {
        let pulse = pulse(true, 0);
        let (slow, fast) = (pulse.begin(None), pulse.begin(None));
        slow.make(10);
        tokio::time::advance(Duration::from_secs(10)).await;
        fast.make(10);
        assert_eq!(after(&pulse), Some((20, TimedOut::Answer)));
        assert!(slow.poll_room(&Context::from_waker(std::task::Waker::noop())).is_ready());
        assert_eq!(after(&pulse), Some((30, TimedOut::Answer)));
        drop(fast);
        assert_eq!(after(&pulse), None);
    }

    #[tokio::test]
    async fn a_large_head_needs_room_and_a_body_none() {
        let pulse = pulse(false, 1 << 20);
        let large = vec![b'x'; FREE_UNREAD + 1];
        let other = || Arc::new(Pulse::new(Limits::default(), pulse.heads.clone(), false));
        assert_eq!(pulse.hear(&large[1..]), Heard::Go);
        assert_eq!(pulse.hear(b"x"), Heard::Go, "there is room for one");
        assert_eq!(other().hear(&large), Heard::NoRoom, "and not for two");
        let _request = pulse.begin(None);
        assert_eq!(other().hear(&large), Heard::Go, "whose head is whole needs no more");
        assert_eq!(pulse.hear(&vec![b'\n'; 10 << 20]), Heard::Go, "bytes of a body are not counted");
    }

    #[tokio::test]
    async fn a_head_with_many_lines_asks_for_a_larger_table_once() {
        let pulse = pulse(false, 0);
        let lines = vec![b'\n'; FEW_HEADERS];
        assert_eq!(pulse.hear(&lines), Heard::Go);
        assert_eq!(pulse.hear(b"\n"), Heard::ManyHeaders);
        pulse.enlarge_table();
        assert_eq!(pulse.hear(&lines), Heard::Go);
    }

    #[test]
    fn lines_of_a_body_that_comes_with_its_head_are_not_those_of_the_head() {
        let body = "\n".repeat(2000);
        for (head, lines) in [("a\r\nb: c\r\n\r\n", 2), ("a\nb: c\n\n", 2), ("a\r\nb: c\r\n", 2002)] {
            assert_eq!(
                lines_of_head(format!("{head}{}", body.replace('\n', "x\n")).as_bytes()),
                lines,
                "{head:?}"
            );
        }
        assert_eq!(lines_of_head(b"a\r\nb: c"), 1);
    }

    #[tokio::test]
    async fn an_answer_waits_until_the_client_has_taken_some() {
        let pulse = pulse(false, 0);
        let request = pulse.begin(None);
        let cx = Context::from_waker(std::task::Waker::noop());
        request.make(UNSENT);
        assert!(request.poll_room(&cx).is_ready());
        request.make(1);
        assert!(request.poll_room(&cx).is_pending());
        pulse.sent(1);
        assert!(request.poll_room(&cx).is_ready());
        pulse.sent(UNSENT + 500);
        assert!(pulse.is_all_sent());
    }
}
