//! A store of Microsoft's extension, its settings migrated, and the first passes over it, while
//! programs read.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use fake_azure::{CertificateSpec, Issued};
use serde_json::{Value, json};

use crate::bed::Ran;
use crate::world::World;

const URL: &str = "https://contoso.vault.azure.net/secrets/site";

/// A machine on which Microsoft's extension has installed the certificate `site`.
struct Machine {
    world: World,
    issued: Issued,
}

impl Machine {
    fn new() -> Self {
        let world = World::new();
        std::fs::create_dir(world.store()).unwrap();
        let issued = issue(&world);
        Self { world, issued }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.world.store().join(name)
    }

    /// A file as that extension leaves it: root's, and for root only.
    fn put(&self, name: &str, mode: u32, text: &str) {
        std::fs::write(self.at(name), text).unwrap();
        std::fs::set_permissions(self.at(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Chain and key in one text, the lines ended as no program of ours would.
    fn combined(&self) -> String {
        (self.issued.chain_pem() + &self.issued.key_pem()).replace('\n', "\r\n")
    }

    /// What migrates `entry` from this generation, checks what it says would become of `fates`, and
    /// makes the first pass, while readers open `links`.
    fn taken_over(&self, from: &str, entry: Value, fates: &[(&str, &str)]) -> Ran {
        let bed = &self.world.bed;
        bed.write("old.json", self.world.settings(json!([entry])).to_string());
        let arguments = ["migrate", "--from", from, "--settings", "old.json"];
        let said = bed.look(&[&arguments[..], &["--json"]].concat()).json();
        let names = said["certificates"][0]["names"].as_array().unwrap();
        let path = |name: &str| self.at(name).display().to_string();
        let foretold = names
            .iter()
            .map(|one| (one["path"].as_str().unwrap().to_owned(), one["fate"].as_str().unwrap()));
        let expected = fates.iter().map(|(name, fate)| (path(name), *fate));
        assert_eq!(foretold.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
        let ran = bed.run(&[&arguments[..], &["--output", "new.json"]].concat());
        assert_eq!(ran.code, Some(0), "{ran}");
        let links = fates.iter().filter(|(name, _)| !name.ends_with(".luma"));
        self.sync(links.map(|(name, _)| self.at(name)).collect())
    }

    /// A pass, while readers open these links: each must lead to a whole file at every moment.
    fn sync(&self, links: Vec<PathBuf>) -> Ran {
        let (done, reads) = (AtomicBool::new(false), AtomicU64::new(0));
        let read = |link: &Path| {
            while !done.load(Ordering::Relaxed) {
                let text = std::fs::read_to_string(link).unwrap();
                assert!(text.trim_end().ends_with("-----"), "{link:?} is cut short");
                reads.fetch_add(1, Ordering::Relaxed);
            }
        };
        let read = &read;
        let ran = std::thread::scope(|scope| {
            for link in &links {
                scope.spawn(move || read(link));
            }
            let ran = self.world.bed.run(&["sync", "--settings", "new.json"]);
            done.store(true, Ordering::Relaxed);
            ran
        });
        assert_eq!(ran.code, Some(0), "{ran}");
        assert!(links.is_empty() || reads.load(Ordering::Relaxed) > 0);
        ran
    }

    /// Inode, time of the last change, and where links lead, of everything in the store.
    fn standing(&self) -> BTreeMap<String, (u64, i64, i64, Option<PathBuf>)> {
        let entries = std::fs::read_dir(self.world.store()).unwrap();
        let one = |entry: std::io::Result<std::fs::DirEntry>| {
            let entry = entry.unwrap();
            let it = entry.path().symlink_metadata().unwrap();
            let leads = std::fs::read_link(entry.path()).ok();
            (
                entry.file_name().into_string().unwrap(),
                (it.ino(), it.ctime(), it.ctime_nsec(), leads),
            )
        };
        entries.map(one).collect()
    }

    /// Another version comes; the one before stays beside it.
    fn rotate(&self, links: &[&str]) {
        let before = self.standing();
        let version = issue(&self.world).version;
        self.sync(links.iter().map(|link| self.at(link)).collect());
        for link in links {
            let leads = std::fs::read_link(self.at(link)).unwrap();
            assert!(leads.to_str().unwrap().contains(&version), "{leads:?}");
        }
        for (name, (inode, ..)) in before
            .iter()
            .filter(|(name, _)| !links.contains(&name.as_str()) && !name.ends_with(".luma"))
        {
            assert_eq!(self.standing().get(name).map(|it| it.0), Some(*inode), "{name}");
        }
    }
}

fn issue(world: &World) -> Issued {
    world.azure.put_certificate("contoso", "site", &CertificateSpec::default()).unwrap()
}

#[test]
fn a_store_of_3x_is_taken_over_without_a_write() {
    let machine = Machine::new();
    let file = format!("contoso.site.{}", machine.issued.version);
    machine.put(&file, 0o600, &machine.combined());
    symlink(&file, machine.at("site.pem")).unwrap();
    let before = machine.standing();
    let entry = json!({"url": URL, "customSymbolicLinkName": "site.pem"});
    machine.taken_over("3", entry, &[("site.pem", "takenOver")]);
    assert_eq!(machine.standing(), before);
    machine.rotate(&["site.pem"]);
}

#[test]
fn a_store_of_2x_keeps_its_file_and_its_link_never_is_away() {
    let machine = Machine::new();
    let version = &machine.issued.version;
    let file = format!("contoso.site.{version}.1600000000.1900000000.PEM");
    machine.put(&file, 0o600, &machine.combined());
    symlink(machine.at(&file), machine.at("contoso.site")).unwrap();
    let before = machine.standing();
    machine.taken_over("2", json!(URL), &[("contoso.site", "repointed")]);
    let link = std::fs::read_link(machine.at("contoso.site")).unwrap();
    assert_eq!(link, Path::new(&format!("contoso.site.{version}")));
    assert_eq!(machine.standing()[&file], before[&file]);
    machine.rotate(&["contoso.site"]);
}

#[test]
fn a_store_of_4x_is_taken_over_with_new_metadata() {
    let machine = Machine::new();
    let links = ["contoso.site.pem", "contoso.site.keyid"];
    let texts = [machine.issued.chain_pem(), machine.issued.key_pem()];
    for (link, text) in links.iter().zip(texts) {
        let ending = link.rsplit('.').next().unwrap();
        let file = format!("contoso.site.{}.{ending}.20260824101112", machine.issued.version);
        machine.put(&file, 0o600, &text.replace('\n', "\r\n"));
        symlink(&file, machine.at(link)).unwrap();
    }
    machine.put("contoso.site.luma", 0o644, "theirs");
    let mut before = machine.standing();
    let fates =
        [(links[0], "takenOver"), (links[1], "takenOver"), ("contoso.site.luma", "replaced")];
    machine.taken_over("4", json!({"url": URL}), &fates);
    let mut after = machine.standing();
    let luma = std::fs::read_to_string(machine.at("contoso.site.luma")).unwrap();
    assert!(luma.starts_with('{'), "{luma}");
    assert!(before.remove("contoso.site.luma") != after.remove("contoso.site.luma"));
    assert_eq!(after, before, "no combined file, no other write");
    machine.rotate(&links);
}

/// What the vault offers when the extension is installed again, or takes over from another, may be
/// worse than what programs use.
#[test]
fn a_version_that_is_not_valid_yet_takes_no_link_from_one_that_is() {
    let names = |version: &str| {
        [format!("contoso.site.{version}"), format!("contoso.site.{version}.1.2.PEM")]
    };
    for place in 0..2 {
        let machine = Machine::new();
        let file = &names(&machine.issued.version)[place];
        machine.put(file, 0o600, &machine.combined());
        let to = if place == 0 { PathBuf::from(file) } else { machine.at(file) };
        symlink(to, machine.at("contoso.site")).unwrap();
        let tomorrow = CertificateSpec { starts_in: 86_400, ..CertificateSpec::default() };
        let offered = machine.world.azure.put_certificate("contoso", "site", &tomorrow).unwrap();
        let settings = machine.world.settings(json!([URL])).to_string();
        machine.world.bed.write("new.json", settings);
        for _ in ["taken over", "its state lost"] {
            let ran = machine.sync(vec![machine.at("contoso.site")]);
            ran.assert_says(&format!("version {} is held back", offered.version));
            let link = std::fs::read_link(machine.at("contoso.site")).unwrap();
            assert_eq!(link, Path::new(&names(&machine.issued.version)[0]));
            std::fs::remove_dir_all(machine.world.bed.path("state")).unwrap();
        }
    }
}

#[test]
fn a_version_that_the_guards_refuse_takes_no_link_either() {
    let machine = Machine::new();
    let file = format!("contoso.site.{}", machine.issued.version);
    machine.put(&file, 0o600, &machine.combined());
    symlink(&file, machine.at("contoso.site")).unwrap();
    let fewer =
        CertificateSpec { dns_names: vec!["other.example".into()], ..CertificateSpec::default() };
    let offered = machine.world.azure.put_certificate("contoso", "site", &fewer).unwrap();
    let entry = json!({"url": URL, "guards": {"names": true}});
    machine.world.bed.write("new.json", machine.world.settings(json!([entry])).to_string());
    let ran = machine.sync(vec![machine.at("contoso.site")]);
    ran.assert_says(&format!("version {} is held back", offered.version));
    assert_eq!(std::fs::read_link(machine.at("contoso.site")).unwrap(), Path::new(&file));
}

#[test]
fn nor_do_two_links_of_the_split_layout_go_to_a_worse_version() {
    let machine = Machine::new();
    let links = ["contoso.site.pem", "contoso.site.keyid"];
    for (link, text) in links.iter().zip([machine.issued.chain_pem(), machine.issued.key_pem()]) {
        let ending = link.rsplit('.').next().unwrap();
        let file = format!("contoso.site.{}.{ending}.20260824101112", machine.issued.version);
        machine.put(&file, 0o600, &text);
        symlink(&file, machine.at(link)).unwrap();
    }
    let before = machine.standing();
    let expired = CertificateSpec { starts_in: -900, ends_in: -60, ..CertificateSpec::default() };
    machine.world.azure.put_certificate("contoso", "site", &expired).unwrap();
    let entry = json!({"url": URL, "certificateFileLayout": "split"});
    machine.world.bed.write("new.json", machine.world.settings(json!([entry])).to_string());
    machine.sync(links.map(|link| machine.at(link)).to_vec()).assert_says("is held back because");
    let mut after = machine.standing();
    assert!(after.remove("contoso.site.luma").is_some());
    assert_eq!(after, before);
}

/// What migrated settings leave on the disk is what Microsoft's 3.x and 4.x would look for.
#[test]
fn the_way_back_finds_the_names_of_microsofts_extension() {
    for (from, entry, names) in [
        ("3", json!({"url": URL}), &["contoso.site"][..]),
        ("4", json!({"url": URL}), &["contoso.site.pem", "contoso.site.keyid"]),
    ] {
        let machine = Machine::new();
        let bed = &machine.world.bed;
        bed.write("old.json", machine.world.settings(json!([entry])).to_string());
        bed.run(&["migrate", "--from", from, "--settings", "old.json", "--output", "new.json"]);
        machine.sync(Vec::new());
        for name in names {
            let file = std::fs::read_link(machine.at(name)).unwrap();
            let file = file.to_str().unwrap();
            let ending = name.strip_prefix("contoso.site").unwrap();
            let stem = format!("contoso.site.{}{ending}", machine.issued.version);
            assert!(file.starts_with(&stem) && !file.contains('/'), "{file}");
        }
        let all = std::fs::read_dir(machine.world.store()).unwrap().count();
        assert_eq!(all, if from == "3" { 2 } else { 5 });
    }
}
