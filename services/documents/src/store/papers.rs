//! SQL of papers: which document one is about.

use hansa_tenancy::TenantTx;
use uuid::Uuid;

use crate::Error;

/// The field under which it is kept what papers call a document; no kind can have one of that name.
pub const CALLED: &str = "#called";

/// The field under which it is kept what shows why there is a document.
pub const EVIDENCE: &str = "#evidence";

/// Documents of these kinds that papers call by that number, with a partner; two at most, since one alone is meant.
pub async fn called(tx: &mut TenantTx, kinds: &[String], number: &str, link: Option<Uuid>) -> Result<Vec<Uuid>, Error> {
    Ok(sqlx::query_scalar!(
        "select d.id from document_fact f join document d on d.id = f.document_id
         where f.name = $4 and f.value = $2 and d.kind = any($1)
           and ($3::uuid is null or exists (select from document_party p where p.document_id = d.id and p.link_id = $3))
         order by d.id desc limit 2",
        kinds,
        number,
        link,
        CALLED,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Documents for which this one is the evidence.
pub async fn shown_by(tx: &mut TenantTx, document: Uuid) -> Result<Vec<Uuid>, Error> {
    Ok(sqlx::query_scalar!(
        "select document_id from document_fact where name = $1 and value = $2 order by document_id",
        EVIDENCE,
        document.to_string(),
    )
    .fetch_all(tx.conn())
    .await?)
}

/// The version on which an act of ours was built.
pub async fn base_of(tx: &mut TenantTx, document: Uuid, act: Uuid) -> Result<Option<i64>, Error> {
    Ok(sqlx::query_scalar!(
        "select base from document_act where document_id = $1 and id = $2",
        document,
        act
    )
    .fetch_optional(tx.conn())
    .await?)
}
