//! The example that uses exactly the three crates which anyone else would need.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, and runs the example as a program"
)]

use std::path::PathBuf;
use std::process::{Command, Output};

use fake_azure::{CertificateSpec, FakeAzure, Options};

/// Cargo builds examples before it runs a package's tests, and puts them beside these.
fn example() -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let program = here.parent().unwrap().parent().unwrap().join("examples/print_chain");
    assert!(program.exists(), "build it: cargo build -p keyvault-client --examples");
    program
}

fn run(azure: &FakeAzure, url: &str) -> Output {
    let mut command = Command::new(example());
    command.arg(url).arg(azure.imds_url()).env_clear().envs(azure.environment());
    command.output().unwrap()
}

#[test]
fn a_chain_is_printed_from_leaf_to_root() {
    let directory = tempfile::tempdir().unwrap();
    let azure = FakeAzure::start(Options::new(directory.path())).unwrap();
    let issued = azure.put_certificate("contoso", "web", &CertificateSpec::default()).unwrap();
    let output = run(&azure, "https://contoso.vault.azure.net/secrets/web");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.starts_with("https://contoso.vault.azure.net/secrets/web/"), "{text}");
    assert!(text.lines().next().unwrap().ends_with(&issued.version), "{text}");
    let field = |name: &str| -> Vec<&str> {
        let lines = text.lines().filter_map(|line| line.trim().strip_prefix(name));
        lines.map(str::trim).collect()
    };
    let (subjects, issuers) = (field("subject"), field("issuer"));
    assert!(subjects.len() >= 2, "{text}");
    assert_eq!(issuers[..issuers.len() - 1], subjects[1..], "{text}");
}

#[test]
fn what_is_missing_is_said_in_one_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let azure = FakeAzure::start(Options::new(directory.path())).unwrap();
    azure.put_secret("contoso", "other", "x", None);
    for (url, words) in [
        ("https://contoso.vault.azure.net/secrets/web", "no secret or certificate web"),
        ("https://contoso.vault.azure.net/certificates/web", "hands out no private key"),
    ] {
        let output = run(&azure, url);
        assert!(!output.status.success());
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(words), "{error}");
    }
}
