//! Totals beside an implementation of decimals that knows nothing of ours.

use hansa_proto::{
    documents::v1::{Price, TaxAmount},
    types::v1::Decimal as Wire,
};
use rust_decimal::{Decimal as Other, RoundingStrategy};

use super::*;

/// Invoices of a run; `HANSA_INVOICES=1000000` asks for more.
fn invoices() -> u64 {
    let asked = std::env::var("HANSA_INVOICES").ok().and_then(|many| many.parse().ok());
    asked.unwrap_or(20_000)
}

struct Dice(u64);

impl Dice {
    fn under(&mut self, end: i64) -> i64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(self.0 >> 33).unwrap() % end
    }

    fn wire(&mut self, end: i64, places: i64) -> Wire {
        Wire {
            value: self.under(end),
            scale: u32::try_from(self.under(places + 1)).unwrap(),
        }
    }
}

fn other(wire: &Wire) -> Other {
    Other::new(wire.value, wire.scale)
}

fn rounded(amount: Other, places: u32) -> Other {
    amount.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero)
}

fn tax(dice: &mut Dice) -> Tax {
    let percent = [0, 5, 7, 19, 25][usize::try_from(dice.under(5)).unwrap()];
    Tax {
        category: if percent == 0 { "Z" } else { "S" }.to_owned(),
        percent: Some(Wire {
            value: percent,
            scale: 0,
        }),
        ..Tax::default()
    }
}

fn allowance(dice: &mut Dice, places: u32, tax: Option<Tax>) -> AllowanceCharge {
    AllowanceCharge {
        charge: dice.under(2) == 0,
        amount: Some(Wire {
            value: dice.under(5_000),
            scale: places,
        }),
        tax,
        ..AllowanceCharge::default()
    }
}

fn invoice(dice: &mut Dice, currency: &str) -> (Head, Vec<Line>) {
    let places = exponent(currency);
    let lines = (0..=dice.under(6)).map(|place| {
        let (quantity, price) = (dice.wire(100_000, 3), dice.wire(1_000_000, 6));
        Line {
            id: place.to_string(),
            quantity: Some(Quantity {
                value: quantity.value,
                scale: quantity.scale,
                unit: String::new(),
            }),
            price: Some(Price {
                value: price.value,
                scale: price.scale,
                base_quantity: (dice.under(3) == 0).then(|| Quantity {
                    value: dice.under(1_000) + 1,
                    ..Quantity::default()
                }),
            }),
            allowance_charges: (0..dice.under(3)).map(|_| allowance(dice, places, None)).collect(),
            tax: Some(tax(dice)),
            ..Line::default()
        }
    });
    let lines = lines.collect();
    let head = Head {
        currency: currency.to_owned(),
        allowance_charges: (0..dice.under(3))
            .map(|_| {
                let tax = Some(tax(dice));
                allowance(dice, places, tax)
            })
            .collect(),
        prepaid: Some(Wire {
            value: dice.under(100),
            scale: places,
        }),
        ..Head::default()
    };
    (head, lines)
}

/// The same by another's decimals: net amounts, tax, and what is to be paid.
fn expected(head: &Head, lines: &[Line]) -> (Vec<Other>, Other, Other) {
    let places = exponent(&head.currency);
    let signed = |one: &AllowanceCharge| {
        let amount = other(one.amount.as_ref().unwrap());
        if one.charge { amount } else { -amount }
    };
    let mut taxed = std::collections::BTreeMap::<(String, i64), Other>::new();
    let mut add = |tax: &Tax, amount: Other| {
        *taxed
            .entry((tax.category.clone(), tax.percent.as_ref().unwrap().value))
            .or_default() += amount;
    };
    let mut nets = Vec::new();
    for line in lines {
        let (quantity, price) = (line.quantity.as_ref().unwrap(), line.price.as_ref().unwrap());
        let base = price
            .base_quantity
            .as_ref()
            .map_or(Other::ONE, |base| Other::new(base.value, base.scale));
        let whole = Other::new(price.value, price.scale) * Other::new(quantity.value, quantity.scale) / base;
        let net = rounded(whole, places) + line.allowance_charges.iter().map(signed).sum::<Other>();
        add(line.tax.as_ref().unwrap(), net);
        nets.push(net);
    }
    for one in &head.allowance_charges {
        add(one.tax.as_ref().unwrap(), signed(one));
    }
    let due = |((_, percent), amount): (&(String, i64), &Other)| {
        rounded(*amount * Other::from(*percent) / Other::ONE_HUNDRED, places)
    };
    let tax: Other = taxed.iter().map(due).sum();
    let all: Other = nets.iter().sum::<Other>() + head.allowance_charges.iter().map(signed).sum::<Other>();
    let paid = other(head.prepaid.as_ref().unwrap());
    (nets, tax, all + tax - paid)
}

#[test]
fn totals_are_those_of_an_independent_decimal_implementation() {
    let mut dice = Dice(7);
    for run in 0..invoices() {
        let currency = ["EUR", "JPY", "KWD"][usize::try_from(run % 3).unwrap()];
        let places = exponent(currency);
        let (head, lines) = invoice(&mut dice, currency);
        let ours = totals(&head, &lines).unwrap();
        let (nets, tax, payable) = expected(&head, &lines);
        let minor = |amount: i64| Other::new(amount, places);
        assert_eq!(
            ours.lines.iter().map(|net| minor(*net)).collect::<Vec<_>>(),
            nets,
            "{run} {lines:?}"
        );
        assert_eq!(
            (minor(ours.tax), minor(ours.payable)),
            (tax, payable),
            "{run} {head:?} {lines:?}"
        );
        assert_eq!(ours.tax_inclusive, ours.tax_exclusive + ours.tax);
    }
}

#[test]
fn a_papers_own_rounding_stands_within_its_bounds() {
    let wire = |value: i64| Some(Wire { value, scale: 2 });
    let mut dice = Dice(1);
    let line = |stated: Option<Wire>| Line {
        id: "1".to_owned(),
        quantity: Some(Quantity {
            value: 3,
            ..Quantity::default()
        }),
        price: Some(Price {
            value: 1_666,
            scale: 3,
            ..Price::default()
        }),
        tax: Some(tax(&mut Dice(3))),
        net_amount: stated,
        ..Line::default()
    };
    let head = Head {
        currency: "EUR".to_owned(),
        ..Head::default()
    };
    let of = |head: &Head, stated| totals(head, &[line(stated)]);
    assert_eq!(of(&head, None).unwrap().line_extension, 500);
    assert_eq!(of(&head, wire(499)).unwrap().line_extension, 499);
    assert_eq!(of(&head, wire(497)), Err(NoTotals::Amount("line 1".to_owned())));
    assert_eq!(
        of(&head, Some(dice.wire(1, 0))),
        Err(NoTotals::Amount("line 1".to_owned()))
    );
    let taxed = |amount: i64| {
        let said = of(&head, None).unwrap();
        let tax = &said.taxes[0];
        let tax_amounts = vec![TaxAmount {
            category: tax.tax.category.clone(),
            percent: tax.tax.percent,
            amount: wire(tax.due + amount),
        }];
        of(
            &Head {
                tax_amounts,
                ..head.clone()
            },
            None,
        )
        .map(|all| all.tax - said.tax)
    };
    assert_eq!(taxed(1), Ok(1));
    assert_eq!(taxed(101), Err(NoTotals::Amount("tax_amounts".to_owned())));
}

#[test]
fn what_is_out_of_all_bounds_is_refused_and_not_wrapped() {
    let line = |value: i64| Line {
        id: "1".to_owned(),
        quantity: Some(Quantity {
            value,
            ..Quantity::default()
        }),
        price: Some(Price {
            value: i64::MAX,
            ..Price::default()
        }),
        ..Line::default()
    };
    let head = Head {
        currency: "KWD".to_owned(),
        ..Head::default()
    };
    for many in [2, 1_000_000_000_000, i64::MAX] {
        assert!(totals(&head, &[line(many)]).is_err(), "{many}");
    }
    let priceless = Line { price: None, ..line(1) };
    assert_eq!(totals(&head, &[priceless]), Err(NoTotals::Price("1".to_owned())));
}
