//! What the log says of a failure: the sentence that everybody reads, and what only the log gets.

use fake_azure::{Denial, Refusal};
use serde_json::json;

use crate::world::World;

#[test]
fn a_refusal_is_logged_with_its_causes_and_what_support_asks_for() {
    let world = World::new();
    world.azure.deny("contoso", Denial::all(Refusal::ForbiddenByRbac));
    let settings = world.settings(json!(["https://contoso.vault.azure.net/secrets/web"]));
    world.bed.write("settings.json", settings.to_string());
    let ran = world.bed.run(&["sync", "--json", "--settings", "settings.json"]);
    let problem = ran.json()["certificates"][0]["problem"].as_str().unwrap().to_owned();
    assert!(problem.contains("az role assignment create") && problem.len() <= 1024, "{problem}");
    let log = std::fs::read_to_string(world.bed.path("log").join("akvvm_service.log")).unwrap();
    let line = log.lines().find(|line| line.contains(&problem)).unwrap_or_else(|| panic!("{log}"));
    for words in [
        " contoso.web: the identity ",
        " (code 21, 1 in a row); because: contoso.vault.azure.net answered 403: Forbidden ",
        " ForbiddenByRbac Caller is not authorized to perform action on resource.",
        "; because: x-ms-request-id ",
    ] {
        assert!(line.contains(words), "{words:?} is missing in {line}");
    }
    world.assert_nothing_of_it(&log);
}
