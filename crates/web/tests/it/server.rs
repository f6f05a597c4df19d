//! A server with a few routes, and clients that can be as strange as they like.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::routing::{get, post};
use futures_util::stream;
use http::StatusCode;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use web::{ConfigFile, Counts, Limits, Listener, Server};

/// Longer than anything here takes, however busy the machine is.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    server: Server,
    stop: CancellationToken,
    task: JoinHandle<usize>,
    /// Bytes of endless answers that were made, and one for each other answer that was begun.
    pub(crate) made: Arc<AtomicU64>,
}

impl Running {
    pub(crate) async fn start(limits: Limits, file: Option<ConfigFile>) -> Self {
        Self::of(Server::new(limits, file)).await
    }

    pub(crate) async fn of(server: Server) -> Self {
        let made = Arc::new(AtomicU64::new(0));
        let app = app(Arc::clone(&made));
        Self { made, ..Self::with_app(server, app).await }
    }

    /// With routes of its own.
    pub(crate) async fn with_app(server: Server, app: Router) -> Self {
        let listener = Listener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.address().parse().unwrap();
        let (stop, made) = (CancellationToken::new(), Arc::new(AtomicU64::new(0)));
        let task = tokio::spawn({
            let (server, stop) = (server.clone(), stop.clone());
            async move { server.serve(vec![listener], app, &stop, Duration::from_millis(500)).await }
        });
        Self { address, server, stop, task, made }
    }

    pub(crate) fn counts(&self) -> &Counts {
        self.server.counts()
    }

    /// Tells it to stop, and returns how many connections were cut off.
    pub(crate) async fn stop(self) -> usize {
        self.stop.cancel();
        within(self.task).await.unwrap()
    }

    pub(crate) fn tell_to_stop(&self) {
        self.stop.cancel();
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Connects from another address of this host.
    pub(crate) async fn connect_from(&self, address: &str) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(address.parse().unwrap(), 0)).unwrap();
        socket.connect(self.address).await.unwrap()
    }

    /// Sends one request and returns the whole answer.
    pub(crate) async fn ask(&self, request: &str) -> String {
        let mut stream = self.connect().await;
        ask(&mut stream, request).await
    }

    pub(crate) async fn get(&self, path: &str, headers: &str) -> String {
        self.ask(&get_request(path, headers)).await
    }

    /// Waits until what is counted is so much.
    pub(crate) async fn until(&self, what: &str, counted: impl Fn(&Counts) -> bool) {
        let begin = tokio::time::Instant::now();
        while !counted(self.counts()) {
            assert!(begin.elapsed() < DEADLINE, "waited in vain for {what}: {:?}", self.counts());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

pub(crate) fn get_request(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{headers}\r\n")
}

/// Sends a request and reads to the end of the connection.
pub(crate) async fn ask(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), request: &str) -> String {
    // It may have been answered, and the connection closed, before all was sent.
    let _ = stream.write_all(request.as_bytes()).await;
    read_all(stream).await
}

/// What comes until the connection ends, however it does.
pub(crate) async fn read_all(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut answer = Vec::new();
    let _ = within(stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(DEADLINE, future).await.expect("it should be done within the deadline")
}

/// The status code of an answer; 0 when there is none.
pub(crate) fn code(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_default()
}

fn app(made: Arc<AtomicU64>) -> Router {
    Router::new()
        .route("/ok", get(async || "ok"))
        // As the original answers it.
        .route("/-/ready", get(async || ([("content-type", "text/plain; charset=utf-8")], "OK")))
        .route("/length", post(length).put(length))
        .route("/endless", get(endless))
        .with_state(made)
}

/// Reads the body, and says how long it is.
async fn length(State(made): State<Arc<AtomicU64>>, body: Body) -> Result<String, StatusCode> {
    made.fetch_add(1, Ordering::Relaxed);
    match axum::body::to_bytes(body, usize::MAX).await {
        Ok(body) => Ok(body.len().to_string()),
        Err(error) if web::too_slow(&error) => Err(StatusCode::REQUEST_TIMEOUT),
        Err(_) => Err(StatusCode::BAD_REQUEST),
    }
}

/// An answer without an end, in pieces of a megabyte.
async fn endless(State(made): State<Arc<AtomicU64>>) -> Body {
    const PIECE: usize = 1024 * 1024;
    Body::from_stream(stream::repeat_with(move || {
        made.fetch_add(PIECE as u64, Ordering::Relaxed);
        Ok::<_, std::convert::Infallible>(Bytes::from(vec![b'x'; PIECE]))
    }))
}
