//! The proof that the imagined Azure speaks the real protocol: Microsoft's own clients
//! (azure-identity and azure-keyvault-secrets for Python), told nothing but a proxy, a certificate
//! authority and where the metadata service is, read what was put there.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "the client is a process of its own, and what a test cannot do fails it"
)]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use fake_azure::{
    Action, CertificateSpec, Denial, FakeAzure, Format, Identity, KeyKind, Options, Place, Refusal,
    Rule, When,
};
use serde_json::{Value, json};

const CONTOSO: &str = "https://contoso.vault.azure.net";

/// Azure, and a client of it.
struct Bed {
    azure: FakeAzure,
    client: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
    _directory: tempfile::TempDir,
}

impl Bed {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Options)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut options = Options::new(directory.path());
        change(&mut options);
        let azure = FakeAzure::start(options).unwrap();
        let mut client = Command::new(python())
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/microsoft_client.py"))
            .env_clear()
            .envs(azure.environment())
            // What its HTTP library calls SSL_CERT_FILE.
            .env("REQUESTS_CA_BUNDLE", azure.ca_file())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let questions = client.stdin.take().unwrap();
        let answers = BufReader::new(client.stdout.take().unwrap());
        Self { azure, client, questions, answers, _directory: directory }
    }

    fn ask(&mut self, question: &Value) -> Value {
        writeln!(self.questions, "{question}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).expect("the client answers; see what it wrote above")
    }

    fn get(&mut self, name: &str) -> Value {
        self.ask(&json!(["get", CONTOSO, name, null]))
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        let _ = self.client.kill();
        let _ = self.client.wait();
    }
}

fn python() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |path: &str| std::fs::read(root.join(path)).unwrap_or_default();
    let wanted = read("tests/python/requirements.txt");
    assert!(
        !wanted.is_empty() && wanted == read("target/python-env/requirements.txt"),
        "Microsoft's Python clients are not in target/python-env: run scripts/python-env.sh"
    );
    root.join("target/python-env/bin/python")
}

#[test]
fn every_kind_of_certificate_arrives_as_it_was_made() {
    use KeyKind::{EcP256, EcP384, EcP521, Rsa2048};
    let mut bed = Bed::new();
    for key in [Rsa2048, EcP256, EcP384, EcP521] {
        for format in [Format::Pkcs12, Format::Pkcs12Pbes2, Format::Pem] {
            let spec = CertificateSpec { key, format, ..CertificateSpec::default() };
            let issued = bed.azure.put_certificate("contoso", "web", &spec).unwrap();
            let read = bed.get("web");
            assert_eq!(read["value"], issued.value, "{read}");
            assert_eq!(read["version"], issued.version);
            assert_eq!(read["content_type"], format.content_type());
            assert_eq!(read["id"], format!("{CONTOSO}/secrets/web/{}", issued.version));
            assert_eq!(read["key_id"], format!("{CONTOSO}/keys/web/{}", issued.version));
            assert_eq!(read["managed"], true);
            assert_eq!(read["enabled"], true);
        }
    }
}

#[test]
fn a_plain_secret_arrives_with_its_content_type_and_without_a_key() {
    let mut bed = Bed::new();
    let version = bed.azure.put_secret("contoso", "password", "pässword\n", Some("text/plain"));
    let read = bed.get("password");
    assert_eq!(read["value"], "pässword\n");
    assert_eq!(read["version"], version);
    assert_eq!(read["content_type"], "text/plain");
    assert_eq!((&read["managed"], &read["key_id"]), (&Value::Null, &Value::Null));
    assert_eq!(read["vault_url"], CONTOSO);
}

#[test]
fn an_old_version_can_be_asked_for_and_all_can_be_listed_over_pages() {
    let mut bed = Bed::new();
    let versions: Vec<_> = (0..60)
        .map(|number| bed.azure.put_secret("contoso", "counter", &number.to_string(), None))
        .collect();
    let third = bed.ask(&json!(["get", CONTOSO, "counter", versions[3]]));
    assert_eq!(third["value"], "3");
    let listed = bed.ask(&json!(["versions", CONTOSO, "counter"]));
    let listed: Vec<_> = listed.as_array().unwrap().iter().map(|item| &item["version"]).collect();
    assert_eq!(listed, versions.iter().collect::<Vec<_>>());
    let pages = bed.azure.requests_to(Place::Vault);
    let pages = pages.iter().filter(|request| request.path.ends_with("/versions"));
    assert_eq!(pages.filter(|request| request.status == Some(200)).count(), 3);
}

#[test]
fn a_rotation_is_seen_at_once() {
    let mut bed = Bed::new();
    bed.azure.put_certificate("contoso", "web", &CertificateSpec::default()).unwrap();
    let before = bed.get("web");
    let rotated = bed.azure.rotate("contoso", "web").unwrap();
    let after = bed.get("web");
    assert_ne!(before["version"], after["version"]);
    assert_eq!(after["value"], rotated.value);
}

#[test]
fn the_client_is_challenged_once_and_one_token_serves_all() {
    let mut bed = Bed::new();
    bed.azure.put_secret("contoso", "one", "1", None);
    bed.azure.put_secret("contoso", "two", "2", None);
    bed.get("one");
    bed.get("two");
    let statuses: Vec<_> =
        bed.azure.requests_to(Place::Vault).iter().map(|request| request.status).collect();
    assert_eq!(statuses, [Some(401), Some(200), Some(200)]);
    assert_eq!(bed.azure.requests_to(Place::Imds).len(), 1);
    assert!(bed.azure.requests_to(Place::Vault).iter().all(|request| request.proxied));
    assert!(bed.azure.requests_to(Place::Imds).iter().all(|request| !request.proxied));
}

/// Asks for the secret `web`, and holds the client's exception against what is expected: its class,
/// the vault's code and inner code, and words of the message.
#[track_caller]
fn assert_raises(
    bed: &mut Bed,
    class: &str,
    status: u16,
    codes: (&str, Option<&str>),
    words: &str,
) {
    let raised = bed.get("web");
    assert_eq!(raised["error"], class, "{raised}");
    assert_eq!(raised["status"], status, "{raised}");
    assert_eq!((&raised["code"], &raised["inner"]), (&json!(codes.0), &json!(codes.1)), "{raised}");
    assert!(raised["message"].as_str().unwrap().contains(words), "{raised}");
    // What support asks for: a GUID.
    assert_eq!(raised["request"].as_str().unwrap_or_default().len(), 36, "{raised}");
}

#[test]
fn every_403_and_404_is_what_the_client_has_an_exception_for() {
    let mut bed = Bed::new();
    bed.azure.put_secret("contoso", "other", "x", None);
    let not_found = ("SecretNotFound", None);
    let missing = "A secret with (name/id) web was not found in this key vault";
    assert_raises(&mut bed, "ResourceNotFoundError", 404, not_found, missing);
    bed.azure.put_secret("contoso", "web", "x", None);
    for (refusal, words) in [
        (Refusal::ForbiddenByRbac, "Caller is not authorized to perform action on resource."),
        (Refusal::ForbiddenByRbac, "Action: 'Microsoft.KeyVault/vaults/secrets/getSecret/action'"),
        (Refusal::AccessDenied, "does not have secrets get permission on key vault 'contoso;"),
        (Refusal::ForbiddenByFirewall, "Client address is not authorized and caller is not a"),
        (Refusal::ForbiddenByConnection, "Connection is not an approved private link and caller"),
    ] {
        bed.azure.deny("contoso", Denial::all(refusal));
        let codes = ("Forbidden", Some(refusal.code()));
        assert_raises(&mut bed, "HttpResponseError", 403, codes, words);
        bed.azure.allow("contoso");
        assert_eq!(bed.get("web")["value"], "x");
    }
    bed.azure.disable("contoso", "web");
    let disabled = ("Forbidden", Some("SecretDisabled"));
    let words = "Operation get is not allowed on a disabled secret.";
    assert_raises(&mut bed, "HttpResponseError", 403, disabled, words);
    bed.azure.delete("contoso", "web");
    let words = "If you recently deleted this secret you may be able to recover it";
    assert_raises(&mut bed, "ResourceNotFoundError", 404, not_found, words);
}

#[test]
fn a_401_is_a_challenge_first_and_then_the_clients_authentication_error() {
    let mut bed = Bed::new();
    bed.azure.put_secret("contoso", "web", "x", None);
    assert_eq!(bed.get("web")["value"], "x");
    let asked = bed.azure.requests_to(Place::Vault);
    let challenged: Vec<_> = asked.iter().map(|one| (one.authorized, one.status)).collect();
    assert_eq!(challenged, [(false, Some(401)), (true, Some(200))]);
    // The client believes in its own cache for a while, so a fresh token does not heal it.
    bed.azure.revoke_tokens();
    let codes = ("Unauthorized", None);
    assert_raises(&mut bed, "ClientAuthenticationError", 401, codes, "AKV10046");
    let words = "AKV10032: Invalid issuer. Expected one of https://sts.windows.net/1/, found x";
    let document = json!({"error": {"code": "Unauthorized", "message": words}}).to_string();
    let challenge = "Bearer authorization=\"https://login.microsoftonline.com/1\", \
                     resource=\"https://vault.azure.net\"";
    let refusal = Action::body(401, &document).header("WWW-Authenticate", challenge);
    bed.azure.fault(Rule::new(When::at(Place::Vault), refusal));
    assert_raises(&mut bed, "ClientAuthenticationError", 401, codes, "AKV10032");
}

#[test]
fn a_user_assigned_identity_is_found_by_its_client_id() {
    let (blue, green) = (Identity::user_assigned("blue"), Identity::user_assigned("green"));
    let both = vec![blue.clone(), green.clone()];
    let mut bed = Bed::with(|options| options.identities = both);
    bed.azure.put_secret("contoso", "web", "x", None);
    let nobody = bed.get("web");
    let message = nobody["message"].as_str().unwrap();
    assert!(message.contains("Multiple user assigned identities exist"), "{message}");
    bed.ask(&json!(["identity", green.client_id]));
    assert_eq!(bed.get("web")["value"], "x");
    let last = bed.azure.requests_to(Place::Vault).pop().unwrap();
    assert_eq!(last.identity.as_deref(), Some("green"));
    bed.ask(&json!(["identity", "00000000-0000-0000-0000-000000000000"]));
    let unknown = bed.get("web");
    assert!(unknown["message"].as_str().unwrap().contains("Identity not found"), "{unknown}");
}

#[test]
fn scripted_faults_reach_the_client() {
    let mut bed = Bed::new();
    bed.azure.put_secret("contoso", "web", "x", None);
    assert_eq!(bed.get("web")["value"], "x");
    let limited = Action::status(429).header("Retry-After", "7");
    bed.azure.fault(Rule::new(When::secret("web"), limited).times(1));
    assert_eq!(bed.get("web")["status"], 429);
    bed.azure.fault(Rule::new(When::secret("web"), Action::Truncate { after: 10 }).times(1));
    assert!(bed.get("web")["error"].as_str().unwrap().ends_with("Error"));
    // That connection is gone; the next one needs the proxy.
    bed.azure.fault(Rule::new(When::at(Place::Proxy), Action::status(502)));
    assert_eq!(bed.get("web")["error"], "ServiceRequestError");
}
