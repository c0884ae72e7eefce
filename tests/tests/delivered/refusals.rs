//! What goes wrong: nothing of it reaches the clients. Commands need root here, because only
//! root's file can permit them.

use std::fs;

use serde_json::{Value, json};

use crate::clients::Clients;
use crate::nginx::{Nginx, configuration};
use crate::site::{is_root, said};

/// Rotates once, with settings under which that goes wrong; checks that clients noticed nothing
/// and returns what the worker says, and whether it was said by `status` too.
fn rotate_into_trouble(nginx: &mut Nginx, more: &Value) -> Value {
    let before = nginx.site.azure_serial();
    let settings = nginx.settings(more);
    nginx.site.start_worker(&settings);
    let clients = Clients::of(nginx.address, "");
    let issued = nginx.site.issue();
    let stands = nginx.site.sync();
    let seen = clients.stop();
    assert!(seen.failures.is_empty(), "{seen:?}");
    assert_eq!(seen.last, before, "{stands:#}");
    assert_ne!(stands["version"], issued.version, "{stands:#}");
    assert_eq!(stands["heldVersion"], issued.version, "{stands:#}");
    let status = nginx.site.ask(&["status"]);
    assert_eq!(status.status.code(), Some(1), "{}", said(&status));
    assert!(said(&status).contains("is held"), "{}", said(&status));
    stands
}

#[test]
fn a_check_that_refuses_the_new_files_keeps_the_old_ones_in_use() {
    if !is_root() {
        return;
    }
    let mut nginx = Nginx::start();
    let site = &nginx.site;
    // The candidate's certificate with the key that is in use: they do not match, which nginx
    // can only find where it reads the candidate.
    let at = site.path("").display().to_string();
    let candidate = configuration(&at, nginx.address, "CANDIDATE/tls".as_ref())
        .replace("CANDIDATE/tls/key.pem", &format!("{at}tls/key.pem"));
    site.write("candidate.conf", &candidate);
    let check = site.script(
        "check",
        &format!(
            "sed \"s#CANDIDATE#$AKVVM_CANDIDATE_DIR#g\" {at}candidate.conf >{at}checked.conf\n\
             exec /usr/sbin/nginx -e stderr -t -c {at}checked.conf"
        ),
    );
    let stands = rotate_into_trouble(&mut nginx, &json!({ "check": { "command": [check] } }));
    let problem = stands["problem"].as_str().unwrap();
    assert!(problem.contains("key values mismatch"), "{problem}");
}

#[test]
fn a_check_of_the_new_files_alone_lets_them_through() {
    if !is_root() {
        return;
    }
    let mut nginx = Nginx::start();
    let site = &nginx.site;
    let at = site.path("").display().to_string();
    site.write("candidate.conf", &configuration(&at, nginx.address, "CANDIDATE/tls".as_ref()));
    let check = site.script(
        "check",
        &format!(
            "sed \"s#CANDIDATE#$AKVVM_CANDIDATE_DIR#g\" {at}candidate.conf >{at}checked.conf\n\
             exec /usr/sbin/nginx -e stderr -t -c {at}checked.conf"
        ),
    );
    let settings = nginx.settings(&json!({ "check": { "command": [check] } }));
    nginx.site.start_worker(&settings);
    let issued = nginx.site.issue();
    nginx.site.sync_to(&issued);
    let checked = fs::read_to_string(nginx.site.path("checked.conf")).unwrap();
    assert!(checked.contains("/candidates/"), "{checked}");
}

#[test]
fn a_failing_reload_is_rolled_back() {
    if !is_root() {
        return;
    }
    let mut nginx = Nginx::start();
    let reload = nginx.site.script("reload", "echo no reload today >&2; exit 3");
    let stands =
        rotate_into_trouble(&mut nginx, &json!({ "onRenewal": [{ "command": [reload] }] }));
    let text = stands.to_string();
    assert!(text.contains("no reload today"), "{text}");
    let history = nginx.site.ask(&["history", "shop.web"]);
    assert!(said(&history).contains("rolledBack"), "{}", said(&history));
}

#[test]
fn a_service_that_goes_on_serving_the_old_certificate_is_rolled_back_and_released_by_hand() {
    if !is_root() {
        return;
    }
    let mut nginx = Nginx::start();
    let switch = nginx.site.path("reloads");
    let pid = nginx.site.path("nginx.pid");
    let reload = nginx.site.script(
        "reload",
        &format!("if [ -e {} ]; then kill -HUP $(cat {}); fi", switch.display(), pid.display()),
    );
    let verify = json!({
        "address": nginx.address.to_string(), "serverName": "web.contoso.com", "timeoutInS": 2,
    });
    let more = json!({ "onRenewal": [{ "command": [reload] }], "verify": verify });
    let stands = rotate_into_trouble(&mut nginx, &more);
    let problem = stands["problem"].as_str().unwrap();
    assert!(problem.contains("shows the certificate with serial"), "{problem}");
    fs::write(switch, "").unwrap();
    let released = nginx.site.ask(&["sync", "--release", "shop.web"]);
    assert!(released.status.success(), "{}", said(&released));
    let newest = nginx.site.azure_serial();
    assert_eq!(Clients::of(nginx.address, "").stop().last, newest);
    let back = nginx.site.ask(&["rollback", "shop.web"]);
    assert!(back.status.success(), "{}", said(&back));
    assert_ne!(Clients::of(nginx.address, "").stop().last, newest);
    let stands = nginx.site.sync();
    assert_eq!(stands["state"], "warning", "{stands:#}");
}
