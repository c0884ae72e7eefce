//! Why there is no token, and what to do about it.
//!
//! Which answers pass by themselves is Microsoft's table
//! ([error handling](https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token#error-handling)):
//! 404, 410, 429 and 5xx do, other 4xx do not.

use std::time::SystemTime;

use serde::Deserialize;

use crate::error::ClientError;
use crate::http::{Answer, Trouble};
use crate::kind::ErrorKind;
use crate::text::one_line;

use super::answer::BadToken;
use super::{IdentityEndpoint, IdentitySelector};

/// Which kind of machine the commands in the sentences are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Machine {
    /// A virtual machine in Azure.
    Azure,
    /// A machine elsewhere, connected by Azure Arc.
    Arc,
}

/// What a request was about, for the sentences.
pub(super) struct Refusal<'a> {
    pub(super) machine: Machine,
    pub(super) endpoint: &'a IdentityEndpoint,
    pub(super) selector: &'a IdentitySelector,
    /// What the token was to be for.
    pub(super) resource: &'a str,
}

/// The shape of OAuth errors (RFC 6749 §5.2).
#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorBody {
    error: String,
    error_description: String,
}

const SHOW: &str = "az vm identity show --resource-group GROUP --name VM";
/// Scale sets have commands of their own, which take the same words.
const VMSS: &str = "(of a scale set: `az vmss identity …`)";

impl Refusal<'_> {
    pub(super) fn of_trouble(&self, trouble: Trouble) -> ClientError {
        let at = self.endpoint;
        match trouble {
            Trouble::Refused(cause) | Trouble::Unreachable(cause) => ClientError::because(
                ErrorKind::IdentityUnreachable,
                format!("the identity endpoint {at} cannot be connected to: {}", self.no_way()),
                cause,
            ),
            Trouble::TimedOut(cause) => ClientError::because(
                ErrorKind::IdentityTimedOut,
                format!(
                    "the identity endpoint {at} does not answer in time: if this lasts, {}",
                    self.no_way()
                ),
                cause,
            ),
            Trouble::NameNotResolved(name) => ClientError::because(
                ErrorKind::IdentityUnreachable,
                format!("the name of the identity endpoint {at} cannot be resolved"),
                name.to_string(),
            ),
            Trouble::TooLarge => {
                self.unusable("its answer is far too long for a token: check what answers there")
            }
            Trouble::Lost(cause)
            | Trouble::Encoding(cause)
            | Trouble::Other(cause)
            | Trouble::ProxyRefused(cause)
            | Trouble::Tls(_, cause) => ClientError::because(
                ErrorKind::IdentityUnavailable,
                format!(
                    "the connection to the identity endpoint {at} broke off: if this lasts, {}",
                    self.no_way()
                ),
                cause,
            ),
            Trouble::NoTrustedRoots(cause) => {
                ClientError::because(ErrorKind::NoTrustedRoots, cause.to_string(), cause)
            }
            Trouble::ThroughProxy(_, trouble) => self.of_trouble(*trouble),
        }
    }

    /// What to look at where nobody answers.
    fn no_way(&self) -> &'static str {
        match self.machine {
            Machine::Azure => {
                "check that this is a virtual machine in Azure and that no firewall rule or \
                 container network keeps root from there; a machine elsewhere needs Azure Arc and \
                 authenticationSettings.msiEndpoint http://localhost:40342/metadata/identity"
            }
            Machine::Arc => {
                "see with `azcmagent show` whether Azure Arc's agent is connected, and with \
                 `systemctl status himdsd` whether its identity service runs"
            }
        }
    }

    pub(super) fn of_token(&self, bad: BadToken) -> ClientError {
        self.unusable(match bad {
            BadToken::Json => "its answer is not the JSON of a token: check what answers there",
            BadToken::Text => {
                "the token in its answer is empty or has illegal characters: check what answers there"
            }
            BadToken::Type => {
                "the token in its answer is no bearer token: check what answers there"
            }
            BadToken::Expired => "the token in its answer has expired: check this machine's clock",
        })
    }

    pub(super) fn of_answer(&self, answer: &Answer, now: SystemTime) -> ClientError {
        let body: ErrorBody = serde_json::from_slice(&answer.body).unwrap_or_default();
        let error = match answer.status {
            400 => self.bad_request(&body),
            404 | 408 | 410 | 429 | 500..=599 => self.unavailable(answer),
            403 if mentions(&answer.body, "unreachable") => self.unusable(
                "a proxy answers in its place (403, unreachable): let requests to it bypass \
                 every proxy",
            ),
            401 if self.machine == Machine::Arc => {
                self.unusable("it wants a proof (401) and does not say which")
            }
            401 if answer.headers("www-authenticate").any(|asked| asked.contains("realm")) => self
                .unusable(
                    "it wants a proof (401), as Azure Arc's agent does: check \
                     authenticationSettings.msiEndpoint",
                ),
            _ if answer.is_web_page() => self.unusable(
                "a web page comes in place of a token: let requests to it bypass every proxy",
            ),
            300..=399 => self.unusable(
                "it redirects, which is not followed: check authenticationSettings.msiEndpoint",
            ),
            ..=299 | 600.. => self.of_token(BadToken::Json),
            status => ClientError::new(
                ErrorKind::IdentityRefused,
                format!(
                    "the identity endpoint {} refuses the request ({status}): if the Metadata \
                     Security Protocol is on, allow this program there; else check \
                     authenticationSettings.msiEndpoint",
                    self.endpoint
                ),
            ),
        };
        let cause = one_line(&format!("{} {}", body.error, body.error_description), 500);
        let cause = format!("the identity endpoint answered {}: {cause}", answer.status);
        error
            .caused_by(cause)
            .with_retry(answer.retry_after(now))
            .with_request_id(answer.request_id())
    }

    fn bad_request(&self, body: &ErrorBody) -> ClientError {
        // One of the documented codes; what describes them is not made to be read by programs.
        if body.error == "invalid_resource" {
            return ClientError::new(
                ErrorKind::WrongCloud,
                format!(
                    "the identity's tenant knows no resource {}: check that the vault is in the \
                     same cloud as this machine's identity",
                    self.resource
                ),
            );
        }
        if body.error == "bad_request_102" {
            return self.unusable(
                "a proxy on the way drops the header that it wants (Metadata): let requests to it \
                 bypass every proxy",
            );
        }
        let says = body.error_description.to_ascii_lowercase();
        let is_named = *self.selector != IdentitySelector::Unspecified;
        if says.contains("multiple user assigned identities") && !is_named {
            return ClientError::new(
                ErrorKind::IdentityAmbiguous,
                format!(
                    "several identities are assigned to this machine and the settings do not say \
                     which to use: list them with `{SHOW}` {VMSS}, then set \
                     authenticationSettings.msiClientId to the client id of one"
                ),
            );
        }
        let sentence = if self.machine == Machine::Arc {
            format!(
                "Azure Arc's agent knows no such identity ({}): remove \
                 authenticationSettings.msiClientId, and check with `azcmagent show` that the \
                 machine is connected",
                self.selector
            )
        } else if is_named {
            format!(
                "{} is not assigned to this machine: list what is with `{SHOW}` {VMSS}, then correct \
                 authenticationSettings.msiClientId or assign it with `az vm identity assign \
                 --resource-group GROUP --name VM --identities ID`",
                self.selector
            )
        } else {
            format!(
                "this machine has no managed identity, or it is not ready yet: `az vm identity \
                 assign --resource-group GROUP --name VM` {VMSS} gives it one"
            )
        };
        ClientError::new(ErrorKind::IdentityNotFound, sentence)
    }

    fn unavailable(&self, answer: &Answer) -> ClientError {
        let at = self.endpoint;
        let sentence = match answer.status {
            404 => format!(
                "the identity endpoint {at} is being updated (404): it is asked again; if this \
                 lasts, check authenticationSettings.msiEndpoint"
            ),
            410 => format!(
                "the identity endpoint {at} is being updated (410), which takes a minute or a few"
            ),
            429 => format!(
                "the identity endpoint {at} gets too many requests (429), perhaps of other \
                 programs: it is asked again later"
            ),
            502 | 504 => format!(
                "a gateway answers for the identity endpoint {at} ({}): let requests to it \
                 bypass every proxy",
                answer.status
            ),
            status => format!(
                "the identity endpoint {at} has an error of its own ({status}): it is asked again; \
                 if this lasts, see with `{SHOW}` {VMSS} that the machine has an identity"
            ),
        };
        ClientError::new(ErrorKind::IdentityUnavailable, sentence)
    }

    pub(super) fn unusable(&self, what: &str) -> ClientError {
        let at = self.endpoint;
        ClientError::new(ErrorKind::IdentityAnswer, format!("no token from {at}: {what}"))
    }
}

/// Neither a token nor a failure, though a token was asked for.
pub(super) fn exhausted() -> ClientError {
    ClientError::new(ErrorKind::Unauthorized, "every token was rejected")
}

fn mentions(body: &[u8], word: &str) -> bool {
    String::from_utf8_lossy(body).to_ascii_lowercase().contains(word)
}
