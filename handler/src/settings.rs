//! `N.settings`: which one, and whether it can be served.

use std::path::Path;
use std::time::SystemTime;

use extension_settings::VaultSuffixes;
use status_schema::{HandlerEnvironment, RuntimeSettings, SequenceNumber, SequenceNumberError};
use worker_state::{Environment, environment_name};

/// Settings that can be served, as they were given.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Checked {
    pub(crate) public: serde_json::Value,
    /// What is odd about them, without hindering anything.
    pub(crate) remarks: Vec<String>,
}

/// The number of the settings that count; without a number from the agent, that of the newest.
///
/// # Errors
/// Where there is no number to be had.
pub(crate) fn number(
    given: Option<&str>,
    agent: &HandlerEnvironment,
) -> Result<SequenceNumber, SequenceNumberError> {
    let listing = match given {
        Some(_) => Vec::new(),
        None => listing(&agent.config_folder),
    };
    SequenceNumber::choose(given, listing.iter().map(|(name, modified)| (&**name, *modified)))
}

/// Names and times of the files in a folder; none where it cannot be listed.
fn listing(folder: &Path) -> Vec<(String, SystemTime)> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let of = |entry: std::fs::DirEntry| {
        let modified = entry.metadata().ok()?.modified().ok()?;
        Some((entry.file_name().into_string().ok()?, modified))
    };
    entries.flatten().filter_map(of).collect()
}

/// Reads and checks the settings of this number.
///
/// # Errors
/// The sentence that says why they cannot be served, and what to do.
pub(crate) fn read(
    agent: &HandlerEnvironment,
    number: SequenceNumber,
    environment: &Environment,
) -> Result<Checked, String> {
    let path = agent.config_folder.join(number.settings_file_name());
    let bytes = std::fs::read(&path).map_err(|error| {
        format!(
            "{}: cannot be read ({error}); the guest agent writes it before it calls enable: \
             deploy the settings again",
            path.display()
        )
    })?;
    let runtime = RuntimeSettings::parse(&bytes).map_err(|error| error.to_string())?;
    let name = environment_name::VAULT_DNS_SUFFIXES;
    let suffixes = VaultSuffixes::known()
        .allow(environment.value(name).unwrap_or_default())
        .map_err(|error| format!("the environment variable {name}: {error}"))?;
    let parsed = extension_settings::parse(&runtime.public, &suffixes)
        .map_err(|problems| problems.to_string())?;
    let mut remarks: Vec<String> = parsed.warnings.iter().map(ToString::to_string).collect();
    if runtime.protected_present {
        remarks.push("protected settings are not read: this extension has none".into());
    }
    Ok(Checked { public: runtime.public, remarks })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests write settings of all kinds")]

    use std::fs;
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn agent(root: &Path) -> HandlerEnvironment {
        HandlerEnvironment {
            name: None,
            log_folder: root.join("log"),
            config_folder: root.into(),
            status_folder: root.join("status"),
            heartbeat_file: root.join("heartbeat.log"),
            events_folder: None,
        }
    }

    fn outcome(content: &str, variables: &[(&str, &str)]) -> Result<Checked, String> {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("3.settings"), content).unwrap();
        let pairs = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        read(&agent(root.path()), SequenceNumber::new(3), &Environment::of(pairs))
    }

    fn settings(url: &str) -> serde_json::Value {
        json!({"secretsManagementSettings": {"observedCertificates": [{"url": url}]}})
    }

    fn file(public: &serde_json::Value, protected: &serde_json::Value) -> String {
        let handler = json!({"publicSettings": public, "protectedSettings": protected});
        json!({"runtimeSettings": [{"handlerSettings": handler}]}).to_string()
    }

    #[test]
    fn good_settings_are_handed_on_as_they_were_given() {
        let public = settings("https://contoso.vault.azure.net/secrets/web");
        let checked = outcome(&file(&public, &json!(null)), &[]).unwrap();
        assert_eq!(checked, Checked { public, remarks: Vec::new() });
    }

    #[test]
    fn protected_settings_are_remarked_upon() {
        let public = settings("https://contoso.vault.azure.net/secrets/web");
        let checked = outcome(&file(&public, &json!("TUlJ")), &[]).unwrap();
        assert_eq!(checked.remarks, ["protected settings are not read: this extension has none"]);
    }

    #[test]
    fn every_way_to_have_no_settings_has_its_own_sentence() {
        let root = tempfile::tempdir().unwrap();
        let number = SequenceNumber::new(3);
        let missing = read(&agent(root.path()), number, &Environment::default()).unwrap_err();
        assert!(missing.contains("3.settings: cannot be read (No such file"), "{missing}");
        let null = file(&json!(null), &json!(null));
        let protected = file(&json!(null), &json!("TUlJ"));
        let refusals = ["", "{", &null, &protected, &file(&json!({}), &json!(null))]
            .map(|content| outcome(content, &[]).unwrap_err());
        for (refusal, beginning) in refusals.iter().zip([
            "the settings file is empty",
            "the settings file is not JSON",
            "publicSettings is null",
            "there are protected settings but no public ones",
        ]) {
            assert!(refusal.starts_with(beginning), "{refusal}");
        }
        assert!(refusals[4].contains("observedCertificates"), "{}", refusals[4]);
    }

    #[test]
    fn the_administrator_can_allow_more_vaults() {
        let content = file(&settings("https://v.vault.local/secrets/web"), &json!(null));
        assert!(outcome(&content, &[]).unwrap_err().contains("vault.local"));
        outcome(&content, &[("AKVVM_VAULT_DNS_SUFFIXES", "vault.local")]).unwrap();
        let refusal = outcome(&content, &[("AKVVM_VAULT_DNS_SUFFIXES", "a b")]).unwrap_err();
        let beginning = "the environment variable AKVVM_VAULT_DNS_SUFFIXES:";
        assert!(refusal.starts_with(beginning), "{refusal}");
    }

    #[test]
    fn without_a_number_from_the_agent_the_newest_settings_count() {
        let root = tempfile::tempdir().unwrap();
        for (name, age) in [("9.settings", 60), ("2.settings", 10), ("HandlerState", 0)] {
            let file = fs::File::create(root.path().join(name)).unwrap();
            let written = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000 - age);
            file.set_modified(written).unwrap();
        }
        let agent = agent(root.path());
        assert_eq!(number(None, &agent), Ok(SequenceNumber::new(2)));
        assert_eq!(number(Some("9"), &agent), Ok(SequenceNumber::new(9)));
        fs::remove_dir_all(root.path()).unwrap();
        assert_eq!(number(None, &agent), Err(SequenceNumberError::NoSettingsFile));
    }
}
