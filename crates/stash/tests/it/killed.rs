//! The gateway killed at any instant, and its file damaged: what was answered before the last save began is there
//! again, whole, and the service goes on.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

use exposition::{Family, Value};

use crate::kit::{Folder, PROGRAM, Server, eventually, metric};

const KILLS: usize = 50;
const WORKERS: usize = 3;
/// Families of each push, all with the number of the push as their value: half a push would show.
const FAMILIES: usize = 5;
/// Groups that nobody touches, so that a save takes a while.
const OTHERS: usize = 100;

/// Starts the gateway; it saves as often as it can.
fn start(file: &Path) -> Server {
    let mut command = Command::new(PROGRAM);
    command.args(["pushgateway", "--web.listen-address", "127.0.0.1:0", "--persistence.interval", "1ms"]);
    command.arg("--persistence.file").arg(file);
    Server::start(&mut command, |_, said| {
        let (_, after) = said.split_once("address=")?;
        Some(after.split_whitespace().next()?.to_owned())
    })
}

/// What one worker has done: push number `n` to its group, or delete it where [`is_deletion`] says so.
#[derive(Default)]
struct Log {
    /// The last number that was sent, answered or not.
    sent: u64,
    /// Numbers and when they were answered.
    answered: Vec<(u64, f64)>,
}

fn is_deletion(number: u64) -> bool {
    number.is_multiple_of(7)
}

fn seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

/// Pushes until the gateway is gone.
fn work(address: String, worker: usize, log: Arc<Mutex<Log>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let Ok(mut stream) = TcpStream::connect(address) else { return };
        loop {
            let number = {
                let mut log = log.lock().unwrap();
                log.sent += 1;
                log.sent
            };
            let body: String = (0..FAMILIES).map(|family| format!("f{family} {number}\n")).collect();
            let sent = match is_deletion(number) {
                true => exchange(&mut stream, "DELETE", &format!("worker-{worker}"), "", 202),
                false => exchange(&mut stream, "PUT", &format!("worker-{worker}"), &body, 200),
            };
            if sent.is_err() {
                return;
            }
            log.lock().unwrap().answered.push((number, seconds()));
        }
    })
}

/// One request on a connection that stays open. An error means that the other side is gone.
fn exchange(stream: &mut TcpStream, method: &str, job: &str, body: &str, code: u16) -> std::io::Result<()> {
    let length = body.len();
    let request = format!(
        "{method} /metrics/job/{job} HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes())?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head);
    assert!(head.starts_with(&format!("HTTP/1.1 {code} ")), "{head}");
    Ok(())
}

/// The number that a worker's group holds; `None` when there is no such group.
fn held(families: &[Family], worker: usize) -> Option<u64> {
    let job = format!("worker-{worker}");
    let value = |name: &str| metric(families, name, &[("job", &job)]);
    let values: Vec<Option<f64>> = (0..FAMILIES).map(|family| value(&format!("f{family}"))).collect();
    assert!(values.iter().all(|value| *value == values[0]), "half a push of {job}: {values:?}");
    assert_eq!(value("push_time_seconds").is_some(), values[0].is_some());
    values[0].map(|value| value as u64)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_gateway_killed_at_any_instant_has_again_what_was_answered_before_its_last_save() {
    let folder = Folder::new();
    let place = folder.path("kept");
    std::fs::create_dir(&place).unwrap();
    let file = place.join("groups");
    let mut server = start(&file);
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let body: String = (0..20).map(|n| format!("other{{n=\"{n}\"}} {n}\n")).collect();
    for other in 0..OTHERS {
        exchange(&mut stream, "PUT", &format!("other-{other}"), &body, 200).unwrap();
    }
    let answered = seconds();
    eventually("a save of all others", || (last_save(&server) > answered).then_some(()));

    // At least this number was held at the last look.
    let mut floors = [0; WORKERS];
    let mut sent = [0; WORKERS];
    for kill in 0..KILLS {
        let logs: Vec<_> =
            sent.iter().map(|sent| Arc::new(Mutex::new(Log { sent: *sent, ..Log::default() }))).collect();
        let address = server.address().to_owned();
        let workers: Vec<_> =
            logs.iter().enumerate().map(|(n, log)| work(address.clone(), n, Arc::clone(log))).collect();
        // Some instant: after so many pushes, mostly also after a save and so in the middle of a later one.
        let pushes = 1 + kill * 37 % 101;
        eventually("pushes", || {
            let answered: usize = logs.iter().map(|log| log.lock().unwrap().answered.len()).sum();
            (answered >= pushes && (kill % 3 == 0 || last_save(&server) > 0.0)).then_some(())
        });
        let saved = last_save(&server);
        // SIGKILL.
        drop(server);
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        assert!(names(&place).len() <= 2, "temporary files pile up: {:?}", names(&place));

        server = start(&file);
        let families = server.metrics();
        assert_eq!(names(&place), ["groups"], "kill {kill}");
        assert_eq!(metric(&families, "pushgateway_persistence_damaged_files_total", &[]), Some(0.0));
        let others = families.iter().find(|family| family.name == "other").unwrap();
        assert_eq!(others.samples.len(), OTHERS * 20);
        assert!(others.samples.iter().all(|sample| matches!(sample.value, Value::Number(_))));
        for (worker, log) in logs.iter().enumerate() {
            let log = log.lock().unwrap();
            let before = log.answered.iter().filter(|(_, at)| *at < saved).map(|(number, _)| *number);
            let least = before.max().unwrap_or_default().max(floors[worker]);
            let held = held(&families, worker);
            match held {
                Some(number) => assert!(
                    (least..=log.sent).contains(&number),
                    "kill {kill}: worker {worker} has {number}, not one of {least} to {}",
                    log.sent
                ),
                None => assert!(
                    least == 0 || (least..=log.sent).any(is_deletion),
                    "kill {kill}: worker {worker} has nothing, not one of {least} to {}",
                    log.sent
                ),
            }
            floors[worker] = held.unwrap_or(least);
            sent[worker] = log.sent;
        }
    }
}

/// When the last save began.
fn last_save(server: &Server) -> f64 {
    metric(&server.metrics(), "pushgateway_persistence_last_save_timestamp_seconds", &[]).unwrap()
}

#[test]
fn a_damaged_file_is_moved_aside_told_and_counted_and_the_service_goes_on() {
    let folder = Folder::new();
    let place = folder.path("kept");
    std::fs::create_dir(&place).unwrap();
    let file = place.join("groups");
    std::fs::write(&file, "not a file of the gateway\n").unwrap();
    let server = start(&file);
    server.until("pushgateway_persistence_damaged_files_total", &[], 1.0);
    server.until_said("the persistence file is damaged");
    server.until_said("groups.damaged-");
    let mut stream = TcpStream::connect(server.address()).unwrap();
    exchange(&mut stream, "PUT", "j", "a 1\n", 200).unwrap();
    drop(stream);
    let (code, said) = server.stop();
    assert_eq!(code, 0, "{said}");
    assert_eq!(names(&place).len(), 2);
    let server = start(&file);
    server.until("a", &[("job", "j")], 1.0);
    server.until("pushgateway_persistence_damaged_files_total", &[], 0.0);
}
