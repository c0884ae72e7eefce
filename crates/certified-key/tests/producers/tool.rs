//! The tools that are called. A missing one ends the test with a sentence.

#![allow(clippy::disallowed_methods, reason = "tests call other people's tools")]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use certified_key::CertifiedKey;

/// Runs the script that makes the files, in the Python environment of the tests.
pub(crate) fn make(script: &Path, folder: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = root.join("target/python-env/bin/python");
    assert!(
        python.exists(),
        "the Python environment of the tests is missing; run scripts/python-env.sh and try again"
    );
    run(&python, [script.as_os_str(), folder.as_os_str()]).unwrap_or_else(|said| panic!("{said}"));
}

/// Writes leaf, other issuers and root as three files; the last certificate is the root.
pub(crate) fn split(key: &CertifiedKey, folder: &Path) -> (PathBuf, PathBuf, PathBuf) {
    const END: &str = "-----END CERTIFICATE-----\n";
    let text = String::from_utf8(key.to_chain_pem()).unwrap();
    let blocks: Vec<&str> = text.split_inclusive(END).collect();
    let names = ["leaf.pem", "rest.pem", "root.pem"].map(|name| folder.join(name));
    let (first, last) = (blocks[0], blocks[blocks.len() - 1]);
    let rest = blocks.get(1..blocks.len() - 1).unwrap_or_default().concat();
    for (name, text) in names.iter().zip([first, &rest, last]) {
        fs::write(name, text).unwrap();
    }
    names.into()
}

/// Writes all of it as one file.
pub(crate) fn combined(key: &CertifiedKey, folder: &Path) -> PathBuf {
    let name = folder.join("combined.pem");
    fs::write(&name, key.to_pem().as_slice()).unwrap();
    name
}

/// Does openssl find the way from the leaf over the others to the last one, whatever their dates?
pub(crate) fn verify(leaf: &Path, rest: &Path, root: &Path) -> Result<(), String> {
    // openssl does not take an empty file.
    let rest = if fs::metadata(rest).unwrap().len() == 0 { root } else { rest };
    let (rest, root, leaf) = (rest.as_os_str(), root.as_os_str(), leaf.as_os_str());
    let mut arguments: Vec<&OsStr> =
        ["verify", "-partial_chain", "-no_check_time", "-auth_level", "0"].map(OsStr::new).to_vec();
    arguments.extend([OsStr::new("-trusted"), root, OsStr::new("-untrusted"), rest, leaf]);
    run(Path::new("openssl"), arguments).map(drop)
}

pub(crate) fn public_key_of_key(combined: &Path) -> String {
    let arguments = ["pkey", "-pubout", "-in"].map(OsStr::new);
    run(Path::new("openssl"), arguments.into_iter().chain([combined.as_os_str()])).unwrap()
}

pub(crate) fn public_key_of_leaf(combined: &Path) -> String {
    let arguments = ["x509", "-noout", "-pubkey", "-in"].map(OsStr::new);
    run(Path::new("openssl"), arguments.into_iter().chain([combined.as_os_str()])).unwrap()
}

/// What a tool says on its standard output; if it fails, all that it says.
fn run<'a>(tool: &Path, arguments: impl IntoIterator<Item = &'a OsStr>) -> Result<String, String> {
    let done = Command::new(tool)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{} does not run: {error}; install it", tool.display()))?;
    let out = String::from_utf8_lossy(&done.stdout).into_owned();
    if done.status.success() {
        Ok(out)
    } else {
        Err(format!("{out}{}", String::from_utf8_lossy(&done.stderr)))
    }
}
