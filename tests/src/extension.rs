//! One extension in a goal state.

use serde_json::{Map, Value, json};

use crate::Package;

/// What the goal state asks of one extension.
#[derive(Clone, Debug)]
pub struct Extension(Map<String, Value>);

impl Extension {
    /// Install this package, with no settings at all.
    pub fn new(package: &Package) -> Self {
        let mut fields = Map::new();
        fields.insert("handler".into(), json!(package.handler()));
        fields.insert("version".into(), json!(package.version()));
        fields.insert("package".into(), json!(package.path()));
        Self(fields)
    }

    /// With these public settings, whatever JSON they are.
    pub fn settings(self, sequence_number: u64, public: &Value) -> Self {
        self.with("sequence_number", json!(sequence_number)).with("public_settings", public.clone())
    }

    /// Installed, but not running.
    pub fn disabled(self) -> Self {
        self.with("state", json!("disabled"))
    }

    /// Removed.
    pub fn uninstalled(self) -> Self {
        self.with("state", json!("uninstall"))
    }

    /// After all extensions of a lower level; the default is 0.
    pub fn level(self, level: u64) -> Self {
        self.with("dependency_level", json!(level))
    }

    pub(crate) fn document(&self) -> Value {
        Value::Object(self.0.clone())
    }

    fn with(mut self, field: &str, value: Value) -> Self {
        self.0.insert(field.into(), value);
        self
    }
}
