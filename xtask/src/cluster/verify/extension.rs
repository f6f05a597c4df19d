//! A server on the host, as an operator under development would be one: an aggregated API and two webhooks.
//!
//! It speaks plain HTTP on loopback; socat puts TLS in front. At the port of the API it lets nobody in but the
//! apiserver, which is what its client certificate is for.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::Ended;
use crate::cluster::pki;
use crate::cluster::place::Place;

/// The ports of the API and of the webhooks, as the manifests have them.
const API: u16 = 8443;
const HOOKS: u16 = 8444;

/// The server; it ends with this value.
pub(super) struct Extension {
    _tls: [Ended; 2],
}

impl Extension {
    pub(super) fn start(place: Place, namespace: &str) -> Result<Self> {
        let service = format!("extension.{namespace}.svc");
        pki::server(place, "extension", format!("DNS:{service},IP:{}", place.host()))?;
        let listener = TcpListener::bind("127.0.0.1:0").context("listening on loopback")?;
        let port = listener.local_addr()?.port();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                std::thread::spawn(move || {
                    if let Err(error) = answer(stream) {
                        eprintln!("the extension server: {error:#}");
                    }
                });
            }
        });
        let front_proxy = format!("verify=1,cafile={}", place.key("front-proxy-ca.crt"));
        Ok(Self { _tls: [tls(place, API, &front_proxy, port)?, tls(place, HOOKS, "verify=0", port)?] })
    }
}

fn tls(place: Place, port: u16, clients: &str, plain: u16) -> Result<Ended> {
    let listen = format!(
        "OPENSSL-LISTEN:{port},bind={},fork,reuseaddr,cert={},key={},{clients}",
        place.host(),
        place.key("extension.crt"),
        place.key("extension.key"),
    );
    // It complains about every connection that is closed without a word, as probes do.
    let log = File::create(place.logs().join(format!("socat-{port}.log"))).context("making socat's log")?;
    let child = Command::new("socat")
        .args([&listen, &format!("TCP4:127.0.0.1:{plain}")])
        .stdin(Stdio::null())
        .stderr(log)
        .spawn()
        .context("could not start socat")?;
    Ok(Ended(child))
}

/// Answers one request and closes the connection.
fn answer(stream: TcpStream) -> Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default().to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let answer = reply(&path, &headers, &body).to_string();
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{answer}",
        answer.len()
    )?;
    Ok(())
}

fn reply(path: &str, headers: &BTreeMap<String, String>, body: &[u8]) -> Value {
    if path.starts_with("/by-") {
        let review: Value = serde_json::from_slice(body).unwrap_or_default();
        return json!({
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "response": {
                "uid": review["request"]["uid"],
                "allowed": false,
                "status": { "message": format!("denied by {path}") },
            },
        });
    }
    // The list of the group's resources, which has none, and beside it whom the apiserver says it speaks for.
    let group = path.trim_start_matches("/apis/");
    json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": group,
        "resources": [],
        "user": headers.get("x-remote-user"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_review_is_answered_under_its_own_number_and_refused() {
        let review = json!({ "request": { "uid": "7" } }).to_string();
        let reply = reply("/by-url", &BTreeMap::new(), review.as_bytes());
        assert_eq!(reply["response"]["uid"], "7");
        assert_eq!(reply["response"]["allowed"], false);
    }
}
