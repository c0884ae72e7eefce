//! `docs/migration.md` shows what the program does, and its commands work as they stand there.

use serde_json::{Value, json};

use crate::bed::{Bed, Ran};
use crate::world::World;

const PAGE: &str = include_str!("../../../docs/migration.md");

/// The store of the page's example, which tests have in a folder of their own.
const STORE: &str = "/etc/contoso/certificates";

/// The text of the block that begins so.
fn block(head: &str) -> &'static str {
    let begins = format!("```{head}\n");
    let rest = PAGE.split(&begins).nth(1).unwrap_or_else(|| panic!("the page has no {head}"));
    rest.split("```").next().unwrap()
}

/// The commands on the page, continued lines joined.
fn commands() -> Vec<String> {
    let blocks = PAGE.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let joined = blocks.map(|block| block.replace(" \\\n  ", " "));
    joined.flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Microsoft's settings of the page, and the store as Microsoft's extension leaves it.
fn example() -> Bed {
    let bed = Bed::new();
    let store = bed.path("store");
    bed.write(
        "microsoft.json",
        block("json microsoft.json").replace(STORE, store.to_str().unwrap()),
    );
    std::fs::create_dir(&store).unwrap();
    let file = |digit: &str| format!("contoso.web.{}", digit.repeat(32));
    for digit in ["1", "2"] {
        std::fs::write(store.join(file(digit)), "x").unwrap();
    }
    std::os::unix::fs::symlink(file("2"), store.join("site.pem")).unwrap();
    bed
}

#[test]
fn the_example_is_what_the_program_says_and_writes() {
    let bed = example();
    let ran = run(&bed, &commands()[0]);
    let on_page = |text: &str| text.replace(bed.path("store").to_str().unwrap(), STORE);
    let said = on_page(&ran.output);
    let (shown, _) = said.split_once("\nhow to switch\n").unwrap();
    assert_eq!(block("text"), shown);
    let written = std::fs::read_to_string(bed.path("akvvm.json")).unwrap();
    assert_eq!(block("json akvvm.json"), on_page(&written));
}

#[track_caller]
fn run(bed: &Bed, command: &str) -> Ran {
    let words: Vec<_> = command.split(' ').collect();
    assert_eq!(words[0], "akvvm_service");
    let ran = bed.run(&words[1..]);
    assert_eq!(ran.code, Some(0), "{command}: {ran}");
    ran
}

#[test]
fn the_programs_commands_on_the_page_work_in_their_order() {
    let world = World::new();
    let entry = json!({"url": "https://contoso.vault.azure.net/secrets/web"});
    world.bed.write("microsoft.json", world.settings(json!([entry])).to_string());
    let commands = commands();
    let ours: Vec<_> = commands.iter().filter(|line| line.starts_with("akvvm_service ")).collect();
    assert!(ours.len() >= 6, "{ours:?}");
    for command in ours {
        if command == "akvvm_service status" {
            // What the extension does once it is installed.
            run(&world.bed, "akvvm_service sync --settings akvvm.json");
        }
        run(&world.bed, command);
    }
}

#[test]
fn the_steps_that_the_program_prints_are_on_the_page() {
    let bed = example();
    let ran = run(&bed, &format!("{} --json", commands()[0]));
    let document = ran.json();
    let steps = [&document["steps"], &document["wayBack"]];
    let printed = steps.into_iter().flat_map(|steps| steps.as_array().unwrap());
    let printed = printed.flat_map(|step| step["commands"].as_array().unwrap());
    let commands = commands();
    for command in printed.map(Value::as_str).map(Option::unwrap) {
        assert!(commands.iter().any(|shown| shown == command), "{command}");
    }
}
