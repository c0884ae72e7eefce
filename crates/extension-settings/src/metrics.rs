//! `metricsSettings`, and when a certificate is close to its end.

use std::path::PathBuf;

use crate::address::LoopbackAddress;
use crate::claims::Claims;
use crate::field::Field;
use crate::nested::read_path;
use crate::remark::Remarks;

/// Where the metrics go. Nowhere, unless one of the two is there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metrics {
    /// A file for node_exporter's textfile collector: absolute, normalised, ending in `.prom`.
    pub textfile: Option<PathBuf>,
    /// Where an HTTP server answers with them.
    pub listen: Option<LoopbackAddress>,
}

/// When people are told that a certificate ends, in percent of its lifetime that are left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiry {
    /// From here on it is a warning: 0 to 100.
    pub warning_percent: u8,
    /// From here on it is an error: 0 to 100.
    pub error_percent: u8,
}

impl Default for Expiry {
    fn default() -> Self {
        Self { warning_percent: 30, error_percent: 10 }
    }
}

impl Metrics {
    /// Reads the keys of `metricsSettings`.
    pub(crate) fn read(mut keys: Claims, remarks: &mut Remarks) -> Self {
        let textfile = keys.take("textfile").and_then(|field| read_textfile(&field, remarks));
        let listen = keys.take("listen").and_then(|field| LoopbackAddress::read(&field, remarks));
        Self { textfile, listen }
    }
}

fn read_textfile(field: &Field, remarks: &mut Remarks) -> Option<PathBuf> {
    let example = "/var/lib/node_exporter/textfile_collector/akvvm.prom";
    let path = read_path(field, example, remarks)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if name.ends_with(".prom") && name.len() > ".prom".len() && name.len() <= 190 {
        return Some(path);
    }
    let text = format!(
        "must end in .prom, for node_exporter reads no other files: write {example} for example"
    );
    remarks.problem(&field.path, text);
    None
}

impl Expiry {
    /// Reads `expiryWarningInPercent` and `expiryErrorInPercent`. Where one of them is written,
    /// the other's default makes room for it.
    pub(crate) fn read(secrets: &mut Claims, remarks: &mut Remarks) -> Self {
        let mut percent = |key| {
            let field: Field = secrets.take(key)?;
            let percent = field.whole_number(0..=100, remarks)?;
            Some((field.path, u8::try_from(percent).unwrap_or(100)))
        };
        let (warning, error) = (percent("expiryWarningInPercent"), percent("expiryErrorInPercent"));
        let default = Self::default();
        let (warning_percent, error_percent) = match (&warning, &error) {
            (Some((_, warning)), Some((path, error))) => {
                if error > warning {
                    let text = "above expiryWarningInPercent, so that there is never a warning";
                    remarks.warning(path, text);
                }
                (*warning, *error)
            }
            (Some((_, warning)), None) => (*warning, default.error_percent.min(*warning)),
            (None, Some((_, error))) => (default.warning_percent.max(*error), *error),
            (None, None) => (default.warning_percent, default.error_percent),
        };
        Self { warning_percent, error_percent }
    }
}
