//! Links between documents, and the table of contents. The site's own links are followed where it
//! is built, by `scripts/site.py`.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use crate::markdown::{anchors, links};
use crate::tree::{Text, assert_none, root, text, texts};

const CONTENTS: &str = "docs/SUMMARY.md";

fn outside(link: &str) -> bool {
    link.contains("://") || link.starts_with("mailto:")
}

/// A path without `..`, as the links of a document are written.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

/// What is wrong with a link of a document.
fn flaw(document: &Text, link: &str) -> Option<String> {
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let folder = Path::new(&document.path).parent().unwrap();
    let target =
        if path.is_empty() { PathBuf::from(&document.path) } else { plain(&folder.join(path)) };
    if !root().join(&target).exists() {
        return Some(format!("{}: {link}: there is no {}", document.path, target.display()));
    }
    let known = anchor.is_empty()
        || anchors(&text(target.to_str().unwrap())).iter().any(|known| known == anchor);
    (!known).then(|| format!("{}: {link}: there is no such heading", document.path))
}

#[test]
fn links_between_documents_lead_to_a_file_and_a_heading() {
    let mut broken = Vec::new();
    for document in texts(&[".md"]) {
        let inside = links(&document.content).into_iter().filter(|link| !outside(link));
        broken.extend(inside.filter_map(|link| flaw(&document, &link)));
    }
    assert_none("broken links", &broken);
}

#[test]
fn every_page_stands_in_the_table_of_contents_once() {
    let listed: Vec<_> = links(&text(CONTENTS))
        .into_iter()
        .map(|link| plain(&Path::new("docs").join(link)).to_string_lossy().into_owned())
        .collect();
    let distinct: BTreeSet<_> = listed.iter().cloned().collect();
    assert_eq!(distinct.len(), listed.len(), "a page stands there twice");
    let is_page = |path: &str| {
        !path.contains('/') || ["docs/", "deploy/"].iter().any(|folder| path.starts_with(folder))
    };
    let pages = texts(&[".md"]).into_iter().map(|page| page.path);
    let missing: Vec<_> = pages
        .filter(|path| is_page(path) && path != CONTENTS)
        .filter(|path| !distinct.contains(path))
        .collect();
    assert_none("pages that docs/SUMMARY.md does not list", &missing);
}
