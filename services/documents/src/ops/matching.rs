//! What is to be paid beside what was ordered and has come: the figures, from documents of both sides. Whoever keeps the tolerances
//! says whether they fit; then our own act comes by itself.

use std::collections::BTreeMap;

use hansa_directory::audit;
use hansa_proto::{documents::v1::Line, types::v1::Quantity};
use hansa_tenancy::{Mark, TenantTx};
use hansa_trade::{Decimal, matching::Papers, net, ubl::PaperKind};
use hansa_vault::derived_id;
use hansa_vocab::LinkId;
use uuid::Uuid;

use super::{
    Documents, Known, SystemWish,
    papers::{called, said_by},
};
use crate::{
    Error,
    keeper::ToMatch,
    model::{Contents, Kind, Stock, account::Matching, said::Said, stock::Amount},
    store::{self, DocumentRow},
};

/// As what nobody acts.
pub(super) const MATCH: &str = "match";

impl Documents {
    /// Compares what a step of this document touches: itself, and what else is about the same order.
    pub(crate) async fn compare(&self, tx: &mut TenantTx, (row, kind): (&DocumentRow, &Kind)) -> Result<(), Error> {
        let Some(matcher) = self.matcher.get() else {
            return Ok(());
        };
        let touches = kind.states.values().any(|state| state.account.is_some())
            || kind.stock_of(&row.our_role).contains(&Stock::Received);
        if !touches {
            return Ok(());
        }
        let known = self.locked(tx, row.id).await?;
        let mut all = vec![known];
        if let Some(order) = self.order_of(tx, &all[0]).await? {
            for other in store::about(tx, order.row.id).await? {
                if other.id != row.id {
                    let known = self.known(tx, other).await?;
                    all.push(known);
                }
            }
        }
        for known in all {
            let Some(matching) = wanted(&known) else {
                if known.kind.states.values().any(|state| state.matching.is_some()) {
                    matcher.decided(tx, known.row.id).await?;
                }
                continue;
            };
            if self.is_said(tx, &known).await? {
                continue;
            }
            let then = matching.then.clone();
            let of = self.figures_of(tx, &known).await?;
            if matcher.fits(tx, of).await? {
                let version = known.row.version.to_be_bytes();
                let wish = SystemWish {
                    document: known.row.id,
                    id: derived_id(&[b"hansa/match\0", known.row.id.as_bytes(), &version]),
                    act: &then,
                    contents: Contents::new(),
                    actor: MATCH,
                };
                self.by_rule(tx, known, wish, "document.match").await?;
            }
        }
        Ok(())
    }

    /// Does what a rule of ours lets through. What can't be, such as on a link that is suspended, is left to somebody, and undoes nothing
    /// else: a partner's message does not fail for that.
    pub(super) async fn by_rule(
        &self,
        tx: &mut TenantTx,
        known: Known,
        wish: SystemWish<'_>,
        action: &str,
    ) -> Result<(), Error> {
        let (document, act, actor) = (known.row.id, wish.act.to_owned(), wish.actor.to_owned());
        tx.savepoint(Mark::Fitting).await?;
        match self.act_by_itself(tx, known, wish).await {
            Err(error) if error.is_for_good() => {
                tx.undo_to(Mark::Fitting).await?;
                let (line, resource) = (self.tenancy.ids().uuid(), format!("document/{document}"));
                let said = format!("{act} not done: {error}");
                Ok(audit(tx, line, &actor, action, &resource, &said).await?)
            }
            done => done,
        }
    }

    /// A step of ours is under way that its issuer has not counted yet, or that a colleague has to approve.
    pub(super) async fn is_said(&self, tx: &mut TenantTx, known: &Known) -> Result<bool, Error> {
        let seal = self.vault.seal(tx).await?;
        let sent = store::pending(&seal, tx, known.row.id, &known.row.our_role).await?;
        Ok(!sent.is_empty() || !store::held(&seal, tx, known.row.id).await?.is_empty())
    }

    /// What a document says beside what was ordered and has come.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], also when nothing is to be compared in documents of its kind.
    pub async fn to_match(&self, tx: &mut TenantTx, id: Uuid) -> Result<ToMatch, Error> {
        let row = store::find(tx, id).await?.ok_or(Error::NotFound("document"))?;
        let known = self.known(tx, row).await?;
        if !known.kind.states.values().any(|state| state.matching.is_some()) {
            return Err(Error::NotFound("document"));
        }
        self.figures_of(tx, &known).await
    }

    async fn figures_of(&self, tx: &mut TenantTx, known: &Known) -> Result<ToMatch, Error> {
        let said = said_by(known, &known.contents, PaperKind::Invoice);
        let mut papers = Papers {
            invoice: (said.head, said.lines),
            ..Papers::default()
        };
        let order = self.order_of(tx, known).await?;
        if let Some(order) = &order {
            let agreed = said_by(order, &order.contents, PaperKind::Order);
            papers.order = Some((agreed.head, agreed.lines));
            for row in store::about(tx, order.row.id).await? {
                let other = self.known(tx, row).await?;
                self.add(tx, &mut papers, &other, known).await?;
            }
        } else {
            self.add_credits(tx, &mut papers, (known, true)).await?;
        }
        let link = known.linked().map(|(_, link)| link).next();
        papers.twice = self.is_twice(tx, known, link).await?;
        Ok(ToMatch {
            document: known.row.id,
            number: known.row.number.clone(),
            about: order.map(|order| order.row.id),
            link,
            papers,
        })
    }

    /// Adds what another document about the order says.
    async fn add(&self, tx: &mut TenantTx, papers: &mut Papers, other: &Known, own: &Known) -> Result<(), Error> {
        let said = Said::of(&other.contents);
        let role = &own.row.our_role;
        let came = other.kind.states.get(&other.row.state);
        let came = came.is_some_and(|state| state.stock.values().any(|stock| *stock == Stock::Received));
        for line in said.lines.iter().filter(|_| came) {
            let received = said
                .receipts
                .get(&*line.id)
                .and_then(|receipt| receipt.received.as_ref());
            add(&mut papers.received, &line.of_line, received, 1);
        }
        if !in_account(other) {
            return Ok(());
        }
        // Of two that are still to be compared, the earlier one comes first.
        let open = wanted(other).is_some_and(|matching| matching.by == *role) && !self.is_said(tx, other).await?;
        let first = !open || other.row.id < own.row.id;
        if other.row.id != own.row.id && first {
            for line in &said.lines {
                add(&mut papers.before, &line.of_line, line.quantity.as_ref(), 1);
            }
            let head = said.head.cloned().unwrap_or_default();
            let charges = head.allowance_charges.iter().filter_map(|one| {
                let amount = Decimal::of(one.amount.as_ref())?.minor(&head.currency)?;
                Some(if one.charge { amount } else { -amount })
            });
            papers.charges_before = charges.fold(papers.charges_before, i64::saturating_add);
        }
        if other.row.id == own.row.id || first {
            self.add_credits(tx, papers, (other, other.row.id == own.row.id))
                .await?;
        }
        Ok(())
    }

    /// Takes off what is given back of an invoice: goods at their price, and of our own also money alone.
    async fn add_credits(
        &self,
        tx: &mut TenantTx,
        papers: &mut Papers,
        (invoice, own): (&Known, bool),
    ) -> Result<(), Error> {
        let invoiced = Said::of(&invoice.contents);
        for row in store::about(tx, invoice.row.id).await? {
            let credit = self.known(tx, row).await?;
            if !in_account(&credit) {
                continue;
            }
            let said = Said::of(&credit.contents);
            for line in &said.lines {
                let same = |one: &&&Line| one.of_line == line.of_line && one.price == line.price;
                if invoiced.lines.iter().any(|one| same(&one)) {
                    add(&mut papers.before, &line.of_line, line.quantity.as_ref(), -1);
                } else if own {
                    let quantity = line.quantity.clone().unwrap_or_default();
                    let amount = net(line, &quantity, said.currency()).unwrap_or(0);
                    let sum = papers.credited.entry(line.of_line.clone()).or_default();
                    *sum = sum.saturating_add(amount);
                }
            }
        }
        Ok(())
    }

    /// There is another one of that number from the same seller.
    async fn is_twice(&self, tx: &mut TenantTx, known: &Known, link: Option<LinkId>) -> Result<bool, Error> {
        let kinds = [known.kind.name.clone()];
        let others = store::called(tx, &kinds, &called(known), link.map(|link| link.0)).await?;
        for other in others.into_iter().filter(|other| *other != known.row.id) {
            if let Some(row) = store::find(tx, other).await? {
                let other = self.known(tx, row).await?;
                if in_account(&other) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The order in the end: what a document is about, or what that one is about. It is locked: others who compare wait.
    async fn order_of(&self, tx: &mut TenantTx, known: &Known) -> Result<Option<Known>, Error> {
        let mut next = known.row.refers_to;
        let mut found = None;
        for _ in 0..2 {
            let Some(id) = next else { break };
            let Some(row) = store::lock(tx, id).await? else { break };
            next = row.refers_to;
            found = Some(self.known(tx, row).await?);
        }
        Ok(found)
    }
}

/// What we do when it fits, if it is ours to compare and it is not done.
fn wanted(known: &Known) -> Option<&Matching> {
    let state = known.kind.states.get(&known.row.state)?;
    state
        .matching
        .as_ref()
        .filter(|matching| matching.by == known.row.our_role)
}

fn in_account(known: &Known) -> bool {
    let state = known.kind.states.get(&known.row.state);
    state.is_some_and(|state| state.account.is_some())
}

fn add(sums: &mut BTreeMap<String, i64>, line: &str, quantity: Option<&Quantity>, sign: i64) {
    if line.is_empty() {
        return;
    }
    let amount = quantity.and_then(Amount::read).unwrap_or_default().micros();
    let sum = sums.entry(line.to_owned()).or_default();
    *sum = sum.saturating_add(sign.saturating_mul(amount));
}
