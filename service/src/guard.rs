//! Never worse: what the vault offers does not replace what is better. Pure.

use std::time::SystemTime;

use worker_state::Timestamp;

/// The span in which a certificate may be used; open at an end where nothing limits it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Validity {
    /// Not before this moment.
    pub(crate) begins: Option<SystemTime>,
    /// Not after this moment.
    pub(crate) ends: Option<SystemTime>,
}

impl Validity {
    /// Nothing limits it.
    pub(crate) const ALWAYS: Self = Self { begins: None, ends: None };

    /// The span that lies within both.
    pub(crate) fn within(self, other: Self) -> Self {
        let ends = match (self.ends, other.ends) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        Self { begins: self.begins.max(other.begins), ends }
    }

    /// Why it may not be used at `now`; `None` where it may.
    pub(crate) fn objection(self, now: SystemTime) -> Option<String> {
        if let Some(begins) = self.begins.filter(|&begins| now < begins) {
            return Some(format!("is not valid before {}", Timestamp::from(begins)));
        }
        let ends = self.ends.filter(|&ends| now > ends)?;
        Some(format!("expired at {}", Timestamp::from(ends)))
    }
}

/// What to do with an offered version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Install it.
    Install,
    /// Install it, since nothing better is there, and say what is wrong with it.
    InstallAnyway(String),
    /// Leave what is installed in place, and say why.
    Hold(String),
}

/// Judges the `offered` version against the `installed` one at `now`.
pub(crate) fn judge(offered: Validity, installed: Option<Validity>, now: SystemTime) -> Verdict {
    let Some(objection) = offered.objection(now) else { return Verdict::Install };
    match installed {
        Some(installed) if installed.objection(now).is_none() => Verdict::Hold(objection),
        _ => Verdict::InstallAnyway(objection),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn span(begins: u64, ends: u64) -> Validity {
        Validity { begins: Some(at(begins)), ends: Some(at(ends)) }
    }

    #[test]
    fn a_valid_version_is_installed_whatever_is_there() {
        for installed in [None, Some(span(0, 10)), Some(span(0, 1000)), Some(span(500, 600))] {
            assert_eq!(judge(span(50, 200), installed, at(100)), Verdict::Install);
        }
    }

    #[test]
    fn an_expired_or_future_version_never_replaces_a_valid_one() {
        let installed = Some(span(0, 1000));
        for offered in [span(10, 90), span(110, 200)] {
            assert!(matches!(judge(offered, installed, at(100)), Verdict::Hold(_)));
        }
    }

    #[test]
    fn with_nothing_better_it_is_installed_and_said() {
        let expired = "expired at 1970-01-01T00:01:30Z".to_owned();
        for installed in [None, Some(span(0, 50))] {
            let verdict = judge(span(10, 90), installed, at(100));
            assert_eq!(verdict, Verdict::InstallAnyway(expired.clone()));
        }
    }

    #[test]
    fn the_vaults_dates_narrow_the_certificates() {
        assert_eq!(Validity::ALWAYS.objection(at(1)), None);
        assert_eq!(span(10, 90).within(Validity::ALWAYS), span(10, 90));
        let narrowed = span(10, 90).within(span(20, 80));
        assert_eq!(narrowed, span(20, 80));
        assert!(narrowed.objection(at(85)).is_some() && narrowed.objection(at(15)).is_some());
        assert_eq!(narrowed.objection(at(80)), None);
    }
}
