//! Key Vault.

use fake_azure::{AttributeChange, CertificateSpec, Denial, Operation, Refusal, Throttle, Window};
use serde_json::json;

use crate::{Bed, CONTOSO};

fn secret(name: &str) -> String {
    format!("{CONTOSO}/secrets/{name}?api-version=7.4")
}

#[test]
fn without_a_token_there_is_a_challenge() {
    let bed = Bed::new();
    bed.azure.put_secret("contoso", "web", "x", None);
    let challenge = bed.proxied(&[&secret("web")]);
    assert_eq!(challenge.status, 401);
    assert_eq!(challenge.codes().0, "Unauthorized");
    let header = challenge.header("www-authenticate").unwrap();
    assert!(header.starts_with("Bearer authorization=\"https://login.microsoftonline.com/"));
    assert!(header.ends_with("resource=\"https://vault.azure.net\""), "{header}");
    assert_eq!(challenge.header("x-ms-request-id").unwrap().len(), 36);
}

#[test]
fn tokens_are_for_one_cloud_and_from_here() {
    let bed = Bed::new();
    bed.azure.put_secret("contoso", "web", "x", None);
    bed.azure.put_secret("contoso.vault.azure.cn", "web", "y", None);
    assert_eq!(bed.get(&secret("web")).status, 200);
    let invented = bed.asking_as("eyJ.eyJ.sig", &secret("web"));
    assert_eq!(invented.status, 401);
    let wrong = bed.asking_as(&bed.token_for("https://management.azure.com"), &secret("web"));
    assert_eq!(wrong.status, 401);
    assert!(wrong.body.contains("AKV10022: Invalid audience. Expected https://vault.azure.net"));
    let slash = bed.asking_as(&bed.token_for("https://vault.azure.net/"), &secret("web"));
    assert_eq!(slash.status, 401, "no trailing slash");
    let china = "https://contoso.vault.azure.cn/secrets/web?api-version=7.4";
    assert_eq!(bed.get(china).status, 401);
    let token = bed.token_for("https://vault.azure.cn");
    assert_eq!(bed.asking_as(&token, china).json()["value"], "y");
}

#[test]
fn a_certificates_secret_has_the_recorded_shape() {
    let bed = Bed::new();
    let issued = bed.azure.put_certificate("contoso", "Web", &CertificateSpec::default()).unwrap();
    let document = bed.get(&secret("web")).json();
    let mut members: Vec<_> = document.as_object().unwrap().keys().cloned().collect();
    members.sort();
    assert_eq!(members, ["attributes", "contentType", "id", "kid", "managed", "value"]);
    let version = &issued.version;
    assert_eq!(document["id"], format!("{CONTOSO}/secrets/Web/{version}"));
    assert_eq!(document["kid"], format!("{CONTOSO}/keys/Web/{version}"));
    let attributes = &document["attributes"];
    assert!(["nbf", "exp", "created", "updated"].iter().all(|name| attributes[name].is_u64()));
    assert_eq!(attributes["recoverableDays"], 90);
}

#[test]
fn an_api_version_is_required() {
    let bed = Bed::new();
    bed.azure.put_secret("contoso", "web", "x", None);
    let refused = bed.get(&format!("{CONTOSO}/secrets/web"));
    assert_eq!((refused.status, refused.codes().0.as_str()), (400, "BadParameter"));
}

#[test]
fn missing_disabled_and_deleted_are_told_apart_as_azure_does() {
    let bed = Bed::new();
    let first = bed.azure.put_secret("contoso", "web", "one", None);
    bed.azure.put_secret("contoso", "web", "two", None);
    let missing = bed.get(&secret("nothing"));
    assert_eq!((missing.status, missing.codes().0.as_str()), (404, "SecretNotFound"));
    assert!(missing.body.contains("A secret with (name/id) nothing was not found"));
    bed.azure.disable("contoso", "web");
    let disabled = bed.get(&secret("web"));
    assert_eq!(disabled.status, 403);
    assert_eq!(disabled.codes(), ("Forbidden".to_owned(), Some("SecretDisabled".to_owned())));
    assert_eq!(bed.get(&secret(&format!("web/{first}"))).json()["value"], "one");
    assert!(bed.azure.delete("contoso", "web"));
    assert_eq!(bed.get(&secret("web")).status, 404);
}

#[test]
fn expired_and_future_secrets_can_be_read() {
    let bed = Bed::new();
    bed.azure.put_secret("contoso", "web", "x", None);
    let change = AttributeChange { enabled: None, nbf: Some(1), exp: Some(2) };
    assert!(bed.azure.change("contoso", "web", None, change));
    let document = bed.get(&secret("web")).json();
    assert_eq!(document["attributes"]["exp"], 2);
}

#[test]
fn a_denial_concerns_whom_and_what_it_names() {
    let bed = Bed::new();
    bed.azure.put_secret("contoso", "web", "x", None);
    let denial = Denial {
        operation: Some(Operation::List),
        identity: Some("vm".to_owned()),
        refusal: Refusal::ForbiddenByRbac,
    };
    bed.azure.deny("contoso", denial);
    assert_eq!(bed.get(&secret("web")).status, 200);
    let listed = bed.get(&secret("web/versions"));
    assert_eq!(listed.codes().1.as_deref(), Some("ForbiddenByRbac"));
    assert!(listed.body.contains("Microsoft.KeyVault/vaults/secrets/readMetadata/action"));
    bed.azure.allow("contoso");
    assert_eq!(bed.get(&secret("web/versions")).status, 200);
}

#[test]
fn lists_have_no_values_and_pages_of_twenty_five() {
    let bed = Bed::new();
    for number in 0..30 {
        bed.azure.put_secret("contoso", &format!("secret-{number:02}"), "hidden", None);
    }
    let first = bed.get(&format!("{CONTOSO}/secrets?api-version=7.4"));
    assert!(!first.body.contains("hidden"));
    let document = first.json();
    assert_eq!(document["value"].as_array().unwrap().len(), 25);
    let next = document["nextLink"].as_str().unwrap();
    assert!(next.starts_with("https://contoso.vault.azure.net:443/secrets?"), "{next}");
    let second = bed.get(next).json();
    assert_eq!(second["value"].as_array().unwrap().len(), 5);
    assert_eq!(second["nextLink"], json!(null));
    let id = second["value"][0]["id"].as_str().unwrap();
    assert_eq!(id, format!("{CONTOSO}/secrets/secret-25"), "without a version");
}

#[test]
fn beyond_the_limit_there_is_a_time_to_wait() {
    let bed = Bed::new();
    bed.azure.put_secret("contoso", "web", "x", None);
    let throttle = Throttle { limit: 1, seconds: 60, window: Window::Fixed };
    bed.azure.throttle("contoso", Some(throttle));
    assert_eq!(bed.get(&secret("web")).status, 200);
    let limited = bed.get(&secret("web"));
    assert_eq!((limited.status, limited.codes().0.as_str()), (429, "Throttled"));
    let wait: u64 = limited.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait));
    bed.azure.throttle("contoso", None);
    assert_eq!(bed.get(&secret("web")).status, 200);
}

#[test]
fn the_direct_vault_names_itself_with_its_port() {
    let bed = Bed::new();
    let version = bed.azure.put_secret("localhost", "web", "x", None);
    let token = bed.token_for("https://localhost");
    let document = bed.direct("/secrets/web?api-version=7.4", &token).json();
    assert_eq!(document["id"], format!("{}/secrets/web/{version}", bed.azure.vault_url()));
    let challenge = bed.direct("/secrets/web?api-version=7.4", "nothing");
    let header = challenge.header("www-authenticate").unwrap();
    assert!(header.ends_with("resource=\"https://localhost\""), "{header}");
}

#[test]
fn revoked_tokens_are_refused_and_new_ones_are_not() {
    let bed = Bed::new();
    bed.azure.put_secret("contoso", "web", "x", None);
    let old = bed.token();
    assert_eq!(bed.token(), old, "the same one until it comes close to its end");
    bed.azure.revoke_tokens();
    assert_eq!(bed.asking_as(&old, &secret("web")).status, 401);
    assert_eq!(bed.get(&secret("web")).status, 200);
}
