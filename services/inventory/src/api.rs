//! The wire of stock: partners and our own people; and the words that both share.

mod partner;
mod rows;
mod staff;

pub use partner::InventoryPartner;
pub use staff::InventoryStaff;

use hansa_edge::timestamp;
use hansa_proto::{inventory::v1 as wire, types::v1::Quantity as WireQuantity};
use hansa_vocab::{LinkId, Quantity};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    Error,
    model::{self, ItemRef, Line, State},
    store::{partners::PartnerRow, reservations::LineRow},
};

/// The wire's name for a state.
pub fn state(state: State) -> wire::ReservationState {
    match state {
        State::Unknown => wire::ReservationState::Unknown,
        State::Held => wire::ReservationState::Held,
        State::Confirmed => wire::ReservationState::Confirmed,
        State::Fulfilled => wire::ReservationState::Fulfilled,
        State::Released => wire::ReservationState::Released,
        State::Expired => wire::ReservationState::Expired,
        State::Void => wire::ReservationState::Void,
    }
}

/// What a partner says a reservation's state is.
pub fn read_state(state: wire::ReservationState) -> Result<State, Error> {
    Ok(match state {
        wire::ReservationState::Held => State::Held,
        wire::ReservationState::Confirmed => State::Confirmed,
        wire::ReservationState::Fulfilled => State::Fulfilled,
        wire::ReservationState::Released => State::Released,
        wire::ReservationState::Expired => State::Expired,
        wire::ReservationState::Void => State::Void,
        wire::ReservationState::Unspecified | wire::ReservationState::Unknown => {
            return Err(Error::Damaged("partner's answer"));
        }
    })
}

/// An instant of the wire.
pub fn instant(at: &prost_types::Timestamp) -> Option<OffsetDateTime> {
    let nanos = i128::from(at.seconds) * 1_000_000_000 + i128::from(at.nanos);
    OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()
}

/// Base units of an item as an amount of its unit.
fn amount(value: i64, scale: i16, unit: &str) -> Option<WireQuantity> {
    Some(WireQuantity {
        value,
        scale: u32::try_from(scale).unwrap_or(0),
        unit: unit.to_owned(),
    })
}

fn quantity(given: Option<&WireQuantity>, field: &'static str) -> Result<Quantity, Error> {
    let given = given.ok_or_else(|| Error::Invalid {
        field,
        text: "must be given".to_owned(),
    })?;
    Quantity::new(given.value, given.scale, &given.unit).map_err(|wrong| Error::Invalid {
        field,
        text: wrong.to_string(),
    })
}

fn uuid(text: &str) -> Result<Uuid, Error> {
    text.parse().map_err(|_| Error::Invalid {
        field: "id",
        text: "not a UUID".to_owned(),
    })
}

fn link(text: &str) -> Result<LinkId, Error> {
    text.parse().map_err(|_| Error::NotFound("link"))
}

/// Which goods; `gtin` says how a barcode is read, since a partner may not name store codes.
fn item(
    given: Option<&wire::ItemRef>,
    gtin: impl Fn(&str) -> Result<hansa_vocab::Gtin, Error>,
) -> Result<ItemRef, Error> {
    match given.and_then(|item| item.r#ref.as_ref()) {
        Some(wire::item_ref::Ref::Gtin(text)) => gtin(text).map(ItemRef::Gtin),
        Some(wire::item_ref::Ref::Sku(text)) => model::some_text("sku", text, model::SKU_MAX).map(ItemRef::Sku),
        None => Err(Error::Invalid {
            field: "item",
            text: "a GTIN or an article number".to_owned(),
        }),
    }
}

fn own_gtin(text: &str) -> Result<hansa_vocab::Gtin, Error> {
    text.parse()
        .map_err(|wrong: hansa_vocab::gtin::NotAGtin| Error::Invalid {
            field: "gtin",
            text: wrong.to_string(),
        })
}

fn line(given: &wire::ReservationLine) -> Result<Line, Error> {
    Ok(Line {
        item: item(given.item.as_ref(), crate::ops::shared_gtin)?,
        location: model::text("location", &given.location, model::LOCATION_MAX)?,
        lot: model::text("lot", &given.lot, model::LOT_MAX)?,
        quantity: quantity(given.quantity.as_ref(), "quantity")?,
    })
}

fn shown_line(row: &LineRow) -> wire::ReservationLine {
    wire::ReservationLine {
        item: Some(wire::ItemRef {
            r#ref: Some(wire::item_ref::Ref::Sku(row.sku.clone())),
        }),
        location: row.location.clone(),
        lot: row.lot.clone(),
        quantity: amount(row.quantity, row.scale, &row.unit),
    }
}

fn shown(whole: &crate::ops::Whole) -> wire::Reservation {
    wire::Reservation {
        id: whole.row.id.to_string(),
        state: state(whole.row.state).into(),
        lines: whole.lines.iter().map(shown_line).collect(),
        expires_at: Some(timestamp(whole.row.expires_at)),
        order_ref: whole.row.order_ref.clone(),
        reason: whole.row.reason.clone(),
    }
}

fn shown_partner(row: &PartnerRow) -> wire::Reservation {
    use prost::Message as _;
    let asked = wire::ReserveRequest::decode(row.body.as_slice()).unwrap_or_default();
    wire::Reservation {
        id: row.id.to_string(),
        state: state(row.state).into(),
        lines: asked.lines,
        expires_at: row.expires_at.map(timestamp),
        order_ref: row.order_ref.clone(),
        reason: row.reason.clone(),
    }
}
