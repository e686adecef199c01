//! What documents mean for our stock: after each step it is brought to what all that we have signed comes to.

use std::collections::BTreeMap;

use hansa_proto::documents::v1::{Act, content::Body};
use hansa_tenancy::TenantTx;
use hansa_vocab::LinkId;
use prost::Message as _;
use uuid::Uuid;

use super::{Documents, Known, matching::MATCH, opened};
use crate::{
    Error,
    admission::Need,
    keeper::Due,
    model::{
        Contents, Kind, Step, Stock, content,
        proposal::ACCEPT,
        reference::AtMost,
        stock::{self, Amount, DueLine},
    },
    store::{self, DocumentRow},
};

/// Where a document stands, or would stand if a step of ours counts.
pub(super) type Standing = (String, Contents);

/// How far a line has come.
#[derive(Debug)]
pub(crate) struct Progress {
    pub line: String,
    pub agreed: Amount,
    pub done: i64,
}

impl Documents {
    /// Brings our budgets, agreed prices, accounts and our stock to what a document means by now, and to what the one that it is about means
    /// then, and compares what is to be paid. `strict`: it is our own step, and what can't be is refused.
    pub(crate) async fn bring(
        &self,
        tx: &mut TenantTx,
        (row, kind): (&DocumentRow, &Kind),
        actor: &str,
        strict: bool,
    ) -> Result<(), Error> {
        self.bind(tx, (row, kind)).await?;
        self.agree(tx, (row, kind), strict).await?;
        self.enter(tx, (row, kind)).await?;
        if strict {
            self.bounded(tx, (row, kind)).await?;
        }
        self.bring_stock(tx, (row, kind), actor, strict).await?;
        // What came of a comparison is not compared again: its siblings were.
        if actor == MATCH {
            return Ok(());
        }
        Box::pin(self.compare(tx, (row, kind))).await?;
        match strict {
            true => Ok(()),
            false => Box::pin(self.accept_by_rule(tx, (row, kind))).await,
        }
    }

    async fn bring_stock(
        &self,
        tx: &mut TenantTx,
        (row, kind): (&DocumentRow, &Kind),
        actor: &str,
        strict: bool,
    ) -> Result<(), Error> {
        if self.keeper.get().is_none() || kind.stock_of(&row.our_role).is_empty() {
            return Ok(());
        }
        let known = self.locked(tx, row.id).await?;
        let standings = self.standings(tx, &known).await?;
        let about = match standings.iter().find_map(|(_, contents)| content::refers_to(contents)) {
            Some(about) => match store::lock(tx, about).await? {
                Some(row) => Some(self.known(tx, row).await?),
                None => None,
            },
            None => None,
        };
        let of_about = about.as_ref().map(|about| location(&about.contents));
        let received_at = standings.last().and_then(|(_, contents)| received_at(contents));
        if kind.reverse {
            let place = received_at.unwrap_or_default();
            self.bring_one(tx, &known, &standings, (None, &place), (actor, strict))
                .await?;
            return self.reopen(tx, &known, about, actor).await;
        }
        if strict && let Some(about) = &about {
            self.within(tx, about).await?;
        }
        let own = standings.last().map(|(_, contents)| location(contents));
        let place = received_at.or(of_about.filter(|place| !place.is_empty())).or(own);
        let (place, refers_to) = (place.unwrap_or_default(), about.as_ref().map(|about| about.row.id));
        self.bring_one(tx, &known, &standings, (refers_to, &place), (actor, strict))
            .await?;
        if let Some(about) = about {
            let standings = self.standings(tx, &about).await?;
            let place = location(&about.contents);
            self.bring_one(tx, &about, &standings, (None, &place), (actor, false))
                .await?;
        }
        Ok(())
    }

    /// What has come back and is to be delivered once more is promised and expected again, by the order of what was sent.
    async fn reopen(&self, tx: &mut TenantTx, known: &Known, about: Option<Known>, actor: &str) -> Result<(), Error> {
        let order = about.and_then(|about| about.row.refers_to);
        let Some(order) = order.filter(|_| known.kind.states.values().any(|state| state.reopens)) else {
            return Ok(());
        };
        let Some(row) = store::lock(tx, order).await? else {
            return Ok(());
        };
        let order = self.known(tx, row).await?;
        let standings = self.standings(tx, &order).await?;
        let place = location(&order.contents);
        self.bring_one(tx, &order, &standings, (None, &place), (actor, false))
            .await
    }

    async fn bring_one(
        &self,
        tx: &mut TenantTx,
        Known { row, kind, parties, .. }: &Known,
        standings: &[Standing],
        (refers_to, location): (Option<Uuid>, &str),
        (actor, strict): (&str, bool),
    ) -> Result<(), Error> {
        let role = &*row.our_role;
        let Some(keeper) = self.keeper.get() else { return Ok(()) };
        let link = parties.iter().find_map(|party| party.link_id).map(LinkId);
        let given = self.given(tx, kind, Need::Stock).await?;
        for respect in kind.stock_of(role) {
            let holds = matches!(respect, Stock::Promised | Stock::Expected);
            if !given && !holds {
                continue;
            }
            let all = standings
                .iter()
                .map(|(state, contents)| stock::due(kind, state, role, respect, contents));
            let mut lines = all.fold(Vec::new(), stock::most);
            if holds {
                lines = stock::outstanding(lines, &self.done(tx, row.id).await?);
            }
            if !given {
                // What was given and is no more holds nothing.
                lines.clear();
            }
            let due = Due {
                document: row.id,
                refers_to,
                link,
                stock: respect,
                lines: &lines,
                location,
                actor,
                strict,
            };
            keeper.bring(tx, due).await?;
        }
        Ok(())
    }

    /// Where it stands, and where it would stand with each of our steps that nobody has ruled on.
    pub(super) async fn standings(&self, tx: &mut TenantTx, known: &Known) -> Result<Vec<Standing>, Error> {
        let Known {
            row, kind, contents, ..
        } = known;
        let document = known.document();
        let mut all = vec![(row.state.clone(), contents.clone())];
        for sent in store::pending(&*self.vault.seal(tx).await?, tx, row.id, &row.our_role).await? {
            let damaged = |_| Error::Damaged("document_act");
            let signed = sent.act.unwrap_or_default();
            let act = Act::decode(signed.body).map_err(damaged)?;
            let (act, texts) = match act.name == ACCEPT {
                true => match self
                    .proposals(tx, &[row.id])
                    .await?
                    .into_iter()
                    .find(|open| open.act.id == act.proposal)
                {
                    Some(open) => (open.act, open.sent.texts),
                    None => continue,
                },
                false => (act, sent.texts),
            };
            let written = opened(&texts)?;
            let step = Step {
                act: &act.name,
                role: &act.role,
                base: act.base,
                contents: &written,
            };
            if let Ok(state) = document.judge(&step) {
                let cleared = kind.acts.get(&act.name).map_or(&[][..], |act| &act.clears);
                let mut next = contents.clone();
                next.retain(|section, _| !cleared.contains(section));
                next.extend(written);
                all.push((state, next));
            }
        }
        Ok(all)
    }

    /// How much of each line is done, by the documents that are about this one: what has left us, or has come in or was lost.
    async fn done(&self, tx: &mut TenantTx, document: Uuid) -> Result<BTreeMap<String, i64>, Error> {
        let mut done = BTreeMap::new();
        for row in store::about(tx, document).await? {
            let known = self.known(tx, row).await?;
            let standings = self.standings(tx, &known).await?;
            let moved = |state: &String| {
                let state = known.kind.states.get(state);
                state.is_some_and(|state| state.stock.contains_key(&known.row.our_role))
            };
            // A step of ours that is under way comes last.
            let Some((_, contents)) = standings.iter().rev().find(|(state, _)| moved(state)) else {
                continue;
            };
            for content in contents.values() {
                let Some(Body::Lines(lines)) = &content.body else {
                    continue;
                };
                for line in &lines.lines {
                    let amount = line.quantity.as_ref().and_then(Amount::read).unwrap_or_default();
                    let sum: &mut i64 = done.entry(line.of_line.clone()).or_default();
                    *sum = sum.saturating_add(amount.micros());
                }
            }
        }
        if done.is_empty() {
            return Ok(done);
        }
        for row in store::about_those(tx, document).await? {
            let known = self.known(tx, row).await?;
            if !known
                .kind
                .states
                .get(&known.row.state)
                .is_some_and(|state| state.reopens)
            {
                continue;
            }
            for (line, received) in self.bounds(tx, &known, AtMost::Received).await? {
                if let Some(done) = done.get_mut(&line) {
                    *done = done.saturating_sub(received);
                }
            }
        }
        Ok(done)
    }

    /// How far each line has come.
    pub(crate) async fn progress(
        &self,
        tx: &mut TenantTx,
        Known {
            row, kind, contents, ..
        }: &Known,
    ) -> Result<Vec<Progress>, Error> {
        let agreed = agreed(row, kind, contents);
        if agreed.is_empty() {
            return Ok(Vec::new());
        }
        let done = self.done(tx, row.id).await?;
        let progress = agreed.into_iter().map(|due| Progress {
            done: done.get(&due.line).copied().unwrap_or(0),
            line: due.line,
            agreed: due.amount,
        });
        Ok(progress.collect())
    }

    /// Is all that is done among what is agreed.
    async fn within(&self, tx: &mut TenantTx, about: &Known) -> Result<(), Error> {
        let Known {
            row: about,
            kind,
            contents,
            ..
        } = about;
        let agreed = agreed(about, kind, contents);
        for (line, done) in self.done(tx, about.id).await? {
            let of_line = agreed.iter().find(|due| due.line == line);
            let most = of_line.map_or(0, |due| due.amount.micros());
            if done > most {
                let number = &about.number;
                let text = match of_line {
                    None => format!("{number} has no line {line} that is still to come"),
                    Some(_) => format!("line {line} of {number} comes to more than was agreed"),
                };
                return Err(Error::Invalid { field: "lines", text });
            }
        }
        Ok(())
    }
}

/// The lines that our stock is held for, or waits for.
fn agreed(row: &DocumentRow, kind: &Kind, contents: &Contents) -> Vec<DueLine> {
    let all = [Stock::Promised, Stock::Expected].into_iter();
    let all = all.flat_map(|respect| stock::due(kind, &row.state, &row.our_role, respect, contents));
    all.collect()
}

/// Where whoever has received the goods says that they are.
fn received_at(contents: &Contents) -> Option<String> {
    let found = contents.values().find_map(|content| match &content.body {
        Some(Body::Receipts(receipts)) => Some(receipts.location.clone()),
        _ => None,
    });
    found.filter(|place| !place.is_empty())
}

/// The buyer's code of the place where the goods come in.
fn location(contents: &Contents) -> String {
    let found = contents.values().find_map(|content| match &content.body {
        Some(Body::Head(head)) => Some(head.delivery_location.clone()),
        _ => None,
    });
    found.unwrap_or_default()
}
