//! What a page shows.

use std::fs;
use std::path::PathBuf;

/// A fenced block: its language, the file that it is for (none: it is pasted somewhere), its text.
pub(crate) struct Block {
    pub(crate) language: String,
    pub(crate) file: Option<String>,
    pub(crate) text: String,
}

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
    let text = fs::read_to_string(folder().join(format!("{name}.md"))).unwrap();
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(head) = line.strip_prefix("```") else { continue };
        let inside: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
        let (language, file) = match head.split_once(' ') {
            Some((language, file)) => (language, Some(file.to_owned())),
            None => (head, None),
        };
        let text = inside.join("\n") + "\n";
        blocks.push(Block { language: language.to_owned(), file, text });
    }
    blocks
}

/// The text of the block for `file`.
pub(crate) fn file(name: &str, file: &str) -> String {
    let found = blocks(name).into_iter().find(|block| block.file.as_deref() == Some(file));
    found.unwrap_or_else(|| panic!("{name}.md shows no {file}")).text
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/consumers")
}
