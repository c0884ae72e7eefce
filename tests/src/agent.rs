//! The guest agent's own code, in a process of its own.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::{Answer, Extension, LONG, workspace};

/// A guest agent in a sandbox. Dropped, its process ends; what its extensions started lives on.
#[derive(Debug)]
pub struct Agent {
    process: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    sandbox: PathBuf,
    version: String,
}

impl Agent {
    /// Starts the agent with its files below `sandbox`. Handlers see `environment` and what the
    /// agent adds to it, and nothing of this process' environment.
    ///
    /// # Panics
    /// Where the agent's code is missing, with what to do about it.
    pub fn start(sandbox: &Path, environment: &BTreeMap<String, String>) -> Self {
        let mut driver = Command::new(python());
        driver.arg("-B").arg(workspace().join("tests/guest-agent/driver.py"));
        driver.arg("--agent").arg(code()).arg("--sandbox").arg(sandbox);
        for name in environment.keys() {
            driver.args(["--pass", name]);
        }
        driver.env_clear().envs(environment);
        let mut process =
            driver.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("start python3");
        let requests = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().expect("stdout is piped"));
        let mut agent =
            Self { process, requests, answers, sandbox: sandbox.into(), version: String::new() };
        agent.version = agent.line()["agent"].as_str().unwrap_or_default().to_owned();
        agent
    }

    /// The agent's process.
    pub fn process(&self) -> u32 {
        self.process.id()
    }

    /// The agent's version, such as `2.7.3.0`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// A new goal state: processed, then reported on.
    #[track_caller]
    pub fn goal_state(&mut self, extensions: &[Extension]) -> Answer {
        self.begin_goal_state(extensions);
        self.answer()
    }

    /// A new goal state, without waiting for the agent: it may be waiting for an extension.
    /// The answer is the next one.
    pub fn begin_goal_state(&mut self, extensions: &[Extension]) {
        let documents: Vec<_> = extensions.iter().map(Extension::document).collect();
        self.ask(&json!({ "ask": "goal_state", "extensions": documents }));
    }

    /// The same as [`Agent::goal_state`], for an agent that somebody may kill meanwhile: `None`
    /// where it has ended.
    pub fn try_goal_state(&mut self, extensions: &[Extension]) -> Option<Answer> {
        let documents: Vec<_> = extensions.iter().map(Extension::document).collect();
        self.attempt(&json!({ "ask": "goal_state", "extensions": documents }))
    }

    /// The same as [`Agent::report`], likewise.
    pub fn try_report(&mut self) -> Option<Answer> {
        self.attempt(&json!({ "ask": "report" }))
    }

    /// The same as [`Agent::restart`], likewise.
    pub fn try_restart(&mut self) -> Option<Answer> {
        self.attempt(&json!({ "ask": "restart_agent" }))
    }

    /// One status report, as on a machine every few seconds.
    #[track_caller]
    pub fn report(&mut self) -> Answer {
        self.ask(&json!({ "ask": "report" }));
        self.answer()
    }

    /// Reports until the extension has this status.
    #[track_caller]
    pub fn wait(&mut self, handler: &str, status: &str) -> Answer {
        let seconds = LONG.as_secs();
        let request =
            json!({ "ask": "wait", "handler": handler, "status": status, "seconds": seconds });
        self.ask(&request);
        let answer = self.answer();
        let seen = answer.handler(handler).extension();
        assert_eq!(seen.status.as_deref(), Some(status), "after {seconds} s: {answer:#?}");
        answer
    }

    /// The agent's process ends and another begins, as after a reboot or its own update.
    #[track_caller]
    pub fn restart(&mut self) -> Answer {
        self.ask(&json!({ "ask": "restart_agent" }));
        self.answer()
    }

    /// Makes an extension's heartbeat look older, then reports.
    #[track_caller]
    pub fn age_heartbeat(&mut self, handler: &str, version: &str, seconds: u64) -> Answer {
        let ask = "age_heartbeat";
        self.ask(
            &json!({ "ask": ask, "handler": handler, "version": version, "seconds": seconds }),
        );
        self.answer()
    }

    /// How long this process of the agent has an extension wait for one that it depends on,
    /// instead of the agent's 90 minutes.
    #[track_caller]
    pub fn patience(&mut self, minutes: f64) -> Answer {
        self.ask(&json!({ "ask": "patience", "minutes": minutes }));
        self.answer()
    }

    /// How many seconds this process of the agent lets each command take, instead of 300 and 900.
    #[track_caller]
    pub fn time_limit(&mut self, seconds: u64) -> Answer {
        self.ask(&json!({ "ask": "time_limit", "seconds": seconds }));
        self.answer()
    }

    /// The answer to the last request.
    #[track_caller]
    pub fn answer(&mut self) -> Answer {
        let line = self.line();
        if let Some(error) = line.get("error") {
            panic!("the driver did not understand: {error}");
        }
        let answer: Answer = serde_json::from_value(line).expect("the driver's answer");
        assert_eq!(answer.crash, None, "the agent would have ended: {}", self.log());
        answer
    }

    /// Where the agent unpacks a version of an extension: `/var/lib/waagent/NAME-VERSION`.
    pub fn extension_folder(&self, handler: &str, version: &str) -> PathBuf {
        self.sandbox.join("lib").join(format!("{handler}-{version}"))
    }

    /// The log folder of an extension: `/var/log/azure/NAME`.
    pub fn log_folder(&self, handler: &str) -> PathBuf {
        self.sandbox.join("log").join(handler)
    }

    /// The agent's own log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.sandbox.join("waagent.log")).unwrap_or_default()
    }

    /// Ends the agent's process, whatever it is waiting for.
    pub fn stop(&mut self) {
        drop(self.requests.take());
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    fn ask(&mut self, request: &Value) {
        let requests = self.requests.as_mut().expect("the driver's input is open");
        writeln!(requests, "{request}").expect("the driver takes requests");
    }

    fn line(&mut self) -> Value {
        self.try_line().unwrap_or_else(|| panic!("the driver ended: {}", self.log()))
    }

    fn attempt(&mut self, request: &Value) -> Option<Answer> {
        writeln!(self.requests.as_mut()?, "{request}").ok()?;
        serde_json::from_value(self.try_line()?).ok()
    }

    fn try_line(&mut self) -> Option<Value> {
        let mut line = String::new();
        self.answers.read_line(&mut line).ok()?;
        serde_json::from_str(&line).ok()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Python that can load the distribution's agent.
fn python() -> String {
    std::env::var("PYTHON").unwrap_or_else(|_| "/usr/bin/python3".into())
}

/// The folder with the agent's code, as scripts/guest-agent.sh finds it.
fn code() -> &'static str {
    static CODE: OnceLock<String> = OnceLock::new();
    CODE.get_or_init(|| {
        let script = workspace().join("scripts/guest-agent.sh");
        let found = Command::new(script).arg("--cached").output().expect("run guest-agent.sh");
        let said = String::from_utf8_lossy(&found.stderr);
        assert!(found.status.success(), "{said}(`make prerequisites` gets all that tests need)");
        String::from_utf8_lossy(&found.stdout).trim().to_owned()
    })
}
