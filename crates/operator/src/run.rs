//! The process of the operator: wait for the API server, define our kinds, watch, and lead when it is our turn.

use std::sync::Arc;
use std::time::Duration;

use cluster::lease::{Election, Standing};
use domain::decide::scaledown::cycle::Limits;
use domain::decide::settings::Settings;
use kube::Client;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::context::{Context, Events};
use crate::crds::{self, CrdError};
use crate::follow::Tidings;
use crate::term;
use crate::world::World;

/// The Lease of the operator.
pub const LEASE: &str = "stash-operator";
/// Who reports the events.
const COMPONENT: &str = "stash-operator";
/// Pauses between attempts to reach the API server at the start.
const PAUSE: Duration = Duration::from_secs(5);

/// How the operator is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// What goes into the containers it makes.
    pub settings: Settings,
    /// Its own namespace.
    pub namespace: String,
    /// Its pod: who it is among its replicas.
    pub identity: String,
    /// Whether it makes Roles and their like.
    pub rbac: bool,
    /// Time after which everything is looked at again.
    pub resync: Duration,
    /// Time between two checks of a Repository; zero for none.
    pub check_interval: Duration,
}

/// Runs until `stop`.
pub async fn run(client: Client, options: Options, stop: CancellationToken) {
    if !define_kinds(&client, &stop).await {
        return;
    }
    let tasks = TaskTracker::new();
    let tidings = Tidings::default();
    let world = World::start(&client, &tidings, &tasks, &stop);
    let context = Arc::new(Context {
        client: client.clone(),
        world: Arc::clone(&world),
        settings: Arc::new(options.settings),
        limits: Limits::DEFAULT,
        rbac: options.rbac,
        resync: options.resync,
        check_interval: options.check_interval,
        events: Events(cluster::events::Events::new(
            client.clone(),
            COMPONENT,
            Some(options.identity.clone()),
        )),
    });
    let election = Election::new(&options.namespace, LEASE, &options.identity);
    let (mut standing, elected) = election.run(client, stop.clone());
    tokio::select! {
        () = stop.cancelled() => {}
        () = world.is_known() => tracing::info!("all watches have seen everything"),
    }
    while !stop.is_cancelled() {
        tokio::select! {
            () = stop.cancelled() => break,
            led = standing.wait_for(|standing| *standing == Standing::Leading) => if led.is_err() { break },
        }
        tracing::info!("leading: this replica acts");
        let term = stop.child_token();
        let ends = {
            let (term, mut standing) = (term.clone(), standing.clone());
            async move {
                // Who cannot renew must not act: another may lead by now.
                let _ = standing.wait_for(|standing| *standing != Standing::Leading).await;
                term.cancel();
            }
        };
        let watchdog = tokio::spawn(ends);
        term::serve(&context, &term).await;
        watchdog.abort();
        if !stop.is_cancelled() {
            tracing::warn!("no longer leading: this replica waits for its turn");
        }
    }
    tasks.close();
    tasks.wait().await;
    // The Lease is given back, so that another replica need not wait for its end.
    if let Err(error) = elected.await {
        tracing::warn!(%error, "the election stumbled");
    }
}

/// Tries until the API server takes our definitions. Returns whether it did before `stop`.
async fn define_kinds(client: &Client, stop: &CancellationToken) -> bool {
    let mut said = String::new();
    loop {
        let error = match crds::apply(client).await {
            Ok(()) => return true,
            Err(error) => error,
        };
        let text = error.to_string();
        if said != text {
            let hint = match &error {
                CrdError::Api(_) => {
                    "is the API server there, and is the ClusterRole of this release applied?"
                }
                CrdError::NotServed(_) => "it is tried again",
            };
            tracing::error!(hint, "cannot define the kinds of Stash: {text}");
            said = text;
        }
        tokio::select! {
            () = stop.cancelled() => return false,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}
