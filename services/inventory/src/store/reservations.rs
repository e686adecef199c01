//! Reservations that partners hold with us: what is there, giving stock back, and the ledger and outbox rows that go with it.

use hansa_tenancy::TenantTx;
use hansa_vocab::LinkId;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Error, model::State};

/// Units in the open reservations of a link; alone with them until the end of the transaction.
pub async fn open_quantity(tx: &mut TenantTx, link: LinkId) -> Result<i64, Error> {
    sqlx::query!("select id from link where id = $1 for no key update", link.0)
        .fetch_optional(tx.conn())
        .await?;
    Ok(sqlx::query_scalar!(
        r#"select coalesce(sum(n.quantity), 0)::bigint as "units!"
           from reservation r join reservation_line n on n.link_id = r.link_id and n.reservation_id = r.id
           where r.link_id = $1 and r.state in ('held', 'confirmed')"#,
        link.0,
    )
    .fetch_one(tx.conn())
    .await?)
}

/// A reservation's row.
pub struct ReservationRow {
    pub link_id: Uuid,
    pub id: Uuid,
    pub state: State,
    pub expires_at: OffsetDateTime,
    pub version: i64,
    pub body_hash: String,
    pub order_ref: String,
    pub reason: String,
    /// Its time is over, by the database's clock.
    pub over: bool,
}

/// A line of a reservation with its item.
#[derive(Debug)]
pub struct LineRow {
    pub sku: String,
    pub unit: String,
    pub scale: i16,
    pub location: String,
    pub lot: String,
    pub quantity: i64,
}

/// The reservation, and its row lock.
pub async fn lock(tx: &mut TenantTx, link: LinkId, id: Uuid) -> Result<Option<ReservationRow>, Error> {
    let row = sqlx::query!(
        r#"select state, expires_at, version, body_hash, order_ref, reason, expires_at <= clock_timestamp() as "over!"
           from reservation where link_id = $1 and id = $2 for update"#,
        link.0,
        id,
    )
    .fetch_optional(tx.conn())
    .await?;
    row.map(|row| {
        Ok(ReservationRow {
            link_id: link.0,
            id,
            state: row.state.parse()?,
            expires_at: row.expires_at,
            version: row.version,
            body_hash: row.body_hash,
            order_ref: row.order_ref,
            reason: row.reason,
            over: row.over,
        })
    })
    .transpose()
}

pub async fn lines(tx: &mut TenantTx, link: LinkId, id: Uuid) -> Result<Vec<LineRow>, Error> {
    Ok(sqlx::query_as!(
        LineRow,
        "select i.sku, i.unit, i.scale, n.location, n.lot, n.quantity
         from reservation_line n join item i on i.id = n.item_id
         where n.link_id = $1 and n.reservation_id = $2 order by n.n",
        link.0,
        id,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Reservations of one link, or of all, newest first, before this one.
pub async fn list(
    tx: &mut TenantTx,
    link: Option<Uuid>,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<(Uuid, Uuid)>, Error> {
    let rows = sqlx::query!(
        "select link_id, id from reservation
         where ($1::uuid is null or link_id = $1) and ($2::uuid is null or id < $2)
         order by id desc, link_id limit $3",
        link,
        before,
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (row.link_id, row.id)).collect())
}

/// What goes with a reservation's next step.
pub struct Step<'a> {
    pub link: LinkId,
    pub id: Uuid,
    pub next: State,
    pub reason: &'a str,
    pub actor: &'a str,
    pub event_id: Uuid,
    pub event: &'a [u8],
    /// W3C traceparent of what is going on, or empty.
    pub trace_parent: &'a str,
}

/// The next state, with nothing to do to the levels.
pub async fn advance(tx: &mut TenantTx, step: &Step<'_>) -> Result<(), Error> {
    sqlx::query!(
        "with stepped as (
             update reservation set state = $3, reason = $4, version = version + 1 where link_id = $1 and id = $2
             returning version
         )
         insert into outbox (id, link_id, ordering_key, key_version, type, payload, trace_parent)
         select $5, $1, 'reservation/' || $2::text, version, 'inventory.reservation.v1', $6, $7 from stepped",
        step.link.0,
        step.id,
        step.next.as_str(),
        step.reason,
        step.event_id,
        step.event,
        step.trace_parent,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The units of a reservation leave `held`: to `free` again, or out of the house. What was short is settled first when they are
/// given back; only units that are there can leave the house.
///
/// Returns how many lines were settled; fewer than the reservation has means that units are missing, and the caller rolls back.
pub async fn settle(tx: &mut TenantTx, step: &Step<'_>, kind: &str) -> Result<i64, Error> {
    let fulfil = step.next == State::Fulfilled;
    Ok(sqlx::query_scalar!(
        r#"with wanted as (
               select n.item_id, n.location, n.lot, n.quantity from reservation_line n
               where n.link_id = $1 and n.reservation_id = $2
           ),
           before as (
               select l.item_id, l.location, l.lot, l.reserved, l.short, w.quantity,
                   case when $3 then 0 else least(l.short, w.quantity) end as from_short
               from level l join wanted w on (w.item_id, w.location, w.lot) = (l.item_id, l.location, l.lot)
               order by 1, 2, 3 for update of l
           ),
           after as (
               update level l set reserved = l.reserved - b.quantity, short = l.short - b.from_short,
                   on_hand = l.on_hand - case when $3 then b.quantity else 0 end, version = l.version + 1
               from before b
               where (b.item_id, b.location, b.lot) = (l.item_id, l.location, l.lot)
                   and (not $3 or b.reserved - b.short >= b.quantity)
               returning l.item_id, l.location, l.lot, l.on_hand, l.reserved, l.version, b.quantity, b.from_short
           ),
           booked as (
               insert into ledger (item_id, location, lot, version, from_account, to_account, quantity, kind, on_hand, reserved,
                   link_id, reservation_id, actor)
               select a.item_id, a.location, a.lot, a.version, v.source, v.target, v.units, $4, a.on_hand, a.reserved, $1, $2, $5
               from after a cross join lateral (values
                   ('short', 'external', a.from_short),
                   ('held', case when $3 then 'external' else 'free' end, a.quantity - a.from_short)
               ) as v (source, target, units)
               where v.units > 0
               returning 1
           )
           select count(*) as "settled!" from after where (select count(*) from booked) >= 0"#,
        step.link.0,
        step.id,
        fulfil,
        kind,
        step.actor,
    )
    .fetch_one(tx.conn())
    .await?)
}

/// Gives an id up for good, unless it is known already; true when it was not.
pub async fn void(tx: &mut TenantTx, link: LinkId, id: Uuid) -> Result<bool, Error> {
    let done = sqlx::query!(
        "insert into reservation (link_id, id, state, expires_at, body_hash) values ($1, $2, 'void', clock_timestamp(), '')
         on conflict do nothing",
        link.0,
        id,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Holds whose time is over, or whose link is not there any more for them, at most `limit`: (link, id, is the time over).
pub async fn due(tx: &mut TenantTx, limit: i64) -> Result<Vec<(Uuid, Uuid, bool)>, Error> {
    let rows = sqlx::query!(
        r#"select r.link_id, r.id, r.expires_at <= clock_timestamp() as "over!" from reservation r
           left join link k on k.id = r.link_id
           where r.state = 'held' and (r.expires_at <= clock_timestamp() or k.state is null or k.state = 'revoked')
           order by r.expires_at limit $1"#,
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (row.link_id, row.id, row.over)).collect())
}

/// When the next hold is over.
pub async fn next_due(tx: &mut TenantTx) -> Result<Option<OffsetDateTime>, Error> {
    Ok(
        sqlx::query_scalar!("select min(expires_at) from reservation where state = 'held'")
            .fetch_one(tx.conn())
            .await?,
    )
}

/// A level that a partner may see.
pub struct SeenRow {
    pub sku: String,
    pub gtin14: Option<String>,
    pub name: String,
    pub unit: String,
    pub scale: i16,
    pub location: String,
    pub on_hand: i64,
    pub reserved: i64,
    pub safety_stock: i64,
}

/// Levels of these items as far as the grant covers them, lots added up; empty also when the link is not as the permit says.
#[expect(clippy::too_many_arguments, reason = "one statement, and each is a part of it")]
pub async fn seen(
    tx: &mut TenantTx,
    link: LinkId,
    epoch: i64,
    grant_version: i64,
    gtins: &[String],
    skus: &[String],
    locations: &[String],
    covered: (&[String], &[String]),
) -> Result<Vec<SeenRow>, Error> {
    Ok(sqlx::query_as!(
        SeenRow,
        r#"select i.sku, case when i.restricted then null else i.gtin14 end as gtin14, i.name, i.unit, i.scale, l.location, sum(l.on_hand)::bigint as "on_hand!",
               sum(l.reserved)::bigint as "reserved!", sum(l.safety_stock)::bigint as "safety_stock!"
           from item i join level l on l.item_id = i.id
           where exists (select from link where id = $1 and state = 'active' and epoch = $2 and grant_version = $3)
               and ((i.gtin14 = any($4) and not i.restricted) or i.sku = any($5))
               and (cardinality($6::varchar[]) = 0 or l.location = any($6))
               and (cardinality($7::varchar[]) = 0 or i.sku = any($7))
               and (cardinality($8::varchar[]) = 0 or l.location = any($8))
           group by i.sku, i.gtin14, i.restricted, i.name, i.unit, i.scale, l.location order by i.sku, l.location limit 10000"#,
        link.0,
        epoch,
        grant_version,
        gtins,
        skus,
        locations,
        covered.0,
        covered.1,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// An item that a partner names.
pub struct NamedRow {
    pub unit: String,
    pub scale: i16,
}

/// The items that a partner names, by SKU or GTIN; none for those that are not there or that it may not name.
pub async fn named(
    tx: &mut TenantTx,
    gtins: &[String],
    skus: &[String],
    covered_skus: &[String],
) -> Result<Vec<Option<NamedRow>>, Error> {
    let rows = sqlx::query!(
        r#"select i.unit as "unit?", i.scale as "scale?"
           from unnest($1::varchar[], $2::varchar[]) with ordinality as u (gtin, sku, n)
           left join item i on i.id = coalesce(
               (select s.id from item s where s.sku = u.sku),
               (select g.id from item g where g.gtin14 = nullif(u.gtin, '') and not g.restricted))
               and (cardinality($3::varchar[]) = 0 or i.sku = any($3))
           order by u.n"#,
        gtins,
        skus,
        covered_skus,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let (unit, scale) = (row.unit?, row.scale?);
            Some(NamedRow { unit, scale })
        })
        .collect())
}
