//! Schema, example and type of every document, held against each other.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Value, json};
use status_schema::{
    DocumentError, HandlerEnvironment, HandlerManifest, Heartbeat, HeartbeatState, RuntimeSettings,
    RuntimeSettingsError, State, Status, StatusReport, Substatus,
};

struct Document {
    schema: &'static str,
    example: &'static str,
    /// Whether the type takes the document.
    takes: fn(&[u8]) -> bool,
}

macro_rules! document {
    ($name:literal, $example:literal, $takes:expr) => {
        Document {
            schema: include_str!(concat!("../schema/", $name, ".schema.json")),
            example: include_str!($example),
            takes: $takes,
        }
    };
}

const ENVIRONMENT: Document =
    document!("handler-environment", "../examples/handler-environment.json", |bytes| {
        HandlerEnvironment::parse(bytes).is_ok()
    });
const RUNTIME_SETTINGS: Document =
    document!("runtime-settings", "../examples/runtime-settings.json", |bytes| {
        !matches!(RuntimeSettings::parse(bytes), Err(RuntimeSettingsError::Malformed(_)))
    });
const STATUS: Document =
    document!("status", "../examples/status.json", |bytes| StatusReport::parse(bytes).is_ok());
const HEARTBEAT: Document =
    document!("heartbeat", "../examples/heartbeat.json", |bytes| Heartbeat::parse(bytes).is_ok());
const MANIFEST: Document = document!("handler-manifest", "../../HandlerManifest.json", |bytes| {
    HandlerManifest::parse(bytes).is_ok()
});

impl Document {
    fn validator(&self) -> Validator {
        jsonschema::draft202012::new(&serde_json::from_str(self.schema).unwrap()).unwrap()
    }

    fn example(&self) -> Value {
        serde_json::from_str(self.example).unwrap()
    }

    /// Sets `pointer` to `value` (or removes it) and says whether schema and type take the result.
    fn verdict(&self, pointer: &str, value: Option<Value>) -> (bool, bool) {
        let mut changed = self.example();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = changed.pointer_mut(parent).unwrap();
        match (parent, value) {
            (Value::Object(parent), Some(value)) => drop(parent.insert(key.to_owned(), value)),
            (Value::Object(parent), None) => drop(parent.remove(key).unwrap()),
            (Value::Array(parent), Some(value)) => parent[key.parse::<usize>().unwrap()] = value,
            (Value::Array(parent), None) => drop(parent.remove(key.parse().unwrap())),
            _ => panic!("{pointer} leads nowhere"),
        }
        let bytes = changed.to_string().into_bytes();
        (self.validator().is_valid(&changed), (self.takes)(&bytes))
    }

    fn refused_by_both(&self, mutations: &[(&str, Option<Value>)]) {
        for (pointer, value) in mutations {
            let verdict = self.verdict(pointer, value.clone());
            assert_eq!(verdict, (false, false), "(schema, type) of {pointer} = {value:?}");
        }
    }

    fn taken_by_both(&self, mutations: &[(&str, Option<Value>)]) {
        for (pointer, value) in mutations {
            let verdict = self.verdict(pointer, value.clone());
            assert_eq!(verdict, (true, true), "(schema, type) of {pointer} = {value:?}");
        }
    }
}

#[test]
fn every_example_is_taken_by_its_schema_and_by_its_type() {
    for document in [ENVIRONMENT, RUNTIME_SETTINGS, STATUS, HEARTBEAT, MANIFEST] {
        assert!(document.validator().is_valid(&document.example()), "{}", document.example);
        assert!((document.takes)(document.example.as_bytes()), "{}", document.example);
    }
}

#[test]
fn schema_and_type_agree_about_the_handler_environment() {
    let folders = "/0/handlerEnvironment";
    ENVIRONMENT.refused_by_both(&[
        ("/0", None),
        ("/0", Some(json!(1))),
        (folders, None),
        (&format!("{folders}/logFolder"), None),
        (&format!("{folders}/configFolder"), None),
        (&format!("{folders}/statusFolder"), Some(json!(7))),
        (&format!("{folders}/statusFolder"), Some(json!("status"))),
        (&format!("{folders}/heartbeatFile"), Some(json!(""))),
        (&format!("{folders}/eventsFolder"), Some(json!("events"))),
    ]);
    ENVIRONMENT.taken_by_both(&[
        ("/0/name", None),
        ("/0/version", None),
        (&format!("{folders}/eventsFolder"), None),
        (&format!("{folders}/eventsFolder"), Some(Value::Null)),
        (&format!("{folders}/deploymentid"), Some(json!("new"))),
    ]);
}

#[test]
fn schema_and_type_agree_about_runtime_settings() {
    let settings = "/runtimeSettings/0/handlerSettings";
    RUNTIME_SETTINGS.refused_by_both(&[
        ("/runtimeSettings", None),
        ("/runtimeSettings", Some(json!({}))),
        ("/runtimeSettings/0", None),
        ("/runtimeSettings/0", Some(json!("x"))),
        (settings, None),
        (settings, Some(Value::Null)),
    ]);
    RUNTIME_SETTINGS.taken_by_both(&[
        (&format!("{settings}/publicSettings"), None),
        (&format!("{settings}/publicSettings"), Some(Value::Null)),
        (&format!("{settings}/publicSettings"), Some(json!("{}"))),
        (&format!("{settings}/protectedSettings"), Some(json!("TUlJ"))),
        ("/runtimeSettings/0/more", Some(json!(1))),
    ]);
}

#[test]
fn schema_and_type_agree_about_the_status() {
    let mut refused = vec![
        ("/0".to_owned(), None),
        ("/0/status/status".to_owned(), Some(json!("Success"))),
        ("/0/status/code".to_owned(), Some(json!("0"))),
        ("/0/status/code".to_owned(), Some(json!(2_147_483_648_u64))),
        ("/0/status/formattedMessage".to_owned(), Some(json!("text"))),
        ("/0/status/substatus".to_owned(), Some(json!({}))),
        ("/0/status/configurationAppliedTime".to_owned(), Some(json!("now"))),
        ("/0/timestampUTC".to_owned(), Some(json!(0))),
    ];
    for part in ["", "/substatus/0"] {
        for key in ["name", "status", "code", "formattedMessage", "formattedMessage/message"] {
            refused.push((format!("/0/status{part}/{key}"), None));
        }
    }
    for (pointer, value) in refused {
        STATUS.refused_by_both(&[(&pointer, value)]);
    }
    STATUS.taken_by_both(&[
        ("/0/status/substatus", Some(json!([]))),
        ("/0/status/status", Some(json!("transitioning"))),
        ("/0/status/code", Some(json!(-5))),
    ]);
}

#[test]
fn schema_and_type_agree_about_the_heartbeat() {
    HEARTBEAT.refused_by_both(&[
        ("/0", None),
        ("/0/heartbeat", None),
        ("/0/heartbeat/status", Some(json!("ready"))),
        ("/0/heartbeat/code", None),
        ("/0/heartbeat/formattedMessage/message", None),
    ]);
    HEARTBEAT.taken_by_both(&[("/0/heartbeat/status", Some(json!("NotReady")))]);
}

#[test]
fn schema_and_type_agree_about_the_manifest() {
    let manifest = "/0/handlerManifest";
    MANIFEST.refused_by_both(&[
        ("/0", None),
        (manifest, None),
        (&format!("{manifest}/enableCommand"), None),
        (&format!("{manifest}/enableCommand"), Some(json!("/bin/handler"))),
        (&format!("{manifest}/reportHeartbeat"), Some(json!("true"))),
        (&format!("{manifest}/updateMode"), Some(json!("update"))),
        (&format!("{manifest}/supportMultipleExtensions"), Some(json!(true))),
        ("/0/version", None),
    ]);
    MANIFEST.taken_by_both(&[
        (&format!("{manifest}/reportHeartbeat"), None),
        (&format!("{manifest}/updateMode"), None),
        (&format!("{manifest}/supportsMultipleExtensions"), Some(json!(false))),
        ("/0/signingInfo", Some(json!({"publisher": "x"}))),
    ]);
}

fn instants() -> impl Strategy<Value = SystemTime> {
    any::<u64>().prop_map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds >> 1))
}

fn states() -> impl Strategy<Value = State> {
    prop::sample::select(vec![State::Transitioning, State::Error, State::Success, State::Warning])
}

prop_compose! {
    fn substatuses()(name in any::<String>(), state in states(), code: i32, message in any::<String>())
        -> Substatus { Substatus { name, state, code, message } }
}

prop_compose! {
    fn statuses()(
        name in any::<String>(), operation in any::<String>(), applied in instants(),
        state in states(), code: i32, message in any::<String>(),
        substatuses in prop::collection::vec(substatuses(), 0..4),
    ) -> Status { Status { name, operation, applied, state, code, message, substatuses } }
}

proptest! {
    #[test]
    fn every_status_that_can_be_built_is_valid(written in instants(), status in statuses()) {
        let bytes = StatusReport { written, status: status.clone() }.to_json();
        let text: Value = serde_json::from_slice(&bytes).unwrap();
        prop_assert!(STATUS.validator().is_valid(&text), "{text}");
        let back = StatusReport::parse(&bytes).unwrap().status;
        prop_assert_eq!(back.state, status.state);
        prop_assert_eq!(back.substatuses.len(), status.substatuses.len());
    }

    #[test]
    fn every_heartbeat_that_can_be_built_is_valid(ready: bool, code: i32, message in any::<String>()) {
        let state = if ready { HeartbeatState::Ready } else { HeartbeatState::NotReady };
        let bytes = Heartbeat { state, code, message }.to_json();
        let text: Value = serde_json::from_slice(&bytes).unwrap();
        prop_assert!(HEARTBEAT.validator().is_valid(&text), "{text}");
        prop_assert!(Heartbeat::parse(&bytes).is_ok());
    }

    #[test]
    fn no_bytes_make_a_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for document in [ENVIRONMENT, RUNTIME_SETTINGS, STATUS, HEARTBEAT, MANIFEST] {
            let _: bool = (document.takes)(&bytes);
        }
    }
}

#[test]
fn errors_name_the_document() {
    let error = HandlerEnvironment::parse(b"{}").unwrap_err();
    assert!(matches!(error, DocumentError::NotAnArray { .. }));
    assert!(error.to_string().starts_with("HandlerEnvironment.json"));
}
