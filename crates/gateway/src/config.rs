//! How a gateway behaves: everything that may differ between two of them, as values with their defaults.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use exposition::Names;

/// How a gateway behaves.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where groups are kept over a restart; `None` (the default) keeps them in memory only.
    ///
    /// A regular stop loses nothing. When the process is killed or the machine stops, what came after the last save
    /// began is lost: pushes and deletions of at most [`Config::persistence_interval`] plus the duration of one save,
    /// or of longer when saves fail. When it began is `pushgateway_persistence_last_save_timestamp_seconds`, and every
    /// change that was answered before that time is in the file. Each save that fails is logged, counted in
    /// `pushgateway_persistence_save_errors_total` and tried again after the interval.
    ///
    /// The file is replaced in one step: a new one is written beside it, synced to the disk and renamed, then the
    /// folder is synced. So it always holds one whole save, also after a power failure and on a full disk. A file
    /// that is not one whole save is moved aside at the start, which is logged and counted in
    /// `pushgateway_persistence_damaged_files_total`; nothing of it is loaded then.
    pub persistence_file: Option<PathBuf>,
    /// Saves begin at least this long after one another; default 5 minutes. After a quiet time the first change is
    /// saved at once.
    pub persistence_interval: Duration,
    /// Path below which everything lives, as `/pg`; empty (the default) or `/` for none. `None` takes the path of
    /// [`Config::external_url`].
    pub route_prefix: Option<String>,
    /// The URL under which people reach the gateway, or its path alone; default empty.
    pub external_url: String,
    /// Where metrics are scraped, below the prefix; default `/metrics`. Pushes stay below `/metrics/job`.
    pub telemetry_path: String,
    /// Whether a PUT or POST on `/-/quit` ends [`crate::Gateway::run`]; default no.
    pub enable_lifecycle: bool,
    /// Whether PUT on `/api/v1/admin/wipe` deletes all groups; default no.
    pub enable_admin_api: bool,
    /// Answer pushes 202 once they are parsed, whatever the check says; default no. What cannot be shown is
    /// left out all the same, so that no scrape fails: the push is counted, and its group has its failure time.
    pub disable_consistency_check: bool,
    /// Whether names may be any UTF-8; default no, which is the names of every Prometheus.
    pub enable_utf8_names: bool,
    /// Groups that nobody pushed to for this long, with or without success, are deleted; `None` (the default) keeps
    /// them for ever.
    pub expire_after: Option<Duration>,
    /// What one push, and all that are under way, may take.
    pub limits: Limits,
    /// What one connection, and all of them together, may take.
    pub serving: web::Limits,
    /// The file that says who may ask, and whether over TLS; `None` (the default) is everybody, in the clear.
    pub web_config: Option<web::ConfigFile>,
    /// How long [`crate::Gateway::run`] waits for requests that are under way when it is told to stop; default 10
    /// seconds.
    pub drain_timeout: Duration,
    /// The version shown by `pushgateway_build_info` and the status API; default is the one of this library.
    pub version: String,
    /// The flags of the program by their names, as the status API shows them; default none.
    pub flags: BTreeMap<String, String>,
    /// Pages of others on the same listener, which the gateway's page links to; default none.
    pub other_pages: Vec<OtherPage>,
}

/// A page of somebody else.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OtherPage {
    /// What the link says.
    pub name: String,
    /// Where it leads: a path, or a URL.
    pub href: String,
}

/// What one push, and all that are under way, may take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Largest body of a push as it is sent, in bytes; default 64 MiB. A larger one is answered 413.
    pub body_bytes: usize,
    /// Largest body of a push once it is unpacked, in bytes; default 64 MiB. A larger one is answered 413.
    pub unpacked_bytes: usize,
    /// Most series of one push, each bucket and quantile counting as one; default 250,000. More are answered 413.
    pub series: usize,
    /// Memory that all pushes together may take while they are read, in bytes; default 256 MiB. It is estimated:
    /// the body, and what its lines become. Small pushes (below 64 KiB) are not counted. A push that is too large for
    /// it is answered 413; one that finds no room within [`Limits::memory_wait`] is answered 503 with `Retry-After`.
    ///
    /// One address may take it all while no other one waits for a second (or half of [`Limits::memory_wait`], if that is
    /// less). Then that which takes most gives way until both take as much: those of its pushes that began first and
    /// have not come whole are answered 503.
    pub memory_bytes: usize,
    /// How long a push waits for others to free their memory; default 5 seconds.
    pub memory_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            body_bytes: 64 * MIB,
            unpacked_bytes: 64 * MIB,
            series: 250_000,
            memory_bytes: 256 * MIB,
            memory_wait: Duration::from_secs(5),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            persistence_file: None,
            persistence_interval: Duration::from_secs(5 * 60),
            route_prefix: None,
            external_url: String::new(),
            telemetry_path: "/metrics".to_owned(),
            enable_lifecycle: false,
            enable_admin_api: false,
            disable_consistency_check: false,
            enable_utf8_names: false,
            expire_after: None,
            limits: Limits::default(),
            serving: web::Limits::default(),
            web_config: None,
            drain_timeout: Duration::from_secs(10),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            flags: BTreeMap::new(),
            other_pages: Vec::new(),
        }
    }
}

impl Config {
    /// The path below which everything lives: empty, or with a slash at its begin and none at its end.
    #[must_use]
    pub fn prefix(&self) -> String {
        let given = match &self.route_prefix {
            Some(prefix) if !prefix.is_empty() => prefix.as_str(),
            _ => path_of(&self.external_url),
        };
        normalised(given)
    }

    /// Names that may stand in keys and texts; messages are not asked.
    pub(crate) fn names(&self) -> Names {
        if self.enable_utf8_names { Names::Utf8 } else { Names::Legacy }
    }

    /// The path of links to the gateway's pages, as people reach them: that of [`Config::external_url`], in the form
    /// of [`Config::prefix`].
    #[must_use]
    pub fn external_prefix(&self) -> String {
        if self.external_url.is_empty() { self.prefix() } else { normalised(path_of(&self.external_url)) }
    }
}

fn normalised(path: &str) -> String {
    match path.trim_matches('/') {
        "" => String::new(),
        path => format!("/{path}"),
    }
}

/// The path of a URL, or of a path.
fn path_of(url: &str) -> &str {
    let behind_scheme = url.split_once("://").map(|(_, rest)| rest);
    let path = match behind_scheme {
        Some(rest) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default(),
        None => url,
    };
    path.split(['?', '#']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(route_prefix: Option<&str>, external_url: &str) -> String {
        let route_prefix = route_prefix.map(str::to_owned);
        Config { route_prefix, external_url: external_url.to_owned(), ..Config::default() }.prefix()
    }

    #[test]
    fn the_prefix_is_the_path_of_the_external_url() {
        assert_eq!(prefix(None, ""), "");
        assert_eq!(prefix(None, "https://example.com"), "");
        assert_eq!(prefix(None, "https://example.com/a/b/?x#y"), "/a/b");
        assert_eq!(prefix(Some(""), "http://example.com/pg"), "/pg");
    }

    #[test]
    fn a_given_prefix_counts_more_and_a_slash_means_none() {
        assert_eq!(prefix(Some("/"), "https://example.com/pg"), "");
        assert_eq!(prefix(Some("pg/"), "https://example.com/x"), "/pg");
        assert_eq!(prefix(Some("//a/b//"), ""), "/a/b");
    }
}
