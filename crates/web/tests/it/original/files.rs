//! Which files are taken, and which are refused.

use web::ConfigFile;

use super::{certificates, original};

/// Files that both take, or neither.
const FILES: &[&str] = &[
    "",
    "{}",
    "# nothing",
    "tls_server_config:\n",
    "tls_server_config: {}",
    "tls_server_config: {min_version: TLS13}",
    "tls_server_config: {cert_file: cert.pem}",
    "tls_server_config: {key_file: key.pem}",
    "tls_server_config: {cert_file: cert.pem, key_file: nowhere.pem}",
    "tls_server_config: {cert_file: key.pem, key_file: cert.pem}",
    "tls_server_config: {cert_file: ca.pem, key_file: key.pem}",
    "tls_server_config: {cert_file: cert.pem, key_file: key.pem}",
    "tls_server_config: {cert_file: cert.pem, key_file: key.pem, unknown: 1}",
    "tls_server_config: {cert_file: cert.pem, key_file: key.pem, client_ca_file: ca.pem}",
    "tls_server_config: {cert_file: cert.pem, key_file: key.pem, client_auth_type: Sometimes}",
    "tls_server_config: {cert_file: cert.pem, key_file: key.pem, client_auth_type: RequireClientCert}",
    "tls_server_config: {cert_file: cert.pem, key_file: key.pem, client_auth_type: VerifyClientCertIfGiven, client_ca_file: nowhere.pem}",
    "tls_server_config: {cert_file: cert.pem, key_file: key.pem, min_version: TLS10}",
    "tls_server_config: {cert_file: cert.pem, key_file: key.pem, min_version: SSL3}",
    "tls_server_config: {cert_file: cert.pem, key_file: key.pem, cipher_suites: [TLS_NONE]}",
    "tls_server_config: {cert_file: cert.pem, key_file: key.pem, cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]}",
    "tls_server_config: {cert_file: cert.pem, key_file: key.pem, curve_preferences: [P256]}",
    "tls_server_config: {cert_file: cert.pem, key_file: key.pem, curve_preferences: [CurveP521, X25519]}",
    "tls_server_config: {cert_file: cert.pem, key_file: key.pem, prefer_server_cipher_suites: false}",
    "http_server_config: {http2: false}",
    "http_server_config: {http2: maybe}",
    "http_server_config: {http3: true}",
    "http_server_config: {headers: {X-Frame-Options: deny}}",
    "http_server_config: {headers: {X-Frame-Options: DENY}}",
    "http_server_config: {headers: {x-frame-options: deny}}",
    "http_server_config: {headers: {Server: x}}",
    "http_server_config: {headers: {X-XSS-Protection: anything, Strict-Transport-Security: anything}}",
    "http_server_config: {headers: {X-Content-Type-Options: sniff}}",
    "basic_auth_users: {ann: broken}",
    "basic_auth_users: {ann: $2y$04$broken}",
    "basic_auth_users: {ann:}",
    "basic_auth_users: [ann]",
    "basic_auth_users: {}",
    "rate_limit: {interval: 1s, burst: 100}",
    "rate_limit: {interval: 1000000000, burst: 100}",
    "rate_limit: {interval: often}",
    "rate_limit: {burst: 3}",
    "rate_limit: {interval: -1s, burst: 3}",
    "rate_limit: {burst: many}",
    "unknown: 1",
    "http_server_config: {}\nhttp_server_config: {}",
    "- a",
    "a",
    "[",
];

#[tokio::test]
async fn files_are_taken_or_refused_alike() {
    let (folder, _) = certificates();
    let path = folder.path().join("web.yml");
    let mut differences = Vec::new();
    for yaml in FILES {
        std::fs::write(&path, yaml).unwrap();
        let ours = ConfigFile::open(&path).map(|_| ()).map_err(|error| error.to_string());
        let theirs = original(&path).await.is_some();
        if ours.is_ok() != theirs {
            differences.push(format!("{yaml:?}: ours {ours:?}, taken by the original: {theirs}"));
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
}

/// Files that the original takes, though they say what cannot be, or let in whom they seem to keep out.
const REFUSED_ON_PURPOSE: &[(&str, &str)] = &[
    ("tls_server_config: {cert_file: cert.pem, key_file: key.pem, max_version: TLS11}", "max_version"),
    (
        "tls_server_config: {cert_file: cert.pem, key_file: key.pem, min_version: TLS13, max_version: TLS12}",
        "max_version",
    ),
    (
        "tls_server_config: {cert_file: cert.pem, key_file: key.pem, client_allowed_sans: [a]}",
        "client_allowed_sans",
    ),
    (
        "tls_server_config: {cert_file: cert.pem, key_file: key.pem, client_auth_type: RequireAndVerifyClientCert, client_ca_file: key.pem}",
        "client_ca",
    ),
    (
        "tls_server_config: {cert_file: cert.pem, key_file: key.pem, client_auth_type: RequireAndVerifyClientCert}",
        "client_ca_file",
    ),
    (
        "tls_server_config: {cert_file: cert.pem, key_file: key.pem, curve_preferences: [CurveP521]}",
        "curve_preferences",
    ),
];

#[tokio::test]
async fn files_that_cannot_mean_what_they_say_are_refused_with_the_field() {
    let (folder, _) = certificates();
    let path = folder.path().join("web.yml");
    for (yaml, field) in REFUSED_ON_PURPOSE {
        std::fs::write(&path, yaml).unwrap();
        let error = ConfigFile::open(&path).unwrap_err().to_string();
        assert!(error.contains(field) && error.contains("web.yml"), "{yaml}: {error}");
    }
}
