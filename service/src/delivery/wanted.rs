//! What the settings ask for beside the store, as far as the machine's administrator permits it.

use cert_store::{FileAccess, Form, Grant, Output, SetFile};
use certified_key::Encryption;
use extension_settings as settings;
use extension_settings::ObservedCertificate;
use reaction::{Action, Command, LocalAddress, Permission, Recipient, Signal, StartTls, UnitName};
use reaction::{Verb, Verification, permit};

use super::Delivery;
use crate::guard::Guards;

/// The delivery of one certificate, and what is left out of it and why. `all` is what the settings
/// ask for after any change.
pub(crate) fn delivery(
    observed: &ObservedCertificate,
    all: &[settings::Action],
    permission: Permission,
) -> (Delivery, Vec<String>) {
    let mut warnings = Vec::new();
    let mut left_out = |what: &str, why: String| {
        warnings.push(format!("{}: {what} is left out: {why}", observed.link_name));
    };
    let (mut actions, mut complete) = (Vec::new(), true);
    for wanted in observed.on_renewal.iter().chain(all) {
        match action(wanted).and_then(|action| permitted(action, permission)) {
            Ok(action) if actions.contains(&action) => {}
            Ok(action) => actions.push(action),
            Err(why) => {
                complete = false;
                left_out("onRenewal", why);
            }
        }
    }
    let check = observed.check.as_ref().map(|wanted| {
        let command = command(wanted)?;
        permitted(Action::Command(command.clone()), permission).map(|_| command)
    });
    let check = check.and_then(|check| check.map_err(|why| left_out("check", why)).ok());
    let mut verifications = Vec::new();
    for wanted in &observed.verify {
        match verification(wanted) {
            // Whoever is not told cannot be expected to show it.
            Ok(_) if !complete => left_out("verify", "onRenewal is incomplete".into()),
            Ok(verification) => verifications.push(verification),
            Err(why) => left_out("verify", why),
        }
    }
    let settings::Guards { names, validity, issuer } = observed.guards;
    let delivery = Delivery {
        outputs: observed.outputs.iter().map(output).collect(),
        check,
        actions,
        verifications,
        guards: Guards { names, validity, issuer },
        rolls_back: observed.rollback,
        accepts_any_secret: observed.accepts_any_secret(),
    };
    (delivery, warnings)
}

fn permitted(action: Action, permission: Permission) -> Result<Action, String> {
    permit(&action, permission).map_err(|error| error.to_string())?;
    Ok(action)
}

fn action(wanted: &settings::Action) -> Result<Action, String> {
    Ok(match wanted {
        settings::Action::Unit { unit, verb } => Action::Unit {
            unit: unit_name(unit)?,
            verb: match verb {
                settings::Verb::Reload => Verb::Reload,
                settings::Verb::TryReloadOrRestart => Verb::TryReloadOrRestart,
                settings::Verb::Restart => Verb::Restart,
            },
        },
        settings::Action::Signal { signal, recipient } => Action::Signal {
            signal: Signal::parse(&signal.to_string()).map_err(said)?,
            recipient: match recipient {
                settings::Recipient::Unit(unit) => Recipient::Unit(unit_name(unit)?),
                settings::Recipient::PidFile(path) => Recipient::PidFile(path.clone()),
            },
        },
        settings::Action::Command(wanted) => Action::Command(command(wanted)?),
    })
}

fn unit_name(unit: &settings::UnitName) -> Result<UnitName, String> {
    UnitName::parse(unit.name()).map_err(said)
}

fn command(wanted: &settings::Command) -> Result<Command, String> {
    let program = wanted.argv.program().display().to_string();
    let argv = std::iter::once(program).chain(wanted.argv.arguments().iter().cloned()).collect();
    Command::new(argv, wanted.timeout, wanted.user.clone()).map_err(said)
}

fn verification(wanted: &settings::Verification) -> Result<Verification, String> {
    Ok(Verification {
        address: LocalAddress::parse(&wanted.address.to_string()).map_err(said)?,
        server_name: wanted.server_name.clone(),
        alpn: wanted.alpn.iter().map(|protocol| protocol.clone().into_bytes()).collect(),
        start_tls: wanted.start_tls.map(start_tls),
        time_limit: wanted.timeout,
    })
}

fn start_tls(wanted: settings::StartTls) -> StartTls {
    match wanted {
        settings::StartTls::Postgres => StartTls::Postgres,
        settings::StartTls::Smtp => StartTls::Smtp,
        settings::StartTls::Imap => StartTls::Imap,
        settings::StartTls::Pop3 => StartTls::Pop3,
    }
}

fn said(error: impl std::error::Error) -> String {
    error.to_string()
}

fn output(wanted: &settings::Output) -> Output {
    match wanted {
        settings::Output::File { path, form: wanted, access: who } => {
            Output::File { path: path.clone(), form: form(wanted), access: access(who) }
        }
        settings::Output::Directory { link, files } => Output::Directory {
            link: link.clone(),
            files: files
                .iter()
                .map(|file| SetFile {
                    name: file.name.clone(),
                    form: form(&file.form),
                    access: access(&file.access),
                })
                .collect(),
        },
    }
}

fn form(wanted: &settings::Form) -> Form {
    match wanted {
        settings::Form::Combined => Form::Combined,
        settings::Form::FullChain => Form::FullChain,
        settings::Form::Leaf => Form::Leaf,
        settings::Form::Issuers => Form::Issuers,
        settings::Form::PrivateKey => Form::PrivateKey,
        settings::Form::Pkcs12 { password_file, encryption } => Form::Pkcs12 {
            password_file: password_file.clone(),
            encryption: match encryption {
                settings::Encryption::Modern => Encryption::Modern,
                settings::Encryption::Legacy => Encryption::Legacy,
            },
        },
        settings::Form::Raw => Form::Raw,
    }
}

fn access(wanted: &settings::FileAccess) -> FileAccess {
    let grant = |acl: &settings::Acl| Grant { user: acl.user.clone(), group: acl.group.clone() };
    FileAccess {
        owner: wanted.owner.clone(),
        group: wanted.group.clone(),
        mode: wanted.mode,
        grants: wanted.acls.iter().map(grant).collect(),
    }
}

#[cfg(test)]
mod tests {
    use object_id::VaultSuffixes;
    use serde_json::json;

    use super::*;

    fn delivered(permission: Permission) -> (Delivery, Vec<String>) {
        let document = json!({"secretsManagementSettings": {
            "observedCertificates": [{
                "url": "https://contoso.vault.azure.net/secrets/web",
                "certificateStoreLocation": "/store",
                "outputs": [{"path": "/etc/nginx/web.pem", "form": "combined", "group": "adm"}],
                "check": {"command": ["/usr/sbin/nginx", "-t"]},
                "onRenewal": [
                    {"unit": "nginx", "action": "reload"},
                    {"command": ["/usr/local/bin/tell"]},
                ],
                "verify": {"address": "127.0.0.1:443", "serverName": "web.contoso.com"},
            }],
            "onRenewal": [{"unit": "nginx", "action": "reload"}],
        }});
        let parsed = settings::parse(&document, &VaultSuffixes::known()).unwrap();
        delivery(&parsed.settings.certificates[0], &parsed.settings.on_renewal, permission)
    }

    #[test]
    fn everything_that_is_permitted_is_delivered_once() {
        let (delivery, warnings) = delivered(Permission::Commands);
        assert!(warnings.is_empty(), "{warnings:?}");
        let actions: Vec<String> = delivery.actions.iter().map(ToString::to_string).collect();
        assert_eq!(actions, ["reload nginx.service", "/usr/local/bin/tell"]);
        assert_eq!(delivery.check.unwrap().to_string(), "/usr/sbin/nginx -t");
        assert_eq!((delivery.outputs.len(), delivery.verifications.len()), (1, 1));
        assert!(delivery.guards.names && delivery.rolls_back);
    }

    #[test]
    fn actions_that_are_asked_for_twice_are_complete_and_others_make_up_for_none() {
        let complete = |of_one: serde_json::Value, of_all: serde_json::Value| {
            let document = json!({"secretsManagementSettings": {
                "observedCertificates": [{
                    "url": "https://contoso.vault.azure.net/secrets/web",
                    "certificateStoreLocation": "/store",
                    "onRenewal": of_one,
                    "verify": {"address": "127.0.0.1:443"},
                }],
                "onRenewal": of_all,
            }});
            let parsed = settings::parse(&document, &VaultSuffixes::known()).unwrap();
            let settings = parsed.settings;
            let (delivery, _) =
                delivery(&settings.certificates[0], &settings.on_renewal, Permission::Units);
            !delivery.verifications.is_empty()
        };
        let (nginx, other) = (json!({"unit": "nginx"}), json!({"unit": "haproxy"}));
        let command = json!({"command": ["/usr/local/bin/tell"]});
        assert!(complete(json!([nginx, nginx]), json!([])));
        assert!(!complete(json!([nginx, command]), json!([other])));
        assert!(!complete(json!([nginx]), json!([command])));
    }

    #[test]
    fn what_is_not_permitted_is_left_out_and_said_and_hinders_no_renewal() {
        let (delivery, warnings) = delivered(Permission::Units);
        assert_eq!((delivery.actions.len(), delivery.check), (1, None));
        assert!(delivery.verifications.is_empty());
        assert_eq!(warnings.len(), 3, "{warnings:?}");
        assert!(warnings.iter().all(|text| text.starts_with("contoso.web: ")));
        assert!(warnings[0].contains("AKVVM_REACTIONS"), "{warnings:?}");
        let (delivery, _) = delivered(Permission::None);
        assert!(!delivery.reacts());
    }
}
