//! Whatever happens in whichever order, the replicas come back.

use proptest::prelude::*;

use super::*;

const START: &str = "2026-01-01T03:00:00Z";
const LIMITS: Limits =
    Limits { scale_down: Duration::from_secs(300), backup: Duration::from_secs(3600), attempts: 3 };

/// A cluster with one workload in it.
#[derive(Clone, Debug)]
struct World {
    kind: WorkloadKind,
    replicas: i32,
    annotations: BTreeMap<String, String>,
    pods: Vec<PodState>,
    version: u64,
    injected: bool,
    paused: bool,
    now: Timestamp,
    made: u32,
    /// Ticks whose cycle began.
    begun: Vec<String>,
    ends: Vec<End>,
}

impl World {
    fn new(kind: WorkloadKind, replicas: i32) -> World {
        let mut world = World {
            kind,
            replicas,
            annotations: BTreeMap::new(),
            pods: Vec::new(),
            version: 0,
            injected: true,
            paused: false,
            now: START.parse().unwrap(),
            made: 0,
            begun: Vec::new(),
            ends: Vec::new(),
        };
        world.make_pods();
        world.pods.iter_mut().for_each(|pod| pod.ready = true);
        world.pass(60);
        world
    }

    fn object(&self) -> Value {
        json!({"metadata": {"name": "web", "annotations": self.annotations}, "spec": {"replicas": self.replicas}})
    }

    fn decide(&self, tick: Option<&str>) -> Action {
        let object = self.object();
        let target = Target { kind: self.kind, namespace: "demo", object: &object };
        let observed =
            Observation { target, pods: &self.pods, injected: self.injected, paused: self.paused, tick };
        step(observed, &LIMITS, self.now)
    }

    /// What the API server does with a decision that was made on some version of the workload.
    fn act(&mut self, action: &Action, version: u64) {
        match action {
            Action::Write(change) if version == self.version => {
                self.version += 1;
                self.replicas = change.replicas.unwrap_or(self.replicas);
                for (name, value) in &change.annotations {
                    match value {
                        Some(value) => self.annotations.insert((*name).to_owned(), value.clone()),
                        None => self.annotations.remove(*name),
                    };
                }
                let mark: Mark =
                    serde_json::from_str(&self.annotations[names::ANNOTATION_OFFLINE_CYCLE]).unwrap();
                if matches!(mark.phase, Phase::ScalingDown | Phase::ReplacingPods) {
                    self.begun.push(mark.tick);
                }
                self.ends.extend(change.end);
            }
            Action::Evict { name, uid } => {
                let pod = self.pods.iter_mut().find(|pod| pod.name == *name && pod.uid == *uid);
                pod.into_iter().for_each(|pod| pod.terminating = true);
            }
            _ => {}
        }
    }

    fn make_pods(&mut self) {
        let wanted = usize::try_from(self.replicas).unwrap();
        while self.pods.iter().filter(|pod| !pod.terminating).count() > wanted {
            let pod = self.pods.iter_mut().find(|pod| !pod.terminating);
            pod.into_iter().for_each(|pod| pod.terminating = true);
        }
        while self.pods.len() < wanted {
            self.made += 1;
            self.pods.push(PodState {
                name: format!("web-{}", self.made),
                uid: self.made.to_string(),
                created: self.now,
                terminating: false,
                ready: false,
                backed_up: false,
                gave_up: false,
                failures: 0,
            });
        }
    }

    /// The controllers of Kubernetes and the kubelet, one round.
    fn progress(&mut self, fails: bool) {
        self.pods.retain(|pod| !pod.terminating);
        for pod in &mut self.pods {
            if fails {
                pod.failures += 1;
                (pod.gave_up, pod.ready) = (pod.failures >= 3, pod.failures >= 3);
            } else {
                (pod.backed_up, pod.ready) = (true, true);
            }
        }
        self.make_pods();
    }

    fn pass(&mut self, seconds: u64) {
        self.now = self.now.checked_add(Duration::from_secs(seconds)).unwrap();
    }

    fn old(&self) -> Option<i32> {
        self.annotations.get(names::ANNOTATION_OLD_REPLICA).map(|old| old.parse().unwrap())
    }

    /// Everything goes on without any disturbance, until nothing is to be done any more.
    fn settle(&mut self, fails: bool) {
        for _ in 0..200 {
            let action = self.decide(None);
            if action == Action::Nothing {
                return;
            }
            let version = self.version;
            self.act(&action, version);
            self.progress(fails);
            self.pass(30);
        }
        panic!("it does not come to an end: {self:?}");
    }
}

/// What may happen next.
#[derive(Clone, Debug)]
enum Event {
    /// Somebody looks and decides; whoever decided before and did not act yet is dead.
    Decide {
        actor: usize,
        ticking: bool,
    },
    /// Somebody acts on what they decided, however long ago.
    Act(usize),
    /// A tick; the one before is no longer asked for.
    Tick,
    Scale(i32),
    Progress {
        fails: bool,
    },
    Pass(u64),
    Inject(bool),
    Pause(bool),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (0..2_usize, any::<bool>()).prop_map(|(actor, ticking)| Event::Decide { actor, ticking }),
        6 => (0..2_usize).prop_map(Event::Act),
        2 => Just(Event::Tick),
        1 => (0..5).prop_map(Event::Scale),
        4 => any::<bool>().prop_map(|fails| Event::Progress { fails }),
        2 => (1..400_u64).prop_map(Event::Pass),
        1 => any::<bool>().prop_map(Event::Inject),
        1 => any::<bool>().prop_map(Event::Pause),
    ]
}

/// Runs the events and gives the replicas that are wanted in the end.
fn run(world: &mut World, events: &[Event]) -> i32 {
    let mut wanted = world.old().filter(|_| world.replicas <= 1).unwrap_or(world.replicas);
    let mut pending: [Option<(Action, u64)>; 2] = [None, None];
    let mut tick = 0;
    for event in events {
        match event {
            Event::Decide { actor, ticking } => {
                let name = format!("tick-{tick}");
                let action = world.decide(ticking.then_some(name.as_str()));
                if let Action::Evict { uid, .. } = &action {
                    let others = world.pods.iter().filter(|pod| pod.uid != *uid && pod.created < world.now);
                    let evicted = world.pods.iter().find(|pod| pod.uid == *uid).unwrap();
                    assert!(!evicted.ready || others.into_iter().all(|pod| pod.ready), "one at a time");
                }
                pending[*actor] = Some((action, world.version));
            }
            Event::Act(actor) => {
                if let Some((action, version)) = pending[*actor].take() {
                    world.act(&action, version);
                }
            }
            Event::Tick => tick += 1,
            Event::Scale(replicas) if *replicas != world.replicas => {
                // Who sets what the cycle had set before cannot be told from it.
                let before_cycle = world.old().filter(|_| *replicas <= 1);
                world.replicas = *replicas;
                world.version += 1;
                let set = world.annotations.get(names::ANNOTATION_OFFLINE_CYCLE).and_then(|mark| {
                    let mark: Mark = serde_json::from_str(mark).unwrap();
                    match mark.phase {
                        Phase::ScalingDown => Some(0),
                        Phase::BackingUp => Some(1),
                        _ => None,
                    }
                });
                let ours = set.is_none_or(|set| set == *replicas);
                wanted = before_cycle.filter(|_| ours).unwrap_or(*replicas);
            }
            Event::Scale(_) => {}
            Event::Progress { fails } => world.progress(*fails),
            Event::Pass(seconds) => world.pass(*seconds),
            Event::Inject(injected) => world.injected = *injected,
            Event::Pause(paused) => world.paused = *paused,
        }
    }
    wanted
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn replicas_come_back_whoever_dies_when(
        kind in proptest::sample::select(&WorkloadKind::ALL[..3]),
        replicas in 0..5_i32,
        old in proptest::option::weighted(0.1, 1..5_i32),
        events in proptest::collection::vec(event(), 0..60),
        fails in any::<bool>(),
    ) {
        let mut world = World::new(kind, replicas);
        if let Some(old) = old {
            // 0.8.3 is in the middle of a cycle.
            world.annotations.insert(names::ANNOTATION_OLD_REPLICA.to_owned(), old.to_string());
        }
        let wanted = run(&mut world, &events);
        world.settle(fails);
        prop_assert_eq!((world.replicas, world.old()), (wanted, None));
        let mut ticks = world.begun.clone();
        ticks.dedup();
        prop_assert_eq!(ticks, world.begun, "no tick begins two cycles");
    }

    /// Whatever was before, the next cycle makes every pod anew, and touches no replicas.
    #[test]
    fn every_pod_is_replaced_whoever_dies_when(
        kind in proptest::sample::select(&WorkloadKind::ALL[3..5]),
        replicas in 0..5_i32,
        events in proptest::collection::vec(event(), 0..60),
    ) {
        let mut world = World::new(kind, replicas);
        let wanted = run(&mut world, &events);
        world.settle(false);
        prop_assert_eq!((world.replicas, world.old()), (wanted, None));
        (world.injected, world.paused) = (true, false);
        (0..3).for_each(|_| world.progress(false));
        world.pass(60);
        let before = world.now;
        cycle_of(&mut world, false);
        prop_assert!(world.pods.iter().all(|pod| pod.created >= before && pod.backed_up));
        prop_assert_eq!(world.pods.len(), usize::try_from(wanted).unwrap());
    }
}

/// One step after the other, without disturbance.
fn cycle_of(world: &mut World, fails: bool) -> Vec<String> {
    let mut steps = Vec::new();
    for _ in 0..50 {
        let action = world.decide(Some("tick"));
        steps.push(match &action {
            Action::Write(change) => match (change.replicas, change.end) {
                (Some(replicas), None) => format!("scale to {replicas}"),
                (Some(replicas), Some(end)) => format!("scale to {replicas}: {end:?}"),
                (None, Some(end)) => format!("{end:?}"),
                (None, None) => "begin".to_owned(),
            },
            Action::Evict { name, .. } => format!("evict {name}"),
            other => format!("{other:?}"),
        });
        if action == Action::Nothing {
            break;
        }
        let version = world.version;
        world.act(&action, version);
        world.progress(fails);
        world.pass(10);
    }
    steps.dedup();
    steps
}

#[test]
fn a_deployment_is_scaled_down_backed_up_and_scaled_up() {
    let mut world = World::new(WorkloadKind::Deployment, 3);
    assert_eq!(
        cycle_of(&mut world, false),
        ["scale to 0", "Wait(PodsGone)", "scale to 1", "Wait(Backup)", "scale to 3: Completed", "Nothing"]
    );
}

#[test]
fn a_backup_that_fails_is_told_of_and_gives_the_replicas_back() {
    for kind in [WorkloadKind::ReplicaSet, WorkloadKind::StatefulSet] {
        let mut world = World::new(kind, 2);
        assert_eq!(cycle_of(&mut world, true).pop().as_deref(), Some("Nothing"));
        assert_eq!((world.replicas, world.ends.as_slice()), (2, [End::BackupFailed].as_slice()));
    }
}

#[test]
fn pods_that_stay_end_the_cycle_without_a_backup() {
    let mut world = World::new(WorkloadKind::Deployment, 2);
    let begin = world.decide(Some("tick"));
    world.act(&begin, 0);
    world.pass(301);
    let Action::Write(change) = world.decide(None) else { panic!("the limit has passed") };
    assert_eq!((change.replicas, change.end), (Some(2), Some(End::PodsStayed)));
}

#[test]
fn a_workload_that_is_switched_off_stays_off() {
    let mut world = World::new(WorkloadKind::ReplicationController, 0);
    assert_eq!(cycle_of(&mut world, false), ["NothingRuns", "Nothing"]);
    assert_eq!(world.replicas, 0);
}

#[test]
fn pods_of_a_stateful_set_are_replaced_one_by_one_from_the_last() {
    let mut world = World::new(WorkloadKind::StatefulSet, 3);
    let evicted: Vec<String> =
        cycle_of(&mut world, false).into_iter().filter(|step| step.contains("evict")).collect();
    assert_eq!(evicted, ["evict web-3", "evict web-2", "evict web-1"]);
    assert_eq!(world.ends, [End::Completed]);
}

#[test]
fn a_paused_restic_begins_nothing() {
    let mut world = World::new(WorkloadKind::Deployment, 3);
    world.paused = true;
    assert_eq!(world.decide(Some("tick")), Action::Nothing);
}

#[test]
fn an_early_tick_keeps_what_the_workload_had() {
    let mut world = World::new(WorkloadKind::Deployment, 3);
    let begin = world.decide(Some("one"));
    world.act(&begin, 0);
    assert_eq!(world.decide(Some("two")), Action::Wait(WaitFor::PodsGone));
    assert_eq!(world.old(), Some(3));
}

#[test]
fn an_init_container_backs_up_only_in_a_cycle() {
    let backs_up = |kind, replicas: i32, old: Option<&str>| {
        let mut object = json!({"metadata": {"annotations": {}}, "spec": {"replicas": replicas}});
        if let Some(old) = old {
            object["metadata"]["annotations"]["old-replica"] = json!(old);
        }
        super::backs_up(Target { kind, namespace: "demo", object: &object })
    };
    assert!(backs_up(WorkloadKind::Deployment, 1, Some("3")));
    assert!(!backs_up(WorkloadKind::Deployment, 3, Some("3")));
    assert!(!backs_up(WorkloadKind::Deployment, 1, None));
    assert!(backs_up(WorkloadKind::DaemonSet, 1, None));
}

#[test]
fn a_change_is_one_request_on_the_version_that_was_seen() {
    let Action::Write(change) = World::new(WorkloadKind::Deployment, 3).decide(Some("tick")) else {
        panic!("a cycle is due")
    };
    let patch = change.merge_patch("17");
    assert_eq!(patch["metadata"]["resourceVersion"], "17");
    assert_eq!(patch["metadata"]["annotations"]["old-replica"], "3");
    assert_eq!(patch["spec"]["replicas"], 0);
}
