//! What is told of requests afterwards: one event of `audit.k8s.io/v1` for each that the policy asks for.

mod log;
mod policy;

use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio_rustls::rustls::crypto::ring;
use web::Peer;

use crate::request::RequestInfo;
use crate::user::User;
pub use log::{AuditLog, LogError};
pub use policy::{Policy, PolicyError};

/// What is told of requests, and where.
#[derive(Debug, Default)]
pub struct Audit {
    /// Which requests.
    pub policy: Policy,
    /// Where; without it events are only counted.
    pub log: Option<AuditLog>,
}

/// The header by which a request is found in the logs of all servers that it went through.
pub(crate) const ID_HEADER: &str = "audit-id";
/// Longest identifier that is taken from a client.
const MOST_ID: usize = 64;

/// What is known of a request when it comes.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) id: String,
    uri: String,
    agent: String,
    sources: Vec<String>,
    at: Timestamp,
}

/// How it ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ending<'a> {
    pub(crate) code: StatusCode,
    /// The word of a refusal.
    pub(crate) reason: Option<&'static str>,
    /// Why it was allowed.
    pub(crate) decision: Option<&'a str>,
}

impl Arrival {
    pub(crate) fn of(uri: &http::Uri, headers: &HeaderMap, peer: Option<&Peer>) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let is_id =
            |id: &&str| (1..=MOST_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
        Self {
            id: text(ID_HEADER).filter(is_id).map_or_else(new_id, str::to_owned),
            uri: uri.path_and_query().map_or_else(|| uri.path().to_owned(), ToString::to_string),
            agent: text("user-agent").unwrap_or_default().to_owned(),
            sources: match peer {
                Some(Peer::Address(address)) => vec![address.to_string()],
                _ => Vec::new(),
            },
            at: Timestamp::now(),
        }
    }

    pub(crate) fn agent(&self) -> &str {
        &self.agent
    }

    /// Puts in front for whom a trusted proxy asks; anybody else may write that header, too.
    pub(crate) fn forwarded_for(&mut self, headers: &HeaderMap) {
        let values = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let told = values.flat_map(|value| value.split(',')).map(str::trim);
        let mut sources: Vec<String> =
            told.filter(|told| told.parse::<std::net::IpAddr>().is_ok()).map(str::to_owned).collect();
        sources.append(&mut self.sources);
        self.sources = sources;
    }

    /// The event of its end.
    pub(crate) fn event(&self, user: Option<&User>, info: &RequestInfo, ending: Ending<'_>) -> Value {
        let mut event = json!({
            "kind": "Event",
            "apiVersion": "audit.k8s.io/v1",
            "level": "Metadata",
            "auditID": self.id,
            "stage": "ResponseComplete",
            "requestURI": self.uri,
            "verb": info.verb,
            "user": user.map(told_user).unwrap_or_else(|| json!({})),
            "sourceIPs": self.sources,
            "userAgent": self.agent,
        });
        if let Some(resource) = &info.resource {
            event["objectRef"] = present([
                ("resource", &resource.resource),
                ("namespace", &resource.namespace),
                ("name", &resource.name),
                ("apiGroup", &resource.group),
                ("apiVersion", &resource.version),
                ("subresource", &resource.subresource),
            ]);
        }
        let mut status = json!({ "metadata": {} });
        if let Some(reason) = ending.reason {
            status["status"] = json!("Failure");
            status["reason"] = json!(reason);
        }
        status["code"] = json!(ending.code.as_u16());
        event["responseStatus"] = status;
        event["requestReceivedTimestamp"] = json!(format!("{:.6}", self.at));
        event["stageTimestamp"] = json!(format!("{:.6}", Timestamp::now()));
        let decision = match (ending.decision, ending.reason) {
            (Some(why), _) => Some(("allow", why)),
            (None, Some("Forbidden")) => Some(("forbid", "")),
            (None, _) => None,
        };
        if let Some((decision, why)) = decision {
            event["annotations"] = json!({
                "authorization.k8s.io/decision": decision,
                "authorization.k8s.io/reason": why,
            });
        }
        event
    }
}

fn told_user(user: &User) -> Value {
    let mut told = present([("username", &user.name), ("uid", &user.uid)]);
    if !user.groups.is_empty() {
        told["groups"] = json!(user.groups);
    }
    if !user.extra.is_empty() {
        told["extra"] = json!(user.extra);
    }
    told
}

/// The fields that are not empty.
fn present<const N: usize>(fields: [(&str, &String); N]) -> Value {
    let fields = fields.into_iter().filter(|(_, value)| !value.is_empty());
    Value::Object(fields.map(|(name, value)| (name.to_owned(), json!(value))).collect())
}

/// A random identifier, in the form of a UUID of version 4.
fn new_id() -> String {
    let mut bytes = [0_u8; 16];
    if ring::default_provider().secure_random.fill(&mut bytes).is_err() {
        // It only has to tell requests apart.
        bytes = Timestamp::now().as_nanosecond().to_be_bytes();
    }
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let parts = [hex.get(..8), hex.get(8..12), hex.get(12..16), hex.get(16..20), hex.get(20..)];
    parts.map(Option::unwrap_or_default).join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_the_form_of_the_original() {
        let mut headers = HeaderMap::new();
        headers.insert("user-agent", "kubectl/v1.34".parse().unwrap());
        headers.insert("audit-id", "from-the-aggregator".parse().unwrap());
        headers.insert("x-forwarded-for", "10.1.2.3, nonsense".parse().unwrap());
        let uri: http::Uri = "/apis/g/v1/namespaces/n/things/a?x=y".parse().unwrap();
        let peer = Peer::Address("192.0.2.1".parse().unwrap());
        let mut arrival = Arrival::of(&uri, &headers, Some(&peer));
        arrival.forwarded_for(&headers);
        let info = RequestInfo::read(&http::Method::DELETE, &uri).unwrap();
        let ending = Ending { code: StatusCode::FORBIDDEN, reason: Some("Forbidden"), decision: None };
        let mut event = arrival.event(Some(&User::anonymous()), &info, ending);
        for field in ["requestReceivedTimestamp", "stageTimestamp"] {
            let time = event.as_object_mut().unwrap().remove(field).unwrap();
            let time = time.as_str().unwrap();
            assert_eq!(
                (time.len(), time.ends_with('Z')),
                ("2018-04-05T06:07:08.123456Z".len(), true),
                "{time}"
            );
        }
        assert_eq!(
            event,
            json!({
                "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata",
                "auditID": "from-the-aggregator", "stage": "ResponseComplete",
                "requestURI": "/apis/g/v1/namespaces/n/things/a?x=y", "verb": "delete",
                "user": {"username": "system:anonymous", "groups": ["system:unauthenticated"]},
                "sourceIPs": ["10.1.2.3", "192.0.2.1"], "userAgent": "kubectl/v1.34",
                "objectRef": {
                    "resource": "things", "namespace": "n", "name": "a", "apiGroup": "g", "apiVersion": "v1",
                },
                "responseStatus": {"metadata": {}, "status": "Failure", "reason": "Forbidden", "code": 403},
                "annotations": {
                    "authorization.k8s.io/decision": "forbid", "authorization.k8s.io/reason": "",
                },
            })
        );
    }

    #[test]
    fn identifiers_are_uuids_and_differ() {
        let (one, other) = (new_id(), new_id());
        assert_ne!(one, other);
        assert_eq!((one.len(), one.as_bytes()[14], one.matches('-').count()), (36, b'4', 4), "{one}");
    }
}
