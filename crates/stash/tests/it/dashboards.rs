//! Every query of the dashboards, those of the one for Stash 0.8.3 too, has an answer from a real Prometheus that scrapes a
//! host; and the alert rules work there, without an operator.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::kit::{Folder, RECOVERY, Server, eventually, restic};
use crate::prometheus::Prometheus;

/// A host with a Restic that succeeds, one that fails, and a recovery; and who watches it.
fn watched() -> (Folder, Server, Prometheus) {
    let folder = Folder::with_demo("@every 1s");
    folder.write("objects/bad.yaml", &restic("bad", "@every 1s", "../nowhere", "../backup"));
    folder.write("objects/back.yaml", RECOVERY);
    let server = folder.serve();
    for (config, session, success) in
        [("demo", "backup", 1.0), ("bad", "backup", 0.0), ("back", "recovery", 1.0)]
    {
        server.until("restic_session_success", &[("stash_config", config), ("session", session)], success);
    }
    let prometheus = Prometheus::start(server.address());
    (folder, server, prometheus)
}

/// A push as others make it: a gateway tells how long it took. The host's own do not go over the network.
fn push(server: &Server) {
    let body = "files 3\n";
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let head =
        format!("PUT /metrics/job/other HTTP/1.0\r\nHost: gateway\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.0 200"), "{answer}");
}

#[test]
fn every_query_of_a_dashboard_has_an_answer() {
    let (_folder, server, prometheus) = watched();
    let mut queries = monitoring::queries("20s", &[]).unwrap();
    queries.extend(monitoring::published(&[]));
    assert!(queries.iter().filter(|query| !query.is_of_operator()).count() > 40);
    let mut empty = queries.clone();
    eventually(&format!("answers; the host says {}", server.said()), || {
        push(&server);
        // Whatever a host cannot answer must still be a question that Prometheus understands: else this panics.
        empty.retain(|query| prometheus.count(&query.expression) == 0);
        let missing: Vec<_> =
            empty.iter().filter(|query| !query.is_of_operator() && !query.is_of_trouble()).collect();
        if !missing.is_empty() {
            eprintln!("no answer yet: {missing:#?}");
        }
        missing.is_empty().then_some(())
    });
}

#[test]
fn without_an_operator_the_rules_work_and_tell_of_the_session_that_failed() {
    let (_folder, _server, prometheus) = watched();
    let rules = eventually("every rule to be evaluated", || {
        let rules = prometheus.rules();
        rules.iter().all(|(_, health, _)| health != "unknown").then_some(rules)
    });
    assert!(rules.len() > 15, "{rules:?}");
    for (name, health, _) in rules {
        assert_eq!(health, "ok", "{name}");
    }
    // There is no operator; nothing else is wrong. Before the first scrape there seems to be no gateway, either.
    eventually("the failure to be told, and nothing else", || {
        let rules = prometheus.rules().into_iter();
        let active: Vec<String> =
            rules.filter(|(_, _, state)| state != "inactive").map(|(name, ..)| name).collect();
        (active == ["StashBackupFailed", "StashOperatorDown"]).then_some(())
    });
}
