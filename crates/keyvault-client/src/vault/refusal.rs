//! Why a vault does not hand out a secret, and what to do about it
//! ([error codes](https://learn.microsoft.com/azure/key-vault/general/rest-error-codes)).

use std::time::SystemTime;

use object_id::{ObjectId, Vault};
use serde::Deserialize;

use crate::credential::AccessToken;
use crate::error::ClientError;
use crate::http::Answer;
use crate::kind::ErrorKind;
use crate::text::one_line;

use super::secret::BadSecret;

/// What a request was about, for the sentences.
pub(super) struct Refusal<'a> {
    pub(super) id: &'a ObjectId,
    pub(super) token: Option<&'a AccessToken>,
    pub(super) now: SystemTime,
}

/// The shape of a vault's errors.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorBody {
    error: ErrorDetail,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorDetail {
    code: Option<String>,
    message: Option<String>,
    innererror: Option<InnerError>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct InnerError {
    code: Option<String>,
}

impl ErrorDetail {
    fn inner(&self) -> &str {
        self.innererror.as_ref().and_then(|inner| inner.code.as_deref()).unwrap_or_default()
    }

    fn says(&self, words: &str) -> bool {
        self.message.as_deref().is_some_and(|message| message.contains(words))
    }
}

impl Refusal<'_> {
    pub(super) fn of_answer(&self, answer: &Answer) -> ClientError {
        let body: ErrorBody = serde_json::from_slice(&answer.body).unwrap_or_default();
        let detail = body.error;
        let error = match answer.status {
            300..=399 => self.redirected(answer),
            429 => self.throttled(),
            500..=599 | 408 => self.unavailable(answer.status),
            _ if answer.is_web_page() => self.no_vault("a web page"),
            401 => self.unauthorized(&detail),
            403 => self.forbidden(detail.inner(), detail.message.as_deref().unwrap_or_default()),
            404 => self.not_found(),
            409 | 410 => self.conflict(answer.status),
            200..=299 => self.no_vault("an answer without a secret"),
            status => ClientError::new(
                ErrorKind::VaultRefused,
                format!(
                    "{} does not understand the request for {} ({status}): the log has its words; \
                     check what stands between this machine and the vault",
                    self.host(),
                    self.id.name()
                ),
            ),
        };
        error
            .caused_by(self.said(answer.status, &detail))
            .with_retry(answer.retry_after(self.now))
            .with_request_id(answer.request_id())
    }

    pub(super) fn of_secret(&self, answer: &Answer, bad: BadSecret) -> ClientError {
        let error = match bad {
            BadSecret::Json { .. } if answer.is_web_page() => self.no_vault("a web page"),
            BadSecret::Json { line, column } => self
                .no_vault("something else than a secret")
                .caused_by(format!("no JSON of a secret at line {line}, column {column}")),
            BadSecret::NoVersion => self.no_vault("a secret without a version"),
            BadSecret::Id | BadSecret::Other => ClientError::new(
                ErrorKind::OtherSecret,
                format!(
                    "{} answers about another secret than {}: nothing is installed from it; \
                     check what stands between this machine and the vault",
                    self.host(),
                    self.id.name()
                ),
            ),
        };
        error.with_request_id(answer.request_id())
    }

    pub(super) fn host(&self) -> &str {
        self.id.vault().host()
    }

    /// The vault's own words, for the log. Should it repeat the token, that is cut out.
    fn said(&self, status: u16, detail: &ErrorDetail) -> String {
        let code = detail.code.as_deref().unwrap_or_default();
        let message = detail.message.as_deref().unwrap_or_default();
        let words = format!("{code} {} {message}", detail.inner());
        let words = match self.token {
            Some(token) => words.replace(token.text(), "[token]"),
            None => words,
        };
        format!("{} answered {status}: {}", self.host(), one_line(&words, 600))
    }

    fn redirected(&self, answer: &Answer) -> ClientError {
        let to = answer
            .header("location")
            .and_then(|to| to.parse::<ureq::http::Uri>().ok())
            .and_then(|to| to.host().map(|host| format!(" to {}", one_line(host, 100))))
            .unwrap_or_default();
        ClientError::new(
            ErrorKind::Redirected,
            format!(
                "{} redirects{to} ({}), which is never followed with a token: check DNS and proxy",
                self.host(),
                answer.status
            ),
        )
    }

    fn throttled(&self) -> ClientError {
        ClientError::new(
            ErrorKind::Throttled,
            format!(
                "{} gets too many requests (429): if this lasts, raise pollingIntervalInS or \
                 spread the certificates over several vaults",
                self.host()
            ),
        )
    }

    fn unavailable(&self, status: u16) -> ClientError {
        let hint = match status {
            502 | 504 => "a gateway or proxy in between may be the cause",
            _ => "it is asked again",
        };
        ClientError::new(
            ErrorKind::VaultUnavailable,
            format!("{} has an error of its own ({status}): {hint}", self.host()),
        )
    }

    fn no_vault(&self, what: &str) -> ClientError {
        ClientError::new(
            ErrorKind::VaultAnswer,
            format!(
                "{} answers with {what}: check that it is a key vault and that no proxy or \
                 portal answers in its place",
                self.host()
            ),
        )
    }

    fn unauthorized(&self, detail: &ErrorDetail) -> ClientError {
        let host = self.host();
        let claims = self.token.map(AccessToken::claims);
        if detail.says("AKV10032") {
            let tenant = claims.and_then(|claims| claims.tenant_id.as_deref());
            let from =
                tenant.map(|tenant| format!(" (the identity's is {tenant})")).unwrap_or_default();
            return ClientError::new(
                ErrorKind::WrongTenant,
                format!(
                    "{host} trusts another tenant than the identity's{from}: use a vault in the \
                     identity's tenant, or `az keyvault update --name {} --set \
                     properties.tenantId={}`",
                    self.id.vault().name(),
                    tenant.unwrap_or("TENANT"),
                ),
            );
        }
        let reason = if detail.says("AKV10022") {
            "it is for another audience: check that the machine and the vault are in one cloud"
        } else {
            "if this lasts, restart the machine's identity endpoint or assign the identity anew"
        };
        ClientError::new(
            ErrorKind::Unauthorized,
            format!("{host} does not accept the identity's token, nor a fresh one: {reason}"),
        )
    }

    fn not_found(&self) -> ClientError {
        let (name, vault) = (self.id.name(), self.id.vault().name());
        let sentence = match self.id.version() {
            Some(version) => format!(
                "{} has no version {version} of the secret {name}: leave the version out to \
                 follow the newest, or list them with `az keyvault secret list-versions \
                 --vault-name {vault} --name {name}`",
                self.host()
            ),
            None => format!(
                "{} has no secret or certificate {name}: check the name with `az keyvault \
                 certificate list --vault-name {vault}`; if it was deleted, `az keyvault \
                 certificate recover --vault-name {vault} --name {name}`",
                self.host()
            ),
        };
        ClientError::new(ErrorKind::SecretNotFound, sentence)
    }

    fn conflict(&self, status: u16) -> ClientError {
        ClientError::new(
            ErrorKind::Conflict,
            format!(
                "the secret {} in {} is being deleted, recovered or changed ({status}): wait, or \
                 see `az keyvault secret show-deleted --vault-name {} --name {}`",
                self.id.name(),
                self.host(),
                self.id.vault().name(),
                self.id.name()
            ),
        )
    }

    /// The identity, as far as its token says who it is.
    pub(super) fn who(&self) -> String {
        let claims = self.token.map(AccessToken::claims);
        let object = claims.and_then(|claims| claims.object_id.as_deref());
        let resource = claims.and_then(|claims| claims.resource_id.as_deref());
        match (object, resource) {
            (Some(object), Some(resource)) => format!("the identity {object} ({resource})"),
            (Some(object), None) => format!("the identity {object}"),
            (None, Some(resource)) => format!("the identity {resource}"),
            (None, None) => "the identity".to_owned(),
        }
    }

    pub(super) fn object_id(&self) -> &str {
        self.token.and_then(|token| token.claims().object_id.as_deref()).unwrap_or("OBJECT_ID")
    }
}

/// A vault outside the known clouds that does not say what it wants a token for.
pub(super) fn no_challenge(vault: &Vault) -> ClientError {
    ClientError::new(
        ErrorKind::Challenge,
        format!(
            "{} asks for a token without saying which (no resource in its 401): check that it is \
             a key vault",
            vault.host()
        ),
    )
}

/// A vault that wants a token for something else.
pub(super) fn foreign_challenge(vault: &Vault, named: &str) -> ClientError {
    ClientError::new(
        ErrorKind::Challenge,
        format!(
            "{} asks for a token for {named:?}, which is not its own domain: none is sent; check \
             that it is a key vault",
            vault.host()
        ),
    )
}
