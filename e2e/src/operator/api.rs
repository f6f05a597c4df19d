//! The operator's own server, asked as somebody or as nobody, over its Service and its own certificate.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Stdio};

use anyhow::{Context as _, Result};
use http::{HeaderName, HeaderValue};
use k8s_openapi::api::core::v1::Secret;
use kube::{Client, Config};

use super::{NAME, NAMESPACE, Operator};

/// Where the operator keeps its certificate.
const CERTIFICATE: &str = "stash-apiserver-cert";

/// The operator's server within reach, until it is dropped.
pub struct Reached {
    forward: Child,
    /// Kept to the end: kubectl tells of each connection and would end for want of a reader.
    _output: BufReader<ChildStdout>,
    address: String,
    authority: Vec<u8>,
}

impl Drop for Reached {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.forward.kill();
        let _ = self.forward.wait();
    }
}

impl Operator {
    /// Brings its HTTPS server within reach.
    pub async fn reach(&self) -> Result<Reached> {
        let secret = self.api::<Secret>().get(CERTIFICATE).await.context("reading its certificate")?;
        let pem = secret.data.and_then(|mut data| data.remove("ca.crt")).context("there is no ca.crt")?.0;
        let mut command = self.cluster.command("kubectl");
        let service = format!("service/{NAME}");
        command.args(["--namespace", NAMESPACE, "port-forward", &service, ":443"]).stdout(Stdio::piped());
        let mut forward = command.spawn().context("kubectl comes with `cargo xtask e2e`")?;
        let output = forward.stdout.take().context("the output of kubectl was not handed over")?;
        let (output, line) = tokio::task::spawn_blocking(move || {
            let (mut output, mut line) = (BufReader::new(output), String::new());
            output.read_line(&mut line).map(|_| (output, line))
        })
        .await??;
        // `Forwarding from 127.0.0.1:40123 -> 8443`
        let address = line.split_whitespace().nth(2).map(str::to_owned);
        let reached = Reached {
            forward,
            _output: output,
            address: address.with_context(|| format!("port-forward printed {line:?}"))?,
            authority: pem,
        };
        Ok(reached)
    }
}

impl Reached {
    /// Asks for a path with these headers, and returns the code and the body. Its certificate is verified.
    pub async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Result<(u16, String)> {
        let mut config = Config::new(format!("https://{}", self.address).parse()?);
        config.root_cert = Some(vec![der(&self.authority)?]);
        config.tls_server_name = Some(format!("{NAME}.{NAMESPACE}.svc"));
        for (name, value) in headers {
            config.headers.push((HeaderName::try_from(*name)?, HeaderValue::try_from(*value)?));
        }
        let client = Client::try_from(config)?;
        let request = http::Request::get(path).body(Vec::new())?;
        match client.request_text(request).await {
            Ok(text) => Ok((200, text)),
            Err(kube::Error::Api(status)) => Ok((status.code, status.message.clone())),
            Err(error) => Err(error).with_context(|| format!("asking for {path}")),
        }
    }
}

/// The first certificate of a text.
fn der(pem: &[u8]) -> Result<Vec<u8>> {
    use rustls_pki_types::pem::PemObject as _;
    let certificate = rustls_pki_types::CertificateDer::from_pem_slice(pem);
    Ok(certificate.map_err(|error| anyhow::anyhow!("ca.crt: {error}"))?.to_vec())
}
