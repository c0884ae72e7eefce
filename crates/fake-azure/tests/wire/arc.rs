//! Azure Arc's identity service.

use std::path::PathBuf;

use fake_azure::{Action, Identity, Place, Rule, When};

use crate::Bed;
use crate::curl::{Got, curl};

fn bed() -> Bed {
    Bed::with(|options, folder| options.arc_key_directory = Some(folder.path().join("tokens")))
}

fn ask(bed: &Bed, query: &str, key: Option<&str>) -> Got {
    let base = bed.azure.arc_url();
    let url = format!("{base}/oauth2/token?api-version=2020-06-01&resource=x{query}");
    let key = format!("Authorization: Basic {}", key.unwrap_or_default());
    let with_key = ["-H", &key, "-H", "Metadata: true", &url];
    let skip = if key.ends_with(' ') { 2 } else { 0 };
    curl(&with_key[skip..])
}

fn key_file(challenge: &Got) -> PathBuf {
    assert_eq!(challenge.status, 401);
    let realm = challenge.header("www-authenticate").unwrap().strip_prefix("Basic realm=");
    realm.unwrap().into()
}

#[test]
fn who_can_read_the_named_file_gets_a_token() {
    let bed = bed();
    let file = key_file(&ask(&bed, "", None));
    assert_eq!(file.parent().unwrap(), bed.folder.path().join("tokens"));
    assert_eq!(file.extension().unwrap(), "key");
    let key = std::fs::read_to_string(&file).unwrap();
    let token = ask(&bed, "", Some(&key));
    assert_eq!(token.status, 200);
    assert!(token.json()["access_token"].is_string());
    assert!(!file.exists(), "a key opens once");
    assert_eq!(ask(&bed, "", Some(&key)).status, 401);
}

#[test]
fn a_wrong_key_gets_none() {
    let bed = bed();
    key_file(&ask(&bed, "", None));
    assert_eq!(ask(&bed, "", Some("guessed")).status, 401);
}

#[test]
fn the_selector_is_repeated_as_new_agents_do() {
    let bed = bed();
    let blue = Identity::user_assigned("blue");
    bed.azure.assign_identities(vec![Identity::system_assigned("arc"), blue.clone()]);
    let key = std::fs::read_to_string(key_file(&ask(&bed, "", None))).unwrap();
    let query = format!("&msi_res_id={}", blue.resource_id);
    let document = ask(&bed, &query, Some(&key)).json();
    assert_eq!(document["msi_res_id"], blue.resource_id);
    assert_eq!(document["client_id"], blue.client_id);
}

#[test]
fn a_script_can_name_any_file_in_any_words() {
    let bed = bed();
    let realm = Action::status(401).header("WWW-Authenticate", "Basic realm=\"/etc/shadow\"");
    bed.azure.fault(Rule::new(When::at(Place::Arc), realm));
    let challenge = ask(&bed, "", None);
    assert_eq!(challenge.header("www-authenticate"), Some("Basic realm=\"/etc/shadow\""));
}

#[test]
fn without_a_directory_there_is_no_such_service() {
    assert_eq!(ask(&Bed::new(), "", None).status, 404);
}
