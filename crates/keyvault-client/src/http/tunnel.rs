//! Asking a proxy for a tunnel (CONNECT, RFC 9110 §9.3.6).

use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ureq::Proxy;
use ureq::http::Uri;
use zeroize::Zeroizing;

use super::Trouble;

/// The longest head of an answer, in bytes.
const LONGEST_HEAD: usize = 16 * 1024;

/// Asks the proxy at the other end for a tunnel to the vault. From then on the stream is the
/// vault's.
pub(super) fn open(
    stream: &mut (impl Read + Write),
    vault: &Uri,
    proxy: &Proxy,
) -> Result<(), Trouble> {
    let target =
        format!("{}:{}", vault.host().unwrap_or_default(), vault.port_u16().unwrap_or(443));
    let request = Zeroizing::new(format!(
        "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nUser-Agent: akvvm/{}\r\n\
         Proxy-Connection: Keep-Alive\r\n{}\r\n",
        env!("CARGO_PKG_VERSION"),
        authorization(proxy).as_str(),
    ));
    stream.write_all(request.as_bytes()).and_then(|()| stream.flush()).map_err(Trouble::from_io)?;
    let head = head(stream)?;
    match status(&head) {
        Some("200") => Ok(()),
        Some(status) => Err(Trouble::ProxyRefused(format!("the proxy answered {status}").into())),
        None => Err(Trouble::Lost("the proxy's answer is no HTTP".into())),
    }
}

/// The header's line, where the proxy wants to know who asks (RFC 7617).
fn authorization(proxy: &Proxy) -> Zeroizing<String> {
    let (user, password) = (proxy.username(), proxy.password());
    if user.is_none() && password.is_none() {
        return Zeroizing::default();
    }
    let pair = format!("{}:{}", user.unwrap_or_default(), password.unwrap_or_default());
    let pair = Zeroizing::new(pair);
    let encoded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
    Zeroizing::new(format!("Proxy-Authorization: Basic {}\r\n", encoded.as_str()))
}

/// Everything up to the empty line and nothing behind it, which is the vault's already.
fn head(stream: &mut impl Read) -> Result<Vec<u8>, Trouble> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= LONGEST_HEAD {
            return Err(Trouble::Lost("the proxy's answer does not end".into()));
        }
        match stream.read(&mut byte) {
            Ok(0) if head.is_empty() => {
                return Err(Trouble::ProxyRefused("the proxy did not answer".into()));
            }
            Ok(0) => return Err(Trouble::Lost("the proxy's answer was cut off".into())),
            Ok(_) => head.extend(byte),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Trouble::from_io(error)),
        }
    }
    Ok(head)
}

/// The three digits of the status line.
fn status(head: &[u8]) -> Option<&str> {
    let line = std::str::from_utf8(head.split(|byte| *byte == b'\r').next()?).ok()?;
    let rest = line.strip_prefix("HTTP/1.")?.get(1..)?.strip_prefix(' ')?;
    let status = rest.get(..3)?;
    status.bytes().all(|byte| byte.is_ascii_digit()).then_some(status)
}

#[cfg(test)]
mod tests {
    use ureq::ProxyProtocol;

    use super::*;

    /// A stream that has an answer ready and keeps what is written.
    struct Scripted {
        answer: &'static [u8],
        written: Vec<u8>,
    }

    impl Read for Scripted {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.answer.read(buffer)
        }
    }

    impl Write for Scripted {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.written.write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn asked(answer: &'static [u8]) -> (Result<(), Trouble>, Scripted) {
        let proxy = Proxy::builder(ProxyProtocol::Http).host("p").port(1).username("us");
        let proxy = proxy.password("pw").build().unwrap();
        let vault = "https://abc.vault.azure.net/".parse().unwrap();
        let mut stream = Scripted { answer, written: Vec::new() };
        (open(&mut stream, &vault, &proxy), stream)
    }

    #[test]
    fn the_request_names_the_vault_and_who_asks() {
        let (opened, stream) = asked(b"HTTP/1.1 200 Connection established\r\nX: y\r\n\r\nrest");
        assert!(opened.is_ok());
        assert_eq!(stream.answer, b"rest");
        let request = String::from_utf8(stream.written).unwrap();
        assert!(request.starts_with("CONNECT abc.vault.azure.net:443 HTTP/1.1\r\nHost: abc"));
        // base64 of us:pw
        assert!(request.ends_with("\r\nProxy-Authorization: Basic dXM6cHc=\r\n\r\n"), "{request}");
    }

    #[test]
    fn refusals_silence_and_nonsense_are_told_apart() {
        for (answer, expected) in [
            (&b"HTTP/1.1 407 Who\r\n\r\n"[..], "ProxyRefused(\"the proxy answered 407\")"),
            (b"HTTP/1.0 502\r\n\r\n", "ProxyRefused(\"the proxy answered 502\")"),
            (b"", "ProxyRefused(\"the proxy did not answer\")"),
            (b"HTTP/1.1 200", "Lost(\"the proxy's answer was cut off\")"),
            (b"SSH-2.0-x\r\n\r\n", "Lost(\"the proxy's answer is no HTTP\")"),
            (b"HTTP/1.1 2x0 \r\n\r\n", "Lost(\"the proxy's answer is no HTTP\")"),
            (&[b'x'; 20_000], "Lost(\"the proxy's answer does not end\")"),
        ] {
            assert_eq!(format!("{:?}", asked(answer).0.unwrap_err()), expected);
        }
    }
}
