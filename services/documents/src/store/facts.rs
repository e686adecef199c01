//! SQL of fields by which people look for documents.

use hansa_tenancy::TenantTx;
use time::Date;
use uuid::Uuid;

use crate::Error;

/// Keeps what these fields say now; none = nothing any more.
pub(super) async fn put(tx: &mut TenantTx, document: Uuid, facts: &[(String, Option<String>)]) -> Result<(), Error> {
    if facts.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = facts.iter().map(|(name, _)| name.clone()).collect();
    let values: Vec<_> = facts.iter().map(|(_, value)| value.clone()).collect();
    sqlx::query!(
        "with gone as (
             delete from document_fact f using unnest($2::varchar[], $3::varchar[]) as u (name, value)
             where f.document_id = $1 and f.name = u.name and u.value is null
         )
         insert into document_fact (document_id, name, value)
         select $1, u.name, u.value from unnest($2::varchar[], $3::varchar[]) as u (name, value) where u.value is not null
         on conflict (document_id, name) do update set value = excluded.value",
        document,
        &names,
        &values as &[Option<String>],
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What these documents say: (document, name, value).
pub async fn facts(tx: &mut TenantTx, documents: &[Uuid]) -> Result<Vec<(Uuid, String, String)>, Error> {
    let rows = sqlx::query!(
        "select document_id, name, value from document_fact where document_id = any($1) and not starts_with(name, '#')
         order by document_id, name",
        documents,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.document_id, row.name, row.value))
        .collect())
}

/// How many documents say the same in a field, state by state.
#[derive(Clone, Debug)]
pub struct BoardRow {
    /// What the field says; empty = nothing.
    pub value: String,
    pub state: String,
    pub documents: i64,
    pub overdue: i64,
}

/// A kind's documents by what a field says and by state.
pub async fn board(tx: &mut TenantTx, kind: &str, by: &str, limit: i64) -> Result<Vec<BoardRow>, Error> {
    Ok(sqlx::query_as!(
        BoardRow,
        r#"select coalesce(f.value, '') as "value!", d.state, count(*) as "documents!",
               count(*) filter (where d.overdue) as "overdue!"
           from document d left join document_fact f on f.document_id = d.id and f.name = $2
           where d.kind = $1 group by 1, 2 order by 1, 2 limit $3"#,
        kind,
        by,
        limit,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// How many documents of a kind, in one of these states, say what in a field, or are in which state; or what the numbers in another
/// field come to. The most first.
pub async fn counts(
    tx: &mut TenantTx,
    (kind, states): (&str, &[String]),
    (field, sum): (Option<&str>, Option<&str>),
    limit: i64,
) -> Result<Vec<(String, String)>, Error> {
    let rows = sqlx::query!(
        r#"select case when $3::varchar is null then d.state else coalesce(f.value, '') end as "value!",
               trim_scale(case when $4::varchar is null then count(*)::numeric else coalesce(sum(s.value::numeric), 0) end)::text as "many!"
           from document d left join document_fact f on f.document_id = d.id and f.name = $3
           left join document_fact s on s.document_id = d.id and s.name = $4 and s.value ~ '^-?[0-9]{1,15}([.][0-9]{1,9})?$'
           where d.kind = $1 and (cardinality($2::varchar[]) = 0 or d.state = any($2))
           group by 1
           order by case when $4::varchar is null then count(*)::numeric else coalesce(sum(s.value::numeric), 0) end desc, 1 limit $5"#,
        kind,
        states,
        field,
        sum,
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (row.value, row.many)).collect())
}

/// How many of them came into their state in each day, week or month (UTC), the newest first.
pub async fn counts_over(
    tx: &mut TenantTx,
    (kind, states): (&str, &[String]),
    unit: &str,
    limit: i64,
) -> Result<Vec<(Date, i64)>, Error> {
    let rows = sqlx::query!(
        r#"select date_trunc($3, since at time zone 'UTC')::date as "from!", count(*) as "documents!"
           from document where kind = $1 and (cardinality($2::varchar[]) = 0 or state = any($2))
           group by 1 order by 1 desc limit $4"#,
        kind,
        states,
        unit,
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (row.from, row.documents)).collect())
}
