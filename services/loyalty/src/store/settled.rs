//! SQL of what is settled with partners. Both sides' books give the same lines, and the same digest over them.

use hansa_tenancy::TenantTx;
use hansa_vocab::LinkId;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Error;

/// A booking, or its reversal, in a month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettledRow {
    pub booking_id: Uuid,
    pub reversal: bool,
    pub kind: String,
    pub currency: String,
    pub discount: i64,
    pub funded: i64,
    pub points: i64,
    pub at: OffsetDateTime,
}

/// What a month comes to, for a kind and a currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TotalRow {
    pub kind: String,
    pub currency: String,
    pub booked: i64,
    pub reversed: i64,
    pub discount: i64,
    pub funded: i64,
    pub points: i64,
}

/// Whose month.
#[derive(Clone, Copy, Debug)]
pub struct Of {
    pub link: LinkId,
    pub from: OffsetDateTime,
    pub until: OffsetDateTime,
}

/// Writes down what is to be settled.
pub async fn insert(tx: &mut TenantTx, link: LinkId, row: &SettledRow) -> Result<(), Error> {
    sqlx::query!(
        "insert into settlement_entry (link_id, at, booking_id, reversal, kind, currency, discount, funded, points)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        link.0,
        row.at,
        row.booking_id,
        row.reversal,
        row.kind,
        row.currency,
        row.discount,
        row.funded,
        row.points,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Totals of a month, of what partners have booked of ours.
pub async fn totals(tx: &mut TenantTx, of: Of) -> Result<Vec<TotalRow>, Error> {
    Ok(sqlx::query_as!(
        TotalRow,
        r#"select kind, currency, count(*) filter (where not reversal) as "booked!", count(*) filter (where reversal) as "reversed!",
               sum(case when reversal then -discount else discount end)::bigint as "discount!",
               sum(case when reversal then -funded else funded end)::bigint as "funded!",
               sum(case when reversal then -points else points end)::bigint as "points!"
           from settlement_entry where link_id = $1 and at >= $2 and at < $3 group by kind, currency order by kind, currency"#,
        of.link.0,
        of.from,
        of.until,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Digest over the month, of what partners have booked of ours.
pub async fn digest(tx: &mut TenantTx, of: Of) -> Result<Vec<u8>, Error> {
    Ok(sqlx::query_scalar!(
        r#"select sha256(convert_to(coalesce(string_agg(concat_ws(' ', booking_id, reversal::int, kind, currency, discount, funded, points),
               E'\n' order by booking_id, reversal), ''), 'UTF8')) as "digest!"
           from settlement_entry where link_id = $1 and at >= $2 and at < $3"#,
        of.link.0,
        of.from,
        of.until,
    )
    .fetch_one(tx.conn())
    .await?)
}

/// A page of a month, by booking, of what partners have booked of ours.
pub async fn page(tx: &mut TenantTx, of: Of, after: Uuid, most: i64) -> Result<Vec<SettledRow>, Error> {
    Ok(sqlx::query_as!(
        SettledRow,
        "select booking_id, reversal, kind, currency, discount, funded, points, at from settlement_entry
         where link_id = $1 and at >= $2 and at < $3 and booking_id > $4 order by booking_id, reversal limit $5",
        of.link.0,
        of.from,
        of.until,
        after,
        most,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Digest over the month, of what we have booked at the partner.
pub async fn digest_there(tx: &mut TenantTx, of: Of) -> Result<Vec<u8>, Error> {
    Ok(sqlx::query_scalar!(
        r#"select sha256(convert_to(coalesce(string_agg(concat_ws(' ', id, reversal::int, kind, currency, discount, funded, points),
               E'\n' order by id, reversal), ''), 'UTF8')) as "digest!"
           from (select id, false as reversal, kind, currency, discount, funded, points, confirmed_at as at
                 from partner_booking where link_id = $1
                 union all
                 select id, true, kind, currency, discount, funded, points, reversed_at from partner_booking where link_id = $1) as booked
           where at >= $2 and at < $3"#,
        of.link.0,
        of.from,
        of.until,
    )
    .fetch_one(tx.conn())
    .await?)
}

/// A page of a month, by booking, of what we have booked at the partner.
pub async fn page_there(tx: &mut TenantTx, of: Of, after: Uuid, most: i64) -> Result<Vec<SettledRow>, Error> {
    Ok(sqlx::query_as!(
        SettledRow,
        r#"select id as "booking_id!", reversal as "reversal!", kind as "kind!", currency as "currency!", discount as "discount!",
               funded as "funded!", points as "points!", at as "at!"
           from (select id, false as reversal, kind, currency, discount, funded, points, confirmed_at as at
                 from partner_booking where link_id = $1
                 union all
                 select id, true, kind, currency, discount, funded, points, reversed_at from partner_booking where link_id = $1) as booked
           where at >= $2 and at < $3 and id > $4 order by id, reversal limit $5"#,
        of.link.0,
        of.from,
        of.until,
        after,
        most,
    )
    .fetch_all(tx.conn())
    .await?)
}
