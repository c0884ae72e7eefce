//! Outputs compared with each other and with everything else that the worker writes or reads.

use std::collections::HashMap;
use std::path::Path;

use super::entries::{Located, names, store, versioned_stems};
use crate::metrics::Metrics;
use crate::outputs::{Form, Output};
use crate::remark::Remarks;

/// Where the settings name each output's path.
type Outputs<'c> = HashMap<&'c Path, String>;

/// Reports outputs that would write the same path, stand inside each other, or in the way of a store,
/// a password or the metrics. Linear in the number of outputs and entries.
pub(super) fn check(certificates: &[Located], metrics: &Metrics, remarks: &mut Remarks) {
    let outputs = refuse_shared_paths(certificates, remarks);
    if outputs.is_empty() {
        return;
    }
    let mut refused = |path: &Path, what: &str| {
        let in_the_way = path.ancestors().find_map(|path| outputs.get_key_value(path));
        if let Some((output, place)) = in_the_way {
            let text = format!("{} is in the way of {what}: choose another path", output.display());
            remarks.problem(place, text);
        }
    };
    for (entry, certificate) in certificates {
        let store = store(certificate);
        refused(store, &format!("the store of {entry}"));
        for link in names(certificate) {
            // What is above the link is the store.
            if outputs.contains_key(&*store.join(&link)) {
                refused(&store.join(&link), &format!("the link of {entry}"));
            }
        }
        for password in certificate.outputs.iter().flat_map(Output::forms).filter_map(password) {
            refused(password, &format!("a passwordFile of {entry}"));
        }
    }
    if let Some(textfile) = &metrics.textfile {
        refused(textfile, "metricsSettings.textfile");
    }
    refuse_versions(certificates, remarks);
}

fn password(form: &Form) -> Option<&Path> {
    match form {
        Form::Pkcs12 { password_file, .. } => password_file.as_deref(),
        _ => None,
    }
}

/// All outputs in their order, each with its place in the settings.
fn all(certificates: &[Located]) -> impl Iterator<Item = (String, &Path)> {
    certificates.iter().flat_map(|(entry, certificate)| {
        let numbered = certificate.outputs.iter().enumerate();
        numbered.map(move |(index, output)| (format!("{entry}.outputs[{index}]"), output.path()))
    })
}

fn refuse_shared_paths<'c>(certificates: &'c [Located], remarks: &mut Remarks) -> Outputs<'c> {
    let mut outputs = Outputs::new();
    for (place, path) in all(certificates) {
        if let Some(other) = outputs.insert(path, place.clone()) {
            let path = path.display();
            let text = format!("would write the same path as {other}, {path}: choose another");
            remarks.problem(place, text);
        }
    }
    for (place, path) in all(certificates) {
        if let Some(above) = path.ancestors().skip(1).find_map(|path| outputs.get(path)) {
            remarks.problem(place, format!("stands inside of {above}: choose another path"));
        }
    }
    outputs
}

/// An output in a store that is called like a version of a certificate.
fn refuse_versions(certificates: &[Located], remarks: &mut Remarks) {
    let stores: HashMap<&Path, &str> = certificates
        .iter()
        .map(|(entry, certificate)| (store(certificate), entry.as_str()))
        .collect();
    for (place, path) in all(certificates) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let store = path.parent().and_then(|parent| stores.get(parent));
        if let (Some(entry), Some(_)) = (store, versioned_stems(&name).next()) {
            let text =
                format!("is named like a version in the store of {entry}: choose another path");
            remarks.problem(place, text);
        }
    }
}
