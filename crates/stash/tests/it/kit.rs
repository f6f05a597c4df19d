//! A folder of objects, the program over it, and what can be seen of both from outside.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use exposition::{Family, Value};

/// Long enough for any machine; only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(90);

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_stash");

/// A temporary folder with objects in `objects/`, data in `data/` and a repository in `backup/`.
pub(crate) struct Folder {
    root: tempfile::TempDir,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        std::fs::set_permissions(root.path(), PermissionsExt::from_mode(0o755)).unwrap();
        for name in ["objects", "data"] {
            std::fs::create_dir(root.path().join(name)).unwrap();
        }
        Self { root }
    }

    /// A folder with one Restic `demo` over `data/`, its Secret, and two files to back up.
    pub(crate) fn with_demo(schedule: &str) -> Self {
        let folder = Self::new();
        folder.write("objects/demo.yaml", &restic("demo", schedule, "../data", "../backup"));
        folder.write("objects/secret.yaml", SECRET);
        folder.write("data/letter.txt", "Dear reader,\n");
        folder.write("data/deep/numbers.txt", "1 2 3\n");
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn objects(&self) -> PathBuf {
        self.path("objects")
    }

    /// Where Restic `demo` keeps its repository.
    pub(crate) fn repository(&self) -> PathBuf {
        self.path("backup/host/tester/demo")
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        let path = self.path(name);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Runs every session and recovery once.
    pub(crate) fn once(&self) -> Run {
        let objects = self.objects();
        run(Command::new(PROGRAM).arg("standalone").arg(objects).args(["--once", "--host-name", "tester"]))
    }

    /// Runs a command with `--dir`.
    pub(crate) fn stash(&self, command: &str, args: &[&str]) -> Run {
        let mut program = Command::new(PROGRAM);
        program.arg(command).arg("--dir").arg(self.objects()).args(["--host-name", "tester"]).args(args);
        run(&mut program)
    }

    /// Starts `stash standalone` on a free port and waits until it serves.
    pub(crate) fn serve(&self) -> Server {
        self.serve_with(|_| {})
    }

    /// The same, with the command changed before it starts.
    pub(crate) fn serve_with(&self, change: impl FnOnce(&mut Command)) -> Server {
        let mut command = Command::new(PROGRAM);
        command.arg("standalone").arg(self.objects());
        command.args(["--listen-address", "127.0.0.1:0", "--host-name", "tester"]);
        change(&mut command);
        let record = self.objects().join("status/server.json");
        Server::start(&mut command, |pid, _| {
            let record: serde_json::Value = serde_json::from_slice(&std::fs::read(&record).ok()?).ok()?;
            // A record of an earlier process is not ours.
            if record["pid"].as_u64()? != u64::from(pid) {
                return None;
            }
            Some(record["url"].as_str()?.strip_prefix("http://")?.to_owned())
        })
    }

    /// Metrics as a finished run left them in the gateway's file. The gateway alone shows them: a `standalone` would
    /// look at the objects again and publish its own findings.
    pub(crate) fn kept_metrics(&self) -> Vec<Family> {
        gateway(&self.objects().join("status/gateway.json")).metrics()
    }
}

/// Starts `stash pushgateway` on a free port, over this file.
pub(crate) fn gateway(file: &Path) -> Server {
    let mut command = pushgateway();
    command.args(["--web.listen-address=127.0.0.1:0", "--persistence.file"]).arg(file);
    serving(&mut command)
}

/// The command, without an address.
pub(crate) fn pushgateway() -> Command {
    let mut command = Command::new(PROGRAM);
    command.arg("pushgateway");
    command
}

/// Starts it, and waits until it says where it listens.
pub(crate) fn serving(command: &mut Command) -> Server {
    Server::start(command, |_, said| {
        let (_, after) = said.split_once("address=")?;
        let (address, _) = after.split_once([' ', '\n'])?;
        Some(address.replace("[::]", "127.0.0.1"))
    })
}

pub(crate) const SECRET: &str = "apiVersion: v1
kind: Secret
metadata: {name: storage}
stringData: {RESTIC_PASSWORD: correct horse}
";

/// A Restic that keeps its last three snapshots.
pub(crate) fn restic(name: &str, schedule: &str, path: &str, backup: &str) -> String {
    format!(
        "apiVersion: stash.appscode.com/v1alpha1
kind: Restic
metadata: {{name: {name}}}
spec:
  schedule: \"{schedule}\"
  fileGroups:
  - {{path: \"{path}\", tags: [test], retentionPolicyName: last-3}}
  retentionPolicies:
  - {{name: last-3, keepLast: 3, prune: true}}
  backend:
    storageSecretName: storage
    local: {{hostPath: {{path: \"{backup}\"}}}}
"
    )
}

/// A Recovery of `../data` into `../restored`.
pub(crate) const RECOVERY: &str = "apiVersion: stash.appscode.com/v1alpha1
kind: Recovery
metadata: {name: back}
spec:
  repository: {name: host.demo}
  paths: [../data]
  recoveredVolumes:
  - {mountPath: ../data, hostPath: {path: ../restored}}
";

/// A program that has ended.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) said: String,
}

impl Run {
    /// Fails the test, with all that was said, unless the exit code is this.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "exit code; standard output:\n{}\nstandard error:\n{}",
            self.out, self.said
        );
        self
    }

    #[track_caller]
    pub(crate) fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.said.contains(word), "expected {word:?} in:\n{}", self.said);
        }
        self
    }
}

pub(crate) fn run(command: &mut Command) -> Run {
    let Output { status, stdout, stderr } = command.output().unwrap();
    Run {
        code: status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&stdout).into_owned(),
        said: String::from_utf8_lossy(&stderr).into_owned(),
    }
}

/// A running `stash standalone`; killed when dropped.
pub(crate) struct Server {
    child: Child,
    address: String,
    said: std::sync::Arc<std::sync::Mutex<String>>,
    collector: Option<std::thread::JoinHandle<()>>,
}

impl Server {
    /// Starts a program that serves, and waits until its address is known from its process id and its log.
    pub(crate) fn start(command: &mut Command, address: impl Fn(u32, &str) -> Option<String>) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let said = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
        let mut stderr = child.stderr.take().unwrap();
        let collector = std::thread::spawn({
            let said = std::sync::Arc::clone(&said);
            move || {
                let mut buffer = [0; 4096];
                while let Ok(read @ 1..) = stderr.read(&mut buffer) {
                    said.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..read]));
                }
            }
        });
        let pid = child.id();
        let mut server = Server { child, address: String::new(), said, collector: Some(collector) };
        server.address =
            eventually("the server to say its address", || address(pid, &server.said.lock().unwrap()));
        server
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Status and body of a GET. In HTTP/1.0, where a body ends with its connection and comes in no chunks.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.address).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    /// The families of `/metrics`.
    pub(crate) fn metrics(&self) -> Vec<Family> {
        let (status, body) = self.get("/metrics");
        assert_eq!(status, 200, "{body}");
        exposition::parse(&body).unwrap()
    }

    /// Waits until a metric with these labels has the value.
    #[track_caller]
    pub(crate) fn until(&self, name: &str, labels: &[(&str, &str)], value: f64) {
        eventually(&format!("{name}{labels:?} to be {value}; log so far:\n{}", self.said()), || {
            (metric(&self.metrics(), name, labels) == Some(value)).then_some(())
        });
    }

    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Waits for words in the log.
    #[track_caller]
    pub(crate) fn until_said(&self, words: &str) {
        eventually(&format!("{words:?} in the log"), || self.said().contains(words).then_some(()));
    }

    /// SIGTERM, then the exit code and the whole log.
    pub(crate) fn stop(mut self) -> (i32, String) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let status = eventually("the server to stop", || self.child.try_wait().unwrap());
        self.collector.take().unwrap().join().unwrap();
        (status.code().unwrap_or(-1), self.said())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The value of the one sample that has all these labels.
pub(crate) fn metric(families: &[Family], name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let family = families.iter().find(|family| family.name == name)?;
    let mut values = family.samples.iter().filter_map(|sample| {
        let fits =
            labels.iter().all(|(label, value)| sample.labels.get(*label).is_some_and(|got| got == value));
        match sample.value {
            Value::Number(value) if fits => Some(value),
            _ => None,
        }
    });
    let first = values.next();
    assert!(values.next().is_none(), "{name}{labels:?} is more than one sample");
    first
}

/// Waits for a condition; the only way to wait here.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(begin.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Every file below a folder with its content.
pub(crate) fn tree(root: &Path) -> std::collections::BTreeMap<PathBuf, Vec<u8>> {
    let mut out = std::collections::BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in
            std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else if path.is_file() {
                let content = std::fs::read(&path).unwrap();
                out.insert(path.strip_prefix(root).unwrap().to_owned(), content);
            }
        }
    }
    out
}
