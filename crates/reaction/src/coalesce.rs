//! One action for all that ask for it.

use crate::{Action, UnitName, Verb};

/// Equal actions become one, and several verbs for one unit the strongest of them, since it does
/// what the gentler ones would. Each keeps the place of the first that asked for it, and all
/// `asked` in their order.
#[must_use]
pub fn coalesce<T>(wanted: impl IntoIterator<Item = (Action, T)>) -> Vec<(Action, Vec<T>)> {
    let mut merged: Vec<(Action, Vec<T>)> = Vec::new();
    for (action, asked) in wanted {
        match merged.iter_mut().find(|(known, _)| is_same(known, &action)) {
            Some((known, all)) => {
                if verb(&action) > verb(known) {
                    *known = action;
                }
                all.push(asked);
            }
            None => merged.push((action, vec![asked])),
        }
    }
    merged
}

fn is_same(one: &Action, other: &Action) -> bool {
    one == other || unit(one).is_some() && unit(one) == unit(other)
}

fn unit(action: &Action) -> Option<&UnitName> {
    match action {
        Action::Unit { unit, .. } => Some(unit),
        _ => None,
    }
}

fn verb(action: &Action) -> Option<Verb> {
    match action {
        Action::Unit { verb, .. } => Some(*verb),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Command, Recipient, Signal};

    fn unit_action(name: &str, verb: Verb) -> Action {
        Action::Unit { unit: UnitName::parse(name).unwrap(), verb }
    }

    fn command(argument: &str) -> Action {
        let argv = vec!["/bin/true".to_owned(), argument.to_owned()];
        Action::Command(Command::new(argv, Duration::from_secs(1), None).unwrap())
    }

    #[test]
    fn several_certificates_give_one_action_for_a_unit() {
        let merged = coalesce([
            (unit_action("nginx", Verb::Reload), "web"),
            (unit_action("haproxy", Verb::Reload), "web"),
            (unit_action("nginx.service", Verb::Reload), "mail"),
        ]);
        let wanted = vec![
            (unit_action("nginx", Verb::Reload), vec!["web", "mail"]),
            (unit_action("haproxy", Verb::Reload), vec!["web"]),
        ];
        assert_eq!(merged, wanted);
    }

    #[test]
    fn the_strongest_verb_does_for_all() {
        let verbs = [Verb::Reload, Verb::Restart, Verb::TryReloadOrRestart];
        let merged = coalesce(verbs.map(|verb| (unit_action("nginx", verb), ())));
        assert_eq!(merged, vec![(unit_action("nginx", Verb::Restart), vec![(); 3])]);
    }

    #[test]
    fn commands_and_signals_are_one_only_where_they_are_equal() {
        let recipient = || Recipient::Unit(UnitName::parse("nginx").unwrap());
        let signal = |name: &str| Action::Signal {
            signal: Signal::parse(name).unwrap(),
            recipient: recipient(),
        };
        let merged = coalesce([
            (command("a"), 1),
            (command("b"), 2),
            (command("a"), 3),
            (signal("HUP"), 4),
            (signal("USR1"), 5),
            (unit_action("nginx", Verb::Reload), 6),
        ]);
        let asked: Vec<_> = merged.into_iter().map(|(_, asked)| asked).collect();
        assert_eq!(asked, [vec![1, 3], vec![2], vec![4], vec![5], vec![6]]);
    }
}
