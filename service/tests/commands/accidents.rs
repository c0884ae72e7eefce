//! What people give to `validate` by accident: each is read with a warning, or refused with a
//! sentence that says what it is and what to write.

use serde_json::{Value, json};

use crate::bed::Bed;

const URL: &str = "https://contoso.vault.azure.net/secrets/web";
const GUID: &str = "0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0";

/// What was given, the exit code, and words that are said.
type Accident = (Vec<u8>, i32, &'static str);

#[track_caller]
fn assert_explained(accidents: Vec<Accident>) {
    let bed = Bed::new();
    for (content, code, words) in accidents {
        bed.write("settings.json", &content);
        let ran = bed.look(&["validate", "--settings", "settings.json"]);
        let content = String::from_utf8_lossy(&content);
        assert_eq!(ran.code, Some(code), "{content}: {ran}");
        let remarks = |line: &&str| line.starts_with("problem ") || line.starts_with("warning ");
        let told: Vec<&str> = ran.output.lines().filter(remarks).collect();
        assert!(told.iter().any(|line| line.contains(words)), "{words:?} for {content}: {ran}");
    }
}

fn refused(content: impl Into<Vec<u8>>, words: &'static str) -> Accident {
    (content.into(), 2, words)
}

fn read(content: &Value, words: &'static str) -> Accident {
    (content.to_string().into(), 0, words)
}

fn good() -> Value {
    json!({"secretsManagementSettings": {"observedCertificates": [URL]}})
}

/// Good settings with something else for the list of certificates.
fn list(certificates: Value) -> Value {
    json!({"secretsManagementSettings": {"observedCertificates": certificates}})
}

fn entry(key: &str, value: Value) -> Value {
    list(json!([{"url": URL, key: value}]))
}

fn secrets(key: &str, value: Value) -> Value {
    let mut settings = good();
    settings["secretsManagementSettings"][key] = value;
    settings
}

fn identity(key: &str, value: &str) -> Value {
    let mut settings = good();
    settings["authenticationSettings"] = json!({ key: value });
    settings
}

#[test]
fn files_that_are_no_json_are_told_for_what_they_are() {
    let text = good().to_string();
    let yaml = format!("secretsManagementSettings:\n  observedCertificates:\n  - {URL}\n");
    let hashtable =
        format!("@{{ secretsManagementSettings = @{{ observedCertificates = @(\"{URL}\") }} }}");
    let table = "\nName                      Value\n----                      -----\n\
                 secretsManagementSettings {observedCertificates}\n";
    assert_explained(vec![
        refused(yaml.clone(), "it is YAML"),
        refused(format!("---\n{yaml}"), "it is YAML"),
        refused(hashtable, "ConvertTo-Json -Depth 10"),
        refused(table, "ConvertTo-Json -Depth 10"),
        refused("System.Collections.Hashtable", "ConvertTo-Json -Depth 10"),
        refused("<!DOCTYPE html><html></html>", "a web page or XML"),
        refused("-----BEGIN CERTIFICATE-----\nMIIB\n", "a certificate or key in PEM"),
        refused("#!/bin/sh\naz vm extension set\n", "it is a script"),
        refused("HTTPS_PROXY=http://proxy\n", "lines NAME=VALUE"),
        refused("@settings.json", "give that file itself"),
        refused("eyJzZWNyZXRzTWFuYWdlbWVudFNldHRpbmdzIjp7fX0=", "base64 -d"),
        refused(b"PK\x03\x04\x00\x00".to_vec(), "no text at all"),
        refused(b"{\"a\": \"\xf6\"}".to_vec(), "not UTF-8"),
        refused(text.replace('"', "'"), "single quotes"),
        refused(text.replace('"', "\u{201d}"), "typographic quotes"),
        refused(text.replace('"', "\\\""), "backslashes before its quotes"),
        refused(text.replacen(':', ":\u{a0}", 1), "a space of another kind"),
        refused(text.replacen('{', "{ // polling\n", 1), "a comment in it"),
        refused(text.replacen('{', "{ /* polling */", 1), "a comment in it"),
        refused(text.replace("web\"]", "web\",]"), "a comma behind the last element"),
        refused(text.replace("\"observedCertificates\"", "observedCertificates"), "without quotes"),
        refused(text.replace("[\"https", "[True, \"https"), "true, false and null"),
        refused(text.replace("contoso.", "contoso\n."), "a line break or a tab between quotes"),
        refused(r#"{"pollingIntervalInS": 0600}"#, "no zero in front"),
        refused(&text[..text.len() - 2], "it ends too early"),
        refused(text.clone() + &text, "something follows its end"),
        (format!("\u{feff}{}", json!(text)).into(), 0, "JSON inside a string"),
    ]);
}

#[test]
fn other_documents_in_the_settings_place_are_told() {
    let template = json!({
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0", "resources": [],
    });
    let resource = json!({"type": "Microsoft.Compute/virtualMachines/extensions",
        "properties": {"publisher": "x", "settings": good()}});
    let again = format!(
        r#"{{"secretsManagementSettings": {{"observedCertificates": ["{URL}"], "observedCertificates": ["{URL}2"]}}}}"#
    );
    assert_explained(vec![
        refused(template.to_string(), "this is a whole ARM template"),
        read(&resource, "the settings stand in an object of their own"),
        refused(
            json!({"protectedSettings": good()}).to_string(),
            "instead of --protected-settings",
        ),
        refused(json!([good()]).to_string(), "an array instead of an object"),
        refused("\"@settings.json\"", "is the string \"@settings.json\""),
        refused(again.clone(), "observedCertificates: stands there more than once"),
        refused(json!(again).to_string(), "observedCertificates: stands there more than once"),
        refused(json!({"secretsManagementSettings": [{}]}).to_string(), "must be an object"),
        refused(
            json!({"secretsManagementSettings": "System.Collections.Hashtable"}).to_string(),
            "ConvertTo-Json -Depth 10",
        ),
        read(
            &json!({"SecretsManagementSettings": {"ObservedCertificates": [URL]}}),
            "SecretsManagementSettings: is called secretsManagementSettings; read as that",
        ),
    ]);
}

#[test]
fn what_is_no_secrets_url_is_told_with_what_to_write() {
    let with = |from: &str, to: &str| list(json!([URL.replace(from, to)])).to_string();
    let only = |text: &str| list(json!([text])).to_string();
    assert_explained(vec![
        refused(only("[parameters('certificateUrl')]"), "an expression of an ARM template"),
        refused(
            list(json!("[parameters('urls')]")).to_string(),
            "an expression of an ARM template",
        ),
        refused(with("contoso", "${vaultName}"), "a variable that nothing has filled in"),
        refused(with("contoso", "<vault>"), "a placeholder of an example"),
        refused(only("@{url=https://contoso.vault.azure.net}"), "ConvertTo-Json -Depth 10"),
        refused(with("/secrets/", "/certificates/"), "hands out no private key"),
        refused(with("/secrets/", "/keys/"), "hands out no private key"),
        refused(with("/secrets/", "/secret/"), "the path begins with \"secret\""),
        refused(with("/secrets/", "/secrets//"), "two slashes side by side"),
        refused(with("/secrets/", "//secrets//"), "two slashes side by side"),
        refused(with("/secrets/", "//certificates/"), "hands out no private key"),
        read(&list(json!([URL.replace("/secrets/", "//secrets/")])), "after the vault's host"),
        refused(only("contoso"), "no https:// in front"),
        refused(with("https://", ""), "no https:// in front"),
        refused(with("https", "http"), "reached by https only"),
        refused(with("secrets/web", ""), "ends before the object's name"),
        refused(with("web", "web/latest"), "leave it out to follow the newest"),
        refused(with("web", "my web"), "white space or a control character inside"),
        refused(with("web", "my_web"), "1 to 127 letters, digits and hyphens"),
        refused(with("web", "web?api-version=7.4"), "a query (?…) in the URL"),
        refused(with("//", "//user:hunter2@"), "the managed identity is what signs in"),
        refused(with("vault.azure", "managedhsm.azure"), "stores keys only"),
        refused(
            with("vault.azure", "vaultcore.azure"),
            "a private endpoint, which acts through DNS",
        ),
        refused(only(&format!("https://portal.azure.com/#asset/{URL}")), "a page in the portal"),
        refused(only("/subscriptions/1/resourceGroups/g/x"), "az keyvault certificate show"),
        refused(with("https://", "https://https://"), "https:// stands twice"),
        refused(list(json!(format!("{URL},{URL}2"))).to_string(), "more than one URL in one text"),
        read(&list(json!({"url": URL})), "read as a list of one"),
        refused(list(json!([])).to_string(), "must name at least one certificate"),
        refused(list(json!("")).to_string(), "must name at least one certificate"),
        refused(list(json!([[URL]])).to_string(), "must be a URL or an object with a url"),
        refused(list(json!([{"uri": URL}])).to_string(), "did you mean url?"),
    ]);
}

#[test]
fn values_of_another_kind_are_told_with_what_to_write() {
    let interval = |value: Value| secrets("pollingIntervalInS", value);
    let guid = |text: &str| identity("msiClientId", text).to_string();
    let endpoint = |text: &str| identity("msiEndpoint", text).to_string();
    assert_explained(vec![
        refused(interval(json!("1h")).to_string(), "write its seconds, 3600"),
        refused(interval(json!("PT10M")).to_string(), "write its seconds, 600"),
        refused(interval(json!("00:10:00")).to_string(), "write its seconds, 600"),
        refused(interval(json!(-5)).to_string(), "a whole number from 1"),
        refused(interval(json!("[parameters('interval')]")).to_string(), "ARM template"),
        read(&interval(json!(3_600_000)), "41 days: the value is in seconds"),
        refused(secrets("requireInitialSync", json!(1)).to_string(), "must be true or false"),
        refused(entry("acls", json!("nginx")).to_string(), "[{\"user\": \"NAME\"}]"),
        refused(entry("acls", json!(["nginx"])).to_string(), "{\"user\": \"NAME\"} or"),
        refused(entry("acls", json!([{"user": 33}])).to_string(), "must be a name in quotes"),
        refused(
            entry("certificateStoreLocation", json!("certs")).to_string(),
            "not an absolute path",
        ),
        refused(entry("certificateStoreLocation", json!("LocalMachine")).to_string(), "of Windows"),
        read(&entry("certificateStoreLocation", json!("/etc/web.pem")), "looks like a file's name"),
        refused(entry("customSymbolicLinkName", json!("/etc/web.pem")).to_string(), "a separator"),
        refused(guid("web-identity"), "is no client id"),
        refused(guid(&format!("{{{GUID}}}")), "is no client id"),
        refused(guid("00000000-0000-0000-0000-000000000000"), "is no client id"),
        refused(guid("[reference('id').clientId(1)]"), "an expression of an ARM template"),
        refused(endpoint("169.254.169.254"), "no http:// in front"),
        refused(endpoint("http:///169.254.169.254/metadata"), "has no host"),
        refused(endpoint("https://login.microsoftonline.com"), "speak http"),
        read(&identity("clientId", GUID), "did you mean msiClientId?"),
        read(&identity("msiClientId", &format!(" {GUID} ")), "white space around the value"),
    ]);
}
