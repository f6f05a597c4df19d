//! Deletion: a Job is made, the Snapshot says so, and it is gone with the catalogue that the Job writes.

use domain::decide::forget_job::ids_of;
use domain::objects::repository::Repository;
use k8s_openapi::api::batch::v1::Job;
use serde_json::{Value, json};

use super::site::{ROOT, Site, catalogue, id, refusal, repository};

fn web() -> Repository {
    repository("demo", "deployment.web", "web")
}

fn path(number: usize) -> String {
    format!("{ROOT}/namespaces/demo/snapshots/deployment.web-{}", &id(&web(), number)[..8])
}

fn ended(job: &Job, how: &str) -> Job {
    let mut job = job.clone();
    let condition = json!({"conditions": [{"type": how, "status": "True", "reason": "R", "message": "m"}]});
    job.status = Some(serde_json::from_value(condition).unwrap());
    job
}

#[tokio::test]
async fn a_deleted_snapshot_is_there_until_its_job_has_rewritten_the_catalogue() {
    let site = Site::start().await;
    let watch = format!("{ROOT}/namespaces/demo/snapshots?watch=true&labelSelector=app%3Dweb");
    let mut lines = site.watch(&watch, &[]).await;
    lines.told(2).await;
    let answer = site.ask("DELETE", &path(0), &[], "").await;
    assert_eq!(answer.code, 200, "{}", answer.json);
    assert_eq!(answer.json["metadata"]["deletionTimestamp"], "2026-05-01T00:00:00Z");
    assert_eq!(answer.json["metadata"]["finalizers"], json!(["stash.appscode.com/forget"]));
    assert_eq!(lines.told(1).await[0].0, "MODIFIED");

    let again = site.ask("DELETE", &path(0), &[], "").await;
    assert_eq!(
        (again.code.as_u16(), &again.json["metadata"]["deletionTimestamp"]),
        (200, &json!("2026-05-01T00:00:00Z"))
    );
    let jobs = site.cluster.lock().unwrap().jobs.clone();
    assert_eq!(jobs.len(), 1, "one is enough");
    assert_eq!(ids_of(&jobs[0]).collect::<Vec<_>>(), [id(&web(), 0)]);
    assert_eq!(jobs[0].spec.as_ref().unwrap().suspend, Some(true), "the leader begins it");

    let mut left = catalogue(&web(), 2);
    left.records.remove(0);
    site.list(&web(), &left);
    site.index.saw_job(None, Some(&ended(&jobs[0], "Complete")));
    assert_eq!(lines.told(1).await[0].0, "DELETED");
    assert_eq!(site.get(&path(0)).await.refused(), (404, "NotFound"));
    assert_eq!(site.get(&path(1)).await.code, 200);
    site.running.stop().await;
}

#[tokio::test]
async fn a_job_that_failed_leaves_the_snapshot_as_it_was() {
    let site = Site::start().await;
    site.ask("DELETE", &path(0), &[], "").await;
    let job = site.cluster.lock().unwrap().jobs[0].clone();
    site.index.saw_job(None, Some(&ended(&job, "Failed")));
    let object = site.get(&path(0)).await.json;
    assert!(object["metadata"].get("deletionTimestamp").is_none(), "{object}");
    assert_eq!(site.ask("DELETE", &path(0), &[], "").await.code, 200);
    assert_eq!(site.cluster.lock().unwrap().jobs.len(), 2, "it can be deleted again");
    site.running.stop().await;
}

#[tokio::test]
async fn a_restarted_operator_knows_what_is_being_deleted() {
    let site = Site::start().await;
    site.ask("DELETE", &path(0), &[], "").await;
    let job = site.cluster.lock().unwrap().jobs[0].clone();
    let restarted = Site::empty().await;
    restarted.index.saw_job(None, Some(&job));
    restarted.add(&web(), &catalogue(&web(), 2));
    restarted.index.is_filled();
    let object = restarted.get(&path(0)).await.json;
    assert_eq!(object["metadata"]["deletionTimestamp"], "2026-05-01T00:00:00Z");
    restarted.running.stop().await;
    site.running.stop().await;
}

#[tokio::test]
async fn what_is_only_tried_or_meant_for_another_deletes_nothing() {
    let site = Site::start().await;
    let delete = async |query: &str, options: Value| {
        let body = if options.is_null() { String::new() } else { options.to_string() };
        site.ask("DELETE", &format!("{}{query}", path(0)), &[], &body).await
    };
    for (query, options) in
        [("?dryRun=All", json!(null)), ("", json!({"kind": "DeleteOptions", "dryRun": ["All"]}))]
    {
        let tried = delete(query, options).await;
        assert_eq!(tried.code, 200);
        assert!(tried.json["metadata"]["deletionTimestamp"].is_string());
    }
    let other = delete("", json!({"preconditions": {"uid": "another"}})).await;
    assert_eq!(other.refused(), (409, "Conflict"));
    assert_eq!(delete("", json!({"dryRun": ["Some"]})).await.refused(), (400, "BadRequest"));
    assert_eq!(delete("", json!("text")).await.refused(), (400, "BadRequest"));
    let large = json!({"kind": "x".repeat(100_000)});
    assert_eq!(delete("", large).await.code, 413);
    assert!(site.cluster.lock().unwrap().jobs.is_empty());
    assert!(site.get(&path(0)).await.json["metadata"].get("deletionTimestamp").is_none());
    let own = json!({"preconditions": {"uid": id(&web(), 0)}, "propagationPolicy": "Background"});
    assert_eq!(delete("", own).await.code, 200);
    assert_eq!(site.cluster.lock().unwrap().jobs.len(), 1);
    site.running.stop().await;
}

#[tokio::test]
async fn where_nothing_can_be_deleted_it_is_said_why() {
    let site = Site::start().await;
    let change = |change: Value| {
        let mut cluster = site.cluster.lock().unwrap();
        let mut json = json!(web());
        json_patch(&mut json, change);
        cluster.repositories = vec![serde_json::from_value(json).unwrap()];
    };
    change(json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}));
    assert_eq!(site.ask("DELETE", &path(0), &[], "").await.refused(), (409, "Conflict"));
    change(json!({"spec": {"backend": {"local": {"mountPath": "/r", "emptyDir": {}}, "s3": null}}}));
    let answer = site.ask("DELETE", &path(0), &[], "").await;
    assert_eq!(answer.refused(), (409, "Conflict"));
    assert!(answer.json["message"].as_str().unwrap().contains("emptyDir"), "{}", answer.json);
    change(json!({}));
    let message = "jobs.batch is forbidden: unable to create new content in namespace demo because it is being terminated";
    site.cluster.lock().unwrap().refuses = Some(refusal(403, "Forbidden", message));
    assert_eq!(site.ask("DELETE", &path(0), &[], "").await.refused(), (403, "Forbidden"));
    site.cluster.lock().unwrap().refuses = Some(refusal(403, "Forbidden", "you may not"));
    assert_eq!(site.ask("DELETE", &path(0), &[], "").await.refused(), (500, "InternalError"));
    let unknown = format!("{ROOT}/namespaces/demo/snapshots/deployment.web-12345678");
    assert_eq!(site.ask("DELETE", &unknown, &[], "").await.refused(), (404, "NotFound"));
    site.running.stop().await;
}

fn json_patch(target: &mut Value, change: Value) {
    match change {
        Value::Object(fields) if target.is_object() => {
            for (name, value) in fields {
                json_patch(&mut target[&name], value);
            }
        }
        other => *target = other,
    }
}

#[tokio::test]
async fn all_that_are_selected_go_together_with_one_job_for_each_repository() {
    let site = Site::start().await;
    let all = format!("{ROOT}/namespaces/demo/snapshots");
    let deleted = site.ask("DELETE", &format!("{all}?labelSelector=app%3Dweb"), &[], "{}").await;
    assert_eq!(deleted.names().len(), 2);
    assert_eq!(site.cluster.lock().unwrap().jobs.len(), 1);
    assert_eq!(site.ask("DELETE", &all, &[], "").await.names().len(), 4);
    let jobs = site.cluster.lock().unwrap().jobs.clone();
    assert_eq!(jobs.len(), 2, "those that are being deleted already have theirs");
    assert!(jobs.iter().all(|job| ids_of(job).count() == 2));
    site.running.stop().await;
}
