//! What a cluster changes of the machine it runs on beyond its own folder, and how that is put back.
//!
//! The first cluster to come up notes what was there, the last one to go puts it back.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::cluster::place::Place;

/// Settings of the kernel that the kubelet makes; they have no namespace.
const SETTINGS: [&str; 6] = [
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
];

/// Folders that come into being outside of the state folder whatever the components are told, parents last.
const FOLDERS: [&str; 9] = [
    // Of the kubelet: sockets for device plugins, and links to the logs of containers.
    "/var/lib/kubelet/device-plugins",
    "/var/lib/kubelet",
    "/var/log/containers",
    // Of containerd: the sockets and pipes of its shims.
    "/run/containerd/s",
    "/run/containerd/fifo",
    "/run/containerd",
    // Of the network plugins: what they gave to each pod.
    "/var/lib/cni/results",
    "/var/lib/cni",
    // Of ip: a mount, too.
    "/run/netns",
];

const CGROUPS: &str = "/sys/fs/cgroup";

/// Holds off other commands that change this machine's clusters, until it is dropped.
pub(crate) fn lock() -> Result<File> {
    let folder = Place::machine();
    std::fs::create_dir_all(folder)
        .with_context(|| format!("making {}; a cluster needs root", folder.display()))?;
    let file = folder.join("lock");
    let lock = File::options()
        .create(true)
        .append(true)
        .open(&file)
        .with_context(|| format!("opening {}", file.display()))?;
    if lock.try_lock().is_err() {
        eprintln!("waiting for another command that changes a cluster of this machine");
        lock.lock().with_context(|| format!("locking {}", file.display()))?;
    }
    Ok(lock)
}

fn notes() -> PathBuf {
    Place::machine().join("before.json")
}

/// Notes what is there, unless another cluster of the machine has done so.
pub(super) fn note() -> Result<()> {
    let file = notes();
    if file.is_file() {
        return Ok(());
    }
    let mut settings = BTreeMap::new();
    for setting in SETTINGS {
        // Not every kernel has all of them.
        if let Ok(value) = std::fs::read_to_string(Path::new("/proc/sys").join(setting)) {
            settings.insert(setting, value.trim().to_owned());
        }
    }
    let missing: Vec<&str> = FOLDERS.into_iter().filter(|folder| !Path::new(folder).exists()).collect();
    let notes = json!({ "settings": settings, "missing": missing, "boot": boot()? });
    std::fs::write(&file, format!("{notes:#}\n")).with_context(|| format!("writing {}", file.display()))
}

/// Puts back what was there when no cluster is left on the machine.
pub(super) fn put_back() -> Result<()> {
    for folder in FOLDERS {
        remove_dead_sockets(Path::new(folder))?;
    }
    let file = notes();
    if !clusters()?.is_empty() || !file.is_file() {
        return Ok(());
    }
    let text = std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    let notes: Value =
        serde_json::from_str(&text).with_context(|| format!("{} is not JSON", file.display()))?;
    // After a restart of the machine its settings are its own again.
    if notes["boot"].as_str() == Some(&boot()?) {
        for (setting, value) in notes["settings"].as_object().into_iter().flatten() {
            let path = Path::new("/proc/sys").join(setting);
            let value = value.as_str().unwrap_or_default();
            std::fs::write(&path, value).with_context(|| format!("writing {value} to {}", path.display()))?;
        }
    }
    let missing: Vec<&str> =
        notes["missing"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for folder in FOLDERS.into_iter().filter(|folder| missing.contains(folder)) {
        remove(Path::new(folder))?;
    }
    std::fs::remove_file(&file).with_context(|| format!("removing {}", file.display()))
}

/// Removes a folder unless something is in it that others have put there since.
fn remove(folder: &Path) -> Result<()> {
    remove_dead_sockets(folder)?;
    let is_empty = std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
    if !is_empty {
        return Ok(());
    }
    if mounts()?.iter().any(|mount| mount == folder) {
        nix::mount::umount(folder).with_context(|| format!("unmounting {}", folder.display()))?;
    }
    std::fs::remove_dir(folder).with_context(|| format!("removing {}", folder.display()))
}

/// Removes the sockets in a folder to which nobody listens any more: what killed processes leave. The folders are
/// shared with whatever else runs on the machine, so nothing else is touched.
fn remove_dead_sockets(folder: &Path) -> Result<()> {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.with_context(|| format!("reading {}", folder.display()))?.path();
        let answer = UnixStream::connect(&path);
        if answer.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused) && is_socket(&path) {
            std::fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
        }
    }
    Ok(())
}

fn is_socket(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket())
}

/// The folders of the clusters of this machine, up or half up.
fn clusters() -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(Place::machine())? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("cluster-") {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// Which start of the machine this is.
pub(super) fn boot() -> Result<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .context("reading the machine's boot id")?;
    Ok(id.trim().to_owned())
}

/// Every place of the machine where something is mounted, in the order of mounting.
pub(super) fn mounts() -> Result<Vec<PathBuf>> {
    let text = std::fs::read_to_string("/proc/self/mounts").context("reading the mounts")?;
    Ok(text
        .lines()
        .filter_map(|line| line.split(' ').nth(1))
        .map(|path| PathBuf::from(unescaped(path)))
        .collect())
}

/// Blanks and the like are written as `\040` there.
fn unescaped(path: &str) -> String {
    let mut parts = path.split('\\');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match (code, part.get(3..)) {
            (Some(code), Some(rest)) => text.extend([&char::from(code).to_string(), rest]),
            _ => text.extend(["\\", part]),
        }
    }
    text
}

/// The cluster's cgroup in each hierarchy of the machine: one with cgroups v2, about ten with v1.
pub(super) fn cgroups(place: Place) -> Result<Vec<PathBuf>> {
    let root = Path::new(CGROUPS);
    if root.join("cgroup.controllers").is_file() {
        return Ok(vec![root.join(place.name())]);
    }
    let mut hierarchies = Vec::new();
    for entry in std::fs::read_dir(root).with_context(|| format!("reading {CGROUPS}"))? {
        let entry = entry?;
        // `cpu` may be a link to `cpu,cpuacct`. In `unified`, which has no controllers beside v1, runc makes one too.
        if entry.file_type()?.is_dir() {
            hierarchies.push(entry.path().join(place.name()));
        }
    }
    if hierarchies.is_empty() {
        bail!("no cgroups are mounted at {CGROUPS}: this machine cannot run containers");
    }
    Ok(hierarchies)
}

/// Makes the cgroups, which the kubelet expects to find.
pub(super) fn make_cgroups(place: Place) -> Result<()> {
    let root = Path::new(CGROUPS);
    let controllers = std::fs::read_to_string(root.join("cgroup.controllers")).unwrap_or_default();
    for controller in controllers.split_whitespace() {
        // With v2 a controller must be passed down; one that cannot be is missed by the kubelet, which says so.
        let _ = std::fs::write(root.join("cgroup.subtree_control"), format!("+{controller}"));
    }
    for cgroup in cgroups(place)? {
        std::fs::create_dir_all(&cgroup)
            .with_context(|| format!("making the cgroup {}", cgroup.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_mount_with_a_blank_in_its_path_is_read_as_what_it_is() {
        assert_eq!(unescaped(r"/a\040b/c\134d"), r"/a b/c\d");
        assert_eq!(unescaped(r"/plain\x"), r"/plain\x");
    }

    #[test]
    fn of_a_shared_folder_only_sockets_of_the_dead_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let _alive = UnixListener::bind(at("alive")).unwrap();
        drop(UnixListener::bind(at("dead")).unwrap());
        std::fs::write(at("file"), "").unwrap();
        remove(folder.path()).unwrap();
        assert_eq!(["alive", "dead", "file"].map(|name| at(name).exists()), [true, false, true]);
        std::fs::remove_file(at("alive")).unwrap();
        std::fs::remove_file(at("file")).unwrap();
        remove(folder.path()).unwrap();
        assert!(!folder.path().exists());
        // Gone already is as good.
        remove(folder.path()).unwrap();
    }

    #[test]
    fn a_folder_is_removed_after_what_is_in_it() {
        for (at, folder) in FOLDERS.iter().enumerate() {
            let above = Path::new(folder).parent();
            let earlier = FOLDERS.get(..at).unwrap();
            assert!(!earlier.iter().any(|other| above == Some(Path::new(other))), "{folder} comes too late");
        }
    }
}
