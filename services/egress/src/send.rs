//! Sending: the name is looked up once, its addresses are looked at, and the connection goes to one of those.

mod backend;
mod issuer;
pub mod smtp;

use std::{net::SocketAddr, time::Duration};

use ipnet::IpNet;
use reqwest::{Client, Response, Url, redirect::Policy};
use uuid::Uuid;

pub use self::{
    backend::{answered, channel},
    issuer::{Unheard, ask},
};

use crate::model;

/// From looking the name up to the head of the answer.
const DEADLINE: Duration = Duration::from_secs(15);

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The receiver has taken it.
    Taken(u16),
    /// It wants to be told no more.
    Gone,
    /// It did not take it.
    Refused(u16),
    /// It could not be asked.
    Trouble(String),
    /// It will not go well another time either.
    Never(String),
}

impl Sent {
    /// The state that it leads to, what the receiver said, and what is told of it; `again`: there is another attempt.
    pub fn leads_to(&self, again: bool) -> (&'static str, Option<i16>, &str) {
        let later = if again { "pending" } else { "failed" };
        let status = |status: u16| i16::try_from(status).ok();
        match self {
            Self::Taken(taken) => ("delivered", status(*taken), ""),
            Self::Gone => ("failed", Some(410), "the receiver wants to be told no more"),
            Self::Refused(refused) => (later, status(*refused), ""),
            Self::Trouble(trouble) => (later, None, trouble),
            Self::Never(trouble) => ("failed", None, trouble),
        }
    }
}

/// Something to be sent.
pub struct Letter<'a> {
    pub id: Uuid,
    pub url: &'a str,
    pub key: &'a [u8],
    pub payload: String,
    /// Seconds since 1970.
    pub timestamp: i64,
}

/// Sends it once.
pub async fn send(letter: Letter<'_>, allowed: &[IpNet]) -> Sent {
    match tokio::time::timeout(DEADLINE, sent(letter, allowed)).await {
        Ok(Ok(sent)) => sent,
        Ok(Err(trouble)) => Sent::Trouble(trouble),
        Err(_) => Sent::Trouble("no answer within 15 seconds".to_owned()),
    }
}

async fn sent(letter: Letter<'_>, allowed: &[IpNet]) -> Result<Sent, String> {
    // What it says besides is of no interest, however long it is.
    Ok(match post(letter, allowed).await?.status() {
        status if status.is_success() => Sent::Taken(status.as_u16()),
        status if status.as_u16() == 410 => Sent::Gone,
        status => Sent::Refused(status.as_u16()),
    })
}

/// Posts it; the head of the answer.
async fn post(letter: Letter<'_>, allowed: &[IpNet]) -> Result<Response, String> {
    let (url, host, to) = looked_up(letter.url, allowed).await?;
    let client = Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .resolve(&host, to)
        .user_agent("hansa")
        .build()
        .map_err(|error| error.to_string())?;
    let signature = model::signature(letter.key, letter.id, letter.timestamp, &letter.payload);
    client
        .post(url)
        .header("content-type", "application/json")
        .header("webhook-id", letter.id.to_string())
        .header("webhook-timestamp", letter.timestamp.to_string())
        .header("webhook-signature", signature)
        .body(letter.payload)
        .send()
        .await
        .map_err(|error| error.without_url().to_string())
}

/// An address that may be sent to: whole, its host, and where that is.
async fn looked_up(url: &str, allowed: &[IpNet]) -> Result<(Url, String, SocketAddr), String> {
    let url = model::address(url, allowed)?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = url.port_or_known_default().ok_or("no port")?;
    let to = looked_at(&host, port, url.scheme() == "https", allowed).await?;
    Ok((url, host, to))
}

/// An address of that name to which something may be sent.
async fn looked_at(host: &str, port: u16, secure: bool, allowed: &[IpNet]) -> Result<SocketAddr, String> {
    let found = tokio::net::lookup_host((host, port)).await;
    let found = found.map_err(|_| format!("{host} has no address"))?;
    let mut may = found.filter(|to| model::may_go(to.ip(), secure, allowed));
    may.next()
        .ok_or_else(|| format!("{host} is in a network that the operator has not allowed"))
}
