//! PostgreSQL: TLS begins after a request for it.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::chown;
use std::path::PathBuf;
use std::process::Command;

use reaction::StartTls;
use rustix::process::Signal;

use crate::bed::{Certificate, Folder, Question, Service, free_address};

/// It refuses to run as root.
const USER: &str = "postgres";

struct Postgres {
    folder: Folder,
    service: Service,
    address: SocketAddr,
}

impl Postgres {
    fn start(certificate: &Certificate) -> Self {
        let (folder, address) = (Folder::new(), free_address());
        let cluster = folder.path().join("cluster");
        let cluster = cluster.to_str().unwrap();
        install(&folder, certificate);
        if let Some((user, group)) = owner() {
            chown(folder.path(), Some(user), Some(group)).unwrap();
        }
        let initdb = program("initdb");
        let made = [initdb.as_str(), "--no-sync", "--auth=trust", "--locale=C", "-D", cluster];
        let argv = as_user(&made);
        let done = Command::new(&argv[0]).args(&argv[1..]).current_dir("/").output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let at = folder.path().display();
        let settings = format!(
            "listen_addresses='{}'\nport={}\nunix_socket_directories=''\nssl=on\nfsync=off\n\
             ssl_cert_file='{at}/db.pem'\nssl_key_file='{at}/db.key'\n",
            address.ip(),
            address.port()
        );
        fs::write(format!("{cluster}/postgresql.auto.conf"), settings).unwrap();
        let postgres = program("postgres");
        let argv = as_user(&[&postgres, "-D", cluster]);
        let argv: Vec<_> = argv.iter().map(String::as_str).collect();
        let service = Service::start(&folder, &argv, Signal::INT);
        Self { folder, service, address }
    }
}

fn install(folder: &Folder, certificate: &Certificate) {
    folder.write("db.pem", &certificate.chain, owner());
    folder.write("db.key", &certificate.key, owner());
}

/// The newest one's, as Debian has it.
fn program(name: &str) -> String {
    let versions = fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is installed");
    let mut found: Vec<PathBuf> =
        versions.map(|version| version.unwrap().path().join("bin").join(name)).collect();
    found.retain(|path| path.exists());
    found.sort();
    found.pop().unwrap().to_str().unwrap().to_owned()
}

/// User and group, where this process has to become somebody else.
fn owner() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let accounts = fs::read_to_string("/etc/passwd").unwrap();
    let account = accounts.lines().find_map(|line| line.strip_prefix(&format!("{USER}:x:")));
    let mut numbers = account.expect("PostgreSQL's user").split(':').map(|n| n.parse().unwrap());
    Some((numbers.next().unwrap(), numbers.next().unwrap()))
}

fn as_user(argv: &[&str]) -> Vec<String> {
    let mut all = vec!["setpriv".to_owned()];
    if let Some((user, group)) = owner() {
        all.extend([
            format!("--reuid={user}"),
            format!("--regid={group}"),
            "--clear-groups".into(),
        ]);
    }
    all.extend(["--pdeathsig=INT".to_owned(), "--".to_owned()]);
    all.extend(argv.iter().map(|word| (*word).to_owned()));
    all
}

#[test]
fn the_new_certificate_is_seen_after_the_reload_and_the_old_one_before() {
    let (old, new) = (Certificate::new("db.contoso.com", 1), Certificate::new("db.contoso.com", 2));
    let postgres = Postgres::start(&old);
    let question = Question::to(postgres.address).start_tls(StartTls::Postgres);
    question.finds(&old, &postgres.service);
    install(&postgres.folder, &new);
    assert!(question.misses(&new).to_string().contains("serial 01 (db.contoso.com)"));
    postgres.service.signal(Signal::HUP);
    question.finds(&new, &postgres.service);
}

#[test]
fn without_its_request_there_is_no_tls() {
    let certificate = Certificate::new("db.contoso.com", 1);
    let postgres = Postgres::start(&certificate);
    let question = Question::to(postgres.address);
    Question::to(postgres.address)
        .start_tls(StartTls::Postgres)
        .finds(&certificate, &postgres.service);
    let said = question.misses(&certificate).to_string();
    assert!(said.contains("shows no certificate"), "{said}");
}
