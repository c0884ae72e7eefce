//! A machine that Azure Arc has connected. Where its agent keeps its keys, listens and is installed
//! are constants of the program, so each test has the machine to itself.

use std::time::Duration;

use fake_azure::{Action, Identity, Place, Recorded, Rule, When};
use serde_json::{Value, json};

use crate::namespace::{empty, run_alone};
use crate::world::World;

const WEB: &str = "https://contoso.vault.azure.net/secrets/web";
const KEYS: &str = "/var/opt/azcmagent/tokens";
const AGENT: &str = "http://localhost:40342/metadata/identity";

/// A machine with an agent that listens at this port, 0 for any.
fn machine(port: u16) -> World {
    let world = World::with(|options| {
        options.ports.arc = port;
        options.arc_key_directory = Some(KEYS.into());
        options.identities = vec![Identity::system_assigned("server")];
    });
    world.azure.fault(Rule::new(When::at(Place::Imds), Action::Close));
    world
}

fn settings(world: &World, endpoint: &Value) -> Value {
    let mut settings = world.settings(json!([WEB]));
    settings["authenticationSettings"] = json!({ "msiEndpoint": endpoint });
    settings
}

/// Gets the certificate by doctor, by one pass and by the worker, each with a key of its own.
fn assert_served(world: &World, endpoint: &Value) {
    let settings = settings(world, endpoint);
    let ran = world.doctor_of(&settings);
    assert_eq!(ran.code, Some(0), "{ran}");
    ran.assert_says("for the machine's system-assigned identity");
    let ran = world.bed.run(&["sync", "--settings", "settings.json"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    std::fs::remove_dir_all(world.store()).unwrap();
    world.azure.clear_requests();
    let mut worker = world.bed.start(&["run", "--settings", "settings.json"]);
    let at_work = |requests: &[Recorded]| requests.iter().any(|one| one.place == Place::Vault);
    assert!(world.azure.wait_for(Duration::from_secs(60), at_work));
    // Asks the worker, and waits for its report.
    let ran = world.bed.run(&["sync"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(world.store().join("contoso.web").exists());
    worker.kill().unwrap();
    worker.wait().unwrap();
    let asked = world.azure.requests_to(Place::Arc);
    // A challenge before the token, which serves both of the worker's passes.
    let authorized: Vec<bool> = asked.iter().map(|request| request.authorized).collect();
    assert_eq!(authorized, [false, true], "{asked:?}");
    assert!(asked.iter().all(|request| !request.proxied));
    assert!(world.azure.requests_to(Place::Imds).is_empty());
    assert_eq!(std::fs::read_dir(KEYS).unwrap().count(), 0, "each key is used up");
    let log = std::fs::read_to_string(world.bed.path("log").join("akvvm_service.log")).unwrap();
    assert!(!log.contains("eyJ") && !log.contains("Basic"), "{log}");
}

#[test]
fn the_agents_own_address_in_the_settings_is_enough() {
    run_alone("arc::the_agents_own_address_in_the_settings_is_enough", || {
        empty("/var/opt");
        assert_served(&machine(40342), &json!(AGENT));
    });
}

#[test]
fn an_agent_that_is_installed_needs_no_settings() {
    run_alone("arc::an_agent_that_is_installed_needs_no_settings", || {
        empty("/var/opt");
        empty("/opt");
        std::fs::create_dir_all("/opt/azcmagent/bin").unwrap();
        std::fs::write("/opt/azcmagent/bin/himds", "").unwrap();
        let world = machine(40342);
        assert_served(&world, &json!(null));
        world.bed.write("settings.json", settings(&world, &json!(null)).to_string());
        let ran = world.bed.look(&["validate", "--settings", "settings.json"]);
        ran.assert_says(&format!("from {AGENT}/oauth2/token\n"));
    });
}

#[test]
fn an_agent_that_the_environment_names_may_be_anywhere_on_the_machine() {
    let name = "arc::an_agent_that_the_environment_names_may_be_anywhere_on_the_machine";
    run_alone(name, || {
        empty("/var/opt");
        let mut world = machine(0);
        let endpoint = format!("{}/oauth2/token", world.azure.arc_url());
        world.bed.set("IDENTITY_ENDPOINT", &endpoint);
        world.bed.set("IMDS_ENDPOINT", "http://localhost:40342");
        assert_served(&world, &json!(null));
    });
}

#[test]
fn settings_cannot_send_the_machines_keys_to_another_port() {
    run_alone("arc::settings_cannot_send_the_machines_keys_to_another_port", || {
        empty("/var/opt");
        let world = machine(0);
        let ran = world.doctor_of(&settings(&world, &json!(world.azure.arc_url())));
        assert_eq!(ran.code, Some(1), "{ran}");
        ran.assert_says("it wants a proof (401), as Azure Arc's agent does");
        assert!(world.azure.requests_to(Place::Arc).iter().all(|request| !request.authorized));
        assert_eq!(std::fs::read_dir(KEYS).unwrap().count(), 2, "no key is used");
    });
}

#[test]
fn a_listener_in_the_agents_place_gets_no_other_file() {
    run_alone("arc::a_listener_in_the_agents_place_gets_no_other_file", || {
        empty("/var/opt");
        let world = machine(40342);
        std::fs::create_dir_all(KEYS).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", format!("{KEYS}/link.key")).unwrap();
        for (file, words) in [
            ("/etc/shadow", "is not where the agent keeps its key files"),
            ("/var/opt/azcmagent/tokens/../../../../etc/x.key", "is not where the agent keeps"),
            ("/var/opt/azcmagent/tokens/link.key", "the key file is no regular file"),
        ] {
            world.azure.clear_faults();
            let challenge = format!("Basic realm={file}");
            let action = Action::status(401).header("WWW-Authenticate", &challenge);
            world.azure.fault(Rule::new(When::at(Place::Arc), action));
            let ran = world.doctor_of(&settings(&world, &json!(AGENT)));
            assert_eq!(ran.code, Some(1), "{ran}");
            ran.assert_says(words);
        }
        assert!(world.azure.requests_to(Place::Arc).iter().all(|request| !request.authorized));
    });
}

#[test]
fn who_may_not_read_the_key_is_told_who_may() {
    run_alone("arc::who_may_not_read_the_key_is_told_who_may", || {
        empty("/var/opt");
        let mut world = machine(40342);
        // In the namespace of a user who is not root there is nobody else to be.
        if has_other_users() {
            world.bed.run_as_nobody();
            let ran = world.doctor_of(&settings(&world, &json!(AGENT)));
            assert_eq!(ran.code, Some(1), "{ran}");
            ran.assert_says("run as root or as a member of the group himds");
        }
    });
}

fn has_other_users() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap();
    map.split_whitespace().nth(2).is_some_and(|count| count != "1")
}

#[test]
fn an_agent_that_is_down_is_told_with_what_to_look_at() {
    run_alone("arc::an_agent_that_is_down_is_told_with_what_to_look_at", || {
        let world = machine(0);
        let ran = world.doctor_of(&settings(&world, &json!(AGENT)));
        assert_eq!(ran.code, Some(1), "{ran}");
        ran.assert_says("cannot be connected to: see with `azcmagent show`");
    });
}
