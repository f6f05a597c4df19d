//! The way to the API server: where it is, who we are, and how long an answer may take.
//!
//! A frozen API server accepts a connection and says nothing. Without a deadline a call to it hangs for ever, and with
//! it whatever waits for the call. The deadline here is for the *head* of a response: a watch has its head at once
//! and then lives as long as the server lets it, so it is not cut. Bodies that stop are cut by [`SILENCE`].

use std::path::PathBuf;
use std::time::Duration;

use http::header::USER_AGENT;
use http::{HeaderValue, Uri};
use kube::client::ClientBuilder;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tower::timeout::TimeoutLayer;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);
/// How long the head of a response may take. The API server itself gives up after a minute; what takes longer than
/// this is asked again by whoever needs it.
const ANSWER: Duration = Duration::from_secs(20);
/// How long a response may be silent. A watch has a bookmark about once a minute and ends after five.
const SILENCE: Duration = Duration::from_secs(180);

/// Where the API server is and how to reach it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Target {
    /// A kubeconfig file; without it and without `master`, the service account of the pod.
    pub kubeconfig: Option<PathBuf>,
    /// Address of the API server, in place of the one in the kubeconfig.
    pub master: Option<String>,
    /// What we call ourselves in the API server's log, `name/version`.
    pub user_agent: String,
    /// We act for a person: without a file, what kubectl would use goes before the service account of a pod.
    pub as_kubectl: bool,
}

/// No client could be made. Nothing was sent yet: whether the API server answers shows at the first call.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// Neither a kubeconfig nor the service account of a pod.
    #[error(
        "cannot find the API server: {0}; inside a pod mount the token of its service account \
         (automountServiceAccountToken), outside give --kubeconfig"
    )]
    NotInCluster(#[source] kube::config::InClusterError),
    /// The kubeconfig cannot be used.
    #[error("cannot use the kubeconfig {}: {source}; give a readable file with a current context", path.display())]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: kube::config::KubeconfigError,
    },
    /// Neither what kubectl uses nor the service account of a pod.
    #[error("cannot find the API server as kubectl does: {0}; set KUBECONFIG, or give --kubeconfig")]
    NotFound(#[source] kube::config::InferConfigError),
    /// The address is not one.
    #[error(
        "--master {address:?} is not the address of an API server ({reason}); write it as https://host:port"
    )]
    Master {
        /// What was given.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The user agent cannot be sent in a header.
    #[error("the user agent {0:?} cannot be sent in a header; use printable ASCII")]
    UserAgent(String),
    /// Certificates, tokens or the proxy cannot be used.
    #[error("cannot make a client of the API server: {0}; mend its certificates, token or proxy")]
    Client(#[source] Box<kube::Error>),
}

/// Makes a client. It sends nothing, so that an API server that is away is no reason not to start.
///
/// Nothing is retried by the client itself: a refused eviction, for instance, has the same status as an overloaded
/// server, and only the caller knows what to do.
///
/// # Errors
/// When no address or identity can be found, or when they cannot be used.
pub async fn connect(target: &Target) -> Result<Client, ConnectError> {
    let mut config = configuration(target).await?;
    config.connect_timeout = Some(CONNECT);
    config.read_timeout = Some(SILENCE);
    config.reset_reader_on_write = true;
    config.default_retry = false;
    let agent = HeaderValue::from_str(&target.user_agent)
        .map_err(|_| ConnectError::UserAgent(target.user_agent.clone()))?;
    config.headers.push((USER_AGENT, agent));
    let builder = ClientBuilder::try_from(config).map_err(|error| ConnectError::Client(Box::new(error)))?;
    Ok(builder.with_layer(&TimeoutLayer::new(ANSWER)).build())
}

async fn configuration(target: &Target) -> Result<Config, ConnectError> {
    let master = target.master.as_deref().filter(|text| !text.is_empty()).map(address).transpose()?;
    let mut config = match (&target.kubeconfig, &master) {
        (Some(path), _) => {
            let refuse = |source| ConnectError::Kubeconfig { path: path.clone(), source };
            let read = Kubeconfig::read_from(path).map_err(refuse)?;
            Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await.map_err(refuse)?
        }
        (None, None) if target.as_kubectl => Config::infer().await.map_err(ConnectError::NotFound)?,
        // As client-go does: an address alone is enough for a server that asks nobody's name.
        (None, Some(address)) => Config::incluster().unwrap_or_else(|_| Config::new(address.clone())),
        (None, None) => Config::incluster().map_err(ConnectError::NotInCluster)?,
    };
    if let Some(master) = master {
        config.cluster_url = master;
    }
    Ok(config)
}

fn address(text: &str) -> Result<Uri, ConnectError> {
    let refuse = |reason: String| ConnectError::Master { address: text.to_owned(), reason };
    let uri: Uri = text.parse().map_err(|error: http::uri::InvalidUri| refuse(error.to_string()))?;
    match (uri.scheme_str(), uri.host()) {
        (Some("http" | "https"), Some(_)) => Ok(uri),
        (_, None) => Err(refuse("it has no host".to_owned())),
        _ => Err(refuse("it starts neither with https:// nor with http://".to_owned())),
    }
}

/// Whether a failed call says something about the request, rather than about the way to the API server.
///
/// `true` for a status the server answered and will answer again: not found, forbidden, refused as invalid,
/// conflicting. `false` when it did not answer, is overloaded, or failed by itself: the same call may work later.
#[must_use]
pub fn is_definite(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => (400..500).contains(&status.code) && status.code != 429,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{ConnectError, Target, address, connect};

    #[test]
    fn an_address_without_host_or_scheme_is_refused_with_its_text() {
        for wrong in ["10.0.0.1:6443", "/etc", "ftp://10.0.0.1", "https://", ""] {
            let refused = address(wrong).map_err(|error| error.to_string());
            assert!(refused.as_ref().is_err_and(|text| text.contains(wrong)), "{wrong}: {refused:?}");
        }
        assert!(address("https://10.0.0.1:6443").is_ok());
        assert!(address("https://[fd00::1]:6443").is_ok());
    }

    #[tokio::test]
    async fn a_missing_kubeconfig_is_an_error_that_names_it() {
        let target = Target {
            kubeconfig: Some("/nowhere/config".into()),
            master: None,
            user_agent: "stash/test".to_owned(),
            as_kubectl: false,
        };
        let refused = connect(&target).await.err();
        assert!(matches!(&refused, Some(ConnectError::Kubeconfig { .. })), "{refused:?}");
        assert!(refused.is_some_and(|error| error.to_string().contains("/nowhere/config")));
    }

    #[tokio::test]
    async fn an_address_alone_makes_a_client() {
        let target = Target {
            kubeconfig: None,
            master: Some("http://127.0.0.1:1".to_owned()),
            user_agent: "stash/test".to_owned(),
            as_kubectl: false,
        };
        assert!(connect(&target).await.is_ok());
    }
}
