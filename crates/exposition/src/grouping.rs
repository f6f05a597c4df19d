//! The grouping key of a push and its URL path, both directions, shared by clients and the gateway.
//!
//! The path is `/metrics/job/<job>{/<name>/<value>}`. A name that ends in `@base64` says that its value is base64
//! (URL-safe alphabet, padding optional), which is how empty values and values with `/` are written. Format:
//! <https://github.com/prometheus/pushgateway#url>.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::percent_decode_str;

use crate::escape::{Escaping, unescape};
use crate::family::Labels;
use crate::names::{Names, is_reserved_label};

const JOB: &str = "job";
const BASE64_SUFFIX: &str = "@base64";
const PREFIX: &str = "/metrics/job";

/// Unused trailing bits are not checked, as the original does not check them.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// The labels that name one group: always a `job` that is not empty, and any others.
///
/// Label names are valid and not reserved. Values are any text. Two keys are equal when their labels are, however
/// their paths were written.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct GroupingKey(Labels);

/// Why something is not a grouping key, in the words of the original gateway.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeyError {
    /// The path has escapes that are none, or does not start with `/metrics/job/`.
    #[error("{path:?} is not the path of a group: expected /metrics/job/<job>{{/<name>/<value>}}")]
    NotAGroup {
        /// The path, as given.
        path: String,
    },
    /// The job is said to be base64 and is not.
    #[error("invalid base64 encoding in job name {value:?}: {reason}")]
    JobNotBase64 {
        /// The value, as given.
        value: String,
        /// What the decoder says.
        reason: String,
    },
    /// The labels do not come in pairs.
    #[error("odd number of components in label string {labels:?}")]
    OddComponents {
        /// The part of the path behind the job.
        labels: String,
    },
    /// A label name with characters it must not have, or one that starts with `__`.
    #[error("improper label name {name:?}")]
    ImproperName {
        /// The name.
        name: String,
    },
    /// A value is said to be base64 and is not.
    #[error("invalid base64 encoding for label {name}={value:?}: {reason}")]
    NotBase64 {
        /// Name of the label.
        name: String,
        /// The value, as given.
        value: String,
        /// What the decoder says.
        reason: String,
    },
    /// A value is not UTF-8: no scraper could read it.
    #[error("the value of label {name} is not UTF-8: {value:?}")]
    NotUtf8 {
        /// Name of the label.
        name: String,
        /// The value, with `U+FFFD` where it is not UTF-8.
        value: String,
    },
    /// Names of other than the classic form would become the same, or `__name__`, for readers who cannot take them.
    #[error("label names cannot be told apart where only letters, digits and _ are allowed")]
    AmbiguousNames,
    /// The job is empty.
    #[error("job name is required")]
    JobMissing,
}

impl GroupingKey {
    /// The key of `job` and further labels. A label `job` among them is overridden by `job`; of two labels of one
    /// name the last wins.
    ///
    /// # Errors
    ///
    /// [`KeyError::JobMissing`] and [`KeyError::ImproperName`].
    pub fn new(
        job: impl Into<String>,
        labels: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>,
    ) -> Result<Self, KeyError> {
        Self::new_with(job, labels, Names::Legacy)
    }

    /// As [`GroupingKey::new`], with a choice of the names that labels may have.
    ///
    /// # Errors
    ///
    /// As [`GroupingKey::new`]; [`KeyError::AmbiguousNames`] for names that not every reader could tell apart.
    pub fn new_with(
        job: impl Into<String>,
        labels: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>,
        names: Names,
    ) -> Result<Self, KeyError> {
        let mut all: Labels = labels.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        if let Some(name) = all.keys().find(|name| !names.allow_label(name) || is_reserved_label(name)) {
            return Err(KeyError::ImproperName { name: name.clone() });
        }
        if !Escaping::keeps_apart(all.keys().map(String::as_str), "") {
            return Err(KeyError::AmbiguousNames);
        }
        let job = job.into();
        if job.is_empty() {
            return Err(KeyError::JobMissing);
        }
        all.insert(JOB.to_owned(), job);
        Ok(Self(all))
    }

    /// The labels, `job` among them.
    #[must_use]
    pub fn labels(&self) -> &Labels {
        &self.0
    }

    /// The value of `job`.
    #[must_use]
    pub fn job(&self) -> &str {
        self.0.get(JOB).map_or("", String::as_str)
    }

    /// The URL path of the group, percent-encoding not needed: names of other than the classic form are written as
    /// [`Escaping::Values`] does it, which is read where they are allowed; values that are empty, `.` or `..`, or have
    /// characters other than `A-Z a-z 0-9 - . _ ~` are written in base64.
    #[must_use]
    pub fn to_path(&self) -> String {
        self.to_path_with(Names::Legacy)
    }

    /// As [`GroupingKey::to_path`], for who reads it with this choice of names. It makes a difference where a name
    /// looks as if it were escaped.
    #[must_use]
    pub fn to_path_with(&self, names: Names) -> String {
        let mut path = String::from("/metrics");
        let others = self.0.iter().filter(|(name, _)| name.as_str() != JOB);
        for (name, value) in std::iter::once((JOB, self.job()))
            .chain(others.map(|(name, value)| (name.as_str(), value.as_str())))
        {
            path.push('/');
            if names == Names::Utf8 && unescape(name) != *name {
                // It would not be read as it is.
                path.push_str(&Escaping::label_value_form(name));
            } else {
                path.push_str(&Escaping::Values.label_name(name));
            }
            if is_plain(value) {
                path.push('/');
                path.push_str(value);
            } else {
                path.push_str(BASE64_SUFFIX);
                path.push('/');
                // A component must not be empty: servers take `//` for `/`.
                path.push_str(if value.is_empty() { "=" } else { "" });
                BASE64.encode_string(value, &mut path);
            }
        }
        path
    }

    /// The key in a URL path, percent-encoded as it came over the wire, without query.
    ///
    /// # Errors
    ///
    /// All of [`KeyError`], in the order in which the original checks.
    pub fn from_path(path: &str) -> Result<Self, KeyError> {
        let decoded: Vec<u8> = percent_decode_str(path).collect();
        Self::from_decoded_path(&decoded)
    }

    /// The key in a URL path that is percent-decoded already; a `%2F` has become a separator by that.
    ///
    /// # Errors
    ///
    /// As [`GroupingKey::from_path`].
    pub fn from_decoded_path(path: &[u8]) -> Result<Self, KeyError> {
        Self::from_decoded_path_with(path, Names::Legacy)
    }

    /// As [`GroupingKey::from_decoded_path`], with a choice of the names that labels may have. With [`Names::Utf8`]
    /// they may also be escaped as [`Escaping::Values`] does it.
    ///
    /// # Errors
    ///
    /// As [`GroupingKey::from_path`], and [`KeyError::AmbiguousNames`].
    pub fn from_decoded_path_with(path: &[u8], names: Names) -> Result<Self, KeyError> {
        let not_a_group = || KeyError::NotAGroup { path: String::from_utf8_lossy(path).into_owned() };
        let rest = path.strip_prefix(PREFIX.as_bytes()).ok_or_else(not_a_group)?;
        let (is_base64, rest) = match rest.strip_prefix(BASE64_SUFFIX.as_bytes()) {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let rest = rest.strip_prefix(b"/").ok_or_else(not_a_group)?;
        let end = rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
        let (job, labels) = rest.split_at(end);
        let job = if is_base64 {
            decode_base64(job).map_err(|reason| KeyError::JobNotBase64 { value: lossy(job), reason })?
        } else {
            job.to_vec()
        };
        let labels = labels_of(labels, names)?;
        if job.is_empty() {
            return Err(KeyError::JobMissing);
        }
        Self::new_with(utf8(JOB, job)?, labels, names)
    }
}

/// The labels in the part of a path behind the job: empty, `/`, or `/name/value…`.
fn labels_of(part: &[u8], names: Names) -> Result<Labels, KeyError> {
    let mut labels = Labels::new();
    let Some(pairs) = part.strip_prefix(b"/").filter(|pairs| !pairs.is_empty()) else {
        return Ok(labels);
    };
    let mut components = pairs.split(|byte| *byte == b'/');
    if components.clone().count() % 2 != 0 {
        return Err(KeyError::OddComponents { labels: lossy(part) });
    }
    while let (Some(name), Some(value)) = (components.next(), components.next()) {
        let (written, is_base64) = match name.strip_suffix(BASE64_SUFFIX.as_bytes()) {
            Some(name) => (name, true),
            None => (name, false),
        };
        let improper = || KeyError::ImproperName { name: lossy(written) };
        let written = std::str::from_utf8(written).map_err(|_| improper())?;
        let name = match names {
            Names::Legacy => Cow::Borrowed(written),
            Names::Utf8 => unescape(written),
        };
        if !names.allow_label(&name) || is_reserved_label(written) || is_reserved_label(&name) {
            return Err(improper());
        }
        let value = if is_base64 {
            decode_base64(value).map_err(|reason| KeyError::NotBase64 {
                name: name.to_string(),
                value: lossy(value),
                reason,
            })?
        } else {
            value.to_vec()
        };
        let value = utf8(&name, value)?;
        labels.insert(name.into_owned(), value);
    }
    Ok(labels)
}

/// The bytes, or why there are none, in the words of Go's library.
fn decode_base64(text: &[u8]) -> Result<Vec<u8>, String> {
    let end = text.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last + 1);
    let (text, _) = text.split_at(end);
    let is_skipped = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let digits: Vec<u8> = text.iter().copied().filter(|byte| !is_skipped(byte)).collect();
    BASE64.decode(digits).map_err(|_| {
        let illegal = text.iter().position(|byte| !is_skipped(byte) && !is_digit(byte));
        let at = illegal.unwrap_or_else(|| text.len().saturating_sub(1));
        format!("illegal base64 data at input byte {at}")
    })
}

fn is_plain(value: &str) -> bool {
    !matches!(value, "" | "." | "..")
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

fn utf8(name: &str, value: Vec<u8>) -> Result<String, KeyError> {
    String::from_utf8(value)
        .map_err(|error| KeyError::NotUtf8 { name: name.to_owned(), value: lossy(error.as_bytes()) })
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
