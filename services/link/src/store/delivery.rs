//! What is to be sent to partners, what has come from them, and what both sides signed about it.

use std::collections::BTreeSet;

use hansa_proto::{
    link::v1::{Message, Parcel, Payloads, TrafficClass},
    types::v1::Signed,
};
use hansa_tenancy::TenantTx;
use hansa_vault::Seal;
use hansa_vocab::LinkId;
use prost::Message as _;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    Error,
    model::{
        inbox::Received,
        outbox::{Draft, Sent},
    },
};

/// Messages that are numbered in one transaction, at most.
const DRAFTS_MAX: i64 = 1_000;

pub(super) fn code(class: TrafficClass) -> i16 {
    i16::try_from(i32::from(class)).unwrap_or(0)
}

pub(super) fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn hash(text: &str) -> Result<Vec<u8>, Error> {
    data_encoding::HEXLOWER
        .decode(text.as_bytes())
        .map_err(|_| Error::Damaged("cursor"))
}

fn in_outbox(id: Uuid) -> Vec<u8> {
    [b"outbox\0", &id.as_bytes()[..]].concat()
}

fn in_receipt(link: LinkId, sent: bool, class: TrafficClass, first: u64) -> Vec<u8> {
    [
        b"receipt\0",
        &link.0.as_bytes()[..],
        &[u8::from(sent)],
        &code(class).to_be_bytes(),
        &first.to_be_bytes(),
    ]
    .concat()
}

/// A message as a room writes it down.
pub struct NewMessage<'a> {
    pub id: Uuid,
    pub link: LinkId,
    pub class: TrafficClass,
    pub ordering_key: &'a str,
    pub key_version: i64,
    pub kind: &'a str,
    pub payload: &'a [u8],
    /// W3C traceparent of what is going on, or empty.
    pub trace_parent: &'a str,
}

pub async fn post(seal: &Seal, tx: &mut TenantTx, new: &NewMessage<'_>) -> Result<(), Error> {
    sqlx::query!(
        "insert into outbox (id, link_id, class, ordering_key, key_version, type, payload, trace_parent, sealed)
         values ($1, $2, $3, $4, $5, $6, $7, $8, true)",
        new.id,
        new.link.0,
        code(new.class),
        new.ordering_key,
        new.key_version,
        new.kind,
        seal.close(&in_outbox(new.id), new.payload)?,
        new.trace_parent,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Classes of a link in which something is waiting or not receipted yet.
pub async fn waiting(tx: &mut TenantTx, link: LinkId) -> Result<Vec<TrafficClass>, Error> {
    let rows = sqlx::query_scalar!(
        r#"select class.code as "code!" from (values (1::smallint), (2::smallint)) as class (code)
           where exists (select 1 from outbox where link_id = $1 and class = class.code)
              or exists (select 1 from receipt where link_id = $1 and class = class.code and header is null)
           order by class.code"#,
        link.0,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|code| TrafficClass::try_from(i32::from(code)).map_err(|_| Error::Damaged("class")))
        .collect()
}

/// Takes the link's row lock for whoever holds this fence; none when another process has taken over, or the link is not
/// ACTIVE. Returns the epoch.
pub async fn fence(tx: &mut TenantTx, link: LinkId, fence: i64) -> Result<Option<i64>, Error> {
    Ok(sqlx::query_scalar!(
        "update link set fence = $2 where id = $1 and fence <= $2 and state = 'active' returning epoch",
        link.0,
        fence,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// A lane's two cursors, under their lock.
pub struct Cursor {
    pub sent: Sent,
    pub received: Received,
    /// Why the lane has stopped; empty while it runs.
    pub fork: String,
}

/// Takes a lane's lock.
pub async fn cursor(tx: &mut TenantTx, link: LinkId, class: TrafficClass) -> Result<Cursor, Error> {
    sqlx::query!(
        "insert into cursor (link_id, class) values ($1, $2) on conflict do nothing",
        link.0,
        code(class),
    )
    .execute(tx.conn())
    .await?;
    let row = sqlx::query!(
        "select numbered, acknowledged, their_head, received, my_head, fork
         from cursor where link_id = $1 and class = $2 for update",
        link.0,
        code(class),
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(Cursor {
        sent: Sent {
            numbered: unsigned(row.numbered),
            acknowledged: unsigned(row.acknowledged),
            head: hash(&row.their_head)?,
        },
        received: Received {
            last: unsigned(row.received),
            head: hash(&row.my_head)?,
        },
        fork: row.fork,
    })
}

/// How far the lane has come.
pub async fn advance(
    tx: &mut TenantTx,
    link: LinkId,
    class: TrafficClass,
    sent: &Sent,
    received: &Received,
) -> Result<(), Error> {
    sqlx::query!(
        "update cursor set numbered = $3, acknowledged = $4, their_head = $5, received = $6, my_head = $7
         where link_id = $1 and class = $2",
        link.0,
        code(class),
        number(sent.numbered),
        number(sent.acknowledged),
        data_encoding::HEXLOWER.encode(&sent.head),
        number(received.last),
        data_encoding::HEXLOWER.encode(&received.head),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Stops a lane until people have looked.
pub async fn stop(tx: &mut TenantTx, link: LinkId, class: TrafficClass, why: &str) -> Result<(), Error> {
    sqlx::query!(
        "update cursor set fork = left($3, 120) where link_id = $1 and class = $2",
        link.0,
        code(class),
        why,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Messages without a number that this snapshot sees. When not all fit, none is left out that comes before one of its key:
/// each stands where the latest id of its key up to its own version stands.
pub async fn drafts(seal: &Seal, tx: &mut TenantTx, link: LinkId, class: TrafficClass) -> Result<Vec<Draft>, Error> {
    let rows = sqlx::query!(
        "select id, ordering_key, key_version, type as kind, created_at, salt, payload, trace_parent, sealed from outbox
         where link_id = $1 and class = $2
         order by max(id::text) over (partition by ordering_key order by key_version, id), key_version, id limit $3",
        link.0,
        code(class),
        DRAFTS_MAX,
    )
    .fetch_all(tx.conn())
    .await?;
    let drafts = rows.into_iter().map(|row| {
        Ok(Draft {
            id: row.id,
            ordering_key: row.ordering_key.clone(),
            key_version: row.key_version,
            message: Message {
                id: row.id.to_string(),
                ordering_key: row.ordering_key,
                r#type: row.kind,
                created_at: Some(prost_types::Timestamp {
                    seconds: row.created_at.unix_timestamp(),
                    nanos: i32::try_from(row.created_at.nanosecond()).unwrap_or(0),
                }),
                salt: row.salt.into(),
                payload: match row.sealed {
                    true => seal.open(&in_outbox(row.id), &row.payload)?.to_vec().into(),
                    false => row.payload.into(),
                },
                trace_parent: row.trace_parent,
                ..Message::default()
            },
        })
    });
    drafts.collect()
}

/// These have their numbers and stand in a sealed batch now.
pub async fn numbered(tx: &mut TenantTx, ids: &[Uuid]) -> Result<(), Error> {
    sqlx::query!("delete from outbox where id = any($1)", ids)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// A batch with what answers it.
pub struct BatchRow {
    pub sent: bool,
    pub class: TrafficClass,
    pub first: u64,
    pub batch: Vec<u8>,
    /// What its messages say; none when nothing of it is left.
    pub payloads: Option<Payloads>,
    pub header: Option<Vec<u8>>,
}

/// A batch to keep.
pub struct NewBatch<'a> {
    pub sent: bool,
    pub class: TrafficClass,
    pub first: u64,
    pub last: u64,
    pub parcel: &'a Parcel,
    pub header: Option<&'a [u8]>,
}

/// Keeps a batch.
pub async fn keep(seal: &Seal, tx: &mut TenantTx, link: LinkId, new: &NewBatch<'_>) -> Result<(), Error> {
    let (batch, payloads) = (new.parcel.batch.as_ref(), new.parcel.payloads.as_ref());
    let (batch, payloads) = batch.zip(payloads).ok_or(Error::Damaged("batch"))?;
    sqlx::query!(
        "insert into receipt (link_id, sent, class, first, last, batch, header, payloads) values ($1, $2, $3, $4, $5, $6, $7, $8)",
        link.0,
        new.sent,
        code(new.class),
        number(new.first),
        number(new.last),
        batch.encode_to_vec(),
        new.header,
        seal.close(&in_receipt(link, new.sent, new.class, new.first), &payloads.encode_to_vec())?,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The oldest batch of ours that the peer has not receipted.
pub async fn open(seal: &Seal, tx: &mut TenantTx, link: LinkId, class: TrafficClass) -> Result<Option<Parcel>, Error> {
    let row = sqlx::query!(
        "select first, batch, payloads from receipt where link_id = $1 and class = $2 and header is null order by first limit 1",
        link.0,
        code(class),
    )
    .fetch_optional(tx.conn())
    .await?;
    let read = row.map(|row| {
        Ok(Parcel {
            batch: Some(Signed::decode(row.batch.as_slice()).map_err(|_| Error::Damaged("batch"))?),
            payloads: opened(
                seal,
                &in_receipt(link, true, class, unsigned(row.first)),
                row.payloads.as_deref(),
            )?,
        })
    });
    read.transpose()
}

fn opened(seal: &Seal, place: &[u8], payloads: Option<&[u8]>) -> Result<Option<Payloads>, Error> {
    let read = |sealed| {
        let clear = seal.open(place, sealed)?;
        Payloads::decode(clear.as_slice()).map_err(|_| Error::Damaged("payloads"))
    };
    payloads.map(read).transpose()
}

/// The peer has receipted the batch that begins here.
pub async fn answered(
    tx: &mut TenantTx,
    link: LinkId,
    class: TrafficClass,
    first: u64,
    header: &[u8],
) -> Result<(), Error> {
    sqlx::query!(
        "update receipt set header = $4, applied_at = clock_timestamp()
         where link_id = $1 and sent and class = $2 and first = $3",
        link.0,
        code(class),
        number(first),
        header,
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!(
        "update link set last_contact_at = clock_timestamp()
         where id = $1 and (last_contact_at is null or last_contact_at < clock_timestamp() - interval '10 seconds')",
        link.0,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The batch that came and begins here, with what we answered.
pub async fn came(
    tx: &mut TenantTx,
    link: LinkId,
    class: TrafficClass,
    first: u64,
) -> Result<Option<(Vec<u8>, Vec<u8>)>, Error> {
    let row = sqlx::query!(
        r#"select batch, header as "header!" from receipt
           where link_id = $1 and not sent and class = $2 and first = $3 and header is not null"#,
        link.0,
        code(class),
        number(first),
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|row| (row.batch, row.header)))
}

/// All batches of a link that are signed for, in order, from after this place; at most 100.
pub async fn batches(
    seal: &Seal,
    tx: &mut TenantTx,
    link: LinkId,
    after: Option<(bool, TrafficClass, u64)>,
) -> Result<Vec<BatchRow>, Error> {
    let (sent, class, first) = after.unwrap_or((false, TrafficClass::Unspecified, 0));
    let rows = sqlx::query!(
        "select sent, class, first, batch, header, payloads from receipt
         where link_id = $1 and (sent, class, first) > ($2, $3, $4) order by sent, class, first limit 100",
        link.0,
        sent,
        code(class),
        number(first),
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|row| {
            let class = TrafficClass::try_from(i32::from(row.class)).map_err(|_| Error::Damaged("class"))?;
            let (sent, first) = (row.sent, unsigned(row.first));
            Ok(BatchRow {
                payloads: opened(seal, &in_receipt(link, sent, class, first), row.payloads.as_deref())?,
                sent,
                class,
                first,
                batch: row.batch,
                header: row.header,
            })
        })
        .collect()
}

/// Those of these ordering keys under which something has no number yet.
pub async fn unsent(tx: &mut TenantTx, link: LinkId, keys: &BTreeSet<String>) -> Result<Vec<String>, Error> {
    let keys: Vec<_> = keys.iter().cloned().collect();
    Ok(sqlx::query_scalar!(
        "select distinct ordering_key from outbox where link_id = $1 and ordering_key = any($2)",
        link.0,
        &keys,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// This is left of what the messages of a batch say.
pub async fn leave(
    seal: &Seal,
    tx: &mut TenantTx,
    link: LinkId,
    (sent, class, first): (bool, TrafficClass, u64),
    said: &Payloads,
) -> Result<(), Error> {
    let left = said.payloads.iter().any(|said| !said.salt.is_empty());
    let place = in_receipt(link, sent, class, first);
    let sealed = left.then(|| seal.close(&place, &said.encode_to_vec())).transpose()?;
    sqlx::query!(
        "update receipt set payloads = $5 where link_id = $1 and sent = $2 and class = $3 and first = $4",
        link.0,
        sent,
        code(class),
        number(first),
        sealed,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Messages of a link that the partner has not signed for; counting ends at `most`.
pub async fn queued(tx: &mut TenantTx, link: LinkId, most: u64) -> Result<u64, Error> {
    let messages = sqlx::query_scalar!(
        r#"select (select count(*) from (select from outbox where link_id = $1 limit $2) as u)
            + (select coalesce(sum(last - first + 1), 0)::bigint from receipt where link_id = $1 and header is null) as "messages!""#,
        link.0,
        number(most),
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(unsigned(messages))
}

/// What is under way on a link.
pub struct Backlog {
    /// Messages that the partner has not acknowledged.
    pub messages: u64,
    /// When the oldest of them was written.
    pub oldest: Option<OffsetDateTime>,
    /// Messages of theirs that are parked or wait.
    pub parked: u64,
    /// Why a lane has stopped.
    pub fork: Option<String>,
}

/// What is under way on a link.
pub async fn backlog(tx: &mut TenantTx, link: LinkId) -> Result<Backlog, Error> {
    let row = sqlx::query!(
        r#"select (select count(*) from outbox where link_id = $1)
                + (select coalesce(sum(last - first + 1), 0)::bigint from receipt where link_id = $1 and header is null) as "messages!",
               least((select min(created_at) from outbox where link_id = $1),
                     (select min(applied_at) from receipt where link_id = $1 and header is null)) as oldest,
               (select count(*) from inbox where link_id = $1 and state in ('parked', 'waiting')) as "parked!",
               (select min(fork) from cursor where link_id = $1 and fork <> '') as fork"#,
        link.0,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(Backlog {
        messages: unsigned(row.messages),
        oldest: row.oldest,
        parked: unsigned(row.parked),
        fork: row.fork,
    })
}
