//! SQL of buying, nothing else.

mod accepting;
mod account;
mod matching;
mod parties;
mod prices;

use hansa_documents::Bound;
use hansa_tenancy::TenantTx;
use time::Date;
use uuid::Uuid;

pub use accepting::{AcceptanceRow, acceptance, acceptances, findings_of, put_acceptance};
pub use account::{ItemRow, MarkRow, SumRow, TurnoverRow, enter, items, marks, sums, turnover};
pub use matching::{
    ExceptionRow, ToleranceRow, decided, exceptions, put_exception, put_tolerance, tolerance, tolerances,
};
pub use parties::{PaperParty, parties, party, put_party, remove_party};
pub use prices::{
    AgreementRow, LineRow, PricedRow, agreements, blanket, draw, drawn_by_others, draws_of, end, in_force,
    insert_agreement, insert_lines, lines_for, lines_of, lock_agreement, price_exceptions, put_priced,
};

use crate::Error;

/// A line of a requisition, and the line of an order that it has become part of.
#[derive(Clone, Debug)]
pub struct SourceRow {
    pub requisition_id: Uuid,
    pub requisition_line: String,
    pub order_id: Uuid,
    pub order_line: String,
}

/// Writes down where a line went; `Some` = the other order that it is part of already.
pub async fn claim(tx: &mut TenantTx, row: &SourceRow) -> Result<Option<Uuid>, Error> {
    let kept = sqlx::query_scalar!(
        "insert into order_source (requisition_id, requisition_line, order_id, order_line) values ($1, $2, $3, $4)
         on conflict (requisition_id, requisition_line) do update set order_id = order_source.order_id
         returning order_id",
        row.requisition_id,
        row.requisition_line,
        row.order_id,
        row.order_line,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok((kept != row.order_id).then_some(kept))
}

/// A line's order has come to nothing: it is part of this one instead.
pub async fn reclaim(tx: &mut TenantTx, row: &SourceRow) -> Result<(), Error> {
    sqlx::query!(
        "update order_source set order_id = $3, order_line = $4 where requisition_id = $1 and requisition_line = $2",
        row.requisition_id,
        row.requisition_line,
        row.order_id,
        row.order_line,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Lines of an order, or of a requisition.
pub async fn sources(tx: &mut TenantTx, document: Uuid) -> Result<Vec<SourceRow>, Error> {
    Ok(sqlx::query_as!(
        SourceRow,
        "select requisition_id, requisition_line, order_id, order_line from order_source
         where order_id = $1 or requisition_id = $1 order by requisition_id, requisition_line limit 1000",
        document,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// What may be spent in these days, and what is bound of it.
#[derive(Clone, Debug)]
pub struct BudgetRow {
    pub accounting_cost: String,
    pub begins_on: Date,
    pub ends_on: Date,
    pub currency: String,
    pub amount: i64,
    pub bound: i64,
}

pub async fn put_budget(tx: &mut TenantTx, row: &BudgetRow) -> Result<(), Error> {
    sqlx::query!(
        "insert into budget (accounting_cost, begins_on, ends_on, currency, amount) values ($1, $2, $3, $4, $5)
         on conflict (accounting_cost, begins_on) do update
         set ends_on = excluded.ends_on, currency = excluded.currency, amount = excluded.amount",
        row.accounting_cost,
        row.begins_on,
        row.ends_on,
        row.currency,
        row.amount,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Is there another budget for some of these days: it would be told which of them pays.
pub async fn overlaps(tx: &mut TenantTx, row: &BudgetRow) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select from budget where accounting_cost = $1 and begins_on <> $2 and begins_on <= $3 and ends_on >= $2) as "is!""#,
        row.accounting_cost,
        row.begins_on,
        row.ends_on,
    )
    .fetch_one(tx.conn())
    .await?)
}

/// Budgets, the newest first: all, or the one of this cost on this day.
pub async fn budgets(tx: &mut TenantTx, of: Option<(&str, Date)>) -> Result<Vec<BudgetRow>, Error> {
    let (cost, day) = of.unzip();
    Ok(sqlx::query_as!(
        BudgetRow,
        r#"select b.accounting_cost, b.begins_on, b.ends_on, b.currency, b.amount,
               (select coalesce(sum(u.amount), 0) from budget_use u where u.accounting_cost = b.accounting_cost
                   and u.on_day between b.begins_on and b.ends_on and u.currency = b.currency)::bigint as "bound!"
           from budget b
           where $1::varchar is null or (b.accounting_cost = $1 and $2::date between b.begins_on and b.ends_on)
           order by b.begins_on desc, b.accounting_cost limit 1000"#,
        cost,
        day,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Writes down what a document binds; the day on which it began to stays.
pub async fn bind(tx: &mut TenantTx, bound: &Bound, today: Date) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into budget_use (document_id, accounting_cost, on_day, currency, amount) select $1::uuid, $2::varchar, $3::date, $4::varchar, $5
         where $5::bigint <> 0 or exists (select from budget_use where document_id = $1)
         on conflict (document_id) do update set accounting_cost = excluded.accounting_cost, currency = excluded.currency,
             amount = excluded.amount, on_day = case when budget_use.amount = 0 then excluded.on_day else budget_use.on_day end",
        bound.document,
        bound.accounting_cost,
        today,
        bound.currency,
        bound.amount,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
