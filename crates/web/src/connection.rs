//! One connection: its handshake, its requests, its end, each in its time.

mod answer;
mod body;
mod paced;
mod patience;
mod pulse;
mod raw;

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CONNECTION, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;
use tower_service::Service;

use crate::guard::{Guard, refusal};
use crate::heads::Heads;
use crate::listener::{Client, Peer, PeerCertificates};
use crate::socket::{Looked, Socket};
use crate::{Counts, Limits, Refused, TimedOut};
use answer::Answer;
pub use body::too_slow;
use paced::Paced;
use pulse::{FEW_HEADERS, Pulse};

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) limits: Limits,
    pub(crate) counts: Arc<Counts>,
    pub(crate) heads: Heads,
    pub(crate) guard: Option<Guard>,
    /// What handshakes are made with, where no file says it.
    pub(crate) tls: Option<Arc<ServerConfig>>,
    pub(crate) app: Router,
    /// Cancelled when requests under way are the last ones.
    pub(crate) stop: CancellationToken,
}

impl Shared {
    /// Whether connections are over TLS.
    pub(crate) fn is_tls(&self) -> bool {
        self.tls.is_some() || self.guard.as_ref().is_some_and(Guard::is_tls)
    }

    /// What handshakes are made with at this moment.
    async fn handshakes(&self) -> Option<Arc<ServerConfig>> {
        match (&self.tls, &self.guard) {
            (Some(tls), _) => Some(Arc::clone(tls)),
            (None, Some(guard)) => guard.tls().await,
            (None, None) => None,
        }
    }
}

/// A client above the number of connections is told so, when it can be.
pub(crate) async fn refuse(mut socket: Box<dyn Socket>) {
    raw::end(&mut socket, &raw::busy(), true).await;
}

/// Serves a connection until its end.
pub(crate) async fn serve(shared: Arc<Shared>, socket: Box<dyn Socket>, peer: Peer) {
    if !shared.is_tls() {
        return http1(shared, socket, Client { peer, certificates: None }).await;
    }
    let stop = shared.stop.clone();
    let shaken = tokio::select! {
        shaken = handshake(&shared, socket) => shaken,
        () = stop.cancelled() => None,
    };
    if let Some(Shaken { socket, is_http2, certificates }) = shaken {
        let client = Client { peer, certificates };
        if is_http2 { http2(shared, socket, client).await } else { http1(shared, socket, client).await }
    }
}

/// What came of a handshake.
struct Shaken {
    socket: Box<dyn Socket>,
    /// Whether the client chose it.
    is_http2: bool,
    certificates: Option<PeerCertificates>,
}

/// The TLS handshake.
async fn handshake(shared: &Shared, socket: Box<dyn Socket>) -> Option<Shaken> {
    let end = Instant::now() + shared.limits.header_timeout;
    let Ok(looked) = timeout_at(end, Looked::at(socket)).await else {
        shared.counts.time_out(TimedOut::Handshake);
        return None;
    };
    // One that connects and leaves is no failure: health checks of load balancers do.
    let looked = looked.ok()?;
    if looked.is_http() {
        let say = raw::answer(StatusCode::BAD_REQUEST, "", "Client sent an HTTP request to an HTTPS server.");
        raw::end(&mut looked.into_socket(), &say, true).await;
        shared.counts.refuse(Refused::Handshake);
        return None;
    }
    let Some(config) = shared.handshakes().await else {
        shared.counts.refuse(Refused::Configuration);
        return None;
    };
    match timeout_at(end, TlsAcceptor::from(config).accept(looked)).await {
        Ok(Ok(stream)) => {
            let session = stream.get_ref().1;
            let is_http2 = session.alpn_protocol() == Some(b"h2");
            let certificates = session.peer_certificates().and_then(PeerCertificates::new);
            Some(Shaken { socket: Box::new(stream), is_http2, certificates })
        }
        Ok(Err(error)) => {
            tracing::debug!("TLS handshake failed: {error}");
            shared.counts.refuse(Refused::Handshake);
            None
        }
        Err(_) => {
            shared.counts.time_out(TimedOut::Handshake);
            None
        }
    }
}

/// How hyper was left.
enum End {
    /// It is done; whether with an error.
    Done(Option<hyper::Error>),
    TimedOut(TimedOut),
    /// A head has more headers than its table holds.
    ManyHeaders,
}

async fn http1(shared: Arc<Shared>, socket: Box<dyn Socket>, client: Client) {
    let limits = shared.limits;
    let pulse = Arc::new(Pulse::new(limits, shared.heads.clone(), false));
    let mut socket = Paced::new(socket, Arc::clone(&pulse), Arc::clone(&shared.counts), &limits);
    let mut headers = limits.headers.min(FEW_HEADERS);
    let end = loop {
        let (left, end) = http1_until(&shared, &pulse, &client, socket, headers).await;
        socket = left;
        if !matches!(end, End::ManyHeaders) {
            break end;
        }
        // From its begin, with a larger table.
        headers = limits.headers.min(Limits::MOST_HEADERS);
        pulse.enlarge_table();
    };
    match end {
        End::TimedOut(why) => {
            shared.counts.time_out(why);
            if pulse.is_mid_head() && pulse.is_all_sent() {
                let say = raw::answer(StatusCode::REQUEST_TIMEOUT, "", "408 Request Timeout");
                raw::end(&mut socket, &say, true).await;
            } else {
                raw::end(&mut socket, "", false).await;
            }
        }
        End::Done(Some(error)) if error.is_parse_too_large() => {
            shared.counts.refuse(Refused::Headers);
            raw::end(&mut socket, "", true).await;
        }
        End::Done(_) if pulse.has_no_room() => {
            shared.counts.refuse(Refused::HeaderMemory);
            raw::end(&mut socket, &raw::busy(), true).await;
        }
        End::Done(error) => {
            let linger = pulse.is_body_left() || error.is_some_and(|error| error.is_parse());
            raw::end(&mut socket, "", linger).await;
        }
        // It was served on with a larger table.
        End::ManyHeaders => {}
    }
}

/// Serves requests on a connection until hyper has to be left, and returns the connection.
async fn http1_until(
    shared: &Arc<Shared>,
    pulse: &Arc<Pulse>,
    client: &Client,
    socket: Paced,
    headers: usize,
) -> (Paced, End) {
    /// Go reads so much more than it is told to, and clients may have come to rely on it.
    const SLOP: usize = 4096;

    let most = shared.limits.header_bytes.saturating_add(SLOP);
    let service = {
        let (shared, pulse, client) = (Arc::clone(shared), Arc::clone(pulse), client.clone());
        // Boxed, since hyper gives back the socket only of a service whose futures can be moved.
        service_fn(move |request| {
            Box::pin(respond(Arc::clone(&shared), Arc::clone(&pulse), client.clone(), request))
        })
    };
    let mut connection = http1::Builder::new()
        // Time is kept here.
        .header_read_timeout(None)
        .max_buf_size(most.max(Limits::LEAST_HEADER_BYTES))
        .max_header_size(most)
        .max_headers(headers)
        // Who has sent its request and closes its side still gets an answer.
        .half_close(true)
        .serve_connection(TokioIo::new(socket), service);
    let mut stopped = pin!(shared.stop.cancelled());
    let mut is_stopping = false;
    let mut sleep = pin!(sleep_until(Instant::now()));
    let end = poll_fn(|cx| {
        if !is_stopping && stopped.as_mut().poll(cx).is_ready() {
            is_stopping = true;
            Pin::new(&mut connection).graceful_shutdown();
        }
        if let Poll::Ready(done) = connection.poll_without_shutdown(cx) {
            return Poll::Ready(End::Done(done.err()));
        }
        let Some((at, why)) = pulse.deadline() else { return Poll::Pending };
        if sleep.deadline() != at {
            sleep.as_mut().reset(at);
        }
        sleep.as_mut().poll(cx).map(|()| End::TimedOut(why))
    })
    .await;
    let parts = connection.into_parts();
    let socket = parts.io.into_inner();
    match end {
        End::Done(_) if socket.has_many_headers() => (socket.again(parts.read_buf), End::ManyHeaders),
        end => (socket, end),
    }
}

async fn http2(shared: Arc<Shared>, socket: Box<dyn Socket>, client: Client) {
    /// How long a client may take to leave when it is told to.
    const LEAVE: Duration = Duration::from_secs(1);
    /// Most bytes that may wait to be read, of one request and of all of a connection.
    const WINDOWS: (u32, u32) = (256 * 1024, 512 * 1024);
    /// Most bytes of an answer that may wait to be sent.
    const SEND_BUFFER: usize = 16 * 1024;
    /// Headers of many requests may be read at once, so that each has less than in HTTP/1.
    const HEADER_LIST: usize = 64 * 1024;

    let limits = shared.limits;
    let pulse = Arc::new(Pulse::new(limits, shared.heads.clone(), true));
    let paced = Paced::new(socket, Arc::clone(&pulse), Arc::clone(&shared.counts), &limits);
    let service = {
        let (shared, pulse) = (Arc::clone(&shared), Arc::clone(&pulse));
        service_fn(move |request| respond(Arc::clone(&shared), Arc::clone(&pulse), client.clone(), request))
    };
    let list = limits.header_bytes.min(HEADER_LIST);
    let connection = http2::Builder::new(TokioExecutor::new())
        .max_concurrent_streams(limits.streams)
        .initial_stream_window_size(WINDOWS.0)
        .initial_connection_window_size(WINDOWS.1)
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(u32::try_from(list).unwrap_or(u32::MAX))
        .serve_connection(TokioIo::new(paced), service);
    let mut connection = pin!(connection);
    let mut stopped = pin!(shared.stop.cancelled());
    let mut is_stopping = false;
    let mut leaving: Option<Instant> = None;
    let mut sleep = pin!(sleep_until(Instant::now()));
    poll_fn(|cx| {
        pulse.watch(cx);
        if !is_stopping && stopped.as_mut().poll(cx).is_ready() {
            is_stopping = true;
            connection.as_mut().graceful_shutdown();
        }
        loop {
            if connection.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            let deadline = leaving.map(|at| (at, None));
            let deadline = deadline.or_else(|| pulse.deadline().map(|(at, why)| (at, Some(why))));
            let Some((at, why)) = deadline else { return Poll::Pending };
            if sleep.deadline() != at {
                sleep.as_mut().reset(at);
            }
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            let Some(why) = why else { return Poll::Ready(()) };
            shared.counts.time_out(why);
            if why == TimedOut::Answer {
                return Poll::Ready(());
            }
            connection.as_mut().graceful_shutdown();
            leaving = Some(Instant::now() + LEAVE);
        }
    })
    .await;
}

/// Answers a request, when whoever asks may ask.
async fn respond(
    shared: Arc<Shared>,
    pulse: Arc<Pulse>,
    client: Client,
    request: http::Request<Incoming>,
) -> Result<http::Response<Answer>, Infallible> {
    let head = shared.heads.take(request.headers());
    let is_room = head.is_some();
    let begun = pulse.begin(head.flatten());
    let request = request.map(|body| {
        let counts = Arc::clone(&shared.counts);
        Body::new(body::Paced::new(body, Arc::clone(begun.pulse()), counts, &shared.limits))
    });
    let response = if is_room {
        allowed(&shared, client, request).await
    } else {
        shared.counts.refuse(Refused::HeaderMemory);
        let mut response = refusal(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable");
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        response
    };
    Ok(response.map(|body| Answer::new(body, begun)))
}

async fn allowed(shared: &Shared, client: Client, mut request: http::Request<Body>) -> Response {
    let settings = match &shared.guard {
        None => None,
        Some(guard) => match guard.check(client.peer, request.headers()).await {
            Ok(settings) => Some(settings),
            Err((why, response)) => {
                shared.counts.refuse(why);
                return *response;
            }
        },
    };
    request.extensions_mut().insert(client.peer);
    if let Some(certificates) = client.certificates {
        request.extensions_mut().insert(certificates);
    }
    let called = shared.app.clone().call(request).await;
    let mut response = called.unwrap_or_else(|never| match never {}).into_response();
    if let Some(settings) = settings {
        settings.add_headers(response.headers_mut());
    }
    response
}
