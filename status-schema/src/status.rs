//! `N.status`: what the portal shows, and what the agent's dependency ordering waits for.

use std::borrow::Cow;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::document::{DocumentError, parse_first, print_one};
use crate::message::{FormattedMessage, printable};
use crate::timestamp;

const DOCUMENT: &str = "the status file";

/// The four states that the agent knows, case-sensitive in the file. Its ordering goes on at
/// `Success` and `Error` only (exthandlers.py:134): `Warning` at the top level makes dependents
/// wait until they are given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Still working towards the result.
    Transitioning,
    /// Failed.
    Error,
    /// Done.
    Success,
    /// Done, with something to look at. For substatuses.
    Warning,
}

impl State {
    /// The word in the file.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Transitioning => "transitioning",
            Self::Error => "error",
            Self::Success => "success",
            Self::Warning => "warning",
        }
    }
}

/// The content of one `N.status` file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusReport {
    /// When this was written (`timestampUTC`; the agent replaces it by the time of reporting).
    pub written: SystemTime,
    /// What is reported.
    pub status: Status,
}

/// The status itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// For people reading the file; the agent reports the handler's name instead.
    pub name: String,
    /// What was going on, for example `Enable`.
    pub operation: String,
    /// Since when these settings have been in force.
    pub applied: SystemTime,
    /// The state that counts.
    pub state: State,
    /// 0 is fine; the meaning of other codes is the extension's own.
    pub code: i32,
    /// The sentence in the portal.
    pub message: String,
    /// Parts with a state of their own.
    pub substatuses: Vec<Substatus>,
}

/// One part of the status, for example one certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Substatus {
    /// What this part is called.
    pub name: String,
    /// Its state.
    pub state: State,
    /// 0 is fine; the meaning of other codes is the extension's own.
    pub code: i32,
    /// Its sentence.
    pub message: String,
}

impl StatusReport {
    /// The file's content, on one line, in the exact shape that the agent accepts. Blank names and
    /// messages are filled in (see the agent's trap at exthandlers.py:2418). The caller keeps the
    /// length within the agent's limit of 128 KiB: compare this function's result.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let status = &self.status;
        print_one(&Raw {
            version: 1.0,
            timestamp_utc: Cow::Owned(timestamp::print(self.written)),
            status: RawStatus {
                name: printable(&status.name, "unnamed"),
                operation: printable(&status.operation, "unnamed"),
                configuration_applied_time: Cow::Owned(timestamp::print(status.applied)),
                status: status.state,
                code: status.code,
                formatted_message: FormattedMessage::new(&status.message, status.state.word()),
                substatus: status.substatuses.iter().map(RawSubstatus::of).collect(),
            },
        })
    }

    /// Reads a status file back. Stricter than the agent: everything that [`Self::to_json`] writes
    /// must be there.
    ///
    /// # Errors
    /// When it is not an array of one status, a key is missing, or a state or time is unknown.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        let raw: Raw<'static> = parse_first(DOCUMENT, bytes)?;
        let status = raw.status;
        Ok(Self {
            written: instant("timestampUTC", &raw.timestamp_utc)?,
            status: Status {
                name: status.name.into_owned(),
                operation: status.operation.into_owned(),
                applied: instant("configurationAppliedTime", &status.configuration_applied_time)?,
                state: status.status,
                code: status.code,
                message: status.formatted_message.message.into_owned(),
                substatuses: status.substatus.into_iter().map(RawSubstatus::into).collect(),
            },
        })
    }
}

fn instant(key: &str, text: &str) -> Result<SystemTime, DocumentError> {
    timestamp::parse(text).ok_or_else(|| DocumentError::Content {
        document: DOCUMENT,
        problem: format!("{key} is not an RFC 3339 time: \"{}\"", text.escape_debug()),
    })
}

#[derive(Serialize, Deserialize)]
struct Raw<'a> {
    version: f32,
    #[serde(rename = "timestampUTC")]
    timestamp_utc: Cow<'a, str>,
    status: RawStatus<'a>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawStatus<'a> {
    name: Cow<'a, str>,
    operation: Cow<'a, str>,
    configuration_applied_time: Cow<'a, str>,
    status: State,
    code: i32,
    formatted_message: FormattedMessage<'a>,
    substatus: Vec<RawSubstatus<'a>>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawSubstatus<'a> {
    name: Cow<'a, str>,
    status: State,
    code: i32,
    formatted_message: FormattedMessage<'a>,
}

impl<'a> RawSubstatus<'a> {
    fn of(part: &'a Substatus) -> Self {
        Self {
            name: printable(&part.name, "unnamed"),
            status: part.state,
            code: part.code,
            formatted_message: FormattedMessage::new(&part.message, part.state.word()),
        }
    }
}

impl From<RawSubstatus<'_>> for Substatus {
    fn from(raw: RawSubstatus<'_>) -> Self {
        Self {
            name: raw.name.into_owned(),
            state: raw.status,
            code: raw.code,
            message: raw.formatted_message.message.into_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn report() -> StatusReport {
        StatusReport {
            written: UNIX_EPOCH + Duration::from_secs(1_769_851_800),
            status: Status {
                name: "Key Vault".into(),
                operation: "Enable".into(),
                applied: UNIX_EPOCH + Duration::from_secs(1_769_851_799),
                state: State::Success,
                code: 0,
                message: "1 of 1 certificates installed".into(),
                substatuses: vec![Substatus {
                    name: "contoso.web".into(),
                    state: State::Warning,
                    code: 7,
                    message: "expires soon".into(),
                }],
            },
        }
    }

    #[test]
    fn a_report_has_exactly_the_agents_shape() {
        let expected = concat!(
            r#"[{"version":1.0,"timestampUTC":"2026-01-31T09:30:00Z","status":{"name":"Key Vault","#,
            r#""operation":"Enable","configurationAppliedTime":"2026-01-31T09:29:59Z","#,
            r#""status":"success","code":0,"formattedMessage":{"lang":"en-US","#,
            r#""message":"1 of 1 certificates installed"},"substatus":[{"name":"contoso.web","#,
            r#""status":"warning","code":7,"formattedMessage":{"lang":"en-US","#,
            r#""message":"expires soon"}}]}}]"#
        );
        assert_eq!(String::from_utf8(report().to_json()).unwrap(), expected);
    }

    #[test]
    fn a_report_reads_back() {
        assert_eq!(StatusReport::parse(&report().to_json()).unwrap(), report());
    }

    #[test]
    fn no_name_or_message_is_ever_missing() {
        let mut blank = report();
        blank.status.name.clear();
        blank.status.message = "\n".into();
        blank.status.substatuses[0].name.clear();
        blank.status.substatuses[0].message.clear();
        let status = StatusReport::parse(&blank.to_json()).unwrap().status;
        assert_eq!((&*status.name, &*status.message), ("unnamed", "success"));
        let part = &status.substatuses[0];
        assert_eq!((&*part.name, &*part.message), ("unnamed", "warning"));
    }

    #[test]
    fn a_time_that_is_none_is_named() {
        let text = String::from_utf8(report().to_json()).unwrap();
        let text = text.replace("2026-01-31T09:29:59Z", "now");
        assert_eq!(
            StatusReport::parse(text.as_bytes()).unwrap_err().to_string(),
            "the status file: configurationAppliedTime is not an RFC 3339 time: \"now\""
        );
    }
}
