//! `stash pushgateway`: the gateway alone, as the operator's pod runs it.

pub(crate) mod flags;
mod listeners;

use axum::Router;
use gateway::{Config, Gateway};
use web::ConfigFile;

use crate::exit::Exit;
pub(crate) use flags::PushgatewayArgs;

pub(crate) async fn execute(args: PushgatewayArgs) -> anyhow::Result<Exit> {
    let version = env!("CARGO_PKG_VERSION");
    tracing::info!(version, "starting pushgateway");
    raise_open_files();
    let mut config: Config = args.config();
    let file = args.web_config_file().map(ConfigFile::open).transpose()?;
    let is_tls = file.as_ref().is_some_and(ConfigFile::has_tls);
    config.web_config = file;
    // Listening comes first: whoever has the port may have the file, too.
    let listeners = listeners::listen(&args.listening).await?;
    // On a thread that will take pushes, and which nobody needs yet: what these free in the place of what was loaded is
    // then used again. Memory that another thread has loaded would stay with that one, unused.
    let gateway = tokio::spawn(async { Gateway::open(config) }).await??;
    let signalled = super::signalled();
    for listener in &listeners {
        tracing::info!(address = listener.address(), tls = is_tls, "Listening on");
    }
    gateway.run_beside(Router::new(), listeners, signalled).await?;
    tracing::info!("stopped");
    Ok(Exit::Done)
}

/// Each connection is an open file, and the limit that a process begins with is often 1024: as Go does, it is raised to
/// what is allowed.
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}
