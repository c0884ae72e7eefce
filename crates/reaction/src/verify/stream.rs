//! A connection that is over at a deadline, however slowly the other side speaks.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::deadline::Deadline;

#[derive(Debug)]
pub(super) struct Stream {
    tcp: TcpStream,
    deadline: Deadline,
}

impl Stream {
    pub(super) fn connect(address: SocketAddr, deadline: Deadline) -> io::Result<Self> {
        let tcp = TcpStream::connect_timeout(&address, left(deadline)?)?;
        tcp.set_nodelay(true)?;
        Ok(Self { tcp, deadline })
    }

    /// Exactly one byte: what comes after it may be TLS already.
    pub(super) fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.read_exact(&mut byte)?;
        Ok(byte[0])
    }
}

fn left(deadline: Deadline) -> io::Result<Duration> {
    let left = deadline.left();
    // A time limit of zero means none to the system.
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.tcp.set_read_timeout(Some(left(self.deadline)?))?;
        self.tcp.read(buffer).map_err(timed_out)
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.tcp.set_write_timeout(Some(left(self.deadline)?))?;
        self.tcp.write(bytes).map_err(timed_out)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tcp.flush()
    }
}

/// Linux says "would block" where a socket's time is over (socket(7)).
fn timed_out(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}
