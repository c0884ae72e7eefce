//! `HandlerEnvironment.json`: where the agent wants logs, settings, status and heartbeat.

use std::path::PathBuf;

use serde::Deserialize;

use crate::document::{DocumentError, parse_first, without_byte_order_mark};

const DOCUMENT: &str = "HandlerEnvironment.json";

/// The places that the guest agent gives to an extension (exthandlers.py:2195-2214). Every path
/// must come from here: the agent's library and log folders are configurable, and Azure Arc uses
/// other ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandlerEnvironment {
    /// The handler's full name, `Publisher.Type`, where the agent says it.
    pub name: Option<String>,
    /// Folder for log files; shared by all versions of the extension and kept at uninstall.
    pub log_folder: PathBuf,
    /// Folder of the `N.settings` files.
    pub config_folder: PathBuf,
    /// Folder of the `N.status` files.
    pub status_folder: PathBuf,
    /// The heartbeat's file.
    pub heartbeat_file: PathBuf,
    /// Folder for telemetry events; absent while the agent's telemetry feature is off.
    pub events_folder: Option<PathBuf>,
}

impl HandlerEnvironment {
    /// Reads the file's content. Unknown keys are ignored: agents add some over time.
    ///
    /// # Errors
    /// When the content is not an array of one object, or one of the four required paths is
    /// missing or not absolute. A missing file is the caller's to report.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        let raw: Raw = parse_first(DOCUMENT, without_byte_order_mark(bytes))?;
        let folders = raw.handler_environment;
        Ok(Self {
            name: raw.name,
            log_folder: absolute("logFolder", folders.log_folder)?,
            config_folder: absolute("configFolder", folders.config_folder)?,
            status_folder: absolute("statusFolder", folders.status_folder)?,
            heartbeat_file: absolute("heartbeatFile", folders.heartbeat_file)?,
            events_folder: folders
                .events_folder
                .or(folders.events_folder_preview)
                .map(|path| absolute("eventsFolder", path))
                .transpose()?,
        })
    }
}

fn absolute(key: &'static str, path: PathBuf) -> Result<PathBuf, DocumentError> {
    if path.is_absolute() {
        return Ok(path);
    }
    let problem = format!(
        "handlerEnvironment.{key} must be an absolute path, but is \"{}\"",
        path.display().to_string().escape_debug()
    );
    Err(DocumentError::Content { document: DOCUMENT, problem })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    name: Option<String>,
    handler_environment: RawFolders,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawFolders {
    log_folder: PathBuf,
    config_folder: PathBuf,
    status_folder: PathBuf,
    heartbeat_file: PathBuf,
    events_folder: Option<PathBuf>,
    #[serde(rename = "eventsFolder_preview")]
    events_folder_preview: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        HandlerEnvironment::parse(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn the_older_name_of_the_events_folder_is_known() {
        let text = r#"[{"handlerEnvironment": {"logFolder": "/l", "configFolder": "/c",
            "statusFolder": "/s", "heartbeatFile": "/h", "eventsFolder_preview": "/e"}}]"#;
        let environment = HandlerEnvironment::parse(text.as_bytes()).unwrap();
        assert_eq!(environment.events_folder, Some(PathBuf::from("/e")));
        assert_eq!(environment.name, None);
    }

    #[test]
    fn a_byte_order_mark_does_no_harm() {
        let text = "\u{FEFF}[{\"handlerEnvironment\": {\"logFolder\": \"/l\",
            \"configFolder\": \"/c\", \"statusFolder\": \"/s\", \"heartbeatFile\": \"/h\"}}]";
        assert!(HandlerEnvironment::parse(text.as_bytes()).is_ok());
    }

    #[test]
    fn a_missing_folder_is_named() {
        let text = r#"[{"handlerEnvironment": {"logFolder": "/l", "configFolder": "/c"}}]"#;
        assert_eq!(refusal(text), "HandlerEnvironment.json: missing field `statusFolder`");
    }

    #[test]
    fn a_relative_path_is_refused_by_name() {
        let text = r#"[{"handlerEnvironment": {"logFolder": "logs", "configFolder": "/c",
            "statusFolder": "/s", "heartbeatFile": "/h"}}]"#;
        assert_eq!(
            refusal(text),
            "HandlerEnvironment.json: handlerEnvironment.logFolder must be an absolute path, \
             but is \"logs\""
        );
    }
}
