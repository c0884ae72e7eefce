//! What all settings have to pass.

use std::fs;
use std::sync::LazyLock;

use acceptance::workspace;
use extension_settings::{Settings, VaultSuffixes};
use jsonschema::Validator;
use serde_json::Value;

/// The settings as the extension reads them; `whose` they are stands in a complaint.
#[track_caller]
pub(crate) fn accepted(whose: &str, settings: &Value) -> Settings {
    static SCHEMA: LazyLock<Validator> = LazyLock::new(|| {
        let path = workspace().join("crates/extension-settings/schema/settings.schema.json");
        let schema = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        jsonschema::draft202012::new(&schema).unwrap()
    });
    let refusal = SCHEMA.validate(settings).map_err(|error| error.to_string());
    assert_eq!(refusal, Ok(()), "{whose}: {settings:#}");
    match extension_settings::parse(settings, &VaultSuffixes::known()) {
        Ok(parsed) => {
            assert!(parsed.warnings.is_empty(), "{whose}: {:?}", parsed.warnings);
            parsed.settings
        }
        Err(problems) => panic!("{whose}: {problems}"),
    }
}
