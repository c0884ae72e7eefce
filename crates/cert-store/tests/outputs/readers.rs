//! Readers in a tight loop while outputs change.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use atomic_file::Directory;
use cert_store::{FileAccess, Form, Output};
use certified_key::Content;

use crate::Place;
use crate::bed::{certificate, key};

const ROTATIONS: u32 = 300;

#[test]
fn whoever_opens_the_directory_once_never_sees_two_versions() {
    let mut place = Place::with_set();
    let path = place.path("site.pem");
    let access = FileAccess::default();
    place.wanted.push(Output::File { path, form: Form::Combined, access });
    let contents: Vec<Content> = (0..4).map(|_| certificate("web")).collect();
    let pairs: Vec<_> =
        contents.iter().map(|c| (key(c).to_chain_pem(), key(c).to_key_pem().to_vec())).collect();
    let files: Vec<_> = contents.iter().map(|c| key(c).to_pem().to_vec()).collect();
    place.install(0, &contents[0]).unwrap();
    let (link, file) = (place.path("tls"), place.path("site.pem"));
    let (stop, sets, reads) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    // What a program does that opens the directory and then the files in it.
                    let to = fs::read_link(&link).unwrap();
                    let behind = link.parent().unwrap().join(to);
                    let Ok(directory) = Directory::open(&behind) else { continue };
                    let read = |name| directory.read(name, 1 << 20).unwrap();
                    if let (Some(chain), Some(key)) = (read("tls.crt"), read("tls.key")) {
                        assert!(pairs.contains(&(chain, key)), "two versions in one directory");
                        sets.fetch_add(1, Ordering::Relaxed);
                    }
                    thread::yield_now();
                }
            });
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    assert!(files.contains(&fs::read(&file).unwrap()), "a torn file");
                    fs::read(link.join("tls.key")).unwrap();
                    reads.fetch_add(1, Ordering::Relaxed);
                    thread::yield_now();
                }
            });
        }
        for number in 1..=ROTATIONS {
            place.install(number, &contents[number as usize % contents.len()]).unwrap();
            place.sweep();
        }
        stop.store(true, Ordering::Relaxed);
    });
    let (sets, reads) = (sets.into_inner(), reads.into_inner());
    println!("{ROTATIONS} rotations: {sets} sets and {reads} files read, none torn or missing");
    assert!(sets > 100 && reads > 100);
}
