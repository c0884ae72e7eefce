//! Settings and what is wrong with them, for people. Pure.

use std::fmt::Write;

use extension_settings::{
    FileLayout, Identity, IdentitySelector, ObservedCertificate, Remark, Retain, Settings,
};
use reaction::Permission;
use worker_state::Environment;

use super::Reading;
use crate::order::Origin;
use crate::target::{Target, targets};
use crate::wording;

/// A summary is short: more certificates than these are counted.
const MOST_SHOWN: usize = 50;

/// Everything there is to say, the worst first.
pub(crate) fn text(reading: &Reading) -> String {
    let mut text = format!("{}\n", headline(reading));
    text.push_str(&remark_lines("problem", &reading.problems));
    text.push_str(&remark_lines("warning", &reading.warnings));
    if let (Some(settings), Some(given)) = (&reading.settings, &reading.given) {
        text.push_str(&understood(settings, reading.permission, &given.environment));
    }
    text
}

/// Where the settings are from, and whether they can be served.
pub(crate) fn headline(reading: &Reading) -> String {
    let number = reading.given.as_ref().and_then(|given| given.agent.as_ref());
    let source = match (&reading.origin, number) {
        (Origin::File(file), _) => file.display().to_string(),
        (Origin::Assignment, Some(agent)) => {
            format!("the guest agent's settings, number {}", agent.sequence_number)
        }
        (Origin::Assignment, None) => "settings".to_owned(),
    };
    let problems = wording::count(reading.problems.len(), "problem");
    let warnings = wording::count(reading.warnings.len(), "warning");
    let verdict = match (reading.problems.len(), reading.warnings.len()) {
        (0, 0) => "fine".to_owned(),
        (0, _) => format!("fine, with {warnings}"),
        (_, 0) => format!("refused: {problems}"),
        _ => format!("refused: {problems}, {warnings}"),
    };
    format!("{source}: {verdict}")
}

/// One line for each remark.
pub(crate) fn remark_lines(kind: &str, remarks: &[Remark]) -> String {
    remarks.iter().map(|remark| format!("{kind}  {remark}\n")).collect()
}

fn understood(settings: &Settings, permission: Permission, environment: &Environment) -> String {
    let mut text = String::from("\n");
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:13} {value}");
    };
    line("polling", &format!("every {} s", settings.polling_interval.as_secs()));
    line("first sync", first_sync(settings));
    line("versions kept", &retained(settings.retain_versions));
    line("identity", &identity(settings, environment));
    if let Some(logging) = &settings.logging {
        let tag = &logging.service_name;
        line("log", &format!("to its file, and to {} as {tag}", logging.endpoint));
    }
    line("certificates", &settings.certificates.len().to_string());
    let (targets, _) = targets(settings, permission);
    for (observed, target) in settings.certificates.iter().zip(&targets).take(MOST_SHOWN) {
        text.push_str(&certificate(settings, observed, target));
        if observed.identity != settings.identity {
            let _ = writeln!(text, "    as {}", asker(&observed.identity, environment));
        }
    }
    if let Some(more @ 1..) = targets.len().checked_sub(MOST_SHOWN) {
        let _ = writeln!(text, "  … and {more} more; --json lists all of them");
    }
    text
}

fn first_sync(settings: &Settings) -> &'static str {
    match settings.require_initial_sync {
        true => "required: success is reported when every certificate is installed",
        false => "not required: success is reported as soon as polling starts",
    }
}

fn retained(retain: Retain) -> String {
    match retain {
        Retain::All => "all of each certificate".into(),
        Retain::Versions(2) => "2 of each certificate, the current and the previous one".into(),
        Retain::Versions(number) => format!("{number} of each certificate"),
    }
}

fn identity(settings: &Settings, environment: &Environment) -> String {
    let hint = match &settings.identity.selector {
        IdentitySelector::Unspecified => {
            " (system-assigned, or the only one that is user-assigned)"
        }
        IdentitySelector::ClientId(_) => {
            " (as `az identity show --query clientId` prints it; an object id looks alike)"
        }
        IdentitySelector::ResourceId(_) => "",
    };
    let selector = wording::selector(&settings.identity.selector);
    format!("{selector}{hint}, from {}", wording::endpoint(&settings.identity, environment))
}

fn certificate(settings: &Settings, observed: &ObservedCertificate, target: &Target) -> String {
    let store = target.store();
    let names = target.place.public_names();
    let mut text = format!("  {}\n", observed.id);
    for name in names {
        let _ = writeln!(text, "    -> {}", store.join(name).display());
    }
    let mut more = |line: String| {
        let _ = writeln!(text, "    {line}");
    };
    if let Some(version) = observed.id.version() {
        more(format!("pinned: stays at version {version}"));
    }
    if observed.layout == FileLayout::Both {
        more("both layouts".into());
    }
    if settings.acl_enabled && !observed.acls.is_empty() {
        more(format!("readable by {}", readers(observed)));
    }
    for output in &target.delivery.outputs {
        more(format!("=> {}", output.path().display()));
    }
    for step in target.delivery.steps() {
        more(step);
    }
    text
}

fn asker(identity: &Identity, environment: &Environment) -> String {
    let selector = wording::selector(&identity.selector);
    format!("{selector}, from {}", wording::endpoint(identity, environment))
}

fn readers(observed: &ObservedCertificate) -> String {
    let users = observed.acls.iter().filter_map(|acl| acl.user.as_ref());
    let groups = observed.acls.iter().filter_map(|acl| acl.group.as_ref());
    let users = users.map(|user| format!("user {user}"));
    let groups = groups.map(|group| format!("group {group}"));
    users.chain(groups).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const URL: &str = "https://contoso.vault.azure.net/secrets/web";
    const GUID: &str = "0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0";

    fn read(document: Value) -> String {
        text(&super::super::tests::reading(document))
    }

    #[test]
    fn what_was_understood_is_said_in_a_few_lines() {
        let said = read(json!({"secretsManagementSettings": {"observedCertificates": [URL]}}));
        let expected = "\
/settings.json: fine

polling       every 3600 s
first sync    not required: success is reported as soon as polling starts
versions kept 2 of each certificate, the current and the previous one
identity      the machine's own identity (system-assigned, or the only one that is user-assigned), \
from http://169.254.169.254/metadata/identity/oauth2/token
certificates  1
  https://contoso.vault.azure.net/secrets/web
    -> /var/lib/waagent/Microsoft.Azure.KeyVault.Store/contoso.web
";
        assert_eq!(said, expected);
    }

    #[test]
    fn what_an_entry_has_of_its_own_is_said_with_it() {
        let version = "0123456789abcdef0123456789abcdef";
        let entry = json!({
            "url": format!("{URL}/{version}"), "certificateStoreLocation": "/etc/tls",
            "customSymbolicLinkName": "site", "certificateFileLayout": "both",
            "acls": [{"user": "app", "group": "web"}],
            "authenticationOverride": {"msiClientId": GUID},
        });
        let said = read(json!({
            "secretsManagementSettings": {"retainVersions": 0, "observedCertificates": [entry]},
            "loggingSettings": {"endpoint": "tcp://localhost"},
        }));
        for line in [
            "versions kept all of each certificate\n",
            "log           to its file, and to tcp://localhost:24224 as akvvm_service\n",
            "    -> /etc/tls/site\n    -> /etc/tls/site.pem\n    -> /etc/tls/site.keyid\n",
            "    pinned: stays at version 0123456789abcdef0123456789abcdef\n",
            "    both layouts\n",
            "    as the identity with client id 0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0, from http",
            "    readable by user app, group web\n",
        ] {
            assert!(said.contains(line), "{line:?} in {said}");
        }
    }

    #[test]
    fn problems_and_warnings_are_counted_and_listed_with_their_paths() {
        let said = read(json!({
            "secretsManagementSettings": {"observedCertificates": [URL], "colour": "red"},
            "authenticationSettings": {"msiEndpoint": "http:///169.254.169.254/x"},
        }));
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines.len(), 3, "{said}");
        assert_eq!(lines[0], "/settings.json: refused: 1 problem, 1 warning");
        assert!(lines[1].starts_with("problem  authenticationSettings.msiEndpoint: "), "{said}");
        assert!(lines[2].starts_with("warning  secretsManagementSettings.colour: "), "{said}");
    }

    #[test]
    fn a_long_list_of_certificates_is_cut_short() {
        let urls: Vec<String> = (0..53).map(|number| format!("{URL}{number}")).collect();
        let said = read(json!({"secretsManagementSettings": {"observedCertificates": urls}}));
        assert!(said.contains("certificates  53\n"));
        assert!(said.ends_with("  … and 3 more; --json lists all of them\n"), "{said}");
    }

    #[test]
    fn a_client_id_comes_with_the_hint_that_an_object_id_looks_alike() {
        let said = read(json!({
            "secretsManagementSettings": {"observedCertificates": [URL]},
            "authenticationSettings": {"msiClientId": GUID},
        }));
        assert!(said.contains("--query clientId` prints it; an object id looks alike"), "{said}");
    }
}
