//! What a document means for stock, as figures: what is promised, expected, despatched, received, line by line.

use std::collections::BTreeMap;

use hansa_proto::{
    documents::v1::{Answer, Line, Verdict, content::Body},
    types::v1::Quantity as WireQuantity,
};
use hansa_vocab::{Quantity, Unit};

use super::{Contents, Kind, Stock};

/// Decimal places of an [`Amount`].
const PLACES: u8 = 6;

/// An exact amount of one unit, in millionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    micros: i64,
    unit: Unit,
}

impl Amount {
    /// Nothing of a unit.
    #[must_use]
    pub fn none(unit: Unit) -> Self {
        Self { micros: 0, unit }
    }

    /// What the wire says; `None` when it can't be so.
    #[must_use]
    pub fn read(wire: &WireQuantity) -> Option<Self> {
        let read = Quantity::new(wire.value, wire.scale, &wire.unit).ok()?;
        let micros = read.base_units(PLACES, read.unit()).ok()?;
        Some(Self {
            micros,
            unit: read.unit(),
        })
    }

    /// So many millionths of the same unit.
    #[must_use]
    pub fn same(&self, micros: i64) -> Self {
        Self { micros, ..*self }
    }

    /// Millionths of the unit.
    #[must_use]
    pub fn micros(&self) -> i64 {
        self.micros
    }

    /// The unit.
    #[must_use]
    pub fn unit(&self) -> Unit {
        self.unit
    }

    /// As vocab has it.
    #[must_use]
    pub fn quantity(&self) -> Quantity {
        Quantity::of(self.micros, PLACES, self.unit)
    }

    /// As the wire has it, in its shortest form.
    #[must_use]
    pub fn wire(&self) -> WireQuantity {
        let (value, scale) = self.quantity().shortest();
        WireQuantity {
            value,
            scale: scale.into(),
            unit: self.unit.as_str().to_owned(),
        }
    }
}

/// What one line means for stock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueLine {
    /// Its id.
    pub line: String,
    /// Our article number, if the line names it.
    pub sku: String,
    /// The article's GTIN, if the line names it.
    pub gtin: String,
    /// How much.
    pub amount: Amount,
    /// Which lot; any when empty.
    pub lot: String,
    /// The line of the document that this one is about.
    pub of_line: String,
    /// It was put off to another date: what is not there yet may come.
    pub late: bool,
}

/// What a document in that state means for the stock of a role, line by line; nothing when its state says nothing of that.
#[must_use]
pub fn due(kind: &Kind, state: &str, role: &str, stock: Stock, contents: &Contents) -> Vec<DueLine> {
    let of_state = kind.states.get(state).and_then(|state| state.stock.get(role));
    if of_state != Some(&stock) {
        return Vec::new();
    }
    let (mut lines, mut answers, mut receipts) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
    for content in contents.values() {
        match &content.body {
            Some(Body::Lines(all)) => lines.extend(&all.lines),
            Some(Body::Answers(all)) => answers.extend(all.answers.iter().map(|answer| (&*answer.line, answer))),
            Some(Body::Receipts(all)) => receipts.extend(all.receipts.iter().map(|one| (&*one.line, one))),
            Some(Body::Head(_) | Body::Remark(_) | Body::Form(_) | Body::Prices(_)) | None => {}
        }
    }
    let due = lines.into_iter().filter_map(|line| {
        let quantity = match stock {
            Stock::Received => receipts.get(&*line.id).and_then(|receipt| receipt.received.as_ref()),
            _ => line.quantity.as_ref(),
        };
        let amount = Amount::read(quantity?)?;
        // Each goes by its own article numbers, and the one who has sold the goods by the seller's.
        let sellers = matches!(stock, Stock::Promised | Stock::Despatched) != kind.reverse;
        let due = as_asked(line, amount, sellers);
        match answers.get(&*line.id) {
            Some(answer) => settled(due, answer, sellers),
            None => Some(due),
        }
    });
    due.filter(|due| due.amount.micros > 0).collect()
}

fn as_asked(line: &Line, amount: Amount, sellers: bool) -> DueLine {
    DueLine {
        line: line.id.clone(),
        sku: if sellers { &line.sku } else { &line.buyer_sku }.clone(),
        gtin: line.gtin.clone(),
        amount,
        lot: line.lot.clone(),
        of_line: line.of_line.clone(),
        late: false,
    }
}

/// A line as it was answered.
fn settled(due: DueLine, answer: &Answer, sellers: bool) -> Option<DueLine> {
    let other = answer.quantity.as_ref().and_then(Amount::read);
    let changed = DueLine {
        amount: other.unwrap_or(due.amount),
        late: !answer.on.is_empty(),
        ..due
    };
    match answer.verdict() {
        Verdict::Decline | Verdict::Unspecified => None,
        Verdict::Accept | Verdict::Change => Some(changed),
        // The other article has a number of the seller's alone.
        Verdict::Substitute => Some(DueLine {
            sku: if sellers {
                answer.substitute_sku.clone()
            } else {
                String::new()
            },
            gtin: String::new(),
            ..changed
        }),
    }
}

/// The larger of two figures for each line and article: what is there, and what is offered beside it.
#[must_use]
pub fn most(mut one: Vec<DueLine>, other: Vec<DueLine>) -> Vec<DueLine> {
    for due in other {
        let same = |had: &&mut DueLine| had.line == due.line && had.sku == due.sku && had.gtin == due.gtin;
        match one.iter_mut().find(same) {
            Some(had) if had.amount.micros >= due.amount.micros => {}
            Some(had) => *had = due,
            None => one.push(due),
        }
    }
    one
}

/// What is left of these lines when so much of each is done; what is done beyond a line leaves nothing of it.
#[must_use]
pub fn outstanding(lines: Vec<DueLine>, done: &BTreeMap<String, i64>) -> Vec<DueLine> {
    let left = lines.into_iter().map(|mut due| {
        due.amount.micros -= done.get(&due.line).copied().unwrap_or(0);
        due
    });
    left.filter(|due| due.amount.micros > 0).collect()
}

#[cfg(test)]
#[path = "stock_tests.rs"]
mod tests;
