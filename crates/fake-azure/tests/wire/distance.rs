//! What a round trip costs.

use std::time::{Duration, Instant};

use crate::{Bed, CONTOSO};

/// TCP, TLS 1.3 and the request are one round trip each, whether the proxy or the client itself
/// connects. (That it is no more than that is measured in the code, where time can be stopped.)
#[test]
fn a_first_request_takes_three_round_trips() {
    const TRIP: Duration = Duration::from_millis(100);
    let bed = Bed::new();
    bed.azure.put_secret("contoso", "web", "x", None);
    bed.azure.put_secret("localhost", "web", "x", None);
    bed.azure.move_away(TRIP);
    let proxied = timed(|| assert_eq!(bed.proxied(&[CONTOSO]).status, 401));
    let direct = timed(|| assert_eq!(bed.direct("/secrets/web", "x").status, 401));
    assert!(proxied >= 3 * TRIP, "{proxied:?}");
    assert!(direct >= 3 * TRIP, "{direct:?}");
}

fn timed(act: impl FnOnce()) -> Duration {
    let start = Instant::now();
    act();
    start.elapsed()
}
