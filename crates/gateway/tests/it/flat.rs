//! A push costs in proportion to what it brings, whatever is held and whether it is taken.

use exposition::{Family, GroupingKey, Kind, Labels, Sample, Value};
use gateway::{Config, Gateway, PushMode};

use crate::growth::is_linear;

const SIZE: usize = 300;

fn key(job: impl Into<String>) -> GroupingKey {
    GroupingKey::new(job, Labels::new()).unwrap()
}

fn empty() -> Gateway {
    Gateway::open(Config::default()).unwrap()
}

fn push(gateway: &Gateway, job: &str, families: Vec<Family>) -> bool {
    gateway.push(key(job), families, PushMode::Replace).is_ok()
}

fn samples(size: usize) -> Family {
    (0..size).fold(Family::gauge("a", ""), |family, n| family.with([("x", n.to_string())], 1.0))
}

#[test]
fn a_push_costs_in_proportion_to_what_it_brings() {
    is_linear(
        "samples",
        SIZE,
        |size| (empty(), vec![samples(size)]),
        |(gateway, families)| {
            assert!(push(&gateway, "j", families));
        },
    );
    let families = |size: usize| -> Vec<Family> {
        (0..size).map(|n| Family::gauge(format!("a{n}"), "Text.").with([("x", "1")], 1.0)).collect()
    };
    is_linear(
        "families",
        SIZE,
        |size| (empty(), families(size)),
        |(gateway, families)| {
            assert!(push(&gateway, "j", families));
        },
    );
    let labels =
        |size: usize| vec![Family::gauge("a", "").with((0..size).map(|n| (format!("x{n}"), "v")), 1.0)];
    is_linear(
        "labels",
        SIZE,
        |size| (empty(), labels(size)),
        |(gateway, families)| {
            assert!(push(&gateway, "j", families));
        },
    );
    let summaries = |size: usize| {
        let summary = |n: usize| Sample::new([("x", n.to_string())], Value::Summary(Box::default()));
        vec![Family { samples: (0..size).map(summary).collect(), ..Family::new("s", "", Kind::Summary) }]
    };
    is_linear(
        "summaries",
        SIZE,
        |size| (empty(), summaries(size)),
        |(gateway, families)| {
            assert!(push(&gateway, "j", families));
        },
    );
}

#[test]
fn a_refusal_costs_in_proportion_to_what_was_pushed() {
    let doubled =
        |size: usize| vec![Family { samples: vec![samples(1).samples[0].clone(); size], ..samples(1) }];
    is_linear(
        "doubled samples",
        SIZE,
        |size| (empty(), doubled(size)),
        |(gateway, families)| {
            assert!(!push(&gateway, "j", families));
        },
    );
    let collisions = |size: usize| -> Vec<Family> {
        let histogram = |n: usize| {
            let value = Value::Histogram(Box::default());
            Family {
                samples: vec![Sample::new([("x", "1")], value)],
                ..Family::new(format!("h{n}"), "", Kind::Histogram)
            }
        };
        let part = |n: usize| Family::gauge(format!("h{n}_count"), "").with([("x", "1")], 1.0);
        (0..size).flat_map(|n| [histogram(n), part(n)]).collect()
    };
    is_linear(
        "collisions",
        SIZE,
        |size| (empty(), collisions(size)),
        |(gateway, families)| {
            assert!(!push(&gateway, "j", families));
        },
    );
    let other = |size: usize| {
        let gateway = empty();
        assert!(push(&gateway, "k", vec![samples(size)]));
        let labelled = samples(size).samples.into_iter().map(|mut sample| {
            sample.labels.insert("job".to_owned(), "j".to_owned());
            sample
        });
        // The same series as in another group, but for its job, which the key sets.
        (gateway, vec![Family { samples: labelled.collect(), kind: Kind::Counter, ..samples(1) }])
    };
    is_linear("another type", SIZE, other, |(gateway, families)| assert!(!push(&gateway, "j", families)));
}

#[test]
fn pushes_cost_the_same_however_many_groups_there_are() {
    let families = || {
        (0..5).map(|n| Family::gauge(format!("a{n}"), "Text.").with([("x", "1")], 1.0)).collect::<Vec<_>>()
    };
    is_linear(
        "groups",
        SIZE,
        |size| (empty(), size),
        |(gateway, size)| {
            for job in 0..size {
                assert!(push(&gateway, &job.to_string(), families()));
            }
        },
    );
    // One that is pushed to again and again beside many or few.
    let beside = |size: usize| {
        let gateway = empty();
        for job in 0..size {
            assert!(push(&gateway, &job.to_string(), families()));
        }
        (gateway, size)
    };
    is_linear("pushes beside groups", SIZE, beside, |(gateway, size)| {
        for _ in 0..size {
            assert!(push(&gateway, "mine", families()));
        }
    });
    // And deletions.
    is_linear("deletions", SIZE, beside, |(gateway, size)| {
        for job in 0..size {
            assert!(gateway.delete(&key(job.to_string())));
        }
    });
}
