//! The way of a request, in the order of the original: who asks, is there room, may they, in time; then it is counted
//! and told of.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use exposition::Family;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, StatusCode};
use kube::Client;
use tokio_util::sync::CancellationToken;
use web::{Peer, PeerCertificates};

use crate::audit::{Arrival, Audit, Ending, ID_HEADER};
use crate::authenticate::Authenticator;
use crate::authenticate::tokens::Tokens;
use crate::authorize::Authorizer;
use crate::limits::{Inflight, Limits};
use crate::measure::{Answered, Metrics};
use crate::request::{RequestInfo, Resource};
use crate::scrape;
use crate::status::Status;
use crate::tail::with_tail;
use crate::trust::Trusted;
use crate::user::User;

/// Paths, with all below them, that say whether the process is well. Whoever watches over it has no name, and needs an
/// answer just when the API server has none.
const HEALTH: [&str; 3] = ["/healthz", "/livez", "/readyz"];

/// Where admission webhooks are called.
///
/// They are open. An API server calls a webhook without saying who it is, unless an administrator has given it
/// credentials for it, in a file that only few clusters have; so who calls cannot be known, and to turn callers away
/// would be to turn off the webhook. A webhook must therefore tell nothing and change nothing beside its answer.
#[derive(Clone, Debug)]
pub struct Webhooks {
    /// What stands before the name of a webhook, with `/` at both ends.
    pub prefix: String,
    /// The group under which they are counted.
    pub group: String,
    /// Its version.
    pub version: String,
}

/// How the server behaves.
#[derive(Debug, Default)]
pub struct Settings {
    /// What all clients together may take.
    pub limits: Limits,
    /// What is told of requests.
    pub audit: Audit,
    /// Paths that are open to the API server.
    pub webhooks: Option<Webhooks>,
}

/// What stands before all handlers.
#[derive(Clone, Debug)]
pub struct ApiServer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    client: Asking,
    authenticator: Authenticator,
    authorizer: Authorizer,
    trusted: Trusted,
    inflight: Inflight,
    metrics: Metrics,
    settings: Settings,
}

/// A client, without a form for a log.
#[derive(Clone)]
struct Asking(Client);

impl std::fmt::Debug for Asking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Asking")
    }
}

impl ApiServer {
    /// Asks the cluster of this client who its callers are and what they may. Nobody's certificate is believed before
    /// [`ApiServer::run`] runs.
    #[must_use]
    pub fn new(client: Client, settings: Settings, metrics: Metrics) -> Self {
        let trusted = Trusted::default();
        Self(Arc::new(Inner {
            authenticator: Authenticator {
                trusted: trusted.clone(),
                tokens: Tokens::new(client.clone()),
                metrics: metrics.clone(),
            },
            authorizer: Authorizer::new(client.clone()),
            client: Asking(client),
            trusted,
            inflight: Inflight::new(&settings.limits),
            metrics,
            settings,
        }))
    }

    /// Learns whose certificates are believed, again and again, until `stop`.
    pub async fn run(&self, stop: &CancellationToken) {
        self.0.trusted.keep(self.0.client.0.clone(), stop).await;
    }

    /// The routes behind this server, and `/metrics`. A handler finds [`User`] and [`RequestInfo`] among the extensions
    /// of its request. Routes that are merged into the result are not protected.
    pub fn protect(&self, routes: Router) -> Router {
        let scrapes = Router::new().route("/metrics", get(scrape::scrape)).with_state(self.clone());
        routes.merge(scrapes).layer(from_fn_with_state(self.clone(), serve))
    }

    /// Everything that is counted, as a scrape tells it.
    #[must_use]
    pub fn families(&self) -> Vec<Family> {
        self.0.metrics.families(&self.0.inflight)
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Writes the audit events that wait, once everything is answered. `None` when somebody else still has the server.
    pub async fn close(self) -> Option<()> {
        if let Some(log) = Arc::into_inner(self.0)?.settings.audit.log {
            log.close().await;
        }
        Some(())
    }

    /// What a request is about, and whether everybody may ask.
    fn read(&self, request: &Request) -> Result<(RequestInfo, bool), Status> {
        let mut info = RequestInfo::read(request.method(), request.uri())
            .map_err(|error| Status::bad_request(&error.to_string()))?;
        let is_health = |path: &str| {
            HEALTH.iter().any(|open| {
                path.strip_prefix(open).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
        };
        if let Some(webhooks) = &self.0.settings.webhooks
            && let Some(name) = info.path.strip_prefix(&webhooks.prefix)
        {
            // A review is a resource that is created, as in 0.8.3's time, when webhooks were called through the API.
            info.verb = if info.verb == "post" { "create".to_owned() } else { info.verb };
            info.resource = Some(Resource {
                group: webhooks.group.clone(),
                version: webhooks.version.clone(),
                resource: name.to_owned(),
                ..Resource::default()
            });
            return Ok((info, true));
        }
        let is_open = is_health(&info.path);
        Ok((info, is_open))
    }
}

/// A request that is under way.
struct Passage {
    server: ApiServer,
    info: RequestInfo,
    arrival: Arrival,
    began: Instant,
    /// The route that was found for it.
    route: Option<String>,
    user: Option<User>,
    decision: Option<String>,
}

async fn serve(State(server): State<ApiServer>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let (info, is_open) = match server.read(&request) {
        Ok(read) => read,
        Err(status) => return status.into_response(),
    };
    let extensions = request.extensions();
    let arrival = Arrival::of(request.uri(), request.headers(), extensions.get::<Peer>());
    let shown = extensions.get::<PeerCertificates>().cloned();
    let route = extensions.get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let id = HeaderValue::from_str(&arrival.id);
    let mut passage = Passage { server, info, arrival, began, route, user: None, decision: None };
    let mut response = match passage.admit(&mut request, shown.as_ref(), is_open).await {
        Ok(held) => passage.answer(request, next, held).await,
        Err(status) => passage.refuse(status),
    };
    if let Ok(id) = id {
        response.headers_mut().entry(HeaderName::from_static(ID_HEADER)).or_insert(id);
    }
    response
}

impl Passage {
    /// Who asks, whether there is room, and whether they may.
    async fn admit(
        &mut self,
        request: &mut Request,
        shown: Option<&PeerCertificates>,
        is_open: bool,
    ) -> Result<Option<crate::limits::Held>, Status> {
        let inner = Arc::clone(&self.server.0);
        let identity = inner.authenticator.authenticate(request.headers_mut(), shown, is_open).await?;
        inner.metrics.user(&identity.user.name);
        if identity.is_proxied {
            self.arrival.forwarded_for(request.headers());
        }
        let user = self.user.insert(identity.user);
        let is_health = is_open && self.info.resource.is_none();
        let held = if self.info.is_long_running() {
            None
        } else {
            let exempt = is_health || user.is_master();
            Some(inner.inflight.enter(&self.info, exempt).ok_or_else(Status::too_many_requests)?)
        };
        if !is_open {
            self.decision = Some(inner.authorizer.authorize(user, &self.info).await?);
        }
        request.extensions_mut().insert(user.clone());
        request.extensions_mut().insert(self.info.clone());
        Ok(held)
    }

    async fn answer(self, request: Request, next: Next, held: Option<crate::limits::Held>) -> Response {
        let allotted = self.server.0.settings.limits.timeout;
        let answering = next.run(request);
        let response = if self.info.is_long_running() || allotted.is_zero() {
            answering.await
        } else {
            match tokio::time::timeout(allotted, answering).await {
                Ok(response) => response,
                Err(_) => return self.refuse(Status::timeout(allotted)),
            }
        };
        let code = response.status();
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_owned();
        if self.info.is_long_running() {
            // Its end is the end of what it sends.
            return with_tail(response, move || self.tell(code, &content_type, None));
        }
        self.tell(code, &content_type, None);
        with_tail(response, move || drop(held))
    }

    fn refuse(self, status: Status) -> Response {
        let (code, reason) = (status.code, status.reason);
        let response = status.into_response();
        self.tell(code, "application/json", Some(reason));
        response
    }

    /// Counts it and tells of it.
    fn tell(&self, code: StatusCode, content_type: &str, reason: Option<&'static str>) {
        let inner = &self.server.0;
        let audit = &inner.settings.audit;
        if audit.policy.asks_for(self.user.as_ref(), &self.info) {
            inner.metrics.audited();
            if let Some(log) = &audit.log {
                let ending = Ending { code, reason, decision: self.decision.as_deref() };
                if !log.tell(self.arrival.event(self.user.as_ref(), &self.info, ending)) {
                    inner.metrics.audit_lost();
                }
            }
        }
        let Some(info) = self.counted(code, reason) else { return };
        inner.metrics.answered(Answered {
            info: &info,
            client: self.arrival.agent(),
            content_type,
            code: code.as_u16(),
            took: self.began.elapsed(),
        });
    }

    /// As what a request is counted, if it is. As in the original those are that reach a handler of resources, and all
    /// for which there was no room or no time. What no route knows is nothing, or anybody could make series.
    fn counted(&self, code: StatusCode, reason: Option<&'static str>) -> Option<RequestInfo> {
        let route = self.route.as_deref()?;
        let is_excess =
            reason.is_some() && matches!(code, StatusCode::TOO_MANY_REQUESTS | StatusCode::GATEWAY_TIMEOUT);
        let has_handled = reason.is_none();
        if self.info.resource.is_some() && (has_handled || is_excess) {
            return Some(self.info.clone());
        }
        is_excess.then(|| {
            let resource = Resource { subresource: route.to_owned(), ..Resource::default() };
            RequestInfo { resource: Some(resource), ..self.info.clone() }
        })
    }
}
