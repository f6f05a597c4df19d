//! Keys, certificates and client configurations of a cluster, made by `openssl`.
//!
//! Whose they are is what the components ask for:
//! <https://kubernetes.io/docs/setup/best-practices/certificates/>. They live as long as the cluster.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::json;

use crate::cluster::place::{DOMAIN, NODE, Place};
use crate::program;

/// What openssl needs to be told when it is not to read the machine's own settings.
const SETTINGS: &str = "[req]\ndistinguished_name = name\n[name]\n";

const DAYS: &str = "3650";

/// A certificate to be made: the CA that signs it, its file's name, its subject, and what else it says.
struct Leaf {
    ca: &'static str,
    name: &'static str,
    subject: String,
    usage: &'static str,
    alternatives: Option<String>,
}

impl Leaf {
    /// For a client of the cluster's CA. The subject is the user: CN its name, O its group.
    fn client(name: &'static str, subject: &str) -> Self {
        Self { ca: "ca", name, subject: subject.to_owned(), usage: "clientAuth", alternatives: None }
    }

    fn server(name: &'static str, subject: &str, alternatives: String) -> Self {
        let alternatives = Some(alternatives);
        Self { ca: "ca", name, subject: subject.to_owned(), usage: "serverAuth", alternatives }
    }
}

/// The users for whom a client configuration is written: the name of its file, which is that of its certificate.
const USERS: [&str; 6] = ["controller-manager", "scheduler", "kubelet", "proxy", "coredns", "admin"];

/// Makes all of it unless it is there. The administrator's configuration is written last, so its file says that
/// nothing is missing.
pub(super) fn make(place: Place) -> Result<()> {
    if place.kubeconfig().is_file() {
        return Ok(());
    }
    let folder = place.pki();
    std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    std::fs::write(folder.join("settings"), SETTINGS)?;
    authority(&folder, "ca", "/CN=stash-test-cluster")?;
    authority(&folder, "front-proxy-ca", "/CN=stash-test-cluster-front-proxy")?;
    openssl(&folder, &["genrsa", "-out", "sa.key", "2048"])?;
    openssl(&folder, &["rsa", "-in", "sa.key", "-pubout", "-out", "sa.pub"])?;
    for leaf in leaves(place) {
        sign(&folder, &leaf)?;
    }
    for user in USERS {
        configuration(place, user)?;
    }
    Ok(())
}

fn leaves(place: Place) -> Vec<Leaf> {
    let node = place.node();
    let service = "kubernetes.default";
    let names = format!(
        "DNS:kubernetes,DNS:{service},DNS:{service}.svc,DNS:{service}.svc.{DOMAIN},DNS:localhost,IP:127.0.0.1,IP:{node},IP:{}",
        place.api_service()
    );
    vec![
        Leaf::server("apiserver", "/CN=kube-apiserver", names),
        // The apiserver fetches logs and opens exec and port-forward as this user.
        Leaf::client("apiserver-kubelet-client", "/O=system:masters/CN=kube-apiserver-kubelet-client"),
        // The apiserver is this one to extension servers; the name is in its flags.
        Leaf { ca: "front-proxy-ca", ..Leaf::client("front-proxy-client", "/CN=front-proxy-client") },
        Leaf::client("controller-manager", "/CN=system:kube-controller-manager"),
        Leaf::client("scheduler", "/CN=system:kube-scheduler"),
        // The Node authorizer goes by this name and group.
        Leaf::client("kubelet", &format!("/O=system:nodes/CN=system:node:{NODE}")),
        Leaf::server(
            "kubelet-server",
            &format!("/O=system:nodes/CN=system:node:{NODE}"),
            format!("DNS:{NODE},IP:127.0.0.1,IP:{node}"),
        ),
        // The controllers and the scheduler, whose health is asked for on the node's address.
        Leaf::server("controllers-server", "/CN=kube-controllers", format!("IP:{node}")),
        Leaf::client("proxy", "/CN=system:kube-proxy"),
        Leaf::client("coredns", "/CN=system:coredns"),
        Leaf::client("admin", "/O=system:masters/CN=kubernetes-admin"),
    ]
}

fn authority(folder: &Path, name: &str, subject: &str) -> Result<()> {
    let (key, certificate) = (format!("{name}.key"), format!("{name}.crt"));
    let mut arguments = request(subject);
    arguments.extend(["-keyout", &key, "-out", &certificate]);
    arguments.extend(["-addext", "basicConstraints=critical,CA:TRUE"]);
    arguments.extend(["-addext", "keyUsage=critical,digitalSignature,keyCertSign,cRLSign"]);
    openssl(folder, &arguments)
}

/// Makes a key and a certificate for a server that is not of the cluster's own, signed by the cluster's CA.
pub(super) fn server(place: Place, name: &'static str, alternatives: String) -> Result<()> {
    sign(&place.pki(), &Leaf::server(name, &format!("/CN={name}"), alternatives))
}

fn sign(folder: &Path, leaf: &Leaf) -> Result<()> {
    let file = |name: &str, ending: &str| format!("{name}.{ending}");
    let (ca, ca_key) = (file(leaf.ca, "crt"), file(leaf.ca, "key"));
    let (key, certificate) = (file(leaf.name, "key"), file(leaf.name, "crt"));
    let usage = format!("extendedKeyUsage={}", leaf.usage);
    let alternatives = leaf.alternatives.as_ref().map(|names| format!("subjectAltName={names}"));
    let mut arguments = request(&leaf.subject);
    arguments.extend(["-CA", &ca, "-CAkey", &ca_key, "-keyout", &key, "-out", &certificate]);
    arguments.extend(["-addext", "basicConstraints=CA:FALSE"]);
    arguments.extend(["-addext", "keyUsage=critical,digitalSignature", "-addext", &usage]);
    if let Some(names) = &alternatives {
        arguments.extend(["-addext", names]);
    }
    openssl(folder, &arguments)
}

/// The arguments that every certificate with a new key has.
fn request(subject: &str) -> Vec<&str> {
    let mut arguments = vec!["req", "-x509", "-config", "settings", "-nodes", "-days", DAYS];
    arguments.extend(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-subj", subject]);
    arguments
}

fn openssl(folder: &Path, arguments: &[&str]) -> Result<()> {
    program::stdout(Command::new("openssl").current_dir(folder).args(arguments)).map(|_| ())
}

/// A client configuration in one file, keys included: it may be copied to another place.
fn configuration(place: Place, user: &str) -> Result<()> {
    let folder = place.pki();
    let data = |name: String| -> Result<String> {
        let text = program::stdout(
            Command::new("openssl").current_dir(&folder).args(["base64", "-A", "-in", &name]),
        )?;
        Ok(text.trim().to_owned())
    };
    let cluster = place.name();
    let configuration = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": cluster, "cluster": {
            "server": place.server(),
            "certificate-authority-data": data("ca.crt".to_owned())?,
        } }],
        "users": [{ "name": user, "user": {
            "client-certificate-data": data(format!("{user}.crt"))?,
            "client-key-data": data(format!("{user}.key"))?,
        } }],
        "contexts": [{ "name": cluster, "context": { "cluster": cluster, "user": user } }],
        "current-context": cluster,
    });
    let file = folder.join(format!("{user}.conf"));
    let unfinished = folder.join("unfinished");
    std::fs::write(&unfinished, format!("{configuration:#}\n"))
        .and_then(|()| {
            std::fs::set_permissions(&unfinished, std::os::unix::fs::PermissionsExt::from_mode(0o600))
        })
        .and_then(|()| std::fs::rename(&unfinished, &file))
        .with_context(|| format!("writing {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::component::Component;
    use crate::cluster::programs::Programs;

    #[test]
    fn every_configured_user_has_a_certificate_and_the_last_is_the_administrator() {
        let leaves = leaves(Place::new(0));
        for user in USERS {
            assert!(leaves.iter().any(|leaf| leaf.name == user && leaf.usage == "clientAuth"), "{user}");
        }
        assert_eq!(USERS.last(), Some(&"admin"));
    }

    #[test]
    fn the_apiserver_is_known_by_its_services_names_and_by_its_addresses() {
        let place = Place::new(3);
        let leaves = leaves(place);
        let names =
            leaves.iter().find(|leaf| leaf.name == "apiserver").and_then(|leaf| leaf.alternatives.clone());
        let names = names.unwrap();
        for name in ["DNS:kubernetes.default.svc", "IP:10.200.3.2", "IP:10.202.3.1"] {
            assert!(names.split(',').any(|other| other == name), "{name} is not in {names}");
        }
    }

    #[test]
    fn every_key_and_certificate_that_a_component_is_given_is_made() {
        let place = Place::new(0);
        let mut made: Vec<String> = ["ca.crt", "ca.key", "front-proxy-ca.crt", "sa.key", "sa.pub"]
            .map(|name| place.key(name))
            .to_vec();
        made.extend(
            leaves(place)
                .iter()
                .flat_map(|leaf| ["crt", "key"].map(|end| place.key(&format!("{}.{end}", leaf.name)))),
        );
        made.extend(USERS.map(|user| place.key(&format!("{user}.conf"))));
        let folder = place.key("");
        let mut seen = 0;
        for component in Component::all() {
            let plan = component.plan(place, &Programs::for_tests());
            let texts = plan.arguments.into_iter().chain(plan.files.into_iter().map(|(_, text)| text));
            for text in texts {
                let words = text.split(|letter: char| letter.is_whitespace() || "=\",".contains(letter));
                for file in words.filter(|word| word.starts_with(&folder)) {
                    assert!(made.iter().any(|made| made == file), "{} is given {file}", component.name());
                    seen += 1;
                }
            }
        }
        assert!(seen > 15, "only {seen} were found");
    }
}
