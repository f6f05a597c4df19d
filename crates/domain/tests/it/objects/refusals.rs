//! Every rule of validation, once: a valid object, one change, the refusals that follow.

use domain::rules::validate::Mode;
use serde_json::Value;

use super::{documents, lines, refused};

const RESTIC: &str = "
apiVersion: stash.appscode.com/v1alpha1
kind: Restic
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  fileGroups: [{path: /data, retentionPolicyName: few}]
  backend: {storageSecretName: secret, s3: {endpoint: s3.amazonaws.com, bucket: b}}
  schedule: '@every 1h'
  volumeMounts: [{name: data, mountPath: /data}]
  retentionPolicies: [{name: few, keepLast: 3}]
";

const RECOVERY: &str = "
apiVersion: stash.appscode.com/v1alpha1
kind: Recovery
metadata: {name: back}
spec:
  repository: {name: deployment.web, namespace: demo}
  snapshot: deployment.web-0123abcd
  paths: [/data]
  recoveredVolumes: [{mountPath: /data, hostPath: {path: /restored}}]
";

const REPOSITORY: &str = "
apiVersion: stash.appscode.com/v1alpha1
kind: Repository
metadata: {name: deployment.web}
spec:
  backend: {storageSecretName: secret, s3: {endpoint: s3.amazonaws.com, bucket: b, prefix: b/deployment/web}}
";

/// JSON merge patch (RFC 7386): what is `null` goes, blocks are merged, everything else is replaced.
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(fields) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Default::default());
    }
    let into = target.as_object_mut().unwrap();
    for (field, value) in fields {
        if value.is_null() {
            into.shift_remove(&field);
        } else {
            merge(into.entry(field).or_insert(Value::Null), value);
        }
    }
}

#[track_caller]
fn check_in(mode: Mode, object: &str, patch: &str, expected: &[&str]) {
    let mut document = documents(object).remove(0);
    merge(&mut document, documents(patch).remove(0));
    assert_eq!(lines(&refused(document, mode)), expected, "{patch}");
}

#[track_caller]
fn check(object: &str, patch: &str, expected: &[&str]) {
    check_in(Mode::Cluster, object, patch, expected);
}

#[test]
fn the_objects_the_changes_start_from_are_valid() {
    for object in [RESTIC, RECOVERY, REPOSITORY] {
        check(object, "{}", &[]);
    }
}

#[test]
fn restic_as_in_0_8_3() {
    check(
        RESTIC,
        "{spec: {fileGroups: [{path: /a}, {path: /b, retentionPolicyName: many}]}}",
        &["spec.fileGroups[1].retentionPolicyName: retention policy `many` is not found"],
    );
    check(RESTIC, "{spec: {schedule: ' '}}", &["spec.schedule: is missing"]);
    check(
        RESTIC,
        "{spec: {backend: {storageSecretName: null}}}",
        &["spec.backend.storageSecretName: is missing"],
    );
}

/// The parser's own words are tested with it; here only that they arrive.
#[test]
fn restic_schedule() {
    for schedule in ["every day", "*/0 * * * *", "0 0 31 2 *", "@every never", "TZ=Nowhere/City @daily"] {
        let mut document = documents(RESTIC).remove(0);
        document["spec"]["schedule"] = schedule.into();
        let refusals = refused(document, Mode::Cluster);
        assert_eq!(refusals.len(), 1, "{schedule}: {refusals:?}");
        assert_eq!(refusals[0].field, "spec.schedule");
    }
    for (schedule, problems) in [("30 0 3 * * *", 1), ("@every 90s", 0), ("0 3 * * *", 0), ("@daily", 0)] {
        let mut document = documents(RESTIC).remove(0);
        document["spec"]["schedule"] = schedule.into();
        document["spec"]["type"] = "offline".into();
        let found = lines(&refused(document, Mode::Cluster));
        assert_eq!(found.len(), problems, "{found:?}");
        for line in found {
            assert!(line.starts_with("spec.schedule: cannot be the schedule of a CronJob"), "{line}");
        }
    }
}

#[test]
fn restic_backend() {
    check(RESTIC, "{spec: {backend: {s3: null}}}", &["spec.backend: names no storage"]);
    check(
        RESTIC,
        "{spec: {backend: {gcs: {bucket: b}, rest: {url: http://r}}}}",
        &["spec.backend: names several storages (s3, gcs, rest)"],
    );
    check(
        RESTIC,
        "{spec: {backend: {s3: {endpoint: null, bucket: ''}}}}",
        &["spec.backend.s3.endpoint: is missing", "spec.backend.s3.bucket: is missing"],
    );
    for (storage, field) in
        [("gcs", "bucket"), ("azure", "container"), ("swift", "container"), ("b2", "bucket")]
    {
        check(
            RESTIC,
            &format!("{{spec: {{backend: {{s3: null, {storage}: {{prefix: p}}}}}}}}"),
            &[&format!("spec.backend.{storage}.{field}: is missing")],
        );
    }
    for (url, problem) in [
        ("''", "is missing"),
        ("rest.example.org", "is not an address"),
        ("https:///path", "has no host"),
        ("'https://me:secret@host/'", "holds credentials"),
    ] {
        check(
            RESTIC,
            &format!("{{spec: {{backend: {{s3: null, rest: {{url: {url}}}}}}}}}"),
            &[&format!("spec.backend.rest.url: {problem}")],
        );
    }
}

#[test]
fn restic_local_backend() {
    let local = |fields: &str| format!("{{spec: {{backend: {{s3: null, local: {{{fields}}}}}}}}}");
    check(RESTIC, &local("mountPath: /repo, subPath: a/b, nfs: {server: s, path: /p}"), &[]);
    check(RESTIC, &local("nfs: {server: s, path: /p}"), &["spec.backend.local.mountPath: is missing"]);
    check(
        RESTIC,
        &local("mountPath: repo, nfs: {server: s, path: /p}"),
        &["spec.backend.local.mountPath: `repo` is relative"],
    );
    check(RESTIC, &local("mountPath: /repo"), &["spec.backend.local: names no volume"]);
    check(
        RESTIC,
        &local("mountPath: /repo, hostPath: {path: repo}"),
        &["spec.backend.local.hostPath.path: `repo` is relative"],
    );
    check(
        RESTIC,
        &local("mountPath: /repo, emptyDir: {}, hostPath: {path: /p}"),
        &["spec.backend.local: names several volumes (emptyDir, hostPath)"],
    );
    check(
        RESTIC,
        &local("mountPath: /repo, subPath: a/../../b, emptyDir: {}"),
        &["spec.backend.local.subPath: `a/../../b` leaves the volume"],
    );
    for inside in ["/data/repo", "/data//x/.."] {
        check(
            RESTIC,
            &format!(
                "{{spec: {{volumeMounts: null, backend: {{s3: null, local: {{mountPath: {inside}, emptyDir: {{}}}}}}}}}}"
            ),
            &[&format!(
                "spec.backend.local.mountPath: `{inside}` is inside `/data`, the path of file group 0: the repository would back up itself"
            )],
        );
    }
    check(RESTIC, &local("mountPath: /database, emptyDir: {}"), &[]);
}

#[test]
fn restic_file_groups() {
    check(RESTIC, "{spec: {fileGroups: []}}", &["spec.fileGroups: is empty"]);
    check(
        RESTIC,
        "{spec: {fileGroups: [{path: ''}, {path: data}, {path: /a/b}, {path: /a//b/}]}}",
        &[
            "spec.fileGroups[0].path: is missing",
            "spec.fileGroups[1].path: `data` is relative",
            "spec.fileGroups[3].path: `/a//b/` is listed twice",
        ],
    );
}

#[test]
fn restic_selector() {
    let empty = "spec.selector: is empty and would select everything";
    check(RESTIC, "{spec: {selector: null}}", &[empty]);
    check(RESTIC, "{spec: {selector: {matchLabels: null, matchExpressions: []}}}", &[empty]);
    check(
        RESTIC,
        "{spec: {selector: {matchLabels: {a b: 'c d'}, matchExpressions: [{key: a, operator: Gt, values: ['1']},
          {key: a, operator: In}, {key: '', operator: Exists, values: [x]}, {key: a, operator: NotIn, values: [_]}]}}}",
        &[
            "spec.selector.matchLabels: `a b` cannot be the key of a label",
            "spec.selector.matchLabels[a b]: `c d` cannot be the value of a label",
            "spec.selector.matchExpressions[0].operator: `Gt` is not an operator",
            "spec.selector.matchExpressions[1].values: is empty, but operator In compares with values",
            "spec.selector.matchExpressions[2].key: `` cannot be the key of a label",
            "spec.selector.matchExpressions[2].values: has values, but operator Exists compares with none",
            "spec.selector.matchExpressions[3].values: `_` cannot be the value of a label",
        ],
    );
}

#[test]
fn restic_type_and_policies() {
    check(RESTIC, "{spec: {type: Offline}}", &["spec.type: `Offline` is unknown"]);
    check(
        RESTIC,
        "{spec: {retentionPolicies: [{name: few, keepLast: -1, keepHourly: -2, keepDaily: -3},
          {keepWeekly: -4, keepMonthly: -5, keepYearly: -6}, {name: few}]}}",
        &[
            "spec.retentionPolicies[0].keepLast: is -1",
            "spec.retentionPolicies[0].keepHourly: is -2",
            "spec.retentionPolicies[0].keepDaily: is -3",
            "spec.retentionPolicies[1].keepWeekly: is -4",
            "spec.retentionPolicies[1].keepMonthly: is -5",
            "spec.retentionPolicies[1].keepYearly: is -6",
            "spec.retentionPolicies[1].name: is missing",
            "spec.retentionPolicies[2].name: `few` is used twice",
        ],
    );
}

#[test]
fn names_that_are_too_long_for_a_label() {
    for object in [RESTIC, RECOVERY] {
        check(object, &format!("{{metadata: {{name: {}}}}}", "a".repeat(63)), &[]);
        check(
            object,
            &format!("{{metadata: {{name: {}}}}}", "a".repeat(64)),
            &["metadata.name: has 64 characters, but is the value of a label, which has at most 63"],
        );
    }
}

#[test]
fn restic_volume_mounts() {
    check(
        RESTIC,
        "{spec: {volumeMounts: [{name: stash-local, mountPath: /a}, {name: stash-scratchdir, mountPath: /b},
          {name: stash-podinfo, mountPath: /c}, {name: '', mountPath: ''}, {name: x, mountPath: d},
          {name: x, mountPath: /tmp/}, {name: x, mountPath: /etc/stash}, {name: x, mountPath: /a}]}}",
        &[
            "spec.volumeMounts[0].name: `stash-local` is a volume of Stash itself",
            "spec.volumeMounts[1].name: `stash-scratchdir` is a volume of Stash itself",
            "spec.volumeMounts[2].name: `stash-podinfo` is a volume of Stash itself",
            "spec.volumeMounts[3].name: is missing",
            "spec.volumeMounts[3].mountPath: is missing",
            "spec.volumeMounts[4].mountPath: `d` is relative",
            "spec.volumeMounts[5].mountPath: `/tmp/` is already a mount of the stash container",
            "spec.volumeMounts[6].mountPath: `/etc/stash` is already a mount of the stash container",
            "spec.volumeMounts[7].mountPath: `/a` is already a mount of the stash container",
        ],
    );
}

#[test]
fn restic_without_a_cluster() {
    let local = |fields: &str| {
        format!(
            "{{spec: {{selector: null, volumeMounts: null, backend: {{s3: null, local: {{{fields}}}}}}}}}"
        )
    };
    let standalone = |patch: &str, expected: &[&str]| check_in(Mode::Standalone, RESTIC, patch, expected);
    standalone(&local("hostPath: {path: repo}"), &[]);
    standalone(&local("hostPath: {path: /repo}, subPath: demo"), &[]);
    standalone(
        &local("hostPath: {path: /data}, subPath: demo"),
        &[
            "spec.backend.local.hostPath.path: `/data/demo` is inside `/data`, the path of file group 0: the repository would back up itself",
        ],
    );
    standalone(
        &local("nfs: {server: s, path: /p}"),
        &["spec.backend.local: names nfs, but without a cluster only a hostPath can be used"],
    );
    standalone(
        &local(""),
        &["spec.backend.local: names no volume, but without a cluster only a hostPath can be used"],
    );
    standalone(
        "{spec: {selector: {matchExpressions: [{key: a, operator: Is}]}}}",
        &["spec.selector.matchExpressions[0].operator: `Is` is not an operator"],
    );
}

#[test]
fn recovery() {
    check(
        RECOVERY,
        "{spec: {paths: null, recoveredVolumes: null, repository: null, snapshot: null}}",
        &[
            "spec.paths: is empty",
            "spec.recoveredVolumes: is empty",
            "spec.repository.name: is missing",
            "spec.repository.namespace: is missing",
        ],
    );
    for name in ["web", "deployment.", "deploymentweb", "job.web"] {
        check(
            RECOVERY,
            &format!("{{spec: {{snapshot: null, repository: {{name: {name}}}}}}}"),
            &[&format!("spec.repository.name: `{name}` is not the name of a Repository")],
        );
    }
    for kind in ["replicaset", "replicationcontroller", "statefulset", "daemonset", "host"] {
        check(RECOVERY, &format!("{{spec: {{snapshot: null, repository: {{name: {kind}.web}}}}}}"), &[]);
    }
    for snapshot in
        ["web-0123abcd", "deployment.web-0123abcg", "deployment.web-0123abcd4", "deployment.web0123abcd"]
    {
        check(
            RECOVERY,
            &format!("{{spec: {{snapshot: {snapshot}}}}}"),
            &[&format!("spec.snapshot: `{snapshot}` is not a Snapshot of Repository `deployment.web`")],
        );
    }
}

#[test]
fn recovery_paths_and_volumes() {
    check(
        RECOVERY,
        "{spec: {paths: ['', data, /other, /data/deeper, /]}}",
        &[
            "spec.paths[0]: is missing",
            "spec.paths[1]: `data` is relative",
            "spec.paths[2]: no volume is mounted at `/other` or above it, so the data would be lost",
        ],
    );
    check(
        RECOVERY,
        "{spec: {recoveredVolumes: [{mountPath: /data}, {emptyDir: {}}, {mountPath: /x, subPath: /y, emptyDir: {}}]}}",
        &[
            "spec.recoveredVolumes[0]: names no volume",
            "spec.recoveredVolumes[1].mountPath: is missing",
            "spec.recoveredVolumes[2].subPath: `/y` leaves the volume",
        ],
    );
    check_in(
        Mode::Standalone,
        RECOVERY,
        "{spec: {recoveredVolumes: [{mountPath: /data, emptyDir: {}}, {mountPath: /x, hostPath: {path: out}}]}}",
        &["spec.recoveredVolumes[0]: names emptyDir, but without a cluster only a hostPath can be used"],
    );
}

#[test]
fn repository() {
    check(REPOSITORY, "{spec: {wipeOut: true}}", &[]);
    check(
        REPOSITORY,
        "{spec: {wipeOut: true, backend: {s3: null, local: {mountPath: /r, hostPath: {path: /tmp/test}}}}}",
        &["spec.wipeOut: is unsupported for the local backend (spec.backend.local)"],
    );
    check(
        REPOSITORY,
        "{spec: {wipeOut: true, backend: {s3: null, b2: {bucket: b}}}}",
        &["spec.wipeOut: is unsupported for B2 (spec.backend.b2)"],
    );
    check(
        REPOSITORY,
        "{spec: {backend: {s3: {bucket: ''}, b2: null}}}",
        &["spec.backend.s3.bucket: is missing"],
    );
}

#[test]
fn a_tag_that_no_image_can_have() {
    let tagged = |tag: &str| format!("{{metadata: {{annotations: {{restic.appscode.com/tag: '{tag}'}}}}}}");
    ["0.8.3", "v1_2-rc.1", "latest"].iter().for_each(|tag| check(RESTIC, &tagged(tag), &[]));
    for tag in ["", "a b", ".1", "a/b", "a:b"] {
        let refusal =
            format!("metadata.annotations[restic.appscode.com/tag]: `{tag}` cannot be the tag of an image");
        check(RESTIC, &tagged(tag), &[&refusal]);
    }
}
