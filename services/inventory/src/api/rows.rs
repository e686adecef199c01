//! Rows as the wire of our own people has them.

use hansa_proto::inventory::v1 as wire;
use hansa_vocab::gs1::{self, Scan};

use super::{amount, shown, shown_partner, timestamp};
use crate::{
    model::{Problem, RawRow},
    ops::{Found, PartnerAnswer, Totals, Whole},
    store::{
        catalogue::{LevelRow, MovementRow},
        items::ItemRow,
        partners::PartnerRow,
    },
};

/// One level.
pub fn level(row: &LevelRow) -> wire::Level {
    let of = |units| amount(units, row.scale, &row.unit);
    wire::Level {
        on_hand: of(row.on_hand),
        reserved: of(row.reserved),
        incoming: of(row.incoming),
        safety_stock: of(row.safety_stock),
        short: of(row.short),
        sku: row.sku.clone(),
        gtin: row.gtin14.clone().unwrap_or_default(),
        name: row.name.clone(),
        location: row.location.clone(),
        lot: row.lot.clone(),
        version: u64::try_from(row.version).unwrap_or(0),
    }
}

/// An article, and what we have of it anywhere.
pub fn item_stock(row: ItemRow) -> wire::ItemStock {
    let of = |units| amount(units, row.scale, &row.unit);
    wire::ItemStock {
        on_hand: of(row.on_hand),
        reserved: of(row.reserved),
        incoming: of(row.incoming),
        places: u32::try_from(row.places).unwrap_or(u32::MAX),
        sku: row.sku,
        gtin: row.gtin14.unwrap_or_default(),
        name: row.name,
    }
}

/// One line of the ledger.
pub fn movement(row: MovementRow) -> wire::Movement {
    wire::Movement {
        id: format!("{}/{}/{}/{}", row.sku, row.location, row.lot, row.version),
        moved_at: Some(timestamp(row.at)),
        quantity: amount(row.quantity, row.scale, &row.unit),
        sku: row.sku,
        location: row.location,
        lot: row.lot,
        from_account: row.from_account,
        to_account: row.to_account,
        kind: row.kind,
        link_id: row.link_id.map(|id| id.to_string()).unwrap_or_default(),
        reservation_id: row.reservation_id.map(|id| id.to_string()).unwrap_or_default(),
        actor: row.actor,
        version: u64::try_from(row.version).unwrap_or(0),
    }
}

/// A row of a file, as it came.
pub fn raw(row: wire::ImportRow) -> RawRow {
    RawRow {
        line: row.line,
        gtin: row.gtin,
        sku: row.sku,
        name: row.name,
        location: row.location,
        lot: row.lot,
        quantity: row.quantity,
        unit: row.unit,
        safety_stock: row.safety_stock,
    }
}

/// What became of rows.
pub fn answered(problems: Vec<Problem>, totals: Totals) -> wire::ImportStockResponse {
    let problem = |problem: Problem| wire::RowProblem {
        line: problem.line,
        field: problem.field.to_owned(),
        reason: problem.reason.to_owned(),
        text: problem.text,
    };
    wire::ImportStockResponse {
        problems: problems.into_iter().map(problem).collect(),
        totals: Some(wire::ImportTotals {
            rows: totals.rows,
            created: totals.created,
            changed: totals.changed,
            unchanged: totals.unchanged,
            refused: totals.refused,
        }),
    }
}

/// What a partner holds with us.
pub fn hold(whole: &Whole) -> wire::PartnerHold {
    wire::PartnerHold {
        link_id: whole.row.link_id.to_string(),
        reservation: Some(shown(whole)),
    }
}

/// What we hold at a partner.
pub fn partner_hold(row: &PartnerRow) -> wire::PartnerHold {
    wire::PartnerHold {
        link_id: row.link_id.to_string(),
        reservation: Some(shown_partner(row)),
    }
}

/// What one partner says.
pub fn partner_answer(one: PartnerAnswer) -> wire::PartnerAnswer {
    let (availabilities, failure, failure_text) = match one.answer {
        Ok(availabilities) => (availabilities, String::new(), String::new()),
        Err(fault) => (Vec::new(), fault.reason.into_owned(), fault.text.into_owned()),
    };
    wire::PartnerAnswer {
        link_id: one.link.to_string(),
        partner: one.partner,
        availabilities,
        failure,
        failure_text,
        took: prost_types::Duration::try_from(one.took).ok(),
    }
}

/// What a code stands for.
pub fn found_item(ours: String, found: Found) -> wire::LookupItemResponse {
    let own = found.own.map(|row| wire::FoundItem {
        link_id: String::new(),
        source: ours,
        sku: row.sku,
        gtin: row.gtin14.unwrap_or_default(),
        name: row.name,
        unit: row.unit,
    });
    let partners = found.partners.into_iter().map(|(link, source, one)| wire::FoundItem {
        link_id: link.to_string(),
        source,
        sku: one.sku,
        gtin: one.gtin,
        name: one.name,
        unit: match one.figure {
            Some(wire::availability::Figure::Exact(quantity)) => quantity.unit,
            _ => String::new(),
        },
    });
    let scan = found.scan;
    let said = |of: fn(&Scan) -> Option<String>| scan.as_ref().and_then(of).unwrap_or_default();
    wire::LookupItemResponse {
        gtin: said(|scan| Some(scan.gtin.to_string())),
        lot: said(|scan| scan.lot.clone()),
        expires_on: said(|scan| scan.expires_on.map(gs1::civil)),
        serial: said(|scan| scan.serial.clone()),
        restricted: scan.as_ref().is_some_and(|scan| scan.gtin.is_restricted()),
        found: own.into_iter().chain(partners).collect(),
        failures: found.failures.into_iter().map(partner_answer).collect(),
    }
}
