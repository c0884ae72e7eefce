//! Chains out of random sets of certificates.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at once")]

mod pki;
#[path = "producers/tool.rs"]
#[expect(dead_code, reason = "this test uses a part of it")]
mod tool;

use std::cell::OnceCell;
use std::collections::HashMap;

use certified_key::{CertifiedKey, decode};
use pki::{Authority, authority, block};
use proptest::prelude::*;

const AUTHORITIES: usize = 6;

/// A certificate of one authority by another, or of itself.
#[derive(Debug, Clone, Copy)]
struct Edge {
    by: usize,
    of: usize,
    year: i32,
}

fn edges() -> impl Strategy<Value = Vec<Edge>> {
    let edge = (0..AUTHORITIES, 0..AUTHORITIES, 2030..2034_i32).prop_map(|(by, of, year)| Edge {
        by,
        of,
        year,
    });
    prop::collection::vec(edge, 0..14)
}

thread_local! {
    static CROWD: OnceCell<Vec<Authority>> = const { OnceCell::new() };
}

/// Some authorities, two of which have the same name.
fn with_crowd<T>(work: impl FnOnce(&[Authority]) -> T) -> T {
    let make = || ["a", "b", "c", "d", "same", "same"].map(authority).into_iter().collect();
    CROWD.with(|crowd| work(crowd.get_or_init(make)))
}

/// Can a root be reached from this authority's certificates?
fn reaches_root(from: usize, edges: &[Edge]) -> bool {
    let mut seen = vec![from];
    let mut next = 0;
    while let Some(&of) = seen.get(next) {
        next += 1;
        for edge in edges.iter().filter(|edge| edge.of == of) {
            if edge.by == of {
                return true;
            }
            if !seen.contains(&edge.by) {
                seen.push(edge.by);
            }
        }
    }
    false
}

/// Who certified whom, for each certificate of the chain behind the leaf.
fn path(key: &CertifiedKey, known: &HashMap<String, Edge>) -> Vec<Edge> {
    key.issuers().iter().map(|issuer| known[&block("CERTIFICATE", issuer.der())]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn each_certificate_certifies_the_one_before(
        edges in edges(),
        signer in 0..AUTHORITIES,
        turn in 0..100_usize,
    ) {
        with_crowd(|crowd| -> Result<(), TestCaseError> {
            let known: HashMap<String, Edge> = edges
                .iter()
                .map(|edge| (crowd[edge.by].certify_until(&crowd[edge.of], edge.year), *edge))
                .collect();
            let leaf = crowd[signer].leaf("leaf");
            let mut blocks: Vec<&String> = known.keys().collect();
            blocks.extend([&leaf.certificate, &leaf.key]);
            let text: String = blocks.iter().copied().cloned().collect();
            let decoded = decode(None, &text).unwrap();

            let path = path(&decoded.key, &known);
            let mut expected = signer;
            for edge in &path {
                prop_assert_eq!(edge.of, expected);
                expected = edge.by;
            }
            let ends_in_root = path.last().is_some_and(|last| last.by == last.of);
            prop_assert_eq!(ends_in_root, reaches_root(signer, &edges));
            let certified = edges.iter().any(|edge| edge.of == signer);
            prop_assert_eq!(path.is_empty(), !certified);
            prop_assert_eq!(decoded.notes.len() + path.len(), known.len());

            let turn = turn % blocks.len();
            blocks.rotate_left(turn);
            let turned: String = blocks.into_iter().cloned().collect();
            prop_assert_eq!(&decode(None, &turned).unwrap().key, &decoded.key);
            prop_assert_eq!(&CertifiedKey::parse_pem(&decoded.key.to_pem()).unwrap(), &decoded.key);
            Ok(())
        })?;
    }
}

proptest! {
    // Each case is a process.
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn openssl_goes_the_same_way(edges in edges(), signer in 0..AUTHORITIES) {
        with_crowd(|crowd| -> Result<(), TestCaseError> {
            let by = |edge: &Edge| crowd[edge.by].certify_until(&crowd[edge.of], edge.year);
            let certificates: String = edges.iter().map(by).collect();
            let leaf = crowd[signer].leaf("leaf");
            let key = decode(None, &(certificates + &leaf.certificate + &leaf.key)).unwrap().key;
            let folder = tempfile::tempdir().unwrap();
            let (leaf, rest, root) = tool::split(&key, folder.path());
            prop_assert_eq!(tool::verify(&leaf, &rest, &root), Ok(()));
            Ok(())
        })?;
    }
}
