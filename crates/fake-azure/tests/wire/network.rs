//! The proxy, and TLS.

use fake_azure::{Place, TlsFault};

use crate::{Bed, CONTOSO};

/// curl's exit codes.
const PROXY_REFUSED: i32 = 56;
const BAD_CERTIFICATE: i32 = 60;

#[test]
fn tunnels_lead_to_vaults_that_exist() {
    let bed = Bed::new();
    bed.azure.put_secret("contoso", "web", "x", None);
    assert_eq!(bed.proxied(&[CONTOSO]).status, 401);
    assert_eq!(bed.proxied(&["https://nobody.vault.azure.net"]).code, PROXY_REFUSED);
    assert_eq!(bed.proxied(&["https://contoso.vault.azure.net:8443"]).code, PROXY_REFUSED);
    assert_eq!(bed.proxied(&["https://www.example.com"]).code, PROXY_REFUSED);
    let statuses: Vec<_> =
        bed.azure.requests_to(Place::Proxy).iter().filter_map(|one| one.status).collect();
    assert_eq!(statuses, [200, 502, 403, 502]);
    assert_eq!(bed.azure.requests_to(Place::Vault).len(), 1);
}

#[test]
fn the_direct_vault_can_be_reached_through_the_proxy_too() {
    let bed = Bed::new();
    assert_eq!(bed.proxied(&[&bed.azure.vault_url()]).status, 401);
}

#[test]
fn a_proxy_that_wants_credentials_gets_them_from_its_own_url() {
    let credentials = Some(("user".to_owned(), "secret".to_owned()));
    let bed = Bed::with(|options, _| options.proxy_credentials = credentials);
    bed.azure.put_secret("contoso", "web", "x", None);
    assert_eq!(bed.proxied(&[CONTOSO]).status, 401, "the vault's, not the proxy's");
    let proxy = format!("http://user:wrong@127.0.0.1:{}", bed.azure.ports().proxy);
    assert_eq!(bed.proxied(&["--proxy", &proxy, CONTOSO]).code, PROXY_REFUSED);
    let statuses: Vec<_> =
        bed.azure.requests_to(Place::Proxy).iter().filter_map(|one| one.status).collect();
    assert_eq!(statuses, [200, 407]);
}

#[test]
fn a_suffix_of_ones_own_is_a_cloud_like_others() {
    let bed = Bed::with(|options, _| options.vault_suffixes = vec!["vault.example.test".into()]);
    bed.azure.put_secret("contoso.vault.example.test", "web", "x", None);
    let url = "https://contoso.vault.example.test/secrets/web?api-version=7.4";
    let token = bed.token_for("https://vault.example.test");
    assert_eq!(bed.asking_as(&token, url).json()["value"], "x");
}

#[test]
fn certificates_can_be_wrong_in_three_ways_and_right_again() {
    let bed = Bed::new();
    bed.azure.put_secret("contoso", "web", "x", None);
    bed.azure.put_secret("fabrikam", "web", "x", None);
    for fault in [TlsFault::UnknownAuthority, TlsFault::Expired, TlsFault::WrongName] {
        bed.azure.tls_fault("contoso", Some(fault)).unwrap();
        assert_eq!(bed.proxied(&[CONTOSO]).code, BAD_CERTIFICATE, "{fault:?}");
        assert_eq!(bed.proxied(&["https://fabrikam.vault.azure.net"]).status, 401);
    }
    bed.azure.tls_fault("contoso", None).unwrap();
    assert_eq!(bed.proxied(&[CONTOSO]).status, 401);
}

#[test]
fn nothing_answers_any_more_when_the_handle_is_gone() {
    let Bed { azure, folder } = Bed::new();
    let url = azure.imds_url();
    drop(azure);
    assert_eq!(crate::curl::curl(&[&url]).code, 7, "connection refused");
    drop(folder);
}
