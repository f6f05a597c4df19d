//! The process of the operator: serve, wait for the API server, define our kinds, watch, and lead when it is our turn.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use apiserver::Metrics;
use cluster::lease::{Election, Standing};
use domain::decide::scaledown::cycle::Limits;
use domain::decide::settings::Settings;
use jiff::Timestamp;
use kube::Client;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admission::registration::RegistrationSettings;
use crate::admission::{self, Admission};
use crate::certificates::{self, Bootstrap, CaBundle, CertificateSettings, Keeper, KeeperError, Published};
use crate::context::{Context, Events};
use crate::follow::{Follower, Tidings};
use crate::measure::{self, Work};
use crate::serve::{self, AuditError, AuditSettings, Check, Health, RequestLimits, ServeError};
use crate::snapshots::{self, Snapshots};
use crate::world::World;
use crate::{crds, term};

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
    /// Where it serves webhooks and health.
    pub port: u16,
    /// What it shows there.
    pub certificates: CertificateSettings,
    /// Namespace and Secret where others find the authorities that it is trusted by.
    pub published: Option<(String, String)>,
    /// What the API server is told of the webhooks.
    pub webhooks: RegistrationSettings,
    /// How many requests it answers at the same time, and in which time.
    pub limits: RequestLimits,
    /// What it tells of them.
    pub audit: AuditSettings,
    /// Its version, for `/version`.
    pub version: String,
}

/// Why the operator cannot start. What may pass by itself is waited for instead.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There is no certificate to begin with.
    #[error(transparent)]
    Certificate(#[from] KeeperError),
    /// It cannot serve.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// It cannot tell of requests.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

/// Runs until `stop`.
///
/// # Errors
/// [`RunError`].
pub async fn run(client: Client, options: Options, stop: CancellationToken) -> Result<(), RunError> {
    let tasks = TaskTracker::new();
    let tidings = Tidings::default();
    let begin = CancellationToken::new();
    let follower =
        Follower { begin: begin.clone(), tidings: tidings.clone(), tasks: tasks.clone(), stop: stop.clone() };
    let world = World::start(&client, &follower);
    let settings = Arc::new(options.settings);

    let health = Health::default();
    let (kinds, certificate, watches) =
        (health.check("kinds"), health.check("certificate"), health.check("watches"));
    let names = certificates::names(&options.webhooks.service, &options.namespace);
    let bootstrap = Arc::new(Bootstrap::new(Timestamp::now(), &names)?);
    let server = serve::server(bootstrap.clone())?;
    let metrics = Metrics::default();
    let work = Arc::new(Work::default());
    metrics.add(Arc::new({
        let (world, work, interval) = (Arc::clone(&world), Arc::clone(&work), settings.check_interval);
        move || measure::collect(&world, &work, interval)
    }));
    let api = serve::api_server(client.clone(), options.limits, options.audit.open()?, metrics);
    let listener = serve::listen(options.port).await?;
    let app = serve::router(&health, &options.version).merge(admission::router(Admission {
        restics: world.restics.clone(),
        settings: Arc::clone(&settings),
        decisions: Arc::new({
            let work = Arc::clone(&work);
            move |webhook, decision, took| work.decided(webhook, decision, took)
        }),
    }));
    // Whoever asks for Snapshots has to be known and allowed: nothing here is to be served without that around it.
    let app = app.merge(snapshots::router(Snapshots {
        index: Arc::clone(&world.snapshots),
        client: client.clone(),
        settings: Arc::clone(&settings),
        stop: stop.clone(),
    }));
    let serving = tokio::spawn({
        let (stop, api) = (stop.clone(), api.clone());
        let app = api.protect(app);
        async move {
            tokio::join!(serve::serve(&server, listener, app, &stop), api.run(&stop));
        }
    });

    let defined = persist("define the kinds of Stash", &kinds, &stop, async || crds::apply(&client).await);
    if defined.await.is_some() {
        begin.cancel();
        tasks.spawn(watch_the_watches(Arc::clone(&world), tidings, watches, stop.clone()));
        let keep = persist("keep a certificate", &certificate, &stop, async || {
            Keeper::start(client.clone(), &options.certificates).await
        });
        if let Some(keeper) = keep.await {
            bootstrap.give_way(keeper.certificates());
            work.serves(keeper.certificates());
            let webhooks = (options.webhooks, keeper.bundle());
            if let Some((namespace, secret)) = &options.published {
                let published = Published::new(client.clone(), namespace, secret);
                let (bundle, stop) = (keeper.bundle(), stop.clone());
                tasks.spawn(async move { published.run(bundle, &stop).await });
            }
            tasks.spawn({
                let stop = stop.clone();
                async move { keeper.run(&stop).await }
            });
            let context = Arc::new(Context {
                client: client.clone(),
                world,
                settings,
                limits: Limits::DEFAULT,
                rbac: options.rbac,
                resync: options.resync,
                work,
                events: Events(cluster::events::Events::new(
                    client,
                    COMPONENT,
                    Some(options.identity.clone()),
                )),
            });
            let election = Election::new(&options.namespace, LEASE, &options.identity);
            lead(&context, &webhooks, election, &stop).await;
        }
    }
    tasks.close();
    tasks.wait().await;
    if let Err(error) = serving.await {
        tracing::warn!(%error, "the server stumbled");
    }
    api.close().await;
    Ok(())
}

/// Acts whenever it is our turn, until `stop`.
async fn lead(
    context: &Arc<Context>,
    webhooks: &(RegistrationSettings, watch::Receiver<CaBundle>),
    election: Election,
    stop: &CancellationToken,
) {
    let (mut standing, elected) = election.run(context.client.clone(), stop.clone());
    while !stop.is_cancelled() {
        tokio::select! {
            () = stop.cancelled() => break,
            led = standing.wait_for(|standing| *standing == Standing::Leading) => if led.is_err() { break },
        }
        let term = stop.child_token();
        let watchdog = tokio::spawn({
            let (term, mut standing) = (term.clone(), standing.clone());
            async move {
                // Who cannot renew must not act: another may lead by now.
                let _ = standing.wait_for(|standing| *standing != Standing::Leading).await;
                term.cancel();
            }
        });
        // Upon what is half known sidecars would be removed whose Restics were not seen yet.
        tokio::select! {
            () = term.cancelled() => {}
            () = context.world.is_known() => {
                tracing::info!("leading: this replica acts");
                context.work.leads(true);
                term::serve(context, webhooks, &term).await;
                context.work.leads(false);
            }
        }
        watchdog.abort();
        if !stop.is_cancelled() {
            tracing::warn!("no longer leading: this replica waits for its turn");
        }
    }
    // The Lease is given back, so that another replica need not wait for its end.
    if let Err(error) = elected.await {
        tracing::warn!(%error, "the election stumbled");
    }
}

/// Tries until it works; says in `check` and once in the log why it does not. `None` when `stop` came first.
async fn persist<T, E: Display>(
    what: &str,
    check: &Check,
    stop: &CancellationToken,
    attempt: impl AsyncFn() -> Result<T, E>,
) -> Option<T> {
    let mut said = String::new();
    loop {
        let tried = tokio::select! {
            () = stop.cancelled() => return None,
            tried = attempt() => tried,
        };
        let error = match tried {
            Ok(done) => {
                check.set(true, "");
                return Some(done);
            }
            Err(error) => error.to_string(),
        };
        check.set(false, &error);
        if said != error {
            tracing::error!("cannot {what}, trying again: {error}");
            said = error;
        }
        tokio::select! {
            () = stop.cancelled() => return None,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

/// Keeps the check of the watches: fulfilled when all have seen everything, and while none is in trouble.
async fn watch_the_watches(world: Arc<World>, tidings: Tidings, check: Check, stop: CancellationToken) {
    let mut troubles = tidings.troubles();
    let mut known = false;
    loop {
        let text = troubles.borrow_and_update().values().cloned().collect::<Vec<_>>().join("; ");
        let waits = text.is_empty() && !known;
        check.set(known && text.is_empty(), if waits { "they have not seen everything yet" } else { &text });
        tokio::select! {
            () = stop.cancelled() => return,
            () = world.is_known(), if !known => {
                tracing::info!("all watches have seen everything");
                world.snapshots.is_filled();
                known = true;
            }
            changed = troubles.changed() => if changed.is_err() { return },
        }
    }
}
