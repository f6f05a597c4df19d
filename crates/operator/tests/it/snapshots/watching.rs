//! Watches: what is there, what comes, and where to go on.

use super::site::{ROOT, Site, catalogue, repository};

const TABLE: (&str, &str) = ("accept", "application/json;as=Table;v=v1;g=meta.k8s.io");

#[tokio::test]
async fn a_watch_begins_with_what_is_there_and_tells_what_comes() {
    let site = Site::start().await;
    let mut lines = site.watch(&format!("{ROOT}/namespaces/demo/snapshots?watch=true"), &[]).await;
    let begun = lines.told(4).await;
    assert!(begun.iter().all(|(what, _)| what == "ADDED"), "{begun:?}");
    // Of another namespace nothing is told.
    let shop = repository("shop", "deployment.web", "web");
    site.list(&shop, &catalogue(&shop, 3));
    let web = repository("demo", "deployment.web", "web");
    site.list(&web, &catalogue(&web, 3));
    let (what, name) = lines.told(1).await.remove(0);
    assert_eq!(what, "ADDED");
    assert!(name.starts_with("deployment.web-"));
    site.list(&web, &catalogue(&web, 1));
    let told = lines.told(2).await;
    assert_eq!((told[0].0.as_str(), told[1].0.as_str()), ("DELETED", "DELETED"));
    assert_eq!(told[1].1, name);
    site.running.stop().await;
    assert!(lines.next().await.is_none(), "it ends with the server");
}

#[tokio::test]
async fn a_watch_goes_on_where_a_list_was_made() {
    let site = Site::start().await;
    let list = site.get(&format!("{ROOT}/snapshots")).await.json;
    let version = list["metadata"]["resourceVersion"].as_str().unwrap();
    let web = repository("demo", "deployment.web", "web");
    site.list(&web, &catalogue(&web, 3));
    let path = format!("{ROOT}/snapshots?watch=1&resourceVersion={version}");
    let mut lines = site.watch(&path, &[TABLE]).await;
    let event = lines.next().await.unwrap();
    assert_eq!((&event["type"], &event["object"]["kind"]), (&"ADDED".into(), &"Table".into()));
    assert_eq!(event["object"]["rows"].as_array().unwrap().len(), 1);
    site.running.stop().await;
}

#[tokio::test]
async fn who_selects_is_told_what_comes_into_the_selection_and_leaves_it() {
    let site = Site::start().await;
    let path = format!("{ROOT}/namespaces/demo/snapshots?watch=true&labelSelector=app%3Dweb");
    let mut lines = site.watch(&path, &[]).await;
    assert_eq!(lines.told(2).await.len(), 2);
    let of = |app| repository("demo", "deployment.web", app);
    site.index.saw_repository(Some(&of("web")), Some(&of("old")));
    let what = |told: &[(String, String)]| told.iter().map(|(what, _)| what.clone()).collect::<Vec<_>>();
    assert_eq!(what(&lines.told(2).await), ["DELETED", "DELETED"]);
    site.index.saw_repository(Some(&of("old")), Some(&of("web")));
    assert_eq!(what(&lines.told(2).await), ["ADDED", "ADDED"]);
    site.running.stop().await;
}

#[tokio::test]
async fn a_client_that_lists_by_watching_is_told_when_it_has_everything() {
    let site = Site::start().await;
    let path = format!(
        "{ROOT}/snapshots?watch=true&sendInitialEvents=true&allowWatchBookmarks=true\
         &resourceVersionMatch=NotOlderThan&resourceVersion="
    );
    let mut lines = site.watch(&path, &[]).await;
    assert_eq!(lines.told(6).await.len(), 6);
    let end = lines.next().await.unwrap();
    assert_eq!(end["type"], "BOOKMARK");
    assert_eq!(end["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    site.running.stop().await;
}

#[tokio::test]
async fn a_watch_ends_when_its_time_is_over() {
    let site = Site::start().await;
    let path = format!("{ROOT}/namespaces/nowhere/snapshots?watch=true&timeoutSeconds=1");
    let mut lines = site.watch(&path, &[]).await;
    assert!(lines.next().await.is_none());
    site.running.stop().await;
}
