//! The `stash` program: parse, dispatch, exit.

fn main() {}
