//! A gateway for the browser to look at, with a runtime of its own: the browser's driver blocks.

use gateway::{Config, Gateway, GroupingKey, PushMode};
use tokio::runtime::Runtime;

use crate::server::Server;

pub(super) struct Site {
    pub(super) gateway: Gateway,
    origin: String,
    /// Dropped first, and all tasks with it.
    _runtime: Runtime,
    _server: Server,
}

impl Site {
    pub(super) fn start(config: Config) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let server = runtime.block_on(Server::with(config));
        let origin = format!("http://{}", server.client.0);
        Self { gateway: server.gateway.clone(), origin, _runtime: runtime, _server: server }
    }

    pub(super) fn address(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// Pushes a text to a group.
    pub(super) fn put(&self, job: &str, labels: &[(&str, &str)], body: &str) {
        let key = GroupingKey::new(job, labels.iter().copied()).unwrap();
        self.gateway.push(key, exposition::parse(body).unwrap(), PushMode::Replace).unwrap();
    }

    /// Makes the last push of a group fail.
    pub(super) fn fail(&self, job: &str, labels: &[(&str, &str)]) {
        let key = GroupingKey::new(job, labels.iter().copied()).unwrap();
        let late = exposition::parse("late 1 1\n").unwrap();
        assert!(self.gateway.push(key, late, PushMode::Merge).is_err());
    }

    /// Jobs of the groups that are held.
    pub(super) fn jobs(&self) -> Vec<String> {
        let text = self.gateway.expose();
        let lines = text.lines().filter(|line| line.starts_with("push_time_seconds{"));
        lines.filter_map(|line| Some(line.split_once("job=\"")?.1.split_once('"')?.0.to_owned())).collect()
    }
}
