//! Consumers of certificates: processes of their own that read every link over and over. A reader
//! tells what it sees, each time that it sees something else; whether that is right is judged
//! against everything that was ever issued.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::world::{CERTIFICATES, Certificate, Truth, hash};

/// Between two walks over all links, so that readers leave the machine some of its processor.
const REST: Duration = Duration::from_micros(500);

/// What a reader saw under one path.
#[derive(Clone, Debug, PartialEq)]
enum Sight {
    /// A text, by its hash.
    Text(u64),
    /// The split layout's files between two equal looks at its metadata: the version that those
    /// name, and the two texts.
    Pair(String, u64, u64),
    /// Nothing, where there had been something, or a failure to read.
    Failure(String),
}

impl fmt::Display for Sight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(hash) => write!(f, "text {hash}"),
            Self::Pair(version, chain, key) => write!(f, "pair {version} {chain} {key}"),
            Self::Failure(why) => write!(f, "failure {why}"),
        }
    }
}

impl Sight {
    /// What a reader has told.
    fn parse(line: &str) -> Result<Self, String> {
        let (kind, rest) = line.split_once(' ').ok_or(line)?;
        let number = |text: &str| text.parse().map_err(|_| line.to_owned());
        let words: Vec<&str> = rest.split(' ').collect();
        match (kind, &words[..]) {
            ("text", [hash]) => Ok(Self::Text(number(hash)?)),
            ("pair", [version, chain, key]) => {
                Ok(Self::Pair((*version).to_owned(), number(chain)?, number(key)?))
            }
            _ => Ok(Self::Failure(rest.to_owned())),
        }
    }
}

/// A reader's whole life: until its input ends.
pub(crate) fn read(folder: &Path) {
    static OVER: AtomicBool = AtomicBool::new(false);
    thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        OVER.store(true, Ordering::Relaxed);
    });
    let mut reader = Reader::default();
    while !OVER.load(Ordering::Relaxed) {
        for certificate in &CERTIFICATES {
            reader.look_at(folder, certificate);
        }
        thread::sleep(REST);
    }
    println!("reads {}", reader.reads);
}

#[derive(Default)]
struct Reader {
    reads: u64,
    last: BTreeMap<String, Sight>,
}

impl Reader {
    fn look_at(&mut self, folder: &Path, certificate: &Certificate) {
        let path = certificate.path();
        if certificate.has_combined() {
            self.link(folder, &path);
        }
        if certificate.has_split() {
            let metadata = || fs::read_to_string(folder.join(format!("{path}.luma"))).ok();
            let before = metadata();
            let chain = self.link(folder, &format!("{path}.pem"));
            let key = self.link(folder, &format!("{path}.keyid"));
            if let (Some(before), Some(chain), Some(key)) = (before, chain, key)
                && metadata().as_ref() == Some(&before)
            {
                let parsed: Value = serde_json::from_str(&before).unwrap_or_default();
                let version = parsed["version"].as_str().unwrap_or("unknown").to_owned();
                self.tell(format!("{path}.luma"), Sight::Pair(version, chain, key));
            }
        }
    }

    /// Reads a link; its text's hash. One that never was there is no matter.
    fn link(&mut self, folder: &Path, path: &str) -> Option<u64> {
        let sight = match fs::read_to_string(folder.join(path)) {
            Ok(text) => Sight::Text(hash(&text)),
            Err(error) if error.kind() == ErrorKind::NotFound && !self.last.contains_key(path) => {
                return None;
            }
            Err(error) => Sight::Failure(error.to_string()),
        };
        self.reads += 1;
        let seen = match &sight {
            Sight::Text(hash) => Some(*hash),
            _ => None,
        };
        self.tell(path.to_owned(), sight);
        seen
    }

    fn tell(&mut self, path: String, sight: Sight) {
        if self.last.get(&path) != Some(&sight) {
            println!("{path} {sight}");
            self.last.insert(path, sight);
        }
    }
}

/// One reader, as whoever started it knows it.
pub(crate) struct Watch {
    process: Child,
    lines: Receiver<String>,
    /// The place of the version that was seen last, by path.
    last: BTreeMap<String, usize>,
    pub(crate) reads: u64,
}

impl Watch {
    /// Starts a reader.
    pub(crate) fn start(folder: &Path) -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut process = Command::new(program)
            .arg("read")
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a reader starts");
        let output = BufReader::new(process.stdout.take().expect("stdout is piped"));
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { process, lines, last: BTreeMap::new(), reads: 0 }
    }

    /// What it has seen since the last time that was not right. To be asked for when everything
    /// that was issued is known.
    pub(crate) fn torn(&mut self, truth: &Truth) -> Vec<String> {
        let lines: Vec<String> = self.lines.try_iter().collect();
        lines.iter().filter_map(|line| self.judge(line, truth).err()).collect()
    }

    /// Ends it, and takes its last words.
    pub(crate) fn finish(&mut self, truth: &Truth) -> Vec<String> {
        if let Some(mut input) = self.process.stdin.take() {
            let _ = input.flush();
        }
        let _ = self.process.wait();
        let lines: Vec<String> = self.lines.iter().collect();
        lines.iter().filter_map(|line| self.judge(line, truth).err()).collect()
    }

    fn judge(&mut self, line: &str, truth: &Truth) -> Result<(), String> {
        if let Some(reads) = line.strip_prefix("reads ") {
            self.reads = reads.parse().map_err(|_| line.to_owned())?;
            return Ok(());
        }
        let (path, sight) = line.split_once(' ').ok_or(line)?;
        let parts = [".pem", ".keyid", ".luma"];
        let split = CERTIFICATES.iter().filter(|certificate| certificate.has_split());
        let mut split = split.map(Certificate::path);
        let base = split.find_map(|base| {
            let ending = path.strip_prefix(&base)?;
            parts.contains(&ending).then_some((base, ending))
        });
        let (base, ending) = base.unwrap_or((path.to_owned(), ""));
        let issued = truth.of(&base);
        let place = match Sight::parse(sight)? {
            Sight::Failure(why) => return Err(format!("{path}: {why}")),
            Sight::Text(hash) => issued.iter().position(|version| {
                hash == match ending {
                    ".pem" => version.chain,
                    ".keyid" => version.key,
                    _ => version.combined,
                }
            }),
            Sight::Pair(name, chain, key) => issued.iter().position(|version| {
                (&version.version, version.chain, version.key) == (&name, chain, key)
            }),
        };
        let place = place.ok_or_else(|| format!("{path}: not what any version holds"))?;
        match self.last.insert(path.to_owned(), place) {
            Some(before) if before > place => {
                Err(format!("{path}: version {place} after version {before}"))
            }
            _ => Ok(()),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
