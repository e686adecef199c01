//! SQL of the audit's checkpoints.

use hansa_tenancy::TenantTx;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Error, model::Section};

/// A checkpoint's row.
pub struct CheckpointRow {
    pub number: i64,
    pub place: String,
    pub body: Vec<u8>,
}

/// An audit line.
pub struct LineRow {
    pub id: Uuid,
    pub at: OffsetDateTime,
    pub actor: String,
    pub action: String,
    pub resource: String,
    pub rule: String,
}

pub async fn newest(tx: &mut TenantTx) -> Result<Option<CheckpointRow>, Error> {
    Ok(sqlx::query_as!(
        CheckpointRow,
        r#"select number, place::text as "place!", body from checkpoint order by number desc limit 1"#,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Checkpoints from this number on, in order.
pub async fn from(tx: &mut TenantTx, number: i64, limit: i64) -> Result<Vec<CheckpointRow>, Error> {
    Ok(sqlx::query_as!(
        CheckpointRow,
        r#"select number, place::text as "place!", body from checkpoint where number >= $1 order by number limit $2"#,
        number,
        limit,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Which transactions are in by now.
pub async fn place(tx: &mut TenantTx) -> Result<String, Error> {
    Ok(sqlx::query_scalar!(r#"select pg_current_snapshot()::text as "place!""#)
        .fetch_one(tx.conn())
        .await?)
}

/// Keeps a checkpoint, unless another process was faster.
pub async fn keep(tx: &mut TenantTx, number: i64, place: &str, body: &[u8]) -> Result<(), Error> {
    sqlx::query!(
        "insert into checkpoint (number, place, body) values ($1, $2::text::pg_snapshot, $3) on conflict do nothing",
        number,
        place,
        body,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn audit_section(tx: &mut TenantTx, from: &str, to: &str) -> Result<Section, Error> {
    let row = sqlx::query!(
        r#"select count(*) as "lines!", coalesce(sha256(string_agg(sha256(convert_to(
                jsonb_build_array(id, xid::text, (extract(epoch from at) * 1000000)::bigint, actor, action, resource, rule)::text,
                'UTF8')), ''::bytea order by id)), '') as "root!"
           from audit
           where xid >= pg_snapshot_xmin($1::text::pg_snapshot) and xid < pg_snapshot_xmax($2::text::pg_snapshot)
               and not pg_visible_in_snapshot(xid, $1::text::pg_snapshot) and pg_visible_in_snapshot(xid, $2::text::pg_snapshot)"#,
        from,
        to,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(Section {
        lines: u64::try_from(row.lines).unwrap_or(0),
        root: if row.lines == 0 { Vec::new() } else { row.root },
    })
}

/// Lines before this one, newest first.
pub async fn lines(tx: &mut TenantTx, before: Option<Uuid>, limit: i64) -> Result<Vec<LineRow>, Error> {
    Ok(sqlx::query_as!(
        LineRow,
        "select id, at, actor, action, resource, rule from audit where $1::uuid is null or id < $1 order by id desc limit $2",
        before,
        limit,
    )
    .fetch_all(tx.conn())
    .await?)
}
