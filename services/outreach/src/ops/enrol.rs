//! Somebody becomes a member: of ours, of a partner's, of both; by a page, at the counter, or at a partner's.

use std::collections::BTreeMap;

use hansa_directory::Session;
use hansa_link::Permit;
use hansa_members::{NewMember, NoticeText};
use hansa_proto::outreach::v1 as wire;
use hansa_tenancy::{Caller, Errand, TenantTx};
use hansa_vault::{Region, sha256};
use hansa_vocab::{Kind, LinkId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Outreach, PASS_MAX, derived, refused};
use crate::{
    Error,
    model::{self, invalid, words},
    store::{
        enrolments::{self, EnrolmentRow},
        runs::{self, RunRow},
        ways::{self, WayRow},
    },
};

/// Whoever tells a partner of somebody does so within this, or somebody else does.
const LEASE: time::Duration = time::Duration::seconds(15);
/// After so long a partner is told no more.
const GIVEN_UP: time::Duration = time::Duration::days(7);

/// Somebody who has filled in a form. Debug shows nothing of them.
#[derive(Clone, Default)]
pub(crate) struct Joiner {
    pub id: Uuid,
    pub phone: String,
    pub email: String,
    pub fields: BTreeMap<String, String>,
    pub own: bool,
    pub share: bool,
    pub partner: bool,
    pub partner_share: bool,
    pub guide: String,
}

/// What has come of it.
#[derive(Clone, Debug)]
pub(crate) struct Joined {
    pub number: Option<i64>,
    pub known: bool,
    pub partner: String,
}

/// What a partner is to be told of somebody.
#[derive(Serialize, Deserialize)]
struct Told {
    phone: String,
    email: String,
    fields: BTreeMap<String, String>,
    notice_hash: String,
    guide: String,
}

impl Joiner {
    /// What stands for it: the same one sent twice is one enrolment.
    fn hash(&self) -> String {
        let ticks = [self.own, self.share, self.partner, self.partner_share];
        let ticks = ticks.map(|tick| if tick { "yes" } else { "" });
        let mut parts = vec![&*self.phone, &self.email, &self.guide];
        parts.extend(ticks);
        parts.extend(self.fields.iter().flat_map(|(name, value)| [&**name, value]));
        hash(&parts)
    }

    fn person(&self, region: Option<Region>) -> NewMember {
        NewMember {
            phone: self.phone.clone(),
            email: self.email.clone(),
            region,
            fields: self.fields.clone().into_iter().collect(),
        }
    }
}

/// Over all parts, each with its length.
fn hash(parts: &[&str]) -> String {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend(part.len().to_be_bytes());
        bytes.extend(part.bytes());
    }
    data_encoding::HEXLOWER.encode(&sha256(&[&bytes]))
}

/// What a partner asks, in one order: a map has none on the wire.
fn asked_hash(asked: &wire::EnrolRequest) -> String {
    let fields: BTreeMap<_, _> = asked.fields.iter().collect();
    let mut parts = vec![
        &*asked.pool,
        &asked.phone,
        &asked.email,
        &asked.notice_hash,
        &asked.way,
        &asked.guide,
    ];
    parts.extend(fields.into_iter().flat_map(|(name, value)| [&**name, value]));
    hash(&parts)
}

fn place(id: Uuid) -> Vec<u8> {
    format!("outreach/enrolment/{id}").into_bytes()
}

/// Is what was chosen possible by this way.
fn chosen(way: &WayRow, who: &Joiner) -> Result<(), Error> {
    if !who.own && !who.partner {
        return Err(invalid(
            "own",
            "nothing was chosen: become a member here, or there, or both",
        ));
    }
    if who.share && !who.own {
        return Err(invalid("share", "of whoever is no member here, nothing can be told"));
    }
    if who.partner && (way.partner_pool.is_empty() || way.link_id.is_none()) {
        return Err(invalid("partner", "this way leads to no partner"));
    }
    Ok(())
}

impl Outreach {
    /// Somebody enrols by a way: each box is a choice of its own. `verified`: they stand before somebody of ours who has seen who they are.
    pub(crate) async fn join(
        &self,
        caller: &impl Caller,
        way: &WayRow,
        (who, actor, verified): (&Joiner, &str, bool),
    ) -> Result<Joined, Error> {
        chosen(way, who)?;
        let now = self.now();
        let mut tx = self.tenancy.begin("outreach.join", caller).await?;
        if way.ended {
            return Err(Error::Ended);
        }
        if let Some(row) = enrolments::find(&mut tx, who.id).await? {
            return known(row, &who.hash());
        }
        let hour = now - time::Duration::hours(1);
        if enrolments::by_way_since(&mut tx, way.id, hour).await? >= model::PER_HOUR_MAX {
            return Err(Error::DayLimit);
        }
        let guide = if who.guide.is_empty() { &way.guide } else { &who.guide };
        let mut row = EnrolmentRow {
            id: who.id,
            way_id: Some(way.id),
            link_id: way.link_id.filter(|_| who.partner),
            way: way.code.clone(),
            guide: model::line("guide", guide, 0, model::NAME_MAX)?,
            body_hash: who.hash(),
            pool_id: way.pool_id,
            no: None,
            known: false,
            agreed: false,
            asked: false,
            partner: String::new(),
            sealed: Vec::new(),
            attempts: 0,
            at: now,
            due_at: None,
        };
        if who.own {
            self.admit(&mut tx, way, (who, actor, verified), &mut row).await?;
        }
        if who.partner {
            self.pass_on(&mut tx, way, who, &mut row).await?;
        }
        if !enrolments::insert(&mut tx, &row).await? {
            return Err(Error::IdReused(row.id));
        }
        let resource = format!("enrolment/{}/{}", way.code, row.id);
        self.note_of(&mut tx, actor, "outreach.enrol", &resource).await?;
        tx.commit().await?;
        Ok(Joined {
            number: row.no,
            known: row.known,
            partner: row.partner,
        })
    }

    /// A partner is to be told of them: it lies sealed until it is.
    async fn pass_on(
        &self,
        tx: &mut TenantTx,
        way: &WayRow,
        who: &Joiner,
        row: &mut EnrolmentRow,
    ) -> Result<(), Error> {
        let notice = way.terms()?.notice.filter(|_| who.partner_share);
        let told = Told {
            phone: with_country(&who.phone, &way.region)?,
            email: who.email.clone(),
            fields: who.fields.clone(),
            notice_hash: notice.map(|notice| notice.hash).unwrap_or_default(),
            guide: row.guide.clone(),
        };
        let clear = Zeroizing::new(serde_json::to_vec(&told).map_err(|_| Error::Damaged("enrolment"))?);
        row.sealed = self.vault.seal(tx).await?.close(&place(row.id), &clear)?;
        (row.partner, row.due_at) = ("pending".to_owned(), Some(row.at));
        Ok(tx.due_now().await?)
    }

    /// The same at our own counter.
    pub(crate) async fn join_at_counter(&self, session: &Session, code: &str, who: &Joiner) -> Result<Joined, Error> {
        let mut tx = self.tenancy.begin("outreach.way_of", session).await?;
        let way = ways::of_code(&mut tx, code).await?.ok_or(Error::NotFound("way"))?;
        drop(tx);
        let actor = session.staff().to_string();
        self.join(session, &way, (who, &actor, true)).await
    }

    /// They become a member of ours; whoever is new gets the way to their own page by mail.
    async fn admit(
        &self,
        tx: &mut TenantTx,
        way: &WayRow,
        (who, actor, verified): (&Joiner, &str, bool),
        row: &mut EnrolmentRow,
    ) -> Result<(), Error> {
        let pool = self.members.pool_code(tx, way.pool_id).await?;
        let region = way.region.parse::<Region>().ok();
        let admitted = match self.members.admit(tx, &pool, &who.person(region)).await {
            // A stranger is not told whose phone or address it is.
            Err(hansa_members::Error::Clash(_)) if !verified => {
                row.known = true;
                return Ok(());
            }
            admitted => admitted?,
        };
        (row.no, row.known) = (Some(admitted.number), admitted.known);
        let notice = match &*way.notice_hash {
            "" => None,
            hash => Some(self.members.notice(tx, hash).await?),
        };
        row.asked = who.share;
        if let Some(notice) = notice.filter(|_| who.share) {
            let channel = if verified { "counter" } else { "enrolment" };
            let sure = verified || !admitted.known;
            row.agreed = self
                .agrees(
                    tx,
                    (way.pool_id, &pool, admitted.number),
                    &notice,
                    (channel, actor, sure),
                )
                .await?;
        }
        if admitted.known {
            return Ok(());
        }
        let address = self.own_page(tx, way.pool_id, admitted.number).await?;
        let contact = self
            .members
            .contact(tx, way.pool_id, admitted.number)
            .await?
            .unwrap_or_default();
        if !contact.email.is_empty() && !address.is_empty() {
            let owner = self.tenancy.tenant(tx.tenant()).await?.name;
            let (subject, text) = words::welcome(&way.language, &owner, false);
            let about = (row.id, &*contact.email);
            self.write_to(tx, about, (&way.language, ""), (&subject, &text), &address)
                .await?;
        }
        Ok(())
    }

    /// A member agrees to a notice; or is asked by mail, once, when nobody has shown that it was they.
    async fn agrees(
        &self,
        tx: &mut TenantTx,
        (pool_id, pool, number): (Uuid, &str, i64),
        notice: &NoticeText,
        (channel, actor, sure): (&str, &str, bool),
    ) -> Result<bool, Error> {
        if sure {
            let by = (channel, actor);
            self.members.agree(tx, (pool, &notice.hash), by, &[number]).await?;
            return Ok(true);
        }
        let run = RunRow {
            id: derived(&[b"hansa/v1/asked\0", pool_id.as_bytes(), notice.hash.as_bytes()]),
            kind: "invitation".to_owned(),
            pool_id,
            link_id: None,
            recipient_key: notice.recipient_key,
            purpose: notice.purpose.clone(),
            notice_hash: notice.hash.clone(),
            body_hash: String::new(),
            // Nobody began it: it is in no list.
            subject: String::new(),
            body: String::new(),
            language: notice.language.clone(),
            remind_days: 0,
            messages_max: 0,
            within_days: 0,
            after_no: None,
            members_max: 0,
            made_at: self.now(),
            stopped: true,
        };
        runs::insert(tx, &run).await?;
        let contact = self.members.contact(tx, pool_id, number).await?.unwrap_or_default();
        let agreed = (notice.recipient_key, notice.purpose.as_str());
        if contact.email.is_empty() || self.members.agrees(tx, (pool_id, number), agreed).await? {
            return Ok(false);
        }
        let address = self.own_page(tx, pool_id, number).await?;
        let first = runs::add(tx, &run, &[number], "mailed", (self.now(), None)).await? == 1;
        if first && !address.is_empty() {
            let owner = self.tenancy.tenant(tx.tenant()).await?.name;
            let (subject, text) = words::welcome(&notice.language, &owner, true);
            let text = format!("{text}\n\n{}", notice.text);
            let about = (run.id, &*contact.email);
            self.write_to(tx, about, (&notice.language, ""), (&subject, &text), &address)
                .await?;
        }
        Ok(false)
    }

    /// Somebody at a partner's counter becomes a member of ours.
    pub(crate) async fn enrolled_by(&self, permit: &Permit, id: Uuid, asked: &wire::EnrolRequest) -> Result<(), Error> {
        let mut tx = self.begin_for("outreach.enrolled_by", permit).await?;
        self.enrols_for(&mut tx, permit, id, asked).await?;
        Ok(tx.commit().await?)
    }

    /// The same in a transaction that does more for the partner.
    ///
    /// # Errors
    ///
    /// What the partner would be told: by none of it does it learn who was a member before.
    pub async fn enrols_for(
        &self,
        tx: &mut TenantTx,
        permit: &Permit,
        id: Uuid,
        asked: &wire::EnrolRequest,
    ) -> Result<(), Error> {
        let granted = permit.grant().enrolments.iter().find(|one| one.pool == asked.pool);
        let granted = granted.ok_or_else(|| refused(permit, "enrolling into this pool is not granted"))?;
        let (now, link, actor) = (self.now(), permit.link(), permit.peer().to_string());
        let body_hash = asked_hash(asked);
        let pool_id = self.members.pool_id(tx, &asked.pool).await?;
        let today = now.replace_time(time::Time::MIDNIGHT);
        // Also alone with what else this partner enrols.
        let so_far = enrolments::by_link_since(tx, link.0, pool_id, today).await?;
        if let Some(row) = enrolments::find(tx, id).await? {
            return match row.link_id == Some(link.0) && row.body_hash == body_hash {
                true => Ok(()),
                false => Err(Error::IdReused(id)),
            };
        }
        if so_far >= i64::from(granted.per_day_max) {
            return Err(Error::DayLimit);
        }
        let who = NewMember {
            phone: asked.phone.clone(),
            email: asked.email.clone(),
            region: None,
            fields: self.fitting(tx, asked).await?,
        };
        let notice = match &*asked.notice_hash {
            "" => None,
            hash => Some(self.members.notice(tx, hash).await?),
        };
        let right = |notice: &NoticeText| notice.link == link && notice.purpose == granted.purpose;
        if !notice.as_ref().is_none_or(right) {
            return Err(invalid("notice_hash", "this is not what they are to be asked"));
        }
        let admitted = match self.members.admit(tx, &asked.pool, &who).await {
            // A partner is not told whose phone or address it is.
            Err(hansa_members::Error::Clash(_)) => None,
            admitted => Some(admitted?),
        };
        let mut agreed = false;
        if let (Some(notice), Some(one)) = (notice, admitted) {
            let (of, by) = ((pool_id, &*asked.pool, one.number), ("partner", &*actor, !one.known));
            agreed = self.agrees(tx, of, &notice, by).await?;
        }
        let row = EnrolmentRow {
            id,
            way_id: None,
            link_id: Some(link.0),
            way: model::line("way", &asked.way, 0, model::NAME_MAX)?,
            guide: model::line("guide", &asked.guide, 0, model::NAME_MAX)?,
            body_hash,
            pool_id,
            no: admitted.map(|one| one.number),
            known: admitted.is_none_or(|one| one.known),
            agreed,
            asked: !asked.notice_hash.is_empty(),
            partner: String::new(),
            sealed: Vec::new(),
            attempts: 0,
            at: now,
            due_at: None,
        };
        if !enrolments::insert(tx, &row).await? {
            return Err(Error::IdReused(id));
        }
        let resource = format!("enrolment/{link}/{id}");
        self.note_of(tx, &actor, "outreach.enrol", &resource).await
    }

    /// What a partner knows of somebody, as far as our pool has a field for it: its pool has others.
    async fn fitting(&self, tx: &mut TenantTx, asked: &wire::EnrolRequest) -> Result<Vec<(String, String)>, Error> {
        let (_, fields) = self.members.described(tx, &asked.pool).await?;
        let fits = |name: &str, value: &str| fields.iter().any(|field| field.name == name && field.fits(value));
        let all = asked.fields.iter().filter(|(name, value)| fits(name, value));
        Ok(all.map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    /// Partners are told of whom they are to be told.
    pub(super) async fn tell_partners(&self, errand: Errand) -> Result<(), Error> {
        let now = self.now();
        let mut tx = self.tenancy.begin("outreach.take_due", &errand).await?;
        let due = enrolments::take_due(&mut tx, now, now + LEASE, PASS_MAX).await?;
        tx.commit().await?;
        for row in due {
            let outreach = self.clone();
            // A partner that does not answer holds nobody up.
            tokio::spawn(async move {
                if let Err(error) = outreach.tell_partner(errand, row).await {
                    tracing::warn!(%error, "a partner could not be told of an enrolment yet");
                }
            });
        }
        Ok(())
    }

    async fn tell_partner(&self, errand: Errand, row: EnrolmentRow) -> Result<(), Error> {
        let (Some(way), Some(link)) = (row.way_id, row.link_id) else {
            return Err(Error::Damaged("enrolment"));
        };
        let mut tx = self.tenancy.begin("outreach.open", &errand).await?;
        let clear = self.vault.seal(&mut tx).await?.open(&place(row.id), &row.sealed)?;
        let told: Told = serde_json::from_slice(&clear).map_err(|_| Error::Damaged("enrolment"))?;
        let way = ways::find(&mut tx, way).await?.ok_or(Error::Damaged("enrolment"))?;
        drop(tx);
        let asked = wire::EnrolRequest {
            id: row.id.to_string(),
            pool: way.partner_pool,
            phone: told.phone,
            email: told.email,
            fields: told.fields.into_iter().collect(),
            notice_hash: told.notice_hash,
            way: row.way,
            guide: told.guide,
        };
        let answer = self.enrol_at(&errand, LinkId(link), asked).await;
        let mut tx = self.tenancy.begin("outreach.told", &errand).await?;
        match answer {
            Ok(()) => enrolments::told(&mut tx, row.id, "done", "").await?,
            Err(Error::Partner(fault)) if !passes(fault.kind) => {
                enrolments::told(&mut tx, row.id, "refused", &fault.reason).await?;
            }
            Err(_) if self.now() - row.at > GIVEN_UP => {
                enrolments::told(&mut tx, row.id, "refused", "GIVEN_UP").await?;
            }
            Err(error) => {
                let due_at = self.now() + wait(row.attempts);
                let reason = hansa_vocab::Fault::from(error).reason;
                enrolments::later(&mut tx, row.id, due_at, &reason).await?;
                tx.set_timer().await?;
            }
        }
        Ok(tx.commit().await?)
    }
}

/// A phone as it is passed on: with its country.
fn with_country(phone: &str, region: &str) -> Result<String, Error> {
    if phone.is_empty() {
        return Ok(String::new());
    }
    let wrong = |_| invalid("member", "phone: this is no phone number");
    let phone = hansa_vault::Identifier::phone(phone, region.parse::<Region>().ok()).map_err(wrong)?;
    Ok(format!("+{}", String::from_utf8_lossy(phone.as_bytes())))
}

/// What goes away by itself.
fn passes(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Unavailable | Kind::Deadline | Kind::Internal | Kind::Exhausted
    )
}

/// How long until a partner is tried again.
fn wait(attempts: i16) -> time::Duration {
    match attempts {
        ..=1 => time::Duration::seconds(5),
        2..=4 => time::Duration::minutes(1),
        5..=8 => time::Duration::minutes(10),
        _ => time::Duration::hours(1),
    }
}

/// What an id has led to already.
fn known(row: EnrolmentRow, hash: &str) -> Result<Joined, Error> {
    if row.body_hash != hash {
        return Err(Error::IdReused(row.id));
    }
    Ok(Joined {
        number: row.no,
        known: row.known,
        partner: row.partner,
    })
}

/// Days, as people read them.
pub(super) fn day(at: OffsetDateTime) -> String {
    at.date().to_string()
}
