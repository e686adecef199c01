//! People who come in because an issuer of their own enterprise vouches for them.

use data_encoding::HEXLOWER;
use hansa_tenancy::Errand;
use hansa_vault::hmac_sha256;
use hansa_vocab::{StaffId, TenantId};

use super::{Directory, SignedIn, accounts::read_link};
use crate::{
    Error,
    store::{self, accounts},
};

/// Somebody whom the issuer of this enterprise vouches for; made where that was checked, and nowhere else.
#[derive(Debug)]
pub struct Vouched {
    tenant: TenantId,
    issuer: String,
    subject: String,
}

impl Vouched {
    /// Whoever has checked it says so.
    #[must_use]
    pub fn new(tenant: TenantId, issuer: String, subject: String) -> Self {
        Self {
            tenant,
            issuer,
            subject,
        }
    }
}

impl Directory {
    /// The enterprise that an invitation is from, and whether it may still be good is not said.
    ///
    /// # Errors
    ///
    /// [`Error::NoWayIn`] when nobody here made it.
    pub async fn invited_by(&self, link: &str) -> Result<TenantId, Error> {
        let (id, _) = read_link(link)?;
        store::tenant_of(self.tenancy.control(), id)
            .await?
            .ok_or(Error::NoWayIn)
    }

    fn known_as(&self, who: &Vouched) -> Result<String, Error> {
        let pepper = self.vault.derive("directory/subject")?;
        let parts = [who.issuer.as_bytes(), b"\0", who.subject.as_bytes()];
        Ok(HEXLOWER.encode(&hmac_sha256(&pepper, &parts)))
    }

    /// Opens a session for whoever the issuer knows as somebody of ours.
    ///
    /// # Errors
    ///
    /// [`Error::NotInvited`] when we do not know them.
    pub async fn sign_in_vouched(&self, who: &Vouched, browser: &str) -> Result<SignedIn, Error> {
        let errand = Errand::new("directory.sign_in", who.tenant);
        let mut tx = self.tenancy.begin("directory.sign_in_vouched", &errand).await?;
        let staff = accounts::staff_of(&mut tx, &self.known_as(who)?).await?;
        let staff = staff.ok_or(Error::NotInvited)?;
        let signed_in = self.open(&mut tx, StaffId(staff), browser).await?;
        tx.commit().await?;
        Ok(signed_in)
    }

    /// Uses an invitation: from now on its person comes in as whom the issuer vouches for, and by nothing else.
    ///
    /// # Errors
    ///
    /// [`Error::NoWayIn`] when the link is not good (any more), [`Error::LoginTaken`] when a colleague is that person.
    pub async fn join_vouched(&self, link: &str, who: &Vouched, browser: &str) -> Result<SignedIn, Error> {
        let (id, secret) = read_link(link)?;
        let errand = Errand::new("directory.join", who.tenant);
        let mut tx = self.tenancy.begin("directory.join_vouched", &errand).await?;
        // A link of another enterprise is none here.
        let staff = self.invited(&mut tx, id, secret).await?;
        accounts::use_invite(&mut tx, id).await?;
        accounts::end_ways(&mut tx, staff).await?;
        if !accounts::put_subject(&mut tx, staff, &self.known_as(who)?).await? {
            return Err(Error::LoginTaken);
        }
        self.joined(&mut tx, staff).await?;
        let signed_in = self.open(&mut tx, staff, browser).await?;
        tx.commit().await?;
        self.tenancy.change("credential").await?;
        Ok(signed_in)
    }
}
