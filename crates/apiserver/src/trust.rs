//! Whose certificates are believed: what the cluster says in `kube-system/extension-apiserver-authentication`.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use http::HeaderName;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, UnixTime};
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_util::sync::CancellationToken;
use web::PeerCertificates;

const NAMESPACE: &str = "kube-system";
const NAME: &str = "extension-apiserver-authentication";
/// Time between two looks, as authorities change seldom, and both old and new ones are there for longer; and while
/// nothing is known.
const PAUSES: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(5));
/// How long one look may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// Whose certificates are believed at this moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trusted(Arc<RwLock<Arc<Trust>>>);

/// What the cluster says. By default nobody is believed.
#[derive(Debug, Default)]
pub(crate) struct Trust {
    /// Of clients that are themselves.
    clients: Option<Authority>,
    /// Of proxies that speak for others.
    pub(crate) proxy: Option<Proxy>,
}

/// Who may speak for others, and how it says for whom.
#[derive(Debug)]
pub(crate) struct Proxy {
    authority: Authority,
    /// Common names; all when it is empty.
    names: Vec<String>,
    pub(crate) user_headers: Vec<HeaderName>,
    pub(crate) uid_headers: Vec<HeaderName>,
    pub(crate) group_headers: Vec<HeaderName>,
    /// Beginnings of headers, in lower case.
    pub(crate) extra_prefixes: Vec<String>,
}

/// Who signs.
#[derive(Debug)]
struct Authority(Arc<dyn ClientCertVerifier>);

/// Why what the cluster says cannot be used.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error("{NAMESPACE}/{NAME}: {field}: {reason}")]
pub(crate) struct TrustError {
    field: &'static str,
    reason: String,
}

impl Trusted {
    pub(crate) fn now(&self) -> Arc<Trust> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn take(&self, data: &BTreeMap<String, String>) -> Result<(), TrustError> {
        let trust = Arc::new(Trust::parse(data)?);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = trust;
        Ok(())
    }

    /// Looks again and again, until `stop`. What was known before stays while nobody can be asked.
    pub(crate) async fn keep(&self, client: Client, stop: &CancellationToken) {
        let api: Api<ConfigMap> = Api::namespaced(client, NAMESPACE);
        let mut seen: Option<BTreeMap<String, String>> = None;
        let mut said = String::new();
        loop {
            let got = tokio::select! {
                () = stop.cancelled() => return,
                got = tokio::time::timeout(DEADLINE, api.get(NAME)) => got,
            };
            let trouble = match got {
                Err(_) => Some("the API server does not answer".to_owned()),
                Ok(Err(error)) => Some(error.to_string()),
                Ok(Ok(map)) => {
                    let data = map.data.unwrap_or_default();
                    let taken = if seen.as_ref() == Some(&data) { Ok(()) } else { self.take(&data) };
                    if taken.is_ok() {
                        seen = Some(data);
                    }
                    taken.err().map(|error| error.to_string())
                }
            };
            if let Some(trouble) = &trouble
                && said != *trouble
            {
                tracing::warn!("cannot learn whose certificates to believe, trying again: {trouble}");
            }
            said = trouble.unwrap_or_default();
            let pause = if seen.is_some() { PAUSES.0 } else { PAUSES.1 };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }
}

impl Trust {
    fn parse(data: &BTreeMap<String, String>) -> Result<Self, TrustError> {
        let clients = authority(data, "client-ca-file")?;
        let proxy = match authority(data, "requestheader-client-ca-file")? {
            None => None,
            Some(authority) => Some(Proxy {
                authority,
                names: list(data, "requestheader-allowed-names")?,
                user_headers: headers(data, "requestheader-username-headers")?,
                uid_headers: headers(data, "requestheader-uid-headers")?,
                group_headers: headers(data, "requestheader-group-headers")?,
                extra_prefixes: list(data, "requestheader-extra-headers-prefix")?
                    .into_iter()
                    .map(|prefix| prefix.to_ascii_lowercase())
                    .filter(|prefix| !prefix.is_empty())
                    .collect(),
            }),
        };
        Ok(Self { clients, proxy })
    }

    /// Whether a client is what its certificate says.
    pub(crate) fn is_client(&self, shown: &PeerCertificates) -> bool {
        self.clients.as_ref().is_some_and(|authority| authority.signed(shown))
    }
}

impl Proxy {
    /// Whether a client may speak for others.
    pub(crate) fn is(&self, shown: &PeerCertificates, common_name: &str) -> bool {
        self.authority.signed(shown)
            && (self.names.is_empty() || self.names.iter().any(|name| name == common_name))
    }
}

impl Authority {
    /// Verified anew each time: certificates end, and connections live long.
    fn signed(&self, shown: &PeerCertificates) -> bool {
        let Some((own, others)) = shown.split() else { return false };
        self.0.verify_client_cert(own, others, UnixTime::now()).is_ok()
    }
}

fn authority(data: &BTreeMap<String, String>, field: &'static str) -> Result<Option<Authority>, TrustError> {
    let Some(pem) = data.get(field).filter(|pem| !pem.trim().is_empty()) else { return Ok(None) };
    let wrong = |reason: String| TrustError { field, reason };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        // One that is of no use here must not keep the others from being believed.
        if let Err(error) = roots.add(certificate) {
            tracing::warn!(field, "an authority cannot be used, and is left out: {error}");
        }
    }
    let provider = Arc::new(ring::default_provider());
    let built = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
    built.map(|verifier| Some(Authority(verifier))).map_err(|error| wrong(error.to_string()))
}

fn list(data: &BTreeMap<String, String>, field: &'static str) -> Result<Vec<String>, TrustError> {
    let Some(text) = data.get(field).filter(|text| !text.is_empty()) else { return Ok(Vec::new()) };
    // A list that cannot be read is not an empty one: empty means that everybody is meant.
    serde_json::from_str::<Option<Vec<String>>>(text)
        .map(Option::unwrap_or_default)
        .map_err(|error| TrustError { field, reason: error.to_string() })
}

fn headers(data: &BTreeMap<String, String>, field: &'static str) -> Result<Vec<HeaderName>, TrustError> {
    let parse = |name: String| {
        name.parse().map_err(|_| TrustError { field, reason: format!("{name:?} is no header") })
    };
    list(data, field)?.into_iter().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

    fn authority() -> (Issuer<'static, KeyPair>, String) {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        (Issuer::new(params, key), pem)
    }

    /// What a client shows that this authority has signed.
    fn shown(by: &Issuer<'static, KeyPair>) -> PeerCertificates {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "proxy");
        let certificate = params.signed_by(&KeyPair::generate().unwrap(), by).unwrap();
        PeerCertificates::new(&[certificate.der().clone()]).unwrap()
    }

    fn data(fields: &[(&str, &str)]) -> BTreeMap<String, String> {
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn nobody_is_believed_of_whom_nothing_is_said() {
        let (issuer, pem) = authority();
        let shown = shown(&issuer);
        let trust = Trust::parse(&data(&[])).unwrap();
        assert!(!trust.is_client(&shown) && trust.proxy.is_none());
        let trust = Trust::parse(&data(&[("client-ca-file", &pem)])).unwrap();
        assert!(trust.is_client(&shown) && trust.proxy.is_none());
    }

    #[test]
    fn without_names_every_proxy_of_the_authority_is_believed_and_no_other() {
        let (issuer, pem) = authority();
        let said = |names| {
            let fields =
                [("requestheader-client-ca-file", pem.as_str()), ("requestheader-allowed-names", names)];
            Trust::parse(&data(&fields)).unwrap().proxy.unwrap()
        };
        for names in ["", "[]", "null", "[\"proxy\"]"] {
            assert!(said(names).is(&shown(&issuer), "proxy"), "{names}");
            assert!(!said(names).is(&shown(&authority().0), "proxy"), "{names}");
        }
        assert!(!said("[\"other\"]").is(&shown(&issuer), "proxy"));
    }

    #[test]
    fn what_cannot_be_read_replaces_nothing() {
        let (issuer, pem) = authority();
        let trusted = Trusted::default();
        trusted.take(&data(&[("client-ca-file", &pem)])).unwrap();
        let proxies = ("requestheader-client-ca-file", pem.as_str());
        for fields in [
            &[("client-ca-file", "nonsense")][..],
            &[proxies, ("requestheader-allowed-names", "proxy")],
            &[proxies, ("requestheader-username-headers", "[\"no header\"]")],
        ] {
            trusted.take(&data(fields)).unwrap_err();
        }
        assert!(trusted.now().is_client(&shown(&issuer)));
    }
}
