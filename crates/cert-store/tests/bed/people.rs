//! Users and groups for tests, and what they may read.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use atomic_file::Directory;
use cert_store::{Accounts, DirectoryStore, Grant, Layout};

use crate::bed::{Bed, mode};

pub(crate) const ALICE: u32 = 61_001;
pub(crate) const BOB: u32 = 61_002;
pub(crate) const WWW: u32 = 61_003;
pub(crate) const STRANGER: u32 = 61_004;

/// People who exist only here.
#[derive(Clone, Default)]
pub(crate) struct People(Arc<Mutex<BTreeMap<String, u32>>>);

impl People {
    pub(crate) fn new() -> Self {
        let people = People::default();
        people.arrive("alice", ALICE);
        people.arrive("www", WWW);
        people
    }

    pub(crate) fn leave(&self, name: &str) {
        self.0.lock().unwrap().remove(name);
    }

    pub(crate) fn arrive(&self, name: &str, id: u32) {
        self.0.lock().unwrap().insert(name.into(), id);
    }
}

impl Accounts for People {
    fn user(&self, name: &str) -> Option<u32> {
        self.0.lock().unwrap().get(name).copied()
    }

    fn group(&self, name: &str) -> Option<u32> {
        self.user(name)
    }

    fn groups_of(&self, user: u32) -> Vec<u32> {
        if user == BOB { vec![BOB, WWW] } else { vec![user] }
    }
}

pub(crate) fn user(name: &str) -> Grant {
    Grant { user: Some(name.into()), group: None }
}

pub(crate) fn group(name: &str) -> Grant {
    Grant { user: None, group: Some(name.into()) }
}

/// A store that everyone can reach, with these grants.
pub(crate) fn reachable(layouts: &[Layout], grants: &[Grant]) -> (Bed, People) {
    let mut bed = Bed::new(layouts);
    let people = People::new();
    bed.store = DirectoryStore::new().with_accounts(people.clone());
    bed.target.grants = grants.to_vec();
    fs::set_permissions(bed.folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    (bed, people)
}

/// The list as `getfacl -n` prints it, from the attribute's bytes.
pub(crate) fn list(path: &Path) -> String {
    let directory = Directory::open(path.parent().unwrap()).unwrap();
    let name = path.file_name().unwrap();
    let acl = if path.is_dir() {
        Directory::open(path).unwrap().acl().unwrap()
    } else {
        directory.examine(name, 1 << 20).unwrap().unwrap().acl
    };
    let Some(acl) = acl else { return format!("{:o}", mode(path)) };
    let entries = acl[4..].chunks(8).map(|entry| {
        let id = u32::from_le_bytes(entry[4..].try_into().unwrap());
        let who = match entry[0] {
            1 => "u:".to_owned(),
            2 => format!("u:{id}"),
            4 => "g:".to_owned(),
            8 => format!("g:{id}"),
            16 => "m:".to_owned(),
            _ => "o:".to_owned(),
        };
        format!("{who}:{}", entry[2])
    });
    entries.collect::<Vec<_>>().join(" ")
}

/// Whether somebody can really read a file. Only root can become somebody else; for others the
/// lists, which are compared too, have to do.
pub(crate) fn check_readable(path: &Path, id: u32, group: u32, expected: bool) {
    if rustix::process::geteuid().is_root() {
        let mut cat = Command::new("cat");
        let output = cat.arg(path).uid(id).gid(group).output().unwrap();
        assert_eq!(output.status.success(), expected, "{id}:{group} {path:?}: {output:?}");
    }
}
