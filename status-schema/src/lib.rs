//! The guest agent's contract: the documents that the Azure Linux agent hands to an extension, and
//! those that it reads back.
//!
//! | document | written by | type |
//! | --- | --- | --- |
//! | `HandlerEnvironment.json` | agent | [`HandlerEnvironment`] |
//! | `config/N.settings` | agent | [`RuntimeSettings`], chosen by a [`SequenceNumber`] |
//! | `status/N.status` | extension | [`StatusReport`] |
//! | heartbeat file | extension | [`Heartbeat`] |
//! | `HandlerManifest.json` | the package | [`HandlerManifest`] |
//!
//! Each has a JSON Schema in `schema/` and a golden document in `examples/`; tests hold schema,
//! example and type against each other. Nothing here touches the disk or the clock: bytes in,
//! bytes out, and time is a parameter. References such as `exthandlers.py:2195` are lines of
//! `azurelinuxagent/ga/` in WALinuxAgent 2.15.0.1.

mod document;
mod environment;
mod heartbeat;
mod manifest;
mod message;
mod runtime_settings;
mod sequence;
mod slip;
mod status;
pub mod timestamp;

pub use document::DocumentError;
pub use environment::HandlerEnvironment;
pub use heartbeat::{Heartbeat, HeartbeatState};
pub use manifest::HandlerManifest;
pub use runtime_settings::{RuntimeSettings, RuntimeSettingsError};
pub use sequence::{SequenceNumber, SequenceNumberError};
pub use status::{State, Status, StatusReport, Substatus};
