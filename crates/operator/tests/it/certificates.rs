//! Certificates: replaced while it serves, made by one of several operators, renewed when somebody breaks them.

use std::sync::Arc;

use axum::body::Bytes;
use http::Request;
use http_body_util::Full;
use operator::certificates::{CaBundle, CertificateSettings, Keeper};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tokio_util::sync::CancellationToken;

use crate::api_server::ApiServer;
use crate::server::{Running, made, within};

fn settings() -> CertificateSettings {
    CertificateSettings::Managed {
        namespace: "stash".into(),
        secret: "stash-apiserver-cert".into(),
        service: "stash-operator".into(),
    }
}

fn health() -> Request<Full<Bytes>> {
    Request::get("/healthz").header("host", "test").body(Full::default()).unwrap()
}

#[tokio::test]
async fn a_new_certificate_is_served_without_a_restart_and_old_connections_go_on() {
    let server = Running::start(None).await;
    let mut bundle = server.bundle.clone();
    let old = bundle.borrow_and_update().clone();
    let mut connection = server.connect(&old).await.unwrap();
    assert_eq!(connection.send(health()).await.0, 200);
    let content = made();
    server.replace_certificates(&content);
    within(bundle.wait_for(|bundle| bundle.pem() == content.authorities)).await.unwrap();
    assert_eq!(connection.send(health()).await.0, 200);
    let new = server.connect(&CaBundle::new(content.authorities.clone())).await.unwrap();
    assert_eq!(new.certificate, CertificateDer::from_pem_slice(content.certificate.as_bytes()).unwrap());
    assert!(server.connect(&old).await.is_err(), "who trusts another authority does not connect");
}

#[tokio::test]
async fn while_files_are_broken_the_last_certificate_is_served() {
    let server = Running::start(None).await;
    let old = server.bundle.borrow().clone();
    let mut mixed = made();
    mixed.key = made().key;
    server.replace_certificates(&mixed);
    server.connect(&old).await.unwrap();
    let good = made();
    server.replace_certificates(&good);
    let mut bundle = server.bundle.clone();
    within(bundle.wait_for(|bundle| bundle.pem() == good.authorities)).await.unwrap();
    server.connect(&CaBundle::new(good.authorities)).await.unwrap();
}

#[tokio::test]
async fn files_that_cannot_be_served_are_refused_at_the_start() {
    let api = ApiServer::start().await;
    let folder = tempfile::TempDir::new().unwrap();
    let files = CertificateSettings::Files {
        certificate: folder.path().join("tls.crt"),
        key: folder.path().join("tls.key"),
        authorities: None,
    };
    let content = made();
    let error = async || Keeper::start(api.client(), &files).await.err().unwrap().to_string();
    assert!(error().await.contains("--tls-cert-file"));
    std::fs::write(folder.path().join("tls.crt"), &content.certificate).unwrap();
    std::fs::write(folder.path().join("tls.key"), made().key).unwrap();
    std::fs::write(folder.path().join("ca.crt"), "").unwrap();
    let said = error().await;
    assert!(said.contains("not the key of"), "{said}");
    assert!(!said.contains("PRIVATE"), "{said}");
    std::fs::write(folder.path().join("tls.key"), &content.key).unwrap();
    assert!(error().await.contains("--tls-ca-file"));
}

#[tokio::test]
async fn many_operators_that_start_at_once_end_with_the_same_authorities() {
    let api = Arc::new(ApiServer::start().await);
    let starts = (0..8).map(|_| {
        let client = api.client();
        tokio::spawn(async move { Keeper::start(client, &settings()).await.unwrap() })
    });
    let mut bundles = Vec::new();
    for start in starts.collect::<Vec<_>>() {
        bundles.push(within(start).await.unwrap().bundle().borrow().clone());
    }
    let stored = CaBundle::new(api.secret("ca.crt"));
    assert!(bundles.iter().all(|bundle| *bundle == stored));
    assert_eq!(api.writes(), 1);
}

#[tokio::test]
async fn what_another_operator_writes_is_followed_and_what_somebody_breaks_is_mended() {
    let api = ApiServer::start().await;
    let keeper = Keeper::start(api.client(), &settings()).await.unwrap();
    let (mut bundle, stop) = (keeper.bundle(), CancellationToken::new());
    let first = bundle.borrow_and_update().clone();
    let running = tokio::spawn({
        let stop = stop.clone();
        async move { keeper.run(&stop).await }
    });
    let other = made();
    api.put(&other);
    within(bundle.wait_for(|bundle| bundle.pem() == other.authorities)).await.unwrap();
    api.put(&operator::certificates::Content { authority_key: "broken".into(), ..other.clone() });
    within(bundle.wait_for(|bundle| bundle.pem() != other.authorities)).await.unwrap();
    assert!(bundle.borrow().pem().ends_with(&other.authorities), "the old authority is still trusted");
    assert_ne!(*bundle.borrow(), first);
    stop.cancel();
    within(running).await.unwrap();
}
