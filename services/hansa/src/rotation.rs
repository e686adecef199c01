//! The change of a node's TLS key in two steps: every partner is told of the next key, then it is used. Nobody is cut off.

use hansa_edge::Identity;
use hansa_link::unaware;
use hansa_tenancy::Tenancy;
use hansa_vault::{Vault, sha256};
use hansa_vocab::{NodeId, Pin};

/// How far a change has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// The running node has not put the next key on its card yet.
    Announcing(Pin),
    /// These partners have not been told yet; the old key stays in use until they have.
    WaitingFor(Pin, Vec<String>),
    /// The new key is in use.
    Done(Pin),
}

/// One step further: makes the next key when there is none, and uses it when every partner knows it.
///
/// # Errors
///
/// When the database or the keys can't be used.
pub async fn step(tenancy: &Tenancy, vault: &Vault, whatever_partners_know: bool) -> anyhow::Result<Rotation> {
    let keys = vault.node_keys(tenancy.control()).await?;
    let node = NodeId(sha256(&[&keys.card.public_key()]));
    let Some(next) = keys.tls_next else {
        vault.make_next_tls_key(tenancy.control()).await?;
        tenancy.change("node-key").await?;
        let made = vault.node_keys(tenancy.control()).await?.tls_next;
        let made = made.ok_or_else(|| anyhow::anyhow!("another command has used the key already"))?;
        return Ok(Rotation::Announcing(Identity::pin_of(&made)?));
    };
    let pin = Identity::pin_of(&next)?;
    match unaware(tenancy, node, pin).await? {
        None if !whatever_partners_know => Ok(Rotation::Announcing(pin)),
        Some(names) if !names.is_empty() && !whatever_partners_know => Ok(Rotation::WaitingFor(pin, names)),
        _ => {
            vault.promote_tls_key(tenancy.control()).await?;
            tenancy.change("node-key").await?;
            Ok(Rotation::Done(pin))
        }
    }
}
