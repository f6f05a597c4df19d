//! The only way to wait: for a condition, with a deadline, and with an error that says what was waited for.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use kube::runtime::wait::await_condition;
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, timeout};

/// Generous: a machine that builds something beside the tests is slow, and nothing waits longer than it must.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// Between two looks at something that cannot be watched.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Asks until there is an answer. An error ends the waiting at once: it is for what will not get better.
pub async fn until<T>(
    what: &str,
    patience: Duration,
    mut ask: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let start = Instant::now();
    loop {
        let left = patience.saturating_sub(start.elapsed());
        match timeout(left, ask()).await {
            Ok(Ok(Some(answer))) => return Ok(answer),
            Ok(Ok(None)) => {}
            Ok(Err(error)) => return Err(error.context(format!("waiting for {what}"))),
            Err(_) => bail!("waited {} s for {what}", patience.as_secs()),
        }
        sleep(LOOK_AGAIN).await;
    }
}

/// Asks until the answer is no error; the deadline's error holds the last one.
pub async fn until_it_works<T>(
    what: &str,
    patience: Duration,
    mut ask: impl AsyncFnMut() -> Result<T>,
) -> Result<T> {
    let start = Instant::now();
    let mut last = None;
    while start.elapsed() < patience {
        match timeout(patience.saturating_sub(start.elapsed()), ask()).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => last = Some(error),
            Err(_) => break,
        }
        sleep(LOOK_AGAIN).await;
    }
    let waited = format!("waited {} s for {what}", patience.as_secs());
    Err(last.unwrap_or_else(|| anyhow!("there is no answer")).context(waited))
}

/// Watches an object until the condition holds, and returns it as it then is. An apiserver that is away for a while is
/// asked again.
pub async fn watch<K>(
    api: Api<K>,
    name: &str,
    what: &str,
    condition: impl Fn(Option<&K>) -> bool,
) -> Result<Option<K>>
where
    K: Clone + std::fmt::Debug + Send + DeserializeOwned + Resource + 'static,
{
    let what = format!("{name}: {what}");
    until_it_works(&what, PATIENCE, async || {
        let condition = |object: Option<&K>| condition(object);
        await_condition(api.clone(), name, condition).await.with_context(|| format!("watching {name}"))
    })
    .await
}
