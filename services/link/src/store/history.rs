//! SQL of how links have done, nothing else.

use hansa_tenancy::TenantTx;
use hansa_vocab::LinkId;
use time::{Date, OffsetDateTime};

use crate::Error;

/// What went and came on one day, in UTC.
#[derive(Clone, Debug)]
pub struct DayRow {
    pub day: Date,
    /// Messages.
    pub sent: i64,
    pub received: i64,
    pub unanswered: i64,
    /// How long batches were on their way, in seconds.
    pub median: f64,
    pub longest: f64,
}

/// Days since this moment on which something went or came. A batch without a receipt counts with what it has waited by `now`.
pub async fn days(
    tx: &mut TenantTx,
    link: LinkId,
    since: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<Vec<DayRow>, Error> {
    Ok(sqlx::query_as!(
        DayRow,
        r#"with seen as (
               select (sealed_at at time zone 'UTC')::date as day, sent, last - first + 1 as many, header is null as waits,
                   greatest(0, extract(epoch from case when header is null then $3 else applied_at end - sealed_at))
                       ::double precision as seconds
               from receipt where link_id = $1 and sealed_at >= $2
           )
           select day as "day!", coalesce(sum(many) filter (where sent), 0)::bigint as "sent!",
               coalesce(sum(many) filter (where not sent), 0)::bigint as "received!",
               coalesce(sum(many) filter (where sent and waits), 0)::bigint as "unanswered!",
               coalesce(percentile_cont(0.5) within group (order by seconds) filter (where sent), 0) as "median!",
               coalesce(max(seconds) filter (where sent), 0) as "longest!"
           from seen group by day order by day"#,
        link.0,
        since,
        now,
    )
    .fetch_all(tx.conn())
    .await?)
}
