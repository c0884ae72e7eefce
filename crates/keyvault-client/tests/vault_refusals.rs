//! How a vault, or something in its place, can refuse: the outcome, when to ask again, the words,
//! and how many requests were made.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, and makes its own files"
)]

mod loopback;

use keyvault_client::ErrorKind::*;
use keyvault_client::{Http, Secret, SecretClient};
use loopback::case::{HTML, JSON, PAGE, V1, error, fails, fine, id, run, secret};
use loopback::{AUTHORITY, Front, OBJECT_ID, Server, Tokens, behind_proxy, http, now, said};

#[test]
fn redirects_are_refused_and_never_followed() {
    let statuses = ["300 x", "301 x", "302 x", "303 x", "304 x", "307 x", "308 x"];
    let locations = [
        ("https://evil.example/secrets/web", "redirects to evil.example"),
        ("http://abc.vault.azure.net/secrets/web", "redirects to abc.vault.azure.net"),
        ("https://abc.vault.azure.net/secrets/web2", "redirects to abc.vault.azure.net"),
        ("/secrets/web2", "never followed"),
        ("https://u:hunter2@evil.example/", "redirects to evil.example"),
        (":::", "never followed"),
    ];
    let case = |status: &str, location: &str, words| {
        let headers = format!("Location: {location}\r\n");
        fails("a redirect", http(status, &headers, ""), Redirected, words)
    };
    let by_status =
        statuses.map(|status| case(status, "https://evil.example/", "check DNS and proxy"));
    let by_location = locations.map(|(location, words)| case("302 Found", location, words));
    run(by_status.into_iter().chain(by_location).collect());
}

#[test]
fn a_401_is_answered_by_one_fresh_token_and_one_more_request() {
    let bearer = |rest: &str| {
        format!(
            "WWW-Authenticate: Bearer authorization=\"https://login.microsoftonline.com/t\", {rest}\r\n{JSON}"
        )
    };
    let resource = bearer("resource=\"https://vault.azure.net\"");
    let unauthorized = |headers: &str, message: &str| {
        http("401 Unauthorized", headers, &error("Unauthorized", "", message))
    };
    let refused = |message: &str, kind, words| {
        fails("refused for ever", unauthorized(&resource, message), kind, words).asked(2)
    };
    let healed = |headers: &str| {
        fine("refused once", unauthorized(headers, "AKV10000"))
            .then(http("200 OK", JSON, &secret()))
            .asked(2)
    };
    run(vec![
        healed(&resource),
        healed(&bearer("scope=\"https://vault.azure.net/.default\"")),
        healed(&bearer(
            "resource=\"https://vault.azure.net/\", claims=\"e30=\", error=\"insufficient_claims\"",
        )),
        healed(&format!("WWW-Authenticate: PoP nonce=\"x\"\r\n{resource}")),
        healed(JSON),
        healed("WWW-Authenticate: =,\"=,,\r\n"),
        refused("AKV10000", Unauthorized, "nor a fresh one"),
        refused("AKV10032: Invalid issuer. Expected one of …", WrongTenant, "another tenant"),
        refused("AKV10022: Invalid audience.", Unauthorized, "audience"),
        fails(
            "a foreign resource",
            unauthorized(&bearer("resource=\"https://management.azure.com\""), ""),
            Challenge,
            "management.azure.com",
        ),
        fails(
            "plain http",
            unauthorized(&bearer("resource=\"http://vault.azure.net\""), ""),
            Challenge,
            "none is sent",
        ),
        fails("a page", http("401 Unauthorized", HTML, PAGE), VaultAnswer, "a web page").asked(2),
        fails(
            "refused, then forbidden",
            unauthorized(&resource, ""),
            ForbiddenByRbac,
            "role assignment",
        )
        .then(http("403 Forbidden", JSON, &error("Forbidden", "ForbiddenByRbac", "")))
        .asked(2),
    ]);
}

#[test]
fn each_403_says_what_to_type_next() {
    let forbidden = |inner: &str, kind, words| {
        fails(
            "403",
            http("403 Forbidden", JSON, &error("Forbidden", inner, "Caller: …")),
            kind,
            words,
        )
    };
    run(vec![
        forbidden(
            "ForbiddenByRbac",
            ForbiddenByRbac,
            "az role assignment create --role \"Key Vault Secrets User\"",
        ),
        forbidden("ForbiddenByRbac", ForbiddenByRbac, OBJECT_ID),
        forbidden("ForbiddenByRbac", ForbiddenByRbac, "/subscriptions/1/vm"),
        forbidden(
            "AccessDenied",
            AccessDenied,
            "az keyvault set-policy --name abc --object-id 4633458b",
        ),
        forbidden(
            "ForbiddenByFirewall",
            ForbiddenByFirewall,
            "az keyvault network-rule add --name abc",
        ),
        forbidden("ForbiddenByConnection", ForbiddenByConnection, "private endpoint"),
        forbidden("ForbiddenByPolicy", ForbiddenByPolicy, "policy"),
        forbidden("SecretDisabled", SecretDisabled, "az keyvault secret set-attributes"),
        forbidden("SomethingNew", Forbidden, "403, SomethingNew"),
        forbidden("", Forbidden, "(403)"),
        fails("403 without a body", http("403 Forbidden", JSON, ""), Forbidden, "access control"),
        fails(
            "403 with another body",
            http("403 Forbidden", JSON, "[1]"),
            Forbidden,
            "access control",
        ),
        fails("403 page", http("403 Forbidden", HTML, PAGE), VaultAnswer, "a web page"),
    ]);
}

#[test]
fn other_refusals_say_what_is_the_matter() {
    let not_found = error("SecretNotFound", "", "A secret with (name/id) web was not found");
    let refused =
        |status: &str| fails("refused", http(status, JSON, ""), VaultRefused, "understand");
    run(vec![
        fails(
            "404",
            http("404 Not Found", JSON, &not_found),
            SecretNotFound,
            "no secret or certificate web",
        ),
        fails("404 without a body", http("404 Not Found", "", ""), SecretNotFound, "recover"),
        fails("404 page", http("404 Not Found", HTML, PAGE), VaultAnswer, "a web page"),
        fails("409", http("409 Conflict", JSON, ""), Conflict, "409"),
        fails("410", http("410 Gone", JSON, ""), Conflict, "410"),
        refused("400 Bad Request"),
        refused("405 Method Not Allowed"),
        refused("406 Not Acceptable"),
        refused("413 Too Large"),
        refused("415 x"),
        refused("418 x"),
        refused("421 Misdirected Request"),
        refused("431 x"),
        refused("451 x"),
        refused("499 x"),
        refused("600 x"),
        refused("999 x"),
    ]);
}

#[test]
fn a_vault_that_asks_for_time_gets_it_within_reason() {
    let throttled = |value: &str| {
        let header =
            if value.is_empty() { String::new() } else { format!("Retry-After: {value}\r\n") };
        fails("429", http("429 Too Many Requests", &header, ""), Throttled, "too many requests")
    };
    let busy = |status: &str| fails("5xx", http(status, JSON, ""), VaultUnavailable, "");
    // 1,760,000,000 seconds after the epoch is Thu, 09 Oct 2025 08:53:20 GMT.
    run(vec![
        throttled(""),
        throttled("7").after(7),
        throttled("  7 ").after(7),
        throttled("0").after(1),
        throttled("120").after(120),
        throttled("86400").after(3600),
        throttled("99999999999999999999").after(3600),
        throttled("Thu, 09 Oct 2025 08:54:20 GMT").after(60),
        throttled("Thu, 09 Oct 2025 07:54:20 GMT").after(1),
        throttled("Fri, 31 Dec 9999 23:59:59 GMT").after(3600),
        throttled("-1"),
        throttled("1.5"),
        throttled("soon"),
        busy("500 Internal Server Error"),
        busy("502 Bad Gateway"),
        busy("503 Service Unavailable"),
        busy("504 Gateway Timeout"),
        busy("599 x"),
        busy("408 Request Timeout"),
        fails("503 with a time", http("503 x", "Retry-After: 30\r\n", ""), VaultUnavailable, "")
            .after(30),
        fails("500 page", http("500 x", HTML, PAGE), VaultUnavailable, "an error of its own"),
        fails("502 page", http("502 x", HTML, PAGE), VaultUnavailable, "gateway or proxy"),
    ]);
}

#[test]
fn the_log_gets_the_vaults_words_and_the_request_id_but_never_the_token() {
    let tokens = Tokens::default();
    let echo = error(
        "Forbidden",
        "ForbiddenByRbac",
        &format!("you sent Bearer {}, {}", tokens.text(), "x".repeat(2000)),
    );
    let config = AUTHORITY.certificate(&["*.vault.azure.net"]);
    let server = Server::start(Front::Proxy(config), vec![http("403 x", JSON, &echo)]);
    let client = SecretClient::new(Http::new(behind_proxy(server.port, &AUTHORITY.file)).unwrap());
    let error = client.secret(&id("abc"), &tokens, now()).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("ForbiddenByRbac you sent Bearer [token]"), "{cause}");
    assert!(cause.len() < 800);
    assert_eq!(error.request_id(), Some("8-7-6"));
    assert!(!said(&error).contains("sesame"));
}

#[test]
fn a_pinned_version_that_is_disabled_is_the_one_to_enable() {
    let config = AUTHORITY.certificate(&["*.vault.azure.net"]);
    let refusal = error("Forbidden", "SecretDisabled", "");
    let server = Server::start(Front::Proxy(config), vec![http("403 Forbidden", JSON, &refusal)]);
    let client = SecretClient::new(Http::new(behind_proxy(server.port, &AUTHORITY.file)).unwrap());
    let pinned = id("abc").at_version(V1).unwrap();
    let error = client.secret(&pinned, &Tokens::default(), now()).unwrap_err();
    assert_eq!(error.kind(), SecretDisabled);
    let said = said(&error);
    assert!(said.contains(&format!("version {V1} of web in abc.vault.azure.net")), "{said}");
    assert!(said.contains(&format!("--version {V1} --enabled true")), "{said}");
    assert!(!said.contains("the newest version of"), "{said}");
}

#[test]
fn a_pinned_version_is_asked_for_and_held_against_the_answer() {
    let config = AUTHORITY.certificate(&["*.vault.azure.net"]);
    let server = Server::start(Front::Proxy(config), vec![http("200 OK", JSON, &secret())]);
    let client = SecretClient::new(Http::new(behind_proxy(server.port, &AUTHORITY.file)).unwrap());
    let ask = |version: &str| -> Result<Secret, _> {
        client.secret(&id("abc").at_version(version).unwrap(), &Tokens::default(), now())
    };
    assert_eq!(ask(V1).unwrap().version, V1);
    assert_eq!(ask(&V1.replace('c', "d")).unwrap_err().kind(), OtherSecret);
    assert!(server.requests()[0].starts_with(&format!("GET /secrets/web/{V1}?api-version=7.4 ")));
}
