//! Delimited `io.prometheus.client.MetricFamily` messages, in and out.
//!
//! Both directions work on the wire format itself instead of on generated messages. Reading: two bytes of body may be
//! one empty message, which as a generated struct takes hundreds; here they become the plain values of
//! [`crate::family`] at once, under a limit. Writing: a scrape is written sample by sample, without one message being
//! built. The fields: <https://github.com/prometheus/client_model/blob/master/io/prometheus/client/metrics.proto>.

mod field;
mod metric;
mod native;
mod read;
mod sink;
mod wire;
pub(crate) mod write;

use crate::family::Family;

/// How much a body may hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// The largest number of repeated parts in a body: families, samples, labels, quantiles, buckets, spans, native
    /// buckets and exemplars. It bounds the memory a body takes: no part needs more than about 100 bytes
    /// beside its text. 10 million by default.
    pub parts: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { parts: 10_000_000 }
    }
}

/// What a body says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decoded {
    /// The families, in the order of their first message; also those without samples. What a problem speaks of is left
    /// out or replaced: take the values only when there are no problems. Timestamps are always there.
    pub families: Vec<Family>,
    /// Everything that is well-formed and yet no family, in the words of the reference implementation's consistency
    /// check where it has some; the first few when there are many.
    pub problems: Vec<String>,
}

/// Why a body is no series of messages.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProtobufError {
    /// The body ends inside of a message or its length.
    #[error("unexpected EOF")]
    UnexpectedEof,
    /// A length has more than 64 bits.
    #[error("proto: variable length integer overflow")]
    Overflow,
    /// A message breaks the rules of the wire format.
    #[error("proto: cannot parse invalid wire-format data")]
    Malformed,
    /// There are more parts than allowed.
    #[error("the body has more than {limit} samples, labels and buckets: push less at once")]
    TooManyParts {
        /// The limit.
        limit: usize,
    },
}

/// The families of a body of messages, each behind its length.
///
/// Of two messages of one name the last counts. A family without type is a counter, as in the reference
/// implementation. Text that is not UTF-8 is a problem in names and label values; in help texts and exemplars it comes
/// with `U+FFFD` in the places in question. Units and unknown fields are dropped.
///
/// # Errors
///
/// The first [`ProtobufError`]; nothing of the body is returned then.
pub fn decode(body: &[u8], limits: Limits) -> Result<Decoded, ProtobufError> {
    read::decode(body, limits)
}
