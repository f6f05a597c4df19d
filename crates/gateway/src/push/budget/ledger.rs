//! Who holds memory and who waits for it: the book that [`super::Budget`] keeps.
//!
//! Memory goes to the address that holds least, and within an address to whoever came first. When it is all taken, an
//! address gives some back to another one that waits, as long as it then keeps at least as much as that one gets: so two
//! that want more than there is end up with a half each, three with a third. An address that is alone has it all.

use std::collections::{BTreeMap, HashMap};

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use web::Peer;

/// A push, by the order of their coming.
pub(super) type Id = u64;

/// Counts memory in pieces.
#[derive(Debug)]
pub(super) struct Ledger {
    free: usize,
    next: Id,
    addresses: HashMap<Peer, Address>,
}

/// The pushes of one address.
#[derive(Debug, Default)]
struct Address {
    held: usize,
    /// What of that is about to come back, since its push was told to give way.
    leaving: usize,
    pushes: BTreeMap<Id, Push>,
    waiting: BTreeMap<Id, Waiting>,
}

#[derive(Debug)]
struct Push {
    held: usize,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// It waits for its client, which may take long.
    Coming(CancellationToken),
    /// It was told to give way.
    Leaving,
    /// It is being stored, and ends by itself.
    Stored,
}

#[derive(Debug)]
struct Waiting {
    wanted: usize,
    granted: oneshot::Sender<()>,
}

impl Ledger {
    pub(super) fn new(pieces: usize) -> Self {
        Self { free: pieces, next: 0, addresses: HashMap::new() }
    }

    /// A push comes; `give_way` is cancelled when others need what it holds.
    pub(super) fn enter(&mut self, peer: Peer, give_way: CancellationToken) -> Id {
        let id = self.next;
        self.next += 1;
        let push = Push { held: 0, stage: Stage::Coming(give_way) };
        self.addresses.entry(peer).or_default().pushes.insert(id, push);
        id
    }

    /// Asks for more pieces for a push, which must not be waiting already. What comes back is told when it has them.
    pub(super) fn ask(&mut self, peer: Peer, id: Id, wanted: usize) -> oneshot::Receiver<()> {
        let (granted, told) = oneshot::channel();
        self.addresses.entry(peer).or_default().waiting.insert(id, Waiting { wanted, granted });
        self.deal();
        told
    }

    /// A push waits no longer; says whether it was still waiting.
    pub(super) fn withdraw(&mut self, peer: Peer, id: Id) -> bool {
        let was_waiting =
            self.addresses.get_mut(&peer).is_some_and(|address| address.waiting.remove(&id).is_some());
        if was_waiting {
            self.deal();
        }
        was_waiting
    }

    /// From now on a push waits for its client no more, and need not give way.
    pub(super) fn store(&mut self, peer: Peer, id: Id) {
        let push = self.addresses.get_mut(&peer).and_then(|address| address.pushes.get_mut(&id));
        if let Some(push) = push.filter(|push| matches!(push.stage, Stage::Coming(_))) {
            push.stage = Stage::Stored;
        }
    }

    /// A push ends, and gives back what it holds.
    pub(super) fn leave(&mut self, peer: Peer, id: Id) {
        let Some(address) = self.addresses.get_mut(&peer) else { return };
        address.waiting.remove(&id);
        if let Some(push) = address.pushes.remove(&id) {
            address.held -= push.held;
            if matches!(push.stage, Stage::Leaving) {
                address.leaving -= push.held;
            }
            self.free += push.held;
        }
        if address.pushes.is_empty() {
            self.addresses.remove(&peer);
        }
        self.deal();
    }

    /// Gives to those who wait what is free, in their order. Nobody overtakes, or a large push would wait for ever.
    fn deal(&mut self) {
        loop {
            let waiting = self.addresses.values_mut().filter(|address| !address.waiting.is_empty());
            let first = |address: &Address| address.waiting.first_key_value().map(|(id, _)| *id);
            let Some(address) = waiting.min_by_key(|address| (address.held, first(address))) else { return };
            let Some(entry) = address.waiting.first_entry() else { return };
            if entry.get().wanted > self.free {
                return;
            }
            let (id, Waiting { wanted, granted }) = entry.remove_entry();
            self.free -= wanted;
            address.held += wanted;
            if let Some(push) = address.pushes.get_mut(&id) {
                push.held += wanted;
            }
            // Whoever does not listen any more leaves at once, and gives it back.
            let _ = granted.send(());
        }
    }

    /// Lets pushes of other addresses give way to one that wants so many pieces, if that is fair and enough. Those that
    /// came first go first: they had most time.
    pub(super) fn make_way(&mut self, peer: Peer, wanted: usize) {
        let after = self.addresses.get(&peer).map_or(0, |address| address.held) + wanted;
        let leaving: usize = self.addresses.values().map(|address| address.leaving).sum();
        let mut missing = wanted.saturating_sub(self.free + leaving);
        let mut others: Vec<Other> = self
            .addresses
            .iter()
            .filter(|(other, address)| **other != peer && address.held - address.leaving > after)
            .map(|(other, address)| Other::new(*other, address))
            .collect();
        let mut told = Vec::new();
        while missing > 0 {
            let richest = others.iter_mut().max_by_key(|other| other.keeps);
            let Some((id, held)) = richest
                .and_then(|other| Some((other.peer, other.give(after)?)))
                .map(|(other, (id, held))| ((other, id), held))
            else {
                return;
            };
            missing = missing.saturating_sub(held);
            told.push(id);
        }
        for (other, id) in told {
            let Some(address) = self.addresses.get_mut(&other) else { continue };
            let Some(push) = address.pushes.get_mut(&id) else { continue };
            if let Stage::Coming(give_way) = std::mem::replace(&mut push.stage, Stage::Leaving) {
                give_way.cancel();
            }
            address.leaving += push.held;
        }
    }
}

/// An address that may have to give way.
struct Other {
    peer: Peer,
    /// What it keeps if all go that were chosen.
    keeps: usize,
    /// Pushes that can be told, with what they hold.
    coming: Vec<(Id, usize)>,
}

impl Other {
    fn new(peer: Peer, address: &Address) -> Self {
        let coming = address.pushes.iter().filter(|(_, push)| matches!(push.stage, Stage::Coming(_)));
        let coming = coming.map(|(id, push)| (*id, push.held)).filter(|(_, held)| *held > 0);
        Self { peer, keeps: address.held - address.leaving, coming: coming.collect() }
    }

    /// Chooses the oldest push without which the address still keeps `least`.
    fn give(&mut self, least: usize) -> Option<(Id, usize)> {
        let at = self.coming.iter().position(|(_, held)| self.keeps >= held + least)?;
        let (id, held) = self.coming.remove(at);
        self.keeps -= held;
        Some((id, held))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(last: u8) -> Peer {
        Peer::Address(std::net::Ipv4Addr::new(192, 0, 2, last).into())
    }

    /// A push that asked for memory.
    struct Asked {
        peer: Peer,
        id: Id,
        give_way: CancellationToken,
        told: oneshot::Receiver<()>,
    }

    impl Asked {
        fn new(ledger: &mut Ledger, peer: Peer, wanted: usize) -> Self {
            let give_way = CancellationToken::new();
            let id = ledger.enter(peer, give_way.clone());
            Self { peer, id, give_way, told: ledger.ask(peer, id, wanted) }
        }

        fn has_it(&mut self) -> bool {
            self.told.try_recv().is_ok()
        }

        fn gives_way(&self) -> bool {
            self.give_way.is_cancelled()
        }
    }

    fn holders(ledger: &mut Ledger, peer: Peer, sizes: &[usize]) -> Vec<Asked> {
        let held: Vec<Asked> = sizes.iter().map(|size| Asked::new(ledger, peer, *size)).collect();
        held.into_iter()
            .map(|mut asked| {
                assert!(asked.has_it());
                asked
            })
            .collect()
    }

    /// Which of `pushes` are told to give way when `peer` wants so much.
    fn told(ledger: &mut Ledger, pushes: &[Asked], peer: Peer, wanted: usize) -> Vec<bool> {
        ledger.make_way(peer, wanted);
        pushes.iter().map(Asked::gives_way).collect()
    }

    #[test]
    fn one_address_alone_has_everything_and_others_get_what_comes_back() {
        let mut ledger = Ledger::new(4);
        let held = holders(&mut ledger, peer(1), &[1, 1, 2]);
        let mut waits = Asked::new(&mut ledger, peer(1), 1);
        let mut other = Asked::new(&mut ledger, peer(2), 2);
        ledger.leave(peer(1), held[0].id);
        assert!(!other.has_it() && !waits.has_it(), "who holds least is first, and nobody overtakes");
        ledger.leave(peer(1), held[1].id);
        assert!(other.has_it() && !waits.has_it());
        ledger.leave(peer(1), held[2].id);
        assert!(waits.has_it());
        for asked in [waits, other] {
            ledger.leave(asked.peer, asked.id);
        }
        assert_eq!((ledger.free, ledger.addresses.len()), (4, 0));
    }

    #[test]
    fn an_address_gives_way_until_it_has_as_much_as_the_other() {
        let mut ledger = Ledger::new(8);
        let held = holders(&mut ledger, peer(1), &[2, 2, 2, 2]);
        assert_eq!(told(&mut ledger, &held, peer(2), 2), [true, false, false, false]);
        assert_eq!(
            told(&mut ledger, &held, peer(2), 2),
            [true, false, false, false],
            "what leaves is enough"
        );
        ledger.leave(peer(1), held[0].id);
        assert!(Asked::new(&mut ledger, peer(2), 2).has_it());
        assert_eq!(told(&mut ledger, &held, peer(2), 2), [true, true, false, false]);
        ledger.leave(peer(1), held[1].id);
        assert!(Asked::new(&mut ledger, peer(2), 2).has_it());
        // Both have a half: a third takes from the one, and nobody from the other.
        assert_eq!(told(&mut ledger, &held, peer(2), 1), [true, true, false, false]);
        assert_eq!(told(&mut ledger, &held[2..], peer(3), 3), [false, false]);
    }

    #[test]
    fn nobody_gives_way_in_vain() {
        let mut ledger = Ledger::new(8);
        let held = holders(&mut ledger, peer(1), &[1, 7]);
        assert_eq!(told(&mut ledger, &held, peer(2), 2), [false, false], "one is not enough, seven too much");
        assert_eq!(told(&mut ledger, &held, peer(1), 1), [false, false], "not to itself");
        for push in &held {
            ledger.store(push.peer, push.id);
        }
        assert_eq!(
            told(&mut ledger, &held, peer(2), 1),
            [false, false],
            "what is being stored ends by itself"
        );
    }

    #[test]
    fn who_waits_no_longer_is_in_nobodys_way() {
        let mut ledger = Ledger::new(2);
        let held = holders(&mut ledger, peer(1), &[1]);
        let mut large = Asked::new(&mut ledger, peer(2), 2);
        let mut small = Asked::new(&mut ledger, peer(3), 1);
        assert!(!large.has_it() && !small.has_it());
        assert!(ledger.withdraw(peer(2), large.id));
        assert!(small.has_it());
        assert!(!ledger.withdraw(peer(3), small.id), "it has it already");
        ledger.leave(peer(1), held[0].id);
        assert_eq!(ledger.free, 1);
    }
}
