//! Files that nobody's disk makes: altered, with the checksum that fits.

use exposition::{Count, Family, Histogram, Kind, Sample, Summary, Value};
use proptest::collection::vec;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::{Config, Gateway, PushMode};

/// A file with everything in it that a file may have.
fn whole() -> Vec<u8> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("groups");
    let gateway =
        Gateway::open(Config { persistence_file: Some(path.clone()), ..Config::default() }).unwrap();
    let histogram = Histogram { count: Count::Float(1.5), ..Histogram::default() };
    let families = vec![
        Family::gauge("g", "Help.").with([("x", "1")], 1.0).with([("x", "2")], f64::NAN),
        Family {
            samples: vec![Sample::new([("y", "é")], Value::Summary(Box::<Summary>::default()))],
            ..Family::new("s", "", Kind::Summary)
        },
        Family {
            samples: vec![Sample::new([("y", "")], Value::Histogram(Box::new(histogram)))],
            ..Family::new("h", "", Kind::Histogram)
        },
    ];
    for job in ["a", "b"] {
        let key = GroupingKey::new(job, [("path", "/data")]).unwrap();
        gateway.push(key, families.clone(), PushMode::Replace).unwrap();
    }
    gateway.save().unwrap();
    std::fs::read(path).unwrap()
}

/// The body with the header that fits to it.
fn framed(body: &[u8]) -> Vec<u8> {
    let mut file = header(Sha256::digest(body).as_slice()).unwrap();
    file.extend_from_slice(body);
    file
}

fn body(file: &[u8]) -> Vec<u8> {
    file[file.iter().position(|byte| *byte == b'\n').unwrap() + 1..].to_vec()
}

#[test]
fn a_file_that_was_not_altered_is_read() {
    let file = whole();
    assert_eq!(framed(&body(&file)), file);
    assert_eq!(decode(&file).unwrap().len(), 2);
}

#[test]
fn a_file_of_another_version_is_told_apart() {
    let file = String::from_utf8_lossy(&whole()).replacen("\"version\":2", "\"version\":3", 1);
    assert!(decode(file.as_bytes()).unwrap_err().contains("version 3"));
}

proptest! {
    #[test]
    fn whatever_is_in_a_file_is_groups_or_damage(
        alterations in vec((any::<prop::sample::Index>(), any::<u8>(), 0..3u8), 1..6),
    ) {
        let mut body = body(&whole());
        for (at, byte, how) in alterations {
            let at = at.index(body.len().max(1));
            match how {
                0 => body.insert(at, byte),
                1 if at < body.len() => body[at] = byte,
                _ if at < body.len() => drop(body.remove(at)),
                _ => {}
            }
        }
        if let Ok(groups) = decode(&framed(&body)) {
            let count = groups.len();
            let mut store = Store::default();
            store.load(groups);
            prop_assert!(store.group_count() <= count);
        }
    }

    #[test]
    fn any_bytes_are_groups_or_damage(bytes in vec(any::<u8>(), 0..300)) {
        let _ = decode(&bytes);
        let _ = decode(&framed(&bytes));
    }
}
