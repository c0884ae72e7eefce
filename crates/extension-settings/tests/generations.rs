//! What becomes of settings of every generation, of the field's accidents, and of collisions.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use extension_settings::{
    DEFAULT_STORE, FileLayout, IdentitySelector, LogEndpoint, ObservedCertificate, Parsed,
    Problems, Retain, Settings, StoreLocation, parse,
};
use object_id::VaultSuffixes;
use serde_json::{Value, json};

const WEB: &str = "https://contoso.vault.azure.net/secrets/web";
const API: &str = "https://contoso.vault.azure.net/secrets/api";
const VERSION: &str = "0123456789abcdef0123456789abcdef";

fn read(document: &Value) -> Result<Parsed, Problems> {
    parse(document, &VaultSuffixes::known())
}

fn settings(document: &Value) -> Settings {
    read(document).unwrap_or_else(|problems| panic!("{problems}")).settings
}

fn example(name: &str) -> Settings {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
    settings(&serde_json::from_str(&text).unwrap())
}

fn entries(entries: &Value) -> Value {
    json!({"secretsManagementSettings": {"observedCertificates": entries}})
}

fn store(certificate: &ObservedCertificate) -> PathBuf {
    let StoreLocation::Directory { path, .. } = &certificate.store;
    path.clone()
}

fn links(settings: &Settings) -> Vec<PathBuf> {
    let link = |one: &ObservedCertificate| store(one).join(&one.link_name);
    settings.certificates.iter().map(link).collect()
}

fn problems(document: &Value) -> Vec<String> {
    read(document).unwrap_err().problems.iter().map(ToString::to_string).collect()
}

fn warnings(document: &Value) -> Vec<String> {
    read(document).unwrap().warnings.iter().map(ToString::to_string).collect()
}

#[test]
fn defaults_are_those_of_the_official_extension() {
    let settings = settings(&entries(&json!([WEB])));
    assert_eq!(settings.polling_interval, Duration::from_secs(3600));
    assert!(!settings.require_initial_sync && settings.acl_enabled);
    assert_eq!(settings.retain_versions, Retain::Versions(2));
    assert_eq!(settings.logging, None);
    assert_eq!(settings.identity.selector, IdentitySelector::Unspecified);
    assert_eq!(links(&settings), [Path::new(DEFAULT_STORE).join("contoso.web")]);
    assert_eq!(settings.certificates[0].layout, FileLayout::Unstated);
}

#[test]
fn lists_of_urls_use_the_store_of_the_settings() {
    let settings = example("2.x-list-with-store");
    assert!(settings.require_initial_sync);
    assert_eq!(settings.polling_interval, Duration::from_secs(1800));
    let names = ["contoso.web", "contoso.api", "fabrikam.mail"];
    assert_eq!(links(&settings), names.map(|name| Path::new("/etc/ssl/contoso").join(name)));
}

#[test]
fn objects_bring_their_own_store_link_and_acls() {
    let settings = example("3.x-stores-links-and-acls");
    assert_eq!(
        links(&settings),
        ["/var/lib/contoso/web/site.pem", "/var/lib/contoso/api/contoso.api"].map(PathBuf::from)
    );
    let acls = &settings.certificates[0].acls;
    assert_eq!(acls[0].user.as_deref(), Some("www-data"));
    assert_eq!(acls[1].group.as_deref(), Some("operators"));
}

#[test]
fn a_pinned_certificate_stands_beside_the_newest() {
    let settings = example("3.x-pinned-version");
    assert_eq!(settings.certificates[0].id.version(), Some(VERSION));
    assert_eq!(settings.certificates[1].id.version(), None);
}

#[test]
fn identities_per_certificate_are_merged_into_the_entries() {
    let settings = example("4.x-identity-per-certificate");
    let selector = |index: usize| settings.certificates[index].identity.selector.clone();
    let client = |id: &str| IdentitySelector::ClientId(id.to_owned());
    assert_eq!(selector(0), client("5f0a9c1e-3b7d-4e62-8a41-c2d6b7e8f901"));
    assert_eq!(selector(1), client("a1b2c3d4-0000-4111-9222-e3f4a5b6c7d8"));
}

#[test]
fn arc_and_logging_are_read() {
    let endpoint = example("2.x-azure-arc").identity.endpoint.unwrap();
    assert_eq!(endpoint.url(), "http://localhost:40342/metadata/identity/oauth2/token");
    let socket = PathBuf::from("/run/fluent/fluent.sock");
    assert_eq!(example("4.x-fluentd-socket").logging.unwrap().endpoint, LogEndpoint::Unix(socket));
    assert_eq!(example("3.x-fluentd").logging.unwrap().service_name, "akvvm_service");
}

#[test]
fn layouts_are_those_of_the_entry_or_of_the_settings() {
    let settings = example("layouts-and-retention");
    let layouts: Vec<_> = settings.certificates.iter().map(|one| one.layout).collect();
    assert_eq!(layouts, [FileLayout::Split, FileLayout::Combined, FileLayout::Both]);
    assert_eq!(settings.retain_versions, Retain::Versions(3));
}

#[test]
fn accidents_from_the_field_are_read_with_a_warning() {
    let right = entries(&json!([WEB]));
    let identity = json!({"msiClientId": "5f0a9c1e-3b7d-4e62-8a41-c2d6b7e8f901"});
    let mut with_identity = right.clone();
    with_identity["authenticationSettings"] = identity.clone();
    let mut too_deep = right.clone();
    too_deep["secretsManagementSettings"]["authenticationSettings"] = identity;
    let mut quoted_section = json!({});
    quoted_section["secretsManagementSettings"] =
        right["secretsManagementSettings"].to_string().into();
    for (accident, meant) in [
        (json!(right.to_string()), &right),
        (json!(right.to_string().replace('"', "\\\"")), &right),
        (quoted_section, &right),
        (too_deep, &with_identity),
        (json!({"settings": right}), &right),
        (entries(&json!(WEB)), &right),
        (entries(&json!({"url": WEB})), &right),
        (entries(&json!([{"url": WEB, "customSymbolicLinkName": ""}])), &right),
        (entries(&json!([{"url": WEB, "linkname": "x"}])), &right),
        (entries(&json!([{"url": WEB, "accounts": ["Network Service"]}])), &right),
    ] {
        let parsed = read(&accident).unwrap_or_else(|problems| panic!("{accident}: {problems}"));
        assert_eq!(parsed.settings, settings(meant), "{accident}");
        assert_eq!(parsed.warnings.len(), 1, "{accident}: {:?}", parsed.warnings);
    }
}

#[test]
fn strings_for_numbers_and_booleans_and_spaces_around_urls_need_no_warning() {
    let document = json!({"secretsManagementSettings": {
        "pollingIntervalInS": "900", "requireInitialSync": "true", "retainVersions": "0",
        "observedCertificates": [format!("  {WEB} ")],
    }});
    assert_eq!(warnings(&document), Vec::<String>::new());
    let settings = settings(&document);
    assert!(settings.require_initial_sync);
    assert_eq!(settings.retain_versions, Retain::All);
}

#[test]
fn every_problem_is_reported_at_once_with_its_path() {
    let document = json!({
        "secretsManagementSettings": {
            "pollingIntervalInS": "soon", "requireInitialSync": "maybe", "retainVersions": 1,
            "observedCertificates": [
                WEB,
                "https://contoso.vault.azure.net/certificates/web",
                {"certificateStoreLocation": "LocalMachine", "acls": [{}]},
                {"url": "https://pool.managedhsm.azure.net/secrets/web"},
                {"url": "https://contoso.example/secrets/web"},
            ],
        },
        "authenticationSettings": {"msiEndpoint": "http:///169.254.169.254/metadata/identity"},
        "loggingSettings": {"logger": "syslog"},
    });
    let found: Vec<String> =
        read(&document).unwrap_err().problems.into_iter().map(|one| one.path).collect();
    let list = "secretsManagementSettings.observedCertificates";
    let expected = [
        "secretsManagementSettings.pollingIntervalInS".to_owned(),
        "secretsManagementSettings.retainVersions".to_owned(),
        "secretsManagementSettings.requireInitialSync".to_owned(),
        "authenticationSettings.msiEndpoint".to_owned(),
        "loggingSettings.logger".to_owned(),
        "loggingSettings.endpoint".to_owned(),
        format!("{list}[1]"),
        format!("{list}[2].certificateStoreLocation"),
        format!("{list}[2].acls[0]"),
        format!("{list}[2].url"),
        format!("{list}[3].url"),
        format!("{list}[4].url"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn keys_in_another_case_are_read_with_a_warning_unless_the_right_ones_stand_there_too() {
    let parsed = read(&json!({
        "SecretsManagementSettings": {
            "POLLINGINTERVALINS": "60",
            "PollingIntervalInS": 90,
            "pollingintervalins": null,
            "ObservedCertificates": [{"URL": WEB, "ACLs": [{"User": "app"}], "Outputs": [
                {"Path": "/etc/app/web.pem", "form": "fullchain"}
            ]}],
        },
        "AuthenticationSettings": {"msiclientid": "c7373ae5-91c2-4165-8ab6-7381d6e75619"},
    }));
    let Parsed { settings, warnings } = parsed.unwrap();
    assert_eq!(settings.polling_interval, Duration::from_secs(60));
    let certificate = &settings.certificates[0];
    assert_eq!(certificate.acls[0].user.as_deref(), Some("app"));
    assert_eq!(certificate.outputs.len(), 1);
    let id = IdentitySelector::ClientId("c7373ae5-91c2-4165-8ab6-7381d6e75619".into());
    assert_eq!(certificate.identity.selector, id);
    let said: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    let told = |text: &str| said.iter().filter(|warning| warning.contains(text)).count();
    assert_eq!(told("read as that"), 10, "{said:#?}");
    let other = "SecretsManagementSettings.PollingIntervalInS: unknown key, ignored: did you mean";
    assert_eq!(told(other), 1, "{said:#?}");
}

#[test]
fn a_misspelt_list_shows_up_beside_the_problem_that_it_causes() {
    let refused = read(&json!({"secretsManagementSettings": {"observedCertificate": [WEB]}}));
    let refused = refused.unwrap_err();
    assert!(refused.to_string().contains("observedCertificates: missing"));
    assert!(refused.warnings[0].text.contains("did you mean observedCertificates?"));
}

#[test]
fn two_entries_for_one_link_are_refused_with_both_paths() {
    let list = "secretsManagementSettings.observedCertificates";
    for second in [
        json!(WEB),
        json!(format!("{WEB}/")),
        json!({"url": format!("{WEB}/{VERSION}")}),
        json!({"url": API, "customSymbolicLinkName": "contoso.web"}),
        json!({"url": API, "customSymbolicLinkName": "contoso.web", "certificateStoreLocation": format!("{DEFAULT_STORE}/.")}),
    ] {
        let problems = problems(&entries(&json!([WEB, second])));
        assert_eq!(problems.len(), 1);
        let start = format!(
            "{list}[1]: would write the same link as {list}[0], {DEFAULT_STORE}/contoso.web"
        );
        assert!(problems[0].starts_with(&start), "{problems:?}");
    }
}

#[test]
fn of_two_entries_that_say_the_same_one_is_to_be_removed() {
    let list = "secretsManagementSettings.observedCertificates";
    let entry = json!({"url": WEB, "customSymbolicLinkName": "web"});
    let spelt_otherwise = json!({"customSymbolicLinkName": "web", "url": format!("{WEB}/")});
    for second in [entry.clone(), spelt_otherwise] {
        let problems = problems(&entries(&json!([entry, API, second])));
        let expected = format!(
            "{list}[2]: would write the same link as {list}[0], {DEFAULT_STORE}/web, because both \
             entries say the same: remove one of them"
        );
        assert_eq!(problems, [expected]);
    }
}

#[test]
fn links_of_the_split_layout_collide_by_their_own_names() {
    let split = json!({"url": WEB, "certificateFileLayout": "split"});
    let pem = json!({"url": API, "customSymbolicLinkName": "contoso.web.pem"});
    assert!(problems(&entries(&json!([split, pem])))[0].contains("contoso.web.pem"));
    assert!(read(&entries(&json!([WEB, pem]))).is_ok());
}

#[test]
fn one_link_in_two_layouts_is_one_entry() {
    let split = json!({"url": WEB, "certificateFileLayout": "split"});
    let found = problems(&entries(&json!([split, WEB])));
    assert!(found.len() == 1 && found[0].contains("certificateFileLayout \"both\""), "{found:?}");
    let other = json!({"url": API, "customSymbolicLinkName": "contoso.web"});
    let found = problems(&entries(&json!([split, other])));
    assert!(found.len() == 1 && found[0].contains("customSymbolicLinkName"), "{found:?}");
}

#[test]
fn a_store_in_the_place_of_a_link_is_refused() {
    let first = |layout: &str| {
        let layout = json!(layout);
        json!({"url": WEB, "certificateStoreLocation": "/srv/a", "certificateFileLayout": layout})
    };
    let second = |store: &str| json!({"url": API, "certificateStoreLocation": store});
    for (layout, store, refused) in [
        ("combined", "/srv/a/contoso.web", true),
        ("combined", "/srv/a/contoso.web/below/it", true),
        ("split", "/srv/a/contoso.web.keyid", true),
        ("split", "/srv/a/contoso.web", false),
        ("both", "/srv/a/contoso.web", true),
        ("combined", "/srv/a/contoso.web2", false),
        ("combined", "/srv", false),
    ] {
        let document = entries(&json!([first(layout), second(store)]));
        if refused {
            let found = problems(&document);
            assert!(found.len() == 1 && found[0].contains("place of the link of"), "{found:?}");
        } else {
            assert!(read(&document).is_ok(), "{store}");
        }
    }
}

#[test]
fn a_url_that_was_copied_or_quoted_badly_is_refused_for_what_is_wrong_with_it() {
    for (url, sentence) in [
        (format!("\u{200b}{WEB}"), "a character in it that nobody sees (U+200B)"),
        (format!("{WEB}\u{feff}"), "a character in it that nobody sees (U+FEFF)"),
        (format!("'{WEB}'"), "quotation marks inside the quotation marks of JSON"),
        (format!("\"{WEB}\""), "quotation marks inside the quotation marks of JSON"),
        (WEB.replace('/', "\\"), "a backslash in the URL"),
    ] {
        let found = problems(&entries(&json!([url])));
        assert!(found.len() == 1 && found[0].contains(sentence), "{found:?}");
    }
}

#[test]
fn links_that_differ_by_case_only_are_allowed_with_a_warning() {
    let named = |name: &str| json!({"url": WEB, "customSymbolicLinkName": name});
    let warnings = warnings(&entries(&json!([named("Web"), named("web")])));
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("the link web differs from Web in case only"), "{warnings:?}");
}

#[test]
fn a_link_named_like_a_version_of_another_is_refused() {
    for name in [format!("contoso.web.{VERSION}"), format!("contoso.web.{VERSION}.pem.1700000000")]
    {
        let api = json!({"url": API, "customSymbolicLinkName": name});
        let problems = problems(&entries(&json!([WEB, api])));
        assert!(problems[0].contains("is named like a version of contoso.web"), "{problems:?}");
    }
    let elsewhere =
        json!({"url": API, "customSymbolicLinkName": format!("fabrikam.web.{VERSION}")});
    assert!(read(&entries(&json!([WEB, elsewhere]))).is_ok());
    let longer = json!({"url": API, "customSymbolicLinkName": format!("contoso.web.{VERSION}0")});
    assert!(read(&entries(&json!([WEB, longer]))).is_ok());
}

#[test]
fn entries_that_share_files_share_their_acls() {
    let entry = |name: &str, user: &str| json!({"url": WEB, "customSymbolicLinkName": name, "acls": [{"user": user}]});
    let parsed = read(&entries(&json!([entry("a", "x"), entry("b", "y"), API]))).unwrap();
    let users = |index: usize| -> Vec<_> {
        let acls = parsed.settings.certificates[index].acls.iter();
        acls.map(|acl| acl.user.clone().unwrap()).collect()
    };
    assert_eq!((users(0), users(1)), (vec!["x".into(), "y".into()], vec!["x".into(), "y".into()]));
    assert_eq!(users(2), Vec::<String>::new());
    assert_eq!(parsed.warnings.len(), 2);
    assert!(parsed.warnings[0].text.contains("observedCertificates[1]"));
    assert!(parsed.warnings[1].text.contains("observedCertificates[0]"));
}

#[test]
fn a_link_name_that_leads_elsewhere_is_refused() {
    for name in ["../etc/passwd", "a/b", "..", ".hidden", "a\nb", "a\\b"] {
        let entry = json!({"url": WEB, "customSymbolicLinkName": name});
        let problems = problems(&entries(&json!([entry])));
        assert!(problems[0].contains("customSymbolicLinkName: \""), "{problems:?}");
    }
}

#[test]
fn polling_below_a_minute_is_obeyed_with_a_warning() {
    let document = json!({"secretsManagementSettings": {"pollingIntervalInS": 5, "observedCertificates": [WEB]}});
    assert_eq!(settings(&document).polling_interval, Duration::from_secs(5));
    assert!(
        warnings(&document)[0]
            .starts_with("secretsManagementSettings.pollingIntervalInS: less than a minute")
    );
}

#[test]
fn acls_that_are_turned_off_are_mentioned() {
    let mut document = entries(&json!([{"url": WEB, "acls": [{"user": "x"}]}]));
    document["secretsManagementSettings"]["aclEnabled"] = json!("false");
    assert!(!settings(&document).acl_enabled);
    assert!(warnings(&document)[0].contains("not applied, because aclEnabled is false"));
}

#[test]
fn domains_are_allowed_by_the_administrator_only() {
    let document = entries(&json!(["https://localhost:8443/secrets/web"]));
    assert!(problems(&document)[0].contains("AKVVM_VAULT_DNS_SUFFIXES"));
    let suffixes = VaultSuffixes::known().allow("localhost:8443").unwrap();
    let parsed = parse(&document, &suffixes).unwrap();
    assert_eq!(parsed.settings.certificates[0].link_name, "localhost_8443.web");
}

#[test]
fn the_longest_list_is_read_and_a_hostile_one_gives_a_bounded_answer() {
    let urls: Vec<_> = (0..20_000).map(|n| format!("{WEB}{n}")).collect();
    assert_eq!(settings(&entries(&json!(urls))).certificates.len(), 20_000);
    let same = vec![json!({"url": WEB, "x": 1, "y": 2}); 20_000];
    let refused = read(&entries(&json!(same))).unwrap_err();
    assert!(refused.problems.len() <= 201 && refused.warnings.len() <= 201);
    assert!(refused.to_string().len() < 10_000);
}
