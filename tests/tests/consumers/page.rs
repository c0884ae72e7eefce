//! What a page shows.

use std::fs;
use std::path::PathBuf;

use acceptance::page::Block;

/// The pages' names, without `.md`.
pub(crate) fn names() -> Vec<String> {
    let all = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = all
        .filter_map(|name| Some(name.to_str()?.strip_suffix(".md")?.to_owned()))
        .filter(|name| name != "README")
        .collect();
    names.sort();
    names
}

/// All blocks of a page, in order.
pub(crate) fn blocks(name: &str) -> Vec<Block> {
    acceptance::page::blocks(&folder().join(format!("{name}.md")))
}

/// The text of the block for `file`.
pub(crate) fn file(name: &str, file: &str) -> String {
    let found = blocks(name).into_iter().find(|block| block.file.as_deref() == Some(file));
    found.unwrap_or_else(|| panic!("{name}.md shows no {file}")).text
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/consumers")
}
