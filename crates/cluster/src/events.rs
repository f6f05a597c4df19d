//! Events that people read in `kubectl describe`. An Event is a courtesy: one that cannot be recorded is logged, and
//! what it was about goes on.
//!
//! Repeats are one Event with a count, as `kube::runtime::events` keeps it: same object, type, reason and action.

use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};

/// Longest note the API server accepts, in bytes: `NoteLengthLimit` of `k8s.io/kubernetes/pkg/apis/core/validation`.
const NOTE: usize = 1024;
/// Longest reason and action, from the same place.
const WORD: usize = 128;
/// How long recording may hold up whoever reports.
const PATIENCE: Duration = Duration::from_secs(5);

/// Records Events under one name.
#[derive(Clone)]
pub struct Events {
    recorder: Recorder,
}

/// One thing that happened to an object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Notice {
    /// Whether somebody has to look.
    pub warning: bool,
    /// Why, in CamelCase, at most 128 bytes.
    pub reason: String,
    /// What was being done, in CamelCase, at most 128 bytes.
    pub action: String,
    /// What happened, for people. What is over 1024 bytes is cut off.
    pub note: String,
}

impl Notice {
    /// Something went as it should.
    #[must_use]
    pub fn normal(reason: &str, action: &str, note: impl Into<String>) -> Self {
        Self { warning: false, reason: reason.to_owned(), action: action.to_owned(), note: note.into() }
    }

    /// Somebody has to look.
    #[must_use]
    pub fn warning(reason: &str, action: &str, note: impl Into<String>) -> Self {
        Self { warning: true, ..Self::normal(reason, action, note) }
    }
}

impl Events {
    /// Events of `controller`, say `stash-sidecar`, running as `instance`, say the pod.
    #[must_use]
    pub fn new(client: Client, controller: &str, instance: Option<String>) -> Self {
        let reporter = Reporter { controller: controller.to_owned(), instance };
        Self { recorder: Recorder::new(client, reporter) }
    }

    /// Records a notice about an object; a failure is logged. Returns whether it is recorded.
    pub async fn record(&self, about: &ObjectReference, notice: &Notice) -> bool {
        let event = Event {
            type_: if notice.warning { EventType::Warning } else { EventType::Normal },
            reason: cut(&notice.reason, WORD).to_owned(),
            action: cut(&notice.action, WORD).to_owned(),
            note: Some(cut(&notice.note, NOTE).to_owned()),
            secondary: None,
        };
        let failure = match tokio::time::timeout(PATIENCE, self.recorder.publish(&event, about)).await {
            Ok(Ok(())) => return true,
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("the API server did not answer within {} s", PATIENCE.as_secs()),
        };
        let kind = about.kind.as_deref().unwrap_or_default();
        let name = about.name.as_deref().unwrap_or_default();
        tracing::warn!(kind, name, reason = %notice.reason, note = %notice.note, %failure, "cannot record an Event");
        false
    }
}

/// The longest beginning of `text` that has at most `bytes` bytes and ends between two characters.
fn cut(text: &str, bytes: usize) -> &str {
    if text.len() <= bytes {
        return text;
    }
    let end = (0..=bytes).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{NOTE, cut};

    #[test]
    fn a_note_is_cut_between_characters() {
        let text = "é".repeat(NOTE);
        assert_eq!(cut(&text, NOTE).len(), NOTE);
        assert_eq!(cut(&format!("x{text}"), NOTE).len(), NOTE - 1);
        assert_eq!(cut("short", NOTE), "short");
    }
}
