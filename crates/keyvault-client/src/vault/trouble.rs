//! Why a vault did not answer, in words.

use object_id::Vault;

use crate::error::ClientError;
use crate::http::{TlsTrouble, Trouble};
use crate::kind::ErrorKind;

/// The sentence for a request to a vault that got no answer.
pub(super) fn explain(trouble: Trouble, vault: &Vault) -> ClientError {
    let host = vault.host();
    match trouble {
        Trouble::ThroughProxy(proxy, trouble) => through_proxy(*trouble, host, &proxy),
        Trouble::NameNotResolved(name) if name.is_unanswered => ClientError::because(
            ErrorKind::NameNotResolved,
            format!(
                "this machine's name servers do not answer for {host}: check /etc/resolv.conf and \
                 that the servers in it can be reached"
            ),
            name.to_string(),
        ),
        Trouble::NameNotResolved(name) => ClientError::because(
            ErrorKind::NameNotResolved,
            format!(
                "the name {host} cannot be resolved: check the vault's name, that the vault was \
                 not deleted (`az keyvault list-deleted`), and this machine's DNS"
            ),
            name.to_string(),
        ),
        Trouble::Refused(cause) => ClientError::because(
            ErrorKind::ConnectionRefused,
            format!("{host} refuses connections: {OUTBOUND}"),
            cause,
        ),
        Trouble::Unreachable(cause) => ClientError::because(
            ErrorKind::Unreachable,
            format!("there is no route to {host}: {OUTBOUND}"),
            cause,
        ),
        Trouble::TimedOut(cause) => ClientError::because(
            ErrorKind::TimedOut,
            format!("{host} does not answer in time: {OUTBOUND}"),
            cause,
        ),
        Trouble::Lost(cause) => ClientError::because(
            ErrorKind::ConnectionLost,
            format!(
                "the connection to {host} broke off, or what came over it is no HTTP: {BETWEEN}"
            ),
            cause,
        ),
        Trouble::Tls(tls, cause) => {
            ClientError::because(ErrorKind::Tls, tls_sentence(tls, host), cause)
        }
        other => common(other, host),
    }
}

const OUTBOUND: &str = "let this machine reach it on port 443 (service tag AzureKeyVault), \
                        through a private endpoint, or through a proxy (HTTPS_PROXY in \
                        /etc/akvvm/environment)";

const BETWEEN: &str = "if this lasts, check what stands between this machine and the vault, a \
                       firewall or a proxy that inspects TLS, say";

fn through_proxy(trouble: Trouble, host: &str, proxy: &str) -> ClientError {
    let (kind, sentence, cause) = match trouble {
        Trouble::NameNotResolved(name) => (
            ErrorKind::NameNotResolved,
            format!("the name of the proxy {proxy} cannot be resolved: check HTTPS_PROXY"),
            name.to_string().into(),
        ),
        Trouble::Refused(cause) => (
            ErrorKind::ConnectionRefused,
            format!("the proxy {proxy} refuses connections: check HTTPS_PROXY"),
            cause,
        ),
        Trouble::Unreachable(cause) => (
            ErrorKind::Unreachable,
            format!("there is no route to the proxy {proxy}: check HTTPS_PROXY"),
            cause,
        ),
        Trouble::TimedOut(cause) => (
            ErrorKind::TimedOut,
            format!("no answer from {host} through the proxy {proxy} in time: check both"),
            cause,
        ),
        Trouble::ProxyRefused(cause) => {
            let sentence = refused_by(proxy, host, &cause.to_string());
            (ErrorKind::Proxy, sentence, cause)
        }
        Trouble::Lost(cause) => (
            ErrorKind::ConnectionLost,
            format!(
                "the connection to {host} through the proxy {proxy} broke off, or what came over \
                 it is no HTTP: {BETWEEN}"
            ),
            cause,
        ),
        Trouble::Tls(tls, cause) => (
            ErrorKind::Tls,
            format!("through the proxy {proxy}: {}", tls_sentence(tls, host)),
            cause,
        ),
        other => return common(other, host),
    };
    ClientError::because(kind, sentence, cause)
}

/// `said` has the status that the proxy answered.
fn refused_by(proxy: &str, host: &str, said: &str) -> String {
    if said.contains("407") && proxy.contains("***@") {
        format!(
            "the proxy {proxy} does not accept the user name and password in HTTPS_PROXY (407): \
             correct them, special characters as percent escapes"
        )
    } else if said.contains("407") {
        format!(
            "the proxy {proxy} wants a user name and password (407): write \
             HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT"
        )
    } else if ["502", "503", "504"].iter().any(|status| said.contains(status)) {
        format!(
            "the proxy {proxy} does not connect to {host}, because it cannot reach it: check the \
             vault's name, that the vault was not deleted (`az keyvault list-deleted`), and the \
             proxy's own DNS and routes"
        )
    } else {
        format!(
            "the proxy {proxy} does not connect to {host}: allow this host there, or name it in \
             NO_PROXY"
        )
    }
}

/// What is the same with and without a proxy.
fn common(trouble: Trouble, host: &str) -> ClientError {
    match trouble {
        Trouble::NoTrustedRoots(error) => {
            let advice = if error.was_named {
                "check SSL_CERT_FILE and SSL_CERT_DIR"
            } else {
                "install the package ca-certificates, or name a file by SSL_CERT_FILE in \
                 /etc/akvvm/environment"
            };
            let sentence =
                format!("this machine has no certificate authorities to check {host} by: {advice}");
            ClientError::because(ErrorKind::NoTrustedRoots, sentence, error)
        }
        Trouble::TooLarge => ClientError::new(
            ErrorKind::VaultAnswer,
            format!("the answer of {host} is far longer than a secret can be: {BETWEEN}"),
        ),
        Trouble::Encoding(cause) => ClientError::because(
            ErrorKind::VaultAnswer,
            format!("the answer of {host} cannot be decompressed: {BETWEEN}"),
            cause,
        ),
        Trouble::ThroughProxy(_, trouble) => common(*trouble, host),
        Trouble::NameNotResolved(name) => lost(host, name.to_string().into()),
        Trouble::Refused(cause)
        | Trouble::Unreachable(cause)
        | Trouble::TimedOut(cause)
        | Trouble::Lost(cause)
        | Trouble::Tls(_, cause)
        | Trouble::ProxyRefused(cause)
        | Trouble::Other(cause) => lost(host, cause),
    }
}

fn lost(host: &str, cause: crate::http::Cause) -> ClientError {
    let sentence = format!("the request to {host} failed: the log has the details");
    ClientError::because(ErrorKind::ConnectionLost, sentence, cause)
}

fn tls_sentence(trouble: TlsTrouble, host: &str) -> String {
    match trouble {
        TlsTrouble::UnknownIssuer => format!(
            "the certificate of {host} is from an authority that this machine does not trust: if \
             a proxy inspects TLS here, add its authority to the machine's trusted ones or name \
             it by SSL_CERT_FILE in /etc/akvvm/environment; else install or update the package \
             ca-certificates"
        ),
        TlsTrouble::WrongName => format!(
            "what answers at {host} has a certificate for another name: check DNS, private \
             endpoint and proxy"
        ),
        TlsTrouble::Validity => format!(
            "the certificate of {host} has expired or is not valid yet: check this machine's \
             clock first"
        ),
        TlsTrouble::BadCertificate => {
            format!("the certificate of {host} is not acceptable, see the log: {BETWEEN}")
        }
        TlsTrouble::Handshake => format!(
            "no TLS connection to {host} comes about: check that nothing in between intercepts \
             port 443"
        ),
    }
}
