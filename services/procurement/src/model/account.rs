//! Accounts without IO: what they come to by age, and what two nodes compare them by.

use std::collections::BTreeMap;

use hansa_vault::sha256;
use time::Date;

use crate::store::{MarkRow, SumRow};

/// Parts of an account that are compared one by one.
pub const PARTS: usize = 256;
/// Last days of each age, by which something is overdue; what is older is the last one.
const AGES: [i64; 4] = [0, 30, 60, 90];

/// What is owed in one currency, in minor units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// So many items.
    pub items: i64,
    /// To us, and by us.
    pub receivable: i64,
    /// See above.
    pub payable: i64,
    /// How much of each is disputed.
    pub receivable_disputed: i64,
    /// See above.
    pub payable_disputed: i64,
    /// By age: not due yet, 1 to 30 days over, 31 to 60, 61 to 90, more.
    pub receivable_ages: [i64; 5],
    /// See above.
    pub payable_ages: [i64; 5],
}

/// The age of what was due on a day.
#[must_use]
pub fn age(due_on: Date, today: Date) -> usize {
    let days = (today - due_on).whole_days();
    AGES.iter().position(|last| days <= *last).unwrap_or(AGES.len())
}

/// Balances by currency on a day.
#[must_use]
pub fn balances(sums: &[SumRow], today: Date) -> BTreeMap<String, Balance> {
    let mut all = BTreeMap::<String, Balance>::new();
    for sum in sums {
        let balance = all.entry(sum.currency.clone()).or_default();
        balance.items = balance.items.saturating_add(sum.items);
        let (total, disputed, ages) = match sum.owed_to_us {
            true => (
                &mut balance.receivable,
                &mut balance.receivable_disputed,
                &mut balance.receivable_ages,
            ),
            false => (
                &mut balance.payable,
                &mut balance.payable_disputed,
                &mut balance.payable_ages,
            ),
        };
        *total = total.saturating_add(sum.amount);
        *disputed = disputed.saturating_add(sum.disputed);
        let aged = &mut ages[age(sum.due_on, today)];
        *aged = aged.saturating_add(sum.amount);
    }
    all
}

/// The part in which a document is.
#[must_use]
pub fn part(mark: &MarkRow) -> usize {
    usize::from(mark.document_id.as_bytes()[15])
}

/// A hash of each part: which documents are open, in which version, with which root.
#[must_use]
pub fn parts(marks: &[MarkRow]) -> Vec<[u8; 32]> {
    let mut bytes = vec![b"hansa/account\0".to_vec(); PARTS];
    for mark in marks {
        let part = &mut bytes[part(mark)];
        part.extend(mark.document_id.as_bytes());
        part.extend(mark.version.to_be_bytes());
        part.extend(mark.root.as_bytes());
    }
    bytes.iter().map(|bytes| sha256(&[bytes])).collect()
}

/// What stands for all of them.
#[must_use]
pub fn root(parts: &[[u8; 32]]) -> [u8; 32] {
    let parts: Vec<&[u8]> = parts.iter().map(|part| &part[..]).collect();
    sha256(&parts)
}

#[cfg(test)]
mod tests {
    use time::macros::date;
    use uuid::Uuid;

    use super::*;

    fn mark(document: u128, version: i64, root: &str) -> MarkRow {
        MarkRow {
            document_id: Uuid::from_u128(document),
            version,
            root: root.to_owned(),
        }
    }

    #[test]
    fn what_is_owed_is_told_by_age_and_by_who_owes_it() {
        let today = date!(2026 - 11 - 28);
        for (due, aged) in [
            (date!(2026 - 12 - 31), 0),
            (today, 0),
            (date!(2026 - 11 - 27), 1),
            (date!(2026 - 10 - 29), 1),
            (date!(2026 - 10 - 28), 2),
            (date!(2026 - 09 - 29), 2),
            (date!(2026 - 09 - 28), 3),
            (date!(2026 - 08 - 30), 3),
            (date!(2026 - 08 - 29), 4),
        ] {
            assert_eq!(age(due, today), aged, "{due}");
        }
        let sum = |owed_to_us, due_on, amount| SumRow {
            currency: "EUR".to_owned(),
            owed_to_us,
            due_on,
            items: 1,
            amount,
            disputed: amount / 10,
        };
        let sums = [
            sum(true, today, 500),
            sum(true, date!(2026 - 01 - 01), 70),
            sum(false, date!(2026 - 11 - 01), 90),
        ];
        let balance = &balances(&sums, today)["EUR"];
        let expected = Balance {
            items: 3,
            receivable: 570,
            payable: 90,
            receivable_disputed: 57,
            payable_disputed: 9,
            receivable_ages: [500, 0, 0, 0, 70],
            payable_ages: [0, 90, 0, 0, 0],
        };
        assert_eq!(*balance, expected);
    }

    #[test]
    fn whatever_is_not_the_same_has_another_root_and_shows_in_its_part() {
        let marks = [mark(1, 2, "aa"), mark(0x1ff, 1, "bb"), mark(0x2ff, 1, "bb")];
        let whole = parts(&marks);
        for other in [
            vec![marks[0].clone(), marks[1].clone()],
            vec![mark(1, 3, "aa"), marks[1].clone(), marks[2].clone()],
            vec![mark(1, 2, "ab"), marks[1].clone(), marks[2].clone()],
        ] {
            let there = parts(&other);
            assert_ne!(root(&there), root(&whole));
            let differs: Vec<_> = (0..PARTS).filter(|part| there[*part] != whole[*part]).collect();
            let gone = marks.iter().find(|mark| !other.contains(mark)).unwrap();
            assert_eq!(differs, [part(gone)]);
        }
    }
}
