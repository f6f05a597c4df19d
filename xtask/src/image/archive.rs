//! An image as one file, written without a daemon and without a registry.
//!
//! The file is an OCI image layout in a tar (<https://github.com/opencontainers/image-spec>), with the `manifest.json` of
//! `docker save` beside it, so that containerd, podman, skopeo and every Docker load it.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use flate2::{Compression, GzBuilder};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::{Builder, Header};

use crate::image::layer::Layer;

/// What an image is made of.
pub(crate) struct Image {
    /// With its tag, such as `localhost/stash:dev`.
    pub(crate) name: String,
    pub(crate) layers: Vec<Layer>,
    pub(crate) entrypoint: Vec<String>,
    /// Arguments that a container's own replace.
    pub(crate) command: Vec<String>,
    /// `NAME=value`.
    pub(crate) environment: Vec<String>,
    /// Numeric, so that Kubernetes can see that it is not root.
    pub(crate) user: String,
    pub(crate) labels: Vec<(String, String)>,
}

/// What was written.
pub(crate) struct Written {
    /// `sha256:…` of the manifest, by which a registry would know the image.
    pub(crate) digest: String,
    /// Bytes of the files inside.
    pub(crate) unpacked: u64,
    /// Bytes of the compressed layers, which is what a registry would send.
    pub(crate) packed: u64,
}

/// The architecture in the words of OCI.
pub(crate) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// Pieces of the layout that are named by their content.
#[derive(Default)]
struct Blobs(Vec<(String, Vec<u8>)>);

impl Blobs {
    /// Keeps the bytes and describes them.
    fn put(&mut self, media_type: &str, bytes: Vec<u8>) -> Value {
        let digest = hex(&bytes);
        let descriptor =
            json!({ "mediaType": media_type, "digest": format!("sha256:{digest}"), "size": bytes.len() });
        self.0.push((digest, bytes));
        descriptor
    }
}

impl Image {
    /// Writes the archive; a file that is there is replaced as a whole.
    pub(crate) fn write(&self, file: &Path) -> Result<Written> {
        let mut blobs = Blobs::default();
        let mut layers = Vec::new();
        let mut diff_ids = Vec::new();
        for layer in &self.layers {
            let tar = layer.tar()?;
            diff_ids.push(format!("sha256:{}", hex(&tar)));
            layers.push(blobs.put("application/vnd.oci.image.layer.v1.tar+gzip", compress(&tar)?));
        }
        let packed = layers.iter().filter_map(|layer| layer["size"].as_u64()).sum();
        let config = json!({
            "created": "1970-01-01T00:00:00Z",
            "architecture": architecture(),
            "os": "linux",
            "config": {
                "User": self.user,
                "Env": self.environment,
                "Entrypoint": self.entrypoint,
                "Cmd": self.command,
                "WorkingDir": "/",
                "Labels": self.labels.iter().cloned().map(|(key, value)| (key, Value::String(value))).collect::<serde_json::Map<_, _>>(),
            },
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        });
        let config = blobs.put("application/vnd.oci.image.config.v1+json", serde_json::to_vec(&config)?);
        let manifest_type = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": manifest_type,
            "config": config,
            "layers": layers,
        });
        let mut described = blobs.put(manifest_type, serde_json::to_vec(&manifest)?);
        let digest = described["digest"].as_str().unwrap_or_default().to_owned();
        described["platform"] = json!({ "architecture": architecture(), "os": "linux" });
        described["annotations"] = json!({
            "io.containerd.image.name": self.name,
            "org.opencontainers.image.ref.name": self.name.rsplit_once(':').map_or("latest", |(_, tag)| tag),
        });
        let index = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [described],
        });
        let legacy = json!([{
            "Config": blob_path(&config),
            "RepoTags": [self.name],
            "Layers": layers.iter().map(blob_path).collect::<Vec<_>>(),
        }]);

        let mut tar = Builder::new(Vec::new());
        append(&mut tar, "oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        append(&mut tar, "index.json", &serde_json::to_vec(&index)?)?;
        append(&mut tar, "manifest.json", &serde_json::to_vec(&legacy)?)?;
        for (digest, bytes) in &blobs.0 {
            append(&mut tar, &format!("blobs/sha256/{digest}"), bytes)?;
        }
        replace(file, &tar.into_inner()?)?;
        Ok(Written { digest, unpacked: self.layers.iter().map(Layer::size).sum(), packed })
    }
}

fn blob_path(descriptor: &Value) -> String {
    format!("blobs/{}", descriptor["digest"].as_str().unwrap_or_default().replace(':', "/"))
}

fn append(tar: &mut Builder<Vec<u8>>, path: &str, bytes: &[u8]) -> Result<()> {
    let mut header = Header::new_gnu();
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_size(bytes.len() as u64);
    tar.append_data(&mut header, path, bytes).with_context(|| format!("putting {path} into an image archive"))
}

/// The header of the compressed form holds neither a time nor a name.
fn compress(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().write(Vec::new(), Compression::new(6));
    encoder.write_all(bytes).and_then(|()| encoder.finish()).context("compressing a layer")
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Another process that reads the file sees the old or the new one, never a part.
fn replace(file: &Path, bytes: &[u8]) -> Result<()> {
    let folder = file.parent().context("an image archive has no folder")?;
    let writing = file.with_extension(format!("writing-{}", std::process::id()));
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&writing, bytes))
        .and_then(|()| std::fs::rename(&writing, file))
        .with_context(|| format!("writing {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(content: &str) -> Image {
        let mut layer = Layer::default();
        layer.file("/program", 0o755, content);
        Image {
            name: "localhost/some:dev".to_owned(),
            layers: vec![layer],
            entrypoint: vec!["/program".to_owned()],
            command: Vec::new(),
            environment: Vec::new(),
            user: "65532:65532".to_owned(),
            labels: vec![("a".to_owned(), "b".to_owned())],
        }
    }

    /// The files of an archive by name.
    fn unpack(file: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
        let bytes = std::fs::read(file).unwrap();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let read = |entry: std::io::Result<tar::Entry<'_, &[u8]>>| {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
            (entry.path().unwrap().display().to_string(), content)
        };
        archive.entries().unwrap().map(read).collect()
    }

    #[test]
    fn the_same_input_gives_the_same_file_and_another_input_another_digest() {
        let folder = tempfile::tempdir().unwrap();
        let [one, two, other] = ["one", "two", "other"].map(|name| folder.path().join(name));
        let first = image("content").write(&one).unwrap();
        let second = image("content").write(&two).unwrap();
        assert_eq!(first.digest, second.digest);
        assert_eq!(std::fs::read(&one).unwrap(), std::fs::read(&two).unwrap());
        assert_ne!(image("other content").write(&other).unwrap().digest, first.digest);
    }

    #[test]
    fn every_digest_in_the_archive_is_that_of_the_bytes_it_names() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("image.tar");
        let written = image("content").write(&file).unwrap();
        let files = unpack(&file);
        let parse = |name: &str| serde_json::from_slice::<Value>(&files[name]).unwrap();
        let index = parse("index.json");
        let described = &index["manifests"][0];
        assert_eq!(described["digest"], written.digest);
        assert_eq!(described["annotations"]["io.containerd.image.name"], "localhost/some:dev");
        let manifest = parse(&blob_path(described));
        let config = parse(&blob_path(&manifest["config"]));
        let layer = &files[&blob_path(&manifest["layers"][0])];
        let mut tar = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(layer.as_slice()), &mut tar).unwrap();
        assert_eq!(config["rootfs"]["diff_ids"][0], format!("sha256:{}", hex(&tar)));
        for descriptor in [described, &manifest["config"], &manifest["layers"][0]] {
            let bytes = &files[&blob_path(descriptor)];
            assert_eq!(descriptor["digest"], format!("sha256:{}", hex(bytes)));
            assert_eq!(descriptor["size"], bytes.len());
        }
        assert_eq!(config["config"]["User"], "65532:65532");
        assert_eq!(config["config"]["Labels"], json!({ "a": "b" }));
        // What an older Docker reads names the same pieces.
        let legacy = parse("manifest.json");
        assert_eq!(legacy[0]["Config"], blob_path(&manifest["config"]));
        assert_eq!(legacy[0]["Layers"][0], blob_path(&manifest["layers"][0]));
        assert_eq!(legacy[0]["RepoTags"][0], "localhost/some:dev");
    }
}
