//! Small plots as inline SVG: drawn here, on the server, so that they need neither JavaScript nor another asset.
//!
//! The drawing stretches to the width it is given (`preserveAspectRatio="none"`, strokes that do not scale), so all
//! text stands beside it as HTML. A dot is a line of no length with round ends, the one shape that does not distort.

use std::fmt::Write as _;

use domain::report::Outcome;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use look::words;
use maud::{Markup, html};

use super::model::HistoryPoint;

const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 100.0;
/// More bars than this are hard to point at, and make the page heavy; neighbours then share one.
const MOST_BARS: usize = 60;
/// Fewer bars than this would be as wide as a door; the room at the left stays free instead.
const FEWEST_SLOTS: usize = 30;
/// The least height of a bar, so that a session of no time can be seen.
const LEAST_BAR: f64 = 3.0;
/// Room above and below the line, so that its stroke is not cut off.
const MARGIN: f64 = 6.0;
/// Beyond this share of the width, the label of the oldest point would run into that of the newest.
const ROOM_FOR_LABEL: f64 = 0.55;
/// With more points than this their dots would hide the line; some of them show when they are pointed at.
const MOST_DOTS: usize = 60;

/// One bar per session, as high as it was long, coloured by its outcome. `points` are oldest first.
pub(super) fn durations(points: &[HistoryPoint], zone: &TimeZone) -> Markup {
    const CAPTION: &str = "Duration of each session";
    let (Some(longest), Some(shortest)) =
        (points.iter().map(|point| point.duration).max(), points.iter().map(|point| point.duration).min())
    else {
        return empty(CAPTION, "Starts with the first session.");
    };
    let bars: Vec<&[HistoryPoint]> = points.chunks(points.len().div_ceil(MOST_BARS).max(1)).collect();
    let slots = bars.len().max(FEWEST_SLOTS);
    let slot = WIDTH / slots as f64;
    let first = (slots - bars.len()) as f64;
    let label = format!(
        "{CAPTION}: {}, from {} to {}; {}",
        words::count(points.len() as u64, "session", "sessions"),
        words::duration(shortest),
        words::duration(longest),
        tally(points),
    );
    let drawing = html! {
        @for (index, sessions) in bars.iter().enumerate() {
            @let x = (first + index as f64) * slot;
            @let worst = worst(sessions);
            @let time = sessions.iter().map(|point| point.duration).max().unwrap_or_default();
            @let height = (share(time.as_secs_f64(), longest.as_secs_f64()) * HEIGHT).max(LEAST_BAR);
            g class={ "bar " (class(worst)) } {
                title { (bar_title(sessions, zone)) }
                // The whole slot answers to the pointer, and a session that went wrong is seen however short it was.
                rect.slot x=(number(x)) y="0" width=(number(slot)) height=(HEIGHT) {}
                rect.value x=(number(x + slot * 0.15)) y=(number(HEIGHT - height))
                    width=(number(slot * 0.7)) height=(number(height)) {}
            }
        }
    };
    figure(&Figure {
        caption: CAPTION,
        label: &label,
        top: &words::duration(longest),
        bottom: "0s",
        span: span(points),
        left: first / slots as f64,
        zone,
        drawing,
    })
}

/// The size of the repository over time; the line breaks where it was not measured. `points` are oldest first.
pub(super) fn sizes(points: &[HistoryPoint], zone: &TimeZone) -> Markup {
    const CAPTION: &str = "Size of the repository";
    let measured = || points.iter().filter_map(|point| point.repository_bytes);
    let (Some(least), Some(most)) = (measured().min(), measured().max()) else {
        let why = if points.is_empty() { "Starts with the first session." } else { "Not measured yet." };
        return empty(CAPTION, why);
    };
    let sampled = sample(points);
    let (from, to) = span(points);
    let x = |point: &HistoryPoint| {
        let length = to.duration_since(from).as_secs_f64();
        // A single moment stands at the right, where the present is.
        if length > 0.0 {
            share(point.start.duration_since(from).as_secs_f64(), length) * WIDTH
        } else {
            WIDTH
        }
    };
    let y = |bytes: u64| {
        let height = if most > least { share((bytes - least) as f64, (most - least) as f64) } else { 0.5 };
        HEIGHT - MARGIN - height * (HEIGHT - 2.0 * MARGIN)
    };
    let label = format!(
        "{CAPTION}: {}, from {} to {}",
        words::count(measured().count() as u64, "measurement", "measurements"),
        words::bytes(least),
        words::bytes(most),
    );
    // Not every point of a long line can be pointed at; the newest one can.
    let step = sampled.len().div_ceil(MOST_DOTS).max(1);
    let told: Vec<&HistoryPoint> = sampled.iter().rev().step_by(step).rev().collect();
    let drawing = html! {
        path.line d=(line(&sampled, x, y)) {}
        @for (index, point) in told.iter().enumerate() {
            @if let Some(bytes) = point.repository_bytes {
                @let here = x(point);
                @let before = index.checked_sub(1).and_then(|before| told.get(before));
                @let left = before.map_or(0.0, |p| (x(p) + here) / 2.0);
                @let right = told.get(index + 1).map_or(WIDTH, |p| (x(p) + here) / 2.0);
                g.point.dense[step > 1] {
                    title { (words::bytes(bytes)) ", " (words::absolute(point.start, zone)) }
                    rect.slot x=(number(left)) y="0" width=(number((right - left).max(0.0))) height=(HEIGHT) {}
                    path.dot d={ "M" (number(here)) " " (number(y(bytes))) "h0" } {}
                }
            }
        }
    };
    let top = words::bytes(most);
    let bottom = if most > least { words::bytes(least) } else { String::new() };
    figure(&Figure {
        caption: CAPTION,
        label: &label,
        top: &top,
        bottom: &bottom,
        span: (from, to),
        left: 0.0,
        zone,
        drawing,
    })
}

struct Figure<'a> {
    caption: &'a str,
    label: &'a str,
    top: &'a str,
    bottom: &'a str,
    span: (Timestamp, Timestamp),
    /// Where the oldest point stands, as a share of the width.
    left: f64,
    zone: &'a TimeZone,
    drawing: Markup,
}

fn figure(figure: &Figure<'_>) -> Markup {
    let (from, to) = figure.span;
    html! {
        figure.plot {
            figcaption { (figure.caption) }
            div.canvas {
                // Both bounds, or the one value that there is, at the height of its line.
                div.scale aria-hidden="true" {
                    span { (figure.top) }
                    @if !figure.bottom.is_empty() { span { (figure.bottom) } }
                }
                svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" role="img"
                    aria-label=(figure.label) { (figure.drawing) }
            }
            // Without a `viewBox`, so that text keeps its shape at a place that is a share of the width.
            svg.ends aria-hidden="true" {
                @if from < to && figure.left <= ROOM_FOR_LABEL {
                    text x={ (number(figure.left * 100.0)) "%" } y="1em" { (short_time(from, to, figure.zone)) }
                }
                text x="100%" y="1em" text-anchor="end" { (short_time(to, from, figure.zone)) }
            }
        }
    }
}

fn empty(caption: &str, why: &str) -> Markup {
    html! {
        figure.plot {
            figcaption { (caption) }
            p.nothing { (why) }
        }
    }
}

/// `time` as short as it can be told from `other`: without the date when both are of one day.
fn short_time(time: Timestamp, other: Timestamp, zone: &TimeZone) -> String {
    let (time, other) = (time.to_zoned(zone.clone()), other.to_zoned(zone.clone()));
    let pattern = if time.date() == other.date() { "%H:%M:%S" } else { "%-d %b %H:%M" };
    time.strftime(pattern).to_string()
}

fn span(points: &[HistoryPoint]) -> (Timestamp, Timestamp) {
    let starts = || points.iter().map(|point| point.start);
    // A clock that was set back leaves points out of order.
    (starts().min().unwrap_or_default(), starts().max().unwrap_or_default())
}

/// At most two points for each of [`MOST_BARS`] stretches of the past: the least and the greatest size, in the order
/// they came. A stretch without any measurement stays as one point without a value.
fn sample(points: &[HistoryPoint]) -> Vec<HistoryPoint> {
    let length = points.len().div_ceil(MOST_BARS).max(1);
    let mut sampled = Vec::with_capacity(points.len().min(2 * MOST_BARS));
    for stretch in points.chunks(length) {
        let measured = || stretch.iter().enumerate().filter(|(_, point)| point.repository_bytes.is_some());
        let least = measured().min_by_key(|(_, point)| point.repository_bytes);
        let most = measured().max_by_key(|(_, point)| point.repository_bytes);
        match (least, most) {
            (Some((a, low)), Some((b, high))) if a < b => sampled.extend([*low, *high]),
            (Some((a, low)), Some((b, high))) if a > b => sampled.extend([*high, *low]),
            (Some((_, only)), _) => sampled.push(*only),
            _ => sampled.extend(stretch.first().copied()),
        }
    }
    sampled
}

fn line(points: &[HistoryPoint], x: impl Fn(&HistoryPoint) -> f64, y: impl Fn(u64) -> f64) -> String {
    let mut path = String::new();
    let mut drawing = false;
    for point in points {
        if let Some(bytes) = point.repository_bytes {
            let (x, y) = (number(x(point)), number(y(bytes)));
            // The stroke of no length makes a dot of a value between two gaps.
            let written = if drawing { write!(path, "L{x} {y}") } else { write!(path, "M{x} {y}h0") };
            debug_assert!(written.is_ok(), "a String takes everything");
        }
        drawing = point.repository_bytes.is_some();
    }
    path
}

fn bar_title(sessions: &[HistoryPoint], zone: &TimeZone) -> String {
    match sessions {
        [] => String::new(),
        [one] => {
            let mut title = format!(
                "{} in {}, {}",
                one.outcome.as_str(),
                words::duration(one.duration),
                words::absolute(one.start, zone)
            );
            if let Some(added) = one.bytes_added {
                title.push_str(&format!(", {} added", words::bytes(added)));
            }
            title
        }
        [first, .., last] => format!(
            "{} from {} to {}: longest {}; {}",
            words::count(sessions.len() as u64, "session", "sessions"),
            words::absolute(first.start, zone),
            words::absolute(last.start, zone),
            words::duration(sessions.iter().map(|point| point.duration).max().unwrap_or_default()),
            tally(sessions),
        ),
    }
}

/// `40 succeeded, 2 failed`.
fn tally(points: &[HistoryPoint]) -> String {
    [Outcome::Succeeded, Outcome::Incomplete, Outcome::Failed, Outcome::Cancelled]
        .into_iter()
        .map(|outcome| (outcome, points.iter().filter(|point| point.outcome == outcome).count()))
        .filter(|(_, count)| *count > 0)
        .map(|(outcome, count)| format!("{} {}", words::grouped(count as u64), class(outcome)))
        .collect::<Vec<_>>()
        .join(", ")
}

/// What a bar of several sessions shows: a failure among them must not vanish behind a cancelled one.
fn worst(points: &[HistoryPoint]) -> Outcome {
    let severity = |outcome: &Outcome| match outcome {
        Outcome::Succeeded => 0,
        Outcome::Cancelled => 1,
        Outcome::Incomplete => 2,
        Outcome::Failed => 3,
    };
    points.iter().map(|point| point.outcome).max_by_key(severity).unwrap_or(Outcome::Succeeded)
}

/// The style class of an outcome.
pub(super) fn class(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "succeeded",
        Outcome::Incomplete => "incomplete",
        Outcome::Failed => "failed",
        Outcome::Cancelled => "cancelled",
    }
}

/// `part` of `whole`, from 0 to 1; 0 of nothing.
fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { (part / whole).clamp(0.0, 1.0) } else { 0.0 }
}

/// A coordinate, to a tenth of a unit.
fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests;
