//! SQL of networks and groups of links, nothing else.

use hansa_tenancy::TenantTx;
use uuid::Uuid;

use crate::Error;

/// A network or group.
#[derive(Clone, Debug)]
pub struct GroupRow {
    pub name: String,
    pub links: i64,
    pub active: i64,
}

/// These links are in these groups from now on.
pub async fn add(tx: &mut TenantTx, links: &[Uuid], names: &[String]) -> Result<(), Error> {
    sqlx::query!(
        "insert into link_group (name, link_id) select n.name, l.id from unnest($1::varchar[]) as n (name), unnest($2::uuid[]) as l (id)
         on conflict do nothing",
        names,
        links,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// And no longer in these.
pub async fn remove(tx: &mut TenantTx, links: &[Uuid], names: &[String]) -> Result<(), Error> {
    sqlx::query!(
        "delete from link_group where name = any($1) and link_id = any($2)",
        names,
        links,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// In how many one of these links is, at most.
pub async fn most(tx: &mut TenantTx, links: &[Uuid]) -> Result<i64, Error> {
    let most = sqlx::query_scalar!(
        "select count(*) from link_group where link_id = any($1) group by link_id order by count(*) desc limit 1",
        links,
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(most.flatten().unwrap_or(0))
}

/// All groups, by name.
pub async fn all(tx: &mut TenantTx) -> Result<Vec<GroupRow>, Error> {
    Ok(sqlx::query_as!(
        GroupRow,
        r#"select g.name, count(*) as "links!", count(*) filter (where l.state = 'active') as "active!"
         from link_group g join link l on l.id = g.link_id group by g.name order by g.name limit 2000"#,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// The groups of these links: (link, group).
pub async fn of(tx: &mut TenantTx, links: &[Uuid]) -> Result<Vec<(Uuid, String)>, Error> {
    let rows = sqlx::query!(
        "select link_id, name from link_group where link_id = any($1) order by link_id, name",
        links,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (row.link_id, row.name)).collect())
}

/// Is there a link in this group, or in any of this network.
pub async fn exists(tx: &mut TenantTx, name: &str) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select from link_group where name = $1 or starts_with(name, $1 || '/')) as "exists!""#,
        name,
    )
    .fetch_one(tx.conn())
    .await?)
}
