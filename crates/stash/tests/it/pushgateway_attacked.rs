//! One client does its worst against the real program, whose memory stays bounded and which serves others meanwhile.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::kit::{Server, eventually, pushgateway, serving};

const MIB: usize = 1024 * 1024;

/// As many as one address may have here.
const CONNECTIONS: usize = 40;

/// What the program may take for pushes and for headers, and beyond that for all the rest of the attack.
const PUSHES: usize = 32 * MIB;
const HEADERS: usize = 8 * MIB;
const REST: usize = 64 * MIB;

/// The attacker's address; the test itself asks from another.
const ATTACKER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);

fn connect(server: &Server) -> TcpStream {
    use socket2::{Domain, Socket, Type};
    let address: SocketAddr = server.address().parse().unwrap();
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((ATTACKER, 0)).into()).unwrap();
    socket.connect(&address.into()).unwrap();
    // What the program does not read must not hold up the test.
    socket.set_write_timeout(Some(Duration::from_millis(50))).unwrap();
    socket.into()
}

/// What is done with one connection.
type Attack<'a> = &'a dyn Fn(&mut TcpStream);

/// Most memory that the process ever had, in bytes.
fn peak(server: &Server) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

/// The metrics. The old protocol has no chunks, between which a long line would be cut.
fn scrape(server: &Server) -> String {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    write!(stream, "GET /metrics HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.0 200") || answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer
}

/// The value of one of the program's own series.
fn own(metrics: &str, series: &str) -> f64 {
    let value = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("{series} is missing")).parse().unwrap()
}

/// Writes as much as is taken.
fn push(stream: &mut TcpStream, bytes: &[u8]) {
    let _ = stream.write_all(bytes);
}

#[test]
fn memory_stays_bounded_and_others_are_served_whatever_one_client_does() {
    let mut command = pushgateway();
    command.arg("--web.listen-address=127.0.0.1:0").args([
        format!("--web.max-connections-per-address={CONNECTIONS}"),
        format!("--push.max-memory-bytes={PUSHES}"),
        format!("--web.max-header-memory-bytes={HEADERS}"),
        "--web.header-timeout=5s".to_owned(),
        "--web.body-timeout=5s".to_owned(),
        "--web.answer-timeout=5s".to_owned(),
        "--push.memory-wait=1s".to_owned(),
    ]);
    let server = serving(&mut command);
    // Something to scrape: some megabytes.
    for group in 0..8 {
        let lines: String = (0..5000).map(|n| format!("metric_{group}{{n=\"{n}\"}} {n}\n")).collect();
        let mut stream = TcpStream::connect(server.address()).unwrap();
        write!(
            stream,
            "PUT /metrics/job/j{group} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{lines}",
            lines.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    let quiet = peak(&server);

    let megabyte = vec![b'x'; MIB];
    let attacks: [(&str, Attack); 5] = [
        ("heads that never end", &|stream| {
            push(stream, b"GET / HTTP/1.1\r\nX: ");
            push(stream, &megabyte[..MIB - 1000]);
        }),
        ("heads of many small headers", &|stream| {
            let headers: String = (0..20_000).map(|n| format!("h{n}: x\r\n")).collect();
            push(
                stream,
                format!("PUT /metrics/job/a HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n{headers}\r\n")
                    .as_bytes(),
            );
        }),
        ("bodies that never end", &|stream| {
            push(stream, b"PUT /metrics/job/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
            for _ in 0..4 {
                push(stream, b"100000\r\n");
                push(stream, &megabyte);
                push(stream, b"\r\n");
            }
        }),
        ("bodies that say to be large", &|stream| {
            push(stream, b"PUT /metrics/job/a HTTP/1.1\r\nHost: x\r\nContent-Length: 60000000\r\n\r\n");
            push(stream, &megabyte);
        }),
        ("scrapes that nobody reads", &|stream| {
            for _ in 0..20 {
                push(stream, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
            }
        }),
    ];
    for (what, attack) in attacks {
        let mut held = Vec::new();
        // More than may be: those above are refused.
        for _ in 0..CONNECTIONS + 10 {
            let mut stream = connect(&server);
            attack(&mut stream);
            held.push(stream);
            let (status, body) = server.get("/-/healthy");
            assert_eq!(status, 200, "{what}: {body}");
        }
        scrape(&server);
        let taken = peak(&server).saturating_sub(quiet);
        assert!(taken < PUSHES + HEADERS + REST, "{what}: {} MiB more than before", taken / MIB);
        // All are let go by themselves, while their clients hold on.
        eventually(&format!("the clients to be let go: {what}"), || {
            (own(&scrape(&server), "pushgateway_http_connections") < 5.0).then_some(())
        });
        drop(held);
    }
    let metrics = scrape(&server);
    for refused in ["connections_per_address", "header_memory"] {
        assert!(
            own(&metrics, &format!("pushgateway_http_refused_total{{reason=\"{refused}\"}}")) > 0.0,
            "{refused}"
        );
    }
    for late in ["header", "body", "answer"] {
        assert!(
            own(&metrics, &format!("pushgateway_http_timeouts_total{{reason=\"{late}\"}}")) > 0.0,
            "{late}"
        );
    }
}
