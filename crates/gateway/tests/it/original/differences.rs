//! Where ours differs from the original on purpose, and that it does: a case that is here and no longer differs fails,
//! so that the list stays true. What the gateway does instead is looked at more closely in `poison`, `limits`, `stops`.

use gateway::Config;

use super::pair::{Pair, Request};
use super::seen;
use crate::poison::{self, Poison};
use crate::proto::{LabelPair, Metric, MetricFamily, Number, body, family, gauge};
use crate::server::{DEADLINE, PROTOBUF};

const GAUGE: i32 = 1;

/// Ours refuses what the original takes, and holds nothing of it.
async fn only_ours_refuses(pair: &Pair, method: &str, path: &str, headers: &str, body: &[u8]) {
    let request = Request { method, path, headers, body };
    let (ours, theirs) = pair.send(&request).await;
    ours.refused(400);
    assert_eq!(theirs.code, 200, "{request}: {}", theirs.body);
    for answer in [pair.ours.get("/metrics").await, pair.ours.get("/api/v1/metrics").await] {
        answer.is(200);
        assert!(!answer.body.contains("poison"), "{}", answer.body);
    }
    pair.ours.put("/metrics/job/somebody", "fine 1\n").await.is(200);
    pair.send(&Request { method: "DELETE", path, headers: "", body: b"" }).await;
}

#[tokio::test]
async fn what_no_scraper_can_read_is_refused() {
    let pair = Pair::start().await;
    for Poison { path, headers, body } in poison::taken_by_the_original() {
        only_ours_refuses(&pair, "PUT", path, headers, &body).await;
    }
}

/// A refused push of the original leaves a group that spoils each scrape and each push.
#[tokio::test]
async fn a_refused_push_never_spoils_the_scrapes_and_pushes_of_others() {
    let config = || Config { enable_utf8_names: true, ..Config::default() };
    for path in [
        "/metrics/job/j/instance/",
        "/metrics/job/%FF",
        "/metrics/job@base64/Zm-_",
        "/metrics/job/j/U______x/1",
    ] {
        let pair = Pair::with(config(), &["--push.enable-utf8-names"]).await;
        pair.text("PUT", "/metrics/job/j", "a 1\n").await;
        let (ours, theirs) = pair.send(&Request { method: "PUT", path, headers: "", body: b"b 1\n" }).await;
        assert_eq!((ours.code, theirs.code), (400, 400), "{path}");
        let other = Request { method: "PUT", path: "/metrics/job/other", headers: "", body: b"c 1\n" };
        let (ours, theirs) = pair.send(&other).await;
        assert_eq!((ours.code, theirs.code), (200, 400), "{path}");
        let scrape = Request { method: "GET", path: "/metrics", headers: "", body: b"" };
        let (ours, theirs) = pair.send(&scrape).await;
        assert_eq!((ours.code, theirs.code), (200, 500), "{path}");
        let (ours, _) = pair.send(&Request { method: "DELETE", path, headers: "", body: b"" }).await;
        assert!([202, 400].contains(&ours.code));
    }
}

#[tokio::test]
async fn an_inconsistent_push_that_nobody_checks_spoils_no_scrape() {
    let config = Config { disable_consistency_check: true, ..Config::default() };
    let pair = Pair::with(config, &["--push.disable-consistency-check"]).await;
    for (path, text) in [("/metrics/job/a", "x 1\n"), ("/metrics/job/b", "# TYPE x gauge\nx 1\n")] {
        let request = Request { method: "PUT", path, headers: "", body: text.as_bytes() };
        let (ours, theirs) = pair.send(&request).await;
        assert_eq!((ours.code, theirs.code), (202, 202));
    }
    let scrape = Request { method: "GET", path: "/metrics", headers: "", body: b"" };
    // Theirs has it a moment later.
    let fails = async { while pair.send(&scrape).await.1.code == 200 {} };
    tokio::time::timeout(DEADLINE, fails).await.unwrap();
    assert_eq!(pair.send(&scrape).await.1.code, 500);
    let ours = pair.send(&scrape).await.0;
    ours.is(200);
    assert!(ours.body.contains("x{instance=\"\",job=\"a\"} 1\n"));
    assert!(ours.body.contains("pushgateway_pushes_rejected_total{reason=\"inconsistent\"} 1\n"));
}

#[tokio::test]
async fn a_sample_without_anything_is_an_error_and_no_end_of_the_connection() {
    let pair = Pair::start().await;
    let text =
        "PUT /metrics/job/j HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length: 5\r\n\r\n{} 1\n";
    assert!(pair.ours.client.raw(text.as_bytes()).await.starts_with("HTTP/1.1 400 "));
    assert_eq!(pair.theirs.raw(text.as_bytes()).await, "");
}

#[tokio::test]
async fn push_times_are_never_pushed() {
    let pair = Pair::start().await;
    pair.text("PUT", "/metrics/job/j", "a 1\n").await;
    let body = b"# TYPE push_failure_time_seconds gauge\npush_failure_time_seconds 7\n";
    pair.answers_alike(&Request { method: "POST", path: "/metrics/job/j", headers: "", body }).await;
    let scrape = Request { method: "GET", path: "/metrics", headers: "", body: b"" };
    let (ours, theirs) = pair.send(&scrape).await;
    let planted = "push_failure_time_seconds{instance=\"\",job=\"j\"} 7\n";
    assert_eq!((ours.body.contains(planted), theirs.body.contains(planted)), (false, true));
}

#[tokio::test]
async fn head_is_answered_as_get_without_a_body() {
    let pair = Pair::start().await;
    for path in ["/metrics", "/-/ready", "/-/healthy", "/api/v1/status", "/api/v1/metrics"] {
        let (ours, theirs) = pair.send(&Request { method: "HEAD", path, headers: "", body: b"" }).await;
        assert_eq!((ours.code, theirs.code), (200, 405), "{path}");
        assert_eq!(ours.body, "");
        let (allowed, theirs) = pair.send(&Request { method: "PUT", path, headers: "", body: b"" }).await;
        assert_eq!(allowed.header("allow"), Some("GET, HEAD, OPTIONS"));
        assert_eq!(theirs.header("allow"), Some("GET, OPTIONS"));
    }
}

#[tokio::test]
async fn redirects_of_the_api_keep_their_prefix() {
    let pair = Pair::start().await;
    for (path, ours_to, theirs_to) in
        [("/api/v1/metrics/", "/api/v1/metrics", "/metrics"), ("/api/v1/STATUS", "/api/v1/status", "/status")]
    {
        let (ours, theirs) = pair.send(&Request { method: "GET", path, headers: "", body: b"" }).await;
        assert_eq!((ours.code, theirs.code), (301, 301));
        assert_eq!((ours.header("location"), theirs.header("location")), (Some(ours_to), Some(theirs_to)));
    }
}

#[tokio::test]
async fn groups_are_listed_and_deleted_by_labels_at_a_path_that_the_original_does_not_have() {
    let pair = Pair::start().await;
    pair.text("PUT", "/metrics/job/j/x/1", "a 1\n").await;
    let request = Request { method: "DELETE", path: "/api/v1/groups?label.job=j", headers: "", body: b"" };
    let (ours, theirs) = pair.send(&request).await;
    assert_eq!((ours.code, theirs.code), (200, 404));
    let request = Request { method: "GET", path: "/api/v1/groups", headers: "", body: b"" };
    let (ours, theirs) = pair.send(&request).await;
    assert_eq!((ours.code, theirs.code), (200, 404));
}

#[tokio::test]
async fn an_encoding_without_a_body_is_ignored_where_no_body_is_read() {
    let pair = Pair::start().await;
    for (method, path, code) in [
        ("DELETE", "/metrics/job/j", 202),
        ("GET", "/metrics", 200),
        ("GET", "/-/ready", 200),
        ("GET", "/nowhere", 404),
    ] {
        let headers = "Content-Encoding: gzip\r\n";
        let (ours, theirs) = pair.send(&Request { method, path, headers, body: b"" }).await;
        assert_eq!((ours.code, theirs.code), (code, 400), "{method} {path}");
    }
}

#[tokio::test]
async fn a_length_that_a_message_claims_is_not_believed() {
    // To the original the like is not sent: it would take gigabytes.
    let server = crate::server::Server::start().await;
    for length in [1u64 << 42, 1 << 62, 1 << 63, u64::MAX] {
        let mut claim = Vec::new();
        prost::encoding::encode_varint(length, &mut claim);
        let answer = server.client.send_with("PUT", "/metrics/job/j", PROTOBUF, &claim).await;
        assert_eq!(answer.refused(400), "unexpected EOF");
    }
}

/// The API of the original knows no gauge histograms and shows a value of 0 that nobody measured.
#[tokio::test]
async fn the_api_shows_gauge_histograms_as_histograms() {
    let pair = Pair::start().await;
    let body = b"# TYPE gh gaugehistogram\ngh_bucket{le=\"1\"} 1\ngh_count 2\ngh_sum 3\n";
    pair.answers_alike(&Request { method: "PUT", path: "/metrics/job/j", headers: "", body }).await;
    let api = Request { method: "GET", path: "/api/v1/metrics", headers: "", body: b"" };
    let (ours, theirs) = pair.send(&api).await;
    let labels = serde_json::json!({"instance": "", "job": "j"});
    assert_eq!(
        ours.json()["data"][0]["gh"]["metrics"],
        serde_json::json!([{"labels": labels, "buckets": {"1": "1"}, "count": "2", "sum": "3"}])
    );
    assert_eq!(
        theirs.json()["data"][0]["gh"]["metrics"],
        serde_json::json!([{"labels": labels, "value": "0"}])
    );
    // A scrape shows the same.
    for headers in [
        "",
        "Accept: application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited\r\n",
    ] {
        pair.scrape_alike(headers).await;
    }
}

/// The original tells these two types apart nowhere but in what it shows of the family: whichever was first.
#[tokio::test]
async fn histograms_and_gauge_histograms_are_two_types() {
    let pair = Pair::start().await;
    pair.text("PUT", "/metrics/job/j", "# TYPE h histogram\nh_count 1\n").await;
    only_ours_refuses(
        &pair,
        "PUT",
        "/metrics/job/k",
        "",
        b"# TYPE h gaugehistogram\nh_count{poison=\"1\"} 1\n",
    )
    .await;
}

/// Whether the original takes a help text beside an own one depends on what it had counted when it started.
#[tokio::test]
async fn own_metrics_may_be_pushed_with_any_help_text() {
    let pair = Pair::start().await;
    let body =
        b"# HELP pushgateway_http_requests_total Other.\n# TYPE pushgateway_http_requests_total counter\n\
                 pushgateway_http_requests_total 1\n";
    // The first request, which theirs counts.
    pair.answers_alike(&Request { method: "GET", path: "/-/ready", headers: "", body: b"" }).await;
    let (ours, theirs) =
        pair.send(&Request { method: "PUT", path: "/metrics/job/j", headers: "", body }).await;
    assert_eq!((ours.code, theirs.code), (200, 400));
    assert!(!pair.ours.get("/metrics").await.body.contains("Other."));
}

/// In classic text a colon in a label name is an error to every reader.
#[tokio::test]
async fn a_colon_in_a_label_name_is_escaped() {
    let pair =
        Pair::with(Config { enable_utf8_names: true, ..Config::default() }, &["--push.enable-utf8-names"])
            .await;
    let request =
        Request { method: "PUT", path: "/metrics/job/j", headers: "", body: b"k{\"a:b\"=\"1\"} 1\n" };
    pair.answers_alike(&request).await;
    let (ours, theirs) =
        pair.send(&Request { method: "GET", path: "/metrics", headers: "", body: b"" }).await;
    assert!(ours.body.contains("k{a_b=\"1\",instance"), "{:?}", seen::text(&ours.body));
    assert!(theirs.body.contains("k{a:b=\"1\",instance"), "{:?}", seen::text(&theirs.body));
}

#[tokio::test]
async fn keys_whose_names_become_one_for_some_readers_are_refused() {
    let pair =
        Pair::with(Config { enable_utf8_names: true, ..Config::default() }, &["--push.enable-utf8-names"])
            .await;
    for path in ["/metrics/job/j/a.b/1/a_b/2", "/metrics/job/j/a.b/1/a-b/2", "/metrics/job/j/--name--/1"] {
        only_ours_refuses(&pair, "PUT", path, "", b"poison 1\n").await;
    }
    // So are samples.
    only_ours_refuses(&pair, "PUT", "/metrics/job/j/a.b/1", "", b"poison{a_b=\"1\"} 1\n").await;
}

/// Small things of messages that nobody sends, or that say nothing.
#[tokio::test]
async fn what_says_nothing_in_a_message_is_not_kept() {
    let pair = Pair::start().await;
    let shown = async |family: &MetricFamily, extra: &[u8], encoding: &str| -> [Vec<u8>; 2] {
        let accept = format!(
            "Accept: application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding={encoding}\r\n"
        );
        let mut message = prost::Message::encode_to_vec(family);
        message.extend(extra);
        let mut body = Vec::new();
        prost::encoding::encode_varint(message.len() as u64, &mut body);
        body.extend(message);
        let request = Request { method: "PUT", path: "/metrics/job/j", headers: PROTOBUF, body: &body };
        assert_eq!(pair.answers_alike(&request).await, 200);
        let scrape = Request { method: "GET", path: "/metrics", headers: &accept, body: b"" };
        let (ours, theirs) = pair.send(&scrape).await;
        [ours, theirs].map(|answer| answer.bytes)
    };
    let has = |answer: &[u8], part: &[u8]| answer.windows(part.len()).any(|window| window == part);
    // An empty help text.
    let empty = MetricFamily { help: Some(Vec::new()), ..family("a", GAUGE, [gauge(1.0)]) };
    let [ours, theirs] = shown(&empty, b"", "delimited").await;
    let start = b"\n\x01a\x12\x00";
    assert_eq!((has(&ours, start), has(&theirs, start)), (false, true));
    // A field that neither knows: number 99, of a sample.
    let unknown = [0x98, 6, 123];
    let sample = [prost::Message::encode_to_vec(&gauge(1.0)), unknown.to_vec()].concat();
    let field = [vec![0x22, sample.len() as u8], sample].concat();
    let [ours, theirs] = shown(&family("a", GAUGE, []), &field, "delimited").await;
    assert_eq!((has(&ours, &unknown), has(&theirs, &unknown)), (false, true));
    // That a value of 0 was said to be so.
    let zero = Metric { untyped: Some(Number { value: None }), ..Default::default() };
    let [ours, theirs] = shown(&family("a", 3, [zero]), b"", "compact-text").await;
    assert_eq!((has(&ours, b"untyped:{value:0}"), has(&theirs, b"untyped:{}")), (true, true));
}

/// A label of the key takes the place of one in the message, but ours has looked at that one already.
#[tokio::test]
async fn a_label_value_that_is_no_utf8_is_refused_also_where_it_would_be_replaced() {
    let pair = Pair::start().await;
    let label = LabelPair { name: Some(b"job".to_vec()), value: Some(b"\xff".to_vec()) };
    let message = body([&family("poison", GAUGE, [Metric { label: vec![label], ..gauge(1.0) }])]);
    only_ours_refuses(&pair, "PUT", "/metrics/job/j", PROTOBUF, &message).await;
}

/// No client sends a fragment; by the standard it is none of the path.
#[tokio::test]
async fn a_fragment_is_no_part_of_the_key() {
    let pair = Pair::start().await;
    let request = Request { method: "PUT", path: "/metrics/job/j#k", headers: "", body: b"a 1\n" };
    pair.answers_alike(&request).await;
    let (ours, theirs) =
        pair.send(&Request { method: "GET", path: "/metrics", headers: "", body: b"" }).await;
    assert!(ours.body.contains("a{instance=\"\",job=\"j\"} 1"));
    assert!(theirs.body.contains("a{instance=\"\",job=\"j#k\"} 1"));
}

#[tokio::test]
async fn parameters_of_a_content_type_in_pieces_are_not_put_together() {
    let pair = Pair::start().await;
    let headers = "Content-Type: application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; \
                   encoding*0=deli; encoding*1=mited\r\n";
    let message = body([&family("a", GAUGE, [gauge(1.0)])]);
    let request = Request { method: "PUT", path: "/metrics/job/j", headers, body: &message };
    let (ours, theirs) = pair.send(&request).await;
    assert_eq!((ours.code, theirs.code), (400, 200));
}
