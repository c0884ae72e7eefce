//! Every known key at its place, whatever level it was written at.

use std::collections::VecDeque;

use serde_json::Value;

use crate::claims::{Claim, Claims};
use crate::field::{Field, Object};
use crate::key::{Level, OF_WINDOWS, OF_WINDOWS_ONLY, home, known_at, nearest};
use crate::remark::Remarks;

/// Objects in which the settings are sometimes wrapped: pieces of a template or of the agent's
/// file, pasted whole.
const WRAPPERS: [&str; 4] = ["settings", "publicSettings", "handlerSettings", "properties"];

/// The document's values, sorted.
#[derive(Default)]
pub(crate) struct Places {
    /// The keys of `secretsManagementSettings`; `acls`, where someone wrote them for all entries.
    pub(crate) secrets: Claims,
    /// The keys of `authenticationSettings`.
    pub(crate) identity: Claims,
    /// The keys of `loggingSettings`.
    pub(crate) logging: Claims,
    /// The keys of `metricsSettings`.
    pub(crate) metrics: Claims,
    /// `observedCertificates`.
    pub(crate) entries: Vec<Entry>,
}

/// One of `observedCertificates`.
pub(crate) struct Entry {
    pub(crate) path: String,
    /// The entry's keys; for a plain string, its `url`.
    pub(crate) keys: Claims,
    /// The keys of its `authenticationOverride`.
    pub(crate) identity: Claims,
}

/// Sorts the document. Unknown keys are warned about and left out.
pub(crate) fn sort(document: Object, remarks: &mut Remarks) -> Places {
    let mut sorter = Sorter { places: Places::default(), queue: VecDeque::new(), remarks };
    sorter.open(Level::Root, document, false);
    while let Some((level, section, misplaced)) = sorter.queue.pop_front() {
        if section.is_blank() {
            // Said as of any empty text.
            section.text(sorter.remarks);
        } else if let Some(section) = section.object(sorter.remarks) {
            sorter.open(level, section, misplaced);
        }
    }
    sorter.entries();
    sorter.places
}

/// The places as far as they are filled.
pub(crate) struct Sorter<'r> {
    pub(crate) places: Places,
    /// Sections still to be opened, and whether they stand at a wrong place. A queue instead of
    /// recursion: how deep sections stand in each other is the document's choice.
    queue: VecDeque<(Level, Field, bool)>,
    pub(crate) remarks: &'r mut Remarks,
}

impl Sorter<'_> {
    fn open(&mut self, level: Level, object: Object, misplaced: bool) {
        let fields = object.fields(level, self.remarks);
        let wraps = |(key, field): &(String, Field)| is_wrapper(level, key, field);
        let is_resource = fields.iter().any(wraps);
        for (key, field) in fields {
            if let Some(section) = Level::of_section(&key) {
                let right = level == Level::Root && section != Level::Override;
                if !right && !misplaced {
                    self.warn_misplaced(&field, section.section_place());
                }
                self.queue.push_back((section, field, misplaced || !right));
            } else if is_wrapper(level, &key, &field) {
                let text = "the settings stand in an object of their own, read all the same: \
                    give what is inside it";
                self.remarks.warning(&field.path, text);
                self.queue.push_back((Level::Root, field, misplaced));
            } else if !(is_resource && is_of_resource(level, &key)) {
                self.place(level, &key, field, misplaced);
            }
        }
    }

    /// Brings a key that was found outside the entries, and is no section, to its place.
    fn place(&mut self, level: Level, key: &str, field: Field, misplaced: bool) {
        let (target, name) = match (known_at(level, key), home(key)) {
            (Some(name), _) => (level, name),
            (None, Some((_, name))) if OF_WINDOWS.contains(&name) => {
                return self.ignore_of_windows(&field);
            }
            (None, Some((Level::Entry, "acls"))) => (Level::Secrets, "acls"),
            (None, Some((target @ (Level::Secrets | Level::Identity | Level::Metrics), name))) => {
                (target, name)
            }
            // An `endpoint` among the identity's keys is a mistyped msiEndpoint, no receiver.
            (None, Some((Level::Logging, name))) if level != Level::Identity => {
                (Level::Logging, name)
            }
            (None, Some((Level::Logging, _))) => return self.warn_unknown(level, key, &field),
            (None, Some((target, _))) => return self.refuse_misplaced(&field, target),
            (None, None) => return self.warn_unknown(level, key, &field),
        };
        let right = known_at(level, key).is_some();
        if name == "acls" {
            let text = "belongs in each entry of observedCertificates; honoured for all entries \
                without acls of their own";
            self.remarks.warning(&field.path, text);
        } else if !right && !misplaced {
            self.warn_misplaced(&field, target.described());
        }
        let claim = Claim { field, misplaced: misplaced || !right };
        self.places.at(target).claim(name, claim, self.remarks);
    }

    pub(crate) fn warn_misplaced(&mut self, field: &Field, place: &str) {
        self.remarks
            .warning(&field.path, format!("belongs {place}; honoured as if it stood there"));
    }

    pub(crate) fn refuse_misplaced(&mut self, field: &Field, target: Level) {
        let text = format!("belongs {}: move it there", target.described());
        self.remarks.problem(&field.path, text);
    }

    pub(crate) fn ignore_of_windows(&mut self, field: &Field) {
        self.remarks.warning(&field.path, OF_WINDOWS_ONLY);
    }

    pub(crate) fn warn_unknown(&mut self, level: Level, key: &str, field: &Field) {
        self.remarks.unknown_key(level, key, &field.path);
    }
}

impl Places {
    /// Where the keys of a level outside the entries are kept.
    fn at(&mut self, level: Level) -> &mut Claims {
        match level {
            Level::Identity | Level::Override => &mut self.identity,
            Level::Logging => &mut self.logging,
            Level::Metrics => &mut self.metrics,
            _ => &mut self.secrets,
        }
    }
}

/// Whether this is an object with the settings in it.
fn is_wrapper(level: Level, key: &str, field: &Field) -> bool {
    level == Level::Root && WRAPPERS.contains(&key) && may_hold_keys(field)
}

/// Whether a key beside a wrapper is the resource's own (`name`, `location`, `typeHandlerVersion`):
/// like none of ours, and nothing that somebody believes to be read.
fn is_of_resource(level: Level, key: &str) -> bool {
    key != "protectedSettings" && home(key).is_none() && nearest(level, key).is_none()
}

/// Whether a value is an object, or a string that looks like one.
pub(crate) fn may_hold_keys(field: &Field) -> bool {
    match &field.value {
        // No object begins like a template's variable.
        Value::String(text) => {
            let text = text.trim_start();
            text.starts_with('{') && !text.starts_with("{{") && !text.starts_with("{%")
        }
        value => value.is_object(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    /// The places, the warnings and the problems of a document.
    pub(crate) fn sorted(document: Value) -> (Places, Vec<String>, Vec<String>) {
        let mut remarks = Remarks::default();
        let object = Field::new(String::new(), document).object(&mut remarks).unwrap();
        let places = sort(object, &mut remarks);
        let left = remarks.finish();
        let lines = |remarks: Vec<_>| remarks.iter().map(ToString::to_string).collect();
        (places, lines(left.warnings), lines(left.problems))
    }

    #[test]
    fn the_recommended_form_needs_no_remark() {
        let (mut places, warnings, problems) = sorted(json!({
            "secretsManagementSettings": {"pollingIntervalInS": "60", "observedCertificates": [
                "https://a", {"url": "https://b", "authenticationOverride": {"msiClientId": "c"}}
            ]},
            "authenticationSettings": {"msiClientId": "d", "msiEndpoint": null},
            "loggingSettings": {"logger": "fluentd"},
        }));
        assert_eq!((warnings, problems), (vec![], vec![]));
        assert_eq!(places.secrets.take("pollingIntervalInS").unwrap().value, "60");
        assert_eq!(places.identity.take("msiClientId").unwrap().value, "d");
        assert!(places.identity.take("msiEndpoint").is_none());
        assert!(!places.logging.is_empty());
        let [first, second] = &mut places.entries[..] else { panic!() };
        assert_eq!(first.path, "secretsManagementSettings.observedCertificates[0]");
        assert_eq!(first.keys.take("url").unwrap().value, "https://a");
        assert_eq!(second.identity.take("msiClientId").unwrap().value, "c");
    }

    #[test]
    fn a_section_too_deep_is_honoured_with_one_warning() {
        let (mut places, warnings, problems) = sorted(json!({"secretsManagementSettings": {
            "observedCertificates": ["https://a"],
            "authenticationSettings": {"msiClientId": "c", "msiEndpoint": "e"},
        }}));
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(
            warnings,
            ["secretsManagementSettings.authenticationSettings: belongs at the \
            top level of the settings; honoured as if it stood there"]
        );
        assert_eq!(places.identity.take("msiEndpoint").unwrap().value, "e");
    }

    #[test]
    fn a_section_at_its_place_wins_over_one_too_deep() {
        let (mut places, warnings, problems) = sorted(json!({
            "secretsManagementSettings": {
                "observedCertificates": ["https://a"],
                "authenticationSettings": {"msiClientId": "deep"},
            },
            "authenticationSettings": {"msiClientId": "right"},
        }));
        assert_eq!((warnings.len(), problems), (2, vec![]));
        assert_eq!(places.identity.take("msiClientId").unwrap().value, "right");
    }

    #[test]
    fn only_at_the_top_can_settings_stand_in_an_object_of_their_own() {
        let (mut places, warnings, _) = sorted(json!({"secretsManagementSettings": {
            "observedCertificates": ["https://a"], "settings": {"pollingIntervalInS": 60},
        }}));
        assert_eq!(warnings, ["secretsManagementSettings.settings: unknown key, ignored"]);
        assert!(places.secrets.take("pollingIntervalInS").is_none());
    }

    #[test]
    fn keys_at_a_wrong_level_are_honoured_with_a_warning_each() {
        let (mut places, warnings, problems) = sorted(json!({
            "observedCertificates": ["https://a"], "msiClientId": "c",
            "authenticationSettings": {"pollingIntervalInS": 60}, "servicename": "s",
        }));
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(warnings.len(), 4, "{warnings:?}");
        assert!(warnings.iter().all(|warning| warning.contains("honoured")));
        assert_eq!(places.identity.take("msiClientId").unwrap().value, "c");
        assert_eq!(places.secrets.take("pollingIntervalInS").unwrap().value, 60);
        assert_eq!(places.logging.take("servicename").unwrap().value, "s");
        assert_eq!(places.entries.len(), 1);
    }

    #[test]
    fn an_empty_text_as_a_section_counts_as_not_given() {
        let (places, warnings, problems) = sorted(json!({
            "secretsManagementSettings": {"observedCertificates": [
                {"url": "https://a", "authenticationOverride": " "}
            ]},
            "authenticationSettings": "", "loggingSettings": "", "metricsSettings": "",
        }));
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(warnings.len(), 4);
        assert!(warnings.iter().all(|one| one.contains("empty, so it counts as not given")));
        assert!(places.logging.is_empty() && places.identity.is_empty());
    }

    #[test]
    fn a_key_whose_entry_cannot_be_guessed_is_refused() {
        let (_, _, problems) = sorted(json!({"secretsManagementSettings": {
            "observedCertificates": ["https://a"], "customSymbolicLinkName": "web",
        }}));
        assert_eq!(
            problems,
            ["secretsManagementSettings.customSymbolicLinkName: belongs in an \
            entry of observedCertificates: move it there"]
        );
    }

    #[test]
    fn keys_of_windows_are_ignored_wherever_they_stand() {
        let entry = |link: bool| json!({"url": "https://a", "linkOnRenewal": link});
        let (mut places, warnings, problems) = sorted(json!({
            "certificateStoreName": "MY",
            "secretsManagementSettings": {
                "observedCertificates": [entry(true), entry(false)],
                "accounts": ["Network Service"], "keyExportable": false,
            },
        }));
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(warnings.len(), 5, "{warnings:?}");
        assert!(warnings.iter().all(|one| one.ends_with("on Windows only, ignored")));
        assert!(places.secrets.take("linkOnRenewal").is_none());
        assert_eq!(places.entries.len(), 2);
    }

    #[test]
    fn pieces_of_templates_are_unwrapped() {
        let settings =
            json!({"secretsManagementSettings": {"observedCertificates": ["https://a"]}});
        for document in [
            json!({"settings": settings}),
            json!({"properties": {"publisher": "x", "settings": settings}}),
            json!({"publicSettings": settings.to_string(), "protectedSettings": null}),
        ] {
            let (places, warnings, problems) = sorted(document);
            assert_eq!((places.entries.len(), problems.len()), (1, 0));
            assert!(warnings[0].contains("give what is inside it"), "{warnings:?}");
        }
    }

    /// What `az vm extension show` prints, and a resource of a template.
    #[test]
    fn what_a_resource_has_beside_its_settings_is_passed_over() {
        let settings =
            json!({"secretsManagementSettings": {"observedCertificates": ["https://a"]}});
        let (_, warnings, _) = sorted(json!({
            "autoUpgradeMinorVersion": true, "forceUpdateTag": "1", "id": "/subscriptions/s",
            "location": "westeurope", "name": "KeyVaultForLinux", "provisioningState": "Succeeded",
            "publisher": "Microsoft.Azure.KeyVault", "resourceGroup": "g", "settings": settings,
            "tags": {"a": "b"}, "type": "x", "typeHandlerVersion": "2.0", "typePropertiesType": "y",
        }));
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].starts_with("settings: "), "{warnings:?}");
        let (_, warnings, _) = sorted(json!({
            "apiVersion": "2022-11-01", "dependsOn": ["[x]"], "name": "n",
            "properties": {
                "settings": settings, "type": "KeyVaultForLinux", "enableAutomaticUpgrade": true,
                "protectedSettings": {"a": "b"}, "authenticationSetting": {},
            },
        }));
        let [_, misspelt, protected, _] = &warnings[..] else { panic!("{warnings:?}") };
        assert!(misspelt.ends_with("did you mean authenticationSettings?"), "{warnings:?}");
        assert!(protected.starts_with("properties.protectedSettings: "), "{warnings:?}");
    }

    #[test]
    fn unknown_keys_are_warned_about_with_the_nearest_known_one() {
        let (_, mut warnings, _) = sorted(json!({"secretsManagementSettings": {
            "observedCertificates": ["https://a"], "pollingInterval": 5, "colour": "red",
        }, "authenticationSettings": {"endpoint": "http://localhost"}}));
        warnings.sort();
        assert_eq!(
            warnings,
            [
                "authenticationSettings.endpoint: unknown key, ignored: did you mean msiEndpoint?",
                "secretsManagementSettings.colour: unknown key, ignored",
                "secretsManagementSettings.pollingInterval: unknown key, ignored: did you mean \
             pollingIntervalInS?",
            ]
        );
    }
}
