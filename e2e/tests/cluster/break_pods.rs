//! Each fault of a single pod or volume does what it says, and heals.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::{faults, in_namespace, pod, wait};
use k8s_openapi::api::core::v1::Pod;
use tokio::time::timeout;

use crate::standalone;

/// A pod that has not answered by then does not.
const SILENCE: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn delete_pod_mid_backup() -> Result<()> {
    in_namespace(async |space| {
        standalone::prepare(space, "@every 1h").await?;
        let script = "head -c 200000000 /dev/urandom > /source/large";
        space.create::<Pod>(pod::script("write", script, &[("source", "/source")])).await?;
        space.pod_succeeded("write").await?;

        // So little of a processor that the session is far from its end when the pod goes.
        standalone::start(space, "first", &["--once"], "100m").await?;
        space.pod_says("first", "created a new repository").await?;
        space.kill_pod("first").await?;
        let left = standalone::restic(space, "left", &["snapshots", "--json"]).await?;
        ensure!(left.trim().ends_with("[]"), "the session had ended before the pod was killed: {left}");

        // The next pod has no need to know.
        standalone::start(space, "second", &["--once"], "2").await?;
        space.pod_succeeded("second").await?;
        let check = standalone::restic(space, "check", &["check", "--read-data"]).await?;
        ensure!(check.contains("no errors were found"), "{check}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_pod_network() -> Result<()> {
    in_namespace(async |space| {
        // It answers whoever asks, and counts what it hears from the other.
        let answer = "mkdir /tmp/www; echo here > /tmp/www/index.html; exec httpd -f -p 8080 -h /tmp/www";
        space.create::<Pod>(pod::script("server", answer, &[])).await?;
        let address = space.pod_address("server").await?;
        wait::until_it_works("the server to answer", wait::PATIENCE, async || space.get("server", 8080, "/").await).await?;
        // One answer or one silence a line. The requests end by themselves: nothing is waited for longer than a second.
        let ask = format!(
            "while :; do if timeout 1 wget -q -O /dev/null http://{address}:8080/; then echo answered; else echo silence; fi; sleep 0.2; done"
        );
        space.create::<Pod>(pod::script("client", &ask, &[])).await?;
        space.pod_says("client", "answered").await?;

        let fault = faults::cut_network(space, "server").await?;
        space.pod_says("client", "silence").await?;
        let asked = timeout(SILENCE, space.get("server", 8080, "/")).await;
        ensure!(!matches!(asked, Ok(Ok(_))), "the node still reaches the pod");

        fault.heal()?;
        let silent = space.logs("client").await?.matches("answered").count();
        wait::until("the client to be answered again", wait::PATIENCE, async || {
            let answered = space.logs("client").await?.matches("answered").count();
            Ok((answered > silent).then_some(()))
        })
        .await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn fill_volume() -> Result<()> {
    in_namespace(async |space| {
        let volume = space.small_volume("small", 4_000_000).await?;
        let write = "dd if=/dev/zero of=/small/file bs=1000 count=1000 && rm /small/file";
        let claims = [("small", "/small")];
        space.create::<Pod>(pod::script("before", write, &claims)).await?;
        space.pod_succeeded("before").await?;

        let fault = faults::fill(&volume)?;
        space.create::<Pod>(pod::script("full", write, &claims)).await?;
        let Err(error) = space.pod_succeeded("full").await else {
            anyhow::bail!("a full volume takes a file")
        };
        ensure!(format!("{error:#}").contains("No space left"), "{error:#}");

        fault.heal()?;
        space.create::<Pod>(pod::script("after", write, &claims)).await?;
        space.pod_succeeded("after").await?;
        Ok(())
    })
    .await
}
