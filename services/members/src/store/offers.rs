//! SQL of what is handed out: offers, their filters, and what partners ask of them.

use hansa_tenancy::TenantTx;
use hansa_vocab::LinkId;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Error;

/// A pool handed out to a partner for a purpose, under one key.
#[derive(Clone, Debug)]
pub struct OfferRow {
    pub link_id: Uuid,
    pub pool_id: Uuid,
    pub purpose: String,
    pub epoch: i32,
    pub recipient: Uuid,
    pub state: String,
    pub key_wrapped: String,
    pub masked: i64,
    pub segment_bits: i16,
    pub tokens: i64,
    pub sequence: i32,
    pub spent: i64,
    pub spent_before: i64,
    pub made_at: OffsetDateTime,
    pub ends_at: OffsetDateTime,
    /// Answers come shuffled: they tell how many, and not who.
    pub counts_only: bool,
}

impl OfferRow {
    /// Which link.
    pub fn link(&self) -> LinkId {
        LinkId(self.link_id)
    }
}

/// Nobody changes consents to this pool until the end of the transaction.
pub async fn lock_consents(tx: &mut TenantTx, pool: Uuid) -> Result<(), Error> {
    sqlx::query_scalar!("select id from pool where id = $1 for update", pool)
        .fetch_optional(tx.conn())
        .await?;
    Ok(())
}

/// The newest offer of a pool on a link for a purpose; locked when it is to change.
pub async fn newest(
    tx: &mut TenantTx,
    link: LinkId,
    pool: Uuid,
    purpose: &str,
    lock: bool,
) -> Result<Option<OfferRow>, Error> {
    if lock {
        // The key never changes; whoever holds the newest row of it holds it.
        sqlx::query_scalar!(
            "select epoch from offer where link_id = $1 and pool_id = $2 and purpose = $3 order by epoch desc limit 1 for update",
            link.0,
            pool,
            purpose,
        )
        .fetch_optional(tx.conn())
        .await?;
    }
    Ok(sqlx::query_as!(
        OfferRow,
        "select link_id, pool_id, purpose, epoch, recipient, state, key_wrapped, masked, segment_bits, tokens, sequence, spent,
             spent_before, made_at, ends_at, counts_only
         from offer where link_id = $1 and pool_id = $2 and purpose = $3 order by epoch desc limit 1",
        link.0,
        pool,
        purpose,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Where a list of offers goes on: after this link, pool and purpose.
pub type After = (Uuid, Uuid, String);

/// Offers on a link or on all, the newest of each, after that one.
pub async fn page(
    tx: &mut TenantTx,
    link: Option<LinkId>,
    (link_id, pool_id, purpose): &After,
    most: i64,
) -> Result<Vec<(OfferRow, String)>, Error> {
    let rows = sqlx::query!(
        "select distinct on (o.link_id, o.pool_id, o.purpose) o.link_id, o.pool_id, o.purpose, o.epoch, o.recipient, o.state,
             o.key_wrapped, o.masked, o.segment_bits, o.tokens, o.sequence, o.spent, o.spent_before, o.made_at, o.ends_at, o.counts_only, p.code
         from offer o join pool p on p.id = o.pool_id
         where (o.link_id, o.pool_id, o.purpose) > ($1, $2, $3) and ($4::uuid is null or o.link_id = $4)
         order by o.link_id, o.pool_id, o.purpose, o.epoch desc limit $5",
        link_id,
        pool_id,
        purpose,
        link.map(|link| link.0),
        most,
    )
    .fetch_all(tx.conn())
    .await?;
    let row = rows.into_iter().map(|row| {
        let offer = OfferRow {
            link_id: row.link_id,
            pool_id: row.pool_id,
            purpose: row.purpose,
            epoch: row.epoch,
            recipient: row.recipient,
            state: row.state,
            key_wrapped: row.key_wrapped,
            masked: row.masked,
            segment_bits: row.segment_bits,
            tokens: row.tokens,
            sequence: row.sequence,
            spent: row.spent,
            spent_before: row.spent_before,
            made_at: row.made_at,
            ends_at: row.ends_at,
            counts_only: row.counts_only,
        };
        (offer, row.code)
    });
    Ok(row.collect())
}

/// A new offer, to be built now.
pub async fn insert(tx: &mut TenantTx, row: &OfferRow) -> Result<(), Error> {
    sqlx::query!(
        "insert into offer (link_id, pool_id, purpose, epoch, recipient, state, key_wrapped, spent_before, made_at, ends_at, due_at,
             counts_only)
         values ($1, $2, $3, $4, $5, 'building', $6, $7, $8, $9, $8, $10)",
        row.link_id,
        row.pool_id,
        row.purpose,
        row.epoch,
        row.recipient,
        row.key_wrapped,
        row.spent_before,
        row.made_at,
        row.ends_at,
        row.counts_only,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Something is to be done about it at this time.
pub async fn look(tx: &mut TenantTx, row: &OfferRow, at: OffsetDateTime) -> Result<(), Error> {
    sqlx::query!(
        "update offer set due_at = $5 where link_id = $1 and pool_id = $2 and purpose = $3 and epoch = $4",
        row.link_id,
        row.pool_id,
        row.purpose,
        row.epoch,
        at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Its key is no more, and with it nothing that was made under it says anything.
pub async fn end(tx: &mut TenantTx, row: &OfferRow) -> Result<(), Error> {
    sqlx::query!(
        "update offer set state = 'ended', key_wrapped = '', due_at = null where link_id = $1 and pool_id = $2 and purpose = $3 and epoch = $4",
        row.link_id,
        row.pool_id,
        row.purpose,
        row.epoch,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// How far its building is; whoever builds is not disturbed until then.
pub async fn progress(tx: &mut TenantTx, row: &OfferRow, masked: i64, until: OffsetDateTime) -> Result<(), Error> {
    sqlx::query!(
        "update offer set masked = $5, due_at = $6 where link_id = $1 and pool_id = $2 and purpose = $3 and epoch = $4",
        row.link_id,
        row.pool_id,
        row.purpose,
        row.epoch,
        masked,
        until,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// It is handed out as it is now; something is due about it then.
pub async fn handed_out(tx: &mut TenantTx, row: &OfferRow, due_at: Option<OffsetDateTime>) -> Result<(), Error> {
    sqlx::query!(
        "update offer set state = 'live', masked = $5, segment_bits = $6, tokens = $7, sequence = $8, due_at = $9
         where link_id = $1 and pool_id = $2 and purpose = $3 and epoch = $4",
        row.link_id,
        row.pool_id,
        row.purpose,
        row.epoch,
        row.masked,
        row.segment_bits,
        row.tokens,
        row.sequence,
        due_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Consents to it have changed: its filter is brought up to date by then.
pub async fn due(
    tx: &mut TenantTx,
    pool: Uuid,
    (recipient, purpose): (Uuid, &str),
    at: OffsetDateTime,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "update offer set due_at = $4 where pool_id = $1 and recipient = $2 and purpose = $3 and state = 'live'
             and (due_at is null or due_at > $4)",
        pool,
        recipient,
        purpose,
        at,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Offers that something is due about, and when the next one is; those are nobody else's until then.
pub async fn take_due(
    tx: &mut TenantTx,
    now: OffsetDateTime,
    until: OffsetDateTime,
    most: i64,
) -> Result<Vec<OfferRow>, Error> {
    Ok(sqlx::query_as!(
        OfferRow,
        "update offer set due_at = $2 from (select link_id, pool_id, purpose, epoch from offer where due_at <= $1
             order by due_at limit $3 for update skip locked) as chosen
         where offer.link_id = chosen.link_id and offer.pool_id = chosen.pool_id and offer.purpose = chosen.purpose and offer.epoch = chosen.epoch
         returning offer.link_id, offer.pool_id, offer.purpose, offer.epoch, offer.recipient, offer.state, offer.key_wrapped, offer.masked,
             offer.segment_bits, offer.tokens, offer.sequence, offer.spent, offer.spent_before, offer.made_at, offer.ends_at, offer.counts_only",
        now,
        until,
        most,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// When the next one is due: of offers, of matches, and of what is kept for so long.
pub async fn next_due(tx: &mut TenantTx) -> Result<Option<OffsetDateTime>, Error> {
    Ok(
        sqlx::query_scalar!(
            "select least((select min(due_at) from offer), (select min(due_at) from match where ours), (select min(delete_by) from member))",
        )
        .fetch_one(tx.conn())
        .await?,
    )
}

/// The offers of a pool to a receiving enterprise for a purpose that stand now, the newest on each link.
pub async fn standing(tx: &mut TenantTx, pool: Uuid, recipient: Uuid, purpose: &str) -> Result<Vec<OfferRow>, Error> {
    Ok(sqlx::query_as!(
        OfferRow,
        "select distinct on (link_id) link_id, pool_id, purpose, epoch, recipient, state, key_wrapped, masked, segment_bits, tokens,
             sequence, spent, spent_before, made_at, ends_at, counts_only
         from offer where pool_id = $1 and recipient = $2 and purpose = $3 order by link_id, epoch desc",
        pool,
        recipient,
        purpose,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// So many more evaluations are spent.
pub async fn spend(tx: &mut TenantTx, row: &OfferRow, points: i64) -> Result<(), Error> {
    sqlx::query!(
        "update offer set spent = spent + $5 where link_id = $1 and pool_id = $2 and purpose = $3 and epoch = $4",
        row.link_id,
        row.pool_id,
        row.purpose,
        row.epoch,
        points,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Which filter: whose, of what.
#[derive(Clone, Copy, Debug)]
pub struct Shelf<'a> {
    pub link: LinkId,
    pub pool: &'a str,
    pub purpose: &'a str,
    pub epoch: i32,
    pub ours: bool,
}

/// Part of a filter: which, of which change, and its number.
pub type Spot = (i16, i32, i32);

pub async fn put_segment(
    tx: &mut TenantTx,
    shelf: Shelf<'_>,
    (part, sequence, number): Spot,
    body: &[u8],
    entries: Option<&[u8]>,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into filter_segment (link_id, pool, purpose, epoch, ours, part, sequence, number, body, entries)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         on conflict (link_id, pool, purpose, epoch, ours, part, sequence, number) do update
         set body = excluded.body, entries = excluded.entries",
        shelf.link.0,
        shelf.pool,
        shelf.purpose,
        shelf.epoch,
        shelf.ours,
        part,
        sequence,
        number,
        body,
        entries,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn segment(
    tx: &mut TenantTx,
    shelf: Shelf<'_>,
    (part, sequence, number): Spot,
) -> Result<Option<Vec<u8>>, Error> {
    Ok(sqlx::query_scalar!(
        "select body from filter_segment where link_id = $1 and pool = $2 and purpose = $3 and epoch = $4 and ours = $5
             and part = $6 and sequence = $7 and number = $8",
        shelf.link.0,
        shelf.pool,
        shelf.purpose,
        shelf.epoch,
        shelf.ours,
        part,
        sequence,
        number,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Which segments of a part of a filter lie here: (sequence, number).
pub async fn spots(tx: &mut TenantTx, shelf: Shelf<'_>, part: i16) -> Result<Vec<(i32, i32)>, Error> {
    let rows = sqlx::query!(
        "select sequence, number from filter_segment where link_id = $1 and pool = $2 and purpose = $3 and epoch = $4 and ours = $5
             and part = $6 order by sequence, number",
        shelf.link.0,
        shelf.pool,
        shelf.purpose,
        shelf.epoch,
        shelf.ours,
        part,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (row.sequence, row.number)).collect())
}

/// What stands in these stretches of entries of the base filter: (segment, first byte, how many bytes); and their whole length.
pub async fn entries(
    tx: &mut TenantTx,
    shelf: Shelf<'_>,
    numbers: &[i32],
    places: &[f64],
    around: i32,
) -> Result<Vec<(i64, Vec<u8>)>, Error> {
    let rows = sqlx::query!(
        r#"select asked.row as "row!", substring(s.entries from greatest(0,
               (asked.place * (octet_length(s.entries) / 24))::int - $7) * 24 + 1 for $7 * 48) as "part!"
           from unnest($5::int[], $6::float8[]) with ordinality as asked (number, place, row)
           join filter_segment s on s.link_id = $1 and s.pool = $2 and s.purpose = $3 and s.epoch = $4 and s.ours
               and s.part = 1 and s.sequence = 0 and s.number = asked.number order by asked.row"#,
        shelf.link.0,
        shelf.pool,
        shelf.purpose,
        shelf.epoch,
        numbers,
        places,
        around,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (row.row, row.part)).collect())
}

/// All entries of the changes of a filter.
pub async fn changed_entries(tx: &mut TenantTx, shelf: Shelf<'_>) -> Result<Vec<Vec<u8>>, Error> {
    let rows = sqlx::query_scalar!(
        r#"select entries as "entries!" from filter_segment where link_id = $1 and pool = $2 and purpose = $3 and epoch = $4 and ours
             and part = 2 and entries is not null order by sequence"#,
        shelf.link.0,
        shelf.pool,
        shelf.purpose,
        shelf.epoch,
    );
    Ok(rows.fetch_all(tx.conn()).await?)
}

/// Filters and tokens of other epochs mean nothing any more.
pub async fn clear_others(tx: &mut TenantTx, shelf: Shelf<'_>) -> Result<(), Error> {
    sqlx::query!(
        "delete from filter_segment where link_id = $1 and pool = $2 and purpose = $3 and epoch <> $4 and ours = $5",
        shelf.link.0,
        shelf.pool,
        shelf.purpose,
        shelf.epoch,
        shelf.ours,
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!(
        "delete from match_token where link_id = $1 and pool = $2 and purpose = $3 and epoch <> $4 and not $5",
        shelf.link.0,
        shelf.pool,
        shelf.purpose,
        shelf.epoch,
        shelf.ours,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What was being built when it was left: it begins anew.
pub async fn clear(tx: &mut TenantTx, shelf: Shelf<'_>) -> Result<(), Error> {
    sqlx::query!(
        "delete from filter_segment where link_id = $1 and pool = $2 and purpose = $3 and epoch = $4 and ours = $5",
        shelf.link.0,
        shelf.pool,
        shelf.purpose,
        shelf.epoch,
        shelf.ours,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
