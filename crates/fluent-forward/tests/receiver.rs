//! Against a receiver that takes messages byte by byte, and one that is not always there.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test's receiver")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::time::{Duration, SystemTime};

use fluent_forward::{Endpoint, Event, Forwarder};

fn event(text: &str) -> Event {
    Event { time: SystemTime::UNIX_EPOCH, fields: vec![("message", text.into())] }
}

/// Reads until the message is whole, which ends in `chunk`, its 32 digits, and `size`; returns it
/// and the chunk.
fn take(stream: &mut impl Read) -> (Vec<u8>, Vec<u8>) {
    let mut message = Vec::new();
    let mut byte = [0];
    loop {
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "{message:?}");
        message.push(byte[0]);
        let size = message.len().checked_sub(6).map(|at| &message[at..at + 5]);
        if size == Some(b"\xa4size") {
            let chunk = message[message.len() - 6 - 32..message.len() - 6].to_vec();
            return (message, chunk);
        }
    }
}

fn acknowledge(stream: &mut impl Write, chunk: &[u8]) {
    let answer = [b"\x81\xa3ack\xd9\x20".as_slice(), chunk].concat();
    // In two pieces, as a network may deliver it.
    stream.write_all(&answer[..7]).unwrap();
    stream.flush().unwrap();
    stream.write_all(&answer[7..]).unwrap();
}

fn holds(message: &[u8], text: &str) -> bool {
    message.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn events_arrive_over_tcp_and_again_after_a_connection_that_broke_before_the_acknowledgement() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let endpoint = Endpoint::Tcp { host: "localhost".into(), port };
    let forwarder = Forwarder::start(endpoint, "akvvm".into()).unwrap();
    forwarder.send(event("first"));
    let (mut stream, _) = listener.accept().unwrap();
    let (message, chunk) = take(&mut stream);
    assert!(holds(&message, "akvvm") && holds(&message, "first"));
    drop(stream);
    let (mut stream, _) = listener.accept().unwrap();
    let (again, same) = take(&mut stream);
    assert_eq!((again, &same), (message, &chunk), "the same batch, under the same number");
    acknowledge(&mut stream, &chunk);
    forwarder.send(event("second"));
    let (message, chunk) = take(&mut stream);
    assert!(holds(&message, "second") && !holds(&message, "first"));
    acknowledge(&mut stream, &chunk);
}

#[test]
fn a_receiver_that_is_away_blocks_nobody_and_hears_how_much_it_missed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fluent.sock");
    let forwarder = Forwarder::start(Endpoint::Unix(path.clone()), "akvvm".into()).unwrap();
    for number in 0..5000 {
        forwarder.send(event(&format!("event {number}")));
    }
    let listener = UnixListener::bind(&path).unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    let (mut confessed, mut first) = (false, None);
    while !confessed {
        let (message, chunk) = take(&mut stream);
        first.get_or_insert(holds(&message, "event 0"));
        confessed = holds(&message, "events were lost");
        acknowledge(&mut stream, &chunk);
    }
    assert_eq!(first, Some(true), "what came first is kept");
}

#[test]
fn the_end_does_not_wait_for_a_receiver_that_is_away() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    drop(taken);
    let endpoint = Endpoint::Tcp { host: "127.0.0.1".into(), port };
    let forwarder = Forwarder::start(endpoint, "akvvm".into()).unwrap();
    forwarder.send(event("unheard"));
    drop(forwarder); // would hang here
    assert!(
        TcpStream::connect_timeout(&([127, 0, 0, 1], port).into(), Duration::from_secs(1)).is_err()
    );
}
