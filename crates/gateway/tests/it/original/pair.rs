//! The original and ours, started alike, and requests that go to both.

use std::process::Stdio;

use gateway::Config;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use super::seen;
use crate::server::{Answer, Client, DEADLINE, PROTOBUF, Server};

pub(super) struct Pair {
    pub(super) ours: Server,
    pub(super) theirs: Client,
    _child: Child,
    _folder: TempDir,
}

/// What goes to both.
#[derive(Clone)]
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    /// Further header lines, each with its CRLF.
    pub(super) headers: &'a str,
    pub(super) body: &'a [u8],
}

impl std::fmt::Display for Request<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { method, path, headers, body } = self;
        write!(f, "{method} {path} {headers:?} {:?}", String::from_utf8_lossy(body))
    }
}

impl Pair {
    pub(super) async fn start() -> Self {
        Self::with(Config::default(), &[]).await
    }

    /// Ours by its configuration, the original by the flags that say the same.
    pub(super) async fn with(config: Config, flags: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        // The port is free until somebody else takes it between here and the original's start.
        let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let child = Command::new("prometheus-pushgateway")
            .arg(format!("--web.listen-address={address}"))
            .arg("--persistence.file=")
            .args(flags)
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect(
                "the original is needed for this test: put prometheus-pushgateway 1.11 or newer on the path, or use \
                 `cargo xtask test`",
            );
        let listens = async {
            while TcpStream::connect(address).await.is_err() {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(DEADLINE, listens).await.unwrap();
        let ours = Server::with(config).await;
        Self { ours, theirs: Client(address), _child: child, _folder: folder }
    }

    /// The answers of both: ours, theirs.
    pub(super) async fn send(&self, request: &Request<'_>) -> (Answer, Answer) {
        let Request { method, path, headers, body } = request;
        (
            self.ours.client.send_with(method, path, headers, body).await,
            self.theirs.send_with(method, path, headers, body).await,
        )
    }

    /// Sends a request to both, asserts that the answers are alike, and returns their code.
    pub(super) async fn answers_alike(&self, request: &Request<'_>) -> u16 {
        let (ours, theirs) = self.send(request).await;
        must_be_alike(&seen::answer(&ours), &seen::answer(&theirs), &format!("answer to {request}"));
        ours.code
    }

    /// As [`Pair::answers_alike`], and what both hold afterwards is the same in the text format and in the API.
    pub(super) async fn alike(&self, request: &Request<'_>) -> u16 {
        let code = self.answers_alike(request).await;
        self.hold_the_same(&request.to_string()).await;
        code
    }

    /// A push or deletion of text, as [`Pair::alike`].
    pub(super) async fn text(&self, method: &str, path: &str, body: &str) -> u16 {
        self.alike(&Request { method, path, headers: "", body: body.as_bytes() }).await
    }

    /// A push of messages, as [`Pair::alike`].
    pub(super) async fn messages(&self, method: &str, path: &str, body: &[u8]) -> u16 {
        self.alike(&Request { method, path, headers: PROTOBUF, body }).await
    }

    /// Asserts that both show the same, as text and in the API.
    pub(super) async fn hold_the_same(&self, after: &str) {
        let scrape = Request { method: "GET", path: "/metrics", headers: "", body: b"" };
        let (ours, theirs) = self.send(&scrape).await;
        must_be_alike(&seen::text(&ours.body), &seen::text(&theirs.body), &format!("text after {after}"));
        let api = Request { path: "/api/v1/metrics", ..scrape };
        let (ours, theirs) = self.send(&api).await;
        must_be_alike(&seen::groups(&ours), &seen::groups(&theirs), &format!("groups after {after}"));
    }

    /// As [`Pair::hold_the_same`], once the original has done what it has answered already.
    pub(super) async fn come_to_hold_the_same(&self, after: &str) {
        let scrape = Request { method: "GET", path: "/metrics", headers: "", body: b"" };
        let same = async {
            loop {
                let (ours, theirs) = self.send(&scrape).await;
                if seen::text(&ours.body) == seen::text(&theirs.body) {
                    return;
                }
            }
        };
        // When they never do, the comparison says where they differ.
        let _ = tokio::time::timeout(DEADLINE, same).await;
        self.hold_the_same(after).await;
    }

    /// Waits until the original has deleted all groups, which it says before it does so.
    pub(super) async fn come_to_hold_nothing(&self) {
        let api = Request { method: "GET", path: "/api/v1/metrics", headers: "", body: b"" };
        let nothing = async { while self.send(&api).await.1.json()["data"] != serde_json::json!([]) {} };
        tokio::time::timeout(DEADLINE, nothing).await.unwrap();
    }

    /// Asserts that both show the same in each format there is.
    pub(super) async fn look_the_same(&self) {
        self.hold_the_same("all").await;
        for escaping in
            ["", ";escaping=allow-utf-8", ";escaping=underscores", ";escaping=dots", ";escaping=values"]
        {
            for format in [
                "text/plain;version=0.0.4",
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text",
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=compact-text",
            ] {
                for encoding in ["", "Accept-Encoding: gzip\r\n"] {
                    self.scrape_alike(&format!("Accept: {format}{escaping}\r\n{encoding}")).await;
                }
            }
        }
    }

    /// As [`Pair::look_the_same`], each format once, names as they are.
    pub(super) async fn look_the_same_in_short(&self) {
        self.scrape_alike("Accept: text/plain;escaping=allow-utf-8\r\n").await;
        for encoding in ["delimited", "text", "compact-text"] {
            let proto = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily";
            self.scrape_alike(&format!("Accept: {proto};encoding={encoding};escaping=allow-utf-8\r\n")).await;
        }
    }

    /// Asserts that both answer a scrape with these headers alike, and returns the answer's content type.
    pub(super) async fn scrape_alike(&self, headers: &str) -> String {
        let request = Request { method: "GET", path: "/metrics", headers, body: b"" };
        let (ours, theirs) = self.send(&request).await;
        must_be_alike(&seen::head(&ours), &seen::head(&theirs), &format!("{headers:?}"));
        must_be_alike(&seen::exposition(&ours), &seen::exposition(&theirs), &format!("{headers:?}"));
        ours.header("content-type").unwrap().to_owned()
    }
}

/// Asserts that the lines are the same and in the same order; shows those that are not.
#[track_caller]
pub(super) fn must_be_alike(ours: &[String], theirs: &[String], what: &str) {
    if ours == theirs {
        return;
    }
    let without = |lines: &[String], others: &[String]| {
        lines.iter().filter(|line| !others.contains(line)).cloned().collect::<Vec<_>>().join("\n    ")
    };
    let (only_ours, only_theirs) = (without(ours, theirs), without(theirs, ours));
    panic!("{what}\n  only ours:\n    {only_ours}\n  only theirs:\n    {only_theirs}");
}
