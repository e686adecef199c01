//! SQL of agreed prices, nothing else.

use hansa_tenancy::TenantTx;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::Error;

/// A version of an agreement.
#[derive(Clone, Debug)]
pub struct AgreementRow {
    pub document_id: Uuid,
    pub version: i64,
    pub number: String,
    pub link_id: Uuid,
    pub our_role: String,
    pub currency: String,
    pub valid_from: Date,
    /// None = no last day.
    pub valid_until: Option<Date>,
    pub incoterm: String,
    /// Minor units.
    pub blanket: Option<i64>,
    pub agreed_at: OffsetDateTime,
    pub lines: i64,
    /// What orders draw by now, of all versions.
    pub drawn: i64,
}

/// A line of one.
#[derive(Clone, Debug, Default)]
pub struct LineRow {
    pub document_id: Uuid,
    pub version: i64,
    pub sku: String,
    pub gtin: String,
    pub category: String,
    /// Encoded.
    pub body: Vec<u8>,
}

/// An order beside what was agreed.
#[derive(Debug)]
pub struct PricedRow {
    pub document_id: Uuid,
    pub number: String,
    pub link_id: Uuid,
    pub on_day: Date,
    pub findings: String,
    pub waits: bool,
    pub since: OffsetDateTime,
}

/// Writes a version down, before its lines; false when it is there.
pub async fn insert_agreement(tx: &mut TenantTx, row: &AgreementRow) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "insert into price_agreement (document_id, version, number, link_id, our_role, currency, valid_from, valid_until, incoterm,
             blanket, agreed_at, lines)
         values ($1, $2, $3, $4, $5, $6, $7, coalesce($8::date, 'infinity'), $9, $10, $11, $12) on conflict do nothing",
        row.document_id,
        row.version,
        row.number,
        row.link_id,
        row.our_role,
        row.currency,
        row.valid_from,
        row.valid_until,
        row.incoterm,
        row.blanket,
        row.agreed_at,
        row.lines,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Lines of a version, the first of which comes to this place.
pub async fn insert_lines(
    tx: &mut TenantTx,
    (document, version): (Uuid, i64),
    first: i32,
    lines: &[LineRow],
) -> Result<(), sqlx::Error> {
    let column = |of: fn(&LineRow) -> &String| lines.iter().map(|line| of(line).clone()).collect::<Vec<_>>();
    let bodies: Vec<_> = lines.iter().map(|line| line.body.clone()).collect();
    sqlx::query!(
        "insert into price_line (document_id, version, place, sku, gtin, category, body)
         select $1, $2, $3 + place::integer - 1, sku, gtin, category, body
         from unnest($4::varchar[], $5::varchar[], $6::varchar[], $7::bytea[]) with ordinality as u (sku, gtin, category, body, place)",
        document,
        version,
        first,
        &column(|line| &line.sku),
        &column(|line| &line.gtin),
        &column(|line| &line.category),
        &bodies,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// No version of it holds after that day.
pub async fn end(tx: &mut TenantTx, document: Uuid, on: Date) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update price_agreement set valid_until = least(valid_until, $2) where document_id = $1",
        document,
        on,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What holds on a day with a partner: of each agreement the newest version that covers it, the one that began last first.
pub async fn in_force(
    tx: &mut TenantTx,
    (link, our_role): (Uuid, &str),
    day: Date,
) -> Result<Vec<AgreementRow>, sqlx::Error> {
    sqlx::query_as!(
        AgreementRow,
        r#"select document_id, version, number, link_id, our_role, currency, valid_from,
               nullif(valid_until, 'infinity') as valid_until, incoterm, blanket, agreed_at, lines, 0::bigint as "drawn!"
           from price_agreement a
           where link_id = $1 and our_role = $2 and $3 between valid_from and valid_until
             and not exists (select from price_agreement n where n.document_id = a.document_id and n.version > a.version
                 and $3 between n.valid_from and n.valid_until)
           order by valid_from desc, document_id desc limit 100"#,
        link,
        our_role,
        day,
    )
    .fetch_all(tx.conn())
    .await
}

/// Lines of these versions that name one of these articles or categories.
pub async fn lines_for(
    tx: &mut TenantTx,
    agreements: &[AgreementRow],
    (skus, gtins, categories): (&[String], &[String], &[String]),
) -> Result<Vec<LineRow>, sqlx::Error> {
    let ids: Vec<_> = agreements.iter().map(|row| row.document_id).collect();
    let versions: Vec<_> = agreements.iter().map(|row| row.version).collect();
    sqlx::query_as!(
        LineRow,
        "select l.document_id, l.version, l.sku, l.gtin, l.category, l.body
         from price_line l join unnest($1::uuid[], $2::bigint[]) as u (document_id, version)
             on u.document_id = l.document_id and u.version = l.version
         where (l.sku <> '' and l.sku = any($3)) or (l.gtin <> '' and l.gtin = any($4)) or (l.category <> '' and l.category = any($5))",
        &ids,
        &versions,
        skus,
        gtins,
        categories,
    )
    .fetch_all(tx.conn())
    .await
}

/// Lines of a version after a place: place and encoded line.
pub async fn lines_of(
    tx: &mut TenantTx,
    (document, version): (Uuid, i64),
    after: i32,
    limit: i64,
) -> Result<Vec<(i32, Vec<u8>)>, Error> {
    let rows = sqlx::query!(
        "select place, body from price_line where document_id = $1 and version = $2 and place > $3 order by place limit $4",
        document,
        version,
        after,
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (row.place, row.body)).collect())
}

/// All versions, those of one link when it is named, the newest agreement first.
pub async fn agreements(tx: &mut TenantTx, link: Option<Uuid>) -> Result<Vec<AgreementRow>, Error> {
    Ok(sqlx::query_as!(
        AgreementRow,
        r#"select a.document_id, a.version, a.number, a.link_id, a.our_role, a.currency, a.valid_from,
               nullif(a.valid_until, 'infinity') as valid_until, a.incoterm, a.blanket, a.agreed_at, a.lines,
               (select least(coalesce(sum(amount), 0), 9223372036854775807) from price_draw d where d.agreement_id = a.document_id)::bigint as "drawn!"
           from price_agreement a where $1::uuid is null or a.link_id = $1
           order by a.document_id desc, a.version desc limit 1000"#,
        link,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// What orders may come to by an agreement, as its newest version says; none = any amount.
pub async fn blanket(tx: &mut TenantTx, document: Uuid) -> Result<Option<i64>, sqlx::Error> {
    let found = sqlx::query_scalar!(
        "select blanket from price_agreement where document_id = $1 order by version desc limit 1",
        document
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(found.flatten())
}

/// The row lock of an agreement: whoever draws on it waits for others who do. It is that of the first version, which stays the same
/// while later ones come.
pub async fn lock_agreement(tx: &mut TenantTx, document: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query_scalar!(
        "select version from price_agreement where document_id = $1 order by version limit 1 for update",
        document,
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(())
}

/// What an order drew of each agreement until now.
pub async fn draws_of(tx: &mut TenantTx, order: Uuid) -> Result<Vec<(Uuid, i64)>, sqlx::Error> {
    let rows = sqlx::query!("select agreement_id, amount from price_draw where order_id = $1", order)
        .fetch_all(tx.conn())
        .await?;
    Ok(rows.into_iter().map(|row| (row.agreement_id, row.amount)).collect())
}

/// What other orders draw of an agreement.
pub async fn drawn_by_others(tx: &mut TenantTx, agreement: Uuid, order: Uuid) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select least(coalesce(sum(amount), 0), 9223372036854775807)::bigint as "drawn!" from price_draw where agreement_id = $1 and order_id <> $2"#,
        agreement,
        order,
    )
    .fetch_one(tx.conn())
    .await
}

pub async fn draw(tx: &mut TenantTx, agreement: Uuid, order: Uuid, amount: i64) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into price_draw (agreement_id, order_id, amount) values ($1, $2, $3)
         on conflict (agreement_id, order_id) do update set amount = excluded.amount",
        agreement,
        order,
        amount,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn put_priced(tx: &mut TenantTx, row: &PricedRow) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into priced_order (document_id, number, link_id, on_day, findings, waits, since)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (document_id) do update set on_day = excluded.on_day, findings = excluded.findings, waits = excluded.waits",
        row.document_id,
        row.number,
        row.link_id,
        row.on_day,
        row.findings,
        row.waits,
        row.since,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Orders that are not as was agreed, and wait for somebody, the longest first.
pub async fn price_exceptions(tx: &mut TenantTx) -> Result<Vec<PricedRow>, Error> {
    Ok(sqlx::query_as!(
        PricedRow,
        "select document_id, number, link_id, on_day, findings, waits, since from priced_order
         where waits and findings <> '' order by since, document_id limit 1000",
    )
    .fetch_all(tx.conn())
    .await?)
}
