//! A real Prometheus that scrapes a host each second, with the alert rules that ship.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::kit::eventually;

pub(crate) struct Prometheus {
    child: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    pub(crate) fn start(scraped: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("alerts.yaml"), monitoring::ALERTS).unwrap();
        let configuration = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [alerts.yaml]\nscrape_configs:\n\
             - {{job_name: stash-pushgateway, honor_labels: true, static_configs: [{{targets: ['{scraped}']}}]}}\n"
        );
        std::fs::write(folder.path().join("prometheus.yml"), configuration).unwrap();
        // The port is free until somebody else takes it between here and the start.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let child = Command::new("prometheus")
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"])
            .arg(format!("--web.listen-address={address}"))
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect(
                "prometheus is needed for this test: put prometheus 3 on the path, or use `cargo xtask test`",
            );
        let prometheus = Self { child, address, _folder: folder };
        eventually("prometheus to be ready", || {
            let ready =
                TcpStream::connect(&prometheus.address).is_ok() && prometheus.get("/-/ready").0 == 200;
            ready.then_some(())
        });
        prometheus
    }

    /// How many series an expression has at this moment.
    pub(crate) fn count(&self, expression: &str) -> usize {
        let mut query = String::new();
        for byte in expression.bytes() {
            write!(query, "%{byte:02X}").unwrap();
        }
        let answer = self.asked(&format!("/api/v1/query?query={query}"), expression);
        answer["data"]["result"].as_array().unwrap().len()
    }

    /// Every rule: its name, its health, its state.
    pub(crate) fn rules(&self) -> Vec<(String, String, String)> {
        let answer = self.asked("/api/v1/rules", "the rules");
        let groups = answer["data"]["groups"].as_array().unwrap();
        let rules = groups.iter().flat_map(|group| group["rules"].as_array().unwrap());
        let text = |rule: &Value, name: &str| rule[name].as_str().unwrap_or_default().to_owned();
        rules.map(|rule| (text(rule, "name"), text(rule, "health"), text(rule, "state"))).collect()
    }

    fn asked(&self, path: &str, what: &str) -> Value {
        let (status, body) = self.get(path);
        assert_eq!(status, 200, "{what}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// In HTTP/1.0, where a body ends with its connection.
    fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.address).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
