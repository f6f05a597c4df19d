//! `stash uninstall`: takes the operator, and what it put into the cluster, out again.

pub(super) mod installed;
mod purge;

use std::time::Duration;

use ::install::names;
use anyhow::{Context as _, Result, bail, ensure};
use clap::{Args, ValueEnum};
use domain::rules::names::{APP, LABEL_APP};
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use operator::uninstall::{clean_up, stop};

use self::installed::delete_installed;
use super::in_cluster::PersonalApiArgs;
use super::install::namespace;
use crate::console::Terminal;
use crate::exit::Exit;

/// How long each wait may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// Take Stash out of the cluster that kubectl talks to: the operator, sidecars, CronJobs, Roles and finalizers.
///
/// Data in storages stays, and so do Restics, Recoveries and Repositories unless --purge is given. It may be run again
/// when something kept it from its end. What Helm installed is uninstalled by Helm.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  stash uninstall --namespace stash\n  stash uninstall --namespace stash --purge"
)]
pub(crate) struct UninstallArgs {
    /// Where Stash is installed.
    #[arg(short, long, value_name = "NAMESPACE", default_value = "kube-system", value_parser = namespace)]
    namespace: String,
    /// Also delete all Restics, Recoveries and Repositories, their definitions and the ClusterRoles for users. The
    /// objects are first written to <plural>.yaml in this folder.
    #[arg(long, conflicts_with = "only")]
    purge: bool,
    /// Do these steps alone, as the Jobs of script and chart do.
    #[arg(long, value_name = "STEPS", value_enum, value_delimiter = ',')]
    only: Vec<Step>,
    /// Deployment of the operator.
    #[arg(long, value_name = "NAME", default_value = names::OPERATOR, requires = "only")]
    deployment: String,
    #[command(flatten)]
    api: PersonalApiArgs,
}

/// Steps, in their order.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Step {
    /// Stop the operator, and take its webhooks and its API away.
    Stop,
    /// Take sidecars out of workloads, and CronJobs, Jobs, Roles and finalizers away.
    CleanUp,
}

pub(crate) async fn execute(args: UninstallArgs, console: Terminal) -> Result<Exit> {
    let client = args.api.connect("stash-uninstall").await?;
    let everything = args.only.is_empty();
    let does = |step| everything || args.only.contains(&step);
    if everything {
        is_not_of_helm(&client, &args.namespace, "helm uninstall").await?;
        is_not_elsewhere(&client, &args.namespace).await?;
    }
    if args.purge {
        purge::write(&client, &std::env::current_dir().context("this folder cannot be found")?).await?;
    }
    let bar = console.bar("uninstalling");
    if does(Step::Stop) {
        stop(&client, &args.namespace, &args.deployment, PATIENCE).await?;
    }
    if does(Step::CleanUp) {
        let cleaned = clean_up(&client, PATIENCE).await?;
        tracing::info!(
            workloads = cleaned.workloads,
            pods = cleaned.pods,
            objects = cleaned.objects,
            repositories = cleaned.repositories,
            "what the operator put into the cluster is out again"
        );
    }
    if everything {
        delete_installed(&client, &args.namespace).await?;
    }
    if args.purge {
        purge::delete(&client, PATIENCE).await?;
    }
    drop(bar);
    if everything {
        tracing::info!("Stash is uninstalled; data in storages stays");
    }
    Ok(Exit::Done)
}

/// Refuses when Helm installed what is there: `instead` says what to do.
pub(super) async fn is_not_of_helm(client: &Client, namespace: &str, instead: &str) -> Result<()> {
    let title = format!("Deployment {namespace}/{}", names::OPERATOR);
    let api: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let found = answered(&format!("read {title}"), api.get_metadata_opt(names::OPERATOR).await)?;
    let heritage = found.as_ref().and_then(|object| object.labels().get("heritage"));
    ensure!(heritage.is_none_or(|heritage| heritage != "Helm"), "Helm installed {title}; use `{instead}`");
    Ok(())
}

/// Refuses when Stash is in another namespace: two would act on the same workloads, and to uninstall here would take from
/// that one what is of the whole cluster.
pub(super) async fn is_not_elsewhere(client: &Client, namespace: &str) -> Result<()> {
    let ours = ListParams::default().labels(&format!("{LABEL_APP}={APP}"));
    let found = Api::<Deployment>::all(client.clone()).list(&ours).await;
    let is_operator = |deployment: &Deployment| {
        let template = deployment.spec.as_ref().and_then(|spec| spec.template.metadata.as_ref());
        let labels = template.and_then(|metadata| metadata.labels.as_ref());
        labels
            .and_then(|labels| labels.get(names::COMPONENT.0))
            .is_some_and(|value| value == names::COMPONENT.1)
    };
    let found = answered("list the Deployments of the cluster", found)?.items;
    let elsewhere = found
        .iter()
        .filter(|one| is_operator(one))
        .filter_map(ResourceExt::namespace)
        .find(|one| one != namespace);
    match elsewhere {
        Some(there) => {
            bail!("Stash is in namespace {there}; say --namespace={there}, or uninstall it there first")
        }
        None => Ok(()),
    }
}

/// An answer of the API server, or what kept us from `doing` something and what to do about that.
pub(super) fn answered<T>(doing: &str, answer: Result<T, kube::Error>) -> Result<T> {
    match answer {
        Err(kube::Error::Api(status)) if status.code == 403 => Err(anyhow::anyhow!(
            "cannot {doing}: {}; it takes the rights of a cluster administrator",
            status.message
        )),
        other => other.with_context(|| format!("cannot {doing}")),
    }
}
