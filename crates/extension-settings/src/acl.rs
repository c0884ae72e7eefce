//! Who may read a certificate's files.

use std::collections::HashSet;

use crate::field::Field;
use crate::key::{Level, known_at};
use crate::places::may_hold_keys;
use crate::remark::Remarks;

/// The most users and groups for one file: more would not fit beside the file on every file
/// system (ext4 keeps a file's ACL in one block).
pub(crate) const MOST_ACLS: usize = 256;

/// A user, a group or both who may read a certificate's files. At least one is there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Acl {
    /// The user's name.
    pub user: Option<String>,
    /// The group's name.
    pub group: Option<String>,
}

/// Reads `acls`; entries that cannot be read are reported and left out.
pub(crate) fn read_acls(field: Field, remarks: &mut Remarks) -> Vec<Acl> {
    let path = field.path.clone();
    if field.value.as_str().is_some_and(|text| !text.trim_start().starts_with(['[', '{', '"'])) {
        field.refuse::<()>("a list of objects, [{\"user\": \"NAME\"}]", remarks);
        return Vec::new();
    }
    let list = if field.value.is_object() {
        remarks.warning(&path, "one entry without brackets, read as a list of one");
        vec![field]
    } else {
        field.array(remarks).unwrap_or_default()
    };
    if list.len() > MOST_ACLS {
        remarks.problem(path, format!("has more than {MOST_ACLS} entries: use groups"));
        return Vec::new();
    }
    without_repetitions(list.into_iter().filter_map(|acl| read_acl(acl, remarks)))
}

/// The ACLs in their order, each once.
pub(crate) fn without_repetitions(acls: impl Iterator<Item = Acl>) -> Vec<Acl> {
    let mut seen = HashSet::new();
    acls.filter(|acl| seen.insert(acl.clone())).collect()
}

fn read_acl(field: Field, remarks: &mut Remarks) -> Option<Acl> {
    let path = field.path.clone();
    if field.value.is_string() && !may_hold_keys(&field) {
        return field.refuse("an object, {\"user\": \"NAME\"} or {\"group\": \"NAME\"}", remarks);
    }
    let (mut user, mut group) = (None, None);
    for (key, field) in field.object(remarks)?.fields(Level::Acl, remarks) {
        match known_at(Level::Acl, &key) {
            Some("user") => user = Some(read_account(&field, remarks)?),
            Some(_) => group = Some(read_account(&field, remarks)?),
            None => remarks.warning(&field.path, "unknown key, ignored: user and group are known"),
        }
    }
    let (user, group) = (user.flatten(), group.flatten());
    if user.is_none() && group.is_none() {
        remarks.problem(path, "names neither a user nor a group: write {\"user\": \"NAME\"}");
        return None;
    }
    Some(Acl { user, group })
}

/// The name of a user or group: `Some(None)` if it is empty, `None` if it cannot be one.
pub(crate) fn read_account(field: &Field, remarks: &mut Remarks) -> Option<Option<String>> {
    if !field.value.is_string() {
        return field.refuse("a name in quotes", remarks);
    }
    let Some(name) = field.text(remarks) else { return Some(None) };
    let forbidden = |c: char| c.is_control() || c == ':' || c == ',' || c == '/';
    if name.contains(forbidden) || name.len() > 256 {
        return field.refuse("the name of one user or group", remarks);
    }
    Some(Some(name))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn acls(value: Value) -> (Vec<Acl>, usize, Vec<String>) {
        let mut remarks = Remarks::default();
        let acls = read_acls(Field::new("acls".to_owned(), value), &mut remarks);
        let left = remarks.finish();
        (acls, left.warnings.len(), left.problems.iter().map(ToString::to_string).collect())
    }

    fn acl(user: &str, group: &str) -> Acl {
        let name = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Acl { user: name(user), group: name(group) }
    }

    #[test]
    fn an_acl_names_a_user_a_group_or_both() {
        let (read, warnings, problems) = acls(json!([
            {"user": "app", "group": "web"}, {"user": "app"}, {"group": "web", "user": null},
            {"user": "CONTOSO\\web admins"}, {"user": "app"},
        ]));
        let expected =
            vec![acl("app", "web"), acl("app", ""), acl("", "web"), acl("CONTOSO\\web admins", "")];
        assert_eq!((read, warnings, problems), (expected, 0, vec![]));
    }

    #[test]
    fn an_acl_alone_is_a_list_of_one() {
        assert_eq!(acls(json!({"user": "app"})), (vec![acl("app", "")], 1, vec![]));
    }

    #[test]
    fn what_names_nobody_is_refused() {
        for (value, sentence) in [
            (json!([{}]), "acls[0]: names neither a user nor a group"),
            (json!([{"user": ""}]), "acls[0]: names neither a user nor a group"),
            (json!(["app"]), "acls[0]: must be an object, {\"user\": \"NAME\"} or"),
            (json!([{"user": 1000}]), "acls[0].user: must be a name in quotes, but is 1000"),
            (json!([{"user": "a:b"}]), "acls[0].user: must be the name of one user or group"),
            (json!([{"group": "a\nb"}]), "acls[0].group: must be the name of one user or group"),
            (json!("app"), "acls: must be a list of objects, [{\"user\": \"NAME\"}], but is"),
        ] {
            let problems = acls(value).2;
            assert!(problems[0].starts_with(sentence), "{problems:?}");
        }
    }
}
