//! The built program, from outside: its commands, exit codes, files, pages and metrics.

mod bad_input;
mod help;
mod kit;
mod live;
mod once;
mod quickstart;
mod shell;
