//! Secrets on a plain host: objects of the folder like all others.

use domain::report::{Failure, FailureReason};
use domain::secret::{RESTIC_PASSWORD, SecretData};
use engine::Credentials;

use crate::folder::{Desired, Key};

/// The password of the Secret a backend names.
///
/// # Errors
/// When the Secret is not in the folder, or has no usable password.
pub fn credentials(
    desired: &Desired,
    namespace: &str,
    secret: &str,
    owner: &str,
) -> Result<Credentials, Failure> {
    let key = Key::new(Some(namespace), secret);
    let Some(found) = desired.secrets.get(&key) else {
        return Err(Failure {
            reason: FailureReason::SecretMissing,
            message: format!(
                "{owner} needs Secret {key}, which is not in the folder; add it with the key {RESTIC_PASSWORD}"
            ),
        });
    };
    password(&found.value).ok_or_else(|| Failure {
        reason: FailureReason::SecretInvalid,
        message: format!(
            "Secret {key}, which {owner} needs, has no usable key {RESTIC_PASSWORD}; it must be text and not empty"
        ),
    })
}

fn password(data: &SecretData) -> Option<Credentials> {
    let password = data.get(RESTIC_PASSWORD)?;
    password.expose_str().filter(|text| !text.is_empty())?;
    Some(Credentials { password: password.clone() })
}
