//! Which tenants live on this node.

use hansa_vocab::TenantId;
use sqlx::PgPool;

use crate::Error;

/// Whether a tenant is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TenantState {
    /// Being made; not served yet.
    Creating,
    /// Served.
    Active,
    /// A migration failed; not served until it is mended.
    Failed,
    /// Stopped by the operator.
    Suspended,
    /// On its way out.
    Deleting,
}

impl TenantState {
    /// The word that stands in the registry.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Active => "active",
            Self::Failed => "failed",
            Self::Suspended => "suspended",
            Self::Deleting => "deleting",
        }
    }

    fn read(text: &str) -> Result<Self, Error> {
        [
            Self::Creating,
            Self::Active,
            Self::Failed,
            Self::Suspended,
            Self::Deleting,
        ]
        .into_iter()
        .find(|state| state.as_str() == text)
        .ok_or_else(|| Error::Damaged(format!("tenant state {text:?}")))
    }
}

/// A tenant as the registry knows it.
#[derive(Clone, Debug)]
pub struct TenantRow {
    /// Its id.
    pub id: TenantId,
    /// The enterprise's name.
    pub name: String,
    /// Which pool serves it.
    pub lane: i16,
    /// Whether it is served.
    pub state: TenantState,
    /// Why not, when a migration failed.
    pub trouble: String,
}

pub async fn all(pool: &PgPool) -> Result<Vec<TenantRow>, Error> {
    let rows = sqlx::query!("select id, name, lane, state, trouble from hansa.tenant order by id")
        .fetch_all(pool)
        .await?;
    rows.into_iter()
        .map(|row| {
            Ok(TenantRow {
                id: row
                    .id
                    .parse()
                    .map_err(|_| Error::Damaged(format!("tenant id {:?}", row.id)))?,
                name: row.name,
                lane: row.lane,
                state: TenantState::read(&row.state)?,
                trouble: row.trouble,
            })
        })
        .collect()
}

/// Stops or serves a tenant; false when there is none.
pub async fn set_state(pool: &PgPool, tenant: TenantId, state: TenantState) -> Result<bool, Error> {
    let done = sqlx::query!(
        "update hansa.tenant set state = $2 where id = $1",
        tenant.as_str(),
        state.as_str()
    )
    .execute(pool)
    .await?;
    Ok(done.rows_affected() == 1)
}
