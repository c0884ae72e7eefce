//! Who may know whom. The plan and its reasons are in ARCHITECTURE.md; this is the same as a table.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::tree::{assert_none, root};

/// For each of our packages, those of ours that it may use. From the bottom up: a package uses
/// only lines above it.
const PLAN: &[(&str, &[&str])] = &[
    ("atomic-file", &[]),
    ("object-id", &[]),
    ("named-curve", &[]),
    ("certified-key", &["named-curve"]),
    ("status-schema", &[]),
    ("reaction", &[]),
    ("fluent-forward", &[]),
    ("extension-settings", &["object-id"]),
    ("worker-state", &["status-schema", "atomic-file"]),
    ("keyvault-client", &["object-id"]),
    ("cert-store", &["certified-key", "object-id", "atomic-file"]),
    ("akvvm-handler", &["status-schema", "extension-settings", "worker-state", "atomic-file"]),
    (
        "akvvm-service",
        &[
            "status-schema",
            "extension-settings",
            "worker-state",
            "keyvault-client",
            "certified-key",
            "cert-store",
            "object-id",
            "atomic-file",
            "reaction",
            "fluent-forward",
        ],
    ),
    ("fake-azure", &[]),
];

/// Others' packages that have one home among ours, so that they can be replaced in one place.
const HOMES: &[(&str, &[&str])] = &[
    ("anyhow", &["akvvm-handler", "akvvm-service"]),
    ("fs2", &["worker-state"]),
    ("pem", &["certified-key"]),
    // One asks vaults, whom it must trust; the other only looks at what a service shows, and
    // trusts nobody. They have nothing in common but the handshake.
    ("rmp", &["fluent-forward"]),
    ("rustls", &["keyvault-client", "reaction"]),
    ("ureq", &["keyvault-client"]),
    ("uzers", &["cert-store"]),
    ("x509-parser", &["certified-key"]),
];

/// Packages that stand beside the product: never shipped, so bound by neither table's homes.
const BESIDE: &[&str] = &["fake-azure", "acceptance"];

type Uses = BTreeMap<String, BTreeSet<String>>;

/// Package → what its Cargo.toml lists, of one kind (`None`: what is shipped).
fn uses(kind: Option<&str>) -> Uses {
    let cargo = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(cargo.status.success(), "{}", String::from_utf8_lossy(&cargo.stderr));
    let metadata: Value = serde_json::from_slice(&cargo.stdout).unwrap();
    let of = |package: &Value| {
        let listed = package["dependencies"].as_array().unwrap().iter();
        let wanted = listed.filter(|dependency| dependency["kind"].as_str() == kind);
        wanted.map(|dependency| dependency["name"].as_str().unwrap().to_owned()).collect()
    };
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages.map(|package| (package["name"].as_str().unwrap().to_owned(), of(package))).collect()
}

fn ours(name: &str) -> bool {
    PLAN.iter().any(|(package, _)| *package == name)
}

#[test]
fn every_package_has_its_place_in_the_plan() {
    let unplaced: Vec<_> =
        uses(None).into_keys().filter(|name| !ours(name) && name != "acceptance").collect();
    assert_none("packages without a line in the floor plan", &unplaced);
}

#[test]
fn packages_use_only_what_the_plan_allows() {
    let all = uses(None);
    let mut broken = Vec::new();
    for (package, allowed) in PLAN {
        let used = all.get(*package).unwrap_or_else(|| panic!("{package} is gone"));
        let foreign = used.iter().filter(|name| ours(name) && !allowed.contains(&name.as_str()));
        broken.extend(foreign.map(|name| format!("{package} → {name}")));
    }
    assert_none("dependencies that the floor plan does not allow", &broken);
}

#[test]
fn the_two_programs_never_see_each_other_even_in_tests() {
    for kind in [None, Some("dev"), Some("build")] {
        let all = uses(kind);
        assert!(!all["akvvm-handler"].contains("akvvm-service"));
        assert!(!all["akvvm-service"].contains("akvvm-handler"));
    }
}

#[test]
fn each_foreign_package_is_used_in_its_home_only() {
    let mut broken = Vec::new();
    for (package, used) in uses(None) {
        for (name, homes) in HOMES {
            let at_home = homes.contains(&package.as_str()) || BESIDE.contains(&package.as_str());
            if used.contains(*name) && !at_home {
                broken.push(format!("{package} → {name}, which lives in {}", homes.join(", ")));
            }
        }
    }
    assert_none("packages used away from home", &broken);
}
