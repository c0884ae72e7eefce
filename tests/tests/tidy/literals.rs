//! The texts in a Rust source: what a program can say.

/// The string literals of a source, as they are at run time, in order.
pub(crate) fn literals(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = source;
    while let Some(at) = rest.find(['"', '\'', '/']) {
        let (before, here) = rest.split_at(at);
        rest = match here.as_bytes() {
            [b'/', b'/', ..] => here.split_once('\n').map_or("", |(_, rest)| rest),
            [b'/', ..] => &here[1..],
            // A character, or else a lifetime.
            [b'\'', b'\\', _, ..] => &here[3..],
            [b'\'', ..] => after_quote(&here[1..]),
            _ if is_raw(before) => {
                let hashes = before.len() - before.trim_end_matches('#').len();
                let end = format!("\"{}", "#".repeat(hashes));
                let (text, rest) = here[1..].split_once(&end).unwrap_or((&here[1..], ""));
                found.push(text.to_owned());
                rest
            }
            _ => {
                let (text, rest) = string(&here[1..]);
                // The reason of a lint's expectation is for readers of the source.
                if !before.trim_end().ends_with("reason =") {
                    found.push(text);
                }
                rest
            }
        };
    }
    found
}

fn after_quote(rest: &str) -> &str {
    let mut characters = rest.chars();
    characters.next();
    characters.as_str().strip_prefix('\'').unwrap_or(rest)
}

fn is_raw(before: &str) -> bool {
    before.trim_end_matches('#').ends_with('r') && !before.ends_with(char::is_alphanumeric)
        || before.ends_with(" r")
        || before.ends_with("(r")
}

/// The text up to the closing quote, and what follows that.
fn string(inside: &str) -> (String, &str) {
    let mut text = String::new();
    let mut characters = inside.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => break,
            '\\' => match characters.next() {
                // A line's end that is no part of the text, and what indents the next.
                Some('\n') => characters = characters.as_str().trim_start().chars(),
                Some('n') => text.push('\n'),
                Some(escaped) => text.push(escaped),
                None => {}
            },
            character => text.push(character),
        }
    }
    (text, characters.as_str())
}

#[test]
fn literals_are_read_as_the_compiler_reads_them() {
    let source = "fn a<'a>() { b('\"', '\\'', \"one \\\n    line \\\"quoted\\\"\"); // \"no\"\n\
                  c(r#\"raw \"x\"\"#); } #[expect(x, reason = \"no\")] const D: &str = \"two\";";
    assert_eq!(literals(source), ["one line \"quoted\"", "raw \"x\"", "two"]);
}
