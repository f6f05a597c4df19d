//! Discovery, description, lists, tables and single objects.

use std::time::Instant;

use serde_json::{Value, json};

use super::site::{ROOT, Site, catalogue, id, repository};

const TABLE: (&str, &str) = ("accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json");

#[tokio::test]
async fn clients_discover_what_there_is() {
    let site = Site::start().await;
    let groups = site.get("/apis").await;
    assert_eq!(groups.json["groups"][0]["name"], "repositories.stash.appscode.com");
    let group = site.get("/apis/repositories.stash.appscode.com").await;
    assert_eq!(group.json["kind"], "APIGroup");
    assert_eq!(group.json["preferredVersion"]["version"], "v1alpha1");
    let resources = site.get(ROOT).await.json;
    assert_eq!(resources["groupVersion"], "repositories.stash.appscode.com/v1alpha1");
    let resource = json!({
        "name": "snapshots", "singularName": "snapshot", "namespaced": true, "kind": "Snapshot",
        "verbs": ["delete", "deletecollection", "get", "list", "watch"], "categories": ["storage", "appscode"],
    });
    assert_eq!(resources["resources"], json!([resource]));
    let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
    let all = site.ask("GET", "/apis", &[("accept", accept)], "").await;
    assert_eq!(all.json["kind"], "APIGroupDiscoveryList");
    assert!(all.headers["content-type"].to_str().unwrap().contains("v=v2"));
    assert_eq!(all.json["items"][0]["versions"][0]["resources"][0]["resource"], "snapshots");
    assert_eq!(site.get("/openapi/v2").await.json["swagger"], "2.0");
    let index = site.get("/openapi/v3").await.json;
    let address =
        index["paths"]["apis/repositories.stash.appscode.com/v1alpha1"]["serverRelativeURL"].clone();
    let described = site.get(address.as_str().unwrap()).await.json;
    let schemas = &described["components"]["schemas"];
    assert!(schemas["com.appscode.stash.repositories.v1alpha1.Snapshot"]["properties"]["status"].is_object());
    site.running.stop().await;
}

#[tokio::test]
async fn lists_are_selected_by_namespace_labels_and_fields() {
    let site = Site::start().await;
    let count = async |path: &str| site.get(&format!("{ROOT}{path}")).await.names().len();
    assert_eq!(count("/snapshots").await, 6);
    assert_eq!(count("/namespaces/demo/snapshots").await, 4);
    assert_eq!(count("/namespaces/nowhere/snapshots").await, 0);
    for (selector, expected) in [
        ("app%3Dweb", 4),
        ("app%3D%3Dweb", 4),
        ("app!%3Dweb", 2),
        ("app+in+(web,db)", 6),
        ("app+notin+(db)", 4),
        ("app", 6),
        ("!app", 0),
        ("repository%3Ddeployment.db", 2),
        ("app%3Dweb,repository%3Ddeployment.db", 0),
    ] {
        assert_eq!(count(&format!("/snapshots?labelSelector={selector}")).await, expected, "{selector}");
    }
    let name = format!("deployment.web-{}", &id(&repository("shop", "deployment.web", "web"), 1)[..8]);
    let by_name = site.get(&format!("{ROOT}/snapshots?fieldSelector=metadata.name%3D{name}")).await;
    assert_eq!(by_name.names(), [name]);
    assert_eq!(count("/snapshots?fieldSelector=metadata.namespace%3Dshop").await, 2);
    assert_eq!(count("/snapshots?fieldSelector=metadata.namespace!%3Dshop").await, 4);
    let other = site.get(&format!("{ROOT}/snapshots?fieldSelector=status.hostname%3Da")).await;
    assert_eq!(other.refused(), (400, "BadRequest"));
    site.running.stop().await;
}

#[tokio::test]
async fn a_snapshot_has_the_fields_of_its_record_and_the_labels_of_its_repository() {
    let site = Site::start().await;
    let repository = repository("demo", "deployment.web", "web");
    let id = id(&repository, 0);
    let name = format!("deployment.web-{}", &id[..8]);
    let answer = site.get(&format!("{ROOT}/namespaces/demo/snapshots/{name}")).await;
    let mut object = answer.json;
    assert!(object["metadata"]["resourceVersion"].take().is_string());
    assert_eq!(
        object,
        json!({
            "apiVersion": "repositories.stash.appscode.com/v1alpha1",
            "kind": "Snapshot",
            "metadata": {
                "creationTimestamp": "2023-11-14T22:13:20Z",
                "labels": {
                    "app": "web", "repository": "deployment.web", "restic": "nightly",
                    "workload-kind": "Deployment", "workload-name": "web",
                },
                "name": name,
                "namespace": "demo",
                "resourceVersion": null,
                "uid": id,
            },
            "status": {
                "tree": "f".repeat(64), "paths": ["/data", "/logs"], "hostname": "host-0", "username": "root",
                "uid": 0, "gid": 7, "tags": ["t1", "t2"],
            },
        })
    );
    site.running.stop().await;
}

#[tokio::test]
async fn what_cannot_be_answered_is_a_status() {
    let site = Site::start().await;
    let at = |path: &str| format!("{ROOT}/namespaces/demo/snapshots{path}");
    for (name, code, reason) in [
        ("/web", 400, "BadRequest"),
        ("/deployment.web-zzzzzzzz", 400, "BadRequest"),
        ("/deployment.web-12345678", 404, "NotFound"),
        ("/deployment.none-12345678", 404, "NotFound"),
        ("/deployment.web-12345678/status", 404, "NotFound"),
        ("?limit=many", 400, "BadRequest"),
        ("?continue=x", 400, "BadRequest"),
        ("?labelSelector=a%20b", 400, "BadRequest"),
        ("?watch=true&resourceVersion=1", 410, "Expired"),
        ("?resourceVersion=1&resourceVersionMatch=Exact", 410, "Expired"),
    ] {
        assert_eq!(site.get(&at(name)).await.refused(), (code, reason), "{name}");
    }
    let missing = site.get(&at("/deployment.web-12345678")).await.json;
    assert_eq!(missing["details"]["kind"], "snapshots");
    assert_eq!(missing["details"]["group"], "repositories.stash.appscode.com");
    let missing = site.get(&at("/deployment.none-12345678")).await.json;
    assert_eq!(
        (&missing["details"]["kind"], &missing["details"]["group"]),
        (&json!("repositories"), &json!("stash.appscode.com"))
    );
    for method in ["POST", "PUT", "PATCH"] {
        assert_eq!(site.ask(method, &at(""), &[], "{}").await.refused(), (405, "MethodNotAllowed"));
    }
    let all = format!("{ROOT}/snapshots");
    assert_eq!(site.ask("DELETE", &all, &[], "").await.refused(), (405, "MethodNotAllowed"));
    let yaml = site.ask("GET", &all, &[("accept", "application/yaml")], "").await;
    assert_eq!(yaml.refused(), (406, "NotAcceptable"));
    assert_eq!(site.get("/apis/other.example.com/v1").await.refused(), (404, "NotFound"));
    site.running.stop().await;
}

#[tokio::test]
async fn nothing_is_answered_before_everything_was_seen() {
    let site = Site::empty().await;
    let answer = site.get(&format!("{ROOT}/snapshots")).await;
    assert_eq!(answer.refused(), (503, "ServiceUnavailable"));
    assert_eq!(answer.headers["retry-after"], "1");
    site.index.is_filled();
    assert!(site.get(&format!("{ROOT}/snapshots")).await.names().is_empty());
    site.running.stop().await;
}

#[tokio::test]
async fn a_table_has_a_row_for_each_and_the_object_that_was_asked_for() {
    let site = Site::start().await;
    let path = format!("{ROOT}/namespaces/demo/snapshots");
    let table = site.ask("GET", &path, &[TABLE], "").await.json;
    assert_eq!((&table["kind"], &table["apiVersion"]), (&json!("Table"), &json!("meta.k8s.io/v1")));
    let columns: Vec<(&str, u64)> = table["columnDefinitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| (column["name"].as_str().unwrap(), column["priority"].as_u64().unwrap()))
        .collect();
    assert_eq!(
        columns,
        [("Name", 0), ("Repository", 0), ("Hostname", 0), ("Paths", 0), ("Size", 0), ("Tags", 1), ("Age", 0)]
    );
    let row = &table["rows"][0];
    assert_eq!(
        row["cells"].as_array().unwrap()[1..6],
        ["deployment.db", "host-0", "/data,/logs", "1.5 KiB", "t1,t2"]
    );
    assert_eq!(table["rows"][1]["cells"][4], "", "nobody has said its size");
    assert_eq!(row["object"]["kind"], "PartialObjectMetadata");
    let with = async |include: &str| {
        site.ask("GET", &format!("{path}?includeObject={include}"), &[TABLE], "").await.json
    };
    assert_eq!(with("Object").await["rows"][0]["object"]["kind"], "Snapshot");
    assert_eq!(with("None").await["rows"][0].get("object"), None);
    let accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
    let partial = site.ask("GET", &path, &[("accept", accept)], "").await.json;
    assert_eq!(partial["kind"], "PartialObjectMetadataList");
    assert_eq!(partial["items"][0].get("status"), None);
    site.running.stop().await;
}

#[tokio::test]
async fn a_list_of_ten_thousand_comes_in_pages_without_gaps() {
    let site = Site::empty().await;
    for number in 0..100 {
        let repository = repository("demo", &format!("deployment.app-{number:03}"), "many");
        site.add(&repository, &catalogue(&repository, 100));
    }
    site.index.is_filled();
    let clock = Instant::now();
    let whole = site.get(&format!("{ROOT}/snapshots")).await;
    println!("10,000 Snapshots of 100 Repositories: {:?} in a build for tests", clock.elapsed());
    let names = whole.names();
    assert_eq!(names.len(), 10_000);
    assert!(whole.warnings().is_empty());

    let mut paged = Vec::new();
    let mut next = String::new();
    loop {
        let page = site.get(&format!("{ROOT}/snapshots?limit=500&continue={next}")).await;
        paged.extend(page.names());
        let metadata = &page.json["metadata"];
        assert_eq!(metadata["resourceVersion"], whole.json["metadata"]["resourceVersion"]);
        let Some(token) = metadata["continue"].as_str() else { break };
        assert_eq!(metadata["remainingItemCount"], 10_000 - paged.len());
        // What comes or goes meanwhile moves nothing else.
        let first = repository("demo", "deployment.app-000", "many");
        site.list(&first, &catalogue(&first, 99));
        token.clone_into(&mut next);
    }
    assert_eq!(paged, names);
    site.running.stop().await;
}

#[tokio::test]
async fn a_repository_that_cannot_be_shown_is_a_warning_and_no_failure() {
    let site = Site::start().await;
    let mut silent = repository("demo", "deployment.new", "new");
    site.index.saw_repository(None, Some(&silent));
    let answer = site.get(&format!("{ROOT}/namespaces/demo/snapshots")).await;
    assert_eq!(answer.names().len(), 4);
    let warnings = answer.warnings();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].starts_with("299 - \"Repository demo/deployment.new"), "{warnings:?}");
    assert!(site.get(&format!("{ROOT}/namespaces/shop/snapshots")).await.warnings().is_empty());
    let selected = site.get(&format!("{ROOT}/namespaces/demo/snapshots?labelSelector=app%3Ddb")).await;
    assert!(selected.warnings().is_empty(), "it was not asked for");

    site.list(&silent, &catalogue(&silent, 1));
    let status: Value =
        json!({"lastFailureReason": "storage_unreachable", "lastError": "no \"route\" to host"});
    silent.status = serde_json::from_value(status).unwrap();
    site.index.saw_repository(None, Some(&silent));
    let answer = site.get(&format!("{ROOT}/namespaces/demo/snapshots")).await;
    assert_eq!(answer.names().len(), 5, "what it held is shown");
    assert!(answer.warnings()[0].contains("no \\\"route\\\" to host"), "{:?}", answer.warnings());
    site.running.stop().await;
}
