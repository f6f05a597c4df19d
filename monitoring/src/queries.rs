//! Every query of the dashboards, with their variables filled in as Grafana does it.

use serde_json::Value;

/// The dashboards that ship, by the names of their files.
const FILES: [(&str, &str); 3] = [
    ("overview", include_str!("../dashboards/overview.json")),
    ("repository", include_str!("../dashboards/repository.json")),
    ("operator", include_str!("../dashboards/operator.json")),
];

/// What the dashboard 4198 of grafana.com asks, made for Stash 0.8.3: its title, and its panels.
const PUBLISHED: [(&str, &str); 7] = [
    ("Failed", r#"sum(restic_session_fail{namespace=~"$namespace",app=~"$app"})"#),
    ("Successful", r#"sum(restic_session_success{namespace=~"$namespace",app=~"$app"})"#),
    ("Success", r#"restic_session_success{namespace=~"$namespace",app=~"$app"}"#),
    ("Fail", r#"restic_session_fail{namespace=~"$namespace",app=~"$app"}"#),
    (
        "Action Duration",
        r#"sum(restic_session_duration_seconds{namespace=~"$namespace",app=~"$app"}) by (app, op, namespace)"#,
    ),
    ("Success List", r#"restic_session_success{namespace=~"$namespace",app=~"$app"} == 1"#),
    ("Fail List", r#"restic_session_fail{namespace=~"$namespace",app=~"$app"} == 1"#),
];

/// One query of one panel.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Query {
    /// The dashboard.
    pub dashboard: String,
    /// The title of the panel, or the name of the variable whose values it gives.
    pub panel: String,
    /// What is asked, without variables.
    pub expression: String,
}

impl Query {
    /// Whether it needs what the operator tells, so that a host without one has no answer.
    #[must_use]
    pub fn is_of_operator(&self) -> bool {
        let of_host = |name: &String| name.starts_with("restic_") || name.starts_with("pushgateway_");
        !crate::metrics_of(&self.expression).iter().any(of_host)
    }

    /// Whether there is an answer only while something is wrong, or was.
    #[must_use]
    pub fn is_of_trouble(&self) -> bool {
        ["Late sessions"].contains(&self.panel.as_str())
    }
}

/// A dashboard that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DashboardError {
    /// It is no JSON.
    #[error("dashboards/{name}.json is no JSON: write it anew with `cargo xtask codegen`")]
    Json {
        /// Its name.
        name: &'static str,
        /// Where.
        source: serde_json::Error,
    },
}

/// The dashboards, by their names.
///
/// # Errors
/// One of them is no JSON.
pub fn dashboards() -> Result<Vec<(&'static str, Value)>, DashboardError> {
    FILES
        .into_iter()
        .map(|(name, text)| {
            let dashboard =
                serde_json::from_str(text).map_err(|source| DashboardError::Json { name, source })?;
            Ok((name, dashboard))
        })
        .collect()
}

/// Every query of every panel and variable. `interval` stands for `$__rate_interval`; each other variable takes every
/// value, but for those of `chosen`.
///
/// # Errors
/// A dashboard is no JSON.
pub fn queries(interval: &str, chosen: &[(&str, &str)]) -> Result<Vec<Query>, DashboardError> {
    let mut found = Vec::new();
    for (dashboard, value) in dashboards()? {
        let filled = |panel: &str, text: &str| Query {
            dashboard: dashboard.to_owned(),
            panel: panel.to_owned(),
            expression: fill(text, interval, chosen),
        };
        for variable in value["templating"]["list"].as_array().into_iter().flatten() {
            let name = variable["name"].as_str().unwrap_or_default();
            let asked = variable["query"]["query"].as_str().and_then(selector);
            found.extend(asked.map(|asked| filled(name, asked)));
        }
        for panel in value["panels"].as_array().into_iter().flatten() {
            let title = panel["title"].as_str().unwrap_or_default();
            for target in panel["targets"].as_array().into_iter().flatten() {
                found.push(filled(title, target["expr"].as_str().unwrap_or_default()));
            }
        }
    }
    Ok(found)
}

/// The queries of the dashboard that was published for Stash 0.8.3, filled in likewise.
#[must_use]
pub fn published(chosen: &[(&str, &str)]) -> Vec<Query> {
    PUBLISHED
        .into_iter()
        .map(|(panel, text)| Query {
            dashboard: "4198".to_owned(),
            panel: panel.to_owned(),
            expression: fill(text, "1m", chosen),
        })
        .collect()
}

/// Of `label_values(SELECTOR, LABEL)` the selector.
fn selector(text: &str) -> Option<&str> {
    text.strip_prefix("label_values(")?.rsplit_once(',').map(|(selector, _)| selector.trim())
}

fn fill(text: &str, interval: &str, chosen: &[(&str, &str)]) -> String {
    let mut filled = text.replace("$__rate_interval", interval);
    for (name, value) in chosen {
        filled = filled.replace(&format!("${name}"), value);
    }
    for name in ["namespace", "repository", "app"] {
        filled = filled.replace(&format!("${name}"), ".*");
    }
    filled
}
