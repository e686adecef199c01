//! SQL of accounts, invitations and sessions; nothing else.

use hansa_tenancy::TenantTx;
use hansa_vocab::{StaffId, TenantId};
use sqlx::PgPool;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Error;

/// How somebody comes in.
pub struct AccountRow {
    pub staff_id: Uuid,
    pub password: String,
    pub disabled: bool,
}

/// A link by which somebody may choose a name and a password.
pub struct InviteRow {
    pub staff_id: Uuid,
    pub hash: String,
    pub expires_at: OffsetDateTime,
    pub used: bool,
    pub disabled: bool,
}

/// A browser in which somebody is signed in.
pub struct SessionRow {
    pub id: String,
    pub label: String,
    pub created_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
}

/// Tenants that have an account of this name.
pub async fn tenants_of(pool: &PgPool, hash: &str) -> Result<Vec<TenantId>, Error> {
    let rows = sqlx::query_scalar!(
        "select tenant_id from hansa.login where hash = $1 order by tenant_id limit 8",
        hash
    )
    .fetch_all(pool)
    .await?;
    let read = |text: String| text.parse().map_err(|_| Error::Damaged("hansa.login"));
    rows.into_iter().map(read).collect()
}

pub async fn publish_login(pool: &PgPool, hash: &str, tenant: TenantId) -> Result<(), Error> {
    sqlx::query!(
        "insert into hansa.login (hash, tenant_id) values ($1, $2) on conflict do nothing",
        hash,
        tenant.as_str(),
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Somebody's way in, by its name.
pub async fn account(tx: &mut TenantTx, login: &str) -> Result<Option<AccountRow>, Error> {
    Ok(sqlx::query_as!(
        AccountRow,
        "select a.staff_id, a.password, s.disabled from account a join staff s on s.id = a.staff_id where a.login = $1",
        login,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Somebody's password.
pub async fn password_of(tx: &mut TenantTx, staff: StaffId) -> Result<Option<String>, Error> {
    Ok(
        sqlx::query_scalar!("select password from account where staff_id = $1 for update", staff.0)
            .fetch_optional(tx.conn())
            .await?,
    )
}

/// Their name and password from now on; false when somebody else has that name.
pub async fn put_account(tx: &mut TenantTx, staff: StaffId, login: &str, password: &str) -> Result<bool, Error> {
    let written = sqlx::query!(
        "insert into account (staff_id, login, password)
         values ($1, $2, $3) on conflict do nothing",
        staff.0,
        login,
        password,
    )
    .execute(tx.conn())
    .await?;
    Ok(written.rows_affected() == 1)
}

/// An invitation takes the place of all ways in before it.
pub async fn end_ways(tx: &mut TenantTx, staff: StaffId) -> Result<(), Error> {
    sqlx::query!("delete from account where staff_id = $1", staff.0)
        .execute(tx.conn())
        .await?;
    sqlx::query!("delete from account_subject where staff_id = $1", staff.0)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Who comes in as this from now on; false when a colleague does.
pub async fn put_subject(tx: &mut TenantTx, staff: StaffId, known_as: &str) -> Result<bool, Error> {
    let written = sqlx::query!(
        "insert into account_subject (staff_id, known_as) values ($1, $2) on conflict do nothing",
        staff.0,
        known_as,
    )
    .execute(tx.conn())
    .await?;
    Ok(written.rows_affected() == 1)
}

/// The name that somebody signs in with.
pub async fn login(tx: &mut TenantTx, staff: StaffId) -> Result<Option<String>, Error> {
    Ok(
        sqlx::query_scalar!("select login from account where staff_id = $1", staff.0)
            .fetch_optional(tx.conn())
            .await?,
    )
}

/// Who comes in as that, if they still work here.
pub async fn staff_of(tx: &mut TenantTx, known_as: &str) -> Result<Option<Uuid>, Error> {
    Ok(sqlx::query_scalar!(
        "select a.staff_id from account_subject a join staff s on s.id = a.staff_id
         where a.known_as = $1 and not s.disabled",
        known_as,
    )
    .fetch_optional(tx.conn())
    .await?)
}

pub async fn put_password(tx: &mut TenantTx, staff: StaffId, password: &str) -> Result<(), Error> {
    sqlx::query!(
        "update account set password = $2, changed_at = clock_timestamp() where staff_id = $1",
        staff.0,
        password,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A new link; those before it open nothing any more.
pub async fn insert_invite(
    tx: &mut TenantTx,
    (id, hash): (&str, &str),
    staff: StaffId,
    expires_at: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!("delete from account_invite where staff_id = $1", staff.0)
        .execute(tx.conn())
        .await?;
    sqlx::query!(
        "insert into account_invite (id, staff_id, hash, expires_at) values ($1, $2, $3, $4)",
        id,
        staff.0,
        hash,
        expires_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A link, locked: it is used once.
pub async fn invite(tx: &mut TenantTx, id: &str) -> Result<Option<InviteRow>, Error> {
    Ok(sqlx::query_as!(
        InviteRow,
        r#"select i.staff_id, i.hash, i.expires_at, i.used_at is not null as "used!", s.disabled
           from account_invite i join staff s on s.id = i.staff_id where i.id = $1 for update of i"#,
        id,
    )
    .fetch_optional(tx.conn())
    .await?)
}

pub async fn use_invite(tx: &mut TenantTx, id: &str) -> Result<(), Error> {
    sqlx::query!(
        "update account_invite set used_at = clock_timestamp() where id = $1",
        id
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A new session. Those of the same person that ended long ago go.
pub async fn insert_session(
    tx: &mut TenantTx,
    (id, hash): (&str, &str),
    staff: StaffId,
    (label, now, expires_at): (&str, OffsetDateTime, OffsetDateTime),
) -> Result<(), Error> {
    sqlx::query!(
        "delete from api_key where staff_id = $1 and session and expires_at < $2::timestamptz - interval '30 days'",
        staff.0,
        now,
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!(
        "insert into api_key (id, staff_id, label, hash, expires_at, session) values ($1, $2, $3, $4, $5, true)",
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

/// Where somebody is signed in, newest first.
pub async fn sessions(tx: &mut TenantTx, staff: StaffId, now: OffsetDateTime) -> Result<Vec<SessionRow>, Error> {
    Ok(sqlx::query_as!(
        SessionRow,
        "select id, label, created_at, expires_at from api_key
         where staff_id = $1 and session and revoked_at is null and expires_at > $2 order by created_at desc, id limit 100",
        staff.0,
        now,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Ends a session of somebody's, or all of them but one; how many.
pub async fn end_sessions(tx: &mut TenantTx, staff: StaffId, only: Option<&str>, but: &str) -> Result<u64, Error> {
    let ended = sqlx::query!(
        "update api_key set revoked_at = clock_timestamp()
         where staff_id = $1 and session and revoked_at is null and ($2::varchar is null or id = $2) and id <> $3",
        staff.0,
        only,
        but,
    )
    .execute(tx.conn())
    .await?;
    Ok(ended.rows_affected())
}
