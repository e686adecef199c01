//! SQL of what has come of acts, nothing else.

use hansa_tenancy::TenantTx;
use hansa_vault::Seal;
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

/// As it lies in the database.
struct Row {
    document_id: Uuid,
    act_id: Uuid,
    effect: String,
    done: bool,
    said: Vec<u8>,
    for_role: String,
    at: OffsetDateTime,
}

impl Row {
    fn open(self, seal: &Seal) -> Result<DeedRow, Error> {
        let clear = seal.open(&place(self.document_id, self.act_id, &self.effect), &self.said)?;
        Ok(DeedRow {
            said: String::from_utf8(clear.to_vec()).map_err(|_| Error::Damaged("app_deed"))?,
            document_id: self.document_id,
            act_id: self.act_id,
            effect: self.effect,
            done: self.done,
            for_role: self.for_role,
            at: self.at,
        })
    }
}

fn place(document: Uuid, act: Uuid, effect: &str) -> Vec<u8> {
    [
        b"app-deed\0",
        &document.as_bytes()[..],
        act.as_bytes(),
        effect.as_bytes(),
    ]
    .concat()
}

/// Keeps it, at the next place of its act.
pub async fn keep(seal: &Seal, tx: &mut TenantTx, row: &DeedRow) -> Result<(), Error> {
    sqlx::query!(
        "insert into app_deed (document_id, act_id, place, effect, done, said, for_role, at)
         select $1, $2, count(*)::int, $3, $4, $5, $6, $7 from app_deed where document_id = $1 and act_id = $2",
        row.document_id,
        row.act_id,
        row.effect,
        row.done,
        seal.close(&place(row.document_id, row.act_id, &row.effect), row.said.as_bytes())?,
        row.for_role,
        row.at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What has come of a document's acts, oldest first.
pub async fn of_document(seal: &Seal, tx: &mut TenantTx, document: Uuid) -> Result<Vec<DeedRow>, Error> {
    let rows = sqlx::query_as!(
        Row,
        "select document_id, act_id, effect, done, said, for_role, at from app_deed
         where document_id = $1 order by at, act_id, place limit 1000",
        document,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter().map(|row| row.open(seal)).collect()
}

/// Notices since then for people of these roles, newest first.
pub async fn notices(
    seal: &Seal,
    tx: &mut TenantTx,
    roles: &[String],
    since: OffsetDateTime,
    limit: i64,
) -> Result<Vec<DeedRow>, Error> {
    let rows = sqlx::query_as!(
        Row,
        "select document_id, act_id, effect, done, said, for_role, at from app_deed
         where effect in ('notify', 'remind') and done and at >= $2 and (for_role = '' or for_role = any($1))
         order by at desc limit $3",
        roles,
        since,
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter().map(|row| row.open(seal)).collect()
}

/// What has come of these documents goes, but for what was paid: that is in our own books.
pub async fn forget(tx: &mut TenantTx, documents: &[Uuid]) -> Result<(), Error> {
    sqlx::query!(
        "delete from app_deed where document_id = any($1) and effect <> 'record_payment'",
        documents
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
