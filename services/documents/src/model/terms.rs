//! Prices that both sides have signed: what a state means for them, and whether a section of them can be.

use hansa_proto::documents::v1::Prices;
use hansa_trade::{Decimal, pricing};
use serde::{Deserialize, Serialize};

use super::{
    Contents,
    content::{AMOUNT_MAX, BadContent, LINES_MAX, NOTE_MAX, TEXT_MAX, bad, check_files, date, text},
    kind::{Holds, Kind},
    said::Said,
};

/// What a state means for agreed prices: a closed list, for which code stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Terms {
    /// Its prices hold.
    InForce,
    /// They hold no longer than that day.
    Ended,
    /// Its lines go by prices that are in force, and draw on what orders may come to.
    Drawn,
}

impl Terms {
    /// Is there what it speaks of.
    pub(super) fn check(self, state: &str, kind: &Kind) -> Result<(), String> {
        let needs = match self {
            Self::InForce | Self::Ended => Holds::Prices,
            Self::Drawn => Holds::Lines,
        };
        let there = kind.section(needs).is_some() && kind.section(Holds::Head).is_some();
        let mut of_prices = kind.sections.values().filter(|section| section.is == Holds::Prices);
        match there && of_prices.all(|section| section.audience.len() == kind.roles.len()) {
            true => Ok(()),
            false => Err(format!(
                "{state}: terms: prices in force need a section of prices that all see, what is drawn one of lines, both a head"
            )),
        }
    }
}

/// Prices by line or by list, for days that follow each other.
pub(super) fn check(prices: &Prices, contents: &Contents, before: &Contents) -> Result<(), BadContent> {
    let currency = match Said::of(contents).currency() {
        "" => Said::of(before).currency(),
        said => said,
    };
    if currency.is_empty() {
        return bad("currency", "of the prices is missing");
    }
    let Some(from) = date("valid_from", &prices.valid_from)? else {
        return bad("valid_from", "is missing");
    };
    if date("valid_until", &prices.valid_until)?.is_some_and(|until| until < from) {
        return bad("valid_until", "is before valid_from");
    }
    text("incoterm", &prices.incoterm, TEXT_MAX)?;
    text("note", &prices.note, NOTE_MAX)?;
    if let Some(blanket) = &prices.blanket {
        let exact = Decimal::new(blanket.value, blanket.scale).and_then(|blanket| blanket.minor(currency));
        if !(1..=AMOUNT_MAX).contains(&blanket.value) || exact.is_none() {
            return bad(
                "blanket",
                "an amount above zero, with the decimal places of the currency",
            );
        }
    }
    match &prices.list {
        Some(_) if !prices.lines.is_empty() => return bad("list", "prices stand in lines or in a list"),
        Some(list) if list.media_type != "text/csv" => return bad("list", "is a file of the type text/csv"),
        Some(list) => return check_files(std::slice::from_ref(list)),
        None => {}
    }
    if prices.lines.is_empty() || prices.lines.len() > LINES_MAX {
        return bad("lines", format!("1 to {LINES_MAX}, or a list as a file"));
    }
    for line in &prices.lines {
        pricing::check(line).or_else(|wrong| bad("lines", format!("line {}: {wrong}", line.id)))?;
    }
    pricing::once(&prices.lines).or_else(|line| bad("lines", format!("line {} names something twice", line.id)))
}
