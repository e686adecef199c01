//! How much of a line others may be about: what goes back is no more than what came in, and what is credited for something missing no
//! more than what is missing.

use std::collections::BTreeMap;

use hansa_tenancy::TenantTx;
use uuid::Uuid;

use super::{Documents, Known, stock::Standing};
use crate::{
    Error,
    model::{
        Contents, Kind, content,
        kind::Holds,
        reference::{AtMost, Reference},
        said::{Said, as_answered},
        stock::Amount,
    },
    store::{self, DocumentRow},
};

/// Millionths of the unit, by line.
type Sums = BTreeMap<String, i64>;

impl Documents {
    /// Refuses a step of ours that brings lines beyond what they may come to.
    pub(super) async fn bounded(&self, tx: &mut TenantTx, (row, kind): (&DocumentRow, &Kind)) -> Result<(), Error> {
        let about = kind.refers_to.as_ref().filter(|one| one.at_most.is_some());
        if about.is_some() || kind.evidence.iter().any(|one| one.at_most.is_some()) {
            let known = self.locked(tx, row.id).await?;
            let standings = self.standings(tx, &known).await?;
            let newest = |of: fn(&Contents) -> Option<Uuid>| standings.iter().rev().find_map(|(_, said)| of(said));
            if let (Some(reference), Some(id)) = (about, newest(content::refers_to)) {
                // Whoever comes second sees what the first one has added.
                store::lock(tx, id).await?;
                let others = store::about(tx, id).await?;
                self.bounded_by(tx, (id, std::slice::from_ref(reference)), others, false)
                    .await?;
            }
            if let Some(id) = newest(content::evidence) {
                store::lock(tx, id).await?;
                let mut others = Vec::new();
                for other in store::shown_by(tx, id).await? {
                    others.extend(store::find(tx, other).await?);
                }
                self.bounded_by(tx, (id, &kind.evidence), others, true).await?;
            }
        }
        // What was received is corrected: no less than what has gone back of it.
        if kind.section(Holds::Receipts).is_none() {
            return Ok(());
        }
        for other in store::about(tx, row.id).await? {
            let of_other = self.kind_of(tx, &other).await?;
            if let Some(reference) = of_other.refers_to.as_ref().filter(|one| one.at_most.is_some()) {
                let others = store::about(tx, row.id).await?;
                let by = (row.id, std::slice::from_ref(reference));
                return self.bounded_by(tx, by, others, false).await;
            }
        }
        Ok(())
    }

    /// All of these lines together, beside what the document that they name allows.
    async fn bounded_by(
        &self,
        tx: &mut TenantTx,
        (id, references): (Uuid, &[Reference]),
        others: Vec<DocumentRow>,
        by_order: bool,
    ) -> Result<(), Error> {
        let Some(row) = store::lock(tx, id).await? else {
            return Ok(());
        };
        let named = self.known(tx, row).await?;
        let reference = references.iter().find(|one| one.kind == named.row.kind);
        let Some(at_most) = reference.and_then(|one| one.at_most) else {
            return Ok(());
        };
        let standings = self.standings(tx, &named).await?;
        let contents = standings.last().map_or(&named.contents, |(_, contents)| contents);
        let most = match by_order {
            true => self.bounds(tx, &named, at_most).await?,
            false => of_lines(contents, at_most),
        };
        let mut sums = Sums::new();
        for other in others {
            let known = self.known(tx, other).await?;
            let bounded = known.kind.refers_to.iter().chain(&known.kind.evidence);
            if !bounded
                .into_iter()
                .any(|one| one.kind == named.row.kind && one.at_most.is_some())
            {
                continue;
            }
            let standings = self.standings(tx, &known).await?;
            let counts = |(state, _): &&Standing| !known.kind.is_nothing(state);
            let Some((_, contents)) = standings.iter().rev().find(counts) else {
                continue;
            };
            for line in as_answered(contents, &Contents::new()) {
                let amount = line.quantity.as_ref().and_then(Amount::read).unwrap_or_default();
                let sum = sums.entry(line.of_line).or_default();
                *sum = sum.saturating_add(amount.micros());
            }
        }
        for (line, sum) in sums {
            let most = most.get(&line).copied().unwrap_or(0);
            if sum > most {
                let left = Amount::default().same(most).quantity().digits();
                let text = format!(
                    "line {line} of {}: {left} in all, less what others are about",
                    named.row.number
                );
                return Err(Error::Invalid { field: "lines", text });
            }
        }
        Ok(())
    }

    /// What each line of the order in the end comes to by a document.
    pub(super) async fn bounds(&self, tx: &mut TenantTx, known: &Known, at_most: AtMost) -> Result<Sums, Error> {
        let mut sums = of_lines(&known.contents, at_most);
        let (mut contents, mut next) = (known.contents.clone(), known.row.refers_to);
        while let Some(id) = next {
            let said = Said::of(&contents);
            let mut above = Sums::new();
            for line in said.lines {
                let sum = above.entry(line.of_line.clone()).or_default();
                *sum = sum.saturating_add(sums.get(&line.id).copied().unwrap_or(0));
            }
            sums = above;
            let Some(row) = store::find(tx, id).await? else { break };
            next = row.refers_to;
            if next.is_some() {
                contents = self.known(tx, row).await?.contents;
            }
        }
        Ok(sums)
    }
}

/// What has come in of each line, or what is missing of it.
fn of_lines(contents: &Contents, at_most: AtMost) -> Sums {
    let said = Said::of(contents);
    let lines = as_answered(contents, &Contents::new()).into_iter().map(|line| {
        let amount = |quantity: Option<&_>| quantity.and_then(Amount::read).unwrap_or_default().micros();
        let receipt = said.receipts.get(&*line.id);
        let came = receipt.map_or(0, |receipt| amount(receipt.received.as_ref()));
        let sum = match at_most {
            AtMost::Received => came,
            AtMost::Missing if receipt.is_none() => 0,
            AtMost::Missing => amount(line.quantity.as_ref()).saturating_sub(came),
        };
        (line.id, sum)
    });
    lines.collect()
}
