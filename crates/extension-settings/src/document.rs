//! From whatever was deployed to the object that holds the settings.

use serde_json::Value;

use crate::field::{Field, Object};
use crate::remark::Remarks;

const FORM: &str = "deploy the extension with settings such as {\"secretsManagementSettings\": \
    {\"observedCertificates\": [\"https://VAULT.vault.azure.net/secrets/NAME\"]}}";

/// The object at the document's top. Documents that can hold no settings at all get a sentence of
/// their own, since each has another cause.
pub(crate) fn settings_object(document: &Value, remarks: &mut Remarks) -> Option<Object> {
    let nothing = match document {
        Value::Null => "the settings are null",
        Value::Object(keys) if keys.is_empty() => "the settings are empty",
        Value::String(text) if text.trim().is_empty() => "the settings are an empty string",
        Value::Array(_) => "the settings are an array instead of an object",
        Value::Bool(_) => "the settings are a boolean instead of an object",
        Value::Number(_) => "the settings are a number instead of an object",
        Value::Object(keys)
            if keys.contains_key("$schema") && keys.contains_key("contentVersion") =>
        {
            "this is a whole ARM template or its parameters: give what stands under settings in the \
             extension's resource, which replaces it"
        }
        Value::String(_) | Value::Object(_) => {
            return Field::new(String::new(), document.clone()).object(remarks);
        }
    };
    remarks.problem("", format!("{nothing}: {FORM}"));
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::remark::Problems;

    fn refusal(document: &Value) -> Problems {
        let mut remarks = Remarks::default();
        assert!(settings_object(document, &mut remarks).is_none(), "{document}");
        remarks.finish()
    }

    #[test]
    fn documents_without_settings_have_a_sentence_each() {
        for (document, sentence) in [
            (json!(null), "the settings are null: deploy"),
            (json!({}), "the settings are empty: deploy"),
            (json!(""), "the settings are an empty string: deploy"),
            (json!([{}]), "the settings are an array instead of an object: deploy"),
            (json!(false), "the settings are a boolean instead of an object: deploy"),
            (json!(3600), "the settings are a number instead of an object: deploy"),
            (json!("settings.json"), "must be an object, but is the string \"settings.json\""),
        ] {
            let problems = refusal(&document);
            assert_eq!(problems.problems.len(), 1);
            assert!(problems.to_string().starts_with(sentence), "{problems}");
        }
    }

    #[test]
    fn settings_inside_a_string_are_read_with_a_warning() {
        let quoted = json!("{\"secretsManagementSettings\": {}}");
        let twice = json!(quoted.to_string());
        let backslashes = json!("{\\\"secretsManagementSettings\\\": {}}");
        for document in [quoted, twice, backslashes] {
            let mut remarks = Remarks::default();
            let object = settings_object(&document, &mut remarks).unwrap();
            assert!(object.keys.contains_key("secretsManagementSettings"), "{document}");
            assert_eq!(remarks.finish().warnings.len(), 1);
        }
    }
}
