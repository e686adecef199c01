//! What other rooms keep for members: whose it is, and that it goes when they go.

use std::{
    pin::Pin,
    sync::{Arc, PoisonError},
};

use hansa_tenancy::TenantTx;
use hansa_vocab::LinkId;
use uuid::Uuid;

use crate::{
    Error, Members,
    store::{consents, people},
};

/// A member for whom another room keeps something. It says nothing of who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Of our own.
    pub pool_id: Uuid,
    /// The pool's code.
    pub pool: String,
    /// Their number in it.
    pub number: i64,
}

/// What a room does in the transaction of another.
pub type BelongingsFuture<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>;

/// Keeps something for members.
pub trait Belongings: std::fmt::Debug + Send + Sync {
    /// A member is the same person as another one: what is kept for the first is the second's from now on.
    fn moved<'a>(&'a self, tx: &'a mut TenantTx, from: Holder, into: i64) -> BelongingsFuture<'a>;

    /// A member is erased: what is kept for them ends, in this transaction.
    fn erased<'a>(&'a self, tx: &'a mut TenantTx, holder: Holder) -> BelongingsFuture<'a>;
}

impl Members {
    /// One more room that keeps something for members; said once, when the rooms are wired.
    pub fn install(&self, belongings: impl Belongings + 'static) {
        let mut all = self.belongings.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(Arc::new(belongings));
    }

    /// A member is erased: what others keep for them ends.
    pub(crate) async fn belongings_end(&self, tx: &mut TenantTx, holder: &Holder) -> Result<(), Error> {
        let all = self.belongings.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for room in all {
            room.erased(tx, holder.clone()).await?;
        }
        Ok(())
    }

    /// Two members are one: what others keep for the first goes to the second.
    pub(crate) async fn belongings_move(&self, tx: &mut TenantTx, from: &Holder, into: i64) -> Result<(), Error> {
        let all = self.belongings.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for room in all {
            room.moved(tx, from.clone(), into).await?;
        }
        Ok(())
    }

    /// Our own pool of this code.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`].
    pub async fn pool_id(&self, tx: &mut TenantTx, code: &str) -> Result<Uuid, Error> {
        Ok(self.own_pool(tx, code).await?.id)
    }

    /// The code of a pool.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`].
    pub async fn pool_code(&self, tx: &mut TenantTx, pool: Uuid) -> Result<String, Error> {
        let pool = people::pool_of(tx, pool).await?;
        Ok(pool.ok_or(Error::NotFound("pool"))?.code)
    }

    /// Those of these numbers who are members of the pool.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn active(&self, tx: &mut TenantTx, pool: Uuid, numbers: &[i64]) -> Result<Vec<i64>, Error> {
        let rows = people::members(tx, pool, numbers).await?;
        let active = rows.into_iter().filter(|row| row.state == "active");
        Ok(active.map(|row| row.no).collect())
    }

    /// The member of our own whom a partner knows by this name, as long as they agree that it does; nobody erases them until the end of
    /// the transaction.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn named(&self, tx: &mut TenantTx, link: LinkId, pseudonym: Uuid) -> Result<Option<Holder>, Error> {
        let Some((pool_id, number)) = consents::released_as(tx, link, pseudonym).await? else {
            return Ok(None);
        };
        let pool = self.pool_code(tx, pool_id).await?;
        Ok(Some(Holder { pool_id, pool, number }))
    }
}
