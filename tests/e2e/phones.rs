//! The staff port with TLS of its own: for phones on a shop's network, by a root that vouches for one address alone.
// covers: I12

use std::{net::IpAddr, path::PathBuf, sync::Arc};

use hansa::phones::{Phones, prepare};
use hansa_tests::House;
use hansa_vocab::{Clock as _, clock::SystemClock};
use rcgen::{CertificateParams, Issuer, KeyPair};
use rustls::{
    RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier as _},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
};

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("hansa-phones-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn made(folder: &std::path::Path, address: &str) -> Phones {
    prepare(folder, address.parse::<IpAddr>().unwrap(), SystemClock.now()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_trusts_the_root_opens_the_console_and_another_does_not() {
    let folder = folder("console");
    let files = made(&folder, "127.0.0.1");
    let house = House::with(|settings| {
        settings.staff_tls_listen = Some("127.0.0.1:0".parse().unwrap());
        settings.staff_tls_certificate = Some(files.certificate.clone());
        settings.staff_tls_key = Some(files.key.clone());
        settings.staff_tls_root = Some(files.root.clone());
    })
    .await;
    let address = house.node.staff_tls_address.unwrap();
    let root = std::fs::read(&files.root).unwrap();
    let trusting = reqwest::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(&root).unwrap()])
        .build()
        .unwrap();
    let answer = trusting
        .get(format!("https://{address}/console/"))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    let shown = trusting
        .get(format!("https://{address}/root.crt"))
        .send()
        .await
        .unwrap();
    assert_eq!(shown.headers()["content-type"], "application/x-x509-ca-cert");
    assert_eq!(shown.bytes().await.unwrap(), root);
    reqwest::get(format!("https://{address}/console/")).await.unwrap_err();
    // Nothing in clear is answered there, and the port on loopback shows no root.
    reqwest::get(format!("http://{address}/console/")).await.unwrap_err();
    let plain = format!("http://{}/root.crt", house.node.staff_address);
    assert!(reqwest::get(plain).await.unwrap().status().is_client_error());
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_new_certificate_is_shown_without_a_new_start_and_a_broken_file_changes_nothing() {
    let folder = folder("renewed");
    let files = made(&folder, "127.0.0.1");
    let https = hansa_edge::Https::open(&files.certificate, &files.key).unwrap();
    assert!(!https.look_again().unwrap());
    let again = made(&folder, "127.0.0.1");
    assert_eq!(
        again.fingerprint, files.fingerprint,
        "a phone would have to trust it again"
    );
    assert!(https.look_again().unwrap());
    assert!(!https.look_again().unwrap());
    std::fs::write(&files.certificate, "half a file").unwrap();
    let refused = https.look_again().unwrap_err().to_string();
    assert!(refused.contains("leaf.pem"), "{refused}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn whoever_steals_the_roots_key_can_vouch_for_no_other_address_and_no_name() {
    let folder = folder("stolen");
    let files = made(&folder, "192.0.2.7");
    let text = std::fs::read_to_string(&files.root).unwrap();
    let key = std::fs::read_to_string(files.root.with_extension("key")).unwrap();
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(text.as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let phone = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .unwrap();
    let issuer = Issuer::from_ca_cert_pem(&text, KeyPair::from_pem(&key).unwrap()).unwrap();
    let trusted = |name: &'static str| {
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec![name.to_owned()])
            .unwrap()
            .signed_by(&key, &issuer)
            .unwrap();
        let name = ServerName::try_from(name).unwrap();
        phone.verify_server_cert(leaf.der(), &[], &name, &[], UnixTime::now())
    };
    trusted("192.0.2.7").unwrap();
    for other in ["192.0.2.8", "bank.example", "2001:db8::1"] {
        trusted(other).unwrap_err();
    }
    std::fs::remove_dir_all(folder).unwrap();
}
