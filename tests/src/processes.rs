//! The processes of one test's machine, told from those of all others by their environment.

use std::fs;
use std::path::Path;

pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process};

/// Processes of this name that have this state directory in their environment.
pub fn of(state: &Path, name: &str) -> Vec<u32> {
    let mark = format!("STATE_DIRECTORY={}", state.display());
    let numbers = fs::read_dir("/proc").expect("/proc").filter_map(|entry| {
        let number: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let read = |file: &str| fs::read(format!("/proc/{number}/{file}")).ok();
        let named = read("comm")?.trim_ascii() == name.as_bytes();
        let ours = || Some(read("environ")?.split(|byte| *byte == 0).any(|v| v == mark.as_bytes()));
        (named && ours()?).then_some(number)
    });
    numbers.collect()
}

/// The first process of this name below another one.
pub fn below(process: u32, name: &str) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).ok()?;
    let mut children = children.split_ascii_whitespace().filter_map(|child| child.parse().ok());
    children.find_map(|child: u32| {
        let comm = fs::read_to_string(format!("/proc/{child}/comm")).ok()?;
        if comm.trim_end() == name { Some(child) } else { below(child, name) }
    })
}

/// Sends a signal; a process that has ended meanwhile gets none.
pub fn signal(process: u32, signal: Signal) {
    let number = i32::try_from(process).ok().and_then(Pid::from_raw).expect("a process number");
    let _ = kill_process(number, signal);
}
