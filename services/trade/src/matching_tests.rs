//! Invoices beside orders and receipts: what fits and what does not.

use hansa_proto::{documents::v1::Price, types::v1::Decimal as Wire};

use super::*;

const MICRO: i64 = 1_000_000;

fn line(id: &str, of_line: &str, units: i64, cents: i64) -> Line {
    Line {
        id: id.to_owned(),
        of_line: of_line.to_owned(),
        name: "tea".to_owned(),
        quantity: Some(Quantity {
            value: units,
            ..Quantity::default()
        }),
        price: Some(Price {
            value: cents,
            scale: 2,
            ..Price::default()
        }),
        ..Line::default()
    }
}

fn head(currency: &str) -> Head {
    Head {
        currency: currency.to_owned(),
        ..Head::default()
    }
}

/// Ten were ordered at 2.50, and so many have come.
fn papers(received: i64, lines: Vec<Line>) -> Papers {
    Papers {
        order: Some((head("EUR"), vec![line("1", "", 10, 250)])),
        invoice: (head("EUR"), lines),
        received: [("1".to_owned(), received * MICRO)].into(),
        ..Papers::default()
    }
}

fn findings(papers: &Papers, tolerance: Tolerance) -> Vec<Vec<Finding>> {
    let all = compare(papers, &tolerance);
    all.into_iter().map(|one| one.findings).collect()
}

#[test]
fn a_line_matches_when_it_was_ordered_has_come_and_costs_no_more() {
    let none = Tolerance::default();
    for (received, units, cents, wanted) in [
        (10, 10, 250, vec![]),
        (10, 4, 250, vec![]),
        (10, 4, 240, vec![]),
        (8, 10, 250, vec![Finding::NotReceived]),
        (10, 11, 250, vec![Finding::QuantityOver]),
        (10, 10, 251, vec![Finding::PriceOver]),
        (0, 12, 300, vec![Finding::QuantityOver, Finding::PriceOver]),
    ] {
        let papers = papers(received, vec![line("1", "1", units, cents)]);
        assert_eq!(findings(&papers, none), [wanted], "{received} {units} {cents}");
    }
    let nobody = papers(10, vec![line("1", "7", 1, 1), line("2", "", 1, 1)]);
    assert_eq!(findings(&nobody, none), [[Finding::NoOrder], [Finding::NoOrder]]);
}

#[test]
fn partial_invoices_are_added_up_and_what_is_credited_is_taken_off() {
    let mut second = papers(10, vec![line("1", "1", 3, 250), line("2", "1", 3, 250)]);
    second.before = [("1".to_owned(), 5 * MICRO)].into();
    assert_eq!(
        findings(&second, Tolerance::default()),
        [vec![], vec![Finding::QuantityOver]]
    );
    second.before = [("1".to_owned(), 4 * MICRO)].into();
    assert_eq!(findings(&second, Tolerance::default()), [[], []]);
}

#[test]
fn the_larger_tolerance_counts() {
    let dear = papers(10, vec![line("1", "1", 10, 260)]);
    let tolerance = |percent, amount| Tolerance {
        price_percent: percent,
        price_amount: amount,
        ..Tolerance::default()
    };
    assert_eq!(
        findings(&dear, tolerance(399, 0)),
        [[Finding::PriceOver]],
        "26.00 beside 25.00 and 3.99 %"
    );
    assert_eq!(findings(&dear, tolerance(400, 0)), [[]]);
    assert_eq!(findings(&dear, tolerance(0, 99)), [[Finding::PriceOver]]);
    assert_eq!(findings(&dear, tolerance(0, 100)), [[]]);
    let more = papers(10, vec![line("1", "1", 11, 250)]);
    let units = Tolerance {
        quantity_percent: 1_000,
        ..Tolerance::default()
    };
    assert_eq!(findings(&more, units), [[]]);
}

#[test]
fn another_unit_currency_or_a_charge_that_nobody_agreed_to_is_found() {
    let mut other = papers(10, vec![line("1", "1", 1, 250)]);
    other.invoice.1[0].quantity.as_mut().unwrap().unit = "KGM".to_owned();
    other.invoice.0 = Head {
        currency: "SEK".to_owned(),
        allowance_charges: vec![hansa_proto::documents::v1::AllowanceCharge {
            charge: true,
            amount: Some(Wire { value: 5, scale: 0 }),
            ..Default::default()
        }],
        ..Head::default()
    };
    other.twice = true;
    assert_eq!(
        findings(&other, Tolerance::default()),
        [
            vec![Finding::QuantityOver],
            vec![Finding::ChargeOver, Finding::Currency, Finding::Twice]
        ]
    );
}

#[test]
fn a_part_of_a_line_costs_its_part_of_the_lines_amount() {
    // Ten for 25.00 less 0.01: three of them are 7.497, which may be 7.50.
    let mut part = papers(10, vec![line("1", "1", 3, 250)]);
    if let Some((_, lines)) = &mut part.order {
        lines[0]
            .allowance_charges
            .push(hansa_proto::documents::v1::AllowanceCharge {
                amount: Some(Wire { value: 1, scale: 2 }),
                ..Default::default()
            });
    }
    assert_eq!(findings(&part, Tolerance::default()), [[]]);
}

#[test]
fn a_credit_of_money_alone_mends_the_price_and_frees_no_goods() {
    let mut dear = papers(10, vec![line("1", "1", 10, 260)]);
    dear.credited = [("1".to_owned(), 99)].into();
    assert_eq!(findings(&dear, Tolerance::default()), [[Finding::PriceOver]]);
    dear.credited = [("1".to_owned(), 100)].into();
    assert_eq!(findings(&dear, Tolerance::default()), [[]]);
    dear.before = [("1".to_owned(), MICRO)].into();
    assert_eq!(findings(&dear, Tolerance::default()), [[Finding::QuantityOver]]);
}
