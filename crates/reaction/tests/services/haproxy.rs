//! HAProxy: several processes at once, and client certificates demanded.

use std::net::SocketAddr;

use rustix::process::Signal;

use crate::bed::{Certificate, Folder, Question, Service, free_address};

struct Haproxy {
    folder: Folder,
    service: Service,
    address: SocketAddr,
}

impl Haproxy {
    /// With `options` after the certificate on its line.
    fn start(certificate: &Certificate, options: &str) -> Self {
        let (folder, address) = (Folder::new(), free_address());
        let at = folder.path().display().to_string();
        let configuration = format!(
            "defaults\n mode http\n timeout connect 5s\n timeout client 5s\n timeout server 5s\n\
             frontend web\n bind {address} ssl crt {at}/web.pem {options}\n \
             http-request return status 204\n"
        );
        let file = folder.write("haproxy.cfg", &configuration.replace("AT", &at), None);
        folder.write("clients.pem", &Certificate::new("clients", 99).chain, None);
        folder.write("web.pem", &certificate.combined(), None);
        let argv = ["/usr/sbin/haproxy", "-W", "-db", "-f", file.to_str().unwrap()];
        let service = Service::start(&folder, &argv, Signal::TERM);
        Self { folder, service, address }
    }
}

#[test]
fn the_new_certificate_is_seen_after_the_reload_and_the_old_one_before() {
    let (old, new) =
        (Certificate::new("web.contoso.com", 1), Certificate::new("web.contoso.com", 2));
    let haproxy = Haproxy::start(&old, "alpn h2,http/1.1");
    let question = Question::to(haproxy.address).alpn("h2");
    question.finds(&old, &haproxy.service);
    haproxy.folder.write("web.pem", &new.combined(), None);
    assert!(question.misses(&new).to_string().contains("serial 01"));
    haproxy.service.signal(Signal::USR2);
    question.finds(&new, &haproxy.service);
}

#[test]
fn a_demand_for_a_clients_certificate_hides_nothing() {
    for version in ["TLSv1.2", "TLSv1.3"] {
        let certificate = Certificate::new("web.contoso.com", 1);
        let demand = format!(
            "ca-file AT/clients.pem verify required ssl-min-ver {version} ssl-max-ver {version}"
        );
        let haproxy = Haproxy::start(&certificate, &demand);
        let question = Question::to(haproxy.address);
        question.finds(&certificate, &haproxy.service);
        let other = Certificate::new("web.contoso.com", 2);
        assert!(question.misses(&other).to_string().contains("serial 01"), "{version}");
    }
}
