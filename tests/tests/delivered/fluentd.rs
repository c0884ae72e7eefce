//! The log at a real receiver of the forward protocol, which goes away and comes back.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use acceptance::workspace;
use serde_json::{Value, json};

use crate::site::Site;

struct Receiver {
    process: Child,
    _input: ChildStdin,
    lines: BufReader<ChildStdout>,
    port: u16,
}

impl Receiver {
    fn listen(port: u16) -> Self {
        let mut node = Command::new("node");
        node.arg(workspace().join("tests/tests/delivered/receiver.js"));
        node.arg(workspace().join("target/node-env/node_modules")).arg(port.to_string());
        let mut process =
            node.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("node starts");
        let input = process.stdin.take().expect("piped");
        let lines = BufReader::new(process.stdout.take().expect("piped"));
        let mut receiver = Self { process, _input: input, lines, port };
        receiver.port = receiver.next()["port"].as_u64().unwrap().try_into().unwrap();
        receiver
    }

    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    /// The next event whose message has these words.
    fn wait_for(&mut self, words: &str) -> Value {
        loop {
            let event = self.next();
            if event["record"]["message"].as_str().is_some_and(|text| text.contains(words)) {
                return event;
            }
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn what_happens_to_a_certificate_is_told_to_fluentd_also_after_it_was_away() {
    let mut site = Site::new();
    let mut receiver = Receiver::listen(0);
    let port = receiver.port;
    site.issue();
    let mut settings = site.settings(&json!({}));
    settings["loggingSettings"] = json!({
        "logger": "fluentd", "endpoint": format!("tcp://127.0.0.1:{port}"), "servicename": "shop",
    });
    site.start_worker(&settings);
    let event = receiver.wait_for("installed: version");
    assert_eq!((&event["tag"], &event["record"]["level"]), (&json!("shop"), &json!("info")));
    assert_eq!(event["record"]["certificate"], "shop.web", "{event}");
    drop(receiver);
    let issued = site.issue();
    site.sync_to(&issued);
    let mut receiver = Receiver::listen(port);
    let event = receiver.wait_for("rotated: version");
    assert_eq!(event["record"]["version"], issued.version, "{event}");
}
