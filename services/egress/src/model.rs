//! Where something may be sent, how it is signed, and when it is tried again: without IO.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hansa_vault::hmac_sha256;
use ipnet::IpNet;
use reqwest::Url;
use uuid::Uuid;

/// A document has a new version.
pub const DOCUMENT_CHANGED: &str = "document.changed";
/// Somebody proposes something for a document.
pub const DOCUMENT_PROPOSED: &str = "document.proposed";
/// Nobody has acted on a document in time.
pub const DOCUMENT_OVERDUE: &str = "document.overdue";
/// Whoever of ours has to act on a document is reminded.
pub const DOCUMENT_REMINDED: &str = "document.reminded";
/// Something was said in a thread.
pub const THREAD_CHANGED: &str = "thread.changed";
/// An app tells people something.
pub const APP_NOTICE: &str = "app.notice";
/// Types of what is told.
pub const TOPICS: [&str; 6] = [
    DOCUMENT_CHANGED,
    DOCUMENT_PROPOSED,
    DOCUMENT_OVERDUE,
    DOCUMENT_REMINDED,
    THREAD_CHANGED,
    APP_NOTICE,
];

/// Characters of an address.
pub const URL_MAX: usize = 500;
/// What a secret begins with, for people and scanners of leaks.
const SECRET_PREFIX: &str = "whsec_";

/// Seconds from an attempt that failed to the next one: 13 attempts in 68 hours.
const WAITS: [u64; 12] = [
    5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 57_600, 86_400,
];

/// How long to wait after so many attempts; none when it is given up.
#[must_use]
pub fn wait(attempts: usize) -> Option<Duration> {
    let place = attempts.checked_sub(1)?;
    WAITS.get(place).map(|seconds| Duration::from_secs(*seconds))
}

/// Reads where something is to be sent.
///
/// # Errors
///
/// What is wrong with it.
pub fn address(text: &str, allowed: &[IpNet]) -> Result<Url, String> {
    if text.chars().count() > URL_MAX {
        return Err(format!("at most {URL_MAX} characters"));
    }
    let url: Url = text.parse().map_err(|_| "no address: https://host/path".to_owned())?;
    if url.host_str().is_none_or(str::is_empty) || !url.username().is_empty() || url.password().is_some() {
        return Err("a host, and no user or password".to_owned());
    }
    // In clear only inside networks that the operator vouches for.
    match url.scheme() {
        "https" => Ok(url),
        "http" if !allowed.is_empty() => Ok(url),
        _ => Err("must begin with https://".to_owned()),
    }
}

/// May something be sent there; in clear only where the operator allows it.
#[must_use]
pub fn may_go(to: IpAddr, secure: bool, allowed: &[IpNet]) -> bool {
    let to = to.to_canonical();
    allowed.iter().any(|net| net.contains(&to)) || (secure && is_public(to))
}

/// Is it an address of the public internet, by the registries of special-purpose addresses of IANA.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    let special = v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_multicast()
        || v4.is_broadcast()
        || v4.is_documentation()
        || a == 0
        || a >= 240
        // Shared by carriers, protocol assignments, benchmarks, relays of 6to4.
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (18..20).contains(&b))
        || (a == 192 && b == 88 && c == 99);
    !special
}

fn is_public_v6(v6: Ipv6Addr) -> bool {
    let first = v6.segments()[0];
    // Only what is given out for the whole world, less what is for documents, and what hides a v4 address.
    let global = (0x2000..0x4000).contains(&first);
    let second = v6.segments()[1];
    let special = (first == 0x2001 && (second < 0x0200 || second == 0x0db8))
        || first == 0x2002
        || (first == 0x3fff && second < 0x1000);
    global && !special
}

/// A secret as the receiver is given it.
#[must_use]
pub fn shown_secret(key: &[u8]) -> String {
    format!("{SECRET_PREFIX}{}", STANDARD.encode(key))
}

/// The header `webhook-signature`, by Standard Webhooks 1.0.0.
#[must_use]
pub fn signature(key: &[u8], id: Uuid, timestamp: i64, payload: &str) -> String {
    let signed = format!("{id}.{timestamp}.{payload}");
    format!("v1,{}", STANDARD.encode(hmac_sha256(key, &[signed.as_bytes()])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_goes_into_private_networks_unless_the_operator_allows_it() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "192.0.2.1",
            "192.0.0.8",
            "240.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2001:db8::1",
            "2001::1",
            "2002:a00:1::1",
        ] {
            assert!(!may_go(private.parse().unwrap(), true, &[]), "{private}");
        }
        for public in ["93.184.216.34", "1.1.1.1", "2606:4700::1111", "2a00:1450::1"] {
            assert!(may_go(public.parse().unwrap(), true, &[]), "{public}");
            assert!(!may_go(public.parse().unwrap(), false, &[]), "{public} in clear");
        }
        let allowed = ["10.0.0.0/8".parse().unwrap()];
        assert!(may_go("10.1.2.3".parse().unwrap(), false, &allowed));
        assert!(
            may_go("::ffff:10.1.2.3".parse().unwrap(), false, &allowed),
            "the same address in other clothes"
        );
        assert!(!may_go("192.168.1.1".parse().unwrap(), true, &allowed));
    }

    #[test]
    fn an_address_is_https_and_names_no_user() {
        let net = ["10.0.0.0/8".parse().unwrap()];
        assert!(address("https://example.org/hook", &[]).is_ok());
        assert!(address("http://10.0.0.1/hook", &net).is_ok());
        for wrong in [
            "http://example.org/",
            "ftp://example.org/",
            "https://a:b@example.org/",
            "example.org",
            "",
        ] {
            assert!(address(wrong, &[]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn it_is_tried_for_about_three_days() {
        let mut hours = 0;
        let mut attempts = 1;
        while let Some(wait) = wait(attempts) {
            hours += wait.as_secs();
            attempts += 1;
        }
        assert_eq!((attempts, hours / 3_600), (13, 67));
        assert_eq!(wait(0), None);
    }
}
