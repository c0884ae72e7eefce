//! What the worker asks of vaults and identity endpoints that are in trouble: little.

use fake_azure::{Action, Denial, Place, Refusal, Rule, When};
use serde_json::Value;

use crate::bed::Ran;
use crate::world::World;

/// Looks under way at one vault; so many may have begun before the first one's answer is known.
const AT_ONE_VAULT: usize = 16;
const CERTIFICATES: usize = 60;

/// One pass over many certificates of one vault.
fn pass(world: &World, settings: &Value) -> Ran {
    world.bed.write("settings.json", settings.to_string());
    let ran = world.bed.run(&["sync", "--json", "--settings", "settings.json"]);
    world.assert_discreet(&ran);
    ran
}

fn many(world: &World) -> Value {
    let url = |number: usize| format!("https://contoso.vault.azure.net/secrets/web{number}");
    world.settings((0..CERTIFICATES).map(url).collect())
}

/// Every certificate's code and problem, which are the same for all.
fn told(ran: &Ran) -> (i64, String) {
    let report = ran.json();
    let all = report["certificates"].as_array().unwrap();
    assert_eq!(all.len(), CERTIFICATES);
    assert!(all.iter().all(|one| one["problem"] == all[0]["problem"]), "{report:#}");
    (all[0]["code"].as_i64().unwrap(), all[0]["problem"].as_str().unwrap().to_owned())
}

#[test]
fn a_vault_that_asks_for_time_is_not_asked_for_the_next_certificate() {
    for (status, code) in [(429, -24), (503, -25)] {
        let world = World::new();
        let busy = Action::status(status).header("Retry-After", "600");
        world.azure.fault(Rule::new(When::at(Place::Vault), busy));
        let ran = pass(&world, &many(&world));
        assert_eq!(ran.code, Some(1), "{ran}");
        assert_eq!(told(&ran).0, code);
        let asked = world.azure.requests_to(Place::Vault).len();
        assert!(asked <= AT_ONE_VAULT, "{asked}");
        assert_eq!(world.azure.requests_to(Place::Imds).len(), 1);
    }
}

#[test]
fn a_vault_whose_firewall_refuses_is_not_asked_for_the_next_certificate() {
    let world = World::new();
    world.azure.deny("contoso", Denial::all(Refusal::ForbiddenByFirewall));
    let (code, problem) = told(&pass(&world, &many(&world)));
    assert_eq!(code, 22);
    assert!(
        problem.contains("network-rule add --name contoso --ip-address 203.0.113.7`"),
        "{problem}"
    );
    let asked = world.azure.requests_to(Place::Vault).len();
    assert!(asked <= AT_ONE_VAULT, "{asked}");
}

#[test]
fn an_identity_endpoint_that_has_no_token_is_asked_once_for_all_certificates() {
    let world = World::new();
    world.azure.fault(Rule::new(When::at(Place::Imds), Action::status(410)));
    let ran = pass(&world, &many(&world));
    let (code, problem) = told(&ran);
    assert_eq!(code, -20);
    assert!(problem.contains("is being updated (410), which takes a minute or a few"), "{problem}");
    assert_eq!(world.azure.requests_to(Place::Imds).len(), 1);
    assert!(world.azure.requests_to(Place::Vault).is_empty());
}

#[test]
fn a_proxy_that_is_none_is_told_of_every_certificate_and_nobody_is_asked() {
    let mut world = World::new();
    world.bed.set("HTTPS_PROXY", "socks5://user:hunter2-is-no-certificate@proxy:1080");
    let ran = pass(&world, &many(&world));
    assert_eq!(ran.code, Some(1), "{ran}");
    let (code, problem) = told(&ran);
    assert_eq!(code, -23);
    assert!(problem.starts_with("HTTPS_PROXY: the scheme is neither http nor https"), "{problem}");
    assert!(world.azure.requests().is_empty());
}
