//! What the log says of a failure: the sentence that everybody reads, and what only the log gets.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use fake_azure::{Action, CertificateSpec, Denial, Place, Refusal, Rule, When};
use serde_json::json;

use crate::world::World;

#[test]
fn a_refusal_is_logged_with_its_causes_and_what_support_asks_for() {
    let world = World::new();
    world.azure.deny("contoso", Denial::all(Refusal::ForbiddenByRbac));
    let settings = world.settings(json!(["https://contoso.vault.azure.net/secrets/web"]));
    world.bed.write("settings.json", settings.to_string());
    let ran = world.bed.run(&["sync", "--json", "--settings", "settings.json"]);
    let problem = ran.json()["certificates"][0]["problem"].as_str().unwrap().to_owned();
    assert!(problem.contains("az role assignment create") && problem.len() <= 1024, "{problem}");
    let log = std::fs::read_to_string(world.bed.path("log").join("akvvm_service.log")).unwrap();
    let line = log.lines().find(|line| line.contains(&problem)).unwrap_or_else(|| panic!("{log}"));
    for words in [
        " contoso.web: the identity ",
        " (code 21, 1 in a row); because: contoso.vault.azure.net answered 403: Forbidden ",
        " ForbiddenByRbac Caller is not authorized to perform action on resource.",
        "; because: x-ms-request-id ",
    ] {
        assert!(line.contains(words), "{words:?} is missing in {line}");
    }
    world.assert_nothing_of_it(&log);
}

#[test]
fn the_lines_are_in_the_format_that_is_asked_for_and_an_unknown_one_is_told() {
    for (wanted, first, is_told) in [("JSON", '{', false), ("text", '2', false), ("xml", '2', true)]
    {
        let mut world = World::new();
        world.bed.set("AKVVM_LOG_FORMAT", wanted);
        let settings = world.settings(json!(["https://contoso.vault.azure.net/secrets/web"]));
        world.bed.write("settings.json", settings.to_string());
        world.bed.run(&["sync", "--settings", "settings.json"]);
        let log = std::fs::read_to_string(world.bed.path("log").join("akvvm_service.log")).unwrap();
        assert!(log.starts_with(first), "{log}");
        let told = log.contains("AKVVM_LOG_FORMAT: \"xml\" is no format of the log");
        assert_eq!(told, is_told, "{log}");
    }
}

/// Hands on all that a worker sends, and takes its time to acknowledge it.
fn receive(mut stream: UnixStream, heard: &Sender<Vec<u8>>) {
    let (mut message, mut piece) = (Vec::new(), [0; 4096]);
    while let Ok(read @ 1..) = stream.read(&mut piece) {
        message.extend_from_slice(&piece[..read]);
        // `"chunk": ID, "size": n` stands at the end (forward protocol, "option").
        let option = b"\xa5chunk\xd9\x20";
        let at = message.windows(option.len()).position(|window| window == option);
        let id = at.and_then(|at| message.get(at + option.len()..at + option.len() + 32));
        let Some(id) = id.map(<[u8]>::to_vec) else { continue };
        if heard.send(std::mem::take(&mut message)).is_err() {
            return;
        }
        std::thread::sleep(Duration::from_millis(600));
        let _ = stream.write_all(&[&b"\x81\xa3ack\xd9\x20"[..], &id].concat());
    }
}

#[test]
fn a_receiver_that_takes_its_time_hears_the_last_line_of_a_pass_by_hand_too() {
    let mut world = World::new();
    world.put("api", &CertificateSpec::default());
    let late = When { secret: Some("api".into()), ..When::at(Place::Vault) };
    world.azure.fault(Rule::new(late, Action::Pass).delay_ms(200));
    let socket = UnixListener::bind(world.bed.path("socket")).unwrap();
    let (heard, messages) = channel();
    let receiver = std::thread::spawn(move || receive(socket.accept().unwrap().0, &heard));
    let urls = ["web", "api"].map(|name| format!("https://contoso.vault.azure.net/secrets/{name}"));
    let mut settings = world.settings(json!(urls));
    let endpoint = format!("unix://{}", world.bed.path("socket").display());
    settings["loggingSettings"] = json!({"endpoint": endpoint});
    world.bed.write("settings.json", settings.to_string());
    let ran = world.bed.run(&["sync", "--settings", "settings.json"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    receiver.join().unwrap();
    let messages: Vec<u8> = messages.iter().flatten().collect();
    let heard = String::from_utf8_lossy(&messages);
    assert!(heard.contains("contoso.web: installed") && heard.contains("contoso.api: installed"));
}
