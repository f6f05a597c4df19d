//! From the settings for TLS to what makes handshakes.

mod clients;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::crypto::{CryptoProvider, SupportedKxGroup, ring};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ServerConfig, SupportedCipherSuite, SupportedProtocolVersion};

use super::ConfigError;
use super::file::Secret;
use super::watched::Files;
pub(crate) use clients::AnyCertificate;

/// A text that stands in the configuration or in a file of its own.
#[derive(Debug)]
pub(crate) enum Source {
    File(PathBuf),
    Inline(Secret),
}

/// What the configuration says of TLS. Names are checked when they are used.
#[derive(Debug)]
pub(crate) struct TlsSettings {
    pub(super) certificate: Source,
    pub(super) key: Source,
    pub(super) client_ca: Option<Source>,
    pub(super) client_auth: String,
    pub(super) client_names: Option<Vec<String>>,
    pub(super) ciphers: Vec<String>,
    pub(super) curves: Vec<String>,
    pub(super) least: Option<String>,
    pub(super) most: Option<String>,
    pub(super) server_order: bool,
    pub(super) http2: bool,
}

/// A field, and what is wrong with it.
struct Wrong(&'static str, String);

/// Suites that Go knows and rustls has not: they have no authenticated encryption, or no forward secrecy.
const WEAK_SUITES: [&str; 10] = [
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
];

/// The suites of TLS 1.3 by the names of Go, which are those of the standard.
const TLS13_PREFIXES: [&str; 2] = ["TLS_AES_", "TLS_CHACHA20_"];

impl TlsSettings {
    /// Reads certificates and key, and makes what makes handshakes.
    pub(super) fn load(&self, config: &Path, files: &mut Files) -> Result<ServerConfig, ConfigError> {
        let wrong = |Wrong(field, reason)| ConfigError::Field {
            config: config.to_owned(),
            field: format!("tls_server_config.{field}"),
            reason,
        };
        let certificate = self.certificate.read(config, "cert_file", files)?;
        let key = self.key.read(config, "key_file", files)?;
        let client_ca =
            self.client_ca.as_ref().map(|ca| ca.read(config, "client_ca_file", files)).transpose()?;
        self.make(&certificate, &key, client_ca.as_deref()).map_err(wrong)
    }

    fn make(&self, certificate: &[u8], key: &[u8], client_ca: Option<&[u8]>) -> Result<ServerConfig, Wrong> {
        let chain = certificates(certificate, "cert")?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| {
            Wrong("key", "it is no private key in PEM; keys with a password are not supported".to_owned())
        })?;
        let provider = Arc::new(CryptoProvider {
            cipher_suites: suites(&self.ciphers)?,
            kx_groups: groups(&self.curves)?,
            ..ring::default_provider()
        });
        let versions = versions(self.least.as_deref(), self.most.as_deref())?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_protocol_versions(&versions).map_err(|_| {
            Wrong("cipher_suites", "none of them fits min_version and max_version; add one".to_owned())
        })?;
        let names = self.client_names.as_deref();
        let clients = clients::verifier(&self.client_auth, client_ca, names, &provider)?;
        let mut made =
            builder.with_client_cert_verifier(clients).with_single_cert(chain, key).map_err(|error| {
                Wrong(
                    "cert",
                    format!(
                        "certificate and key cannot be used together: {error}; check that they are a pair"
                    ),
                )
            })?;
        made.ignore_client_order = self.server_order;
        if self.http2 {
            // Without HTTP/2 there is nothing to choose, and as in the original nothing is said of it.
            made.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        }
        Ok(made)
    }
}

impl Source {
    fn read(&self, config: &Path, field: &'static str, files: &mut Files) -> Result<Vec<u8>, ConfigError> {
        match self {
            Source::Inline(text) => Ok(text.as_str().as_bytes().to_vec()),
            Source::File(path) => files.read(path).map(<[u8]>::to_vec).map_err(|error| ConfigError::Read {
                config: config.to_owned(),
                path: path.clone(),
                field,
                reason: error.to_string(),
            }),
        }
    }
}

fn certificates(pem: &[u8], field: &'static str) -> Result<Vec<CertificateDer<'static>>, Wrong> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(Wrong(field, "there is no certificate in PEM in it".to_owned())),
    }
}

/// As in Go, the suites of TLS 1.3 are not a matter of choice.
fn suites(names: &[String]) -> Result<Vec<SupportedCipherSuite>, Wrong> {
    if names.is_empty() {
        return Ok(ring::ALL_CIPHER_SUITES.to_vec());
    }
    let (newer, older): (Vec<_>, Vec<_>) =
        ring::ALL_CIPHER_SUITES.iter().copied().partition(|suite| suite.tls13().is_some());
    let mut chosen = newer;
    for name in names {
        let known = older.iter().find(|suite| suite.suite().as_str() == Some(name));
        match known {
            Some(suite) => chosen.push(*suite),
            None if TLS13_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) => {}
            None if WEAK_SUITES.contains(&name.as_str()) => {
                tracing::warn!(suite = name, "tls_server_config.cipher_suites: left out, since it is weak");
            }
            None => {
                let known: Vec<_> = older.iter().filter_map(|suite| suite.suite().as_str()).collect();
                return Err(Wrong(
                    "cipher_suites",
                    format!("unknown suite {name:?}; those that can be chosen are {}", known.join(", ")),
                ));
            }
        }
    }
    Ok(chosen)
}

fn groups(names: &[String]) -> Result<Vec<&'static dyn SupportedKxGroup>, Wrong> {
    if names.is_empty() {
        return Ok(ring::ALL_KX_GROUPS.to_vec());
    }
    let mut chosen: Vec<&'static dyn SupportedKxGroup> = Vec::new();
    for name in names {
        match name.as_str() {
            "X25519" => chosen.push(ring::kx_group::X25519),
            "CurveP256" => chosen.push(ring::kx_group::SECP256R1),
            "CurveP384" => chosen.push(ring::kx_group::SECP384R1),
            "CurveP521" => {
                tracing::warn!(
                    "tls_server_config.curve_preferences: CurveP521 is left out, there is none here"
                );
            }
            _ => {
                let reason = format!("unknown curve {name:?}; write X25519, CurveP256 or CurveP384");
                return Err(Wrong("curve_preferences", reason));
            }
        }
    }
    if chosen.is_empty() {
        let reason = "no curve is left; add X25519, CurveP256 or CurveP384".to_owned();
        return Err(Wrong("curve_preferences", reason));
    }
    Ok(chosen)
}

fn versions(
    least: Option<&str>,
    most: Option<&str>,
) -> Result<Vec<&'static SupportedProtocolVersion>, Wrong> {
    let number = |field, text: &str| match text {
        "TLS10" => Ok(10),
        "TLS11" => Ok(11),
        "TLS12" => Ok(12),
        "TLS13" => Ok(13),
        _ => Err(Wrong(field, format!("unknown version {text:?}; write TLS12 or TLS13"))),
    };
    let least = least.map_or(Ok(12), |text| number("min_version", text))?;
    let most = most.map_or(Ok(13), |text| number("max_version", text))?;
    if least < 12 {
        tracing::warn!("tls_server_config.min_version: TLS 1.0 and 1.1 are not spoken; it is taken as TLS12");
    }
    let spoken: Vec<_> = [(12, &TLS12), (13, &TLS13)]
        .into_iter()
        .filter(|(version, _)| (least..=most).contains(version))
        .map(|(_, version)| version)
        .collect();
    if spoken.is_empty() {
        let reason =
            "no version is left: TLS12 and TLS13 are spoken, from min_version to max_version".to_owned();
        return Err(Wrong("max_version", reason));
    }
    Ok(spoken)
}

#[cfg(test)]
mod tests;
