//! The packaged programs on machines in trouble: clocks that are set, files that are lost or
//! damaged, full and read-only disks, little memory, few descriptors.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests do to a machine what nobody should, and end on the first surprise"
)]

mod clock;
mod disks;
mod limits;
mod state;
