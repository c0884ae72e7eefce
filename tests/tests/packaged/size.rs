//! A thousand certificates: what the agent can carry, and what it cannot.

use std::fs;

use acceptance::alone::fill;
use acceptance::{Bed, Extension, Package, eventually};
use serde_json::Value;

/// What a status file may have, far below the 128 KiB from which the agent begins to cut
/// (WALinuxAgent 2.15, `ga/exthandlers.py:2406`).
const LARGEST_STATUS: u64 = 96 * 1024;
const CERTIFICATES: usize = 1000;

#[test]
fn a_thousand_certificates_fit_into_the_status_and_all_are_in_the_report() {
    let mut bed = Bed::new();
    let names: Vec<String> = (1..=CERTIFICATES).map(|number| format!("web-{number}")).collect();
    // Those at the end fail, and are told of first.
    fill(&bed.azure, "shop", &names[..CERTIFICATES - 3]);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut settings = bed.settings(&names);
    settings["secretsManagementSettings"]["pollingIntervalInS"] = "3600".into();
    let package = Package::ours();
    bed.agent.goal_state(&[Extension::new(&package).settings(0, &settings)]);
    let report: Value = eventually("a pass over all", || {
        let report = fs::read(bed.state().join("report.json")).ok()?;
        let report: Value = serde_json::from_slice(&report).ok()?;
        (report["passes"].as_u64()? > 0).then_some(report)
    });
    let rows = report["certificates"].as_array().unwrap();
    let fine = rows.iter().filter(|row| row["state"] == "ok").count();
    assert_eq!((rows.len(), fine), (CERTIFICATES, CERTIFICATES - 3));

    let folder = bed.agent.extension_folder(package.handler(), package.version());
    let file = fs::metadata(folder.join("status/0.status")).unwrap();
    assert!(file.len() <= LARGEST_STATUS && file.len() > LARGEST_STATUS / 2, "{}", file.len());
    let answer = bed.agent.report();
    let status = answer.handler(package.handler()).extension();
    assert_eq!(status.status.as_deref(), Some("success"), "{}", status.message);
    assert!(status.message.contains("997 of 1000 certificates installed"), "{}", status.message);
    let first: Vec<&str> = status.substatuses[..3].iter().map(|one| one.status.as_str()).collect();
    assert_eq!(first, ["error"; 3], "nothing that the agent cut off");
    let shown = status.substatuses.len() - 1;
    let rest = status.substatus("more in order");
    let expected = format!("{} certificates; report.json lists each", CERTIFICATES - shown);
    assert_eq!(rest.message, expected);
}
