//! What stands under a certificate's names in its store, and what a pass would do about it. Reads
//! only.

use std::io::ErrorKind;
use std::time::SystemTime;

use atomic_file::{Directory, Kind};
use cert_store::{CertificateStore, DirectoryStore, Layout, Standing, StoreError};
use worker_state::{CertificateRecord, Timestamp};

use super::finding::{Finding, Step};
use super::secret::Offered;
use super::store::refused;
use crate::guard;
use crate::record;
use crate::standing;
use crate::target::Target;

/// What a pass would find at the certificate's names in its store, and on the way of those who
/// were granted access.
pub(super) fn findings(
    target: &Target,
    record: Option<&CertificateRecord>,
    offered: Option<&Offered>,
    store: &DirectoryStore,
    now: SystemTime,
) -> Vec<Finding> {
    let mut findings = vec![files(target, record, offered, store, now)];
    let warnings = store.grant_warnings(&target.place, &record::ledger(record));
    findings.extend(warnings.into_iter().map(|text| Finding::attention(Step::Access, text)));
    let differing = record.map(standing::differing_remarks).into_iter().flatten();
    findings.extend(differing.map(|remark| Finding::attention(Step::Files, remark.text)));
    findings
}

/// What stands under the certificate's names, and what a pass would do about it.
fn files(
    target: &Target,
    record: Option<&CertificateRecord>,
    offered: Option<&Offered>,
    store: &DirectoryStore,
    now: SystemTime,
) -> Finding {
    let met = match meet(target) {
        Ok(met) => met,
        Err(error) => return refused(Step::Files, &error),
    };
    let ledger = record::ledger(record);
    let standing = match store.standing(&target.place, &ledger, &target.read_before, now) {
        Ok(standing) => standing,
        Err(error) => return refused(Step::Files, &error),
    };
    judged(record, &standing, offered, !met.is_empty(), now).with(met)
}

/// What a pass would do about what stands there. Pure.
fn judged(
    record: Option<&CertificateRecord>,
    standing: &Standing,
    offered: Option<&Offered>,
    something_stands: bool,
    now: SystemTime,
) -> Finding {
    let installed = record.and_then(|record| record.active.as_ref());
    let validity = record.and_then(|record| record.certificate.as_ref()).map(record::validity);
    let Some(installed) = installed.map(|active| active.version.as_str()) else {
        return Finding::fine(
            Step::Files,
            match (something_stands, offered) {
                (true, _) => {
                    "the worker has no record of what stands there; it takes over what is the \
                          same and re-points the link otherwise"
                }
                (false, Some(_)) => "nothing yet: the next pass installs it",
                (false, None) => "nothing yet",
            },
        );
    };
    if let Standing::Drifted(drifts) = standing {
        let text = format!(
            "version {installed} is not as it was installed: the next pass puts \
            it right, as long as it can"
        );
        let drifts = drifts.iter().map(ToString::to_string);
        return Finding::attention(Step::Files, text).with(drifts);
    }
    match offered {
        Some(offered) if !offered.version.eq_ignore_ascii_case(installed) => {
            match guard::judge(offered.dates, validity, now) {
                guard::Verdict::Hold(objection) => Finding::attention(
                    Step::Files,
                    format!("version {installed} stays, because the vault's {objection}"),
                ),
                _ => Finding::fine(
                    Step::Files,
                    format!("version {installed} is in place: the next pass brings the vault's"),
                ),
            }
        }
        Some(_) => {
            Finding::fine(Step::Files, format!("version {installed} is in place: up to date"))
        }
        None => {
            Finding::fine(Step::Files, format!("version {installed} is in place{}", until(record)))
        }
    }
}

fn until(record: Option<&CertificateRecord>) -> String {
    let leaf = record.and_then(|record| record.certificate.as_ref());
    let until = leaf.map(|leaf| Timestamp::from(leaf.not_after.moment()));
    until.map(|until| format!(" and stays, valid until {until}")).unwrap_or_default()
}

/// Each of the target's names under which something stands, and what.
fn meet(target: &Target) -> Result<Vec<String>, StoreError> {
    let store = target.store();
    let directory = match Directory::open(&store) {
        Ok(directory) => directory,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut met = Vec::new();
    for name in target.place.public_names() {
        let Some(entry) = directory.look(&name)? else { continue };
        let taken = |by| Err(StoreError::Taken { path: store.join(&name), by });
        match entry.kind {
            Kind::Link => {
                let to = directory.read_link(&name)?.unwrap_or_default();
                let dangles = directory.resolve(&name)?.is_none();
                let end = if dangles { ", where nothing is" } else { "" };
                met.push(format!("{name} -> {}{end}", to.display()));
            }
            Kind::File if is_metadata(target, &name) => met.push(name),
            Kind::File => return taken("a regular file"),
            Kind::Directory => return taken("a directory"),
            _ => return taken("neither a file nor a link"),
        }
    }
    Ok(met)
}

/// The last of a split target's names is a file, not a link.
fn is_metadata(target: &Target, name: &str) -> bool {
    target.place.layouts.contains(&Layout::Split)
        && target.place.public_names().last().is_some_and(|last| last == name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests make files of their own")]

    use std::os::unix::fs::symlink;
    use std::path::Path;
    use std::time::Duration;

    use cert_store::Drift;
    use extension_settings::VaultSuffixes;
    use serde_json::json;
    use worker_state::GenerationRecord;

    use super::super::finding::Verdict;
    use super::*;
    use crate::guard::{Dates, Validity};
    use crate::target::targets;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn target(store: &Path, layout: &str) -> Target {
        let document = json!({"observedCertificates": ["https://contoso.vault.azure.net/secrets/web"],
            "certificateStoreLocation": store, "certificateFileLayout": layout});
        let parsed = extension_settings::parse(&document, &VaultSuffixes::known()).unwrap();
        targets(&parsed.settings, reaction::Permission::None).0.remove(0)
    }

    fn record(version: &str) -> CertificateRecord {
        CertificateRecord {
            store: "/s".into(),
            link: "l".into(),
            url: "u".into(),
            active: Some(GenerationRecord { version: version.into(), digest: String::new() }),
            previous: None,
            files: Vec::new(),
            directories: Vec::new(),
            grantees: Vec::new(),
            certificate: None,
            delivery: worker_state::DeliveryRecord::default(),
            history: Vec::new(),
        }
    }

    fn offered(version: &str, ends: u64) -> Offered {
        let certificate = Validity { begins: None, ends: Some(at(ends)) };
        let dates = Dates { certificate, secret: Validity::ALWAYS };
        Offered { version: version.into(), dates }
    }

    fn judge(
        record: Option<&str>,
        standing: &Standing,
        offer: Option<Offered>,
    ) -> (Verdict, String) {
        let record = record.map(self::record);
        let finding = judged(record.as_ref(), standing, offer.as_ref(), false, at(100));
        (finding.verdict, finding.text)
    }

    #[test]
    fn what_a_pass_would_do_is_told() {
        let intact = Standing::Intact;
        for (record, standing, offer, verdict, words) in [
            (None, &Standing::Absent, Some(offered("a", 200)), Verdict::Fine, "installs it"),
            (None, &Standing::Absent, None, Verdict::Fine, "nothing yet"),
            (Some("a"), &intact, Some(offered("A", 200)), Verdict::Fine, "up to date"),
            (Some("a"), &intact, Some(offered("b", 200)), Verdict::Fine, "brings the vault's"),
            (Some("a"), &intact, None, Verdict::Fine, "is in place"),
            (
                Some("a"),
                &Standing::Drifted(vec![Drift::LinkMissing("/s/l".into())]),
                Some(offered("a", 200)),
                Verdict::Attention,
                "puts it right",
            ),
        ] {
            let (found, text) = judge(record, standing, offer);
            assert_eq!(found, verdict, "{text}");
            assert!(text.contains(words), "{text}");
        }
    }

    #[test]
    fn an_expired_version_does_not_replace_a_valid_one() {
        let mut record = record("a");
        record.certificate = Some(worker_state::InstalledCertificate {
            subject: String::new(),
            issuer: String::new(),
            serial: String::new(),
            not_before: at(0).into(),
            not_after: at(500).into(),
            installed_at: at(0).into(),
        });
        let expired = offered("b", 50);
        let finding = judged(Some(&record), &Standing::Intact, Some(&expired), true, at(100));
        assert_eq!(finding.verdict, Verdict::Attention);
        assert!(finding.text.contains("version a stays, because the vault's expired at 1970"));
    }

    #[test]
    fn what_stands_under_the_names_is_met_and_foreign_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let target = target(folder.path(), "both");
        assert_eq!(meet(&target).unwrap(), Vec::<String>::new());
        symlink("contoso.web.1", folder.path().join("contoso.web")).unwrap();
        std::fs::write(folder.path().join("contoso.web.luma"), "{}").unwrap();
        let expected = ["contoso.web -> contoso.web.1, where nothing is", "contoso.web.luma"];
        assert_eq!(meet(&target).unwrap(), expected);
        std::fs::write(folder.path().join("contoso.web.pem"), "mine").unwrap();
        let error = meet(&target).unwrap_err().to_string();
        assert!(error.contains("contoso.web.pem\" is a regular file"), "{error}");
    }
}
