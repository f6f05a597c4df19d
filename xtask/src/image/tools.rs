//! Images of other people's programs, for pods of the tests: a program and the libraries it needs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::cluster::{go, images};
use crate::image::archive::Image;
use crate::image::layer::Layer;
use crate::test::provision;
use crate::{debian, program, root};

/// Nobody in particular; pods choose their own.
const USER: &str = "65532:65532";

/// Writes the archives of all of them and says where they are. The names are those of `e2e/src/image.rs`.
pub(crate) fn build() -> Result<Vec<PathBuf>> {
    let prometheus =
        of_program("stash.test/prometheus:1", "/usr/bin/prometheus", &provision::path_of("prometheus")?)?;
    let restic = of_program("stash.test/restic:1", "/usr/bin/restic", &provision::newer_restic()?)?;
    let folder = go::prometheus_operator()?;
    let operator = of_program("stash.test/prometheus-operator:1", "/bin/operator", &folder.join("operator"))?;
    // The operator calls it by this path.
    let reloader = "/bin/prometheus-config-reloader";
    let program = folder.join("prometheus-config-reloader");
    let reloader = of_program("stash.test/prometheus-config-reloader:1", reloader, &program)?;
    Ok(vec![
        write(&prometheus, "prometheus.tar")?,
        write(&restic, "restic.tar")?,
        write(&operator, "prometheus-operator.tar")?,
        write(&reloader, "prometheus-config-reloader.tar")?,
    ])
}

/// The same for the image with a shell, which this machine's own cluster has from the first.
pub(crate) fn build_shell() -> Result<PathBuf> {
    let busybox = debian::unpacked("bookworm", "busybox-static")?.join("bin/busybox");
    write(&images::shell(&busybox)?, "busybox.tar")
}

fn write(image: &Image, name: &str) -> Result<PathBuf> {
    let file = root::path().join("target/images").join(name);
    image.write(&file)?;
    Ok(file)
}

/// An image with a program, at the path that people know it by, which is what it runs.
fn of_program(name: &str, inside: &str, program: &Path) -> Result<Image> {
    let mut layer = Layer::default();
    layer.file(inside, 0o755, read(program)?).folder("/tmp", 0o1777);
    for library in libraries(program)? {
        layer.file(&library.to_string_lossy(), 0o755, read(&library)?);
    }
    Ok(Image {
        name: name.to_owned(),
        layers: vec![layer],
        entrypoint: vec![inside.to_owned()],
        command: Vec::new(),
        environment: vec!["PATH=/usr/bin".to_owned()],
        user: USER.to_owned(),
        labels: Vec::new(),
    })
}

fn read(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("reading {}", file.display()))
}

/// Where the loader of this machine finds the libraries of a program, itself among them; none of a static one.
fn libraries(program: &Path) -> Result<Vec<PathBuf>> {
    let mut ldd = Command::new("ldd");
    let output = ldd.arg(program).stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("could not start `{}`", program::line(&ldd)))?;
    Ok(paths_in(&String::from_utf8_lossy(&output.stdout)))
}

/// The absolute path on each line: `libc.so.6 => /lib/…/libc.so.6 (0x…)` or `/lib64/ld-….so.2 (0x…)`.
fn paths_in(said: &str) -> Vec<PathBuf> {
    said.lines()
        .filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')))
        .map(PathBuf::from)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_read_from_what_the_loader_prints() {
        let said = "\tlinux-vdso.so.1 (0x00007ffc)\n\tlibc.so.6 => /lib/x/libc.so.6 (0x00007f)\n\t/lib64/ld-x.so.2 (0x00007f)\n";
        assert_eq!(paths_in(said), [PathBuf::from("/lib/x/libc.so.6"), PathBuf::from("/lib64/ld-x.so.2")]);
        assert_eq!(paths_in("\tstatically linked\n"), Vec::<PathBuf>::new());
    }
}
