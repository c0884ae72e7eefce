//! HAProxy: certificate and key in one file.

use std::process::Command;

use rustix::process::Signal;
use serde_json::json;

use crate::clients::rotate_50_times;
use crate::site::{Site, free_address, wait_for};

#[test]
fn clients_of_haproxy_do_not_notice_50_rotations() {
    let mut site = Site::new();
    let address = free_address();
    let output = json!({ "path": site.path("web.pem"), "form": "combined" });
    site.issue();
    site.install(&site.settings(&json!({ "outputs": [output] })));
    let at = site.path("").display().to_string();
    let file = site.write(
        "haproxy.cfg",
        &format!(
            "global\n stats socket {at}/admin.sock level admin expose-fd listeners\n\
             defaults\n mode http\n timeout connect 5s\n timeout client 5s\n timeout server 5s\n\
             frontend web\n bind {address} ssl crt {at}/web.pem\n http-request return status 204\n"
        ),
    );
    let mut haproxy = Command::new("/usr/sbin/haproxy");
    haproxy.args(["-W", "-db", "-p"]).arg(site.path("haproxy.pid")).arg("-f").arg(file);
    let master = site.start(haproxy, Signal::TERM);
    // Its own file names the workers too; systemd knows the master, and so does this one.
    let pid_file = site.write("master.pid", &format!("{master}\n"));
    wait_for(address);
    let settings = site.settings(&json!({
        "outputs": [output],
        "onRenewal": { "signal": "USR2", "pidFile": pid_file },
        "verify": { "address": address.to_string(), "timeoutInS": 30 },
    }));
    site.start_worker(&settings);
    rotate_50_times(&site, address, "");
}
