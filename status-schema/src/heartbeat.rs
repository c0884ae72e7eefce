//! The heartbeat file, which the agent reads at each report when the manifest asks for it.

use serde::{Deserialize, Serialize};

use crate::document::{DocumentError, parse_first, print_one};
use crate::message::FormattedMessage;

/// Whether the extension as a whole works. The agent passes the word on unchecked
/// (exthandlers.py:1104-1127), so only the two words that Azure knows can be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HeartbeatState {
    /// The extension works.
    Ready,
    /// The extension cannot work; the message says why.
    NotReady,
}

/// One beat. The agent calls a file older than 600 s `Unresponsive`, by its modification time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// Replaces the handler's status in the report.
    pub state: HeartbeatState,
    /// Ignored by the agent, kept for people; 0 is fine.
    pub code: i32,
    /// Replaces the handler's message in the report.
    pub message: String,
}

impl Heartbeat {
    /// The file's content. A blank message is replaced: the agent calls a heartbeat without one
    /// malformed.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let fallback = match self.state {
            HeartbeatState::Ready => "ready",
            HeartbeatState::NotReady => "not ready",
        };
        print_one(&Raw {
            version: 1.0,
            heartbeat: RawHeartbeat {
                status: self.state,
                code: self.code,
                formatted_message: FormattedMessage::new(&self.message, fallback),
            },
        })
    }

    /// Reads a heartbeat file back.
    ///
    /// # Errors
    /// When it is not an array of one heartbeat, or a key is missing.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        let Raw { heartbeat, .. } = parse_first("the heartbeat file", bytes)?;
        Ok(Self {
            state: heartbeat.status,
            code: heartbeat.code,
            message: heartbeat.formatted_message.message.into_owned(),
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Raw<'a> {
    version: f32,
    heartbeat: RawHeartbeat<'a>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawHeartbeat<'a> {
    status: HeartbeatState,
    code: i32,
    formatted_message: FormattedMessage<'a>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beat_has_exactly_the_agents_shape() {
        let beat = Heartbeat { state: HeartbeatState::NotReady, code: 3, message: "why".into() };
        let text = String::from_utf8(beat.to_json()).unwrap();
        assert_eq!(
            text,
            "[{\"version\":1.0,\"heartbeat\":{\"status\":\"NotReady\",\"code\":3,\
             \"formattedMessage\":{\"lang\":\"en-US\",\"message\":\"why\"}}}]"
        );
        assert_eq!(Heartbeat::parse(text.as_bytes()).unwrap(), beat);
    }

    #[test]
    fn the_message_is_never_missing() {
        let beat = Heartbeat { state: HeartbeatState::Ready, code: 0, message: String::new() };
        assert_eq!(Heartbeat::parse(&beat.to_json()).unwrap().message, "ready");
    }

    #[test]
    fn the_states_are_case_sensitive() {
        let text = br#"[{"version": 1.0, "heartbeat": {"status": "ready", "code": 0,
            "formattedMessage": {"lang": "en-US", "message": "m"}}}]"#;
        let refusal = Heartbeat::parse(text).unwrap_err().to_string();
        assert!(refusal.contains("unknown variant `ready`"), "{refusal}");
    }
}
