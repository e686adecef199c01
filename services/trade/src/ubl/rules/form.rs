//! Rules of all papers (OpenPeppol, PEPPOL-COMMON), and what we need to keep one at all.

use hansa_vocab::Gtin;
use time::{Date, macros::format_description};

use super::{PaperKind, Rule, Seen, every, first, rule};
use crate::xml::{Element, Space};

macro_rules! of_all {
    ($id:literal) => {
        &[
            (PaperKind::Order, $id),
            (PaperKind::OrderResponse, $id),
            (PaperKind::OrderChange, $id),
            (PaperKind::OrderCancellation, $id),
            (PaperKind::DespatchAdvice, $id),
            (PaperKind::ReceiptAdvice, $id),
            (PaperKind::Invoice, $id),
            (PaperKind::CreditNote, $id),
        ]
    };
}

const DATES: [&str; 6] = [
    "IssueDate",
    "DueDate",
    "TaxPointDate",
    "StartDate",
    "EndDate",
    "ActualDeliveryDate",
];

fn empty(seen: &Seen<'_>) -> Option<u32> {
    every(seen.root, &mut |one| {
        (one.space == Space::Basic && one.text().is_empty()).then_some(one.line)
    })
}

fn hollow(seen: &Seen<'_>) -> Option<u32> {
    every(seen.root, &mut |one| {
        (one.space == Space::Aggregate && one.elements().next().is_none()).then_some(one.line)
    })
}

fn dates(seen: &Seen<'_>) -> Option<u32> {
    let form = format_description!("[year]-[month]-[day]");
    every(seen.root, &mut |one| {
        let date = one.space == Space::Basic && DATES.contains(&one.local());
        (date && Date::parse(one.text(), form).is_err()).then_some(one.line)
    })
}

fn glns(seen: &Seen<'_>) -> Option<u32> {
    every(seen.root, &mut |at| {
        let ids = at.elements().filter(|one| {
            let id =
                matches!(one.local(), "EndpointID" | "CompanyID") || (one.is("ID") && at.is("PartyIdentification"));
            id && one.space == Space::Basic && one.attribute("schemeID") == Some("0088")
        });
        first(ids, |one| one.text().len() != 13 || one.text().parse::<Gtin>().is_err())
    })
}

fn missing(seen: &Seen<'_>, path: &str) -> Option<u32> {
    seen.root.text_at(path).is_empty().then_some(seen.root.line)
}

fn number(one: &Element) -> bool {
    (1..=200).contains(&one.text().chars().count())
}

/// In the order in which they are looked at.
pub(super) static RULES: &[Rule] = &[
    rule(of_all!("PEPPOL-COMMON-R001"), "no element is empty", empty),
    rule(of_all!("PEPPOL-COMMON-R002"), "no element is empty", hollow),
    rule(of_all!("PEPPOL-COMMON-R030"), "a date is YYYY-MM-DD", dates),
    rule(
        of_all!("PEPPOL-COMMON-R040"),
        "a GLN (scheme 0088) has 13 digits with a right check digit",
        glns,
    ),
    rule(
        of_all!("UBL-ID"),
        "the paper has a number of 1 to 200 characters (cbc:ID)",
        |seen| missing(seen, "ID").or_else(|| first(seen.root.first("ID"), |one| !number(one))),
    ),
    rule(
        of_all!("UBL-ISSUE-DATE"),
        "the paper has a date (cbc:IssueDate)",
        |seen| missing(seen, "IssueDate"),
    ),
];
