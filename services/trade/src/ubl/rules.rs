//! The rules that a paper must keep to be taken: our own table, with the ids that standards give them. Where a standard is only
//! asked of papers that claim it, so it is here. Schemas (XSD) are not checked when a paper comes in.

mod form;
mod invoices;
mod orders;

use std::sync::LazyLock;

use super::PaperKind;
use crate::{
    Decimal,
    xml::{Element, Wrong},
};

/// Of which papers a rule is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Of all of its kind.
    Always,
    /// Of those that claim to be of Peppol, or of EN 16931.
    Claimed,
}

/// A rule.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// That of its standard, by paper; it never changes.
    pub ids: &'static [(PaperKind, &'static str)],
    /// What it asks for.
    pub says: &'static str,
    /// Of which papers.
    pub when: When,
    /// A paper that breaks it is not taken; else it is taken with a warning.
    pub fatal: bool,
    /// The line of what breaks it.
    breaks: fn(&Seen<'_>) -> Option<u32>,
}

/// All of them, in the order in which they are looked at.
pub fn rules() -> &'static [Rule] {
    static ALL: LazyLock<Vec<Rule>> = LazyLock::new(|| {
        let all = [
            form::RULES,
            orders::OF_TOTALS,
            orders::OF_LINES,
            orders::OF_OTHERS,
            invoices::OF_THE_WHOLE,
            invoices::OF_LINES,
            invoices::OF_TOTALS,
            invoices::OF_TAXES,
        ];
        all.concat()
    });
    &ALL
}

/// A rule that papers are refused by.
const fn rule(
    ids: &'static [(PaperKind, &'static str)],
    says: &'static str,
    breaks: fn(&Seen<'_>) -> Option<u32>,
) -> Rule {
    Rule {
        ids,
        says,
        when: When::Always,
        fatal: true,
        breaks,
    }
}

impl Rule {
    /// Asked of papers alone that claim to be of its standard.
    const fn claimed(self) -> Self {
        Self {
            when: When::Claimed,
            ..self
        }
    }

    /// No paper is refused by it.
    const fn warns(self) -> Self {
        Self { fatal: false, ..self }
    }
}

/// A paper as rules see it.
struct Seen<'a> {
    kind: PaperKind,
    root: &'a Element,
    currency: &'a str,
    /// Its lines: of an order, what is in them.
    lines: Vec<&'a Element>,
}

impl Seen<'_> {
    /// Minor units; `None` where nothing stands, or no amount of the currency.
    fn amount(&self, at: &Element, path: &str) -> Option<i64> {
        Decimal::read(at.text_at(path))?.minor(self.currency)
    }

    /// The same; zero where nothing stands.
    fn amount_or_none(&self, at: &Element, path: &str) -> i64 {
        self.amount(at, path).unwrap_or(0)
    }

    /// All that goes off or on, in minor units.
    fn allowances(&self, at: &Element, charge: bool) -> i64 {
        let wanted = if charge { "true" } else { "false" };
        let ours = at
            .all("AllowanceCharge")
            .filter(|one| one.text_at("ChargeIndicator") == wanted);
        ours.map(|one| self.amount_or_none(one, "Amount"))
            .fold(0, i64::saturating_add)
    }
}

/// Every element, from the root on.
fn every<'a>(root: &'a Element, visit: &mut dyn FnMut(&'a Element) -> Option<u32>) -> Option<u32> {
    visit(root).or_else(|| root.elements().find_map(|child| every(child, visit)))
}

/// The line of the first of these that breaks it.
fn first<'a>(all: impl IntoIterator<Item = &'a Element>, breaks: impl Fn(&Element) -> bool) -> Option<u32> {
    all.into_iter().find(|one| breaks(one)).map(|one| one.line)
}

/// Does the paper claim a standard whose rules it must keep then.
fn claims(kind: PaperKind, root: &Element) -> bool {
    let claim = root.text_at("CustomizationID");
    match kind {
        PaperKind::Invoice | PaperKind::CreditNote => claim.starts_with("urn:cen.eu:en16931:2017"),
        _ => claim.starts_with("urn:fdc:peppol.eu:poacc:trns:"),
    }
}

/// What a paper breaks and is taken nevertheless.
///
/// # Errors
///
/// The first that it breaks and is not taken for.
pub(super) fn check(kind: PaperKind, root: &Element) -> Result<Vec<Wrong>, Wrong> {
    let seen = Seen {
        kind,
        root,
        currency: root.text_at("DocumentCurrencyCode"),
        lines: match kind {
            PaperKind::Order | PaperKind::OrderChange | PaperKind::OrderResponse => root
                .all("OrderLine")
                .filter_map(|line| line.first("LineItem"))
                .collect(),
            PaperKind::Invoice => root.all("InvoiceLine").collect(),
            PaperKind::CreditNote => root.all("CreditNoteLine").collect(),
            PaperKind::DespatchAdvice => root.all("DespatchLine").collect(),
            PaperKind::ReceiptAdvice => root.all("ReceiptLine").collect(),
            PaperKind::OrderCancellation => Vec::new(),
        },
    };
    let (claimed, mut warnings) = (claims(kind, root), Vec::new());
    for rule in rules() {
        let Some((_, id)) = rule.ids.iter().find(|(paper, _)| *paper == kind) else {
            continue;
        };
        if rule.when == When::Claimed && !claimed {
            continue;
        }
        if let Some(line) = (rule.breaks)(&seen) {
            let wrong = Wrong::new(line, id, rule.says);
            if rule.fatal {
                return Err(wrong);
            }
            warnings.push(wrong);
        }
    }
    Ok(warnings)
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
