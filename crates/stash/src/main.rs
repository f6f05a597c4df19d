//! The `stash` program: parse, dispatch, exit.

mod cli;
mod commands;
mod console;
mod exit;
mod telemetry;

use std::process::ExitCode;

fn main() -> ExitCode {
    let invocation = match cli::parse() {
        Ok(invocation) => invocation,
        Err(exit) => return exit.into(),
    };
    let console = console::Terminal::new(invocation.global.no_progress);
    telemetry::start(invocation.voice(), &console);
    match commands::execute(invocation.command, console) {
        Ok(exit) => exit.into(),
        Err(error) => {
            telemetry::complain(&error);
            exit::Exit::of(&error).into()
        }
    }
}
