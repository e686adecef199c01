//! What points are worth, and what a member has.

use hansa_directory::Session;
use hansa_members::{Belongings, BelongingsFuture, Holder};
use hansa_tenancy::TenantTx;
use hansa_vocab::LinkId;
use uuid::Uuid;

use super::{By, Loyalty};
use crate::{
    Error,
    model::{self, AMOUNT_MAX},
    store::{
        bookings, coupons,
        points::{self, AccountRow, EntryRow, ProgramRow},
    },
};

/// What a member has, and how that came about.
pub(crate) struct Statement {
    pub program: ProgramRow,
    pub account: AccountRow,
    pub entries: Vec<EntryRow>,
}

impl Loyalty {
    /// Says what points of a pool are called and worth.
    pub(crate) async fn put_program(
        &self,
        session: &Session,
        pool: &str,
        mut row: ProgramRow,
    ) -> Result<(ProgramRow, String), Error> {
        model::text("unit", &row.unit, 1, 20)?;
        model::within("value", row.value, 0, AMOUNT_MAX / 1_000)?;
        model::currency(&row.currency)?;
        model::within("idle_days", row.idle_days, 0, model::IDLE_DAYS_MAX.into())?;
        let mut tx = self.tenancy.begin("loyalty.put_program", session).await?;
        row.pool_id = self.members.pool_id(&mut tx, pool).await?;
        points::put_program(&mut tx, &row).await?;
        let resource = format!("program/{pool}");
        self.note(&mut tx, By::Counter(session), "loyalty.write", &resource)
            .await?;
        tx.commit().await?;
        Ok((row, pool.to_owned()))
    }

    pub(crate) async fn programs(&self, session: &Session) -> Result<Vec<(ProgramRow, String)>, Error> {
        let mut tx = self.tenancy.begin("loyalty.programs", session).await?;
        let mut programs = Vec::new();
        for row in points::programs(&mut tx).await? {
            let pool = self.members.pool_code(&mut tx, row.pool_id).await?;
            programs.push((row, pool));
        }
        Ok(programs)
    }

    /// What a member has; who looks is written down.
    pub(crate) async fn points(&self, session: &Session, pool: &str, number: i64) -> Result<Statement, Error> {
        let mut tx = self.tenancy.begin("loyalty.points", session).await?;
        let pool_id = self.members.pool_id(&mut tx, pool).await?;
        let program = points::program(&mut tx, pool_id).await?.ok_or(Error::NoProgram)?;
        let account = points::account(&mut tx, pool_id, number).await?;
        let entries = points::entries(&mut tx, pool_id, number).await?;
        let resource = format!("member/{pool}/{number}/points");
        self.note(&mut tx, By::Counter(session), "loyalty.read", &resource)
            .await?;
        tx.commit().await?;
        Ok(Statement {
            program,
            account,
            entries,
        })
    }

    /// Those of these members of a pool who have got or used points, or used a coupon: they have bought something.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn bought(&self, tx: &mut TenantTx, pool: Uuid, numbers: &[i64]) -> Result<Vec<i64>, Error> {
        points::active(tx, pool, numbers).await
    }

    async fn ends(&self, tx: &mut TenantTx, holder: &Holder) -> Result<(), Error> {
        coupons::forget(tx, holder.pool_id, holder.number).await?;
        let account = points::account(tx, holder.pool_id, holder.number).await?;
        if account.version == 0 {
            return Ok(());
        }
        let account = points::lock(tx, holder.pool_id, holder.number).await?;
        let change = points::Change {
            pool: holder.pool_id,
            number: holder.number,
            points: -account.balance,
            cause: "erased",
            booking: (LinkId(Uuid::nil()), Uuid::nil()),
            at: self.now(),
            idle_at: None,
        };
        points::change(tx, &change).await
    }
}

impl Loyalty {
    /// What one member has is another's from now on, also what is being used just now.
    async fn moves(&self, tx: &mut TenantTx, from: &Holder, into: i64) -> Result<(), Error> {
        coupons::moved(tx, from.pool_id, from.number, into).await?;
        bookings::moved(tx, from.pool_id, from.number, into).await?;
        if points::account(tx, from.pool_id, from.number).await?.version == 0 {
            return Ok(());
        }
        let old = points::lock(tx, from.pool_id, from.number).await?;
        points::lock(tx, from.pool_id, into).await?;
        points::hold(tx, from.pool_id, from.number, -old.held).await?;
        points::hold(tx, from.pool_id, into, old.held).await?;
        let days = points::program(tx, from.pool_id)
            .await?
            .map_or(0, |program| program.idle_days);
        let idle_at = (days > 0).then(|| self.now() + time::Duration::days(days.into()));
        for (number, moved, idle_at) in [(from.number, -old.balance, None), (into, old.balance, idle_at)] {
            let change = points::Change {
                pool: from.pool_id,
                number,
                points: moved,
                cause: "merged",
                booking: (LinkId(Uuid::nil()), Uuid::nil()),
                at: self.now(),
                idle_at,
            };
            points::change(tx, &change).await?;
        }
        Ok(())
    }
}

/// What became of it, as the room of members is told.
fn told(done: Result<(), Error>) -> Result<(), hansa_members::Error> {
    match done {
        Ok(()) => Ok(()),
        Err(Error::Tenancy(error)) => Err(error.into()),
        Err(Error::Sql(error)) => Err(error.into()),
        Err(error) => {
            tracing::error!(%error, "what a member had could not be seen to");
            Err(hansa_members::Error::Damaged("coupon"))
        }
    }
}

impl Belongings for Loyalty {
    fn moved<'a>(&'a self, tx: &'a mut TenantTx, from: Holder, into: i64) -> BelongingsFuture<'a> {
        Box::pin(async move { told(self.moves(tx, &from, into).await) })
    }

    fn erased<'a>(&'a self, tx: &'a mut TenantTx, holder: Holder) -> BelongingsFuture<'a> {
        Box::pin(async move { told(self.ends(tx, &holder).await) })
    }
}
