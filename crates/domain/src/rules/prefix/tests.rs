//! Locations, and the way to a resolved prefix and back.

use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::objects::backend::{AzureSpec, B2Spec, GcsSpec, LocalSpec, RestServerSpec, S3Spec, SwiftSpec};
use crate::objects::workload::WorkloadKind;

fn web() -> Workload {
    Workload::new(WorkloadKind::Deployment, "web", None, None).unwrap()
}

fn s3(bucket: &str, prefix: &str) -> Backend {
    let s3 = S3Spec { endpoint: "e".to_owned(), bucket: bucket.to_owned(), prefix: prefix.to_owned() };
    Backend { s3: Some(s3), ..Backend::default() }
}

fn prefix_of(backend: &Backend) -> &str {
    &backend.s3.as_ref().unwrap().prefix
}

#[test]
fn slashes_and_dots_are_cleaned_and_cannot_leave_the_bucket() {
    for (prefix, expected) in [
        ("", "s3:e/b/deployment/web"),
        ("/demo/", "s3:e/b/demo/deployment/web"),
        ("a//b/./c", "s3:e/b/a/b/c/deployment/web"),
        ("a/../b", "s3:e/b/b/deployment/web"),
    ] {
        assert_eq!(location(&s3("b", prefix), &web(), None).unwrap().to_string(), expected, "{prefix}");
    }
    let gcs = GcsSpec { bucket: "b".to_owned(), prefix: "../../x".to_owned() };
    let backend = Backend { gcs: Some(gcs), ..Backend::default() };
    assert_eq!(location(&backend, &web(), None).unwrap().to_string(), "gs:b:/x/deployment/web");
}

#[test]
fn an_endpoint_keeps_its_scheme_and_port() {
    for endpoint in ["http://minio:9000", "http://minio:9000/"] {
        let mut backend = s3("b", "");
        backend.s3.as_mut().unwrap().endpoint = endpoint.to_owned();
        let found = location(&backend, &web(), None).unwrap().to_string();
        assert_eq!(found, "s3:http://minio:9000/b/deployment/web");
    }
}

#[test]
fn a_rest_location_has_no_credentials() {
    for (url, expected) in [
        ("http://host:8000", "rest:http://host:8000/deployment/web"),
        ("https://me:secret@host/a/", "rest:https://host/a/deployment/web"),
        ("https://me:se@cret@host", "rest:https://host/deployment/web"),
        ("me:secret@host/a", "rest:host/a/deployment/web"),
    ] {
        let rest = Some(RestServerSpec { url: url.to_owned() });
        let backend = Backend { rest, ..Backend::default() };
        assert_eq!(location(&backend, &web(), None).unwrap().to_string(), expected);
    }
}

#[test]
fn a_local_repository_is_below_the_mount_or_the_given_root() {
    let local =
        LocalSpec { mount_path: "/safe".to_owned(), sub_path: "demo".to_owned(), ..LocalSpec::default() };
    let mut backend = Backend { local: Some(local), ..Backend::default() };
    let of = |backend: &Backend, root: Option<&str>| location(backend, &web(), root.map(Path::new));
    assert_eq!(of(&backend, None), Ok(Location::Local("/safe/deployment/web".into())));
    assert_eq!(of(&backend, Some("repo/demo")), Ok(Location::Local("repo/demo/deployment/web".into())));
    backend.local.as_mut().unwrap().mount_path.clear();
    assert_eq!(of(&backend, None), Err(LocationError::NoMountPath));
    assert_eq!(of(&Backend::default(), None), Err(LocationError::NoStorage));
}

#[test]
fn the_resolved_prefix_of_s3_begins_with_the_bucket() {
    assert_eq!(prefix_of(&resolved(&s3("stash-qa", "demo"), &web())), "stash-qa/demo/deployment/web");
}

#[test]
fn folders_are_taken_off_whole() {
    for (bucket, written, user) in [
        // The bucket is only the beginning of a folder's name.
        ("data", "database/x/deployment/web", "database/x"),
        ("data", "data/database/x/deployment/web", "database/x"),
        // The prefix is called like the bucket.
        ("data", "data/data/deployment/web", "data"),
        // The workload's folder is only the end of a folder's name.
        ("b", "b/my-deployment/web", "my-deployment/web"),
        // Written by hand, without the bucket or without the workload.
        ("b", "demo/deployment/web", "demo"),
        ("b", "demo", "demo"),
        ("b", "/b/demo/deployment/web/", "demo"),
        ("b", "deployment/web", ""),
    ] {
        let user_backend = unresolved(&s3(bucket, written), &web());
        assert_eq!(prefix_of(&user_backend), user, "{bucket} {written}");
    }
}

#[test]
fn wiping_begins_in_the_folder_of_the_workload() {
    let backend = resolved(&s3("data", "data/x"), &web());
    assert_eq!(folder_in_bucket(&backend, &web()), "data/x/deployment/web");
}

#[test]
fn within_means_whole_folders() {
    assert!(is_within("/a/b", "/a"));
    assert!(is_within("/a/", "/a"));
    assert!(is_within("/a", "/"));
    assert!(!is_within("/ab", "/a"));
    assert!(!is_within("/a", "/a/b"));
}

fn clean_prefix() -> impl Strategy<Value = String> {
    proptest::collection::vec("[a-z0-9][a-z0-9.-]{0,5}|data|web|deployment", 0..5)
        .prop_map(|folders| folders.join("/"))
}

/// Any number of storages, each with a clean prefix, over names that like to collide.
fn any_backend() -> impl Strategy<Value = Backend> {
    let name = || proptest::sample::select(vec!["data", "web", "deployment"]).prop_map(str::to_owned);
    let storage = || option::of((name(), clean_prefix()));
    (storage(), storage(), storage(), storage(), storage(), storage(), storage()).prop_map(
        |(local, s3, gcs, azure, swift, b2, rest)| Backend {
            storage_secret_name: "secret".to_owned(),
            local: local.map(|(name, sub_path)| LocalSpec {
                mount_path: format!("/{name}"),
                sub_path,
                ..LocalSpec::default()
            }),
            s3: s3.map(|(bucket, prefix)| S3Spec { endpoint: "e".to_owned(), bucket, prefix }),
            gcs: gcs.map(|(bucket, prefix)| GcsSpec { bucket, prefix }),
            azure: azure.map(|(container, prefix)| AzureSpec { container, prefix }),
            swift: swift.map(|(container, prefix)| SwiftSpec { container, prefix }),
            b2: b2.map(|(bucket, prefix)| B2Spec { bucket, prefix }),
            rest: rest.map(|(host, path)| RestServerSpec {
                url: format!("https://{host}/{path}").trim_end_matches('/').to_owned(),
            }),
        },
    )
}

fn any_workload() -> impl Strategy<Value = Workload> {
    let kind = proptest::sample::select(WorkloadKind::ALL.to_vec());
    let name = || proptest::sample::select(vec!["data", "web", "deployment"]);
    (kind, name(), name()).prop_map(|(kind, name, inner)| match kind {
        WorkloadKind::Host => Workload::host(name, inner).unwrap(),
        kind => Workload::new(kind, name, Some(inner), Some(inner)).unwrap(),
    })
}

proptest! {
    #[test]
    fn resolving_is_undone(backend in any_backend(), workload in any_workload()) {
        prop_assert_eq!(unresolved(&resolved(&backend, &workload), &workload), backend);
    }

    #[test]
    fn a_repository_lives_where_its_restic_says(backend in any_backend(), workload in any_workload()) {
        let written = resolved(&backend, &workload);
        prop_assert_eq!(
            repository_location(&written, &workload, None),
            location(&backend, &workload, None)
        );
    }

    /// Also for what no validator has seen: cleaning happens once, and going round changes nothing more.
    #[test]
    fn an_untidy_prefix_still_means_one_place(prefix in "[a/.]{0,12}", workload in any_workload()) {
        let backend = s3("b", &prefix);
        let written = resolved(&backend, &workload);
        prop_assert_eq!(
            repository_location(&written, &workload, None),
            location(&backend, &workload, None)
        );
    }
}
