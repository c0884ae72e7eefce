//! Tokens in memory: one request for everyone who needs the same token.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::error::ClientError;

use super::{AccessToken, RenewalFailure, TokenCredential};

/// A vault that rejects every token must not make this machine ask for one after the other: at
/// one time (that is, within one pass) there is a first request and one after a rejection.
const REQUESTS_AT_ONE_TIME: u32 = 2;

/// The tokens of one credential, by resource.
#[derive(Default)]
pub(super) struct TokenCache(Mutex<HashMap<String, Arc<Entry>>>);

#[derive(Default)]
struct Entry {
    /// Held for a moment only: whoever finds it taken must not believe that a token is being fetched.
    slot: Mutex<Slot>,
    /// Held while fetching: that is what makes the others wait and share.
    fetching: Mutex<()>,
}

#[derive(Default)]
struct Slot {
    token: Option<AccessToken>,
    is_rejected: bool,
    is_doubted: bool,
    failure: Option<ClientError>,
    asked: Option<SystemTime>,
    requests: u32,
}

impl TokenCache {
    /// The token in memory unless it is due; else a fetched one. If fetching fails, the old one
    /// while it lasts.
    pub(super) fn token(
        &self,
        resource: &str,
        now: SystemTime,
        fetch: impl FnOnce() -> Result<AccessToken, ClientError>,
    ) -> Result<AccessToken, ClientError> {
        let entry = self.entry(resource);
        if let Some(token) = lock(&entry.slot).current(now) {
            return Ok(token.clone());
        }
        let _alone = lock(&entry.fetching);
        let mut slot = lock(&entry.slot);
        if let Some(token) = slot.current(now) {
            return Ok(token.clone());
        }
        if slot.asked != Some(now) {
            slot.asked = Some(now);
            slot.requests = 0;
            slot.failure = None;
        }
        if slot.failure.is_none() && slot.requests < REQUESTS_AT_ONE_TIME {
            slot.requests += 1;
            drop(slot);
            let fetched = fetch();
            slot = lock(&entry.slot);
            match fetched {
                Ok(token) => {
                    slot.token = Some(token);
                    slot.is_rejected = false;
                    slot.is_doubted = false;
                }
                Err(failure) => slot.failure = Some(failure),
            }
        }
        slot.answer(now)
    }

    /// Whether there is one in memory that is not due. One that is being fetched is not there.
    pub(super) fn has_token(&self, resource: &str, now: SystemTime) -> bool {
        lock(&self.entry(resource).slot).current(now).is_some()
    }

    /// Why the token in memory is not a newer one, while it is handed out all the same.
    pub(super) fn renewal_failure(
        &self,
        resource: &str,
        now: SystemTime,
    ) -> Option<RenewalFailure> {
        let entry = self.entry(resource);
        let slot = lock(&entry.slot);
        let token =
            slot.token.as_ref().filter(|token| token.is_usable(now) && !slot.is_rejected)?;
        let error = slot.failure.clone()?;
        Some(RenewalFailure { error, good_until: token.expires() })
    }

    /// Has a token replaced, if it is still the one in memory.
    pub(super) fn reject(&self, resource: &str, token: &AccessToken) {
        self.mark(resource, token, |slot| slot.is_rejected = true);
    }

    /// Has a token fetched anew at another time than it was, if it is still the one in memory.
    pub(super) fn doubt(&self, resource: &str, token: &AccessToken) {
        self.mark(resource, token, |slot| slot.is_doubted = true);
    }

    fn mark(&self, resource: &str, token: &AccessToken, how: impl FnOnce(&mut Slot)) {
        let entry = self.entry(resource);
        let mut slot = lock(&entry.slot);
        if slot.token.as_ref().is_some_and(|current| current.is_same_as(token)) {
            how(&mut slot);
        }
    }

    fn entry(&self, resource: &str) -> Arc<Entry> {
        let mut entries = lock(&self.0);
        Arc::clone(entries.entry(resource.to_owned()).or_default())
    }
}

impl Slot {
    /// The token that need not be asked for.
    fn current(&self, now: SystemTime) -> Option<&AccessToken> {
        let is_wanted_anew = self.is_rejected || (self.is_doubted && self.asked != Some(now));
        self.token.as_ref().filter(|token| !is_wanted_anew && !token.is_due(now))
    }

    fn answer(&self, now: SystemTime) -> Result<AccessToken, ClientError> {
        match (&self.token, &self.failure) {
            (Some(token), _) if token.is_usable(now) && !self.is_rejected => Ok(token.clone()),
            (_, Some(failure)) => Err(failure.clone()),
            // Rejected, and so was the one before: the vault may say so itself.
            (Some(token), None) => Ok(token.clone()),
            (None, None) => Err(super::refusal::exhausted()),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere leaves nothing half-written behind here.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Fetches the tokens that a cache keeps.
pub(super) trait Fetch: Send + Sync {
    /// The cache.
    fn tokens(&self) -> &TokenCache;

    /// Asks for a token.
    fn fetch(&self, resource: &str, now: SystemTime) -> Result<AccessToken, ClientError>;
}

impl<F: Fetch> TokenCredential for F {
    fn token(&self, resource: &str, now: SystemTime) -> Result<AccessToken, ClientError> {
        self.tokens().token(resource, now, || self.fetch(resource, now))
    }

    fn has_token(&self, resource: &str, now: SystemTime) -> bool {
        self.tokens().has_token(resource, now)
    }

    fn renewal_failure(&self, resource: &str, now: SystemTime) -> Option<RenewalFailure> {
        self.tokens().renewal_failure(resource, now)
    }

    fn reject(&self, resource: &str, token: &AccessToken) {
        self.tokens().reject(resource, token);
    }

    fn doubt(&self, resource: &str, token: &AccessToken) {
        self.tokens().doubt(resource, token);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use zeroize::Zeroizing;

    use super::*;
    use crate::kind::ErrorKind;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn token(text: &str, obtained: u64, lifetime: u64) -> AccessToken {
        let text = Zeroizing::new(text.to_owned());
        AccessToken::new(text, at(obtained), Duration::from_secs(lifetime))
    }

    fn failure() -> ClientError {
        ClientError::new(ErrorKind::IdentityUnavailable, "busy")
    }

    #[test]
    fn a_token_is_there_from_when_it_was_fetched_until_it_is_due_or_rejected() {
        let cache = TokenCache::default();
        assert!(!cache.has_token("a", at(0)));
        let fetched = cache
            .token("a", at(0), || {
                assert!(!cache.has_token("a", at(0)), "it is only being fetched");
                Ok(token("t", 0, 3600))
            })
            .unwrap();
        assert!(cache.has_token("a", at(1)) && !cache.has_token("b", at(1)));
        assert!(!cache.has_token("a", at(3600)));
        cache.reject("a", &fetched);
        assert!(!cache.has_token("a", at(1)));
    }

    /// Who believes that there is none opens a connection for the time in which it is fetched.
    #[test]
    fn a_token_in_memory_is_seen_by_all_who_look_at_once() {
        let cache = TokenCache::default();
        cache.token("r", at(0), || Ok(token("one", 0, 3600))).unwrap();
        let sees = || (0..10_000).all(|_| cache.has_token("r", at(1)));
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(sees)).collect();
            assert!(threads.into_iter().all(|thread| thread.join().unwrap()));
        });
    }

    #[test]
    fn a_token_is_fetched_once_for_each_resource() {
        let cache = TokenCache::default();
        let fetched = AtomicU32::new(0);
        let fetch = || {
            fetched.fetch_add(1, Ordering::Relaxed);
            Ok(token("a", 0, 3600))
        };
        for (resource, now) in [("r", 0), ("r", 100), ("s", 100), ("r", 3000), ("s", 3000)] {
            assert!(cache.token(resource, at(now), fetch).is_ok());
        }
        assert_eq!(fetched.into_inner(), 2);
    }

    #[test]
    fn threads_that_ask_at_once_share_one_request_and_one_failure() {
        for outcome in [Ok(token("a", 0, 3600)), Err(failure())] {
            let cache = TokenCache::default();
            let fetched = AtomicU32::new(0);
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        let answer = cache.token("r", at(0), || {
                            fetched.fetch_add(1, Ordering::Relaxed);
                            outcome.clone()
                        });
                        assert_eq!(answer.is_ok(), outcome.is_ok());
                    });
                }
            });
            assert_eq!(fetched.into_inner(), 1);
        }
    }

    #[test]
    fn an_old_token_is_used_while_it_lasts_if_its_renewal_fails() {
        let cache = TokenCache::default();
        cache.token("r", at(0), || Ok(token("a", 0, 7200))).unwrap();
        let known = |now| cache.renewal_failure("r", at(now)).map(|failed| failed.good_until);
        assert_eq!(known(3599), None);
        for now in [3600, 7199] {
            assert_eq!(cache.token("r", at(now), || Err(failure())).unwrap().text(), "a");
            assert_eq!((known(now), known(7200)), (Some(at(7200)), None));
        }
        assert!(cache.token("r", at(7200), || Err(failure())).is_err());
        let renewed = cache.token("r", at(7201), || Ok(token("b", 7201, 7200)));
        assert_eq!(renewed.unwrap().text(), "b");
        assert_eq!(known(7201), None);
    }

    #[test]
    fn a_rejected_token_is_replaced_once_at_one_time_and_again_later() {
        let cache = TokenCache::default();
        let fetched = AtomicU32::new(0);
        for (now, texts) in [(0, ["1", "2", "2"]), (60, ["3", "4", "4"])] {
            for text in texts {
                let got = cache.token("r", at(now), || {
                    let count = fetched.fetch_add(1, Ordering::Relaxed) + 1;
                    Ok(token(&count.to_string(), now, 3600))
                });
                let got = got.unwrap();
                assert_eq!(got.text(), text);
                cache.reject("r", &got);
            }
        }
    }

    #[test]
    fn a_doubted_token_is_fetched_anew_at_another_time_and_used_where_that_fails() {
        let cache = TokenCache::default();
        let old = cache.token("r", at(0), || Ok(token("a", 0, 3600))).unwrap();
        cache.doubt("r", &old);
        assert!(cache.has_token("r", at(0)) && !cache.has_token("r", at(1)));
        let fetched = AtomicU32::new(0);
        for (now, fetches) in [(0, 0), (1, 1), (1, 1), (2, 2)] {
            let got = cache.token("r", at(now), || {
                fetched.fetch_add(1, Ordering::Relaxed);
                Err(failure())
            });
            assert_eq!((got.unwrap().text(), fetched.load(Ordering::Relaxed)), ("a", fetches));
        }
        let new = cache.token("r", at(3), || Ok(token("b", 3, 3600))).unwrap();
        cache.doubt("r", &old);
        assert_eq!(cache.token("r", at(4), || Err(failure())).unwrap().text(), new.text());
        assert!(cache.has_token("r", at(5)));
    }

    #[test]
    fn rejecting_a_token_that_was_replaced_already_changes_nothing() {
        let cache = TokenCache::default();
        let old = cache.token("r", at(0), || Ok(token("a", 0, 3600))).unwrap();
        cache.reject("r", &old);
        let new = cache.token("r", at(1), || Ok(token("b", 1, 3600))).unwrap();
        cache.reject("r", &old);
        assert_eq!(cache.token("r", at(2), || Err(failure())).unwrap().text(), new.text());
    }
}
