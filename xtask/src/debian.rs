//! Debian packages: unpacked beside the machine's own, or installed when nothing else will do.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{program, root};

/// Proxies in front of a mirror answer 502 now and then when several machines ask at once; apt asks again, each time
/// after a longer pause.
const RETRIES: &str = "Acquire::Retries=8";

/// The mirror of this machine, as its apt is told, and the keys it trusts.
struct Mirror {
    uri: String,
    keys: String,
}

/// The folder of a package of `suite`, downloaded and unpacked on the first call. The machine's apt is not touched:
/// lists and downloads are in a private folder. The folder appears whole or not at all, so two runs do not collide.
pub(crate) fn unpacked(suite: &str, package: &str) -> Result<PathBuf> {
    unpacked_together(suite, &[package])
}

/// The same for packages that need each other's files: one folder for all of them.
pub(crate) fn unpacked_together(suite: &str, packages: &[&str]) -> Result<PathBuf> {
    let place = root::cache()?.join(suite).join(packages.join("+"));
    if place.is_dir() {
        return Ok(place);
    }
    eprintln!("fetching Debian's {} ({suite}) into {}", packages.join(", "), place.display());
    let mirror = mirror()?;
    let work = root::cache()?.join(format!("fetching-{}", std::process::id()));
    let outcome = fetch(&mirror, suite, packages, &work).and_then(|tree| {
        let suite_folder = place.parent().context("the cache folder has no parent")?;
        std::fs::create_dir_all(suite_folder)?;
        match std::fs::rename(&tree, &place) {
            // Another run was faster: its folder is as good.
            Err(_) if place.is_dir() => Ok(()),
            outcome => outcome.with_context(|| format!("moving {} to its place", tree.display())),
        }
    });
    // What is left of the download is of no use, and a failure to remove it harms nothing.
    let _ = std::fs::remove_dir_all(&work);
    outcome.map(|()| place)
}

/// Downloads and unpacks below `work`; returns the unpacked tree.
fn fetch(mirror: &Mirror, suite: &str, packages: &[&str], work: &Path) -> Result<PathBuf> {
    for folder in ["lists/partial", "archives/partial"] {
        let folder = work.join(folder);
        std::fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    }
    std::fs::write(work.join("status"), "")?;
    let sources = work.join("sources.list");
    std::fs::write(&sources, format!("deb [signed-by={}] {} {suite} main\n", mirror.keys, mirror.uri))?;
    let apt = || {
        let mut apt = Command::new("apt-get");
        apt.current_dir(work).args(["--quiet=2", "-o", RETRIES]);
        for (option, value) in
            [("APT::Sandbox::User", "root"), ("Acquire::Languages", "none"), ("Dir::Etc::sourceparts", "-")]
        {
            apt.arg("-o").arg(format!("{option}={value}"));
        }
        for (option, path) in [
            ("Dir::Etc::sourcelist", sources.as_path()),
            ("Dir::State", work),
            ("Dir::State::status", &work.join("status")),
            ("Dir::Cache", work),
        ] {
            apt.arg("-o").arg(format!("{option}={}", path.display()));
        }
        apt
    };
    program::stdout(apt().arg("update"))?;
    program::stdout(apt().arg("download").args(packages))?;
    let downloaded: Vec<PathBuf> = std::fs::read_dir(work)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .collect();
    if downloaded.len() != packages.len() {
        bail!("apt-get downloaded {} files for {}", downloaded.len(), packages.join(", "));
    }
    let tree = work.join("tree");
    for file in downloaded {
        program::stdout(Command::new("dpkg-deb").arg("--extract").arg(&file).arg(&tree))?;
    }
    Ok(tree)
}

/// Installs packages with their libraries, as root or through a sudo that does not ask. No service is started by
/// what this is used for.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    if !program::exists("apt-get") {
        bail!("this is not a Debian machine (there is no apt-get)");
    }
    let root = program::stdout(Command::new("id").arg("-u"))?.trim() == "0";
    if !root && program::stdout(Command::new("sudo").args(["--non-interactive", "true"])).is_err() {
        bail!(
            "installing needs root, and sudo asks for a password; run `sudo apt-get install --no-install-recommends {}`",
            packages.join(" ")
        );
    }
    let apt = || {
        let mut command = if root {
            Command::new("env")
        } else {
            let mut sudo = Command::new("sudo");
            sudo.args(["--non-interactive", "env"]);
            sudo
        };
        command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet=2", "-o", RETRIES]);
        command
    };
    eprintln!("installing {}", packages.join(", "));
    program::stdout(apt().arg("update"))?;
    program::stdout(apt().args(["install", "--yes", "--no-install-recommends"]).args(packages))?;
    Ok(())
}

/// Reads the mirror from the machine's own source lists, so that a site's mirror is used and none is named here.
fn mirror() -> Result<Mirror> {
    const DEB822: &str = "/etc/apt/sources.list.d/debian.sources";
    const ONE_LINE: &str = "/etc/apt/sources.list";
    const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
    let uri = std::fs::read_to_string(DEB822)
        .ok()
        .and_then(|text| field(&text, "URIs:"))
        .or_else(|| std::fs::read_to_string(ONE_LINE).ok().and_then(|text| first_uri(&text)))
        .with_context(|| format!("this is not a Debian machine (no mirror in {DEB822} or {ONE_LINE})"))?;
    if !Path::new(KEYS).is_file() {
        bail!("Debian's archive keys are not at {KEYS} (package debian-archive-keyring)");
    }
    Ok(Mirror { uri, keys: KEYS.to_owned() })
}

/// The first word after `name` in a deb822 source list.
fn field(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next().map(str::to_owned))
}

/// The first address in a one-line source list.
fn first_uri(text: &str) -> Option<String> {
    text.lines()
        .filter(|line| line.starts_with("deb "))
        .find_map(|line| line.split_whitespace().find(|word| word.contains("://")).map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_is_read_from_both_forms_of_source_list() {
        let deb822 =
            "Types: deb\n# a comment\nURIs: http://mirror.example/debian http://other.example\nSuites: x\n";
        assert_eq!(field(deb822, "URIs:").as_deref(), Some("http://mirror.example/debian"));
        let lines =
            "# deb http://no.example x\ndeb [arch=amd64] http://mirror.example/debian bookworm main\n";
        assert_eq!(first_uri(lines).as_deref(), Some("http://mirror.example/debian"));
    }
}
