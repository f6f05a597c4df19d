//! The load: connections that push in a closed loop, alone or beside a scraper, and scrapes one after another.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use super::client::{Answer, Connection, get};
use super::payload::Requests;
use super::process::Gateway;

/// How many clients push at the same time.
const CONNECTIONS: usize = 8;

/// What came of a time of pushing.
pub(super) struct Pushes {
    /// Pushes a second over all connections.
    pub(super) rate: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    /// CPU of the gateway for one push; when somebody scrapes beside it, their share is in it.
    pub(super) cpu_ms: f64,
}

/// What came of scrapes of one form.
pub(super) struct Scrapes {
    pub(super) total_ms: f64,
    pub(super) first_byte_ms: f64,
    pub(super) bytes: f64,
    pub(super) cpu_ms: f64,
}

/// A form in which to scrape.
#[derive(Clone, Copy)]
pub(super) enum Form {
    Text,
    Gzip,
    Protobuf,
}

/// Pushes every group once, over all connections.
pub(super) fn fill(gateway: &Gateway, requests: &Requests) -> Result<()> {
    let next = AtomicUsize::new(0);
    run(gateway, requests, &next, || next.load(Ordering::Relaxed) < requests.groups()).map(drop)
}

/// Pushes for a time over all connections; pushes under way at its end are waited for and counted.
pub(super) fn push(gateway: &Gateway, requests: &Requests, time: Duration) -> Result<Pushes> {
    let start = Instant::now();
    let before = gateway.usage().cpu()?;
    let latencies = run(gateway, requests, &AtomicUsize::new(0), || start.elapsed() < time)?;
    let (took, cpu) = (start.elapsed().as_secs_f64(), gateway.usage().cpu()? - before);
    let count = latencies.len() as f64;
    Ok(Pushes {
        rate: count / took,
        p50_ms: quantile(&latencies, 0.5),
        p99_ms: quantile(&latencies, 0.99),
        cpu_ms: cpu * 1000.0 / count,
    })
}

/// As [`push`], with a scrape begun each second, or as soon as the one before it is done.
pub(super) fn push_beside_scrapes(
    gateway: &Gateway,
    requests: &Requests,
    time: Duration,
) -> Result<(Pushes, Scrapes)> {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let scraper = scope.spawn(|| {
            let mut connection = Connection::open(gateway.address)?;
            let mut answers = Vec::new();
            while !done.load(Ordering::Relaxed) {
                let start = Instant::now();
                answers.push(scrape_once(&mut connection, Form::Text)?);
                while start.elapsed() < Duration::from_secs(1) && !done.load(Ordering::Relaxed) {
                    thread::sleep(Duration::from_millis(10));
                }
            }
            anyhow::Ok(answers)
        });
        let pushes = push(gateway, requests, time);
        done.store(true, Ordering::Relaxed);
        let answers = scraper.join().map_err(|_| anyhow!("the scraper panicked"))??;
        Ok((pushes?, summary(&answers, 0.0)))
    })
}

/// Single pushes, one after another: the median in ms.
pub(super) fn lone_push(gateway: &Gateway, requests: &Requests, time: Duration) -> Result<f64> {
    let mut connection = Connection::open(gateway.address)?;
    let (start, mut latencies, mut request) = (Instant::now(), Vec::new(), Vec::new());
    while latencies.is_empty() || start.elapsed() < time {
        requests.write(latencies.len(), &mut request);
        latencies.push(one(&mut connection, &request)?);
    }
    latencies.sort_by(f64::total_cmp);
    Ok(quantile(&latencies, 0.5))
}

/// Scrapes one after another for a time, three at least. `None` when the gateway does not speak the form.
pub(super) fn scrape(gateway: &Gateway, form: Form, time: Duration) -> Result<Option<Scrapes>> {
    let mut connection = Connection::open(gateway.address)?;
    let (start, before) = (Instant::now(), gateway.usage().cpu()?);
    let mut answers = Vec::new();
    while answers.len() < 3 || start.elapsed() < time {
        let answer = scrape_once(&mut connection, form)?;
        if !form.is_of(&answer) {
            return Ok(None);
        }
        answers.push(answer);
    }
    Ok(Some(summary(&answers, gateway.usage().cpu()? - before)))
}

fn scrape_once(connection: &mut Connection, form: Form) -> Result<Answer> {
    let answer = connection.exchange(&get("/metrics", form.headers())).context("scraping")?;
    if answer.code != 200 {
        bail!("a scrape was answered with {}", answer.code);
    }
    Ok(answer)
}

fn summary(answers: &[Answer], cpu: f64) -> Scrapes {
    let median = |of: fn(&Answer) -> f64| {
        let mut values: Vec<f64> = answers.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        quantile(&values, 0.5)
    };
    Scrapes {
        total_ms: median(|answer| milliseconds(answer.total)),
        first_byte_ms: median(|answer| milliseconds(answer.first_byte)),
        bytes: median(|answer| answer.bytes as f64),
        cpu_ms: cpu * 1000.0 / answers.len() as f64,
    }
}

impl Form {
    fn headers(self) -> &'static str {
        match self {
            Form::Text => "Accept: text/plain;version=0.0.4\r\n",
            Form::Gzip => "Accept: text/plain;version=0.0.4\r\nAccept-Encoding: gzip\r\n",
            Form::Protobuf => {
                "Accept: application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited\r\n"
            }
        }
    }

    fn is_of(self, answer: &Answer) -> bool {
        match self {
            Form::Text => answer.content_type.starts_with("text/plain"),
            Form::Gzip => answer.content_encoding == "gzip",
            Form::Protobuf => answer.content_type.starts_with("application/vnd.google.protobuf"),
        }
    }
}

/// Pushes over all connections while `goes_on`; returns the latencies in ms, sorted.
fn run(
    gateway: &Gateway,
    requests: &Requests,
    next: &AtomicUsize,
    goes_on: impl Fn() -> bool + Sync,
) -> Result<Vec<f64>> {
    let client = || {
        let mut connection = Connection::open(gateway.address)?;
        let (mut latencies, mut request) = (Vec::new(), Vec::new());
        while goes_on() {
            requests.write(next.fetch_add(1, Ordering::Relaxed), &mut request);
            latencies.push(one(&mut connection, &request)?);
        }
        anyhow::Ok(latencies)
    };
    let mut all = thread::scope(|scope| {
        let clients: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(client)).collect();
        let mut all = Vec::new();
        for client in clients {
            all.extend(client.join().map_err(|_| anyhow!("a client panicked"))??);
        }
        anyhow::Ok(all)
    })?;
    all.sort_by(f64::total_cmp);
    Ok(all)
}

/// One push; its latency in ms.
fn one(connection: &mut Connection, request: &[u8]) -> Result<f64> {
    let answer = connection.exchange(request).context("pushing")?;
    // 202 is what a reference without checks says.
    if !matches!(answer.code, 200 | 202) {
        bail!("a push was answered with {}", answer.code);
    }
    Ok(milliseconds(answer.total))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Of sorted values; NaN when there is none.
pub(super) fn quantile(sorted: &[f64], quantile: f64) -> f64 {
    let place = (sorted.len() as f64 * quantile).ceil() as usize;
    sorted.get(place.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_one_of_the_values() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!((quantile(&values, 0.5), quantile(&values, 0.99)), (50.0, 99.0));
        assert_eq!(quantile(&[7.0], 0.99), 7.0);
        assert!(quantile(&[], 0.5).is_nan());
    }
}
