//! `akvvm_service doctor`: what it finds on the way from the identity to the store.

use fake_azure::{Action, CertificateSpec, Denial, Identity, Place, Refusal, Rule, TlsFault, When};
use serde_json::{Value, json};

use crate::bed::Ran;
use crate::world::{PASSWORD, World};

const WEB: &str = "https://contoso.vault.azure.net/secrets/web";

/// The lines of one step, with what stands below it.
fn step(ran: &Ran, verdict: &str, name: &str) -> String {
    let head = format!("  {verdict:7}  {name:11}  ");
    let mut lines = ran.output.lines().skip_while(|line| !line.starts_with(&head));
    let first = lines.next().unwrap_or_else(|| panic!("no step {head:?} in {ran}"));
    let below = lines.take_while(|line| line.starts_with("        "));
    std::iter::once(first).chain(below).collect::<Vec<_>>().join("\n")
}

/// The step that failed says this, and the certificate stops there.
#[track_caller]
fn assert_fails(ran: &Ran, name: &str, code: i32, words: &[&str]) {
    assert_eq!(ran.code, Some(1), "{ran}");
    let told = step(ran, "FAILED", name);
    for words in words {
        assert!(told.contains(words), "{words:?} is missing in {told}\n{ran}");
    }
    assert!(told.contains(&format!("(code {code}: ")), "{told}");
    ran.assert_says(&format!("contoso.web  stops at {name}"));
}

#[test]
fn a_healthy_machine_gets_all_the_way_and_shared_steps_are_told_once() {
    let mut world = World::new();
    world.put("api", &CertificateSpec::default());
    let version = world.put("mail", &CertificateSpec { chain: 2, ..Default::default() });
    let urls = ["web", "api", "mail"].map(|name| WEB.replace("web", name));
    let settings = world.settings(json!(urls));
    world.bed.write("settings.json", settings.to_string());
    let ran = world.bed.look(&["doctor", "--settings", "settings.json"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.output.ends_with("\nall 3 certificates get through\n"), "{ran}");
    for section in ["\nidentity: ", "\nvault contoso.vault.azure.net\n", "\nstore "] {
        assert_eq!(ran.output.matches(section).count(), 1, "{ran}");
    }
    assert_eq!(ran.output.matches("\ncertificate contoso.").count(), 3, "{ran}");
    let machine = &Identity::system_assigned("vm");
    let token = step(&ran, "ok", "token");
    assert!(token.contains("for https://vault.azure.net, until 20"), "{token}");
    assert!(token.contains("the machine's system-assigned identity"), "{token}");
    for id in [&machine.client_id, &machine.object_id, &machine.resource_id] {
        assert!(token.contains(id), "{token}");
    }
    let presented = "presented: CN=Fake Azure Key Vault, issued by CN=Fake Azure TLS CA";
    assert!(step(&ran, "ok", "tls").contains(presented), "{ran}");
    ran.assert_says(&format!("the version is {version}"));
    ran.assert_says("key belongs to it; chain of 3 certificates, up to the root CN=");
    ran.assert_says("chain of 2 certificates");
    ran.assert_says("nothing yet: the next pass installs it");
    // One token, one question without a token, and one for each certificate.
    assert_eq!(world.azure.requests_to(Place::Imds).len(), 1);
    assert_eq!(world.azure.requests_to(Place::Vault).len(), 4);
    world.assert_discreet(&ran);
}

#[test]
fn an_identity_endpoint_that_nobody_answers_at_is_where_it_ends() {
    let world = World::new();
    let mut settings = world.settings(json!([WEB]));
    settings["authenticationSettings"]["msiEndpoint"] = json!("http://127.0.0.1:1/metadata");
    let ran = world.doctor_of(&settings);
    assert_fails(&ran, "endpoint", -20, &["http://127.0.0.1:1/metadata/oauth2/token", "firewall"]);
    // The rest is looked at all the same.
    step(&ran, "-", "token");
    step(&ran, "ok", "answer");
    assert!(step(&ran, "-", "permission").contains("there is no token"), "{ran}");
}

#[test]
fn several_identities_and_none_named_ask_for_a_client_id() {
    let world = World::new();
    let assigned = ["one", "two"].map(Identity::user_assigned);
    world.azure.assign_identities(assigned.to_vec());
    let ran = world.doctor();
    assert_fails(&ran, "token", 26, &["several identities", "az vm identity show", "msiClientId"]);
    step(&ran, "ok", "endpoint");
    // Naming one helps; naming it by its object id too, with a hint.
    let mut settings = world.settings(json!([WEB]));
    settings["authenticationSettings"]["msiClientId"] = json!(assigned[1].client_id);
    let ran = world.doctor_of(&settings);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(step(&ran, "ok", "token").contains("for a user-assigned identity"), "{ran}");
    ran.assert_says(&assigned[1].resource_id);
    settings["authenticationSettings"]["msiClientId"] = json!(assigned[1].object_id);
    let ran = world.doctor_of(&settings);
    assert_eq!(ran.code, Some(0), "{ran}");
    let told = step(&ran, "warning", "token");
    let hint =
        format!("is the identity's object id: write its client id {}", assigned[1].client_id);
    assert!(told.contains(&hint), "{told}");
}

#[test]
fn each_way_of_being_forbidden_has_its_command() {
    let machine = Identity::system_assigned("vm");
    for (refusal, code, command) in [
        (
            Refusal::ForbiddenByRbac,
            21,
            "az role assignment create --role \"Key Vault Secrets User\"",
        ),
        (Refusal::AccessDenied, 21, "az keyvault set-policy --name contoso"),
        (Refusal::ForbiddenByFirewall, 22, "az keyvault network-rule add --name contoso"),
        (Refusal::ForbiddenByConnection, 22, "az keyvault update --name contoso"),
    ] {
        let world = World::new();
        world.azure.deny("contoso", Denial::all(refusal));
        let ran = world.doctor();
        assert_fails(&ran, "permission", code, &[command, "because: ", "x-ms-request-id"]);
        if code == 21 {
            assert!(step(&ran, "FAILED", "permission").contains(&machine.object_id), "{ran}");
        }
        step(&ran, "ok", "answer");
        step(&ran, "-", "content");
    }
}

#[test]
fn a_name_without_an_address_is_where_it_ends() {
    let mut world = World::new();
    // Longer than a label may be: no resolver asks anybody about it.
    world.bed.set("HTTPS_PROXY", &format!("http://{}:3128", "x".repeat(64)));
    let ran = world.doctor();
    assert_fails(&ran, "name", -21, &["the name of the proxy", "check HTTPS_PROXY"]);
    for skipped in ["connection", "proxy", "tls", "answer"] {
        assert!(step(&ran, "-", skipped).contains("not reached"));
    }
    assert!(step(&ran, "-", "permission").contains("the vault is out of reach"), "{ran}");
    step(&ran, "ok", "token");
}

#[test]
fn a_proxy_that_refuses_is_where_it_ends() {
    let world = World::with(|options| {
        options.proxy_credentials = Some(("user".into(), PASSWORD.into()));
    });
    let known = world.doctor();
    assert_eq!(known.code, Some(0), "{known}");
    known.assert_says("http://***@127.0.0.1:");
    let mut world = World::with(|options| {
        options.proxy_credentials = Some(("user".into(), PASSWORD.into()));
    });
    let stranger = format!("http://127.0.0.1:{}", world.azure.ports().proxy);
    world.bed.set("HTTPS_PROXY", &stranger);
    let ran = world.doctor();
    assert_fails(&ran, "proxy", -23, &["user name and password (407)", "HTTPS_PROXY=http://USER"]);
    step(&ran, "ok", "connection");
    // A vault that does not exist has no name.
    let world = World::new();
    let ran =
        world.doctor_of(&world.settings(json!(["https://nowhere.vault.azure.net/secrets/x"])));
    assert!(step(&ran, "FAILED", "proxy").contains("check the vault's name"), "{ran}");
}

#[test]
fn a_certificate_authority_that_is_not_trusted_is_named() {
    let world = World::new();
    world.azure.tls_fault("contoso", Some(TlsFault::UnknownAuthority)).unwrap();
    let ran = world.doctor();
    let words = [
        "does not trust",
        "SSL_CERT_FILE",
        "presented: CN=Fake Azure Key Vault, issued by CN=Some",
    ];
    assert_fails(&ran, "tls", -22, &words);
    step(&ran, "ok", "proxy");
    step(&ran, "-", "answer");
}

#[test]
fn a_web_page_in_a_vaults_place_is_where_it_ends() {
    let world = World::new();
    world.azure.fault(Rule::new(When::at(Place::Vault), Action::Html { status: 200 }));
    let ran = world.doctor();
    assert_fails(&ran, "answer", -26, &["answers with a web page", "portal"]);
}

#[test]
fn a_secret_of_which_only_the_value_is_wanted_may_be_no_certificate() {
    let world = World::new();
    world.azure.put_secret("contoso", "web", PASSWORD, Some("text/plain"));
    let output = json!({"path": world.bed.path("password"), "form": "raw"});
    let settings = world.settings(json!([{"url": WEB, "outputs": [output]}]));
    let ran = world.doctor_of(&settings);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(step(&ran, "ok", "content").contains("written as it is"), "{ran}");
    ran.assert_says("nothing yet: the next pass installs it");
    world.azure.disable("contoso", "web");
    assert_fails(&world.doctor_of(&settings), "content", 23, &["disabled"]);
}

#[test]
fn what_is_no_certificate_is_told_without_a_word_of_it() {
    let mut world = World::new();
    world.azure.put_secret("contoso", "web", PASSWORD, Some("text/plain"));
    let ran = world.doctor();
    assert_fails(&ran, "content", 24, &["neither PEM nor", "text/plain"]);
    step(&ran, "ok", "permission");
    world.put("web", &CertificateSpec { exportable: false, ..Default::default() });
    assert_fails(&world.doctor(), "content", 25, &["no private key", "exportable"]);
    world.azure.disable("contoso", "web");
    assert_fails(&world.doctor(), "content", 23, &["disabled", "set-attributes"]);
    world.azure.delete("contoso", "web");
    assert_fails(&world.doctor(), "content", 20, &["no secret or certificate web", "recover"]);
}

#[test]
fn an_expired_certificate_is_a_warning() {
    let mut world = World::new();
    world.put("web", &CertificateSpec { starts_in: -7200, ends_in: -3600, ..Default::default() });
    let ran = world.doctor();
    assert_eq!(ran.code, Some(0), "{ran}");
    let told = step(&ran, "warning", "content");
    assert!(told.contains("it expired at 20") && told.contains("issue a new version"), "{told}");
}

#[test]
fn a_vault_outside_the_known_clouds_is_asked_first_what_it_wants_a_token_for() {
    let mut world = World::new();
    let url = world.azure.vault_url();
    world.azure.put_certificate("localhost", "web", &CertificateSpec::default()).unwrap();
    world.bed.set("NO_PROXY", "localhost");
    world.bed.set("AKVVM_VAULT_DNS_SUFFIXES", url.strip_prefix("https://").unwrap());
    let ran = world.doctor_of(&world.settings(json!([format!("{url}/secrets/web")])));
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(step(&ran, "ok", "token").contains("for https://localhost, "), "{ran}");
    ran.assert_says("AKVVM_VAULT_DNS_SUFFIXES=localhost:");
    let (vault, identity) = (ran.output.find("\nvault "), ran.output.find("\nidentity: "));
    assert!(vault < identity, "{ran}");
}

#[test]
fn each_certificate_is_told_by_its_own_identity_and_stop() {
    let world = World::new();
    let two = Identity::user_assigned("two");
    world.azure.assign_identities(vec![Identity::system_assigned("vm"), two.clone()]);
    let denial =
        Denial { identity: Some("two".into()), operation: None, refusal: Refusal::ForbiddenByRbac };
    world.azure.deny("contoso", denial);
    let own = json!({"url": WEB, "customSymbolicLinkName": "own",
        "authenticationOverride": {"msiClientId": two.client_id}});
    let ran = world.doctor_of(&world.settings(json!([WEB, own])));
    assert_eq!(ran.code, Some(1), "{ran}");
    assert_eq!(ran.output.matches("\nidentity: ").count(), 2, "{ran}");
    assert_eq!(ran.output.matches("\nvault ").count(), 1, "{ran}");
    let end = "\n1 of 2 certificates does not get through:\n  own  stops at permission\n";
    assert!(ran.output.ends_with(end), "{ran}");
}

#[test]
fn settings_that_are_refused_are_not_tried() {
    let world = World::new();
    let ran = world.doctor_of(&world.settings(json!(["https://contoso.vault.azure.net/keys/web"])));
    assert_eq!(ran.code, Some(2), "{ran}");
    ran.assert_says("settings.json: refused: 1 problem\n");
    assert!(world.azure.requests().is_empty());
}

#[test]
fn a_proxy_that_is_none_is_told_before_anything_is_tried() {
    let mut world = World::new();
    world.bed.set("HTTPS_PROXY", &format!("socks5://user:{PASSWORD}@proxy:1080"));
    let ran = world.doctor();
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(step(&ran, "FAILED", "environment").contains("neither http nor https"), "{ran}");
    ran.assert_says("contoso.web  stops at environment, see this machine\n");
    assert!(world.azure.requests().is_empty());
}

#[test]
fn variables_that_only_this_shell_has_are_pointed_out() {
    let world = World::with(|options| {
        options.proxy_credentials = Some(("user".into(), PASSWORD.into()));
    });
    std::fs::create_dir(world.bed.path("state")).unwrap();
    let assignment = json!({
        "sequenceNumber": 3, "version": "1.0.0",
        "settings": world.settings(json!([WEB])),
        "agent": {
            "extensionFolder": "/x", "statusFolder": "/x", "heartbeatFile": "/x", "logFolder": "/x",
        },
        "environment": {"SSL_CERT_FILE": world.azure.ca_file()},
        "assignedAt": "2026-11-22T08:00:00Z", "refusal": Value::Null,
    });
    world.bed.write("state/assignment.json", assignment.to_string());
    let ran = world.bed.look(&["doctor"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    ran.assert_says("the guest agent's settings, number 3: fine\n");
    let told = step(&ran, "warning", "environment");
    assert!(told.contains("does not see those of this shell"), "{told}");
    assert!(told.contains("HTTPS_PROXY=http://***@127.0.0.1:"), "{told}");
    assert!(told.contains("(this shell only)"), "{told}");
    assert!(told.contains("ca.pem (this process's environment)"), "{told}");
    assert!(step(&ran, "warning", "worker").contains("systemctl status akvvm_service"), "{ran}");
    world.assert_discreet(&ran);
}
