//! A connection to a receiver: one batch out, one acknowledgement back.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use crate::encode::{Incomplete, acknowledged};

/// To connect, to send, and to be acknowledged may take so long each.
const PATIENCE: Duration = Duration::from_secs(5);
/// No acknowledgement is longer.
const LONGEST_ANSWER: usize = 4 * 1024;

/// Where a receiver listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A host's name or address, and a port.
    Tcp {
        /// The host; an IPv6 address without brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// The path of a Unix domain socket.
    Unix(PathBuf),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// An open connection.
pub(crate) struct Connection(Box<dyn Stream>);

impl Connection {
    pub(crate) fn open(endpoint: &Endpoint) -> io::Result<Self> {
        match endpoint {
            Endpoint::Tcp { host, port } => {
                let stream = connect(host, *port)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                Ok(Self(Box::new(stream)))
            }
            Endpoint::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                Ok(Self(Box::new(stream)))
            }
        }
    }

    /// Sends a message, and waits until the receiver has acknowledged `chunk`.
    pub(crate) fn deliver(&mut self, message: &[u8], chunk: &str) -> io::Result<()> {
        self.0.write_all(message)?;
        self.0.flush()?;
        let mut answer = Vec::new();
        let mut buffer = [0; 256];
        loop {
            let read = self.0.read(&mut buffer)?;
            if read == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            answer.extend_from_slice(buffer.get(..read).unwrap_or_default());
            match acknowledged(&answer) {
                Ok(Some(id)) if id == chunk => return Ok(()),
                Err(Incomplete) if answer.len() < LONGEST_ANSWER => {}
                _ => return Err(io::Error::new(ErrorKind::InvalidData, "not our acknowledgement")),
            }
        }
    }
}

fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut refusal = io::Error::new(ErrorKind::NotFound, "the host has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => return Ok(stream),
            Err(error) => refusal = error,
        }
    }
    Err(refusal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_printed_as_urls() {
        let tcp = |host: &str| Endpoint::Tcp { host: host.into(), port: 24224 }.to_string();
        assert_eq!(tcp("localhost"), "tcp://localhost:24224");
        assert_eq!(tcp("::1"), "tcp://[::1]:24224");
        assert_eq!(Endpoint::Unix("/run/f.sock".into()).to_string(), "unix:///run/f.sock");
    }
}
