//! What an offline cycle needs to know of a pod.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;

use crate::handoff;
use crate::rules::names;

/// The state of one pod of the workload.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PodState {
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// When it was made.
    pub created: Timestamp,
    /// It is going.
    pub terminating: bool,
    /// It serves.
    pub ready: bool,
    /// Its init container has ended well.
    pub backed_up: bool,
    /// Its init container has given up, so that the application starts.
    pub gave_up: bool,
    /// How often its init container was started anew after a failure.
    pub failures: i32,
}

impl PodState {
    /// From the pod itself.
    #[must_use]
    pub fn of(pod: &Pod) -> PodState {
        let status = pod.status.as_ref();
        let ready = status.and_then(|status| status.conditions.as_ref()).is_some_and(|conditions| {
            conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
        });
        let container = status
            .and_then(|status| status.init_container_statuses.as_ref())
            .and_then(|containers| containers.iter().find(|container| container.name == names::CONTAINER));
        let state = container.and_then(|container| container.state.as_ref()?.terminated.as_ref());
        let done = state.is_some_and(|state| state.exit_code == 0);
        let gave_up = state
            .and_then(|state| state.message.as_deref())
            .is_some_and(|message| message.starts_with(handoff::GIVEN_UP));
        PodState {
            name: pod.metadata.name.clone().unwrap_or_default(),
            uid: pod.metadata.uid.clone().unwrap_or_default(),
            created: pod.metadata.creation_timestamp.as_ref().map_or(Timestamp::UNIX_EPOCH, |time| time.0),
            terminating: pod.metadata.deletion_timestamp.is_some(),
            ready,
            backed_up: done && !gave_up,
            gave_up,
            failures: container.map_or(0, |container| container.restart_count),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_pod_says_how_its_init_container_ended() {
        let pod = |status: Value| -> PodState {
            let pod = json!({"metadata": {"name": "web-1", "creationTimestamp": "2026-01-01T03:00:00Z"}, "status": status});
            PodState::of(&serde_json::from_value(pod).unwrap())
        };
        let said = |code: i32, message: &str| {
            json!({"initContainerStatuses": [{"name": "stash", "image": "", "imageID": "",
            "ready": true, "restartCount": 2, "state": {"terminated": {"exitCode": code, "message": message}}}]})
        };
        let ended = |code| pod(said(code, ""));
        assert!(!pod(json!({})).backed_up && ended(0).backed_up && !ended(1).backed_up);
        assert_eq!((ended(1).failures, ended(0).gave_up), (2, false));
        let gave_up = pod(said(0, &format!("{}/data is not there", handoff::GIVEN_UP)));
        assert!(gave_up.gave_up && !gave_up.backed_up, "it ends with 0, and is no backup all the same");
        assert!(pod(json!({"conditions": [{"type": "Ready", "status": "True"}]})).ready);
    }
}
