//! Mails: written down in the transaction of what they tell of, sent until the server takes them.

use hansa_directory::Session;
use hansa_tenancy::{Errand, TenantTx};
use hansa_vocab::TenantId;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{BUSY, Egress, KEPT, LEASE};
use crate::{
    Error, model,
    send::{Sent, smtp::Mail},
    store::{
        Went,
        mail::{self, MailRow},
    },
};

/// What wrapped letters are for.
const PURPOSE: &str = "mail";

impl Egress {
    /// Sends a mail about this, once this transaction has committed.
    ///
    /// # Errors
    ///
    /// When it can't be sealed, or the database does not answer.
    pub async fn mail(&self, tx: &mut TenantTx, about: Uuid, letter: &Mail) -> Result<(), Error> {
        self.mail_after(tx, about, letter, time::Duration::ZERO).await
    }

    /// Sends a mail about this after a while, unless it is recalled.
    ///
    /// # Errors
    ///
    /// When it can't be sealed, or the database does not answer.
    pub async fn mail_after(
        &self,
        tx: &mut TenantTx,
        about: Uuid,
        letter: &Mail,
        after: time::Duration,
    ) -> Result<(), Error> {
        let clear = serde_json::to_vec(letter).map_err(|_| Error::Damaged("mail"))?;
        let sealed = self.vault.wrap(PURPOSE, &clear)?;
        let (id, now) = (self.tenancy.ids().uuid(), self.tenancy.clock().now());
        mail::insert(tx, (id, about), &sealed, now + after).await?;
        match after.is_positive() {
            true => Ok(tx.set_timer().await?),
            false => Ok(tx.due_now().await?),
        }
    }

    /// Mails about this that nobody has tried to send yet are not sent any more.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn recall(&self, tx: &mut TenantTx, about: Uuid) -> Result<(), Error> {
        mail::recall(tx, about).await
    }

    /// Of mails about this: how many the mail server has refused for good.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn refused(&self, tx: &mut TenantTx, about: Uuid) -> Result<i64, Error> {
        mail::refused(tx, about).await
    }

    /// Mails, newest first, with their reader while they are not sent; all, or those about one thing.
    pub(crate) async fn mails(
        &self,
        session: &Session,
        about: Option<Uuid>,
    ) -> Result<Vec<(MailRow, Option<Mail>)>, Error> {
        let mut tx = self.tenancy.begin("egress.mails", session).await?;
        let rows = mail::list(&mut tx, about).await?.into_iter();
        let shown = rows.map(|row| {
            let letter = (!row.letter.is_empty()).then(|| self.opened(&row)).transpose()?;
            Ok((row, letter))
        });
        shown.collect()
    }

    fn opened(&self, row: &MailRow) -> Result<Mail, Error> {
        let clear = self.vault.unwrap(PURPOSE, &row.letter)?;
        serde_json::from_slice(&clear).map_err(|_| Error::Damaged("mail"))
    }

    /// One pass over one tenant: when a mail is to be sent next.
    pub(super) async fn post(&self, tenant: TenantId) -> Result<Option<OffsetDateTime>, Error> {
        let errand = Errand::new("egress.teller", tenant);
        let now = self.tenancy.clock().now();
        let mut tx = self.tenancy.begin("egress.take_mails", &errand).await?;
        mail::forget(&mut tx, now - KEPT).await?;
        let free = i64::try_from(self.places.free(tenant)).unwrap_or(0);
        let due = mail::take_due(&mut tx, now, now + LEASE, free).await?;
        tx.commit().await?;
        for row in due {
            let (egress, place) = (self.clone(), self.places.take(tenant));
            tokio::spawn(async move {
                let sent = egress.attempt_mail(&row).await;
                drop(place);
                if let Err(error) = egress.note_mail(&errand, &row, &sent).await {
                    tracing::warn!(tenant.id = %tenant, %error, "how a mail went could not be written down: it is sent again");
                }
            });
        }
        if self.places.free(tenant) == 0 {
            return Ok(Some(now + BUSY));
        }
        let mut tx = self.tenancy.begin("egress.next_mail", &errand).await?;
        mail::next_due(&mut tx).await
    }

    async fn attempt_mail(&self, row: &MailRow) -> Sent {
        let Some(mailer) = &self.mailer else {
            return Sent::Trouble("the operator has named no mail server: HANSA_SMTP_URL".to_owned());
        };
        match self.opened(row) {
            Ok(letter) => mailer.send(row.id, &letter).await,
            Err(error) => Sent::Never(error.to_string()),
        }
    }

    async fn note_mail(&self, errand: &Errand, row: &MailRow, sent: &Sent) -> Result<(), Error> {
        let next = model::wait(usize::try_from(row.attempts).unwrap_or(usize::MAX));
        let (state, status, trouble) = sent.leads_to(next.is_some());
        let mut tx = self.tenancy.begin("egress.note_mail", errand).await?;
        let went = Went {
            id: row.id,
            state,
            due_at: self.tenancy.clock().now() + next.unwrap_or_default(),
            status,
            trouble,
        };
        mail::went(&mut tx, &went).await?;
        if state == "pending" {
            tx.set_timer().await?;
        }
        Ok(tx.commit().await?)
    }
}
