//! Which file a part is in: one of the ledger's, one that was there already, or a new one.

use super::terms::{
    Chosen, FileState, LinkState, Listing, Obstacle, Request, RequestedPart, Source,
};
use crate::ledger::{Ledger, LedgerFile};
use crate::pieces::Likeness;

pub(super) fn choose(
    listing: &Listing,
    wanted: &Request<'_>,
    part: &RequestedPart,
    ledger: &Ledger,
) -> Result<Chosen, Obstacle> {
    let known = ledger.part(part.part, wanted.id, wanted.version);
    if let Some(file) = known {
        return keep_or_restore(listing, part, file);
    }
    if let Some(found) = adopt(listing, wanted, part, ledger) {
        return Ok(found);
    }
    refuse_directory(listing, &part.new_name)?;
    Ok(ours(part, &part.new_name))
}

/// The ledger's file: as it is, with its access put right, or written again.
fn keep_or_restore(
    listing: &Listing,
    part: &RequestedPart,
    file: &LedgerFile,
) -> Result<Chosen, Obstacle> {
    refuse_directory(listing, &file.name)?;
    let Some(FileState::File { digest, access, likeness }) = listing.files.get(&file.name) else {
        return Ok(ours(part, &file.name));
    };
    if *digest != file.digest && *likeness != Likeness::Identical {
        return Ok(ours(part, &file.name));
    }
    Ok(Chosen {
        adopted: file.adopted,
        // What the vault hands out under one version never changes.
        differs: file.differs && *digest == file.digest,
        digest: digest.clone(),
        write: (!access).then_some(Source::AsItIs),
        ..ours(part, &file.name)
    })
}

/// A file that is not in the ledger, but holds what is wanted. One with the right key and other
/// certificates stays until the next version.
fn adopt(
    listing: &Listing,
    wanted: &Request<'_>,
    part: &RequestedPart,
    ledger: &Ledger,
) -> Option<Chosen> {
    let linked = match listing.links.get(&part.link) {
        Some(LinkState::Leads(to)) => to.to_str(),
        _ => None,
    };
    let candidates = listing.files.iter().filter_map(|(name, state)| match state {
        FileState::File { digest, access, likeness }
            if *likeness != Likeness::Different
                && part.part.is_file(name, wanted.id, wanted.version) =>
        {
            Some((name, digest, *access, *likeness))
        }
        _ => None,
    });
    let (name, digest, access, likeness) = candidates
        .max_by_key(|(name, _, _, likeness)| (linked == Some(name), rank(*likeness), *name))?;
    Some(Chosen {
        digest: digest.clone(),
        // Without a ledger nobody can say who wrote it. With one, a byte for byte equal file is
        // what a pass wrote that was interrupted before the ledger was.
        adopted: ledger.active.is_none() || likeness != Likeness::Identical,
        differs: likeness == Likeness::SameKey,
        write: (!access).then_some(Source::AsItIs),
        ..ours(part, name)
    })
}

fn rank(likeness: Likeness) -> u8 {
    match likeness {
        Likeness::Different => 0,
        Likeness::SameKey => 1,
        Likeness::Same => 2,
        Likeness::Identical => 3,
    }
}

fn ours(part: &RequestedPart, name: &str) -> Chosen {
    Chosen {
        part: part.part,
        name: name.into(),
        digest: part.digest.clone(),
        adopted: false,
        differs: false,
        write: Some(Source::Ours),
    }
}

pub(super) fn refuse_directory(listing: &Listing, name: &str) -> Result<(), Obstacle> {
    match listing.files.get(name) {
        Some(FileState::Directory) => Err(Obstacle::Taken { name: name.into(), by: "a directory" }),
        _ => Ok(()),
    }
}
