//! What one connection, and all of them together, may take.

use std::time::Duration;

/// What one connection, and all of them together, may take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Connections at the same time; default 1024. One more is answered 503 with `Retry-After` and closed; over TLS it
    /// is closed at once.
    pub connections: usize,
    /// Connections at the same time from one address, or from one network of 64 bits in IPv6; default 256. One more is
    /// treated as one above [`Limits::connections`]. Unix and virtual sockets count as one address each.
    pub connections_per_address: usize,
    /// Largest request line with its headers, in bytes; default 1 MiB. One that is larger by more than 4 KiB, which Go
    /// tolerates, is answered 431. In HTTP/2 a header list has at most 64 KiB whatever this says, since there may be
    /// many at once. A request line above 65,534 bytes is answered 414.
    pub header_bytes: usize,
    /// Most headers of a request; default 24,000, which is also the most that is possible. More are answered 431.
    pub headers: usize,
    /// Memory that the headers of all requests under way may take, in bytes; default 64 MiB. Ordinary headers, below
    /// 16 KiB, are not counted. A request that finds no room is answered 503 with `Retry-After`.
    pub header_memory_bytes: usize,
    /// How long a client may take for its TLS handshake, and for a request line with its headers, counted from their
    /// first byte, or from the connection's begin; default 30 seconds. Then 408, or the connection is closed when
    /// nothing of a request has come.
    pub header_timeout: Duration,
    /// How long a connection may stay open between two requests; default 2 minutes. Then it is closed.
    pub idle_timeout: Duration,
    /// How long the server waits for the next bytes of a body; default 30 seconds. Then 408. Time that is not used is
    /// not saved up.
    pub body_timeout: Duration,
    /// Bytes a second that a body must have on average once it has used up [`Limits::body_timeout`]; default 4096.
    /// Each so many bytes give a second more, up to [`Limits::body_timeout`].
    pub body_rate: u64,
    /// How long a client may take no byte of an answer; default 30 seconds. Then the connection is closed.
    pub answer_timeout: Duration,
    /// As [`Limits::body_rate`], for answers; default 4096.
    pub answer_rate: u64,
    /// Requests at the same time on one connection, in HTTP/2; default 100, below which clients may not expect it to be
    /// (RFC 9113, section 6.5.2). The client is told; one more is refused by the protocol's own means.
    pub streams: u32,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            connections: 1024,
            connections_per_address: 256,
            header_bytes: MIB,
            headers: Limits::MOST_HEADERS,
            header_memory_bytes: 64 * MIB,
            header_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(120),
            body_timeout: Duration::from_secs(30),
            body_rate: 4096,
            answer_timeout: Duration::from_secs(30),
            answer_rate: 4096,
            streams: 100,
        }
    }
}

impl Limits {
    /// The table of headers of crate `http` holds 24,576; to put in one more is a panic.
    pub const MOST_HEADERS: usize = 24_000;

    /// The least [`Limits::header_bytes`]: the buffer of crate `hyper` is no smaller.
    pub const LEAST_HEADER_BYTES: usize = 8192;
}
