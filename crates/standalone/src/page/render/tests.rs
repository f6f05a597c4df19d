//! From values to HTML: what is said in each state, and that nothing of a user's is markup.

use std::time::Duration;

use domain::objects::recovery::RecoveryPhase;
use domain::objects::restic::RetentionPolicy;
use domain::report::{Failure, FailureReason, Outcome, SkippedFile};
use jiff::SignedDuration;

use super::*;
use crate::page::model::{
    GroupView, HistoryPoint, Integrity, RecoveredPath, RecoveryView, RepositoryView, ResticView,
    retention_words,
};

fn now() -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * 365)
}

fn ago(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

fn restic(result: Option<Outcome>) -> ResticView {
    let repository = RepositoryView {
        name: "host-demo".into(),
        location: "/backup/demo".into(),
        last_result: result,
        last_backup: result.map(|_| ago(180)),
        last_success: result.map(|_| ago(7200)),
        ..RepositoryView::default()
    };
    ResticView {
        namespace: "demo".into(),
        name: "website".into(),
        schedule: "@every 10s".into(),
        next_run: Some(ago(-7)),
        repository: Some(repository),
        ..ResticView::default()
    }
}

fn page(restics: Vec<ResticView>) -> PageModel {
    PageModel {
        host: "host-a".into(),
        folder: "/etc/stash".into(),
        version: "1".into(),
        restics,
        ..PageModel::empty(now())
    }
}

/// The words of a page, without its markup.
fn text(html: &str) -> String {
    let mut text = String::new();
    for part in html.split('<') {
        let words = part.split_once('>').map_or(part, |(_, words)| words);
        text.push_str(words);
    }
    text
}

fn said(model: &PageModel) -> String {
    text(&fragment(model))
}

#[test]
fn an_empty_folder_says_what_to_do() {
    let said = said(&page(vec![]));
    assert!(said.contains("Nothing to back up yet"), "{said}");
    assert!(said.contains("There is no Restic in /etc/stash yet. Put a YAML file"), "{said}");
    assert!(said.contains("To restore, put a Recovery into /etc/stash"), "{said}");
}

#[test]
fn a_folder_of_refused_objects_is_not_called_empty() {
    let problem = ProblemView {
        file: "/etc/stash/a.yaml".into(),
        object: None,
        problem: "line 3: did not find expected key".into(),
        remedy: "Correct the YAML.".into(),
    };
    let said = said(&PageModel { problems: vec![problem], ..page(vec![]) });
    assert!(said.contains("No Restic in /etc/stash is accepted."), "{said}");
    assert!(said.contains("/etc/stash/a.yaml✕Refusedline 3: did not find expected key"), "{said}");
    assert!(said.contains("What to do: Correct the YAML."), "{said}");
    assert!(!said.contains("There is no Restic"), "{said}");
}

#[test]
fn before_the_first_session_the_page_says_when_it_comes() {
    let model = page(vec![restic(None)]);
    let said = said(&model);
    assert!(said.contains("The backup waits for its first session"), "{said}");
    assert!(said.contains("First sessiondue in 7 seconds"), "{said}");
    assert!(said.contains("No session yet"), "{said}");
}

#[test]
fn a_failure_is_whole_and_says_since_when() {
    let mut view = restic(Some(Outcome::Failed));
    let message = "cannot open repository host-demo:\n  the password is another one;\n  set RESTIC_PASSWORD in Secret demo/key";
    if let Some(repository) = &mut view.repository {
        repository.failure = Some(Failure { reason: FailureReason::WrongPassword, message: message.into() });
    }
    let said = said(&page(vec![view]));
    assert!(said.contains(message), "{said}");
    assert!(said.contains("Wrong passwordlast success 2 hours ago"), "{said}");
    assert!(said.contains("1 of 1 backup failed"), "{said}");
    assert!(said.contains("demo/website failed"), "{said}");
}

#[test]
fn a_headline_counts_what_is_wrong() {
    let mut damaged = restic(Some(Outcome::Succeeded));
    if let Some(repository) = &mut damaged.repository {
        repository.integrity = Integrity::Damaged;
    }
    let mut overdue = restic(Some(Outcome::Succeeded));
    overdue.next_run = Some(ago(3600));
    let model = PageModel {
        problems: vec![ProblemView::default(), ProblemView::default()],
        recoveries: vec![RecoveryView { phase: RecoveryPhase::Failed, ..RecoveryView::default() }],
        ..page(vec![damaged, overdue, restic(Some(Outcome::Succeeded)), restic(None)])
    };
    let said = said(&model);
    assert!(
        said.contains("1 of 4 backups failed, 1 of 4 not in order, 2 objects refused, 1 recovery failed"),
        "{said}"
    );
    assert!(said.contains("demo/website damaged repository"), "{said}");
    assert!(fragment(&model).contains(r#"<article class="card failed" id="restic/"#));
    assert!(said.contains("demo/website overdue"), "{said}");
    assert!(said.contains("was due 1 hour ago"), "{said}");
}

#[test]
fn good_news_is_short() {
    let good = || restic(Some(Outcome::Succeeded));
    assert!(said(&page(vec![good()])).contains("The backup is in order"));
    assert!(said(&page(vec![good(), good()])).contains("All 2 backups are in order"));
    let waiting = said(&page(vec![good(), restic(None)]));
    assert!(waiting.contains("1 of 2 backups are in order, 1 waits for its first session"), "{waiting}");
}

#[test]
fn a_paused_restic_is_paused_and_never_overdue() {
    let mut view = restic(Some(Outcome::Succeeded));
    view.paused = true;
    view.next_run = None;
    let said = said(&page(vec![view]));
    assert!(said.contains("‖Paused") && said.contains("Next sessionpaused"), "{said}");
    assert!(!said.contains("Overdue"), "{said}");
}

#[test]
fn progress_is_in_words_and_numbers() {
    let mut view = restic(None);
    let mut running = RunningView {
        started: ago(12),
        phase: "Backing up".into(),
        path: Some("/srv/www".into()),
        files_done: 1,
        files_total: None,
        bytes_done: 512,
        bytes_total: None,
        current_file: Some("/srv/www/index.html".into()),
    };
    view.running = Some(running.clone());
    let html = fragment(&page(vec![view.clone()]));
    assert!(html.contains(r#"<progress aria-label="Progress of demo/website"></progress>"#), "{html}");
    assert!(html.contains(r#"data-refresh="500""#), "{html}");
    running.files_total = Some(3);
    running.bytes_total = Some(2048);
    view.running = Some(running);
    let html = fragment(&page(vec![view]));
    assert!(html.contains(r#"<progress max="100" value="25""#), "{html}");
    let said = text(&html);
    assert!(said.contains("Backing up /srv/wwwstarted 12 seconds ago"), "{said}");
    assert!(said.contains("25 %1 of 3 files512 B of 2.0 KiB/srv/www/index.html"), "{said}");
}

#[test]
fn percent_is_full_only_when_done() {
    let running = |bytes_done, bytes_total, files_total| RunningView {
        started: now(),
        phase: String::new(),
        path: None,
        files_done: 1,
        files_total,
        bytes_done,
        bytes_total,
        current_file: None,
    };
    assert_eq!(running(999, Some(1000), None).percent(), Some(99));
    assert_eq!(running(u64::MAX, Some(u64::MAX), None).percent(), Some(100));
    assert_eq!(running(2000, Some(1000), None).percent(), Some(100));
    assert_eq!(running(0, Some(0), Some(2)).percent(), Some(50));
    assert_eq!(running(0, Some(0), Some(0)).percent(), None);
    assert_eq!(running(7, None, None).percent(), None);
}

#[test]
fn groups_show_tags_retention_and_unreadable_files() {
    let mut view = restic(Some(Outcome::Incomplete));
    view.groups = vec![GroupView {
        path: "/srv/www".into(),
        tags: vec!["web".into()],
        retention: "last 5".into(),
        last_result: Some(Outcome::Incomplete),
        skipped: vec![SkippedFile { path: "/srv/www/key".into(), error: "permission denied".into() }],
        files_skipped: 3,
        ..GroupView::default()
    }];
    view.skipped_ticks = 1;
    let said = said(&page(vec![view]));
    assert!(said.contains("/srv/www!Incompletewebkeeps last 5"), "{said}");
    assert!(said.contains("3 files could not be read/srv/www/key: permission deniedand 2 more"), "{said}");
    assert!(said.contains("1 tick of the schedule skipped"), "{said}");
}

#[test]
fn recoveries_show_each_path() {
    let model = PageModel {
        recoveries: vec![RecoveryView {
            namespace: "demo".into(),
            name: "back".into(),
            repository: "host-demo".into(),
            phase: RecoveryPhase::Failed,
            started: Some(ago(60)),
            ended: Some(ago(30)),
            paths: vec![
                RecoveredPath {
                    path: "/srv/a".into(),
                    phase: RecoveryPhase::Succeeded,
                    files: Some(2),
                    bytes: Some(1024),
                    duration: Some(Duration::from_secs(1)),
                    ..RecoveredPath::default()
                },
                RecoveredPath {
                    path: "/srv/b".into(),
                    phase: RecoveryPhase::Failed,
                    error: Some("no snapshot of /srv/b".into()),
                    ..RecoveredPath::default()
                },
            ],
            ..RecoveryView::default()
        }],
        ..page(vec![])
    };
    let said = said(&model);
    assert!(said.contains("/srv/a✓Succeeded2 files1.0 KiBtook 1.0s"), "{said}");
    assert!(said.contains("/srv/b✕Failedno snapshot of /srv/b"), "{said}");
    assert!(said.contains("1 recovery faileddemo/back failed"), "{said}");
    assert!(said.contains("Ended30 seconds ago, took 30s"), "{said}");
}

#[test]
fn nothing_of_a_user_is_markup() {
    let evil = || "\"'><script>alert(1)</script>&amp;".to_owned();
    let failure = || Some(Failure { reason: FailureReason::Internal, message: evil() });
    let mut view = restic(Some(Outcome::Failed));
    (view.namespace, view.name, view.schedule) = (evil(), evil(), evil());
    view.groups = vec![GroupView {
        path: evil(),
        tags: vec![evil()],
        retention: evil(),
        failure: failure(),
        skipped: vec![SkippedFile { path: evil(), error: evil() }],
        files_skipped: 1,
        ..GroupView::default()
    }];
    if let Some(repository) = &mut view.repository {
        (repository.name, repository.location) = (evil(), evil());
        repository.failure = failure();
    }
    view.running = Some(RunningView {
        started: now(),
        phase: evil(),
        path: Some(evil()),
        files_done: 0,
        files_total: None,
        bytes_done: 0,
        bytes_total: None,
        current_file: Some(evil()),
    });
    let model = PageModel {
        host: evil(),
        folder: evil(),
        version: evil(),
        problems: vec![ProblemView { file: evil(), object: Some(evil()), problem: evil(), remedy: evil() }],
        recoveries: vec![RecoveryView { name: evil(), message: Some(evil()), ..RecoveryView::default() }],
        ..page(vec![view])
    };
    let html = document(&model);
    assert!(!html.contains("<script>"), "{html}");
    assert!(!html.contains("\"'>"), "{html}");
    assert!(html.contains("&quot;'&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp;"), "{html}");
}

#[test]
fn retention_is_in_words() {
    let policy = RetentionPolicy {
        keep_last: 5,
        keep_daily: 7,
        keep_tags: vec!["release".into(), "audit".into()],
        prune: true,
        ..RetentionPolicy::default()
    };
    assert_eq!(retention_words(Some(&policy)), "last 5, daily 7, tagged release or audit; then prune");
    assert_eq!(retention_words(None), "every snapshot");
    assert_eq!(
        retention_words(Some(&RetentionPolicy { prune: true, ..RetentionPolicy::default() })),
        "every snapshot"
    );
}

#[test]
fn a_thousand_sessions_stay_a_page_and_not_a_book() {
    let mut view = restic(Some(Outcome::Succeeded));
    if let Some(repository) = &mut view.repository {
        repository.history = (0..1000)
            .map(|minute| HistoryPoint {
                start: ago(60 * (1000 - minute)),
                duration: Duration::from_secs(3),
                outcome: Outcome::Succeeded,
                repository_bytes: Some(minute.unsigned_abs() << 20),
                bytes_added: Some(1),
            })
            .collect();
    }
    let size = fragment(&page(vec![view])).len();
    assert!(size < 40_000, "{size} bytes");
}
