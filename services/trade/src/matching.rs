//! The three-way match: what is invoiced beside what was ordered and what has come in, line by line.

use std::collections::BTreeMap;

use hansa_proto::{
    documents::v1::{Head, Line},
    types::v1::Quantity,
};
use hansa_vocab::Unit;

use crate::{Decimal, totals::net};

/// Millionths of a unit.
pub(crate) const PLACES: u32 = 6;
/// Hundredths of a per cent that are the whole.
const WHOLE: i128 = 10_000;

/// What is compared.
#[derive(Clone, Debug, Default)]
pub struct Papers {
    /// What was ordered, as it was agreed; none when the invoice is about no order.
    pub order: Option<(Head, Vec<Line>)>,
    /// What is invoiced.
    pub invoice: (Head, Vec<Line>),
    /// What has come in, by line of the order, in millionths of its unit.
    pub received: BTreeMap<String, i64>,
    /// What other invoices ask for, less what credit notes give back, by line of the order.
    pub before: BTreeMap<String, i64>,
    /// What credit notes take off this invoice without giving goods back, by line of the order, in minor units.
    pub credited: BTreeMap<String, i64>,
    /// What other invoices ask for on top of their lines, in minor units.
    pub charges_before: i64,
    /// Another invoice of the same seller has the same number.
    pub twice: bool,
}

/// How far an invoice may be off, upward.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tolerance {
    /// Of a quantity: hundredths of a per cent, and millionths of the unit; the larger one counts.
    pub quantity_percent: u32,
    /// See above.
    pub quantity_units: i64,
    /// Of an amount: hundredths of a per cent, and minor units; the larger one counts.
    pub price_percent: u32,
    /// See above.
    pub price_amount: i64,
}

/// What a line of an invoice is, beside the order and what has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// More than was ordered.
    QuantityOver,
    /// Dearer than was agreed.
    PriceOver,
    /// More than has come in.
    NotReceived,
    /// Nobody has ordered that.
    NoOrder,
    /// More goes on the whole than was agreed.
    ChargeOver,
    /// In another currency than the order.
    Currency,
    /// There is an invoice of that number already.
    Twice,
}

impl Finding {
    /// The word in the database and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::QuantityOver => "quantity_over",
            Self::PriceOver => "price_over",
            Self::NotReceived => "not_received",
            Self::NoOrder => "no_order",
            Self::ChargeOver => "charge_over",
            Self::Currency => "currency",
            Self::Twice => "duplicate",
        }
    }
}

/// A line of an invoice with its figures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matched {
    /// Its id; empty = of the whole.
    pub line: String,
    /// The order's.
    pub of_line: String,
    /// Millionths of the unit.
    pub ordered: i64,
    /// The same.
    pub received: i64,
    /// The same: by this invoice, and by those before it.
    pub invoiced: i64,
    /// What the line asks for, in minor units.
    pub amount: i64,
    /// What it would by the order.
    pub expected: i64,
    /// What is wrong; nothing = it matches.
    pub findings: Vec<Finding>,
}

/// Millionths of a unit; `None` when it can't be so.
#[must_use]
pub fn micros(quantity: Option<&Quantity>) -> Option<(i64, Unit)> {
    let quantity = quantity?;
    let (value, scale) = Decimal::new(quantity.value, quantity.scale)?.parts();
    let micros = value.checked_mul(10_i64.checked_pow(PLACES.checked_sub(scale)?)?)?;
    Some((micros, quantity.unit.parse().ok()?))
}

/// Is that more than this, with what is allowed on top.
fn over(asked: i64, agreed: i64, (percent, absolute): (u32, i64)) -> bool {
    let share = i128::from(agreed.max(0)) * i128::from(percent) / WHOLE;
    i128::from(asked) > i128::from(agreed) + share.max(absolute.into())
}

/// Compares each line, and then the whole: lines that fit have no findings.
#[must_use]
pub fn compare(papers: &Papers, tolerance: &Tolerance) -> Vec<Matched> {
    let (head, lines) = &papers.invoice;
    let (mut so_far, mut credited) = (papers.before.clone(), papers.credited.clone());
    let mut all: Vec<_> = lines
        .iter()
        .map(|line| {
            let ordered = papers
                .order
                .as_ref()
                .and_then(|(_, ordered)| ordered.iter().find(|one| one.id == line.of_line));
            of_line(papers, (line, ordered), (&mut so_far, &mut credited), tolerance)
        })
        .collect();
    all.extend(of_whole(papers, head, tolerance));
    all
}

fn of_line(
    papers: &Papers,
    (line, ordered): (&Line, Option<&Line>),
    (so_far, credited): (&mut BTreeMap<String, i64>, &mut BTreeMap<String, i64>),
    tolerance: &Tolerance,
) -> Matched {
    let currency = &*papers.invoice.0.currency;
    let quantity = line.quantity.clone().unwrap_or_default();
    let mut matched = Matched {
        line: line.id.clone(),
        of_line: line.of_line.clone(),
        amount: net(line, &quantity, currency).unwrap_or(i64::MAX),
        ..Matched::default()
    };
    let asked = micros(line.quantity.as_ref());
    let agreed = ordered.and_then(|ordered| micros(ordered.quantity.as_ref()));
    let (Some(ordered), Some((asked, unit)), Some((agreed, of_order))) = (ordered, asked, agreed) else {
        matched.findings.push(Finding::NoOrder);
        return matched;
    };
    matched.ordered = agreed;
    matched.received = papers.received.get(&line.of_line).copied().unwrap_or(0);
    let sum = so_far.entry(line.of_line.clone()).or_default();
    *sum = sum.saturating_add(asked);
    matched.invoiced = *sum;
    let slack = (tolerance.quantity_percent, tolerance.quantity_units);
    if unit != of_order || over(matched.invoiced, agreed, slack) {
        matched.findings.push(Finding::QuantityOver);
    } else if over(matched.invoiced, matched.received, slack) {
        matched.findings.push(Finding::NotReceived);
    }
    // By the order, so much of the line comes to its share of the line's net amount.
    let whole = ordered.quantity.clone().unwrap_or_default();
    let order_currency = papers.order.as_ref().map_or("", |(head, _)| &head.currency);
    let expected = net(ordered, &whole, order_currency)
        .ok()
        .map(|amount| share(amount, asked, agreed));
    matched.expected = expected.unwrap_or(0);
    let slack = (tolerance.price_percent, tolerance.price_amount);
    // What is credited belongs to the first line that it lets fit.
    let off = credited.remove(&line.of_line).unwrap_or(0);
    let asked = matched.amount.saturating_sub(off);
    if expected.is_none_or(|expected| over(asked, expected, slack)) {
        matched.findings.push(Finding::PriceOver);
    }
    matched
}

/// The part of an amount that belongs to so much of a quantity, rounded up: a seller may round in its own favour by less than one
/// minor unit.
fn share(amount: i64, asked: i64, agreed: i64) -> i64 {
    let product = i128::from(amount) * i128::from(asked);
    let agreed = i128::from(agreed.max(1));
    let up = product.div_euclid(agreed) + i128::from(product.rem_euclid(agreed) > 0);
    i64::try_from(up).unwrap_or(i64::MAX)
}

fn of_whole(papers: &Papers, head: &Head, tolerance: &Tolerance) -> Option<Matched> {
    let charges = |head: &Head| {
        let all = head.allowance_charges.iter().filter_map(|one| {
            let amount = Decimal::of(one.amount.as_ref())?.minor(&head.currency)?;
            Some(if one.charge { amount } else { -amount })
        });
        all.fold(0, i64::saturating_add)
    };
    let agreed = papers.order.as_ref().map_or(0, |(order, _)| charges(order));
    let asked = charges(head);
    let mut whole = Matched {
        amount: asked,
        expected: agreed.saturating_sub(papers.charges_before),
        ..Matched::default()
    };
    let slack = (tolerance.price_percent, tolerance.price_amount);
    if asked > 0 && over(asked.saturating_add(papers.charges_before), agreed, slack) {
        whole.findings.push(Finding::ChargeOver);
    }
    if papers
        .order
        .as_ref()
        .is_some_and(|(order, _)| order.currency != head.currency)
    {
        whole.findings.push(Finding::Currency);
    }
    if papers.twice {
        whole.findings.push(Finding::Twice);
    }
    (!whole.findings.is_empty()).then_some(whole)
}

#[cfg(test)]
#[path = "matching_tests.rs"]
mod tests;
