//! SQL of notices, consents, and of what has become of them at partners.

use hansa_tenancy::TenantTx;
use hansa_vocab::LinkId;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Error;

/// A text that members agree to.
#[derive(Clone, Debug)]
pub struct NoticeRow {
    pub hash: String,
    pub recipient: Uuid,
    pub recipient_id: String,
    pub link_id: Uuid,
    pub purpose: String,
    pub fields: String,
    pub language: String,
    pub body: String,
    pub created_at: OffsetDateTime,
}

pub async fn put_notice(tx: &mut TenantTx, row: &NoticeRow) -> Result<(), Error> {
    sqlx::query!(
        "insert into notice (hash, recipient, recipient_id, link_id, purpose, fields, language, body, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing",
        row.hash,
        row.recipient,
        row.recipient_id,
        row.link_id,
        row.purpose,
        row.fields,
        row.language,
        row.body,
        row.created_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Notices, newest first: all, or those of these hashes.
pub async fn notices(tx: &mut TenantTx, hashes: Option<&[String]>) -> Result<Vec<NoticeRow>, Error> {
    Ok(sqlx::query_as!(
        NoticeRow,
        "select hash, recipient, recipient_id, link_id, purpose, fields, language, body, created_at from notice
         where $1::varchar[] is null or hash = any($1) order by created_at desc, hash limit 1000",
        hashes,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// A change of consents: whose, to whom, what for.
#[derive(Clone, Debug)]
pub struct Change<'a> {
    pub pool: Uuid,
    pub recipient: Uuid,
    pub purpose: &'a str,
    pub notice_hash: &'a str,
    pub channel: &'a str,
    pub actor: &'a str,
    pub at: OffsetDateTime,
}

/// Nobody begins to hand out this pool until the end of the transaction: whoever changes consents takes it, and so every change is either
/// in a filter or known to be missing in it.
pub async fn hold_offers(tx: &mut TenantTx, pool: Uuid) -> Result<(), Error> {
    sqlx::query_scalar!("select id from pool where id = $1 for key share", pool)
        .fetch_optional(tx.conn())
        .await?;
    Ok(())
}

/// Members have agreed; those for whom that is new.
pub async fn give(tx: &mut TenantTx, change: &Change<'_>, numbers: &[i64]) -> Result<Vec<i64>, Error> {
    Ok(sqlx::query_scalar!(
        r#"with given as (
               insert into consent (pool_id, no, recipient, purpose, state, version, notice_hash, channel, changed_at, pending)
               select m.pool_id, m.no, $3, $4, 'given', 1, $5, $6, $8, o.offered
               from unnest($2::bigint[]) as asked (no)
               cross join lateral (select pool_id, no from member m where m.pool_id = $1 and m.no = asked.no and m.state = 'active'
                   limit 1) as m, (select exists (select from offer where pool_id = $1 and recipient = $3 and purpose = $4
                   and state <> 'ended')) as o (offered)
               order by m.no
               on conflict (pool_id, no, recipient, purpose) do update set state = 'given', version = consent.version + 1,
                   notice_hash = excluded.notice_hash, channel = excluded.channel, changed_at = excluded.changed_at,
                   pending = consent.pending or (excluded.pending and consent.state <> 'given')
               where consent.state <> 'given' or consent.notice_hash <> excluded.notice_hash
               returning pool_id, no, recipient, purpose, version, state, notice_hash, channel, changed_at)
           insert into consent_event (pool_id, no, recipient, purpose, version, state, notice_hash, channel, actor, at)
           select pool_id, no, recipient, purpose, version, state, notice_hash, channel, $7, changed_at from given
           returning no"#,
        change.pool,
        numbers,
        change.recipient,
        change.purpose,
        change.notice_hash,
        change.channel,
        change.actor,
        change.at,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Which of these are members.
pub async fn present(tx: &mut TenantTx, pool: Uuid, numbers: &[i64]) -> Result<Vec<i64>, Error> {
    Ok(sqlx::query_scalar!(
        "select m.no from unnest($2::bigint[]) as asked (no)
         cross join lateral (select no from member m where m.pool_id = $1 and m.no = asked.no and m.state = 'active' limit 1) as m
         order by m.no",
        pool,
        numbers,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// What holds of a member.
#[derive(Clone, Debug)]
pub struct ConsentRow {
    pub no: i64,
    pub recipient: Uuid,
    pub purpose: String,
    pub state: String,
    pub version: i64,
    pub notice_hash: String,
    pub channel: String,
    pub changed_at: OffsetDateTime,
}

/// A member's consents to somebody for something, or all of them, that hold: they end. What they have become.
pub async fn end(
    tx: &mut TenantTx,
    (pool, number): (Uuid, i64),
    only: Option<(Uuid, &str)>,
    (state, channel, actor): (&str, &str, &str),
    at: OffsetDateTime,
) -> Result<Vec<ConsentRow>, Error> {
    let (recipient, purpose) = only.unzip();
    Ok(sqlx::query_as!(
        ConsentRow,
        r#"with ended as (
               update consent set state = $5, version = version + 1, channel = $6, changed_at = $8,
                   pending = pending or exists (select from offer o where o.pool_id = $1 and o.recipient = consent.recipient
                       and o.purpose = consent.purpose and o.state <> 'ended')
               where pool_id = $1 and no = $2 and ($3::uuid is null or recipient = $3) and ($4::varchar is null or purpose = $4)
                   and state = 'given'
               returning no, recipient, purpose, state, version, notice_hash, channel, changed_at)
           , noted as (
               insert into consent_event (pool_id, no, recipient, purpose, version, state, notice_hash, channel, actor, at)
               select $1, no, recipient, purpose, version, state, notice_hash, channel, $7, changed_at from ended)
           select no as "no!", recipient as "recipient!", purpose as "purpose!", state as "state!", version as "version!",
               notice_hash as "notice_hash!", channel as "channel!", changed_at as "changed_at!" from ended"#,
        pool,
        number,
        recipient,
        purpose,
        state,
        channel,
        actor,
        at,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// All consents of a member.
pub async fn of_member(tx: &mut TenantTx, pool: Uuid, number: i64) -> Result<Vec<ConsentRow>, Error> {
    Ok(sqlx::query_as!(
        ConsentRow,
        "select no, recipient, purpose, state, version, notice_hash, channel, changed_at from consent
         where pool_id = $1 and no = $2 order by recipient, purpose limit 1000",
        pool,
        number,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Consents of these members that hold now; they do not change until the end of the transaction.
pub async fn holding(
    tx: &mut TenantTx,
    pool: Uuid,
    (recipient, purpose): (Uuid, &str),
    numbers: &[i64],
) -> Result<Vec<ConsentRow>, Error> {
    Ok(sqlx::query_as!(
        ConsentRow,
        "select no, recipient, purpose, state, version, notice_hash, channel, changed_at from consent
         where pool_id = $1 and no = any($2) and recipient = $3 and purpose = $4 and state = 'given' order by no for share",
        pool,
        numbers,
        recipient,
        purpose,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// The identifiers of the next so many members who have agreed, after this one: (number, kind, sealed). Member by member, by index: no
/// plan that reads everything for each page.
pub async fn agreed(
    tx: &mut TenantTx,
    pool: Uuid,
    (recipient, purpose): (Uuid, &str),
    (after, most): (i64, i64),
) -> Result<Vec<(i64, String, String)>, Error> {
    let rows = sqlx::query!(
        "select i.no, i.kind, i.sealed
         from (select no from consent where recipient = $2 and purpose = $3 and pool_id = $1 and state = 'given' and no > $4
             order by no limit $5) as c
         cross join lateral (select no, kind, sealed from member_identifier i where i.pool_id = $1 and i.no = c.no
             and i.kind in ('phone', 'email') limit 2) as i
         order by i.no, i.kind",
        pool,
        recipient,
        purpose,
        after,
        most,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (row.no, row.kind, row.sealed)).collect())
}

/// These members are known by more than before: filters that were handed out learn of it.
pub async fn stir(tx: &mut TenantTx, pool: Uuid, numbers: &[i64], by: OffsetDateTime) -> Result<bool, Error> {
    sqlx::query!(
        "update consent set pending = true where pool_id = $1 and no = any($2) and state = 'given' and exists (select from offer o
             where o.pool_id = $1 and o.recipient = consent.recipient and o.purpose = consent.purpose and o.state <> 'ended')",
        pool,
        numbers,
    )
    .execute(tx.conn())
    .await?;
    let done = sqlx::query!(
        "update offer set due_at = $2 where pool_id = $1 and state = 'live' and (due_at is null or due_at > $2)",
        pool,
        by,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Consents that a filter which was handed out does not know of yet; true = given. They are known from now on.
pub async fn take_pending(
    tx: &mut TenantTx,
    pool: Uuid,
    (recipient, purpose): (Uuid, &str),
    most: i64,
) -> Result<Vec<(i64, bool)>, Error> {
    let rows = sqlx::query!(
        r#"update consent set pending = false from (select no from consent where recipient = $2 and purpose = $3 and pool_id = $1 and pending
               order by no limit $4 for update) as chosen
           where consent.pool_id = $1 and consent.no = chosen.no and consent.recipient = $2 and consent.purpose = $3
           returning consent.no, consent.state = 'given' as "given!""#,
        pool,
        recipient,
        purpose,
        most,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (row.no, row.given)).collect())
}

/// Changes of consents of all transactions that are in by `to` and were not by `from`, and their root.
pub async fn section(tx: &mut TenantTx, from: &str, to: &str) -> Result<(u64, Vec<u8>), sqlx::Error> {
    let row = sqlx::query!(
        r#"select count(*) as "lines!", coalesce(sha256(string_agg(sha256(convert_to(
                jsonb_build_array(pool_id, no, recipient, purpose, version, state, notice_hash, channel, actor,
                    (extract(epoch from at) * 1000000)::bigint, xid::text)::text,
                'UTF8')), ''::bytea order by pool_id, no, recipient, purpose, version)), '') as "root!"
           from consent_event
           where xid >= pg_snapshot_xmin($1::text::pg_snapshot) and xid < pg_snapshot_xmax($2::text::pg_snapshot)
               and not pg_visible_in_snapshot(xid, $1::text::pg_snapshot) and pg_visible_in_snapshot(xid, $2::text::pg_snapshot)"#,
        from,
        to,
    )
    .fetch_one(tx.conn())
    .await?;
    let root = if row.lines == 0 { Vec::new() } else { row.root };
    Ok((u64::try_from(row.lines).unwrap_or(0), root))
}

/// When the latest change of all transactions that are in by the snapshot `to` and were not by `from` was written down.
pub async fn written(tx: &mut TenantTx, from: &str, to: &str) -> Result<Option<OffsetDateTime>, sqlx::Error> {
    sqlx::query_scalar!(
        "select at from consent_event
         where xid >= pg_snapshot_xmin($1::text::pg_snapshot) and xid < pg_snapshot_xmax($2::text::pg_snapshot)
             and not pg_visible_in_snapshot(xid, $1::text::pg_snapshot) and pg_visible_in_snapshot(xid, $2::text::pg_snapshot)
         order by xid desc limit 1",
        from,
        to,
    )
    .fetch_optional(tx.conn())
    .await
}

/// What a partner holds of a member, or is told to hold no more.
#[derive(Clone, Debug)]
pub struct ReleaseRow {
    pub link_id: Uuid,
    pub pool_id: Uuid,
    pub no: i64,
    pub purpose: String,
    pub pseudonym: Uuid,
    pub tokens: [Option<Uuid>; 2],
    pub consent_version: i64,
    pub released_at: Option<OffsetDateTime>,
    pub reason: String,
    pub ended_at: Option<OffsetDateTime>,
    pub acknowledged_at: Option<OffsetDateTime>,
}

/// Something of members is released now on this link: their numbers, names and versions.
pub async fn released(
    tx: &mut TenantTx,
    (link, pool, purpose): (LinkId, Uuid, &str),
    (numbers, pseudonyms, versions): (&[i64], &[Uuid], &[i64]),
    at: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into release (link_id, pool_id, no, purpose, pseudonym, state, consent_version, released_at)
         select distinct on (one.no) $1::uuid, $2::uuid, one.no, $3::varchar, one.pseudonym, 'released', one.version, $7::timestamptz
         from unnest($4::bigint[], $5::uuid[], $6::bigint[]) as one (no, pseudonym, version) order by one.no
         on conflict (link_id, pool_id, no, purpose) do update set state = 'released', released_at = excluded.released_at,
             consent_version = excluded.consent_version, reason = '', ended_at = null, acknowledged_at = null",
        link.0,
        pool,
        purpose,
        numbers,
        pseudonyms,
        versions,
        at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Of how many members a partner has told us that they are its own too.
pub async fn told(tx: &mut TenantTx, link: LinkId, pool: Uuid, purpose: &str) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!" from release where link_id = $1 and pool_id = $2 and purpose = $3 and released_at is not null"#,
        link.0,
        pool,
        purpose,
    )
    .fetch_one(tx.conn())
    .await?)
}

/// A partner is told to hold no more of a member.
pub async fn ending(tx: &mut TenantTx, row: &ReleaseRow) -> Result<(), Error> {
    sqlx::query!(
        "insert into release (link_id, pool_id, no, purpose, pseudonym, state, consent_version, reason, ended_at, phone_token,
             email_token)
         values ($1, $2, $3, $4, $5, 'ending', $6, $7, $8, $9, $10)
         on conflict (link_id, pool_id, no, purpose) do update set state = 'ending', consent_version = excluded.consent_version,
             reason = excluded.reason, ended_at = excluded.ended_at, acknowledged_at = null, phone_token = excluded.phone_token,
             email_token = excluded.email_token",
        row.link_id,
        row.pool_id,
        row.no,
        row.purpose,
        row.pseudonym,
        row.consent_version,
        row.reason,
        row.ended_at,
        row.tokens[0],
        row.tokens[1],
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The partner's node has said that it is gone.
pub async fn acknowledged(
    tx: &mut TenantTx,
    link: LinkId,
    (pseudonym, purpose): (Uuid, &str),
    version: i64,
    at: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update release set state = 'ended', acknowledged_at = $5
         where link_id = $1 and pseudonym = $2 and purpose = $3 and consent_version <= $4 and state = 'ending'",
        link.0,
        pseudonym,
        purpose,
        version,
        at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The partner has said by itself that what it held is gone.
pub async fn given_up(
    tx: &mut TenantTx,
    link: LinkId,
    (pseudonym, pool, purpose): (Uuid, Uuid, &str),
    at: OffsetDateTime,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "update release set state = 'ended', reason = 'partner', ended_at = $5, acknowledged_at = $5
         where link_id = $1 and pseudonym = $2 and pool_id = $3 and purpose = $4 and state = 'released'",
        link.0,
        pseudonym,
        pool,
        purpose,
        at,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Which of these members a partner holds something of: (link, number).
pub async fn held_by(
    tx: &mut TenantTx,
    pool: Uuid,
    (recipient, purpose): (Uuid, &str),
    numbers: &[i64],
) -> Result<Vec<i64>, Error> {
    Ok(sqlx::query_scalar!(
        "select distinct r.no from release r where r.pool_id = $1 and r.purpose = $3 and r.no = any($4) and r.state = 'released'
             and exists (select from offer o where o.link_id = r.link_id and o.pool_id = r.pool_id and o.purpose = r.purpose
                 and o.recipient = $2) order by r.no",
        pool,
        recipient,
        purpose,
        numbers,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// What stood in the filter for these members when it ended.
pub async fn ended_tokens(
    tx: &mut TenantTx,
    link: LinkId,
    (pool, purpose): (Uuid, &str),
    numbers: &[i64],
) -> Result<Vec<Uuid>, Error> {
    let rows = sqlx::query!(
        "select phone_token, email_token from release where link_id = $1 and pool_id = $2 and purpose = $3 and no = any($4)
             and state <> 'released' order by no",
        link.0,
        pool,
        purpose,
        numbers,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .flat_map(|row| [row.phone_token, row.email_token])
        .flatten()
        .collect())
}

/// What partners hold of a member, or were told.
pub async fn releases_of(tx: &mut TenantTx, pool: Uuid, number: i64) -> Result<Vec<(ReleaseRow, Uuid)>, Error> {
    let rows = sqlx::query!(
        "select r.link_id, r.purpose, r.pseudonym, r.consent_version, r.released_at, r.reason, r.ended_at, r.acknowledged_at, o.recipient
         from release r join lateral (select recipient from offer o where o.link_id = r.link_id and o.pool_id = r.pool_id
             and o.purpose = r.purpose order by epoch desc limit 1) as o on true
         where r.pool_id = $1 and r.no = $2 order by r.link_id, r.purpose limit 1000",
        pool,
        number,
    )
    .fetch_all(tx.conn())
    .await?;
    let row = rows.into_iter().map(|row| {
        let release = ReleaseRow {
            link_id: row.link_id,
            pool_id: pool,
            no: number,
            purpose: row.purpose,
            pseudonym: row.pseudonym,
            tokens: [None, None],
            consent_version: row.consent_version,
            released_at: row.released_at,
            reason: row.reason,
            ended_at: row.ended_at,
            acknowledged_at: row.acknowledged_at,
        };
        (release, row.recipient)
    });
    Ok(row.collect())
}

/// What partners were told to hold no more, those without an answer first, then newest first.
pub async fn endings(tx: &mut TenantTx, open_only: bool) -> Result<Vec<(ReleaseRow, String)>, Error> {
    let rows = sqlx::query!(
        "select r.link_id, r.pool_id, r.no, r.purpose, r.pseudonym, r.consent_version, r.released_at, r.reason, r.ended_at,
             r.acknowledged_at, p.code
         from release r join pool p on p.id = r.pool_id
         where r.state = 'ending' or (r.state = 'ended' and not $1)
         order by (r.state = 'ending') desc, r.ended_at desc, r.no limit 1000",
        open_only,
    )
    .fetch_all(tx.conn())
    .await?;
    let row = rows.into_iter().map(|row| {
        let release = ReleaseRow {
            link_id: row.link_id,
            pool_id: row.pool_id,
            no: row.no,
            purpose: row.purpose,
            pseudonym: row.pseudonym,
            tokens: [None, None],
            consent_version: row.consent_version,
            released_at: row.released_at,
            reason: row.reason,
            ended_at: row.ended_at,
            acknowledged_at: row.acknowledged_at,
        };
        (release, row.code)
    });
    Ok(row.collect())
}

/// Who was released on this link by this name, and has not taken it back; that stays so until the end of the transaction.
pub async fn released_as(tx: &mut TenantTx, link: LinkId, pseudonym: Uuid) -> Result<Option<(Uuid, i64)>, Error> {
    let row = sqlx::query!(
        "select pool_id, no from release where link_id = $1 and pseudonym = $2 and state = 'released' limit 1 for share",
        link.0,
        pseudonym,
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|row| (row.pool_id, row.no)))
}

/// Has a member agreed; that stays so until the end of the transaction.
pub async fn agrees(
    tx: &mut TenantTx,
    (pool, number): (Uuid, i64),
    (recipient, purpose): (Uuid, &str),
) -> Result<bool, Error> {
    let row = sqlx::query!(
        "select state from consent where pool_id = $1 and no = $2 and recipient = $3 and purpose = $4 for share",
        pool,
        number,
        recipient,
        purpose,
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.is_some_and(|row| row.state == "given"))
}

/// What a partner holds of a member.
#[derive(Clone, Debug)]
pub struct HeldRow {
    pub link_id: Uuid,
    pub no: i64,
    pub purpose: String,
    pub released_at: Option<OffsetDateTime>,
}

/// What partners hold of these members.
pub async fn held_of(tx: &mut TenantTx, pool: Uuid, numbers: &[i64]) -> Result<Vec<HeldRow>, Error> {
    Ok(sqlx::query_as!(
        HeldRow,
        r#"select r.link_id as "link_id!", asked.no as "no!", r.purpose as "purpose!", r.released_at from unnest($2::bigint[]) as asked (no)
           cross join lateral (select link_id, purpose, released_at from release r
               where r.pool_id = $1 and r.no = asked.no and r.state = 'released' limit 100000) as r"#,
        pool,
        numbers,
    )
    .fetch_all(tx.conn())
    .await?)
}
