//! The form of the file, in YAML, and what of it is refused.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use jiff::SignedDuration;
use serde::Deserialize;

use super::tls::{Source, TlsSettings};
use super::watched::Files;
use super::{ConfigError, Rate, Settings};

/// A text that is not shown.
#[derive(Clone, Default, Deserialize, Eq, PartialEq)]
#[serde(from = "String")]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    tls_server_config: Option<Tls>,
    http_server_config: Option<Http>,
    rate_limit: Option<RateLimit>,
    basic_auth_users: Option<BTreeMap<String, Option<Secret>>>,
}

/// In Go an empty text and an absent one are the same.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Tls {
    cert: Option<String>,
    key: Option<Secret>,
    client_ca: Option<String>,
    cert_file: Option<String>,
    key_file: Option<String>,
    client_auth_type: Option<String>,
    client_ca_file: Option<String>,
    cipher_suites: Option<Vec<String>>,
    curve_preferences: Option<Vec<String>>,
    min_version: Option<String>,
    max_version: Option<String>,
    prefer_server_cipher_suites: Option<bool>,
    client_allowed_sans: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Http {
    http2: Option<bool>,
    headers: Option<BTreeMap<String, Option<String>>>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RateLimit {
    interval: Option<Interval>,
    burst: Option<i64>,
}

/// A duration as Go writes it, or nanoseconds.
#[derive(Deserialize)]
#[serde(untagged)]
enum Interval {
    Nanoseconds(i64),
    Text(String),
}

/// Headers that may be configured, with the values they may have; none means any.
const HEADERS: [(&str, &[&str]); 5] = [
    ("Content-Security-Policy", &[]),
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
];

impl Settings {
    /// Reads and checks the file at `path`.
    pub(super) fn parse(path: &Path, files: &mut Files) -> Result<Self, ConfigError> {
        let content = files.read(path).map_err(|error| ConfigError::Read {
            config: path.to_owned(),
            path: path.to_owned(),
            field: "",
            reason: error.to_string(),
        })?;
        Self::from_yaml(path, content)
    }

    fn from_yaml(path: &Path, content: &[u8]) -> Result<Self, ConfigError> {
        let syntax = |reason: String| ConfigError::Syntax { config: path.to_owned(), reason };
        let text = std::str::from_utf8(content).map_err(|error| syntax(error.to_string()))?;
        // An error must not show what the file holds, which may be a key.
        let options = serde_saphyr::options! { with_snippet: false };
        let file: Option<File> =
            serde_saphyr::from_str_with_options(text, options).map_err(|error| syntax(error.to_string()))?;
        let file = file.unwrap_or_default();
        let wrong = |field: &str, reason: String| ConfigError::Field {
            config: path.to_owned(),
            field: field.to_owned(),
            reason,
        };
        let http = file.http_server_config.unwrap_or_default();
        let users = file.basic_auth_users.unwrap_or_default();
        let tls = file.tls_server_config.unwrap_or_default();
        Ok(Self {
            tls: tls.settings(path, http.http2.unwrap_or(true))?,
            headers: headers(http.headers.unwrap_or_default())
                .map_err(|(name, reason)| wrong(&format!("http_server_config.headers.{name}"), reason))?,
            users: users.into_iter().map(|(user, hash)| (user, hash.unwrap_or_default())).collect(),
            rate: rate(&file.rate_limit.unwrap_or_default())
                .map_err(|reason| wrong("rate_limit.interval", reason))?,
        })
    }
}

/// Every user has a hash that can be used.
pub(super) fn check_users(path: &Path, users: &BTreeMap<String, Secret>) -> Result<(), ConfigError> {
    for (user, hash) in users {
        if let Err(error) = hash.as_str().parse::<bcrypt::HashParts>() {
            return Err(ConfigError::Field {
                config: path.to_owned(),
                field: format!("basic_auth_users.{user}"),
                reason: format!("{error}; write a bcrypt hash, as `htpasswd -nBC 10 {user}` prints it"),
            });
        }
    }
    Ok(())
}

fn headers(
    configured: BTreeMap<String, Option<String>>,
) -> Result<Vec<(HeaderName, HeaderValue)>, (String, String)> {
    let mut headers = Vec::new();
    for (name, value) in configured {
        let value = value.unwrap_or_default();
        let Some((_, allowed)) = HEADERS.iter().find(|(known, _)| *known == name) else {
            let known = HEADERS.map(|(name, _)| name).join(", ");
            return Err((name, format!("this header cannot be configured; those that can are {known}")));
        };
        if !allowed.is_empty() && !allowed.contains(&value.as_str()) {
            let reason = format!("the value is {value:?}; write {}", allowed.join(" or "));
            return Err((name, reason));
        }
        let parsed = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value));
        let (Ok(parsed_name), Ok(value)) = parsed else {
            return Err((name, "the value has characters that no header can have; remove them".to_owned()));
        };
        headers.push((parsed_name, value));
    }
    Ok(headers)
}

fn rate(limit: &RateLimit) -> Result<Option<Rate>, String> {
    let interval = match &limit.interval {
        None => return Ok(None),
        Some(Interval::Nanoseconds(nanoseconds)) => SignedDuration::from_nanos(*nanoseconds),
        Some(Interval::Text(text)) => text
            .parse()
            .map_err(|_| format!("{text:?} is no duration; write numbers with units, as 100ms or 1m30s"))?,
    };
    // As in the original, an interval below nothing is no limit.
    let interval = Duration::try_from(interval).unwrap_or_default();
    let burst = limit.burst.unwrap_or_default().clamp(0, i64::from(u32::MAX));
    let burst = u32::try_from(burst).unwrap_or_default();
    Ok(Some(Rate { interval, burst }).filter(|rate| !rate.interval.is_zero()))
}

impl Tls {
    /// `None` when nothing asks for TLS. What counts as asking is what counts in the original.
    fn settings(self, config: &Path, http2: bool) -> Result<Option<TlsSettings>, ConfigError> {
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        // A relative path counts from the folder of the configuration.
        let file = |path: Option<String>| {
            given(path).map(|path| config.parent().unwrap_or(Path::new("")).join(path))
        };
        let either = |path: Option<PathBuf>, inline: Option<Secret>| match path {
            Some(path) => Some(Source::File(path)),
            None => inline.map(Source::Inline),
        };
        let certificate = either(file(self.cert_file), given(self.cert).map(Secret));
        let key = either(file(self.key_file), self.key.filter(|key| !key.as_str().is_empty()));
        let client_ca = either(file(self.client_ca_file), given(self.client_ca).map(Secret));
        let client_auth = given(self.client_auth_type);
        if certificate.is_none() && key.is_none() && client_ca.is_none() && client_auth.is_none() {
            return Ok(None);
        }
        let missing = |field: &str, what: &str| ConfigError::Field {
            config: config.to_owned(),
            field: format!("tls_server_config.{field}"),
            reason: format!("it is missing; name the {what} by {field}_file, or put it here"),
        };
        Ok(Some(TlsSettings {
            certificate: certificate.ok_or_else(|| missing("cert", "certificate"))?,
            key: key.ok_or_else(|| missing("key", "certificate's private key"))?,
            client_ca,
            client_auth: client_auth.unwrap_or_default(),
            client_names: self.client_allowed_sans,
            ciphers: self.cipher_suites.unwrap_or_default(),
            curves: self.curve_preferences.unwrap_or_default(),
            least: given(self.min_version),
            most: given(self.max_version),
            server_order: self.prefer_server_cipher_suites.unwrap_or(true),
            http2,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(yaml: &str) -> Result<Settings, String> {
        Settings::from_yaml(Path::new("/etc/web.yml"), yaml.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_file_asks_for_nothing() {
        for yaml in
            ["", "{}", "# nothing\n", "tls_server_config:\nbasic_auth_users:\n", "http_server_config: {}"]
        {
            let settings = parse(yaml).unwrap();
            assert!(settings.tls.is_none() && settings.users.is_empty() && settings.rate.is_none(), "{yaml}");
        }
    }

    #[test]
    fn what_the_original_does_not_know_is_refused() {
        for yaml in [
            "tls: {}",
            "tls_server_config: {certificate: a}",
            "http_server_config: {http3: true}",
            "rate_limit: {rate: 1}",
            "basic_auth_users: [a]",
            "basic_auth_users: {a: b}\nbasic_auth_users: {a: b}",
            "basic_auth_users: {a: b, a: c}",
            "a: [",
            "- a",
        ] {
            assert!(parse(yaml).unwrap_err().contains("cannot be understood"), "{yaml}");
        }
    }

    #[test]
    fn headers_are_those_of_the_list_with_their_values() {
        let settings = parse(
            "http_server_config:\n  headers:\n    X-Frame-Options: deny\n    X-Content-Type-Options: nosniff\n    \
             X-XSS-Protection: \"\"\n    Content-Security-Policy: default-src 'self'\n    \
             Strict-Transport-Security: max-age=1\n",
        );
        assert_eq!(settings.unwrap().headers.len(), 5);
        for (header, said) in [
            ("Server: x", "cannot be configured"),
            ("x-frame-options: deny", "cannot be configured"),
            ("X-Frame-Options: DENY", "write deny or sameorigin"),
            ("X-Content-Type-Options: sniff", "write nosniff"),
            ("X-XSS-Protection: \"a\\nb\"", "no header can have"),
        ] {
            let error = parse(&format!("http_server_config: {{headers: {{{header}}}}}")).unwrap_err();
            assert!(
                error.contains(said) && error.contains("/etc/web.yml: http_server_config.headers."),
                "{error}"
            );
        }
    }

    #[test]
    fn a_rate_is_an_interval_and_a_burst() {
        let rate = |yaml: &str| parse(&format!("rate_limit: {{{yaml}}}")).map(|settings| settings.rate);
        let millis = |millis, burst| Ok(Some(Rate { interval: Duration::from_millis(millis), burst }));
        assert_eq!(rate("interval: 100ms, burst: 5"), millis(100, 5));
        assert_eq!(rate("interval: 1m30s"), millis(90_000, 0));
        assert_eq!(rate("interval: 2000000, burst: -1"), millis(2, 0));
        assert_eq!(rate("burst: 5"), Ok(None));
        assert_eq!(rate("interval: 0s, burst: 5"), Ok(None));
        assert_eq!(rate("interval: -1s, burst: 5"), Ok(None));
        assert!(rate("interval: often").unwrap_err().contains("rate_limit.interval"));
    }

    #[test]
    fn a_half_of_a_certificate_is_refused_with_the_field() {
        for (yaml, said) in [
            ("cert_file: a.pem", "tls_server_config.key"),
            ("key_file: a.pem", "tls_server_config.cert"),
            ("client_auth_type: RequestClientCert", "tls_server_config.cert"),
            ("client_ca: x", "tls_server_config.cert"),
        ] {
            let error = parse(&format!("tls_server_config: {{{yaml}}}")).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
        assert!(parse("tls_server_config: {min_version: TLS13, cert: \"\"}").unwrap().tls.is_none());
    }

    #[test]
    fn no_secret_is_shown() {
        let secret = "c2VjcmV0";
        let yaml =
            format!("tls_server_config: {{cert: x, key: {secret}}}\nbasic_auth_users: {{ann: {secret}}}\n");
        let settings = parse(&yaml).unwrap();
        assert!(!format!("{settings:?}").contains(secret));
        let error = check_users(Path::new("x"), &settings.users).unwrap_err().to_string();
        assert!(error.contains("basic_auth_users.ann") && !error.contains(secret), "{error}");
        for broken in [
            format!("{yaml}: ["),
            format!("tls_server_config: {{key: {{a: {secret}}}}}"),
            yaml.replace("ann", "[ann]"),
        ] {
            let error = parse(&broken).err().unwrap_or_default();
            assert!(!error.contains(secret), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_a_panic(text in "\\PC{0,200}") {
            let _ = parse(&text);
            let _ = parse(&format!("tls_server_config:\n  {text}"));
            let _ = parse(&format!("rate_limit: {{interval: {text}}}"));
        }

        #[test]
        fn users_are_read_as_they_are_written(users in prop::collection::btree_map("[a-z0-9@._-]{1,12}", "[!-~]{0,30}", 0..8)) {
            let yaml = serde_saphyr::to_string(&BTreeMap::from([("basic_auth_users", &users)])).unwrap();
            let read = parse(&yaml).unwrap().users;
            let read: BTreeMap<String, String> = read.into_iter().map(|(user, hash)| (user, hash.0)).collect();
            prop_assert_eq!(read, users);
        }
    }
}
