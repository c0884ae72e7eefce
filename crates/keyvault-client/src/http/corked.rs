//! What is said to a proxy goes out in one piece.
//!
//! ureq writes a CONNECT request word by word, and hands every word on at once: some sixteen system
//! calls and, since small packets are not held back, as many packets for each connection.

use std::fmt;

use ureq::unversioned::transport::{Buffers, NextTimeout, Transport};
use zeroize::Zeroizing;

use super::until::Until;

/// More than a request with a proxy's credentials has, in bytes: the buffer does not move, so that wiping
/// it wipes all of it.
const REQUEST: usize = 2 * 1024;

/// A connection that holds back what is written until the answer to it is wanted for the first time;
/// from then on it holds nothing back.
pub(super) struct Corked {
    below: Box<dyn Transport>,
    /// With the proxy's credentials.
    held: Option<Zeroizing<Vec<u8>>>,
    /// When the proxy must have answered; nothing once the tunnel is written to.
    answered: Option<Until>,
}

impl Corked {
    pub(super) fn new(below: Box<dyn Transport>, answered: Until) -> Self {
        let held = Some(Zeroizing::new(Vec::with_capacity(REQUEST)));
        Self { below, held, answered: Some(answered) }
    }

    fn let_go(&mut self, timeout: NextTimeout) -> Result<(), ureq::Error> {
        let Some(held) = self.held.take() else { return Ok(()) };
        let mut rest = held.as_slice();
        while !rest.is_empty() {
            let output = self.below.buffers().output();
            let (now, later) = rest.split_at(rest.len().min(output.len()));
            output[..now.len()].copy_from_slice(now);
            self.below.transmit_output(now.len(), timeout)?;
            rest = later;
        }
        Ok(())
    }
}

impl Transport for Corked {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.below.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        let Some(held) = &mut self.held else {
            self.answered = None;
            return self.below.transmit_output(amount, timeout);
        };
        held.extend_from_slice(self.below.buffers().output().get(..amount).unwrap_or_default());
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.let_go(timeout)?;
        let timeout = match &self.answered {
            Some(until) => until.left(timeout)?,
            None => timeout,
        };
        self.below.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.below.is_open()
    }

    fn is_tls(&self) -> bool {
        self.below.is_tls()
    }
}

impl fmt::Debug for Corked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Corked").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use ureq::unversioned::transport::LazyBuffers;

    use super::*;

    /// Keeps what was handed on, piece by piece, and has room for eight bytes at once.
    #[derive(Debug)]
    struct Wire {
        buffers: LazyBuffers,
        pieces: Arc<Mutex<Vec<String>>>,
    }

    impl Transport for Wire {
        fn buffers(&mut self) -> &mut dyn Buffers {
            &mut self.buffers
        }

        fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), ureq::Error> {
            let piece = self.buffers.output()[..amount].to_vec();
            self.pieces.lock().unwrap().push(String::from_utf8(piece).unwrap());
            Ok(())
        }

        fn await_input(&mut self, _: NextTimeout) -> Result<bool, ureq::Error> {
            Ok(true)
        }

        fn is_open(&mut self) -> bool {
            true
        }
    }

    fn write(corked: &mut Corked, text: &str) {
        corked.buffers().output()[..text.len()].copy_from_slice(text.as_bytes());
        corked.transmit_output(text.len(), NextTimeout::default()).unwrap();
    }

    #[test]
    fn words_go_out_together_once_an_answer_is_wanted_and_then_at_once() {
        let pieces = Arc::default();
        let wire = Wire { buffers: LazyBuffers::new(8, 8), pieces: Arc::clone(&pieces) };
        let mut corked = Corked::new(wire.boxed(), Until::never());
        for word in ["CON", "NECT", " ", "a:443"] {
            write(&mut corked, word);
        }
        assert!(pieces.lock().unwrap().is_empty());
        assert!(corked.await_input(NextTimeout::default()).unwrap());
        assert_eq!(*pieces.lock().unwrap(), ["CONNECT ", "a:443"]);
        write(&mut corked, "hello");
        assert_eq!(pieces.lock().unwrap().last().map(String::as_str), Some("hello"));
    }
}
