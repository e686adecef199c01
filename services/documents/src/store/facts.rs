//! SQL of fields by which people look for documents.

use hansa_tenancy::TenantTx;
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
        "select document_id, name, value from document_fact where document_id = any($1) order by document_id, name",
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
