//! Every metric that an alert or a dashboard names is one that somebody exports.

use std::collections::BTreeSet;

use domain::rules::metrics::{Kind, Metric, SESSION, operator::OPERATOR};

/// What the operator tells of its API server and its process.
const OF_OPERATOR: &str = include_str!("../../../crates/operator/tests/it/seed/metrics.tsv");
/// Where the gateway names its own.
const OF_GATEWAY: [&str; 2] = [
    include_str!("../../../crates/gateway/src/measure.rs"),
    include_str!("../../../crates/gateway/src/measure/connections.rs"),
];
/// Told by Prometheus itself of each target.
const OF_PROMETHEUS: &str = "up";

fn exported() -> BTreeSet<String> {
    let mut names = BTreeSet::from([OF_PROMETHEUS.to_owned()]);
    for Metric { name, kind, .. } in SESSION.iter().chain(&OPERATOR) {
        match kind {
            Kind::Histogram => names.extend(["_bucket", "_sum", "_count"].map(|end| format!("{name}{end}"))),
            Kind::Gauge | Kind::Counter => _ = names.insert((*name).to_owned()),
        }
    }
    for line in OF_OPERATOR.lines().filter(|line| !line.starts_with('#')) {
        let mut columns = line.split('\t');
        let (name, kind) = (columns.next().unwrap(), columns.next().unwrap());
        match kind {
            "histogram" => names.extend(["_bucket", "_sum", "_count"].map(|end| format!("{name}{end}"))),
            "summary" => names.extend(["", "_sum", "_count"].map(|end| format!("{name}{end}"))),
            _ => _ = names.insert(name.to_owned()),
        }
    }
    let literals = OF_GATEWAY.iter().flat_map(|source| source.split('"').skip(1).step_by(2));
    names.extend(literals.filter(|literal| literal.starts_with("pushgateway_")).map(str::to_owned));
    names
}

fn unknown(expression: &str) -> Vec<String> {
    monitoring::metrics_of(expression).difference(&exported()).cloned().collect()
}

#[test]
fn an_alert_names_only_what_is_exported() {
    for rule in crate::alerts::rules() {
        assert!(!monitoring::metrics_of(&rule.expr).is_empty(), "{} names no metric", rule.alert);
        assert_eq!(unknown(&rule.expr), Vec::<String>::new(), "{}", rule.alert);
    }
}

#[test]
fn a_dashboard_names_only_what_is_exported() {
    let queries = monitoring::queries("1m", &[]).unwrap();
    assert!(queries.len() > 40, "{}", queries.len());
    for query in queries.iter().chain(&monitoring::published(&[])) {
        assert!(!monitoring::metrics_of(&query.expression).is_empty(), "{query:?} names no metric");
        assert_eq!(unknown(&query.expression), Vec::<String>::new(), "{query:?}");
    }
}

#[test]
fn a_metric_that_nobody_exports_is_found() {
    assert_eq!(unknown("rate(restic_session_sucess[5m]) or stash_leader"), ["restic_session_sucess"]);
}
