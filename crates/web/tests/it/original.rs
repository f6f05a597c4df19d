//! Beside the original: under the same file both answer alike, let in the same clients, and refuse the same files.
//!
//! The original is prometheus-pushgateway 1.11 or newer, which reads the file by Prometheus' own library. Where ours
//! differs on purpose, the case stands in a list of its own.

mod files;

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio_rustls::rustls::DEFAULT_VERSIONS;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use web::{ConfigFile, Limits};

use crate::certificates::{Authority, Pair, handshake};
use crate::server::{Running, ask, code, within};

/// Both, with the same file.
struct Both {
    ours: Running,
    theirs: SocketAddr,
    _child: Child,
}

/// Starts the original; `None` when it ends instead of listening.
async fn original(file: &Path) -> Option<(Child, SocketAddr)> {
    // The port is free until somebody else takes it between here and the original's start.
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut child = Command::new("prometheus-pushgateway")
        .arg(format!("--web.listen-address={address}"))
        .arg("--persistence.file=")
        .arg("--web.config.file")
        .arg(file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("the original is needed for this test: put prometheus-pushgateway 1.11 or newer on the path, or use `cargo xtask test`");
    let listens = async {
        loop {
            // It listens before it looks at the file, so whether it goes on is seen from an answer.
            if let Ok(mut stream) = TcpStream::connect(address).await
                && !ask(&mut stream, "GET /-/ready HTTP/1.0\r\n\r\n").await.is_empty()
            {
                return true;
            }
            if child.try_wait().unwrap().is_some() {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    within(listens).await.then_some((child, address))
}

impl Both {
    async fn start(file: &Path) -> Self {
        let (child, theirs) = original(file).await.unwrap();
        let ours = Running::start(Limits::default(), Some(ConfigFile::open(file).unwrap())).await;
        Self { ours, theirs, _child: child }
    }

    /// Sends the same request to both, and compares what a client may look at.
    async fn same(&self, request: &str) -> String {
        let request = format!("{request}Host: test\r\nConnection: close\r\n\r\n");
        let ours = self.ours.ask(&request).await;
        let mut stream = TcpStream::connect(self.theirs).await.unwrap();
        let theirs = ask(&mut stream, &request).await;
        assert_eq!(seen(&ours), seen(&theirs), "{request}\nours: {ours}\ntheirs: {theirs}");
        ours
    }

    /// The code that a client gets over TLS from each; 0 when it is not let in.
    async fn over_tls(&self, config: impl Fn() -> tokio_rustls::rustls::ClientConfig) -> (u16, u16) {
        let mut codes = [0; 2];
        for (code_of, address) in codes.iter_mut().zip([self.ours.address, self.theirs]) {
            let stream = TcpStream::connect(address).await.unwrap();
            if let Ok(mut stream) = handshake(stream, config()).await {
                let request = "GET /-/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
                *code_of = code(&ask(&mut stream, request).await);
            }
        }
        (codes[0], codes[1])
    }
}

/// Code, body and the headers that a configuration is about, of an answer.
fn seen(answer: &str) -> (u16, Vec<String>, String) {
    let names = [
        "www-authenticate",
        "x-frame-options",
        "content-security-policy",
        "x-content-type-options",
        "content-type",
    ];
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    let mut headers: Vec<String> = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| format!("{}: {}", name.to_lowercase(), value.trim()))
        .filter(|header| names.iter().any(|name| header.starts_with(name)))
        .collect();
    headers.sort();
    (code(answer), headers, body.to_owned())
}

fn hash(password: &str) -> String {
    bcrypt::hash_with_result(password, 4).unwrap().format_for_version(bcrypt::Version::TwoY)
}

fn basic(pair: &str) -> String {
    format!("Authorization: Basic {}\r\n", BASE64_STANDARD.encode(pair))
}

#[tokio::test]
async fn requests_are_answered_alike_under_passwords_and_headers() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("web.yml");
    let long = "p".repeat(100);
    let yaml = format!(
        "http_server_config:\n  headers:\n    X-Frame-Options: sameorigin\n    Content-Security-Policy: default-src 'none'\n\
         basic_auth_users:\n  ann: {}\n  bob: {}\n  \"\": {}\n  'ä b': {}\n  eve: '{}'\n",
        hash("one"),
        hash("a:b:c"),
        hash("nobody"),
        hash(&long),
        hash(""),
    );
    std::fs::write(&path, &yaml).unwrap();
    let both = Both::start(&path).await;
    let mut pairs: Vec<String> = [
        "ann:one",
        "ann:two",
        "bob:a:b:c",
        "bob:a",
        "ANN:one",
        ":nobody",
        ":",
        "eve:",
        "eve",
        "zoe:one",
        "ann:one\n",
    ]
    .map(str::to_owned)
    .into();
    // bcrypt looks at 72 bytes.
    pairs.push(format!("ä b:{long}"));
    pairs.push(format!("ä b:{}", &long[..72]));
    pairs.push(format!("ä b:{}", &long[..71]));
    let mut answers = Vec::new();
    for pair in &pairs {
        let request = format!("GET /-/ready HTTP/1.1\r\n{}", basic(pair));
        answers.push(code(&both.same(&request).await));
        // A second time it is remembered.
        answers.push(code(&both.same(&request).await));
    }
    assert!(answers.contains(&200) && answers.contains(&401), "{answers:?}");
    let right = BASE64_STANDARD.encode("ann:one");
    for header in [
        String::new(),
        format!("Authorization: basic {right}\r\n"),
        format!("Authorization: BASIC {right}\r\n"),
        format!("Authorization: Basic  {right}\r\n"),
        format!("Authorization: Basic\t{right}\r\n"),
        format!("Authorization: Basic {}\r\n", right.trim_end_matches('=')),
        format!("Authorization: Basic {right}=\r\n"),
        format!("Authorization: Bearer {right}\r\n"),
        format!("Authorization: {right}\r\n"),
        format!("Authorization: Bearer x\r\nAuthorization: Basic {right}\r\n"),
        "Authorization: Basic !!!\r\n".to_owned(),
    ] {
        both.same(&format!("GET /-/ready HTTP/1.1\r\n{header}")).await;
    }
    // Everything is behind the password.
    for line in [
        "GET /unknown",
        "OPTIONS /metrics",
        "PUT /metrics/job/j",
        "GET /-/healthy",
        "GET /",
        "DELETE /metrics/job/j",
    ] {
        assert_eq!(code(&both.same(&format!("{line} HTTP/1.1\r\n")).await), 401, "{line}");
    }

    // It is read again for each request.
    std::fs::write(&path, yaml.replace("sameorigin", "deny")).unwrap();
    both.same("GET /-/ready HTTP/1.1\r\n").await;
    std::fs::write(&path, "basic_auth_users: [").unwrap();
    assert_eq!(code(&both.same(&format!("GET /-/ready HTTP/1.1\r\n{}", basic("ann:one"))).await), 500);
    std::fs::write(&path, format!("basic_auth_users:\n  ann: broken\n  bob: {}\n", hash("two"))).unwrap();
    both.same(&format!("GET /-/ready HTTP/1.1\r\n{}", basic("ann:broken"))).await;
    assert_eq!(code(&both.same(&format!("GET /-/ready HTTP/1.1\r\n{}", basic("bob:two"))).await), 200);
    std::fs::write(&path, "").unwrap();
    assert_eq!(code(&both.same("GET /-/ready HTTP/1.1\r\n").await), 200);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(code(&both.same("GET /-/ready HTTP/1.1\r\n").await), 500);
}

#[tokio::test]
async fn requests_above_the_rate_are_answered_alike() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("web.yml");
    std::fs::write(&path, "rate_limit: {interval: 1h, burst: 4}\n").unwrap();
    let (_child, theirs) = original(&path).await.unwrap();
    let ours = Running::start(Limits::default(), Some(ConfigFile::open(&path).unwrap())).await;
    let request = "GET /-/ready HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";
    // How many of its own the original has left after its start was waited for does not matter.
    let mut last = Vec::new();
    for address in [ours.address, theirs] {
        let mut answer = String::new();
        for _ in 0..5 {
            answer = ask(&mut TcpStream::connect(address).await.unwrap(), request).await;
        }
        last.push(seen(&answer));
    }
    assert_eq!(last[0], last[1]);
    assert_eq!(last[0].0, 429);
}

/// A folder with certificates `cert.pem`, `key.pem` and `ca.pem`.
fn certificates() -> (TempDir, Authority) {
    let folder = TempDir::new().unwrap();
    let authority = Authority::new();
    authority.sign("localhost").write(folder.path());
    std::fs::write(folder.path().join("ca.pem"), &authority.pem).unwrap();
    (folder, authority)
}

#[tokio::test]
async fn the_same_clients_are_let_in_over_tls() {
    let (folder, authority) = certificates();
    let (known, other) = (authority.sign("client.example"), authority.sign("other.example"));
    let stranger = Authority::new().sign("client.example");
    let owns: [Option<&Pair>; 4] = [None, Some(&known), Some(&other), Some(&stranger)];
    for fields in [
        "",
        "client_auth_type: RequestClientCert",
        "client_auth_type: RequireAnyClientCert",
        "client_auth_type: VerifyClientCertIfGiven, client_ca_file: ca.pem",
        "client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem",
        "client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem, client_allowed_sans: [client.example]",
        "min_version: TLS13",
        "max_version: TLS12",
        "cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256], curve_preferences: [CurveP256]",
        "cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]",
        "cipher_suites: [TLS_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256], prefer_server_cipher_suites: false",
    ] {
        let path = folder.path().join("web.yml");
        std::fs::write(
            &path,
            format!("tls_server_config: {{cert_file: cert.pem, key_file: key.pem, {fields}}}\n"),
        )
        .unwrap();
        let both = Both::start(&path).await;
        for own in owns {
            for version in [&TLS12, &TLS13] {
                let (ours, theirs) = both.over_tls(|| authority.client(own, &[], &[version])).await;
                assert_eq!(ours, theirs, "{fields} {version:?}, certificate: {}", own.is_some());
            }
        }
    }
}

#[tokio::test]
async fn plain_http_is_answered_alike_where_tls_is_spoken() {
    let (folder, _) = certificates();
    let path = folder.path().join("web.yml");
    std::fs::write(&path, "tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n").unwrap();
    let both = Both::start(&path).await;
    let request = "GET /-/ready HTTP/1.1\r\nHost: test\r\n\r\n";
    let theirs = ask(&mut TcpStream::connect(both.theirs).await.unwrap(), request).await;
    let ours = both.ours.ask(request).await;
    assert_eq!((code(&ours), seen(&ours).2), (code(&theirs), seen(&theirs).2));
    assert_eq!(code(&ours), 400);
}

#[tokio::test]
async fn http2_is_chosen_alike() {
    let (folder, authority) = certificates();
    for http2 in [true, false] {
        let path = folder.path().join("web.yml");
        let yaml = format!(
            "tls_server_config: {{cert_file: cert.pem, key_file: key.pem}}\nhttp_server_config: {{http2: {http2}}}\n"
        );
        std::fs::write(&path, yaml).unwrap();
        let both = Both::start(&path).await;
        for offered in [&["h2", "http/1.1"][..], &["http/1.1", "h2"], &["http/1.1"], &[]] {
            let mut chosen = Vec::new();
            for address in [both.ours.address, both.theirs] {
                let stream = TcpStream::connect(address).await.unwrap();
                let stream =
                    handshake(stream, authority.client(None, offered, DEFAULT_VERSIONS)).await.unwrap();
                chosen.push(stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec));
            }
            assert_eq!(chosen[0], chosen[1], "http2: {http2}, offered {offered:?}");
        }
    }
}
