//! A disk that fails, or a process that dies, at one of many file-system calls.

use std::ffi::OsStr;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use atomic_file::{Call, Gate};
use rustix::io::Errno;

/// What goes wrong at one call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    /// The process is killed before the call: none of the following is made either.
    Death,
    /// The call fails.
    Error(Errno),
}

/// Lets calls pass until one is to fail.
pub(crate) struct Failing {
    /// The number of that call, from 0.
    fails: usize,
    fault: Fault,
    /// How many calls there were.
    made: AtomicUsize,
}

impl Failing {
    pub(crate) fn new(fails: usize, fault: Fault) -> Self {
        Self { fails, fault, made: AtomicUsize::new(0) }
    }

    /// Whether it came to that call.
    pub(crate) fn has_failed(&self) -> bool {
        self.made.load(Ordering::Relaxed) > self.fails
    }
}

impl Gate for Failing {
    fn enter(&self, _call: Call, _name: &OsStr) -> io::Result<()> {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        match self.fault {
            Fault::Death if number >= self.fails => Err(io::Error::other("killed")),
            Fault::Error(errno) if number == self.fails => Err(errno.into()),
            _ => Ok(()),
        }
    }

    fn longest_write(&self) -> usize {
        256 // so that files are torn at several places
    }
}

/// Everything that is tried at each call.
pub(crate) const FAULTS: [Fault; 3] =
    [Fault::Death, Fault::Error(Errno::NOSPC), Fault::Error(Errno::IO)];
