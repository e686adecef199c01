//! Where goods were seen, out of documents that say what was sent and what has come in: as EPCIS tells it.

use std::sync::Arc;

use hansa_directory::Session;
use hansa_proto::documents::v1::{Content, Line, Version};
use hansa_tenancy::TenantTx;
use hansa_trade::epcis::{Moved, Step, document, events, withdraw};
use hansa_vault::derived_id;
use prost::Message as _;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Documents, arrivals::counted_at, opened};
use crate::{
    Error,
    model::{
        Contents, Kind, Stock,
        said::{Said, as_answered},
    },
    store::{self, DocumentRow, PartyRow},
};

/// Documents of one request.
const DOCUMENTS_MAX: usize = 100;

impl Documents {
    /// What these documents say of where goods were seen, as one EPCIS document.
    pub(crate) async fn seen_goods(&self, session: &Session, ids: &[Uuid]) -> Result<Value, Error> {
        if ids.is_empty() || ids.len() > DOCUMENTS_MAX {
            let text = format!("1 to {DOCUMENTS_MAX}");
            let field = "document_ids";
            return Err(Error::Invalid { field, text });
        }
        let mut tx = self.tenancy.begin("documents.seen_goods", session).await?;
        let mut all = Vec::new();
        for id in ids {
            let row = store::find(&mut tx, *id).await?.ok_or(Error::NotFound("document"))?;
            all.extend(self.seen_by(&mut tx, &row).await?);
        }
        Ok(document(&all, self.tenancy.clock().now()))
    }

    /// Version by version: what left with one, and what came in with one. Receipts that are written again withdraw what was told.
    async fn seen_by(&self, tx: &mut TenantTx, row: &DocumentRow) -> Result<Vec<Value>, Error> {
        let damaged = || Error::Damaged("document_version");
        let kind: Arc<Kind> = self.kind_of(tx, row).await?;
        let parties = store::parties(tx, row.id).await?;
        let (mut contents, mut all, mut sent) = (Contents::new(), Vec::new(), false);
        let mut came = 0..0;
        for number in 1..=row.version {
            let signed = self.signed(tx, row.id, number).await?.ok_or_else(damaged)?;
            let version = Version::decode(signed.body).map_err(|_| damaged())?;
            let texts = store::texts_of(&*self.vault.seal(tx).await?, tx, row.id, number).await?;
            let written = opened(&texts)?;
            let at = counted_at(&version).ok_or_else(damaged)?;
            let received = written.values().any(is_receipts);
            contents.extend(written);
            let state = kind.states.get(&version.state);
            let leaves = state.is_some_and(|state| state.stock.values().any(|stock| *stock == Stock::Despatched));
            let steps = [(Step::Shipping, leaves && !sent), (Step::Receiving, received)];
            sent |= leaves;
            for (step, _) in steps.into_iter().filter(|(_, happened)| *happened) {
                let lines = moved(&contents, step);
                let told = events_of(row, (&kind, &parties), (step, at, number), &lines);
                if step == Step::Receiving {
                    let instead: Vec<&Value> = told.iter().collect();
                    all[came].iter_mut().for_each(|event| withdraw(event, at, &instead));
                    came = all.len()..all.len() + told.len();
                }
                all.extend(told);
            }
        }
        Ok(all)
    }
}

/// What one version tells.
fn events_of(
    row: &DocumentRow,
    (kind, parties): (&Kind, &[PartyRow]),
    (step, at, version): (Step, OffsetDateTime, i64),
    lines: &[Line],
) -> Vec<Value> {
    let who = |stock: Stock| {
        let role = kind.states.values().find_map(|state| {
            let mut pairs = state.stock.iter();
            pairs.find(|(_, one)| **one == stock).map(|(role, _)| role)
        });
        let party = parties.iter().find(|party| Some(&party.role) == role);
        party.map_or("", |party| &*party.enterprise)
    };
    let (from, to) = (who(Stock::Despatched), who(Stock::Received));
    let own = match (kind.reverse, step) {
        (true, _) => "rma",
        (false, Step::Shipping) => "desadv",
        (false, Step::Receiving) => "recadv",
    };
    let mut transactions = vec![(own, row.id.to_string())];
    if let Some(about) = row.refers_to {
        let what = if kind.reverse { "desadv" } else { "po" };
        transactions.push((what, about.to_string()));
    }
    let moved = Moved {
        step,
        back: kind.reverse,
        at,
        lines,
        from,
        to,
        seller: if kind.reverse { to } else { from },
        transactions: &transactions,
    };
    let step = [u8::from(step == Step::Receiving)];
    let id = |place: usize| {
        let (version, place) = (version.to_be_bytes(), place.to_be_bytes());
        derived_id(&[b"hansa/epcis\0", row.id.as_bytes(), &version, &step, &place]).to_string()
    };
    events(&moved, id)
}

fn is_receipts(content: &Content) -> bool {
    matches!(
        content.body,
        Some(hansa_proto::documents::v1::content::Body::Receipts(_))
    )
}

/// The lines that moved, with what moved of them.
fn moved(contents: &Contents, step: Step) -> Vec<Line> {
    let said = Said::of(contents);
    let lines = as_answered(contents, &Contents::new()).into_iter();
    let lines = lines.filter_map(|line| match step {
        Step::Shipping => Some(line),
        Step::Receiving => {
            let received = said.receipts.get(&*line.id)?.received.clone()?;
            (received.value > 0).then_some(Line {
                quantity: Some(received),
                ..line
            })
        }
    });
    lines.collect()
}
