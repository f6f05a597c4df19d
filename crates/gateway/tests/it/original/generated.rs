//! Requests nobody thought of: sequences by a grammar, and texts with a few bytes altered.

use gateway::Config;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config as Cases, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use tokio::runtime::Runtime;

use super::pair::{Pair, Request};
use super::seen;
use crate::proto::{Bucket, Counter, Histogram, Metric, MetricFamily, Number, Summary, body, family, labels};
use crate::server::PROTOBUF;

#[derive(Clone, Debug)]
struct Step {
    method: &'static str,
    key: String,
    headers: &'static str,
    body: Vec<u8>,
}

/// Few keys, so that they meet often. Those that differ by an empty instance alone are a difference of their own.
fn key() -> impl Strategy<Value = String> + Clone {
    select(vec![
        "/metrics/job/a",
        "/metrics/job/a/x/1",
        "/metrics/job/a/x/2",
        "/metrics/job/a/instance/i",
        "/metrics/job@base64/Yg/y/",
        "/metrics/job/b/y/1/x/1",
    ])
    .prop_map(str::to_owned)
}

/// No two labels of a sample have equal values, so that delimited messages have one order, too.
fn labels_of() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    let label = select(vec![("x", ""), ("x", "1"), ("x", "2"), ("y", "3"), ("y", "4"), ("instance", "5")]);
    vec(label, 0..3).prop_map(|mut pairs| {
        pairs.sort_unstable();
        pairs.dedup_by_key(|(name, _)| *name);
        pairs
    })
}

const NAMES: [&str; 6] = ["f", "g", "f_count", "f_sum", "f_bucket", "process_open_fds"];

fn sample_line() -> impl Strategy<Value = String> {
    let number = select(vec!["0", "1", "-1", "2.5", "NaN", "+Inf", "1e9", "0.00001"]);
    let timestamp = select(vec!["", "", "", "", "", "", "", " 5"]);
    (select(NAMES.to_vec()), labels_of(), number, timestamp).prop_map(|(name, labels, number, timestamp)| {
        let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        format!("{name}{{{}}} {number}{timestamp}\n", labels.join(","))
    })
}

/// Lines that mostly make sense. A help text is always the same one: of two the original shows any.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let kind = select(vec!["counter", "gauge", "summary", "histogram", "untyped"]);
    let line = prop_oneof![
        8 => sample_line(),
        3 => (select(NAMES.to_vec()), kind).prop_map(|(name, kind)| format!("# TYPE {name} {kind}\n")),
        1 => Just("\n".to_owned()),
        1 => select(vec!["# a comment\n", "a\n", "f 1", "f{le=\"6\"} 1\n"]).prop_map(str::to_owned),
    ];
    vec(line, 0..6).prop_map(|lines| lines.concat().into_bytes())
}

fn value(kind: i32, number: u32) -> Metric {
    let float = Some(f64::from(number));
    match kind {
        0 => Metric { counter: Some(Counter { value: float, ..Default::default() }), ..Default::default() },
        1 => Metric { gauge: Some(Number { value: float }), ..Default::default() },
        2 => Metric {
            summary: Some(Summary {
                sample_count: Some(number.into()),
                sample_sum: float,
                ..Default::default()
            }),
            ..Default::default()
        },
        3 => Metric { untyped: Some(Number { value: float }), ..Default::default() },
        _ => Metric {
            histogram: Some(Histogram {
                sample_count: Some(number.into()),
                sample_sum: float,
                bucket: vec![Bucket { cumulative_count: Some(1), upper_bound: float, ..Default::default() }],
                ..Default::default()
            }),
            ..Default::default()
        },
    }
}

fn message() -> impl Strategy<Value = MetricFamily> {
    // Of the type that is said: where it is not, the original takes it or not by the order of a map.
    let sample = |kind: i32| {
        (labels_of(), 0..9u32).prop_map(move |(pairs, number)| {
            let pairs = pairs.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
            Metric { label: labels(pairs), ..value(kind, number) }
        })
    };
    (select(NAMES.to_vec()), 0..5i32).prop_flat_map(move |(name, kind)| {
        vec(sample(kind), 1..3).prop_map(move |metrics| family(name, kind, metrics))
    })
}

fn step() -> impl Strategy<Value = Step> {
    let push = (select(vec!["PUT", "POST"]), key());
    prop_oneof![
        5 => (push.clone(), text())
            .prop_map(|((method, key), body)| Step { method, key, headers: "", body }),
        3 => (push, vec(message(), 0..3))
            .prop_map(|((method, key), families)| Step { method, key, headers: PROTOBUF, body: body(&families) }),
        1 => key().prop_map(|key| Step { method: "DELETE", key, headers: "", body: Vec::new() }),
    ]
}

/// Deletes all groups of both.
async fn wipe(pair: &Pair) {
    pair.send(&Request { method: "PUT", path: "/api/v1/admin/wipe", headers: "", body: b"" }).await;
    pair.come_to_hold_nothing().await;
}

async fn wiped() -> Pair {
    Pair::with(Config { enable_admin_api: true, ..Config::default() }, &["--web.enable-admin-api"]).await
}

/// Lines in any order: of samples whose labels differ in their names alone the original keeps the order of the push.
/// What the order is otherwise, other tests say.
fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

/// The same cases at every run: what is compared with is not ours, and another order of its maps is change enough.
fn runner(cases: u32) -> TestRunner {
    let config = Cases { cases, failure_persistence: None, ..Cases::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

fn same<T: PartialEq + std::fmt::Debug>(ours: &T, theirs: &T, after: &str) -> Result<(), TestCaseError> {
    prop_assert_eq!(ours, theirs, "ours and theirs after {}", after);
    Ok(())
}

#[test]
fn whatever_comes_in_whatever_order_has_the_effect_that_it_has_in_the_original() {
    let runtime = Runtime::new().unwrap();
    let pair = runtime.block_on(wiped());
    let mut runner = runner(60);
    let outcome = runner.run(&vec(step(), 1..20), |steps| {
        runtime.block_on(async {
            wipe(&pair).await;
            for Step { method, key, headers, body } in &steps {
                let request = Request { method, path: key, headers, body };
                let (ours, theirs) = pair.send(&request).await;
                same(&ours.code, &theirs.code, &format!("{request}\nours: {}theirs: {}", ours.body, theirs.body))?;
                if theirs.body.starts_with("text format parsing error") {
                    same(&ours.body, &theirs.body, &request.to_string())?;
                }
            }
            let scrape = Request { method: "GET", path: "/metrics", headers: "", body: b"" };
            let (ours, theirs) = pair.send(&scrape).await;
            same(&sorted(seen::text(&ours.body)), &sorted(seen::text(&theirs.body)), "all")?;
            let (ours, theirs) = pair.send(&Request { path: "/api/v1/metrics", ..scrape.clone() }).await;
            same(&seen::groups(&ours), &seen::groups(&theirs), "all")?;
            let accept = "Accept: application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited\r\n";
            let (ours, theirs) = pair.send(&Request { headers: accept, ..scrape }).await;
            same(&seen::exposition(&ours), &seen::exposition(&theirs), "all")
        })
    });
    if let Err(found) = outcome {
        panic!("{found}");
    }
}

/// Texts that use everything there is.
const SOURCES: [&str; 4] = [
    "# HELP a Text \\\\ and \\n.\n# TYPE a gauge\na{x=\"1\",y=\"q\\\"\\\\\\n\"} 1.5e-3\n\t a 2 \n",
    "# TYPE h histogram\nh_bucket{le=\"0.5\"} 1\nh_bucket{le=\"+Inf\"} 3\nh_sum 7.5\nh_count 3\n",
    "# TYPE s summary\ns{quantile=\"0.5\",x=\"y\"} -Inf\ns_sum{x=\"y\"} 1\ns_count{x=\"y\"} 4\n",
    "{\"a\",x=\"1\",} 1 17\n\n# EOF\n\"b\" 0x1\n",
];

/// What these texts are made of, and what has broken parsers before.
const BYTES: &[u8] = b"a_:09 \t\n\r\"\\{}=,#.+-eENTx\x00\x7f\xc3\xa4\xff";

#[test]
fn altered_texts_are_taken_or_refused_with_the_same_words() {
    let runtime = Runtime::new().unwrap();
    let pair = runtime.block_on(wiped());
    let alteration = (any::<prop::sample::Index>(), select(BYTES.to_vec()), 0..3u8);
    let altered = (select(SOURCES.to_vec()), vec(alteration, 0..4)).prop_map(|(source, alterations)| {
        let mut text = source.as_bytes().to_vec();
        for (at, byte, how) in alterations {
            let at = at.index(text.len().max(1));
            match how {
                0 => text.insert(at, byte),
                1 if at < text.len() => text[at] = byte,
                _ if at < text.len() => drop(text.remove(at)),
                _ => {}
            }
        }
        text
    });
    let mut runner = runner(800);
    let outcome = runner.run(&altered, |text| {
        runtime.block_on(async {
            let request = Request { method: "PUT", path: "/metrics/job/j", headers: "", body: &text };
            let ours = pair.ours.client.send_with("PUT", "/metrics/job/j", "", &text).await;
            // These are differences of their own; one of them would end the connection to the original.
            let known = ["two values of the label", "an explicit \"le\" label", "invalid metric name"];
            if known.iter().any(|known| ours.body.contains(known)) {
                return Ok(());
            }
            let theirs = pair.theirs.send_with("PUT", "/metrics/job/j", "", &text).await;
            same(&seen::answer(&ours), &seen::answer(&theirs), &request.to_string())?;
            let scrape = Request { method: "GET", path: "/metrics", headers: "", body: b"" };
            let (ours, theirs) = pair.send(&scrape).await;
            same(&sorted(seen::text(&ours.body)), &sorted(seen::text(&theirs.body)), &request.to_string())?;
            // A failure time stays otherwise.
            pair.send(&Request { method: "DELETE", path: "/metrics/job/j", headers: "", body: b"" }).await;
            Ok(())
        })
    });
    if let Err(found) = outcome {
        panic!("{found}");
    }
}
