//! What has to be done, decided without touching anything.
//!
//! [`plan`] compares a [`Listing`] of the store with what is wanted and what the ledger says. It
//! is pure, and applied twice it is empty the second time.

mod aftermath;
mod choose;
mod terms;

use std::path::Path;

use self::aftermath::superseded;
use self::choose::{choose, refuse_directory};
use self::terms::Source;
use crate::ledger::Ledger;
use crate::names::Part;

pub(crate) use aftermath::{announced, next_ledger};
pub(crate) use terms::{
    Chosen, FileState, LinkState, Listing, Obstacle, Plan, Request, RequestedPart, Step,
};

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
