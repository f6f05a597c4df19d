//! Groups come, change and go alike.

use super::pair::{Pair, Request};

const SESSION: &str = "# HELP files Files of the session.\n# TYPE files gauge\nfiles{path=\"/a\"} 1234567\nfiles{path=\"/b\"} 0.00001\n\
                       # TYPE runs counter\nruns 3\n";
const FILES: &str = "# HELP files Files of the session.\n# TYPE files gauge\nfiles{path=\"/c\"} 7\n";

/// Method, path, body; in this order. (Where help texts differ, the original shows any of them.)
const REQUESTS: &[(&str, &str, &str)] = &[
    ("PUT", "/metrics/job/a", SESSION),
    ("PUT", "/metrics/job/a/instance/one", SESSION),
    // Of another type than the other group has it.
    ("POST", "/metrics/job/a/instance/one", "files{path=\"/c\"} 7\n"),
    ("POST", "/metrics/job/a/instance/one", FILES),
    ("POST", "/metrics/job/b", ""),
    ("POST", "/metrics/job/b", FILES),
    ("POST", "/metrics/job/b", ""),
    ("PUT", "/metrics/job/b", ""),
    ("PUT", "/metrics/job/c", "x 1\ny 2\n"),
    ("PUT", "/metrics/job/c", "y 3\n"),
    ("POST", "/metrics/job/c", "x{a=\"1\"} 1\nx{a=\"2\"} 1\n"),
    ("POST", "/metrics/job/c", "x{a=\"3\"} 1\n"),
    ("PUT", "/metrics/job/d", "z 1\n"),
    ("DELETE", "/metrics/job/d", ""),
    ("DELETE", "/metrics/job/d", "a body that nobody reads"),
    ("DELETE", "/metrics/job/never", ""),
    ("PUT", "/metrics/job/e", ""),
    // Refused pushes: the group is made or keeps what it has, and has a failure time.
    ("PUT", "/metrics/job/refused", "a 1 0\n"),
    ("POST", "/metrics/job/refused2", "a 1\na 1\n"),
    ("PUT", "/metrics/job/c", "z 1 1234\n"),
    ("POST", "/metrics/job/c", "z 1 -1234\n"),
    ("PUT", "/metrics/job/c", "# TYPE files counter\nfiles 1\n"),
    ("PUT", "/metrics/job/c", "z 1\n"),
    ("DELETE", "/metrics/job/refused", ""),
    // Those leave no trace.
    ("PUT", "/metrics/job/broken", "a\n"),
    ("PUT", "/metrics/job/broken", "a 1"),
    // A type may change where no other group has it.
    ("PUT", "/metrics/job/only", "# TYPE mine gauge\nmine 1\n"),
    ("PUT", "/metrics/job/only", "# TYPE mine counter\nmine 1\n"),
    ("POST", "/metrics/job/only", "# TYPE mine summary\nmine_count 1\n"),
    ("POST", "/metrics/job/only", "# TYPE mine histogram\nmine_count 1\n"),
    // Push times are never pushed. (That the original lets them in later is one of the differences.)
    ("PUT", "/metrics/job/times", "push_time_seconds 7\npush_failure_time_seconds 8\n"),
    ("POST", "/metrics/job/times", "# TYPE push_time_seconds counter\npush_time_seconds{a=\"1\"} 7\n"),
    // Own labels give way to those of the key.
    ("PUT", "/metrics/job/g/x/1", "a{x=\"2\",job=\"h\",instance=\"i\"} 1\n"),
    ("PUT", "/metrics/job/g/instance/1", "a{x=\"2\",job=\"h\",instance=\"i\"} 1\n"),
    ("PUT", "/metrics/job/g/x/", "a{instance=\"\"} 1\n"),
    // Order of what is shown: number of labels, then their values.
    (
        "PUT",
        "/metrics/job/order",
        "o{b=\"1\"} 1\no 2\no{c=\"0\"} 3\no{a=\"1\",b=\"0\"} 4\no{b=\"10\"} 5\no{b=\"2\"} 6\n",
    ),
    ("PUT", "/metrics/job/order/b/3", "o 1\nO 1\n:o 1\n_o 1\n"),
];

#[tokio::test]
async fn groups_come_change_and_go_as_in_the_original() {
    let pair = Pair::start().await;
    for (method, path, body) in REQUESTS {
        pair.text(method, path, body).await;
    }
    pair.look_the_same().await;
}

#[tokio::test]
async fn own_metrics_count_the_same_requests() {
    let pair = Pair::start().await;
    for (method, path, body) in REQUESTS {
        pair.answers_alike(&Request { method, path, headers: "", body: body.as_bytes() }).await;
    }
    for (method, path) in [
        ("GET", "/-/healthy"),
        ("GET", "/-/ready"),
        ("GET", "/api/v1/status"),
        ("GET", "/api/v1/metrics"),
        ("OPTIONS", "/api/v1/any"),
        ("PUT", "/metrics/job/x/y"),
        ("DELETE", "/metrics/job/x/y"),
        // These are not counted.
        ("GET", "/nowhere"),
        ("PUT", "/metrics"),
        ("PUT", "/metrics//job/x"),
        ("PUT", "/-/quit"),
    ] {
        pair.send(&Request { method, path, headers: "", body: b"" }).await;
    }
    let (ours, theirs) =
        pair.send(&Request { method: "GET", path: "/metrics", headers: "", body: b"" }).await;
    // Sizes too are of the same requests.
    let counted = |text: &str| -> Vec<String> {
        let is_counted = |line: &&str| {
            line.contains("pushgateway_http_requests_total")
                || line.contains("pushgateway_http_push_size_bytes")
                || line.contains("pushgateway_http_push_duration_seconds_count")
                || line.contains("TYPE pushgateway_http_push_duration_seconds")
                || line.contains("HELP pushgateway_http_push_duration_seconds")
        };
        text.lines().filter(is_counted).filter(|line| !line.contains("quantile")).map(str::to_owned).collect()
    };
    let ours = counted(&ours.body);
    assert!(ours.len() > 10, "{ours:?}");
    assert_eq!(ours, counted(&theirs.body));
}
