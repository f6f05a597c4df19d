//! A real Prometheus scrapes the gateway, once in each format it can ask for, and has what was pushed.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;
use std::process::Stdio;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use crate::server::{Client, DEADLINE, Server};

/// All that Prometheus 3 knows, by the names of its configuration.
pub(crate) const PROTOCOLS: [&str; 5] = [
    "PrometheusText0.0.4",
    "PrometheusText1.0.0",
    "OpenMetricsText0.0.1",
    "OpenMetricsText1.0.0",
    "PrometheusProto",
];

/// A session with every kind of family. Bounds are such that all formats write them alike.
const SESSION: &str = "# HELP restic_session_success Indicates if session was successfully completed\n\
    # TYPE restic_session_success gauge\nrestic_session_success 1\n\
    # TYPE restic_session_duration_seconds gauge\n\
    restic_session_duration_seconds{filegroup=\"|source \\\"a\\\\b\\\"\\n\",op=\"backup\"} 12.5\n\
    # HELP restic_session_push_failures_total Pushes that did not arrive\n\
    # TYPE restic_session_push_failures_total counter\nrestic_session_push_failures_total 1e+300\n\
    hook_exit_code -0.25\n\
    # TYPE chunk_bytes histogram\nchunk_bytes_bucket{le=\"0.5\"} 3\nchunk_bytes_bucket{le=\"+Inf\"} 4\n\
    chunk_bytes_sum 9.5\nchunk_bytes_count 4\n\
    # TYPE upload_seconds summary\nupload_seconds{quantile=\"0.5\"} 0.125\nupload_seconds_sum 3\nupload_seconds_count 8\n";

/// Name, own labels and value.
type Point = (&'static str, &'static [(&'static str, &'static str)], f64);

/// Each series of [`SESSION`], as Prometheus has it.
const SERIES: [Point; 11] = [
    ("restic_session_success", &[], 1.0),
    ("restic_session_duration_seconds", &[("filegroup", "|source \"a\\b\"\n"), ("op", "backup")], 12.5),
    ("restic_session_push_failures_total", &[], 1e300),
    ("hook_exit_code", &[], -0.25),
    ("chunk_bytes_bucket", &[("le", "0.5")], 3.0),
    ("chunk_bytes_bucket", &[("le", "+Inf")], 4.0),
    ("chunk_bytes_sum", &[], 9.5),
    ("chunk_bytes_count", &[], 4.0),
    ("upload_seconds", &[("quantile", "0.5")], 0.125),
    ("upload_seconds_sum", &[], 3.0),
    ("upload_seconds_count", &[], 8.0),
];

/// The begin of a configuration.
pub(crate) const EACH_SECOND: &str = "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n";

/// Labels, the name as `__name__` among them, → value.
pub(crate) type Found = BTreeMap<BTreeMap<String, String>, f64>;

pub(crate) struct Prometheus {
    client: Client,
    folder: TempDir,
    _child: Child,
}

impl Prometheus {
    /// Starts one that scrapes `gateway` each second, once for each protocol; its series carry the label `scraped_as`.
    pub(crate) async fn start(gateway: SocketAddr, protocols: &[&str]) -> Self {
        let mut config = String::from(EACH_SECOND);
        for protocol in protocols {
            writeln!(
                config,
                "- {{job_name: {protocol}, honor_labels: true, scrape_protocols: [{protocol}], \
                 static_configs: [{{targets: ['{gateway}'], labels: {{scraped_as: {protocol}}}}}]}}"
            )
            .unwrap();
        }
        Self::with_config(TempDir::new().unwrap(), &config).await
    }

    /// Starts one with this configuration; paths in it count from the folder.
    pub(crate) async fn with_config(folder: TempDir, config: &str) -> Self {
        std::fs::write(folder.path().join("prometheus.yml"), config).unwrap();
        let said = std::fs::File::create(folder.path().join("stderr")).unwrap();
        // The port is free until somebody else takes it between here and the start.
        let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let child = Command::new("prometheus")
            .arg("--config.file=prometheus.yml")
            .arg("--storage.tsdb.path=data")
            .arg(format!("--web.listen-address={address}"))
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(said)
            .kill_on_drop(true)
            .spawn()
            .expect(
                "prometheus is needed for this test: put prometheus 3 on the path, or use `cargo xtask test`",
            );
        let prometheus = Self { client: Client(address), folder, _child: child };
        let listens = async {
            while tokio::net::TcpStream::connect(address).await.is_err() {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(DEADLINE, listens).await.is_err() {
            panic!("prometheus does not listen:\n{}", prometheus.said());
        }
        prometheus
    }

    /// The series that `query` selects at this moment.
    async fn query(&self, query: &str) -> Found {
        let query = utf8_percent_encode(query, NON_ALPHANUMERIC);
        let answer = self.client.send("GET", &format!("/api/v1/query?query={query}"), "").await;
        if answer.code == 503 {
            // It still reads its own storage.
            return Found::new();
        }
        answer.is(200);
        let results = answer.json()["data"]["result"].as_array().unwrap().clone();
        results.iter().map(|result| (labels(&result["metric"]), value(&result["value"][1]))).collect()
    }

    /// Asks again until the answer is the expected one.
    pub(crate) async fn wait_for(&self, query: &str, expected: &Found) {
        let mut last = Found::new();
        let same = async {
            loop {
                last = self.query(query).await;
                if last == *expected {
                    return;
                }
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        };
        if tokio::time::timeout(DEADLINE, same).await.is_err() {
            panic!("{query}: {last:#?}\nis not {expected:#?}\n{}", self.said());
        }
    }

    /// Asks again until there are so many answers.
    pub(crate) async fn wait_for_count(&self, query: &str, count: usize) {
        let mut last = Found::new();
        let as_many = async {
            loop {
                last = self.query(query).await;
                if last.len() == count {
                    return;
                }
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        };
        if tokio::time::timeout(DEADLINE, as_many).await.is_err() {
            panic!("{query}: {last:#?}\nare not {count}\n{}", self.said());
        }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("stderr")).unwrap()
    }
}

fn labels(metric: &Value) -> BTreeMap<String, String> {
    let pairs = metric.as_object().unwrap();
    pairs.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
}

fn value(value: &Value) -> f64 {
    value.as_str().unwrap().parse().unwrap()
}

pub(crate) fn series(name: &str, labels: &[&[(&str, &str)]]) -> BTreeMap<String, String> {
    let name = ("__name__".to_owned(), name.to_owned());
    let labels = labels.iter().flat_map(|labels| labels.iter());
    labels.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).chain([name]).collect()
}

#[tokio::test]
async fn prometheus_has_what_was_pushed_in_every_format_it_asks_for() {
    let server = Server::start().await;
    server.put("/metrics/job/demo-app/instance/one/path@base64/L2RhdGE", SESSION).await.is(200);
    // Without an instance: the one of the scrape target must not take its place.
    server.put("/metrics/job/demo-other", SESSION).await.is(200);
    let groups: [&[(&str, &str)]; 2] =
        [&[("job", "demo-app"), ("instance", "one"), ("path", "/data")], &[("job", "demo-other")]];
    let prometheus = Prometheus::start(server.client.0, &PROTOCOLS).await;

    let target = server.client.0.to_string();
    let up = PROTOCOLS.iter().map(|protocol| {
        (series("up", &[&[("job", protocol), ("scraped_as", protocol), ("instance", &target)]]), 1.0)
    });
    prometheus.wait_for("up", &up.collect()).await;
    let mut expected = Found::new();
    for protocol in PROTOCOLS {
        for group in groups {
            for (name, own, value) in SERIES {
                expected.insert(series(name, &[own, group, &[("scraped_as", protocol)]]), value);
            }
        }
    }
    prometheus.wait_for("{job=~\"demo-.*\",__name__!~\"push_.*\"}", &expected).await;
    assert_eq!(prometheus.query("push_failure_time_seconds > 0").await, Found::new());
    let overridden = prometheus.query("{exported_job!=\"\"} or {exported_instance!=\"\"}").await;
    assert_eq!(overridden, Found::new());
    server.stop().await.unwrap();
}
