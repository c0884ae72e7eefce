//! Chains: a root, intermediates below it, and leaves. Issuers are made when first wanted and
//! then shared, one line of them per kind of key.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, SerialNumber, SigningKey,
};
use rustls::pki_types::PrivatePkcs8KeyDer;
use time::OffsetDateTime;

use super::error::IssueError;
use super::key::Key;
use super::spec::{CertificateSpec, KeyKind};
use crate::clock::seconds;
use crate::lock::locked;

/// More would only make the tests slow.
const LONGEST_CHAIN: usize = 8;

/// The issuers of all chains.
#[derive(Default)]
pub(crate) struct Issuers {
    /// Per kind of key: the root, the intermediate that it signed, the next one, …
    lines: Mutex<HashMap<KeyKind, Vec<Arc<Authority>>>>,
}

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    der: Vec<u8>,
}

/// A leaf and what is worth knowing of it.
pub(crate) struct Leaf {
    pub(crate) der: Vec<u8>,
    pub(crate) serial: String,
    pub(crate) validity: (u64, u64),
}

impl Issuers {
    /// Issues a leaf for this key.
    pub(crate) fn leaf(
        &self,
        name: &str,
        spec: &CertificateSpec,
        key: &Key,
        now: SystemTime,
    ) -> Result<Leaf, IssueError> {
        check(spec)?;
        let (params, serial) = leaf_params(name, spec, now)?;
        let certificate = match self.line(spec)?.last() {
            Some(above) => signed(&params, key, above)?,
            None => params.self_signed(key.signer().ok_or_else(unsigned)?)?.der().to_vec(),
        };
        Ok(Leaf {
            der: certificate,
            serial,
            validity: (at(now, spec.starts_in), at(now, spec.ends_in)),
        })
    }

    /// The certificates above the leaf, in DER, nearest first.
    pub(crate) fn above(&self, spec: &CertificateSpec) -> Result<Vec<Vec<u8>>, IssueError> {
        let line = self.line(spec)?;
        let shown = if spec.with_root { &line[..] } else { line.get(1..).unwrap_or_default() };
        Ok(shown.iter().rev().map(|authority| authority.der.clone()).collect())
    }

    /// The first `chain - 1` issuers of this kind's line, the root first.
    fn line(&self, spec: &CertificateSpec) -> Result<Vec<Arc<Authority>>, IssueError> {
        let wanted = spec.chain.saturating_sub(1);
        let kind = signing_kind(spec.key);
        let mut lines = locked(&self.lines);
        let line = lines.entry(kind).or_default();
        while line.len() < wanted {
            let next = authority(kind, line.last().map(|above| &**above), line.len())?;
            line.push(Arc::new(next));
        }
        Ok(line[..wanted].to_vec())
    }
}

/// A certificate for this key. rcgen's backend here cannot name P-521, so such a certificate is
/// made for a stand-in, its key then exchanged, and the whole signed again.
fn signed(params: &CertificateParams, key: &Key, by: &Authority) -> Result<Vec<u8>, IssueError> {
    let der = params.signed_by(key, &by.issuer)?.der().to_vec();
    if key.signer().is_some() {
        return Ok(der);
    }
    let wrong = |_| IssueError::Spec("a certificate of this crate's own cannot be read".to_owned());
    let parts = elements(&der).map_err(wrong)?;
    let mut body = elements(&parts[0]).map_err(wrong)?;
    // RFC 5280 section 4.1: version, serial number, signature, issuer, validity, subject, key.
    body[6] = key.subject_public_key_info();
    let body = sequence(&body);
    let signature = by.issuer.key().sign(&body)?;
    let signature = yasna::construct_der(|w| w.write_bitvec_bytes(&signature, signature.len() * 8));
    Ok(sequence(&[body, parts[1].clone(), signature]))
}

fn elements(sequence: &[u8]) -> yasna::ASN1Result<Vec<Vec<u8>>> {
    yasna::parse_der(sequence, |r| r.collect_sequence_of(|r| r.read_der()))
}

fn sequence(elements: &[Vec<u8>]) -> Vec<u8> {
    yasna::construct_der(|w| {
        w.write_sequence(|w| elements.iter().for_each(|element| w.next().write_der(element)));
    })
}

fn check(spec: &CertificateSpec) -> Result<(), IssueError> {
    if spec.chain == 0 || spec.chain > LONGEST_CHAIN {
        return Err(IssueError::Spec(format!(
            "chain: {} certificates are asked for, 1 to {LONGEST_CHAIN} can be made",
            spec.chain
        )));
    }
    if spec.ends_in <= spec.starts_in {
        return Err(IssueError::Spec("ends_in: must be later than starts_in".to_owned()));
    }
    Ok(())
}

fn unsigned() -> IssueError {
    IssueError::Spec("chain: a P-521 key signs nothing here; ask for at least 2".to_owned())
}

/// Which keys the issuers of such a leaf have. Long RSA keys take seconds, and a P-521 key cannot
/// sign here, so their issuers have the next smaller kind.
fn signing_kind(leaf: KeyKind) -> KeyKind {
    match leaf {
        KeyKind::Rsa2048 | KeyKind::Rsa4096 => KeyKind::Rsa2048,
        KeyKind::EcP384 | KeyKind::EcP521 => KeyKind::EcP384,
        KeyKind::EcP256 => KeyKind::EcP256,
        KeyKind::Ed25519 => KeyKind::Ed25519,
    }
}

fn authority(
    kind: KeyKind,
    above: Option<&Authority>,
    depth: usize,
) -> Result<Authority, IssueError> {
    let key = Key::generate(kind)?;
    let pair = key.signer().ok_or_else(unsigned)?;
    let params = authority_params(kind, depth);
    let certificate = match above {
        Some(above) => params.signed_by(pair, &above.issuer)?,
        None => params.self_signed(pair)?,
    };
    let der = certificate.der().to_vec();
    let pkcs8 = PrivatePkcs8KeyDer::from(key.pkcs8());
    let own = KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8, pair.algorithm())?;
    Ok(Authority { issuer: Issuer::new(params, own), der })
}

fn authority_params(kind: KeyKind, depth: usize) -> CertificateParams {
    let name = match depth {
        0 => format!("Fake Azure Root {kind:?}"),
        _ => format!("Fake Azure Issuing {depth} {kind:?}"),
    };
    let mut params = CertificateParams::default();
    params.distinguished_name = subject(&name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = depth > 0;
    params.serial_number = Some(serial().0);
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2049, 12, 31);
    params
}

fn leaf_params(
    name: &str,
    spec: &CertificateSpec,
    now: SystemTime,
) -> Result<(CertificateParams, String), IssueError> {
    let common_name = spec.common_name.clone().unwrap_or_else(|| name.to_owned());
    let names = match spec.dns_names.is_empty() {
        true => vec![common_name.clone()],
        false => spec.dns_names.clone(),
    };
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = subject(&common_name);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    if spec.key.is_rsa() {
        params.key_usages.push(KeyUsagePurpose::KeyEncipherment);
    }
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = spec.chain > 1;
    let (number, text) = serial();
    params.serial_number = Some(number);
    params.not_before = date(at(now, spec.starts_in))?;
    params.not_after = date(at(now, spec.ends_in))?;
    Ok((params, text))
}

fn subject(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

/// Sixteen random bytes of which the first is neither zero nor negative.
fn serial() -> (SerialNumber, String) {
    let mut bytes: [u8; 16] = std::array::from_fn(|_| fastrand::u8(..));
    bytes[0] = fastrand::u8(0x10..0x80);
    let text = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    (SerialNumber::from_slice(&bytes), text)
}

fn at(now: SystemTime, offset: i64) -> u64 {
    seconds(now).saturating_add_signed(offset)
}

fn date(seconds: u64) -> Result<OffsetDateTime, IssueError> {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    OffsetDateTime::from_unix_timestamp(seconds)
        .map_err(|_| IssueError::Spec("starts_in, ends_in: no such date".to_owned()))
}
