//! Every key with values that it may hold, and values that it may not.

use serde_json::{Value, json};

use crate::{GUID, SCHEMA, URL, VERSION, last_mile};

/// A place in the settings: how to build a document in which nothing else is unusual.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Place {
    Root,
    Secrets,
    Entry,
    Override,
    Acl,
    Identity,
    Logging,
    Metrics,
    Output,
    Set,
    SetFile,
    Check,
    UnitAction,
    SignalAction,
    CommandAction,
    Verify,
    Guards,
}

impl Place {
    /// The key of an entry, and what stands there besides the unusual value.
    fn in_entry(self) -> Option<(&'static str, Value)> {
        Some(match self {
            Self::Output => ("outputs", json!([{"path": "/srv/site.p12", "form": "pkcs12"}])),
            Self::Set => (
                "outputs",
                json!([{"directory": "/srv/tls", "files": [{"name": "a", "form": "leaf"}]}]),
            ),
            Self::SetFile => (
                "outputs",
                json!([{"directory": "/srv/tls", "files": [{"name": "site", "form": "pkcs12"}]}]),
            ),
            Self::Check => ("check", json!({"command": ["/bin/true"]})),
            Self::UnitAction => ("onRenewal", json!([{"unit": "nginx"}])),
            Self::SignalAction => {
                ("onRenewal", json!([{"signal": "HUP", "pidFile": "/run/x.pid"}]))
            }
            Self::CommandAction => ("onRenewal", json!([{"command": ["/bin/true"]}])),
            Self::Verify => ("verify", json!([{"address": "127.0.0.1:443"}])),
            Self::Guards => ("guards", json!({})),
            _ => return None,
        })
    }
}

/// A document that is unusual in one value only.
pub(crate) fn document(place: Place, key: &str, value: &Value) -> Value {
    let mut entry = json!({"url": URL, "authenticationOverride": {}});
    let mut secrets = json!({});
    let mut root =
        json!({"authenticationSettings": {}, "loggingSettings": {}, "metricsSettings": {}});
    let mut acl = json!({});
    let inner = place.in_entry().map(|(key, value)| {
        entry[key] = value;
        key
    });
    let object = match place {
        Place::Root => &mut root,
        Place::Secrets => &mut secrets,
        Place::Entry => &mut entry,
        Place::Override => &mut entry["authenticationOverride"],
        Place::Acl => &mut acl,
        Place::Identity => &mut root["authenticationSettings"],
        Place::Logging => {
            root["loggingSettings"]["endpoint"] = json!("tcp://localhost");
            &mut root["loggingSettings"]
        }
        Place::Metrics => &mut root["metricsSettings"],
        Place::Check | Place::Guards => &mut entry[inner.unwrap()],
        Place::SetFile => &mut entry["outputs"][0]["files"][0],
        _ => &mut entry[inner.unwrap()][0],
    };
    object[key] = value.clone();
    if place == Place::Acl {
        entry["acls"] = json!([acl]);
    }
    if secrets.get("observedCertificates").is_none() {
        secrets["observedCertificates"] = json!([entry]);
    }
    if root.get("secretsManagementSettings").is_none() {
        root["secretsManagementSettings"] = secrets;
    }
    root
}

/// What a key may hold, and what it may not.
pub(crate) fn values(place: Place, key: &str) -> (Vec<Value>, Vec<Value>) {
    let long = "a".repeat(191);
    let many_acls: Vec<Value> = (0..257).map(|n| json!({"user": format!("u{n}")})).collect();
    let resource = format!(
        "/subscriptions/{GUID}/resourcegroups/g/providers/Microsoft.ManagedIdentity/\
         userAssignedIdentities/n"
    );
    match (place, key) {
        (_, "secretsManagementSettings") => (
            vec![json!({"observedCertificates": [URL]})],
            vec![json!(null), json!(5), json!([]), json!("x"), json!({})],
        ),
        (Place::Root, _) => {
            (vec![json!(null), json!({}), json!(" ")], vec![json!(5), json!([]), json!("x")])
        }
        (_, "observedCertificates") => (
            vec![json!([URL]), json!([{"url": URL}]), json!(URL), json!({"url": URL})],
            vec![json!(null), json!([]), json!(5), json!([5]), json!([null]), json!([{}])],
        ),
        (_, "url") => (
            vec![
                json!(URL),
                json!(format!(" {URL}/ ")),
                json!(format!("{URL}/{VERSION}")),
                json!("HTTPS://Fabrikam.VAULT.azure.net:443/Secrets/a-1/"),
            ],
            vec![
                json!(null),
                json!(""),
                json!(5),
                json!("http://contoso.vault.azure.net/secrets/web"),
                json!("https://contoso.vault.azure.net/certificates/web"),
                json!("https://contoso.vault.azure.net/keys/web"),
                json!("https://contoso.vault.azure.net/secrets/"),
                json!("https://contoso.vault.azure.net/secrets/we_b"),
                json!("https://u:p@contoso.vault.azure.net/secrets/web"),
                json!(format!("{URL}?api-version=7.4")),
                json!(format!("{URL}#x")),
                json!(format!("{URL}/1234")),
                json!("https:///contoso.vault.azure.net/secrets/web"),
            ],
        ),
        (_, "pollingIntervalInS") => (
            vec![json!(1), json!("3600"), json!(60.0), json!(99_999_999), json!(" 0060 ")],
            vec![json!(0), json!("0"), json!(-5), json!(1.5), json!("1h"), json!(true), json!(1e9)],
        ),
        (_, "requireInitialSync" | "aclEnabled") => (
            vec![json!(true), json!(false), json!("true"), json!("False"), json!(null), json!("")],
            vec![json!("yes"), json!(1), json!(0), json!({}), json!([true])],
        ),
        (_, "certificateStoreLocation") => (
            vec![json!("/etc/ssl"), json!("/a/./b//c/"), json!("/a b"), json!(""), json!("/...")],
            vec![
                json!("certs"),
                json!("/"),
                json!("//./"),
                json!("/a/../b"),
                json!("/a/.."),
                json!("LocalMachine"),
                json!("CurrentUser"),
                json!("C:\\certs"),
                json!("/a\u{0}"),
                json!(5),
            ],
        ),
        (_, "certificateFileLayout") => (
            vec![json!("combined"), json!("split"), json!("both"), json!(null)],
            vec![json!("pem"), json!("Split"), json!(5), json!(["split"])],
        ),
        (_, "retainVersions") => (
            vec![json!(0), json!(2), json!("3"), json!(999), json!("0"), json!("010")],
            vec![json!(1), json!("1"), json!(-1), json!(1000), json!("all"), json!(2.5)],
        ),
        (_, "customSymbolicLinkName") => (
            vec![json!("web"), json!("a.b c"), json!(""), json!(null), json!(long[1..])],
            vec![json!("a/b"), json!("a\\b"), json!(".a"), json!("a..b"), json!(long), json!(5)],
        ),
        (_, "acls") => (
            vec![json!([]), json!([{"user": "a"}]), json!({"group": "a"}), json!(null)],
            vec![json!([{}]), json!(["a"]), json!([{"user": ""}]), json!(5), json!(many_acls)],
        ),
        (Place::Acl, _) => (
            vec![json!("a"), json!("CONTOSO\\web admins"), json!("a@b.example")],
            vec![json!(null), json!(""), json!(" "), json!("a:b"), json!("a/b"), json!(1000)],
        ),
        (_, "authenticationOverride") => (
            vec![json!({}), json!(null), json!(""), json!({"msiClientId": GUID})],
            vec![json!(5), json!([])],
        ),
        (_, "msiClientId") => (
            vec![json!(GUID), json!(""), json!(null), json!(resource), json!(format!(" {GUID} "))],
            vec![json!("web"), json!(&GUID[1..]), json!(5), json!("/subscriptions/x"), json!({})],
        ),
        (_, "msiEndpoint") => (
            vec![
                json!("http://169.254.169.254/metadata/identity"),
                json!(" HTTP://Localhost:40342/metadata/identity/oauth2/token/ "),
                json!("http://[::1]:8443"),
                json!("http://127.0.0.1/x"),
                json!(""),
                json!(null),
            ],
            vec![
                json!("http:///169.254.169.254/metadata/identity"),
                json!("169.254.169.254"),
                json!("http://attacker.example/metadata/identity"),
                json!("http://168.63.129.16/metadata"),
                json!("http://localhost@attacker.example/"),
                json!("http://localhost/x?y"),
                json!("ftp://localhost/x"),
                json!("https://localhost/x"),
                json!("http://localhost/a/../b"),
                json!("http://localhost/a+b"),
                json!(5),
            ],
        ),
        (_, "endpoint") => (
            vec![
                json!("tcp://localhost:24224"),
                json!("tcp://[::1]"),
                json!("UNIX:///run/fluent.sock"),
            ],
            vec![
                json!("localhost:24224"),
                json!("http://localhost"),
                json!("tcp://"),
                json!("unix://run/x"),
                json!("unix:///a/../b"),
                json!("unix:///"),
                json!(5),
            ],
        ),
        (_, "logger") => {
            (vec![json!("fluentd"), json!("Fluentd"), json!("")], vec![json!("syslog")])
        }
        (_, "format") => (vec![json!("forward"), json!(null)], vec![json!("json"), json!(5)]),
        (_, "servicename") => (
            vec![json!("akvvm"), json!(" a "), json!("")],
            vec![json!("a b"), json!("a".repeat(129)), json!(5)],
        ),
        (_, "certificateStoreName" | "linkOnRenewal" | "accounts" | "keyExportable") => (
            vec![json!("MY"), json!(true), json!(["Network Service"]), json!(null), json!(5)],
            vec![],
        ),
        _ => last_mile::values(place, key),
    }
}

/// Every key that the schema describes, at its place.
pub(crate) fn keys() -> Vec<(Place, String)> {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let places = [
        (Place::Root, "/properties"),
        (Place::Secrets, "/$defs/secretsManagementSettings/properties"),
        (Place::Entry, "/$defs/observedCertificate/properties"),
        (Place::Override, "/$defs/identity/properties"),
        (Place::Identity, "/$defs/identity/properties"),
        (Place::Acl, "/$defs/acl/properties"),
        (Place::Logging, "/$defs/logging/properties"),
        (Place::Metrics, "/$defs/metrics/properties"),
        (Place::Output, "/$defs/output/properties"),
        (Place::Set, "/$defs/output/properties"),
        (Place::SetFile, "/$defs/setFile/properties"),
        (Place::Check, "/$defs/check/properties"),
        (Place::UnitAction, "/$defs/action/properties"),
        (Place::SignalAction, "/$defs/action/properties"),
        (Place::CommandAction, "/$defs/action/properties"),
        (Place::Verify, "/$defs/verification/properties"),
        (Place::Guards, "/$defs/guards/properties"),
    ];
    let mut keys = Vec::new();
    for (place, pointer) in places {
        let properties = schema.pointer(pointer).and_then(Value::as_object).unwrap();
        keys.extend(properties.keys().map(|key| (place, key.clone())));
    }
    keys
}
