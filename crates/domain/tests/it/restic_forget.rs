//! Retention is compared with `restic forget` itself, on one repository: which snapshots stay, and why.
//!
//! The repository holds the snapshots of every golden case, each as a host and path of its own, and two hosts with
//! two paths of many snapshots at scattered times. Every policy of the golden cases and of a list is applied to all
//! of them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, thread};

use domain::objects::restic::RetentionPolicy;
use domain::rules::retention::{Candidate, Decision, LAST_ONES, apply, keeps_everything};
use jiff::civil::{DateTime, datetime};
use jiff::fmt::temporal::Pieces;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ToSpan, Zoned};
use serde_json::Value;
use tempfile::TempDir;

use crate::retention::{Case, candidate, cases};

/// Policies beyond those of the golden cases, as they are written in a Restic.
const POLICIES: [&str; 25] = [
    "{keepLast: 1}",
    "{keepLast: 7}",
    "{keepLast: 1000}",
    "{keepHourly: 1}",
    "{keepHourly: 24}",
    "{keepHourly: 1000}",
    "{keepDaily: 1}",
    "{keepDaily: 7}",
    "{keepDaily: 1000}",
    "{keepWeekly: 4}",
    "{keepWeekly: 1000}",
    "{keepMonthly: 6}",
    "{keepMonthly: 1000}",
    "{keepYearly: 1}",
    "{keepYearly: 1000}",
    "{keepTags: [pin], keepLast: 1}",
    "{keepTags: [\"pin,nightly\", close], keepMonthly: 2}",
    "{keepTags: [\"nightly, pin\"], keepYearly: 2}",
    "{keepTags: [\",x\", \"x,\"], keepLast: 2}",
    "{keepTags: [pin, nightly]}",
    "{keepLast: 3, keepHourly: 5, keepDaily: 7}",
    "{keepDaily: 7, keepWeekly: 4, keepMonthly: 12, keepYearly: 5}",
    "{keepHourly: 2, keepWeekly: 2, keepTags: [\"\"]}",
    "{keepLast: 2, keepHourly: 3, keepDaily: 4, keepWeekly: 5, keepMonthly: 6, keepYearly: 7, keepTags: [x]}",
    "{keepWeekly: 1000, keepYearly: 1000}",
];

/// The gaps between scattered snapshots, from the newest back, in minutes: within an hour, a day, a week, a year.
const GAPS: [i64; 17] =
    [7, 40, 65, 3, 200, 700, 1_500, 30, 1_440, 9_000, 11_000, 2_000, 45_000, 44_000, 100_000, 300_000, 5];

/// Tags of scattered snapshots, in turn.
const TAGS: [&str; 7] = ["", "nightly", "pin,nightly", "", "x", "nightly,x,pin", "close"];

/// Hosts with scattered snapshots, and where their clocks are.
const SCATTERED: [(&str, &str); 2] = [("scattered-1", "Europe/Berlin"), ("scattered-2", "America/St_Johns")];

/// Host and path, whose snapshots are counted together.
type Group = (String, String);

/// What restic keeps of a group: for each snapshot the reasons.
type Kept = BTreeMap<String, Vec<String>>;

#[test]
fn real_restic_keeps_the_same_snapshots_for_the_same_reasons() {
    let repository = Repository::create();
    let cases = cases();
    repository.fill(&cases);
    let groups = repository.groups();
    assert_eq!(groups.len(), cases.len() + 4);
    for (index, case) in cases.iter().enumerate() {
        let recorded = wall_clocks(&groups[&repository.golden_group(index)]);
        let wanted = wall_clocks(&case.candidates);
        assert_eq!(
            recorded, wanted,
            "{}: if only offsets differ, restic finds no zones: install tzdata",
            case.name
        );
    }

    let listed = POLICIES.iter().map(|text| serde_saphyr::from_str::<RetentionPolicy>(text).unwrap());
    let policies: Vec<RetentionPolicy> = cases.iter().map(|case| case.policy.clone()).chain(listed).collect();
    let compared = AtomicUsize::new(0);
    in_parallel(&policies, |policy| {
        compared.fetch_add(repository.compare(policy, &groups), Ordering::Relaxed);
    });
    let expected = policies.iter().filter(|policy| !keeps_everything(policy)).count() * groups.len();
    assert_eq!(compared.into_inner(), expected, "every policy is compared on every host and path");
}

/// A restic repository in a folder of its own, and the program.
struct Repository {
    restic: PathBuf,
    folder: TempDir,
}

impl Repository {
    /// Copies the empty repository of the golden files. Its key is cheap, so that a call takes little time.
    fn create() -> Repository {
        let restic = env::var_os("STASH_TEST_RESTIC_NEW").map(PathBuf::from).expect(
            "STASH_TEST_RESTIC_NEW is not set: run through `cargo xtask test`, or set it to the path of a restic \
             program of version 0.17 or later",
        );
        let folder = TempDir::new().expect("a temporary folder");
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/weak-repository");
        for name in ["keys", "data", "index", "locks", "snapshots"] {
            fs::create_dir_all(folder.path().join("repository").join(name))
                .expect("a folder of the repository");
        }
        let keys = fs::read_dir(from.join("keys")).expect("the keys").map(|key| key.expect("a key").path());
        for file in keys.chain([from.join("config")]) {
            let name = file.strip_prefix(&from).expect("a path inside the golden repository");
            fs::copy(&file, folder.path().join("repository").join(name)).expect("a copied file");
        }
        for path in ["one", "two"] {
            fs::create_dir(folder.path().join(path)).expect("a folder to back up");
            fs::write(folder.path().join(path).join("file"), path).expect("a file to back up");
        }
        Repository { restic, folder }
    }

    fn run<S: AsRef<OsStr>>(&self, zone: &str, arguments: impl IntoIterator<Item = S>) -> Output {
        let mut command = Command::new(&self.restic);
        command.args(arguments).args(["--json", "--no-cache"]).current_dir(self.folder.path()).env_clear();
        command.env("RESTIC_REPOSITORY", "repository").env("RESTIC_PASSWORD", "retention").env("TZ", zone);
        command.output().expect("STASH_TEST_RESTIC_NEW names a program that can be run")
    }

    /// Makes the snapshots of the golden cases, two cases for a host, and the scattered ones.
    fn fill(&self, cases: &[Case]) {
        let mut snapshots = Vec::new();
        for (index, case) in cases.iter().enumerate() {
            for snapshot in &case.candidates {
                let hours = snapshot.time.offset().seconds() / 3600;
                // In these names of zones, plus is west.
                let zone = if hours == 0 { "UTC".to_owned() } else { format!("Etc/GMT{:+}", -hours) };
                let tags = snapshot.tags.join(",");
                let (host, path) = golden_place(index);
                snapshots.push((host, path, zone, snapshot.time.datetime(), tags));
            }
        }
        for (host, zone) in SCATTERED {
            for (path, mut time) in
                [("one", datetime(2026, 1, 5, 0, 20, 0, 0)), ("two", datetime(2024, 12, 31, 23, 59, 59, 0))]
            {
                for (gap, tags) in GAPS.iter().zip(TAGS.iter().cycle()) {
                    snapshots.push((host.to_owned(), path, zone.to_owned(), time, (*tags).to_owned()));
                    time -= gap.minutes();
                }
            }
        }
        in_parallel(&snapshots, |(host, path, zone, time, tags)| {
            let time = time.strftime("%Y-%m-%d %H:%M:%S").to_string();
            let mut arguments = vec!["backup", path, "--host", host, "--time", &time];
            if !tags.is_empty() {
                arguments.extend(["--tag", tags]);
            }
            let output = self.run(zone, arguments);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        });
    }

    fn golden_group(&self, index: usize) -> Group {
        let (host, path) = golden_place(index);
        let path = self.folder.path().canonicalize().expect("the temporary folder").join(path);
        (host, path.to_string_lossy().into_owned())
    }

    /// Every snapshot as restic lists it.
    fn groups(&self) -> BTreeMap<Group, Vec<Candidate>> {
        let output = self.run("UTC", ["snapshots", "--no-lock"]);
        let snapshots: Vec<Value> = serde_json::from_slice(&output.stdout).expect("a list of snapshots");
        let mut groups = BTreeMap::<Group, Vec<Candidate>>::new();
        for snapshot in &snapshots {
            let tags =
                snapshot["tags"].as_array().into_iter().flatten().map(text).collect::<Vec<_>>().join(",");
            let listed = candidate(&text(&snapshot["id"]), recorded_time(&text(&snapshot["time"])), &tags);
            groups
                .entry((text(&snapshot["hostname"]), text(&snapshot["paths"][0])))
                .or_default()
                .push(listed);
        }
        groups
    }

    /// What restic keeps of the hosts, all of them when none is given; or its message.
    fn forget(
        &self,
        policy: &RetentionPolicy,
        path: Option<&str>,
        hosts: &[&str],
    ) -> Result<BTreeMap<Group, Kept>, String> {
        let mut arguments = vec!["forget".to_owned(), "--dry-run".into(), "--no-lock".into()];
        arguments.extend(["--group-by".into(), "host,paths".into()]);
        arguments.extend(path.iter().map(|path| format!("--path={path}")));
        arguments.extend(hosts.iter().map(|host| format!("--host={host}")));
        arguments.extend(flags(policy));
        let output = self.run("UTC", arguments);
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let answer: Vec<Value> = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
        let mut groups = BTreeMap::new();
        for group in &answer {
            let reasons = group["reasons"].as_array().into_iter().flatten().map(|reason| {
                let matches = reason["matches"].as_array().into_iter().flatten().map(text).collect();
                (text(&reason["snapshot"]["time"]), matches)
            });
            let reasons: BTreeMap<String, Vec<String>> = reasons.collect();
            let kept = group["keep"].as_array().into_iter().flatten();
            let kept = kept.map(|kept| {
                (text(&kept["id"]), reasons.get(&text(&kept["time"])).cloned().unwrap_or_default())
            });
            groups.insert((text(&group["host"]), text(&group["paths"][0])), kept.collect());
        }
        Ok(groups)
    }

    /// Compares one policy on all groups; gives how many were compared.
    fn compare(&self, policy: &RetentionPolicy, groups: &BTreeMap<Group, Vec<Candidate>>) -> usize {
        if keeps_everything(policy) {
            return 0;
        }
        let ours: BTreeMap<&Group, Vec<Decision>> =
            groups.iter().map(|(group, snapshots)| (group, apply(policy, snapshots))).collect();
        let (refused, decided): (Vec<_>, Vec<_>) = ours
            .iter()
            .partition(|(_, decisions)| decisions.iter().all(|decision| decision.keep == [LAST_ONES]));
        let mut theirs = BTreeMap::new();
        if refused.is_empty() {
            theirs = self.forget(policy, None, &[]).expect("restic runs the policy");
        } else {
            let message =
                self.forget(policy, None, &[]).expect_err("restic refuses to remove the last snapshots");
            assert!(message.contains("refusing to delete last snapshot of snapshot group"), "{message}");
            let paths: BTreeSet<&str> = decided.iter().map(|((_, path), _)| path.as_str()).collect();
            for path in paths {
                let of_path = decided.iter().filter(|((_, other), _)| other == path);
                let hosts: Vec<&str> = of_path.map(|((host, _), _)| host.as_str()).collect();
                theirs.extend(self.forget(policy, Some(path), &hosts).expect("restic runs the policy"));
            }
        }
        assert_eq!(theirs.len(), decided.len(), "{policy:?}");
        for (group, decisions) in decided {
            let kept = decisions.iter().filter(|decision| !decision.keep.is_empty());
            let kept: Kept = kept.map(|decision| (decision.id.clone(), decision.keep.clone())).collect();
            assert_eq!(theirs.get(*group), Some(&kept), "restic on the left, for {group:?} and {policy:?}");
        }
        ours.len()
    }
}

/// Host and folder of a golden case: two cases share a host.
fn golden_place(index: usize) -> (String, &'static str) {
    (format!("golden-{}", index / 2), if index.is_multiple_of(2) { "one" } else { "two" })
}

/// Times with their offsets, and tags, in no order.
fn wall_clocks(snapshots: &[Candidate]) -> BTreeSet<(DateTime, Offset, BTreeSet<&String>)> {
    snapshots.iter().map(|s| (s.time.datetime(), s.time.offset(), s.tags.iter().collect())).collect()
}

/// A policy as options of `restic forget`: those that are set.
fn flags(policy: &RetentionPolicy) -> Vec<String> {
    let counts = [
        ("last", policy.keep_last),
        ("hourly", policy.keep_hourly),
        ("daily", policy.keep_daily),
        ("weekly", policy.keep_weekly),
        ("monthly", policy.keep_monthly),
        ("yearly", policy.keep_yearly),
    ];
    let counts =
        counts.iter().filter(|(_, count)| *count > 0).map(|(name, count)| format!("--keep-{name}={count}"));
    counts.chain(policy.keep_tags.iter().map(|tags| format!("--keep-tag={tags}"))).collect()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text in restic's answer").to_owned()
}

/// The instant at the offset that is recorded with it.
fn recorded_time(text: &str) -> Zoned {
    let pieces = Pieces::parse(text).expect("a time");
    let offset = pieces.to_numeric_offset().expect("the offset of a time");
    let instant: Timestamp = text.parse().expect("an instant");
    instant.to_zoned(TimeZone::fixed(offset))
}

/// Runs a job for each item, several at a time: restic spends most of a call waiting.
fn in_parallel<T: Sync>(items: &[T], job: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    job(item);
                }
            });
        }
    });
}
