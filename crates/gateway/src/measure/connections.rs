//! What is said of connections: how many there are, and which limits were met.

use exposition::Family;
use web::{Counts, Refused, TimedOut};

use super::{counter, gauge};

pub(super) fn families(counts: &Counts) -> [Family; 4] {
    let refused = Refused::ALL.into_iter().fold(
        Family::counter(
            "pushgateway_http_refused_total",
            "Connections and requests that were refused before anything looked at what they want, by reason.",
        ),
        |family, why| family.with([("reason", why.label())], counts.refused(why) as f64),
    );
    let timed_out = TimedOut::ALL.into_iter().fold(
        Family::counter(
            "pushgateway_http_timeouts_total",
            "Connections that were closed or requests that were given up because the client took too long, by what for.",
        ),
        |family, why| family.with([("reason", why.label())], counts.timed_out(why) as f64),
    );
    [
        gauge(
            "pushgateway_http_connections",
            "Connections that are open at this moment.",
            counts.open() as f64,
        ),
        counter(
            "pushgateway_http_connections_total",
            "Connections that were taken.",
            counts.accepted() as f64,
        ),
        refused,
        timed_out,
    ]
}
