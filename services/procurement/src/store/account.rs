//! SQL of accounts with partners, nothing else.

use hansa_documents::{Account, Entry};
use hansa_tenancy::TenantTx;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::Error;

/// Something that is open.
#[derive(Clone, Debug)]
pub struct ItemRow {
    pub document_id: Uuid,
    pub version: i64,
    pub kind: String,
    pub number: String,
    pub called: String,
    pub owed_to_us: bool,
    pub state: String,
    pub currency: String,
    pub amount: i64,
    pub disputed: i64,
    pub reason: String,
    pub evidence: String,
    pub issued_on: Date,
    pub due_on: Date,
    pub deadline: Option<OffsetDateTime>,
}

/// What an account with a partner is compared by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkRow {
    pub document_id: Uuid,
    pub version: i64,
    pub root: String,
}

/// What is owed in one currency, one way, due on one day.
#[derive(Clone, Debug)]
pub struct SumRow {
    pub currency: String,
    pub owed_to_us: bool,
    pub due_on: Date,
    pub items: i64,
    pub amount: i64,
    pub disputed: i64,
}

pub async fn enter(tx: &mut TenantTx, entry: &Entry) -> Result<(), sqlx::Error> {
    let standing = match entry.standing {
        Some(Account::Open) => "open",
        Some(Account::Settled) => "settled",
        None => "none",
    };
    sqlx::query!(
        "insert into account_entry (document_id, version, link_id, kind, number, called, owed_to_us, standing, state, currency, amount,
             disputed, reason, evidence, issued_on, due_on, deadline, at, root)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
         on conflict (document_id, version) do nothing",
        entry.document,
        entry.version,
        entry.link.0,
        entry.kind,
        entry.number,
        entry.called,
        entry.owed_to_us,
        standing,
        entry.state,
        entry.currency,
        entry.amount,
        entry.disputed,
        entry.reason,
        entry.evidence,
        entry.issued_on,
        entry.due_on,
        entry.deadline,
        entry.at,
        entry.root,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What was open with a partner at a moment, by document, after this one.
pub async fn items(
    tx: &mut TenantTx,
    link: Uuid,
    as_of: OffsetDateTime,
    (after, limit): (Uuid, i64),
) -> Result<Vec<ItemRow>, Error> {
    Ok(sqlx::query_as!(
        ItemRow,
        "select document_id, version, kind, number, called, owed_to_us, state, currency, amount, disputed, reason, evidence, issued_on,
             due_on, deadline
         from account_entry e
         where link_id = $1 and standing = 'open' and at <= $2 and document_id > $3
           and not exists (select from account_entry n where n.document_id = e.document_id and n.version > e.version and n.at <= $2)
         order by document_id limit $4",
        link,
        as_of,
        after,
        limit,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// What all of it comes to.
pub async fn sums(tx: &mut TenantTx, link: Uuid, as_of: OffsetDateTime) -> Result<Vec<SumRow>, Error> {
    Ok(sqlx::query_as!(
        SumRow,
        r#"select currency, owed_to_us, due_on, count(*) as "items!", greatest(least(sum(amount), 4e18), -4e18)::bigint as "amount!",
               greatest(least(sum(disputed), 4e18), -4e18)::bigint as "disputed!"
           from account_entry e
           where link_id = $1 and standing = 'open' and at <= $2
             and not exists (select from account_entry n where n.document_id = e.document_id and n.version > e.version and n.at <= $2)
           group by 1, 2, 3 order by 1, 2, 3"#,
        link,
        as_of,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// What was invoiced in one month with one partner; none = with all that are not among the largest.
#[derive(Clone, Debug)]
pub struct TurnoverRow {
    pub link_id: Option<Uuid>,
    pub currency: String,
    /// Its first day.
    pub month: Date,
    pub bought: i64,
    pub sold: i64,
    pub documents: i64,
}

/// What was invoiced from one day until before another, less what credit notes took back: the newest version of each document counts,
/// as long as it stands in the account or has stood in it. So many partners of each currency are named, the largest.
pub async fn turnover(
    tx: &mut TenantTx,
    (from, until): (Date, Date),
    named: i64,
) -> Result<Vec<TurnoverRow>, sqlx::Error> {
    sqlx::query_as!(
        TurnoverRow,
        r#"with entry as (
               select e.link_id, e.currency, date_trunc('month', e.issued_on::timestamp)::date as month,
                   case when e.kind <> 'credit_note' and not e.owed_to_us then e.amount
                        when e.kind = 'credit_note' and e.owed_to_us then -e.amount else 0 end as bought,
                   case when e.kind <> 'credit_note' and e.owed_to_us then e.amount
                        when e.kind = 'credit_note' and not e.owed_to_us then -e.amount else 0 end as sold
               from account_entry e
               where e.issued_on >= $1 and e.issued_on < $2 and e.standing <> 'none'
                 and not exists (select from account_entry n where n.document_id = e.document_id and n.version > e.version)
           ),
           partner as (
               select link_id, currency, sum(bought + sold) as total,
                   rank() over (partition by currency order by sum(bought + sold) desc, link_id) as place
               from entry group by link_id, currency
           )
           select case when p.place <= $3 then e.link_id end as link_id, e.currency, e.month as "month!",
               greatest(least(sum(e.bought), 4e18), -4e18)::bigint as "bought!",
               greatest(least(sum(e.sold), 4e18), -4e18)::bigint as "sold!", count(*) as "documents!"
           from entry e join partner p on p.link_id = e.link_id and p.currency = e.currency
           group by 1, 2, 3
           order by 2, max(case when p.place <= $3 then p.total end) desc nulls last, 1, 3"#,
        from,
        until,
        named,
    )
    .fetch_all(tx.conn())
    .await
}

/// What it is compared by, in order of the documents.
pub async fn marks(tx: &mut TenantTx, link: Uuid, as_of: OffsetDateTime) -> Result<Vec<MarkRow>, Error> {
    Ok(sqlx::query_as!(
        MarkRow,
        "select document_id, version, root from account_entry e
         where link_id = $1 and standing = 'open' and at <= $2
           and not exists (select from account_entry n where n.document_id = e.document_id and n.version > e.version and n.at <= $2)
         order by document_id",
        link,
        as_of,
    )
    .fetch_all(tx.conn())
    .await?)
}
