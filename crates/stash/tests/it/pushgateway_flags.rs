//! The flags of `stash pushgateway`: spelled, refused and shown as by the original.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use crate::kit::{Folder, PROGRAM, Server, eventually, pushgateway, run, serving};

const LOCAL: &str = "--web.listen-address=127.0.0.1:0";

fn json(server: &Server, path: &str) -> serde_json::Value {
    let (status, body) = server.get(path);
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

#[test]
fn wrong_usage_ends_with_1_and_says_what_is_wrong() {
    for (flags, said) in [
        (&["--nope"][..], "--nope"),
        (&["stray"], "stray"),
        (&["--log.level=loud"], "loud"),
        (&["--log.format=xml"], "xml"),
        (&["--persistence.interval=5"], "lacks a unit"),
        (&["--persistence.interval=-5s"], "negative"),
        (&["--web.telemetry-path=metrics"], "slash"),
        (&["--web.enable-lifecycle=perhaps"], "perhaps"),
        (&["--web.enable-lifecycle", "true"], "true"),
        (&["--web.enable-lifecycle", "--web.enable-lifecycle"], "web.enable-lifecycle"),
        (&["--web.max-connections=many"], "many"),
        (&["--web.header-timeout=0s"], "longer"),
    ] {
        run(pushgateway().args(flags)).expect(1).says(&[said]);
    }
    run(Command::new(PROGRAM).args(["--log-level=debug", "pushgateway", "--nope"])).expect(1);
    run(Command::new(PROGRAM).args(["version", "--nope"])).expect(2);
}

#[test]
fn help_and_version_go_to_standard_output() {
    let version = run(pushgateway().arg("--version")).expect(0);
    assert!(version.out.contains(env!("CARGO_PKG_VERSION")) && version.said.is_empty(), "{}", version.out);
    let help = run(pushgateway().arg("-h")).expect(0);
    assert!(help.out.contains("--web.listen-address") && help.said.is_empty(), "{}", help.out);
}

#[test]
fn what_cannot_be_listened_at_ends_with_1() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (address, said) in [
        (&*taken, "cannot listen at"),
        ("bad", "no address"),
        ("127.0.0.1:99999", "no address"),
        ("192.0.2.1:0", "cannot listen at"),
        ("vsock://nowhere", "no address"),
    ] {
        let flags = [LOCAL, "--web.listen-address", address];
        run(pushgateway().args(flags)).expect(1).says(&[said, "level=error"]);
    }
    run(pushgateway().arg("--web.systemd-socket")).expect(1).says(&["systemd handed over no sockets"]);
}

#[test]
fn a_web_configuration_that_cannot_be_used_ends_with_1_and_names_file_and_field() {
    let folder = Folder::new();
    for (yaml, said) in [
        ("unknown: 1\n", "unknown"),
        ("basic_auth_users: {ann: broken}\n", "basic_auth_users.ann"),
        (
            "tls_server_config: {cert_file: nowhere.pem, key_file: nowhere.pem}\n",
            "tls_server_config.cert_file",
        ),
        ("http_server_config: {headers: {Server: x}}\n", "http_server_config.headers.Server"),
    ] {
        folder.write("web.yml", yaml);
        let file = folder.path("web.yml");
        run(pushgateway().args([LOCAL, "--web.config.file"]).arg(file)).expect(1).says(&["web.yml", said]);
    }
    run(pushgateway().args([LOCAL, "--web.config.file=/nowhere/web.yml"]))
        .expect(1)
        .says(&["/nowhere/web.yml"]);
}

#[test]
fn the_status_api_shows_the_flags_as_the_original_prints_them() {
    let folder = Folder::new();
    let file = folder.path("groups");
    let server = serving(
        pushgateway().args([LOCAL, "--persistence.interval=5m", "--web.enable-admin-api=true"]).args([
            "--no-web.enable-lifecycle",
            "--web.external-url=http://ann:secret@gateway.example/push",
            "--persistence.file",
            file.to_str().unwrap(),
        ]),
    );
    let flags = &json(&server, "/push/api/v1/status")["data"]["flags"];
    for (name, value) in [
        ("persistence.interval", "5m0s"),
        ("persistence.file", file.to_str().unwrap()),
        ("web.enable-admin-api", "true"),
        ("web.enable-lifecycle", "false"),
        ("web.external-url", "http://ann:xxxxx@gateway.example/push"),
        ("web.route-prefix", "/push"),
        ("web.listen-address", "127.0.0.1:0"),
        ("web.telemetry-path", "/metrics"),
        ("log.level", "info"),
        ("log.format", "logfmt"),
        ("web.max-connections-per-address", "256"),
        ("web.body-timeout", "30s"),
    ] {
        assert_eq!(flags[name], value, "{name} in {flags}");
    }
}

#[test]
fn it_listens_at_several_addresses_and_at_all_of_both_families() {
    let mut command = pushgateway();
    let server = serving(command.args(["--web.listen-address=:0", "--web.listen-address=127.0.0.1:0"]));
    server.until_said("127.0.0.1:");
    let said = server.said();
    let ports: Vec<u16> = said
        .split("address=")
        .skip(1)
        .filter_map(|rest| rest.split_whitespace().next()?.rsplit(':').next()?.parse().ok())
        .collect();
    assert_eq!(ports.len(), 2, "{said}");
    for port in ports {
        TcpStream::connect(("127.0.0.1", port)).unwrap();
    }
    assert_eq!(server.get("/-/ready"), (200, "OK".to_owned()));
}

#[test]
fn it_listens_for_virtual_machines_where_the_system_can() {
    let mut command = pushgateway();
    let mut child = command
        .args([LOCAL, "--web.listen-address=vsock://:9091"])
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let mut said = String::new();
    let mut buffer = [0; 4096];
    // Either it says where it listens, or that the system has no such sockets.
    while !said.contains("vsock://") {
        let read = stderr.read(&mut buffer).unwrap();
        assert!(read > 0, "it ended without a word of it: {said}");
        said.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(said.contains("address=vsock://") || said.contains("cannot listen at vsock://:9091"), "{said}");
}

#[test]
fn sockets_of_systemd_are_taken() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    // systemd hands sockets over as descriptor 3 and on, and says to which process.
    let script =
        "exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" pushgateway --web.systemd-socket";
    let mut child = Command::new("sh")
        .arg0("sh")
        .args(["-c", script, PROGRAM])
        .stdin(Stdio::from(OwnedFd::from(socket)))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let answer = eventually("an answer", || {
        let mut stream = TcpStream::connect(address).ok()?;
        write!(stream, "GET /-/ready HTTP/1.0\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    });
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(answer.ends_with("OK"), "{answer}");
}

#[test]
fn the_log_has_the_keys_of_the_original_in_both_forms() {
    let server = serving(pushgateway().arg(LOCAL));
    let (code, said) = server.stop();
    assert_eq!(code, 0, "{said}");
    for line in said.lines() {
        let keys: Vec<&str> =
            line.split(' ').filter_map(|word| Some(word.split_once('=')?.0)).take(4).collect();
        assert_eq!(keys, ["ts", "level", "caller", "msg"], "{line}");
    }
    // Its form makes the address a field of JSON, so that it is waited for by another line.
    let mut command = pushgateway();
    let server = Server::start(command.args([LOCAL, "--log.format=json", "--log.level=DEBUG"]), |_, said| {
        let line = said.lines().find(|line| line.contains("\"address\""))?;
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        Some(line["address"].as_str()?.to_owned())
    });
    let (_, said) = server.stop();
    for line in said.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let keys: Vec<&String> = line.as_object().unwrap().keys().take(4).collect();
        assert_eq!(keys, ["ts", "level", "caller", "msg"], "{line}");
    }
}

#[test]
fn a_quiet_level_says_nothing_of_the_start() {
    let folder = Folder::new();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    drop(socket);
    let mut command = pushgateway();
    command
        .arg(format!("--web.listen-address={address}"))
        .args(["--log.level=error", "--web.enable-lifecycle"]);
    let child = command.stderr(Stdio::from(std::fs::File::create(folder.path("said")).unwrap())).spawn();
    let mut child = child.unwrap();
    eventually("the end on request", || {
        let mut stream = TcpStream::connect(address).ok()?;
        write!(stream, "PUT /-/quit HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer.contains("Goodbye").then_some(())
    });
    let status = eventually("the process to end", || child.try_wait().unwrap());
    assert_eq!(status.code(), Some(0));
    assert_eq!(folder.read("said"), "");
}
