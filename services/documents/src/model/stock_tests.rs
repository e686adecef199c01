//! What documents mean for stock, tried on an order with an answer to each of its lines.

use hansa_proto::documents::v1::{Answers, Content, Lines, Receipt, Receipts};

use super::*;

fn order() -> Kind {
    Kind::read(include_str!("../../kinds/order.json")).unwrap()
}

fn units(value: i64) -> WireQuantity {
    WireQuantity {
        value,
        ..WireQuantity::default()
    }
}

fn lines(all: &[(&str, i64)]) -> Content {
    let line = |(id, quantity): &(&str, i64)| Line {
        id: (*id).to_owned(),
        sku: format!("TEA-{id}"),
        buyer_sku: format!("OUR-{id}"),
        quantity: Some(units(*quantity)),
        of_line: format!("of-{id}"),
        ..Line::default()
    };
    let lines = all.iter().map(line).collect();
    Content {
        body: Some(Body::Lines(Lines { lines })),
    }
}

fn answer(line: &str, verdict: Verdict, change: impl FnOnce(&mut Answer)) -> Answer {
    let mut answer = Answer {
        line: line.to_owned(),
        verdict: verdict.into(),
        ..Answer::default()
    };
    change(&mut answer);
    answer
}

fn answered() -> Contents {
    let answers = vec![
        answer("1", Verdict::Accept, |_| {}),
        answer("2", Verdict::Change, |answer| answer.quantity = Some(units(7))),
        answer("3", Verdict::Decline, |_| {}),
        answer("4", Verdict::Substitute, |answer| {
            (answer.quantity, answer.substitute_sku) = (Some(units(2)), "COFFEE".to_owned());
        }),
        answer("5", Verdict::Change, |answer| answer.on = "2026-12-24".to_owned()),
    ];
    let answers = Answers {
        answers,
        ..Answers::default()
    };
    let lines = lines(&[("1", 10), ("2", 10), ("3", 10), ("4", 10), ("5", 10)]);
    let answers = Content {
        body: Some(Body::Answers(answers)),
    };
    [("lines".to_owned(), lines), ("answers".to_owned(), answers)].into()
}

fn shown(due: &[DueLine]) -> Vec<(&str, &str, i64, bool)> {
    due.iter()
        .map(|due| (&*due.line, &*due.sku, due.amount.micros() / 1_000_000, due.late))
        .collect()
}

#[test]
fn what_was_answered_is_what_is_promised_and_each_side_names_its_own_articles() {
    let promised = due(&order(), "agreed", "seller", Stock::Promised, &answered());
    assert_eq!(
        shown(&promised),
        [
            ("1", "TEA-1", 10, false),
            ("2", "TEA-2", 7, false),
            ("4", "COFFEE", 2, false),
            ("5", "TEA-5", 10, true)
        ]
    );
    let expected = due(&order(), "agreed", "buyer", Stock::Expected, &answered());
    let skus: Vec<_> = expected.iter().map(|due| &*due.sku).collect();
    assert_eq!(skus, ["OUR-1", "OUR-2", "", "OUR-5"]);
    assert!(due(&order(), "agreed", "seller", Stock::Expected, &answered()).is_empty());
    assert!(due(&order(), "cancelled", "seller", Stock::Promised, &answered()).is_empty());
}

#[test]
fn the_larger_figure_counts_while_an_offer_is_open_and_what_is_done_comes_off() {
    let due_of = |all: &[(&str, i64)]| {
        let contents = [("lines".to_owned(), lines(all))].into();
        due(&order(), "agreed", "seller", Stock::Promised, &contents)
    };
    let both = most(due_of(&[("1", 10), ("2", 5)]), due_of(&[("1", 8), ("2", 9), ("3", 1)]));
    assert_eq!(
        shown(&both),
        [
            ("1", "TEA-1", 10, false),
            ("2", "TEA-2", 9, false),
            ("3", "TEA-3", 1, false)
        ]
    );
    let done = [("1".to_owned(), 4_000_000), ("3".to_owned(), 2_000_000)].into();
    let left = outstanding(both, &done);
    assert_eq!(shown(&left), [("1", "TEA-1", 6, false), ("2", "TEA-2", 9, false)]);
}

#[test]
fn what_was_received_is_what_the_receipt_says() {
    let advice = Kind::read(include_str!("../../kinds/despatch_advice.json")).unwrap();
    let receipt = |line: &str, received| Receipt {
        line: line.to_owned(),
        received: Some(units(received)),
        ..Receipt::default()
    };
    let receipts = Receipts {
        receipts: vec![receipt("1", 8), receipt("2", 0)],
        ..Receipts::default()
    };
    let receipts = Content {
        body: Some(Body::Receipts(receipts)),
    };
    let contents = [
        ("lines".to_owned(), lines(&[("1", 10), ("2", 10)])),
        ("receipts".to_owned(), receipts),
    ]
    .into();
    let received = due(&advice, "received_short", "buyer", Stock::Received, &contents);
    assert_eq!(shown(&received), [("1", "OUR-1", 8, false)]);
    assert_eq!(received[0].of_line, "of-1");
    let sent = due(&advice, "received_short", "seller", Stock::Despatched, &contents);
    assert_eq!(shown(&sent), [("1", "TEA-1", 10, false), ("2", "TEA-2", 10, false)]);
}

#[test]
fn amounts_are_exact_and_come_back_in_their_shortest_form() {
    let kilos = |value, scale| WireQuantity {
        value,
        scale,
        unit: "KGM".to_owned(),
    };
    assert_eq!(Amount::read(&kilos(1_250, 3)).unwrap().wire(), kilos(125, 2));
    assert_eq!(Amount::read(&kilos(1, 7)), None);
    assert_eq!(Amount::read(&kilos(i64::MAX, 0)), None, "no overflow");
}
