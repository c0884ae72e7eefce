//! What a page of the documentation shows.

use std::fs;
use std::path::Path;

/// A fenced block: its language, the file that it is for (none: it is pasted somewhere), its text.
#[derive(Debug)]
pub struct Block {
    /// The first word behind the fence.
    pub language: String,
    /// The second one.
    pub file: Option<String>,
    /// The lines between the fences, without the indent of a list that they are in.
    pub text: String,
}

/// All blocks of a page, in order.
pub fn blocks(page: &Path) -> Vec<Block> {
    let text = fs::read_to_string(page).unwrap_or_else(|error| panic!("{page:?}: {error}"));
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(head) = line.trim_start().strip_prefix("```") else { continue };
        let indent = line.len() - line.trim_start().len();
        let inside = lines.by_ref().take_while(|line| line.trim_start() != "```");
        let text = inside.map(|line| line.get(indent..).unwrap_or_default().to_owned() + "\n");
        let text = text.collect();
        let (language, file) = match head.split_once(' ') {
            Some((language, file)) => (language, Some(file.to_owned())),
            None => (head, None),
        };
        blocks.push(Block { language: language.to_owned(), file, text });
    }
    blocks
}
