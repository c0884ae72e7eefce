use std::time::{Duration, SystemTime};

use object_id::{ObjectId, VaultSuffixes};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::ledger::{Generation, LedgerFile};
use crate::pieces::Likeness;

const ONE: &str = "11111111111111111111111111111111";
const TWO: &str = "22222222222222222222222222222222";
const METADATA: &str = "web.luma";

fn id() -> ObjectId {
    let url = "https://contoso.vault.azure.net/secrets/web";
    ObjectId::parse(url, &VaultSuffixes::known()).unwrap()
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
}

fn request<'a>(id: &'a ObjectId, version: &'a str, parts: &[Part]) -> Request<'a> {
    let requested = |&part: &Part| RequestedPart {
        part,
        link: part.link("web"),
        new_name: part.file(id, version, at(0)),
        digest: format!("{part:?} of {version}"),
    };
    Request {
        id,
        version,
        digest: version,
        parts: parts.iter().map(requested).collect(),
        metadata: parts.contains(&Part::Key).then(|| METADATA.to_owned()),
    }
}

/// What the store looks like after the plan.
fn carried_out(listing: &Listing, wanted: &Request<'_>, plan: &Plan) -> Listing {
    let mut after = listing.clone();
    for step in plan.prepare.iter().chain(&plan.switch).cloned() {
        match step {
            Step::Write { name, keep: true, .. } => {
                let Some(FileState::File { access, .. }) = after.files.get_mut(&name) else {
                    panic!("{name} cannot be kept: it is not there");
                };
                *access = true;
            }
            Step::Write { part, name, keep: false } => {
                let requested = wanted.parts.iter().find(|r| r.part == part).unwrap();
                let digest = requested.digest.clone();
                let likeness = Likeness::Identical;
                after.files.insert(name, FileState::File { digest, access: true, likeness });
            }
            Step::Withdraw { name } => assert!(after.files.remove(&name).is_some()),
            Step::Link { link, to } => {
                assert!(after.files.contains_key(&to), "{link} would lead nowhere");
                after.links.insert(link, LinkState::Leads(to.into()));
            }
            Step::Describe { name } => {
                let (digest, likeness) = ("metadata".into(), Likeness::Different);
                after.files.insert(name, FileState::File { digest, access: true, likeness });
            }
        }
    }
    after
}

fn described(wanted: &Request<'_>, plan: &Plan) -> Option<LedgerFile> {
    let name = wanted.metadata.clone().filter(|_| !plan.metadata_stays)?;
    Some(file(&name, wanted.version, "metadata", None))
}

fn file(name: &str, version: &str, digest: &str, superseded: Option<SystemTime>) -> LedgerFile {
    let (name, version, digest) = (name.into(), version.into(), digest.into());
    LedgerFile {
        name,
        version,
        digest,
        superseded,
        adopted: false,
        differs: false,
        prepared: false,
    }
}

fn combined(version: &str) -> String {
    Part::Combined.file(&id(), version, at(0))
}

#[test]
fn a_new_version_is_written_before_the_link_moves() {
    let id = id();
    let one = request(&id, ONE, &[Part::Combined]);
    let first = plan(&Listing::default(), &one, &Ledger::default()).unwrap();
    let write = Step::Write { part: Part::Combined, name: combined(ONE), keep: false };
    let link = |version| Step::Link { link: "web".into(), to: combined(version) };
    assert_eq!(
        (first.prepare.as_slice(), first.switch.as_slice()),
        (&[write][..], &[link(ONE)][..])
    );
    let listing = carried_out(&Listing::default(), &one, &first);
    let ledger = next_ledger(&first, &one, &Ledger::default(), None, at(0));
    let two = request(&id, TWO, &[Part::Combined]);
    let second = plan(&listing, &two, &ledger).unwrap();
    assert_eq!(second.switch, [link(TWO)]);
    assert_eq!(second.retire, [combined(ONE)]);
    let ledger = next_ledger(&second, &two, &ledger, None, at(60));
    assert_eq!(ledger.previous.as_ref().unwrap().version, ONE);
    assert_eq!(ledger.file(&combined(ONE)).unwrap().superseded, Some(at(60)));
    assert_eq!(ledger.active_files().count(), 1);
}

#[test]
fn the_metadata_file_goes_before_the_split_links_move_and_comes_last() {
    let id = id();
    let parts = [Part::Chain, Part::Key];
    let one = request(&id, ONE, &parts);
    let first = plan(&Listing::default(), &one, &Ledger::default()).unwrap();
    let listing = carried_out(&Listing::default(), &one, &first);
    let metadata = described(&one, &first);
    let ledger = next_ledger(&first, &one, &Ledger::default(), metadata, at(0));
    let second = plan(&listing, &request(&id, TWO, &parts), &ledger).unwrap();
    let name = || METADATA.to_owned();
    assert_eq!(second.switch.first(), Some(&Step::Withdraw { name: name() }));
    assert_eq!(second.switch.last(), Some(&Step::Describe { name: name() }));
    assert_eq!(second.switch.len(), 4);
}

#[test]
fn a_file_that_applications_see_is_changed_with_the_links() {
    let id = id();
    let wanted = request(&id, ONE, &[Part::Combined]);
    let mut listing = Listing::default();
    listing.links.insert("web".into(), LinkState::Leads(combined(ONE).into()));
    let foreign =
        FileState::File { digest: "?".into(), access: true, likeness: Likeness::Different };
    listing.files.insert(combined(ONE), foreign);
    let plan = plan(&listing, &wanted, &Ledger::default()).unwrap();
    assert!(plan.prepare.is_empty());
    assert!(matches!(&plan.switch[..], [Step::Write { keep: false, .. }]));
}

#[test]
fn what_cannot_be_replaced_is_an_obstacle() {
    let id = id();
    let wanted = request(&id, ONE, &[Part::Combined]);
    let mut link = Listing::default();
    link.links.insert("web".into(), LinkState::Taken("a regular file"));
    let mut folder = Listing::default();
    folder.files.insert(combined(ONE), FileState::Directory);
    for listing in [link, folder] {
        let obstacle = plan(&listing, &wanted, &Ledger::default()).unwrap_err();
        assert!(matches!(obstacle, Obstacle::Taken { .. }));
    }
    let mut circle = request(&id, ONE, &[Part::Combined]);
    circle.parts[0].link = combined(ONE);
    let obstacle = plan(&Listing::default(), &circle, &Ledger::default()).unwrap_err();
    assert_eq!(obstacle, Obstacle::Circle { link: combined(ONE) });
}

fn any_version() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just(ONE), Just(TWO)]
}

fn any_file() -> impl Strategy<Value = (Part, &'static str, u64)> {
    (prop_oneof![Just(Part::Combined), Just(Part::Chain), Just(Part::Key)], any_version(), 0_u64..2)
}

fn any_state() -> impl Strategy<Value = (u8, bool)> {
    (0_u8..6, any::<bool>())
}

fn any_parts() -> impl Strategy<Value = Vec<Part>> {
    prop_oneof![
        Just(vec![Part::Combined]),
        Just(vec![Part::Chain, Part::Key]),
        Just(vec![Part::Combined, Part::Chain, Part::Key]),
    ]
}

fn name((part, version, time): (Part, &str, u64)) -> String {
    part.file(&id(), version, at(time))
}

fn state(wanted: &Request<'_>, of: (Part, &str, u64), (kind, access): (u8, bool)) -> FileState {
    let requested = wanted.parts.iter().find(|requested| requested.part == of.0);
    let other = |likeness| FileState::File { digest: format!("{likeness:?}"), access, likeness };
    match (kind, requested) {
        (0, _) => FileState::Irregular,
        (1, _) => other(Likeness::Different),
        (2, Some(_)) => other(Likeness::SameKey),
        (3, Some(_)) => other(Likeness::Same),
        (_, Some(requested)) if of.1 == wanted.version => {
            let (digest, likeness) = (requested.digest.clone(), Likeness::Identical);
            FileState::File { digest, access, likeness }
        }
        _ => other(Likeness::Different),
    }
}

proptest! {
    #[test]
    fn a_plan_applied_twice_is_empty_the_second_time(
        parts in any_parts(),
        found in vec((any_file(), any_state()), 0..8),
        links in vec((any_file(), option::of(any_file())), 0..4),
        ledger_files in vec((any_file(), 0_u8..3, any::<bool>()), 0..6),
        metadata in option::of((any::<bool>(), any_version())),
        active in option::of(any_version()),
    ) {
        let id = id();
        let wanted = request(&id, TWO, &parts);
        let mut listing = Listing::default();
        for (of, kind) in found {
            listing.files.insert(name(of), state(&wanted, of, kind));
        }
        for ((part, ..), to) in links {
            let to = to.map_or("/etc/passwd".into(), name);
            listing.links.insert(part.link("web"), LinkState::Leads(to.into()));
        }
        let mut ledger = Ledger::default();
        for (of, digest, superseded) in ledger_files {
            let digest = match (digest, listing.files.get(&name(of))) {
                (0, Some(FileState::File { digest, .. })) => digest.clone(),
                _ => "lost".into(),
            };
            if ledger.file(&name(of)).is_none() {
                ledger.files.push(file(&name(of), of.1, &digest, superseded.then(|| at(0))));
            }
        }
        if let Some((access, version)) = metadata {
            let likeness = Likeness::Different;
            let state = FileState::File { digest: "metadata".into(), access, likeness };
            listing.files.insert(METADATA.into(), state);
            ledger.files.push(file(METADATA, version, "metadata", None));
        }
        ledger.active = active.map(|v| Generation { version: v.into(), digest: v.into() });

        let first = plan(&listing, &wanted, &ledger).unwrap();
        let listing = carried_out(&listing, &wanted, &first);
        let ledger = next_ledger(&first, &wanted, &ledger, described(&wanted, &first), at(9));
        for requested in &wanted.parts {
            let chosen = first.file(requested.part).unwrap();
            prop_assert_eq!(leads(&listing, &requested.link).unwrap(), Some(Path::new(&chosen.name)));
            let whole = matches!(
                listing.files.get(&chosen.name),
                Some(FileState::File { digest, access: true, likeness })
                    if *digest == chosen.digest && (*likeness != Likeness::Different
                        || ledger.file(&chosen.name).unwrap().digest == *digest)
            );
            prop_assert!(whole, "{:?}", chosen);
        }
        let second = plan(&listing, &wanted, &ledger).unwrap();
        prop_assert!(second.is_empty(), "{:?}", second);
        prop_assert_eq!(next_ledger(&second, &wanted, &ledger, None, at(99)), ledger);
    }
}

#[test]
fn a_thousand_plans_for_what_stands_are_empty() {
    let id = id();
    let wanted = request(&id, ONE, &[Part::Combined]);
    let first = plan(&Listing::default(), &wanted, &Ledger::default()).unwrap();
    let stands = carried_out(&Listing::default(), &wanted, &first);
    let ledger = next_ledger(&first, &wanted, &Ledger::default(), None, at(0));
    for _ in 0..1000 {
        assert!(plan(&stands, &wanted, &ledger).unwrap().is_empty());
    }
}
