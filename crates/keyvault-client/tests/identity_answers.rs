//! Every answer that an identity endpoint, or something in its place, can give.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, and makes its own files"
)]

mod loopback;

use std::time::Duration;

use keyvault_client::ErrorKind::{self, *};
use keyvault_client::{
    Http, IdentityEndpoint, IdentitySelector, ManagedIdentityCredential, Network, Retry,
    TokenCredential,
};
use loopback::{Front, Reply, Server, bytes, http, now, said};

const VAULT: &str = "https://vault.azure.net";
const JSON: &str = "Content-Type: application/json\r\nx-ms-request-id: 4-3\r\n";
const GUID: &str = "4633458b-17de-408a-b874-0445c86b69e6";

/// One request for a token.
struct Case {
    reply: Reply,
    selector: IdentitySelector,
    /// The token's life in seconds, or the kind of failure and words of its sentence.
    outcome: Result<u64, (ErrorKind, &'static str)>,
    retry: Retry,
    requests: usize,
}

fn fine(reply: Reply, lifetime: u64) -> Case {
    let retry = Retry::NextPoll;
    let selector = IdentitySelector::Unspecified;
    Case { reply, selector, outcome: Ok(lifetime), retry, requests: 1 }
}

fn fails(reply: Reply, kind: ErrorKind, words: &'static str) -> Case {
    Case { outcome: Err((kind, words)), retry: kind.retry(), ..fine(reply, 0) }
}

impl Case {
    fn after(mut self, seconds: u64) -> Self {
        self.retry = Retry::After(Duration::from_secs(seconds));
        self
    }

    fn by(mut self, selector: IdentitySelector) -> Self {
        self.selector = selector;
        self
    }

    fn asked(mut self, times: usize) -> Self {
        self.requests = times;
        self
    }

    fn run(self) {
        let server = Server::start(Front::Plain, vec![self.reply]);
        let mut network = Network::default();
        if matches!(self.outcome, Err((IdentityTimedOut, _))) {
            network.timeouts = loopback::SHORT;
        }
        let credential = credential(&server, network, self.selector);
        let outcome = credential.token(VAULT, now());
        match (&outcome, &self.outcome) {
            (Ok(token), Ok(lifetime)) => {
                assert_eq!(token.expires(), now() + Duration::from_secs(*lifetime));
                assert!(!format!("{token:?}").contains("sesame"));
            }
            (Err(error), Err((kind, words))) => {
                let sentence = error.to_string();
                assert_eq!(error.kind(), *kind, "{}", said(error));
                assert_eq!(error.retry(), self.retry, "{sentence}");
                assert!(sentence.contains(words), "{sentence}");
                assert!(sentence.len() < 700 && !sentence.ends_with('.'), "{sentence}");
                assert!(!said(error).contains("sesame"), "{}", said(error));
            }
            other => panic!("{other:?}"),
        }
        // A second caller in the same pass shares the outcome.
        assert_eq!(credential.token(VAULT, now()).is_ok(), outcome.is_ok());
        let requests = server.requests();
        // Time may have been up before the request was read.
        let is_whole = !matches!(self.outcome, Err((IdentityTimedOut, _)));
        assert!(requests.len() == self.requests || !is_whole, "{requests:?}");
        assert!(requests.len() <= self.requests, "{requests:?}");
        for request in requests {
            assert!(request.contains("\r\nmetadata: true\r\n"), "{request}");
            assert!(!request.to_ascii_lowercase().contains("x-forwarded-for"));
        }
    }
}

fn credential(
    server: &Server,
    network: Network,
    selector: IdentitySelector,
) -> ManagedIdentityCredential {
    let url = format!("http://127.0.0.1:{}/metadata/identity", server.port);
    let endpoint = IdentityEndpoint::parse(&url).unwrap();
    ManagedIdentityCredential::new(Http::new(network).unwrap(), endpoint, selector)
}

fn token(fields: &str) -> Reply {
    let body = format!(r#"{{"access_token":"sesame.a.b","token_type":"Bearer"{fields}}}"#);
    http("200 OK", JSON, &body)
}

fn error(code: &str, description: &str) -> String {
    format!(r#"{{"error":"{code}","error_description":"{description}"}}"#)
}

#[test]
fn tokens_are_read_in_every_form_they_come() {
    let body = br#"{"access_token":"sesame.a.b","expires_in":"3599"}"#;
    let close = [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".as_slice(), body].concat();
    for case in [
        fine(token(r#","expires_in":"3599","expires_on":"1""#), 3599),
        fine(token(r#","expires_in":3599,"refresh_token":"","not_before":"1""#), 3599),
        fine(token(r#","expires_on":"1760000600""#), 600),
        fine(token(r#","expires_on":1760000600"#), 600),
        fine(token(""), 300),
        fine(token(r#","expires_in":"86400""#), 86_400),
        fine(token(r#","expires_in":"864000000000000""#), 86_400),
        fine(Reply::Cut(close), 3599),
        fine(token(r#","expires_in":"3599""#), 3599).by(IdentitySelector::ClientId(GUID.into())),
        fine(token(r#","expires_in":"3599""#), 3599).by(IdentitySelector::ObjectId(GUID.into())),
    ] {
        case.run();
    }
}

#[test]
fn an_answer_that_is_no_token_is_told_for_what_it_is() {
    let page = "<html>hello sesame</html>";
    let ok = |body: &str| http("200 OK", JSON, body);
    for case in [
        fails(http("200 OK", "Content-Type: text/html\r\n", page), IdentityAnswer, "a web page"),
        fails(http("200 OK", "", page), IdentityAnswer, "a web page"),
        fails(ok(""), IdentityAnswer, "not the JSON"),
        fails(http("204 No Content", "", ""), IdentityAnswer, "not the JSON"),
        fails(http("299 X", JSON, "{}"), IdentityAnswer, "not the JSON"),
        fails(http("999 X", JSON, "{}"), IdentityAnswer, "not the JSON"),
        fails(ok("{}"), IdentityAnswer, "not the JSON"),
        fails(ok("[]"), IdentityAnswer, "not the JSON"),
        fails(ok(r#"{"access_token":["sesame"]}"#), IdentityAnswer, "not the JSON"),
        fails(
            ok(r#"{"access_token":"sesame","access_token":"sesame"}"#),
            IdentityAnswer,
            "not the JSON",
        ),
        fails(ok(r#"{"access_token":""}"#), IdentityAnswer, "empty"),
        fails(ok(r#"{"access_token":"sesame\r\nHost: evil"}"#), IdentityAnswer, "illegal"),
        fails(ok(r#"{"access_token":"sesame é"}"#), IdentityAnswer, "illegal"),
        fails(ok(r#"{"access_token":"sesame","token_type":"PoP"}"#), IdentityAnswer, "no bearer"),
        fails(token(r#","expires_in":"0""#), IdentityAnswer, "clock"),
        fails(token(r#","expires_on":"1600000000""#), IdentityAnswer, "clock"),
        fails(ok(&format!("\"{}\"", "sesame".repeat(200_000))), IdentityAnswer, "far too long"),
    ] {
        case.run();
    }
}

#[test]
fn refusals_are_told_apart_and_name_the_command_to_type() {
    let several = error(
        "invalid_request",
        "Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request",
    );
    let not_found = error("invalid_request", "Identity not found");
    let other_cloud = error("invalid_resource", "AADSTS500011: The resource principal named …");
    let realm = "WWW-Authenticate: Basic realm=/var/opt/azcmagent/tokens/1.key\r\n";
    let bad = |body: &str| http("400 Bad Request", JSON, body);
    let client = || IdentitySelector::ClientId(GUID.into());
    let arm = || IdentitySelector::ResourceId("/subscriptions/1/x".into());
    for case in [
        fails(bad(&several), IdentityAmbiguous, "authenticationSettings.msiClientId"),
        fails(bad(&several), IdentityAmbiguous, "az vm identity show"),
        fails(bad(&not_found), IdentityNotFound, "az vm identity assign"),
        fails(bad(""), IdentityNotFound, "az vm identity assign"),
        fails(bad(&not_found), IdentityNotFound, GUID).by(client()).asked(2),
        fails(bad(&several), IdentityNotFound, "not assigned").by(client()).asked(2),
        fails(bad(&not_found), IdentityNotFound, "/subscriptions/1/x").by(arm()),
        fails(bad(&not_found), IdentityNotFound, GUID).by(IdentitySelector::ObjectId(GUID.into())),
        fails(bad(&other_cloud), WrongCloud, "knows no resource https://vault.azure.net"),
        fails(bad(&other_cloud), WrongCloud, "same cloud").by(client()),
        fails(http("401 x", realm, ""), IdentityAnswer, "Azure Arc"),
        fails(bad(&error("bad_request_102", "")), IdentityAnswer, "drops the header"),
        fails(bad(&error("unauthorized_client", "")), IdentityNotFound, "az vm identity assign"),
        fails(http("401 x", JSON, &error("unknown_source", "")), IdentityRefused, "(401)"),
        fails(
            http("403 x", JSON, "A socket operation was attempted to an unreachable network"),
            IdentityAnswer,
            "proxy",
        ),
        fails(http("403 x", JSON, ""), IdentityRefused, "Metadata Security Protocol"),
        fails(http("405 x", JSON, ""), IdentityRefused, "405"),
        fails(http("421 x", JSON, ""), IdentityRefused, "421"),
        fails(http("302 x", "Location: http://evil.example/\r\n", ""), IdentityAnswer, "redirects"),
        fails(http("307 x", "Location: /metadata\r\n", ""), IdentityAnswer, "redirects"),
    ] {
        case.run();
    }
}

#[test]
fn what_passes_by_itself_is_asked_again_when_the_endpoint_says() {
    let status = |status: &str| fails(http(status, JSON, ""), IdentityUnavailable, "");
    let told = |status: &str, after: &str| {
        fails(http(status, &format!("Retry-After: {after}\r\n"), ""), IdentityUnavailable, "")
    };
    for case in [
        fails(http("404 x", JSON, ""), IdentityUnavailable, "msiEndpoint"),
        fails(http("410 x", JSON, ""), IdentityUnavailable, "a minute or a few"),
        fails(http("429 x", JSON, ""), IdentityUnavailable, "too many requests"),
        fails(http("502 x", JSON, ""), IdentityUnavailable, "bypass every proxy"),
        fails(
            http("504 x", "Content-Type: text/html\r\n", "<html>"),
            IdentityUnavailable,
            "bypass",
        ),
        status("500 x"),
        status("503 x"),
        status("408 x"),
        told("429 x", "5").after(5),
        told("429 x", "Thu, 09 Oct 2025 08:54:20 GMT").after(60),
        told("410 x", "70").after(70),
        told("503 x", "999999").after(3600),
    ] {
        case.run();
    }
}

#[test]
fn an_endpoint_that_does_not_answer_is_told_for_how_it_does_not() {
    for case in [
        fails(Reply::Silence, IdentityTimedOut, "in time"),
        fails(Reply::Drip(bytes("200 OK", JSON, &[b' '; 200])), IdentityTimedOut, "in time"),
        fails(Reply::Cut(Vec::new()), IdentityUnavailable, "broke off"),
        fails(
            Reply::Cut(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".to_vec()),
            IdentityUnavailable,
            "broke off",
        ),
        fails(Reply::Cut(b"220 smtp ESMTP\r\n\r\n".to_vec()), IdentityUnavailable, "broke off"),
    ] {
        case.run();
    }
    let endpoint = IdentityEndpoint::parse("http://127.0.0.1:1/").unwrap();
    let http = Http::new(Network::default()).unwrap();
    let refused = ManagedIdentityCredential::new(http, endpoint, IdentitySelector::default());
    assert_eq!(refused.token(VAULT, now()).unwrap_err().kind(), IdentityUnreachable);
}

#[test]
fn an_object_id_given_as_a_client_id_is_recognised_once_and_for_all() {
    let refused = http("400 x", JSON, &error("invalid_request", "Identity not found"));
    let server = Server::start(Front::Plain, vec![refused, token(r#","expires_in":60"#)]);
    let selector = IdentitySelector::ClientId(GUID.into());
    let credential = credential(&server, Network::default(), selector);
    for seconds in [0, 100] {
        credential.token(VAULT, now() + Duration::from_secs(seconds)).unwrap();
    }
    let asked: Vec<bool> =
        server.requests().iter().map(|request| request.contains("&object_id=4633")).collect();
    assert_eq!(asked, [false, true, true]);
}

#[test]
fn an_endpoint_that_falters_at_the_second_try_is_not_taken_for_one_that_knows_nobody() {
    let refused = http("400 x", JSON, &error("invalid_request", "Identity not found"));
    let busy = http("429 x", "Retry-After: 9\r\n", "");
    let server = Server::start(Front::Plain, vec![refused, busy]);
    let selector = IdentitySelector::ClientId(GUID.into());
    let failure = credential(&server, Network::default(), selector).token(VAULT, now());
    let failure = failure.unwrap_err();
    assert_eq!(failure.kind(), IdentityUnavailable, "{failure:?}");
    assert_eq!(failure.retry(), Retry::After(Duration::from_secs(9)));
}

#[test]
fn the_identity_endpoint_is_asked_directly_whatever_the_proxy() {
    let server = Server::start(Front::Plain, vec![token(r#","expires_in":60"#)]);
    let network = Network { https_proxy: Some("http://127.0.0.1:1".into()), ..Network::default() };
    let credential = credential(&server, network, IdentitySelector::default());
    assert!(credential.token(VAULT, now()).is_ok());
    let request = &server.requests()[0];
    assert!(request.starts_with(
        "GET /metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net HTTP/1.1\r\n"
    ));
}
