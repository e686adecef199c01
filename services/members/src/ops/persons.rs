//! One person at a time, for other rooms: who joins by a page or a partner, where they are reached, and who holds what of them.

use hansa_tenancy::TenantTx;
use hansa_vault::Region;
use hansa_vocab::LinkId;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Members, fields_of, open_identifier, people::Taker};
use crate::{
    Error,
    model::fields::{Field, RawRow, read},
    store::{
        consents,
        people::{self, PoolRow},
    },
};

/// Somebody who wants to become a member. Debug shows nothing of them.
#[derive(Clone, Default)]
pub struct NewMember {
    /// As people write it.
    pub phone: String,
    /// As people write it.
    pub email: String,
    /// Country of a phone that is written without its code.
    pub region: Option<Region>,
    /// Field of the pool to value.
    pub fields: Vec<(String, String)>,
}

impl std::fmt::Debug for NewMember {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("NewMember")
    }
}

/// Who has joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// The pool.
    pub pool_id: Uuid,
    /// Their number in it.
    pub number: i64,
    /// They were a member already: nothing of what is known of them has changed.
    pub known: bool,
}

/// Where a member is reached; empty: not there.
#[derive(Clone, Default)]
pub struct Contact {
    /// E.164.
    pub phone: String,
    /// Their address.
    pub email: String,
}

/// What an enterprise may hold of a member, or did.
#[derive(Clone, Debug)]
pub struct Holding {
    /// What it is called; empty when no link to it is left.
    pub recipient: String,
    /// The first bytes of its id.
    pub recipient_key: Uuid,
    /// What for.
    pub purpose: String,
    /// "given", "withdrawn" or "erased".
    pub state: String,
    /// Which fields.
    pub fields: Vec<String>,
    /// What they were shown.
    pub text: String,
    /// BCP 47.
    pub language: String,
    /// When they agreed, or took it back.
    pub changed_at: OffsetDateTime,
    /// When something was released of them last.
    pub released_at: Option<OffsetDateTime>,
    /// When the enterprise has said that it is gone.
    pub acknowledged_at: Option<OffsetDateTime>,
}

/// A text that members agree to.
#[derive(Clone, Debug)]
pub struct NoticeText {
    /// Hex SHA-256 of all of it.
    pub hash: String,
    /// The link that it was made for.
    pub link: LinkId,
    /// What for.
    pub purpose: String,
    /// Which fields.
    pub fields: Vec<String>,
    /// BCP 47.
    pub language: String,
    /// What they read.
    pub text: String,
    /// The first bytes of the recipient's id.
    pub recipient_key: Uuid,
}

fn notice_text(row: consents::NoticeRow) -> Result<NoticeText, Error> {
    Ok(NoticeText {
        fields: serde_json::from_str(&row.fields).map_err(|_| Error::Damaged("notice"))?,
        hash: row.hash,
        link: LinkId(row.link_id),
        purpose: row.purpose,
        language: row.language,
        text: row.body,
        recipient_key: row.recipient,
    })
}

impl Members {
    /// Somebody becomes a member of a pool of ours, unless they are: then nothing of them changes, since nobody has shown who they are.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] naming the field that is wrong, never what stands in it; [`Error::Clash`] when it is those of two members.
    pub async fn admit(&self, tx: &mut TenantTx, pool: &str, who: &NewMember) -> Result<Admitted, Error> {
        let pool = self.own_pool(tx, pool).await?;
        let row = RawRow {
            line: 1,
            phone: who.phone.clone(),
            email: who.email.clone(),
            fields: who.fields.clone(),
        };
        let fields = fields_of(&pool)?;
        let invalid = |text: String| Error::Invalid { field: "member", text };
        let row =
            read(&row, &fields, who.region).map_err(|wrong| invalid(format!("{}: {}", wrong.field, wrong.text)))?;
        let taker = Taker {
            members: self.clone(),
            pool,
            fields,
        };
        let seal = self.vault.seal(tx).await?;
        let last = people::lock_pool(tx, taker.pool.id).await?;
        let landing = taker.sort(tx, &seal, last, vec![row]).await?;
        let Some((number, known)) = landing.numbers.first().copied() else {
            let wrong = landing.problems.first().map(|problem| problem.text.clone());
            return Err(Error::Clash(wrong.unwrap_or_default()));
        };
        if !known {
            taker.write(tx, &seal, &landing).await?;
        }
        Ok(Admitted {
            pool_id: taker.pool.id,
            number,
            known,
        })
    }

    /// What a pool of ours is called, and the fields that its members may have.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`].
    pub async fn described(&self, tx: &mut TenantTx, code: &str) -> Result<(String, Vec<Field>), Error> {
        let pool = self.own_pool(tx, code).await?;
        Ok((pool.name.clone(), fields_of(&pool)?))
    }

    /// A text that members agree to.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`].
    pub async fn notice(&self, tx: &mut TenantTx, hash: &str) -> Result<NoticeText, Error> {
        let row = consents::notices(tx, Some(&[hash.to_owned()])).await?.pop();
        notice_text(row.ok_or(Error::NotFound("notice"))?)
    }

    /// The newest text for whoever is at the other end of a link, for a purpose.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn newest_notice(
        &self,
        tx: &mut TenantTx,
        link: LinkId,
        purpose: &str,
    ) -> Result<Option<NoticeText>, Error> {
        let rows = consents::notices(tx, None).await?.into_iter();
        let mut fits = rows.filter(|row| row.link_id == link.0 && row.purpose == purpose);
        fits.next().map(notice_text).transpose()
    }

    /// Where a member is reached; `None` when they are a member no more.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn contact(&self, tx: &mut TenantTx, pool: Uuid, number: i64) -> Result<Option<Contact>, Error> {
        let member = people::members(tx, pool, &[number]).await?.pop();
        if member.is_none_or(|row| row.state != "active") {
            return Ok(None);
        }
        let seal = self.vault.seal(tx).await?;
        let mut contact = Contact::default();
        for (no, kind, sealed) in people::identifiers(tx, pool, &[number]).await? {
            let clear = open_identifier(&seal, pool, (no, &kind, &sealed))?;
            let text = String::from_utf8_lossy(&clear).into_owned();
            match kind.as_str() {
                "phone" => contact.phone = format!("+{text}"),
                _ => contact.email = text,
            }
        }
        Ok(Some(contact))
    }

    /// Who may hold what of a member, and who did.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn holdings(&self, tx: &mut TenantTx, pool: Uuid, number: i64) -> Result<Vec<Holding>, Error> {
        let mut all = Vec::new();
        for (row, fields, _, release) in self.consents_of(tx, pool, number).await? {
            let notice = self.notice(tx, &row.notice_hash).await?;
            let other = self.links.other_end(tx, notice.link).await;
            let (released_at, acknowledged_at) =
                release.map_or((None, None), |one| (one.released_at, one.acknowledged_at));
            all.push(Holding {
                recipient: other.map(|end| end.keys.name).unwrap_or_default(),
                recipient_key: row.recipient,
                purpose: row.purpose,
                state: row.state,
                fields,
                text: notice.text,
                language: notice.language,
                changed_at: row.changed_at,
                released_at,
                acknowledged_at,
            });
        }
        Ok(all)
    }

    /// A member takes back what they agreed to, by their own hand: on their page, or by a mail.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when they have not agreed to it.
    pub async fn withdraws(
        &self,
        tx: &mut TenantTx,
        (pool, number): (Uuid, i64),
        (recipient_key, purpose): (Uuid, &str),
        (channel, actor): (&str, &str),
    ) -> Result<(), Error> {
        let pool: PoolRow = people::pool_of(tx, pool).await?.ok_or(Error::NotFound("pool"))?;
        let only = (recipient_key, purpose);
        self.take_back(tx, &pool, number, only, (channel, actor)).await?;
        Ok(())
    }

    /// Has the member agreed to that, as of now; it stays so until the end of the transaction.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn agrees(
        &self,
        tx: &mut TenantTx,
        (pool, number): (Uuid, i64),
        (recipient_key, purpose): (Uuid, &str),
    ) -> Result<bool, Error> {
        consents::agrees(tx, (pool, number), (recipient_key, purpose)).await
    }

    /// Members with a mail address who were never asked about this, by number.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn never_asked(
        &self,
        tx: &mut TenantTx,
        pool: Uuid,
        (recipient_key, purpose): (Uuid, &str),
        after: i64,
        most: i64,
    ) -> Result<Vec<i64>, Error> {
        people::never_asked(tx, pool, (recipient_key, purpose), after, most).await
    }
}
