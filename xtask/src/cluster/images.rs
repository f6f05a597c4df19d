//! The images that a node needs before any other: the sandbox of each pod, and a busybox for tests.
//!
//! Both are made here from Debian's busybox, since there is no registry to pull them from.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cluster::place::Place;
use crate::cluster::programs::Programs;
use crate::image::archive::Image;
use crate::image::layer::Layer;
use crate::program;

/// The first container of every pod, which holds its namespaces.
pub(crate) const PAUSE: &str = "stash.test/pause:1";

/// A shell and the usual small programs. Not `latest`, so the node does not try to pull it.
pub(crate) const BUSYBOX: &str = "stash.test/busybox:1";

/// Waits for ever, ends when asked to, and as the first process of a pod that shares its processes takes in orphans.
const PAUSE_SCRIPT: &str = "trap 'exit 0' INT TERM; while :; do sleep 86400 & wait $!; done";

/// Puts both into containerd.
pub(super) fn load(place: Place, programs: &Programs) -> Result<()> {
    let busybox = &programs.busybox;
    let pause = ["/bin/sh", "-c", PAUSE_SCRIPT];
    for (file, image) in
        [("pause.tar", of_busybox(PAUSE, busybox, &pause, "65535:65535")?), ("busybox.tar", shell(busybox)?)]
    {
        let file = place.state().join("images").join(file);
        image.write(&file)?;
        import(place, programs, &file)?;
    }
    Ok(())
}

/// The image [`BUSYBOX`], of this program.
pub(crate) fn shell(busybox: &Path) -> Result<Image> {
    of_busybox(BUSYBOX, busybox, &["/bin/sh"], "0:0")
}

fn of_busybox(name: &str, busybox: &Path, command: &[&str], user: &str) -> Result<Image> {
    Ok(Image {
        name: name.to_owned(),
        layers: vec![layer(busybox)?],
        entrypoint: Vec::new(),
        command: command.iter().copied().map(str::to_owned).collect(),
        environment: vec!["PATH=/bin".to_owned()],
        user: user.to_owned(),
        labels: Vec::new(),
    })
}

/// Busybox under each of its names.
fn layer(program: &Path) -> Result<Layer> {
    let mut layer = Layer::default();
    let content = std::fs::read(program).with_context(|| format!("reading {}", program.display()))?;
    layer
        .file("/bin/busybox", 0o755, content)
        .file("/etc/passwd", 0o644, "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n")
        .file("/etc/group", 0o644, "root:x:0:\nnobody:x:65534:\n")
        .folder("/root", 0o700)
        .folder("/tmp", 0o1777);
    let names = program::stdout(Command::new(program).arg("--list"))?;
    for name in names.lines().filter(|name| *name != "busybox") {
        layer.link(&format!("/bin/{name}"), "busybox");
    }
    Ok(layer)
}

/// Loads an image archive, of OCI or of `docker save`, into the node.
pub(super) fn import(place: Place, programs: &Programs, archive: &Path) -> Result<()> {
    if !archive.is_file() {
        bail!("there is no image archive {}", archive.display());
    }
    program::stdout(ctr(place, programs).args(["images", "import"]).arg(archive)).map(|_| ())
}

/// containerd's own client, at the images and containers of Kubernetes.
pub(super) fn ctr(place: Place, programs: &Programs) -> Command {
    let mut command = Command::new(programs.containerd("ctr"));
    command.arg("--address").arg(place.socket()).args(["--timeout", "2m", "--namespace", "k8s.io"]);
    command
}
