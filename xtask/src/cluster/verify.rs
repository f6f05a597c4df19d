//! `cargo xtask cluster verify`: the cluster does what the tests rely on, shown by doing it.
//!
//! Each step is a sentence and a proof. All run, also after one that failed, so that one run tells all.

mod extension;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;

use self::extension::Extension;
use crate::cluster::images::BUSYBOX;
use crate::cluster::place::Place;
use crate::cluster::programs::Programs;
use crate::cluster::{health, up};
use crate::{program, root};

const MANIFESTS: &str = include_str!("../../../testbed/manifests/verify.yaml");

/// What is shown, and how.
type Step = (&'static str, fn(&Run) -> Result<()>);

const STEPS: [Step; 11] = [
    ("a pod runs, and its claim is bound to a folder of the node", Run::pod_and_volume),
    ("a pod reaches a Service by its name", Run::service),
    ("a Service that is made later has a name, and one that is not there has none", Run::later_service),
    ("exec, logs and port-forward answer", Run::streams),
    ("a token is made for a service account, and RBAC bounds what it may do", Run::token_and_rights),
    ("an eviction is refused for the sake of a disruption budget", Run::eviction),
    ("a privileged pod is refused by Pod Security", Run::pod_security),
    ("an API of an extension server is aggregated, and the user is told to it", Run::aggregation),
    ("a webhook on the host is reached through a Service", Run::webhook_by_service),
    ("a webhook on the host is reached by its address", Run::webhook_by_address),
    ("a namespace goes with all that is in it", Run::namespace_goes),
];

/// What is in no namespace has this label: what a run that was cut short has left is removed by the next one. Above all
/// its aggregated API, without whose server no namespace can be deleted.
const LABEL: &str = "--selector=stash.test/verify";

/// One run, at names of its own.
struct Run {
    place: Place,
    programs: Programs,
    name: String,
    folder: PathBuf,
}

pub(super) fn run(place: Place, programs: Programs) -> Result<ExitCode> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
    let name = format!("verify-{:x}", now.as_millis());
    let run = Run { place, programs, folder: place.state().join("volumes").join(&name), name };
    run.clean()?;
    let extension = Extension::start(place, &run.name)?;
    up::apply(place, &run.programs, &run.manifests()?)?;
    let mut failed = 0;
    for (sentence, step) in STEPS {
        match step(&run) {
            Ok(()) => println!("verify {sentence} ... ok"),
            Err(error) => {
                failed += 1;
                println!("verify {sentence} ... FAILED\n{error:#}");
            }
        }
    }
    if failed > 0 {
        run.tell();
    }
    run.clean()?;
    drop(extension);
    println!("{} of {} hold", STEPS.len() - failed, STEPS.len());
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Run {
    fn manifests(&self) -> Result<String> {
        let authority = Command::new("openssl")
            .args(["base64", "-A", "-in", &self.place.key("ca.crt")])
            .output()
            .context("could not start openssl")?;
        let authority = String::from_utf8(authority.stdout).context("openssl printed no text")?;
        Ok(MANIFESTS
            .replace("AUTHORITY", authority.trim())
            .replace("FOLDER", &self.folder.display().to_string())
            .replace("HOST", &self.place.host())
            .replace("NAME", &self.name))
    }

    /// kubectl in the run's namespace.
    fn kubectl(&self, arguments: &[&str]) -> Command {
        let mut command = health::kubectl(self.place, &self.programs);
        command.args(["--namespace", &self.name]).args(arguments);
        command
    }

    fn said(&self, arguments: &[&str]) -> Result<String> {
        program::stdout(&mut self.kubectl(arguments))
    }

    /// What kubectl complains about in a command that must fail.
    fn complaint(&self, arguments: &[&str]) -> Result<String> {
        match self.said(arguments) {
            Ok(_) => bail!("`kubectl {}` succeeded", arguments.join(" ")),
            Err(error) => Ok(format!("{error:#}")),
        }
    }

    fn page(&self) -> String {
        format!("page of {}", self.name)
    }

    fn pod_and_volume(&self) -> Result<()> {
        self.said(&["rollout", "status", "deployment/web", "--timeout=180s"])?;
        self.said(&["wait", "pod/client", "--for=condition=Ready", "--timeout=180s"])?;
        let file = self.folder.join("index.html");
        let content =
            std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
        ensure!(content.trim() == self.page(), "{} holds {content:?}", file.display());
        Ok(())
    }

    /// What a pod gets from a URL. busybox' wget needs its caller's patience, as the rules for a new Service take time.
    fn fetched(&self, url: &str) -> Result<String> {
        health::until(url, || Ok(self.said(&["exec", "client", "--", "wget", "-q", "-O", "-", url])))
    }

    fn service(&self) -> Result<()> {
        for host in ["web".to_owned(), format!("web.{}.svc.cluster.local", self.name)] {
            let page = self.fetched(&format!("http://{host}/"))?;
            ensure!(page.trim() == self.page(), "{host} answers {page:?}");
        }
        Ok(())
    }

    fn later_service(&self) -> Result<()> {
        let complaint = self.complaint(&[
            "exec",
            "client",
            "--",
            "nslookup",
            &format!("later.{}.svc.cluster.local", self.name),
        ])?;
        ensure!(complaint.contains("NXDOMAIN") || complaint.contains("exit code"), "{complaint}");
        self.said(&["expose", "deployment/web", "--name=later", "--port=8081", "--target-port=8080"])?;
        let page = self.fetched(&format!("http://later.{}.svc:8081/", self.name))?;
        ensure!(page.trim() == self.page(), "it answers {page:?}");
        Ok(())
    }

    fn streams(&self) -> Result<()> {
        let said = self.said(&["exec", "deployment/web", "--", "cat", "/data/index.html"])?;
        ensure!(said.trim() == self.page(), "exec printed {said:?}");
        let logs = self.said(&["logs", "deployment/web"])?;
        ensure!(logs.contains(&format!("serving {}", self.name)), "the log is {logs:?}");
        let forward = self.kubectl(&["port-forward", "service/web", ":80"]).stdout(Stdio::piped()).spawn();
        let mut forward = Ended(forward.context("could not start kubectl")?);
        let output = forward.0.stdout.take().context("the output of kubectl was not handed over")?;
        // `Forwarding from 127.0.0.1:40123 -> 8080`
        let mut line = String::new();
        // Kept to the end: kubectl tells of each connection and would end for want of a listener.
        let mut output = BufReader::new(output);
        output.read_line(&mut line)?;
        let address =
            line.split_whitespace().nth(2).with_context(|| format!("port-forward printed {line:?}"))?;
        let mut stream = TcpStream::connect(address).with_context(|| format!("connecting to {address}"))?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        ensure!(answer.contains(&self.page()), "through port-forward came {answer:?}");
        Ok(())
    }

    fn token_and_rights(&self) -> Result<()> {
        let token = self.said(&["create", "token", "reader"])?;
        // In a file, since everyone can read the arguments of a process.
        let file = self.place.state().join(format!("{}.conf", self.name));
        let configuration = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{ "name": "here", "cluster": {
                "server": self.place.server(), "certificate-authority": self.place.key("ca.crt"),
            } }],
            "users": [{ "name": "reader", "user": { "token": token.trim() } }],
            "contexts": [{ "name": "here", "context": { "cluster": "here", "user": "reader", "namespace": self.name } }],
            "current-context": "here",
        });
        std::fs::write(&file, configuration.to_string())?;
        let reader = |arguments: &[&str]| {
            let mut kubectl = Command::new(self.programs.kube("kubectl"));
            program::stdout(kubectl.arg("--kubeconfig").arg(&file).args(arguments))
        };
        let outcome = (|| {
            let pods = reader(&["get", "pods", "--output=name"])?;
            ensure!(pods.contains("pod/client"), "the reader sees {pods:?}");
            match reader(&["get", "secrets"]) {
                Err(error) if format!("{error:#}").contains("Forbidden") => Ok(()),
                other => bail!("the reader asked for secrets: {other:?}"),
            }
        })();
        std::fs::remove_file(&file)?;
        outcome
    }

    fn eviction(&self) -> Result<()> {
        let pod =
            self.said(&["get", "pods", "--selector=app=web", "--output=jsonpath={.items[0].metadata.name}"])?;
        let path = format!("/api/v1/namespaces/{}/pods/{pod}/eviction", self.name);
        let eviction = json!({
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": { "namespace": self.name, "name": pod },
        });
        let file = self.folder.join("eviction.json");
        std::fs::write(&file, eviction.to_string())?;
        let file = file.display().to_string();
        // The controller may not have counted the pods yet; then, too, it is refused, but for another reason.
        health::until("the disruption budget", || {
            let complaint = self.complaint(&["create", "--raw", &path, "--filename", &file])?;
            Ok(if complaint.contains("violate the pod's disruption budget") {
                Ok(())
            } else {
                Err(anyhow::anyhow!(complaint))
            })
        })
    }

    fn pod_security(&self) -> Result<()> {
        let image = format!("--image={BUSYBOX}");
        let complaint = self.complaint(&["run", "strong", &image, "--privileged", "--dry-run=server"])?;
        ensure!(complaint.contains("violates PodSecurity \"baseline:latest\": privileged"), "{complaint}");
        Ok(())
    }

    fn aggregation(&self) -> Result<()> {
        let service = format!("apiservice/v1.{}.test", self.name);
        self.said(&["wait", &service, "--for=condition=Available", "--timeout=180s"])?;
        let path = format!("/apis/{}.test/v1", self.name);
        let said = self.said(&["--as=jane", "--as-group=system:masters", "get", "--raw", &path])?;
        ensure!(said.contains(r#""user":"jane""#), "the extension server says {said}");
        Ok(())
    }

    fn webhook_by_service(&self) -> Result<()> {
        self.webhook("service")
    }

    fn webhook_by_address(&self) -> Result<()> {
        self.webhook("url")
    }

    /// The first requests may come before the apiserver has read the webhook's registration.
    fn webhook(&self, label: &str) -> Result<()> {
        let map = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": { "namespace": self.name, "name": label, "labels": { "webhook": label } },
        });
        let file = self.folder.join("map.json");
        std::fs::write(&file, map.to_string())?;
        let file = file.display().to_string();
        health::until("the webhook", || {
            Ok(match self.said(&["create", "--dry-run=server", "--filename", &file]) {
                Ok(_) => Err(anyhow::anyhow!("the object was admitted")),
                Err(error) if format!("{error:#}").contains(&format!("denied by /by-{label}")) => Ok(()),
                Err(error) => Err(error),
            })
        })
    }

    fn namespace_goes(&self) -> Result<()> {
        self.forget("apiservices,validatingwebhookconfigurations", &[])?;
        self.said(&["delete", "namespace", &self.name, "--timeout=180s"]).map(|_| ())
    }

    /// Deletes what is in no namespace, of this and of earlier runs.
    fn forget(&self, kinds: &str, flags: &[&str]) -> Result<()> {
        self.said(&[&["delete", kinds, LABEL, "--ignore-not-found"], flags].concat()).map(|_| ())
    }

    /// Removes whatever a run leaves; the namespaces go in their own time.
    fn clean(&self) -> Result<()> {
        self.forget("apiservices,validatingwebhookconfigurations", &[])?;
        self.forget("namespaces,persistentvolumes", &["--wait=false"])?;
        match std::fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).context("removing the volume")
            }
            _ => Ok(()),
        }
    }

    /// What one would look at after a failure.
    fn tell(&self) {
        for arguments in [
            &["get", "all,pvc,endpointslices", "--output=wide"][..],
            &["get", "events", "--sort-by=.metadata.creationTimestamp"],
            &["describe", "pods"],
        ] {
            println!("$ kubectl {}", arguments.join(" "));
            println!("{}", self.said(arguments).unwrap_or_else(|error| format!("{error:#}")));
        }
        println!("the components' logs are in {}", self.place.logs().display());
        println!("the manifests are {}", root::path().join("testbed/manifests/verify.yaml").display());
    }
}

/// A process that ends with this value.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
