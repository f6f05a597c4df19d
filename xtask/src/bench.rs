//! `cargo xtask bench`: our release build and the program it stands in for, in turns in one run. Only the ratios mean
//! something: the machine may be busy, but it is as busy for the one as for the other. The operator has no such program
//! beside it; of its figures only the time depends on how busy the machine is.

mod backup;
mod gateway;
mod operator;
mod usage;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

use crate::flags::Bench;
use crate::image;

pub(crate) fn execute(what: &Bench) -> Result<ExitCode> {
    match what {
        Bench::Backup { pairs } => backup::execute(*pairs),
        Bench::Gateway(flags) => gateway::execute(flags),
        Bench::Operator(flags) => operator::execute(flags),
    }
}

/// Our program as it ships in the image, built anew.
fn release() -> Result<PathBuf> {
    image::static_program()
}
