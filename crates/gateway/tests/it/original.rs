//! Beside the original: the same requests to both get the same codes and leave the same exposition.
//!
//! The original is 1.11 or newer. Where ours differs on purpose, the case stands in another test and not here.

use std::process::Stdio;

use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use crate::server::{Client, DEADLINE, Server};

/// Starts the original on a free port. It ends with the returned child.
async fn original(folder: &TempDir) -> (Child, Client) {
    // The port is free until somebody else takes it between here and the original's start.
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let child = Command::new("prometheus-pushgateway")
        .arg(format!("--web.listen-address={address}"))
        .arg("--persistence.file=")
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("the original is needed for this test: put prometheus-pushgateway 1.11 or newer on the path, or use `cargo xtask test`");
    let listens = async {
        while TcpStream::connect(address).await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(DEADLINE, listens).await.unwrap();
    (child, Client(address))
}

const SESSION: &str = "# HELP files Files of the session.\n# TYPE files gauge\nfiles{path=\"/a\"} 1234567\nfiles{path=\"/b\"} 0.00001\n\
                       # TYPE runs counter\nruns 3\n";

/// Method, path, body; in this order.
const REQUESTS: &[(&str, &str, &str)] = &[
    // Groups come, change and go. (Where help texts differ, the original shows any of them.)
    ("PUT", "/metrics/job/a", SESSION),
    ("PUT", "/metrics/job/a/instance/one", SESSION),
    ("POST", "/metrics/job/a/instance/one", "files{path=\"/c\"} 7\n"),
    (
        "POST",
        "/metrics/job/a/instance/one",
        "# HELP files Files of the session.\n# TYPE files gauge\nfiles{path=\"/c\"} 7\n",
    ),
    ("POST", "/metrics/job/b", ""),
    ("PUT", "/metrics/job/c", "x 1\ny 2\n"),
    ("PUT", "/metrics/job/c", "y 3\n"),
    ("PUT", "/metrics/job/d", "z 1\n"),
    ("DELETE", "/metrics/job/d", ""),
    ("DELETE", "/metrics/job/never", ""),
    ("PUT", "/metrics/job/e", ""),
    // Keys.
    ("PUT", "/metrics/job@base64/L2E/x@base64/YiBj/y@base64/=", "k 1\n"),
    ("PUT", "/metrics/job/f%20g/x/%C3%A4/", "k 1\n"),
    ("PUT", "/metrics/job/f/x/", "k 1\n"),
    ("PUT", "/metrics/job/g%2Fx%2F1", "k 1\n"),
    ("PUT", "/metrics/job/f/x", "k 1\n"),
    ("PUT", "/metrics/job/f/a-b/1", "k 1\n"),
    ("PUT", "/metrics/job/f/__a/1", "k 1\n"),
    ("PUT", "/metrics/job@base64/=", "k 1\n"),
    ("PUT", "/metrics/job/f/x@base64/a+b", "k 1\n"),
    ("DELETE", "/metrics/job/f/x", ""),
    ("PUT", "/metrics/job/f//x/1", "k 1\n"),
    // Text.
    ("PUT", "/metrics/job/t1", "a 1"),
    ("PUT", "/metrics/job/t2", "a 1\r\n"),
    ("PUT", "/metrics/job/t3", "a 1 \n"),
    ("PUT", "/metrics/job/t4", "a{x=\"1\",} .5\n\n  b\t{ y = \"q\\\"\\\\\\n\" }-Inf\n"),
    ("PUT", "/metrics/job/t5", "# HELP v one\n# HELP v two\nv 1\n"),
    ("PUT", "/metrics/job/t6", "v 1\n# TYPE v gauge\n"),
    ("PUT", "/metrics/job/t7", "#\n# any words\n# TYPE v GAUGE\n# HELP v  blanks \\\\ and \\n\nv nan\n"),
    ("PUT", "/metrics/job/t8", "a{x=\"1\",x=\"2\"} 1\n"),
    ("PUT", "/metrics/job/t9", "a 1e309\n"),
    ("PUT", "/metrics/job/t10", "a 0x10\n"),
    ("PUT", "/metrics/job/t11", "a 1 # {x=\"1\"} 2\n"),
    ("PUT", "/metrics/job/t12", "a{,} 1\n"),
    ("PUT", "/metrics/job/t13", "a{__name__=\"x\"} 1\n"),
    ("PUT", "/metrics/job/t14", "w+1\n"),
    ("PUT", "/metrics/job/t15", "w +NaN\n"),
    ("PUT", "/metrics/job/t16", "# TYPE w gauge \nw 1\n"),
    ("PUT", "/metrics/job/t17", "w 0777\n"),
    ("PUT", "/metrics/job/t18", "w{x=\"a\nb\"} 1\n"),
    ("PUT", "/metrics/job/t19", "# TYPE foo_om counter\nfoo_om_total 17\n# EOF\n"),
    ("PUT", "/metrics/job/t20", "#TYPE r gauge\nr 1\n"),
    // Histograms and summaries.
    (
        "PUT",
        "/metrics/job/h1",
        "# TYPE h histogram\nh_bucket{le=\"1.0\"} 3\nh_bucket{le=\"1e7\"} 2\nh_sum 1.5\nh_count 4\nh_bucket 7\nh 8\n",
    ),
    ("PUT", "/metrics/job/h2", "# TYPE h histogram\nh_bucket{le=\"Inf\",x=\"1\"} 3\nh_count{x=\"2\"} 4\n"),
    ("PUT", "/metrics/job/h3", "# TYPE h histogram\nh_bucket{le=\"x\"} 3\n"),
    ("PUT", "/metrics/job/s1", "# TYPE s summary\ns{quantile=\"0.50\"} 3\ns_count 4.9\n"),
    ("PUT", "/metrics/job/s2", "# TYPE s summary\ns_bucket 3\ns_sum -1\n"),
    // Consistency.
    ("PUT", "/metrics/job/p1", "m 1 123\n"),
    ("PUT", "/metrics/job/p2", "m 1\nm 2\n"),
    ("PUT", "/metrics/job/p3", "m{x=\"1\"} 1\nm{x=\"2\"} 1\n"),
    ("PUT", "/metrics/job/p3/x/1", "m{x=\"3\"} 1\n"),
    ("PUT", "/metrics/job/p4", "# TYPE m gauge\nm 1\n"),
    ("PUT", "/metrics/job/p5", "h_count 1\n"),
    ("PUT", "/metrics/job/p6", "s_sum 1\n"),
    ("PUT", "/metrics/job/p7", "# TYPE y summary\ny_sum 1\n"),
    ("PUT", "/metrics/job/p8", "# TYPE pushgateway_build_info counter\npushgateway_build_info 1\n"),
    ("PUT", "/metrics/job/p9", "push_time_seconds 7\n"),
    ("PUT", "/metrics/job/p10/quantile/1", "# TYPE s summary\ns{quantile=\"1\"} 1\n"),
    ("PUT", "/metrics/job/c", "# TYPE y gauge\ny 4\n"),
    // Elsewhere.
    ("GET", "/metrics/job/a", ""),
    ("PUT", "/metrics", ""),
    ("GET", "/nowhere", ""),
    ("PUT", "/metrics/job", ""),
    ("GET", "/-/ready", ""),
    ("GET", "/api/v1/status", ""),
];

/// The exposition, with 0 or 1 for never or any push time, own families left out.
async fn exposition(client: Client) -> Vec<String> {
    let mut lines = client.pushed().await;
    let text = client.send("GET", "/metrics", "").await.body;
    let times = text.lines().filter(|line| line.starts_with("push_"));
    lines.extend(times.map(|line| match line.rsplit_once(' ') {
        Some((series, "0")) => format!("{series} 0"),
        Some((series, _)) => format!("{series} 1"),
        None => line.to_owned(),
    }));
    lines
}

#[tokio::test]
async fn the_same_requests_have_the_same_effect_as_in_the_original() {
    let folder = TempDir::new().unwrap();
    let (_child, original) = original(&folder).await;
    let server = Server::start().await;
    for (method, path, body) in REQUESTS {
        let theirs = original.send(method, path, body).await;
        let ours = server.client.send(method, path, body).await;
        assert_eq!(
            ours.code, theirs.code,
            "{method} {path} {body:?}\nours: {}theirs: {}",
            ours.body, theirs.body
        );
        assert_eq!(ours.header("location"), theirs.header("location"), "{method} {path}");
        if theirs.body.starts_with("text format parsing error") {
            assert_eq!(ours.body, theirs.body, "{method} {path} {body:?}");
        }
        assert_eq!(
            exposition(server.client).await,
            exposition(original).await,
            "after {method} {path} {body:?}"
        );
    }
}
