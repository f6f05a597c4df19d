//! Backends and volumes: one storage, one volume source, everything that the storage needs.

use super::{Mode, Refusal};
use crate::objects::backend::{Backend, LocalSpec, Storage};

/// The rules that every backend keeps, whether a Restic's or a Repository's.
pub(super) fn backend(field: &str, backend: &Backend, mode: Mode, refusals: &mut Vec<Refusal>) {
    let storages = backend.storages();
    match storages.as_slice() {
        [] => refusals.push(Refusal::new(
            field,
            "names no storage",
            "set exactly one of local, s3, gcs, azure, swift, b2, rest",
        )),
        [storage] => one_storage(field, *storage, mode, refusals),
        several => {
            let names: Vec<&str> = several.iter().map(Storage::field).collect();
            refusals.push(Refusal::new(
                field,
                format!("names several storages ({})", names.join(", ")),
                "keep exactly one",
            ));
        }
    }
}

fn one_storage(field: &str, storage: Storage<'_>, mode: Mode, refusals: &mut Vec<Refusal>) {
    let field = format!("{field}.{}", storage.field());
    let mut need = |name: &str, value: &str, remedy: &str| {
        if value.is_empty() {
            refusals.push(Refusal::new(format!("{field}.{name}"), "is missing", remedy));
        }
    };
    match storage {
        Storage::Local(local) => {
            if mode == Mode::Cluster {
                mount_path(&field, &local.mount_path, refusals);
            }
            volume(&field, local, mode, refusals);
        }
        Storage::S3(s3) => {
            need("endpoint", &s3.endpoint, "name the server, for Amazon s3.amazonaws.com");
            need("bucket", &s3.bucket, "name the bucket");
        }
        Storage::Gcs(gcs) => need("bucket", &gcs.bucket, "name the bucket"),
        Storage::Azure(azure) => need("container", &azure.container, "name the blob container"),
        Storage::Swift(swift) => need("container", &swift.container, "name the object container"),
        Storage::B2(b2) => need("bucket", &b2.bucket, "name the bucket"),
        Storage::Rest(rest) => rest_url(&format!("{field}.url"), &rest.url, refusals),
    }
}

/// The address is shown in status and logs, so it must not hold a password.
fn rest_url(field: &str, url: &str, refusals: &mut Vec<Refusal>) {
    let authority = ["https://", "http://"].iter().find_map(|scheme| url.strip_prefix(scheme));
    let host = authority.map(|rest| rest.split('/').next().unwrap_or_default());
    match host {
        None => refusals.push(Refusal::new(
            field,
            if url.is_empty() { "is missing" } else { "is not an address" },
            "write http://host:port/path or https://host:port/path",
        )),
        Some("") => refusals.push(Refusal::new(field, "has no host", "write https://host:port/path")),
        Some(host) if host.contains('@') => refusals.push(Refusal::new(
            field,
            "holds credentials",
            "move them to the keys REST_SERVER_USERNAME and REST_SERVER_PASSWORD of the Secret",
        )),
        Some(_) => {}
    }
}

/// A volume that is mounted: its `mountPath` must be there and absolute.
pub(super) fn mount_path(field: &str, path: &str, refusals: &mut Vec<Refusal>) {
    if !path.starts_with('/') {
        let problem = if path.is_empty() { "is missing".to_owned() } else { format!("`{path}` is relative") };
        refusals.push(Refusal::new(
            format!("{field}.mountPath"),
            problem,
            "name the absolute path where the volume is mounted",
        ));
    }
}

/// Exactly one volume source; in standalone mode a `hostPath`, since nothing else can be mounted. `subPath` stays
/// inside the volume.
pub(super) fn volume(field: &str, spec: &LocalSpec, mode: Mode, refusals: &mut Vec<Refusal>) {
    let sources = spec.volume_source.fields();
    match (sources.as_slice(), mode) {
        ([], Mode::Cluster) => refusals.push(Refusal::new(
            field,
            "names no volume",
            "add one volume source, for example persistentVolumeClaim or nfs",
        )),
        ([_, _, ..], Mode::Cluster) => refusals.push(Refusal::new(
            field,
            format!("names several volumes ({})", sources.join(", ")),
            "keep exactly one volume source",
        )),
        (["hostPath"], Mode::Standalone) | ([_], Mode::Cluster) => {}
        (_, Mode::Standalone) => {
            let found = if sources.is_empty() { "no volume".to_owned() } else { sources.join(", ") };
            refusals.push(Refusal::new(
                field,
                format!("names {found}, but without a cluster only a hostPath can be used"),
                "set hostPath.path to a folder of this host, and no other volume source",
            ));
        }
    }
    if let Some(host_path) = &spec.volume_source.host_path
        && !host_path.path.starts_with('/')
        && mode == Mode::Cluster
    {
        refusals.push(Refusal::new(
            format!("{field}.hostPath.path"),
            format!("`{}` is relative", host_path.path),
            "name an absolute path of the node",
        ));
    }
    if mode == Mode::Cluster {
        incomplete(field, spec, refusals);
    }
    if spec.sub_path.starts_with('/') || spec.sub_path.split('/').any(|folder| folder == "..") {
        refusals.push(Refusal::new(
            format!("{field}.subPath"),
            format!("`{}` leaves the volume", spec.sub_path),
            "name a folder inside the volume, without a leading `/` and without `..`",
        ));
    }
}

/// What the most used volume sources need.
fn incomplete(field: &str, spec: &LocalSpec, refusals: &mut Vec<Refusal>) {
    let mut need = |name: &str, wrong: bool, remedy: &str| {
        if wrong {
            refusals.push(Refusal::new(format!("{field}.{name}"), "cannot be mounted", remedy));
        }
    };
    let source = &spec.volume_source;
    if let Some(host_path) = &source.host_path {
        let climbs = host_path.path.split('/').any(|folder| folder == "..");
        need("hostPath.path", climbs, "name a path without `..`");
    }
    if let Some(nfs) = &source.nfs {
        need("nfs.server", nfs.server.is_empty(), "name the server");
        need("nfs.path", !nfs.path.starts_with('/'), "name the absolute path that the server exports");
    }
    if let Some(claim) = &source.persistent_volume_claim {
        need("persistentVolumeClaim.claimName", claim.claim_name.is_empty(), "name the claim");
    }
}
