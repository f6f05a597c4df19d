//! How to push, with commands that can be copied and run.

use http::request::Parts;
use maud::{Markup, html};

use super::{Scene, Shown};
use crate::Config;
use crate::origin;

/// Where clients reach the gateway: what it was told, or else the host that the request was for. Without a slash at
/// its end.
pub(super) fn address(config: &Config, head: &Parts) -> String {
    if let Some((scheme, rest)) = config.external_url.split_once("://") {
        let end = rest.find(['?', '#']).unwrap_or(rest.len());
        let rest = rest.get(..end).unwrap_or_default().trim_end_matches('/');
        let start = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(start);
        // A password is for whoever wrote the URL.
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        return format!("{scheme}://{host}{path}");
    }
    // It ends up in a shell: nothing but what a host and a port are made of.
    let is_host = |host: &&str| {
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte))
    };
    let host = origin::host(head).filter(is_host).unwrap_or("localhost:9091");
    let is_encrypted = head.uri.scheme_str() == Some("https")
        || origin::header(&head.headers, "x-forwarded-proto") == Some("https");
    format!("http{}://{host}{}", if is_encrypted { "s" } else { "" }, config.external_prefix())
}

pub(super) fn render(scene: &Scene<'_>) -> Shown {
    let url = &scene.address;
    let group = format!("{url}/metrics/job/some_job/instance/some_instance");
    let metrics = scene.config.telemetry_path.trim_matches('/');
    let content = html! {
        section aria-labelledby="push" {
            h2 #push { "Push" }
            div.card {
                p { "The labels of a group are in the address: first the job, then any others. PUT replaces everything in the group." }
                (example("put", &format!(
                    "cat <<'EOF' | curl --fail-with-body --upload-file - {group}\n\
                     # TYPE some_run_duration_seconds gauge\n\
                     # HELP some_run_duration_seconds How long the last run took.\n\
                     some_run_duration_seconds 42.5\n\
                     # TYPE some_items_total counter\n\
                     some_items_total{{kind=\"new\"}} 17\n\
                     EOF"
                )))
                p { "POST replaces only metrics of the same name." }
                (example("post", &format!("echo 'some_metric 3.14' | curl --fail-with-body --data-binary @- {group}")))
                p {
                    "A value with a slash, or none at all, is written in base64: the label’s name gets the suffix "
                    code { "@base64" } ". This is " code { "path=\"/var/lib\"" } ", then " code { "path=\"\"" } "."
                }
                (example("base64", &format!(
                    "echo 'some_metric 3.14' | curl --data-binary @- {url}/metrics/job/some_job/path@base64/L3Zhci9saWI\n\
                     echo 'some_metric 3.14' | curl --data-binary @- {url}/metrics/job/some_job/path@base64/="
                )))
                p.quiet { "A push has no timestamps: the gateway keeps the last value of each series until it is replaced or deleted." }
            }
        }
        section aria-labelledby="delete" {
            h2 #delete { "Delete" }
            div.card {
                p { "One group, by all of its labels; then all groups that have some labels, whatever others they have." }
                (example("delete", &format!(
                    "curl -X DELETE {group}\n\
                     curl -X DELETE '{url}/api/v1/groups?label.job=some_job'"
                )))
                @if scene.config.enable_admin_api {
                    p { "All groups:" }
                    (example("wipe", &format!("curl -X PUT {url}/api/v1/admin/wipe")))
                } @else {
                    p.quiet { "Deleting all groups at once is not enabled." }
                }
            }
        }
        section aria-labelledby="scrape" {
            h2 #scrape { "Scrape" }
            div.card {
                p { "Prometheus has to keep the labels that were pushed, above all job and instance:" }
                (example("scrape", &scrape(url, metrics)))
                p { "As JSON, for programs:" }
                (example("json", &format!("curl {url}/api/v1/metrics\ncurl {url}/api/v1/status")))
            }
        }
    };
    Shown::new("Help", content)
}

fn scrape(url: &str, metrics: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let (host, prefix) = rest.find('/').and_then(|at| rest.split_at_checked(at)).unwrap_or((rest, ""));
    let mut text = "scrape_configs:\n  - job_name: pushgateway\n    honor_labels: true\n".to_owned();
    if scheme == "https" {
        text.push_str("    scheme: https\n");
    }
    if !prefix.is_empty() || metrics != "metrics" {
        text.push_str(&format!("    metrics_path: {prefix}/{metrics}\n"));
    }
    text.push_str(&format!("    static_configs:\n      - targets: ['{host}']"));
    text
}

/// Text to be copied. The button is shown by the script, which makes it work.
fn example(id: &str, text: &str) -> Markup {
    let id = format!("example-{id}");
    html! {
        div.example {
            pre id=(id) tabindex="0" { code { (text) } }
            button.copy.needs-script type="button" data-copies=(id) aria-label="Copy the commands" hidden { "Copy" }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(external_url: &str, host: &str) -> String {
        let config = Config { external_url: external_url.to_owned(), ..Config::default() };
        let request = http::Request::get("/").header("host", host);
        let (head, ()) = request.body(()).unwrap().into_parts();
        super::address(&config, &head)
    }

    #[test]
    fn examples_have_the_address_people_use() {
        assert_eq!(address("", "gateway:9091"), "http://gateway:9091");
        assert_eq!(address("", "[::1]:9091"), "http://[::1]:9091");
        assert_eq!(address("/pg/", "gateway"), "http://gateway/pg");
        assert_eq!(address("https://example.com/pg/?x", "gateway:9091"), "https://example.com/pg");
        assert_eq!(address("https://user:p@ss@example.com/pg/@", "gateway"), "https://example.com/pg/@");
        let request = http::Request::get("https://gateway:9091/").body(()).unwrap();
        assert_eq!(super::address(&Config::default(), &request.into_parts().0), "https://gateway:9091");
    }

    #[test]
    fn a_host_that_is_none_gets_into_no_command() {
        for host in ["a;reboot", "$(reboot)", "a b", "`x`", "a'"] {
            assert_eq!(address("", host), "http://localhost:9091", "{host}");
        }
    }

    #[test]
    fn the_scrape_has_what_differs_from_the_default() {
        assert!(
            scrape("http://gateway:9091", "metrics")
                .ends_with("honor_labels: true\n    static_configs:\n      - targets: ['gateway:9091']")
        );
        let text = scrape("https://example.com/pg", "tele/all");
        assert!(
            text.contains("scheme: https\n    metrics_path: /pg/tele/all\n")
                && text.ends_with("['example.com']"),
            "{text}"
        );
    }
}
