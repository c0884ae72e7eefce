//! From sorted values to settings.

use std::time::Duration;

use object_id::VaultSuffixes;

use crate::acl::read_acls;
use crate::certificate::{self, Defaults};
use crate::claims::Claims;
use crate::collision;
use crate::duration;
use crate::field::Field;
use crate::identity::Identity;
use crate::logging::Logging;
use crate::metrics::{Expiry, Metrics};
use crate::outputs::Output;
use crate::places::Places;
use crate::reaction::read_actions;
use crate::remark::{Remark, Remarks};
use crate::settings::{DEFAULT_POLLING_INTERVAL, ObservedCertificate, Retain, Settings};
use crate::store::{FileLayout, StoreLocation, read_layout};

/// The longest polling interval: eight digits, about three years. More is a mistake.
const LONGEST_INTERVAL: u32 = 99_999_999;

/// A week. Longer is mostly milliseconds, or a mistake of a digit.
const LONGEST_USUAL_INTERVAL: u32 = 7 * 86_400;

/// A poll so often is odd.
const TOO_OFTEN: &str = "less than a minute: vaults refuse callers who ask too often, and all \
    machines that share the vault feel it";

/// What follows the number of days where a poll is so seldom that it is odd.
const TOO_SELDOM: &str = "the value is in seconds, and a certificate that is renewed in between \
    stays the old one until then";

const ACLS_OFF: &str = "acls are not applied, because aclEnabled is false";

/// Whether a warning is about what an interval or `aclEnabled` leads to, so that it falls with the
/// value.
pub(crate) fn is_of_interval_or_acls(warning: &Remark) -> bool {
    [TOO_OFTEN, TOO_SELDOM, ACLS_OFF].iter().any(|text| warning.text.ends_with(text))
}

/// The most versions that can be counted; whoever wants more wants all of them.
const MOST_VERSIONS: u32 = 999;

/// Checks every value, also after the first problem. `None` comes with a problem.
pub(crate) fn check(
    places: Places,
    suffixes: &VaultSuffixes,
    remarks: &mut Remarks,
) -> Option<Settings> {
    let Places { mut secrets, identity, logging, metrics, entries } = places;
    let polling_interval = polling_interval(secrets.take("pollingIntervalInS"), remarks);
    let retain_versions = retain_versions(secrets.take("retainVersions"), remarks);
    let require_initial_sync = flag(secrets.take("requireInitialSync"), false, remarks);
    let acl_enabled = flag(secrets.take("aclEnabled"), true, remarks);
    let identity = Identity::read(identity, &Identity::default(), remarks);
    let logging = Logging::read(logging, remarks);
    let metrics = Metrics::read(metrics, remarks);
    let expiry = Expiry::read(&mut secrets, remarks);
    let actions = secrets.take("onRenewal").map(|field| read_actions(field, remarks));
    let defaults = defaults(secrets, &identity, remarks);
    let mut certificates = Vec::with_capacity(entries.len());
    for entry in entries {
        let path = entry.path.clone();
        if let Some(read) = certificate::read(entry, &defaults, suffixes, remarks) {
            certificates.push((path, read));
        }
    }
    collision::check(&mut certificates, &metrics, remarks);
    if !acl_enabled {
        disable_acls(&mut certificates, remarks);
    }
    let certificates: Vec<_> = certificates.into_iter().map(|(_, read)| read).collect();
    (!certificates.is_empty()).then_some(Settings {
        polling_interval,
        require_initial_sync,
        acl_enabled,
        retain_versions,
        identity,
        logging,
        on_renewal: actions.unwrap_or_default(),
        expiry,
        metrics,
        certificates,
    })
}

fn defaults(mut secrets: Claims, identity: &Identity, remarks: &mut Remarks) -> Defaults {
    let store = secrets
        .take("certificateStoreLocation")
        .and_then(|field| StoreLocation::read(&field, remarks))
        .unwrap_or_else(StoreLocation::default_store);
    let layout = secrets
        .take("certificateFileLayout")
        .and_then(|field| read_layout(&field, remarks))
        .unwrap_or(FileLayout::Unstated);
    let acls = secrets.take("acls").map(|field| read_acls(field, remarks)).unwrap_or_default();
    Defaults { store, layout, acls, identity: identity.clone() }
}

fn polling_interval(field: Option<Field>, remarks: &mut Remarks) -> Duration {
    let Some(field) = field else { return DEFAULT_POLLING_INTERVAL };
    if let Some(seconds) = field.value.as_str().and_then(duration::seconds) {
        let text = format!("{} is a duration: write its seconds, {seconds}", field.value);
        remarks.problem(&field.path, text);
        return DEFAULT_POLLING_INTERVAL;
    }
    let Some(seconds) = field.whole_number(1..=LONGEST_INTERVAL, remarks) else {
        return DEFAULT_POLLING_INTERVAL;
    };
    if seconds < 60 {
        remarks.warning(&field.path, TOO_OFTEN);
    } else if seconds > LONGEST_USUAL_INTERVAL {
        remarks.warning(&field.path, format!("{} days: {TOO_SELDOM}", seconds / 86_400));
    }
    Duration::from_secs(seconds.into())
}

fn retain_versions(field: Option<Field>, remarks: &mut Remarks) -> Retain {
    let number = field.and_then(|field| {
        let number = field.whole_number(0..=MOST_VERSIONS, remarks)?;
        if number == 1 {
            let text = "must be at least 2, the current version and the one before it, so that \
                there is a way back; 0 keeps all";
            remarks.problem(&field.path, text);
        }
        Some(number)
    });
    match number {
        Some(0) => Retain::All,
        Some(number) => Retain::Versions(number),
        None => Retain::Versions(2),
    }
}

fn flag(field: Option<Field>, otherwise: bool, remarks: &mut Remarks) -> bool {
    field.and_then(|field| field.flag(remarks)).unwrap_or(otherwise)
}

/// Outputs lose their lists here; the entries keep theirs, and whoever applies those asks
/// `acl_enabled`.
fn disable_acls(certificates: &mut [(String, ObservedCertificate)], remarks: &mut Remarks) {
    let asked = certificates.iter().find_map(|(path, certificate)| {
        let in_outputs = certificate.outputs.iter().any(Output::has_acls);
        let key = if certificate.acls.is_empty() { "outputs" } else { "acls" };
        (in_outputs || key == "acls").then(|| format!("{path}.{key}"))
    });
    if let Some(path) = asked {
        remarks.warning(path, ACLS_OFF);
    }
    let outputs = certificates.iter_mut().flat_map(|(_, certificate)| &mut certificate.outputs);
    outputs.for_each(Output::without_acls);
}
