//! Reads certificates with Microsoft's SDK for Rust, as people write it: one client, each secret
//! decoded by OpenSSL, written, renamed.
//!
//! rust_sdk IDENTITY_HOST:PORT VAULT_URL STORE IN_FLIGHT PREFIX COUNT POLLS
//!
//! POLLS times it then asks for every secret once more, and does nothing with the answers.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{ClientOptions, Context, Request, Url};
use azure_identity::{ManagedIdentityCredential, ManagedIdentityCredentialOptions};
use azure_security_keyvault_secrets::SecretClient;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::{StreamExt, TryStreamExt};
use openssl::pkcs12::Pkcs12;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Leads requests for a token to where the imagined identity endpoint is: the SDK knows one address.
#[derive(Debug)]
struct Led(Url);

#[async_trait::async_trait]
impl Policy for Led {
    async fn send(
        &self,
        context: &Context,
        request: &mut Request,
        next: &[Arc<dyn Policy>],
    ) -> PolicyResult {
        let url = request.url_mut();
        url.set_host(self.0.host_str())?;
        url.set_port(self.0.port()).expect("an http URL has a port");
        next[0].send(context, request, &next[1..]).await
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [identity, vault, store, in_flight, prefix, count, polls] = &words[..] else {
        panic!("see the first lines of the source");
    };
    std::fs::create_dir_all(store)?;
    let led = Led(Url::parse(&format!("http://{identity}"))?);
    let client_options =
        ClientOptions { per_call_policies: vec![Arc::new(led)], ..ClientOptions::default() };
    let options = ManagedIdentityCredentialOptions { client_options, ..Default::default() };
    let credential = ManagedIdentityCredential::new(Some(options))?;
    let client = Arc::new(SecretClient::new(vault, credential, None)?);
    let one = |number: usize| {
        let (client, name) = (Arc::clone(&client), format!("{prefix}{number}"));
        let path = Path::new(store).join(&name);
        async move { tokio::spawn(async move { one(&client, &name, &path).await }).await? }
    };
    let count: usize = count.parse()?;
    let every = futures::stream::iter(1..=count).map(one);
    every.buffer_unordered(in_flight.parse()?).try_collect::<()>().await?;
    for _ in 0..polls.parse()? {
        for number in 1..=count {
            client.get_secret(&format!("{prefix}{number}"), None).await?.into_model()?;
        }
    }
    Ok(())
}

async fn one(client: &SecretClient, name: &str, path: &Path) -> Result<(), Failure> {
    let secret = client.get_secret(name, None).await?.into_model()?;
    let der = STANDARD.decode(secret.value.ok_or("the secret has no value")?)?;
    let opened = Pkcs12::from_der(&der)?.parse2("")?;
    let mut pem = opened.cert.ok_or("no certificate")?.to_pem()?;
    for issuer in opened.ca.iter().flatten() {
        pem.extend(issuer.to_pem()?);
    }
    pem.extend(opened.pkey.ok_or("no key")?.private_key_to_pem_pkcs8()?);
    let beside = PathBuf::from(format!("{}.new", path.display()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(&beside)?.write_all(&pem)?;
    Ok(std::fs::rename(beside, path)?)
}
