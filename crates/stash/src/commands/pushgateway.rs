//! `stash pushgateway`: the gateway alone, as the operator's pod runs it.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use domain::rules::go_duration;
use gateway::{Config, Gateway};
use tokio::net::TcpListener;

use crate::exit::Exit;

/// Keep the last push of each group and show it to Prometheus.
#[derive(Args, Debug)]
pub(crate) struct PushgatewayArgs {
    /// Where to listen.
    #[arg(long = "web.listen-address", value_name = "ADDRESS", default_value = ":9091")]
    listen_address: String,
    /// File to keep the groups in over a restart; none keeps them in memory only.
    #[arg(long = "persistence.file", value_name = "FILE")]
    file: Option<PathBuf>,
    /// Least time between two writes of that file, as a Go duration.
    #[arg(long = "persistence.interval", value_name = "DURATION", default_value = "5m", value_parser = interval)]
    interval: Duration,
}

fn interval(text: &str) -> Result<Duration, String> {
    go_duration::parse(text).map_err(|error| error.to_string())
}

pub(crate) async fn execute(args: PushgatewayArgs) -> anyhow::Result<Exit> {
    let config =
        Config { persistence_file: args.file, persistence_interval: args.interval, ..Config::default() };
    let gateway = Gateway::open(config)?;
    // Go's notation: no host means every address.
    let address = match args.listen_address.strip_prefix(':') {
        Some(port) => format!("[::]:{port}"),
        None => args.listen_address.clone(),
    };
    let listener = TcpListener::bind(&address).await.with_context(|| {
        format!("cannot listen at {}; choose another --web.listen-address", args.listen_address)
    })?;
    tracing::info!(address = %listener.local_addr()?, "the push gateway listens");
    gateway.run(listener, super::signalled()).await?;
    Ok(Exit::Done)
}
