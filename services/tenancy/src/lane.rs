//! A lane: the connections of one login role, for the transactions of its tenants.
//!
//! sqlx's pool opens and closes them; those that a transaction has left clean lie here, so that the next one begins without
//! asking the server first. A connection whose transaction did not come to its end goes back to sqlx, whose hook cleans it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use sqlx::{Connection as _, Executor as _, PgPool, Postgres, SqlStr, pool::PoolConnection};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{Error, prelude};

/// How long a caller waits for a connection before it is told to come back.
pub const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// The database may have gone away while a connection lay so long.
const TRUSTED: Duration = Duration::from_secs(1);
/// A connection that nobody has needed for so long is given up.
const REST_MAX: Duration = Duration::from_secs(60);

/// All connections of one login role in this process. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Lane(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pool: PgPool,
    /// As many as the pool may have, so that asking it never waits for one that lies here.
    places: Arc<Semaphore>,
    /// The one that was used last lies on top.
    clean: Mutex<Vec<Resting>>,
    lifetime: Duration,
}

#[derive(Debug)]
struct Resting {
    connection: PoolConnection<Postgres>,
    born: Instant,
    since: Instant,
}

/// A connection in use. Dropped, it is cleaned by the pool's hook; [`Borrowed::commit`] leaves it clean itself.
#[derive(Debug)]
pub struct Borrowed {
    connection: PoolConnection<Postgres>,
    born: Instant,
    lane: Lane,
    _place: OwnedSemaphorePermit,
}

impl Lane {
    /// A lane of this pool, which has at most so many connections and closes them when they are older than `lifetime`.
    pub fn new(pool: PgPool, connections: u32, lifetime: Duration) -> Self {
        Self(Arc::new(Inner {
            pool,
            places: Arc::new(Semaphore::new(usize::try_from(connections).unwrap_or(1))),
            clean: Mutex::default(),
            lifetime,
        }))
    }

    /// A connection in the transaction that this message opens.
    ///
    /// Dropped half way, the connection goes back through the hook: whatever the server has begun by then is rolled back
    /// before anybody else gets it. sqlx's own begin is not used, since it counts wrongly when it is dropped.
    pub async fn begin(&self, message: SqlStr) -> Result<Borrowed, Error> {
        let place = tokio::time::timeout(ACQUIRE_TIMEOUT, self.0.places.clone().acquire_owned());
        let place = match place.await {
            Ok(Ok(place)) => place,
            Ok(Err(_)) => return Err(sqlx::Error::PoolClosed.into()),
            Err(_) => return Err(sqlx::Error::PoolTimedOut.into()),
        };
        let (mut connection, born) = match self.rested().await {
            Some(rested) => rested,
            None => (self.0.pool.acquire().await?, Instant::now()),
        };
        connection.execute(message).await?;
        Ok(Borrowed {
            connection,
            born,
            lane: self.clone(),
            _place: place,
        })
    }

    /// A clean connection whose server is there.
    async fn rested(&self) -> Option<(PoolConnection<Postgres>, Instant)> {
        loop {
            let top = self.0.clean.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
            let Resting {
                mut connection,
                born,
                since,
            } = top;
            if since.elapsed() < TRUSTED || connection.ping().await.is_ok() {
                return Some((connection, born));
            }
        }
    }

    fn rest(&self, connection: PoolConnection<Postgres>, born: Instant) {
        let mut clean = self.0.clean.lock().unwrap_or_else(PoisonError::into_inner);
        // Looked at under the lock: whoever closes the pool takes what lies here after that, and waits for what does not.
        if self.0.pool.is_closed() || born.elapsed() > self.0.lifetime {
            return;
        }
        clean.push(Resting {
            connection,
            born,
            since: Instant::now(),
        });
        // The oldest lies at the bottom; the pool looks after it from here.
        if clean.first().is_some_and(|oldest| oldest.since.elapsed() > REST_MAX) {
            clean.remove(0);
        }
    }

    /// Connections: in use, idle.
    pub fn connections(&self) -> (u32, u32) {
        let clean = self.0.clean.lock().unwrap_or_else(PoisonError::into_inner).len();
        let idle = u32::try_from(self.0.pool.num_idle() + clean).unwrap_or(u32::MAX);
        (self.0.pool.size().saturating_sub(idle), idle)
    }

    /// Closes all connections; those in use end first.
    pub async fn close(&self) {
        self.0.places.close();
        let closing = self.0.pool.close();
        self.0.clean.lock().unwrap_or_else(PoisonError::into_inner).clear();
        closing.await;
    }
}

impl Borrowed {
    /// The connection.
    pub fn connection(&mut self) -> &mut sqlx::PgConnection {
        &mut self.connection
    }

    /// Commits, and leaves the session as it was opened, in one message.
    pub async fn commit(mut self) -> Result<(), Error> {
        self.connection.execute(prelude::COMMIT).await?;
        self.lane.rest(self.connection, self.born);
        Ok(())
    }
}
