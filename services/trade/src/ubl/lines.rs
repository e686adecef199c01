//! Lines of papers: what stands where in one of them.

use hansa_proto::documents::v1::{Answer, Line, Receipt, Verdict};
use hansa_vocab::{Gtin, gtin::is_sscc};

use super::{
    PaperKind, Said,
    tree::{at_mut, remove},
    way::Way,
};
use crate::{
    Decimal,
    totals::{computed, net, net_slack},
    xml::{Element, Space, Wrong},
};

/// The name of a paper's line, and of what is in it.
pub(super) fn line_name(kind: PaperKind) -> (&'static str, Option<&'static str>) {
    match kind {
        PaperKind::Order | PaperKind::OrderChange | PaperKind::OrderResponse => ("OrderLine", Some("LineItem")),
        PaperKind::DespatchAdvice => ("DespatchLine", None),
        PaperKind::ReceiptAdvice => ("ReceiptLine", None),
        PaperKind::Invoice => ("InvoiceLine", None),
        PaperKind::CreditNote => ("CreditNoteLine", None),
        PaperKind::OrderCancellation => ("", None),
    }
}

/// Our id of a paper's line.
pub(super) fn key(kind: PaperKind, line: &Element) -> &str {
    let (path, else_at) = match kind {
        PaperKind::OrderResponse => ("OrderLineReference/LineID", "LineItem/ID"),
        PaperKind::ReceiptAdvice => ("DespatchLineReference/LineID", "ID"),
        PaperKind::Order | PaperKind::OrderChange => ("LineItem/ID", ""),
        _ => ("ID", ""),
    };
    match line.text_at(path) {
        "" if !else_at.is_empty() => line.text_at(else_at),
        found => found,
    }
}

pub(super) fn read_line(kind: PaperKind, id: String, way: &mut Way<'_>, said: &mut Said) -> Result<(), Wrong> {
    match kind {
        PaperKind::OrderResponse => {
            let mut one = Answer {
                line: id,
                ..Answer::default()
            };
            answer(way, &mut one)?;
            said.answers.answers.push(one);
        }
        PaperKind::ReceiptAdvice => {
            let mut one = Receipt {
                line: id,
                ..Receipt::default()
            };
            receipt(way, &mut one);
            said.receipts.receipts.push(one);
        }
        _ => {
            let mut one = Line { id, ..Line::default() };
            line(kind, way, &mut one);
            said.lines.push(one);
        }
    }
    Ok(())
}

/// What a line of ours has that no field says.
pub(super) fn begin_line(kind: PaperKind, id: &str, way: &mut Way<'_>, said: &Said) {
    let item = |way: &mut Way<'_>, of: &str| {
        if let Some(line) = said.lines.iter().find(|line| line.id == of) {
            names(way, &mut line.clone());
        }
    };
    match kind {
        PaperKind::Order => way.ensure("LineItem/ID").set_text(id),
        PaperKind::OrderChange => {
            way.ensure("LineItem/ID").set_text(id);
            way.ensure("LineItem/LineStatusCode").set_text("3");
        }
        PaperKind::OrderResponse => {
            way.ensure("LineItem/ID").set_text(id);
            let mut part = way.made("LineItem", Space::Aggregate);
            if let Some(there) = at_mut(way.at, "LineItem") {
                std::mem::swap(&mut part, there);
                item(&mut way.part(&mut part), id);
                if let Some(there) = at_mut(way.at, "LineItem") {
                    *there = part;
                }
            }
            way.ensure("OrderLineReference/LineID").set_text(id);
        }
        PaperKind::ReceiptAdvice => {
            way.ensure("ID").set_text(id);
            way.ensure("DespatchLineReference/LineID").set_text(id);
            item(way, id);
        }
        _ => way.ensure("ID").set_text(id),
    }
}

pub(super) fn write_line(kind: PaperKind, id: &str, way: &mut Way<'_>, said: &Said) -> Result<(), Wrong> {
    match kind {
        PaperKind::OrderResponse => {
            let found = said.answers.answers.iter().find(|one| one.line == id);
            found.map_or(Ok(()), |one| answer(way, &mut one.clone()))
        }
        PaperKind::ReceiptAdvice => {
            if let Some(one) = said.receipts.receipts.iter().find(|one| one.line == id) {
                receipt(way, &mut one.clone());
                short(way, one, said);
            }
            Ok(())
        }
        _ => {
            if let Some(one) = said.lines.iter().find(|one| one.id == id) {
                line(kind, way, &mut one.clone());
            }
            Ok(())
        }
    }
}

/// A line that its paper need not name.
pub(super) fn goes_without(kind: PaperKind, said: &Said, id: &str) -> bool {
    match kind {
        PaperKind::OrderResponse => {
            let refused = said.answers.answers.iter().all(|one| one.verdict() == Verdict::Decline);
            let usual = if refused { Verdict::Decline } else { Verdict::Accept };
            said.answers
                .answers
                .iter()
                .any(|one| one.line == id && one.verdict() == usual)
        }
        PaperKind::OrderChange => true,
        _ => false,
    }
}

/// A line of an order, a despatch advice, an invoice or a credit note.
fn line(kind: PaperKind, way: &mut Way<'_>, line: &mut Line) {
    way.note("Note", &mut line.note);
    let quantity = match kind {
        PaperKind::DespatchAdvice => "DeliveredQuantity",
        PaperKind::Invoice => "InvoicedQuantity",
        PaperKind::CreditNote => "CreditedQuantity",
        _ => "Quantity",
    };
    way.quantity(quantity, &mut line.quantity);
    names(way, line);
    if !matches!(kind, PaperKind::Order | PaperKind::OrderChange) {
        way.code("OrderLineReference/LineID", &mut line.of_line, short_id);
    }
    if kind == PaperKind::DespatchAdvice {
        way.code(
            "Item/ItemInstance/LotIdentification/LotNumberID",
            &mut line.lot,
            short_id,
        );
        way.date("Item/ItemInstance/LotIdentification/ExpiryDate", &mut line.expires_on);
        way.code("Shipment/TransportHandlingUnit/ID", &mut line.sscc, |text| {
            is_sscc(text).then(|| text.to_owned())
        });
        if way.out && way.at.first("Shipment").is_some() && way.at.at("Shipment/ID").is_none() {
            way.ensure("Shipment/ID").set_text("NA");
        }
        return;
    }
    way.tax("Item/ClassifiedTaxCategory", &mut line.tax);
    way.price("Price", &mut line.price);
    if let (false, Some(quantity), Some(price)) = (way.out, &line.quantity, &mut line.price)
        && let Some(base) = price.base_quantity.as_mut().filter(|base| base.unit.is_empty())
    {
        base.unit.clone_from(&quantity.unit);
    }
    way.allowances(&mut line.allowance_charges);
    let quantity = line.quantity.clone().unwrap_or_default();
    if !way.out
        && let Some(ours) = computed(line, &quantity, way.currency).ok()
        && let Some(said) = Decimal::read(way.at.text_at("LineExtensionAmount"))
        && let Some(minor) = said.minor(way.currency)
        && minor != ours
        && minor.abs_diff(ours) <= net_slack(way.currency)
    {
        line.net_amount = Some(said.wire());
    }
    let net = net(line, &quantity, way.currency).ok();
    way.amount("LineExtensionAmount", net, true);
}

fn short_id(text: &str) -> Option<String> {
    let fits = text.chars().count() <= 20 && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}

/// What an article is called.
fn names(way: &mut Way<'_>, line: &mut Line) {
    way.text("Item/Name", &mut line.name);
    way.text("Item/BuyersItemIdentification/ID", &mut line.buyer_sku);
    way.text("Item/SellersItemIdentification/ID", &mut line.sku);
    way.text(
        "Item/CommodityClassification/ItemClassificationCode",
        &mut line.category,
    );
    let standard = "Item/StandardItemIdentification/ID";
    let scheme = way
        .at
        .at(standard)
        .and_then(|id| id.attribute("schemeID"))
        .map(str::to_owned);
    if scheme.as_deref().is_some_and(|scheme| scheme != "0160") {
        return;
    }
    way.code(standard, &mut line.gtin, |text| {
        text.parse::<Gtin>().is_ok().then(|| text.to_owned())
    });
    if way.out
        && scheme.is_none()
        && let Some(id) = at_mut(way.at, standard)
    {
        id.set_attribute("schemeID", "0160");
    }
}

/// UNCL 1229.
fn status_of(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Unspecified => "",
        Verdict::Accept => "5",
        Verdict::Decline => "7",
        Verdict::Change | Verdict::Substitute => "3",
    }
}

/// UNCL 4343, by what is said to the lines.
pub(super) fn response_code(answers: &[Answer]) -> &'static str {
    let all = |verdict: Verdict| answers.iter().all(|one| one.verdict() == verdict);
    match (all(Verdict::Accept), all(Verdict::Decline)) {
        (true, _) => "AP",
        (_, true) => "RE",
        _ => "CA",
    }
}

fn answer(way: &mut Way<'_>, one: &mut Answer) -> Result<(), Wrong> {
    let line = way.at.line;
    let mut status = status_of(one.verdict()).to_owned();
    way.code("LineItem/LineStatusCode", &mut status, |text| Some(text.to_owned()));
    let other = "SellerSubstitutedLineItem/Item/SellersItemIdentification/ID";
    way.text(other, &mut one.substitute_sku);
    if way.out && !way.sparse && !one.substitute_sku.is_empty() {
        way.ensure("SellerSubstitutedLineItem/ID").set_text(&one.line);
    }
    way.text("LineItem/Note", &mut one.reason);
    if !way.out {
        let verdict = match &*status {
            "5" => Verdict::Accept,
            "7" => Verdict::Decline,
            "3" if !one.substitute_sku.is_empty() => Verdict::Substitute,
            "3" => Verdict::Change,
            _ => {
                let text = format!("a line's status is 3, 5 or 7 of UNCL 1229, this one is {status:?}");
                return Err(Wrong::new(line, "UBL-LINE-STATUS", text));
            }
        };
        one.set_verdict(verdict);
    }
    if matches!(one.verdict(), Verdict::Change | Verdict::Substitute) {
        if one.quantity.is_some() || (!way.out && way.at.at("LineItem/Quantity").is_some()) {
            way.quantity("LineItem/Quantity", &mut one.quantity);
        }
        way.date("LineItem/Delivery/PromisedDeliveryPeriod/EndDate", &mut one.on);
        let changes = one.verdict() == Verdict::Change;
        if !way.out && changes && one.quantity.is_none() && one.on.is_empty() {
            let text = "a changed line says another quantity or another date; another price is an order change";
            return Err(Wrong::new(line, "UBL-LINE-CHANGE", text));
        }
    }
    Ok(())
}

fn receipt(way: &mut Way<'_>, one: &mut Receipt) {
    way.quantity("ReceivedQuantity", &mut one.received);
    if one.rejected.is_some() || way.at.first("RejectedQuantity").is_some() {
        way.quantity("RejectedQuantity", &mut one.rejected);
    }
    way.text("RejectReason", &mut one.reason);
}

/// What is short of what was sent.
fn short(way: &mut Way<'_>, one: &Receipt, said: &Said) {
    let amount = |quantity: Option<&hansa_proto::types::v1::Quantity>| -> Option<(i128, String)> {
        let quantity = quantity?;
        let (value, scale) = Decimal::new(quantity.value, quantity.scale)?.parts();
        Some((i128::from(value) * 10_i128.pow(6 - scale), quantity.unit.clone()))
    };
    let sent = said.lines.iter().find(|line| line.id == one.line);
    let Some((sent, unit)) = amount(sent.and_then(|line| line.quantity.as_ref())) else {
        return;
    };
    let came = [one.received.as_ref(), one.rejected.as_ref()];
    let came: i128 = came.into_iter().filter_map(amount).map(|(amount, _)| amount).sum();
    let left = i64::try_from(sent - came).ok().and_then(|left| Decimal::new(left, 6));
    let Some(left) = left.filter(|left| left.parts().0 > 0) else {
        return remove(way.at, "ShortQuantity");
    };
    let leaf = way.ensure("ShortQuantity");
    if Decimal::read(leaf.text()) != Some(left) {
        leaf.set_text(&left.to_string());
    }
    if leaf.attribute("unitCode").is_none() {
        leaf.set_attribute("unitCode", if unit.is_empty() { "C62" } else { &unit });
    }
}
