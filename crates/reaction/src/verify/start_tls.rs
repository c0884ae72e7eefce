//! What has to be said before TLS begins, where the port is not TLS' from the first byte.

use std::io::Write;

use super::handshake::Cause;
use super::stream::Stream;
use crate::tail::Tail;

/// `SSLRequest`: its length and the number 80877103 (PostgreSQL, "Message Formats").
const POSTGRES_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// Longer than any line of these protocols (RFC 5321, section 4.5.3.1; RFC 9051, section 4).
const LONGEST_LINE: usize = 8192;
/// As much of one as belongs in a status.
const LONGEST_SHOWN: usize = 200;
/// More lines than any greeting has.
const MOST_LINES: usize = 100;

/// How a connection becomes a TLS one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StartTls {
    /// PostgreSQL ("Frontend/Backend Protocol", "SSL Session Encryption").
    Postgres,
    /// SMTP (RFC 3207), also for submission.
    Smtp,
    /// IMAP (RFC 9051, section 6.2.1).
    Imap,
    /// POP3 (RFC 2595, section 4).
    Pop3,
}

impl StartTls {
    /// Up to the last byte before TLS.
    pub(super) fn negotiate(self, stream: &mut Stream) -> Result<(), Cause> {
        let steps: &[(&str, &str)] = match self {
            Self::Postgres => return postgres(stream),
            Self::Smtp => &[("", "220"), ("EHLO localhost\r\n", "250"), ("STARTTLS\r\n", "220")],
            Self::Imap => &[("", "* OK"), ("a STARTTLS\r\n", "a OK")],
            Self::Pop3 => &[("", "+OK"), ("STLS\r\n", "+OK")],
        };
        steps.iter().try_for_each(|(line, answer)| {
            stream.write_all(line.as_bytes())?;
            hear(stream, answer)
        })
    }
}

fn postgres(stream: &mut Stream) -> Result<(), Cause> {
    stream.write_all(&POSTGRES_REQUEST)?;
    match stream.byte()? {
        b'S' => Ok(()),
        b'N' => Err("the server says that it has no TLS (ssl = off)".into()),
        _ => Err("the answer is not PostgreSQL's".into()),
    }
}

/// Reads lines until the one that is meant for us, which has to begin with `answer`.
fn hear(stream: &mut Stream, answer: &str) -> Result<(), Cause> {
    for _ in 0..MOST_LINES {
        let line = line(stream)?;
        // SMTP's replies go on while a dash follows the number (RFC 5321, section 4.2.1).
        let goes_on = line.get(3) == Some(&b'-');
        if line.starts_with(answer.as_bytes()) && !goes_on {
            return Ok(());
        }
        // IMAP's server speaks unasked, too (RFC 9051, section 2.2.2).
        let unasked = line.starts_with(b"* ") && !line.starts_with(b"* BYE");
        if !goes_on && !unasked {
            let mut said = Tail::of(LONGEST_SHOWN);
            said.push(&line);
            return Err(format!("the server does not begin TLS: {}", said.text()).into());
        }
    }
    Err("the server does not come to the point".into())
}

/// Byte by byte, so that nothing of TLS is taken with it.
fn line(stream: &mut Stream) -> Result<Vec<u8>, Cause> {
    let mut line = Vec::new();
    while line.len() < LONGEST_LINE {
        match stream.byte()? {
            b'\n' => return Ok(line),
            byte => line.push(byte),
        }
    }
    Err("the server's answer is not a line".into())
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;
    use std::time::Duration;

    use super::*;
    use crate::deadline::Deadline;

    /// What comes of it with a server that says these words, the first unasked, each of the others
    /// after a line from the client.
    fn negotiate(kind: StartTls, script: &[&str]) -> Result<(), String> {
        let script: Vec<_> = script.iter().map(|words| (*words).to_owned()).collect();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut heard = BufReader::new(stream.try_clone().unwrap());
            for (place, words) in script.iter().enumerate() {
                if place > 0 {
                    heard.read_line(&mut String::new()).unwrap();
                }
                // The client may have heard enough.
                let _ = stream.write_all(words.as_bytes());
            }
        });
        let deadline = Deadline::after(Duration::from_secs(60));
        let mut stream = Stream::connect(address, deadline).unwrap();
        let outcome = kind.negotiate(&mut stream).map_err(|error| error.to_string());
        drop(stream);
        server.join().unwrap();
        outcome
    }

    #[test]
    fn mail_servers_are_asked_in_their_own_words() {
        // As in RFC 3207, section 6; RFC 9051, section 6.2.1; RFC 2595, section 4.
        let features = "250-mail\r\n250-SIZE 1000\r\n250 STARTTLS\r\n";
        let smtp =
            negotiate(StartTls::Smtp, &["220-mail\r\n220 ESMTP\r\n", features, "220 go\r\n"]);
        assert_eq!(smtp, Ok(()));
        let imap = ["* OK [CAPABILITY STARTTLS] hi\r\n", "* 1 EXISTS\r\na OK begin\r\n"];
        assert_eq!(negotiate(StartTls::Imap, &imap), Ok(()));
        let pop3 = ["+OK hi\r\n", "+OK begin\r\n"];
        assert_eq!(negotiate(StartTls::Pop3, &pop3), Ok(()));
    }

    #[test]
    fn a_server_without_tls_is_quoted() {
        let smtp = ["220 mail\r\n", "250 mail\r\n", "502 \x1b[1mno\r\n"];
        let said = negotiate(StartTls::Smtp, &smtp).unwrap_err();
        assert_eq!(said, "the server does not begin TLS: 502 \\u{1b}[1mno");
        let imap = ["* OK hi\r\n", "a BAD what\r\n"];
        assert!(negotiate(StartTls::Imap, &imap).unwrap_err().ends_with("a BAD what"));
        let busy = ["* BYE too many\r\n"];
        assert!(negotiate(StartTls::Imap, &busy).unwrap_err().ends_with("* BYE too many"));
        let pop3 = ["+OK hi\r\n", "-ERR what\r\n"];
        assert!(negotiate(StartTls::Pop3, &pop3).unwrap_err().ends_with("-ERR what"));
    }

    #[test]
    fn postgres_answers_with_a_letter() {
        assert_eq!(negotiate(StartTls::Postgres, &["S"]), Ok(()));
        let off = negotiate(StartTls::Postgres, &["N"]).unwrap_err();
        assert_eq!(off, "the server says that it has no TLS (ssl = off)");
        let another = negotiate(StartTls::Postgres, &["HTTP/1.1 400"]).unwrap_err();
        assert_eq!(another, "the answer is not PostgreSQL's");
        assert!(negotiate(StartTls::Postgres, &[""]).is_err());
    }

    #[test]
    fn an_endless_server_is_left() {
        let said = negotiate(StartTls::Imap, &[&"* NO wait\r\n".repeat(200)]);
        assert_eq!(said.unwrap_err(), "the server does not come to the point");
        let said = negotiate(StartTls::Imap, &[&"x".repeat(10_000)]);
        assert_eq!(said.unwrap_err(), "the server's answer is not a line");
    }
}
