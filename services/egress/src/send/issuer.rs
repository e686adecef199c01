//! The other side of OpenID Connect: its places are asked at addresses that were looked at, and heard within bounds.

use std::time::Duration;

use ipnet::IpNet;
use openidconnect::{HttpRequest, HttpResponse};
use reqwest::{Client, redirect::Policy};

use super::looked_up;

/// Bytes of an answer: discovery documents and key sets of large issuers have some tens of thousands.
const ANSWER_MAX: usize = 256 * 1024;
/// From looking the name up to the end of the answer.
const DEADLINE: Duration = Duration::from_secs(10);

/// Why an issuer could not be asked, for people.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unheard(String);

/// Asks an issuer one thing.
pub async fn ask(request: HttpRequest, allowed: &[IpNet]) -> Result<HttpResponse, Unheard> {
    let late = |_| Err(Unheard(format!("no answer within {} seconds", DEADLINE.as_secs())));
    tokio::time::timeout(DEADLINE, asked(request, allowed))
        .await
        .unwrap_or_else(late)
}

async fn asked(request: HttpRequest, allowed: &[IpNet]) -> Result<HttpResponse, Unheard> {
    let (head, body) = request.into_parts();
    let (url, host, to) = looked_up(&head.uri.to_string(), allowed).await.map_err(Unheard)?;
    let unheard = |error: reqwest::Error| Unheard(error.without_url().to_string());
    let client = Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .resolve(&host, to)
        .user_agent("hansa")
        .build()
        .map_err(unheard)?;
    let asked = client.request(head.method, url).headers(head.headers).body(body);
    let mut answer = asked.send().await.map_err(unheard)?;
    let mut all = Vec::new();
    while let Some(part) = answer.chunk().await.map_err(unheard)? {
        if all.len() + part.len() > ANSWER_MAX {
            return Err(Unheard(format!("its answer has more than {ANSWER_MAX} bytes")));
        }
        all.extend_from_slice(&part);
    }
    let mut heard = HttpResponse::new(all);
    *heard.status_mut() = answer.status();
    *heard.headers_mut() = answer.headers().clone();
    Ok(heard)
}
