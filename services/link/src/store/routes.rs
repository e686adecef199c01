//! The node's own tables: routes, partners' nodes, activity, leases. Control role only.

use hansa_vocab::{EnterpriseId, LinkId, NodeId, Pin, TenantId};
use sqlx::PgPool;
use uuid::Uuid;

use crate::Error;

/// Where a link's end lives.
#[derive(Clone, Debug)]
pub struct Route {
    pub tenant: TenantId,
    pub enterprise: EnterpriseId,
    pub peer: Option<EnterpriseId>,
    pub peer_node: Option<NodeId>,
    pub closing: bool,
}

/// A partner's node.
#[derive(Clone, Debug)]
pub struct PeerNode {
    pub node: NodeId,
    pub pins: Vec<Pin>,
    pub addresses: Vec<String>,
}

fn damaged<E>(_: E) -> Error {
    Error::Damaged("route")
}

/// Opens a route for a link's end.
pub async fn open(pool: &PgPool, link: LinkId, enterprise: EnterpriseId, tenant: TenantId) -> Result<(), Error> {
    sqlx::query!(
        "insert into hansa.link_route (link_id, enterprise_id, tenant_id) values ($1, $2, $3) on conflict do nothing",
        link.0,
        enterprise.to_string(),
        tenant.as_str(),
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Names the peer of a route; false when another peer has it.
pub async fn claim(
    pool: &PgPool,
    link: LinkId,
    enterprise: EnterpriseId,
    peer: EnterpriseId,
    node: NodeId,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "update hansa.link_route set peer_enterprise_id = $3, peer_node_id = $4
         where link_id = $1 and enterprise_id = $2 and (peer_enterprise_id is null or peer_enterprise_id = $3)",
        link.0,
        enterprise.to_string(),
        peer.to_string(),
        node.to_string(),
    )
    .execute(pool)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A closing route serves nothing but control.
pub async fn close(pool: &PgPool, link: LinkId, enterprise: EnterpriseId) -> Result<(), Error> {
    sqlx::query!(
        "update hansa.link_route set state = 'closing' where link_id = $1 and enterprise_id = $2",
        link.0,
        enterprise.to_string(),
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// The route of one end.
pub async fn find(pool: &PgPool, link: LinkId, enterprise: EnterpriseId) -> Result<Option<Route>, Error> {
    Ok(ends(pool, link)
        .await?
        .into_iter()
        .find(|route| route.enterprise == enterprise))
}

/// Both ends of a link, as far as they live here.
pub async fn ends(pool: &PgPool, link: LinkId) -> Result<Vec<Route>, Error> {
    Ok(some(pool, &[link.0])
        .await?
        .into_iter()
        .map(|(_, route)| route)
        .collect())
}

/// The ends of these links that live here.
pub async fn some(pool: &PgPool, links: &[Uuid]) -> Result<Vec<(LinkId, Route)>, Error> {
    let rows = sqlx::query!(
        "select link_id, enterprise_id, tenant_id, peer_enterprise_id, peer_node_id, state
         from hansa.link_route where link_id = any($1) order by link_id, enterprise_id",
        links,
    )
    .fetch_all(pool)
    .await?;
    rows.into_iter()
        .map(|row| {
            let route = Route {
                tenant: row.tenant_id.parse().map_err(damaged)?,
                enterprise: row.enterprise_id.parse().map_err(damaged)?,
                peer: row
                    .peer_enterprise_id
                    .map(|text| text.parse().map_err(damaged))
                    .transpose()?,
                peer_node: row.peer_node_id.map(|text| text.parse().map_err(damaged)).transpose()?,
                closing: row.state == "closing",
            };
            Ok((LinkId(row.link_id), route))
        })
        .collect()
}

/// Learns a node's card; an older one changes nothing.
pub async fn learn_node(
    pool: &PgPool,
    node: NodeId,
    sequence: i64,
    pin_now: Pin,
    pin_next: Option<Pin>,
    addresses: &[String],
) -> Result<(), Error> {
    sqlx::query!(
        "insert into hansa.peer_node (node_id, sequence, pin_now, pin_next, addresses) values ($1, $2, $3, $4, $5)
         on conflict (node_id) do update set sequence = excluded.sequence, pin_now = excluded.pin_now,
            pin_next = excluded.pin_next, addresses = excluded.addresses, updated_at = now()
         where hansa.peer_node.sequence < excluded.sequence",
        node.to_string(),
        sequence,
        pin_now.to_string(),
        pin_next.map(|pin| pin.to_string()),
        addresses.join(","),
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// All nodes that some link of this node has as its peer.
pub async fn nodes(pool: &PgPool) -> Result<Vec<PeerNode>, Error> {
    let rows = sqlx::query!("select node_id, pin_now, pin_next, addresses from hansa.peer_node order by node_id")
        .fetch_all(pool)
        .await?;
    rows.into_iter()
        .map(|row| {
            let mut pins = vec![pin(&row.pin_now)?];
            if let Some(next) = row.pin_next {
                pins.push(pin(&next)?);
            }
            Ok(PeerNode {
                node: row.node_id.parse().map_err(damaged)?,
                pins,
                addresses: row
                    .addresses
                    .split(',')
                    .filter(|text| !text.is_empty())
                    .map(str::to_owned)
                    .collect(),
            })
        })
        .collect()
}

fn pin(text: &str) -> Result<Pin, Error> {
    let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).map_err(damaged)?;
    Pin::try_from(bytes.as_slice()).map_err(damaged)
}

/// The newest card this node has signed about itself.
pub async fn own_card(pool: &PgPool, node: NodeId) -> Result<Option<(i64, Vec<u8>)>, Error> {
    let row = sqlx::query!(
        "select sequence, body from hansa.node_card where node_id = $1 order by sequence desc limit 1",
        node.to_string(),
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(|row| (row.sequence, row.body)))
}

/// Keeps a card of our own; false when another process was first with this sequence.
pub async fn keep_card(pool: &PgPool, node: NodeId, sequence: i64, body: &[u8]) -> Result<bool, Error> {
    let done = sqlx::query!(
        "insert into hansa.node_card (node_id, sequence, body) values ($1, $2, $3) on conflict do nothing",
        node.to_string(),
        sequence,
        body,
    )
    .execute(pool)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Says that a link may have work until a minute from now.
pub async fn rouse(pool: &PgPool, tenant: TenantId, link: LinkId, shard: i16) -> Result<(), Error> {
    sqlx::query!(
        "insert into hansa.link_activity (link_id, tenant_id, shard, until)
         values ($1, $2, $3, clock_timestamp() + interval '60 seconds')
         on conflict (tenant_id, link_id) do update set until = greatest(link_activity.until, excluded.until)",
        link.0,
        tenant.as_str(),
        shard,
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// An end that may have work.
#[derive(Clone, Copy, Debug)]
pub struct Active {
    pub tenant: TenantId,
    pub link: LinkId,
    pub shard: i16,
    /// Its partner's node, once somebody has accepted the invite.
    pub node: Option<NodeId>,
    /// Nobody has posted for a minute, and nobody can have: a transaction does not live that long.
    pub over: bool,
}

/// Ends that may have work.
pub async fn active(pool: &PgPool) -> Result<Vec<Active>, Error> {
    let rows = sqlx::query!(
        r#"select activity.tenant_id, activity.link_id, activity.shard, route.peer_node_id,
               activity.until < clock_timestamp() as "over!"
           from hansa.link_activity activity
           join hansa.link_route route on route.link_id = activity.link_id and route.tenant_id = activity.tenant_id
           order by activity.tenant_id, activity.link_id limit 100000"#,
    )
    .fetch_all(pool)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Active {
                tenant: row.tenant_id.parse().map_err(damaged)?,
                link: LinkId(row.link_id),
                shard: row.shard,
                node: row.peer_node_id.map(|text| text.parse().map_err(damaged)).transpose()?,
                over: row.over,
            })
        })
        .collect()
}

/// The peer of a link has moved to this node.
pub async fn moved(pool: &PgPool, tenant: TenantId, link: LinkId, node: NodeId) -> Result<(), Error> {
    sqlx::query!(
        "update hansa.link_route set peer_node_id = $3 where tenant_id = $1 and link_id = $2 and peer_node_id <> $3",
        tenant.as_str(),
        link.0,
        node.to_string(),
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Takes or keeps these shards for three seconds, those that another process holds excepted; returns each with its fence.
pub async fn lease(pool: &PgPool, holder: Uuid, shards: &[i16]) -> Result<Vec<(i16, i64)>, Error> {
    let rows = sqlx::query!(
        "insert into hansa.lease (shard, holder, fence, until)
         select wanted.shard, $1, 1, clock_timestamp() + interval '3 seconds'
         from (select distinct shard from unnest($2::smallint[]) as u (shard) order by shard) as wanted
         on conflict (shard) do update set holder = excluded.holder, until = excluded.until,
            fence = lease.fence + case when lease.holder = excluded.holder then 0 else 1 end
         where lease.holder = excluded.holder or lease.until < clock_timestamp()
         returning shard, fence",
        holder,
        shards,
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|row| (row.shard, row.fence)).collect())
}

/// Gives all shards back, so that another process need not wait for their end.
pub async fn release(pool: &PgPool, holder: Uuid) -> Result<(), Error> {
    sqlx::query!(
        "update hansa.lease set until = clock_timestamp() where holder = $1",
        holder
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Forgets a link whose minute has passed; the caller has seen that nothing of it is left to deliver.
pub async fn rest(pool: &PgPool, tenant: TenantId, link: LinkId) -> Result<bool, Error> {
    let done = sqlx::query!(
        "delete from hansa.link_activity where tenant_id = $1 and link_id = $2 and until < clock_timestamp()",
        tenant.as_str(),
        link.0,
    )
    .execute(pool)
    .await?;
    Ok(done.rows_affected() == 1)
}
