//! Groups outlive the process, and a broken file does no harm.

use std::path::{Path, PathBuf};
use std::time::Duration;

use gateway::{Config, Error, Gateway};
use tempfile::TempDir;

use crate::server::{DEADLINE, Server};

const BODY: &str = "# HELP g Help.\n# TYPE g gauge\ng{x=\"a \\\\ \\\" \\n é\"} NaN\n\
                    # TYPE c counter\nc 1e+300\n\
                    # TYPE h histogram\nh_bucket{le=\"0.1\"} 1\nh_count 2.5\nh_sum -Inf\n\
                    # TYPE s summary\ns{quantile=\"0.5\"} 3\ns_count 18446744073709551615\n\
                    # TYPE gh gaugehistogram\ngh_bucket{le=\"+Inf\"} 2\n\
                    u -0\n";

fn config(folder: &TempDir) -> Config {
    Config { persistence_file: Some(file(folder)), ..Config::default() }
}

fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("groups.json")
}

/// Names of all files in the folder.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// What is shown about groups, push times included.
async fn shown(server: &Server) -> (Vec<String>, serde_json::Value) {
    let text = server.get("/metrics").await.body;
    let is_own = |line: &str| line.contains("pushgateway_") || line.contains("process_");
    let lines = text.lines().filter(|line| !is_own(line)).map(str::to_owned).collect();
    (lines, server.get("/api/v1/metrics").await.json())
}

/// A file with one group in it.
async fn saved(folder: &TempDir) -> Vec<u8> {
    let server = Server::with(config(folder)).await;
    server.put("/metrics/job/j", BODY).await.is(200);
    server.stop().await.unwrap();
    std::fs::read(file(folder)).unwrap()
}

#[tokio::test]
async fn a_restart_gives_back_everything() {
    let folder = TempDir::new().unwrap();
    let server = Server::with(config(&folder)).await;
    server.put("/metrics/job/z/x@base64/=", BODY).await.is(200);
    server.put("/metrics/job/empty", "").await.is(200);
    server.put("/metrics/job/failed", "a 1 1\n").await.is(400);
    server.put("/metrics/job/a", "# HELP g Other.\n# TYPE g gauge\ng 1\n").await.is(200);
    server.put("/metrics/job/a", "g 1 1\n").await.is(400);
    let before = shown(&server).await;
    server.stop().await.unwrap();
    assert_eq!(names(folder.path()), ["groups.json"]);

    let server = Server::with(config(&folder)).await;
    assert_eq!(shown(&server).await, before);
    server.stop().await.unwrap();
    // And once more, from what was loaded.
    let server = Server::with(config(&folder)).await;
    assert_eq!(shown(&server).await, before);
}

#[tokio::test]
async fn the_file_is_written_also_when_nothing_was_pushed() {
    let folder = TempDir::new().unwrap();
    Server::with(config(&folder)).await.stop().await.unwrap();
    assert!(file(&folder).exists());
    assert!(Server::with(config(&folder)).await.pushed().await.is_empty());
}

#[tokio::test]
async fn a_change_after_a_quiet_time_is_saved_at_once_and_later_ones_after_the_interval() {
    let folder = TempDir::new().unwrap();
    let server =
        Server::with(Config { persistence_interval: Duration::from_millis(200), ..config(&folder) }).await;
    for n in 0..3 {
        server.put("/metrics/job/j", &format!("a {n}\n")).await.is(200);
        let wanted = format!("a{{instance=\"\",job=\"j\"}} {n}\n");
        let saved = async {
            while !file(&folder).exists() || !on_disk(&folder).contains(&wanted) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(DEADLINE, saved).await.unwrap();
    }
}

#[tokio::test]
async fn within_the_interval_nothing_is_saved_before_the_end() {
    let folder = TempDir::new().unwrap();
    let server = Server::with(config(&folder)).await;
    server.put("/metrics/job/j", "a 1\n").await.is(200);
    let first = async {
        while !file(&folder).exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE, first).await.unwrap();
    server.put("/metrics/job/j", "b 1\n").await.is(200);
    assert!(!on_disk(&folder).contains("\nb{"));
    server.stop().await.unwrap();
    assert!(on_disk(&folder).contains("\nb{"));
}

/// What a gateway would show that starts with the file as it is at this moment.
fn on_disk(folder: &TempDir) -> String {
    let elsewhere = TempDir::new().unwrap();
    std::fs::copy(file(folder), file(&elsewhere)).unwrap();
    Gateway::open(config(&elsewhere)).unwrap().expose()
}

#[tokio::test]
async fn a_file_cut_anywhere_is_moved_aside() {
    let folder = TempDir::new().unwrap();
    let whole = saved(&folder).await;
    let cuts = (0..whole.len()).step_by(whole.len() / 40).chain([whole.len() - 1]);
    for cut in cuts {
        let folder = TempDir::new().unwrap();
        std::fs::write(file(&folder), &whole[..cut]).unwrap();
        let gateway = Gateway::open(config(&folder)).unwrap();
        let text = gateway.expose();
        assert!(text.contains("\npushgateway_groups 0\n"), "cut at {cut}: {text}");
        assert!(text.contains("\npushgateway_persistence_damaged_files_total 1\n"));
        let names = names(folder.path());
        assert!(matches!(names.as_slice(), [name] if name.starts_with("groups.json.damaged-")), "{names:?}");
        assert_eq!(std::fs::read(folder.path().join(&names[0])).unwrap(), &whole[..cut]);
    }
}

#[tokio::test]
async fn any_bit_that_is_not_as_it_was_is_found() {
    let folder = TempDir::new().unwrap();
    let whole = saved(&folder).await;
    let header = whole.iter().position(|byte| *byte == b'\n').unwrap();
    let folder = TempDir::new().unwrap();
    // Each bit of the header, and one bit of each byte behind it.
    let positions = (0..whole.len()).flat_map(|at| (0..8).map(move |bit| (at, bit)));
    for (at, bit) in positions.filter(|(at, bit)| *at <= header || at % 8 == *bit) {
        let mut altered = whole.clone();
        altered[at] ^= 1 << bit;
        std::fs::write(file(&folder), &altered).unwrap();
        let text = Gateway::open(config(&folder)).unwrap().expose();
        assert!(text.contains("\npushgateway_groups 0\n"), "bit {bit} of byte {at}: {text}");
        assert!(text.contains("\npushgateway_persistence_damaged_files_total 1\n"));
        let names = names(folder.path());
        let [aside] = names.as_slice() else { panic!("{names:?}") };
        let aside = folder.path().join(aside);
        assert_eq!(std::fs::read(&aside).unwrap(), altered, "it is moved aside as it was");
        std::fs::remove_file(aside).unwrap();
    }
}

#[tokio::test]
async fn a_damaged_file_does_not_take_the_place_of_another() {
    let folder = TempDir::new().unwrap();
    for n in 0..4 {
        std::fs::write(file(&folder), format!("not ours {n}\n")).unwrap();
        Gateway::open(config(&folder)).unwrap();
    }
    assert_eq!(names(folder.path()).len(), 4);
}

#[tokio::test]
async fn a_damaged_file_does_not_stop_the_service() {
    let folder = TempDir::new().unwrap();
    std::fs::write(file(&folder), "not ours\n").unwrap();
    let server = Server::with(config(&folder)).await;
    server.put("/metrics/job/j", "a 1\n").await.is(200);
    server.stop().await.unwrap();
    assert_eq!(names(folder.path()).len(), 2);
    assert_eq!(Server::with(config(&folder)).await.pushed().await.len(), 2);
}

#[tokio::test]
async fn a_process_killed_while_saving_leaves_the_last_save() {
    let folder = TempDir::new().unwrap();
    let whole = saved(&folder).await;
    for cut in [0, 1, whole.len() / 2, whole.len()] {
        std::fs::write(folder.path().join("groups.json.in_progress.x7Hq"), &whole[..cut]).unwrap();
        let gateway = Gateway::open(config(&folder)).unwrap();
        assert!(gateway.expose().contains("\npushgateway_groups 1\n"));
        assert_eq!(names(folder.path()), ["groups.json"]);
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_counted_and_told() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("missing").join("groups.json");
    let server = Server::with(Config { persistence_file: Some(path.clone()), ..Config::default() }).await;
    server.put("/metrics/job/j", "a 1\n").await.is(200);
    let counted = async {
        while server.get("/metrics").await.body.contains("\npushgateway_persistence_save_errors_total 0\n") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE, counted).await.unwrap();
    server.get("/-/healthy").await.is(200);
    let error = server.stop().await.unwrap_err();
    assert!(matches!(&error, Error::Save { path: named, .. } if *named == path), "{error}");
}

#[tokio::test]
async fn a_file_that_cannot_be_read_stops_the_start() {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(file(&folder)).unwrap();
    assert!(matches!(Gateway::open(config(&folder)), Err(Error::Read { .. })));
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    saved(&folder).await;
    assert_eq!(std::fs::metadata(file(&folder)).unwrap().permissions().mode() & 0o777, 0o600);
}
