//! PUT and POST on a grouping key: PUT replaces a group, POST merges into it.
//!
//! What is wrong is found in this order: the key, the size and packing of the body, its syntax, and then what the
//! store says of it. Nothing of a push that fails before the store is seen anywhere but in the counters.

mod body;
mod budget;
mod content;
mod media_type;
mod refusal;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use exposition::GroupingKey;
use http::StatusCode;
use http::request::Parts;
use web::Peer;

use crate::{Gateway, PushMode, Rejected};
pub(crate) use budget::Budget;
use budget::Reservation;
use content::Content;
pub(crate) use refusal::Refusal;

/// Takes a push to the group that the decoded `path` names.
pub(crate) async fn push(
    gateway: &Gateway,
    path: &[u8],
    mode: PushMode,
    head: &Parts,
    body: Body,
) -> Response {
    match take(gateway, path, mode, head, body).await {
        Ok(code) => code.into_response(),
        Err(refusal) => {
            // What the store refuses is counted and logged where it does.
            if !matches!(refusal, Refusal::Rejected(_)) {
                gateway.0.counters.rejected(refusal.reason());
                let path = String::from_utf8_lossy(path);
                tracing::debug!(method = %head.method, %path, "push refused: {refusal}");
            }
            refusal.into_response()
        }
    }
}

async fn take(
    gateway: &Gateway,
    path: &[u8],
    mode: PushMode,
    head: &Parts,
    body: Body,
) -> Result<StatusCode, Refusal> {
    let headers = &head.headers;
    let key = GroupingKey::from_decoded_path_with(path, gateway.0.config.names()).map_err(Refusal::Key)?;
    let limits = gateway.0.config.limits;
    // Whoever serves the router by other means than crate `web` says nothing of addresses.
    let peer = head.extensions.get().copied().unwrap_or(Peer::Local);
    let mut memory = gateway.0.budget.reservation(peer);
    let body = body::read(body, headers, &limits, &mut memory).await?;
    let body = body::unpack(body, headers, &limits, &mut memory).await?;
    let content = Content::of(headers);
    if body.len() < budget::FREE {
        return store(gateway, &key, mode, content, &body, None);
    }
    let counting = tokio::task::spawn_blocking(move || (content.cost(&body), body));
    let (cost, body) = counting.await.map_err(|_| Refusal::Internal)?;
    memory.cover(cost).await?;
    memory.is_whole();
    let gateway = gateway.clone();
    let storing =
        tokio::task::spawn_blocking(move || store(&gateway, &key, mode, content, &body, Some(memory)));
    storing.await.map_err(|_| Refusal::Internal)?
}

/// Parses the body and changes the store. `_memory` is held until that is done.
fn store(
    gateway: &Gateway,
    key: &GroupingKey,
    mode: PushMode,
    content: Content,
    body: &Bytes,
    _memory: Option<Reservation>,
) -> Result<StatusCode, Refusal> {
    let config = &gateway.0.config;
    let pushed = content.parse(body, config)?;
    match gateway.take(key, &pushed, mode) {
        Err(rejected) if !config.disable_consistency_check || rejected == Rejected::Closed => {
            Err(Refusal::Rejected(rejected))
        }
        // Whoever turned the check off is not told what it says.
        _ if config.disable_consistency_check => Ok(StatusCode::ACCEPTED),
        _ => Ok(StatusCode::OK),
    }
}
