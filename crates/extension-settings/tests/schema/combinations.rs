//! Documents put together at random.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::values::{Place, document, keys, values};
use crate::{GUID, URL, invariants, parse, validator};

/// Any JSON, with known keys and telling values at unexpected places.
fn any_json() -> impl Strategy<Value = Value> {
    let known: BTreeSet<String> = keys().into_iter().map(|(_, key)| key).collect();
    let known: Vec<String> = known.into_iter().chain(["settings".into(), "x".into()]).collect();
    let texts =
        vec![URL, GUID, "", "true", "3600", "/etc", "{}", "[\"a\"]", "{\"url\": 1}", "\u{0}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop::sample::select(texts).prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        let key = prop_oneof![4 => prop::sample::select(known.clone()), 1 => any::<String>()];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(key, inner.clone(), 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>())),
            inner.prop_map(|value| Value::from(value.to_string())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_document_makes_the_parser_panic(document in any_json()) {
        invariants::hold(&document);
    }

    #[test]
    fn schema_and_parser_agree_about_any_combination_of_values(
        picks in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..8)
    ) {
        let (keys, mut merged) = (keys(), Map::new());
        let mut expected = true;
        let mut seen = BTreeSet::new();
        for (which_key, which_value) in picks {
            let (place, key) = &keys[which_key.index(keys.len())];
            let whole = ["observedCertificates", "acls", "authenticationOverride"];
            let merged_alone = matches!(
                place,
                Place::Secrets | Place::Entry | Place::Identity | Place::Logging | Place::Metrics
            );
            if !merged_alone || whole.contains(&key.as_str()) || !seen.insert((format!("{place:?}"), key.clone())) {
                continue;
            }
            let (good, bad) = values(*place, key);
            let all: Vec<_> = good.iter().map(|value| (value, true)).chain(bad.iter().map(|value| (value, false))).collect();
            let (value, good) = all[which_value.index(all.len())];
            expected &= good;
            merge(&mut merged, document(*place, key, value), *place, key);
        }
        if !merged.is_empty() {
            let document = Value::Object(merged);
            prop_assert_eq!(validator().is_valid(&document), expected, "schema: {}", document);
            prop_assert_eq!(parse(&document).is_ok(), expected, "parser: {}", document);
        }
    }
}

/// Puts the one unusual value of `from` into `into`.
fn merge(into: &mut Map<String, Value>, from: Value, place: Place, key: &str) {
    let pointer = match place {
        Place::Secrets => "/secretsManagementSettings",
        Place::Entry => "/secretsManagementSettings/observedCertificates/0",
        Place::Identity => "/authenticationSettings",
        Place::Logging => "/loggingSettings",
        Place::Metrics => "/metricsSettings",
        _ => panic!("not merged"),
    };
    if into.is_empty() {
        *into = from.as_object().unwrap().clone();
        return;
    }
    let value = from.pointer(pointer).unwrap()[key].clone();
    let mut target = Value::Object(std::mem::take(into));
    if place == Place::Logging && target["loggingSettings"].get("endpoint").is_none() {
        target["loggingSettings"]["endpoint"] = json!("tcp://localhost");
    }
    target.pointer_mut(pointer).unwrap()[key] = value;
    *into = target.as_object().unwrap().clone();
}
