//! Keep the last push of each group and show it.
//!
//! A push gateway that clients of `prometheus/pushgateway` cannot tell from it: PUT, POST and DELETE on grouping keys
//! with bodies in text or protobuf, `GET /metrics`, the JSON API, and a file that keeps it all over a restart.
//!
//! - [`store`]: groups in memory, one writer; the contract is in its comments.
//! - `persist`: the file. What can be lost is said at [`Config::persistence_file`].
//! - `route`: what a request is for; `serve`: lets the endpoint answer it.
//! - `push`, `remove`, `expose`, `status`: the endpoints.
//! - `page`: what people see of it; `origin`: whether a browser asks for it, or for another site.
//! - `expire`: groups that nobody pushes to any more go.
//! - `measure`: what the gateway says about itself.
//!
//! How connections are served, within which limits and to whom, is crate `web`.

mod config;
mod error;
mod expire;
mod expose;
mod measure;
mod origin;
mod page;
mod persist;
mod push;
mod remove;
mod route;
mod serve;
mod status;
mod store;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use exposition::Family;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use config::{Config, Limits, OtherPage};
pub use error::{Error, Rejected};
pub use exposition::GroupingKey;
use measure::Counters;
use persist::Keeper;
use push::Budget;
use route::Routes;
use store::check::{Incoming, Known, Pushed};
use store::{Group, Store};
pub use web::Listener;

/// What happens to the families a group has already.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PushMode {
    /// All of them go (PUT).
    Replace,
    /// Those of the same name are replaced whole, the others stay (POST).
    Merge,
}

/// A handle to one gateway; clones share it.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

struct Inner {
    config: Config,
    routes: Routes,
    started: Timestamp,
    store: Mutex<Store>,
    /// Set before the last save: what is answered with success after it would be lost.
    closed: AtomicBool,
    changed: Notify,
    counters: Counters,
    keeper: Keeper,
    /// Memory for pushes that are being read.
    budget: Budget,
    server: web::Server,
    /// Cancelled when a client asks for the end.
    quit: CancellationToken,
}

impl Gateway {
    /// A gateway with the groups of its file, when it has one. A damaged file is moved aside (to
    /// `<file>.damaged-<Unix time>`), which is logged and counted, and the gateway starts empty.
    ///
    /// Blocks for reading the file.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] when the file exists and cannot be read, [`Error::MoveAside`] when it is damaged and cannot
    /// be moved.
    pub fn open(config: Config) -> Result<Self, Error> {
        let counters = Counters::default();
        let keeper = Keeper::new(config.persistence_file.clone());
        let server = web::Server::new(config.serving, config.web_config.clone());
        let own = counters.families(&config, &Store::default(), &keeper, server.counts());
        let own = own.into_iter().map(|family| (family.name, family.kind)).collect();
        let mut store = Store::new(own);
        keeper.load(&mut store)?;
        let started = Timestamp::now();
        let (closed, changed) = (AtomicBool::new(false), Notify::new());
        let routes = Routes::new(&config.prefix(), &config.telemetry_path, config.enable_admin_api);
        let (budget, quit) = (Budget::new(&config.limits), CancellationToken::new());
        Ok(Self(Arc::new(Inner {
            config,
            routes,
            started,
            store: Mutex::new(store),
            closed,
            changed,
            counters,
            keeper,
            budget,
            server,
            quit,
        })))
    }

    /// All endpoints, below [`Config::prefix`]. It answers every path that is asked of it, be it with 404; so routes that
    /// are merged with it come first, and must have no fallback of their own.
    ///
    /// Who serves it beside other routes should use [`Gateway::run_beside`], or call [`Gateway::save`] at the end.
    pub fn router(&self) -> Router {
        serve::router(self.clone())
    }

    /// Serves [`Gateway::router`] until `shutdown` is ready or a client asks for the end, lets requests under way finish
    /// (within [`Config::drain_timeout`]) and saves. Meanwhile it saves after changes, and lets groups expire.
    ///
    /// # Errors
    ///
    /// What the last [`Gateway::save`] says.
    pub async fn run(self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> Result<(), Error> {
        self.run_beside(Router::new(), vec![Listener::Tcp(listener)], shutdown).await
    }

    /// [`Gateway::run`] on any listeners, with further routes.
    ///
    /// # Errors
    ///
    /// As [`Gateway::run`].
    pub async fn run_beside(
        self,
        others: Router,
        listeners: Vec<Listener>,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), Error> {
        let app = self.router().merge(others);
        let stop = CancellationToken::new();
        let drain = self.0.config.drain_timeout;
        let mut serving = std::pin::pin!(self.0.server.serve(listeners, app, &stop, drain));
        let unfinished = tokio::select! {
            unfinished = &mut serving => unfinished,
            () = self.keep_saving() => 0,
            () = self.keep_expiring() => 0,
            () = self.asked_to_end(shutdown) => {
                stop.cancel();
                serving.await
            }
        };
        if unfinished > 0 {
            tracing::warn!(unfinished, "requests under way did not finish in time and were abandoned");
        }
        self.close();
        let saving = self.clone();
        tokio::task::spawn_blocking(move || saving.save()).await.map_err(|_| Error::SaveAborted)?
    }

    /// Writes the persistence file now; does nothing when there is none. Blocks for the writing, but pushes go on.
    ///
    /// # Errors
    ///
    /// [`Error::Save`]; the file is then as it was before.
    pub fn save(&self) -> Result<(), Error> {
        self.0.keeper.save(|| Some(self.snapshot()))
    }

    /// [`Gateway::save`], unless the end has come: the last save is then the business of whoever ends it, and one that
    /// comes after it would write into a folder nobody expects it in.
    fn save_while_open(&self) -> Result<(), Error> {
        self.0.keeper.save(|| (!self.0.closed.load(Ordering::Relaxed)).then(|| self.snapshot()))
    }

    /// Takes a push under the same checks as one over HTTP.
    ///
    /// # Errors
    ///
    /// [`Rejected`]; the group is as it was, but for its failure time.
    pub fn push(&self, key: GroupingKey, mut families: Vec<Family>, mode: PushMode) -> Result<(), Rejected> {
        // As their text would say it.
        families.retain(|family| !family.samples.is_empty());
        self.take(&key, &Pushed { families, defects: Vec::new() }, mode)
    }

    /// [`Gateway::push`] of what a body held. What takes long for a large push is done before the lock is taken.
    fn take(&self, key: &GroupingKey, pushed: &Pushed, mode: PushMode) -> Result<(), Rejected> {
        let now = Timestamp::now();
        // The snapshot is dropped at once: while there is one, a change elsewhere copies what it touches.
        let known = Known::of_push(&self.snapshot(), pushed);
        let incoming = Incoming::new(known, key, pushed, now);
        let taken = self.change(|store| store.push(key, incoming, mode, now));
        let taken = taken.ok_or(Rejected::Closed).flatten();
        if let Err(rejected) = &taken {
            self.0.counters.rejected(rejected.reason());
            tracing::warn!(group = key.to_path(), "push refused: {rejected}");
        }
        taken
    }

    /// Removes a group and says whether it existed.
    pub fn delete(&self, key: &GroupingKey) -> bool {
        self.change(|store| store.delete(key)).unwrap_or_default()
    }

    /// Removes all groups whose grouping labels contain all of `labels`, and returns how many. With no labels that
    /// is every group. What is pushed meanwhile stays.
    pub fn delete_matching(&self, labels: &BTreeMap<String, String>) -> usize {
        let matches = |(name, value): (&String, &String), key: &GroupingKey| {
            key.labels().get(name).is_some_and(|held| held == value)
        };
        self.delete_where(|key, _| labels.iter().all(|label| matches(label, key)))
    }

    /// Removes the groups for which `condition` holds at this moment, in small steps between which pushes are taken.
    fn delete_where(&self, condition: impl Fn(&GroupingKey, &Group) -> bool) -> usize {
        const STEP: usize = 64;
        let doomed = self.snapshot().matching(condition);
        let delete = |step: &[(Arc<GroupingKey>, Arc<Group>)]| {
            self.change(|store| step.iter().filter(|(key, seen)| store.delete_unchanged(key, seen)).count())
        };
        doomed.chunks(STEP).filter_map(delete).sum()
    }

    /// What `GET /metrics` shows at this moment.
    #[must_use]
    pub fn expose(&self) -> String {
        expose::render(self)
    }

    /// What the gateway says about itself, with `store` as what it holds.
    fn own_families(&self, store: &Store) -> Vec<Family> {
        let Inner { config, counters, keeper, server, .. } = &*self.0;
        counters.families(config, store, keeper, server.counts())
    }

    /// The store as it is now; see [`Store`] for why that is cheap.
    fn snapshot(&self) -> Store {
        self.lock().clone()
    }

    /// Changes the store, unless the gateway is closed.
    fn change<T>(&self, change: impl FnOnce(&mut Store) -> T) -> Option<T> {
        let mut store = self.lock();
        if self.0.closed.load(Ordering::Relaxed) {
            return None;
        }
        let result = change(&mut store);
        drop(store);
        self.0.changed.notify_one();
        Some(result)
    }

    fn close(&self) {
        // Under the lock: a change is either before this, and saved, or refused.
        let _store = self.lock();
        self.0.closed.store(true, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Store> {
        // Nothing panics in between two halves of a change; and if it did, the last snapshot would be worse.
        self.0.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Done when `shutdown` is or when a client says so.
    async fn asked_to_end(&self, shutdown: impl Future<Output = ()>) {
        tokio::select! {
            () = shutdown => {}
            () = self.0.quit.cancelled() => {}
        }
    }

    /// Saves after changes, at most once per interval; never ends.
    async fn keep_saving(&self) {
        if self.0.config.persistence_file.is_none() {
            return std::future::pending().await;
        }
        loop {
            self.0.changed.notified().await;
            let gateway = self.clone();
            let next = tokio::time::Instant::now() + self.0.config.persistence_interval;
            if let Ok(Err(error)) = tokio::task::spawn_blocking(move || gateway.save_while_open()).await {
                tracing::error!("{error}; trying again after the interval");
                self.0.changed.notify_one();
            }
            tokio::time::sleep_until(next).await;
        }
    }
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("config", &self.0.config).finish_non_exhaustive()
    }
}
