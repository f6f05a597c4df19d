//! Pods as the *restricted* standard wants them, which is how ours must be able to run.

use serde_json::{Value, json};

use crate::image;

/// The security context of a pod that the *restricted* standard lets in. The user is one without a name.
pub fn restricted_pod() -> Value {
    json!({
        "runAsNonRoot": true,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "fsGroup": 65532,
        "seccompProfile": { "type": "RuntimeDefault" },
    })
}

/// The same for each of its containers, with a root file system that nobody can write to.
pub fn restricted_container() -> Value {
    json!({
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": true,
        "capabilities": { "drop": ["ALL"] },
    })
}

/// A pod that runs one shell script to its end, with claims mounted: pairs of a claim and a path.
pub fn script(name: &str, script: &str, claims: &[(&str, &str)]) -> Value {
    program(name, image::SHELL, &["/bin/sh", "-euc", script], &[], claims)
}

/// A pod that runs one program to its end: its image, its command line, its environment, and the claims it mounts.
/// Beside those it can write to `/tmp` alone.
pub fn program(
    name: &str,
    image: &str,
    command: &[&str],
    environment: &[(&str, &str)],
    claims: &[(&str, &str)],
) -> Value {
    let mount = |name: &str, path: &str| json!({ "name": name, "mountPath": path });
    let mounts = claims.iter().map(|(claim, path)| mount(claim, path)).chain([mount("scratch", "/tmp")]);
    let volumes = claims
        .iter()
        .map(|(claim, _)| json!({ "name": claim, "persistentVolumeClaim": { "claimName": claim } }))
        .chain([json!({ "name": "scratch", "emptyDir": {} })]);
    let variables = environment.iter().map(|(name, value)| json!({ "name": name, "value": value }));
    json!({
        "metadata": { "name": name },
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "securityContext": restricted_pod(),
            "containers": [{
                "name": name,
                "image": image,
                "imagePullPolicy": "IfNotPresent",
                "command": command,
                "env": variables.collect::<Vec<_>>(),
                "securityContext": restricted_container(),
                "volumeMounts": mounts.collect::<Vec<_>>(),
            }],
            "volumes": volumes.collect::<Vec<_>>(),
        },
    })
}
