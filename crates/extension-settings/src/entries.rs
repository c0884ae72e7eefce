//! `observedCertificates`: each entry's keys at their places.

use serde_json::{Map, Value};

use crate::claims::{Claim, Claims};
use crate::field::Field;
use crate::key::{Level, OF_WINDOWS, home, known_at, nearest};
use crate::places::{Entry, Sorter, may_hold_keys};
use crate::settings::MOST_CERTIFICATES;

impl Sorter<'_> {
    /// Takes the list that was found apart.
    pub(crate) fn entries(&mut self) {
        let Some(list) = self.places.secrets.take("observedCertificates") else {
            let text = "missing: list the URLs of the certificates' secrets, \
                [\"https://VAULT.vault.azure.net/secrets/NAME\"]";
            return self.remarks.problem("secretsManagementSettings.observedCertificates", text);
        };
        let path = list.path.clone();
        let entries = if list.is_blank() { Some(Vec::new()) } else { self.list(list) };
        let Some(entries) = entries else { return };
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
            Value::Object(keys) => is_entry(keys),
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
            let entry = entry.object(self.remarks)?;
            for (key, field) in entry.fields(Level::Entry, self.remarks) {
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
            (None, Some((_, name))) if OF_WINDOWS.contains(&name) => self.ignore_of_windows(&field),
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
        if section.is_blank() {
            return drop(section.text(self.remarks));
        }
        let Some(section) = section.object(self.remarks) else { return };
        for (key, field) in section.fields(Level::Override, self.remarks) {
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
}

/// Whether an object is one certificate, and no map of several by names of their own.
fn is_entry(keys: &Map<String, Value>) -> bool {
    keys.is_empty() || keys.keys().any(|key| nearest(Level::Entry, key).is_some())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::places::tests::sorted;

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
    fn a_single_certificate_may_stand_without_brackets() {
        for list in [json!("https://a"), json!({"url": "https://a"}), json!("[\"https://a\"]")] {
            let document = json!({"secretsManagementSettings": {"observedCertificates": list}});
            let (mut places, warnings, problems) = sorted(document);
            assert_eq!((warnings.len(), problems.len()), (1, 0));
            assert_eq!(places.entries[0].keys.take("url").unwrap().value, "https://a");
        }
    }

    #[test]
    fn a_templates_variable_is_no_object() {
        for variable in ["{{ certificate }}", "{% certificate %}"] {
            let document =
                json!({"secretsManagementSettings": {"observedCertificates": [variable]}});
            let (mut places, _, problems) = sorted(document);
            assert_eq!(problems, Vec::<String>::new());
            assert_eq!(places.entries[0].keys.take("url").unwrap().value, variable);
        }
    }

    #[test]
    fn a_list_that_is_missing_empty_or_endless_is_refused() {
        for (list, sentence) in [
            (json!(null), "missing: list the URLs"),
            (json!([]), "must name at least one"),
            (json!(" "), "must name at least one"),
            (json!(7), "must be an array, but is 7"),
            (json!({"web": {"url": "https://a"}}), "must be an array, but is an object"),
            (json!({"web": "https://a", "api": "https://b"}), "must be an array, but is an object"),
            (json!(vec!["https://a"; 20_001]), "has 20001 entries, but at most 20000"),
            (json!([null]), "[0]: must be a URL or an object with a url, but is null"),
        ] {
            let document = json!({"secretsManagementSettings": {"observedCertificates": list}});
            let (_, warnings, problems) = sorted(document);
            assert!(problems[0].contains(sentence), "{problems:?}");
            assert_eq!(warnings, Vec::<String>::new());
        }
    }
}
