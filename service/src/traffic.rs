//! How vaults have answered since the worker began: for metrics.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::code::Code;

/// Requests for secrets, counted by vault and outcome.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    counts: Mutex<BTreeMap<(String, &'static str), u64>>,
}

impl Traffic {
    /// Counts one request to `vault`, and how it ended.
    pub(crate) fn count(&self, vault: &str, failed: Option<Code>) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((vault.to_owned(), outcome(failed))).or_default() += 1;
    }

    /// All counts: vault, outcome, number.
    pub(crate) fn counts(&self) -> Vec<(String, &'static str, u64)> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.iter().map(|((vault, outcome), number)| (vault.clone(), *outcome, *number)).collect()
    }
}

/// A few words that stay the same, so that people can build on them.
fn outcome(failed: Option<Code>) -> &'static str {
    match failed {
        None => "ok",
        Some(Code::AccessDenied | Code::VaultFirewall) => "forbidden",
        Some(Code::SecretNotFound | Code::SecretDisabled) => "not_found",
        Some(Code::Throttled) => "throttled",
        Some(Code::VaultUnavailable) => "unavailable",
        Some(Code::VaultUnreachable | Code::Tls | Code::Proxy) => "unreachable",
        Some(Code::Identity | Code::IdentityEndpoint) => "no_token",
        Some(_) => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_vault_and_outcome() {
        let traffic = Traffic::default();
        traffic.count("b.vault.azure.net", None);
        traffic.count("a.vault.azure.net", Some(Code::Throttled));
        traffic.count("b.vault.azure.net", None);
        let a = ("a.vault.azure.net".to_owned(), "throttled", 1);
        let b = ("b.vault.azure.net".to_owned(), "ok", 2);
        assert_eq!(traffic.counts(), [a, b]);
    }
}
