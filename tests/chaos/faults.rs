//! The ways in which the imagined Azure fails.

use fake_azure::{
    Action, Denial, FakeAzure, Place, Raw, Refusal, Rule, Throttle, TlsFault, When, Window,
};

/// How many kinds of faults there are.
pub(crate) const KINDS: usize = 18;

/// Begins a fault.
pub(crate) fn begin(kind: usize, azure: &FakeAzure) {
    let vault = |action, times| azure.fault(Rule::new(When::at(Place::Vault), action).times(times));
    let identity = |status| {
        azure.revoke_tokens();
        azure.fault(Rule::new(When::at(Place::Imds), Action::status(status)).times(3));
    };
    match kind {
        0 => vault(Action::status(429).header("Retry-After", "1"), 5),
        1 => vault(Action::status(500), 10),
        2 => vault(Action::status(503).header("Retry-After", "2"), 5),
        3 => vault(Action::Close, 5),
        4 => vault(Action::Hang, 1),
        5 => vault(Action::Truncate { after: 200 }, 3),
        6 => vault(Action::Html { status: 200 }, 4),
        7 => vault(Action::Patch(serde_json::json!({ "value": "bm90IGEgY2VydGlmaWNhdGU=" })), 3),
        8 => vault(Action::Oversize { bytes: 3_000_000 }, 1),
        9 => vault(Action::Raw(Raw { text: "HTTP/1.1 2".into(), ..Raw::default() }), 3),
        10 => vault(Action::Drip { bytes: 100, every_ms: 20 }, 3),
        11 => identity(410),
        12 => identity(500),
        13 => identity(400),
        14 => azure.fault(Rule::new(When::at(Place::Proxy), Action::status(502)).times(4)),
        15 => azure.deny("shop", Denial::all(Refusal::ForbiddenByRbac)),
        16 => azure.tls_fault("annex", Some(TlsFault::Expired)).expect("a wrong certificate"),
        _ => {
            let throttle = Throttle { limit: 3, seconds: 2, window: Window::Sliding };
            azure.throttle("shop", Some(throttle));
        }
    }
}

/// Ends all of them.
pub(crate) fn clear(azure: &FakeAzure) {
    azure.clear_faults();
    azure.allow("shop");
    azure.throttle("shop", None);
    azure.tls_fault("annex", None).expect("the right certificate");
}
