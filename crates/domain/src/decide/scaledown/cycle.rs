//! The steps of an offline backup of one workload, one at a time.
//!
//! [`step`] is given what is there and says what to do next; it remembers nothing. All that has to be known stands in
//! annotations of the workload, which are written together with its replicas in one request, so that whoever dies
//! between two steps leaves a state from which anybody goes on. The Job of a tick and the operator may both do so.
//!
//! A Deployment, ReplicaSet or ReplicationController is scaled to 0, waited for, scaled to 1 (its init container
//! backs up), and given back what it had. What it had is written once, at the beginning, and never overwritten. When
//! its replicas are neither what it had nor what the cycle set, somebody else scaled it, and theirs is the last word:
//! the cycle ends and leaves them. (Somebody who sets exactly what the cycle had set cannot be told from it.)
//!
//! The pods of a StatefulSet or DaemonSet are replaced instead, one at a time, by eviction. 0.8.3 deleted all at once.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use super::end::End;
pub use super::pod_state::PodState;
use crate::decide::target::{LeftAlone, Target, text};
use crate::objects::workload::WorkloadKind;
use crate::rules::names;

/// How long each part of a cycle may take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Until the pods are gone. Then the cycle ends without a backup.
    pub scale_down: Duration,
    /// Until the backup has ended. Then the workload gets its replicas back all the same.
    pub backup: Duration,
    /// Failed attempts of the init container after which the workload gets its replicas back.
    pub attempts: i32,
}

impl Limits {
    /// Five minutes as in 0.8.3, a day, three attempts.
    pub const DEFAULT: Limits = Limits {
        scale_down: Duration::from_secs(5 * 60),
        backup: Duration::from_secs(24 * 60 * 60),
        attempts: 3,
    };

    /// The whole cycle.
    #[must_use]
    pub fn whole(&self) -> Duration {
        self.scale_down.saturating_add(self.backup)
    }
}

/// What is there.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// The workload.
    pub target: Target<'a>,
    /// Its own pods, those that are going included.
    pub pods: &'a [PodState],
    /// An offline Restic is in force, and its init container is in the pod template.
    pub injected: bool,
    /// That Restic is paused: no cycle begins, and one that did goes on to its end.
    pub paused: bool,
    /// What names the tick that is being served, the same for each attempt at it; `None` for an operator that looks
    /// after what others left.
    pub tick: Option<&'a str>,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// There is no cycle, or the one of this tick has ended.
    Nothing,
    /// Look again later.
    Wait(WaitFor),
    /// Write this to the workload.
    Write(Change),
    /// Evict this pod, and look again; a PodDisruptionBudget may hold it up.
    Evict {
        /// Its name, which the pod after it may have too.
        name: String,
        /// Its UID, to be made a precondition of the eviction.
        uid: String,
    },
}

/// What a cycle waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum WaitFor {
    /// That the pods are gone.
    PodsGone,
    /// That the init container has ended.
    Backup,
    /// That a replaced pod serves again.
    PodReady,
}

/// A change of a workload, to be written in one request.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// `spec.replicas`; `None` leaves them.
    pub replicas: Option<i32>,
    /// Annotations to set, or to remove.
    pub annotations: BTreeMap<&'static str, Option<String>>,
    /// How the cycle ended, if it did.
    pub end: Option<End>,
}

impl Change {
    /// The JSON merge patch. It has the version of the object that the decision was made on, so that the API server
    /// refuses it when somebody was quicker.
    #[must_use]
    pub fn merge_patch(&self, resource_version: &str) -> Value {
        let metadata = json!({ "resourceVersion": resource_version, "annotations": self.annotations });
        match self.replicas {
            Some(replicas) => json!({ "metadata": metadata, "spec": { "replicas": replicas } }),
            None => json!({ "metadata": metadata }),
        }
    }
}

/// What the annotation [`names::ANNOTATION_OFFLINE_CYCLE`] holds.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
struct Mark {
    /// The tick.
    tick: String,
    phase: Phase,
    /// When the phase began.
    since: Timestamp,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
enum Phase {
    ScalingDown,
    BackingUp,
    ReplacingPods,
    Ended,
}

/// The next step of the cycle of one workload.
#[must_use]
pub fn step(observed: Observation<'_>, limits: &Limits, now: Timestamp) -> Action {
    // A Deployment's ReplicaSets have its annotations, the cycle's among them; the cycle is the Deployment's alone.
    if is_no_business_of_ours(observed.target) {
        return Action::Nothing;
    }
    let mark = observed.target.annotation(names::ANNOTATION_OFFLINE_CYCLE);
    let mark: Option<Mark> = mark.and_then(|mark| serde_json::from_str(mark).ok());
    let cycle = Cycle { observed, limits, now };
    match observed.target.kind {
        WorkloadKind::Deployment | WorkloadKind::ReplicaSet | WorkloadKind::ReplicationController => {
            cycle.of_scalable(mark)
        }
        WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => cycle.of_replaced(mark),
        WorkloadKind::Host => Action::Nothing,
    }
}

struct Cycle<'a> {
    observed: Observation<'a>,
    limits: &'a Limits,
    now: Timestamp,
}

impl Cycle<'_> {
    fn of_scalable(&self, mark: Option<Mark>) -> Action {
        let replicas = self.replicas();
        let Some(old) = self.observed.target.annotation(names::ANNOTATION_OLD_REPLICA) else {
            return match self.due(mark.as_ref()) {
                Some(tick) if replicas == 0 => self.ended(tick, None, End::NothingRuns),
                Some(tick) => self.begin(tick, replicas),
                None => Action::Nothing,
            };
        };
        let (tick, phase, since) = match mark {
            Some(mark) if mark.phase != Phase::Ended => (mark.tick, mark.phase, mark.since),
            // Without a mark of ours 0.8.3 began it; that one only ever set 0 and 1.
            _ => return self.restore("", old, replicas <= 1, End::FromOldRelease),
        };
        let set_by_us = i32::from(phase == Phase::BackingUp);
        let restore = |end| self.restore(&tick, old, true, end);
        if replicas != set_by_us {
            return self.restore(&tick, old, false, End::ScaledByOthers);
        }
        if !self.observed.injected {
            return restore(End::Withdrawn);
        }
        if phase != Phase::BackingUp {
            return if self.observed.pods.is_empty() {
                self.write(Some(1), &tick, Phase::BackingUp, BTreeMap::new(), None)
            } else if self.longer_than(since, self.limits.scale_down) {
                restore(End::PodsStayed)
            } else {
                Action::Wait(WaitFor::PodsGone)
            };
        }
        let pods = || self.observed.pods.iter().filter(|pod| !pod.terminating);
        if pods().any(|pod| pod.backed_up) {
            restore(End::Completed)
        } else if pods().any(|pod| pod.gave_up || pod.failures >= self.limits.attempts) {
            restore(End::BackupFailed)
        } else if self.longer_than(since, self.limits.backup) {
            restore(End::BackupTimedOut)
        } else {
            Action::Wait(WaitFor::Backup)
        }
    }

    fn of_replaced(&self, mark: Option<Mark>) -> Action {
        let mark = match mark {
            Some(mark) if mark.phase != Phase::Ended => mark,
            mark => {
                return match self.due(mark.as_ref()) {
                    Some(tick) if self.observed.pods.is_empty() => self.ended(tick, None, End::NothingRuns),
                    Some(tick) => self.write(None, tick, Phase::ReplacingPods, BTreeMap::new(), None),
                    None => Action::Nothing,
                };
            }
        };
        if !self.observed.injected {
            return self.ended(&mark.tick, None, End::Withdrawn);
        }
        let pods = self.observed.pods;
        let old = || pods.iter().filter(|pod| pod.created < mark.since && !pod.terminating);
        let is_over = |pod: &PodState| !pod.terminating && (pod.backed_up || pod.gave_up);
        if old().next().is_none() && pods.iter().all(is_over) {
            let failed = pods.iter().any(|pod| pod.gave_up);
            return self.ended(&mark.tick, None, if failed { End::BackupFailed } else { End::Completed });
        }
        if self.longer_than(mark.since, self.limits.backup) {
            return self.ended(&mark.tick, None, End::BackupTimedOut);
        }
        // One that does not serve is missed by nobody.
        let idle = old().find(|pod| !pod.ready);
        let all_serve = pods.iter().all(|pod| pod.ready && !pod.terminating);
        // The highest ordinal first, as a StatefulSet does it.
        match idle.or_else(|| old().max_by_key(|pod| (pod.name.len(), &pod.name)).filter(|_| all_serve)) {
            Some(pod) => Action::Evict { name: pod.name.clone(), uid: pod.uid.clone() },
            None => Action::Wait(WaitFor::PodReady),
        }
    }

    /// The tick that is to be served now.
    fn due(&self, last: Option<&Mark>) -> Option<&str> {
        let may_begin = self.observed.injected && !self.observed.paused;
        self.observed.tick.filter(|tick| may_begin && last.is_none_or(|last| last.tick != *tick))
    }

    fn begin(&self, tick: &str, replicas: i32) -> Action {
        let old = BTreeMap::from([(names::ANNOTATION_OLD_REPLICA, Some(replicas.to_string()))]);
        self.write(Some(0), tick, Phase::ScalingDown, old, None)
    }

    /// Ends the cycle; `ours` says that the replicas are those that it set. An annotation that is no number was
    /// changed by somebody; one replica is what Kubernetes gives when nobody says more.
    fn restore(&self, tick: &str, old: &str, ours: bool, end: End) -> Action {
        let replicas = ours.then(|| old.parse().ok().filter(|old| *old >= 0).unwrap_or(1));
        self.ended(tick, replicas, end)
    }

    fn ended(&self, tick: &str, replicas: Option<i32>, end: End) -> Action {
        let old = BTreeMap::from([(names::ANNOTATION_OLD_REPLICA, None)]);
        self.write(replicas, tick, Phase::Ended, old, Some(end))
    }

    fn write(
        &self,
        replicas: Option<i32>,
        tick: &str,
        phase: Phase,
        mut annotations: BTreeMap<&'static str, Option<String>>,
        end: Option<End>,
    ) -> Action {
        // Whole seconds, as the API server dates pods: a pod that is made after the mark is not older than it.
        let since = Timestamp::from_second(self.now.as_second()).unwrap_or(self.now);
        let mark = json!(Mark { tick: tick.to_owned(), phase, since });
        annotations.insert(names::ANNOTATION_OFFLINE_CYCLE, Some(mark.to_string()));
        Action::Write(Change { replicas, annotations, end })
    }

    fn replicas(&self) -> i32 {
        let replicas = self.observed.target.object.pointer("/spec/replicas").and_then(Value::as_i64);
        replicas.map_or(1, |replicas| i32::try_from(replicas).unwrap_or(i32::MAX))
    }

    fn longer_than(&self, since: Timestamp, limit: Duration) -> bool {
        Duration::try_from(self.now.duration_since(since)).is_ok_and(|passed| passed > limit)
    }
}

/// Whether a cycle is under way, so that the operator has to look after it.
#[must_use]
pub fn is_under_way(target: Target<'_>) -> bool {
    let mark = target.annotation(names::ANNOTATION_OFFLINE_CYCLE);
    let mark: Option<Mark> = mark.and_then(|mark| serde_json::from_str(mark).ok());
    let is_marked = target.annotation(names::ANNOTATION_OLD_REPLICA).is_some()
        || mark.is_some_and(|mark| mark.phase != Phase::Ended);
    is_marked && !is_no_business_of_ours(target)
}

fn is_no_business_of_ours(target: Target<'_>) -> bool {
    matches!(target.left_alone(), Some(LeftAlone::Owned | LeftAlone::BeingDeleted))
}

/// Whether the pod of an init container is one to back up in: as 0.8.3, a pod of a Deployment, ReplicaSet or
/// ReplicationController only while a cycle has scaled its workload to one; any other pod always.
#[must_use]
pub fn backs_up(target: Target<'_>) -> bool {
    match target.kind {
        WorkloadKind::Deployment | WorkloadKind::ReplicaSet | WorkloadKind::ReplicationController => {
            let replicas = target.object.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1);
            replicas <= 1 && !text(target.object, "/metadata/annotations/old-replica").is_empty()
        }
        _ => true,
    }
}
