//! The log as JSON, one object a line (<https://jsonlines.org>), for `AKVVM_LOG_FORMAT=json`.

use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use log::Record;
use serde_json::{Map, Value};
use worker_state::Timestamp;

use crate::clock;
use crate::log_fields;
use crate::shipping::level;
use crate::sink::Sink;

/// Writes to a file or a stream.
pub(crate) struct JsonLines<W>(Mutex<W>);

impl<W: Write + Send + 'static> JsonLines<W> {
    pub(crate) fn to(output: W) -> Self {
        Self(Mutex::new(output))
    }
}

impl<W: Write + Send + 'static> Sink for JsonLines<W> {
    fn take(&self, record: &Record<'_>) {
        let mut output = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A disk that is full has nowhere to say so.
        let _ = output.write_all(line(record, clock::wall()).as_bytes());
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
