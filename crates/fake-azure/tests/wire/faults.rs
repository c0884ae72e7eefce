//! Faults by script, as a client meets them.

use fake_azure::{Action, Place, Raw, Rule, When};
use serde_json::json;

use crate::{Bed, CONTOSO};

/// curl's exit codes.
const PARTIAL: i32 = 18;
const TIMED_OUT: i32 = 28;
const NO_ANSWER: i32 = 52;

fn bed() -> Bed {
    let bed = Bed::new();
    bed.azure.put_secret("contoso", "web", &"x".repeat(1000), None);
    bed
}

fn web() -> String {
    format!("{CONTOSO}/secrets/web?api-version=7.4")
}

fn spoilt(bed: &Bed, then: Action) -> crate::curl::Got {
    bed.azure.fault(Rule::new(When::secret("web"), then).times(1));
    bed.get(&web())
}

#[test]
fn answers_are_replaced() {
    let bed = bed();
    let limited = spoilt(&bed, Action::status(429).header("Retry-After", "7"));
    assert_eq!((limited.status, limited.header("retry-after")), (429, Some("7")));
    assert_eq!(limited.codes().0, "Throttled");
    let html = spoilt(&bed, Action::Html { status: 200 });
    assert_eq!(html.header("content-type"), Some("text/html; charset=utf-8"));
    let elsewhere = "http://127.0.0.1:1/".to_owned();
    let moved = spoilt(&bed, Action::Redirect { status: 307, location: elsewhere.clone() });
    assert_eq!((moved.status, moved.header("location")), (307, Some(&*elsewhere)));
    let patched = spoilt(&bed, Action::Patch(json!({ "id": "https://evil.example/secrets/x/1" })));
    assert_eq!(patched.json()["id"], "https://evil.example/secrets/x/1");
    assert_eq!(patched.json()["value"].as_str().unwrap().len(), 1000);
    assert_eq!(bed.get(&web()).status, 200, "each rule was used up");
}

#[test]
fn bodies_are_cut_short_blown_up_and_drawn_out() {
    let bed = bed();
    let cut = spoilt(&bed, Action::Truncate { after: 100 });
    assert_eq!((cut.code, cut.body.len()), (PARTIAL, 100));
    assert_eq!(spoilt(&bed, Action::Truncate { after: 0 }).code, PARTIAL);
    assert_eq!(spoilt(&bed, Action::Oversize { bytes: 3_000_000 }).body.len(), 3_000_000);
    let dripped = spoilt(&bed, Action::Drip { bytes: 500, every_ms: 1 });
    assert_eq!((dripped.code, dripped.status), (0, 200));
    assert_eq!(dripped.json()["value"].as_str().unwrap().len(), 1000);
}

#[test]
fn connections_end_without_an_answer() {
    let bed = bed();
    assert_eq!(spoilt(&bed, Action::Close).code, NO_ANSWER);
    let last = bed.azure.requests_to(Place::Vault).pop().unwrap();
    assert_eq!((last.status, last.scripted), (None, true));
}

#[test]
fn bytes_of_any_kind_take_the_place_of_an_answer() {
    let bed = bed();
    let head = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer resource=\u{1}\r\n";
    let strange = spoilt(&bed, Action::raw(&format!("{head}Content-Length: 2\r\n\r\nhi")));
    assert_eq!((strange.status, strange.body.as_str()), (401, "hi"));
    assert_eq!(strange.header("www-authenticate"), Some("Bearer resource=\u{1}"));
    let nonsense = Raw { base64: Some("//8A/w==".to_owned()), ..Raw::default() };
    assert_ne!(spoilt(&bed, Action::Raw(nonsense)).code, 0);
    let text = format!("{head}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n");
    let endless = Raw { text, hold: true, bytes: 8, every_ms: 1, ..Raw::default() };
    bed.azure.fault(Rule::new(When::secret("web"), Action::Raw(endless)).times(1));
    let endless = bed.proxied(&["--max-time", "1", &web()]);
    assert_eq!((endless.code, endless.body.as_str()), (TIMED_OUT, "x"));
    assert_eq!(bed.get(&web()).status, 200);
}

#[test]
fn a_client_that_waits_for_ever_is_its_own_master() {
    let bed = bed();
    bed.azure.fault(Rule::new(When::at(Place::Vault), Action::Hang));
    let hung = bed.proxied(&["--max-time", "0.3", &web()]);
    assert_eq!(hung.code, TIMED_OUT);
}

#[test]
fn a_late_answer_is_still_the_true_one() {
    let bed = bed();
    bed.azure.fault(Rule::new(When::at(Place::Vault), Action::Pass).delay_ms(300));
    assert_eq!(bed.proxied(&["--max-time", "0.2", &web()]).code, TIMED_OUT);
    assert_eq!(bed.get(&web()).status, 200);
}

#[test]
fn only_the_requests_meant_are_spoilt() {
    let bed = bed();
    bed.azure.put_secret("contoso", "api", "y", None);
    bed.azure.fault(Rule::new(When::secret("web"), Action::status(500)).skip(1).times(1));
    let statuses: Vec<_> = (0..3).map(|_| bed.get(&web()).status).collect();
    assert_eq!(statuses, [200, 500, 200]);
    bed.azure.fault(Rule::new(When::at(Place::Imds), Action::status(410)).times(1));
    assert_eq!(bed.imds("resource=x").status, 410);
    assert_eq!(bed.imds("resource=x").status, 200);
}

#[test]
fn waiting_for_requests_ends_when_they_have_come() {
    let bed = bed();
    let one = |requests: &[fake_azure::Recorded]| {
        requests.iter().any(|request| request.place == Place::Vault)
    };
    assert!(!bed.azure.wait_for(std::time::Duration::from_millis(1), one));
    std::thread::scope(|scope| {
        scope.spawn(|| bed.get(&web()));
        assert!(bed.azure.wait_for(std::time::Duration::from_secs(5), one));
    });
}
