//! The staff port with TLS of its own, besides the one on loopback.

use std::{net::SocketAddr, path::Path, sync::Arc};

use anyhow::Context as _;
use axum::{Router, http::header, routing::get};
use hansa_edge::{Https, serve_http};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{RENEW_LOOK, ports::bind};
use crate::Settings;

/// A port that is open, and what it shows.
pub(super) struct Secure {
    listener: TcpListener,
    https: Arc<Https>,
    /// What phones have to trust first.
    root: Option<Vec<u8>>,
}

impl Secure {
    /// The port, when there is to be one.
    pub(super) async fn open(settings: &Settings) -> anyhow::Result<Option<Self>> {
        let Some(address) = settings.staff_tls_listen else {
            return Ok(None);
        };
        let certificate = settings.staff_tls_certificate.as_deref();
        let certificate = certificate.context("say which certificate: HANSA_STAFF_TLS_CERTIFICATE")?;
        let key = settings.staff_tls_key.as_deref();
        let key = key.context("say where its key is: HANSA_STAFF_TLS_KEY")?;
        let https = Https::open(certificate, key)?;
        let read = |path: &Path| std::fs::read(path).with_context(|| format!("{} can't be read", path.display()));
        let root = settings.staff_tls_root.as_deref().map(read).transpose()?;
        let listener = bind(address, "staff TLS").await?;
        Ok(Some(Self { listener, https, root }))
    }

    pub(super) fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves it, and looks at its files again and again.
    pub(super) fn serve(self, router: Router, tasks: &mut JoinSet<anyhow::Result<()>>, shutdown: &CancellationToken) {
        let router = match self.root {
            None => router,
            Some(root) => {
                let kind = [(header::CONTENT_TYPE, "application/x-x509-ca-cert")];
                router.route("/root.crt", get(|| async move { (kind, root) }))
            }
        };
        let (https, end) = (self.https.clone(), shutdown.clone());
        tasks.spawn(async move { Ok(serve_http(self.listener, router, Some(https), end).await?) });
        let (https, end) = (self.https, shutdown.clone());
        tasks.spawn(async move {
            while end.run_until_cancelled(tokio::time::sleep(RENEW_LOOK)).await.is_some() {
                look_again(&https);
            }
            Ok(())
        });
    }
}

fn look_again(https: &Https) {
    match https.look_again() {
        Ok(true) => tracing::info!("the staff port shows its new certificate"),
        Ok(false) => {}
        Err(error) => tracing::error!(%error, "the staff port goes on with its old certificate"),
    }
}
