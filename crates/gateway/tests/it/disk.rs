//! Disks that are full or closed for a while: pushes go on, the old file stays whole, and saves succeed once they can.
//!
//! The tests mount small file systems, so they are started as root.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use gateway::{Config, Gateway};
use tempfile::TempDir;

use crate::server::{DEADLINE, Server};

/// A file system in memory, for as long as the value lives.
struct Small(TempDir);

impl Small {
    fn mount() -> Self {
        let small = Self(TempDir::new().unwrap());
        small.run("mount", &["-t", "tmpfs", "-o", "size=256k", "tmpfs"]);
        small
    }

    fn remount(&self, option: &str) {
        self.run("mount", &["-o", &format!("remount,{option}")]);
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let output = Command::new(program).args(arguments).arg(self.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "this test mounts a small file system, so it has to be started as root: {said}"
        );
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn file(&self) -> PathBuf {
        self.path().join("groups")
    }

    fn config(&self) -> Config {
        let persistence_interval = Duration::from_millis(20);
        Config { persistence_file: Some(self.file()), persistence_interval, ..Config::default() }
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// What a gateway shows that starts with the file as it is now.
    fn saved(&self) -> String {
        let elsewhere = TempDir::new().unwrap();
        let copy = elsewhere.path().join("groups");
        std::fs::copy(self.file(), &copy).unwrap();
        Gateway::open(Config { persistence_file: Some(copy), ..Config::default() }).unwrap().expose()
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

/// The value of an own metric without labels.
async fn metric(server: &Server, name: &str) -> f64 {
    let text = server.get("/metrics").await.body;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap();
    line.parse().unwrap()
}

async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let holds = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(DEADLINE, holds).await.is_ok(), "waited in vain for {what}");
}

const ERRORS: &str = "pushgateway_persistence_save_errors_total";
const LAST_SAVE: &str = "pushgateway_persistence_last_save_timestamp_seconds";
const SIZE: &str = "pushgateway_persistence_size_bytes";

/// Saves fail from `begin` to `end`.
async fn saves_fail_for_a_while(small: &Small, begin: impl FnOnce(), end: impl FnOnce()) {
    let server = Server::with(small.config()).await;
    let old = "old 1\n".to_owned() + &(0..200).map(|n| format!("old{n} 1\n")).collect::<String>();
    server.put("/metrics/job/j", &old).await.is(200);
    until("the first save", async || small.file().exists() && small.saved().contains("\nold199{")).await;
    assert_eq!(metric(&server, ERRORS).await, 0.0);
    assert_eq!(metric(&server, SIZE).await, std::fs::metadata(small.file()).unwrap().len() as f64);
    begin();
    let whole = std::fs::read(small.file()).unwrap();

    server.put("/metrics/job/k", "new 1\n").await.is(200);
    until("a failed save", async || metric(&server, ERRORS).await >= 2.0).await;
    let (since, names) = (metric(&server, LAST_SAVE).await, small.names());
    assert!(!names.iter().any(|name| name.contains("in_progress")), "{names:?}");
    assert_eq!(std::fs::read(small.file()).unwrap(), whole, "the old file stays as it was");
    assert_eq!(metric(&server, SIZE).await, whole.len() as f64);
    // It is still a gateway.
    server.post("/metrics/job/k", "newer 1\n").await.is(200);
    server.get("/-/healthy").await.is(200);
    assert!(server.pushed().await.contains(&"newer{instance=\"\",job=\"k\"} 1".to_owned()));

    end();
    // Without a further push: what was not saved is tried again.
    until("a save", async || metric(&server, LAST_SAVE).await > since).await;
    until("what was pushed meanwhile", async || small.saved().contains("\nnewer{")).await;
    let shown = server.pushed().await;
    server.stop().await.unwrap();
    let server = Server::with(small.config()).await;
    assert_eq!(server.pushed().await, shown);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_full_disk_costs_no_push_and_no_file_and_is_over_when_there_is_room() {
    let small = Small::mount();
    let filler = small.path().join("filler");
    let fill = || {
        // Up to the last byte.
        assert!(std::fs::write(&filler, vec![1; 1 << 20]).is_err());
    };
    saves_fail_for_a_while(&small, fill, || std::fs::remove_file(&filler).unwrap()).await;
}

#[tokio::test]
async fn a_folder_that_may_not_be_written_costs_no_push_and_no_file() {
    let small = Small::mount();
    saves_fail_for_a_while(&small, || small.remount("ro"), || small.remount("rw")).await;
}

#[tokio::test]
async fn a_folder_that_comes_later_is_used_then() {
    let folder = TempDir::new().unwrap();
    let missing = folder.path().join("missing");
    let config = Config {
        persistence_file: Some(missing.join("groups")),
        persistence_interval: Duration::from_millis(20),
        ..Config::default()
    };
    let server = Server::with(config.clone()).await;
    server.put("/metrics/job/j", "a 1\n").await.is(200);
    until("a failed save", async || metric(&server, ERRORS).await >= 1.0).await;
    std::fs::create_dir(&missing).unwrap();
    until("a save", async || metric(&server, LAST_SAVE).await > 0.0).await;
    server.stop().await.unwrap();
    assert_eq!(Server::with(config).await.pushed().await.len(), 2);
}
