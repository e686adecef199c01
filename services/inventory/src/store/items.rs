//! Articles, found by words.

use hansa_tenancy::TenantTx;

use crate::Error;

/// An article, and the sum of its levels.
pub struct ItemRow {
    pub sku: String,
    pub gtin14: Option<String>,
    pub name: String,
    pub unit: String,
    pub scale: i16,
    pub on_hand: i64,
    pub reserved: i64,
    pub incoming: i64,
    pub places: i64,
}

/// A page of our articles after this one: those that fit all patterns.
pub async fn items(tx: &mut TenantTx, patterns: &[String], after: &str, limit: i64) -> Result<Vec<ItemRow>, Error> {
    Ok(sqlx::query_as!(
        ItemRow,
        r#"select i.sku, i.gtin14, i.name, i.unit, i.scale, coalesce(sum(l.on_hand), 0)::bigint as "on_hand!",
               coalesce(sum(l.reserved), 0)::bigint as "reserved!", coalesce(sum(l.incoming), 0)::bigint as "incoming!",
               count(l.item_id) as "places!"
           from (select id, sku, gtin14, name, unit, scale from item
                 where sku > $1 and said like all($2::varchar[]) order by sku limit $3) as i
           left join level l on l.item_id = i.id
           group by i.id, i.sku, i.gtin14, i.name, i.unit, i.scale order by i.sku"#,
        after,
        patterns,
        limit,
    )
    .fetch_all(tx.conn())
    .await?)
}
