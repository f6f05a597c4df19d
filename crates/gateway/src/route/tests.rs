//! The sentences of the original's routing, one test each.

use super::*;

fn plain() -> Routes {
    Routes::new("", "/metrics", false)
}

fn prefixed() -> Routes {
    Routes::new("/pg", "/tele/all", true)
}

fn route(routes: &Routes, method: &str, path: &str) -> Routed {
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    routes.route(&method.parse().unwrap(), path, query)
}

#[track_caller]
fn goes(routes: &Routes, method: &str, path: &str, to: Endpoint, below: &str) {
    assert_eq!(route(routes, method, path), Routed::To(to, below.as_bytes().to_vec()), "{method} {path}");
}

#[track_caller]
fn is_sent(routes: &Routes, method: &str, path: &str, code: u16, location: &str) {
    let redirect = Routed::Redirect(StatusCode::from_u16(code).unwrap(), location.to_owned());
    assert_eq!(route(routes, method, path), redirect, "{method} {path}");
}

#[track_caller]
fn is(routes: &Routes, method: &str, path: &str, routed: Routed) {
    assert_eq!(route(routes, method, path), routed, "{method} {path}");
}

const REPLACE: Endpoint = Endpoint::Push(PushMode::Replace);

#[test]
fn endpoints_are_where_the_original_has_them() {
    use Endpoint::*;
    let routes = plain();
    for (method, path, to) in [
        ("GET", "/metrics", Scrape),
        ("GET", "/-/healthy", Healthy),
        ("GET", "/-/ready", Ready),
        ("GET", "/-/quit", QuitRead),
        ("PUT", "/-/quit", Quit),
        ("POST", "/-/quit", Quit),
        ("GET", "/", Page),
        ("GET", "/status", Page),
        ("GET", "/static/", Asset),
        ("GET", "/static/a/b.css", Asset),
        ("GET", "/api/v1/metrics", Groups),
        ("GET", "/api/v1/status", Status),
        ("GET", "/api/v1/groups", GroupLabels),
        ("DELETE", "/api/v1/groups", DeleteGroups),
        ("OPTIONS", "/api/v1/metrics", Preflight),
        ("OPTIONS", "/api/v1/whatever/there/is", Preflight),
        ("OPTIONS", "/api/v1/", Preflight),
        ("PUT", "/metrics/job/j", REPLACE),
        ("POST", "/metrics/job/j/x/1", Push(PushMode::Merge)),
        ("DELETE", "/metrics/job@base64/ag", Delete),
    ] {
        goes(&routes, method, path, to, path);
    }
}

#[test]
fn matching_is_on_the_decoded_path_and_without_the_query() {
    goes(&plain(), "PUT", "/metrics/job/j%2Fx%2F1", REPLACE, "/metrics/job/j/x/1");
    goes(&plain(), "PUT", "/metrics/%6aob%40base64/ag?x=%zz", REPLACE, "/metrics/job@base64/ag");
    goes(&plain(), "GET", "/%6Detrics", Endpoint::Scrape, "/metrics");
    for broken in ["/%zz", "/metrics/job/j%2", "/api/v1/%", "metrics", "*"] {
        is(&plain(), "GET", broken, Routed::BadRequest);
    }
    is(&plain(), "OPTIONS", "*", Routed::Server);
}

#[test]
fn unclean_paths_are_redirected_for_every_method_with_their_query() {
    for method in ["GET", "PUT", "DELETE", "OPTIONS", "BREW"] {
        is_sent(&plain(), method, "/metrics/job/j/x/..", 301, "/metrics/job/j");
        is_sent(&plain(), method, "/metrics/job/j/x/%2e%2e?y", 301, "/metrics/job/j?y");
        is_sent(&plain(), method, "/metrics/job/j/instance//x/1", 301, "/metrics/job/j/instance/x/1");
        is_sent(&plain(), method, "/nowhere//", 301, "/nowhere/");
        is_sent(&plain(), method, "/api//v1/metrics", 301, "/api/v1/metrics");
        is_sent(&plain(), method, "/metrics/job/a%2Fb//x", 301, "/metrics/job/a/b/x");
    }
}

#[test]
fn a_slash_too_many_is_redirected_where_no_key_is() {
    is_sent(&plain(), "GET", "/metrics/?x=1", 301, "/metrics?x=1");
    is_sent(&plain(), "HEAD", "/-/ready/", 301, "/-/ready");
    is_sent(&plain(), "POST", "/-/quit/", 307, "/-/quit");
    is_sent(&plain(), "PUT", "/metrics/job/", 307, "/metrics/job");
    is(&plain(), "PUT", "/metrics/", Routed::NotFound);
    is(&plain(), "PUT", "/metrics/job", Routed::NotFound);
    is(&plain(), "GET", "/metrics/job/", Routed::NotFound);
    is(&plain(), "PUT", "/metrics/job@base64/", Routed::NotFound);
    goes(&plain(), "PUT", "/metrics/job/j/", REPLACE, "/metrics/job/j/");
    goes(&plain(), "PUT", "/metrics/job/j/instance/", REPLACE, "/metrics/job/j/instance/");
}

#[test]
fn a_slash_too_few_is_redirected() {
    is_sent(&plain(), "GET", "/static", 301, "/static/");
    for method in ["GET", "PUT", "OPTIONS"] {
        is_sent(&plain(), method, "/api/v1", 301, "/api/v1/");
    }
    is(&plain(), "GET", "/api/v1/", Routed::NotFound);
    is_sent(&prefixed(), "GET", "/pg", 301, "/pg/");
}

#[test]
fn redirects_of_the_api_keep_its_path() {
    is_sent(&plain(), "GET", "/api/v1/metrics/", 301, "/api/v1/metrics");
    is_sent(&prefixed(), "GET", "/pg/api/v1/STATUS", 301, "/pg/api/v1/status");
    is_sent(&prefixed(), "PUT", "/pg/api/v1/admin/wipe/", 307, "/pg/api/v1/admin/wipe");
}

#[test]
fn another_case_is_redirected_and_values_keep_theirs() {
    is_sent(&plain(), "GET", "/METRICS", 301, "/metrics");
    is_sent(&plain(), "GET", "/METRICS/", 301, "/metrics");
    is_sent(&plain(), "GET", "/STATIC/A.css", 301, "/static/A.css");
    is_sent(&plain(), "PUT", "/Metrics/JOB/J/Lab/Val", 307, "/metrics/job/J/Lab/Val");
    is_sent(&plain(), "PUT", "/%4dETRICS/job/%C3%A4%20", 307, "/metrics/job/%C3%A4%20");
    is_sent(&plain(), "PUT", "/metrics/JOB@BASE64/YQ", 307, "/metrics/job@base64/YQ");
    is(&plain(), "PUT", "/METRICS", Routed::NotFound);
    is(&plain(), "GET", "/METRICS/job/j", Routed::NotFound);
    is(&plain(), "OPTIONS", "/METRICS", Routed::NotFound);
}

#[test]
fn other_methods_are_told_which_there_are() {
    let write = "DELETE, OPTIONS, POST, PUT";
    for (method, path, allow) in [
        ("PUT", "/metrics", "GET, HEAD, OPTIONS"),
        ("get", "/metrics", "GET, HEAD, OPTIONS"),
        ("POST", "/api/v1/metrics", "GET, HEAD, OPTIONS"),
        ("PUT", "/api/v1/groups", "DELETE, GET, HEAD, OPTIONS"),
        ("HEAD", "/metrics/job/j", write),
        ("GET", "/metrics/job/j/", write),
        ("put", "/metrics/job/j/x/1", write),
        ("DELETE", "/-/quit", "GET, HEAD, OPTIONS, POST, PUT"),
    ] {
        is(&plain(), method, path, Routed::OtherMethod(allow.to_owned()));
    }
    is(&plain(), "OPTIONS", "/metrics/job/j", Routed::Options(write.to_owned()));
    is(&prefixed(), "GET", "/pg/api/v1/admin/wipe", Routed::OtherMethod("OPTIONS, PUT".to_owned()));
}

#[test]
fn head_is_get() {
    goes(&plain(), "HEAD", "/metrics", Endpoint::Scrape, "/metrics");
    goes(&plain(), "HEAD", "/api/v1/status", Endpoint::Status, "/api/v1/status");
}

#[test]
fn unknown_paths_are_not_found() {
    for path in ["/x", "/metrics/x", "/metrics/jobs/x", "/api", "/api/v2/x", "/api/v1/x", "/-/x", "/static-x"]
    {
        is(&plain(), "GET", path, Routed::NotFound);
        is(&plain(), "PUT", path, Routed::NotFound);
    }
}

#[test]
fn wiping_is_there_when_it_is_enabled() {
    is(&plain(), "PUT", "/api/v1/admin/wipe", Routed::NotFound);
    goes(&prefixed(), "PUT", "/pg/api/v1/admin/wipe", Endpoint::Wipe, "/api/v1/admin/wipe");
}

#[test]
fn everything_lives_below_the_prefix_but_reading_quit() {
    let routes = prefixed();
    goes(&routes, "PUT", "/pg/metrics/job/j", REPLACE, "/metrics/job/j");
    goes(&routes, "GET", "/pg/", Endpoint::Page, "/");
    goes(&routes, "PUT", "/pg/-/quit", Endpoint::Quit, "/-/quit");
    goes(&routes, "GET", "/-/quit", Endpoint::QuitRead, "/-/quit");
    is(&routes, "PUT", "/-/quit", Routed::OtherMethod("GET, HEAD, OPTIONS".to_owned()));
    is_sent(&routes, "GET", "/PG", 301, "/pg/");
    is_sent(&routes, "PUT", "/PG/metrics/job/j", 307, "/pg/metrics/job/j");
    for path in ["/", "/metrics", "/metrics/job/j", "/api/v1/metrics", "/api/v1", "/-/ready", "/status"] {
        is(&routes, "PUT", path, Routed::NotFound);
        is(&routes, "GET", path, Routed::NotFound);
    }
}

#[test]
fn scrapes_follow_the_telemetry_path_and_pushes_do_not() {
    goes(&prefixed(), "GET", "/pg/tele/all", Endpoint::Scrape, "/tele/all");
    is_sent(&prefixed(), "GET", "/PG/TELE/ALL", 301, "/pg/tele/all");
    is(&prefixed(), "GET", "/pg/metrics", Routed::NotFound);
    goes(&prefixed(), "DELETE", "/pg/metrics/job/j", Endpoint::Delete, "/metrics/job/j");
}
