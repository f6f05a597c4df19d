//! `cargo xtask bench backup`: our release build and restic over the same data, in pairs.

mod data;
mod measure;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use self::measure::{Cost, run};
use super::release;
use crate::test::provision;
use crate::{program, root};

const PASSWORD: &str = "benchmark";

/// What is compared.
struct Bench {
    stash: PathBuf,
    restic: PathBuf,
    work: PathBuf,
}

pub(super) fn execute(pairs: usize) -> Result<ExitCode> {
    let stash = release()?;
    let work = root::path().join("target/bench");
    let _ = std::fs::remove_dir_all(&work);
    std::fs::create_dir_all(&work).with_context(|| format!("making {}", work.display()))?;
    let bench = Bench { stash, restic: provision::newer_restic()?, work };
    let version = program::stdout(Command::new(&bench.restic).arg("version"))?;
    println!("stash (release) against {}, {pairs} pairs; ratio = stash / restic\n", version.trim());
    println!(
        "{:<28} {:>24} {:>24} {:>22}",
        "", "wall min/median/max", "CPU min/median/max", "peak MiB (ours/theirs)"
    );
    for (name, make) in data::SETS {
        let source = bench.work.join(name);
        let bytes = make(&source)?;
        println!("{name}: {} MiB", bytes >> 20);
        bench.set(&source, pairs)?;
        std::fs::remove_dir_all(&source)?;
    }
    std::fs::remove_dir_all(&bench.work)?;
    Ok(ExitCode::SUCCESS)
}

impl Bench {
    fn set(&self, source: &Path, pairs: usize) -> Result<()> {
        let mut costs: [Vec<(Cost, Cost)>; 3] = Default::default();
        for _ in 0..pairs {
            let ours = self.folder(source)?;
            let theirs = self.work.join("restic");
            run(self.restic(&theirs).arg("init"))?;
            let [first, again, restore] = &mut costs;
            let backup = || -> Result<(Cost, Cost)> {
                Ok((
                    run(&mut self.ours("backup", &ours))?,
                    run(self.restic(&theirs).arg("backup").arg(source))?,
                ))
            };
            first.push(backup()?);
            again.push(backup()?);
            restore.push((
                run(self.ours("recover", &ours).args(["--recovery-name", "bench"]))?,
                run(self.restic(&theirs).args(["restore", "latest", "--target"]).arg(self.work.join("out")))?,
            ));
            for folder in [ours.as_path(), &theirs, &self.work.join("out")] {
                std::fs::remove_dir_all(folder).with_context(|| format!("removing {}", folder.display()))?;
            }
        }
        for (what, costs) in ["first backup", "unchanged backup", "restore"].iter().zip(costs) {
            measure::print(what, &costs);
        }
        Ok(())
    }

    fn ours(&self, command: &str, folder: &Path) -> Command {
        let mut stash = Command::new(&self.stash);
        stash.args([command, "--log-level", "error", "--host-name", "bench", "--dir"]).arg(folder);
        stash
    }

    fn restic(&self, repository: &Path) -> Command {
        let mut restic = Command::new(&self.restic);
        restic.args(["--quiet", "--no-cache", "-r"]).arg(repository).env("RESTIC_PASSWORD", PASSWORD);
        restic
    }

    /// A standalone folder that backs `source` up and restores it.
    fn folder(&self, source: &Path) -> Result<PathBuf> {
        let folder = self.work.join("stash");
        std::fs::create_dir_all(&folder)?;
        let source = source.display();
        let yaml = format!(
            "apiVersion: stash.appscode.com/v1alpha1
kind: Restic
metadata: {{name: bench}}
spec:
  schedule: '@daily'
  fileGroups: [{{path: '{source}'}}]
  backend: {{storageSecretName: bench, local: {{hostPath: {{path: repository}}}}}}
---
apiVersion: v1
kind: Secret
metadata: {{name: bench}}
stringData: {{RESTIC_PASSWORD: {PASSWORD}}}
---
apiVersion: stash.appscode.com/v1alpha1
kind: Recovery
metadata: {{name: bench}}
spec:
  repository: {{name: host.bench}}
  paths: ['{source}']
  recoveredVolumes: [{{mountPath: '{source}', hostPath: {{path: out}}}}]
"
        );
        std::fs::write(folder.join("bench.yaml"), yaml)?;
        Ok(folder)
    }
}
