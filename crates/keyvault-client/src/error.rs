//! A failure as a value: a sentence for everyone, causes for the log.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::kind::{ErrorKind, Fault, Retry};

/// A failed request for a token or a secret.
///
/// `Display` is one sentence without secrets, fit for a status document, that ends with the next
/// step; `source()` leads to what the operating system or the other side said, for the log.
/// Cloning is cheap: one failed token request answers for every certificate that needed it.
#[derive(Clone)]
pub struct ClientError(Arc<Report>);

struct Report {
    kind: ErrorKind,
    sentence: String,
    retry: Retry,
    cause: Option<Box<dyn Error + Send + Sync>>,
    request_id: Option<String>,
}

impl ClientError {
    pub(crate) fn new(kind: ErrorKind, sentence: impl Into<String>) -> Self {
        Self(Arc::new(Report {
            kind,
            sentence: sentence.into(),
            retry: kind.retry(),
            cause: None,
            request_id: None,
        }))
    }

    pub(crate) fn because(
        kind: ErrorKind,
        sentence: impl Into<String>,
        cause: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::new(kind, sentence).caused_by(cause)
    }

    pub(crate) fn caused_by(self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.changed(|report| report.cause = Some(cause.into()))
    }

    pub(crate) fn with_retry(self, retry: Option<Retry>) -> Self {
        match retry {
            Some(retry) => self.changed(|report| report.retry = retry),
            None => self,
        }
    }

    pub(crate) fn with_request_id(self, request_id: Option<String>) -> Self {
        self.changed(|report| report.request_id = request_id)
    }

    /// Only ever called while the error is being made, when nobody else holds it.
    fn changed(mut self, change: impl FnOnce(&mut Report)) -> Self {
        if let Some(report) = Arc::get_mut(&mut self.0) {
            change(report);
        }
        self
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whose fault it is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        self.0.kind.fault()
    }

    /// When to ask again.
    #[must_use]
    pub fn retry(&self) -> Retry {
        self.0.retry
    }

    /// What Microsoft's support asks for: the answer's `x-ms-request-id`.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.sentence)
    }
}

impl fmt::Debug for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientError")
            .field("kind", &self.0.kind)
            .field("sentence", &self.0.sentence)
            .field("retry", &self.0.retry)
            .field("request_id", &self.0.request_id)
            .field("cause", &self.0.cause.as_ref().map(ToString::to_string))
            .finish()
    }
}

impl Error for ClientError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.cause.as_deref().map(|cause| cause as &(dyn Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_for_the_log_and_not_for_the_public() {
        let error = ClientError::because(ErrorKind::Tls, "not trusted", "UnknownIssuer")
            .with_request_id(Some("1".into()));
        assert_eq!(error.to_string(), "not trusted");
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("UnknownIssuer"));
        assert_eq!(error.clone().request_id(), Some("1"));
    }
}
