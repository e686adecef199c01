//! What has become of messages that partners sent, nothing else.

use hansa_proto::link::v1::{Message, TrafficClass};
use hansa_tenancy::TenantTx;
use hansa_vault::Seal;
use hansa_vocab::LinkId;
use prost::Message as _;
use time::OffsetDateTime;
use uuid::Uuid;

use super::delivery::{code, number, unsigned};
use crate::Error;

fn in_inbox(link: LinkId, class: TrafficClass, message: i64) -> Vec<u8> {
    [
        b"inbox\0",
        &link.0.as_bytes()[..],
        &code(class).to_be_bytes(),
        &message.to_be_bytes(),
    ]
    .concat()
}

/// What has become of messages of one batch, row by row.
#[derive(Default)]
pub struct Entries {
    pub numbers: Vec<i64>,
    pub ids: Vec<Uuid>,
    pub keys: Vec<String>,
    pub kinds: Vec<String>,
    pub states: Vec<String>,
    pub reasons: Vec<String>,
    pub messages: Vec<Option<Vec<u8>>>,
}

impl Entries {
    /// One more; a message that waits for somebody is kept.
    pub fn push(&mut self, message: &Message, state: &str, reason: &str) {
        self.numbers.push(number(message.number));
        self.ids.push(Uuid::parse_str(&message.id).unwrap_or_default());
        self.keys.push(message.ordering_key.clone());
        self.kinds.push(message.r#type.clone());
        self.states.push(state.to_owned());
        self.reasons.push(reason.to_owned());
        self.messages
            .push(matches!(state, "parked" | "waiting").then(|| message.encode_to_vec()));
    }
}

/// Writes down what has become of a batch's messages.
pub async fn enter(
    seal: &Seal,
    tx: &mut TenantTx,
    (link, class): (LinkId, TrafficClass),
    entries: &Entries,
) -> Result<(), Error> {
    let kept = entries.numbers.iter().zip(&entries.messages);
    let kept = kept.map(|(at, message)| {
        let sealed = message
            .as_ref()
            .map(|message| seal.close(&in_inbox(link, class, *at), message));
        sealed.transpose()
    });
    let kept = kept.collect::<Result<Vec<_>, _>>()?;
    sqlx::query!(
        "insert into inbox (link_id, class, number, id, ordering_key, type, state, reason, message)
         select $1, $2, u.number, u.id, u.ordering_key, u.type, u.state, u.reason, u.message
         from unnest($3::bigint[], $4::uuid[], $5::varchar[], $6::varchar[], $7::varchar[], $8::varchar[], $9::bytea[])
             as u (number, id, ordering_key, type, state, reason, message)",
        link.0,
        code(class),
        &entries.numbers,
        &entries.ids,
        &entries.keys,
        &entries.kinds,
        &entries.states,
        &entries.reasons,
        kept.as_slice() as &[Option<Vec<u8>>],
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Ordering keys that wait behind a parked message.
pub async fn stuck(tx: &mut TenantTx, link: LinkId, class: TrafficClass) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar!(
        "select distinct ordering_key from inbox
         where link_id = $1 and class = $2 and state in ('parked', 'waiting') and ordering_key <> ''",
        link.0,
        code(class),
    )
    .fetch_all(tx.conn())
    .await?)
}

/// A message that could not be applied, or waits behind one.
#[derive(Clone, Debug)]
pub struct ParkedRow {
    pub class: TrafficClass,
    pub number: u64,
    pub ordering_key: String,
    pub kind: String,
    pub reason: String,
    pub waiting: bool,
    pub received_at: OffsetDateTime,
    pub message: Vec<u8>,
}

/// Parked and waiting messages of a link in order, at most 1,000; of one ordering key when it is named.
pub async fn parked(seal: &Seal, tx: &mut TenantTx, link: LinkId, key: Option<&str>) -> Result<Vec<ParkedRow>, Error> {
    let rows = sqlx::query!(
        r#"select class, number, ordering_key, type as kind, reason, state, received_at, message as "message!" from inbox
           where link_id = $1 and state in ('parked', 'waiting') and ($2::varchar is null or ordering_key = $2)
             and message is not null
           order by class, number limit 1000"#,
        link.0,
        key,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|row| {
            let class = TrafficClass::try_from(i32::from(row.class)).map_err(|_| Error::Damaged("class"))?;
            Ok(ParkedRow {
                message: seal.open(&in_inbox(link, class, row.number), &row.message)?.to_vec(),
                class,
                number: unsigned(row.number),
                ordering_key: row.ordering_key,
                kind: row.kind,
                reason: row.reason,
                waiting: row.state == "waiting",
                received_at: row.received_at,
            })
        })
        .collect()
}

/// What has become of a message that was parked or waited.
pub async fn settled(
    tx: &mut TenantTx,
    link: LinkId,
    class: TrafficClass,
    message: u64,
    state: &str,
    reason: &str,
) -> Result<(), Error> {
    sqlx::query!(
        "update inbox set state = $4::varchar, reason = left($5, 80),
            message = case when $4::varchar in ('parked', 'waiting') then message end
         where link_id = $1 and class = $2 and number = $3",
        link.0,
        code(class),
        number(message),
        state,
        reason,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
