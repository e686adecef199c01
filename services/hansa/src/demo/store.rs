//! What the demo does behind a node's back, as the superuser of its database.

use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

/// Changes one bit of what the lines of a document said in its first version; once more changes it back.
pub(super) async fn flip(database_url: &str, document: Uuid) -> anyhow::Result<()> {
    let mut admin = PgConnection::connect(database_url).await?;
    let schema = sqlx::query_scalar!(
        r#"select n.nspname::text as "schema!" from pg_class c join pg_namespace n on n.oid = c.relnamespace
           where c.relname = 'document_text' order by 1 limit 1"#,
    )
    .fetch_one(&mut admin)
    .await?;
    sqlx::query_scalar!("select set_config('search_path', $1, false)", schema)
        .fetch_one(&mut admin)
        .await?;
    sqlx::query!(
        "update document_text set content = set_byte(content, 12, get_byte(content, 12) # 1)
         where document_id = $1 and section = 'lines' and version = 1",
        document,
    )
    .execute(&mut admin)
    .await?;
    Ok(())
}
