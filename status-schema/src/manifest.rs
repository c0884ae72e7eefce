//! `HandlerManifest.json`: how the agent is to call the package's commands.

use serde::Deserialize;
use serde_json::Value;

use crate::document::{DocumentError, parse_first, without_byte_order_mark};

const DOCUMENT: &str = "HandlerManifest.json";

/// A handler manifest, read more strictly than the agent does: a misspelt key or a string in the
/// place of a boolean, which the agent silently takes for false, is an error here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandlerManifest {
    /// Run once per version, before the first enable.
    pub install_command: String,
    /// Run for every change of settings and at every start of the agent.
    pub enable_command: String,
    /// Run before an update and before an uninstall.
    pub disable_command: String,
    /// Run in the new version, with the old one disabled.
    pub update_command: String,
    /// Run before the version's folder is deleted.
    pub uninstall_command: String,
    /// Whether the agent reads the heartbeat file.
    pub report_heartbeat: bool,
    /// Whether install runs in an update too (`updateMode`, exthandlers.py:2472).
    pub install_on_update: bool,
    /// Whether an update goes on when the old version's disable or uninstall fails.
    pub continue_on_update_failure: bool,
    /// Whether several instances of the extension may stand on one machine.
    pub supports_multiple_extensions: bool,
}

impl HandlerManifest {
    /// Reads the file's content.
    ///
    /// # Errors
    /// When it is not an array of one manifest, a command is missing, a key is unknown, or a
    /// boolean is written as a string.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        let raw: Raw = parse_first(DOCUMENT, without_byte_order_mark(bytes))?;
        let manifest = raw.handler_manifest;
        Ok(Self {
            install_command: command("installCommand", manifest.install_command)?,
            enable_command: command("enableCommand", manifest.enable_command)?,
            disable_command: command("disableCommand", manifest.disable_command)?,
            update_command: command("updateCommand", manifest.update_command)?,
            uninstall_command: command("uninstallCommand", manifest.uninstall_command)?,
            report_heartbeat: manifest.report_heartbeat,
            install_on_update: manifest.update_mode == UpdateMode::UpdateWithInstall,
            continue_on_update_failure: manifest.continue_on_update_failure,
            supports_multiple_extensions: manifest.supports_multiple_extensions,
        })
    }
}

/// The agent joins a command to the package's folder, leading slashes stripped, and gives it to a
/// shell: an absolute path would not mean what it says.
fn command(key: &'static str, text: String) -> Result<String, DocumentError> {
    if text.starts_with(|first: char| first != '/' && !first.is_whitespace()) {
        return Ok(text);
    }
    let problem = format!(
        "handlerManifest.{key} must be a command relative to the package, but is \"{}\"",
        text.escape_debug()
    );
    Err(DocumentError::Content { document: DOCUMENT, problem })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "keys that must be known but are not used")]
struct Raw {
    name: Option<String>,
    version: f32,
    handler_manifest: RawManifest,
    resource_limits: Option<Value>,
    signing_info: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawManifest {
    install_command: String,
    enable_command: String,
    disable_command: String,
    update_command: String,
    uninstall_command: String,
    #[serde(default)]
    report_heartbeat: bool,
    #[serde(default)]
    update_mode: UpdateMode,
    #[serde(default)]
    continue_on_update_failure: bool,
    #[serde(default)]
    supports_multiple_extensions: bool,
    /// Never read by the agent on Linux; the one on Windows does.
    #[serde(default)]
    #[expect(dead_code, reason = "must be known but is not used")]
    reboot_after_install: bool,
}

#[derive(Deserialize, Default, PartialEq, Eq)]
enum UpdateMode {
    #[default]
    UpdateWithInstall,
    UpdateWithoutInstall,
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &[u8] = include_bytes!("../../HandlerManifest.json");

    #[test]
    fn the_shipped_manifest_says_what_the_handler_relies_on() {
        let manifest = HandlerManifest::parse(SHIPPED).unwrap();
        assert_eq!(
            manifest,
            HandlerManifest {
                install_command: "bin/handler install".into(),
                enable_command: "bin/handler enable".into(),
                disable_command: "bin/handler disable".into(),
                update_command: "bin/handler update".into(),
                uninstall_command: "bin/handler uninstall".into(),
                report_heartbeat: true,
                install_on_update: true,
                continue_on_update_failure: false,
                supports_multiple_extensions: false,
            }
        );
    }

    #[test]
    fn mistakes_that_the_agent_overlooks_are_errors() {
        let shipped = std::str::from_utf8(SHIPPED).unwrap();
        let mistakes = [
            ("\"reportHeartbeat\": true", "\"reportHeartbeat\": \"true\"", "expected a boolean"),
            ("\"reportHeartbeat\"", "\"supportMultipleExtensions\"", "unknown field"),
            ("\"UpdateWithInstall\"", "\"updatewithinstall\"", "unknown variant"),
            ("\"enableCommand\"", "\"enablecommand\"", "unknown field"),
            ("bin/handler enable", "/bin/handler enable", "enableCommand must be a command"),
        ];
        for (right, wrong, sentence) in mistakes {
            assert!(shipped.contains(right), "{right}");
            let refusal = HandlerManifest::parse(shipped.replace(right, wrong).as_bytes());
            let refusal = refusal.unwrap_err().to_string();
            assert!(refusal.contains(sentence), "{refusal}");
        }
    }
}
