//! What holds of any answer. Shared by the property test and the fuzz target.

use std::time::{Duration, UNIX_EPOCH};

use crate::credential::answer::TokenAnswer;

/// A token lives between a moment and a day, whatever the answer says.
pub(crate) fn hold(body: &[u8]) {
    let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let Ok(answer) = TokenAnswer::read(body) else { return };
    let Ok(token) = answer.into_token(now) else { return };
    let lifetime = token.expires().duration_since(now).unwrap_or_default();
    assert!(!lifetime.is_zero() && lifetime <= Duration::from_secs(24 * 3600), "{lifetime:?}");
}
