//! What stands in settings and is nothing to the generation that they are said to be for.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value;

use super::Generation;
use crate::field::decode;
use crate::json_path::path_to;
use crate::key::OF_WINDOWS;
use crate::logging::LogEndpoint;
use crate::remark::Remark;
use crate::settings::{ObservedCertificate, Settings};

/// A key, and the generations that read it, from 1.x to 4.x.
type Known = (&'static str, [bool; 4]);

const YES: bool = true;
const NO: bool = false;

/// Keys outside the entries that not every generation reads; `docs/settings.md` has the same.
const SECTIONS: [Known; 5] = [
    ("requireInitialSync", [YES, YES, YES, NO]),
    ("certificateStoreLocation", [YES, YES, NO, YES]),
    ("aclEnabled", [NO, NO, YES, NO]),
    ("acls", [NO, NO, YES, YES]),
    ("loggingSettings", [NO, NO, YES, YES]),
];

/// Keys of an entry that not every generation with objects for entries reads.
const ENTRY: [Known; 2] =
    [("customSymbolicLinkName", [NO, NO, YES, NO]), ("authenticationOverride", [NO, NO, NO, YES])];

/// What [`Generation::explicit`] settles, where it matters.
const SETTLED_FOR_4: [&str; 3] = ["requireInitialSync", "aclEnabled", "customSymbolicLinkName"];

impl Generation {
    /// What in the settings this generation does not read or know, as signs that they are another
    /// one's: it has an effect here. `document` is where `settings` were read from; each key is
    /// named once.
    #[must_use]
    pub fn objections(self, document: &Value, settings: &Settings) -> Vec<Remark> {
        let mut seen = Seen {
            generation: self,
            all: BTreeSet::new(),
            named: BTreeSet::new(),
            objections: Vec::new(),
        };
        seen.object(document, "", false);
        let mut objections = seen.objections;
        let pinned = settings.certificates.iter().find(|one| one.id.version().is_some());
        if let (Self::Four, Some(pinned)) = (self, pinned) {
            let text = format!(
                "4.x knows no pinned versions, here {} stays at its version: leave that out of the \
                 URL to follow the newest",
                pinned.link_name
            );
            objections.push(Remark { path: String::new(), text });
        }
        objections.extend(self.kept_names(settings));
        let grants = settings.certificates.iter().any(|one| !one.acls.is_empty());
        if self == Self::Three && grants && !seen.all.contains("aclEnabled") {
            let text = "not given, so acls are applied here; the page of 3.x does not say what it \
                does then: getfacl tells who may read now";
            let path = "secretsManagementSettings.aclEnabled".to_owned();
            objections.push(Remark { path, text: text.to_owned() });
        }
        let socket = settings.logging.as_ref().map(|logging| &logging.endpoint);
        if let (Self::Three, Some(LogEndpoint::Unix(_))) = (self, socket) {
            let text = "a socket, which 4.x writes to and 3.x does not".to_owned();
            objections.push(Remark { path: "loggingSettings.endpoint".into(), text });
        }
        objections
    }

    /// Links that keep a name of one's own, though 4.x has none: another entry has the name that it
    /// would give.
    fn kept_names(self, settings: &Settings) -> Vec<Remark> {
        if self != Self::Four {
            return Vec::new();
        }
        let (explicit, _) = self.explicit(settings);
        let kept = |(index, one): (usize, &ObservedCertificate)| {
            let usual = ObservedCertificate::default_link_name(&one.id);
            (one.link_name != usual).then(|| Remark {
                path: format!(
                    "secretsManagementSettings.observedCertificates[{index}].customSymbolicLinkName"
                ),
                text: format!(
                    "stays, for another entry has the name {usual}, which 4.x gives to both"
                ),
            })
        };
        explicit.certificates.iter().enumerate().filter_map(kept).collect()
    }

    fn reads(self, known: [bool; 4]) -> bool {
        Self::ALL.iter().zip(known).any(|(generation, reads)| *generation == self && reads)
    }
}

struct Seen {
    generation: Generation,
    /// Every key.
    all: BTreeSet<String>,
    /// Those that were objected to.
    named: BTreeSet<String>,
    objections: Vec<Remark>,
}

impl Seen {
    fn object(&mut self, value: &Value, path: &str, in_entry: bool) {
        let value = unquoted(value);
        let Value::Object(keys) = value.as_ref() else { return };
        for (key, value) in keys.iter().filter(|(_, value)| !value.is_null()) {
            let path = path_to(path, key);
            let key = spelled(key);
            if key == "observedCertificates" {
                self.entries(value, &path);
                continue;
            }
            self.key(key, &path, in_entry);
            self.object(value, &path, in_entry);
        }
    }

    fn entries(&mut self, list: &Value, path: &str) {
        let list = unquoted(list);
        let Value::Array(entries) = list.as_ref() else { return self.entry(&list, path) };
        for (index, entry) in entries.iter().enumerate() {
            self.entry(entry, &format!("{path}[{index}]"));
        }
    }

    fn entry(&mut self, entry: &Value, path: &str) {
        let entry = unquoted(entry);
        match entry.as_ref() {
            Value::String(_) if self.generation == Generation::Four => {
                let text = "a plain URL, which 4.x does not read: is it 1.x or 2.x?";
                self.object_once("a URL", path, text);
            }
            Value::Object(_) if self.generation < Generation::Three => {
                let text = format!(
                    "an object, which {} does not read: is it 3.x or 4.x?",
                    self.generation
                );
                self.object_once("an object", path, &text);
            }
            entry => self.object(entry, path, true),
        }
    }

    fn key(&mut self, key: &str, path: &str, in_entry: bool) {
        self.all.insert(key.to_owned());
        if in_entry && key == "accounts" {
            // The parser has said it, and what to write instead.
            return;
        }
        if OF_WINDOWS.contains(&key) {
            return self.object_once(
                key,
                path,
                "left out: it means nothing on Linux, there and here",
            );
        }
        let table: &[Known] = if in_entry { &ENTRY } else { &SECTIONS };
        let Some((_, known)) = table.iter().find(|(known, _)| *known == key) else { return };
        let settled = self.generation == Generation::Four && SETTLED_FOR_4.contains(&key);
        if self.generation.reads(*known) || settled {
            return;
        }
        let readers = Generation::ALL.into_iter().filter(|generation| generation.reads(*known));
        let readers =
            readers.map(|generation| generation.to_string()).collect::<Vec<_>>().join(", ");
        let text = format!("not read by {}, only by {readers}; here it counts", self.generation);
        self.object_once(key, path, &text);
    }

    fn object_once(&mut self, key: &str, path: &str, text: &str) {
        if self.named.insert(key.to_owned()) {
            self.objections.push(Remark { path: path.to_owned(), text: text.to_owned() });
        }
    }
}

/// A value as the parser takes it: what a text holds as JSON, otherwise the value itself.
fn unquoted(value: &Value) -> Cow<'_, Value> {
    let held = value.as_str().and_then(decode);
    held.map_or(Cow::Borrowed(value), |(held, _)| Cow::Owned(held))
}

/// The name that the parser reads `key` as.
fn spelled(key: &str) -> &str {
    let tables = SECTIONS.iter().chain(&ENTRY).map(|(known, _)| *known);
    let mut known = tables.chain(OF_WINDOWS).chain(["observedCertificates"]);
    known.find(|known| known.eq_ignore_ascii_case(key)).unwrap_or(key)
}

#[cfg(test)]
mod tests {
    use object_id::VaultSuffixes;
    use serde_json::json;

    use super::*;

    const URL: &str = "https://contoso.vault.azure.net/secrets/web";

    fn objections(generation: Generation, document: &Value) -> Vec<String> {
        let settings = crate::parse(document, &VaultSuffixes::known()).unwrap().settings;
        let objections = generation.objections(document, &settings);
        objections.iter().map(ToString::to_string).collect()
    }

    fn entries(entries: Value) -> Value {
        json!({"secretsManagementSettings": {"observedCertificates": entries}})
    }

    /// The columns 1 to 4 of a table in the reference.
    fn columns(heading: &str) -> Vec<(String, [bool; 4])> {
        let page = include_str!("../../../../docs/settings.md");
        let table = page.split(heading).nth(1).unwrap().split("\n#").next().unwrap();
        let rows = table.lines().filter(|line| line.starts_with("| `"));
        let row = |row: &str| {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            let marks = &cells[cells.len() - 4..];
            let key = cells[0].trim_matches('`').to_owned();
            (key, [0, 1, 2, 3].map(|column| marks[column] == "•"))
        };
        rows.map(row).collect()
    }

    #[test]
    fn the_reference_says_the_same_of_every_key() {
        let ours_or_all = |known: &[bool; 4]| !known.contains(&true) || !known.contains(&false);
        let outside = columns("### `secretsManagementSettings`");
        let inside = columns("### An entry of");
        assert!(outside.len() > 10 && inside.len() > 10);
        let some: Vec<_> = outside.into_iter().filter(|(_, known)| !ours_or_all(known)).collect();
        for (key, known) in some.iter().map(|(key, known)| (key.as_str(), *known)) {
            assert!(SECTIONS.contains(&(key, known)), "{key}");
        }
        // 3.x and 4.x have entries that are objects; what both read is nothing to object to.
        for (key, known) in inside.iter().map(|(key, known)| (key.as_str(), *known)) {
            let differs = known[2] != known[3];
            assert_eq!(differs, ENTRY.contains(&(key, known)), "{key}");
        }
    }

    #[test]
    fn what_is_settled_for_4x_is_nothing_to_object_to() {
        let named = json!({"url": URL, "customSymbolicLinkName": "web"});
        let mut document = entries(json!([named]));
        for key in ["requireInitialSync", "aclEnabled"] {
            document["secretsManagementSettings"][key] = json!(false);
        }
        assert_eq!(objections(Generation::Four, &document), Vec::<String>::new());
        assert_eq!(objections(Generation::Three, &document), Vec::<String>::new());
    }

    #[test]
    fn what_another_generation_reads_is_named_once() {
        let overridden = json!({"url": URL, "authenticationOverride": {}});
        let api = json!({"url": format!("{URL}2"), "authenticationOverride": {}});
        let said = objections(Generation::Three, &entries(json!([overridden, api])));
        let path = "secretsManagementSettings.observedCertificates[0].authenticationOverride";
        assert_eq!(said, [format!("{path}: not read by 3.x, only by 4.x; here it counts")]);
        assert!(objections(Generation::Four, &entries(json!([overridden]))).is_empty());
    }

    #[test]
    fn urls_and_objects_tell_the_old_generations_from_the_new() {
        let (urls, objects) = (entries(json!([URL])), entries(json!([{"url": URL}])));
        for generation in Generation::ALL {
            let old = generation < Generation::Three;
            assert_eq!(objections(generation, &objects).len(), usize::from(old), "{generation}");
            let newest = generation == Generation::Four;
            assert_eq!(objections(generation, &urls).len(), usize::from(newest), "{generation}");
        }
    }

    #[test]
    fn acls_without_the_switch_for_them_are_no_certain_thing_with_3x() {
        let mut document = entries(json!([{"url": URL, "acls": [{"user": "app"}]}]));
        let said = objections(Generation::Three, &document);
        assert!(said[0].starts_with("secretsManagementSettings.aclEnabled: not given"), "{said:?}");
        assert!(objections(Generation::Four, &document).is_empty());
        document["secretsManagementSettings"]["aclEnabled"] = json!(null);
        assert_eq!(objections(Generation::Three, &document), said);
        document["secretsManagementSettings"]["aclEnabled"] = json!(true);
        assert!(objections(Generation::Three, &document).is_empty());
    }

    /// A quoted document, a quoted section, a quoted or lone entry, another case.
    #[test]
    fn keys_are_found_wherever_and_however_the_parser_reads_them() {
        let entry = json!({"url": URL, "acls": [{"user": "app"}], "authenticationOverride": {}});
        let section = |key: &str, list: Value| json!({key: true, "observedCertificates": list, "LinkOnRenewal": true});
        let lone = section("AclEnabled", entry.clone());
        let quoted = section("aclEnabled", json!(json!([entry]).to_string()));
        for document in [
            json!({"secretsManagementSettings": lone}),
            json!({"secretsManagementSettings": quoted}),
            json!({"secretsManagementSettings": lone.to_string()}),
            json!(json!({"secretsManagementSettings": quoted}).to_string()),
        ] {
            let said = objections(Generation::Three, &document);
            assert_eq!(said.len(), 2, "{said:?}");
            assert!(said[0].contains(".LinkOnRenewal: left out"), "{said:?}");
            assert!(said[1].contains(".authenticationOverride: not read by 3.x"), "{said:?}");
            let old = objections(Generation::Two, &document);
            assert!(old.iter().any(|one| one.contains("an object, which 2.x")), "{old:?}");
        }
    }

    #[test]
    fn a_name_that_cannot_become_that_of_4x_is_named() {
        let named = |url: String, name: &str| json!({"url": url, "customSymbolicLinkName": name});
        let pinned = format!("{URL}/{}", "0".repeat(32));
        let document = entries(json!([URL, named(pinned, "old"), named(format!("{URL}2"), "new")]));
        let said = objections(Generation::Four, &document);
        let stays: Vec<_> = said.iter().filter(|one| one.contains(": stays, for")).collect();
        assert_eq!(
            stays,
            [
                "secretsManagementSettings.observedCertificates[1].customSymbolicLinkName: stays, for \
              another entry has the name contoso.web, which 4.x gives to both"
            ]
        );
        assert!(objections(Generation::Three, &document).is_empty());
    }

    #[test]
    fn pins_sockets_and_windows_are_remarked_upon() {
        let pinned = entries(json!([{"url": format!("{URL}/{}", "0".repeat(32))}]));
        assert!(
            objections(Generation::Four, &pinned)[0].contains("contoso.web stays at its version")
        );
        assert!(objections(Generation::Three, &pinned).is_empty());
        let mut document = entries(json!([{"url": URL, "keyExportable": true}]));
        document["loggingSettings"] = json!({"endpoint": "unix:///run/fluent.sock"});
        let said = objections(Generation::Three, &document);
        assert!(said[0].ends_with("it means nothing on Linux, there and here"), "{said:?}");
        assert!(said[1].starts_with("loggingSettings.endpoint: a socket"), "{said:?}");
    }
}
