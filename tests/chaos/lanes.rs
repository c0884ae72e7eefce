//! Carrying out a round: what Azure wants, what the machine does to us, and what becomes of each
//! handler, all at the same time.

use std::collections::BTreeMap;
use std::env::consts::ARCH;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use acceptance::processes::{self, Signal};
use acceptance::{Agent, Answer};
use fake_azure::{AttributeChange, FakeAzure};
use serde_json::Value;

use crate::faults;
use crate::plan::{Deed, Fate, Round, Step};
use crate::world::{CERTIFICATES, World};

/// A handler lives for a tenth of a second: looked for this often, it is met early in its life.
const GLANCE: Duration = Duration::from_millis(3);

/// How often what was done.
#[derive(Default)]
pub(crate) struct Tally(Mutex<BTreeMap<&'static str, u64>>);

impl Tally {
    pub(crate) fn count(&self, what: &'static str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(what).or_default() += 1;
    }

    pub(crate) fn of(&self, what: &str) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(what).copied().unwrap_or_default()
    }
}

/// Everything that the lanes of one round share.
pub(crate) struct Lanes<'a> {
    pub(crate) world: &'a World,
    pub(crate) azure: &'a FakeAzure,
    pub(crate) tally: &'a Tally,
    pub(crate) environment: &'a BTreeMap<String, String>,
    /// What was withdrawn in a vault, to be given back.
    pub(crate) withdrawn: Mutex<Vec<(usize, String)>>,
    /// The agent's process.
    pub(crate) agent: AtomicU32,
    pub(crate) over: AtomicBool,
}

impl Lanes<'_> {
    /// Carries out everything but the round's ends.
    pub(crate) fn run(&self, round: &Round, agent: &mut Agent) {
        thread::scope(|scope| {
            scope.spawn(|| self.deal_fates(&round.fates));
            let deeds = scope.spawn(|| {
                for (pause, deed) in &round.deeds {
                    thread::sleep(*pause);
                    self.tally.count("events");
                    self.commit(deed);
                }
            });
            for (pause, step) in &round.steps {
                thread::sleep(*pause);
                self.tally.count("events");
                self.take(step, agent);
            }
            let _ = deeds.join();
            self.over.store(true, Ordering::Relaxed);
        });
        self.calm();
    }

    /// The guest agent does as it is told; one that was killed meanwhile begins anew.
    pub(crate) fn take(&self, step: &Step, agent: &mut Agent) -> Option<Answer> {
        let answer = match step {
            Step::GoalState(wanted) => {
                self.tally.count("goal states");
                agent.try_goal_state(&[self.world.extension(wanted)])
            }
            Step::Restart => {
                self.tally.count("agent restarts");
                agent.try_restart()
            }
        };
        if answer.is_none() {
            *agent = Agent::start(&self.world.folder.join("agent"), self.environment);
            self.agent.store(agent.process(), Ordering::Relaxed);
        }
        answer
    }

    fn deal_fates(&self, fates: &[Fate]) {
        let mut fates = fates.iter();
        let mut met = 0;
        while !self.over.load(Ordering::Relaxed) {
            thread::sleep(GLANCE);
            let agent = self.agent.load(Ordering::Relaxed);
            let Some(handler) = processes::below(agent, "akvvm_handler") else { continue };
            if handler == met {
                continue;
            }
            met = handler;
            self.tally.count("handlers met");
            match fates.next() {
                Some(Fate::DiesAfter(delay)) => {
                    thread::sleep(*delay);
                    if self.is_handler(handler) {
                        self.tally.count("handlers killed");
                        self.world.handlers_killed.fetch_add(1, Ordering::Relaxed);
                        processes::signal(handler, Signal::KILL);
                    }
                }
                Some(Fate::FreezesAfter(delay, span)) => {
                    thread::sleep(*delay);
                    if self.is_handler(handler) {
                        self.freeze(handler, *span);
                    }
                }
                Some(Fate::Lives) | None => {}
            }
        }
    }

    fn is_handler(&self, process: u32) -> bool {
        processes::of(&self.world.state(), "akvvm_handler").contains(&process)
    }

    fn freeze(&self, process: u32, span: Duration) {
        self.tally.count("freezes");
        processes::signal(process, Signal::STOP);
        thread::spawn(move || {
            thread::sleep(span);
            processes::signal(process, Signal::CONT);
        });
    }

    /// The program that was assigned, wherever it is by now.
    fn start_worker(&self) {
        let assignment = fs::read(self.world.state().join("assignment.json")).unwrap_or_default();
        let assignment: Value = serde_json::from_slice(&assignment).unwrap_or_default();
        let Some(folder) = assignment["agent"]["extensionFolder"].as_str() else { return };
        let program = Path::new(folder).join("bin").join(ARCH).join("akvvm_service");
        let mut command = Command::new(program);
        command.arg("run").env_clear().envs(self.environment);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if let Ok(mut worker) = command.spawn() {
            self.tally.count("workers started");
            thread::spawn(move || worker.wait());
        }
    }

    fn workers(&self) -> Vec<u32> {
        processes::of(&self.world.state(), "akvvm_service")
    }

    fn commit(&self, deed: &Deed) {
        match deed {
            Deed::KillWorker => {
                for worker in self.workers() {
                    self.tally.count("workers killed");
                    processes::signal(worker, Signal::KILL);
                }
            }
            Deed::StartWorker => self.start_worker(),
            Deed::FreezeWorker(span) => {
                self.workers().into_iter().for_each(|worker| self.freeze(worker, *span));
            }
            Deed::KillAgent => {
                self.tally.count("agents killed");
                processes::signal(self.agent.load(Ordering::Relaxed), Signal::KILL);
            }
            Deed::FreezeAgent(span) => self.freeze(self.agent.load(Ordering::Relaxed), *span),
            Deed::Rotate(index) => {
                let certificate = &CERTIFICATES[*index];
                let issued = self.azure.rotate(certificate.vault, certificate.name);
                self.world.truth.note(certificate, &issued.expect("rotated"));
                self.tally.count("rotations");
            }
            Deed::Withdraw(index) => {
                let certificate = &CERTIFICATES[*index];
                let issued = self.world.truth.of(&certificate.path());
                let version = issued.last().expect("issued").version.clone();
                self.set_enabled(*index, &version, false);
                let mut withdrawn = self.withdrawn.lock().unwrap_or_else(PoisonError::into_inner);
                withdrawn.push((*index, version));
                self.tally.count("faults");
            }
            Deed::Fault(kind) => {
                self.tally.count("faults");
                faults::begin(*kind, self.azure);
            }
            Deed::ClearFaults => faults::clear(self.azure),
            Deed::RevokeTokens => self.azure.revoke_tokens(),
            Deed::WipeRuntime => {
                self.tally.count("files damaged");
                let _ = fs::remove_dir_all(self.world.folder.join("run"));
            }
            Deed::WipeState => {
                self.tally.count("files damaged");
                let _ = fs::remove_dir_all(self.world.state());
            }
            Deed::DamageReport => {
                self.tally.count("files damaged");
                let _ = fs::write(self.world.state().join("report.json"), b"{\"reportVersion\":");
            }
        }
    }

    fn set_enabled(&self, index: usize, version: &str, enabled: bool) {
        let certificate = &CERTIFICATES[index];
        let change = AttributeChange { enabled: Some(enabled), ..AttributeChange::default() };
        self.azure.change(certificate.vault, certificate.name, Some(version), change);
    }

    /// Nothing disturbs any more.
    fn calm(&self) {
        faults::clear(self.azure);
        let withdrawn =
            std::mem::take(&mut *self.withdrawn.lock().unwrap_or_else(PoisonError::into_inner));
        for (index, version) in withdrawn {
            self.set_enabled(index, &version, true);
        }
        let agent = self.agent.load(Ordering::Relaxed);
        for process in self.workers().into_iter().chain([agent]) {
            processes::signal(process, Signal::CONT);
        }
        for handler in processes::of(&self.world.state(), "akvvm_handler") {
            processes::signal(handler, Signal::CONT);
        }
    }
}
