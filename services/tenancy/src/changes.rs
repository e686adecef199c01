//! Tells every process of a node that something they hold in memory has changed: a version per topic in `hansa.change`.
//!
//! A change is rare (a link revoked, a key withdrawn), so its commit may NOTIFY; business transactions never do. Whoever
//! missed the notice sees the version at the next poll, 250 ms later at most.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use sqlx::{PgPool, postgres::PgListener};
use tokio::sync::watch;

use crate::Error;

const POLL: Duration = Duration::from_millis(250);
const CHANNEL: &str = "hansa_change";

/// The newest version of each topic, as far as this process knows.
#[derive(Debug, Default)]
pub struct Changes {
    topics: Mutex<HashMap<String, watch::Sender<i64>>>,
}

impl Changes {
    pub fn watch(&self, topic: &str) -> watch::Receiver<i64> {
        let mut topics = self.topics.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        topics
            .entry(topic.to_owned())
            .or_insert_with(|| watch::channel(0).0)
            .subscribe()
    }

    fn seen(&self, topic: &str, version: i64) {
        let mut topics = self.topics.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let sender = topics.entry(topic.to_owned()).or_insert_with(|| watch::channel(0).0);
        sender.send_if_modified(|known| {
            let newer = version > *known;
            *known = version.max(*known);
            newer
        });
    }

    /// Looks until the pool is closed.
    pub async fn run(&self, pool: PgPool) {
        let mut listener: Option<PgListener> = None;
        while !pool.is_closed() {
            if let Err(error) = self.look(&pool).await
                && !pool.is_closed()
            {
                tracing::warn!(%error, "can't look for changes");
            }
            if listener.is_none() {
                listener = listen(&pool).await.ok();
            }
            match &mut listener {
                Some(open) => {
                    if let Ok(Err(_)) = tokio::time::timeout(POLL, open.recv()).await {
                        listener = None;
                        tokio::time::sleep(POLL).await;
                    }
                }
                None => tokio::time::sleep(POLL).await,
            }
        }
    }

    async fn look(&self, pool: &PgPool) -> Result<(), Error> {
        for row in sqlx::query!("select topic, version from hansa.change order by topic")
            .fetch_all(pool)
            .await?
        {
            self.seen(&row.topic, row.version);
        }
        Ok(())
    }
}

async fn listen(pool: &PgPool) -> Result<PgListener, sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    Ok(listener)
}

/// Raises a topic's version, in a transaction of its own on the control pool.
pub async fn announce(pool: &PgPool, topic: &'static str) -> Result<(), Error> {
    let mut tx = pool.begin().await?;
    sqlx::query!(
        "insert into hansa.change (topic, version) values ($1, 1)
         on conflict (topic) do update set version = hansa.change.version + 1",
        topic,
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!("notify hansa_change").execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(())
}
