//! A server with all webhooks, and clients that trust its authority alone.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use domain::decide::settings::{Image, Settings};
use domain::objects::restic::Restic;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use kube::runtime::reflector::{self, store::Writer};
use kube::runtime::watcher::Event;
use operator::admission::{Admission, router};
use operator::certificates::{CaBundle, CertificateSettings, Content, Keeper, names, settle};
use operator::serve::{self, Health};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, DEFAULT_VERSIONS, RootCertStore};
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes, however busy the machine is.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(DEADLINE, future).await.expect("it should be done within the deadline")
}

/// Certificates that were made at this moment.
pub(crate) fn made() -> Content {
    settle(&Content::default(), Timestamp::now(), &names("stash-operator", "stash")).unwrap().content
}

/// A server whose certificate stands in files.
pub(crate) struct Running {
    folder: TempDir,
    address: SocketAddr,
    pub(crate) bundle: watch::Receiver<CaBundle>,
    pub(crate) health: Health,
    stop: CancellationToken,
    task: JoinHandle<()>,
    _restics: Writer<Restic>,
}

impl Running {
    /// With these Restics; `None` is a store that was never filled.
    pub(crate) async fn start(restics: Option<Vec<Restic>>) -> Self {
        Self::assembled(restics, |app, _| app).await
    }

    /// With something before its routes.
    pub(crate) async fn behind(restics: Option<Vec<Restic>>, protect: impl FnOnce(Router) -> Router) -> Self {
        Self::assembled(restics, |app, _| protect(app)).await
    }

    /// And with what else is to be served, until the token is cancelled.
    pub(crate) async fn start_with(
        restics: Option<Vec<Restic>>,
        more: impl FnOnce(&CancellationToken) -> Router,
    ) -> Self {
        Self::assembled(restics, |app, stop| app.merge(more(stop))).await
    }

    async fn assembled(
        restics: Option<Vec<Restic>>,
        assemble: impl FnOnce(Router, &CancellationToken) -> Router,
    ) -> Self {
        let folder = TempDir::new().unwrap();
        write(&folder, &made());
        let settings = CertificateSettings::Files {
            certificate: folder.path().join("tls.crt"),
            key: folder.path().join("tls.key"),
            authorities: None,
        };
        let keeper = Keeper::start(nobody(), &settings).await.unwrap();
        let (store, mut writer) = reflector::store();
        if let Some(restics) = restics {
            writer.apply_watcher_event(&Event::Init);
            restics.into_iter().for_each(|restic| writer.apply_watcher_event(&Event::InitApply(restic)));
            writer.apply_watcher_event(&Event::InitDone);
        }
        let (health, stop) = (Health::default(), CancellationToken::new());
        let admission =
            Admission { restics: store, settings: Arc::new(injected()), decisions: Arc::new(|_, _, _| {}) };
        let app = assemble(serve::router(&health, "0.9.0").merge(router(admission)), &stop);
        let server = serve::server(keeper.certificates()).unwrap();
        let listener = web::Listener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.address().parse().unwrap();
        let bundle = keeper.bundle();
        let task = tokio::spawn({
            let stop = stop.clone();
            async move {
                tokio::join!(keeper.run(&stop), serve::serve(&server, listener, app, &stop));
            }
        });
        Self { folder, address, bundle, health, stop, task, _restics: writer }
    }

    pub(crate) fn replace_certificates(&self, content: &Content) {
        write(&self.folder, content);
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        within(self.task).await.unwrap();
    }

    /// A connection under one of the names of the Service, and the certificate that was shown.
    pub(crate) async fn connect(&self, authorities: &CaBundle) -> std::io::Result<Connection> {
        connect(self.address, authorities).await
    }

    /// A connection of a client that shows this certificate.
    pub(crate) async fn connect_as(&self, own: &Shown) -> Connection {
        let bundle = self.bundle.borrow().clone();
        let own = Some((vec![own.certificate.clone()], own.key.clone_key()));
        connection(handshake(self.address, &bundle, own).await.unwrap()).await
    }

    /// A connection on which requests are written by hand.
    pub(crate) async fn stream(&self) -> TlsStream<TcpStream> {
        let bundle = self.bundle.borrow().clone();
        handshake(self.address, &bundle, None).await.unwrap()
    }

    pub(crate) fn tell_to_stop(&self) {
        self.stop.cancel();
    }

    /// Sends a request over a connection of its own.
    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> (StatusCode, String) {
        let bundle = self.bundle.borrow().clone();
        self.connect(&bundle).await.unwrap().send(request).await
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, String) {
        self.send(Request::get(path).header("host", "test").body(Full::default()).unwrap()).await
    }

    /// Asks a webhook, and returns the response of its answer.
    pub(crate) async fn review(&self, resource: &str, review: &Value) -> Value {
        let (code, answer) = self.post(resource, &[], review.to_string()).await;
        assert_eq!(code, 200, "{answer}");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["apiVersion"], "admission.k8s.io/v1");
        assert_eq!(answer["kind"], "AdmissionReview");
        assert_eq!(answer["response"]["uid"], review["request"]["uid"]);
        answer["response"].clone()
    }

    pub(crate) async fn post(
        &self,
        resource: &str,
        headers: &[(&'static str, &str)],
        body: String,
    ) -> (StatusCode, String) {
        let mut all = HeaderMap::new();
        all.insert("content-type", "application/json".parse().unwrap());
        for (name, value) in headers {
            all.insert(*name, value.parse().unwrap());
        }
        let mut request = Request::post(format!("/admission/v1/{resource}")).header("host", "test");
        request.headers_mut().unwrap().extend(all);
        self.send(request.body(Full::new(body.into())).unwrap()).await
    }
}

/// What a client shows.
pub(crate) struct Shown {
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) key: PrivateKeyDer<'static>,
}

pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    pub(crate) certificate: CertificateDer<'static>,
}

impl Connection {
    /// Sends a request, and returns its answer when that begins.
    pub(crate) async fn begin(&mut self, request: Request<Full<Bytes>>) -> Response<Incoming> {
        within(self.sender.send_request(request)).await.unwrap()
    }

    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> (StatusCode, String) {
        let (head, body) = self.ask(request).await;
        (head.status, String::from_utf8(body.to_vec()).unwrap())
    }

    /// The whole answer.
    pub(crate) async fn ask(&mut self, request: Request<Full<Bytes>>) -> (http::response::Parts, Bytes) {
        let answer = self.begin(request).await;
        let (head, body) = answer.into_parts();
        (head, within(body.collect()).await.unwrap().to_bytes())
    }
}

async fn handshake(
    address: SocketAddr,
    authorities: &CaBundle,
    own: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(
        CertificateDer::pem_slice_iter(authorities.pem().as_bytes()).map(Result::unwrap),
    );
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_protocol_versions(DEFAULT_VERSIONS).unwrap();
    let builder = builder.with_root_certificates(roots);
    let config = Arc::new(match own {
        Some((chain, key)) => builder.with_client_auth_cert(chain, key).unwrap(),
        None => builder.with_no_client_auth(),
    });
    let name = ServerName::try_from("stash-operator.stash.svc").unwrap();
    let stream = TcpStream::connect(address).await?;
    within(TlsConnector::from(config).connect(name, stream)).await
}

async fn connect(address: SocketAddr, authorities: &CaBundle) -> std::io::Result<Connection> {
    Ok(connection(handshake(address, authorities, None).await?).await)
}

async fn connection(stream: TlsStream<TcpStream>) -> Connection {
    let certificate = stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned();
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    Connection { sender, certificate }
}

/// A client of a cluster that is not there.
fn nobody() -> kube::Client {
    kube::Client::try_from(kube::Config::new("http://127.0.0.1:9".parse().unwrap())).unwrap()
}

fn write(folder: &TempDir, content: &Content) {
    for (name, text) in
        [("tls.crt", &content.certificate), ("tls.key", &content.key), ("ca.crt", &content.authorities)]
    {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
}

pub(crate) fn injected() -> Settings {
    Settings {
        image: Image { repository: "appscode/stash".into(), tag: "0.9.0".into() },
        image_pull_policy: None,
        pushgateway_url: "http://stash-operator.stash.svc:56789".into(),
        log_flags: Vec::new(),
        jitter: Duration::ZERO,
        check_interval: Duration::ZERO,
    }
}

/// A Restic of namespace `demo`.
pub(crate) fn restic(name: &str, label: (&str, &str)) -> Restic {
    serde_json::from_value(restic_value(name, label)).unwrap()
}

pub(crate) fn restic_value(name: &str, label: (&str, &str)) -> Value {
    json!({
        "apiVersion": "stash.appscode.com/v1alpha1",
        "kind": "Restic",
        "metadata": {"name": name, "namespace": "demo", "generation": 1},
        "spec": {
            "selector": {"matchLabels": {label.0: label.1}},
            "schedule": "@daily",
            "fileGroups": [{"path": "/data"}],
            "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            "backend": {"storageSecretName": "s", "gcs": {"bucket": "b"}},
        },
    })
}

/// A request as the API server sends it; the old object decides whether something is created or changed.
pub(crate) fn review(group: &str, resource: &str, object: &Value, old: &Value) -> Value {
    let operation = if old.is_null() { "CREATE" } else { "UPDATE" };
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": {"group": group, "version": "v1", "kind": "Any"},
            "resource": {"group": group, "version": "v1", "resource": resource},
            "name": object.pointer("/metadata/name").cloned().unwrap_or(json!("")),
            "namespace": "demo",
            "operation": operation,
            "userInfo": {"username": "somebody", "groups": ["system:authenticated"]},
            "object": object,
            "oldObject": old,
            "dryRun": false,
            "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
        },
    })
}
