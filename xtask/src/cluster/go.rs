//! Programs built from Go modules of `testbed/`, each built once for all clones and runs.
//!
//! What is built is named by what it is made from, so the cache is never stale: a changed file, version, compiler or
//! flag is another name.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::{ci, debian, program, root};

/// The components that one binary is, by the names it is called by.
const KUBERNETES: [&str; 6] =
    ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "kubectl"];

/// The packages in which Kubernetes keeps its version. An apiserver that does not know it cannot be upgraded to, and
/// helm compares it with what a chart asks for.
const VERSION_PACKAGES: [&str; 2] = ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"];

/// The oldest Go that builds the modules, as their go.mod say.
const LEAST: (u64, u64) = (1, 25);

/// Debian's Go that is unpacked on a machine without one: the suite and its packages.
const DEBIANS: (&str, [&str; 2]) = ("forky", ["golang-1.26-go", "golang-1.26-src"]);

/// A folder with the Kubernetes components and kubectl.
pub(super) fn kubernetes() -> Result<PathBuf> {
    let folder = root::path().join("testbed/kube");
    let manifest = std::fs::read_to_string(folder.join("go.mod")).context("reading testbed/kube/go.mod")?;
    let version =
        kubernetes_version(&manifest).context("testbed/kube/go.mod requires no k8s.io/kubernetes")?;
    build("kube", &version_flags(&version)?, &KUBERNETES)
}

/// A folder with CoreDNS.
pub(super) fn coredns() -> Result<PathBuf> {
    build("coredns", "-s -w", &[])
}

/// The module of the Prometheus operator, and in it its two programs.
const PROMETHEUS_OPERATOR: &str = "github.com/prometheus-operator/prometheus-operator";
const PROMETHEUS_PROGRAMS: [&str; 2] = ["operator", "prometheus-config-reloader"];

/// A folder with the Prometheus operator (`operator`), what it puts beside each Prometheus
/// (`prometheus-config-reloader`), and the definitions of its kinds (`crds`).
pub(crate) fn prometheus_operator() -> Result<PathBuf> {
    once("prometheus-operator", &["go.mod", "go.sum"], &["-s -w"], |go, source, work| {
        let packages = PROMETHEUS_PROGRAMS.map(|name| format!("{PROMETHEUS_OPERATOR}/cmd/{name}"));
        compile(go, source, "-s -w", work, &packages)?;
        let mut list = Command::new(go);
        list.current_dir(source).args(["list", "-mod=readonly", "-m", "-f", "{{.Dir}}", PROMETHEUS_OPERATOR]);
        let module = PathBuf::from(program::stdout(&mut list)?.trim());
        let (from, to) = (module.join("example/prometheus-operator-crd"), work.join("crds"));
        std::fs::create_dir(&to).with_context(|| format!("making {}", to.display()))?;
        for entry in std::fs::read_dir(&from).with_context(|| format!("reading {}", from.display()))? {
            let entry = entry?;
            // Read and written: in Go's cache of modules everything is read-only.
            let text =
                std::fs::read(entry.path()).with_context(|| format!("reading {}", entry.path().display()))?;
            std::fs::write(to.join(entry.file_name()), text)?;
        }
        Ok(())
    })
}

/// The version in the line `k8s.io/kubernetes v1.2.3`.
fn kubernetes_version(manifest: &str) -> Option<String> {
    let version = manifest.lines().find_map(|line| line.trim().strip_prefix("k8s.io/kubernetes "))?;
    Some(version.trim().to_owned())
}

/// Flags of the linker that leave symbols out and the version in.
fn version_flags(version: &str) -> Result<String> {
    let mut numbers = version.trim_start_matches('v').split('.');
    let (Some(major), Some(minor)) = (numbers.next(), numbers.next()) else {
        bail!("{version} is no version of Kubernetes");
    };
    let mut flags = "-s -w".to_owned();
    for package in VERSION_PACKAGES {
        for (name, value) in
            [("gitVersion", version), ("gitMajor", major), ("gitMinor", minor), ("gitTreeState", "clean")]
        {
            flags.push_str(&format!(" -X {package}.{name}={value}"));
        }
    }
    Ok(flags)
}

/// Builds `testbed/MODULE` unless that was done before, and returns the folder with the binary MODULE and `links` to it.
fn build(module: &str, linker_flags: &str, links: &[&str]) -> Result<PathBuf> {
    once(module, &["go.mod", "go.sum", "main.go"], &[linker_flags, &links.join(" ")], |go, source, work| {
        compile(go, source, linker_flags, &work.join(module), &[".".to_owned()])?;
        for link in links {
            std::os::unix::fs::symlink(module, work.join(link))?;
        }
        Ok(())
    })
}

/// The folder that `make` has filled from `testbed/MODULE`, now or earlier: it is called with the compiler, the source
/// and a folder, and what it makes depends on these files of the source and these flags.
fn once(
    module: &str,
    files: &[&str],
    flags: &[&str],
    make: impl FnOnce(&Path, &Path, &Path) -> Result<()>,
) -> Result<PathBuf> {
    let source = root::path().join("testbed").join(module);
    let go = compiler()?;
    let version = program::stdout(Command::new(&go).arg("version"))?;
    let mut parts = vec![version.trim().to_owned()];
    parts.extend(flags.iter().map(|flag| (*flag).to_owned()));
    for file in files {
        let path = source.join(file);
        parts.push(std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?);
    }
    let place = root::cache()?.join("testbed").join(format!("{module}-{}", key(&parts)));
    if place.is_dir() {
        return Ok(place);
    }
    eprintln!("building testbed/{module} with {}: minutes, once for this version", version.trim());
    let start = Instant::now();
    let work = place.with_extension(format!("building-{}", std::process::id()));
    let folder = std::fs::create_dir_all(&work).with_context(|| format!("making {}", work.display()));
    let outcome = folder.and_then(|()| make(&go, &source, &work)).and_then(|()| {
        match std::fs::rename(&work, &place) {
            // Another run was faster: its folder is as good.
            Err(_) if place.is_dir() => Ok(()),
            outcome => outcome.with_context(|| format!("moving {} to its place", work.display())),
        }
    });
    // What is left of a build is of no use, and a failure to remove it harms nothing.
    let _ = std::fs::remove_dir_all(&work);
    outcome?;
    eprintln!("built testbed/{module} in {}", ci::seconds(start.elapsed()));
    Ok(place)
}

/// Into a file, or of several packages into a folder.
fn compile(go: &Path, source: &Path, linker_flags: &str, output: &Path, packages: &[String]) -> Result<()> {
    let mut command = Command::new(go);
    command
        .current_dir(source)
        .args(["build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", linker_flags, "-o"])
        .arg(output)
        .args(packages)
        // One file that runs on every Linux.
        .env("CGO_ENABLED", "0");
    program::run(&mut command).with_context(|| {
        format!("{} was not built; Go fetches its modules as GOPROXY says", source.display())
    })
}

/// A name for what is made from these parts: equal parts give equal names, and no two lists of parts run together.
fn key(parts: &[String]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// A Go that is new enough: of the path, of Go's usual place, or Debian's, unpacked.
fn compiler() -> Result<PathBuf> {
    for candidate in ["go", "/usr/local/go/bin/go"] {
        let said = program::stdout(Command::new(candidate).arg("version")).unwrap_or_default();
        if go_version(&said).is_some_and(|version| version >= LEAST) {
            return Ok(candidate.into());
        }
    }
    let (suite, packages) = DEBIANS;
    let go = debian::unpacked_together(suite, &packages).and_then(|tree| {
        let go = tree.join("usr/lib/go-1.26/bin/go");
        program::stdout(Command::new(&go).arg("version")).map(|_| go)
    });
    go.with_context(|| {
        format!(
            "the cluster is built with Go {}.{} or newer; put one on the path, then run this again",
            LEAST.0, LEAST.1
        )
    })
}

/// The numbers in `go version go1.26.8 linux/amd64`.
fn go_version(said: &str) -> Option<(u64, u64)> {
    let version = said.strip_prefix("go version go")?;
    let mut numbers = version.split(|letter: char| !letter.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_part_or_another_split_of_the_same_text_is_another_key() {
        let key_of = |parts: &[&str]| key(&parts.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>());
        assert_eq!(key_of(&["go1", "a"]), key_of(&["go1", "a"]));
        assert_ne!(key_of(&["go1", "a"]), key_of(&["go2", "a"]));
        assert_ne!(key_of(&["go1", "a"]), key_of(&["go", "1a"]));
        assert_eq!(key_of(&[]).len(), 16);
    }

    #[test]
    fn the_version_of_kubernetes_stands_in_one_place_and_is_told_to_the_linker() {
        let manifest = "require (\n\tk8s.io/kubectl v0.34.12\n\tk8s.io/kubernetes v1.34.12\n)\n";
        let version = kubernetes_version(manifest).unwrap();
        assert_eq!(version, "v1.34.12");
        let flags = version_flags(&version).unwrap();
        for package in VERSION_PACKAGES {
            assert!(flags.contains(&format!("-X {package}.gitVersion=v1.34.12")), "{flags}");
            assert!(flags.contains(&format!("-X {package}.gitMinor=34")), "{flags}");
        }
        assert!(version_flags("v1").is_err());
    }

    #[test]
    fn an_older_go_is_told_from_a_newer_one() {
        assert_eq!(go_version("go version go1.26.8 linux/amd64"), Some((1, 26)));
        assert!(go_version("go version go1.9 linux/amd64") < Some(LEAST));
        assert_eq!(go_version("gccgo (Debian) 12"), None);
    }
}
