//! `cargo xtask image`: our container image from the release build, without a daemon and without a registry.
//!
//! What is inside is what `deploy/Dockerfile` puts in, and a test compares the two.

pub(crate) mod archive;
pub(crate) mod layer;
pub(crate) mod tools;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail};

use crate::image::archive::{Image, architecture};
use crate::image::layer::Layer;
use crate::test::provision;
use crate::{cluster, program, root};

/// A name that no registry answers to: what is not loaded is not there.
pub(crate) const NAME: &str = "localhost/stash:dev";

/// Numeric, so that Kubernetes sees by itself that it is not root. The number is that of `nonroot` in the images that
/// hold one program.
const USER: &str = "65532";

/// Where programs look for the certificates of public authorities, on Debian and in this image.
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Stash's own licence, and that of Mozilla's list of certificates and of the crates that `deny.toml` excepts.
const LICENCES: &str = "Apache-2.0 AND MPL-2.0";

/// How the program is built: with the C library in it, and with short relocations, a megabyte less to read at each start
/// and to hold in each pod.
const FLAGS: [&str; 2] = ["-Ctarget-feature=+crt-static", "-Clink-arg=-Wl,-z,pack-relative-relocs"];

/// Writes the image's archive below `target/images` and loads it into the cluster of this machine when one is up.
pub(crate) fn run() -> Result<ExitCode> {
    let file = build()?;
    if cluster::is_there()? {
        cluster::import(&file)?;
        println!("loaded into the cluster of this machine");
    }
    println!(
        "load it elsewhere with `docker load --input {0}` or `kind load image-archive {0}`",
        file.display()
    );
    Ok(ExitCode::SUCCESS)
}

/// Builds the program, writes the archive and says where it is.
pub(crate) fn build() -> Result<PathBuf> {
    let program = static_program()?;
    let content = std::fs::read(&program).with_context(|| format!("reading {}", program.display()))?;
    let file = root::path().join("target/images/stash.tar");
    let written = of_stash(content, certificates()?).write(&file)?;
    println!(
        "{NAME} ({}), {} MB packed, {} MB unpacked, {}",
        architecture(),
        megabytes(written.packed),
        megabytes(written.unpacked),
        written.digest
    );
    Ok(file)
}

fn of_stash(program: Vec<u8>, certificates: Vec<u8>) -> Image {
    let mut system = Layer::default();
    system
        .file(CERTIFICATES, 0o644, certificates)
        .file("/etc/passwd", 0o644, format!("root:x:0:0::/:/\nstash:x:{USER}:{USER}::/:/\n"))
        .file("/etc/group", 0o644, format!("root:x:0:\nstash:x:{USER}:\n"));
    let mut ours = Layer::default();
    ours.file("/usr/bin/stash", 0o755, program);
    Image {
        name: NAME.to_owned(),
        // What changes less is below: a new version sends the upper one alone.
        layers: vec![system, ours],
        entrypoint: vec!["/usr/bin/stash".to_owned()],
        command: Vec::new(),
        environment: vec!["PATH=/usr/bin".to_owned(), format!("SSL_CERT_FILE={CERTIFICATES}")],
        user: format!("{USER}:{USER}"),
        labels: labels(),
    }
}

/// The labels of <https://github.com/opencontainers/image-spec/blob/main/annotations.md>.
fn labels() -> Vec<(String, String)> {
    let pairs = [
        ("title", "Stash"),
        ("description", "Backup and recovery of Kubernetes volumes into restic repositories"),
        ("version", env!("CARGO_PKG_VERSION")),
        ("licenses", LICENCES),
        ("source", env!("CARGO_PKG_REPOSITORY")),
    ];
    let told = pairs.into_iter().filter(|(_, value)| !value.is_empty());
    told.map(|(name, value)| (format!("org.opencontainers.image.{name}"), value.to_owned())).collect()
}

/// The release build as one file that needs no library of the machine it runs on.
///
/// The C library is linked in, which is glibc's: its static form comes with every Debian compiler, needs no other
/// toolchain, and its allocator keeps up with threads. Build scripts and macros run here and stay as they are, which is
/// what naming the target does.
pub(crate) fn static_program() -> Result<PathBuf> {
    built("build", &["--package", "stash"], "stash")
}

/// A benchmark, built alike, so that it takes what is built already.
pub(crate) fn static_bench(package: &str, name: &str) -> Result<PathBuf> {
    built("bench", &["--no-run", "--package", package, "--bench", name], name)
}

fn built(verb: &str, what: &[&str], name: &str) -> Result<PathBuf> {
    let target = host()?;
    // Messages of the program name places in its source. They must not depend on where somebody keeps it.
    let moved = |from: &Path, to: &str| format!("--remap-path-prefix={}={to}", from.display());
    let moved = [moved(&root::path(), "/source"), moved(&root::cargo_home()?, "/usr/local/cargo")];
    let flags: Vec<&str> = FLAGS.into_iter().chain(moved.iter().map(String::as_str)).collect();
    let mut command = program::cargo();
    command.arg(verb).args(what).args(["--locked", "--target", &target]);
    // What is measured is built for release by itself.
    if verb == "build" {
        command.arg("--release");
    }
    command
        .args(["--message-format", "json-render-diagnostics"])
        // In this form a path may hold blanks.
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
        .stderr(Stdio::inherit());
    let messages = program::stdout(&mut command)?;
    program::executable(&messages, name)
        .with_context(|| format!("cargo built {name} but does not say where it is"))
}

/// The triple of this machine.
fn host() -> Result<String> {
    let said = program::stdout(Command::new("rustc").current_dir(root::path()).arg("-vV"))?;
    let triple = said.lines().find_map(|line| line.strip_prefix("host: "));
    let triple = triple.context("`rustc -vV` names no host")?;
    if !triple.contains("-linux-") {
        bail!("images are for Linux and this is {triple}; build deploy/Dockerfile instead");
    }
    Ok(triple.to_owned())
}

/// Mozilla's list as Debian packages it, in the one file that installing the package would make.
fn certificates() -> Result<Vec<u8>> {
    bundle(&provision::certificates()?)
}

fn bundle(folder: &Path) -> Result<Vec<u8>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "crt") {
            files.push(path);
        }
    }
    files.sort();
    let mut bundle = Vec::new();
    for file in &files {
        let certificate = std::fs::read(file).with_context(|| format!("reading {}", file.display()))?;
        bundle.extend_from_slice(certificate.trim_ascii_end());
        bundle.push(b'\n');
    }
    if bundle.is_empty() {
        bail!("{} holds no certificate", folder.display());
    }
    Ok(bundle)
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{}", bytes / 1_000_000, bytes / 100_000 % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dockerfile_says_the_same() {
        let dockerfile = root::text(Path::new("deploy/Dockerfile")).unwrap().unwrap();
        let image = of_stash(b"program".to_vec(), b"certificates".to_vec());
        let mut said = vec![
            format!("USER {}\n", image.user),
            format!("ENV {}\n", image.environment.join(" ")),
            format!("ENTRYPOINT {}\n", serde_json::to_string(&image.entrypoint).unwrap()),
            format!("ARG VERSION={}\n", env!("CARGO_PKG_VERSION")),
            format!("ENV RUSTFLAGS=\"{}\"\n", FLAGS.join(" ")),
        ];
        for (name, value) in &image.labels {
            let value = if name.ends_with(".version") { "$VERSION" } else { value };
            said.push(format!("{name}=\"{value}\""));
        }
        for file in [CERTIFICATES, "/etc/passwd", "/etc/group", "/usr/bin/stash"] {
            said.push(format!(" {file}\n"));
        }
        for words in said {
            assert!(dockerfile.contains(&words), "deploy/Dockerfile lacks {words:?}");
        }
        // And it builds with the pinned compiler.
        let pinned = root::text(Path::new("rust-toolchain.toml")).unwrap().unwrap();
        let version =
            pinned.lines().find_map(|line| line.strip_prefix("channel = ")).unwrap().trim_matches('"');
        assert!(dockerfile.contains(&format!("FROM rust:{version}-")), "another compiler than {version}");
    }

    #[test]
    fn the_bundle_holds_every_certificate_once_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("b.crt", "B\n\n"), ("a.crt", "A"), ("notes.txt", "no")] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        assert_eq!(bundle(folder.path()).unwrap(), b"A\nB\n");
        std::fs::remove_file(folder.path().join("a.crt")).unwrap();
        std::fs::remove_file(folder.path().join("b.crt")).unwrap();
        assert!(bundle(folder.path()).is_err());
    }
}
