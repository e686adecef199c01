//! Gives back what nobody confirmed in time, and what a revoked link still holds.

use hansa_tenancy::{Errand, Module, Round, Timed};
use hansa_vocab::{LinkId, TenantId};
use time::OffsetDateTime;

use super::Inventory;
use crate::{Error, model::State, store::reservations};

/// Holds of one pass and tenant.
const PASS_MAX: i64 = 1_000;

impl Timed for Inventory {
    fn module(&self) -> Module {
        Module::Inventory
    }

    fn round(&self, tenant: TenantId) -> Round<'_> {
        Box::pin(async move { Ok(self.sweep(tenant).await?) })
    }
}

impl Inventory {
    /// One pass over one tenant: when a hold is over next. Several processes may; a hold ends once all the same.
    async fn sweep(&self, tenant: TenantId) -> Result<Option<OffsetDateTime>, Error> {
        let errand = Errand::new("inventory.sweeper", tenant);
        let mut tx = self.tenancy.begin("inventory.due", &errand).await?;
        let due = reservations::due(&mut tx, PASS_MAX).await?;
        drop(tx);
        for (link, id, over) in due {
            let (next, reason) = if over {
                (State::Expired, "")
            } else {
                (State::Released, "LINK_REVOKED")
            };
            match self
                .step(&errand, None, LinkId(link), id, next, reason, errand.name())
                .await
            {
                // Confirmed or released between the look and the step.
                Ok(_) | Err(Error::Ended(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let mut tx = self.tenancy.begin("inventory.next_due", &errand).await?;
        reservations::next_due(&mut tx).await
    }
}
