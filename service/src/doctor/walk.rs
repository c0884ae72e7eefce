//! The walk: identities, vaults, certificates. Asks; writes nothing.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::SystemTime;

use cert_store::DirectoryStore;
use extension_settings::Identity;
use keyvault_client::{Probe, SecretClient};
use object_id::ObjectId;
use worker_state::{Environment, Records};

use super::finding::{Finding, Section, Step, Stop, Subject, Verdict};
use super::itinerary::{Itinerary, resources};
use super::secret::{Asked, asked};
use super::{files, identity, store, vault};
use crate::credentials::Credentials;
use crate::hands::side_by_side;
use crate::target::Target;
use crate::wording;

/// Questions under way at once.
const AT_ONCE: usize = 16;

/// What the walk stands on.
pub(super) struct Ground {
    pub(super) targets: Vec<Target>,
    pub(super) client: SecretClient,
    pub(super) credentials: Credentials,
    pub(super) records: Records,
    pub(super) store: DirectoryStore,
    pub(super) environment: Environment,
    pub(super) now: SystemTime,
}

/// What has been learnt so far of what certificates share.
#[derive(Default)]
struct Learnt {
    /// Ways to vaults, by host.
    probes: HashMap<String, Probe>,
    /// What kept an identity from its token for a resource, if something did.
    tokens: HashMap<(Identity, String), Option<Obstacle>>,
    /// What is wrong with stores.
    stores: HashMap<PathBuf, Obstacle>,
    /// Answers.
    secrets: HashMap<Question, Asked>,
}

/// Who asks, for what, and whether it may be any secret.
type Question = (Identity, ObjectId, bool);

/// What keeps a certificate from being asked for: a step in a section before its own.
#[derive(Clone)]
struct Obstacle {
    step: Step,
    at: Subject,
}

impl Ground {
    /// Walks all the way, and tells each section as soon as it is known. Returns where
    /// certificates stop.
    pub(super) fn walk(&self, tell: &mut dyn FnMut(Section)) -> Vec<Stop> {
        let itinerary = Itinerary::of(&self.targets);
        let mut learnt = Learnt::default();
        // A vault outside the known clouds has to say first what tokens are to be for.
        let (known, unknown): (Vec<_>, Vec<_>) =
            itinerary.vaults.iter().partition(|id| id.vault().resource().is_some());
        self.vaults(&unknown, &mut learnt, tell);
        for one in &itinerary.identities {
            let section = self.identity(one, &mut learnt);
            tell(section);
        }
        self.vaults(&known, &mut learnt, tell);
        for path in &itinerary.stores {
            let section = Section {
                subject: Subject::Store(path.clone()),
                findings: vec![store::directory(path)],
            };
            let obstacle = section
                .stop()
                .map(|step| (path.clone(), Obstacle { step, at: section.subject.clone() }));
            learnt.stores.extend(obstacle);
            tell(section);
        }
        let mut stops = Vec::new();
        for some in self.targets.chunks(AT_ONCE) {
            self.ask(some, &mut learnt);
            for target in some {
                let section = self.certificate(target, &learnt);
                stops.extend(stop(target, &section, &learnt));
                tell(section);
            }
        }
        stops
    }

    fn vaults(&self, ids: &[&ObjectId], learnt: &mut Learnt, tell: &mut dyn FnMut(Section)) {
        for some in ids.chunks(AT_ONCE) {
            let probes = side_by_side(some, AT_ONCE, "probe", |id| self.client.probe(id, self.now));
            for (id, probe) in some.iter().zip(probes) {
                let host = id.vault().host().to_owned();
                let findings = vault::findings(&host, &probe);
                tell(Section { subject: Subject::Vault(host.clone()), findings });
                learnt.probes.insert(host, probe);
            }
        }
    }

    fn identity(&self, one: &Identity, learnt: &mut Learnt) -> Section {
        let selector = wording::selector(&one.selector);
        let endpoint = wording::endpoint(one, &self.environment);
        let at = Subject::Identity(format!("{selector}, from {endpoint}"));
        let mut findings: Vec<Finding> = Vec::new();
        for resource in resources(&self.targets, one, |id| learnt.resource(id)) {
            let Some(credential) = self.credentials.of(one) else { continue };
            let asked = credential.token(&resource, self.now);
            let mut found = identity::findings(one, &resource, &asked);
            let failed = found.iter().find(|finding| finding.verdict == Verdict::Failed);
            let obstacle = failed.map(|one| Obstacle { step: one.step, at: at.clone() });
            // That the endpoint answers is said once.
            found.retain(|new| findings.iter().all(|old| old != new));
            findings.extend(found);
            learnt.tokens.insert((one.clone(), resource), obstacle);
        }
        if findings.is_empty() {
            let text = "not asked for: no vault said what it is to be for";
            findings.push(Finding::skipped(Step::Token, text));
        }
        Section { subject: at, findings }
    }

    /// Asks for the secrets of these targets, as far as the way to them is open.
    fn ask(&self, targets: &[Target], learnt: &mut Learnt) {
        let mut wanted: Vec<Question> = Vec::new();
        for target in targets.iter().filter(|target| learnt.obstacle(target).is_none()) {
            let key = question(target);
            if !learnt.secrets.contains_key(&key) && !wanted.contains(&key) {
                wanted.push(key);
            }
        }
        let answers = side_by_side(&wanted, AT_ONCE, "ask", |(identity, id, any)| {
            let credential = self.credentials.of(identity)?;
            let answer = self.client.secret(id, credential, self.now);
            Some(asked(answer, *any, learnt.probes.get(id.vault().host()), self.now))
        });
        let answered = wanted.into_iter().zip(answers);
        learnt.secrets.extend(answered.filter_map(|(key, asked)| Some((key, asked?))));
    }

    fn certificate(&self, target: &Target, learnt: &Learnt) -> Section {
        let name = target.name().to_owned();
        let subject = Subject::Certificate { name, url: target.id.to_string() };
        let asked = learnt.secrets.get(&question(target));
        let mut findings = match asked {
            Some(asked) => asked.findings.clone(),
            None => not_asked(learnt.obstacle(target).as_ref()),
        };
        if learnt.stores.contains_key(&target.store()) {
            findings.push(Finding::skipped(Step::Files, "not looked at: the store is unusable"));
            return Section { subject, findings };
        }
        let record = self.records.of(&target.store(), target.name());
        let offered = asked.and_then(|asked| asked.offered.as_ref());
        findings.extend(files::findings(target, record, offered, &self.store, self.now));
        Section { subject, findings }
    }
}

impl Learnt {
    /// What a token for this vault is to be for.
    fn resource(&self, id: &ObjectId) -> Option<String> {
        let vault = id.vault();
        let said = self.probes.get(vault.host()).and_then(|probe| probe.wanted.as_ref());
        vault.resource().map(str::to_owned).or_else(|| Some(said?.resource.clone()))
    }

    /// What keeps a certificate from being asked for: its identity, else its vault.
    fn obstacle(&self, target: &Target) -> Option<Obstacle> {
        let resource = self.resource(&target.id);
        let token = resource.and_then(|one| self.tokens.get(&(target.identity.clone(), one)));
        if let Some(obstacle) = token.cloned().flatten() {
            return Some(obstacle);
        }
        let host = target.id.vault().host();
        let (step, _) = self.probes.get(host)?.stop.as_ref()?;
        Some(Obstacle { step: vault::step(*step), at: Subject::Vault(host.to_owned()) })
    }
}

fn question(target: &Target) -> Question {
    (target.identity.clone(), target.id.clone(), target.delivery.accepts_any_secret)
}

fn not_asked(obstacle: Option<&Obstacle>) -> Vec<Finding> {
    let why = match obstacle.map(|obstacle| &obstacle.at) {
        Some(Subject::Identity(_)) => "not asked: there is no token",
        Some(_) => "not asked: the vault is out of reach",
        None => "not asked",
    };
    vec![Finding::skipped(Step::Permission, why), Finding::skipped(Step::Content, "not reached")]
}

/// The first step that keeps a certificate from getting through.
fn stop(target: &Target, section: &Section, learnt: &Learnt) -> Option<Stop> {
    let own = || Some(Obstacle { step: section.stop()?, at: section.subject.clone() });
    let store = || learnt.stores.get(&target.store()).cloned();
    // Where the store is unusable, a failure in the certificate's own section came before it.
    let Obstacle { step, at } = learnt.obstacle(target).or_else(own).or_else(store)?;
    Some(Stop { name: target.name().to_owned(), step, at })
}
