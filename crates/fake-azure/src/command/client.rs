//! The commands that talk to a running server, so that shell scripts need no HTTP.

use std::io::Write;
use std::path::Path;

use fake_azure::Recorded;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::HOST;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::Arguments;
use super::error::CommandError;
use super::serve::ENVIRONMENT;

/// A request to the admin API.
struct Order {
    method: &'static str,
    path: String,
    body: Value,
}

/// Carries out a command and prints what a script may want to know.
pub(super) fn run(
    command: &str,
    arguments: &Arguments,
    directory: &Path,
    output: &mut impl Write,
) -> Result<(), CommandError> {
    let order = order(command, arguments)?;
    let answer = send(&server(directory)?, &order)?;
    match command {
        "put" | "rotate" | "secret" => writeln!(output, "{}", text(&answer["version"]))?,
        "list" => list(&answer, output)?,
        "requests" if !arguments.clear => requests(answer, arguments.json, output)?,
        _ => {}
    }
    Ok(output.flush()?)
}

fn order(command: &str, arguments: &Arguments) -> Result<Order, CommandError> {
    let about: Vec<&str> = arguments.about.iter().map(String::as_str).collect();
    let order = |method, path: String, body| Ok(Order { method, path, body });
    let of = |vault: &str, kind: &str, name: &str| format!("/vaults/{vault}/{kind}/{name}");
    let enabled = |enabled: bool| json!({ "enabled": enabled });
    match (command, &about[..]) {
        ("list", []) => order("GET", "/".to_owned(), Value::Null),
        ("put", [vault, name]) => order("PUT", of(vault, "certificates", name), Value::Null),
        ("put", [vault, name, spec]) => {
            order("PUT", of(vault, "certificates", name), document(spec)?)
        }
        ("rotate", [vault, name]) => {
            order("POST", of(vault, "certificates", name) + "/rotate", Value::Null)
        }
        ("secret", [vault, name, value]) => {
            order("PUT", of(vault, "secrets", name), json!({ "value": value }))
        }
        ("secret", [vault, name, value, content_type]) => {
            let body = json!({ "value": value, "content_type": content_type });
            order("PUT", of(vault, "secrets", name), body)
        }
        ("disable", [vault, name]) => order("PATCH", of(vault, "secrets", name), enabled(false)),
        ("enable", [vault, name]) => order("PATCH", of(vault, "secrets", name), enabled(true)),
        ("delete", [vault, name]) => order("DELETE", of(vault, "secrets", name), Value::Null),
        ("deny", [vault, refusal]) => {
            order("POST", format!("/vaults/{vault}/denials"), json!({ "refusal": refusal }))
        }
        ("allow", [vault]) => order("DELETE", format!("/vaults/{vault}/denials"), Value::Null),
        ("fault", []) if arguments.clear => order("DELETE", "/faults".to_owned(), Value::Null),
        ("fault", [rule]) => order("POST", "/faults".to_owned(), document(rule)?),
        ("requests", []) => {
            let method = if arguments.clear { "DELETE" } else { "GET" };
            order(method, "/requests".to_owned(), Value::Null)
        }
        ("stop", []) => order("POST", "/stop".to_owned(), Value::Null),
        _ => Err(wrong(command)),
    }
}

fn wrong(command: &str) -> CommandError {
    let wants = [
        ("list", "no more words"),
        ("put", "a vault, a certificate, and perhaps a specification"),
        ("rotate", "a vault and a certificate"),
        ("secret", "a vault, a name, a value, and perhaps a content type"),
        ("disable", "a vault and a name"),
        ("enable", "a vault and a name"),
        ("delete", "a vault and a name"),
        ("deny", "a vault and a refusal"),
        ("allow", "a vault"),
        ("fault", "a rule, or --clear"),
        ("requests", "no more words"),
        ("stop", "no more words"),
    ];
    match wants.into_iter().find(|(known, _)| *known == command) {
        Some((command, usage)) => CommandError::Words { command, usage },
        None => CommandError::Unknown(command.to_owned()),
    }
}

fn document(text: &str) -> Result<Value, CommandError> {
    serde_json::from_str(text).map_err(|error| CommandError::Refused(format!("no JSON: {error}")))
}

/// The admin API's authority, from the file that the server wrote.
fn server(directory: &Path) -> Result<String, CommandError> {
    let lines = std::fs::read_to_string(directory.join(ENVIRONMENT)).unwrap_or_default();
    let admin = lines.lines().find_map(|line| line.strip_prefix("FAKE_AZURE_ADMIN=http://"));
    admin.map(str::to_owned).ok_or_else(|| CommandError::NotRunning(directory.to_owned()))
}

fn send(server: &str, order: &Order) -> Result<Value, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let conversation =
        |error: &dyn std::error::Error| CommandError::Conversation(error.to_string());
    let (status, body) =
        runtime.block_on(exchange(server, order)).map_err(|error| conversation(&*error))?;
    let answer: Value = serde_json::from_slice(&body).map_err(|error| conversation(&error))?;
    match status {
        200 => Ok(answer),
        _ => Err(CommandError::Refused(text(&answer["error"]).to_owned())),
    }
}

async fn exchange(server: &str, order: &Order) -> Result<(u16, Bytes), Box<dyn std::error::Error>> {
    let stream = TokioIo::new(TcpStream::connect(server).await?);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
    // It ends with the one exchange; what goes wrong with it, the exchange says too.
    tokio::spawn(async move {
        let _ = connection.await;
    });
    let request = Request::builder()
        .method(order.method)
        .uri(&order.path)
        .header(HOST, server)
        .body(Full::new(Bytes::from(order.body.to_string())))?;
    let answer = sender.send_request(request).await?;
    let status = answer.status().as_u16();
    Ok((status, answer.into_body().collect().await?.to_bytes()))
}

/// One line for each secret: vault, name, newest version, serial number, count of versions.
fn list(answer: &Value, output: &mut impl Write) -> Result<(), CommandError> {
    for (vault, secrets) in answer["vaults"].as_object().into_iter().flatten() {
        for (name, secret) in secrets.as_object().into_iter().flatten() {
            let versions = secret["versions"].as_array().map_or(&[][..], Vec::as_slice);
            let newest = versions.last().map_or("-", text);
            let serial = secret["serial"].as_str().unwrap_or("-");
            writeln!(output, "{vault} {name} {newest} {serial} {}", versions.len())?;
        }
    }
    Ok(())
}

fn requests(answer: Value, as_json: bool, output: &mut impl Write) -> Result<(), CommandError> {
    if as_json {
        return Ok(writeln!(output, "{answer}")?);
    }
    let requests: Vec<Recorded> = serde_json::from_value(answer)
        .map_err(|error| CommandError::Conversation(error.to_string()))?;
    for request in requests {
        writeln!(output, "{request}")?;
    }
    Ok(())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
