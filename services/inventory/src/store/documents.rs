//! What documents have on our levels: reading it under locks, and writing what was planned.

use hansa_tenancy::TenantTx;
use uuid::Uuid;

use crate::{
    Error,
    model::plan::{Key, Level, Movement, Shares},
};

/// An article that a line names.
pub struct NamedItem {
    pub id: Uuid,
    pub unit: String,
    pub scale: i16,
}

/// Our articles with these numbers, by SKU or else by GTIN; none for those that we do not keep.
pub async fn items(tx: &mut TenantTx, skus: &[String], gtins: &[String]) -> Result<Vec<Option<NamedItem>>, Error> {
    if skus.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query!(
        r#"select i.id as "id?", i.unit as "unit?", i.scale as "scale?"
           from unnest($1::varchar[], $2::varchar[]) with ordinality as u (sku, gtin, n)
           left join item i on i.id = coalesce(
               (select s.id from item s where s.sku = nullif(u.sku, '')),
               (select g.id from item g where g.gtin14 = lpad(nullif(u.gtin, ''), 14, '0') and not g.restricted))
           order by u.n"#,
        skus,
        gtins,
    )
    .fetch_all(tx.conn())
    .await?;
    let named = rows.into_iter().map(|row| {
        Some(NamedItem {
            id: row.id?,
            unit: row.unit?,
            scale: row.scale?,
        })
    });
    Ok(named.collect())
}

/// What we have of an article, over all places and lots.
#[derive(Clone, Copy)]
pub struct FiguresRow {
    pub item_id: Uuid,
    pub on_hand: i64,
    pub reserved: i64,
    pub incoming: i64,
}

/// What we have of these articles.
pub async fn figures(tx: &mut TenantTx, items: &[Uuid]) -> Result<Vec<FiguresRow>, Error> {
    Ok(sqlx::query_as!(
        FiguresRow,
        r#"select item_id, sum(on_hand)::bigint as "on_hand!", sum(reserved)::bigint as "reserved!", sum(incoming)::bigint as "incoming!"
           from level where item_id = any($1) group by item_id"#,
        items,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Do we have this place.
pub async fn is_place(tx: &mut TenantTx, code: &str) -> Result<bool, Error> {
    Ok(
        sqlx::query_scalar!(r#"select exists (select from location where code = $1) as "is!""#, code)
            .fetch_one(tx.conn())
            .await?,
    )
}

/// What documents have in one respect.
pub async fn shares(tx: &mut TenantTx, document: Uuid, stock: &str) -> Result<Shares, Error> {
    let rows = sqlx::query!(
        "select line, item_id, location, lot, quantity from document_stock where document_id = $1 and stock = $2",
        document,
        stock,
    )
    .fetch_all(tx.conn())
    .await?;
    let share = rows.into_iter().map(|row| {
        let key = (row.item_id, row.location, row.lot);
        ((document, row.line, key), row.quantity)
    });
    Ok(share.collect())
}

/// Makes the levels that are not there yet.
pub async fn ensure(tx: &mut TenantTx, place: &str, items: &[Uuid], lots: &[String]) -> Result<(), Error> {
    sqlx::query!(
        "insert into level (item_id, location, lot)
         select distinct u.item_id, $1::varchar, u.lot from unnest($2::uuid[], $3::varchar[]) as u (item_id, lot) order by 1, 3
         on conflict do nothing",
        place,
        items,
        lots,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// All levels of these articles, under their row locks, which are taken in the order of the key.
pub async fn lock(tx: &mut TenantTx, items: &[Uuid]) -> Result<Vec<(Key, Level)>, Error> {
    let rows = sqlx::query!(
        "select item_id, location, lot, on_hand, reserved, incoming, short, safety_stock, version from level
         where item_id = any($1) order by item_id, location, lot for update",
        items,
    )
    .fetch_all(tx.conn())
    .await?;
    let level = rows.into_iter().map(|row| {
        let level = Level {
            on_hand: row.on_hand,
            reserved: row.reserved,
            incoming: row.incoming,
            short: row.short,
            safety_stock: row.safety_stock,
            version: row.version,
        };
        ((row.item_id, row.location, row.lot), level)
    });
    Ok(level.collect())
}

/// Writes movements: the levels as they are after the last one of each, and the ledger.
pub async fn book(
    tx: &mut TenantTx,
    movements: &[Movement],
    (document, link, actor): (Uuid, Option<Uuid>, &str),
) -> Result<(), Error> {
    let column = |of: fn(&Movement) -> i64| movements.iter().map(of).collect::<Vec<_>>();
    let word = |of: fn(&Movement) -> String| movements.iter().map(of).collect::<Vec<_>>();
    let items: Vec<_> = movements.iter().map(|one| one.key.0).collect();
    let (locations, lots) = (word(|one| one.key.1.clone()), word(|one| one.key.2.clone()));
    let versions = column(|one| one.after.version);
    let (on_hand, reserved) = (column(|one| one.after.on_hand), column(|one| one.after.reserved));
    sqlx::query!(
        "update level l set on_hand = u.on_hand, reserved = u.reserved, incoming = u.incoming, short = u.short, version = u.version
         from (
             select distinct on (item_id, location, lot) * from unnest($1::uuid[], $2::varchar[], $3::varchar[], $4::bigint[],
                 $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[])
                 as m (item_id, location, lot, version, on_hand, reserved, incoming, short)
             order by item_id, location, lot, version desc
         ) as u
         where (u.item_id, u.location, u.lot) = (l.item_id, l.location, l.lot)",
        &items,
        &locations,
        &lots,
        &versions,
        &on_hand,
        &reserved,
        &column(|one| one.after.incoming),
        &column(|one| one.after.short),
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!(
        "insert into ledger (item_id, location, lot, version, from_account, to_account, quantity, kind, on_hand, reserved, link_id,
             reservation_id, actor)
         select u.*, $11::uuid, $12::uuid, $13::varchar
         from unnest($1::uuid[], $2::varchar[], $3::varchar[], $4::bigint[], $5::varchar[], $6::varchar[], $7::bigint[],
             $8::varchar[], $9::bigint[], $10::bigint[]) as u",
        &items,
        &locations,
        &lots,
        &versions,
        &word(|one| one.from.as_str().to_owned()),
        &word(|one| one.to.as_str().to_owned()),
        &column(|one| one.quantity),
        &word(|one| one.kind.to_owned()),
        &on_hand,
        &reserved,
        link,
        document,
        actor,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Writes what documents have by now; a line that has nothing any more stays with zero.
pub async fn keep(tx: &mut TenantTx, shares: &Shares, stock: &str) -> Result<(), Error> {
    let (mut documents, mut lines, mut items) = (Vec::new(), Vec::new(), Vec::new());
    let (mut locations, mut lots, mut quantities) = (Vec::new(), Vec::new(), Vec::new());
    for ((document, line, (item, location, lot)), units) in shares {
        documents.push(*document);
        lines.push(line.clone());
        items.push(*item);
        locations.push(location.clone());
        lots.push(lot.clone());
        quantities.push(*units);
    }
    sqlx::query!(
        "insert into document_stock (document_id, line, item_id, location, lot, quantity, stock)
         select u.*, $7::varchar from unnest($1::uuid[], $2::varchar[], $3::uuid[], $4::varchar[], $5::varchar[], $6::bigint[]) as u
         on conflict (document_id, stock, line, item_id, location, lot) do update set quantity = excluded.quantity",
        &documents,
        &lines,
        &items,
        &locations,
        &lots,
        &quantities,
        stock,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
