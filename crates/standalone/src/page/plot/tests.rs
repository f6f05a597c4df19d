//! Plots of every number of points, in the text that a browser and a screen reader get.

use std::time::Duration;

use jiff::SignedDuration;

use super::*;

fn point(minute: i64, seconds: u64, outcome: Outcome, bytes: Option<u64>) -> HistoryPoint {
    HistoryPoint {
        start: Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute),
        duration: Duration::from_secs(seconds),
        outcome,
        repository_bytes: bytes,
        bytes_added: None,
    }
}

fn good(minute: i64, bytes: Option<u64>) -> HistoryPoint {
    point(minute, 2, Outcome::Succeeded, bytes)
}

fn bars(points: &[HistoryPoint]) -> String {
    durations(points, &TimeZone::UTC).into_string()
}

fn area(points: &[HistoryPoint]) -> String {
    sizes(points, &TimeZone::UTC).into_string()
}

fn path(svg: &str) -> &str {
    let (_, rest) = svg.split_once(r#"class="line" d=""#).expect("a line");
    rest.split_once('"').expect("its end").0
}

#[test]
fn no_point_says_when_there_will_be_one() {
    assert!(bars(&[]).contains("Starts with the first session."));
    assert!(area(&[]).contains("Starts with the first session."));
    assert!(!bars(&[]).contains("<svg"));
}

#[test]
fn one_point_is_a_whole_bar_and_a_dot_at_the_present() {
    let one = [good(0, Some(2048))];
    let svg = bars(&one);
    assert!(svg.contains("1 session, from 2.0s to 2.0s; 1 succeeded"), "{svg}");
    assert!(svg.contains(r#"y="0" width="14" height="100""#), "{svg}");
    assert_eq!(path(&area(&one)), "M600 50h0");
}

#[test]
fn two_points_are_a_line_from_edge_to_edge() {
    assert_eq!(path(&area(&[good(0, Some(0)), good(1, Some(10))])), "M0 94h0L600 6");
}

#[test]
fn equal_values_lie_in_the_middle_under_one_label() {
    let svg = area(&[good(0, Some(1024)), good(1, Some(1024)), good(2, Some(1024))]);
    assert_eq!(path(&svg), "M0 50h0L300 50L600 50");
    assert_eq!(svg.matches("<span>1.0 KiB</span>").count(), 1);
}

#[test]
fn the_line_breaks_where_the_size_was_not_measured() {
    let points = [good(0, Some(1)), good(1, None), good(2, Some(2)), good(3, None), good(4, Some(3))];
    assert_eq!(path(&area(&points)), "M0 94h0M300 50h0M600 6h0");
    assert!(area(&points).contains("3 measurements, from 1 B to 3 B"));
    assert!(area(&[good(0, None)]).contains("Not measured yet."));
}

#[test]
fn many_points_share_bars_and_no_failure_is_lost() {
    let mut points: Vec<_> =
        (0..500).map(|minute| good(minute, Some(1000 + minute.unsigned_abs()))).collect();
    points[250] = point(250, 9, Outcome::Failed, None);
    let svg = bars(&points);
    assert_eq!(svg.matches(r#"class="bar "#).count(), 56);
    assert_eq!(svg.matches(r#"class="bar failed""#).count(), 1);
    assert!(svg.contains("500 sessions, from 2.0s to 9.0s; 499 succeeded, 1 failed"));
    assert!(svg.contains("longest 9.0s; 8 succeeded, 1 failed"));
    let svg = area(&points);
    assert!(svg.matches(r#"class="point dense""#).count() <= MOST_DOTS);
    // The extremes of the scale are points of the line.
    assert!(path(&svg).starts_with("M0 94h0") && path(&svg).ends_with("L600 6"), "{}", path(&svg));
}

#[test]
fn a_session_of_no_time_can_be_seen() {
    let svg = bars(&[point(0, 0, Outcome::Failed, None), point(1, 0, Outcome::Cancelled, None)]);
    assert!(svg.contains(r#"y="97" width="14" height="3""#), "{svg}");
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
}

#[test]
fn a_clock_that_was_set_back_draws_inside_the_frame() {
    let svg = area(&[good(5, Some(1)), good(0, Some(2)), good(10, Some(3))]);
    assert_eq!(path(&svg), "M300 94h0L0 50L600 6");
    assert!(!svg.contains(r#"width="-"#));
}

#[test]
fn numbers_at_their_limits_are_drawn() {
    let mut endless = good(1, Some(u64::MAX));
    endless.duration = Duration::MAX;
    let points = [good(0, Some(0)), endless];
    assert_eq!(path(&area(&points)), "M0 94h0L600 6");
    assert!(!bars(&points).contains("NaN"));
}
