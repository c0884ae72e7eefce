//! The folder that the package was unpacked into, and the agent's `HandlerEnvironment.json` in it.

use std::io;
use std::path::{Path, PathBuf};

use status_schema::HandlerEnvironment;

const FILE: &str = "HandlerEnvironment.json";

/// Where the agent looks, or the sentence that says why that is not known.
pub type AgentFolders = Result<HandlerEnvironment, String>;

/// The extension's folder: the one that the agent names, else the nearest one above the program,
/// else the working directory; the first of them that has a `HandlerEnvironment.json`.
pub(crate) fn find(
    named: Option<PathBuf>,
    program: &Path,
    working_directory: &Path,
) -> (PathBuf, AgentFolders) {
    let above = program.ancestors().skip(1).map(Path::to_owned);
    let candidates: Vec<PathBuf> =
        named.iter().cloned().chain(above).chain([working_directory.to_owned()]).collect();
    let found = candidates.iter().find(|folder| folder.join(FILE).exists()).cloned();
    // Nowhere: the programs lie in bin/CPU below the folder where it should be.
    let expected = || candidates.get(if named.is_some() { 0 } else { 2 }).cloned();
    let folder = found.or_else(expected).unwrap_or_else(|| working_directory.to_owned());
    let agent = read(&folder);
    (folder, agent)
}

/// Reads the agent's file in an extension's folder.
pub(crate) fn read(folder: &Path) -> AgentFolders {
    let path = folder.join(FILE);
    let bytes = std::fs::read(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!(
            "{}: not found; the guest agent writes it when it installs the extension: deploy the \
             extension again, or restart the agent",
            path.display()
        ),
        _ => format!("{}: cannot be read: {error}", path.display()),
    })?;
    HandlerEnvironment::parse(&bytes)
        .map_err(|error| format!("{}: {error}", path.with_file_name("").display()))
}

/// The version in a folder's name, `Publisher.Type-1.2.3`; the program's own where there is none.
pub(crate) fn version(folder: &Path) -> String {
    let (_, version) = name_and_version(folder);
    version.unwrap_or(env!("CARGO_PKG_VERSION")).to_owned()
}

/// Whether two folders belong to versions of one extension.
pub(crate) fn are_versions_of_one(first: &Path, second: &Path) -> bool {
    let extension = |folder: &Path| {
        name_and_version(folder).0.map(|name| (folder.parent().map(same), name.to_owned()))
    };
    is_same(first, second) || extension(first).is_some_and(|first| Some(first) == extension(second))
}

/// Whether two paths lead to one folder, also where a link is on the way of one of them.
pub(crate) fn is_same(first: &Path, second: &Path) -> bool {
    same(first) == same(second)
}

/// The folder that the version `version` of the same extension has or would have.
pub(crate) fn of_version(folder: &Path, version: &str) -> Option<PathBuf> {
    let (name, own_version) = name_and_version(folder);
    own_version?;
    Some(folder.with_file_name(format!("{}-{version}", name?)))
}

fn same(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

fn name_and_version(folder: &Path) -> (Option<&str>, Option<&str>) {
    let Some(name) = folder.file_name().and_then(|name| name.to_str()) else { return (None, None) };
    let is_version = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_digit())
            && text.chars().all(|c| c.is_ascii_digit() || c == '.')
    };
    match name.rsplit_once('-') {
        Some((extension, version)) if is_version(version) => (Some(extension), Some(version)),
        _ => (Some(name), None),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests lay out an extension's folder")]

    use std::fs;

    use super::*;

    const CONTENT: &str = r#"[{"handlerEnvironment": {"logFolder": "/l", "configFolder": "/c",
        "statusFolder": "/s", "heartbeatFile": "/h"}}]"#;

    fn folder_with_file(root: &Path, name: &str) -> PathBuf {
        let folder = root.join(name);
        fs::create_dir_all(folder.join("bin/x86_64")).unwrap();
        fs::write(folder.join(FILE), CONTENT).unwrap();
        folder
    }

    #[test]
    fn the_named_folder_comes_first_then_the_programs_then_the_working_directory() {
        let root = tempfile::tempdir().unwrap();
        let [named, own, working] =
            ["named", "own", "working"].map(|name| folder_with_file(root.path(), name));
        let program = own.join("bin/x86_64/akvvm_handler");
        let found = |named: Option<&PathBuf>| find(named.cloned(), &program, &working).0;
        assert_eq!(found(Some(&named)), named);
        assert_eq!(found(None), own);
        assert_eq!(found(Some(&root.path().join("empty"))), own);
        fs::remove_file(own.join(FILE)).unwrap();
        assert_eq!(found(None), working);
    }

    #[test]
    fn a_missing_file_is_named_where_it_should_be() {
        let root = tempfile::tempdir().unwrap();
        let program = root.path().join("e-1/bin/x86_64/akvvm_handler");
        let expected = root.path().join("e-1/HandlerEnvironment.json: not found");
        let refusal = find(None, &program, Path::new("/nonexistent")).1.unwrap_err();
        assert!(refusal.starts_with(&expected.display().to_string()), "{refusal}");
        let named = Some(PathBuf::from("/nonexistent/e"));
        let refusal = find(named, &program, Path::new("/nonexistent")).1.unwrap_err();
        assert!(refusal.starts_with("/nonexistent/e/HandlerEnvironment.json: not"), "{refusal}");
    }

    #[test]
    fn a_malformed_file_is_named_with_its_folder() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join(FILE), "[]").unwrap();
        let refusal = read(root.path()).unwrap_err();
        assert!(refusal.starts_with(&root.path().display().to_string()), "{refusal}");
        assert!(refusal.contains("HandlerEnvironment.json must be an array with"), "{refusal}");
    }

    #[test]
    fn the_version_is_what_follows_the_last_hyphen() {
        assert_eq!(version(Path::new("/w/Open.Key-Vault-3.0.1.20")), "3.0.1.20");
        assert_eq!(version(Path::new("/w/Open.Key-Vault")), env!("CARGO_PKG_VERSION"));
        assert_eq!(version(Path::new("/")), env!("CARGO_PKG_VERSION"));
    }

    #[test]
    fn versions_of_one_extension_are_told_from_other_extensions() {
        let one =
            |first: &str, second: &str| are_versions_of_one(Path::new(first), Path::new(second));
        assert!(one("/nowhere/A.B-1.0", "/nowhere/A.B-2.0"));
        assert!(one("/nowhere/trial", "/nowhere/trial"));
        assert!(!one("/nowhere/A.B-1.0", "/nowhere/A.C-1.0"));
        assert!(!one("/nowhere/A.B-1.0", "/elsewhere/A.B-1.0"));
    }

    #[test]
    fn a_link_on_the_way_makes_no_difference() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("real/A.B-1")).unwrap();
        std::os::unix::fs::symlink("real", root.path().join("link")).unwrap();
        assert!(is_same(&root.path().join("link/A.B-1"), &root.path().join("real/A.B-1")));
        let (one, other) = (root.path().join("link/A.B-1"), root.path().join("real/A.B-2"));
        assert!(are_versions_of_one(&one, &other));
    }

    #[test]
    fn the_folder_of_another_version_stands_beside() {
        let other = of_version(Path::new("/w/A.B-1.0"), "0.9");
        assert_eq!(other, Some(PathBuf::from("/w/A.B-0.9")));
        assert_eq!(of_version(Path::new("/w/trial"), "0.9"), None);
    }
}
