//! What an operator asks of the worker beside a look: the command leaves a request, wakes the
//! worker, and finds the answer beside it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Directories, Lease, ProcessIdentity, StateError, document};

/// A request, as a command leaves it. One process leaves one at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OperatorRequest {
    /// The process that asks: it names the request.
    pub pid: u32,
    /// The same, so that it is not mistaken for a later one; nothing where that cannot be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asker: Option<ProcessIdentity>,
    /// The certificate's link: its name, or its path.
    pub certificate: String,
    /// What is to be done with it.
    pub wish: Wish,
}

/// What an operator wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Wish {
    /// The version before the installed one takes its place, until somebody says otherwise.
    RollBack,
    /// A version that is held may be installed again.
    Release,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OperatorAnswer {
    /// Whether it was done.
    pub done: bool,
    /// What was done, or why not, in words for a person.
    pub text: String,
}

impl OperatorRequest {
    /// Leaves the request where the worker looks at its next pass.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn leave(&self, directories: &Directories) -> Result<(), StateError> {
        withdraw(directories, self.pid)?;
        document::replace(&request_path(directories, self.pid), self)
    }

    /// What this process asks.
    pub fn of_this_process(certificate: String, wish: Wish) -> Self {
        let asker = ProcessIdentity::current();
        Self { pid: std::process::id(), asker, certificate, wish }
    }

    /// Whether whoever asked still waits. What a killed command has left must not be done days
    /// later, to everybody's surprise.
    fn is_awaited(&self) -> bool {
        self.asker.as_ref().is_none_or(|asker| asker.is_alive() || asker.is_hidden())
    }

    /// Takes all requests that wait; those whose asker is gone are taken away unfulfilled, and
    /// damaged ones too, which are returned as problems.
    ///
    /// # Errors
    /// Where the directory cannot be listed.
    pub fn take_all(
        directories: &Directories,
        _lease: &Lease,
    ) -> Result<(Vec<Self>, Vec<StateError>), StateError> {
        let folder = directories.requests_path();
        let (mut requests, mut damaged) = (Vec::new(), Vec::new());
        let entries = match std::fs::read_dir(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok((requests, damaged));
            }
            entries => entries.map_err(|error| StateError::read(&folder, error))?,
        };
        for entry in entries {
            let path = entry.map_err(|error| StateError::read(&folder, error))?.path();
            if path.extension().is_none_or(|extension| extension != "request") {
                continue;
            }
            let read = document::read::<Self>(&path);
            match (read, std::fs::remove_file(&path)) {
                (_, Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {}
                // One that would come back each time is not done at all.
                (_, Err(error)) => damaged.push(StateError::write(&path, error)),
                (Ok(Some(request)), _) if request.is_awaited() => requests.push(request),
                (Ok(_), _) => {}
                (Err(error), _) => damaged.push(error),
            }
        }
        Ok((requests, damaged))
    }

    /// Tells the asking process what became of its request.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn answer(
        &self,
        directories: &Directories,
        answer: &OperatorAnswer,
        _lease: &Lease,
    ) -> Result<(), StateError> {
        document::replace(&answer_path(directories, self.pid), answer)
    }
}

impl OperatorAnswer {
    /// Takes the answer to the request of this process, if there is one.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn take(directories: &Directories, pid: u32) -> Result<Option<Self>, StateError> {
        let answer = document::read(&answer_path(directories, pid));
        withdraw(directories, pid)?;
        answer
    }
}

/// Removes what this process asked, and the answer to it.
fn withdraw(directories: &Directories, pid: u32) -> Result<(), StateError> {
    for path in [request_path(directories, pid), answer_path(directories, pid)] {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(StateError::write(&path, error));
            }
            _ => {}
        }
    }
    Ok(())
}

fn request_path(directories: &Directories, pid: u32) -> PathBuf {
    directories.requests_path().join(format!("{pid}.request"))
}

fn answer_path(directories: &Directories, pid: u32) -> PathBuf {
    directories.requests_path().join(format!("{pid}.answer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_taken_once_and_its_answer_too() {
        let folder = tempfile::tempdir().unwrap();
        let directories = Directories::below(folder.path());
        directories.create().unwrap();
        let lease = Lease::acquire(&directories).unwrap();
        let request = OperatorRequest::of_this_process("web".into(), Wish::RollBack);
        request.leave(&directories).unwrap();
        let (taken, damaged) = OperatorRequest::take_all(&directories, &lease).unwrap();
        assert_eq!((taken, damaged.len()), (vec![request.clone()], 0));
        assert!(OperatorRequest::take_all(&directories, &lease).unwrap().0.is_empty());
        let answer = OperatorAnswer { done: true, text: "back to v1".into() };
        request.answer(&directories, &answer, &lease).unwrap();
        assert_eq!(OperatorAnswer::take(&directories, request.pid).unwrap(), Some(answer));
        assert_eq!(OperatorAnswer::take(&directories, request.pid).unwrap(), None);
    }

    #[test]
    fn what_a_killed_command_has_left_is_not_done() {
        let folder = tempfile::tempdir().unwrap();
        let directories = Directories::below(folder.path());
        directories.create().unwrap();
        let lease = Lease::acquire(&directories).unwrap();
        let mut request = OperatorRequest::of_this_process("web".into(), Wish::RollBack);
        // Another process had this number.
        request.asker.as_mut().unwrap().start_ticks -= 1;
        request.leave(&directories).unwrap();
        let (taken, damaged) = OperatorRequest::take_all(&directories, &lease).unwrap();
        assert!(taken.is_empty() && damaged.is_empty());
        assert!(!request_path(&directories, request.pid).exists());
    }

    #[test]
    fn a_damaged_request_is_named_and_does_not_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let directories = Directories::below(folder.path());
        directories.create().unwrap();
        let lease = Lease::acquire(&directories).unwrap();
        #[expect(clippy::disallowed_methods, reason = "a test writes a damaged file")]
        std::fs::write(directories.requests_path().join("9.request"), "{").unwrap();
        let (taken, damaged) = OperatorRequest::take_all(&directories, &lease).unwrap();
        assert!(taken.is_empty() && damaged[0].to_string().contains("9.request"));
        assert!(OperatorRequest::take_all(&directories, &lease).unwrap().1.is_empty());
    }

    #[test]
    fn what_cannot_be_taken_away_is_named_and_holds_up_no_other_request() {
        let folder = tempfile::tempdir().unwrap();
        let directories = Directories::below(folder.path());
        directories.create().unwrap();
        let lease = Lease::acquire(&directories).unwrap();
        std::fs::create_dir(directories.requests_path().join("1.request")).unwrap();
        let request = OperatorRequest::of_this_process("web".into(), Wish::Release);
        request.leave(&directories).unwrap();
        let (taken, damaged) = OperatorRequest::take_all(&directories, &lease).unwrap();
        assert_eq!(taken, [request]);
        assert!(damaged[0].to_string().contains("1.request: cannot be written"), "{damaged:?}");
    }
}
