//! PostgreSQL: the key belongs to its user, and TLS begins after a request for it.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::clients::rotate_50_times;
use crate::site::{Site, free_address, is_root, wait_for};

/// Root may not run it.
const USER: &str = "postgres";

#[test]
fn clients_of_postgresql_do_not_notice_50_rotations() {
    let mut site = Site::new();
    let address = free_address();
    site.issue();
    site.install(&site.settings(&json!({ "outputs": outputs(&site) })));
    let server = start(&mut site, address);
    let pid_file = site.write("server.pid", &format!("{server}\n"));
    let settings = site.settings(&json!({
        "outputs": outputs(&site),
        "onRenewal": { "signal": "HUP", "pidFile": pid_file },
        "verify": { "address": address.to_string(), "startTls": "postgres", "timeoutInS": 30 },
    }));
    site.start_worker(&settings);
    rotate_50_times(&site, address, "postgres");
}

fn outputs(site: &Site) -> Value {
    let owner = is_root().then_some(USER);
    let file = |name: &str, form: &str| match owner {
        Some(owner) => json!({ "name": name, "form": form, "owner": owner }),
        None => json!({ "name": name, "form": form }),
    };
    json!([{
        "directory": site.path("tls"),
        "files": [file("server.crt", "fullChain"), file("server.key", "privateKey")],
    }])
}

fn start(site: &mut Site, address: SocketAddr) -> u32 {
    let home = site.path("postgres");
    fs::create_dir(&home).unwrap();
    if is_root() {
        run(Command::new("chown").arg(USER).arg(&home));
    }
    let cluster = home.join("cluster");
    let mut initdb = as_user(&program("initdb"));
    initdb.args(["--no-sync", "--auth=trust", "--locale=C", "-D"]).arg(&cluster);
    run(initdb.current_dir("/"));
    let tls = site.path("tls");
    let (tls, ip, port) = (tls.display(), address.ip(), address.port());
    fs::write(
        cluster.join("postgresql.auto.conf"),
        format!(
            "listen_addresses='{ip}'\nport={port}\nunix_socket_directories=''\nssl=on\n\
             fsync=off\nssl_cert_file='{tls}/server.crt'\nssl_key_file='{tls}/server.key'\n"
        ),
    )
    .unwrap();
    let mut postgres = as_user(&program("postgres"));
    postgres.arg("-D").arg(cluster);
    let server = site.start(postgres, Signal::INT);
    wait_for(address);
    server
}

/// The newest one's, as Debian has it.
fn program(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is installed");
    let found = versions.map(|version| version.unwrap().path().join("bin").join(name));
    found.filter(|path| path.exists()).max().expect("its programs are there")
}

/// Replaces itself by the program, so that its process number is the server's.
fn as_user(program: &PathBuf) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    let (user, group) = (format!("--reuid={USER}"), format!("--regid={USER}"));
    command.args([user.as_str(), &group, "--clear-groups", "--"]).arg(program);
    command
}

fn run(command: &mut Command) {
    let ended = command.output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}
