//! Vaults and identity endpoints that answer wrongly or not at all: the cause in plain words
//! within one pass, and nothing that is installed changes.

use acceptance::{Bed, Package, eventually};
use fake_azure::{Action, Denial, Place, Refusal, Rule, When};
use serde_json::json;

/// The message of the one substatus, once it is an error (or what is given).
fn trouble(bed: &mut Bed, state: &str) -> String {
    let package = Package::ours();
    eventually("a substatus with the cause", || {
        let answer = bed.agent.report();
        let substatus = answer.handler(package.handler()).extension().substatuses.first()?.clone();
        (substatus.status == state).then_some(substatus.message)
    })
}

#[track_caller]
fn assert_says(message: &str, words: &[&str]) {
    let found = words.iter().any(|word| message.to_lowercase().contains(&word.to_lowercase()));
    assert!(found, "none of {words:?} in: {message}");
}

#[test]
fn a_vault_that_answers_a_web_page() {
    let mut bed = Bed::new();
    let web = bed.issue("web");
    bed.azure.fault(Rule::new(When::at(Place::Vault), Action::Html { status: 200 }));
    bed.install(&bed.settings(&["web"]));
    assert_says(&trouble(&mut bed, "error"), &["answers with a web page"]);
    bed.azure.clear_faults();
    bed.installed(&web);
}

#[test]
fn a_vault_that_begins_to_answer_a_web_page_changes_nothing() {
    let mut bed = Bed::new();
    let web = bed.issue("web");
    bed.install(&bed.settings(&["web"]));
    let before = bed.installed(&web);
    bed.azure.fault(Rule::new(When::at(Place::Vault), Action::Html { status: 200 }));
    let asked = bed.azure.requests_to(Place::Vault).len() + 2;
    eventually("more polls", || (bed.azure.requests_to(Place::Vault).len() > asked).then_some(()));
    assert_eq!(bed.installed(&web), before);
}

#[test]
fn a_token_that_cannot_be_renewed_is_a_warning_while_it_lasts() {
    let mut bed = Bed::new();
    let web = bed.issue("web");
    let short = json!({ "expires_in": "30", "expires_on": null });
    bed.azure.fault(Rule::new(When::at(Place::Imds), Action::Patch(short)));
    bed.install(&bed.settings(&["web"]));
    bed.installed(&web);
    bed.azure.clear_faults();
    bed.azure.fault(Rule::new(When::at(Place::Imds), Action::Html { status: 503 }));
    let asked = bed.azure.requests_to(Place::Imds).len();
    let message = trouble(&mut bed, "warning");
    assert_says(&message, &["cannot be renewed: the identity endpoint"]);
    // More polls try, and say nothing new.
    let tried = || bed.azure.requests_to(Place::Imds).len() > asked + 3;
    eventually("more tries", || tried().then_some(()));
    let log = std::fs::read_to_string(bed.folder().join("log/akvvm_service.log")).unwrap();
    assert_eq!(log.matches("cannot be renewed").count(), 1, "{log}");
    bed.azure.clear_faults();
    assert_says(&trouble(&mut bed, "success"), &[&web.version]);
}

#[test]
fn a_secret_that_is_a_password() {
    let mut bed = Bed::new();
    bed.azure.put_secret("shop", "web", "hunter2-hunter2", None);
    bed.install(&bed.settings(&["web"]));
    let message = trouble(&mut bed, "error");
    assert_says(&message, &["certificate"]);
    assert!(!message.contains("hunter2"), "{message}");
}

#[test]
fn a_vault_that_forbids() {
    let mut bed = Bed::new();
    let web = bed.issue("web");
    bed.azure.deny("shop", Denial::all(Refusal::ForbiddenByRbac));
    bed.install(&bed.settings(&["web"]));
    assert_says(&trouble(&mut bed, "error"), &["Key Vault Secrets User", "permission", "role"]);
    bed.azure.allow("shop");
    bed.installed(&web);
}

#[test]
fn an_identity_endpoint_that_is_not_there() {
    let mut bed = Bed::new();
    bed.issue("web");
    let mut settings = bed.settings(&["web"]);
    // Nobody listens on the discard port.
    settings["authenticationSettings"] = json!({ "msiEndpoint": "http://127.0.0.1:9/metadata" });
    bed.install(&settings);
    assert_says(&trouble(&mut bed, "error"), &["identity"]);
    assert!(!bed.store().join("shop.web").exists());
}

#[test]
fn failures_are_not_repeated_without_pause() {
    let mut bed = Bed::new();
    bed.issue("web");
    bed.azure.fault(Rule::new(When::at(Place::Vault), Action::Close));
    bed.install(&bed.settings(&["web"]));
    let started = std::time::Instant::now();
    eventually("some attempts", || (bed.azure.requests_to(Place::Vault).len() >= 4).then_some(()));
    let seconds = started.elapsed().as_secs();
    let asked = bed.azure.requests_to(Place::Vault).len();
    assert!(asked as u64 <= 4 * (seconds + 3), "{asked} requests in {seconds} s");
}
