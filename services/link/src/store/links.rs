//! A tenant's links and the bytes that were signed about them.

use std::collections::HashMap;

use hansa_tenancy::TenantTx;
use hansa_vocab::{EnterpriseId, LinkId, NodeId};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Error, model::LinkState};

/// A link's row.
#[derive(Clone, Debug)]
pub struct LinkRow {
    pub id: LinkId,
    pub inviter: bool,
    pub peer: Option<EnterpriseId>,
    pub peer_name: String,
    pub peer_node: Option<NodeId>,
    pub state: LinkState,
    pub epoch: i64,
    pub grant_version: i64,
    pub terms_hash: String,
    pub check_code: String,
    pub secret_hash: Option<String>,
    pub expires_at: Option<OffsetDateTime>,
    pub mine: i64,
    pub theirs: i64,
    pub acknowledged: i64,
    pub bundle_known: i64,
    pub card_known: i64,
    pub last_contact_at: Option<OffsetDateTime>,
    pub last_refusal: Option<String>,
    pub last_refusal_at: Option<OffsetDateTime>,
    /// The partner is a guest of ours.
    pub hosted: bool,
}

/// A link's row as the database gives it.
struct Raw {
    id: Uuid,
    inviter: bool,
    peer_id: Option<String>,
    peer_name: String,
    peer_node_id: Option<String>,
    state: String,
    epoch: i64,
    grant_version: i64,
    terms_hash: String,
    check_code: String,
    secret_hash: Option<String>,
    expires_at: Option<OffsetDateTime>,
    mine: i64,
    theirs: i64,
    acknowledged: i64,
    bundle_known: i64,
    card_known: i64,
    last_contact_at: Option<OffsetDateTime>,
    last_refusal: Option<String>,
    last_refusal_at: Option<OffsetDateTime>,
    hosted: bool,
}

/// What an end of a link follows from: as long as this is the same, so is what was read of the link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    state: LinkState,
    epoch: i64,
    grant_version: i64,
    peer: Option<EnterpriseId>,
    peer_node: Option<NodeId>,
    declared: (i64, i64),
}

impl LinkRow {
    /// What its end follows from.
    pub fn mark(&self) -> Mark {
        Mark {
            state: self.state,
            epoch: self.epoch,
            grant_version: self.grant_version,
            peer: self.peer,
            peer_node: self.peer_node,
            declared: (self.mine, self.theirs),
        }
    }
}

impl TryFrom<Raw> for LinkRow {
    type Error = Error;

    fn try_from(raw: Raw) -> Result<Self, Error> {
        let damaged = |_| Error::Damaged("link row");
        Ok(Self {
            id: LinkId(raw.id),
            inviter: raw.inviter,
            peer: raw.peer_id.map(|text| text.parse().map_err(damaged)).transpose()?,
            peer_name: raw.peer_name,
            peer_node: raw.peer_node_id.map(|text| text.parse().map_err(damaged)).transpose()?,
            state: raw.state.parse().map_err(|_| Error::Damaged("link state"))?,
            epoch: raw.epoch,
            grant_version: raw.grant_version,
            terms_hash: raw.terms_hash,
            check_code: raw.check_code,
            secret_hash: raw.secret_hash,
            expires_at: raw.expires_at,
            mine: raw.mine,
            theirs: raw.theirs,
            acknowledged: raw.acknowledged,
            bundle_known: raw.bundle_known,
            card_known: raw.card_known,
            last_contact_at: raw.last_contact_at,
            last_refusal: raw.last_refusal,
            last_refusal_at: raw.last_refusal_at,
            hosted: raw.hosted,
        })
    }
}

/// What a new link's row says.
pub struct NewLink<'a> {
    pub id: LinkId,
    pub inviter: bool,
    pub peer: Option<EnterpriseId>,
    pub peer_name: &'a str,
    pub peer_node: Option<NodeId>,
    pub state: LinkState,
    pub terms_hash: &'a str,
    pub check_code: &'a str,
    pub secret_hash: Option<&'a str>,
    pub expires_at: Option<OffsetDateTime>,
    pub hosted: bool,
}

/// Writes a new link; false when its id is taken.
pub async fn insert(tx: &mut TenantTx, link: &NewLink<'_>) -> Result<bool, Error> {
    let done = sqlx::query!(
        "insert into link (id, inviter, peer_id, peer_name, peer_node_id, state, terms_hash, check_code, secret_hash, expires_at,
            hosted)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         on conflict (id) do nothing",
        link.id.0,
        link.inviter,
        link.peer.map(|id| id.to_string()),
        link.peer_name,
        link.peer_node.map(|id| id.to_string()),
        link.state.as_str(),
        link.terms_hash,
        link.check_code,
        link.secret_hash,
        link.expires_at,
        link.hosted,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The link with this id, and its row lock when the caller means to change it.
pub async fn find(tx: &mut TenantTx, id: LinkId) -> Result<LinkRow, Error> {
    sqlx::query_as!(
        Raw,
        "select id, inviter, peer_id, peer_name, peer_node_id, state, epoch, grant_version, terms_hash, check_code, secret_hash,
            expires_at, mine, theirs, acknowledged, bundle_known, card_known, last_contact_at, last_refusal, last_refusal_at, hosted
         from link where id = $1",
        id.0,
    )
    .fetch_optional(tx.conn())
    .await?
    .ok_or(Error::NoSuchLink)?
    .try_into()
}

/// What the ends of these links follow from; those that are not there are missing.
pub async fn marks(tx: &mut TenantTx, all: &[Uuid]) -> Result<HashMap<LinkId, Mark>, Error> {
    let rows = sqlx::query_as!(
        Raw,
        "select id, inviter, peer_id, peer_name, peer_node_id, state, epoch, grant_version, terms_hash, check_code, secret_hash,
            expires_at, mine, theirs, acknowledged, bundle_known, card_known, last_contact_at, last_refusal, last_refusal_at, hosted
         from link where id = any($1)",
        all,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|raw| LinkRow::try_from(raw).map(|row| (row.id, row.mark())))
        .collect()
}

/// Takes the link's row lock: what follows in this transaction is alone with it.
pub async fn lock(tx: &mut TenantTx, id: LinkId) -> Result<LinkRow, Error> {
    sqlx::query!("select id from link where id = $1 for update", id.0)
        .fetch_optional(tx.conn())
        .await?
        .ok_or(Error::NoSuchLink)?;
    find(tx, id).await
}

/// All links, or those in a network or group, newest first, at most 10,000.
pub async fn list(tx: &mut TenantTx, group: &str) -> Result<Vec<LinkRow>, Error> {
    sqlx::query_as!(
        Raw,
        "select id, inviter, peer_id, peer_name, peer_node_id, state, epoch, grant_version, terms_hash, check_code, secret_hash,
            expires_at, mine, theirs, acknowledged, bundle_known, card_known, last_contact_at, last_refusal, last_refusal_at, hosted
         from link where $1::varchar = '' or id in (select link_id from link_group where name = $1 or starts_with(name, $1 || '/'))
         order by id desc limit 10000",
        group,
    )
    .fetch_all(tx.conn())
    .await?
    .into_iter()
    .map(LinkRow::try_from)
    .collect()
}

/// An invite has been accepted by this peer; false when it is no longer open.
pub async fn accepted(
    tx: &mut TenantTx,
    id: LinkId,
    peer: EnterpriseId,
    name: &str,
    node: NodeId,
    terms_hash: &str,
    check_code: &str,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "update link set peer_id = $2, peer_name = $3, peer_node_id = $4, terms_hash = $5, check_code = $6,
            state = 'pending', secret_hash = null, last_contact_at = clock_timestamp()
         where id = $1 and state = 'invited'",
        id.0,
        peer.to_string(),
        name,
        node.to_string(),
        terms_hash,
        check_code,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Sets what follows from the two chains.
pub async fn set_standing(
    tx: &mut TenantTx,
    id: LinkId,
    state: LinkState,
    mine: i64,
    theirs: i64,
    grant_version: i64,
) -> Result<(), Error> {
    sqlx::query!(
        "update link set state = $2, mine = $3, theirs = $4, grant_version = $5 where id = $1",
        id.0,
        state.as_str(),
        mine,
        theirs,
        grant_version,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// How many of our declarations, and which bundle and card, the peer holds; never goes back.
pub async fn set_known(tx: &mut TenantTx, id: LinkId, acknowledged: i64, bundle: i64, card: i64) -> Result<(), Error> {
    sqlx::query!(
        "update link set acknowledged = greatest(acknowledged, $2), bundle_known = greatest(bundle_known, $3),
            card_known = greatest(card_known, $4), last_contact_at = clock_timestamp()
         where id = $1",
        id.0,
        acknowledged,
        bundle,
        card,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The peer goes by this name and node now.
pub async fn set_peer(tx: &mut TenantTx, id: LinkId, name: &str, node: NodeId) -> Result<(), Error> {
    sqlx::query!(
        "update link set peer_name = $2, peer_node_id = $3 where id = $1",
        id.0,
        name,
        node.to_string()
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Keeps the last refusal for people to see.
pub async fn set_refusal(tx: &mut TenantTx, id: LinkId, text: &str) -> Result<(), Error> {
    sqlx::query!(
        "update link set last_refusal = left($2, 80), last_refusal_at = clock_timestamp() where id = $1",
        id.0,
        text,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What kind of bytes a record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    Terms,
    MyBundle,
    PeerBundle,
    PeerCard,
    Mine,
    Theirs,
    Accept,
    Granted,
    Received,
    Guest,
}

impl Record {
    fn as_str(self) -> &'static str {
        match self {
            Self::Terms => "terms",
            Self::MyBundle => "my-bundle",
            Self::PeerBundle => "peer-bundle",
            Self::PeerCard => "peer-card",
            Self::Mine => "mine",
            Self::Theirs => "theirs",
            Self::Accept => "accept",
            Self::Granted => "granted",
            Self::Received => "received",
            Self::Guest => "guest",
        }
    }
}

/// Keeps bytes as they are; a second write of the same record changes nothing.
pub async fn keep(tx: &mut TenantTx, link: LinkId, kind: Record, sequence: i64, body: &[u8]) -> Result<bool, Error> {
    let done = sqlx::query!(
        "insert into link_record (link_id, kind, sequence, body) values ($1, $2, $3, $4) on conflict do nothing",
        link.0,
        kind.as_str(),
        sequence,
        body,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Replaces the bytes of a record that is still a draft.
pub async fn replace(tx: &mut TenantTx, link: LinkId, kind: Record, sequence: i64, body: &[u8]) -> Result<(), Error> {
    sqlx::query!(
        "insert into link_record (link_id, kind, sequence, body) values ($1, $2, $3, $4)
         on conflict (link_id, kind, sequence) do update set body = excluded.body",
        link.0,
        kind.as_str(),
        sequence,
        body,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Records of one kind after this sequence, in order, at most `limit`.
pub async fn records(
    tx: &mut TenantTx,
    link: LinkId,
    kind: Record,
    after: i64,
    limit: i64,
) -> Result<Vec<(i64, Vec<u8>)>, Error> {
    let rows = sqlx::query!(
        "select sequence, body from link_record
         where link_id = $1 and kind = $2 and sequence > $3 order by sequence limit $4",
        link.0,
        kind.as_str(),
        after,
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (row.sequence, row.body)).collect())
}

/// The newest record of a kind.
pub async fn newest(tx: &mut TenantTx, link: LinkId, kind: Record) -> Result<Option<(i64, Vec<u8>)>, Error> {
    let row = sqlx::query!(
        "select sequence, body from link_record where link_id = $1 and kind = $2 order by sequence desc limit 1",
        link.0,
        kind.as_str(),
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|row| (row.sequence, row.body)))
}

/// The newest record of each of these kinds.
pub async fn newest_of<const N: usize>(
    tx: &mut TenantTx,
    link: LinkId,
    kinds: [Record; N],
) -> Result<[Option<Vec<u8>>; N], Error> {
    let words = kinds.map(|kind| kind.as_str().to_owned());
    let rows = sqlx::query!(
        "select distinct on (kind) kind, body from link_record where link_id = $1 and kind = any($2) order by kind, sequence desc",
        link.0,
        &words[..],
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(words.map(|kind| rows.iter().find(|row| row.kind == kind).map(|row| row.body.clone())))
}

/// Is the link in this transaction what a permit says: ACTIVE, of this epoch, with this grant.
pub async fn holds(tx: &mut TenantTx, link: LinkId, epoch: i64, grant_version: i64) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select from link where id = $1 and state = 'active' and epoch = $2 and grant_version = $3) as "ok!""#,
        link.0,
        epoch,
        grant_version,
    )
    .fetch_one(tx.conn())
    .await?)
}

/// What the partners on these links are called.
pub async fn names(tx: &mut TenantTx, all: &[Uuid]) -> Result<HashMap<Uuid, String>, Error> {
    let rows = sqlx::query!("select id, peer_name from link where id = any($1)", all)
        .fetch_all(tx.conn())
        .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.peer_name)).collect())
}
