//! What stock is: rules that need no database and no clock.

pub mod plan;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use hansa_link::model::{Grant, Visibility};
use hansa_vocab::{Gtin, Unit, quantity::NotAQuantity};

use crate::Error;

/// Most lines of one reservation.
pub const LINES_MAX: usize = 100;
/// Most items of one query.
pub const ITEMS_MAX: usize = 1_000;
/// Most rows of one chunk of an import.
pub const ROWS_MAX: usize = 1_000;
/// Longest texts.
pub const SKU_MAX: usize = 80;
/// See [`SKU_MAX`].
pub const NAME_MAX: usize = 200;
/// See [`SKU_MAX`].
pub const LOCATION_MAX: usize = 40;
/// See [`SKU_MAX`]; GS1 AI 10.
pub const LOT_MAX: usize = 20;
/// See [`SKU_MAX`].
pub const REFERENCE_MAX: usize = 80;
/// Most units of one figure, so that sums of all levels fit.
pub const UNITS_MAX: i64 = 1_000_000_000_000;

/// Where a reservation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Only at the buyer: sent, and no answer yet.
    Unknown,
    /// Until its time is over.
    Held,
    /// Firm.
    Confirmed,
    /// The units have left the house.
    Fulfilled,
    /// Given back.
    Released,
    /// Its time was over.
    Expired,
    /// Given up before anything was held.
    Void,
}

impl State {
    const ALL: [Self; 7] = [
        Self::Unknown,
        Self::Held,
        Self::Confirmed,
        Self::Fulfilled,
        Self::Released,
        Self::Expired,
        Self::Void,
    ];

    /// The word in the database and on screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Held => "held",
            Self::Confirmed => "confirmed",
            Self::Fulfilled => "fulfilled",
            Self::Released => "released",
            Self::Expired => "expired",
            Self::Void => "void",
        }
    }

    /// Goes on from here to `next`; true when it is there already.
    ///
    /// # Errors
    ///
    /// [`Error::Expired`] or [`Error::Ended`]: each end is reached once.
    pub fn step(self, next: Self, over: bool) -> Result<bool, Error> {
        match (self, next) {
            (here, there) if here == there => Ok(true),
            (Self::Held, Self::Confirmed) if over => Err(Error::Expired),
            (Self::Held, Self::Confirmed | Self::Released | Self::Expired)
            | (Self::Confirmed, Self::Fulfilled | Self::Released) => Ok(false),
            (Self::Expired, Self::Confirmed) => Err(Error::Expired),
            (here, _) => Err(Error::Ended(here)),
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for State {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or(Error::Damaged("reservation"))
    }
}

/// Which goods.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ItemRef {
    /// By barcode.
    Gtin(Gtin),
    /// By the owner's article number.
    Sku(String),
}

/// A line of a request to reserve, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub item: ItemRef,
    /// Empty = the owner's choice.
    pub location: String,
    pub lot: String,
    pub quantity: hansa_vocab::Quantity,
}

/// What SQL looks for, for each word of a text; none when it is too long, or no text that SQL can hold.
pub fn patterns(text: &str) -> Option<Vec<String>> {
    const LENGTH_MAX: usize = 100;
    const WORDS_MAX: usize = 8;
    let text = text.to_lowercase();
    let words: Vec<&str> = text.split_whitespace().collect();
    if text.chars().count() > LENGTH_MAX || words.len() > WORDS_MAX || text.contains('\0') {
        return None;
    }
    let pattern = |word: &str| {
        let literal = word.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        format!("%{literal}%")
    };
    Some(words.into_iter().map(pattern).collect())
}

/// A text in its limits.
pub fn text(field: &'static str, value: &str, length_max: usize) -> Result<String, Error> {
    let value = value.trim();
    if value.chars().count() > length_max || value.chars().any(char::is_control) {
        return Err(Error::Invalid {
            field,
            text: format!("at most {length_max} characters, none of them a control character"),
        });
    }
    Ok(value.to_owned())
}

/// The same, and something must stand there.
pub fn some_text(field: &'static str, value: &str, length_max: usize) -> Result<String, Error> {
    let value = text(field, value, length_max)?;
    if value.is_empty() {
        Err(Error::Invalid {
            field,
            text: "must not be empty".to_owned(),
        })
    } else {
        Ok(value)
    }
}

/// Lines together: some, not too many, none twice.
pub fn check_lines(lines: &[Line]) -> Result<(), Error> {
    let invalid = |text: &str| {
        Err(Error::Invalid {
            field: "lines",
            text: text.to_owned(),
        })
    };
    if lines.is_empty() || lines.len() > LINES_MAX {
        return invalid("1 to 100 lines");
    }
    let keys: BTreeSet<_> = lines
        .iter()
        .map(|line| (&line.item, &line.location, &line.lot))
        .collect();
    if keys.len() < lines.len() {
        invalid("the same article, location and lot twice: add the quantities up")
    } else {
        Ok(())
    }
}

/// A stock figure as far as a grant shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    Exact(i64),
    /// The highest edge that is reached; 0 = none.
    Band(i64),
    InStock(bool),
}

/// What is free for a partner: less what is reserved and what is kept back, never below zero.
pub fn available(on_hand: i64, reserved: i64, safety_stock: i64, grant: &Grant) -> i64 {
    (on_hand - reserved - safety_stock.max(grant.safety_stock)).max(0)
}

/// The figure that a partner sees; none when it sees nothing.
pub fn figure(available: i64, visibility: &Visibility) -> Option<Figure> {
    match visibility {
        Visibility::None => None,
        Visibility::YesNo => Some(Figure::InStock(available > 0)),
        Visibility::Banded(edges) => Some(Figure::Band(
            edges.iter().copied().rev().find(|edge| *edge <= available).unwrap_or(0),
        )),
        Visibility::Exact => Some(Figure::Exact(available)),
    }
}

/// May a feed that ended with this fault go on by itself.
pub fn may_pass(fault: &hansa_vocab::Fault) -> bool {
    use hansa_vocab::Kind;
    matches!(
        fault.kind,
        Kind::Unavailable | Kind::Deadline | Kind::Internal | Kind::Exhausted
    )
}

/// A row of an import as it stood in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawRow {
    pub line: u64,
    pub gtin: String,
    pub sku: String,
    pub name: String,
    pub location: String,
    pub lot: String,
    pub quantity: String,
    pub unit: String,
    pub safety_stock: String,
}

/// What is wrong with a row: the column, a name that never changes, and words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub line: u64,
    pub field: &'static str,
    pub reason: &'static str,
    pub text: String,
}

/// A row of an import, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub line: u64,
    pub gtin: Option<Gtin>,
    pub sku: String,
    pub name: String,
    pub location: String,
    pub lot: String,
    pub on_hand: i64,
    pub unit: Unit,
    /// None = as it is.
    pub safety_stock: Option<i64>,
}

/// What stands in for columns that a row leaves empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Defaults {
    pub location: String,
    pub quantity: String,
}

fn problem(raw: &RawRow, field: &'static str, reason: &'static str, text: impl Into<String>) -> Problem {
    Problem {
        line: raw.line,
        field,
        reason,
        text: text.into(),
    }
}

fn bounded(raw: &RawRow, field: &'static str, value: &str, length_max: usize) -> Result<String, Problem> {
    text(field, value, length_max).map_err(|_| {
        problem(
            raw,
            field,
            "TOO_LONG",
            format!("at most {length_max} characters, none a control character"),
        )
    })
}

/// The value of the row, or what stands in for it.
fn or<'a>(value: &'a str, default: &'a str) -> &'a str {
    if value.trim().is_empty() {
        default.trim()
    } else {
        value.trim()
    }
}

/// Checks a row; the first thing that is wrong is named.
pub fn check_row(raw: &RawRow, defaults: &Defaults) -> Result<Row, Problem> {
    let gtin = match raw.gtin.trim() {
        "" => None,
        text => Some(
            text.parse::<Gtin>()
                .map_err(|wrong| problem(raw, "gtin", wrong.reason(), wrong.to_string()))?,
        ),
    };
    let sku = match (raw.sku.trim(), gtin) {
        ("", Some(gtin)) => gtin.to_string(),
        ("", None) => {
            return Err(problem(
                raw,
                "sku",
                "MISSING",
                "a row needs a GTIN or an article number",
            ));
        }
        (sku, _) => bounded(raw, "sku", sku, SKU_MAX)?,
    };
    let name = bounded(raw, "name", &raw.name, NAME_MAX)?;
    if name.is_empty() {
        return Err(problem(raw, "name", "MISSING", "an article needs a name"));
    }
    let location = bounded(raw, "location", or(&raw.location, &defaults.location), LOCATION_MAX)?;
    if location.is_empty() {
        return Err(problem(
            raw,
            "location",
            "MISSING",
            "no location in the row, and none for the whole import",
        ));
    }
    let quantity = or(&raw.quantity, &defaults.quantity);
    let on_hand = whole(raw, "quantity", quantity)?;
    let safety_stock = match raw.safety_stock.trim() {
        "" => None,
        said => Some(whole(raw, "safety_stock", said)?),
    };
    let unit = raw
        .unit
        .trim()
        .parse()
        .map_err(|wrong: NotAQuantity| problem(raw, "unit", "UNIT", wrong.to_string()))?;
    let lot = bounded(raw, "lot", &raw.lot, LOT_MAX)?;
    Ok(Row {
        line: raw.line,
        gtin,
        sku,
        name,
        location,
        lot,
        on_hand,
        unit,
        safety_stock,
    })
}

/// A whole number of base units.
fn whole(raw: &RawRow, field: &'static str, said: &str) -> Result<i64, Problem> {
    said.parse::<i64>()
        .ok()
        .filter(|units| (0..=UNITS_MAX).contains(units))
        .ok_or_else(|| {
            let text = format!("{said:?} is no whole number from 0 to {UNITS_MAX}");
            problem(raw, field, "NOT_A_NUMBER", text)
        })
}

/// Checks a chunk: good rows in order, problems of the others. A level that stands twice in one chunk, or a GTIN under two
/// article numbers, is refused the second time.
pub fn check_rows(rows: &[RawRow], defaults: &Defaults) -> (Vec<Row>, Vec<Problem>) {
    let (mut good, mut problems) = (Vec::new(), Vec::new());
    let (mut seen, mut owners) = (BTreeSet::new(), BTreeMap::new());
    for raw in rows {
        match check_row(raw, defaults) {
            Err(problem) => problems.push(problem),
            Ok(row)
                if row
                    .gtin
                    .is_some_and(|gtin| *owners.entry(gtin).or_insert(row.sku.clone()) != row.sku) =>
            {
                problems.push(problem(
                    raw,
                    "gtin",
                    "TAKEN",
                    "another article of this chunk has this GTIN",
                ));
            }
            Ok(row) if !seen.insert((row.sku.clone(), row.location.clone(), row.lot.clone())) => {
                let text = "the same article, location and lot stands in this chunk already";
                problems.push(problem(raw, "sku", "TWICE", text));
            }
            Ok(row) => good.push(row),
        }
    }
    (good, problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reservation_ends_once() {
        for first in [State::Fulfilled, State::Released, State::Expired, State::Void] {
            for next in State::ALL {
                let stepped = first.step(next, false);
                if first == next {
                    assert!(matches!(stepped, Ok(true)));
                } else {
                    assert!(stepped.is_err(), "{first} to {next}");
                }
            }
        }
    }

    #[test]
    fn a_confirm_after_its_time_is_refused_even_before_the_sweep() {
        assert!(matches!(State::Held.step(State::Confirmed, true), Err(Error::Expired)));
        assert!(matches!(State::Held.step(State::Confirmed, false), Ok(false)));
        assert!(matches!(State::Confirmed.step(State::Confirmed, true), Ok(true)));
    }

    #[test]
    fn a_partner_sees_no_more_than_its_grant_shows() {
        let edges = Visibility::Banded(vec![10, 25, 100]);
        for (free, band) in [(0, 0), (9, 0), (10, 10), (24, 10), (25, 25), (1_000, 100)] {
            assert_eq!(figure(free, &edges), Some(Figure::Band(band)));
        }
        assert_eq!(figure(7, &Visibility::None), None);
        assert_eq!(figure(7, &Visibility::YesNo), Some(Figure::InStock(true)));
    }

    #[test]
    fn what_is_kept_back_is_the_larger_of_both_safety_stocks() {
        let grant = Grant {
            safety_stock: 3,
            ..Grant::default()
        };
        assert_eq!(available(10, 2, 5, &grant), 3);
        assert_eq!(available(10, 2, 0, &grant), 5);
        assert_eq!(available(1, 2, 0, &grant), 0);
    }

    #[test]
    fn each_bad_row_is_refused_with_its_line_field_and_reason() {
        let row = |gtin: &str, name: &str, quantity: &str| RawRow {
            line: 7,
            gtin: gtin.into(),
            name: name.into(),
            quantity: quantity.into(),
            ..RawRow::default()
        };
        let defaults = Defaults {
            location: "MAIN".into(),
            quantity: "5".into(),
        };
        for (raw, field, reason) in [
            (row("22994", "x", ""), "gtin", "LENGTH"),
            (row("6901234567893", "x", ""), "gtin", "CHECK_DIGIT"),
            (row("69012345678x2", "x", ""), "gtin", "NOT_DIGITS"),
            (row("6901234567892", " ", ""), "name", "MISSING"),
            (row("", "x", ""), "sku", "MISSING"),
            (row("6901234567892", "x", "-1"), "quantity", "NOT_A_NUMBER"),
            (row("6901234567892", "x", "1.5"), "quantity", "NOT_A_NUMBER"),
            (row("6901234567892", &"x".repeat(201), ""), "name", "TOO_LONG"),
        ] {
            let problem = check_row(&raw, &defaults).unwrap_err();
            assert_eq!((problem.line, problem.field, problem.reason), (7, field, reason));
        }
        let good = check_row(&row("6901234567892", "tea", ""), &defaults).unwrap();
        assert_eq!((good.sku.as_str(), good.on_hand), ("06901234567892", 5));
    }

    #[test]
    fn a_level_stands_once_in_a_chunk() {
        let raw = RawRow {
            line: 1,
            sku: "TEA-1".into(),
            name: "tea".into(),
            ..RawRow::default()
        };
        let defaults = Defaults {
            location: "MAIN".into(),
            quantity: "5".into(),
        };
        let (good, problems) = check_rows(&[raw.clone(), RawRow { line: 2, ..raw }], &defaults);
        assert_eq!((good.len(), problems[0].reason, problems[0].line), (1, "TWICE", 2));
    }
}
