//! Azure Arc's agent, and things that answer in its place.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, and makes its own files"
)]

mod loopback;

use std::path::Path;
use std::time::Duration;

use keyvault_client::ErrorKind::{self, *};
use keyvault_client::{
    AzureArcCredential, Http, IdentityEndpoint, IdentitySelector, Network, TokenCredential,
};
use loopback::{Front, Reply, Server, http, now, said};
use tempfile::TempDir;

const VAULT: &str = "https://vault.azure.net";
const GUID: &str = "4633458b-17de-408a-b874-0445c86b69e6";

struct Agent {
    directory: TempDir,
    server: Server,
    credential: AzureArcCredential,
}

impl Agent {
    /// An agent whose replies name its key directory as `DIR`.
    fn start(replies: &[(&str, &str, &str)], selector: IdentitySelector) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("1-a.key"), "c2VjcmV0LWtleQ\n").unwrap();
        let path = directory.path().display().to_string();
        let replies: Vec<Reply> = replies
            .iter()
            .map(|(status, headers, body)| http(status, &headers.replace("DIR", &path), body))
            .collect();
        let server = Server::start(Front::Plain, replies);
        let url = format!("http://localhost:{}/metadata/identity", server.port);
        let credential = AzureArcCredential::new(
            Http::new(Network::default()).unwrap(),
            IdentityEndpoint::parse(&url).unwrap(),
            selector,
            directory.path().to_owned(),
        );
        Self { directory, server, credential }
    }

    fn fails(&self, kind: ErrorKind, words: &str) {
        let error = self.credential.token(VAULT, now()).unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(error.to_string().contains(words), "{error}");
        let said = said(&error);
        assert!(!said.contains("c2VjcmV0") && !said.contains("sesame"), "{said}");
    }

    /// How many requests carried a proof.
    fn proofs(&self) -> usize {
        let requests = self.server.requests();
        requests
            .iter()
            .filter(|head| head.to_ascii_lowercase().contains("\r\nauthorization:"))
            .count()
    }
}

const CHALLENGE: (&str, &str, &str) =
    ("401 x", "WWW-Authenticate: Basic realm=DIR/1-a.key\r\n", "{}");
const TOKEN: (&str, &str, &str) =
    ("200 OK", "", r#"{"access_token":"sesame","expires_in":"3600"}"#);

fn unspecified(replies: &[(&str, &str, &str)]) -> Agent {
    Agent::start(replies, IdentitySelector::Unspecified)
}

#[test]
fn the_agents_file_is_the_proof_and_is_read_for_each_token() {
    let agent = unspecified(&[CHALLENGE, TOKEN, CHALLENGE, TOKEN]);
    let token = agent.credential.token(VAULT, now()).unwrap();
    assert_eq!(token.expires(), now() + Duration::from_secs(3600));
    let requests = agent.server.requests();
    assert!(requests[0].starts_with(
        "GET /metadata/identity/oauth2/token?api-version=2020-06-01&resource=https%3A%2F%2Fvault.azure.net "
    ));
    assert!(requests[1].contains("authorization: Basic c2VjcmV0LWtleQ\r\n"), "{}", requests[1]);
    std::fs::write(agent.directory.path().join("1-a.key"), "YW5vdGhlcg").unwrap();
    agent.credential.token(VAULT, now() + Duration::from_secs(4000)).unwrap();
    assert!(agent.server.requests()[3].contains("authorization: Basic YW5vdGhlcg\r\n"));
}

#[test]
fn quoted_realms_are_understood() {
    for header in [
        "WWW-Authenticate: Basic realm=\"DIR/1-a.key\"\r\n",
        "Www-Authenticate: basic Realm=DIR/1-a.key \r\n",
        "WWW-Authenticate: Negotiate\r\nWWW-Authenticate: Basic realm=DIR/1-a.key\r\n",
    ] {
        let agent = unspecified(&[("401 x", header, ""), TOKEN]);
        assert!(agent.credential.token(VAULT, now()).is_ok(), "{header}");
    }
}

#[test]
fn no_other_file_is_ever_sent() {
    let outside = tempfile::tempdir().unwrap();
    let shadow = outside.path().join("shadow.key");
    std::fs::write(&shadow, "c2VjcmV0").unwrap();
    let link = |agent: &Agent, name: &str, to: &Path| {
        std::os::unix::fs::symlink(to, agent.directory.path().join(name)).unwrap();
    };
    let outside_path = format!("WWW-Authenticate: Basic realm={}\r\n", shadow.display());
    for (header, words) in [
        (outside_path.as_str(), "is not where"),
        ("WWW-Authenticate: Basic realm=DIR/../x/1-a.key\r\n", "is not where"),
        ("WWW-Authenticate: Basic realm=DIR/sub/1-a.key\r\n", "is not where"),
        ("WWW-Authenticate: Basic realm=DIR/1-a.txt\r\n", "is not where"),
        ("WWW-Authenticate: Basic realm=1-a.key\r\n", "is not where"),
        ("WWW-Authenticate: Basic realm=/etc/shadow\r\n", "is not where"),
        ("WWW-Authenticate: Basic realm=\r\n", "is not where"),
        ("WWW-Authenticate: Basic realm=DIR/missing.key\r\n", "cannot be read"),
        ("WWW-Authenticate: Basic realm=DIR/link.key\r\n", "no regular file"),
        ("WWW-Authenticate: Basic realm=DIR/inside.key\r\n", "no regular file"),
    ] {
        let agent = unspecified(&[("401 x", header, ""), TOKEN]);
        link(&agent, "link.key", &shadow);
        link(&agent, "inside.key", Path::new("1-a.key"));
        agent.fails(IdentityProof, words);
        assert_eq!((agent.server.requests().len(), agent.proofs()), (1, 0), "{header}");
    }
}

#[test]
fn an_agent_that_does_not_behave_like_one_is_not_believed() {
    unspecified(&[TOKEN]).fails(IdentityAnswer, "does not ask for the proof");
    unspecified(&[("401 x", "", "")]).fails(IdentityAnswer, "does not say which");
    let bearer = ("401 x", "WWW-Authenticate: Bearer realm=DIR/1-a.key\r\n", "");
    unspecified(&[bearer]).fails(IdentityAnswer, "does not say which");
    let agent = unspecified(&[CHALLENGE, CHALLENGE]);
    agent.fails(IdentityProof, "does not accept the key");
    assert_eq!(agent.proofs(), 1);
    unspecified(&[CHALLENGE, ("302 x", "Location: http://evil.example/\r\n", "")])
        .fails(IdentityAnswer, "redirects");
    unspecified(&[("503 x", "", "")]).fails(IdentityUnavailable, "503");
    unspecified(&[CHALLENGE, ("400 x", "", "")]).fails(IdentityNotFound, "azcmagent show");
}

#[test]
fn a_selector_that_the_agent_ignores_gets_no_token() {
    let by = |body: &str| {
        let reply = ("200 OK", "", body);
        Agent::start(&[CHALLENGE, reply], IdentitySelector::ClientId(GUID.into()))
    };
    let token = r#""access_token":"sesame","expires_in":"3600""#;
    by(&format!("{{{token}}}")).fails(IdentityNotFound, "remove msiClientId");
    by(&format!(r#"{{{token},"client_id":"other"}}"#)).fails(IdentityNotFound, "azcmagent");
    let agent = by(&format!(r#"{{{token},"client_id":"{}"}}"#, GUID.to_uppercase()));
    assert!(agent.credential.token(VAULT, now()).is_ok());
    assert!(agent.server.requests()[1].contains(&format!("&client_id={GUID} ")));
}
