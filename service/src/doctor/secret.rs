//! What a vault handed out for one certificate, or why it did not. Pure.

use std::time::SystemTime;

use certified_key::CertifiedKey;
use keyvault_client::{ClientError, ErrorKind, Fault, Probe, Secret};
use worker_state::Timestamp;

use super::finding::{Finding, Step};
use super::vault::is_private;
use crate::guard::{Dates, Validity};
use crate::offer::{dates_of, decode, disabled, leaf_dates};
use crate::source::failure;
use crate::wording;

/// What came of asking for one secret. Holds nothing secret.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) findings: Vec<Finding>,
    /// What a pass would install.
    pub(super) offered: Option<Offered>,
}

/// A version that can be installed.
#[derive(Clone, Debug)]
pub(super) struct Offered {
    pub(super) version: String,
    pub(super) dates: Dates,
}

/// The steps from the vault's answer to its content. `any` says whether it need be no certificate;
/// `probe` is the way to that vault.
pub(super) fn asked(
    answer: Result<Secret, ClientError>,
    any: bool,
    probe: Option<&Probe>,
    now: SystemTime,
) -> Asked {
    match answer {
        Ok(secret) => read(&secret, any, now),
        Err(error) => Asked { findings: refused(&error, probe), offered: None },
    }
}

/// No secret: where it ended.
fn refused(error: &ClientError, probe: Option<&Probe>) -> Vec<Finding> {
    let failed = |step| Finding::failed(step, error.fault(), failure(error));
    let not_asked = || Finding::skipped(Step::Content, "not reached");
    match error.kind() {
        // Only those who may read are told that there is nothing.
        ErrorKind::SecretNotFound | ErrorKind::SecretDisabled | ErrorKind::Conflict => vec![
            Finding::fine(Step::Permission, "the identity may read secrets"),
            failed(Step::Content),
        ],
        ErrorKind::Unauthorized
        | ErrorKind::WrongTenant
        | ErrorKind::Challenge
        | ErrorKind::ForbiddenByRbac
        | ErrorKind::AccessDenied
        | ErrorKind::ForbiddenByPolicy
        | ErrorKind::Forbidden => vec![failed(Step::Permission), not_asked()],
        ErrorKind::ForbiddenByFirewall | ErrorKind::ForbiddenByConnection => {
            let from_outside = probe.and_then(from_outside);
            vec![failed(Step::Permission).with(from_outside), not_asked()]
        }
        _ => vec![
            failed(Step::Answer),
            Finding::skipped(Step::Permission, "not reached"),
            not_asked(),
        ],
    }
}

/// A private endpoint without its DNS zone: this machine goes around the outside.
fn from_outside(probe: &Probe) -> Option<String> {
    let public = probe.addresses.iter().find(|address| !is_private(address.ip()))?.ip();
    (probe.proxy.is_none() && !public.is_loopback()).then(|| {
        format!(
            "the vault's name is {public} here, a public address: with a private endpoint and its \
             DNS zone (privatelink.vaultcore.azure.net) it would be a private one"
        )
    })
}

fn read(secret: &Secret, any: bool, now: SystemTime) -> Asked {
    let permission = Finding::fine(
        Step::Permission,
        format!("the identity may read it; the version is {}", secret.version),
    );
    let decoded = match secret.attributes.enabled {
        true => decode(secret),
        false => Err(disabled(secret)),
    };
    let (dates, content) = match decoded {
        Ok((key, notes)) => {
            let dates = Dates { certificate: leaf_dates(&key), secret: dates_of(secret) };
            (dates, content(&key, dates, now).with(names(&key)).with(notes))
        }
        Err(_) if any && secret.attributes.enabled => {
            let dates = Dates { certificate: Validity::ALWAYS, secret: dates_of(secret) };
            (dates, dated("no certificate: its value is written as it is".into(), dates, now))
        }
        Err(failure) => {
            let content = Finding::failed(Step::Content, Fault::Customer, failure);
            return Asked { findings: vec![permission, content], offered: None };
        }
    };
    let offered = Some(Offered { version: secret.version.clone(), dates });
    Asked { findings: vec![permission, content], offered }
}

fn content(key: &CertifiedKey, dates: Dates, now: SystemTime) -> Finding {
    let leaf = key.leaf();
    let text = format!(
        "{}, {}; its {} key belongs to it; {}",
        leaf.subject(),
        lasts(leaf.not_after(), now),
        key.key_algorithm(),
        chain(key),
    );
    dated(text, dates, now)
}

/// What is in the secret, and whether it may be used at `now`.
fn dated(text: String, dates: Dates, now: SystemTime) -> Finding {
    match dates.objection(now) {
        None => Finding::fine(Step::Content, text),
        Some(objection) => {
            let what = format!("it {objection}: issue a new version in the vault; {text}");
            Finding::attention(Step::Content, what)
        }
    }
}

fn lasts(until: SystemTime, now: SystemTime) -> String {
    let day = 24 * 3600;
    let left = until.duration_since(now).ok().map(|left| left.as_secs() / day);
    let left = left.and_then(|days| usize::try_from(days).ok());
    let left = left.map(|days| format!(" ({})", wording::count(days, "day"))).unwrap_or_default();
    format!("valid until {}{left}", Timestamp::from(until))
}

fn chain(key: &CertifiedKey) -> String {
    let issuers = key.issuers();
    let last = issuers.last().unwrap_or(key.leaf());
    let end = match (last.is_self_signed(), issuers.is_empty()) {
        (true, true) => return "self-signed".to_owned(),
        (true, false) => format!("up to the root {}", last.subject()),
        (false, _) => format!("which {} issued, itself not in the vault", last.issuer()),
    };
    format!("chain of {}, {end}", wording::count(1 + issuers.len(), "certificate"))
}

fn names(key: &CertifiedKey) -> Option<String> {
    let names = key.leaf().dns_names();
    (!names.is_empty()).then(|| format!("names: {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::guard::Validity;

    fn dates(key: &CertifiedKey) -> Dates {
        Dates { certificate: leaf_dates(key), secret: Validity::ALWAYS }
    }

    /// A certificate by `issuers` others, valid from 2020 to 2030, with its key.
    fn key(issuers: usize) -> CertifiedKey {
        let mut params = rcgen::CertificateParams::new(["www.contoso.com".to_owned()]).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, "web");
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2030, 1, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        let mut root = rcgen::CertificateParams::default();
        root.distinguished_name = rcgen::DistinguishedName::new();
        root.distinguished_name.push(rcgen::DnType::CommonName, "root");
        root.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let root_key = rcgen::KeyPair::generate().unwrap();
        let root_pem = root.self_signed(&root_key).unwrap().pem();
        let pem = match issuers {
            0 => params.self_signed(&key).unwrap().pem(),
            _ => params.signed_by(&key, &rcgen::Issuer::new(root, root_key)).unwrap().pem(),
        };
        let roots = if issuers == 2 { root_pem } else { String::new() };
        CertifiedKey::parse_pem((pem + &roots + &key.serialize_pem()).as_bytes()).unwrap()
    }

    fn at(year: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs((year - 1970) * 31_557_600)
    }

    #[test]
    fn a_certificate_is_told_with_its_dates_key_and_chain() {
        let key = key(2);
        let finding = content(&key, dates(&key), at(2025));
        let words = finding.text.as_str();
        assert_eq!(finding, Finding::fine(Step::Content, words));
        assert!(words.starts_with("CN=web, valid until 2030-01-01T00:00:00Z (18"), "{words}");
        assert!(words.contains(" days); its P-256 key belongs to it"), "{words}");
        assert!(words.ends_with("chain of 2 certificates, up to the root CN=root"), "{words}");
        assert_eq!(names(&key).as_deref(), Some("names: www.contoso.com"));
    }

    #[test]
    fn a_chain_that_ends_early_or_is_none_is_told() {
        assert_eq!(chain(&key(0)), "self-signed");
        let early = "chain of 1 certificate, which CN=root issued, itself not in the vault";
        assert_eq!(chain(&key(1)), early);
    }

    #[test]
    fn an_expired_certificate_wants_attention() {
        let key = key(0);
        let finding = content(&key, dates(&key), at(2031));
        assert_eq!(finding, Finding::attention(Step::Content, finding.text.as_str()));
        assert!(finding.text.starts_with("it expired at 2030-01-01T00:00:00Z: issue a new"));
    }
}
