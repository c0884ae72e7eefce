//! The commands under a stand-in for systemd: a `systemctl` that starts what the unit says.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use akvvm_handler::SystemClock;
use akvvm_handler::supervisor::Systemd;
use status_schema::State;

use crate::bed::{Answer, Bed, Extension, settings};

const SYSTEMCTL: &str = r#"#!/bin/sh
shift 2
here=${0%/*}
unit=$here/units/akvvm_service.service
echo "$*" >> "$here/calls"
halt() { [ -f "$here/pid" ] && kill "$(cat "$here/pid")" 2>/dev/null; rm -f "$here/pid"; }
case $1 in
stop) halt ;;
restart)
    halt
    program=$(sed -n 's/^ExecStart="\(.*\)" run$/\1/p' "$unit")
    env -i $(sed -n 's/^Environment="\(.*\)"$/\1/p' "$unit") "$program" run </dev/null >/dev/null 2>&1 &
    echo $! > "$here/pid"
    ;;
disable | daemon-reload) [ ! -f "$here/deaf" ] || exit 1 ;;
esac
exit 0
"#;

fn install_systemctl(bed: &Bed) -> PathBuf {
    let program = bed.root.path().join("systemctl");
    fs::write(&program, SYSTEMCTL).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    program
}

fn call(extension: &Extension<'_>, command: &str) -> Answer {
    let bed = extension.bed;
    let clock = SystemClock::start();
    let systemctl = bed.root.path().join("systemctl");
    let limit = bed.limits().systemctl;
    let supervisor = Systemd { units: bed.units(), systemctl, clock: &clock, limit };
    extension.call_under(&supervisor, &clock, command, Some(3))
}

fn calls(bed: &Bed) -> Vec<String> {
    let path = bed.root.path().join("calls");
    let text = fs::read_to_string(&path).unwrap_or_default();
    let _ = fs::remove_file(path);
    text.lines().map(|line| line.replace("akvvm_service.service", "UNIT")).collect()
}

#[test]
fn the_life_of_a_unit() {
    let bed = Bed::new();
    install_systemctl(&bed);
    let extension = bed.extension("1.0.0", "dutiful");
    extension.settings(3, &settings("web"));
    let unit = bed.root.path().join("units/akvvm_service.service");

    call(&extension, "install").good();
    assert!(unit.exists());
    assert_eq!(calls(&bed), ["daemon-reload"]);

    call(&extension, "enable").good();
    assert_eq!(calls(&bed), ["daemon-reload", "enable UNIT", "restart --no-block UNIT"]);
    assert_eq!(extension.status(3).unwrap().state, State::Success);
    let worker = bed.worker().unwrap();

    call(&extension, "enable").good();
    assert_eq!(calls(&bed), Vec::<String>::new(), "systemd is not bothered");
    assert_eq!(bed.worker().unwrap(), worker);

    call(&extension, "disable").good();
    assert_eq!(calls(&bed), ["disable UNIT", "stop UNIT"]);
    assert_eq!(bed.worker(), None);
    assert!(unit.exists());

    call(&extension, "uninstall").good();
    assert_eq!(calls(&bed), ["stop UNIT", "disable UNIT", "daemon-reload"]);
    assert!(!unit.exists());
    assert!(!bed.directories().state().exists());
}

#[test]
fn uninstalling_ends_well_where_systemd_does_not_take_notice() {
    let bed = Bed::new();
    install_systemctl(&bed);
    let extension = bed.extension("1.0.0", "dutiful");
    extension.settings(3, &settings("web"));
    call(&extension, "enable").good();
    fs::write(bed.root.path().join("deaf"), "").unwrap();
    call(&extension, "uninstall").good();
    assert!(!bed.root.path().join("units/akvvm_service.service").exists());
    assert!(!bed.directories().state().exists());
}

#[test]
fn uninstalling_finds_its_unit_where_a_link_leads_to_its_folder() {
    let bed = Bed::new();
    install_systemctl(&bed);
    let extension = bed.extension("1.0.0", "dutiful");
    extension.settings(3, &settings("web"));
    call(&extension, "enable").good();
    let link = bed.root.path().join("lib-waagent");
    std::os::unix::fs::symlink(extension.folder.parent().unwrap(), &link).unwrap();
    let seen = link.join(extension.folder.file_name().unwrap());
    let extension = extension.with("AZURE_GUEST_AGENT_EXTENSION_PATH", seen.to_str().unwrap());
    call(&extension, "uninstall").good();
    assert!(!bed.root.path().join("units/akvvm_service.service").exists());
    assert!(!bed.directories().state().exists());
}

#[test]
fn an_update_leaves_the_new_versions_unit() {
    let bed = Bed::new();
    install_systemctl(&bed);
    let old = bed.extension("1.0.0", "dutiful");
    old.settings(3, &settings("web"));
    call(&old, "enable").good();
    call(&old, "disable").good();
    let new = bed.extension("2.0.0", "dutiful");
    new.settings(3, &settings("web"));
    for (extension, command) in
        [(&new, "update"), (&old, "uninstall"), (&new, "install"), (&new, "enable")]
    {
        call(extension, command).good();
    }
    let unit = fs::read_to_string(bed.root.path().join("units/akvvm_service.service")).unwrap();
    assert!(unit.contains("KeyVault-2.0.0/bin/x86_64/akvvm_service"), "{unit}");
    call(&old, "uninstall").good();
    assert!(bed.root.path().join("units/akvvm_service.service").exists());
    assert!(bed.worker().is_some());
}

#[test]
fn a_worker_that_is_not_seen_is_stopped_and_systemds_words_are_passed_on() {
    let bed = Bed::new();
    bed.hurry(|limits, moment| limits.served = moment);
    install_systemctl(&bed);
    let extension = bed.extension("1.0.0", "idle");
    extension.settings(3, &settings("web"));
    let failure = call(&extension, "enable").bad();
    assert!(failure.sentence.contains("journalctl -u akvvm_service.service"), "{failure}");
    assert_eq!(extension.status(3).unwrap().message, failure.sentence);
    let calls = calls(&bed);
    assert_eq!(calls.last().unwrap(), "stop UNIT", "{calls:?}");
}
