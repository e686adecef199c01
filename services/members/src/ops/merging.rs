//! Two members turn out to be one person, or one to be two.

use hansa_directory::Session;
use hansa_tenancy::TenantTx;
use hansa_vault::Seal;
use uuid::Uuid;

use super::{
    Members,
    consents::CATCH_UP,
    identifier_place, open_identifier,
    people::{close_values, values_of},
};
use crate::{
    Error, Holder,
    model::fields::Values,
    store::{
        consents::{self, Change, ConsentRow},
        matches,
        people::{self, PoolRow},
    },
};

/// Where it stands in the history of a consent.
const MERGE: &str = "merge";
const SPLIT: &str = "split";

impl Members {
    /// Two members are one person: `into` goes on, with what it lacked of the other's. Of two decisions about the same, the later one holds.
    /// Partners are told that they hold nothing of the other any more.
    pub(crate) async fn merge(&self, session: &Session, code: &str, from: i64, into: i64) -> Result<(), Error> {
        if from == into {
            let text = "two different members".to_owned();
            return Err(Error::Invalid { field: "from", text });
        }
        let mut tx = self.tenancy.begin("members.merge", session).await?;
        tx.plan_anew().await?;
        let pool = self.own_pool(&mut tx, code).await?;
        people::lock_pool(&mut tx, pool.id).await?;
        let rows = people::members(&mut tx, pool.id, &[from, into]).await?;
        let active = |number: i64| rows.iter().find(|row| row.no == number && row.state == "active");
        let (Some(old), Some(new)) = (active(from), active(into)) else {
            return Err(Error::NotFound("member"));
        };
        let seal = self.vault.seal(&mut tx).await?;
        let (lost, kept) = (values_of(&seal, pool.id, old)?, values_of(&seal, pool.id, new)?);
        let actor = session.staff().to_string();
        self.merge_consents(&mut tx, &pool, (from, into), &actor).await?;
        self.move_identifiers(&mut tx, &seal, &pool, (from, into)).await?;
        self.fill(&mut tx, &seal, &pool, (into, &lost, kept)).await?;
        matches::forget(&mut tx, pool.id, from).await?;
        people::erase(&mut tx, pool.id, from).await?;
        people::merged(&mut tx, pool.id, from, into).await?;
        let holder = Holder {
            pool_id: pool.id,
            pool: pool.code.clone(),
            number: from,
        };
        self.belongings_move(&mut tx, &holder, into).await?;
        if consents::stir(&mut tx, pool.id, &[into], self.now() + CATCH_UP).await? {
            tx.set_timer().await?;
        }
        let resource = format!("member/{code}/{from}/{into}");
        self.note(&mut tx, session, "member.merge", &resource).await?;
        tx.wake();
        Ok(tx.commit().await?)
    }

    /// What the other has decided later holds for both.
    async fn merge_consents(
        &self,
        tx: &mut TenantTx,
        pool: &PoolRow,
        (from, into): (i64, i64),
        actor: &str,
    ) -> Result<(), Error> {
        consents::hold_offers(tx, pool.id).await?;
        let old = consents::of_member(tx, pool.id, from).await?;
        let new = consents::of_member(tx, pool.id, into).await?;
        let at = self.now();
        let ended = consents::end(tx, (pool.id, from), None, ("erased", MERGE, actor), at).await?;
        // Before the identifiers move: what partners know them by follows from them.
        self.tell_ended(tx, pool, &ended, "erased").await?;
        for row in old {
            let of_new = new
                .iter()
                .find(|one| (one.recipient, &one.purpose) == (row.recipient, &row.purpose));
            if of_new.is_some_and(|one| one.changed_at >= row.changed_at) {
                continue;
            }
            match &*row.state {
                "given" => self.give_as(tx, pool, &row, (into, actor)).await?,
                "withdrawn" if of_new.is_some_and(|one| one.state == "given") => {
                    let only = Some((row.recipient, row.purpose.as_str()));
                    let ended = consents::end(tx, (pool.id, into), only, ("withdrawn", MERGE, actor), at).await?;
                    self.tell_ended(tx, pool, &ended, "withdrawn").await?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    async fn give_as(
        &self,
        tx: &mut TenantTx,
        pool: &PoolRow,
        row: &ConsentRow,
        (into, actor): (i64, &str),
    ) -> Result<(), Error> {
        let change = Change {
            pool: pool.id,
            recipient: row.recipient,
            purpose: &row.purpose,
            notice_hash: &row.notice_hash,
            channel: MERGE,
            actor,
            at: self.now(),
        };
        let given = consents::give(tx, &change, &[into]).await?;
        self.tell_changed(tx, pool, (row.recipient, &row.purpose), &given).await
    }

    /// What one lacks of the other's identifiers; what it has itself stays.
    async fn move_identifiers(
        &self,
        tx: &mut TenantTx,
        seal: &Seal,
        pool: &PoolRow,
        (from, into): (i64, i64),
    ) -> Result<(), Error> {
        let all = people::identifiers(tx, pool.id, &[from, into]).await?;
        for (no, kind, sealed) in &all {
            if *no != from {
                continue;
            }
            if all.iter().any(|(no, other, _)| *no == into && other == kind) {
                people::drop_identifiers(tx, pool.id, from, std::slice::from_ref(kind)).await?;
                continue;
            }
            self.give_identifier(tx, seal, pool.id, (from, into, kind, sealed))
                .await?;
        }
        Ok(())
    }

    /// An identifier becomes another member's, sealed where that one's lies.
    async fn give_identifier(
        &self,
        tx: &mut TenantTx,
        seal: &Seal,
        pool: Uuid,
        (from, into, kind, sealed): (i64, i64, &str, &str),
    ) -> Result<(), Error> {
        let clear = open_identifier(seal, pool, (from, kind, sealed))?;
        let sealed = seal.close(&identifier_place(pool, into, kind), &clear)?;
        let sealed = data_encoding::BASE64.encode(&sealed);
        people::move_identifier(tx, pool, (from, into), kind, &sealed).await
    }

    /// Fields that it lacks, from the other.
    async fn fill(
        &self,
        tx: &mut TenantTx,
        seal: &Seal,
        pool: &PoolRow,
        (into, lost, mut kept): (i64, &Values, Values),
    ) -> Result<(), Error> {
        let missing: Vec<_> = lost.iter().filter(|(name, _)| !kept.contains_key(*name)).collect();
        let names: Vec<_> = missing.iter().map(|(name, _)| (*name).clone()).collect();
        kept.extend(missing.into_iter().map(|(name, value)| (name.clone(), value.clone())));
        let sealed = close_values(seal, pool.id, into, &kept)?;
        people::update_members(tx, pool.id, &[into], &[sealed]).await?;
        self.tell_corrected(tx, pool, &[(into, names)].into()).await
    }

    /// One member is two people: whoever has this phone or address becomes a member of their own; the number. What the one had agreed to
    /// ends, since nobody knows which of the two it was; both are asked anew.
    pub(crate) async fn split(&self, session: &Session, code: &str, number: i64, kind: &str) -> Result<i64, Error> {
        let mut tx = self.tenancy.begin("members.split", session).await?;
        let pool = self.own_pool(&mut tx, code).await?;
        let last = people::lock_pool(&mut tx, pool.id).await?;
        if people::members(&mut tx, pool.id, &[number])
            .await?
            .iter()
            .all(|row| row.state != "active")
        {
            return Err(Error::NotFound("member"));
        }
        let all = people::identifiers(&mut tx, pool.id, &[number]).await?;
        let Some((_, kind, sealed)) = all.iter().find(|(_, of, _)| of == kind).filter(|_| all.len() > 1) else {
            let text = "\"phone\" or \"email\", of a member who has both".to_owned();
            return Err(Error::Invalid { field: "kind", text });
        };
        let (seal, actor) = (self.vault.seal(&mut tx).await?, session.staff().to_string());
        consents::hold_offers(&mut tx, pool.id).await?;
        let how = ("withdrawn", SPLIT, &*actor);
        let ended = consents::end(&mut tx, (pool.id, number), None, how, self.now()).await?;
        self.tell_ended(&mut tx, &pool, &ended, "withdrawn").await?;
        matches::forget(&mut tx, pool.id, number).await?;
        let new = last + 1;
        people::set_last(&mut tx, pool.id, new).await?;
        let empty = close_values(&seal, pool.id, new, &Values::new())?;
        people::insert_members(&mut tx, pool.id, &[new], &[empty], self.now()).await?;
        self.give_identifier(&mut tx, &seal, pool.id, (number, new, kind, sealed))
            .await?;
        let resource = format!("member/{code}/{number}/{new}");
        self.note(&mut tx, session, "member.split", &resource).await?;
        tx.wake();
        tx.commit().await?;
        Ok(new)
    }
}
