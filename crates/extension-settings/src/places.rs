//! Every known key at its place, whatever level it was written at.

use std::collections::VecDeque;

use serde_json::Value;

use crate::claims::{Claim, Claims};
use crate::field::{Field, Object};
use crate::key::{Level, home, known_at, nearest};
use crate::remark::Remarks;
use crate::settings::MOST_CERTIFICATES;

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
        if let Some(section) = section.object(sorter.remarks) {
            sorter.open(level, section, misplaced);
        }
    }
    sorter.entries();
    sorter.places
}

struct Sorter<'r> {
    places: Places,
    /// Sections still to be opened, and whether they stand at a wrong place. A queue instead of
    /// recursion: how deep sections stand in each other is the document's choice.
    queue: VecDeque<(Level, Field, bool)>,
    remarks: &'r mut Remarks,
}

impl Sorter<'_> {
    fn open(&mut self, level: Level, object: Object, misplaced: bool) {
        for (key, field) in object.fields() {
            if let Some(section) = Level::of_section(&key) {
                let right = level == Level::Root && section != Level::Override;
                if !right && !misplaced {
                    self.warn_misplaced(&field, section.section_place());
                }
                self.queue.push_back((section, field, misplaced || !right));
            } else if level == Level::Root && WRAPPERS.contains(&&*key) && may_hold_keys(&field) {
                let text = "the settings stand in an object of their own, read all the same: \
                    give what is inside it";
                self.remarks.warning(&field.path, text);
                self.queue.push_back((Level::Root, field, misplaced));
            } else {
                self.place(level, &key, field, misplaced);
            }
        }
    }

    /// Brings a key that was found outside the entries, and is no section, to its place.
    fn place(&mut self, level: Level, key: &str, field: Field, misplaced: bool) {
        let (target, name) = match (known_at(level, key), home(key)) {
            (Some(name), _) => (level, name),
            (None, Some((Level::Entry, "acls"))) => (Level::Secrets, "acls"),
            (None, Some((target @ (Level::Secrets | Level::Identity), name))) => (target, name),
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

    fn entries(&mut self) {
        let Some(list) = self.places.secrets.take("observedCertificates") else {
            let text = "missing: list the URLs of the certificates' secrets, \
                [\"https://VAULT.vault.azure.net/secrets/NAME\"]";
            return self.remarks.problem("secretsManagementSettings.observedCertificates", text);
        };
        let path = list.path.clone();
        let Some(entries) = self.list(list) else { return };
        if entries.is_empty() {
            self.remarks.problem(&path, "must name at least one certificate, but is empty");
        } else if entries.len() > MOST_CERTIFICATES {
            let text = format!(
                "has {} entries, but at most {MOST_CERTIFICATES} are read: use several machines",
                entries.len()
            );
            self.remarks.problem(&path, text);
        } else {
            let entries = entries.into_iter().filter_map(|entry| self.entry(entry)).collect();
            self.places.entries = entries;
        }
    }

    /// The list itself, or the one element that was written without brackets.
    fn list(&mut self, list: Field) -> Option<Vec<Field>> {
        let alone = match &list.value {
            Value::Object(_) => true,
            Value::String(text) => !text.trim_start().starts_with(['[', '{', '"']),
            _ => false,
        };
        if !alone {
            return list.array(self.remarks);
        }
        self.remarks.warning(&list.path, "one certificate without brackets, read as a list of one");
        Some(vec![list])
    }

    fn entry(&mut self, entry: Field) -> Option<Entry> {
        let path = entry.path.clone();
        let mut found = Entry { path, keys: Claims::default(), identity: Claims::default() };
        if may_hold_keys(&entry) {
            for (key, field) in entry.object(self.remarks)?.fields() {
                self.place_in_entry(&mut found, &key, field);
            }
        } else if entry.value.is_string() {
            found.keys.claim("url", Claim { field: entry, misplaced: false }, self.remarks);
        } else {
            entry.refuse::<()>("a URL or an object with a url", self.remarks)?;
        }
        Some(found)
    }

    fn place_in_entry(&mut self, entry: &mut Entry, key: &str, field: Field) {
        match (known_at(Level::Entry, key), home(key)) {
            (Some("authenticationOverride"), _) => self.identity_of(entry, field),
            (Some(name), _) => {
                entry.keys.claim(name, Claim { field, misplaced: false }, self.remarks);
            }
            (None, Some((Level::Root, "authenticationSettings"))) => {
                let text = "is called authenticationOverride in an entry; honoured as that";
                self.remarks.warning(&field.path, text);
                self.identity_of(entry, field);
            }
            (None, Some((Level::Identity, name))) => {
                self.warn_misplaced(&field, Level::Override.described());
                entry.identity.claim(name, Claim { field, misplaced: true }, self.remarks);
            }
            (None, Some((Level::Secrets, name))) if name != "observedCertificates" => {
                self.warn_misplaced(&field, Level::Secrets.described());
                self.places.secrets.claim(name, Claim { field, misplaced: true }, self.remarks);
            }
            (None, Some((target, _))) => self.refuse_misplaced(&field, target),
            (None, None) => self.warn_unknown(Level::Entry, key, &field),
        }
    }

    fn identity_of(&mut self, entry: &mut Entry, section: Field) {
        let Some(section) = section.object(self.remarks) else { return };
        for (key, field) in section.fields() {
            match (known_at(Level::Override, &key), home(&key)) {
                (Some(name), _) => {
                    let claim = Claim { field, misplaced: false };
                    entry.identity.claim(name, claim, self.remarks);
                }
                (None, Some((target, _))) => self.refuse_misplaced(&field, target),
                (None, None) => self.warn_unknown(Level::Override, &key, &field),
            }
        }
    }

    fn warn_misplaced(&mut self, field: &Field, place: &str) {
        self.remarks
            .warning(&field.path, format!("belongs {place}; honoured as if it stood there"));
    }

    fn refuse_misplaced(&mut self, field: &Field, target: Level) {
        let text = format!("belongs {}: move it there", target.described());
        self.remarks.problem(&field.path, text);
    }

    fn warn_unknown(&mut self, level: Level, key: &str, field: &Field) {
        let nearest = if self.remarks.keeps_warnings() { nearest(level, key) } else { None };
        let text = match nearest {
            Some(known) => format!("unknown key, ignored: did you mean {known}?"),
            None => "unknown key, ignored".to_owned(),
        };
        self.remarks.warning(&field.path, text);
    }
}

impl Places {
    /// Where the keys of a level outside the entries are kept.
    fn at(&mut self, level: Level) -> &mut Claims {
        match level {
            Level::Identity | Level::Override => &mut self.identity,
            Level::Logging => &mut self.logging,
            _ => &mut self.secrets,
        }
    }
}

/// Whether a value is an object, or a string that looks like one.
fn may_hold_keys(field: &Field) -> bool {
    match &field.value {
        Value::String(text) => text.trim_start().starts_with('{'),
        value => value.is_object(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The places, the warnings and the problems of a document.
    fn sorted(document: Value) -> (Places, Vec<String>, Vec<String>) {
        let mut remarks = Remarks::default();
        let object = Field::new(String::new(), document).object(&mut remarks).unwrap();
        let places = sort(object, &mut remarks);
        let left = remarks.conclude(None).unwrap_err();
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
    fn keys_for_all_certificates_are_honoured_in_an_entry_unless_they_differ() {
        let entry = |flag: bool| json!({"url": "https://a", "requireInitialSync": flag});
        let document = |second: bool| json!({"secretsManagementSettings": {"observedCertificates": [entry(true), entry(second)]}});
        let (mut places, warnings, problems) = sorted(document(true));
        assert_eq!((warnings.len(), problems.len()), (2, 0));
        assert_eq!(places.secrets.take("requireInitialSync").unwrap().value, true);
        assert!(sorted(document(false)).2[0].contains("differs from"));
    }

    #[test]
    fn an_identity_in_an_entry_is_found_in_three_ways() {
        for entry in [
            json!({"authenticationOverride": {"msiClientId": "c"}}),
            json!({"authenticationSettings": {"msiClientId": "c"}}),
            json!({"msiClientId": "c"}),
        ] {
            let document = json!({"secretsManagementSettings": {"observedCertificates": [entry]}});
            let (mut places, _, problems) = sorted(document);
            assert_eq!(problems, Vec::<String>::new());
            assert_eq!(places.entries[0].identity.take("msiClientId").unwrap().value, "c");
        }
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

    #[test]
    fn unknown_keys_are_warned_about_with_the_nearest_known_one() {
        let (_, warnings, _) = sorted(json!({"secretsManagementSettings": {
            "observedCertificates": ["https://a"], "pollingInterval": 5, "colour": "red",
        }, "authenticationSettings": {"endpoint": "http://localhost"}}));
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

    #[test]
    fn a_single_certificate_may_stand_without_brackets() {
        for list in [json!("https://a"), json!({"url": "https://a"}), json!("[\"https://a\"]")] {
            let document = json!({"secretsManagementSettings": {"observedCertificates": list}});
            let (mut places, warnings, problems) = sorted(document);
            assert_eq!((warnings.len(), problems.len()), (1, 0));
            assert_eq!(places.entries[0].keys.take("url").unwrap().value, "https://a");
        }
    }

    #[test]
    fn a_list_that_is_missing_empty_or_endless_is_refused() {
        for (list, sentence) in [
            (json!(null), "missing: list the URLs"),
            (json!([]), "must name at least one"),
            (json!(7), "must be an array, but is 7"),
            (json!(vec!["https://a"; 20_001]), "has 20001 entries, but at most 20000"),
            (json!([null]), "[0]: must be a URL or an object with a url, but is null"),
        ] {
            let document = json!({"secretsManagementSettings": {"observedCertificates": list}});
            let problems = sorted(document).2;
            assert!(problems[0].contains(sentence), "{problems:?}");
        }
    }
}
