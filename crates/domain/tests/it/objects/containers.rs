//! What the API server would refuse in a container of ours is refused in the object that asks for it.

use domain::rules::validate::Mode;
use serde_json::{Value, json};

use super::{lines, refused};

fn restic(spec: Value) -> Value {
    let mut restic = json!({
        "apiVersion": "stash.appscode.com/v1alpha1",
        "kind": "Restic",
        "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "fileGroups": [{"path": "/data"}],
            "backend": {"storageSecretName": "secret", "gcs": {"bucket": "b"}},
            "schedule": "@every 1h",
        },
    });
    restic["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    restic
}

fn recovery(spec: Value) -> Value {
    let mut recovery = json!({
        "apiVersion": "stash.appscode.com/v1alpha1",
        "kind": "Recovery",
        "metadata": {"name": "back"},
        "spec": {
            "repository": {"name": "deployment.web", "namespace": "demo"},
            "paths": ["/data"],
            "recoveredVolumes": [{"mountPath": "/data", "emptyDir": {}}],
        },
    });
    recovery["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    recovery
}

#[track_caller]
fn check(object: Value, expected: &[&str]) {
    assert_eq!(lines(&refused(object, Mode::Cluster)), expected);
}

#[test]
fn resources_must_be_amounts_that_fit() {
    for make in [restic, recovery] {
        check(
            make(json!({"resources": {"requests": {"cpu": "0.5"}, "limits": {"cpu": "500m", "a.b/c": 1}}})),
            &[],
        );
        check(
            make(
                json!({"resources": {"requests": {"cpu": "2", "memory": "-1"}, "limits": {"cpu": "1", "gpu": "1"}}}),
            ),
            &[
                "spec.resources.limits[gpu]: is no resource of a container",
                "spec.resources.requests[cpu]: `2` is more than the limit `1`",
                "spec.resources.requests[memory]: `-1` is no amount",
            ],
        );
        check(
            make(json!({"resources": {"limits": {"memory": "lots"}}})),
            &["spec.resources.limits[memory]: `lots` is no amount"],
        );
    }
}

#[test]
fn a_security_context_must_not_contradict_itself() {
    for make in [restic, recovery] {
        check(make(json!({"securityContext": {"runAsUser": 1000, "runAsNonRoot": true}})), &[]);
        check(
            make(json!({"securityContext": {"runAsUser": 0, "runAsGroup": -1, "runAsNonRoot": true,
                "privileged": true, "allowPrivilegeEscalation": false}})),
            &[
                "spec.securityContext.runAsGroup: is no id",
                "spec.securityContext.allowPrivilegeEscalation: is false, but the container is privileged",
                "spec.securityContext.runAsUser: is root, but runAsNonRoot is true",
            ],
        );
    }
}

#[test]
fn mounts_must_fit_beside_one_another() {
    check(
        restic(json!({"volumeMounts": [
            {"name": "a", "mountPath": "/var/run/secrets/stash/"},
            {"name": "a", "mountPath": "/a:b"},
            {"name": "a", "mountPath": "/c", "subPath": "../d"},
        ]})),
        &[
            "spec.volumeMounts[0].mountPath: `/var/run/secrets/stash/` is already a mount of the stash container",
            "spec.volumeMounts[1].mountPath: `/a:b` has a colon, which Kubernetes refuses",
            "spec.volumeMounts[2].subPath: `../d` leaves the volume",
        ],
    );
    check(
        restic(
            json!({"backend": {"storageSecretName": "s", "local": {"mountPath": "/tmp", "emptyDir": {}}}}),
        ),
        &["spec.backend.local.mountPath: `/tmp` is already a mount of the stash container"],
    );
    check(
        recovery(json!({"recoveredVolumes": [
            {"mountPath": "/data", "emptyDir": {}}, {"mountPath": "/data/", "emptyDir": {}},
        ]})),
        &["spec.recoveredVolumes[1].mountPath: `/data/` is already a mount of the stash container"],
    );
}

#[test]
fn volumes_must_be_complete() {
    let local = |source: Value| {
        let mut local = json!({"mountPath": "/repo"});
        local.as_object_mut().unwrap().extend(source.as_object().unwrap().clone());
        restic(json!({"backend": {"storageSecretName": "s", "local": local}}))
    };
    check(
        local(json!({"nfs": {"server": "", "path": "x"}})),
        &[
            "spec.backend.local.nfs.server: cannot be mounted",
            "spec.backend.local.nfs.path: cannot be mounted",
        ],
    );
    check(
        local(json!({"hostPath": {"path": "/a/../b"}})),
        &["spec.backend.local.hostPath.path: cannot be mounted"],
    );
    check(
        local(json!({"persistentVolumeClaim": {"claimName": ""}})),
        &["spec.backend.local.persistentVolumeClaim.claimName: cannot be mounted"],
    );
}

#[test]
fn a_recovery_must_have_time_and_a_repository_a_readable_choice_of_namespaces() {
    check(recovery(json!({"activeDeadlineSeconds": 1})), &[]);
    check(recovery(json!({"activeDeadlineSeconds": 0})), &["spec.activeDeadlineSeconds: leaves no time"]);
    let repository = |from: &str| {
        json!({
            "apiVersion": "stash.appscode.com/v1alpha1",
            "kind": "Repository",
            "metadata": {"name": "deployment.web"},
            "spec": {
                "backend": {"storageSecretName": "secret", "gcs": {"bucket": "b"}},
                "usagePolicy": {"allowedNamespaces": {"from": from}},
            },
        })
    };
    check(repository("All"), &[]);
    check(
        repository("Selector"),
        &["spec.usagePolicy.allowedNamespaces.selector: is empty and would select everything"],
    );
}
