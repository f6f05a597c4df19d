//! Every path with every method.

use gateway::Config;

use super::pair::{Pair, Request};

const METHODS: &[&str] =
    &["GET", "PUT", "POST", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND", "get", "Put"];

/// Below the prefix. What only the page has (`/`, `/status`, `/static/`) is not asked for by GET: it is ours to draw.
const PATHS: &[&str] = &[
    "/",
    "/status",
    "/status/",
    "/static/x.css",
    "/metrics",
    "/metrics/",
    "/metrics/x",
    "/metrics/job",
    "/metrics/job/",
    "/metrics/job/j",
    "/metrics/job/j/",
    "/metrics/job/j/x/1",
    "/metrics/job@base64",
    "/metrics/job@base64/",
    "/metrics/job@base64/ag",
    "/metrics/jobs/j",
    "/-/healthy",
    "/-/healthy/",
    "/-/ready",
    "/-/ready/",
    "/-/ready/x",
    "/-/quit",
    "/-/quit/",
    "/-/",
    "/-",
    "/api",
    "/api/",
    "/api/v1",
    "/api/v1/",
    "/api/v1/metrics",
    "/api/v1/status",
    "/api/v1/x",
    "/api/v1/admin",
    "/api/v1/admin/wipe",
    "/api/v2/metrics",
    "/nowhere",
    "/nowhere/",
    // In other case.
    "/METRICS",
    "/Metrics/",
    "/METRICS/job/J",
    "/metrics/JOB/j",
    "/metrics/Job@Base64/ag",
    "/-/Ready",
    "/-/QUIT",
    "/STATUS",
    // Not clean.
    "//metrics",
    "/metrics//",
    "/./metrics",
    "/x/../metrics",
    "/metrics/.",
    "/metrics/..",
    "/..",
    "/metrics/job//",
    "/metrics/job/j//x/1",
    "/metrics/job/j/x/..",
    "/metrics/job/j/x/%2e%2e",
    "/metrics/job/j/%2E/",
    "/metrics/job/a%20b//",
    "/metrics/job/%C3%A4//",
    "/metrics/job/%2F",
    "/api/v1//metrics",
    "/metrics%2Fjob%2Fj",
    "/metrics?x=1",
    "/metrics/?x=1&y",
    "//metrics?x=/../",
    // Broken.
    "/%zz",
    "/metrics/job/%",
    "*",
];

/// What the original redirects to another place (below the API), or answers by its page.
fn is_elsewhere(method: &str, path: &str) -> bool {
    let page = ["/", "/status", "/static/x.css"];
    method == "GET" && page.contains(&path)
}

async fn all_alike(pair: &Pair, prefixes: &[&str]) {
    for prefix in prefixes {
        for path in PATHS {
            for method in METHODS {
                if is_elsewhere(method, path) {
                    continue;
                }
                let path = if *path == "*" { (*path).to_owned() } else { format!("{prefix}{path}") };
                pair.answers_alike(&Request { method, path: &path, headers: "", body: b"" }).await;
            }
        }
    }
    pair.hold_the_same("every path and method").await;
}

#[tokio::test]
async fn every_path_and_method_is_answered_as_by_the_original() {
    all_alike(&Pair::start().await, &[""]).await;
}

#[tokio::test]
async fn so_it_is_with_the_admin_api() {
    let pair =
        Pair::with(Config { enable_admin_api: true, ..Config::default() }, &["--web.enable-admin-api"]).await;
    for method in METHODS {
        for path in ["/api/v1/admin/wipe", "/api/v1/admin", "/api/v1/admin/wipe/x", "/api/v1/admin/WIPE/x"] {
            pair.answers_alike(&Request { method, path, headers: "", body: b"" }).await;
        }
    }
    pair.text("PUT", "/metrics/job/j", "a 1\n").await;
    pair.text("PUT", "/metrics/job/k", "a 1\n").await;
    pair.answers_alike(&Request { method: "PUT", path: "/api/v1/admin/wipe", headers: "", body: b"" }).await;
    pair.come_to_hold_nothing().await;
    pair.text("PUT", "/metrics/job/j", "a 1\n").await;
}

#[tokio::test]
async fn so_it_is_below_a_prefix() {
    let route_prefix = Some("/pg/deep/".to_owned());
    let pair =
        Pair::with(Config { route_prefix, ..Config::default() }, &["--web.route-prefix=/pg/deep/"]).await;
    let scrape = Request { method: "GET", path: "/pg/deep/metrics", headers: "", body: b"" };
    let (ours, theirs) = pair.send(&scrape).await;
    ours.is(200);
    theirs.is(200);
    for prefix in ["/pg/deep", "", "/pg", "/PG/deep"] {
        for path in PATHS {
            for method in METHODS {
                if is_elsewhere(method, path) && prefix.eq_ignore_ascii_case("/pg/deep") {
                    continue;
                }
                let path = if *path == "*" { (*path).to_owned() } else { format!("{prefix}{path}") };
                let request = Request { method, path: &path, headers: "", body: b"" };
                // One answer with times in it, on purpose of no interest here.
                if path.ends_with("deep/metrics") && *method == "GET" {
                    continue;
                }
                pair.answers_alike(&request).await;
            }
        }
    }
    for path in ["/pg/deep", "/pg", "/"] {
        for method in METHODS {
            pair.answers_alike(&Request { method, path, headers: "", body: b"" }).await;
        }
    }
}

#[tokio::test]
async fn so_it_is_with_an_external_url_and_another_telemetry_path() {
    let config = Config {
        external_url: "http://example.com/pg".to_owned(),
        telemetry_path: "/tele/all".to_owned(),
        ..Config::default()
    };
    let flags = ["--web.external-url=http://example.com/pg", "--web.telemetry-path=/tele/all"];
    let pair = Pair::with(config, &flags).await;
    for path in [
        "/pg/metrics",
        "/pg/metrics/",
        "/pg/tele/",
        "/pg/tele",
        "/pg/tele/all/",
        "/pg/TELE/all",
        "/tele/all",
        "/metrics",
    ] {
        for method in METHODS {
            pair.answers_alike(&Request { method, path, headers: "", body: b"" }).await;
        }
    }
    for method in METHODS.iter().filter(|method| **method != "GET") {
        pair.answers_alike(&Request { method, path: "/pg/tele/all", headers: "", body: b"" }).await;
    }
    for (method, body) in [("PUT", "a 1\n"), ("POST", "b 1\n"), ("GET", "")] {
        let request = Request { method, path: "/pg/metrics/job/j", headers: "", body: body.as_bytes() };
        pair.answers_alike(&request).await;
    }
    let scrape = Request { method: "GET", path: "/pg/tele/all", headers: "", body: b"" };
    let (ours, theirs) = pair.send(&scrape).await;
    assert_eq!(super::seen::text(&ours.body), super::seen::text(&theirs.body));
}

#[tokio::test]
async fn a_client_may_end_both_when_that_is_enabled() {
    let pair =
        Pair::with(Config { enable_lifecycle: true, ..Config::default() }, &["--web.enable-lifecycle"]).await;
    for method in METHODS.iter().filter(|method| !["PUT", "POST"].contains(method)) {
        pair.answers_alike(&Request { method, path: "/-/quit", headers: "", body: b"" }).await;
    }
    let quit = b"POST /-/quit HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    let ours = pair.ours.client.raw(quit).await;
    // Theirs may be gone before it has answered.
    let theirs = pair.theirs.raw(quit).await;
    for answer in [ours.as_str(), theirs.as_str()].into_iter().filter(|answer| !answer.is_empty()) {
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(answer.ends_with("\r\n\r\nRequesting termination... Goodbye!"), "{answer}");
    }
    assert!(!ours.is_empty());
    pair.ours.ended().await.unwrap();
}

#[tokio::test]
async fn requests_of_any_form_are_answered_as_by_the_original() {
    let pair = Pair::start().await;
    for headers in [
        "Expect: 100-continue\r\n",
        "Upgrade: h2c\r\nConnection: Upgrade\r\n",
        "Origin: http://example.com\r\n",
        "Cookie: a=b\r\nX-Strange: \u{e4}\r\n",
        "Authorization: Basic eDp5\r\n",
        "Content-Type: a\r\nContent-Type: b\r\n",
    ] {
        for (method, path) in [("GET", "/-/ready"), ("GET", "/api/v1/x"), ("OPTIONS", "/api/v1/x")] {
            pair.answers_alike(&Request { method, path, headers, body: b"" }).await;
        }
    }
    for request in [
        "GET /-/ready HTTP/1.0\r\n\r\n",
        "GET http://example.com/-/ready HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n",
        "PUT /metrics/job/j HTTP/1.1\r\nHost: t\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n4\r\na 1\n\r\n0\r\n\r\n",
        "PUT /metrics/job/j HTTP/1.0\r\nContent-Length: 4\r\n\r\nb 1\n",
        // Two in one go.
        "GET /nowhere HTTP/1.1\r\nHost: t\r\n\r\nGET /-/ready HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n",
        // Without a host.
        "GET /-/ready HTTP/1.1\r\nConnection: close\r\n\r\n",
    ] {
        let codes = async |client: crate::server::Client| -> Vec<String> {
            let answers = client.raw(request.as_bytes()).await;
            let lines = answers.split("HTTP/1.").skip(1);
            lines.map(|line| line.split(' ').nth(1).unwrap().to_owned()).collect()
        };
        assert_eq!(codes(pair.ours.client).await, codes(pair.theirs).await, "{request:?}");
        pair.hold_the_same(request).await;
    }
}
