//! The configuration file without TLS: passwords, headers, a rate, and its changes while it runs.

use std::path::PathBuf;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tempfile::TempDir;
use web::{ConfigFile, Limits, Refused};

use crate::server::{Running, code};

struct Guarded {
    _folder: TempDir,
    path: PathBuf,
    running: Running,
}

impl Guarded {
    async fn start(yaml: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("web.yml");
        std::fs::write(&path, yaml).unwrap();
        let file = ConfigFile::open(&path).unwrap();
        Self { running: Running::start(Limits::default(), Some(file)).await, path, _folder: folder }
    }

    fn write(&self, yaml: &str) {
        std::fs::write(&self.path, yaml).unwrap();
    }

    async fn get(&self, headers: &str) -> String {
        self.running.get("/ok", headers).await
    }
}

/// A hash of the least cost, as `htpasswd` writes it.
fn hash(password: &str) -> String {
    bcrypt::hash_with_result(password, 4).unwrap().format_for_version(bcrypt::Version::TwoY)
}

fn user(name: &str, password: &str) -> String {
    format!("basic_auth_users: {{{name}: '{}'}}\n", hash(password))
}

fn basic(name: &str, password: &str) -> String {
    format!("Authorization: Basic {}\r\n", BASE64_STANDARD.encode(format!("{name}:{password}")))
}

#[tokio::test]
async fn who_has_no_password_is_answered_401() {
    let server = Guarded::start(&user("ann", "one")).await;
    for headers in
        ["", "Authorization: Bearer x\r\n", &basic("ann", "two"), &basic("bob", "one"), &basic("", "")]
    {
        let answer = server.get(headers).await;
        assert_eq!(code(&answer), 401, "{answer}");
        assert!(
            answer.contains("www-authenticate: Basic\r\n") && answer.ends_with("Unauthorized\n"),
            "{answer}"
        );
    }
    for _ in 0..3 {
        assert_eq!(code(&server.get(&basic("ann", "one")).await), 200);
    }
    assert_eq!(server.running.counts().refused(Refused::Unauthorized), 5);
    let unknown = server.running.get("/unknown", "").await;
    assert_eq!(code(&unknown), 401, "{unknown}");
}

#[tokio::test]
async fn all_three_forms_of_hashes_are_known() {
    use bcrypt::Version::{TwoA, TwoB, TwoY};
    for version in [TwoA, TwoB, TwoY] {
        let hash = bcrypt::hash_with_result("one", 4).unwrap().format_for_version(version);
        let server = Guarded::start(&format!("basic_auth_users: {{ann: '{hash}'}}\n")).await;
        assert_eq!(code(&server.get(&basic("ann", "one")).await), 200, "{hash}");
    }
}

#[tokio::test]
async fn a_change_counts_for_the_next_request() {
    let server = Guarded::start(&user("ann", "one")).await;
    for n in 0..10 {
        let password = format!("{n}");
        server.write(&user("ann", &password));
        assert_eq!(code(&server.get(&basic("ann", "one")).await), 401);
        assert_eq!(code(&server.get(&basic("ann", &password)).await), 200);
    }
    server.write("");
    assert_eq!(code(&server.get("").await), 200);
}

#[tokio::test]
async fn while_the_file_is_broken_every_request_is_answered_500() {
    let server = Guarded::start(&user("ann", "one")).await;
    let right = basic("ann", "one");
    for broken in ["basic_auth_users: [", "unknown: 1\n", "http_server_config: {headers: {Server: x}}\n"] {
        server.write(broken);
        let answer = server.get(&right).await;
        assert!(code(&answer) == 500 && answer.ends_with("Internal Server Error\n"), "{answer}");
    }
    std::fs::remove_file(&server.path).unwrap();
    assert_eq!(code(&server.get(&right).await), 500);
    server.write(&user("ann", "one"));
    assert_eq!(code(&server.get(&right).await), 200);
    assert_eq!(server.running.counts().refused(Refused::Configuration), 4);
}

#[tokio::test]
async fn a_hash_that_becomes_unusable_keeps_out_its_user_alone() {
    let server = Guarded::start(&user("ann", "one")).await;
    server.write(&format!("basic_auth_users: {{ann: '{}', bob: broken}}\n", hash("one")));
    assert_eq!(code(&server.get(&basic("ann", "one")).await), 200);
    assert_eq!(code(&server.get(&basic("bob", "broken")).await), 401);
}

#[tokio::test]
async fn headers_are_on_every_answer() {
    let yaml = "http_server_config: {headers: {X-Frame-Options: deny, Content-Security-Policy: default-src 'self'}}\n";
    let server = Guarded::start(&format!("{yaml}{}", user("ann", "one"))).await;
    for (headers, expected) in [("", 401), (&*basic("ann", "one"), 200)] {
        let answer = server.get(headers).await;
        assert_eq!(code(&answer), expected, "{answer}");
        for header in ["x-frame-options: deny\r\n", "content-security-policy: default-src 'self'\r\n"] {
            assert!(answer.contains(header), "{answer}");
        }
    }
}

#[tokio::test]
async fn more_requests_than_the_rate_are_answered_429() {
    let server = Guarded::start("rate_limit: {interval: 1h, burst: 2}\n").await;
    let mut codes = Vec::new();
    for _ in 0..4 {
        codes.push(code(&server.get("").await));
    }
    assert_eq!(codes, [200, 200, 429, 429]);
    assert!(server.get("").await.ends_with("Too Many Requests\n"));
    server.write("rate_limit: {interval: 1h, burst: 1}\n");
    assert_eq!(code(&server.get("").await), 200, "a changed rate begins anew");
    assert_eq!(code(&server.get("").await), 429);
}

#[tokio::test]
async fn guesses_do_not_hold_up_those_who_are_known() {
    let dear = bcrypt::hash_with_result("one", 8).unwrap().format_for_version(bcrypt::Version::TwoY);
    let server = Guarded::start(&format!("basic_auth_users: {{ann: '{dear}'}}\n")).await;
    let right = basic("ann", "one");
    assert_eq!(code(&server.get(&right).await), 200);
    let guesses = futures_util::future::join_all((0..50).map(|n| {
        let guess = basic("ann", &format!("guess {n}"));
        let server = &server;
        async move { code(&server.get(&guess).await) }
    }));
    let known = async {
        for _ in 0..50 {
            assert_eq!(code(&server.get(&right).await), 200);
        }
    };
    let (guesses, ()) = tokio::join!(guesses, known);
    assert!(guesses.iter().all(|code| [401, 503].contains(code)), "{guesses:?}");
}
