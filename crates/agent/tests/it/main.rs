//! Sessions against a real repository in a folder.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on panics: that is how it fails"
)]

mod sessions;
