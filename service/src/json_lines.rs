//! The log as JSON, one object a line (<https://jsonlines.org>), for `AKVVM_LOG_FORMAT=json`.

use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use log::{LevelFilter, Log, Metadata, Record};
use serde_json::{Map, Value};
use simplelog::{Config, SharedLogger};
use worker_state::Timestamp;

use crate::clock;
use crate::log_fields::{self, is_ours};
use crate::shipping::level;

/// A logger that writes to a file or a stream.
pub(crate) struct JsonLines<W>(Mutex<W>);

impl<W: Write + Send + 'static> JsonLines<W> {
    pub(crate) fn to(output: W) -> Box<Self> {
        Box::new(Self(Mutex::new(output)))
    }
}

impl<W: Write + Send + 'static> Log for JsonLines<W> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_ours(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let mut output = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // A disk that is full has nowhere to say so.
            let _ = output.write_all(line(record, clock::wall()).as_bytes());
        }
    }

    fn flush(&self) {
        let _ = self.0.lock().unwrap_or_else(PoisonError::into_inner).flush();
    }
}

impl<W: Write + Send + 'static> SharedLogger for JsonLines<W> {
    fn level(&self) -> LevelFilter {
        LevelFilter::Info
    }

    fn config(&self) -> Option<&Config> {
        None
    }

    fn as_log(self: Box<Self>) -> Box<dyn Log> {
        self
    }
}

fn line(record: &Record<'_>, now: SystemTime) -> String {
    let mut object = Map::new();
    object.insert("time".into(), Timestamp::from(now).to_string().into());
    object.insert("level".into(), level(record.level()).into());
    for (name, value) in log_fields::fields(record) {
        object.insert(name.into(), value.into());
    }
    object.insert("message".into(), record.args().to_string().into());
    format!("{}\n", Value::Object(object))
}

#[cfg(test)]
mod tests {
    use log::Level;

    use super::*;

    #[test]
    fn a_line_is_one_object_whatever_the_words_hold() {
        let pairs = [("certificate", "web")];
        let record = Record::builder()
            .level(Level::Warn)
            .args(format_args!("two\nlines and a \"quote\""))
            .key_values(&pairs)
            .build();
        let line = line(&record, SystemTime::UNIX_EPOCH);
        assert_eq!(line.matches('\n').count(), 1);
        let object: Value = serde_json::from_str(&line).unwrap();
        let expected = serde_json::json!({
            "time": "1970-01-01T00:00:00Z", "level": "warn", "certificate": "web",
            "message": "two\nlines and a \"quote\"",
        });
        assert_eq!(object, expected);
    }
}
