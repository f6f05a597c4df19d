//! The examples of the documentation are those of 0.8.3 in form: all of them parse and validate unchanged.

use std::collections::BTreeMap;
use std::path::Path;

use domain::location::Location;
use domain::objects::workload::Workload;
use domain::rules::prefix::{location, repository_location};
use domain::rules::schema::{Object, parse_object};
use domain::rules::validate::Mode;

use super::{documents, lines, refused};

/// File name → its documents.
fn examples() -> BTreeMap<String, Vec<serde_json::Value>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples");
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, documents(&std::fs::read_to_string(path).unwrap()))
        })
        .collect()
}

#[test]
fn every_example_parses_and_validates() {
    for (name, documents) in examples() {
        assert!(!documents.is_empty(), "{name} is empty");
        for document in documents {
            assert_eq!(lines(&refused(document, Mode::Cluster)), [""; 0], "{name}");
        }
    }
}

/// What an object says, and nothing else, comes out again: no field lost, none invented.
#[test]
fn every_example_survives_parsing_and_printing() {
    for (name, documents) in examples() {
        for mut document in documents {
            let printed = match parse_object(document.clone()).unwrap() {
                Object::Restic(object) => serde_json::to_value(object),
                Object::Recovery(object) => serde_json::to_value(object),
                Object::Repository(object) => serde_json::to_value(object),
                Object::Secret(_) | Object::Other { .. } => continue,
            };
            normalise(&mut document);
            assert_eq!(printed.unwrap(), document, "{name}");
        }
    }
}

/// The three spellings that printing makes uniform.
fn normalise(document: &mut serde_json::Value) {
    if let Some(resources) = document.pointer_mut("/spec/resources") {
        for amounts in resources.as_object_mut().into_iter().flatten().map(|(_, amounts)| amounts) {
            for amount in amounts.as_object_mut().into_iter().flatten().map(|(_, amount)| amount) {
                *amount = amount.as_str().map_or_else(|| amount.to_string(), str::to_owned).into();
            }
        }
    }
    for (pointer, field) in [("/spec", "paused"), ("/spec/retentionPolicies/0", "dryRun")] {
        if let Some(fields) = document.pointer_mut(pointer).and_then(|value| value.as_object_mut())
            && fields.get(field) == Some(&false.into())
        {
            fields.shift_remove(field);
        }
    }
    if let Some(generation) = document.pointer_mut("/status/observedGeneration")
        && let Some((number, _)) = generation.clone().as_str().and_then(|text| text.split_once('$'))
    {
        *generation = number.parse::<i64>().unwrap().into();
    }
}

#[test]
fn there_is_an_example_of_every_backend_workload_and_kind() {
    let names: Vec<String> = examples().into_keys().collect();
    for wanted in [
        "backend-azure",
        "backend-b2",
        "backend-gcs",
        "backend-local-hostpath",
        "backend-local-nfs",
        "backend-local-pvc",
        "backend-minio",
        "backend-rest",
        "backend-s3",
        "backend-swift",
        "recovery-daemonset",
        "recovery-deployment",
        "recovery-replicaset",
        "recovery-replicationcontroller",
        "recovery-snapshot",
        "recovery-statefulset",
        "repository-gcs",
        "repository-local",
        "repository-s3",
        "workload-daemonset",
        "workload-deployment",
        "workload-replicaset",
        "workload-replicationcontroller",
        "workload-statefulset",
    ] {
        assert!(names.iter().any(|name| name == wanted), "docs/examples/{wanted}.yaml is missing");
    }
}

#[test]
fn every_backend_has_the_location_restic_expects() {
    let workload = Workload::new("Deployment".parse().unwrap(), "stash-demo", None, None).unwrap();
    let examples = examples();
    for (name, expected) in [
        ("backend-local-hostpath", "/safe/data/deployment/stash-demo"),
        ("backend-local-nfs", "/safe/data/deployment/stash-demo"),
        ("backend-s3", "s3:s3.amazonaws.com/stash-qa/demo/deployment/stash-demo"),
        ("backend-minio", "s3:https://minio.example.org:9000/stash-qa/demo/deployment/stash-demo"),
        ("backend-gcs", "gs:stash-qa:/demo/deployment/stash-demo"),
        ("backend-azure", "azure:stashqa:/demo/deployment/stash-demo"),
        ("backend-swift", "swift:stashqa:/demo/deployment/stash-demo"),
        ("backend-b2", "b2:stash-qa:/demo/deployment/stash-demo"),
        ("backend-rest", "rest:https://rest.example.org:8000/demo/deployment/stash-demo"),
    ] {
        let Ok(Object::Restic(restic)) = parse_object(examples[name][1].clone()) else { panic!("{name}") };
        let found = location(&restic.spec.backend, &workload, None).unwrap();
        assert_eq!(found.to_string(), expected, "{name}");
    }
}

/// The labels of a Repository name the workload, and with it the folder to take off its prefix.
#[test]
fn every_repository_has_the_location_of_its_workload() {
    for (name, expected) in [
        ("repository-s3", "s3:s3.amazonaws.com/stash-qa/demo/deployment/stash-demo"),
        ("repository-gcs", "gs:stash-qa:/demo/statefulset/stash-demo-0"),
        ("repository-local", "/safe/data/daemonset/stash-demo/node-1"),
    ] {
        let Ok(Object::Repository(repository)) = parse_object(examples()[name][0].clone()) else {
            panic!("{name}")
        };
        let labels = repository.metadata.labels.unwrap_or_default();
        let workload = Workload::of_repository(&labels, &BTreeMap::new()).unwrap();
        let found: Location = repository_location(&repository.spec.backend, &workload, None).unwrap();
        assert_eq!(found.to_string(), expected, "{name}");
    }
}
