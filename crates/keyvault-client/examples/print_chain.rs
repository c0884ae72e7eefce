//! Prints the certificate chain of a secret in a key vault: leaf first, then its issuers.
//!
//! ```text
//! print_chain https://VAULT.vault.azure.net/secrets/NAME [IDENTITY_ENDPOINT [CLIENT_ID]]
//! ```
//!
//! `HTTPS_PROXY`, `NO_PROXY`, `SSL_CERT_FILE`, `SSL_CERT_DIR` and `AKVVM_VAULT_DNS_SUFFIXES` are
//! heeded. It needs nothing but `object-id`, `keyvault-client` and `certified-key`: whoever wants
//! certificates from a vault for another purpose than a virtual machine's store starts here.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example is a program: it has an environment, a clock and a terminal"
)]

use std::env;
use std::error::Error;
use std::process::ExitCode;
use std::time::SystemTime;

use certified_key::{Certificate, decode};
use keyvault_client::{
    Http, IdentityEndpoint, IdentitySelector, ManagedIdentityCredential, Network, SecretClient,
};
use object_id::{ObjectId, VaultSuffixes};

const USAGE: &str = "usage: print_chain SECRET_URL [IDENTITY_ENDPOINT [CLIENT_ID]]";

fn main() -> ExitCode {
    match print_chain() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn print_chain() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let url = arguments.next().ok_or(USAGE)?;
    let endpoint = match arguments.next() {
        Some(endpoint) => IdentityEndpoint::parse(&endpoint)?,
        None => IdentityEndpoint::imds(),
    };
    let client_id = arguments.next().unwrap_or_default();
    let selector = IdentitySelector::recognise(&client_id).ok_or("no client id")?;

    let allowed = variable("AKVVM_VAULT_DNS_SUFFIXES").unwrap_or_default();
    let id = ObjectId::parse(&url, &VaultSuffixes::known().allow(&allowed)?)?.require_secret()?;
    let http = Http::new(network())?;
    let credential = ManagedIdentityCredential::new(http.clone(), endpoint, selector);
    let secret = SecretClient::new(http).secret(&id, &credential, SystemTime::now())?;

    let decoded = decode(secret.content_type.as_deref(), &secret.value)?;
    println!("{}", id.at_version(&secret.version)?);
    print_certificate(decoded.key.leaf());
    decoded.key.issuers().iter().for_each(print_certificate);
    Ok(())
}

fn network() -> Network {
    Network {
        https_proxy: variable("HTTPS_PROXY").or_else(|| variable("https_proxy")),
        no_proxy: variable("NO_PROXY").or_else(|| variable("no_proxy")),
        ssl_cert_file: variable("SSL_CERT_FILE").map(Into::into),
        ssl_cert_dir: variable("SSL_CERT_DIR").map(Into::into),
        ..Network::default()
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok()
}

fn print_certificate(certificate: &Certificate) {
    println!("  subject {}", certificate.subject());
    println!("   issuer {}", certificate.issuer());
    println!("   serial {}", certificate.serial());
}
