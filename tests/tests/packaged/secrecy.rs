//! Private keys and tokens are in the store, in memory, and nowhere else: whatever goes wrong, no
//! log, status, report, standard stream or core dump has a part of one.

use std::collections::HashSet;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use acceptance::processes::{Signal, signal};
use acceptance::{Bed, Package, eventually, processes};
use fake_azure::{CertificateSpec, Format, Issued, KeyKind};

use crate::operator::{NOBODY, is_root, ordinary_users_bed, program};

/// So many bytes in a row of a secret are too many: 18 bytes of key, in base64.
const PIECE: usize = 24;

/// Every piece of everything that must not be seen, in each form in which a mistake could show it.
#[derive(Default)]
struct Secrets(HashSet<Vec<u8>>);

impl Secrets {
    fn hide(&mut self, secret: &[u8]) {
        self.0.extend(secret.windows(PIECE).map(<[u8]>::to_vec));
    }

    fn hide_certificate(&mut self, issued: &Issued) {
        let hex: String = issued.pkcs8.iter().map(|byte| format!("{byte:02x}")).collect();
        let debug = format!("{:?}", issued.pkcs8);
        for secret in [
            issued.value.as_bytes(),
            issued.key_pem().as_bytes(),
            &issued.pkcs8,
            hex.as_bytes(),
            debug.as_bytes(),
        ] {
            self.hide(secret);
        }
        let public = [issued.chain_pem().into_bytes(), issued.chain.concat()].concat();
        public.windows(PIECE).for_each(|piece| _ = self.0.remove(piece));
    }

    /// Looks into all files below a folder but the store, the imagined Azure's, and programs.
    fn assert_not_below(&self, folder: &Path) -> usize {
        let mut looked_at = 0;
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if ["store", "azure", "bin", "programs"].contains(&name.as_str()) {
                continue;
            }
            if path.is_dir() {
                looked_at += self.assert_not_below(&path);
            } else if path.is_file() && !name.ends_with(".zip") {
                self.assert_not_in(&path);
                looked_at += 1;
            }
        }
        looked_at
    }

    fn assert_not_in(&self, path: &Path) {
        assert!(!path.file_name().unwrap().to_str().unwrap().starts_with("core"), "{path:?}");
        let text = fs::read(path).unwrap();
        let told = text.windows(PIECE).position(|piece| self.0.contains(piece));
        assert_eq!(told, None, "{path:?} has a part of a secret at this byte");
        // Whatever begins like a JSON web token.
        let token = text.windows(4).position(|piece| piece == b"eyJ0" || piece == b"eyJh");
        assert_eq!(token, None, "{path:?} has a token at this byte");
    }
}

/// Certificates of each kind that are fine, and secrets with keys in them that are not.
fn fill(bed: &Bed, secrets: &mut Secrets) -> Vec<&'static str> {
    let kinds = [("rsa", KeyKind::Rsa2048, Format::Pkcs12), ("ec", KeyKind::EcP256, Format::Pem)];
    for (name, key, format) in kinds {
        let spec = CertificateSpec { key, format, ..CertificateSpec::default() };
        let issued = bed.azure.put_certificate("shop", name, &spec).unwrap();
        secrets.hide_certificate(&issued);
        let (value, half) = (&issued.value, issued.value.len() / 2);
        bed.azure.put_secret("shop", &format!("{name}-cut-off"), &value[..half], None);
        let spoiled = value.replacen('M', "N", 40);
        bed.azure.put_secret("shop", &format!("{name}-spoiled"), &spoiled, None);
        bed.azure.put_secret("shop", &format!("{name}-alone"), &issued.key_pem(), None);
        secrets.hide(spoiled.as_bytes());
    }
    bed.azure.put_secret("shop", "password", "correct horse battery staple", None);
    secrets.hide(b"correct horse battery staple");
    vec![
        "rsa",
        "rsa-cut-off",
        "rsa-spoiled",
        "rsa-alone",
        "ec",
        "ec-cut-off",
        "ec-spoiled",
        "ec-alone",
        "password",
    ]
}

#[test]
fn no_file_that_agent_handler_and_worker_write_has_a_part_of_a_secret() {
    let (mut bed, mut secrets) = (Bed::new(), Secrets::default());
    let names = fill(&bed, &mut secrets);
    let mut settings = bed.settings(&names);
    settings["secretsManagementSettings"]["certificateFileLayout"] = "both".into();
    bed.install(&settings);
    let package = Package::ours();
    for death in [Signal::SEGV, Signal::ABORT, Signal::KILL] {
        let spec = CertificateSpec::default();
        let next = bed.azure.put_certificate("shop", "rsa", &spec).unwrap();
        secrets.hide_certificate(&next);
        bed.assert_installed_whole(&next);
        signal(bed.worker(), Signal::HUP); // in the middle of a pass, or nearly
        eventually("its end", || {
            // Rust's handler for overflown stacks takes the first SIGSEGV or SIGBUS for itself.
            bed.workers().into_iter().for_each(|worker| signal(worker, death));
            bed.workers().is_empty().then_some(())
        });
        bed.agent.restart();
        bed.agent.wait(package.handler(), "success");
    }
    bed.agent.report();
    let looked_at = secrets.assert_not_below(bed.folder());
    assert!(looked_at > 15, "{looked_at}");
}

/// A worker as a service of its own, as an ordinary user, with room for core dumps.
fn worker(bed: &Bed, settings: &Path, said: &File) -> Child {
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -c unlimited; exec \"$0\" run --settings \"$1\""]);
    shell.arg(program(bed.folder())).arg(settings).current_dir(bed.folder());
    shell.env_clear().envs(bed.environment()).env("PATH", "/usr/bin:/bin");
    if is_root() {
        shell.uid(NOBODY).gid(NOBODY);
    }
    shell.stdout(said.try_clone().unwrap()).stderr(said.try_clone().unwrap());
    shell.spawn().unwrap()
}

#[test]
fn a_worker_that_crashes_leaves_no_core_and_says_no_secret() {
    let (bed, mut secrets) = (ordinary_users_bed(), Secrets::default());
    let names = fill(&bed, &mut secrets);
    let settings = bed.folder().join("settings.json");
    fs::write(&settings, bed.settings(&names).to_string()).unwrap();
    let said = File::create(bed.folder().join("said")).unwrap();
    for (number, death) in [Signal::SEGV, Signal::ABORT, Signal::BUS].into_iter().enumerate() {
        let report = bed.state().join("report.json");
        let _ = fs::remove_file(&report); // the one before
        let mut worker = worker(&bed, &settings, &said);
        let process = PathBuf::from(format!("/proc/{}", worker.id()));
        eventually("the certificates", || bed.link("rsa").exists().then_some(()));
        eventually("a report", || {
            fs::read_to_string(&report).ok()?.contains("spoiled").then_some(())
        });
        if is_root() {
            // Nobody else who is `nobody` may attach: proc(5) gives what is not dumpable to root.
            assert_eq!(fs::metadata(process.join("mem")).unwrap().uid(), 0);
        }
        let limits = fs::read_to_string(process.join("limits")).unwrap();
        let cores = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert_eq!(cores.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"]);
        if number > 0 {
            fs::remove_file(bed.link("rsa")).unwrap();
            signal(worker.id(), Signal::HUP);
        }
        let end = eventually("its end", || {
            signal(worker.id(), death);
            worker.try_wait().unwrap()
        });
        assert_eq!((end.signal(), end.core_dumped()), (Some(death.as_raw()), false));
    }
    assert!(processes::of(&bed.state(), "akvvm_service").is_empty());
    let looked_at = secrets.assert_not_below(bed.folder());
    assert!(looked_at > 5, "{looked_at}");
}
