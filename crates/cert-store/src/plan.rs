//! What has to be done, decided without touching anything.
//!
//! [`plan`] compares a [`Listing`] of the store with what is wanted and what the ledger says. It
//! is pure, and applied twice it is empty the second time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use object_id::ObjectId;

use crate::ledger::{Generation, Ledger, LedgerFile};
use crate::names::{self, Part};
use crate::pieces::Likeness;

/// What stands in the store under the names that matter; what is missing here is missing there.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Listing {
    pub(crate) links: BTreeMap<String, LinkState>,
    pub(crate) files: BTreeMap<String, FileState>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum LinkState {
    /// A link, and where it leads.
    Leads(PathBuf),
    /// Something that is no link, and what it is.
    Taken(&'static str),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FileState {
    /// A regular file.
    File { digest: String, access: bool, likeness: Likeness },
    /// A link or the like: never read, but it may be replaced.
    Irregular,
    /// A directory.
    Directory,
}

/// What is to stand there.
pub(crate) struct Request<'a> {
    pub(crate) id: &'a ObjectId,
    pub(crate) version: &'a str,
    /// Of the combined text.
    pub(crate) digest: &'a str,
    pub(crate) parts: Vec<RequestedPart>,
    /// The metadata file, if there is to be one.
    pub(crate) metadata: Option<String>,
}

pub(crate) struct RequestedPart {
    pub(crate) part: Part,
    pub(crate) link: String,
    /// The name of the file, if a new one has to be made.
    pub(crate) new_name: String,
    pub(crate) digest: String,
}

/// What to do: first half, second half, and what the second half leaves behind.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Plan {
    pub(crate) prepare: Vec<Step>,
    pub(crate) switch: Vec<Step>,
    /// The files that no longer belong to the active generation after the switch.
    pub(crate) retire: Vec<String>,
    /// The file of each part.
    pub(crate) chosen: Vec<Chosen>,
    /// Whether the metadata file stays as it is.
    pub(crate) metadata_stays: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// Write a part's bytes, or (`keep`) the bytes that stand there with the access they need.
    Write { part: Part, name: String, keep: bool },
    /// Take the metadata file away: while there is none, the links of the split layout move.
    Withdraw { name: String },
    /// Let a link lead to a file.
    Link { link: String, to: String },
    /// Write the metadata file.
    Describe { name: String },
}

/// The file that a part is in.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Chosen {
    pub(crate) part: Part,
    pub(crate) name: String,
    pub(crate) digest: String,
    pub(crate) adopted: bool,
    /// It holds the right key, but not exactly our certificates.
    pub(crate) differs: bool,
    write: Option<Source>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Source {
    Ours,
    AsItIs,
}

/// Something foreign stands in the way.
#[derive(Debug, PartialEq)]
pub(crate) struct Obstacle {
    pub(crate) name: String,
    pub(crate) by: &'static str,
}

impl Plan {
    pub(crate) fn is_empty(&self) -> bool {
        self.prepare.is_empty() && self.switch.is_empty()
    }

    /// Whether everything was found in place.
    pub(crate) fn adopts_all(&self) -> bool {
        self.chosen.iter().all(|chosen| chosen.write != Some(Source::Ours))
    }

    pub(crate) fn file(&self, part: Part) -> Option<&Chosen> {
        self.chosen.iter().find(|chosen| chosen.part == part)
    }
}

/// Decides.
pub(crate) fn plan(
    listing: &Listing,
    wanted: &Request<'_>,
    ledger: &Ledger,
) -> Result<Plan, Obstacle> {
    let mut plan = Plan::default();
    let mut links = Vec::new();
    let mut split_changes = false;
    for part in &wanted.parts {
        let chosen = choose(listing, wanted, part, ledger)?;
        let leads = leads(listing, &part.link)? == Some(Path::new(&chosen.name));
        split_changes |= part.part != Part::Combined && (!leads || chosen.write.is_some());
        if let Some(source) = chosen.write {
            let keep = source == Source::AsItIs;
            let write = Step::Write { part: part.part, name: chosen.name.clone(), keep };
            // A file that applications see already is changed with the links, not before.
            if leads { &mut plan.switch } else { &mut plan.prepare }.push(write);
        }
        if !leads {
            links.push(Step::Link { link: part.link.clone(), to: chosen.name.clone() });
        }
        plan.chosen.push(chosen);
    }
    let describe = describe(listing, wanted, ledger, split_changes)?;
    plan.metadata_stays = describe.is_none();
    if let (Some(name), true) = (&describe, split_changes)
        && listing.files.contains_key(name)
    {
        plan.switch.push(Step::Withdraw { name: name.clone() });
    }
    plan.switch.append(&mut links);
    plan.switch.extend(describe.map(|name| Step::Describe { name }));
    plan.retire = superseded(&plan.chosen, ledger);
    Ok(plan)
}

fn leads<'l>(listing: &'l Listing, link: &str) -> Result<Option<&'l Path>, Obstacle> {
    match listing.links.get(link) {
        None => Ok(None),
        Some(LinkState::Leads(to)) => Ok(Some(to)),
        Some(LinkState::Taken(by)) => Err(Obstacle { name: link.into(), by }),
    }
}

fn choose(
    listing: &Listing,
    wanted: &Request<'_>,
    part: &RequestedPart,
    ledger: &Ledger,
) -> Result<Chosen, Obstacle> {
    let known = ledger.files.iter().rev().find(|file| {
        file.version == wanted.version && part.part.is_file(&file.name, wanted.id, wanted.version)
    });
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

fn refuse_directory(listing: &Listing, name: &str) -> Result<(), Obstacle> {
    match listing.files.get(name) {
        Some(FileState::Directory) => Err(Obstacle { name: name.into(), by: "a directory" }),
        _ => Ok(()),
    }
}

/// The metadata file's name, if it has to be written.
fn describe(
    listing: &Listing,
    wanted: &Request<'_>,
    ledger: &Ledger,
    split_changes: bool,
) -> Result<Option<String>, Obstacle> {
    let Some(name) = &wanted.metadata else { return Ok(None) };
    refuse_directory(listing, name)?;
    let expected = ledger.file(name).filter(|file| file.version == wanted.version);
    let stays = match (listing.files.get(name), expected) {
        (Some(FileState::File { digest, access: true, .. }), Some(file)) => *digest == file.digest,
        _ => false,
    };
    Ok((split_changes || !stays).then(|| name.clone()))
}

fn superseded(chosen: &[Chosen], ledger: &Ledger) -> Vec<String> {
    let files = ledger.files.iter().filter(|file| {
        file.superseded.is_none()
            && !names::is_metadata(&file.name)
            && chosen.iter().all(|chosen| chosen.name != file.name)
    });
    files.map(|file| file.name.clone()).collect()
}

/// The ledger after `plan` was applied at `now`. `metadata` is the entry of a metadata file that
/// was written.
pub(crate) fn next_ledger(
    plan: &Plan,
    wanted: &Request<'_>,
    ledger: &Ledger,
    metadata: Option<LedgerFile>,
    now: SystemTime,
) -> Ledger {
    let same = ledger.active.as_ref().filter(|active| active.version == wanted.version);
    let ours = plan.chosen.iter().any(|chosen| chosen.write == Some(Source::Ours));
    let generation =
        || Generation { version: wanted.version.into(), digest: wanted.digest.to_owned() };
    let mut files: Vec<LedgerFile> = plan
        .chosen
        .iter()
        .map(|chosen| LedgerFile {
            name: chosen.name.clone(),
            version: wanted.version.into(),
            digest: chosen.digest.clone(),
            superseded: None,
            adopted: chosen.adopted,
        })
        .collect();
    if plan.metadata_stays {
        let kept = wanted.metadata.as_ref().and_then(|name| ledger.file(name));
        files.extend(kept.cloned());
    }
    files.extend(metadata);
    let chosen = files.len();
    for file in ledger.files.iter().filter(|file| !names::is_metadata(&file.name)) {
        if files[..chosen].iter().all(|now| now.name != file.name) {
            let superseded = file.superseded.or(Some(now));
            files.push(LedgerFile { superseded, ..file.clone() });
        }
    }
    Ledger {
        active: Some(same.filter(|_| !ours).cloned().unwrap_or_else(generation)),
        previous: if same.is_some() { ledger.previous.clone() } else { ledger.active.clone() },
        files,
        directories: ledger.directories.clone(),
    }
}
