//! What a person may choose, whichever way Stash is installed.

use std::collections::BTreeMap;

use domain::rules::names::{APP, LABEL_APP};

use crate::names;
use crate::parts::{Part, Parts};

/// Version of this release, and so tag of its image.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Registry, and what comes before `/stash`, of the image of this release.
pub const DEFAULT_REGISTRY: &str = "appscode";
/// When nodes pull an image.
pub const PULL_POLICIES: [&str; 3] = ["Always", "IfNotPresent", "Never"];

/// Who collects metrics, and so how it is told where they are.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Agent {
    /// Nobody is told.
    #[default]
    None,
    /// Prometheus itself: annotations on the Service.
    Builtin,
    /// The Prometheus operator: a ServiceMonitor.
    CoreosOperator,
}

impl Agent {
    /// Every one of them.
    pub const ALL: [Agent; 3] = [Agent::None, Agent::Builtin, Agent::CoreosOperator];

    /// As users write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Agent::None => "none",
            Agent::Builtin => "prometheus.io/builtin",
            Agent::CoreosOperator => "prometheus.io/coreos-operator",
        }
    }
}

impl std::str::FromStr for Agent {
    type Err = OptionsError;

    fn from_str(text: &str) -> Result<Self, OptionsError> {
        Agent::ALL
            .into_iter()
            .find(|agent| agent.as_str() == text)
            .ok_or_else(|| OptionsError::Agent(text.to_owned()))
    }
}

/// A choice that cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// No such agent.
    #[error("`{0}` is no monitoring agent; say none, prometheus.io/builtin or prometheus.io/coreos-operator")]
    Agent(String),
    /// Not a label.
    #[error("`{0}` is no label; say key=value, such as k8s-app=prometheus")]
    Label(String),
}

/// What is told to Prometheus.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Monitoring {
    /// Who collects.
    pub agent: Agent,
    /// Advertise what backups and recoveries push.
    pub backup: bool,
    /// Advertise the operator's own metrics.
    pub operator: bool,
    /// Where Prometheus is; `None` for our own namespace.
    pub prometheus_namespace: Option<String>,
    /// Labels of the ServiceMonitor, by which a Prometheus selects it; none for `app: stash`.
    pub labels: BTreeMap<String, String>,
}

/// The image of the operator, and of what it injects.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Image {
    /// What comes before `/stash`.
    pub registry: String,
    /// Its tag.
    pub tag: String,
    /// One of [`PULL_POLICIES`].
    pub pull_policy: String,
    /// Secret by which the operator's own image is pulled.
    pub pull_secret: Option<String>,
}

impl Default for Image {
    fn default() -> Self {
        Self {
            registry: DEFAULT_REGISTRY.to_owned(),
            tag: VERSION.to_owned(),
            pull_policy: "IfNotPresent".to_owned(),
            pull_secret: None,
        }
    }
}

/// Everything that script and command can say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Options {
    /// Where Stash is installed.
    pub namespace: String,
    /// Say that namespace in every object. Without it whoever applies them does.
    pub names_its_namespace: bool,
    /// The image.
    pub image: Image,
    /// Make ServiceAccount, Roles and bindings. Without it the ServiceAccount `default` is given its rights by an
    /// administrator.
    pub rbac: bool,
    /// Run on nodes of the control plane.
    pub on_control_plane: bool,
    /// Have the API server ask the operator about workloads.
    pub mutating_webhook: bool,
    /// Have the API server ask the operator about Restics, Recoveries and Repositories.
    pub validating_webhook: bool,
    /// What is told to Prometheus.
    pub monitoring: Monitoring,
}

impl Options {
    /// What is installed when nothing is said but the namespace.
    #[must_use]
    pub fn new(namespace: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            names_its_namespace: true,
            image: Image::default(),
            rbac: true,
            on_control_plane: false,
            mutating_webhook: true,
            validating_webhook: true,
            monitoring: Monitoring::default(),
        }
    }

    /// ServiceAccount of the operator.
    #[must_use]
    pub fn service_account(&self) -> &'static str {
        if self.rbac { names::OPERATOR } else { "default" }
    }

    /// The namespace of Prometheus.
    #[must_use]
    pub fn prometheus_namespace(&self) -> &str {
        match &self.monitoring.prometheus_namespace {
            Some(namespace) if !namespace.is_empty() => namespace,
            _ => &self.namespace,
        }
    }

    /// Labels of the ServiceMonitor.
    #[must_use]
    pub fn monitor_labels(&self) -> BTreeMap<String, String> {
        if self.monitoring.labels.is_empty() {
            return BTreeMap::from([(LABEL_APP.to_owned(), APP.to_owned())]);
        }
        self.monitoring.labels.clone()
    }

    /// What of the whole is there.
    #[must_use]
    pub fn parts(&self) -> Parts {
        let monitoring = &self.monitoring;
        let critical = self.namespace == "kube-system";
        let elsewhere = self.prometheus_namespace() != self.namespace;
        let anything = monitoring.backup || monitoring.operator;
        [
            (Part::Rbac, self.rbac),
            (Part::PullSecret, self.image.pull_secret.is_some()),
            (Part::ControlPlane, self.on_control_plane),
            (Part::Critical, critical),
            (Part::Tolerations, critical || self.on_control_plane),
            (Part::MutatingWebhook, self.mutating_webhook),
            (Part::ValidatingWebhook, self.validating_webhook),
            (Part::Annotations, monitoring.agent == Agent::Builtin),
            (Part::ServiceMonitor, monitoring.agent == Agent::CoreosOperator && anything),
            (Part::Backup, monitoring.backup),
            (Part::Operator, monitoring.operator),
            (Part::Authority, monitoring.agent != Agent::None && monitoring.operator && elsewhere),
        ]
        .into_iter()
        .filter_map(|(part, is_there)| is_there.then_some(part))
        .collect()
    }
}

/// Key and value of a label, as Kubernetes takes them.
///
/// # Errors
/// It is not `key=value`, or has characters or a length that a label may not have.
pub fn parse_label(text: &str) -> Result<(String, String), OptionsError> {
    let refuse = || OptionsError::Label(text.to_owned());
    let (key, value) = text.split_once('=').ok_or_else(refuse)?;
    let (prefix, name) = key.rsplit_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let is_domain = |prefix: &str| {
        prefix.len() <= 253
            && prefix
                .split('.')
                .all(|part| is_word(part, 63, "-") && !part.bytes().any(|byte| byte.is_ascii_uppercase()))
    };
    let fits = is_word(name, 63, "-_.")
        && (value.is_empty() || is_word(value, 63, "-_."))
        && prefix.is_none_or(is_domain);
    if fits { Ok((key.to_owned(), value.to_owned())) } else { Err(refuse()) }
}

/// Letters and digits, and these between them.
fn is_word(text: &str, longest: usize, between: &str) -> bool {
    let is_end =
        |character: Option<char>| character.is_some_and(|character| character.is_ascii_alphanumeric());
    text.len() <= longest
        && is_end(text.chars().next())
        && is_end(text.chars().next_back())
        && text.chars().all(|character| character.is_ascii_alphanumeric() || between.contains(character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_that_does_not_exist_is_refused_with_those_that_do() {
        for agent in Agent::ALL {
            assert_eq!(agent.as_str().parse(), Ok(agent));
        }
        let refused = "prometheus".parse::<Agent>().unwrap_err().to_string();
        for agent in Agent::ALL {
            assert!(refused.contains(agent.as_str()), "{refused}");
        }
    }

    #[test]
    fn a_label_is_a_key_and_a_value_that_kubernetes_takes() {
        for right in ["k8s-app=prometheus", "app=", "a.b/c_d=1.0", "Release=X"] {
            let (key, value) = right.split_once('=').unwrap();
            assert_eq!(parse_label(right), Ok((key.to_owned(), value.to_owned())));
        }
        for wrong in
            ["app", "=x", "a b=c", "a=b c", "a=-b", "/a=b", "a/b/c=d", "a=b=c", "A.b/c=d", "a=\"$(x)\""]
        {
            assert_eq!(parse_label(wrong), Err(OptionsError::Label(wrong.to_owned())), "{wrong}");
        }
        assert!(parse_label(&format!("{}=x", "k".repeat(64))).is_err());
    }

    #[test]
    fn the_authority_is_published_only_where_a_prometheus_elsewhere_needs_it() {
        let mut options = Options::new("stash");
        options.monitoring.operator = true;
        options.monitoring.prometheus_namespace = Some("monitoring".to_owned());
        assert!(!options.parts().contains(&Part::Authority), "nobody collects");
        options.monitoring.agent = Agent::Builtin;
        assert!(options.parts().contains(&Part::Authority));
        options.monitoring.prometheus_namespace = Some("stash".to_owned());
        assert!(!options.parts().contains(&Part::Authority), "the Secret itself is there");
        options.monitoring.prometheus_namespace = Some(String::new());
        assert!(!options.parts().contains(&Part::Authority), "our own namespace");
    }

    #[test]
    fn a_monitor_of_nothing_is_not_made() {
        let mut options = Options::new("stash");
        options.monitoring.agent = Agent::CoreosOperator;
        assert!(!options.parts().contains(&Part::ServiceMonitor));
    }
}
