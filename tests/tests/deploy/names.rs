//! What the extension is called, from where it is decided.

use std::fs;

use acceptance::workspace;

/// The value of a variable of the Makefile: `PUBLISHER`, `TYPE`.
pub(crate) fn of_makefile(variable: &str) -> String {
    let makefile = fs::read_to_string(workspace().join("Makefile")).unwrap();
    let start = format!("{variable} ?= ");
    makefile.lines().find_map(|line| line.strip_prefix(&start)).unwrap().to_owned()
}

/// Major and minor version, as Azure's `typeHandlerVersion` has them.
pub(crate) fn version() -> String {
    let mut numbers = env!("CARGO_PKG_VERSION").split('.');
    format!("{}.{}", numbers.next().unwrap(), numbers.next().unwrap())
}
