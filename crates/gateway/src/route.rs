//! Which endpoint a request is for, decided from its method and path alone.
//!
//! The order of decisions is the one of the original, whose clients see it in redirects and in `Allow`: a path that is
//! not clean is redirected; then the exact path; then the same path in other case or with another slash at its end,
//! if the method has it there; then the methods that the exact path has; then nothing is there. Differences: HEAD is
//! GET without a body, and redirects of the API keep its path.

mod path;

use http::{Method, StatusCode};

use crate::PushMode;

/// What a request is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Endpoint {
    Push(PushMode),
    Delete,
    Scrape,
    Healthy,
    Ready,
    Quit,
    /// GET on `/-/quit`, which has an answer of its own.
    QuitRead,
    /// The page, at `/` and `/status`.
    Page,
    /// POST `/status/delete`: what a form of the page asks for.
    PageDelete,
    /// A file of the page, below `/static/`.
    Asset,
    /// GET `/api/v1/metrics`.
    Groups,
    /// GET `/api/v1/groups`.
    GroupLabels,
    /// DELETE `/api/v1/groups`.
    DeleteGroups,
    /// GET `/api/v1/status`.
    Status,
    Wipe,
    Preflight,
}

/// What becomes of a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Routed {
    /// The endpoint, and the decoded path below the prefix.
    To(Endpoint, Vec<u8>),
    Redirect(StatusCode, String),
    /// OPTIONS: which methods there are.
    Options(String),
    /// The path has other methods, these.
    OtherMethod(String),
    /// OPTIONS on the server as a whole.
    Server,
    NotFound,
    /// The target is no path.
    BadRequest,
}

#[derive(Clone, Copy, Debug)]
enum Shape {
    /// The path itself.
    Exact,
    /// Everything below the path, which ends in a slash.
    Below,
    /// Everything below the path but the path itself.
    Group,
}

#[derive(Clone, Debug)]
struct Route {
    shape: Shape,
    path: String,
    method: Method,
    endpoint: Endpoint,
}

/// All routes of a gateway.
#[derive(Clone, Debug)]
pub(crate) struct Routes {
    prefix: String,
    /// Where the API begins, with a slash at its end.
    api: String,
    others: Vec<Route>,
    below_api: Vec<Route>,
}

impl Routes {
    /// Routes below `prefix` (in the form of [`crate::Config::prefix`]), metrics at `telemetry_path` below it.
    pub(crate) fn new(prefix: &str, telemetry_path: &str, admin: bool) -> Self {
        use Endpoint::{
            Asset, Delete, DeleteGroups, GroupLabels, Groups, Healthy, Page, PageDelete, Push, Quit,
            QuitRead, Ready, Scrape, Status, Wipe,
        };
        use Shape::{Below, Exact, Group};
        let telemetry = telemetry_path.trim_matches('/');
        let route = |shape, path: String, method, endpoint| Route { shape, path, method, endpoint };
        let below =
            |shape, path: &str, method, endpoint| route(shape, format!("{prefix}/{path}"), method, endpoint);
        let mut others = Vec::new();
        for path in ["metrics/job/", "metrics/job@base64/"] {
            others.push(below(Group, path, Method::PUT, Push(PushMode::Replace)));
            others.push(below(Group, path, Method::POST, Push(PushMode::Merge)));
            others.push(below(Group, path, Method::DELETE, Delete));
        }
        others.push(below(Exact, telemetry, Method::GET, Scrape));
        others.push(below(Exact, "-/healthy", Method::GET, Healthy));
        others.push(below(Exact, "-/ready", Method::GET, Ready));
        others.push(below(Exact, "-/quit", Method::PUT, Quit));
        others.push(below(Exact, "-/quit", Method::POST, Quit));
        // Without the prefix: so it is in the original.
        others.push(route(Exact, "/-/quit".to_owned(), Method::GET, QuitRead));
        others.push(below(Exact, "", Method::GET, Page));
        others.push(below(Exact, "status", Method::GET, Page));
        others.push(below(Exact, "status/delete", Method::POST, PageDelete));
        others.push(below(Below, "static/", Method::GET, Asset));
        let mut below_api = vec![
            below(Exact, "api/v1/metrics", Method::GET, Groups),
            below(Exact, "api/v1/status", Method::GET, Status),
            below(Exact, "api/v1/groups", Method::GET, GroupLabels),
            below(Exact, "api/v1/groups", Method::DELETE, DeleteGroups),
        ];
        if admin {
            below_api.push(below(Exact, "api/v1/admin/wipe", Method::PUT, Wipe));
        }
        Self { prefix: prefix.to_owned(), api: format!("{prefix}/api/v1/"), others, below_api }
    }

    /// What becomes of a request for `path`, as it came over the wire.
    pub(crate) fn route(&self, method: &Method, path: &str, query: Option<&str>) -> Routed {
        if path == "*" && method == Method::OPTIONS {
            return Routed::Server;
        }
        let Some(path) = path::decoded(path) else { return Routed::BadRequest };
        if let Some(clean) = path::cleaned(&path) {
            return Routed::Redirect(StatusCode::MOVED_PERMANENTLY, path::encoded(&clean, query));
        }
        // HEAD is GET without a body, wherever there is a GET.
        let method = if method == Method::HEAD { &Method::GET } else { method };
        let routes = if path.starts_with(self.api.as_bytes()) {
            if method == Method::OPTIONS {
                return self.to(Endpoint::Preflight, path);
            }
            &self.below_api
        } else if self.api.as_bytes().strip_suffix(b"/") == Some(&path) {
            return Routed::Redirect(
                StatusCode::MOVED_PERMANENTLY,
                path::encoded(self.api.as_bytes(), query),
            );
        } else {
            &self.others
        };
        let of_method = || routes.iter().filter(|route| route.method == method);
        if let Some(route) = of_method().find(|route| route.is(&path)) {
            return self.to(route.endpoint, path);
        }
        if let Some(right) = of_method().find_map(|route| route.right_spelling(&path)) {
            let code = if method == Method::GET {
                StatusCode::MOVED_PERMANENTLY
            } else {
                StatusCode::TEMPORARY_REDIRECT
            };
            return Routed::Redirect(code, path::encoded(&right, query));
        }
        match allowed(routes, &path) {
            None => Routed::NotFound,
            Some(allowed) if method == Method::OPTIONS => Routed::Options(allowed),
            Some(allowed) => Routed::OtherMethod(allowed),
        }
    }

    fn to(&self, endpoint: Endpoint, path: Vec<u8>) -> Routed {
        let below = path.strip_prefix(self.prefix.as_bytes()).map(<[u8]>::to_vec);
        Routed::To(endpoint, below.unwrap_or(path))
    }
}

impl Route {
    fn is(&self, path: &[u8]) -> bool {
        let literal = self.path.as_bytes();
        match self.shape {
            Shape::Exact => path == literal,
            Shape::Below => path.starts_with(literal),
            Shape::Group => path.starts_with(literal) && path.len() > literal.len(),
        }
    }

    /// The path as it should be written, when it is this one but for case or for a slash at its end. What stands for
    /// a value keeps its case.
    fn right_spelling(&self, path: &[u8]) -> Option<Vec<u8>> {
        let literal = self.path.as_bytes();
        let without_slash = |path: &'_ [u8]| path.strip_suffix(b"/").unwrap_or(path).to_ascii_lowercase();
        let is_it = || without_slash(path) == without_slash(literal);
        let below = || {
            let (start, rest) = path.split_at_checked(literal.len())?;
            start.eq_ignore_ascii_case(literal).then(|| [literal, rest].concat())
        };
        match self.shape {
            Shape::Exact => is_it().then(|| literal.to_vec()),
            Shape::Below => below().or_else(|| is_it().then(|| literal.to_vec())),
            // Without a job the slash is taken for one too many; so it is in the original, for the plain spelling.
            Shape::Group if path == literal && !literal.ends_with(b"@base64/") => {
                literal.strip_suffix(b"/").map(<[u8]>::to_vec)
            }
            Shape::Group => below().filter(|right| right.len() > literal.len()),
        }
    }
}

/// The methods that a path has, for the header `Allow`; `None` when it is unknown.
fn allowed(routes: &[Route], path: &[u8]) -> Option<String> {
    let mut methods: Vec<&str> =
        routes.iter().filter(|route| route.is(path)).map(|route| route.method.as_str()).collect();
    if methods.is_empty() {
        return None;
    }
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    methods.push("OPTIONS");
    methods.sort_unstable();
    Some(methods.join(", "))
}

#[cfg(test)]
mod tests;
