//! As much of an API server as one needs who asks it who may do what, and an operator's server that does.

use std::sync::{Arc, Mutex};

use apiserver::{ApiServer, Audit, Metrics};
use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{Request, StatusCode};
use http_body_util::Full;
use k8s_openapi::api::authentication::v1::TokenReview;
use k8s_openapi::api::authorization::v1::{SubjectAccessReview, SubjectAccessReviewSpec};
use operator::serve::{self, RequestLimits};
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::server::{Running, Shown, within};

/// Who signs certificates of clients.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { pem: certificate.pem(), issuer: Issuer::new(params, key) }
    }

    pub(crate) fn sign(&self, name: &str, organization: &str) -> Shown {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.distinguished_name.push(DnType::OrganizationName, organization);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Shown { certificate: certificate.der().clone(), key: key.serialize_der().try_into().unwrap() }
    }
}

/// What the cluster was asked, and what it says.
#[derive(Default)]
struct Says {
    tokens: Mutex<u32>,
    questions: Mutex<Vec<SubjectAccessReviewSpec>>,
    is_silent: Mutex<bool>,
    trust: Value,
}

/// An operator's server, and the cluster that it asks.
pub(crate) struct Delegating {
    pub(crate) running: Running,
    pub(crate) api: ApiServer,
    /// Of clients that are themselves, and of the proxy.
    pub(crate) clients: Authority,
    pub(crate) proxies: Authority,
    says: Arc<Says>,
    stop: CancellationToken,
}

impl Delegating {
    pub(crate) async fn start() -> Self {
        Self::with(RequestLimits::default(), Audit::default(), Router::new()).await
    }

    /// With further routes.
    pub(crate) async fn with(limits: RequestLimits, audit: Audit, routes: Router) -> Self {
        let (clients, proxies) = (Authority::new(), Authority::new());
        let trust = json!({
            "client-ca-file": clients.pem,
            "requestheader-client-ca-file": proxies.pem,
            "requestheader-allowed-names": "[\"front-proxy-client\"]",
            "requestheader-username-headers": "[\"X-Remote-User\"]",
            "requestheader-group-headers": "[\"X-Remote-Group\"]",
            "requestheader-extra-headers-prefix": "[\"X-Remote-Extra-\"]",
        });
        let says = Arc::new(Says { trust, ..Says::default() });
        let app = Router::new()
            .route(
                "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication",
                get(async |State(says): State<Arc<Says>>| Json(json!({"metadata": {}, "data": says.trust}))),
            )
            .route("/apis/authentication.k8s.io/v1/tokenreviews", post(token))
            .route("/apis/authorization.k8s.io/v1/subjectaccessreviews", post(access))
            .with_state(Arc::clone(&says));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        let config = kube::Config::new(format!("http://{address}").parse().unwrap());
        let client = kube::Client::try_from(config).unwrap();
        let api = serve::api_server(client, limits, audit, Metrics::default());
        let running = Running::behind(Some(Vec::new()), |app| api.protect(app.merge(routes))).await;
        let stop = CancellationToken::new();
        tokio::spawn({
            let (api, stop) = (api.clone(), stop.clone());
            async move { api.run(&stop).await }
        });
        let delegating = Self { running, api, clients, proxies, says, stop };
        delegating.knows_whom_to_trust().await;
        delegating
    }

    async fn knows_whom_to_trust(&self) {
        let known = self.clients.sign("somebody", "system:masters");
        within(async {
            let mut connection = self.running.connect_as(&known).await;
            while connection.send(request("/metrics", &[])).await.0 != StatusCode::OK {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    /// From now on the cluster answers no question.
    pub(crate) fn fall_silent(&self) {
        *self.says.is_silent.lock().unwrap() = true;
    }

    /// How often it was asked whose a token is.
    pub(crate) fn tokens_asked(&self) -> u32 {
        *self.says.tokens.lock().unwrap()
    }

    /// What it was asked about users, oldest first.
    pub(crate) fn questions(&self) -> Vec<SubjectAccessReviewSpec> {
        self.says.questions.lock().unwrap().clone()
    }

    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> (StatusCode, Value) {
        let (code, text) = self.running.send(request(path, headers)).await;
        (code, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    pub(crate) async fn get_as(
        &self,
        own: &Shown,
        path: &str,
        headers: &[(&str, &str)],
    ) -> (StatusCode, Value) {
        let (code, text) = self.running.connect_as(own).await.send(request(path, headers)).await;
        (code, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }
}

impl Drop for Delegating {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub(crate) fn request(path: &str, headers: &[(&str, &str)]) -> Request<Full<axum::body::Bytes>> {
    let mut request = Request::get(path).header("host", "test");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::default()).unwrap()
}

/// The token `of NAME` is that of user `NAME`.
async fn token(
    State(says): State<Arc<Says>>,
    Json(review): Json<TokenReview>,
) -> Result<Json<Value>, StatusCode> {
    *says.tokens.lock().unwrap() += 1;
    if *says.is_silent.lock().unwrap() {
        return Err(StatusCode::INTERNAL_SERVER_ERROR);
    }
    let token = review.spec.token.unwrap_or_default();
    let status = match token.strip_prefix("of-") {
        Some(name) => {
            json!({"authenticated": true, "user": {"username": name, "uid": "7", "groups": ["staff"]}})
        }
        None => json!({"authenticated": false, "error": "no such token"}),
    };
    Ok(Json(json!({"metadata": {}, "spec": {}, "status": status})))
}

/// `scraper` may read `/metrics`, and `reader` everything.
async fn access(
    State(says): State<Arc<Says>>,
    Json(review): Json<SubjectAccessReview>,
) -> Result<Json<Value>, StatusCode> {
    if *says.is_silent.lock().unwrap() {
        return Err(StatusCode::INTERNAL_SERVER_ERROR);
    }
    let spec = review.spec;
    let path = spec.non_resource_attributes.clone().and_then(|of| of.path);
    let verb = spec.resource_attributes.clone().and_then(|of| of.verb);
    let allowed = match spec.user.as_deref() {
        Some("scraper") => path.as_deref() == Some("/metrics"),
        Some("reader") => !matches!(verb.as_deref(), Some("delete" | "deletecollection" | "create")),
        Some("writer") => true,
        _ => false,
    };
    says.questions.lock().unwrap().push(spec);
    Ok(Json(json!({"metadata": {}, "spec": {}, "status": {"allowed": allowed}})))
}
