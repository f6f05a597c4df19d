//! Checks passwords, which is made to be slow: off the threads that serve, few at once, and once for each password.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio_rustls::rustls::crypto::ring;

use crate::config::Settings;
use crate::listener::Peer;

/// How long a request waits for its turn.
const WAIT: Duration = Duration::from_secs(5);

/// Pairs of user and password that are remembered, right ones and wrong ones; wrong ones cannot push out right ones.
const REMEMBERED: usize = 1024;

/// What a check says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Checked {
    Right,
    Wrong,
    /// Others have passwords checked; ask again.
    Busy,
}

/// A user, the hash of the configuration and a password, hashed together with a secret of this process: what is
/// remembered is of no use to whoever reads the memory, and a changed configuration is another key.
type Key = [u8; 32];

/// Checks passwords against the users of the configuration.
pub(super) struct Passwords {
    secret: Option<[u8; 32]>,
    right: Cache<Key, ()>,
    wrong: Cache<Key, ()>,
    /// As many checks at once as leave cores for those who are known already.
    at_once: Semaphore,
    /// Each address has one check at once and waits for it, so that one that guesses delays another by one check only.
    turns: Mutex<HashMap<Peer, Weak<Semaphore>>>,
}

impl Default for Passwords {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut secret = [0; 32];
        // Without random bytes nothing is remembered.
        let is_random = ring::default_provider().secure_random.fill(&mut secret).is_ok();
        Self {
            secret: is_random.then_some(secret),
            right: Cache::new(REMEMBERED),
            wrong: Cache::new(REMEMBERED),
            at_once: Semaphore::new((cores / 2).max(1)),
            turns: Mutex::default(),
        }
    }
}

impl Passwords {
    pub(super) async fn check(
        &self,
        peer: Peer,
        settings: &Settings,
        user: &[u8],
        password: Vec<u8>,
    ) -> Checked {
        let known = std::str::from_utf8(user).ok().and_then(|user| settings.users.get(user));
        // An unknown user costs as much as a known one, so that the time does not tell who is known.
        let Some(hash) = known.or_else(|| settings.users.values().next()) else { return Checked::Wrong };
        let key = self.key(user, hash.as_str(), &password);
        if let Some(checked) = self.remembered(key) {
            return checked;
        }
        let turn = self.turn(peer);
        let waiting = async {
            let turn = turn.acquire().await.ok()?;
            Some((turn, self.at_once.acquire().await.ok()?))
        };
        let Ok(Some(_permits)) = tokio::time::timeout(WAIT, waiting).await else { return Checked::Busy };
        // Another request with the same password may have been checked meanwhile.
        if let Some(checked) = self.remembered(key) {
            return checked;
        }
        let hash = hash.clone();
        let fits = tokio::task::spawn_blocking(move || bcrypt::verify(&password, hash.as_str()));
        // What is no hash fits nothing; the configuration file says so when it is read.
        let fits = matches!(fits.await, Ok(Ok(true)));
        let checked = if fits && known.is_some() { Checked::Right } else { Checked::Wrong };
        if let Some(key) = key {
            let remembered = if checked == Checked::Right { &self.right } else { &self.wrong };
            remembered.insert(key, ());
        }
        checked
    }

    fn remembered(&self, key: Option<Key>) -> Option<Checked> {
        let key = key?;
        if self.right.get(&key).is_some() {
            return Some(Checked::Right);
        }
        self.wrong.get(&key).map(|()| Checked::Wrong)
    }

    fn key(&self, user: &[u8], hash: &str, password: &[u8]) -> Option<Key> {
        let mut hasher = Sha256::new_with_prefix(self.secret?);
        for part in [user, hash.as_bytes(), password] {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Some(hasher.finalize().into())
    }

    fn turn(&self, peer: Peer) -> Arc<Semaphore> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(&peer).and_then(Weak::upgrade) {
            return turn;
        }
        // Only those who wait or check now are of interest.
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::new(Semaphore::new(1));
        turns.insert(peer, Arc::downgrade(&turn));
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    fn settings(users: &[(&str, &str)]) -> Settings {
        let hash = |password| Secret::from(bcrypt::hash(password, 4).unwrap());
        let users = users.iter().map(|(user, password)| ((*user).to_owned(), hash(*password)));
        Settings { users: users.collect(), ..Settings::default() }
    }

    #[tokio::test]
    async fn right_wrong_and_unknown_are_told_apart_and_remembered() {
        let passwords = Passwords::default();
        let settings = settings(&[("ann", "one"), ("bob", "two")]);
        for _ in 0..2 {
            for (user, password, expected) in [
                ("ann", "one", Checked::Right),
                ("bob", "two", Checked::Right),
                ("ann", "two", Checked::Wrong),
                ("eve", "one", Checked::Wrong),
                ("eve", "two", Checked::Wrong),
                ("", "", Checked::Wrong),
            ] {
                let checked = passwords.check(Peer::Local, &settings, user.as_bytes(), password.into()).await;
                assert_eq!(checked, expected, "{user} {password}");
            }
        }
        assert_eq!((passwords.right.len(), passwords.wrong.len()), (2, 4));
    }

    #[tokio::test]
    async fn a_changed_password_counts_at_once() {
        let passwords = Passwords::default();
        let check = async |settings: &Settings, password: &str| {
            passwords.check(Peer::Local, settings, b"ann", password.into()).await
        };
        let (before, after) = (settings(&[("ann", "one")]), settings(&[("ann", "two")]));
        assert_eq!(check(&before, "one").await, Checked::Right);
        assert_eq!(check(&after, "one").await, Checked::Wrong);
        assert_eq!(check(&after, "two").await, Checked::Right);
    }

    #[tokio::test]
    async fn what_is_remembered_is_bounded_and_guesses_do_not_push_out_users() {
        let passwords = Passwords::default();
        for n in 0..10 * REMEMBERED {
            let key = passwords.key(b"ann", "", &n.to_le_bytes()).unwrap();
            passwords.wrong.insert(key, ());
        }
        assert!(passwords.wrong.len() <= REMEMBERED);
        let settings = settings(&[("ann", "one")]);
        assert_eq!(passwords.check(Peer::Local, &settings, b"ann", b"one".into()).await, Checked::Right);
        assert_eq!(passwords.right.len(), 1);
    }

    #[tokio::test]
    async fn whoever_guesses_waits_for_itself() {
        let passwords = Passwords::default();
        let settings = settings(&[("ann", "one")]);
        let guesser = passwords.turn(Peer::Machine(1));
        let _checking = guesser.acquire().await.unwrap();
        tokio::time::pause();
        assert_eq!(passwords.check(Peer::Machine(1), &settings, b"ann", b"x".into()).await, Checked::Busy);
        tokio::time::resume();
        assert_eq!(passwords.check(Peer::Machine(2), &settings, b"ann", b"one".into()).await, Checked::Right);
    }
}
