//! `process_*`: what the process takes, under the names and help texts of Go's client library, which dashboards know.

use std::io::Read;

use exposition::{Family, Kind, Sample, Value};
use procfs::process::{LimitValue, Process};

/// Names, kinds and help texts; the order is that of [`values`].
const FAMILIES: [(&str, Kind, &str); 9] = [
    ("process_cpu_seconds_total", Kind::Counter, "Total user and system CPU time spent in seconds."),
    ("process_max_fds", Kind::Gauge, "Maximum number of open file descriptors."),
    (
        "process_network_receive_bytes_total",
        Kind::Counter,
        "Number of bytes received by the process over the network.",
    ),
    (
        "process_network_transmit_bytes_total",
        Kind::Counter,
        "Number of bytes sent by the process over the network.",
    ),
    ("process_open_fds", Kind::Gauge, "Number of open file descriptors."),
    ("process_resident_memory_bytes", Kind::Gauge, "Resident memory size in bytes."),
    ("process_start_time_seconds", Kind::Gauge, "Start time of the process since unix epoch in seconds."),
    ("process_virtual_memory_bytes", Kind::Gauge, "Virtual memory size in bytes."),
    ("process_virtual_memory_max_bytes", Kind::Gauge, "Maximum amount of virtual memory available in bytes."),
];

/// The families. What the system does not tell has no sample.
#[must_use]
pub fn families() -> Vec<Family> {
    let values = Process::myself().map(|process| values(&process)).unwrap_or_default();
    let families = FAMILIES.iter().zip(values);
    families
        .map(|((name, kind, help), value)| {
            let none: [(&str, &str); 0] = [];
            let samples = value.map(|value| Sample::new(none, Value::Number(value))).into_iter().collect();
            Family { samples, ..Family::new(*name, *help, *kind) }
        })
        .collect()
}

fn values(process: &Process) -> [Option<f64>; FAMILIES.len()] {
    let stat = process.stat().ok();
    let limits = process.limits().ok();
    let ticks = procfs::ticks_per_second() as f64;
    let network = network(process);
    let started = stat.as_ref().and_then(|stat| {
        let booted = procfs::boot_time_secs().ok()?;
        Some(booted as f64 + stat.starttime as f64 / ticks)
    });
    [
        stat.as_ref().map(|stat| (stat.utime + stat.stime) as f64 / ticks),
        limits.as_ref().map(|limits| number(&limits.max_open_files.soft_limit)),
        network.map(|(received, _)| received),
        network.map(|(_, sent)| sent),
        process.fd_count().ok().map(|count| count as f64),
        stat.as_ref().map(|stat| (stat.rss * procfs::page_size()) as f64),
        started,
        stat.as_ref().map(|stat| stat.vsize as f64),
        limits.as_ref().map(|limits| number(&limits.max_address_space.soft_limit)),
    ]
}

fn number(limit: &LimitValue) -> f64 {
    match limit {
        LimitValue::Unlimited => u64::MAX as f64,
        LimitValue::Value(value) => *value as f64,
    }
}

/// Bytes received and sent by everything in the process's network namespace, which is what the names stand for in
/// Go's library as well.
fn network(process: &Process) -> Option<(f64, f64)> {
    let mut text = String::new();
    process.open_relative("net/netstat").ok()?.read_to_string(&mut text).ok()?;
    // One line of names, then one of values.
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("IpExt:"));
    let (names, values) = (lines.next()?, lines.next()?);
    let value = |name| {
        let mut pairs = names.split_whitespace().zip(values.split_whitespace());
        pairs.find(|(found, _)| *found == name)?.1.parse::<f64>().ok()
    };
    Some((value("InOctets")?, value("OutOctets")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_all_of_them() {
        let families = families();
        assert_eq!(families.len(), FAMILIES.len());
        for family in families {
            let [sample] = &*family.samples else { panic!("{} has no value", family.name) };
            assert!(matches!(sample.value, Value::Number(value) if value >= 0.0), "{family:?}");
        }
    }
}
