//! Golden cases of schedules: what is read, what is refused and with which words, and when it fires.

use std::time::Duration;

use domain::rules::schedule::{Schedule, ScheduleError};
use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use proptest::prelude::*;

/// A zone of the compiled-in database.
pub(crate) fn zone(name: &str) -> TimeZone {
    TimeZoneDatabase::bundled().get(name).expect("a zone of the compiled-in database")
}

pub(crate) fn schedule(text: &str) -> Schedule {
    Schedule::parse(text).expect("a valid schedule")
}

/// The first firings after an instant, in UTC.
fn firings(text: &str, after: &str, local: &TimeZone, count: usize) -> Vec<String> {
    let schedule = schedule(text);
    let mut at: Timestamp = after.parse().expect("an instant");
    let mut firings = Vec::new();
    while let Some(next) = schedule.next_after(at, local).filter(|_| firings.len() < count) {
        firings.push(next.to_string());
        at = next;
    }
    firings
}

#[track_caller]
fn fires(text: &str, after: &str, expected: &[&str]) {
    assert_eq!(firings(text, after, &TimeZone::UTC, expected.len()), expected, "{text} after {after}");
}

#[test]
fn five_fields_fire_at_second_0_and_six_at_theirs() {
    fires("30 2 * * *", "2026-03-01T00:00:00Z", &["2026-03-01T02:30:00Z", "2026-03-02T02:30:00Z"]);
    fires("15 30 2 * * *", "2026-03-01T00:00:00Z", &["2026-03-01T02:30:15Z", "2026-03-02T02:30:15Z"]);
}

#[test]
fn the_next_firing_is_strictly_later_and_on_a_whole_second() {
    fires("* * * * * *", "2026-03-01T00:00:00Z", &["2026-03-01T00:00:01Z", "2026-03-01T00:00:02Z"]);
    fires("* * * * * *", "2026-03-01T00:00:00.999Z", &["2026-03-01T00:00:01Z"]);
    fires("0 * * * *", "2026-03-01T01:00:00Z", &["2026-03-01T02:00:00Z"]);
    fires("0 * * * *", "2026-03-01T00:59:59.5Z", &["2026-03-01T01:00:00Z"]);
    // Before 1970 fractions count downwards.
    fires("* * * * * *", "1969-12-31T23:59:58.5Z", &["1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z"]);
}

#[test]
fn steps_ranges_lists_and_names() {
    fires("*/20 9-10 * * *", "2026-03-01T09:30:00Z", &["2026-03-01T09:40:00Z", "2026-03-01T10:00:00Z"]);
    // n/step goes on to the end of the field.
    fires(
        "50/5 9 * * *",
        "2026-03-01T09:49:00Z",
        &["2026-03-01T09:50:00Z", "2026-03-01T09:55:00Z", "2026-03-02T09:50:00Z"],
    );
    fires(
        "0 1-9/4 * * *",
        "2026-03-01T00:00:00Z",
        &["2026-03-01T01:00:00Z", "2026-03-01T05:00:00Z", "2026-03-01T09:00:00Z"],
    );
    // A step beyond the field leaves its first value.
    fires("0 3/100 * * *", "2026-03-01T00:00:00Z", &["2026-03-01T03:00:00Z", "2026-03-02T03:00:00Z"]);
    fires("0 0 1 jAn,JUL ?", "2026-03-01T00:00:00Z", &["2026-07-01T00:00:00Z", "2027-01-01T00:00:00Z"]);
    fires(
        "0 0 ? * Mon-tue",
        "2026-03-01T00:00:00Z",
        &["2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z", "2026-03-09T00:00:00Z"],
    );
    // Empty parts of a list have always been ignored.
    fires("0 3,,5, * * *", "2026-03-01T00:00:00Z", &["2026-03-01T03:00:00Z", "2026-03-01T05:00:00Z"]);
}

#[test]
fn either_day_field_is_enough_unless_one_has_a_star() {
    // 13th or Friday.
    fires("0 0 13 * 5", "2026-03-06T00:00:00Z", &["2026-03-13T00:00:00Z", "2026-03-20T00:00:00Z"]);
    fires("0 0 13 * 5", "2026-04-10T00:00:00Z", &["2026-04-13T00:00:00Z", "2026-04-17T00:00:00Z"]);
    fires("0 0 13 * *", "2026-03-01T00:00:00Z", &["2026-03-13T00:00:00Z", "2026-04-13T00:00:00Z"]);
    // */n has a star: odd days that are Fridays; the 13th of a month that is a Sunday.
    fires("0 0 */2 * 5", "2026-03-01T00:00:00Z", &["2026-03-13T00:00:00Z", "2026-03-27T00:00:00Z"]);
    fires("0 0 13 * */7", "2026-03-01T00:00:00Z", &["2026-09-13T00:00:00Z"]);
    // Listing every value is no star: every day is enough.
    fires("0 0 13 * 0-6", "2026-03-01T00:00:00Z", &["2026-03-02T00:00:00Z"]);
}

#[test]
fn descriptors() {
    let after = "2026-03-04T10:30:00Z";
    fires("@hourly", after, &["2026-03-04T11:00:00Z"]);
    fires("@daily", after, &["2026-03-05T00:00:00Z", "2026-03-06T00:00:00Z"]);
    fires("@midnight", after, &["2026-03-05T00:00:00Z", "2026-03-06T00:00:00Z"]);
    fires("@weekly", after, &["2026-03-08T00:00:00Z", "2026-03-15T00:00:00Z"]);
    fires("@monthly", after, &["2026-04-01T00:00:00Z", "2026-05-01T00:00:00Z"]);
    fires("@yearly", after, &["2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z"]);
    fires("@annually", after, &["2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z"]);
}

#[test]
fn every_counts_whole_seconds_from_the_moment_of_asking() {
    fires("@every 1h30m", "2026-03-04T10:31:07.9Z", &["2026-03-04T12:01:07Z", "2026-03-04T13:31:07Z"]);
    let intervals = [("1.9s", 1), ("999ms", 1), ("0s", 1), ("15s", 15), ("90m", 5400)];
    for (text, seconds) in intervals {
        let schedule = schedule(&format!("@every {text}"));
        assert_eq!(schedule.is_every(), Some(Duration::from_secs(seconds)), "{text}");
    }
    assert_eq!(schedule("@daily").is_every(), None);
    // The calendar ends with the year 9999.
    fires("@every 2562047h", "9999-01-01T00:00:00Z", &[]);
    assert_eq!(
        schedule("@every 2562047h").next_after("9999-01-01T00:00:00Z".parse().unwrap(), &TimeZone::UTC),
        None
    );
}

#[test]
fn leap_days_and_month_ends() {
    fires("0 0 29 2 *", "2026-03-01T00:00:00Z", &["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]);
    fires(
        "0 0 31 * *",
        "2026-01-31T00:00:00Z",
        &["2026-03-31T00:00:00Z", "2026-05-31T00:00:00Z", "2026-07-31T00:00:00Z"],
    );
    fires("0 0 30 2,4 *", "2026-01-31T00:00:00Z", &["2026-04-30T00:00:00Z", "2027-04-30T00:00:00Z"]);
    // 2100 is no leap year, and the search ends with the fifth year.
    let century = schedule("0 0 29 2 *");
    assert_eq!(century.next_after("2096-03-01T00:00:00Z".parse().unwrap(), &TimeZone::UTC), None);
    fires("0 0 29 2 *", "2099-03-01T00:00:00Z", &["2104-02-29T00:00:00Z"]);
    assert_eq!(century.next_after(Timestamp::MAX, &TimeZone::UTC), None);
    fires("0 0 29 2 *", "-009999-01-03T00:00:00Z", &["-009996-02-29T00:00:00Z"]);
}

#[test]
fn a_zone_of_its_own_or_the_local_one() {
    let berlin = zone("Europe/Berlin");
    let after = "2026-01-01T12:00:00Z";
    assert_eq!(firings("30 2 * * *", after, &berlin, 1), ["2026-01-02T01:30:00Z"]);
    for prefix in ["TZ=Asia/Kolkata ", "CRON_TZ=Asia/Kolkata ", "TZ=Asia/Kolkata   ", " TZ=Asia/Kolkata\t"] {
        assert_eq!(firings(&format!("{prefix}30 2 * * *"), after, &berlin, 1), ["2026-01-01T21:00:00Z"]);
    }
    assert_eq!(firings("TZ=Asia/Kolkata @daily", after, &berlin, 1), ["2026-01-01T18:30:00Z"]);
    assert_eq!(firings("TZ=Asia/Kolkata @every 1h", after, &berlin, 1), ["2026-01-01T13:00:00Z"]);
}

#[test]
fn a_skipped_local_time_is_not_run() {
    let berlin = zone("Europe/Berlin");
    // 29 March 2026: 02:00 becomes 03:00 (01:00Z).
    let expected = ["2026-03-28T01:30:00Z", "2026-03-30T00:30:00Z"];
    assert_eq!(firings("30 2 * * *", "2026-03-28T00:00:00Z", &berlin, 2), expected);
    let expected = ["2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"];
    assert_eq!(firings("0 * * * *", "2026-03-28T23:59:00Z", &berlin, 3), expected);
    // A Sunday from the 25th to the 31st of March is the day of the change, so that 02:30 never exists.
    assert_eq!(firings("30 2 25-31 3 */7", "2026-01-01T00:00:00Z", &berlin, 1), [""; 0]);
    // Midnight of 24 April itself is skipped: the day begins at 01:00, and @daily rests.
    let expected = ["2026-04-22T22:00:00Z", "2026-04-24T21:00:00Z"];
    assert_eq!(firings("@daily", "2026-04-22T12:00:00Z", &zone("Africa/Cairo"), 2), expected);
}

#[test]
fn a_fixed_time_that_comes_twice_fires_at_the_first() {
    let berlin = zone("Europe/Berlin");
    // 25 October 2026: 03:00 becomes 02:00 (01:00Z).
    let expected = ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"];
    assert_eq!(firings("30 2 * * *", "2026-10-24T22:00:00Z", &berlin, 2), expected);
    // Asked in between, the first is over and there is no second.
    assert_eq!(firings("30 2 * * *", "2026-10-25T00:40:00Z", &berlin, 1), ["2026-10-26T01:30:00Z"]);
    assert_eq!(firings("30 2 * * *", "2026-10-25T01:10:00Z", &berlin, 1), ["2026-10-26T01:30:00Z"]);
    // Where the repetition ends, firing goes on.
    assert_eq!(firings("0 2-3 * * *", "2026-10-25T00:00:00Z", &berlin, 1), ["2026-10-25T02:00:00Z"]);
}

#[test]
fn an_interval_goes_on_through_both() {
    let berlin = zone("Europe/Berlin");
    let hourly = ["2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"];
    for text in ["0 * * * *", "@hourly", "0 0-23 * * *", "0 */1 * * *"] {
        assert_eq!(firings(text, "2026-10-24T23:30:00Z", &berlin, 3), hourly, "{text}");
    }
    let expected =
        ["2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z", "2026-10-26T01:00:00Z"];
    assert_eq!(firings("*/30 2 * * *", "2026-10-25T00:10:00Z", &berlin, 4), expected);
    // Half an hour is repeated on Lord Howe Island: from 02:00 back to 01:30 (15:00Z).
    let expected = [
        "2026-04-04T14:30:00Z",
        "2026-04-04T14:45:00Z",
        "2026-04-04T15:00:00Z",
        "2026-04-04T15:15:00Z",
        "2026-04-04T15:30:00Z",
    ];
    assert_eq!(firings("*/15 * * * *", "2026-04-04T14:15:00Z", &zone("Australia/Lord_Howe"), 5), expected);
}

#[test]
fn the_time_zone_database_is_compiled_in() {
    assert!(TimeZoneDatabase::bundled().available().count() > 400);
}

#[test]
fn the_text_is_shown_as_given() {
    for text in ["TZ=Europe/Berlin 0  3 * * mon", "@every 90m", "@daily"] {
        assert_eq!(schedule(&format!("  {text} ")).to_string(), text);
        assert_eq!(text.parse::<Schedule>().unwrap(), schedule(text));
    }
}

#[test]
fn kubernetes_gets_what_it_reads_alike() {
    let written = [
        ("*/5 1 * JAN mon", "*/5 1 * JAN mon", None),
        ("0 */5 1 * JAN mon", "*/5 1 * JAN mon", None),
        ("@daily", "0 0 * * *", None),
        ("TZ=europe/berlin @weekly", "0 0 * * 0", Some("Europe/Berlin")),
        ("CRON_TZ=UTC 0 3 * * *", "0 3 * * *", Some("UTC")),
        ("TZ=Europe/Berlin @every 90m", "@every 1h30m0s", None),
        // Kubernetes does not take a star with a step for a star, and the other way round.
        ("0 3 */2 * *", "0 3 */2 * *", None),
        ("0 3 */2 * 0-6", "0 3 */2 * *", None),
        ("0 3 1-31 * */2", "0 3 * * */2", None),
        ("0 3 1-31 * 1", "0 3 * * *", None),
        ("0 3 13 * 0-6", "0 3 * * *", None),
        ("0 3 13 * 5", "0 3 13 * 5", None),
    ];
    for (text, cron, zone) in written {
        let expected = Ok((cron.to_owned(), zone.map(str::to_owned)));
        assert_eq!(schedule(text).kubernetes_cron(), expected, "{text}");
    }
    for (text, part) in
        [("30 * * * * *", "at second \"30\""), ("*/30 * * * * *", "second"), ("0 3 */2 * 1", "both")]
    {
        let message = schedule(text).kubernetes_cron().unwrap_err().to_string();
        assert!(message.contains(part), "{message:?} should say {part:?}");
    }
}

#[test]
fn refusals_name_the_field_the_value_and_the_remedy() {
    let refused = [
        ("", "has 0 fields: write five"),
        ("   ", "has 0 fields"),
        ("* * * *", "has 4 fields"),
        ("* * * * * * *", "has 7 fields"),
        ("TZ=UTC", "has 0 fields"),
        ("60 * * * *", "the minute of the schedule is \"60\", but 60 is out of range: use 0 to 59"),
        ("60 * * * * *", "the seconds of the schedule is \"60\""),
        ("* 24 * * *", "the hour of the schedule is \"24\", but 24 is out of range: use 0 to 23"),
        ("* * 0 * *", "the day of month of the schedule is \"0\", but 0 is out of range: use 1 to 31"),
        ("* * 32 * *", "use 1 to 31"),
        (
            "* * * 13 *",
            "the month of the schedule is \"13\", but 13 is out of range: use 1 to 12, or JAN to DEC",
        ),
        ("* * * * 7", "use 0 to 6, or SUN to SAT (Sunday is 0, never 7)"),
        ("* * * * 5-7", "never 7"),
        ("* * * * FRI-MON", "\"FRI-MON\" goes backwards: write two ranges"),
        ("30-10 * * * *", "goes backwards"),
        ("*/0 * * * *", "the step of \"*/0\" is 0: use 1 or more"),
        ("5/0 * * * *", "is 0"),
        ("1-5/0 * * * *", "is 0"),
        ("*/0 * * * * *", "the seconds"),
        ("*/-1 * * * *", "\"-1\" is no step"),
        ("*/x * * * *", "\"x\" is no step"),
        ("*/ * * * *", "\"\" is no step"),
        ("*/99999999999999999999999 * * * *", "no step"),
        ("99999999999999999999999 * * * *", "not a number"),
        ("-1 * * * *", "\"-1\" is not a number"),
        ("1- * * * *", "\"\" is not a number"),
        ("1-2-3 * * * *", "\"1-2-3\" has more than one \"-\""),
        ("1/2/3 * * * *", "\"1/2/3\" has more than one \"/\""),
        ("*-5 * * * *", "\"*-5\" mixes \"*\" with a range"),
        ("** * * * *", "\"**\" is not a number"),
        (", * * * *", "names no value: write * for every value"),
        ("* * * janu *", "\"janu\" is neither a number nor a name of three letters"),
        ("mon * * * *", "\"mon\" is not a number"),
        ("1.5 * * * *", "\"1.5\" is not a number"),
        ("@fortnightly", "\"@fortnightly\" is no schedule: write @yearly"),
        ("@Daily", "in lower case"),
        ("@daily now", "is no schedule"),
        ("@every", "the interval of @every cannot be used"),
        ("@every 5", "lacks a unit after \"5\""),
        ("@every -5m", "is negative"),
        ("@every 1d", "a day is 24h"),
        ("@every1h", "is no schedule"),
        ("TZ=Mars/Olympus * * * * *", "the time zone \"Mars/Olympus\" of the schedule is not known"),
        ("TZ= * * * * *", "the time zone \"\""),
        ("TZ=Etc/Unknown * * * * *", "\"Etc/Unknown\""),
        ("TZ=../../etc/passwd * * * * *", "is not known"),
        ("tz=UTC * * * * *", "the seconds of the schedule is \"tz=UTC\""),
    ];
    for (text, part) in refused {
        let message = Schedule::parse(text).unwrap_err().to_string();
        assert!(message.contains(part), "{text:?}: {message:?} should say {part:?}");
    }
}

#[test]
fn days_that_no_calendar_has_are_refused() {
    for text in ["0 0 30 2 *", "0 0 31 feb,apr,jun,sep,nov *", "0 0 30-31 2 ?", "0 0 31 2 */2"] {
        let error = Schedule::parse(text);
        assert!(matches!(error, Err(ScheduleError::NeverFires { .. })), "{text}: {error:?}");
    }
    // On Mondays of February it can fire.
    fires("0 0 30 2 1", "2026-01-01T00:00:00Z", &["2026-02-02T00:00:00Z"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_text_is_too_strange(text in ".{0,60}|(TZ=|CRON_TZ=|@)?[-*?/,0-9 a-zA-Z]{0,60}|([-*?/,0-9]{1,6} ){4,5}[-*?/,0-9]{1,6}") {
        if let Ok(schedule) = Schedule::parse(&text) {
            let after = Timestamp::from_second(1_770_000_000).unwrap();
            let next = schedule.next_after(after, &zone("Europe/Berlin"));
            prop_assert!(next.is_none_or(|next| next > after));
        }
    }
}
