//! Rules of orders, their changes and responses, and of despatch advices (OpenPeppol BIS 3: T01, T114, T76, T16).

use std::collections::BTreeSet;

use super::{super::tree::gross_fits, PaperKind, Rule, Seen, every, first, rule};
use crate::{
    Decimal,
    xml::{Element, Space},
};

macro_rules! of_orders {
    ($number:literal) => {
        &[
            (PaperKind::Order, concat!("PEPPOL-T01-", $number)),
            (PaperKind::OrderChange, concat!("PEPPOL-T114-", $number)),
        ]
    };
}

const DESPATCH: PaperKind = PaperKind::DespatchAdvice;
const RESPONSE: PaperKind = PaperKind::OrderResponse;
const TOTAL: &str = "AnticipatedMonetaryTotal";

/// Where the totals stand, if they stand.
fn total<'a>(seen: &Seen<'a>) -> Option<&'a Element> {
    seen.root.first(TOTAL)
}

/// Breaks it when the totals are there, and this does not hold.
fn totals(seen: &Seen<'_>, holds: impl Fn(&Element) -> bool) -> Option<u32> {
    first(total(seen), |one| !holds(one))
}

pub(super) fn number(at: &Element, path: &str) -> Option<Decimal> {
    Decimal::read(at.text_at(path))
}

fn negative(at: &Element, path: &str) -> bool {
    number(at, path).is_some_and(|one| one.parts().0 < 0)
}

/// All allowances and charges, of the whole and of lines.
fn allowances<'a>(seen: &Seen<'a>) -> impl Iterator<Item = &'a Element> {
    let lines = seen.lines.clone();
    let of_lines = lines.into_iter().flat_map(|line| line.all("AllowanceCharge"));
    seen.root.all("AllowanceCharge").chain(of_lines)
}

fn prices<'a>(seen: &Seen<'a>) -> impl Iterator<Item = &'a Element> {
    seen.lines.clone().into_iter().filter_map(|line| line.first("Price"))
}

fn categories<'a>(seen: &Seen<'a>) -> Vec<&'a Element> {
    let of_whole = seen
        .root
        .all("AllowanceCharge")
        .filter_map(|one| one.first("TaxCategory"));
    let of_lines = seen
        .lines
        .iter()
        .filter_map(|line| line.at("Item/ClassifiedTaxCategory"));
    of_whole.chain(of_lines).collect()
}

/// Two lines with one id.
pub(super) fn twice(lines: &[&Element]) -> Option<u32> {
    let mut ids = BTreeSet::new();
    first(lines.iter().copied(), |_| false).or_else(|| {
        let mut lines = lines.iter();
        lines.find(|line| !ids.insert(line.text_at("ID"))).map(|line| line.line)
    })
}

/// Amounts but prices, with no more places than the currency has.
pub(super) fn places(seen: &Seen<'_>) -> Option<u32> {
    fn look(at: &Element, currency: &str) -> Option<u32> {
        if at.is("Price") {
            return None;
        }
        let amount = at.space == Space::Basic && at.local().ends_with("Amount");
        let amount = amount && at.attribute("currencyID").is_none_or(|said| said == currency);
        if amount && Decimal::read(at.text()).and_then(|read| read.minor(currency)).is_none() {
            return Some(at.line);
        }
        at.elements().find_map(|child| look(child, currency))
    }
    look(seen.root, seen.currency)
}

pub(super) fn other_currency(seen: &Seen<'_>) -> Option<u32> {
    every(seen.root, &mut |one| {
        let said = one.attribute("currencyID").filter(|_| one.space == Space::Basic);
        said.is_some_and(|said| said != seen.currency).then_some(one.line)
    })
}

/// The sum of the lines' own amounts; `None` when one is missing.
fn line_sum(seen: &Seen<'_>) -> Option<i64> {
    let mut amounts = seen.lines.iter().map(|line| match line.text_at("LineExtensionAmount") {
        "" => Some(0),
        _ => seen.amount(line, "LineExtensionAmount"),
    });
    amounts.try_fold(0_i64, |sum, amount| sum.checked_add(amount?))
}

fn exclusive(seen: &Seen<'_>, at: &Element) -> i64 {
    let lines = seen.amount_or_none(at, "LineExtensionAmount");
    let off = seen.amount_or_none(at, "AllowanceTotalAmount");
    let on = seen.amount_or_none(at, "ChargeTotalAmount");
    lines.saturating_sub(off).saturating_add(on)
}

/// Price by base quantity and quantity, and what goes off or on: within 0.02 of what the line says.
pub(super) fn net_fits(seen: &Seen<'_>, line: &Element, quantity: &str) -> bool {
    let Some(said) = seen.amount(line, "LineExtensionAmount") else {
        return line.text_at("LineExtensionAmount").is_empty();
    };
    let (Some(price), Some(many)) = (number(line, "Price/PriceAmount"), number(line, quantity)) else {
        return true;
    };
    let base = number(line, "Price/BaseQuantity").filter(|base| base.parts().0 > 0);
    let base = base.unwrap_or(Decimal::new(1, 0).unwrap_or_default());
    let power = |places: u32| 10_i128.pow(places.min(18));
    let ((price, one), (many, two), (base, three)) = (price.parts(), many.parts(), base.parts());
    let places = hansa_vocab::money::exponent(seen.currency);
    let up = i128::from(price)
        .checked_mul(many.into())
        .and_then(|all| all.checked_mul(power(places + three)));
    let down = power(one + two).checked_mul(base.into());
    let (Some(up), Some(down)) = (up, down) else {
        return false;
    };
    let around = i128::from(seen.allowances(line, true)) - i128::from(seen.allowances(line, false));
    let off = up
        .checked_sub((i128::from(said) - around).saturating_mul(down))
        .and_then(i128::checked_abs);
    // What the standard leaves open is 0.02 of the currency, whatever its places.
    let slack = i128::from(crate::net_slack(seen.currency)).max(1).saturating_mul(down);
    off.is_some_and(|off| off <= slack)
}

pub(super) fn percent_fits(seen: &Seen<'_>, one: &Element) -> bool {
    let (Some(base), Some(percent)) = (seen.amount(one, "BaseAmount"), number(one, "MultiplierFactorNumeric")) else {
        return true;
    };
    let (value, scale) = percent.parts();
    let hundred = 100 * 10_i128.pow(scale);
    let amount = i128::from(seen.amount_or_none(one, "Amount")) * hundred;
    let slack = i128::from(crate::net_slack(seen.currency)).max(1) * hundred;
    (i128::from(base) * i128::from(value) - amount).abs() <= slack
}

/// In the order in which they are looked at.
pub(super) static OF_TOTALS: &[Rule] = &[
    rule(
        of_orders!("R031"),
        "a Peppol order is of the profile ordering or order_only, a change of advanced_ordering",
        |seen| {
            let (profile, usual) = (seen.root.text_at("ProfileID"), "urn:fdc:peppol.eu:poacc:bis:");
            let known = profile
                .strip_prefix(usual)
                .is_some_and(|name| ["order_only:3", "ordering:3", "advanced_ordering:3"].contains(&name));
            (!known).then_some(seen.root.line)
        },
    )
    .claimed(),
    rule(
        of_orders!("R003"),
        "all amounts are in the currency of the document",
        other_currency,
    ),
    rule(
        of_orders!("R028"),
        "an amount has no more decimal places than its currency",
        places,
    ),
    rule(
        of_orders!("R002"),
        "an order should say until when it holds (cac:ValidityPeriod/cbc:EndDate)",
        |seen| {
            seen.root
                .text_at("ValidityPeriod/EndDate")
                .is_empty()
                .then_some(seen.root.line)
        },
    )
    .claimed()
    .warns(),
    rule(of_orders!("R006"), "the amount to be paid is not negative", |seen| {
        totals(seen, |at| !negative(at, "PayableAmount"))
    }),
    rule(of_orders!("R007"), "the sum of line amounts is not negative", |seen| {
        totals(seen, |at| !negative(at, "LineExtensionAmount"))
    }),
    rule(
        of_orders!("R008"),
        "the sum of line amounts is the sum of the lines' amounts",
        |seen| totals(seen, |at| seen.amount(at, "LineExtensionAmount") == line_sum(seen)),
    ),
    rule(
        of_orders!("R009"),
        "the sum of allowances is that of the document's allowances",
        |seen| {
            totals(seen, |at| {
                seen.amount_or_none(at, "AllowanceTotalAmount") == seen.allowances(seen.root, false)
            })
        },
    ),
    rule(
        of_orders!("R010"),
        "the sum of charges is that of the document's charges",
        |seen| {
            totals(seen, |at| {
                seen.amount_or_none(at, "ChargeTotalAmount") == seen.allowances(seen.root, true)
            })
        },
    ),
    rule(
        of_orders!("R011"),
        "the amount without tax is the sum of lines, less allowances, plus charges",
        |seen| {
            totals(seen, |at| {
                seen.amount(at, "TaxExclusiveAmount")
                    .is_none_or(|said| said == exclusive(seen, at))
            })
        },
    ),
    rule(
        of_orders!("R016"),
        "the amount to be paid is that with tax, less what is paid, plus rounding",
        |seen| {
            totals(seen, |at| {
                let paid = seen.amount_or_none(at, "PrepaidAmount");
                let rounding = seen.amount_or_none(at, "PayableRoundingAmount");
                let due = seen
                    .amount(at, "TaxInclusiveAmount")
                    .map(|all| all.saturating_sub(paid).saturating_add(rounding));
                due.is_none_or(|due| seen.amount(at, "PayableAmount") == Some(due))
            })
        },
    ),
    rule(
        of_orders!("R017"),
        "the amount with tax is that without tax, plus the tax",
        |seen| {
            let tax = seen
                .root
                .at("TaxTotal")
                .map(|total| seen.amount_or_none(total, "TaxAmount"));
            totals(seen, |at| match (seen.amount(at, "TaxInclusiveAmount"), tax) {
                (Some(said), Some(tax)) => {
                    let without = seen
                        .amount(at, "TaxExclusiveAmount")
                        .unwrap_or_else(|| exclusive(seen, at));
                    said == without.saturating_add(tax)
                }
                _ => true,
            })
        },
    ),
];

/// In the order in which they are looked at.
pub(super) static OF_LINES: &[Rule] = &[
    rule(
        of_orders!("R020"),
        "an allowance or charge with a percentage says of which amount",
        |seen| {
            first(allowances(seen), |one| {
                one.at("MultiplierFactorNumeric").is_some() && one.at("BaseAmount").is_none()
            })
        },
    ),
    rule(
        of_orders!("R021"),
        "an allowance or charge with a base amount says which percentage of it",
        |seen| {
            first(allowances(seen), |one| {
                one.at("BaseAmount").is_some() && one.at("MultiplierFactorNumeric").is_none()
            })
        },
    ),
    rule(
        of_orders!("R022"),
        "an allowance or charge is its percentage of its base amount",
        |seen| first(allowances(seen), |one| !percent_fits(seen, one)),
    ),
    rule(of_orders!("R023"), "an allowance or charge has a reason", |seen| {
        first(allowances(seen), |one| {
            one.at("AllowanceChargeReason").is_none() && one.at("AllowanceChargeReasonCode").is_none()
        })
    }),
    rule(of_orders!("R032"), "an allowance or charge is not negative", |seen| {
        first(allowances(seen), |one| negative(one, "Amount"))
    }),
    rule(
        of_orders!("R029"),
        "a tax category has a rate, unless it is O",
        |seen| {
            first(categories(seen), |one| {
                one.at("Percent").is_none() && one.text_at("ID") != "O"
            })
        },
    ),
    rule(of_orders!("R030"), "the rate of category S is above zero", |seen| {
        let zero = |one: &Element| number(one, "Percent").is_none_or(|rate| rate.parts().0 <= 0);
        first(categories(seen), |one| one.text_at("ID") == "S" && zero(one))
    }),
    rule(of_orders!("R001"), "each line has an id of its own", |seen| {
        twice(&seen.lines)
    }),
    rule(of_orders!("R004"), "a quantity is not negative", |seen| {
        first(seen.lines.iter().copied(), |line| negative(line, "Quantity"))
    }),
    rule(of_orders!("R005"), "a price is not negative", |seen| {
        first(prices(seen), |price| negative(price, "PriceAmount"))
    }),
    rule(of_orders!("R025"), "a base quantity is above zero", |seen| {
        first(prices(seen), |price| {
            price.at("BaseQuantity").is_some() && number(price, "BaseQuantity").is_none_or(|base| base.parts().0 <= 0)
        })
    }),
    rule(
        of_orders!("R024"),
        "a line's amount is quantity by price and base quantity, plus charges, less allowances",
        |seen| first(seen.lines.iter().copied(), |line| !net_fits(seen, line, "Quantity")),
    ),
    rule(
        of_orders!("R019"),
        "a net price is the gross price less its allowance",
        |seen| first(prices(seen), |price| !gross_fits(price)),
    ),
    rule(
        &[
            (PaperKind::Order, "UBL-LINES"),
            (PaperKind::OrderChange, "UBL-LINES"),
            (DESPATCH, "UBL-LINES"),
            (PaperKind::ReceiptAdvice, "UBL-LINES"),
        ],
        "a paper has lines",
        |seen| seen.lines.is_empty().then_some(seen.root.line),
    ),
    rule(
        &[(PaperKind::Order, "UBL-LINE-QUANTITY"), (DESPATCH, "UBL-LINE-QUANTITY")],
        "a line has a quantity",
        |seen| {
            let name = if seen.kind == DESPATCH {
                "DeliveredQuantity"
            } else {
                "Quantity"
            };
            first(seen.lines.iter().copied(), |line| line.at(name).is_none())
        },
    ),
];

/// In the order in which they are looked at.
pub(super) static OF_OTHERS: &[Rule] = &[
    rule(
        &[(RESPONSE, "PEPPOL-T76-R003")],
        "each line has an id of its own",
        |seen| twice(&seen.lines),
    ),
    rule(
        &[(RESPONSE, "PEPPOL-T76-R005")],
        "prices are in the currency of the document",
        other_currency,
    ),
    rule(
        &[(RESPONSE, "PEPPOL-T76-R001")],
        "the buyer has an official name or an identifier",
        |seen| {
            first(seen.root.at("BuyerCustomerParty/Party"), |party| {
                party.at("PartyLegalEntity/RegistrationName").is_none() && party.at("PartyIdentification/ID").is_none()
            })
        },
    )
    .claimed(),
    rule(
        &[(RESPONSE, "PEPPOL-T76-R002")],
        "the seller has an official name or an identifier",
        |seen| {
            first(seen.root.at("SellerSupplierParty/Party"), |party| {
                party.at("PartyLegalEntity/RegistrationName").is_none() && party.at("PartyIdentification/ID").is_none()
            })
        },
    )
    .claimed(),
    rule(
        &[(RESPONSE, "PEPPOL-T76-R004")],
        "a delivery period ends after it begins",
        |seen| {
            every(seen.root, &mut |one| {
                let (from, until) = (one.text_at("StartDate"), one.text_at("EndDate"));
                let backward =
                    one.is("PromisedDeliveryPeriod") && !from.is_empty() && !until.is_empty() && until < from;
                backward.then_some(one.line)
            })
        },
    ),
    rule(
        &[(DESPATCH, "PEPPOL-T16-R002")],
        "a despatch advice should name its order",
        |seen| {
            seen.root
                .text_at("OrderReference/ID")
                .is_empty()
                .then_some(seen.root.line)
        },
    )
    .warns(),
    rule(
        &[(DESPATCH, "PEPPOL-T16-R003")],
        "an article has the seller's number or a standard one",
        |seen| {
            first(seen.lines.iter().copied(), |line| {
                line.at("Item/StandardItemIdentification/ID").is_none()
                    && line.at("Item/SellersItemIdentification/ID").is_none()
            })
        },
    )
    .claimed(),
    rule(&[(DESPATCH, "PEPPOL-T16-R004")], "an article has a name", |seen| {
        first(seen.lines.iter().copied(), |line| line.at("Item/Name").is_none())
    })
    .claimed(),
    rule(
        &[(DESPATCH, "PEPPOL-T16-R006")],
        "a delivered quantity is not negative",
        |seen| first(seen.lines.iter().copied(), |line| negative(line, "DeliveredQuantity")),
    ),
    rule(
        &[(DESPATCH, "PEPPOL-T16-R007")],
        "an outstanding quantity should have a reason",
        |seen| {
            first(seen.lines.iter().copied(), |line| {
                line.at("OutstandingQuantity").is_some() && line.at("OutstandingReason").is_none()
            })
        },
    )
    .warns(),
];
