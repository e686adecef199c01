//! Making an address, and finding what is behind one. Start reading at [`Pages::address`].

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use hansa_link::Links;
use hansa_tenancy::{Errand, Tenancy, TenantTx};
use hansa_vault::Vault;
use hansa_vocab::{LinkId, TenantId};
use time::OffsetDateTime;
use tokio::sync::Semaphore;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    Error, Page, Stay, Visit, Visitor,
    store::{self, PageRow},
};

/// What sealed addresses are for.
const SEAL: &str = "page";
/// What is kept with one.
const DETAIL: &str = "page-detail";
/// Pages whose time is over are forgotten after this.
const KEPT: time::Duration = time::Duration::days(90);
/// Visits at one time: strangers wait for each other, and not our own people for them.
const VISITS_MAX: usize = 16;
/// Forms with files that come at one time: each may lie in memory as a whole.
const FILINGS_MAX: usize = 4;

/// The pages of all tenants of this node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Pages {
    pub(crate) tenancy: Tenancy,
    vault: Vault,
    links: Links,
    /// Where people reach them, without a slash at its end; none when the operator serves none.
    base: Option<Arc<str>>,
    rooms: Arc<Mutex<HashMap<&'static str, Arc<dyn Page>>>>,
    pub(crate) visits: Arc<Semaphore>,
    pub(crate) filings: Arc<Semaphore>,
}

impl Pages {
    /// The pages of this node, reached at `base`.
    #[must_use]
    pub fn new(tenancy: Tenancy, vault: Vault, links: Links, base: Option<&str>) -> Self {
        Self {
            tenancy,
            vault,
            links,
            base: base.map(|base| base.trim_end_matches('/').into()),
            rooms: Arc::default(),
            visits: Arc::new(Semaphore::new(VISITS_MAX)),
            filings: Arc::new(Semaphore::new(FILINGS_MAX)),
        }
    }

    /// Who fills in pages of this purpose; said once, when the rooms are wired.
    pub fn install(&self, purpose: &'static str, page: impl Page + 'static) {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        rooms.insert(purpose, Arc::new(page));
    }

    /// Are there pages here at all.
    #[must_use]
    pub fn served(&self) -> bool {
        self.base.is_some()
    }

    /// The address of the page that shows this to whom the link leads to, or to anyone who has it when the link is nil.
    ///
    /// # Errors
    ///
    /// [`Error::NotServed`] when there are no pages here.
    pub async fn address(
        &self,
        tx: &mut TenantTx,
        purpose: &'static str,
        (link, subject): (LinkId, Uuid),
        stay: Stay,
    ) -> Result<String, Error> {
        let base = self.base.as_ref().ok_or(Error::NotServed)?;
        let now = self.tenancy.clock().now();
        store::forget(tx, now - KEPT).await?;
        let which = (purpose, link, subject);
        let id = store::open(
            tx,
            self.tenancy.ids().uuid(),
            which,
            now + stay.valid_for,
            stay.acts_max,
        )
        .await?;
        let sealed = self
            .vault
            .wrap(SEAL, &[id.as_bytes(), tx.tenant().to_string().as_bytes()].concat())?;
        Ok(format!("{base}/p/{sealed}"))
    }

    /// Keeps with a page what its room has to know of it, wrapped; the page is there. It goes when the page goes.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn keep(
        &self,
        tx: &mut TenantTx,
        purpose: &'static str,
        (link, subject): (LinkId, Uuid),
        detail: &[u8],
    ) -> Result<(), Error> {
        let sealed = self.vault.wrap(DETAIL, detail)?;
        store::keep(tx, (purpose, link, subject), &sealed).await
    }

    /// What is kept with a page, and until when the page is there; none = there is no page, or nothing is kept with it.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn kept(
        &self,
        tx: &mut TenantTx,
        purpose: &'static str,
        (link, subject): (LinkId, Uuid),
    ) -> Result<Option<(Zeroizing<Vec<u8>>, OffsetDateTime)>, Error> {
        let now = self.tenancy.clock().now();
        let Some((sealed, until)) = store::kept(tx, (purpose, link, subject), now).await? else {
            return Ok(None);
        };
        Ok(Some((self.vault.unwrap(DETAIL, &sealed)?, until)))
    }

    /// Ends a page with all that was kept with it: its address opens nothing any more, nor does it when there is a new one.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn close(
        &self,
        tx: &mut TenantTx,
        purpose: &'static str,
        (link, subject): (LinkId, Uuid),
    ) -> Result<bool, Error> {
        store::close(tx, (purpose, link, subject)).await
    }

    /// Who comes by this address, and who fills in what they see.
    pub(crate) async fn visit(&self, sealed: &str, acts: bool) -> Result<(Visit, Arc<dyn Page>), Error> {
        let (tenant, id) = self.unsealed(sealed).ok_or(Error::Gone)?;
        let row = self.row(tenant, id, acts).await?;
        let page = self.room(&row.purpose).ok_or(Error::Gone)?;
        let visitor = match row.link_id.is_nil() {
            true => Visitor::Anyone(Errand::new("pages.anyone", tenant)),
            false => {
                let permit = self.links.admit_guest(tenant, LinkId(row.link_id)).await;
                Visitor::Guest(permit.map_err(|fault| Error::Refused(Box::new(fault)))?)
            }
        };
        let subject = row.subject_id;
        Ok((Visit { visitor, subject }, page))
    }

    fn room(&self, purpose: &str) -> Option<Arc<dyn Page>> {
        let rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        rooms.get(purpose).cloned()
    }

    async fn row(&self, tenant: TenantId, id: Uuid, acts: bool) -> Result<PageRow, Error> {
        let errand = Errand::new("pages.visit", tenant);
        let mut tx = self.tenancy.begin("pages.visit", &errand).await?;
        let row = store::find(&mut tx, id).await?;
        let row = row.filter(|row| row.expires_at > self.tenancy.clock().now());
        let row = row.ok_or(Error::Gone)?;
        if acts && !store::spend(&mut tx, id).await? {
            return Err(Error::UsedUp);
        }
        tx.commit().await?;
        Ok(row)
    }

    pub(crate) fn unsealed(&self, sealed: &str) -> Option<(TenantId, Uuid)> {
        let clear = self.vault.unwrap(SEAL, sealed).ok()?;
        let (id, tenant) = clear.split_at_checked(16)?;
        Some((
            std::str::from_utf8(tenant).ok()?.parse().ok()?,
            Uuid::from_slice(id).ok()?,
        ))
    }

    /// Style elements that count, of all rooms.
    pub(crate) fn styles(&self) -> Vec<&'static str> {
        let rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        rooms.values().map(|page| page.style()).collect()
    }
}
