//! What members agree to, and how it ends.

use hansa_directory::Session;
use hansa_proto::members::v1::ConsentEnded;
use hansa_psi::Token;
use hansa_tenancy::{Errand, TenantTx};
use hansa_vocab::LinkId;
use uuid::Uuid;

use super::{Members, context, open_identifier, person, pseudonym};
use crate::{
    Error,
    events::CONSENT_ENDED,
    model::{self, Notice, filter},
    store::{
        consents::{self, Change, ConsentRow, NoticeRow, ReleaseRow},
        matches,
        offers::{self, OfferRow},
        people::{self, PoolRow},
    },
};

/// A filter that was handed out learns of a change after this time at most. Whoever agrees no more is told of at once.
pub(super) const CATCH_UP: time::Duration = time::Duration::minutes(15);

/// A notice, as it is asked for.
pub(crate) struct NewNotice {
    pub link: LinkId,
    pub purpose: String,
    pub fields: Vec<String>,
    pub language: String,
    pub text: String,
}

/// What has come of a list of consents.
#[derive(Debug, Default)]
pub struct Agreed {
    /// New ones.
    pub recorded: usize,
    /// They had agreed already.
    pub unchanged: usize,
    /// Nobody has this number.
    pub unknown: Vec<i64>,
}

impl Members {
    /// Writes down a text that members agree to; it never changes.
    pub(crate) async fn put_notice(&self, session: &Session, new: NewNotice) -> Result<NoticeRow, Error> {
        let purpose = model::word("purpose", &new.purpose)?;
        let mut fields = new.fields;
        fields.sort();
        fields.dedup();
        for field in &fields {
            model::word("fields", field)?;
        }
        let mut tx = self.tenancy.begin("members.put_notice", session).await?;
        let other = self.links.other_end(&mut tx, new.link).await?;
        let us = self.vault.identity(&mut tx).await?.enterprise;
        let notice = Notice {
            controller: us,
            recipient: other.keys.enterprise,
            purpose: &purpose,
            fields: &fields,
            language: &new.language,
            text: &new.text,
        };
        let row = NoticeRow {
            hash: notice.hash()?,
            recipient: model::recipient(other.keys.enterprise),
            recipient_id: other.keys.enterprise.to_string(),
            link_id: new.link.0,
            fields: serde_json::to_string(&fields).map_err(|_| Error::Damaged("notice"))?,
            purpose,
            language: new.language,
            body: new.text,
            created_at: self.now(),
        };
        consents::put_notice(&mut tx, &row).await?;
        self.note(&mut tx, session, "notice.write", &format!("notice/{}", row.hash))
            .await?;
        let kept = consents::notices(&mut tx, Some(std::slice::from_ref(&row.hash))).await?;
        tx.commit().await?;
        kept.into_iter().next().ok_or(Error::Damaged("notice"))
    }

    pub(crate) async fn notices(&self, session: &Session) -> Result<Vec<NoticeRow>, Error> {
        let mut tx = self.tenancy.begin("members.notices", session).await?;
        consents::notices(&mut tx, None).await
    }

    /// Members have agreed to a notice. The same again changes nothing.
    pub(crate) async fn record(
        &self,
        session: &Session,
        (pool, notice): (&str, &str),
        channel: &str,
        numbers: &[i64],
    ) -> Result<Agreed, Error> {
        let mut tx = self.tenancy.begin("members.record", session).await?;
        let by = (channel, &*session.staff().to_string());
        let agreed = self.agree(&mut tx, (pool, notice), by, numbers).await?;
        tx.commit().await?;
        Ok(agreed)
    }

    /// The same, in a transaction of another room: where, and by whose hand.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] for a pool or a notice that is not there.
    pub async fn agree(
        &self,
        tx: &mut TenantTx,
        (pool, notice): (&str, &str),
        (channel, actor): (&str, &str),
        numbers: &[i64],
    ) -> Result<Agreed, Error> {
        let channel = model::word("channel", channel)?;
        if numbers.len() > model::ROWS_MAX {
            let text = format!("at most {}", model::ROWS_MAX);
            return Err(Error::Invalid { field: "numbers", text });
        }
        let mut numbers = numbers.to_vec();
        numbers.sort_unstable();
        numbers.dedup();
        tx.plan_anew().await?;
        let pool = self.own_pool(tx, pool).await?;
        let notice = consents::notices(tx, Some(&[notice.to_owned()])).await?.pop();
        let notice = notice.ok_or(Error::NotFound("notice"))?;
        consents::hold_offers(tx, pool.id).await?;
        let change = Change {
            pool: pool.id,
            recipient: notice.recipient,
            purpose: &notice.purpose,
            notice_hash: &notice.hash,
            channel: &channel,
            actor,
            at: self.now(),
        };
        let given = consents::give(tx, &change, &numbers).await?;
        let present = consents::present(tx, pool.id, &numbers).await?;
        let of = (notice.recipient, notice.purpose.as_str());
        self.tell_changed(tx, &pool, of, &given).await?;
        if !given.is_empty() {
            self.catch_up_by(tx, pool.id, of, self.now() + CATCH_UP).await?;
        }
        tx.wake();
        numbers.retain(|one| present.binary_search(one).is_err());
        Ok(Agreed {
            recorded: given.len(),
            unchanged: present.len() - given.len(),
            unknown: numbers,
        })
    }

    /// Filters that are handed out of these consents learn of a change by then.
    async fn catch_up_by(
        &self,
        tx: &mut TenantTx,
        pool: Uuid,
        (recipient, purpose): (Uuid, &str),
        at: time::OffsetDateTime,
    ) -> Result<(), Error> {
        if offers::due(tx, pool, (recipient, purpose), at).await? {
            tx.set_timer().await?;
        }
        Ok(())
    }

    /// A member agrees no more.
    pub(crate) async fn withdraw(
        &self,
        session: &Session,
        (pool, number): (&str, i64),
        (recipient, purpose): (&str, &str),
        channel: &str,
    ) -> Result<(ConsentRow, String), Error> {
        let mut tx = self.tenancy.begin("members.withdraw", session).await?;
        let pool = self.own_pool(&mut tx, pool).await?;
        let enterprise = self.enterprise_of(&mut tx, recipient).await?;
        let only = (model::recipient(enterprise), purpose);
        let by = (channel, &*session.staff().to_string());
        let row = self.take_back(&mut tx, &pool, number, only, by).await?;
        tx.commit().await?;
        Ok((row, enterprise.to_string()))
    }

    /// A member agrees no more: partners are told in this transaction.
    pub(crate) async fn take_back(
        &self,
        tx: &mut TenantTx,
        pool: &PoolRow,
        number: i64,
        only: (Uuid, &str),
        (channel, actor): (&str, &str),
    ) -> Result<ConsentRow, Error> {
        let channel = model::word("channel", channel)?;
        consents::hold_offers(tx, pool.id).await?;
        let how = ("withdrawn", &*channel, actor);
        let ended = consents::end(tx, (pool.id, number), Some(only), how, self.now()).await?;
        let row = ended.first().cloned().ok_or(Error::NotFound("consent"))?;
        self.tell_ended(tx, pool, &ended, "withdrawn").await?;
        tx.wake();
        Ok(row)
    }

    pub(crate) async fn withdrawals(
        &self,
        session: &Session,
        open_only: bool,
    ) -> Result<Vec<(ReleaseRow, String)>, Error> {
        let mut tx = self.tenancy.begin("members.withdrawals", session).await?;
        consents::endings(&mut tx, open_only).await
    }

    /// Consents have ended: every partner who may hold something is told, in this transaction; how many.
    pub(super) async fn tell_ended(
        &self,
        tx: &mut TenantTx,
        pool: &PoolRow,
        ended: &[ConsentRow],
        reason: &str,
    ) -> Result<usize, Error> {
        let mut told = 0;
        for row in ended {
            for offer in offers::standing(tx, pool.id, row.recipient, &row.purpose).await? {
                let tokens = self.tokens_of(tx, pool, &offer, row.no).await?;
                self.tell(tx, pool, &offer, (row, tokens), reason).await?;
                told += 1;
            }
            self.catch_up_by(tx, pool.id, (row.recipient, &row.purpose), self.now() + CATCH_UP)
                .await?;
            self.give_up(tx, pool, row).await?;
        }
        Ok(told)
    }

    /// Members have agreed to another text: what was released by the old one goes, and is released again by the new one.
    pub(super) async fn tell_changed(
        &self,
        tx: &mut TenantTx,
        pool: &PoolRow,
        (recipient, purpose): (Uuid, &str),
        numbers: &[i64],
    ) -> Result<(), Error> {
        let held = consents::held_by(tx, pool.id, (recipient, purpose), numbers).await?;
        if held.is_empty() {
            return Ok(());
        }
        let offers = offers::standing(tx, pool.id, recipient, purpose).await?;
        for mut row in consents::holding(tx, pool.id, (recipient, purpose), &held).await? {
            // Whatever rests on the version before this one.
            row.version -= 1;
            for offer in &offers {
                self.tell(tx, pool, offer, (&row, [None, None]), "changed").await?;
            }
        }
        Ok(())
    }

    async fn tell(
        &self,
        tx: &mut TenantTx,
        pool: &PoolRow,
        offer: &OfferRow,
        (row, tokens): (&ConsentRow, [Option<Token>; 2]),
        reason: &str,
    ) -> Result<(), Error> {
        let seal = self.vault.seal(tx).await?;
        let pseudonym = pseudonym(&seal, offer.link(), pool.id, row.no);
        let release = ReleaseRow {
            link_id: offer.link_id,
            pool_id: pool.id,
            no: row.no,
            purpose: row.purpose.clone(),
            pseudonym,
            tokens: tokens.map(|token| token.map(filter::uuid)),
            consent_version: row.version,
            released_at: None,
            reason: reason.to_owned(),
            ended_at: Some(self.now()),
            acknowledged_at: None,
        };
        consents::ending(tx, &release).await?;
        let ended = ConsentEnded {
            pool: pool.code.clone(),
            purpose: row.purpose.clone(),
            pseudonym: pseudonym.to_string(),
            tokens: tokens.iter().flatten().map(|token| token.0.to_vec().into()).collect(),
            consent_version: u64::try_from(row.version).unwrap_or(0),
            reason: reason.to_owned(),
            epoch: u32::try_from(offer.epoch).unwrap_or(0),
            sequence: u32::try_from(offer.sequence).unwrap_or(0),
        };
        self.post_ended(tx, offer.link(), &ended, row.version).await
    }

    async fn post_ended(
        &self,
        tx: &mut TenantTx,
        link: LinkId,
        ended: &ConsentEnded,
        version: i64,
    ) -> Result<(), Error> {
        // Whether the link is ACTIVE or not: it goes when it can.
        let errand = Errand::new("members.ended", tx.tenant());
        self.links.rouse(&errand, link).await?;
        let key = format!("consent/{}/{}", ended.pseudonym, ended.purpose);
        self.links
            .post_first(tx, link, (&key, version), (CONSENT_ENDED, ended))
            .await?;
        tx.wake();
        Ok(())
    }

    /// What stands in an offer's filter for a member: its phone, its address.
    async fn tokens_of(
        &self,
        tx: &mut TenantTx,
        pool: &PoolRow,
        offer: &OfferRow,
        number: i64,
    ) -> Result<[Option<Token>; 2], Error> {
        let mut tokens = [None, None];
        if offer.state == "ended" {
            return Ok(tokens);
        }
        let (seal, key) = (self.vault.seal(tx).await?, self.key_of(&offer.key_wrapped)?);
        let owner = self.vault.identity(tx).await?.enterprise;
        let context = context(owner, offer.link(), &pool.code, &offer.purpose, offer.epoch);
        let mut people = Vec::new();
        for (no, kind, sealed) in people::identifiers(tx, pool.id, &[number]).await? {
            let clear = open_identifier(&seal, pool.id, (no, &kind, &sealed))?;
            people.push((kind, clear));
        }
        let masked = key.mask(&context, people.iter().map(person));
        for ((kind, _), secret) in people.iter().zip(masked) {
            tokens[usize::from(kind == "email")] = Some(secret.token(&context));
        }
        Ok(tokens)
    }

    /// What partners have released to us of a member who agrees no more that we ask them: it goes, and they hear of it.
    async fn give_up(&self, tx: &mut TenantTx, pool: &PoolRow, row: &ConsentRow) -> Result<(), Error> {
        for held in people::held(tx, pool.id, row.no).await? {
            let link = LinkId(held.link_id);
            let other = self.links.other_end(tx, link).await?;
            if model::recipient(other.keys.enterprise) != row.recipient || held.purpose != row.purpose {
                continue;
            }
            people::end_shared(tx, held.pool_id, held.no, held.consent_version, self.now()).await?;
            let ended = ConsentEnded {
                pool: held.partner_pool.clone(),
                purpose: held.purpose.clone(),
                pseudonym: held.pseudonym.to_string(),
                consent_version: u64::try_from(held.consent_version).unwrap_or(0),
                reason: "withdrawn".to_owned(),
                ..ConsentEnded::default()
            };
            self.post_ended(tx, link, &ended, row.version).await?;
        }
        matches::forget_with(tx, pool.id, row.no, row.recipient, &row.purpose).await
    }
}
