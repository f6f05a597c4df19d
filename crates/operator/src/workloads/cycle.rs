//! Looks after an offline cycle that somebody began: when the Job of its tick is gone, replicas come back all the same.
//!
//! The Job steps, too; every write says which version of the workload it was decided on, so one of the two is told
//! that the other was quicker.

use std::time::Duration;

use domain::decide::scaledown::cycle::{Action, End, Observation, PodState, step};
use domain::objects::restic::{BackupType, Restic};
use jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use serde_json::Value;

use super::{SOON, Workload};
use crate::error::{Error, is_missing};

impl Workload<'_> {
    /// Takes the next step, if it is due; `restic` is the one in force. Returns when to look again.
    pub(super) async fn look_after_cycle(&self, restic: Option<&Restic>) -> Result<Duration, Error> {
        let pods: Vec<PodState> = self.pods().await?.iter().map(PodState::of).collect();
        let observed = Observation {
            target: self.target(),
            pods: &pods,
            injected: restic.is_some_and(|restic| restic.spec.backup_type == Some(BackupType::Offline)),
            paused: restic.is_some_and(|restic| restic.spec.paused),
            tick: None,
        };
        match step(observed, &self.context.limits, Timestamp::now()) {
            Action::Nothing => Ok(self.context.resync),
            Action::Wait(_) => Ok(SOON),
            Action::Evict { name, uid } => self.evict(&name, &uid).await,
            Action::Write(change) => {
                let version = self.object.pointer("/metadata/resourceVersion").and_then(Value::as_str);
                let patch = change.merge_patch(version.unwrap_or_default());
                let parameters = PatchParams::default();
                match self.api.patch(&self.name, &parameters, &Patch::Merge(&patch)).await {
                    Ok(_) => {}
                    Err(error) if is_missing(&error) => return Ok(self.context.resync),
                    Err(error) => return Err(Error::of("write", self.title())(error)),
                }
                if let Some(end) = change.end {
                    self.tell_end(end).await;
                }
                Ok(SOON)
            }
        }
    }

    async fn tell_end(&self, end: End) {
        let (events, reference) = (&self.context.events, self.reference());
        tracing::info!(workload = self.title(), ?end, "{}", end.note());
        if end.is_good() {
            events.normal(&reference, end.reason(), "ScaleDown", end.note()).await;
        } else {
            events.warning(&reference, end.reason(), "ScaleDown", end.note()).await;
        }
    }
}
