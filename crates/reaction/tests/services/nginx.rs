//! nginx: several processes, names, and a reload that keeps what it cannot replace.

use rustix::process::Signal;

use crate::bed::{Certificate, Folder, Question, Service, free_address};

struct Nginx {
    folder: Folder,
    service: Service,
    address: std::net::SocketAddr,
}

impl Nginx {
    fn start(web: &Certificate, mail: &Certificate) -> Self {
        let (folder, address) = (Folder::new(), free_address());
        let at = folder.path().display().to_string();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {at}/{kind};\n"))
            .concat();
        let server = |name: &str| {
            format!(
                "server {{ listen {address} ssl; server_name {name}.contoso.com; return 204; \
                 ssl_certificate {at}/{name}.pem; ssl_certificate_key {at}/{name}.key; }}\n"
            )
        };
        let configuration = format!(
            "daemon off; worker_processes 2; pid {at}/pid; error_log stderr; events {{}}\n\
             http {{ access_log off; {temporary} {} {} }}\n",
            server("web"),
            server("mail")
        );
        let file = folder.write("nginx.conf", &configuration, None);
        install(&folder, "web", web);
        install(&folder, "mail", mail);
        let argv = ["/usr/sbin/nginx", "-e", "stderr", "-c", file.to_str().unwrap()];
        let service = Service::start(&folder, &argv, Signal::TERM);
        Self { folder, service, address }
    }

    fn rotate(&self, name: &str, certificate: &Certificate) {
        install(&self.folder, name, certificate);
    }

    fn reload(&self) {
        self.service.signal(Signal::HUP);
    }
}

fn install(folder: &Folder, name: &str, certificate: &Certificate) {
    folder.write(&format!("{name}.pem"), &certificate.chain, None);
    folder.write(&format!("{name}.key"), &certificate.key, None);
}

#[test]
fn the_new_certificate_is_seen_after_the_reload_and_the_old_one_before() {
    let (old, new) =
        (Certificate::new("web.contoso.com", 1), Certificate::new("web.contoso.com", 2));
    let nginx = Nginx::start(&old, &Certificate::new("mail.contoso.com", 3));
    let question = Question::to(nginx.address).name("web.contoso.com");
    question.finds(&old, &nginx.service);
    nginx.rotate("web", &new);
    let wanted = format!(
        "{} shows the certificate with serial 01 (web.contoso.com), not that with serial 02 \
         (web.contoso.com)",
        nginx.address
    );
    assert_eq!(question.misses(&new).to_string(), wanted);
    nginx.reload();
    question.finds(&new, &nginx.service);
}

#[test]
fn the_name_that_is_asked_for_selects_the_certificate() {
    let (web, mail) =
        (Certificate::new("web.contoso.com", 1), Certificate::new("mail.contoso.com", 2));
    let nginx = Nginx::start(&web, &mail);
    Question::to(nginx.address).finds(&web, &nginx.service);
    Question::to(nginx.address).name("web.contoso.com").finds(&web, &nginx.service);
    Question::to(nginx.address).name("mail.contoso.com").finds(&mail, &nginx.service);
    let shown = Question::to(nginx.address).name("mail.contoso.com").misses(&web).to_string();
    assert!(shown.contains("serial 02 (mail.contoso.com)"), "{shown}");
}

#[test]
fn a_key_of_another_certificate_leaves_the_old_one_served() {
    let (old, new) =
        (Certificate::new("web.contoso.com", 1), Certificate::new("web.contoso.com", 2));
    let nginx = Nginx::start(&old, &Certificate::new("mail.contoso.com", 3));
    let question = Question::to(nginx.address).name("web.contoso.com");
    question.finds(&old, &nginx.service);
    nginx.rotate(
        "web",
        &Certificate { key: old.key.clone(), ..Certificate::new("web.contoso.com", 4) },
    );
    nginx.reload();
    assert!(question.misses(&new).to_string().contains("serial 01"));
    question.finds(&old, &nginx.service);
}
