//! `cargo xtask fuzz`: inputs that nobody would write, for the parsers of what strangers send.
//!
//! The engine is libFuzzer. Its instrumentation is asked for by plain compiler flags, so the pinned stable toolchain
//! does; a C++ compiler builds the engine. First the kept inputs are run one by one, then new ones are made from them
//! for a bounded time. An input that crashes a target is kept beside the target folder's other output and named.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail};

use crate::{program, root};

/// Coverage of edges and comparisons, as cargo-fuzz asks for it, but for the checks that need a nightly compiler.
const INSTRUMENTATION: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Ccodegen-units=1 -Cdebug-assertions";

/// A single input may take this long and this much memory; a parser that needs more has a defect. Both are far above
/// what a linear one takes for [`LONGEST_INPUT`] on a busy machine.
const SECONDS_PER_INPUT: u32 = 10;
const MEMORY_MIB: u32 = 512;

const LONGEST_INPUT: u32 = 64 << 10;

/// What became of one target.
pub(crate) struct Outcome {
    pub(crate) target: String,
    /// Why it failed, with the place of the input.
    pub(crate) failure: Option<String>,
}

/// The binaries of the targets, and where they write.
pub(crate) struct Fuzzer {
    binaries: PathBuf,
    output: PathBuf,
}

pub(crate) fn execute(seconds: u32, target: Option<&str>, keep: bool) -> Result<ExitCode> {
    let chosen: Vec<String> =
        targets()?.into_iter().filter(|name| target.is_none_or(|target| target == name)).collect();
    if chosen.is_empty() {
        bail!("there is no target {:?}; there are: {}", target.unwrap_or_default(), targets()?.join(", "));
    }
    let fuzzer = Fuzzer::build()?;
    let mut failures = 0;
    for target in chosen {
        let outcome = fuzzer.run(&target, seconds)?;
        failures += usize::from(outcome.failure.is_some());
        outcome.print();
        if keep && outcome.failure.is_none() {
            fuzzer.keep(&target)?;
        }
    }
    Ok(if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The names of all targets, sorted: each is a file.
pub(crate) fn targets() -> Result<Vec<String>> {
    let folder = root::path().join("fuzz/targets");
    let entries = std::fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}

impl Fuzzer {
    /// Builds every target, instrumented, in a target folder of its own. Naming the host as the target keeps build
    /// scripts and macros as they are.
    pub(crate) fn build() -> Result<Self> {
        let host = host()?;
        let folder = root::path().join("target/fuzz");
        program::run(
            program::cargo()
                .args(["build", "--release", "--locked", "--quiet", "--manifest-path", "fuzz/Cargo.toml"])
                .args(["--target", &host, "--target-dir"])
                .arg(&folder)
                .env("RUSTFLAGS", INSTRUMENTATION)
                .env_remove("CARGO_ENCODED_RUSTFLAGS"),
        )
        .context(
            "the fuzz targets could not be built. libFuzzer needs a C++ compiler (package g++); a change of our \
             crates' dependencies needs `cargo update --workspace --manifest-path fuzz/Cargo.toml`",
        )?;
        Ok(Self { binaries: folder.join(host).join("release"), output: folder })
    }

    /// Runs the kept inputs, then new ones for `seconds`.
    pub(crate) fn run(&self, target: &str, seconds: u32) -> Result<Outcome> {
        let kept = corpus(target);
        let mut inputs: Vec<PathBuf> = std::fs::read_dir(&kept)
            .with_context(|| format!("{} holds the kept inputs of the target", kept.display()))?
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<_>>()?;
        inputs.sort();
        if inputs.is_empty() {
            bail!("{} has no input; without seeds the fuzzer guesses for hours", kept.display());
        }
        let outcome = |failure| Outcome { target: target.to_owned(), failure };
        if let Some(report) = self.complaint(target, |fuzzer| {
            fuzzer.args(&inputs);
        })? {
            return Ok(outcome(Some(format!("a kept input fails\n{report}"))));
        }
        let found = self.found(target)?;
        let report = self.complaint(target, |fuzzer| {
            fuzzer.arg(format!("-max_total_time={seconds}")).arg(&found).arg(&kept);
        })?;
        Ok(outcome(report))
    }

    /// Adds to the corpus what the runs so far have found and what reaches code that nothing in it reaches.
    fn keep(&self, target: &str) -> Result<()> {
        let found = self.found(target)?;
        let report = self.complaint(target, |fuzzer| {
            fuzzer.arg("-merge=1").arg(corpus(target)).arg(&found);
        })?;
        report.map_or(Ok(()), |report| bail!("merging into the corpus failed\n{report}"))
    }

    /// What the fuzzer said at its end, when it failed.
    fn complaint(&self, target: &str, arguments: impl FnOnce(&mut Command)) -> Result<Option<String>> {
        let crashes = self.output.join("crashes").join(target);
        std::fs::create_dir_all(&crashes).with_context(|| format!("making {}", crashes.display()))?;
        let mut command = Command::new(self.binaries.join(target));
        command
            .current_dir(root::path())
            .arg(format!("-artifact_prefix={}/", crashes.display()))
            .arg(format!("-timeout={SECONDS_PER_INPUT}"))
            .arg(format!("-rss_limit_mb={MEMORY_MIB}"))
            .arg(format!("-max_len={LONGEST_INPUT}"))
            .stdin(Stdio::null());
        arguments(&mut command);
        let output =
            command.output().with_context(|| format!("could not start `{}`", program::line(&command)))?;
        if output.status.success() {
            return Ok(None);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Ok(Some(end_of(&said)))
    }

    /// Where inputs are kept that were found on this machine, from run to run.
    fn found(&self, target: &str) -> Result<PathBuf> {
        let folder = self.output.join("found").join(target);
        std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
        Ok(folder)
    }
}

impl Outcome {
    /// One line, as a test has it; more when it failed.
    pub(crate) fn print(&self) {
        match &self.failure {
            None => println!("fuzz {} ... ok", self.target),
            Some(failure) => println!("fuzz {} ... FAILED\n{failure}", self.target),
        }
    }
}

fn corpus(target: &str) -> PathBuf {
    root::path().join(Path::new("fuzz/corpus")).join(target)
}

/// The triple of this machine.
fn host() -> Result<String> {
    let said = program::stdout(Command::new("rustc").current_dir(root::path()).arg("-vV"))?;
    let host =
        said.lines().find_map(|line| line.strip_prefix("host: ")).context("`rustc -vV` names no host")?;
    Ok(host.to_owned())
}

/// The last lines of what a fuzzer said: the panic, and where its input is.
fn end_of(said: &str) -> String {
    const LINES: usize = 40;
    let lines: Vec<&str> = said.lines().filter(|line| !line.starts_with('#')).collect();
    lines.get(lines.len().saturating_sub(LINES)..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_a_corpus_and_a_program() {
        let manifest = std::fs::read_to_string(root::path().join("fuzz/Cargo.toml")).unwrap();
        let targets = targets().unwrap();
        assert!(!targets.is_empty());
        for target in targets {
            assert!(manifest.contains(&format!("path = \"targets/{target}.rs\"")), "{target}");
            let kept = std::fs::read_dir(corpus(&target)).unwrap().count();
            assert!((1..=200).contains(&kept), "{target} has {kept} inputs");
        }
    }

    #[test]
    fn the_report_is_the_end_without_the_progress() {
        assert_eq!(
            end_of("INFO: x\n#1 NEW\npanicked\nTest unit written to y\n"),
            "INFO: x\npanicked\nTest unit written to y"
        );
    }
}
