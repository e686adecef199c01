//! SQL of lists that are matched: ours, and what partners ask of us.

use hansa_tenancy::TenantTx;
use hansa_vocab::LinkId;
use time::OffsetDateTime;
use uuid::Uuid;

use super::offers::Shelf;
use crate::Error;

/// A list that is matched.
#[derive(Clone, Debug)]
pub struct MatchRow {
    pub id: Uuid,
    pub link_id: Uuid,
    pub pool: String,
    pub purpose: String,
    pub epoch: i32,
    pub own_pool_id: Option<Uuid>,
    pub mode: String,
    pub state: String,
    pub reason: String,
    pub explained: String,
    pub listed: i64,
    pub evaluated: i64,
    pub matched: i64,
    pub released: i64,
    pub chunk: i32,
    pub seed_wrapped: String,
    pub pending: Option<Vec<u8>>,
    pub begun_at: OffsetDateTime,
}

impl MatchRow {
    /// Which link.
    pub fn link(&self) -> LinkId {
        LinkId(self.link_id)
    }
}

/// A new match of ours, to be done now; false when there is one of this id.
pub async fn begin(tx: &mut TenantTx, row: &MatchRow) -> Result<bool, Error> {
    let done = sqlx::query!(
        "insert into match (id, link_id, ours, pool, purpose, own_pool_id, mode, state, seed_wrapped, begun_at, due_at)
         values ($1, $2, true, $3, $4, $5, $6, 'running', $7, $8, $8) on conflict do nothing",
        row.id,
        row.link_id,
        row.pool,
        row.purpose,
        row.own_pool_id,
        row.mode,
        row.seed_wrapped,
        row.begun_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A match of ours.
pub async fn ours(tx: &mut TenantTx, id: Uuid) -> Result<Option<MatchRow>, Error> {
    Ok(sqlx::query_as!(
        MatchRow,
        "select id, link_id, pool, purpose, epoch, own_pool_id, mode, state, reason, explained, listed, evaluated, matched, released,
             chunk, seed_wrapped, pending, begun_at
         from match where id = $1 and ours",
        id,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Matches of ours, newest first.
pub async fn all_ours(tx: &mut TenantTx, link: Option<Uuid>) -> Result<Vec<MatchRow>, Error> {
    Ok(sqlx::query_as!(
        MatchRow,
        "select id, link_id, pool, purpose, epoch, own_pool_id, mode, state, reason, explained, listed, evaluated, matched, released,
             chunk, seed_wrapped, pending, begun_at
         from match where ours and ($1::uuid is null or link_id = $1) order by begun_at desc, id limit 200",
        link,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Matches of ours that are due; they are nobody else's until then.
pub async fn take_due(
    tx: &mut TenantTx,
    now: OffsetDateTime,
    until: OffsetDateTime,
    most: i64,
) -> Result<Vec<MatchRow>, Error> {
    Ok(sqlx::query_as!(
        MatchRow,
        "update match set due_at = $2 from (select link_id, id, ours from match where ours and due_at <= $1
             order by due_at limit $3 for update skip locked) as chosen
         where match.link_id = chosen.link_id and match.id = chosen.id and match.ours
         returning match.id, match.link_id, match.pool, match.purpose, match.epoch, match.own_pool_id, match.mode, match.state,
             match.reason, match.explained, match.listed, match.evaluated, match.matched, match.released, match.chunk,
             match.seed_wrapped, match.pending, match.begun_at",
        now,
        until,
        most,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// How far it is, and when somebody looks again.
pub async fn save(tx: &mut TenantTx, row: &MatchRow, due_at: Option<OffsetDateTime>) -> Result<(), Error> {
    sqlx::query!(
        "update match set epoch = $3, state = $4, reason = $5, explained = left($6, 300), listed = $7, evaluated = $8, matched = $9,
             released = $10, chunk = $11, pending = $12, due_at = $13
         where link_id = $1 and id = $2 and ours",
        row.link_id,
        row.id,
        row.epoch,
        row.state,
        row.reason,
        row.explained,
        row.listed,
        row.evaluated,
        row.matched,
        row.released,
        row.chunk,
        row.pending.as_deref(),
        due_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A partner's list: the row is made when it is new, and held until the end of the transaction.
pub async fn theirs(
    tx: &mut TenantTx,
    shelf: Shelf<'_>,
    id: Uuid,
    now: OffsetDateTime,
) -> Result<(i32, String, i32), Error> {
    sqlx::query!(
        "insert into match (id, link_id, ours, pool, purpose, epoch, state, begun_at) values ($1, $2, false, $3, $4, $5, 'running', $6)
         on conflict do nothing",
        id,
        shelf.link.0,
        shelf.pool,
        shelf.purpose,
        shelf.epoch,
        now,
    )
    .execute(tx.conn())
    .await?;
    let row = sqlx::query!(
        "select chunk, chunk_hash, epoch from match
         where link_id = $1 and id = $2 and not ours and pool = $3 and purpose = $4 for update",
        shelf.link.0,
        id,
        shelf.pool,
        shelf.purpose,
    )
    .fetch_optional(tx.conn())
    .await?
    .ok_or(Error::IdReused(id))?;
    Ok((row.chunk, row.chunk_hash, row.epoch))
}

/// A partner's chunk has come.
pub async fn asked(
    tx: &mut TenantTx,
    link: LinkId,
    id: Uuid,
    (chunk, hash): (i32, &str),
    points: i64,
) -> Result<(), Error> {
    sqlx::query!(
        "update match set chunk = $3, chunk_hash = $4, evaluated = evaluated + $5 where link_id = $1 and id = $2 and not ours",
        link.0,
        id,
        chunk,
        hash,
        points,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// How many identifiers of our members who have agreed there are.
pub async fn listed(tx: &mut TenantTx, pool: Uuid, (recipient, purpose): (Uuid, &str)) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!" from consent c join member_identifier i on i.pool_id = c.pool_id and i.no = c.no
         where c.pool_id = $1 and c.recipient = $2 and c.purpose = $3 and c.state = 'given' and i.kind in ('phone', 'email')"#,
        pool,
        recipient,
        purpose,
    )
    .fetch_one(tx.conn())
    .await?)
}

/// The next so many of our members who have agreed, after this one, with those of their identifiers whose tokens are not known: (number,
/// kind, sealed); a member whose tokens are known has nothing there.
pub async fn unasked(
    tx: &mut TenantTx,
    (shelf, own_pool): (Shelf<'_>, Uuid),
    recipient: Uuid,
    (after, most): (i64, i64),
) -> Result<Vec<(i64, Option<(String, String)>)>, Error> {
    let rows = sqlx::query!(
        r#"select c.no, i.kind as "kind?", i.sealed as "sealed?"
         from (select no from consent where recipient = $2 and purpose = $3 and pool_id = $1 and state = 'given' and no > $7
             order by no limit $8) as c
         left join lateral (select kind, sealed from member_identifier i where i.pool_id = $1 and i.no = c.no
             and i.kind in ('phone', 'email') and not exists (select from match_token t where t.own_pool_id = $1 and t.no = c.no
                 and t.link_id = $4 and t.pool = $5 and t.purpose = $3 and t.epoch = $6 and t.kind = i.kind) limit 2) as i on true
         order by c.no, i.kind"#,
        own_pool,
        recipient,
        shelf.purpose,
        shelf.link.0,
        shelf.pool,
        shelf.epoch,
        after,
        most,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (row.no, row.kind.zip(row.sealed))).collect())
}

/// Tokens of our members, and the keys that go with them.
#[derive(Clone, Debug, Default)]
pub struct NewTokens {
    pub tokens: Vec<Uuid>,
    pub numbers: Vec<i64>,
    pub kinds: Vec<String>,
    pub release_keys: Vec<String>,
}

pub async fn put_tokens(tx: &mut TenantTx, (shelf, own_pool): (Shelf<'_>, Uuid), new: &NewTokens) -> Result<(), Error> {
    sqlx::query!(
        "insert into match_token (link_id, token, pool, purpose, epoch, own_pool_id, no, kind, release_key, gone_sequence)
         select $1, one.token, $2, $3, $4, $5, one.no, one.kind, one.release_key, (select g.gone_sequence from match_token g
             where g.link_id = $1 and g.token = one.token and g.gone_sequence is not null limit 1)
         from unnest($6::uuid[], $7::bigint[], $8::varchar[], $9::varchar[]) as one (token, no, kind, release_key)
         on conflict do nothing",
        shelf.link.0,
        shelf.pool,
        shelf.purpose,
        shelf.epoch,
        own_pool,
        &new.tokens,
        &new.numbers,
        &new.kinds,
        &new.release_keys,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A token that is known of a member of ours.
#[derive(Clone, Copy, Debug)]
pub struct TokenRow {
    pub token: Uuid,
    pub gone_sequence: Option<i32>,
    pub matched: bool,
}

/// Tokens of numbers that we have made up.
pub async fn canaries(tx: &mut TenantTx, (shelf, own_pool): (Shelf<'_>, Uuid)) -> Result<Vec<Uuid>, Error> {
    Ok(sqlx::query_scalar!(
        "select token from match_token where own_pool_id = $5 and no = 0 and link_id = $1 and pool = $2 and purpose = $3 and epoch = $4
         limit 1000",
        shelf.link.0,
        shelf.pool,
        shelf.purpose,
        shelf.epoch,
        own_pool,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// A token of ours that matched, and of whom nothing was released yet.
#[derive(Clone, Debug)]
pub struct UnreleasedRow {
    pub token: Uuid,
    pub no: i64,
    pub release_key: String,
}

/// Tokens of our members who have agreed, after this one, by token.
pub async fn tokens(
    tx: &mut TenantTx,
    (shelf, own_pool): (Shelf<'_>, Uuid),
    recipient: Uuid,
    (after, most): (Uuid, i64),
) -> Result<Vec<TokenRow>, Error> {
    Ok(sqlx::query_as!(
        TokenRow,
        "select t.token, t.gone_sequence, t.matched from match_token t
         cross join lateral (select from consent c where c.pool_id = t.own_pool_id and c.no = t.no and c.recipient = $6
             and c.purpose = $3 and c.state = 'given' limit 1) as c
         where t.link_id = $1 and t.token > $7 and t.pool = $2 and t.purpose = $3 and t.epoch = $4 and t.own_pool_id = $5
         order by t.token limit $8",
        shelf.link.0,
        shelf.pool,
        shelf.purpose,
        shelf.epoch,
        own_pool,
        recipient,
        after,
        most,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// These are in the partner's pool, those are not.
pub async fn set_matched(
    tx: &mut TenantTx,
    link: LinkId,
    own_pool: Uuid,
    tokens: &[Uuid],
    matched: bool,
) -> Result<(), Error> {
    sqlx::query!(
        "update match_token set matched = $4 where link_id = $1 and own_pool_id = $2 and token = any($3) and matched <> $4",
        link.0,
        own_pool,
        tokens,
        matched,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The partner has taken these back, when its filter had that sequence.
pub async fn take_back(tx: &mut TenantTx, shelf: Shelf<'_>, tokens: &[Uuid], sequence: i32) -> Result<(), Error> {
    sqlx::query!(
        "update match_token set gone_sequence = $3, matched = false where link_id = $1 and token = any($2)
             and (gone_sequence is null or gone_sequence < $3)",
        shelf.link.0,
        tokens,
        sequence,
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!(
        "insert into match_token (link_id, token, pool, purpose, epoch, own_pool_id, no, kind, gone_sequence)
         select $1, one.token, $2, $3, $4, '00000000-0000-0000-0000-000000000000', 0, 'phone', $6 from unnest($5::uuid[]) as one (token)
         on conflict do nothing",
        shelf.link.0,
        shelf.pool,
        shelf.purpose,
        shelf.epoch,
        tokens,
        sequence,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Tokens that matched, after this one, of members who have agreed and of whom nothing was released to the shared pool yet.
pub async fn unreleased(
    tx: &mut TenantTx,
    (shelf, own_pool, shared_pool): (Shelf<'_>, Uuid, Uuid),
    recipient: Uuid,
    (after, most): (Uuid, i64),
) -> Result<Vec<UnreleasedRow>, Error> {
    Ok(sqlx::query_as!(
        UnreleasedRow,
        "select t.token, t.no, t.release_key from match_token t
         cross join lateral (select from consent c where c.pool_id = t.own_pool_id and c.no = t.no and c.recipient = $6
             and c.purpose = $3 and c.state = 'given' limit 1) as c
         left join lateral (select true as held from member m where m.pool_id = $9 and m.own_pool_id = $5 and m.own_no = t.no
             and m.state = 'active' limit 1) as m on true
         where t.link_id = $1 and t.token > $7 and t.pool = $2 and t.purpose = $3 and t.epoch = $4 and t.own_pool_id = $5 and t.matched
             and m.held is null
         order by t.token limit $8",
        shelf.link.0,
        shelf.pool,
        shelf.purpose,
        shelf.epoch,
        own_pool,
        recipient,
        after,
        most,
        shared_pool,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// How many identifiers of ours are in the partner's pool.
pub async fn matched_count(tx: &mut TenantTx, (shelf, own_pool): (Shelf<'_>, Uuid)) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!" from match_token where link_id = $1 and pool = $2 and purpose = $3 and epoch = $4
             and own_pool_id = $5 and matched"#,
        shelf.link.0,
        shelf.pool,
        shelf.purpose,
        shelf.epoch,
        own_pool,
    )
    .fetch_one(tx.conn())
    .await?)
}

/// How many identifiers of our members who have agreed are not asked about yet.
pub async fn unasked_count(
    tx: &mut TenantTx,
    (shelf, own_pool): (Shelf<'_>, Uuid),
    recipient: Uuid,
) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!" from consent c join member_identifier i on i.pool_id = c.pool_id and i.no = c.no
         where c.pool_id = $1 and c.recipient = $2 and c.purpose = $3 and c.state = 'given' and i.kind in ('phone', 'email')
             and not exists (select from match_token t where t.own_pool_id = $1 and t.no = i.no and t.link_id = $4 and t.pool = $5
                 and t.purpose = $3 and t.epoch = $6 and t.kind = i.kind)"#,
        own_pool,
        recipient,
        shelf.purpose,
        shelf.link.0,
        shelf.pool,
        shelf.epoch,
    )
    .fetch_one(tx.conn())
    .await?)
}

/// Numbers of our members who are in the partner's pool.
pub async fn matched(
    tx: &mut TenantTx,
    (shelf, own_pool): (Shelf<'_>, Uuid),
    (after, most): (i64, i64),
) -> Result<Vec<i64>, Error> {
    Ok(sqlx::query_scalar!(
        "select distinct no from match_token where own_pool_id = $4 and no > $5 and link_id = $1 and pool = $2 and purpose = $3 and matched
         order by no limit $6",
        shelf.link.0,
        shelf.pool,
        shelf.purpose,
        own_pool,
        after,
        most,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// A member of ours is matched with nobody any more.
pub async fn forget(tx: &mut TenantTx, own_pool: Uuid, number: i64) -> Result<(), Error> {
    sqlx::query!(
        "delete from match_token where own_pool_id = $1 and no = $2",
        own_pool,
        number
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A member of ours is matched no more with this enterprise for this.
pub async fn forget_with(
    tx: &mut TenantTx,
    own_pool: Uuid,
    number: i64,
    recipient: Uuid,
    purpose: &str,
) -> Result<(), Error> {
    sqlx::query!(
        "delete from match_token where own_pool_id = $1 and no = $2 and purpose = $4
             and link_id in (select l.id from link l join notice n on n.recipient_id = l.peer_id where n.recipient = $3)",
        own_pool,
        number,
        recipient,
        purpose,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Tokens that we have asked for and that lead to a member of ours: in which pool, and under which key what is released comes.
pub async fn asked_with(
    tx: &mut TenantTx,
    shelf: Shelf<'_>,
    tokens: &[Uuid],
) -> Result<Vec<(Uuid, UnreleasedRow)>, Error> {
    let rows = sqlx::query!(
        "select token, own_pool_id, no, release_key from match_token
         where link_id = $1 and token = any($2) and pool = $3 and purpose = $4 and epoch = $5 and release_key <> ''",
        shelf.link.0,
        tokens,
        shelf.pool,
        shelf.purpose,
        shelf.epoch,
    )
    .fetch_all(tx.conn())
    .await?;
    let row = |row: (Uuid, Uuid, i64, String)| {
        let one = UnreleasedRow {
            token: row.0,
            no: row.2,
            release_key: row.3,
        };
        (row.1, one)
    };
    Ok(rows
        .into_iter()
        .map(|one| row((one.token, one.own_pool_id, one.no, one.release_key)))
        .collect())
}
