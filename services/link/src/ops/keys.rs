//! The node's own keys on its card, and who knows of them: a key is in use only when every partner has been told of it.

use std::sync::Arc;

use hansa_edge::Identity;
use hansa_proto::{link::v1::NodeCard, types::v1::Signed};
use hansa_tenancy::{Errand, Tenancy, TenantState};
use hansa_vault::Vault;
use hansa_vocab::{NodeId, Pin};
use prost::Message as _;
use tokio_util::sync::CancellationToken;

use super::{Links, NodeSelf};
use crate::{
    Error,
    mailbox::End,
    model::bundle,
    store::{links, routes},
};

/// Topic of a change of the node's keys.
const TOPIC: &str = "node-key";

impl Links {
    /// Takes up the node's keys again whenever they change in the database, until `shutdown`.
    pub async fn watch_keys(&self, shutdown: CancellationToken) {
        let mut changes = self.tenancy().changes(TOPIC);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                changed = changes.changed() => if changed.is_err() { return },
            }
            if let Err(error) = self.take_up_keys().await {
                tracing::error!(%error, "the node's keys can't be taken up");
            }
        }
    }

    /// Shows the key in use from the next handshake on, and both keys on the card; every partner is told.
    async fn take_up_keys(&self) -> Result<(), Error> {
        let keys = self.0.vault.node_keys(self.tenancy().control()).await?;
        let node = &self.0.node;
        node.identity
            .install(&keys.tls_now)
            .map_err(|_| Error::Damaged("TLS key"))?;
        let card = card(self.tenancy(), &self.0.vault, node).await?;
        self.0.own_card.store(Arc::new(card));
        tracing::info!(pin = %node.identity.pin(), next = keys.tls_next.is_some(), "the node's keys were taken up");
        for tenant in self.tenancy().tenants().await? {
            if tenant.state != TenantState::Active {
                continue;
            }
            let tenant = tenant.id;
            let errand = Errand::new("link.keys", tenant);
            let mut tx = self.tenancy().begin("link.keys", &errand).await?;
            let all = links::list(&mut tx, "").await?;
            drop(tx);
            for row in all
                .iter()
                .filter(|row| row.peer.is_some() && !row.hosted && !row.state.is_final())
            {
                self.rouse_again(End { tenant, link: row.id }).await?;
            }
        }
        Ok(())
    }
}

/// The newest card of this node; a new one when its pins or addresses have changed.
pub(super) async fn card(tenancy: &Tenancy, vault: &Vault, node: &NodeSelf) -> Result<Signed, Error> {
    let id = node.identity.node();
    let keys = vault.node_keys(tenancy.control()).await?;
    let pin = |key: &[u8]| Identity::pin_of(key).map_err(|_| Error::Damaged("TLS key"));
    let pin_now = pin(&keys.tls_now)?;
    let pin_next = keys.tls_next.as_ref().map(|key| pin(key)).transpose()?;
    loop {
        let newest = routes::own_card(tenancy.control(), id).await?;
        let sequence = newest.as_ref().map_or(0, |(sequence, _)| *sequence) + 1;
        let next = u64::try_from(sequence).unwrap_or(1);
        let fresh = bundle::card(&node.card, next, pin_now, pin_next, &node.addresses);
        if let Some((_, body)) = newest
            && bundle::same_card(&body, &fresh)
        {
            return Signed::decode(body.as_slice()).map_err(|_| Error::Damaged("node card"));
        }
        // Another process may have been first; then its card is compared.
        if routes::keep_card(tenancy.control(), id, sequence, &fresh.encode_to_vec()).await? {
            return Ok(fresh);
        }
    }
}

/// Partners that have not been told of this key yet; none while the node's own card does not show it.
///
/// # Errors
///
/// When the database does not answer.
pub async fn unaware(tenancy: &Tenancy, node: NodeId, key: Pin) -> Result<Option<Vec<String>>, Error> {
    let Some((sequence, body)) = routes::own_card(tenancy.control(), node).await? else {
        return Ok(None);
    };
    let damaged = |_| Error::Damaged("node card");
    let card = Signed::decode(body.as_slice()).map_err(damaged)?;
    let card = NodeCard::decode(card.body).map_err(damaged)?;
    if *card.pin_now != key.0 && *card.pin_next != key.0 {
        return Ok(None);
    }
    let mut names = Vec::new();
    for tenant in tenancy.tenants().await? {
        if tenant.state != TenantState::Active {
            continue;
        }
        let mut tx = tenancy
            .begin("link.unaware", &Errand::new("link.unaware", tenant.id))
            .await?;
        let all = links::list(&mut tx, "").await?.into_iter();
        let untold =
            all.filter(|row| row.peer.is_some() && !row.hosted && !row.state.is_final() && row.card_known < sequence);
        names.extend(untold.map(|row| format!("{} (of {})", row.peer_name, tenant.name)));
    }
    Ok(Some(names))
}
