//! SQL of what has come of acts, nothing else.

use hansa_tenancy::TenantTx;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Error;

/// What has come of an act.
#[derive(Clone, Debug)]
pub struct DeedRow {
    pub document_id: Uuid,
    pub act_id: Uuid,
    pub effect: String,
    pub done: bool,
    pub said: String,
    pub for_role: String,
    pub at: OffsetDateTime,
}

/// Keeps it, at the next place of its act.
pub async fn keep(tx: &mut TenantTx, row: &DeedRow) -> Result<(), Error> {
    sqlx::query!(
        "insert into app_deed (document_id, act_id, place, effect, done, said, for_role, at)
         select $1, $2, count(*)::int, $3, $4, $5, $6, $7 from app_deed where document_id = $1 and act_id = $2",
        row.document_id,
        row.act_id,
        row.effect,
        row.done,
        row.said,
        row.for_role,
        row.at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What has come of a document's acts, oldest first.
pub async fn of_document(tx: &mut TenantTx, document: Uuid) -> Result<Vec<DeedRow>, Error> {
    Ok(sqlx::query_as!(
        DeedRow,
        "select document_id, act_id, effect, done, said, for_role, at from app_deed
         where document_id = $1 order by at, act_id, place limit 1000",
        document,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Notices since then for people of these roles, newest first.
pub async fn notices(
    tx: &mut TenantTx,
    roles: &[String],
    since: OffsetDateTime,
    limit: i64,
) -> Result<Vec<DeedRow>, Error> {
    Ok(sqlx::query_as!(
        DeedRow,
        "select document_id, act_id, effect, done, said, for_role, at from app_deed
         where effect in ('notify', 'remind') and done and at >= $2 and (for_role = '' or for_role = any($1))
         order by at desc limit $3",
        roles,
        since,
        limit,
    )
    .fetch_all(tx.conn())
    .await?)
}
