//! Amounts, taxes, and what papers of other formats say beside sections: whether it can be so.

use hansa_proto::{
    documents::v1::{AllowanceCharge, Beside, Head, Line, Lines, Tax, content::Body},
    types::v1::Decimal as Wire,
};
use hansa_trade::{Decimal, totals, ubl::PaperKind};

use super::content::{AMOUNT_MAX, BadContent, Contents, NOTE_MAX, TEXT_MAX, bad, check_quantity, date, text};

/// What goes off or on the whole, and a line.
const ALLOWANCES_MAX: usize = 20;
const OF_LINE_MAX: usize = 9;
/// Papers that stand beside a section.
const BESIDES_MAX: usize = 4;
const CODE_MAX: usize = 30;
/// Categories of UNCL 5305 that EN 16931 knows.
const CATEGORIES: [&str; 9] = ["S", "Z", "E", "AE", "K", "G", "O", "L", "M"];

fn decimal(field: &'static str, wire: Option<&Wire>, least: i64) -> Result<(), BadContent> {
    let Some(wire) = wire else { return Ok(()) };
    let fits = (least..=AMOUNT_MAX).contains(&wire.value) && Decimal::new(wire.value, wire.scale).is_some();
    if !fits {
        return bad(field, format!("{least} to {AMOUNT_MAX}, with at most 6 decimal places"));
    }
    Ok(())
}

/// What a head says of money, and beside it.
pub(super) fn check_head(head: &Head) -> Result<(), BadContent> {
    date("issue_date", &head.issue_date)?;
    date("due_date", &head.due_date)?;
    text("buyer_reference", &head.buyer_reference, TEXT_MAX)?;
    text("payment_terms", &head.payment_terms, NOTE_MAX)?;
    text("payee_account", &head.payee_account, TEXT_MAX)?;
    if head.allowance_charges.len() > ALLOWANCES_MAX || head.tax_amounts.len() > ALLOWANCES_MAX {
        return bad("allowance_charges", format!("at most {ALLOWANCES_MAX}"));
    }
    head.allowance_charges.iter().try_for_each(check_allowance)?;
    for one in &head.tax_amounts {
        decimal("tax_amounts", one.amount.as_ref(), -AMOUNT_MAX)?;
        decimal("tax_amounts", one.percent.as_ref(), 0)?;
    }
    decimal("prepaid", head.prepaid.as_ref(), -AMOUNT_MAX)?;
    decimal("rounding", head.rounding.as_ref(), -AMOUNT_MAX)?;
    check_besides(&head.besides)
}

fn check_allowance(one: &AllowanceCharge) -> Result<(), BadContent> {
    if one.amount.is_none() {
        return bad("allowance_charges", "an amount is missing");
    }
    decimal("allowance_charges", one.amount.as_ref(), 0)?;
    decimal("allowance_charges", one.base_amount.as_ref(), 0)?;
    decimal("allowance_charges", one.percent.as_ref(), 0)?;
    text("allowance_charges", &one.reason_code, 10)?;
    text("allowance_charges", &one.reason, TEXT_MAX)?;
    one.tax.as_ref().map_or(Ok(()), check_tax)
}

fn check_tax(tax: &Tax) -> Result<(), BadContent> {
    if !CATEGORIES.contains(&&*tax.category) {
        return bad("tax", format!("a category of UNCL 5305: {}", CATEGORIES.join(", ")));
    }
    if tax.percent.is_none() && tax.category != "O" {
        return bad("tax", "a rate is missing: only what is not taxed at all (O) has none");
    }
    let rated = tax.percent.as_ref().is_some_and(|percent| percent.value != 0);
    if matches!(&*tax.category, "Z" | "E" | "AE" | "K" | "G" | "O") && rated {
        return bad("tax", format!("the rate of category {} is zero", tax.category));
    }
    decimal("tax", tax.percent.as_ref(), 0)?;
    text("tax", &tax.exemption_code, CODE_MAX)?;
    text("tax", &tax.exemption, TEXT_MAX)
}

/// What a line says of money.
pub(super) fn check_line(line: &Line) -> Result<(), BadContent> {
    if line.allowance_charges.len() > OF_LINE_MAX {
        return bad(
            "allowance_charges",
            format!("at most {OF_LINE_MAX} of line {}", line.id),
        );
    }
    line.allowance_charges.iter().try_for_each(check_allowance)?;
    line.tax.as_ref().map_or(Ok(()), check_tax)?;
    decimal("net_amount", line.net_amount.as_ref(), -AMOUNT_MAX)?;
    let Some(base) = line.price.as_ref().and_then(|price| price.base_quantity.as_ref()) else {
        return Ok(());
    };
    check_quantity(Some(base))?;
    let unit = |unit: &str| unit.parse::<hansa_vocab::Unit>().ok();
    let same = line
        .quantity
        .as_ref()
        .is_some_and(|quantity| unit(&quantity.unit) == unit(&base.unit));
    match same {
        true => Ok(()),
        false => bad("base_quantity", format!("of line {}: in the unit of the line", line.id)),
    }
}

/// What all of it comes to can be told, where there is a currency and every line has a price.
pub(super) fn check_amounts(lines: &Lines, contents: &Contents, before: &Contents) -> Result<(), BadContent> {
    let heads = contents.values().chain(before.values());
    let head = heads.filter_map(|content| match &content.body {
        Some(Body::Head(head)) => Some(head),
        _ => None,
    });
    let Some(head) = head.into_iter().find(|head| !head.currency.is_empty()) else {
        return Ok(());
    };
    match totals(head, &lines.lines) {
        Ok(_) | Err(hansa_trade::NoTotals::Price(_)) => Ok(()),
        Err(wrong) => bad("lines", wrong.to_string()),
    }
}

/// Papers of other formats: known ones, each once. They are read again where they are written.
pub(super) fn check_besides(besides: &[Beside]) -> Result<(), BadContent> {
    let known = besides
        .iter()
        .all(|one| PaperKind::of(&one.paper).is_some() && !one.rest.is_empty());
    let mut names: Vec<_> = besides.iter().map(|one| &one.paper).collect();
    names.sort();
    names.dedup();
    if !known || names.len() != besides.len() || besides.len() > BESIDES_MAX {
        return bad("besides", format!("at most {BESIDES_MAX} papers, each once"));
    }
    Ok(())
}

#[cfg(test)]
#[path = "money_tests.rs"]
mod tests;
