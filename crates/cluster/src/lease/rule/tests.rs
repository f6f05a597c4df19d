//! The rule of a candidate, case by case, and two candidates in any interleaving.

use std::time::Duration;

use proptest::prelude::*;

use super::{Candidate, Record, Step};
use crate::lease::{Standing, Timing};

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn held_by(holder: &str, renewed: &str) -> Record {
    Record {
        holder: holder.to_owned(),
        valid_for: s(15),
        acquired: "first".to_owned(),
        renewed: renewed.to_owned(),
        transitions: 3,
    }
}

fn candidate() -> Candidate {
    Candidate::new("me", Timing::default())
}

#[test]
fn a_lease_that_does_not_change_is_taken_after_its_duration_as_seen_from_here() {
    let mut me = candidate();
    let lease = held_by("other", "1");
    assert_eq!(me.read(Some(lease.clone()), s(100)), Step::Wait);
    assert_eq!(me.read(Some(lease.clone()), s(114)), Step::Wait);
    assert_eq!(me.standing(s(114)), Standing::Waiting { holder: Some("other".to_owned()) });
    assert_eq!(me.read(Some(lease), s(115)), Step::Take);
    let taken = me.write(&Step::Take, "now");
    assert_eq!((taken.transitions, taken.acquired.as_str()), (4, "now"));
}

#[test]
fn a_renewal_starts_the_wait_anew_whatever_time_is_written_in_it() {
    let mut me = candidate();
    assert_eq!(me.read(Some(held_by("other", "2099")), s(0)), Step::Wait);
    assert_eq!(me.read(Some(held_by("other", "1970")), s(14)), Step::Wait);
    assert_eq!(me.read(Some(held_by("other", "1970")), s(28)), Step::Wait);
    assert_eq!(me.read(Some(held_by("other", "1970")), s(29)), Step::Take);
}

#[test]
fn a_lease_that_was_given_back_is_taken_at_once() {
    assert_eq!(candidate().read(Some(held_by("", "1")), s(0)), Step::Take);
    assert_eq!(candidate().read(None, s(0)), Step::Create);
}

#[test]
fn a_restarted_holder_goes_on_with_its_lease_and_keeps_its_history() {
    let mut me = candidate();
    assert_eq!(me.read(Some(held_by("me", "1")), s(0)), Step::Renew);
    let renewed = me.write(&Step::Renew, "now");
    assert_eq!(
        (renewed.transitions, renewed.acquired.as_str(), renewed.renewed.as_str()),
        (3, "first", "now")
    );
}

#[test]
fn a_leader_that_cannot_renew_is_unsure_until_it_sees_another() {
    let mut me = candidate();
    assert_eq!(me.read(None, s(0)), Step::Create);
    let mine = me.write(&Step::Create, "now");
    me.wrote(mine, s(1), s(4));
    assert_eq!(me.standing(s(10)), Standing::Leading);
    // Counted from the beginning of the request, not from its answer.
    assert_eq!(me.standing(s(11)), Standing::Unsure);
    assert_eq!(me.standing(s(9999)), Standing::Unsure);
    assert_eq!(me.read(Some(held_by("other", "1")), s(10_000)), Step::Wait);
    assert_eq!(me.standing(s(10_000)), Standing::Waiting { holder: Some("other".to_owned()) });
}

/// What happens next to one of the candidates.
#[derive(Clone, Copy, Debug)]
enum Move {
    /// Time passes, in milliseconds.
    Pass(u64),
    /// It reads the Lease.
    Read(usize),
    /// It writes what it decided at its last reading; the store refuses an old version.
    Write(usize),
    /// It writes, and the answer is lost.
    WriteUnheard(usize),
    /// Its process starts anew under the same name.
    Restart(usize),
}

fn moves() -> impl Strategy<Value = Move> {
    let who = 0..2_usize;
    prop_oneof![
        3 => (0..6_000_u64).prop_map(Move::Pass),
        4 => who.clone().prop_map(Move::Read),
        4 => who.clone().prop_map(Move::Write),
        1 => who.clone().prop_map(Move::WriteUnheard),
        1 => who.prop_map(Move::Restart),
    ]
}

#[derive(Default)]
struct Store {
    version: u64,
    lease: Option<Record>,
}

proptest! {
    /// Clocks that differ, requests that are old when they arrive, answers that are lost, processes that restart.
    #[test]
    fn two_candidates_never_lead_at_once(moves in prop::collection::vec(moves(), 0..200), skew in 0..100_000_u64) {
        let names = ["a", "b"];
        let mut candidates = names.map(|name| Candidate::new(name, Timing::default()));
        let mut pending: [Option<(u64, Step, Duration)>; 2] = [None, None];
        let mut store = Store::default();
        let mut time = 0_u64;
        for (count, one) in moves.into_iter().enumerate() {
            let now = |who: usize| Duration::from_millis(time + if who == 0 { 0 } else { skew });
            match one {
                Move::Pass(milliseconds) => time += milliseconds,
                Move::Read(who) => {
                    let step = candidates[who].read(store.lease.clone(), now(who));
                    pending[who] = (step != Step::Wait).then(|| (store.version, step, now(who)));
                }
                Move::Write(who) | Move::WriteUnheard(who) => {
                    if let Some((version, step, begun)) = pending[who].take()
                        && version == store.version
                    {
                        let record = candidates[who].write(&step, &format!("{count}"));
                        store = Store { version: version + 1, lease: Some(record.clone()) };
                        if matches!(one, Move::Write(_)) {
                            candidates[who].wrote(record, begun, now(who));
                        }
                    }
                }
                Move::Restart(who) => {
                    candidates[who] = Candidate::new(names[who], Timing::default());
                    pending[who] = None;
                }
            }
            let now = |who: usize| Duration::from_millis(time + if who == 0 { 0 } else { skew });
            let leading = [0, 1].map(|who| candidates[who].standing(now(who)) == Standing::Leading);
            prop_assert!(!(leading[0] && leading[1]), "both lead after {one:?} at {time} ms");
        }
    }
}
