//! What the page shows, as plain values: the runner fills them, the renderer reads them, tests invent them.

use std::time::Duration;

use domain::objects::recovery::RecoveryPhase;
use domain::objects::restic::{FileGroup, RetentionPolicy};
use domain::report::{Failure, Outcome, SessionReport, SkippedFile};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// The whole page at one moment.
#[derive(Clone, Debug)]
pub struct PageModel {
    /// The moment; every relative time counts from here.
    pub now: Timestamp,
    /// Zone in which absolute times are written.
    pub zone: TimeZone,
    /// Name of the host.
    pub host: String,
    /// Folder the objects are read from.
    pub folder: String,
    /// Version of the program.
    pub version: String,
    /// Every accepted Restic, in the order to show.
    pub restics: Vec<ResticView>,
    /// Repositories of the folder that no Restic of the folder fills.
    pub other_repositories: Vec<RepositoryView>,
    /// Every accepted Recovery, in the order to show.
    pub recoveries: Vec<RecoveryView>,
    /// Objects and files that were refused.
    pub problems: Vec<ProblemView>,
}

impl PageModel {
    /// A page with nothing on it, at `now`, with absolute times in UTC.
    #[must_use]
    pub fn empty(now: Timestamp) -> Self {
        Self {
            now,
            zone: TimeZone::UTC,
            host: String::new(),
            folder: String::new(),
            version: String::new(),
            restics: Vec::new(),
            other_repositories: Vec::new(),
            recoveries: Vec::new(),
            problems: Vec::new(),
        }
    }
}

/// One Restic.
#[derive(Clone, Debug, Default)]
pub struct ResticView {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its schedule, as in the spec.
    pub schedule: String,
    /// Whether sessions are held back.
    pub paused: bool,
    /// When the next session is due; absent while paused or when the schedule never fires again.
    pub next_run: Option<Timestamp>,
    /// Ticks that fell into a running session, since the process started.
    pub skipped_ticks: u64,
    /// Ticks that were served late, since the process started.
    pub late_ticks: u64,
    /// Its file groups, in the order of the spec.
    pub groups: Vec<GroupView>,
    /// The repository it fills; absent until it is known.
    pub repository: Option<RepositoryView>,
    /// The session that is running now.
    pub running: Option<RunningView>,
}

/// One file group, with what the last session did to it.
#[derive(Clone, Debug, Default)]
pub struct GroupView {
    /// The path, as in the spec.
    pub path: String,
    /// Tags of its snapshots.
    pub tags: Vec<String>,
    /// Its retention in words, see [`retention_words`].
    pub retention: String,
    /// How the last session ended for this group.
    pub last_result: Option<Outcome>,
    /// Why it did not succeed.
    pub failure: Option<Failure>,
    /// Files that could not be read: the first few.
    pub skipped: Vec<SkippedFile>,
    /// All files and folders that could not be read, also those not listed.
    pub files_skipped: u64,
}

impl GroupView {
    /// The spec's half; the last session's half is empty.
    #[must_use]
    pub fn new(group: &FileGroup, policy: Option<&RetentionPolicy>) -> Self {
        Self {
            path: group.path.clone(),
            tags: group.tags.clone(),
            retention: retention_words(policy),
            ..Self::default()
        }
    }

    /// Takes over what `report` says about this path; a session that never came to it changes nothing.
    pub fn apply(&mut self, report: &SessionReport) {
        let Some(group) = report.groups.iter().find(|group| group.path == self.path) else {
            return;
        };
        let operations = [&group.backup, &group.forget, &group.restore];
        let mut outcome = None;
        self.failure = None;
        for operation in operations.into_iter().flatten() {
            let so_far = outcome.unwrap_or(Outcome::Succeeded);
            outcome = Some(operation.outcome.worst(so_far));
            if self.failure.is_none() {
                self.failure.clone_from(&operation.failure);
            }
        }
        self.last_result = outcome;
        self.skipped.clone_from(&group.skipped);
        let listed = u64::try_from(group.skipped.len()).unwrap_or(u64::MAX);
        self.files_skipped = group.amount.map_or(listed, |amount| amount.files_skipped.max(listed));
    }
}

/// A retention policy as people say it: `last 5, daily 7, tagged release; then prune`.
///
/// No policy, and a policy without any rule, keep everything.
#[must_use]
pub fn retention_words(policy: Option<&RetentionPolicy>) -> String {
    const ALL: &str = "every snapshot";
    let Some(policy) = policy else { return ALL.to_owned() };
    let counts = [
        ("last", policy.keep_last),
        ("hourly", policy.keep_hourly),
        ("daily", policy.keep_daily),
        ("weekly", policy.keep_weekly),
        ("monthly", policy.keep_monthly),
        ("yearly", policy.keep_yearly),
    ];
    let mut rules: Vec<String> = counts
        .iter()
        .filter(|(_, count)| *count != 0)
        .map(|(word, count)| format!("{word} {count}"))
        .collect();
    if !policy.keep_tags.is_empty() {
        rules.push(format!("tagged {}", policy.keep_tags.join(" or ")));
    }
    if rules.is_empty() {
        return ALL.to_owned();
    }
    let mut words = rules.join(", ");
    if policy.dry_run {
        words.push_str("; dry run, nothing is removed");
    } else if policy.prune {
        words.push_str("; then prune");
    }
    words
}

/// One repository.
#[derive(Clone, Debug, Default)]
pub struct RepositoryView {
    /// Name of the Repository object.
    pub name: String,
    /// Where it lives, in restic's notation. Never holds credentials.
    pub location: String,
    /// How the newest session ended.
    pub last_result: Option<Outcome>,
    /// Start of the newest session, whatever its result.
    pub last_backup: Option<Timestamp>,
    /// Start of the newest session that succeeded.
    pub last_success: Option<Timestamp>,
    /// Why the newest session did not succeed.
    pub failure: Option<Failure>,
    /// Bytes in the storage, when they were measured.
    pub size_bytes: Option<u64>,
    /// Snapshots in the repository, when they were counted.
    pub snapshots: Option<u64>,
    /// What the last check found.
    pub integrity: Integrity,
    /// When it was last checked.
    pub last_check: Option<Timestamp>,
    /// Its sessions, oldest first.
    pub history: Vec<HistoryPoint>,
}

/// What the last check of a repository found.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Integrity {
    /// It was never checked.
    #[default]
    Unknown,
    /// Nothing was wrong.
    Ok,
    /// Parts are missing or altered.
    Damaged,
}

impl Integrity {
    /// Reads `Repository.status.integrity`; anything but `Ok` and `Damaged` is unknown.
    #[must_use]
    pub fn from_status(text: &str) -> Self {
        match text {
            "Ok" => Integrity::Ok,
            "Damaged" => Integrity::Damaged,
            _ => Integrity::Unknown,
        }
    }
}

/// A session or recovery that is under way.
#[derive(Clone, Debug)]
pub struct RunningView {
    /// When it began.
    pub started: Timestamp,
    /// What it does at the moment, as people say it: `Backing up`, `Pruning`.
    pub phase: String,
    /// The file group or path at hand.
    pub path: Option<String>,
    /// Files done.
    pub files_done: u64,
    /// Files in all, once they are counted.
    pub files_total: Option<u64>,
    /// Bytes done.
    pub bytes_done: u64,
    /// Bytes in all, once they are counted.
    pub bytes_total: Option<u64>,
    /// The file at hand.
    pub current_file: Option<String>,
}

impl RunningView {
    /// Share of the work that is done, from 0 to 100: by bytes, or by files when there are no bytes. Absent until
    /// the totals are known. Rounded down, so that 100 means done.
    #[must_use]
    pub fn percent(&self) -> Option<u8> {
        let (done, total) = match (self.bytes_total, self.files_total) {
            (Some(total), _) if total > 0 => (self.bytes_done, total),
            (_, Some(total)) if total > 0 => (self.files_done, total),
            _ => return None,
        };
        u8::try_from(u128::from(done.min(total)) * 100 / u128::from(total)).ok()
    }
}

/// One session of a repository's past.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryPoint {
    /// When it began.
    pub start: Timestamp,
    /// How long it took; written in seconds.
    #[serde(rename = "seconds", with = "seconds")]
    pub duration: Duration,
    /// How it ended.
    pub outcome: Outcome,
    /// Bytes in the storage after it, when they were measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository_bytes: Option<u64>,
    /// Bytes it added to the storage, when it got that far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_added: Option<u64>,
}

impl From<&SessionReport> for HistoryPoint {
    fn from(report: &SessionReport) -> Self {
        let mut added =
            report.groups.iter().filter_map(|group| group.amount).map(|amount| amount.bytes_added);
        Self {
            start: report.start,
            duration: report.duration,
            outcome: report.outcome,
            repository_bytes: report.repository_bytes,
            bytes_added: added.next().map(|first| added.fold(first, u64::saturating_add)),
        }
    }
}

/// A duration as a number of seconds, because that is what people grep for and other programs plot.
mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(duration.as_secs_f64())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// One Recovery.
#[derive(Clone, Debug, Default)]
pub struct RecoveryView {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Name of the Repository it reads from.
    pub repository: String,
    /// The snapshot it asks for; none takes the latest of each path.
    pub snapshot: Option<String>,
    /// How far it has come.
    pub phase: RecoveryPhase,
    /// What it waits for, or anything else worth a sentence.
    pub message: Option<String>,
    /// When the restore began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Why it failed as a whole; the failure of one path stands at the path.
    pub failure: Option<Failure>,
    /// One entry per path.
    pub paths: Vec<RecoveredPath>,
    /// Its progress, while it runs.
    pub running: Option<RunningView>,
}

/// One path of a Recovery.
#[derive(Clone, Debug, Default)]
pub struct RecoveredPath {
    /// The path, as in the spec.
    pub path: String,
    /// How far it has come.
    pub phase: RecoveryPhase,
    /// The snapshot it came from.
    pub snapshot: Option<String>,
    /// Files written, once it has ended.
    pub files: Option<u64>,
    /// Bytes written, once it has ended.
    pub bytes: Option<u64>,
    /// How long it took, once it has ended.
    pub duration: Option<Duration>,
    /// Why it failed.
    pub error: Option<String>,
}

/// Something in the folder that was refused.
#[derive(Clone, Debug, Default)]
pub struct ProblemView {
    /// The file.
    pub file: String,
    /// The object in it, as `Restic demo/website`, when it got that far.
    pub object: Option<String>,
    /// What is wrong, with the field's path where there is one.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}
