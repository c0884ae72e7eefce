//! The whole worker rotates a certificate while other processes read it all the time.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use acceptance::processes::Signal;
use acceptance::{Bed, eventually, processes};
use fake_azure::Issued;
use serde::{Deserialize, Serialize};
use serde_json::json;

const ROTATIONS: usize = 50;
const READERS: usize = 2;
/// Tells a reader which link to read, and that it is one.
const READER: &str = "AKVVM_TEST_READS";
const NAME: &str = "rotations::fifty_rotations_show_readers_nothing_torn_missing_or_mixed";

/// What a reader saw: each text, or pair of texts, and how often.
#[derive(Default, Deserialize, Serialize)]
struct Seen {
    combined: BTreeMap<String, usize>,
    /// Chain and key, each read between two looks at the same metadata.
    split: BTreeMap<String, BTreeMap<String, usize>>,
    missing: Vec<String>,
}

impl Seen {
    fn read(&mut self, path: &Path) -> String {
        fs::read_to_string(path).unwrap_or_else(|error| {
            self.missing.push(format!("{}: {error}", path.display()));
            String::new()
        })
    }

    fn look(&mut self, link: &Path) {
        let of = |ending: &str| PathBuf::from(format!("{}{ending}", link.display()));
        let combined = self.read(link);
        *self.combined.entry(combined).or_default() += 1;
        // There is none while the links of the split layout move.
        let before = fs::read(of(".luma"));
        let (chain, key) = (self.read(&of(".pem")), self.read(&of(".keyid")));
        if let (Ok(before), Ok(after)) = (before, fs::read(of(".luma")))
            && before == after
        {
            *self.split.entry(chain).or_default().entry(key).or_default() += 1;
        }
    }
}

/// A reader's process: reads until there is a file beside the link's store that says stop.
fn read_until_told(link: &Path) {
    let mut seen = Seen::default();
    let folder = link.parent().and_then(Path::parent).unwrap();
    while !folder.join("stop").exists() {
        (0..50).for_each(|_| seen.look(link));
    }
    let found = folder.join(format!("seen-{}", std::process::id()));
    fs::write(found, serde_json::to_vec(&seen).unwrap()).unwrap();
}

fn reader(link: &Path) -> Child {
    let mut reader = Command::new(env::current_exe().unwrap());
    reader.args([NAME, "--exact"]).env(READER, link).stdout(Stdio::null()).spawn().unwrap()
}

#[test]
fn fifty_rotations_show_readers_nothing_torn_missing_or_mixed() {
    if let Some(link) = env::var_os(READER) {
        return read_until_told(Path::new(&link));
    }
    let mut bed = Bed::new();
    let mut versions = vec![bed.issue("web")];
    let mut settings = bed.settings(&["web"]);
    settings["secretsManagementSettings"]["certificateFileLayout"] = json!("both");
    settings["secretsManagementSettings"]["pollingIntervalInS"] = json!(3600);
    bed.install(&settings);
    bed.assert_installed_whole(&versions[0]);
    let link = bed.link("web");
    eventually("the metadata", || link.with_file_name("shop.web.luma").exists().then_some(()));
    let readers: Vec<Child> = (0..READERS).map(|_| reader(&link)).collect();
    for _ in 0..ROTATIONS {
        let next = bed.issue("web");
        processes::signal(bed.worker(), Signal::HUP); // look now
        bed.assert_installed_whole(&next);
        versions.push(next);
    }
    fs::write(bed.folder().join("stop"), "").unwrap();
    let seen = readers.into_iter().map(|mut reader| {
        assert!(reader.wait().unwrap().success());
        let seen = fs::read(bed.folder().join(format!("seen-{}", reader.id()))).unwrap();
        serde_json::from_slice(&seen).unwrap()
    });
    let (combined, split) = seen
        .map(|seen: Seen| check(&seen, &versions))
        .fold((0, 0), |(combined, split), (one, two)| (combined + one, split + two));
    println!(
        "{ROTATIONS} rotations, {READERS} readers: {combined} combined files and {split} pairs of split files read, none torn, missing or mixed"
    );
    assert!(combined > 10 * ROTATIONS && split > ROTATIONS, "{combined} {split}");
}

/// Everything that a reader saw was one of the versions, whole. Returns how often it looked.
fn check(seen: &Seen, versions: &[Issued]) -> (usize, usize) {
    assert_eq!(seen.missing, Vec::<String>::new());
    let whole = |text: &str| text.lines().filter(|line| !line.is_empty()).collect::<String>();
    let combined: Vec<String> =
        versions.iter().map(|one| whole(&(one.chain_pem() + &one.key_pem()))).collect();
    for text in seen.combined.keys() {
        assert!(combined.contains(&whole(text)), "torn: {} bytes", text.len());
    }
    for (chain, keys) in &seen.split {
        let of = versions.iter().find(|one| whole(&one.chain_pem()) == whole(chain)).unwrap();
        let keys: Vec<String> = keys.keys().map(|key| whole(key)).collect();
        assert_eq!(keys, [whole(&of.key_pem())], "a key of another version");
    }
    let split = seen.split.values().flat_map(BTreeMap::values).sum();
    (seen.combined.values().sum(), split)
}
