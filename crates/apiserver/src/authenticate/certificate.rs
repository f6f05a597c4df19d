//! Whose a certificate is.

use web::PeerCertificates;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::user::User;

/// What a certificate says of its owner. Whether it is true is for [`crate::trust`] to say.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) common_name: String,
    organizations: Vec<String>,
    /// Unix time at which it ends.
    ends: i64,
}

impl Subject {
    /// `None` when it cannot be read.
    pub(super) fn read(shown: &PeerCertificates) -> Option<Self> {
        let (own, _) = shown.split()?;
        let (_, certificate) = X509Certificate::from_der(own).ok()?;
        let subject = certificate.subject();
        // Of several names the last counts, as in the original.
        let common_name = subject.iter_common_name().last().and_then(|name| name.as_str().ok());
        let organizations = subject.iter_organization().filter_map(|name| name.as_str().ok());
        Some(Self {
            common_name: common_name.unwrap_or_default().to_owned(),
            organizations: organizations.map(str::to_owned).collect(),
            ends: certificate.validity().not_after.timestamp(),
        })
    }

    pub(super) fn user(self) -> User {
        User { name: self.common_name, groups: self.organizations, ..User::default() }
    }

    pub(super) fn seconds_left(&self) -> f64 {
        (self.ends as f64) - jiff::Timestamp::now().as_millisecond() as f64 / 1000.0
    }
}
