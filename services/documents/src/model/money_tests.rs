//! What can be said of money, and what not.

use hansa_proto::{
    documents::v1::{Content, Price},
    types::v1::Quantity,
};

use super::*;

fn wire(value: i64, scale: u32) -> Option<Wire> {
    Some(Wire { value, scale })
}

fn tax(category: &str, percent: Option<Wire>) -> Tax {
    Tax {
        category: category.to_owned(),
        percent,
        ..Tax::default()
    }
}

fn line() -> Line {
    Line {
        id: "1".to_owned(),
        quantity: Some(Quantity {
            value: 3,
            ..Quantity::default()
        }),
        price: Some(Price {
            value: 333,
            scale: 2,
            ..Price::default()
        }),
        ..Line::default()
    }
}

#[test]
fn a_tax_has_a_category_of_en_16931_and_the_rate_that_belongs_to_it() {
    for (category, percent, fits) in [
        ("S", wire(19, 0), true),
        ("O", None, true),
        ("Z", wire(0, 0), true),
        ("E", wire(0, 0), true),
        ("S", None, false),
        ("Z", wire(19, 0), false),
        ("X", wire(19, 0), false),
        ("S", wire(-1, 0), false),
        ("S", wire(1, 7), false),
    ] {
        let line = Line {
            tax: Some(tax(category, percent)),
            ..line()
        };
        assert_eq!(check_line(&line).is_ok(), fits, "{category} {percent:?}");
    }
}

#[test]
fn a_base_quantity_is_above_zero_and_in_the_unit_of_its_line() {
    for (value, unit, fits) in [(100, "", true), (100, "C62", true), (0, "", false), (100, "KGM", false)] {
        let mut line = line();
        line.price.as_mut().unwrap().base_quantity = Some(Quantity {
            value,
            scale: 0,
            unit: unit.to_owned(),
        });
        assert_eq!(check_line(&line).is_ok(), fits, "{value} {unit}");
    }
}

#[test]
fn allowances_have_amounts_and_are_few() {
    let allowance = |amount| AllowanceCharge {
        amount,
        ..AllowanceCharge::default()
    };
    let head = |allowance_charges| Head {
        allowance_charges,
        ..Head::default()
    };
    assert!(check_head(&head(vec![allowance(wire(5, 0)); ALLOWANCES_MAX])).is_ok());
    assert!(check_head(&head(vec![allowance(wire(5, 0)); ALLOWANCES_MAX + 1])).is_err());
    assert!(check_head(&head(vec![allowance(None)])).is_err());
    assert!(check_head(&head(vec![allowance(wire(-5, 0))])).is_err());
    let many = Line {
        allowance_charges: vec![allowance(wire(5, 0)); OF_LINE_MAX + 1],
        ..line()
    };
    assert!(check_line(&many).is_err());
}

#[test]
fn what_lines_come_to_can_be_told_by_the_head_beside_them_or_the_one_before() {
    let head = Head {
        currency: "EUR".to_owned(),
        ..Head::default()
    };
    let head = Content {
        body: Some(Body::Head(head)),
    };
    let head: Contents = [("head".to_owned(), head)].into();
    let none = Contents::new();
    let stated = |cents| Lines {
        lines: vec![Line {
            net_amount: wire(cents, 2),
            ..line()
        }],
    };
    for (cents, fits) in [(999, true), (997, true), (996, false), (9_999, false)] {
        assert_eq!(check_amounts(&stated(cents), &head, &none).is_ok(), fits, "{cents}");
        assert_eq!(check_amounts(&stated(cents), &none, &head).is_ok(), fits, "{cents}");
    }
    assert!(
        check_amounts(&stated(1), &none, &none).is_ok(),
        "without a currency nothing is told"
    );
}

#[test]
fn papers_beside_a_section_are_known_ones_each_once() {
    let [one, other] = [PaperKind::Order, PaperKind::OrderChange].map(PaperKind::as_str);
    let beside = |paper: &str, rest: &'static [u8]| Beside {
        paper: paper.to_owned(),
        rest: rest.into(),
    };
    for (besides, fits) in [
        (vec![beside(one, b"x"), beside(other, b"x")], true),
        (vec![beside(one, b"x"), beside(one, b"y")], false),
        (vec![beside("letter", b"x")], false),
        (vec![beside(one, b"")], false),
    ] {
        assert_eq!(check_besides(&besides).is_ok(), fits, "{besides:?}");
    }
}
