//! Nothing a client sends can spoil the scrape or the pushes of others.

use exposition::{
    Bucket, Count, Family, GroupingKey, Histogram, Kind, Labels, Quantile, Sample, Summary, Value,
};
use gateway::{Config, PushMode, Rejected};

use crate::proto;
use crate::scraped::{PROTOCOLS, Prometheus};
use crate::server::{PROTOBUF, Server};

/// A push by PUT that harms the original. Families that no scrape may show are called `poison`.
pub(crate) struct Poison {
    pub(crate) path: &'static str,
    pub(crate) headers: &'static str,
    pub(crate) body: Vec<u8>,
}

/// Pushes that the original answers with 200 and then shows in a way that no scraper can read, or cannot show at all.
pub(crate) fn taken_by_the_original() -> Vec<Poison> {
    const GAUGE: i32 = 1;
    const SUMMARY: i32 = 2;
    const HISTOGRAM: i32 = 4;
    let histogram = |histogram| proto::Metric { histogram: Some(histogram), ..Default::default() };
    let bucket = proto::Bucket { cumulative_count: Some(1), upper_bound: Some(1.0), ..Default::default() };
    let le = proto::Metric {
        label: proto::labels([(&b"le"[..], &b"1"[..])]),
        ..histogram(proto::Histogram { bucket: vec![bucket.clone()], ..Default::default() })
    };
    let doubled = histogram(proto::Histogram { bucket: vec![bucket; 2], ..Default::default() });
    let quantile = proto::Quantile { quantile: Some(0.5), value: Some(1.0) };
    let summary = proto::Summary { quantile: vec![quantile; 2], ..Default::default() };
    let quantiles = proto::Metric { summary: Some(summary), ..Default::default() };
    let native = |schema, length, delta| {
        let span = proto::BucketSpan { offset: Some(0), length: Some(length) };
        let native = proto::Histogram {
            sample_count: Some(3),
            schema: Some(schema),
            positive_span: vec![span],
            positive_delta: vec![delta],
            ..Default::default()
        };
        proto::family("poison", HISTOGRAM, [histogram(native)])
    };
    let named = |name| proto::MetricFamily { name, ..proto::family("", GAUGE, [proto::gauge(1.0)]) };
    let messages = [
        proto::family("poison", HISTOGRAM, [le]),
        proto::family("poison", HISTOGRAM, [doubled]),
        proto::family("poison", SUMMARY, [quantiles]),
        // An unknown type, and one whose values nobody checks.
        proto::family("poison", 9, [proto::gauge(1.0)]),
        proto::family("poison", 5, [proto::gauge(1.0)]),
        named(Some(Vec::new())),
        named(None),
        named(Some(b"poison\xff".to_vec())),
        proto::MetricFamily::default(),
        // Native histograms that are none: too few counts, an unknown schema, a negative count.
        native(0, 2, 3),
        native(0, u32::MAX, 3),
        native(60, 1, 3),
        native(-53, 1, 3),
        native(0, 1, -3),
    ];
    let texts = [
        ("/metrics/job/j/le/1", "# TYPE poison histogram\npoison_bucket{le=\"1\"} 1\n"),
        (
            "/metrics/job/j",
            "# TYPE poison histogram\npoison_bucket{le=\"1\"} 1\npoison_bucket{le=\"1.0\"} 2\n",
        ),
        ("/metrics/job/j", "# TYPE poison summary\npoison{quantile=\"1\"} 1\npoison{quantile=\"1\"} 2\n"),
    ];
    let of_text =
        texts.iter().map(|(path, text)| Poison { path, headers: "", body: text.as_bytes().to_vec() });
    let of_message = messages.iter().map(|message| Poison {
        path: "/metrics/job/j",
        headers: PROTOBUF,
        body: proto::body([message]),
    });
    of_message.chain(of_text).collect()
}

/// Pushes that the original refuses and yet cannot show anything afterwards, or that end its connection, and others that
/// must leave nothing behind.
fn further() -> Vec<Poison> {
    let push = |path, headers, body: &[u8]| Poison { path, headers, body: body.to_vec() };
    vec![
        push("/metrics/job/somebody/instance/", "", b"poison 1\n"),
        push("/metrics/job/somebody/instance@base64/=", "", b"poison 1 1\n"),
        push("/metrics/job/%FF", "", b"poison 1\n"),
        push("/metrics/job/j/x@base64/_w", "", b"poison 1\n"),
        push("/metrics/job/j/U______x/1", "", b"poison 1\n"),
        push("/metrics/job/j/__x/1", "", b"poison 1\n"),
        push("/metrics/job/j/--name--/1", "", b"poison 1\n"),
        push("/metrics/job/j/a.b/1/a_b/2", "", b"poison 1\n"),
        push("/metrics/job/j", "", b"{} 1\n"),
        // Lengths of 4 TiB and of 2^63 bytes.
        push("/metrics/job/j", PROTOBUF, &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]),
        push("/metrics/job/j", PROTOBUF, &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]),
        push("/metrics/job/j", "Content-Encoding: gzip\r\n", b"no gzip"),
        // What does not fit together.
        push("/metrics/job/j", "", b"poison 1\npoison 2\n"),
        push("/metrics/job/j", "", b"# TYPE fine histogram\nfine_count{poison=\"1\"} 1\n"),
        push("/metrics/job/j", "", b"# TYPE process_open_fds counter\nprocess_open_fds{poison=\"1\"} 1\n"),
        push("/metrics/job/j", "", b"poison 1 1\n"),
        push("/metrics/job/j/quantile/1", "", b"# TYPE poison summary\npoison_count 1\n"),
        push("/metrics/job/j", "", b"poison{__name__=\"x\"} 1\n"),
        push("/metrics/job/j", "", b"poison{__x=\"1\"} 1\n"),
    ]
}

/// One gateway with the check and one without, names of any kind allowed.
async fn poisoned() -> [Server; 2] {
    let config = |unchecked| Config {
        disable_consistency_check: unchecked,
        enable_utf8_names: true,
        ..Config::default()
    };
    let servers = [Server::with(config(false)).await, Server::with(config(true)).await];
    for (server, unchecked) in servers.iter().zip([false, true]) {
        let taken = server.put("/metrics/job/somebody", "fine 1\n").await;
        assert!([200, 202].contains(&taken.code));
        for Poison { path, headers, body } in taken_by_the_original().into_iter().chain(further()) {
            let answer = server.client.send_with("PUT", path, headers, &body).await;
            let what = format!("{path} {headers} {:?}", String::from_utf8_lossy(&body));
            // Without the check nobody is told what it says, but nothing of it is shown either.
            assert!(answer.code == 400 || (answer.code == 202 && unchecked), "{what}: {}", answer.code);
            is_well(server, "poison").await;
        }
    }
    servers
}

#[tokio::test]
async fn a_real_prometheus_scrapes_beside_every_poison_also_when_nothing_is_checked() {
    for server in poisoned().await {
        let prometheus = Prometheus::start(server.client.0, &PROTOCOLS).await;
        for query in [
            "up == 1",
            "fine{job=\"somebody\",else=\"\"} == 1",
            "push_time_seconds{job=\"somebody\",else=\"\"} > 0",
        ] {
            prometheus.wait_for_count(query, PROTOCOLS.len()).await;
        }
        prometheus.wait_for_count("up == 0", 0).await;
        prometheus.wait_for_count("{__name__=~\"poison.*\"} or {poison=~\".+\"}", 0).await;
        server.stop().await.unwrap();
    }
}

/// Asserts that the world still turns, and that nothing of the poison is shown.
async fn is_well(server: &Server, poison: &str) {
    let taken = server.put("/metrics/job/somebody/else/1", "fine 1\n").await;
    assert!([200, 202].contains(&taken.code), "{}", taken.body);
    let scrape = server.get("/metrics").await;
    scrape.is(200);
    assert!(scrape.body.contains("fine{"));
    assert!(!scrape.body.contains(poison), "{}", scrape.body);
    exposition::parse(&scrape.body).unwrap();
    server.get("/-/healthy").await.is(200);
    server.get("/api/v1/metrics").await.is(200);
}

#[tokio::test]
async fn a_key_that_differs_by_an_empty_instance() {
    let server = Server::start().await;
    server.put("/metrics/job/j", "a 1\n").await.is(200);
    for body in ["", "a 1\n", "b 1\n", "b 1 5\n"] {
        server.put("/metrics/job/j/instance@base64/=", body).await.refused(400);
        server.post("/metrics/job/j/instance/", body).await.refused(400);
    }
    is_well(&server, "b{").await;
    // The other way round.
    server.delete("/metrics/job/j").await.is(202);
    server.put("/metrics/job/j/instance/", "a 1\n").await.is(200);
    server.put("/metrics/job/j", "b 1 5\n").await.refused(400);
    is_well(&server, "b{").await;
}

#[tokio::test]
async fn a_key_that_is_not_utf8() {
    let server = Server::start().await;
    assert!(server.put("/metrics/job/%FF", "a 1\n").await.refused(400).contains("not UTF-8"));
    server.put("/metrics/job/j/x@base64/_w", "a 1\n").await.refused(400);
    is_well(&server, "a{").await;
}

#[tokio::test]
async fn a_key_with_reserved_labels() {
    let server = Server::start().await;
    server.put("/metrics/job/j/__name__/x", "a 1\n").await.refused(400);
    server.put("/metrics/job/j/U__foo_2e_bar/x", "a 1\n").await.is(200);
    server.delete("/metrics/job/j/U__foo_2e_bar/x").await.is(202);
    is_well(&server, "a{").await;
}

#[tokio::test]
async fn grouping_labels_that_double_those_of_a_value() {
    let server = Server::start().await;
    let body = "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_count 1\n";
    assert!(server.put("/metrics/job/j/le/1", body).await.refused(400).contains("explicit \"le\" label"));
    let body = "# TYPE s summary\ns{quantile=\"1\"} 1\n";
    assert!(
        server
            .put("/metrics/job/j/quantile/1", body)
            .await
            .refused(400)
            .contains("explicit \"quantile\" label")
    );
    // They are ordinary labels for everything else.
    server.put("/metrics/job/j/le/1", "a 1\n").await.is(200);
    is_well(&server, "h_bucket").await;
}

#[tokio::test]
async fn bounds_and_quantiles_that_come_twice() {
    let server = Server::start().await;
    let body = "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"1.0\"} 2\n";
    server.put("/metrics/job/j", body).await.refused(400);
    server
        .put("/metrics/job/j", "# TYPE s summary\ns{quantile=\"1\"} 1\ns{quantile=\"1\"} 2\n")
        .await
        .refused(400);
    is_well(&server, "h_bucket").await;
}

#[tokio::test]
async fn a_sample_without_a_name() {
    let server = Server::start().await;
    server.put("/metrics/job/j", "{} 1\n").await.refused(400);
    is_well(&server, "job=\"j\"").await;
}

#[tokio::test]
async fn families_that_no_text_can_carry() {
    let server = Server::start().await;
    let key = || GroupingKey::new("j", Labels::new()).unwrap();
    let number = |name: &str, label: &str| Family::gauge(name, "").with([(label, "x")], 1.0);
    let of = |kind, value| Family {
        samples: vec![Sample::new([("x", "y")], value)],
        ..Family::new("poison", "", kind)
    };
    let summary = |quantile| {
        Value::Summary(Box::new(Summary {
            quantiles: vec![Quantile { quantile, value: 1.0 }; 2],
            sum: 0.0,
            count: 0,
        }))
    };
    let histogram = |bounds: [f64; 2]| {
        let bucket = |upper_bound| Bucket { upper_bound, cumulative_count: Count::Whole(0), exemplar: None };
        Value::Histogram(Box::new(Histogram { buckets: bounds.map(bucket).into(), ..Histogram::default() }))
    };
    let poisons = [
        number("", "x"),
        number("poison", ""),
        Family::gauge("poison", "").with([("a.b", "x"), ("a-b", "x")], 1.0),
        number("poison", "..name.."),
        number("poison", "__x"),
        of(Kind::Gauge, summary(0.5)),
        of(Kind::Summary, summary(f64::NAN)),
        of(Kind::Histogram, Value::Number(1.0)),
        of(Kind::Histogram, histogram([f64::NAN, f64::NAN])),
        // Both are written as 0.
        of(Kind::Histogram, histogram([-0.0, 0.0])),
    ];
    for poison in poisons {
        let refused = server.gateway.push(key(), vec![poison.clone()], PushMode::Replace);
        assert!(matches!(refused, Err(Rejected::Inconsistent(_))), "{poison:?}");
    }
    is_well(&server, "poison").await;
}
