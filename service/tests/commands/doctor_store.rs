//! `akvvm_service doctor` at the store, and beside a worker.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use fake_azure::{Place, Recorded};
use serde_json::json;

use crate::world::World;

#[test]
fn a_store_that_cannot_be_written_to_is_where_it_ends() {
    let mut world = World::new();
    let closed = world.bed.path("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o555)).unwrap();
    // Root may write everywhere: somebody else asks then.
    world.bed.run_as_nobody();
    let mut settings = world.settings(json!(["https://contoso.vault.azure.net/secrets/web"]));
    settings["secretsManagementSettings"]["certificateStoreLocation"] = json!(closed.join("a/b"));
    let ran = world.doctor_of(&settings);
    assert_eq!(ran.code, Some(1), "{ran}");
    let shown = closed.display();
    ran.assert_says(&format!("  FAILED   store        {shown} cannot be written to; user "));
    ran.assert_says("(code -30: this machine)");
    ran.assert_says("  -        files        not looked at: the store is unusable\n");
    ran.assert_says(&format!("  contoso.web  stops at store, see store {shown}/a/b\n"));
    ran.assert_says("  warning  user         this runs as user ");
}

#[test]
fn a_file_where_the_store_should_be_is_the_customers_to_move() {
    let world = World::new();
    world.bed.write("store", "mine");
    let ran = world.doctor();
    assert_eq!(ran.code, Some(1), "{ran}");
    ran.assert_says(
        "is not a directory; move it away, or choose another path (code 27: settings or vault)\n",
    );
}

#[test]
fn a_file_where_the_link_should_be_is_where_it_ends() {
    let world = World::new();
    std::fs::create_dir(world.store()).unwrap();
    world.bed.write("store/contoso.web", "mine");
    let ran = world.doctor();
    assert_eq!(ran.code, Some(1), "{ran}");
    ran.assert_says("contoso.web\" is a regular file, and it was not put there by this extension");
    ran.assert_says("choose another customSymbolicLinkName (code 27: settings or vault)\n");
    ran.assert_says("  contoso.web  stops at files\n");
}

#[test]
fn what_is_installed_is_compared_with_the_vault_and_with_what_was_installed() {
    let world = World::new();
    let first = world.doctor();
    first.assert_says("not there yet, can be made below");
    let synced = world.bed.run(&["sync", "--settings", "settings.json"]);
    assert_eq!(synced.code, Some(0), "{synced}");
    let ran = world.doctor();
    assert_eq!(ran.code, Some(0), "{ran}");
    ran.assert_says("is in place: up to date\n");
    ran.assert_says("contoso.web -> contoso.web.");
    world.azure.rotate("contoso", "web").unwrap();
    world.doctor().assert_says("is in place: the next pass brings the vault's\n");
    std::fs::remove_file(world.store().join("contoso.web")).unwrap();
    let ran = world.doctor();
    assert_eq!(ran.code, Some(0), "{ran}");
    ran.assert_says("is not as it was installed: the next pass puts it right");
    ran.assert_says("contoso.web\" is gone\n");
}

#[test]
fn a_grant_that_cannot_be_used_is_a_warning() {
    let world = World::new();
    let entry = json!({"url": "https://contoso.vault.azure.net/secrets/web",
        "acls": [{"user": "nobody-of-that-name"}]});
    let ran = world.doctor_of(&world.settings(json!([entry])));
    assert_eq!(ran.code, Some(0), "{ran}");
    ran.assert_says("  warning  access       the grant for user \"nobody-of-that-name\" is not in");
}

#[test]
fn it_looks_beside_a_worker_without_disturbing_it() {
    let world = World::new();
    let settings = world.settings(json!(["https://contoso.vault.azure.net/secrets/web"]));
    world.bed.write("settings.json", settings.to_string());
    let arguments = ["doctor", "--settings", "settings.json"];
    assert_eq!(world.bed.run(&["sync", "--settings", "settings.json"]).code, Some(0));
    world.azure.clear_requests();
    let mut worker = world.bed.start(&["run", "--settings", "settings.json"]);
    let at_work = |requests: &[Recorded]| requests.iter().any(|one| one.place == Place::Vault);
    assert!(world.azure.wait_for(Duration::from_secs(60), at_work));
    let link = world.store().join("contoso.web");
    let before = std::fs::read(&link).unwrap();
    let ran = world.bed.run(&arguments);
    assert_eq!(ran.code, Some(0), "{ran}");
    ran.assert_says(&format!("process {} is at work since 20", worker.id()));
    ran.assert_says("is in place: up to date\n");
    world.assert_discreet(&ran);
    assert_eq!(std::fs::read(&link).unwrap(), before);
    assert!(worker.try_wait().unwrap().is_none(), "the worker has ended");
    worker.kill().unwrap();
    worker.wait().unwrap();
}
