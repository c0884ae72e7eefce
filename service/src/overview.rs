//! `akvvm_service status`: how all certificates stand, for people and for monitoring.

use std::time::{Duration, SystemTime};

use worker_state::{CertificateReport, CertificateState, Directories, Report, Timestamp};

use crate::clock::Clock;
use crate::exit::Exit;
use crate::terminal;

/// A report is late when its next pass is overdue by so much: passes take their time.
const LATE: Duration = Duration::from_secs(600);

/// How grave it is, as monitoring systems number it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Gravity {
    Fine,
    Warning,
    Critical,
}

/// Reads the worker's last report. Asks nobody and changes nothing.
pub(crate) fn run(directories: &Directories, json: bool) -> Exit {
    let now = Clock::start().now().wall;
    let report = match Report::read(directories) {
        Ok(Some(report)) => report,
        Ok(None) => {
            terminal::complain(
                "there is no report: no worker has run here yet, or none since a power cut (or this \
                 is not the user it runs as)",
            );
            return Exit::Critical;
        }
        Err(error) => {
            terminal::complain(&error.to_string());
            return Exit::Critical;
        }
    };
    let (gravity, late) = gravity(&report, now);
    match serde_json::to_string_pretty(&report) {
        Ok(text) if json => terminal::say(&format!("{text}\n")),
        _ => terminal::say(&text(&report, now, late.as_deref())),
    }
    match gravity {
        Gravity::Fine => Exit::Fine,
        Gravity::Warning => Exit::Failed,
        Gravity::Critical => Exit::Critical,
    }
}

/// The gravest of all, and what is to be said of a report that is no longer true.
fn gravity(report: &Report, now: SystemTime) -> (Gravity, Option<String>) {
    let each = |one: &CertificateReport| match one.state {
        CertificateState::Ok => Gravity::Fine,
        CertificateState::Warning | CertificateState::Pending => Gravity::Warning,
        CertificateState::Error => Gravity::Critical,
    };
    let gravest = report.certificates.iter().map(each).max().unwrap_or(Gravity::Fine);
    let due = report.next_pass_at.map(Timestamp::moment);
    let is_late = due.is_some_and(|due| now > due + LATE);
    let late = is_late.then(|| {
        format!(
            "the report is of {}, and no pass has ended since: is the worker running?",
            report.written_at
        )
    });
    (if is_late { Gravity::Critical } else { gravest }, late)
}

fn text(report: &Report, now: SystemTime, late: Option<&str>) -> String {
    let header = [
        "",
        "CERTIFICATE",
        "VERSION",
        "ISSUED BY",
        "EXPIRES IN",
        "WHERE",
        "USED BY",
        "LAST CHANGE",
    ];
    let mut rows = vec![header.map(str::to_owned)];
    rows.extend(report.certificates.iter().map(|one| row(one, now)));
    let widths: Vec<usize> = (0..header.len())
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
        let one = index.checked_sub(1).and_then(|index| report.certificates.get(index));
        if let Some(problem) = one.and_then(|one| one.problem.as_ref()) {
            text.push_str(&format!("         {problem}\n"));
        }
    }
    if let Some(late) = late {
        text.push_str(&format!("{late}\n"));
    }
    text
}

fn row(one: &CertificateReport, now: SystemTime) -> [String; 8] {
    let none = || "-".to_owned();
    let leaf = one.certificate.as_ref();
    let change = one.last_change.as_ref();
    let used_by = match one.used_by.as_slice() {
        [] => none(),
        some => some.join(", "),
    };
    let places = [one.path.clone()].into_iter().chain(one.outputs.iter().cloned());
    let places: Vec<String> = places.map(|path| path.display().to_string()).collect();
    [
        terminal::word(one.state).to_owned(),
        one.name.clone(),
        one.version.as_deref().map_or_else(none, |version| version.chars().take(8).collect()),
        leaf.map_or_else(none, |leaf| common_name(&leaf.issuer)),
        leaf.map_or_else(none, |leaf| expires_in(leaf.not_after, now)),
        places.join(" "),
        used_by,
        change.map_or_else(none, |event| format!("{} {}", day(event.at), event.what)),
    ]
}

fn day(at: Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}

/// How long it is valid yet, and until which day.
fn expires_in(end: Timestamp, now: SystemTime) -> String {
    let Ok(left) = end.moment().duration_since(now) else {
        return format!("expired ({})", day(end));
    };
    let (hours, days) = (left.as_secs() / 3600, left.as_secs() / 86_400);
    match days {
        0 | 1 => format!("{hours} h ({})", day(end)),
        _ => format!("{days} d ({})", day(end)),
    }
}

/// The common name of a distinguished name (RFC 4514), or all of it.
fn common_name(name: &str) -> String {
    let found = name.split(',').find_map(|part| part.trim().strip_prefix("CN="));
    found.unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::{dawn, report};

    #[test]
    fn the_table_has_a_line_for_each_certificate() {
        let text = text(&report(), dawn(), None);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].contains("CERTIFICATE") && lines[0].contains("LAST CHANGE"), "{text}");
        assert!(lines[1].starts_with("ok       contoso.web  v1       ca"), "{text}");
        assert!(lines[2].starts_with("waiting  contoso.api  -"), "{text}");
    }

    #[test]
    fn the_documents_show_the_table_as_it_is() {
        let page = include_str!("../../docs/status.md");
        let example = include_str!("../../crates/worker-state/examples/report.json");
        let report: Report = serde_json::from_str(example).unwrap();
        let now = report.written_at.moment();
        let table = text(&report, now, None).replace('\n', "\n    ");
        let screen = format!("    $ akvvm_service status\n    {table}$ echo $?\n    2\n");
        assert!(page.contains(&screen), "{screen}");
        assert_eq!(gravity(&report, now), (Gravity::Critical, None));
    }

    #[test]
    fn the_gravest_certificate_counts_and_a_late_report_is_critical() {
        let mut report = report();
        assert_eq!(gravity(&report, dawn()).0, Gravity::Warning);
        report.certificates[1].state = CertificateState::Error;
        assert_eq!(gravity(&report, dawn()).0, Gravity::Critical);
        report.certificates.truncate(1);
        assert_eq!(gravity(&report, dawn()), (Gravity::Fine, None));
        let (gravity, late) = gravity(&report, dawn() + Duration::from_secs(9000));
        assert!(gravity == Gravity::Critical && late.unwrap().contains("is the worker running"));
    }

    #[test]
    fn how_long_it_is_valid_is_told_in_days_and_at_last_in_hours() {
        let end = Timestamp::from(dawn() + Duration::from_secs(86_400 * 62 + 1));
        let at = |days: u64, hours: u64| dawn() + Duration::from_secs(86_400 * days + 3600 * hours);
        assert_eq!(expires_in(end, at(0, 0)), "62 d (2027-03-18)");
        assert_eq!(expires_in(end, at(60, 0)), "2 d (2027-03-18)");
        assert_eq!(expires_in(end, at(60, 1)), "47 h (2027-03-18)");
        assert_eq!(expires_in(end, at(62, 0)), "0 h (2027-03-18)");
        assert_eq!(expires_in(end, at(62, 1)), "expired (2027-03-18)");
    }

    #[test]
    fn an_issuer_is_shown_by_its_common_name() {
        assert_eq!(common_name("C=US, O=DigiCert Inc, CN=GeoTrust G2"), "GeoTrust G2");
        assert_eq!(common_name("O=Only"), "O=Only");
    }
}
