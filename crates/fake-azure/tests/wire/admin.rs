//! The admin API, as README.md describes it.

use fake_azure::Place;
use serde_json::{Value, json};

use crate::curl::{Got, curl};
use crate::{Bed, CONTOSO};

fn order(bed: &Bed, method: &str, path: &str, body: &Value) -> Got {
    let url = format!("{}{path}", bed.azure.admin_url());
    curl(&["--request", method, "--data", &body.to_string(), &url])
}

#[track_caller]
fn done(bed: &Bed, method: &str, path: &str, body: &Value) -> Value {
    let got = order(bed, method, path, body);
    assert_eq!(got.status, 200, "{method} {path}: {}", got.body);
    got.json()
}

#[test]
fn certificates_and_secrets_come_change_and_go() {
    let bed = Bed::new();
    let web = "/vaults/contoso/certificates/web";
    let first = done(&bed, "PUT", web, &json!({ "key": "ec-p384", "chain": 2 }));
    assert_eq!(first["vault"], "contoso.vault.azure.net");
    assert_eq!(first["chain_pem"].as_str().unwrap().matches("BEGIN CERTIFICATE").count(), 2);
    assert!(!first.to_string().contains("PRIVATE KEY"));
    let second = done(&bed, "POST", &format!("{web}/rotate"), &Value::Null);
    assert_ne!(first["serial"], second["serial"]);
    let overview = done(&bed, "GET", "/", &Value::Null);
    let listed = &overview["vaults"]["contoso.vault.azure.net"]["web"];
    assert_eq!(listed["versions"], json!([first["version"], second["version"]]));
    assert_eq!(listed["serial"], second["serial"]);
    let old = format!("/vaults/contoso/secrets/web/{}", first["version"].as_str().unwrap());
    done(&bed, "PATCH", &old, &json!({ "enabled": false }));
    done(&bed, "PUT", "/vaults/contoso/secrets/word", &json!({ "value": "hush" }));
    assert_eq!(bed.get(&format!("{CONTOSO}/secrets/word?api-version=7.4")).json()["value"], "hush");
    done(&bed, "DELETE", "/vaults/contoso/secrets/word", &Value::Null);
    assert_eq!(bed.get(&format!("{CONTOSO}/secrets/word?api-version=7.4")).status, 404);
}

#[test]
fn the_rest_of_the_world_changes_too() {
    let bed = Bed::new();
    bed.azure.put_secret("contoso", "web", "x", None);
    let url = format!("{CONTOSO}/secrets/web?api-version=7.4");
    let identities = done(&bed, "PUT", "/identities", &json!([{ "user_assigned": "blue" }]));
    assert_eq!(bed.imds("resource=x").json()["client_id"], identities[0]["client_id"]);
    let token = bed.token();
    done(&bed, "POST", "/tokens/revoke", &Value::Null);
    assert_eq!(bed.asking_as(&token, &url).status, 401);
    done(&bed, "POST", "/vaults/contoso/denials", &json!({ "refusal": "AccessDenied" }));
    assert_eq!(bed.get(&url).codes().1.as_deref(), Some("AccessDenied"));
    done(&bed, "DELETE", "/vaults/contoso/denials", &Value::Null);
    let throttle = json!({ "limit": 0, "seconds": 9, "window": "sliding" });
    done(&bed, "PUT", "/vaults/contoso/throttle", &throttle);
    assert_eq!(bed.get(&url).status, 429);
    done(&bed, "PUT", "/vaults/contoso/throttle", &Value::Null);
    done(&bed, "PUT", "/vaults/contoso/tls", &json!({ "fault": "expired" }));
    assert_ne!(bed.get(&url).code, 0);
    done(&bed, "PUT", "/vaults/contoso/tls", &json!({ "fault": null }));
    done(&bed, "PUT", "/latency", &json!({ "milliseconds": 1 }));
    assert_eq!(bed.get(&url).status, 200);
}

#[test]
fn rules_and_requests_can_be_read_and_removed() {
    let bed = Bed::new();
    let rule = json!({ "when": { "place": "imds" }, "skip": 1, "then": "close" });
    let rules = done(&bed, "POST", "/faults", &json!([rule, { "then": "pass" }]));
    assert_eq!(rules.as_array().unwrap().len(), 2);
    bed.imds("resource=x");
    bed.imds("resource=x");
    let rules = done(&bed, "GET", "/faults", &Value::Null);
    assert_eq!((&rules[0]["skipped"], &rules[0]["used"]), (&json!(1), &json!(1)));
    assert_eq!(rules[1]["used"], 1);
    done(&bed, "DELETE", "/faults", &Value::Null);
    let requests = done(&bed, "GET", "/requests?after=1", &Value::Null);
    assert_eq!((requests.as_array().unwrap().len(), &requests[0]["number"]), (1, &json!(2)));
    done(&bed, "DELETE", "/requests", &Value::Null);
    assert!(bed.azure.requests_to(Place::Imds).is_empty());
}

#[test]
fn what_cannot_be_done_is_refused_with_a_sentence() {
    let bed = Bed::new();
    let refused = |method: &str, path: &str, body: &Value| {
        let got = order(&bed, method, path, body);
        (got.status, got.json()["error"].as_str().unwrap().to_owned())
    };
    let (status, sentence) =
        refused("PUT", "/vaults/contoso/certificates/web", &json!({ "chain": 0 }));
    assert_eq!(status, 422);
    assert!(sentence.starts_with("chain: 0 certificates"), "{sentence}");
    let (status, sentence) = refused("POST", "/faults", &json!({ "then": "explode" }));
    assert_eq!(status, 400);
    assert!(sentence.contains("explode"), "{sentence}");
    assert_eq!(refused("POST", "/vaults/contoso/certificates/web/rotate", &Value::Null).0, 422);
    assert_eq!(refused("DELETE", "/vaults/contoso/secrets/web", &Value::Null).0, 404);
    assert_eq!(refused("GET", "/nowhere", &Value::Null).0, 404);
}
