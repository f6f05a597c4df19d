//! One term: what the replica that leads does, from the moment it leads until it does no more.
//!
//! Beside the controllers that is the registration of the webhooks: all replicas answer them, one writes who does.

use std::sync::Arc;

use pusher::Pusher;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admission::registration::{self, RegistrationSettings};
use crate::certificates::CaBundle;
use crate::context::Context;
use crate::controller::Counted;
use crate::{controller, migration, recoveries, repositories, restics, sweep, workloads};

/// Runs all controllers until `stop`; every reconcile that was begun has ended when this returns.
pub(crate) async fn serve(
    context: &Arc<Context>,
    webhooks: &(RegistrationSettings, watch::Receiver<CaBundle>),
    stop: &CancellationToken,
) {
    let world = &context.world;
    if context.rbac
        && let Err(error) = migration::note_old_bindings(context).await
    {
        tracing::warn!(%error, "RoleBindings of 0.8.3 are not looked for, and stay until the next start");
    }
    let counted = |name| Counted { name, work: Arc::clone(&context.work) };
    let queues = world.dispatch.open();
    let tasks = TaskTracker::new();
    tasks.spawn({
        let (client, (settings, bundle), stop) = (context.client.clone(), webhooks.clone(), stop.clone());
        async move { registration::keep(client, settings, bundle, &stop).await }
    });
    tasks.spawn(controller::run(
        counted("Restic"),
        world.restics.clone(),
        queues.restics,
        |restic, context| Box::pin(restics::reconcile(restic, context)),
        Arc::clone(context),
        stop.clone(),
    ));
    tasks.spawn(controller::run(
        counted("Recovery"),
        world.recoveries.clone(),
        queues.recoveries,
        |recovery, context| Box::pin(recoveries::reconcile(recovery, context)),
        Arc::clone(context),
        stop.clone(),
    ));
    tasks.spawn(controller::run(
        counted("Repository"),
        world.repositories.clone(),
        queues.repositories,
        |repository, context| Box::pin(repositories::reconcile(repository, context)),
        Arc::clone(context),
        stop.clone(),
    ));
    for (kind, queue) in queues.workloads {
        let Some(store) = world.workloads.get(&kind) else { continue };
        tasks.spawn(controller::run(
            counted(kind.as_str()),
            store.clone(),
            queue,
            move |workload, context| Box::pin(workloads::reconcile(kind, workload, context)),
            Arc::clone(context),
            stop.clone(),
        ));
    }
    match pusher(&context.settings.pushgateway_url) {
        Some(pusher) => {
            let (world, work, stop) = (Arc::clone(world), Arc::clone(&context.work), stop.clone());
            tasks.spawn(sweep::run(world, pusher, work, stop));
        }
        None => tracing::info!("no push gateway is named, so no series of what is gone are looked for"),
    }
    world.look_at_everything();
    tasks.close();
    tasks.wait().await;
    world.dispatch.close();
}

/// The gateway, when it can be reached from here.
fn pusher(url: &str) -> Option<Pusher> {
    if url.is_empty() {
        return None;
    }
    Pusher::new(url).inspect_err(|error| tracing::error!("series of what is gone stay: {error}")).ok()
}
