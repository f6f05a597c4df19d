//! Who may connect: so many in all, and so many from one address, so that one client cannot take all.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::listener::Peer;
use crate::{Counts, Limits, Refused};

/// Counts the connections that are open.
#[derive(Clone, Debug)]
pub(crate) struct Admission(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    most: usize,
    most_per_address: usize,
    /// Only addresses with open connections are in it.
    open: Mutex<HashMap<Peer, usize>>,
    counts: Arc<Counts>,
}

/// A connection that was admitted, until it is dropped.
#[derive(Debug)]
pub(crate) struct Admitted {
    admission: Admission,
    peer: Peer,
}

impl Admission {
    pub(crate) fn new(limits: &Limits, counts: Arc<Counts>) -> Self {
        Self(Arc::new(Inner {
            most: limits.connections,
            most_per_address: limits.connections_per_address,
            open: Mutex::default(),
            counts,
        }))
    }

    pub(crate) fn admit(&self, peer: Peer) -> Result<Admitted, Refused> {
        let inner = &self.0;
        let mut open = self.lock();
        if inner.counts.open.load(Ordering::Relaxed) >= inner.most {
            return Err(Refused::Connections);
        }
        let of_peer = open.entry(peer).or_default();
        if *of_peer >= inner.most_per_address {
            return Err(Refused::ConnectionsPerAddress);
        }
        *of_peer += 1;
        inner.counts.open.fetch_add(1, Ordering::Relaxed);
        Ok(Admitted { admission: self.clone(), peer })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Peer, usize>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut open = self.admission.lock();
        self.admission.0.counts.open.fetch_sub(1, Ordering::Relaxed);
        if let Some(of_peer) = open.get_mut(&self.peer) {
            *of_peer -= 1;
            if *of_peer == 0 {
                open.remove(&self.peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str) -> Peer {
        Peer::of(address.parse().unwrap())
    }

    #[test]
    fn one_address_cannot_take_all_and_gives_back_what_it_has() {
        let limits = Limits { connections: 3, connections_per_address: 2, ..Limits::default() };
        let admission = Admission::new(&limits, Arc::default());
        let mut held: Vec<Admitted> = (0..2).map(|_| admission.admit(peer("192.0.2.1")).unwrap()).collect();
        assert_eq!(admission.admit(peer("192.0.2.1")).unwrap_err(), Refused::ConnectionsPerAddress);
        let other = admission.admit(peer("192.0.2.2")).unwrap();
        assert_eq!(admission.admit(peer("192.0.2.3")).unwrap_err(), Refused::Connections);
        held.clear();
        drop(other);
        assert_eq!(admission.0.counts.open(), 0);
        assert!(admission.lock().is_empty());
        admission.admit(peer("192.0.2.1")).unwrap();
    }

    #[test]
    fn a_network_of_64_bits_is_one_address_and_so_are_both_forms_of_an_old_one() {
        assert_eq!(peer("2001:db8::1"), peer("2001:db8::ffff:1"));
        assert_ne!(peer("2001:db8::1"), peer("2001:db8:0:1::1"));
        assert_eq!(peer("192.0.2.1"), peer("::ffff:192.0.2.1"));
        assert_ne!(peer("192.0.2.1"), peer("192.0.2.2"));
    }
}
