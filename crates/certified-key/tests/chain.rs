//! Which certificates come out, and in which order.

#![allow(clippy::unwrap_used, reason = "a test may stop at once")]

mod pki;

use certified_key::{DecodeError, Decoded, decode};
use pki::{Authority, Leaf, authority, block};
use rcgen::{DnValue, KeyPair};

/// Decodes a leaf with its key among other certificates.
fn decoded(leaf: &Leaf, others: &[&String]) -> Decoded {
    let mut text = String::new();
    for other in others {
        text.push_str(other);
    }
    text.push_str(&leaf.key);
    text.push_str(&leaf.certificate);
    decode(None, &text).unwrap()
}

/// The chain as PEM blocks of one line, as the tests make them.
fn chain(decoded: &Decoded) -> Vec<String> {
    let key = &decoded.key;
    std::iter::once(key.leaf())
        .chain(key.issuers())
        .map(|certificate| block("CERTIFICATE", certificate.der()))
        .collect()
}

fn expect(leaf: &Leaf, others: &[&String], expected: &[&String]) -> Decoded {
    let decoded = decoded(leaf, others);
    let leaf = [&leaf.certificate];
    let expected: Vec<String> = leaf.iter().chain(expected).map(|text| (*text).clone()).collect();
    assert_eq!(chain(&decoded), expected);
    decoded
}

#[test]
fn a_shuffled_chain_comes_out_from_leaf_to_root() {
    let (top, middle, low) = (authority("top"), authority("middle"), authority("low"));
    let (root, upper, lower) = (top.root(), top.certify(&middle), middle.certify(&low));
    let leaf = low.leaf("leaf");
    for order in [[&root, &upper, &lower], [&lower, &root, &upper], [&upper, &lower, &root]] {
        let decoded = expect(&leaf, &order, &[&lower, &upper, &root]);
        assert!(decoded.notes.is_empty());
        assert!(decoded.key.issuers()[2].is_self_signed());
    }
}

#[test]
fn a_chain_of_thirty_comes_out_whole() {
    let authorities: Vec<Authority> = (0..30).map(|n| authority(&format!("number {n}"))).collect();
    let mut certificates = vec![authorities[0].root()];
    certificates.extend(authorities.windows(2).map(|pair| pair[0].certify(&pair[1])));
    let leaf = authorities[29].leaf("leaf");
    let shuffled: Vec<&String> = (0..30).map(|n| &certificates[n * 7 % 30]).collect();
    let expected: Vec<&String> = certificates.iter().rev().collect();
    expect(&leaf, &shuffled, &expected);
}

#[test]
fn a_missing_issuer_ends_the_chain_and_what_is_above_is_left_out() {
    let (top, middle, low) = (authority("top"), authority("middle"), authority("low"));
    let (root, lower) = (top.root(), middle.certify(&low));
    let leaf = low.leaf("leaf");
    let decoded = expect(&leaf, &[&root, &lower], &[&lower]);
    assert_eq!(
        decoded.notes,
        ["left out the certificate of CN=top, issued by CN=top: \
          it is not part of the chain of CN=leaf"]
    );
}

#[test]
fn a_leaf_without_any_issuer_is_a_chain_of_one() {
    let leaf = authority("absent").leaf("leaf");
    expect(&leaf, &[], &[]);
}

#[test]
fn duplicates_count_once() {
    let top = authority("top");
    let (root, leaf) = (top.root(), top.leaf("leaf"));
    let decoded = expect(&leaf, &[&root, &leaf.certificate, &root], &[&root]);
    assert!(decoded.notes.is_empty());
}

#[test]
fn an_authority_with_the_same_name_and_another_key_is_not_taken() {
    for identified in [true, false] {
        let mut old = authority("renewed");
        let mut new = authority("renewed");
        (old.identified, new.identified) = (identified, identified);
        let (old_root, new_root) = (old.root(), new.root());
        expect(&old.leaf("leaf"), &[&new_root, &old_root], &[&old_root]);
        expect(&new.leaf("leaf"), &[&new_root, &old_root], &[&new_root]);
    }
}

#[test]
fn a_signature_counts_although_the_key_identifiers_differ() {
    // The same key and name, with and without key identifiers: both certify the leaf.
    let mut top = authority("top");
    let leaf = top.leaf("leaf");
    top.identified = false;
    let root = top.root();
    expect(&leaf, &[&root], &[&root]);
}

#[test]
fn of_two_ways_the_one_to_a_root_is_taken() {
    // The lower authority is certified by two; only one of them is here up to its root.
    let (old, new, low) = (authority("old"), authority("new"), authority("low"));
    let (by_old, by_new, new_root) = (old.certify(&low), new.certify(&low), new.root());
    let leaf = low.leaf("leaf");
    let decoded = expect(&leaf, &[&by_old, &by_new, &new_root], &[&by_new, &new_root]);
    assert_eq!(decoded.notes.len(), 1);
}

#[test]
fn of_two_roots_the_way_that_is_valid_longest_is_taken() {
    let (old, new, low) = (authority("old"), authority("new"), authority("low"));
    let (by_old, by_new) = (old.certify_until(&low, 2035), new.certify_until(&low, 2045));
    let (old_root, new_root) = (old.root(), new.root());
    let leaf = low.leaf("leaf");
    expect(&leaf, &[&by_old, &old_root, &new_root, &by_new], &[&by_new, &new_root]);
    // A root that was cross-signed by an older one: its own certificate is the shorter way.
    let (cross, lower) = (old.certify_until(&new, 2030), new.certify(&low));
    expect(&leaf, &[&cross, &old_root, &lower, &new_root], &[&lower, &new_root]);
}

#[test]
fn of_two_ways_to_roots_that_are_valid_equally_long_the_shorter_is_taken() {
    let (near, far, middle, low) =
        (authority("near"), authority("far"), authority("middle"), authority("low"));
    let (by_near, by_middle, by_far) =
        (near.certify(&low), middle.certify(&low), far.certify(&middle));
    let (near_root, far_root) = (near.root(), far.root());
    let leaf = low.leaf("leaf");
    expect(&leaf, &[&by_middle, &by_far, &far_root, &by_near, &near_root], &[&by_near, &near_root]);
}

#[test]
fn a_root_that_ends_first_is_no_worse_for_it() {
    let (old, new, low) = (authority("old"), authority("new"), authority("low"));
    let (by_old, by_new) = (old.certify_until(&low, 2045), new.certify_until(&low, 2040));
    let (old_root, new_root) = (old.certify_until(&old, 2030), new.root());
    let leaf = low.leaf("leaf");
    expect(&leaf, &[&by_new, &new_root, &by_old, &old_root], &[&by_old, &old_root]);
}

#[test]
fn where_the_same_authority_ends_first_on_two_ways_the_shorter_is_taken() {
    let [top, narrow, one, two, three, low] =
        ["top", "narrow", "one", "two", "three", "low"].map(authority);
    let (root, narrow_by_top) = (top.root(), top.certify_until(&narrow, 2035));
    let [long, above, higher] =
        [(&one, &low), (&two, &one), (&narrow, &two)].map(|(by, of)| by.certify_until(of, 2045));
    let [short, beside] =
        [(&three, &low), (&narrow, &three)].map(|(by, of)| by.certify_until(of, 2042));
    let leaf = low.leaf("leaf");
    expect(
        &leaf,
        &[&long, &above, &higher, &short, &beside, &narrow_by_top, &root],
        &[&short, &beside, &narrow_by_top, &root],
    );
}

#[test]
fn authorities_that_certify_each_other_do_not_go_round_for_ever() {
    let (one, two) = (authority("one"), authority("two"));
    let (by_two, by_one) = (two.certify(&one), one.certify(&two));
    let leaf = one.leaf("leaf");
    expect(&leaf, &[&by_one, &by_two], &[&by_two, &by_one]);
}

#[test]
fn a_renewed_leaf_with_the_same_key_is_preferred() {
    let top = authority("top");
    let key = KeyPair::generate().unwrap();
    let (old, new) = (top.leaf_with_key("old", &key, 2024), top.leaf_with_key("new", &key, 2025));
    let root = top.root();
    expect(&new, &[&old.certificate, &root], &[&root]);
    let (one, two) = (top.leaf_with_key("one", &key, 2025), top.leaf_with_key("two", &key, 2025));
    let (first, second) = (decoded(&one, &[&two.certificate]), decoded(&two, &[&one.certificate]));
    assert_eq!(first.key, second.key, "whichever comes first");
}

#[test]
fn an_authority_is_no_leaf_if_a_leaf_has_the_key_too() {
    let (top, low) = (authority("top"), authority("low"));
    let lower = top.certify(&low);
    let leaf = top.leaf_with_key("leaf", &low.key, 2020);
    expect(&leaf, &[&lower], &[]);
}

#[test]
fn names_are_equal_in_another_spelling() {
    let key = || KeyPair::generate().unwrap();
    let mut top = authority("Contoso  Root");
    let leaf = top.leaf("leaf");
    top.name = DnValue::PrintableString("contoso root".try_into().unwrap());
    let root = top.root();
    expect(&leaf, &[&root], &[&root]);
    top.name = DnValue::BmpString("CONTOSO ROOT".try_into().unwrap());
    let root = top.root();
    expect(&leaf, &[&root], &[&root]);
    let other = Authority { key: key(), ..authority("Contoso Root 2") };
    assert_eq!(decoded(&leaf, &[&other.root()]).key.issuers().len(), 0);
}

#[test]
fn a_crowd_of_namesakes_is_refused_in_good_time() {
    let decoded = |size| {
        let authorities: Vec<Authority> = (0..size).map(|_| authority("same")).collect();
        let leaf = authorities[0].leaf("leaf");
        let mut text = leaf.certificate + &leaf.key;
        for pair in authorities.windows(2) {
            text.push_str(&pair[1].certify(&pair[0]));
        }
        decode(None, &text)
    };
    // Each of 21 certificates is tried with 20 or 19 others: 400 signatures.
    assert_eq!(decoded(21).unwrap().key.issuers().len(), 20);
    for size in [22, 200] {
        assert_eq!(decoded(size).unwrap_err(), DecodeError::TooManySignatures);
    }
}

#[test]
fn more_certificates_than_a_chain_can_have_are_refused() {
    let top = authority("top");
    let leaf = top.leaf("leaf");
    let text = leaf.key + &leaf.certificate.repeat(5000);
    let expected = DecodeError::TooMany { what: "certificates", limit: 256 };
    assert_eq!(decode(None, &text).unwrap_err(), DecodeError::TooLarge { limit: 1024 * 1024 });
    let text = &text[..1_000_000];
    assert_eq!(decode(None, text).unwrap_err(), expected);
}

#[test]
fn keys_and_certificates_that_do_not_belong_together_are_refused() {
    let top = authority("top");
    let (one, two, three) = (top.leaf("one"), top.leaf("two"), top.leaf("three"));
    let refusal = |text: String| decode(None, &text).unwrap_err();
    let mismatch = |keys, certificates| DecodeError::KeyMismatch { keys, certificates };
    assert_eq!(refusal(one.certificate.clone() + &two.key), mismatch(1, 1));
    let crowd = one.certificate.clone() + &top.root() + &two.key + &three.key + &two.key;
    assert_eq!(refusal(crowd), mismatch(2, 2));
    let both = [&*one.certificate, &one.key, &two.certificate, &two.key].concat();
    assert_eq!(refusal(both), DecodeError::SeveralKeys { keys: 2 });
    let subject = "CN=one".to_owned();
    assert_eq!(refusal(one.certificate.clone()), DecodeError::NoPrivateKey { subject });
    assert_eq!(refusal(one.key.clone()), DecodeError::NoCertificate);
    assert_eq!(refusal(block("PUBLIC KEY", b"")), DecodeError::NothingFound);
    // A second key does no harm if the first has its certificate.
    assert!(decode(None, &(two.key + &one.key + &one.certificate)).is_ok());
}
