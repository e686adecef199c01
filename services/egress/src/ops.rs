//! What one can do with webhooks, and telling them. Start reading at [`Egress::publish`].

mod backend;
mod issuer;
mod mail;

use std::sync::Arc;

use hansa_directory::{Session, audit};
use hansa_tenancy::{Errand, Module, Places, Round, Tenancy, TenantTx, Timed};
use hansa_vault::{Vault, random};
use hansa_vocab::TenantId;
use ipnet::IpNet;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

pub use self::issuer::{CameBack, Issuer, Returned};
use crate::{
    Error,
    model::{self, TOPICS},
    send::{self, Letter, Sent, smtp::Mailer},
    store::{self, DeliveryRow, DueRow, WebhookRow},
};

/// What wrapped secrets are for.
const PURPOSE: &str = "webhook";
/// Webhooks of one enterprise.
const WEBHOOKS_MAX: usize = 20;
/// Attempts for one tenant at one time.
const TOGETHER_MAX: usize = 16;
/// Whoever has taken something to tell has told it by then, or is dead.
const LEASE: time::Duration = time::Duration::minutes(1);
/// When all places of a tenant are taken, it is looked at again after this time.
const BUSY: time::Duration = time::Duration::milliseconds(500);
/// How long what was told can be looked at.
const KEPT: time::Duration = time::Duration::days(30);

/// What leaves the house, for all tenants of this node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Egress {
    tenancy: Tenancy,
    vault: Vault,
    /// Private networks that the operator allows.
    allowed: Arc<[IpNet]>,
    mailer: Option<Mailer>,
    places: Arc<Places>,
    /// Where browsers find the console.
    console: Arc<str>,
    begins: issuer::Begins,
}

impl Timed for Egress {
    fn module(&self) -> Module {
        Module::Egress
    }

    fn round(&self, tenant: TenantId) -> Round<'_> {
        Box::pin(async move {
            let (webhooks, mails) = (self.tell(tenant).await?, self.post(tenant).await?);
            Ok([webhooks, mails].into_iter().flatten().min())
        })
    }
}

impl Egress {
    /// What leaves this node.
    #[must_use]
    pub fn new(tenancy: Tenancy, vault: Vault, allowed: &[IpNet], mailer: Option<Mailer>, console: &str) -> Self {
        Self {
            tenancy,
            vault,
            allowed: allowed.into(),
            mailer,
            places: Places::new(TOGETHER_MAX),
            console: console.trim_end_matches('/').into(),
            begins: issuer::begins(),
        }
    }

    /// Tells all whom it interests, once this transaction has committed.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn publish(
        &self,
        tx: &mut TenantTx,
        topic: &'static str,
        data: serde_json::Value,
    ) -> Result<(), hansa_tenancy::Error> {
        let now = self.tenancy.clock().now();
        let timestamp = now.format(&Rfc3339).unwrap_or_default();
        let payload = serde_json::json!({"type": topic, "timestamp": timestamp, "data": data});
        if store::publish(tx, topic, &payload.to_string(), now).await? {
            tx.due_now().await?;
        }
        Ok(())
    }

    pub(crate) async fn add(
        &self,
        session: &Session,
        url: &str,
        topics: &[String],
    ) -> Result<(WebhookRow, String), Error> {
        let bad = |field, text: String| Error::Invalid { field, text };
        let url = model::address(url, &self.allowed).map_err(|text| bad("url", text))?;
        if let Some(unknown) = topics.iter().find(|topic| !TOPICS.contains(&topic.as_str())) {
            return Err(bad("topics", format!("{unknown} is none of {}", TOPICS.join(", "))));
        }
        let key: [u8; 24] = random()?;
        let row = WebhookRow {
            id: self.tenancy.ids().uuid(),
            url: url.to_string(),
            topics: topics.join(" "),
            disabled: String::new(),
            created_at: self.tenancy.clock().now(),
        };
        let mut tx = self.tenancy.begin("egress.add", session).await?;
        if store::webhooks(&mut tx).await?.len() >= WEBHOOKS_MAX {
            return Err(bad("url", format!("at most {WEBHOOKS_MAX} webhooks; remove one first")));
        }
        store::insert_webhook(&mut tx, &row, &self.vault.wrap(PURPOSE, &key)?).await?;
        self.noted(&mut tx, session, "webhook.add", row.id).await?;
        tx.commit().await?;
        Ok((row, model::shown_secret(&key)))
    }

    pub(crate) async fn webhooks(&self, session: &Session) -> Result<Vec<WebhookRow>, Error> {
        let mut tx = self.tenancy.begin("egress.webhooks", session).await?;
        store::webhooks(&mut tx).await
    }

    pub(crate) async fn remove(&self, session: &Session, id: Uuid) -> Result<(), Error> {
        let mut tx = self.tenancy.begin("egress.remove", session).await?;
        if store::remove_webhook(&mut tx, id).await? == 0 {
            return Err(Error::NotFound("webhook"));
        }
        self.noted(&mut tx, session, "webhook.remove", id).await?;
        Ok(tx.commit().await?)
    }

    pub(crate) async fn deliveries(
        &self,
        session: &Session,
        webhook: Uuid,
        state: &str,
    ) -> Result<Vec<DeliveryRow>, Error> {
        let mut tx = self.tenancy.begin("egress.deliveries", session).await?;
        if !store::webhooks(&mut tx).await?.iter().any(|row| row.id == webhook) {
            return Err(Error::NotFound("webhook"));
        }
        store::deliveries(&mut tx, webhook, state).await
    }

    pub(crate) async fn again(&self, session: &Session, id: Uuid) -> Result<DeliveryRow, Error> {
        let now = self.tenancy.clock().now();
        let mut tx = self.tenancy.begin("egress.again", session).await?;
        let row = store::again(&mut tx, id, now)
            .await?
            .ok_or(Error::NotFound("delivery"))?;
        self.noted(&mut tx, session, "webhook.redeliver", id).await?;
        tx.due_now().await?;
        tx.commit().await?;
        Ok(row)
    }

    async fn noted(&self, tx: &mut TenantTx, session: &Session, action: &str, id: Uuid) -> Result<(), Error> {
        let (line, actor) = (self.tenancy.ids().uuid(), session.staff().to_string());
        Ok(audit(tx, line, &actor, action, &format!("webhook/{id}"), &session.rule()).await?)
    }

    /// One pass over one tenant: when something is to be told next. Several processes may; each takes what no other has.
    async fn tell(&self, tenant: TenantId) -> Result<Option<OffsetDateTime>, Error> {
        let errand = Errand::new("egress.teller", tenant);
        let now = self.tenancy.clock().now();
        let mut tx = self.tenancy.begin("egress.take", &errand).await?;
        store::forget(&mut tx, now - KEPT).await?;
        let free = i64::try_from(self.places.free(tenant)).unwrap_or(0);
        let due = store::take_due(&mut tx, now, now + LEASE, free).await?;
        tx.commit().await?;
        for row in due {
            let (egress, place) = (self.clone(), self.places.take(tenant));
            tokio::spawn(async move {
                let sent = egress.attempt(&row, now.unix_timestamp()).await;
                drop(place);
                if let Err(error) = egress.note(&errand, &row, &sent).await {
                    tracing::warn!(tenant.id = %tenant, %error, "how telling went could not be written down: it is told again");
                }
            });
        }
        if self.places.free(tenant) == 0 {
            return Ok(Some(now + BUSY));
        }
        let mut tx = self.tenancy.begin("egress.next_due", &errand).await?;
        store::next_due(&mut tx).await
    }

    async fn attempt(&self, row: &DueRow, timestamp: i64) -> Sent {
        let key = match self.vault.unwrap(PURPOSE, &row.secret) {
            Ok(key) => key,
            Err(error) => return Sent::Trouble(error.to_string()),
        };
        let letter = Letter {
            id: row.id,
            url: &row.url,
            key: &key,
            payload: row.payload.clone(),
            timestamp,
        };
        send::send(letter, &self.allowed).await
    }

    async fn note(&self, errand: &Errand, row: &DueRow, sent: &Sent) -> Result<(), Error> {
        let now = self.tenancy.clock().now();
        let next = model::wait(usize::try_from(row.attempts).unwrap_or(usize::MAX));
        let (state, status, trouble) = sent.leads_to(next.is_some());
        let mut tx = self.tenancy.begin("egress.note", errand).await?;
        let went = store::Went {
            id: row.id,
            state,
            due_at: now + next.unwrap_or_default(),
            status,
            trouble,
        };
        store::went(&mut tx, &went).await?;
        if state == "pending" {
            tx.set_timer().await?;
        }
        if *sent == Sent::Gone {
            store::disable_webhook(&mut tx, row.webhook_id, "the receiver answered 410 Gone").await?;
        }
        Ok(tx.commit().await?)
    }
}
