//! SQL of what is kept no longer, nothing else.

use hansa_tenancy::TenantTx;
use hansa_vocab::LinkId;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Error, ops::Erasure};

/// Documents that are to be erased by now.
pub async fn erasable(
    tx: &mut TenantTx,
    which: &Erasure<'_>,
    ends: &[(i32, String)],
    limit: i64,
) -> Result<Vec<Uuid>, Error> {
    let (versions, states): (Vec<_>, Vec<_>) = ends.iter().cloned().unzip();
    let in_use: Vec<_> = which.in_use.iter().map(|link| link.0).collect();
    Ok(sqlx::query_scalar!(
        "select id from document d
         where kind = $1 and our_role = $2 and erased_at is null and since <= $3
           and ($4 or (kind_version, state) in (select u.version, u.state from unnest($5::int[], $6::varchar[]) as u (version, state)))
           and exists (select from document_party where document_id = d.id and link_id = $7)
           and not exists (select from document_party where document_id = d.id and link_id = any($8::uuid[]))
         order by id limit $9",
        which.kind,
        which.role,
        which.before,
        which.unfinished,
        &versions,
        &states,
        which.link.0,
        &in_use,
        limit,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Is there any of these that is not erased, whenever that may be.
pub async fn unerased(tx: &mut TenantTx, which: &Erasure<'_>) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select from document d where kind = $1 and our_role = $2 and erased_at is null
               and exists (select from document_party where document_id = d.id and link_id = $3)) as "left!""#,
        which.kind,
        which.role,
        which.link.0,
    )
    .fetch_one(tx.conn())
    .await?)
}

/// The links of these documents: (document, link).
pub async fn links_of(tx: &mut TenantTx, documents: &[Uuid]) -> Result<Vec<(Uuid, LinkId)>, Error> {
    let rows = sqlx::query!(
        r#"select document_id, link_id as "link_id!" from document_party
           where document_id = any($1) and link_id is not null"#,
        documents,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.document_id, LinkId(row.link_id)))
        .collect())
}

/// Erases what a document says; the files (hex of their hashes) that no other one names.
pub async fn erase(tx: &mut TenantTx, document: Uuid, now: OffsetDateTime) -> Result<Vec<String>, Error> {
    sqlx::query!("delete from document_text where document_id = $1", document)
        .execute(tx.conn())
        .await?;
    sqlx::query!("delete from document_fact where document_id = $1", document)
        .execute(tx.conn())
        .await?;
    sqlx::query!(
        "update document_act set body = '',
             reason = case when state in ('held', 'sent', 'open') then 'ERASED' else reason end,
             state = case when state in ('held', 'sent', 'open') then 'refused' else state end
         where document_id = $1",
        document
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!(
        "update document set erased_at = $2, wake_at = null where id = $1",
        document,
        now,
    )
    .execute(tx.conn())
    .await?;
    let named = sqlx::query_scalar!(
        "delete from document_file where document_id = $1 returning hash",
        document
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(sqlx::query_scalar!(
        r#"select distinct hash as "hash!" from unnest($1::varchar[]) as u (hash)
           where not exists (select from document_file f where f.hash = u.hash)"#,
        &named,
    )
    .fetch_all(tx.conn())
    .await?)
}
