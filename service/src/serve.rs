//! `akvvm_service run`: from an order to a worker at work, until somebody stops it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cert_store::DirectoryStore;
use cert_store::OutputStore;
use log::{error, info, warn};
use reaction::Permission;
use worker_state::{
    Assignment, Directories, InitialSyncRecord, Lease, LeaseError, MadeDirectories, Presence,
    WorkerReport, WorkerSight, environment_name as name, version,
};

use crate::announce::acquire;
use crate::clock::Clock;
use crate::delivery::consumers::LocalServices;
use crate::exit::Exit;
use crate::initial_sync::InitialSync;
use crate::logging::{self, Echo};
use crate::machine::{Disk, Machine, Serving};
use crate::metrics::Publisher;
use crate::notify::Notifier;
use crate::order::{self, DEFAULT_SETTINGS, Order, OrderError, Origin, Surroundings};
use crate::report::Frame;
use crate::roster::Roster;
use crate::run::{End, Worker};
use crate::sandbox::{self, Places, Watch};
use crate::source::VaultSource;
use crate::supervision::Notice;
use crate::{hardening, journal, remains, shipping, status, survey};

/// Serves until SIGTERM or SIGINT.
pub(crate) fn run(
    directories: Directories,
    surroundings: Surroundings,
    settings: Option<PathBuf>,
) -> Exit {
    let clock = Clock::start();
    let origin = origin(&directories, settings);
    let order = order::read(&origin, &directories, &surroundings, clock.now().wall);
    start_log(order.ok(), &directories, &surroundings);
    info!("akvvm_service {} starts", version::with_commit());
    hardening::forbid_dumps();
    let notifier = Notifier::of(&surroundings.process);
    let lease = match acquire(&directories, &clock) {
        Ok(lease) => lease,
        Err(LeaseError::Held) => return not_alone(&directories, &notifier),
        Err(failure) => return fail(&failure.to_string()),
    };
    // It may have changed while the lease was waited for.
    let order = order::read(&origin, &directories, &surroundings, clock.now().wall);
    let order = match order.and_then(if_installed) {
        Ok(order) => order,
        Err(refused) => return refuse(&refused, &lease, &clock, &notifier),
    };
    let machine = match Machine::begin(clock, directories, surroundings, lease, notifier) {
        Ok(machine) => machine,
        Err(failure) => return fail(&format!("signals cannot be received: {failure}")),
    };
    serve(&machine, &origin, order)
}

/// The log goes where the order wants it.
fn start_log(order: Option<Order>, directories: &Directories, surroundings: &Surroundings) {
    let agent = order.as_ref().and_then(|order| order.agent.as_ref());
    let folder = agent.map(|agent| agent.paths.log_folder.as_path());
    let journal = journal::listens(&surroundings.process);
    let echo = if journal { Echo::Journal } else { Echo::StandardError };
    let environment = order.as_ref().map(|order| order.environment.clone()).unwrap_or_default();
    logging::start(directories.logs(folder), echo, &environment);
}

/// A file that was named, else what was assigned, else the default file where there is one.
pub(crate) fn origin(directories: &Directories, settings: Option<PathBuf>) -> Origin {
    match settings {
        Some(file) => Origin::File(file),
        None if matches!(Assignment::read(directories), Ok(None))
            && Path::new(DEFAULT_SETTINGS).exists() =>
        {
            Origin::File(DEFAULT_SETTINGS.into())
        }
        None => Origin::Assignment,
    }
}

/// An image that was captured of another machine brings that machine's order along.
pub(crate) fn if_installed(order: Order) -> Result<Order, OrderError> {
    match &order.agent {
        Some(agent) if !agent.paths.extension_folder.is_dir() => {
            Err(OrderError::ExtensionGone(agent.paths.extension_folder.clone()))
        }
        _ => Ok(order),
    }
}

fn fail(why: &str) -> Exit {
    error!("{why}");
    Exit::Failed
}

/// A worker that serves makes this one superfluous. Whoever holds the lease without having
/// announced itself (one pass by hand, a handler) is soon gone: then this one is wanted, and a
/// failure makes a supervisor start it again.
fn not_alone(directories: &Directories, notifier: &Notifier) -> Exit {
    match WorkerSight::look(directories) {
        Ok(WorkerSight::Present(Some(_))) => {
            idle(notifier, "another worker is at work and stays; this one ends")
        }
        _ => fail("somebody is at work on the certificates for the moment; start me again"),
    }
}

/// Ends, because there is nothing to do.
fn idle(notifier: &Notifier, why: &str) -> Exit {
    info!("{why}");
    notifier.tell_idle(why);
    Exit::Fine
}

fn refuse(refused: &OrderError, _lease: &Lease, clock: &Clock, notifier: &Notifier) -> Exit {
    match refused {
        OrderError::Nothing | OrderError::ExtensionGone(_) => idle(notifier, &refused.to_string()),
        OrderError::Unusable(why) => {
            notifier.tell(&Notice::Status(why.clone()));
            fail(why)
        }
        OrderError::Settings(why, agent) => {
            error!("{why}");
            notifier.tell(&Notice::Status(why.clone()));
            if let Some(agent) = agent {
                let documents = status::unusable(why, clock.now().wall);
                for trouble in crate::machine::tell_agent(agent, &documents) {
                    error!("{trouble}");
                }
            }
            Exit::Usage
        }
    }
}

fn serve(machine: &Machine, origin: &Origin, mut order: Order) -> Exit {
    let mut before: Option<Frame> = None;
    let supervised = machine.notifier.is_heard();
    loop {
        let served = prepare(machine, &mut order).map(|(mut worker, source, disk)| {
            if let Some(before) = &before {
                worker.take_over(before);
            }
            let places = Places::of(&order, &machine.directories);
            let mut serving = Serving {
                machine,
                origin,
                order: &order,
                source,
                disk,
                metrics: Publisher::start(&order.settings.metrics),
                told: BTreeMap::new(),
                trouble: BTreeMap::new(),
                watch: supervised.then(|| Watch::begin(&places)),
            };
            serving.announce();
            info!("{}", status::STARTED);
            let end = worker.serve(&mut serving, machine.notifier.watchdog);
            (end, worker.frame)
        });
        match served {
            Ok((End::Stop, _)) => {
                info!("akvvm_service ends");
                machine.notifier.tell(&Notice::Stopping);
                return Exit::Fine;
            }
            Ok((End::Reload, frame)) => before = Some(frame),
            Ok((End::Superseded, _)) => {
                return idle(&machine.notifier, "another worker has taken over; this one ends");
            }
            Ok((End::Restart, _)) => return again(machine),
            Err(failure) => return fail(&format!("{failure:#}")),
        }
        let now = machine.clock.now().wall;
        match order::read(origin, &machine.directories, &machine.surroundings, now) {
            Ok(other) if supervised && is_shut_out(&other, machine) => return again(machine),
            Ok(other) => order = other,
            Err(refused) => warn!("{refused}; the settings in force stay"),
        }
    }
}

/// Whether another start might let this process write what it cannot write now.
fn is_shut_out(order: &Order, machine: &Machine) -> bool {
    Places::of(order, &machine.directories).needed().any(|place| sandbox::is_read_only(place))
}

fn again(machine: &Machine) -> Exit {
    info!("akvvm_service ends, to be started again in a sandbox that fits");
    machine.notifier.tell(&Notice::Stopping);
    Exit::Again
}

pub(crate) type Prepared = (Worker, Arc<VaultSource>, Arc<Disk>);

/// Everything that serving an order needs.
pub(crate) fn prepare(machine: &Machine, order: &mut Order) -> anyhow::Result<Prepared> {
    shipping::ship_to(order.settings.logging.as_ref());
    let mut disk = disk(&machine.directories, &machine.surroundings, order);
    if machine.notifier.is_heard() {
        let closed = sandbox::closed(&Places::of(order, &machine.directories));
        disk.store = disk.store.closed(closed);
    }
    let disk = Arc::new(disk);
    remains::sweep(machine, order);
    let known = survey::survey(order, &machine.directories, &disk, machine.clock.now().wall)?;
    let targets = known.iter().map(|known| &known.target);
    let source =
        Arc::new(VaultSource::new(targets, &order.environment, Arc::clone(&machine.traffic)));
    for warning in &order.warnings {
        warn!("settings: {warning}");
    }
    let now = machine.clock.now();
    let complete = known.iter().all(|known| known.present);
    let before = InitialSyncRecord::read(&machine.directories, &order.identity);
    let before = before.unwrap_or_else(|damage| {
        warn!("{damage}; attempts of the first sync are counted anew");
        None
    });
    let initial_sync = match order.settings.require_initial_sync {
        true => {
            // A file may have lain there for long before it is served.
            let since = order.agent.as_ref().map_or(now.wall.into(), |_| order.given_at);
            let fresh = InitialSync::begin(order.identity.clone(), since);
            InitialSync::resume(before, complete, fresh, order.given_at, now.wall)
        }
        false => InitialSync::NotRequired,
    };
    let roster = Roster::new(known, order.settings.polling_interval, initial_sync, now);
    let frame = Frame {
        worker: WorkerReport {
            pid: std::process::id(),
            version: version::NUMBER.into(),
            started_at: now.wall.into(),
            sequence_number: order.agent.as_ref().map(|agent| agent.sequence_number),
        },
        warnings: order.warnings.clone(),
        passes: 0,
        asked_passes: 0,
        last_pass: None,
        expiry: order.settings.expiry,
    };
    Ok((Worker::new(roster, frame, order.refusal.clone()), source, disk))
}

/// What certificates reach on this machine.
pub(crate) fn disk(directories: &Directories, surroundings: &Surroundings, order: &Order) -> Disk {
    let grant_ancestors = order.environment.grants_ancestors();
    let detached = order.environment.value(name::SUPERVISOR) == Some("detached");
    // The file alone: who deploys must not be able to permit himself anything.
    let permission = order::permission(surroundings).unwrap_or_else(|why| {
        // A mistyped word must not keep certificates from being renewed.
        error!("{why}; nothing is permitted until that is corrected");
        Permission::None
    });
    let made = MadeDirectories::read(directories).unwrap_or_else(|damage| {
        warn!("{damage}; the directories in it count as other people's");
        MadeDirectories::default()
    });
    let store = DirectoryStore::new().granting_ancestors(grant_ancestors);
    Disk {
        store: store.having_made(made.directories),
        outputs: OutputStore::new(directories.outputs_path()),
        consumers: LocalServices {
            surroundings: reaction::Surroundings::discover(permission, !detached),
        },
    }
}

/// For commands that need the lease at once or not at all.
pub(crate) fn complaint_of_worker(presence: Option<&Presence>) -> String {
    let who = presence.map(|presence| format!(" (process {})", presence.process.pid));
    let who = who.unwrap_or_default();
    format!(
        "a worker{who} is at work on this machine's certificates; to have it look now, run \
         akvvm_service sync without --settings"
    )
}
