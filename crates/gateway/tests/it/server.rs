//! A gateway that listens on port 0, and the smallest client there is: one request per connection, so that requests
//! can be as strange as they like.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use gateway::{Config, Error, Gateway};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Longer than anything here takes, however busy the machine is.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// The header line of delimited messages.
pub(crate) const PROTOBUF: &str = "Content-Type: application/vnd.google.protobuf; \
    proto=io.prometheus.client.MetricFamily; encoding=delimited\r\n";

pub(crate) struct Server {
    pub(crate) gateway: Gateway,
    pub(crate) client: Client,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), Error>>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(Config::default()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        let gateway = Gateway::open(config).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = Client(listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(gateway.clone().run(listener, async { drop(stopped.await) }));
        Self { gateway, client, stop, running }
    }

    /// Tells the gateway to stop and waits until it has.
    pub(crate) async fn stop(self) -> Result<(), Error> {
        self.tell_to_stop().await.unwrap().unwrap()
    }

    /// Waits for a gateway that ends by itself.
    pub(crate) async fn ended(self) -> Result<(), Error> {
        tokio::time::timeout(DEADLINE, self.running).await.unwrap().unwrap()
    }

    /// Tells the gateway to stop and returns what waits for it.
    pub(crate) fn tell_to_stop(
        self,
    ) -> impl Future<Output = Result<Result<Result<(), Error>, tokio::task::JoinError>, tokio::time::error::Elapsed>>
    {
        drop(self.stop);
        tokio::time::timeout(DEADLINE, self.running)
    }

    pub(crate) async fn put(&self, path: &str, body: &str) -> Answer {
        self.client.send("PUT", path, body).await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        self.client.send("POST", path, body).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.client.send("DELETE", path, "").await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.client.send("GET", path, "").await
    }

    /// The lines of the exposition that are about pushed families, push times left out.
    pub(crate) async fn pushed(&self) -> Vec<String> {
        self.client.pushed().await
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Client(pub(crate) SocketAddr);

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    head: String,
    /// The body as text.
    pub(crate) body: String,
    /// The body as it came.
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Asserts a refusal and returns its text.
    #[track_caller]
    pub(crate) fn refused(&self, code: u16) -> &str {
        assert_eq!(self.code, code, "{}", self.body);
        assert_eq!(self.header("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(self.header("x-content-type-options"), Some("nosniff"));
        self.body.strip_suffix('\n').unwrap()
    }

    #[track_caller]
    pub(crate) fn is(&self, code: u16) {
        assert_eq!(self.code, code, "{}", self.body);
    }
}

impl Client {
    pub(crate) async fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        self.send_with(method, path, "", body.as_bytes()).await
    }

    /// Sends a request with further header lines, each with its CRLF.
    pub(crate) async fn send_with(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        let length = body.len();
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n")
                .into_bytes();
        request.extend_from_slice(body);
        let mut stream = TcpStream::connect(self.0).await.unwrap();
        stream.write_all(&request).await.unwrap();
        read_answer(&mut stream).await
    }

    /// Sends these very bytes and returns all that comes back.
    pub(crate) async fn raw(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.0).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut bytes = Vec::new();
        let read = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut bytes)).await.unwrap();
        // A server that is gone may also reset the connection.
        assert!(
            read.as_ref().map_or_else(|error| error.kind() == ErrorKind::ConnectionReset, |_| true),
            "{read:?}"
        );
        String::from_utf8(bytes).unwrap()
    }

    pub(crate) async fn pushed(&self) -> Vec<String> {
        let answer = self.send("GET", "/metrics", "").await;
        answer.is(200);
        let is_own = |line: &str| {
            ["push_time_seconds", "push_failure_time_seconds", "pushgateway_", "go_", "process_"].iter().any(
                |name| line.trim_start_matches("# HELP ").trim_start_matches("# TYPE ").starts_with(name),
            )
        };
        answer.body.lines().filter(|line| !is_own(line)).map(str::to_owned).collect()
    }
}

pub(crate) async fn read_answer(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    tokio::time::timeout(DEADLINE, stream.read_to_end(&mut bytes)).await.unwrap().unwrap();
    let end = bytes.windows(4).position(|end| end == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let code = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut answer = Answer { code, head, body: String::new(), bytes: bytes.split_off(end + 4) };
    if answer.header("transfer-encoding") == Some("chunked") {
        answer.bytes = unchunked(&answer.bytes);
    }
    answer.body = String::from_utf8_lossy(&answer.bytes).into_owned();
    answer
}

fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let end = body.windows(2).position(|end| end == b"\r\n").unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(&body[..end]).unwrap(), 16).unwrap();
        if size == 0 {
            return whole;
        }
        let chunk = &body[end + 2..];
        whole.extend_from_slice(&chunk[..size]);
        body = &chunk[size + 2..];
    }
}
