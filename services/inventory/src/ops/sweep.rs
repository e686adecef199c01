//! Gives back what nobody confirmed in time, and what a revoked link still holds.

use std::time::Duration;

use hansa_tenancy::{Errand, TenantState};
use hansa_vocab::{LinkId, TenantId};
use tokio_util::sync::CancellationToken;

use super::Inventory;
use crate::{Error, model::State, store::reservations};

/// How often every tenant is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Holds of one pass and tenant.
const PASS_MAX: i64 = 1_000;

impl Inventory {
    /// Sweeps until `shutdown`: the worker's part. Several processes may; a hold ends once all the same.
    pub async fn sweep(&self, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            match self.tenancy.tenants().await {
                Ok(tenants) => {
                    for tenant in tenants.iter().filter(|tenant| tenant.state == TenantState::Active) {
                        if let Err(error) = self.sweep_one(tenant.id).await {
                            tracing::warn!(tenant.id = %tenant.id, %error, "holds could not be swept");
                        }
                    }
                }
                Err(error) => tracing::warn!(%error, "can't see which tenants there are"),
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = shutdown.cancelled() => {}
            }
        }
    }

    /// One pass over one tenant; how many holds it ended.
    ///
    /// # Errors
    ///
    /// When the database does not answer; the next pass goes on.
    pub async fn sweep_one(&self, tenant: TenantId) -> Result<usize, Error> {
        let errand = Errand::new("inventory.sweeper", tenant);
        let mut tx = self.tenancy.begin("inventory.due", &errand).await?;
        let due = reservations::due(&mut tx, PASS_MAX).await?;
        drop(tx);
        let mut ended = 0;
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
                Ok(_) => ended += 1,
                // Confirmed or released between the look and the step.
                Err(Error::Ended(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(ended)
    }
}
