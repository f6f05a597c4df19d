//! Where the repository of a workload lives: backend and workload in, location and resolved backend out, and back.
//!
//! A Restic's backend has the prefix of the user; the Repository's has the *resolved* one, with the workload's own
//! folder (AUTO) at its end. For S3 the resolved prefix also begins with the bucket: 0.8.3 wrote it so, and its
//! Repositories stay usable. Everything here compares whole path components, never text.

use std::path::Path;

use crate::location::Location;
use crate::objects::backend::{Backend, Storage};
use crate::objects::workload::Workload;
use crate::rules::names;

/// Why a backend has no location.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LocationError {
    /// No storage.
    #[error("the backend names no storage: set one of local, s3, gcs, azure, swift, b2, rest")]
    NoStorage,
    /// A local backend, and nobody said where its volume is mounted.
    #[error("the local backend has no mountPath: say where the volume is mounted")]
    NoMountPath,
}

/// The repository of `workload` in the backend of a Restic.
///
/// `local_root` is the folder where the volume of a local backend is found, its `subPath` included; without it,
/// `mountPath` is taken, which is right inside a pod.
///
/// # Errors
/// The backend names no storage, or a local one without a folder.
pub fn location(
    backend: &Backend,
    workload: &Workload,
    local_root: Option<&Path>,
) -> Result<Location, LocationError> {
    let auto = names::auto_prefix(workload);
    let remote = |start: String, parts: &[&str]| Ok(Location::Remote(start + &joined(parts)));
    match backend.storage().ok_or(LocationError::NoStorage)? {
        Storage::Local(local) => {
            let mounted = Some(Path::new(&local.mount_path)).filter(|path| !path.as_os_str().is_empty());
            let root = local_root.or(mounted).ok_or(LocationError::NoMountPath)?;
            Ok(Location::Local(root.join(auto)))
        }
        Storage::S3(s3) => {
            let endpoint = s3.endpoint.trim_end_matches('/');
            remote(format!("s3:{endpoint}/"), &[&s3.bucket, &s3.prefix, &auto])
        }
        Storage::Gcs(gcs) => remote(format!("gs:{}:/", gcs.bucket), &[&gcs.prefix, &auto]),
        Storage::Azure(azure) => remote(format!("azure:{}:/", azure.container), &[&azure.prefix, &auto]),
        Storage::Swift(swift) => remote(format!("swift:{}:/", swift.container), &[&swift.prefix, &auto]),
        Storage::B2(b2) => remote(format!("b2:{}:/", b2.bucket), &[&b2.prefix, &auto]),
        Storage::Rest(rest) => {
            let (server, path) = split_url(&rest.url);
            remote(format!("rest:{}/", without_credentials(&server)), &[path, &auto])
        }
    }
}

/// The repository a Repository object stands for: [`location`] of its [`unresolved`] backend.
///
/// # Errors
/// As [`location`].
pub fn repository_location(
    backend: &Backend,
    workload: &Workload,
    local_root: Option<&Path>,
) -> Result<Location, LocationError> {
    location(&unresolved(backend, workload), workload, local_root)
}

/// The backend for the Repository of `workload`, made from its Restic's.
#[must_use]
pub fn resolved(backend: &Backend, workload: &Workload) -> Backend {
    let auto = names::auto_prefix(workload);
    rewritten(backend, |bucket, prefix| match bucket {
        Some(bucket) => joined(&[bucket, prefix, &auto]),
        None => joined(&[prefix, &auto]),
    })
}

/// The inverse of [`resolved`]: the backend of the Restic, from the one of the Repository. A hand-written prefix
/// without the workload's folder, or for S3 without the bucket, is taken as it is.
#[must_use]
pub fn unresolved(backend: &Backend, workload: &Workload) -> Backend {
    let auto = names::auto_prefix(workload);
    rewritten(backend, |bucket, prefix| {
        let mut folders = components(prefix);
        let auto = components(&auto);
        if folders.ends_with(&auto) {
            folders.truncate(folders.len() - auto.len());
        }
        let bucket = components(bucket.unwrap_or_default());
        folders.strip_prefix(bucket.as_slice()).unwrap_or(&folders).join("/")
    })
}

/// The folder of the Repository's objects inside the bucket or container, from its resolved backend: no bucket, no
/// `/` at either end. What `wipeOut` deletes.
#[must_use]
pub fn folder_in_bucket(backend: &Backend, workload: &Workload) -> String {
    let auto = names::auto_prefix(workload);
    let user = unresolved(backend, workload);
    let prefix = match user.storage() {
        Some(Storage::Local(local)) => &local.sub_path,
        Some(Storage::S3(s3)) => &s3.prefix,
        Some(Storage::Gcs(gcs)) => &gcs.prefix,
        Some(Storage::Azure(azure)) => &azure.prefix,
        Some(Storage::Swift(swift)) => &swift.prefix,
        Some(Storage::B2(b2)) => &b2.prefix,
        Some(Storage::Rest(rest)) => return joined(&[split_url(&rest.url).1, &auto]),
        None => return auto,
    };
    joined(&[prefix, &auto])
}

/// Every storage of the backend with its prefix replaced; `change` also gets the bucket when the storage is S3.
fn rewritten(backend: &Backend, change: impl Fn(Option<&str>, &str) -> String) -> Backend {
    let mut backend = backend.clone();
    if let Some(local) = &mut backend.local {
        local.sub_path = change(None, &local.sub_path);
    }
    if let Some(s3) = &mut backend.s3 {
        s3.prefix = change(Some(&s3.bucket), &s3.prefix);
    }
    if let Some(gcs) = &mut backend.gcs {
        gcs.prefix = change(None, &gcs.prefix);
    }
    if let Some(azure) = &mut backend.azure {
        azure.prefix = change(None, &azure.prefix);
    }
    if let Some(swift) = &mut backend.swift {
        swift.prefix = change(None, &swift.prefix);
    }
    if let Some(b2) = &mut backend.b2 {
        b2.prefix = change(None, &b2.prefix);
    }
    if let Some(rest) = &mut backend.rest {
        let (server, path) = split_url(&rest.url);
        let path = change(None, path);
        rest.url = if path.is_empty() { server } else { format!("{server}/{path}") };
    }
    backend
}

/// The folders of a path as if it began at the root: no empty ones, no `.`, and `..` cannot climb out.
#[must_use]
pub fn components(path: &str) -> Vec<&str> {
    let mut folders = Vec::new();
    for folder in path.split('/') {
        match folder {
            "" | "." => {}
            ".." => drop(folders.pop()),
            _ => folders.push(folder),
        }
    }
    folders
}

/// Whether `path` is `folder` or lies below it.
#[must_use]
pub fn is_within(path: &str, folder: &str) -> bool {
    components(path).starts_with(&components(folder))
}

fn joined(parts: &[&str]) -> String {
    components(&parts.join("/")).join("/")
}

/// `https://host:8000/some/path/` is `https://host:8000` and `some/path/`.
fn split_url(url: &str) -> (String, &str) {
    let authority = url.find("://").map_or(0, |scheme| scheme + 3);
    let rest = url.get(authority..).unwrap_or_default();
    match rest.split_once('/') {
        Some((host, path)) => (format!("{}{host}", url.get(..authority).unwrap_or_default()), path),
        None => (url.to_owned(), ""),
    }
}

/// The server without `user:password@`.
fn without_credentials(server: &str) -> String {
    match (server.find("://"), server.rfind('@')) {
        (Some(scheme), Some(at)) if at >= scheme + 3 => {
            let (start, host) = (server.get(..scheme + 3), server.get(at + 1..));
            format!("{}{}", start.unwrap_or_default(), host.unwrap_or_default())
        }
        (None, Some(at)) => server.get(at + 1..).unwrap_or_default().to_owned(),
        _ => server.to_owned(),
    }
}

#[cfg(test)]
mod tests;
