//! A certificate for phones on the shop's own network, where no public authority vouches for an address: signed by a root that is
//! made for that one address, and can vouch for nothing else.

use std::{
    fs,
    io::Write as _,
    net::IpAddr,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, NameConstraints, SanType,
};
use time::{Duration, OffsetDateTime};

/// A phone's clock may be behind ours by this much.
const BACKDATED: Duration = Duration::hours(24);
/// People trust the root by hand, once on each phone.
const ROOT_VALIDITY: Duration = Duration::days(5 * 365);
/// Made anew whenever the node starts. Phones take no more than 825 days (Apple HT210176).
const LEAF_VALIDITY: Duration = Duration::days(90);

/// Files that a node serves its staff port with.
#[derive(Clone, Debug)]
pub struct Phones {
    /// What a phone has to trust, as PEM.
    pub root: PathBuf,
    /// The certificate and its key.
    pub certificate: PathBuf,
    /// Mode 0600.
    pub key: PathBuf,
    /// SHA-256 of the root in hexadecimal pairs, as phones show it.
    pub fingerprint: String,
}

/// The files for this address in `dir`; the root is made once.
///
/// # Errors
///
/// When they can't be written, or what is there can't be read.
pub fn prepare(dir: &Path, address: IpAddr, now: OffsetDateTime) -> anyhow::Result<Phones> {
    fs::create_dir_all(dir).with_context(|| format!("{} can't be made", dir.display()))?;
    let file = |what: &str| dir.join(format!("{address}-{what}").replace(':', "_"));
    let (root_file, root_key_file) = (file("root.pem"), file("root.key"));
    if !root_file.exists() {
        let (root, key) = make_root(address, now)?;
        write(&root_key_file, &key.serialize_pem())?;
        write(&root_file, &root.pem())?;
    }
    let text = |path: &Path| fs::read_to_string(path).with_context(|| format!("{} can't be read", path.display()));
    let root = text(&root_file)?;
    let issuer = Issuer::from_ca_cert_pem(&root, KeyPair::from_pem(&text(&root_key_file)?)?)?;
    let key = KeyPair::generate()?;
    let leaf = leaf_of(address, now).signed_by(&key, &issuer)?;
    let phones = Phones {
        fingerprint: fingerprint(&root)?,
        root: root_file,
        certificate: file("leaf.pem"),
        key: file("leaf.key"),
    };
    write(&phones.certificate, &leaf.pem())?;
    write(&phones.key, &key.serialize_pem())?;
    Ok(phones)
}

fn make_root(address: IpAddr, now: OffsetDateTime) -> anyhow::Result<(rcgen::Certificate, KeyPair)> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, format!("Hansa at {address}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let only = match address {
        IpAddr::V4(address) => CidrSubnet::V4(address.octets(), [255; 4]),
        IpAddr::V6(address) => CidrSubnet::V6(address.octets(), [255; 16]),
    };
    // Whoever steals its key can stand in for this address, and for no other and no name at all.
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::IpAddress(only)],
        excluded_subtrees: vec![GeneralSubtree::DnsName(String::new())],
    });
    (params.not_before, params.not_after) = (now - BACKDATED, now + ROOT_VALIDITY);
    let root = params.self_signed(&key)?;
    Ok((root, key))
}

fn leaf_of(address: IpAddr, now: OffsetDateTime) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Hansa");
    params.subject_alt_names = vec![SanType::IpAddress(address)];
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    (params.not_before, params.not_after) = (now - BACKDATED, now + LEAF_VALIDITY);
    params
}

fn fingerprint(pem: &str) -> anyhow::Result<String> {
    use rustls::pki_types::{CertificateDer, pem::PemObject as _};
    let root = CertificateDer::from_pem_slice(pem.as_bytes())?;
    let pairs = hansa_vault::sha256(&[root.as_ref()]).map(|byte| format!("{byte:02X}"));
    Ok(pairs.join(":"))
}

/// Written beside and moved: a node that runs reads the old file or the new one.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let beside = path.with_extension("new");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)
        .with_context(|| format!("{} can't be written", beside.display()))?;
    file.write_all(text.as_bytes())?;
    fs::rename(&beside, path)?;
    Ok(())
}
