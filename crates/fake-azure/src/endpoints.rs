//! Where everything is, in the forms in which programs are told.

use std::path::PathBuf;

use crate::options::Ports;

/// The addresses of a running Azure.
#[derive(Debug)]
pub(crate) struct Endpoints {
    pub(crate) ports: Ports,
    pub(crate) ca_file: PathBuf,
    pub(crate) proxy_credentials: Option<(String, String)>,
}

impl Endpoints {
    pub(crate) fn proxy(&self) -> String {
        let credentials = self.proxy_credentials.as_ref();
        let user = credentials.map(|(user, password)| format!("{user}:{password}@"));
        format!("http://{}127.0.0.1:{}", user.unwrap_or_default(), self.ports.proxy)
    }

    pub(crate) fn imds(&self) -> String {
        format!("http://127.0.0.1:{}/metadata/identity", self.ports.imds)
    }

    /// Azure Arc's clients insist on this name.
    pub(crate) fn arc(&self) -> String {
        format!("http://localhost:{}/metadata/identity", self.ports.arc)
    }

    pub(crate) fn vault(&self) -> String {
        format!("https://localhost:{}", self.ports.vault)
    }

    pub(crate) fn admin(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.admin)
    }

    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let authority = format!("http://127.0.0.1:{}", self.ports.imds);
        vec![
            ("HTTPS_PROXY", self.proxy()),
            ("SSL_CERT_FILE", self.ca_file.display().to_string()),
            ("AZURE_POD_IDENTITY_AUTHORITY_HOST", authority),
            ("FAKE_AZURE_IMDS", self.imds()),
            ("FAKE_AZURE_ARC", self.arc()),
            ("FAKE_AZURE_VAULT", self.vault()),
            ("FAKE_AZURE_ADMIN", self.admin()),
        ]
    }
}
