//! The SQL of the benches themselves: a table of their own beside every schema, and what the server says of its settings.

use anyhow::ensure;
use serde_json::Value;
use sqlx::{
    PgPool,
    postgres::{PgPoolCopyExt as _, PgPoolOptions},
};
use uuid::Uuid;

/// A pool like a lane's, for so many clients.
pub async fn pool(url: &str, clients: u32) -> Result<PgPool, sqlx::Error> {
    PgPoolOptions::new()
        .max_connections(clients)
        .min_connections(clients)
        .test_before_acquire(false)
        .connect(url)
        .await
}

/// What decides whether a commit survives: (name, setting).
async fn settings(pool: &PgPool) -> Result<Vec<(String, String)>, sqlx::Error> {
    sqlx::query_as(
        "select name, setting from pg_settings
         where name in ('fsync', 'synchronous_commit', 'full_page_writes', 'server_version', 'wal_sync_method') order by name",
    )
    .fetch_all(pool)
    .await
}

/// The smallest durable commit: one row.
pub async fn prepare(pool: &PgPool) -> Result<(), sqlx::Error> {
    sqlx::query("create table if not exists tiny (id uuid primary key, v bigint not null)")
        .execute(pool)
        .await?;
    Ok(())
}

/// One such commit.
pub async fn tiny(pool: &PgPool, id: Uuid, v: i64) -> Result<(), sqlx::Error> {
    sqlx::query("insert into tiny (id, v) values ($1, $2)")
        .bind(id)
        .bind(v)
        .execute(pool)
        .await?;
    Ok(())
}

/// What decides whether a commit of this database survives.
///
/// # Errors
///
/// When one of the settings would lose acknowledged writes.
pub async fn durable(url: &str) -> anyhow::Result<Value> {
    let pool = pool(url, 1).await?;
    let settings = settings(&pool).await?;
    for (name, setting) in &settings {
        ensure!(
            setting != "off",
            "{name} is off: a measurement of that would mean nothing"
        );
    }
    pool.close().await;
    let named = settings
        .into_iter()
        .map(|(name, setting)| (name, Value::String(setting)));
    Ok(named.collect())
}

/// The same rows as they come in a file, by COPY into a table without an index.
pub async fn copied(url: &str, rows: Vec<u8>) -> Result<(), sqlx::Error> {
    let pool = pool(url, 1).await?;
    sqlx::query("create table if not exists copied (phone text, email text, name text, city text)")
        .execute(&pool)
        .await?;
    let mut copy = pool.copy_in_raw("copy copied from stdin (format csv, header)").await?;
    copy.send(rows).await?;
    copy.finish().await?;
    pool.close().await;
    Ok(())
}

/// Documents of one tenant's database, seeded: as many as a large buyer has after some years, one in a hundred of them answered and
/// with a partner of its own. Their numbers and instants rise with their place.
pub async fn seed_documents(url: &str, count: i32) -> Result<(), sqlx::Error> {
    let pool = pool(url, 1).await?;
    let statements = [
        r"select set_config('search_path', nspname, false) from pg_namespace where nspname like 't\_%'",
        "insert into document (id, kind, kind_version, number, our_role, issuer, version, state, since)
         select ('01900000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, 'order', 1, 'PO-' || lpad(i::text, 6, '0'), 'buyer', true, 1,
             case when i % 100 = 0 then 'answered' else 'cancelled' end, to_timestamp(1600000000 + i)
         from generate_series(0, COUNT - 1) as i",
        "insert into document_party (document_id, place, role, enterprise, name, link_id)
         select ('01900000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, p, (array['buyer', 'seller'])[p + 1], '', 'One',
             case when p = 1 then ('00000000-0000-4000-8000-' || lpad((i % 100)::text, 12, '0'))::uuid end
         from generate_series(0, COUNT - 1) as i, generate_series(0, 1) as p",
        "analyze",
    ];
    for statement in statements {
        let statement = statement.replace("COUNT", &count.to_string());
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&pool).await?;
    }
    pool.close().await;
    Ok(())
}

/// Apps and shares of one tenant's database, seeded: one in seventeen is ours, the others are those of 1,000 partners; nine shares in
/// ten are given.
pub async fn seed_apps(url: &str, (us, manifest): (&str, &str), (apps, shares): (i32, i32)) -> Result<(), sqlx::Error> {
    let pool = pool(url, 1).await?;
    let statements = [
        r"select set_config('search_path', nspname, false) from pg_namespace where nspname like 't\_%'",
        "insert into app_version (publisher, app, version, kind, manifest, body, published_at, said)
         select case when i % 17 = 0 then 'OURS' else 'P' || lpad((i % 1000)::text, 51, '0') end, 'intake_' || i, 1, 'intake_kind_' || i,
             replace('MANIFEST', '\"en\": \"Product intake\"', '\"en\": \"Product intake ' || i || '\"'), '', now(),
             'intake_' || i || ' product intake ' || i || ' a store proposes it to headquarters'
         from generate_series(0, APPS - 1) as i",
        "insert into app_share (id, link_id, publisher, app, kind, given, state, round, offered_version, version, roles, since)
         select gen_random_uuid(), ('00000000-0000-4000-8000-' || lpad(link::text, 12, '0'))::uuid, publisher, app, kind, given,
             'accepted', 1, 1, 1, 'owner store', now()
         from (select i % 1000 as link, 'OURS' as publisher, 'intake_' || 17 * ((i + i / 1000 * 37) % 1000) as app,
                   'intake_kind_' || 17 * ((i + i / 1000 * 37) % 1000) as kind, true as given
               from generate_series(0, SHARES * 9 / 10 - 1) as i
               union all
               select i % 1000, 'P' || lpad((i % 1000)::text, 51, '0'), 'intake_' || i, 'intake_kind_' || i, false
               from generate_series(0, SHARES / 10 - 1) as n, lateral (select 17 * n + 1 as i) as o) as s",
        "analyze",
    ];
    for statement in statements {
        let statement = statement
            .replace("MANIFEST", &manifest.replace('\'', "''"))
            .replace("OURS", us)
            .replace("APPS", &apps.to_string())
            .replace("SHARES", &shares.to_string());
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&pool).await?;
    }
    pool.close().await;
    Ok(())
}

/// Open items of one link in one tenant's database, seeded: the same on both nodes.
pub async fn seed_account(url: &str, link: &str, count: i32) -> Result<(), sqlx::Error> {
    let pool = pool(url, 1).await?;
    let statements = [
        r"select set_config('search_path', nspname, false) from pg_namespace where nspname like 't\_%'",
        "insert into account_entry (document_id, version, link_id, kind, number, called, owed_to_us, standing, state, currency, amount,
             disputed, reason, evidence, issued_on, due_on, deadline, at, root)
         select md5(i::text)::uuid, v, 'LINK'::uuid, 'invoice', 'IN-' || i, 'IN-' || i, true, 'open', 'approved', 'EUR', 100 + i, 0, '', '',
             date '2026-01-01', date '2026-01-01' + i % 300, null, timestamptz '2026-01-01' + v * interval '1 day', md5(i::text || v)
         from generate_series(0, COUNT - 1) as i, generate_series(1, 2) as v",
        "analyze",
    ];
    for statement in statements {
        let statement = statement.replace("LINK", link).replace("COUNT", &count.to_string());
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&pool).await?;
    }
    pool.close().await;
    Ok(())
}

/// One of them has another root.
pub async fn spoil_account(url: &str) -> Result<(), sqlx::Error> {
    let pool = pool(url, 1).await?;
    let statements = [
        r"select set_config('search_path', nspname, false) from pg_namespace where nspname like 't\_%'",
        "update account_entry set root = md5('') where document_id = md5('7')::uuid",
    ];
    for statement in statements {
        sqlx::raw_sql(statement).execute(&pool).await?;
    }
    pool.close().await;
    Ok(())
}
