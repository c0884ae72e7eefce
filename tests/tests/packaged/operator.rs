//! `akvvm_service` in a person's hands: no agent, no root.

use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};

use acceptance::{Bed, Package};
use serde_json::{Value, json};

/// The account `nobody`, which may do nothing in particular.
pub(crate) const NOBODY: u32 = 65534;

/// A bed whose folder belongs to an ordinary user, where the test runs as root.
pub(crate) fn ordinary_users_bed() -> Bed {
    let bed = Bed::new();
    if is_root() {
        chown(bed.folder(), Some(NOBODY), Some(NOBODY)).unwrap();
        let everybody = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(bed.folder(), everybody).unwrap();
    }
    bed
}

pub(crate) fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0
}

/// Runs `akvvm_service` with a settings file, as an ordinary user.
fn service(bed: &Bed, arguments: &[&str], settings: &Value) -> Output {
    let file = bed.folder().join("settings.json");
    std::fs::write(&file, settings.to_string()).unwrap();
    let program = program(bed.folder());
    let mut command = Command::new(program);
    command.args(arguments).arg("--settings").arg(file);
    command.env_clear().envs(bed.environment());
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.output().unwrap()
}

pub(crate) fn program(folder: &Path) -> std::path::PathBuf {
    let unpacked = folder.join("programs");
    if !unpacked.exists() {
        Package::unpack_ours(folder);
    }
    unpacked.join("bin").join(std::env::consts::ARCH).join("akvvm_service")
}

#[test]
fn one_pass_by_an_ordinary_user_installs_everything() {
    let bed = ordinary_users_bed();
    let (web, api) = (bed.issue("web"), bed.issue("api"));
    let ran = service(&bed, &["sync"], &bed.settings(&["web", "api"]));
    let said = String::from_utf8(ran.stdout).unwrap();
    assert_eq!(ran.status.code(), Some(0), "{said}{}", String::from_utf8_lossy(&ran.stderr));
    assert!(said.contains("shop.web") && said.contains("shop.api"), "{said}");
    bed.assert_installed_whole(&web);
    bed.assert_installed_whole(&api);
}

#[test]
fn what_the_guest_agent_writes_is_taken_as_settings_too() {
    let bed = ordinary_users_bed();
    let web = bed.issue("web");
    let public = bed.settings(&["web"]);
    let settings = json!({ "runtimeSettings": [{ "handlerSettings": {
        "publicSettings": public, "protectedSettings": null, "protectedSettingsCertThumbprint": null,
    }}]});
    let ran = service(&bed, &["sync"], &settings);
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    bed.assert_installed_whole(&web);
}

#[test]
fn a_failure_of_one_is_exit_code_1_and_the_others_are_there() {
    let bed = ordinary_users_bed();
    let web = bed.issue("web");
    let ran = service(&bed, &["sync"], &bed.settings(&["absent", "web"]));
    let said = String::from_utf8(ran.stdout).unwrap();
    assert_eq!(ran.status.code(), Some(1), "{said}");
    assert!(said.contains("shop.absent"), "{said}");
    bed.assert_installed_whole(&web);
}

#[test]
fn wrong_settings_are_exit_code_2() {
    let bed = ordinary_users_bed();
    let ran = service(&bed, &["sync"], &json!({ "secretsManagementSettings": {} }));
    assert_eq!(ran.status.code(), Some(2));
    assert!(String::from_utf8(ran.stderr).unwrap().contains("observedCertificates"));
}

#[test]
fn a_summary_for_machines_is_json() {
    let bed = ordinary_users_bed();
    let web = bed.issue("web");
    let ran = service(&bed, &["sync", "--json"], &bed.settings(&["web"]));
    let summary: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert!(summary.to_string().contains(&web.version), "{summary}");
}
