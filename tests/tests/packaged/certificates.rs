//! What vaults hand out, and where it is wanted.

use acceptance::{Bed, Extension, Package, eventually};
use fake_azure::{CertificateSpec, ChainOrder, Format, KeyKind};
use serde_json::json;

#[test]
fn every_kind_of_certificate_is_installed_whole() {
    let mut bed = Bed::new();
    let of = |key, format, order, chain| CertificateSpec {
        key,
        format,
        order,
        chain,
        ..CertificateSpec::default()
    };
    let kinds = [
        ("as-made", of(KeyKind::Rsa2048, Format::Pkcs12, ChainOrder::AsMade, 3)),
        ("as-made-pem", of(KeyKind::EcP384, Format::Pem, ChainOrder::AsMade, 3)),
        ("imported", of(KeyKind::EcP521, Format::Pkcs12Pbes2, ChainOrder::Mixed, 4)),
        ("root-first", of(KeyKind::EcP256, Format::Pem, ChainOrder::RootFirst, 5)),
        ("self-signed", of(KeyKind::Rsa2048, Format::Pkcs12, ChainOrder::LeafFirst, 1)),
    ];
    let issued: Vec<_> = kinds
        .iter()
        .map(|(name, spec)| bed.azure.put_certificate("shop", name, spec).unwrap())
        .collect();
    let names: Vec<_> = kinds.iter().map(|(name, _)| *name).collect();
    bed.install(&bed.settings(&names));
    issued.iter().for_each(|issued| bed.assert_installed_whole(issued));
}

#[test]
fn settings_of_the_first_generation_are_a_list_of_addresses() {
    let mut bed = Bed::new();
    let web = bed.issue("web");
    let settings = json!({
        "secretsManagementSettings": {
            "pollingIntervalInS": "3600",
            "certificateStoreLocation": bed.store(),
            "certificateStoreName": "My",
            "linkOnRenewal": false,
            "observedCertificates": [bed.url("web")],
        },
        "authenticationSettings": { "msiEndpoint": bed.azure.imds_url() },
    });
    bed.install(&settings);
    bed.assert_installed_whole(&web);
}

#[test]
fn stores_and_links_can_be_chosen_and_versions_pinned() {
    let mut bed = Bed::new();
    let first = bed.issue("web");
    bed.issue("web");
    let mut settings = bed.settings(&["web"]);
    let store = bed.folder().join("elsewhere");
    settings["secretsManagementSettings"]["observedCertificates"] = json!([{
        "url": format!("{}/{}", bed.url("web"), first.version),
        "certificateStoreLocation": store,
        "customSymbolicLinkName": "site.pem",
    }]);
    bed.install(&settings);
    let installed = eventually("the link", || std::fs::read_to_string(store.join("site.pem")).ok());
    assert!(installed.ends_with(&first.key_pem()));
}

#[test]
fn another_cloud_is_allowed_by_the_machines_administrator_only() {
    let direct = |bed: &Bed| {
        let mut settings = bed.settings(&[]);
        settings["secretsManagementSettings"]["observedCertificates"] = json!([{
            "url": format!("{}/secrets/web", bed.azure.vault_url()),
            "certificateStoreLocation": bed.store(),
            "customSymbolicLinkName": "web",
        }]);
        settings
    };
    let mut bed = Bed::with(|azure, environment| {
        let suffix = azure.vault_url().replace("https://", "");
        environment.insert("AKVVM_VAULT_DNS_SUFFIXES".into(), suffix);
        environment.remove("HTTPS_PROXY");
    });
    let spec = CertificateSpec::default();
    let web = bed.azure.put_certificate("localhost", "web", &spec).unwrap();
    bed.install(&direct(&bed));
    let installed =
        eventually("the certificate", || std::fs::read_to_string(bed.store().join("web")).ok());
    assert!(installed.ends_with(&web.key_pem()));

    let mut strict = Bed::new();
    let settings = direct(&strict);
    let extension = Extension::new(&Package::ours()).settings(0, &settings);
    let answer = strict.agent.goal_state(&[extension]);
    let status = answer.handler(Package::ours().handler()).extension();
    assert_eq!(status.status.as_deref(), Some("error"));
    assert!(status.message.contains("localhost"), "{}", status.message);
}
