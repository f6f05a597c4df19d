//! What can be chosen, and what is refused with its field.

use super::*;
use rcgen::{CertifiedKey, generate_simple_self_signed};

struct Pair {
    certificate: String,
    key: String,
}

fn pair() -> Pair {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    Pair { certificate: cert.pem(), key: signing_key.serialize_pem() }
}

fn settings() -> TlsSettings {
    TlsSettings {
        certificate: Source::Inline(Secret::default()),
        key: Source::Inline(Secret::default()),
        client_ca: None,
        client_auth: String::new(),
        client_names: None,
        ciphers: Vec::new(),
        curves: Vec::new(),
        least: None,
        most: None,
        server_order: true,
        http2: true,
    }
}

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Makes it with a certificate, and with a client CA when asked to.
#[track_caller]
fn refused(settings: &TlsSettings, ca: bool, field: &str) {
    let Pair { certificate, key } = pair();
    let ca = ca.then_some(certificate.as_bytes());
    let Wrong(found, reason) = settings.make(certificate.as_bytes(), key.as_bytes(), ca).unwrap_err();
    assert_eq!(found, field, "{reason}");
}

#[track_caller]
fn made(settings: &TlsSettings, ca: bool) -> ServerConfig {
    let Pair { certificate, key } = pair();
    let ca = ca.then_some(certificate.as_bytes());
    match settings.make(certificate.as_bytes(), key.as_bytes(), ca) {
        Ok(made) => made,
        Err(Wrong(field, reason)) => panic!("{field}: {reason}"),
    }
}

impl std::fmt::Debug for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.0, self.1)
    }
}

#[test]
fn http2_is_offered_unless_it_is_turned_off() {
    assert_eq!(made(&settings(), false).alpn_protocols, [&b"h2"[..], b"http/1.1"]);
    assert_eq!(
        made(&TlsSettings { http2: false, ..settings() }, false).alpn_protocols,
        Vec::<Vec<u8>>::new()
    );
}

#[test]
fn all_policies_for_clients_are_known() {
    for (policy, with_ca) in [
        ("", false),
        ("NoClientCert", false),
        ("RequestClientCert", false),
        ("RequestClientCert", true),
        ("RequireAnyClientCert", false),
        ("RequireClientCert", false),
        ("VerifyClientCertIfGiven", true),
        ("RequireAndVerifyClientCert", true),
    ] {
        made(&TlsSettings { client_auth: policy.to_owned(), ..settings() }, with_ca);
    }
    let policy = |policy: &str| TlsSettings { client_auth: policy.to_owned(), ..settings() };
    refused(&policy("Sometimes"), false, "client_auth_type");
    refused(&policy("NoClientCert"), true, "client_auth_type");
    refused(&policy("RequireAndVerifyClientCert"), false, "client_ca_file");
}

#[test]
fn allowed_names_need_a_certificate() {
    let named = |policy: &str| TlsSettings {
        client_auth: policy.to_owned(),
        client_names: Some(strings(&["a"])),
        ..settings()
    };
    made(&named("RequireAndVerifyClientCert"), true);
    made(&named("RequireAnyClientCert"), false);
    for policy in ["", "RequestClientCert"] {
        refused(&named(policy), false, "client_allowed_sans");
    }
    refused(&named("VerifyClientCertIfGiven"), true, "client_allowed_sans");
}

#[test]
fn versions_are_those_between() {
    let spoken =
        |least: Option<&str>, most: Option<&str>| versions(least, most).map(|versions| versions.len());
    assert_eq!(spoken(None, None).unwrap(), 2);
    assert_eq!(spoken(Some("TLS10"), None).unwrap(), 2);
    assert_eq!(spoken(Some("TLS13"), None).unwrap(), 1);
    assert_eq!(spoken(None, Some("TLS12")).unwrap(), 1);
    assert_eq!(spoken(None, Some("TLS11")).unwrap_err().0, "max_version");
    assert_eq!(spoken(Some("TLS13"), Some("TLS12")).unwrap_err().0, "max_version");
    assert_eq!(spoken(Some("1.2"), None).unwrap_err().0, "min_version");
}

#[test]
fn suites_are_by_their_names_and_weak_ones_are_left_out() {
    let count = |names: &[&str]| suites(&strings(names)).map(|suites| suites.len());
    assert_eq!(count(&[]).unwrap(), 9);
    assert_eq!(count(&["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]).unwrap(), 4);
    assert_eq!(count(&["TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "TLS_AES_128_GCM_SHA256"]).unwrap(), 3);
    assert_eq!(count(&["TLS_NONE"]).unwrap_err().0, "cipher_suites");
    let only_old = TlsSettings {
        ciphers: strings(&["TLS_RSA_WITH_AES_128_CBC_SHA"]),
        most: Some("TLS12".to_owned()),
        ..settings()
    };
    refused(&only_old, false, "cipher_suites");
}

#[test]
fn curves_are_by_their_names() {
    let count = |names: &[&str]| groups(&strings(names)).map(|groups| groups.len());
    assert_eq!(count(&[]).unwrap(), 3);
    assert_eq!(count(&["CurveP521", "CurveP256", "CurveP384", "X25519"]).unwrap(), 3);
    assert_eq!(count(&["CurveP521"]).unwrap_err().0, "curve_preferences");
    assert_eq!(count(&["P256"]).unwrap_err().0, "curve_preferences");
}

#[test]
fn a_certificate_and_a_key_must_be_a_pair() {
    let (one, other) = (pair(), pair());
    let make = |certificate: &str, key: &str| {
        settings().make(certificate.as_bytes(), key.as_bytes(), None).map(|_| ()).unwrap_err()
    };
    assert_eq!(make(&one.certificate, &other.key).0, "cert");
    assert_eq!(make(&one.key, &one.key).0, "cert");
    assert_eq!(make(&one.certificate, &one.certificate).0, "key");
    assert_eq!(make("", &one.key).0, "cert");
}
