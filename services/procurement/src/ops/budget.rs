//! Budgets: what may be spent, what is bound of it, and what an approver sees beside a request.

use hansa_directory::{Session, audit};
use hansa_documents::{Bound, KeeperFuture, Outlook, Purse};
use hansa_tenancy::TenantTx;
use hansa_vocab::{
    Action,
    decide::{Decision, decide},
};
use uuid::Uuid;

use super::{Procurement, invalid};
use crate::{
    Error,
    store::{self, BudgetRow},
};

const COST_MAX: usize = 40;

/// What stands beside a request.
pub(crate) struct Beside {
    pub outlook: Outlook,
    /// The budget that pays for it, as far as the caller may see it.
    pub budget: Option<BudgetRow>,
    /// What the request would bind on top; 0 when it is bound already, or can't be told.
    pub request: i64,
    pub over: bool,
}

impl Purse for Procurement {
    fn bind<'a>(&'a self, tx: &'a mut TenantTx, bound: Bound) -> KeeperFuture<'a> {
        Box::pin(async move {
            let bound = match &*bound.accounting_cost {
                "" => Bound { amount: 0, ..bound },
                _ => bound,
            };
            Ok(store::bind(tx, &bound, self.tenancy.clock().now().date()).await?)
        })
    }
}

impl Procurement {
    pub(crate) async fn put_budget(&self, session: &Session, row: BudgetRow) -> Result<BudgetRow, Error> {
        let plain = |text: &str| (1..=COST_MAX).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        if !plain(&row.accounting_cost) {
            return Err(invalid(
                "accounting_cost",
                "1 to 40 characters, none of them a control character",
            ));
        }
        if row.currency.len() != 3 || !row.currency.bytes().all(|one| one.is_ascii_uppercase()) {
            return Err(invalid("currency", "a code of ISO 4217, such as EUR"));
        }
        if row.ends_on < row.begins_on {
            return Err(invalid("ends_on", "is before begins_on"));
        }
        if row.amount < 0 {
            return Err(invalid("amount", "zero or more, in minor units"));
        }
        let mut tx = self.tenancy.begin("procurement.put_budget", session).await?;
        if store::overlaps(&mut tx, &row).await? {
            return Err(invalid(
                "begins_on",
                "another budget of this cost is for some of these days",
            ));
        }
        store::put_budget(&mut tx, &row).await?;
        let (line, actor) = (self.tenancy.ids().uuid(), session.staff().to_string());
        let resource = format!("budget/{}", row.accounting_cost);
        audit(&mut tx, line, &actor, "budget.write", &resource, &session.rule()).await?;
        let kept = store::budgets(&mut tx, Some((&row.accounting_cost, row.begins_on))).await?;
        tx.commit().await?;
        kept.into_iter()
            .next()
            .ok_or_else(|| invalid("accounting_cost", "was not kept"))
    }

    pub(crate) async fn budgets(&self, session: &Session) -> Result<Vec<BudgetRow>, Error> {
        let mut tx = self.tenancy.begin("procurement.budgets", session).await?;
        store::budgets(&mut tx, None).await
    }

    /// What an approver looks at beside a request.
    pub(crate) async fn beside(&self, session: &Session, document: Uuid) -> Result<Beside, Error> {
        let mut tx = self.tenancy.begin("procurement.outlook", session).await?;
        let mut outlook = self.documents.outlook(&mut tx, document).await?;
        let may = |action| matches!(decide(session.roles(), action), Decision::Allow(_));
        if !may(Action::StockRead) {
            outlook.stock.clear();
        }
        let today = self.tenancy.clock().now().date();
        let budget = match &*outlook.accounting_cost {
            cost if !cost.is_empty() && may(Action::BudgetRead) => {
                store::budgets(&mut tx, Some((cost, today))).await?.into_iter().next()
            }
            _ => None,
        };
        let same = budget
            .as_ref()
            .is_some_and(|budget| budget.currency == outlook.currency);
        let request = outlook.total.filter(|_| same && !outlook.bound).unwrap_or(0);
        let over = budget
            .as_ref()
            .is_some_and(|budget| budget.bound.saturating_add(request) > budget.amount);
        Ok(Beside {
            outlook,
            budget,
            request,
            over,
        })
    }
}
