//! The chart: what it refuses, and that each value that may be left out has its effect.

use serde_json::{Value, json};

use super::render::{by_chart, chart, file, helm_template, one, owned, parsed, run, text};

fn rendered(values: &[&str]) -> Vec<Value> {
    by_chart("stash", &owned(values))
}

fn pod(values: &[&str]) -> Value {
    one(&rendered(values), "Deployment")["spec"]["template"]["spec"].clone()
}

fn container(values: &[&str], name: &str) -> Value {
    let pod = pod(values);
    let all = pod["containers"].as_array().unwrap();
    all.iter().find(|container| container["name"] == name).unwrap().clone()
}

#[test]
fn helm_has_nothing_to_say_against_the_chart() {
    let chart = file("charts/stash").to_string_lossy().into_owned();
    let output = run("helm", &owned(&["lint", "--strict", &chart]));
    assert!(output.status.success(), "{}", text(&output.stdout));
}

#[test]
fn wrong_values_are_refused_with_the_right_ones() {
    for (value, said) in [
        (
            "monitoring.agent=prometheus",
            ["none", "prometheus.io/builtin", "prometheus.io/coreos-operator"].as_slice(),
        ),
        ("monitoring.backup=maybe", &["/monitoring/backup", "boolean"]),
        ("monitoring.operator=1", &["/monitoring/operator", "boolean"]),
        ("monitoring.prometheus.namespace=Monitoring", &["/monitoring/prometheus/namespace"]),
        ("monitoring.serviceMonitor.labels.app=a b", &["/monitoring/serviceMonitor/labels/app"]),
        ("monitoring.servicemonitor.labels.app=a", &["servicemonitor"]),
        ("imagePullPolicy=Sometimes", &["Always", "IfNotPresent", "Never"]),
        ("replicaCount=2", &["/replicaCount", "0", "1"]),
        ("logLevel=loud", &["/logLevel", "integer"]),
        ("pushgateway.persistence.size=big", &["/pushgateway/persistence/size"]),
        ("cleaner.removeSidecars=no-idea", &["/cleaner/removeSidecars", "boolean"]),
        ("tolerations[0].effect=Never", &["NoSchedule", "PreferNoSchedule", "NoExecute"]),
        ("apiserver.enableWebhook=true", &["enableWebhook"]),
        ("pushGateway.tag=1", &["pushGateway"]),
    ] {
        let output = helm_template("stash", &owned(&[value]));
        let complaint = text(&output.stderr);
        assert!(!output.status.success(), "{value} was taken");
        for word in said {
            assert!(complaint.contains(word), "{value}: no {word} in {complaint}");
        }
    }
}

#[test]
fn values_of_0_8_3_that_mean_nothing_are_taken_and_change_nothing() {
    let values = [
        "enableAnalytics=false",
        "apiserver.groupPriorityMinimum=10000",
        "apiserver.versionPriority=15",
        "apiserver.ca=not-ca-cert",
        "apiserver.disableStatusSubresource=true",
        "apiserver.bypassValidatingWebhookXray=true",
        "apiserver.useKubeapiserverFqdnForAks=true",
    ];
    assert_eq!(rendered(&values), rendered(&[]));
}

/// The values file of 0.8.3, but for the images.
const VALUES_OF_0_8_3: &str = "
replicaCount: 1
imagePullPolicy: IfNotPresent
criticalAddon: false
logLevel: 3
annotations: {}
nodeSelector:
  beta.kubernetes.io/os: linux
  beta.kubernetes.io/arch: amd64
tolerations: {}
affinity: {}
rbac:
  create: true
serviceAccount:
  create: true
  name:
apiserver:
  groupPriorityMinimum: 10000
  versionPriority: 15
  enableValidatingWebhook: true
  enableMutatingWebhook: true
  ca: not-ca-cert
  disableStatusSubresource: false
  bypassValidatingWebhookXray: false
  useKubeapiserverFqdnForAks: true
  healthcheck:
    enabled: true
enableAnalytics: true
monitoring:
  agent: none
  backup: false
  operator: false
  prometheus:
    namespace:
  serviceMonitor:
    labels: {}
";

#[test]
fn a_values_file_of_0_8_3_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let values = folder.path().join("values.yaml");
    std::fs::write(&values, VALUES_OF_0_8_3).unwrap();
    let chart = file("charts/stash").to_string_lossy().into_owned();
    let values = values.to_string_lossy().into_owned();
    let output = run("helm", &owned(&["template", "stash-operator", &chart, "-n", "stash", "-f", &values]));
    assert!(output.status.success(), "{}", text(&output.stderr));
    let by_file = parsed(&text(&output.stdout));
    let pod = &one(&by_file[..], "Deployment")["spec"]["template"]["spec"];
    assert_eq!(pod["nodeSelector"]["beta.kubernetes.io/arch"], "amd64");
    assert_eq!(pod.get("tolerations"), None);
}

#[test]
fn pods_are_placed_as_the_values_say() {
    let pod = pod(&[
        "priorityClassName=high",
        "criticalAddon=true",
        "nodeSelector.disk=ssd",
        "tolerations[0].key=spot",
        "tolerations[0].operator=Exists",
        "affinity.nodeAffinity.x=y",
        "imagePullSecrets={a,b}",
    ]);
    assert_eq!(pod["priorityClassName"], "high");
    assert_eq!(pod["nodeSelector"], json!({ "kubernetes.io/os": "linux", "disk": "ssd" }));
    // It is critical in kube-system alone.
    assert_eq!(pod["tolerations"], json!([{ "key": "spot", "operator": "Exists" }]));
    assert_eq!(pod["affinity"], json!({ "nodeAffinity": { "x": "y" } }));
    assert_eq!(pod["imagePullSecrets"], json!([{ "name": "a" }, { "name": "b" }]));
}

#[test]
fn resources_and_security_contexts_are_those_of_the_values() {
    let values = [
        "operator.resources.limits.memory=1Gi",
        "pushgateway.resources.requests.cpu=5m",
        "securityContext.runAsUser=1000",
        "podSecurityContext.fsGroup=1000",
    ];
    assert_eq!(container(&values, "operator")["resources"]["limits"]["memory"], "1Gi");
    assert_eq!(container(&values, "pushgateway")["resources"]["requests"]["cpu"], "5m");
    assert_eq!(container(&values, "pushgateway")["securityContext"]["runAsUser"], 1000);
    assert_eq!(pod(&values)["securityContext"]["fsGroup"], 1000);
}

#[test]
fn labels_and_annotations_are_added_and_select_nothing() {
    let values = ["extraLabels.team=data", "extraLabels.app=mine", "annotations.note=x"];
    for object in rendered(&values) {
        assert_eq!(object["metadata"]["labels"]["team"], "data", "{}", object["kind"]);
        // Roles for users have no label of their own.
        let is_for_users = object["metadata"]["name"].as_str().unwrap().starts_with("appscode:");
        assert!(is_for_users || object["metadata"]["labels"]["app"] == "stash", "{}", object["kind"]);
    }
    let deployment = one(&rendered(&values), "Deployment").clone();
    assert_eq!(deployment["metadata"]["annotations"], json!({ "note": "x" }));
    assert_eq!(deployment["spec"]["template"]["metadata"]["annotations"], json!({ "note": "x" }));
    assert_eq!(deployment["spec"]["template"]["metadata"]["labels"]["team"], "data");
    let selector = json!({ "app": "stash", "release": "stash-operator" });
    assert_eq!(deployment["spec"]["selector"]["matchLabels"], selector);
}

#[test]
fn the_gateway_keeps_what_was_pushed_where_the_values_say() {
    let claim = |values: &[&str]| pod(values)["volumes"][1].clone();
    assert_eq!(claim(&[]), json!({ "name": "data-volume", "emptyDir": {} }));
    let made = ["pushgateway.persistence.enabled=true", "pushgateway.persistence.storageClass=fast"];
    let volume = claim(&made);
    let name = &volume["persistentVolumeClaim"]["claimName"];
    let objects = rendered(&made);
    let found = one(&objects, "PersistentVolumeClaim");
    assert_eq!(&found["metadata"]["name"], name);
    assert_eq!(found["spec"]["storageClassName"], "fast");
    assert_eq!(found["spec"]["resources"]["requests"]["storage"], "1Gi");
    // A claim that can be mounted once is let go before the next pod wants it.
    assert_eq!(one(&objects, "Deployment")["spec"]["strategy"]["type"], "Recreate");
    let mine = ["pushgateway.persistence.enabled=true", "pushgateway.persistence.existingClaim=mine"];
    assert_eq!(claim(&mine)["persistentVolumeClaim"]["claimName"], "mine");
    assert!(rendered(&mine).iter().all(|object| object["kind"] != "PersistentVolumeClaim"));
}

#[test]
fn another_gateway_runs_without_our_subcommand() {
    let own = container(&["operator.tag=v7"], "pushgateway");
    assert_eq!((&own["image"], &own["args"][0]), (&json!("appscode/stash:v7"), &json!("pushgateway")));
    let other = container(
        &["pushgateway.registry=prom", "pushgateway.repository=pushgateway", "pushgateway.tag=v1.11.1"],
        "pushgateway",
    );
    assert_eq!(other["image"], "prom/pushgateway:v1.11.1");
    assert_eq!(other["args"][0], "--web.listen-address=:56789");
    let tag = container(&["pushgateway.tag=v8"], "pushgateway");
    assert_eq!((&tag["image"], &tag["args"][0]), (&json!("appscode/stash:v8"), &json!("pushgateway")));
}

#[test]
fn the_policy_lets_both_ports_be_reached() {
    assert!(rendered(&[]).iter().all(|object| object["kind"] != "NetworkPolicy"));
    let objects = rendered(&["networkPolicy.enabled=true"]);
    let policy = one(&objects, "NetworkPolicy");
    assert_eq!(policy["spec"]["ingress"], json!([{ "ports": [{ "port": 8443 }, { "port": 56789 }] }]));
    let pods = &one(&objects, "Deployment")["spec"]["template"]["metadata"]["labels"];
    for (label, value) in policy["spec"]["podSelector"]["matchLabels"].as_object().unwrap() {
        assert_eq!(&pods[label], value, "the policy is for no pod of ours");
    }
}

#[test]
fn accounts_levels_and_probes_are_those_of_the_values() {
    let values = [
        "serviceAccount.create=false",
        "serviceAccount.name=mine",
        "logLevel=5",
        "apiserver.healthcheck.enabled=false",
    ];
    assert_eq!(pod(&values)["serviceAccountName"], "mine");
    let bindings = rendered(&values);
    for binding in bindings.iter().filter(|object| object["kind"].as_str().unwrap().ends_with("Binding")) {
        assert_eq!(binding["subjects"][0]["name"], "mine");
    }
    let operator = container(&values, "operator");
    assert_eq!(operator["args"][1], "--v=5");
    assert_eq!(operator.get("livenessProbe"), None);
}

#[test]
fn objects_are_called_as_the_release_and_the_chart() {
    let name = |values: &[&str]| one(&rendered(values), "Service")["metadata"]["name"].clone();
    assert_eq!(name(&[]), "stash-operator");
    assert_eq!(name(&["nameOverride=vault"]), "stash-operator-vault");
}

/// What runs before the release is uninstalled.
#[test]
fn uninstalling_stops_the_operator_and_leaves_sidecars_unless_told_otherwise() {
    let job = |values: &[&str]| {
        let all = chart("stash", &owned(values));
        let hook = |object: &&Value| object["metadata"]["annotations"]["helm.sh/hook"] == "pre-delete";
        all.iter().find(hook).unwrap().clone()
    };
    let container = |values: &[&str]| job(values)["spec"]["template"]["spec"]["containers"][0].clone();
    let arguments = container(&[])["args"].clone();
    assert_eq!(
        arguments,
        json!(["uninstall", "--only=stop", "--namespace=stash", "--deployment=stash-operator"])
    );
    assert_eq!(container(&["cleaner.removeSidecars=true"])["args"][1], "--only=stop,clean-up");
    assert_eq!(container(&["cleaner.registry=x", "cleaner.tag=y"])["image"], "x/stash:y");
    // It has the rights for that.
    let account = &job(&[])["spec"]["template"]["spec"]["serviceAccountName"];
    assert_eq!(account, "stash-operator");
}

#[test]
fn every_pod_is_fit_for_the_restricted_standard() {
    for object in chart("stash", &[]).iter().chain(&super::render::by_command(&[])) {
        let pod = &object["spec"]["template"]["spec"];
        if pod.is_null() {
            continue;
        }
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
        for container in pod["containers"].as_array().unwrap() {
            let context = &container["securityContext"];
            assert_eq!(context["allowPrivilegeEscalation"], false);
            assert_eq!(context["readOnlyRootFilesystem"], true);
            assert_eq!(context["capabilities"], json!({ "drop": ["ALL"] }));
        }
        for volume in pod["volumes"].as_array().into_iter().flatten() {
            assert!(!volume["emptyDir"].is_null(), "{volume}");
        }
    }
}

#[test]
fn the_readme_names_every_value() {
    let values = std::fs::read_to_string(file("charts/stash/values.yaml")).unwrap();
    let readme = std::fs::read_to_string(file("charts/stash/README.md")).unwrap();
    let values: Value = serde_saphyr::from_str(&values).unwrap();
    let rows: Vec<&str> = readme.lines().filter(|line| line.starts_with("| `")).collect();
    let named = |path: &str| rows.iter().any(|row| row.contains(&format!("`{path}`")));
    fn missing(path: &str, value: &Value, named: &dyn Fn(&str) -> bool, found: &mut Vec<String>) {
        if named(path) {
            return;
        }
        match value {
            Value::Object(fields) if !fields.is_empty() => {
                for (key, value) in fields {
                    missing(&format!("{path}.{key}"), value, named, found);
                }
            }
            _ => found.push(path.to_owned()),
        }
    }
    let mut found = Vec::new();
    for (key, value) in values.as_object().unwrap() {
        missing(key, value, &named, &mut found);
    }
    assert!(found.is_empty(), "the README does not name {found:?}");
}

/// A guide is right when what it says can be done.
#[test]
fn every_helm_call_of_the_guide_has_values_that_the_chart_takes() {
    let guide = std::fs::read_to_string(file("docs/guides/install.md")).unwrap();
    let calls = guide.lines().filter_map(|line| line.strip_prefix("    helm "));
    let calls: Vec<&str> = calls.filter(|call| call.contains(" charts/stash ")).collect();
    assert!(calls.len() >= 4, "{calls:?}");
    for call in calls {
        let values: Vec<&str> =
            call.split(" --set ").skip(1).filter_map(|rest| rest.split(' ').next()).collect();
        let output = helm_template("stash", &owned(&values));
        assert!(output.status.success(), "{call}: {}", text(&output.stderr));
    }
}
