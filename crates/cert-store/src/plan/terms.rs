//! What a plan is made from, and of what.

use std::collections::BTreeMap;
use std::path::PathBuf;

use object_id::ObjectId;

use crate::names::Part;
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
    pub(super) write: Option<Source>,
}

/// Where the bytes of a file that is written come from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Source {
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
