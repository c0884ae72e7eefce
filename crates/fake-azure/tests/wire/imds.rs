//! The instance metadata service.

use fake_azure::{Identity, Place};

use crate::Bed;
use crate::curl::curl;

#[test]
fn numbers_are_strings_and_the_resource_is_repeated() {
    let bed = Bed::new();
    let document = bed.imds("resource=https%3A%2F%2Fvault.azure.net").json();
    let seconds: u64 = document["expires_in"].as_str().unwrap().parse().unwrap();
    assert!((86_390..=86_400).contains(&seconds));
    assert!(document["expires_on"].is_string() && document["not_before"].is_string());
    assert_eq!(document["resource"], "https://vault.azure.net");
    assert_eq!(document["token_type"], "Bearer");
}

#[test]
fn a_request_without_the_header_is_refused_in_azures_words() {
    let bed = Bed::new();
    let url = format!("{}/oauth2/token?api-version=2018-02-01&resource=x", bed.azure.imds_url());
    for arguments in [&[&*url][..], &["-H", "Metadata: false", &url]] {
        let refused = curl(arguments);
        assert_eq!(refused.status, 400);
        assert_eq!(refused.json()["error"], "bad_request_102");
        assert_eq!(refused.json()["error_description"], "Required metadata header not specified");
    }
}

#[test]
fn what_came_through_a_proxy_is_refused() {
    let bed = Bed::new();
    let url = format!("{}/oauth2/token?api-version=2018-02-01&resource=x", bed.azure.imds_url());
    let forwarded = curl(&["-H", "Metadata: true", "-H", "X-Forwarded-For: 10.0.0.1", &url]);
    assert_eq!(forwarded.status, 400);
    let proxied = bed.proxied(&["-H", "Metadata: true", &url]);
    assert_eq!(proxied.status, 403);
    let tunnelled = bed.proxied(&["--proxytunnel", "-H", "Metadata: true", &url]);
    assert_ne!(tunnelled.code, 0);
    assert!(bed.azure.requests_to(Place::Proxy).iter().all(|one| one.status == Some(403)));
    assert!(bed.azure.requests_to(Place::Imds).iter().all(|one| one.status == Some(400)));
}

#[test]
fn api_version_and_resource_are_required() {
    let bed = Bed::new();
    let url = format!("{}/oauth2/token", bed.azure.imds_url());
    let unversioned = curl(&["-H", "Metadata: true", &format!("{url}?resource=x")]);
    assert_eq!(unversioned.status, 400);
    assert!(unversioned.json()["newest-versions"].is_array());
    let old = curl(&["-H", "Metadata: true", &format!("{url}?resource=x&api-version=2017-01-01")]);
    assert_eq!(old.status, 400);
    assert_eq!(bed.imds("").status, 400);
    let elsewhere = bed.azure.imds_url().replace("/identity", "/instance");
    assert_eq!(curl(&["-H", "Metadata: true", &elsewhere]).status, 404);
}

#[test]
fn the_selectors_choose_and_none_means_the_machines_own_or_the_only_one() {
    let bed = Bed::new();
    let (own, blue) = (Identity::system_assigned("vm"), Identity::user_assigned("blue"));
    let green = Identity::user_assigned("green");
    let chosen = |query: &str| {
        let got = bed.imds(&format!("resource=x&{query}"));
        match got.status {
            200 => got.json()["client_id"].as_str().unwrap().to_owned(),
            _ => got.json()["error_description"].as_str().unwrap().to_owned(),
        }
    };
    bed.azure.assign_identities(vec![own.clone(), blue.clone()]);
    assert_eq!(chosen(""), own.client_id);
    assert_eq!(chosen(&format!("client_id={}", blue.client_id)), blue.client_id);
    assert_eq!(chosen(&format!("object_id={}", blue.object_id)), blue.client_id);
    let upper = blue.resource_id.to_uppercase();
    assert_eq!(chosen(&format!("msi_res_id={upper}")), blue.client_id);
    assert_eq!(chosen(&format!("client_id={}", green.client_id)), "Identity not found");
    bed.azure.assign_identities(vec![blue.clone()]);
    assert_eq!(chosen(""), blue.client_id);
    bed.azure.assign_identities(vec![blue, green]);
    assert!(chosen("").starts_with("Multiple user assigned identities exist, please specify"));
    bed.azure.assign_identities(Vec::new());
    assert_eq!(chosen(""), "Identity not found");
}
