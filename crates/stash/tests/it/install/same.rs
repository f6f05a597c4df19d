//! For the same options the three ways render the same objects, over all combinations of what monitoring can be told.

use serde_json::Value;

use super::render::{by_chart, by_command, by_key, by_script, owned};

/// What differs by design, as in 0.8.3: the chart's names on the left, the script's on the right.
const NAMES: [(&str, &str); 2] = [
    ("stash-operator-apiserver-cert", "stash-apiserver-cert"),
    ("stash-operator-apiserver-auth-delegator", "stash-apiserver-auth-delegator"),
];
/// The ServiceMonitor, which the chart calls as everything else.
const SERVICE_MONITOR: (&str, &str) = ("stash-operator", "stash-servicemonitor");
/// Labels that the chart has besides `app`.
const LABELS: [&str; 3] = ["chart", "release", "heritage"];

/// The chart's object as the script would call it.
fn as_the_script_calls_it(mut object: Value) -> Value {
    if object["kind"] == "ServiceMonitor" {
        assert_eq!(object["metadata"]["name"], SERVICE_MONITOR.0);
        object["metadata"]["name"] = SERVICE_MONITOR.1.into();
    }
    renamed(&mut object);
    object
}

fn renamed(value: &mut Value) {
    match value {
        Value::String(text) => {
            for (chart, script) in NAMES {
                *text = text.replace(chart, script);
            }
        }
        Value::Array(all) => all.iter_mut().for_each(renamed),
        Value::Object(all) => {
            for label in LABELS {
                all.shift_remove(label);
            }
            all.values_mut().for_each(renamed);
        }
        _ => {}
    }
}

/// One choice, as flags and as values.
struct Choice {
    flags: Vec<String>,
    values: Vec<String>,
}

fn choices(options: &[(&[&str], &[&str])]) -> Vec<Choice> {
    options.iter().map(|(flags, values)| Choice { flags: owned(flags), values: owned(values) }).collect()
}

fn assert_the_same(namespace: &str, flags: &[String], values: &[String]) {
    let mut flags = flags.to_vec();
    flags.push(format!("--namespace={namespace}"));
    let command = by_key(by_command(&flags));
    let script = by_key(by_script(&flags));
    assert_eq!(script, command, "script and command differ: {flags:?}");
    let mut values = values.to_vec();
    // The script's pods are critical where pods can be.
    values.push("criticalAddon=true".to_owned());
    let chart = by_chart(namespace, &values).into_iter().map(as_the_script_calls_it).collect();
    let chart = by_key(chart);
    assert_eq!(
        chart.keys().collect::<Vec<_>>(),
        command.keys().collect::<Vec<_>>(),
        "chart and command differ: {values:?}"
    );
    for (key, object) in &command {
        assert_eq!(&chart[key], object, "chart (left) and command differ in {key}: {values:?}");
    }
}

#[test]
fn script_command_and_chart_render_the_same_whatever_monitoring_is_told() {
    let agents = choices(&[
        (&[], &[]),
        (&["--monitoring-agent=prometheus.io/builtin"], &["monitoring.agent=prometheus.io/builtin"]),
        (
            &["--monitoring-agent=prometheus.io/coreos-operator"],
            &["monitoring.agent=prometheus.io/coreos-operator"],
        ),
    ]);
    let backup = choices(&[(&[], &[]), (&["--monitoring-backup=true"], &["monitoring.backup=true"])]);
    let operator = choices(&[(&[], &[]), (&["--monitoring-operator=true"], &["monitoring.operator=true"])]);
    let namespaces = ["kube-system", "stash"];
    let prometheus = choices(&[
        (&[], &[]),
        (&["--prometheus-namespace=monitoring"], &["monitoring.prometheus.namespace=monitoring"]),
        (&["--prometheus-namespace=stash"], &["monitoring.prometheus.namespace=stash"]),
    ]);
    let labels = choices(&[
        (&[], &[]),
        (
            &["--servicemonitor-label=k8s-app=prometheus"],
            &["monitoring.serviceMonitor.labels.k8s-app=prometheus"],
        ),
    ]);
    let mut count = 0;
    for agent in &agents {
        for backup in &backup {
            for operator in &operator {
                for namespace in namespaces {
                    for prometheus in &prometheus {
                        for labels in &labels {
                            let chosen = [agent, backup, operator, prometheus, labels];
                            let flags: Vec<String> =
                                chosen.iter().flat_map(|choice| choice.flags.clone()).collect();
                            let values: Vec<String> =
                                chosen.iter().flat_map(|choice| choice.values.clone()).collect();
                            assert_the_same(namespace, &flags, &values);
                            count += 1;
                        }
                    }
                }
            }
        }
    }
    assert_eq!(count, 3 * 2 * 2 * 2 * 3 * 2);
}

#[test]
fn they_render_the_same_whatever_else_is_told() {
    let control_plane = "node-role.kubernetes.io/control-plane";
    let tolerations = |values: &mut Vec<String>| {
        for (field, value) in [("key", control_plane), ("operator", "Exists"), ("effect", "NoSchedule")] {
            values.push(format!("tolerations[0].{field}={value}"));
        }
    };
    for (flags, values) in [
        (
            vec!["--docker-registry=registry.example:5000/backup"],
            vec!["operator.registry=registry.example:5000/backup"],
        ),
        (vec!["--image-tag=1.2.3"], vec!["operator.tag=1.2.3"]),
        (vec!["--image-pull-policy=Always"], vec!["imagePullPolicy=Always"]),
        (vec!["--image-pull-secret=regcred"], vec!["imagePullSecrets[0]=regcred"]),
        (vec!["--rbac=false"], vec!["rbac.create=false", "serviceAccount.create=false"]),
        (vec!["--enable-mutating-webhook=false"], vec!["apiserver.enableMutatingWebhook=false"]),
        (vec!["--enable-validating-webhook=false"], vec!["apiserver.enableValidatingWebhook=false"]),
        (
            vec![
                "--rbac",
                "--enable-analytics",
                "--use-kubeapiserver-fqdn-for-aks=false",
                "--enable-status-subresource",
            ],
            vec!["enableAnalytics=true", "apiserver.useKubeapiserverFqdnForAks=false", "apiserver.ca=x"],
        ),
        (vec!["--run-on-master"], vec!["nodeSelector.node-role\\.kubernetes\\.io/control-plane="]),
    ] {
        for namespace in ["kube-system", "stash", "123"] {
            let mut values = owned(&values);
            if flags == ["--run-on-master"] {
                tolerations(&mut values);
            }
            assert_the_same(namespace, &owned(&flags), &values);
        }
    }
}

#[test]
fn several_labels_of_the_monitor_are_all_there() {
    let flags = [
        "--monitoring-agent=prometheus.io/coreos-operator",
        "--monitoring-backup",
        "--servicemonitor-label=tier=b",
        "--servicemonitor-label=example.org/team=x_y",
    ];
    let values = [
        "monitoring.agent=prometheus.io/coreos-operator",
        "monitoring.backup=true",
        "monitoring.serviceMonitor.labels.example\\.org/team=x_y",
        "monitoring.serviceMonitor.labels.tier=b",
    ];
    assert_the_same("stash", &owned(&flags), &owned(&values));
}
