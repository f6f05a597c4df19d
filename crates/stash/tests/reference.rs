//! Writes `docs/reference/flags.md`: `cargo test -p stash --test reference`. A test holds it to the program.
#![allow(clippy::unwrap_used, clippy::panic, dead_code, reason = "the kit is that of the tests")]

#[path = "it/flags.rs"]
mod flags;
#[path = "it/kit.rs"]
mod kit;

fn main() {
    std::fs::write(flags::file(), flags::text()).unwrap();
}
