//! SQL of documents, nothing else.

mod acts;
mod due;
mod erase;
mod facts;
mod kinds;
mod papers;
mod texts;

use hansa_proto::documents::v1::SectionText;
use hansa_tenancy::TenantTx;
use hansa_vault::Seal;
use hansa_vocab::LinkId;
use time::OffsetDateTime;
use uuid::Uuid;

pub use acts::{
    ActRow, NewAct, OwnAct, actor, acts, asked, held, insert_act, newest_of, open_act, own_acts, pending, proposals,
    settle_act,
};
pub use due::{look_again, next_due, put, waking, woken};
pub use erase::{erasable, erase, links_of, unerased};
pub use facts::{BoardRow, board, counts, counts_over, facts};
pub use kinds::{begun_since, by_state, insert_kind, kind, kinds};
pub use papers::{CALLED, EVIDENCE, base_of, called, shown_by};
pub use texts::{sealed_of, sections_with, texts, texts_of};

use crate::Error;

/// A document's row.
#[derive(Clone, Debug)]
pub struct DocumentRow {
    pub id: Uuid,
    pub kind: String,
    pub kind_version: i32,
    pub number: String,
    pub our_role: String,
    pub issuer: bool,
    pub version: i64,
    pub state: String,
    /// Hex.
    pub root: String,
    pub since: OffsetDateTime,
    /// The document that it is about.
    pub refers_to: Option<Uuid>,
    /// When somebody should have acted.
    pub due_at: Option<OffsetDateTime>,
    /// Nobody had by then.
    pub overdue: bool,
    /// Since when nothing is left here of what it said.
    pub erased_at: Option<OffsetDateTime>,
}

impl DocumentRow {
    /// The newest version that counts.
    pub fn version(&self) -> u64 {
        u64::try_from(self.version).unwrap_or(0)
    }
}

/// Who has a part in it; the issuer comes first.
#[derive(Clone, Debug)]
pub struct PartyRow {
    pub document_id: Uuid,
    pub role: String,
    pub enterprise: String,
    pub name: String,
    pub link_id: Option<Uuid>,
    /// The newest version that it is known to have, when we are the issuer.
    pub heard_version: i64,
    /// Why it has not taken a later one.
    pub trouble: String,
    /// It has no node: it is told by mail, and its keys lie here.
    pub hosted: bool,
}

/// Takes the next numbers of a prefix; the last of them.
///
/// For a transaction of its own that is relaxed: buyers at work together would otherwise wait for each other's disk. A document's
/// own commit comes later in the same log, so its number is on disk when it is.
pub async fn take_numbers(tx: &mut TenantTx, prefix: &str, many: i64) -> Result<i64, Error> {
    tx.relax().await?;
    Ok(sqlx::query_scalar!(
        "insert into document_number (prefix, last) values ($1, $2)
         on conflict (prefix) do update set last = document_number.last + $2 returning last",
        prefix,
        many,
    )
    .fetch_one(tx.conn())
    .await?)
}

/// A document before its first version is kept; false when one of that id is there.
pub async fn insert(tx: &mut TenantTx, row: &DocumentRow, parties: &[PartyRow]) -> Result<bool, Error> {
    let column = |of: fn(&PartyRow) -> &String| parties.iter().map(|party| of(party).clone()).collect::<Vec<_>>();
    let links: Vec<_> = parties.iter().map(|party| party.link_id).collect();
    let done = sqlx::query!(
        r#"with made as (
               insert into document (id, kind, kind_version, number, our_role, issuer, version, state, since)
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (id) do nothing returning id
           )
           insert into document_party (document_id, place, role, enterprise, name, link_id)
           select made.id, place - 1, role, enterprise, name, link_id
           from made, unnest($10::varchar[], $11::varchar[], $12::varchar[], $13::uuid[])
               with ordinality as u (role, enterprise, name, link_id, place)"#,
        row.id,
        row.kind,
        row.kind_version,
        row.number,
        row.our_role,
        row.issuer,
        row.version,
        row.state,
        row.since,
        &column(|party| &party.role),
        &column(|party| &party.enterprise),
        &column(|party| &party.name),
        links.as_slice() as &[Option<Uuid>],
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() > 0)
}

/// What was a draft of ours has begun at its issuer, with this number and these parties.
pub async fn begun(tx: &mut TenantTx, id: Uuid, number: &str, parties: &[PartyRow]) -> Result<(), Error> {
    let column = |of: fn(&PartyRow) -> &String| parties.iter().map(|party| of(party).clone()).collect::<Vec<_>>();
    let links: Vec<_> = parties.iter().map(|party| party.link_id).collect();
    sqlx::query!("update document set number = $2 where id = $1", id, number)
        .execute(tx.conn())
        .await?;
    sqlx::query!("delete from document_party where document_id = $1", id)
        .execute(tx.conn())
        .await?;
    sqlx::query!(
        r#"insert into document_party (document_id, place, role, enterprise, name, link_id)
           select $1, place - 1, role, enterprise, name, link_id
           from unnest($2::varchar[], $3::varchar[], $4::varchar[], $5::uuid[])
               with ordinality as u (role, enterprise, name, link_id, place)"#,
        id,
        &column(|party| &party.role),
        &column(|party| &party.enterprise),
        &column(|party| &party.name),
        links.as_slice() as &[Option<Uuid>],
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The document, and its row lock.
pub async fn lock(tx: &mut TenantTx, id: Uuid) -> Result<Option<DocumentRow>, Error> {
    Ok(sqlx::query_as!(
        DocumentRow,
        "select id, kind, kind_version, number, our_role, issuer, version, state, root, since, refers_to, due_at, overdue, erased_at from document where id = $1 for update",
        id,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// The document, without its lock.
pub async fn find(tx: &mut TenantTx, id: Uuid) -> Result<Option<DocumentRow>, Error> {
    Ok(sqlx::query_as!(
        DocumentRow,
        "select id, kind, kind_version, number, our_role, issuer, version, state, root, since, refers_to, due_at, overdue, erased_at from document where id = $1",
        id,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Which documents are listed; what is empty leaves all.
#[derive(Debug, Default)]
pub struct Filter {
    pub kind: String,
    /// In one of these.
    pub states: Vec<String>,
    pub link: Option<Uuid>,
    /// How the number begins.
    pub number: String,
    /// Those whose time is over.
    pub overdue: bool,
    /// A field that is marked for lists, and what it says.
    pub fact: Option<(String, String)>,
    /// (kind, state) of those that are left out.
    pub without: Vec<(String, String)>,
}

impl Filter {
    fn without(&self) -> (Vec<String>, Vec<String>) {
        self.without.iter().cloned().unzip()
    }
}

/// Newest first, before this one.
pub async fn list(
    tx: &mut TenantTx,
    filter: &Filter,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<DocumentRow>, Error> {
    let (kinds, states) = filter.without();
    Ok(sqlx::query_as!(
        DocumentRow,
        "select id, kind, kind_version, number, our_role, issuer, version, state, root, since, refers_to, due_at, overdue, erased_at from document
         where ($1::varchar = '' or kind = $1) and (cardinality($2::varchar[]) = 0 or state = any($2)) and starts_with(number, $3)
           and ($4::uuid is null or id in (select document_id from document_party where link_id = $4))
           and not exists (select from unnest($5::varchar[], $6::varchar[]) as u (k, s) where k = kind and s = state)
           and ($7::uuid is null or id < $7)
           and (not $9 or overdue)
           and ($10::varchar is null or id in (select document_id from document_fact where name = $10 and value = $11))
         order by id desc limit $8",
        filter.kind,
        &filter.states,
        filter.number,
        filter.link,
        &kinds,
        &states,
        before,
        limit,
        filter.overdue,
        filter.fact.as_ref().map(|fact| &*fact.0),
        filter.fact.as_ref().map(|fact| &*fact.1),
    )
    .fetch_all(tx.conn())
    .await?)
}

/// First what has been in its state for longest, after this one.
pub async fn list_longest(
    tx: &mut TenantTx,
    filter: &Filter,
    after: Option<(OffsetDateTime, Uuid)>,
    limit: i64,
) -> Result<Vec<DocumentRow>, Error> {
    let (kinds, states) = filter.without();
    let (since, id) = after.unzip();
    Ok(sqlx::query_as!(
        DocumentRow,
        "select id, kind, kind_version, number, our_role, issuer, version, state, root, since, refers_to, due_at, overdue, erased_at from document
         where ($1::varchar = '' or kind = $1) and (cardinality($2::varchar[]) = 0 or state = any($2)) and starts_with(number, $3)
           and ($4::uuid is null or id in (select document_id from document_party where link_id = $4))
           and not exists (select from unnest($5::varchar[], $6::varchar[]) as u (k, s) where k = kind and s = state)
           and ($7::timestamptz is null or (since, id) > ($7, $8::uuid))
           and (not $10 or overdue)
           and ($11::varchar is null or id in (select document_id from document_fact where name = $11 and value = $12))
         order by since, id limit $9",
        filter.kind,
        &filter.states,
        filter.number,
        filter.link,
        &kinds,
        &states,
        since,
        id,
        limit,
        filter.overdue,
        filter.fact.as_ref().map(|fact| &*fact.0),
        filter.fact.as_ref().map(|fact| &*fact.1),
    )
    .fetch_all(tx.conn())
    .await?)
}

pub async fn parties(tx: &mut TenantTx, id: Uuid) -> Result<Vec<PartyRow>, Error> {
    parties_of(tx, &[id]).await
}

/// The parties of these documents.
pub async fn parties_of(tx: &mut TenantTx, ids: &[Uuid]) -> Result<Vec<PartyRow>, Error> {
    Ok(sqlx::query_as!(
        PartyRow,
        r#"select p.document_id, p.role, p.enterprise, p.name, p.link_id, p.heard_version, p.trouble,
             coalesce(k.hosted, false) as "hosted!"
         from document_party p left join link k on k.id = p.link_id
         where p.document_id = any($1) order by p.document_id, p.place"#,
        ids,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// A party has taken a version of ours, or has said why it has not.
pub async fn heard(
    tx: &mut TenantTx,
    document: Uuid,
    link: LinkId,
    version: i64,
    trouble: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update document_party set trouble = left($4, 80),
             heard_version = case when $4 = '' then greatest(heard_version, $3) else heard_version end
         where document_id = $1 and link_id = $2",
        document,
        link.0,
        version,
        trouble,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The bytes of a version.
pub async fn version(tx: &mut TenantTx, id: Uuid, version: i64) -> Result<Option<Vec<u8>>, Error> {
    Ok(sqlx::query_scalar!(
        "select body from document_version where document_id = $1 and version = $2",
        id,
        version
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// The role of whom the link leads to, as long as the link is as its guard says: (link, epoch, grant version).
pub async fn role_on(
    tx: &mut TenantTx,
    document: Uuid,
    (link, epoch, grant_version): (LinkId, i64, i64),
) -> Result<Option<String>, Error> {
    Ok(sqlx::query_scalar!(
        "select p.role from document_party p join link k on k.id = p.link_id
         where p.document_id = $1 and k.id = $2 and k.state = 'active' and k.epoch = $3 and k.grant_version = $4",
        document,
        link.0,
        epoch,
        grant_version,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// A version of some document.
pub struct VersionRow {
    pub our_role: String,
    pub body: Vec<u8>,
}

/// Versions of these documents, by document and version, after this one; what is empty leaves all.
pub async fn versions(
    tx: &mut TenantTx,
    filter: &Filter,
    document: Option<Uuid>,
    after: Option<(Uuid, i64)>,
    limit: i64,
) -> Result<Vec<VersionRow>, Error> {
    let (id, version) = after.unzip();
    Ok(sqlx::query_as!(
        VersionRow,
        "select d.our_role, v.body from document_version v join document d on d.id = v.document_id
         where ($1::varchar = '' or d.kind = $1)
           and ($2::uuid is null or d.id in (select document_id from document_party where link_id = $2))
           and ($3::uuid is null or d.id = $3) and ($4::uuid is null or (v.document_id, v.version) > ($4, $5::bigint))
         order by v.document_id, v.version limit $6",
        filter.kind,
        filter.link,
        document,
        id,
        version,
        limit,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// A version to be kept.
pub struct NewVersion<'a> {
    pub document: Uuid,
    pub version: i64,
    pub kind_version: i32,
    pub state: &'a str,
    /// Hex.
    pub root: &'a str,
    pub at: OffsetDateTime,
    pub body: &'a [u8],
    pub texts: &'a [SectionText],
    /// Files that its texts name: (section, hash in hex).
    pub files: &'a [(String, String)],
    /// What led to it.
    pub act: Uuid,
    /// The document that its texts refer to, if they do.
    pub refers_to: Option<Uuid>,
    /// When somebody should have acted, if it has come to another state.
    pub due_at: Option<OffsetDateTime>,
    /// When something is due first then.
    pub wake_at: Option<OffsetDateTime>,
    /// What its texts say in fields that are marked for lists; none = it says nothing any more.
    pub facts: Vec<(String, Option<String>)>,
}

/// Keeps a version with the texts that it wrote, and brings the document to it.
pub async fn keep(seal: &Seal, tx: &mut TenantTx, new: &NewVersion<'_>) -> Result<(), Error> {
    sqlx::query!(
        "insert into document_version (document_id, version, body) values ($1, $2, $3)",
        new.document,
        new.version,
        new.body
    )
    .execute(tx.conn())
    .await?;
    texts::put(seal, tx, (new.document, new.version), new.texts).await?;
    texts::put_files(tx, new.document, new.files).await?;
    sqlx::query!(
        "update document set version = $2, since = case when state = $3 then since else $4 end,
             due_at = case when stays then due_at else $7 end, overdue = stays and overdue,
             wake_at = case when stays then wake_at else $8 end, reminded = case when stays then reminded else 0 end,
             state = $3, kind_version = $9, root = $5, refers_to = coalesce($6, refers_to)
         from (select state = $3 and kind_version = $9 as stays from document where id = $1) as now
         where id = $1",
        new.document,
        new.version,
        new.state,
        new.at,
        new.root,
        new.refers_to,
        new.due_at,
        new.wake_at,
        new.kind_version,
    )
    .execute(tx.conn())
    .await?;
    if new.wake_at.is_some() {
        tx.set_timer().await?;
    }
    facts::put(tx, new.document, &new.facts).await?;
    // What builds on an older version is over, on every node.
    sqlx::query!(
        "update document_act set state = 'refused', reason = 'SUPERSEDED'
         where document_id = $1 and state = 'open' and base < $2 and id <> $3",
        new.document,
        new.version,
        new.act,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Documents that are about others that are about this one.
pub async fn about_those(tx: &mut TenantTx, document: Uuid) -> Result<Vec<DocumentRow>, Error> {
    Ok(sqlx::query_as!(
        DocumentRow,
        "select id, kind, kind_version, number, our_role, issuer, version, state, root, since, refers_to, due_at, overdue, erased_at from document
         where refers_to in (select id from document where refers_to = $1) order by id",
        document,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Documents that are about this one.
pub async fn about(tx: &mut TenantTx, document: Uuid) -> Result<Vec<DocumentRow>, Error> {
    Ok(sqlx::query_as!(
        DocumentRow,
        "select id, kind, kind_version, number, our_role, issuer, version, state, root, since, refers_to, due_at, overdue, erased_at from document
         where refers_to = $1 order by id",
        document,
    )
    .fetch_all(tx.conn())
    .await?)
}
