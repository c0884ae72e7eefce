//! curl, for one request at a time.

use std::process::Command;

use serde_json::Value;

use crate::{Bed, VAULT_RESOURCE};

/// What curl got.
#[derive(Debug)]
pub(crate) struct Got {
    /// curl's own exit code: <https://curl.se/libcurl/c/libcurl-errors.html>.
    pub(crate) code: i32,
    pub(crate) status: u16,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a JSON body")
    }

    /// The codes of a vault's error.
    pub(crate) fn codes(&self) -> (String, Option<String>) {
        let error = &self.json()["error"];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        (text(&error["code"]).unwrap_or_default(), text(&error["innererror"]["code"]))
    }
}

/// curl with these arguments and nothing from the environment; 5 s at most.
pub(crate) fn curl(arguments: &[&str]) -> Got {
    let mut command = Command::new("curl");
    command.args(["--disable", "--silent", "--include", "--suppress-connect-headers"]);
    command.args(["--max-time", "5"]).args(arguments).env_clear();
    let output = command.output().expect("curl runs; scripts/prerequisites.sh installs it");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let headers = lines.filter_map(|line| line.split_once(": "));
    Got {
        code: output.status.code().unwrap_or(-1),
        status: status.unwrap_or(0),
        headers: headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect(),
        body: body.to_owned(),
    }
}

impl Bed {
    /// A request to the identity endpoint of the machine, with the right header and version.
    pub(crate) fn imds(&self, query: &str) -> Got {
        let url = format!("{}/oauth2/token?api-version=2018-02-01&{query}", self.azure.imds_url());
        curl(&["-H", "Metadata: true", &url])
    }

    /// A token for the public cloud's vaults.
    pub(crate) fn token(&self) -> String {
        self.token_for(VAULT_RESOURCE)
    }

    pub(crate) fn token_for(&self, resource: &str) -> String {
        let document = self.imds(&format!("resource={resource}")).json();
        document["access_token"].as_str().expect("a token").to_owned()
    }

    /// A request to a vault through the proxy, with a token.
    pub(crate) fn get(&self, url: &str) -> Got {
        self.asking_as(&self.token(), url)
    }

    pub(crate) fn asking_as(&self, token: &str, url: &str) -> Got {
        self.proxied(&["-H", &format!("Authorization: Bearer {token}"), url])
    }

    pub(crate) fn proxied(&self, arguments: &[&str]) -> Got {
        let ca = self.azure.ca_file().display().to_string();
        let proxy = self.azure.proxy_url();
        curl(&[&["--proxy", &proxy, "--cacert", &ca], arguments].concat())
    }

    /// A request to the vault that is reached directly.
    pub(crate) fn direct(&self, path: &str, token: &str) -> Got {
        let ca = self.azure.ca_file().display().to_string();
        let url = format!("{}{path}", self.azure.vault_url());
        curl(&["--cacert", &ca, "-H", &format!("Authorization: Bearer {token}"), &url])
    }
}
