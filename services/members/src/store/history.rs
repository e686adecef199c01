//! SQL of how a consent came to be what it is.

use hansa_tenancy::TenantTx;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Error;

/// A change of a consent.
#[derive(Clone, Debug)]
pub struct EventRow {
    pub version: i64,
    pub state: String,
    pub notice_hash: String,
    pub channel: String,
    pub at: OffsetDateTime,
}

/// Changes of a consent, oldest first; at most 1,000.
pub async fn events(
    tx: &mut TenantTx,
    (pool, number): (Uuid, i64),
    (recipient, purpose): (Uuid, &str),
) -> Result<Vec<EventRow>, Error> {
    Ok(sqlx::query_as!(
        EventRow,
        "select version, state, notice_hash, channel, at from consent_event
         where pool_id = $1 and no = $2 and recipient = $3 and purpose = $4 order by version limit 1000",
        pool,
        number,
        recipient,
        purpose,
    )
    .fetch_all(tx.conn())
    .await?)
}
