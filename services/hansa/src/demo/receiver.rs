//! A system outside Hansa that receives webhooks, for the demo.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hansa_vault::hmac_sha256;
use serde_json::Value;
use tokio::time::{Instant, sleep};

const PATIENCE: Duration = Duration::from_secs(15);

type Came = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// Keeps what came.
#[derive(Debug)]
pub(super) struct Receiver {
    address: SocketAddr,
    came: Came,
    key: Vec<u8>,
}

impl Receiver {
    pub async fn open() -> anyhow::Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let came = Came::default();
        let app = Router::new().route("/hansa", post(take)).with_state(came.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(Self {
            address,
            came,
            key: Vec::new(),
        })
    }

    pub fn url(&self) -> String {
        format!("http://{}/hansa", self.address)
    }

    /// Reads the secret that was shown when the webhook was added.
    pub fn checks_with(&mut self, secret: &str) -> anyhow::Result<()> {
        let key = secret.strip_prefix("whsec_").context("no secret was shown")?;
        self.key = STANDARD.decode(key)?;
        Ok(())
    }

    /// The first event, and whether its signature is right.
    pub async fn first(&self) -> anyhow::Result<(bool, Value)> {
        let begun = Instant::now();
        loop {
            let first = self
                .came
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .first()
                .cloned();
            if let Some((headers, body)) = first {
                let header = |name: &str| {
                    headers
                        .get(name)
                        .and_then(|value| value.to_str().ok())
                        .unwrap_or_default()
                };
                let signed = [header("webhook-id"), ".", header("webhook-timestamp"), "."].concat();
                let tag = STANDARD.encode(hmac_sha256(&self.key, &[signed.as_bytes(), &body]));
                let right = header("webhook-signature") == format!("v1,{tag}");
                return Ok((right, serde_json::from_slice(&body)?));
            }
            anyhow::ensure!(begun.elapsed() < PATIENCE, "nothing came");
            sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn take(State(came): State<Came>, headers: HeaderMap, body: Bytes) -> StatusCode {
    came.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push((headers, body));
    StatusCode::NO_CONTENT
}
