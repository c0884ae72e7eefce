//! `akvvm_service history NAME`: what happened to one certificate on this machine.

use worker_state::{CertificateRecord, Directories, Records};

use crate::exit::Exit;
use crate::named::is_named;
use crate::{terminal, wording};

/// Tells it, the latest last. Asks nobody and changes nothing.
pub(crate) fn run(directories: &Directories, certificate: &str, json: bool) -> Exit {
    let records = match Records::read(directories) {
        Ok((records, damaged)) => {
            for damage in damaged {
                terminal::complain(&damage.to_string());
            }
            records
        }
        Err(error) => {
            terminal::complain(&format!("{error}; run this as the user that the worker runs as"));
            return Exit::Failed;
        }
    };
    let found = meant(certificate, &records);
    match found.as_slice() {
        [] => {
            terminal::complain(&format!(
                "nothing is known of a certificate with the link {certificate:?}"
            ));
            Exit::Failed
        }
        [record] if json => match serde_json::to_string_pretty(&record.history) {
            Ok(text) => {
                terminal::say(&format!("{text}\n"));
                Exit::Fine
            }
            Err(_) => Exit::Failed,
        },
        [record] => {
            terminal::say(&table(record));
            Exit::Fine
        }
        several => {
            let paths = several.iter().map(|record| record.store.join(&record.link));
            terminal::complain(&wording::ambiguous(certificate, paths));
            Exit::Usage
        }
    }
}

/// Those that are named so. A record does not know whether its layout is the split one.
fn meant<'r>(certificate: &str, records: &'r Records) -> Vec<&'r CertificateRecord> {
    let with = |addition: &str| {
        let is_meant = |record: &&CertificateRecord| {
            let path = record.store.join(format!("{}{addition}", record.link));
            is_named(certificate, &record.link, &[&path])
        };
        records.iter().filter(is_meant).collect::<Vec<_>>()
    };
    let found = with("");
    if found.is_empty() { with(".pem") } else { found }
}

fn table(record: &CertificateRecord) -> String {
    let line = |event: &worker_state::EventRecord| {
        let detail = event.detail.as_ref().map(|detail| format!("  {detail}"));
        let detail = detail.unwrap_or_default();
        format!("{}  {:<14}  {}{detail}\n", event.at, event.what, event.version)
    };
    record.history.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::moment::Moment;
    use crate::record;

    #[test]
    fn each_event_is_a_line_with_its_story() {
        let now = Moment { wall: SystemTime::UNIX_EPOCH, steady: Duration::ZERO };
        let mut known = crate::simulation::installed("web", now).record.unwrap().as_ref().clone();
        known.tell(record::told("rotated", "v2", now.wall));
        let event = record::told("rolledBack", "v1", now.wall);
        known.tell(worker_state::EventRecord { detail: Some("it broke".into()), ..event });
        let wanted = "1970-01-01T00:00:00Z  rotated         v2\n\
                      1970-01-01T00:00:00Z  rolledBack      v1  it broke\n";
        assert_eq!(table(&known), wanted);
    }
}
