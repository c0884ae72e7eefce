//! Owner, mode and access-control list of an output's files.

use serde_json::Value;

use super::form::Form;
use crate::acl::Acl;
use crate::acl::{read_account, read_acls};
use crate::field::Field;
use crate::nested::Nested;
use crate::remark::Remarks;

/// Permission for everyone to read.
const OTHERS_READ: u32 = 0o004;
/// Permission for everyone to write.
const OTHERS_WRITE: u32 = 0o002;

/// Permission for anyone to run it.
const EXECUTE: u32 = 0o111;

/// Who may read a file of an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileAccess {
    /// The name or number of the owning user; root, or whoever the worker runs as, without one.
    pub owner: Option<String>,
    /// The name or number of the owning group; root's without one.
    pub group: Option<String>,
    /// The nine permission bits, none of them for running it. Not readable by everyone where the
    /// file holds a secret.
    pub mode: u32,
    /// Who else may read it, without repetitions; empty where `aclEnabled` is false.
    pub acls: Vec<Acl>,
}

impl Default for FileAccess {
    fn default() -> Self {
        Self { owner: None, group: None, mode: 0o600, acls: Vec::new() }
    }
}

impl FileAccess {
    /// Reads `owner`, `group`, `mode` and `acls`; what is not given is as in `otherwise`. `None`
    /// comes with a problem.
    pub(super) fn read(keys: &mut Nested, otherwise: &Self, remarks: &mut Remarks) -> Option<Self> {
        let mut account = |key: &str, otherwise: &Option<String>| match keys.take(key) {
            Some(field) => {
                read_account(&field, remarks).map(|name| name.or_else(|| otherwise.clone()))
            }
            None => Some(otherwise.clone()),
        };
        let (owner, group) =
            (account("owner", &otherwise.owner), account("group", &otherwise.group));
        let mode = match keys.take("mode") {
            Some(field) => read_mode(&field, remarks),
            None => Some(otherwise.mode),
        };
        let acls = keys.take("acls").map(|field| read_acls(field, remarks));
        let acls = acls.unwrap_or_else(|| otherwise.acls.clone());
        Some(Self { owner: owner?, group: group?, mode: mode?, acls })
    }

    /// Refuses a mode that opens what the form holds to everyone, or makes a program of it. `own`
    /// says whether the mode is written in the object at `path`.
    pub(super) fn check(
        &self,
        form: &Form,
        path: &str,
        own: bool,
        remarks: &mut Remarks,
    ) -> Option<()> {
        let text = if self.mode & OTHERS_WRITE != 0 {
            "lets everyone write the file: write \"0640\" and name a group, or list readers in acls"
        } else if self.mode & EXECUTE != 0 {
            "makes the file a program, which none of these is: write \"0640\" or \"0600\""
        } else if form.holds_secret() && self.mode & OTHERS_READ != 0 {
            "lets everyone read the private key or secret in the file: write \"0640\" and name a \
             group, or list readers in acls"
        } else {
            return Some(());
        };
        let place = if own { format!("{path}.mode") } else { path.to_owned() };
        remarks.problem(place, format!("the mode {:04o} {text}", self.mode));
        None
    }
}

/// Reads a mode: octal digits in a string. A JSON number is decimal, and 640 was not meant so.
fn read_mode(field: &Field, remarks: &mut Remarks) -> Option<u32> {
    if let Value::Number(number) = &field.value {
        let text = format!(
            "must be octal digits in quotes, \"0{number}\" for example, but is the number {number}, \
             which JSON counts in tens"
        );
        remarks.problem(&field.path, text);
        return None;
    }
    let text = field.text(remarks)?;
    let digits = text.strip_prefix('0').filter(|rest| rest.len() == 3).unwrap_or(&text);
    let octal = digits.len() == 3 && digits.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    match u32::from_str_radix(digits, 8) {
        Ok(mode) if octal => Some(mode),
        _ => field.refuse("a file's mode in octal digits, such as \"0640\"", remarks),
    }
}
