//! TLS: which clients are let in, and what changes while it runs.

use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio_rustls::rustls::DEFAULT_VERSIONS;
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use web::{ConfigFile, Limits, PeerCertificates, Refused, Server, TimedOut};

use crate::certificates::{Authority, Pair, handshake};
use crate::server::{Running, ask, code, get_request, read_all};

/// A server with a certificate, and further fields of `tls_server_config`.
struct Secure {
    folder: TempDir,
    authority: Authority,
    running: Running,
}

impl Secure {
    async fn start(fields: &str) -> Self {
        Self::with(fields, Limits::default()).await
    }

    async fn with(fields: &str, limits: Limits) -> Self {
        let folder = TempDir::new().unwrap();
        let authority = Authority::new();
        authority.sign("localhost").write(folder.path());
        std::fs::write(folder.path().join("ca.pem"), &authority.pem).unwrap();
        let path = folder.path().join("web.yml");
        std::fs::write(&path, yaml(fields)).unwrap();
        let file = ConfigFile::open(path).unwrap();
        Self { running: Running::start(limits, Some(file)).await, authority, folder }
    }

    /// The code of an answer, 0 when the handshake or the request fails.
    async fn get(&self, own: Option<&Pair>) -> u16 {
        let config = self.authority.client(own, &["http/1.1"], DEFAULT_VERSIONS);
        let Ok(mut stream) = handshake(self.running.connect().await, config).await else { return 0 };
        // In TLS 1.3 a client learns only now that it was refused.
        code(&ask(&mut stream, &get_request("/ok", "")).await)
    }
}

fn yaml(fields: &str) -> String {
    format!("tls_server_config: {{cert_file: cert.pem, key_file: key.pem, {fields}}}\n")
}

#[tokio::test]
async fn both_versions_of_http_are_spoken_as_the_client_likes() {
    let server = Secure::start("").await;
    assert_eq!(server.get(None).await, 200);
    for (offered, chosen) in
        [(&["h2", "http/1.1"][..], Some("h2")), (&["http/1.1"], Some("http/1.1")), (&[], None)]
    {
        let config = server.authority.client(None, offered, DEFAULT_VERSIONS);
        let stream = handshake(server.running.connect().await, config).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), chosen.map(str::as_bytes));
    }
}

#[tokio::test]
async fn who_speaks_plain_http_is_told_so() {
    let server = Secure::start("").await;
    let answer = server.running.get("/ok", "").await;
    assert_eq!(code(&answer), 400, "{answer}");
    assert!(answer.contains("Client sent an HTTP request to an HTTPS server."), "{answer}");
    let answer = server.running.ask("rubbish that is no handshake\r\n\r\n").await;
    assert_eq!(code(&answer), 0, "{answer}");
    assert_eq!(server.running.counts().refused(Refused::Handshake), 2);
}

#[tokio::test]
async fn versions_outside_of_the_configured_ones_are_refused() {
    for (fields, version, is_taken) in [
        ("min_version: TLS13", &TLS12, false),
        ("min_version: TLS13", &TLS13, true),
        ("max_version: TLS12", &TLS12, true),
        ("max_version: TLS12", &TLS13, false),
    ] {
        let server = Secure::start(fields).await;
        let config = server.authority.client(None, &[], &[version]);
        let shaken = handshake(server.running.connect().await, config).await;
        assert_eq!(shaken.is_ok(), is_taken, "{fields} {version:?}");
    }
}

#[tokio::test]
async fn certificates_of_clients_are_asked_for_as_configured() {
    let stranger = Authority::new().sign("client.example");
    // Without a certificate, with that of a stranger, with one of the authority.
    for (fields, expected) in [
        ("client_auth_type: NoClientCert", [200, 200, 200]),
        ("client_auth_type: RequestClientCert", [200, 200, 200]),
        ("client_auth_type: RequireAnyClientCert", [0, 200, 200]),
        ("client_auth_type: VerifyClientCertIfGiven, client_ca_file: ca.pem", [200, 0, 200]),
        ("client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem", [0, 0, 200]),
    ] {
        let server = Secure::start(fields).await;
        let known = server.authority.sign("client.example");
        for (own, expected) in [None, Some(&stranger), Some(&known)].into_iter().zip(expected) {
            assert_eq!(server.get(own).await, expected, "{fields}, certificate: {}", own.is_some());
        }
    }
}

#[tokio::test]
async fn only_allowed_names_of_clients_are_let_in() {
    let fields = "client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem, \
                  client_allowed_sans: [other.example, client.example]";
    let server = Secure::start(fields).await;
    assert_eq!(server.get(Some(&server.authority.sign("client.example"))).await, 200);
    assert_eq!(server.get(Some(&server.authority.sign("stranger.example"))).await, 0);
    assert_eq!(server.get(Some(&server.authority.sign("CLIENT.example"))).await, 0);
}

#[tokio::test]
async fn a_new_certificate_counts_for_the_next_handshake_and_old_connections_go_on() {
    let server = Secure::start("").await;
    let config = || server.authority.client(None, &["http/1.1"], DEFAULT_VERSIONS);
    let mut old = handshake(server.running.connect().await, config()).await.unwrap();
    for _ in 0..5 {
        let pair = server.authority.sign("localhost");
        pair.write(server.folder.path());
        let stream = handshake(server.running.connect().await, config()).await.unwrap();
        let shown = &stream.get_ref().1.peer_certificates().unwrap()[0];
        assert_eq!(shown, pair.der());
    }
    assert_eq!(code(&ask(&mut old, &get_request("/ok", "")).await), 200);
}

#[tokio::test]
async fn while_a_certificate_is_broken_handshakes_fail_and_then_they_do_not() {
    let server = Secure::start("").await;
    let good = std::fs::read(server.folder.path().join("key.pem")).unwrap();
    std::fs::write(server.folder.path().join("key.pem"), "broken").unwrap();
    assert_eq!(server.get(None).await, 0);
    assert_eq!(server.running.counts().refused(Refused::Configuration), 1);
    std::fs::write(server.folder.path().join("key.pem"), good).unwrap();
    assert_eq!(server.get(None).await, 200);
    // Clients that must have a certificate are asked from the next handshake on.
    let fields = "client_auth_type: RequireAnyClientCert";
    std::fs::write(server.folder.path().join("web.yml"), yaml(fields)).unwrap();
    assert_eq!(server.get(None).await, 0);
}

#[tokio::test]
async fn a_handshake_that_does_not_go_on_is_given_up() {
    let limits = Limits { header_timeout: Duration::from_millis(200), ..Limits::default() };
    let server = Secure::with("", limits).await;
    for begin in [&b""[..], b"\x16\x03\x01", b"\x16\x03\x01\x02\x00\x01\x00\x01"] {
        let mut stream = server.running.connect().await;
        stream.write_all(begin).await.unwrap();
        assert_eq!(read_all(&mut stream).await, "");
    }
    assert_eq!(server.running.counts().timed_out(TimedOut::Handshake), 3);
}

/// Gives out one certificate, or none.
#[derive(Debug, Default)]
struct Given(std::sync::RwLock<Option<Arc<CertifiedKey>>>);

impl ResolvesServerCert for Given {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.read().unwrap().clone()
    }
}

#[tokio::test]
async fn a_certificate_from_memory_is_shown_from_the_next_handshake_on() {
    let authority = Authority::new();
    let given = Arc::new(Given::default());
    let server = Server::with_certificates(Limits::default(), Arc::<Given>::clone(&given)).unwrap();
    let running = Running::of(server).await;
    let config = || authority.client(None, &["http/1.1"], DEFAULT_VERSIONS);
    assert!(handshake(running.connect().await, config()).await.is_err(), "there is none yet");
    let mut old = Vec::new();
    for _ in 0..3 {
        let pair = authority.sign("localhost");
        *given.0.write().unwrap() = Some(Arc::new(pair.certified()));
        let stream = handshake(running.connect().await, config()).await.unwrap();
        assert_eq!(&stream.get_ref().1.peer_certificates().unwrap()[0], pair.der());
        old.push(stream);
    }
    for mut stream in old {
        assert_eq!(code(&ask(&mut stream, &get_request("/ok", "")).await), 200);
    }
    let config = authority.client(None, &["h2", "http/1.1"], DEFAULT_VERSIONS);
    let stream = handshake(running.connect().await, config).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let answer = running.get("/ok", "").await;
    assert!(answer.contains("Client sent an HTTP request to an HTTPS server."), "{answer}");
}

#[tokio::test]
async fn a_server_that_asks_for_certificates_takes_any_and_none_and_tells_which() {
    use axum::extract::Request;
    use axum::routing::get;

    let authority = Authority::new();
    let given = Arc::new(Given::default());
    *given.0.write().unwrap() = Some(Arc::new(authority.sign("localhost").certified()));
    let server = Server::asking_for_certificates(Limits::default(), given).unwrap();
    let shown = async |request: Request| {
        let shown = request.extensions().get::<PeerCertificates>();
        shown.and_then(PeerCertificates::split).map_or(0, |(own, _)| own.len()).to_string()
    };
    let running = Running::with_app(server, axum::Router::new().route("/shown", get(shown))).await;
    let stranger = Authority::new().sign("somebody");
    for versions in [&[&TLS12][..], &[&TLS13][..]] {
        for (own, length) in [(None, 0), (Some(&stranger), stranger.der().len())] {
            let config = authority.client(own, &["http/1.1"], versions);
            let mut stream = handshake(running.connect().await, config).await.unwrap();
            let answer = ask(&mut stream, &get_request("/shown", "")).await;
            assert!(answer.ends_with(&format!("\r\n\r\n{length}")), "{answer}");
        }
    }
}
