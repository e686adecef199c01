//! The ports of a node: opened before anything else begins.

use std::net::SocketAddr;

use anyhow::Context as _;
use tokio::net::TcpListener;

use super::secure::Secure;
use crate::Settings;

/// Ports on which nobody is answered yet.
pub(super) struct Ports {
    pub(super) link: TcpListener,
    pub(super) staff: TcpListener,
    pub(super) secure: Option<Secure>,
    pub(super) ops: TcpListener,
    pub(super) pages: Option<TcpListener>,
}

/// Where they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opened {
    pub(super) link: SocketAddr,
    pub(super) staff: SocketAddr,
    pub(super) staff_tls: Option<SocketAddr>,
    pub(super) ops: SocketAddr,
    pub(super) pages: Option<SocketAddr>,
}

impl Ports {
    pub(super) async fn open(settings: &Settings) -> anyhow::Result<Self> {
        settings.check_ports()?;
        Ok(Self {
            link: bind(settings.link_listen, "link").await?,
            staff: bind(settings.staff_listen, "staff").await?,
            secure: Secure::open(settings).await?,
            ops: bind(settings.ops_listen, "ops").await?,
            pages: match settings.pages_listen {
                Some(address) => Some(bind(address, "pages").await?),
                None => None,
            },
        })
    }

    pub(super) fn opened(&self) -> std::io::Result<Opened> {
        Ok(Opened {
            link: self.link.local_addr()?,
            staff: self.staff.local_addr()?,
            staff_tls: self.secure.as_ref().map(Secure::address).transpose()?,
            ops: self.ops.local_addr()?,
            pages: self.pages.as_ref().map(TcpListener::local_addr).transpose()?,
        })
    }
}

/// A port that can say why it is not open.
pub(super) async fn bind(address: SocketAddr, what: &str) -> anyhow::Result<TcpListener> {
    let opened = TcpListener::bind(address).await;
    opened.with_context(|| format!("the {what} port can't be opened on {address}"))
}

impl Opened {
    /// All that are open, by name.
    pub(super) fn named(self) -> Vec<(&'static str, SocketAddr)> {
        let all = [
            ("link", Some(self.link)),
            ("staff", Some(self.staff)),
            ("staff, TLS", self.staff_tls),
            ("ops", Some(self.ops)),
            ("pages", self.pages),
        ];
        all.into_iter()
            .filter_map(|(name, at)| at.map(|at| (name, at)))
            .collect()
    }
}
