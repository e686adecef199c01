//! What the operator of the node says of apps. Control role only.

use sqlx::PgPool;

use crate::{
    Error,
    model::review::{Review, Subject},
};

/// All that is said, by what it is said of; how many there may be is looked at when it is said.
pub async fn all(pool: &PgPool) -> Result<Vec<Review>, Error> {
    let rows = sqlx::query!(
        "select publisher, app, version, blocked, note from hansa.app_review order by publisher, app, version",
    )
    .fetch_all(pool)
    .await?;
    let reviews = rows.into_iter().map(|row| Review {
        of: Subject {
            publisher: row.publisher,
            app: row.app,
            version: row.version,
        },
        blocked: row.blocked,
        note: row.note,
    });
    Ok(reviews.collect())
}

/// Says it, instead of what was said before.
pub async fn put(pool: &PgPool, review: &Review) -> Result<(), Error> {
    sqlx::query!(
        "insert into hansa.app_review (publisher, app, version, blocked, note) values ($1, $2, $3, $4, $5)
         on conflict (publisher, app, version) do update set blocked = excluded.blocked, note = excluded.note, at = now()",
        review.of.publisher,
        review.of.app,
        review.of.version,
        review.blocked,
        review.note,
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Says nothing any more; false when nothing was said.
pub async fn remove(pool: &PgPool, of: &Subject) -> Result<bool, Error> {
    let done = sqlx::query!(
        "delete from hansa.app_review where publisher = $1 and app = $2 and version = $3",
        of.publisher,
        of.app,
        of.version,
    )
    .execute(pool)
    .await?;
    Ok(done.rows_affected() == 1)
}
