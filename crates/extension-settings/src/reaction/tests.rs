use serde_json::{Value, json};

use super::*;

fn actions(value: Value) -> (Vec<Action>, Vec<String>) {
    let mut remarks = Remarks::default();
    let actions = read_actions(Field::new("onRenewal".to_owned(), value), &mut remarks);
    let left = remarks.finish();
    (actions, left.problems.iter().map(ToString::to_string).collect())
}

fn printed(action: &Action) -> String {
    match action {
        Action::Unit { unit, verb } => format!("{verb} {unit}"),
        Action::Signal { signal, recipient: Recipient::Unit(unit) } => format!("{signal} {unit}"),
        Action::Signal { signal, recipient: Recipient::PidFile(file) } => {
            format!("{signal} {}", file.display())
        }
        Action::Command(Command { argv, timeout, user }) => {
            format!("{argv} {} s {}", timeout.as_secs(), user.as_deref().unwrap_or("-"))
        }
    }
}

#[test]
fn units_signals_and_commands_are_read() {
    let (read, problems) = actions(json!([
        {"unit": "nginx"},
        {"unit": "haproxy.service", "action": "Try-Reload-Or-Restart"},
        {"signal": "SIGUSR1", "unit": "apache2"},
        {"signal": "hup", "pidFile": "/run/x.pid"},
        {"command": ["/usr/bin/true"]},
        {"command": ["/usr/bin/logger", "new $(id)"], "timeoutInS": "5", "user": "nobody"},
    ]));
    assert_eq!(problems, Vec::<String>::new());
    let printed: Vec<_> = read.iter().map(printed).collect();
    let expected = [
        "reload nginx.service",
        "try-reload-or-restart haproxy.service",
        "USR1 apache2.service",
        "HUP /run/x.pid",
        "[\"/usr/bin/true\"] 60 s -",
        "[\"/usr/bin/logger\",\"new $(id)\"] 5 s nobody",
    ];
    assert_eq!(printed, expected);
    let Action::Command(command) = &read[5] else { panic!() };
    assert_eq!(command.argv.program(), std::path::Path::new("/usr/bin/logger"));
    assert_eq!(command.argv.arguments(), ["new $(id)"]);
}

#[test]
fn every_mistake_has_its_path_and_its_fix() {
    for (value, sentence) in [
        (json!([{}]), "onRenewal[0].unit: missing: write a systemd unit"),
        (json!(["nginx"]), "onRenewal[0]: must be an object such as {\"unit\": \"nginx.service\"}"),
        (json!({"unit": "-H"}), "onRenewal.unit: \"-H\" begins like an option"),
        (
            json!({"unit": "renew.timer"}),
            "onRenewal.unit: \"renew.timer\" is neither a service nor a socket nor a target; only",
        ),
        (
            json!({"signal": "HUP", "unit": "home.mount"}),
            "onRenewal.unit: \"home.mount\" is neither a service nor a socket nor a target; only",
        ),
        (json!({"unit": "a", "action": "relaod"}), "did you mean \"reload\"?"),
        (json!({"unit": "a", "user": "b"}), "onRenewal.user: goes with a command only: remove it"),
        (
            json!({"unit": "a", "command": ["/bin/x"]}),
            "onRenewal.unit: does not go with a command: write an action for each",
        ),
        (json!({"signal": "KILL", "unit": "a"}), "must be HUP, INT, QUIT, USR1, USR2, TERM or"),
        (json!({"signal": "HUP"}), "onRenewal: must name either a unit or a pidFile"),
        (
            json!({"signal": "HUP", "unit": "a", "action": "reload"}),
            "onRenewal.action: does not go",
        ),
        (
            json!({"command": "/usr/sbin/nginx -s reload"}),
            "onRenewal.command: must be a list, for there is no shell that would split a line: \
             write [\"/usr/sbin/nginx\",\"-s\",\"reload\"]",
        ),
        (json!({"command": "a && b"}), "write [\"/usr/local/sbin/program\", \"argument\"]"),
        (json!({"command": ["nginx"]}), "onRenewal.command[0]: \"nginx\" is not an absolute path"),
        (json!({"command": ["/bin/x", 5]}), "onRenewal.command[1]: must be a string in quotes"),
        (json!({"command": []}), "onRenewal.command: must be a program and its arguments"),
    ] {
        let (read, problems) = actions(value.clone());
        assert!(read.is_empty(), "{value}");
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].contains(sentence), "{problems:?}");
    }
}

#[test]
fn a_check_may_be_its_command_alone() {
    let check = |value: Value| {
        let mut remarks = Remarks::default();
        let check = read_check(Field::new("check".to_owned(), value), &mut remarks);
        (check, remarks.finish().warnings.len())
    };
    let (written, none) = check(json!({"command": ["/bin/x", "-t"]}));
    let (alone, one) = check(json!(["/bin/x", "-t"]));
    assert_eq!((written.clone(), none, one), (alone, 0, 1));
    assert_eq!(written.unwrap().timeout, CHECK_TIMEOUT);
}

#[test]
fn guards_are_on_where_something_is_asked_for_or_one_is_named() {
    let guards = |value: Value, configured| {
        let field = Field::new("guards".to_owned(), value);
        let guards = Guards::read(Some(field), configured, &mut Remarks::default());
        [guards.names, guards.validity, guards.issuer]
    };
    assert_eq!(guards(json!({}), false), [false; 3]);
    assert_eq!(guards(json!({}), true), [true; 3]);
    assert_eq!(guards(json!({"names": "false"}), false), [false, true, true]);
    assert_eq!(guards(json!({"issuer": false}), true), [true, true, false]);
}
