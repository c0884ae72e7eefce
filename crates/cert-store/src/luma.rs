//! The metadata file of the split layout: our own document, see `schema/luma.schema.json`.
//!
//! It names the two files that belong together, so a reader that wants both of one version opens
//! those, or opens the links and makes sure that this file was there and the same before and
//! after. While the links move there is none.

use std::time::SystemTime;

use certified_key::{Certificate, Content};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::digest::digest;
use crate::names::Part;
use crate::plan::Plan;
use crate::target::Target;

/// The text of the file.
pub(crate) fn text(
    target: &Target,
    version: &str,
    content: &Content,
    plan: &Plan,
    now: SystemTime,
) -> Vec<u8> {
    let file = |part| {
        plan.file(part).map_or(
            Value::Null,
            |chosen| json!({ "link": part.link(&target.link_name), "name": chosen.name }),
        )
    };
    let mut document = json!({
        "schemaVersion": 1,
        "id": target.id.unversioned().to_string(),
        "version": version,
        "installedAt": time(now),
        "certificate": file(Part::Chain),
        "key": file(Part::Key),
    });
    if let Content::Certificate(key) = content {
        document["leaf"] = leaf(key.leaf());
    }
    let mut text = format!("{document:#}").into_bytes();
    text.push(b'\n');
    text
}

fn leaf(leaf: &Certificate) -> Value {
    json!({
        "subject": leaf.subject(),
        "issuer": leaf.issuer(),
        "serial": leaf.serial(),
        "notBefore": time(leaf.not_before()),
        "notAfter": time(leaf.not_after()),
        "dnsNames": leaf.dns_names(),
        "sha256": digest(leaf.der()),
    })
}

fn time(time: SystemTime) -> String {
    DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::Secs, true)
}
