//! What one can do with staff and keys; `ops/chain.rs` is the audit.

mod accounts;
mod chain;
mod changes;
mod vouched;

use std::sync::{Arc, OnceLock};

use data_encoding::HEXLOWER;
use hansa_tenancy::{Caller, Errand, Tenancy, TenantTx};
use hansa_vault::{Vault, hmac_verify};
use hansa_vocab::{EnterpriseId, Role, StaffId, TenantId, decide::may_give};
use time::{Duration, OffsetDateTime};
use tokio_util::sync::CancellationToken;

pub use accounts::SignedIn;
pub(crate) use chain::Checked;
pub use chain::witness;
pub(crate) use changes::{Start, Told, Update};
pub use vouched::Vouched;

use crate::{
    AllAudited, Error, Session,
    store::{self, KeyRow, StaffRow},
};

const NAME_MAX: usize = 120;
const LABEL_MAX: usize = 80;
/// Characters of the part of a key that is no secret.
pub(crate) const KEY_ID_LENGTH: usize = 16;
/// Characters of each part of a unit's or group's name.
const PART_MAX: usize = 40;
/// Units of one person, and their characters together.
const UNITS_MAX: usize = 10;
const UNITS_LENGTH_MAX: usize = 200;
const LIVE_KEYS_MAX: i64 = 2;
const KEY_VALIDITY: Duration = Duration::days(365);

/// A staff person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staff {
    /// Who.
    pub id: StaffId,
    /// What they are called.
    pub name: String,
    /// What they are for.
    pub roles: Vec<Role>,
    /// Where they work; nowhere in particular when empty.
    pub units: Vec<String>,
    /// May they do nothing any more.
    pub disabled: bool,
}

impl TryFrom<StaffRow> for Staff {
    type Error = Error;

    fn try_from(row: StaffRow) -> Result<Self, Error> {
        Ok(Self {
            id: StaffId(row.id),
            name: row.name,
            roles: read_roles(&row.roles)?,
            units: row.units.split_whitespace().map(str::to_owned).collect(),
            disabled: row.disabled,
        })
    }
}

pub(crate) fn read_roles(text: &str) -> Result<Vec<Role>, Error> {
    text.split_whitespace()
        .map(|word| word.parse().map_err(|_| Error::Damaged("staff")))
        .collect()
}

/// Is that a name, or one in another: "north", "north/store-12".
#[must_use]
pub fn is_path(path: &str) -> bool {
    let part = |part: &str| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        (1..=PART_MAX).contains(&part.len()) && part.bytes().all(plain)
    };
    match path.split_once('/') {
        Some((whole, inner)) => part(whole) && part(inner),
        None => part(path),
    }
}

/// Units and stores, as they are kept.
fn placed(units: &[String]) -> Result<String, Error> {
    let all = units.join(" ");
    if units.len() > UNITS_MAX || all.len() > UNITS_LENGTH_MAX || !units.iter().all(|unit| is_path(unit)) {
        return Err(Error::Invalid {
            field: "units",
            text: format!(
                "{UNITS_MAX} at most, such as north or north/store-12: lower-case letters, digits and hyphens, 40 in each part"
            )
            .into(),
        });
    }
    Ok(all)
}

/// Where somebody works, and all that it lies in: of "north/store-12" also "north".
///
/// # Errors
///
/// When the database does not answer.
pub async fn units_of(tx: &mut TenantTx, staff: StaffId) -> Result<Vec<String>, Error> {
    let units = store::units(tx, staff).await?.unwrap_or_default();
    let within = |unit: &str| {
        let whole = unit.split_once('/').map(|(whole, _)| whole.to_owned());
        [unit.to_owned()].into_iter().chain(whole).collect::<Vec<_>>()
    };
    Ok(units.split_whitespace().flat_map(within).collect())
}

fn may_give_all(session: &Session, roles: &[Role]) -> Result<(), Error> {
    match roles.iter().find(|role| !may_give(session.roles(), **role)) {
        Some(role) => Err(Error::RoleBeyondOwn(*role)),
        None => Ok(()),
    }
}

/// A key that was just made; the only time its secret is seen.
pub struct NewKey {
    /// What is kept of it.
    pub(crate) row: KeyRow,
    /// `hx1_<id>_<secret>`.
    pub secret: String,
}

impl std::fmt::Debug for NewKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "NewKey({})", self.row.id)
    }
}

/// Staff and keys of all tenants of this node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Directory {
    pub(crate) tenancy: Tenancy,
    pub(crate) vault: Vault,
    audited: Arc<OnceLock<AllAudited>>,
    stopping: CancellationToken,
    guesses: Arc<accounts::Guesses>,
}

/// All colleagues, also those who may do nothing any more.
///
/// # Errors
///
/// When the database does not answer.
pub async fn colleagues(tx: &mut TenantTx) -> Result<Vec<Staff>, Error> {
    let rows = store::list_staff(tx).await?;
    rows.into_iter().map(Staff::try_from).collect()
}

impl Directory {
    /// The directory of this node, until it is `stopping`.
    #[must_use]
    pub fn new(tenancy: Tenancy, vault: Vault, stopping: CancellationToken) -> Self {
        Self {
            tenancy,
            vault,
            audited: Arc::default(),
            stopping,
            guesses: Arc::default(),
        }
    }

    /// What the audit's checkpoints sign; said once, when the rooms are wired.
    pub fn install(&self, audited: AllAudited) {
        let installed = self.audited.set(audited).is_ok();
        assert!(installed, "what is audited is installed once");
    }

    pub(crate) fn audited(&self) -> &AllAudited {
        self.audited.get_or_init(AllAudited::default)
    }

    /// Gives a new tenant its keys, its first owner, and that owner's first API key.
    ///
    /// # Errors
    ///
    /// When the tenant is not there or has keys already.
    pub async fn found(&self, tenant: TenantId) -> Result<(EnterpriseId, NewKey), Error> {
        let errand = Errand::new("directory.found", tenant);
        let mut tx = self.tenancy.begin("directory.found", &errand).await?;
        let enterprise = self.vault.create_enterprise(&mut tx).await?;
        let owner = StaffId(self.tenancy.ids().uuid());
        store::insert_staff(&mut tx, owner, ("owner", Role::Owner.as_str(), "")).await?;
        let key = self.make_key(&mut tx, owner, "first key", None).await?;
        store::audit(
            &mut tx,
            self.tenancy.ids().uuid(),
            errand.name(),
            "staff.write",
            &owner.to_string(),
            "founding",
        )
        .await?;
        tx.commit().await?;
        // A command ends before its lines would be signed.
        self.sign_audit(tenant).await?;
        Ok((enterprise, key))
    }

    /// What time it is here.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        self.tenancy.clock().now()
    }

    /// The enterprise behind a session.
    ///
    /// # Errors
    ///
    /// When its keys can't be read.
    pub async fn enterprise(&self, session: &Session) -> Result<EnterpriseId, Error> {
        let mut tx = self.tenancy.begin("directory.enterprise", session).await?;
        Ok(self.vault.identity(&mut tx).await?.enterprise)
    }

    /// Where the caller works, and the name that they sign in with; empty when they have none.
    pub(crate) async fn own(&self, session: &Session) -> Result<(Vec<String>, String), Error> {
        let mut tx = self.tenancy.begin("directory.own", session).await?;
        let units = store::units(&mut tx, session.staff()).await?.unwrap_or_default();
        let login = store::accounts::login(&mut tx, session.staff())
            .await?
            .unwrap_or_default();
        Ok((units.split_whitespace().map(str::to_owned).collect(), login))
    }

    /// A new staff person.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when the name or the roles are not what they must be.
    pub async fn create_staff(
        &self,
        session: &Session,
        name: &str,
        (roles, units): (&[Role], &[String]),
    ) -> Result<Staff, Error> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
            return Err(Error::Invalid {
                field: "name",
                text: "1 to 120 characters, none of them a control character".into(),
            });
        }
        let mut roles = roles.to_vec();
        roles.sort();
        roles.dedup();
        if roles.is_empty() {
            return Err(Error::Invalid {
                field: "roles",
                text: "at least one role".into(),
            });
        }
        may_give_all(session, &roles)?;
        let places = placed(units)?;
        let words = roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(" ");
        let id = StaffId(self.tenancy.ids().uuid());
        let mut tx = self.tenancy.begin("directory.create_staff", session).await?;
        store::insert_staff(&mut tx, id, (name, &words, &places)).await?;
        self.audit(&mut tx, session, "staff.write", &format!("staff/{id}"))
            .await?;
        tx.commit().await?;
        Ok(Staff {
            id,
            name: name.to_owned(),
            roles,
            units: units.to_vec(),
            disabled: false,
        })
    }

    /// They work there from now on.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when a unit is none, [`Error::NoSuchStaff`].
    pub async fn move_staff(&self, session: &Session, id: StaffId, units: &[String]) -> Result<Staff, Error> {
        let places = placed(units)?;
        let mut tx = self.tenancy.begin("directory.move_staff", session).await?;
        let staff: Staff = store::find_staff(&mut tx, id).await?.try_into()?;
        may_give_all(session, &staff.roles)?;
        store::move_staff(&mut tx, id, &places).await?;
        self.audit(&mut tx, session, "staff.write", &format!("staff/{id}"))
            .await?;
        tx.commit().await?;
        Ok(Staff {
            units: units.to_vec(),
            ..staff
        })
    }

    /// Everybody, oldest first.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn list_staff(&self, session: &Session) -> Result<Vec<Staff>, Error> {
        let mut tx = self.tenancy.begin("directory.list_staff", session).await?;
        colleagues(&mut tx).await
    }

    /// Who works here, and nothing else of them.
    pub(crate) async fn list_colleagues(&self, session: &Session) -> Result<Vec<(StaffId, String)>, Error> {
        let mut tx = self.tenancy.begin("directory.list_colleagues", session).await?;
        store::list_names(&mut tx).await
    }

    /// From this commit on their keys open nothing; open streams end within a second.
    ///
    /// # Errors
    ///
    /// [`Error::LastOwner`] when nobody would be left to answer for the enterprise.
    pub async fn disable_staff(&self, session: &Session, id: StaffId) -> Result<Staff, Error> {
        let mut tx = self.tenancy.begin("directory.disable_staff", session).await?;
        // Under lock before anything else is, so that two owners who disable each other do not both succeed.
        let owners = store::lock_owners(&mut tx).await?;
        let mut staff: Staff = store::find_staff(&mut tx, id).await?.try_into()?;
        if owners == [id.0] {
            return Err(Error::LastOwner);
        }
        store::disable_staff(&mut tx, id).await?;
        self.audit(&mut tx, session, "staff.write", &format!("staff/{id}"))
            .await?;
        tx.commit().await?;
        self.tenancy.change("credential").await?;
        staff.disabled = true;
        Ok(staff)
    }

    /// A new key of a staff person. Two may live at one time, so that keys can be rotated.
    ///
    /// # Errors
    ///
    /// [`Error::TwoKeys`] for a third.
    pub async fn create_key(
        &self,
        session: &Session,
        staff: StaffId,
        label: &str,
        expires_at: Option<OffsetDateTime>,
    ) -> Result<NewKey, Error> {
        let mut tx = self.tenancy.begin("directory.create_key", session).await?;
        let holder: Staff = store::find_staff(&mut tx, staff).await?.try_into()?;
        // A key is its holder's roles in the hand of whoever made it.
        may_give_all(session, &holder.roles)?;
        let key = self.make_key(&mut tx, staff, label, expires_at).await?;
        self.audit(&mut tx, session, "key.write", &format!("key/{}", key.row.id))
            .await?;
        tx.commit().await?;
        Ok(key)
    }

    async fn make_key(
        &self,
        tx: &mut TenantTx,
        staff: StaffId,
        label: &str,
        expires_at: Option<OffsetDateTime>,
    ) -> Result<NewKey, Error> {
        let now = self.tenancy.clock().now();
        let expires_at = expires_at.unwrap_or(now + KEY_VALIDITY);
        if label.chars().count() > LABEL_MAX || label.chars().any(char::is_control) {
            return Err(Error::Invalid {
                field: "label",
                text: "at most 80 characters, none of them a control character".into(),
            });
        }
        if expires_at <= now {
            return Err(Error::Invalid {
                field: "expires_at",
                text: "must lie in the future".into(),
            });
        }
        if store::live_keys(tx, staff, now).await? >= LIVE_KEYS_MAX {
            return Err(Error::TwoKeys);
        }
        let (id, secret, hash) = self.secret()?;
        // The way to the tenant first: a key without its row opens nothing.
        store::publish(self.tenancy.control(), &id, tx.tenant()).await?;
        store::insert_key(tx, &id, staff, label, &hash, expires_at).await?;
        Ok(NewKey {
            secret: format!("hx1_{id}_{secret}"),
            row: KeyRow {
                id,
                staff_id: staff.0,
                label: label.to_owned(),
                created_at: now,
                expires_at,
                revoked: false,
            },
        })
    }

    pub(crate) async fn list_keys(&self, session: &Session, staff: StaffId) -> Result<Vec<KeyRow>, Error> {
        let mut tx = self.tenancy.begin("directory.list_keys", session).await?;
        store::list_keys(&mut tx, staff).await
    }

    pub(crate) async fn revoke_key(&self, session: &Session, id: &str) -> Result<KeyRow, Error> {
        if id.len() != KEY_ID_LENGTH || !id.is_ascii() || id.contains('\0') {
            return Err(Error::NoSuchKey);
        }
        let mut tx = self.tenancy.begin("directory.revoke_key", session).await?;
        let row = store::revoke_key(&mut tx, id).await?;
        self.audit(&mut tx, session, "key.write", &format!("key/{id}")).await?;
        tx.commit().await?;
        self.tenancy.change("credential").await?;
        Ok(row)
    }

    /// Does the secret belong to what is kept; in constant time.
    pub(crate) fn secret_fits(&self, id: &str, secret: &str, hash: &str) -> Result<bool, Error> {
        let hash = HEXLOWER
            .decode(hash.as_bytes())
            .map_err(|_| Error::Damaged("api_key"))?;
        Ok(hmac_verify(&self.pepper()?, &[id.as_bytes(), secret.as_bytes()], &hash))
    }

    fn pepper(&self) -> Result<[u8; 32], Error> {
        Ok(self.vault.derive("directory/api-key")?)
    }

    async fn audit(&self, tx: &mut TenantTx, session: &Session, action: &str, resource: &str) -> Result<(), Error> {
        let id = self.tenancy.ids().uuid();
        debug_assert_eq!(tx.tenant(), session.tenant());
        Ok(store::audit(tx, id, &session.staff().to_string(), action, resource, &session.rule()).await?)
    }
}
