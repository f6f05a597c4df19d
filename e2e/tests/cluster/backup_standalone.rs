//! The first proof: our image backs up a volume, a Prometheus that finds it says so, and restic agrees.

use anyhow::Result;
use e2e::prometheus::Prometheus;
use e2e::{in_namespace, pod, wait};
use k8s_openapi::api::core::v1::Pod;

use crate::standalone::{self, PORT};

const CONTENT: &str = "what must not be lost";

#[tokio::test(flavor = "multi_thread")]
async fn backup_standalone() -> Result<()> {
    in_namespace(async |space| {
        standalone::prepare(space, "@every 5s").await?;
        let script =
            pod::script("write", &format!("echo '{CONTENT}' > /source/file"), &[("source", "/source")]);
        space.create::<Pod>(script).await?;
        space.pod_succeeded("write").await?;
        standalone::start(space, "stash", &[], "1").await?;
        space.pod_ready("stash").await?;

        // Prometheus finds the pod by itself, and tells of a session by the labels that were pushed.
        let prometheus = Prometheus::start(space).await?;
        let success = r#"restic_session_success{stash_config="web"} == 1"#;
        let samples = prometheus.series(success).await?;
        assert_eq!(samples.len(), 1, "{samples:?}");
        let labels = &samples[0].metric;
        assert_eq!(labels["kind"], "Host", "{labels:?}");
        assert_eq!(labels["app"], "pod", "{labels:?}");
        assert_eq!(labels["repository"], "host.web", "{labels:?}");
        // What it scraped is what the gateway shows.
        let shown = space.get("stash", PORT, "/metrics").await?;
        assert!(shown.contains("restic_session_success{"), "{shown}");

        // A session may be under way; it ends with the pod.
        space.end_pod("stash").await?;
        let check = standalone::restic(space, "check", &["check", "--read-data"]).await?;
        assert!(check.contains("no errors were found"), "{check}");
        let restored = standalone::restic(space, "dump", &["dump", "latest", "/source/file"]).await?;
        assert_eq!(restored.trim(), CONTENT);
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn push_to_gateway() -> Result<()> {
    in_namespace(async |space| {
        let command = ["/usr/bin/stash", "pushgateway", "--web.listen-address=0.0.0.0:9091"];
        space.create::<Pod>(pod::program("gateway", e2e::image::STASH, &command, &[], &[])).await?;
        let address = space.pod_address("gateway").await?;
        // The gateway may not listen yet; the script tries until it does.
        let push = format!(
            "until wget -q -O - --post-data 'some_metric 42\n' http://{address}:9091/metrics/job/test; do sleep 0.2; done"
        );
        space.create::<Pod>(pod::script("push", &push, &[])).await?;
        space.pod_succeeded("push").await?;
        wait::until_it_works("the push to be shown", wait::PATIENCE, async || {
            let shown = space.get("gateway", 9091, "/metrics").await?;
            anyhow::ensure!(shown.contains("some_metric{instance=\"\",job=\"test\"} 42"), "it shows {shown}");
            Ok(())
        })
        .await
    })
    .await
}
