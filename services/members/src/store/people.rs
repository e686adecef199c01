//! SQL of pools and of who is in them.

use hansa_tenancy::TenantTx;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Error;

/// A pool.
#[derive(Clone, Debug)]
pub struct PoolRow {
    pub id: Uuid,
    pub code: String,
    pub name: String,
    pub fields: String,
    pub link_id: Option<Uuid>,
    pub partner_pool: Option<String>,
    pub purpose: Option<String>,
}

/// Makes a pool or changes it; `None` when the code is that of a partner's.
pub async fn put_pool(tx: &mut TenantTx, pool: &PoolRow) -> Result<Option<Uuid>, Error> {
    Ok(sqlx::query_scalar!(
        "insert into pool (id, code, name, fields, link_id, partner_pool, purpose) values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (code) do update set name = excluded.name, fields = excluded.fields
         where pool.link_id is not distinct from excluded.link_id
         returning id",
        pool.id,
        pool.code,
        pool.name,
        pool.fields,
        pool.link_id,
        pool.partner_pool,
        pool.purpose,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// A pool of this code.
pub async fn pool(tx: &mut TenantTx, code: &str) -> Result<Option<PoolRow>, Error> {
    Ok(sqlx::query_as!(
        PoolRow,
        "select id, code, name, fields, link_id, partner_pool, purpose from pool where code = $1",
        code,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// The pool of this id.
pub async fn pool_of(tx: &mut TenantTx, id: Uuid) -> Result<Option<PoolRow>, Error> {
    Ok(sqlx::query_as!(
        PoolRow,
        "select id, code, name, fields, link_id, partner_pool, purpose from pool where id = $1",
        id,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// All pools by code, with the members of each.
pub async fn pools(tx: &mut TenantTx) -> Result<Vec<(PoolRow, i64)>, Error> {
    let rows = sqlx::query!(
        r#"select id, code, name, fields, link_id, partner_pool, purpose,
               (select count(*) from member m where m.pool_id = pool.id and m.state = 'active') as "members!"
           from pool order by code limit 1000"#,
    )
    .fetch_all(tx.conn())
    .await?;
    let pool = rows.into_iter().map(|row| {
        let pool = PoolRow {
            id: row.id,
            code: row.code,
            name: row.name,
            fields: row.fields,
            link_id: row.link_id,
            partner_pool: row.partner_pool,
            purpose: row.purpose,
        };
        (pool, row.members)
    });
    Ok(pool.collect())
}

/// Nobody else takes or changes members of this pool by import until the end of the transaction; the number that was given last.
pub async fn lock_pool(tx: &mut TenantTx, pool: Uuid) -> Result<i64, Error> {
    let last = sqlx::query_scalar!("select member_last from pool where id = $1 for no key update", pool);
    last.fetch_optional(tx.conn()).await?.ok_or(Error::NotFound("pool"))
}

/// Nobody takes members in, or changes what is known of them, until the end of the transaction.
pub async fn hold(tx: &mut TenantTx, pool: Uuid) -> Result<(), Error> {
    sqlx::query_scalar!("select id from pool where id = $1 for share", pool)
        .fetch_optional(tx.conn())
        .await?;
    Ok(())
}

/// Numbers up to this one are given.
pub async fn set_last(tx: &mut TenantTx, pool: Uuid, last: i64) -> Result<(), Error> {
    sqlx::query!("update pool set member_last = $2 where id = $1", pool, last)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Whose these are: (kind, tag, number).
pub async fn known(
    tx: &mut TenantTx,
    pool: Uuid,
    kinds: &[String],
    tags: &[Uuid],
) -> Result<Vec<(String, Uuid, i64)>, Error> {
    let rows = sqlx::query!(
        "select i.kind, i.tag, i.no from unnest($2::varchar[], $3::uuid[]) as asked (kind, tag)
         cross join lateral (select kind, tag, no from member_identifier i where i.pool_id = $1 and i.kind = asked.kind
             and i.tag = asked.tag limit 1) as i order by i.no, i.kind",
        pool,
        kinds,
        tags,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (row.kind, row.tag, row.no)).collect())
}

/// A member.
#[derive(Clone, Debug)]
pub struct MemberRow {
    pub no: i64,
    pub state: String,
    pub sealed: Vec<u8>,
    pub joined_at: OffsetDateTime,
    pub own_no: Option<i64>,
    pub delete_by: Option<OffsetDateTime>,
    pub merged_into: Option<i64>,
}

/// These members.
pub async fn members(tx: &mut TenantTx, pool: Uuid, numbers: &[i64]) -> Result<Vec<MemberRow>, Error> {
    Ok(sqlx::query_as!(
        MemberRow,
        "select m.no, m.state, m.sealed, m.joined_at, m.own_no, m.delete_by, m.merged_into from unnest($2::bigint[]) as asked (no)
         cross join lateral (select no, state, sealed, joined_at, own_no, delete_by, merged_into from member m
             where m.pool_id = $1 and m.no = asked.no limit 1) as m order by m.no",
        pool,
        numbers,
    )
    .fetch_all(tx.conn())
    .await?)
}

pub async fn insert_members(
    tx: &mut TenantTx,
    pool: Uuid,
    numbers: &[i64],
    sealed: &[Vec<u8>],
    at: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into member (pool_id, no, sealed, joined_at)
         select $1, one.no, one.sealed, $4 from unnest($2::bigint[], $3::bytea[]) as one (no, sealed)",
        pool,
        numbers,
        sealed,
        at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn update_members(tx: &mut TenantTx, pool: Uuid, numbers: &[i64], sealed: &[Vec<u8>]) -> Result<(), Error> {
    sqlx::query!(
        "update member set sealed = one.sealed from unnest($2::bigint[], $3::bytea[]) as one (no, sealed)
         where member.pool_id = $1 and member.no = one.no",
        pool,
        numbers,
        sealed,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// By what members are found.
#[derive(Clone, Debug, Default)]
pub struct Identifiers {
    pub kinds: Vec<String>,
    pub tags: Vec<Uuid>,
    pub numbers: Vec<i64>,
    pub sealed: Vec<String>,
}

pub async fn insert_identifiers(tx: &mut TenantTx, pool: Uuid, new: &Identifiers) -> Result<(), Error> {
    sqlx::query!(
        "insert into member_identifier (pool_id, kind, tag, no, sealed)
         select $1, one.kind, one.tag, one.no, one.sealed
         from unnest($2::varchar[], $3::uuid[], $4::bigint[], $5::varchar[]) as one (kind, tag, no, sealed)",
        pool,
        &new.kinds,
        &new.tags,
        &new.numbers,
        &new.sealed,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The identifiers of these members: (number, kind, sealed).
pub async fn identifiers(tx: &mut TenantTx, pool: Uuid, numbers: &[i64]) -> Result<Vec<(i64, String, String)>, Error> {
    let rows = sqlx::query!(
        "select i.no, i.kind, i.sealed from unnest($2::bigint[]) as asked (no)
         cross join lateral (select no, kind, sealed from member_identifier i where i.pool_id = $1 and i.no = asked.no limit 3) as i
         order by i.no, i.kind",
        pool,
        numbers,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (row.no, row.kind, row.sealed)).collect())
}

/// A member's identifiers of this kind are no more.
pub async fn drop_identifiers(tx: &mut TenantTx, pool: Uuid, number: i64, kinds: &[String]) -> Result<(), Error> {
    sqlx::query!(
        "delete from member_identifier where pool_id = $1 and no = $2 and kind = any($3)",
        pool,
        number,
        kinds,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Nothing is known of a member any more but that there was one; false when there is none to erase.
pub async fn erase(tx: &mut TenantTx, pool: Uuid, number: i64) -> Result<bool, Error> {
    let done = sqlx::query!(
        "update member set state = 'erased', sealed = '' where pool_id = $1 and no = $2 and state = 'active'",
        pool,
        number,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What a partner has released of people, side by side.
#[derive(Clone, Debug, Default)]
pub struct Shared {
    pub numbers: Vec<i64>,
    pub pseudonyms: Vec<Uuid>,
    pub sealed: Vec<Vec<u8>>,
    pub own_numbers: Vec<i64>,
    pub consent_versions: Vec<i64>,
    pub delete_by: Vec<OffsetDateTime>,
}

/// Keeps it, except where what is known of the same person rests on a later version, or has ended since; whose was kept.
pub async fn put_shared(
    tx: &mut TenantTx,
    (pool, own_pool): (Uuid, Uuid),
    new: &Shared,
    at: OffsetDateTime,
) -> Result<Vec<i64>, Error> {
    let kept = sqlx::query_scalar!(
        "insert into member (pool_id, no, state, sealed, joined_at, own_pool_id, own_no, consent_version, delete_by)
         select distinct on (one.no) $1::uuid, one.no, 'active', one.sealed, $3::timestamptz, $2::uuid, one.own_no, one.version, one.delete_by
         from unnest($4::bigint[], $5::bytea[], $6::bigint[], $7::bigint[], $8::timestamptz[])
             as one (no, sealed, own_no, version, delete_by) order by one.no
         on conflict (pool_id, no) do update set state = 'active', sealed = excluded.sealed, own_pool_id = excluded.own_pool_id,
             own_no = excluded.own_no, consent_version = excluded.consent_version, delete_by = excluded.delete_by
         where member.consent_version < excluded.consent_version
             or (member.consent_version = excluded.consent_version and member.state = 'active')
         returning no",
        pool,
        own_pool,
        at,
        &new.numbers,
        &new.sealed,
        &new.own_numbers,
        &new.consent_versions,
        &new.delete_by,
    )
    .fetch_all(tx.conn())
    .await?;
    sqlx::query!(
        "insert into member_identifier (pool_id, kind, tag, no, sealed)
         select $1, 'pseudonym', one.name, one.no, '' from unnest($2::uuid[], $3::bigint[]) as one (name, no)
         where one.no = any($4) on conflict do nothing",
        pool,
        &new.pseudonyms,
        &new.numbers,
        &kept,
    )
    .execute(tx.conn())
    .await?;
    Ok(kept)
}

/// What was released to us for so long, and no longer, is gone; it may be released again.
pub async fn expire_shared(tx: &mut TenantTx, now: OffsetDateTime, most: i64) -> Result<u64, Error> {
    let done = sqlx::query!(
        "update member set state = 'erased', sealed = '', own_no = null, own_pool_id = null, delete_by = null,
             consent_version = consent_version - 1
         where (pool_id, no) in (select pool_id, no from member where delete_by <= $1 order by delete_by limit $2 for update)",
        now,
        most,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected())
}

/// What was released of somebody is gone, and nothing that rests on this version or an older one comes again.
pub async fn end_shared(
    tx: &mut TenantTx,
    pool: Uuid,
    number: i64,
    version: i64,
    at: OffsetDateTime,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "insert into member (pool_id, no, state, sealed, joined_at, consent_version) values ($1, $2, 'erased', '', $4, $3)
         on conflict (pool_id, no) do update set state = 'erased', sealed = '', own_no = null, own_pool_id = null,
             delete_by = null, consent_version = excluded.consent_version
         where member.consent_version <= excluded.consent_version",
        pool,
        number,
        version,
        at,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What was released to us of these members of ours: (our number, the row).
pub async fn shared_of(
    tx: &mut TenantTx,
    pool: Uuid,
    own_pool: Uuid,
    numbers: &[i64],
) -> Result<Vec<MemberRow>, Error> {
    Ok(sqlx::query_as!(
        MemberRow,
        "select no, state, sealed, joined_at, own_no, delete_by, merged_into from member
         where pool_id = $1 and own_pool_id = $2 and own_no = any($3) and state = 'active' order by own_no limit 1000",
        pool,
        own_pool,
        numbers,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// What a partner has released of a member of ours.
#[derive(Clone, Debug)]
pub struct HeldRow {
    pub pool_id: Uuid,
    pub link_id: Uuid,
    pub partner_pool: String,
    pub purpose: String,
    pub no: i64,
    pub pseudonym: Uuid,
    pub consent_version: i64,
}

/// What partners have released to us of this member of ours.
pub async fn held(tx: &mut TenantTx, own_pool: Uuid, number: i64) -> Result<Vec<HeldRow>, Error> {
    Ok(sqlx::query_as!(
        HeldRow,
        r#"select p.id as pool_id, p.link_id as "link_id!", p.partner_pool as "partner_pool!", p.purpose as "purpose!", m.no,
               i.tag as pseudonym, m.consent_version as "consent_version!"
           from pool p join member m on m.pool_id = p.id and m.own_pool_id = $1 and m.own_no = $2 and m.state = 'active'
           join member_identifier i on i.pool_id = p.id and i.no = m.no and i.kind = 'pseudonym'
           where p.link_id is not null order by p.id, m.no limit 1000"#,
        own_pool,
        number,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// How many members a pool has.
pub async fn count(tx: &mut TenantTx, pool: Uuid) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!" from member where pool_id = $1 and state = 'active'"#,
        pool,
    )
    .fetch_one(tx.conn())
    .await?)
}

/// What a partner calls these: (number, name).
pub async fn pseudonyms(tx: &mut TenantTx, pool: Uuid, numbers: &[i64]) -> Result<Vec<(i64, Uuid)>, Error> {
    let rows = sqlx::query!(
        "select no, tag from member_identifier where pool_id = $1 and no = any($2) and kind = 'pseudonym' order by no",
        pool,
        numbers,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (row.no, row.tag)).collect())
}

/// Members with a mail address and no consent to this, neither given nor taken back, by number.
pub async fn never_asked(
    tx: &mut TenantTx,
    pool: Uuid,
    (recipient, purpose): (Uuid, &str),
    after: i64,
    most: i64,
) -> Result<Vec<i64>, Error> {
    Ok(sqlx::query_scalar!(
        "select i.no from member_identifier i where i.pool_id = $1 and i.no > $4 and i.kind = 'email'
             and not exists (select from consent c where c.pool_id = $1 and c.no = i.no and c.recipient = $2 and c.purpose = $3)
         order by i.no limit $5",
        pool,
        recipient,
        purpose,
        after,
        most,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// An identifier becomes another member's.
pub async fn move_identifier(
    tx: &mut TenantTx,
    pool: Uuid,
    (from, into): (i64, i64),
    kind: &str,
    sealed: &str,
) -> Result<(), Error> {
    sqlx::query!(
        "update member_identifier set no = $3, sealed = $5 where pool_id = $1 and no = $2 and kind = $4",
        pool,
        from,
        into,
        kind,
        sealed,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Under which number a member goes on who was two.
pub async fn merged(tx: &mut TenantTx, pool: Uuid, from: i64, into: i64) -> Result<(), Error> {
    sqlx::query!(
        "update member set merged_into = $3 where pool_id = $1 and no = $2",
        pool,
        from,
        into
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
