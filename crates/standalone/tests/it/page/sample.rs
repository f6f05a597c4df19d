//! A host on which everything that the page can show is the case at once.

use std::time::Duration;

use domain::objects::recovery::RecoveryPhase;
use domain::report::{Failure, FailureReason, Outcome, SkippedFile};
use jiff::{SignedDuration, Timestamp};
use standalone::page::model::{
    GroupView, HistoryPoint, Integrity, PageModel, ProblemView, RecoveredPath, RecoveryView, RepositoryView,
    ResticView, RunningView,
};

/// 2026-03-02 03:04:05 UTC: the hour at which people read this page.
pub(super) fn now() -> Timestamp {
    Timestamp::from_second(1_772_420_645).expect("a time")
}

fn ago(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

/// A model with one Restic that waits for its first session.
pub(super) fn first() -> PageModel {
    let mut photos = restic("photos", "@every 10s");
    photos.next_run = Some(ago(-7));
    PageModel { restics: vec![photos], ..base() }
}

/// Running, failed, incomplete and paused Restics, refused objects, recoveries that succeeded, failed and run.
pub(super) fn busy() -> PageModel {
    PageModel {
        restics: vec![website(), mail(), archive(), paused()],
        recoveries: vec![running_recovery(), failed_recovery()],
        problems: vec![ProblemView {
            file: "/etc/stash/broken.yaml".into(),
            object: Some("Restic demo/website".into()),
            problem: "metadata.name: there is already a Restic demo/website, in /etc/stash/website.yaml"
                .into(),
            remedy: "Give the Restic another name, or remove one of the two.".into(),
        }],
        ..base()
    }
}

/// Everything that was wrong is right.
pub(super) fn succeed(model: &mut PageModel) {
    model.problems.clear();
    model.recoveries.clear();
    for restic in &mut model.restics {
        if let Some(repository) = &mut restic.repository {
            repository.last_result = Some(Outcome::Succeeded);
            repository.failure = None;
        }
    }
}

fn base() -> PageModel {
    PageModel {
        host: "backup-host".into(),
        folder: "/etc/stash".into(),
        version: "0.9.0".into(),
        ..PageModel::empty(now())
    }
}

fn restic(name: &str, schedule: &str) -> ResticView {
    ResticView {
        namespace: "demo".into(),
        name: name.into(),
        schedule: schedule.into(),
        groups: vec![GroupView {
            path: format!("/srv/{name}"),
            tags: vec![name.into()],
            retention: "last 5, daily 7; then prune".into(),
            ..GroupView::default()
        }],
        repository: Some(RepositoryView {
            name: format!("host-{name}"),
            location: format!("/var/backups/stash/host/backup-host/{name}"),
            ..RepositoryView::default()
        }),
        ..ResticView::default()
    }
}

fn filled(name: &str, schedule: &str, result: Outcome, history: Vec<HistoryPoint>) -> ResticView {
    let mut view = restic(name, schedule);
    view.next_run = Some(ago(-540));
    if let Some(repository) = &mut view.repository {
        repository.last_result = Some(result);
        repository.last_backup = history.last().map(|point| point.start);
        repository.last_success = Some(ago(7_520));
        repository.size_bytes = history.iter().rev().find_map(|point| point.repository_bytes);
        repository.snapshots = Some(12);
        repository.history = history;
    }
    for group in &mut view.groups {
        group.last_result = Some(result);
    }
    view
}

/// `count` sessions, one every ten minutes, the newest three minutes ago; deterministic, but not all equal.
fn sessions(count: u64, last: Outcome) -> Vec<HistoryPoint> {
    let mut bytes = 210_u64 << 20;
    (0..count)
        .map(|number| {
            let noise = number * 7919 % 97;
            bytes += (noise << 14) + if number % 40 == 39 { 30 << 20 } else { 0 };
            bytes -= if number % 25 == 24 { 12 << 20 } else { 0 };
            let newest = number + 1 == count;
            let outcome = match number % 61 {
                _ if newest => last,
                17 => Outcome::Incomplete,
                44 => Outcome::Failed,
                _ => Outcome::Succeeded,
            };
            let failed = outcome == Outcome::Failed;
            HistoryPoint {
                start: ago(180 + 600 * i64::try_from(count - 1 - number).unwrap_or_default()),
                duration: Duration::from_millis(if failed { 220 } else { 2_400 + noise * 31 }),
                outcome,
                repository_bytes: (!failed).then_some(bytes),
                bytes_added: (!failed).then_some(noise << 14),
            }
        })
        .collect()
}

fn website() -> ResticView {
    let mut view = filled("website", "*/10 * * * *", Outcome::Succeeded, sessions(500, Outcome::Succeeded));
    view.groups.push(GroupView {
        path: "/srv/website/uploads".into(),
        retention: "every snapshot".into(),
        last_result: Some(Outcome::Succeeded),
        ..GroupView::default()
    });
    view.skipped_ticks = 2;
    view.running = Some(RunningView {
        started: ago(12),
        phase: "Backing up".into(),
        path: Some("/srv/website".into()),
        files_done: 1_204,
        files_total: Some(2_961),
        bytes_done: 412 << 20,
        bytes_total: Some(1000 << 20),
        current_file: Some(
            "/srv/website/releases/2026-02-27/assets/images/landing/hero-large@2x.webp".into(),
        ),
    });
    if let Some(repository) = &mut view.repository {
        repository.last_success = Some(ago(180));
        repository.integrity = Integrity::Ok;
        repository.last_check = Some(ago(40_000));
    }
    view
}

fn mail() -> ResticView {
    let mut view =
        filled("mail", "TZ=Europe/Berlin 0 3 * * *", Outcome::Failed, sessions(14, Outcome::Failed));
    let failure = Failure {
        reason: FailureReason::WrongPassword,
        message: "the password of repository host-mail is not the one in Secret demo/mail-key (key RESTIC_PASSWORD): \
                  no key of /var/backups/stash/host/backup-host/mail opens with it; put back the password the \
                  repository was made with, or choose another place for a new repository"
            .into(),
    };
    for group in &mut view.groups {
        group.failure = Some(failure.clone());
    }
    if let Some(repository) = &mut view.repository {
        repository.failure = Some(failure);
    }
    view
}

fn archive() -> ResticView {
    let mut view = filled("archive", "@hourly", Outcome::Incomplete, sessions(2, Outcome::Incomplete));
    for group in &mut view.groups {
        group.path = "/srv/mail".into();
        group.files_skipped = 5;
        group.skipped = ["/srv/mail/spool/lock", "/srv/mail/spool/private"]
            .map(|path| SkippedFile { path: path.into(), error: "permission denied (os error 13)".into() })
            .to_vec();
    }
    if let Some(repository) = &mut view.repository {
        repository.failure = Some(Failure {
            reason: FailureReason::SourceUnreadable,
            message: "5 files below /srv/mail could not be read and are missing from the snapshot; let the user that \
                      runs stash read them"
                .into(),
        });
    }
    view
}

fn paused() -> ResticView {
    let mut view = restic("photos", "@daily");
    view.paused = true;
    view
}

fn running_recovery() -> RecoveryView {
    RecoveryView {
        namespace: "demo".into(),
        name: "website-back".into(),
        repository: "demo/host-website".into(),
        snapshot: Some("host-website-1a2b3c4d".into()),
        phase: RecoveryPhase::Running,
        started: Some(ago(4)),
        running: Some(RunningView {
            started: ago(4),
            phase: "Restoring".into(),
            path: Some("/srv/website".into()),
            files_done: 20,
            files_total: None,
            bytes_done: 3 << 20,
            bytes_total: None,
            current_file: None,
        }),
        paths: vec![RecoveredPath {
            path: "/srv/website".into(),
            phase: RecoveryPhase::Running,
            ..RecoveredPath::default()
        }],
        ..RecoveryView::default()
    }
}

fn failed_recovery() -> RecoveryView {
    RecoveryView {
        namespace: "demo".into(),
        name: "uploads-back".into(),
        repository: "demo/host-website".into(),
        phase: RecoveryPhase::Failed,
        started: Some(ago(4_000)),
        ended: Some(ago(3_990)),
        paths: vec![
            RecoveredPath {
                path: "/srv/website".into(),
                phase: RecoveryPhase::Succeeded,
                snapshot: Some("host-website-1a2b3c4d".into()),
                files: Some(2_961),
                bytes: Some(1000 << 20),
                duration: Some(Duration::from_millis(9_400)),
                ..RecoveredPath::default()
            },
            RecoveredPath {
                path: "/srv/website/uploads".into(),
                phase: RecoveryPhase::Failed,
                error: Some(
                    "no snapshot of /srv/website/uploads by host backup-host is in repository host-website; \
                     see `stash snapshots` for the paths it holds"
                        .into(),
                ),
                ..RecoveredPath::default()
            },
        ],
        ..RecoveryView::default()
    }
}
