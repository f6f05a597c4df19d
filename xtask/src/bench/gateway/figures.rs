//! What was measured, by name, and the table of it.

use std::collections::BTreeMap;

use super::Size;
use super::load::quantile;

/// Name of a measure → its value in the unit of [`ROWS`]. What a gateway cannot do is absent.
pub(super) type Figures = BTreeMap<&'static str, f64>;

/// Name, what it is, unit; in the order of the table.
const ROWS: [(&str, &str, &str); 29] = [
    ("push rate", "pushes a second", "1/s"),
    ("push p50", "  p50", "ms"),
    ("push p99", "  p99", "ms"),
    ("push cpu", "  CPU of a push", "ms"),
    ("lone p50", "one lone push, p50", "ms"),
    ("scraped push rate", "pushes a second beside a scrape each second", "1/s"),
    ("scraped push p50", "  p50", "ms"),
    ("scraped push p99", "  p99", "ms"),
    ("pushed scrape", "  such a scrape", "ms"),
    ("text", "scrape, text", "ms"),
    ("text first", "  until the first byte", "ms"),
    ("text cpu", "  CPU", "ms"),
    ("text bytes", "  size", "KiB"),
    ("gzip", "scrape, text in gzip", "ms"),
    ("gzip first", "  until the first byte", "ms"),
    ("gzip cpu", "  CPU", "ms"),
    ("gzip bytes", "  size", "KiB"),
    ("proto", "scrape, protobuf", "ms"),
    ("proto first", "  until the first byte", "ms"),
    ("proto cpu", "  CPU", "ms"),
    ("proto bytes", "  size", "KiB"),
    ("filled", "RSS when filled by pushes", "MiB"),
    ("started", "  after a restart", "MiB"),
    ("after", "  after the loads", "MiB"),
    ("peak", "  peak under the loads", "MiB"),
    ("ready", "restart until ready", "ms"),
    ("stop", "stop with a save", "ms"),
    ("file", "state file", "KiB"),
    ("peak share", "peak / filled", ""),
];

/// The median of each measure over rounds that have it.
pub(super) fn median(rounds: &[Figures]) -> Figures {
    let mut medians = Figures::new();
    for (name, ..) in ROWS {
        let mut values: Vec<f64> = rounds.iter().filter_map(|figures| figures.get(name).copied()).collect();
        values.sort_by(f64::total_cmp);
        if !values.is_empty() {
            medians.insert(name, quantile(&values, 0.5));
        }
    }
    if let (Some(peak), Some(filled)) = (medians.get("peak"), medians.get("filled")) {
        medians.insert("peak share", peak / filled);
    }
    medians
}

pub(super) fn print(size: &Size) {
    println!(
        "\n{:<46} {:>12} {:>12} {:>9}",
        format!("{} groups", size.groups),
        "stash",
        "reference",
        "ratio"
    );
    for (name, what, unit) in ROWS {
        let ours = size.ours.get(name).copied();
        let theirs = size.theirs.as_ref().and_then(|figures| figures.get(name).copied());
        if ours.is_none() && theirs.is_none() {
            continue;
        }
        let ratio = ours.zip(theirs).map(|(ours, theirs)| ours / theirs);
        let label = if unit.is_empty() { what.to_owned() } else { format!("{what}, {unit}") };
        println!("{label:<46} {:>12} {:>12} {:>9}", number(ours), number(theirs), number(ratio));
    }
}

/// Three digits that count, and `-` for what is not there.
pub(super) fn number(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if value >= 100.0 => format!("{value:.0}"),
        Some(value) if value >= 10.0 => format!("{value:.1}"),
        Some(value) if value >= 0.1 => format!("{value:.2}"),
        Some(value) => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_over_the_rounds_that_have_the_measure() {
        let rounds = [
            Figures::from([("filled", 10.0)]),
            Figures::from([("peak", 30.0)]),
            Figures::from([("peak", 20.0)]),
            Figures::from([("peak", 15.0)]),
        ];
        assert_eq!(median(&rounds), Figures::from([("filled", 10.0), ("peak", 20.0), ("peak share", 2.0)]));
    }
}
