//! What does not fit together is refused alike, for the same reasons.

use super::pair::{Pair, Request};

/// Pushed first; all are taken.
const HELD: &[(&str, &str)] = &[
    ("/metrics/job/a", "# TYPE g gauge\ng{x=\"1\"} 1\n# TYPE c counter\nc 1\nu 1\n"),
    ("/metrics/job/h", "# TYPE h histogram\nh_count 1\n"),
    ("/metrics/job/s", "# TYPE s summary\ns_count 1\n"),
    ("/metrics/job/parts", "p_count 1\nq_sum 1\nr_bucket 1\n"),
    ("/metrics/job/b/x/1", "v 1\n"),
];

/// Each is pushed to a group that goes again.
const PUSHES: &[(&str, &str)] = &[
    // Twice the same.
    ("/metrics/job/t", "a 1\na 2\n"),
    ("/metrics/job/t", "a{x=\"1\"} 1\na{x=\"1\"} 1\n"),
    ("/metrics/job/t", "a 1\na{instance=\"\"} 2\n"),
    ("/metrics/job/t", "a 1\na{job=\"other\"} 2\n"),
    ("/metrics/job/t/x/1", "a{x=\"2\"} 1\na{x=\"3\"} 1\n"),
    ("/metrics/job/t/x/1", "a{x=\"2\"} 1\nb{x=\"3\"} 1\n"),
    ("/metrics/job/b", "v{x=\"1\"} 1\n"),
    ("/metrics/job/b", "v{x=\"2\"} 1\n"),
    ("/metrics/job/b", "v{x=\"\"} 1\nv 1\n"),
    ("/metrics/job/t", "a 1\na 2\nb 1\nb 2\n"),
    ("/metrics/job/t", "# TYPE a histogram\na_count 1\na_count{x=\"1\"} 1\n"),
    // Another type.
    ("/metrics/job/t", "g 1\n"),
    ("/metrics/job/t", "# TYPE g counter\ng 1\n"),
    ("/metrics/job/t", "# TYPE c gauge\nc 1\n"),
    ("/metrics/job/t", "# TYPE u summary\nu_count 1\n"),
    ("/metrics/job/t", "h 1\n"),
    ("/metrics/job/t", "# TYPE s histogram\ns_count 1\n"),
    ("/metrics/job/a", "# TYPE g counter\ng 1\n"),
    // Names that histograms and summaries have.
    ("/metrics/job/t", "h_count 1\n"),
    ("/metrics/job/t", "h_sum 1\n"),
    ("/metrics/job/t", "h_bucket 1\n"),
    ("/metrics/job/t", "h_gcount 1\n"),
    ("/metrics/job/t", "s_count 1\n"),
    ("/metrics/job/t", "s_sum 1\n"),
    ("/metrics/job/t", "s_bucket 1\n"),
    ("/metrics/job/t", "# TYPE h_count gauge\nh_count 1\n"),
    ("/metrics/job/t", "# TYPE h_count histogram\nh_count_sum 1\n"),
    ("/metrics/job/t", "# TYPE p histogram\np_sum 1\n"),
    ("/metrics/job/t", "# TYPE q histogram\nq_count 1\n"),
    ("/metrics/job/t", "# TYPE r histogram\nr_count 1\n"),
    ("/metrics/job/t", "# TYPE p summary\np_sum 1\n"),
    ("/metrics/job/t", "# TYPE q summary\nq_count 1\n"),
    ("/metrics/job/t", "# TYPE r summary\nr_count 1\n"),
    ("/metrics/job/t", "# TYPE p gauge\np 1\n"),
    ("/metrics/job/t", "y_count 1\n# TYPE y histogram\ny_sum 1\n"),
    ("/metrics/job/t", "y_bucket 1\n# TYPE y summary\ny_sum 1\n"),
    ("/metrics/job/t", "y_sum 1\n# TYPE y counter\ny 1\n"),
    ("/metrics/job/parts", "# TYPE p histogram\np_sum 1\n"),
    // Labels.
    ("/metrics/job/t", "a{__x=\"1\"} 1\n"),
    ("/metrics/job/t", "a{__x__=\"1\",y=\"2\"} 1\n"),
    ("/metrics/job/t", "# TYPE a summary\na{quantile=\"1\"} 1\na_sum{quantile=\"2\"} 1\n"),
    ("/metrics/job/t/quantile/1", "# TYPE a summary\na{quantile=\"1\"} 1\n"),
    ("/metrics/job/t/quantile/1", "a 1\n"),
    ("/metrics/job/t/quantile/1", "# TYPE a histogram\na_count 1\n"),
    ("/metrics/job/t/le/1", "a 1\n"),
    ("/metrics/job/t/le/1", "# TYPE a summary\na_count 1\n"),
    // Timestamps.
    ("/metrics/job/t", "a 1 0\n"),
    ("/metrics/job/t", "a 1\nb 1 1\n"),
    ("/metrics/job/t", "# TYPE a summary\na_count 1 1\na_sum 1\n"),
    ("/metrics/job/t", "# TYPE h gauge\nh 1 1\n"),
    // Own metrics.
    ("/metrics/job/t", "# TYPE pushgateway_build_info counter\npushgateway_build_info 1\n"),
    ("/metrics/job/t", "# TYPE pushgateway_build_info gauge\npushgateway_build_info 1\n"),
    (
        "/metrics/job/t",
        "# HELP pushgateway_build_info Other.\n# TYPE pushgateway_build_info gauge\npushgateway_build_info 1\n",
    ),
    ("/metrics/job/t", "process_open_fds 1\n"),
    ("/metrics/job/t", "# TYPE process_open_fds gauge\nprocess_open_fds 1\n"),
    ("/metrics/job/t", "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total 1\n"),
    (
        "/metrics/job/t",
        "# HELP pushgateway_http_requests_total Total HTTP requests processed by the Pushgateway, excluding scrapes.\n\
         # TYPE pushgateway_http_requests_total gauge\npushgateway_http_requests_total 1\n",
    ),
    ("/metrics/job/t", "pushgateway_http_push_duration_seconds_count 1\n"),
    ("/metrics/job/t", "# TYPE pushgateway_build summary\npushgateway_build_count 1\n"),
];

#[tokio::test]
async fn each_rule_is_kept_as_by_the_original() {
    let pair = Pair::start().await;
    for (path, body) in HELD {
        assert_eq!(pair.text("PUT", path, body).await, 200);
    }
    for method in ["PUT", "POST"] {
        for (path, body) in PUSHES {
            pair.text(method, path, body).await;
            if !HELD.iter().any(|(held, _)| held == path) {
                pair.text("DELETE", path, "").await;
            }
        }
    }
    pair.look_the_same().await;
}

#[tokio::test]
async fn what_a_push_replaces_is_in_nobodys_way_as_in_the_original() {
    let pair = Pair::start().await;
    for (method, body) in [
        ("PUT", "# TYPE h histogram\nh_count 1\n"),
        ("PUT", "h_count 1\n"),
        ("POST", "# TYPE h histogram\nh_sum 1\n"),
        ("PUT", "# TYPE h histogram\nh_sum 1\n"),
        ("POST", "h_count 1\n"),
        ("POST", "h 1\n"),
        ("POST", "h_count 1\n"),
        ("POST", "# TYPE h summary\nh_sum 1\n"),
    ] {
        pair.text(method, "/metrics/job/j", body).await;
    }
}

#[tokio::test]
async fn an_own_metric_counts_with_the_type_it_has() {
    let pair = Pair::start().await;
    // There is no such metric yet, neither here nor there; but a name that will be one is refused by both in the end.
    let request = |body: &'static str| Request {
        method: "PUT",
        path: "/metrics/job/j",
        headers: "",
        body: body.as_bytes(),
    };
    pair.answers_alike(&request("# TYPE go_info gauge\ngo_info 1\n")).await;
    pair.answers_alike(&request("# TYPE process_start_time_seconds summary\nprocess_start_time_seconds 1\n"))
        .await;
    pair.answers_alike(&request("process_start_time_seconds_count 1\n")).await;
}
