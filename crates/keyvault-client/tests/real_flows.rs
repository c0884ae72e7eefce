//! Whole conversations with an imagined Azure, as they go with the true one.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, and the imagined Azure has a true clock"
)]

use std::time::{Duration, SystemTime};

use fake_azure::{
    Action, CertificateSpec, Denial, FakeAzure, Format, Identity, Options, Place, Refusal, Rule,
    TlsFault, When,
};
use keyvault_client::ErrorKind::{self, *};
use keyvault_client::{
    AzureArcCredential, ClientError, Http, IdentityEndpoint, IdentitySelector,
    ManagedIdentityCredential, Network, Secret, SecretClient, TokenCredential,
};
use object_id::{ObjectId, VaultSuffixes};

/// An Azure with the certificate `web` in the vault `contoso`, and a client of it.
struct World {
    azure: FakeAzure,
    http: Http,
    client: SecretClient,
    directory: tempfile::TempDir,
}

impl World {
    fn new(change: impl FnOnce(&mut Options)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut options = Options::new(directory.path());
        change(&mut options);
        let azure = FakeAzure::start(options).unwrap();
        let spec = CertificateSpec { format: Format::Pem, ..CertificateSpec::default() };
        azure.put_certificate("contoso", "web", &spec).unwrap();
        let http = Http::new(Network {
            https_proxy: Some(azure.proxy_url()),
            no_proxy: Some("localhost".to_owned()),
            ssl_cert_file: Some(azure.ca_file().to_owned()),
            ..Network::default()
        })
        .unwrap();
        let client = SecretClient::new(http.clone());
        Self { azure, http, client, directory }
    }

    fn credential(&self, selector: IdentitySelector) -> ManagedIdentityCredential {
        let endpoint = IdentityEndpoint::parse(&self.azure.imds_url()).unwrap();
        ManagedIdentityCredential::new(self.http.clone(), endpoint, selector)
    }

    fn ask(&self, credential: &dyn TokenCredential) -> Result<Secret, ClientError> {
        self.client.secret(&contoso_web(), credential, SystemTime::now())
    }

    fn asked(&self, place: Place) -> usize {
        self.azure.requests_to(place).len()
    }
}

fn contoso_web() -> ObjectId {
    ObjectId::parse("https://contoso.vault.azure.net/secrets/web", &VaultSuffixes::known()).unwrap()
}

fn assert_fails(outcome: Result<Secret, ClientError>, kind: ErrorKind, words: &str) {
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), kind, "{error:?}");
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn one_token_serves_many_secrets() {
    let world = World::new(|_| ());
    let version = world.azure.put_secret("contoso", "plain", "hunter2", Some("text/plain"));
    let credential = world.credential(IdentitySelector::Unspecified);
    let web = world.ask(&credential).unwrap();
    assert!(web.value.contains("BEGIN PRIVATE KEY"));
    assert_eq!(web.content_type.as_deref(), Some("application/x-pem-file"));
    let url = "https://contoso.vault.azure.net/secrets/PLAIN/";
    let id = ObjectId::parse(url, &VaultSuffixes::known()).unwrap();
    let plain = world.client.secret(&id, &credential, SystemTime::now()).unwrap();
    assert_eq!((plain.value.as_str(), plain.version.as_str()), ("hunter2", version.as_str()));
    assert_eq!((world.asked(Place::Imds), world.asked(Place::Vault)), (1, 2));
    assert!(world.azure.requests_to(Place::Imds).iter().all(|asked| !asked.proxied));
}

#[test]
fn connections_to_a_vault_that_is_far_are_opened_ahead_and_used() {
    let world = World::new(|options| options.latency = Duration::from_millis(10));
    let credential = world.credential(IdentitySelector::Unspecified);
    let vault = contoso_web().vault().clone();
    assert!(!world.client.is_far(&vault), "nothing is known yet");
    world.ask(&credential).unwrap();
    assert!(world.client.is_far(&vault), "a proxy and TLS take two round trips at least");
    let ask = || drop(world.ask(&credential).unwrap());
    world.client.open_ahead(&vault);
    let asked = (world.asked(Place::Proxy), world.asked(Place::Vault));
    assert_eq!(asked, (2, 1), "nothing is sent ahead");
    std::thread::scope(|scope| (0..2).for_each(|_| drop(scope.spawn(ask))));
    assert_eq!((world.asked(Place::Proxy), world.asked(Place::Vault)), (2, 3));
    world.http.rest();
    assert!(!world.client.is_far(&vault), "connections and what was known of them are gone");
}

#[test]
fn a_rotation_shows_in_the_version() {
    let world = World::new(|_| ());
    let credential = world.credential(IdentitySelector::Unspecified);
    let before = world.ask(&credential).unwrap().version;
    let issued = world.azure.rotate("contoso", "web").unwrap();
    let after = world.ask(&credential).unwrap();
    assert_ne!(after.version, before);
    assert_eq!(after.version, issued.version);
    let pinned = contoso_web().at_version(&before).unwrap();
    let pinned = world.client.secret(&pinned, &credential, SystemTime::now()).unwrap();
    assert_eq!(pinned.version, before);
}

#[test]
fn each_way_to_name_an_identity_finds_it() {
    let (one, two) = (Identity::user_assigned("one"), Identity::user_assigned("two"));
    let world = World::new(|options| options.identities = vec![one.clone(), two.clone()]);
    assert_fails(
        world.ask(&world.credential(IdentitySelector::Unspecified)),
        IdentityAmbiguous,
        "msiClientId",
    );
    for (selector, requests) in [
        (IdentitySelector::recognise(&two.client_id).unwrap(), 1),
        (IdentitySelector::recognise(&two.resource_id).unwrap(), 1),
        (IdentitySelector::ObjectId(two.object_id.clone()), 1),
        // An object id where a client id belongs.
        (IdentitySelector::recognise(&two.object_id).unwrap(), 2),
    ] {
        world.azure.clear_requests();
        let credential = world.credential(selector);
        assert!(world.ask(&credential).is_ok());
        assert_eq!(world.asked(Place::Imds), requests);
        let token = credential.token("https://vault.azure.net", SystemTime::now()).unwrap();
        assert_eq!(token.claims().object_id.as_ref(), Some(&two.object_id));
    }
    let unknown = IdentitySelector::ClientId("00000000-0000-0000-0000-000000000000".into());
    assert_fails(world.ask(&world.credential(unknown)), IdentityNotFound, "00000000-0000");
}

#[test]
fn revoked_tokens_are_replaced_at_once() {
    let world = World::new(|_| ());
    let credential = world.credential(IdentitySelector::Unspecified);
    world.ask(&credential).unwrap();
    world.azure.revoke_tokens();
    world.azure.clear_requests();
    assert!(world.ask(&credential).is_ok());
    assert_eq!((world.asked(Place::Imds), world.asked(Place::Vault)), (1, 2));
}

#[test]
fn a_vault_that_always_answers_401_makes_few_requests_in_one_pass() {
    let world = World::new(|_| ());
    world.azure.fault(Rule::new(When::vault("contoso"), Action::status(401)));
    let credential = world.credential(IdentitySelector::Unspecified);
    let now = SystemTime::now();
    for _ in 0..10 {
        let outcome = world.client.secret(&contoso_web(), &credential, now);
        assert_eq!(outcome.unwrap_err().kind(), Unauthorized);
    }
    assert_eq!((world.asked(Place::Imds), world.asked(Place::Vault)), (2, 20));
}

#[test]
fn refusals_name_the_identity_the_vault_and_the_command() {
    let world = World::new(|_| ());
    let machine = Identity::system_assigned("vm");
    let credential = world.credential(IdentitySelector::Unspecified);
    for (refusal, kind, words) in [
        (Refusal::ForbiddenByRbac, ForbiddenByRbac, "microsoft.keyvault/vaults/contoso`"),
        (Refusal::ForbiddenByRbac, ForbiddenByRbac, machine.object_id.as_str()),
        (Refusal::ForbiddenByRbac, ForbiddenByRbac, machine.resource_id.as_str()),
        (Refusal::AccessDenied, AccessDenied, "set-policy --name contoso"),
        (Refusal::ForbiddenByFirewall, ForbiddenByFirewall, "network-rule add"),
        (Refusal::ForbiddenByConnection, ForbiddenByConnection, "private"),
    ] {
        world.azure.deny("contoso", Denial::all(refusal));
        assert_fails(world.ask(&credential), kind, words);
        world.azure.allow("contoso");
        assert!(world.ask(&credential).is_ok());
    }
    world.azure.disable("contoso", "web");
    assert_fails(world.ask(&credential), SecretDisabled, "set-attributes");
    world.azure.delete("contoso", "web");
    assert_fails(world.ask(&credential), SecretNotFound, "recover");
}

#[test]
fn a_machine_that_got_another_identity_is_let_in_at_the_next_try() {
    let (before, after) = (Identity::user_assigned("before"), Identity::user_assigned("after"));
    for refusal in [Refusal::ForbiddenByRbac, Refusal::AccessDenied] {
        let world = World::new(|options| options.identities = vec![before.clone()]);
        let denied = Some(before.name.clone());
        world.azure.deny("contoso", Denial { identity: denied, ..Denial::all(refusal) });
        let credential = world.credential(IdentitySelector::Unspecified);
        let kind = world.ask(&credential).unwrap_err().kind();
        assert!(matches!(kind, ForbiddenByRbac | AccessDenied), "{kind:?}");
        world.azure.assign_identities(vec![after.clone()]);
        world.ask(&credential).unwrap();
        assert_eq!(world.asked(Place::Imds), 2);
    }
}

#[test]
fn who_is_forbidden_one_secret_goes_on_to_read_others_while_the_endpoint_is_down() {
    let world = World::new(|_| ());
    let credential = world.credential(IdentitySelector::Unspecified);
    world.azure.put_secret("fabrikam", "plain", "hunter2", None);
    world.azure.deny("contoso", Denial::all(Refusal::ForbiddenByRbac));
    assert_fails(world.ask(&credential), ForbiddenByRbac, "role");
    world.azure.fault(Rule::new(When::at(Place::Imds), Action::status(503)));
    let url = "https://fabrikam.vault.azure.net/secrets/plain";
    let id = ObjectId::parse(url, &VaultSuffixes::known()).unwrap();
    let now = SystemTime::now();
    for _ in 0..3 {
        let secret = world.client.secret(&id, &credential, now).unwrap();
        assert_eq!(secret.value.as_str(), "hunter2");
        let outcome = world.client.secret(&contoso_web(), &credential, now);
        assert_fails(outcome, ForbiddenByRbac, "role");
    }
    assert_eq!(world.asked(Place::Imds), 2, "once more in a pass, and not for each certificate");
}

#[test]
fn a_vault_outside_the_known_clouds_is_asked_what_it_wants() {
    let world = World::new(|_| ());
    world.azure.put_secret("localhost", "plain", "hunter2", None);
    let host = world.azure.vault_url();
    let suffixes = VaultSuffixes::known().allow(host.trim_start_matches("https://")).unwrap();
    let id = ObjectId::parse(&format!("{host}/secrets/plain"), &suffixes).unwrap();
    let credential = world.credential(IdentitySelector::Unspecified);
    for _ in 0..2 {
        let secret = world.client.secret(&id, &credential, SystemTime::now()).unwrap();
        assert_eq!(secret.value.as_str(), "hunter2");
    }
    let authorized: Vec<bool> =
        world.azure.requests_to(Place::Vault).iter().map(|asked| asked.authorized).collect();
    assert_eq!(authorized, [false, true, true]);
}

#[test]
fn every_cloud_has_its_own_token() {
    let world = World::new(|_| ());
    let credential = world.credential(IdentitySelector::Unspecified);
    for suffix in ["vault.azure.cn", "vault.usgovcloudapi.net", "vault.azure.net"] {
        let host = format!("fabrikam.{suffix}");
        world.azure.put_secret(&host, "plain", suffix, None);
        let url = format!("https://{host}/secrets/plain");
        let id = ObjectId::parse(&url, &VaultSuffixes::known()).unwrap();
        let secret = world.client.secret(&id, &credential, SystemTime::now()).unwrap();
        assert_eq!(secret.value.as_str(), suffix);
    }
    assert_eq!(world.asked(Place::Imds), 3);
}

#[test]
fn a_proxy_that_wants_credentials_gets_them() {
    let world = World::new(|options| {
        options.proxy_credentials = Some(("user".to_owned(), "p-ss".to_owned()));
    });
    assert!(world.ask(&world.credential(IdentitySelector::Unspecified)).is_ok());
    let bare = format!("http://127.0.0.1:{}", world.azure.ports().proxy);
    let http = Http::new(Network {
        https_proxy: Some(bare),
        ssl_cert_file: Some(world.azure.ca_file().to_owned()),
        ..Network::default()
    });
    let client = SecretClient::new(http.unwrap());
    let credential = world.credential(IdentitySelector::Unspecified);
    let outcome = client.secret(&contoso_web(), &credential, SystemTime::now());
    assert_fails(outcome, Proxy, "407");
}

#[test]
fn certificates_of_the_vault_itself_are_checked() {
    let world = World::new(|_| ());
    let credential = world.credential(IdentitySelector::Unspecified);
    for (fault, words) in [
        (TlsFault::Expired, "clock"),
        (TlsFault::WrongName, "another name"),
        (TlsFault::UnknownAuthority, "does not trust"),
    ] {
        world.azure.tls_fault("contoso", Some(fault)).unwrap();
        assert_fails(world.ask(&credential), Tls, words);
    }
    world.azure.tls_fault("contoso", None).unwrap();
    assert!(world.ask(&credential).is_ok());
    assert_eq!(world.asked(Place::Vault), 1);
}

#[test]
fn azure_arc_hands_out_tokens_for_its_key_file() {
    let keys = tempfile::tempdir().unwrap();
    let world = World::new(|options| options.arc_key_directory = Some(keys.path().to_owned()));
    let endpoint = IdentityEndpoint::parse(&world.azure.arc_url()).unwrap();
    let arc = |selector, directory: &std::path::Path| {
        let directory = directory.to_owned();
        AzureArcCredential::new(world.http.clone(), endpoint.clone(), selector, directory)
    };
    let credential = arc(IdentitySelector::Unspecified, keys.path());
    assert!(world.ask(&credential).is_ok());
    assert!(world.ask(&credential).is_ok());
    assert_eq!(world.asked(Place::Arc), 2);
    let elsewhere = arc(IdentitySelector::Unspecified, world.directory.path());
    assert_fails(world.ask(&elsewhere), IdentityProof, "is not where");
}

#[test]
fn a_token_that_lasts_is_used_while_the_endpoint_is_down() {
    let world = World::new(|_| ());
    let credential = world.credential(IdentitySelector::Unspecified);
    let start = SystemTime::now();
    let ask = |hours: u64| {
        let now = start + Duration::from_secs(hours * 3600);
        credential.token("https://vault.azure.net", now)
    };
    ask(0).unwrap();
    world.azure.fault(Rule::new(When::at(Place::Imds), Action::status(503)));
    ask(11).unwrap();
    assert_eq!(world.asked(Place::Imds), 1);
    ask(13).unwrap();
    assert_eq!(world.asked(Place::Imds), 2);
    assert_eq!(ask(25).unwrap_err().kind(), IdentityUnavailable);
    world.azure.clear_faults();
    ask(26).unwrap();
}
