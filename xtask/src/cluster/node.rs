//! What the node runs with: containerd, the kubelet, kube-proxy, and the cluster's DNS.
//!
//! Whatever they write goes below the state folder, and their cgroups below one cgroup, so that taking the cluster
//! down can find all of it.

use serde_json::{Value, json};

use crate::cluster::component::Plan;
use crate::cluster::images::PAUSE;
use crate::cluster::place::{DOMAIN, NODE, Place};
use crate::cluster::programs::Programs;

/// Where the host can ask for their health.
pub(super) const KUBELET_HEALTH_PORT: u16 = 10248;
pub(super) const PROXY_HEALTH_PORT: u16 = 10256;
pub(super) const DNS_HEALTH_PORT: u16 = 8181;

pub(super) fn containerd(place: Place, programs: &Programs) -> Plan {
    let state = place.state().display().to_string();
    let networks = place.etc("cni");
    let config = format!(
        r#"version = 2
root = "{state}/containerd/root"
state = "{state}/containerd/state"
# Some machines do not let root lower a score below 0.
oom_score = 0
# Snapshotters of file systems that are not here, a folder below /opt, and sockets below /run.
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.blockfile",
  "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.internal.v1.opt", "io.containerd.internal.v1.tracing", "io.containerd.nri.v1.nri"]

[grpc]
address = "{socket}"

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{PAUSE}"
# The network namespaces of pods are mounts below the state folder and not below /run/netns.
netns_mounts_under_state_dir = true
restrict_oom_score_adj = true
disable_apparmor = true
enable_selinux = false

[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "overlayfs"
default_runtime_name = "runc"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
runtime_path = "{shim}"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
BinaryName = "{runc}"
Root = "{state}/containerd/runc"
# There need be no systemd.
SystemdCgroup = false

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{plugins}"
conf_dir = "{networks}"
"#,
        socket = place.socket().display(),
        shim = programs.containerd("containerd-shim-runc-v2").display(),
        runc = programs.runc.display(),
        plugins = programs.cni.display(),
        networks = networks.display(),
    );
    let network = json!({
        "cniVersion": "1.0.0",
        "name": place.name(),
        "plugins": [
            {
                "type": "bridge",
                "bridge": "cni0",
                "isGateway": true,
                "isDefaultGateway": true,
                // The host has a route to the pods.
                "ipMasq": false,
                // A pod may reach itself by its Service.
                "hairpinMode": true,
                "ipam": {
                    "type": "host-local",
                    "dataDir": format!("{state}/cni"),
                    "ranges": [[{ "subnet": place.pods() }]],
                },
            },
            { "type": "portmap", "capabilities": { "portMappings": true }, "snat": true },
        ],
    });
    let file = place.etc("containerd.toml");
    Plan {
        program: programs.containerd("containerd"),
        arguments: vec!["--config".to_owned(), file.display().to_string()],
        files: vec![(file, config), (networks.join("10-bridge.conflist"), pretty(&network))],
    }
}

pub(super) fn kubelet(place: Place, programs: &Programs) -> Plan {
    let state = place.state().display().to_string();
    let names = place.etc("resolv.conf");
    let config = json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": "0.0.0.0",
        "healthzBindAddress": place.node(),
        "healthzPort": KUBELET_HEALTH_PORT,
        "readOnlyPort": 0,
        "authentication": {
            "anonymous": { "enabled": false },
            "webhook": { "enabled": true },
            "x509": { "clientCAFile": place.key("ca.crt") },
        },
        "authorization": { "mode": "Webhook" },
        "tlsCertFile": place.key("kubelet-server.crt"),
        "tlsPrivateKeyFile": place.key("kubelet-server.key"),
        "clusterDomain": DOMAIN,
        // CoreDNS listens on the node, so it needs no pod and no image.
        "clusterDNS": [place.node()],
        // Of pods in the host's network: the machine's own resolver is out of reach in the namespace.
        "resolvConf": names.display().to_string(),
        "containerRuntimeEndpoint": format!("unix://{}", place.socket().display()),
        // Its default would be below /usr/libexec, and that of the logs below /var/log.
        "volumePluginDir": format!("{state}/flexvolume"),
        "podLogsDir": format!("{state}/pod-logs"),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": format!("/{}", place.name()),
        // Machines with the older cgroups are still about; from 1.35 on it refuses them unless told.
        "failCgroupV1": false,
        "failSwapOn": false,
        "oomScoreAdj": 0,
        // A developer's disk is always nearly full: only memory may evict, and no image is collected.
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "0%",
            "nodefs.inodesFree": "0%",
            "imagefs.available": "0%",
        },
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
    });
    let file = place.etc("kubelet.json");
    let arguments = [
        format!("--config={}", file.display()),
        format!("--kubeconfig={}", place.key("kubelet.conf")),
        format!("--hostname-override={NODE}"),
        format!("--node-ip={}", place.node()),
        format!("--root-dir={state}/kubelet"),
        format!("--cert-dir={state}/kubelet-pki"),
    ];
    Plan {
        program: programs.kube("kubelet"),
        arguments: arguments.into(),
        files: vec![(file, pretty(&config)), (names, format!("nameserver {}\n", place.node()))],
    }
}

pub(super) fn proxy(place: Place, programs: &Programs) -> Plan {
    let config = json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": { "kubeconfig": place.key("proxy.conf") },
        "hostnameOverride": NODE,
        "bindAddress": "0.0.0.0",
        "healthzBindAddress": format!("{}:{PROXY_HEALTH_PORT}", place.node()),
        "metricsBindAddress": "127.0.0.1:10249",
        "mode": "iptables",
        "clusterCIDR": place.pods(),
        "oomScoreAdj": 0,
        // The machine's table of connections keeps its size.
        "conntrack": { "maxPerCore": 0 },
    });
    let file = place.etc("kube-proxy.json");
    Plan {
        program: programs.kube("kube-proxy"),
        arguments: vec![format!("--config={}", file.display())],
        files: vec![(file, pretty(&config))],
    }
}

pub(super) fn dns(place: Place, programs: &Programs) -> Plan {
    let node = place.node();
    // What is not of the cluster does not exist. Without an answer a resolver takes the server for broken and tries
    // again for seconds.
    let config = format!(
        "\
.:53 {{
    bind {node}
    ready {node}:{DNS_HEALTH_PORT}
    errors
    cache 5
    kubernetes {DOMAIN} in-addr.arpa {{
        kubeconfig {kubeconfig}
        pods insecure
        ttl 5
    }}
    template ANY ANY . {{
        rcode NXDOMAIN
    }}
}}
",
        kubeconfig = place.key("coredns.conf"),
    );
    let file = place.etc("Corefile");
    Plan {
        program: programs.coredns.clone(),
        arguments: vec!["-conf".to_owned(), file.display().to_string()],
        files: vec![(file, config)],
    }
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}
