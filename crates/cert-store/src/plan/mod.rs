//! What has to be done, decided without touching anything.
//!
//! [`plan`] compares a [`Listing`] of the store with what is wanted and what the ledger says. It
//! is pure, and applied twice it is empty the second time.

mod aftermath;
mod choose;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use object_id::ObjectId;

use self::aftermath::superseded;
use self::choose::{choose, refuse_directory};
use crate::ledger::Ledger;
use crate::names::Part;
use crate::pieces::Likeness;

pub(crate) use aftermath::{announced, next_ledger};

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

/// Why there is no plan.
#[derive(Debug, PartialEq)]
pub(crate) enum Obstacle {
    /// Something foreign stands in the way.
    Taken { name: String, by: &'static str },
    /// A link has its own file's name, and would replace the file by a circle.
    Circle { link: String },
}

impl Plan {
    pub(crate) fn is_empty(&self) -> bool {
        self.prepare.is_empty() && self.switch.is_empty()
    }

    /// Whether everything was found in place: whoever opens a link finds what was there before.
    pub(crate) fn adopts_all(&self) -> bool {
        let moves = self.switch.iter().any(|step| matches!(step, Step::Link { .. }));
        !moves && self.chosen.iter().all(|chosen| chosen.write != Some(Source::Ours))
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
        refuse_circle(wanted, &chosen)?;
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

fn refuse_circle(wanted: &Request<'_>, chosen: &Chosen) -> Result<(), Obstacle> {
    let mut links = wanted.parts.iter().map(|part| &part.link).chain(&wanted.metadata);
    match links.find(|link| **link == chosen.name) {
        Some(link) => Err(Obstacle::Circle { link: link.clone() }),
        None => Ok(()),
    }
}

fn leads<'l>(listing: &'l Listing, link: &str) -> Result<Option<&'l Path>, Obstacle> {
    match listing.links.get(link) {
        None => Ok(None),
        Some(LinkState::Leads(to)) => Ok(Some(to)),
        Some(LinkState::Taken(by)) => Err(Obstacle::Taken { name: link.into(), by }),
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

#[cfg(test)]
mod tests;
