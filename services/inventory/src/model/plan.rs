//! How stock gets to what a document means: which units of which levels move, without a database.

use std::collections::BTreeMap;

use uuid::Uuid;

/// A level's key: article, location, lot.
pub type Key = (Uuid, String, String);

/// A level under its lock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// Units in the house.
    pub on_hand: i64,
    /// Units promised to others.
    pub reserved: i64,
    /// Units that will come in.
    pub incoming: i64,
    /// Promised units that a count has taken away.
    pub short: i64,
    /// Units that are promised to nobody.
    pub safety_stock: i64,
    /// Rises with each movement.
    pub version: i64,
}

/// An account of a level, or the world outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// Not ours.
    External,
    /// Ours, and promised to nobody.
    Free,
    /// Promised.
    Held,
    /// On its way to us.
    Incoming,
    /// Promised and not there.
    Short,
}

impl Account {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::External => "external",
            Self::Free => "free",
            Self::Held => "held",
            Self::Incoming => "incoming",
            Self::Short => "short",
        }
    }
}

/// A line of the ledger to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    /// Of which level.
    pub key: Key,
    /// Whence.
    pub from: Account,
    /// Whither.
    pub to: Account,
    /// Units, above zero.
    pub quantity: i64,
    /// A word for people: hold, release, fulfil, expect, receive, return.
    pub kind: &'static str,
    /// The level after it.
    pub after: Level,
}

/// What a document's line has on a level, by document.
pub type Shares = BTreeMap<(Uuid, String, Key), i64>;

/// Levels, what documents have on them, and the movements so far.
#[derive(Debug, Default)]
pub struct Plan {
    /// Levels under their locks.
    pub levels: BTreeMap<Key, Level>,
    /// What this document has in the respect that is planned for.
    pub shares: Shares,
    /// What the document that it is about holds.
    pub promised: Shares,
    /// What moves, in order.
    pub movements: Vec<Movement>,
}

/// A line that is to be planned for.
#[derive(Clone, Debug)]
pub struct Want {
    /// Of which document.
    pub document: Uuid,
    /// Which line.
    pub line: String,
    /// Which article.
    pub item: Uuid,
    /// Units, zero or more.
    pub quantity: i64,
    /// Which lot; any when empty.
    pub lot: String,
    /// The document and line that it is about.
    pub about: Option<(Uuid, String)>,
}

impl Want {
    fn share(&self, key: &Key) -> (Uuid, String, Key) {
        (self.document, self.line.clone(), key.clone())
    }
}

impl Plan {
    /// Lines of this document that have something and are not wanted any more.
    pub fn forgotten(&self, wants: &[Want]) -> Vec<Want> {
        let known = |line: &String, item: &Uuid| wants.iter().any(|want| want.line == *line && want.item == *item);
        let gone = self.shares.keys().filter(|(_, line, key)| !known(line, &key.0));
        let gone = gone.map(|(document, line, key)| ((line.clone(), key.0), *document));
        let gone: BTreeMap<_, _> = gone.collect();
        let want = |((line, item), document)| Want {
            document,
            line,
            item,
            quantity: 0,
            lot: String::new(),
            about: None,
        };
        gone.into_iter().map(want).collect()
    }

    fn has(&self, want: &Want) -> Vec<(Key, i64)> {
        let of_it = self
            .shares
            .iter()
            .filter(|((document, line, key), units)| {
                *document == want.document && *line == want.line && key.0 == want.item && **units > 0
            })
            .map(|((_, _, key), units)| (key.clone(), *units));
        of_it.collect()
    }

    /// Levels of an article in that lot, those with the most first, as `units` counts them.
    fn with_most(&self, want: &Want, units: impl Fn(&Level) -> i64) -> Vec<(Key, i64)> {
        let of_item = self
            .levels
            .iter()
            .filter(|(key, _)| key.0 == want.item && lot_fits(want, key));
        let mut all: Vec<_> = of_item
            .map(|(key, level)| (key.clone(), units(level)))
            .filter(|(_, units)| *units > 0)
            .collect();
        all.sort_by(|(one, most), (other, more)| more.cmp(most).then_with(|| one.cmp(other)));
        all
    }

    /// Moves units of a level, and notes it.
    fn step(&mut self, key: &Key, kind: &'static str, moved: &[(Account, Account, i64)]) {
        let level = self.levels.entry(key.clone()).or_default();
        level.version += 1;
        for (from, to, quantity) in moved.iter().filter(|(_, _, quantity)| *quantity > 0) {
            for (account, units) in [(from, -quantity), (to, *quantity)] {
                match account {
                    Account::External => {}
                    Account::Free => level.on_hand += units,
                    Account::Held => (level.on_hand, level.reserved) = (level.on_hand + units, level.reserved + units),
                    Account::Incoming => level.incoming += units,
                    Account::Short => (level.reserved, level.short) = (level.reserved + units, level.short + units),
                }
            }
        }
        let after = level.clone();
        let moved = moved.iter().filter(|(_, _, quantity)| *quantity > 0);
        self.movements.extend(moved.map(|(from, to, quantity)| Movement {
            key: key.clone(),
            from: *from,
            to: *to,
            quantity: *quantity,
            kind,
            after: after.clone(),
        }));
    }

    /// Holds what is wanted, or gives back what is not; what it lacks in the end.
    pub fn promise(&mut self, want: &Want) -> i64 {
        let has = self.has(want);
        let mut lack = want.quantity - has.iter().map(|(_, units)| units).sum::<i64>();
        for (key, units) in has.into_iter().rev() {
            let back = units.min(-lack);
            if back <= 0 {
                break;
            }
            let short = self.levels.get(&key).map_or(0, |level| level.short).min(back);
            let moved = [
                (Account::Short, Account::External, short),
                (Account::Held, Account::Free, back - short),
            ];
            self.step(&key, "release", &moved);
            self.share(want, &key, -back);
            lack += back;
        }
        let free = |level: &Level| level.on_hand - level.reserved - level.safety_stock;
        for (key, units) in self.with_most(want, free) {
            let taken = units.min(lack);
            if taken <= 0 {
                break;
            }
            self.step(&key, "hold", &[(Account::Free, Account::Held, taken)]);
            self.share(want, &key, taken);
            lack -= taken;
        }
        lack
    }

    /// Sends what is wanted out of the house: first what is held for it, then what is free. What it lacks in the end.
    pub fn despatch(&mut self, want: &Want) -> i64 {
        let has = self.has(want);
        let mut lack = want.quantity - has.iter().map(|(_, units)| units).sum::<i64>();
        for (key, units) in has.into_iter().rev() {
            let back = units.min(-lack);
            if back <= 0 {
                break;
            }
            self.step(&key, "return", &[(Account::External, Account::Free, back)]);
            self.share(want, &key, -back);
            lack += back;
        }
        let held = self.promised.iter().filter(|((document, line, key), _)| {
            let of_it = want.about.as_ref() == Some(&(*document, line.clone()));
            of_it && key.0 == want.item && lot_fits(want, key)
        });
        let held: Vec<_> = held.map(|(share, units)| (share.clone(), *units)).collect();
        for (share, units) in held {
            let there = self
                .levels
                .get(&share.2)
                .map_or(0, |level| level.reserved - level.short);
            let taken = units.min(lack).min(there);
            if taken > 0 {
                self.step(&share.2, "fulfil", &[(Account::Held, Account::External, taken)]);
                self.share(want, &share.2, taken);
                self.promised.insert(share, units - taken);
                lack -= taken;
            }
        }
        for (key, units) in self.with_most(want, |level| level.on_hand - level.reserved) {
            let taken = units.min(lack);
            if taken <= 0 {
                break;
            }
            self.step(&key, "fulfil", &[(Account::Free, Account::External, taken)]);
            self.share(want, &key, taken);
            lack -= taken;
        }
        lack
    }

    /// Expects what is wanted at a place.
    pub fn expect(&mut self, want: &Want, place: &str) {
        for (key, units) in self.has(want) {
            // It is expected elsewhere now, or less of it is.
            let left = if key.1 == place { want.quantity.min(units) } else { 0 };
            if left < units {
                self.step(&key, "expect", &[(Account::Incoming, Account::External, units - left)]);
                self.share(want, &key, left - units);
            }
        }
        let lack = want.quantity - self.has(want).iter().map(|(_, units)| units).sum::<i64>();
        if lack > 0 {
            let key = (want.item, place.to_owned(), String::new());
            self.step(&key, "expect", &[(Account::External, Account::Incoming, lack)]);
            self.share(want, &key, lack);
        }
    }

    /// Takes in what is wanted at a place, or takes back what was too much; how much of that is not free any more.
    pub fn receive(&mut self, want: &Want, place: &str) -> i64 {
        let has = self.has(want);
        let mut lack = want.quantity - has.iter().map(|(_, units)| units).sum::<i64>();
        if lack > 0 {
            let key = (want.item, place.to_owned(), want.lot.clone());
            self.step(&key, "receive", &[(Account::External, Account::Free, lack)]);
            self.share(want, &key, lack);
            return 0;
        }
        for (key, units) in has.into_iter().rev() {
            let there = self.levels.get(&key).map_or(0, |level| level.on_hand - level.reserved);
            let back = units.min(-lack).min(there);
            if back > 0 {
                self.step(&key, "receive", &[(Account::Free, Account::External, back)]);
                self.share(want, &key, -back);
                lack += back;
            }
        }
        -lack
    }

    fn share(&mut self, want: &Want, key: &Key, units: i64) {
        *self.shares.entry(want.share(key)).or_default() += units;
    }
}

fn lot_fits(want: &Want, key: &Key) -> bool {
    want.lot.is_empty() || want.lot == key.2
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
