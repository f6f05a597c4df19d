//! The flags that bound what clients and pushes may take; the original has none of them.

use std::sync::LazyLock;
use std::time::Duration;

use clap::Args;

use super::duration;

/// The defaults of the limits on clients; `const` there is none for a trait's function.
static LIMITS: LazyLock<web::Limits> = LazyLock::new(web::Limits::default);

/// What a client may take.
#[derive(Args, Debug)]
#[command(next_help_heading = "Limits on clients")]
pub(super) struct ClientLimits {
    /// Connections at the same time. One more is answered 503 (over TLS: closed).
    #[arg(long = "web.max-connections", value_name = "NUMBER", default_value_t = LIMITS.connections)]
    pub(super) connections: usize,
    /// Connections at the same time from one address, or one IPv6 network of 64 bits. One more is answered 503 (over
    /// TLS: closed). Raise it when all clients come through one proxy.
    #[arg(long = "web.max-connections-per-address", value_name = "NUMBER", default_value_t = LIMITS.connections_per_address)]
    pub(super) connections_per_address: usize,
    /// Bytes of a request line with its headers, at least 8192. More are answered 431. In HTTP/2 at most 65536.
    #[arg(long = "web.max-header-bytes", value_name = "BYTES", default_value_t = LIMITS.header_bytes, value_parser = header_bytes)]
    pub(super) header_bytes: usize,
    /// Headers of a request, at most 24000. More are answered 431.
    #[arg(long = "web.max-headers", value_name = "NUMBER", default_value_t = LIMITS.headers, value_parser = headers)]
    pub(super) headers: usize,
    /// Bytes that large headers of all requests may take together. A request that finds no room is answered 503.
    #[arg(long = "web.max-header-memory-bytes", value_name = "BYTES", default_value_t = LIMITS.header_memory_bytes)]
    pub(super) header_memory_bytes: usize,
    /// Time for a TLS handshake, and for a request line with its headers. Then 408, or the connection is closed.
    #[arg(long = "web.header-timeout", value_name = "DURATION", default_value = "30s", value_parser = positive)]
    pub(super) header_timeout: Duration,
    /// Time between two requests on a connection. Then it is closed.
    #[arg(long = "web.idle-timeout", value_name = "DURATION", default_value = "2m", value_parser = positive)]
    pub(super) idle_timeout: Duration,
    /// Time in which no byte of a body comes. Then 408.
    #[arg(long = "web.body-timeout", value_name = "DURATION", default_value = "30s", value_parser = positive)]
    pub(super) body_timeout: Duration,
    /// Bytes a second that a body must have on average once --web.body-timeout is used up; 0 for none. Fewer are
    /// answered 408.
    #[arg(long = "web.min-body-rate", value_name = "BYTES", default_value_t = LIMITS.body_rate)]
    pub(super) body_rate: u64,
    /// Time in which a client takes no byte of an answer. Then the connection is closed.
    #[arg(long = "web.answer-timeout", value_name = "DURATION", default_value = "30s", value_parser = positive)]
    pub(super) answer_timeout: Duration,
    /// Bytes a second that a client must take on average once --web.answer-timeout is used up; 0 for none. With fewer
    /// the connection is closed.
    #[arg(long = "web.min-answer-rate", value_name = "BYTES", default_value_t = LIMITS.answer_rate)]
    pub(super) answer_rate: u64,
    /// Requests at the same time on one HTTP/2 connection. One more is refused by the protocol's own means.
    #[arg(long = "web.max-streams", value_name = "NUMBER", default_value_t = LIMITS.streams, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) streams: u32,
    /// Time for requests under way to finish when the gateway is told to stop. Then they are cut off.
    #[arg(long = "web.drain-timeout", value_name = "DURATION", default_value = "10s", value_parser = duration)]
    pub(super) drain_timeout: Duration,
}

/// What a push may take.
#[derive(Args, Debug)]
#[command(next_help_heading = "Limits on pushes")]
pub(super) struct PushLimits {
    /// Bytes of a body as it is sent. More are answered 413.
    #[arg(long = "web.max-body-bytes", value_name = "BYTES", default_value = "67108864")]
    pub(super) body_bytes: usize,
    /// Bytes of a body once it is unpacked. More are answered 413.
    #[arg(long = "web.max-unpacked-bytes", value_name = "BYTES", default_value = "67108864")]
    pub(super) unpacked_bytes: usize,
    /// Series of a push, each bucket and quantile counting as one. More are answered 413.
    #[arg(long = "push.max-series", value_name = "NUMBER", default_value = "250000")]
    pub(super) series: usize,
    /// Bytes that all large pushes may take together while they are read. One that cannot fit is answered 413. When
    /// another address waits for a second, the one that takes most gives way to it until both take as much: its oldest
    /// pushes are answered 503.
    #[arg(long = "push.max-memory-bytes", value_name = "BYTES", default_value = "268435456")]
    pub(super) memory_bytes: usize,
    /// Time a push waits for others to free that memory. Then 503.
    #[arg(long = "push.memory-wait", value_name = "DURATION", default_value = "5s", value_parser = duration)]
    pub(super) memory_wait: Duration,
}

impl ClientLimits {
    pub(super) fn limits(&self) -> web::Limits {
        web::Limits {
            connections: self.connections,
            connections_per_address: self.connections_per_address,
            header_bytes: self.header_bytes,
            headers: self.headers,
            header_memory_bytes: self.header_memory_bytes,
            header_timeout: self.header_timeout,
            idle_timeout: self.idle_timeout,
            body_timeout: self.body_timeout,
            body_rate: self.body_rate,
            answer_timeout: self.answer_timeout,
            answer_rate: self.answer_rate,
            streams: self.streams,
        }
    }
}

impl PushLimits {
    pub(super) fn limits(&self) -> gateway::Limits {
        gateway::Limits {
            body_bytes: self.body_bytes,
            unpacked_bytes: self.unpacked_bytes,
            series: self.series,
            memory_bytes: self.memory_bytes,
            memory_wait: self.memory_wait,
        }
    }
}

fn positive(text: &str) -> Result<Duration, String> {
    let duration = duration(text)?;
    if duration.is_zero() { Err("it must be longer than nothing".to_owned()) } else { Ok(duration) }
}

fn header_bytes(text: &str) -> Result<usize, String> {
    let least = web::Limits::LEAST_HEADER_BYTES;
    let bytes: usize = text.parse().map_err(|_| "it is no number of bytes".to_owned())?;
    if bytes < least { Err(format!("it must be at least {least}")) } else { Ok(bytes) }
}

fn headers(text: &str) -> Result<usize, String> {
    let most = web::Limits::MOST_HEADERS;
    let headers: usize = text.parse().map_err(|_| "it is no number".to_owned())?;
    if headers > most { Err(format!("it must be at most {most}")) } else { Ok(headers) }
}
