//! Looking at a store: what stands there, compared with the ledger or with what is wanted.

use std::path::PathBuf;
use std::time::SystemTime;

use atomic_file::{Directory, FileError, Kind};
use certified_key::Content;
use zeroize::Zeroizing;

use super::{DirectoryStore, reach, seen};
use crate::access::Access;
use crate::digest::digest;
use crate::error::StoreError;
use crate::ledger::{Generation, Ledger, LedgerFile};
use crate::names::{self, Layout, Part};
use crate::pieces::{self, Likeness, Pieces};
use crate::plan::{FileState, LinkState, Listing, Request};
use crate::private_file::examine;
use crate::read_before::ReadBefore;
use crate::store::{Drift, Standing};
use crate::target::{Target, layouts};

/// What was read before, and what time it is.
type Sight<'a> = (&'a ReadBefore, SystemTime);

pub(super) fn standing(
    store: &DirectoryStore,
    target: &Target,
    ledger: &Ledger,
    sight: Sight<'_>,
) -> Result<Standing, StoreError> {
    if !knows(ledger, target) {
        return Ok(Standing::Absent);
    }
    let Some(directory) = store.open(&target.location)? else {
        let path = target.location.directory().map(PathBuf::from).unwrap_or_default();
        return Ok(Standing::Drifted(vec![Drift::StoreMissing(path)]));
    };
    let granted = store.granted(target, ledger);
    let private = store.private(&directory, &granted)?;
    let own = store.own_directories(&target.location, ledger);
    let mut drifts = reach::drift(store, target, &own, &granted);
    for layout in layouts(target) {
        layout_drift(&directory, target, ledger, layout, (&private, sight), &mut drifts)?;
    }
    if target.layouts.contains(&Layout::Split) {
        metadata_drift(store, &directory, target, ledger, sight, &mut drifts)?;
    }
    Ok(if drifts.is_empty() { Standing::Intact } else { Standing::Drifted(drifts) })
}

/// Whether the active generation is one of this certificate's: a link that was chosen by name may
/// have been another's until now.
fn knows(ledger: &Ledger, target: &Target) -> bool {
    let parts = [Part::Combined, Part::Chain, Part::Key];
    let of_target = |version| parts.iter().any(|&p| ledger.part(p, &target.id, version).is_some());
    ledger.active.as_ref().is_some_and(|active| of_target(&active.version))
}

fn layout_drift(
    directory: &Directory,
    target: &Target,
    ledger: &Ledger,
    layout: Layout,
    (access, sight): (&Access, Sight<'_>),
    drifts: &mut Vec<Drift>,
) -> Result<(), StoreError> {
    for &part in Part::of(layout) {
        let mut active = ledger.active_files();
        let file = active.find(|file| part.is_file(&file.name, &target.id, &file.version));
        let Some(file) = file else {
            drifts.push(Drift::LayoutMissing(layout));
            return Ok(());
        };
        drifts.extend(file_drift(directory, file, access, sight)?);
        drifts.extend(link_drift(directory, &part.link(&target.link_name), &file.name)?);
    }
    Ok(())
}

fn metadata_drift(
    store: &DirectoryStore,
    directory: &Directory,
    target: &Target,
    ledger: &Ledger,
    sight: Sight<'_>,
    drifts: &mut Vec<Drift>,
) -> Result<(), StoreError> {
    let name = names::metadata(&target.link_name);
    match ledger.active_files().find(|file| file.name == name) {
        Some(file) => {
            let access = Access::public(store.owner);
            drifts.extend(file_drift(directory, file, &access, sight)?);
        }
        None => drifts.push(Drift::FileMissing(directory.path().join(name))),
    }
    Ok(())
}

fn file_drift(
    directory: &Directory,
    file: &LedgerFile,
    access: &Access,
    (read_before, now): Sight<'_>,
) -> Result<Option<Drift>, StoreError> {
    let path = || directory.path().join(&file.name);
    let Some(found) = read_before.look(directory, &file.name, now)? else {
        return Ok(Some(Drift::FileMissing(path())));
    };
    if found.digest != file.digest {
        return Ok(Some(Drift::FileChanged(path())));
    }
    let as_asked = access.is(&found.entry, found.acl.as_deref());
    Ok((!as_asked).then(|| Drift::FileAccess(path())))
}

fn link_drift(directory: &Directory, link: &str, to: &str) -> Result<Option<Drift>, StoreError> {
    let path = directory.path().join(link);
    match look_at_link(directory, link)? {
        None => Ok(Some(Drift::LinkMissing(path))),
        Some(LinkState::Leads(leads)) if leads.as_os_str() == to => Ok(None),
        Some(LinkState::Leads(to)) => Ok(Some(Drift::LinkMoved { link: path, to })),
        Some(LinkState::Taken(by)) => Err(StoreError::Taken { path, by }),
    }
}

/// Whether what is not installed yet could be: nothing foreign stands under the target's names.
pub(super) fn way_in(store: &DirectoryStore, target: &Target) -> Result<(), StoreError> {
    let Some(directory) = store.open(&target.location)? else { return Ok(()) };
    let taken = |name, by| Err(StoreError::Taken { path: directory.path().join(name), by });
    for link in target.link_names() {
        if let Some(LinkState::Taken(by)) = look_at_link(&directory, &link)? {
            return taken(link, by);
        }
    }
    let metadata = names::metadata(&target.link_name);
    match directory.look(&metadata)?.map(|entry| entry.kind) {
        Some(Kind::Directory) if target.layouts.contains(&Layout::Split) => {
            taken(metadata, "a directory")
        }
        _ => Ok(()),
    }
}

fn look_at_link(directory: &Directory, name: &str) -> Result<Option<LinkState>, FileError> {
    Ok(match directory.look(name)?.map(|entry| entry.kind) {
        None => None,
        Some(Kind::Link) => directory.read_link(name)?.map(LinkState::Leads),
        Some(Kind::File) => Some(LinkState::Taken("a regular file")),
        Some(Kind::Directory) => Some(LinkState::Taken("a directory")),
        Some(Kind::Other) => Some(LinkState::Taken("neither a file nor a link")),
    })
}

/// Everything that a plan has to know.
pub(super) fn listing(
    directory: &Directory,
    request: &Request<'_>,
    pieces: &Pieces,
    content: &Content,
    ledger: &Ledger,
    seen: &[String],
    (private, public): (&Access, &Access),
) -> Result<Listing, StoreError> {
    let mut listing = Listing::default();
    for requested in &request.parts {
        if let Some(link) = look_at_link(directory, &requested.link)? {
            listing.links.insert(requested.link.clone(), link);
        }
    }
    for (part, name) in names_that_matter(seen, request, ledger) {
        let piece = part.and_then(|part| pieces.piece(part));
        let compare = |found: &[u8]| match piece {
            Some(piece) => pieces::compare(piece.part, found, piece, content),
            None => Likeness::Different,
        };
        let access = if part.is_some() { private } else { public };
        if let Some(state) = file_state(directory, &name, access, compare)? {
            listing.files.insert(name, state);
        }
    }
    Ok(listing)
}

/// The files of the wanted version, with the part they are of, and the metadata file.
fn names_that_matter(
    seen: &[String],
    request: &Request<'_>,
    ledger: &Ledger,
) -> Vec<(Option<Part>, String)> {
    let mut names = Vec::new();
    for requested in &request.parts {
        let stem = requested.part.stem(request.id, request.version);
        let in_store = seen::beginning(seen, &stem);
        let known = ledger.files.iter().map(|file| &file.name);
        // The new one may have been written by this very pass, for another link to it.
        let candidates = in_store.chain(known).chain([&requested.new_name]);
        let matching =
            candidates.filter(|name| requested.part.is_file(name, request.id, request.version));
        names.extend(matching.map(|name| (Some(requested.part), name.clone())));
    }
    names.extend(request.metadata.clone().map(|name| (None, name)));
    names.sort();
    names.dedup();
    names
}

fn file_state(
    directory: &Directory,
    name: &str,
    access: &Access,
    compare: impl FnOnce(&[u8]) -> Likeness,
) -> Result<Option<FileState>, FileError> {
    let Some(entry) = directory.look(name)? else { return Ok(None) };
    if entry.kind == Kind::Directory {
        return Ok(Some(FileState::Directory));
    }
    let Some(found) = examine(directory, name)? else { return Ok(Some(FileState::Irregular)) };
    Ok(Some(FileState::File {
        digest: digest(&found.content),
        access: found.has(access),
        likeness: compare(&found.content),
    }))
}

/// The bytes of a file that is to be written again as it is.
pub(super) fn reread(
    directory: &Directory,
    name: &str,
    expected: &str,
) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    match examine(directory, name)? {
        Some(found) if digest(&found.content) == expected => Ok(found.content),
        _ => Err(StoreError::NotTheSame { path: directory.path().join(name) }),
    }
}

/// Whether a file stands exactly as it was written.
pub(super) fn reads_back(
    directory: &Directory,
    name: &str,
    expected: &str,
    access: &Access,
) -> Result<bool, FileError> {
    let found = examine(directory, name)?;
    Ok(found.is_some_and(|found| digest(&found.content) == expected && found.has(access)))
}

pub(super) fn recall(
    store: &DirectoryStore,
    target: &Target,
    generation: &Generation,
    ledger: &Ledger,
) -> Result<Option<Content>, StoreError> {
    let Some(directory) = store.open(&target.location)? else { return Ok(None) };
    let mut texts: Vec<Zeroizing<Vec<u8>>> = Vec::new();
    for layout in [Layout::Combined, Layout::Split] {
        texts.clear();
        for &part in Part::of(layout) {
            let file = ledger.part(part, &target.id, &generation.version);
            let Some(file) = file else { break };
            let Some(found) = examine(&directory, &file.name)? else { break };
            if digest(&found.content) == file.digest {
                texts.push(found.content);
            }
        }
        if texts.len() == Part::of(layout).len() {
            return Ok(Some(content(texts, layout)));
        }
    }
    Ok(None)
}

fn content(texts: Vec<Zeroizing<Vec<u8>>>, layout: Layout) -> Content {
    let parts: Vec<&[u8]> = texts.iter().map(|text| text.as_slice()).collect();
    match pieces::parse(&parts) {
        Some(key) => Content::Certificate(key),
        None => Content::Opaque(match layout {
            Layout::Combined => texts.into_iter().next().unwrap_or_default(),
            Layout::Split => Zeroizing::new(parts.concat()),
        }),
    }
}
