//! Commands that the documents show: every block is run by a test or said not to be, and whatever
//! it calls is there under that name.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::azure_cli::AZURE_CLI;
use crate::markdown::{blocks, code_spans};
use crate::tree::{assert_none, root, text, texts};

/// Blocks that call more than this project's own programs, `make` and `az`: how the block begins,
/// and the test that does the same; where there is none, why.
const BLOCKS: &[(&str, Result<&str, &str>)] = &[
    ("a2enmod ssl", Ok("tests/systemd/test_consumers.py")),
    ("curl -s -H Metadata:true", Err("asks Azure's own identity endpoint")),
    ("fake-azure serve", Ok("crates/fake-azure/tests/program.rs")),
    ("install -d -m 700 /etc/contoso/tls", Ok("tests/systemd/test_consumers.py")),
    ("install -d -m 755 /etc/haproxy/tls", Ok("tests/systemd/test_consumers.py")),
    ("install -d -m 755 /etc/tomcat10/tls", Ok("tests/tests/consumers/tomcat.rs")),
    (
        "install -m 755 -o root -g root check-nginx",
        Err("needs the reader's file; test_consumers.py puts those of all pages there"),
    ),
    ("make build", Ok("tests/systemd/test_standalone.py")),
    ("sudo -s", Err("needs the guest agent's folder of a real machine")),
    ("sudo akvvm_service doctor", Err("azcmagent: needs a machine of Azure Arc")),
    ("sudo dpkg -i akvvm_", Ok("tests/systemd/test_packages.py")),
    ("sudo install -D -m 600", Ok("tests/systemd/test_packages.py")),
    ("sudo sh -c", Err("needs the guest agent's folder of a real machine")),
];
/// Programs whose calls are checked by name below, and those that cannot go wrong.
const NAMED: &[&str] = &["akvvm_service", "az", "cat", "echo", "make"];

const MESSAGES: &str = "docs/messages.md";

/// A shell block of a document, as lines to be typed.
struct Shown {
    document: String,
    lines: Vec<String>,
}

/// Scripts have a file's name behind their language: they are run where they are checked.
fn shown() -> Vec<Shown> {
    let mut all = Vec::new();
    for document in texts(&[".md"]) {
        for block in blocks(&document.content) {
            let lines = typed(&block.language, &block.lines);
            if !lines.is_empty() && !block.is_file {
                all.push(Shown { document: document.path.clone(), lines });
            }
        }
    }
    all
}

/// What is typed of a block; nothing where it shows something else.
fn typed(language: &str, lines: &[String]) -> Vec<String> {
    let prompted: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix("$ ")).collect();
    let begins = |line: &String| {
        let word = line.split(' ').next().unwrap_or_default();
        NAMED.contains(&word) || ["curl", "sudo"].contains(&word)
    };
    if !prompted.is_empty() {
        prompted.into_iter().map(without_comment).map(str::to_owned).collect()
    } else if ["sh", "console"].contains(&language)
        || language.is_empty() && lines.first().is_some_and(begins)
    {
        logical(&lines.join("\n").replace("\\\n", " "))
    } else {
        Vec::new()
    }
}

/// What comes before a `#` that begins a word outside of quotes.
fn without_comment(line: &str) -> &str {
    let is_comment = |at: &usize| {
        let before = &line[..*at];
        let is_closed = |quote: char| before.matches(quote).count().is_multiple_of(2);
        (before.is_empty() || before.ends_with(' ')) && is_closed('\'') && is_closed('"')
    };
    let comment = line.match_indices('#').map(|(at, _)| at).find(is_comment);
    comment.map_or(line, |at| line[..at].trim_end())
}

/// What is quoted may go over lines.
fn logical(text: &str) -> Vec<String> {
    let is_open =
        |line: &&mut String| ['\'', '"'].iter().any(|quote| line.matches(*quote).count() % 2 == 1);
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        match lines.last_mut().filter(is_open) {
            Some(open) => *open = format!("{open} {line}"),
            None => lines.push(without_comment(line).to_owned()),
        }
    }
    lines
}

/// The calls of a line, each as its words: `$(…)` for themselves, what is quoted as one word.
fn calls(line: &str) -> Vec<Vec<String>> {
    let mut calls = Vec::new();
    let mut outer = unquoted(line, '\'');
    while let Some((before, rest)) = outer.split_once("$(") {
        let Some((inner, after)) = rest.split_once(')') else { break };
        calls.push(words(&unquoted(inner, '"')));
        outer = format!("{before}X{after}");
    }
    let outer = unquoted(&outer, '"');
    calls.extend(outer.split(['|', ';']).flat_map(|part| part.split("&&")).map(words));
    calls.retain(|call| !call.is_empty());
    calls
}

fn unquoted(line: &str, quote: char) -> String {
    let parts = line.split(quote).enumerate();
    parts.map(|(at, part)| if at % 2 == 0 { part } else { "X" }).collect()
}

/// Who runs a program does not matter, nor do variables before it.
fn words(call: &str) -> Vec<String> {
    let is_before = |word: &&str| *word == "sudo" || (word.contains('=') && !word.contains('-'));
    call.split_whitespace().skip_while(is_before).map(str::to_owned).collect()
}

/// Every call that a document shows, in a block or between backticks.
fn every_call() -> Vec<(String, Vec<String>)> {
    let mut all = Vec::new();
    for shown in shown() {
        let calls = shown.lines.iter().flat_map(|line| calls(line));
        all.extend(calls.map(|call| (shown.document.clone(), call)));
    }
    for document in texts(&[".md"]) {
        let spans = code_spans(&document.content);
        let calls = spans.iter().flat_map(|span| calls(span));
        // A message may begin with a program's name.
        let is_message = |call: &[String]| document.path == MESSAGES && call[0] != "az";
        let named = calls.filter(|call| {
            call.len() > 1 && NAMED.contains(&call[0].as_str()) && !is_message(call)
        });
        all.extend(named.map(|call| (document.path.clone(), call)));
    }
    all
}

/// Command → options, as a program's help has them.
fn options_of_service() -> BTreeMap<String, BTreeSet<String>> {
    let source = text("service/src/arguments.rs");
    let (_, help) = source.split_once("const HELP: &str = \"").unwrap();
    let usage = help.split("\n\n").nth(1).unwrap();
    let mut commands: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut current = String::new();
    for line in usage.lines() {
        if let Some((_, call)) = line.split_once("akvvm_service ") {
            current = call.split(' ').next().unwrap().to_owned();
        }
        let words = line.split([' ', '[', ']', '|']).filter(|word| word.starts_with("--"));
        commands.entry(current.clone()).or_default().extend(words.map(str::to_owned));
    }
    commands
}

fn flaw_of_service(call: &[String]) -> Option<String> {
    let commands = options_of_service();
    let named = call.iter().skip(1).find(|word| !word.starts_with("--"));
    let (name, options) = match named {
        Some(name) => (name.as_str(), commands.get(name)),
        None => (call.get(1).map_or("", String::as_str), commands.get("--help")),
    };
    let Some(options) = options else { return Some(format!("no command {name}")) };
    let asked = call.iter().skip(1).filter(|word| word.starts_with("--"));
    let unknown = |word: &&String| !options.contains(word.split('=').next().unwrap());
    asked.into_iter().find(unknown).map(|word| format!("no option {word}"))
}

fn flaw_of_make(call: &[String]) -> Option<String> {
    let makefile = text("Makefile");
    let asked = call.iter().skip(1).filter(|word| !word.contains('=') && *word != "…");
    let missing = |target: &&String| !makefile.contains(&format!("\n{target}:"));
    asked.into_iter().find(missing).map(|target| format!("no target {target}"))
}

fn flaw_of_azure(call: &[String]) -> Option<String> {
    let is_option = |word: &&String| word.starts_with('-');
    let command: Vec<_> = call.iter().skip(1).take_while(|word| !is_option(word)).collect();
    let command: Vec<_> =
        command.iter().map(|word| word.as_str()).take_while(|word| *word != "…").collect();
    let command = command.join(" ");
    let Some((_, options)) = AZURE_CLI.iter().find(|(name, _)| *name == command) else {
        let is_group = AZURE_CLI.iter().any(|(name, _)| name.starts_with(&format!("{command} ")));
        return (!is_group).then(|| format!("no command {command:?} in azure_cli.rs"));
    };
    let asked = call.iter().filter(is_option).map(|word| word.split('=').next().unwrap());
    let mut unknown = asked.filter(|word| !["--query", "--output"].contains(word));
    unknown.find(|word| !options.contains(word)).map(|word| format!("no option {word}"))
}

#[test]
fn a_block_is_read_as_a_shell_reads_it() {
    let lines = ["make a  # an agent's", "b=1 sudo az x \\", "  --y \"$(az z)\" 'c;", "# d' e"];
    let typed = typed("sh", &lines.map(str::to_owned));
    let calls: Vec<_> = typed.iter().flat_map(|line| calls(line)).collect();
    let calls: Vec<_> = calls.iter().map(|call| call.join(" ")).collect();
    assert_eq!(calls, ["make a", "az z", "az x --y X X e"]);
}

#[test]
fn what_the_documents_call_exists() {
    let mut flaws = Vec::new();
    for (document, call) in every_call() {
        let program = call[0].rsplit('/').next().unwrap();
        let flaw = match program {
            "akvvm_service" => flaw_of_service(&call),
            "make" => flaw_of_make(&call),
            "az" => flaw_of_azure(&call),
            _ => None,
        };
        flaws.extend(flaw.map(|flaw| format!("{document}: {}: {flaw}", call.join(" "))));
    }
    assert_none("calls of what is not there", &flaws);
}

#[test]
fn every_block_of_commands_is_run_by_a_test_or_said_not_to_be() {
    let is_named = |line: &String| calls(line).iter().all(|call| NAMED.contains(&call[0].as_str()));
    let mut unknown = Vec::new();
    let mut met = BTreeSet::new();
    for shown in shown().iter().filter(|shown| !shown.lines.iter().all(is_named)) {
        let listed = BLOCKS.iter().position(|(first, _)| shown.lines[0].starts_with(first));
        match listed {
            Some(at) => _ = met.insert(at),
            None => unknown.push(format!("{}: {}", shown.document, shown.lines[0])),
        }
    }
    assert_none("blocks of commands that BLOCKS does not have", &unknown);
    let stale = (0..BLOCKS.len()).filter(|at| !met.contains(at));
    let stale: Vec<_> = stale.map(|at| BLOCKS[at].0.to_owned()).collect();
    assert_none("blocks that no document has any more", &stale);
    let tests = BLOCKS.iter().filter_map(|(_, tried)| tried.ok());
    let gone: Vec<_> =
        tests.filter(|test| !root().join(test).is_file()).map(str::to_owned).collect();
    assert_none("tests that are gone", &gone);
}

#[test]
fn every_block_of_commands_is_what_a_shell_understands() {
    let mut flaws = Vec::new();
    for shown in shown() {
        let mut shell = Command::new("sh");
        let shell = shell.arg("-n").stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut shell = shell.spawn().unwrap();
        shell.stdin.take().unwrap().write_all(shown.lines.join("\n").as_bytes()).unwrap();
        let ended = shell.wait_with_output().unwrap();
        if !ended.status.success() {
            let why = String::from_utf8_lossy(&ended.stderr).into_owned();
            flaws.push(format!("{}: {}: {why}", shown.document, shown.lines[0]));
        }
    }
    assert_none("blocks that are no shell's", &flaws);
}
