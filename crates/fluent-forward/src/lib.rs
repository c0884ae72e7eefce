//! Ships log events to a Fluentd or Fluent Bit receiver by the forward protocol
//! (<https://github.com/fluent/fluentd/wiki/Forward-Protocol-Specification-v1>): Forward mode, with
//! acknowledgements, over TCP or a Unix domain socket.
//!
//! [`Forwarder::send`] never waits: a bounded queue stands between the caller and the network.
//! While the receiver is away, the connection is tried again with growing pauses; what no longer
//! fits into the queue is counted, and the receiver is told how much it was. A batch that was not
//! acknowledged is sent again, so an event may arrive twice, and none is lost in between.

mod connection;
mod encode;
mod forwarder;

pub use connection::Endpoint;
pub use forwarder::Forwarder;

use std::time::SystemTime;

/// One log event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When it happened.
    pub time: SystemTime,
    /// Its fields, in the order in which they are sent.
    pub fields: Vec<(&'static str, String)>,
}
