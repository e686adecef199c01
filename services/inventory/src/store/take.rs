//! Taking stock: many requests of one link in one statement, each of them all or nothing.

use std::sync::Arc;

use hansa_tenancy::TenantTx;
use hansa_vocab::LinkId;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Error, store::reservations::LineRow};

/// What the permit says, and what all requests of a statement have in common.
pub struct Terms<'a> {
    pub link: LinkId,
    pub epoch: i64,
    pub grant_version: i64,
    pub actor: &'a str,
    pub covered_skus: &'a [String],
    pub covered_locations: &'a [String],
    pub safety_stock: i64,
    /// Base units that a line may have, and that all lines of all requests together may have.
    pub line_max: i64,
    pub sum_max: i64,
}

/// A request, as the database has to know it.
#[derive(Debug)]
pub struct Ask {
    pub id: Uuid,
    pub body_hash: String,
    pub order_ref: String,
    pub ttl_millis: i64,
    pub event_id: Uuid,
    pub event: Vec<u8>,
    /// W3C traceparent of what is going on, or empty.
    pub trace_parent: String,
    pub lines: Vec<AskLine>,
}

/// A line of a request.
#[derive(Debug)]
pub struct AskLine {
    pub gtin: String,
    pub sku: String,
    pub location: String,
    pub lot: String,
    /// The amount as it was asked, with the fewest decimal places.
    pub value: i64,
    pub scale: i16,
    pub unit: String,
}

/// What the statement did for one request.
#[derive(Debug, Default)]
pub struct Took {
    /// Some level had enough for every line, before the other requests of the statement had theirs.
    pub chosen: bool,
    /// Set when the reservation is new.
    pub expires_at: Option<OffsetDateTime>,
    /// The lines in order, as they were taken; none when nothing was.
    pub lines: Vec<LineRow>,
}

/// The lines of all requests, column by column.
#[derive(Default)]
struct Columns<'a> {
    asks: Vec<i32>,
    numbers: Vec<i16>,
    gtins: Vec<&'a str>,
    skus: Vec<&'a str>,
    locations: Vec<&'a str>,
    lots: Vec<&'a str>,
    values: Vec<i64>,
    scales: Vec<i16>,
    units: Vec<&'a str>,
}

impl<'a> Columns<'a> {
    fn of(asks: &'a [Arc<Ask>]) -> Self {
        let mut all = Self::default();
        for (ask, at) in asks.iter().zip(1..) {
            for (line, number) in ask.lines.iter().zip(1..) {
                all.asks.push(at);
                all.numbers.push(number);
                all.gtins.push(&line.gtin);
                all.skus.push(&line.sku);
                all.locations.push(&line.location);
                all.lots.push(&line.lot);
                all.values.push(line.value);
                all.scales.push(line.scale);
                all.units.push(&line.unit);
            }
        }
        all
    }
}

/// Takes stock for these requests, whose ids differ; `None` when the link or its grant is not as the permit says.
///
/// Each request has all its lines or none. One that finds no room beside those before it takes nothing, also when one of those
/// takes nothing in the end: it has to ask again alone. Amounts are exact: one that is no whole number of base units chooses
/// nothing. Levels are judged as they are under their row locks, which are taken in the order of the key.
#[expect(clippy::too_many_lines, reason = "one statement")]
pub async fn take(tx: &mut TenantTx, terms: &Terms<'_>, asks: &[Arc<Ask>]) -> Result<Option<Vec<Took>>, Error> {
    let lines = Columns::of(asks);
    let rows = sqlx::query!(
        r#"with guard as (
               select 1 as ok from link where id = $1 and state = 'active' and epoch = $2 and grant_version = $3
           ),
           request as (
               select u.* from unnest($4::uuid[], $5::varchar[], $6::varchar[], $7::bigint[], $8::uuid[], $9::bytea[],
                       $10::varchar[], $11::smallint[])
                   with ordinality as u (id, body_hash, order_ref, ttl, event_id, event, trace_parent, lines, ask)
           ),
           asked as (
               select u.*
               from unnest($12::int[], $13::smallint[], $14::varchar[], $15::varchar[], $16::varchar[], $17::varchar[],
                       $18::bigint[], $19::smallint[], $20::varchar[])
                   with ordinality as u (ask, line, gtin, sku, location, lot, value, scale, unit, n), guard
           ),
           chosen as (
               select a.n, a.ask, a.line, place.sku, place.unit, place.scale, place.quantity, place.item_id, place.location,
                   place.lot
               from asked a cross join lateral (
                   select l.item_id, l.location, l.lot, i.sku, i.unit, i.scale, q.quantity
                   from item i
                   cross join lateral (
                       -- null when the amount has more decimal places than the article
                       select a.value * ('{1, 10, 100, 1000, 10000, 100000, 1000000}'::bigint[])[i.scale - a.scale + 1] as quantity
                   ) as q
                   join level l on l.item_id = i.id
                   where i.id = coalesce(
                           (select s.id from item s where s.sku = a.sku),
                           (select g.id from item g where g.gtin14 = nullif(a.gtin, '') and not g.restricted))
                       and i.unit = a.unit and q.quantity between 1 and $21
                       and l.lot = a.lot and (a.location = '' or l.location = a.location)
                       and (cardinality($22::varchar[]) = 0 or i.sku = any($22))
                       and (cardinality($23::varchar[]) = 0 or l.location = any($23))
                       and l.on_hand - l.reserved - greatest(l.safety_stock, $24) >= q.quantity
                   order by l.location limit 1
               ) as place
           ),
           locked as (
               select l.item_id, l.location, l.lot, l.on_hand, l.reserved, l.version,
                   l.on_hand - l.reserved - greatest(l.safety_stock, $24) as free
               from level l join (select distinct item_id, location, lot from chosen) as c
                   on (c.item_id, c.location, c.lot) = (l.item_id, l.location, l.lot)
               order by 1, 2, 3 for update of l
           ),
           judged as (
               select c.*, k.on_hand, k.reserved, k.version, k.free, (sum(c.quantity) over same_place)::bigint as upto
               from chosen c join locked k on (k.item_id, k.location, k.lot) = (c.item_id, c.location, c.lot)
               window same_place as (partition by c.item_id, c.location, c.lot order by c.n)
           ),
           fitting as (
               select r.* from request r join (
                   select ask, count(*) as lines, bool_and(upto <= free) as fits, sum(sum(quantity)) over (order by ask) as open
                   from judged group by ask
               ) as j on j.ask = r.ask
               where j.fits and j.lines = r.lines and j.open <= $25
           ),
           made as (
               insert into reservation (link_id, id, state, expires_at, body_hash, order_ref)
               select $1, id, 'held', clock_timestamp() + ttl * interval '1 millisecond', body_hash, order_ref
               from fitting order by id
               on conflict do nothing
               returning id, expires_at
           ),
           taken as (
               select j.*, f.id, m.expires_at, row_number() over same_place as step, (sum(j.quantity) over same_place)::bigint as added
               from judged j join fitting f on f.ask = j.ask join made m on m.id = f.id
               window same_place as (partition by j.item_id, j.location, j.lot order by j.n)
           ),
           moved as (
               update level l set reserved = l.reserved + t.added, version = l.version + t.steps
               from (select item_id, location, lot, max(added) as added, max(step) as steps from taken group by 1, 2, 3) as t
               where (t.item_id, t.location, t.lot) = (l.item_id, l.location, l.lot)
               returning t.steps
           ),
           lines as (
               insert into reservation_line (link_id, reservation_id, n, item_id, location, lot, quantity)
               select $1, id, line, item_id, location, lot, quantity from taken
           ),
           booked as (
               insert into ledger (item_id, location, lot, version, from_account, to_account, quantity, kind, on_hand, reserved,
                   link_id, reservation_id, actor)
               select item_id, location, lot, version + step, 'free', 'held', quantity, 'hold', on_hand, reserved + added,
                   $1, id, $26
               from taken
           ),
           told as (
               insert into outbox (id, link_id, ordering_key, key_version, type, payload, trace_parent)
               select f.event_id, $1, 'reservation/' || m.id::text, 1, 'inventory.reservation.v1', f.event, f.trace_parent
               from made m join fitting f on f.id = m.id
           )
           select a.ask as "ask!", c.n is not null as "chosen!", t.expires_at, t.sku as "sku?", t.unit as "unit?",
               t.scale as "scale?", t.location as "location?", t.lot as "lot?", t.quantity as "quantity?",
               (select coalesce(sum(steps), 0) from moved) = (select count(*) from taken) as "sound!"
           from asked a left join chosen c on c.n = a.n left join taken t on t.n = a.n order by a.n"#,
        terms.link.0,
        terms.epoch,
        terms.grant_version,
        &asks.iter().map(|ask| ask.id).collect::<Vec<_>>(),
        &asks.iter().map(|ask| &*ask.body_hash).collect::<Vec<_>>() as &[&str],
        &asks.iter().map(|ask| &*ask.order_ref).collect::<Vec<_>>() as &[&str],
        &asks.iter().map(|ask| ask.ttl_millis).collect::<Vec<_>>(),
        &asks.iter().map(|ask| ask.event_id).collect::<Vec<_>>(),
        &asks.iter().map(|ask| &*ask.event).collect::<Vec<_>>() as &[&[u8]],
        &asks.iter().map(|ask| &*ask.trace_parent).collect::<Vec<_>>() as &[&str],
        &asks.iter().map(|ask| i16::try_from(ask.lines.len()).unwrap_or(i16::MAX)).collect::<Vec<_>>(),
        &lines.asks,
        &lines.numbers,
        lines.gtins.as_slice() as &[&str],
        lines.skus.as_slice() as &[&str],
        lines.locations.as_slice() as &[&str],
        lines.lots.as_slice() as &[&str],
        &lines.values,
        &lines.scales,
        lines.units.as_slice() as &[&str],
        terms.line_max as i64,
        terms.covered_skus,
        terms.covered_locations,
        terms.safety_stock,
        terms.sum_max as i64,
        terms.actor,
    )
    .fetch_all(tx.conn())
    .await?;
    if rows.is_empty() {
        return Ok(None);
    }
    let mut all: Vec<Took> = asks
        .iter()
        .map(|_| Took {
            chosen: true,
            ..Took::default()
        })
        .collect();
    for row in rows {
        let at = usize::try_from(row.ask - 1).unwrap_or(usize::MAX);
        let (Some(took), true) = (all.get_mut(at), row.sound) else {
            return Err(Error::Damaged("level"));
        };
        took.chosen &= row.chosen;
        took.expires_at = row.expires_at;
        let line = || {
            Some(LineRow {
                sku: row.sku?,
                unit: row.unit?,
                scale: row.scale?,
                location: row.location?,
                lot: row.lot?,
                quantity: row.quantity?,
            })
        };
        took.lines.extend(line());
    }
    Ok(Some(all))
}
