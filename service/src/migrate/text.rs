//! A migration for people. Pure.

use std::fmt::Write;

use cert_store::{Fate, Inheritance, Inherited};
use extension_settings::Remark;

use super::Migration;
use super::estate::Estate;
use super::steps::Step;
use crate::validate::{headline, remark_lines};
use crate::wording;

/// More certificates than these are counted.
const MOST_SHOWN: usize = 50;

/// Everything there is to say.
pub(super) fn text(migration: &Migration) -> String {
    let reading = &migration.reading;
    let mut text = format!("{}\n", headline(reading));
    text.push_str(&remark_lines("problem", &reading.problems));
    text.push_str(&remark_lines("warning", &reading.warnings));
    let Some(settings) = &migration.settings else { return text };
    let from = migration.from;
    let _ = writeln!(text, "\nread as settings of Microsoft's {from}; ours differ in");
    text.push_str(&changes(&migration.changes));
    text.push_str("\nwhat stands on this machine, and what becomes of it\n");
    text.push_str(&estates(&migration.estates));
    text.push_str("\nhow to switch\n");
    text.push_str(&steps(&migration.steps.switch));
    text.push_str("\nthe way back\n");
    text.push_str(&steps(&migration.steps.back));
    match &migration.output {
        Some(output) => {
            let _ = writeln!(text, "\nour settings: {}", output.display());
        }
        None => {
            let _ = writeln!(text, "\nour settings\n{settings:#}");
        }
    }
    text
}

fn changes(changes: &[Remark]) -> String {
    match changes {
        [] => "  nothing\n".to_owned(),
        changes => changes.iter().map(|change| format!("  {change}\n")).collect(),
    }
}

/// What is in the way comes first.
fn estates(estates: &[Estate]) -> String {
    let mut sorted: Vec<&Estate> = estates.iter().collect();
    sorted.sort_by_key(|estate| !estate.is_obstructed());
    let mut text: String = sorted.iter().take(MOST_SHOWN).map(|one| self::estate(one)).collect();
    if let Some(more @ 1..) = estates.len().checked_sub(MOST_SHOWN) {
        let _ = writeln!(text, "  … and {more} more; --json lists all of them");
    }
    text
}

fn estate(estate: &Estate) -> String {
    let mut text = format!("  {}\n", estate.url);
    match &estate.found {
        Ok(found) => text.push_str(&found_lines(found)),
        Err(unseen) => {
            let _ = writeln!(text, "    {}: {}", estate.store.display(), unseen.why);
        }
    }
    text
}

fn found_lines(found: &Inheritance) -> String {
    let mut text: String = found.names.iter().map(line).collect();
    if !found.files.is_empty() {
        let files = wording::count(found.files.len(), "other file");
        let _ = writeln!(text, "    {files} of it, which nobody removes");
    }
    text
}

fn line(one: &Inherited) -> String {
    let to = one.leads_to.as_ref().map(|to| format!(" -> {}", to.display())).unwrap_or_default();
    format!("    {}{to}: {}\n", one.path.display(), sentence(&one.fate))
}

fn sentence(fate: &Fate) -> String {
    match fate {
        Fate::Made { twin: None } => "not there yet, is made".into(),
        Fate::Made { twin: Some(twin) } => format!(
            "not there yet, is made; but {twin} is there: if programs open that, write the URL \
             with the same capitals"
        ),
        Fate::TakenOver => "stays, and so does the file, if it holds what the vault has".into(),
        Fate::Repointed => "moves by one rename; what it led to stays".into(),
        Fate::Replaced => "is replaced by ours".into(),
        Fate::Left => "stays, and nobody renews it".into(),
        Fate::InTheWay(by) => {
            format!("{by} stands in the way: move it, or the certificate cannot be installed")
        }
    }
}

fn steps(steps: &[Step]) -> String {
    let mut text = String::new();
    for (index, step) in steps.iter().enumerate() {
        let _ = writeln!(text, "  {}. {}", index + 1, step.text);
        for command in &step.commands {
            let _ = writeln!(text, "       {command}");
        }
    }
    text
}
