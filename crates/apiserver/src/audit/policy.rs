//! Which requests are told of: a policy of `audit.k8s.io/v1`, as far as it can be kept here.

use serde::Deserialize;

use crate::request::{RequestInfo, Resource};
use crate::user::User;

/// Which requests are told of: what the first rule says that fits.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Policy {
    api_version: String,
    kind: String,
    /// Of no effect.
    #[serde(default, rename = "metadata")]
    _metadata: Option<serde_json::Value>,
    #[serde(default)]
    omit_stages: Vec<Stage>,
    /// Of no effect: it is about bodies, which no event has here.
    #[serde(default, rename = "omitManagedFields")]
    _omit_managed_fields: Option<bool>,
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Rule {
    level: Level,
    #[serde(default)]
    users: Vec<String>,
    #[serde(default)]
    user_groups: Vec<String>,
    #[serde(default)]
    verbs: Vec<String>,
    #[serde(default)]
    resources: Vec<Resources>,
    #[serde(default)]
    namespaces: Vec<String>,
    #[serde(default, rename = "nonResourceURLs")]
    non_resource_urls: Vec<String>,
    #[serde(default)]
    omit_stages: Vec<Stage>,
    #[serde(default, rename = "omitManagedFields")]
    _omit_managed_fields: Option<bool>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Resources {
    #[serde(default)]
    group: String,
    #[serde(default)]
    resources: Vec<String>,
    #[serde(default)]
    resource_names: Vec<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
enum Level {
    None,
    Metadata,
    Request,
    RequestResponse,
}

/// When an event is made. Here it is made once, when a request has been answered.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
enum Stage {
    RequestReceived,
    ResponseStarted,
    ResponseComplete,
    Panic,
}

/// Why a policy cannot be kept.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub enum PolicyError {
    /// It is no policy, or has fields that do not exist.
    #[error("it is no audit policy: {0}")]
    Syntax(String),
    /// It is of another kind.
    #[error("it has to be a Policy of audit.k8s.io/v1, not {kind:?} of {version:?}")]
    Kind {
        /// Its kind.
        kind: String,
        /// Its version.
        version: String,
    },
    /// It has no rules.
    #[error("it has no rules; write at least one, for example `- level: Metadata`")]
    Empty,
    /// A rule cannot be kept.
    #[error("rule {number}: {reason}")]
    Rule {
        /// Which, from 1.
        number: usize,
        /// Why.
        reason: &'static str,
    },
}

impl Default for Policy {
    /// Requests that would change something.
    fn default() -> Self {
        let verbs = ["create", "update", "patch", "delete", "deletecollection"];
        Self {
            api_version: "audit.k8s.io/v1".to_owned(),
            kind: "Policy".to_owned(),
            _metadata: None,
            omit_stages: Vec::new(),
            _omit_managed_fields: None,
            rules: vec![Rule {
                level: Level::Metadata,
                users: Vec::new(),
                user_groups: Vec::new(),
                verbs: verbs.map(str::to_owned).to_vec(),
                resources: Vec::new(),
                namespaces: Vec::new(),
                non_resource_urls: Vec::new(),
                omit_stages: Vec::new(),
                _omit_managed_fields: None,
            }],
        }
    }
}

impl Policy {
    /// Reads YAML or JSON.
    ///
    /// # Errors
    ///
    /// [`PolicyError`]: whatever could not be kept is refused, so that nobody relies on it.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let policy: Self =
            serde_saphyr::from_str(text).map_err(|error| PolicyError::Syntax(error.to_string()))?;
        if policy.kind != "Policy" || policy.api_version != "audit.k8s.io/v1" {
            return Err(PolicyError::Kind { kind: policy.kind, version: policy.api_version });
        }
        if policy.rules.is_empty() {
            return Err(PolicyError::Empty);
        }
        for (index, rule) in policy.rules.iter().enumerate() {
            rule.check().map_err(|reason| PolicyError::Rule { number: index + 1, reason })?;
        }
        Ok(policy)
    }

    /// Whether a request that was answered is told of.
    pub(crate) fn asks_for(&self, user: Option<&User>, info: &RequestInfo) -> bool {
        let Some(rule) = self.rules.iter().find(|rule| rule.fits(user, info)) else { return false };
        let omitted = |stages: &[Stage]| stages.contains(&Stage::ResponseComplete);
        rule.level != Level::None && !omitted(&rule.omit_stages) && !omitted(&self.omit_stages)
    }
}

impl Rule {
    fn check(&self) -> Result<(), &'static str> {
        if matches!(self.level, Level::Request | Level::RequestResponse) {
            return Err("bodies are not recorded here; write level Metadata or None");
        }
        let has_resources = !self.resources.is_empty() || !self.namespaces.is_empty();
        if has_resources && !self.non_resource_urls.is_empty() {
            return Err("it is about resources and nonResourceURLs, which no request is; make it two rules");
        }
        for url in &self.non_resource_urls {
            if !(url == "*" || url.starts_with('/')) {
                return Err("nonResourceURLs have to begin with /, or be *");
            }
            if url.strip_suffix('*').unwrap_or(url).contains('*') {
                return Err("nonResourceURLs may have * at their end only");
            }
        }
        let names_without_kind = |of: &Resources| of.resources.is_empty() && !of.resource_names.is_empty();
        if self.resources.iter().any(names_without_kind) {
            return Err("resourceNames need resources");
        }
        Ok(())
    }

    fn fits(&self, user: Option<&User>, info: &RequestInfo) -> bool {
        let has = |list: &[String], text: &str| list.iter().any(|known| known == text);
        let by_user = self.users.is_empty() || user.is_some_and(|user| has(&self.users, &user.name));
        let in_group = |user: &User| user.groups.iter().any(|group| has(&self.user_groups, group));
        let by_group = self.user_groups.is_empty() || user.is_some_and(in_group);
        if !by_user || !by_group || !(self.verbs.is_empty() || has(&self.verbs, &info.verb)) {
            return false;
        }
        if !self.resources.is_empty() || !self.namespaces.is_empty() {
            return info.resource.as_ref().is_some_and(|resource| {
                (self.namespaces.is_empty() || has(&self.namespaces, &resource.namespace))
                    && (self.resources.is_empty() || self.resources.iter().any(|of| of.fit(resource)))
            });
        }
        if self.non_resource_urls.is_empty() {
            return true;
        }
        info.resource.is_none()
            && self.non_resource_urls.iter().any(|url| match url.strip_suffix('*') {
                Some(beginning) => info.path.starts_with(beginning),
                None => info.path == *url,
            })
    }
}

impl Resources {
    fn fit(&self, resource: &Resource) -> bool {
        if self.group != resource.group {
            return false;
        }
        if self.resources.is_empty() {
            return true;
        }
        if !self.resource_names.is_empty() && !self.resource_names.contains(&resource.name) {
            return false;
        }
        self.resources.iter().any(|pattern| match pattern.split_once('/') {
            None => pattern == "*" || (resource.subresource.is_empty() && *pattern == resource.resource),
            Some((of, sub)) => {
                let is_of = of == resource.resource || (of == "*" && !resource.subresource.is_empty());
                is_of && (sub == resource.subresource || (sub == "*" && of != "*"))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(policy: &Policy, user: &str, method: &str, address: &str) -> bool {
        let info = RequestInfo::read(&method.parse().unwrap(), &address.parse().unwrap()).unwrap();
        let user = User { name: user.to_owned(), groups: vec!["staff".to_owned()], ..User::default() };
        policy.asks_for(Some(&user), &info)
    }

    const HEAD: &str = "apiVersion: audit.k8s.io/v1\nkind: Policy\n";

    #[test]
    fn the_default_asks_for_what_would_change_something() {
        let policy = Policy::default();
        assert!(asked(&policy, "jo", "DELETE", "/apis/g/v1/namespaces/n/things/a"));
        assert!(!asked(&policy, "jo", "GET", "/apis/g/v1/namespaces/n/things/a"));
        assert!(!asked(&policy, "jo", "POST", "/metrics"));
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let policy = Policy::parse(&format!(
            "{HEAD}rules:\n\
             - {{level: None, users: [noisy]}}\n\
             - {{level: None, userGroups: [robots]}}\n\
             - {{level: Metadata, resources: [{{group: g, resources: [things, '*/status', 'other/*']}}], namespaces: [n]}}\n\
             - {{level: Metadata, resources: [{{group: h, resources: [things], resourceNames: [a]}}]}}\n\
             - {{level: Metadata, nonResourceURLs: ['/metrics*', /version]}}\n\
             - {{level: Metadata, verbs: [delete], omitStages: [ResponseComplete]}}\n"
        ))
        .unwrap();
        for (user, method, address, expected) in [
            ("noisy", "GET", "/metrics", false),
            ("jo", "GET", "/metrics", true),
            ("jo", "GET", "/metrics/all", true),
            ("jo", "GET", "/version/all", false),
            ("jo", "GET", "/apis/g/v1/namespaces/n/things", true),
            ("jo", "GET", "/apis/g/v1/namespaces/m/things", false),
            ("jo", "GET", "/apis/g/v1/namespaces/n/things/a/scale", false),
            ("jo", "GET", "/apis/g/v1/namespaces/n/things/a/status", true),
            ("jo", "GET", "/apis/g/v1/namespaces/n/other/a/scale", true),
            ("jo", "GET", "/apis/h/v1/things/a", true),
            ("jo", "GET", "/apis/h/v1/things/b", false),
            ("jo", "DELETE", "/apis/x/v1/things/b", false),
        ] {
            assert_eq!(asked(&policy, user, method, address), expected, "{user} {method} {address}");
        }
    }

    #[test]
    fn what_cannot_be_kept_is_refused_with_a_reason() {
        for (text, reason) in [
            ("kind: Policy\napiVersion: audit.k8s.io/v1beta1\nrules: [{level: None}]", "has to be a Policy"),
            ("kind: Policy\napiVersion: audit.k8s.io/v1\nrules: []", "no rules"),
            (
                "kind: Policy\napiVersion: audit.k8s.io/v1\nrules: [{level: Request}]",
                "bodies are not recorded",
            ),
            ("kind: Policy\napiVersion: audit.k8s.io/v1\nrules: [{level: Some}]", "no audit policy"),
            (
                "kind: Policy\napiVersion: audit.k8s.io/v1\nrules: [{level: None, who: [a]}]",
                "no audit policy",
            ),
            (
                "kind: Policy\napiVersion: audit.k8s.io/v1\nrules: [{level: None, nonResourceURLs: ['/a*b']}]",
                "at their end only",
            ),
            ("[", "no audit policy"),
        ] {
            let error = Policy::parse(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
