//! The wire of coupons and points.

mod partner;
mod staff;

use std::time::Duration;

use hansa_edge::timestamp;
use hansa_proto::loyalty::v1 as wire;
use hansa_vault::sha256;
use prost::Message;
use time::OffsetDateTime;

pub use self::{partner::LoyaltyPartner, staff::LoyaltyStaff};
use crate::{
    Error,
    model::State,
    store::{
        bookings::BookingRow,
        partners::PartnerRow,
        settled::{SettledRow, TotalRow},
    },
};

fn positive(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn at(when: Option<OffsetDateTime>) -> Option<prost_types::Timestamp> {
    when.map(timestamp)
}

/// What stands for a request without maps: the same id with another one is refused.
fn body_hash(asked: &impl Message) -> String {
    data_encoding::HEXLOWER.encode(&sha256(&[&asked.encode_to_vec()]))
}

fn kind(word: &str) -> wire::BookingKind {
    match word {
        "coupon" => wire::BookingKind::Coupon,
        "spend" => wire::BookingKind::Spend,
        "credit" => wire::BookingKind::Credit,
        _ => wire::BookingKind::Unspecified,
    }
}

fn state(word: &str) -> wire::BookingState {
    match State::read(word) {
        Ok(State::Unknown) => wire::BookingState::Unknown,
        Ok(State::Held) => wire::BookingState::Held,
        Ok(State::Confirmed) => wire::BookingState::Confirmed,
        Ok(State::Voided) => wire::BookingState::Voided,
        Ok(State::Expired) => wire::BookingState::Expired,
        Ok(State::Reversed) => wire::BookingState::Reversed,
        Err(_) => wire::BookingState::Unspecified,
    }
}

/// A hold's length, as it was asked for.
fn ttl(asked: Option<prost_types::Duration>) -> Result<Option<Duration>, Error> {
    let read = asked.map(Duration::try_from).transpose();
    read.map_err(|_| Error::Invalid {
        field: "ttl",
        text: "is no length of time".to_owned(),
    })
}

fn booking(row: &BookingRow) -> wire::Booking {
    wire::Booking {
        id: row.id.to_string(),
        kind: kind(&row.kind).into(),
        state: state(&row.state).into(),
        expires_at: at(row.expires_at),
        order_ref: row.order_ref.clone(),
        reason: row.reason.clone(),
        discount: row.discount,
        funded: row.funded,
        currency: row.currency.clone(),
        points: positive(row.points),
        benefit: row.benefit.clone(),
        confirmed_at: at(row.confirmed_at),
        reversed_at: at(row.reversed_at),
        version: positive(row.version),
    }
}

fn booking_there(row: &PartnerRow) -> wire::Booking {
    wire::Booking {
        id: row.id.to_string(),
        kind: kind(&row.kind).into(),
        state: state(&row.state).into(),
        expires_at: at(row.expires_at),
        order_ref: row.order_ref.clone(),
        reason: row.reason.clone(),
        discount: row.discount,
        funded: row.funded,
        currency: row.currency.clone(),
        points: positive(row.points),
        benefit: row.benefit.clone(),
        confirmed_at: at(row.confirmed_at),
        reversed_at: at(row.reversed_at),
        version: positive(row.version),
    }
}

/// What a month comes to, on the wire.
pub fn total(row: TotalRow) -> wire::SettlementTotal {
    wire::SettlementTotal {
        kind: kind(&row.kind).into(),
        currency: row.currency,
        booked: positive(row.booked),
        reversed: positive(row.reversed),
        discount: row.discount,
        funded: row.funded,
        points: row.points,
    }
}

fn entry(row: SettledRow) -> wire::SettlementEntry {
    wire::SettlementEntry {
        booking_id: row.booking_id.to_string(),
        reversal: row.reversal,
        kind: kind(&row.kind).into(),
        currency: row.currency,
        discount: row.discount,
        funded: row.funded,
        points: row.points,
        at: Some(timestamp(row.at)),
    }
}

/// An entry as an issuer shows it.
///
/// # Errors
///
/// [`Error::BadAnswer`] when it can't be one.
pub fn settled(entry: &wire::SettlementEntry) -> Result<SettledRow, Error> {
    let bad = || Error::BadAnswer("an entry can't be read");
    let word = match entry.kind() {
        wire::BookingKind::Coupon => "coupon",
        wire::BookingKind::Spend => "spend",
        wire::BookingKind::Credit => "credit",
        wire::BookingKind::Unspecified => return Err(bad()),
    };
    let seconds = entry.at.as_ref().map_or(0, |at| at.seconds);
    Ok(SettledRow {
        booking_id: entry.booking_id.parse().map_err(|_| bad())?,
        reversal: entry.reversal,
        kind: word.to_owned(),
        currency: crate::model::currency(&entry.currency).map_err(|_| bad())?,
        discount: entry.discount,
        funded: entry.funded,
        points: entry.points,
        at: OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| bad())?,
    })
}
