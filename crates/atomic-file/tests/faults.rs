//! The process dies, or the disk is full or broken, at every file-system call of a replacement.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test; its figure is printed")]

use std::ffi::OsStr;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use atomic_file::{Call, Directory, FileError, FileOptions, Gate, Opening};
use rustix::io::Errno;

/// Lets the call number `fails` fail, and after it every one if the process `dies` there.
struct Failing {
    fails: usize,
    dies: bool,
    errno: Errno,
    made: AtomicUsize,
}

impl Gate for Failing {
    fn enter(&self, _call: Call, _name: &OsStr) -> io::Result<()> {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let fails = number == self.fails || (self.dies && number > self.fails);
        if fails { Err(self.errno.into()) } else { Ok(()) }
    }

    fn longest_write(&self) -> usize {
        1 // full at any byte
    }
}

const OLD: &[u8] = b"old content";
const NEW: &[u8] = b"new content";

/// Tries one point; false when there was no such point any more.
fn try_point(fails: usize, dies: bool, errno: Errno, linked: bool) -> bool {
    // In memory, where the machine has that: syncing takes no time there.
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let plain = Directory::open(folder.path()).unwrap();
    plain.replace("old", &FileOptions::mode(0o600), OLD).unwrap();
    plain.replace("new", &FileOptions::mode(0o600), NEW).unwrap();
    plain.make_link("link", "old").unwrap();
    plain.replace("file", &FileOptions::mode(0o600), OLD).unwrap();
    let gate = Arc::new(Failing { fails, dies, errno, made: AtomicUsize::new(0) });
    let change = |directory: Directory| match linked {
        true => directory.stage_link("link", "new")?.place().and_then(|()| directory.sync()),
        false => directory.replace("file", &FileOptions::mode(0o600), NEW),
    };
    let done = Opening::through(gate.clone()).open(folder.path()).and_then(change);
    let content = std::fs::read(folder.path().join(if linked { "link" } else { "file" })).unwrap();
    assert!(content == OLD || content == NEW, "torn at call {fails}: {content:?}");
    assert!(done.is_err() || content == NEW);
    assert!(done.is_ok() || matches!(done, Err(FileError::Refused { .. })));
    let left = plain.list().unwrap().len() - 4;
    assert!(dies || left == 0, "what failed at call {fails} cleans up");
    assert_eq!(plain.sweep().unwrap(), left);
    gate.made.load(Ordering::Relaxed) > fails
}

#[test]
fn at_every_call_the_old_or_the_new_content_is_whole() {
    let mut points = 0;
    for linked in [false, true] {
        for (dies, errno) in [(true, Errno::IO), (false, Errno::NOSPC), (false, Errno::IO)] {
            points += (0..).take_while(|&fails| try_point(fails, dies, errno, linked)).count();
        }
    }
    println!("{points} points of failure tried");
    assert!(points > 60);
}
