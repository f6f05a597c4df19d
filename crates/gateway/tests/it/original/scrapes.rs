//! Expositions in each format.

use gateway::Config;

use super::pair::Pair;

const PROTO: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=";

async fn filled() -> Pair {
    let pair =
        Pair::with(Config { enable_utf8_names: true, ..Config::default() }, &["--push.enable-utf8-names"])
            .await;
    for (path, body) in [
        (
            "/metrics/job/a",
            "# HELP g Text \\\\ with\\n\"all\" \u{e4}.\n# TYPE g gauge\ng{x=\"\\\\ \\n \\\" \u{e4}\"} 1e6\ng NaN\n",
        ),
        (
            "/metrics/job/a/b.c/1",
            "# TYPE \"d.e_f\" counter\n{\"d.e_f\",\"x.y\"=\"1\",\"\u{e4}-\u{1f600}\"=\"2\"} 0.00001\n",
        ),
        (
            "/metrics/job/b",
            "# TYPE h histogram\nh_bucket{le=\"0.5\"} 1\nh_bucket{le=\"2\"} 3\nh_sum 7.5\nh_count 4\n",
        ),
        (
            "/metrics/job/c",
            "# TYPE h histogram\nh_bucket{le=\"0.5\"} 1.5\nh_bucket{le=\"+Inf\"} 3\nh_sum -0\nh_count 3\n",
        ),
        (
            "/metrics/job/d",
            "# TYPE s summary\ns{quantile=\"0.5\"} -Inf\ns{quantile=\"0.9\"} +Inf\ns_sum 1e-7\ns_count 18446744073709551615\n",
        ),
        (
            "/metrics/job/e",
            "# TYPE \"s.t\" summary\n{\"s.t\",quantile=\"0.5\"} 1\n{\"s.t_sum\"} 2\n{\"s.t_count\"} 3\n",
        ),
        (
            "/metrics/job/f",
            "# TYPE \"h.t\" histogram\n{\"h.t_bucket\",le=\"0.5\"} 1\n{\"h.t_sum\"} 2\n{\"h.t_count\"} 3\n",
        ),
        ("/metrics/job/h", "u -0\nv 1e300\nw 123456789\n{\"1\"} 1\n{\"a:b.c\"} 1\n{\" \"} 2\n"),
        ("/metrics/job/failed", "u 1 1\n"),
        ("/metrics/job/empty", ""),
    ] {
        pair.text("PUT", path, body).await;
    }
    pair
}

#[tokio::test]
async fn every_format_shows_what_the_original_shows() {
    filled().await.look_the_same().await;
}

#[tokio::test]
async fn the_format_is_negotiated_as_by_the_original() {
    let pair = filled().await;
    let accepts = [
        // What Prometheus asks for, by version.
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1".to_owned(),
        "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2".to_owned(),
        format!("{PROTO}delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"),
        "text/plain;version=0.0.4;q=1,*/*;q=0.1".to_owned(),
        // A browser.
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8".to_owned(),
        String::new(),
        "*/*".to_owned(),
        "*".to_owned(),
        "text/*".to_owned(),
        "text/plain".to_owned(),
        "TEXT/PLAIN".to_owned(),
        "text/plain;version=1.0.0".to_owned(),
        "text/plain;version=0.0.3".to_owned(),
        "text/plain; version=0.0.4; escaping=allow-utf-8".to_owned(),
        "text/plain;escaping=allow-utf-8".to_owned(),
        "text/plain;escaping=\"allow-utf-8\"".to_owned(),
        "text/plain;escaping=ALLOW-UTF-8".to_owned(),
        "text/plain;escaping=none".to_owned(),
        "text/html;escaping=allow-utf-8,text/plain".to_owned(),
        "text/plain;q=0.1,text/plain;escaping=values;q=0.2".to_owned(),
        "text/plain;q=0".to_owned(),
        "text/plain;q=x".to_owned(),
        "application/json".to_owned(),
        "application/vnd.google.protobuf".to_owned(),
        "application/vnd.google.protobuf;encoding=delimited".to_owned(),
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily".to_owned(),
        format!("{PROTO}delimited"),
        format!("{PROTO}text"),
        format!("{PROTO}compact-text"),
        format!("{PROTO}other"),
        format!("{PROTO}delimited;escaping=dots"),
        format!("{PROTO}delimited;q=0.3,{PROTO}text;q=0.4"),
        format!("{PROTO}delimited;q=0"),
        format!("text/plain;version=1.0.0;escaping=dots,{PROTO}text;q=0.5"),
        format!("{PROTO}delimited;escaping=values,text/plain;q=0.5;escaping=dots"),
        "application/openmetrics-text".to_owned(),
        "application/openmetrics-text;version=1.0.0;escaping=values".to_owned(),
        ",,;q=1".to_owned(),
        "text/plain;".to_owned(),
        "text/plain;;version=0.0.4".to_owned(),
        "text/plain;version".to_owned(),
        "text / plain ; version = 0.0.4".to_owned(),
        "text/plain/x".to_owned(),
    ];
    for accept in accepts {
        pair.scrape_alike(&format!("Accept: {accept}\r\n")).await;
    }
    // No header, and two of them.
    pair.scrape_alike("").await;
    pair.scrape_alike(&format!("Accept: text/plain\r\nAccept: {PROTO}text\r\n")).await;
}

#[tokio::test]
async fn compression_is_negotiated_as_by_the_original() {
    let pair = filled().await;
    for accepted in [
        "",
        "gzip",
        "GZIP",
        "gzip;q=0",
        "gzip;q=0.5",
        "gzip;q=0.5, identity",
        "gzip, identity;q=0.5",
        "gzip, identity",
        "*",
        "*;q=0.5",
        "*;q=0.2, gzip",
        "gzip;q=0.2, *",
        "zstd",
        "zstd, gzip",
        "br, deflate",
        "deflate, gzip;q=1.0, *;q=0.5",
        "identity;q=0",
        "gzip;q=x",
        "gzip ; q=0.5",
        "x-gzip",
        "gzip;q=1;x=y",
        ",gzip",
        "identity;q=0, gzip;q=0.1",
        "gzip;q=2",
    ] {
        pair.scrape_alike(&format!("Accept-Encoding: {accepted}\r\n")).await;
    }
    pair.scrape_alike("Accept-Encoding: identity\r\nAccept-Encoding: gzip\r\n").await;
    pair.scrape_alike("Accept-Encoding: br\r\nAccept-Encoding: gzip\r\n").await;
    // Nothing else is compressed.
    for path in ["/api/v1/status", "/-/ready", "/nowhere"] {
        let headers = "Accept-Encoding: gzip\r\n";
        let (ours, theirs) =
            pair.send(&super::pair::Request { method: "GET", path, headers, body: b"" }).await;
        assert_eq!(
            (ours.header("content-encoding"), theirs.header("content-encoding")),
            (None, None),
            "{path}"
        );
    }
}
