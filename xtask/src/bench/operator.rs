//! `cargo xtask bench operator`: how long the operator takes until hundreds of workloads are as their Restics want them,
//! what it asks of the API server and of the machine for it, and that it writes nothing once they are.
//!
//! It runs as a process of this machine, with the ServiceAccount and the rights of `deploy/operator.yaml`. No workload
//! has pods: what is measured is the operator, not the node.

mod calls;
mod objects;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use self::calls::Calls;
use super::usage::Usage;
use crate::flags::OperatorBench;
use crate::{cluster, image, program, root};

/// The operator's namespace, and the first part of the others' names.
const NAMESPACE: &str = "stash-bench";
/// Its ServiceAccount, ClusterRole and so on.
const NAME: &str = "stash-operator";
/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(900);
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// Memory that it may have when nothing happens, in MiB.
const IDLE: f64 = 40.0;
/// 99 of 100 reviews of a webhook are to be answered within so many milliseconds.
const WEBHOOK: f64 = 10.0;
/// As long may a list of 10,000 Snapshots take.
const LIST: f64 = 300.0;

/// A running operator.
struct Operator(Child);

impl Drop for Operator {
    fn drop(&mut self) {
        // Both fail only when it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(super) fn execute(flags: &OperatorBench) -> Result<ExitCode> {
    let program = flags.program.clone().map_or_else(image::static_program, Ok)?;
    let build = || image::static_bench("operator", "requests");
    let requests = flags.requests.clone().map_or_else(build, Ok)?;
    cluster::up()?;
    clear()?;
    let measured = measure(flags, &program, &requests);
    let cleared = clear();
    let met = measured?;
    cleared?;
    println!("the cluster stays up; `cargo xtask cluster down` takes it down");
    Ok(if flags.check && !met { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Prints the figures, and says whether the goals are met.
fn measure(flags: &OperatorBench, program: &Path, requests: &Path) -> Result<bool> {
    let work = root::path().join("target/bench-operator");
    std::fs::create_dir_all(&work).with_context(|| format!("making {}", work.display()))?;
    let kubeconfig = install(&work)?;
    let calls = Calls::count(NAMESPACE, NAME, &kubeconfig)?;
    let wanted = flags.namespaces * flags.workloads;
    println!("{wanted} workloads of five kinds in {0} namespaces, {0} Restics", flags.namespaces);
    feed(&["create"], &objects::all(NAMESPACE, flags.namespaces, flags.workloads))?;

    let before = calls.so_far()?;
    let start = Instant::now();
    let port = free_port()?;
    let mut operator = Operator(start_operator(program, &kubeconfig, port, &work)?);
    let usage = Usage::of(operator.0.id());
    loop {
        if let Some(status) = operator.0.try_wait()? {
            bail!("the operator ended: {status}; see {}", work.join("operator.log").display());
        }
        let (injected, ready) = (injected()?, ready(flags.workloads)?);
        if injected == wanted && ready == flags.namespaces {
            break;
        }
        if start.elapsed() > PATIENCE {
            bail!(
                "after {} s {injected} workloads are injected and {ready} Restics ready",
                PATIENCE.as_secs()
            );
        }
        std::thread::sleep(LOOK_AGAIN);
    }
    let took = start.elapsed();
    // What follows the last write, such as its own event, is still part of the way there.
    let settled = settle(&calls)?;
    let steady = calls.so_far()?;
    println!(
        "steady after {:.1} s, the last write after {:.1} s",
        took.as_secs_f64(),
        (start.elapsed() - settled).as_secs_f64()
    );
    println!("calls of the API: {}", steady.since(&before));
    println!("processor: {:.2} s", usage.cpu()?);
    println!("memory: {:.1} MiB at its peak, {:.1} MiB now", usage.peak()?, usage.resident()?);

    let cpu = usage.cpu()?;
    std::thread::sleep(Duration::from_secs(flags.quiet));
    let quiet = calls.so_far()?.since(&steady);
    let idle = usage.resident()?;
    println!(
        "then, in {} s: {quiet}; processor: {:.2} s; memory: {idle:.1} MiB",
        flags.quiet,
        usage.cpu()? - cpu
    );
    let figures = ask(requests, port, flags.namespaces)?;
    println!("memory after that: {:.1} MiB at its peak, {:.1} MiB now", usage.peak()?, usage.resident()?);
    kill(Pid::from_raw(i32::try_from(operator.0.id())?), Signal::SIGTERM)?;
    let status = operator.0.wait()?;

    let goals = [
        (quiet.writes == 0, "writes nothing once steady, its Lease apart".to_owned()),
        (idle <= IDLE, format!("has at most {IDLE} MiB when nothing happens")),
        (
            figures.webhook <= WEBHOOK,
            format!("answers 99 of 100 reviews within {WEBHOOK} ms at 200 a second"),
        ),
        (figures.all <= LIST, format!("lists 10,000 Snapshots within {LIST} ms")),
        (status.success(), "ends when it is told to".to_owned()),
    ];
    for (met, goal) in &goals {
        println!("{} {goal}", if *met { "met:   " } else { "MISSED:" });
    }
    Ok(goals.iter().all(|(met, _)| *met))
}

/// Milliseconds within which 99 of 100 answers came.
struct Figures {
    webhook: f64,
    all: f64,
}

/// Asks it what the API server and people ask, and shows how long that takes.
fn ask(requests: &Path, port: u16, namespaces: usize) -> Result<Figures> {
    let mut command = Command::new(requests);
    command.arg(cluster::kubeconfig()?).args([
        format!("127.0.0.1:{port}"),
        NAMESPACE.to_owned(),
        namespaces.to_string(),
    ]);
    let said = program::stdout(&mut command)?;
    let (lines, figures) = said.trim_end().rsplit_once('\n').context("the load says no figures")?;
    println!("{lines}");
    let figures: Value = serde_json::from_str(figures).context("the last line of the load is no JSON")?;
    let p99 = |what: &str| figures[what]["p99"].as_f64().with_context(|| format!("no figure for {what}"));
    Ok(Figures { webhook: p99("webhook")?, all: p99("all")? })
}

/// One that nobody listens at; whoever comes first may still take it.
fn free_port() -> Result<u16> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").context("looking for a free port")?;
    Ok(listener.local_addr()?.port())
}

/// Waits until no write has come for five seconds; returns those seconds.
fn settle(calls: &Calls) -> Result<Duration> {
    const REST: Duration = Duration::from_secs(5);
    let start = Instant::now();
    let (mut writes, mut last) = (calls.so_far()?.writes, Instant::now());
    while last.elapsed() < REST {
        if start.elapsed() > PATIENCE {
            bail!("it does not stop writing");
        }
        std::thread::sleep(LOOK_AGAIN);
        let now = calls.so_far()?.writes;
        if now != writes {
            (writes, last) = (now, Instant::now());
        }
    }
    Ok(last.elapsed())
}

/// How many workloads have what the operator injects.
fn injected() -> Result<usize> {
    let hash = r"{range .items[*]}{.spec.template.metadata.annotations.restic\.appscode\.com/resource-hash}{'\n'}{end}";
    // By its label, which ReplicaSets of Deployments do not have.
    let kinds = "deployments,replicasets,statefulsets,daemonsets,replicationcontrollers";
    let said = list(&[kinds, "--selector", objects::LABEL], hash)?;
    Ok(said.lines().filter(|line| !line.is_empty()).count())
}

/// How many Restics know that all their workloads are injected.
fn ready(workloads: usize) -> Result<usize> {
    let message = r"{range .items[*]}{.status.conditions[?(@.type=='Ready')].message}{'\n'}{end}";
    let whole = format!("workloads: {workloads}");
    Ok(list(&["restics"], message)?.lines().filter(|line| *line == whole).count())
}

fn list(what: &[&str], form: &str) -> Result<String> {
    let form = format!("jsonpath={}", form.replace('\'', "\""));
    program::stdout(cluster::kubectl()?.arg("get").args(what).args(["--all-namespaces", "--output", &form]))
}

/// The definitions, and of the manifest what gives the operator its rights. Returns a configuration of a client that has
/// those and no other.
fn install(work: &Path) -> Result<PathBuf> {
    program::run(cluster::kubectl()?.args(["create", "namespace", NAMESPACE]).stdout(Stdio::null()))?;
    program::run(
        cluster::kubectl()?
            .args(["apply", "--server-side", "--force-conflicts", "--field-manager", NAME, "--filename"])
            .arg(root::path().join("charts/stash/crds"))
            .stdout(Stdio::null()),
    )?;
    let manifest =
        root::text(Path::new("deploy/operator.yaml"))?.context("there is no deploy/operator.yaml")?;
    let manifest = manifest.replace("namespace: stash\n", &format!("namespace: {NAMESPACE}\n"));
    let documents = manifest.split("\n---\n").filter(|text| {
        !["kind: Deployment", "kind: Service"].iter().any(|kind| text.lines().any(|line| line == *kind))
    });
    feed(&["apply", "--namespace", NAMESPACE], &documents.collect::<Vec<_>>().join("\n---\n"))?;

    let token = program::stdout(cluster::kubectl()?.args([
        "--namespace",
        NAMESPACE,
        "create",
        "token",
        NAME,
        "--duration=2h",
    ]))?;
    let whole = program::stdout(cluster::kubectl()?.args([
        "config",
        "view",
        "--raw",
        "--flatten",
        "--minify",
        "--output",
        "json",
    ]))?;
    let mut config: Value = serde_json::from_str(&whole).context("kubectl prints no JSON")?;
    config["users"][0]["user"] = json!({ "token": token.trim() });
    let file = work.join("kubeconfig.json");
    std::fs::write(&file, config.to_string()).with_context(|| format!("writing {}", file.display()))?;
    Ok(file)
}

fn start_operator(program: &Path, kubeconfig: &Path, port: u16, work: &Path) -> Result<Child> {
    let log = std::fs::File::create(work.join("operator.log")).context("making the operator's log")?;
    let mut command = Command::new(program);
    command
        .arg("run")
        .args(["--v=3", "--rbac=true", "--docker-registry=localhost", "--image-tag=dev"])
        .arg(format!("--kubeconfig={}", kubeconfig.display()))
        .args([
            format!("--namespace={NAMESPACE}"),
            "--pod-name=bench".to_owned(),
            format!("--secure-port={port}"),
        ])
        // As the manifest sets it.
        .env("MALLOC_ARENA_MAX", "1")
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    command.spawn().with_context(|| format!("could not start `{}`", program::line(&command)))
}

fn feed(arguments: &[&str], text: &str) -> Result<()> {
    use std::io::Write as _;
    let mut command = cluster::kubectl()?;
    command.args(arguments).args(["--filename", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    let mut input = child.stdin.take().context("kubectl takes no input")?;
    input.write_all(text.as_bytes())?;
    drop(input);
    let status = child.wait()?;
    if !status.success() {
        bail!("`{}` failed: {status}", program::line(&command));
    }
    Ok(())
}

/// Takes away what this, or a run that was cut off, has made.
fn clear() -> Result<()> {
    for arguments in [
        vec!["namespaces", "--selector", objects::LABEL],
        vec!["namespaces", NAMESPACE],
        vec!["flowschemas", "--selector", objects::LABEL],
        vec!["clusterrolebindings,clusterroles", NAME, "appscode:stash:edit", "appscode:stash:view"],
        vec!["clusterrolebindings", "stash-apiserver-auth-delegator"],
    ] {
        let mut command = cluster::kubectl()?;
        command.args(["delete", "--ignore-not-found"]).args(arguments).stdout(Stdio::null());
        program::run(&mut command)?;
    }
    Ok(())
}
