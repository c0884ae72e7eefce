//! `akvvm_service doctor`: walks the way that a pass takes, step by step, says where it ends and
//! what to do next. Changes nothing on the disk and takes no lease, so that it may run beside a
//! worker as well as without one.

mod circumstances;
mod document;
mod files;
mod finding;
mod identity;
mod itinerary;
mod secret;
mod store;
mod text;
mod vault;
mod walk;

use std::path::PathBuf;
use std::time::SystemTime;

use cert_store::DirectoryStore;
use extension_settings::Settings;
use keyvault_client::{Fault, Http, SecretClient};
use worker_state::{Directories, Environment, Records};

use crate::clock::Clock;
use crate::code::Code;
use crate::credentials::Credentials;
use crate::exit::Exit;
use crate::failure::{Failure, Retry};
use crate::order::{Given, Surroundings};
use crate::target::Target;
use crate::validate::{self, Reading};
use crate::{hardening, serve, source, survey, terminal};

use finding::{Finding, Section, Step, Stop};
use walk::Ground;

/// Looks at everything and says how it is.
pub(crate) fn run(
    directories: Directories,
    surroundings: Surroundings,
    settings: Option<PathBuf>,
    json: bool,
) -> Exit {
    hardening::forbid_dumps();
    let now = Clock::start().now().wall;
    let origin = serve::origin(&directories, settings);
    let reading = Reading::of(origin, &directories, &surroundings, now);
    let (Some(given), Some(settings)) = (&reading.given, &reading.settings) else {
        match json {
            true => tell_document(&reading, &[], &[]),
            false => terminal::say(&validate::text(&reading)),
        }
        return Exit::Usage;
    };
    if !json {
        terminal::say(&format!("{}\n", validate::headline(&reading)));
    }
    let mut sections = Vec::new();
    let mut tell = |section: Section| {
        if !json {
            terminal::say(&text::section(&section));
        }
        sections.push(section);
    };
    let around = (&directories, &surroundings);
    let stops = examine(&reading, given, settings, around, now, &mut tell);
    match json {
        true => tell_document(&reading, &sections, &stops),
        false => terminal::say(&text::conclusion(settings.certificates.len(), &stops)),
    }
    match sections.iter().any(|section| section.stop().is_some()) {
        true => Exit::Failed,
        false => Exit::Fine,
    }
}

fn tell_document(reading: &Reading, sections: &[Section], stops: &[Stop]) {
    terminal::say(&format!("{:#}\n", document::document(reading, sections, stops)));
}

/// Looks at this machine, then walks. Tells each section as soon as it is known, and returns where
/// certificates stop.
fn examine(
    reading: &Reading,
    given: &Given,
    settings: &Settings,
    around: (&Directories, &Surroundings),
    now: SystemTime,
    tell: &mut dyn FnMut(Section),
) -> Vec<Stop> {
    let environment = &given.environment;
    let grant_ancestors = environment.grants_ancestors();
    let store = DirectoryStore::new().granting_ancestors(grant_ancestors);
    let (targets, odd) = survey::placed(settings, reading.permission, &store);
    let mut machine = circumstances::section(reading, given, (&targets, odd), around);
    let records = match Records::read(around.0) {
        Ok((records, damaged)) => {
            let odd = damaged.iter().map(|one| Finding::attention(Step::Worker, one.to_string()));
            machine.findings.extend(odd);
            records
        }
        Err(error) => {
            machine.findings.push(Finding::attention(Step::Worker, error.to_string()));
            Records::default()
        }
    };
    let (client, credentials) = match ways(&targets, environment) {
        Ok(ways) => ways,
        Err(error) => {
            let failure = Failure::plain(Code::Proxy, Retry::NextPoll, format!("{error:#}"));
            machine.findings.push(Finding::failed(Step::Environment, Fault::Host, failure));
            let stop = |target: &Target| Stop {
                name: target.name().to_owned(),
                step: Step::Environment,
                at: machine.subject.clone(),
            };
            let stops = targets.iter().map(stop).collect();
            tell(machine);
            return stops;
        }
    };
    tell(machine);
    let environment = environment.clone();
    Ground { targets, client, credentials, records, store, environment, now }.walk(tell)
}

/// The way to vaults, and who asks.
fn ways(
    targets: &[Target],
    environment: &Environment,
) -> anyhow::Result<(SecretClient, Credentials)> {
    let http = Http::new(source::network(environment))?;
    let credentials = Credentials::new(targets.iter(), environment, &http)?;
    Ok((SecretClient::new(http), credentials))
}
