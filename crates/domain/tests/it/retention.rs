//! Golden cases of retention: each file under `tests/golden/retention` holds a reason, a policy and a list of
//! snapshots, newest first, with what keeps each. They are written by hand; nothing regenerates them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use domain::objects::restic::RetentionPolicy;
use domain::rules::retention::{Candidate, Decision, NO_POLICY, apply, keeps_everything};
use jiff::Zoned;
use jiff::fmt::strtime;
use jiff::tz::{Offset, TimeZone};

/// One file.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) policy: RetentionPolicy,
    /// In the order of the file.
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) expected: Vec<Decision>,
}

/// Every golden case, by name.
pub(crate) fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/retention");
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(&folder).expect("the folder of golden cases") {
        let path = entry.expect("an entry of the folder of golden cases").path();
        let name = path.file_stem().expect("a file name").to_string_lossy().into_owned();
        files.insert(name, fs::read_to_string(&path).expect("a golden case"));
    }
    let cases = files.iter().map(|(name, text)| read(name, text).map_err(|why| format!("{name}: {why}")));
    cases.collect::<Result<_, _>>().expect("golden cases of the form that is described at their reader")
}

/// `Why: …`, an empty line, `policy: {…}`, an empty line, then one line for each snapshot:
/// `weekday date time offset  tags | reasons`.
fn read(name: &str, text: &str) -> Result<Case, String> {
    let parts: Vec<&str> = text.splitn(3, "\n\n").collect();
    let [why, policy, snapshots] = parts[..] else {
        return Err("three parts, separated by empty lines, are needed".into());
    };
    if !why.starts_with("Why: ") {
        return Err("the case must say why".into());
    }
    let policy = policy.strip_prefix("policy: ").ok_or("the second part is \"policy: {…}\"")?;
    let policy: RetentionPolicy = serde_saphyr::from_str(policy).map_err(|error| error.to_string())?;
    let mut case = Case { name: name.to_owned(), policy, candidates: Vec::new(), expected: Vec::new() };
    for line in snapshots.lines() {
        let (snapshot, reasons) = line.split_once(" | ").ok_or(format!("no \" | \" in {line:?}"))?;
        let (time, tags) = snapshot.split_once("  ").ok_or(format!("no tags in {line:?}"))?;
        let zoned = wall_clock(time).map_err(|error| format!("{line:?}: {error}"))?;
        let keep =
            if reasons == "removed" { Vec::new() } else { reasons.split("; ").map(str::to_owned).collect() };
        case.candidates.push(candidate(time, zoned, tags.trim()));
        case.expected.push(Decision { id: time.to_owned(), keep });
    }
    Ok(case)
}

/// Reads `Mon 2026-03-02 12:00 +01:00`. A wrong weekday is an error.
fn wall_clock(text: &str) -> Result<Zoned, jiff::Error> {
    let parsed = strtime::parse("%a %Y-%m-%d %H:%M %:z", text)?;
    let offset = parsed.offset().unwrap_or(Offset::UTC);
    let date = parsed.to_date()?;
    parsed.to_datetime()?.to_zoned(TimeZone::fixed(offset)).and_then(|zoned| {
        let weekday = parsed.weekday().unwrap_or(date.weekday());
        if weekday == date.weekday() {
            Ok(zoned)
        } else {
            Err(jiff::Error::from_args(format_args!("{date} is no {weekday:?}")))
        }
    })
}

pub(crate) fn candidate(id: &str, time: Zoned, tags: &str) -> Candidate {
    let tags = tags.split(',').filter(|tag| !tag.is_empty() && *tag != "-").map(str::to_owned).collect();
    Candidate { id: id.to_owned(), time, tags }
}

#[test]
fn golden_cases() {
    let cases = cases();
    assert!(cases.len() >= 25, "only {} golden cases were found", cases.len());
    for case in &cases {
        assert_eq!(apply(&case.policy, &case.candidates), case.expected, "{}", case.name);
    }
}

#[test]
fn the_order_of_the_snapshots_does_not_matter() {
    for mut case in cases() {
        case.candidates.reverse();
        assert_eq!(apply(&case.policy, &case.candidates), case.expected, "{}, reversed", case.name);
        case.candidates.rotate_left(1);
        assert_eq!(apply(&case.policy, &case.candidates), case.expected, "{}, rotated", case.name);
    }
}

#[test]
fn snapshots_of_one_instant_are_ordered_by_id() {
    let time: Zoned = "2026-03-02T12:00+00[UTC]".parse().unwrap();
    let policy = RetentionPolicy { keep_last: 1, ..RetentionPolicy::default() };
    let (a, b) = (candidate("a", time.clone(), ""), candidate("b", time, ""));
    let expected = vec![
        Decision { id: "a".into(), keep: vec!["last snapshot".into()] },
        Decision { id: "b".into(), keep: Vec::new() },
    ];
    assert_eq!(apply(&policy, &[a.clone(), b.clone()]), expected);
    assert_eq!(apply(&policy, &[b, a]), expected);
}

#[test]
fn a_policy_without_rules_keeps_everything() {
    let none = RetentionPolicy { prune: true, dry_run: true, name: "x".into(), ..RetentionPolicy::default() };
    let negative = RetentionPolicy { keep_last: -1, keep_yearly: i64::MIN, ..none.clone() };
    let time: Zoned = "2026-03-02T12:00+00[UTC]".parse().unwrap();
    for policy in [none.clone(), negative] {
        assert!(keeps_everything(&policy));
        let decisions = apply(&policy, &[candidate("a", time.clone(), "")]);
        assert_eq!(decisions, [Decision { id: "a".into(), keep: vec![NO_POLICY.into()] }]);
        assert_eq!(apply(&policy, &[]), []);
    }
    assert!(!keeps_everything(&RetentionPolicy { keep_yearly: 1, ..none.clone() }));
    assert!(!keeps_everything(&RetentionPolicy { keep_tags: vec!["x".into()], ..none }));
}

#[test]
fn no_snapshots_need_no_decision() {
    let policy =
        RetentionPolicy { keep_tags: vec!["x".into()], keep_daily: i64::MAX, ..RetentionPolicy::default() };
    assert_eq!(apply(&policy, &[]), []);
}
