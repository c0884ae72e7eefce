//! What holds of any document. Shared by the property test and the fuzz target.

use std::collections::BTreeSet;
use std::path::Component;

use extension_settings::{Generation, Settings, StoreLocation, parse};
use object_id::VaultSuffixes;
use serde_json::Value;

/// What is taken has certificates, with links that nobody else writes and that stay in their
/// stores, and reads back the same; what is refused is refused in a bounded sentence.
pub(crate) fn hold(document: &Value) {
    match parse(document, &VaultSuffixes::known()) {
        Ok(parsed) => {
            reads_back(&parsed.settings);
            for generation in Generation::ALL {
                let (explicit, _) = generation.explicit(&parsed.settings);
                // Names of one's own, which 4.x does not have, can keep two entries apart.
                match parse(&explicit.to_document(), &VaultSuffixes::known()) {
                    Ok(read) => assert_eq!(read.settings, explicit),
                    Err(problems) => assert_eq!(generation, Generation::Four, "{problems}"),
                }
                let objections = generation.objections(document, &parsed.settings);
                assert!(objections.iter().all(|one| !one.text.is_empty()));
            }
            let directories: BTreeSet<_> =
                parsed.settings.written_directories().into_iter().collect();
            let certificates = parsed.settings.certificates;
            assert!(!certificates.is_empty());
            let mut links = BTreeSet::new();
            for certificate in &certificates {
                let StoreLocation::Directory { path, .. } = &certificate.store;
                let name = &certificate.link_name;
                assert!(path.is_absolute() && !name.is_empty() && !name.contains(['/', '\0']));
                assert!(links.insert((path, name)), "{path:?} {name} is written twice");
            }
            let outputs: Vec<_> = certificates.iter().flat_map(|one| &one.outputs).collect();
            let paths: BTreeSet<_> = outputs.iter().map(|output| output.path()).collect();
            assert_eq!(paths.len(), outputs.len(), "an output is written twice");
            for path in paths {
                let plain = path.components().skip(1).all(|c| matches!(c, Component::Normal(_)));
                assert!(path.is_absolute() && plain, "{path:?}");
                assert!(path.parent().is_some_and(|parent| directories.contains(parent)));
            }
        }
        Err(problems) => {
            assert!(!problems.problems.is_empty() && problems.to_string().len() < 60_000);
        }
    }
}

/// Printing and parsing agree, also about the case in which a vault was typed, which names files
/// and does not make two names differ.
fn reads_back(settings: &Settings) {
    let document = settings.to_document();
    let read = parse(&document, &VaultSuffixes::known());
    let read = read.unwrap_or_else(|problems| panic!("{document}: {problems}")).settings;
    assert_eq!(read, *settings, "{document}");
    let typed = |settings: &Settings| {
        let ids = settings.certificates.iter().map(|one| &one.id);
        ids.map(|id| format!("{}.{}", id.vault().name(), id.name())).collect::<Vec<_>>()
    };
    assert_eq!(typed(&read), typed(settings));
}
