//! `docs/messages.md` lists what the programs say: all of it, and nothing else.

use std::collections::BTreeSet;

use crate::literals::literals;
use crate::tree::{Text, assert_none, text, texts};

const PAGE: &str = "docs/messages.md";

/// Sources whose words the page leaves to others: what a command prints as its answer is explained
/// where the command is, by step; the rest is for tests, or for systemd and Prometheus.
const ELSEWHERE: &[&str] = &[
    "benches/",
    "crates/extension-settings/src/generation",
    "crates/fake-azure/",
    "fuzz/",
    "service/src/arguments.rs",
    "service/src/doctor/",
    "service/src/fleet",
    "service/src/hardening.rs",
    "service/src/memory_",
    "service/src/metrics/",
    "service/src/migrate/",
    "service/src/narrate.rs",
    "service/src/plan.rs",
    "service/src/sandbox/drop_in.rs",
    "service/src/simulation.rs",
    "service/src/terminal.rs",
    "service/src/validate/",
    "status-schema/",
];
/// A text with fewer words is a part of a sentence, not one to be looked for.
const FEWEST_WORDS: usize = 6;

fn speaks(file: &Text) -> bool {
    let for_tests = ["_tests.rs", "/invariants.rs", "/examples/", "build.rs"];
    file.path.contains("/src/")
        && !file.is_for_tests()
        && !for_tests.iter().any(|part| file.path.contains(part))
        && !ELSEWHERE.iter().any(|place| file.path.starts_with(place))
}

/// A text as the page writes it: `…` for what is only known when it is said.
fn pattern(literal: &str) -> String {
    let literal = literal.replace("{{", "\u{1}").replace("}}", "\u{2}");
    let mut pattern = String::new();
    let mut rest = literal.as_str();
    while let Some((before, after)) = rest.split_once('{') {
        pattern.push_str(before);
        // A brace that begins an object stands in a text that is never filled in.
        let filled = after.starts_with(|c: char| c.is_alphanumeric() || "_:}".contains(c));
        pattern.push(if filled { '…' } else { '{' });
        rest = if filled { after.split_once('}').map_or("", |(_, rest)| rest) } else { after };
    }
    pattern.push_str(rest);
    let pattern = pattern.replace('\u{1}', "{").replace('\u{2}', "}");
    pattern.trim_matches(['`', ' ']).to_owned()
}

fn is_sentence(pattern: &str) -> bool {
    let words = pattern.split_whitespace().filter(|word| word.contains(char::is_alphabetic));
    words.count() >= FEWEST_WORDS && !pattern.contains('\n')
}

/// Every sentence of the programs.
fn said() -> BTreeSet<String> {
    let sources = texts(&[".rs"]).into_iter().filter(speaks);
    let literals = sources.flat_map(|file| literals(file.product()));
    literals.map(|literal| pattern(&literal)).filter(|pattern| is_sentence(pattern)).collect()
}

/// What the page lists: the lines that are a message between backticks.
fn listed() -> Vec<String> {
    let page = text(PAGE);
    let items = page.lines().filter_map(|line| line.strip_prefix("- `"));
    items.map(|item| item.trim_matches(['`', ' ']).to_owned()).collect()
}

#[test]
fn the_list_has_every_message_once_and_no_other() {
    let (said, listed) = (said(), listed());
    let distinct: BTreeSet<_> = listed.iter().cloned().collect();
    assert_eq!(distinct.len(), listed.len(), "{PAGE} has a message twice");
    let missing: Vec<_> =
        said.difference(&distinct).map(|message| format!("- `{message}`")).collect();
    assert_none("messages to be added to docs/messages.md", &missing);
    let strange: Vec<_> = distinct.difference(&said).cloned().collect();
    assert_none("messages of docs/messages.md that nothing says", &strange);
}

#[test]
fn what_is_filled_in_later_is_left_open() {
    assert_eq!(pattern("{path:?} is {{\"user\": \"{}\"}}"), "… is {\"user\": \"…\"}");
    assert_eq!(pattern("`{0}` wants {\"user\": 1}"), "…` wants {\"user\": 1}");
}
