//! Nothing a client sends can spoil the scrape or the pushes of others.

use exposition::{
    Bucket, Count, Family, GroupingKey, Histogram, Kind, Labels, Quantile, Sample, Summary, Value,
};
use gateway::{PushMode, Rejected};

use crate::server::Server;

/// Asserts that the world still turns, and that nothing of the poison is shown.
async fn is_well(server: &Server, poison: &str) {
    server.put("/metrics/job/somebody/else/1", "fine 1\n").await.is(200);
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
