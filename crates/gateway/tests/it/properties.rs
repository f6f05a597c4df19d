//! Whatever is pushed in whatever order, what is held fits together.

use std::collections::HashSet;

use exposition::{Count, Family, GroupingKey, Histogram, Kind, Sample, Summary, Value};
use gateway::{Config, Gateway, PushMode};
use proptest::collection::vec;
use proptest::prelude::*;
use tempfile::TempDir;

#[derive(Clone, Debug)]
enum Step {
    Push(GroupingKey, Vec<Family>, PushMode),
    Delete(GroupingKey),
    DeleteJob(String),
}

fn key() -> impl Strategy<Value = GroupingKey> {
    ("[ab]", prop::option::of("[xy]?"), prop::option::of("[12]")).prop_map(|(job, instance, path)| {
        let labels = [("instance", instance), ("path", path)];
        let labels = labels.into_iter().filter_map(|(name, value)| Some((name, value?)));
        GroupingKey::new(job, labels).unwrap()
    })
}

/// Few names and labels, so that they meet often.
fn family() -> impl Strategy<Value = Family> {
    let kinds = [Kind::Counter, Kind::Gauge, Kind::Untyped, Kind::Summary, Kind::Histogram];
    let sample = ("[xyz]", prop::option::of("[12]"), 0u32..5);
    (prop::sample::select(kinds.to_vec()), "[fg](_count|_sum|_bucket)?", "[hi]?", vec(sample, 0..3)).prop_map(
        |(kind, name, help, samples)| {
            let samples = samples.into_iter().map(|(label, path, number)| {
                let value = match kind {
                    Kind::Summary => {
                        Value::Summary(Box::new(Summary { count: number.into(), ..Summary::default() }))
                    }
                    Kind::Histogram => {
                        let count = Count::Whole(number.into());
                        Value::Histogram(Box::new(Histogram { count, ..Histogram::default() }))
                    }
                    _ => Value::Number(number.into()),
                };
                let path = path.map(|path| ("path".to_owned(), path));
                Sample::new(path.into_iter().chain([("label".to_owned(), label)]), value)
            });
            Family { samples: samples.collect(), ..Family::new(name, help, kind) }
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let mode = prop_oneof![Just(PushMode::Replace), Just(PushMode::Merge)];
    prop_oneof![
        8 => (key(), vec(family(), 0..4), mode).prop_map(|(key, families, mode)| Step::Push(key, families, mode)),
        2 => key().prop_map(Step::Delete),
        1 => "[ab]".prop_map(Step::DeleteJob),
    ]
}

/// What was pushed, without what the gateway says about itself.
fn pushed(gateway: &Gateway) -> String {
    let exposition = gateway.expose();
    let pushed =
        exposition.lines().filter(|line| !line.contains("pushgateway_") && !line.contains("process_"));
    pushed.map(|line| format!("{line}\n")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn what_is_held_can_be_shown_and_comes_back_as_it_was(steps in vec(step(), 1..30)) {
        let folder = TempDir::new().unwrap();
        let config = || Config { persistence_file: Some(folder.path().join("groups")), ..Config::default() };
        let gateway = Gateway::open(config()).unwrap();
        for step in steps {
            match step {
                // Refused or not: both are steps.
                Step::Push(key, families, mode) => drop(gateway.push(key, families, mode)),
                Step::Delete(key) => drop(gateway.delete(&key)),
                Step::DeleteJob(job) => {
                    gateway.delete_matching(&[("job".to_owned(), job)].into());
                }
            }
        }

        let text = pushed(&gateway);
        let families = exposition::parse(&text).unwrap();
        let mut names = HashSet::new();
        for family in &families {
            prop_assert!(names.insert(&family.name), "{} is shown twice", family.name);
            let mut labels = HashSet::new();
            for sample in &family.samples {
                prop_assert!(labels.insert(&sample.labels), "{} {:?} is shown twice", family.name, sample.labels);
            }
        }
        // What one push after the other has led to is what all groups at once lead to.
        gateway.save().unwrap();
        prop_assert_eq!(text, pushed(&Gateway::open(config()).unwrap()));
    }
}
