//! Agreed prices: what an article costs at a quantity, and where an order is not as it was agreed.

use std::collections::BTreeSet;

use hansa_proto::{
    documents::v1::{Line, Price, PriceBreak, PriceLine},
    types::v1::Quantity,
};
use hansa_vocab::{Gtin, Unit};
use time::{Date, Duration};

use crate::{
    Decimal,
    matching::{PLACES, micros},
};

/// Lines of one list.
pub const LIST_MAX: usize = 200_000;
/// Quantities from which another price holds.
const BREAKS_MAX: usize = 20;
const TEXT_MAX: usize = 200;
const ID_MAX: usize = 20;
const CATEGORY_MAX: usize = 60;
/// Prices, and quantities.
const AMOUNT_MAX: i64 = 1_000_000_000_000;
/// Days that take something to come.
const LEAD_MAX: u32 = 1_000;
/// Columns of a list.
const COLUMNS: [&str; 11] = [
    "sku",
    "gtin",
    "category",
    "name",
    "unit",
    "from",
    "price",
    "per",
    "minimum",
    "pack",
    "lead_days",
];

/// How a line of an order is not as it was agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deviation {
    /// Prices are agreed, and none is for this article.
    NoAgreement,
    /// It names no price.
    NoPrice,
    /// Dearer than was agreed.
    PriceOver,
    /// Cheaper than was agreed.
    PriceUnder,
    /// In another currency.
    Currency,
    /// In another unit.
    Unit,
    /// Less than may be ordered.
    BelowMinimum,
    /// No whole number of packs.
    NotInPacks,
    /// Wanted sooner than it can come.
    TooSoon,
    /// Orders come to more than they may together.
    BlanketOver,
    /// The order says another day than that on which it was made.
    OtherDay,
}

impl Deviation {
    /// The word in the database and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoAgreement => "no_agreement",
            Self::NoPrice => "no_price",
            Self::PriceOver => "price_over",
            Self::PriceUnder => "price_under",
            Self::Currency => "currency",
            Self::Unit => "unit",
            Self::BelowMinimum => "below_minimum",
            Self::NotInPacks => "not_in_packs",
            Self::TooSoon => "too_soon",
            Self::BlanketOver => "blanket_over",
            Self::OtherDay => "other_day",
        }
    }
}

/// An order, as far as prices go by it.
#[derive(Clone, Copy, Debug)]
pub struct Ordered<'a> {
    /// ISO 4217.
    pub currency: &'a str,
    /// Its civil day.
    pub on: Date,
    /// From when on it is wanted, if it says so.
    pub wanted: Option<Date>,
}

fn scaled(wire: Option<&hansa_proto::types::v1::Decimal>) -> Option<i64> {
    let (value, scale) = Decimal::of(wire)?.parts();
    value.checked_mul(10_i64.checked_pow(PLACES.checked_sub(scale)?)?)
}

/// The price of each at so much, in millionths of the unit: the whole quantity has that of the last break it reaches.
#[must_use]
pub fn at(agreed: &PriceLine, quantity: i64) -> Option<&Price> {
    let reached = agreed
        .breaks
        .iter()
        .rev()
        .find(|one| scaled(one.from.as_ref()).is_some_and(|from| from <= quantity));
    // Below the first break its price holds all the same: what may not be ordered in so small a number says the minimum.
    reached.or_else(|| agreed.breaks.first())?.price.as_ref()
}

/// The same price of one unit: exact, whatever it is for.
fn order(one: &Price, other: &Price) -> Option<std::cmp::Ordering> {
    let parts = |price: &Price| {
        let base = match &price.base_quantity {
            Some(base) => micros(Some(base))?.0,
            None => 1_000_000,
        };
        // At most 10^12 * 10^6 * 10^18 on each side.
        let value = i128::from(price.value) * 10_i128.pow(PLACES.checked_sub(price.scale)?);
        (base > 0).then_some((value, i128::from(base)))
    };
    let ((value, base), (other, other_base)) = (parts(one)?, parts(other)?);
    Some(value.checked_mul(other_base)?.cmp(&other.checked_mul(base)?))
}

/// Where a line of an order is not as this line of an agreement says.
#[must_use]
pub fn beside(
    (agreed, currency): (&PriceLine, &str),
    (line, quantity): (&Line, &Quantity),
    ordered: Ordered<'_>,
) -> Vec<Deviation> {
    let mut found = Vec::new();
    if ordered.currency != currency {
        return vec![Deviation::Currency];
    }
    let of_agreement = agreed.unit.parse::<Unit>().ok();
    let Some((much, _)) = micros(Some(quantity)).filter(|(_, unit)| Some(*unit) == of_agreement) else {
        return vec![Deviation::Unit];
    };
    match (&line.price, at(agreed, much)) {
        (None, _) => found.push(Deviation::NoPrice),
        (Some(price), Some(agreed)) => match order(price, agreed) {
            Some(std::cmp::Ordering::Equal) => {}
            Some(std::cmp::Ordering::Less) => found.push(Deviation::PriceUnder),
            _ => found.push(Deviation::PriceOver),
        },
        (Some(_), None) => found.push(Deviation::NoAgreement),
    }
    if scaled(agreed.minimum.as_ref()).is_some_and(|minimum| much < minimum) {
        found.push(Deviation::BelowMinimum);
    }
    let pack = scaled(agreed.pack.as_ref()).filter(|pack| *pack > 0);
    if pack.is_some_and(|pack| much % pack != 0) {
        found.push(Deviation::NotInPacks);
    }
    let soonest = ordered.on.checked_add(Duration::days(agreed.lead_days.into()));
    if ordered
        .wanted
        .zip(soonest)
        .is_some_and(|(wanted, soonest)| wanted < soonest)
    {
        found.push(Deviation::TooSoon);
    }
    found
}

/// Can a line of an agreement be so: what is wrong with it.
///
/// # Errors
///
/// In words.
pub fn check(line: &PriceLine) -> Result<(), String> {
    let fits = |text: &str, most: usize| text.chars().count() <= most && !text.chars().any(char::is_control);
    if line.id.is_empty() || !fits(&line.id, ID_MAX) {
        return Err(format!("ids have 1 to {ID_MAX} characters"));
    }
    if !fits(&line.sku, TEXT_MAX) || !fits(&line.name, TEXT_MAX) || !fits(&line.category, CATEGORY_MAX) {
        return Err(format!(
            "article number and name have at most {TEXT_MAX} characters, a category {CATEGORY_MAX}"
        ));
    }
    if !line.gtin.is_empty() && line.gtin.parse::<Gtin>().is_err() {
        return Err(format!("{} is no GTIN", line.gtin));
    }
    let article = !line.sku.is_empty() || !line.gtin.is_empty();
    if article != line.category.is_empty() {
        return Err("it is for an article (sku, gtin) or for a category".to_owned());
    }
    if line.unit.parse::<Unit>().is_err() {
        return Err("the unit is a code of UN/ECE Recommendation 20".to_owned());
    }
    if line.breaks.is_empty() || line.breaks.len() > BREAKS_MAX || line.lead_days > LEAD_MAX {
        return Err(format!("1 to {BREAKS_MAX} prices, and at most {LEAD_MAX} days"));
    }
    for much in [&line.minimum, &line.pack].into_iter().flatten() {
        if !(1..=AMOUNT_MAX).contains(&much.value) || scaled(Some(much)).is_none() {
            return Err("quantities are above zero, with at most 6 decimal places".to_owned());
        }
    }
    let mut last = -1;
    for one in &line.breaks {
        let from = scaled(one.from.as_ref()).filter(|from| *from > last);
        last = from.ok_or("each break begins above the one before it")?;
        let fits = |price: &Price| {
            let base = price.base_quantity.as_ref();
            let base = base.is_none_or(|base| {
                micros(Some(base)).is_some_and(|(much, unit)| much > 0 && Ok(unit) == line.unit.parse())
            });
            (0..=AMOUNT_MAX).contains(&price.value) && price.scale <= PLACES && base
        };
        if !one.price.as_ref().is_some_and(fits) {
            return Err("a price is not below zero, with at most 6 decimal places, in the unit of the line".to_owned());
        }
    }
    Ok(())
}

/// Names each article or category once: the one that is named twice.
///
/// # Errors
///
/// Its line.
pub fn once<'a>(lines: impl IntoIterator<Item = &'a PriceLine>) -> Result<(), &'a PriceLine> {
    let mut names = BTreeSet::new();
    for line in lines {
        for (which, name) in [(0, &line.sku), (1, &line.gtin), (2, &line.category), (3, &line.id)] {
            if !name.is_empty() && !names.insert((which, name)) {
                return Err(line);
            }
        }
    }
    Ok(())
}

/// A list that is none: where, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("row {row}: {text}")]
pub struct BadList {
    /// From 1, with the names of the columns.
    pub row: u64,
    /// What is wrong.
    pub text: String,
}

/// A list as CSV (RFC 4180, UTF-8; commas or semicolons between columns, points in numbers), with the names of its columns first. A
/// row that names the same article as the one before it is a further price of it, from a larger quantity on.
///
/// # Errors
///
/// [`BadList`], which names the first row that is wrong.
pub fn read_list(bytes: &[u8]) -> Result<Vec<PriceLine>, BadList> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let delimiter = if first.contains(&b';') { b';' } else { b',' };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .trim(csv::Trim::All)
        .from_reader(bytes);
    let bad = |row: u64, text: &str| BadList {
        row,
        text: text.to_owned(),
    };
    let wrong = |row: u64| {
        move |_: csv::Error| BadList {
            row,
            text: "is no row of UTF-8 with as many columns as the first one".to_owned(),
        }
    };
    let names = reader.headers().map_err(wrong(1))?.clone();
    let mut places = [None; COLUMNS.len()];
    for (place, name) in names.iter().enumerate() {
        let column = COLUMNS.iter().position(|column| *column == name);
        let column = column.ok_or_else(|| bad(1, &format!("the columns are {}", COLUMNS.join(", "))))?;
        if places[column].replace(place).is_some() {
            return Err(bad(1, &format!("{name} is there twice")));
        }
    }
    if places[6].is_none() {
        return Err(bad(1, "the column price is missing"));
    }
    let mut lines: Vec<PriceLine> = Vec::new();
    for (record, row) in reader.records().zip(2..) {
        let record = record.map_err(wrong(row))?;
        let cell = |column: usize| places[column].and_then(|place| record.get(place)).unwrap_or_default();
        read_row(&mut lines, &cell).map_err(|text| BadList { row, text })?;
        if lines.len() > LIST_MAX {
            return Err(bad(row, &format!("at most {LIST_MAX} articles")));
        }
    }
    if lines.is_empty() {
        return Err(bad(1, "there is no price"));
    }
    for line in &lines {
        check(line).map_err(|text| bad(0, &format!("{}: {text}", called(line))))?;
    }
    once(&lines).map_err(|line| bad(0, &format!("{} is there twice", called(line))))?;
    Ok(lines)
}

fn called(line: &PriceLine) -> &str {
    let names = [&line.sku, &line.gtin, &line.category];
    names
        .into_iter()
        .find(|name| !name.is_empty())
        .map_or("", String::as_str)
}

fn read_row<'a>(lines: &mut Vec<PriceLine>, cell: &impl Fn(usize) -> &'a str) -> Result<(), String> {
    let number = |column: usize| match cell(column) {
        "" => Ok(None),
        text => Decimal::read(text)
            .map(|number| Some(number.wire()))
            .ok_or_else(|| format!("{}: {text:?} is no number with a point", COLUMNS[column])),
    };
    let (value, scale) = match number(6)? {
        Some(price) => (price.value, price.scale),
        None => return Err("price is missing".to_owned()),
    };
    let base_quantity = number(7)?.map(|per| Quantity {
        value: per.value,
        scale: per.scale,
        unit: cell(4).to_owned(),
    });
    let one = PriceBreak {
        from: number(5)?,
        price: Some(Price {
            value,
            scale,
            base_quantity,
        }),
    };
    let same = |line: &PriceLine| line.sku == cell(0) && line.gtin == cell(1) && line.category == cell(2);
    if let Some(line) = lines.last_mut().filter(|line| same(line)) {
        line.breaks.push(one);
        return Ok(());
    }
    let lead_days = match cell(10) {
        "" => 0,
        text => text
            .parse()
            .map_err(|_| format!("lead_days: {text:?} is no number of days"))?,
    };
    lines.push(PriceLine {
        id: (lines.len() + 1).to_string(),
        sku: cell(0).to_owned(),
        gtin: cell(1).to_owned(),
        category: cell(2).to_owned(),
        name: cell(3).to_owned(),
        unit: cell(4).to_owned(),
        breaks: vec![one],
        minimum: number(8)?,
        pack: number(9)?,
        lead_days,
    });
    Ok(())
}

#[cfg(test)]
#[path = "pricing_tests.rs"]
mod tests;
