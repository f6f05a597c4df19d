//! What the loader says of documents that no validator gets to see.

use domain::rules::schema::{Object, parse_object};
use domain::rules::validate::Mode;

use super::{documents, lines, refused};

/// Reads one document and compares all refusals, remedies included.
#[track_caller]
fn check(yaml: &str, expected: &[&str]) {
    let document = documents(yaml).pop().expect("one document");
    let refusals = refused(document, Mode::Cluster);
    lines(&refusals);
    let found: Vec<String> = refusals.iter().map(ToString::to_string).collect();
    assert_eq!(found, expected);
}

#[test]
fn every_unknown_field_is_named_with_the_nearest_known_one() {
    check(
        "
apiVersion: stash.appscode.com/v1alpha1
kind: Restic
metadata: {name: a, lables: {app: x}}
spec:
  retentionpolicies: []
  selector: {matchLabel: {app: x}}
  fileGroups:
  - path: /a
    excludes: [b]
  backend:
    local: {mountPath: /repo, hostpath: {path: /x}}
    s3: {buket: b}
    ftp: {}
  resources: {limits: {cpu: 1, anything: 2}}
status: {lastBackup: x}
",
        &[
            "metadata.lables: is not a field of this object; did you mean `labels`?",
            "spec.retentionpolicies: is not a field of this object; did you mean `retentionPolicies`?",
            "spec.selector.matchLabel: is not a field of this object; did you mean `matchLabels`?",
            "spec.fileGroups[0].excludes: is not a field of this object; remove it, or use one of path, \
             retentionPolicyName, tags",
            "spec.backend.local.hostpath: is not a field of this object; did you mean `hostPath`?",
            "spec.backend.s3.buket: is not a field of this object; did you mean `bucket`?",
            "spec.backend.ftp: is not a field of this object; remove it, or use one of azure, b2, gcs, local, \
             rest, s3, storageSecretName, swift",
            "status.lastBackup: is not a field of this object; did you mean `lastBackupTime`?",
        ],
    );
}

#[test]
fn every_wrong_type_is_named_with_its_field() {
    check(
        "
apiVersion: stash.appscode.com/v1alpha1
kind: Restic
metadata: {name: a, labels: {release: 3}}
spec:
  schedule: 5
  paused: yes please
  fileGroups: {path: /a}
  backend: s3
  volumeMounts: [/a]
  retentionPolicies:
  - {name: x, keepLast: '5', keepDaily: 1.5}
",
        &[
            "metadata.labels.release: is a number, but must be text; put it in quotes",
            "spec.schedule: is a number, but must be text; put it in quotes",
            "spec.paused: is text, but must be true or false; write true or false",
            "spec.fileGroups: is a block of fields, but must be a list; write a list, one `- ` per entry",
            "spec.backend: is text, but must be a block of fields; write a block of fields",
            "spec.volumeMounts[0]: is text, but must be a block of fields; write a block of fields",
            "spec.retentionPolicies[0].keepLast: is text, but must be a whole number; write a whole number",
            "spec.retentionPolicies[0].keepDaily: is a number, but must be a whole number; write a whole number",
        ],
    );
}

/// What only the typed parser sees: its words, after the field.
#[test]
fn a_value_that_says_nothing_is_named_with_its_field() {
    for (kind, fields, field) in [
        ("Repository", "spec: {}, status: {lastBackupTime: yesterday}", "status.lastBackupTime"),
        ("Recovery", "spec: {}, status: {phase: Done}", "status.phase"),
        ("Restic", "spec: {resources: {limits: {cpu: [1]}}}", "spec.resources.limits.cpu"),
        ("Restic", "spec: {backend: {local: {configMap: {defaultMode: 99999999999}}}}", "spec.backend.local"),
        ("Restic", "", "spec"),
    ] {
        let yaml = format!(
            "{{apiVersion: stash.appscode.com/v1alpha1, kind: {kind}, metadata: {{name: a}}, {fields}}}"
        );
        let refusals = parse_object(documents(&yaml).remove(0)).unwrap_err();
        assert_eq!(refusals.len(), 1, "{refusals:?}");
        assert!(refusals[0].field.starts_with(field), "{refusals:?}");
    }
}

#[test]
fn a_field_without_a_value_counts_as_absent() {
    let yaml = "
apiVersion: stash.appscode.com/v1alpha1
kind: Repository
metadata: {name: deployment.a, creationTimestamp: null}
spec:
  backend: {s3: {endpoint: e, bucket: b, prefix: }}
  wipeOut:
status:
";
    check(yaml, &[]);
}

#[test]
fn what_cannot_be_told_apart_is_refused() {
    check("[]", &["the document: is not an object; write apiVersion, kind, metadata and spec"]);
    check(
        "a: 1",
        &[
            "apiVersion: is missing; write `apiVersion: stash.appscode.com/v1alpha1`",
            "kind: is missing; write `kind:` and Restic, Recovery, Repository or Secret",
        ],
    );
    check(
        "{apiVersion: stash.appscode.com/v1alpha1, kind: restics}",
        &["kind: `restics` is not a kind of stash.appscode.com; did you mean `Restic`?"],
    );
    check(
        "{apiVersion: stash.appscode.com/v1beta1, kind: Restic}",
        &["apiVersion: `stash.appscode.com/v1beta1` is unknown; \
           write `apiVersion: stash.appscode.com/v1alpha1`"],
    );
    check(
        "{apiVersion: stash.appcode.com/v1alpha1, kind: Restic}",
        &["apiVersion: `stash.appcode.com/v1alpha1` is not the API of a Restic; \
           write `apiVersion: stash.appscode.com/v1alpha1`"],
    );
}

#[test]
fn a_name_is_needed_and_must_be_one() {
    check("{apiVersion: v1, kind: Secret}", &["metadata.name: is missing; name the object"]);
    let remedy = "use lower-case letters, digits, `-` and `.`, with a letter or digit at both ends";
    check(
        "{apiVersion: v1, kind: Secret, metadata: {name: My_Secret, namespace: '-'}}",
        &[
            &format!("metadata.name: `My_Secret` cannot be a name; {remedy}"),
            &format!("metadata.namespace: `-` cannot be a name; {remedy}"),
        ],
    );
}

#[test]
fn a_secret_is_decoded_and_string_data_wins() {
    let yaml = "
apiVersion: v1
kind: Secret
metadata: {name: s, namespace: demo}
data:
  RESTIC_PASSWORD: b2xk
  BROKEN_OVER_LINES: |
    YWFh
    YmJi
stringData: {RESTIC_PASSWORD: new}
";
    let secret = match parse_object(documents(yaml).remove(0)) {
        Ok(Object::Secret(secret)) => secret,
        other => panic!("{other:?}"),
    };
    assert_eq!((secret.name.as_str(), secret.namespace.as_deref()), ("s", Some("demo")));
    let data: Vec<(&str, &str)> =
        secret.data.iter().map(|(key, value)| (key.as_str(), value.expose_str().unwrap())).collect();
    assert_eq!(data, [("BROKEN_OVER_LINES", "aaabbb"), ("RESTIC_PASSWORD", "new")]);
    assert!(!format!("{secret:?}").contains("new"), "a Secret prints itself");
}

#[test]
fn a_secret_that_cannot_be_read_does_not_show_its_values() {
    check(
        "{apiVersion: v1, kind: Secret, metadata: {name: s}, data: {A: 'se!cret', B: 12345}, stringData: {C: 67890}}",
        &[
            "data.B: is a number, but must be text; put it in quotes",
            "stringData.C: is a number, but must be text; put it in quotes",
        ],
    );
    check(
        "{apiVersion: v1, kind: Secret, metadata: {name: s}, data: {A: 'se!cret', B: b2s=}}",
        &["data.A: is not base64; encode it, or move it to stringData as it is"],
    );
}

#[test]
fn other_kinds_are_passed_over() {
    let yaml = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, whatever: 1}";
    let Ok(Object::Other { api_version, kind, name }) = parse_object(documents(yaml).remove(0)) else {
        panic!("not passed over")
    };
    assert_eq!(
        (api_version.as_str(), kind.as_str(), name.as_deref()),
        ("apps/v1", "Deployment", Some("web"))
    );
}
