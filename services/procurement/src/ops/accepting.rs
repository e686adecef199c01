//! Which orders of partners are accepted by themselves.

use hansa_directory::{Session, audit};
use hansa_documents::{KeeperError, ToPrice};
use hansa_tenancy::TenantTx;
use hansa_trade::net;

use super::{Procurement, invalid};
use crate::{
    Error,
    store::{self, AcceptanceRow},
};

impl Procurement {
    /// Says which orders of a partner are accepted by themselves.
    pub(crate) async fn put_acceptance(&self, session: &Session, row: AcceptanceRow) -> Result<(), Error> {
        let currency = row.currency.len() == 3 && row.currency.bytes().all(|byte| byte.is_ascii_uppercase());
        match row.amount_max {
            Some(amount) if amount <= 0 => return Err(invalid("amount_max", "more than nothing, in minor units")),
            Some(_) if !currency => return Err(invalid("currency", "ISO 4217, with an amount")),
            None if !row.currency.is_empty() => return Err(invalid("currency", "only with an amount")),
            _ => {}
        }
        let mut tx = self.tenancy.begin("procurement.put_acceptance", session).await?;
        store::put_acceptance(&mut tx, &row).await?;
        let (line, actor) = (self.tenancy.ids().uuid(), session.staff().to_string());
        let resource = format!("acceptance_rule/{}", row.link);
        audit(&mut tx, line, &actor, "budget.write", &resource, &session.rule()).await?;
        Ok(tx.commit().await?)
    }

    /// All of them.
    pub(crate) async fn acceptances(&self, session: &Session) -> Result<Vec<AcceptanceRow>, Error> {
        let mut tx = self.tenancy.begin("procurement.acceptances", session).await?;
        store::acceptances(&mut tx).await
    }

    /// There is a rule for its partner, every line has the price that was agreed, and it comes to no more than the rule lets through.
    pub(super) async fn accepted(&self, tx: &mut TenantTx, order: &ToPrice) -> Result<bool, KeeperError> {
        let rule = store::acceptance(tx, order.link.0).await?;
        let Some(rule) = rule.filter(|rule| rule.accepts) else {
            return Ok(false);
        };
        // Without an agreement, or off it in anything, somebody looks at it.
        if store::findings_of(tx, order.document).await?.as_deref() != Some("") {
            return Ok(false);
        }
        let Some(most) = rule.amount_max else { return Ok(true) };
        let lines = order.lines.first().into_iter().flatten();
        let each = lines.map(|line| net(line, &line.quantity.clone().unwrap_or_default(), &order.head.currency));
        let total = each.sum::<Result<i64, _>>();
        Ok(order.head.currency == rule.currency && total.is_ok_and(|total| total <= most))
    }
}
