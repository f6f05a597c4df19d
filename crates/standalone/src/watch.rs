//! Watches the folder: when a file changes, everything is read again, once the changes have settled.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use notify::{RecursiveMode, Watcher};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::folder::{self, Desired};
use crate::host::Host;

/// Changes that follow one another faster than this are one change: editors write a file in several steps.
const SETTLE: Duration = Duration::from_millis(200);
/// Some file systems tell nothing of their changes, so the folder is also read this often.
const READ_ANYWAY: Duration = Duration::from_secs(30);

/// Reads the folder again whenever it changes, until `stop`. Only real changes are sent on.
pub async fn run(host: Host, newest: watch::Sender<Arc<Desired>>, stop: CancellationToken) {
    let (changed, mut changes) = mpsc::channel(1);
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Reading a file is an event too on some systems; it would wake us by our own reading.
        if !matches!(&event, Ok(event) if event.kind.is_access()) {
            // A full channel already says that there is something to read.
            let _ = changed.try_send(());
        }
    });
    // The status folder below is ours and is not watched.
    let watching = watcher
        .and_then(|mut watcher| watcher.watch(host.folder(), RecursiveMode::NonRecursive).map(|()| watcher));
    if let Err(error) = &watching {
        tracing::warn!(%error, every = ?READ_ANYWAY, "cannot watch the folder; it is read again from time to time");
    }
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            Some(()) = changes.recv() => {
                while tokio::time::timeout(SETTLE, changes.recv()).await.is_ok_and(|event| event.is_some()) {}
            }
            () = tokio::time::sleep(READ_ANYWAY) => {}
        }
        let reading = tokio::task::spawn_blocking({
            let host = host.clone();
            move || folder::load(&host, Timestamp::now())
        });
        match reading.await {
            Ok(Ok(desired)) => {
                let send_if_new = |current: &mut Arc<Desired>| {
                    let merged = desired.keeping(current);
                    let new = merged != **current;
                    *current = Arc::new(merged);
                    new
                };
                if newest.send_if_modified(send_if_new) {
                    tracing::info!("the folder has changed and was read again");
                }
            }
            Ok(Err(error)) => tracing::error!(%error, "the objects that were read last stay in force"),
            Err(error) => {
                tracing::error!(%error, "reading the folder ended in a panic; the objects that were read last stay in force")
            }
        }
    }
}
