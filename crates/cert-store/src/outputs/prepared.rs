//! Outputs between the two halves.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use atomic_file::{Directory, FileError, FileOptions, Opening, Staged};
use zeroize::Zeroizing;

use super::ledger::OutputLedger;
use crate::access::Access;
use crate::error::StoreError;

/// Outputs that are ready to be switched. What is dropped instead leaves no temporary file, but
/// [`discard`](Self::discard) tidies up more.
pub struct PreparedOutputs {
    opening: Opening,
    pub(super) ledger: OutputLedger,
    pub(super) warnings: Vec<String>,
    /// All files with their bytes, also those that stand there already.
    pub(super) items: Vec<Item>,
    /// Directories that were made, each with the one that it stands in.
    pub(super) made: Vec<(Directory, String)>,
    /// What is to be put in its place, in this order.
    steps: Vec<Staged>,
    /// Where the steps happen, each once.
    touched: Vec<Directory>,
}

/// One file.
pub(super) struct Item {
    /// The output's path.
    pub(super) path: PathBuf,
    /// The file's name, where the output is a directory.
    pub(super) inner: Option<String>,
    pub(super) bytes: Zeroizing<Vec<u8>>,
}

impl PreparedOutputs {
    pub(super) fn new(opening: Opening) -> Self {
        PreparedOutputs {
            opening,
            ledger: OutputLedger::default(),
            warnings: Vec::new(),
            items: Vec::new(),
            made: Vec::new(),
            steps: Vec::new(),
            touched: Vec::new(),
        }
    }

    pub(super) fn stage(
        &mut self,
        directory: &Directory,
        name: &str,
        access: &Access,
        bytes: &[u8],
    ) -> Result<(), FileError> {
        self.steps.push(directory.stage(name, &access.options(), bytes)?);
        self.touch(directory);
        Ok(())
    }

    pub(super) fn stage_link(
        &mut self,
        directory: &Directory,
        name: &str,
        to: &str,
    ) -> Result<(), FileError> {
        self.steps.push(directory.stage_link(name, to)?);
        self.touch(directory);
        Ok(())
    }

    fn touch(&mut self, directory: &Directory) {
        if !self.touched.iter().any(|known| known.path() == directory.path()) {
            self.touched.push(directory.clone());
        }
    }

    /// The ledger from the switch on; to be kept durably before it.
    #[must_use]
    pub fn ledger(&self) -> &OutputLedger {
        &self.ledger
    }

    /// Whether the switch has nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// What [`OutputStore::warnings`](super::OutputStore::warnings) says.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Writes all files, 0600, below a directory that exists and is the caller's alone, for
    /// whoever looks at them before the switch. Returns a name for each output and each file of a
    /// directory, in capitals, digits and underscores, and the path of its copy. None is called
    /// `DIR` or `STORE`: these are the caller's.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write_candidates(&self, directory: &Path) -> Result<Vec<(String, PathBuf)>, StoreError> {
        let root = self.opening.open(directory)?;
        let mut names = Names::new();
        let mut written: Vec<(String, PathBuf)> = Vec::new();
        let mut last: Option<(&Path, Directory, String)> = None;
        for item in &self.items {
            let name = item.path.file_name().unwrap_or_default().to_string_lossy();
            let Some(inner) = &item.inner else {
                let file = names.file(&name);
                root.replace(&file, &FileOptions::mode(0o600), &item.bytes)?;
                written.push((names.variable(&name), directory.join(file)));
                continue;
            };
            if last.as_ref().is_none_or(|(path, ..)| *path != item.path) {
                let folder = names.file(&name);
                let (made, variable) = (root.make(&folder, 0o700)?, names.variable(&name));
                written.push((variable.clone(), directory.join(folder)));
                last = Some((&item.path, made, variable));
            }
            if let Some((_, folder, variable)) = &last {
                folder.replace(inner, &FileOptions::mode(0o600), &item.bytes)?;
                let variable = names.variable(&format!("{variable}_{inner}"));
                written.push((variable, folder.path().join(inner)));
            }
        }
        Ok(written)
    }

    /// Puts everything in its place, one rename right after the other.
    ///
    /// # Errors
    /// When the disk refuses: each output is old or new then, and the next preparation of the same
    /// version finishes it.
    pub fn switch(self) -> Result<(), StoreError> {
        for step in self.steps {
            step.place()?;
        }
        for directory in &self.touched {
            directory.sync()?;
        }
        Ok(())
    }

    /// Removes what was prepared. Kept bytes stay until the next sweep.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn discard(self) -> Result<(), StoreError> {
        let Self { steps, made, .. } = self;
        drop(steps);
        let removed: Result<Vec<bool>, FileError> =
            made.iter().map(|(parent, name)| parent.remove_directory(name)).collect();
        removed?;
        Ok(())
    }
}

/// Names that were given, so that each is given once.
struct Names(BTreeSet<String>);

/// Variables that the caller has: of the directory, and of the new file in the store.
const TAKEN: [&str; 2] = ["$DIR", "$STORE"];

impl Names {
    fn new() -> Self {
        Self(TAKEN.map(str::to_owned).into())
    }

    fn file(&mut self, name: &str) -> String {
        self.unique(name.to_owned())
    }

    fn variable(&mut self, name: &str) -> String {
        let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        // A file may be called like a variable.
        self.unique(format!("${}", name.chars().map(letter).collect::<String>()))[1..].to_owned()
    }

    fn unique(&mut self, name: String) -> String {
        let numbered = (2..).map(|number| format!("{name}_{number}"));
        let mut all = std::iter::once(name.clone()).chain(numbered);
        let free = all.find(|name| !self.0.contains(name)).unwrap_or(name);
        self.0.insert(free.clone());
        free
    }
}

impl fmt::Debug for PreparedOutputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedOutputs")
            .field("ledger", &self.ledger)
            .field("steps", &self.steps)
            .finish_non_exhaustive()
    }
}
