//! The pictures of the documentation, taken of the pages of a host as they are: `cargo test -p stash --test pictures`.
//!
//! No test: a picture is looked at by people, and is committed when the page has changed.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    dead_code,
    reason = "the kit is that of the tests"
)]

#[path = "it/kit.rs"]
mod kit;

use std::path::Path;

use browser::Browser;

use crate::kit::{Folder, eventually, metric, restic};

/// A picture that takes longer to load than the text around it is too large.
const LARGEST: usize = 150_000;
/// Sessions before a picture, so that there is a line to see.
const SESSIONS: f64 = 12.0;

fn main() {
    let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/images");
    std::fs::create_dir_all(&images).unwrap();
    let folder = Folder::new();
    folder.write("objects/secret.yaml", kit::SECRET);
    folder.write("website/index.html", "Dear reader,\n");
    let website = restic("website", "@every 1s", "../website", "../backup");
    folder.write("objects/website.yaml", &website.replace("keepLast: 3", "keepLast: 24"));
    // There is no such folder: its sessions fail.
    folder.write("objects/wiki.yaml", &restic("wiki", "@every 1m", "../wiki", "../backup"));
    let server = folder.serve();
    let mut written = 0;
    eventually("some sessions", || {
        let of = [("stash_config", "website"), ("session", "backup")];
        let done = metric(&server.metrics(), "restic_repository_snapshots", &of)?;
        // Something new in each of them.
        if done > f64::from(written) {
            written += 1;
            let text: String =
                (0..written * 400).map(|line| format!("{}\n", line * written * 7919)).collect();
            folder.write(&format!("website/page-{written}.html"), &text);
        }
        (done >= SESSIONS).then_some(())
    });
    let browser = Browser::start();
    browser.prefer("light");
    browser.resize(900);
    for (name, path) in [("standalone", "/"), ("gateway", "/status")] {
        browser.open(&format!("http://{}{path}", server.address()));
        let picture = browser.picture(&images.to_string_lossy(), name);
        assert!(picture.len() <= LARGEST, "{name}.png has {} bytes, more than {LARGEST}", picture.len());
        println!("docs/images/{name}.png: {} bytes", picture.len());
    }
}
