//! `N.settings`: the customer's settings as the agent wraps them.

use std::fmt;

use serde_json::{Map, Value};

use crate::document::{DocumentError, kind, parse_value, without_byte_order_mark};
use crate::slip;

const DOCUMENT: &str = "the settings file";

/// The settings in an `N.settings` file. Their content is the business of whoever knows the
/// extension's settings; here they are any JSON value but null.
#[derive(Debug, Clone, PartialEq)]
pub struct RuntimeSettings {
    /// `publicSettings`, as given.
    pub public: Value,
    /// Whether protected settings came along. They are not decrypted: this extension has none, and
    /// the caller should say that they are ignored.
    pub protected_present: bool,
}

/// Why a settings file gives no settings. Each case has a sentence of its own, because each has
/// another cause.
#[derive(Debug)]
pub enum RuntimeSettingsError {
    /// The file is empty: the agent writes that when the deployment gave no settings at all
    /// (exthandlers.py:2171). It then never reads a status either.
    Empty,
    /// `publicSettings` is null or absent: the deployment gave none, or Azure could not read the
    /// JSON that it was given.
    NoPublicSettings,
    /// There are protected settings, but no public ones.
    OnlyProtectedSettings,
    /// Not what the agent writes: truncated, edited by hand, or another kind of file.
    Malformed(DocumentError),
    /// Not JSON, and what was done to it can be seen.
    Slip {
        /// What was done, and what to do about it.
        slip: &'static str,
        /// Where the parser stopped.
        source: serde_json::Error,
    },
}

impl RuntimeSettings {
    /// Reads the content of an `N.settings` file.
    ///
    /// # Errors
    /// One per reason why there are no settings in it; see [`RuntimeSettingsError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, RuntimeSettingsError> {
        handler_settings(file_content(bytes)?).and_then(Self::of)
    }

    /// Reads settings in any form in which a person keeps them in a file: an `N.settings` file,
    /// an object `{"publicSettings": …}`, or the bare settings.
    ///
    /// # Errors
    /// As [`Self::parse`]; a bare document is accepted whatever it holds, except null.
    pub fn parse_any_form(bytes: &[u8]) -> Result<Self, RuntimeSettingsError> {
        match file_content(bytes)? {
            Value::Object(file) if file.contains_key("runtimeSettings") => {
                handler_settings(Value::Object(file)).and_then(Self::of)
            }
            Value::Object(file)
                if file.contains_key("publicSettings")
                    || file.keys().all(|key| key == "protectedSettings") && !file.is_empty() =>
            {
                Self::of(file)
            }
            Value::Null => Err(RuntimeSettingsError::NoPublicSettings),
            bare => Ok(Self { public: bare, protected_present: false }),
        }
    }

    fn of(mut handler_settings: Map<String, Value>) -> Result<Self, RuntimeSettingsError> {
        let protected = handler_settings.remove("protectedSettings");
        let protected_present =
            !matches!(&protected, None | Some(Value::Null)) && protected != Some("".into());
        match handler_settings.remove("publicSettings") {
            None | Some(Value::Null) if protected_present => {
                Err(RuntimeSettingsError::OnlyProtectedSettings)
            }
            None | Some(Value::Null) => Err(RuntimeSettingsError::NoPublicSettings),
            Some(public) => Ok(Self { public, protected_present }),
        }
    }
}

fn file_content(bytes: &[u8]) -> Result<Value, RuntimeSettingsError> {
    let bytes = without_byte_order_mark(bytes);
    parse_value(DOCUMENT, bytes).map_err(|error| match error {
        DocumentError::Empty { .. } => RuntimeSettingsError::Empty,
        DocumentError::Syntax { document, source } => not_json(bytes, document, source),
        error => RuntimeSettingsError::Malformed(error),
    })
}

fn not_json(
    bytes: &[u8],
    document: &'static str,
    source: serde_json::Error,
) -> RuntimeSettingsError {
    match slip::recognise(bytes, &source) {
        Some(slip) => RuntimeSettingsError::Slip { slip, source },
        None => RuntimeSettingsError::Malformed(DocumentError::Syntax { document, source }),
    }
}

/// `runtimeSettings[0].handlerSettings`.
fn handler_settings(file: Value) -> Result<Map<String, Value>, RuntimeSettingsError> {
    let mut file = object("the document", Some(file))?;
    let first = match file.remove("runtimeSettings") {
        Some(Value::Array(elements)) => elements.into_iter().next(),
        other => return Err(malformed("runtimeSettings", "an array", other.as_ref())),
    };
    let mut first = object("runtimeSettings[0]", first)?;
    object("runtimeSettings[0].handlerSettings", first.remove("handlerSettings"))
}

fn object(path: &str, value: Option<Value>) -> Result<Map<String, Value>, RuntimeSettingsError> {
    match value {
        Some(Value::Object(object)) => Ok(object),
        other => Err(malformed(path, "an object", other.as_ref())),
    }
}

fn malformed(path: &str, expected: &str, found: Option<&Value>) -> RuntimeSettingsError {
    let found = found.map_or("missing", kind);
    let problem = format!("{path} must be {expected}, but is {found}");
    RuntimeSettingsError::Malformed(DocumentError::Content { document: DOCUMENT, problem })
}

impl fmt::Display for RuntimeSettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str(
                "the settings file is empty: the extension was deployed without settings; \
                 deploy it again with secretsManagementSettings.observedCertificates",
            ),
            Self::NoPublicSettings => f.write_str(
                "publicSettings is null: the extension was deployed without settings, or with \
                 settings that are not valid JSON; deploy it again with --settings",
            ),
            Self::OnlyProtectedSettings => f.write_str(
                "there are protected settings but no public ones: this extension reads public \
                 settings only; deploy it again with --settings instead of --protected-settings",
            ),
            Self::Malformed(error) => error.fmt(f),
            Self::Slip { slip, source } => {
                let (line, column) = (source.line(), source.column());
                write!(f, "{DOCUMENT} is not JSON at line {line}, column {column}: {slip}")
            }
        }
    }
}

impl std::error::Error for RuntimeSettingsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Malformed(error) => std::error::Error::source(error),
            Self::Slip { source, .. } => Some(source),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wrapped(handler_settings: &Value) -> Vec<u8> {
        json!({"runtimeSettings": [{"handlerSettings": handler_settings}]}).to_string().into_bytes()
    }

    fn refusal(bytes: &[u8]) -> String {
        RuntimeSettings::parse(bytes).unwrap_err().to_string()
    }

    #[test]
    fn public_settings_are_handed_on_as_they_are() {
        for public in [json!({"a": 1}), json!("{\"a\": 1}"), json!([1]), json!(7)] {
            let file = wrapped(&json!({"publicSettings": public, "protectedSettings": null}));
            let settings = RuntimeSettings::parse(&file).unwrap();
            assert_eq!(settings, RuntimeSettings { public, protected_present: false });
        }
    }

    #[test]
    fn protected_settings_beside_public_ones_are_noticed() {
        let file = wrapped(&json!({"publicSettings": {}, "protectedSettings": "TUlJ"}));
        assert!(RuntimeSettings::parse(&file).unwrap().protected_present);
    }

    #[test]
    fn an_empty_file_null_settings_and_protected_ones_alone_are_told_apart() {
        assert!(matches!(RuntimeSettings::parse(b""), Err(RuntimeSettingsError::Empty)));
        let null = json!({"publicSettings": null, "protectedSettings": null});
        for file in [wrapped(&null), wrapped(&json!({}))] {
            let error = RuntimeSettings::parse(&file).unwrap_err();
            assert!(matches!(error, RuntimeSettingsError::NoPublicSettings));
        }
        let protected = json!({"publicSettings": null, "protectedSettings": "TUlJ"});
        let error = RuntimeSettings::parse(&wrapped(&protected)).unwrap_err();
        assert!(matches!(error, RuntimeSettingsError::OnlyProtectedSettings));
    }

    #[test]
    fn a_malformed_file_is_explained_by_the_path() {
        assert!(refusal(b"{\"runtimeSettings\": [{").starts_with("the settings file is not JSON"));
        let document = "the settings file:";
        assert_eq!(
            refusal(b"[]"),
            format!("{document} the document must be an object, but is an array")
        );
        assert_eq!(
            refusal(b"{}"),
            format!("{document} runtimeSettings must be an array, but is missing")
        );
        assert_eq!(
            refusal(br#"{"runtimeSettings": []}"#),
            format!("{document} runtimeSettings[0] must be an object, but is missing")
        );
        assert_eq!(
            refusal(&wrapped(&json!("x"))),
            format!(
                "{document} runtimeSettings[0].handlerSettings must be an object, but is a string"
            )
        );
    }

    #[test]
    fn a_slip_of_the_hand_is_explained_with_its_place() {
        let sentence = "the settings file is not JSON at line 2, column 8: there are single quotes \
            in it: write \" instead";
        let error = RuntimeSettings::parse_any_form(b"{\n  \"a\": 'b'}").unwrap_err();
        assert_eq!(error.to_string(), sentence);
        assert!(std::error::Error::source(&error).is_some());
    }

    #[test]
    fn settings_kept_by_hand_are_read_in_three_forms() {
        let wanted = RuntimeSettings { public: json!({"a": 1}), protected_present: false };
        let full = wrapped(&json!({"publicSettings": {"a": 1}}));
        let forms: [&[u8]; 4] =
            [&full, br#"{"publicSettings": {"a": 1}}"#, br#"{"a": 1}"#, b"\xEF\xBB\xBF{\"a\": 1}"];
        for form in forms {
            assert_eq!(RuntimeSettings::parse_any_form(form).unwrap(), wanted);
        }
        assert!(RuntimeSettings::parse_any_form(b"null").is_err());
        let protected = RuntimeSettings::parse_any_form(br#"{"protectedSettings": {"a": 1}}"#);
        assert!(matches!(protected, Err(RuntimeSettingsError::OnlyProtectedSettings)));
        let empty = RuntimeSettings::parse_any_form(b"{}").unwrap();
        assert_eq!(empty.public, json!({}));
        assert!(RuntimeSettings::parse_any_form(b" ").is_err());
    }

    #[test]
    fn the_content_of_protected_settings_is_never_quoted() {
        let file = wrapped(&json!({"publicSettings": null, "protectedSettings": "TUlJc2VjcmV0"}));
        let error = RuntimeSettings::parse(&file).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("TUlJ"));
    }
}
