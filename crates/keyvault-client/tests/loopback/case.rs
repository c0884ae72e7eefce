//! A table of exchanges with a vault.

use std::sync::Arc;
use std::time::Duration;

use keyvault_client::ErrorKind::{self, TimedOut};
use keyvault_client::{Http, Retry, SecretClient};
use object_id::{ObjectId, VaultSuffixes};

use super::{AUTHORITY, Front, Reply, SHORT, Server, Tokens, behind_proxy, now, said};

pub(crate) const V1: &str = "c07d36bb5b0f4a5d9f4c1f5b0e3a7d21";

/// One scripted exchange about the newest version of the secret `web` in the vault `abc`.
pub(crate) struct Case {
    name: &'static str,
    replies: Vec<Reply>,
    /// The kind of failure, and words that its sentence has to have.
    outcome: Result<(), (ErrorKind, &'static str)>,
    retry: Retry,
    requests: usize,
}

pub(crate) fn fine(name: &'static str, reply: Reply) -> Case {
    let replies = vec![reply];
    Case { name, replies, outcome: Ok(()), retry: Retry::NextPoll, requests: 1 }
}

pub(crate) fn fails(
    name: &'static str,
    reply: Reply,
    kind: ErrorKind,
    words: &'static str,
) -> Case {
    let retry = kind.retry();
    Case { name, replies: vec![reply], outcome: Err((kind, words)), retry, requests: 1 }
}

impl Case {
    pub(crate) fn after(mut self, seconds: u64) -> Self {
        self.retry = Retry::After(Duration::from_secs(seconds));
        self
    }

    pub(crate) fn asked(mut self, times: usize) -> Self {
        self.requests = times;
        self
    }

    pub(crate) fn then(mut self, reply: Reply) -> Self {
        self.replies.push(reply);
        self
    }

    fn run(&self, config: &Arc<rustls::ServerConfig>) {
        let server = Server::start(Front::Proxy(config.clone()), self.replies.clone());
        let mut network = behind_proxy(server.port, &AUTHORITY.file);
        if matches!(self.outcome, Err((TimedOut, _))) {
            network.timeouts = SHORT;
        }
        let tokens = Tokens::default();
        let client = SecretClient::new(Http::new(network).unwrap());
        let outcome = client.secret(&id("abc"), &tokens, now());
        match (&outcome, &self.outcome) {
            (Ok(secret), Ok(())) => assert_eq!(secret.value.as_str(), "hunter2", "{}", self.name),
            (Err(error), Err((kind, words))) => {
                let sentence = error.to_string();
                assert_eq!(error.kind(), *kind, "{}: {}", self.name, said(error));
                assert_eq!(error.retry(), self.retry, "{}", self.name);
                assert!(sentence.contains(words), "{}: {sentence}", self.name);
                assert!(sentence.len() < 700 && !sentence.ends_with('.'), "{sentence}");
                assert!(sentence.starts_with(|c: char| !c.is_uppercase()), "{sentence}");
                let said = said(error);
                for secret in ["sesame", "hunter2"] {
                    assert!(!said.contains(secret), "{}: {said}", self.name);
                }
            }
            other => panic!("{}: {other:?}", self.name),
        }
        self.check_requests(&server);
    }

    fn check_requests(&self, server: &Server) {
        let requests = server.requests();
        // Time may have been up before the request was read.
        let is_whole = !matches!(self.outcome, Err((TimedOut, _)));
        assert!(requests.len() == self.requests || !is_whole, "{}: {requests:?}", self.name);
        assert!(requests.len() <= self.requests, "{}: {requests:?}", self.name);
        for request in &requests {
            assert!(request.starts_with("GET /secrets/web?api-version=7.4 HTTP/1.1\r\n"));
            assert!(request.to_ascii_lowercase().contains("\r\nauthorization: bearer sesame."));
        }
        for connect in server.connects() {
            assert!(connect.starts_with("CONNECT abc.vault.azure.net:443 "), "{connect}");
            assert!(!connect.contains("sesame"));
        }
    }
}

pub(crate) fn id(vault: &str) -> ObjectId {
    let url = format!("https://{vault}.vault.azure.net/secrets/web");
    ObjectId::parse(&url, &VaultSuffixes::known()).unwrap()
}

pub(crate) fn run(cases: Vec<Case>) {
    let config = AUTHORITY.certificate(&["*.vault.azure.net"]);
    for case in cases {
        case.run(&config);
    }
}

pub(crate) fn secret_id(id: &str) -> String {
    format!(r#"{{"value":"hunter2","id":"{id}","attributes":{{"enabled":true}}}}"#)
}

pub(crate) fn secret() -> String {
    secret_id(&format!("https://abc.vault.azure.net/secrets/web/{V1}"))
}

pub(crate) fn error(code: &str, inner: &str, message: &str) -> String {
    format!(
        r#"{{"error":{{"code":"{code}","message":"{message}","innererror":{{"code":"{inner}"}}}}}}"#
    )
}

pub(crate) const JSON: &str =
    "Content-Type: application/json; charset=utf-8\r\nx-ms-request-id: 8-7-6\r\n";
pub(crate) const HTML: &str = "Content-Type: text/html\r\n";
pub(crate) const PAGE: &str = "<!DOCTYPE html><html><body>Please log in, hunter2</body></html>";
