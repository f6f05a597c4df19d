//! The history over restarts, crashes and long times.

use std::time::Duration;

use domain::report::Outcome;
use jiff::{SignedDuration, Timestamp};

use super::*;

fn point(second: i64) -> HistoryPoint {
    HistoryPoint {
        start: Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second),
        duration: Duration::from_millis(1500),
        outcome: Outcome::Incomplete,
        repository_bytes: Some(4096),
        bytes_added: None,
    }
}

#[test]
fn points_come_back_after_a_restart_each_to_its_repository() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.jsonl");
    let mut history = History::open(&path).unwrap();
    history.append("a", point(1)).unwrap();
    history.append("b", point(2)).unwrap();
    history.append("a", point(3)).unwrap();
    let history = History::open(&path).unwrap();
    assert_eq!(history.points("a"), [point(1), point(3)]);
    assert_eq!(history.points("b"), [point(2)]);
    assert_eq!(history.points("c"), []);
    assert!(history.damaged().is_empty());
}

#[test]
fn a_line_is_readable_by_other_programs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.jsonl");
    History::open(&path).unwrap().append("host-demo", point(1)).unwrap();
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        concat!(
            r#"{"repository":"host-demo","start":"1970-01-01T00:00:01Z","seconds":1.5,"#,
            r#""outcome":"Incomplete","repositoryBytes":4096}"#,
            "\n"
        )
    );
}

#[test]
fn damaged_lines_are_skipped_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.jsonl");
    let mut history = History::open(&path).unwrap();
    history.append("a", point(1)).unwrap();
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"not json\n{\"repository\":\"a\",\"seconds\":-1}\n\n\xff\xfe\n").unwrap();
    file.write_all(&vec![b'x'; 200_000]).unwrap();
    file.write_all(b"\n").unwrap();
    history.append("a", point(2)).unwrap();
    let history = History::open(&path).unwrap();
    assert_eq!(history.points("a"), [point(1), point(2)]);
    assert_eq!(history.damaged(), [2, 3, 5, 6]);
}

#[test]
fn a_line_that_a_crash_cut_off_does_not_spoil_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.jsonl");
    History::open(&path).unwrap().append("a", point(1)).unwrap();
    OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"repository\":\"a\",\"sta").unwrap();
    let mut history = History::open(&path).unwrap();
    assert_eq!(history.damaged(), [2]);
    history.append("a", point(2)).unwrap();
    assert_eq!(History::open(&path).unwrap().points("a"), [point(1), point(2)]);
}

#[test]
fn a_whole_last_line_without_its_end_counts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.jsonl");
    let mut line = encode("a", point(1)).unwrap();
    line.pop();
    fs::write(&path, line).unwrap();
    History::open(&path).unwrap().append("a", point(2)).unwrap();
    let history = History::open(&path).unwrap();
    assert_eq!(history.points("a"), [point(1), point(2)]);
    assert!(history.damaged().is_empty());
}

#[test]
fn the_newest_points_are_kept_and_the_file_stays_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.jsonl");
    let mut history = History::open(&path).unwrap();
    history.append("rare", point(0)).unwrap();
    for second in 0..3500 {
        history.append("busy", point(second)).unwrap();
    }
    let lines = fs::read_to_string(&path).unwrap().lines().count();
    assert!(lines <= KEPT + 1 + SLACK, "{lines}");
    for history in [history, History::open(&path).unwrap()] {
        assert_eq!(history.points("busy").len(), KEPT);
        assert_eq!(history.points("busy").first(), Some(&point(2500)));
        assert_eq!(history.points("busy").last(), Some(&point(3499)));
        assert_eq!(history.points("rare"), [point(0)]);
    }
}

#[test]
fn a_file_that_cannot_be_opened_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = History::open(folder.path().join("missing/history.jsonl")).unwrap_err().to_string();
    assert!(error.contains("missing/history.jsonl") && error.contains("plots"), "{error}");
}

#[test]
fn a_repository_that_is_gone_takes_its_past_along() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.jsonl");
    let mut history = History::open(&path).unwrap();
    history.append("a", point(1)).unwrap();
    history.append("b", point(2)).unwrap();
    history.remove("a").unwrap();
    history.remove("never").unwrap();
    history.append("b", point(3)).unwrap();
    for history in [history, History::open(&path).unwrap()] {
        assert_eq!(history.points("a"), []);
        assert_eq!(history.points("b"), [point(2), point(3)]);
    }
}
