//! nginx: certificate and key in two files, which change together behind one link.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::clients::rotate_50_times;
use crate::site::{Site, free_address, wait_for};

/// A site with an nginx that serves the files below `tls/`.
pub(crate) struct Nginx {
    pub(crate) site: Site,
    pub(crate) address: SocketAddr,
}

impl Nginx {
    /// With a first certificate, which is installed already.
    pub(crate) fn start() -> Self {
        let mut site = Site::new();
        let address = free_address();
        site.issue();
        site.install(&site.settings(&outputs(&site)));
        let at = site.path("").display().to_string();
        let configuration = configuration(&at, address, &site.path("tls"));
        let file = site.write("nginx.conf", &configuration);
        let mut nginx = Command::new("/usr/sbin/nginx");
        nginx.args(["-e", "stderr", "-c"]).arg(file);
        site.start(nginx, Signal::TERM);
        wait_for(address);
        Self { site, address }
    }

    /// Settings that have nginx reload, and look at what it serves then; with more keys, or
    /// others.
    pub(crate) fn settings(&self, more: &Value) -> Value {
        let mut entry = outputs(&self.site);
        entry["onRenewal"] = json!([{ "signal": "HUP", "pidFile": self.site.path("nginx.pid") }]);
        entry["verify"] = json!({
            "address": self.address.to_string(), "serverName": "web.contoso.com", "timeoutInS": 30,
        });
        for (key, value) in more.as_object().expect("keys") {
            entry[key] = value.clone();
        }
        self.site.settings(&entry)
    }
}

fn outputs(site: &Site) -> Value {
    json!({ "outputs": [{
        "directory": site.path("tls"),
        "files": [
            { "name": "fullchain.pem", "form": "fullChain" },
            { "name": "key.pem", "form": "privateKey" },
        ],
    }]})
}

/// What nginx needs to serve the files in the directory `tls`.
pub(crate) fn configuration(at: &str, address: SocketAddr, tls: &Path) -> String {
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {at}/{kind};\n"))
        .concat();
    let tls = tls.display();
    format!(
        "daemon off; worker_processes 2; pid {at}/nginx.pid; error_log stderr; events {{}}\n\
         http {{ access_log off; {temporary} server {{ listen {address} ssl; return 204;\n\
         ssl_certificate {tls}/fullchain.pem; ssl_certificate_key {tls}/key.pem; }} }}\n"
    )
}

#[test]
fn clients_of_nginx_do_not_notice_50_rotations() {
    let mut nginx = Nginx::start();
    let settings = nginx.settings(&json!({}));
    nginx.site.start_worker(&settings);
    let seen = rotate_50_times(&nginx.site, nginx.address, "");
    assert!(seen.serials.len() > 25 && seen.handshakes > 100, "{seen:?}");
}
