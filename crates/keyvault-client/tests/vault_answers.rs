//! What a vault, or something in its place, can answer with 200, or fail to answer: the outcome,
//! when to ask again, the words, and how many requests were made.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, and makes its own files"
)]

mod loopback;

use keyvault_client::ErrorKind::*;
use loopback::case::{HTML, JSON, PAGE, V1, error, fails, fine, run, secret, secret_id};
use loopback::{Reply, bytes, http};

fn chunked(body: &[&str]) -> Vec<u8> {
    let chunks: String =
        body.iter().map(|part| format!("{:x}\r\n{part}\r\n", part.len())).collect();
    format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{JSON}\r\n{chunks}").into_bytes()
}

fn gzip(body: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

const GZIP: &str = "Content-Encoding: gzip\r\nContent-Type: application/json\r\n";

#[test]
fn a_secret_is_read_in_every_form_it_may_come() {
    let whole = secret();
    let (head, tail) = whole.split_at(20);
    let close = format!("HTTP/1.0 200 OK\r\n{JSON}\r\n{whole}").into_bytes();
    let ids = [
        format!("https://ABC.vault.azure.net/secrets/Web/{V1}"),
        format!("https://abc.vault.azure.net:443/secrets/web/{V1}/"),
        format!("https://abc.vault.azure.net/secrets/web/{}", V1.to_uppercase()),
    ];
    let mut cases = vec![
        fine("with a length", http("200 OK", JSON, &whole)),
        fine("without a content type", http("200 OK", "", &whole)),
        fine("with a wrong content type", http("200 OK", "Content-Type: text/plain\r\n", &whole)),
        fine("in chunks", Reply::Whole(chunked(&[head, tail, ""]))),
        fine("until the connection closes", Reply::Cut(close)),
        fine("compressed, unasked", Reply::Whole(bytes("200 OK", GZIP, &gzip(whole.as_bytes())))),
        fine(
            "with a byte order mark's worth of space",
            http("200 OK", JSON, &format!(" \r\n{whole}\n")),
        ),
    ];
    cases.extend(
        ids.map(|id| fine("with an id in another spelling", http("200 OK", JSON, &secret_id(&id)))),
    );
    run(cases);
}

#[test]
fn an_answer_that_is_no_secret_is_told_for_what_it_is() {
    let web_page = "a web page";
    run(vec![
        fails("a page", http("200 OK", HTML, PAGE), VaultAnswer, web_page),
        fails("a page without its type", http("200 OK", "", PAGE), VaultAnswer, web_page),
        fails("a page that says it is JSON", http("200 OK", JSON, PAGE), VaultAnswer, web_page),
        fails("nothing", http("200 OK", JSON, ""), VaultAnswer, "something else"),
        fails("null", http("200 OK", JSON, "null"), VaultAnswer, "something else"),
        fails("a list", http("200 OK", JSON, "[\"hunter2\"]"), VaultAnswer, "something else"),
        fails("a string", http("200 OK", JSON, "\"hunter2\""), VaultAnswer, "something else"),
        fails("an empty object", http("200 OK", JSON, "{}"), VaultAnswer, "something else"),
        fails(
            "half a secret",
            http("200 OK", JSON, &secret()[..60]),
            VaultAnswer,
            "something else",
        ),
        fails(
            "an error as 200",
            http("200 OK", JSON, &error("x", "y", "z")),
            VaultAnswer,
            "something else",
        ),
        fails("201", http("201 Created", JSON, &secret()), VaultAnswer, "without a secret"),
        fails(
            "204",
            Reply::Whole(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()),
            VaultAnswer,
            "without a secret",
        ),
        fails("206", http("206 Partial Content", JSON, &secret()), VaultAnswer, "without a secret"),
    ]);
}

#[test]
fn json_that_is_almost_a_secret_is_refused_without_quoting_it() {
    let id = format!(r#""id":"https://abc.vault.azure.net/secrets/web/{V1}""#);
    let bodies = [
        format!("{{{id}}}"),
        format!(r#"{{"value":null,{id}}}"#),
        format!(r#"{{"value":7,{id}}}"#),
        format!(r#"{{"value":["hunter2"],{id}}}"#),
        format!(r#"{{"value":"hunter2","value":"b",{id}}}"#),
        format!(r#"{{"value":"hunter2",{id},{id}}}"#),
        format!(r#"{{"value":"hunter2",{id},"attributes":"hunter2"}}"#),
        format!(r#"{{"value":"hunter2",{id},"attributes":{{"enabled":"hunter2"}}}}"#),
        format!(r#"{{"value":"hunter2",{id},"attributes":{{"exp":-1}}}}"#),
        format!(r#"{{"value":"hunter2",{id},"contentType":{{}}}}"#),
        format!(r#"{{"value":"hunter2",{id}}} trailing"#),
        r#"{"value":"hunter2"}"#.to_owned(),
        r#"{"value":"hunter2","id":null}"#.to_owned(),
    ];
    let case = |body: &String| {
        fails(
            "almost JSON",
            http("200 OK", JSON, body),
            VaultAnswer,
            "something else than a secret",
        )
    };
    run(bodies.iter().map(case).collect());
}

#[test]
fn an_answer_about_another_secret_is_refused() {
    let other = |id: &str| {
        fails("another", http("200 OK", JSON, &secret_id(id)), OtherSecret, "another secret")
    };
    run(vec![
        other(&format!("https://abc.vault.azure.net/secrets/other/{V1}")),
        other(&format!("https://abd.vault.azure.net/secrets/web/{V1}")),
        other(&format!("https://abc.vault.azure.cn/secrets/web/{V1}")),
        other(&format!("https://abc.vault.azure.net/certificates/web/{V1}")),
        other(&format!("http://abc.vault.azure.net/secrets/web/{V1}")),
        other(&format!("https://abc.vault.azure.net.evil.example/secrets/web/{V1}")),
        other("https://abc.vault.azure.net/secrets/web/not-a-version"),
        other("https://abc.vault.azure.net/secrets/web/../../../etc/cron.d/x"),
        other("hunter2"),
        other(""),
        fails(
            "no version",
            http("200 OK", JSON, &secret_id("https://abc.vault.azure.net/secrets/web")),
            VaultAnswer,
            "without a version",
        ),
    ]);
}

#[test]
fn bodies_that_end_too_early_or_never_are_given_up() {
    let cut = |head: &str| Reply::Cut(format!("{head}\r\n{}", &secret()[..40]).into_bytes());
    let endless = |head: &str, again: &str| {
        Reply::Endless(format!("HTTP/1.1 200 OK\r\n{head}\r\n").into(), again.repeat(1000).into())
    };
    let mut short_gzip = gzip(secret().as_bytes());
    short_gzip.truncate(30);
    let bomb = gzip(&vec![b' '; 8 * 1024 * 1024]);
    let encoded = |body: &[u8]| Reply::Cut(bytes("200 OK", GZIP, body));
    let long = format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\n\r\n", "x".repeat(70_000));
    run(vec![
        fails(
            "cut",
            cut("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n"),
            ConnectionLost,
            "broke off",
        ),
        fails(
            "cut in a chunk",
            Reply::Cut(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc".to_vec()),
            ConnectionLost,
            "broke off",
        ),
        fails("cut between chunks", Reply::Cut(chunked(&["abc"])), ConnectionLost, "broke off"),
        fails(
            "a bad chunk",
            Reply::Cut(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n".to_vec()),
            ConnectionLost,
            "broke off",
        ),
        fails("too long", http("200 OK", JSON, &"x".repeat(1_100_000)), VaultAnswer, "far longer"),
        fails("endless", endless("", "hunter2"), VaultAnswer, "far longer"),
        fails(
            "endless chunks",
            endless("Transfer-Encoding: chunked\r\n", "7\r\nhunter2\r\n"),
            VaultAnswer,
            "far longer",
        ),
        fails("a bomb", Reply::Whole(bytes("200 OK", GZIP, &bomb)), VaultAnswer, "far longer"),
        fails("not gzip", encoded(b"hunter2, hunter2, hunter2"), VaultAnswer, "decompressed"),
        fails("half gzip", encoded(&short_gzip), ConnectionLost, "broke off"),
        fails("a long header", Reply::Cut(long.into()), VaultAnswer, "far longer"),
        fails("an endless header", endless("X: y\r\n", "X: y\r\n"), VaultAnswer, ""),
    ]);
}

#[test]
fn oddities_of_http_are_read_as_the_standard_has_them() {
    let whole = secret();
    let (head, tail) = whole.split_at(20);
    let length = whole.len();
    let answer = |head: &str, body: &str| Reply::Whole(format!("{head}\r\n{body}").into_bytes());
    let ok = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n");
    let in_chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n";
    let extended = format!(
        "{:X};a=b;c=\"d\"\r\n{head}\r\n{:04x}\r\n{tail}\r\n0\r\nX-Trailer: y\r\n\r\n",
        head.len(),
        tail.len()
    );
    let closing = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{whole}");
    let old = format!("HTTP/1.0 200 OK\r\nContent-Length: {length}\r\n\r\n{whole}");
    let many: String = (0..60).map(|number| format!("X-{number}: y\r\n")).collect();
    let continued = format!("HTTP/1.1 100 Continue\r\n\r\n{ok}");
    let hints = format!("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n{ok}");
    run(vec![
        fine("chunk extensions, upper case and a trailer", answer(in_chunks, &extended)),
        fine("until the end of the connection", Reply::Cut(closing.into())),
        fine("HTTP/1.0 with a length", Reply::Cut(old.into())),
        fine("many headers", answer(&format!("{ok}{many}"), &whole)),
        fine("a header of 8 KiB", answer(&format!("{ok}X: {}\r\n", "x".repeat(8192)), &whole)),
        fine("no reason phrase", answer(&ok.replace(" OK", ""), &whole)),
        fine("100 Continue first, unasked", answer(&continued, &whole)),
        fine("103 Early Hints first", answer(&hints, &whole)),
    ]);
}

#[test]
fn what_could_be_read_in_two_ways_is_not_read() {
    let whole = secret();
    let length = whole.len();
    let two = format!("Content-Length: {length}\r\nContent-Length: 5\r\n");
    let nonsense = "Content-Length: many\r\n".to_owned();
    let folded = format!("Content-Length: {length}\r\nX: a\r\n b\r\n");
    let both = format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n");
    let negative = "Content-Length: -1\r\n".to_owned();
    let case = |headers: &String| {
        let bytes = format!("HTTP/1.1 200 OK\r\n{headers}\r\n{whole}");
        fails("ambiguous", Reply::Cut(bytes.into()), ConnectionLost, "no HTTP")
    };
    run([two, nonsense, folded, both, negative].iter().map(case).collect());
}

#[test]
fn what_is_no_http_or_no_answer_at_all_is_a_lost_connection_or_a_timeout() {
    let drip = |bytes: Vec<u8>| Reply::Drip(bytes);
    run(vec![
        fails(
            "another protocol",
            Reply::Cut(b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec()),
            ConnectionLost,
            "no HTTP",
        ),
        fails("nothing", Reply::Cut(Vec::new()), ConnectionLost, "broke off"),
        fails(
            "half a header",
            Reply::Cut(b"HTTP/1.1 200 OK\r\nContent".to_vec()),
            ConnectionLost,
            "broke off",
        ),
        fails("silence", Reply::Silence, TimedOut, "in time"),
        fails("a dripping header", drip(bytes("200 OK", JSON, b"{}")), TimedOut, "in time"),
        fails(
            "a dripping body",
            drip(b"HTTP/1.1 200 OK\r\n\r\n{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{".to_vec()),
            TimedOut,
            "in time",
        ),
    ]);
}
