//! Items, locations, levels and the ledger.

use hansa_tenancy::TenantTx;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    Error,
    model::{ItemRef, Row},
};

/// An item, as far as amounts need it.
pub struct Item {
    pub sku: String,
    pub id: Uuid,
    pub unit: String,
    pub scale: i16,
}

/// A level with its item.
pub struct LevelRow {
    pub sku: String,
    pub gtin14: Option<String>,
    pub name: String,
    pub unit: String,
    pub scale: i16,
    pub location: String,
    pub lot: String,
    pub on_hand: i64,
    pub reserved: i64,
    pub incoming: i64,
    pub safety_stock: i64,
    pub short: i64,
    pub version: i64,
}

/// A movement with its item.
pub struct MovementRow {
    pub at: OffsetDateTime,
    pub item_id: Uuid,
    pub sku: String,
    pub unit: String,
    pub scale: i16,
    pub location: String,
    pub lot: String,
    pub from_account: String,
    pub to_account: String,
    pub quantity: i64,
    pub kind: String,
    pub link_id: Option<Uuid>,
    pub reservation_id: Option<Uuid>,
    pub actor: String,
    pub version: i64,
}

/// Splits a reference for SQL: (GTIN, SKU), one of them empty.
pub fn split(item: &ItemRef) -> (String, String) {
    match item {
        ItemRef::Gtin(gtin) => (gtin.to_string(), String::new()),
        ItemRef::Sku(sku) => (String::new(), sku.clone()),
    }
}

/// Our own item; store codes count here.
pub async fn item(tx: &mut TenantTx, item: &ItemRef) -> Result<Item, Error> {
    let (gtin, sku) = split(item);
    sqlx::query_as!(
        Item,
        "select id, sku, unit, scale from item where ($1 <> '' and gtin14 = $1) or ($2 <> '' and sku = $2)",
        gtin,
        sku,
    )
    .fetch_optional(tx.conn())
    .await?
    .ok_or(Error::NotFound("article"))
}

/// Creates or changes a location.
pub async fn put_location(tx: &mut TenantTx, code: &str, name: &str, gln: Option<&str>) -> Result<(), Error> {
    sqlx::query!(
        "insert into location (code, name, gln13) values ($1, $2, $3)
         on conflict (code) do update set name = excluded.name, gln13 = excluded.gln13",
        code,
        name,
        gln,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Makes a location unless it is there; its code serves as name.
pub async fn ensure_location(tx: &mut TenantTx, code: &str) -> Result<(), Error> {
    sqlx::query!(
        "insert into location (code, name) values ($1, $1) on conflict do nothing",
        code
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// All locations: code, name, GLN.
pub async fn locations(tx: &mut TenantTx) -> Result<Vec<(String, String, Option<String>)>, Error> {
    let rows = sqlx::query!("select code, name, gln13 from location order by code limit 10000")
        .fetch_all(tx.conn())
        .await?;
    Ok(rows.into_iter().map(|row| (row.code, row.name, row.gln13)).collect())
}

/// Creates or changes items. SKUs whose GTIN another article has, or which are counted in another unit, are returned with the
/// column that clashes, and left alone.
pub async fn upsert_items(tx: &mut TenantTx, rows: &[&Row], ids: &[Uuid]) -> Result<Vec<(String, String)>, Error> {
    let skus: Vec<String> = rows.iter().map(|row| row.sku.clone()).collect();
    let gtins: Vec<String> = rows
        .iter()
        .map(|row| row.gtin.map(|gtin| gtin.to_string()).unwrap_or_default())
        .collect();
    let restricted: Vec<bool> = rows
        .iter()
        .map(|row| row.gtin.is_some_and(|gtin| gtin.is_restricted()))
        .collect();
    let names: Vec<String> = rows.iter().map(|row| row.name.clone()).collect();
    let units: Vec<String> = rows.iter().map(|row| row.unit.to_string()).collect();
    let clashes = sqlx::query!(
        r#"select u.sku as "sku!", case when i.sku = u.sku then 'unit' else 'gtin' end as "field!"
           from unnest($1::varchar[], $2::varchar[], $3::varchar[]) as u (sku, gtin, unit)
           join item i on (i.gtin14 = u.gtin and u.gtin <> '' and i.sku <> u.sku) or (i.sku = u.sku and i.unit <> u.unit)
           order by 1, 2"#,
        &skus,
        &gtins,
        &units,
    )
    .fetch_all(tx.conn())
    .await?;
    let clashes: Vec<(String, String)> = clashes.into_iter().map(|row| (row.sku, row.field)).collect();
    let left: Vec<String> = clashes.iter().map(|(sku, _)| sku.clone()).collect();
    sqlx::query!(
        "insert into item (id, sku, gtin14, restricted, name, unit)
         select distinct on (u.sku) u.id, u.sku, nullif(u.gtin, ''), u.restricted, u.name, u.unit
         from unnest($1::uuid[], $2::varchar[], $3::varchar[], $4::bool[], $5::varchar[], $6::varchar[])
             as u (id, sku, gtin, restricted, name, unit)
         where u.sku <> all($7) order by u.sku
         on conflict (sku) do update set gtin14 = coalesce(excluded.gtin14, item.gtin14), restricted = excluded.restricted,
             name = excluded.name
         where (item.gtin14, item.restricted, item.name) is distinct from
             (coalesce(excluded.gtin14, item.gtin14), excluded.restricted, excluded.name)",
        ids,
        &skus,
        &gtins,
        &restricted,
        &names,
        &units,
        &left,
    )
    .execute(tx.conn())
    .await?;
    Ok(clashes)
}

/// What a level is to be; none = as it is.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub sku: String,
    pub location: String,
    pub lot: String,
    pub on_hand: Option<i64>,
    pub safety_stock: Option<i64>,
}

/// Figures for levels of these items, as one set: (created, changed). Only real changes reach the ledger.
///
/// What is counted below what is reserved becomes `short`: promised and not there. What is kept back stays free, and is a movement
/// of its own, so that those who follow the level hear of it.
pub async fn set_levels(tx: &mut TenantTx, rows: &[Wanted], kind: &str, actor: &str) -> Result<(u64, u64), Error> {
    let skus: Vec<String> = rows.iter().map(|row| row.sku.clone()).collect();
    let locations: Vec<String> = rows.iter().map(|row| row.location.clone()).collect();
    let lots: Vec<String> = rows.iter().map(|row| row.lot.clone()).collect();
    let counted: Vec<Option<i64>> = rows.iter().map(|row| row.on_hand).collect();
    let kept: Vec<Option<i64>> = rows.iter().map(|row| row.safety_stock).collect();
    let created = sqlx::query!(
        "insert into level (item_id, location, lot)
         select i.id, u.location, u.lot from unnest($1::varchar[], $2::varchar[], $3::varchar[]) as u (sku, location, lot)
         join item i on i.sku = u.sku order by 1, 2, 3
         on conflict do nothing",
        &skus,
        &locations,
        &lots,
    )
    .execute(tx.conn())
    .await?
    .rows_affected();
    let changed = sqlx::query_scalar!(
        r#"with input as (
               select i.id as item_id, u.location, u.lot, u.counted, u.kept
               from unnest($1::varchar[], $2::varchar[], $3::varchar[], $4::bigint[], $5::bigint[])
                   as u (sku, location, lot, counted, kept)
               join item i on i.sku = u.sku
           ),
           before as (
               select l.item_id, l.location, l.lot, l.on_hand, l.reserved, l.short, l.safety_stock,
                   coalesce(n.counted, l.on_hand) as counted, coalesce(n.kept, l.safety_stock) as kept
               from level l join input n on (n.item_id, n.location, n.lot) = (l.item_id, l.location, l.lot)
               where l.on_hand <> n.counted or l.safety_stock <> n.kept order by 1, 2, 3 for update of l
           ),
           after as (
               update level l set on_hand = b.counted, safety_stock = b.kept, version = l.version + 1,
                   short = case when b.counted = b.on_hand then b.short else greatest(0, l.reserved - b.counted) end
               from before b where (b.item_id, b.location, b.lot) = (l.item_id, l.location, l.lot)
               returning l.item_id, l.location, l.lot, l.on_hand, l.reserved, l.short, l.version
           ),
           moved as (
               select a.item_id, a.location, a.lot, a.version, a.on_hand, a.reserved, v.source, v.account, v.delta, v.kind
               from after a join before b on (b.item_id, b.location, b.lot) = (a.item_id, a.location, a.lot)
               cross join lateral (values
                   ('external', 'free', (a.on_hand - a.reserved + a.short) - (b.on_hand - b.reserved + b.short), $6),
                   ('external', 'held', (a.reserved - a.short) - (b.reserved - b.short), $6),
                   ('external', 'short', a.short - b.short, $6),
                   ('free', 'free', b.kept - b.safety_stock, 'safety')
               ) as v (source, account, delta, kind)
               where v.delta <> 0
           ),
           written as (
               insert into ledger (item_id, location, lot, version, from_account, to_account, quantity, kind, on_hand, reserved, actor)
               select item_id, location, lot, version, case when delta > 0 then source else account end,
                   case when delta > 0 then account else source end, abs(delta), kind, on_hand, reserved, $7
               from moved
               returning 1
           )
           select count(*) as "changed!" from after where (select count(*) from written) >= 0"#,
        &skus,
        &locations,
        &lots,
        &counted as &[Option<i64>],
        &kept as &[Option<i64>],
        kind,
        actor,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok((created, u64::try_from(changed).unwrap_or(0)))
}

/// Levels of which less is free than they keep back, the emptiest first; how many there are, and how many keep something back.
pub async fn low(tx: &mut TenantTx, limit: i64) -> Result<(Vec<LevelRow>, u64, u64), Error> {
    let rows = sqlx::query_as!(
        LevelRow,
        "select i.sku, i.gtin14, i.name, i.unit, i.scale, l.location, l.lot, l.on_hand, l.reserved, l.incoming, l.safety_stock,
             l.short, l.version
         from level l join item i on i.id = l.item_id
         where l.safety_stock > 0 and l.on_hand - l.reserved < l.safety_stock
         order by (l.on_hand - l.reserved)::double precision / l.safety_stock, i.sku, l.location, l.lot limit $1",
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    let many = sqlx::query!(
        r#"select count(*) filter (where on_hand - reserved < safety_stock) as "low!", count(*) as "watched!"
           from level where safety_stock > 0"#,
    )
    .fetch_one(tx.conn())
    .await?;
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    Ok((rows, count(many.low), count(many.watched)))
}

/// A page of our levels after this key. Its first part stands there twice: only a column of one table is found in an index.
pub async fn levels(
    tx: &mut TenantTx,
    after: (&str, &str, &str),
    limit: i64,
    item: Option<Uuid>,
) -> Result<Vec<LevelRow>, Error> {
    Ok(sqlx::query_as!(
        LevelRow,
        "select i.sku, i.gtin14, i.name, i.unit, i.scale, l.location, l.lot, l.on_hand, l.reserved, l.incoming, l.safety_stock,
             l.short, l.version
         from item i join level l on l.item_id = i.id
         where i.sku >= $1 and (i.sku, l.location, l.lot) > ($1, $2, $3) and ($5::uuid is null or i.id = $5)
         order by i.sku, l.location, l.lot limit $4",
        after.0,
        after.1,
        after.2,
        limit,
        item,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Where a movement stands in the ledger: by when it happened, and by its key where that is the same.
pub struct MovementKey {
    pub at: OffsetDateTime,
    pub item_id: Uuid,
    pub location: String,
    pub lot: String,
    pub version: i64,
    pub from_account: String,
    pub to_account: String,
}

/// A page of the ledger, newest first, from before this one on.
pub async fn movements(
    tx: &mut TenantTx,
    before: Option<&MovementKey>,
    limit: i64,
    item: Option<Uuid>,
) -> Result<Vec<MovementRow>, Error> {
    Ok(sqlx::query_as!(
        MovementRow,
        "select m.at, m.item_id, i.sku, i.unit, i.scale, m.location, m.lot, m.from_account, m.to_account, m.quantity, m.kind,
             m.link_id, m.reservation_id, m.actor, m.version
         from ledger m join item i on i.id = m.item_id
         where ($9::uuid is null or m.item_id = $9) and m.at <= coalesce($1::timestamptz, 'infinity')
             and ($1::timestamptz is null or (m.at, m.item_id, m.location, m.lot, m.version, m.from_account, m.to_account)
                 < ($1, $2, $3, $4, $5, $6, $7))
         order by m.at desc, m.item_id desc, m.location desc, m.lot desc, m.version desc, m.from_account desc, m.to_account desc
         limit $8",
        before.map(|key| key.at),
        before.map(|key| key.item_id),
        before.map(|key| key.location.as_str()),
        before.map(|key| key.lot.as_str()),
        before.map(|key| key.version),
        before.map(|key| key.from_account.as_str()),
        before.map(|key| key.to_account.as_str()),
        limit,
        item,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// A version of a level, and what made it.
pub struct StepRow {
    pub xid: String,
    pub item_id: Uuid,
    pub location: String,
    pub lot: String,
    pub version: i64,
    pub at: OffsetDateTime,
    pub kind: String,
    /// Units that moved, and how many were there afterwards.
    pub quantity: i64,
    pub on_hand: i64,
    /// Nothing came to it.
    pub left: bool,
    pub about: Option<Uuid>,
    /// `about` is a reservation, and no document.
    pub reserved: bool,
    pub sku: String,
    /// Empty for a store code.
    pub gtin: String,
    pub unit: String,
    pub scale: i16,
    pub gln: String,
}

/// Where a reader of the ledger stands: the transaction, and in it the level with its version.
pub type Stand<'a> = (&'a str, Uuid, &'a str, &'a str, i64);

/// What the ledger tells after this place, by transaction. Those that are younger than one that still runs are left for later, so
/// nothing is ever missed.
pub async fn steps(tx: &mut TenantTx, after: Stand<'_>, limit: i64) -> Result<Vec<StepRow>, Error> {
    Ok(sqlx::query_as!(
        StepRow,
        r#"select s.xid::text as "xid!", s.item_id, s.location, s.lot, s.version, s.at as "at!", s.kind as "kind!",
               s.quantity as "quantity!", s.on_hand as "on_hand!", s.left_it as "left!", s.about,
               exists (select 1 from reservation r where r.link_id = s.link_id and r.id = s.about) as "reserved!",
               i.sku, case when i.restricted then '' else coalesce(i.gtin14, '') end as "gtin!", i.unit, i.scale,
               coalesce(p.gln13, '') as "gln!"
           from (
               select xid, item_id, location, lot, version, min(at) as at, max(kind) as kind, sum(quantity)::bigint as quantity,
                   max(on_hand) as on_hand, bool_and(to_account = 'external') as left_it,
                   (array_agg(link_id))[1] as link_id, (array_agg(reservation_id))[1] as about
               from ledger
               where xid < pg_snapshot_xmin(pg_current_snapshot()) and xid >= $1::text::xid8 and kind not in ('expect', 'safety')
                 and (xid, item_id, location, lot, version) > ($1::text::xid8, $2, $3, $4, $5)
               group by xid, item_id, location, lot, version
               order by xid, item_id, location, lot, version limit $6
           ) as s
           join item i on i.id = s.item_id
           join location p on p.code = s.location
           order by s.xid, s.item_id, s.location, s.lot, s.version"#,
        after.0,
        after.1,
        after.2,
        after.3,
        after.4,
        limit,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Levels whose figures do not follow from the ledger, or from open reservations and documents, at most 100, in words.
pub async fn differences(tx: &mut TenantTx) -> Result<Vec<String>, Error> {
    let rows = sqlx::query_scalar!(
        r#"with booked as (
               select item_id, location, lot,
                   sum(case when to_account = 'free' then quantity else 0 end) - sum(case when from_account = 'free' then quantity else 0 end) as free,
                   sum(case when to_account = 'held' then quantity else 0 end) - sum(case when from_account = 'held' then quantity else 0 end) as held,
                   sum(case when to_account = 'short' then quantity else 0 end) - sum(case when from_account = 'short' then quantity else 0 end) as short,
                   sum(case when to_account = 'incoming' then quantity else 0 end) - sum(case when from_account = 'incoming' then quantity else 0 end) as incoming,
                   max(version) as version
               from ledger group by 1, 2, 3
           ),
           promised as (
               select item_id, location, lot, sum(held) as held, sum(expected) as expected
               from (
                   select n.item_id, n.location, n.lot, n.quantity as held, 0 as expected
                   from reservation r join reservation_line n on n.link_id = r.link_id and n.reservation_id = r.id
                   where r.state in ('held', 'confirmed')
                   union all
                   select item_id, location, lot, case when stock = 'promised' then quantity else 0 end,
                       case when stock = 'expected' then quantity else 0 end
                   from document_stock
               ) as each group by 1, 2, 3
           )
           select format('%s at %s%s: level free %s held %s short %s incoming %s version %s, ledger free %s held %s short %s incoming %s version %s, reservations and documents %s, expected %s',
               i.sku, l.location, case when l.lot = '' then '' else ' lot ' || l.lot end,
               l.on_hand - l.reserved + l.short, l.reserved - l.short, l.short, l.incoming, l.version,
               coalesce(b.free, 0), coalesce(b.held, 0), coalesce(b.short, 0), coalesce(b.incoming, 0), coalesce(b.version, 0),
               coalesce(p.held, 0), coalesce(p.expected, 0)) as "text!"
           from level l join item i on i.id = l.item_id
           left join booked b on (b.item_id, b.location, b.lot) = (l.item_id, l.location, l.lot)
           left join promised p on (p.item_id, p.location, p.lot) = (l.item_id, l.location, l.lot)
           where (l.on_hand - l.reserved + l.short, l.reserved - l.short, l.short, l.version, l.reserved)
               is distinct from (coalesce(b.free, 0), coalesce(b.held, 0), coalesce(b.short, 0), coalesce(b.version, 0), coalesce(p.held, 0))
               or (l.incoming, l.incoming) is distinct from (coalesce(b.incoming, 0), coalesce(p.expected, 0))
           order by 1 limit 100"#,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// How many levels, movements and reservations there are.
pub async fn sizes(tx: &mut TenantTx) -> Result<(u64, u64, u64), Error> {
    let row = sqlx::query!(
        r#"select (select count(*) from level) as "levels!", (select count(*) from ledger) as "movements!",
               (select count(*) from reservation) as "reservations!""#,
    )
    .fetch_one(tx.conn())
    .await?;
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    Ok((count(row.levels), count(row.movements), count(row.reservations)))
}

/// Movements of all transactions that are in by the snapshot `to` and were not by `from`: how many, and their hash.
pub async fn ledger_section(tx: &mut TenantTx, from: &str, to: &str) -> Result<(u64, Vec<u8>), sqlx::Error> {
    let row = sqlx::query!(
        r#"select count(*) as "lines!", coalesce(sha256(string_agg(sha256(convert_to(
                jsonb_build_array(item_id, location, lot, version, from_account, to_account, quantity, kind, on_hand, reserved,
                    link_id, reservation_id, actor, (extract(epoch from at) * 1000000)::bigint, xid::text)::text,
                'UTF8')), ''::bytea order by item_id, location, lot, version, from_account, to_account)), '') as "root!"
           from ledger
           where xid >= pg_snapshot_xmin($1::text::pg_snapshot) and xid < pg_snapshot_xmax($2::text::pg_snapshot)
               and not pg_visible_in_snapshot(xid, $1::text::pg_snapshot) and pg_visible_in_snapshot(xid, $2::text::pg_snapshot)"#,
        from,
        to,
    )
    .fetch_one(tx.conn())
    .await?;
    let root = if row.lines == 0 { Vec::new() } else { row.root };
    Ok((u64::try_from(row.lines).unwrap_or(0), root))
}

/// When the latest movement of all transactions that are in by the snapshot `to` and were not by `from` was written down.
pub async fn ledger_written(tx: &mut TenantTx, from: &str, to: &str) -> Result<Option<OffsetDateTime>, sqlx::Error> {
    sqlx::query_scalar!(
        "select at from ledger
         where xid >= pg_snapshot_xmin($1::text::pg_snapshot) and xid < pg_snapshot_xmax($2::text::pg_snapshot)
             and not pg_visible_in_snapshot(xid, $1::text::pg_snapshot) and pg_visible_in_snapshot(xid, $2::text::pg_snapshot)
         order by xid desc limit 1",
        from,
        to,
    )
    .fetch_optional(tx.conn())
    .await
}

/// An article of ours.
pub struct ItemRow {
    pub sku: String,
    pub gtin14: Option<String>,
    pub name: String,
    pub unit: String,
}

/// Our article with this number: the SKU, or a GTIN of 14 digits.
pub async fn lookup(tx: &mut TenantTx, sku: &str, gtin14: &str) -> Result<Option<ItemRow>, Error> {
    Ok(sqlx::query_as!(
        ItemRow,
        "select sku, gtin14, name, unit from item where sku = $1 or gtin14 = nullif($2::varchar, '') order by sku = $1 desc limit 1",
        sku,
        gtin14,
    )
    .fetch_optional(tx.conn())
    .await?)
}
