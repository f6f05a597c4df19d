//! What the control plane runs with: etcd, the apiserver, the controllers, the scheduler.
//!
//! A flag without a reason beside it is one that every cluster has.

use crate::cluster::component::Plan;
use crate::cluster::place::{API_PORT, DOMAIN, NODE, Place};
use crate::cluster::programs::Programs;

/// Where etcd's clients find it: inside of the namespace only, and so without TLS.
const ETCD: &str = "http://127.0.0.1:2379";

/// etcd tells its health and metrics here, on the node's address, where the host can ask.
pub(super) const ETCD_HEALTH_PORT: u16 = 2381;
pub(super) const CONTROLLERS_PORT: u16 = 10257;
pub(super) const SCHEDULER_PORT: u16 = 10259;

pub(super) fn etcd(place: Place, programs: &Programs) -> Plan {
    let node = place.node();
    let peer = "http://127.0.0.1:2380";
    let arguments = [
        format!("--name={NODE}"),
        format!("--data-dir={}", place.state().join("etcd").display()),
        format!("--listen-client-urls={ETCD}"),
        format!("--advertise-client-urls={ETCD}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster={NODE}={peer}"),
        format!("--listen-metrics-urls=http://{node}:{ETCD_HEALTH_PORT}"),
        // The data need not survive a power cut, and a busy disk must not fail a test. A killed etcd loses nothing.
        "--unsafe-no-fsync".to_owned(),
    ];
    Plan { program: programs.etcd.clone(), arguments: arguments.into(), files: Vec::new() }
}

pub(super) fn apiserver(place: Place, programs: &Programs) -> Plan {
    let key = |name| place.key(name);
    let arguments = [
        format!("--etcd-servers={ETCD}"),
        "--bind-address=0.0.0.0".to_owned(),
        format!("--secure-port={API_PORT}"),
        format!("--advertise-address={}", place.node()),
        format!("--service-cluster-ip-range={}", place.services()),
        format!("--tls-cert-file={}", key("apiserver.crt")),
        format!("--tls-private-key-file={}", key("apiserver.key")),
        format!("--client-ca-file={}", key("ca.crt")),
        format!("--kubelet-certificate-authority={}", key("ca.crt")),
        format!("--kubelet-client-certificate={}", key("apiserver-kubelet-client.crt")),
        format!("--kubelet-client-key={}", key("apiserver-kubelet-client.key")),
        // The node's name is in no DNS.
        "--kubelet-preferred-address-types=InternalIP".to_owned(),
        format!("--service-account-issuer=https://kubernetes.default.svc.{DOMAIN}"),
        format!("--service-account-key-file={}", key("sa.pub")),
        format!("--service-account-signing-key-file={}", key("sa.key")),
        "--authorization-mode=Node,RBAC".to_owned(),
        "--enable-admission-plugins=NodeRestriction".to_owned(),
        "--allow-privileged=true".to_owned(),
        // Aggregation: as whom the apiserver speaks to extension servers, and how it tells them the user. It publishes
        // this CA and these names in the ConfigMap kube-system/extension-apiserver-authentication.
        format!("--proxy-client-cert-file={}", key("front-proxy-client.crt")),
        format!("--proxy-client-key-file={}", key("front-proxy-client.key")),
        format!("--requestheader-client-ca-file={}", key("front-proxy-ca.crt")),
        "--requestheader-allowed-names=front-proxy-client".to_owned(),
        "--requestheader-username-headers=X-Remote-User".to_owned(),
        "--requestheader-group-headers=X-Remote-Group".to_owned(),
        "--requestheader-extra-headers-prefix=X-Remote-Extra-".to_owned(),
        // Extension servers and webhooks are dialled at the addresses of their endpoints, so one that runs on the host
        // is reached whatever kube-proxy does.
        "--enable-aggregator-routing=true".to_owned(),
    ];
    Plan { program: programs.kube("kube-apiserver"), arguments: arguments.into(), files: Vec::new() }
}

pub(super) fn controller_manager(place: Place, programs: &Programs) -> Plan {
    let key = |name| place.key(name);
    let kubeconfig = key("controller-manager.conf");
    let arguments = [
        format!("--kubeconfig={kubeconfig}"),
        format!("--authentication-kubeconfig={kubeconfig}"),
        format!("--authorization-kubeconfig={kubeconfig}"),
        // Where `status` asks for its health, as of the scheduler.
        format!("--bind-address={}", place.node()),
        format!("--secure-port={CONTROLLERS_PORT}"),
        format!("--tls-cert-file={}", key("controllers-server.crt")),
        format!("--tls-private-key-file={}", key("controllers-server.key")),
        format!("--service-account-private-key-file={}", key("sa.key")),
        format!("--root-ca-file={}", key("ca.crt")),
        // Each controller with its own account, so that RBAC is as in other clusters.
        "--use-service-account-credentials=true".to_owned(),
        format!("--cluster-signing-cert-file={}", key("ca.crt")),
        format!("--cluster-signing-key-file={}", key("ca.key")),
        "--allocate-node-cidrs=true".to_owned(),
        format!("--cluster-cidr={}", place.pods()),
        // One node has all of it.
        "--node-cidr-mask-size=24".to_owned(),
        format!("--service-cluster-ip-range={}", place.services()),
        // It would make a folder below /usr/libexec.
        format!("--flex-volume-plugin-dir={}", place.state().join("flexvolume").display()),
        // There is one: after a restart it need not wait for its own lease to run out.
        "--leader-elect=false".to_owned(),
    ];
    Plan { program: programs.kube("kube-controller-manager"), arguments: arguments.into(), files: Vec::new() }
}

pub(super) fn scheduler(place: Place, programs: &Programs) -> Plan {
    let key = |name| place.key(name);
    let kubeconfig = key("scheduler.conf");
    let arguments = [
        format!("--kubeconfig={kubeconfig}"),
        format!("--authentication-kubeconfig={kubeconfig}"),
        format!("--authorization-kubeconfig={kubeconfig}"),
        format!("--bind-address={}", place.node()),
        format!("--secure-port={SCHEDULER_PORT}"),
        format!("--tls-cert-file={}", key("controllers-server.crt")),
        format!("--tls-private-key-file={}", key("controllers-server.key")),
        "--leader-elect=false".to_owned(),
    ];
    Plan { program: programs.kube("kube-scheduler"), arguments: arguments.into(), files: Vec::new() }
}
