//! Settings and what is wrong with them, for machines: `schema/validate.schema.json`. Pure.

use extension_settings::{
    Acl, Identity, IdentitySelector, ObservedCertificate, Remark, Retain, Settings,
};
use reaction::Permission;
use serde_json::{Value, json};
use worker_state::Environment;

use super::Reading;
use crate::order::Origin;
use crate::target::{Target, targets};
use crate::wording;

/// The whole document.
pub(super) fn document(reading: &Reading) -> Value {
    json!({
        "validateVersion": 1,
        "source": source(reading),
        "valid": reading.problems.is_empty(),
        "problems": remarks(&reading.problems),
        "warnings": remarks(&reading.warnings),
        "settings": reading.settings.as_ref().zip(reading.given.as_ref())
            .map(|(settings, given)| {
                self::settings(settings, reading.permission, &given.environment)
            }),
    })
}

/// Where the settings were looked for.
pub(crate) fn source(reading: &Reading) -> Value {
    let file = match &reading.origin {
        Origin::File(file) => Some(file.display().to_string()),
        Origin::Assignment => None,
    };
    let agent = reading.given.as_ref().and_then(|given| given.agent.as_ref());
    json!({ "file": file, "sequenceNumber": agent.map(|agent| agent.sequence_number) })
}

/// Remarks with their paths.
pub(crate) fn remarks(remarks: &[Remark]) -> Value {
    remarks.iter().map(|remark| json!({ "path": remark.path, "text": remark.text })).collect()
}

fn settings(settings: &Settings, permission: Permission, environment: &Environment) -> Value {
    let (targets, _) = targets(settings, permission);
    let certificates: Vec<Value> = settings
        .certificates
        .iter()
        .zip(&targets)
        .map(|(o, t)| certificate(o, t, environment))
        .collect();
    json!({
        "pollingIntervalInS": settings.polling_interval.as_secs(),
        "requireInitialSync": settings.require_initial_sync,
        "aclEnabled": settings.acl_enabled,
        "retainVersions": match settings.retain_versions {
            Retain::All => 0,
            Retain::Versions(number) => number,
        },
        "identity": identity(&settings.identity, environment),
        "logging": settings.logging.as_ref().map(|logging| json!({
            "endpoint": logging.endpoint.to_string(),
            "servicename": logging.service_name,
        })),
        "certificates": certificates,
    })
}

fn certificate(
    observed: &ObservedCertificate,
    target: &Target,
    environment: &Environment,
) -> Value {
    let store = target.store();
    let paths: Vec<String> = target
        .place
        .public_names()
        .iter()
        .map(|name| store.join(name).display().to_string())
        .collect();
    json!({
        "url": observed.id.to_string(),
        "version": observed.id.version(),
        "store": store.display().to_string(),
        "link": observed.link_name,
        "layout": wording::layout(observed.layout),
        "paths": paths,
        "identity": identity(&observed.identity, environment),
        "outputs": target.delivery.outputs.iter()
            .map(|output| output.path().display().to_string()).collect::<Vec<_>>(),
        "steps": target.delivery.steps(),
        "acls": observed.acls.iter().map(acl).collect::<Vec<_>>(),
    })
}

fn acl(acl: &Acl) -> Value {
    json!({ "user": acl.user, "group": acl.group })
}

/// Which identity asks, and where.
fn identity(identity: &Identity, environment: &Environment) -> Value {
    let (client, resource) = match &identity.selector {
        IdentitySelector::Unspecified => (None, None),
        IdentitySelector::ClientId(id) => (Some(id), None),
        IdentitySelector::ResourceId(id) => (None, Some(id)),
    };
    json!({
        "endpoint": wording::endpoint(identity, environment),
        "clientId": client,
        "resourceId": resource,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::tests::reading;
    use super::*;

    fn schema() -> jsonschema::Validator {
        let schema = include_str!("../../schema/validate.schema.json");
        jsonschema::draft202012::new(&serde_json::from_str(schema).unwrap()).unwrap()
    }

    #[test]
    fn every_example_of_settings_gives_what_the_schema_says() {
        let schema = schema();
        let examples =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/extension-settings/examples");
        let mut count = 0;
        for example in std::fs::read_dir(examples).unwrap() {
            let text = std::fs::read_to_string(example.unwrap().path()).unwrap();
            let document = document(&reading(serde_json::from_str(&text).unwrap()));
            let refusal = schema.validate(&document).map_err(|error| error.to_string());
            assert_eq!(refusal, Ok(()), "{document:#}");
            assert_eq!(document["valid"], true, "{document:#}");
            count += 1;
        }
        assert!(count > 10);
    }

    #[test]
    fn refused_settings_give_what_the_schema_says_too() {
        let schema = schema();
        for refused in [json!(null), json!({"a": 1}), json!({"observedCertificates": ["x"]})] {
            let document = document(&reading(refused));
            assert!(schema.is_valid(&document), "{document:#}");
            assert_eq!(document["valid"], false);
            assert_eq!(document["settings"], Value::Null);
            assert!(!document["problems"].as_array().unwrap().is_empty());
        }
    }
}
