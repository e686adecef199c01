//! The ledger in the words of others: what was done with goods in the house, as EPCIS tells it.

use data_encoding::BASE64URL_NOPAD;
use hansa_directory::Session;
use hansa_proto::{documents::v1::Line, types::v1::Quantity};
use hansa_trade::epcis::{Handled, Kept, document, kept};
use hansa_vault::derived_id;
use serde_json::Value;
use uuid::Uuid;

use super::{Inventory, page_size};
use crate::{
    Error,
    store::catalogue::{self, Stand, StepRow},
};

/// Stands between the parts of a place and of an event's name; no code of a location and no lot holds it.
const BETWEEN: char = '\u{1f}';

/// Events of one answer.
pub struct Handlings {
    pub document: Value,
    pub events: usize,
    /// Where the next one goes on.
    pub place: String,
}

impl Inventory {
    /// What was done with our goods after this place, at most so much of it.
    pub(crate) async fn handlings(&self, session: &Session, place: &str, size: u32) -> Result<Handlings, Error> {
        let read = BASE64URL_NOPAD.decode(place.as_bytes()).ok();
        let read = read.and_then(|bytes| String::from_utf8(bytes).ok());
        let after = read.as_deref().and_then(stand).ok_or_else(|| Error::Invalid {
            field: "page",
            text: "not a page of this list".to_owned(),
        })?;
        let mut tx = self.tenancy.begin("inventory.handlings", session).await?;
        let house = self.links.enterprise(&mut tx).await?.to_string();
        let rows = catalogue::steps(&mut tx, after, page_size(size)?).await?;
        let told: Vec<Value> = rows.iter().filter_map(|row| told(row, &house)).collect();
        let last = rows.last().map(|row| {
            let parts = [
                &row.xid,
                &row.item_id.to_string(),
                &row.location,
                &row.lot,
                &row.version.to_string(),
            ];
            parts.map(|part| &**part).join(&BETWEEN.to_string())
        });
        Ok(Handlings {
            document: document(&told, self.tenancy.clock().now()),
            events: told.len(),
            place: last.map_or_else(|| place.to_owned(), |last| BASE64URL_NOPAD.encode(last.as_bytes())),
        })
    }
}

/// A place in the ledger, read.
fn stand(place: &str) -> Option<Stand<'_>> {
    if place.is_empty() {
        return Some(("0", Uuid::nil(), "", "", 0));
    }
    let mut parts = place.split(BETWEEN);
    let mut part = || parts.next();
    let (xid, item, location, lot, version) = (part()?, part()?, part()?, part()?, part()?);
    xid.parse::<u64>().ok()?;
    Some((xid, item.parse().ok()?, location, lot, version.parse().ok()?))
}

/// What a row tells; none for what nobody sees happen.
fn told(row: &StepRow, house: &str) -> Option<Value> {
    let handled = match (&*row.kind, row.left) {
        ("import", _) => Handled::Listed,
        ("count", _) => Handled::Counted,
        ("hold", _) => Handled::Reserved,
        ("release" | "expire", _) => Handled::Released,
        ("fulfil", _) if row.reserved => Handled::Left,
        ("fulfil", _) => Handled::Picked,
        ("receive" | "return", false) => Handled::Stored,
        ("receive", true) => Handled::Removed,
        _ => return None,
    };
    let units = match handled {
        Handled::Counted | Handled::Listed => row.on_hand,
        _ => row.quantity,
    };
    let line = Line {
        gtin: row.gtin.clone(),
        sku: row.sku.clone(),
        lot: row.lot.clone(),
        quantity: Some(Quantity {
            value: units,
            scale: u32::try_from(row.scale).ok()?,
            unit: row.unit.clone(),
        }),
        ..Line::default()
    };
    let version = row.version.to_be_bytes();
    let (location, lot) = (format!("{}{BETWEEN}", row.location), format!("{}{BETWEEN}", row.lot));
    let parts: [&[u8]; 5] = [
        b"hansa/epcis/ledger\0",
        row.item_id.as_bytes(),
        location.as_bytes(),
        lot.as_bytes(),
        &version,
    ];
    let event = Kept {
        handled,
        at: row.at,
        line: &line,
        house,
        location: &row.location,
        gln: &row.gln,
        about: row.about.map(|id| id.to_string()),
    };
    kept(&event, &derived_id(&parts).to_string())
}
