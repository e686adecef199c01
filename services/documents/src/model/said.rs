//! What a document says of its lines, gathered from its sections, and what that comes to in money.

use std::collections::BTreeMap;

use hansa_proto::{
    documents::v1::{Answer, Head, Line, Prices, Receipt, Verdict, content::Body},
    types::v1::Quantity,
};
use hansa_trade::Decimal;

use super::Contents;

/// What a document says, section by section.
#[derive(Default)]
pub struct Said<'a> {
    /// References, dates, addresses.
    pub head: Option<&'a Head>,
    /// In their order.
    pub lines: Vec<&'a Line>,
    /// By line.
    pub answers: BTreeMap<&'a str, &'a Answer>,
    /// By line.
    pub receipts: BTreeMap<&'a str, &'a Receipt>,
    /// What articles cost.
    pub prices: Option<&'a Prices>,
}

impl<'a> Said<'a> {
    /// All that these contents say.
    #[must_use]
    pub fn of(contents: &'a Contents) -> Self {
        let mut said = Self::default();
        for content in contents.values() {
            match &content.body {
                Some(Body::Head(head)) => said.head = Some(head),
                Some(Body::Lines(all)) => said.lines.extend(&all.lines),
                Some(Body::Answers(all)) => said.answers.extend(all.answers.iter().map(|one| (&*one.line, one))),
                Some(Body::Receipts(all)) => said.receipts.extend(all.receipts.iter().map(|one| (&*one.line, one))),
                Some(Body::Prices(prices)) => said.prices = Some(prices),
                Some(Body::Remark(_) | Body::Form(_)) | None => {}
            }
        }
        said
    }

    /// ISO 4217; empty = not said.
    #[must_use]
    pub fn currency(&self) -> &'a str {
        self.head.map_or("", |head| &head.currency)
    }

    /// Minor units of all lines as they were asked, without tax, with what goes off or on the whole; none when one has no price.
    #[must_use]
    pub fn total(&self) -> Option<i64> {
        let asked = self
            .lines
            .iter()
            .map(|line| amount(line, line.quantity.as_ref()?, self.currency()));
        self.with_allowances(sum(asked)?)
    }

    fn with_allowances(&self, total: i64) -> Option<i64> {
        let mut all = self.head.into_iter().flat_map(|head| &head.allowance_charges);
        all.try_fold(total, |total, one| {
            let amount = Decimal::of(one.amount.as_ref())?.minor(self.currency())?;
            total.checked_add(if one.charge { amount } else { -amount })
        })
    }

    /// Minor units of a line as it was answered, or else as it was asked; none without a price, and of another article.
    #[must_use]
    pub fn settled(&self, line: &Line) -> Option<i64> {
        let answer = self.answers.get(&*line.id);
        let quantity = match answer.map(|answer| (answer.verdict(), answer.quantity.as_ref())) {
            Some((Verdict::Decline, _)) => return line.price.as_ref().map(|_| 0),
            Some((Verdict::Substitute, _)) => return None,
            Some((Verdict::Change, Some(changed))) => changed,
            _ => line.quantity.as_ref()?,
        };
        amount(line, quantity, self.currency())
    }

    /// The same of all lines.
    #[must_use]
    pub fn settled_total(&self) -> Option<i64> {
        self.with_allowances(sum(self.lines.iter().map(|line| self.settled(line)))?)
    }
}

/// Minor units of so much of a line's article.
fn amount(line: &Line, quantity: &Quantity, currency: &str) -> Option<i64> {
    hansa_trade::net(line, quantity, currency).ok()
}

/// All of them together; none when there are none, when one is missing, or when it is out of all bounds.
fn sum(amounts: impl Iterator<Item = Option<i64>>) -> Option<i64> {
    let mut total = None::<i64>;
    for amount in amounts {
        total = Some(total.unwrap_or(0).checked_add(amount?)?);
    }
    total
}

/// The lines as they were answered, or else as they were asked, without those that were declined; what was written before stands where
/// nothing newer does.
#[must_use]
pub fn as_answered(contents: &Contents, before: &Contents) -> Vec<Line> {
    let older = Said::of(before);
    let mut said = Said::of(contents);
    if said.lines.is_empty() {
        said.lines = older.lines;
    }
    if said.answers.is_empty() {
        said.answers = older.answers;
    }
    let lines = said.lines.iter().filter_map(|line| {
        let mut line = (*line).clone();
        let Some(answer) = said.answers.get(&*line.id) else {
            return Some(line);
        };
        match answer.verdict() {
            Verdict::Decline => return None,
            Verdict::Substitute => {
                line.sku.clone_from(&answer.substitute_sku);
                (line.gtin, line.category) = (String::new(), String::new());
            }
            Verdict::Unspecified | Verdict::Accept | Verdict::Change => {}
        }
        if answer.quantity.is_some() {
            line.quantity.clone_from(&answer.quantity);
            line.net_amount = None;
        }
        Some(line)
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use hansa_proto::documents::v1::Price;

    use super::*;

    fn line(value: i64, price: Option<i64>) -> Line {
        Line {
            id: "1".to_owned(),
            quantity: Some(quantity(value)),
            price: price.map(|value| Price {
                value,
                scale: 2,
                ..Price::default()
            }),
            ..Line::default()
        }
    }

    fn quantity(value: i64) -> Quantity {
        Quantity {
            value,
            scale: 0,
            unit: "C62".to_owned(),
        }
    }

    #[test]
    fn a_line_comes_to_what_was_answered_of_it() {
        let answer = |verdict: Verdict, value: Option<i64>| Answer {
            verdict: verdict.into(),
            quantity: value.map(quantity),
            ..Answer::default()
        };
        let line = line(3, Some(200));
        for (answer, minor) in [
            (None, Some(600)),
            (Some(answer(Verdict::Accept, None)), Some(600)),
            (Some(answer(Verdict::Change, Some(2))), Some(400)),
            (Some(answer(Verdict::Change, None)), Some(600)),
            (Some(answer(Verdict::Decline, None)), Some(0)),
            (Some(answer(Verdict::Substitute, Some(2))), None),
        ] {
            let mut said = Said {
                lines: vec![&line],
                ..Said::default()
            };
            said.answers.extend(answer.as_ref().map(|answer| ("1", answer)));
            assert_eq!(
                (said.settled(&line), said.settled_total()),
                (minor, minor),
                "{answer:?}"
            );
            assert_eq!(said.total(), Some(600), "what was asked stays");
        }
    }

    #[test]
    fn a_total_out_of_all_bounds_or_without_a_price_is_none() {
        let (large, free, none) = (line(1, Some(i64::MAX)), line(1, Some(0)), line(1, None));
        let total = |lines: Vec<&Line>| {
            let said = Said {
                lines: lines.into_iter().collect(),
                ..Said::default()
            };
            (said.total(), said.settled_total())
        };
        assert_eq!(total(vec![&large, &free]), (Some(i64::MAX), Some(i64::MAX)));
        for lines in [vec![&large, &large], vec![&free, &none], vec![]] {
            assert_eq!(total(lines), (None, None));
        }
    }
}
