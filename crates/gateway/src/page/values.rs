//! The samples of a family as a table: numbers with what they mean, histograms and summaries with a bar for each row.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use exposition::{Count, GroupingKey, Histogram, Kind, Summary, Value, number};
use jiff::Timestamp;
use look::{Clock, words};
use maud::{Markup, html};

use super::labels;
use crate::status::native::{self, Bounds};
use crate::store::Held;
use crate::store::series::Series;

/// Rows that tables may still have.
pub(super) struct Rows(pub(super) usize);

impl Rows {
    /// Takes what is there of `wanted`.
    fn take(&mut self, wanted: usize) -> usize {
        let taken = wanted.min(self.0);
        self.0 -= taken;
        taken
    }
}

/// Rows of one histogram or summary.
const BUCKETS: usize = 100;
/// With more labels than this, a column for each would be wider than any window.
const COLUMNS: usize = 5;

/// The table of `series`, and how many of them are in it.
pub(super) fn table(
    held: &Held,
    series: &[Arc<Series>],
    key: &GroupingKey,
    rows: &mut Rows,
    clock: &Clock<'_>,
) -> (Markup, usize) {
    match held.kind {
        Kind::Counter | Kind::Gauge | Kind::Untyped => numbers(held, series, key, rows, clock),
        Kind::Summary | Kind::Histogram | Kind::GaugeHistogram => {
            distributions(held, series, key, rows, clock)
        }
    }
}

/// What the line of a family says: its value when it has one, or how many series it has.
pub(super) fn gist(held: &Held, clock: &Clock<'_>) -> Markup {
    match held.series.as_slice() {
        [series] => match &series.value {
            Value::Number(value) => quantity(&held.name, *value, clock),
            Value::Summary(summary) => html! { (observations(Count::Whole(summary.count))) },
            Value::Histogram(histogram) => html! { (observations(histogram.count)) },
        },
        all => html! { (words::grouped(all.len() as u64)) " series" },
    }
}

/// Labels that a series has beside those of its group. An empty `instance` stands for none: the gateway adds it.
fn own<'a>(series: &'a Series, key: &'a GroupingKey) -> impl Iterator<Item = (&'a str, &'a str)> {
    let own = series.labels.iter().filter(|(name, _)| !key.labels().contains_key(*name));
    own.filter(|label| *label != ("instance", ""))
}

fn numbers(
    held: &Held,
    series: &[Arc<Series>],
    key: &GroupingKey,
    rows: &mut Rows,
    clock: &Clock<'_>,
) -> (Markup, usize) {
    let shown = rows.take(series.len());
    let series = series.get(..shown).unwrap_or_default();
    let names: BTreeSet<&str> =
        series.iter().flat_map(|series| own(series, key)).map(|(name, _)| name).collect();
    // Most families have one value and no labels of their own: a table of one cell says nothing more.
    if let ([series], true) = (series, names.is_empty())
        && let Value::Number(value) = &series.value
    {
        return (html! { p.totals { "Value " (quantity(&held.name, *value, clock)) } }, shown);
    }
    let columns = names.len() <= COLUMNS;
    let table = html! {
        @if shown > 0 {
            div.table tabindex="0" role="region" aria-label={ "Values of " (held.name) } {
                table {
                    thead {
                        tr {
                            @if columns {
                                @for name in &names { th scope="col" { (labels::short(name)) } }
                            } @else {
                                th scope="col" { "Labels" }
                            }
                            th.number scope="col" { "Value" }
                        }
                    }
                    tbody {
                        @for series in series {
                            tr {
                                @if columns {
                                    @for name in &names { td { (cell(series, name)) } }
                                } @else {
                                    td.labels { @for (name, value) in own(series, key) { (labels::label(name, value, labels::short)) " " } }
                                }
                                td.number {
                                    @if let Value::Number(value) = &series.value { (quantity(&held.name, *value, clock)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    (table, shown)
}

fn cell(series: &Series, name: &str) -> Markup {
    match series.labels.iter().find(|(held, _)| *held == name) {
        Some((_, value)) => labels::short(value),
        // A series that lacks the label differs from one where it is empty, to a reader at least.
        None => html! { span.quiet { "–" } },
    }
}

fn distributions(
    held: &Held,
    series: &[Arc<Series>],
    key: &GroupingKey,
    rows: &mut Rows,
    clock: &Clock<'_>,
) -> (Markup, usize) {
    // What does not fit as a whole comes on the next page.
    let mut left = rows.0;
    let fits = |series: &&Arc<Series>| {
        let height = height(&series.value);
        let fits = height <= left;
        left -= height.min(left);
        fits
    };
    let series: Vec<_> = series.iter().take_while(fits).collect();
    let table = html! {
        @for series in &series {
            div.distribution {
                ({ rows.take(1); labels_of(series, key) })
                @match &series.value {
                    Value::Summary(summary) => (quantiles(&held.name, summary, rows, clock)),
                    Value::Histogram(histogram) => (buckets(&held.name, histogram, rows)),
                    Value::Number(value) => p { (quantity(&held.name, *value, clock)) },
                }
            }
        }
    };
    (table, series.len())
}

/// The most rows that a distribution takes, its heading among them.
fn height(value: &Value) -> usize {
    let rows = match value {
        Value::Number(_) => 0,
        Value::Summary(summary) => summary.quantiles.len(),
        Value::Histogram(histogram) if histogram.native.as_ref().is_some_and(native::has_spans) => BUCKETS,
        Value::Histogram(histogram) => histogram.buckets.len() + 1,
    };
    1 + rows.min(BUCKETS)
}

fn labels_of(series: &Series, key: &GroupingKey) -> Markup {
    let mut own = own(series, key).peekable();
    if own.peek().is_none() {
        return html! {};
    }
    html! { p.labels { @for (name, value) in own { (labels::label(name, value, labels::short)) " " } } }
}

/// One row: what it stands for, its number, and how long its bar is.
struct Row {
    name: String,
    number: Markup,
    length: f64,
}

fn quantiles(name: &str, summary: &Summary, rows: &mut Rows, clock: &Clock<'_>) -> Markup {
    let all = summary.quantiles.len();
    let shown = rows.take(all.min(BUCKETS));
    let quantiles = summary.quantiles.iter().take(shown);
    let drawn = quantiles.map(|quantile| Row {
        name: number::format(quantile.quantile),
        number: quantity(name, quantile.value, clock),
        length: quantile.value,
    });
    html! {
        p.totals { (observations(Count::Whole(summary.count))) ", sum " (quantity(name, summary.sum, clock)) }
        (bars("Quantile", "Value", name, &drawn.collect::<Vec<_>>(), all - shown))
    }
}

fn buckets(name: &str, histogram: &Histogram, rows: &mut Rows) -> Markup {
    let native = histogram.native.as_ref().filter(|native| native::has_spans(native));
    let row =
        |name: String, count: Count| Row { name, number: html! { (counted(count)) }, length: count.as_f64() };
    let (drawn, hidden, what) = match native {
        Some(native) => {
            let mut all = native::buckets(native);
            let taken = rows.take(BUCKETS);
            let drawn: Vec<_> = all
                .by_ref()
                .take(taken)
                .map(|bucket| {
                    let [lower, upper] = [bucket.lower, bucket.upper].map(bound);
                    row(
                        match bucket.bounds {
                            Bounds::Upper => format!("({lower}, {upper}]"),
                            Bounds::Lower => format!("[{lower}, {upper})"),
                            Bounds::None => format!("({lower}, {upper})"),
                            Bounds::Both => format!("[{lower}, {upper}]"),
                        },
                        bucket.count,
                    )
                })
                .collect();
            rows.0 += taken - drawn.len();
            (drawn, all.count(), "native, ")
        }
        None => {
            let all = between(histogram);
            let shown = rows.take(all.len().min(BUCKETS));
            let hidden = all.len() - shown;
            (all.into_iter().take(shown).map(|(name, count)| row(name, count)).collect(), hidden, "")
        }
    };
    let sum = plain(histogram.sum);
    html! {
        p.totals { (what) (observations(histogram.count)) ", sum " (sum) (mean(histogram)) }
        (bars("Bucket", "Observations", name, &drawn, hidden))
    }
}

/// Buckets and how many observations are in each, rather than below its bound.
fn between(histogram: &Histogram) -> Vec<(String, Count)> {
    let mut bounds: Vec<_> =
        histogram.buckets.iter().map(|bucket| (bucket.upper_bound, bucket.cumulative_count)).collect();
    bounds.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    if bounds.last().is_none_or(|(bound, _)| bound.is_finite()) {
        bounds.push((f64::INFINITY, histogram.count));
    }
    let mut before: Option<(f64, Count)> = None;
    let mut buckets = Vec::with_capacity(bounds.len());
    for (upper, cumulative) in bounds {
        let below = before.map_or(Count::Whole(0), |(_, count)| count);
        let count = match (cumulative, below) {
            (Count::Whole(count), Count::Whole(below)) => Count::Whole(count.saturating_sub(below)),
            (count, below) => Count::Float((count.as_f64() - below.as_f64()).max(0.0)),
        };
        let name = match before {
            None => format!("≤ {}", bound(upper)),
            Some((lower, _)) if upper.is_infinite() => format!("> {}", bound(lower)),
            Some((lower, _)) => format!("({}, {}]", bound(lower), bound(upper)),
        };
        buckets.push((name, count));
        before = Some((upper, cumulative));
    }
    buckets
}

/// A table whose middle column is a bar chart.
fn bars(first: &str, last: &str, name: &str, rows: &[Row], hidden: usize) -> Markup {
    let finite = rows.iter().map(|row| row.length).filter(|length| length.is_finite());
    let longest = finite.fold(0.0, f64::max);
    html! {
        @if !rows.is_empty() {
            div.table tabindex="0" role="region" aria-label={ (last) " of " (name) } {
                table.bars {
                    thead { tr { th scope="col" { (first) } th.bar aria-hidden="true" {} th.number scope="col" { (last) } } }
                    tbody {
                        @for row in rows {
                            @let share = if longest > 0.0 { (row.length / longest).clamp(0.0, 1.0) } else { 0.0 };
                            tr {
                                th scope="row" { (row.name) }
                                td.bar aria-hidden="true" {
                                    // The comparison is false for what is not a number.
                                    @if share > 0.0 {
                                        svg viewBox="0 0 100 1" preserveAspectRatio="none" {
                                            rect width={ (format!("{:.1}", (share * 100.0).max(0.5))) } height="1" {}
                                        }
                                    }
                                }
                                td.number { (row.number) }
                            }
                        }
                    }
                }
            }
        }
        @if hidden > 0 { p.quiet { (words::count(hidden as u64, "more row", "more rows")) ", in the API" } }
    }
}

fn observations(count: Count) -> String {
    match count {
        Count::Whole(count) => words::count(count, "observation", "observations"),
        Count::Float(count) => format!("{} observations", plain(count)),
    }
}

fn counted(count: Count) -> String {
    match count {
        Count::Whole(count) => words::grouped(count),
        Count::Float(count) => plain(count),
    }
}

fn mean(histogram: &Histogram) -> Markup {
    let mean = histogram.sum / histogram.count.as_f64();
    html! { @if mean.is_finite() { ", mean " (rounded(mean)) } }
}

/// A number, and what it means when its name ends in a unit (<https://prometheus.io/docs/practices/naming/#base-units>).
fn quantity(name: &str, value: f64, clock: &Clock<'_>) -> Markup {
    html! {
        (plain(value))
        @if let Some(meaning) = meaning(name, value, clock) { " " span.meaning { (meaning) } }
    }
}

fn meaning(name: &str, value: f64, clock: &Clock<'_>) -> Option<Markup> {
    let name = name.strip_suffix("_total").unwrap_or(name);
    if let Some(name) = name.strip_suffix("_seconds") {
        if name.ends_with("timestamp") || name.ends_with("time") {
            // A point in time since 2001; less is a duration, or nothing.
            let time =
                (1e9..1e11).contains(&value).then(|| Timestamp::from_millisecond((value * 1e3) as i64).ok());
            return time.flatten().map(|time| clock.time(time));
        }
        let is_long = (60.0..1e11).contains(&value);
        return is_long.then(|| html! { (words::duration(Duration::from_secs_f64(value))) });
    }
    let is_large = name.ends_with("_bytes") && (1024.0..1e18).contains(&value);
    is_large.then(|| html! { (words::bytes(value as u64)) })
}

/// All digits, without an exponent where there is no need of one.
fn plain(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || (1e-6..1e16).contains(&size) { format!("{value}") } else { number::format(value) }
}

/// Bounds of native buckets have many digits that say nothing.
fn bound(value: f64) -> String {
    if plain(value).len() > 9 { rounded(value) } else { plain(value) }
}

/// Four significant digits.
fn rounded(value: f64) -> String {
    let rounded = format!("{value:.3e}").parse().unwrap_or(value);
    plain(rounded)
}

#[cfg(test)]
mod tests;
