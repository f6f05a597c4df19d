//! What the script asks kubectl for, in which order: with a kubectl that writes down what it is asked.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::known::assert_known;
use super::render::{by_key, by_script, file, owned, parsed, run, text};

/// Answers as a cluster does in which Stash is installed by the script, or with `none` in `$FAKE/state`, not.
const KUBECTL: &str = r#"#!/bin/sh
printf '%s\n' "$*" >>"$FAKE/asked"
state=$(cat "$FAKE/state")
case "$*" in
"config current-context") echo test ;;
version) cat "$FAKE/version" ;;
"get namespace new") exit 1 ;;
*"apply "*) cat >"$FAKE/applied" ;;
"get deployment "*) [ "$state" = none ] || case "$*" in
    *metadata.name*) echo stash-operator ;;
    *heritage*) cat "$FAKE/heritage" 2>/dev/null ;;
    *'].image}') echo registry.example/stash:0.9.1 ;;
    *imagePullPolicy*) echo Always ;;
    *serviceAccountName*) echo stash-operator ;;
    esac ;;
"get deployments "*) cat "$FAKE/operators" 2>/dev/null || : ;;
"get serviceaccount "*) [ "$state" != none ] ;;
"get job "*) echo "SuccessCriteriaMet $state " ;;
"get customresourcedefinition servicemonitors"*) [ "$state" = Complete ] ;;
"get servicemonitor "*) echo monitoring ;;
"get restics.stash.appscode.com "*) echo "kind: List" ;;
esac
"#;

struct Fake {
    folder: tempfile::TempDir,
}

impl Fake {
    fn new(state: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("kubectl");
        std::fs::write(&program, KUBECTL).unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        std::fs::write(folder.path().join("state"), state).unwrap();
        std::fs::write(folder.path().join("version"), "Client Version: v1.1.1\nServer Version: v1.34.2\n")
            .unwrap();
        std::fs::create_dir(folder.path().join("work")).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the script, as it arrives through a pipe.
    fn run(&self, flags: &[&str]) -> Output {
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", self.folder.path().display());
        Command::new("bash")
            .args(["-s", "--"])
            .args(flags)
            .stdin(std::fs::File::open(file("deploy/stash.sh")).unwrap())
            .current_dir(self.path("work"))
            .env("PATH", path)
            .env("FAKE", self.folder.path())
            .output()
            .unwrap()
    }

    fn succeeds(&self, flags: &[&str]) -> String {
        let output = self.run(flags);
        assert!(output.status.success(), "{flags:?}: {}", text(&output.stderr));
        text(&output.stderr)
    }

    fn fails(&self, flags: &[&str]) -> String {
        let output = self.run(flags);
        assert_eq!(output.status.code(), Some(1), "{flags:?}: {}", text(&output.stderr));
        text(&output.stderr)
    }

    fn asked(&self) -> Vec<String> {
        read(&self.path("asked")).lines().map(ToOwned::to_owned).collect()
    }

    /// Where the first question is that begins so.
    fn place(&self, beginning: &str) -> usize {
        let asked = self.asked();
        let found = asked.iter().position(|question| question.starts_with(beginning));
        found.unwrap_or_else(|| panic!("nobody asked `{beginning}`:\n{}", asked.join("\n")))
    }

    fn assert_order(&self, beginnings: &[&str]) {
        let places: Vec<usize> = beginnings.iter().map(|beginning| self.place(beginning)).collect();
        assert!(places.is_sorted(), "{beginnings:?} are at {places:?}:\n{}", self.asked().join("\n"));
    }

    fn assert_never(&self, beginning: &str) {
        let asked = self.asked();
        assert!(
            !asked.iter().any(|question| question.starts_with(beginning)),
            "{beginning}:\n{}",
            asked.join("\n")
        );
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

#[test]
fn shellcheck_has_nothing_to_say_against_the_script() {
    let output = run("shellcheck", &[file("deploy/stash.sh").to_string_lossy().into_owned()]);
    assert!(output.status.success(), "{}", text(&output.stdout));
}

#[test]
fn installing_makes_the_namespace_applies_everything_and_waits() {
    let fake = Fake::new("none");
    let flags = ["--namespace=new", "--monitoring-agent=prometheus.io/builtin", "--monitoring-operator"];
    let said = fake.succeeds(&flags);
    fake.assert_order(&[
        "version",
        "create namespace new",
        "apply --server-side",
        "rollout status --namespace new deployment/stash-operator",
    ]);
    let applied = by_key(parsed(&read(&fake.path("applied"))));
    assert_eq!(applied, by_key(by_script(&owned(&flags))));
    assert!(said.contains("Stash is installed"), "{said}");
}

#[test]
fn a_cluster_that_is_too_old_or_silent_is_refused_before_anything_is_changed() {
    for (version, word) in [("Server Version: v1.28.3\n", "1.29"), ("Client Version: v1.34.1\n", "answer")] {
        let fake = Fake::new("none");
        std::fs::write(fake.path("version"), version).unwrap();
        let said = fake.fails(&[]);
        assert!(said.contains(word), "{said}");
        fake.assert_never("apply");
        fake.assert_never("create");
    }
}

#[test]
fn a_monitor_without_the_prometheus_operator_is_refused_before_anything_is_changed() {
    let fake = Fake::new("none");
    let said = fake.fails(&["--monitoring-agent=prometheus.io/coreos-operator", "--monitoring-backup"]);
    assert!(said.contains("Prometheus operator"), "{said}");
    fake.assert_never("apply");
}

#[test]
fn uninstalling_stops_the_operator_before_its_webhooks_go_and_cleans_up_before_its_rights_go() {
    let fake = Fake::new("Complete");
    fake.succeeds(&["--uninstall", "-n", "stash"]);
    fake.assert_order(&[
        "scale deployment stash-operator --namespace stash --replicas 0",
        "get pods --namespace stash",
        "delete mutatingwebhookconfigurations,validatingwebhookconfigurations admission.stash.appscode.com",
        "delete apiservice v1alpha1.repositories.stash.appscode.com",
        "apply --server-side",
        "get job stash-uninstall --namespace stash",
        "delete deployment,service,role,rolebinding,lease stash-operator --namespace stash",
        "delete serviceaccount stash-operator --namespace stash",
        "delete clusterrolebinding stash-operator stash-apiserver-auth-delegator",
    ]);
    // Those in the namespace of Prometheus are found by themselves.
    fake.place("delete servicemonitor stash-servicemonitor --namespace monitoring");
    fake.assert_never("delete customresourcedefinition");
    fake.assert_never("delete restics");
    fake.assert_never("delete clusterrole appscode:stash:edit");
    let job = &parsed(&read(&fake.path("applied")))[0];
    let container = &job["spec"]["template"]["spec"]["containers"][0];
    // Its image is that of the operator that was installed.
    assert_eq!(container["image"], "registry.example/stash:0.9.1");
    assert_eq!(container["imagePullPolicy"], "Always");
    assert_eq!(container["args"][1], "--only=clean-up");
    assert_known(job);
}

#[test]
fn an_uninstallation_whose_cleaning_fails_keeps_what_a_second_one_needs() {
    let fake = Fake::new("Failed");
    let said = fake.fails(&["--uninstall"]);
    assert!(said.contains("run this again"), "{said}");
    fake.assert_never("delete serviceaccount");
    fake.assert_never("delete clusterrole");
}

#[test]
fn a_second_uninstallation_finds_nothing_and_ends_well() {
    let fake = Fake::new("none");
    let said = fake.succeeds(&["--uninstall"]);
    assert!(said.contains("there is no operator"), "{said}");
    fake.place("delete apiservice");
}

#[test]
fn purging_writes_all_objects_down_before_anything_is_changed_and_deletes_them_last() {
    let fake = Fake::new("Complete");
    fake.succeeds(&["--uninstall", "--purge"]);
    fake.assert_order(&[
        "get restics.stash.appscode.com --all-namespaces --output yaml",
        "scale deployment",
        "delete clusterrole stash-operator",
        "delete recoveries.stash.appscode.com --all",
        "delete customresourcedefinition recoveries.stash.appscode.com",
        "delete restics.stash.appscode.com --all",
        "delete repositories.stash.appscode.com --all",
        "delete clusterrole appscode:stash:edit appscode:stash:view",
    ]);
    assert_eq!(read(&fake.path("work/restics.yaml")), "kind: List\n");

    let again = Fake::new("Complete");
    std::fs::write(again.path("work/restics.yaml"), "mine").unwrap();
    let said = again.fails(&["--uninstall", "--purge"]);
    assert!(said.contains("restics.yaml"), "{said}");
    again.assert_never("scale");
    assert_eq!(read(&again.path("work/restics.yaml")), "mine");
}

#[test]
fn what_helm_installed_is_left_to_helm() {
    for (flags, instead) in [(&["--uninstall"] as &[&str], "helm uninstall"), (&[], "helm upgrade")] {
        let fake = Fake::new("Complete");
        std::fs::write(fake.path("heritage"), "Helm").unwrap();
        let said = fake.fails(flags);
        assert!(said.contains(instead), "{said}");
        fake.assert_never("scale");
        fake.assert_never("apply");
    }
}

#[test]
fn stash_in_another_namespace_is_named_and_left_alone() {
    for flags in [&["--uninstall"] as &[&str], &[]] {
        let fake = Fake::new("none");
        std::fs::write(fake.path("operators"), "kube-system\nstash\n").unwrap();
        let said = fake.fails(flags);
        assert!(said.contains("--namespace=stash"), "{said}");
        for change in ["apply", "create", "scale", "delete"] {
            fake.assert_never(change);
        }
        std::fs::write(fake.path("operators"), "kube-system\n").unwrap();
        fake.succeeds(flags);
    }
}

#[test]
fn what_monitoring_no_longer_needs_is_deleted_where_it_is_and_the_rest_stays() {
    // The kubectl here finds everything in the namespace `monitoring`.
    let monitor = "delete servicemonitor stash-servicemonitor --namespace monitoring";
    let flags = ["--monitoring-agent=prometheus.io/coreos-operator", "--monitoring-backup"];
    let fake = Fake::new("Complete");
    fake.succeeds(&[flags[0], flags[1], "--prometheus-namespace=monitoring"]);
    fake.assert_never("delete servicemonitor");
    let moved = Fake::new("Complete");
    moved.succeeds(&[flags[0], flags[1], "--prometheus-namespace=watch"]);
    moved.place(monitor);
    let off = Fake::new("Complete");
    off.succeeds(&[]);
    off.place(monitor);
}

/// A guide is right when what it says can be done.
#[test]
fn every_call_of_the_script_in_the_guides_works() {
    let mut count = 0;
    for guide in ["docs/guides/install.md", "docs/guides/cluster.md"] {
        let text = std::fs::read_to_string(file(guide)).unwrap();
        let calls = text.lines().filter_map(|line| line.strip_prefix("    "));
        for call in calls.filter(|call| call.contains("deploy/stash.sh")) {
            let flags: Vec<&str> = call
                .split_whitespace()
                .skip_while(|word| !word.ends_with(".sh"))
                .skip(1)
                .filter(|word| !["|", "bash", "-s", "--"].contains(word))
                .collect();
            Fake::new("Complete").succeeds(&flags);
            count += 1;
        }
    }
    assert!(count >= 6, "{count}");
}
