//! Orders from requisitions, without IO: which lines may be ordered, and how they go together.

pub mod account;
pub mod month;

use std::collections::BTreeMap;

use hansa_documents::Contents;
use hansa_proto::{
    documents::v1::{Answer, Head, Line, Verdict, content::Body},
    types::v1::Quantity as WireQuantity,
};
use hansa_vocab::{LinkId, Quantity};
use uuid::Uuid;

/// Decimal places to which amounts are brought before they are added.
const PLACES: u8 = 6;

/// A line of a requisition that goes to a supplier.
#[derive(Clone, Debug, PartialEq)]
pub struct Assigned {
    /// Which requisition.
    pub requisition: Uuid,
    /// The line, as it was approved.
    pub line: Line,
    /// To whom.
    pub link: LinkId,
}

/// An order to be made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Its lines.
    pub lines: Vec<Line>,
    /// Requisition and line, and the line of the order that it has become part of.
    pub sources: Vec<(Uuid, String, String)>,
}

/// The head of a requisition, and its lines as they were answered: none that was declined.
#[must_use]
pub fn approved(contents: &Contents) -> (Head, Vec<Line>) {
    let (mut head, mut lines, mut answers) = (Head::default(), Vec::new(), BTreeMap::new());
    for content in contents.values() {
        match &content.body {
            Some(Body::Head(one)) => head = one.clone(),
            Some(Body::Lines(all)) => lines.extend(all.lines.iter().cloned()),
            Some(Body::Answers(all)) => answers.extend(all.answers.iter().map(|one| (one.line.clone(), one.clone()))),
            Some(Body::Receipts(_) | Body::Remark(_) | Body::Form(_) | Body::Prices(_)) | None => {}
        }
    }
    let lines = lines.into_iter().filter_map(|line| match answers.get(&line.id) {
        Some(answer) => as_answered(line, answer),
        None => Some(line),
    });
    (head, lines.collect())
}

fn as_answered(line: Line, answer: &Answer) -> Option<Line> {
    let quantity = answer.quantity.clone().or_else(|| line.quantity.clone());
    match answer.verdict() {
        Verdict::Decline | Verdict::Unspecified => None,
        Verdict::Accept | Verdict::Change => Some(Line { quantity, ..line }),
        Verdict::Substitute => Some(Line {
            quantity,
            sku: answer.substitute_sku.clone(),
            gtin: String::new(),
            ..line
        }),
    }
}

/// One order for each supplier; equal articles at an equal price become one line.
///
/// `None` when amounts of one article can't be added.
#[must_use]
pub fn orders(assigned: &[Assigned]) -> Option<BTreeMap<LinkId, Plan>> {
    let mut orders: BTreeMap<LinkId, Plan> = BTreeMap::new();
    for one in assigned {
        let plan = orders.entry(one.link).or_default();
        let same = plan.lines.iter_mut().find(|line| same_article(line, &one.line));
        let line = match same {
            Some(line) => {
                line.quantity = Some(sum(line.quantity.as_ref()?, one.line.quantity.as_ref()?)?);
                line.id.clone()
            }
            None => {
                let id = (plan.lines.len() + 1).to_string();
                plan.lines.push(Line {
                    id: id.clone(),
                    note: String::new(),
                    of_line: String::new(),
                    ..one.line.clone()
                });
                id
            }
        };
        plan.sources.push((one.requisition, one.line.id.clone(), line));
    }
    Some(orders)
}

fn same_article(one: &Line, other: &Line) -> bool {
    let unit = |line: &Line| line.quantity.as_ref().map(|quantity| quantity.unit.clone());
    let names = |line: &Line| {
        (
            line.sku.clone(),
            line.gtin.clone(),
            line.buyer_sku.clone(),
            line.name.clone(),
        )
    };
    names(one) == names(other) && one.price == other.price && unit(one) == unit(other)
}

fn sum(one: &WireQuantity, other: &WireQuantity) -> Option<WireQuantity> {
    let micros = |wire: &WireQuantity| {
        let quantity = Quantity::new(wire.value, wire.scale, &wire.unit).ok()?;
        quantity.base_units(PLACES, quantity.unit()).ok()
    };
    let unit = one.unit.parse().ok()?;
    let (value, scale) = Quantity::of(micros(one)?.checked_add(micros(other)?)?, PLACES, unit).shortest();
    Some(WireQuantity {
        value,
        scale: scale.into(),
        unit: one.unit.clone(),
    })
}

#[cfg(test)]
mod tests {
    use hansa_proto::documents::v1::{Answers, Content, Lines, Price};

    use super::*;

    fn line(id: &str, sku: &str, value: i64, scale: u32) -> Line {
        Line {
            id: id.to_owned(),
            sku: sku.to_owned(),
            quantity: Some(WireQuantity {
                value,
                scale,
                unit: String::new(),
            }),
            ..Line::default()
        }
    }

    fn assigned(requisition: u128, line: Line, link: u128) -> Assigned {
        Assigned {
            requisition: Uuid::from_u128(requisition),
            line,
            link: LinkId(Uuid::from_u128(link)),
        }
    }

    #[test]
    fn requests_of_many_stores_become_one_order_for_each_supplier() {
        let dear = Line {
            price: Some(Price {
                value: 5,
                ..Price::default()
            }),
            ..line("1", "TEA", 2, 0)
        };
        let all = [
            assigned(1, line("1", "TEA", 3, 0), 7),
            assigned(1, line("2", "RICE", 1, 0), 8),
            assigned(2, line("1", "TEA", 25, 1), 7),
            assigned(3, dear, 7),
        ];
        let orders = orders(&all).unwrap();
        let shown = |link: u128| -> Vec<(String, String, i64, u32)> {
            let plan = &orders[&LinkId(Uuid::from_u128(link))];
            let each = plan.lines.iter().map(|line| {
                let quantity = line.quantity.clone().unwrap();
                (line.id.clone(), line.sku.clone(), quantity.value, quantity.scale)
            });
            each.collect()
        };
        assert_eq!(
            shown(7),
            [("1".into(), "TEA".into(), 55, 1), ("2".into(), "TEA".into(), 2, 0)]
        );
        assert_eq!(shown(8), [("1".into(), "RICE".into(), 1, 0)]);
        let sources = &orders[&LinkId(Uuid::from_u128(7))].sources;
        assert_eq!(sources[1], (Uuid::from_u128(2), "1".to_owned(), "1".to_owned()));
    }

    #[test]
    fn what_was_declined_is_not_ordered_and_what_was_changed_is_as_it_was_changed() {
        let answer = |line: &str, verdict: Verdict, value| Answer {
            line: line.to_owned(),
            verdict: verdict.into(),
            quantity: value,
            ..Answer::default()
        };
        let less = line("2", "", 1, 0).quantity;
        let answers = vec![
            answer("1", Verdict::Accept, None),
            answer("2", Verdict::Change, less),
            answer("3", Verdict::Decline, None),
        ];
        let lines = vec![line("1", "TEA", 3, 0), line("2", "RICE", 9, 0), line("3", "SALT", 9, 0)];
        let content = |body| Content { body: Some(body) };
        let contents = [
            ("lines".to_owned(), content(Body::Lines(Lines { lines }))),
            (
                "answers".to_owned(),
                content(Body::Answers(Answers {
                    answers,
                    ..Answers::default()
                })),
            ),
        ];
        let (_, lines) = approved(&contents.into());
        let shown: Vec<_> = lines
            .iter()
            .map(|line| (&*line.sku, line.quantity.as_ref().unwrap().value))
            .collect();
        assert_eq!(shown, [("TEA", 3), ("RICE", 1)]);
    }
}
