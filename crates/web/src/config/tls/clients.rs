//! Certificates of clients: whether they are asked for, needed, and believed.

use std::fmt;
use std::sync::Arc;

use rustls_pki_types::{CertificateDer, UnixTime};
use tokio_rustls::rustls::client::danger::HandshakeSignatureValid;
use tokio_rustls::rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::server::{NoClientAuth, WebPkiClientVerifier};
use tokio_rustls::rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
};

use super::{Wrong, certificates};
use crate::config::names::names;

/// The verifier that `client_auth_type` asks for.
pub(super) fn verifier(
    policy: &str,
    ca: Option<&[u8]>,
    names: Option<&[String]>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, Wrong> {
    let any = |is_needed| -> Arc<dyn ClientCertVerifier> {
        Arc::new(AnyCertificate { is_needed, provider: Arc::clone(provider) })
    };
    let (verifier, is_needed) = match policy {
        "" | "NoClientCert" if ca.is_some() => {
            let reason = "it is missing, so client_ca_file would have no effect; write RequireAndVerifyClientCert, \
                          or remove client_ca_file";
            return Err(Wrong("client_auth_type", reason.to_owned()));
        }
        "" | "NoClientCert" => (Arc::new(NoClientAuth) as Arc<dyn ClientCertVerifier>, false),
        "RequestClientCert" => (any(false), false),
        "RequireAnyClientCert" | "RequireClientCert" => (any(true), true),
        "VerifyClientCertIfGiven" => (verified(ca, false, provider)?, false),
        "RequireAndVerifyClientCert" => (verified(ca, true, provider)?, true),
        _ => {
            let reason = format!(
                "unknown policy {policy:?}; write NoClientCert, RequestClientCert, RequireAnyClientCert, \
                 VerifyClientCertIfGiven or RequireAndVerifyClientCert"
            );
            return Err(Wrong("client_auth_type", reason));
        }
    };
    match names {
        None => Ok(verifier),
        Some(names) if is_needed => Ok(Arc::new(WithName { verifier, names: names.to_vec() })),
        // A client could leave its certificate out, and its name would not be looked at.
        Some(_) => {
            let reason = "it needs a client_auth_type of RequireAndVerifyClientCert or RequireAnyClientCert";
            Err(Wrong("client_allowed_sans", reason.to_owned()))
        }
    }
}

fn verified(
    ca: Option<&[u8]>,
    is_needed: bool,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, Wrong> {
    let missing = || {
        Wrong("client_ca_file", "it is missing; name the certificates that sign those of clients".to_owned())
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(ca.ok_or_else(missing)?, "client_ca")? {
        roots
            .add(certificate)
            .map_err(|error| Wrong("client_ca", format!("a certificate of it cannot be used: {error}")))?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    let builder = if is_needed { builder } else { builder.allow_unauthenticated() };
    builder.build().map_err(|error| Wrong("client_ca", error.to_string()))
}

/// Takes every certificate whose key the client has, whoever signed it.
#[derive(Debug)]
pub(crate) struct AnyCertificate {
    pub(crate) is_needed: bool,
    pub(crate) provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for AnyCertificate {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        self.is_needed
    }

    fn verify_client_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Takes of the certificates that another verifier takes those with one of the names.
struct WithName {
    verifier: Arc<dyn ClientCertVerifier>,
    names: Vec<String>,
}

impl fmt::Debug for WithName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithName").field("names", &self.names).finish_non_exhaustive()
    }
}

impl ClientCertVerifier for WithName {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.verifier.root_hint_subjects()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.verifier.client_auth_mandatory()
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.verifier.verify_client_cert(certificate, chain, now)?;
        let found = names(certificate).ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))?;
        if found.iter().any(|name| self.names.contains(name)) {
            return Ok(verified);
        }
        tracing::debug!(?found, "a client's certificate has none of the allowed names");
        Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
