//! SQL of what parties do with documents, nothing else.

use hansa_proto::documents::v1::ActSent;
use hansa_tenancy::TenantTx;
use hansa_vault::Seal;
use prost::Message as _;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Error;

/// What somebody did.
#[derive(Clone, Debug)]
pub struct ActRow {
    pub id: Uuid,
    pub act: String,
    pub role: String,
    pub state: String,
    pub reason: String,
    pub proposal: Option<Uuid>,
    pub at: OffsetDateTime,
}

/// Something that a customer has done.
#[derive(Debug)]
pub struct OwnAct {
    pub id: Uuid,
    pub act: String,
    pub state: String,
}

/// A proposal that is open, or what was said to one.
#[derive(Debug)]
pub struct ProposalRow {
    pub document_id: Uuid,
    pub id: Uuid,
    pub act: String,
    pub role: String,
    pub state: String,
    pub proposal: Option<Uuid>,
    pub sent: ActSent,
    pub at: OffsetDateTime,
}

/// What is written down of an act.
pub struct NewAct<'a> {
    pub document: Uuid,
    pub id: Uuid,
    pub act: &'a str,
    pub role: &'a str,
    pub base: i64,
    pub body_hash: &'a str,
    pub state: &'a str,
    pub reason: &'a str,
    pub actor: &'a str,
    /// The one that it answers.
    pub proposal: Option<Uuid>,
    /// Of a proposal, or of what is said to one.
    pub sent: Option<&'a ActSent>,
}

fn place(document: Uuid, act: Uuid) -> Vec<u8> {
    [b"document-act\0", &document.as_bytes()[..], act.as_bytes()].concat()
}

/// Nothing is kept of what nobody has to agree to.
fn close(seal: &Seal, place: &[u8], sent: Option<&ActSent>) -> Result<Vec<u8>, Error> {
    match sent {
        Some(sent) => Ok(seal.close(place, &sent.encode_to_vec())?),
        None => Ok(Vec::new()),
    }
}

fn open(seal: &Seal, place: &[u8], body: &[u8]) -> Result<ActSent, Error> {
    if body.is_empty() {
        return Ok(ActSent::default());
    }
    let clear = seal.open(place, body)?;
    ActSent::decode(clear.as_slice()).map_err(|_| Error::Damaged("document_act"))
}

/// Writes an act down; one that was held has been approved, and goes on from there.
pub async fn insert_act(seal: &Seal, tx: &mut TenantTx, new: &NewAct<'_>) -> Result<(), Error> {
    sqlx::query!(
        "insert into document_act (document_id, id, act, role, base, state, reason, actor, body_hash, proposal, body)
         values ($1, $2, left($3, 40), left($4, 40), $5, $6, $7, $8, $9, $10, $11)
         on conflict (document_id, id) do update set state = excluded.state, reason = excluded.reason, body = excluded.body
         where document_act.state = 'held'",
        new.document,
        new.id,
        new.act,
        new.role,
        new.base,
        new.state,
        new.reason,
        new.actor,
        new.body_hash,
        new.proposal,
        close(seal, &place(new.document, new.id), new.sent)?,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What has become of an act that was sent, or that waited for somebody.
pub async fn settle_act(tx: &mut TenantTx, document: Uuid, id: Uuid, state: &str, reason: &str) -> Result<(), Error> {
    sqlx::query!(
        "update document_act set state = $3, reason = left($4, 40) where document_id = $1 and id = $2 and state in ('held', 'sent', 'open')",
        document,
        id,
        state,
        reason,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Acts of a document, newest first, at most 200.
pub async fn acts(tx: &mut TenantTx, document: Uuid) -> Result<Vec<ActRow>, Error> {
    Ok(sqlx::query_as!(
        ActRow,
        "select id, act, role, state, reason, proposal, at from document_act where document_id = $1 order by at desc, id desc limit 200",
        document,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Who did something, as it is known here: staff id, or enterprise id of a partner.
pub async fn actor(tx: &mut TenantTx, document: Uuid, id: Uuid) -> Result<Option<String>, Error> {
    Ok(sqlx::query_scalar!(
        "select actor from document_act where document_id = $1 and id = $2",
        document,
        id
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// What one who is nobody of ours has done, newest first.
pub async fn own_acts(tx: &mut TenantTx, document: Uuid, actor: &str) -> Result<Vec<OwnAct>, Error> {
    Ok(sqlx::query_as!(
        OwnAct,
        "select id, act, state from document_act where document_id = $1 and actor = $2 order by at desc, id desc limit 200",
        document,
        actor,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Open proposals of these documents, and all that was said to proposals.
pub async fn proposals(seal: &Seal, tx: &mut TenantTx, documents: &[Uuid]) -> Result<Vec<ProposalRow>, Error> {
    let rows = sqlx::query!(
        "select document_id, id, act, role, state, proposal, body, at from document_act
         where document_id in (select document_id from document_act where document_id = any($1) and state = 'open')
           and (state = 'open' or proposal is not null)
         order by at, id",
        documents,
    )
    .fetch_all(tx.conn())
    .await?;
    let read = rows.into_iter().map(|row| {
        Ok(ProposalRow {
            sent: open(seal, &place(row.document_id, row.id), &row.body)?,
            document_id: row.document_id,
            id: row.id,
            act: row.act,
            role: row.role,
            state: row.state,
            proposal: row.proposal,
            at: row.at,
        })
    });
    read.collect()
}

/// An act that waits for a colleague's approval.
pub struct HeldRow {
    pub id: Uuid,
    pub act: String,
    pub base: i64,
    pub body_hash: String,
    pub actor: String,
    pub sent: ActSent,
}

/// Acts that wait for a colleague's approval, in their order.
pub async fn held(seal: &Seal, tx: &mut TenantTx, document: Uuid) -> Result<Vec<HeldRow>, Error> {
    let rows = sqlx::query!(
        "select id, act, base, body_hash, actor, body from document_act where document_id = $1 and state = 'held' order by at, id",
        document,
    )
    .fetch_all(tx.conn())
    .await?;
    let read = rows.into_iter().map(|row| {
        Ok(HeldRow {
            sent: open(seal, &place(document, row.id), &row.body)?,
            id: row.id,
            act: row.act,
            base: row.base,
            body_hash: row.body_hash,
            actor: row.actor,
        })
    });
    read.collect()
}

/// The newest act of a role: its state, and what was kept of it.
pub async fn newest_of(
    seal: &Seal,
    tx: &mut TenantTx,
    document: Uuid,
    role: &str,
) -> Result<Option<(String, ActSent)>, Error> {
    let row = sqlx::query!(
        "select id, state, body from document_act where document_id = $1 and role = $2 order by at desc, id desc limit 1",
        document,
        role,
    )
    .fetch_optional(tx.conn())
    .await?;
    row.map(|row| Ok((row.state, open(seal, &place(document, row.id), &row.body)?)))
        .transpose()
}

/// Acts of a role that nobody has ruled on, in their order.
pub async fn pending(seal: &Seal, tx: &mut TenantTx, document: Uuid, role: &str) -> Result<Vec<ActSent>, Error> {
    let rows = sqlx::query!(
        "select id, body from document_act where document_id = $1 and role = $2 and state in ('sent', 'open') order by at, id",
        document,
        role,
    )
    .fetch_all(tx.conn())
    .await?;
    let read = rows
        .into_iter()
        .map(|row| open(seal, &place(document, row.id), &row.body));
    read.collect()
}

/// Others have to agree to an act of ours that was sent.
pub async fn open_act(
    seal: &Seal,
    tx: &mut TenantTx,
    (document, id): (Uuid, Uuid),
    sent: &ActSent,
) -> Result<(), Error> {
    sqlx::query!(
        "update document_act set state = 'open', body = $3 where document_id = $1 and id = $2 and state = 'sent'",
        document,
        id,
        close(seal, &place(document, id), Some(sent))?,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The hash of what was asked with this id.
pub async fn asked(tx: &mut TenantTx, document: Uuid, act: Uuid) -> Result<Option<String>, Error> {
    Ok(sqlx::query_scalar!(
        "select body_hash from document_act where document_id = $1 and id = $2",
        document,
        act,
    )
    .fetch_optional(tx.conn())
    .await?)
}
