//! The flags that name a standalone folder, and the repositories found through it.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use domain::report::Failure;
use engine::{Cancel, Environment, Repository};
use standalone::folder::{Desired, Key};
use standalone::host::{FoundRepository, Host};
use standalone::serve::{Options, Ready};

use crate::console::Terminal;
use crate::exit::Reasoned;

/// Where the objects are, and who this host is.
#[derive(Args, Debug)]
pub(crate) struct FolderArgs {
    /// Where status, history and metrics are kept [default: DIR/status].
    #[arg(long, value_name = "DIR")]
    pub(crate) status_dir: Option<PathBuf>,
    /// Name of this host: hostname of its snapshots and part of its repositories' folders [default: its hostname].
    #[arg(long, value_name = "NAME")]
    pub(crate) host_name: Option<String>,
    /// Push metrics to this gateway instead of the one inside.
    #[arg(long, value_name = "URL")]
    pub(crate) pushgateway_url: Option<String>,
}

/// The same, where the folder is a flag.
#[derive(Args, Debug)]
pub(crate) struct DirArgs {
    /// Folder with the YAML of a standalone set-up.
    #[arg(long, value_name = "DIR", env = "STASH_DIR")]
    pub(crate) dir: PathBuf,
    #[command(flatten)]
    pub(crate) folder: FolderArgs,
}

/// Which repository.
#[derive(Args, Debug)]
pub(crate) struct RepositoryArgs {
    #[command(flatten)]
    pub(crate) dir: DirArgs,
    /// Repository to work on: `host.<restic>`, or a Repository object of the folder. May be left out when there is
    /// only one.
    #[arg(long, value_name = "NAME")]
    pub(crate) repo_name: Option<String>,
    /// Namespace of the Repository.
    #[arg(long, value_name = "NAMESPACE", default_value = "default")]
    pub(crate) namespace: String,
}

/// A repository, found and opened.
pub(crate) struct Opened {
    pub(crate) ready: Ready,
    pub(crate) key: Key,
    pub(crate) found: FoundRepository,
    pub(crate) repository: Repository,
}

impl FolderArgs {
    /// The options of a process over `dir`.
    pub(crate) fn options(self, dir: &std::path::Path, console: Terminal) -> anyhow::Result<Options> {
        let folder = dir.canonicalize().with_context(|| {
            format!(
                "cannot find the folder {}; give a folder with YAML files of Stash objects",
                dir.display()
            )
        })?;
        let name = match self.host_name {
            Some(name) => name,
            None => rustix::system::uname().nodename().to_string_lossy().into_owned(),
        };
        Ok(Options {
            status: self.status_dir.unwrap_or_else(|| folder.join("status")),
            host: Host::new(name, folder)?,
            pushgateway_url: self.pushgateway_url,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            console: Box::new(console),
        })
    }
}

impl DirArgs {
    /// A worker over the folder, and the folder's objects.
    pub(crate) fn worker(self, console: Terminal) -> anyhow::Result<(Ready, Arc<Desired>)> {
        let ready = self.folder.options(&self.dir, console)?.into_worker()?;
        let desired = standalone::once::read(&ready.worker)?;
        for problem in &desired.problems {
            tracing::error!("{}", problem.failure.message);
        }
        Ok((ready, desired))
    }
}

impl RepositoryArgs {
    /// Opens the repository. It is never created here.
    pub(crate) fn open(self, console: Terminal) -> anyhow::Result<Opened> {
        let (ready, desired) = self.dir.worker(console)?;
        let host = &ready.worker.host;
        let name = match self.repo_name {
            Some(name) => name,
            None => only(&host.repositories(&desired))?,
        };
        let key = Key::new(Some(&self.namespace), &name);
        let found = host.find_repository(&desired, &key).map_err(Reasoned)?;
        let owner = format!("Repository {key}");
        let credentials = standalone::host::credentials(&desired, &found.namespace, &found.secret, &owner)
            .map_err(Reasoned)?;
        let cancel: Cancel = ready.worker.cancel.clone();
        let opened = engine::open(&found.location, &credentials, &Environment::default(), &cancel);
        let repository = opened.map_err(|error| Reasoned(Failure::from(&error)))?;
        Ok(Opened { ready, key, found, repository })
    }
}

fn only(names: &[Key]) -> anyhow::Result<String> {
    match names {
        [] => anyhow::bail!("the folder has no Restic and no Repository; nothing can be worked on"),
        [one] => Ok(one.name.clone()),
        many => {
            let list: Vec<&str> = many.iter().map(|key| key.name.as_str()).collect();
            anyhow::bail!(
                "the folder has several repositories; choose one with --repo-name: {}",
                list.join(", ")
            )
        }
    }
}
