//! The long-running process: schedule, pause, edits, restart, stop.

use domain::rules::metrics;

use crate::kit::{Folder, RECOVERY, Server, eventually, metric, restic};

const DEMO: [(&str, &str); 2] = [("stash_config", "demo"), ("session", "backup")];

/// From now on no session runs, so that stopping the process cancels none.
fn slow_down(folder: &Folder, server: &Server) {
    let slow = folder.read("objects/demo.yaml").replace("@every 1s", "@every 1h");
    folder.write("objects/demo.yaml", &slow);
    server.until_said("schedule=\"@every 1h\"");
}

#[test]
fn every_metric_of_the_list_is_exported_by_some_session() {
    let folder = Folder::with_demo("@every 1s");
    folder.write("objects/broken.yaml", "kind: [");
    let server = folder.serve();
    server.until("restic_session_success", &DEMO, 1.0);
    let families = server.metrics();
    for wanted in metrics::SESSION {
        let family = families.iter().find(|family| family.name == wanted.name);
        let family = family.unwrap_or_else(|| panic!("{} is not exported", wanted.name));
        assert_eq!(family.help, wanted.help);
        assert_eq!(family.kind.as_str(), wanted.kind.as_str(), "{}", wanted.name);
    }
    // The grouping key names the Repository and no pod.
    let sample = &families.iter().find(|family| family.name == "restic_session_success").unwrap().samples[0];
    let labels: Vec<&str> = sample.labels.keys().map(String::as_str).collect();
    assert_eq!(
        labels,
        ["app", "instance", "job", "kind", "namespace", "repository", "session", "stash_config"]
    );
}

#[test]
fn paused_means_paused_and_can_be_seen() {
    let folder = Folder::with_demo("@every 1s");
    let server = folder.serve();
    server.until("restic_session_success", &DEMO, 1.0);
    let running = folder.read("objects/demo.yaml");
    folder.write("objects/demo.yaml", &running.replace("spec:\n", "spec:\n  paused: true\n"));
    server.until("restic_session_paused", &DEMO, 1.0);
    let families = server.metrics();
    assert_eq!(metric(&families, "restic_session_next_due_timestamp_seconds", &DEMO), None, "nothing is due");
    assert_eq!(metric(&families, "restic_session_success", &DEMO), Some(1.0), "the last result stays");
    let count = || folder.read("objects/status/default/repository.host.demo.yaml");
    let before = count();
    // Another Restic's sessions are the clock: while they run, the paused one does not.
    folder.write("objects/other.yaml", &restic("other", "@every 1s", "../data", "../other"));
    let other = [("stash_config", "other"), ("session", "backup")];
    eventually("three sessions of the other", || {
        (metric(&server.metrics(), "restic_repository_snapshots", &other)? >= 3.0).then_some(())
    });
    assert_eq!(count(), before);
    folder.write("objects/demo.yaml", &running);
    server.until("restic_session_paused", &DEMO, 0.0);
    eventually("a session after the pause", || (count() != before).then_some(()));
}

#[test]
fn ticks_that_fall_into_a_session_are_counted_and_shown() {
    let folder = Folder::with_demo("@every 1s");
    // Much to read and nothing to store: a session of seconds.
    std::fs::File::create(folder.path("data/hollow")).unwrap().set_len(3 << 30).unwrap();
    let server = folder.serve();
    let skipped = eventually("skipped ticks in the metrics", || {
        metric(&server.metrics(), "restic_session_skipped_ticks_total", &DEMO).filter(|count| *count > 0.0)
    });
    let status = folder.read("objects/status/default/restic.demo.yaml");
    assert!(status.contains("skippedTicks: "), "{skipped} skipped, but:\n{status}");
    let (_, page) = server.get("/");
    assert!(page.contains("skipped"), "{page}");
    assert_eq!(metric(&server.metrics(), "restic_session_success", &DEMO), Some(1.0));
}

#[test]
fn a_restart_keeps_metrics_status_and_finished_recoveries() {
    let folder = Folder::with_demo("@every 1s");
    folder.write("objects/back.yaml", RECOVERY);
    let server = folder.serve();
    server.until("restic_session_success", &[("stash_config", "back"), ("session", "recovery")], 1.0);
    assert_eq!(folder.read("restored/letter.txt"), "Dear reader,\n");
    slow_down(&folder, &server);
    let (code, said) = server.stop();
    assert_eq!(code, 0, "{said}");
    // A finished recovery that ran again at each start would overwrite what was changed since.
    std::fs::remove_dir_all(folder.path("restored")).unwrap();
    let server = folder.serve();
    server.until_said("scheduled");
    let families = server.metrics();
    assert_eq!(metric(&families, "restic_session_success", &DEMO), Some(1.0));
    assert!(metric(&families, "restic_session_last_success_timestamp_seconds", &DEMO).is_some());
    assert_eq!(metric(&families, "restic_session_success", &[("session", "recovery")]), Some(1.0));
    assert!(!folder.path("restored").exists());
}

#[test]
fn metrics_come_back_from_status_when_the_gateway_lost_them() {
    let folder = Folder::with_demo("@every 1s");
    let server = folder.serve();
    server.until("restic_session_success", &DEMO, 1.0);
    slow_down(&folder, &server);
    server.stop();
    std::fs::remove_file(folder.objects().join("status/gateway.json")).unwrap();
    let server = folder.serve();
    server.until("restic_session_success", &DEMO, 1.0);
    assert!(metric(&server.metrics(), "restic_session_last_success_timestamp_seconds", &DEMO).is_some());
}

#[test]
fn series_go_with_their_object_also_when_it_went_while_nobody_watched() {
    let folder = Folder::with_demo("@every 1s");
    let server = folder.serve();
    server.until("restic_session_success", &DEMO, 1.0);
    std::fs::rename(folder.path("objects/demo.yaml"), folder.path("demo.yaml")).unwrap();
    eventually("the series to go", || {
        metric(&server.metrics(), "restic_session_success", &DEMO).is_none().then_some(())
    });
    assert!(
        folder.path("objects/status/default/repository.host.demo.yaml").exists(),
        "the backups are still there"
    );
    std::fs::rename(folder.path("demo.yaml"), folder.path("objects/demo.yaml")).unwrap();
    server.until("restic_session_success", &DEMO, 1.0);
    server.stop();
    std::fs::remove_file(folder.path("objects/demo.yaml")).unwrap();
    let server = folder.serve();
    eventually("the series to be swept", || {
        metric(&server.metrics(), "restic_session_success", &DEMO).is_none().then_some(())
    });
}

#[test]
fn a_stop_in_mid_backup_is_reported_and_leaves_no_half_snapshot() {
    let folder = Folder::with_demo("@every 1h");
    // A fifo that nobody writes would block a naive reader; a sparse file of 64 GiB is simply a lot of work.
    std::fs::File::create(folder.path("data/huge")).unwrap().set_len(64 << 30).unwrap();
    let quick = folder.read("objects/demo.yaml").replace("@every 1h", "@every 1s");
    folder.write("objects/demo.yaml", &quick);
    let server = folder.serve();
    eventually("the session to read the big file", || {
        let (_, state) = server.get("/page/state");
        state.contains("Backing up").then_some(())
    });
    let (code, said) = server.stop();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("backup demo was CANCELLED"), "{said}");
    let status = folder.read("objects/status/default/repository.host.demo.yaml");
    assert!(status.contains("lastFailureReason: cancelled"), "{status}");
    let listed = folder.stash("snapshots", &["-o", "json"]).expect(0).out;
    assert_eq!(listed.trim(), "[]");
    folder.stash("check", &[]).expect(0);
}

#[test]
fn the_page_shows_what_happens() {
    let folder = Folder::with_demo("@every 1s");
    folder.write("objects/broken.yaml", "kind: [");
    let server = folder.serve();
    eventually("the page to show a successful backup", || {
        let (status, page) = server.get("/");
        assert_eq!(status, 200);
        let words = ["demo", "Succeeded", "@every 1s", "broken.yaml", "host.demo"];
        words.iter().all(|word| page.contains(word)).then_some(())
    });
    assert_eq!(server.get("/nowhere").0, 404);

    let (_, page) = server.get("/");
    assert!(page.contains(r#"<a href="/status">Push gateway</a>"#), "{page}");
    eventually("the gateway's page to show what was pushed, and the way back", || {
        let (status, page) = server.get("/status");
        assert_eq!(status, 200);
        let words = [r#"<a href="/">Backups</a>"#, "<li id=\"group:job/"];
        words.iter().all(|word| page.contains(word)).then_some(())
    });
}
