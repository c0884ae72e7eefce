//! Never worse: what the vault offers does not replace what is better. Pure.

use std::time::SystemTime;

use certified_key::Certificate;
use worker_state::Timestamp;

use crate::failure::one_line;

/// So many names are told of those that are lost.
const SHOWN: usize = 10;

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

    /// Why it may not be used at `now`; `None` where it may.
    pub(crate) fn objection(self, now: SystemTime) -> Option<String> {
        if let Some(begins) = self.begins.filter(|&begins| now < begins) {
            return Some(format!("is not valid before {}", Timestamp::from(begins)));
        }
        let ends = self.ends.filter(|&ends| now > ends)?;
        Some(format!("expired at {}", Timestamp::from(ends)))
    }
}

/// When a version may be used: what the certificate says, and what the vault says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dates {
    /// By the certificate itself.
    pub(crate) certificate: Validity,
    /// By the attributes of its secret, which can be changed without a new version.
    pub(crate) secret: Validity,
}

impl Dates {
    /// Why it may not be used at `now`; `None` where it may.
    pub(crate) fn objection(self, now: SystemTime) -> Option<String> {
        let of_secret = || {
            let objection = self.secret.objection(now)?;
            Some(format!("{objection} by the attributes of its secret"))
        };
        self.certificate.objection(now).or_else(of_secret)
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
pub(crate) fn judge(offered: Dates, installed: Option<Validity>, now: SystemTime) -> Verdict {
    let Some(objection) = offered.objection(now) else { return Verdict::Install };
    match installed {
        Some(installed) if installed.objection(now).is_none() => Verdict::Hold(objection),
        _ => Verdict::InstallAnyway(objection),
    }
}

/// Which losses hold a version back; each can be switched off in the settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Guards {
    /// Names that the installed certificate has and the offered one lacks.
    pub(crate) names: bool,
    /// An end before the installed certificate's.
    pub(crate) validity: bool,
    /// A self-signed certificate in place of an issued one.
    pub(crate) issuer: bool,
}

/// What guards compare of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Traits {
    /// Its DNS names.
    pub(crate) names: Vec<String>,
    /// Its last moment.
    pub(crate) ends: SystemTime,
    /// Whether it vouches for itself.
    pub(crate) is_self_signed: bool,
}

impl Traits {
    pub(crate) fn of(certificate: &Certificate) -> Self {
        Self {
            names: certificate.dns_names().to_vec(),
            ends: certificate.not_after(),
            is_self_signed: certificate.is_self_signed(),
        }
    }
}

/// What consumers would lose with the `offered` certificate; `None` where nothing. A certificate
/// that has expired is no loss.
pub(crate) fn loss(
    offered: &Traits,
    installed: &Traits,
    guards: Guards,
    now: SystemTime,
) -> Option<String> {
    if installed.ends < now {
        return None;
    }
    let missing: Vec<&str> = installed
        .names
        .iter()
        .filter(|name| guards.names && !offered.names.iter().any(|other| covers(other, name)))
        .map(String::as_str)
        .collect();
    if !missing.is_empty() {
        let missing = listed(&missing);
        return Some(format!("lacks names that the installed one has ({missing}; guards.names)"));
    }
    if guards.validity && offered.ends < installed.ends {
        let (sooner, later) = (Timestamp::from(offered.ends), Timestamp::from(installed.ends));
        return Some(format!(
            "ends at {sooner}, before the installed one ({later}; guards.validity)"
        ));
    }
    let downgraded = guards.issuer && offered.is_self_signed && !installed.is_self_signed;
    downgraded.then(|| "is self-signed, unlike the installed one (guards.issuer)".to_owned())
}

/// The first of the names, and how many more. They are words from outside: a certificate can bear
/// any.
fn listed(names: &[&str]) -> String {
    let shown = one_line(&names[..names.len().min(SHOWN)].join(", "));
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Whether a certificate for `one` serves `name` too: the same, or a wildcard for its first label
/// (RFC 6125 section 6.4.3).
fn covers(one: &str, name: &str) -> bool {
    let wildcard = one.strip_prefix("*.").zip(name.split_once('.'));
    one.eq_ignore_ascii_case(name)
        || wildcard.is_some_and(|(domain, (_, rest))| domain.eq_ignore_ascii_case(rest))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const ALL: Guards = Guards { names: true, validity: true, issuer: true };

    fn traits(names: &[&str], ends: u64, is_self_signed: bool) -> Traits {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Traits { names, ends: at(ends), is_self_signed }
    }

    fn lost(offered: &Traits, installed: &Traits) -> String {
        loss(offered, installed, ALL, at(100)).unwrap_or_default()
    }

    #[test]
    fn a_certificate_with_at_least_the_same_is_no_loss() {
        let installed = traits(&["a.example", "www.b.example"], 200, false);
        for names in [vec!["a.example", "www.b.example", "c"], vec!["A.Example", "*.b.example"]] {
            assert_eq!(lost(&traits(&names, 200, false), &installed), "");
        }
        let home_made = traits(&["a"], 200, true);
        assert_eq!(lost(&home_made, &home_made), "");
    }

    #[test]
    fn every_loss_is_named_and_can_be_allowed() {
        let installed = traits(&["a.example", "b.example"], 200, false);
        let fewer = traits(&["a.example", "*.a.b.example"], 300, false);
        assert!(lost(&fewer, &installed).contains("(b.example; guards.names)"));
        let shorter = traits(&["a.example", "b.example"], 199, false);
        assert!(lost(&shorter, &installed).contains("guards.validity"));
        let home_made = traits(&["a.example", "b.example"], 300, true);
        assert!(lost(&home_made, &installed).contains("guards.issuer"));
        for offered in [fewer, shorter, home_made] {
            assert_eq!(loss(&offered, &installed, Guards::default(), at(100)), None);
        }
    }

    #[test]
    fn names_cannot_begin_a_line_of_the_log_and_are_told_up_to_ten() {
        let mut names = vec!["a\n[ERROR] \u{1b}[2J".to_owned()];
        names.extend((0..100).map(|number| format!("{number}.example")));
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let said = lost(&traits(&[], 300, false), &traits(&names, 200, false));
        assert!(said.contains("(a [ERROR]  [2J, 0.example, ") && said.contains(" and 91 more;"));
    }

    #[test]
    fn anything_is_better_than_an_expired_certificate() {
        let expired = traits(&["a", "b"], 99, false);
        assert_eq!(lost(&traits(&[], 98, true), &expired), "");
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn span(begins: u64, ends: u64) -> Validity {
        Validity { begins: Some(at(begins)), ends: Some(at(ends)) }
    }

    fn dates(begins: u64, ends: u64) -> Dates {
        Dates { certificate: span(begins, ends), secret: Validity::ALWAYS }
    }

    #[test]
    fn a_valid_version_is_installed_whatever_is_there() {
        for installed in [None, Some(span(0, 10)), Some(span(0, 1000)), Some(span(500, 600))] {
            assert_eq!(judge(dates(50, 200), installed, at(100)), Verdict::Install);
        }
    }

    #[test]
    fn an_expired_or_future_version_never_replaces_a_valid_one() {
        let installed = Some(span(0, 1000));
        for offered in [dates(10, 90), dates(110, 200)] {
            assert!(matches!(judge(offered, installed, at(100)), Verdict::Hold(_)));
        }
    }

    #[test]
    fn with_nothing_better_it_is_installed_and_said() {
        let expired = "expired at 1970-01-01T00:01:30Z".to_owned();
        for installed in [None, Some(span(0, 50))] {
            let verdict = judge(dates(10, 90), installed, at(100));
            assert_eq!(verdict, Verdict::InstallAnyway(expired.clone()));
        }
    }

    #[test]
    fn the_vaults_dates_narrow_the_certificates_and_are_told_apart() {
        assert_eq!(Validity::ALWAYS.objection(at(1)), None);
        let narrowed = Dates { certificate: span(10, 90), secret: span(20, 80) };
        let said = |now| narrowed.objection(at(now)).unwrap_or_default();
        assert_eq!(said(95), "expired at 1970-01-01T00:01:30Z");
        let by_secret = "by the attributes of its secret";
        assert_eq!(said(85), format!("expired at 1970-01-01T00:01:20Z {by_secret}"));
        assert_eq!(said(15), format!("is not valid before 1970-01-01T00:00:20Z {by_secret}"));
        assert_eq!(said(5), "is not valid before 1970-01-01T00:00:10Z");
        assert_eq!(narrowed.objection(at(80)), None);
    }
}
