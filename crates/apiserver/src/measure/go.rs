//! `go_*`: the counterparts in a process that is not written in Go, measured where there are some.
//!
//! Dashboards made for the old operator ask for these names. What a garbage collector alone could say is a constant 0,
//! and its help says so; nothing is made up. What is measured is what the kernel tells about the memory of the process,
//! and the runtime about its tasks.

use exposition::{Family, Kind, Quantile, Sample, Summary, Value};
use procfs::process::Process;

/// What the kernel says of the process, in bytes.
#[derive(Debug, Default)]
struct Memory {
    /// Anonymous and resident: heap and stacks of threads that are in use.
    anonymous: f64,
    /// Private and writable, whether in use or not.
    data: f64,
    stack: f64,
    page_tables: f64,
    /// Handed out on first use since the start.
    handed_out: f64,
}

impl Memory {
    fn read() -> Option<Self> {
        let process = Process::myself().ok()?;
        let status = process.status().ok()?;
        let bytes = |kibibytes: Option<u64>| kibibytes.map_or(0.0, |kib| kib as f64 * 1024.0);
        let faults = process.stat().map(|stat| stat.minflt).unwrap_or_default();
        Some(Self {
            anonymous: bytes(status.rssanon),
            data: bytes(status.vmdata),
            stack: bytes(status.vmstk),
            page_tables: bytes(status.vmpte),
            handed_out: faults as f64 * procfs::page_size() as f64,
        })
    }
}

/// The families. Without the kernel's word, what it says has no sample.
pub(super) fn families() -> Vec<Family> {
    let tasks = tokio::runtime::Handle::try_current().map(|runtime| runtime.metrics().num_alive_tasks());
    let mut families = vec![
        one(
            Kind::Gauge,
            "go_goroutines",
            "Asynchronous tasks of this process that are alive, the counterpart of goroutines.",
            tasks.ok().map(|tasks| tasks as f64),
        ),
        pauses(),
    ];
    let memory = Memory::read();
    let of = |read: fn(&Memory) -> f64| memory.as_ref().map(read);
    let measured = [
        (
            Kind::Gauge,
            "alloc_bytes",
            "Anonymous memory of the process that is resident, which is what its allocator has in use.",
            of(|m| m.anonymous),
        ),
        (
            Kind::Counter,
            "alloc_bytes_total",
            "Memory that the kernel has handed out to the process on first use, in bytes: minor page faults times the \
             size of a page.",
            of(|m| m.handed_out),
        ),
        (
            Kind::Gauge,
            "heap_alloc_bytes",
            "Same as go_memstats_alloc_bytes: anonymous memory that is resident.",
            of(|m| m.anonymous),
        ),
        (
            Kind::Gauge,
            "heap_idle_bytes",
            "Private writable memory that is reserved and not resident.",
            of(|m| (m.data - m.anonymous).max(0.0)),
        ),
        (
            Kind::Gauge,
            "heap_inuse_bytes",
            "Same as go_memstats_alloc_bytes: anonymous memory that is resident.",
            of(|m| m.anonymous),
        ),
        (Kind::Gauge, "heap_sys_bytes", "Private writable memory that is reserved.", of(|m| m.data)),
        (Kind::Gauge, "other_sys_bytes", "Memory of the page tables of the process.", of(|m| m.page_tables)),
        (Kind::Gauge, "stack_inuse_bytes", "Stack of the main thread.", of(|m| m.stack)),
        (Kind::Gauge, "stack_sys_bytes", "Same as go_memstats_stack_inuse_bytes.", of(|m| m.stack)),
        (
            Kind::Gauge,
            "sys_bytes",
            "Sum of go_memstats_heap_sys_bytes, go_memstats_stack_sys_bytes and go_memstats_other_sys_bytes.",
            of(|m| m.data + m.stack + m.page_tables),
        ),
    ];
    families.extend(
        measured.map(|(kind, name, help, value)| one(kind, &format!("go_memstats_{name}"), help, value)),
    );
    families.extend(ABSENT.map(|(kind, name, what)| {
        one(kind, &format!("go_memstats_{name}"), &format!("Always 0: {what}."), Some(0.0))
    }));
    families
}

/// What has no counterpart, and why.
const ABSENT: [(Kind, &str, &str); 13] = [
    (Kind::Gauge, "buck_hash_sys_bytes", "there is no profiler with a table of its own"),
    (Kind::Counter, "frees_total", "the allocator does not count"),
    (Kind::Gauge, "gc_sys_bytes", "there is no garbage collector"),
    (Kind::Gauge, "heap_objects", "the allocator does not count"),
    (Kind::Counter, "heap_released_bytes_total", "what is given back to the kernel is not counted"),
    (Kind::Gauge, "last_gc_time_seconds", "there is no garbage collector"),
    (Kind::Counter, "lookups_total", "there is no look-up of pointers"),
    (Kind::Counter, "mallocs_total", "the allocator does not count"),
    (Kind::Gauge, "mcache_inuse_bytes", "the allocator has no mcache"),
    (Kind::Gauge, "mcache_sys_bytes", "the allocator has no mcache"),
    (Kind::Gauge, "mspan_inuse_bytes", "the allocator has no mspan"),
    (Kind::Gauge, "mspan_sys_bytes", "the allocator has no mspan"),
    (Kind::Gauge, "next_gc_bytes", "there is no garbage collector"),
];

fn one(kind: Kind, name: &str, help: &str, value: Option<f64>) -> Family {
    let none: [(&str, &str); 0] = [];
    let samples = value.map(|value| Sample::new(none, Value::Number(value))).into_iter().collect();
    Family { samples, ..Family::new(name, help, kind) }
}

fn pauses() -> Family {
    let quantiles = [0.0, 0.25, 0.5, 0.75, 1.0].map(|quantile| Quantile { quantile, value: 0.0 });
    let summary = Summary { quantiles: quantiles.into(), sum: 0.0, count: 0 };
    let none: [(&str, &str); 0] = [];
    let mut family = Family::new(
        "go_gc_duration_seconds",
        "Always 0: there is no garbage collector, so there are no pauses.",
        Kind::Summary,
    );
    family.samples.push(Sample::new(none, Value::Summary(Box::new(summary))));
    family
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_can_be_measured_is() {
        let families = families();
        let value = |name: &str| {
            let family = families.iter().find(|family| family.name == name).unwrap();
            match family.samples[0].value {
                Value::Number(value) => value,
                _ => panic!("{name} is no number"),
            }
        };
        for name in [
            "go_memstats_alloc_bytes",
            "go_memstats_alloc_bytes_total",
            "go_memstats_heap_sys_bytes",
            "go_memstats_stack_inuse_bytes",
            "go_memstats_other_sys_bytes",
        ] {
            assert!(value(name) > 0.0, "{name}");
        }
        assert!(value("go_memstats_sys_bytes") > value("go_memstats_alloc_bytes"));
        let _held = tokio::spawn(std::future::pending::<()>());
        let more = super::families();
        assert!(matches!(more[0].samples[0].value, Value::Number(tasks) if tasks > value("go_goroutines")));
    }
}
