//! helm and kubectl, as users have them, work on the cluster.

use std::process::Command;

use anyhow::{Result, ensure};
use e2e::in_namespace;
use e2e::process::output;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::ListParams;

const CHART: &str = "{apiVersion: v2, name: some, version: 1.2.3, kubeVersion: '>=1.29.0-0'}";

const TEMPLATE: &str = r#"
apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ .Release.Name }}-made"}
data: {value: "{{ .Values.value }}", version: "{{ .Capabilities.KubeVersion.Version }}"}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn install_chart() -> Result<()> {
    in_namespace(async |space| {
        let chart = tempfile::tempdir()?;
        std::fs::create_dir(chart.path().join("templates"))?;
        std::fs::write(chart.path().join("Chart.yaml"), CHART)?;
        std::fs::write(chart.path().join("templates/made.yaml"), TEMPLATE)?;
        let run = |program: &str, arguments: &[&str]| {
            let mut command: Command = space.cluster.command(program);
            output(command.args(["--namespace", &space.name]).args(arguments))
        };
        let folder = chart.path().to_string_lossy();
        run("helm", &["install", "trial", &folder, "--set", "value=chosen", "--wait"])?;
        let list = run("helm", &["list", "--output", "json"])?;
        ensure!(list.contains("\"trial\"") && list.contains("some-1.2.3"), "{list}");
        let value =
            run("kubectl", &["get", "configmap", "trial-made", "--output", "jsonpath={.data.value}"])?;
        assert_eq!(value, "chosen");

        run("helm", &["uninstall", "trial", "--wait"])?;
        let left = space.api::<ConfigMap>().list(&ListParams::default()).await?;
        ensure!(
            !left.iter().any(|map| map.metadata.name.as_deref() == Some("trial-made")),
            "it is still there"
        );
        Ok(())
    })
    .await
}
