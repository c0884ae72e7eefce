//! A vault in memory, for tests of looks and passes.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use keyvault_client::{Attributes, Secret};
use object_id::ObjectId;

use crate::code::Code;
use crate::failure::{Failure, Retry};
use crate::ground::SecretSource;
use crate::outcome::Remark;
use crate::queue::Reach;
use crate::target::Target;

/// Versions by number (32 digits), with what each holds; the newest is handed out.
#[derive(Default)]
pub(crate) struct Vault {
    pub(crate) versions: BTreeMap<String, (String, Attributes)>,
    pub(crate) asked: Mutex<Vec<String>>,
    /// What wants attention of the way here.
    pub(crate) remark: Option<Remark>,
}

/// A day.
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);

/// When all tests of looks happen.
pub(crate) fn today() -> SystemTime {
    SystemTime::UNIX_EPOCH + 365 * 57 * DAY
}

/// The version with this number.
pub(crate) fn version(number: u32) -> String {
    format!("{number:032}")
}

impl Vault {
    /// A certificate that is valid from and to so many days from today.
    pub(crate) fn issue(&mut self, number: u32, from: i64, to: i64) -> &mut Attributes {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(vec!["web".to_owned()]).unwrap();
        let at = |days: i64| {
            let moment = today() + 1000 * DAY;
            (moment - u32::try_from(1000 - days).unwrap() * DAY).into()
        };
        (parameters.not_before, parameters.not_after) = (at(from), at(to));
        let certificate = parameters.self_signed(&key).unwrap();
        let pem = format!("{}{}", key.serialize_pem(), certificate.pem());
        self.put(number, pem)
    }

    pub(crate) fn put(&mut self, number: u32, value: String) -> &mut Attributes {
        let attributes = Attributes { enabled: true, not_before: None, expires: None };
        let entry = self.versions.entry(version(number)).insert_entry((value, attributes));
        &mut entry.into_mut().1
    }
}

impl Reach<object_id::Vault> for Vault {}

impl SecretSource for Vault {
    fn remark(&self, _: &Target, _: SystemTime) -> Option<Remark> {
        self.remark.clone()
    }

    fn secret(&self, id: &ObjectId, _: &Target, _: SystemTime) -> Result<Secret, Failure> {
        self.asked.lock().unwrap().push(id.to_string());
        let found = match id.version() {
            Some(version) => self.versions.get_key_value(version),
            None => self.versions.last_key_value(),
        };
        let Some((version, (value, attributes))) = found else {
            return Err(Failure::plain(Code::SecretNotFound, Retry::NextPoll, "none".into()));
        };
        Ok(Secret {
            value: value.clone().into(),
            content_type: Some("application/x-pem-file".into()),
            version: version.clone(),
            attributes: *attributes,
        })
    }
}
