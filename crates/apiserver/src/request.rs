//! What a request is about, read from its path as the API server reads it (`RequestInfo` of k8s.io/apiserver).
//!
//! Who may do it is decided upon what is read here, and who does it is the router. Both must see the same, so a path
//! that two readers could take apart in two ways is refused.

use http::{Method, Uri};
use percent_encoding::percent_decode_str;

/// What a request is about.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct RequestInfo {
    /// The path, decoded.
    pub path: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete` or `deletecollection`; for what is no resource the
    /// method in lower case.
    pub verb: String,
    /// What of which kind; `None` for paths that are no resources.
    pub resource: Option<Resource>,
}

/// Which objects.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Resource {
    /// Its API group; empty is the core's.
    pub group: String,
    /// The group's version.
    pub version: String,
    /// Empty: none, or all.
    pub namespace: String,
    /// The plural of the kind.
    pub resource: String,
    /// As `status`; mostly empty.
    pub subresource: String,
    /// Of one object; empty: all.
    pub name: String,
}

/// Why a path is not looked at.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the path has a part that is no text, or in which a separator is hidden")]
pub struct Ambiguous;

/// Parts behind a namespace's name that are its own, and not resources in it.
const NAMESPACE_SUBRESOURCES: [&str; 2] = ["status", "finalize"];

impl RequestInfo {
    /// Reads method and address of a request.
    ///
    /// # Errors
    ///
    /// [`Ambiguous`].
    pub fn read(method: &Method, uri: &Uri) -> Result<Self, Ambiguous> {
        let parts: Vec<String> = uri.path().split('/').map(decoded).collect::<Result<_, _>>()?;
        let path = parts.join("/");
        let mut parts: &[String] = &parts;
        // As the original, which does not see separators at both ends.
        while let [first, rest @ ..] = parts
            && first.is_empty()
        {
            parts = rest;
        }
        while let [rest @ .., last] = parts
            && last.is_empty()
        {
            parts = rest;
        }
        let resource = match parts {
            [prefix, group, version, rest @ ..] if prefix == "apis" && !rest.is_empty() => {
                Some((group.as_str(), version, rest))
            }
            [prefix, version, rest @ ..] if prefix == "api" && !rest.is_empty() => Some(("", version, rest)),
            _ => None,
        };
        let Some((group, version, rest)) = resource else {
            return Ok(Self { path, verb: method.as_str().to_ascii_lowercase(), resource: None });
        };
        let (is_watched, rest) = match rest {
            [watch, behind @ ..] if watch == "watch" && !behind.is_empty() => (true, behind),
            _ => (false, rest),
        };
        let mut resource = within_version(rest);
        resource.group = group.to_owned();
        resource.version = version.clone();
        let options = Options::read(uri.query().unwrap_or_default());
        let verb = match *method {
            _ if is_watched => "watch",
            Method::GET | Method::HEAD if !resource.name.is_empty() => "get",
            Method::GET | Method::HEAD => {
                resource.name = options.name.unwrap_or_default();
                if options.is_watch { "watch" } else { "list" }
            }
            Method::POST => "create",
            Method::PUT => "update",
            Method::PATCH => "patch",
            Method::DELETE if resource.name.is_empty() => "deletecollection",
            Method::DELETE => "delete",
            // Nobody is allowed a verb that nothing names.
            _ => "",
        };
        Ok(Self { path, verb: verb.to_owned(), resource: Some(resource) })
    }

    /// Whether it may take as long as the client wants.
    #[must_use]
    pub fn is_long_running(&self) -> bool {
        self.verb == "watch"
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        matches!(self.verb.as_str(), "get" | "list" | "watch" | "head" | "options")
    }

    /// The verb as metrics have it: the method, or what kind of `GET` it is.
    #[must_use]
    pub fn metric_verb(&self) -> String {
        match self.verb.as_str() {
            "create" => "POST".to_owned(),
            "update" => "PUT".to_owned(),
            other => other.to_ascii_uppercase(),
        }
    }

    /// How far it reaches, as metrics have it: `namespace`, `resource` (one without a namespace), `cluster`, or nothing.
    #[must_use]
    pub fn metric_scope(&self) -> &'static str {
        match &self.resource {
            Some(resource) if !resource.namespace.is_empty() => "namespace",
            Some(resource) if !resource.name.is_empty() => "resource",
            Some(_) => "cluster",
            None => "",
        }
    }
}

/// A part of a path. The router matches parts before it decodes them, so one that holds a separator when decoded would
/// be one part there and two here.
fn decoded(part: &str) -> Result<String, Ambiguous> {
    let text = percent_decode_str(part).decode_utf8().map_err(|_| Ambiguous)?;
    if text.contains(['/', '\0']) || matches!(&*text, "." | "..") {
        return Err(Ambiguous);
    }
    Ok(text.into_owned())
}

/// What stands behind the version: `[namespaces/N/]R[/NAME[/SUBRESOURCE]]`.
fn within_version(mut parts: &[String]) -> Resource {
    let mut resource = Resource::default();
    if let [namespaces, namespace, behind @ ..] = parts
        && namespaces == "namespaces"
    {
        resource.namespace = namespace.clone();
        if behind.first().is_some_and(|part| !NAMESPACE_SUBRESOURCES.contains(&part.as_str())) {
            parts = behind;
        }
    }
    let mut parts = parts.iter().cloned();
    resource.resource = parts.next().unwrap_or_default();
    resource.name = parts.next().unwrap_or_default();
    resource.subresource = parts.next().unwrap_or_default();
    resource
}

/// What of the query decides on the verb.
struct Options {
    is_watch: bool,
    /// From `fieldSelector=metadata.name=NAME`.
    name: Option<String>,
}

impl Options {
    fn read(query: &str) -> Self {
        let mut options = Self { is_watch: false, name: None };
        let (mut watch, mut selector) = (None, None);
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*key {
                "watch" => _ = watch.get_or_insert(value),
                "fieldSelector" => _ = selector.get_or_insert(value),
                _ => {}
            }
        }
        // Whatever is not said to be false is true.
        options.is_watch = watch.is_some_and(|value| !value.eq_ignore_ascii_case("false") && value != "0");
        options.name = selector.iter().flat_map(|selector| selector.split(',')).find_map(|term| {
            let name = term.trim().strip_prefix("metadata.name=")?;
            let name = name.strip_prefix('=').unwrap_or(name);
            let is_name = !name.is_empty() && !matches!(name, "." | "..") && !name.contains(['/', '%', '\\']);
            is_name.then(|| name.to_owned())
        });
        options
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(method: &str, address: &str) -> Option<RequestInfo> {
        RequestInfo::read(&method.parse().unwrap(), &address.parse().unwrap()).ok()
    }

    /// `verb group/version namespace resource/subresource name`, `-` for what is empty; of the rest `verb path`.
    fn told(method: &str, address: &str) -> String {
        let info = read(method, address).unwrap();
        let dash = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
        match info.resource {
            None => format!("{} {}", info.verb, info.path),
            Some(r) => format!(
                "{} {}/{} {} {}/{} {}",
                dash(&info.verb),
                dash(&r.group),
                r.version,
                dash(&r.namespace),
                r.resource,
                dash(&r.subresource),
                dash(&r.name)
            ),
        }
    }

    /// The cases of k8s.io/apiserver's own test, and ours.
    #[test]
    fn paths_are_read_as_the_original_reads_them() {
        for (method, address, expected) in [
            ("GET", "/api/v1/namespaces", "list -/v1 - namespaces/- -"),
            ("GET", "/api/v1/namespaces/other", "get -/v1 other namespaces/- other"),
            ("GET", "/api/v1/namespaces/other/pods", "list -/v1 other pods/- -"),
            ("GET", "/api/v1/namespaces/other/pods/foo", "get -/v1 other pods/- foo"),
            ("HEAD", "/api/v1/namespaces/other/pods/foo", "get -/v1 other pods/- foo"),
            ("GET", "/api/v1/pods", "list -/v1 - pods/- -"),
            ("POST", "/api/v1/pods", "create -/v1 - pods/- -"),
            ("GET", "/api/v1/namespaces/other/pods/foo/log", "get -/v1 other pods/log foo"),
            ("PUT", "/api/v1/namespaces/other/finalize", "update -/v1 other namespaces/finalize other"),
            ("GET", "/api/v1/watch/namespaces/other/pods", "watch -/v1 other pods/- -"),
            (
                "DELETE",
                "/apis/apps/v1/namespaces/n/deployments",
                "deletecollection apps/v1 n deployments/- -",
            ),
            ("DELETE", "/apis/apps/v1/namespaces/n/deployments/a", "delete apps/v1 n deployments/- a"),
            ("PATCH", "/apis/g/v1/things/a/status", "patch g/v1 - things/status a"),
            ("BREW", "/apis/g/v1/things/a", "- g/v1 - things/- a"),
            ("GET", "/apis/g/v1/things?watch=true", "watch g/v1 - things/- -"),
            ("GET", "/apis/g/v1/things?watch", "watch g/v1 - things/- -"),
            ("GET", "/apis/g/v1/things?watch=FALSE", "list g/v1 - things/- -"),
            ("GET", "/apis/g/v1/things?watch=0&watch=1", "list g/v1 - things/- -"),
            ("GET", "/apis/g/v1/things/a?watch=1", "get g/v1 - things/- a"),
            ("GET", "/apis/g/v1/things?fieldSelector=metadata.name%3Da", "list g/v1 - things/- a"),
            (
                "GET",
                "/apis/g/v1/things?fieldSelector=metadata.name%3D%3Da&watch=1",
                "watch g/v1 - things/- a",
            ),
            ("GET", "/apis/g/v1/things?fieldSelector=metadata.name!%3Da", "list g/v1 - things/- -"),
            ("GET", "/apis/g/v1/things?fieldSelector=metadata.name%3Da%2Fb", "list g/v1 - things/- -"),
            ("GET", "/apis/g/v1/namespaces/n/things/", "list g/v1 n things/- -"),
            ("GET", "/apis/g/v1/t%68ings/a", "get g/v1 - things/- a"),
            ("GET", "/apis/g/v1", "get /apis/g/v1"),
            ("GET", "/apis/g", "get /apis/g"),
            ("GET", "/apis", "get /apis"),
            ("GET", "/metrics", "get /metrics"),
            ("POST", "/", "post /"),
        ] {
            assert_eq!(told(method, address), expected, "{method} {address}");
        }
    }

    #[test]
    fn a_hidden_separator_is_refused() {
        for address in
            ["/apis/g/v1/namespaces/a%2fthings/b", "/a%00", "/a%ff", "/healthz/%2e%2e/metrics", "/a/../b"]
        {
            assert_eq!(read("GET", address), None, "{address}");
        }
    }

    #[test]
    fn metrics_name_verbs_and_scopes_as_the_original_does() {
        let seen = |method, address| {
            let info = read(method, address).unwrap();
            format!("{} {}", info.metric_verb(), info.metric_scope())
        };
        assert_eq!(seen("POST", "/apis/g/v1/things"), "POST cluster");
        assert_eq!(seen("GET", "/apis/g/v1/namespaces/n/things/a"), "GET namespace");
        assert_eq!(seen("GET", "/apis/g/v1/things/a"), "GET resource");
        assert_eq!(seen("GET", "/apis/g/v1/namespaces/n/things?watch=1"), "WATCH namespace");
        assert_eq!(seen("DELETE", "/apis/g/v1/namespaces/n/things"), "DELETECOLLECTION namespace");
        assert_eq!(seen("GET", "/metrics"), "GET ");
    }

    proptest! {
        #[test]
        fn anything_is_read_or_refused(path in "/[a-z%/0-9.]{0,40}", query in "[a-z=&%]{0,20}") {
            if let Ok(uri) = format!("{path}?{query}").parse::<Uri>() {
                let _ = RequestInfo::read(&Method::GET, &uri);
            }
        }
    }
}
