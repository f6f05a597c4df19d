//! The operator and the push gateway: for whoever runs them.

use super::board::{Board, Panel, lines, number};

pub(super) fn board() -> Board {
    Board {
        uid: "stash-operator",
        title: "Stash / Operator",
        description: "The operator, its API server and webhooks, and the push gateway.",
        variables: Vec::new(),
        rows: vec![
            ("Now", now()),
            ("Objects", objects()),
            ("Webhooks and API server", api()),
            ("Process", process()),
            ("Push gateway", gateway()),
        ],
    }
}

fn now() -> Vec<Panel> {
    vec![
        number("Operators that act", "none", "sum(stash_leader)").red_below(1.0).says("One, and never more."),
        number("Operators", "none", "count(stash_leader)"),
        number("Certificate ends in", "s", "min(stash_certificate_expiry_timestamp_seconds) - time()")
            .red_below(30.0 * 86_400.0),
        number("Restics", "none", "sum(max by (state) (stash_restics))"),
        number("Restics that are scheduled", "none", "max(stash_restics{state=\"Scheduled\"})"),
        number("Groups at the gateway", "none", "sum(pushgateway_groups)"),
    ]
}

fn objects() -> Vec<Panel> {
    vec![
        lines("Restics by state", "none", &[("max by (state) (stash_restics)", "{{state}}")]),
        lines(
            "Looks at objects",
            "cps",
            &[(
                "sum by (controller, result) (rate(stash_reconciles_total[$__rate_interval]))",
                "{{controller}} {{result}}",
            )],
        ),
        lines(
            "How long 99% of looks took at most",
            "s",
            &[(
                "histogram_quantile(0.99, sum by (controller, le) (rate(stash_reconcile_duration_seconds_bucket[$__rate_interval])))",
                "{{controller}}",
            )],
        ),
        lines(
            "How long 99% of objects waited at most",
            "s",
            &[(
                "histogram_quantile(0.99, sum by (controller, le) (rate(stash_queue_duration_seconds_bucket[$__rate_interval])))",
                "{{controller}}",
            )],
        ),
    ]
}

fn api() -> Vec<Panel> {
    vec![
        lines(
            "Decisions of webhooks",
            "cps",
            &[(
                "sum by (webhook, decision) (rate(stash_webhook_decisions_total[$__rate_interval]))",
                "{{webhook}} {{decision}}",
            )],
        ),
        lines(
            "How long 99% of decisions took at most",
            "s",
            &[(
                "histogram_quantile(0.99, sum by (webhook, le) (rate(stash_webhook_duration_seconds_bucket[$__rate_interval])))",
                "{{webhook}}",
            )],
        ),
        lines(
            "Requests",
            "reqps",
            &[
                (
                    "sum by (verb, resource, code) (rate(apiserver_request_count[$__rate_interval]) and on (instance) stash_leader)",
                    "{{verb}} {{resource}} {{code}}",
                ),
                (
                    "sum by (code) (rate(http_requests_total{handler=\"prometheus\"}[$__rate_interval]) and on (instance) stash_leader)",
                    "scrapes {{code}}",
                ),
            ],
        ),
        lines(
            "How long 99% of requests took at most",
            "µs",
            &[(
                "histogram_quantile(0.99, sum by (verb, resource, le) (rate(apiserver_request_latencies_bucket[$__rate_interval]) and on (instance) stash_leader))",
                "{{verb}} {{resource}}",
            )],
        ),
        lines(
            "Requests at once",
            "none",
            &[(
                "max by (requestKind) (apiserver_current_inflight_requests and on (instance) stash_leader)",
                "{{requestKind}}",
            )],
        ),
        lines(
            "Who asks",
            "reqps",
            &[
                (
                    "sum by (username) (rate(authenticated_user_requests[$__rate_interval]) and on (instance) stash_leader)",
                    "{{username}}",
                ),
                (
                    "sum(rate(apiserver_audit_event_total[$__rate_interval]) and on (instance) stash_leader)",
                    "audit events",
                ),
            ],
        ),
    ]
}

fn process() -> Vec<Panel> {
    vec![
        lines(
            "Memory",
            "bytes",
            &[
                ("process_resident_memory_bytes and on (instance) stash_leader", "{{instance}} resident"),
                ("go_memstats_alloc_bytes and on (instance) stash_leader", "{{instance}} allocated"),
            ],
        ),
        lines(
            "CPU",
            "percentunit",
            &[(
                "rate(process_cpu_seconds_total[$__rate_interval]) and on (instance) stash_leader",
                "{{instance}}",
            )],
        ),
        lines(
            "Tasks and open files",
            "none",
            &[
                ("go_goroutines and on (instance) stash_leader", "{{instance}} tasks"),
                ("process_open_fds and on (instance) stash_leader", "{{instance}} open files"),
            ],
        ),
        lines(
            "Age of the process",
            "s",
            &[("time() - process_start_time_seconds and on (instance) stash_leader", "{{instance}}")],
        ),
    ]
}

fn gateway() -> Vec<Panel> {
    vec![
        lines(
            "What is held",
            "none",
            &[("sum(pushgateway_groups)", "groups"), ("sum(pushgateway_series)", "series")],
        ),
        lines(
            "Groups that were deleted because what they described is gone",
            "none",
            &[
                ("sum(stash_gateway_groups_deleted_total)", "deleted"),
                ("sum(stash_gateway_sweep_failures_total)", "looks that failed"),
            ],
        ),
        lines(
            "Requests",
            "reqps",
            &[(
                "sum by (handler, method, code) (rate(pushgateway_http_requests_total[$__rate_interval]))",
                "{{handler}} {{method}} {{code}}",
            )],
        ),
        lines(
            "How long 90% of pushes took at most",
            "s",
            &[("max by (method) (pushgateway_http_push_duration_seconds{quantile=\"0.9\"})", "{{method}}")],
        ),
        lines(
            "State on disk",
            "s",
            &[(
                "time() - (pushgateway_persistence_last_save_timestamp_seconds > 0)",
                "{{instance}} since the last save",
            )],
        )
        .says("A gateway that nobody pushes to has nothing to save."),
        lines(
            "Trouble",
            "none",
            &[
                ("sum(pushgateway_persistence_save_errors_total)", "saves that failed"),
                ("sum(pushgateway_pushes_rejected_total) or vector(0)", "pushes that were refused"),
                ("sum(pushgateway_http_refused_total) or vector(0)", "requests that were refused"),
            ],
        ),
        lines("Connections", "none", &[("sum(pushgateway_http_connections)", "open")]),
        lines(
            "Memory",
            "bytes",
            &[("process_resident_memory_bytes and on (instance) pushgateway_build_info", "{{instance}}")],
        ),
    ]
}
