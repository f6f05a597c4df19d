//! What is asked of a list, a watch or a deletion: the parameters that every list of Kubernetes takes.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::rules::select;
use jiff::Timestamp;
use kube::core::{Selector, SelectorExt as _};
use serde::{Deserialize, Serialize};

use super::answer::Refused;
use super::index::{Item, Of, Part};

/// The parameters of a request.
#[derive(Debug, Default)]
pub(super) struct Query {
    pub(super) watch: bool,
    labels: Option<Selector>,
    fields: Fields,
    pub(super) limit: Option<usize>,
    pub(super) resume: Option<Token>,
    /// The version that was asked for; none for any.
    pub(super) version: Option<u64>,
    pub(super) exact: bool,
    pub(super) bookmarks: bool,
    pub(super) initial_events: bool,
    pub(super) timeout_seconds: Option<u64>,
    pub(super) include: Include,
    pub(super) dry_run: bool,
}

/// How much of each object stands beside a row of a table.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Include {
    None,
    #[default]
    Metadata,
    Object,
}

#[derive(Debug, Default)]
struct Fields(Vec<(Field, bool, String)>);

#[derive(Clone, Copy, Debug)]
enum Field {
    Name,
    Namespace,
}

/// Where a list that was cut off goes on. Opaque to clients.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub(super) struct Token {
    /// The version of the list's first part, from which a watch is to begin.
    #[serde(rename = "v")]
    pub(super) version: u64,
    #[serde(rename = "a")]
    after: Place,
}

/// The order of lists: by namespace, Repository, time.
pub(super) type Place = (String, String, Timestamp, String);

pub(super) fn place(item: &Item) -> Place {
    (item.of.namespace.clone(), item.of.repository.clone(), item.record.time, item.record.id.clone())
}

impl Token {
    pub(super) fn after(version: u64, item: &Item) -> Self {
        Self { version, after: place(item) }
    }

    pub(super) fn text(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    fn parse(text: &str) -> Option<Self> {
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(text).ok()?).ok()
    }

    fn is_before(&self, item: &Item) -> bool {
        let (namespace, repository, time, id) = &self.after;
        let whole = (item.of.namespace.as_str(), item.of.repository.as_str(), item.record.time);
        (whole, item.record.id.as_str()) > ((namespace.as_str(), repository.as_str(), *time), id.as_str())
    }
}

impl Query {
    /// Reads the part of an address behind `?`. What is unknown is ignored, as an API server does.
    pub(super) fn parse(text: &str) -> Result<Self, Refused> {
        let mut query = Self::default();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            let value = value.as_ref();
            let number = || {
                let wrong = |_| Refused::bad_request(format!("{name} has to be a number, not `{value}`"));
                value.parse::<u64>().map_err(wrong)
            };
            match name.as_ref() {
                "watch" => query.watch = is_true(&name, value)?,
                "allowWatchBookmarks" => query.bookmarks = is_true(&name, value)?,
                "sendInitialEvents" => query.initial_events = is_true(&name, value)?,
                "labelSelector" if !value.is_empty() => {
                    let selector = select::parse(value);
                    query.labels = Some(selector.map_err(|error| Refused::bad_request(error.to_string()))?);
                }
                "fieldSelector" => query.fields = Fields::parse(value)?,
                "limit" if !value.is_empty() => {
                    query.limit = usize::try_from(number()?).ok().filter(|limit| *limit > 0);
                }
                "continue" if !value.is_empty() => {
                    let wrong = || Refused::bad_request("the continue token is not one of this server");
                    query.resume = Some(Token::parse(value).ok_or_else(wrong)?);
                }
                "resourceVersion" if !value.is_empty() => {
                    query.version = Some(number()?).filter(|version| *version > 0);
                }
                "resourceVersionMatch" => query.exact = value == "Exact",
                "timeoutSeconds" if !value.is_empty() => query.timeout_seconds = Some(number()?),
                "includeObject" => query.include = include(value)?,
                "dryRun" => query.dry_run = dry_run(value)?,
                _ => {}
            }
        }
        Ok(query)
    }

    /// Whether the Snapshots of this Repository are asked for, as far as that depends on it alone.
    pub(super) fn wants_part(&self, part: &Part) -> bool {
        self.wants_of(&part.of)
    }

    /// Whether what a Snapshot has in common with others of its Repository is asked for.
    pub(super) fn wants_of(&self, of: &Of) -> bool {
        self.labels.as_ref().is_none_or(|labels| labels.matches(&of.labels))
    }

    /// Whether a Snapshot of a Repository that is asked for is so itself.
    pub(super) fn wants_item(&self, item: &Item) -> bool {
        self.fields.0.iter().all(|(field, equal, value)| {
            let is = match field {
                Field::Name => item.name() == *value,
                Field::Namespace => item.of.namespace == *value,
            };
            is == *equal
        })
    }

    pub(super) fn is_after(&self, item: &Item) -> bool {
        self.resume.as_ref().is_none_or(|token| token.is_before(item))
    }

    /// Whether anything is left out but by pages.
    pub(super) fn selects(&self) -> bool {
        self.labels.is_some() || !self.fields.0.is_empty()
    }
}

impl Fields {
    fn parse(text: &str) -> Result<Self, Refused> {
        let mut fields = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let wrong = || Refused::bad_request(format!("invalid field selector `{part}`"));
            let (name, equal, value) = match part.split_once("!=") {
                Some((name, value)) => (name, false, value),
                None => {
                    let (name, value) = part.split_once('=').ok_or_else(wrong)?;
                    (name, true, value.strip_prefix('=').unwrap_or(value))
                }
            };
            let field = match name.trim() {
                "metadata.name" => Field::Name,
                "metadata.namespace" => Field::Namespace,
                other => {
                    return Err(Refused::bad_request(format!(
                        "field label not supported: {other}; use metadata.name or metadata.namespace"
                    )));
                }
            };
            fields.push((field, equal, value.trim().to_owned()));
        }
        Ok(Self(fields))
    }
}

fn is_true(name: &str, value: &str) -> Result<bool, Refused> {
    match value {
        "true" | "True" | "TRUE" | "1" | "t" | "T" | "" => Ok(true),
        "false" | "False" | "FALSE" | "0" | "f" | "F" => Ok(false),
        _ => Err(Refused::bad_request(format!("{name} has to be true or false, not `{value}`"))),
    }
}

fn include(value: &str) -> Result<Include, Refused> {
    match value {
        "None" => Ok(Include::None),
        "Metadata" | "" => Ok(Include::Metadata),
        "Object" => Ok(Include::Object),
        _ => Err(Refused::bad_request(format!("includeObject has no value `{value}`"))),
    }
}

/// Whether nothing is to be done; `All` is the only value that there is.
pub(super) fn dry_run(value: &str) -> Result<bool, Refused> {
    match value {
        "" => Ok(false),
        "All" => Ok(true),
        _ => Err(Refused::bad_request(format!("dryRun has no value `{value}`; use All"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_understood_is_refused() {
        for text in [
            "watch=maybe",
            "labelSelector=a%20b",
            "fieldSelector=status.hostname%3Da",
            "fieldSelector=metadata.name",
            "limit=-1",
            "limit=many",
            "continue=abc",
            "resourceVersion=x",
            "includeObject=All",
            "dryRun=Some",
        ] {
            assert!(Query::parse(text).is_err(), "{text}");
        }
        let text = "limit=0&continue=&labelSelector=&fieldSelector=&resourceVersion=0&pretty=true&unknown=1";
        let query = Query::parse(text).unwrap();
        assert!(query.limit.is_none() && query.resume.is_none() && query.version.is_none());
        assert!(!query.selects());
    }

    #[test]
    fn a_token_is_read_as_it_was_written() {
        let after = ("shop".to_owned(), "deployment.web".to_owned(), Timestamp::UNIX_EPOCH, "a".to_owned());
        let token = Token { version: 7, after };
        assert_eq!(Token::parse(&token.text()), Some(token));
    }
}
