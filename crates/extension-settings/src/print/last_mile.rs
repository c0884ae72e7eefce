//! What an entry asks for beyond its store.

use serde_json::{Map, Value, json};

use super::{acls, put};
use crate::outputs::{FileAccess, Form, Output};
use crate::reaction::{Action, Argv, Command, Recipient};
use crate::settings::ObservedCertificate;
use crate::verification::Verification;

pub(super) fn put_all(entry: &mut Map<String, Value>, certificate: &ObservedCertificate) {
    let outputs = certificate.outputs.iter().map(output);
    put(entry, "outputs", list(outputs));
    put(entry, "check", certificate.check.as_ref().map(command));
    put(entry, "onRenewal", actions(&certificate.on_renewal));
    put(entry, "verify", list(certificate.verify.iter().map(verification)));
    if certificate.guards != certificate.usual_guards() {
        let guards = certificate.guards;
        let guards =
            json!({"names": guards.names, "validity": guards.validity, "issuer": guards.issuer});
        entry.insert("guards".into(), guards);
    }
    put(entry, "rollback", (!certificate.rollback).then_some(false));
}

fn list(items: impl ExactSizeIterator<Item = Value>) -> Option<Value> {
    (items.len() > 0).then(|| items.collect())
}

fn output(output: &Output) -> Value {
    let path = output.path().to_string_lossy();
    match output {
        Output::File { form, access, .. } => {
            let mut keys = file(form, access);
            keys.insert("path".into(), path.into());
            Value::Object(keys)
        }
        Output::Directory { files, .. } => {
            let files = files.iter().map(|one| {
                let mut keys = file(&one.form, &one.access);
                keys.insert("name".into(), one.name.clone().into());
                Value::Object(keys)
            });
            json!({"directory": path, "files": files.collect::<Value>()})
        }
    }
}

fn file(form: &Form, access: &FileAccess) -> Map<String, Value> {
    let mut keys = Map::new();
    keys.insert("form".into(), form.name().into());
    if let Form::Pkcs12 { password_file, encryption } = form {
        let password = password_file.as_ref().map(|path| path.to_string_lossy().into_owned());
        put(&mut keys, "passwordFile", password);
        keys.insert("encryption".into(), encryption.name().into());
    }
    put(&mut keys, "owner", access.owner.clone());
    put(&mut keys, "group", access.group.clone());
    keys.insert("mode".into(), format!("{:04o}", access.mode).into());
    put(&mut keys, "acls", acls(&access.acls));
    keys
}

pub(super) fn actions(actions: &[Action]) -> Option<Value> {
    list(actions.iter().map(action))
}

fn action(action: &Action) -> Value {
    match action {
        Action::Unit { unit, verb } => {
            json!({"unit": unit.to_string(), "action": verb.to_string()})
        }
        Action::Signal { signal, recipient: Recipient::Unit(unit) } => {
            json!({"signal": signal.to_string(), "unit": unit.to_string()})
        }
        Action::Signal { signal, recipient: Recipient::PidFile(file) } => {
            json!({"signal": signal.to_string(), "pidFile": file.to_string_lossy()})
        }
        Action::Command(command) => self::command(command),
    }
}

fn command(command: &Command) -> Value {
    let mut keys = Map::new();
    keys.insert("command".into(), argv(&command.argv));
    keys.insert("timeoutInS".into(), command.timeout.as_secs().into());
    put(&mut keys, "user", command.user.clone());
    Value::Object(keys)
}

fn argv(argv: &Argv) -> Value {
    let program = argv.program().to_string_lossy().into_owned();
    std::iter::once(program).chain(argv.arguments().iter().cloned()).collect()
}

fn verification(verification: &Verification) -> Value {
    let mut keys = Map::new();
    keys.insert("address".into(), verification.address.to_string().into());
    put(&mut keys, "serverName", verification.server_name.clone());
    put(&mut keys, "alpn", list(verification.alpn.iter().cloned().map(Value::from)));
    put(&mut keys, "startTls", verification.start_tls.map(|protocol| protocol.name()));
    keys.insert("timeoutInS".into(), verification.timeout.as_secs().into());
    Value::Object(keys)
}
