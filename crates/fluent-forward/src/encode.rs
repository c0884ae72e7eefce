//! Messages as MessagePack. Pure.

use std::time::UNIX_EPOCH;

use rmp::encode;

use crate::Event;

/// The type number of an `EventTime` (forward protocol, "EventTime Ext Format").
const EVENT_TIME: i8 = 0;

/// A message in Forward mode: `[tag, [[time, record], …], {"chunk": id, "size": n}]`.
pub(crate) fn message(tag: &str, events: &[Event], chunk: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing into memory cannot fail; a failure would only end in a message that is refused.
    let _ = write_message(&mut bytes, tag, events, chunk);
    bytes
}

type Written = Result<(), encode::ValueWriteError>;

fn write_message(bytes: &mut Vec<u8>, tag: &str, events: &[Event], chunk: &str) -> Written {
    encode::write_array_len(bytes, 3)?;
    encode::write_str(bytes, tag)?;
    encode::write_array_len(bytes, length(events.len()))?;
    for event in events {
        write_event(bytes, event)?;
    }
    encode::write_map_len(bytes, 2)?;
    encode::write_str(bytes, "chunk")?;
    encode::write_str(bytes, chunk)?;
    encode::write_str(bytes, "size")?;
    encode::write_uint(bytes, events.len() as u64)?;
    Ok(())
}

fn write_event(bytes: &mut Vec<u8>, event: &Event) -> Written {
    let since = event.time.duration_since(UNIX_EPOCH).unwrap_or_default();
    encode::write_array_len(bytes, 2)?;
    encode::write_ext_meta(bytes, 8, EVENT_TIME)?;
    let seconds = u32::try_from(since.as_secs()).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&seconds.to_be_bytes());
    bytes.extend_from_slice(&since.subsec_nanos().to_be_bytes());
    encode::write_map_len(bytes, length(event.fields.len()))?;
    for (name, value) in &event.fields {
        encode::write_str(bytes, name)?;
        encode::write_str(bytes, value)?;
    }
    Ok(())
}

fn length(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// What a receiver acknowledges: the `chunk` in `{"ack": chunk}`; `None` where it says something
/// else. `Err` where there is not enough yet.
pub(crate) fn acknowledged(mut bytes: &[u8]) -> Result<Option<String>, Incomplete> {
    use rmp::decode::bytes::BytesReadError;
    use rmp::decode::{DecodeStringError, ValueReadError, read_map_len, read_str_from_slice};
    let incomplete = |error: &DecodeStringError<'_, BytesReadError>| {
        matches!(
            error,
            DecodeStringError::BufferSizeTooSmall(_)
                | DecodeStringError::InvalidMarkerRead(_)
                | DecodeStringError::InvalidDataRead(_)
        )
    };
    let entries = match read_map_len(&mut bytes) {
        Ok(entries) => entries,
        Err(ValueReadError::TypeMismatch(_)) => return Ok(None),
        Err(_) => return Err(Incomplete),
    };
    for _ in 0..entries {
        let (name, rest) = match read_str_from_slice(bytes) {
            Ok(read) => read,
            Err(error) if incomplete(&error) => return Err(Incomplete),
            Err(_) => return Ok(None),
        };
        let (value, rest) = match read_str_from_slice(rest) {
            Ok(read) => read,
            Err(error) if incomplete(&error) => return Err(Incomplete),
            Err(_) => return Ok(None),
        };
        if name == "ack" {
            return Ok(Some(value.to_owned()));
        }
        bytes = rest;
    }
    Ok(None)
}

/// More has to be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Incomplete;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_message_is_as_the_specification_draws_it() {
        let time = UNIX_EPOCH + Duration::new(1, 2);
        let event = Event { time, fields: vec![("message", "hi".into())] };
        let bytes = message("tag", &[event], "id");
        let expected = [
            &b"\x93\xa3tag\x91\x92\xd7\x00\x00\x00\x00\x01\x00\x00\x00\x02"[..],
            b"\x81\xa7message\xa2hi\x82\xa5chunk\xa2id\xa4size\x01",
        ]
        .concat();
        assert_eq!(bytes, expected);
    }

    #[test]
    fn an_acknowledgement_is_read_however_it_arrives() {
        let whole = b"\x81\xa3ack\xa2id";
        assert_eq!(acknowledged(whole), Ok(Some("id".into())));
        for cut in 0..whole.len() {
            assert_eq!(acknowledged(&whole[..cut]), Err(Incomplete), "{cut}");
        }
        assert_eq!(acknowledged(b"\xc0"), Ok(None));
        assert_eq!(acknowledged(b"\x81\xa3nak\xa2id"), Ok(None));
        assert_eq!(acknowledged(b"\x81\x01\x02"), Ok(None));
    }
}
