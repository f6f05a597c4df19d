//! Makes authorities and serving certificates, as the plan says.

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use rustls_pki_types::CertificateDer;

use super::content::{Content, Validity, certificates};
use super::plan::{Flaw, Plan, plan};

const DAY: i64 = 24 * 3600;
/// An authority is valid for ten years, as those of the earlier installers were.
const AUTHORITY_LIFE: i64 = 3650 * DAY;
/// A serving certificate is valid for a year.
const LEAF_LIFE: i64 = 365 * DAY;
/// Both are valid since an hour ago, for clients whose clocks are behind.
const BACKDATED: i64 = 3600;
/// Authorities in the bundle, the one that signs included. More than two come only of a Secret that is broken again and
/// again, and each is read at each handshake of a client.
const MOST_AUTHORITIES: usize = 4;
/// As often as something can be wanting: a leaf, an authority, a leaf of the new authority.
const STEPS: usize = 3;

/// Why nothing could be made.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// One of the names can be in no certificate, for example.
    #[error("cannot make a certificate: {0}; check the names of the Service and the namespace")]
    Rcgen(#[from] rcgen::Error),
    /// The clock is outside of what a certificate can say.
    #[error("cannot make a certificate at the time {0}; check the clock of this host")]
    Time(i64),
    /// What was made is not good enough for ourselves.
    #[error(
        "a certificate that was just made is no good: {0}; check the names of the Service and the namespace"
    )]
    NotGood(Flaw),
}

/// What a Secret has to hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled {
    /// The content, the same as before when nothing was made.
    pub content: Content,
    /// What was made and why, in order; empty when nothing was.
    pub made: Vec<Plan>,
    /// When something has to be renewed.
    pub until: Timestamp,
}

/// Does what [`plan`] says until there is nothing left to do.
///
/// # Errors
///
/// [`MakeError`].
pub fn settle(content: &Content, now: Timestamp, names: &[String]) -> Result<Settled, MakeError> {
    let (mut content, mut made) = (content.clone(), Vec::new());
    loop {
        let next = plan(&content, now, names);
        match &next {
            Plan::Keep { until } => return Ok(Settled { content, made, until: *until }),
            Plan::Leaf(flaw) | Plan::Authority(flaw) if made.len() >= STEPS => {
                return Err(MakeError::NotGood(flaw.clone()));
            }
            Plan::Leaf(_) => leaf(&mut content, now.as_second(), names)?,
            Plan::Authority(_) => authority(&mut content, now.as_second())?,
        }
        made.push(next);
    }
}

/// Puts a new authority before those that are still valid.
fn authority(content: &mut Content, now: i64) -> Result<(), MakeError> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    // Clients look issuers up by their names, so each has its own.
    params.distinguished_name = name(format!("stash-operator-ca@{now}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    params.not_before = time(now.saturating_sub(BACKDATED))?;
    params.not_after = time(now.saturating_add(AUTHORITY_LIFE))?;
    let mut bundle = params.self_signed(&key)?.pem();
    let is_valid = |old: &CertificateDer<'_>| Validity::of(old).is_some_and(|validity| validity.to >= now);
    let old = certificates(&content.authorities).into_iter().filter(is_valid);
    for certificate in old.take(MOST_AUTHORITIES - 1) {
        bundle.push_str(&pem(&certificate));
    }
    content.authorities = bundle;
    content.authority_key = key.serialize_pem();
    Ok(())
}

fn leaf(content: &mut Content, now: i64, names: &[String]) -> Result<(), MakeError> {
    let authorities = certificates(&content.authorities);
    let authority = authorities.first().ok_or(MakeError::NotGood(Flaw::Missing(super::AUTHORITIES)))?;
    let unreadable = MakeError::NotGood(Flaw::Unreadable(super::AUTHORITIES));
    let of_authority = Validity::of(authority).ok_or(unreadable)?;
    let issuer = Issuer::from_ca_cert_der(authority, KeyPair::from_pem(&content.authority_key)?)?;
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = name(names.first().cloned().unwrap_or_default());
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    // No longer than who signs it, on either side.
    params.not_before = time(now.saturating_sub(BACKDATED).max(of_authority.from))?;
    params.not_after = time(now.saturating_add(LEAF_LIFE).min(of_authority.to))?;
    content.certificate = params.signed_by(&key, &issuer)?.pem();
    content.key = key.serialize_pem();
    Ok(())
}

fn name(common: String) -> DistinguishedName {
    /// Longest common name (RFC 5280, appendix A.1: ub-common-name). Clients look at the other names only.
    const LONGEST: usize = 64;
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common.chars().take(LONGEST).collect::<String>());
    name
}

fn time(seconds: i64) -> Result<time::OffsetDateTime, MakeError> {
    time::OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| MakeError::Time(seconds))
}

/// RFC 7468: lines of 64 characters.
fn pem(certificate: &CertificateDer<'_>) -> String {
    use base64::Engine as _;
    const LINE: usize = 64;
    let encoded = base64::prelude::BASE64_STANDARD.encode(certificate);
    let mut text = "-----BEGIN CERTIFICATE-----\n".to_owned();
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text + "-----END CERTIFICATE-----\n"
}
