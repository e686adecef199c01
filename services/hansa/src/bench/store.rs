//! The SQL of the benches themselves: a table of their own beside every schema, and what the server says of its settings.

use anyhow::ensure;
use serde_json::Value;
use sqlx::{PgPool, postgres::PgPoolOptions};
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
