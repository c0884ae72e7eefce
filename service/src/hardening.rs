//! What keeps tokens and private keys in memory away from other processes, the disk and the log.

use std::panic::PanicHookInfo;

use log::warn;
use rustix::process::{DumpableBehavior, Resource, Rlimit};

use crate::terminal;

/// No core dumps, and no attaching by processes of the same user (prctl(2), `PR_SET_DUMPABLE`).
pub(crate) fn forbid_dumps() {
    let dumpable = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let cores = rustix::process::setrlimit(Resource::Core, none);
    for error in [dumpable.err(), cores.err()].into_iter().flatten() {
        warn!("core dumps could not be switched off: {error}");
    }
}

/// Has a panic tell where it happened and nothing else: its message may quote what was at hand, as
/// that of cutting a text in the middle of a character does.
pub(crate) fn quote_no_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let line = told(panic);
        log::error!("{line}");
        terminal::complain(&line);
    }));
}

fn told(panic: &PanicHookInfo<'_>) -> String {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    format!("a fault in this program itself ends it ({place}); please report this line")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "a panic needs a process of its own")]

    use std::process::Command;
    use std::time::{Duration, SystemTime};

    use cert_store::Wanted;
    use certified_key::{CertifiedKey, Content};
    use keyvault_client::{AccessToken, Attributes, Http, Network, Secret, SecretClient};
    use object_id::ObjectId;
    use zeroize::Zeroizing;

    use super::*;
    use crate::failure::Failure;
    use crate::ground::SecretSource;
    use crate::look::look;
    use crate::memory_ground::{Bed, FORGET};
    use crate::memory_vault::today;
    use crate::simulation::target;
    use crate::target::Target;

    /// Tells the second run of a test whether it is hardened.
    const INSIDE: &str = "SERVICE_TEST_PANIC";
    const TOKEN: &str = "eyJhbGciOiJub25lIn0.eyJvaWQiOiIxIn0.c2VzYW1l";

    fn pem() -> String {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(vec!["web".to_owned()]).unwrap();
        format!("{}{}", certificate.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    fn secret(value: String) -> Secret {
        let attributes = Attributes { enabled: true, not_before: None, expires: None };
        Secret {
            value: value.into(),
            content_type: Some("application/x-pem-file".into()),
            version: "0".repeat(32),
            attributes,
        }
    }

    fn token() -> AccessToken {
        let text = Zeroizing::new(TOKEN.to_owned());
        AccessToken::new(text, SystemTime::UNIX_EPOCH, Duration::from_secs(60))
    }

    /// A vault whose client has a mistake: it cuts the value in the middle of a character, and
    /// Rust quotes the value in the panic's message.
    struct Mistaken;

    impl crate::queue::Reach<object_id::Vault> for Mistaken {}

    impl SecretSource for Mistaken {
        fn secret(&self, _: &ObjectId, _: &Target, _: SystemTime) -> Result<Secret, Failure> {
            let token = token();
            let secret = secret(format!("é hunter2 {TOKEN} {}", pem()));
            let cut = &secret.value[..1];
            Err(Failure::plain(crate::code::Code::State, crate::failure::Retry::NextPoll, {
                format!("{cut} {token:?}")
            }))
        }
    }

    fn look_with_a_mistake() {
        let bed = Bed::default();
        look(&target("web"), None, &bed.ground(&Mistaken, FORGET), today());
    }

    /// What a process prints that panics with a token and a key in hand.
    fn last_words(hardened: &str) -> String {
        let name = "hardening::tests::a_panic_tells_its_place_and_quotes_nothing";
        let ended = Command::new(std::env::current_exe().unwrap())
            .args([name, "--exact", "--nocapture", "--test-threads=1"])
            .env(INSIDE, hardened)
            .env("RUST_BACKTRACE", "full")
            .output()
            .unwrap();
        assert!(!ended.status.success());
        [ended.stdout, ended.stderr]
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .concat()
    }

    #[test]
    fn a_panic_tells_its_place_and_quotes_nothing() {
        if let Some(hardened) = std::env::var_os(INSIDE) {
            if hardened == "yes" {
                quote_no_panics();
            }
            return look_with_a_mistake();
        }
        let careless = last_words("no");
        assert!(careless.contains("hunter2"), "the mistake shows nothing: {careless}");
        let said = last_words("yes");
        assert!(said.contains("a fault in this program itself ends it (service/src/"), "{said}");
        for secret in ["hunter2", "eyJ", "c2VzYW1l", "PRIVATE KEY", "BEGIN"] {
            assert!(!said.contains(secret), "{secret} in {said}");
        }
    }

    #[test]
    fn nothing_that_holds_a_secret_shows_it() {
        let pem = pem();
        let network = Network {
            https_proxy: Some("http://user:hunter2@127.0.0.1:1".into()),
            ..Network::default()
        };
        let http = Http::new(network.clone()).unwrap();
        let key = CertifiedKey::parse_pem(pem.as_bytes()).unwrap();
        let content = Content::Certificate(CertifiedKey::parse_pem(pem.as_bytes()).unwrap());
        let opaque = Content::Opaque(b"hunter2".to_vec().into());
        let shown: [&dyn std::fmt::Debug; 9] = [
            &token(),
            &secret(pem.clone()),
            &key,
            &content,
            &opaque,
            &Wanted { version: "1", content: &content },
            &http.clone(),
            &network,
            &SecretClient::new(http),
        ];
        let key_lines = pem.lines().skip_while(|line| !line.contains("PRIVATE KEY"));
        let key_lines: Vec<&str> = key_lines.filter(|line| line.len() > 8).collect();
        for one in shown {
            for said in [format!("{one:?}"), format!("{one:#?}")] {
                let told = |secret: &&&str| said.contains(**secret);
                let all = key_lines.iter().chain(&["hunter2", TOKEN, "c2VzYW1l"]);
                assert_eq!(all.clone().find(told), None, "{said}");
            }
        }
    }
}
