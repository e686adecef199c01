//! What agreed prices say of orders, in numbers that were worked out by hand.

use hansa_proto::types::v1::Decimal as Wire;
use proptest::prelude::*;
use time::macros::date;

use super::*;

const LIST: &str = "\
sku,gtin,category,name,unit,from,price,per,minimum,pack,lead_days
TEA,4000001000012,,Green tea,KGM,,4.50,,2,0.5,3
TEA,4000001000012,,Green tea,KGM,10,4.20,,,,
TEA,4000001000012,,Green tea,KGM,100,399,100,,,
,,50201706,Any coffee,,,12,,,,
";

fn list() -> Vec<PriceLine> {
    read_list(LIST.as_bytes()).unwrap()
}

fn order(value: i64, scale: u32, unit: &str, price: Option<(i64, u32)>) -> (Line, Quantity) {
    let quantity = Quantity {
        value,
        scale,
        unit: unit.to_owned(),
    };
    let price = price.map(|(value, scale)| Price {
        value,
        scale,
        base_quantity: None,
    });
    let line = Line {
        quantity: Some(quantity.clone()),
        price,
        ..Line::default()
    };
    (line, quantity)
}

fn found(line: &PriceLine, asked: &(Line, Quantity), wanted: Option<Date>) -> Vec<Deviation> {
    let ordered = Ordered {
        currency: "EUR",
        on: date!(2026 - 11 - 28),
        wanted,
    };
    beside((line, "EUR"), (&asked.0, &asked.1), ordered)
}

#[test]
fn a_list_is_read_with_its_breaks_and_its_categories() {
    let lines = list();
    assert_eq!(lines.len(), 2);
    let (tea, coffee) = (&lines[0], &lines[1]);
    assert_eq!((tea.id.as_str(), tea.breaks.len(), tea.lead_days), ("1", 3, 3));
    assert_eq!(coffee.category, "50201706");
    let semicolons = format!("\u{feff}{}", LIST.replace(',', ";"));
    assert_eq!(read_list(semicolons.as_bytes()).unwrap(), lines);
}

#[test]
fn the_whole_quantity_has_the_price_of_the_last_break_that_it_reaches() {
    let tea = &list()[0];
    for (kilos, price) in [
        (1, (45, 1)),
        (9, (45, 1)),
        (10, (42, 1)),
        (99, (42, 1)),
        (100, (399, 0)),
        (5_000, (399, 0)),
    ] {
        let found = at(tea, kilos * 1_000_000).unwrap();
        assert_eq!((found.value, found.scale), price, "{kilos} kg");
    }
}

#[test]
fn a_line_says_each_way_in_which_it_is_not_as_was_agreed() {
    use Deviation::*;
    let tea = &list()[0];
    for (asked, wanted, deviations) in [
        (order(5, 0, "KGM", Some((4_50, 2))), None, vec![]),
        (order(10, 0, "KGM", Some((4_200_000, 6))), None, vec![]),
        // 399 for 100 is 3.99 for one.
        (order(100, 0, "KGM", Some((3_99, 2))), None, vec![]),
        (order(10, 0, "KGM", Some((4_50, 2))), None, vec![PriceOver]),
        (order(9, 0, "KGM", Some((4_20, 2))), None, vec![PriceUnder]),
        (order(5, 0, "KGM", None), None, vec![NoPrice]),
        (order(5, 0, "C62", Some((4_50, 2))), None, vec![Unit]),
        (order(1, 0, "KGM", Some((4_50, 2))), None, vec![BelowMinimum]),
        (order(2_25, 2, "KGM", Some((4_50, 2))), None, vec![NotInPacks]),
        (order(2_5, 1, "KGM", Some((4_50, 2))), None, vec![]),
        (order(5, 0, "KGM", Some((4_50, 2))), Some(date!(2026 - 12 - 01)), vec![]),
        (
            order(5, 0, "KGM", Some((4_50, 2))),
            Some(date!(2026 - 11 - 30)),
            vec![TooSoon],
        ),
    ] {
        assert_eq!(found(tea, &asked, wanted), deviations, "{asked:?}");
    }
    let (line, quantity) = order(5, 0, "KGM", Some((4_50, 2)));
    let ordered = Ordered {
        currency: "NOK",
        on: date!(2026 - 11 - 28),
        wanted: None,
    };
    assert_eq!(beside((tea, "EUR"), (&line, &quantity), ordered), [Currency]);
}

#[test]
fn a_list_that_is_none_is_refused_with_its_row() {
    let head = "sku,unit,from,price\n";
    for (text, row, word) in [
        ("", 1, "column price"),
        ("sku,cost\nTEA,1\n", 1, "columns are"),
        ("sku,price,price\nTEA,1,2\n", 1, "twice"),
        ("sku,price\n", 1, "no price"),
        (&format!("{head}TEA,,,4,5\n"), 2, "as many columns"),
        (&format!("{head}TEA,,,\"4,50\"\n"), 2, "no number"),
        (&format!("{head}TEA,,,4.50\nRICE,,,x\n"), 3, "no number"),
        (&format!("{head}TEA,,,\n"), 2, "price is missing"),
        (&format!("{head}TEA,,10,4\nTEA,,5,3\n"), 0, "above the one before"),
        (&format!("{head}TEA,,,4\nRICE,,,1\nTEA,,,3\n"), 0, "TEA is there twice"),
        (&format!("{head}TEA,kilogram,,4\n"), 0, "Recommendation 20"),
        (&format!("{head},,,4\n"), 0, "an article"),
        (&format!("{head}TEA,,,-4\n"), 0, "below zero"),
        ("sku,gtin,price\nTEA,4000001000013,1\n", 0, "no GTIN"),
    ] {
        let bad = read_list(text.as_bytes()).unwrap_err();
        assert_eq!(bad.row, row, "{text:?}: {bad}");
        assert!(bad.text.contains(word), "{text:?}: {bad}");
    }
    let many = (0..=LIST_MAX).map(|number| format!("A{number},,,1\n"));
    let many = format!("{head}{}", many.collect::<String>());
    assert!(read_list(many.as_bytes()).unwrap_err().text.contains("at most 200000"));
    assert!(read_list(b"sku,price\n\xff,1\n").is_err());
}

proptest! {
    /// Beside a search that goes through the breaks one by one.
    #[test]
    fn breaks_are_found_as_a_plain_search_finds_them(
        mut from in proptest::collection::vec(1_i64..1_000, 1..8),
        quantity in 1_i64..1_200,
    ) {
        from.sort_unstable();
        from.dedup();
        let breaks = from.iter().map(|from| PriceBreak {
            from: Some(Wire { value: *from, scale: 0 }),
            price: Some(Price { value: 10_000 - from, ..Price::default() }),
        });
        let line = PriceLine {
            id: "1".to_owned(),
            sku: "TEA".to_owned(),
            breaks: breaks.collect(),
            ..PriceLine::default()
        };
        prop_assert!(check(&line).is_ok());
        let mut plain = from[0];
        for one in &from {
            if *one <= quantity {
                plain = *one;
            }
        }
        prop_assert_eq!(at(&line, quantity * 1_000_000).unwrap().value, 10_000 - plain);
    }

    /// Whatever bytes a list has, it is read or refused.
    #[test]
    fn any_bytes_are_a_list_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read_list(&bytes);
        let _ = read_list(&[b"sku,price,from,per\n", &*bytes].concat());
    }
}
