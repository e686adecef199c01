//! SQL of staff, keys and the audit; nothing else.

pub mod accounts;
pub mod chain;
pub mod changes;

use hansa_tenancy::TenantTx;
use hansa_vocab::{StaffId, TenantId};
use sqlx::PgPool;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Error;

/// A staff row.
pub struct StaffRow {
    pub id: Uuid,
    pub name: String,
    pub roles: String,
    pub units: String,
    pub disabled: bool,
}

/// An API key's row, without its hash.
pub struct KeyRow {
    pub id: String,
    pub staff_id: Uuid,
    pub label: String,
    pub created_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
    pub revoked: bool,
}

/// All that decides about a credential.
pub struct Credential {
    pub hash: String,
    /// Of a browser.
    pub session: bool,
    pub expires_at: OffsetDateTime,
    pub revoked: bool,
    pub disabled: bool,
    pub staff_id: Uuid,
    pub staff_name: String,
    pub roles: String,
}

/// Writes who did what, in the transaction that does it.
///
/// # Errors
///
/// What the database says; then the change must not be committed either.
pub async fn audit(
    tx: &mut TenantTx,
    id: Uuid,
    actor: &str,
    action: &str,
    resource: &str,
    rule: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into audit (id, actor, action, resource, rule) values ($1, $2, $3, left($4, 120), $5)",
        id,
        actor,
        action,
        resource,
        rule,
    )
    .execute(tx.conn())
    .await?;
    // The line is to be signed soon.
    tx.wake();
    Ok(())
}

pub async fn insert_staff(
    tx: &mut TenantTx,
    id: StaffId,
    (name, roles, units): (&str, &str, &str),
) -> Result<(), Error> {
    sqlx::query!(
        "insert into staff (id, name, roles, units) values ($1, $2, $3, $4)",
        id.0,
        name,
        roles,
        units,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn list_staff(tx: &mut TenantTx) -> Result<Vec<StaffRow>, Error> {
    Ok(sqlx::query_as!(
        StaffRow,
        "select id, name, roles, units, disabled from staff order by id limit 10000"
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Who is not disabled, by name.
pub async fn list_names(tx: &mut TenantTx) -> Result<Vec<(StaffId, String)>, Error> {
    let rows = sqlx::query!("select id, name from staff where not disabled order by name, id limit 10000")
        .fetch_all(tx.conn())
        .await?;
    Ok(rows.into_iter().map(|row| (StaffId(row.id), row.name)).collect())
}

pub async fn find_staff(tx: &mut TenantTx, id: StaffId) -> Result<StaffRow, Error> {
    sqlx::query_as!(
        StaffRow,
        "select id, name, roles, units, disabled from staff where id = $1 for update",
        id.0
    )
    .fetch_optional(tx.conn())
    .await?
    .ok_or(Error::NoSuchStaff)
}

/// They work there from now on.
pub async fn move_staff(tx: &mut TenantTx, id: StaffId, units: &str) -> Result<(), Error> {
    sqlx::query!("update staff set units = $2 where id = $1", id.0, units)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Where somebody works.
pub async fn units(tx: &mut TenantTx, id: StaffId) -> Result<Option<String>, Error> {
    Ok(sqlx::query_scalar!("select units from staff where id = $1", id.0)
        .fetch_optional(tx.conn())
        .await?)
}

pub async fn disable_staff(tx: &mut TenantTx, id: StaffId) -> Result<(), Error> {
    sqlx::query!("update staff set disabled = true where id = $1", id.0)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Owners who are not disabled, locked until the end of the transaction.
pub async fn lock_owners(tx: &mut TenantTx) -> Result<Vec<Uuid>, Error> {
    Ok(sqlx::query_scalar!(
        "select id from staff where not disabled and 'owner' = any(string_to_array(roles, ' ')) order by id for update"
    )
    .fetch_all(tx.conn())
    .await?)
}

pub async fn live_keys(tx: &mut TenantTx, staff: StaffId, now: OffsetDateTime) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!" from api_key where staff_id = $1 and not session and revoked_at is null and expires_at > $2"#,
        staff.0,
        now,
    )
    .fetch_one(tx.conn())
    .await?)
}

pub async fn insert_key(
    tx: &mut TenantTx,
    id: &str,
    staff: StaffId,
    label: &str,
    hash: &str,
    expires_at: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into api_key (id, staff_id, label, hash, expires_at) values ($1, $2, $3, $4, $5)",
        id,
        staff.0,
        label,
        hash,
        expires_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn list_keys(tx: &mut TenantTx, staff: StaffId) -> Result<Vec<KeyRow>, Error> {
    Ok(sqlx::query_as!(
        KeyRow,
        r#"select id, staff_id, label, created_at, expires_at, revoked_at is not null as "revoked!"
           from api_key where staff_id = $1 and not session order by created_at, id limit 1000"#,
        staff.0,
    )
    .fetch_all(tx.conn())
    .await?)
}

pub async fn revoke_key(tx: &mut TenantTx, id: &str) -> Result<KeyRow, Error> {
    sqlx::query_as!(
        KeyRow,
        r#"update api_key set revoked_at = coalesce(revoked_at, clock_timestamp()) where id = $1
           returning id, staff_id, label, created_at, expires_at, true as "revoked!""#,
        id,
    )
    .fetch_optional(tx.conn())
    .await?
    .ok_or(Error::NoSuchKey)
}

pub async fn credential(tx: &mut TenantTx, id: &str) -> Result<Option<Credential>, Error> {
    Ok(sqlx::query_as!(
        Credential,
        r#"select k.hash, k.session, k.expires_at, k.revoked_at is not null as "revoked!", s.disabled, s.id as staff_id,
               s.name as staff_name, s.roles
           from api_key k join staff s on s.id = k.staff_id where k.id = $1"#,
        id,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Those of these keys that still open something.
pub async fn living(tx: &mut TenantTx, ids: &[String], now: OffsetDateTime) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar!(
        "select k.id from api_key k join staff s on s.id = k.staff_id
         where k.id = any($1) and k.revoked_at is null and k.expires_at > $2 and not s.disabled order by k.id",
        ids,
        now,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Which tenant a key belongs to.
pub async fn tenant_of(pool: &PgPool, id: &str) -> Result<Option<TenantId>, Error> {
    let found = sqlx::query_scalar!("select tenant_id from hansa.credential where id = $1", id)
        .fetch_optional(pool)
        .await?;
    found
        .map(|text| text.parse().map_err(|_| Error::Damaged("hansa.credential")))
        .transpose()
}

pub async fn publish(pool: &PgPool, id: &str, tenant: TenantId) -> Result<(), Error> {
    sqlx::query!(
        "insert into hansa.credential (id, tenant_id) values ($1, $2) on conflict do nothing",
        id,
        tenant.as_str(),
    )
    .execute(pool)
    .await?;
    Ok(())
}
