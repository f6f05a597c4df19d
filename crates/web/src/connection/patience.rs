//! How long a peer is waited for that takes or gives bytes.
//!
//! A peer has `most` to move the next byte, and must on average move `rate` bytes a second once it has used that up: so
//! a slow line is served, and one that only pretends to be slow is not. Apache's `mod_reqtimeout` counts likewise; here
//! time that is not used is not saved up beyond `most`, so that a fast beginning buys no pause of hours.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// The time a peer has left. Only time in which it is waited for counts.
#[derive(Debug)]
pub(super) struct Patience {
    most: Duration,
    rate: u64,
    left: Duration,
    waiting: Option<Instant>,
    /// Made when the peer is waited for the first time, which is seldom.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    pub(super) fn new(most: Duration, rate: u64) -> Self {
        Self { most, rate, left: most, waiting: None, sleep: None }
    }

    /// The peer moved so many bytes.
    pub(super) fn progress(&mut self, bytes: usize) {
        if let Some(waiting) = self.waiting.take() {
            self.spend(waiting.elapsed());
        }
        self.earn(bytes);
    }

    /// Waits for the peer; done when its time is over.
    pub(super) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let since = *self.waiting.get_or_insert_with(Instant::now);
        let end = since + self.left;
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(end)));
        if sleep.deadline() != end {
            sleep.as_mut().reset(end);
        }
        sleep.as_mut().poll(cx)
    }

    fn spend(&mut self, time: Duration) {
        self.left = self.left.saturating_sub(time);
    }

    fn earn(&mut self, bytes: usize) {
        // Without a rate, each byte buys the whole time.
        let earned = match self.rate {
            0 if bytes > 0 => self.most,
            0 => Duration::ZERO,
            rate => Duration::from_secs_f64(bytes as f64 / rate as f64),
        };
        self.left = self.left.saturating_add(earned).min(self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn bytes_buy_time_up_to_the_most() {
        let mut patience = Patience::new(10 * SECOND, 100);
        patience.spend(4 * SECOND);
        patience.earn(150);
        assert_eq!(patience.left, Duration::from_millis(7500));
        patience.earn(1_000_000);
        assert_eq!(patience.left, 10 * SECOND);
    }

    #[test]
    fn a_trickle_runs_out_and_a_slow_line_does_not() {
        let run = |bytes_a_second| {
            let mut patience = Patience::new(10 * SECOND, 100);
            (0..1000)
                .take_while(|_| {
                    patience.spend(SECOND);
                    let is_left = !patience.left.is_zero();
                    patience.earn(bytes_a_second);
                    is_left
                })
                .count()
        };
        assert_eq!(run(1), 10);
        assert_eq!(run(99), 900);
        assert_eq!(run(100), 1000);
    }

    #[test]
    fn without_a_rate_each_byte_buys_the_whole_time() {
        let mut patience = Patience::new(10 * SECOND, 0);
        patience.spend(9 * SECOND);
        patience.earn(0);
        assert_eq!(patience.left, SECOND);
        patience.earn(1);
        assert_eq!(patience.left, 10 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn only_time_of_waiting_counts() {
        let mut patience = Patience::new(SECOND, 100);
        tokio::time::advance(100 * SECOND).await;
        let began = Instant::now();
        std::future::poll_fn(|cx| patience.poll_over(cx)).await;
        assert_eq!(began.elapsed().as_secs(), 1);
    }
}
