//! Entries compared with each other: no two may write the same link, and none may stand in the
//! way of another's files.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use crate::acl::{MOST_ACLS, without_repetitions};
use crate::remark::Remarks;
use crate::settings::ObservedCertificate;
use crate::store::{FileLayout, StoreLocation};

/// A certificate with the path of its entry.
pub(crate) type Located = (String, ObservedCertificate);

/// Reports collisions as problems, near misses as warnings, and gives entries that share files the
/// same ACLs. Linear in the number of entries.
pub(super) fn check(certificates: &mut [Located], remarks: &mut Remarks) {
    refuse_shared_links(certificates, remarks);
    refuse_links_named_like_files(certificates, remarks);
    refuse_stores_below_links(certificates, remarks);
    share_acls(certificates, remarks);
}

pub(super) fn store(certificate: &ObservedCertificate) -> &Path {
    let StoreLocation::Directory { path, .. } = &certificate.store;
    path
}

/// The names of a certificate's files before the version: `VAULT.NAME`.
fn file_stem(certificate: &ObservedCertificate) -> String {
    format!("{}.{}", certificate.id.vault().name(), certificate.id.name())
}

/// The links that are written in the store.
fn written_links(certificate: &ObservedCertificate) -> impl Iterator<Item = String> {
    let plain = usize::from(certificate.layout == FileLayout::Split);
    names(certificate).into_iter().skip(plain)
}

/// Every name that is one certificate's: its links, and in each layout the link's plain name, by
/// which it is known in the worker's records and to people.
pub(super) fn names(certificate: &ObservedCertificate) -> Vec<String> {
    let suffixes: &[&str] = match certificate.layout {
        FileLayout::Unstated | FileLayout::Combined => &[""],
        FileLayout::Split | FileLayout::Both => &["", ".pem", ".keyid", ".luma"],
    };
    suffixes.iter().map(|suffix| format!("{}{suffix}", certificate.link_name)).collect()
}

fn refuse_shared_links(certificates: &[Located], remarks: &mut Remarks) {
    let mut taken: HashMap<(&Path, String), &Located> = HashMap::new();
    let mut folded: HashMap<(&Path, String), (&Located, String)> = HashMap::new();
    for located @ (path, certificate) in certificates {
        for link in names(certificate) {
            let store = store(certificate);
            if let Some((other, rival)) = taken.insert((store, link.clone()), located) {
                let place = store.join(&link);
                remarks.problem(path, same_link(certificate, other, rival, &place));
                break;
            }
            let key = (store, link.to_lowercase());
            let (_, near) = folded.entry(key).or_insert_with(|| (located, link.clone()));
            if *near != link {
                let text = format!(
                    "the link {link} differs from {near} in case only: easily mistaken, and one \
                     file where case does not count"
                );
                remarks.warning(path, text);
                break;
            }
        }
    }
}

fn same_link(
    certificate: &ObservedCertificate,
    other: &str,
    rival: &ObservedCertificate,
    place: &Path,
) -> String {
    let place = place.display();
    if certificate == rival {
        return format!(
            "would write the same link as {other}, {place}, because both entries say the same: remove \
             one of them"
        );
    }
    if certificate.id == rival.id && certificate.layout != rival.layout {
        return format!(
            "would write the same link as {other}, {place}, in another layout: remove one and \
             write certificateFileLayout \"both\" in the other"
        );
    }
    format!(
        "would write the same link as {other}, {place}: give one of them another \
         customSymbolicLinkName or certificateStoreLocation, or remove it"
    )
}

/// A link called like another entry's versioned file, `VAULT.NAME.` and a version, would be
/// replaced by that file, or replace it.
fn refuse_links_named_like_files(certificates: &[Located], remarks: &mut Remarks) {
    let stems: HashSet<(&Path, String)> = certificates
        .iter()
        .map(|(_, certificate)| (store(certificate), file_stem(certificate)))
        .collect();
    for (path, certificate) in certificates {
        let clash = versioned_stems(&certificate.link_name)
            .find(|stem| stems.contains(&(store(certificate), (*stem).to_owned())));
        if let Some(stem) = clash {
            let text = format!(
                "the link {} is named like a version of {stem}: give it another \
                 customSymbolicLinkName",
                certificate.link_name
            );
            remarks.problem(path, text);
        }
    }
}

/// A store is a directory, and so is all that leads to it: none of that can be a link.
fn refuse_stores_below_links(certificates: &[Located], remarks: &mut Remarks) {
    let mut links: HashMap<PathBuf, &str> = HashMap::new();
    for (entry, certificate) in certificates {
        let store = store(certificate);
        links.extend(written_links(certificate).map(|link| (store.join(link), entry.as_str())));
    }
    for (entry, certificate) in certificates {
        let store = store(certificate);
        if let Some(link) = store.ancestors().find_map(|path| links.get(path)) {
            let text = format!(
                "the store {} would stand in the place of the link of {link}: give one of them \
                 another certificateStoreLocation",
                store.display()
            );
            remarks.problem(entry, text);
        }
    }
}

/// What stands before a version (32 letters and digits between dots) in a name.
pub(super) fn versioned_stems(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('.').filter_map(|(dot, _)| {
        let segment = name[dot + 1..].split('.').next().unwrap_or_default();
        let version =
            segment.len() == 32 && segment.bytes().all(|byte| byte.is_ascii_alphanumeric());
        version.then_some(&name[..dot])
    })
}

/// Entries for one object in one store link to the same versioned files. A file has one ACL, so
/// each of them asks for what any of them asks for; else every pass would undo the other's.
fn share_acls(certificates: &mut [Located], remarks: &mut Remarks) {
    let mut groups: HashMap<(PathBuf, String), Vec<usize>> = HashMap::new();
    for (index, (_, certificate)) in certificates.iter().enumerate() {
        let key = (store(certificate).to_owned(), file_stem(certificate));
        groups.entry(key).or_default().push(index);
    }
    let mut shared: Vec<Vec<usize>> =
        groups.into_values().filter(|group| group.len() > 1).collect();
    shared.sort();
    for group in shared {
        let acls = group.iter().flat_map(|index| &certificates[*index].1.acls).cloned();
        let union = without_repetitions(acls);
        if union.len() > MOST_ACLS {
            let text = format!("with the other entries for it has more than {MOST_ACLS} acls");
            remarks.problem(&certificates[group[0]].0, text);
            continue;
        }
        for (position, index) in group.iter().enumerate() {
            let other = certificates[group[usize::from(position == 0)]].0.clone();
            let (path, certificate) = &mut certificates[*index];
            if certificate.acls.len() != union.len() {
                let text = format!(
                    "shares its files with {other}, the same certificate in the same store: the \
                     acls of both are applied"
                );
                remarks.warning(&*path, text);
            }
            certificate.acls.clone_from(&union);
        }
    }
}
