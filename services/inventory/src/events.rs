//! What partners tell us about stock of theirs that we hold.

use hansa_link::{Effect, EffectError, EffectFuture, Incoming, Outcome};
use hansa_proto::inventory::v1::ReservationChanged;
use hansa_tenancy::TenantTx;
use prost::Message as _;

use crate::{Error, model, store::partners};

/// Type of the message that says what became of a reservation; its ordering key is the reservation's id.
pub const RESERVATION_CHANGED: &str = "inventory.reservation.v1";

/// Notes what a partner says of a reservation that we hold there.
#[derive(Clone, Copy, Debug)]
pub struct ReservationNoted;

impl Effect for ReservationNoted {
    fn apply<'a>(&'a self, tx: &'a mut TenantTx, incoming: Incoming<'a>) -> EffectFuture<'a> {
        Box::pin(note(tx, incoming))
    }
}

async fn note(tx: &mut TenantTx, incoming: Incoming<'_>) -> Result<Outcome, EffectError> {
    let refused = |reason: &str| Ok(Outcome::Refused(reason.to_owned()));
    let Ok(changed) = ReservationChanged::decode(incoming.message.payload.clone()) else {
        return refused("MALFORMED");
    };
    let Some(told) = changed.reservation else {
        return refused("MALFORMED");
    };
    let (Ok(id), Ok(state)) = (told.id.parse(), crate::api::read_state(told.state())) else {
        return refused("MALFORMED");
    };
    let version = i64::try_from(changed.version).unwrap_or(i64::MAX);
    let reason = model::text("reason", &told.reason, model::REFERENCE_MAX).unwrap_or_default();
    match partners::told(tx, incoming.link, id, version, state, &reason).await {
        Ok(true) => Ok(Outcome::Processed),
        // We never asked for it, or have lost what we knew.
        Ok(false) => refused("UNKNOWN_RESERVATION"),
        Err(Error::Sql(error)) => Err(error.into()),
        Err(error) => Err(EffectError::Broken(error.to_string())),
    }
}
