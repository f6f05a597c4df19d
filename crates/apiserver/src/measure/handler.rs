//! `http_*`: scrapes themselves, as handlers were instrumented by Go's library until 2018.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use exposition::{Family, Kind, Sample, Value};
use http::Request;
use meter::{Shape, Window};

const SUMMARY: Shape = Shape { window: Duration::from_secs(10 * 60), parts: 5, quantiles: &[0.5, 0.9, 0.99] };

/// The only handler that is instrumented, by its old name.
const HANDLER: (&str, &str) = ("handler", "prometheus");

/// All scrapes since the start.
#[derive(Debug, Default)]
pub(super) struct Scrapes {
    /// By method and code.
    counts: BTreeMap<(&'static str, u16), u64>,
    /// Microseconds, bytes of requests, bytes of answers.
    windows: Option<[Window; 3]>,
}

/// One scrape.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scraped {
    pub(crate) method: &'static str,
    pub(crate) code: u16,
    pub(crate) took: Duration,
    pub(crate) request_bytes: usize,
    pub(crate) response_bytes: usize,
}

impl Scrapes {
    pub(super) fn record(&mut self, scraped: Scraped, now: Instant) {
        *self.counts.entry((scraped.method, scraped.code)).or_default() += 1;
        let windows = self.windows.get_or_insert_with(|| [(); 3].map(|()| Window::new(SUMMARY, now)));
        let values =
            [scraped.took.as_micros() as f64, scraped.request_bytes as f64, scraped.response_bytes as f64];
        for (window, value) in windows.iter_mut().zip(values) {
            window.observe(value, now);
        }
    }

    pub(super) fn families(&mut self, now: Instant) -> [Family; 4] {
        let counts = self.counts.iter().fold(
            Family::counter("http_requests_total", "Scrapes of /metrics that were answered before this one."),
            |family, ((method, code), count)| {
                let code = code.to_string();
                family.with([HANDLER, ("method", *method), ("code", code.as_str())], *count as f64)
            },
        );
        let texts = [
            (
                "http_request_duration_microseconds",
                "Microseconds in which scrapes of /metrics were answered.",
            ),
            ("http_request_size_bytes", "Size of scrapes' requests in bytes: line, headers and body."),
            ("http_response_size_bytes", "Size of the answers to scrapes in bytes, as they were sent."),
        ];
        let mut summaries = texts.map(|(name, help)| Family::new(name, help, Kind::Summary));
        for (family, window) in summaries.iter_mut().zip(self.windows.iter_mut().flatten()) {
            let value = Value::Summary(Box::new(window.summary(now)));
            family.samples.push(Sample::new([HANDLER], value));
        }
        let [durations, requests, responses] = summaries;
        [counts, durations, requests, responses]
    }
}

/// Bytes of a request, as Go's library estimates them.
pub(crate) fn size<B: http_body::Body>(request: &Request<B>) -> usize {
    let uri = request.uri();
    let headers: usize =
        request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    let line = uri.path_and_query().map_or(0, |path| path.as_str().len()) + request.method().as_str().len();
    let version = "HTTP/1.1".len();
    let body = usize::try_from(request.body().size_hint().lower()).unwrap_or_default();
    line + version + uri.host().map_or(0, str::len) + headers + body
}
