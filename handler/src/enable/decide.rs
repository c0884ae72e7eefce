//! What `enable` is to do: a pure function of what was asked for and what is seen.

use worker_state::{AgentPaths, Assignment};

use crate::failure::{Code, Failure};

/// A worker, as it is seen from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// There is none.
    Absent,
    /// Somebody holds the lease and does not say who.
    Unannounced,
    /// It serves the assignment with this identity.
    Serving(String),
    /// It was started by hand and serves no assignment.
    ByHand(Failure),
}

/// All that the decision depends on.
#[derive(Clone, Debug)]
pub(super) struct Situation {
    /// What is to be served, or why the settings cannot be.
    pub(super) wanted: Result<Assignment, String>,
    /// What was assigned last and not withdrawn since.
    pub(super) in_force: Option<Assignment>,
    /// The worker.
    pub(super) seen: Seen,
    /// Whether the guest agent finds what a worker says of these settings.
    pub(super) heard: bool,
    /// Why no worker can be started here.
    pub(super) obstacle: Option<Failure>,
    /// Why the assignment in force is none of this extension's business.
    pub(super) stranger: Option<Failure>,
    /// Where the agent looks for this version.
    pub(super) here: AgentPaths,
    /// This version.
    pub(super) version: String,
}

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Action {
    /// Nothing: it is served already.
    LeaveUntouched,
    /// Assign it once more: it is served, but what was assigned is lost.
    Assign(Assignment),
    /// Tell the worker, which serves it already, that nothing newer is refused any more.
    WithdrawRefusal(Assignment),
    /// Assign it and start a worker.
    Start(Assignment),
    /// Assign it, stop the worker and start another.
    Restart(Assignment),
    /// Have the worker, which goes on with the former settings, publish the refusal.
    RecordRefusal(Assignment, Failure),
    /// No worker runs, but the former settings are still in force: start one that serves them
    /// and publishes the refusal.
    ServeFormer(Assignment, Failure),
    /// Nothing can be done but say why.
    Fail(Failure),
}

pub(super) fn decide(situation: Situation) -> Action {
    let Situation { wanted, in_force, seen, heard, obstacle, stranger, here, version } = situation;
    let hindrance = hindrance(&seen, obstacle, stranger);
    let failure = match (wanted, &hindrance) {
        (Ok(wanted), _)
            if seen == Seen::Serving(wanted.identity()) && (heard || hindrance.is_some()) =>
        {
            return keep(wanted, in_force.as_ref());
        }
        (Ok(wanted), None) if seen == Seen::Absent => return Action::Start(wanted),
        (Ok(wanted), None) => return Action::Restart(wanted),
        (Ok(_), Some((failure, _))) => failure.clone(),
        (Err(reason), _) => Failure::new(Code::SettingsRefused, reason),
    };
    let former = in_force.filter(|former| former.agent == here && former.version == version);
    match (former, seen, hindrance) {
        (Some(former), Seen::Absent, None) => Action::ServeFormer(former, failure),
        (Some(former), Seen::Serving(_) | Seen::Unannounced, None | Some((_, Bars::Start))) => {
            Action::RecordRefusal(former, failure)
        }
        _ => Action::Fail(failure),
    }
}

/// What a hindrance stands in the way of.
enum Bars {
    /// Starting a worker; one that runs can go on.
    Start,
    /// Having anything to do with the worker that runs.
    Everything,
}

/// Why nothing new can be served.
fn hindrance(
    seen: &Seen,
    obstacle: Option<Failure>,
    stranger: Option<Failure>,
) -> Option<(Failure, Bars)> {
    match (seen, stranger, obstacle) {
        (Seen::ByHand(failure), ..) => Some((failure.clone(), Bars::Everything)),
        (Seen::Serving(_) | Seen::Unannounced, Some(stranger), _) => {
            Some((stranger, Bars::Everything))
        }
        (_, _, obstacle) => obstacle.map(|obstacle| (obstacle, Bars::Start)),
    }
}

fn keep(wanted: Assignment, in_force: Option<&Assignment>) -> Action {
    match in_force {
        Some(Assignment { refusal: None, .. }) => Action::LeaveUntouched,
        Some(_) => Action::WithdrawRefusal(wanted),
        None => Action::Assign(wanted),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;
    use std::time::SystemTime;

    use worker_state::Refusal;

    use super::*;

    fn here(folder: &str) -> AgentPaths {
        let folder = Path::new(folder);
        AgentPaths {
            extension_folder: folder.into(),
            status_folder: folder.join("status"),
            heartbeat_file: folder.join("heartbeat.log"),
            log_folder: folder.join("log"),
        }
    }

    fn assignment(sequence_number: u64) -> Assignment {
        Assignment {
            sequence_number,
            version: "1.0".into(),
            settings: serde_json::json!({}),
            agent: here("/e-1.0"),
            environment: BTreeMap::new(),
            assigned_at: SystemTime::UNIX_EPOCH.into(),
            refusal: None,
        }
    }

    fn refused(sequence_number: u64) -> Assignment {
        let refusal = Some(Refusal { sequence_number: 9, reason: "no".into() });
        Assignment { refusal, ..assignment(sequence_number) }
    }

    fn situation(wanted: Result<Assignment, &str>, seen: Seen) -> Situation {
        Situation {
            wanted: wanted.map_err(str::to_owned),
            in_force: None,
            seen,
            heard: true,
            obstacle: None,
            stranger: None,
            here: here("/e-1.0"),
            version: "1.0".into(),
        }
    }

    fn serving(sequence_number: u64) -> Seen {
        Seen::Serving(assignment(sequence_number).identity())
    }

    fn failure(sentence: &str) -> Failure {
        Failure::new(Code::SettingsRefused, sentence)
    }

    fn obstacle() -> Failure {
        Failure::new(Code::NotAlone, "a foreign unit")
    }

    #[test]
    fn what_is_served_already_is_left_untouched() {
        let mut it = situation(Ok(assignment(3)), serving(3));
        it.in_force = Some(assignment(3));
        assert_eq!(decide(it.clone()), Action::LeaveUntouched);
        it.obstacle = Some(obstacle());
        assert_eq!(decide(it), Action::LeaveUntouched, "it does no harm to a worker that runs");
    }

    #[test]
    fn what_is_served_without_an_assignment_is_assigned_again() {
        let it = situation(Ok(assignment(3)), serving(3));
        assert_eq!(decide(it), Action::Assign(assignment(3)));
    }

    #[test]
    fn a_worker_that_is_not_heard_is_started_anew_unless_it_could_not_be() {
        let mut it = situation(Ok(assignment(3)), serving(3));
        it.in_force = Some(assignment(3));
        it.heard = false;
        assert_eq!(decide(it.clone()), Action::Restart(assignment(3)));
        it.obstacle = Some(obstacle());
        assert_eq!(decide(it), Action::LeaveUntouched);
    }

    #[test]
    fn going_back_to_what_is_served_withdraws_a_refusal() {
        let mut it = situation(Ok(assignment(3)), serving(3));
        it.in_force = Some(refused(3));
        assert_eq!(decide(it), Action::WithdrawRefusal(assignment(3)));
    }

    #[test]
    fn new_settings_start_or_restart_the_worker() {
        let wanted = || Ok(assignment(4));
        assert_eq!(decide(situation(wanted(), Seen::Absent)), Action::Start(assignment(4)));
        for seen in [serving(3), Seen::Unannounced] {
            let mut it = situation(wanted(), seen);
            it.in_force = Some(assignment(3));
            assert_eq!(decide(it), Action::Restart(assignment(4)));
        }
    }

    #[test]
    fn a_worker_that_died_is_started_again() {
        let mut it = situation(Ok(assignment(3)), Seen::Absent);
        it.in_force = Some(refused(3));
        assert_eq!(decide(it), Action::Start(assignment(3)));
    }

    #[test]
    fn refused_settings_are_published_by_the_worker_that_runs() {
        for seen in [serving(3), Seen::Unannounced] {
            let mut it = situation(Err("bad"), seen);
            it.in_force = Some(assignment(3));
            assert_eq!(decide(it), Action::RecordRefusal(assignment(3), failure("bad")));
        }
    }

    #[test]
    fn refused_settings_without_a_worker_bring_back_the_former_ones() {
        let mut it = situation(Err("bad"), Seen::Absent);
        it.in_force = Some(assignment(3));
        assert_eq!(decide(it.clone()), Action::ServeFormer(assignment(3), failure("bad")));
        it.obstacle = Some(obstacle());
        assert_eq!(decide(it), Action::Fail(failure("bad")), "nothing can be started");
    }

    #[test]
    fn refused_settings_without_former_ones_are_a_plain_failure() {
        assert_eq!(decide(situation(Err("bad"), Seen::Absent)), Action::Fail(failure("bad")));
        let mut it = situation(Err("bad"), Seen::Absent);
        it.in_force = Some(Assignment { version: "0.9".into(), ..assignment(3) });
        assert_eq!(decide(it), Action::Fail(failure("bad")), "another version's");
        assert_eq!(decide(situation(Err("bad"), serving(3))), Action::Fail(failure("bad")));
    }

    #[test]
    fn a_worker_that_publishes_elsewhere_is_not_asked_to_publish() {
        let mut it = situation(Err("bad"), serving(3));
        it.in_force = Some(Assignment { agent: here("/e-0.9"), ..assignment(3) });
        assert_eq!(decide(it), Action::Fail(failure("bad")));
    }

    #[test]
    fn an_obstacle_keeps_new_settings_out_and_the_former_ones_in() {
        let mut it = situation(Ok(assignment(4)), serving(3));
        it.in_force = Some(assignment(3));
        it.obstacle = Some(obstacle());
        assert_eq!(decide(it), Action::RecordRefusal(assignment(3), obstacle()));
        let mut it = situation(Ok(assignment(4)), Seen::Absent);
        it.obstacle = Some(obstacle());
        assert_eq!(decide(it), Action::Fail(obstacle()));
    }

    #[test]
    fn a_worker_started_by_hand_and_a_strangers_are_left_alone() {
        let by_hand = Failure::new(Code::NotAlone, "process 7");
        for wanted in [Ok(assignment(4)), Err("bad")] {
            let said = if wanted.is_ok() { by_hand.clone() } else { failure("bad") };
            let mut it = situation(wanted, Seen::ByHand(by_hand.clone()));
            it.in_force = Some(assignment(3));
            assert_eq!(decide(it), Action::Fail(said));
        }
        let mut it = situation(Ok(assignment(4)), serving(3));
        it.in_force = Some(assignment(3));
        it.stranger = Some(by_hand.clone());
        assert_eq!(decide(it), Action::Fail(by_hand));
    }

    #[test]
    fn a_stranger_without_a_worker_is_no_hindrance() {
        let mut it = situation(Ok(assignment(4)), Seen::Absent);
        it.in_force = Some(Assignment { agent: here("/other-1.0"), ..assignment(3) });
        it.stranger = Some(failure("another"));
        assert_eq!(decide(it), Action::Start(assignment(4)));
    }
}
