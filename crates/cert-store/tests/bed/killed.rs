//! A process that installs rotations until it is killed, and what it leaves outside the store:
//! the certificates it installs in turn, and its ledger.

use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, SystemTime};
use std::{env, fs};

use cert_store::{CertificateStore, Generation, Installed, Ledger, LedgerFile};
use certified_key::{CertifiedKey, Content};
use serde_json::{Value, json};

use crate::bed::{Bed, key, start, target};

/// Tells the process where to work, and that it is that process.
const FOLDER: &str = "CERT_STORE_TEST_ROTATES_IN";
/// What it prints after each rotation.
const ROTATED: &str = "rotated ";

/// Where the process has to work, if this is it.
pub(crate) fn folder() -> Option<PathBuf> {
    env::var_os(FOLDER).map(PathBuf::from)
}

/// Writes the certificates that are installed in turn.
pub(crate) fn write_certificates(folder: &Path, contents: &[Content]) {
    for (number, content) in contents.iter().enumerate() {
        fs::write(folder.join(format!("{number}.pem")), key(content).to_pem()).unwrap();
    }
}

/// Installs one version after the other, as the worker does: sweep, install, write the ledger,
/// retire, write the ledger. Ends when nobody listens any more.
pub(crate) fn rotate_until_killed(
    folder: &Path,
    certificates: usize,
    layouts: &[cert_store::Layout],
) {
    let contents: Vec<Content> = (0..certificates)
        .map(|number| fs::read(folder.join(format!("{number}.pem"))).unwrap())
        .map(|pem| Content::Certificate(CertifiedKey::parse_pem(&pem).unwrap()))
        .collect();
    // Below the other's folder, because nobody tidies up after a kill.
    let mut bed = Bed::within(tempfile::tempdir_in(folder).unwrap(), layouts);
    bed.target = target(&folder.join("store"), "myCertificate", layouts);
    bed.store.sweep(&bed.target.location).unwrap();
    resume(&mut bed, folder);
    for number in active(&bed.ledger) + 1.. {
        install(&mut bed, number, &contents[number as usize % certificates]);
        write_ledger(folder, &bed.ledger);
        println!("{ROTATED}{number}"); // a panic once nobody reads it
        retire(&mut bed);
        write_ledger(folder, &bed.ledger);
    }
}

/// The number of the active version.
pub(crate) fn active(ledger: &Ledger) -> u32 {
    ledger.active.as_ref().map_or(0, |active| u32::from_str_radix(&active.version, 16).unwrap())
}

/// A rotation a second: readers that are slow to open what they found must find it for a minute.
pub(crate) fn install(bed: &mut Bed, number: u32, content: &Content) -> Installed {
    bed.now -= Duration::from_secs(599);
    bed.install(number, content).unwrap()
}

/// At the same moment.
pub(crate) fn retire(bed: &mut Bed) {
    let retirement = bed.store.retire(&mut [(&bed.target, &mut bed.ledger)], bed.now);
    assert!(retirement.problems.is_empty(), "{:?}", retirement.problems);
}

/// Takes the ledger and the time up where the last process left them.
pub(crate) fn resume(bed: &mut Bed, folder: &Path) {
    bed.ledger = read_ledger(folder);
    bed.now = start() + Duration::from_secs(1) * active(&bed.ledger);
}

pub(crate) fn write_ledger(folder: &Path, ledger: &Ledger) {
    let generation = |g: &Option<Generation>| g.as_ref().map(|g| json!([g.version, g.digest]));
    let seconds = |at: SystemTime| at.duration_since(start()).unwrap().as_secs();
    let file = |f: &LedgerFile| {
        json!([
            f.name,
            f.version,
            f.digest,
            f.superseded.map(seconds),
            f.adopted,
            f.prepared,
            f.differs
        ])
    };
    let document = json!({
        "active": generation(&ledger.active),
        "previous": generation(&ledger.previous),
        "files": ledger.files.iter().map(file).collect::<Vec<_>>(),
        "directories": ledger.directories,
    });
    let bytes = document.to_string().into_bytes();
    atomic_file::replace_file(&folder.join("ledger.json"), 0o600, &bytes).unwrap();
}

fn read_ledger(folder: &Path) -> Ledger {
    let Ok(bytes) = fs::read(folder.join("ledger.json")) else { return Ledger::default() };
    let document: Value = serde_json::from_slice(&bytes).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let generation = |value: &Value| {
        let [version, digest] = value.as_array()?.as_slice() else { return None };
        Some(Generation { version: text(version), digest: text(digest) })
    };
    let file = |value: &Value| LedgerFile {
        name: text(&value[0]),
        version: text(&value[1]),
        digest: text(&value[2]),
        superseded: value[3].as_u64().map(|seconds| start() + Duration::from_secs(seconds)),
        adopted: value[4].as_bool().unwrap(),
        prepared: value[5].as_bool().unwrap(),
        differs: value[6].as_bool().unwrap(),
    };
    let list = |key: &str| document[key].as_array().unwrap().iter();
    Ledger {
        active: generation(&document["active"]),
        previous: generation(&document["previous"]),
        files: list("files").map(file).collect(),
        directories: list("directories").map(|path| text(path).into()).collect(),
        grantees: Vec::new(),
    }
}

/// The process, from the outside.
pub(crate) struct Victim {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Victim {
    /// Runs the test `name` of this binary as the process.
    pub(crate) fn start(name: &str, folder: &Path) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args([name, "--exact", "--nocapture"]).env(FOLDER, folder);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Victim { child, lines }
    }

    /// Waits until it has done so many rotations more.
    pub(crate) fn wait_for(&mut self, rotations: usize) {
        let mut rotated =
            self.lines.by_ref().filter(|line| line.as_ref().unwrap().contains(ROTATED));
        for _ in 0..rotations {
            assert!(rotated.next().is_some(), "the process ended by itself");
        }
    }

    /// Kills it with SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        let status = self.child.wait().unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9), "{status}");
    }
}
