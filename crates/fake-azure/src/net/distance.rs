//! Distance: what a client sends arrives later.
//!
//! A round trip's time is spent on the way in alone, so that an answer is late by exactly one
//! round trip however the server's writes fall.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, ReadHalf, WriteHalf,
};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// Bytes that one end may be ahead of the other.
const WINDOW: usize = 64 * 1024;

/// The stream as seen from `latency` away; its first bytes are `connecting` later still.
pub(super) fn away<S>(stream: S, latency: Duration, connecting: Duration) -> Away<S>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    if latency.is_zero() {
        return Away::Near(stream);
    }
    let (incoming, outgoing) = tokio::io::split(stream);
    let (near, far) = tokio::io::duplex(WINDOW);
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(read(incoming, latency, connecting, sender));
    tokio::spawn(deliver(receiver, far));
    Away::Far(near, outgoing)
}

/// A stream that is near, or one whose reads come over a distance and whose writes do not.
pub(super) enum Away<S> {
    Near(S),
    Far(DuplexStream, WriteHalf<S>),
}

type Chunk = (Instant, Vec<u8>);

/// Takes bytes as they come and notes when they are due.
async fn read<S: AsyncRead>(
    mut incoming: ReadHalf<S>,
    latency: Duration,
    connecting: Duration,
    sender: mpsc::UnboundedSender<Chunk>,
) {
    let mut extra = connecting;
    loop {
        let mut chunk = Vec::with_capacity(4096);
        match incoming.read_buf(&mut chunk).await {
            Ok(read) if read > 0 => {}
            _ => return,
        }
        let due = Instant::now() + latency + std::mem::take(&mut extra);
        if sender.send((due, chunk)).is_err() {
            return;
        }
    }
}

/// Hands bytes over when they are due; the end of them ends the stream.
async fn deliver(mut receiver: mpsc::UnboundedReceiver<Chunk>, mut far: DuplexStream) {
    while let Some((due, chunk)) = receiver.recv().await {
        sleep_until(due).await;
        if far.write_all(&chunk).await.is_err() {
            return;
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Away<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Near(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Far(incoming, _) => Pin::new(incoming).poll_read(context, buffer),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Away<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        match self.get_mut() {
            Self::Near(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Far(_, outgoing) => Pin::new(outgoing).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Near(stream) => Pin::new(stream).poll_flush(context),
            Self::Far(_, outgoing) => Pin::new(outgoing).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Near(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Far(_, outgoing) => Pin::new(outgoing).poll_shutdown(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIP: Duration = Duration::from_millis(30);

    /// A server that answers each byte with the next one.
    async fn answer(mut stream: Away<DuplexStream>) {
        while let Ok(byte) = stream.read_u8().await {
            if stream.write_u8(byte + 1).await.is_err() {
                return;
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_turn_costs_one_trip_and_the_first_one_more() {
        let (mut client, server) = tokio::io::duplex(64);
        tokio::spawn(answer(away(server, TRIP, TRIP)));
        let start = Instant::now();
        for (turn, trips) in [(1, 2), (2, 3), (3, 4)] {
            client.write_u8(turn).await.unwrap();
            assert_eq!(client.read_u8().await.unwrap(), turn + 1);
            assert_eq!(start.elapsed(), TRIP * trips);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_sent_together_arrives_together() {
        let (mut client, server) = tokio::io::duplex(64);
        tokio::spawn(answer(away(server, TRIP, Duration::ZERO)));
        let start = Instant::now();
        client.write_u8(1).await.unwrap();
        tokio::task::yield_now().await;
        client.write_u8(5).await.unwrap();
        assert_eq!(client.read_u8().await.unwrap(), 2);
        assert_eq!(client.read_u8().await.unwrap(), 6);
        assert_eq!(start.elapsed(), TRIP);
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_the_client_is_the_end_of_the_stream() {
        let (client, server) = tokio::io::duplex(64);
        let server = tokio::spawn(answer(away(server, TRIP, Duration::ZERO)));
        drop(client);
        server.await.unwrap();
    }
}
