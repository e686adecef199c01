//! What came in: whether the figures of a receipt can be, and what they come to.

use std::collections::{BTreeMap, BTreeSet};

use hansa_proto::documents::v1::{Line, Receipt, Receipts};

use super::{
    content::{BadContent, NOTE_MAX, bad, check_files, text},
    money,
    stock::Amount,
};

/// Characters of a place.
const LOCATION_MAX: usize = 40;

/// Is each line there once, with figures that add up to no more than was sent.
pub fn check(receipts: &Receipts, lines: &[Line]) -> Result<(), BadContent> {
    text("note", &receipts.note, NOTE_MAX)?;
    text("location", &receipts.location, LOCATION_MAX)?;
    money::check_besides(&receipts.besides)?;
    let sent: BTreeMap<_, _> = lines.iter().map(|line| (&line.id, line)).collect();
    let named: BTreeSet<_> = receipts.receipts.iter().map(|receipt| &receipt.line).collect();
    if named.len() != receipts.receipts.len() || named != sent.keys().copied().collect() {
        return bad("receipts", "each line is there once");
    }
    for receipt in &receipts.receipts {
        text("reason", &receipt.reason, NOTE_MAX)?;
        check_files(&receipt.files)?;
        let line = sent[&receipt.line];
        let (got, away) = figures(receipt, line)?;
        let short = amount(line).micros() - got.micros() - away.micros();
        if short < 0 {
            return bad("received", format!("of line {}: more than was sent", line.id));
        }
        if got != amount(line) && receipt.reason.is_empty() {
            return bad(
                "reason",
                format!("of line {}: say why something is missing or turned away", line.id),
            );
        }
    }
    Ok(())
}

/// Received, and turned away.
fn figures(receipt: &Receipt, line: &Line) -> Result<(Amount, Amount), BadContent> {
    let read = |field, quantity: Option<&_>| match quantity {
        None => Ok(Amount::none(amount(line).unit())),
        Some(quantity) => match Amount::read(quantity) {
            Some(read) if read.unit() == amount(line).unit() && read.micros() >= 0 => Ok(read),
            _ => bad(
                field,
                format!("of line {}: zero or more, in the unit of the line", line.id),
            ),
        },
    };
    Ok((
        read("received", receipt.received.as_ref())?,
        read("rejected", receipt.rejected.as_ref())?,
    ))
}

fn amount(line: &Line) -> Amount {
    let read = line.quantity.as_ref().and_then(Amount::read);
    read.unwrap_or_default()
}

/// Did all come in, and did nothing.
#[must_use]
pub fn outcome(receipts: &Receipts, lines: &[Line]) -> (bool, bool) {
    let got = |line: &Line| {
        let receipt = receipts.receipts.iter().find(|receipt| receipt.line == line.id);
        let read = receipt
            .and_then(|receipt| receipt.received.as_ref())
            .and_then(Amount::read);
        read.map_or(0, |read| read.micros())
    };
    let all = lines.iter().all(|line| got(line) == amount(line).micros());
    (all, lines.iter().all(|line| got(line) == 0))
}
